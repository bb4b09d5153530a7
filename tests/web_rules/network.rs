//! Certificates and DNS records as their pages show and change them.

use rcgen::{CertificateParams, KeyPair};
use tagus::model::Role;

use crate::console::{Browser, add};
use crate::http::{Site, ask, roots};
use crate::support::names::Names;
use crate::support::server::{DOMAIN, Server};

const PING: &str = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
const LISTEN: &str =
    "[web]\nlisten = [\"http://127.0.0.1:0\", \"https://127.0.0.1:0\"]\n[tls]\nmode = \"auto\"\n";

/// A certificate for the names with its key, both in PEM form.
fn certificate(names: &[&str]) -> (String, String) {
    let key = KeyPair::generate().expect("a key");
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let made =
        CertificateParams::new(names).and_then(|params| params.self_signed(&key)).expect("made");
    (made.pem(), key.serialize_pem())
}

fn fields(chain: &str, key: &str) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("chain", chain).append_pair("key", key);
    form.finish()
}

fn site(sip: &str) -> Site {
    let server = Server::start_with(sip, LISTEN);
    let (plain, secure) = (server.web("http://"), server.web("https://"));
    let site = Site { server, plain, secure };
    add(&site, "ana", Role::Owner);
    site
}

#[test]
fn a_certificate_is_handed_over_served_at_once_and_taken_away_again() {
    let site = site("");
    let mut ana = Browser::signed_in(&site, "ana");
    let page = ana.get("/admin/certificates").body;
    assert!(page.contains("own authority") && page.contains("ca.mobileconfig"), "{page}");
    // One that lives through all of it.
    let mut living = site.connect_secure(DOMAIN, site.authority());
    assert_eq!(ask(&mut living, PING).status, 200);

    let (chain, key) = certificate(&[DOMAIN, "localhost"]);
    let (_, other) = certificate(&[DOMAIN]);
    let (foreign, foreign_key) = certificate(&["mail.test"]);
    let mixed = format!("{other}{chain}");
    for (fields, fault) in [
        (fields("", &key), "no certificate in PEM form"),
        (fields(&chain, ""), "no private key in PEM form"),
        (fields(&chain, &other), "does not belong to the first"),
        (fields(&mixed, ""), "does not belong to the first"),
        (fields(&foreign, &foreign_key), "names none of this server"),
    ] {
        let answer = ana.post("/admin/certificates/install", &fields);
        assert_eq!(answer.status, 422, "{fault}");
        assert!(answer.body.contains(fault), "{fault}: {}", answer.body);
        // W39: a key is never shown again.
        assert!(!answer.body.contains("BEGIN PRIVATE KEY"), "{fault}");
    }
    let answer = ana.post("/admin/certificates/install", &fields(&chain, &key));
    assert_eq!(answer.status, 303, "{}", answer.body);
    assert_eq!(ask(&mut living, PING).status, 200, "it was not cut off");
    let mut fresh = site.connect_secure(DOMAIN, roots(&chain));
    assert_eq!(ask(&mut fresh, PING).status, 200);
    let page = ana.get("/admin/certificates?done=installed").body;
    assert!(page.contains("Installed on this page"), "{page}");
    assert!(page.contains("will not believe this certificate"), "{page}");
    assert!(!page.contains("PRIVATE KEY-----\n"), "{page}");

    assert_eq!(ana.post("/admin/certificates/remove", "").status, 303);
    assert_eq!(ask(&mut site.connect_secure(DOMAIN, site.authority()), PING).status, 200);
    assert_eq!(ana.post("/admin/certificates/renew", "").status, 303);
    assert_eq!(ana.post("/admin/certificates/reload", "").status, 303);
    assert_eq!(ask(&mut site.connect_secure(DOMAIN, site.authority()), PING).status, 200);
    assert_eq!(ask(&mut living, PING).status, 200);
    let trail = ana.get("/admin/audit?action=certificate.").body;
    for action in ["install", "remove", "renew", "reload"] {
        assert!(trail.contains(&format!("<code>certificate.{action}</code>")), "{action}");
    }
    let profile = site.get("/ca.mobileconfig");
    assert_eq!(profile.header("content-type"), Some("application/x-apple-aspen-config"));
    let pem = site.ca_pem();
    let data: String = pem.lines().filter(|line| !line.starts_with("---")).collect();
    assert!(profile.body.contains(&data), "{}", profile.body);
}

#[test]
fn records_are_looked_up_when_somebody_asks_and_never_before() {
    let names = Names::start();
    let site = site(&format!("name_servers = [\"{}\"]\n", names.address));
    let (tls, tcp) = (site.server.tls.port(), site.server.tcp.port());
    names.srv("_sips._tcp.campus.test", tls, "localhost.");
    names.srv("_sip._tcp.campus.test", tcp, "<script>.evil.test.");
    names.naptr("campus.test", "SIPS+D2T", "_sips._tcp.campus.test.");
    let mut ana = Browser::signed_in(&site, "ana");
    let page = ana.get("/admin/dns").body;
    assert!(page.contains("not looked up") && !page.contains("badge ok"), "{page}");
    let line = format!("_sips._tcp.campus.test. 3600 IN SRV 10 10 {tls} localhost.");
    assert!(page.contains(&line), "{page}");
    assert!(ana.get("/admin/dns/zone.txt").body.contains(&line));

    assert_eq!(ana.post("/admin/dns/check", "").status, 303);
    let page = ana.get("/admin/dns?done=checked").body;
    let csv = ana.get("/admin/dns/records.csv").body;
    let state = |name: &str, kind: &str, value: &str| {
        let row = csv
            .lines()
            .find(|row| row.starts_with(&format!("{name},{kind},")) && row.contains(value));
        let row = row.unwrap_or_else(|| panic!("no {name} {kind} in {csv}"));
        let words = ["unchecked", "ok", "missing", "differs", "unanswered", "not_needed"];
        let found = words.into_iter().find(|word| row.contains(&format!(",{word},")));
        found.expect("a state")
    };
    assert_eq!(state("campus.test", "NAPTR", "SIPS+D2T"), "ok");
    assert_eq!(state("campus.test", "NAPTR", "SIP+D2U"), "missing");
    assert_eq!(state("_sips._tcp.campus.test", "SRV", ""), "ok");
    assert_eq!(state("_sip._tcp.campus.test", "SRV", ""), "differs");
    assert_eq!(state("_sip._udp.campus.test", "SRV", ""), "missing");
    assert_eq!(state("_msrps._tcp.campus.test", "SRV", ""), "not_needed");
    assert!(page.contains("evil.test") && !page.contains("<script>.evil"), "{page}");
    // Whoever may only look sees what was found, and asks nobody.
    add(&site, "eva", Role::ReadOnly);
    let mut eva = Browser::signed_in(&site, "eva");
    let seen = eva.get("/admin/dns").body;
    assert!(seen.contains("badge ok") && !seen.contains("/admin/dns/check"), "{seen}");
    assert_eq!(eva.post("/admin/dns/check", "").status, 403);
}

/// Somebody who reads no log learns what an authority said, and that it is tried again.
#[test]
fn an_acme_authority_that_does_not_answer_is_explained() {
    let dead = crate::support::free_port();
    let listen = LISTEN.replace(
        "mode = \"auto\"",
        &format!("mode = \"acme\"\nacme_directory = \"https://{dead}/directory\""),
    );
    let server = Server::start(&listen);
    let (plain, secure) = (server.web("http://"), server.web("https://"));
    let site = Site { server, plain, secure };
    add(&site, "ana", Role::Owner);
    let mut ana = Browser::signed_in(&site, "ana");
    let clock = tagus::clock::Clock::system();
    let started = clock.now();
    let page = loop {
        let page = ana.get("/admin/certificates").body;
        if page.contains("The last attempt failed") {
            break page;
        }
        assert!(clock.now().since(started).as_secs() < 20, "{page}");
    };
    assert!(page.contains("asked for campus.test, example.com"), "{page}");
    assert!(page.contains("tried again by itself in 10 minutes"), "{page}");
    assert!(page.contains("decide which certificate is served"), "{page}");
    let (chain, key) = certificate(&[DOMAIN]);
    assert_eq!(ana.post("/admin/certificates/install", &fields(&chain, &key)).status, 422);
}
