//! What page mode has to know of a MESSAGE: may it be held, until when, is it a repetition.

use std::hash::{BuildHasher, Hash, Hasher};
use std::time::Duration;

use crate::clock::WallTime;
use crate::payload::cpim::Cpim;
use crate::payload::imdn::{self, IMDN};
use crate::payload::iscomposing;
use crate::sip::header::HeaderName;
use crate::sip::wire::Message;

/// Whether a body tells that somebody is typing (RFC 3994): worth nothing later, never held.
#[must_use]
pub fn is_composing(message: &Message<'_>) -> bool {
    let Some(content_type) = message.content_type() else { return false };
    if media_type_is(content_type, iscomposing::MEDIA_TYPE.as_bytes()) {
        return true;
    }
    // Wrapped in CPIM (RFC 3862), the inner Content-Type tells.
    cpim(message)
        .and_then(|cpim| cpim.media_type())
        .is_some_and(|media| media.eq_ignore_ascii_case(iscomposing::MEDIA_TYPE))
}

/// Whether a message tells what became of another one (RFC 5438).
#[must_use]
pub fn is_notification(message: &Message<'_>) -> bool {
    cpim(message).is_some_and(|cpim| imdn::is_notification(&cpim))
}

/// The CPIM message (RFC 3862) that a MESSAGE carries, if it carries one.
#[must_use]
pub fn cpim<'a>(message: &Message<'a>) -> Option<Cpim<'a>> {
    let content_type = message.content_type()?;
    media_type_is(content_type, b"message/cpim").then(|| Cpim::parse(message.body()).ok()).flatten()
}

fn media_type_is(value: &[u8], wanted: &[u8]) -> bool {
    let end = value
        .iter()
        .position(|byte| matches!(byte, b';' | b' ' | b'\t' | b'\r'))
        .unwrap_or(value.len());
    value[..end].eq_ignore_ascii_case(wanted)
}

/// When a message that arrived at `arrived` runs out (RFC 3428 s7): `Expires` counts from the
/// arrival, and the house rule `retention` bounds it. `None`: it has run out already.
#[must_use]
pub fn expires_at(
    message: &Message<'_>,
    arrived: WallTime,
    retention: Duration,
) -> Option<WallTime> {
    match message.expires() {
        Some(0) => None,
        Some(seconds) => Some(arrived + retention.min(Duration::from_secs(u64::from(seconds)))),
        None => Some(arrived + retention),
    }
}

/// A fingerprint under which a repeated MESSAGE is known: its `imdn.Message-ID` (RFC 5438 s6.3)
/// if it has one, else sender, Call-ID, CSeq and body.
#[must_use]
pub fn fingerprint(hasher: &impl BuildHasher, from: &str, message: &Message<'_>) -> u64 {
    let mut state = hasher.build_hasher();
    from.hash(&mut state);
    let cpim = cpim(message);
    match cpim.as_ref().and_then(|cpim| cpim.value(IMDN, "Message-ID")) {
        Some(id) => {
            0_u8.hash(&mut state);
            id.hash(&mut state);
        }
        None => {
            1_u8.hash(&mut state);
            message.call_id().hash(&mut state);
            message.header(HeaderName::CSeq).hash(&mut state);
            message.body().hash(&mut state);
        }
    }
    state.finish()
}

#[cfg(test)]
#[path = "message_tests.rs"]
mod tests;
