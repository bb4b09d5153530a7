//! The server: every service on one store, and what commands and the directory ask of it.

use std::net::SocketAddr;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::history::History;
use super::site::Site;
use super::watching::Watching;
use super::{front, interfaces};
use crate::clock::{Clock, Tick, WallTime};
use crate::config::Config;
use crate::http_digest::nonce::NonceTable;
use crate::identity::UserName;
use crate::net::{
    self, Address, Bound, Egress, Engine, Guard, ListenError, Neighbours, Resolver, Workers,
};
use crate::operations::Failure;
use crate::page_mode::PageMode;
use crate::presence::Presence;
use crate::proxy::{self, RouteTokens, Routes};
use crate::registrar::stored_homes;
use crate::sip::Transport;
use crate::sip::locate::Destination;
use crate::sip::transaction::{Bounds, Timing};
use crate::store::Store as _;
use crate::subscriptions;
use crate::tls::Certificates;
use crate::web::Web;

/// Answered transactions that are kept for their retransmissions, for each that may be open.
const LINGERING_PER_TRANSACTION: usize = 2;

/// A server that answers.
pub struct Server {
    site: Arc<Site>,
    engine: Arc<Engine>,
    page_mode: Arc<PageMode>,
    watching: Watching,
    guard: Arc<Guard>,
    egress: Arc<Egress>,
    certificates: Arc<Certificates>,
    web: OnceLock<Web>,
    metrics: OnceLock<Web>,
    own_addresses: Vec<SocketAddr>,
    control: Handle,
    /// Rung when the server is to start again.
    again: OnceLock<Arc<Notify>>,
    started: WallTime,
    started_at: Tick,
    running: Mutex<Option<Running>>,
    measuring: measure::Measuring,
    /// Whether it was said which configured groups are not there.
    groups_checked: AtomicBool,
    notices: metrics::NoticeCounts,
}

/// What must be ended.
struct Running {
    workers: Workers,
    sweep: JoinHandle<()>,
    weigh: JoinHandle<()>,
}

/// The SIP listeners of a configuration.
#[must_use]
pub fn listeners(config: &Config) -> Vec<Address> {
    config.sip.listen.iter().filter_map(|listener| listener.to_string().parse().ok()).collect()
}

/// How many workers a configuration asks for.
#[must_use]
pub fn workers(config: &Config) -> usize {
    match config.sip.workers {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        workers => workers as usize,
    }
}

/// Binds the SIP listeners.
///
/// # Errors
/// A [`Failure`] that names the address, and what to do when somebody else has it.
pub fn bind(config: &Config) -> Result<Bound, Failure> {
    net::listen::bind(&listeners(config), workers(config)).map_err(|error| match &error {
        ListenError::InUse(address) => Failure::refused(format!(
            "{error}; end that program, or choose another port: --set 'sip.listen=[\"{}://{}:{}\"]'",
            address.transport,
            address.socket.ip(),
            address.socket.port().wrapping_add(1),
        )),
        ListenError::Bind(address, cause)
            if cause.kind() == std::io::ErrorKind::PermissionDenied =>
        {
            Failure::refused(format!(
                "{error}; ports below 1024 need root or the right cap_net_bind_service ({address})"
            ))
        }
        _ => Failure::failed(error),
    })
}

impl Server {
    /// Puts the services on what `site` holds, takes the sockets and starts to answer.
    ///
    /// # Errors
    /// A [`Failure`] if the store cannot be read or a thread cannot be made.
    pub fn open(
        site: Arc<Site>,
        bound: Bound,
        certificates: Arc<Certificates>,
        control: &Handle,
    ) -> Result<Arc<Server>, Failure> {
        let config = &site.config;
        let clock = site.clock.clone();
        let own_addresses = own_addresses(bound.addresses());
        count_start(&site)?;
        let watching = Watching::open(&site, own_addresses.clone())?;
        let subscriptions = Arc::clone(&watching.subscriptions);
        let page_mode =
            PageMode::open(live::messages(config), site.store.clone(), clock.latest_wall())
                .map(Arc::new)
                .map_err(Failure::failed)?;
        let guard = Arc::new(Guard::new((&config.limits).into(), clock.clone()));
        guard.restore(&stored_bans(&site));
        recall_homes(&site, &guard);
        let limits = net::Limits::from(&config.limits);
        let wire = limits.message;
        let egress = Egress::new(bound, limits, clock.clone(), front::sip_tls(&certificates)?);
        egress.places().know(guard.clone());
        let alarms = Arc::clone(&egress);
        subscriptions.ring(move |deadline| alarms.alarm(0, deadline));
        let nonces = NonceTable::new(
            &site.key.derive("digest nonces"),
            config.limits.nonce_lifetime,
            usize::try_from(config.limits.nonces).unwrap_or(usize::MAX),
        );
        let active = usize::try_from(config.limits.transactions).unwrap_or(usize::MAX);
        let neighbours = neighbours(config, &egress, &own_addresses, clock.clone())?;
        let engine = Engine::new(net::Parts {
            clock: clock.clone(),
            identity: Arc::clone(&site.identity),
            accounts: Arc::clone(&site.accounts),
            nonces: Arc::new(nonces),
            tokens: RouteTokens::new(&site.key.derive("route tokens")),
            registrar: Arc::clone(&watching.registrar),
            page_mode: Arc::clone(&page_mode),
            presence: Arc::clone(&watching.presence),
            subscriptions,
            guard: Arc::clone(&guard),
            neighbours,
            egress: Arc::clone(&egress),
            control: control.clone(),
            settings: net::Settings {
                domain: site.identity.domain().to_owned(),
                realm: site.identity.realm().to_owned(),
                trusted_peers: config.sip.trusted_peers.clone(),
                own_addresses: own_addresses.clone(),
                public_name: config.public_name.clone(),
                records_name: config.public_name_is_set,
                wire,
                max_publication: usize::try_from(config.limits.publish_body_bytes)
                    .unwrap_or(usize::MAX),
                ring: config.sip.ring,
                max_breadth: config.limits.max_breadth,
                memory: config.limits.memory.ceiling(),
                transactions: Bounds {
                    active,
                    lingering: active.saturating_mul(LINGERING_PER_TRANSACTION),
                    ..Bounds::default()
                },
                timing: Timing {
                    t1: config.sip.t1,
                    t2: config.sip.t2,
                    t4: config.sip.t4,
                    ..Timing::default()
                }
                .bounded(),
            },
        });
        let workers = net::start(&egress, &engine)
            .map_err(|error| Failure::failed(format!("no thread can be made: {error}")))?;
        let sweep = control.spawn(sweep(
            Arc::clone(&engine),
            Arc::clone(&watching.presence),
            clock.clone(),
        ));
        let weigh = control.spawn(weigh(Arc::clone(&engine)));
        let history = History::open(site.store.clone(), clock.clone()).map_err(Failure::failed)?;
        let server = Arc::new(Server {
            engine,
            page_mode,
            watching,
            guard,
            egress,
            certificates,
            web: OnceLock::new(),
            metrics: OnceLock::new(),
            own_addresses,
            control: control.clone(),
            again: OnceLock::new(),
            started: clock.wall(),
            started_at: clock.now(),
            running: Mutex::new(Some(Running { workers, sweep, weigh })),
            measuring: measure::Measuring::new(history),
            groups_checked: AtomicBool::new(false),
            notices: metrics::NoticeCounts::default(),
            site,
        });
        server.site.accounts.index_people().map_err(Failure::failed)?;
        server.site.identity.watch(server.clone());
        server.check_local_groups();
        server.measuring.begin(&server, control);
        Ok(server)
    }

    /// The addresses that answer, with the ports that were chosen.
    #[must_use]
    pub fn addresses(&self) -> &[Address] {
        self.egress.addresses()
    }

    /// What is sent goes through this.
    #[must_use]
    pub fn egress(&self) -> Arc<Egress> {
        Arc::clone(&self.egress)
    }

    /// Takes the web listener that was started over this server, once.
    pub fn show_web(&self, web: Web) {
        // A second one is dropped, which ends it.
        let _ = self.web.set(web);
    }

    /// Lets the server be started again, by whoever waits for this to be rung.
    pub fn may_restart(&self, again: Arc<Notify>) {
        let _ = self.again.set(again);
    }

    /// The web listener, if there is one.
    #[must_use]
    pub fn web(&self) -> Option<&Web> {
        self.web.get()
    }

    /// Takes the listener of the figures, once.
    pub fn show_metrics(&self, metrics: Web) {
        let _ = self.metrics.set(metrics);
    }

    /// The listener of the figures, if there is one.
    #[must_use]
    pub fn metrics(&self) -> Option<&Web> {
        self.metrics.get()
    }

    /// Stops answering, and waits until everything acknowledged is on the disk. Blocks.
    pub fn stop(&self) {
        self.measuring.end();
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Running { workers, sweep, weigh }) = running {
            sweep.abort();
            weigh.abort();
            workers.stop();
        }
        if let Err(error) = self.site.store.flush().wait() {
            tracing::error!(%error, "the last changes may not be on the disk");
        }
    }

    fn aor(&self, user: &UserName) -> String {
        format!("{user}@{}", self.site.identity.domain())
    }

    fn counters(&self) -> std::collections::BTreeMap<String, u64> {
        use std::sync::atomic::Ordering::Relaxed;
        let (counts, net) = (self.engine.counts(), self.egress.counters());
        let web = self.web().map(Web::counters).unwrap_or_default();
        [
            ("sip_requests", counts.requests.load(Relaxed)),
            ("sip_responses", counts.responses.load(Relaxed)),
            ("sip_retransmissions", counts.retransmissions.load(Relaxed)),
            ("sip_malformed", counts.malformed.load(Relaxed)),
            ("sip_dropped", counts.dropped.load(Relaxed)),
            ("sip_keep_alives", counts.keep_alives.load(Relaxed)),
            ("sip_stray_responses", counts.stray.load(Relaxed)),
            ("sip_shed", counts.shed.load(Relaxed)),
            ("sip_shed_refreshes", counts.shed_refreshes.load(Relaxed)),
            ("sip_shed_personal", counts.shed_personal.load(Relaxed)),
            ("sip_shed_openings", counts.shed_openings.load(Relaxed)),
            ("sip_shed_strangers", counts.shed_strangers.load(Relaxed)),
            ("challenges", counts.challenges.load(Relaxed)),
            ("credentials_refused", counts.refused_credentials.load(Relaxed)),
            ("registers", counts.registers.load(Relaxed)),
            ("messages", counts.messages.load(Relaxed)),
            ("messages_held", counts.held.load(Relaxed)),
            ("publishes", counts.publishes.load(Relaxed)),
            ("notifies", counts.notifies.load(Relaxed)),
            ("large_datagrams", counts.large_datagrams.load(Relaxed)),
            ("messages_replayed", counts.replayed.load(Relaxed)),
            ("datagrams_received", net.datagrams_received),
            ("datagrams_sent", net.datagrams_sent),
            ("send_failures", net.send_failures),
            ("connections_accepted", net.accepted),
            ("connections_dialled", net.dialled),
            ("connections_refused", net.refused),
            ("connections_overflowed", net.overflows),
            ("connections_timed_out", net.timed_out),
            ("connections_displaced", self.egress.places().displaced()),
            ("tls_failures", net.tls_failures),
            ("panics", net.panics),
            ("web_connections_accepted", web.accepted),
            ("web_connections_refused", web.refused),
            ("web_connections_timed_out", web.timed_out),
            ("web_handshakes_failed", web.handshakes_failed),
            ("web_requests", web.requests),
            ("web_sockets", web.upgraded),
        ]
        .into_iter()
        .map(|(name, count)| (name.to_owned(), count))
        .collect()
    }
}

/// Counts this start, so that no number of a NOTIFY is used twice. A store that takes nothing keeps no
/// numbers either; the server is there all the same.
fn count_start(site: &Site) -> Result<(), Failure> {
    let count = subscriptions::count_start(&*site.store).map_err(Failure::failed)?;
    if let Err(error) = site.store.commit_blocking(count) {
        tracing::warn!(event = "start_not_counted", %error);
    }
    Ok(())
}

/// What runs out without anybody asking. Presence does so in time: somebody is watching.
async fn sweep(engine: Arc<Engine>, presence: Arc<Presence>, clock: Clock) {
    let earlier = Arc::new(Notify::new());
    let bell = Arc::clone(&earlier);
    presence.ring(move || bell.notify_one());
    let mut interval = tokio::time::interval(Engine::SWEEP_INTERVAL);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let left = presence.deadline().since(clock.now()).min(Engine::SWEEP_INTERVAL);
        // Walks tables; nothing else on this runtime waits for it.
        let _ = tokio::select! {
            _ = interval.tick() => {
                let engine = Arc::clone(&engine);
                tokio::task::spawn_blocking(move || engine.sweep()).await
            }
            () = tokio::time::sleep(left) => {
                let presence = Arc::clone(&presence);
                tokio::task::spawn_blocking(move || presence.sweep()).await
            }
            () = earlier.notified() => continue,
        };
    }
}

/// Looks at the memory of the process.
async fn weigh(engine: Arc<Engine>) {
    let mut interval = tokio::time::interval(Engine::WEIGH_INTERVAL);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        // The kernel answers from memory: this does not block.
        if let Some(used) = super::process::resident_bytes() {
            engine.weigh(used);
        }
    }
}

/// Bans that a run before this one made.
fn stored_bans(site: &Site) -> Vec<net::guard::Ban> {
    let stored = site.accounts.bans().unwrap_or_else(|error| {
        tracing::error!(%error, "bans cannot be read; nobody is banned");
        Vec::new()
    });
    stored
        .into_iter()
        .filter_map(|ban| {
            let source = ban.source.parse().ok()?;
            Some(net::guard::Ban { source, account: ban.account, until: ban.until })
        })
        .collect()
}

/// Who was registered from where when the run before this one ended: all of them come back at once.
fn recall_homes(site: &Site, guard: &Guard) {
    let now = site.clock.now();
    let recalled = stored_homes(&*site.store, |flow, aor| {
        if let Some((user, _)) = aor.split_once('@') {
            guard.remember(now, flow.remote, user, flow.transport == Transport::Udp);
        }
    });
    if let Err(error) = recalled {
        tracing::error!(%error, "contacts cannot be read; nobody is at home anywhere");
    }
}

/// The neighbours that the configuration names. What listens nowhere is not dialled either: nobody
/// could call back.
fn neighbours(
    config: &Config,
    egress: &Egress,
    own: &[SocketAddr],
    clock: Clock,
) -> Result<Neighbours, Failure> {
    let routes = config.sip.route.iter().map(|route| {
        Ok(proxy::Route {
            pattern: route.regex().map_err(Failure::refused)?,
            methods: route.methods.clone(),
            next_hop: Destination::parse(route.next_hop.as_bytes()).map_err(Failure::refused)?,
        })
    });
    let routes = Routes::new(routes.collect::<Result<_, Failure>>()?);
    // TLS last: a neighbour on the same LAN often has a certificate that nobody checks.
    let mut usable = vec![Transport::Udp, Transport::Tcp, Transport::Tls];
    usable.retain(|transport| egress.addresses().iter().any(|one| one.transport == *transport));
    let resolver = Resolver::new(&config.sip.name_servers, &usable, own, clock);
    Ok(Neighbours::new(routes, resolver))
}

/// The addresses under which peers see the listeners.
fn own_addresses(listening: &[Address]) -> Vec<SocketAddr> {
    let mut own: Vec<SocketAddr> = Vec::new();
    for listener in listening {
        for address in interfaces::seen_as(listener.socket) {
            if !own.contains(&address) {
                own.push(address);
            }
        }
    }
    own
}

mod live;
mod measure;
mod metrics;
mod tell;
#[cfg(test)]
mod tests;
mod watch;
