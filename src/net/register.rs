//! REGISTER (RFC 3261 s10).

use std::fmt::Write as _;

use smallvec::SmallVec;

use super::Outbox;
use super::auth::Identified;
use super::dispatch::Request;
use super::engine::{Engine, EngineCounts};
use crate::clock::Tick;
use crate::identity::Asker;
use crate::model::DeviceKey;
use crate::registrar::{
    Binding, ContactRequest, Contacts, Refusal, RegisterRequest, Registered, Supported,
    Unreachable, public_gruu,
};
use crate::sip::Transport;
use crate::sip::build::Response;
use crate::sip::header::{Contact, ContactAddress, HeaderName};
use crate::sip::uri::{Host, Uri};
use crate::sip::wire::Message;

/// Bytes of parameters that are kept of one contact.
const MOST_PARAMS: usize = 1_024;

/// Seconds after which a device should have given a sign over a stream (RFC 5626 s4.4.1 has the
/// same default).
const FLOW_TIMER: &str = "120";

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
        let path: SmallVec<[&[u8]; 1]> = message.values(HeaderName::Path).collect();
        // RFC 3327 s6.1: whoever writes a Path says where requests for a person go.
        if !path.is_empty() && !self.is_trusted(request.flow.remote.ip()) {
            return self.refuse(outbox, request, 403, Some("Path From A Stranger"), &[], out);
        }
        let supported = supported(message);
        let register = RegisterRequest {
            aor: &aor,
            call_id: message.call_id(),
            cseq: message.cseq().map_or(0, |cseq| cseq.number),
            contacts,
            expires: message.expires(),
            flow: request.flow,
            is_first_hop: message.values(HeaderName::Via).nth(1).is_none(),
            supported,
            path,
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
                self.registered(outbox, request, request_uri, &register, &registered, out);
                for device in &registered.arrived {
                    self.replay(outbox, &aor, device);
                }
            }
            Err(refusal) => {
                let reason = refusal.to_string();
                let min;
                let (status, header) = match refusal {
                    Refusal::TooBrief { min_expires } => {
                        min = min_expires.to_string();
                        (423, Some(("Min-Expires", min.as_str())))
                    }
                    Refusal::PathNotSupported => (420, Some(("Unsupported", "path"))),
                    Refusal::OutOfOrder => (500, None),
                    Refusal::FirstHopLacksOutbound => (439, None),
                    Refusal::TooMany
                    | Refusal::Unreachable(Unreachable::Ourselves | Unreachable::NotSip) => {
                        (403, None)
                    }
                    Refusal::BadStar
                    | Refusal::SeveralFlows
                    | Refusal::BadPath(_)
                    | Refusal::Unreachable(Unreachable::NoSuchHost) => (400, None),
                };
                self.refuse(outbox, request, status, Some(&reason), header.as_slice(), out);
            }
        }
    }

    /// People type the server's name where the domain belongs. Nobody has an address under that name
    /// (decision 17), and the telephone shows its owner what is answered.
    pub(super) fn names_the_host(
        &self,
        message: &Message<'_>,
        request_uri: &Uri<'_>,
    ) -> Option<String> {
        let is_the_host = |uri: &Uri<'_>| self.leads_here(uri) && !self.is_our_host(uri);
        let is_one = is_the_host(request_uri)
            || message.to().is_ok_and(|to| is_the_host(&to.parsed_uri()))
            || message.from().is_ok_and(|from| is_the_host(&from.parsed_uri()));
        is_one.then(|| format!("The Domain Is {}", self.settings.domain))
    }

    /// Whether the connection that a request came on still stands.
    pub(super) fn is_heard(&self, request: &Request<'_, '_>) -> bool {
        let connection = request.flow.connection;
        !connection.is_some() || self.egress.is_open(connection)
    }

    /// What a device credential leaves behind when it is used: the day, and whether the device is to
    /// be offered MD5 alone.
    fn note_device(
        &self,
        message: &Message<'_>,
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

    /// s10.3 step 8: the answer lists every contact with what is left of its time, and with what
    /// its device said of itself.
    fn registered(
        &self,
        outbox: &mut Outbox,
        request: &Request<'_, '_>,
        request_uri: &Uri<'_>,
        register: &RegisterRequest<'_>,
        registered: &Registered,
        out: &mut Vec<u8>,
    ) {
        let tag = self.tag(request.message);
        let date = self.clock.wall().sip_date();
        let lines: SmallVec<[String; 2]> = registered
            .row
            .live(request.now)
            .map(|binding| contact_line(binding, register, request.now))
            .collect();
        let service_route = self.service_route(request_uri, request.flow.transport);
        out.clear();
        let mut response = Response::new(request.message, 200, None)
            .to_tag(&tag)
            .received_from(request.flow.remote);
        for line in &lines {
            response = response.header("Contact", line);
        }
        // RFC 3327 s5.3: as it came.
        for path in request.message.headers(HeaderName::Path) {
            response = response.header("Path", path);
        }
        if registered.outbound {
            response = response.header("Require", "outbound");
            if request.flow.transport.is_reliable() && register.path.is_empty() {
                response = response.header("Flow-Timer", FLOW_TIMER);
            }
        }
        if let Some(route) = &service_route {
            response = response.header("Service-Route", route);
        }
        response.header("Date", &date).write(out);
        self.answer(outbox, request, 200, out);
    }

    /// RFC 3608: a device that found this server by its address, and not by the domain, may find
    /// nobody by the domain; the address that led here leads here again.
    fn service_route(&self, request_uri: &Uri<'_>, transport: Transport) -> Option<String> {
        if let Host::Name(name) = request_uri.host()
            && std::str::from_utf8(name).is_ok_and(|name| self.identity.is_our_domain(name))
        {
            return None;
        }
        let mut route = format!("<sip:{}", String::from_utf8_lossy(request_uri.host_text()));
        if let Some(port) = request_uri.port() {
            let _ = write!(route, ":{port}");
        }
        if transport != Transport::Udp {
            let _ = write!(route, ";transport={}", transport.uri_name());
        }
        route.push_str(";lr>");
        Some(route)
    }
}

/// One Contact of the answer. Writing to a String does not fail.
fn contact_line(binding: &Binding, register: &RegisterRequest<'_>, now: Tick) -> String {
    let left = binding.expires.since(now).as_secs_f64().round() as u64;
    let params = binding.params.as_deref().unwrap_or_default();
    let mut line = String::with_capacity(binding.contact.len() + params.len() + 24);
    line.push('<');
    line.push_str(&String::from_utf8_lossy(&binding.contact));
    let _ = write!(line, ">;expires={left}");
    if binding.q != 1_000 {
        let _ = write!(line, ";q={}.{:03}", binding.q / 1_000, binding.q % 1_000);
    }
    line.push_str(params);
    if let Some(instance) = &binding.instance {
        let _ = write!(line, ";+sip.instance=\"{instance}\"");
        // RFC 5627 s5.2: for devices that know what to do with it.
        if register.supported.gruu
            && let Some(gruu) = public_gruu(register.aor, instance)
        {
            let _ = write!(line, ";pub-gruu=\"{gruu}\"");
        }
    }
    if let Some(reg_id) = binding.reg_id {
        let _ = write!(line, ";reg-id={reg_id}");
    }
    line
}

/// The option tags of Supported that change what a REGISTER does.
fn supported(message: &Message<'_>) -> Supported {
    let mut supported = Supported::default();
    // A device that requires an extension of us has it (RFC 3261 s20.32).
    for header in [HeaderName::Supported, HeaderName::Require] {
        for tag in message.values(header) {
            supported.outbound |= tag.eq_ignore_ascii_case(b"outbound");
            supported.path |= tag.eq_ignore_ascii_case(b"path");
            supported.gruu |= tag.eq_ignore_ascii_case(b"gruu");
        }
    }
    supported
}

/// The parameters of a contact that the registrar has no use for itself, each with its semicolon.
/// A GRUU is ours to give, so what a device says of one is dropped (RFC 5627 s5.1).
fn other_params(contact: &ContactAddress<'_>) -> Result<String, &'static str> {
    const OWN: [&str; 6] = ["expires", "q", "+sip.instance", "reg-id", "pub-gruu", "temp-gruu"];
    let mut params = String::new();
    for param in contact.params().filter(|param| !OWN.iter().any(|own| param.is(own))) {
        let text = |bytes| std::str::from_utf8(bytes).map_err(|_| "Bad Contact");
        params.push(';');
        params.push_str(text(param.name)?);
        if let Some(value) = param.raw {
            params.push('=');
            params.push_str(text(value)?);
        }
    }
    // It comes back in the answer and stays in the store.
    if params.len() > MOST_PARAMS || params.contains(|c: char| c.is_control()) {
        return Err("Bad Contact Parameters");
    }
    Ok(params)
}

fn contacts<'a>(message: &Message<'a>) -> Result<Contacts<'a>, &'static str> {
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
                    params: other_params(&contact)?,
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
