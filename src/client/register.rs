//! `client register`: signs in and stays.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use super::agent::Event;
use super::session::Session;
use super::{ClientError, Notice, Tell};
use crate::clock::Tick;

/// How long to stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stay {
    /// Until the first answer; the binding is left behind.
    Once,
    /// For so long, or until told to stop.
    For(Duration),
    /// Until told to stop.
    UntilStopped,
}

impl Stay {
    /// When it ends by itself, for who begins `now`.
    pub(super) fn until(self, now: Tick) -> Option<Tick> {
        match self {
            Stay::For(duration) => Some(now + duration),
            Stay::Once | Stay::UntilStopped => None,
        }
    }
}

/// Registers for `expires` seconds and tells the answer; stays, refreshes, and unregisters at the
/// end.
///
/// # Errors
/// [`ClientError`] if the registrar says no, or cannot be asked.
pub async fn register(
    session: &mut Session,
    expires: u32,
    stay: Stay,
    stop: impl Future<Output = ()>,
    tell: &mut Tell<'_>,
) -> Result<(), ClientError> {
    let user = session.account().canonical();
    let mut stop = pin!(stop);
    let until = stay.until(session.clock().now());
    session.register(expires);
    let mut registered = false;
    while let Some(event) = session.next_until(until, stop.as_mut()).await? {
        match &event {
            Event::Registered { .. } => registered = true,
            // A first answer that says no ends it; later ones may pass.
            Event::RegistrationFailed { outcome, retry_in }
                if !registered || retry_in.is_none() =>
            {
                return Err(outcome.clone().into());
            }
            _ => {}
        }
        if let Some(notice) = Notice::of(&user, &event) {
            tell(notice);
        }
        if registered && stay == Stay::Once {
            return Ok(());
        }
    }
    farewell(session, &user, tell).await;
    Ok(())
}

/// Unregisters and tells so; messages that still come are told as well.
pub(super) async fn farewell(session: &mut Session, user: &str, tell: &mut Tell<'_>) {
    let end = session
        .close(|event| {
            if let Event::Message(_) = &event
                && let Some(notice) = Notice::of(user, &event)
            {
                tell(notice);
            }
        })
        .await;
    if let Some(notice) = end.and_then(|event| Notice::of(user, &event)) {
        tell(notice);
    }
}
