//! Certificates in a directory of their own, under a clock that stands still.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use rustls::pki_types::ServerName;

use super::*;
use crate::clock::{Clock, ManualClock, WallTime};
use crate::config::TlsMode;

mod installed;

const DAY: u64 = 86_400;

/// 2026-06-01.
const NOW: u64 = 1_780_272_000;

fn names() -> Names {
    Names {
        domains: vec!["campus.test".to_owned(), "alias.test".to_owned()],
        hosts: vec!["im.campus.test".to_owned(), "localhost".to_owned()],
        addresses: vec!["127.0.0.1".parse().unwrap(), "::1".parse().unwrap()],
    }
}

struct Place {
    folder: tempfile::TempDir,
    clock: Clock,
    hands: ManualClock,
}

impl Place {
    fn new() -> Place {
        let (clock, hands) = Clock::manual(WallTime::from_unix_secs(NOW));
        Place { folder: tempfile::tempdir().unwrap(), clock, hands }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn open(&self, mode: TlsMode, files: bool, names: Names) -> Arc<Certificates> {
        let file = |name: &str| if files { self.path(name) } else { Default::default() };
        let settings = Settings {
            mode,
            cert_file: file("cert.pem"),
            key_file: file("key.pem"),
            ca_file: Default::default(),
            directory: self.path("tls"),
            domain: "campus.test".to_owned(),
            names: Box::new(move || names.clone()),
            acme: None,
        };
        Certificates::open(settings, self.clock.clone())
    }

    /// Puts a certificate of an authority of somebody's into the files.
    fn supply(&self, name: &str) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_before = date_time_ymd(2026, 1, 1);
        params.not_after = date_time_ymd(2027, 1, 1);
        let certificate = params.self_signed(&key).unwrap();
        fs::write(self.path("cert.pem"), certificate.pem()).unwrap();
        fs::write(self.path("key.pem"), key.serialize_pem()).unwrap();
    }
}

/// The certificate that a client gets who asks for `name`, if the handshake comes that far.
fn served(certificates: &Certificates, name: &str) -> Option<Description> {
    let config = certificates.server_config(&[]).unwrap();
    let client = rustls::ClientConfig::builder_with_provider(Arc::new(
        rustls::crypto::ring::default_provider(),
    ))
    .with_safe_default_protocol_versions()
    .unwrap()
    .dangerous()
    .with_custom_certificate_verifier(Arc::new(Believer))
    .with_no_client_auth();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let mut client = rustls::ClientConnection::new(Arc::new(client), name).unwrap();
    let mut server = rustls::ServerConnection::new(config).unwrap();
    for _ in 0..8 {
        let mut bytes = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut bytes).unwrap();
        }
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            server.read_tls(&mut rest).unwrap();
            server.process_new_packets().ok()?;
        }
        let mut bytes = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut bytes).unwrap();
        }
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            client.read_tls(&mut rest).unwrap();
            client.process_new_packets().ok()?;
        }
    }
    Some(Description::read(client.peer_certificates()?.first()?).unwrap())
}

/// Believes everybody: the tests look at what is served.
#[derive(Debug)]
struct Believer;

impl rustls::client::danger::ServerCertVerifier for Believer {
    fn verify_server_cert(
        &self,
        _: &rustls::pki_types::CertificateDer<'_>,
        _: &[rustls::pki_types::CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: rustls::pki_types::UnixTime,
    ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
        Ok(rustls::client::danger::ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &rustls::pki_types::CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &rustls::pki_types::CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        rustls::crypto::ring::default_provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}

// RFC 5922 s7.1: the domain stands in the certificate as a URI and as a DNS name.
#[test]
fn the_internal_certificate_names_domains_hosts_and_addresses() {
    let place = Place::new();
    let certificates = place.open(TlsMode::Auto, false, names());
    let got = served(&certificates, "campus.test").unwrap();
    for name in ["campus.test", "alias.test", "im.campus.test", "localhost", "127.0.0.1", "[::1]"] {
        assert!(got.covers(name), "{name} in {:?}", got.names);
    }
    assert_eq!(got.sip_domains, ["campus.test", "alias.test"]);
    assert!(!got.covers("other.test") && !got.is_out_of_date(place.clock.wall()));
    let status = certificates.status();
    assert_eq!((status.source, status.error), (Source::Internal, None));
    assert_eq!(status.fingerprint, got.fingerprint);
}

#[test]
fn a_client_that_trusts_the_authority_verifies_the_certificate() {
    use rustls::client::WebPkiServerVerifier;
    use rustls::client::danger::ServerCertVerifier as _;
    use rustls::pki_types::UnixTime;
    let place = Place::new();
    let certificates = place.open(TlsMode::Auto, false, names());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(certificates.roots(), provider)
        .build()
        .unwrap();
    let material =
        material::Material::read(&place.path("tls/internal.pem"), &place.path("tls/internal.key"))
            .unwrap();
    let leaf = &material.key.cert[0];
    let now = UnixTime::since_unix_epoch(Duration::from_secs(NOW));
    for (name, good) in [("campus.test", true), ("127.0.0.1", true), ("evil.test", false)] {
        let name = ServerName::try_from(name).unwrap();
        let verdict = verifier.verify_server_cert(leaf, &[], &name, &[], now);
        assert_eq!(verdict.is_ok(), good, "{name:?}: {verdict:?}");
    }
}

#[test]
fn keys_are_for_the_owner_alone_and_survive_a_restart() {
    let place = Place::new();
    let first = place.open(TlsMode::Auto, false, names()).status();
    for name in ["ca.pem", "ca.key", "internal.pem", "internal.key"] {
        let mode = fs::metadata(place.path("tls").join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    assert_eq!(place.open(TlsMode::Auto, false, names()).status(), first);
}

#[test]
fn the_internal_certificate_is_renewed_before_it_ends_by_the_same_authority() {
    let place = Place::new();
    let certificates = place.open(TlsMode::Auto, false, names());
    let first = certificates.status();
    place.hands.advance(Duration::from_secs(59 * DAY));
    certificates.tend();
    assert_eq!(certificates.status(), Status { days_left: Some(31), ..first.clone() });
    place.hands.advance(Duration::from_secs(2 * DAY));
    certificates.tend();
    let second = certificates.status();
    assert_ne!(second.fingerprint, first.fingerprint);
    assert_eq!(second.authority_fingerprint, first.authority_fingerprint);
    assert_eq!(served(&certificates, "campus.test").unwrap().fingerprint, second.fingerprint);
}

#[test]
fn a_new_name_makes_a_new_internal_certificate_and_a_lost_one_does_not() {
    let place = Place::new();
    let first = place.open(TlsMode::Auto, false, names()).status();
    let mut fewer = names();
    fewer.addresses.clear();
    assert_eq!(place.open(TlsMode::Auto, false, fewer).status(), first);
    let mut more = names();
    more.hosts.push("chat.campus.test".to_owned());
    let second = place.open(TlsMode::Auto, false, more).status();
    assert_ne!(second.fingerprint, first.fingerprint);
    assert!(second.names.contains(&"chat.campus.test".to_owned()));
}

#[test]
fn files_win_and_the_internal_certificate_serves_the_names_they_lack() {
    let place = Place::new();
    place.supply("im.campus.test");
    let auto = place.open(TlsMode::Auto, true, names());
    assert_eq!(auto.status().source, Source::Files);
    assert_eq!(served(&auto, "im.campus.test").unwrap().names, ["im.campus.test"]);
    assert!(served(&auto, "campus.test").unwrap().covers("campus.test"));
    // Nobody's name: what the administrator chose.
    assert_eq!(served(&auto, "elsewhere.test").unwrap().names, ["im.campus.test"]);
    let forced = place.open(TlsMode::Files, true, names());
    assert_eq!(served(&forced, "campus.test").unwrap().names, ["im.campus.test"]);
    let internal = place.open(TlsMode::Internal, true, names());
    assert_eq!(internal.status().source, Source::Internal);
}

#[test]
fn changed_files_are_served_and_broken_ones_leave_the_last_in_force() {
    let place = Place::new();
    place.supply("im.campus.test");
    let certificates = place.open(TlsMode::Files, true, names());
    let first = certificates.status();
    certificates.tend();
    assert_eq!(certificates.status(), first);

    place.supply("im2.campus.test");
    certificates.tend();
    let second = certificates.status();
    assert_eq!(second.names, ["im2.campus.test"]);

    // Another key; half a certificate; nothing; no file.
    fs::write(place.path("key.pem"), KeyPair::generate().unwrap().serialize_pem()).unwrap();
    certificates.tend();
    let broken = certificates.status();
    assert!(broken.error.as_deref().unwrap().contains("does not belong"), "{broken:?}");
    for text in ["-----BEGIN CERTIFICATE-----\nMIIB", ""] {
        fs::write(place.path("cert.pem"), text).unwrap();
        certificates.tend();
        let broken = certificates.status();
        assert!(broken.error.as_deref().unwrap().contains("holds no certificate"), "{broken:?}");
        assert_eq!(broken.fingerprint, second.fingerprint);
    }
    fs::remove_file(place.path("cert.pem")).unwrap();
    certificates.tend();
    assert!(certificates.status().error.is_some());
    assert_eq!(served(&certificates, "x.test").unwrap().names, ["im2.campus.test"]);

    place.supply("im3.campus.test");
    certificates.tend();
    let healed = certificates.status();
    assert_eq!((healed.names, healed.error), (vec!["im3.campus.test".to_owned()], None));
}

#[test]
fn files_that_are_broken_at_the_start_are_replaced_by_the_internal_certificate() {
    let place = Place::new();
    let certificates = place.open(TlsMode::Files, true, names());
    let status = certificates.status();
    assert_eq!(status.source, Source::Internal);
    assert!(status.error.unwrap().contains("cert.pem"));
    assert!(served(&certificates, "campus.test").is_some());
}

#[test]
fn an_authority_without_its_key_is_not_replaced_in_silence() {
    let place = Place::new();
    place.open(TlsMode::Auto, false, names());
    fs::remove_file(place.path("tls/ca.key")).unwrap();
    let certificates = place.open(TlsMode::Auto, false, names());
    let status = certificates.status();
    assert_eq!(status.source, Source::None);
    assert!(status.error.unwrap().contains("ca.key is missing"));
    assert!(served(&certificates, "campus.test").is_none());
}

#[test]
fn doubts_name_what_is_missing_and_when_it_ends() {
    let place = Place::new();
    place.supply("im.campus.test");
    let ask = |wanted: &[&str], now: u64| {
        let now = WallTime::from_unix_secs(now);
        doubts(&place.path("cert.pem"), &place.path("key.pem"), wanted, now).unwrap()
    };
    assert_eq!(ask(&["im.campus.test"], NOW), Vec::<String>::new());
    let missing = ask(&["im.campus.test", "campus.test"], NOW);
    assert!(missing[0].contains("does not cover campus.test"), "{missing:?}");
    assert!(ask(&[], NOW + 210 * DAY)[0].contains("ends on 2027-01-01"));
    assert!(ask(&[], NOW + 300 * DAY)[0].contains("ended on"));
    assert!(ask(&[], NOW - 300 * DAY)[0].contains("not valid before"));
    assert!(
        doubts(Path::new("/nowhere"), Path::new("/nowhere"), &[], WallTime::default()).is_err()
    );
}

// RFC 6125 s6.4.3: a wildcard is one whole label.
#[test]
fn a_wildcard_covers_one_label() {
    let place = Place::new();
    place.supply("*.campus.test");
    let got = served(&place.open(TlsMode::Files, true, names()), "x.campus.test").unwrap();
    assert!(got.covers("im.campus.test") && got.covers("IM.Campus.Test"));
    for other in ["campus.test", "a.b.campus.test", ".campus.test", "127.0.0.1"] {
        assert!(!got.covers(other), "{other}");
    }
}

/// Whoever does not look at `status` reads it in the log, once a day from a fortnight before.
#[test]
fn a_certificate_that_ends_is_told_in_the_log_once_a_day() {
    let place = Place::new();
    place.supply("campus.test");
    let certificates = place.open(TlsMode::Files, true, names());
    // It ends on the first day of 2027, 214 days after NOW.
    place.hands.advance(Duration::from_secs(199 * DAY));
    assert_eq!(certificates.would_tell(), None);
    for (days, says) in [(2, "ends on"), (1, "ends on"), (30, "ended on")] {
        place.hands.advance(Duration::from_secs(days * DAY));
        let told = certificates.would_tell();
        assert!(told.as_deref().is_some_and(|told| told.contains(says)), "{told:?}");
        assert_eq!(certificates.would_tell(), None, "it was told just now");
    }
}
