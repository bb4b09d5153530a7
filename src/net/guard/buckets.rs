//! Token buckets by the hash of what they belong to.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use super::{SHARDS, lock};
use crate::clock::Tick;

/// Token buckets, kept as the time at which each is full again: a bucket that is full needs no
/// entry.
pub(super) struct Buckets {
    /// Microseconds that one token takes to come back.
    token: u64,
    /// Microseconds from empty to full.
    depth: u64,
    most: usize,
    shards: Vec<Mutex<Shard>>,
}

#[derive(Debug, Default)]
struct Shard {
    full_at: HashMap<u64, u64>,
    /// Shared by newcomers while the table is full of others.
    newcomers_full_at: u64,
    /// The size at which full buckets are looked for, and when that was done last.
    sweep_at: usize,
    swept: u64,
}

/// Newcomers to a full table share a bucket that holds this many times one source's rate.
pub(super) const NEWCOMERS: u64 = 16;

impl Buckets {
    pub(super) fn new(rate: u32, burst: u32, capacity: usize) -> Buckets {
        let token = 1_000_000 / u64::from(rate.clamp(1, 1_000_000));
        Buckets {
            token,
            depth: token * u64::from(burst.max(1)),
            most: (capacity / SHARDS).max(1),
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
        }
    }

    fn shard(&self, key: u64) -> MutexGuard<'_, Shard> {
        let index = (key >> 32) as usize % SHARDS;
        lock(self.shards.get(index).unwrap_or(&self.shards[0]))
    }

    pub(super) fn take(&self, now: Tick, key: u64) -> Result<(), Duration> {
        self.take_deeper(now, key, 0)
    }

    /// The same of a bucket that holds so many more tokens.
    pub(super) fn take_deeper(&self, now: Tick, key: u64, more: u64) -> Result<(), Duration> {
        let depth = self.depth.saturating_add(self.token.saturating_mul(more));
        let now = now.as_micros();
        let mut shard = self.shard(key);
        let entries = shard.full_at.len();
        if entries >= shard.sweep_at.max(64).min(self.most)
            // A full table is searched once a second, not for each newcomer.
            && (entries < self.most || now.saturating_sub(shard.swept) >= 1_000_000)
        {
            shard.sweep(now);
        }
        let full = shard.full_at.len() >= self.most;
        let (full_at, token) = match shard.full_at.get_mut(&key) {
            Some(known) => (known, self.token),
            None if full => (&mut shard.newcomers_full_at, (self.token / NEWCOMERS).max(1)),
            None => (shard.full_at.entry(key).or_insert(now), self.token),
        };
        let next = (*full_at).max(now).saturating_add(token);
        let over = (next - now).saturating_sub(depth);
        if over > 0 {
            return Err(Duration::from_micros(over));
        }
        *full_at = next;
        Ok(())
    }

    pub(super) fn give_back(&self, key: u64, tokens: u32) {
        if let Some(full_at) = self.shard(key).full_at.get_mut(&key) {
            *full_at = full_at.saturating_sub(self.token * u64::from(tokens));
        }
    }

    pub(super) fn prune(&self, now: Tick) {
        for shard in &self.shards {
            lock(shard).sweep(now.as_micros());
        }
    }

    pub(super) fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).full_at.len()).sum()
    }
}

impl Shard {
    fn sweep(&mut self, now: u64) {
        self.swept = now;
        self.full_at.retain(|_, full_at| *full_at > now);
        self.sweep_at = self.full_at.len() * 2;
        self.full_at.shrink_to(self.sweep_at.max(64));
    }
}
