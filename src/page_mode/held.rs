//! Messages that wait for somebody (RFC 3428 s7: a store answers 202).
//!
//! A held message is two records: its bytes, written once, and who still needs it, rewritten as
//! devices take their share. In memory there is only an index of the second kind. A person's
//! queue is in order of arrival; each device walks it alone, one message at a time.

use std::collections::hash_map::{Entry as MapEntry, RandomState};
use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use smallvec::SmallVec;

use crate::clock::WallTime;
use crate::model::{DeviceKey, HeldMessage, HeldState, Record as _, held_key, parse_held_key};
use crate::store::{Commit, CommitError, Commitment, Store, StoreError, Table};

mod overview;

pub use overview::{HeldEntry, Waiting};

const STRIPES: usize = 64;
/// Fingerprints of messages that were held lately and are gone: a sender that repeats itself
/// after its 202 got lost is answered again, and nobody reads the text twice.
const REMEMBERED: usize = 32;

/// Why a message was not held.
#[derive(Debug, thiserror::Error)]
pub enum HoldError {
    /// The person has as many held messages as one may have.
    #[error("too many messages are held for this person")]
    Full,
    /// The sender has his share of the person's queue.
    #[error("too many messages of this sender are held for this person")]
    SenderFull,
    /// The store did not take it.
    #[error(transparent)]
    Store(#[from] CommitError),
}

/// A message that is in the queue, and the store's word on when it is durable.
#[derive(Debug)]
pub struct Holding {
    /// Its place in the person's queue.
    pub sequence: u64,
    /// Resolves when the message is on disk.
    pub durable: Commitment,
}

/// What [`Held::hold`] needs to know of a message.
#[derive(Clone, Debug)]
pub struct HoldRequest<'a> {
    /// The person, `user@domain`.
    pub aor: &'a str,
    /// The devices that need it. None: whichever device comes first.
    pub devices: SmallVec<[DeviceKey; 2]>,
    /// Whether no device has had it: then a device that was not known comes into its share, too.
    /// Somebody who has lost the old telephone reads on the new one what came in between.
    pub unread: bool,
    /// The request as it will be replayed.
    pub request: &'a [u8],
    /// When it arrived.
    pub received_at: WallTime,
    /// When it runs out.
    pub expires_at: WallTime,
    /// The fingerprint under which a repetition is known.
    pub fingerprint: u64,
    /// The person of ours who sent it; empty for somebody elsewhere.
    pub sender: &'a str,
    /// Whether it tells what became of another message: it waits behind all messages.
    pub notification: bool,
}

#[derive(Debug)]
struct Entry {
    sequence: u64,
    state: HeldState,
    /// Whether it was on disk, whatever became of later changes to it.
    durable: bool,
    /// How often it was sent to a device since this process began.
    tries: u32,
}

/// What is known of a message that may be a repetition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// Nothing.
    No,
    /// It is being written.
    Pending,
    /// It is held, or was lately.
    Safe,
}

#[derive(Debug, Default)]
struct Queue {
    entries: VecDeque<Entry>,
    /// Devices that are being sent to, and the message.
    in_flight: SmallVec<[(DeviceKey, u64); 1]>,
    remembered: VecDeque<u64>,
}

/// All held messages. The only writer of [`Table::HeldMessages`] and [`Table::HeldCursors`].
pub struct Held {
    store: Arc<dyn Store>,
    stripes: Vec<Mutex<HashMap<Box<str>, Queue>>>,
    hasher: RandomState,
    room: ArcSwap<Room>,
    messages: AtomicUsize,
    /// Names of messages never repeat, also not after the queue was empty.
    next: std::sync::atomic::AtomicU64,
}

/// How many messages wait for one person.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// In all.
    pub per_person: usize,
    /// Of one sender: nobody fills somebody's whole queue.
    pub per_sender: usize,
}

/// A message that nobody has had and nobody will have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undelivered {
    /// Whom it was held for, `user@domain`.
    pub aor: Box<str>,
    /// The MESSAGE as it was kept.
    pub request: Vec<u8>,
}

impl Held {
    /// The queue as `store` has it; nothing in it lasts longer than `latest`.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn open(store: Arc<dyn Store>, room: Room, latest: WallTime) -> Result<Held, StoreError> {
        const PAGE: usize = 1_000;
        let held = Held {
            store,
            stripes: (0..STRIPES).map(|_| Mutex::new(HashMap::new())).collect(),
            hasher: RandomState::new(),
            room: ArcSwap::from_pointee(room),
            messages: AtomicUsize::new(0),
            next: std::sync::atomic::AtomicU64::new(1),
        };
        let mut after: Option<Vec<u8>> = None;
        loop {
            let page = held.store.scan(Table::HeldCursors, &[], after.as_deref(), PAGE)?;
            for (key, value) in &page {
                let (Some((aor, sequence)), Ok(mut state)) =
                    (parse_held_key(key), HeldState::decode(value))
                else {
                    tracing::error!(event = "held_state_unreadable", key = %String::from_utf8_lossy(key).escape_debug());
                    continue;
                };
                state.expires_at = state.expires_at.min(latest);
                held.next.fetch_max(sequence + 1, Ordering::Relaxed);
                held.messages.fetch_add(1, Ordering::Relaxed);
                let mut queues = held.queues(aor);
                queues.entry(aor.into()).or_default().entries.push_back(Entry {
                    sequence,
                    state,
                    durable: true,
                    tries: 0,
                });
            }
            if page.len() < PAGE {
                return Ok(held);
            }
            after = page.into_iter().next_back().map(|(key, _)| key);
        }
    }

    /// Messages held for everybody.
    #[must_use]
    pub fn len(&self) -> usize {
        self.messages.load(Ordering::Relaxed)
    }

    /// Whether nothing is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether something waits for `device` that a new message goes behind: messages, and for a
    /// new `notification` other ones too.
    #[must_use]
    pub fn waits(&self, aor: &str, device: &DeviceKey, notification: bool) -> bool {
        if self.is_empty() {
            return false;
        }
        self.queues(aor).get(aor).is_some_and(|queue| {
            queue.entries.iter().any(|entry| {
                (notification || !entry.state.notification) && entry.state.pending.contains(device)
            })
        })
    }

    /// Whether a message with this fingerprint is held, or was lately.
    #[must_use]
    pub fn knows(&self, aor: &str, fingerprint: u64) -> Known {
        let queues = self.queues(aor);
        let Some(queue) = queues.get(aor) else { return Known::No };
        if queue.remembered.contains(&fingerprint) {
            return Known::Safe;
        }
        match queue.entries.iter().find(|entry| entry.state.fingerprint == fingerprint) {
            Some(entry) if entry.durable => Known::Safe,
            Some(_) => Known::Pending,
            None => Known::No,
        }
    }

    /// Has other room from now on; what waits already stays.
    pub fn set_room(&self, room: Room) {
        self.room.store(Arc::new(room));
    }

    /// Puts a message into the person's queue. It counts as acknowledged only when the returned
    /// commitment resolves: then call [`Held::confirm`], or if it fails, [`Held::failed`].
    ///
    /// # Errors
    ///
    /// [`HoldError::Full`] if the person has no room, [`HoldError::SenderFull`] if the sender has
    /// used up his share of it.
    pub fn hold(&self, request: &HoldRequest<'_>) -> Result<Holding, HoldError> {
        let mut queues = self.queues(request.aor);
        let queue = queues.entry(request.aor.into()).or_default();
        let room = self.room.load();
        if queue.entries.len() >= room.per_person {
            return Err(HoldError::Full);
        }
        let of_sender = |entry: &&Entry| entry.state.sender == request.sender;
        if !request.sender.is_empty()
            && queue.entries.iter().filter(of_sender).count() >= room.per_sender
        {
            return Err(HoldError::SenderFull);
        }
        let sequence = self.next.fetch_add(1, Ordering::Relaxed);
        let state = HeldState {
            pending: request.devices.to_vec(),
            unclaimed: request.unread || request.devices.is_empty(),
            received_at: request.received_at,
            expires_at: request.expires_at,
            fingerprint: request.fingerprint,
            sender: request.sender.to_owned(),
            delivered: !request.unread && !request.devices.is_empty(),
            notification: request.notification,
        };
        let key = held_key(request.aor, sequence);
        let message = HeldMessage { request: request.request.to_vec() };
        let commit = Commit::new().put(Table::HeldMessages, &key, message.encode()).put(
            Table::HeldCursors,
            &key,
            state.encode(),
        );
        // Queued to the store under the lock, so that the order on disk is the order in memory.
        let durable = self.store.commit(commit);
        queue.entries.push_back(Entry { sequence, state, durable: false, tries: 0 });
        self.messages.fetch_add(1, Ordering::Relaxed);
        Ok(Holding { sequence, durable })
    }

    /// Adds devices to a message that is held already.
    #[must_use]
    pub fn hold_for(&self, aor: &str, sequence: u64, devices: &[DeviceKey]) -> Option<Commitment> {
        let mut queues = self.queues(aor);
        let entry =
            queues.get_mut(aor)?.entries.iter_mut().find(|entry| entry.sequence == sequence)?;
        for device in devices {
            if !entry.state.pending.contains(device) {
                entry.state.pending.push(device.clone());
            }
        }
        let commit =
            Commit::new().put(Table::HeldCursors, &held_key(aor, sequence), entry.state.encode());
        Some(self.store.commit(commit))
    }

    /// A message is on disk.
    pub fn confirm(&self, aor: &str, sequence: u64) {
        let mut queues = self.queues(aor);
        let Some(queue) = queues.get_mut(aor) else { return };
        if let Some(entry) = queue.entries.iter_mut().find(|entry| entry.sequence == sequence) {
            entry.durable = true;
        }
    }

    /// Takes back a message whose commitment failed. One that was on disk before stays: what failed
    /// was to write that another device needs it too, which is known here as long as this process
    /// lives, and written with its next change.
    pub fn failed(&self, aor: &str, sequence: u64) {
        let is_durable = self.queues(aor).get(aor).is_some_and(|queue| {
            queue.entries.iter().any(|entry| entry.sequence == sequence && entry.durable)
        });
        if !is_durable {
            self.forget(aor, sequence);
        }
    }

    /// Gives up a message that cannot be read.
    pub fn forget(&self, aor: &str, sequence: u64) {
        drop(self.remove(aor, sequence, false));
    }

    /// `device` has had the message: it is gone for it, and gone altogether if
    /// nobody else needs it. The commitment resolves when that is durable.
    pub fn settle(&self, aor: &str, sequence: u64, device: &DeviceKey) -> Option<Commitment> {
        self.end_for(aor, sequence, device, true)
    }

    fn end_for(
        &self,
        aor: &str,
        sequence: u64,
        device: &DeviceKey,
        taken: bool,
    ) -> Option<Commitment> {
        let mut queues = self.queues(aor);
        let queue = queues.get_mut(aor)?;
        queue.in_flight.retain(|(other, _)| other != device);
        let entry = queue.entries.iter_mut().find(|entry| entry.sequence == sequence)?;
        let before = entry.state.pending.len();
        entry.state.pending.retain(|other| other != device);
        if entry.state.pending.len() == before {
            return None;
        }
        // Whoever had it tells; and a new device is not to be sent what this one refused.
        entry.state.delivered |= taken;
        entry.state.unclaimed = false;
        if entry.state.pending.is_empty() {
            drop(queues);
            return self.remove(aor, sequence, true);
        }
        let commit =
            Commit::new().put(Table::HeldCursors, &held_key(aor, sequence), entry.state.encode());
        Some(self.store.commit(commit))
    }

    /// Takes a device that will not come back out of everything that waits for it. What nobody has
    /// had goes on waiting, for whichever device comes.
    pub fn dismiss(&self, aor: &str, device: &DeviceKey) {
        let mut done: SmallVec<[u64; 4]> = SmallVec::new();
        let mut commit = Commit::new();
        let mut queues = self.queues(aor);
        let Some(queue) = queues.get_mut(aor) else { return };
        queue.in_flight.retain(|(other, _)| other != device);
        for entry in &mut queue.entries {
            if !entry.state.pending.contains(device) {
                continue;
            }
            entry.state.pending.retain(|other| other != device);
            if entry.state.pending.is_empty() && !entry.state.unclaimed {
                done.push(entry.sequence);
                continue;
            }
            let key = held_key(aor, entry.sequence);
            commit = commit.put(Table::HeldCursors, &key, entry.state.encode());
        }
        drop(self.store.commit(commit));
        drop(queues);
        for sequence in done {
            drop(self.remove(aor, sequence, true));
        }
    }

    fn remove(&self, aor: &str, sequence: u64, remember: bool) -> Option<Commitment> {
        let mut queues = self.queues(aor);
        let MapEntry::Occupied(mut slot) = queues.entry(aor.into()) else { return None };
        let queue = slot.get_mut();
        let index = queue.entries.iter().position(|entry| entry.sequence == sequence)?;
        let entry = queue.entries.remove(index)?;
        self.messages.fetch_sub(1, Ordering::Relaxed);
        queue.in_flight.retain(|(_, other)| *other != sequence);
        if remember {
            if queue.remembered.len() >= REMEMBERED {
                queue.remembered.pop_front();
            }
            queue.remembered.push_back(entry.state.fingerprint);
        }
        let key = held_key(aor, sequence);
        let commit =
            Commit::new().delete(Table::HeldMessages, &key).delete(Table::HeldCursors, &key);
        Some(self.store.commit(commit))
    }

    /// The next message for `device`, notifications last, marked as being sent; `None` if there is none, or if one is
    /// being sent already (RFC 3428 s8: one at a time). Messages that nobody claimed become this
    /// device's, too.
    #[must_use]
    pub fn start(&self, aor: &str, device: &DeviceKey, now: WallTime) -> Option<u64> {
        if self.is_empty() {
            return None;
        }
        let mut queues = self.queues(aor);
        let queue = queues.get_mut(aor)?;
        if queue.in_flight.iter().any(|(other, _)| other == device) {
            return None;
        }
        // While another device is being sent to, it is that one's to read them.
        if queue.in_flight.is_empty() {
            for entry in &mut queue.entries {
                if entry.state.unclaimed && !entry.state.pending.contains(device) {
                    entry.state.pending.push(device.clone());
                }
            }
        }
        let mut waiting = queue
            .entries
            .iter()
            .filter(|entry| entry.state.expires_at > now && entry.state.pending.contains(device));
        // A telephone that wakes up is not kept from its messages by hundreds of notifications.
        let first = waiting.clone().find(|entry| !entry.state.notification);
        let sequence = first.or_else(|| waiting.next())?.sequence;
        queue.in_flight.push((device.clone(), sequence));
        if let Some(entry) = queue.entries.iter_mut().find(|entry| entry.sequence == sequence) {
            entry.tries = entry.tries.saturating_add(1);
        }
        Some(sequence)
    }

    /// The device could not be reached: its queue rests until it registers again.
    pub fn rest(&self, aor: &str, device: &DeviceKey) {
        if let Some(queue) = self.queues(aor).get_mut(aor) {
            queue.in_flight.retain(|(other, _)| other != device);
        }
    }

    /// The request of a held message, and when it arrived.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn request(&self, aor: &str, sequence: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(bytes) = self.store.get(Table::HeldMessages, &held_key(aor, sequence))? else {
            return Ok(None);
        };
        Ok(HeldMessage::decode(&bytes).ok().map(|message| message.request))
    }

    /// Removes what has run out; returns what nobody has had.
    pub fn expire(&self, now: WallTime) -> Vec<Undelivered> {
        let mut due: Vec<(Box<str>, u64, bool)> = Vec::new();
        for stripe in &self.stripes {
            let mut queues = stripe.lock().unwrap_or_else(PoisonError::into_inner);
            queues.retain(|aor, queue| {
                for entry in &queue.entries {
                    let flying = queue.in_flight.iter().any(|(_, other)| *other == entry.sequence);
                    if entry.state.expires_at <= now && !flying {
                        due.push((aor.clone(), entry.sequence, !entry.state.delivered));
                    }
                }
                !queue.entries.is_empty() || !queue.remembered.is_empty()
            });
        }
        let mut undelivered = Vec::new();
        for (aor, sequence, unread) in due {
            if unread {
                undelivered.extend(self.undelivered(&aor, sequence));
            }
            drop(self.remove(&aor, sequence, false));
        }
        undelivered
    }

    fn undelivered(&self, aor: &str, sequence: u64) -> Option<Undelivered> {
        let request = self.request(aor, sequence).ok().flatten()?;
        Some(Undelivered { aor: aor.into(), request })
    }

    /// What is held for a person and nobody has had: undelivered, should the person go.
    #[must_use]
    pub fn unread(&self, aor: &str) -> Vec<Undelivered> {
        let unread: Vec<u64> = match self.queues(aor).get(aor) {
            Some(queue) => queue
                .entries
                .iter()
                .filter(|entry| !entry.state.delivered)
                .map(|entry| entry.sequence)
                .collect(),
            None => return Vec::new(),
        };
        unread.into_iter().filter_map(|sequence| self.undelivered(aor, sequence)).collect()
    }

    /// `device` wants the message not: it is gone for it, and gone altogether if no other device
    /// waits for it. Then, if none has had it, it is undelivered. The commitment resolves when that
    /// is durable.
    pub fn refuse(
        &self,
        aor: &str,
        sequence: u64,
        device: &DeviceKey,
    ) -> (Option<Commitment>, Option<Undelivered>) {
        let last = self.queues(aor).get(aor).is_some_and(|queue| {
            queue.entries.iter().any(|entry| {
                entry.sequence == sequence
                    && !entry.state.delivered
                    && entry.state.pending.iter().all(|other| other == device)
            })
        });
        let undelivered = if last { self.undelivered(aor, sequence) } else { None };
        (self.end_for(aor, sequence, device, false), undelivered)
    }

    /// Removes everything held for a person; returns how many.
    pub fn purge(&self, aor: &str) -> usize {
        let sequences: Vec<u64> = match self.queues(aor).get(aor) {
            Some(queue) => queue.entries.iter().map(|entry| entry.sequence).collect(),
            None => return 0,
        };
        for sequence in &sequences {
            drop(self.remove(aor, *sequence, false));
        }
        sequences.len()
    }

    /// A hasher with this process's keys, for fingerprints.
    #[must_use]
    pub fn hasher(&self) -> &RandomState {
        &self.hasher
    }

    fn queues(&self, aor: &str) -> MutexGuard<'_, HashMap<Box<str>, Queue>> {
        let stripe = (self.hasher.hash_one(aor) as usize) % self.stripes.len();
        self.stripes[stripe].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[path = "held_tests.rs"]
mod tests;
