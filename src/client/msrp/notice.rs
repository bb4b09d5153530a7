//! What `client msrp` tells: one event a line.

use std::path::Path;

use serde::Serialize;

use super::hash::Hash;
use crate::msrp::By;
use crate::msrp::peer::{Header, SendEvent, SendFailure, Whole};

/// An event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[expect(
    missing_docs,
    reason = "the fields are the documents' own words; docs/command-line.md lists them"
)]
pub enum Notice {
    /// Whoever is given the path reaches us.
    Listening {
        path: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        fingerprint: Option<String>,
    },
    /// The session stands.
    Connected { local: String },
    /// A text or another short message came.
    Message { message_id: String, content_type: String, bytes: u64, text: String, duplicate: bool },
    /// A long message begins.
    Incoming { message_id: String, content_type: String, size: Option<u64> },
    /// A file that was cut off goes on behind its first bytes, in or out.
    Resumed { message_id: String, bytes: u64, total: u64 },
    /// A file came whole.
    Saved { message_id: String, content_type: String, file: String, bytes: u64, sha256: String },
    /// A message was denied.
    Denied { message_id: String, code: u16 },
    /// A message did not come whole.
    IncomingFailed { message_id: String, bytes: u64, reason: String },
    /// What was cut off can be gone on with, by what stands in this file.
    Kept { message_id: String, file: String },
    /// A file begins to go.
    Sending { message_id: String, file: String, bytes: u64, sha256: String },
    /// A message goes.
    Progress { message_id: String, sent: u64, total: Option<u64> },
    /// Its last byte has gone.
    Sent { message_id: String, bytes: u64 },
    /// The next hop has it.
    Answered { message_id: String },
    /// The peer confirms.
    Reported { message_id: String, received: u64, whole: bool },
    /// A message was given up.
    Aborted { message_id: String, by: &'static str, bytes: u64 },
    /// A message failed.
    Failed {
        message_id: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        code: Option<u16>,
        reason: String,
    },
    /// The session is of no further use.
    SessionFailed { code: u16 },
    /// The connection ended.
    Closed,
}

impl Notice {
    pub(super) fn message(whole: &Whole) -> Notice {
        Notice::Message {
            message_id: whole.header.message_id.clone(),
            content_type: whole.header.content_type.clone(),
            bytes: whole.body.len() as u64,
            text: String::from_utf8_lossy(&whole.body).into_owned(),
            duplicate: whole.header.duplicate,
        }
    }

    pub(super) fn incoming(header: &Header) -> Notice {
        Notice::Incoming {
            message_id: header.message_id.clone(),
            content_type: header.content_type.clone(),
            size: header.size,
        }
    }

    pub(super) fn denied(header: &Header, code: u16) -> Notice {
        Notice::Denied { message_id: header.message_id.clone(), code }
    }

    pub(super) fn saved(id: &str, content_type: &str, kept: (&Path, Hash), bytes: u64) -> Notice {
        Notice::Saved {
            message_id: id.to_owned(),
            content_type: content_type.to_owned(),
            file: kept.0.display().to_string(),
            bytes,
            sha256: kept.1.to_string(),
        }
    }

    pub(super) fn incoming_failed(id: &str, bytes: u64, reason: impl ToString) -> Notice {
        let (message_id, reason) = (id.to_owned(), reason.to_string());
        Notice::IncomingFailed { message_id, bytes, reason }
    }

    pub(super) fn of_sending(id: &str, event: SendEvent) -> Notice {
        let message_id = id.to_owned();
        match event {
            SendEvent::Progress { sent, total } => Notice::Progress { message_id, sent, total },
            SendEvent::Sent { bytes } => Notice::Sent { message_id, bytes },
            SendEvent::Answered => Notice::Answered { message_id },
            SendEvent::Reported { received, whole } => {
                Notice::Reported { message_id, received, whole }
            }
            SendEvent::Failed(SendFailure::Aborted { by, bytes }) => {
                let by = if by == By::Local { "us" } else { "peer" };
                Notice::Aborted { message_id, by, bytes }
            }
            SendEvent::Failed(failure) => {
                let code = match &failure {
                    SendFailure::Refused { code, .. } => Some(*code),
                    SendFailure::Timeout(_) => Some(408),
                    _ => None,
                };
                Notice::Failed { message_id, code, reason: failure.to_string() }
            }
        }
    }

    /// For people.
    #[must_use]
    pub fn sentence(&self) -> String {
        match self {
            Notice::Listening { path, fingerprint: None } => path.clone(),
            Notice::Listening { path, fingerprint: Some(fingerprint) } => {
                format!("{path}\nfingerprint: {fingerprint}")
            }
            Notice::Connected { local } => format!("connected as {local}"),
            Notice::Message { content_type, bytes, text, .. } => {
                if content_type.starts_with("text/") {
                    text.clone()
                } else {
                    format!("{content_type}, {bytes} bytes")
                }
            }
            Notice::Incoming { message_id, content_type, size } => {
                let size =
                    size.map_or_else(|| "unknown length".into(), |size| format!("{size} bytes"));
                format!("{message_id}: {content_type}, {size}, begins")
            }
            Notice::Resumed { message_id, bytes, total } => {
                format!("{message_id}: goes on behind {bytes} of {total} bytes")
            }
            Notice::Kept { message_id, file } => format!("{message_id}: can go on, by {file}"),
            Notice::Sending { message_id, file, bytes, .. } => {
                format!("{message_id}: {file}, {bytes} bytes")
            }
            Notice::Saved { file, bytes, .. } => format!("saved {file}, {bytes} bytes"),
            Notice::Denied { message_id, code } => format!("{message_id}: denied with {code}"),
            Notice::IncomingFailed { message_id, bytes, reason } => {
                format!("{message_id}: did not come whole, {bytes} bytes: {reason}")
            }
            Notice::Progress { message_id, sent, total } => {
                let total = total.map_or_else(|| "?".into(), |total| total.to_string());
                format!("{message_id}: {sent} of {total} bytes")
            }
            Notice::Sent { message_id, bytes } => format!("{message_id}: sent, {bytes} bytes"),
            Notice::Answered { message_id } => format!("{message_id}: answered"),
            Notice::Reported { message_id, received, .. } => {
                format!("{message_id}: {received} bytes confirmed")
            }
            Notice::Aborted { message_id, by, bytes } => {
                format!("{message_id}: given up by {by} after {bytes} bytes")
            }
            Notice::Failed { message_id, reason, .. } => format!("{message_id}: failed: {reason}"),
            Notice::SessionFailed { code } => format!("the session failed: {code}"),
            Notice::Closed => "the connection ended".to_owned(),
        }
    }
}
