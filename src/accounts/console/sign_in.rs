//! Signing in to the console, and whether somebody who did still may.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::codes::Factor;
use super::{Accounts, AccountsError, Actor, ActorKind, ConsoleError};
use crate::accounts::Plan;
use crate::identity::{PasswordOutcome, UserName, is_valid_name};
use crate::model::{ConsoleAccount, Record as _, Role};
use crate::store::{Commit, CommitError, Table};

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

/// The last steps whose codes were taken while nothing could be written.
#[derive(Debug, Default)]
pub(super) struct UnwrittenSteps(Mutex<HashMap<String, u64>>);

impl UnwrittenSteps {
    fn is_used(&self, name: &str, step: u64) -> bool {
        let steps = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        steps.get(name).is_some_and(|last| step <= *last)
    }

    fn remember(&self, name: &str, step: u64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), step);
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
        let name = self.identity.canonical(attempt.name.trim());
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

    /// Writes down that an account signs in, its code used up; `None` if that is no longer so. A store
    /// that takes no changes keeps nobody out who has no recovery code to use up: how it is is seen
    /// inside. The code is remembered then.
    async fn enter(
        &self,
        attempt: &Attempt<'_>,
        name: &UserName,
        stored: &str,
    ) -> Result<Option<Principal>, AccountsError> {
        let Some((account, _)) = self.console_row(name)? else { return Ok(None) };
        let actor = Principal::of(&account).actor(attempt.source);
        let entered = self
            .perform(&actor, "console.sign_in", name, || {
                let nothing = Plan { commit: Commit::new(), detail: String::new(), value: None };
                let Some((mut account, before)) = self.console_row(name)? else {
                    return Ok(nothing);
                };
                // Somebody with the same code may have been faster.
                let Some(factor) = self.fits_still(&account, attempt.code, stored) else {
                    return Ok(nothing);
                };
                let detail = match factor {
                    Factor::None => "by password alone".to_owned(),
                    Factor::Step(step) => {
                        account.totp_step = step;
                        "by password and code".to_owned()
                    }
                    Factor::Recovery(place) => {
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
            .await;
        match entered {
            Err(AccountsError::Commit(CommitError::ReadOnly)) => {
                self.enter_unwritten(attempt, name, stored).await
            }
            other => other,
        }
    }

    /// The same where nothing can be written.
    async fn enter_unwritten(
        &self,
        attempt: &Attempt<'_>,
        name: &UserName,
        stored: &str,
    ) -> Result<Option<Principal>, AccountsError> {
        // Held from looking to remembering: of two with one code, one is let in.
        let _one_at_a_time = self.order.lock().await;
        let Some((account, _)) = self.console_row(name)? else { return Ok(None) };
        match self.fits_still(&account, attempt.code, stored) {
            None | Some(Factor::Recovery(_)) => return Ok(None),
            Some(Factor::None) => {}
            Some(Factor::Step(step)) => self.console.unwritten.remember(name, step),
        }
        tracing::warn!(event = "console.sign_in", name = %name, source = %attempt.source, "not written");
        Ok(Some(Principal::of(&account)))
    }

    /// What the code is worth, if the password is still the one that was checked.
    fn fits_still(&self, account: &ConsoleAccount, code: &str, stored: &str) -> Option<Factor> {
        if account.locked || account.password != stored {
            return None;
        }
        self.factor(Some(account), code, self.now()).filter(|factor| match factor {
            Factor::Step(step) => !self.console.unwritten.is_used(&account.name, *step),
            Factor::None | Factor::Recovery(_) => true,
        })
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
        match self.note(&principal.actor(source), deed).await {
            Err(AccountsError::Commit(CommitError::ReadOnly)) => {
                let name = &principal.name;
                tracing::warn!(event = "console.sign_in", name, %source, "not written");
                Ok(())
            }
            other => other,
        }
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
