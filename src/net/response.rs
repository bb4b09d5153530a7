//! Responses to forwarded requests: what goes upstream, and what is tried next (RFC 3261 s16.7).

use bytes::Bytes;

use super::dispatch::Target;
use super::effects::upstream_copy;
use super::engine::{Effect, Engine};
use super::secure::{asks_for_tls, keep_secure};
use super::shard::{Context, ContextId, State, Upstream};
use crate::clock::Tick;
use crate::proxy::{self, Answer, TargetSet, Verdict, targets};
use crate::sip::build::{self, Response};
use crate::sip::header::{Contact, HeaderName};
use crate::sip::transaction::{ClientResponse, ServerId};
use crate::sip::wire::{Framing, Layout, Message, scan};

/// Why the devices that did not answer stop ringing (RFC 3326 s2): they need not show a missed call.
const ELSEWHERE: &[u8] = b"SIP;cause=200;text=\"Call completed elsewhere\"";

impl Engine {
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
            let reason = match state.contexts.get(&id.number) {
                Some(Context::Relay(relay)) => relay.reason.clone(),
                _ => Bytes::new(),
            };
            self.send_cancel(state, now, *flow, invite, &reason, effects);
        }
        if self.neighbour_answered(state, now, id, branch, message, effects) || status == 100 {
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
        if matches!(status, 408 | 430) && self.try_again(state, now, id, branch, false, effects)
            || (300..400).contains(&status)
                && self.redirect(state, now, id, branch, message, effects)
        {
            return;
        }
        let Some(Context::Relay(relay)) = state.contexts.get_mut(&id.number) else { return };
        let answer = Answer::Response { status, message: upstream_copy(message, out) };
        let verdict = relay.fork.ended(branch, answer);
        self.take_verdict(state, now, id, verdict, effects);
    }

    /// A redirection to people of ours is followed here, as it must be for devices whose caller
    /// could not reach the others; every other one is the caller's to follow (s16.5, s16.7 step 4).
    /// What was tried before is not tried again.
    fn redirect(
        &self,
        state: &mut State,
        now: Tick,
        id: ContextId,
        branch: usize,
        message: &Message<'_>,
        effects: &mut Vec<Effect>,
    ) -> bool {
        let Some(Context::Relay(relay)) = state.contexts.get(&id.number) else { return false };
        if relay.in_dialog || !relay.fork.is_waiting_for(branch) {
            return false;
        }
        let mut set = TargetSet::new();
        for contact in message.contacts().flatten() {
            let Contact::Address(contact) = contact else { continue };
            let uri = contact.address().parsed_uri();
            let Target::Person { aor, .. } = self.target(&uri) else { continue };
            set.extend(self.registrar.lookup(&aor).iter().flat_map(|row| targets(row, now)));
        }
        let known = |target: &proxy::Target| {
            let mut tried = relay.attempts.iter().map(|attempt| &attempt.target);
            tried.any(|tried| tried.uri == target.uri && tried.flow == target.flow)
        };
        set.retain(|target| !known(target));
        if relay.upstream.request.split(|byte| *byte == b' ').nth(1).is_some_and(asks_for_tls) {
            keep_secure(&mut set);
        }
        set.truncate((relay.breadth as usize).saturating_sub(relay.attempts.len()));
        if set.is_empty() {
            return false;
        }
        let Some(Context::Relay(relay)) = state.contexts.get_mut(&id.number) else { return false };
        let waiting = std::mem::replace(&mut relay.waiting, set);
        relay.waiting.extend(waiting);
        if self.search_on(state, now, id, effects) == 0 {
            return false;
        }
        if let Some(Context::Relay(relay)) = state.contexts.get_mut(&id.number) {
            relay.fork.redirected(branch);
        }
        true
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
        self.neighbour_failed(state, id, branch);
        if self.try_again(state, now, id, branch, failed, effects) {
            return;
        }
        let Some(Context::Relay(relay)) = state.contexts.get_mut(&id.number) else { return };
        let answer = if failed { Answer::Failed } else { Answer::TimedOut };
        let mut verdict = relay.fork.ended(branch, answer);
        // RFC 5626 s5.3.1: the end of a dialog was there, and its connection is gone.
        if failed && relay.in_dialog && verdict == Verdict::Reply(500) {
            verdict = Verdict::Reply(430);
        }
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
            Verdict::TryNext => {
                if self.search_on(state, now, id, effects) == 0
                    && let Some(Context::Relay(relay)) = state.contexts.get_mut(&id.number)
                {
                    let verdict = relay.fork.finish();
                    self.take_verdict(state, now, id, verdict, effects);
                }
            }
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
                    self.give_reason(state, id, ELSEWHERE);
                    self.cancel_rest(state, now, id, effects);
                }
            }
            Verdict::Reply(status) => {
                let status = relay.status_of_nothing(status);
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
            if status == 503 {
                response = response.header("Retry-After", "10");
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
}
