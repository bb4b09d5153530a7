//! Requests for nobody of ours on their way to a neighbour (`[[sip.route]]`).
//!
//! ```text
//!   beyond ── a route matches ──▶ located ──▶ one branch, the candidates in turn
//!                 └─ no: 403, 404     │          failed, 503, or silent for two seconds: the next
//!                                     └─ nowhere, or none is left: 503
//! ```
//!
//! Only the configuration names neighbours, and only known senders get here: people who proved who
//! they are, and trusted peers. What came from a neighbour does not go back to it.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use smallvec::smallvec;

use super::auth::Identified;
use super::beyond::Beyond;
use super::dispatch::{Facts, Request};
use super::engine::{Effect, Engine, EngineCounts};
use super::shard::{Context, ContextId, RelayContext, State};
use super::sources::Sources;
use super::{Outbox, Resolver};
use crate::clock::Tick;
use crate::identity::Existence;
use crate::proxy::{Routes, Target, patience};
use crate::sip::header::HeaderName;
use crate::sip::locate::{Candidate, Destination};
use crate::sip::wire::Message;
use crate::sip::{ConnectionId, Flow, Transport};

/// Names of TLS neighbours kept.
const MOST_NAMES: usize = 1_024;

/// The ways out, and those at their ends.
#[derive(Debug)]
pub struct Neighbours {
    routes: Routes,
    resolver: Resolver,
    /// Whose certificate an address must show (RFC 5922 s7.2): the name in the configuration.
    names: Mutex<HashMap<SocketAddr, Arc<str>>>,
    sources: Sources,
}

impl Neighbours {
    /// Routes, and what finds where they lead.
    #[must_use]
    pub fn new(routes: Routes, resolver: Resolver) -> Neighbours {
        Neighbours { routes, resolver, names: Mutex::default(), sources: Sources::default() }
    }

    /// Whose certificate the far end of a flow must show, if it is a neighbour that was found by
    /// name.
    fn name_of(&self, flow: &Flow) -> Option<Arc<str>> {
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        names.get(&flow.remote).cloned()
    }

    fn learn(&self, candidates: &[Candidate]) {
        let secure = candidates.iter().filter(|one| one.transport == Transport::Tls);
        for candidate in secure {
            let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
            if names.len() >= MOST_NAMES && !names.contains_key(&candidate.address) {
                // Only a DNS that moves neighbours about all the time gets here.
                names.clear();
            }
            names.insert(candidate.address, Arc::clone(&candidate.name));
        }
    }
}

impl Engine {
    /// Passes a request on by the route that matches it. `false`: there is none, and nothing was
    /// done.
    pub(super) fn route(
        &self,
        outbox: &mut Outbox,
        request: &Request<'_, '_>,
        sender: &Identified,
        beyond: Beyond,
        out: &mut Vec<u8>,
    ) -> bool {
        let message = request.message;
        let found = self.neighbours.routes.find(message.request_uri(), message.method());
        let Some(next_hop) = found else { return false };
        let known = request.facts.located.as_ref();
        let located = match known {
            Some(located) => Some(Arc::clone(located)),
            None => self.neighbours.resolver.located(next_hop).map(Arc::from),
        };
        let Some(candidates) = located else {
            self.locate(outbox, request, sender, beyond, next_hop, out);
            return true;
        };
        // A peer may send from any of its ports; beside it, at its address, people may be too.
        let (source, port) = (request.flow.remote.ip().to_canonical(), request.flow.remote.port());
        let is_source =
            |address: SocketAddr| address.ip() == source && (sender.peer || address.port() == port);
        if candidates.iter().any(|candidate| is_source(candidate.address)) {
            return false;
        }
        self.neighbours.learn(&candidates);
        self.pass(outbox, request, &candidates, out);
        true
    }

    /// Asks where a neighbour is, and takes the request up again then.
    fn locate(
        &self,
        outbox: &mut Outbox,
        request: &Request<'_, '_>,
        sender: &Identified,
        beyond: Beyond,
        next_hop: &Destination,
        out: &mut Vec<u8>,
    ) {
        self.trying(outbox, request, out);
        let (flow, server) = (request.flow, request.server);
        let bytes = Bytes::copy_from_slice(request.message.bytes());
        let (sender, next_hop) = (sender.clone(), next_hop.clone());
        let parked = self.park(move |engine| async move {
            let located = engine.neighbours.resolver.locate(&next_hop).await;
            let facts = Facts {
                existence: (beyond == Beyond::Unknown).then_some(Existence::Unknown),
                identified: Some(sender),
                located: Some(located.into()),
                ..Facts::default()
            };
            engine.resume(&bytes, flow, server, facts);
        });
        if !parked {
            EngineCounts::add(&self.counts.shed);
            self.refuse(outbox, request, 503, None, &[("Retry-After", "10")], out);
        }
    }

    /// Forwards a request to the first of these neighbours; the others stand by.
    fn pass(
        &self,
        outbox: &mut Outbox,
        request: &Request<'_, '_>,
        candidates: &[Candidate],
        out: &mut Vec<u8>,
    ) {
        let mut others: Vec<Flow> =
            candidates.iter().rev().map(|one| self.way_to(request.now, one)).collect();
        let Some(flow) = others.pop() else {
            let headers = [("Retry-After", "10")];
            return self.refuse(outbox, request, 503, Some("Neighbour Not Found"), &headers, out);
        };
        let patience = patience(self.settings.timing.t1, candidates.len());
        // The Request-URI stays: the neighbour knows whom it means.
        let target = Target { others, patience: Some(patience), ..Target::over(flow) };
        self.relay_to(outbox, request, smallvec![target], None, out);
    }

    /// The flow to a neighbour. Its local end is the address that the neighbour sees, so that Via
    /// and Record-Route lead back here.
    fn way_to(&self, now: Tick, candidate: &Candidate) -> Flow {
        let Candidate { transport, address: remote, .. } = *candidate;
        let same_family = |ip: IpAddr| ip.is_ipv6() == remote.is_ipv6();
        let source = self.neighbours.sources.towards(now, remote);
        let listening = self.egress.addresses().iter().filter(|one| one.transport == transport);
        let serves = |ip: IpAddr| {
            Some(ip) == source || ip.is_unspecified() && (ip.is_ipv6() || same_family(ip))
        };
        let listener = listening
            .clone()
            .find(|one| serves(one.socket.ip()))
            .or_else(|| listening.clone().find(|one| same_family(one.socket.ip())))
            .map(|one| one.socket);
        let nowhere = if remote.is_ipv6() {
            IpAddr::from(Ipv6Addr::UNSPECIFIED)
        } else {
            IpAddr::from(Ipv4Addr::UNSPECIFIED)
        };
        let local = match listener {
            Some(listener) if listener.ip().is_unspecified() => {
                SocketAddr::new(source.unwrap_or(nowhere), listener.port())
            }
            Some(listener) => listener,
            None => SocketAddr::new(nowhere, 0),
        };
        Flow { transport, local, remote, connection: ConnectionId::NONE }
    }

    /// Sends a packet; a neighbour over TLS must be who the configuration says.
    pub(super) fn send_out(
        &self,
        outbox: &mut Outbox,
        flow: Flow,
        packet: Bytes,
        token: Option<u64>,
    ) {
        if flow.transport == Transport::Tls
            && !flow.connection.is_some()
            && let Some(name) = self.neighbours.name_of(&flow)
        {
            return outbox.send_to_domain(flow, &name, packet, token);
        }
        outbox.send(flow, packet, token);
    }

    /// A response of a branch, the 100 included. `true`: it was a neighbour's 503, and another
    /// one is being tried, so that nothing goes upstream.
    pub(super) fn neighbour_answered(
        &self,
        state: &mut State,
        now: Tick,
        id: ContextId,
        branch: usize,
        message: &Message<'_>,
        effects: &mut Vec<Effect>,
    ) -> bool {
        let Some(Context::Relay(relay)) = state.contexts.get_mut(&id.number) else { return false };
        let Some(attempt) = relay.attempts.get_mut(branch) else { return false };
        if attempt.target.patience.is_none() {
            return false;
        }
        attempt.heard = true;
        let Flow { transport, remote, .. } = attempt.target.flow;
        if message.status() != 503 {
            self.neighbours.resolver.answered(transport, remote);
            return false;
        }
        // RFC 3263 s4.3: a 503 is a failure of that server alone.
        self.neighbours.resolver.failed(transport, remote, retry_after(message));
        self.try_again(state, now, id, branch, true, effects)
    }

    /// A branch failed. Notes which neighbour did.
    pub(super) fn neighbour_failed(&self, state: &State, id: ContextId, branch: usize) {
        if let Some(Context::Relay(relay)) = state.contexts.get(&id.number)
            && let Some(attempt) = relay.attempts.get(branch)
            && attempt.target.patience.is_some()
            // Too large for a datagram and not taken by stream: that says nothing of datagrams.
            && !attempt.is_oversize
        {
            let Flow { transport, remote, .. } = attempt.target.flow;
            self.neighbours.resolver.failed(transport, remote, None);
        }
    }

    /// Neighbours of whom nothing was heard for too long: as if they could not be reached.
    pub(super) fn on_neighbour_silence(
        &self,
        state: &mut State,
        now: Tick,
        effects: &mut Vec<Effect>,
    ) {
        while let Some((id, branch, count)) = state.next_silence(now) {
            let Some(Context::Relay(relay)) = state.contexts.get(&id.number) else { continue };
            let Some(attempt) = relay.attempts.get(branch) else { continue };
            let is_current = attempt.count == count && !attempt.heard;
            let Some(client) = attempt.client.filter(|_| is_current) else { continue };
            if state.transactions.transport_failed(client).is_some() {
                self.on_silence(state, now, id, branch, true, effects);
            }
        }
    }

    /// Whether what a request asserts of its sender ends here (RFC 3325 s5): nobody whom we do not
    /// trust asserts anything, and who asks for privacy is made known to trusted peers only (s7).
    pub(super) fn identity_ends(
        &self,
        message: &Message<'_>,
        from: Option<Flow>,
        to: &Flow,
    ) -> bool {
        if !from.is_some_and(|flow| self.is_trusted(flow.remote.ip())) {
            return true;
        }
        let is_private = message
            .headers(HeaderName::Privacy)
            .flat_map(|value| value.split(|byte| *byte == b';'))
            .any(|kind| kind.trim_ascii().eq_ignore_ascii_case(b"id"));
        is_private && !self.is_trusted(to.remote.ip())
    }
}

impl RelayContext {
    /// The status that stands for "no branch could be reached": of a neighbour 503, since whoever
    /// asks again soon hears the same (RFC 3261 s16.7 step 6).
    pub(super) fn status_of_nothing(&self, status: u16) -> u16 {
        let to_neighbour = self.attempts.iter().any(|one| one.target.patience.is_some());
        if status == 500 && to_neighbour { 503 } else { status }
    }
}

/// How long a server that answers 503 wants to be left alone (RFC 3261 s20.33).
fn retry_after(message: &Message<'_>) -> Option<Duration> {
    let value = message.header(HeaderName::RetryAfter)?;
    let digits = value.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let seconds: u32 = std::str::from_utf8(value.get(..digits)?).ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds.into()))
}
