//! The last failures to sign in, to be shown to whoever helps people. Bounded: those of names that
//! nobody has push out only each other, so that guessing names hides nobody's mistyped password.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::clock::WallTime;

/// Failures that are remembered of people, and as many of names that nobody has.
const MOST: usize = 10_000;
/// Of one name.
const MOST_OF_ONE: usize = 50;
/// Characters of a User-Agent that are kept.
const AGENT: usize = 120;

/// Why somebody was not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Why {
    /// The password was wrong.
    Password,
    /// Nobody has this name.
    Unknown,
    /// The account is locked.
    Locked,
    /// Its failures before have led to a ban; the password was not looked at.
    Banned,
    /// The password was right, and the sender said to be somebody else.
    AnotherName,
}

/// One failure, or several in a row that were alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// When the last of them was.
    pub at: WallTime,
    /// Where it came from.
    pub source: SocketAddr,
    /// Why.
    pub why: Why,
    /// What the device called itself.
    pub agent: Box<str>,
    /// How many there were.
    pub times: u32,
}

impl Failed {
    fn is_like(&self, source: IpAddr, why: Why, agent: &str) -> bool {
        self.source.ip() == source && self.why == why && *self.agent == *agent
    }
}

/// The last failures.
#[derive(Debug, Default)]
pub(super) struct Recent {
    people: Mutex<Ring>,
    strangers: Mutex<Ring>,
}

#[derive(Debug, Default)]
struct Ring {
    by_account: HashMap<Box<str>, VecDeque<Failed>>,
    /// Whose failure came when, an entry for each that was kept.
    order: VecDeque<Box<str>>,
}

impl Recent {
    pub(super) fn note(
        &self,
        at: WallTime,
        source: SocketAddr,
        account: &str,
        why: Why,
        agent: &[u8],
    ) {
        let agent: Box<str> = String::from_utf8_lossy(agent).chars().take(AGENT).collect();
        let ring = if why == Why::Unknown { &self.strangers } else { &self.people };
        let mut ring = lock(ring);
        let failed = ring.by_account.entry(account.into()).or_default();
        if let Some(last) = failed.back_mut().filter(|last| last.is_like(source.ip(), why, &agent))
        {
            last.at = at;
            last.source = source;
            last.times = last.times.saturating_add(1);
            return;
        }
        failed.push_back(Failed { at, source, why, agent, times: 1 });
        if failed.len() > MOST_OF_ONE {
            // It takes the place of the one that goes: whoever attacks one person pushes out nobody else's.
            failed.pop_front();
            return;
        }
        ring.order.push_back(account.into());
        if ring.order.len() > MOST {
            ring.forget_oldest();
        }
    }

    /// Those of one name, the newest first.
    pub(super) fn of(&self, account: &str) -> Vec<Failed> {
        let mut all: Vec<Failed> = [&self.people, &self.strangers]
            .into_iter()
            .filter_map(|ring| lock(ring).by_account.get(account).cloned())
            .flatten()
            .collect();
        all.sort_by_key(|failed| std::cmp::Reverse(failed.at));
        all
    }
}

impl Ring {
    fn forget_oldest(&mut self) {
        let Some(account) = self.order.pop_front() else { return };
        let Some(failed) = self.by_account.get_mut(&account) else { return };
        failed.pop_front();
        if failed.is_empty() {
            self.by_account.remove(&account);
        }
    }
}

fn lock(ring: &Mutex<Ring>) -> MutexGuard<'_, Ring> {
    ring.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: u64) -> WallTime {
        WallTime::from_unix_millis(second * 1_000)
    }

    fn from(last: u8) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, last], 5060))
    }

    #[test]
    fn failures_that_are_alike_are_one_and_the_newest_comes_first() {
        let recent = Recent::default();
        for second in 1..=3 {
            recent.note(at(second), from(1), "ana", Why::Password, b"phone");
        }
        recent.note(at(4), from(2), "ana", Why::Banned, b"phone");
        let failed = recent.of("ana");
        assert_eq!(failed.len(), 2);
        assert_eq!((failed[0].why, failed[1].times, failed[1].at), (Why::Banned, 3, at(3)));
        assert!(recent.of("rui").is_empty());
    }

    #[test]
    fn guessed_names_push_nobodys_failures_out_and_memory_is_bounded() {
        let recent = Recent::default();
        recent.note(at(1), from(1), "ana", Why::Password, b"");
        for number in 0..2 * MOST {
            recent.note(at(2), from(2), &format!("guess{number}"), Why::Unknown, b"");
        }
        assert_eq!(recent.of("ana").len(), 1);
        assert_eq!(lock(&recent.strangers).by_account.len(), MOST);
        for number in 0..2 * MOST {
            let source = from((number % 2) as u8);
            recent.note(at(3), source, "rui", Why::Password, &[b'x'; 500]);
        }
        assert_eq!(recent.of("rui").len(), MOST_OF_ONE);
        assert_eq!(recent.of("ana").len(), 1);
        assert_eq!(lock(&recent.people).order.len(), MOST_OF_ONE + 1);
        assert!(recent.of("rui").iter().all(|failed| failed.agent.len() == AGENT));
    }
}
