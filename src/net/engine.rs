//! The engine: every SIP message goes through here, on the thread that read it.
//!
//! ```text
//!   bytes -> scan -> response -> shard: client transaction -> context decides -> effects
//!                 -> request  -> shard: retransmission?  -> dispatch (who, may they, where to)
//!                                                            -> shard: server transaction,
//!                                                               context, client transactions
//! ```
//!
//! What must wait (a directory, a durable write) is set aside together with a copy of the request,
//! on the runtime of the thread that set it aside, and comes back through the same doors.

use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::runtime::Handle;

use super::guard::Flood;
use super::memory::Memory;
use super::route::Neighbours;
use super::shard::{ContextId, Locked, Shard};
use super::traffic::Traffic;
use super::{Egress, Guard, Ingress, Outbox, SendFailure, trace};
use crate::accounts::Accounts;
use crate::clock::{Clock, Tick};
use crate::http_digest::nonce::NonceTable;
use crate::identity::Identity;
use crate::latency::{Histogram, Latency};
use crate::page_mode::PageMode;
use crate::presence::Presence;
use crate::proxy::RouteTokens;
use crate::registrar::Registrar;
use crate::sip::header::Via;
use crate::sip::transaction::{Bounds, Matched, MergedRequests, Owner, Table, TimerOutput, Timing};
use crate::sip::uri::Host;
use crate::sip::wire::{self, Framing, Layout, Message};
use crate::sip::{ConnectionId, Flow, Transport, stun};
use crate::subscriptions::Subscriptions;

/// Requests that may wait for the directory at the same time; beyond, 503.
pub(super) const MAX_PARKED: usize = 10_000;

/// What the engine is made of.
pub struct Parts {
    /// Time.
    pub clock: Clock,
    /// Who people are.
    pub identity: Arc<Identity>,
    /// Who is written to when a person of the directory is met, or somebody is banned.
    pub accounts: Arc<Accounts>,
    /// Nonces of all shards.
    pub nonces: Arc<NonceTable>,
    /// What Record-Route carries.
    pub tokens: RouteTokens,
    /// Contacts.
    pub registrar: Arc<Registrar>,
    /// Messages that wait.
    pub page_mode: Arc<PageMode>,
    /// What people publish of themselves.
    pub presence: Arc<Presence>,
    /// Who watches what.
    pub subscriptions: Arc<Subscriptions>,
    /// Rates and bans.
    pub guard: Arc<Guard>,
    /// Who is reached by a route.
    pub neighbours: Neighbours,
    /// Sockets.
    pub egress: Arc<Egress>,
    /// Where waiting is done.
    pub control: Handle,
    /// Figures that do not change while the server runs.
    pub settings: Settings,
}

/// What the engine goes by.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The SIP domain.
    pub domain: String,
    /// The Digest realm.
    pub realm: String,
    /// Addresses that may send without a challenge.
    pub trusted_peers: Vec<crate::config::Network>,
    /// The addresses we listen on, as a device may name them.
    pub own_addresses: Vec<SocketAddr>,
    /// The host name of this server, as proxy settings of devices have it.
    pub public_name: String,
    /// Whether that name stands in Record-Route over TLS.
    pub records_name: bool,
    /// Bounds of the wire layer.
    pub wire: wire::Limits,
    /// Transactions in all shards together.
    pub transactions: Bounds,
    /// Timers of the transaction layer.
    pub timing: Timing,
    /// Bytes of a published document.
    pub max_publication: usize,
    /// How long devices ring before those of a lower preference are tried.
    pub ring: Duration,
    /// Branches of one request at the same time (RFC 5393 s5.3.3).
    pub max_breadth: u32,
    /// Bytes of memory that the process may use; `None` for no ceiling.
    pub memory: Option<u64>,
}

/// Counters of what happened; read by `status`.
#[derive(Debug, Default)]
pub struct EngineCounts {
    /// Requests seen, retransmissions included.
    pub requests: AtomicU64,
    /// Responses seen.
    pub responses: AtomicU64,
    /// Requests that were retransmissions of a known one.
    pub retransmissions: AtomicU64,
    /// Messages that could not be read.
    pub malformed: AtomicU64,
    /// Datagrams dropped without an answer.
    pub dropped: AtomicU64,
    /// STUN keep-alives answered.
    pub keep_alives: AtomicU64,
    /// Responses that belong to nothing.
    pub stray: AtomicU64,
    /// Challenges sent.
    pub challenges: AtomicU64,
    /// Credentials that did not verify.
    pub refused_credentials: AtomicU64,
    /// MESSAGE requests accepted from a sender.
    pub messages: AtomicU64,
    /// Messages put into the queue.
    pub held: AtomicU64,
    /// Held messages that a device took.
    pub replayed: AtomicU64,
    /// Messages that a device took while their senders waited.
    pub delivered: AtomicU64,
    /// Messages whose senders were told that they did not arrive.
    pub failed: AtomicU64,
    /// REGISTER requests carried out.
    pub registers: AtomicU64,
    /// PUBLISH requests carried out.
    pub publishes: AtomicU64,
    /// NOTIFY requests sent.
    pub notifies: AtomicU64,
    /// Requests of ours that went by datagram although they are too large for one.
    pub large_datagrams: AtomicU64,
    /// Requests shed because a limit was reached.
    pub shed: AtomicU64,
    /// Those of them that would have renewed something, for want of room.
    pub shed_refreshes: AtomicU64,
    /// Messages, calls and the like among them, for want of room.
    pub shed_personal: AtomicU64,
    /// Those that would have begun a binding, a subscription or a publication.
    pub shed_openings: AtomicU64,
    /// Those of strangers, for want of room.
    pub shed_strangers: AtomicU64,
}

impl EngineCounts {
    pub(super) fn add(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// The SIP data plane.
pub struct Engine {
    pub(super) clock: Clock,
    pub(super) identity: Arc<Identity>,
    pub(super) accounts: Arc<Accounts>,
    pub(super) nonces: Arc<NonceTable>,
    pub(super) tokens: RouteTokens,
    pub(super) registrar: Arc<Registrar>,
    pub(super) page_mode: Arc<PageMode>,
    pub(super) presence: Arc<Presence>,
    pub(super) subscriptions: Arc<Subscriptions>,
    pub(super) guard: Arc<Guard>,
    pub(super) neighbours: Neighbours,
    pub(super) egress: Arc<Egress>,
    pub(super) control: Handle,
    pub(super) settings: Settings,
    pub(super) counts: EngineCounts,
    pub(super) traffic: Traffic,
    pub(super) delivery: Histogram,
    pub(super) key: RandomState,
    pub(super) loop_key: u64,
    pub(super) parked: AtomicUsize,
    pub(super) memory: Memory,
    shards: Vec<Shard>,
    /// The engine itself, for work that outlives a call.
    this: std::sync::Weak<Engine>,
}

/// Reusable memory of one worker.
#[derive(Default)]
pub struct Scratch {
    pub(super) layout: Layout,
    pub(super) out: Vec<u8>,
}

impl Engine {
    /// Puts the parts together.
    #[must_use]
    pub fn new(parts: Parts) -> Arc<Engine> {
        // More shards than workers, so that two workers seldom want the same one.
        let shards = (parts.egress.workers().max(1) * 8).next_power_of_two().min(128);
        let share = parts.settings.transactions.divided(shards);
        let memory = Memory::new(parts.settings.memory);
        Arc::new_cyclic(|this| Engine {
            shards: (0..shards)
                .map(|index| {
                    let timing = parts.settings.timing;
                    let merged = MergedRequests::new(timing, share.lingering);
                    let table = Table::new(timing, share);
                    Shard::new(index as u8, table, merged, Arc::clone(&parts.egress))
                })
                .collect(),
            clock: parts.clock,
            identity: parts.identity,
            accounts: parts.accounts,
            nonces: parts.nonces,
            tokens: parts.tokens,
            registrar: parts.registrar,
            page_mode: parts.page_mode,
            presence: parts.presence,
            subscriptions: parts.subscriptions,
            guard: parts.guard,
            neighbours: parts.neighbours,
            egress: parts.egress,
            control: parts.control,
            settings: parts.settings,
            counts: EngineCounts::default(),
            traffic: Traffic::default(),
            delivery: Histogram::default(),
            key: RandomState::new(),
            loop_key: crate::entropy::number(),
            parked: AtomicUsize::new(0),
            memory,
            this: this.clone(),
        })
    }

    /// The counters.
    #[must_use]
    pub fn counts(&self) -> &EngineCounts {
        &self.counts
    }

    /// What passes, by method and transport.
    #[must_use]
    pub fn traffic(&self) -> &Traffic {
        &self.traffic
    }

    /// From a message's arrival to the first 2xx of a device, of messages whose senders waited for it.
    #[must_use]
    pub fn delivery(&self) -> Latency {
        self.delivery.read()
    }

    /// Transactions that are alive.
    #[must_use]
    pub fn transactions(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().transactions.len()).sum()
    }

    pub(super) fn shard_of(&self, call_id: &[u8]) -> usize {
        (self.key.hash_one(call_id) as usize) & (self.shards.len() - 1)
    }

    pub(super) fn shard(&self, index: usize) -> &Shard {
        &self.shards[index & (self.shards.len() - 1)]
    }

    /// Sets work aside that has to wait; `false` if too much waits already. It goes on with the
    /// runtime of the thread that set it aside: a worker wakes nobody else for it.
    pub(super) fn park<F, W>(&self, work: W) -> bool
    where
        W: FnOnce(Arc<Engine>) -> F,
        F: Future<Output = ()> + Send + 'static,
    {
        let Some(engine) = self.this.upgrade() else { return false };
        if self.parked.fetch_add(1, Ordering::AcqRel) >= MAX_PARKED {
            self.parked.fetch_sub(1, Ordering::AcqRel);
            return false;
        }
        let done = Parked(Arc::clone(&engine));
        let future = work(engine);
        let runtime = Handle::try_current();
        runtime.as_ref().unwrap_or(&self.control).spawn(async move {
            let _done = done;
            future.await;
        });
        true
    }

    /// Whether requests from `address` need no challenge.
    pub(super) fn is_trusted(&self, address: IpAddr) -> bool {
        self.settings.trusted_peers.iter().any(|network| network.contains(address))
    }

    /// The address to name in a Via or Contact for packets that leave over `flow`.
    pub(super) fn own_address(&self, flow: &Flow) -> SocketAddr {
        if !flow.local.ip().is_unspecified() && flow.local.port() != 0 {
            return flow.local;
        }
        let listener = self.egress.listener_for(flow.transport, flow.remote.is_ipv6());
        let address = listener.map_or(flow.local, |listener| listener.socket);
        if address.ip().is_unspecified() {
            // Responses come back over the flow anyway (RFC 3581, RFC 3261 s18.2.2); the host
            // only has to be syntactically somebody.
            let ip = if flow.local.ip().is_unspecified() {
                if flow.remote.is_ipv6() {
                    IpAddr::from([0_u16, 0, 0, 0, 0, 0, 0, 1])
                } else {
                    IpAddr::from([127, 0, 0, 1])
                }
            } else {
                flow.local.ip()
            };
            return SocketAddr::new(ip, address.port());
        }
        address
    }

    /// Whether a Via is one that we put on top of a request: our address, or that at which the
    /// response came in, and a port that we listen on.
    fn is_our_via(&self, via: &Via<'_>, flow: &Flow) -> bool {
        let ip = match via.host() {
            Host::V4(address) => IpAddr::from(address),
            Host::V6(address) => IpAddr::from(address).to_canonical(),
            Host::Name(_) => return false,
        };
        let port = via.port().unwrap_or(5060);
        // Loopback is what we write when no address of ours is known.
        let here = ip == flow.local.ip().to_canonical() || ip.is_loopback();
        // The web listener's port is none of SIP's; what a WebSocket brings came back on its flow.
        (here && flow.transport.is_reliable() && port == flow.local.port())
            || self
                .settings
                .own_addresses
                .iter()
                .any(|own| own.port() == port && (here || own.ip() == ip))
    }

    fn response(&self, outbox: &mut Outbox, message: &Message<'_>, flow: &Flow, out: &mut Vec<u8>) {
        EngineCounts::add(&self.counts.responses);
        self.traffic.response(message.status());
        let (Some(via), Some(cseq)) = (message.top_via(), message.cseq()) else {
            EngineCounts::add(&self.counts.stray);
            return;
        };
        // RFC 3261 s18.1.2: a response to somebody else's request has lost its way.
        let Some(branch) = via.branch().filter(|_| self.is_our_via(&via, flow)) else {
            EngineCounts::add(&self.counts.stray);
            return;
        };
        let now = self.clock.now();
        let index = self.shard_of(message.call_id());
        let mut state = self.shard(index).lock();
        let matched = state.transactions.receive_response(
            now,
            branch,
            cseq.method.as_bytes(),
            message.status(),
        );
        let received = match matched {
            Matched::Pass(received) => received,
            Matched::Absorbed(again) => {
                drop(state);
                return self.resend(outbox, again);
            }
            Matched::Stray => {
                drop(state);
                EngineCounts::add(&self.counts.stray);
                return;
            }
        };
        let (context, branch) =
            (ContextId { shard: index as u8, number: received.owner.0 }, received.owner.1 as usize);
        let mut effects = Vec::new();
        self.on_response(&mut state, now, context, branch, &received, message, out, &mut effects);
        drop(state);
        self.run(outbox, effects);
    }

    /// Runs the timers of one shard.
    fn run_timers(&self, index: usize, outbox: &mut Outbox) -> Tick {
        let now = self.clock.now();
        let mut effects = Vec::new();
        let mut state = self.shard(index).lock();
        if state.next_deadline() <= now {
            let mut due = Vec::new();
            state.transactions.advance(now, &mut due);
            for output in due {
                let shard = index as u8;
                match output {
                    TimerOutput::Send(flow, packet) => {
                        effects.push(Effect::Send(flow, packet, None));
                    }
                    TimerOutput::NeedTrying(server) => {
                        self.on_need_trying(&mut state, now, server, &mut effects);
                    }
                    TimerOutput::ClientTimedOut(_, Owner(number, branch)) => {
                        let id = ContextId { shard, number };
                        self.on_silence(&mut state, now, id, branch as usize, false, &mut effects);
                    }
                    TimerOutput::ClientDisconnected(_, Owner(number, branch)) => {
                        let id = ContextId { shard, number };
                        self.on_silence(&mut state, now, id, branch as usize, true, &mut effects);
                    }
                    TimerOutput::TimerC(_, Owner(number, branch)) => {
                        let id = ContextId { shard, number };
                        self.on_timer_c(&mut state, now, id, branch as usize, &mut effects);
                    }
                    TimerOutput::ServerFailed(server) | TimerOutput::ServerGone(server) => {
                        state.relays.remove(&server);
                    }
                    TimerOutput::ClientGone(_, Owner(number, _)) => {
                        self.drop_if_over(&mut state, ContextId { shard, number });
                    }
                }
            }
            self.on_patience(&mut state, now, index, &mut effects);
            self.on_rung(&mut state, now, &mut effects);
        }
        let deadline = state.next_deadline();
        drop(state);
        self.run(outbox, effects);
        deadline
    }

    /// The shard of a context, locked.
    pub(super) fn lock_for(&self, context: ContextId) -> Locked<'_> {
        self.shard(usize::from(context.shard)).lock()
    }

    /// Housekeeping that needs no precision: contacts and messages that ran out. Call it every few
    /// seconds.
    pub fn sweep(&self) {
        self.registrar.sweep();
        self.subscriptions.sweep();
        let undelivered = self.page_mode.held().expire(self.clock.earliest_wall());
        self.report_undelivered(&undelivered);
        self.guard.prune();
        for Flood { source, refused } in self.guard.floods() {
            let source = source.map_or_else(|| "others".to_owned(), |source| source.to_string());
            tracing::warn!(event = "flood", %source, refused, "over the rate of its source");
        }
        self.nonces.prune(self.clock.now());
    }

    /// How often [`Engine::sweep`] wants to be called.
    pub const SWEEP_INTERVAL: Duration = Duration::from_secs(5);

    /// Sends one more copy of a packet that a transaction keeps.
    pub(super) fn resend(&self, outbox: &mut Outbox, again: Option<(Flow, Bytes)>) {
        EngineCounts::add(&self.counts.retransmissions);
        if let Some((flow, packet)) = again {
            outbox.send(flow, packet, None);
        }
    }
}

struct Parked(Arc<Engine>);

impl Drop for Parked {
    fn drop(&mut self) {
        self.0.parked.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Ingress for Engine {
    type Scratch = Scratch;

    fn receive(&self, scratch: &mut Scratch, outbox: &mut Outbox, flow: Flow, bytes: &[u8]) {
        let framing =
            if flow.transport.keeps_boundaries() { Framing::Datagram } else { Framing::Stream };
        let Scratch { layout, out } = scratch;
        if flow.transport == Transport::Udp && stun::is_stun(bytes) {
            return self.keep_alive(outbox, flow, bytes, out);
        }
        match wire::scan(bytes, framing, &self.settings.wire, layout) {
            Ok(()) => {
                let message = Message::new(bytes, layout);
                trace::received(&flow, &message);
                if message.is_request() {
                    self.request(outbox, &message, flow, out);
                } else {
                    self.response(outbox, &message, &flow, out);
                }
            }
            Err(defect) => {
                EngineCounts::add(&self.counts.malformed);
                trace::unreadable(&flow, bytes, &defect);
                self.defective(outbox, bytes, layout, flow, &defect, out);
                if defect.closes_stream() && flow.connection.is_some() {
                    // Where one reader sees the end of a message another may see its middle.
                    outbox.close(flow.connection);
                }
            }
        }
    }

    fn connection_closed(&self, outbox: &mut Outbox, connection: ConnectionId) {
        self.registrar.connection_closed(connection);
        self.subscriptions.connection_closed(connection);
        let now = self.clock.now();
        for (index, shard) in self.shards.iter().enumerate() {
            let mut due = Vec::new();
            let mut effects = Vec::new();
            let mut state = shard.lock();
            state.transactions.connection_closed(connection, &mut due);
            for output in due {
                if let TimerOutput::ClientDisconnected(_, Owner(number, branch)) = output {
                    let id = ContextId { shard: index as u8, number };
                    self.on_silence(&mut state, now, id, branch as usize, true, &mut effects);
                }
            }
            drop(state);
            self.run(outbox, effects);
        }
    }

    fn transport_failed(&self, outbox: &mut Outbox, failure: &SendFailure) {
        let (context, branch) = ContextId::from_token(failure.token);
        let now = self.clock.now();
        let mut effects = Vec::new();
        let mut state = self.lock_for(context);
        self.on_transport_failure(&mut state, now, context, branch, failure.failure, &mut effects);
        drop(state);
        self.run(outbox, effects);
    }

    fn is_waiting(&self) -> bool {
        self.parked.load(Ordering::Acquire) > 0
    }

    fn tick(&self, worker: usize, outbox: &mut Outbox) -> Tick {
        let workers = self.egress.workers().max(1);
        let mut next = Tick::NEVER;
        for index in (worker..self.shards.len()).step_by(workers) {
            next = next.min(self.run_timers(index, outbox));
        }
        if worker == super::notify::NOTIFIER {
            let now = self.clock.now();
            let deadline = self.subscriptions.deadline();
            let notifies = if deadline > now { deadline } else { self.notify_due(outbox, now) };
            next = next.min(notifies);
        }
        next
    }
}

/// Something to do once no lock is held.
#[derive(Debug)]
pub(super) enum Effect {
    /// Send a packet; the token names the branch whose transport may fail.
    Send(Flow, Bytes, Option<u64>),
    /// Hold a message for these devices, then tell its context.
    Hold(ContextId, smallvec::SmallVec<[crate::model::DeviceKey; 2]>),
    /// A device has had its share of a held message; its queue goes on, but not by the flows that
    /// failed on the way here.
    Settle {
        aor: Box<str>,
        sequence: u64,
        device: crate::model::DeviceKey,
        failed: Vec<super::shard::Tried>,
    },
    /// A device wants a held message not.
    Refused { aor: Box<str>, sequence: u64, device: crate::model::DeviceKey },
    /// Flows of a device have failed: its queue goes on by another one, if there is one and the
    /// queue is not busy.
    Elsewhere { aor: Box<str>, device: crate::model::DeviceKey, tried: Vec<super::shard::Tried> },
    /// A device could not take a message now: its queue rests.
    Rest(Box<str>, crate::model::DeviceKey),
    /// What became of a NOTIFY of a subscription.
    Notified(u64, crate::sip::subscription::Outcome),
    /// A NOTIFY that is too large for a datagram has no other way.
    NotifyByDatagram(Box<crate::subscriptions::Notify>),
}
