//! The table told again, slowly and in one place: each transaction is a phase and the moment at
//! which that phase ends.

use std::collections::BTreeMap;

use super::*;

/// What time brings, retransmissions apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum End {
    NeedTrying(ServerId),
    Failed(ServerId),
    ServerGone(ServerId),
    TimedOut(ClientId),
    TimerC(ClientId),
    ClientGone(ClientId),
}

impl End {
    pub(super) fn of(output: &TimerOutput) -> End {
        match output {
            TimerOutput::NeedTrying(id) => End::NeedTrying(*id),
            TimerOutput::ServerFailed(id) => End::Failed(*id),
            TimerOutput::ServerGone(id) => End::ServerGone(*id),
            TimerOutput::ClientTimedOut(id, OWNER) => End::TimedOut(*id),
            TimerOutput::TimerC(id, OWNER) => End::TimerC(*id),
            TimerOutput::ClientGone(id, OWNER) => End::ClientGone(*id),
            other => panic!("time brought {other:?}"),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cancel {
    No,
    Wanted,
    Sent,
}

/// A phase, with its next moment where it has more than its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Calling,
    Ringing { timer_c: Option<Tick> },
    Refused { acknowledged: bool },
    Accepted,
    Waiting,
    Absorbing,
}

#[derive(Clone, Copy, Debug)]
struct Client {
    id: ClientId,
    flow: Flow,
    phase: Phase,
    cancel: Cancel,
    timer_c: Tick,
    ends_at: Tick,
    answered: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ServerPhase {
    /// Since when, and whether a 100 is still to be asked for.
    Pending {
        trying_at: Option<Tick>,
    },
    Refused,
    Confirmed,
    Accepted,
    Answered,
}

#[derive(Clone, Copy, Debug)]
struct Server {
    id: ServerId,
    flow: Flow,
    since: Tick,
    phase: ServerPhase,
    last: Option<u16>,
    ends_at: Tick,
    answered: u64,
}

pub(super) struct Model {
    now: Tick,
    clients: BTreeMap<Key, Client>,
    servers: BTreeMap<Key, Server>,
    /// Counts answers, to know the oldest.
    answers: u64,
}

const TIMEOUT: Duration = Duration::from_secs(32);
const T4: Duration = Duration::from_secs(5);
const TIMER_C: Duration = Duration::from_secs(181);
const PATIENCE: Duration = Duration::from_secs(600);

impl Model {
    pub(super) fn new(now: Tick) -> Model {
        Model { now, clients: BTreeMap::new(), servers: BTreeMap::new(), answers: 0 }
    }

    pub(super) fn clients(&self) -> usize {
        self.clients.values().filter(|client| client.phase != Phase::Absorbing).count()
    }

    pub(super) fn absorbing(&self) -> usize {
        self.clients.len() - self.clients()
    }

    pub(super) fn servers(&self) -> usize {
        self.servers.values().filter(|server| server.phase != ServerPhase::Answered).count()
    }

    pub(super) fn answered(&self) -> usize {
        self.servers.len() - self.servers()
    }

    fn full(&self) -> bool {
        self.clients() + self.servers() >= BOUNDS.active
    }

    pub(super) fn client_id(&self, key: Key) -> Option<ClientId> {
        let client = self.clients.get(&key)?;
        (client.phase != Phase::Absorbing).then_some(client.id)
    }

    pub(super) fn server_id(&self, key: Key) -> Option<ServerId> {
        self.servers.get(&key).map(|server| server.id)
    }

    pub(super) fn forget_client(&mut self, key: Key) {
        self.clients.remove(&key);
    }

    /// An answered transaction has no name any more.
    pub(super) fn forget_server(&mut self, key: Key) {
        if self.servers.get(&key).is_some_and(|server| server.phase != ServerPhase::Answered) {
            self.servers.remove(&key);
        }
    }

    pub(super) fn start(&mut self, key: Key, flow: Flow, got: Result<ClientId, StartError>) {
        if self.full() {
            return assert_eq!(got, Err(StartError::Full));
        }
        if self.clients.contains_key(&key) {
            return assert_eq!(got, Err(StartError::Duplicate));
        }
        let id = got.unwrap();
        assert!(self.clients.values().all(|client| client.id != id), "a name given twice");
        let client = Client {
            id,
            flow,
            phase: if key.method == "INVITE" { Phase::Calling } else { Phase::Waiting },
            cancel: Cancel::No,
            timer_c: self.now + TIMER_C,
            ends_at: self.now + TIMEOUT,
            answered: 0,
        };
        self.clients.insert(key, client);
    }

    pub(super) fn response(&mut self, key: Key, status: u16, got: &Matched) {
        let now = self.now;
        let Some(client) = self.clients.get_mut(&key) else {
            return assert_eq!(*got, Matched::Stray);
        };
        let mut expected = ClientResponse {
            id: client.id,
            owner: OWNER,
            ended: false,
            build_ack: None,
            send_cancel: None,
        };
        match (client.phase, status) {
            (Phase::Absorbing | Phase::Accepted, ..200 | 300..)
            | (Phase::Absorbing, _)
            | (Phase::Refused { .. }, ..300) => return assert_eq!(*got, Matched::Absorbed(None)),
            (Phase::Refused { acknowledged }, _) => {
                let ack = acknowledged.then(|| (client.flow, packet("ACK")));
                return assert_eq!(*got, Matched::Absorbed(ack));
            }
            (Phase::Accepted | Phase::Waiting, ..300)
                if status < 200 || client.phase == Phase::Accepted => {}
            (Phase::Waiting, _) => {
                expected.ended = true;
                assert_eq!(*got, Matched::Pass(expected));
                return self.client_answered(key);
            }
            (Phase::Calling | Phase::Ringing { .. }, ..200) => {
                if status > 100 && !matches!(client.phase, Phase::Ringing { timer_c: None }) {
                    client.timer_c = now + TIMER_C;
                }
                if client.cancel == Cancel::Wanted {
                    expected.send_cancel = Some((client.flow, packet("r")));
                    client.cancel = Cancel::Sent;
                    client.phase = Phase::Ringing { timer_c: None };
                    client.ends_at = now + TIMEOUT;
                } else if !matches!(client.phase, Phase::Ringing { timer_c: None }) {
                    client.phase = Phase::Ringing { timer_c: Some(client.timer_c) };
                    client.ends_at = Tick::NEVER;
                }
            }
            (Phase::Calling | Phase::Ringing { .. }, 200..=299) => {
                client.phase = Phase::Accepted;
                client.ends_at = now + TIMEOUT;
            }
            (Phase::Calling | Phase::Ringing { .. }, _) => {
                expected.build_ack = Some((client.flow, packet("r")));
                client.phase = Phase::Refused { acknowledged: true };
                let reliable = client.flow.transport.is_reliable();
                client.ends_at = if reliable { now } else { now + TIMEOUT };
            }
            (Phase::Accepted, _) => unreachable!("covered above"),
        }
        assert_eq!(*got, Matched::Pass(expected));
    }

    fn client_answered(&mut self, key: Key) {
        let Some(client) = self.clients.get_mut(&key) else { return };
        if client.flow.transport.is_reliable() {
            self.clients.remove(&key);
            return;
        }
        self.answers += 1;
        client.answered = self.answers;
        client.phase = Phase::Absorbing;
        client.ends_at = self.now + T4;
        if self.absorbing() > BOUNDS.lingering {
            let absorbing = self.clients.iter().filter(|(_, c)| c.phase == Phase::Absorbing);
            let oldest = absorbing.min_by_key(|(_, client)| client.answered).map(|(key, _)| *key);
            oldest.map(|key| self.clients.remove(&key));
        }
    }

    pub(super) fn want_cancel(&mut self, key: Key, got: &Cancelling) {
        let now = self.now;
        let Some(client) = self.clients.get_mut(&key) else { return };
        let expected = match client.phase {
            Phase::Calling => {
                client.cancel = Cancel::Wanted;
                Cancelling::WhenProvisional
            }
            Phase::Ringing { .. } if client.cancel != Cancel::Sent => {
                client.cancel = Cancel::Sent;
                client.phase = Phase::Ringing { timer_c: None };
                client.ends_at = now + TIMEOUT;
                Cancelling::Send(client.flow, packet("r"))
            }
            _ => Cancelling::Pointless,
        };
        assert_eq!(*got, expected);
    }

    /// What still waits for a final response over the connection fails with it.
    pub(super) fn close(&mut self, got: &[TimerOutput]) {
        let mut got: Vec<ClientId> = got
            .iter()
            .map(|output| match output {
                TimerOutput::ClientDisconnected(id, OWNER) => *id,
                other => panic!("a closed connection brought {other:?}"),
            })
            .collect();
        let ends = |client: &Client| {
            client.flow == tcp()
                && matches!(client.phase, Phase::Calling | Phase::Ringing { .. } | Phase::Waiting)
        };
        let mut expected: Vec<ClientId> =
            self.clients.values().filter(|client| ends(client)).map(|client| client.id).collect();
        got.sort_unstable();
        expected.sort_unstable();
        assert_eq!(got, expected);
        self.clients.retain(|_, client| !ends(client));
    }

    pub(super) fn request(&mut self, key: Key, flow: Flow, got: &Received) {
        if let Some(server) = self.servers.get(&key) {
            let silent = matches!(server.phase, ServerPhase::Accepted | ServerPhase::Confirmed);
            let again = server.last.filter(|_| !silent);
            let again = again.map(|status| (server.flow, packet(&status.to_string())));
            return assert_eq!(*got, Received::Retransmission(again));
        }
        if self.full() {
            return assert_eq!(*got, Received::Full);
        }
        let id = match got {
            Received::New(id) if key.method != "CANCEL" => *id,
            Received::Cancel { id, target } if key.method == "CANCEL" => {
                assert_eq!(*target, self.cancel_target(key.branch));
                *id
            }
            other => panic!("{other:?} for a new request"),
        };
        let (trying, patience) =
            if key.method == "INVITE" { (200, PATIENCE) } else { (3_500, TIMEOUT) };
        let server = Server {
            id,
            flow,
            since: self.now,
            phase: ServerPhase::Pending { trying_at: Some(self.now + millis(trying)) },
            last: None,
            ends_at: self.now + patience,
            answered: 0,
        };
        self.servers.insert(key, server);
    }

    fn cancel_target(&self, branch: &'static str) -> CancelTarget {
        if let Some(server) = self.servers.get(&Key { method: "INVITE", branch }) {
            return match server.phase {
                ServerPhase::Pending { .. } => CancelTarget::Pending(server.id),
                _ => CancelTarget::Unaffected,
            };
        }
        match self.servers.get(&Key { method: "MESSAGE", branch }) {
            Some(_) => CancelTarget::Unaffected,
            None => CancelTarget::Nothing,
        }
    }

    pub(super) fn ack(&mut self, branch: &'static str, got: &Received) {
        let now = self.now;
        let Some(server) = self.servers.get_mut(&Key { method: "INVITE", branch }) else {
            return assert_eq!(*got, Received::Ack(None));
        };
        match server.phase {
            ServerPhase::Accepted => return assert_eq!(*got, Received::Ack(Some(server.id))),
            ServerPhase::Refused => {
                server.phase = ServerPhase::Confirmed;
                let reliable = server.flow.transport.is_reliable();
                server.ends_at = if reliable { now } else { now + T4 };
            }
            _ => {}
        }
        assert_eq!(*got, Received::AckAbsorbed);
    }

    pub(super) fn respond(
        &mut self,
        key: Key,
        status: u16,
        got: &Result<(Flow, Packet), RespondError>,
    ) {
        let now = self.now;
        let Some(server) = self.servers.get_mut(&key) else { return };
        let sent = Ok((server.flow, packet(&status.to_string())));
        let reliable = server.flow.transport.is_reliable();
        let refusal = match (key.method, server.phase, status) {
            (_, ServerPhase::Answered, _) => Some(RespondError::Ended),
            ("INVITE", ServerPhase::Pending { .. }, _)
            | ("INVITE", ServerPhase::Accepted, 200..=299) => None,
            ("INVITE", ..) => Some(RespondError::Answered),
            (_, _, 100) if !reliable && now < server.since + millis(3_500) => {
                Some(RespondError::TooEarly)
            }
            (_, _, 101..=199) => Some(RespondError::Provisional),
            (_, _, 408) => Some(RespondError::RequestTimeout),
            _ => None,
        };
        if let Some(error) = refusal {
            return assert_eq!(*got, Err(error));
        }
        assert_eq!(*got, sent);
        match (key.method, status) {
            ("INVITE", _) if server.phase == ServerPhase::Accepted => {}
            (method, ..200) => {
                server.phase = ServerPhase::Pending { trying_at: None };
                server.last = Some(status);
                if method == "INVITE" {
                    server.ends_at = now + PATIENCE;
                }
            }
            ("INVITE", 200..=299) => {
                server.phase = ServerPhase::Accepted;
                server.ends_at = now + TIMEOUT;
            }
            ("INVITE", _) => {
                server.phase = ServerPhase::Refused;
                server.last = Some(status);
                server.ends_at = now + TIMEOUT;
            }
            _ => {
                server.last = Some(status);
                self.server_answered(key);
            }
        }
    }

    fn server_answered(&mut self, key: Key) {
        let Some(server) = self.servers.get_mut(&key) else { return };
        if server.flow.transport.is_reliable() {
            self.servers.remove(&key);
            return;
        }
        self.answers += 1;
        server.answered = self.answers;
        server.phase = ServerPhase::Answered;
        server.ends_at = self.now + TIMEOUT;
        if self.answered() > BOUNDS.lingering {
            let answered = self.servers.iter().filter(|(_, s)| s.phase == ServerPhase::Answered);
            let oldest = answered.min_by_key(|(_, server)| server.answered).map(|(key, _)| *key);
            oldest.map(|key| self.servers.remove(&key));
        }
    }

    /// Lets time pass and tells what it brings.
    pub(super) fn run(&mut self, time: Duration) -> Vec<(u128, End)> {
        let (start, end) = (self.now, self.now + time);
        let mut all = Vec::new();
        loop {
            let next = self.next().min(end).max(self.now);
            let due = self.next() <= end;
            self.now = next;
            if !due {
                return all;
            }
            let at = next.since(start).as_millis();
            all.extend(self.due().into_iter().map(|end| (at, end)));
        }
    }

    fn next(&self) -> Tick {
        let clients = self.clients.values().map(|client| match client.phase {
            Phase::Ringing { timer_c: Some(at) } => at,
            _ => client.ends_at,
        });
        let servers = self.servers.values().map(|server| match server.phase {
            ServerPhase::Pending { trying_at: Some(at) } => at.min(server.ends_at),
            _ => server.ends_at,
        });
        clients.chain(servers).min().unwrap_or(Tick::NEVER)
    }

    fn due(&mut self) -> Vec<End> {
        let now = self.now;
        let mut ends = Vec::new();
        self.clients.retain(|_, client| {
            if let Phase::Ringing { timer_c: Some(at) } = client.phase {
                if at <= now {
                    ends.push(End::TimerC(client.id));
                    client.phase = Phase::Ringing { timer_c: None };
                    client.ends_at = now + TIMEOUT;
                }
                return true;
            }
            if client.ends_at > now {
                return true;
            }
            match client.phase {
                Phase::Absorbing => {}
                Phase::Refused { .. } | Phase::Accepted => ends.push(End::ClientGone(client.id)),
                _ => ends.push(End::TimedOut(client.id)),
            }
            false
        });
        self.servers.retain(|_, server| {
            if server.ends_at <= now {
                match server.phase {
                    ServerPhase::Answered => {}
                    ServerPhase::Refused => ends.push(End::Failed(server.id)),
                    _ => ends.push(End::ServerGone(server.id)),
                }
                return false;
            }
            if let ServerPhase::Pending { trying_at: Some(at) } = server.phase
                && at <= now
            {
                ends.push(End::NeedTrying(server.id));
                server.phase = ServerPhase::Pending { trying_at: None };
            }
            true
        });
        ends
    }
}
