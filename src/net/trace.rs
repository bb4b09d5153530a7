//! The SIP trace: one event for each message that comes in or goes out, for an administrator who
//! looks for what two telephones say to each other (`log.level = "info,sip_trace=trace"`).
//!
//! An event tells the direction, the transport, the far end, the start line, Call-ID and CSeq.
//! Bodies, credentials and tokens are in none: no other header is read, and of a Request-URI what
//! could be a password or a token of ours is left out. While nobody asks, a message costs one
//! comparison.

use std::borrow::Cow;

use tracing::Level;

use super::Failure;
use crate::proxy::SHORTEST_TOKEN;
use crate::sip::Flow;
use crate::sip::uri::Uri;
use crate::sip::wire::{Defect, Framing, Layout, Limits, Message, scan};

/// Whether anybody reads the trace.
#[inline]
fn is_on() -> bool {
    tracing::enabled!(target: "sip_trace", Level::TRACE)
}

/// A message that came.
#[inline]
pub(super) fn received(flow: &Flow, message: &Message<'_>) {
    if is_on() {
        tell("in", flow, message);
    }
}

/// Bytes that came and are no message.
#[inline]
pub(super) fn unreadable(flow: &Flow, bytes: &[u8], defect: &Defect) {
    if is_on() {
        tracing::trace!(
            target: "sip_trace",
            direction = "in",
            transport = flow.transport.listener_scheme(),
            peer = %flow.remote,
            bytes = bytes.len(),
            defect = defect.reason(),
            "unreadable"
        );
    }
}

/// A packet that is about to leave.
#[inline]
pub(super) fn sending(flow: &Flow, packet: &[u8]) {
    if is_on() {
        let mut layout = Layout::default();
        // What leaves was made here, or was read here before.
        if scan(packet, Framing::Datagram, &WIDEST, &mut layout).is_ok() {
            tell("out", flow, &Message::new(packet, &layout));
        }
    }
}

/// A packet that did not get out after all.
#[inline]
pub(super) fn unsent(flow: &Flow, failure: Failure) {
    if is_on() {
        tracing::trace!(
            target: "sip_trace",
            direction = "out",
            transport = flow.transport.listener_scheme(),
            peer = %flow.remote,
            ?failure,
            "not sent"
        );
    }
}

/// No message that passes is refused by the limits of its reader here.
const WIDEST: Limits = Limits {
    message_bytes: u32::MAX,
    header_bytes: u32::MAX,
    header_line_bytes: u32::MAX,
    header_lines: u16::MAX,
    uri_bytes: u32::MAX,
    via: u16::MAX,
    route: u16::MAX,
};

#[cold]
fn tell(direction: &'static str, flow: &Flow, message: &Message<'_>) {
    let cseq = message.cseq();
    let cseq = cseq.map(|cseq| format!("{} {}", cseq.number, shown(cseq.method.as_bytes())));
    tracing::trace!(
        target: "sip_trace",
        direction,
        transport = flow.transport.listener_scheme(),
        peer = %flow.remote,
        start = &*start_line(message),
        call_id = &*shown(message.call_id()),
        cseq = cseq.as_deref().unwrap_or_default(),
    );
}

/// `METHOD URI`, or the status and its reason.
fn start_line(message: &Message<'_>) -> String {
    if message.is_request() {
        let method = shown(message.method().as_bytes());
        format!("{method} {}", without_secrets(message.request_uri()))
    } else {
        format!("{} {}", message.status(), shown(message.reason()))
    }
}

/// A URI without its password (RFC 3261 s19.1.1), its headers, and without a user part that is as
/// long as a token of ours: a strict router puts our Record-Route there (s16.4).
fn without_secrets(text: &[u8]) -> String {
    let Ok(uri) = Uri::parse(text) else { return "(unreadable)".to_owned() };
    let scheme = text.iter().position(|byte| *byte == b':').unwrap_or_default();
    let (scheme, rest) = text.split_at(scheme);
    // Host, port and parameters have none of these two characters (s25.1).
    let host = rest.iter().rposition(|byte| *byte == b'@').map_or(1, |at| at + 1);
    let tail = rest.get(host..).unwrap_or_default();
    let tail = shown(tail.split(|byte| *byte == b'?').next().unwrap_or_default());
    let scheme = shown(scheme);
    match uri.user().filter(|_| !uri.is_tel()) {
        Some(user) if user.len() >= SHORTEST_TOKEN => format!("{scheme}:(token)@{tail}"),
        Some(user) => format!("{scheme}:{}@{tail}", shown(user)),
        None => format!("{scheme}:{tail}"),
    }
}

fn shown(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 3261 s19.1.1: a URI may carry a password, and headers.
    #[test]
    fn a_request_uri_is_shown_without_password_headers_and_token() {
        let token = "A".repeat(SHORTEST_TOKEN);
        for (uri, shown) in [
            ("sip:ana@campus.example;transport=tls", "sip:ana@campus.example;transport=tls"),
            ("sip:campus.example", "sip:campus.example"),
            ("sips:ana:secret@[2001:db8::1]:5061;lr", "sips:ana@[2001:db8::1]:5061;lr"),
            ("sip:ana@campus.example?Replaces=secret", "sip:ana@campus.example"),
            ("sip:who?@campus.example;lr?Subject=x", "sip:who?@campus.example;lr"),
            ("sip:campus.example?Subject=x", "sip:campus.example"),
            ("tel:+351-21-000-0000", "tel:+351-21-000-0000"),
            (&format!("sip:{token}@192.0.2.1;lr"), "sip:(token)@192.0.2.1;lr"),
            ("sip:a b", "(unreadable)"),
        ] {
            assert_eq!(without_secrets(uri.as_bytes()), shown, "{uri}");
        }
    }
}
