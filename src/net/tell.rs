//! Messages that the server itself writes to a person.

use bytes::Bytes;

use super::Outbox;
use super::engine::{Engine, EngineCounts};
use super::shard::{Context, ReplayContext, Tried};
use crate::sip::transaction::Owner;
use crate::sip::wire::{Framing, Layout, Message, scan};

/// What a message has for its place that is in no queue; real places begin at one.
const NO_PLACE: u64 = 0;

impl Engine {
    /// Writes to a person, `user@domain`, who may write nothing back: kept until each device has had
    /// it, as any message is. While the store takes nothing it goes to the devices that are here, and is
    /// lost to the others. Says how many contacts are here.
    pub fn tell(&self, aor: &str, text: &str) -> usize {
        let request = self.own_text(aor, text, None);
        let row = self.registrar.lookup(aor);
        let here = row.map_or(0, |row| row.live(self.clock.now()).count());
        let mut outbox = self.egress.outbox();
        self.send_kept(&mut outbox, aor, &self.settings.domain, &request, false);
        outbox.flush();
        here
    }

    /// Sends a message of our own to the devices that are here, once, without keeping it.
    pub(super) fn send_unkept(&self, outbox: &mut Outbox, aor: &str, request: &Bytes) {
        let now = self.clock.now();
        let Some(row) = self.registrar.lookup(aor) else { return };
        let mut layout = Layout::default();
        if scan(request, Framing::Datagram, &self.settings.wire, &mut layout).is_err() {
            return;
        }
        let message = Message::new(request, &layout);
        for binding in row.targets(now) {
            let mut state = self.shard(self.shard_of(message.call_id())).lock();
            let id = state.new_context();
            let name = self.branch_name(&message, id.token(0), 0);
            let (packet, flow) = self.to_binding(&message, binding, None, &name, None);
            let owner = Owner(id.number, 0);
            let started = state.transactions.start_client(
                now,
                owner,
                b"MESSAGE",
                &name,
                flow,
                packet.clone(),
            );
            let Ok(client) = started else {
                EngineCounts::add(&self.counts.shed);
                continue;
            };
            let replay = ReplayContext {
                aor: aor.into(),
                device: binding.device.clone(),
                sequence: NO_PLACE,
                client,
                oversize: flow.transport != binding.flow.transport,
                tried: vec![Tried::by(binding)],
            };
            state.contexts.insert(id.number, Context::Replay(Box::new(replay)));
            drop(state);
            outbox.send(flow, packet, Some(id.token(0)));
        }
    }
}
