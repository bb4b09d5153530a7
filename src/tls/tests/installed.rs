//! Certificates that are handed over in the console.

use rcgen::{BasicConstraints, IsCa, Issuer};

use super::*;

/// An authority of somebody's, with a certificate of it for `names` that ends in `until`.
fn issue(names: &[&str], until: i32) -> (String, String) {
    let root_key = KeyPair::generate().unwrap();
    let mut root = CertificateParams::default();
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    root.distinguished_name.push(rcgen::DnType::CommonName, "Somebody's authority");
    let root_pem = root.self_signed(&root_key).unwrap().pem();
    let issuer = Issuer::new(root, root_key);
    let key = KeyPair::generate().unwrap();
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.not_before = date_time_ymd(2026, 1, 1);
    params.not_after = date_time_ymd(until, 1, 1);
    let leaf = params.signed_by(&key, &issuer).unwrap().pem();
    (format!("{leaf}{root_pem}"), key.serialize_pem())
}

fn wanted() -> Vec<String> {
    vec!["im.campus.test".to_owned(), "campus.test".to_owned()]
}

#[test]
fn what_is_handed_over_is_served_at_once_after_a_restart_and_until_it_is_taken_away() {
    let place = Place::new();
    let certificates = place.open(TlsMode::Auto, false, names());
    let internal = certificates.status();
    let (chain, key) = issue(&["im.campus.test"], 2027);
    certificates.install(&chain, &key, &wanted()).unwrap();
    let overview = certificates.overview(&wanted());
    assert_eq!(overview.status.source, Source::Files);
    assert_eq!(served(&certificates, "im.campus.test").unwrap().names, ["im.campus.test"]);
    // The internal one goes on serving what it lacks.
    assert!(served(&certificates, "campus.test").unwrap().covers("campus.test"));
    let needed: Vec<(bool, bool)> =
        overview.needed.iter().map(|one| (one.covered, one.by_internal)).collect();
    assert_eq!(needed, [(true, false), (false, true)]);
    assert!(overview.issuer.contains("Somebody's authority"), "{}", overview.issuer);
    assert_eq!((overview.chain.len(), overview.days_left), (2, Some(214)));
    assert!(overview.distrusted.is_some(), "nobody knows that authority");

    let mode = fs::metadata(place.path("tls/installed.pem")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let again = place.open(TlsMode::Auto, false, names());
    assert_eq!(again.status().fingerprint, overview.status.fingerprint);
    // Files of the configuration go before it, and a mode that leaves files out leaves it out.
    place.supply("campus.test");
    assert_eq!(place.open(TlsMode::Auto, true, names()).status().names, ["campus.test"]);
    assert_eq!(place.open(TlsMode::Internal, false, names()).source(), Source::Internal);

    assert!(certificates.uninstall().unwrap());
    assert!(!certificates.uninstall().unwrap());
    assert_eq!(certificates.status(), internal);
}

#[test]
fn what_cannot_be_served_is_refused_and_nothing_changes() {
    let place = Place::new();
    let certificates = place.open(TlsMode::Auto, false, names());
    let before = certificates.status();
    let (chain, key) = issue(&["im.campus.test"], 2027);
    let (_, other) = issue(&["im.campus.test"], 2027);
    let (old, old_key) = issue(&["im.campus.test"], 2026);
    let (foreign, foreign_key) = issue(&["mail.campus.test"], 2027);
    let leaf = chain.split_inclusive("-----END CERTIFICATE-----").next().unwrap();
    let mixed = format!("{leaf}\n{foreign}");
    let locked = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----";
    let refused = |chain: &str, key: &str| certificates.install(chain, key, &wanted()).unwrap_err();
    assert!(matches!(refused("", &key), InstallError::NoCertificate));
    assert!(matches!(refused(&key, &key), InstallError::NoCertificate));
    assert!(matches!(refused(&chain, ""), InstallError::NoKey));
    assert!(matches!(refused(&chain, locked), InstallError::LockedKey));
    assert!(matches!(refused(&chain, &other), InstallError::Mismatch));
    assert!(matches!(refused(&mixed, &key), InstallError::Chain { at: 1 }));
    assert!(matches!(refused(&old, &old_key), InstallError::Ended(_)));
    assert!(matches!(refused(&foreign, &foreign_key), InstallError::OtherNames(_)));
    let early = "2025-06-01";
    place.hands.set_wall(WallTime::of_day(early).unwrap());
    assert!(matches!(refused(&chain, &key), InstallError::Early(_)));
    place.hands.set_wall(WallTime::from_unix_secs(NOW));
    assert_eq!(certificates.status(), before);
    assert!(!place.path("tls/installed.pem").exists());
    place.supply("campus.test");
    let decided = place.open(TlsMode::Auto, true, names());
    assert!(matches!(decided.install(&chain, &key, &wanted()), Err(InstallError::Decided)));
}

#[test]
fn the_internal_certificate_is_made_anew_when_somebody_asks() {
    let place = Place::new();
    let certificates = place.open(TlsMode::Auto, false, names());
    let first = certificates.overview(&wanted());
    assert_eq!((first.days_left, first.distrusted.clone()), (Some(90), None));
    assert_eq!(first.renewal.as_deref(), Some("2026-07-31T00:00:00Z"));
    certificates.renew_internal().unwrap();
    let second = certificates.overview(&wanted());
    assert_ne!(first.status.fingerprint, second.status.fingerprint);
    assert_eq!(first.status.authority_fingerprint, second.status.authority_fingerprint);
    certificates.tend();
    assert_eq!(certificates.status(), second.status, "it is not made a third time");
}
