//! Presence between real clients: published, watched, asked for, refused.

use serde_json::Value;

use crate::support::agent::{Agent, Kind, SignIn};
use crate::support::server::{DOMAIN, Server};

const PASSWORD: &str = "a password";
/// Who is watched.
const SHOWN: &str = "ana";
/// Who watches.
const WATCHER: &str = "tiago";

fn server(presence: &str) -> Server {
    let server = Server::start(&format!("[presence]\ninterval = \"0s\"\n{presence}"));
    server.add_user(SHOWN, PASSWORD);
    server.add_user(WATCHER, PASSWORD);
    server
}

fn sign_in<'a>(
    server: &Server,
    user: &'a str,
    transport: &'a str,
    peers: &'a [&'a str],
) -> SignIn<'a> {
    SignIn {
        user,
        auth_user: user,
        password: PASSWORD,
        domain: DOMAIN,
        server: if transport == "udp" { server.udp } else { server.tcp },
        transport,
        peers,
    }
}

fn agent(server: &Server, user: &str, transport: &str) -> Agent {
    let mut agent = Agent::start(Kind::Pjsua2, &sign_in(server, user, transport, &[]));
    agent.expect_registered();
    agent
}

/// Waits until a client shows this of the one whom it watches.
fn expect(watcher: &mut Agent, status: &str, activity: Option<&str>, note: &str) -> Value {
    watcher.expect_that(&format!("{status} {activity:?} {note:?}"), |event| {
        event["event"] == "presence"
            && event["of"] == format!("{SHOWN}@{DOMAIN}")
            && event["state"] == "ACTIVE"
            && event["status"] == status
            && event["activity"].as_str() == activity
            && event["note"] == note
    })
}

/// Waits until a client's subscription is in this state.
fn expect_state(watcher: &mut Agent, state: &str) -> Value {
    watcher.expect_that(state, |event| event["event"] == "presence" && event["state"] == state)
}

fn shown_by_one_client_and_seen_by_another(transport: &str) {
    let server = server("default_policy = \"allow\"\ngrace = \"1s\"\n");
    let mut shown = agent(&server, SHOWN, transport);
    let mut watcher = agent(&server, WATCHER, transport);
    watcher.command(&format!("watch {SHOWN}"));
    // RFC 3856 s7.2: who has registered and published nothing is there.
    expect_state(&mut watcher, "ACTIVE");
    shown.command("presence online - in the library");
    expect(&mut watcher, "online", None, "in the library");
    shown.command("presence online busy at an examination");
    expect(&mut watcher, "online", Some("busy"), "at an examination");
    shown.command("presence online away at lunch");
    expect(&mut watcher, "online", Some("away"), "at lunch");
    shown.command("presence online - back");
    expect(&mut watcher, "online", None, "back");
    // Gone without a word: its contact ends with its REGISTER, its publication a second later.
    shown.command("unregister");
    watcher.expect_that("offline", |event| {
        event["event"] == "presence" && event["state"] == "ACTIVE" && event["status"] == "offline"
    });
}

/// RFC 3903, RFC 3856: available, busy, away, back, gone.
#[test]
fn a_real_client_sees_what_another_one_publishes_over_udp() {
    shown_by_one_client_and_seen_by_another("udp");
}

#[test]
fn a_real_client_sees_what_another_one_publishes_over_tcp() {
    shown_by_one_client_and_seen_by_another("tcp");
}

/// A client of another make reads what the first one wrote: PJSIP publishes, Linphone watches.
#[test]
fn linphone_shows_what_pjsip_publishes() {
    let server = server("default_policy = \"allow\"\ngrace = \"1s\"\n");
    let mut shown = agent(&server, SHOWN, "udp");
    let sign_in = sign_in(&server, WATCHER, "udp", &[SHOWN]);
    let mut watcher = Agent::start(Kind::LinphoneConsole, &sign_in);
    for (command, word) in [
        ("presence online", "Online"),
        ("presence online busy at an examination", "Busy"),
        ("presence online away at lunch", "Away"),
        ("presence online", "Online"),
        ("unregister", "Offline"),
    ] {
        shown.command(command);
        watcher.expect_that(word, |event| {
            event["event"] == "presence"
                && event["of"] == format!("{SHOWN}@{DOMAIN}")
                && event["shown"] == word
        });
    }
}

fn rules(handling: &str) -> String {
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<cr:ruleset xmlns:cr="urn:ietf:params:xml:ns:common-policy" xmlns="urn:ietf:params:xml:ns:pres-rules">
<cr:rule id="a"><cr:conditions><cr:identity><cr:one id="sip:{WATCHER}@{DOMAIN}"/></cr:identity></cr:conditions>
<cr:actions><sub-handling>{handling}</sub-handling></cr:actions>
<cr:transformations><provide-services><all-services/></provide-services>
<provide-persons><all-persons/></provide-persons><provide-all-attributes/></cr:transformations>
</cr:rule></cr:ruleset>
"#
    )
}

/// RFC 5025 s3.2.1, RFC 6665 s4.2.1.3: he who is not known waits, and what the person decides holds
/// at once for the subscription that stands.
#[test]
fn a_real_client_waits_until_a_rule_lets_it_see_and_is_shut_out_by_another() {
    let server = server("default_policy = \"confirm\"\n");
    let mut shown = agent(&server, SHOWN, "udp");
    shown.command("presence online busy not for everybody");
    let mut watcher = agent(&server, WATCHER, "udp");
    watcher.command(&format!("watch {SHOWN}"));
    let pending = expect_state(&mut watcher, "PENDING");
    assert_ne!(pending["status"], "online", "{pending}");
    assert_ne!(pending["note"], "not for everybody", "{pending}");

    let set = |handling: &str| {
        let printed = server.run(&["presence", "rules", "set", SHOWN, "-"], Some(&rules(handling)));
        assert_eq!(printed.code, 0, "{}{}", printed.out, printed.err);
    };
    let clock = tagus::clock::Clock::system();
    set("allow");
    let began = clock.now();
    expect(&mut watcher, "online", Some("busy"), "not for everybody");
    let took = clock.now().since(began);
    assert!(took.as_secs() < 2, "a rule took {took:?} to act");

    set("block");
    let ended = expect_state(&mut watcher, "TERMINATED");
    assert_eq!(ended["reason"], "rejected", "{ended}");
}
