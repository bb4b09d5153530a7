//! Messages on their way in: what a connection does with what arrives.

use std::future::Future as _;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::oneshot;

use super::block::{Piece, Pool};
use super::engine::Engine;
use super::receiving::{Arriving, Header, Incoming, ReceiveFailure, Received};
use super::registry::Came;
use super::session::{Event, Inbox, Whole};
use super::sink::{Drain, Sink, SinkError, WAITING_MOST};
use crate::clock::Tick;
use crate::msrp::content::Verdict;
use crate::msrp::message::{Announced, Arrival, By, IncomingId};
use crate::msrp::resume::IncomingState;
use crate::msrp::session::{Refusal, SessionId};
use crate::msrp::uri::Path;

/// A message on its way in.
pub(super) struct Inbound {
    session: SessionId,
    drain: Drain,
    /// Bytes that came.
    bytes: u64,
    /// Its length, once all of it came.
    complete: Option<u64>,
    whose: Whose,
    /// How long it held up what comes behind it, and since when it does.
    held: Duration,
    held_since: Option<Tick>,
    patience: Duration,
}

/// Who gets it.
enum Whose {
    /// Whoever reads the session's events, when it is whole, and if it is what he takes.
    Session { header: Box<Header>, judged: bool },
    /// Whoever accepted it.
    Accepted {
        received: Arc<std::sync::atomic::AtomicU64>,
        tell: oneshot::Sender<Result<Received, ReceiveFailure>>,
    },
}

impl Inbound {
    fn new(session: SessionId, sink: Sink, whose: Whose, patience: Duration) -> Inbound {
        Inbound {
            session,
            drain: Drain::new(sink.0),
            bytes: 0,
            complete: None,
            whose,
            held: Duration::ZERO,
            held_since: None,
            patience,
        }
    }

    pub(super) fn accepted(session: SessionId, arriving: Arriving, inbox: &Inbox) -> Inbound {
        let Arriving { sink, received, tell } = arriving;
        Inbound::new(session, sink, Whose::Accepted { received, tell }, inbox.patience)
    }

    fn collected(session: SessionId, header: Header, inbox: &Inbox) -> Inbound {
        let judged = inbox.validator.is_none();
        let whose = Whose::Session { header: Box::new(header), judged };
        Inbound::new(session, Sink::memory(inbox.collect), whose, inbox.patience)
    }

    /// Whether whole buffers go to its sink.
    fn takes_buffers(&self) -> bool {
        self.drain.takes_buffers()
    }

    /// Whether its sink is not too far behind.
    pub(super) fn keeps_up(&self) -> bool {
        self.drain.load() < WAITING_MOST
    }

    /// When it will have held up other sessions for too long, all in all; `None` while it does not.
    pub(super) fn held_up_until(&mut self, now: Tick, shared: bool) -> Option<Tick> {
        if !shared || self.keeps_up() {
            self.held += self.held_since.take().map_or(Duration::ZERO, |since| now.since(since));
            return None;
        }
        let since = *self.held_since.get_or_insert(now);
        Some(since + self.patience.saturating_sub(self.held))
    }

    fn count(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
        if let Whose::Accepted { received, .. } = &self.whose {
            received.store(self.bytes, Ordering::Relaxed);
        }
    }

    /// Tells whoever gets it that it does not.
    pub(super) fn fail(self, inbox: Option<&Inbox>, failure: ReceiveFailure) {
        match self.whose {
            Whose::Accepted { tell, .. } => {
                let _ = tell.send(Err(failure));
            }
            Whose::Session { header, .. } => {
                if let Some(inbox) = inbox {
                    let message_id = header.message_id;
                    inbox.events.push(Event::Aborted { message_id, bytes: self.bytes });
                }
            }
        }
    }

    /// Its session ended. What is told waits until the sink has what came.
    pub(super) async fn end(
        mut self,
        pool: &mut Pool,
        inbox: Option<&Inbox>,
        mut state: Option<Box<IncomingState>>,
    ) {
        self.drain.finish();
        while !self.drain.is_empty() {
            let drain = &mut self.drain;
            let written = std::future::poll_fn(|cx| match drain.poll(cx, pool) {
                Poll::Pending if drain.is_empty() => Poll::Ready(Ok(())),
                polled => polled,
            });
            let outcome = written.await;
            if outcome.is_err() {
                // Nobody knows what the sink has.
                (self.complete, state) = (None, None);
                break;
            }
        }
        match self.complete {
            Some(length) => self.deliver(inbox, length),
            None => {
                let bytes = self.bytes;
                self.fail(inbox, ReceiveFailure::Lost { bytes, state });
            }
        }
    }

    /// Hands it over.
    fn deliver(self, inbox: Option<&Inbox>, length: u64) {
        let mut memory = self.drain.into_memory();
        // The last chunk may have said that it ends before what came of it.
        memory.truncate(usize::try_from(length).unwrap_or(usize::MAX));
        let memory = Bytes::from(memory);
        match self.whose {
            Whose::Accepted { tell, .. } => {
                let _ = tell.send(Ok(Received { length, memory }));
            }
            Whose::Session { header, .. } => {
                if let Some(inbox) = inbox {
                    inbox.events.push(Event::Message(Whole { header: *header, body: memory }));
                }
            }
        }
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Engine {
    pub(super) fn arrived(&mut self, now: Tick, arrival: Arrival<'_>, input: &[u8]) {
        match arrival {
            Arrival::Unbound { to, from } => self.admit(to, from),
            Arrival::Message(announced) => self.announce(now, &announced),
            Arrival::Body { id, offset, bytes } => self.body(id, offset, bytes, input),
            Arrival::Complete { id, length } => {
                if let Some(inbound) = self.incoming.get_mut(&id) {
                    inbound.complete = Some(length);
                    inbound.drain.finish();
                    // What lies in the input buffer is stored first.
                    if self.spans.iter().all(|(other, ..)| *other != id) {
                        self.finish(id);
                    }
                }
            }
            Arrival::Aborted { id, by, bytes } => {
                self.lose(id, ReceiveFailure::Aborted { by, bytes });
            }
        }
    }

    fn admit(&mut self, to: &str, from: &str) {
        let certificate = self.certificate().map(<[u8]>::to_vec);
        let claimed = Path::parse(from).map_err(|_| Refusal::NoSession).and_then(|path| {
            let expected =
                self.registry.claim(to, self.key, self.is_secure(), certificate.as_deref())?;
            Ok((path, expected))
        });
        match claimed {
            Ok((path, mut expected)) => {
                if expected.remote_open {
                    expected.setup.remote = path.clone();
                }
                let local = expected.setup.local.clone();
                let id = self.core.admit(expected.setup);
                self.sessions.insert(id, (local.clone(), expected.inbox));
                let commands = self.handle.clone();
                if expected.tell.send(Ok(Came { id, commands, from: path })).is_err() {
                    // Nobody waits any more.
                    self.end(id);
                }
            }
            Err(refusal) => {
                tracing::debug!(peer = %self.remote(), to, %refusal, "session refused");
                self.core.refuse(refusal);
            }
        }
    }

    fn announce(&mut self, now: Tick, announced: &Announced<'_>) {
        let id = announced.id;
        let shared = self.sessions.len() > 1;
        let Some((_, inbox)) = self.sessions.get(&announced.session) else {
            self.core.deny(id, 481);
            return;
        };
        let (message_id, size) = (announced.message_id, announced.total);
        tracing::debug!(parent: &inbox.span, message_id, size, "a message comes");
        if shared && inbox.is_passed_over(now) {
            tracing::warn!(parent: &inbox.span, message_id, "refused: nobody reads the events");
            self.core.deny(id, 413);
            return;
        }
        let header = Header {
            message_id: announced.message_id.to_owned(),
            content_type: announced.content_type.to_owned(),
            size: announced.total,
            disposition: announced.head.field("Content-Disposition").map(str::to_owned),
            success_report: announced.success_report,
            duplicate: announced.duplicate,
        };
        // A chat line of a sender who does not tell its length is short all the same.
        let is_text = || {
            ["text/", "message/"].iter().any(|family| {
                header
                    .content_type
                    .get(..family.len())
                    .is_some_and(|own| own.eq_ignore_ascii_case(family))
            })
        };
        let short = announced.total.map_or_else(is_text, |total| total <= inbox.collect);
        if short && inbox.collect > 0 {
            let inbound = Inbound::collected(announced.session, header, inbox);
            self.incoming.insert(id, inbound);
            self.core.accept(id);
            return;
        }
        let commands = self.handle.clone();
        inbox.events.push(Event::Incoming(Incoming {
            id,
            session: announced.session,
            header,
            commands,
            decided: false,
        }));
    }

    /// Lets an accepted message come.
    pub(super) fn take_in(&mut self, id: IncomingId, inbound: Inbound) {
        if inbound.takes_buffers() {
            self.enlarge_input();
        }
        self.incoming.insert(id, inbound);
    }

    fn body(&mut self, id: IncomingId, offset: u64, bytes: &[u8], input: &[u8]) {
        let Some(inbound) = self.incoming.get_mut(&id) else { return };
        inbound.count(bytes.len());
        match inbound.drain.write_now(offset, bytes) {
            Ok(true) => self.judge(id, false),
            Ok(false) => self.note(id, offset, bytes, input),
            Err(error) => self.break_off(id, &error),
        }
    }

    /// Has the session's validator look at what has come of a message: what it denies goes no further.
    fn judge(&mut self, id: IncomingId, whole: bool) {
        let Some(inbound) = self.incoming.get_mut(&id) else { return };
        let Whose::Session { header, judged } = &mut inbound.whose else { return };
        let Some((_, inbox)) = self.sessions.get(&inbound.session).filter(|_| !*judged) else {
            return;
        };
        let Some(setup) = self.core.setup(inbound.session) else { return };
        let Some(validator) = &inbox.validator else { return };
        let whole = whole || header.size == Some(inbound.bytes);
        let beginning = inbound.drain.memory();
        match validator.look(&setup.accept, &header.content_type, beginning, whole) {
            Verdict::Take => *judged = true,
            Verdict::More => {}
            Verdict::Deny(code) => {
                let message_id = &header.message_id;
                tracing::debug!(parent: &inbox.span, message_id, code, "a message is refused");
                self.core.fail(id, code);
                self.incoming.remove(&id);
            }
        }
    }

    /// Gives bytes to a message's sink.
    pub(super) fn store(
        &mut self,
        id: IncomingId,
        offset: u64,
        buffer: &Arc<Vec<u8>>,
        range: Range<usize>,
    ) {
        if let Some(inbound) = self.incoming.get_mut(&id) {
            inbound.drain.push(offset, Piece { buffer: Arc::clone(buffer), range });
        }
    }

    pub(super) fn poll_drains(&mut self, cx: &mut Context<'_>) -> bool {
        let (mut moved, mut finished, mut broken) = (false, Vec::new(), Vec::new());
        for (id, inbound) in &mut self.incoming {
            loop {
                match inbound.drain.poll(cx, &mut self.pool) {
                    Poll::Pending => break,
                    Poll::Ready(Ok(())) => moved = true,
                    Poll::Ready(Err(error)) => {
                        broken.push((*id, error));
                        break;
                    }
                }
            }
            if inbound.complete.is_some() && inbound.drain.is_empty() {
                finished.push(*id);
            }
        }
        moved |= !finished.is_empty() || !broken.is_empty();
        for (id, error) in broken {
            self.break_off(id, &error);
        }
        for id in finished {
            self.finish(id);
        }
        moved
    }

    /// The sink has everything, unless some of it is still being written.
    fn finish(&mut self, id: IncomingId) {
        self.judge(id, true);
        let Some(inbound) = self.incoming.get(&id) else { return };
        let Some(length) = inbound.complete.filter(|_| inbound.drain.is_empty()) else { return };
        let Some(inbound) = self.incoming.remove(&id) else { return };
        let inbox = self.sessions.get(&inbound.session).map(|(_, inbox)| inbox);
        if let Some(inbox) = inbox {
            tracing::debug!(parent: &inbox.span, length, "a message is whole");
            if inbox.reports_at_end {
                self.core.report_success(id);
            }
        }
        inbound.deliver(inbox, length);
    }

    /// The sink does not take it: the sender is told 413.
    pub(super) fn break_off(&mut self, id: IncomingId, error: &SinkError) {
        self.core.fail(id, 413);
        self.lose(id, ReceiveFailure::Sink(error.to_string()));
    }

    /// A message will not come whole.
    pub(super) fn lose(&mut self, id: IncomingId, failure: ReceiveFailure) {
        if let Some(inbound) = self.incoming.remove(&id) {
            let inbox = self.sessions.get(&inbound.session).map(|(_, inbox)| inbox);
            if let Some(inbox) = inbox {
                let bytes = inbound.bytes;
                tracing::debug!(parent: &inbox.span, bytes, %failure, "a message is lost");
            }
            inbound.fail(inbox, failure);
        }
    }

    /// A session ends: its messages will not come whole, and behind them its events end. A sink that
    /// takes its time keeps nobody else waiting.
    pub(super) fn part(&mut self, session: SessionId, inbox: Inbox) {
        let of_it = |inbound: &Inbound| inbound.session == session;
        let ending: Vec<_> = self
            .incoming
            .extract_if(|_, inbound| of_it(inbound))
            .map(|(id, inbound)| (self.core.incoming_state(id).map(Box::new), inbound))
            .collect();
        let mut parting = Box::pin(async move {
            for (state, inbound) in ending {
                inbound.end(&mut Pool::default(), Some(&inbox), state).await;
            }
            inbox.events.push(Event::Closed);
            inbox.events.close();
        });
        // Most have nothing to wait for.
        let mut cx = Context::from_waker(Waker::noop());
        if parting.as_mut().poll(&mut cx).is_pending() {
            tokio::spawn(parting);
        }
    }

    /// We give it up.
    pub(super) fn abort_incoming(&mut self, id: IncomingId) {
        self.core.deny(id, 413);
        if let Some(bytes) = self.incoming.get(&id).map(Inbound::bytes) {
            self.lose(id, ReceiveFailure::Aborted { by: By::Local, bytes });
        }
    }
}
