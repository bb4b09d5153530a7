//! What presence asks beyond one request and one answer: entity tags, and NOTIFYs.

use super::{Crowd, Habits};
use crate::clock::Tick;
use crate::sip::header::HeaderName;
use crate::sip::wire::Message;

/// A subscription of this thread.
#[derive(Clone, Copy, Debug)]
pub(super) struct Watch {
    /// Who watches, among the people of this thread.
    pub(super) user: usize,
    /// Whom, among the people of all threads.
    pub(super) whom: usize,
}

/// The subscriptions of those who are played by a thread.
pub(super) fn of_thread(thread: usize, people: usize, habits: &Habits) -> Vec<Watch> {
    let watching = habits.watching;
    (0..watching.subscriptions())
        .map(|number| watching.pair(number, people))
        .filter(|(who, _)| who % habits.threads == thread)
        .map(|(who, whom)| Watch { user: who / habits.threads, whom })
        .collect()
}

impl Crowd<'_> {
    /// Keeps the entity tag of a PUBLISH for the next one; forgets it when it is not known any more
    /// (RFC 3903 s4.1, s11.3.2).
    pub(super) fn published(&mut self, index: u32, answer: &Message<'_>) {
        let Some(slot) = self.slots.get(index as usize) else { return };
        let Some(user) = self.users.get_mut(slot.user) else { return };
        if (200..300).contains(&answer.status()) || answer.status() == 412 {
            user.etag.clear();
            user.etag.extend_from_slice(answer.header(HeaderName::SipEtag).unwrap_or_default());
        }
    }

    /// A NOTIFY came. Its CSeq tells one that was sent again (RFC 3261 s12.2.2).
    pub(super) fn told(&mut self, message: &Message<'_>, now: Tick) {
        let cseq = message.cseq().map_or(0, |cseq| cseq.number);
        let Some((_, number)) = self.common.call(message.call_id()) else {
            self.tally.foreign += 1;
            return;
        };
        let number = number as usize;
        if self.heard.len() <= number && number < self.calls as usize {
            self.heard.resize(number + 1, 0);
        }
        let Some(last) = self.heard.get_mut(number) else { return };
        if cseq <= *last {
            self.tally.delivered_again += 1;
            return;
        }
        *last = cseq;
        self.tally.delivered += 1;
        if let Some(note) = self.common.note_within(message.body())
            && note.sent >= self.phase_began.as_micros()
        {
            self.tally.delivery.record(now.as_micros().saturating_sub(note.sent));
        }
    }
}
