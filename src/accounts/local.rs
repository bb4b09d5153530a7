//! Local accounts.

use icu_normalizer::ComposingNormalizerBorrowed;

use super::{Accounts, AccountsError, Actor, Plan};
use crate::identity::{Existence, Numbered, UserName, canonical_number};
use crate::model::{Account, AccountKind, DeviceCredential, Record as _};
use crate::store::{Commit, Table, rows};

const COMPOSED: ComposingNormalizerBorrowed<'static> = ComposingNormalizerBorrowed::new_nfc();

/// Bytes of a name, a mail address or a group at most.
const LONGEST_TEXT: usize = 512;
/// Bytes of a password at most.
const LONGEST_PASSWORD: usize = 1024;
/// Groups of one account at most.
const MOST_GROUPS: usize = 256;

/// An account to be made.
#[derive(Clone, Copy, Debug, Default)]
pub struct NewAccount<'a> {
    /// The name; `user@domain` is taken if the domain is ours.
    pub user: &'a str,
    /// The name that people read; empty is the user name.
    pub display_name: &'a str,
    /// Mail address; may be empty.
    pub mail: &'a str,
    /// Telephone extension; may be empty.
    pub number: &'a str,
    /// Groups.
    pub groups: &'a [String],
    /// The Digest password; `None` makes an account that only devices sign in to.
    pub password: Option<&'a str>,
}

/// What an account is to have instead; what is `None` stays.
#[derive(Clone, Copy, Debug, Default)]
pub struct AccountChange<'a> {
    /// The name that people read; empty is the user name.
    pub display_name: Option<&'a str>,
    /// Mail address; may be empty.
    pub mail: Option<&'a str>,
    /// Telephone extension; may be empty.
    pub number: Option<&'a str>,
    /// Groups.
    pub groups: Option<&'a [String]>,
}

/// What a password must be to work in every client.
pub(super) fn check_password(password: &str) -> Result<(), AccountsError> {
    if password.is_empty() {
        return Err(AccountsError::Password("empty"));
    }
    if password.len() > LONGEST_PASSWORD {
        return Err(AccountsError::Password("too long"));
    }
    if password.chars().any(char::is_control) {
        return Err(AccountsError::Password("not text: it holds a control character"));
    }
    Ok(())
}

fn check_lengths(change: &AccountChange<'_>) -> Result<(), AccountsError> {
    let too_long = |text: &str| text.len() > LONGEST_TEXT;
    let texts =
        [("name", change.display_name), ("mail address", change.mail), ("number", change.number)];
    for (what, text) in texts {
        if text.is_some_and(too_long) {
            return Err(AccountsError::TooLong(what));
        }
    }
    let groups = change.groups.unwrap_or_default();
    if groups.len() > MOST_GROUPS || groups.iter().any(|group| too_long(group)) {
        return Err(AccountsError::TooLong("list of groups"));
    }
    Ok(())
}

/// Puts another text in the place of one, and notes both for the audit trail.
fn replace_text(what: &str, text: &mut String, new: String, detail: &mut Vec<String>) {
    if *text != new {
        detail.push(format!("{what}: {text:?} to {new:?}"));
        *text = new;
    }
}

impl Accounts {
    /// The row of an account to be made.
    pub(super) fn draft(&self, new: &NewAccount<'_>) -> Result<Account, AccountsError> {
        let name = self.name(new.user)?;
        // One that is typed as another one looks would be a second person to whoever reads it.
        if !COMPOSED.is_normalized(&name) {
            return Err(AccountsError::Name(new.user.to_owned()));
        }
        check_lengths(&AccountChange {
            display_name: Some(new.display_name),
            mail: Some(new.mail),
            number: Some(new.number),
            groups: Some(new.groups),
        })?;
        new.password.map_or(Ok(()), check_password)?;
        let context = Account::seal_context(&name);
        let seal = |password| self.identity.seal_password(&name, &context, password);
        let display_name = if new.display_name.is_empty() { &*name } else { new.display_name };
        let now = self.now();
        Ok(Account {
            kind: AccountKind::Local,
            display_name: visible(display_name),
            mail: visible(new.mail),
            groups: new.groups.iter().map(|group| visible(group)).collect(),
            number: visible(new.number),
            disabled: false,
            directory_locked: false,
            created: now,
            changed: now,
            directory_id: None,
            sealed_password: new.password.map(seal),
            user: name.to_string(),
        })
    }

    /// Whether an account's numbers are numbers, and nobody else's.
    pub(super) fn check_number(&self, account: &Account) -> Result<(), AccountsError> {
        for text in account.number.split([',', ';']).map(str::trim).filter(|text| !text.is_empty())
        {
            let Some(number) = canonical_number(text) else {
                return Err(AccountsError::Number(text.to_owned()));
            };
            let user = match self.identity.by_number(&number) {
                Numbered::Nobody => continue,
                Numbered::Person(user) if *user == *account.user => continue,
                Numbered::Person(user) => user.to_string(),
                Numbered::Shared => "more than one person".to_owned(),
            };
            return Err(AccountsError::NumberTaken { number: number.into(), user });
        }
        Ok(())
    }

    /// Changes the telephone number of a local account; empty takes it away.
    ///
    /// # Errors
    /// [`AccountsError`] if there is no such account, its number is the directory's, or the number
    /// is none or somebody else's.
    pub async fn set_number(
        &self,
        actor: &Actor,
        user: &str,
        number: &str,
    ) -> Result<(), AccountsError> {
        let name = self.name(user)?;
        if number.len() > LONGEST_TEXT {
            return Err(AccountsError::TooLong("number"));
        }
        self.change(actor, "user.number", &name, |account| {
            if account.kind == AccountKind::Directory {
                return Err(AccountsError::OfDirectory(account.user.clone()));
            }
            account.number = visible(number);
            self.check_number(account)
        })
        .await
    }

    /// Changes what is known of a local account.
    ///
    /// # Errors
    /// [`AccountsError`] if there is no such account, it is the directory's, or something cannot be
    /// as it is to be.
    pub async fn edit_local(
        &self,
        actor: &Actor,
        user: &str,
        change: AccountChange<'_>,
    ) -> Result<(), AccountsError> {
        let name = self.name(user)?;
        check_lengths(&change)?;
        self.perform(actor, "user.edit", &name, || {
            let (mut account, before) = self.existing(&name)?;
            if account.kind == AccountKind::Directory {
                return Err(AccountsError::OfDirectory(account.user));
            }
            let mut detail = Vec::new();
            if let Some(text) = change.display_name.map(visible) {
                let text = if text.is_empty() { name.to_string() } else { text };
                replace_text("name", &mut account.display_name, text, &mut detail);
            }
            if let Some(text) = change.mail.map(visible) {
                replace_text("mail", &mut account.mail, text, &mut detail);
            }
            if let Some(text) = change.number.map(visible) {
                replace_text("number", &mut account.number, text, &mut detail);
                self.check_number(&account)?;
            }
            if let Some(groups) = change.groups {
                let groups: Vec<String> = groups.iter().map(|group| visible(group)).collect();
                if account.groups != groups {
                    let (old, new) = (account.groups.join(";"), groups.join(";"));
                    detail.push(format!("groups: {old:?} to {new:?}"));
                    account.groups = groups;
                }
            }
            if detail.is_empty() {
                return Ok(Plan { commit: Commit::new(), detail: String::new(), value: () });
            }
            account.changed = self.now();
            let commit = Accounts::replace(Commit::new(), &account, before);
            Ok(Plan { commit, detail: detail.join(", "), value: () })
        })
        .await?;
        self.announce(&name)
    }

    /// Makes a local account.
    ///
    /// # Errors
    /// [`AccountsError`] if the name is taken here or in the directory, or something about the
    /// account cannot be.
    pub async fn add_local(
        &self,
        actor: &Actor,
        new: NewAccount<'_>,
    ) -> Result<Account, AccountsError> {
        let account = self.draft(&new)?;
        self.check_number(&account)?;
        let name = UserName::canonical(&account.user);
        // A local account goes before a person of the directory, so it must not be made over one.
        // Out of reach, the directory cannot object.
        if self.identity.exists(&name).await == Existence::Directory {
            return Err(AccountsError::Exists(name.to_string()));
        }
        let key = Account::key(&name);
        self.perform(actor, "user.add", &name, || {
            if self.row(&name)?.is_some() {
                return Err(AccountsError::Exists(name.to_string()));
            }
            let commit = Commit::new().expect_absent(Table::Accounts, &key).put(
                Table::Accounts,
                &key,
                account.encode(),
            );
            Ok(Plan { commit, detail: String::new(), value: () })
        })
        .await?;
        self.announce(&name)?;
        Ok(account)
    }

    /// Gives a local account another password.
    ///
    /// # Errors
    /// [`AccountsError`] if there is no such account, or its password is the directory's.
    pub async fn set_password(
        &self,
        actor: &Actor,
        user: &str,
        password: &str,
    ) -> Result<(), AccountsError> {
        check_password(password)?;
        let name = self.name(user)?;
        let sealed = self.identity.seal_password(&name, &Account::seal_context(&name), password);
        self.change(actor, "user.passwd", &name, |account| {
            if account.kind == AccountKind::Directory {
                return Err(AccountsError::OfDirectory(account.user.clone()));
            }
            account.sealed_password = Some(sealed.clone());
            Ok(())
        })
        .await
    }

    /// Locks an account: nothing signs in to it from here on, and what it holds ends.
    ///
    /// # Errors
    /// [`AccountsError`] if there is no such account.
    pub async fn disable(&self, actor: &Actor, user: &str) -> Result<(), AccountsError> {
        let name = self.name(user)?;
        // A person of the directory who has no row yet gets one to be locked in.
        self.ensure_directory_row(&name).await?;
        self.change(actor, "user.disable", &name, |account| {
            account.disabled = true;
            Ok(())
        })
        .await
    }

    /// Lets an account in again that an administrator had locked.
    ///
    /// # Errors
    /// [`AccountsError`] if there is no such account.
    pub async fn enable(&self, actor: &Actor, user: &str) -> Result<(), AccountsError> {
        let name = self.name(user)?;
        self.change(actor, "user.enable", &name, |account| {
            account.disabled = false;
            Ok(())
        })
        .await
    }

    /// Changes one row.
    async fn change(
        &self,
        actor: &Actor,
        action: &str,
        name: &UserName,
        mut edit: impl FnMut(&mut Account) -> Result<(), AccountsError> + Send,
    ) -> Result<(), AccountsError> {
        self.perform(actor, action, name, || {
            let (mut account, before) = self.existing(name)?;
            edit(&mut account)?;
            account.changed = self.now();
            let commit = Accounts::replace(Commit::new(), &account, before);
            Ok(Plan { commit, detail: String::new(), value: () })
        })
        .await?;
        self.announce(name)
    }

    /// Removes an account with its device credentials, and `also` what other services keep of it.
    /// A person of the directory stays one: only what was kept here is gone.
    ///
    /// # Errors
    /// [`AccountsError`] if there is no such account.
    pub async fn delete(
        &self,
        actor: &Actor,
        user: &str,
        also: Commit,
    ) -> Result<(), AccountsError> {
        let name = self.name(user)?;
        let key = Account::key(&name);
        self.perform(actor, "user.delete", &name, || {
            let (_, before) = self.existing(&name)?;
            let mut commit = Commit::new()
                .expect_equals(Table::Accounts, &key, before)
                .delete(Table::Accounts, &key);
            let prefix = DeviceCredential::prefix(&name);
            let mut devices = 0;
            for row in rows(&*self.store, Table::Credentials, &prefix) {
                commit = commit.delete(Table::Credentials, &row?.0);
                devices += 1;
            }
            let mutes = super::applications::erasure_of_mutes(&*self.store, &name)?;
            let commit = commit.and(mutes);
            let detail = format!("{devices} devices");
            Ok(Plan { commit: commit.and(also.clone()), detail, value: () })
        })
        .await?;
        self.announce(&name)
    }

    /// One account.
    ///
    /// # Errors
    /// [`AccountsError::NoAccount`] if there is none.
    pub fn show(&self, user: &str) -> Result<Account, AccountsError> {
        Ok(self.existing(&self.name(user)?)?.0)
    }

    /// Accounts in the order of their names, from the first one after `after`.
    ///
    /// # Errors
    /// [`AccountsError::Store`] if they cannot be read.
    pub fn list(&self, after: Option<&str>, limit: usize) -> Result<Vec<Account>, AccountsError> {
        let after = after.map(|user| Account::key(&self.identity.canonical(user)));
        let rows = self.store.scan(Table::Accounts, b"", after.as_deref(), limit)?;
        let account = |row: &[u8]| Account::decode(row).ok();
        Ok(rows.iter().filter_map(|(_, row)| account(row)).collect())
    }

    /// How many accounts have a row here.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.store.count(Table::Accounts)
    }
}

/// Text to show: without control characters and directional overrides.
pub(super) fn visible(text: &str) -> String {
    let hidden =
        |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.trim().chars().filter(|&c| !hidden(c)).collect()
}
