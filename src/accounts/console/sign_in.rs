//! Signing in to the console, and whether somebody who did still may.

use std::net::IpAddr;
use std::time::Duration;

use super::codes::Factor;
use super::{Accounts, AccountsError, Actor, ActorKind, ConsoleError};
use crate::accounts::Plan;
use crate::identity::{PasswordOutcome, UserName, is_valid_name};
use crate::model::{ConsoleAccount, Record as _, Role};
use crate::store::{Commit, Table};

/// Somebody tries to sign in.
#[derive(Clone, Copy)]
pub struct Attempt<'a> {
    /// The name as it was typed.
    pub name: &'a str,
    /// The password.
    pub password: &'a str,
    /// A code by time or a recovery code; empty where none was asked for.
    pub code: &'a str,
    /// Where it comes from.
    pub source: IpAddr,
}

/// Where a person of the console is known from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// An account of the console.
    Console,
    /// The directory's group of administrators.
    Directory,
}

/// Somebody who signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The canonical name.
    pub name: String,
    /// Where he is known from.
    pub origin: Origin,
    /// What he may do.
    pub role: Role,
    /// [`ConsoleAccount::version`] when he signed in; 0 for the directory's people.
    pub version: u64,
}

impl Principal {
    pub(super) fn of(account: &ConsoleAccount) -> Principal {
        Principal {
            name: account.name.clone(),
            origin: Origin::Console,
            role: account.role,
            version: account.version,
        }
    }

    /// Him as somebody who asks for changes from an address.
    #[must_use]
    pub fn actor(&self, source: IpAddr) -> Actor {
        Actor {
            name: self.name.clone(),
            source: source.to_canonical().to_string(),
            role: self.role,
            kind: match self.origin {
                Origin::Console => ActorKind::Console,
                Origin::Directory => ActorKind::Directory,
            },
        }
    }
}

/// What becomes of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignIn {
    /// He is who he says.
    Welcome(Principal),
    /// Anything else, and never what: an unknown name, a wrong password, a wrong code, somebody who
    /// is locked out or no administrator.
    Refused {
        /// Whether the directory is out of reach, so that its people cannot sign in now. It is said to
        /// everybody alike.
        directory_is_down: bool,
    },
    /// Too many at once; nothing was checked.
    Busy {
        /// When to try again.
        retry_after: Duration,
    },
}

impl Accounts {
    /// Signs somebody in, with the same work whoever it is: the hash of the stored password or of
    /// nobody's, a code, and a line of the audit trail.
    ///
    /// Where the directory has administrators, a name that has no account here is tried there
    /// while the hash is made, for longer only if the directory answers slower than that.
    ///
    /// # Errors
    /// [`AccountsError`] if the store cannot be read or written.
    pub async fn sign_in(&self, attempt: Attempt<'_>) -> Result<SignIn, AccountsError> {
        let place = match self.console.passwords.place() {
            Ok(place) => place,
            Err(ConsoleError::Busy(retry_after)) => return Ok(SignIn::Busy { retry_after }),
            Err(error) => return Err(error.into()),
        };
        let name = UserName::canonical(attempt.name.trim());
        let row = if is_valid_name(&name) { self.console_row(&name)? } else { None };
        let account = row.map(|(account, _)| account);
        let stored = account.as_ref().map(|account| account.password.clone());
        let asks_directory = account.is_none() && self.identity.has_administrators();
        let (fits, bind) = tokio::join!(
            self.console.passwords.is_right(place, attempt.password, stored.clone()),
            async {
                if !asks_directory {
                    return None;
                }
                Some(self.identity.password_bind(&name, attempt.password).await)
            }
        );
        let factor = self.factor(account.as_ref(), attempt.code, self.now());
        let welcome = match (account, stored, bind) {
            (Some(account), Some(stored), _) if fits? && factor.is_some() && !account.locked => {
                self.enter(&attempt, &name, &stored).await?
            }
            (None, _, Some(PasswordOutcome::Right(person)))
                if self.identity.administers(&person) =>
            {
                let principal = Principal {
                    name: person.to_string(),
                    origin: Origin::Directory,
                    role: Role::Admin,
                    version: 0,
                };
                self.note_sign_in(&principal, attempt.source).await?;
                Some(principal)
            }
            _ => None,
        };
        if let Some(principal) = welcome {
            return Ok(SignIn::Welcome(principal));
        }
        self.note_refusal(attempt.name, attempt.source, "console.sign_in").await?;
        Ok(SignIn::Refused { directory_is_down: self.identity.state().state == "down" })
    }

    /// Writes down that an account signs in, its code used up; `None` if that is no longer so.
    async fn enter(
        &self,
        attempt: &Attempt<'_>,
        name: &UserName,
        stored: &str,
    ) -> Result<Option<Principal>, AccountsError> {
        let nothing = || Plan { commit: Commit::new(), detail: String::new(), value: None };
        let Some((account, _)) = self.console_row(name)? else { return Ok(None) };
        let actor = Principal::of(&account).actor(attempt.source);
        self.perform(&actor, "console.sign_in", name, || {
            let Some((mut account, before)) = self.console_row(name)? else { return Ok(nothing()) };
            if account.locked || account.password != stored {
                return Ok(nothing());
            }
            // Somebody with the same code may have been faster.
            let detail = match self.factor(Some(&account), attempt.code, self.now()) {
                None => return Ok(nothing()),
                Some(Factor::None) => "by password alone".to_owned(),
                Some(Factor::Step(step)) => {
                    account.totp_step = step;
                    "by password and code".to_owned()
                }
                Some(Factor::Recovery(place)) => {
                    account.recovery.remove(place);
                    let left = account.recovery.len();
                    format!("by password and recovery code; {left} of these are left")
                }
            };
            account.last_sign_in = Some(self.now());
            let key = ConsoleAccount::key(name);
            let commit = Commit::new().expect_equals(Table::Console, &key, before).put(
                Table::Console,
                &key,
                account.encode(),
            );
            Ok(Plan { commit, detail, value: Some(Principal::of(&account)) })
        })
        .await
    }

    async fn note_sign_in(
        &self,
        principal: &Principal,
        source: IpAddr,
    ) -> Result<(), AccountsError> {
        let deed = super::super::Deed {
            action: "console.sign_in",
            subject: &principal.name,
            detail: "by the directory",
        };
        self.note(&principal.actor(source), deed).await
    }

    /// Somebody of the console as he stands now, for a session that goes on after he changed his own
    /// password or second factor; `None` if he is gone or locked.
    ///
    /// # Errors
    /// [`AccountsError`] if the store cannot be read.
    pub fn principal_of(&self, name: &str) -> Result<Option<Principal>, AccountsError> {
        let row = self.console_row(&UserName::canonical(name.trim()))?;
        Ok(row.filter(|(account, _)| !account.locked).map(|(account, _)| Principal::of(&account)))
    }

    /// Somebody who signed in, as he stands now; `None` if his sessions are over: he is gone or locked,
    /// his password, second factor or role are others, or he left the group of administrators. Costs
    /// one look into the store.
    ///
    /// # Errors
    /// [`AccountsError`] if the store cannot be read.
    pub fn still(&self, principal: &Principal) -> Result<Option<Principal>, AccountsError> {
        let row = self.console_row(&principal.name)?;
        let stands = match (principal.origin, row) {
            (Origin::Console, Some((account, _))) => (!account.locked
                && account.version == principal.version)
                .then(|| Principal::of(&account)),
            (Origin::Console, None) => None,
            // An account of that name goes before the directory, and is somebody else.
            (Origin::Directory, row) => (row.is_none()
                && self.identity.administers(&principal.name))
            .then(|| principal.clone()),
        };
        Ok(stands)
    }
}
