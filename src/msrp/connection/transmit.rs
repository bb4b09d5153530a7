//! The writing half: chunks, their turns, and what interrupts them (RFC 4975 s7.1, s7.1.1).

use super::super::collision::Watch;
use super::super::head::{FailureReport, Flag};
use super::super::ident::TransactionId;
use super::super::message::{By, Failure, Notice, OutgoingId};
use super::super::outgoing::{Outgoing, Stage, UNINTERRUPTED};
use super::super::transactions::Subject;
use super::super::wire;
use super::Connection;
use super::outcome::{REMEMBERED, Settled};
use crate::clock::Tick;

/// What is to be done with the buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transmit {
    /// Nothing more is to be sent now: write what is there, and wait.
    Idle,
    /// The buffer is full: write it, and call again with an empty one.
    Full,
    /// Bytes of a body come next, behind what is in the buffer. Give some to
    /// [`Connection::supply`], write as many of them as it says, and call again.
    Body {
        /// The message.
        id: OutgoingId,
        /// Where they begin, from 0.
        offset: u64,
        /// So many at most; never 0.
        most: usize,
    },
}

/// A chunk that is being written.
#[derive(Debug)]
pub(super) struct Writing {
    pub(super) id: OutgoingId,
    pub(super) transaction: TransactionId,
    watch: Watch,
    /// Where it began.
    pub(super) start: u64,
    /// Whether it may end before the message does.
    interruptible: bool,
    /// Bytes that are left of its turn.
    turn: u64,
    /// Bytes that it may have.
    largest: u64,
    /// How it is to end, once that is decided.
    ending: Option<Flag>,
    /// Whether it was answered with 200 already: some do so before they have read its end.
    pub(super) answered: bool,
    /// Its bytes were asked for, and have not been given since.
    late: bool,
}

impl Connection {
    /// Appends what is to be sent to `out`: responses, reports, heads, end-lines, and messages in
    /// memory.
    pub fn transmit(&mut self, now: Tick, out: &mut Vec<u8>) -> Transmit {
        // Where `out` begins, in all that is given.
        let start = self.given.wrapping_sub(out.len() as u64);
        let next = self.compose(now, start, out);
        self.given = start.wrapping_add(out.len() as u64);
        next
    }

    fn compose(&mut self, now: Tick, start: u64, out: &mut Vec<u8>) -> Transmit {
        loop {
            if let Some(writing) = &self.writing {
                if let Some(flag) = writing.ending.or_else(|| self.interruption(writing)) {
                    self.finish_chunk((now, start), flag, true, out);
                    continue;
                }
                let (id, most) = (writing.id, self.most_now(writing));
                let Some(outgoing) = self.outgoing.get(&id) else {
                    self.finish_chunk((now, start), Flag::Abort, true, out);
                    continue;
                };
                let offset = outgoing.next;
                let Some(memory) = outgoing.memory.clone() else {
                    if let Some(writing) = &mut self.writing {
                        writing.late = true;
                    }
                    return Transmit::Body { id, offset, most };
                };
                if out.len() >= self.options.out_bytes {
                    return Transmit::Full;
                }
                let rest = memory.get(offset as usize..).unwrap_or_default();
                let fragment = &rest[..rest.len().min(most)];
                let used = self.take(fragment, fragment.len() == rest.len());
                out.extend_from_slice(&fragment[..used]);
                continue;
            }
            out.append(&mut self.control);
            if out.len() >= self.options.out_bytes {
                return Transmit::Full;
            }
            if !self.begin_chunk((now, start), out) {
                return Transmit::Idle;
            }
        }
    }

    /// How many bytes the current chunk may get next.
    fn most_now(&self, writing: &Writing) -> usize {
        let left = self.outgoing.get(&writing.id).and_then(Outgoing::left);
        let written = self.outgoing.get(&writing.id).map_or(0, |o| o.next - writing.start);
        let room = usize::try_from(writing.largest.saturating_sub(written)).unwrap_or(usize::MAX);
        let fragment = self.options.fragment.min(room).max(2);
        left.map_or(fragment, |left| usize::try_from(left).unwrap_or(fragment).min(fragment))
    }

    /// Whether the current chunk has to make room for something else.
    fn interruption(&self, writing: &Writing) -> Option<Flag> {
        let outgoing = self.outgoing.get(&writing.id)?;
        let written = outgoing.next - writing.start;
        // Nobody waits for a source that has nothing.
        if !writing.interruptible || written < UNINTERRUPTED && !writing.late {
            return None;
        }
        // Fewer than two bytes cannot be asked for.
        if written + 1 >= writing.largest {
            return Some(Flag::More);
        }
        let level = outgoing.level;
        let room = self.transactions.waiting() < self.options.window;
        let others = room
            && (self.queue.waits_above(level)
                || writing.turn == 0 && self.queue.is_waiting_beside(level));
        (others || !self.control.is_empty()).then_some(Flag::More)
    }

    /// Ends the current chunk at the next call of [`transmit`](Self::transmit).
    pub(super) fn interrupt(&mut self) {
        if let Some(writing) = &mut self.writing
            && writing.interruptible
            && writing.ending.is_none()
        {
            writing.ending = Some(Flag::More);
        }
    }

    /// Begins the next chunk, or writes it whole if it is short. False if nothing waits, or too
    /// much is without an answer.
    fn begin_chunk(&mut self, at: (Tick, u64), out: &mut Vec<u8>) -> bool {
        if self.transactions.waiting() >= self.options.window {
            return false;
        }
        let sessions = &self.sessions;
        let weight = |id| sessions.get(&id).map_or(1, |session| session.setup.weight);
        let Some((level, id)) = self.queue.pop(weight) else { return false };
        let Some(outgoing) = self.outgoing.get_mut(&id) else { return true };
        let Some(session) = self.sessions.get(&outgoing.session) else { return true };
        outgoing.stage = Stage::Writing;
        let mut transaction = self.options.ids.transaction();
        let mut watch = Watch::new(&transaction);
        // What is known whole and short is written at once, under an id that is not in it.
        let short = outgoing.memory.clone().filter(|_| !outgoing.is_interruptible());
        let rest = short.as_ref().and_then(|memory| memory.get(outgoing.next as usize..));
        let mut clean = rest.is_some_and(|rest| watch.is_clean(rest));
        for _ in 0..8 {
            let Some(rest) = rest.filter(|_| !clean) else { break };
            transaction = self.options.ids.transaction();
            watch = Watch::new(&transaction);
            clean = watch.is_clean(rest);
        }
        let with_body = outgoing.has_body && !outgoing.aborting;
        outgoing.write_head(&transaction, &session.paths, with_body, out);
        outgoing.begun = true;
        let interruptible = outgoing.is_interruptible();
        let start = outgoing.next;
        if let Some(rest) = rest.filter(|_| clean && with_body) {
            out.extend_from_slice(rest);
            outgoing.next += rest.len() as u64;
        }
        let ending = match (outgoing.aborting, outgoing.left()) {
            (true, _) => Some(Flag::Abort),
            (false, Some(0)) => Some(Flag::Last),
            (false, _) => None,
        };
        let written = outgoing.next - start;
        let turn = self.options.turn;
        let largest = session.setup.largest_chunk.map_or(u64::MAX, |most| most.max(UNINTERRUPTED));
        let writing = Writing {
            id,
            transaction,
            watch,
            start,
            interruptible,
            turn,
            largest,
            ending,
            answered: false,
            late: false,
        };
        self.writing = Some(writing);
        if let Some(flag) = ending {
            self.finish_chunk(at, flag, with_body, out);
        }
        // A head weighs something, too.
        self.queue.charge(level, written + 256);
        true
    }

    /// Takes bytes of the body that [`Transmit::Body`] asked for, and tells how many of them are to
    /// be written; what is left will be asked for again. `end` says that the source ends behind
    /// them.
    ///
    /// Of a source of unknown size the last byte is held back until its end is known, so that the
    /// last chunk is never empty: give two bytes or more, or the end.
    pub fn supply(&mut self, bytes: &[u8], end: bool) -> usize {
        let used = self.take(bytes, end);
        self.given = self.given.wrapping_add(used as u64);
        used
    }

    fn take(&mut self, bytes: &[u8], end: bool) -> usize {
        let Some(writing) = &mut self.writing else { return 0 };
        if writing.ending.is_some() {
            return 0;
        }
        writing.late = false;
        let Some(outgoing) = self.outgoing.get_mut(&writing.id) else { return 0 };
        let offered = match (outgoing.left(), end) {
            (Some(left), _) => bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX)),
            (None, true) => bytes.len(),
            (None, false) => bytes.len().saturating_sub(1),
        };
        let used = writing.watch.pass(&bytes[..offered]);
        let id = writing.id;
        outgoing.next += used as u64;
        writing.turn = writing.turn.saturating_sub(used as u64);
        let level = outgoing.level;
        if used < offered {
            writing.ending = Some(Flag::More);
        } else if end && used == bytes.len() && outgoing.total.is_none() {
            outgoing.total = Some(outgoing.next);
        }
        if outgoing.total == Some(outgoing.next) {
            writing.ending = Some(Flag::Last);
        } else if end && used == bytes.len() {
            // The source is shorter than its size.
            self.fail_outgoing(id, Failure::Source);
            return used;
        }
        let (sent, total) = (outgoing.next, outgoing.total);
        if outgoing.meter.step(sent, total) {
            self.notices.push_back(Notice::Progress { id, sent, total });
        }
        self.queue.charge(level, used as u64);
        used
    }

    /// Writes the end-line of the current chunk, and puts its message to where it belongs now. `begin`
    /// is where `out` begins, in all that is given.
    fn finish_chunk(
        &mut self,
        (now, begin): (Tick, u64),
        flag: Flag,
        with_body: bool,
        out: &mut Vec<u8>,
    ) {
        let Some(writing) = self.writing.take() else { return };
        if with_body {
            out.extend_from_slice(b"\r\n");
        }
        wire::end_line(&writing.transaction, flag, out);
        let id = writing.id;
        // The message may have failed meanwhile, and only its chunk had to be closed.
        let Some(outgoing) = self.outgoing.get_mut(&id) else { return };
        let (start, end) = (writing.start, outgoing.next);
        let subject = Subject::Chunk { id, start, end };
        match outgoing.failure_report {
            FailureReport::Yes => {
                outgoing.unanswered += 1;
                let end = begin.wrapping_add(out.len() as u64);
                match (writing.answered, self.told_written) {
                    (true, _) => {}
                    (false, true) => {
                        self.transactions.expect_behind(end, writing.transaction, subject);
                    }
                    (false, false) => self.transactions.expect(now, writing.transaction, subject),
                }
            }
            FailureReport::Partial => {
                self.transactions.expect_errors(writing.transaction, subject);
            }
            FailureReport::No => {}
        }
        match flag {
            Flag::More if outgoing.stage == Stage::Stalled => {}
            Flag::More => {
                outgoing.stage = Stage::Waiting;
                self.queue.push(outgoing.level, outgoing.session, id);
            }
            Flag::Abort => {
                let bytes = outgoing.next;
                self.forget_outgoing(id);
                self.notices.push_back(Notice::Aborted { id, by: By::Local, bytes });
            }
            Flag::Last => {
                outgoing.stage = Stage::Sent;
                let (bytes, total) = (outgoing.next, outgoing.total);
                if outgoing.meter.tells_the_end() {
                    self.notices.push_back(Notice::Progress { id, sent: bytes, total });
                }
                self.notices.push_back(Notice::Sent { id, bytes });
                self.settle(id);
            }
        }
        if writing.answered {
            self.chunk_answered(id, (start, end));
        }
    }

    /// A message is given up. Its receiver is told, unless it never heard of it or has all of it.
    pub(super) fn abort_outgoing(&mut self, id: OutgoingId, by: By) {
        let Some(outgoing) = self.outgoing.get_mut(&id) else { return };
        let bytes = outgoing.next;
        let being_written = self.writing.as_mut().filter(|writing| writing.id == id);
        match (outgoing.stage, being_written) {
            (_, Some(writing)) if writing.interruptible && by == By::Local => {
                outgoing.aborting = true;
                writing.ending = Some(Flag::Abort);
            }
            (_, Some(writing)) => {
                // What is not interruptible is short: its chunk is closed, and its message over. A
                // source that is asked for the rest need not give it.
                writing.ending = Some(Flag::Abort);
                self.forget_outgoing(id);
                self.notices.push_back(Notice::Aborted { id, by, bytes });
            }
            (Stage::Waiting | Stage::Stalled, None) if outgoing.begun && by == By::Local => {
                outgoing.aborting = true;
                if outgoing.stage == Stage::Stalled {
                    outgoing.stage = Stage::Waiting;
                    self.queue.push(outgoing.level, outgoing.session, id);
                }
            }
            _ => {
                self.forget_outgoing(id);
                self.notices.push_back(Notice::Aborted { id, by, bytes });
            }
        }
    }

    /// A message fails as a whole.
    pub(super) fn fail_outgoing(&mut self, id: OutgoingId, reason: Failure) {
        let Some(outgoing) = self.outgoing.get(&id) else { return };
        let all_sent = outgoing.stage == Stage::Sent;
        let unreported = all_sent && outgoing.unanswered == 0 && outgoing.success_report;
        let reason = match reason {
            Failure::SessionEnded if unreported => Failure::Unreported,
            reason => reason,
        };
        let end = outgoing.total.unwrap_or(outgoing.next);
        let start = outgoing.confirmed.prefix().min(end);
        self.fail_chunk(id, reason, (start, end));
    }

    /// A message fails because some bytes of it did. Nothing more of it is sent (s7.3.2). One whose
    /// session ends may go on in another, so its chunk says that more comes.
    pub(super) fn fail_chunk(&mut self, id: OutgoingId, reason: Failure, range: (u64, u64)) {
        if let Some(writing) = &mut self.writing
            && writing.id == id
        {
            let goes_on = reason.is_of_the_session();
            writing.ending = Some(if goes_on { Flag::More } else { Flag::Abort });
        }
        if let Some(outgoing) = self.forget_outgoing(id) {
            let state = reason.is_of_the_session().then(|| Box::new(outgoing.state()));
            self.notices.push_back(Notice::Failed { id, reason, range, state });
        }
    }

    /// A message of which nothing more is to come is forgotten.
    pub(super) fn settle(&mut self, id: OutgoingId) {
        if !self.outgoing.get(&id).is_some_and(Outgoing::is_settled) {
            return;
        }
        if let Some(outgoing) = self.forget_outgoing(id)
            && outgoing.failure_report != FailureReport::No
        {
            if self.settled.len() == REMEMBERED {
                self.settled.pop_front();
            }
            let (message_id, session) = (outgoing.message_id, outgoing.session);
            self.settled.push_back(Settled { message_id, id, session });
        }
    }
}
