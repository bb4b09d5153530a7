//! Section 3, items 1, 3 and 8: what is served first when there is not room for all.

use std::time::Duration;

use crate::connection::{Connection, End};
use crate::phone::Phone;
use crate::raw::{Answer, CLOSES, Draft, PATIENCE};
use crate::site::{Nonce, PASSWORD, Site, message, person, register};
use crate::support::caller::header;
use crate::support::server::{DOMAIN, Server};

/// Calls that are put off in a row when every shard of the table is as full as calls may make it.
const ALL_FULL: usize = 60;

/// Put off, with a time to come again that differs from client to client.
fn is_put_off(answer: &Answer) -> bool {
    let seconds = answer.header("Retry-After").and_then(|value| value.parse::<u32>().ok());
    answer.status == 503 && seconds.is_some_and(|seconds| (5..=30).contains(&seconds))
}

fn subscribe(user: &str, phone: &Phone) -> Draft {
    Draft::new("SUBSCRIBE", &person("bob"), user, &person("bob"))
        .with("Event: presence")
        .with("Expires: 600")
        .with(format!("Contact: <{}>", phone.contact(user)))
}

/// Calls that ring fill the table of transactions; what else comes is refused from the least
/// important up, and what stands is served to the end.
#[test]
fn under_a_flood_of_calls_who_hangs_up_and_who_stays_registered_is_served_before_all_others() {
    let more = "[web]\nlisten = []\n[limits]\ntransactions = 800\nsource_rate = 1000000\n\
                source_burst = 1000000\nmessage_rate = 1000000\nmessage_burst = 1000000\n";
    let site = Site { server: Server::start_with("workers = 1\n", more) };
    for user in ["alice", "bob"] {
        site.server.add_user(user, PASSWORD);
    }
    let (alice, bob) = (site.phone("alice"), site.phone("bob"));
    let invite = Draft::new("INVITE", &person("bob"), "alice", &person("bob"));
    let nonce = Nonce::from(&alice.ask(&invite.bytes()));
    let signed = |draft: Draft, count: u32| {
        let line = nonce.answer("INVITE", &invite.uri, "alice", PASSWORD, count);
        draft.with(line)
    };
    // A call that stands before the flood.
    alice.send(&signed(invite.anew(), 1).bytes());
    let came = bob.serve("INVITE", "200 OK", "");
    let route = header(&came, "Record-Route").expect("a route").to_owned();
    while !alice.next(PATIENCE).expect("an answer").starts_with("SIP/2.0 200 ") {}
    // And then calls that nobody answers, until there is room for none.
    let caller = Phone::new(site.server.udp);
    let mut put_off = 0;
    let mut count = 1;
    while put_off < ALL_FULL {
        count += 1;
        assert!(count < 2_000, "calls are never put off");
        let draft = Draft::new("INVITE", &person("bob"), "alice", &person("bob"));
        caller.send(&signed(draft, count).bytes());
        let answer = Answer::new(&caller.next(PATIENCE).expect("an answer"));
        if answer.status == 503 {
            assert!(is_put_off(&answer), "{}", answer.text);
            put_off += 1;
        } else {
            assert_eq!(answer.status, 100, "{}", answer.text);
            put_off = 0;
        }
    }
    for draft in [subscribe("alice", &alice), message("alice", "bob", "hello")] {
        let answer = site.ask(&alice, &draft, "alice");
        assert!(is_put_off(&answer), "{}", answer.text);
    }
    let stranger = Phone::new(site.server.udp);
    let answer = stranger.ask(&register("bob").bytes());
    assert!(is_put_off(&answer), "{}", answer.text);
    // The registration that stands is renewed, challenge and all.
    site.sign_in(&alice, "alice");
    // And whoever speaks hangs up.
    let mut bye = invite.anew().replacing("CSeq: 2 BYE");
    bye.method = "BYE".to_owned();
    let bye = bye
        .replacing(format!("To: <{}>;tag=of-the-phone", person("bob")))
        .with(format!("Route: {route}"));
    alice.send(&bye.bytes());
    bob.serve("BYE", "200 OK", "");
    let answer = Answer::new(&alice.next(PATIENCE).expect("an answer"));
    assert_eq!(answer.status, 200, "{}", answer.text);
    for counter in ["sip_shed_strangers", "sip_shed_openings", "sip_shed_personal"] {
        assert!(site.count(counter) > 0, "{counter}");
    }
    assert_eq!(site.count("sip_shed_refreshes"), 0);
    assert_eq!(site.count("panics"), 0);
}

/// Item 8: over its ceiling the server takes no newcomer, says so once, and stays.
#[test]
fn over_the_ceiling_of_memory_no_connection_is_taken_and_strangers_come_later() {
    let mut site = Site::new("[limits]\nmemory = \"1MiB\"\n");
    site.server.log_with("line about memory", |line| line.contains("memory pressure changed"));
    let status = site.server.run(&["status", "--json"], None).json();
    assert_eq!(status["memory"]["state"], "critical", "{status}");
    assert_eq!(status["memory"]["ceiling_bytes"], 1 << 20, "{status}");
    assert!(status["memory"]["used_bytes"].as_u64() > Some(1 << 20), "{status}");
    for at in [site.server.tcp, site.server.tls, site.server.web("http://")] {
        let mut connection = Connection::new(at);
        assert_ne!(connection.read_to_end(CLOSES), End::Open, "{at}");
    }
    let phone = Phone::new(site.server.udp);
    let server = format!("sip:{DOMAIN}");
    for draft in [register("alice"), Draft::new("OPTIONS", &server, "nobody", &server)] {
        let answer = phone.ask(&draft.bytes());
        assert!(is_put_off(&answer), "{}", answer.text);
    }
    // It is looked at every second, and told when it changes.
    let clock = tagus::clock::Clock::system();
    let until = clock.now() + Duration::from_secs(2);
    while clock.now() < until {
        assert!(phone.next(Duration::from_millis(100)).is_none());
    }
    let lines = site.server.log().matches("memory pressure changed").count();
    assert_eq!(lines, 1);
    assert_eq!(site.count("panics"), 0);
}

/// Without a ceiling there is no pressure.
#[test]
fn without_a_ceiling_of_memory_everybody_is_served() {
    let site = Site::new("[limits]\nmemory = \"0\"\n");
    let status = site.server.run(&["status", "--json"], None).json();
    assert_eq!(status["memory"]["state"], "normal", "{status}");
    assert!(status["memory"]["ceiling_bytes"].is_null(), "{status}");
    site.assert_calm(0);
}
