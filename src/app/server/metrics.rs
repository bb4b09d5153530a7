//! The figures that `/metrics` shows, in base units, with labels from closed lists alone: no person,
//! address or host ever stands in one.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Mutex, PoisonError};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use super::Server;
use crate::app::process;
use crate::latency::Latency;
use crate::store::{Mode, Store as _};
use crate::web::{Exposition, Web};

/// Labels of one sample.
type Labels = Vec<(&'static str, String)>;

/// One family: what it is called, what it means, and its samples.
#[derive(Debug)]
struct Family {
    name: &'static str,
    help: &'static str,
    samples: Samples,
}

#[derive(Debug)]
enum Samples {
    /// What only grows.
    Counter(Vec<(Labels, u64)>),
    /// What goes up and down.
    Gauge(Vec<(Labels, f64)>),
    /// How long something took.
    Histogram(Vec<(Labels, Latency)>),
}

/// All figures of one moment.
#[derive(Debug, Default)]
struct Figures(Vec<Family>);

impl Figures {
    fn counter(&mut self, name: &'static str, help: &'static str, value: u64) {
        self.counters(name, help, vec![(Labels::new(), value)]);
    }

    fn counters(&mut self, name: &'static str, help: &'static str, samples: Vec<(Labels, u64)>) {
        self.0.push(Family { name, help, samples: Samples::Counter(samples) });
    }

    fn gauge(&mut self, name: &'static str, help: &'static str, value: f64) {
        self.gauges(name, help, vec![(Labels::new(), value)]);
    }

    fn gauges(&mut self, name: &'static str, help: &'static str, samples: Vec<(Labels, f64)>) {
        self.0.push(Family { name, help, samples: Samples::Gauge(samples) });
    }

    fn histograms(
        &mut self,
        name: &'static str,
        help: &'static str,
        samples: Vec<(Labels, Latency)>,
    ) {
        self.0.push(Family { name, help, samples: Samples::Histogram(samples) });
    }

    /// A gauge of something that may not be known.
    fn known(&mut self, name: &'static str, help: &'static str, value: Option<f64>) {
        if let Some(value) = value {
            self.gauge(name, help, value);
        }
    }
}

impl Collector for Figures {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        for Family { name, help, samples } in &self.0 {
            match samples {
                Samples::Counter(samples) => {
                    let kind = MetricType::Counter;
                    let mut family = encoder.encode_descriptor(name, help, None, kind)?;
                    for (labels, value) in samples {
                        ConstCounter::new(*value).encode(family.encode_family(labels)?)?;
                    }
                }
                Samples::Gauge(samples) => {
                    let kind = MetricType::Gauge;
                    let mut family = encoder.encode_descriptor(name, help, None, kind)?;
                    for (labels, value) in samples {
                        ConstGauge::new(*value).encode(family.encode_family(labels)?)?;
                    }
                }
                Samples::Histogram(samples) => {
                    let kind = MetricType::Histogram;
                    let mut family = encoder.encode_descriptor(name, help, None, kind)?;
                    for (labels, taken) in samples {
                        family.encode_family(labels)?.encode_histogram::<NoLabelSet>(
                            taken.sum(),
                            taken.count(),
                            &taken.buckets(),
                            None,
                        )?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// What became of notices, by application and outcome: both from short lists.
#[derive(Debug, Default)]
pub(super) struct NoticeCounts(Mutex<BTreeMap<(String, &'static str), u64>>);

impl NoticeCounts {
    /// Counts one.
    pub(super) fn count(&self, application: &str, outcome: &'static str) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry((application.to_owned(), outcome)).or_default() += 1;
    }

    fn samples(&self) -> Vec<(Labels, u64)> {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let sample = |((application, outcome), count): (&(String, &'static str), &u64)| {
            let application = ("application", application.clone());
            (vec![application, ("outcome", (*outcome).to_owned())], *count)
        };
        counts.iter().map(sample).collect()
    }
}

/// One label and its value.
fn label(name: &'static str, value: impl fmt::Display) -> Labels {
    vec![(name, value.to_string())]
}

impl Exposition for Server {
    fn text(&self) -> Option<String> {
        let mut figures = Figures::default();
        self.sip_figures(&mut figures);
        self.people_figures(&mut figures);
        self.machine_figures(&mut figures);
        let mut registry = Registry::default();
        registry.register_collector(Box::new(figures));
        let mut written = String::with_capacity(16 * 1_024);
        let outcome = text::encode(&mut written, &registry);
        outcome
            .map(|()| written)
            .map_err(|error| tracing::error!(event = "no_metrics", %error))
            .ok()
    }
}

impl Server {
    fn sip_figures(&self, figures: &mut Figures) {
        let (traffic, counts) = (self.engine.traffic(), self.engine.counts());
        let requests = traffic.requests().map(|(method, transport, count)| {
            (vec![("method", method), ("transport", transport.to_string())], count)
        });
        let help = "Requests that came, retransmissions included";
        figures.counters("tagus_sip_requests", help, requests.collect());
        let answers = traffic.answers().map(|(method, class, count)| {
            (vec![("method", method), ("class", class.to_owned())], count)
        });
        let help = "Answers that this server gave of its own accord";
        figures.counters("tagus_sip_answers", help, answers.collect());
        let responses = traffic.responses().map(|(class, count)| (label("class", class), count));
        let help = "Responses that devices and neighbours gave";
        figures.counters("tagus_sip_responses", help, responses.collect());
        let shed = [
            ("refresh", &counts.shed_refreshes),
            ("personal", &counts.shed_personal),
            ("opening", &counts.shed_openings),
            ("stranger", &counts.shed_strangers),
        ];
        let shed = shed.map(|(kind, count)| (label("kind", kind), count.load(Relaxed)));
        figures.counters("tagus_sip_shed", "Requests put off for want of room", shed.to_vec());
        for (name, help, counter) in [
            ("tagus_sip_retransmissions", "Requests that came again", &counts.retransmissions),
            ("tagus_sip_parse_errors", "Messages that could not be read", &counts.malformed),
            ("tagus_sip_dropped", "Datagrams dropped without an answer", &counts.dropped),
            ("tagus_sip_stray_responses", "Responses that belong to nothing", &counts.stray),
            ("tagus_sip_keep_alives", "STUN keep-alives answered", &counts.keep_alives),
            ("tagus_auth_challenges", "Challenges sent", &counts.challenges),
            ("tagus_auth_failures", "Credentials that did not verify", &counts.refused_credentials),
            ("tagus_registers", "REGISTER requests carried out", &counts.registers),
            ("tagus_publishes", "PUBLISH requests carried out", &counts.publishes),
            ("tagus_notifies", "NOTIFY requests sent", &counts.notifies),
        ] {
            figures.counter(name, help, counter.load(Relaxed));
        }
        let messages = [
            ("accepted", &counts.messages),
            ("stored", &counts.held),
            ("delivered", &counts.delivered),
            ("delivered_later", &counts.replayed),
            ("failed", &counts.failed),
        ];
        let messages = messages.map(|(outcome, n)| (label("outcome", outcome), n.load(Relaxed)));
        figures.counters("tagus_messages", "MESSAGE requests by outcome", messages.to_vec());
        let help = "From a message's arrival to its receiver's answer, while the sender waits";
        let delivery = vec![(Labels::new(), self.engine.delivery())];
        figures.histograms("tagus_message_delivery_seconds", help, delivery);
        let help = "Notices of applications to one person each";
        figures.counters("tagus_notices", help, self.notices.samples());
        let net = self.egress.counters();
        let datagrams = [("in", net.datagrams_received), ("out", net.datagrams_sent)];
        let datagrams = datagrams.map(|(way, count)| (label("direction", way), count));
        figures.counters("tagus_sip_datagrams", "Datagrams", datagrams.to_vec());
        let ends = [
            ("refused", net.refused),
            ("overflowed", net.overflows),
            ("timed_out", net.timed_out),
            ("tls_failed", net.tls_failures),
        ];
        let ends = ends.map(|(reason, count)| (label("reason", reason), count));
        let help = "Connections that ended for a reason of ours";
        figures.counters("tagus_sip_connections_ended", help, ends.to_vec());
        figures.counter("tagus_panics", "Messages whose handling panicked", net.panics);
        let help = "Open connections and those in the making";
        figures.gauge("tagus_sip_connections", help, net.connections as f64);
        let transactions = self.engine.transactions() as f64;
        figures.gauge("tagus_sip_transactions", "Transactions that are alive", transactions);
    }

    fn people_figures(&self, figures: &mut Figures) {
        for (name, help, count) in [
            ("tagus_registrations", "Contacts bound", self.watching.registrar.len()),
            ("tagus_subscriptions", "Subscriptions", self.watching.subscriptions.len()),
            ("tagus_publications", "What devices published", self.watching.presence.len()),
            ("tagus_offline_messages", "Messages that wait", self.page_mode.held().len()),
            ("tagus_bans", "Bans in force", self.guard.bans().len()),
        ] {
            figures.gauge(name, help, count as f64);
        }
        let accounts = self.site.accounts.count() as f64;
        figures.gauge("tagus_accounts", "Accounts", accounts);
        let directory = self.site.identity.state();
        if directory.state == "off" {
            return;
        }
        let states = ["up", "degraded", "down"]
            .map(|state| (label("state", state), f64::from(u8::from(state == directory.state))));
        figures.gauges("tagus_ldap_state", "1 for how the directory stands", states.to_vec());
        figures.gauge("tagus_ldap_people", "People on its list", directory.people as f64);
        figures.gauge(
            "tagus_ldap_cached",
            "People whose entries are kept",
            directory.cached as f64,
        );
        figures.counter("tagus_ldap_lookups", "Searches for one person", directory.lookups);
        let help = "Answers from the cache while the directory was out of reach";
        figures.counter("tagus_ldap_grace_answers", help, directory.served_by_grace);
        if let Some((times, hits)) = self.site.identity.directory_times() {
            let operations = times.operations.into_iter();
            let operations = operations.map(|(op, taken)| (label("op", op), taken)).collect();
            let help = "How long the directory takes";
            figures.histograms("tagus_ldap_request_duration_seconds", help, operations);
            figures.counter("tagus_ldap_errors", "Requests that failed", times.errors);
            let help = "Questions about a person that were answered from memory";
            figures.counter("tagus_ldap_cache_hits", help, hits);
        }
        let help = "When its list of people was read last";
        let read = directory.last_sync.map(|at| at.unix_millis() as f64 / 1_000.0);
        figures.known("tagus_ldap_sync_last_success_timestamp_seconds", help, read);
    }

    fn machine_figures(&self, figures: &mut Figures) {
        let version = label("version", env!("CARGO_PKG_VERSION"));
        figures.gauges("tagus_build_info", "This program", vec![(version, 1.0)]);
        let store = self.site.store.health();
        let writable = f64::from(u8::from(store.mode == Mode::Writable));
        figures.gauge("tagus_store_writable", "1 while the store takes changes", writable);
        let rows = store.rows.iter().map(|(table, rows)| (label("table", table), *rows as f64));
        figures.gauges("tagus_store_rows", "Rows, as last committed", rows.collect());
        let help = "Commits that wait to become durable";
        figures.gauge("tagus_store_commits_waiting", help, store.waiting as f64);
        let help = "Free space on its volume";
        figures.known("tagus_store_free_bytes", help, store.free_bytes.map(|free| free as f64));
        let help = "Relaxed writes that were given up";
        figures.counter("tagus_store_writes_dropped", help, store.writes_dropped);
        let help = "How long a commit takes to reach the disk";
        let commits = vec![(Labels::new(), store.commits)];
        figures.histograms("tagus_store_commit_duration_seconds", help, commits);
        let size = store.size_bytes.map(|bytes| bytes as f64);
        figures.known("tagus_store_size_bytes", "What its files occupy", size);
        let export = store.last_export.map(|at| at.unix_millis() as f64 / 1_000.0);
        let help = "When the last export was made and verified";
        figures.known("tagus_store_last_export_timestamp_seconds", help, export);
        let web = self.web().map(Web::counters).unwrap_or_default();
        figures.counter("tagus_http_requests", "Requests answered on the web", web.requests);
        figures.counter("tagus_http_websockets", "WebSockets opened", web.upgraded);
        let areas = self.web().map(Web::times).unwrap_or_default();
        let areas = areas.into_iter().map(|(area, taken)| (label("area", area), taken)).collect();
        let help = "From a request's header to the header of its answer";
        figures.histograms("tagus_http_request_duration_seconds", help, areas);
        let ends = self.certificates.not_after().map(|at| at.unix_millis() as f64 / 1_000.0);
        let help = "When the certificate in force runs out";
        figures.known("tagus_cert_not_after_timestamp_seconds", help, ends);
        let started = self.started.unix_millis() as f64 / 1_000.0;
        figures.gauge("process_start_time_seconds", "When the process started", started);
        let help = "Resident memory";
        let resident = process::resident_bytes().map(|bytes| bytes as f64);
        figures.known("process_resident_memory_bytes", help, resident);
        let help = "Open file descriptors";
        let open = process::open_descriptors().map(|count| count as f64);
        figures.known("process_open_fds", help, open);
    }
}
