//! A session, as the application holds it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use super::command::{Command, Outgoing};
use super::mailbox::{Entry, Mailbox};
use super::receiving::{Arriving, Header, Incoming, Receiving};
use super::relay::{RelayHold, RelayWay};
use super::sending::{Goal, SendFailure, Sending, Shared};
use super::sink::Sink;
use super::source::{Kind, Source};
use crate::clock::Tick;
use crate::msrp::content::{Accept, Validator};
use crate::msrp::granularity::Granularity;
use crate::msrp::head::FailureReport;
use crate::msrp::ident::Ids;
use crate::msrp::message::{Content, Message, Priority};
use crate::msrp::resume::{IncomingState, OutgoingState};
use crate::msrp::session::{Matching, SessionId, Setup};
use crate::msrp::uri::{Path, Uri};

/// What both sides agreed on beside the addresses, and how this side likes its messages.
#[derive(Clone, Debug)]
pub struct SessionOptions {
    /// The types that we take (RFC 4975 s8.6).
    pub accept: Accept,
    /// Bytes of one message that we take at most; `None` for any number.
    pub max_size: Option<u64>,
    /// How requests have to name us.
    pub matching: Matching,
    /// How often the success reports that a peer asks for are sent. [`Granularity::End`] tells the
    /// truth about the disk: the report goes when the sink has everything.
    pub reports: Granularity,
    /// The share of a connection beside other sessions, at least 1.
    pub weight: u32,
    /// Messages of at most so many bytes are taken without asking and come whole, as
    /// [`Event::Message`]; 0: each is asked for.
    pub collect: u64,
    /// Bytes in one SEND at most; by default, 8192 on a way with relays, because Kamailio's takes
    /// about 10,000, and no bound without.
    pub largest_chunk: Option<u64>,
    /// How long this session may keep the others on its connection waiting, by a sink that is slow or
    /// events that nobody reads: a message that held them up so long, all in all, is refused with 413.
    /// Alone on its connection it slows its sender down, for any time.
    pub patience: Duration,
    /// Looks into messages that come whole before the application gets them, as [`CpimValidator`]
    /// does; what it denies is refused, and never told.
    ///
    /// [`CpimValidator`]: crate::msrp::content::CpimValidator
    pub validator: Option<Arc<dyn Validator>>,
}

impl Default for SessionOptions {
    fn default() -> SessionOptions {
        SessionOptions {
            accept: Accept::default(),
            max_size: None,
            matching: Matching::Strict,
            reports: Granularity::End,
            weight: 1,
            collect: 64 * 1_024,
            largest_chunk: None,
            patience: Duration::from_secs(5),
            validator: None,
        }
    }
}

/// See [`SessionOptions::largest_chunk`].
pub(super) const CHUNK_THROUGH_RELAYS: u64 = 8_192;

impl SessionOptions {
    pub(super) fn setup(&self, local: Uri, remote: Path) -> Setup {
        // RFC 7977 s5.3.1: a chunk is one message of the WebSocket.
        let is_websocket = |uri: &Uri| uri.transport().eq_ignore_ascii_case("ws");
        let bounded = remote.uris().len() > 1 || remote.uris().iter().any(is_websocket);
        let relayed = bounded.then_some(CHUNK_THROUGH_RELAYS);
        let mut setup = Setup::new(local, remote);
        setup.accept = self.accept.clone();
        setup.max_size = self.max_size;
        setup.matching = self.matching;
        // Whoever writes to the disk says when everything is there.
        setup.reports =
            if self.reports == Granularity::End { Granularity::Off } else { self.reports };
        setup.weight = self.weight.max(1);
        setup.largest_chunk = self.largest_chunk.or(relayed);
        setup
    }
}

/// A message that came whole.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Whole {
    /// What stands in its head.
    pub header: Header,
    /// Its bytes.
    pub body: Bytes,
}

/// What happens in a session.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// A short message came.
    Message(Whole),
    /// A message wants to come.
    Incoming(Incoming),
    /// The peer gave a message up that was being collected.
    Aborted {
        /// Its Message-ID.
        message_id: String,
        /// Bytes that had come by then.
        bytes: u64,
    },
    /// The peer says that it is there (a SEND without a body).
    Alive,
    /// The session is of no further use: new URIs have to be agreed on (RFC 4975 s7.3.2).
    Failed {
        /// The code that said so.
        code: u16,
    },
    /// The connection ended.
    Closed,
}

impl Entry for Event {
    fn load(&self) -> usize {
        if let Event::Message(whole) = self { whole.body.len() } else { 0 }
    }
}

/// Events that wait to be read before the connection reads no more.
const EVENTS_MOST: usize = 1_024;

/// How long a peer that does not read keeps a session from its end.
const PARTING: Duration = Duration::from_secs(5);

/// What a connection needs to know of whom it delivers to.
#[derive(Clone, Debug)]
pub(super) struct Inbox {
    pub(super) events: Arc<Mailbox<Event>>,
    pub(super) collect: u64,
    /// Success reports are ours to give.
    pub(super) reports_at_end: bool,
    pub(super) patience: Duration,
    pub(super) validator: Option<Arc<dyn Validator>>,
    /// Since when the events have been too many.
    pub(super) full_since: Option<Tick>,
    /// What is logged of the session stands in it.
    pub(super) span: tracing::Span,
}

impl Inbox {
    pub(super) fn new(options: &SessionOptions, local: &Uri) -> Inbox {
        Inbox {
            events: Arc::new(Mailbox::new(EVENTS_MOST)),
            collect: options.collect,
            reports_at_end: options.reports == Granularity::End,
            patience: options.patience,
            validator: options.validator.clone(),
            full_since: None,
            span: tracing::info_span!("msrp", session = %local),
        }
    }

    /// Whether it was full for so long that the others on the connection go on without it.
    pub(super) fn is_passed_over(&self, now: Tick) -> bool {
        self.full_since.is_some_and(|since| now >= since + self.patience)
    }
}

/// Why there is no session.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// No way to the peer.
    #[error(transparent)]
    Dial(#[from] super::dial::DialError),
    /// The peer, or a relay on the way, does not know the session.
    #[error("refused: {code} {comment}")]
    Refused {
        /// The status code.
        code: u16,
        /// What stands behind it.
        comment: String,
    },
    /// Nobody answered within 30 s.
    #[error("no answer within 30 s")]
    Timeout,
    /// The connection ended before the session began.
    #[error("the connection ended before the session began")]
    Closed,
    /// Our URI cannot be made.
    #[error("no address to name in our URI: {0}")]
    Address(String),
}

/// How to send a message.
#[derive(Clone, Debug)]
pub struct Outbound {
    pub(super) message: Message,
}

impl Outbound {
    /// A message of this media type. Failures are told, success is not asked for.
    #[must_use]
    pub fn new(content_type: &str) -> Outbound {
        Outbound { message: Message::new(content_type, Content::Nothing) }
    }

    /// Plain text.
    #[must_use]
    pub fn text() -> Outbound {
        Outbound::new("text/plain;charset=utf-8")
    }

    /// Asks the peer to confirm what it has: [`SendEvent::Reported`](super::SendEvent::Reported).
    #[must_use]
    pub fn report(mut self) -> Outbound {
        self.message.success_report = true;
        self
    }

    /// Which failures are to be told (RFC 4975 s7.1.1).
    #[must_use]
    pub fn failure_report(mut self, which: FailureReport) -> Outbound {
        self.message.failure_report = which;
        self
    }

    /// When it goes, beside others.
    #[must_use]
    pub fn priority(mut self, priority: Priority) -> Outbound {
        self.message.priority = priority;
        self
    }

    /// How often [`SendEvent::Progress`](super::SendEvent::Progress) comes.
    #[must_use]
    pub fn progress(mut self, granularity: Granularity) -> Outbound {
        self.message.progress = granularity;
        self
    }

    /// Its Message-ID, instead of a fresh one.
    #[must_use]
    pub fn message_id(mut self, id: &str) -> Outbound {
        self.message.message_id = Some(id.to_owned());
        self
    }

    /// Its `Content-Disposition`, as `attachment; filename="notes.txt"`.
    #[must_use]
    pub fn disposition(mut self, value: &str) -> Outbound {
        self.message.disposition = Some(value.to_owned());
        self
    }

    /// A further header field.
    #[must_use]
    pub fn field(mut self, name: &str, value: &str) -> Outbound {
        self.message.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(super) fn goal(&self) -> Goal {
        match (self.message.success_report, self.message.failure_report) {
            (true, _) => Goal::Reported,
            (false, FailureReport::Yes) => Goal::Answered,
            (false, _) => Goal::Sent,
        }
    }
}

/// The sending half of a session; as many copies as there are tasks that send.
#[derive(Clone, Debug)]
pub struct SessionHandle {
    pub(super) id: SessionId,
    pub(super) commands: mpsc::Sender<Command>,
    pub(super) local: Uri,
}

impl SessionHandle {
    /// Sends a message. Waits only while so much is queued that the connection takes no more.
    pub async fn send(&self, how: Outbound, source: impl Into<Source>) -> Sending {
        self.start(how, source.into(), None).await
    }

    /// Sends plain text.
    pub async fn text(&self, text: impl Into<String>) -> Sending {
        self.send(Outbound::text(), text.into()).await
    }

    /// Goes on with a message that was cut off, from the first byte that the peer has not confirmed
    /// (RFC 5547 s8.2 says how both sides agree on it). `source` is the whole content, from its start.
    pub async fn resume(&self, how: Outbound, state: OutgoingState, source: Source) -> Sending {
        self.start(how, source, Some(state)).await
    }

    async fn start(&self, how: Outbound, source: Source, resume: Option<OutgoingState>) -> Sending {
        let goal = how.goal();
        let mut message = how.message;
        message.content = match &source.0 {
            Kind::Memory(bytes) if bytes.is_empty() => Content::Memory(Bytes::new()),
            Kind::Memory(bytes) => Content::Memory(bytes.clone()),
            Kind::At { .. } | Kind::Reader { .. } => Content::Stream { size: source.size() },
        };
        let message_id = match &resume {
            Some(state) => state.message_id.clone(),
            None => message.message_id.take().unwrap_or_else(|| Ids::default().message()),
        };
        message.message_id = Some(message_id.clone());
        let shared = Shared::new();
        let sending = Sending {
            shared: Arc::clone(&shared),
            commands: self.commands.clone(),
            goal,
            message_id,
        };
        let message = Box::new(Outgoing { message, source, resume, goal });
        if self.commands.send(Command::Send { session: self.id, message, shared }).await.is_err() {
            sending.shared.fail(SendFailure::Lost(None));
        }
        sending
    }

    /// Takes the rest of a message that was cut off into `sink`, which has what came before: what
    /// comes next with its Message-ID goes there without being announced.
    pub async fn expect(&self, state: IncomingState, sink: Sink) -> Receiving {
        let (tell, finished) = oneshot::channel();
        let received = Arc::default();
        let arriving = Arriving { sink, received: Arc::clone(&received), tell };
        let (state, arriving) = (Box::new(state), Box::new(arriving));
        let expect = Command::Expect { session: self.id, state, arriving };
        let _ = self.commands.send(expect).await;
        Receiving { id: None, commands: self.commands.clone(), received, finished }
    }

    /// Our URI.
    #[must_use]
    pub fn local(&self) -> &Uri {
        &self.local
    }
}

/// A session. Dropping it ends it, and what is under way in it fails.
#[derive(Debug)]
pub struct Session {
    pub(super) handle: SessionHandle,
    pub(super) events: Arc<Mailbox<Event>>,
    /// The way through our relays stays while the session does.
    pub(super) relay: Option<Arc<RelayHold>>,
}

impl Session {
    /// The sending half.
    #[must_use]
    pub fn handle(&self) -> SessionHandle {
        self.handle.clone()
    }

    /// Sends a message; see [`SessionHandle::send`].
    pub async fn send(&self, how: Outbound, source: impl Into<Source>) -> Sending {
        self.handle.send(how, source).await
    }

    /// Sends plain text.
    pub async fn text(&self, text: impl Into<String>) -> Sending {
        self.handle.text(text).await
    }

    /// What happens next; `None` after [`Event::Closed`].
    pub async fn next(&mut self) -> Option<Event> {
        self.events.next().await
    }

    /// Our URI.
    #[must_use]
    pub fn local(&self) -> &Uri {
        &self.handle.local
    }

    /// The way through our relays, if there is one, to be watched for renewals.
    #[must_use]
    pub fn relay_way(&self) -> Option<RelayWay> {
        self.relay.as_ref().map(|relay| relay.way())
    }

    /// Ends it, and returns when the reports and answers that were queued have gone, or after 5 s. Of
    /// messages that are under way nothing more is sent.
    pub async fn close(self) {
        let (told, gone) = oneshot::channel();
        let end = Command::End { session: self.handle.id, told: Some(told) };
        if self.handle.commands.send(end).await.is_ok() {
            let _ = tokio::time::timeout(PARTING, gone).await;
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // The connection looks for closed mailboxes when its queue was full.
        self.events.close();
        let _ = self.handle.commands.try_send(Command::End { session: self.handle.id, told: None });
    }
}
