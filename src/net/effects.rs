//! What responses, timers and failures do to the contexts, and how the effects are carried out.

use bytes::Bytes;

use super::engine::{Effect, Engine, EngineCounts};
use super::replay::replay_elsewhere;
use super::shard::{Context, ContextId, PageContext, State, Tried};
use super::{Failure, Outbox};
use crate::clock::Tick;
use crate::model::DeviceKey;
use crate::page_mode::{
    HoldError, HoldRequest, Outcome, Reply, Step, Steps, fingerprint, is_notification, keeps,
};
use crate::payload::imdn::Fate;
use crate::sip::build::Response;
use crate::sip::forward;
use crate::sip::subscription::Outcome as NotifyOutcome;
use crate::sip::transaction::ClientResponse;
use crate::sip::wire::{Framing, Layout, Message};
use crate::subscriptions::Attendance;

impl Engine {
    /// A response that a client transaction lets through.
    #[expect(clippy::too_many_arguments, reason = "the pieces of one received response")]
    pub(super) fn on_response(
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
        let Some(context) = state.contexts.get_mut(&id.number) else {
            // The answer to a CANCEL of ours, or a context that is gone: nobody cares.
            return;
        };
        match context {
            Context::Page(_) => {
                if status < 200
                    || is_gone(status) && self.page_elsewhere(state, now, id, branch, effects)
                {
                    return;
                }
                let Some(Context::Page(page)) = state.contexts.get_mut(&id.number) else { return };
                let outcome = Outcome::Final { status, message: upstream_copy(message, out) };
                let steps = page.ended(branch, outcome);
                self.take_steps(state, now, id, steps, effects);
                if is_gone(status) {
                    replay_elsewhere(state, id, branch, effects);
                }
            }
            Context::Relay(_) => {
                self.on_relay_response(state, now, id, branch, received, message, out, effects);
            }
            Context::Replay(replay) => {
                if status < 200 {
                    return;
                }
                let (aor, device, sequence) =
                    (replay.aor.clone(), replay.device.clone(), replay.sequence);
                let mut tried = std::mem::take(&mut replay.tried);
                if is_gone(status) {
                    effects.push(Effect::Rest(aor.clone(), device.clone()));
                    effects.push(Effect::Elsewhere { aor, device, tried });
                } else if keeps(status) {
                    effects.push(Effect::Rest(aor, device));
                } else if status < 300 {
                    EngineCounts::add(&self.counts.replayed);
                    // The last one answered.
                    tried.pop();
                    effects.push(Effect::Settle { aor, sequence, device, failed: tried });
                } else {
                    effects.push(Effect::Refused { aor, sequence, device });
                }
                state.contexts.remove(&id.number);
            }
            Context::Notify(context) => {
                if status < 200 {
                    return;
                }
                effects.push(Effect::Notified(context.notify.id, NotifyOutcome::Answered(status)));
                state.contexts.remove(&id.number);
            }
        }
        self.drop_if_over(state, id);
    }

    /// A client transaction that timed out (`failed` false) or whose transport failed.
    pub(super) fn on_silence(
        &self,
        state: &mut State,
        now: Tick,
        id: ContextId,
        branch: usize,
        failed: bool,
        effects: &mut Vec<Effect>,
    ) {
        match state.contexts.get_mut(&id.number) {
            Some(Context::Page(_)) => {
                if self.page_elsewhere(state, now, id, branch, effects) {
                    return;
                }
                if let Some(Context::Page(page)) = state.contexts.get_mut(&id.number) {
                    let steps = page.ended(branch, Outcome::Silent);
                    self.take_steps(state, now, id, steps, effects);
                    replay_elsewhere(state, id, branch, effects);
                }
            }
            Some(Context::Relay(_)) => {
                self.on_relay_silence(state, now, id, branch, failed, effects);
            }
            Some(Context::Replay(replay)) => {
                let (aor, device) = (replay.aor.clone(), replay.device.clone());
                let tried = std::mem::take(&mut replay.tried);
                effects.push(Effect::Rest(aor.clone(), device.clone()));
                effects.push(Effect::Elsewhere { aor, device, tried });
                state.contexts.remove(&id.number);
            }
            Some(Context::Notify(context)) => {
                let outcome = self.lost(&context.flow, failed);
                effects.push(Effect::Notified(context.notify.id, outcome));
                state.contexts.remove(&id.number);
            }
            None => {}
        }
        self.drop_if_over(state, id);
    }

    /// A packet did not get out (RFC 3261 s18.4, s17.1.4).
    pub(super) fn on_transport_failure(
        &self,
        state: &mut State,
        now: Tick,
        id: ContextId,
        branch: usize,
        failure: Failure,
        effects: &mut Vec<Effect>,
    ) {
        let client = match state.contexts.get(&id.number) {
            Some(Context::Page(page)) => page.branches.get(branch).map(|branch| branch.client),
            Some(Context::Relay(relay)) => relay.client(branch),
            Some(Context::Replay(replay)) => Some(replay.client),
            Some(Context::Notify(notify)) => Some(notify.client),
            None => None,
        };
        let Some(client) = client else { return };
        if state.transactions.transport_failed(client).is_none() {
            return;
        }
        match state.contexts.get_mut(&id.number) {
            Some(Context::Replay(replay))
                if failure == Failure::ConnectFailed && replay.oversize =>
            {
                let (aor, device, sequence) =
                    (replay.aor.clone(), replay.device.clone(), replay.sequence);
                // What is behind it must not wait for what can never arrive.
                effects.push(Effect::Refused { aor, sequence, device });
                state.contexts.remove(&id.number);
            }
            // Too large for the datagrams that this contact asks for, and no stream is taken there:
            // it can never arrive (RFC 3261 s18.1.1, s21.4.11).
            Some(Context::Page(page))
                if failure == Failure::ConnectFailed
                    && page.branches.get(branch).is_some_and(|branch| branch.oversize) =>
            {
                let steps = page.ended(branch, Outcome::TooLarge);
                self.take_steps(state, now, id, steps, effects);
                self.drop_if_over(state, id);
            }
            // What is ours to say is said all the same (decision 12).
            Some(Context::Notify(context)) if context.streamed => {
                effects.push(Effect::NotifyByDatagram(Box::new(context.notify.clone())));
                state.contexts.remove(&id.number);
            }
            _ => self.on_silence(state, now, id, branch, true, effects),
        }
    }

    /// Senders whose patience ends (after two seconds of silence).
    pub(super) fn on_patience(
        &self,
        state: &mut State,
        now: Tick,
        index: usize,
        effects: &mut Vec<Effect>,
    ) {
        self.on_neighbour_silence(state, now, effects);
        while let Some((_, number)) = state.patience.pop_front_if(|(at, _)| *at <= now) {
            let id = ContextId { shard: index as u8, number };
            if let Some(Context::Page(page)) = state.contexts.get_mut(&number) {
                let steps = page.delivery.silent();
                self.take_steps(state, now, id, steps, effects);
                self.drop_if_over(state, id);
            }
        }
    }

    /// Turns the steps of a delivery into effects; answers the sender.
    pub(super) fn take_steps(
        &self,
        state: &mut State,
        now: Tick,
        id: ContextId,
        steps: Steps,
        effects: &mut Vec<Effect>,
    ) {
        for step in steps {
            let Some(Context::Page(page)) = state.contexts.get(&id.number) else { return };
            match step {
                Step::Answer(reply) => {
                    if let Some(witness) = &page.witness {
                        witness.answered(match &reply {
                            Reply::Forward(message) => status_of(message),
                            Reply::Status(status) => *status,
                        });
                        continue;
                    }
                    let server = page.upstream.server;
                    let began = page.began;
                    let (status, packet) = match reply {
                        Reply::Forward(message) => (status_of(&message), message),
                        Reply::Status(status) => {
                            (status, self.own_answer(&page.upstream.request, page, status))
                        }
                    };
                    if status >= 300 {
                        EngineCounts::add(&self.counts.failed);
                    } else if status == 200 {
                        EngineCounts::add(&self.counts.delivered);
                        self.delivery.observe(now.since(began));
                    }
                    if let Ok((flow, packet)) =
                        state.transactions.respond(now, server, status, packet)
                    {
                        effects.push(Effect::Send(flow, packet, None));
                    }
                }
                Step::Hold(devices) => effects.push(Effect::Hold(id, devices)),
                Step::Settle(device) => {
                    if let Some(sequence) = page.sequence {
                        let aor = page.aor.clone();
                        let failed = Vec::new();
                        effects.push(Effect::Settle { aor, sequence, device, failed });
                    }
                }
                Step::Refuse(device) => {
                    if let Some(sequence) = page.sequence {
                        let aor = page.aor.clone();
                        effects.push(Effect::Refused { aor, sequence, device });
                    }
                }
            }
        }
    }

    fn own_answer(&self, request: &Bytes, page: &PageContext, status: u16) -> Bytes {
        let mut out = Vec::with_capacity(512);
        let mut layout = Layout::default();
        if crate::sip::wire::scan(request, Framing::Datagram, &self.settings.wire, &mut layout)
            .is_ok()
        {
            let message = Message::new(request, &layout);
            let reason = page.no_room.filter(|_| status == 480);
            let tag = self.tag(&message);
            let mut response = Response::new(&message, status, reason)
                .to_tag(&tag)
                .received_from(page.upstream.flow.remote);
            if status == 503 {
                response = response.header("Retry-After", "10");
            }
            response.write(&mut out);
        }
        out.into()
    }

    pub(super) fn drop_if_over(&self, state: &mut State, id: ContextId) {
        let over = match state.contexts.get(&id.number) {
            // Further 2xx to an INVITE may come, and each must pass, until its client
            // transactions are gone (RFC 6026 s7.2).
            Some(Context::Relay(relay)) => {
                relay.fork.is_answered()
                    && relay.fork.is_over()
                    && relay
                        .attempts
                        .iter()
                        .filter_map(|attempt| attempt.client)
                        .all(|client| state.transactions.client_owner(client).is_none())
            }
            Some(Context::Page(page)) => page.delivery.is_over(),
            Some(Context::Replay(_) | Context::Notify(_)) | None => false,
        };
        if !over {
            return;
        }
        let server = match state.contexts.remove(&id.number) {
            Some(Context::Relay(relay)) => relay.upstream.server,
            Some(Context::Page(page)) => page.upstream.server,
            Some(Context::Replay(_) | Context::Notify(_)) | None => return,
        };
        state.relays.remove(&server);
    }

    /// Carries out effects; no lock is held.
    pub(super) fn run(&self, outbox: &mut Outbox, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Send(flow, packet, token) => self.send_out(outbox, flow, packet, token),
                Effect::Hold(id, devices) => self.hold(outbox, id, devices),
                Effect::Refused { aor, sequence, device } => {
                    let (durable, undelivered) =
                        self.page_mode.held().refuse(&aor, sequence, &device);
                    if let Some(message) = undelivered {
                        self.tell_sender(outbox, &message.aor, &message.request, Fate::Failed);
                    }
                    self.go_on(&aor, device, durable, Vec::new());
                }
                Effect::Settle { aor, sequence, device, failed } => {
                    let durable = self.page_mode.held().settle(&aor, sequence, &device);
                    self.go_on(&aor, device, durable, failed);
                }
                Effect::Rest(aor, device) => self.page_mode.held().rest(&aor, &device),
                Effect::Elsewhere { aor, device, tried } => {
                    self.replay_but(outbox, &aor, &device, tried);
                }
                Effect::Notified(id, outcome) => {
                    let _attending = Attendance::begin();
                    self.subscriptions.settle(id, outcome);
                    self.notify_due(outbox, self.clock.now());
                }
                Effect::NotifyByDatagram(notify) => {
                    self.notify(outbox, self.clock.now(), *notify, false);
                }
            }
        }
    }

    /// Puts the message of a context into the queue and waits for the disk elsewhere.
    fn hold(
        &self,
        outbox: &mut Outbox,
        id: ContextId,
        devices: smallvec::SmallVec<[DeviceKey; 2]>,
    ) {
        let state = self.lock_for(id);
        let Some(Context::Page(page)) = state.contexts.get(&id.number) else { return };
        let (aor, request) = (page.aor.clone(), page.upstream.request.clone());
        let (from, received_at) = (page.from.clone(), page.received_at);
        let (keep_until, sequence) = (page.keep_until, page.sequence);
        let unread = !page.delivery.is_delivered();
        let first = sequence.is_none();
        drop(state);

        let held = self.page_mode.held();
        let (sequence, durable) = match sequence {
            Some(sequence) => match held.hold_for(&aor, sequence, &devices) {
                Some(durable) => (sequence, durable),
                None => return self.after_hold(outbox, id, None, &devices, false),
            },
            None => {
                let Some(expires_at) = keep_until else {
                    return self.after_hold(outbox, id, None, &devices, false);
                };
                match self.put_in_queue(
                    &aor,
                    &from,
                    &request,
                    (devices.clone(), unread),
                    received_at,
                    expires_at,
                ) {
                    Ok(holding) => holding,
                    Err(error) => {
                        let full = no_room(&error);
                        if let Some(Context::Page(page)) =
                            self.lock_for(id).contexts.get_mut(&id.number)
                        {
                            page.no_room = full;
                        }
                        return self.after_hold(outbox, id, None, &devices, full.is_some());
                    }
                }
            }
        };
        let (person, waiting) = (aor.clone(), devices.clone());
        let parked = self.park(move |engine| async move {
            let outcome = durable.await;
            let mut outbox = engine.egress.outbox();
            match &outcome {
                Ok(()) => engine.page_mode.held().confirm(&person, sequence),
                Err(error) => {
                    tracing::error!(event = "message_not_held", %error);
                    engine.page_mode.held().failed(&person, sequence);
                }
            }
            if outcome.is_ok() && unread && first {
                engine.tell_sender(&mut outbox, &person, &request, Fate::Stored);
            }
            let sequence = (outcome.is_ok() || !first).then_some(sequence);
            engine.after_hold(&mut outbox, id, sequence, &waiting, false);
            outbox.flush();
        });
        if !parked {
            // Nobody can wait for the disk, and what nobody waits for is not acknowledged.
            EngineCounts::add(&self.counts.shed);
            held.failed(&aor, sequence);
            self.after_hold(outbox, id, (!first).then_some(sequence), &devices, false);
        }
    }

    /// Writes one message into the queue, for these devices, and with whether nobody has had it.
    pub(super) fn put_in_queue(
        &self,
        aor: &str,
        from: &str,
        request: &Bytes,
        (devices, unread): (smallvec::SmallVec<[DeviceKey; 2]>, bool),
        received_at: crate::clock::WallTime,
        expires_at: crate::clock::WallTime,
    ) -> Result<(u64, crate::store::Commitment), HoldError> {
        let mut layout = Layout::default();
        let mut replayable = Vec::with_capacity(request.len());
        let mut print = 0;
        let (mut sender, mut notification, mut expires_at) = ("", false, expires_at);
        if crate::sip::wire::scan(request, Framing::Datagram, &self.settings.wire, &mut layout)
            .is_ok()
        {
            let message = Message::new(request, &layout);
            print = fingerprint(self.page_mode.held().hasher(), from, &message);
            self.write_replayable(&message, received_at, &mut replayable);
            notification = is_notification(&message);
            // Who writes through a neighbour is not known here.
            if message.from().is_ok_and(|from| self.is_our_host(&from.parsed_uri())) {
                sender = from;
            }
        }
        if notification {
            let lasts = self.page_mode.settings().notification_retention;
            expires_at = expires_at.min(self.clock.latest_wall() + lasts);
        }
        EngineCounts::add(&self.counts.held);
        let holding = self.page_mode.held().hold(&HoldRequest {
            aor,
            devices,
            unread,
            request: &replayable,
            received_at,
            expires_at,
            fingerprint: print,
            sender,
            notification,
        })?;
        Ok((holding.sequence, holding.durable))
    }

    fn after_hold(
        &self,
        outbox: &mut Outbox,
        id: ContextId,
        sequence: Option<u64>,
        devices: &[DeviceKey],
        full: bool,
    ) {
        let now = self.clock.now();
        let mut effects = Vec::new();
        let mut state = self.lock_for(id);
        if let Some(Context::Page(page)) = state.contexts.get_mut(&id.number) {
            let steps = match sequence {
                Some(sequence) => {
                    page.sequence = Some(sequence);
                    page.delivery.held(devices)
                }
                None => page.delivery.not_held(full),
            };
            self.take_steps(&mut state, now, id, steps, &mut effects);
            self.drop_if_over(&mut state, id);
        }
        drop(state);
        self.run(outbox, effects);
    }

    /// Starts the next message of a device, by none of the flows that `failed`, once it is durable that
    /// it has had the last one: a message that the device has must not come again after a crash.
    fn go_on(
        &self,
        aor: &str,
        device: DeviceKey,
        durable: Option<crate::store::Commitment>,
        failed: Vec<Tried>,
    ) {
        let aor: Box<str> = aor.into();
        self.park(move |engine| async move {
            if let Some(durable) = durable
                && let Err(error) = durable.await
            {
                tracing::error!(event = "held_message_not_settled", %error);
            }
            let mut outbox = engine.egress.outbox();
            engine.replay_but(&mut outbox, &aor, &device, failed);
            outbox.flush();
        });
    }
}

/// What the sender of a message is told for which there is no room.
pub(super) fn no_room(error: &HoldError) -> Option<&'static str> {
    match error {
        HoldError::Full => Some("Recipient Cannot Hold More Messages"),
        HoldError::SenderFull => Some("Too Many Of Your Messages Wait There"),
        HoldError::Store(_) => None,
    }
}

/// A response without our Via, as it goes upstream.
pub(super) fn upstream_copy(message: &Message<'_>, out: &mut Vec<u8>) -> Bytes {
    out.clear();
    forward::response(message, out);
    Bytes::copy_from_slice(out)
}

/// Whether an answer says that the flow, and not the device, is gone (RFC 5626 s7).
fn is_gone(status: u16) -> bool {
    matches!(status, 408 | 430)
}

fn status_of(message: &Bytes) -> u16 {
    // "SIP/2.0 486 ...": read from bytes that passed the scanner.
    message
        .get(8..11)
        .and_then(|digits| std::str::from_utf8(digits).ok())
        .and_then(|digits| digits.parse().ok())
        .unwrap_or(500)
}
