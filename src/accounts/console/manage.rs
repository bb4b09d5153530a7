//! Changes of the console's accounts.
//!
//! Administrators change those of their own role and below, owners alone change owners, and one
//! owner who can sign in always remains. Nobody takes his own rights away, and nobody gives himself
//! another password without the present one. Each change of password, second factor, role or lock
//! raises the account's version, which ends its sessions.

use super::codes::NewCode;
use super::{Accounts, AccountsError, Actor, ConsoleError, MOST_ACCOUNTS, RecoveryCodes};
use super::{is_oneself, is_owner, passwords};
use crate::accounts::Plan;
use crate::identity::UserName;
use crate::model::{AlertSettings, ApiToken, ConsoleAccount, Maker, Record as _, Role};
use crate::store::{Commit, Table, rows};

/// An account of the console to be made.
#[derive(Clone, Copy)]
pub struct NewConsoleAccount<'a> {
    /// The name.
    pub name: &'a str,
    /// What it may do.
    pub role: Role,
    /// Its first password.
    pub password: &'a str,
}

impl std::fmt::Debug for NewConsoleAccount<'_> {
    /// Leaves the password out.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NewConsoleAccount({:?}, {})", self.name, self.role)
    }
}

impl Accounts {
    /// Makes an account of the console, without a second factor: its holder takes one.
    ///
    /// # Errors
    /// [`ConsoleError`] if the actor may not, the name is taken or cannot be, or the password
    /// cannot be one.
    pub async fn add_console(
        &self,
        actor: &Actor,
        new: NewConsoleAccount<'_>,
    ) -> Result<ConsoleAccount, AccountsError> {
        may_manage(actor, new.role)?;
        let name = Accounts::console_name(new.name)?;
        passwords::check(new.password)?;
        if self.console_row(&name)?.is_some() {
            return Err(ConsoleError::Exists(name.to_string()).into());
        }
        let password = self.console.passwords.hash(new.password).await?;
        let account = self.console_draft(&name, new.role, password);
        let key = ConsoleAccount::key(&name);
        self.perform(actor, "console.add", &name, || {
            if self.console_row(&name)?.is_some() {
                return Err(ConsoleError::Exists(name.to_string()).into());
            }
            self.check_room()?;
            let commit = Commit::new().expect_absent(Table::Console, &key).put(
                Table::Console,
                &key,
                account.encode(),
            );
            Ok(Plan { commit, detail: new.role.to_string(), value: account.clone() })
        })
        .await
    }

    pub(super) fn check_room(&self) -> Result<(), AccountsError> {
        if self.store.count(Table::Console) >= MOST_ACCOUNTS as u64 {
            return Err(ConsoleError::TooMany("console accounts").into());
        }
        Ok(())
    }

    /// The row of an account to be made.
    pub(super) fn console_draft(
        &self,
        name: &UserName,
        role: Role,
        password: String,
    ) -> ConsoleAccount {
        let now = self.now();
        ConsoleAccount {
            name: name.to_string(),
            role,
            password,
            sealed_totp: None,
            totp_step: 0,
            recovery: Vec::new(),
            created: now,
            changed: now,
            last_sign_in: None,
            locked: false,
            // A session of somebody who had the name before is not this one's.
            version: now.unix_millis(),
        }
    }

    /// Gives an account another role.
    ///
    /// # Errors
    /// [`ConsoleError`] if the actor may not, or it is the last owner.
    pub async fn set_console_role(
        &self,
        actor: &Actor,
        name: &str,
        role: Role,
    ) -> Result<(), AccountsError> {
        may_manage(actor, role)?;
        self.change_other(actor, "console.role", name, |account| {
            let detail = format!("{} -> {role}", account.role);
            account.role = role;
            detail
        })
        .await
    }

    /// Locks an account out, or lets it in again.
    ///
    /// # Errors
    /// As [`Accounts::set_console_role`].
    pub async fn lock_console(
        &self,
        actor: &Actor,
        name: &str,
        locked: bool,
    ) -> Result<(), AccountsError> {
        let action = if locked { "console.lock" } else { "console.unlock" };
        self.change_other(actor, action, name, |account| {
            account.locked = locked;
            String::new()
        })
        .await
    }

    /// Gives somebody else another password.
    ///
    /// # Errors
    /// [`ConsoleError`] if the actor may not, or the password cannot be one.
    pub async fn set_console_password(
        &self,
        actor: &Actor,
        name: &str,
        password: &str,
    ) -> Result<(), AccountsError> {
        passwords::check(password)?;
        let canonical = UserName::canonical(name.trim());
        may_change(actor, &self.console_existing(&canonical)?.0)?;
        let hash = self.console.passwords.hash(password).await?;
        self.change_other(actor, "console.passwd", name, |account| {
            account.password.clone_from(&hash);
            String::new()
        })
        .await
    }

    /// Takes the second factor of somebody who lost it.
    ///
    /// # Errors
    /// As [`Accounts::set_console_role`].
    pub async fn drop_code(&self, actor: &Actor, name: &str) -> Result<(), AccountsError> {
        self.change_other(actor, "console.drop_code", name, |account| {
            account.sealed_totp = None;
            account.recovery = Vec::new();
            String::new()
        })
        .await
    }

    /// Removes an account, and its tokens.
    ///
    /// # Errors
    /// As [`Accounts::set_console_role`].
    pub async fn remove_console(&self, actor: &Actor, name: &str) -> Result<(), AccountsError> {
        let name = UserName::canonical(name.trim());
        let key = ConsoleAccount::key(&name);
        self.perform(actor, "console.remove", &name, || {
            let (account, before) = self.console_existing(&name)?;
            may_change(actor, &account)?;
            if is_owner(&account) {
                self.check_other_owner(&name)?;
            }
            let mut commit = Commit::new()
                .expect_equals(Table::Console, &key, before)
                .delete(Table::Console, &key)
                .delete(Table::Alerts, &AlertSettings::key(&name));
            let mut tokens = 0;
            for row in rows(&*self.store, Table::Tokens, b"") {
                let (key, row) = row?;
                let is_his = |token: &ApiToken| {
                    token.maker == Maker::Console && token.maker_name == account.name
                };
                if ApiToken::decode(&row).is_ok_and(|token| is_his(&token)) {
                    commit = commit.delete(Table::Tokens, &key);
                    tokens += 1;
                }
            }
            let detail = format!("{}, {tokens} tokens", account.role);
            Ok(Plan { commit, detail, value: () })
        })
        .await
    }

    /// Gives oneself another password.
    ///
    /// # Errors
    /// [`ConsoleError::Present`] if the present one is wrong.
    pub async fn set_own_password(
        &self,
        actor: &Actor,
        present: &str,
        password: &str,
    ) -> Result<(), AccountsError> {
        passwords::check(password)?;
        let stored = self.prove_oneself(actor, present).await?;
        let hash = self.console.passwords.hash(password).await?;
        self.change_own(actor, "console.passwd", &stored, |account| {
            account.password.clone_from(&hash);
        })
        .await
    }

    /// Takes a secret that [`Accounts::offer_code`] gave, proved by a code of it, in place of the one
    /// before; returns codes that serve once, in place of those before.
    ///
    /// # Errors
    /// [`ConsoleError`] if the present password is wrong or the code does not fit.
    pub async fn set_own_code(
        &self,
        actor: &Actor,
        present: &str,
        new: NewCode<'_>,
    ) -> Result<RecoveryCodes, AccountsError> {
        let stored = self.prove_oneself(actor, present).await?;
        let name = UserName::canonical(&actor.name);
        let enrolled = self.enrol(&name, new, self.now())?;
        self.change_own(actor, "console.set_code", &stored, |account| enrolled.enter(account))
            .await?;
        Ok(enrolled.shown)
    }

    /// Gives up one's own second factor.
    ///
    /// # Errors
    /// [`ConsoleError::Present`] if the present password is wrong.
    pub async fn drop_own_code(&self, actor: &Actor, present: &str) -> Result<(), AccountsError> {
        let stored = self.prove_oneself(actor, present).await?;
        self.change_own(actor, "console.drop_code", &stored, |account| {
            account.sealed_totp = None;
            account.recovery = Vec::new();
        })
        .await
    }

    /// Holds a password against an actor's own account; returns the hash that it fitted.
    async fn prove_oneself(&self, actor: &Actor, present: &str) -> Result<String, AccountsError> {
        let place = self.console.passwords.place()?;
        let row = self.console_row(&actor.name)?.filter(|_| is_oneself(actor, &actor.name));
        let Some((account, _)) = row else {
            return Err(ConsoleError::NoAccount(actor.name.clone()).into());
        };
        let stored = account.password;
        if !self.console.passwords.is_right(place, present, Some(stored.clone())).await? {
            return Err(ConsoleError::Present.into());
        }
        Ok(stored)
    }

    async fn change_own(
        &self,
        actor: &Actor,
        action: &str,
        proved: &str,
        mut edit: impl FnMut(&mut ConsoleAccount) + Send,
    ) -> Result<(), AccountsError> {
        self.perform(actor, action, &actor.name, || {
            let (mut account, before) = self.console_existing(&actor.name)?;
            if account.locked || account.password != proved {
                return Err(ConsoleError::Present.into());
            }
            edit(&mut account);
            let commit = self.console_replace(&mut account, before);
            Ok(Plan { commit, detail: String::new(), value: () })
        })
        .await
    }

    async fn change_other(
        &self,
        actor: &Actor,
        action: &str,
        name: &str,
        mut edit: impl FnMut(&mut ConsoleAccount) -> String + Send,
    ) -> Result<(), AccountsError> {
        let name = UserName::canonical(name.trim());
        self.perform(actor, action, &name, || {
            let (mut account, before) = self.console_existing(&name)?;
            may_change(actor, &account)?;
            let was_owner = is_owner(&account);
            let detail = edit(&mut account);
            if was_owner && !is_owner(&account) {
                self.check_other_owner(&name)?;
            }
            let commit = self.console_replace(&mut account, before);
            Ok(Plan { commit, detail, value: () })
        })
        .await
    }

    /// The changed row in place of the one before; sessions that began before are over.
    pub(super) fn console_replace(&self, account: &mut ConsoleAccount, before: Vec<u8>) -> Commit {
        account.version = account.version.saturating_add(1);
        account.changed = self.now();
        let key = ConsoleAccount::key(&account.name);
        Commit::new().expect_equals(Table::Console, &key, before).put(
            Table::Console,
            &key,
            account.encode(),
        )
    }

    /// Whether somebody else is an owner who can sign in. One change is planned at a time, so two
    /// owners cannot remove each other.
    fn check_other_owner(&self, name: &UserName) -> Result<(), AccountsError> {
        let accounts = self.console_accounts()?;
        if accounts.iter().any(|other| is_owner(other) && other.name != **name) {
            Ok(())
        } else {
            Err(ConsoleError::LastOwner(name.to_string()).into())
        }
    }
}

/// Whether an actor may make what has a role.
pub(super) fn may_manage(actor: &Actor, role: Role) -> Result<(), ConsoleError> {
    if actor.role.may_manage(role) {
        Ok(())
    } else {
        Err(ConsoleError::Rights(role.max(Role::Admin)))
    }
}

/// Whether an actor may change an account.
fn may_change(actor: &Actor, account: &ConsoleAccount) -> Result<(), ConsoleError> {
    if is_oneself(actor, &account.name) {
        return Err(ConsoleError::Oneself);
    }
    may_manage(actor, account.role)
}
