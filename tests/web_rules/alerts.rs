//! Alerts reach a person by the way that every message takes, with no browser open.

use rcgen::{CertificateParams, KeyPair};
use serde_json::Value;
use tagus::clock::Clock;
use tagus::model::Role;

use crate::console::{Browser, add, owned_with};
use crate::http::Site;
use crate::support::server::DOMAIN;

/// What the person hears, a message.
fn hear(site: &Site, user: &str) -> Value {
    let listen = ["client", "listen", "--user", user, "--password-file", "-", "--count", "1"];
    let arguments = [&listen[..], &["--for", "40s", "--transport", "tcp", "--json"]].concat();
    let heard = site.server.run(&arguments, Some("the password of a person\n"));
    assert_eq!(heard.code, 0, "{}{}", heard.out, heard.err);
    let line = heard.out.lines().nth(1).unwrap_or_else(|| panic!("no message: {}", heard.out));
    serde_json::from_str(line).expect("JSON")
}

fn audit(site: &Site) -> String {
    site.server.run(&["audit", "--json"], None).out
}

#[test]
fn an_owner_is_told_of_what_goes_wrong_and_can_try_it_before() {
    let folder = tempfile::tempdir().expect("a folder");
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new([DOMAIN.to_owned()]).expect("names");
    // Five days are left.
    let ends = Clock::system().wall() + std::time::Duration::from_secs(5 * 86_400);
    let civil = ends.civil();
    let year = civil.year.try_into().expect("a year");
    params.not_after = rcgen::date_time_ymd(year, civil.month, civil.day);
    let certificate = params.self_signed(&key).expect("a certificate");
    let (cert_file, key_file) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    std::fs::write(&cert_file, certificate.pem()).expect("a file");
    std::fs::write(&key_file, key.serialize_pem()).expect("a file");
    let site = owned_with(&format!(
        "[tls]\nmode = \"files\"\ncert_file = {cert_file:?}\nkey_file = {key_file:?}\n"
    ));
    site.server.add_user("rui", "the password of a person");

    let mut ana = Browser::signed_in(&site, "ana");
    assert_eq!(ana.get("/admin/account/alerts").status, 200);
    for (fields, fault) in [
        ("person=nobody.here&disk=yes", "person-fault"),
        ("person=rui", "faults"),
        ("person=%3Csvg+onload%3Dalert(1)%3E&disk=yes", "person-fault"),
    ] {
        let answer = ana.post("/admin/account/alerts", fields);
        assert_eq!(answer.status, 422, "{fields}");
        assert!(answer.body.contains(fault) && !answer.body.contains("<svg onload"), "{fields}");
    }
    let refused = ana.post("/admin/account/alerts/test", "");
    assert_eq!(refused.status, 422, "nothing is set yet");
    let answer = ana.post("/admin/account/alerts", "person=rui&disk=yes");
    assert_eq!(answer.header("location"), Some("/admin/account/alerts?done=saved"));
    let answer = ana.post("/admin/account/alerts/test", "");
    assert_eq!(answer.header("location"), Some("/admin/account/alerts?done=test&here=0"));
    let trial = hear(&site, "rui");
    let body = trial["body"].as_str().expect("a body");
    assert!(body.contains(DOMAIN) && body.contains("this is a test"), "{trial}");

    // Written in the language of whoever chose it.
    let more = "Accept-Language: pt\r\nSec-Fetch-Site: same-origin\r\n\
                Content-Type: application/x-www-form-urlencoded\r\n";
    let fields = format!("token={}&person=rui@{DOMAIN}&certificate=yes&disk=yes", ana.token);
    assert_eq!(ana.send("POST", "/admin/account/alerts", more, &fields).status, 303);
    let alert = hear(&site, "rui");
    let body = alert["body"].as_str().expect("a body");
    assert!(body.contains("o certificado termina dentro de 7 dias"), "{alert}");

    let trail = audit(&site);
    assert!(trail.contains("certificate, disk to rui"), "{trail}");
    // Nobody else has a say in it.
    add(&site, "eva", Role::Admin);
    let mut eva = Browser::signed_in(&site, "eva");
    assert_eq!(eva.get("/admin/account/alerts").status, 403);
    assert!(!eva.get("/admin/account").body.contains("/admin/account/alerts"));
    assert_eq!(ana.post("/admin/account/alerts", "person=").status, 303);
    assert!(audit(&site).contains("none"));
}
