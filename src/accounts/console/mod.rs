//! Who works on the console: accounts with a role, a password of their own and codes by time; people
//! of the directory's group of administrators; links that make the first owner; tokens of the API.
//!
//! A password of the console is never one of Digest, and an account of the console is no account of
//! SIP: a name may be both, and they know nothing of one another. A console account goes before a
//! person of the directory of the same name, who is not looked up then.

use std::time::Duration;

use tokio::sync::Notify;

use super::devices::LastUsed;
use super::trail::Refusals;
use super::{Accounts, AccountsError, Actor, ActorKind};
use crate::identity::{UserName, is_valid_name};
use crate::model::{ConsoleAccount, Record as _, Role};
use crate::store::{Table, rows};

mod alerts;
mod codes;
mod manage;
mod passwords;
mod setup;
mod sign_in;
#[cfg(test)]
mod tests;
mod tokens;

pub use codes::{CodeOffer, NewCode, RecoveryCodes};
pub use manage::NewConsoleAccount;
pub use setup::SetupState;
pub use sign_in::{Attempt, Origin, Principal, SignIn};
pub use tokens::{Bearer, NewToken};

/// Accounts of the console at most: they are read one by one to find the owners.
const MOST_ACCOUNTS: usize = 200;

/// Why something about the console was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConsoleError {
    /// Nobody of that name.
    #[error("there is no console account {0}")]
    NoAccount(String),
    /// The name is taken.
    #[error("there is a console account {0} already")]
    Exists(String),
    /// Nobody can be called so.
    #[error("{0:?} is not a name for a console account")]
    Name(String),
    /// The password cannot be one.
    #[error("the password {0}")]
    Password(&'static str),
    /// There is no room for more.
    #[error("there are as many {0} as there may be; remove one first")]
    TooMany(&'static str),
    /// It concerns somebody of a higher role, or needs one.
    #[error("this needs the role {0}")]
    Rights(Role),
    /// Without him nobody could do everything.
    #[error("{0} is the only owner who can sign in; make another one first")]
    LastOwner(String),
    /// Nobody takes his own rights away by mistake, or gives himself a password in passing.
    #[error("this cannot be done to oneself; somebody else has to")]
    Oneself,
    /// The password that was given as the present one is not.
    #[error("the present password is wrong")]
    Present,
    /// The code of the second factor does not fit, or was used before.
    #[error("the code is wrong or was used before; check the clock of the device that shows it")]
    Code,
    /// The secret that codes shall be made of is none of ours.
    #[error("this is no secret that was offered here")]
    CodeSecret,
    /// The link was used, replaced, or is too old.
    #[error("this link is no longer in force; tagus setup-link makes a new one")]
    Link,
    /// More passwords are being checked than there is room for.
    #[error("too many passwords are being checked; try again in {0:?}")]
    Busy(Duration),
    /// No such token.
    #[error("there is no token {0}")]
    NoToken(String),
    /// A token that could do nothing.
    #[error("a token needs at least one scope")]
    NoScope,
    /// A token makes no tokens.
    #[error("a token cannot make tokens")]
    TokenOfToken,
    /// A token that would end before it began.
    #[error("the token's end has passed already")]
    Ended,
    /// There is nobody to be told.
    #[error("no alerts are set; choose a person and what about first")]
    NoAlerts,
    /// Neither an address nor a network.
    #[error("{0:?} is not an address or a network such as 192.0.2.0/24")]
    Network(String),
}

/// What the accounts remember of the console beside the rows.
#[derive(Debug, Default)]
pub(super) struct Console {
    passwords: passwords::Passwords,
    pub(super) refusals: Refusals,
    tokens_used: LastUsed,
    links: Notify,
    unwritten: sign_in::UnwrittenSteps,
}

impl Accounts {
    /// The canonical form of a name of the console.
    fn console_name(name: &str) -> Result<UserName, AccountsError> {
        let canonical = UserName::canonical(name.trim());
        if is_valid_name(&canonical) {
            Ok(canonical)
        } else {
            Err(ConsoleError::Name(name.to_owned()).into())
        }
    }

    /// A row of the console, with its bytes.
    fn console_row(&self, name: &str) -> Result<Option<(ConsoleAccount, Vec<u8>)>, AccountsError> {
        let Some(bytes) = self.store.get(Table::Console, &ConsoleAccount::key(name))? else {
            return Ok(None);
        };
        match ConsoleAccount::decode(&bytes) {
            Ok(account) => Ok(Some((account, bytes))),
            Err(_) => Err(AccountsError::Damaged(format!("the console account {name}"))),
        }
    }

    fn console_existing(&self, name: &str) -> Result<(ConsoleAccount, Vec<u8>), AccountsError> {
        let row = self.console_row(name)?;
        row.ok_or_else(|| ConsoleError::NoAccount(name.to_owned()).into())
    }

    /// Everybody who has a console account, by name.
    ///
    /// # Errors
    /// [`AccountsError`] if they cannot be read.
    pub fn console_accounts(&self) -> Result<Vec<ConsoleAccount>, AccountsError> {
        let mut accounts = Vec::new();
        for row in rows(&*self.store, Table::Console, b"") {
            let account = ConsoleAccount::decode(&row?.1);
            let damaged = |_| AccountsError::Damaged("a console account".to_owned());
            accounts.push(account.map_err(damaged)?);
        }
        Ok(accounts)
    }

    /// One console account.
    ///
    /// # Errors
    /// [`ConsoleError::NoAccount`] if there is none of that name.
    pub fn console_account(&self, name: &str) -> Result<ConsoleAccount, AccountsError> {
        Ok(self.console_existing(&UserName::canonical(name.trim()))?.0)
    }

    /// Whether there is an owner who can sign in.
    ///
    /// # Errors
    /// [`AccountsError`] if the accounts cannot be read.
    pub fn has_owner(&self) -> Result<bool, AccountsError> {
        Ok(self.console_accounts()?.iter().any(is_owner))
    }
}

/// Whether an account is an owner who can sign in.
fn is_owner(account: &ConsoleAccount) -> bool {
    account.role == Role::Owner && !account.locked
}

/// Whether an actor is the console account of that name.
fn is_oneself(actor: &Actor, name: &str) -> bool {
    actor.kind == ActorKind::Console && actor.name == name
}
