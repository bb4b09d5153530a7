//! The directory: settings tried until they work, saved and read; and what the pages say of one that is
//! empty, slow or away.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, SanType};
use serde_json::{Value, json};
use tagus::clock::Clock;
use tagus::model::Role;
use tagus::operations::{DirectoryView, Reply, Request};

use super::{WEB, add_console, ask, walk};
use crate::support::caller::Caller;
use crate::support::directory::{ADMIN, ADMIN_PASSWORD, Directory, PEOPLE, Plan, Slow};
use crate::support::server::Server;

/// The server looks every few seconds at a directory that is away.
const SEEN: Duration = Duration::from_secs(40);

/// Where nobody looks for people.
pub(super) const AWAY: &str = "ou=away,dc=campus,dc=test";

/// A certificate for 127.0.0.1 followed by its authority's, and its key.
pub(super) fn certificates() -> (String, String) {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "Campus CA <svg onload=alert(1)>");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = params.self_signed(&key).expect("an authority").pem();
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::default();
    params.subject_alt_names = vec![SanType::IpAddress([127, 0, 0, 1].into())];
    let certificate = params.signed_by(&key, &issuer).expect("a certificate");
    (certificate.pem() + &authority, key.serialize_pem())
}

/// `ana`, `rui` and thirty others.
fn people() -> Vec<(String, String)> {
    let others = (0..30).map(|number| format!("u{number:02}"));
    let names = ["ana", "rui"].map(str::to_owned).into_iter().chain(others);
    names.map(|name| (name.clone(), format!("secret-of-{name}"))).collect()
}

/// As LDIF has it (RFC 4648 s4).
fn base64(raw: &[u8]) -> String {
    let mut out = Vec::new();
    tagus::text::encode_base64url(raw, &mut out);
    let text = String::from_utf8(out).expect("text").replace('-', "+").replace('_', "/");
    let padding = (4 - text.len() % 4) % 4;
    text + &"=".repeat(padding)
}

/// Names that would be more than names.
fn hostile() -> String {
    let mut changes = String::new();
    for (uid, name) in [
        ("u00", "<svg onload=alert(1)>".to_owned()),
        ("u01", "\u{202e}lluM arA".to_owned()),
        ("u02", "x".repeat(10_240)),
        ("u03", "\"><script>alert(1)</script>".to_owned()),
    ] {
        let _ = write!(
            changes,
            "dn: uid={uid},{PEOPLE}\nchangetype: modify\nreplace: cn\ncn:: {}\n\n",
            base64(name.as_bytes())
        );
    }
    changes
}

pub(super) fn directory(certificate: Option<(&str, &str)>) -> Directory {
    let people = people();
    let people: Vec<(&str, &str)> =
        people.iter().map(|(name, secret)| (name.as_str(), secret.as_str())).collect();
    let entries = format!("dn: {AWAY}\nobjectClass: organizationalUnit\nou: away\n\n");
    let entries = entries.as_str();
    let directory =
        Directory::open(&Plan { people: &people, entries, certificate, ..Plan::default() });
    directory.change(&hostile());
    directory
}

/// Moves people from one place to another: they stay who they are.
pub(super) fn moved(names: impl Iterator<Item = String>, from: &str, to: &str) -> String {
    let one = |uid: String| {
        format!(
            "dn: uid={uid},{from}\nchangetype: modrdn\nnewrdn: uid={uid}\ndeleteoldrdn: 0\n\
             newsuperior: {to}\n\n"
        )
    };
    names.map(one).collect()
}

pub(super) fn view(server: &Server) -> DirectoryView {
    match ask(server, &Request::DirectoryShow) {
        Reply::Directory(view) => *view,
        other => panic!("{other:?}"),
    }
}

/// Waits until the directory stands so.
pub(super) fn until(server: &Server, fits: impl Fn(&DirectoryView) -> bool) {
    let clock = Clock::system();
    let deadline = clock.now() + SEEN;
    loop {
        let view = view(server);
        if fits(&view) {
            return;
        }
        assert!(clock.now() < deadline, "{view:#?}");
    }
}

fn bindings(server: &Server) -> u64 {
    match ask(server, &Request::Status) {
        Reply::Status(status) => status.bindings,
        other => panic!("{other:?}"),
    }
}

// Done when 1, D3: a wrong authority, a wrong password and a wrong base on the way, each explained.
#[test]
fn a_directory_is_connected_from_the_console_with_three_mistakes_on_the_way() {
    let (certificate, key) = certificates();
    let directory = directory(Some((&certificate, &key)));
    let more = format!("{WEB}[identity.ldap]\nsync_interval = \"1s\"\n");
    let server = Server::start(&more);
    add_console(&server, "ana", Role::Owner);
    add_console(&server, "rui", Role::Admin);
    add_console(&server, "eva", Role::ReadOnly);
    let facts = json!({
        "url": format!("ldap://{}", directory.address),
        "admin": ADMIN,
        "password": ADMIN_PASSWORD,
        "base": PEOPLE,
        "person": "ana",
        "secret": "secret-of-ana",
    });
    walk(&server, "directory", &facts, 60, |what, _| {
        assert_eq!(what, "read");
        until(&server, |view| view.state == "up" && view.people == 32);
        Value::Null
    });
    // Whoever was signed in at last is known, and no password is in the audit trail or the log.
    let trail = server.run(&["audit", "--limit", "1000", "--json"], None).out;
    assert!(trail.contains("directory.try") && trail.contains("setting.set"), "{trail}");
    for secret in [ADMIN_PASSWORD, "secret-of-ana"] {
        assert!(!trail.contains(secret), "{trail}");
    }
}

// Done when 5: empty, slow, silent and away; nobody is lost, and the pages say what to do.
#[test]
fn a_directory_that_is_empty_slow_or_away_costs_nobody_anything_and_the_console_says_so() {
    let directory = RefCell::new(directory(None));
    let address = directory.borrow().address;
    let slow = Slow::before(address);
    let configuration = directory.borrow().readable_configuration(slow.address);
    let server = Server::start(&format!("{WEB}{configuration}sync_interval = \"4s\"\n"));
    add_console(&server, "rui", Role::Admin);
    add_console(&server, "ana", Role::Owner);
    until(&server, |view| view.state == "up" && view.people == 32);
    let mut ana = Caller::new(server.udp, "ana", "secret-of-ana");
    let mut gone = Caller::new(server.udp, "u05", "secret-of-u05");
    for caller in [&mut ana, &mut gone] {
        assert_eq!(caller.register(600).status, 200);
    }
    let all = || people().into_iter().map(|(name, _)| name);
    let some = || (0..12).map(|number| format!("u{number:02}"));
    let mut still_here = || {
        assert_eq!(bindings(&server), 2, "nobody is lost");
        let answer = ana.register(600);
        assert_eq!(answer.status, 200, "{}", answer.text);
    };
    walk(&server, "directory-away", &json!({}), 60, |what, _| {
        let mut there = directory.borrow_mut();
        match what {
            "emptied" => {
                there.change(&moved(all(), PEOPLE, AWAY));
                until(&server, |view| {
                    view.proposal.as_ref().is_some_and(|p| p.difference.held == 32)
                });
            }
            "filled" => {
                there.change(&moved(all(), AWAY, PEOPLE));
                until(&server, |view| view.state == "up" && view.proposal.is_none());
            }
            "slow" => {
                slow.delay(Duration::from_millis(1_200));
                until(&server, |view| {
                    view.state == "up" && view.latency_ms.is_some_and(|took| took >= 1_000)
                });
            }
            "silent" => {
                slow.delay(Duration::from_secs(30));
                until(&server, |view| view.cause.as_deref() == Some("silent"));
            }
            "stopped" => {
                slow.delay(Duration::ZERO);
                there.stop();
                until(&server, |view| view.cause.as_deref() == Some("unreachable"));
            }
            "back" => {
                there.start_again();
                until(&server, |view| view.state == "up");
            }
            "twelve" => {
                there.change(&moved(some(), PEOPLE, AWAY));
                until(&server, |view| {
                    view.proposal.as_ref().is_some_and(|p| p.difference.held == 12)
                });
            }
            other => panic!("the walk waits for {other}"),
        }
        drop(there);
        still_here();
        Value::Null
    });
    // The twelve were let go at the end of the walk: one of them was registered.
    let clock = Clock::system();
    let deadline = clock.now() + SEEN;
    while bindings(&server) != 1 {
        assert!(clock.now() < deadline, "{} bindings", bindings(&server));
    }
}
