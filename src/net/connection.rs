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
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::sync::Notify;

use super::egress::Egress;
use super::outbox::Failure;
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
    /// Wakes the connection's task: bytes are left over, or it is to end.
    pub(super) wake: Notify,
    established: OnceLock<(TcpStream, SocketAddr)>,
    queue: Mutex<Queue>,
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
    /// The kernel took less than offered: only the connection's task writes now.
    blocked: bool,
    /// Since when it takes nothing.
    stalled_since: Tick,
    /// What of this queue is in the total of all queues.
    counted: usize,
}

impl Queue {
    fn waiting(&self) -> usize {
        self.bytes.len() - self.head
    }

    /// Only bytes that stay behind are counted: a queue that each flush empties costs no atomics.
    fn recount(&mut self, total: &AtomicUsize) {
        let now = self.waiting();
        if now >= self.counted {
            total.fetch_add(now - self.counted, Ordering::Relaxed);
        } else {
            total.fetch_sub(self.counted - now, Ordering::Relaxed);
        }
        self.counted = now;
    }
}

impl Connection {
    /// A connection that was accepted has its stream and local address; one to dial has none yet.
    pub(super) fn new(
        id: ConnectionId,
        remote: SocketAddr,
        accepted: Option<(TcpStream, SocketAddr)>,
    ) -> Connection {
        let dialled = accepted.is_none();
        Connection {
            id,
            transport: Transport::Tcp,
            remote,
            dialled,
            wake: Notify::new(),
            established: accepted.map_or_else(OnceLock::new, OnceLock::from),
            queue: Mutex::new(Queue {
                state: if dialled { State::Connecting } else { State::Open },
                bytes: Vec::new(),
                head: 0,
                written: 0,
                tokens: VecDeque::new(),
                blocked: false,
                stalled_since: Tick::ZERO,
                counted: 0,
            }),
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
        !self.authenticated.swap(true, Ordering::AcqRel)
    }

    /// Ends the connection for good and returns the packets that were not written and whose
    /// senders want to know.
    pub(super) fn give_up(&self, total: &AtomicUsize) -> impl Iterator<Item = (Flow, u64)> {
        let mut queue = self.lock();
        self.end(&mut queue);
        queue.bytes = Vec::new();
        queue.head = 0;
        queue.recount(total);
        std::mem::take(&mut queue.tokens).into_iter().map(|(_, flow, token)| (flow, token))
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
        if queue.waiting() + packet.len() > limit && !queue.blocked {
            self.write(&mut queue, egress);
        }
        let all = egress.connections.queued.load(Ordering::Relaxed);
        if queue.waiting() + packet.len() > limit
            || all.saturating_add(packet.len()) > egress.limits.write_queue_total_bytes
        {
            egress.count(|c| &c.overflows);
            drop(queue);
            self.abort();
            return Err(Failure::QueueFull);
        }
        queue.bytes.extend_from_slice(packet);
        if let Some(token) = token {
            let end = queue.written + queue.waiting() as u64;
            queue.tokens.push_back((end, flow, token));
        }
        if queue.blocked || queue.state == State::Connecting {
            queue.recount(&egress.connections.queued);
        }
        Ok(())
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
            queue.bytes.shrink_to(4 * 1024);
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
    pub(super) fn close_after_flush(&self) {
        let mut queue = self.lock();
        match queue.state {
            State::Connecting => self.end(&mut queue),
            State::Open => {
                queue.state = State::Closing;
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
