//! One connection with its sessions, without its socket (RFC 4975 s5.4, s7).
//!
//! ```text
//!   bytes of the socket ──> receive ──> Arrival: messages, slices of their bodies
//!                              │
//!                              ├──> Notice: what became of what was sent
//!                              v
//!   bytes for the socket <── transmit <── send, accept, deny, abort, ...
//!                               │   ^
//!                               v   │
//!                     Transmit::Body  supply: bytes of a message that is not in memory
//! ```
//!
//! Nothing here holds a body but the messages that the application gave in memory. Everything that
//! is held has a bound, and each bound an answer: a message too many is refused by
//! [`Connection::send`] or denied with 413, and a peer that does not read its answers is not read
//! either.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use super::framer::{FrameError, Framer};
use super::ident::{Ids, Numbered, TransactionId};
use super::incoming::Incoming;
use super::message::{Content, Failure, IncomingId, Message, Notice, OutgoingId, SendError};
use super::outgoing::{Outgoing, Stage};
use super::queue::Queue;
use super::resume::{IncomingState, OutgoingState};
use super::session::{Session, SessionId, Setup};
use super::transactions::{Subject, Transactions};
use super::uri::Uri;
use super::wire;
use crate::clock::Tick;

mod decide;
mod outcome;
mod receive;
mod request;
mod transmit;

pub use request::Request;
pub use transmit::Transmit;

/// The bounds of a connection.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// [`Connection::transmit`] stops when the buffer holds so many bytes.
    pub out_bytes: usize,
    /// Bytes of a body that are asked for at once.
    pub fragment: usize,
    /// Bytes after which a long message lets others of its level go on.
    pub turn: u64,
    /// Chunks without an answer, beyond which no new one begins.
    pub window: usize,
    /// Messages that are sent or wait for answers or reports, beyond which none is taken.
    pub outgoing: usize,
    /// Messages that are received at once, beyond which new ones are denied with 413.
    pub incoming: usize,
    /// Bytes of responses and reports that wait, beyond which nothing is read.
    pub control_bytes: usize,
    /// Notices that wait, beyond which nothing is read.
    pub notices: usize,
    /// How long the application may think about a message or a session.
    pub decision: Duration,
    /// Where identifiers come from.
    pub ids: Ids,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            out_bytes: 64 * 1_024,
            fragment: 64 * 1_024,
            turn: 256 * 1_024,
            window: 4_096,
            outgoing: 16_384,
            incoming: 256,
            control_bytes: 64 * 1_024,
            notices: 4_096,
            decision: Duration::from_secs(5),
            ids: Ids::default(),
        }
    }
}

/// Why a connection has to be closed. What [`Connection::transmit`] still gives goes out first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectionError {
    /// The stream cannot be understood any more.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// An end-line with an unknown flag: where requests end is a guess from here on.
    #[error("an unknown continuation flag")]
    Flag,
}

/// One connection, without its socket.
#[derive(Debug)]
pub struct Connection {
    options: Options,
    sessions: Numbered<SessionId, Session>,
    /// Sessions by the spelling of our URI, and by session-id.
    by_uri: HashMap<Box<str>, SessionId>,
    by_session_id: HashMap<Box<str>, SessionId>,
    last_session: u32,
    last_message: u64,
    notices: VecDeque<Notice>,

    framer: Framer,
    current: receive::Current,
    /// Since when the application has had to decide something.
    asked: Option<Tick>,
    incoming: Numbered<IncomingId, Incoming>,
    incoming_by_name: HashMap<(SessionId, Box<str>), IncomingId>,
    failed: Option<ConnectionError>,

    /// Responses and reports that wait, as bytes.
    control: Vec<u8>,
    queue: Queue,
    outgoing: Numbered<OutgoingId, Outgoing>,
    outgoing_by_name: HashMap<Box<str>, OutgoingId>,
    settled: VecDeque<outcome::Settled>,
    writing: Option<transmit::Writing>,
    transactions: Transactions,
    /// Bytes that were given to be written.
    given: u64,
    /// Whether we are told when they were.
    told_written: bool,
}

impl Connection {
    /// A connection without sessions.
    #[must_use]
    pub fn new(options: Options) -> Connection {
        Connection {
            options,
            sessions: Numbered::default(),
            by_uri: HashMap::new(),
            by_session_id: HashMap::new(),
            last_session: 0,
            last_message: 0,
            notices: VecDeque::new(),
            framer: Framer::default(),
            current: receive::Current::default(),
            asked: None,
            incoming: Numbered::default(),
            incoming_by_name: HashMap::new(),
            failed: None,
            control: Vec::new(),
            queue: Queue::default(),
            outgoing: Numbered::default(),
            outgoing_by_name: HashMap::new(),
            settled: VecDeque::new(),
            writing: None,
            transactions: Transactions::default(),
            given: 0,
            told_written: false,
        }
    }

    /// Adds a session of which we are the active side: we may send at once, and have to (s5.4), see
    /// [`greet`](Self::greet).
    pub fn add_session(&mut self, setup: Setup) -> SessionId {
        self.insert_session(setup, true)
    }

    fn insert_session(&mut self, setup: Setup, bound: bool) -> SessionId {
        self.last_session += 1;
        let id = SessionId(self.last_session);
        self.by_uri.insert(setup.local.as_str().into(), id);
        if let Some(session_id) = setup.local.session_id() {
            self.by_session_id.insert(session_id.into(), id);
        }
        self.sessions.insert(id, Session::new(setup, bound));
        id
    }

    /// Sends a SEND without a body, which tells the passive side who connected (s5.4). A message
    /// does the same.
    ///
    /// # Errors
    /// [`SendError`].
    pub fn greet(&mut self, now: Tick, session: SessionId) -> Result<OutgoingId, SendError> {
        self.send(now, session, Message::new("", Content::Nothing))
    }

    /// Takes a message for sending.
    ///
    /// # Errors
    /// [`SendError`], and then nothing of it is kept.
    pub fn send(
        &mut self,
        _now: Tick,
        session: SessionId,
        message: Message,
    ) -> Result<OutgoingId, SendError> {
        self.check_session(session)?;
        let outgoing = Outgoing::new(message, session, self.options.ids)?;
        self.enqueue(outgoing)
    }

    fn check_session(&mut self, session: SessionId) -> Result<(), SendError> {
        let bound = self.sessions.get(&session).ok_or(SendError::NoSession)?.bound;
        if !bound {
            return Err(SendError::NotBound);
        }
        if self.has_room_to_send() { Ok(()) } else { Err(SendError::Full) }
    }

    /// Whether one more message can be taken. Of those that lack only a success report, which some
    /// peers never send, the oldest makes room.
    fn has_room_to_send(&mut self) -> bool {
        if self.outgoing.len() < self.options.outgoing {
            return true;
        }
        let unreported = |o: &Outgoing| o.stage == Stage::Sent && o.unanswered == 0;
        let oldest = self.outgoing.iter().filter(|(_, o)| unreported(o)).map(|(id, _)| *id).min();
        let Some(id) = oldest else { return false };
        self.fail_outgoing(id, Failure::Unreported);
        true
    }

    fn enqueue(&mut self, outgoing: Outgoing) -> Result<OutgoingId, SendError> {
        if self.outgoing_by_name.contains_key(&outgoing.message_id) {
            return Err(SendError::Twice);
        }
        self.last_message += 1;
        let id = OutgoingId(self.last_message);
        self.outgoing_by_name.insert(outgoing.message_id.clone(), id);
        self.queue.push(outgoing.level, outgoing.session, id);
        self.outgoing.insert(id, outgoing);
        Ok(id)
    }

    /// Goes on with a message that an earlier connection did not bring to its end: the same
    /// Message-ID, from the first byte that is not confirmed (s5.4). `message` is as it was, with
    /// the bytes of the whole message as its content.
    ///
    /// # Errors
    /// [`SendError`].
    pub fn resume_outgoing(
        &mut self,
        _now: Tick,
        session: SessionId,
        state: OutgoingState,
        message: Message,
    ) -> Result<OutgoingId, SendError> {
        self.check_session(session)?;
        let message = Message {
            message_id: Some(state.message_id),
            content_type: state.content_type,
            success_report: state.success_report,
            failure_report: state.failure_report,
            ..message
        };
        let mut outgoing = Outgoing::new(message, session, self.options.ids)?;
        if state.total.is_some() && outgoing.total.is_some() && state.total != outgoing.total {
            return Err(SendError::Changed);
        }
        outgoing.go_on(state.confirmed);
        self.enqueue(outgoing)
    }

    /// What has to be kept of a message to go on with it elsewhere.
    #[must_use]
    pub fn outgoing_state(&self, id: OutgoingId) -> Option<OutgoingState> {
        self.outgoing.get(&id).map(Outgoing::state)
    }

    /// Takes what comes of a message of this Message-ID as the rest of what is there already.
    /// `None` if there is no such session, or a message of that name is being received.
    pub fn expect_incoming(
        &mut self,
        session: SessionId,
        state: IncomingState,
    ) -> Option<IncomingId> {
        let setup = &self.sessions.get(&session)?.setup;
        let name = (session, Box::from(state.message_id.as_str()));
        if self.incoming_by_name.contains_key(&name) {
            return None;
        }
        let incoming = Incoming::resume(session, state, setup.reports);
        self.last_message += 1;
        let id = IncomingId(self.last_message);
        self.incoming_by_name.insert(name, id);
        self.incoming.insert(id, incoming);
        Some(id)
    }

    /// What has to be kept of a message to go on receiving it elsewhere.
    #[must_use]
    pub fn incoming_state(&self, id: IncomingId) -> Option<IncomingState> {
        self.incoming.get(&id).map(Incoming::state)
    }

    /// What a session agreed on.
    #[must_use]
    pub fn setup(&self, session: SessionId) -> Option<&Setup> {
        self.sessions.get(&session).map(|session| &session.setup)
    }

    /// How many sessions use this connection.
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.sessions.len()
    }

    /// Ends a session. Its messages fail.
    pub fn end_session(&mut self, session: SessionId) {
        let Some(ended) = self.sessions.remove(&session) else { return };
        self.by_uri.retain(|_, id| *id != session);
        self.by_session_id.retain(|_, id| *id != session);
        if let Some(id) = ended.setup.local.session_id()
            && let Some(other) = self.session_named(id)
        {
            self.by_session_id.insert(id.into(), other);
        }
        self.queue.forget(session);
        self.settled.retain(|settled| settled.session != session);
        let mut ids: Vec<_> = self.of_session(session).collect();
        ids.sort_unstable();
        for id in ids {
            self.fail_outgoing(id, Failure::SessionEnded);
        }
        let mut lost: Vec<_> = self
            .incoming
            .iter()
            .filter(|(_, incoming)| incoming.session == session)
            .map(|(id, _)| *id)
            .collect();
        lost.sort_unstable();
        for id in lost {
            self.lose(id, 0);
        }
    }

    fn session_named(&self, session_id: &str) -> Option<SessionId> {
        let named = |session: &Session| session.setup.local.session_id() == Some(session_id);
        self.sessions.iter().find(|(_, session)| named(session)).map(|(id, _)| *id)
    }

    fn of_session(&self, session: SessionId) -> impl Iterator<Item = OutgoingId> + '_ {
        self.outgoing.iter().filter(move |(_, o)| o.session == session).map(|(id, _)| *id)
    }

    /// The connection ended: so did its sessions (s5.4), and each message hears of it. Whoever
    /// wants to go on with one elsewhere takes its state before.
    pub fn close(&mut self) {
        let mut sessions: Vec<_> = self.sessions.keys().copied().collect();
        sessions.sort_unstable();
        for session in sessions {
            self.end_session(session);
        }
        self.writing = None;
        self.control.clear();
    }

    /// What has become of things; call until there is nothing more.
    pub fn poll_notice(&mut self) -> Option<Notice> {
        self.notices.pop_front()
    }

    /// Whether the socket is to be read. Not while answers or notices pile up, or the application
    /// has yet to decide something.
    #[must_use]
    pub fn wants_input(&self) -> bool {
        self.failed.is_none()
            && !self.is_waiting()
            && self.control.len() < self.options.control_bytes
            && self.notices.len() < self.options.notices
    }

    /// Whether the stream stands between requests: bytes that [`receive`](Self::receive) left there
    /// are a head that has not come whole. Who reads sockets closes one on which a head takes too
    /// long: nothing else of the connection can come before its end.
    #[must_use]
    pub fn is_between(&self) -> bool {
        self.framer.is_between()
    }

    /// Whether the application has to decide about a message or a session before anything more is
    /// read.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.asked.is_some()
    }

    /// When [`tick`](Self::tick) is to be called.
    #[must_use]
    pub fn deadline(&self) -> Tick {
        let decision = self.asked.map_or(Tick::NEVER, |since| since + self.options.decision);
        self.transactions.deadline().min(decision)
    }

    /// Lets time pass: requests without an answer time out (s7.1.1), and what nobody decided is
    /// refused.
    pub fn tick(&mut self, now: Tick) {
        while let Some((transaction, subject)) = self.transactions.expired(now) {
            match subject {
                Subject::Chunk { id, start, end } => {
                    self.fail_chunk(id, Failure::Timeout, (start, end));
                }
                Subject::Request => self.answer_request(transaction, 408, wire::comment(408), &[]),
            }
        }
        if let Some(since) = self.asked
            && now >= since + self.options.decision
        {
            self.decide_by_default();
        }
    }

    /// So many bytes have been written, of all that [`transmit`](Self::transmit) gave since the
    /// beginning, bodies among them. The 30 s for an answer begin when the last byte of a request was
    /// given to the system (s7.1.1), which on a slow way is long after it was given out here. Whoever
    /// never calls it has to write at once.
    pub fn written(&mut self, now: Tick, total: u64) {
        self.told_written = true;
        self.transactions.written(now, total);
    }

    /// Gives a message up. Its receiver is told by the flag `#` (s7.1), if it knows of it.
    pub fn abort(&mut self, id: OutgoingId) {
        self.abort_outgoing(id, super::message::By::Local);
    }

    /// The source of a message has nothing to give now: others go on.
    pub fn stall(&mut self, id: OutgoingId) {
        if self.writing.as_ref().is_some_and(|writing| writing.id == id) {
            self.interrupt();
        }
        if let Some(outgoing) = self.outgoing.get_mut(&id)
            && matches!(outgoing.stage, Stage::Waiting | Stage::Writing)
        {
            self.queue.remove(outgoing.level, outgoing.session, id);
            outgoing.stage = Stage::Stalled;
        }
    }

    /// The source of a message has something again.
    pub fn unstall(&mut self, id: OutgoingId) {
        if let Some(outgoing) = self.outgoing.get_mut(&id)
            && outgoing.stage == Stage::Stalled
        {
            // The chunk that the stall ended may not be closed yet; it puts the message back then.
            if self.writing.as_ref().is_some_and(|writing| writing.id == id) {
                outgoing.stage = Stage::Writing;
                return;
            }
            outgoing.stage = Stage::Waiting;
            self.queue.push(outgoing.level, outgoing.session, id);
        }
    }

    fn transaction(&self) -> TransactionId {
        self.options.ids.transaction()
    }

    /// A message that is over on our side, without telling anybody.
    fn forget_outgoing(&mut self, id: OutgoingId) -> Option<Outgoing> {
        let outgoing = self.outgoing.remove(&id)?;
        self.outgoing_by_name.remove(&outgoing.message_id);
        if outgoing.stage == Stage::Waiting {
            self.queue.remove(outgoing.level, outgoing.session, id);
        }
        Some(outgoing)
    }

    fn session_of(&self, to: &str) -> Option<SessionId> {
        if let Some(id) = self.by_uri.get(to) {
            return Some(*id);
        }
        let uri = Uri::parse(to).ok()?;
        let id = *self.by_session_id.get(uri.session_id()?)?;
        let setup = &self.sessions.get(&id)?.setup;
        let fits = match setup.matching {
            super::session::Matching::Strict => setup.local.matches(&uri),
            super::session::Matching::SessionId => true,
        };
        fits.then_some(id)
    }
}

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
