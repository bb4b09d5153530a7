//! The way out, shared by all threads.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use rustls::server::ServerConnection;
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc, watch};

use super::Limits;
use super::connection::{Connection, Origin};
use super::connections::Connections;
use super::listen::{Address, Bound, WorkerSockets};
use super::outbox::{Failure, Outbox, SendFailure};
use super::udp::UdpPort;
use crate::channel::{Channel, Place, Places, Session, Tls, WebSocket};
use crate::clock::{Clock, Tick};
use crate::sip::{ConnectionId, Flow, Transport};

/// Sockets, connections and timers' alarms of all workers. One per server, shared.
pub struct Egress {
    pub(super) clock: Clock,
    pub(super) limits: Limits,
    pub(super) connections: Connections,
    pub(super) stop: watch::Sender<bool>,
    tls: Option<Tls>,
    addresses: Vec<Address>,
    udp: Vec<Vec<Arc<UdpPort>>>,
    mailboxes: Vec<mpsc::UnboundedSender<Command>>,
    alarms: Vec<Alarm>,
    spread: AtomicUsize,
    counts: Counts,
    parts: Mutex<Vec<WorkerParts>>,
}

/// What another thread wants from a worker.
pub(super) enum Command {
    /// Establish a connection and serve it.
    Dial(Arc<Connection>),
    /// Serve a connection that the web listener accepted.
    Upgraded(Upgraded),
    /// Tell the engine.
    Failed(SendFailure),
}

/// A connection whose WebSocket handshake is over, in its parts.
pub struct Upgraded {
    /// The TCP socket.
    pub socket: TcpStream,
    /// The TLS session over it, if there is one.
    pub tls: Option<Box<ServerConnection>>,
    /// What was read after the end of the handshake.
    pub read_ahead: Bytes,
    /// The place among the connections of strangers that it has already.
    pub place: Option<Arc<Place>>,
}

/// What a worker takes when its thread starts.
pub(super) struct WorkerParts {
    pub(super) sockets: WorkerSockets,
    pub(super) commands: mpsc::UnboundedReceiver<Command>,
}

/// A worker's next deadline, and the bell for an earlier one.
pub(super) struct Alarm {
    armed: AtomicU64,
    pub(super) bell: Notify,
}

#[derive(Default)]
pub(super) struct Counts {
    pub(super) datagrams_received: AtomicU64,
    pub(super) datagrams_sent: AtomicU64,
    pub(super) send_failures: AtomicU64,
    pub(super) accepted: AtomicU64,
    pub(super) dialled: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) accept_errors: AtomicU64,
    pub(super) overflows: AtomicU64,
    pub(super) timed_out: AtomicU64,
    pub(super) tls_failures: AtomicU64,
    pub(super) panics: AtomicU64,
}

/// Figures for status and metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Connections open or in the making.
    pub connections: usize,
    /// Those of them that nobody authenticated on.
    pub connections_unauthenticated: usize,
    /// Bytes that peers do not take.
    pub queued_bytes: usize,
    /// Datagrams received.
    pub datagrams_received: u64,
    /// Datagrams sent.
    pub datagrams_sent: u64,
    /// Packets that could not be sent.
    pub send_failures: u64,
    /// Connections accepted.
    pub accepted: u64,
    /// Connections dialled.
    pub dialled: u64,
    /// Connections refused because a limit was reached.
    pub refused: u64,
    /// Failures to accept, as when descriptors run out.
    pub accept_errors: u64,
    /// Connections closed because their write queue was full.
    pub overflows: u64,
    /// Connections closed because the peer was too slow or idle.
    pub timed_out: u64,
    /// Connections that ended because TLS failed: no common version, not TLS at all, a certificate
    /// that is not to be trusted.
    pub tls_failures: u64,
    /// Messages whose handling panicked.
    pub panics: u64,
}

impl Egress {
    /// Takes the bound sockets. Nothing is received before [`super::start`]. Without `tls` the
    /// listeners that need it are closed again.
    #[must_use]
    pub fn new(bound: Bound, limits: Limits, clock: Clock, tls: Option<Tls>) -> Arc<Egress> {
        let bound = if tls.is_some() { bound } else { bound.without_tls() };
        let mut udp = Vec::new();
        let mut mailboxes = Vec::new();
        let mut alarms = Vec::new();
        let mut parts = Vec::new();
        for mut sockets in bound.workers {
            udp.push(
                sockets
                    .udp
                    .drain(..)
                    .map(|(at, socket)| Arc::new(UdpPort::new(at, socket)))
                    .collect(),
            );
            let (mailbox, commands) = mpsc::unbounded_channel();
            mailboxes.push(mailbox);
            alarms.push(Alarm { armed: AtomicU64::new(u64::MAX), bell: Notify::new() });
            parts.push(WorkerParts { sockets, commands });
        }
        Arc::new(Egress {
            clock,
            connections: Connections::new(&limits),
            limits,
            stop: watch::Sender::new(false),
            tls,
            addresses: bound.addresses,
            udp,
            mailboxes,
            alarms,
            spread: AtomicUsize::new(0),
            counts: Counts::default(),
            parts: Mutex::new(parts),
        })
    }

    /// What is listened on, with the ports that were chosen.
    #[must_use]
    pub fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    /// Places for connections that nobody authenticated on; other listeners take theirs here too.
    #[must_use]
    pub fn places(&self) -> &Arc<Places> {
        &self.connections.places
    }

    /// How many workers there are.
    #[must_use]
    pub fn workers(&self) -> usize {
        self.alarms.len()
    }

    /// An outbox for a thread that is no worker. Flushed at the latest when dropped.
    #[must_use]
    pub fn outbox(self: &Arc<Self>) -> Outbox {
        let worker = self.spread.fetch_add(1, Ordering::Relaxed) % self.workers().max(1);
        Outbox::new(Arc::clone(self), worker, false)
    }

    /// Marks a connection as one on which somebody authenticated: it may idle, and no longer
    /// counts against its source. Cheap when repeated.
    pub fn mark_authenticated(&self, connection: ConnectionId) {
        if let Some(connection) = self.connections.get(connection) {
            self.connections.authenticated(&connection);
        }
    }

    /// Whether the connection still stands.
    #[must_use]
    pub fn is_open(&self, connection: ConnectionId) -> bool {
        self.connections.get(connection).is_some()
    }

    /// The first listener of that transport which peers of that family reach, for Via and
    /// Record-Route. Its address may be the unspecified one.
    #[must_use]
    pub fn listener_for(&self, transport: Transport, v6: bool) -> Option<Address> {
        self.addresses
            .iter()
            .find(|a| {
                a.transport == transport
                    && (a.socket.is_ipv6() == v6
                        || (a.socket.is_ipv6() && a.socket.ip().is_unspecified()))
            })
            .copied()
    }

    /// Makes sure that `worker` ticks at `deadline` or before. For deadlines that arise on another
    /// thread; costs one atomic operation when the worker would wake early enough anyway.
    pub fn alarm(&self, worker: usize, deadline: Tick) {
        if let Some(alarm) = self.alarms.get(worker)
            && alarm.armed.fetch_min(deadline.as_micros(), Ordering::AcqRel) > deadline.as_micros()
        {
            alarm.bell.notify_one();
        }
    }

    /// Whether a worker's deadline has come; then it is unset, and the engine tells the next one.
    /// What another thread sets from here on stays set.
    pub(super) fn take_due_alarm(&self, worker: usize) -> bool {
        self.alarms.get(worker).is_some_and(|alarm| {
            let due = alarm.deadline() <= self.clock.now();
            if due {
                alarm.armed.store(u64::MAX, Ordering::Release);
            }
            due
        })
    }

    /// Closes a connection after what is queued for it was written.
    pub fn close(&self, connection: ConnectionId) {
        if let Some(connection) = self.connections.get(connection) {
            connection.flush(self);
            connection.close_after_flush(self);
        }
    }

    /// The figures as they stand.
    #[must_use]
    pub fn counters(&self) -> Counters {
        let c = &self.counts;
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let (connections, connections_unauthenticated) = self.connections.counts();
        Counters {
            connections,
            connections_unauthenticated,
            queued_bytes: self.connections.queued_bytes(),
            datagrams_received: read(&c.datagrams_received),
            datagrams_sent: read(&c.datagrams_sent),
            send_failures: read(&c.send_failures),
            accepted: read(&c.accepted),
            dialled: read(&c.dialled),
            refused: read(&c.refused),
            accept_errors: read(&c.accept_errors),
            overflows: read(&c.overflows),
            timed_out: read(&c.timed_out),
            tls_failures: read(&c.tls_failures),
            panics: read(&c.panics),
        }
    }

    /// Registers an accepted connection, and counts what became of it.
    pub(super) fn admit(&self, origin: Origin) -> Option<Arc<Connection>> {
        match self.connections.accept(origin, self.clock.now()) {
            Ok(connection) => {
                self.count(|c| &c.accepted);
                Some(connection)
            }
            Err(refused) => {
                self.count(|c| &c.refused);
                drop(refused);
                None
            }
        }
    }

    pub(super) fn count(&self, which: impl FnOnce(&Counts) -> &AtomicU64) {
        self.add(which, 1);
    }

    pub(super) fn add(&self, which: impl FnOnce(&Counts) -> &AtomicU64, by: u64) {
        which(&self.counts).fetch_add(by, Ordering::Relaxed);
    }

    pub(super) fn take_parts(&self) -> Vec<WorkerParts> {
        std::mem::take(&mut *self.parts.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn udp_ports(&self, worker: usize) -> &[Arc<UdpPort>] {
        self.udp.get(worker).map_or(&[], Vec::as_slice)
    }

    pub(super) fn udp_port(&self, worker: usize, index: usize) -> Option<&UdpPort> {
        self.udp_ports(worker).get(index).map(AsRef::as_ref)
    }

    /// The socket that a datagram flow leaves by, and the source address to tell the kernel.
    pub(super) fn udp_port_for(
        &self,
        worker: usize,
        flow: &Flow,
    ) -> Option<(usize, Option<IpAddr>)> {
        let ports = self.udp_ports(worker);
        let (index, port) =
            ports.iter().enumerate().find(|(_, p)| p.serves(flow.local, flow.remote))?;
        Some((index, port.source_for(flow.local)))
    }

    /// The connection that a stream flow leaves by, and whether it is new and must be dialled.
    pub(super) fn connection_for(
        &self,
        flow: &Flow,
        domain: Option<&Arc<str>>,
    ) -> Result<(Arc<Connection>, bool), Failure> {
        if flow.connection.is_some() {
            let known = self.connections.get(flow.connection);
            return known.map(|c| (c, false)).ok_or(Failure::ConnectionClosed);
        }
        // RFC 7118 s5: nobody can be called back but over the WebSocket that he opened.
        if !matches!(flow.transport, Transport::Tcp | Transport::Tls) {
            return Err(Failure::NoRoute);
        }
        if let Some(known) = self.connections.reuse(flow, domain) {
            return Ok((known, false));
        }
        let channel = match flow.transport {
            Transport::Tls => {
                let tls = self.tls.as_ref().ok_or(Failure::NoRoute)?;
                let session = tls.dial(domain.map(AsRef::as_ref), flow.remote.ip());
                let session = session.map_err(|_| Failure::NoRoute)?;
                Some(Box::new(Channel::new(Some(session), None)))
            }
            _ => None,
        };
        self.connections.dial(Origin {
            transport: flow.transport,
            remote: flow.remote,
            accepted: None,
            domain: domain.cloned(),
            channel,
            place: None,
        })
    }

    /// What lies over an accepted stream. `None`: nothing can be served there.
    pub(super) fn channel_for(&self, transport: Transport) -> Option<Option<Box<Channel>>> {
        match (transport, &self.tls) {
            (Transport::Tcp, _) => Some(None),
            (Transport::Tls, Some(tls)) => {
                Some(Some(Box::new(Channel::new(Some(tls.accept().ok()?), None))))
            }
            _ => None,
        }
    }

    /// Serves a connection as SIP over WebSocket (RFC 7118) from the end of its handshake on. The
    /// limits of SIP's connections hold; who is over them is closed and counted as refused.
    pub fn accept_websocket(&self, upgraded: Upgraded) {
        let worker = self.spread.fetch_add(1, Ordering::Relaxed) % self.workers().max(1);
        self.command(worker, Command::Upgraded(upgraded));
    }

    pub(super) fn websocket_channel(&self, tls: Option<Box<ServerConnection>>) -> Box<Channel> {
        let websocket = WebSocket::server(self.limits.message.message_bytes as usize);
        let tls = tls.map(|tls| Session::over(*tls));
        Box::new(Channel::new(tls, Some(websocket)))
    }

    pub(super) fn dial(&self, worker: usize, connection: Arc<Connection>) {
        self.count(|c| &c.dialled);
        self.command(worker, Command::Dial(connection));
    }

    pub(super) fn hand_over_failure(&self, worker: usize, failure: SendFailure) {
        self.command(worker, Command::Failed(failure));
    }

    /// A worker that has stopped takes no commands any more; then the server is going down.
    fn command(&self, worker: usize, command: Command) {
        if let Some(mailbox) = self.mailboxes.get(worker) {
            let _ = mailbox.send(command);
        }
    }

    pub(super) fn alarm_of(&self, worker: usize) -> Option<&Alarm> {
        self.alarms.get(worker)
    }
}

impl Alarm {
    pub(super) fn deadline(&self) -> Tick {
        Tick::from_micros(self.armed.load(Ordering::Acquire))
    }
}
