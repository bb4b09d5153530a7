//! `client publish`: says how somebody is, and takes it back at the end.

use std::future::Future;
use std::pin::pin;

use super::agent::Event;
use super::register::Stay;
use super::session::{FAREWELL, Session};
use super::{ClientError, Notice, Tell};
use crate::payload::pidf::{Announcement, UnknownActivity};

/// What to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// Whether one can be written to.
    pub open: bool,
    /// What one is doing, by a name of RFC 4480.
    pub activity: Option<String>,
    /// A few words.
    pub note: Option<String>,
}

impl State {
    /// The document that says it of an address.
    ///
    /// # Errors
    /// If RFC 4480 has no such activity.
    pub fn document(&self, address: &str) -> Result<String, UnknownActivity> {
        let announcement = Announcement {
            entity: address,
            id: "tagus",
            open: self.open,
            contact: Some(address),
            activity: self.activity.as_deref(),
            note: self.note.as_deref(),
            at: None,
        };
        announcement.write()
    }
}

/// Publishes a document for `expires` seconds at a time and tells the answer; stays, refreshes, and
/// takes it back at the end.
///
/// # Errors
/// [`ClientError`] if the server says no, or cannot be asked.
pub async fn publish(
    session: &mut Session,
    document: &str,
    expires: u32,
    stay: Stay,
    stop: impl Future<Output = ()>,
    tell: &mut Tell<'_>,
) -> Result<(), ClientError> {
    let user = session.account().canonical();
    let mut stop = pin!(stop);
    let until = stay.until(session.clock().now());
    session.publish(document, expires);
    let mut published = false;
    while let Some(event) = session.next_until(until, stop.as_mut()).await? {
        match &event {
            // Refreshes are nobody's business.
            Event::Published { .. } if published => continue,
            Event::Published { .. } => published = true,
            Event::PublishFailed { outcome, retry_in } if !published || retry_in.is_none() => {
                return Err(outcome.clone().into());
            }
            _ => {}
        }
        if let Some(notice) = Notice::of(&user, &event) {
            tell(notice);
        }
        if published && stay == Stay::Once {
            return Ok(());
        }
    }
    session.unpublish();
    let until = Some(session.clock().now() + FAREWELL);
    let mut never = pin!(std::future::pending());
    while let Some(event) = session.next_until(until, never.as_mut()).await? {
        if let Some(notice) = Notice::of(&user, &event) {
            tell(notice);
        }
        if matches!(event, Event::Unpublished { .. }) {
            break;
        }
    }
    Ok(())
}
