//! A request as it leaves on one branch: Via, Request-URI, Route, Record-Route, size.

use bytes::Bytes;
use smallvec::SmallVec;

use super::engine::Engine;
use crate::registrar::Binding;
use crate::sip::forward;
use crate::sip::header::{HeaderName, write_address};
use crate::sip::wire::Message;
use crate::sip::{Flow, Transport};

/// The largest request that goes by datagram when the path is not known (RFC 3261 s18.1.1).
pub(super) const MAX_DATAGRAM_REQUEST: usize = 1_300;

/// The branch parameter of a Via of ours.
pub(super) type BranchName = SmallVec<[u8; 64]>;

/// Where a request goes next, and what changes on the way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Leg<'a> {
    /// The new Request-URI, if there is one.
    pub(super) uri: Option<&'a [u8]>,
    /// The flow that is asked for.
    pub(super) flow: Flow,
    /// The flow that the request came over, if it is fresh.
    pub(super) from: Option<Flow>,
    /// How many Route values end here.
    pub(super) drop_routes: usize,
    /// The value of Record-Route; empty for none.
    pub(super) record_route: &'a [u8],
    /// A Route value to put behind all others.
    pub(super) last_route: Option<&'a [u8]>,
    /// Whether it may go by datagram however large it is.
    pub(super) any_size: bool,
    /// How many branches it may have further on; `None` leaves what it says.
    pub(super) breadth: Option<u32>,
}

impl Engine {
    /// A request as it goes to one contact under a branch's name: the packet, and the flow it
    /// takes. `from` is the flow it came over, if it is fresh.
    pub(super) fn to_binding(
        &self,
        message: &Message<'_>,
        binding: &Binding,
        from: Option<Flow>,
        name: &[u8],
        breadth: Option<u32>,
    ) -> (Bytes, Flow) {
        let leg = Leg {
            uri: Some(&binding.contact),
            flow: binding.flow,
            from,
            drop_routes: message.routes().count(),
            record_route: b"",
            // RFC 3327 s5.4: through the proxies that the device registered by.
            last_route: binding.route.as_deref(),
            any_size: false,
            breadth,
        };
        self.write_leg(message, &leg, name)
    }

    /// A request as it goes out on one branch: the packet, and the flow that it takes.
    pub(super) fn write_leg(
        &self,
        message: &Message<'_>,
        leg: &Leg<'_>,
        name: &[u8],
    ) -> (Bytes, Flow) {
        let mut flow = leg.flow;
        let mut out = Vec::with_capacity(message.bytes().len() + 256);
        self.write_forwarded(message, leg, &flow, name, &mut out);
        if out.len() > MAX_DATAGRAM_REQUEST && flow.transport == Transport::Udp && !leg.any_size {
            // RFC 3261 s18.1.1: a congestion-controlled transport, to the same place.
            flow.transport = Transport::Tcp;
            flow.local.set_port(0);
            out.clear();
            self.write_forwarded(message, leg, &flow, name, &mut out);
        }
        (Bytes::from(out), flow)
    }

    /// Appends the request with a Via for `flow` on top.
    pub(super) fn write_forwarded(
        &self,
        message: &Message<'_>,
        leg: &Leg<'_>,
        flow: &Flow,
        branch: &[u8],
        out: &mut Vec<u8>,
    ) {
        let via = self.via(flow, branch);
        let route = leg.last_route.map(|route| ("Route", route));
        let plan = forward::Request {
            request_uri: leg.uri,
            via: &via,
            max_forwards: message.max_forwards().ok().flatten().unwrap_or(70).saturating_sub(1),
            max_breadth: leg.breadth,
            received: leg.from.map(|flow| flow.remote),
            drop_top_routes: leg.drop_routes,
            drop_credentials_for: Some(&self.settings.realm),
            drop_identity: self.identity_ends(message, leg.from, flow),
            record_route: (!leg.record_route.is_empty()).then_some(leg.record_route),
            add_headers: route.as_slice(),
        };
        if leg.from.is_some() {
            forward::request(message, &plan, out);
        } else {
            forward::originate(message, &plan, out);
        }
    }

    pub(super) fn via(&self, flow: &Flow, branch: &[u8]) -> Vec<u8> {
        let mut via = Vec::with_capacity(128);
        via.extend_from_slice(b"SIP/2.0/");
        via.extend_from_slice(flow.transport.via_name().as_bytes());
        via.push(b' ');
        write_address(self.own_address(flow), &mut via);
        via.extend_from_slice(b";branch=");
        via.extend_from_slice(branch);
        via.extend_from_slice(b";rport");
        via
    }

    /// A branch of ours: what names it, and behind a dot what tells a loop. `attempt` counts those
    /// that went before under the same token.
    pub(super) fn branch_name(&self, message: &Message<'_>, token: u64, attempt: u8) -> BranchName {
        let mut name = plain_branch(token);
        if attempt > 0 {
            name.extend_from_slice(&hex(attempt));
        }
        name.push(b'.');
        name.extend_from_slice(&self.loop_mark(message));
        name
    }

    /// The part of our branch that tells a loop (RFC 3261 s16.6 step 8): a dot is put before it.
    pub(super) fn loop_mark(&self, message: &Message<'_>) -> SmallVec<[u8; 24]> {
        let route = message.header(HeaderName::Route).unwrap_or_default();
        let hash =
            crate::proxy::loop_hash(self.loop_key, message.request_uri(), route, message.call_id());
        hash.to_be_bytes().into_iter().flat_map(hex).collect()
    }
}

/// A branch of ours for a request of our own, which cannot loop; what comes behind a dot tells it
/// from others.
pub(super) fn own_branch(token: u64) -> BranchName {
    let mut name = plain_branch(token);
    name.extend_from_slice(b".n");
    name
}

fn plain_branch(token: u64) -> BranchName {
    let mut name = BranchName::new();
    name.extend_from_slice(b"z9hG4bK");
    name.extend(token.to_be_bytes().into_iter().flat_map(hex));
    name
}

fn hex(byte: u8) -> [u8; 2] {
    const HEX: [u8; 16] = *b"0123456789abcdef";
    [HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]
}
