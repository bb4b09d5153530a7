//! Requests within dialogs that we are on the path of (RFC 3261 s12.2, s16.4, s16.6 step 4;
//! RFC 5626 s5; RFC 5658).
//!
//! A request that makes a dialog gets a Record-Route whose URI carries a signed token
//! ([`crate::proxy::RouteTokens`]). What comes back with it in Route is passed to the other end
//! over that end's flow, wherever its Request-URI points to: nobody aims our packets. Its sender
//! proved who he is when the dialog was made and is not asked again (decision 3).

use std::hash::BuildHasher;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use bytes::Bytes;
use smallvec::{SmallVec, smallvec};

use super::Outbox;
use super::branch::Leg;
use super::dispatch::Request;
use super::engine::{Engine, EngineCounts};
use super::secure::{asks_for_tls, is_secure};
use crate::proxy::{Party, Reached, SHORTEST_TOKEN, Target};
use crate::registrar::reach;
use crate::sip::header::{Contact, HeaderName};
use crate::sip::method::Method;
use crate::sip::uri::{Host, Uri};
use crate::sip::wire::{Framing, Layout, Message, scan};
use crate::sip::{Flow, Transport};

/// Where the Route of a request leads.
pub(super) enum Course<'a> {
    /// Nowhere but here.
    Open,
    /// To the other end of a dialog.
    Dialog(Hop<'a>),
    /// Somewhere that we did not send anybody to: 403.
    Foreign,
}

/// The next hop of a request within a dialog.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hop<'a> {
    /// Where the other end is reached.
    pub(super) reached: Reached,
    /// How many Route values are ours.
    pub(super) ours: usize,
    /// The URI of the next Route value when it does not know loose routing.
    pub(super) strict: Option<&'a [u8]>,
}

impl Hop<'_> {
    /// How many Route values end here: ours, and the one that becomes the Request-URI.
    pub(super) fn dropped(&self) -> usize {
        self.ours + usize::from(self.strict.is_some())
    }

    /// Whether no other proxy stands behind us on the way.
    fn is_last(&self, message: &Message<'_>) -> bool {
        self.strict.is_none() && message.routes().count() == self.ours
    }
}

impl Engine {
    /// Where the Route of a request leads (RFC 3261 s16.4). Route values that name anybody but us,
    /// or that no dialog of ours gave out, would make us a relay to wherever the sender likes
    /// (security: server-side request forgery).
    pub(super) fn course<'a>(&self, message: &Message<'a>) -> Course<'a> {
        let mut routes = message.routes();
        let top = match routes.next() {
            None => return Course::Open,
            Some(Ok(top)) => top.parsed_uri(),
            Some(Err(_)) => return Course::Foreign,
        };
        let text = top.user().unwrap_or_default();
        if text.len() < SHORTEST_TOKEN {
            let ours = self.leads_here(&top)
                && routes
                    .all(|route| route.is_ok_and(|route| self.leads_here(&route.parsed_uri())));
            return if ours { Course::Open } else { Course::Foreign };
        }
        // A request without a tag of the other end is in no dialog, whatever its Route says.
        let Some((from, to)) = parties(message).filter(|(_, to)| !to.tag.is_empty()) else {
            return Course::Foreign;
        };
        let Some(token) = self.tokens.open(text, message.call_id(), &from, &to) else {
            return Course::Foreign;
        };
        let mut ours = 1;
        let mut next = routes.next();
        // RFC 5658: one value for each side of ours.
        if let Some(Ok(twin)) = &next
            && twin.parsed_uri().user() == Some(text)
        {
            ours += 1;
            next = routes.next();
        }
        let strict = match next {
            Some(Ok(next)) if next.parsed_uri().param("lr").is_none() => Some(next.uri()),
            _ => None,
        };
        Course::Dialog(Hop { reached: token.reached(), ours, strict })
    }

    /// Whether a Route names this server (RFC 3261 s16.4): as a Request-URI does, or by the host name
    /// that proxy settings have (s8.1.2). Nobody has an address under that name alone.
    fn leads_here(&self, uri: &Uri<'_>) -> bool {
        let name = self.settings.public_name.as_bytes();
        let is_named =
            |host: &[u8]| host.strip_suffix(b".").unwrap_or(host).eq_ignore_ascii_case(name);
        matches!(uri.host(), Host::Name(host) if is_named(host)) || self.is_our_host(uri)
    }

    /// RFC 3261 s16.4: a strict router before us has put our own Record-Route into the Request-URI
    /// and the real one at the end of Route. Gives the request as a loose router would have sent
    /// it; `None` for all others.
    pub(super) fn straightened(&self, message: &Message<'_>) -> Option<Vec<u8>> {
        let uri = Uri::parse(message.request_uri()).ok()?;
        let user = uri.user().filter(|user| user.len() >= SHORTEST_TOKEN)?;
        let (from, to) = parties(message)?;
        self.tokens.open(user, message.call_id(), &from, &to)?;
        let last = message.routes().last()?.ok()?;
        // Ours twice: straightening it would never end.
        if last.parsed_uri().user().is_some_and(|user| user.len() >= SHORTEST_TOKEN) {
            return None;
        }
        let mut routes: Vec<&[u8]> = message.values(HeaderName::Route).collect();
        routes.pop();
        let mut straight = Vec::with_capacity(message.bytes().len() + 64);
        let mut line = |parts: &[&[u8]]| {
            for part in parts {
                straight.extend_from_slice(part);
            }
            straight.extend_from_slice(b"\r\n");
        };
        line(&[message.method().as_bytes(), b" ", last.uri(), b" SIP/2.0"]);
        line(&[b"Route: <", message.request_uri(), b">"]);
        for route in routes {
            line(&[b"Route: ", route]);
        }
        for other in message.lines().filter(|line| line.name != HeaderName::Route) {
            line(&[other.written, b": ", other.value]);
        }
        line(&[]);
        straight.extend_from_slice(message.body());
        Some(straight)
    }

    /// Passes a request within a dialog to the other end.
    pub(super) fn in_dialog(
        &self,
        outbox: &mut Outbox,
        mut request: Request<'_, '_>,
        hop: &Hop<'_>,
        out: &mut Vec<u8>,
    ) {
        // What no dialog carries.
        if matches!(request.message.method(), Method::Register | Method::Publish) {
            return self.refuse(outbox, &request, 403, None, &[], out);
        }
        request.remembered = true;
        // The token proves a place as credentials do; the rate is the dialog's.
        self.guard.proved(request.now, request.flow.remote, 1);
        if let Err(wait) = self.guard.admit_in_dialog(request.now, request.message.call_id()) {
            EngineCounts::add(&self.counts.shed);
            request.remembered = false;
            let seconds = (wait.as_secs() + 1).to_string();
            let headers = [("Retry-After", &*seconds)];
            return self.refuse(outbox, &request, 503, Some("Too Many Requests"), &headers, out);
        }
        // Behind another proxy the far end is reached through that.
        let is_last = hop.is_last(request.message);
        let gruu = is_last.then(|| self.gruu_targets(request.message, request.now));
        match gruu.flatten() {
            Some(Ok(targets)) => return self.relay_to(outbox, &request, targets, Some(hop), out),
            Some(Err(none)) => {
                return self.refuse(outbox, &request, none.status(), None, &[], out);
            }
            None => {}
        }
        let is_sips = asks_for_tls(request.message.request_uri());
        let standing = self.standing(hop.reached);
        let moved = is_last.then(|| self.moved_to(request.message, standing, request.now));
        match moved.flatten().or(standing) {
            // RFC 3261 s26.2.2: it was to go by TLS all the way.
            Some(flow) if is_sips && !is_secure(flow.transport) => {
                self.refuse(outbox, &request, 480, None, &[], out);
            }
            Some(flow) => {
                let targets = smallvec![Target::over(flow)];
                self.relay_to(outbox, &request, targets, Some(hop), out);
            }
            None => self.refuse(outbox, &request, 430, None, &[], out),
        }
    }

    /// The flow of an end, unless its connection has ended (RFC 5626 s5.3.1).
    fn standing(&self, reached: Reached) -> Option<Flow> {
        match reached {
            // An earlier run may have listened elsewhere: then it leaves by any socket.
            Reached::Flow(flow)
                if flow.transport == Transport::Udp
                    && self.egress.udp_port_for(0, &flow).is_none() =>
            {
                let any: IpAddr = match flow.remote {
                    SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
                    SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
                };
                Some(Flow { local: SocketAddr::new(any, 0), ..flow })
            }
            Reached::Flow(flow)
                if !flow.connection.is_some() || self.egress.is_open(flow.connection) =>
            {
                Some(flow)
            }
            Reached::Flow(_) | Reached::Gone => None,
        }
    }

    /// An ACK that ends no transaction of ours is the caller's answer to a 2xx: it goes where its
    /// Route says, without a transaction (RFC 3261 s16.11, s17.1.1.3).
    pub(super) fn ack(
        &self,
        outbox: &mut Outbox,
        message: &Message<'_>,
        flow: Flow,
        out: &mut Vec<u8>,
    ) {
        if let Some(straight) = self.straightened(message) {
            let mut layout = Layout::default();
            if scan(&straight, Framing::Datagram, &self.settings.wire, &mut layout).is_ok() {
                self.pass_ack(outbox, &Message::new(&straight, &layout), flow, out);
            }
            return;
        }
        self.pass_ack(outbox, message, flow, out);
    }

    fn pass_ack(&self, outbox: &mut Outbox, message: &Message<'_>, from: Flow, out: &mut Vec<u8>) {
        let hops = message.max_forwards();
        let passes = hops.is_ok_and(|hops| hops != Some(0))
            && message.check().is_ok()
            && !self.has_looped(message);
        let Course::Dialog(hop) = self.course(message) else {
            EngineCounts::add(&self.counts.dropped);
            return;
        };
        let passes =
            passes && self.guard.admit_in_dialog(self.clock.now(), message.call_id()).is_ok();
        let (now, is_last) = (self.clock.now(), hop.is_last(message));
        let gruu = is_last.then(|| self.gruu_targets(message, now)).flatten();
        let gruu = gruu.and_then(|targets| targets.ok()?.into_iter().next());
        let there = match &gruu {
            Some(target) => Some(target.flow),
            None => {
                let standing = self.standing(hop.reached);
                let moved = is_last.then(|| self.moved_to(message, standing, now));
                moved.flatten().or(standing)
            }
        };
        let Some(flow) = there.filter(|_| passes) else {
            EngineCounts::add(&self.counts.dropped);
            return;
        };
        // s16.11: the same branch for each repetition.
        let top = message.top_via().and_then(|via| via.branch()).unwrap_or_default();
        let branch = self.branch_name(message, self.key.hash_one((top, message.call_id())), 0);
        let tail = strict_tail(message, &hop);
        let leg = Leg {
            uri: gruu.as_ref().and_then(|target| target.uri.as_deref()).or(hop.strict),
            flow,
            from: Some(from),
            drop_routes: hop.dropped(),
            record_route: b"",
            last_route: tail.as_deref(),
            any_size: true,
            breadth: None,
        };
        out.clear();
        self.write_forwarded(message, &leg, &flow, &branch, out);
        if flow.transport == Transport::Tls {
            self.send_out(outbox, flow, Bytes::copy_from_slice(out), None);
        } else {
            outbox.send_copy(flow, out, None);
        }
    }

    /// Appends the Record-Route value of a request that makes a dialog and goes to `called`; one
    /// URI for each side where they differ (RFC 5658), the called side's on top.
    pub(super) fn write_record_route(
        &self,
        message: &Message<'_>,
        from: Flow,
        called: &Flow,
        out: &mut Vec<u8>,
    ) {
        let Some((sender, receiver)) = parties(message) else { return };
        let is_sips = asks_for_tls(message.request_uri());
        let caller = self.caller_flow(message, from);
        let mut token = Vec::with_capacity(64);
        let (sender, receiver) = ((&sender, &caller), (&receiver, called));
        self.tokens.sign(message.call_id(), sender, receiver, &mut token);
        let sides = [
            (called.transport, self.own_address(called)),
            (from.transport, self.own_address(&from)),
        ];
        let count = if sides[0] == sides[1] { 1 } else { 2 };
        for (number, (transport, address)) in sides.iter().take(count).enumerate() {
            if number > 0 {
                out.extend_from_slice(b", ");
            }
            out.extend_from_slice(if is_sips { b"<sips:" } else { b"<sip:" });
            out.extend_from_slice(&token);
            // Writing to memory cannot fail. Who opens a new connection checks the certificate against
            // this host (s26.3.1), and authorities certify names.
            let _ = if *transport == Transport::Tls && self.settings.records_name {
                write!(out, "@{}:{}", self.settings.public_name, address.port())
            } else {
                write!(out, "@{address}")
            };
            // s26.2.2: the scheme has said TLS already.
            if *transport != Transport::Udp && !(is_sips && *transport == Transport::Tls) {
                let _ = write!(out, ";transport={}", transport.uri_name());
            }
            out.extend_from_slice(b";lr>");
        }
    }

    /// Where the caller is reached for requests of the called end: by its Contact, under the rule
    /// that holds for registered contacts. Behind a proxy that stays on the path, by that; and who
    /// called by a SIPS URI, by the connection that has TLS.
    fn caller_flow(&self, message: &Message<'_>, from: Flow) -> Flow {
        if message.header(HeaderName::RecordRoute).is_some() || asks_for_tls(message.request_uri())
        {
            return from;
        }
        let Some(Ok(Contact::Address(contact))) = message.contacts().next() else { return from };
        let is_ours = |address| self.settings.own_addresses.contains(&address);
        reach(contact.address().uri(), from, false, is_ours, |_| false)
            .map_or(from, |reach| reach.flow)
    }
}

/// The Route value that carries the Request-URI past a strict router (RFC 3261 s16.6 step 6).
pub(super) fn strict_tail(message: &Message<'_>, hop: &Hop<'_>) -> Option<SmallVec<[u8; 64]>> {
    hop.strict?;
    let mut value: SmallVec<[u8; 64]> = SmallVec::new();
    value.push(b'<');
    value.extend_from_slice(message.request_uri());
    value.push(b'>');
    Some(value)
}

/// Who sends a request, and who is meant, by From and To.
fn parties<'a>(message: &Message<'a>) -> Option<(Party<'a>, Party<'a>)> {
    Some((Party::of(&message.from().ok()?), Party::of(&message.to().ok()?)))
}

/// Whether a request makes a dialog that we stay on the path of.
pub(super) fn makes_dialog(message: &Message<'_>) -> bool {
    matches!(message.method(), Method::Invite | Method::Subscribe | Method::Refer)
        && message.to().is_ok_and(|to| to.tag().is_none())
}
