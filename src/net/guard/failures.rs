//! Failures to sign in, by source and account, and what they led to.

use std::collections::HashMap;
use std::net::IpAddr;

use super::{GuardLimits, PAIRS_PER_SOURCE, REMEMBERED, SHARDS};
use crate::clock::Tick;

/// Places of a pair that are remembered: a telephone, two computers, and one that comes and goes.
const PLACES: usize = 4;

/// Failures within the current window, and the ban they led to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Count {
    window: Tick,
    pub(super) failed: u32,
    pub(super) banned_until: Tick,
}

impl Count {
    /// Counts one; `true` when this one leads to a ban.
    pub(super) fn fail(&mut self, now: Tick, limits: &GuardLimits, most: u32) -> bool {
        if self.banned_until > now {
            return false;
        }
        if self.failed == 0 || now.since(self.window) >= limits.failure_window {
            self.window = now;
            self.failed = 0;
        }
        self.failed = self.failed.saturating_add(1);
        if self.failed < most {
            return false;
        }
        self.failed = 0;
        self.banned_until = now + limits.ban_time;
        true
    }

    pub(super) fn matters(&self, now: Tick, limits: &GuardLimits) -> bool {
        self.banned_until > now
            || (self.failed > 0 && now.since(self.window) < limits.failure_window)
    }
}

#[derive(Debug, Default)]
pub(super) struct Pair {
    /// Of strangers.
    pub(super) count: Count,
    /// Of the places that it is at.
    pub(super) at_home: Count,
    pub(super) last_success: Option<Tick>,
    /// Hashes of the places that it signed in from last; 0 is none.
    places: [u64; PLACES],
}

impl Pair {
    /// One that has just signed in for the first time.
    pub(super) fn signed_in(now: Tick, place: u64) -> Pair {
        let mut pair = Pair { last_success: Some(now), ..Pair::default() };
        pair.is_at(place);
        pair
    }

    pub(super) fn count_of(&self, place: u64) -> &Count {
        if self.places.contains(&place) { &self.at_home } else { &self.count }
    }

    pub(super) fn count_of_mut(&mut self, place: u64) -> &mut Count {
        if self.places.contains(&place) { &mut self.at_home } else { &mut self.count }
    }

    /// Notes a place, instead of the one that came first.
    pub(super) fn is_at(&mut self, place: u64) {
        if !self.places.contains(&place) {
            self.places.rotate_right(1);
            self.places[0] = place;
        }
    }

    /// Failures within the window.
    pub(super) fn failed(&self, now: Tick, limits: &GuardLimits) -> u32 {
        [&self.count, &self.at_home]
            .into_iter()
            .filter(|count| count.matters(now, limits))
            .map(|count| count.failed)
            .sum()
    }

    pub(super) fn banned_until(&self) -> Tick {
        self.count.banned_until.max(self.at_home.banned_until)
    }
}

#[derive(Debug, Default)]
pub(super) struct Source {
    pub(super) count: Count,
    pub(super) last_seen: Tick,
    /// Accounts that authenticated from there.
    pub(super) at_home: usize,
    pub(super) accounts: HashMap<Box<str>, Pair>,
}

#[derive(Debug, Default)]
pub(super) struct Failures {
    pub(super) sources: HashMap<IpAddr, Source>,
    pub(super) pairs: usize,
}

impl Failures {
    pub(super) fn make_room(&mut self, now: Tick, limits: &GuardLimits) {
        let most = (limits.capacity / SHARDS).max(1);
        // A whole campus may be at home behind one address.
        let most_pairs = most * PAIRS_PER_SOURCE;
        if self.pairs < most_pairs && self.sources.len() < most {
            return;
        }
        self.prune(now, limits);
        while self.pairs >= most_pairs || self.sources.len() >= most {
            // The source that was silent for longest, of a few: forgetting it costs a newcomer
            // nothing but a fresh count.
            let victim = self.sources.iter().take(16).min_by_key(|(_, s)| s.last_seen);
            let Some(victim) = victim.map(|(&source, _)| source) else { return };
            if let Some(record) = self.sources.remove(&victim) {
                self.pairs = self.pairs.saturating_sub(record.accounts.len());
            }
        }
    }

    pub(super) fn prune(&mut self, now: Tick, limits: &GuardLimits) {
        let mut pairs = 0;
        self.sources.retain(|_, source| {
            source.accounts.retain(|_, pair| {
                pair.count.matters(now, limits)
                    || pair.at_home.matters(now, limits)
                    || pair.last_success.is_some_and(|last| now.since(last) < REMEMBERED)
            });
            source.at_home =
                source.accounts.values().filter(|pair| pair.last_success.is_some()).count();
            pairs += source.accounts.len();
            !source.accounts.is_empty() || source.count.matters(now, limits)
        });
        self.sources.shrink_to(64);
        self.pairs = pairs;
    }
}
