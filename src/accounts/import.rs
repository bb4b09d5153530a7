//! Many accounts at once, from CSV and to it.

use std::borrow::Cow;
use std::collections::HashSet;

use super::csv::{self, Records};
use super::{Accounts, AccountsError, Actor, NewAccount, Plan};
use crate::http_digest::{Algorithm, Hash};
use crate::identity::{UserName, numbers_in};
use crate::model::{Account, AccountKind, Record as _};
use crate::store::{Commit, Table};

/// Accounts of one commit.
const BATCH: usize = 500;

/// What becomes of a row whose name is taken by a local account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Taken {
    /// The row fails, and the others go on.
    #[default]
    Fails,
    /// It is passed over.
    Skipped,
    /// The account gets what the row has: every column that the header names, but a password or an
    /// HA1 only where the row has one.
    Updated,
}

/// How to import.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ImportOptions {
    /// What becomes of names that are taken.
    pub taken: Taken,
    /// Tell what would become of each row, and change nothing.
    pub dry_run: bool,
}

/// Hears how many rows were read, and says whether to go on.
pub type Follower<'a> = &'a (dyn Fn(u64) -> bool + Sync);

/// What an import did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportReport {
    /// Accounts made.
    pub added: u64,
    /// Accounts that were there and got what their rows have.
    pub updated: u64,
    /// Rows passed over, because there was such an account.
    pub skipped: u64,
    /// Rows that made none, in their order.
    pub failed: Vec<RowFailure>,
    /// It was told to go on no further; what it did stands.
    pub stopped: bool,
}

/// A row that made no account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowFailure {
    /// The line of the file that the row begins on.
    pub line: u64,
    /// Its user name, as far as it has one.
    pub user: String,
    /// Why.
    pub reason: String,
}

/// The columns that are read.
const KNOWN: [&str; 11] = [
    "user",
    "name",
    "mail",
    "password",
    "groups",
    "number",
    "domain",
    "realm",
    "ha1",
    "ha1b",
    "ha1_sha256",
];
/// What the subscriber tables of other SIP servers call some of them.
const SYNONYMS: [(&str, &str); 2] = [("username", "user"), ("email_address", "mail")];
/// Columns that say nothing here: of such tables, and of the list of rows that failed before.
const PASSED_OVER: [&str; 5] = ["id", "ha1_sha512t256", "rpid", "line", "reason"];
/// Columns that nobody gets to see again.
const SECRET: [&str; 5] = ["password", "ha1", "ha1b", "ha1_sha256", "ha1_sha512t256"];

/// Which field of a row is what.
#[derive(Debug)]
struct Columns {
    user: usize,
    name: Option<usize>,
    mail: Option<usize>,
    password: Option<usize>,
    groups: Option<usize>,
    number: Option<usize>,
    domain: Option<usize>,
    realm: Option<usize>,
    ha1: Option<usize>,
    ha1b: Option<usize>,
    ha1_sha256: Option<usize>,
}

impl Columns {
    fn new(header: &[Cow<'_, str>]) -> Result<Columns, AccountsError> {
        let called = |name: &str| SYNONYMS.iter().find(|(theirs, _)| *theirs == name);
        let names: Vec<String> = header
            .iter()
            .map(|name| name.trim().to_lowercase())
            .map(|name| called(&name).map_or(name.clone(), |(_, ours)| (*ours).to_owned()))
            .collect();
        for (index, name) in names.iter().enumerate() {
            let twice = names.iter().position(|other| other == name) != Some(index);
            let known = KNOWN.contains(&name.as_str()) || PASSED_OVER.contains(&name.as_str());
            if twice || !known {
                return Err(AccountsError::Header(format!("{:?}", header[index])));
            }
        }
        let at = |name: &str| names.iter().position(|column| column == name);
        Ok(Columns {
            user: at("user").ok_or_else(|| AccountsError::Header("no user".to_owned()))?,
            name: at("name"),
            mail: at("mail"),
            password: at("password"),
            groups: at("groups"),
            number: at("number"),
            domain: at("domain"),
            realm: at("realm"),
            ha1: at("ha1"),
            ha1b: at("ha1b"),
            ha1_sha256: at("ha1_sha256"),
        })
    }
}

/// Hashes of a password, in hexadecimal; empty where there is none.
struct Hashes<'a> {
    ha1: &'a str,
    ha1b: &'a str,
    ha1_sha256: &'a str,
}

impl Hashes<'_> {
    const fn any(&self) -> bool {
        !self.ha1.is_empty() || !self.ha1b.is_empty() || !self.ha1_sha256.is_empty()
    }
}

/// An account ready to be written.
struct Draft {
    line: u64,
    name: UserName,
    account: Account,
}

/// What becomes of a row.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Added,
    Updated,
    Skipped,
    /// The name is taken.
    Taken,
    /// It is a person's of the directory.
    OfDirectory,
}

impl Accounts {
    /// Makes local accounts of CSV with a header line: `user,name,mail,password,groups`, in any
    /// order, all but `user` optional; groups are separated by semicolons or spaces. A column
    /// `number` is taken too, and in a password's place what the subscriber tables of other SIP
    /// servers hold: `ha1`, the hexadecimal MD5 of `user:realm:password`, `ha1b`, that of
    /// `user@domain:realm:password`, and `ha1_sha256`. Their realm is the column `realm`, or else
    /// `domain`, and must be ours. An apostrophe that [`csv::guarded`] put before a text is taken
    /// off again. A row that cannot be is reported and the others go on.
    ///
    /// # Errors
    /// [`AccountsError`] if the header is of no use, or the store fails.
    pub async fn import_csv(
        &self,
        actor: &Actor,
        text: &str,
        options: ImportOptions,
    ) -> Result<ImportReport, AccountsError> {
        self.import_csv_followed(actor, text, options, &|_| true).await
    }

    /// The same, followed by somebody who may end it after any commit.
    ///
    /// # Errors
    /// As [`Accounts::import_csv`].
    pub async fn import_csv_followed(
        &self,
        actor: &Actor,
        text: &str,
        options: ImportOptions,
        follower: Follower<'_>,
    ) -> Result<ImportReport, AccountsError> {
        let mut report = ImportReport::default();
        let mut records = Records::new(text);
        let header = match records.next() {
            Some(Ok((_, header))) => header,
            Some(Err((_, error))) => return Err(AccountsError::Header(error.to_string())),
            None => return Err(AccountsError::Header("the file is empty".to_owned())),
        };
        let columns = Columns::new(&header)?;
        let mut seen = HashSet::new();
        let mut seen_numbers = HashSet::new();
        let mut batch: Vec<Draft> = Vec::with_capacity(BATCH);
        for (row, record) in (1..).zip(records) {
            // What was read and not written yet is left.
            if row % BATCH as u64 == 0 && !follower(row) {
                report.stopped = true;
                batch.clear();
                break;
            }
            let (line, fields) = match record {
                Ok(record) => record,
                Err((line, error)) => {
                    report.fail(line, "", &error.to_string());
                    continue;
                }
            };
            let user = fields.get(columns.user).map_or("", |user| user.trim());
            if fields.len() > header.len() {
                // What stands behind the first column may be another one's, as half of a password.
                let user = if columns.user == 0 { user } else { "" };
                report.fail(line, user, "more fields than the header names");
                continue;
            }
            match self.draft_row(&columns, &fields) {
                Err(error) => report.fail(line, user, &error.to_string()),
                Ok(account) => {
                    let name = UserName::canonical(&account.user);
                    let numbers = numbers_in(&account.number);
                    let shared = numbers.iter().find(|number| seen_numbers.contains(*number));
                    if let Some(number) = shared {
                        report.fail(line, user, &format!("the file has the number {number} twice"));
                    } else if seen.insert(name.clone()) {
                        seen_numbers.extend(numbers);
                        batch.push(Draft { line, name, account });
                    } else {
                        report.fail(line, user, "the file has this name twice");
                    }
                }
            }
            if batch.len() >= BATCH {
                let batch = std::mem::take(&mut batch);
                self.write_batch(actor, batch, &columns, options, &mut report).await?;
            }
        }
        self.write_batch(actor, batch, &columns, options, &mut report).await?;
        report.failed.sort_by_key(|failure| failure.line);
        Ok(report)
    }

    fn draft_row(
        &self,
        columns: &Columns,
        fields: &[Cow<'_, str>],
    ) -> Result<Account, AccountsError> {
        let field = |column: Option<usize>| {
            column.and_then(|column| fields.get(column)).map_or("", AsRef::as_ref)
        };
        let shown = |column: Option<usize>| csv::unguarded(field(column));
        let groups: Vec<String> = shown(columns.groups)
            .split([';', ' '])
            .filter(|group| !group.is_empty())
            .map(str::to_owned)
            .collect();
        let password = field(columns.password);
        let mut account = self.draft(&NewAccount {
            user: shown(Some(columns.user)),
            display_name: shown(columns.name),
            mail: shown(columns.mail),
            number: shown(columns.number),
            groups: &groups,
            password: (!password.is_empty()).then_some(password),
        })?;
        let domain = field(columns.domain).trim();
        if !domain.is_empty() && !self.identity.is_our_domain(domain) {
            return Err(AccountsError::ForeignDomain(domain.to_owned()));
        }
        self.check_number(&account)?;
        let hashes = Hashes {
            ha1: field(columns.ha1).trim(),
            ha1b: field(columns.ha1b).trim(),
            ha1_sha256: field(columns.ha1_sha256).trim(),
        };
        if hashes.any() {
            if !password.is_empty() {
                return Err(AccountsError::Password("given twice, as password and as ha1"));
            }
            let realm = field(columns.realm).trim();
            let realm = if realm.is_empty() { domain } else { realm };
            if !realm.is_empty() && realm != self.identity.realm() {
                return Err(AccountsError::OtherRealm {
                    theirs: realm.to_owned(),
                    ours: self.identity.realm().to_owned(),
                });
            }
            let user = shown(Some(columns.user)).trim();
            account.sealed_password = Some(self.seal_hashes(&account, user, &hashes)?);
        }
        Ok(account)
    }

    /// Seals hashes that were made for the user name as the row spells it.
    fn seal_hashes(
        &self,
        account: &Account,
        spelled: &str,
        hashes: &Hashes<'_>,
    ) -> Result<Vec<u8>, AccountsError> {
        let bare = spelled.rsplit_once('@').map_or(spelled, |(user, _)| user);
        let with_domain = format!("{bare}@{}", self.identity.domain());
        let mut given = Vec::with_capacity(3);
        for (algorithm, name, hex) in [
            (Algorithm::Md5, bare, hashes.ha1),
            (Algorithm::Md5, with_domain.as_str(), hashes.ha1b),
            (Algorithm::Sha256, bare, hashes.ha1_sha256),
        ] {
            if !hex.is_empty() {
                let hash = Hash::from_hex(algorithm, hex.as_bytes()).ok_or(
                    AccountsError::Password("not an HA1: 32 hexadecimal digits of MD5, or 64"),
                )?;
                given.push((name, hash));
            }
        }
        let name = UserName::canonical(&account.user);
        let context = Account::seal_context(&account.user);
        self.identity.seal_ha1s(&name, &context, &given).ok_or(AccountsError::Password(
            "an HA1 of a spelling that is not known here: alice, Alice and ALICE are",
        ))
    }

    /// Writes accounts in one commit; those whose names are taken fare as the options say.
    async fn write_batch(
        &self,
        actor: &Actor,
        batch: Vec<Draft>,
        columns: &Columns,
        options: ImportOptions,
        report: &mut ImportReport,
    ) -> Result<(), AccountsError> {
        if batch.is_empty() {
            return Ok(());
        }
        let plan = || {
            let mut commit = Commit::new();
            let mut fates = Vec::with_capacity(batch.len());
            for draft in &batch {
                let (fate, share) = self.fate(draft, columns, options.taken)?;
                commit = commit.and(share);
                fates.push(fate);
            }
            let count = |wanted| fates.iter().filter(|fate| **fate == wanted).count();
            let detail =
                format!("{} accounts, {} changed", count(Fate::Added), count(Fate::Updated));
            Ok(Plan { commit, detail, value: fates })
        };
        let fates = if options.dry_run {
            plan()?.value
        } else {
            self.perform(actor, "user.import", "", plan).await?
        };
        for (draft, fate) in batch.iter().zip(fates) {
            match fate {
                Fate::Added => report.added += 1,
                Fate::Updated => report.updated += 1,
                Fate::Skipped => report.skipped += 1,
                Fate::Taken => {
                    let error = AccountsError::Exists(draft.name.to_string());
                    report.fail(draft.line, &draft.name, &error.to_string());
                }
                Fate::OfDirectory => {
                    let reason = "the directory has a person of that name";
                    report.fail(draft.line, &draft.name, reason);
                }
            }
            if matches!(fate, Fate::Added | Fate::Updated) && !options.dry_run {
                self.announce(&draft.name)?;
            }
        }
        // Whoever else waits on this runtime.
        tokio::task::yield_now().await;
        Ok(())
    }

    /// What becomes of a row, and its share of the commit.
    fn fate(
        &self,
        draft: &Draft,
        columns: &Columns,
        taken: Taken,
    ) -> Result<(Fate, Commit), AccountsError> {
        let key = Account::key(&draft.name);
        let Some((before, bytes)) = self.row(&draft.name)? else {
            // Not over a person of the directory either, as far as that is known now.
            if self.identity.is_listed(&draft.name) {
                return Ok((Fate::OfDirectory, Commit::new()));
            }
            let commit = Commit::new().expect_absent(Table::Accounts, &key);
            let commit = commit.put(Table::Accounts, &key, draft.account.encode());
            return Ok((Fate::Added, commit));
        };
        match (before.kind, taken) {
            (AccountKind::Directory, _) => Ok((Fate::OfDirectory, Commit::new())),
            (_, Taken::Fails) => Ok((Fate::Taken, Commit::new())),
            (_, Taken::Skipped) => Ok((Fate::Skipped, Commit::new())),
            (_, Taken::Updated) => {
                let account = columns.updated(&before, &draft.account);
                Ok((Fate::Updated, Accounts::replace(Commit::new(), &account, bytes)))
            }
        }
    }

    /// Local accounts as CSV that [`Accounts::import_csv`] takes, without passwords: those after a
    /// name, up to a number of them, and the last one's name if there may be more. The first part
    /// has the header line. So everybody can be written with memory for some.
    ///
    /// # Errors
    /// [`AccountsError::Store`] if they cannot be read.
    pub fn export_csv(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(String, Option<String>), AccountsError> {
        let mut out = String::new();
        if after.is_none() {
            csv::write(&["user", "name", "mail", "password", "groups", "number"], &mut out);
        }
        let after = after.map(Account::key);
        let rows = self.store.scan(Table::Accounts, b"", after.as_deref(), limit)?;
        let is_last = rows.len() < limit;
        let mut last = None;
        for (key, row) in rows {
            last = String::from_utf8(key).ok();
            let Ok(account) = Account::decode(&row) else { continue };
            if account.kind != AccountKind::Local {
                continue;
            }
            let groups = account.groups.join(";");
            let (name, mail) = (&account.display_name, &account.mail);
            let fields = [&account.user, name, mail, "", &groups, &account.number];
            csv::write_guarded(&fields, &mut out);
        }
        Ok((out, last.filter(|_| !is_last)))
    }
}

/// The rows of an import that failed, as CSV that can be mended and imported again: with the line and
/// the reason before what they held, passwords left out.
#[must_use]
pub fn failures_csv(text: &str, failed: &[RowFailure]) -> String {
    let mut records = Records::new(text);
    let header = match records.next() {
        Some(Ok((_, header))) => header,
        _ => Vec::new(),
    };
    let is_shown = |at: &usize| {
        let name = header.get(*at).map(|name| name.trim().to_lowercase()).unwrap_or_default();
        !SECRET.contains(&name.as_str()) && !["line", "reason"].contains(&name.as_str())
    };
    let columns: Vec<usize> = (0..header.len()).filter(is_shown).collect();
    let mut out = String::new();
    let mut write = |line: &str, reason: &str, fields: &[Cow<'_, str>]| {
        let mut row = vec![line, reason];
        // With more fields than columns nobody knows which of them is the password.
        let fields: &[Cow<'_, str>] = if fields.len() > header.len() { &[] } else { fields };
        row.extend(columns.iter().map(|at| fields.get(*at).map_or("", AsRef::as_ref)));
        // What was guarded in the file is not guarded twice.
        let plain: Vec<&str> = row.iter().map(|field| csv::unguarded(field)).collect();
        csv::write_guarded(&plain, &mut out);
    };
    write("line", "reason", &header);
    let mut failed = failed.iter().peekable();
    for record in records {
        let (line, fields) = match record {
            Ok(record) => record,
            Err((line, _)) => (line, Vec::new()),
        };
        while let Some(failure) = failed.next_if(|failure| failure.line <= line) {
            if failure.line == line {
                write(&line.to_string(), &failure.reason, &fields);
            }
        }
    }
    out
}

impl Columns {
    /// An account with what a row has for it.
    fn updated(&self, before: &Account, row: &Account) -> Account {
        let mut account = before.clone();
        let take = |is: bool, into: &mut String, from: &String| {
            if is {
                into.clone_from(from);
            }
        };
        take(self.name.is_some(), &mut account.display_name, &row.display_name);
        take(self.mail.is_some(), &mut account.mail, &row.mail);
        take(self.number.is_some(), &mut account.number, &row.number);
        if self.groups.is_some() {
            account.groups.clone_from(&row.groups);
        }
        if row.sealed_password.is_some() {
            account.sealed_password.clone_from(&row.sealed_password);
        }
        account.changed = row.changed;
        account
    }
}

impl ImportReport {
    fn fail(&mut self, line: u64, user: &str, reason: &str) {
        let (user, reason) = (user.to_owned(), reason.to_owned());
        self.failed.push(RowFailure { line, user, reason });
    }
}
