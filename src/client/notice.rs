//! What a command tells while it runs: one JSON object or one sentence each.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::agent::{Event, IncomingText, Notification, Outcome};
use crate::payload::{pidf, watcherinfo};

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
    /// The document is published.
    Published {
        /// `user@domain`.
        user: String,
        /// For how many seconds.
        expires: u32,
        /// Milliseconds from the request to the answer.
        ms: f64,
    },
    /// The document is not published; it will be tried again.
    PublishFailed {
        /// The status.
        status: u16,
        /// Why.
        reason: String,
        /// Seconds until the next try.
        retry_in: Option<f64>,
    },
    /// What was published was taken back.
    Unpublished,
    /// A subscription was accepted.
    Watching {
        /// The address that is watched.
        whom: String,
        /// For how many seconds.
        expires: u32,
        /// Milliseconds from the request to the answer.
        ms: f64,
    },
    /// Something of somebody watched is told.
    Notified {
        /// The address that is watched.
        whom: String,
        /// `active`, `pending` or `terminated`.
        state: String,
        /// Why it is terminated.
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// Seconds that are left.
        #[serde(skip_serializing_if = "Option::is_none")]
        expires: Option<u32>,
        /// The number of the NOTIFY.
        cseq: u32,
        /// What it says.
        #[serde(flatten)]
        says: Says,
        /// The document, as text.
        #[serde(skip_serializing_if = "Option::is_none")]
        document: Option<String>,
    },
    /// The message that was waited for.
    Reply {
        /// The message.
        #[serde(flatten)]
        text: Text,
        /// Milliseconds from the sending of ours to its coming.
        ms: f64,
    },
}

/// What a document says in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Says {
    /// How somebody is.
    Presence {
        /// `open` or `closed`.
        status: &'static str,
        /// What the person is doing.
        activities: Vec<String>,
        /// What the person says.
        notes: Vec<String>,
        /// The services, by id, and whether each is open.
        tuples: Vec<Service>,
    },
    /// Who watches.
    Watchers {
        /// Whether these are all of them, or those that something became of.
        full: bool,
        /// The number of the document.
        version: u32,
        /// Watchers.
        watchers: Vec<OneWatcher>,
    },
    /// Nothing, or nothing that is understood.
    Nothing {},
}

/// A service of somebody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Service {
    /// Its id.
    pub id: String,
    /// Whether it is open; unknown if it does not say.
    pub open: Option<bool>,
    /// Where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact: Option<String>,
}

/// A watcher.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OneWatcher {
    /// The watcher's address.
    pub watcher: String,
    /// `active`, `pending`, `waiting` or `terminated`.
    pub status: &'static str,
    /// What brought it there.
    pub event: &'static str,
}

impl Says {
    fn of(notification: &Notification) -> Says {
        let body = &notification.body;
        if let Ok(document) = pidf::read(body) {
            let summary = document.summary();
            let tuples = summary.tuples.into_iter().map(|tuple| Service {
                id: tuple.id,
                open: tuple.open,
                contact: tuple.contact,
            });
            return Says::Presence {
                status: if summary.open { "open" } else { "closed" },
                activities: summary.activities,
                notes: summary.notes,
                tuples: tuples.collect(),
            };
        }
        if let Ok(document) = watcherinfo::Document::read(body) {
            let watchers = document.lists.into_iter().flat_map(|list| list.watchers);
            let watchers = watchers.map(|one| OneWatcher {
                watcher: one.uri,
                status: one.status.name(),
                event: one.event.name(),
            });
            return Says::Watchers {
                full: document.full,
                version: document.version,
                watchers: watchers.collect(),
            };
        }
        Says::Nothing {}
    }
}

impl fmt::Display for Says {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Says::Presence { status, activities, notes, .. } => {
                f.write_str(status)?;
                activities.iter().chain(notes).try_for_each(|word| write!(f, ", {word}"))
            }
            Says::Watchers { full, watchers, .. } => {
                f.write_str(if *full { "watched by" } else { "now" })?;
                if watchers.is_empty() {
                    f.write_str(" nobody")?;
                }
                watchers.iter().try_for_each(|one| {
                    write!(f, " {} ({}, {})", one.watcher, one.status, one.event)
                })
            }
            Says::Nothing {} => f.write_str("nothing to see"),
        }
    }
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
            Event::Published { expires, elapsed } => {
                Notice::Published { user: user.to_owned(), expires: *expires, ms: millis(*elapsed) }
            }
            Event::PublishFailed { outcome, retry_in } => Notice::PublishFailed {
                status: outcome.status,
                reason: outcome.reason.clone(),
                retry_in: retry_in.map(|wait| wait.as_secs_f64()),
            },
            Event::Unpublished { outcome: Some(outcome) } if outcome.is_success() => {
                Notice::Unpublished
            }
            Event::Unpublished { .. } | Event::WatchFailed { .. } => return None,
            Event::Watching { whom, expires, elapsed, .. } => {
                Notice::Watching { whom: whom.clone(), expires: *expires, ms: millis(*elapsed) }
            }
            Event::Notified(notification) => Notice::Notified {
                whom: notification.whom.clone(),
                state: notification.state.clone(),
                reason: notification.reason.clone(),
                expires: notification.expires,
                cseq: notification.cseq,
                says: Says::of(notification),
                document: (!notification.body.is_empty())
                    .then(|| String::from_utf8_lossy(&notification.body).into_owned()),
            },
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
            Notice::Published { user, expires, ms } => {
                write!(f, "published {user} for {expires} s in {ms:.1} ms")
            }
            Notice::PublishFailed { status, reason, retry_in } => {
                write!(f, "not published: {status} {reason}")?;
                match retry_in {
                    Some(wait) => write!(f, "; next try in {wait:.0} s"),
                    None => Ok(()),
                }
            }
            Notice::Unpublished => f.write_str("taken back"),
            Notice::Watching { whom, expires, ms } => {
                write!(f, "watching {whom} for {expires} s ({ms:.1} ms)")
            }
            Notice::Notified { whom, state, reason, says, document, .. } => {
                write!(f, "{whom}: ")?;
                match (&**state, reason) {
                    ("active", _) => write!(f, "{says}")?,
                    (_, Some(reason)) => write!(f, "{state} ({reason}): {says}")?,
                    (_, None) => write!(f, "{state}: {says}")?,
                }
                document.iter().try_for_each(|document| write!(f, "\n{document}"))
            }
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
