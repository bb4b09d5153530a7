//! SUBSCRIBE to this server (RFC 6665 s4.2.1): event packages that it serves itself.

use super::Outbox;
use super::auth::Identified;
use super::dispatch::{Request, unread};
use super::engine::Engine;
use crate::registrar::{Reach, Unreachable, reach};
use crate::sip::build::Response;
use crate::sip::dialog::DialogError;
use crate::sip::header::{Contact, HeaderName, write_address};
use crate::sip::wire::Message;
use crate::sip::{Flow, Transport};
use crate::subscriptions::{Attendance, EventHeader, Package, Refusal, SubscribeRequest};

impl Engine {
    /// A SUBSCRIBE from `identified`: to a person, or within a dialog to this server.
    pub(super) fn subscribe(
        &self,
        outbox: &mut Outbox,
        request: &Request<'_, '_>,
        identified: &Identified,
        person: Option<(&str, &str)>,
        out: &mut Vec<u8>,
    ) {
        let message = request.message;
        let in_dialog = message.to().ok().is_some_and(|to| to.tag().is_some());
        let event = message.header(HeaderName::Event).and_then(EventHeader::parse);
        let Some(event) = event else { return self.bad_event(outbox, request, out) };
        let package = match Package::named(event.package) {
            Some(package) => package,
            None if in_dialog => return self.refuse(outbox, request, 481, None, &[], out),
            None => return self.bad_event(outbox, request, out),
        };
        if !package.is_accepted(message.values(HeaderName::Accept)) {
            let accept = [("Accept", package.media_type())];
            return self.refuse(outbox, request, 406, None, &accept, out);
        }
        if let Some(accept) = unread(message) {
            return self.refuse(outbox, request, 415, None, accept, out);
        }
        let place = match self.notified_at(message, request) {
            Ok(place) => (place.flow, place.bound),
            Err(unreachable) => {
                let reason = unreachable.to_string();
                return self.refuse(outbox, request, 400, Some(&reason), &[], out);
            }
        };
        let aor = format!("{}@{}", identified.user, self.settings.domain);
        // A closed connection takes its subscriptions with it, and this one would come too late.
        if !self.is_heard(request) {
            return self.forget(message, request.server);
        }
        let tag = self.tag(message);
        let _attending = Attendance::begin();
        let granted = if in_dialog {
            self.subscriptions.refresh(message, &aor, &event, place)
        } else {
            let Some((user, resource)) = person else {
                return self.for_the_server(outbox, request, out);
            };
            // RFC 3680 s4.6, RFC 3857 s4.6: some things are for the person alone.
            let own = self.identity.may_act_as(&identified.user, user);
            if !own && !package.is_for_others() {
                return self.refuse(outbox, request, 403, None, &[], out);
            }
            if !own && !self.is_person(outbox, request, identified, user, out) {
                return;
            }
            if self.is_merged(request) {
                return self.refuse(outbox, request, 482, Some("Merged Request"), &[], out);
            }
            self.subscriptions.begin(SubscribeRequest {
                message,
                resource,
                watcher: &aor,
                package,
                event_id: event.id,
                flow: place.0,
                bound: place.1,
                device: Some(self.device_of(&aor, request, identified)),
                tag: tag.clone(),
            })
        };
        match granted {
            Ok(granted) => {
                if !self.is_heard(request) {
                    self.subscriptions.connection_closed(request.flow.connection);
                }
                let contact = self.contact_at(&request.flow);
                out.clear();
                Response::new(message, 200, None)
                    .to_tag(&tag)
                    .received_from(request.flow.remote)
                    .header("Expires", &granted.expires.to_string())
                    .header("Contact", &contact)
                    .write(out);
                self.answer(outbox, request, 200, out);
                // s4.2.1.2: the NOTIFY follows at once.
                self.notify_due(outbox, self.clock.now());
            }
            Err(refusal) => self.not_subscribed(outbox, request, refusal, out),
        }
    }

    fn not_subscribed(
        &self,
        outbox: &mut Outbox,
        request: &Request<'_, '_>,
        refusal: Refusal,
        out: &mut Vec<u8>,
    ) {
        let reason = refusal.to_string();
        let least = self.subscriptions.min_expires().to_string();
        let (status, headers) = match refusal {
            Refusal::TooBrief => (423, Some(("Min-Expires", &*least))),
            Refusal::TooMany | Refusal::TooManyWatchers => (403, None),
            Refusal::Twice => (482, None),
            Refusal::Unknown => (481, None),
            Refusal::Dialog(DialogError::OutOfOrder) => (500, None),
            Refusal::Dialog(_) => (400, None),
        };
        self.refuse(outbox, request, status, Some(&reason), headers.as_slice(), out);
    }

    /// RFC 6665 s8.2.2: which packages are served.
    fn bad_event(&self, outbox: &mut Outbox, request: &Request<'_, '_>, out: &mut Vec<u8>) {
        self.refuse(outbox, request, 489, None, &[("Allow-Events", Package::ALL)], out);
    }

    /// Where NOTIFYs go: by the same rule as a contact (decision 8), so that nobody has them sent
    /// to others. A Contact at our own domain is a GRUU of the subscriber's, whose flow is this one.
    fn notified_at(
        &self,
        message: &Message<'_>,
        request: &Request<'_, '_>,
    ) -> Result<Reach, Unreachable> {
        let here = Reach { flow: request.flow, bound: request.flow.connection.is_some() };
        let Some(Ok(Contact::Address(contact))) = message.contacts().next() else {
            return Ok(here);
        };
        let is_gruu =
            contact.parsed_uri().param("gr").is_some() && self.is_our_host(&contact.parsed_uri());
        // Through proxies a NOTIFY goes back the way that the SUBSCRIBE came.
        if is_gruu || message.header(HeaderName::RecordRoute).is_some() {
            return Ok(here);
        }
        let is_ours = |address| self.settings.own_addresses.contains(&address);
        reach(contact.uri(), request.flow, false, is_ours, |_| false)
    }

    /// Where requests within a dialog with us go, as the far end of `flow` reaches us.
    pub(super) fn contact_at(&self, flow: &Flow) -> Vec<u8> {
        let mut contact = Vec::with_capacity(64);
        contact.extend_from_slice(b"<sip:");
        write_address(self.own_address(flow), &mut contact);
        if flow.transport != Transport::Udp {
            contact.extend_from_slice(b";transport=");
            contact.extend_from_slice(flow.transport.uri_name().as_bytes());
        }
        contact.push(b'>');
        contact
    }
}
