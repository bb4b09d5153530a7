//! `client listen`: signs in and tells each message.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use super::agent::Event;
use super::register::farewell;
use super::session::Session;
use super::{ClientError, Notice, Tell};

/// How long a registration is asked for; it is refreshed.
const EXPIRES: u32 = 600;

/// When to stop listening.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// After so long.
    pub duration: Option<Duration>,
    /// After so many messages.
    pub count: Option<u64>,
}

/// Registers, tells each message that comes, and unregisters at the end.
///
/// # Errors
/// [`ClientError`] if the registrar says no, or cannot be asked.
pub async fn listen(
    session: &mut Session,
    bounds: Bounds,
    stop: impl Future<Output = ()>,
    tell: &mut Tell<'_>,
) -> Result<(), ClientError> {
    let user = session.account().canonical();
    let mut stop = pin!(stop);
    let until = bounds.duration.map(|duration| session.clock().now() + duration);
    let mut left = bounds.count.unwrap_or(u64::MAX);
    session.register(EXPIRES);
    let mut registered = false;
    while left > 0
        && let Some(event) = session.next_until(until, stop.as_mut()).await?
    {
        match &event {
            // Refreshes are nobody's business.
            Event::Registered { .. } if registered => continue,
            Event::Registered { .. } => registered = true,
            Event::RegistrationFailed { outcome, retry_in }
                if !registered || retry_in.is_none() =>
            {
                return Err(outcome.clone().into());
            }
            Event::Message(_) => left -= 1,
            _ => {}
        }
        if let Some(notice) = Notice::of(&user, &event) {
            tell(notice);
        }
    }
    farewell(session, &user, tell).await;
    Ok(())
}
