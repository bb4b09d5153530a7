//! The server side of the table.

use bytes::Bytes;
use memchr::memmem;

use crate::clock::Tick;
use crate::sip::Flow;

use super::key::{ServerKeyParts, TransactionKey, shrink};
use super::slab::Name;
use super::table::Place;
use super::timers::{Armed, Target};
use super::{
    CancelTarget, Packet, Received, RespondError, ServerId, Table, TimerOutput, server_invite,
    server_non_invite,
};

#[derive(Debug)]
pub(super) enum Machine {
    Invite(server_invite::Machine),
    NonInvite(server_non_invite::Machine),
}

/// A server transaction that somebody waits for.
#[derive(Debug)]
pub(super) struct Server {
    key: TransactionKey,
    flow: Flow,
    machine: Machine,
    /// What a retransmission is answered with; empty if nothing.
    last: Packet,
    pub(super) armed: Armed,
}

impl Server {
    fn deadline(&self) -> Tick {
        match &self.machine {
            Machine::Invite(machine) => machine.deadline(),
            Machine::NonInvite(machine) => machine.deadline(),
        }
    }

    fn repeated(&self) -> Option<(Flow, Packet)> {
        let repeats = match &self.machine {
            Machine::Invite(machine) => machine.repeats(),
            Machine::NonInvite(machine) => machine.repeats(),
        };
        (repeats && !self.last.is_empty()).then(|| (self.flow, self.last.clone()))
    }
}

/// What came of a timer, whichever machine's.
enum Fired {
    Nothing,
    Say(TimerOutput),
    End(TimerOutput),
}

impl Table {
    /// Takes a request that arrived over `flow`, and tells what it is.
    pub fn receive_request(
        &mut self,
        now: Tick,
        parts: &ServerKeyParts<'_>,
        flow: Flow,
    ) -> Received {
        let exchange = self.keyer.exchange(parts);
        if parts.method == b"ACK" {
            let key = self.keyer.transaction(exchange, b"INVITE");
            return self.receive_ack(now, parts, key);
        }
        let key = self.keyer.transaction(exchange, parts.method);
        match self.server_index.get(&key).map(|place| place.get()) {
            Some(Ok(index)) => {
                let repeated = self.servers.at(index).and_then(|(_, server)| server.repeated());
                return Received::Retransmission(repeated);
            }
            Some(Err(number)) => {
                let answer = self.answers.get(number);
                return Received::Retransmission(
                    answer.map(|(flow, response)| (flow, Bytes::copy_from_slice(response))),
                );
            }
            None => {}
        }
        let target = (parts.method == b"CANCEL").then(|| {
            let place = {
                let mut keys = self.keyer.cancellable(exchange);
                keys.find_map(|key| self.server_index.get(&key)).copied()
            };
            place.map_or(CancelTarget::Nothing, |place| self.cancel_target(place))
        });
        let Some(id) = self.open(now, key, parts.method, flow) else {
            self.refused += 1;
            return Received::Full;
        };
        match target {
            Some(target) => Received::Cancel { id, target },
            None => Received::New(id),
        }
    }

    fn open(
        &mut self,
        now: Tick,
        key: TransactionKey,
        method: &[u8],
        flow: Flow,
    ) -> Option<ServerId> {
        if self.active() >= self.bounds.active {
            return None;
        }
        let reliable = flow.transport.is_reliable();
        let machine = if method == b"INVITE" {
            Machine::Invite(server_invite::Machine::new(now, &self.timing, reliable))
        } else {
            Machine::NonInvite(server_non_invite::Machine::new(now, &self.timing, reliable))
        };
        let server = Server { key, flow, machine, last: Packet::new(), armed: Armed::UNSET };
        let name = self.servers.insert(server)?;
        self.server_index.insert(key, Place::active(name.index));
        self.arm_server(now, name);
        Some(ServerId(name))
    }

    fn receive_ack(
        &mut self,
        now: Tick,
        parts: &ServerKeyParts<'_>,
        key: TransactionKey,
    ) -> Received {
        let Some(Ok(index)) = self.server_index.get(&key).map(|place| place.get()) else {
            return Received::Ack(None);
        };
        let Some((name, server)) = self.servers.at(index) else {
            return Received::Ack(None);
        };
        // RFC 3261 s17.2.3: the To tag tells an ACK for our non-2xx from one for another's 2xx.
        // The response is kept as bytes, and its tag must be in it.
        let tag = parts.legacy.to_tag;
        if parts.is_legacy()
            && !tag.is_empty()
            && !server.last.is_empty()
            && !has_tag(&server.last, tag)
        {
            return Received::Ack(None);
        }
        let timing = self.timing;
        let Some(Server { machine: Machine::Invite(machine), .. }) = self.servers.get_mut(name)
        else {
            return Received::Ack(None);
        };
        match machine.ack(now, &timing) {
            server_invite::Acked::ToUser => Received::Ack(Some(ServerId(name))),
            server_invite::Acked::Absorbed => {
                self.arm_server(now, name);
                Received::AckAbsorbed
            }
        }
    }

    fn cancel_target(&mut self, place: Place) -> CancelTarget {
        let Ok(index) = place.get() else { return CancelTarget::Unaffected };
        let Some((name, _)) = self.servers.at(index) else { return CancelTarget::Unaffected };
        match self.servers.get_mut(name).map(|server| &mut server.machine) {
            Some(Machine::Invite(machine)) if machine.state == server_invite::State::Proceeding => {
                machine.cancelled = true;
                CancelTarget::Pending(ServerId(name))
            }
            _ => CancelTarget::Unaffected,
        }
    }

    /// Whether an INVITE that waits for its final response was cancelled: whoever has not passed it
    /// on yet answers it with 487 instead (RFC 3261 s9.2).
    #[must_use]
    pub fn is_cancelled(&self, id: ServerId) -> bool {
        matches!(
            self.servers.get(id.0).map(|server| &server.machine),
            Some(Machine::Invite(machine))
                if machine.cancelled && machine.state == server_invite::State::Proceeding
        )
    }

    /// Passes a response to a transaction. On success send it on the flow that is returned.
    ///
    /// Each transaction lets exactly one final response through, but for the 2xx of an INVITE,
    /// which a user agent behind may repeat, or several of them may give.
    ///
    /// # Errors
    ///
    /// [`RespondError`]; then nothing is to be sent, and nothing has changed.
    pub fn respond(
        &mut self,
        now: Tick,
        id: ServerId,
        status: u16,
        response: Packet,
    ) -> Result<(Flow, Packet), RespondError> {
        let timing = self.timing;
        let server = self.servers.get_mut(id.0).ok_or(RespondError::Ended)?;
        let flow = server.flow;
        match &mut server.machine {
            Machine::NonInvite(machine) => match machine.answer(now, status)? {
                server_non_invite::Answered::Provisional => server.last = exact(&response),
                server_non_invite::Answered::Final => {
                    self.answered(now, id, flow, &response);
                    return Ok((flow, response));
                }
            },
            Machine::Invite(machine) => match machine.answer(now, &timing, status)? {
                server_invite::Answered::Provisional | server_invite::Answered::Refused => {
                    server.last = exact(&response);
                }
                server_invite::Answered::Accepted => server.last = Packet::new(),
            },
        }
        self.arm_server(now, id.0);
        Ok((flow, response))
    }

    /// A non-INVITE transaction has its final response: Completed, or at once Terminated where
    /// Timer J is zero.
    fn answered(&mut self, now: Tick, id: ServerId, flow: Flow, response: &Packet) {
        let Some(server) = self.servers.remove(id.0) else { return };
        let number = if flow.transport.is_reliable() || self.bounds.lingering == 0 {
            None
        } else {
            let ends_at = now + self.timing.timeout();
            self.mind_removal(ends_at);
            self.answers.push(server.key, flow, response, ends_at)
        };
        let Some(number) = number else {
            self.forget_server_key(&server.key);
            return;
        };
        self.server_index.insert(server.key, Place::answered(number));
        while self.answers.len() > self.bounds.lingering
            || self.answers.bytes() > self.bounds.lingering_bytes
        {
            let Some(oldest) = self.answers.pop() else { break };
            self.evicted += 1;
            self.forget_server_key(&oldest);
        }
    }

    /// Drops a transaction without a trace: its request is answered without state (a challenge,
    /// RFC 3261 s8.2.7), and a retransmission counts as new.
    pub fn discard(&mut self, id: ServerId) {
        if let Some(server) = self.servers.remove(id.0) {
            self.forget_server_key(&server.key);
        }
    }

    /// Where the responses of a transaction go.
    #[must_use]
    pub fn server_flow(&self, id: ServerId) -> Option<Flow> {
        self.servers.get(id.0).map(|server| server.flow)
    }

    /// Whether a final response is still awaited.
    #[must_use]
    pub fn awaits_final(&self, id: ServerId) -> bool {
        match self.servers.get(id.0).map(|server| &server.machine) {
            Some(Machine::NonInvite(_)) => true,
            Some(Machine::Invite(machine)) => machine.state == server_invite::State::Proceeding,
            None => false,
        }
    }

    pub(super) fn forget_server_key(&mut self, key: &TransactionKey) {
        self.server_index.remove(key);
        shrink(&mut self.server_index);
    }

    fn arm_server(&mut self, now: Tick, name: Name) {
        let Some(server) = self.servers.get(name) else { return };
        let (armed, deadline) = (server.armed, server.deadline());
        let armed = self.arm(now, armed, deadline, Target::server(name.index));
        if let Some(server) = self.servers.get_mut(name) {
            server.armed = armed;
        }
    }

    pub(super) fn server_timer(&mut self, now: Tick, index: u32, out: &mut Vec<TimerOutput>) {
        let Some((name, _)) = self.servers.at(index) else { return };
        let timing = self.timing;
        let Some(server) = self.servers.get_mut(name) else { return };
        server.armed = Armed::UNSET;
        let id = ServerId(name);
        let fired = match &mut server.machine {
            Machine::NonInvite(machine) => match machine.timer(now) {
                server_non_invite::Fired::Nothing => Fired::Nothing,
                server_non_invite::Fired::NeedTrying => Fired::Say(TimerOutput::NeedTrying(id)),
                server_non_invite::Fired::Ended => Fired::End(TimerOutput::ServerGone(id)),
            },
            Machine::Invite(machine) => match machine.timer(now, &timing) {
                server_invite::Fired::Nothing => Fired::Nothing,
                server_invite::Fired::NeedTrying => Fired::Say(TimerOutput::NeedTrying(id)),
                server_invite::Fired::Retransmit => {
                    Fired::Say(TimerOutput::Send(server.flow, server.last.clone()))
                }
                server_invite::Fired::Failed => Fired::End(TimerOutput::ServerFailed(id)),
                server_invite::Fired::Ended => Fired::End(TimerOutput::ServerGone(id)),
            },
        };
        match fired {
            Fired::End(output) => {
                out.push(output);
                self.discard(id);
            }
            Fired::Say(output) => {
                out.push(output);
                self.arm_server(now, name);
            }
            Fired::Nothing => self.arm_server(now, name),
        }
    }
}

/// Whether a header of the response has this tag, as a whole: a tag is a token, and what stands
/// around it is `=`, white space, or what ends a parameter.
fn has_tag(response: &[u8], tag: &[u8]) -> bool {
    memmem::find_iter(response, tag).any(|start| {
        let before = response.get(..start).and_then(<[u8]>::last);
        let after = response.get(start + tag.len());
        matches!(before, Some(b'=' | b' ' | b'\t' | b'\n'))
            && matches!(after, None | Some(b';' | b',' | b' ' | b'\t' | b'\r' | b'\n'))
    })
}

/// A copy of its own, so that what is kept keeps no larger buffer alive.
fn exact(response: &Packet) -> Packet {
    Bytes::copy_from_slice(response)
}
