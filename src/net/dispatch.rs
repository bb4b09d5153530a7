//! What a request is, who sent it, and which service answers it.
//!
//! The order of the checks is RFC 3261 s16.3's: syntax, scheme, Max-Forwards, loop, Proxy-Require,
//! then authentication; nothing behind it is reached by strangers. Status codes of refusals are
//! chosen here.

use std::sync::Arc;

use bytes::Bytes;

use super::Outbox;
use super::answer::way_back;
use super::auth::Identified;
use super::beyond::Beyond;
use super::dialog::Course;
use super::engine::{Engine, EngineCounts};
use super::policy::{Receiver, Rule, Sender, rule};
use super::priority::Load;
use super::secure::serves_sips;
use crate::clock::Tick;
use crate::http_digest::nonce::Examined;
use crate::identity::{Existence, Lookup, Numbered, UserName};
use crate::model::Application;
use crate::sip::Flow;
use crate::sip::header::{Address, HeaderName, Via};
use crate::sip::locate::Candidate;
use crate::sip::method::Method;
use crate::sip::transaction::{Legacy, Received, ServerId, ServerKeyParts};
use crate::sip::uri::{Host, Uri};
use crate::sip::wire::{Defect, Framing, Layout, Message, scan};
use crate::text::{self, Params};

/// Methods this server answers itself or passes on; the Allow of a 405.
const ALLOW: &str = "REGISTER, OPTIONS, MESSAGE, INVITE, ACK, CANCEL, BYE, INFO, PRACK, UPDATE, REFER, SUBSCRIBE, NOTIFY, PUBLISH";

/// Option tags that a request may require of us (RFC 3261 s19.2).
const SUPPORTED: [&[u8]; 3] = [b"path", b"outbound", b"gruu"];

/// A request under way, with what has been found out about it.
pub(super) struct Request<'a, 'm> {
    pub(super) message: &'a Message<'m>,
    pub(super) flow: Flow,
    pub(super) now: Tick,
    /// Its server transaction.
    pub(super) server: ServerId,
    /// How full we were when it came.
    pub(super) load: Load,
    /// Whether a retransmission must find the answer: from the moment that somebody proved who
    /// he is, because his nonce count is used up then. Before, nothing is kept of a request.
    pub(super) remembered: bool,
    /// Answers that had to be waited for.
    pub(super) facts: Facts,
}

/// What a parked request brings back.
#[derive(Clone, Default)]
pub(super) struct Facts {
    /// The sender's credentials.
    pub(super) lookup: Option<Lookup>,
    /// The nonce of those credentials as it was when they came: `None` within if it was stale.
    pub(super) nonce: Option<Option<Examined>>,
    /// Whether the person it is for exists.
    pub(super) existence: Option<Existence>,
    /// Whether the request passed all that needs no credentials before it was set aside.
    pub(super) checked: bool,
    /// Who the sender proved to be.
    pub(super) identified: Option<Identified>,
    /// Where the neighbour is that it goes to.
    pub(super) located: Option<Arc<[Candidate]>>,
}

/// Who a request is for.
pub(super) enum Target {
    /// This server itself.
    Server,
    /// A person of ours.
    Person { user: UserName, aor: String },
    /// Several people of ours have the number that was dialled.
    Ambiguous,
    /// Somewhere else.
    Elsewhere,
}

impl Engine {
    /// A request that the scanner could read.
    pub(super) fn request(
        &self,
        outbox: &mut Outbox,
        message: &Message<'_>,
        flow: Flow,
        out: &mut Vec<u8>,
    ) {
        EngineCounts::add(&self.counts.requests);
        self.traffic.request(message.method(), flow.transport);
        let now = self.clock.now();
        let Some(via) = message.top_via() else {
            return self.reject(outbox, message, flow, 400, Some("Bad Via"), out);
        };
        let parts = server_key(message, &via);
        let index = self.shard_of(message.call_id());
        let mut state = self.shard(index).lock();
        let back = way_back(Some(&via), flow);
        let server = match state.transactions.receive_request(now, &parts, back) {
            Received::New(server) => server,
            Received::Retransmission(again) => {
                drop(state);
                return self.resend(outbox, again);
            }
            Received::AckAbsorbed => return,
            Received::Ack(_) => {
                drop(state);
                return self.ack(outbox, message, flow, out);
            }
            Received::Cancel { id, target } => {
                let mut effects = Vec::new();
                self.on_cancel(&mut state, now, message, id, target, flow, out, &mut effects);
                drop(state);
                self.run(outbox, effects);
                return;
            }
            Received::Full => {
                drop(state);
                return self.overflow(outbox, message, flow, out);
            }
        };
        let merged = state.has_met(now, message);
        let load = self.load(&state);
        drop(state);
        let facts = Facts::default();
        let request = Request { message, flow, now, server, load, remembered: false, facts };
        if !self.guard.admit_from(now, flow.remote) {
            return self.shed(outbox, &request, out);
        }
        if merged {
            return self.refuse(outbox, &request, 482, Some("Merged Request"), &[], out);
        }
        self.dispatch(outbox, request, out);
    }

    /// A request over the rate of strangers. Silence costs the least and tells nothing, and a
    /// datagram will be sent again; on a stream nothing is, so its sender is told.
    fn shed(&self, outbox: &mut Outbox, request: &Request<'_, '_>, out: &mut Vec<u8>) {
        if !request.flow.transport.is_reliable() {
            EngineCounts::add(&self.counts.dropped);
            return self.forget(request.message, request.server);
        }
        EngineCounts::add(&self.counts.shed);
        let headers = [("Retry-After", &*self.retry_after(request.message).to_string())];
        self.refuse(outbox, request, 503, None, &headers, out);
    }

    /// Decides about a request; parked ones come back here.
    pub(super) fn dispatch(
        &self,
        outbox: &mut Outbox,
        mut request: Request<'_, '_>,
        out: &mut Vec<u8>,
    ) {
        let message = request.message;
        let checked = request.facts.checked;
        if !checked && let Some(straight) = self.straightened(message) {
            let mut layout = Layout::default();
            if scan(&straight, Framing::Datagram, &self.settings.wire, &mut layout).is_err() {
                return self.refuse(outbox, &request, 400, None, &[], out);
            }
            let straight = Message::new(&straight, &layout);
            return self.dispatch(outbox, Request { message: &straight, ..request }, out);
        }
        if !checked && let Err(defect) = message.check() {
            let (status, reason) = (defect.status(), Some(defect.reason()));
            return self.refuse(outbox, &request, status, reason, &[], out);
        }
        let Ok(from) = message.from() else {
            return self.refuse(outbox, &request, 400, Some("Bad From"), &[], out);
        };
        if !checked && let Err((status, reason)) = self.check(message, &from) {
            return self.refuse(outbox, &request, status, Some(reason), &[], out);
        }
        let from = from.parsed_uri();
        let Ok(uri) = Uri::parse(message.request_uri()) else {
            return self.refuse(outbox, &request, 400, Some("Bad Request-URI"), &[], out);
        };
        if !uri.is_sip() && !uri.is_tel() {
            return self.refuse(outbox, &request, 416, None, &[], out);
        }
        let hops = message.max_forwards().ok().flatten();
        // RFC 3261 s16.3 check 3: OPTIONS is answered by whom it reaches, and goes no further.
        if hops == Some(0) && message.method() != Method::Options {
            return self.refuse(outbox, &request, 483, None, &[], out);
        }
        if !checked && self.has_looped(message) {
            return self.refuse(outbox, &request, 482, None, &[], out);
        }
        if !checked {
            match self.course(message) {
                Course::Open => {}
                Course::Dialog(hop) => {
                    let required = self.unsupported(message, HeaderName::ProxyRequire);
                    if !required.is_empty() {
                        let headers = [("Unsupported", &*required)];
                        return self.refuse(outbox, &request, 420, None, &headers, out);
                    }
                    return self.in_dialog(outbox, request, &hop, out);
                }
                Course::Foreign => {
                    return self.refuse(outbox, &request, 403, Some("Foreign Route"), &[], out);
                }
            }
        }
        if !checked && self.puts_off_stranger(outbox, &mut request, out) {
            return;
        }
        let target = self.target(&uri);
        if uri.is_sips() && !serves_sips(&request, &target) {
            return self.refuse(outbox, &request, 416, None, &[], out);
        }
        // A ping to an address that is not known to be ours, as behind a translator, got here.
        let ping = matches!(target, Target::Elsewhere)
            && uri.user().is_none()
            && !matches!(uri.host(), Host::Name(_));
        let ends_here = matches!(target, Target::Server) || hops == Some(0);
        let required = if ends_here { HeaderName::Require } else { HeaderName::ProxyRequire };
        let unsupported = if checked { String::new() } else { self.unsupported(message, required) };
        if !unsupported.is_empty() {
            return self.refuse(outbox, &request, 420, None, &[("Unsupported", &unsupported)], out);
        }
        let pinged = message.method() == Method::Options && (ping || ends_here);
        if (pinged || message.method() == Method::Register)
            && let Some(accept) = unread(message)
        {
            return self.refuse(outbox, &request, 415, None, accept, out);
        }
        if pinged {
            return self.options(outbox, &request, out);
        }
        if message.method() == Method::Register
            && let Some(reason) = self.names_the_host(message, &uri)
        {
            return self.refuse(outbox, &request, 403, Some(&reason), &[], out);
        }
        let rule = self.rule(message, &from, &target);
        if rule == Rule::Nothing {
            return self.for_the_server(outbox, &request, out);
        }
        let identified = match request.facts.identified.take() {
            Some(identified) => identified,
            None => match self.authenticate(outbox, &mut request, &from, rule, out) {
                Some(identified)
                    if self.within_rate(outbox, &mut request, &identified, out)
                        && !self.puts_off_of(outbox, &mut request, &identified, out) =>
                {
                    identified
                }
                _ => return,
            },
        };
        match (message.method(), target) {
            (Method::Register, _) => self.register(outbox, &request, &uri, &identified, out),
            (_, Target::Elsewhere) => {
                self.beyond(outbox, &request, &identified, Beyond::Elsewhere, out);
            }
            // RFC 3261 s21.4.23
            (_, Target::Ambiguous) => self.refuse(outbox, &request, 485, None, &[], out),
            (Method::Message, Target::Person { user, .. })
                if Application::of_user_part(&user).is_some() =>
            {
                let name = Application::of_user_part(&user).unwrap_or_default();
                self.answer_application(outbox, &request, &identified, name, out);
            }
            (Method::Message, Target::Person { user, aor }) => {
                self.page(outbox, request, identified, &user, &aor, out);
            }
            (Method::Subscribe, Target::Person { user, aor }) => {
                let person = Some((&*user, &*aor));
                self.subscribe(outbox, &request, &identified, person, out);
            }
            (Method::Subscribe, Target::Server) => {
                self.subscribe(outbox, &request, &identified, None, out);
            }
            (Method::Publish, Target::Person { user, aor }) => {
                self.publish(outbox, &request, &identified, (&user, &aor), out);
            }
            (_, Target::Person { user, aor }) => {
                self.relay(outbox, request, identified, &user, &aor, out);
            }
            (_, Target::Server) => self.for_the_server(outbox, &request, out),
        }
    }

    /// What the sender of a request has to show.
    fn rule(&self, message: &Message<'_>, from: &Uri<'_>, target: &Target) -> Rule {
        let sender = if self.is_our_host(from) { Sender::Ours } else { Sender::Foreign };
        let receiver = match target {
            Target::Server => Receiver::Server,
            Target::Elsewhere => Receiver::Elsewhere,
            _ => Receiver::Person,
        };
        rule(message.method(), sender, receiver)
    }

    /// Whether a person asks no more often than one may; else that is answered, and nothing is kept
    /// of the request: its transaction is what the rate protects.
    fn within_rate(
        &self,
        outbox: &mut Outbox,
        request: &mut Request<'_, '_>,
        identified: &Identified,
        out: &mut Vec<u8>,
    ) -> bool {
        if identified.peer {
            return true;
        }
        let (admitted, reason) = match request.message.method() {
            Method::Message => {
                let admitted = self.guard.admit_message(request.now, &identified.user);
                (admitted, "Too Many Messages")
            }
            _ => (self.guard.admit_request(request.now, &identified.user), "Too Many Requests"),
        };
        let Err(wait) = admitted else { return true };
        EngineCounts::add(&self.counts.shed);
        request.remembered = false;
        let seconds = (wait.as_secs() + 1).to_string();
        self.refuse(outbox, request, 503, Some(reason), &[("Retry-After", &seconds)], out);
        false
    }

    /// Mandatory headers and their grammar (RFC 3261 s8.1.1, s16.3 check 1).
    fn check(&self, message: &Message<'_>, from: &Address<'_>) -> Result<(), (u16, &'static str)> {
        if from.tag().is_none() {
            return Err((400, "From Without Tag"));
        }
        let Some(cseq) = message.cseq() else { return Err((400, "Bad CSeq")) };
        if cseq.method != message.method() {
            return Err((400, "CSeq Method Differs"));
        }
        if message.max_forwards().is_err() {
            return Err((400, "Bad Max-Forwards"));
        }
        // What is only passed on is its reader's to judge; what ends here must be readable.
        if message.method() == Method::Publish
            && !message.body().is_empty()
            && message.content_type().is_none()
        {
            return Err((400, "Body Without Content-Type"));
        }
        Ok(())
    }

    /// RFC 3261 s16.3 check 4: the branch of a Via of ours tells where we sent it last time.
    pub(super) fn has_looped(&self, message: &Message<'_>) -> bool {
        // Below a Via of ours there is that of whoever sent it to us.
        if message.values(HeaderName::Via).nth(1).is_none() {
            return false;
        }
        let hash = self.loop_mark(message);
        message.headers(HeaderName::Via).any(|value| memchr::memmem::find(value, &hash).is_some())
    }

    pub(super) fn target(&self, uri: &Uri<'_>) -> Target {
        if !uri.is_tel() && !self.is_our_host(uri) {
            return Target::Elsewhere;
        }
        let user = match (self.numbered(uri), uri.user_decoded()) {
            (Numbered::Person(user), _) => user,
            (Numbered::Shared, _) => return Target::Ambiguous,
            (Numbered::Nobody, _) if uri.is_tel() => return Target::Elsewhere,
            (Numbered::Nobody, None) => return Target::Server,
            (Numbered::Nobody, Some(user)) => self.identity.canonical(&user),
        };
        let aor = format!("{user}@{}", self.settings.domain);
        Target::Person { user, aor }
    }

    /// Whether a URI names this server: its domain, an alias, or an address it listens on.
    pub(super) fn is_our_host(&self, uri: &Uri<'_>) -> bool {
        let address: std::net::IpAddr = match uri.host() {
            Host::Name(name) => {
                return std::str::from_utf8(name)
                    .is_ok_and(|name| self.identity.is_our_domain(name));
            }
            Host::V4(address) => address.into(),
            Host::V6(address) => address.into(),
        };
        let port = uri.port().unwrap_or(if uri.is_sips() { 5061 } else { 5060 });
        let address = std::net::SocketAddr::new(address.to_canonical(), port);
        self.settings.own_addresses.contains(&address)
    }

    /// The option tags of all these headers that we do not understand, as they go into Unsupported.
    fn unsupported(&self, message: &Message<'_>, header: HeaderName) -> String {
        let tags: Vec<String> = message
            .headers(header)
            .flat_map(|value| value.split(|byte| *byte == b','))
            .map(<[u8]>::trim_ascii)
            .filter(|tag| !tag.is_empty())
            .filter(|tag| !SUPPORTED.iter().any(|known| tag.eq_ignore_ascii_case(known)))
            .map(|tag| String::from_utf8_lossy(tag).into_owned())
            .collect();
        tags.join(", ")
    }

    /// OPTIONS to the server itself (RFC 3261 s11.2): needs no credentials, tells nothing of
    /// anybody.
    fn options(&self, outbox: &mut Outbox, request: &Request<'_, '_>, out: &mut Vec<u8>) {
        self.refuse(outbox, request, 200, None, &[("Allow", ALLOW), ("Accept", "*/*")], out);
    }

    /// Requests other than REGISTER and OPTIONS that name the server and nobody on it.
    pub(super) fn for_the_server(
        &self,
        outbox: &mut Outbox,
        request: &Request<'_, '_>,
        out: &mut Vec<u8>,
    ) {
        let (status, headers): (u16, &[(&str, &str)]) = match request.message.method() {
            Method::Notify | Method::Bye | Method::Update | Method::Info | Method::Prack => {
                (481, &[])
            }
            _ => (405, &[("Allow", ALLOW)]),
        };
        self.refuse(outbox, request, status, None, headers, out);
    }

    /// Bytes that are no well-formed message.
    pub(super) fn defective(
        &self,
        outbox: &mut Outbox,
        bytes: &[u8],
        layout: &Layout,
        flow: Flow,
        defect: &Defect,
        out: &mut Vec<u8>,
    ) {
        if !self.guard.admit_from(self.clock.now(), flow.remote) {
            EngineCounts::add(&self.counts.dropped);
            return;
        }
        if !defect.answerable() {
            EngineCounts::add(&self.counts.dropped);
            return;
        }
        let message = Message::new(bytes, layout);
        if !message.is_request() || message.method() == Method::Ack {
            EngineCounts::add(&self.counts.dropped);
            return;
        }
        self.reject(outbox, &message, flow, defect.status(), Some(defect.reason()), out);
    }

    /// Takes a parked request up again.
    pub(super) fn resume(&self, bytes: &Bytes, flow: Flow, server: ServerId, facts: Facts) {
        let mut layout = Layout::default();
        if scan(bytes, Framing::Datagram, &self.settings.wire, &mut layout).is_err() {
            return;
        }
        let message = Message::new(bytes, &layout);
        let mut outbox = self.egress.outbox();
        let now = self.clock.now();
        let facts = Facts { checked: true, ..facts };
        let load = self.load(&self.shard(self.shard_of(message.call_id())).lock());
        let request =
            Request { message: &message, flow, now, server, load, remembered: true, facts };
        self.dispatch(&mut outbox, request, &mut Vec::with_capacity(1_024));
        outbox.flush();
    }
}

/// RFC 3261 s8.2.3: a body that ends here must be understood unless its sender calls it optional,
/// and none is, neither in REGISTER nor in OPTIONS nor in SUBSCRIBE. What is accepted instead: nothing (s20.1), not
/// encoded. No language is refused.
pub(super) fn unread(message: &Message<'_>) -> Option<&'static [(&'static str, &'static str)]> {
    // s20.11: without the parameter "required" is assumed.
    let optional = message.header(HeaderName::ContentDisposition).is_some_and(|value| {
        let parameters = value.get(text::element_end(value, b';')..).unwrap_or_default();
        Params::after_semicolon(parameters).flatten().any(|parameter| {
            parameter.is("handling")
                && parameter.value().is_some_and(|value| value.eq_ignore_ascii_case(b"optional"))
        })
    });
    if message.body().is_empty() || optional {
        return None;
    }
    let encoded = message
        .values(HeaderName::ContentEncoding)
        .any(|encoding| !encoding.eq_ignore_ascii_case(b"identity"));
    Some(if encoded {
        &[("Accept", ""), ("Accept-Encoding", "identity")]
    } else {
        &[("Accept", "")]
    })
}

/// What a server transaction is known by (RFC 3261 s17.2.3).
pub(super) fn server_key<'a>(message: &Message<'a>, via: &Via<'a>) -> ServerKeyParts<'a> {
    let branch = via.branch().unwrap_or_default();
    let mut parts = ServerKeyParts {
        method: message.method().as_bytes(),
        branch,
        sent_by: via.sent_by(),
        legacy: Legacy::default(),
    };
    if parts.is_legacy() {
        parts.legacy = Legacy {
            request_uri: message.request_uri(),
            from_tag: message.from().ok().and_then(|from| from.tag()).unwrap_or_default(),
            to_tag: message.to().ok().and_then(|to| to.tag()).unwrap_or_default(),
            call_id: message.call_id(),
            cseq: message.cseq().map_or(0, |cseq| cseq.number),
            top_via: message.top_via_value().unwrap_or_default(),
        };
    }
    parts
}
