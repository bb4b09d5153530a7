//! Places that somebody signed in from: an address with its port.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use super::{SHARDS, lock};
use crate::clock::Tick;

/// A place is remembered this long: a device refreshes its registration earlier than that.
const REMEMBERED: Duration = Duration::from_secs(2 * 3_600);

/// Buckets of the places that somebody signed in from. They are drawn on when the bucket of the
/// whole source is empty, so that strangers behind an address cannot use up what belongs to the
/// devices there; a stranger has no such place, however many ports he takes.
pub(super) struct Homes {
    /// Microseconds that one token takes to come back.
    token: u64,
    /// Microseconds from empty to full.
    depth: u64,
    most: usize,
    shards: Vec<Mutex<HashMap<u64, Home>>>,
}

#[derive(Clone, Copy, Debug)]
struct Home {
    proved: Tick,
    full_at: u64,
}

impl Homes {
    pub(super) fn new(rate: u32, burst: u32, capacity: usize) -> Homes {
        let token = 1_000_000 / u64::from(rate.clamp(1, 1_000_000));
        Homes {
            token,
            depth: token * u64::from(burst.max(1)),
            most: (capacity / SHARDS).max(1),
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
        }
    }

    fn shard(&self, key: u64) -> MutexGuard<'_, HashMap<u64, Home>> {
        let index = (key >> 32) as usize % SHARDS;
        lock(self.shards.get(index).unwrap_or(&self.shards[0]))
    }

    /// Takes a token of that place; `false` if it has none, or is nobody's.
    pub(super) fn take(&self, now: Tick, key: u64) -> bool {
        let mut shard = self.shard(key);
        let Some(home) = shard.get_mut(&key) else { return false };
        if now.since(home.proved) >= REMEMBERED {
            return false;
        }
        let micros = now.as_micros();
        let next = home.full_at.max(micros).saturating_add(self.token);
        if next - micros > self.depth {
            return false;
        }
        home.full_at = next;
        true
    }

    /// Whether it is a place that somebody signed in from.
    pub(super) fn is_known(&self, now: Tick, key: u64) -> bool {
        self.shard(key).get(&key).is_some_and(|home| now.since(home.proved) < REMEMBERED)
    }

    /// Somebody signed in from there. Gives the tokens back, and tells whether they were taken
    /// here.
    pub(super) fn proved(&self, now: Tick, key: u64, tokens: u32) -> bool {
        let mut shard = self.shard(key);
        if let Some(home) = shard.get_mut(&key) {
            home.proved = now;
            let drawn = home.full_at > now.as_micros();
            home.full_at = home.full_at.saturating_sub(self.token * u64::from(tokens));
            return drawn;
        }
        if shard.len() >= self.most {
            shard.retain(|_, home| now.since(home.proved) < REMEMBERED);
        }
        if shard.len() < self.most {
            shard.insert(key, Home { proved: now, full_at: 0 });
        }
        false
    }

    pub(super) fn prune(&self, now: Tick) {
        for shard in &self.shards {
            let mut shard = lock(shard);
            shard.retain(|_, home| now.since(home.proved) < REMEMBERED);
            let room = shard.len() * 2;
            shard.shrink_to(room.max(64));
        }
    }

    pub(super) fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).len()).sum()
    }
}
