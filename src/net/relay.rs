//! Requests that are passed on and not held: calls and everything else (RFC 3261 s16.5, s16.6).
//!
//! Devices of one preference are tried at once, those of a lower one after them.

use bytes::Bytes;
use smallvec::SmallVec;

use super::Outbox;
use super::auth::Identified;
use super::branch::Leg;
use super::dialog::{Course, Hop, makes_dialog, strict_tail};
use super::dispatch::Request;
use super::engine::{Effect, Engine, EngineCounts};
use super::secure::{asks_for_tls, keep_secure};
use super::shard::{Attempt, Context, ContextId, RelayContext, State, Upstream};
use crate::clock::Tick;
use crate::proxy::{Fork, TargetSet, next_group};
use crate::sip::Flow;
use crate::sip::header::HeaderName;
use crate::sip::method::Method;
use crate::sip::transaction::Owner;
use crate::sip::wire::{Framing, Layout, Message, scan};
use crate::text;

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
        let mut targets = match self.targets(&request, row.as_deref()) {
            Ok(targets) => targets,
            Err(none) => return self.refuse(outbox, &request, none.status(), None, &[], out),
        };
        let is_there = !targets.is_empty();
        if asks_for_tls(request.message.request_uri()) {
            keep_secure(&mut targets);
        }
        if targets.is_empty() {
            if self.is_person(outbox, &request, &identified, user, out) {
                let reason = is_there.then_some("No Device With TLS");
                self.refuse(outbox, &request, 480, reason, &[], out);
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
        let breadth = self.breadth(message);
        if breadth == 0 {
            return self.refuse(outbox, request, 440, None, &[], out);
        }
        if invite {
            // RFC 3261 s16.2: a stateful proxy stops the caller's retransmissions at once.
            self.refuse(outbox, request, 100, None, &[], out);
        }
        let index = self.shard_of(message.call_id());
        let mut effects = Vec::with_capacity(targets.len());
        let mut state = self.shard(index).lock();
        let id = state.new_context();
        state.contexts.insert(
            id.number,
            Context::Relay(Box::new(RelayContext {
                upstream: Upstream {
                    server: request.server,
                    request: Bytes::copy_from_slice(message.bytes()),
                    flow: request.flow,
                },
                fork: Fork::new(invite, 0, false),
                attempts: SmallVec::new(),
                waiting: targets,
                breadth,
                in_dialog: hop.is_some(),
                reason: Bytes::new(),
            })),
        );
        let way = Way { message, from: request.flow, hop };
        if self.next_targets(&mut state, request.now, &way, id, out, &mut effects) == 0 {
            state.contexts.remove(&id.number);
            drop(state);
            return self.refuse(outbox, request, 503, None, &[("Retry-After", "10")], out);
        }
        state.relays.insert(request.server, id.number);
        drop(state);
        self.run(outbox, effects);
    }

    /// How many branches a request may have, here and further on, at the same time (RFC 5393
    /// s5.3.3.1): what it says, within what is configured.
    pub(super) fn breadth(&self, message: &Message<'_>) -> u32 {
        let most = self.settings.max_breadth;
        let asked = message.header(HeaderName::MaxBreadth).and_then(text::number);
        asked.map_or(most, |asked| asked.min(most))
    }

    /// Tries the targets of the next preference at once, and tells how many they are.
    fn next_targets(
        &self,
        state: &mut State,
        now: Tick,
        way: &Way<'_, '_>,
        id: ContextId,
        out: &mut Vec<u8>,
        effects: &mut Vec<Effect>,
    ) -> usize {
        let Some(Context::Relay(relay)) = state.contexts.get_mut(&id.number) else { return 0 };
        let group = next_group(&mut relay.waiting, relay.breadth);
        let first = relay.attempts.len();
        let share = relay.breadth / (group.len().max(1) as u32);
        let rings = !relay.waiting.is_empty() && way.message.method() == Method::Invite;
        let mut attempts: SmallVec<[Attempt; 2]> = SmallVec::new();
        for target in group {
            let mut attempt = Attempt::at(target, share);
            let number = first + attempts.len();
            let sent = self.attempt(state, now, way, id, number, &mut attempt, out);
            if let Some((flow, packet)) = sent {
                attempts.push(attempt);
                effects.push(Effect::Send(flow, packet, Some(id.token(number))));
            }
        }
        let count = attempts.len();
        let Some(Context::Relay(relay)) = state.contexts.get_mut(&id.number) else { return 0 };
        relay.fork.extend(count, !relay.waiting.is_empty());
        relay.attempts.extend(attempts);
        if rings {
            state.let_ring(now + self.settings.ring, id.number, first + count);
        }
        count
    }

    /// The same for a request that was kept.
    pub(super) fn search_on(
        &self,
        state: &mut State,
        now: Tick,
        id: ContextId,
        effects: &mut Vec<Effect>,
    ) -> usize {
        let Some(Context::Relay(relay)) = state.contexts.get(&id.number) else { return 0 };
        let (request, from) = (relay.upstream.request.clone(), relay.upstream.flow);
        let mut layout = Layout::default();
        if scan(&request, Framing::Datagram, &self.settings.wire, &mut layout).is_err() {
            return 0;
        }
        let way = Way { message: &Message::new(&request, &layout), from, hop: None };
        self.next_targets(state, now, &way, id, &mut Vec::with_capacity(256), effects)
    }

    /// Devices that have rung for long enough while others wait for their turn: they are cancelled,
    /// and the others tried (RFC 3261 s16.6, serial search).
    pub(super) fn on_rung(&self, state: &mut State, now: Tick, effects: &mut Vec<Effect>) {
        while let Some(rung) = state.ringing.pop_front_if(|rung| rung.at <= now) {
            let id = ContextId { shard: state.index(), number: rung.number };
            let Some(Context::Relay(relay)) = state.contexts.get(&rung.number) else { continue };
            if !relay.fork.is_searching() || relay.attempts.len() != rung.branches {
                continue;
            }
            self.cancel_rest(state, now, id, effects);
            self.search_on(state, now, id, effects);
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
            breadth: Some(attempt.breadth),
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
        if let Some(patience) = target.patience {
            attempt.heard = false;
            state.expect_answer(now + patience, id, number, attempt.count);
        }
        Some((flow, packet))
    }

    /// Tries a branch that has `failed`, or met silence or a dead flow, once more, if there is another way to its device: by datagram
    /// what was too large for one and is taken by no stream there (RFC 3261 s18.1.1), or by another
    /// flow of the device (RFC 5626 s7).
    pub(super) fn try_again(
        &self,
        state: &mut State,
        now: Tick,
        id: ContextId,
        number: usize,
        failed: bool,
        effects: &mut Vec<Effect>,
    ) -> bool {
        let Some(Context::Relay(relay)) = state.contexts.get_mut(&id.number) else { return false };
        if !relay.fork.is_waiting_for(number) {
            return false;
        }
        let Some(attempt) = relay.attempts.get_mut(number) else { return false };
        // RFC 3263 s4.3: a neighbour that says something else than 503 has not failed.
        if attempt.target.patience.is_some() && !failed {
            return false;
        }
        if attempt.is_oversize && failed {
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
}
