//! The web listener: HTTP on `https://` and `http://`, one accept loop a listener.
//!
//! HTTP/1.1 alone, which WebSocket needs and which has no streams whose number must be bounded. Each
//! connection is bounded in time and size; each source in connections. Every answer carries the
//! security headers; errors are problem documents (RFC 9457), or pages for whoever sits before a
//! browser.
//!
//! Pages come from a table ([`Route`]) that the shells above add to. Who may have one is decided by one
//! layer around the whole router; sessions, forms, languages and the frame of a page are here too.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::accounts::SetupState;
use crate::channel::Places;
use crate::clock::Clock;
use crate::latency::Latency;
use crate::tls::{Certificates, TlsError, acme};

mod assets;
mod authority;
mod bearing;
mod call;
mod connection;
mod cookie;
mod counts;
mod desk;
mod download;
mod forgery;
mod form;
mod i18n;
mod landing;
mod listen;
mod live;
mod metrics;
mod origin;
mod page;
mod preferences;
mod problem;
mod readiness;
mod routes;
mod session;
mod sign_in;
mod table;
mod throttle;
mod upload;
mod visit;
mod websocket;

pub use call::Call;
pub use counts::{Counters, Counts};
pub use desk::Desk;
pub use download::{csv as csv_download, csv_onwards};
pub use form::Form;
pub use i18n::{Key, Language, Texts};
pub use listen::{Bound, ListenError, bind};
pub use metrics::Exposition;
pub use origin::{HostPort, Origin, OwnNames};
pub use page::{Faults, Shell, Theme, render};
pub use problem::Problem;
pub use readiness::Readiness;
pub use routes::own as routes;
pub use session::{ABSOLUTE, IDLE, Session, Sessions};
pub use table::{Access, NavGroup, NavPage, Pages, Route};
pub use visit::Visit;
pub use websocket::{SipSockets, Upgraded};

/// What the pages say of this server.
#[derive(Clone, Debug, Default)]
pub struct About {
    /// The SIP domain.
    pub domain: String,
    /// The host name under which clients find this server.
    pub public_name: String,
    /// SIP addresses that answer, as a client's proxy setting takes them.
    pub proxies: Vec<String>,
}

/// Bounds; the defaults are those of `[limits]`.
#[derive(Clone, Debug)]
pub struct Limits {
    /// From accepting to the end of the TLS handshake.
    pub tls_handshake: std::time::Duration,
    /// From accepting to the end of a WebSocket handshake.
    pub websocket_upgrade: std::time::Duration,
    /// From the first byte of a request, or the end of the one before, to the end of its header.
    pub request: std::time::Duration,
    /// How long a peer may take nothing of an answer.
    pub write: std::time::Duration,
    /// The header section.
    pub header_bytes: usize,
    /// Header lines.
    pub header_lines: usize,
    /// The request target.
    pub uri_bytes: usize,
    /// The body.
    pub body_bytes: u64,
}

impl From<&crate::config::Limits> for Limits {
    fn from(limits: &crate::config::Limits) -> Limits {
        let size = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
        Limits {
            tls_handshake: limits.tls_handshake,
            websocket_upgrade: limits.websocket_upgrade,
            request: limits.first_byte_to_message.min(limits.idle_unauthenticated),
            write: limits.connection_write_deadline,
            header_bytes: size(limits.header_bytes),
            header_lines: limits.header_lines as usize,
            uri_bytes: size(limits.uri_bytes),
            body_bytes: limits.message_bytes,
        }
    }
}

/// What the listener needs.
pub struct Parts {
    /// Time.
    pub clock: Clock,
    /// Bounds.
    pub limits: Limits,
    /// Places for connections: nobody signs in here, so each has one for as long as it lasts.
    pub places: Arc<Places>,
    /// Certificates.
    pub certificates: Arc<Certificates>,
    /// What the pages say.
    pub about: About,
    /// Host names that are ours.
    pub names: OwnNames,
    /// Whether the server can serve.
    pub readiness: Arc<dyn Readiness>,
    /// Who serves WebSockets.
    pub sip: Arc<dyn SipSockets>,
    /// Whom deeds are asked of.
    pub desk: Desk,
    /// What the shells beside this one bring.
    pub pages: Pages,
}

impl std::fmt::Debug for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parts").field("about", &self.about).finish_non_exhaustive()
    }
}

/// What every request sees.
struct Site {
    limits: Limits,
    certificates: Arc<Certificates>,
    about: About,
    names: OwnNames,
    readiness: Arc<dyn Readiness>,
    sip: Arc<dyn SipSockets>,
    clock: Clock,
    counts: Arc<Counts>,
    desk: Desk,
    sessions: Sessions,
    form_tokens: forgery::FormTokens,
    throttle: throttle::Throttle,
    rates: bearing::Rates,
    streams: Arc<live::Streams>,
    /// Places for files that are being sent: each is in memory as a whole.
    uploads: tokio::sync::Semaphore,
    routes: Vec<Route>,
    navigation: &'static [NavGroup],
}

/// Files that are sent at once at most.
const UPLOADS: usize = 4;

/// Which routes there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Nobody owns this server yet: whoever has the set-up link may become it.
    Ownerless,
    /// There is an owner, and somebody made a link for whoever lost access.
    Recovering,
    /// There is an owner.
    Settled,
}

impl Stage {
    const ALL: [Stage; 3] = [Stage::Ownerless, Stage::Recovering, Stage::Settled];

    const fn has(self, access: Access) -> bool {
        match access {
            Access::Public => true,
            Access::SetUp => !matches!(self, Stage::Settled),
            Access::Entrance | Access::Right(_) | Access::Token(_) | Access::Reader => {
                !matches!(self, Stage::Ownerless)
            }
        }
    }
}

impl Site {
    /// The largest body that a request may have: some routes take files.
    fn longest_body(&self, path: Option<&str>) -> u64 {
        self.longest_upload(path).unwrap_or(self.limits.body_bytes)
    }

    /// What a route takes that takes more than most.
    fn longest_upload(&self, path: Option<&str>) -> Option<u64> {
        let route = self.routes.iter().find(|route| route.longest > 0 && Some(route.path) == path);
        route.map(|route| route.longest)
    }

    /// Read anew for each request: whatever the store says now is so.
    fn stage(&self) -> Stage {
        match self.desk.setup_state() {
            Ok(SetupState { has_owner: false, .. }) => Stage::Ownerless,
            Ok(SetupState { until: Some(_), .. }) => Stage::Recovering,
            Ok(SetupState { until: None, .. }) => Stage::Settled,
            Err(error) => {
                // Nobody can sign in then either, and nothing is set up anew.
                tracing::error!(event = "console_unread", %error);
                Stage::Settled
            }
        }
    }
}

/// What a listener answers by.
enum Routers {
    /// A router for each stage. Routes that a stage lacks are not there, whoever asks.
    Stages { site: Arc<Site>, of_stage: [Router; 3] },
    /// The same at any time.
    One(Router),
}

impl Routers {
    fn new(site: Arc<Site>) -> Routers {
        let of_stage = Stage::ALL.map(|stage| routes::router(&site, stage));
        Routers::Stages { site, of_stage }
    }

    fn now(&self) -> Router {
        match self {
            Routers::One(router) => router,
            Routers::Stages { site, of_stage: [ownerless, recovering, settled] } => {
                match site.stage() {
                    Stage::Ownerless => ownerless,
                    Stage::Recovering => recovering,
                    Stage::Settled => settled,
                }
            }
        }
        .clone()
    }
}

/// A web listener that answers.
#[derive(Debug)]
pub struct Web {
    addresses: Vec<crate::config::Listener>,
    counts: Arc<Counts>,
    streams: Arc<live::Streams>,
    stop: watch::Sender<bool>,
    loops: Mutex<Vec<JoinHandle<()>>>,
}

impl Web {
    /// Starts to answer on what was bound.
    ///
    /// # Errors
    /// [`TlsError`] if TLS cannot be set up.
    pub fn start(bound: Bound, parts: Parts, runtime: &Handle) -> Result<Web, TlsError> {
        let tls = parts.certificates.server_config(&["http/1.1", acme::ALPN])?;
        let counts = Arc::new(Counts::default());
        let limits = parts.limits.clone();
        let streams = Arc::new(live::Streams::default());
        let site = Arc::new(Site {
            limits: parts.limits,
            certificates: parts.certificates,
            about: parts.about,
            names: parts.names,
            readiness: parts.readiness,
            sip: parts.sip,
            clock: parts.clock.clone(),
            counts: Arc::clone(&counts),
            desk: parts.desk,
            sessions: Sessions::new(parts.clock.clone()),
            form_tokens: forgery::FormTokens::new(),
            throttle: throttle::Throttle::default(),
            rates: bearing::Rates::default(),
            streams: Arc::clone(&streams),
            uploads: tokio::sync::Semaphore::new(UPLOADS),
            routes: routes::own().into_iter().chain(parts.pages.routes).collect(),
            navigation: parts.pages.navigation,
        });
        let shop = Arc::new(connection::Shop {
            places: parts.places,
            routers: Routers::new(site),
            tls: tokio_rustls::TlsAcceptor::from(tls),
            counts: Arc::clone(&counts),
            clock: parts.clock,
            limits,
        });
        Ok(Web { streams, ..Web::over(bound, shop, counts, runtime) })
    }

    /// Starts to answer `/metrics` on what was bound, and nothing else.
    ///
    /// # Errors
    /// [`TlsError`] if TLS cannot be set up.
    pub fn start_metrics(
        bound: Bound,
        certificates: &Certificates,
        (clock, limits, places): (Clock, Limits, Arc<Places>),
        exposition: Arc<dyn Exposition>,
        runtime: &Handle,
    ) -> Result<Web, TlsError> {
        let counts = Arc::new(Counts::default());
        let tls = tokio_rustls::TlsAcceptor::from(certificates.server_config(&["http/1.1"])?);
        let routers = Routers::One(metrics::router(exposition));
        let counted = Arc::clone(&counts);
        let shop = connection::Shop { places, routers, tls, counts: counted, clock, limits };
        Ok(Web::over(bound, Arc::new(shop), counts, runtime))
    }

    /// Accepts on what was bound until it is told to stop.
    fn over(bound: Bound, shop: Arc<connection::Shop>, counts: Arc<Counts>, on: &Handle) -> Web {
        let (stop, stopped) = watch::channel(false);
        let addresses = bound.addresses();
        let accept = |(address, socket)| {
            on.spawn(listen::accept(address, socket, Arc::clone(&shop), stopped.clone()))
        };
        let loops = Mutex::new(bound.into_listeners().map(accept).collect());
        Web { addresses, counts, streams: Arc::default(), stop, loops }
    }

    /// The addresses that answer, with the ports that were chosen.
    #[must_use]
    pub fn addresses(&self) -> &[crate::config::Listener] {
        &self.addresses
    }

    /// What was counted since the start.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.counts.read()
    }

    /// How long answers took, by the part of the web.
    #[must_use]
    pub fn times(&self) -> Vec<(&'static str, Latency)> {
        self.counts.times()
    }

    /// Takes no more connections, lets those that answer finish for a moment, and ends the rest.
    pub async fn stop(&self) {
        let _ = self.stop.send(true);
        self.streams.end();
        let loops = std::mem::take(&mut *self.loops.lock().unwrap_or_else(PoisonError::into_inner));
        for accepting in loops {
            let _ = accepting.await;
        }
    }
}
