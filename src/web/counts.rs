//! What the web listener counts.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters, since the start.
#[derive(Debug, Default)]
pub struct Counts {
    pub(super) accepted: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) handshakes_failed: AtomicU64,
    pub(super) timed_out: AtomicU64,
    pub(super) requests: AtomicU64,
    pub(super) upgraded: AtomicU64,
}

/// The counters at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Connections accepted.
    pub accepted: u64,
    /// Connections over a limit, closed at once.
    pub refused: u64,
    /// TLS handshakes that failed or took too long.
    pub handshakes_failed: u64,
    /// Connections closed because a request took too long.
    pub timed_out: u64,
    /// Requests answered.
    pub requests: u64,
    /// Connections that became WebSockets.
    pub upgraded: u64,
}

impl Counts {
    pub(super) fn add(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn read(&self) -> Counters {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counters {
            accepted: read(&self.accepted),
            refused: read(&self.refused),
            handshakes_failed: read(&self.handshakes_failed),
            timed_out: read(&self.timed_out),
            requests: read(&self.requests),
            upgraded: read(&self.upgraded),
        }
    }
}
