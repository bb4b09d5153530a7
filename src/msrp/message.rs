//! What an application sends, and what it is told.

use bytes::Bytes;

use super::granularity::Granularity;
use super::head::{FailureReport, Head};
use super::ident::TransactionId;
use super::resume::OutgoingState;
use super::session::SessionId;

/// A message that is being sent. Never used twice on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OutgoingId(pub(super) u64);

/// A message that is being received. Never used twice on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IncomingId(pub(super) u64);

/// Where the bytes of a message are.
#[derive(Clone, Debug)]
pub enum Content {
    /// Nowhere: a SEND without a body. It has no type either.
    Nothing,
    /// In memory.
    Memory(Bytes),
    /// Somewhere else. The core says which bytes it wants next.
    Stream {
        /// How many there are, if that is known.
        size: Option<u64>,
    },
}

/// Which messages go first. Short ones of 2048 bytes at most go before long ones of the same
/// priority; lower priorities always get a small share.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Priority {
    /// Before all others.
    Urgent,
    /// Conversation.
    #[default]
    Normal,
    /// Whenever there is room.
    Bulk,
}

/// A message to be sent.
#[derive(Clone, Debug)]
pub struct Message {
    /// Its bytes.
    pub content: Content,
    /// Its media type, with parameters.
    pub content_type: String,
    /// Its Message-ID; a fresh one if absent.
    pub message_id: Option<String>,
    /// Whether the far end is asked to confirm what it received.
    pub success_report: bool,
    /// Which failures are to be told.
    pub failure_report: FailureReport,
    /// When it goes.
    pub priority: Priority,
    /// How often [`Notice::Progress`] comes.
    pub progress: Granularity,
    /// `Content-Disposition` (RFC 2183), if it is not simply to be shown.
    pub disposition: Option<String>,
    /// Further header fields: extensions and MIME fields other than `Content-Type`.
    pub fields: Vec<(String, String)>,
}

impl Message {
    /// A message with the defaults of RFC 4975: failures are told, success is not.
    #[must_use]
    pub fn new(content_type: &str, content: Content) -> Message {
        Message {
            content,
            content_type: content_type.to_owned(),
            message_id: None,
            success_report: false,
            failure_report: FailureReport::Yes,
            priority: Priority::Normal,
            progress: Granularity::Off,
            disposition: None,
            fields: Vec::new(),
        }
    }

    /// A line of text.
    #[must_use]
    pub fn text(text: impl Into<Bytes>) -> Message {
        Message::new("text/plain;charset=utf-8", Content::Memory(text.into()))
    }
}

/// Why a message is not taken for sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The session is none of this connection, or ended.
    #[error("no such session")]
    NoSession,
    /// The peer has not been heard of on this connection: who it is shows by its first request
    /// (RFC 4975 s5.4).
    #[error("the peer has not bound the session yet")]
    NotBound,
    /// As many messages are waiting as a connection holds.
    #[error("too many messages are waiting")]
    Full,
    /// A type, identifier or header field that cannot be written.
    #[error("a malformed header field")]
    Malformed,
    /// A message of this Message-ID is under way.
    #[error("a message of the same Message-ID is under way")]
    Twice,
    /// A message that was cut off is to go on, and its content has another length than it had.
    #[error("the content is not as long as it was")]
    Changed,
    /// The body of a request that is no SEND is longer than 10240 bytes (RFC 4975 s7.1).
    #[error("the body is too long")]
    TooLong,
}

/// Who gave a message up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// We did.
    Local,
    /// The far end did.
    Remote,
}

/// Why a message failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// The far end or a relay said so.
    Code {
        /// The status code.
        code: u16,
        /// Its comment.
        comment: Box<str>,
    },
    /// No answer within 30 s of the last byte of a chunk, or 408, which means the same (s10.4).
    Timeout,
    /// The session or its connection ended before everything was answered.
    SessionEnded,
    /// Everything was sent, and the session ended before the success report came that was asked
    /// for (s7.1.1).
    Unreported,
    /// The source ended before its size, or could not be read.
    Source,
}

impl Failure {
    /// Whether it is the session that failed, and the message may go on in another.
    pub(super) fn is_of_the_session(&self) -> bool {
        match self {
            Failure::Code { code, .. } => matches!(code, 481 | 506),
            Failure::Timeout | Failure::SessionEnded | Failure::Unreported => true,
            Failure::Source => false,
        }
    }
}

/// A response to [`Connection::request`](super::Connection::request).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Response {
    /// The request's transaction.
    pub transaction: TransactionId,
    /// The status code; 408 without an answer.
    pub code: u16,
    /// The comment.
    pub comment: Box<str>,
    /// The header fields, paths among them.
    pub fields: Vec<(Box<str>, Box<str>)>,
}

impl Response {
    /// The values of the fields of this name.
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.fields
            .iter()
            .filter(move |(other, _)| other.eq_ignore_ascii_case(name))
            .map(|(_, value)| &**value)
    }
}

/// What became of things, in the order in which it did.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// The peer of a session was heard of: messages may go to it now.
    Bound {
        /// The session.
        session: SessionId,
    },
    /// A SEND without a body came.
    Alive {
        /// Its session.
        session: SessionId,
    },
    /// A message goes: `sent` never falls and ends at exactly `total`.
    Progress {
        /// The message.
        id: OutgoingId,
        /// Bytes sent so far.
        sent: u64,
        /// Bytes there are, once that is known.
        total: Option<u64>,
    },
    /// The last byte of a message was sent.
    Sent {
        /// The message.
        id: OutgoingId,
        /// Its length.
        bytes: u64,
    },
    /// Each chunk of a message was answered with 200.
    Answered {
        /// The message.
        id: OutgoingId,
    },
    /// Success reports came; what they cover is put together.
    Reported {
        /// The message.
        id: OutgoingId,
        /// Bytes that are confirmed.
        received: u64,
        /// Whether that is all of it.
        whole: bool,
    },
    /// A message failed. Nothing more is sent of it.
    Failed {
        /// The message.
        id: OutgoingId,
        /// Why.
        reason: Failure,
        /// The bytes of it that are meant, `start..end` from 0.
        range: (u64, u64),
        /// What has to be kept to go on with it in another session, if it is the session that failed.
        state: Option<Box<OutgoingState>>,
    },
    /// A message that was being sent was given up: by us, or by the far end's 413.
    Aborted {
        /// The message.
        id: OutgoingId,
        /// By whom.
        by: By,
        /// Bytes that were sent.
        bytes: u64,
    },
    /// A message that was being received ends here, without having come whole, and not by the far
    /// end's doing: its session ended, nobody took it in time, or it came in too many parts.
    Lost {
        /// The message.
        id: IncomingId,
        /// Bytes that came.
        bytes: u64,
        /// The code that its sender is told; 0 if he is not.
        code: u16,
    },
    /// A session is of no further use: its URIs have to be negotiated anew (s7.3.2).
    SessionFailed {
        /// The session.
        session: SessionId,
        /// The code that said so.
        code: u16,
    },
    /// A request of the application was answered.
    Response(Response),
}

/// A message whose first chunk arrives.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Announced<'a> {
    /// It, from now on.
    pub id: IncomingId,
    /// Its session.
    pub session: SessionId,
    /// Its Message-ID.
    pub message_id: &'a str,
    /// Its type.
    pub content_type: &'a str,
    /// Its length, if its sender told.
    pub total: Option<u64>,
    /// Where its first chunk begins; 0 unless chunks overtook each other.
    pub first_offset: u64,
    /// Whether its sender wants to know that it was received.
    pub success_report: bool,
    /// A message of the same Message-ID was received whole before: show it with a warning, or not
    /// at all (s5.4).
    pub duplicate: bool,
    /// The head of its first chunk.
    pub head: Head<'a>,
}

/// What arrives.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::large_enum_variant, reason = "a box would cost an allocation a message")]
pub enum Arrival<'a> {
    /// A request for a session that is not bound to this connection.
    Unbound {
        /// The URI of the session.
        to: &'a str,
        /// The path that it comes from.
        from: &'a str,
    },
    /// A message begins.
    Message(Announced<'a>),
    /// Bytes of a message. Those that came before at the same place are to be written over.
    Body {
        /// The message.
        id: IncomingId,
        /// Where they belong, from 0.
        offset: u64,
        /// They.
        bytes: &'a [u8],
    },
    /// All bytes of a message are there.
    Complete {
        /// The message.
        id: IncomingId,
        /// Its length.
        length: u64,
    },
    /// The sender gave a message up.
    Aborted {
        /// The message.
        id: IncomingId,
        /// Who: always the far end.
        by: By,
        /// Bytes that came.
        bytes: u64,
    },
}
