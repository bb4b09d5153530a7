//! How the directory stands, for whoever looks after it.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Identity;
use super::ldap::DirectoryError;
use crate::clock::{Tick, WallTime};

/// Why a directory is not as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// It was not reached since the start.
    NotYet,
    /// There is no connection.
    Unreachable,
    /// It does not answer in time.
    Silent,
    /// It refuses the service account.
    Account,
    /// It answers with an error.
    Answer,
    /// A file that the settings name cannot be read.
    Settings,
    /// People are held who are no longer on its list.
    Held,
    /// Its list of people cannot be read.
    List,
    /// Its groups cannot be read.
    Groups,
}

impl From<&DirectoryError> for Cause {
    fn from(error: &DirectoryError) -> Cause {
        match error {
            DirectoryError::Connection(_) => Cause::Unreachable,
            DirectoryError::Resting(_) | DirectoryError::Timeout => Cause::Silent,
            DirectoryError::ServiceBind(_) => Cause::Account,
            DirectoryError::Answer(_) | DirectoryError::Doubtful => Cause::Answer,
            DirectoryError::Settings(_) => Cause::Settings,
        }
    }
}

/// How the directory stands, for status pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryState {
    /// `off`, `up`, `degraded` (reachable, but its list of people or its groups could not be read
    /// lately) or `down`.
    pub state: &'static str,
    /// Why it is not `up`.
    pub cause: Option<Cause>,
    /// More about it, for people.
    pub detail: Option<String>,
    /// What that means for people, and what to do.
    pub advice: Option<String>,
    /// Since when it is reachable, or not.
    pub since: Option<WallTime>,
    /// When it last answered.
    pub last_answer: Option<WallTime>,
    /// How long that answer took.
    pub latency: Option<Duration>,
    /// The server in use.
    pub url: String,
    /// People on the list that was read last.
    pub people: usize,
    /// People whose entries are cached.
    pub cached: usize,
    /// Searches for one person so far.
    pub lookups: u64,
    /// Answers that came from the cache's grace, with the directory out of reach.
    pub served_by_grace: u64,
    /// When the list of people was read last.
    pub last_sync: Option<WallTime>,
}

impl Identity {
    /// How the directory stands.
    #[must_use]
    pub fn state(&self) -> DirectoryState {
        let Some(directory) = self.directory() else {
            return DirectoryState {
                state: "off",
                cause: None,
                detail: None,
                advice: None,
                since: None,
                last_answer: None,
                latency: None,
                url: String::new(),
                people: 0,
                cached: 0,
                lookups: 0,
                served_by_grace: 0,
                last_sync: None,
            };
        };
        let health = directory.health();
        let trouble = self.sync_error.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let of_list = if self.proposal().is_some() { Cause::Held } else { Cause::List };
        let trouble = trouble.map(|trouble| (of_list, trouble));
        let trouble = trouble.or_else(|| Some((Cause::Groups, self.groups.trouble()?)));
        let (state, why) = match (health.reachable, trouble, &health.last_error) {
            (true, trouble, _) => (if trouble.is_some() { "degraded" } else { "up" }, trouble),
            (false, _, Some(error)) => ("down", Some((error.into(), error.to_string()))),
            (false, _, None) => ("down", Some((Cause::NotYet, "not reached yet".to_owned()))),
        };
        let (cause, detail) = why.unzip();
        let (wall, now) = (self.clock.wall(), self.clock.now());
        let at = |tick: Tick| {
            let ago = u64::try_from(now.since(tick).as_millis()).unwrap_or(u64::MAX);
            WallTime::from_unix_millis(wall.unix_millis().saturating_sub(ago))
        };
        let last_sync = self.last_sync.load(Ordering::Relaxed);
        DirectoryState {
            state,
            cause,
            detail,
            advice: self.advice(state),
            since: health.since.map(at),
            last_answer: health.last_contact.map(at),
            latency: health.latency,
            url: health.url,
            people: self.known_roll().len(),
            cached: self.people.cached(),
            lookups: health.lookups,
            served_by_grace: self.served_by_grace.load(Ordering::Relaxed) as u64,
            last_sync: (last_sync > 0).then(|| WallTime::from_unix_millis(last_sync)),
        }
    }
}
