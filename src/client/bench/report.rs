//! What a run found, as one JSON document.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::histogram::Histogram;
use super::process::Usage;
use super::tally::Tally;
use super::{Kind, Options};

/// CPU and memory around a measurement.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Costs {
    pub(super) own_micros: u64,
    pub(super) server: Option<(Usage, Usage)>,
    pub(super) rss_max_kib: u64,
    pub(super) directory: Option<(Usage, Usage)>,
}

/// Latency in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[expect(missing_docs, reason = "each field is its own name")]
pub struct Latency {
    pub mean: f64,
    pub p50: u64,
    pub p90: u64,
    pub p99: u64,
    pub max: u64,
}

impl Latency {
    fn of(histogram: &Histogram) -> Latency {
        Latency {
            mean: round(histogram.mean()),
            p50: histogram.percentile(50.0),
            p90: histogram.percentile(90.0),
            p99: histogram.percentile(99.0),
            max: histogram.max(),
        }
    }
}

/// What the server's processes used.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[expect(missing_docs, reason = "each field is its own name")]
pub struct ServerUse {
    pub cpu_seconds: f64,
    pub cpu_us_per_request: f64,
    pub cpu_us_per_notify: Option<f64>,
    pub rss_before_kib: u64,
    pub rss_after_kib: u64,
    pub rss_max_kib: u64,
}

/// What a run found. Rates are requests a second.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[expect(missing_docs, reason = "docs/performance.md describes the fields")]
pub struct Report {
    pub kind: &'static str,
    pub transport: &'static str,
    pub users: usize,
    pub publishers: usize,
    pub watchers: usize,
    pub threads: usize,
    pub reuse_nonce: bool,
    pub target_rate: f64,
    pub rate: f64,
    pub seconds: f64,
    pub requests: u64,
    pub completed: u64,
    pub held: u64,
    pub failed: u64,
    pub failures: BTreeMap<u16, u64>,
    pub timeouts: u64,
    pub unreachable: u64,
    pub unsent: u64,
    pub challenges: u64,
    pub retransmissions: u64,
    pub refreshes: u64,
    pub refresh_failures: u64,
    pub delivered: u64,
    pub delivered_again: u64,
    pub duplicated: u64,
    pub foreign: u64,
    pub lost: u64,
    pub latency_us: Latency,
    pub delivery_us: Latency,
    pub lag_us: Latency,
    pub packets_sent: u64,
    pub packets_received: u64,
    pub bytes_sent: u64,
    pub bytes_received: u64,
    pub connections_lost: u64,
    pub packets_per_request: f64,
    pub bytes_per_request: f64,
    pub generator_cpu_us_per_request: f64,
    pub server: Option<ServerUse>,
    pub directory_cpu_us_per_request: Option<f64>,
}

fn round(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

impl Report {
    pub(super) fn new(
        options: &Options,
        target: f64,
        wall: Duration,
        tally: &Tally,
        lost: u64,
        costs: &Costs,
    ) -> Report {
        let each = |sum: u64| round(sum as f64 / tally.completed.max(1) as f64);
        let spent =
            |(before, after): (Usage, Usage)| after.cpu_micros.saturating_sub(before.cpu_micros);
        let traffic = tally.traffic;
        let all = tally.completed.saturating_mul(options.watching.watchers as u64);
        let untold = all.saturating_sub(tally.delivered);
        Report {
            kind: match options.kind {
                Kind::Register => "register",
                Kind::Message => "message",
                Kind::Invite => "invite",
                Kind::Publish => "publish",
                Kind::Subscribe => "subscribe",
            },
            transport: options.way.transport.listener_scheme(),
            users: options.people.len(),
            publishers: options.watching.publishers,
            watchers: options.watching.watchers,
            threads: options.threads,
            reuse_nonce: options.reuse_nonce,
            target_rate: round(target),
            // The schedule is as long as it was asked to be; longer if sending fell behind.
            rate: round(tally.completed as f64 / wall.max(options.duration).as_secs_f64()),
            seconds: (wall.as_secs_f64() * 1_000.0).round() / 1_000.0,
            requests: tally.requests,
            completed: tally.completed,
            held: tally.held,
            failed: tally.failed(),
            failures: tally.failures.clone(),
            timeouts: tally.timeouts,
            unreachable: tally.unreachable,
            unsent: tally.unsent,
            challenges: tally.challenges,
            retransmissions: tally.retransmissions,
            refreshes: tally.refreshes,
            refresh_failures: tally.refresh_failures,
            delivered: tally.delivered,
            delivered_again: tally.delivered_again,
            duplicated: tally.duplicated,
            foreign: tally.foreign,
            lost: if options.kind == Kind::Publish { untold } else { lost },
            latency_us: Latency::of(&tally.transaction),
            delivery_us: Latency::of(&tally.delivery),
            lag_us: Latency::of(&tally.lag),
            packets_sent: traffic.packets_sent,
            packets_received: traffic.packets_received,
            bytes_sent: traffic.bytes_sent,
            bytes_received: traffic.bytes_received,
            connections_lost: traffic.connections_lost,
            packets_per_request: each(traffic.packets_sent + traffic.packets_received),
            bytes_per_request: each(traffic.bytes_sent + traffic.bytes_received),
            generator_cpu_us_per_request: each(costs.own_micros),
            server: costs.server.map(|both| ServerUse {
                cpu_seconds: spent(both) as f64 / 1e6,
                cpu_us_per_request: each(spent(both)),
                cpu_us_per_notify: (options.watching.watchers > 0 && tally.delivered > 0)
                    .then(|| round(spent(both) as f64 / tally.delivered as f64)),
                rss_before_kib: both.0.rss_kib,
                rss_after_kib: both.1.rss_kib,
                rss_max_kib: costs.rss_max_kib,
            }),
            directory_cpu_us_per_request: costs.directory.map(|both| each(spent(both))),
        }
    }

    /// Whether the server carried the load without any sign of strain: everything answered, nothing
    /// sent twice, nothing lost, the rate reached, and no answer later than T1 at the 99th
    /// percentile, for streams have no retransmissions to show it.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        let trouble = self.failed
            + self.retransmissions
            + self.refresh_failures
            + self.delivered_again
            + self.duplicated
            + self.held
            + self.lost
            + self.connections_lost;
        trouble == 0 && self.rate >= 0.97 * self.target_rate && self.latency_us.p99 <= 500_000
    }
}
