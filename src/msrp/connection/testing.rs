//! Two connections that talk, with every byte between them in hand.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;

use super::super::message::{Arrival, IncomingId, Notice, OutgoingId};
use super::super::session::{SessionId, Setup};
use super::super::uri::{Path, Uri};
use super::{Connection, ConnectionError, Options, Transmit};
use crate::clock::Tick;

pub(super) const ALICE: &str = "msrp://alice.example:7654/jshA7weztas;tcp";
pub(super) const BOB: &str = "msrp://bob.example:12763/kjhd37s2s20w2a;tcp";

pub(super) fn uri(text: &str) -> Uri {
    Uri::parse(text).unwrap()
}

pub(super) fn setup(local: &str, remote: &str) -> Setup {
    Setup::new(uri(local), Path::parse(remote).unwrap())
}

/// What a message became at its receiver.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Received {
    pub(super) message_id: String,
    pub(super) content_type: String,
    pub(super) total: Option<u64>,
    pub(super) duplicate: bool,
    pub(super) bytes: Vec<u8>,
    pub(super) complete: Option<u64>,
    pub(super) aborted: Option<u64>,
}

/// One end: a connection, what it read so far, and what its application holds.
pub(super) struct End {
    pub(super) connection: Connection,
    pub(super) unread: Vec<u8>,
    pub(super) received: HashMap<IncomingId, Received>,
    pub(super) order: Vec<IncomingId>,
    pub(super) notices: Vec<Notice>,
    /// Sources of messages that are not in memory.
    pub(super) sources: HashMap<OutgoingId, Bytes>,
    /// What is done with a message that arrives: accept, or deny with a code.
    pub(super) deny: Option<u16>,
    pub(super) unbound: Option<Setup>,
    pub(super) now: Tick,
}

impl End {
    pub(super) fn new(options: Options) -> End {
        End {
            connection: Connection::new(options),
            unread: Vec::new(),
            received: HashMap::new(),
            order: Vec::new(),
            notices: Vec::new(),
            sources: HashMap::new(),
            deny: None,
            unbound: None,
            now: Tick::ZERO,
        }
    }

    /// Takes bytes of the wire.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Result<(), ConnectionError> {
        self.unread.extend_from_slice(bytes);
        let buffer = std::mem::take(&mut self.unread);
        let mut input = &buffer[..];
        let outcome = loop {
            match self.connection.receive(self.now, &mut input) {
                Ok(Some(arrival)) => Self::arrived(arrival, &mut self.received, &mut self.order),
                Ok(None) => {
                    if !self.decide() {
                        break Ok(());
                    }
                }
                Err(error) => break Err(error),
            }
        };
        self.unread = input.to_vec();
        self.listen();
        outcome
    }

    fn arrived(
        arrival: Arrival<'_>,
        received: &mut HashMap<IncomingId, Received>,
        order: &mut Vec<IncomingId>,
    ) {
        match arrival {
            Arrival::Unbound { .. } => {}
            Arrival::Message(m) => {
                order.push(m.id);
                received.insert(
                    m.id,
                    Received {
                        message_id: m.message_id.to_owned(),
                        content_type: m.content_type.to_owned(),
                        total: m.total,
                        duplicate: m.duplicate,
                        ..Received::default()
                    },
                );
            }
            Arrival::Body { id, offset, bytes } => {
                let message = received.entry(id).or_default();
                if offset > 1 << 30 {
                    return; // Nobody has so much memory.
                }
                let end = offset as usize + bytes.len();
                let length = message.bytes.len().max(end);
                message.bytes.resize(length, 0);
                message.bytes[offset as usize..end].copy_from_slice(bytes);
            }
            Arrival::Complete { id, length } => {
                received.entry(id).or_default().complete = Some(length);
            }
            Arrival::Aborted { id, bytes, .. } => {
                received.entry(id).or_default().aborted = Some(bytes);
            }
        }
    }

    /// Answers what the connection asks. False if it asks nothing.
    fn decide(&mut self) -> bool {
        if !self.connection.is_waiting() {
            return false;
        }
        if self.connection.current.is_about_a_session() {
            match self.unbound.take() {
                Some(setup) => {
                    self.connection.admit(setup);
                }
                None => self.connection.refuse(super::super::session::Refusal::NoSession),
            }
            return true;
        }
        let Some(id) = self.order.last().copied() else { return false };
        match self.deny {
            Some(code) => self.connection.deny(id, code),
            None => self.connection.accept(id),
        }
        true
    }

    pub(super) fn listen(&mut self) {
        while let Some(notice) = self.connection.poll_notice() {
            self.notices.push(notice);
        }
    }

    /// What goes to the wire now: one buffer full, or less.
    pub(super) fn write_some(&mut self) -> (Vec<u8>, bool) {
        let mut out = Vec::new();
        let more = loop {
            match self.connection.transmit(self.now, &mut out) {
                Transmit::Idle => break false,
                Transmit::Full => break true,
                Transmit::Body { id, offset, most } => {
                    let source = self.sources.get(&id).cloned().unwrap_or_default();
                    let rest = &source[(offset as usize).min(source.len())..];
                    let part = &rest[..rest.len().min(most)];
                    let used = self.connection.supply(part, part.len() == rest.len());
                    out.extend_from_slice(&part[..used]);
                    if out.len() >= self.connection.options.out_bytes {
                        break true;
                    }
                }
            }
        };
        self.listen();
        (out, more)
    }

    /// All that goes to the wire.
    pub(super) fn write(&mut self) -> Vec<u8> {
        let mut all = Vec::new();
        loop {
            let (out, more) = self.write_some();
            all.extend_from_slice(&out);
            if !more {
                return all;
            }
        }
    }

    /// The same as text.
    pub(super) fn text(&mut self) -> String {
        String::from_utf8(self.write()).unwrap()
    }

    pub(super) fn wait(&mut self, time: Duration) {
        self.now = self.now + time;
        self.connection.tick(self.now);
        self.listen();
    }

    pub(super) fn first_if_any(&self) -> Option<&Received> {
        self.received.get(self.order.first()?)
    }

    pub(super) fn first(&self) -> &Received {
        &self.received[&self.order[0]]
    }
}

/// Alice, who connected, and Bob; one session, bound on both sides.
pub(super) struct Pair {
    pub(super) alice: End,
    pub(super) bob: End,
    pub(super) a: SessionId,
    pub(super) b: SessionId,
}

impl Pair {
    pub(super) fn new() -> Pair {
        Pair::with(Options::default(), |_| {})
    }

    pub(super) fn with(options: Options, change: impl Fn(&mut Setup)) -> Pair {
        let mut alice = End::new(options);
        let mut bob = End::new(options);
        let mut to_bob = setup(ALICE, BOB);
        let mut to_alice = setup(BOB, ALICE);
        change(&mut to_bob);
        change(&mut to_alice);
        let a = alice.connection.add_session(to_bob);
        let b = bob.connection.add_session(to_alice);
        Pair { alice, bob, a, b }
    }

    /// Passes bytes to and fro until nobody has anything to say.
    pub(super) fn run(&mut self) {
        loop {
            let (there, more) = self.alice.write_some();
            self.bob.read(&there).unwrap();
            let (back, more_back) = self.bob.write_some();
            self.alice.read(&back).unwrap();
            if there.is_empty() && back.is_empty() && !more && !more_back {
                return;
            }
        }
    }
}

/// A SEND of Alice to Bob, as any peer may write it.
pub(super) fn send(id: &str, fields: &str, body: Option<&str>, flag: char) -> Vec<u8> {
    let body =
        body.map_or(String::new(), |body| format!("Content-Type: text/plain\r\n\r\n{body}\r\n"));
    format!(
        "MSRP {id} SEND\r\nTo-Path: {BOB}\r\nFrom-Path: {ALICE}\r\n{fields}{body}-------{id}{flag}\r\n"
    )
    .into_bytes()
}

/// Bob's answer to that.
pub(super) fn answer(id: &str, status: &str) -> String {
    format!("MSRP {id} {status}\r\nTo-Path: {ALICE}\r\nFrom-Path: {BOB}\r\n-------{id}$\r\n")
}
