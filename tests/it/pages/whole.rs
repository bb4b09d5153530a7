//! The first day of a campus in one walk: from the set-up link to a person who is disabled.

use std::path::Path;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::{Value, json};
use tagus::app::control::Client;
use tagus::clock::Clock;
use tagus::operations::{Reply, Request};

use super::directory::{AWAY, certificates, directory, moved, until};
use super::{link, walk};
use crate::support::directory::{ADMIN, ADMIN_PASSWORD, PEOPLE};
use crate::support::free_port;
use crate::support::handset::Handset;
use crate::support::server::{DOMAIN, Server};

/// A registration has ended within this time after its person was disabled.
const AT_ONCE: Duration = Duration::from_secs(2);
const PATIENCE: Duration = Duration::from_secs(60);

/// Somebody who joins the directory after it was read for the first time.
const NEWCOMER: &str = "nova";

/// What the telephone calls itself.
const AGENT: &str = "Grandstream GXP1625 1.0.7.81";

/// Looks until nobody is registered, from before the deed on; gives how long that took.
fn until_nobody(data: &Path) -> JoinHandle<Duration> {
    let socket = data.join("tagus.sock");
    let clock = Clock::system();
    let begun = clock.now();
    thread::spawn(move || {
        loop {
            let mut client = Client::connect(&socket).expect("a server");
            let status = match client.call(&Request::Status).expect("a status") {
                Reply::Status(status) => status,
                other => panic!("{other:?}"),
            };
            let took = clock.now() - begun;
            if status.bindings == 0 || took > PATIENCE {
                return took;
            }
        }
    })
}

/// Waits until the server has started again with this domain.
fn until_named(server: &Server, domain: &str) {
    let clock = Clock::system();
    let deadline = clock.now() + PATIENCE;
    loop {
        let status = server.run(&["status", "--json"], None);
        if status.code == 0 && status.json()["domain"] == domain {
            return;
        }
        assert!(clock.now() < deadline, "{}{}", status.out, status.err);
    }
}

// Done when 1.
#[test]
fn an_administrator_goes_from_the_set_up_link_to_a_disabled_person_and_the_trail_has_it_all() {
    let (certificate, key) = certificates();
    let (wrong_authority, _) = certificates();
    let wrong_authority = wrong_authority.split_inclusive("-----END CERTIFICATE-----\n").nth(1);
    let directory = directory(Some((&certificate, &key)));
    // The console is where it was when the server starts again: the browser goes on there.
    let web = format!("[web]\nlisten = [\"http://{}\"]\n", free_port());
    let server = Server::start_without_domain(&web);
    let facts = json!({
        "link": link(&server),
        "domain": DOMAIN,
        "url": format!("ldap://{}", directory.address),
        "admin": ADMIN,
        "password": ADMIN_PASSWORD,
        "base": PEOPLE,
        "authority": wrong_authority.expect("an authority"),
        "person": "ana",
        "secret": "secret-of-ana",
        "newcomer": NEWCOMER,
        "agent": AGENT,
    });
    let mut handset = None;
    let mut watch = None;
    walk(&server, "whole", &facts, 30, |what, event| {
        match what {
            "named" => until_named(&server, DOMAIN),
            "read" => until(&server, |view| view.state == "up" && view.people == 32),
            // One comes, twelve go.
            "changed" => {
                directory.change(&format!(
                    "dn: uid={NEWCOMER},{PEOPLE}\nchangetype: add\nobjectClass: inetOrgPerson\n\
                     uid: {NEWCOMER}\ncn: Nova Gente\nsn: Gente\nmail: {NEWCOMER}@campus.test\n"
                ));
                let gone = (10..22).map(|number| format!("u{number}"));
                directory.change(&moved(gone, PEOPLE, AWAY));
            }
            "register" => {
                let text = |name: &str| event[name].as_str().unwrap_or_default();
                let device = Handset::new(server.udp_now(), text("user"), text("secret"), AGENT);
                assert_eq!(device.sign_in(), 200);
                handset = Some(device);
            }
            "disabling" => watch = Some(until_nobody(&server.data_dir())),
            "disabled" => {
                let took = watch.take().expect("a watch").join().expect("a time");
                assert!(took <= AT_ONCE, "the registration has ended after {took:?}");
                let device = handset.as_ref().expect("a device");
                assert_ne!(device.sign_in(), 200, "nothing signs in any more");
                return json!(took.as_millis() as u64);
            }
            other => panic!("the walk waits for {other}"),
        }
        Value::Null
    });
    let verified = server.run(&["audit", "verify"], None);
    assert_eq!(verified.code, 0, "{}{}", verified.out, verified.err);
}
