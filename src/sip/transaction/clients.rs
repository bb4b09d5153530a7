//! The client side of the table.

use std::collections::hash_map::Entry;

use crate::clock::Tick;
use crate::sip::{ConnectionId, Flow};

use super::key::{TransactionKey, shrink};
use super::slab::Name;
use super::timers::{Armed, Target};
use super::{
    Cancelling, ClientId, ClientResponse, Matched, Owner, Packet, StartError, Table, TimerOutput,
    client_invite, client_non_invite,
};

#[derive(Debug)]
pub(super) enum Machine {
    Invite(client_invite::Machine),
    NonInvite(client_non_invite::Machine),
}

/// A client transaction that somebody waits for.
#[derive(Debug)]
pub(super) struct Client {
    key: TransactionKey,
    owner: Owner,
    flow: Flow,
    machine: Machine,
    /// The request while it may be needed; an INVITE's becomes its ACK.
    request: Packet,
    /// Whether `request` is the ACK.
    is_ack: bool,
    pub(super) armed: Armed,
}

impl Client {
    fn deadline(&self) -> Tick {
        match &self.machine {
            Machine::Invite(machine) => machine.deadline(),
            Machine::NonInvite(machine) => machine.deadline(),
        }
    }

    fn awaits_final(&self) -> bool {
        match &self.machine {
            Machine::Invite(machine) => machine.awaits_final(),
            Machine::NonInvite(_) => true,
        }
    }
}

/// What came of a timer, whichever machine's.
enum Fired {
    Nothing,
    Say(TimerOutput),
    End(TimerOutput),
}

impl Table {
    /// Opens a client transaction for a request that the caller now sends on `flow`. The branch is
    /// that of the topmost Via in `request`; a CANCEL has its INVITE's.
    ///
    /// # Errors
    ///
    /// [`StartError`]; then the request must not be sent.
    pub fn start_client(
        &mut self,
        now: Tick,
        owner: Owner,
        method: &[u8],
        branch: &[u8],
        flow: Flow,
        request: Packet,
    ) -> Result<ClientId, StartError> {
        if method == b"ACK" {
            return Err(StartError::Ack);
        }
        if self.active() >= self.bounds.active {
            self.refused += 1;
            return Err(StartError::Full);
        }
        let key = self.keyer.transaction(self.keyer.client_exchange(branch), method);
        let Entry::Vacant(place) = self.client_index.entry(key) else {
            return Err(StartError::Duplicate);
        };
        let reliable = flow.transport.is_reliable();
        let (machine, request) = if method == b"INVITE" {
            (Machine::Invite(client_invite::Machine::new(now, &self.timing, reliable)), request)
        } else {
            // A stream carries the request once, and nothing is built from it later.
            let request = if reliable { Packet::new() } else { request };
            let machine = client_non_invite::Machine::new(now, &self.timing, reliable);
            (Machine::NonInvite(machine), request)
        };
        let client =
            Client { key, owner, flow, machine, request, is_ack: false, armed: Armed::UNSET };
        let name = self.clients.insert(client).ok_or(StartError::Full)?;
        place.insert(Some(name.index));
        self.arm_client(now, name);
        Ok(ClientId(name))
    }

    /// Takes a response: the branch of its topmost Via, the method in its CSeq, its status
    /// (RFC 3261 s17.1.3). A status outside 100 to 699 is stray.
    pub fn receive_response(
        &mut self,
        now: Tick,
        branch: &[u8],
        cseq_method: &[u8],
        status: u16,
    ) -> Matched {
        if !(100..700).contains(&status) {
            return Matched::Stray;
        }
        let key = self.keyer.transaction(self.keyer.client_exchange(branch), cseq_method);
        let index = match self.client_index.get(&key) {
            None => return Matched::Stray,
            Some(None) => return Matched::Absorbed(None),
            Some(Some(index)) => *index,
        };
        let Some((name, _)) = self.clients.at(index) else { return Matched::Stray };
        let timing = self.timing;
        let Some(client) = self.clients.get_mut(name) else { return Matched::Stray };
        let mut response = ClientResponse {
            id: ClientId(name),
            owner: client.owner,
            ended: false,
            build_ack: None,
            send_cancel: None,
        };
        match &mut client.machine {
            Machine::NonInvite(machine) => match machine.response(status) {
                client_non_invite::Answered::Provisional => {}
                client_non_invite::Answered::Final => {
                    response.ended = true;
                    self.client_answered(now, name);
                    return Matched::Pass(response);
                }
            },
            Machine::Invite(machine) => {
                use client_invite::Answered;
                match machine.response(now, &timing, status) {
                    Answered::Provisional { send_cancel } => {
                        response.send_cancel =
                            send_cancel.then(|| (client.flow, client.request.clone()));
                    }
                    Answered::Accepted => client.request = Packet::new(),
                    Answered::Refused => {
                        response.build_ack = Some((client.flow, client.request.clone()));
                    }
                    Answered::Repeated => {
                        let ack = client.is_ack.then(|| (client.flow, client.request.clone()));
                        return Matched::Absorbed(ack);
                    }
                    Answered::Ignored => return Matched::Absorbed(None),
                }
            }
        }
        self.arm_client(now, name);
        Matched::Pass(response)
    }

    /// Keeps the ACK that was built for a non-2xx final, to be sent again for each repetition of
    /// it. Nothing happens if the transaction is over, as it soon is over a reliable transport.
    pub fn acknowledged(&mut self, id: ClientId, ack: Packet) {
        if let Some(client) = self.clients.get_mut(id.0)
            && let Machine::Invite(machine) = &client.machine
            && machine.state == client_invite::State::Completed
        {
            client.request = ack;
            client.is_ack = true;
        }
    }

    /// A non-INVITE transaction has its final response: Completed, or at once Terminated where
    /// Timer K is zero.
    fn client_answered(&mut self, now: Tick, name: Name) {
        let Some(client) = self.clients.remove(name) else { return };
        if client.flow.transport.is_reliable() || self.bounds.lingering == 0 {
            self.forget_client_key(&client.key);
            return;
        }
        self.client_index.insert(client.key, None);
        let ends_at = now + self.timing.t4;
        self.client_answers.push(client.key, ends_at);
        self.mind_removal(ends_at);
        if self.client_answers.len() > self.bounds.lingering
            && let Some(oldest) = self.client_answers.pop()
        {
            self.evicted += 1;
            self.forget_client_key(&oldest);
        }
    }

    /// Wants an INVITE cancelled (RFC 3261 s9.1).
    pub fn cancel(&mut self, now: Tick, id: ClientId) -> Cancelling {
        let timing = self.timing;
        let Some(client) = self.clients.get_mut(id.0) else { return Cancelling::Pointless };
        let Machine::Invite(machine) = &mut client.machine else { return Cancelling::Pointless };
        match machine.cancel(now, &timing) {
            client_invite::Cancelled::Pointless => Cancelling::Pointless,
            client_invite::Cancelled::WhenProvisional => Cancelling::WhenProvisional,
            client_invite::Cancelled::Send => {
                let send = Cancelling::Send(client.flow, client.request.clone());
                self.arm_client(now, id.0);
                send
            }
        }
    }

    /// The request or the ACK could not be sent: the transaction ends (RFC 3261 s17.1.4), as if
    /// 503 had come. Tells whom it concerns; `None` if it was over already.
    pub fn transport_failed(&mut self, id: ClientId) -> Option<Owner> {
        let client = self.clients.remove(id.0)?;
        self.forget_client_key(&client.key);
        Some(client.owner)
    }

    /// A connection has ended: so do the client transactions whose request went out on it and has
    /// no final response yet. An accepted INVITE stays, since another 2xx may come over another
    /// connection (RFC 6026 s8.4), and so do server transactions (s7.1).
    pub fn connection_closed(&mut self, connection: ConnectionId, out: &mut Vec<TimerOutput>) {
        if !connection.is_some() {
            return;
        }
        let ended: Vec<Name> = self
            .clients
            .iter()
            .filter(|(_, client)| client.flow.connection == connection && client.awaits_final())
            .map(|(name, _)| name)
            .collect();
        for name in ended {
            if let Some(owner) = self.transport_failed(ClientId(name)) {
                out.push(TimerOutput::ClientDisconnected(ClientId(name), owner));
            }
        }
    }

    /// Whom a client transaction concerns.
    #[must_use]
    pub fn client_owner(&self, id: ClientId) -> Option<Owner> {
        self.clients.get(id.0).map(|client| client.owner)
    }

    pub(super) fn forget_client_key(&mut self, key: &TransactionKey) {
        self.client_index.remove(key);
        shrink(&mut self.client_index);
    }

    fn arm_client(&mut self, now: Tick, name: Name) {
        let Some(client) = self.clients.get(name) else { return };
        let (armed, deadline) = (client.armed, client.deadline());
        let armed = self.arm(now, armed, deadline, Target::client(name.index));
        if let Some(client) = self.clients.get_mut(name) {
            client.armed = armed;
        }
    }

    pub(super) fn client_timer(&mut self, now: Tick, index: u32, out: &mut Vec<TimerOutput>) {
        let Some((name, _)) = self.clients.at(index) else { return };
        let timing = self.timing;
        let Some(client) = self.clients.get_mut(name) else { return };
        client.armed = Armed::UNSET;
        let (id, owner) = (ClientId(name), client.owner);
        let again = |client: &Client| TimerOutput::Send(client.flow, client.request.clone());
        let fired = match &mut client.machine {
            Machine::NonInvite(machine) => match machine.timer(now, &timing) {
                client_non_invite::Fired::Nothing => Fired::Nothing,
                client_non_invite::Fired::Retransmit => Fired::Say(again(client)),
                client_non_invite::Fired::TimedOut => {
                    Fired::End(TimerOutput::ClientTimedOut(id, owner))
                }
            },
            Machine::Invite(machine) => match machine.timer(now, &timing) {
                client_invite::Fired::Nothing => Fired::Nothing,
                client_invite::Fired::Retransmit => Fired::Say(again(client)),
                client_invite::Fired::TimerC => Fired::Say(TimerOutput::TimerC(id, owner)),
                client_invite::Fired::TimedOut => {
                    Fired::End(TimerOutput::ClientTimedOut(id, owner))
                }
                client_invite::Fired::Ended => Fired::End(TimerOutput::ClientGone(id, owner)),
            },
        };
        match fired {
            Fired::End(output) => {
                out.push(output);
                self.transport_failed(id);
            }
            Fired::Say(output) => {
                out.push(output);
                self.arm_client(now, name);
            }
            Fired::Nothing => self.arm_client(now, name),
        }
    }
}
