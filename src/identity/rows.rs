//! Accounts and device credentials, from the sealed rows of the store into memory.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use zeroize::Zeroizing;

use super::name::UserName;
use super::number::{Numbers, numbers_in};
use super::person::{Local, Person};
use super::verifiers::{Pair, SPELLINGS, Secret, Spelling, Verifier};
use super::{Affected, Departure, Identity};
use crate::clock::WallTime;
use crate::entropy::bytes;
use crate::http_digest::{Algorithm, Hash};
use crate::model::{
    self, Account, AccountKind, DeviceCredential, DigestAlgorithm, Ha1, Ha1Set, Record as _,
};
use crate::store::{StoreError, Table, rows};

/// The row of table `Site` that holds the frozen realm.
pub const REALM_KEY: &[u8] = b"realm";
/// The row of table `Site` that holds the frozen domain.
pub const DOMAIN_KEY: &[u8] = b"domain";
/// The row of table `Site` that holds the directory's groups as they were read last.
pub const GROUPS_KEY: &[u8] = b"directory.groups";
/// The row of table `Site` that holds what became of the last readings of the directory.
pub const RUNS_KEY: &[u8] = b"directory.runs";
/// The row of table `Site` that says how the directory was set up when its list was read that is kept.
pub const MARK_KEY: &[u8] = b"directory.settings";
/// The row of table `Site` that holds the Unix milliseconds, in decimal, of the last listing of
/// the directory.
pub const CONTACT_KEY: &[u8] = b"directory.contact";

/// The stored name of each of [`Spelling::ALL`], in its order.
const STORED: [model::Spelling; SPELLINGS] = [
    model::Spelling::User,
    model::Spelling::UserAtDomain,
    model::Spelling::Capital,
    model::Spelling::CapitalAtDomain,
    model::Spelling::Upper,
    model::Spelling::UpperAtDomain,
];

impl Identity {
    /// Seals the HA1s of a password, for every algorithm and spelling, to be stored in the row
    /// that `context` names. The password itself is kept nowhere.
    #[must_use]
    pub fn seal_password(&self, user: &UserName, context: &[u8], password: &str) -> Vec<u8> {
        let mut set = Ha1Set { realm: self.realm().to_owned(), ha1s: Vec::new() };
        for (spelling, stored) in Spelling::ALL.into_iter().zip(STORED) {
            let name = spelling.of(user, self.domain());
            for (algorithm, digest) in [
                (Algorithm::Md5, DigestAlgorithm::Md5),
                (Algorithm::Sha256, DigestAlgorithm::Sha256),
            ] {
                let ha1 = crate::http_digest::ha1(
                    algorithm,
                    name.as_bytes(),
                    self.realm().as_bytes(),
                    password.as_bytes(),
                );
                let hex = ha1.hex().as_str().to_owned();
                set.ha1s.push(Ha1 { algorithm: digest, spelling: stored, hex });
            }
        }
        let plain = Zeroizing::new(set.encode());
        self.key.seal(context, &plain)
    }

    /// Seals HA1s that another server made, each with the user name as it went into it, to be
    /// stored in the row of `user` that `context` names. Only these algorithms will work, and only
    /// these spellings; `None` if one of them is a spelling that this server does not know.
    #[must_use]
    pub fn seal_ha1s(
        &self,
        user: &UserName,
        context: &[u8],
        given: &[(&str, Hash)],
    ) -> Option<Vec<u8>> {
        let mut ha1s = Vec::with_capacity(given.len());
        for (sent, ha1) in given {
            let algorithm = match ha1.algorithm() {
                Algorithm::Md5 => DigestAlgorithm::Md5,
                Algorithm::Sha256 => DigestAlgorithm::Sha256,
            };
            let spelling = *STORED.get(Spelling::index(sent, user, self.domain())?)?;
            ha1s.push(Ha1 { algorithm, spelling, hex: ha1.hex().as_str().to_owned() });
        }
        let plain = Zeroizing::new(Ha1Set { realm: self.realm().to_owned(), ha1s }.encode());
        Some(self.key.seal(context, &plain))
    }

    /// Seals what the server itself has to read again, for the row that `context` names.
    #[must_use]
    pub fn seal(&self, context: &[u8], plain: &[u8]) -> Vec<u8> {
        self.key.seal(context, plain)
    }

    /// Opens what [`Identity::seal`] made for the same context; `None`, with a line in the log, if
    /// it does not open.
    #[must_use]
    pub fn unseal(&self, context: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        match self.key.open_sealed(context, sealed) {
            Ok(plain) => Some(plain),
            Err(error) => {
                tracing::warn!(event = "sealed.unusable", error = %error);
                None
            }
        }
    }

    /// Opens a sealed set; `None`, with a line in the log, if it cannot serve.
    fn open(&self, user: &str, context: &[u8], sealed: &[u8]) -> Option<Opened> {
        let refuse = |reason: &str| {
            tracing::warn!(event = "credential.unusable", user = %user.escape_debug(), reason);
        };
        let plain = match self.key.open_sealed(context, sealed) {
            Ok(plain) => plain,
            Err(error) => {
                refuse(&error.to_string());
                return None;
            }
        };
        let Ok(set) = Ha1Set::decode(&plain) else {
            refuse("the set of hashes is damaged");
            return None;
        };
        if set.realm != self.realm() {
            refuse("made for another realm");
            return None;
        }
        // An HA1 is all that an answer needs, so where the set has none there must be one that
        // nobody can know.
        let mut pairs =
            std::array::from_fn::<Pair, SPELLINGS, _>(|_| Pair { md5: bytes(), sha256: bytes() });
        for ha1 in &set.ha1s {
            let index = STORED.iter().position(|stored| *stored == ha1.spelling)?;
            let pair = pairs.get_mut(index)?;
            let hash = |algorithm| Hash::from_hex(algorithm, ha1.hex.as_bytes());
            match ha1.algorithm {
                DigestAlgorithm::Md5 => {
                    pair.md5.copy_from_slice(hash(Algorithm::Md5)?.as_bytes());
                }
                DigestAlgorithm::Sha256 => {
                    pair.sha256.copy_from_slice(hash(Algorithm::Sha256)?.as_bytes());
                }
            }
        }
        let only_md5 = set.ha1s.iter().all(|ha1| ha1.algorithm == DigestAlgorithm::Md5);
        Some(Opened { secret: Secret::Spelled(Arc::new(pairs)), only_md5 })
    }

    /// Reads everything, at the start.
    pub(super) fn load(&self) -> Result<(), StoreError> {
        let now = self.clock.wall();
        let mut devices: HashMap<String, Vec<Verifier>> = HashMap::new();
        for row in rows(&*self.store, Table::Credentials, b"") {
            let Ok(credential) = DeviceCredential::decode(&row?.1) else {
                tracing::warn!(event = "store.row_unreadable", table = "credentials");
                continue;
            };
            if let Some(verifier) = self.device(&credential, now) {
                devices.entry(credential.user).or_default().push(verifier);
            }
        }
        for row in rows(&*self.store, Table::Accounts, b"") {
            let Ok(account) = Account::decode(&row?.1) else {
                tracing::warn!(event = "store.row_unreadable", table = "accounts");
                continue;
            };
            let passwords = devices.remove(&account.user).unwrap_or_default();
            self.put_local(&account, passwords);
        }
        if let Some(contact) = self.store.get(Table::Site, CONTACT_KEY)? {
            let millis = std::str::from_utf8(&contact).ok().and_then(|text| text.parse().ok());
            self.last_sync.store(millis.unwrap_or(0), Ordering::Relaxed);
        }
        self.load_roll()?;
        self.load_groups()
    }

    /// Reads one person's rows again, after they changed; tells the watchers if he is out now, or in
    /// other groups.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be read; what was in memory then stays.
    pub fn refresh(&self, user: &str) -> Result<(), StoreError> {
        let name = self.canonical(user);
        let now = self.clock.wall();
        let was = self.people.with(&name, |person| person.and_then(|p| p.local.clone()));
        let account = match self.store.get(Table::Accounts, &Account::key(&name))? {
            Some(row) => Account::decode(&row).ok(),
            None => None,
        };
        let Some(account) = account else {
            self.numbers.set_account(&name, None);
            self.numbers.set_row(&name, None);
            self.people.change(&name, |person| {
                self.count_only_md5(person, false);
                let fact = person.and_then(|person| person.fact.clone())?;
                Some(Person::new(&name, &self.domain, None, Some(fact)))
            });
            if was.is_some_and(|local| !local.disabled) {
                self.tell_departed(&name, Departure::Deleted);
            }
            return Ok(());
        };
        let prefix = DeviceCredential::prefix(&name);
        let mut passwords = Vec::new();
        for row in rows(&*self.store, Table::Credentials, &prefix) {
            let credential = DeviceCredential::decode(&row?.1);
            passwords.extend(credential.ok().and_then(|c| self.device(&c, now)));
        }
        let disabled = account.disabled;
        let groups = self.groups(&name);
        self.put_local(&account, passwords);
        if self.groups(&name) != groups {
            self.tell_regrouped(Affected::People(std::slice::from_ref(&name)));
        }
        if disabled && was.is_some_and(|local| !local.disabled) {
            self.tell_departed(&name, Departure::Locked);
        }
        Ok(())
    }

    fn device(&self, credential: &DeviceCredential, now: WallTime) -> Option<Verifier> {
        if !credential.is_live(now) {
            return None;
        }
        let context = DeviceCredential::seal_context(&credential.user, &credential.id);
        let opened = self.open(&credential.user, &context, &credential.sealed_ha1s)?;
        let device = Some(Arc::from(credential.id.as_str()));
        Some(Verifier { device, secret: opened.secret })
    }

    fn put_local(&self, account: &Account, mut passwords: Vec<Verifier>) {
        let name = UserName::canonical(&account.user);
        let context = Account::seal_context(&account.user);
        let own = account.sealed_password.as_ref();
        let mut only_md5 = false;
        if let Some(opened) = own.and_then(|sealed| self.open(&account.user, &context, sealed)) {
            only_md5 = opened.only_md5 && !account.disabled;
            passwords.push(Verifier { device: None, secret: opened.secret });
        }
        let numbers = if account.disabled { Numbers::new() } else { numbers_in(&account.number) };
        match account.kind {
            AccountKind::Local => self.numbers.set_account(&name, Some(numbers)),
            AccountKind::Directory => {
                self.numbers.set_account(&name, account.disabled.then(Numbers::new));
                self.numbers.set_row(&name, Some(numbers));
            }
        }
        let local = Arc::new(Local {
            kind: account.kind,
            disabled: account.disabled,
            directory_locked: account.directory_locked,
            directory_id: account.directory_id.as_deref().map(Box::from),
            groups: self.groups.of_row(&account.groups),
            only_md5,
            passwords,
        });
        self.people.change(&name, |person| {
            self.count_only_md5(person, only_md5);
            let fact = person.and_then(|person| person.fact.clone());
            Some(Person::new(&name, &self.domain, Some(Arc::clone(&local)), fact))
        });
    }

    /// Keeps count of the accounts with an MD5 HA1 alone. Called with the name's writer held.
    fn count_only_md5(&self, before: Option<&Arc<Person>>, is: bool) {
        let was = before.and_then(|person| person.local.as_ref()).is_some_and(|l| l.only_md5);
        if was != is {
            self.offers.count_md5_account(is);
        }
    }
}

/// A sealed set, opened.
struct Opened {
    secret: Secret,
    /// Whether it has no other hashes than MD5's.
    only_md5: bool,
}
