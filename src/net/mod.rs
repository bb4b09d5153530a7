//! Sockets: the one place where SIP meets the operating system.
//!
//! ```text
//!            recvmmsg          Ingress::receive            Outbox::flush
//!  socket ───────────> worker ─────────────────> engine ─────────────────> sendmmsg, one write
//!  stream ──> framer ──┘  ^                         │                      per connection
//!                         └── tick, failures, ──────┘
//!                             closed connections
//! ```
//!
//! Each worker is one thread with one single-threaded runtime and its own `SO_REUSEPORT` sockets
//! ([`listen`]). It reads a batch, gives every message to the engine behind [`Ingress`], and
//! flushes what the engine left in the [`Outbox`] with as few system calls as there are sockets.
//! Nothing on that path changes threads. Other threads send through an outbox of their own
//! ([`Egress::outbox`]): datagrams go out on shared sockets, stream bytes go to the connection's
//! bounded queue and are written by whoever flushes; only what the kernel does not take at once is
//! left to the connection's own task.

mod answer;
mod application;
mod auth;
mod beyond;
mod branch;
mod cancel;
mod connection;
mod connections;
mod dialog;
mod dispatch;
mod disposition;
mod effects;
mod egress;
mod engine;
mod existence;
pub mod guard;
mod inbound;
mod keep_alive;
pub mod listen;
mod lookup;
mod memory;
mod merge;
mod notify;
mod number;
mod outbox;
mod own;
mod page;
mod policy;
mod priority;
mod publish;
mod register;
mod relay;
mod replay;
mod resolver;
mod response;
mod route;
mod secure;
mod shard;
mod sources;
mod stream;
mod subscribe;
mod targets;
mod tell;
mod trace;
mod traffic;
mod trial;
mod udp;
mod worker;

use std::time::Duration;

pub use crate::channel::Tls;
pub use application::{Notice, Taken};
pub use egress::{Counters, Egress, Upgraded};
pub use engine::{Engine, EngineCounts, Parts, Scratch, Settings};
pub use guard::Guard;
pub use listen::{Address, Bound, ListenError};
pub use lookup::{Found, Kind, Lookup};
pub use memory::{MemoryFigures, Pressure};
pub use outbox::{Failure, Outbox, SendFailure};
pub use resolver::Resolver;
pub use route::Neighbours;
pub use traffic::Traffic;
pub use trial::{Ending, Heard, Trial};
pub use worker::{Workers, start};

use crate::clock::Tick;
use crate::config;
use crate::sip::{ConnectionId, Flow, wire};

/// What the workers drive: implemented by the engine, called on any worker at the same time.
///
/// No call may block. Everything to send goes into the outbox, which the caller flushes.
pub trait Ingress: Send + Sync + 'static {
    /// Reusable memory of one worker, so that the hot path allocates nothing.
    type Scratch: Default + 'static;

    /// One whole message, a datagram or a framed part of a stream (`flow.transport` tells which).
    /// A datagram may be anything. A stream hands over what it could not frame as well, when there
    /// is a head to answer: scanning it finds the defect again, and `net` closes the connection
    /// after the answer was flushed.
    fn receive(&self, scratch: &mut Self::Scratch, outbox: &mut Outbox, flow: Flow, bytes: &[u8]);

    /// A connection has ended and its id will not be seen again.
    fn connection_closed(&self, outbox: &mut Outbox, connection: ConnectionId);

    /// A packet that was sent with a token did not get out (RFC 3261 s18.4).
    fn transport_failed(&self, outbox: &mut Outbox, failure: &SendFailure);

    /// Whether work was set aside that still has to answer somebody.
    fn is_waiting(&self) -> bool {
        false
    }

    /// Runs the timers of one worker that are due, and returns the next deadline. Called once the
    /// deadline has come, which [`Egress::alarm`] alone sets and brings forward.
    fn tick(&self, worker: usize, outbox: &mut Outbox) -> Tick;
}

/// Bounds on what peers may cost.
#[derive(Clone, Debug)]
pub struct Limits {
    /// What one message on a stream may be.
    pub message: wire::Limits,
    /// First byte to complete message on a stream.
    pub first_byte_to_message: Duration,
    /// How long an unauthenticated connection may stay without a complete message.
    pub idle_unauthenticated: Duration,
    /// How long a connection that we dialled may stay without traffic (RFC 3261 s18 asks for 32 s
    /// at least).
    pub idle_dialled: Duration,
    /// Unauthenticated connections from one address.
    pub connections_per_source: usize,
    /// Unauthenticated connections in total.
    pub connections_unauthenticated: usize,
    /// Connections in total.
    pub connections_total: usize,
    /// Bytes that may wait for one peer.
    pub connection_write_queue_bytes: usize,
    /// Bytes that may wait for all peers.
    pub write_queue_total_bytes: usize,
    /// How long a peer may take nothing while bytes wait for it.
    pub write_stall: Duration,
    /// From accepting or establishing a connection to the end of the TLS handshake.
    pub tls_handshake: Duration,
    /// Silence of a WebSocket client before it is asked for a sign of life: gateways on the way
    /// forget what is silent for a minute, and a browser that is gone does not say so.
    pub ping_after: Duration,
    /// How long a WebSocket client that was asked for a sign of life may give none.
    pub pong_timeout: Duration,
    /// How long a connection may take to establish.
    pub connect_timeout: Duration,
    /// Connections that may be in the making at the same time.
    pub dials_in_flight: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            message: wire::Limits::default(),
            first_byte_to_message: Duration::from_secs(10),
            idle_unauthenticated: Duration::from_secs(30),
            idle_dialled: Duration::from_secs(120),
            connections_per_source: 128,
            connections_unauthenticated: 1_024,
            connections_total: 20_000,
            connection_write_queue_bytes: 256 * 1024,
            write_queue_total_bytes: 256 * 1024 * 1024,
            write_stall: Duration::from_secs(30),
            tls_handshake: Duration::from_secs(5),
            ping_after: Duration::from_secs(30),
            pong_timeout: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(3),
            dials_in_flight: 256,
        }
    }
}

impl From<&config::Limits> for Limits {
    fn from(configured: &config::Limits) -> Limits {
        let size = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
        let u32 = |bytes: u64| u32::try_from(bytes).unwrap_or(u32::MAX);
        let u16 = |count: u32| u16::try_from(count).unwrap_or(u16::MAX);
        Limits {
            message: wire::Limits {
                message_bytes: u32(configured.message_bytes),
                header_bytes: u32(configured.header_bytes),
                header_line_bytes: u32(configured.header_line_bytes),
                header_lines: u16(configured.header_lines),
                uri_bytes: u32(configured.uri_bytes),
                via: u16(configured.via),
                route: u16(configured.route),
            },
            first_byte_to_message: configured.first_byte_to_message,
            idle_unauthenticated: configured.idle_unauthenticated,
            connections_per_source: configured.connections_per_source as usize,
            connections_unauthenticated: configured.connections_unauthenticated as usize,
            connections_total: configured.connections_total as usize,
            connection_write_queue_bytes: size(configured.connection_write_queue_bytes),
            write_queue_total_bytes: size(configured.write_queue_total_bytes),
            write_stall: configured.connection_write_deadline,
            tls_handshake: configured.tls_handshake,
            ..Limits::default()
        }
    }
}

#[cfg(test)]
mod tests;
