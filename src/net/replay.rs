//! Held messages on their way to a device that is here: one after the other, by each of its flows
//! that may still work (RFC 3428 s8, RFC 5626 s7).

use super::Outbox;
use super::engine::{Effect, Engine};
use super::shard::{Context, ContextId, ReplayContext, State, Tried};
use crate::model::DeviceKey;
use crate::sip::transaction::Owner;
use crate::sip::wire::{Framing, Layout, Message, scan};

impl Engine {
    /// Offers what is held for a person to each device that is here, also one whose queue rests until
    /// it registers again; returns how many are here.
    pub fn deliver_held(&self, aor: &str) -> usize {
        let Some(row) = self.registrar.lookup(aor) else { return 0 };
        let mut devices: Vec<&DeviceKey> =
            row.live(self.clock.now()).map(|binding| &binding.device).collect();
        devices.sort_unstable();
        devices.dedup();
        let mut outbox = self.egress.outbox();
        for device in &devices {
            self.replay(&mut outbox, aor, device);
        }
        outbox.flush();
        devices.len()
    }

    /// Sends the next held message to a device, if it is here and not busy with one.
    pub(super) fn replay(&self, outbox: &mut Outbox, aor: &str, device: &DeviceKey) {
        self.replay_but(outbox, aor, device, Vec::new());
    }

    /// The same, over none of the flows that were `tried`: with this message, or with those before it,
    /// since a flow that is silent costs half a minute each time. With the next REGISTER of the device
    /// all are tried again.
    pub(super) fn replay_but(
        &self,
        outbox: &mut Outbox,
        aor: &str,
        device: &DeviceKey,
        mut tried: Vec<Tried>,
    ) {
        let held = self.page_mode.held();
        if held.is_empty() {
            return;
        }
        let now = self.clock.now();
        let Some(row) = self.registrar.lookup(aor) else { return };
        // The contact that registered last is where the device is now.
        let binding = row
            .live(now)
            .filter(|binding| binding.device == *device)
            .filter(|binding| !tried.iter().any(|tried| tried.is(binding)))
            .last()
            .cloned();
        let Some(binding) = binding else { return };
        let Some(sequence) = held.start(aor, device, self.clock.earliest_wall()) else { return };
        let request = match held.request(aor, sequence) {
            Ok(Some(request)) => request,
            Ok(None) => {
                tracing::error!(event = "held_message_missing", aor, sequence);
                held.forget(aor, sequence);
                return;
            }
            Err(error) => {
                tracing::error!(event = "held_message_unreadable", aor, sequence, %error);
                held.rest(aor, device);
                return;
            }
        };
        let mut layout = Layout::default();
        if scan(&request, Framing::Datagram, &self.settings.wire, &mut layout).is_err() {
            tracing::error!(event = "held_message_malformed", aor, sequence);
            held.forget(aor, sequence);
            return;
        }
        let message = Message::new(&request, &layout);
        let index = self.shard_of(message.call_id());
        let mut state = self.shard(index).lock();
        let id = state.new_context();
        let name = self.branch_name(&message, id.token(0), 0);
        let (packet, flow) = self.to_binding(&message, &binding, None, &name, None);
        let client = state.transactions.start_client(
            now,
            Owner(id.number, 0),
            b"MESSAGE",
            &name,
            flow,
            packet.clone(),
        );
        let Ok(client) = client else {
            drop(state);
            held.rest(aor, device);
            return;
        };
        tried.push(Tried::by(&binding));
        state.contexts.insert(
            id.number,
            Context::Replay(Box::new(ReplayContext {
                aor: aor.into(),
                device: device.clone(),
                sequence,
                client,
                oversize: flow.transport != binding.flow.transport,
                tried,
            })),
        );
        drop(state);
        outbox.send(flow, packet, Some(id.token(0)));
    }
}

/// A flow has failed that a MESSAGE was tried by, after its sender was told that it is held: what
/// waits for the device goes on by its other flows, as they come back later, in order.
pub(super) fn replay_elsewhere(
    state: &State,
    id: ContextId,
    branch: usize,
    effects: &mut Vec<Effect>,
) {
    let Some(Context::Page(page)) = state.contexts.get(&id.number) else { return };
    let Some(device) = page.delivery.missed(branch).filter(|_| page.sequence.is_some()) else {
        return;
    };
    let Some(branch) = page.branches.get(branch) else { return };
    let mut tried = branch.tried.clone();
    tried.push(Tried::by(&branch.binding));
    let (aor, device) = (page.aor.clone(), device.clone());
    effects.push(Effect::Elsewhere { aor, device, tried });
}
