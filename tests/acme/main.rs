//! Certificates from an ACME authority (RFC 8555): our side of it against Pebble, the authority
//! that Let's Encrypt tests clients with. Names are resolved by its own mock DNS, all to loopback.
#![expect(clippy::expect_used, clippy::panic, reason = "a test whose surroundings fail has failed")]

mod pebble;
mod prover;
#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod support;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::{CertificateDer, ServerName};
use tagus::clock::Clock;
use tagus::config::TlsMode;
use tagus::tls::acme::{self, AcmeError, Proof};
use tagus::tls::{Certificates, Names, Settings, Source};
use tempfile::TempDir;

use pebble::Pebble;
use prover::Prover;
use support::server::Server;

const HOST: &str = "im.campus.test";
const DOMAIN: &str = "campus.test";

/// Certificates over a directory that outlives them.
struct Place(TempDir);

impl Place {
    fn new() -> Place {
        Place(tempfile::tempdir().expect("a directory"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn open(&self, pebble: &Pebble, proofs: &[Proof]) -> Arc<Certificates> {
        self.open_with(&pebble.directory(), pebble.root(), proofs)
    }

    fn open_with(&self, directory: &str, root: &Path, proofs: &[Proof]) -> Arc<Certificates> {
        let names = Names {
            domains: vec![DOMAIN.to_owned()],
            hosts: vec![HOST.to_owned()],
            addresses: Vec::new(),
        };
        let settings = Settings {
            mode: TlsMode::Acme,
            cert_file: PathBuf::new(),
            key_file: PathBuf::new(),
            ca_file: PathBuf::new(),
            directory: self.path("tls"),
            domain: DOMAIN.to_owned(),
            names: Box::new(move || names.clone()),
            acme: Some(acme::Settings {
                directory: directory.to_owned(),
                contact: "postmaster@campus.test".to_owned(),
                ca_file: root.to_owned(),
                names: acme::Settings::names_of([HOST, DOMAIN, "localhost", "127.0.0.1"]),
                proofs: proofs.to_vec(),
            }),
        };
        Certificates::open(settings, Clock::system())
    }
}

/// The issuer of the certificate that a client gets who asks for this name.
async fn issuer(prover: &Prover, name: &str) -> String {
    issuer_of(&prover.served(server_name(name)).await)
}

fn server_name(name: &str) -> ServerName<'static> {
    ServerName::try_from(name.to_owned()).expect("a name")
}

fn issuer_of(chain: &[CertificateDer<'_>]) -> String {
    let leaf = x509_parser::parse_x509_certificate(chain.first().expect("a certificate"));
    leaf.expect("a certificate of X.509").1.issuer().to_string()
}

/// RFC 8737: the names are proved by a handshake, and from then on the certificate is served, now
/// and after a restart.
#[tokio::test]
async fn names_proved_over_tls_get_a_certificate_that_survives_a_restart() {
    let place = Place::new();
    let (tls, plain) = (prover::port().await, prover::port().await);
    let pebble = Pebble::start(tls.1, plain.1);
    let certificates = place.open(&pebble, &[Proof::TlsAlpn]);
    let prover = Prover::start(&certificates, tls.0, plain.0);
    assert_eq!(certificates.source(), Source::Internal, "the start waits for nobody");
    assert!(issuer(&prover, HOST).await.contains("Tagus"));

    acme::ask(&certificates).await.expect("a certificate");
    let status = certificates.status();
    assert_eq!((status.source, status.error), (Source::Acme, None));
    for name in [HOST, DOMAIN] {
        assert!(status.names.iter().any(|known| known == name), "{name}: {:?}", status.names);
        assert!(issuer(&prover, name).await.contains("Pebble"));
    }
    for file in ["tls/acme.key", "tls/acme-account.json"] {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(place.path(file)).expect(file).permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }

    drop(pebble);
    let again = place.open_with("https://127.0.0.1:1/dir", Path::new(""), &[Proof::TlsAlpn]);
    assert_eq!(again.source(), Source::Acme);
    assert_eq!(again.status().fingerprint, status.fingerprint);
}

/// RFC 8555 s8.3.
#[tokio::test]
async fn names_proved_over_http_get_a_certificate() {
    let place = Place::new();
    let (tls, plain) = (prover::port().await, prover::port().await);
    let pebble = Pebble::start(tls.1, plain.1);
    let certificates = place.open(&pebble, &[Proof::Http]);
    let prover = Prover::start(&certificates, tls.0, plain.0);
    acme::ask(&certificates).await.expect("a certificate");
    assert_eq!(certificates.source(), Source::Acme);
    assert!(issuer(&prover, HOST).await.contains("Pebble"));
}

/// The SIP domain's own web server is often another machine.
#[tokio::test]
async fn a_name_that_leads_elsewhere_is_left_out_and_served_by_the_internal_authority() {
    let place = Place::new();
    let (tls, plain) = (prover::port().await, prover::port().await);
    let pebble = Pebble::start(tls.1, plain.1);
    // Nobody listens on that address of loopback.
    pebble.resolve(DOMAIN, "127.0.0.9");
    let certificates = place.open(&pebble, &[Proof::TlsAlpn, Proof::Http]);
    let prover = Prover::start(&certificates, tls.0, plain.0);
    acme::ask(&certificates).await.expect("a certificate for the rest");
    let status = certificates.status();
    assert_eq!(status.source, Source::Acme);
    assert_eq!(status.names, [HOST]);
    let error = status.error.expect("the name that is left out is told");
    for part in [DOMAIN, "TLS at port 443", "HTTP at port 80"] {
        assert!(error.contains(part), "{part}: {error}");
    }
    assert!(!error.contains(HOST), "{error}");
    assert!(issuer(&prover, HOST).await.contains("Pebble"));
    assert!(issuer(&prover, DOMAIN).await.contains("Tagus"));
}

/// RFC 8555 s7.3: an account that the authority does not know any more is made again.
#[tokio::test]
async fn an_authority_that_forgot_the_account_is_asked_with_a_new_one() {
    let place = Place::new();
    let (tls, plain) = (prover::port().await, prover::port().await);
    let pebble = Pebble::start(tls.1, plain.1);
    let certificates = place.open(&pebble, &[Proof::TlsAlpn]);
    let _prover = Prover::start(&certificates, tls.0, plain.0);
    acme::ask(&certificates).await.expect("a certificate");
    let first = certificates.status().fingerprint;
    let account = std::fs::read(place.path("tls/acme-account.json")).expect("an account");

    // It keeps everything in memory.
    let _pebble = pebble.start_again();
    acme::ask(&certificates).await.expect("another certificate");
    assert_ne!(certificates.status().fingerprint, first);
    let now = std::fs::read(place.path("tls/acme-account.json")).expect("an account");
    assert_ne!(now, account);
}

#[tokio::test]
async fn nothing_proved_leaves_the_internal_certificate_and_says_why() {
    let place = Place::new();
    let (tls, plain) = (prover::port().await, prover::port().await);
    let pebble = Pebble::start(tls.1, plain.1);
    let certificates = place.open(&pebble, &[Proof::TlsAlpn]);
    // The ports are closed.
    drop((tls, plain));
    let refused = acme::ask(&certificates).await;
    assert!(matches!(refused, Err(AcmeError::NothingProved(_))), "{refused:?}");
    let status = certificates.status();
    assert_eq!(status.source, Source::Internal);
    let error = status.error.expect("a reason");
    assert!(error.contains(HOST) && error.contains(DOMAIN), "{error}");
}

#[tokio::test]
async fn an_authority_out_of_reach_leaves_the_internal_certificate_and_says_why() {
    let place = Place::new();
    let (nobody, port) = prover::port().await;
    drop(nobody);
    let directory = format!("https://127.0.0.1:{port}/dir");
    let certificates = place.open_with(&directory, Path::new(""), &[Proof::TlsAlpn]);
    let refused = acme::ask(&certificates).await;
    assert!(matches!(refused, Err(AcmeError::Authority(..))), "{refused:?}");
    let status = certificates.status();
    assert_eq!(status.source, Source::Internal);
    assert!(status.error.expect("a reason").contains("ACME"));
}

/// RFC 8555, RFC 8737: the server as built, from its first start to the authority's certificate on
/// the port of SIP and on that of the web, which proved the names.
#[tokio::test]
async fn the_built_server_gets_a_certificate_and_serves_sip_with_it() {
    // Held until the server binds it; its configuration and the authority's must agree.
    let (listener, web) = prover::port().await;
    let (_http, plain) = prover::port().await;
    let pebble = Pebble::start(web, plain);
    let configuration = format!(
        "[web]\nlisten = [\"https://127.0.0.1:{web}\"]\n[tls]\nmode = \"acme\"\n\
         acme_directory = \"{}\"\nacme_contact = \"postmaster@{DOMAIN}\"\nacme_ca_file = \"{}\"\n",
        pebble.directory(),
        pebble.root().display(),
    );
    drop(listener);
    let server = tokio::task::spawn_blocking(move || Server::start(&configuration));
    let mut server = server.await.expect("a server");
    let web = SocketAddr::from(([127, 0, 0, 1], web));
    let tls = server.tls;
    // The line that tells it comes once it is served. The authority is asked for each name, which takes a
    // busy machine more than a minute.
    let told = tokio::task::spawn_blocking(move || {
        let is_it = |line: &str| line.contains("event=certificate source=acme");
        server.log_within(Duration::from_secs(240), "certificate of the authority", is_it);
        server
    });
    let server = told.await.expect("a certificate");
    let sip = prover::served_at(tls, server_name(DOMAIN)).await;
    assert!(issuer_of(&sip).contains("Pebble"), "{}", issuer_of(&sip));
    assert_eq!(sip, prover::served_at(web, server_name(DOMAIN)).await, "one for both");
    drop(server);
}
