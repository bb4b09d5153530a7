//! What the two sides of a measured call keep: the caller his dialog, the callee what he answered.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use smallvec::SmallVec;

use super::template::Note;
use crate::clock::Tick;
use crate::sip::header::HeaderName;
use crate::sip::wire::Message;

/// The caller's side of a dialog (RFC 3261 s12.1.2). Its room is used for one call after another.
#[derive(Debug, Default)]
pub(super) struct Dialog {
    target: Vec<u8>,
    remote_tag: Vec<u8>,
    routes: Vec<u8>,
}

impl Dialog {
    /// Learns from a 2xx whether and where the dialog goes on.
    pub(super) fn learn(&mut self, answer: &Message<'_>) -> bool {
        for part in [&mut self.target, &mut self.remote_tag, &mut self.routes] {
            part.clear();
        }
        let Some(Ok(contact)) = answer.addresses(HeaderName::Contact).next() else { return false };
        let Some(tag) = answer.to().ok().and_then(|to| to.tag()) else { return false };
        self.target.extend_from_slice(contact.uri());
        self.remote_tag.extend_from_slice(tag);
        // s12.1.2: in reverse.
        let routes: SmallVec<[&[u8]; 4]> = answer.values(HeaderName::RecordRoute).collect();
        for route in routes.iter().rev() {
            self.routes.extend_from_slice(b"Route: ");
            self.routes.extend_from_slice(route);
            self.routes.extend_from_slice(b"\r\n");
        }
        true
    }

    /// The remote target.
    pub(super) fn target(&self) -> &[u8] {
        &self.target
    }

    pub(super) fn remote_tag(&self) -> &[u8] {
        &self.remote_tag
    }

    /// Route header lines.
    pub(super) fn routes(&self) -> &[u8] {
        &self.routes
    }
}

/// A 200 to an INVITE is sent again until its ACK comes: at T1, doubled up to T2, for 64*T1
/// (RFC 3261 s13.3.1.4).
const STEPS: [Duration; 4] = [
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
];
const PATIENCE: Duration = Duration::from_secs(32);

#[derive(Debug)]
struct Waiting {
    note: Note,
    begun: Tick,
    flow: u32,
    /// The call ended before its ACK came, which another way may still bring.
    over: bool,
    answer: Vec<u8>,
}

/// A Call-ID: thread and number.
type Call = (u32, u32);

/// The callee's side: calls that were answered and whose ACK has not come.
#[derive(Debug, Default)]
pub(super) struct Answered {
    calls: HashMap<Call, Waiting>,
    timers: [VecDeque<(Tick, Call)>; 4],
    spare: Vec<Vec<u8>>,
}

impl Answered {
    /// The 200 of this call; made by `write` if the call is new. Tells whether it is.
    pub(super) fn answer(
        &mut self,
        call: Call,
        note: Note,
        flow: u32,
        now: Tick,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> (bool, &[u8]) {
        match self.calls.entry(call) {
            Entry::Occupied(entry) => (false, &entry.into_mut().answer),
            Entry::Vacant(entry) => {
                let mut answer = self.spare.pop().unwrap_or_default();
                answer.clear();
                write(&mut answer);
                self.timers[0].push_back((now + STEPS[0], call));
                let waiting = Waiting { note, begun: now, flow, over: false, answer };
                (true, &entry.insert(waiting).answer)
            }
        }
    }

    /// An ACK came: the note of the call that it is for, the first time.
    pub(super) fn acknowledged(&mut self, call: Call) -> Option<Note> {
        let waiting = self.calls.remove(&call)?;
        self.spare.push(waiting.answer);
        Some(waiting.note)
    }

    /// The caller hung up: nothing is sent again.
    pub(super) fn over(&mut self, call: Call) {
        if let Some(waiting) = self.calls.get_mut(&call) {
            waiting.over = true;
        }
    }

    /// Gives what must be sent again to `send`, flow and answer.
    pub(super) fn tick(&mut self, now: Tick, mut send: impl FnMut(u32, &[u8])) {
        for step in 0..STEPS.len() {
            while let Some(&(due, call)) = self.timers[step].front()
                && due <= now
            {
                self.timers[step].pop_front();
                let Some(waiting) = self.calls.get(&call) else { continue };
                if now.since(waiting.begun) >= PATIENCE {
                    self.acknowledged(call);
                    continue;
                }
                if !waiting.over {
                    send(waiting.flow, &waiting.answer);
                }
                let next = (step + 1).min(STEPS.len() - 1);
                self.timers[next].push_back((now + STEPS[next], call));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Clock, WallTime};
    use crate::sip::wire::{Framing, Layout, Limits, scan};

    // RFC 3261 s12.1.2, s13.2.2.4
    #[test]
    fn the_route_set_is_the_record_route_in_reverse() {
        let text = b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\n\
            Record-Route: <sip:p2;lr>, <sip:p1;lr>\r\nRecord-Route: <sip:p0;lr>\r\n\
            From: <sip:a@d>;tag=1\r\nTo: <sip:b@d>;tag=2\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n\
            Contact: \"B\" <sip:b@h;transport=tcp>;x=y\r\nContent-Length: 0\r\n\r\n";
        let mut layout = Layout::default();
        scan(text, Framing::Datagram, &Limits::default(), &mut layout).unwrap();
        let mut dialog = Dialog::default();
        assert!(dialog.learn(&Message::new(text, &layout)));
        assert_eq!(dialog.target(), b"sip:b@h;transport=tcp");
        assert_eq!(dialog.remote_tag(), b"2");
        let routes: &[u8] = b"Route: <sip:p0;lr>\r\nRoute: <sip:p1;lr>\r\nRoute: <sip:p2;lr>\r\n";
        assert_eq!(dialog.routes(), routes);
        let bare = b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\n\
            From: <sip:a@d>;tag=1\r\nTo: <sip:b@d>;tag=2\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n\
            Content-Length: 0\r\n\r\n";
        scan(bare, Framing::Datagram, &Limits::default(), &mut layout).unwrap();
        assert!(!dialog.learn(&Message::new(bare, &layout)));
    }

    // RFC 3261 s13.3.1.4
    #[test]
    fn an_answer_is_sent_again_until_its_ack_comes() {
        let (clock, hands) = Clock::manual(WallTime::default());
        let mut answered = Answered::default();
        let note = Note { thread: 0, number: 7, sent: 1 };
        let write = |out: &mut Vec<u8>| out.extend_from_slice(b"200");
        assert_eq!(answered.answer((0, 1), note, 3, clock.now(), write), (true, &b"200"[..]));
        let again = answered.answer((0, 1), note, 3, clock.now(), |_| ());
        assert_eq!(again, (false, &b"200"[..]));
        let count = |answered: &mut Answered, seconds: u64| {
            let mut sent = 0;
            for _ in 0..seconds * 10 {
                hands.advance(Duration::from_millis(100));
                answered.tick(clock.now(), |flow, answer| {
                    assert_eq!((flow, answer), (3, &b"200"[..]));
                    sent += 1;
                });
            }
            sent
        };
        // 0.5, 1.5, 3.5 and 7.5 s.
        assert_eq!(count(&mut answered, 8), 4);
        assert_eq!(answered.acknowledged((0, 1)), Some(note));
        assert_eq!(answered.acknowledged((0, 1)), None);
        assert_eq!(count(&mut answered, 8), 0);
        answered.answer((0, 2), note, 3, clock.now(), write);
        answered.over((0, 2));
        assert_eq!(count(&mut answered, 8), 0);
        assert_eq!(answered.acknowledged((0, 2)), Some(note));
        answered.answer((0, 3), note, 3, clock.now(), write);
        assert_eq!(count(&mut answered, 60), 10);
        assert_eq!(answered.acknowledged((0, 3)), None);
    }
}
