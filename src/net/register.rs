//! REGISTER (RFC 3261 s10).

use smallvec::SmallVec;

use super::Outbox;
use super::auth::Identified;
use super::dispatch::Request;
use super::engine::{Engine, EngineCounts};
use crate::identity::Asker;
use crate::model::DeviceKey;
use crate::registrar::{ContactRequest, Contacts, Refusal, RegisterRequest, Registered};
use crate::sip::build::Response;
use crate::sip::header::Contact;
use crate::sip::uri::Uri;

impl Engine {
    pub(super) fn register(
        &self,
        outbox: &mut Outbox,
        request: &Request<'_, '_>,
        request_uri: &Uri<'_>,
        identified: &Identified,
        out: &mut Vec<u8>,
    ) {
        let message = request.message;
        if self.is_merged(request) {
            return self.refuse(outbox, request, 482, Some("Merged Request"), &[], out);
        }
        // s10.3 step 1: the Request-URI names the domain, and nobody in it.
        if !self.is_our_host(request_uri) {
            return self.refuse(outbox, request, 403, Some("Not Served Here"), &[], out);
        }
        // s10.3 steps 4 and 5: a person registers only himself.
        let Ok(to) = message.to() else { return };
        let to = to.parsed_uri();
        if !self.is_our_host(&to) {
            return self.refuse(outbox, request, 404, None, &[], out);
        }
        let own =
            to.user_decoded().is_some_and(|user| self.identity.may_act_as(&identified.user, &user));
        if !own {
            return self.refuse(outbox, request, 403, Some("Not Your Address"), &[], out);
        }
        let aor = format!("{}@{}", identified.user, self.settings.domain);
        let contacts = match contacts(message) {
            Ok(contacts) => contacts,
            Err(reason) => return self.refuse(outbox, request, 400, Some(reason), &[], out),
        };
        let register = RegisterRequest {
            aor: &aor,
            call_id: message.call_id(),
            cseq: message.cseq().map_or(0, |cseq| cseq.number),
            contacts,
            expires: message.expires(),
            flow: request.flow,
            credential: identified.device.clone(),
            user_agent: message.user_agent().and_then(|agent| std::str::from_utf8(agent).ok()),
        };
        // A request that waited for the directory may have outlived its connection. A contact on
        // one that is closed reaches nobody, and could take the place of one that does.
        if !self.is_heard(request) {
            return self.forget(message, request.server);
        }
        match self.registrar.register(&register) {
            Ok(registered) => {
                if !self.is_heard(request) {
                    // It closed meanwhile, and who tells the registrar may have been before us.
                    self.registrar.connection_closed(request.flow.connection);
                    return self.forget(message, request.server);
                }
                EngineCounts::add(&self.counts.registers);
                self.note_device(message, request, identified);
                self.registered(outbox, request, &registered, out);
                for device in &registered.arrived {
                    self.replay(outbox, &aor, device);
                }
            }
            Err(refusal) => {
                let reason = refusal.to_string();
                let (status, min) = match refusal {
                    Refusal::BadStar => (400, None),
                    Refusal::TooBrief { min_expires } => (423, Some(min_expires.to_string())),
                    Refusal::OutOfOrder => (500, None),
                    Refusal::TooMany => (403, None),
                    Refusal::Unreachable(crate::registrar::Unreachable::Ourselves) => (403, None),
                    Refusal::Unreachable(_) => (400, None),
                };
                match &min {
                    Some(min) => self.refuse(
                        outbox,
                        request,
                        status,
                        Some(&reason),
                        &[("Min-Expires", min)],
                        out,
                    ),
                    None => self.refuse(outbox, request, status, Some(&reason), &[], out),
                }
            }
        }
    }

    /// Whether the connection that a request came on still stands.
    fn is_heard(&self, request: &Request<'_, '_>) -> bool {
        let connection = request.flow.connection;
        !connection.is_some() || self.egress.is_open(connection)
    }

    /// What a device credential leaves behind when it is used: the day, and whether the device is to
    /// be offered MD5 alone.
    fn note_device(
        &self,
        message: &crate::sip::wire::Message<'_>,
        request: &Request<'_, '_>,
        identified: &Identified,
    ) {
        let Some(DeviceKey::Credential(device)) = &identified.device else { return };
        self.accounts.device_used(&identified.user, device);
        if self.accounts.is_md5_only(&identified.user, device) {
            let from = message.from().ok().and_then(|from| from.parsed_uri().user());
            let asker = Asker {
                source: request.flow.remote.ip(),
                user_agent: message.user_agent(),
                from: from.unwrap_or_default(),
            };
            self.identity.offers().pin(&asker, request.now);
        }
    }

    /// s10.3 step 8: the answer lists every contact with what is left of its time.
    fn registered(
        &self,
        outbox: &mut Outbox,
        request: &Request<'_, '_>,
        registered: &Registered,
        out: &mut Vec<u8>,
    ) {
        use std::fmt::Write;
        let tag = self.tag(request.message);
        let date = self.clock.wall().sip_date();
        let mut lines: SmallVec<[String; 2]> = SmallVec::new();
        for binding in registered.row.live(request.now) {
            let left = binding.expires.since(request.now).as_secs_f64().round() as u64;
            let mut line = String::with_capacity(binding.contact.len() + 24);
            line.push('<');
            line.push_str(&String::from_utf8_lossy(&binding.contact));
            let _ = write!(line, ">;expires={left}");
            if binding.q != 1_000 {
                let _ = write!(line, ";q={}.{:03}", binding.q / 1_000, binding.q % 1_000);
            }
            if let Some(instance) = &binding.instance {
                let _ = write!(line, ";+sip.instance=\"{instance}\"");
            }
            if let Some(reg_id) = binding.reg_id {
                let _ = write!(line, ";reg-id={reg_id}");
            }
            lines.push(line);
        }
        out.clear();
        let mut response = Response::new(request.message, 200, None)
            .to_tag(&tag)
            .received_from(request.flow.remote);
        for line in &lines {
            response = response.header("Contact", line);
        }
        response.header("Date", &date).write(out);
        self.answer(outbox, request, 200, out);
    }
}

fn contacts<'a>(message: &crate::sip::wire::Message<'a>) -> Result<Contacts<'a>, &'static str> {
    let mut list: SmallVec<[ContactRequest<'a>; 2]> = SmallVec::new();
    let mut star = false;
    for contact in message.contacts() {
        match contact.map_err(|_| "Bad Contact")? {
            Contact::Star => star = true,
            Contact::Address(contact) => {
                // A comma-joined bomb is cut off where no registrar would follow it anyway.
                if list.len() >= 32 {
                    return Err("Too Many Contacts");
                }
                let instance = contact.sip_instance().and_then(|urn| std::str::from_utf8(urn).ok());
                // It stands between quotes in our answers, so it must not end them or the line.
                if instance
                    .is_some_and(|urn| urn.contains(|c: char| c.is_control() || "\"\\".contains(c)))
                {
                    return Err("Bad +sip.instance");
                }
                list.push(ContactRequest {
                    uri: contact.address().uri(),
                    expires: contact.expires(),
                    q: contact.q().unwrap_or(1_000),
                    instance,
                    reg_id: contact.reg_id(),
                });
            }
        }
    }
    match (star, list.is_empty()) {
        (false, _) => Ok(Contacts::List(list)),
        (true, true) => Ok(Contacts::Star),
        (true, false) => Err("Contact * Stands Alone"),
    }
}
