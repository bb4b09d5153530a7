//! What one thread has to send: collected while messages are handled, sent in one go.

use std::io;
use std::net::IpAddr;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::connection::Connection;
use super::egress::Egress;
use super::trace;
use super::udp::{BATCH, Sender};
use crate::sip::{ConnectionId, Flow, Transport};

/// Why a packet did not get out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The kernel refused: no route, too big for a datagram, forbidden by a packet filter.
    Unreachable,
    /// Nobody answered, or the far end refused the connection.
    ConnectFailed,
    /// The far end's certificate is not to be trusted, or is not that of the domain that was asked
    /// for (RFC 5922 s7).
    PeerNotVerified,
    /// The connection ended before the packet was written.
    ConnectionClosed,
    /// The peer takes too little; its queue, or that of all peers, is full.
    QueueFull,
    /// No more connections can be opened now.
    TooManyConnections,
    /// No listener of ours can reach that address by that transport.
    NoRoute,
}

/// A packet that did not get out although its sender wanted to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SendFailure {
    /// Where it was to go.
    pub flow: Flow,
    /// The token that [`Outbox::send`] was given.
    pub token: u64,
    /// Why.
    pub failure: Failure,
}

/// Packets of one thread on their way out. Nothing is sent before [`Outbox::flush`], except that a
/// full stream queue is written early.
pub struct Outbox {
    egress: Arc<Egress>,
    worker: usize,
    /// A worker takes its failures itself; another thread's are handed to a worker.
    own_failures: bool,
    datagrams: Vec<Datagram>,
    copied: Vec<u8>,
    streams: Vec<Arc<Connection>>,
    closing: Vec<Arc<Connection>>,
    failures: Vec<SendFailure>,
    /// The thread's spare one, from the first datagram on.
    sender: Option<Sender>,
}

struct Datagram {
    port: usize,
    source: Option<IpAddr>,
    flow: Flow,
    payload: Payload,
    token: Option<u64>,
}

enum Payload {
    Shared(Bytes),
    Copied(Range<usize>),
}

impl Outbox {
    pub(super) fn new(egress: Arc<Egress>, worker: usize, own_failures: bool) -> Outbox {
        Outbox {
            egress,
            worker,
            own_failures,
            datagrams: Vec::with_capacity(if own_failures { 2 * BATCH } else { 1 }),
            copied: Vec::new(),
            streams: Vec::new(),
            closing: Vec::new(),
            failures: Vec::new(),
            sender: None,
        }
    }

    /// The egress behind this outbox.
    #[must_use]
    pub fn egress(&self) -> &Arc<Egress> {
        &self.egress
    }

    /// Queues a packet. A stream flow without a connection reuses one to the same far end or dials
    /// (RFC 3261 s18.1.1); with one, it uses that or fails. When the packet cannot be sent,
    /// `on_failure` comes back through [`super::Ingress::transport_failed`]; without a token the
    /// loss is only counted.
    pub fn send(&mut self, flow: Flow, packet: Bytes, on_failure: Option<u64>) {
        trace::sending(&flow, &packet);
        if flow.transport == Transport::Udp {
            self.push_datagram(flow, Payload::Shared(packet), on_failure);
        } else {
            self.push_stream(flow, None, &packet, on_failure);
        }
    }

    /// Like [`Outbox::send`] to a peer that was found by its domain: over TLS it must prove to be
    /// that domain's (RFC 5922 s4), whatever its address is. Without a domain a certificate must
    /// name the address.
    pub fn send_to_domain(
        &mut self,
        flow: Flow,
        domain: &Arc<str>,
        packet: Bytes,
        on_failure: Option<u64>,
    ) {
        if flow.transport == Transport::Tls {
            trace::sending(&flow, &packet);
            self.push_stream(flow, Some(domain), &packet, on_failure);
        } else {
            self.send(flow, packet, on_failure);
        }
    }

    /// Like [`Outbox::send`] for a packet that nobody keeps: copied, so that nothing is allocated.
    pub fn send_copy(&mut self, flow: Flow, packet: &[u8], on_failure: Option<u64>) {
        trace::sending(&flow, packet);
        if flow.transport == Transport::Udp {
            let start = self.copied.len();
            self.copied.extend_from_slice(packet);
            self.push_datagram(flow, Payload::Copied(start..self.copied.len()), on_failure);
        } else {
            self.push_stream(flow, None, packet, on_failure);
        }
    }

    /// Closes a connection after what was queued for it is flushed. Nothing more that arrives on it
    /// is handled, not even what was read already.
    pub fn close(&mut self, connection: ConnectionId) {
        if let Some(connection) = self.egress.connections.get(connection) {
            connection.stop_reading();
            self.closing.push(connection);
        }
    }

    /// Whether anything waits for a flush.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.datagrams.is_empty()
            && self.streams.is_empty()
            && self.closing.is_empty()
            && self.failures.is_empty()
    }

    /// Sends everything: datagrams with as few calls as possible, each stream with one write.
    pub fn flush(&mut self) {
        self.flush_datagrams();
        for connection in self.streams.drain(..) {
            connection.flush(&self.egress);
        }
        for connection in self.closing.drain(..) {
            connection.close_after_flush(&self.egress);
        }
        if !self.own_failures && !self.failures.is_empty() {
            for failure in self.failures.drain(..) {
                self.egress.hand_over_failure(self.worker, failure);
            }
        }
    }

    /// Moves the failures out; the worker tells the engine about them.
    pub(super) fn take_failures(&mut self, into: &mut Vec<SendFailure>) {
        into.append(&mut self.failures);
    }

    pub(super) fn fail(&mut self, flow: Flow, token: Option<u64>, failure: Failure) {
        trace::unsent(&flow, failure);
        self.egress.count(|c| &c.send_failures);
        if let Some(token) = token {
            self.failures.push(SendFailure { flow, token, failure });
        }
    }

    fn push_datagram(&mut self, flow: Flow, payload: Payload, token: Option<u64>) {
        match self.egress.udp_port_for(self.worker, &flow) {
            Some((port, source)) => {
                self.datagrams.push(Datagram { port, source, flow, payload, token });
            }
            None => self.fail(flow, token, Failure::NoRoute),
        }
    }

    fn push_stream(
        &mut self,
        flow: Flow,
        domain: Option<&Arc<str>>,
        packet: &[u8],
        token: Option<u64>,
    ) {
        let mut outcome = self.append(flow, domain, packet, token);
        // A connection found by its far end may end just then; another is as good.
        if outcome == Err(Failure::ConnectionClosed) && !flow.connection.is_some() {
            outcome = self.append(flow, domain, packet, token);
        }
        if let Err(failure) = outcome {
            self.fail(flow, token, failure);
        }
    }

    fn append(
        &mut self,
        flow: Flow,
        domain: Option<&Arc<str>>,
        packet: &[u8],
        token: Option<u64>,
    ) -> Result<(), Failure> {
        let (connection, to_dial) = self.egress.connection_for(&flow, domain)?;
        let appended = connection.append(&self.egress, flow, packet, token);
        if to_dial {
            // Even if the packet was too big for the queue: somebody has to end the connection.
            self.egress.dial(self.worker, Arc::clone(&connection));
        }
        appended?;
        if !self.streams.iter().any(|known| known.id == connection.id) {
            self.streams.push(connection);
        }
        Ok(())
    }

    fn flush_datagrams(&mut self) {
        let datagrams = std::mem::take(&mut self.datagrams);
        let mut rest = datagrams.as_slice();
        while let Some(first) = rest.first() {
            // One call sends from one socket and one source address.
            let run = rest
                .iter()
                .take(BATCH)
                .take_while(|d| d.port == first.port && d.source == first.source)
                .count();
            let (now, later) = rest.split_at_checked(run).unwrap_or((rest, &[]));
            self.flush_run(now);
            rest = later;
        }
        self.datagrams = datagrams;
        self.datagrams.clear();
        self.copied.clear();
        // A batch of huge messages must not be paid for ever after.
        if self.copied.capacity() > 1024 * 1024 {
            self.copied = Vec::new();
        }
    }

    fn flush_run(&mut self, mut run: &[Datagram]) {
        let egress = Arc::clone(&self.egress);
        while let Some(first) = run.first() {
            let Some(port) = egress.udp_port(self.worker, first.port) else { return };
            let copied = &self.copied;
            let packets = run.iter().map(|d| {
                let bytes = match &d.payload {
                    Payload::Shared(bytes) => bytes.as_ref(),
                    Payload::Copied(range) => copied.get(range.clone()).unwrap_or_default(),
                };
                (d.flow.remote, bytes)
            });
            let sender = self.sender.get_or_insert_with(Sender::spare);
            match sender.send(port, first.source, packets) {
                Ok(sent) if sent > 0 => {
                    egress.add(|c| &c.datagrams_sent, sent as u64);
                    run = run.get(sent..).unwrap_or_default();
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => {
                    // A full socket buffer loses the datagram like any queue on the way would:
                    // its transaction retransmits. Everything else is worth telling.
                    let full = matches!(&other, Err(e) if e.kind() == io::ErrorKind::WouldBlock
                        || e.raw_os_error() == Some(nix::libc::ENOBUFS));
                    let token = if full { None } else { first.token };
                    self.fail(first.flow, token, Failure::Unreachable);
                    run = run.get(1..).unwrap_or_default();
                }
            }
        }
    }
}

impl Drop for Outbox {
    /// A task that ends early still sends what it decided.
    fn drop(&mut self) {
        self.flush();
        if let Some(sender) = self.sender.take() {
            sender.keep();
        }
    }
}
