//! `client watch`: watches somebody and tells each change.

use std::future::Future;
use std::pin::pin;

use super::account::Target;
use super::agent::Event;
use super::listen::Bounds;
use super::session::{FAREWELL, Session};
use super::{ClientError, Notice, Tell};
use crate::payload::{pidf, reginfo, watcherinfo};

/// What to watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Whom.
    pub whom: Target,
    /// The event package.
    pub event: String,
    /// The documents that are taken; those of the package unless it is said.
    pub accept: Option<String>,
    /// For how many seconds it is asked each time; 0 asks once.
    pub expires: u32,
    /// Whether the documents are told as well.
    pub document: bool,
}

impl Order {
    fn accept(&self) -> &str {
        match (&self.accept, &*self.event) {
            (Some(accept), _) => accept,
            (None, "presence.winfo") => watcherinfo::MEDIA_TYPE,
            (None, "reg") => reginfo::MEDIA_TYPE,
            (None, _) => pidf::MEDIA_TYPE,
        }
    }
}

/// Watches, tells each notification, and ends it at the end.
///
/// # Errors
/// [`ClientError`] if the server says no, or cannot be asked.
pub async fn watch(
    session: &mut Session,
    order: &Order,
    bounds: Bounds,
    stop: impl Future<Output = ()>,
    tell: &mut Tell<'_>,
) -> Result<(), ClientError> {
    let user = session.account().canonical();
    let mut stop = pin!(stop);
    let until = bounds.duration.map(|duration| session.clock().now() + duration);
    let mut left = bounds.count.unwrap_or(u64::MAX);
    let watch = session.watch(&order.whom, &order.event, order.accept(), order.expires);
    let mut accepted = false;
    let mut over = false;
    let mut note = |event: &Event| {
        let mut notice = Notice::of(&user, event);
        if let Some(Notice::Notified { document, .. }) = &mut notice
            && !order.document
        {
            *document = None;
        }
        if let Some(notice) = notice {
            tell(notice);
        }
    };
    while left > 0
        && !over
        && let Some(event) = session.next_until(until, stop.as_mut()).await?
    {
        match &event {
            // Refreshes are nobody's business.
            Event::Watching { .. } if accepted => continue,
            Event::Watching { .. } => accepted = true,
            Event::WatchFailed { outcome, .. } => return Err(outcome.clone().into()),
            Event::Notified(notification) => {
                left -= 1;
                // One that was only cut off is asked for again.
                let again =
                    matches!(notification.reason.as_deref(), Some("deactivated" | "timeout"));
                over = notification.state == "terminated" && (!again || order.expires == 0);
            }
            _ => {}
        }
        note(&event);
    }
    if over {
        return Ok(());
    }
    session.unwatch(watch);
    let until = Some(session.clock().now() + FAREWELL);
    let mut never = pin!(std::future::pending());
    while let Some(event) = session.next_until(until, never.as_mut()).await? {
        match event {
            Event::Notified(notification) if notification.state == "terminated" => break,
            Event::WatchFailed { .. } => break,
            _ => {}
        }
    }
    Ok(())
}
