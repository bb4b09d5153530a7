//! Settings: the pages, and what a change does to a server that runs.

use std::time::Duration;

use serde_json::json;
use tagus::clock::Clock;
use tagus::model::Role;
use tagus::operations::{Reply, Request, SettingChange, SettingRequest};

use super::{WEB, add_console, ask, nothing, walk};
use crate::support::caller::Caller;
use crate::support::directory::{Directory, PEOPLE};
use crate::support::server::Server;

const PATIENCE: Duration = Duration::from_secs(30);

fn apply(server: &Server, changes: &[(&str, &str)]) {
    let changes = changes.iter().map(|(key, value)| SettingChange::to(key, value)).collect();
    let reply = ask(server, &Request::Setting(SettingRequest::Apply { changes }));
    assert!(matches!(reply, Reply::SettingDifference(_)), "{reply:?}");
}

/// Seconds that are granted to a registration for an hour.
fn granted(caller: &mut Caller) -> u32 {
    let answer = caller.register(3_600);
    assert_eq!(answer.status, 200, "{}", answer.text);
    // Contacts of before are listed as well.
    let own = format!("@{}>", caller.address());
    let (_, rest) = answer.text.split_once(&own).expect("the contact");
    let (_, rest) = rest.split_once("expires=").expect("an expiry");
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().expect("a number")
}

// W39; hostile texts in values.
#[test]
fn settings_are_found_changed_and_given_up_in_a_browser() {
    let server = Server::start(WEB);
    for (name, role) in [("ana", Role::Owner), ("rui", Role::Admin), ("eva", Role::ReadOnly)] {
        add_console(&server, name, role);
    }
    let hostile = format!("ou=<svg onload=alert(1)>\u{202e},{}", "x".repeat(10_000));
    apply(&server, &[("identity.ldap.base_dn", &hostile), ("identity.ldap.bind_dn", "")]);
    walk(&server, "settings", &json!({}), 60, nothing);
}

#[test]
fn a_change_counts_for_the_next_registration_and_after_a_power_cut() {
    let mut server = Server::start("");
    server.add_user("ana", "a password");
    let mut ana = Caller::new(server.udp, "ana", "a password");
    assert!(granted(&mut ana) > 900);
    let set = server.run(&["config", "set", "registrar.max_expires", "700"], None);
    assert_eq!(set.code, 0, "{}{}", set.out, set.err);
    assert!(granted(&mut ana) <= 700);
    server.kill();
    server.start_again();
    let mut ana = Caller::new(server.udp, "ana", "a password");
    assert!(granted(&mut ana) <= 700);
    let shown = server.run(&["config", "show", "registrar.max_expires", "--json"], None).json();
    assert_eq!(shown["registrar.max_expires"], json!({ "value": 700, "origin": "console" }));
    assert_eq!(server.run(&["config", "reset", "registrar.max_expires"], None).code, 0);
    assert!(granted(&mut ana) > 900);
    let wrong = server.run(&["config", "set", "registrar.max_expires", "soon"], None);
    assert_eq!(wrong.code, 2, "{}", wrong.err);
}

/// Decision 15: whoever waits for the person's answer sees her once everybody may.
#[test]
fn another_policy_reaches_whoever_watches_already() {
    let server = Server::start("");
    for user in ["ana", "rui"] {
        server.add_user(user, "a password");
    }
    let mut rui = Caller::new(server.udp, "rui", "a password");
    assert!([200, 202].contains(&rui.watch("ana", 600).status));
    let first = rui.expect_notify();
    assert!(first.contains("pending"), "{first}");
    apply(&server, &[("presence.default_policy", "allow")]);
    let second = rui.expect_notify();
    assert!(second.contains("active"), "{second}");
}

#[test]
fn a_directory_is_put_in_use_and_out_of_use_while_the_server_runs() {
    let directory = Directory::start(&[("eva", "secret-of-eva")]);
    let server = Server::start("");
    server.add_user("ana", "a password");
    let mut ana = Caller::new(server.udp, "ana", "a password");
    let mut eva = Caller::new(server.udp, "eva", "secret-of-eva");
    assert_ne!(eva.register(600).status, 200);
    let url = format!("ldap://{}", directory.address);
    let found = [
        ("identity.source", "ldap"),
        ("identity.ldap.urls", url.as_str()),
        ("identity.ldap.base_dn", PEOPLE),
        ("identity.ldap.secret_attribute", "carLicense"),
        ("identity.ldap.sync_interval", "1s"),
    ];
    apply(&server, &found);
    granted(&mut eva);
    granted(&mut ana);
    // A base where nobody is: she is not found there.
    apply(&server, &[("identity.ldap.base_dn", "ou=nobody,dc=campus,dc=test")]);
    assert_ne!(eva.register(600).status, 200);
    apply(&server, &[("identity.ldap.base_dn", PEOPLE)]);
    granted(&mut eva);
    apply(&server, &[("identity.source", "local")]);
    assert_ne!(eva.register(600).status, 200);
    granted(&mut ana);
    let status = server.run(&["status", "--json"], None).json();
    assert_eq!(status["ldap"]["state"], "off");
    apply(&server, &[("identity.source", "ldap")]);
    granted(&mut eva);
}

#[test]
fn another_domain_is_in_force_when_the_server_has_started_again() {
    let server = Server::start("");
    let before = server.run(&["status", "--json"], None).json();
    apply(&server, &[("domain", "ist.example")]);
    assert_eq!(ask(&server, &Request::Setting(SettingRequest::Restart)), Reply::Done);
    let clock = Clock::system();
    let deadline = clock.now() + PATIENCE;
    let after = loop {
        let status = server.run(&["status", "--json"], None);
        if status.code == 0 && status.json()["domain"] == "ist.example" {
            break status.json();
        }
        assert!(clock.now() < deadline, "{}{}", status.out, status.err);
    };
    assert_eq!(after["pid"], before["pid"]);
    server.add_user("ana", "a password");
    let late = server.run(&["config", "set", "domain", "campus.test"], None);
    assert_eq!(late.code, 2, "{}{}", late.out, late.err);
}

#[test]
fn a_stored_port_that_is_taken_does_not_keep_the_server_from_starting() {
    let mut server = Server::start(WEB);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = (taken.local_addr().expect("an address"), taken);
    apply(&server, &[("web.listen", &format!("http://{}", taken.0))]);
    server.kill();
    server.start_again();
    assert_ne!(server.web("http://"), taken.0);
    server.log_with("line about what is passed over", |line| line.contains("setting.passed_over"));
}
