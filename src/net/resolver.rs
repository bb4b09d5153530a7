//! Where neighbours are: RFC 3263 on a real DNS, behind a bounded cache.
//!
//! ```text
//!   request ── located ──▶ candidates                    from the cache, no wait
//!                 └─ None ── locate ──▶ one query in flight per name ──▶ DNS     2 s in all
//! ```
//!
//! Nothing is ever looked up for our own names, nor for anybody whom only a request names: the
//! destinations are those of the configuration. An answer is kept for its TTL, "there is none" as
//! long as its SOA says, and silence for a moment, so that a DNS that is dead costs one wait and
//! not one for each request.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::rr::{self, RData};
use tokio::sync::OnceCell;
use tokio::time::timeout;

use crate::clock::{Clock, Tick};
use crate::sip::Transport;
use crate::sip::locate::{Candidate, Destination, Failures, Query, Record, Search};

#[cfg(test)]
mod tests;

/// One search, with everything that it asks for (R13).
const PATIENCE: Duration = Duration::from_secs(2);
/// One try of one query; there are two.
const ONE_TRY: Duration = Duration::from_millis(900);
/// Answers kept.
const MOST_KEPT: usize = 1_024;
/// Queries under way.
const MOST_FLIGHTS: usize = 64;
/// Records of one answer.
const MOST_RECORDS: usize = 64;
/// How long an answer is kept, whatever its TTL says.
const KEPT: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(3_600));
/// The same for "there is none".
const NONE_KEPT: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// How long it is kept that no answer came.
const SILENCE_KEPT: Duration = Duration::from_secs(5);

type Records = Arc<[Record]>;

#[derive(Clone, Debug)]
struct Kept {
    records: Records,
    until: Tick,
}

/// Finds neighbours, and remembers which of them failed.
pub struct Resolver {
    dns: Option<TokioResolver>,
    clock: Clock,
    /// Transports that can be dialled, best first.
    usable: Vec<Transport>,
    /// Where we listen: nobody is sent back to us.
    own: Vec<SocketAddr>,
    kept: Mutex<HashMap<Query, Kept>>,
    flights: Mutex<HashMap<Query, Arc<OnceCell<Records>>>>,
    failures: Mutex<Failures>,
}

impl std::fmt::Debug for Resolver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resolver").field("usable", &self.usable).finish_non_exhaustive()
    }
}

impl Resolver {
    /// A resolver that asks `servers`, or those of the system if there are none. It sends by
    /// `usable` transports, best first, and never to one of our `own` addresses. Where the system
    /// has no servers, only addresses and the names of `/etc/hosts` are found.
    #[must_use]
    pub fn new(
        servers: &[SocketAddr],
        usable: &[Transport],
        own: &[SocketAddr],
        clock: Clock,
    ) -> Resolver {
        let builder = if servers.is_empty() {
            TokioResolver::builder_tokio()
        } else {
            let config =
                ResolverConfig::from_parts(None, vec![], servers.iter().map(server).collect());
            let provider = TokioRuntimeProvider::default();
            Ok(TokioResolver::builder_with_config(config, provider))
        };
        let dns = builder
            .and_then(|mut builder| {
                set(builder.options_mut());
                builder.build()
            })
            .inspect_err(|error| tracing::warn!(event = "dns.unusable", %error))
            .ok();
        Resolver {
            dns,
            clock,
            usable: usable.to_vec(),
            own: own.to_vec(),
            kept: Mutex::default(),
            flights: Mutex::default(),
            failures: Mutex::default(),
        }
    }

    /// Where `destination` is, if nothing has to be asked; servers that failed lately come last.
    /// An empty list: nowhere.
    #[must_use]
    pub fn located(&self, destination: &Destination) -> Option<Vec<Candidate>> {
        let mut search = Search::new(destination, &self.usable);
        let now = self.clock.now();
        while let Some(query) = search.next_query() {
            let records = self.kept(&query, now)?;
            search.answer(&records, &mut crate::entropy::below);
        }
        Some(self.in_order(search))
    }

    /// The same, asking for what is not known. Answers within 2 s with what was found by then.
    pub async fn locate(&self, destination: &Destination) -> Vec<Candidate> {
        let mut search = Search::new(destination, &self.usable);
        if timeout(PATIENCE, self.run(&mut search)).await.is_err()
            && let Some(query) = search.next_query()
        {
            self.keep(&query, Arc::from([]), SILENCE_KEPT);
        }
        self.in_order(search)
    }

    async fn run(&self, search: &mut Search) {
        while let Some(query) = search.next_query() {
            let records = match self.kept(&query, self.clock.now()) {
                Some(records) => records,
                None => self.ask(&query).await,
            };
            search.answer(&records, &mut crate::entropy::below);
        }
    }

    /// A neighbour could not be reached, stayed silent or answered 503: it is tried last for a
    /// while, or for as long as it asked for itself.
    pub fn failed(&self, transport: Transport, address: SocketAddr, retry_after: Option<Duration>) {
        let now = self.clock.now();
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if !failures.is_resting(now, transport, address) {
            tracing::warn!(event = "neighbour.failed", %transport, %address);
        }
        failures.failed(now, transport, address, retry_after);
    }

    /// A neighbour answered.
    pub fn answered(&self, transport: Transport, address: SocketAddr) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if !failures.is_empty() {
            failures.answered(transport, address);
        }
    }

    fn in_order(&self, search: Search) -> Vec<Candidate> {
        let mut candidates = search.into_candidates();
        candidates.retain(|candidate| !self.own.contains(&candidate.address));
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.arrange(self.clock.now(), &mut candidates);
        candidates
    }

    fn kept(&self, query: &Query, now: Tick) -> Option<Records> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(query).filter(|kept| now < kept.until).map(|kept| Arc::clone(&kept.records))
    }

    fn keep(&self, query: &Query, records: Records, for_how_long: Duration) {
        let now = self.clock.now();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MOST_KEPT && !kept.contains_key(query) {
            kept.retain(|_, kept| now < kept.until);
        }
        if kept.len() >= MOST_KEPT
            && let Some(first) = kept.iter().min_by_key(|(_, kept)| kept.until)
        {
            let first = first.0.clone();
            kept.remove(&first);
        }
        kept.insert(query.clone(), Kept { records, until: now + for_how_long });
    }

    /// Asks, together with everybody who asks the same now.
    async fn ask(&self, query: &Query) -> Records {
        let flight = {
            let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
            if flights.len() >= MOST_FLIGHTS && !flights.contains_key(query) {
                return Arc::from([]);
            }
            Arc::clone(flights.entry(query.clone()).or_default())
        };
        // Taken out also when nobody waits any more.
        let _landing = Landing { resolver: self, query, flight: &flight };
        let records = flight.get_or_init(|| self.query(query)).await;
        Arc::clone(records)
    }

    async fn query(&self, query: &Query) -> Records {
        let answer = match &self.dns {
            Some(dns) => lookup(dns, query).await,
            None => Err(None),
        };
        let (records, for_how_long) = match answer {
            Ok((records, ttl)) => {
                (records.into(), Duration::from_secs(ttl.into()).clamp(KEPT.0, KEPT.1))
            }
            Err(Some(ttl)) => {
                (Arc::from([]), Duration::from_secs(ttl.into()).clamp(NONE_KEPT.0, NONE_KEPT.1))
            }
            Err(None) => {
                tracing::warn!(event = "dns.silent", name = %query.name().escape_debug());
                (Arc::from([]), SILENCE_KEPT)
            }
        };
        self.keep(query, Arc::clone(&records), for_how_long);
        records
    }
}

/// Takes a query out of those under way.
struct Landing<'a> {
    resolver: &'a Resolver,
    query: &'a Query,
    flight: &'a Arc<OnceCell<Records>>,
}

impl Drop for Landing<'_> {
    fn drop(&mut self) {
        let mut flights = self.resolver.flights.lock().unwrap_or_else(PoisonError::into_inner);
        // The map's own, and this one: nobody else waits for it, or it is answered.
        let is_over = self.flight.initialized() || Arc::strong_count(self.flight) <= 2;
        if is_over && flights.get(self.query).is_some_and(|one| Arc::ptr_eq(one, self.flight)) {
            flights.remove(self.query);
        }
    }
}

pub(super) fn server(address: &SocketAddr) -> NameServerConfig {
    let mut server = NameServerConfig::udp_and_tcp(address.ip());
    for connection in &mut server.connections {
        let ConnectionConfig { port, .. } = connection;
        *port = address.port();
    }
    server
}

fn set(options: &mut ResolverOpts) {
    options.timeout = ONE_TRY;
    options.attempts = 1;
    // Kept here, by name and kind, so that nothing is asked for on the way of a request.
    options.cache_size = 0;
    options.use_hosts_file = ResolveHosts::Auto;
}

/// The records with the least of their TTLs, in seconds; `Err(Some)`: there are none, for so long.
/// `Err(None)`: no answer that can be relied on.
async fn lookup(dns: &TokioResolver, query: &Query) -> Result<(Vec<Record>, u32), Option<u32>> {
    const DEFAULT_NONE: u32 = 30;
    // Whole names are not tried below the machine's own domain as well.
    let name = query.name();
    let name = if name.contains('.') { format!("{name}.") } else { name.to_owned() };
    let answer = match query {
        Query::Naptr(_) => dns.lookup(name, rr::RecordType::NAPTR).await,
        Query::Srv(_) => dns.lookup(name, rr::RecordType::SRV).await,
        Query::Addresses(_) => dns.lookup_ip(name).await.map(|found| found.as_lookup().clone()),
    };
    let answer = match answer {
        Ok(answer) => answer,
        Err(NetError::Dns(DnsError::NoRecordsFound(none))) => {
            return Err(Some(none.negative_ttl.unwrap_or(DEFAULT_NONE)));
        }
        Err(_) => return Err(None),
    };
    let mut ttl = u32::MAX;
    let mut records = Vec::new();
    for answer in answer.answers().iter().take(MOST_RECORDS) {
        ttl = ttl.min(answer.ttl);
        records.extend(record(&answer.data));
    }
    Ok((records, ttl))
}

fn record(data: &RData) -> Option<Record> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned().into_boxed_str();
    Some(match data {
        RData::A(address) => Record::Address(address.0.into()),
        RData::AAAA(address) => Record::Address(address.0.into()),
        RData::SRV(srv) => Record::Srv {
            priority: srv.priority,
            weight: srv.weight,
            port: srv.port,
            target: srv.target.to_ascii().into(),
        },
        RData::NAPTR(naptr) if naptr.regexp.is_empty() => Record::Naptr {
            order: naptr.order,
            preference: naptr.preference,
            flags: text(&naptr.flags),
            services: text(&naptr.services),
            replacement: naptr.replacement.to_ascii().into(),
        },
        _ => return None,
    })
}
