//! The table as its users see it, on a virtual clock.

mod bounds;
mod cancelling;
mod client_invite;
mod client_non_invite;
mod interleaving;
mod matching;
mod merged;
mod server_invite;
mod server_non_invite;

use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::clock::Tick;
use crate::sip::{ConnectionId, Flow, Transport};

/// The user of every client transaction here.
const OWNER: Owner = Owner(4, 2);

/// What a CSeq method and a branch look like when nothing else matters.
const BRANCH: &str = "z9hG4bK-one";

fn udp() -> Flow {
    Flow {
        transport: Transport::Udp,
        local: ([192, 0, 2, 1], 5_060).into(),
        remote: ([192, 0, 2, 7], 5_060).into(),
        connection: ConnectionId::NONE,
    }
}

fn tcp() -> Flow {
    Flow { transport: Transport::Tcp, connection: ConnectionId(7), ..udp() }
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn packet(text: &str) -> Packet {
    Bytes::copy_from_slice(text.as_bytes())
}

fn key_of<'a>(method: &'a str, branch: &'a str) -> ServerKeyParts<'a> {
    ServerKeyParts {
        method: method.as_bytes(),
        branch: branch.as_bytes(),
        sent_by: b"client.example:5060",
        legacy: Legacy::default(),
    }
}

/// A table and its clock.
struct Bench {
    table: Table,
    now: Tick,
}

impl Bench {
    fn new() -> Bench {
        Bench::with(Timing::default(), Bounds::default())
    }

    fn with(timing: Timing, bounds: Bounds) -> Bench {
        Bench { table: Table::new(timing, bounds), now: Tick::from_secs(1_000) }
    }

    /// Lets time pass, waking the table exactly when it asks for it; what came of it, each with the
    /// milliseconds since the call.
    fn run(&mut self, time: Duration) -> Vec<(u128, TimerOutput)> {
        let (start, end) = (self.now, self.now + time);
        let mut all = Vec::new();
        let mut out = Vec::new();
        loop {
            let next = self.table.next_deadline();
            self.now = next.min(end).max(self.now);
            self.table.advance(self.now, &mut out);
            let at = self.now.since(start).as_millis();
            all.extend(out.drain(..).map(|output| (at, output)));
            assert!(self.table.next_deadline() > self.now, "the table is awake after all was done");
            if next > end {
                return all;
            }
        }
    }

    fn client(&mut self, method: &str, branch: &str, flow: Flow) -> ClientId {
        let request = packet(&format!("{method} request"));
        self.table
            .start_client(self.now, OWNER, method.as_bytes(), branch.as_bytes(), flow, request)
            .unwrap()
    }

    fn response(&mut self, method: &str, branch: &str, status: u16) -> Matched {
        self.table.receive_response(self.now, branch.as_bytes(), method.as_bytes(), status)
    }

    /// The response must be the user's.
    fn passed(&mut self, method: &str, branch: &str, status: u16) -> ClientResponse {
        match self.response(method, branch, status) {
            Matched::Pass(response) => response,
            other => panic!("{status} was not passed up: {other:?}"),
        }
    }

    fn request(&mut self, method: &str, branch: &str, flow: Flow) -> Received {
        self.table.receive_request(self.now, &key_of(method, branch), flow)
    }

    /// The request must open a transaction.
    fn server(&mut self, method: &str, branch: &str, flow: Flow) -> ServerId {
        match self.request(method, branch, flow) {
            Received::New(id) => id,
            other => panic!("{method} opened nothing: {other:?}"),
        }
    }

    fn respond(&mut self, id: ServerId, status: u16) -> Result<(Flow, Packet), RespondError> {
        self.table.respond(self.now, id, status, packet(&status.to_string()))
    }
}

/// When something was sent.
fn sent_at(outputs: &[(u128, TimerOutput)]) -> Vec<u128> {
    outputs
        .iter()
        .filter(|(_, output)| matches!(output, TimerOutput::Send(..)))
        .map(|(at, _)| *at)
        .collect()
}

/// What happened but sending.
fn events(outputs: &[(u128, TimerOutput)]) -> Vec<(u128, TimerOutput)> {
    outputs.iter().filter(|(_, output)| !matches!(output, TimerOutput::Send(..))).cloned().collect()
}
