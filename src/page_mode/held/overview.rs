//! What waits, for whoever looks after the queue: never what the messages say.

use std::sync::PoisonError;

use super::{Commitment, Held, Undelivered};
use crate::clock::WallTime;
use crate::model::DeviceKey;
use crate::store::StoreError;

/// What waits for one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The person, `user@domain`.
    pub aor: Box<str>,
    /// How many messages.
    pub count: usize,
    /// When the oldest came.
    pub oldest: WallTime,
    /// When the first of them runs out.
    pub first_expiry: WallTime,
}

/// One message that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldEntry {
    /// Its place in the queue.
    pub sequence: u64,
    /// When it came.
    pub received_at: WallTime,
    /// When it runs out.
    pub expires_at: WallTime,
    /// The person of ours who sent it; empty for somebody elsewhere.
    pub sender: String,
    /// The devices that have not had it.
    pub pending: Vec<DeviceKey>,
    /// Whether it is also for the first device that comes and was not known.
    pub unclaimed: bool,
    /// Whether a device has had it.
    pub delivered: bool,
    /// Whether it tells what became of another message.
    pub notification: bool,
    /// How often it was sent to a device since this process began.
    pub tries: u32,
    /// Whether it is on its way to a device now.
    pub is_being_sent: bool,
}

impl Held {
    /// What waits for each person at `now`, in no order.
    #[must_use]
    pub fn overview(&self, now: WallTime) -> Vec<Waiting> {
        let mut all = Vec::new();
        for stripe in &self.stripes {
            let queues = stripe.lock().unwrap_or_else(PoisonError::into_inner);
            for (aor, queue) in &*queues {
                let mut waiting = queue.entries.iter().filter(|entry| entry.state.expires_at > now);
                let Some(first) = waiting.next() else { continue };
                let mut one = Waiting {
                    aor: aor.clone(),
                    count: 1,
                    oldest: first.state.received_at,
                    first_expiry: first.state.expires_at,
                };
                for entry in waiting {
                    one.count += 1;
                    one.oldest = one.oldest.min(entry.state.received_at);
                    one.first_expiry = one.first_expiry.min(entry.state.expires_at);
                }
                all.push(one);
            }
        }
        all
    }

    /// The messages that wait for a person at `now`, in the order of their arrival.
    #[must_use]
    pub fn entries(&self, aor: &str, now: WallTime) -> Vec<HeldEntry> {
        let queues = self.queues(aor);
        let Some(queue) = queues.get(aor) else { return Vec::new() };
        let is_being_sent =
            |sequence: u64| queue.in_flight.iter().any(|(_, other)| *other == sequence);
        let waiting = queue.entries.iter().filter(|entry| entry.state.expires_at > now);
        waiting
            .map(|entry| HeldEntry {
                sequence: entry.sequence,
                received_at: entry.state.received_at,
                expires_at: entry.state.expires_at,
                sender: entry.state.sender.clone(),
                pending: entry.state.pending.clone(),
                unclaimed: entry.state.unclaimed,
                delivered: entry.state.delivered,
                notification: entry.state.notification,
                tries: entry.tries,
                is_being_sent: is_being_sent(entry.sequence),
            })
            .collect()
    }

    /// Bytes of the requests that wait for a person, as they are stored.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn bytes(&self, aor: &str, now: WallTime) -> Result<u64, StoreError> {
        let mut bytes = 0;
        for entry in self.entries(aor, now) {
            bytes += self.request(aor, entry.sequence)?.map_or(0, |request| request.len() as u64);
        }
        Ok(bytes)
    }

    /// Throws a message away, whoever still waits for it; what nobody has had comes back as
    /// undelivered. `None` if it is not there. The commitment resolves when it is durable.
    pub fn discard(
        &self,
        aor: &str,
        sequence: u64,
    ) -> Option<(Option<Commitment>, Option<Undelivered>)> {
        let is_unread = {
            let queues = self.queues(aor);
            let mut entries = queues.get(aor)?.entries.iter();
            !entries.find(|entry| entry.sequence == sequence)?.state.delivered
        };
        let undelivered = if is_unread { self.undelivered(aor, sequence) } else { None };
        // Known under its fingerprint: its sender, who repeats it, is not to bring it back.
        Some((self.remove(aor, sequence, true), undelivered))
    }
}
