//! What the web listener counts.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::latency::{Histogram, Latency};

/// Parts of the web that are timed apart; every other path is the last.
const AREAS: [&str; 6] = ["admin", "api", "assets", "xcap", "probe", "other"];

/// The part of the web that a path is in.
fn area(path: &str) -> usize {
    let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    let name = if ["healthz", "readyz"].contains(&first) { "probe" } else { first };
    AREAS.iter().position(|known| *known == name).unwrap_or(AREAS.len() - 1)
}

/// Counters, since the start.
#[derive(Debug, Default)]
pub struct Counts {
    pub(super) accepted: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) handshakes_failed: AtomicU64,
    pub(super) timed_out: AtomicU64,
    pub(super) requests: AtomicU64,
    pub(super) upgraded: AtomicU64,
    times: [Histogram; AREAS.len()],
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

    /// Notes how long an answer took.
    pub(super) fn time(&self, path: &str, took: Duration) {
        if let Some(histogram) = self.times.get(area(path)) {
            histogram.observe(took);
        }
    }

    pub(super) fn times(&self) -> Vec<(&'static str, Latency)> {
        AREAS.into_iter().zip(&self.times).map(|(area, times)| (area, times.read())).collect()
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
