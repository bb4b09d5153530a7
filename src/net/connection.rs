//! One connection and its write queue.
//!
//! ```text
//!             dial                established            close, error, limit
//!  (none) ───────────> Connecting ───────────> Open ──────────────> Closed
//!     └──────────────── accept ────────────────^  └─> Closing ─────────^
//!                                                     (flush, FIN)
//! ```

use std::collections::VecDeque;
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::sync::Notify;

use super::egress::Egress;
use super::outbox::Failure;
use crate::channel::{Channel, Opened, Place};
use crate::clock::Tick;
use crate::sip::{ConnectionId, Flow, Transport};

/// One stream connection: shared by its task and by everybody who sends on it.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) id: ConnectionId,
    pub(super) transport: Transport,
    pub(super) remote: SocketAddr,
    /// Whether we opened it.
    pub(super) dialled: bool,
    /// The domain that a dialled peer has to prove (RFC 5922).
    pub(super) domain: Option<Arc<str>>,
    /// Wakes the connection's task: bytes are left over, or it is to end.
    pub(super) wake: Notify,
    established: OnceLock<(TcpStream, SocketAddr)>,
    queue: Mutex<Queue>,
    /// Its place among those of strangers, until somebody authenticates here.
    place: Mutex<Option<Arc<Place>>>,
    authenticated: AtomicBool,
    ending: AtomicBool,
}

/// A look at the write queue.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pending {
    pub(super) state: State,
    /// Bytes that the kernel does not take now.
    pub(super) waiting: usize,
    /// Bytes that it took, ever.
    pub(super) written: u64,
    /// Since when it takes none.
    pub(super) stalled_since: Tick,
    /// Whether the TLS handshake is not over.
    pub(super) handshaking: bool,
}

/// What a connection is made of.
#[derive(Debug)]
pub(super) struct Origin {
    pub(super) transport: Transport,
    pub(super) remote: SocketAddr,
    /// Of a connection that was accepted; one to dial has no stream yet.
    pub(super) accepted: Option<(TcpStream, SocketAddr)>,
    pub(super) domain: Option<Arc<str>>,
    /// What lies over the stream, if anything.
    pub(super) channel: Option<Box<Channel>>,
    /// The place that an accepted connection has already.
    pub(super) place: Option<Arc<Place>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Connecting,
    Open,
    Closing,
    Closed,
}

/// Bytes on their way out, in the order in which they were appended.
#[derive(Debug)]
struct Queue {
    state: State,
    bytes: Vec<u8>,
    /// Up to here the kernel has taken them.
    head: usize,
    /// All bytes that ever left, to place the tokens.
    written: u64,
    /// Packets whose sender wants to know, by the position of their last byte.
    tokens: VecDeque<(u64, Flow, u64)>,
    /// TLS and WebSocket.
    channel: Option<Box<Channel>>,
    /// Bytes that wait in the channel for the end of its handshake, and who wants to know.
    staged: usize,
    staged_tokens: Vec<(Flow, u64)>,
    /// Why it ended, where that is known better than "closed".
    failure: Option<Failure>,
    /// The kernel took less than offered: only the connection's task writes now.
    blocked: bool,
    /// Since when it takes nothing.
    stalled_since: Tick,
    /// Nothing but keep-alives goes on: no memory is kept for more.
    rests: bool,
    /// What of this queue is in the total of all queues.
    counted: usize,
}

impl Queue {
    fn waiting(&self) -> usize {
        self.bytes.len() - self.head
    }

    fn unsent(&self) -> usize {
        self.waiting() + self.staged
    }

    fn is_handshaking(&self) -> bool {
        self.channel.as_ref().is_some_and(|channel| channel.is_handshaking())
    }

    fn push(&mut self, packet: &[u8], flow: Flow, token: Option<u64>) {
        match &mut self.channel {
            None => self.bytes.extend_from_slice(packet),
            Some(channel) => channel.seal(packet, &mut self.bytes),
        }
        if self.is_handshaking() {
            self.staged += packet.len();
            self.staged_tokens.extend(token.map(|token| (flow, token)));
        } else if let Some(token) = token {
            let end = self.written + self.waiting() as u64;
            self.tokens.push_back((end, flow, token));
        }
    }

    /// The handshake may be over: then what waited for it is on the wire now.
    fn release_staged(&mut self, total: &AtomicUsize) {
        if self.staged > 0 && !self.is_handshaking() {
            self.staged = 0;
            let end = self.written + self.waiting() as u64;
            let staged = std::mem::take(&mut self.staged_tokens).into_iter();
            self.tokens.extend(staged.map(|(flow, token)| (end, flow, token)));
            self.recount(total);
        }
    }

    /// Only bytes that stay behind are counted: a queue that each flush empties costs no atomics.
    fn recount(&mut self, total: &AtomicUsize) {
        let now = self.unsent();
        if now >= self.counted {
            total.fetch_add(now - self.counted, Ordering::Relaxed);
        } else {
            total.fetch_sub(self.counted - now, Ordering::Relaxed);
        }
        self.counted = now;
    }
}

impl Connection {
    pub(super) fn new(id: ConnectionId, origin: Origin) -> Connection {
        let Origin { transport, remote, accepted, domain, channel, place } = origin;
        let dialled = accepted.is_none();
        Connection {
            id,
            transport,
            remote,
            dialled,
            domain,
            wake: Notify::new(),
            established: accepted.map_or_else(OnceLock::new, OnceLock::from),
            queue: Mutex::new(Queue {
                state: if dialled { State::Connecting } else { State::Open },
                bytes: Vec::new(),
                head: 0,
                written: 0,
                tokens: VecDeque::new(),
                channel,
                staged: 0,
                staged_tokens: Vec::new(),
                failure: None,
                blocked: false,
                stalled_since: Tick::ZERO,
                rests: false,
                counted: 0,
            }),
            place: Mutex::new(place),
            authenticated: AtomicBool::new(false),
            ending: AtomicBool::new(false),
        }
    }

    /// Whether packets may be appended.
    pub(super) fn accepts(&self) -> bool {
        matches!(self.lock().state, State::Connecting | State::Open)
    }

    /// Notes that somebody authenticated here; `true` the first time.
    pub(super) fn authenticate(&self) -> bool {
        let first = !self.authenticated.swap(true, Ordering::AcqRel);
        if first {
            *self.place.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
        first
    }

    /// Notes that a whole message came.
    pub(super) fn asked(&self) {
        if !self.is_authenticated()
            && let Some(place) = &*self.place.lock().unwrap_or_else(PoisonError::into_inner)
        {
            place.asked();
        }
    }

    /// Ends the connection for good and returns the packets that were not written and whose
    /// senders want to know.
    pub(super) fn give_up(&self, total: &AtomicUsize) -> impl Iterator<Item = (Flow, u64)> {
        let mut queue = self.lock();
        self.end(&mut queue);
        queue.bytes = Vec::new();
        queue.head = 0;
        queue.staged = 0;
        queue.recount(total);
        let staged = std::mem::take(&mut queue.staged_tokens);
        let tokens = std::mem::take(&mut queue.tokens).into_iter();
        tokens.map(|(_, flow, token)| (flow, token)).chain(staged)
    }

    /// Why it ended, if that is known better than that it did.
    pub(super) fn failure(&self) -> Option<Failure> {
        self.lock().failure
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The socket, once established.
    pub(super) fn stream(&self) -> Option<&TcpStream> {
        self.established.get().map(|(stream, _)| stream)
    }

    /// The flow of what is received here.
    pub(super) fn flow(&self) -> Flow {
        let local = self
            .established
            .get()
            .map_or_else(|| super::listen::unspecified(self.remote.is_ipv6()), |(_, local)| *local);
        Flow { transport: self.transport, local, remote: self.remote, connection: self.id }
    }

    pub(super) fn is_authenticated(&self) -> bool {
        self.authenticated.load(Ordering::Acquire)
    }

    /// The dial succeeded: what was queued meanwhile may go.
    pub(super) fn establish(&self, egress: &Egress, stream: TcpStream, local: SocketAddr) {
        let _ = self.established.set((stream, local));
        {
            let mut queue = self.lock();
            if queue.state == State::Connecting {
                queue.state = State::Open;
            }
            queue.blocked = false;
        }
        self.flush(egress);
    }

    /// Appends a packet. Bytes of one connection leave in the order of these calls.
    pub(super) fn append(
        &self,
        egress: &Egress,
        flow: Flow,
        packet: &[u8],
        token: Option<u64>,
    ) -> Result<(), Failure> {
        let mut queue = self.lock();
        if matches!(queue.state, State::Closing | State::Closed) {
            return Err(Failure::ConnectionClosed);
        }
        let limit = egress.limits.connection_write_queue_bytes;
        if queue.unsent() + packet.len() > limit && !queue.blocked {
            self.write(&mut queue, egress);
        }
        let all = egress.connections.queued.load(Ordering::Relaxed);
        if queue.unsent() + packet.len() > limit
            || all.saturating_add(packet.len()) > egress.limits.write_queue_total_bytes
        {
            egress.count(|c| &c.overflows);
            drop(queue);
            self.abort();
            return Err(Failure::QueueFull);
        }
        queue.push(packet, flow, token);
        if queue.blocked || queue.state == State::Connecting || queue.staged > 0 {
            queue.recount(&egress.connections.queued);
        }
        Ok(())
    }

    /// Takes what the socket brought through TLS and WebSocket, and sends what these have to say.
    pub(super) fn open(&self, egress: &Egress, bytes: &[u8], opened: &mut Opened) {
        self.unwrap(egress, opened, |channel, opened, wire| channel.open(bytes, opened, wire));
    }

    /// The same for what was read before the connection came here.
    pub(super) fn open_ahead(&self, egress: &Egress, bytes: &[u8], opened: &mut Opened) {
        self.unwrap(egress, opened, |channel, opened, wire| {
            channel.open_ahead(bytes, opened, wire);
            Ok(())
        });
    }

    fn unwrap(
        &self,
        egress: &Egress,
        opened: &mut Opened,
        work: impl FnOnce(&mut Channel, &mut Opened, &mut Vec<u8>) -> Result<(), rustls::Error>,
    ) {
        let mut queue = self.lock();
        let Queue { channel: Some(channel), bytes: wire, .. } = &mut *queue else { return };
        if let Err(error) = work(channel, opened, wire) {
            egress.count(|c| &c.tls_failures);
            tracing::debug!(remote = %self.remote, %error, "TLS failed");
            opened.ended = true;
            queue.failure = Some(failure_of(&error));
        }
        queue.release_staged(&egress.connections.queued);
        if !queue.blocked && queue.waiting() > 0 {
            self.write(&mut queue, egress);
        }
    }

    /// Asks for a sign of life, where the transport has a way to (RFC 6455 s5.5.2).
    pub(super) fn ping(&self, egress: &Egress) {
        let mut queue = self.lock();
        let Queue { channel: Some(channel), bytes: wire, state: State::Open, .. } = &mut *queue
        else {
            return;
        };
        channel.ping(wire);
        if !queue.blocked {
            self.write(&mut queue, egress);
        }
    }

    /// A keep-alive came (RFC 5626 s4.4.1): with the answer to it the memory of the queue goes.
    pub(super) fn rest(&self) {
        self.lock().rests = true;
    }

    /// Whether there is anything between the socket and SIP.
    pub(super) fn has_channel(&self) -> bool {
        self.transport != Transport::Tcp
    }

    /// Writes what waits, once, unless the connection's task is at it.
    pub(super) fn flush(&self, egress: &Egress) {
        let mut queue = self.lock();
        let open = matches!(queue.state, State::Open | State::Closing);
        if open && !queue.blocked && queue.waiting() > 0 {
            self.write(&mut queue, egress);
        }
    }

    fn write(&self, queue: &mut Queue, egress: &Egress) {
        let Some(stream) = self.stream() else { return };
        let socket = SockRef::from(stream);
        let offered = queue.waiting();
        let outcome = loop {
            let bytes = queue.bytes.get(queue.head..).unwrap_or_default();
            match socket.send_with_flags(bytes, nix::libc::MSG_NOSIGNAL) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        match outcome {
            Ok(taken) => self.took(queue, egress, taken),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return self.end(queue),
        }
        if queue.waiting() > 0 {
            if queue.waiting() < offered || !queue.blocked {
                queue.stalled_since = egress.clock.now();
            }
            queue.blocked = true;
            queue.recount(&egress.connections.queued);
            self.wake.notify_one();
        }
    }

    fn took(&self, queue: &mut Queue, egress: &Egress, bytes: usize) {
        queue.head += bytes;
        queue.written += bytes as u64;
        while queue.tokens.front().is_some_and(|(end, ..)| *end <= queue.written) {
            queue.tokens.pop_front();
        }
        if queue.waiting() == 0 {
            queue.bytes.clear();
            queue.head = 0;
            queue.blocked = false;
            // Idle connections are many: none keeps the memory of its busiest moment.
            queue.bytes.shrink_to(if std::mem::take(&mut queue.rests) { 0 } else { 4 * 1024 });
        } else if queue.head > queue.bytes.len() / 2 {
            queue.bytes.drain(..queue.head);
            queue.head = 0;
        }
        if queue.counted > 0 {
            queue.recount(&egress.connections.queued);
        }
    }

    /// Writes as the connection's task, when the socket is writable. `Ok(true)`: nothing is left.
    pub(super) fn drain(&self, egress: &Egress) -> io::Result<bool> {
        let Some(stream) = self.stream() else { return Ok(true) };
        let mut queue = self.lock();
        while queue.waiting() > 0 {
            // Through the runtime, so that it learns when the socket is not writable any more.
            match stream.try_write(queue.bytes.get(queue.head..).unwrap_or_default()) {
                Ok(taken) => {
                    queue.stalled_since = egress.clock.now();
                    self.took(&mut queue, egress, taken);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// What the connection's task goes by.
    pub(super) fn pending(&self) -> Pending {
        let queue = self.lock();
        Pending {
            state: queue.state,
            // Bytes that nobody was refused yet are still their sender's to flush.
            waiting: if queue.blocked { queue.waiting() } else { 0 },
            written: queue.written,
            stalled_since: queue.stalled_since,
            handshaking: queue.is_handshaking(),
        }
    }

    /// From now on nothing that was received here is handled any more (`flush` then closes).
    pub(super) fn stop_reading(&self) {
        self.ending.store(true, Ordering::Release);
    }

    pub(super) fn is_ending(&self) -> bool {
        self.ending.load(Ordering::Acquire)
    }

    /// Ends the connection once its queue is empty; nothing more is taken.
    pub(super) fn close_after_flush(&self, egress: &Egress) {
        let mut queue = self.lock();
        match queue.state {
            State::Connecting => self.end(&mut queue),
            State::Open => {
                queue.state = State::Closing;
                let Queue { channel, bytes: wire, .. } = &mut *queue;
                if let Some(channel) = channel {
                    channel.close(wire);
                    if !queue.blocked {
                        self.write(&mut queue, egress);
                    }
                }
                self.wake.notify_one();
            }
            State::Closing | State::Closed => {}
        }
    }

    /// Ends the connection at once; the kernel forgets what the peer did not take.
    pub(super) fn abort(&self) {
        if let Some(stream) = self.stream() {
            let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
        }
        self.end(&mut self.lock());
    }

    fn end(&self, queue: &mut Queue) {
        if queue.state != State::Closed {
            queue.state = State::Closed;
            if let Some(stream) = self.stream() {
                // Its own task may be waiting in a read.
                let _ = SockRef::from(stream).shutdown(Shutdown::Both);
            }
            self.wake.notify_one();
        }
    }
}

/// Why a handshake that we began has failed.
fn failure_of(error: &rustls::Error) -> Failure {
    match error {
        rustls::Error::InvalidCertificate(_) => Failure::PeerNotVerified,
        _ => Failure::ConnectFailed,
    }
}
