//! Rows of people of the directory: made when something has to be kept of them, and told when the
//! directory locks them, lets them in again, or gives their name to somebody else.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::runtime::Handle;

use super::{Accounts, AccountsError, Actor, Plan};
use crate::clock::WallTime;
use crate::identity::ldap::DirectoryError;
use crate::identity::{
    CONTACT_KEY, Departure, DirectoryPerson, GROUPS_KEY, ListChanges, MARK_KEY, RUNS_KEY, UserName,
    Watcher,
};
use crate::model::{Account, AccountKind, DeviceCredential, Record as _};
use crate::store::{Commit, Table, rows};

impl Accounts {
    /// Makes sure that a person of the directory has a row here: before a device is added, after
    /// his directory password was accepted, or when a message for him is kept. A local account is
    /// left alone. If the name belongs to another person of the directory than the row, the row
    /// and its credentials are given up for a new one.
    ///
    /// # Errors
    /// [`AccountsError::NoAccount`] if there is nobody of that name,
    /// [`AccountsError::Unavailable`] if only the directory can tell and is out of reach.
    pub async fn ensure_directory_row(&self, user: &str) -> Result<(), AccountsError> {
        let name = self.name(user)?;
        let row = self.row(&name)?;
        if row.as_ref().is_some_and(|(account, _)| account.kind == AccountKind::Local) {
            return Ok(());
        }
        let person = match self.identity.directory_person(&name).await {
            Ok(Some(person)) => person,
            // Whoever had a row keeps it: the directory may let him in again.
            Ok(None) if row.is_some() => return Ok(()),
            Ok(None) => return Err(AccountsError::NoAccount(name.to_string())),
            Err(_) if row.is_some() => return Ok(()),
            Err(DirectoryError::Resting(left)) => return Err(AccountsError::Unavailable(left)),
            Err(_) => return Err(AccountsError::Unavailable(Duration::from_secs(5))),
        };
        if let Some((account, _)) = &row
            && !is_another(account, &person)
        {
            return Ok(());
        }
        self.perform(&Actor::server(), "user.appear", &name, || self.plan_row(&name, &person))
            .await?;
        self.announce(&name)
    }

    /// The same, content with whatever row there is: for each message that is kept, without asking
    /// the directory each time.
    ///
    /// # Errors
    /// As [`Accounts::ensure_directory_row`].
    pub async fn appear(&self, user: &str) -> Result<(), AccountsError> {
        let name = self.name(user)?;
        if self.row(&name)?.is_some() { Ok(()) } else { self.ensure_directory_row(&name).await }
    }

    fn plan_row(
        &self,
        name: &UserName,
        person: &DirectoryPerson,
    ) -> Result<Plan<()>, AccountsError> {
        let key = Account::key(name);
        let nothing = Plan { commit: Commit::new(), detail: String::new(), value: () };
        let now = self.now();
        let account = Account {
            user: name.to_string(),
            kind: AccountKind::Directory,
            display_name: person.display_name.clone(),
            mail: person.mail.clone(),
            groups: Vec::new(),
            number: person.number.clone(),
            disabled: false,
            directory_locked: false,
            created: now,
            changed: now,
            directory_id: person.id.clone(),
            sealed_password: None,
        };
        let (mut commit, detail) = match self.row(name)? {
            None => (Commit::new().expect_absent(Table::Accounts, &key), String::new()),
            Some((before, _)) if !is_another(&before, person) => return Ok(nothing),
            Some((before, bytes)) => {
                let detail = format!(
                    "the name is another person's now: {} before",
                    before.directory_id.unwrap_or_default()
                );
                (Commit::new().expect_equals(Table::Accounts, &key, bytes), detail)
            }
        };
        // None are left of somebody without a row; those of another person must not serve.
        for row in rows(&*self.store, Table::Credentials, &DeviceCredential::prefix(name)) {
            commit = commit.delete(Table::Credentials, &row?.0);
        }
        let commit = commit.put(Table::Accounts, &key, account.encode());
        Ok(Plan { commit, detail, value: () })
    }

    /// Notes in a row what the directory says.
    async fn note_lock(&self, name: &UserName, locked: bool) -> Result<(), AccountsError> {
        let action = if locked { "user.directory_lock" } else { "user.directory_unlock" };
        let changed = self
            .perform(&Actor::server(), action, name, || {
                let nothing = Plan { commit: Commit::new(), detail: String::new(), value: false };
                let Some((mut account, before)) = self.row(name)? else { return Ok(nothing) };
                let is_so = account.directory_locked == locked;
                if account.kind == AccountKind::Local || is_so {
                    return Ok(nothing);
                }
                account.directory_locked = locked;
                account.changed = self.now();
                let commit = Accounts::replace(Commit::new(), &account, before);
                Ok(Plan { commit, detail: String::new(), value: true })
            })
            .await?;
        if changed { self.announce(name) } else { Ok(()) }
    }

    /// Gives up the row of somebody whose name belongs to another person now.
    async fn forget_replaced(&self, name: &UserName) -> Result<(), AccountsError> {
        let is_of_directory =
            self.row(name)?.is_some_and(|(account, _)| account.kind == AccountKind::Directory);
        if !is_of_directory {
            return Ok(());
        }
        self.delete(&Actor::server(), name, Commit::new()).await
    }
}

/// Whether a row was made for another person than this one.
fn is_another(account: &Account, person: &DirectoryPerson) -> bool {
    match (&account.directory_id, &person.id) {
        (Some(ours), Some(theirs)) => ours != theirs,
        _ => false,
    }
}

/// Writes down what a reading of the directory brings.
pub(super) struct Recorder {
    accounts: Weak<Accounts>,
    runtime: Handle,
}

impl Recorder {
    pub(super) fn new(accounts: &Arc<Accounts>, runtime: Handle) -> Recorder {
        Recorder { accounts: Arc::downgrade(accounts), runtime }
    }

    fn later<F>(&self, user: &UserName, act: impl FnOnce(Arc<Accounts>, UserName) -> F)
    where
        F: Future<Output = Result<(), AccountsError>> + Send + 'static,
    {
        let Some(accounts) = self.accounts.upgrade() else { return };
        let act = act(accounts, user.clone());
        self.runtime.spawn(async move {
            if let Err(error) = act.await {
                tracing::error!(event = "accounts.not_written", error = %error);
            }
        });
    }
}

impl Watcher for Recorder {
    fn departed(&self, user: &UserName, why: Departure) {
        self.later(user, |accounts, name| async move {
            match why {
                Departure::Replaced => accounts.forget_replaced(&name).await,
                Departure::Disabled | Departure::Removed => accounts.note_lock(&name, true).await,
                Departure::Locked | Departure::Deleted => Ok(()),
            }
        });
    }

    fn returned(&self, user: &UserName) {
        self.later(user, |accounts, name| async move { accounts.note_lock(&name, false).await });
    }

    fn groups_read(&self) {
        let Some(accounts) = self.accounts.upgrade() else { return };
        if let Some(row) = accounts.identity.groups_row() {
            accounts.store.commit_soon(Commit::new().put(Table::Site, GROUPS_KEY, row.encode()));
        }
    }

    fn listed(&self, changes: &ListChanges) {
        if let Some(accounts) = self.accounts.upgrade() {
            accounts.take_list(changes);
        }
    }

    fn sync_ended(&self) {
        let Some(accounts) = self.accounts.upgrade() else { return };
        let row = accounts.identity.sync_runs_row();
        accounts.store.commit_soon(Commit::new().put(Table::Site, RUNS_KEY, row));
    }

    fn synced(&self, at: WallTime) {
        let Some(accounts) = self.accounts.upgrade() else { return };
        let millis = at.unix_millis().to_string();
        let mut commit = Commit::new().put(Table::Site, CONTACT_KEY, millis.into_bytes());
        if let Some(mark) = accounts.identity.directory_mark() {
            commit = commit.put(Table::Site, MARK_KEY, mark.into_bytes());
        }
        accounts.store.commit_soon(commit);
    }
}
