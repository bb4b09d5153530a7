//! Requests that reach the user agent (RFC 3261 s8.2, RFC 3428 s7, RFC 6665 s4.1.3).

use std::collections::VecDeque;

use bytes::Bytes;

use super::exchange::fresh_tag;
use super::{Agent, Event, IncomingText};
use crate::clock::Tick;
use crate::sip::build::Response;
use crate::sip::header::HeaderName;
use crate::sip::method::Method;
use crate::sip::transaction::{CancelTarget, Legacy, Received, ServerId, ServerKeyParts};
use crate::sip::uri::Uri;
use crate::sip::wire::Message;
use crate::text;

/// What the user agent serves.
pub(super) const ALLOW: &str = "MESSAGE, NOTIFY, OPTIONS, CANCEL";

type Headers<'a> = &'a [(&'static str, &'a [u8])];

impl Agent {
    /// Takes a request that scanned.
    pub(super) fn request(&mut self, now: Tick, message: &Message<'_>) {
        let Some(via) = message.top_via() else { return };
        let method = message.method();
        let tag_of = |header: Option<&[u8]>| -> Vec<u8> {
            let address = header.and_then(|h| crate::sip::header::Address::parse(h).ok());
            address.and_then(|a| a.tag().map(<[u8]>::to_vec)).unwrap_or_default()
        };
        let from_tag = tag_of(message.header(HeaderName::From));
        let to_tag = tag_of(message.header(HeaderName::To));
        let parts = ServerKeyParts {
            method: method.as_bytes(),
            branch: via.branch().unwrap_or_default(),
            sent_by: via.sent_by(),
            legacy: Legacy {
                request_uri: message.request_uri(),
                from_tag: &from_tag,
                to_tag: &to_tag,
                call_id: message.call_id(),
                cseq: message.cseq().map_or(0, |cseq| cseq.number),
                top_via: message.top_via_value().unwrap_or_default(),
            },
        };
        match self.table.receive_request(now, &parts, self.flow) {
            Received::New(id) => {
                let cseq = message.cseq().map_or(0, |cseq| cseq.number);
                let merged = to_tag.is_empty()
                    && self.merged.is_merged(
                        now,
                        id,
                        &from_tag,
                        message.call_id(),
                        cseq,
                        method.as_bytes(),
                    );
                if merged {
                    return self.respond(now, id, message, 482, &[]);
                }
                self.serve(now, id, message);
            }
            Received::Retransmission(Some((_, packet))) => self.packets.push_back(packet),
            Received::Cancel { id, target } => {
                // Nothing is left pending here: each request has its answer at once.
                let status = if target == CancelTarget::Nothing { 481 } else { 200 };
                self.respond(now, id, message, status, &[]);
            }
            Received::Retransmission(None)
            | Received::AckAbsorbed
            | Received::Ack(_)
            | Received::Full => {}
        }
    }

    /// Answers a new request in the order of RFC 3261 s8.2: method, Request-URI, Require, body.
    fn serve(&mut self, now: Tick, id: ServerId, message: &Message<'_>) {
        let method = message.method();
        if !matches!(method, Method::Message | Method::Options | Method::Notify) {
            return self.respond(now, id, message, 405, &[("Allow", ALLOW.as_bytes())]);
        }
        if message.check().is_err() {
            return self.respond(now, id, message, 400, &[]);
        }
        if !Uri::parse(message.request_uri()).is_ok_and(|uri| uri.is_sip()) {
            return self.respond(now, id, message, 416, &[]);
        }
        let required: Vec<&[u8]> = message.values(HeaderName::Require).collect();
        if !required.is_empty() {
            let unsupported = required.join(&b", "[..]);
            return self.respond(now, id, message, 420, &[("Unsupported", &unsupported)]);
        }
        if method == Method::Options {
            let headers: Headers<'_> =
                &[("Allow", ALLOW.as_bytes()), ("Accept", b"text/plain, */*")];
            return self.respond(now, id, message, 200, headers);
        }
        let encoded = message
            .values(HeaderName::ContentEncoding)
            .any(|encoding| !encoding.eq_ignore_ascii_case(b"identity"));
        if encoded {
            return self.respond(now, id, message, 415, &[("Accept-Encoding", b"identity")]);
        }
        if method == Method::Notify {
            let status = self.notified(now, message);
            self.respond(now, id, message, status, &[]);
            return self.pursue_watches(now);
        }
        self.respond(now, id, message, 200, &[]);
        if let Some(text) = incoming(now, message) {
            self.events.push_back(Event::Message(text));
        }
    }

    pub(super) fn respond(
        &mut self,
        now: Tick,
        id: ServerId,
        message: &Message<'_>,
        status: u16,
        headers: Headers<'_>,
    ) {
        let tag = fresh_tag();
        let packet = self.write_response(message, status, None, &tag, headers);
        if let Ok((_, packet)) = self.table.respond(now, id, status, packet) {
            self.packets.push_back(packet);
        }
    }

    /// A response outside of any transaction, to what could not be read whole.
    pub(super) fn refuse(&mut self, message: &Message<'_>, status: u16, reason: &str) {
        let packet = self.write_response(message, status, Some(reason), &fresh_tag(), &[]);
        push_bounded(&mut self.packets, packet);
    }

    fn write_response(
        &self,
        message: &Message<'_>,
        status: u16,
        reason: Option<&str>,
        tag: &str,
        headers: Headers<'_>,
    ) -> Bytes {
        let mut response = Response::new(message, status, reason)
            .to_tag(tag)
            .received_from(self.flow.remote)
            .header("Server", super::USER_AGENT);
        for (name, value) in headers {
            response = response.header(name, *value);
        }
        let mut out = Vec::new();
        response.write(&mut out);
        Bytes::from(out)
    }
}

/// Answers to rubbish never fill the memory.
fn push_bounded(packets: &mut VecDeque<Bytes>, packet: Bytes) {
    if packets.len() < 64 {
        packets.push_back(packet);
    }
}

fn incoming(now: Tick, message: &Message<'_>) -> Option<IncomingText> {
    let from = message.from().ok()?;
    let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let uri = from.parsed_uri();
    Some(IncomingText {
        from: uri.canonical_aor().unwrap_or_else(|| lossy(uri.raw())),
        from_uri: lossy(uri.raw()),
        name: from.display().map(std::borrow::Cow::into_owned),
        // RFC 3428 s4: without a Content-Type there is no body.
        content_type: message.content_type().map(|value| lossy(text::trim(value))),
        body: message.body().to_vec(),
        date: message.header(HeaderName::Date).map(lossy),
        at: now,
    })
}
