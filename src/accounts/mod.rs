//! Accounts: the one writer of accounts, device credentials, bans, those who work on the console,
//! tokens of the API, and the audit trail.
//!
//! Each change is one commit, its line of the audit trail included, and durable before it is
//! answered. Then [`crate::identity`] reads the person's rows again, so that a new password works
//! and a locked account is out before the caller hears of it.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Mutex;

use crate::bus::Bus;
use crate::clock::{Clock, WallTime};
use crate::identity::{Identity, UserName, is_valid_name};
use crate::model::{Account, Record as _, Role};
use crate::store::{Commit, CommitError, Store, StoreError, Table};

mod applications;
mod bans;
mod console;
pub mod csv;
mod devices;
mod directory;
mod import;
mod local;
pub mod people;
mod realm;
mod settings;
#[cfg(test)]
mod tests;
mod trail;

pub use applications::{ApplicationError, NewApplication, OF_ADMINISTRATORS};
pub use console::{
    Attempt, Bearer, CodeOffer, ConsoleError, NewCode, NewConsoleAccount, NewToken, Origin,
    Principal, RecoveryCodes, SetupState, SignIn,
};
pub use devices::DeviceSecret;
pub use import::{Follower, ImportOptions, ImportReport, RowFailure, Taken, failures_csv};
pub use local::{AccountChange, NewAccount};
pub use realm::{FrozenRealm, freeze_domain, freeze_realm, frozen_domain};
pub use settings::{NewValue, SettingChange, open_setting, stored_settings};
pub use trail::{Deed, TrailFilter, TrailPage, TrailReport, note_in};

/// What somebody is who asks for a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActorKind {
    /// Whoever may open the data directory, and the server itself.
    Machine,
    /// An account of the console.
    Console,
    /// A person of the directory.
    Directory,
    /// A token of the API.
    Token,
}

/// Who asks for a change: for the audit trail, and for what depends on who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// An account, `token:ID`, or `local` for whoever may open the data directory.
    pub name: String,
    /// An address, `socket`, or `offline`.
    pub source: String,
    /// What he may do at most.
    pub role: Role,
    /// What he is.
    pub kind: ActorKind,
}

impl Actor {
    fn machine(name: &str, source: &str) -> Actor {
        Actor {
            name: name.to_owned(),
            source: source.to_owned(),
            role: Role::Owner,
            kind: ActorKind::Machine,
        }
    }

    /// Whoever may open the control socket.
    #[must_use]
    pub fn socket() -> Actor {
        Actor::machine("local", "socket")
    }

    /// Whoever opened the store while no server runs.
    #[must_use]
    pub fn offline() -> Actor {
        Actor::machine("local", "offline")
    }

    /// The server itself.
    #[must_use]
    pub fn server() -> Actor {
        Actor::machine("server", "offline")
    }
}

/// Why a change was not made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccountsError {
    /// Nobody of that name.
    #[error("there is no account {0}")]
    NoAccount(String),
    /// No such device credential, or it was revoked.
    #[error("{user} has no device {device}")]
    NoDevice {
        /// Whose.
        user: String,
        /// Which.
        device: String,
    },
    /// The name is taken, here or in the directory.
    #[error("there is an account {0} already")]
    Exists(String),
    /// Nobody can be called so.
    #[error("{0:?} is not a user name")]
    Name(String),
    /// The password cannot be one.
    #[error("the password is {0}")]
    Password(&'static str),
    /// A text is longer than it may be.
    #[error("the {0} is too long")]
    TooLong(&'static str),
    /// Somebody has this telephone number already.
    #[error("{user} has the number {number} already")]
    NumberTaken {
        /// The number.
        number: String,
        /// Whose it is.
        user: String,
    },
    /// A text that holds no telephone number, or something beside.
    #[error("{0:?} is not a telephone number; several are separated by semicolons")]
    Number(String),
    /// An account of another domain.
    #[error("the domain {0} is not served here; to serve it, add it to aliases")]
    ForeignDomain(String),
    /// An HA1 that another realm went into.
    #[error(
        "its HA1 was made for the realm {theirs}, and this server's is {ours}: set identity.realm \
         = \"{theirs}\" before the first start, or give this person a password"
    )]
    OtherRealm {
        /// The realm that went into it.
        theirs: String,
        /// The realm here.
        ours: String,
    },
    /// A person of the directory has his password there.
    #[error("the password and the number of {0} are the directory's")]
    OfDirectory(String),
    /// No more devices.
    #[error("{0} has as many devices as one may have; revoke one first")]
    TooManyDevices(String),
    /// The directory is out of reach.
    #[error("the directory is out of reach; try again in {0:?}")]
    Unavailable(Duration),
    /// The store's people have their addresses in another domain than the configured one.
    #[error(
        "the addresses and passwords here were made for the domain {frozen}, and {configured} is \
         configured"
    )]
    OtherDomain {
        /// Theirs.
        frozen: String,
        /// The configured one.
        configured: String,
    },
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store does not take the change.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// A row cannot be read.
    #[error("the row of {0} is damaged")]
    Damaged(String),
    /// It concerns the console or its tokens.
    #[error(transparent)]
    Console(#[from] ConsoleError),
    /// It concerns applications that send notices.
    #[error(transparent)]
    Application(#[from] ApplicationError),
    /// A cursor that no page gave.
    #[error("there is no page that begins there; begin with the first one")]
    Cursor,
    /// The CSV has no header line that can be used.
    #[error("the first line must name the columns, user among them: {0}")]
    Header(String),
}

/// How often a change is planned anew when somebody else was faster.
const TRIES: usize = 5;

/// The one writer of its tables. Shared.
#[derive(Debug)]
pub struct Accounts {
    store: Arc<dyn Store>,
    identity: Arc<Identity>,
    clock: Clock,
    bus: Bus,
    /// Held from planning a change to its commit: the audit trail is a chain.
    order: Mutex<()>,
    used: devices::LastUsed,
    console: console::Console,
    people: people::People,
}

/// A change to be made, and what it is called in the audit trail.
struct Plan<T> {
    commit: Commit,
    detail: String,
    value: T,
}

impl Accounts {
    /// Begins to write; `identity` reads from the same store. From here on what the directory
    /// says about people is written to their rows, on `runtime`.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        identity: Arc<Identity>,
        clock: Clock,
        bus: Bus,
        runtime: &Handle,
    ) -> Arc<Accounts> {
        let accounts = Arc::new(Accounts {
            store,
            identity: Arc::clone(&identity),
            clock,
            bus,
            order: Mutex::new(()),
            used: devices::LastUsed::default(),
            console: console::Console::default(),
            people: people::People::default(),
        });
        identity.watch(Arc::new(directory::Recorder::new(&accounts, runtime.clone())));
        accounts
    }

    /// The identity layer that reads what is written here.
    #[must_use]
    pub const fn identity(&self) -> &Arc<Identity> {
        &self.identity
    }

    fn now(&self) -> WallTime {
        self.clock.wall()
    }

    /// The canonical form of a name that somebody typed.
    fn name(&self, user: &str) -> Result<UserName, AccountsError> {
        let name = self.identity.canonical(user.trim());
        if is_valid_name(&name) { Ok(name) } else { Err(AccountsError::Name(user.to_owned())) }
    }

    /// A row of the accounts, with its bytes.
    fn row(&self, user: &UserName) -> Result<Option<(Account, Vec<u8>)>, AccountsError> {
        match self.store.get(Table::Accounts, &Account::key(user))? {
            None => Ok(None),
            Some(bytes) => match Account::decode(&bytes) {
                Ok(account) => Ok(Some((account, bytes))),
                Err(_) => Err(AccountsError::Damaged(user.to_string())),
            },
        }
    }

    fn existing(&self, user: &UserName) -> Result<(Account, Vec<u8>), AccountsError> {
        self.row(user)?.ok_or_else(|| AccountsError::NoAccount(user.to_string()))
    }

    /// Replaces a row that still is what was read.
    fn replace(commit: Commit, account: &Account, before: Vec<u8>) -> Commit {
        let key = Account::key(&account.user);
        commit.expect_equals(Table::Accounts, &key, before).put(
            Table::Accounts,
            &key,
            account.encode(),
        )
    }

    /// Makes a change together with its line of the audit trail. `plan` reads what it needs and
    /// is run again if that changed in the meantime.
    async fn perform<T>(
        &self,
        actor: &Actor,
        action: &str,
        subject: &str,
        mut plan: impl FnMut() -> Result<Plan<T>, AccountsError> + Send,
    ) -> Result<T, AccountsError> {
        let _one_at_a_time = self.order.lock().await;
        let mut outcome = Err(CommitError::Conflict);
        for _ in 0..TRIES {
            let Plan { commit, detail, value } = plan()?;
            if commit.is_empty() {
                return Ok(value);
            }
            let deed = Deed { action, subject, detail: &detail };
            let commit = trail::with_line(&*self.store, commit, self.now(), actor, deed)?;
            outcome = self.store.commit(commit).await;
            match outcome {
                Ok(()) => return Ok(value),
                Err(CommitError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
        outcome?;
        Err(CommitError::Conflict.into())
    }

    /// Lets the identity layer read a person's rows again, and tells everybody else.
    fn announce(&self, user: &UserName) -> Result<(), AccountsError> {
        self.identity.refresh(user)?;
        self.index_person(user)?;
        self.bus.publish(Table::Accounts, &Account::key(user));
        Ok(())
    }
}
