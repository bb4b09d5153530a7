//! Passwords of the console: Argon2id (RFC 9106), off the threads that serve.

use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use zeroize::Zeroizing;

use super::ConsoleError;
use crate::entropy;

/// Characters of a password at least. The same with and without codes by time: codes can be taken
/// away by whoever runs the console, and the password stays.
const SHORTEST: usize = 12;
/// Bytes of a password at most.
const LONGEST: usize = 1024;

/// KiB, passes and lanes: what OWASP's page on storing passwords asks for at least of Argon2id. One hash
/// took 36 ms at best in a release build, and about 50 ms on a machine busy with other work.
const COST: (u32, u32, u32) = (19_456, 2, 1);

/// Passwords that wait to be checked at most; whoever comes then is asked to come back.
const MOST_WAITING: usize = 16;
/// When to come back.
const COME_BACK: Duration = Duration::from_secs(2);

/// A hash of no password, with the cost of all others: what a password is held against when there
/// is nobody of that name.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$UG9udGUgVmFzY28gZGEgR2FtYQ\
                      $u8J5xJ0mW1cVQ0m3Yb3O2cR1QkZt5zZr1r8k8mJm0Xo";

/// What a password of the console must be. It is taken byte for byte as it came: whoever types it
/// in composed and decomposed accents has two passwords.
pub(super) fn check(password: &str) -> Result<(), ConsoleError> {
    if password.chars().count() < SHORTEST {
        return Err(ConsoleError::Password("must have 12 characters at least"));
    }
    if password.len() > LONGEST {
        return Err(ConsoleError::Password("is longer than 1,024 bytes"));
    }
    if password.chars().any(char::is_control) {
        return Err(ConsoleError::Password("holds a control character"));
    }
    let mut characters = password.chars();
    let first = characters.next();
    if characters.all(|c| Some(c) == first) {
        return Err(ConsoleError::Password("is one character over and over"));
    }
    Ok(())
}

/// Makes and checks hashes, on half of the processors and two at once at most: a flood of sign-ins
/// leaves the other half to everybody else, and takes 38 MiB at most.
#[derive(Debug)]
pub(super) struct Passwords {
    /// Those at work and those that wait.
    places: Arc<Semaphore>,
    /// Those at work.
    doors: Arc<Semaphore>,
}

impl Default for Passwords {
    fn default() -> Passwords {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let at_once = (processors / 2).clamp(1, 2);
        Passwords {
            places: Arc::new(Semaphore::new(at_once + MOST_WAITING)),
            doors: Arc::new(Semaphore::new(at_once)),
        }
    }
}

/// A place among those whose passwords are checked.
#[derive(Debug)]
pub(super) struct Place(OwnedSemaphorePermit);

impl Passwords {
    /// Takes a place, or says that there is none now.
    pub(super) fn place(&self) -> Result<Place, ConsoleError> {
        let place = Arc::clone(&self.places).try_acquire_owned();
        place.map(Place).map_err(|_| ConsoleError::Busy(COME_BACK))
    }

    /// Whether a password is the one of a stored hash; with no hash, the same work for nothing.
    pub(super) async fn is_right(
        &self,
        place: Place,
        password: &str,
        stored: Option<String>,
    ) -> Result<bool, ConsoleError> {
        if password.len() > LONGEST {
            return Ok(false);
        }
        let password = Zeroizing::new(password.to_owned());
        let known = stored.is_some();
        let stored = stored.unwrap_or_else(|| NOBODY.to_owned());
        let fits = self
            .aside(place, move || {
                hasher().is_some_and(|h| {
                    h.verify_password(password.as_bytes(), stored.as_str()).is_ok()
                })
            })
            .await?;
        Ok(fits && known)
    }

    /// The hash to be stored of a password that [`check`] let pass.
    pub(super) async fn hash(&self, password: &str) -> Result<String, ConsoleError> {
        let place = self.place()?;
        let password = Zeroizing::new(password.to_owned());
        let salt: [u8; 16] = entropy::bytes();
        let made = self.aside(place, move || {
            let hash = hasher()?.hash_password_with_salt(password.as_bytes(), &salt).ok()?;
            Some(hash.to_string())
        });
        // Memory for it could not be had.
        made.await?.ok_or(ConsoleError::Busy(COME_BACK))
    }

    /// Runs the work on a thread that may take its time. Whoever asked and went away keeps his
    /// place until it is done: the work goes on as well.
    async fn aside<T: Send + 'static>(
        &self,
        place: Place,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ConsoleError> {
        let busy = ConsoleError::Busy(COME_BACK);
        let Ok(door) = Arc::clone(&self.doors).acquire_owned().await else { return Err(busy) };
        let work = move || {
            let done = work();
            drop((place.0, door));
            done
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| busy)
    }
}

fn hasher() -> Option<Argon2<'static>> {
    let (memory, passes, lanes) = COST;
    let params = Params::new(memory, passes, lanes, None).ok()?;
    Some(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

#[cfg(test)]
mod tests {
    use argon2::password_hash::phc::PasswordHash;

    use super::*;

    /// Unknown names cost what known ones do: the same algorithm, memory, passes and lanes.
    #[tokio::test]
    async fn nobodys_hash_has_the_cost_of_everybodys() {
        let passwords = Passwords::default();
        let made = passwords.hash("correct horse battery").await.unwrap();
        let cost = |text: &str| text.rsplitn(3, '$').nth(2).map(str::to_owned).unwrap();
        assert_eq!(cost(&made), "$argon2id$v=19$m=19456,t=2,p=1");
        assert_eq!(cost(NOBODY), cost(&made));
        let nobody = PasswordHash::new(NOBODY).unwrap();
        let ours = PasswordHash::new(&made).unwrap();
        let length = |hash: &PasswordHash| hash.hash.as_ref().unwrap().len();
        assert_eq!(length(&nobody), length(&ours));
        let right = |password: &'static str, stored: Option<String>| {
            let place = passwords.place().unwrap();
            passwords.is_right(place, password, stored)
        };
        assert!(right("correct horse battery", Some(made.clone())).await.unwrap());
        assert!(!right("correct horse batterz", Some(made.clone())).await.unwrap());
        assert!(!right("correct horse battery", None).await.unwrap());
        assert_ne!(passwords.hash("correct horse battery").await.unwrap(), made, "salted");
        for damaged in ["", "$argon2id$", "plain"] {
            assert!(!right("plain", Some(damaged.to_owned())).await.unwrap());
        }
    }
}
