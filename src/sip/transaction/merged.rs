//! Requests that reached us on two ways (RFC 3261 s8.2.2.2).

use std::collections::hash_map::Entry;

use crate::clock::Tick;

use super::key::{KeyMap, Keyer, MergeKey, shrink};
use super::linger::Remembered;
use super::{ServerId, Timing};

/// Finds requests that were forked on their way and met again here: same Request-URI, From tag,
/// Call-ID and CSeq, no To tag, another transaction.
///
/// The Request-URI counts because each of our people is a user agent of his own here: a neighbour
/// that forks one message to several of them sends no merged request.
///
/// Apart from the [`Table`](super::Table) on purpose: it costs one keyed hash, a map entry and a
/// queue entry (about 80 bytes for 64*T1) for each request that is shown to it, which only a user
/// agent core needs. A proxy that forwards a request does not ask (RFC 3261 s16 finds loops by
/// other means), and a challenge need not be remembered. Retransmissions never come this far.
pub struct MergedRequests {
    keyer: Keyer,
    seen: KeyMap<MergeKey, ServerId>,
    order: Remembered<MergeKey>,
    timing: Timing,
    most: usize,
}

impl MergedRequests {
    /// Remembers at most `most` requests, the oldest forgotten first.
    #[must_use]
    pub fn new(timing: Timing, most: usize) -> MergedRequests {
        MergedRequests {
            keyer: Keyer::new(),
            seen: KeyMap::default(),
            order: Remembered::new(),
            timing: timing.bounded(),
            most: most.max(1),
        }
    }

    /// Notes a request without a To tag that opened transaction `id`, and tells whether another
    /// transaction opened with the same one within 64*T1: it is to be answered with 482.
    #[expect(clippy::too_many_arguments, reason = "what makes two requests the same one")]
    pub fn is_merged(
        &mut self,
        now: Tick,
        id: ServerId,
        request_uri: &[u8],
        from_tag: &[u8],
        call_id: &[u8],
        cseq: u32,
        method: &[u8],
    ) -> bool {
        while let Some(key) = self.order.pop_over(now) {
            self.forget(&key);
        }
        let key = self.keyer.merge(request_uri, from_tag, call_id, cseq, method);
        match self.seen.entry(key) {
            Entry::Occupied(first) => *first.get() != id,
            Entry::Vacant(place) => {
                place.insert(id);
                self.order.push(key, now + self.timing.timeout());
                if self.order.len() > self.most
                    && let Some(oldest) = self.order.pop()
                {
                    self.forget(&oldest);
                }
                false
            }
        }
    }

    /// Whether such a request opened another transaction within 64*T1; notes nothing, and costs no
    /// allocation. For a request that is new.
    #[must_use]
    pub fn has_met(
        &mut self,
        now: Tick,
        request_uri: &[u8],
        from_tag: &[u8],
        call_id: &[u8],
        cseq: u32,
        method: &[u8],
    ) -> bool {
        while let Some(key) = self.order.pop_over(now) {
            self.forget(&key);
        }
        !self.seen.is_empty()
            && self.seen.contains_key(&self.keyer.merge(
                request_uri,
                from_tag,
                call_id,
                cseq,
                method,
            ))
    }

    fn forget(&mut self, key: &MergeKey) {
        self.seen.remove(key);
        shrink(&mut self.seen);
    }

    /// Requests remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether none is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
