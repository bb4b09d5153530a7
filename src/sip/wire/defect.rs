//! What is wrong with a message, and what to answer.

use crate::sip::header::HeaderName;

/// What is wrong with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DefectKind {
    /// Nothing but line ends: a keep-alive (RFC 5626 s4.4.1).
    Empty,
    /// The first line is neither a request line nor a status line.
    NotSip,
    /// Spaces or other bytes in the request line that do not belong there.
    RequestLine,
    /// A protocol version other than 2.0.
    Version,
    /// The Request-URI is longer than the limit.
    RequestUriTooLong,
    /// The Request-URI breaks the grammar, or carries headers.
    RequestUri,
    /// A status code outside 100 to 699.
    StatusCode,
    /// A header line without a colon, or with a name that is no token.
    HeaderLine,
    /// A carriage return or line feed alone.
    LineEnd,
    /// No empty line behind the headers.
    Unfinished,
    /// A header line longer than the limit.
    LineTooLong,
    /// More header lines than the limit.
    TooManyHeaders,
    /// A header section larger than the limit.
    HeadersTooLarge,
    /// More Via values than the limit.
    TooManyVias,
    /// More Route values than the limit.
    TooManyRoutes,
    /// A header that may stand once stands twice.
    Duplicate(HeaderName),
    /// A mandatory header is not there, or empty.
    Missing(HeaderName),
    /// A header that must be understood breaks its grammar.
    Malformed(HeaderName),
    /// The method in CSeq is not that of the request line.
    CSeqMethod,
    /// Two Content-Length headers that differ.
    ContentLengths,
    /// A message on a stream without Content-Length.
    NoContentLength,
    /// The body ends before Content-Length.
    BodyTooShort,
    /// A message larger than the limit.
    MessageTooLarge,
}

impl DefectKind {
    /// The status to answer with.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            DefectKind::Version => 505,
            DefectKind::RequestUriTooLong => 414,
            DefectKind::HeadersTooLarge | DefectKind::MessageTooLarge => 513,
            _ => 400,
        }
    }

    /// A reason phrase that tells the sender what to mend.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            DefectKind::Empty => "Empty Message",
            DefectKind::NotSip => "Not SIP",
            DefectKind::RequestLine => "Malformed Request Line",
            DefectKind::Version => "Version Not Supported",
            DefectKind::RequestUriTooLong => "Request-URI Too Long",
            DefectKind::RequestUri => "Malformed Request-URI",
            DefectKind::StatusCode => "Malformed Status Code",
            DefectKind::HeaderLine => "Malformed Header Line",
            DefectKind::LineEnd => "Bare CR Or LF",
            DefectKind::Unfinished => "No Empty Line After Headers",
            DefectKind::LineTooLong => "Header Line Too Long",
            DefectKind::TooManyHeaders => "Too Many Headers",
            DefectKind::HeadersTooLarge => "Message Too Large",
            DefectKind::TooManyVias => "Too Many Via Values",
            DefectKind::TooManyRoutes => "Too Many Route Values",
            DefectKind::Duplicate(name) => match name {
                HeaderName::From => "Duplicate From",
                HeaderName::To => "Duplicate To",
                HeaderName::CallId => "Duplicate Call-ID",
                HeaderName::CSeq => "Duplicate CSeq",
                HeaderName::MaxForwards => "Duplicate Max-Forwards",
                _ => "Duplicate Header",
            },
            DefectKind::Missing(name) => match name {
                HeaderName::From => "Missing From",
                HeaderName::To => "Missing To",
                HeaderName::CallId => "Missing Call-ID",
                HeaderName::CSeq => "Missing CSeq",
                HeaderName::Via => "Missing Via",
                _ => "Missing Header",
            },
            DefectKind::Malformed(name) => match name {
                HeaderName::From => "Malformed From",
                HeaderName::To => "Malformed To",
                HeaderName::CallId => "Malformed Call-ID",
                HeaderName::CSeq => "Malformed CSeq",
                HeaderName::Via => "Malformed Via",
                HeaderName::Contact => "Malformed Contact",
                HeaderName::Route => "Malformed Route",
                HeaderName::MaxForwards => "Malformed Max-Forwards",
                HeaderName::ContentLength => "Malformed Content-Length",
                _ => "Malformed Header",
            },
            DefectKind::CSeqMethod => "CSeq Method Differs",
            DefectKind::ContentLengths => "Content-Length Values Differ",
            DefectKind::NoContentLength => "Missing Content-Length",
            DefectKind::BodyTooShort => "Body Shorter Than Content-Length",
            DefectKind::MessageTooLarge => "Message Too Large",
        }
    }

    /// Whether the end of such a message on a stream cannot be trusted, so that whatever follows
    /// must not be read as another message.
    pub(super) const fn breaks_stream(self) -> bool {
        matches!(
            self,
            DefectKind::Empty
                | DefectKind::NotSip
                | DefectKind::HeaderLine
                | DefectKind::LineEnd
                | DefectKind::Unfinished
                | DefectKind::LineTooLong
                | DefectKind::TooManyHeaders
                | DefectKind::HeadersTooLarge
                | DefectKind::TooManyVias
                | DefectKind::TooManyRoutes
                | DefectKind::ContentLengths
                | DefectKind::NoContentLength
                | DefectKind::BodyTooShort
                | DefectKind::MessageTooLarge
                | DefectKind::Malformed(HeaderName::ContentLength)
        )
    }
}

/// Why a message is refused by the wire layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.kind.reason())]
pub struct Defect {
    pub(super) kind: DefectKind,
    pub(super) answerable: bool,
    pub(super) closes: bool,
}

impl Defect {
    /// What is wrong.
    #[must_use]
    pub fn kind(&self) -> DefectKind {
        self.kind
    }

    /// The status to answer with.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.kind.status()
    }

    /// The reason phrase to answer with.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        self.kind.reason()
    }

    /// Whether the layout is good enough to answer: a request other than ACK with a Via.
    /// Responses are dropped (RFC 3261 s18.3).
    #[must_use]
    pub fn answerable(&self) -> bool {
        self.answerable
    }

    /// Whether a connection that brought the message must be closed, after the answer if there is
    /// one: no byte behind the message can be trusted. A WebSocket has frames of its own, and is held
    /// to the same rule.
    #[must_use]
    pub fn closes_stream(&self) -> bool {
        self.closes
    }
}
