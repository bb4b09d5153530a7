//! `client message`: writes to somebody, and waits for what comes back.

use std::future::Future;
use std::pin::{Pin, pin};
use std::time::Duration;

use super::account::Target;
use super::agent::{Cause, Event};
use super::notice::millis;
use super::register::farewell;
use super::session::Session;
use super::{ClientError, Notice, Tell};
use crate::clock::WallTime;

/// How long the registration of somebody who waits for a reply is asked for; it is taken back.
const EXPIRES: u32 = 300;

/// A longer text goes by TCP: with its header fields it may not fit a datagram
/// (RFC 3261 s18.1.1).
pub const LONGEST_FOR_UDP: usize = 512;

/// What to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// To whom.
    pub to: Target,
    /// The text.
    pub text: String,
    /// How long to wait for a message from that person.
    pub wait_reply: Option<Duration>,
}

/// Sends a message and tells the answer; with `wait_reply` registers first, waits for a message
/// from the same person, tells that, and unregisters.
///
/// # Errors
/// [`ClientError`] if the message was not accepted, or no reply came.
pub async fn message(
    session: &mut Session,
    order: &Order,
    stop: impl Future<Output = ()>,
    tell: &mut Tell<'_>,
) -> Result<(), ClientError> {
    let mut stop = pin!(stop);
    if order.wait_reply.is_none() {
        return converse(session, order, stop, tell).await;
    }
    let user = session.account().canonical();
    session.register(EXPIRES);
    loop {
        match session.next_until(None, stop.as_mut()).await? {
            Some(Event::Registered { .. }) => break,
            Some(Event::RegistrationFailed { outcome, .. }) => return Err(outcome.into()),
            Some(event) => {
                if let Some(notice) = Notice::of(&user, &event) {
                    tell(notice);
                }
            }
            None => return Err(ClientError::Stopped),
        }
    }
    let result = converse(session, order, stop, tell).await;
    let mut quiet = |notice| {
        if !matches!(notice, Notice::Unregistered) {
            tell(notice);
        }
    };
    farewell(session, &user, &mut quiet).await;
    result
}

async fn converse<F: Future<Output = ()>>(
    session: &mut Session,
    order: &Order,
    mut stop: Pin<&mut F>,
    tell: &mut Tell<'_>,
) -> Result<(), ClientError> {
    let user = session.account().canonical();
    let correspondent = order.to.canonical();
    let sent_at = session.clock().now();
    let written = session.clock().wall();
    let sent = session.message(&order.to, &order.text);
    let mut until = None;
    let mut accepted = false;
    let mut replied = false;
    while !(accepted && (replied || order.wait_reply.is_none())) {
        match session.next_until(until, stop.as_mut()).await? {
            Some(Event::Answered { id, outcome }) if id == sent => {
                if outcome.cause == Cause::Answer {
                    tell(Notice::sent(order.to.uri(), &outcome));
                }
                if !outcome.is_success() {
                    return Err(outcome.into());
                }
                accepted = true;
                until = order.wait_reply.map(|patience| session.clock().now() + patience);
            }
            // A held message is older than ours, whenever it comes.
            Some(Event::Message(text))
                if !replied
                    && text.is_plain_text()
                    && !text.date.as_deref().is_some_and(|date| is_before(date, written))
                    && correspondent.as_ref() == Some(&text.from) =>
            {
                replied = true;
                tell(Notice::Reply { ms: millis(text.at - sent_at), text: (&text).into() });
            }
            Some(event) => {
                if let Some(notice) = Notice::of(&user, &event) {
                    tell(notice);
                }
            }
            None => {
                return Err(match (accepted, order.wait_reply) {
                    (true, Some(patience)) if until.is_some_and(|u| session.clock().now() >= u) => {
                        ClientError::NoReply(patience)
                    }
                    _ => ClientError::Stopped,
                });
            }
        }
    }
    Ok(())
}

/// Whether a `Date` (RFC 3261 s20.17) lies clearly before a time; one that cannot be read does
/// not.
fn is_before(date: &str, time: WallTime) -> bool {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    // Two clocks may differ a little, and a date has whole seconds.
    let time = WallTime::from_unix_millis(time.unix_millis().saturating_sub(1_500)).civil();
    let time = [
        time.year,
        time.month.into(),
        time.day.into(),
        time.hour.into(),
        time.minute.into(),
        time.second.into(),
    ];
    let words: Vec<&str> = date.split([' ', ',', ':']).filter(|word| !word.is_empty()).collect();
    let [_, day, month, year, hour, minute, second, "GMT"] = words[..] else { return false };
    let month = MONTHS.iter().position(|name| month.eq_ignore_ascii_case(name));
    let month = month.map(|index| index as u64 + 1);
    let number = |word: &str| word.parse::<u64>().ok();
    let parts = [number(year), month, number(day), number(hour), number(minute), number(second)];
    let mut date = [0; 6];
    for (to, part) in date.iter_mut().zip(parts) {
        let Some(part) = part else { return false };
        *to = part;
    }
    date < time
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 3261 s20.17: dates are GMT, with English names.
    #[test]
    fn a_date_is_compared_with_a_time() {
        let time = WallTime::from_unix_secs(1_289_682_571);
        assert_eq!(time.sip_date(), "Sat, 13 Nov 2010 21:09:31 GMT");
        for (date, before) in [
            ("Sat, 13 Nov 2010 21:09:31 GMT", false),
            ("Sat, 13 Nov 2010 21:09:28 GMT", true),
            ("Fri, 31 Dec 2010 00:00:00 GMT", false),
            ("Sun, 31 Oct 2010 23:59:59 GMT", true),
            ("Thu, 01 Dec 2011 00:00:00 GMT", false),
            ("yesterday", false),
            ("", false),
        ] {
            assert_eq!(is_before(date, time), before, "{date}");
        }
    }
}
