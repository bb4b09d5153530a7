//! Passwords as people type them: portal, console, XCAP by Basic over TLS.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::ldap::{DirectoryError, Found, Wanted};
use super::name::UserName;
use super::query::retry_after;
use super::{Identity, Lookup};
use crate::clock::Tick;

/// Wrong passwords for one person, after which the directory is no longer asked: fewer than those
/// after which a directory locks an account for good.
const MOST_WRONG: u32 = 4;
/// How long they count.
const MEMORY: Duration = Duration::from_secs(300);
/// People with wrong passwords remembered.
const MOST_PEOPLE: usize = 10_000;

/// What a typed password is worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PasswordOutcome {
    /// It is this person's.
    Right(UserName),
    /// It is not, or there is nobody of that name, or he is locked.
    Wrong,
    /// Too many wrong ones lately: not looked at, so that strangers cannot lock somebody's account
    /// in the directory.
    TooMany {
        /// When to try again.
        retry_after: Duration,
    },
    /// The directory is out of reach.
    Unavailable {
        /// When to try again.
        retry_after: Duration,
    },
}

#[derive(Debug, Default)]
pub(super) struct Guesses(Mutex<HashMap<UserName, (u32, Tick)>>);

impl Guesses {
    /// How long to wait if there were too many.
    fn refused(&self, name: &UserName, now: Tick) -> Option<Duration> {
        let guesses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (wrong, since) = guesses.get(name)?;
        let age = now.since(*since);
        (*wrong >= MOST_WRONG && age < MEMORY).then(|| MEMORY.saturating_sub(age))
    }

    fn wrong(&self, name: &UserName, now: Tick) {
        let mut guesses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if guesses.len() >= MOST_PEOPLE {
            guesses.retain(|_, (_, since)| now.since(*since) < MEMORY);
        }
        if guesses.len() >= MOST_PEOPLE && !guesses.contains_key(name) {
            guesses.clear();
        }
        let entry = guesses.entry(name.clone()).or_insert((0, now));
        if now.since(entry.1) >= MEMORY {
            *entry = (0, now);
        }
        entry.0 = entry.0.saturating_add(1);
    }

    fn right(&self, name: &UserName) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }
}

impl Identity {
    /// Whether a typed password is a person's: a local account's by its HA1, a directory person's
    /// by a bind with his own entry. Empty passwords and ones with a NUL are nobody's, whatever the
    /// directory would say.
    pub async fn password_bind(&self, user: &str, password: &str) -> PasswordOutcome {
        if password.is_empty() || password.contains('\0') {
            return PasswordOutcome::Wrong;
        }
        let name = self.canonical(user);
        let now = self.clock.now();
        let local = self.people.with(&name, |person| person.and_then(|p| p.local.clone()));
        let directory = self.directory();
        if local.as_ref().is_some_and(|local| !local.is_of_directory()) || directory.is_none() {
            let right = match self.verifier_now(&name, now) {
                Lookup::Known(verifiers) => verifiers.check_password(self.realm(), password),
                _ => {
                    self.nobody.check_password(self.realm(), password);
                    false
                }
            };
            return if right { PasswordOutcome::Right(name) } else { PasswordOutcome::Wrong };
        }
        if let Some(retry_after) = self.guesses.refused(&name, now) {
            return PasswordOutcome::TooMany { retry_after };
        }
        let Some((directory, uid)) = directory.zip(self.uid_of(&name)) else {
            return PasswordOutcome::Wrong;
        };
        let unavailable = |error| PasswordOutcome::Unavailable { retry_after: retry_after(&error) };
        let entry = match directory.find(uid, Wanted::Everything).await {
            Ok(found) if self.doubts(uid, &found) => return unavailable(DirectoryError::Doubtful),
            Ok(Found::Present(entry)) => Some(entry.dn),
            Ok(Found::Disabled(_) | Found::Absent) => None,
            Err(error) => return unavailable(error),
        };
        let locked = local.is_some_and(|local| local.disabled);
        // A name that is nobody's costs a bind as well, which the directory refuses.
        let nowhere = || directory.settings().decoy_dn(uid);
        let exists = entry.is_some() && !locked;
        let dn = entry.filter(|_| exists).unwrap_or_else(nowhere);
        match directory.bind(&dn, password).await {
            Ok(true) if exists => {
                self.guesses.right(&name);
                PasswordOutcome::Right(name)
            }
            Ok(_) => {
                self.guesses.wrong(&name, now);
                PasswordOutcome::Wrong
            }
            Err(error) => unavailable(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Below the five of most directories.
    #[test]
    fn a_fifth_guess_is_not_looked_at_until_some_time_has_passed() {
        let guesses = Guesses::default();
        let name = UserName::canonical("alice");
        let now = Tick::from_secs(10);
        for _ in 0..MOST_WRONG {
            assert_eq!(guesses.refused(&name, now), None);
            guesses.wrong(&name, now);
        }
        assert_eq!(guesses.refused(&name, now), Some(MEMORY));
        assert_eq!(guesses.refused(&name, now + MEMORY), None);
        guesses.wrong(&name, now + MEMORY);
        assert_eq!(guesses.refused(&name, now + MEMORY), None);
        guesses.right(&name);
        assert_eq!(guesses.0.lock().unwrap().len(), 0);
    }

    #[test]
    fn guesses_that_are_remembered_are_bounded() {
        let guesses = Guesses::default();
        for number in 0..30_000u32 {
            guesses.wrong(&UserName::canonical(&number.to_string()), Tick::ZERO);
        }
        assert!(guesses.0.lock().unwrap().len() <= MOST_PEOPLE);
    }
}
