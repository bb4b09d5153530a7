//! Who somebody is: local accounts, the directory, device credentials; one for all protocols.
//!
//! ```text
//!   packet ── verifier_now ──▶ Known / Unknown / Disabled / Unavailable      no wait, no lock
//!                 │
//!                 └─ MustWait ── verifier ──▶ one query in flight per person ──▶ LDAP
//! ```
//!
//! Local accounts and device credentials are in the store, sealed, and opened into memory once;
//! [`crate::accounts`] writes them and calls [`Identity::refresh`]. What the directory says about a
//! person is cached for `ttl`, and for `grace` while the directory is out of reach. The directory's
//! list of people is read every `sync_interval`, and its groups with it; whoever is no longer on the
//! list is out ([`Watcher::departed`]), unless they are so many at once that it looks like a mistake
//! ([`Proposal`]).

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::runtime::Handle;

use crate::clock::{Clock, Tick};
use crate::config;
use crate::http_digest::{Algorithm, Credentials};
use crate::store::seal::KeyFile;
use crate::store::{Store, StoreError};

mod groups;
pub mod ldap;
mod name;
mod number;
mod offers;
mod outlook;
mod password;
mod people;
mod person;
mod query;
mod rows;
mod state;
mod sync;
#[cfg(test)]
mod tests;
mod verifiers;
pub mod workbench;

pub use name::{LONGEST_NAME, UserName, is_valid_name};
pub use number::{Numbered, Numbers, canonical_number, numbers_in};
pub use offers::{Algorithms, Asker, Offers};
pub use outlook::Prepared;
pub use password::PasswordOutcome;
pub use person::DirectoryPerson;
pub use rows::{CONTACT_KEY, DOMAIN_KEY, GROUPS_KEY, MARK_KEY, REALM_KEY, RUNS_KEY};
pub use state::{Cause, DirectoryState};
pub use sync::{
    Affected, Departure, Difference, ListChanges, Listed, MOST_NAMED, Mention, Proposal,
    ProposalError, Watcher,
};
pub use verifiers::{Proof, Verifiers};

use outlook::Outlook;
use people::People;

/// Where, and by which rules, people are looked up.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The SIP domain, in lower case.
    pub domain: String,
    /// Other domains that are ours.
    pub aliases: Vec<String>,
    /// The frozen realm.
    pub realm: String,
    /// Algorithms to offer, best first.
    pub algorithms: Vec<Algorithm>,
    /// User-Agents that are offered MD5 alone.
    pub md5_only_agents: Vec<String>,
    /// People whose requests are offered MD5 alone, by the user part of From.
    pub md5_only_people: Vec<String>,
    /// How an address is formed of the directory's name.
    pub template: ldap::Template,
    /// The directory; `None`: local accounts only.
    pub directory: Option<ldap::Settings>,
    /// The group of the directory whose members administer; empty is none.
    pub admin_group: String,
    /// The cache of what the directory says.
    pub cache: config::Cache,
}

impl Settings {
    /// The settings that a configuration stands for, with the realm that was frozen.
    ///
    /// # Errors
    /// [`ldap::SettingsError`] if the directory's settings cannot work.
    pub fn new(config: &config::Config, realm: &str) -> Result<Settings, ldap::SettingsError> {
        let identity = &config.identity;
        let directory = match identity.source {
            config::Source::Local => None,
            config::Source::Ldap => Some(ldap::Settings::try_from(&identity.ldap)?),
        };
        let only_md5 = directory
            .as_ref()
            .and_then(|directory| directory.secret.as_ref())
            .is_some_and(|secret| secret.format == config::SecretFormat::Ha1Md5);
        let mut algorithms: Vec<Algorithm> = identity
            .digest_algorithms
            .iter()
            .map(|algorithm| match algorithm {
                config::DigestAlgorithm::Sha256 => Algorithm::Sha256,
                config::DigestAlgorithm::Md5 => Algorithm::Md5,
            })
            .collect();
        if only_md5 {
            // Nobody of the directory could answer anything else.
            algorithms = vec![Algorithm::Md5];
        }
        Ok(Settings {
            domain: config.domain.to_lowercase(),
            aliases: config.aliases.clone(),
            realm: realm.to_owned(),
            algorithms,
            md5_only_agents: identity.md5_only_agents.clone(),
            md5_only_people: identity.md5_only_people.clone(),
            template: ldap::Template::new(&identity.address_template)?,
            directory,
            admin_group: identity.ldap.admin_group.clone(),
            cache: identity.cache.clone(),
        })
    }

    /// Local accounts of one domain, the realm being the domain.
    #[must_use]
    pub fn local(domain: &str) -> Settings {
        Settings {
            domain: domain.to_lowercase(),
            aliases: Vec::new(),
            realm: domain.to_lowercase(),
            algorithms: vec![Algorithm::Sha256, Algorithm::Md5],
            md5_only_agents: config::Identity::default().md5_only_agents,
            md5_only_people: Vec::new(),
            template: ldap::Template::default(),
            directory: None,
            admin_group: String::new(),
            cache: config::Cache::default(),
        }
    }
}

/// Why identity cannot start.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The directory's settings.
    #[error(transparent)]
    Settings(#[from] ldap::SettingsError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What is known about a person who wants to sign in.
#[derive(Clone, Debug)]
pub enum Lookup {
    /// One of ours, with everything that an answer is held against.
    Known(Arc<Verifiers>),
    /// Nobody of that name.
    Unknown,
    /// Locked. Answered exactly as [`Lookup::Unknown`].
    Disabled,
    /// The directory is out of reach and knows better: 503.
    Unavailable {
        /// For `Retry-After`.
        retry_after: Duration,
    },
    /// The directory has to be asked: [`Identity::verifier`].
    MustWait,
}

/// Whether a name is ours to receive messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existence {
    /// A local account.
    Local,
    /// A person of the directory, with or without a row here.
    Directory,
    /// Nobody, or somebody who is locked.
    Unknown,
    /// The directory is out of reach and knows better: 503.
    Unavailable {
        /// For `Retry-After`.
        retry_after: Duration,
    },
    /// The directory has to be asked: [`Identity::exists`].
    MustWait,
}

/// The identity layer. Shared by all threads.
pub struct Identity {
    settings: Settings,
    domain: Arc<str>,
    store: Arc<dyn Store>,
    key: Arc<KeyFile>,
    clock: Clock,
    runtime: Handle,
    people: People,
    numbers: number::NumberIndex,
    nobody: Arc<Verifiers>,
    offers: Offers,
    outlook: ArcSwap<Outlook>,
    /// Counts the directories that were looked after so far.
    supervised: AtomicU64,
    flights: query::Flights,
    roll: RwLock<Arc<sync::KnownRoll>>,
    groups: groups::Groups,
    /// Wall time of the last successful listing, also that of an earlier run.
    last_sync: AtomicU64,
    sync_error: Mutex<Option<String>>,
    readings: sync::Readings,
    watchers: RwLock<Vec<Arc<dyn Watcher>>>,
    guesses: password::Guesses,
    served_by_grace: AtomicUsize,
    /// Questions for the directory that were answered from memory.
    hits: AtomicU64,
    /// This very object, for what it spawns.
    me: OnceLock<std::sync::Weak<Identity>>,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").field("domain", &self.domain).finish_non_exhaustive()
    }
}

impl Identity {
    /// Reads every account and credential into memory and, with a directory, begins to supervise
    /// it on `runtime`: its connection, and its list of people. Does not wait for the directory.
    ///
    /// # Errors
    /// [`IdentityError`] if the store cannot be read or the settings cannot work.
    pub fn start(
        settings: Settings,
        store: Arc<dyn Store>,
        key: Arc<KeyFile>,
        clock: Clock,
        runtime: Handle,
    ) -> Result<Arc<Identity>, IdentityError> {
        let domain: Arc<str> = Arc::from(settings.domain.as_str());
        let outlook = Outlook::new(&settings, &clock)?;
        let has_directory = outlook.directory.is_some();
        let offers = Offers::new(&settings.algorithms, &settings.md5_only_agents);
        offers.set(&settings);
        let identity = Arc::new(Identity {
            people: People::new(settings.cache.capacity),
            numbers: number::NumberIndex::default(),
            nobody: Arc::new(Verifiers::nobody(Arc::clone(&domain))),
            offers,
            domain,
            settings,
            store,
            key,
            clock,
            runtime,
            outlook: ArcSwap::from_pointee(outlook),
            supervised: AtomicU64::new(0),
            flights: query::Flights::default(),
            roll: RwLock::default(),
            groups: groups::Groups::default(),
            last_sync: AtomicU64::new(0),
            sync_error: Mutex::default(),
            readings: sync::Readings::default(),
            watchers: RwLock::default(),
            guesses: password::Guesses::default(),
            served_by_grace: AtomicUsize::new(0),
            hits: AtomicU64::new(0),
            me: OnceLock::new(),
        });
        let _ = identity.me.set(Arc::downgrade(&identity));
        identity.load()?;
        if has_directory {
            identity.runtime.spawn(sync::supervise(Arc::downgrade(&identity), 0));
        }
        Ok(identity)
    }

    /// The realm of all challenges.
    #[must_use]
    pub fn realm(&self) -> &str {
        &self.settings.realm
    }

    /// The SIP domain, in lower case.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// What requests are offered.
    #[must_use]
    pub const fn offers(&self) -> &Offers {
        &self.offers
    }

    /// Whether a host part names us.
    #[must_use]
    pub fn is_our_domain(&self, host: &str) -> bool {
        name::same_domain(host, &self.domain)
            || self.settings.aliases.iter().any(|alias| name::same_domain(host, alias))
    }

    /// The canonical name for a user part, or for `user@domain` if the domain is ours.
    #[must_use]
    pub fn canonical(&self, user: &str) -> UserName {
        UserName::canonical(self.local_part(user))
    }

    /// Whether somebody who proved to be `authenticated` may act as `claimed`: the one question
    /// that every protocol asks. Both are user parts of our domain, in any spelling.
    #[must_use]
    pub fn may_act_as(&self, authenticated: &str, claimed: &str) -> bool {
        let (one, other) = (self.local_part(authenticated), self.local_part(claimed));
        !one.is_empty() && name::fold(one) == name::fold(other)
    }

    /// What is known about a person who wants to sign in, without waiting.
    #[must_use]
    pub fn verifier_now(&self, user: &str, now: Tick) -> Lookup {
        let name = name::fold(self.local_part(user));
        self.people.with(&name, |person| self.judge(&name, person, now))
    }

    /// The same, asking the directory if need be. Never [`Lookup::MustWait`]; the answer comes
    /// within the directory's `timeout`.
    pub async fn verifier(&self, user: &str) -> Lookup {
        match self.verifier_now(user, self.clock.now()) {
            Lookup::MustWait => {}
            known => return known,
        }
        let name = self.canonical(user);
        match self.ask(&name, ldap::Wanted::Proof).await {
            Ok(fact) => self.judge_fact(&name, &fact),
            Err(error) => self.judge_outage(&name, &error),
        }
    }

    /// Whether somebody is known to be locked out, by what is in memory: for those who are not asked
    /// for credentials, as within a dialog.
    #[must_use]
    pub fn is_locked_out(&self, user: &str) -> bool {
        let name = name::fold(self.local_part(user));
        self.people.with(&name, |person| person.is_some_and(|person| person.is_locked_out()))
    }

    /// Holds credentials against a lookup, with the same work whoever was looked up. `Unavailable`
    /// and `MustWait` prove nothing.
    #[must_use]
    pub fn prove(&self, lookup: &Lookup, credentials: &Credentials<'_>, method: &[u8]) -> Proof {
        match lookup {
            Lookup::Known(verifiers) => verifiers.verify(credentials, method),
            _ => self.nobody.verify(credentials, method),
        }
    }

    /// Asks the directory ahead of the answer to a challenge, so that whoever comes back is
    /// answered from memory, known or not. Does nothing if nothing has to be asked, or too much is
    /// being asked already.
    pub fn prefetch(&self, user: &str, now: Tick) {
        if self.outlook().cache.enabled && matches!(self.verifier_now(user, now), Lookup::MustWait)
        {
            self.ask_soon(&self.canonical(user));
        }
    }

    /// To be told of a wrong answer: if the directory's entry may have changed since it was
    /// cached, it is read again in the background, so that a new password works the second time.
    pub fn suspect(&self, user: &str, now: Tick) {
        const YOUNG: Duration = Duration::from_secs(5);
        let name = self.canonical(user);
        let old = self.people.with(&name, |person| {
            person.and_then(|p| p.fact.as_ref()).is_some_and(|fact| now.since(fact.at) > YOUNG)
        });
        if old && self.outlook().cache.enabled {
            self.ask_soon(&name);
        }
    }

    /// Whether a name is ours to receive messages, without waiting.
    #[must_use]
    pub fn exists_now(&self, user: &str) -> Existence {
        let name = name::fold(self.local_part(user));
        let now = self.clock.now();
        self.people.with(&name, |person| self.judge_existence(&name, person, now))
    }

    /// The same, asking the directory if need be. Never [`Existence::MustWait`].
    pub async fn exists(&self, user: &str) -> Existence {
        match self.exists_now(user) {
            Existence::MustWait => {}
            known => return known,
        }
        let name = self.canonical(user);
        match self.ask(&name, ldap::Wanted::Proof).await {
            Ok(fact) if fact.is_present() => Existence::Directory,
            Ok(_) => Existence::Unknown,
            Err(error) => Existence::Unavailable { retry_after: query::retry_after(&error) },
        }
    }

    /// Whose telephone number a text is, in whatever spelling. What is no number is nobody's.
    #[must_use]
    pub fn by_number(&self, text: &str) -> Numbered {
        let may_be =
            text.bytes().next().is_some_and(|b| b.is_ascii_digit() || b"+*#(".contains(&b));
        if !may_be || self.numbers.is_empty() {
            return Numbered::Nobody;
        }
        canonical_number(text).map_or(Numbered::Nobody, |number| self.numbers.get(&number))
    }

    /// How many accounts came from another server with an MD5 HA1 alone. While there are any, MD5
    /// alone is offered, to everybody: what is offered must not tell who has an account.
    #[must_use]
    pub fn only_md5(&self) -> usize {
        self.offers.md5_accounts()
    }

    /// What the directory says about a person, for a row to be made of; `None` if it has none.
    ///
    /// # Errors
    /// [`ldap::DirectoryError`] if the directory gives no answer.
    pub async fn directory_person(
        &self,
        user: &str,
    ) -> Result<Option<DirectoryPerson>, ldap::DirectoryError> {
        if self.outlook().directory.is_none() {
            return Ok(None);
        }
        let fact = self.ask(&self.canonical(user), ldap::Wanted::Everything).await?;
        Ok(fact.person())
    }

    /// How long the directory takes, and how many questions for it were answered from memory;
    /// `None` without one.
    #[must_use]
    pub fn directory_times(&self) -> Option<(ldap::Times, u64)> {
        let directory = self.directory()?;
        Some((directory.times(), self.hits.load(Ordering::Relaxed)))
    }

    /// Adds somebody who is to be told who is out, and whose groups change. That groups are known
    /// already is told at once: what was decided before may rest on less.
    pub fn watch(&self, watcher: Arc<dyn Watcher>) {
        let mut watchers = self.watchers.write().unwrap_or_else(PoisonError::into_inner);
        watchers.push(Arc::clone(&watcher));
        drop(watchers);
        watcher.regrouped(Affected::Everybody);
    }

    /// `user@domain` without the domain, if it is ours; else as it is.
    fn local_part<'a>(&self, user: &'a str) -> &'a str {
        match user.rsplit_once('@') {
            Some((name, host)) if self.is_our_domain(host) => name,
            _ => user,
        }
    }

    /// The directory's name for a canonical name, if it can have one.
    fn uid_of<'a>(&self, name: &'a str) -> Option<&'a str> {
        self.settings.template.uid_of(name).filter(|uid| is_valid_name(uid))
    }
}
