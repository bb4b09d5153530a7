//! What happened, as C reads it: an opaque thing with a function for each part.

use std::ffi::{CString, c_char};
use std::ptr;

use bytes::Bytes;

use super::border::c_text;
use crate::msrp::message::By;
use crate::msrp::peer::{ReceiveFailure, SendEvent, SendFailure};

/// What an event tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub enum TagusMsrpKind {
    /// No event: what is asked of NULL.
    None = 0,
    /// `session` can be connected or waited for. `text`: our path, which the peer has to be told;
    /// `fingerprint`: of our certificate, if there is one.
    Offered = 1,
    /// `session` is open.
    Opened = 2,
    /// `session` could not be opened, and is over. `text`: why; `code`: the peer's, or 0.
    NotOpened = 3,
    /// A short message came in `session`: `data`, `content_type`, `message_id`, `disposition`.
    Message = 4,
    /// A message wants to come in `session`: `message`, `total`, `content_type`, `message_id`,
    /// `disposition`. To be accepted or denied within 5 s.
    Incoming = 5,
    /// All of an accepted `message` is there: `total`, and `data` if it went to memory. It is over.
    Received = 6,
    /// A `message` did not come whole, and is over: `cause`, `bytes`, `text`, and `state` if it can be
    /// gone on with. Of a short one, `message` is 0, and `message_id` says which.
    NotReceived = 7,
    /// So many `bytes` of an outgoing `message` of `total` have gone.
    Progress = 8,
    /// The last byte of `message` has gone.
    Sent = 9,
    /// Every chunk of `message` was answered with 200: the next hop has it.
    Answered = 10,
    /// The peer confirms so many `bytes` of `message`; `whole`: all of it.
    Reported = 11,
    /// Nothing more of `message` is sent: `cause`, `code`, `text`, and `state` if it can be gone on
    /// with.
    NotSent = 12,
    /// Nothing more will be told of the outgoing `message`; it is over.
    SendOver = 13,
    /// The peer of `session` says that it is there.
    Alive = 14,
    /// `session` is of no further use; new paths have to be agreed on. `code` says why.
    SessionFailed = 15,
    /// `session` is over.
    Closed = 16,
}

/// Why a message did not get to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub enum TagusMsrpCause {
    /// It did, or is still on its way.
    None = 0,
    /// The far end, or a relay, answered `code`.
    Refused = 1,
    /// Nobody answered within 30 s.
    Timeout = 2,
    /// This side gave it up.
    AbortedByUs = 3,
    /// The peer gave it up.
    AbortedByPeer = 4,
    /// The connection ended.
    Lost = 5,
    /// The connection ended before the report that was asked for came.
    Unreported = 6,
    /// The file or the memory cannot be read, or takes no more.
    Storage = 7,
    /// The session does not take it.
    NotTaken = 8,
}

/// An event. Belongs to whoever took it, and is read by `tagus_msrp_event_...`, until
/// `tagus_msrp_event_free`.
#[derive(Debug)]
pub struct TagusMsrpEvent {
    kind: TagusMsrpKind,
    cause: TagusMsrpCause,
    session: u64,
    message: u64,
    code: u16,
    bytes: u64,
    total: u64,
    whole: bool,
    data: Bytes,
    text: Option<CString>,
    content_type: Option<CString>,
    message_id: Option<CString>,
    disposition: Option<CString>,
    state: Option<CString>,
    fingerprint: Option<CString>,
}

/// A length that nobody knows.
pub const TAGUS_MSRP_UNKNOWN: u64 = u64::MAX;

impl TagusMsrpEvent {
    pub(super) fn new(kind: TagusMsrpKind, session: u64, message: u64) -> TagusMsrpEvent {
        TagusMsrpEvent {
            kind,
            cause: TagusMsrpCause::None,
            session,
            message,
            code: 0,
            bytes: 0,
            total: TAGUS_MSRP_UNKNOWN,
            whole: false,
            data: Bytes::new(),
            text: None,
            content_type: None,
            message_id: None,
            disposition: None,
            state: None,
            fingerprint: None,
        }
    }

    pub(super) fn offered(session: u64, path: &str, fingerprint: Option<&str>) -> TagusMsrpEvent {
        let mut event = TagusMsrpEvent::new(TagusMsrpKind::Offered, session, 0).text(path);
        event.fingerprint = fingerprint.map(c_text);
        event
    }

    pub(super) fn text(mut self, text: &str) -> TagusMsrpEvent {
        self.text = Some(c_text(text));
        self
    }

    pub(super) fn code(mut self, code: u16) -> TagusMsrpEvent {
        self.code = code;
        self
    }

    pub(super) fn data(mut self, data: Bytes) -> TagusMsrpEvent {
        self.bytes = data.len() as u64;
        self.data = data;
        self
    }

    pub(super) fn amount(mut self, bytes: u64, total: Option<u64>) -> TagusMsrpEvent {
        self.bytes = bytes;
        self.total = total.unwrap_or(TAGUS_MSRP_UNKNOWN);
        self
    }

    pub(super) fn message_id(mut self, message_id: &str) -> TagusMsrpEvent {
        self.message_id = Some(c_text(message_id));
        self
    }

    pub(super) fn header(mut self, header: &crate::msrp::peer::Header) -> TagusMsrpEvent {
        self.total = header.size.unwrap_or(TAGUS_MSRP_UNKNOWN);
        self.content_type = Some(c_text(&header.content_type));
        self.message_id = Some(c_text(&header.message_id));
        self.disposition = header.disposition.as_deref().map(c_text);
        self
    }

    pub(super) fn sending(session: u64, message: u64, event: SendEvent) -> TagusMsrpEvent {
        let of = |kind| TagusMsrpEvent::new(kind, session, message);
        match event {
            SendEvent::Progress { sent, total } => of(TagusMsrpKind::Progress).amount(sent, total),
            SendEvent::Sent { bytes } => of(TagusMsrpKind::Sent).amount(bytes, Some(bytes)),
            SendEvent::Answered => of(TagusMsrpKind::Answered),
            SendEvent::Reported { received, whole } => {
                let mut event = of(TagusMsrpKind::Reported).amount(received, None);
                event.whole = whole;
                event
            }
            SendEvent::Failed(failure) => of(TagusMsrpKind::NotSent).send_failure(&failure),
        }
    }

    fn send_failure(mut self, failure: &SendFailure) -> TagusMsrpEvent {
        self.cause = match failure {
            SendFailure::Refused { code, state, .. } => {
                self.code = *code;
                self.state = state.as_deref().map(|state| c_text(&state.encode()));
                TagusMsrpCause::Refused
            }
            SendFailure::Timeout(state) => {
                self.state = state.as_deref().map(|state| c_text(&state.encode()));
                TagusMsrpCause::Timeout
            }
            SendFailure::Aborted { by, bytes } => {
                self.bytes = *bytes;
                aborted(*by)
            }
            SendFailure::Lost(state) => {
                self.state = state.as_deref().map(|state| c_text(&state.encode()));
                TagusMsrpCause::Lost
            }
            SendFailure::Unreported(state) => {
                self.state = state.as_deref().map(|state| c_text(&state.encode()));
                TagusMsrpCause::Unreported
            }
            SendFailure::Source(_) => TagusMsrpCause::Storage,
            SendFailure::NotTaken(_) => TagusMsrpCause::NotTaken,
        };
        self.text(&failure.to_string())
    }

    pub(super) fn receive_failure(mut self, failure: &ReceiveFailure) -> TagusMsrpEvent {
        self.cause = match failure {
            ReceiveFailure::Aborted { by, bytes } => {
                self.bytes = *bytes;
                aborted(*by)
            }
            ReceiveFailure::Lost { bytes, state } => {
                self.bytes = *bytes;
                self.state = state.as_deref().map(|state| c_text(&state.encode()));
                TagusMsrpCause::Lost
            }
            ReceiveFailure::Sink(_) => TagusMsrpCause::Storage,
        };
        self.text(&failure.to_string())
    }
}

fn aborted(by: By) -> TagusMsrpCause {
    match by {
        By::Local => TagusMsrpCause::AbortedByUs,
        By::Remote => TagusMsrpCause::AbortedByPeer,
    }
}

fn address(text: Option<&CString>) -> *const c_char {
    text.map_or(ptr::null(), |text| text.as_ptr())
}

/// What the event tells.
#[unsafe(no_mangle)]
pub extern "C" fn tagus_msrp_event_kind(event: Option<&TagusMsrpEvent>) -> TagusMsrpKind {
    event.map_or(TagusMsrpKind::None, |event| event.kind)
}

/// Why a message did not get to its end.
#[unsafe(no_mangle)]
pub extern "C" fn tagus_msrp_event_cause(event: Option<&TagusMsrpEvent>) -> TagusMsrpCause {
    event.map_or(TagusMsrpCause::None, |event| event.cause)
}

/// The session that it happened in; 0 for none.
#[unsafe(no_mangle)]
pub extern "C" fn tagus_msrp_event_session(event: Option<&TagusMsrpEvent>) -> u64 {
    event.map_or(0, |event| event.session)
}

/// The message that it happened to; 0 for none.
#[unsafe(no_mangle)]
pub extern "C" fn tagus_msrp_event_message(event: Option<&TagusMsrpEvent>) -> u64 {
    event.map_or(0, |event| event.message)
}

/// The status code of the far end (RFC 4975 s10), or 0.
#[unsafe(no_mangle)]
pub extern "C" fn tagus_msrp_event_code(event: Option<&TagusMsrpEvent>) -> u16 {
    event.map_or(0, |event| event.code)
}

/// How many bytes the event is about.
#[unsafe(no_mangle)]
pub extern "C" fn tagus_msrp_event_bytes(event: Option<&TagusMsrpEvent>) -> u64 {
    event.map_or(0, |event| event.bytes)
}

/// The length of the message in bytes, or `TAGUS_MSRP_UNKNOWN`.
#[unsafe(no_mangle)]
pub extern "C" fn tagus_msrp_event_total(event: Option<&TagusMsrpEvent>) -> u64 {
    event.map_or(TAGUS_MSRP_UNKNOWN, |event| event.total)
}

/// Whether the peer has confirmed all of the message.
#[unsafe(no_mangle)]
pub extern "C" fn tagus_msrp_event_whole(event: Option<&TagusMsrpEvent>) -> bool {
    event.is_some_and(|event| event.whole)
}

/// The bytes of a message; their number is `tagus_msrp_event_data_length`. They live as long as the
/// event, and no NUL follows them. NULL for none.
#[unsafe(no_mangle)]
pub extern "C" fn tagus_msrp_event_data(event: Option<&TagusMsrpEvent>) -> *const u8 {
    let data = event.map(|event| &event.data).filter(|data| !data.is_empty());
    data.map_or(ptr::null(), |data| data.as_ptr())
}

/// How many bytes `tagus_msrp_event_data` leads to.
#[unsafe(no_mangle)]
pub extern "C" fn tagus_msrp_event_data_length(event: Option<&TagusMsrpEvent>) -> usize {
    event.map_or(0, |event| event.data.len())
}

/// A path, or a reason in English; NULL for none. Lives as long as the event, as the other texts do.
#[unsafe(no_mangle)]
pub extern "C" fn tagus_msrp_event_text(event: Option<&TagusMsrpEvent>) -> *const c_char {
    address(event.and_then(|event| event.text.as_ref()))
}

/// The media type of a message, with parameters; NULL for none.
#[unsafe(no_mangle)]
pub extern "C" fn tagus_msrp_event_content_type(event: Option<&TagusMsrpEvent>) -> *const c_char {
    address(event.and_then(|event| event.content_type.as_ref()))
}

/// The Message-ID; NULL for none.
#[unsafe(no_mangle)]
pub extern "C" fn tagus_msrp_event_message_id(event: Option<&TagusMsrpEvent>) -> *const c_char {
    address(event.and_then(|event| event.message_id.as_ref()))
}

/// The Content-Disposition of a message, where a file's name stands; NULL for none. It is what the
/// peer wrote: no name of a file to be used as it is.
#[unsafe(no_mangle)]
pub extern "C" fn tagus_msrp_event_disposition(event: Option<&TagusMsrpEvent>) -> *const c_char {
    address(event.and_then(|event| event.disposition.as_ref()))
}

/// What has to be kept of a message to go on with it in another session, also after a restart; NULL
/// if it cannot be.
#[unsafe(no_mangle)]
pub extern "C" fn tagus_msrp_event_state(event: Option<&TagusMsrpEvent>) -> *const c_char {
    address(event.and_then(|event| event.state.as_ref()))
}

/// The SHA-256 fingerprint of our certificate, as `a=fingerprint` has it; NULL for none.
#[unsafe(no_mangle)]
pub extern "C" fn tagus_msrp_event_fingerprint(event: Option<&TagusMsrpEvent>) -> *const c_char {
    address(event.and_then(|event| event.fingerprint.as_ref()))
}

/// Frees an event and what was read of it. NULL is left alone.
#[unsafe(no_mangle)]
pub extern "C" fn tagus_msrp_event_free(event: Option<Box<TagusMsrpEvent>>) {
    drop(event);
}
