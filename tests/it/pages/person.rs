//! A person, registrations, waiting messages and bans, with hostile names from SIP and LDAP.

use std::sync::Arc;
use std::thread;

use serde_json::{Value, json};
use tagus::clock::Clock;
use tagus::model::Role;
use tagus::operations::Request;

use super::{WEB, add_console, ask, walk};
use crate::support::directory::{Directory, PEOPLE};
use crate::support::handset::Handset;
use crate::support::server::Server;

const WORD: &str = "a password";
/// What a name would like to be (W14, W15).
const HOSTILE: &str = "<svg onload=alert(1)>\"' \u{202e}gnp.exe ";
const HOSTILE_USER: &str = "lea";

const RULES: &str = "<ruleset xmlns='urn:ietf:params:xml:ns:common-policy' \
    xmlns:pr='urn:ietf:params:xml:ns:pres-rules'>\
    <rule id='a'><conditions><identity><one id='sip:eva@campus.test'/>\
    <many domain='example.org'/></identity></conditions>\
    <actions><pr:sub-handling>allow</pr:sub-handling></actions></rule>\
    <rule id='b'><conditions><identity><one id='sip:nuno@campus.test'/></identity></conditions>\
    <actions><pr:sub-handling>polite-block</pr:sub-handling></actions></rule></ruleset>";

/// A person of the directory whose name is trouble, as long as one may be.
fn directory() -> Directory {
    let directory = Directory::start(&[(HOSTILE_USER, "secret-of-lea")]);
    let name = HOSTILE.repeat(1_024 / HOSTILE.len());
    let mut encoded = Vec::new();
    base64(name.as_bytes(), &mut encoded);
    let encoded = String::from_utf8(encoded).expect("text");
    directory.change(&format!(
        "dn: uid={HOSTILE_USER},{PEOPLE}\nchangetype: modify\nreplace: cn\ncn:: {encoded}\n"
    ));
    directory
}

fn base64(bytes: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for chunk in bytes.chunks(3) {
        let group = (0..3).fold(0_u32, |group, at| {
            (group << 8) | u32::from(chunk.get(at).copied().unwrap_or_default())
        });
        for at in 0..4 {
            let digit = DIGITS[((group >> (18 - 6 * at)) & 63) as usize];
            out.push(if at <= chunk.len() { digit } else { b'=' });
        }
    }
}

/// Waits until the directory's people are known.
fn wait_for_people(server: &Server) {
    let clock = Clock::system();
    let deadline = clock.now() + std::time::Duration::from_secs(30);
    loop {
        let found = server.run(&["user", "find", "--json", HOSTILE_USER], None).json();
        if found.to_string().contains("svg onload") {
            return;
        }
        assert!(clock.now() < deadline, "{found:#}");
    }
}

// W14, W15, W16; WCAG 2.2 AA by axe-core.
#[test]
fn whoever_helps_people_sees_how_each_stands_and_hostile_names_are_names() {
    let directory = directory();
    let config = directory.readable_configuration(directory.address) + "sync_interval = \"1s\"\n";
    let server = Server::start(&format!("{WEB}{config}"));
    for user in ["tiago", "eva", "away", "nuno"] {
        server.add_user(user, WORD);
    }
    for (name, role) in [("ana", Role::Owner), ("rui", Role::Helpdesk), ("eva", Role::ReadOnly)] {
        add_console(&server, name, role);
    }
    wait_for_people(&server);
    let handset = |user, password, agent| Handset::new(server.udp, user, password, agent);

    // Two devices, one of which comes from behind a NAT and calls itself what it likes.
    let phone = Arc::new(handset("tiago", WORD, "Linphone Desktop/5.2.4 (belle-sip/5.3.20)"));
    assert_eq!(phone.sign_in(), 200);
    let agent = HOSTILE.repeat(6_000 / HOSTILE.len());
    let odd = handset("tiago", WORD, &agent);
    assert_eq!(odd.sign_in_at("<sip:tiago@192.0.2.9:5060>;expires=600"), 200);
    assert_eq!(phone.publish("Em reunião até às 15h"), 200);
    let document = RULES.to_owned();
    ask(&server, &Request::RulesSet { user: "tiago".to_owned(), document });
    let eva = handset("eva", WORD, "Baresip v3.10.1");
    assert_eq!(eva.sign_in(), 200);
    assert_eq!(eva.watch("tiago") / 100, 2);
    for text in ["a text that nobody sees here", "another one"] {
        assert_eq!(eva.write("away", text), 202);
        assert_eq!(eva.write(HOSTILE_USER, text), 202);
    }
    let mistyped = handset("nuno", "mistyped", HOSTILE);
    assert!((0..10).all(|_| mistyped.sign_in() == 401));
    let mistyped = handset("tiago", "mistyped", "Grandstream GXP1625 1.0.7.81");
    assert!((0..3).all(|_| mistyped.sign_in() == 401));

    walk(&server, "person", &json!({ "hostile": HOSTILE_USER }), 100, |what, _| {
        assert_eq!(what, "answer");
        let phone = Arc::clone(&phone);
        thread::spawn(move || phone.expect("MESSAGE", "200 OK"));
        Value::Null
    });
}
