//! A message on its way out: its chunks, and what is known of them (RFC 4975 s7.1.1).

use bytes::Bytes;

use super::granularity::Meter;
use super::head::{ByteRange, FailureReport};
use super::ident::{Ids, TransactionId, is_ident};
use super::message::{Content, Message, SendError};
use super::queue::Level;
use super::ranges::Ranges;
use super::resume::OutgoingState;
use super::session::SessionId;
use super::wire;
use crate::text;

/// Bytes of a body that need not be interruptible.
pub(super) const UNINTERRUPTED: u64 = 2_048;

/// Bytes of all header fields that an application adds.
const MOST_FIELDS: usize = 4_096;

/// Where an outgoing message stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// In the queue.
    Waiting,
    /// A chunk of it is being written.
    Writing,
    /// Its source has nothing to give right now.
    Stalled,
    /// Its last chunk was handed out.
    Sent,
}

#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) session: SessionId,
    pub(super) message_id: Box<str>,
    pub(super) level: Level,
    pub(super) stage: Stage,
    /// To be given up by a chunk that says so.
    pub(super) aborting: bool,
    /// Bytes in memory; `None` if they are asked for.
    pub(super) memory: Option<Bytes>,
    /// Whether there is a body at all.
    pub(super) has_body: bool,
    /// The length, once it is known.
    pub(super) total: Option<u64>,
    /// The first byte that has not been handed out.
    pub(super) next: u64,
    /// Whether a chunk of it was handed out.
    pub(super) begun: bool,
    /// Chunks without an answer.
    pub(super) unanswered: u32,
    pub(super) failure_report: FailureReport,
    pub(super) success_report: bool,
    pub(super) meter: Meter,
    /// What 200 responses and success reports confirmed.
    pub(super) confirmed: Ranges,
    pub(super) reported: Ranges,
    /// Whether a success report came at all: of an empty message, there is nothing to cover.
    pub(super) heard_of: bool,
    content_type: Box<str>,
    /// The header fields behind `Byte-Range`, `Content-Type` last, and the empty line.
    fields: Vec<u8>,
}

fn check(message: &Message) -> Result<(), SendError> {
    let value = |value: &str| !value.is_empty() && !value.bytes().any(|b| b.is_ascii_control());
    let id_is_fine = message.message_id.as_ref().is_none_or(|id| is_ident(id.as_bytes()));
    let fields = message.fields.iter().map(|(name, text)| (name.as_str(), text.as_str()));
    let disposition = message.disposition.iter().map(|text| ("Content-Disposition", text.as_str()));
    let mut length = message.content_type.len();
    let mut fields_are_fine = true;
    for (name, text) in fields.chain(disposition) {
        length += name.len() + text.len();
        fields_are_fine &= text::is_token(name.as_bytes()) && value(text) && !is_ours(name);
    }
    let has_body = !matches!(message.content, Content::Nothing);
    let type_is_fine = !has_body || value(&message.content_type);
    let fine = id_is_fine && fields_are_fine && type_is_fine && length <= MOST_FIELDS;
    if fine { Ok(()) } else { Err(SendError::Malformed) }
}

/// Fields that the core writes itself, and one that never stands in MSRP: bodies are binary
/// (s7.1.1).
fn is_ours(name: &str) -> bool {
    const OURS: [&str; 9] = [
        "To-Path",
        "From-Path",
        "Message-ID",
        "Byte-Range",
        "Success-Report",
        "Failure-Report",
        "Status",
        "Content-Type",
        "Content-Transfer-Encoding",
    ];
    OURS.iter().any(|own| own.eq_ignore_ascii_case(name))
}

fn is_mime(name: &str) -> bool {
    name.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("Content-"))
}

impl Outgoing {
    pub(super) fn new(
        message: Message,
        session: SessionId,
        ids: Ids,
    ) -> Result<Outgoing, SendError> {
        check(&message)?;
        let has_body = !matches!(message.content, Content::Nothing);
        let (memory, total) = match message.content {
            Content::Nothing => (None, Some(0)),
            Content::Memory(bytes) => {
                let length = bytes.len() as u64;
                (Some(bytes), Some(length))
            }
            Content::Stream { size } => (None, size),
        };
        let mut fields = Vec::with_capacity(64 + message.content_type.len());
        if message.success_report {
            wire::field("Success-Report", "yes", &mut fields);
        }
        if message.failure_report != FailureReport::Yes {
            wire::field("Failure-Report", message.failure_report.as_str(), &mut fields);
        }
        // Without a body there are no MIME fields (s7.1).
        let extra = message.fields.iter().filter(|(name, _)| has_body || !is_mime(name));
        for (name, value) in extra {
            wire::field(name, value, &mut fields);
        }
        if has_body {
            if let Some(disposition) = &message.disposition {
                wire::field("Content-Disposition", disposition, &mut fields);
            }
            wire::field("Content-Type", &message.content_type, &mut fields);
            fields.extend_from_slice(b"\r\n");
        }
        let short = total.is_some_and(|total| total <= UNINTERRUPTED);
        Ok(Outgoing {
            session,
            message_id: message.message_id.unwrap_or_else(|| ids.message()).into(),
            level: Level::of(message.priority, short),
            stage: Stage::Waiting,
            aborting: false,
            memory,
            has_body,
            total,
            next: 0,
            begun: false,
            unanswered: 0,
            failure_report: message.failure_report,
            success_report: message.success_report,
            meter: Meter::new(message.progress, 0, total),
            confirmed: Ranges::default(),
            reported: Ranges::default(),
            heard_of: false,
            content_type: message.content_type.into(),
            fields,
        })
    }

    /// Bytes that are left to be handed out, if that is known.
    pub(super) fn left(&self) -> Option<u64> {
        self.total.map(|total| total.saturating_sub(self.next))
    }

    /// Whether its next chunk has to be interruptible: it is long, or its source may be slow.
    pub(super) fn is_interruptible(&self) -> bool {
        let slow = self.has_body && self.memory.is_none();
        slow || self.left().is_none_or(|left| left > UNINTERRUPTED)
    }

    /// Writes the head of its next chunk. `with_body` is false for the chunk that only says that
    /// the message was given up.
    pub(super) fn write_head(
        &self,
        transaction: &TransactionId,
        paths: &[u8],
        with_body: bool,
        out: &mut Vec<u8>,
    ) {
        wire::request_line(transaction, "SEND", out);
        out.extend_from_slice(paths);
        wire::field("Message-ID", &self.message_id, out);
        let empty = !with_body || self.total == Some(0);
        let range = ByteRange {
            // Of nothing, too, the range begins at 1.
            start: if empty { 1 } else { self.next + 1 },
            end: if empty { Some(0) } else { self.total.filter(|_| !self.is_interruptible()) },
            total: self.total,
        };
        wire::byte_range(&range, out);
        if with_body || !self.has_body {
            out.extend_from_slice(&self.fields);
            return;
        }
        // All chunks ask for the same reports; the rest describes a body.
        if self.success_report {
            wire::field("Success-Report", "yes", out);
        }
        if self.failure_report != FailureReport::Yes {
            wire::field("Failure-Report", self.failure_report.as_str(), out);
        }
    }

    /// Whether nothing more is to come of it, neither answers nor reports.
    pub(super) fn is_settled(&self) -> bool {
        self.stage == Stage::Sent
            && self.unanswered == 0
            && (!self.success_report || self.is_reported_whole())
    }

    pub(super) fn is_reported_whole(&self) -> bool {
        self.heard_of && self.total.is_some_and(|total| self.reported.covers(total))
    }

    /// What a later connection needs to go on with it.
    pub(super) fn state(&self) -> OutgoingState {
        OutgoingState {
            message_id: self.message_id.to_string(),
            content_type: self.content_type.to_string(),
            total: self.total,
            confirmed: self.confirmed.clone(),
            success_report: self.success_report,
            failure_report: self.failure_report,
        }
    }

    /// Goes on behind what is confirmed.
    pub(super) fn go_on(&mut self, confirmed: Ranges) {
        self.next = confirmed.prefix().min(self.total.unwrap_or(u64::MAX));
        self.begun = self.next > 0;
        // Everything may have come and the answer been lost: the last byte goes again, so that the
        // far end hears of the end.
        if self.total.is_some_and(|total| total > 0 && self.next == total) {
            self.next -= 1;
        }
        self.reported = confirmed.clone();
        self.confirmed = confirmed;
    }
}
