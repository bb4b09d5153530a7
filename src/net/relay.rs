//! Requests that are passed on and not held: calls and everything else (RFC 3261 s16).

use bytes::Bytes;
use smallvec::SmallVec;

use super::Outbox;
use super::auth::Identified;
use super::branch::Leg;
use super::dialog::{Course, Hop, makes_dialog, strict_tail};
use super::dispatch::Request;
use super::effects::upstream_copy;
use super::engine::{Effect, Engine, EngineCounts};
use super::shard::{Attempt, Context, ContextId, RelayContext, State, Upstream};
use crate::clock::Tick;
use crate::proxy::{Answer, Fork, TargetSet, Verdict};
use crate::sip::Flow;
use crate::sip::build::{self, Response};
use crate::sip::header::HeaderName;
use crate::sip::method::Method;
use crate::sip::transaction::{
    CancelTarget, Cancelling, ClientId, ClientResponse, Owner, ServerId,
};
use crate::sip::wire::{Framing, Layout, Message, scan};

/// A request as it came, and what its Route says.
struct Way<'a, 'm> {
    message: &'a Message<'m>,
    from: Flow,
    hop: Option<&'a Hop<'m>>,
}

impl Engine {
    /// Forwards a request to the devices of a person.
    pub(super) fn relay(
        &self,
        outbox: &mut Outbox,
        request: Request<'_, '_>,
        identified: Identified,
        user: &str,
        aor: &str,
        out: &mut Vec<u8>,
    ) {
        let row = self.registrar.lookup(aor);
        let targets = match self.targets(&request, row.as_deref()) {
            Ok(targets) => targets,
            Err(none) => return self.refuse(outbox, &request, none.status(), None, &[], out),
        };
        if targets.is_empty() {
            if self.is_person(outbox, &request, &identified, user, out) {
                self.refuse(outbox, &request, 480, None, &[], out);
            }
            return;
        }
        self.relay_to(outbox, &request, targets, None, out);
    }

    /// Forwards a request to these targets; `hop` is its next one within a dialog.
    pub(super) fn relay_to(
        &self,
        outbox: &mut Outbox,
        request: &Request<'_, '_>,
        targets: TargetSet,
        hop: Option<&Hop<'_>>,
        out: &mut Vec<u8>,
    ) {
        let message = request.message;
        let invite = message.method() == Method::Invite;
        let server = request.server;
        if invite {
            // RFC 3261 s16.2: a stateful proxy stops the caller's retransmissions at once.
            self.refuse(outbox, request, 100, None, &[], out);
        }
        let index = self.shard_of(message.call_id());
        let mut sends: SmallVec<[(Flow, Bytes, u64); 2]> = SmallVec::new();
        let mut state = self.shard(index).lock();
        let id = state.new_context();
        let mut attempts: SmallVec<[Attempt; 2]> = SmallVec::new();
        for target in targets {
            let number = attempts.len();
            let mut attempt = Attempt::at(target);
            let way = Way { message, from: request.flow, hop };
            let sent = self.attempt(&mut state, request.now, &way, id, number, &mut attempt, out);
            if let Some((flow, packet)) = sent {
                attempts.push(attempt);
                sends.push((flow, packet, id.token(number)));
            }
        }
        if attempts.is_empty() {
            drop(state);
            return self.refuse(outbox, request, 503, None, &[("Retry-After", "10")], out);
        }
        state.contexts.insert(
            id.number,
            Context::Relay(Box::new(RelayContext {
                upstream: Upstream {
                    server,
                    request: Bytes::copy_from_slice(message.bytes()),
                    flow: request.flow,
                },
                fork: Fork::new(invite, attempts.len()),
                attempts,
            })),
        );
        state.relays.insert(server, id.number);
        drop(state);
        for (flow, packet, token) in sends {
            outbox.send(flow, packet, Some(token));
        }
    }

    /// Opens the client transaction of a branch, and gives what is to be sent. `None`: there are
    /// too many.
    #[expect(clippy::too_many_arguments, reason = "one request and all that is known of its way")]
    fn attempt(
        &self,
        state: &mut State,
        now: Tick,
        way: &Way<'_, '_>,
        id: ContextId,
        number: usize,
        attempt: &mut Attempt,
        out: &mut Vec<u8>,
    ) -> Option<(Flow, Bytes)> {
        let message = way.message;
        let target = &attempt.target;
        out.clear();
        if way.hop.is_none() && makes_dialog(message) {
            self.write_record_route(message, way.from, &target.flow, out);
        }
        let tail = way.hop.and_then(|hop| strict_tail(message, hop));
        let leg = Leg {
            uri: target.uri.as_deref().or(way.hop.and_then(|hop| hop.strict)),
            flow: target.flow,
            from: Some(way.from),
            drop_routes: way.hop.map_or_else(|| message.routes().count(), Hop::dropped),
            record_route: out,
            last_route: tail.as_deref().or(target.route.as_deref()),
            any_size: attempt.any_size,
        };
        let name = self.branch_name(message, id.token(number), attempt.count);
        let (packet, flow) = self.write_leg(message, &leg, &name);
        let method = message.method();
        let owner = Owner(id.number, number as u64);
        let started = state.transactions.start_client(
            now,
            owner,
            method.as_bytes(),
            &name,
            flow,
            packet.clone(),
        );
        let Ok(client) = started else {
            EngineCounts::add(&self.counts.shed);
            return None;
        };
        attempt.client = Some(client);
        attempt.is_oversize = flow.transport != target.flow.transport;
        Some((flow, packet))
    }

    /// Tries a branch that has failed once more, if there is another way to its device: by datagram
    /// what was too large for one and is taken by no stream there (RFC 3261 s18.1.1), or by another
    /// flow of the device (RFC 5626 s7).
    fn try_again(
        &self,
        state: &mut State,
        now: Tick,
        id: ContextId,
        number: usize,
        effects: &mut Vec<Effect>,
    ) -> bool {
        let Some(Context::Relay(relay)) = state.contexts.get_mut(&id.number) else { return false };
        if !relay.fork.is_waiting_for(number) {
            return false;
        }
        let Some(attempt) = relay.attempts.get_mut(number) else { return false };
        if attempt.is_oversize {
            attempt.any_size = true;
        } else if !attempt.target.try_next() {
            return false;
        }
        attempt.count = attempt.count.saturating_add(1);
        let mut attempt = attempt.clone();
        let (request, from) = (relay.upstream.request.clone(), relay.upstream.flow);
        let mut layout = Layout::default();
        if scan(&request, Framing::Datagram, &self.settings.wire, &mut layout).is_err() {
            return false;
        }
        let message = &Message::new(&request, &layout);
        let hop = match self.course(message) {
            Course::Dialog(hop) => Some(hop),
            _ => None,
        };
        let way = Way { message, from, hop: hop.as_ref() };
        let mut out = Vec::with_capacity(256);
        let sent = self.attempt(state, now, &way, id, number, &mut attempt, &mut out);
        let Some((flow, packet)) = sent else { return false };
        if let Some(Context::Relay(relay)) = state.contexts.get_mut(&id.number)
            && let Some(place) = relay.attempts.get_mut(number)
        {
            *place = attempt;
        }
        effects.push(Effect::Send(flow, packet, Some(id.token(number))));
        true
    }

    /// A response to a forwarded request (RFC 3261 s16.7).
    #[expect(clippy::too_many_arguments, reason = "the pieces of one received response")]
    pub(super) fn on_relay_response(
        &self,
        state: &mut State,
        now: Tick,
        id: ContextId,
        branch: usize,
        received: &ClientResponse,
        message: &Message<'_>,
        out: &mut Vec<u8>,
        effects: &mut Vec<Effect>,
    ) {
        let status = message.status();
        if let Some((flow, invite)) = &received.build_ack
            && let Some(ack) = self.ack_for(invite, message)
        {
            state.transactions.acknowledged(received.id, ack.clone());
            effects.push(Effect::Send(*flow, ack, None));
        }
        if let Some((flow, invite)) = &received.send_cancel {
            self.send_cancel(state, now, *flow, invite, effects);
        }
        if status == 100 {
            return;
        }
        let Some(Context::Relay(relay)) = state.contexts.get_mut(&id.number) else { return };
        if status < 200 {
            let server = relay.upstream.server;
            if relay.fork.provisional(branch) {
                let packet = upstream_copy(message, out);
                if let Ok((flow, packet)) = state.transactions.respond(now, server, status, packet)
                {
                    effects.push(Effect::Send(flow, packet, None));
                }
            }
            return;
        }
        let answer = Answer::Response { status, message: upstream_copy(message, out) };
        let verdict = relay.fork.ended(branch, answer);
        self.take_verdict(state, now, id, verdict, effects);
    }

    /// A branch timed out or could not be reached.
    pub(super) fn on_relay_silence(
        &self,
        state: &mut State,
        now: Tick,
        id: ContextId,
        branch: usize,
        failed: bool,
        effects: &mut Vec<Effect>,
    ) {
        if failed && self.try_again(state, now, id, branch, effects) {
            return;
        }
        let Some(Context::Relay(relay)) = state.contexts.get_mut(&id.number) else { return };
        let answer = if failed { Answer::Failed } else { Answer::TimedOut };
        let verdict = relay.fork.ended(branch, answer);
        self.take_verdict(state, now, id, verdict, effects);
    }

    fn take_verdict(
        &self,
        state: &mut State,
        now: Tick,
        id: ContextId,
        verdict: Verdict,
        effects: &mut Vec<Effect>,
    ) {
        let Some(Context::Relay(relay)) = state.contexts.get(&id.number) else { return };
        let server = relay.upstream.server;
        match verdict {
            Verdict::Wait => {}
            Verdict::CancelOthers => self.cancel_rest(state, now, id, effects),
            Verdict::Forward { message, status, challenges, cancel } => {
                let packet = if challenges.is_empty() {
                    message
                } else {
                    self.with_challenges(&message, &challenges)
                };
                if let Ok((flow, packet)) = state.transactions.respond(now, server, status, packet)
                {
                    effects.push(Effect::Send(flow, packet, None));
                }
                if cancel {
                    self.cancel_rest(state, now, id, effects);
                }
            }
            Verdict::Reply(status) => {
                let packet = self.relay_answer(&relay.upstream, status);
                if let Ok((flow, packet)) = state.transactions.respond(now, server, status, packet)
                {
                    effects.push(Effect::Send(flow, packet, None));
                }
            }
        }
    }

    fn relay_answer(&self, upstream: &Upstream, status: u16) -> Bytes {
        let mut out = Vec::with_capacity(512);
        let mut layout = Layout::default();
        if scan(&upstream.request, Framing::Datagram, &self.settings.wire, &mut layout).is_ok() {
            let message = Message::new(&upstream.request, &layout);
            let tag = self.tag(&message);
            let mut response =
                Response::new(&message, status, None).received_from(upstream.flow.remote);
            if status > 100 {
                response = response.to_tag(&tag);
            }
            response.write(&mut out);
        }
        out.into()
    }

    /// s16.7 step 7: a 401 or 407 carries the challenges of every branch that gave one.
    fn with_challenges(&self, message: &Bytes, others: &[Bytes]) -> Bytes {
        let mut lines = Vec::new();
        let mut layout = Layout::default();
        for other in others {
            if scan(other, Framing::Datagram, &self.settings.wire, &mut layout).is_err() {
                continue;
            }
            let other = Message::new(other, &layout);
            for (header, name) in [
                (HeaderName::WwwAuthenticate, "WWW-Authenticate"),
                (HeaderName::ProxyAuthenticate, "Proxy-Authenticate"),
            ] {
                for value in other.headers(header) {
                    lines.extend_from_slice(name.as_bytes());
                    lines.extend_from_slice(b": ");
                    lines.extend_from_slice(value);
                    lines.extend_from_slice(b"\r\n");
                }
            }
        }
        let Some(end) = memchr::memmem::find(message, b"\r\n\r\n") else { return message.clone() };
        let mut out = Vec::with_capacity(message.len() + lines.len());
        out.extend_from_slice(&message[..end + 2]);
        out.extend_from_slice(&lines);
        out.extend_from_slice(&message[end + 2..]);
        out.into()
    }

    fn ack_for(&self, invite: &Bytes, response: &Message<'_>) -> Option<Bytes> {
        let mut layout = Layout::default();
        scan(invite, Framing::Datagram, &self.settings.wire, &mut layout).ok()?;
        let mut out = Vec::with_capacity(512);
        build::ack_for(&Message::new(invite, &layout), response, &mut out);
        Some(out.into())
    }

    fn cancel_rest(&self, state: &mut State, now: Tick, id: ContextId, effects: &mut Vec<Effect>) {
        let Some(Context::Relay(relay)) = state.contexts.get(&id.number) else { return };
        let clients: SmallVec<[ClientId; 2]> =
            relay.attempts.iter().filter_map(|attempt| attempt.client).collect();
        for client in clients {
            if let Cancelling::Send(flow, invite) = state.transactions.cancel(now, client) {
                self.send_cancel(state, now, flow, &invite, effects);
            }
        }
    }

    /// s16.10: a CANCEL is a transaction of its own, with the branch of the INVITE it ends.
    fn send_cancel(
        &self,
        state: &mut State,
        now: Tick,
        flow: Flow,
        invite: &Bytes,
        effects: &mut Vec<Effect>,
    ) {
        let mut layout = Layout::default();
        if scan(invite, Framing::Datagram, &self.settings.wire, &mut layout).is_err() {
            return;
        }
        let invite = Message::new(invite, &layout);
        let Some(branch) = invite.top_via().and_then(|via| via.branch()) else { return };
        let mut out = Vec::with_capacity(512);
        build::cancel_for(&invite, &mut out);
        let packet = Bytes::from(out);
        // Nobody cares for the answer to a CANCEL: number 0 names no context.
        let started = state.transactions.start_client(
            now,
            Owner(0, 0),
            b"CANCEL",
            branch,
            flow,
            packet.clone(),
        );
        if started.is_ok() {
            effects.push(Effect::Send(flow, packet, None));
        }
    }

    /// Timer C ran out (s16.8): the branch is cancelled, and times out if that does not end it.
    pub(super) fn on_timer_c(
        &self,
        state: &mut State,
        now: Tick,
        id: ContextId,
        branch: usize,
        effects: &mut Vec<Effect>,
    ) {
        let Some(Context::Relay(relay)) = state.contexts.get(&id.number) else { return };
        let Some(client) = relay.client(branch) else { return };
        if let Cancelling::Send(flow, invite) = state.transactions.cancel(now, client) {
            self.send_cancel(state, now, flow, &invite, effects);
        }
    }

    /// A request waits for its answer so long that its sender must be told so (RFC 4320 s4.1).
    pub(super) fn on_need_trying(
        &self,
        state: &mut State,
        now: Tick,
        server: ServerId,
        effects: &mut Vec<Effect>,
    ) {
        let Some(number) = state.relays.get(&server) else { return };
        let upstream = match state.contexts.get(number) {
            Some(Context::Relay(relay)) => &relay.upstream,
            Some(Context::Page(page)) => &page.upstream,
            Some(Context::Replay(_) | Context::Notify(_)) | None => return,
        };
        let packet = self.relay_answer(upstream, 100);
        if let Ok((flow, packet)) = state.transactions.respond(now, server, 100, packet) {
            effects.push(Effect::Send(flow, packet, None));
        }
    }

    /// CANCEL (RFC 3261 s9.2, s16.10): answered here, and passed on as CANCELs of our own.
    #[expect(clippy::too_many_arguments, reason = "the pieces of one received request")]
    pub(super) fn on_cancel(
        &self,
        state: &mut State,
        now: Tick,
        message: &Message<'_>,
        server: ServerId,
        target: CancelTarget,
        flow: Flow,
        out: &mut Vec<u8>,
        effects: &mut Vec<Effect>,
    ) {
        let status = if target == CancelTarget::Nothing { 481 } else { 200 };
        let tag = self.tag(message);
        out.clear();
        Response::new(message, status, None).to_tag(&tag).received_from(flow.remote).write(out);
        let packet = Bytes::copy_from_slice(out);
        if let Ok((flow, packet)) = state.transactions.respond(now, server, status, packet) {
            effects.push(Effect::Send(flow, packet, None));
        }
        if let CancelTarget::Pending(invite) = target
            && let Some(number) = state.relays.get(&invite).copied()
        {
            let id = ContextId { shard: state.index(), number };
            self.cancel_rest(state, now, id, effects);
        }
    }
}
