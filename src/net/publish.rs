//! PUBLISH (RFC 3903 s6): what people say of themselves.

use super::Outbox;
use super::auth::Identified;
use super::dispatch::Request;
use super::engine::{Engine, EngineCounts};
use crate::model::DeviceKey;
use crate::payload::pidf;
use crate::presence::{PublishRequest, Refusal};
use crate::sip::build::Response;
use crate::sip::header::HeaderName;
use crate::sip::wire::Message;
use crate::subscriptions::{Attendance, EventHeader, Package};
use crate::text;

/// The packages that can be published, as Allow-Events lists them.
const PUBLISHED: [(&str, &str); 1] = [("Allow-Events", "presence")];

impl Engine {
    /// A PUBLISH from `identified` to `user`, whose address-of-record is `aor`.
    pub(super) fn publish(
        &self,
        outbox: &mut Outbox,
        request: &Request<'_, '_>,
        identified: &Identified,
        (user, aor): (&str, &str),
        out: &mut Vec<u8>,
    ) {
        let message = request.message;
        if self.is_merged(request) {
            return self.refuse(outbox, request, 482, Some("Merged Request"), &[], out);
        }
        // s14.1: a person publishes only himself.
        if !self.identity.may_act_as(&identified.user, user) {
            return self.refuse(outbox, request, 403, Some("Not Your Presence"), &[], out);
        }
        let event = message.header(HeaderName::Event).and_then(EventHeader::parse);
        if event.and_then(|event| Package::named(event.package)) != Some(Package::Presence) {
            return self.refuse(outbox, request, 489, None, &PUBLISHED, out);
        }
        let Ok(etag) = if_match(message) else {
            return self.refuse(outbox, request, 400, Some("One Entity Tag Is Needed"), &[], out);
        };
        let body = message.body();
        if !body.is_empty() {
            if let Some(accept) = unreadable(message) {
                return self.refuse(outbox, request, 415, None, accept, out);
            }
            if body.len() > self.settings.max_publication {
                return self.refuse(outbox, request, 413, None, &[], out);
            }
        }
        let publish = PublishRequest {
            aor,
            uri: message.request_uri(),
            etag,
            expires: message.expires(),
            body: (!body.is_empty()).then_some(body),
            device: self.device_of(aor, request, identified),
        };
        let _attending = Attendance::begin();
        match self.presence.publish(&publish) {
            Ok(published) => {
                EngineCounts::add(&self.counts.publishes);
                let tag = self.tag(message);
                out.clear();
                Response::new(message, 200, None)
                    .to_tag(&tag)
                    .received_from(request.flow.remote)
                    .header("SIP-ETag", &published.etag)
                    .header("Expires", &published.expires.to_string())
                    .write(out);
                self.answer(outbox, request, 200, out);
                self.notify_due(outbox, self.clock.now());
            }
            Err(refusal) => {
                let reason = refusal.to_string();
                let least = self.presence.min_expires().to_string();
                let (status, header) = match refusal {
                    Refusal::NoMatch => (412, None),
                    Refusal::TooBrief => (423, Some(("Min-Expires", &*least))),
                    Refusal::Nothing | Refusal::Unreadable(_) => (400, None),
                    Refusal::NotYours | Refusal::TooMany => (403, None),
                    Refusal::TooMuch => (413, None),
                };
                self.refuse(outbox, request, status, Some(&reason), header.as_slice(), out);
            }
        }
    }

    /// The device behind a request of a person (decision 18a): its credential, else that of the
    /// contact that is reached where the request came from, else the one that says nothing of
    /// itself.
    pub(super) fn device_of(
        &self,
        aor: &str,
        request: &Request<'_, '_>,
        identified: &Identified,
    ) -> DeviceKey {
        if let Some(device) = &identified.device {
            return device.clone();
        }
        let flow = request.flow;
        let row = self.registrar.lookup(aor).unwrap_or_default();
        let same = row.live(request.now).find(|binding| {
            if flow.connection.is_some() && binding.flow.connection == flow.connection {
                return true;
            }
            binding.flow.remote == flow.remote && binding.flow.transport == flow.transport
        });
        same.map_or(DeviceKey::Anonymous, |binding| binding.device.clone())
    }
}

/// The entity tag of SIP-If-Match, if there is one (RFC 3903 s6 step 3, s11.3.2).
fn if_match<'a>(message: &Message<'a>) -> Result<Option<&'a str>, ()> {
    let mut values = message.headers(HeaderName::SipIfMatch);
    let Some(value) = values.next() else { return Ok(None) };
    let value = text::trim(value);
    if values.next().is_some() || !text::is_token(value) {
        return Err(());
    }
    std::str::from_utf8(value).map(Some).map_err(|_| ())
}

/// What is accepted instead of a body that is no presence document, or an encoded one (RFC 3903 s6
/// step 5; RFC 3261 s8.2.3).
fn unreadable(message: &Message<'_>) -> Option<&'static [(&'static str, &'static str)]> {
    let encoded = message
        .values(HeaderName::ContentEncoding)
        .any(|encoding| !encoding.eq_ignore_ascii_case(b"identity"));
    if encoded {
        return Some(&[("Accept", pidf::MEDIA_TYPE), ("Accept-Encoding", "identity")]);
    }
    let content = message.content_type().unwrap_or_default();
    let kind = text::trim(&content[..text::element_end(content, b';')]);
    (!kind.eq_ignore_ascii_case(pidf::MEDIA_TYPE.as_bytes()))
        .then_some(&[("Accept", pidf::MEDIA_TYPE)])
}
