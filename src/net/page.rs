//! MESSAGE to a person (RFC 3428): to all devices at once, held for those that are not there.

use bytes::Bytes;
use smallvec::SmallVec;

use super::Outbox;
use super::auth::Identified;
use super::dispatch::{Facts, Request};
use super::effects::no_room;
use super::engine::{Effect, Engine, EngineCounts};
use super::priority::Load;
use super::shard::{Context, ContextId, PageBranch, PageContext, State, Tried, Upstream};
use crate::clock::{Tick, WallTime};
use crate::model::DeviceKey;
use crate::page_mode::{
    Delivery, HoldError, Known, Plan, Unreached, fingerprint, is_composing, is_notification,
};
use crate::payload::imdn::Fate;
use crate::sip::Flow;
use crate::sip::forward;
use crate::sip::header::HeaderName;
use crate::sip::transaction::{Owner, ServerId};
use crate::sip::wire::{Framing, Layout, Message, scan};

impl Engine {
    pub(super) fn page(
        &self,
        outbox: &mut Outbox,
        request: Request<'_, '_>,
        identified: Identified,
        user: &str,
        aor: &str,
        out: &mut Vec<u8>,
    ) {
        let message = request.message;
        if message.body().len() > self.page_mode.settings().max_body {
            return self.refuse(outbox, &request, 413, None, &[], out);
        }
        let row = self.registrar.lookup(aor);
        let instance = match self.instance_target(&request, row.as_deref()) {
            Ok(instance) => instance,
            Err(none) => return self.refuse(outbox, &request, none.status(), None, &[], out),
        };
        let here = row.as_ref().is_some_and(|row| row.live(request.now).next().is_some());
        if !here && !self.is_person(outbox, &request, &identified, user, out) {
            return;
        }
        EngineCounts::add(&self.counts.messages);
        let arrived = self.clock.wall();
        let keep_until = self.page_mode.keep_until(message, self.clock.latest_wall());
        if !self.page_mode.held().is_empty() {
            let print = fingerprint(self.page_mode.held().hasher(), &identified.user, message);
            match self.page_mode.held().knows(aor, print) {
                Known::No => {}
                // The sender repeats itself because its 202 got lost; the message is safe.
                Known::Safe => return self.refuse(outbox, &request, 202, None, &[], out),
                Known::Pending => {
                    let soon = [("Retry-After", "1")];
                    return self.refuse(outbox, &request, 503, None, &soon, out);
                }
            }
        }
        if let Some(target) = instance {
            // For that device alone, now or never: nobody else may have it in its place.
            let plan = Plan { targets: SmallVec::from_iter([target]), absent: SmallVec::new() };
            return self.fork(outbox, &request, &identified, aor, plan, None, arrived);
        }
        let notification = !self.page_mode.held().is_empty() && is_notification(message);
        let plan = self.page_mode.plan(aor, row.as_deref(), notification, request.now);
        if plan.targets.is_empty() {
            return self.hold_at_once(
                outbox,
                request,
                &identified,
                aor,
                plan.absent,
                keep_until,
                arrived,
                out,
            );
        }
        self.fork(outbox, &request, &identified, aor, plan, keep_until, arrived);
    }

    /// No device is there to try: durable first, then 202 (RFC 3428 s7).
    #[expect(clippy::too_many_arguments, reason = "one message and all that is known of it")]
    fn hold_at_once(
        &self,
        outbox: &mut Outbox,
        request: Request<'_, '_>,
        identified: &Identified,
        aor: &str,
        devices: SmallVec<[DeviceKey; 2]>,
        keep_until: Option<WallTime>,
        arrived: WallTime,
        out: &mut Vec<u8>,
    ) {
        let Some(expires_at) = keep_until else {
            // Somebody typing, or a message that wants to be read now or never.
            let status = if is_composing(request.message) { 202 } else { 480 };
            return self.refuse(outbox, &request, status, None, &[], out);
        };
        if self.is_merged(&request) {
            return self.refuse(outbox, &request, 482, Some("Merged Request"), &[], out);
        }
        let bytes = Bytes::copy_from_slice(request.message.bytes());
        // Live devices are among those it is held for when older messages wait for them too.
        let waiting = devices.clone();
        let queued =
            self.put_in_queue(aor, &identified.user, &bytes, (devices, true), arrived, expires_at);
        let (sequence, durable) = match queued {
            Ok(queued) => queued,
            Err(ref error @ (HoldError::Full | HoldError::SenderFull)) => {
                EngineCounts::add(&self.counts.failed);
                return self.refuse(outbox, &request, 480, no_room(error), &[], out);
            }
            Err(HoldError::Store(error)) => {
                tracing::error!(event = "message_not_held", %error);
                EngineCounts::add(&self.counts.failed);
                return self.refuse(outbox, &request, 503, None, &[("Retry-After", "30")], out);
            }
        };
        let (flow, server, person) = (request.flow, request.server, aor);
        let aor = Box::<str>::from(aor);
        let parked = self.park(move |engine| async move {
            // A person of the directory whom somebody writes to has a row from now on.
            let user = aor.rsplit_once('@').map_or(&*aor, |(user, _)| user);
            if let Err(error) = engine.accounts.appear(user).await {
                tracing::warn!(event = "person_not_written", %error);
            }
            let outcome = durable.await;
            let mut outbox = engine.egress.outbox();
            match &outcome {
                Ok(()) => engine.page_mode.held().confirm(&aor, sequence),
                Err(error) => {
                    tracing::error!(event = "message_not_held", %error);
                    engine.page_mode.held().failed(&aor, sequence);
                }
            }
            engine.finish_hold(&mut outbox, &bytes, flow, server, outcome.is_ok());
            if outcome.is_ok() {
                engine.tell_sender(&mut outbox, &aor, &bytes, Fate::Stored);
            }
            for device in &waiting {
                engine.replay(&mut outbox, &aor, device);
            }
            outbox.flush();
        });
        if !parked {
            EngineCounts::add(&self.counts.shed);
            self.page_mode.held().failed(person, sequence);
            self.refuse(outbox, &request, 503, None, &[("Retry-After", "10")], out);
        }
    }

    pub(super) fn finish_hold(
        &self,
        outbox: &mut Outbox,
        bytes: &Bytes,
        flow: Flow,
        server: ServerId,
        held: bool,
    ) {
        let mut layout = Layout::default();
        if scan(bytes, Framing::Datagram, &self.settings.wire, &mut layout).is_err() {
            return;
        }
        let message = Message::new(bytes, &layout);
        let now = self.clock.now();
        let facts = Facts::default();
        // It was admitted long ago.
        let load = Load::default();
        let request =
            Request { message: &message, flow, now, server, load, remembered: true, facts };
        let mut out = Vec::with_capacity(512);
        if held {
            self.refuse(outbox, &request, 202, None, &[], &mut out);
        } else {
            self.refuse(outbox, &request, 503, None, &[("Retry-After", "30")], &mut out);
        }
    }

    #[expect(clippy::too_many_arguments, reason = "one message and all that is known of it")]
    fn fork(
        &self,
        outbox: &mut Outbox,
        request: &Request<'_, '_>,
        identified: &Identified,
        aor: &str,
        plan: Plan,
        keep_until: Option<WallTime>,
        arrived: WallTime,
    ) {
        let server = request.server;
        let message = request.message;
        // RFC 5393 s5.3.3: all devices at once, or none.
        let share = self.breadth(message) / (plan.targets.len().max(1) as u32);
        if share == 0 {
            return self.refuse(outbox, request, 440, None, &[], &mut Vec::new());
        }
        let index = self.shard_of(message.call_id());
        let mut sends: SmallVec<[(Flow, Bytes, u64); 2]> = SmallVec::new();
        let mut state = self.shard(index).lock();
        let id = state.new_context();
        let mut branches: SmallVec<[PageBranch; 1]> = SmallVec::new();
        for binding in plan.targets {
            let number = branches.len();
            let token = id.token(number);
            let name = self.branch_name(message, token, 0);
            let (packet, flow) =
                self.to_binding(message, &binding, Some(request.flow), &name, Some(share));
            let owner = Owner(id.number, number as u64);
            match state.transactions.start_client(
                request.now,
                owner,
                b"MESSAGE",
                &name,
                flow,
                packet.clone(),
            ) {
                Ok(client) => {
                    let oversize = flow.transport != binding.flow.transport;
                    branches.push(PageBranch { client, binding, oversize, tried: Vec::new() });
                    sends.push((flow, packet, token));
                }
                Err(_) => EngineCounts::add(&self.counts.shed),
            }
        }
        if branches.is_empty() {
            drop(state);
            return self.refuse(
                outbox,
                request,
                503,
                None,
                &[("Retry-After", "10")],
                &mut Vec::new(),
            );
        }
        let unreached = match keep_until {
            Some(_) => Unreached::Hold,
            None if is_composing(message) => Unreached::Drop,
            None => Unreached::Fail,
        };
        let devices = branches.iter().map(|branch| branch.binding.device.clone());
        let delivery = Delivery::new(devices, plan.absent, unreached);
        state.contexts.insert(
            id.number,
            Context::Page(Box::new(PageContext {
                upstream: Upstream {
                    server,
                    request: Bytes::copy_from_slice(message.bytes()),
                    flow: request.flow,
                },
                witness: None,
                delivery,
                branches,
                breadth: share,
                aor: aor.into(),
                from: identified.user.as_str().into(),
                keep_until,
                no_room: None,
                received_at: arrived,
                began: request.now,
                sequence: None,
            })),
        );
        state.relays.insert(server, id.number);
        if unreached != Unreached::Fail {
            state.have_patience(request.now + self.page_mode.settings().patience, id.number);
        }
        drop(state);
        for (flow, packet, token) in sends {
            outbox.send(flow, packet, Some(token));
        }
    }

    /// Tries a branch whose flow has failed by the next flow of its instance (RFC 5626 s7), while
    /// the sender waits. Later the message is held, and goes by the queue of its device.
    pub(super) fn page_elsewhere(
        &self,
        state: &mut State,
        now: Tick,
        id: ContextId,
        number: usize,
        effects: &mut Vec<Effect>,
    ) -> bool {
        let Some(Context::Page(page)) = state.contexts.get(&id.number) else { return false };
        let Some(branch) = page.branches.get(number) else { return false };
        // By its instance alone a flow is told to be the same device's.
        if !page.delivery.is_waiting_for(number) || branch.binding.instance.is_none() {
            return false;
        }
        let Some(row) = self.registrar.lookup(&page.aor) else { return false };
        let next = row
            .other_flows(&branch.binding, now)
            .find(|other| !branch.tried.iter().any(|tried| tried.is(other)))
            .cloned();
        let Some(binding) = next else { return false };
        let (request, from) = (page.upstream.request.clone(), page.sender_flow());
        let (breadth, attempt) = (page.breadth, branch.tried.len() as u8 + 1);
        let mut layout = Layout::default();
        if scan(&request, Framing::Datagram, &self.settings.wire, &mut layout).is_err() {
            return false;
        }
        let message = Message::new(&request, &layout);
        let token = id.token(number);
        let name = self.branch_name(&message, token, attempt);
        let (packet, flow) = self.to_binding(&message, &binding, from, &name, Some(breadth));
        let owner = Owner(id.number, number as u64);
        let started =
            state.transactions.start_client(now, owner, b"MESSAGE", &name, flow, packet.clone());
        let Ok(client) = started else {
            EngineCounts::add(&self.counts.shed);
            return false;
        };
        if let Some(Context::Page(page)) = state.contexts.get_mut(&id.number)
            && let Some(branch) = page.branches.get_mut(number)
        {
            branch.tried.push(Tried::by(&branch.binding));
            branch.client = client;
            branch.oversize = flow.transport != binding.flow.transport;
            branch.binding = binding;
        }
        effects.push(Effect::Send(flow, packet, Some(token)));
        true
    }

    /// A request as it is kept for later: no Route, no credentials, and a Date that tells when it
    /// was sent (RFC 3261 s20.17); everything else as it came.
    pub(super) fn write_replayable(
        &self,
        message: &Message<'_>,
        received_at: WallTime,
        out: &mut Vec<u8>,
    ) {
        let date = received_at.sip_date();
        let dated = message.header(HeaderName::Date).is_some();
        let added: [(&str, &[u8]); 1] = [("Date", date.as_bytes())];
        let plan = forward::Request {
            request_uri: None,
            via: b"",
            max_forwards: message.max_forwards().ok().flatten().unwrap_or(70),
            max_breadth: None,
            received: None,
            drop_top_routes: message.routes().count(),
            drop_credentials_for: Some(&self.settings.realm),
            // What was asserted then is not asserted later.
            drop_identity: true,
            record_route: None,
            add_headers: if dated { &[] } else { &added },
        };
        forward::request(message, &plan, out);
    }
}
