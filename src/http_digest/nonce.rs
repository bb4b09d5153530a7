//! Nonces and the counts that were seen with them (RFC 7616 s3.3, s3.4, s5.4).
//!
//! A nonce says when it was made, by which run of the server and with which random number, and
//! carries a MAC over that, so nothing is kept for a challenge that nobody answers. What is kept,
//! once an answer proved right, is a bitmap of the last 64 counts: several requests of one client
//! may overtake each other, but each count serves once. The table is bounded; what falls out of it
//! is stale, never fresh again. A nonce is not bound to an address: clients change theirs.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use crate::clock::Tick;
use crate::entropy;

/// Characters of a nonce.
pub const NONCE_LENGTH: usize = 40;

const TIME: usize = 6;
const BOOT: usize = 4;
const RANDOM: usize = 8;
const PAYLOAD: usize = TIME + BOOT + RANDOM;
const TAG: usize = 12;
const SHARDS: usize = 64;
const WINDOW: u32 = 64;

/// A nonce as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nonce([u8; NONCE_LENGTH]);

impl Nonce {
    /// Its characters.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Its characters as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// What a nonce and its count are worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NonceVerdict {
    /// Ours, young, and the count was not seen.
    Fresh {
        /// Nothing was proved with this nonce before.
        first_use: bool,
    },
    /// Ours, but of an earlier run, too old, forgotten, or the count was seen: challenge with
    /// `stale=true`.
    Stale,
    /// Not ours: a plain challenge.
    Forged,
}

/// Names a nonce in the table: when it was issued, and its random number.
type Key = (u64, u64);

/// A nonce whose MAC and age were found good ([`NonceTable::examine`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Examined(Key);

#[derive(Clone, Copy, Debug)]
struct Seen {
    highest: u32,
    /// Bit `n` stands for `highest - n`.
    counts: u64,
}

#[derive(Debug, Default)]
struct Shard {
    seen: BTreeMap<Key, Seen>,
    /// Nonces issued up to here may have been forgotten.
    forgotten: u64,
}

/// Issues nonces and tells whether one with its count is still good. Shared by all threads.
pub struct NonceTable {
    mac: Hmac<Sha256>,
    boot: [u8; BOOT],
    lifetime: Duration,
    per_shard: usize,
    shards: Box<[Mutex<Shard>]>,
}

impl std::fmt::Debug for NonceTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NonceTable").field("lifetime", &self.lifetime).finish_non_exhaustive()
    }
}

impl NonceTable {
    /// A table under a persisted `key`, whose nonces live for `lifetime`, and which remembers the
    /// counts of about `capacity` nonces.
    #[must_use]
    pub fn new(key: &[u8; 32], lifetime: Duration, capacity: usize) -> NonceTable {
        // A key as long as this fits HMAC's block; `new` of the trait takes a block exactly.
        let mut block = [0; 64];
        block[..32].copy_from_slice(key);
        NonceTable {
            mac: Hmac::new(&block.into()),
            boot: entropy::bytes(),
            lifetime,
            per_shard: capacity.div_ceil(SHARDS).max(1),
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
        }
    }

    /// A new nonce.
    #[must_use]
    pub fn issue(&self, now: Tick) -> Nonce {
        let mut raw = [0; PAYLOAD + TAG];
        raw[..TIME].copy_from_slice(&now.as_micros().to_be_bytes()[8 - TIME..]);
        raw[TIME..TIME + BOOT].copy_from_slice(&self.boot);
        entropy::fill(&mut raw[TIME + BOOT..PAYLOAD]);
        let tag = self.tag(&raw[..PAYLOAD]);
        raw[PAYLOAD..].copy_from_slice(&tag);
        Nonce(encode(&raw))
    }

    /// What a nonce is worth before its count is looked at. Changes nothing, so it may be asked
    /// before the response was verified.
    ///
    /// # Errors
    /// [`NonceVerdict::Forged`] if it is not ours, [`NonceVerdict::Stale`] if it is of an earlier run
    /// or too old.
    pub fn examine(&self, nonce: &[u8], now: Tick) -> Result<Examined, NonceVerdict> {
        self.open(nonce, now).map(Examined)
    }

    /// Uses up the count `nc` of a nonce. To be called once the response proved right: an answer
    /// that is wrong must neither spend a count of its owner nor fill the table.
    #[must_use]
    pub fn check(&self, nonce: &[u8], nc: u32, now: Tick) -> NonceVerdict {
        match self.examine(nonce, now) {
            Ok(examined) => self.use_up(examined, nc, now),
            Err(verdict) => verdict,
        }
    }

    /// The same for a nonce that was examined a moment ago.
    #[must_use]
    pub fn use_up(&self, Examined(key): Examined, nc: u32, now: Tick) -> NonceVerdict {
        if nc == 0 {
            return NonceVerdict::Stale;
        }
        let mut shard = self.shard(key).lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(seen) = shard.seen.get_mut(&key) {
            let fresh = seen.mark(nc);
            return if fresh {
                NonceVerdict::Fresh { first_use: false }
            } else {
                NonceVerdict::Stale
            };
        }
        if key.0 <= shard.forgotten {
            return NonceVerdict::Stale;
        }
        shard.make_room(now, self.lifetime, self.per_shard);
        if key.0 <= shard.forgotten {
            return NonceVerdict::Stale;
        }
        shard.seen.insert(key, Seen { highest: nc, counts: 1 });
        NonceVerdict::Fresh { first_use: true }
    }

    /// Nonces whose counts are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shards
            .iter()
            .map(|shard| shard.lock().unwrap_or_else(PoisonError::into_inner).seen.len())
            .sum()
    }

    /// Whether no nonce's counts are remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets the counts of nonces that are too old to be used; returns how many are left. A
    /// table in use does this by itself when it fills; a timer gives the memory back after a rush.
    pub fn prune(&self, now: Tick) -> usize {
        self.shards
            .iter()
            .map(|shard| {
                let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
                shard.expire(now, self.lifetime);
                shard.seen.len()
            })
            .sum()
    }

    fn open(&self, nonce: &[u8], now: Tick) -> Result<Key, NonceVerdict> {
        let raw = decode(nonce).ok_or(NonceVerdict::Forged)?;
        let (payload, tag) = raw.split_at(PAYLOAD);
        if !bool::from(self.tag(payload).ct_eq(tag)) {
            return Err(NonceVerdict::Forged);
        }
        let (time, rest) = payload.split_at(TIME);
        let (boot, random) = rest.split_at(BOOT);
        let issued = big_endian(time);
        let age = now.since(Tick::from_micros(issued));
        if boot != self.boot || age >= self.lifetime {
            return Err(NonceVerdict::Stale);
        }
        Ok((issued, big_endian(random)))
    }

    fn tag(&self, payload: &[u8]) -> [u8; TAG] {
        let mut mac = self.mac.clone();
        mac.update(payload);
        let mut tag = [0; TAG];
        tag.copy_from_slice(&mac.finalize().into_bytes()[..TAG]);
        tag
    }

    fn shard(&self, key: Key) -> &Mutex<Shard> {
        // The random number is ours, so its low bits spread well.
        &self.shards[key.1 as usize % SHARDS]
    }
}

impl Seen {
    /// Notes a count; whether it is new and within the window.
    fn mark(&mut self, nc: u32) -> bool {
        if nc > self.highest {
            let step = nc - self.highest;
            self.counts = if step < WINDOW { self.counts << step | 1 } else { 1 };
            self.highest = nc;
            return true;
        }
        let behind = self.highest - nc;
        if behind >= WINDOW || self.counts >> behind & 1 == 1 {
            return false;
        }
        self.counts |= 1 << behind;
        true
    }
}

impl Shard {
    fn make_room(&mut self, now: Tick, lifetime: Duration, most: usize) {
        if self.seen.len() < most {
            return;
        }
        self.expire(now, lifetime);
        while self.seen.len() >= most {
            let Some(((issued, _), _)) = self.seen.pop_first() else { return };
            self.forgotten = self.forgotten.max(issued);
        }
    }

    fn expire(&mut self, now: Tick, lifetime: Duration) {
        while let Some(first) = self.seen.first_entry() {
            if now.since(Tick::from_micros(first.key().0)) < lifetime {
                break;
            }
            first.remove();
        }
    }
}

fn big_endian(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |sum, &byte| sum << 8 | u64::from(byte))
}

/// RFC 4648 s5, without padding: 30 bytes are 40 characters exactly.
fn encode(raw: &[u8; PAYLOAD + TAG]) -> [u8; NONCE_LENGTH] {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = [0; NONCE_LENGTH];
    for (four, three) in text.chunks_exact_mut(4).zip(raw.chunks_exact(3)) {
        let bits = big_endian(three);
        for (index, character) in four.iter_mut().enumerate() {
            *character = ALPHABET[(bits >> (18 - 6 * index) & 63) as usize];
        }
    }
    text
}

fn decode(text: &[u8]) -> Option<[u8; PAYLOAD + TAG]> {
    if text.len() != NONCE_LENGTH {
        return None;
    }
    let mut raw = [0; PAYLOAD + TAG];
    for (four, three) in text.chunks_exact(4).zip(raw.chunks_exact_mut(3)) {
        let mut bits = 0u32;
        for &character in four {
            let value = match character {
                b'A'..=b'Z' => character - b'A',
                b'a'..=b'z' => character - b'a' + 26,
                b'0'..=b'9' => character - b'0' + 52,
                b'-' => 62,
                b'_' => 63,
                _ => return None,
            };
            bits = bits << 6 | u32::from(value);
        }
        three.copy_from_slice(&bits.to_be_bytes()[1..]);
    }
    Some(raw)
}
