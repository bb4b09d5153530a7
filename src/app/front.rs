//! Certificates and the web listener, as the server uses them.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::interfaces;
use super::site::Site;
use crate::channel::{Places, Room};
use crate::clock::Clock;
use crate::config::{Config, Listener, Loaded, Machine, Origin, Scheme};
use crate::net::{self, Address, Egress};
use crate::operations::{Failure, Operations};
use crate::sip::Transport;
use crate::store::{Mode, Store as _};
use crate::tls::acme::Proof;
use crate::tls::{self, Certificates, Names};
use crate::web::{
    self, About, Bound, Exposition, ListenError, OwnNames, Readiness, SipSockets, Upgraded, Web,
};
use crate::{admin, api};

/// Connections to the figures: a monitoring system has one.
const READERS: Room = Room { per_source: 16, strangers: 64, total: 64 };

/// How often certificate files are looked at.
const TENDING: Duration = Duration::from_secs(2);

/// Binds the web listeners. One that nobody asked for, the default, may be somebody else's: then
/// it is said, and SIP is served all the same.
///
/// # Errors
/// A [`Failure`] that names the address, and what to do when somebody else has it.
pub(super) fn bind(loaded: &Loaded) -> Result<Bound, Failure> {
    match web::bind(&loaded.config.web.listen) {
        Ok(bound) => Ok(bound),
        Err(error) if loaded.origin("web.listen") == Origin::Default => {
            tracing::warn!(
                event = "no_web",
                "{error}; the web is not served; web.listen says where it shall be"
            );
            Ok(Bound::default())
        }
        Err(error) => Err(unbound(&error)),
    }
}

/// Binds the listener of the figures. One that nobody asked for, the default, may be somebody
/// else's: then it is said, and everything else is served all the same.
///
/// # Errors
/// A [`Failure`] that names the address.
pub(super) fn bind_metrics(loaded: &Loaded) -> Result<Bound, Failure> {
    let listener = Listener { scheme: Scheme::Http, address: loaded.config.metrics.listen };
    match web::bind(&[listener]) {
        Ok(bound) => Ok(bound),
        Err(error)
            if matches!(loaded.origin("metrics.listen"), Origin::Default | Origin::Console) =>
        {
            tracing::warn!(
                event = "no_metrics",
                "{error}; /metrics is not served; metrics.listen says where it shall be"
            );
            Ok(Bound::default())
        }
        Err(error) => Err(Failure::refused(format!(
            "{error}; choose another port: --set metrics.listen=127.0.0.1:9465"
        ))),
    }
}

/// Starts the listener of the figures.
///
/// # Errors
/// A [`Failure`] if TLS cannot be set up.
pub(super) fn serve_metrics(
    site: &Site,
    certificates: &Certificates,
    bound: Bound,
    server: Arc<dyn Exposition>,
    runtime: &Handle,
) -> Result<Web, Failure> {
    let places = Places::new(READERS);
    let shop = (site.clock.clone(), (&site.config.limits).into(), places);
    Web::start_metrics(bound, certificates, shop, server, runtime).map_err(Failure::failed)
}

fn unbound(error: &ListenError) -> Failure {
    match error {
        ListenError::InUse(listener) => Failure::refused(format!(
            "{error}; end that program, or choose another port: --set 'web.listen=[\"{}://{}:{}\"]'",
            listener.scheme.name(),
            shown(listener.address.ip()),
            listener.address.port().wrapping_add(1),
        )),
        ListenError::Bind(_, cause) if cause.kind() == std::io::ErrorKind::PermissionDenied => {
            Failure::refused(format!(
                "{error}; ports below 1024 need root or the right cap_net_bind_service"
            ))
        }
        ListenError::Bind(..) => Failure::failed(error),
    }
}

/// An address as it stands before a port.
fn shown(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

/// Opens the certificates of a site. Blocks.
#[must_use]
pub(super) fn certificates(site: &Site) -> Arc<Certificates> {
    let config = &site.config;
    let names = {
        let config = Arc::clone(config);
        let machine = Machine::detect().host_name;
        Box::new(move || names(&config, &machine))
    };
    Certificates::open(
        tls::Settings {
            mode: config.tls.mode,
            cert_file: config.tls.cert_file.clone(),
            key_file: config.tls.key_file.clone(),
            ca_file: config.tls.ca_file.clone(),
            directory: config.data_dir.join("tls"),
            domain: config.domain.clone(),
            names,
            acme: config.tls.asks_acme().then(|| acme(config)),
        },
        site.clock.clone(),
    )
}

/// What an ACME authority is asked for, and how it may be shown that the names lead here.
fn acme(config: &Config) -> tls::acme::Settings {
    let names = [&config.public_name, &config.domain].into_iter().chain(&config.aliases);
    let proofs = [(Scheme::Https, Proof::TlsAlpn), (Scheme::Http, Proof::Http)];
    let listens = |scheme| config.web.listen.iter().any(|listener| listener.scheme == scheme);
    tls::acme::Settings {
        directory: config.tls.acme_directory.clone(),
        contact: config.tls.acme_contact.clone(),
        ca_file: config.tls.acme_ca_file.clone(),
        names: tls::acme::Settings::names_of(names.map(String::as_str)),
        proofs: proofs.into_iter().filter(|(s, _)| listens(*s)).map(|(_, proof)| proof).collect(),
    }
}

/// What a certificate for this server says.
fn names(config: &Config, machine: &str) -> Names {
    let listeners = config.sip.listen.iter().chain(&config.web.listen).chain(&config.msrp.listen);
    let mut addresses = Vec::new();
    for listener in listeners.filter(|listener| listener.scheme.is_secure()) {
        for seen in interfaces::seen_as(listener.address) {
            // Nobody types those with their zone.
            let link_local = matches!(seen.ip(), IpAddr::V6(ip) if ip.is_unicast_link_local());
            if !link_local && !addresses.contains(&seen.ip()) {
                addresses.push(seen.ip());
            }
        }
    }
    let domains = std::iter::once(&config.domain).chain(&config.aliases).cloned().collect();
    let hosts = vec![config.public_name.clone(), machine.to_owned(), "localhost".to_owned()];
    Names { domains, hosts, addresses }
}

/// Looks after certificates until it is aborted.
pub(super) fn tend(certificates: &Arc<Certificates>, runtime: &Handle) -> JoinHandle<()> {
    let certificates = Arc::clone(certificates);
    runtime.spawn(async move {
        // It ends with this task.
        let mut acme = tokio::task::JoinSet::new();
        acme.spawn(tls::acme::keep(Arc::clone(&certificates)));
        let mut interval = tokio::time::interval(TENDING);
        interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            interval.tick().await;
            let certificates = Arc::clone(&certificates);
            let _ = tokio::task::spawn_blocking(move || certificates.tend()).await;
        }
    })
}

/// Starts the web listener over a server whose SIP goes through `egress`.
///
/// # Errors
/// A [`Failure`] if TLS cannot be set up.
pub(super) fn serve(
    site: &Arc<Site>,
    certificates: &Arc<Certificates>,
    bound: Bound,
    egress: Arc<Egress>,
    operations: Arc<dyn Operations>,
    runtime: &Handle,
) -> Result<Web, Failure> {
    let config = &site.config;
    let none = certificates.source() == tls::Source::None;
    let bound = if none { bound.without_tls() } else { bound };
    let machine = Machine::detect().host_name;
    let hosts = [&config.domain, &config.public_name, &machine];
    let parts = web::Parts {
        clock: site.clock.clone(),
        limits: (&config.limits).into(),
        places: Arc::clone(egress.places()),
        certificates: Arc::clone(certificates),
        about: About {
            domain: config.domain.clone(),
            public_name: config.public_name.clone(),
            proxies: proxies(egress.addresses(), &config.public_name),
        },
        names: OwnNames::new(
            hosts.into_iter().chain(&config.aliases).map(String::as_str),
            config.web.allowed_origins.iter().map(String::as_str),
        ),
        readiness: Arc::new(StoreReadiness(Arc::clone(site))),
        sip: Arc::new(SipSide(egress)),
        desk: web::Desk { operations, accounts: Arc::clone(&site.accounts) },
        pages: pages(&site.clock),
    };
    Web::start(bound, parts, runtime).map_err(Failure::failed)
}

/// What the shells beside the listener bring.
fn pages(clock: &Clock) -> web::Pages {
    let mut pages = admin::pages(clock);
    pages.routes.extend(api::routes());
    pages
}

/// The web addresses as somebody types them into a browser on this machine.
#[must_use]
pub(super) fn links(addresses: &[Listener]) -> Vec<String> {
    let link = |listener: &Listener| {
        let mut ip = listener.address.ip();
        if ip.is_unspecified() {
            ip = std::net::Ipv4Addr::LOCALHOST.into();
        }
        link_to(listener, &shown(ip))
    };
    addresses.iter().map(link).collect()
}

/// The address of a web listener under a host name.
#[must_use]
pub(super) fn link_to(listener: &Listener, host: &str) -> String {
    let default = if listener.scheme == Scheme::Https { 443 } else { 80 };
    let port = match listener.address.port() {
        port if port == default => String::new(),
        port => format!(":{port}"),
    };
    format!("{}://{host}{port}/", listener.scheme.name())
}

/// SIP addresses as a client's proxy setting takes them, the best protected first.
fn proxies(sip: &[Address], public_name: &str) -> Vec<String> {
    let mut proxies = Vec::new();
    for transport in [Transport::Tls, Transport::Tcp, Transport::Udp] {
        for address in sip.iter().filter(|address| address.transport == transport) {
            let host = match address.socket.ip() {
                ip if ip.is_unspecified() => public_name.to_owned(),
                ip => shown(ip),
            };
            let default = if transport == Transport::Tls { 5061 } else { 5060 };
            let port = match address.socket.port() {
                port if port == default => String::new(),
                port => format!(":{port}"),
            };
            let proxy = format!("sip:{host}{port};transport={transport}");
            if !proxies.contains(&proxy) {
                proxies.push(proxy);
            }
        }
    }
    proxies
}

/// Ready while the store takes writes: else nobody can register and no message can be kept.
struct StoreReadiness(Arc<Site>);

impl Readiness for StoreReadiness {
    fn ready(&self) -> Result<(), String> {
        match self.0.store.health().mode {
            Mode::Writable => Ok(()),
            Mode::ReadOnly(_) => Err("the store takes no changes".to_owned()),
        }
    }
}

/// Hands WebSockets to the workers of SIP.
struct SipSide(Arc<Egress>);

impl SipSockets for SipSide {
    fn accept(&self, upgraded: Upgraded) {
        let Upgraded { socket, tls, read_ahead, place } = upgraded;
        self.0.accept_websocket(net::Upgraded { socket, tls, read_ahead, place });
    }
}

/// What `tls://` listeners accept with, and what is believed of those that we dial; none while there
/// is no certificate.
///
/// # Errors
/// A [`Failure`] if TLS cannot be set up.
pub(super) fn sip_tls(certificates: &Certificates) -> Result<Option<net::Tls>, Failure> {
    if certificates.source() == tls::Source::None {
        return Ok(None);
    }
    let server = certificates.server_config(&[]).map_err(Failure::failed)?;
    net::Tls::new(server, certificates.roots()).map(Some).map_err(Failure::failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_are_written_as_clients_take_them() {
        let sip: Vec<Address> = ["udp://[::]:5060", "tcp://127.0.0.1:5070", "tls://[::1]:5061"]
            .map(|text| text.parse().unwrap())
            .to_vec();
        assert_eq!(
            proxies(&sip, "im.campus.test"),
            [
                "sip:[::1];transport=tls",
                "sip:127.0.0.1:5070;transport=tcp",
                "sip:im.campus.test;transport=udp"
            ]
        );
    }

    #[test]
    fn links_are_what_a_browser_takes() {
        let listeners: Vec<Listener> = ["https://[::]:443", "http://127.0.0.1:8080"]
            .map(|text| text.parse().unwrap())
            .to_vec();
        assert_eq!(links(&listeners), ["https://127.0.0.1/", "http://127.0.0.1:8080/"]);
    }

    #[test]
    fn the_certificate_names_the_listeners_that_need_one() {
        let config = Config {
            domain: "campus.test".to_owned(),
            public_name: "im.campus.test".to_owned(),
            ..Config::default()
        };
        let mut one = config.clone();
        one.sip.listen = vec!["udp://192.0.2.1:5060".parse().unwrap()];
        one.web.listen = vec!["https://127.0.0.1:8443".parse().unwrap()];
        one.msrp.listen.clear();
        let names = names(&one, "box");
        assert_eq!(names.addresses, [IpAddr::from([127, 0, 0, 1])]);
        assert_eq!(names.hosts, ["im.campus.test", "box", "localhost"]);
        // Every address: the loopback interface has one.
        assert!(super::names(&config, "box").addresses.contains(&IpAddr::from([127, 0, 0, 1])));
    }
}
