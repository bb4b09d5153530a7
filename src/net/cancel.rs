//! CANCEL: of the caller, of branches that are no longer wanted, of those that ring for too long
//! (RFC 3261 s9, s16.8, s16.10; RFC 3326).

use bytes::Bytes;
use smallvec::SmallVec;

use super::engine::{Effect, Engine};
use super::shard::{Context, ContextId, State};
use crate::clock::Tick;
use crate::sip::Flow;
use crate::sip::build::{self, Response};
use crate::sip::header::HeaderName;
use crate::sip::transaction::{CancelTarget, Cancelling, ClientId, Owner, ServerId};
use crate::sip::wire::{Framing, Layout, Message, scan};

impl Engine {
    /// What the CANCELs of a request say from now on, also those that wait for a provisional
    /// response.
    pub(super) fn give_reason(&self, state: &mut State, id: ContextId, reason: &[u8]) {
        if let Some(Context::Relay(relay)) = state.contexts.get_mut(&id.number) {
            relay.reason = Bytes::copy_from_slice(reason);
        }
    }

    /// Cancels every branch that still runs (s16.7 step 10).
    pub(super) fn cancel_rest(
        &self,
        state: &mut State,
        now: Tick,
        id: ContextId,
        effects: &mut Vec<Effect>,
    ) {
        let Some(Context::Relay(relay)) = state.contexts.get(&id.number) else { return };
        let reason = relay.reason.clone();
        let clients: SmallVec<[ClientId; 2]> =
            relay.attempts.iter().filter_map(|attempt| attempt.client).collect();
        for client in clients {
            if let Cancelling::Send(flow, invite) = state.transactions.cancel(now, client) {
                self.send_cancel(state, now, flow, &invite, &reason, effects);
            }
        }
    }

    /// s16.10: a CANCEL is a transaction of its own, with the branch of the INVITE it ends.
    pub(super) fn send_cancel(
        &self,
        state: &mut State,
        now: Tick,
        flow: Flow,
        invite: &Bytes,
        reason: &[u8],
        effects: &mut Vec<Effect>,
    ) {
        let mut layout = Layout::default();
        if scan(invite, Framing::Datagram, &self.settings.wire, &mut layout).is_err() {
            return;
        }
        let invite = Message::new(invite, &layout);
        let Some(branch) = invite.top_via().and_then(|via| via.branch()) else { return };
        let mut out = Vec::with_capacity(512);
        build::cancel_for(&invite, reason, &mut out);
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
        let reason = relay.reason.clone();
        let Some(client) = relay.client(branch) else { return };
        if let Cancelling::Send(flow, invite) = state.transactions.cancel(now, client) {
            self.send_cancel(state, now, flow, &invite, &reason, effects);
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
            if let Some(Context::Relay(relay)) = state.contexts.get_mut(&number) {
                relay.fork.give_up();
            }
            // RFC 3326 s2: the reason is passed on.
            self.give_reason(state, id, message.header(HeaderName::Reason).unwrap_or_default());
            self.cancel_rest(state, now, id, effects);
        }
    }
}
