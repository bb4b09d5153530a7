//! One connection: the task that owns its socket, its protocol state, and the files behind it.
//!
//! ```text
//!  socket ──> input buffer ──> Connection ──┬─> memory of short messages ─> Event::Message
//!                  │                        └─> places of bodies in the buffer
//!                  └── the whole buffer goes to the file's writer, and another takes its place
//!  file ──> blocks read ahead ──┐
//!  commands ──> Connection ─────┴─> Outflow: heads and bodies, side by side ──> one vectored write
//! ```
//!
//! Nothing else writes to the socket, so nothing is locked while it is written, and no wake-up can be
//! missed: every round looks at everything that can have moved.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Sleep;

use super::block::{BLOCK, Pool};
use super::command::{Answer, Command};
use super::dial::Wire;
use super::dump::{Direction, WireDump};
use super::inbound::Inbound;
use super::outbound::Track;
use super::outflow::{self, Outflow};
use super::registry::Registry;
use super::session::{Inbox, OpenError};
use super::silence::{End, Patience, Silence};
use super::sink::SinkError;
use super::source::Feed;
use crate::clock::{Clock, Tick};
use crate::msrp::connection::{Connection, Options, Transmit};
use crate::msrp::ident::TransactionId;
use crate::msrp::message::{IncomingId, OutgoingId, Response, SendError};
use crate::msrp::session::{ConnectionKey, SessionId};
use crate::msrp::uri::Uri;

/// A connection without sessions is closed after so long.
const IDLE: Duration = Duration::from_secs(20);

/// An input buffer before it has proved too small.
const FIRST_INPUT: usize = 16 * 1_024;

/// Less than this of a buffer is copied rather than giving the buffer away.
const WORTH_GIVING: usize = BLOCK / 4;

/// Rounds before other tasks have their turn.
const ROUNDS: usize = 16;

/// Bytes, in and out, before other tasks have their turn: about a millisecond.
const TURN: u64 = 512 * 1_024;

/// One connection.
pub(super) struct Engine {
    pub(super) core: Connection,
    wire: Wire,
    clock: Clock,
    pub(super) registry: Arc<Registry>,
    pub(super) key: ConnectionKey,
    dump: Option<WireDump>,
    input: Vec<u8>,
    filled: usize,
    pub(super) outflow: Outflow,
    pub(super) pool: Pool,
    pub(super) commands: mpsc::Receiver<Command>,
    pub(super) handle: mpsc::Sender<Command>,
    batch: Vec<Command>,
    /// Held by whoever needs the connection although it has no session.
    hold: Weak<()>,
    pub(super) sessions: HashMap<SessionId, (Uri, Inbox)>,
    pub(super) opening: HashMap<OutgoingId, (SessionId, Answer<SessionId, OpenError>)>,
    pub(super) outgoing: HashMap<OutgoingId, Track>,
    /// Messages that have arrived and may fail all the same.
    pub(super) late: VecDeque<OutgoingId>,
    pub(super) feeds: HashMap<OutgoingId, Feed>,
    pub(super) incoming: HashMap<IncomingId, Inbound>,
    pub(super) requests: HashMap<TransactionId, Answer<Response, SendError>>,
    /// Places of bodies in the input, until the buffer is given away.
    pub(super) spans: Vec<(IncomingId, u64, Range<usize>)>,
    timer: Pin<Box<Sleep>>,
    timer_at: Tick,
    idle_since: Option<Tick>,
    /// When somebody who does not keep up is left behind.
    patience_ends: Tick,
    silence: Silence,
    /// Who waits for the last bytes of a session to go, and the place behind them, once it is known.
    pub(super) partings: Vec<(Option<u64>, oneshot::Sender<()>)>,
    /// Bytes that came.
    came: u64,
    /// Bytes that were written.
    written: u64,
    /// A source has to be waited for that nobody waits for yet.
    pub(super) hungry: bool,
}

/// What a connection's task is made of.
pub(super) struct Parts {
    pub(super) wire: Wire,
    pub(super) options: Options,
    pub(super) registry: Arc<Registry>,
    pub(super) commands: mpsc::Receiver<Command>,
    pub(super) handle: mpsc::Sender<Command>,
    pub(super) hold: Weak<()>,
    pub(super) dump: Option<WireDump>,
    pub(super) patience: Patience,
    pub(super) clock: Clock,
}

impl Engine {
    pub(super) fn new(parts: Parts) -> Engine {
        let key = parts.registry.key();
        Engine {
            core: Connection::new(parts.options),
            wire: parts.wire,
            clock: parts.clock,
            registry: parts.registry,
            key,
            dump: parts.dump,
            input: vec![0; FIRST_INPUT],
            filled: 0,
            outflow: Outflow::default(),
            pool: Pool::default(),
            commands: parts.commands,
            handle: parts.handle,
            batch: Vec::new(),
            hold: parts.hold,
            sessions: HashMap::new(),
            opening: HashMap::new(),
            outgoing: HashMap::new(),
            late: VecDeque::new(),
            feeds: HashMap::new(),
            incoming: HashMap::new(),
            requests: HashMap::new(),
            spans: Vec::new(),
            timer: Box::pin(tokio::time::sleep(IDLE)),
            timer_at: Tick::NEVER,
            idle_since: None,
            patience_ends: Tick::NEVER,
            silence: Silence::new(parts.patience),
            partings: Vec::new(),
            came: 0,
            written: 0,
            hungry: false,
        }
    }

    /// Runs the connection to its end.
    pub(super) async fn run(mut self) {
        let end = std::future::poll_fn(|cx| self.poll(cx)).await;
        tracing::debug!(peer = %self.wire.remote, %end, "connection ended");
        self.bury(&end).await;
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        let turn_ends = self.came + self.written + TURN;
        for _ in 0..ROUNDS {
            match self.round(cx) {
                Ok(true) if self.came + self.written >= turn_ends => break,
                Ok(true) => {}
                Ok(false) => return Poll::Pending,
                Err(end) => return Poll::Ready(end),
            }
        }
        // Behind all others: whoever is in `block_on` has no turn while a task wakes itself.
        let _ = std::pin::pin!(tokio::task::yield_now()).poll(cx);
        Poll::Pending
    }

    /// One look at everything; `true` if anything moved.
    fn round(&mut self, cx: &mut Context<'_>) -> Result<bool, End> {
        let now = self.clock.now();
        let mut moved = self.take_commands(cx, now);
        moved |= self.poll_feeds(cx);
        moved |= self.poll_drains(cx);
        moved |= self.read(cx, now)?;
        if now >= self.core.deadline() {
            self.core.tick(now);
        }
        self.take_notices();
        moved |= self.compose(now);
        moved |= match self.write(cx) {
            Ok(moved) => moved,
            Err(end) => return Err(self.read_out(cx, now, end)),
        };
        self.core.written(now, self.written);
        if !moved {
            moved = self.arm(cx, now)?;
        }
        Ok(moved)
    }

    fn take_commands(&mut self, cx: &mut Context<'_>, now: Tick) -> bool {
        let mut batch = std::mem::take(&mut self.batch);
        let room = super::command::WAITING_MOST;
        let count = match self.commands.poll_recv_many(cx, &mut batch, room) {
            Poll::Ready(count) => count,
            Poll::Pending => 0,
        };
        for command in batch.drain(..) {
            self.obey(now, command);
        }
        self.batch = batch;
        if count > 0 {
            self.sweep();
        }
        count > 0
    }

    /// Whether everybody keeps up: applications with their events, files with their bytes. Who held
    /// up others for too long loses the message, or what comes until it has read its events.
    fn keeps_up(&mut self, cx: &mut Context<'_>, now: Tick) -> bool {
        let shared = self.sessions.len() > 1;
        let (mut due, mut all) = (Tick::NEVER, true);
        let mut too_slow = None;
        for (id, inbound) in &mut self.incoming {
            all &= inbound.keeps_up();
            if let Some(gone) = inbound.held_up_until(now, shared) {
                due = due.min(gone);
                too_slow = too_slow.or((gone <= now).then_some(*id));
            }
        }
        for (_, inbox) in self.sessions.values_mut() {
            if inbox.events.poll_room(cx).is_ready() {
                inbox.full_since = None;
                continue;
            }
            let since = *inbox.full_since.get_or_insert(now);
            if !(shared && inbox.is_passed_over(now)) {
                all = false;
                due = due.min(since + inbox.patience);
            }
        }
        self.patience_ends = if shared { due } else { Tick::NEVER };
        if let Some(id) = too_slow {
            self.break_off(id, &SinkError::Slow);
            return self.keeps_up(cx, now);
        }
        all
    }

    fn read(&mut self, cx: &mut Context<'_>, now: Tick) -> Result<bool, End> {
        let mut moved = false;
        // What was left when somebody had to decide first.
        if self.filled > 0 && self.core.wants_input() && self.keeps_up(cx, now) {
            let before = self.filled;
            self.digest(now)?;
            moved = self.filled != before;
        }
        if !self.core.wants_input() || !self.keeps_up(cx, now) || self.filled == self.input.len() {
            self.silence.is_ours();
            return Ok(moved);
        }
        let room = self.input.get_mut(self.filled..).unwrap_or_default();
        let mut buffer = ReadBuf::new(room);
        match Pin::new(&mut self.wire.stream).poll_read(cx, &mut buffer) {
            Poll::Pending => {
                self.silence.goes_on(now, self.core.is_between(), self.filled);
                return Ok(moved);
            }
            Poll::Ready(outcome) => outcome?,
        }
        let count = buffer.filled().len();
        if count == 0 {
            return Err(End::Closed);
        }
        if let Some(dump) = &self.dump {
            dump.show(Direction::In, buffer.filled());
        }
        self.filled += count;
        self.came += count as u64;
        self.digest(now)?;
        Ok(true)
    }

    /// The far end takes nothing more, but may have confirmed something before it left.
    fn read_out(&mut self, cx: &mut Context<'_>, now: Tick, end: End) -> End {
        loop {
            match self.read(cx, now) {
                Ok(true) => {}
                Ok(false) | Err(_) => return end,
            }
        }
    }

    /// Gives the protocol what is in the input buffer.
    fn digest(&mut self, now: Tick) -> Result<(), End> {
        let mut input = std::mem::take(&mut self.input);
        let filled = self.filled;
        let mut rest = input.get(..filled).unwrap_or_default();
        let outcome = loop {
            match self.core.receive(now, &mut rest) {
                Ok(Some(arrival)) => self.arrived(now, arrival, &input),
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        let kept = rest.len();
        let used = filled - kept;
        self.silence.broken(used > 0);
        let mut spans = std::mem::take(&mut self.spans);
        let load: usize = spans.iter().map(|(_, _, range)| range.len()).sum();
        if load >= WORTH_GIVING || (load > 0 && filled == input.len() && filled >= WORTH_GIVING) {
            let mut next = self.pool.take();
            if let (Some(to), Some(from)) = (next.get_mut(..kept), input.get(used..filled)) {
                to.copy_from_slice(from);
            }
            let full = Arc::new(std::mem::replace(&mut input, next));
            for (id, offset, range) in spans.drain(..) {
                self.store(id, offset, &full, range);
            }
            self.pool.give(full);
        } else {
            for (id, offset, range) in spans.drain(..) {
                let bytes = input.get(range).unwrap_or_default().to_vec();
                let length = bytes.len();
                self.store(id, offset, &Arc::new(bytes), 0..length);
            }
            input.copy_within(used..filled, 0);
            if filled == input.len() {
                // It came faster than it could be taken.
                input = self.larger(input, kept);
            }
        }
        self.spans = spans;
        self.input = input;
        self.filled = kept;
        self.take_notices();
        if let Err(error) = outcome {
            // The far end may be told what was wrong; it need not listen.
            self.compose(now);
            let _ = self.write(&mut Context::from_waker(std::task::Waker::noop()));
            return Err(error.into());
        }
        Ok(())
    }

    /// Has the next bytes come into a large buffer.
    pub(super) fn enlarge_input(&mut self) {
        let input = std::mem::take(&mut self.input);
        self.input = self.larger(input, self.filled);
    }

    /// A large buffer with the first bytes of this one.
    fn larger(&mut self, small: Vec<u8>, kept: usize) -> Vec<u8> {
        if small.len() >= BLOCK {
            return small;
        }
        let mut larger = self.pool.take();
        if let (Some(to), Some(from)) = (larger.get_mut(..kept), small.get(..kept)) {
            to.copy_from_slice(from);
        }
        larger
    }

    /// Notes where a body lies, by its place in the input buffer.
    pub(super) fn note(&mut self, id: IncomingId, offset: u64, bytes: &[u8], input: &[u8]) {
        let start = (bytes.as_ptr() as usize).wrapping_sub(input.as_ptr() as usize);
        match self.spans.last_mut() {
            // Bodies arrive in pieces that lie side by side.
            Some((last, at, range))
                if *last == id && range.end == start && *at + range.len() as u64 == offset =>
            {
                range.end += bytes.len();
            }
            _ => self.spans.push((id, offset, start..start + bytes.len())),
        }
    }

    /// Has the protocol make what is to be sent.
    fn compose(&mut self, now: Tick) -> bool {
        let before = self.outflow.len();
        let takes = before < outflow::WAITING_MOST;
        while self.outflow.len() < outflow::WAITING_MOST {
            let goes_on = match self.core.transmit(now, &mut self.outflow.small) {
                // Full: what is there goes first.
                Transmit::Idle | Transmit::Full => false,
                Transmit::Body { id, offset, most } => self.supply(id, offset, most),
            };
            if !goes_on {
                break;
            }
        }
        if takes {
            // What the protocol had to say besides bodies went first.
            let place = self.written + self.outflow.len() as u64;
            self.partings.iter_mut().for_each(|(at, _)| *at = at.or(Some(place)));
        }
        self.outflow.len() > before || std::mem::take(&mut self.hungry)
    }

    fn write(&mut self, cx: &mut Context<'_>) -> Result<bool, End> {
        let mut moved = false;
        while !self.outflow.is_empty() {
            let mut parts = Outflow::no_parts();
            let count = self.outflow.parts(&mut parts);
            let parts = parts.get(..count).unwrap_or_default();
            let written = match Pin::new(&mut self.wire.stream).poll_write_vectored(cx, parts) {
                Poll::Pending => return Ok(moved),
                Poll::Ready(outcome) => outcome?,
            };
            if written == 0 {
                return Err(io::Error::from(io::ErrorKind::WriteZero).into());
            }
            if let Some(dump) = &self.dump {
                dump.show_parts(parts, written);
            }
            self.outflow.advance(written, &mut self.pool);
            self.written += written as u64;
            moved = true;
        }
        // What lies between us and the socket keeps nothing back.
        if let Poll::Ready(outcome) = Pin::new(&mut self.wire.stream).poll_flush(cx) {
            outcome?;
            let gone = |(at, _): &mut (Option<u64>, _)| at.is_some_and(|at| at <= self.written);
            for (_, told) in self.partings.extract_if(.., gone) {
                let _ = told.send(());
            }
        }
        Ok(moved)
    }

    /// Has the task woken when something is due.
    fn arm(&mut self, cx: &mut Context<'_>, now: Tick) -> Result<bool, End> {
        let in_use = !self.sessions.is_empty() || self.hold.strong_count() > 0;
        let since = if in_use { None } else { Some(self.idle_since.unwrap_or(now)) };
        self.idle_since = since;
        let idle_at = since.map_or(Tick::NEVER, |since| since + IDLE);
        if now >= idle_at {
            return Err(End::Idle);
        }
        // Whoever holds the connection wakes nobody when he lets it go.
        let look_again = if self.sessions.is_empty() { now + IDLE } else { Tick::NEVER };
        if now >= self.silence.ends() {
            return Err(End::Unfinished);
        }
        let due = self.core.deadline().min(idle_at).min(look_again).min(self.patience_ends);
        let due = due.min(self.silence.ends());
        if due != self.timer_at {
            self.timer_at = due;
            let wait = due.since(now).min(Duration::from_secs(86_400));
            self.timer.set(tokio::time::sleep(wait));
        }
        if self.timer.as_mut().poll(cx).is_ready() {
            self.timer_at = Tick::NEVER;
            return Ok(true);
        }
        Ok(false)
    }

    /// What the far end showed of itself.
    pub(super) fn certificate(&self) -> Option<&[u8]> {
        self.wire.certificate.as_deref()
    }

    /// Whether nobody between the ends can read the connection.
    pub(super) fn is_secure(&self) -> bool {
        self.wire.secure
    }

    pub(super) fn remote(&self) -> std::net::SocketAddr {
        self.wire.remote
    }
}
