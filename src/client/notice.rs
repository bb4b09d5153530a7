//! What a command tells while it runs: one JSON object or one sentence each.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::agent::{Event, IncomingText, Outcome};

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Notice {
    /// The registrar has taken the contact.
    Registered {
        /// `user@domain`.
        user: String,
        /// For how many seconds.
        expires: u32,
        /// Every contact of the account.
        contacts: Vec<Contact>,
        /// Milliseconds from the request to the answer.
        ms: f64,
    },
    /// The registrar has not taken the contact; it will be asked again.
    RegistrationFailed {
        /// The status.
        status: u16,
        /// Why.
        reason: String,
        /// Seconds until the next try.
        retry_in: Option<f64>,
    },
    /// The contact was taken back.
    Unregistered,
    /// A message was accepted.
    Sent {
        /// To whom.
        to: String,
        /// The status: 200 tells that some device has it, not that anybody read it or that no
        /// other device has it; 202 tells that it may be delivered later (RFC 3428 s4).
        status: u16,
        /// The reason phrase.
        reason: String,
        /// Milliseconds from the request to the answer.
        ms: f64,
    },
    /// A message came.
    Message(Text),
    /// The message that was waited for.
    Reply {
        /// The message.
        #[serde(flatten)]
        text: Text,
        /// Milliseconds from the sending of ours to its coming.
        ms: f64,
    },
}

/// A contact of the account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Contact {
    /// Its URI.
    pub uri: String,
    /// For how many seconds it stays.
    pub expires: Option<u32>,
}

/// A message from somebody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Text {
    /// `user@domain`.
    pub from: String,
    /// The display name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The type of the body.
    pub content_type: Option<String>,
    /// The body as text.
    pub body: String,
    /// When it was written, if it says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
}

impl From<&IncomingText> for Text {
    fn from(text: &IncomingText) -> Text {
        Text {
            from: text.from.clone(),
            name: text.name.clone(),
            content_type: text.content_type.clone(),
            body: String::from_utf8_lossy(&text.body).into_owned(),
            date: text.date.clone(),
        }
    }
}

/// Milliseconds with microseconds behind the point.
pub(super) fn millis(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1_000.0
}

impl Notice {
    /// The notice of an event; `None` for the outcome of a request, which its sender judges.
    #[must_use]
    pub fn of(user: &str, event: &Event) -> Option<Notice> {
        Some(match event {
            Event::Registered { expires, contacts, elapsed } => Notice::Registered {
                user: user.to_owned(),
                expires: *expires,
                contacts: contacts
                    .iter()
                    .map(|contact| Contact { uri: contact.uri.clone(), expires: contact.expires })
                    .collect(),
                ms: millis(*elapsed),
            },
            Event::RegistrationFailed { outcome, retry_in } => Notice::RegistrationFailed {
                status: outcome.status,
                reason: outcome.reason.clone(),
                retry_in: retry_in.map(|wait| wait.as_secs_f64()),
            },
            Event::Unregistered { outcome: Some(outcome) } if outcome.is_success() => {
                Notice::Unregistered
            }
            Event::Unregistered { .. } | Event::Answered { .. } => return None,
            Event::Message(text) => Notice::Message(text.into()),
        })
    }

    /// The notice of a message that was accepted.
    #[must_use]
    pub fn sent(to: &str, outcome: &Outcome) -> Notice {
        Notice::Sent {
            to: to.to_owned(),
            status: outcome.status,
            reason: outcome.reason.clone(),
            ms: millis(outcome.elapsed),
        }
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Notice::Registered { user, expires, contacts, ms } => {
                write!(f, "registered {user} for {expires} s in {ms:.1} ms:")?;
                for contact in contacts {
                    write!(f, " {}", contact.uri)?;
                }
                Ok(())
            }
            Notice::RegistrationFailed { status, reason, retry_in } => {
                write!(f, "not registered: {status} {reason}")?;
                match retry_in {
                    Some(wait) => write!(f, "; next try in {wait:.0} s"),
                    None => Ok(()),
                }
            }
            Notice::Unregistered => f.write_str("unregistered"),
            Notice::Sent { status: 202, ms, .. } => {
                write!(f, "202 Accepted: not delivered yet, perhaps later ({ms:.1} ms)")
            }
            Notice::Sent { status, reason, ms, .. } => {
                write!(f, "{status} {reason} in {ms:.1} ms")
            }
            Notice::Message(text) => write!(f, "{text}"),
            Notice::Reply { text, ms } => write!(f, "{text} ({ms:.1} ms after sending)"),
        }
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.date {
            Some(date) => write!(f, "{} ({date}): {}", self.from, self.body),
            None => write!(f, "{}: {}", self.from, self.body),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::agent::Cause;

    /// RFC 3428 s4: "MUST NOT assume that the recipient has actually read" what was answered with
    /// 200, that a 202 was delivered, or that one answer stands for the only recipient.
    #[test]
    fn no_more_is_told_of_a_message_than_its_status_says() {
        let told = |status, reason: &str| {
            let outcome = Outcome {
                status,
                reason: reason.to_owned(),
                cause: Cause::Answer,
                elapsed: Duration::from_millis(3),
                retry_after: None,
            };
            let notice = Notice::sent("sip:rui@campus.test", &outcome);
            (notice.to_string(), serde_json::to_value(&notice).unwrap())
        };
        let (line, json) = told(200, "OK");
        assert_eq!(line, "200 OK in 3.0 ms");
        let fields = serde_json::json!({
            "event": "sent", "to": "sip:rui@campus.test", "status": 200, "reason": "OK", "ms": 3.0
        });
        assert_eq!(json, fields);
        let (line, json) = told(202, "Accepted");
        assert_eq!(line, "202 Accepted: not delivered yet, perhaps later (3.0 ms)");
        assert_eq!((&json["event"], &json["status"]), (&"sent".into(), &202.into()));
    }
}
