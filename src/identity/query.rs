//! Asking the directory about one person: one query in flight for each, on the control runtime.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::sync::OnceCell;

use super::Identity;
use super::ldap::{Directory, DirectoryError, Entry, Found, Wanted};
use super::name::UserName;
use super::person::{DirectoryPerson, Fact, Person, Standing};
use super::verifiers::Secret;
use crate::config::SecretFormat;
use crate::http_digest::{Algorithm, Hash};

/// People asked about at once.
const MOST: usize = 4_096;
/// People asked about at once of whom nobody waits to hear.
const MOST_AHEAD: usize = 64;

type Answer = Result<Arc<Fact>, DirectoryError>;
type Flight = Arc<OnceCell<Answer>>;
/// About whom, and what.
type Query = (UserName, Wanted);

/// The queries that are on their way.
#[derive(Debug, Default)]
pub(super) struct Flights(Mutex<HashMap<Query, Flight>>);

impl Flights {
    /// The flight about a person: the one that is on its way, or a new one; `None` if there are
    /// `most` already.
    fn board(&self, query: &Query, most: usize) -> Option<Flight> {
        let mut flights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(flight) = flights.get(query) {
            return Some(Arc::clone(flight));
        }
        if flights.len() >= most {
            return None;
        }
        let flight = Flight::default();
        flights.insert(query.clone(), Arc::clone(&flight));
        Some(flight)
    }

    fn contains(&self, query: &Query) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains_key(query)
    }

    fn land(&self, query: &Query, flight: &Flight) {
        let mut flights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if flights.get(query).is_some_and(|current| Arc::ptr_eq(current, flight)) {
            flights.remove(query);
        }
    }
}

/// How long somebody is to wait before he tries again.
pub(super) fn retry_after(error: &DirectoryError) -> Duration {
    match error {
        DirectoryError::Resting(left) => *left,
        _ => Duration::from_secs(5),
    }
}

impl Identity {
    /// Asks the directory about a person, together with everybody who asks the same now. What is
    /// cached is always everything.
    pub(super) async fn ask(&self, name: &UserName, wanted: Wanted) -> Answer {
        let wanted = if self.outlook().cache.enabled { Wanted::Everything } else { wanted };
        let query = (name.clone(), wanted);
        let flight = self
            .flights
            .board(&query, MOST)
            .ok_or(DirectoryError::Resting(Duration::from_secs(1)))?;
        let answer = flight.get_or_init(|| self.take_off(&query)).await.clone();
        self.flights.land(&query, &flight);
        answer
    }

    /// Asks in the background, unless too many are asked about already.
    pub(super) fn ask_soon(&self, name: &UserName) {
        let query = (name.clone(), Wanted::Everything);
        if self.flights.contains(&query) {
            return;
        }
        let Some(me) = self.me.get().and_then(std::sync::Weak::upgrade) else { return };
        let Some(flight) = self.flights.board(&query, MOST_AHEAD) else { return };
        self.runtime.spawn(async move {
            flight.get_or_init(|| me.take_off(&query)).await;
            me.flights.land(&query, &flight);
        });
    }

    /// The query itself. A panic in the library's parsers ends this one alone.
    async fn take_off(&self, (name, wanted): &Query) -> Answer {
        let query = AssertUnwindSafe(self.query(name, *wanted)).catch_unwind();
        let panicked = |_| Err(DirectoryError::Connection("its answer cannot be read".to_owned()));
        query.await.unwrap_or_else(panicked)
    }

    async fn query(&self, name: &UserName, wanted: Wanted) -> Answer {
        let Some((directory, uid)) = self.directory().zip(self.uid_of(name)) else {
            return Ok(Arc::new(Fact::new(Standing::Absent, None, None, self.clock.now())));
        };
        let found = directory.find(uid, wanted).await?;
        if self.doubts(uid, &found) || !self.is_current(&directory) {
            return Err(DirectoryError::Doubtful);
        }
        let now = self.clock.now();
        let fact = Arc::new(match found {
            Found::Absent => Fact::new(Standing::Absent, None, None, now),
            Found::Disabled(entry) => {
                let person = Box::new(describe(&entry));
                Fact::new(Standing::Disabled, Some(person), None, now)
            }
            Found::Present(entry) => {
                let secret = self.secret_of(name, &entry, &directory);
                Fact::new(Standing::Present, Some(Box::new(describe(&entry))), secret, now)
            }
        });
        if self.outlook().cache.enabled {
            self.people.change(name, |person| {
                let local = person.and_then(|person| person.local.clone());
                Some(Person::new(name, &self.domain, local, Some(Arc::clone(&fact))))
            });
        }
        Ok(fact)
    }

    /// What the entry's secret attribute is good for.
    fn secret_of(&self, name: &UserName, entry: &Entry, directory: &Directory) -> Option<Secret> {
        let attribute = directory.settings().secret.as_ref()?;
        let value = entry.secret.as_ref()?;
        let ha1 = |algorithm| Hash::from_hex(algorithm, value.trim().as_bytes()).map(Secret::Fixed);
        let secret = match attribute.format {
            SecretFormat::Ha1Md5 => ha1(Algorithm::Md5),
            SecretFormat::Ha1Sha256 => ha1(Algorithm::Sha256),
            SecretFormat::Cleartext => cleartext(value)
                .map(|password| Secret::of_password(name, &self.domain, self.realm(), password)),
        };
        if secret.is_none() {
            tracing::warn!(event = "directory.secret_unusable", user = %name.escape_debug());
        }
        secret
    }
}

fn describe(entry: &Entry) -> DirectoryPerson {
    DirectoryPerson {
        dn: entry.dn.clone(),
        id: entry.id.clone(),
        display_name: entry.display_name.clone(),
        mail: entry.mail.clone(),
        number: entry.number.clone(),
    }
}

/// The password in an attribute such as `userPassword`; `None` if it holds a hash (RFC 2307).
fn cleartext(value: &str) -> Option<&str> {
    let Some((scheme, rest)) = value.strip_prefix('{').and_then(|v| v.split_once('}')) else {
        return (!value.is_empty()).then_some(value);
    };
    let clear = ["CLEARTEXT", "CLEAR", "PLAIN"].iter().any(|s| s.eq_ignore_ascii_case(scheme));
    // A password may begin with a brace, but then what follows is no scheme.
    let is_scheme = scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'/'));
    match (clear, is_scheme) {
        (true, _) => (!rest.is_empty()).then_some(rest),
        (false, true) => None,
        (false, false) => Some(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_in_the_place_of_a_password_is_no_password() {
        assert_eq!(cleartext("secret"), Some("secret"));
        assert_eq!(cleartext("{CLEARTEXT}secret"), Some("secret"));
        assert_eq!(cleartext("{a b}c"), Some("{a b}c"));
        for hashed in ["{SSHA}0a1b", "{CRYPT}$6$x", "{ARGON2}x", "{CLEAR}", ""] {
            assert_eq!(cleartext(hashed), None, "{hashed}");
        }
    }

    #[test]
    fn flights_are_shared_and_bounded() {
        let flights = Flights::default();
        let name = |n: usize| (UserName::canonical(&n.to_string()), Wanted::Everything);
        let first = flights.board(&name(1), 2).unwrap();
        assert!(Arc::ptr_eq(&first, &flights.board(&name(1), 2).unwrap()));
        assert!(flights.board(&name(2), 2).is_some());
        assert!(flights.board(&name(3), 2).is_none());
        flights.land(&name(1), &first);
        assert!(!flights.contains(&name(1)));
        assert!(flights.board(&name(3), 2).is_some());
    }
}
