//! Which message goes next (RFC 4975 s7.1.1: "some fair portion of data at regular intervals").
//!
//! Six levels, each priority twice: short messages, then long ones. Within a level sessions take
//! turns by their weight, and within a session its messages do. What goes on one level earns the
//! lower ones credit for a sixteenth of it, so that nothing waits for ever.

use std::collections::VecDeque;

use super::ident::Numbered;
use super::message::{OutgoingId, Priority};
use super::session::SessionId;

/// A level; 0 goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Level(u8);

const LEVELS: usize = 6;

/// Bytes of higher levels for each byte that a lower one is owed.
const SHARE: u64 = 16;

/// Credit at which a lower level gets a turn, and beyond which none is kept.
const TURN_OWED: u64 = 16 * 1_024;

impl Level {
    pub(super) fn of(priority: Priority, short: bool) -> Level {
        Level(priority as u8 * 2 + u8::from(!short))
    }
}

#[derive(Debug, Default)]
struct Ring {
    /// Sessions that have something here, the next one first.
    sessions: VecDeque<SessionId>,
    messages: Numbered<SessionId, VecDeque<OutgoingId>>,
    /// Turns that the first session has had in a row.
    turns: u32,
    /// Bytes that this level is owed.
    credit: u64,
}

/// The messages that wait for their turn.
#[derive(Debug, Default)]
pub(super) struct Queue {
    rings: [Ring; LEVELS],
    waiting: usize,
}

impl Queue {
    #[cfg(test)]
    fn is_empty(&self) -> bool {
        self.waiting == 0
    }

    /// Puts a message at the end of its session's line.
    pub(super) fn push(&mut self, level: Level, session: SessionId, id: OutgoingId) {
        let ring = &mut self.rings[usize::from(level.0)];
        let line = ring.messages.entry(session).or_default();
        if line.is_empty() {
            ring.sessions.push_back(session);
        }
        line.push_back(id);
        self.waiting += 1;
    }

    /// Whether somebody else should go now that a message of this level has had its turn.
    pub(super) fn is_waiting_beside(&self, level: Level) -> bool {
        self.waits_above(level)
            || self.owed(level)
            || !self.rings[usize::from(level.0)].sessions.is_empty()
    }

    /// Whether somebody may go before a message of this level has had its turn.
    pub(super) fn waits_above(&self, level: Level) -> bool {
        self.waiting > 0
            && self.rings[..usize::from(level.0)].iter().any(|ring| !ring.sessions.is_empty())
    }

    fn owed(&self, level: Level) -> bool {
        self.rings[usize::from(level.0) + 1..]
            .iter()
            .any(|ring| ring.credit >= TURN_OWED && !ring.sessions.is_empty())
    }

    /// Takes the message whose turn it is. `weight` tells how many turns a session has in a row.
    pub(super) fn pop(&mut self, weight: impl Fn(SessionId) -> u32) -> Option<(Level, OutgoingId)> {
        if self.waiting == 0 {
            return None;
        }
        let has_any = |ring: &Ring| !ring.sessions.is_empty();
        let owed = self.rings.iter().position(|r| has_any(r) && r.credit >= TURN_OWED);
        let index = owed.or_else(|| self.rings.iter().position(has_any))?;
        let ring = &mut self.rings[index];
        if owed.is_some() {
            ring.credit = 0;
        }
        let session = *ring.sessions.front()?;
        let line = ring.messages.get_mut(&session)?;
        let id = line.pop_front()?;
        self.waiting -= 1;
        let empty = line.is_empty();
        ring.turns += 1;
        if empty || ring.turns >= weight(session).max(1) {
            ring.turns = 0;
            ring.sessions.pop_front();
            if !empty {
                ring.sessions.push_back(session);
            }
        }
        Some((Level(index as u8), id))
    }

    /// So many bytes of this level went out.
    pub(super) fn charge(&mut self, level: Level, bytes: u64) {
        for ring in &mut self.rings[usize::from(level.0) + 1..] {
            if !ring.sessions.is_empty() {
                ring.credit = (ring.credit + bytes.div_ceil(SHARE)).min(TURN_OWED);
            }
        }
    }

    /// Takes a message out, wherever it waits.
    pub(super) fn remove(&mut self, level: Level, session: SessionId, id: OutgoingId) {
        let ring = &mut self.rings[usize::from(level.0)];
        let Some(line) = ring.messages.get_mut(&session) else { return };
        let before = line.len();
        line.retain(|other| *other != id);
        self.waiting -= before - line.len();
        if line.is_empty() {
            ring.sessions.retain(|other| *other != session);
        }
    }

    /// A session ended: nothing of it waits any more.
    pub(super) fn forget(&mut self, session: SessionId) {
        for ring in &mut self.rings {
            if let Some(line) = ring.messages.remove(&session) {
                self.waiting -= line.len();
                ring.sessions.retain(|other| *other != session);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: SessionId = SessionId(1);
    const B: SessionId = SessionId(2);

    fn order(queue: &mut Queue, weight: u32) -> Vec<u64> {
        let weight = |session| if session == A { weight } else { 1 };
        std::iter::from_fn(|| queue.pop(weight).map(|(_, id)| id.0)).collect()
    }

    #[test]
    fn short_messages_go_first_and_sessions_take_turns() {
        let mut queue = Queue::default();
        let long = Level::of(Priority::Normal, false);
        let short = Level::of(Priority::Normal, true);
        for id in [1, 2, 3] {
            queue.push(long, A, OutgoingId(id));
        }
        queue.push(long, B, OutgoingId(4));
        queue.push(short, B, OutgoingId(5));
        queue.push(short, B, OutgoingId(6));
        queue.push(Level::of(Priority::Urgent, false), A, OutgoingId(7));
        assert_eq!(order(&mut queue, 1), [7, 5, 6, 1, 4, 2, 3]);
        assert!(queue.is_empty());
    }

    #[test]
    fn a_session_of_weight_two_has_two_turns() {
        let mut queue = Queue::default();
        let level = Level::of(Priority::Normal, true);
        for id in 1..=4 {
            queue.push(level, A, OutgoingId(id));
            queue.push(level, B, OutgoingId(id + 10));
        }
        assert_eq!(order(&mut queue, 2), [1, 2, 11, 3, 4, 12, 13, 14]);
    }

    #[test]
    fn a_lower_level_is_never_starved() {
        let mut queue = Queue::default();
        let bulk = Level::of(Priority::Bulk, false);
        let urgent = Level::of(Priority::Urgent, true);
        queue.push(bulk, A, OutgoingId(1));
        let mut bytes = 0;
        loop {
            queue.push(urgent, B, OutgoingId(2));
            let (level, id) = queue.pop(|_| 1).unwrap();
            if id == OutgoingId(1) {
                break;
            }
            queue.charge(level, 1_000);
            bytes += 1_000;
            assert!(bytes < 1_000_000, "the bulk message starves");
        }
        assert!(bytes >= 200_000, "its share is small: {bytes}");
    }

    #[test]
    fn what_was_taken_out_does_not_come() {
        let mut queue = Queue::default();
        let level = Level::of(Priority::Normal, true);
        for id in 1..=3 {
            queue.push(level, A, OutgoingId(id));
        }
        queue.push(level, B, OutgoingId(4));
        queue.remove(level, A, OutgoingId(2));
        queue.forget(B);
        assert_eq!(order(&mut queue, 1), [1, 3]);
        assert!(queue.is_empty());
    }
}
