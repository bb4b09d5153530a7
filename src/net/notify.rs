//! NOTIFY requests of our own (RFC 6665 s4.2.2): sent when a subscription says so, in order.

use std::time::Duration;

use bytes::Bytes;
use smallvec::SmallVec;

use super::Outbox;
use super::branch::{BranchName, own_branch};
use super::engine::{Engine, EngineCounts};
use super::shard::{Context, ContextId, NotifyContext};
use crate::clock::Tick;
use crate::sip::method::Method;
use crate::sip::subscription::Outcome;
use crate::sip::transaction::Owner;
use crate::sip::{Flow, Transport};
use crate::subscriptions::Notify;

/// The worker that is woken for what is due while nobody is at it.
pub(super) const NOTIFIER: usize = 0;

/// NOTIFYs that one turn of a worker sends; the rest waits for the next, behind what came meanwhile.
const PER_TURN: usize = 64;

/// When a NOTIFY is tried again for which there was no room.
const ROOM_AGAIN: Duration = Duration::from_secs(1);

impl Engine {
    /// Sends what is due at `now`, and sees to it that the rest is sent in time; returns when there is
    /// something again.
    pub(super) fn notify_due(&self, outbox: &mut Outbox, now: Tick) -> Tick {
        for _ in 0..PER_TURN {
            let row = |aor: &str| self.registrar.lookup(aor);
            let is_open = |connection| self.egress.is_open(connection);
            let Some(notify) = self.subscriptions.due(now, row, &is_open) else { break };
            self.notify(outbox, now, notify, true);
        }
        let deadline = self.subscriptions.deadline();
        if deadline != Tick::NEVER {
            self.egress.alarm(NOTIFIER, deadline);
        }
        deadline
    }

    /// Sends a NOTIFY: if it is too large for a datagram by a stream to the same place (RFC 3261
    /// s18.1.1), unless that was tried and nothing listens there.
    pub(super) fn notify(&self, outbox: &mut Outbox, now: Tick, notify: Notify, may_dial: bool) {
        let index = self.shard_of(notify.dialog.call_id());
        let mut state = self.shard(index).lock();
        let id = state.new_context();
        let mut flow = self.by_socket(notify.flow);
        let (mut branch, mut packet) = self.notify_packet(&notify, flow, id);
        let too_large =
            packet.len() > super::branch::MAX_DATAGRAM_REQUEST && flow.transport == Transport::Udp;
        let streamed = too_large && may_dial;
        if streamed {
            flow.transport = Transport::Tcp;
            flow.local.set_port(0);
            (branch, packet) = self.notify_packet(&notify, flow, id);
        } else if too_large {
            EngineCounts::add(&self.counts.large_datagrams);
        }
        let client = state.transactions.start_client(
            now,
            Owner(id.number, 0),
            b"NOTIFY",
            &branch,
            flow,
            packet.clone(),
        );
        let Ok(client) = client else {
            drop(state);
            EngineCounts::add(&self.counts.shed);
            return self.subscriptions.put_off(notify.id, now + ROOM_AGAIN);
        };
        let context = NotifyContext { notify, flow, streamed, client };
        state.contexts.insert(id.number, Context::Notify(Box::new(context)));
        drop(state);
        EngineCounts::add(&self.counts.notifies);
        outbox.send(flow, packet, Some(id.token(0)));
    }

    fn notify_packet(&self, notify: &Notify, flow: Flow, id: ContextId) -> (BranchName, Bytes) {
        let branch = own_branch(id.token(0));
        let via = self.via(&flow, &branch);
        let state = notify.state.value();
        let contact = self.contact_at(&flow);
        let mut headers: SmallVec<[(&str, &[u8]); 4]> = SmallVec::new();
        let route = notify.dialog.route();
        if !route.is_empty() {
            headers.push(("Route", route));
        }
        headers.push(("Contact", &contact));
        headers.push(("Event", notify.event.as_bytes()));
        headers.push(("Subscription-State", &state));
        let body = (!notify.body.is_empty()).then_some((notify.media_type, &*notify.body));
        let mut out = Vec::with_capacity(512 + notify.body.len());
        notify.dialog.request(Method::Notify, &via, &headers, body).write(&mut out);
        (branch, out.into())
    }

    /// What silence, or a transport that failed, means for a subscription (decision 18c).
    pub(super) fn lost(&self, flow: &Flow, failed: bool) -> Outcome {
        let stands = flow.connection.is_some() && self.egress.is_open(flow.connection);
        Outcome::Lost { reachable: stands && !failed }
    }
}
