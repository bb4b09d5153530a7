//! Subscriptions to presence (RFC 6665 with RFC 3856) over the wire.

use crate::peer::{Got, Peer};
use crate::presence::{
    OPEN, number, publish, republish, state, subscribe, subscribed, text, watch, within,
};
use crate::server::Server;
use crate::{PASSWORD, campus, campus_with};

fn subscriptions(server: &Server) -> u64 {
    let status = server.run(&["status", "--json"], None).json();
    status["subscriptions"].as_u64().expect("a number")
}

/// RFC 6665 s4.2.1.1, s4.2.1.2, s4.2.2: 200, and at once a NOTIFY in the dialog with the seconds
/// that are left.
#[test]
fn a_watcher_is_told_the_state_at_once_and_every_change_after_it() {
    let server = campus_with(&["ana", "bob"], OPEN);
    let mut ana = Peer::udp(&server, "ana");
    let first = publish(&mut ana, "open", "busy");
    let mut bob = Peer::udp(&server, "bob");
    let draft = subscribe(&bob, "ana", "presence", 600);
    let (signed, answer, notify) = subscribed(&mut bob, &draft);
    assert_eq!(answer.one("Expires"), "600");
    let left = notify.one("Subscription-State");
    let left: u32 = left.strip_prefix("active;expires=").unwrap().parse().unwrap();
    assert!((590..=600).contains(&left), "{left}");
    assert_eq!(notify.one("Event"), "presence");
    assert_eq!(notify.one("Content-Type"), "application/pidf+xml");
    assert_eq!(notify.one("To"), signed.from);
    assert_eq!(notify.one("From"), answer.one("To"));
    assert!(text(&notify).contains("busy"), "{}", text(&notify));
    let numbers = number(&notify) + 1..;
    let mut etag = first;
    for (next, activity) in numbers.zip(["away", "meeting", "on-the-phone"]) {
        etag = republish(&mut ana, &etag, "open", activity);
        let notify = bob.respond_to_next(200);
        assert!(text(&notify).contains(activity), "{}", text(&notify));
        assert_eq!(number(&notify), next);
    }
}

/// RFC 6665 s4.2.1.3, s4.2.1.2: 200 also while nobody decided, and a NOTIFY that tells nothing.
#[test]
fn a_watcher_whom_nobody_decided_about_is_pending_and_sees_nobody() {
    let server = campus(&["ana", "bob"]);
    let mut ana = Peer::udp(&server, "ana");
    let etag = publish(&mut ana, "open", "busy");
    let mut bob = Peer::udp(&server, "bob");
    let notify = watch(&mut bob, "ana");
    assert!(notify.one("Subscription-State").starts_with("pending;expires="));
    let body = text(&notify);
    assert!(body.contains("<basic>closed</basic>") && !body.contains("busy"), "{body}");
    republish(&mut ana, &etag, "open", "away");
    bob.expect_silence();
    // Decision 18d: everybody may watch himself.
    assert_eq!(state(&watch(&mut ana, "ana")), "active");
}

/// RFC 6665 s4.4.3: a fetch is one NOTIFY, with the state, and over.
#[test]
fn a_fetch_is_told_the_state_once_and_leaves_nothing() {
    let server = campus_with(&["ana", "bob"], OPEN);
    let mut ana = Peer::udp(&server, "ana");
    publish(&mut ana, "open", "busy");
    let mut bob = Peer::udp(&server, "bob");
    let draft = subscribe(&bob, "ana", "presence", 0);
    let (_, answer, notify) = subscribed(&mut bob, &draft);
    assert_eq!(answer.one("Expires"), "0");
    assert_eq!(notify.one("Subscription-State"), "terminated;reason=timeout");
    assert!(text(&notify).contains("busy"));
    publish(&mut ana, "open", "away");
    bob.expect_silence();
    assert_eq!(subscriptions(&server), 0);
}

/// RFC 6665 s4.2.1.4, s4.2.1.2: a refresh is answered with all there is, one with 0 ends it.
#[test]
fn a_subscription_is_refreshed_and_ended_in_its_dialog() {
    let server = campus_with(&["ana", "bob"], OPEN);
    let mut bob = Peer::tcp(&server, "bob");
    let draft = subscribe(&bob, "ana", "presence", 600);
    let (first, answer, _) = subscribed(&mut bob, &draft);
    let again = within(&bob, &first, &answer, "presence", 300);
    let (second, granted, notify) = subscribed(&mut bob, &again);
    assert_eq!(granted.one("Expires"), "300");
    assert!(text(&notify).contains("<basic>closed</basic>"));
    let end = within(&bob, &second, &answer, "presence", 0);
    let (third, _, notify) = subscribed(&mut bob, &end);
    assert_eq!(notify.one("Subscription-State"), "terminated;reason=timeout");
    let late = within(&bob, &third, &answer, "presence", 600);
    assert_eq!(bob.ask_signed(&late).status(), 481);
}

/// RFC 3856 s6.7, RFC 6665 s7.2, s8.2.2, decision 18d: what cannot be watched, and why.
#[test]
fn what_cannot_be_watched_is_refused_with_its_own_status() {
    let server = campus_with(&["ana", "bob"], OPEN);
    let mut bob = Peer::udp(&server, "bob");
    let plain = subscribe(&bob, "ana", "presence", 600).with("Accept: text/plain");
    let unknown = subscribe(&bob, "ana", "presence.winfo.winfo", 600);
    let nobody = subscribe(&bob, "nobody", "presence", 600);
    let brief = subscribe(&bob, "ana", "presence", 59);
    let winfo = subscribe(&bob, "ana", "presence.winfo", 600);
    for (draft, status) in [(plain, 406), (unknown, 489), (nobody, 404), (brief, 423), (winfo, 403)]
    {
        let answer = bob.ask_signed(&draft);
        assert_eq!(answer.status(), status, "{}", answer.text());
        match status {
            406 => assert_eq!(answer.one("Accept"), "application/pidf+xml"),
            423 => assert_eq!(answer.one("Min-Expires"), "60"),
            489 => assert_eq!(answer.one("Allow-Events"), "presence, presence.winfo, reg"),
            _ => {}
        }
    }
    bob.expect_silence();
    assert_eq!(subscriptions(&server), 0);
}

/// RFC 3856 s6.7: without Accept, and with one that names it among others, a PIDF document comes.
#[test]
fn a_watcher_takes_the_one_type_by_saying_so_or_nothing() {
    let server = campus_with(&["ana", "bob"], OPEN);
    let mut bob = Peer::udp(&server, "bob");
    for accept in ["application/pidf+xml", "text/plain, application/pidf+xml;q=0.1", "*/*"] {
        let draft = subscribe(&bob, "ana", "presence", 0).with(&format!("Accept: {accept}"));
        let (_, _, notify) = subscribed(&mut bob, &draft);
        assert_eq!(notify.one("Content-Type"), "application/pidf+xml");
    }
}

/// RFC 6665 s4.2.2, RFC 5057 s5.1: the answers that end it, and one that does not.
#[test]
fn a_notify_refused_for_good_ends_the_subscription_and_another_failure_does_not() {
    let server = campus_with(&["ana", "bob"], OPEN);
    for (status, ends) in [
        (404, true),
        (405, true),
        (410, true),
        (416, true),
        (480, true),
        (481, true),
        (482, true),
        (483, true),
        (484, true),
        (485, true),
        (489, true),
        (501, true),
        (604, true),
        (500, false),
        (503, false),
        (400, false),
    ] {
        let mut bob = Peer::udp(&server, "bob");
        let draft = subscribe(&bob, "ana", "presence", 600);
        let signed = bob.challenged(&draft);
        bob.send(&signed.bytes());
        // Either may come first, another thread having sent the NOTIFY.
        let both = [bob.next(), bob.next()];
        let notify = both.iter().find(|got| got.status() == 0).expect("a NOTIFY");
        let answer = both.iter().find(|got| got.status() == 200).expect("an answer").clone();
        bob.respond(notify, status, "");
        // Whether it is there shows in what becomes of a SUBSCRIBE within it.
        let again = within(&bob, &signed, &answer, "presence", 0);
        let outcome = bob.ask_signed(&again).status();
        assert_eq!(outcome, if ends { 481 } else { 200 }, "after {status}");
    }
}

/// T47, RFC 6665 s4.2.2: what is not taken is told again, without anything new; three NOTIFYs in a row
/// that are not taken end it.
#[test]
fn three_failures_in_a_row_end_a_subscription() {
    let server = campus_with(&["ana", "bob"], OPEN);
    let mut ana = Peer::udp(&server, "ana");
    let mut bob = Peer::udp(&server, "bob");
    watch(&mut bob, "ana");
    let etag = publish(&mut ana, "open", "busy");
    for _ in 0..3 {
        let notify = bob.respond_to_next(500);
        assert!(text(&notify).contains("busy"), "{}", text(&notify));
    }
    while subscriptions(&server) != 0 {}
    republish(&mut ana, &etag, "closed", "");
    bob.expect_silence();
}

/// RFC 3856 s6.10, decisions 16 and 18e: what changes within five seconds after a NOTIFY is told
/// together, the last state of all.
#[test]
fn changes_are_told_five_seconds_apart_and_the_last_one_wins() {
    let server = campus_with(&["ana", "bob"], "[presence]\ndefault_policy = \"allow\"\n");
    let mut ana = Peer::udp(&server, "ana");
    let mut bob = Peer::udp(&server, "bob");
    let clock = tagus::clock::Clock::system();
    // No NOTIFY is sent before this, and each later one five seconds after the one before.
    let began = clock.now();
    watch(&mut bob, "ana");
    let mut etag = publish(&mut ana, "open", "busy");
    for activity in ["away", "meeting", "vacation"] {
        etag = republish(&mut ana, &etag, "open", activity);
    }
    // One, unless publishing took as long as that.
    for count in 1.. {
        let notify = bob.respond_to_next(200);
        let waited = clock.now() - began;
        assert!(waited >= std::time::Duration::from_secs(5) * count, "{count}: {waited:?}");
        if text(&notify).contains("vacation") {
            break;
        }
    }
    bob.expect_silence();
}

/// Security N-sub: 201 subscriptions are one too many, and so is the watcher above the limit.
#[test]
fn subscriptions_and_watchers_are_limited() {
    let more = format!("{OPEN}[limits]\nsubscriptions_per_user = 2\nwatchers_per_user = 3\n");
    let server = campus_with(&["ana", "bob", "eva"], &more);
    let mut bob = Peer::udp(&server, "bob");
    let mut eva = Peer::udp(&server, "eva");
    for _ in 0..2 {
        watch(&mut bob, "ana");
    }
    let third = subscribe(&bob, "ana", "presence", 600);
    assert_eq!(bob.ask_signed(&third).status(), 403);
    watch(&mut eva, "ana");
    let fourth = subscribe(&eva, "ana", "presence", 600);
    assert_eq!(eva.ask_signed(&fourth).status(), 403);
    watch(&mut eva, "bob");
}

/// Decisions 18c and 19: after a power cut a watcher that is reached by datagram is told the state
/// as it is, with a number above all before.
#[test]
fn a_watcher_is_told_the_right_state_after_a_power_cut() {
    let mut server = campus_with(&["ana", "bob"], OPEN);
    let mut ana = Peer::udp(&server, "ana");
    let mut bob = Peer::udp(&server, "bob");
    let draft = subscribe(&bob, "ana", "presence", 600);
    let (first, answer, _) = subscribed(&mut bob, &draft);
    publish(&mut ana, "open", "busy");
    let before = bob.respond_to_next(200);
    server.add_user("eva", PASSWORD);
    server.kill();
    server.start_again();
    bob.move_to(server.udp);
    assert_eq!(subscriptions(&server), 1);
    // It will be told by itself within half a minute; asking makes it now.
    let mut again = within(&bob, &first, &answer, "presence", 600);
    again.uri = format!("sip:{}", server.udp);
    let (_, _, notify) = subscribed(&mut bob, &again);
    assert!(text(&notify).contains("busy"), "{}", text(&notify));
    assert!(number(&notify) > number(&before));
}

/// RFC 6665 s4.4.2 and `features` 3.6: one whose connection a restart cut is told again when its
/// device comes back.
#[test]
fn a_watcher_whose_connection_a_restart_cut_is_told_when_its_device_comes_back() {
    let mut server = campus_with(&["ana", "bob"], OPEN);
    let bob_over_tcp = |server: &Server| {
        let mut bob = Peer::tcp(server, "bob");
        let contact = format!("{};+sip.instance=\"<urn:uuid:7>\"", bob.contact());
        let register = bob.registration(&[&contact]);
        assert_eq!(bob.ask_signed(&register).status(), 200);
        bob
    };
    let mut bob = bob_over_tcp(&server);
    let before = watch(&mut bob, "ana");
    let mut ana = Peer::udp(&server, "ana");
    server.add_user("eva", PASSWORD);
    server.kill();
    server.start_again();
    ana.move_to(server.udp);
    publish(&mut ana, "open", "busy");
    let mut bob = bob_over_tcp(&server);
    let notify: Got = bob.respond_to_next(200);
    assert!(text(&notify).contains("busy"), "{}", text(&notify));
    assert_eq!(notify.one("Call-ID"), before.one("Call-ID"));
    assert!(number(&notify) > number(&before));
}

/// Our own client, end to end: what one publishes the other prints.
#[test]
fn our_own_client_publishes_and_watches() {
    let server = campus_with(&["ana", "bob"], OPEN);
    let server_at = server.udp.to_string();
    let publish = |activity: &str| {
        let printed = server.run(
            &[
                "client",
                "publish",
                "--once",
                "--activity",
                activity,
                "--note",
                "until five",
                "--server",
                &server_at,
                "--user",
                "ana@campus.test",
                "--password-file",
                "-",
                "--json",
            ],
            Some(&format!("{PASSWORD}\n")),
        );
        printed.json()
    };
    assert_eq!(publish("busy")["event"], "published");
    let tcp = server.tcp.to_string();
    let printed = server.run(
        &[
            "client",
            "watch",
            "ana",
            "--expires",
            "0",
            "--server",
            &tcp,
            "--user",
            "bob@campus.test",
            "--password-file",
            "-",
            "--json",
        ],
        Some(&format!("{PASSWORD}\n")),
    );
    assert_eq!(printed.code, 0, "{}{}", printed.out, printed.err);
    let told = printed.out.lines().last().unwrap_or_default();
    let told: serde_json::Value = serde_json::from_str(told).expect("JSON");
    assert_eq!(told["event"], "notified", "{told}");
    assert_eq!(told["status"], "open", "{told}");
    assert_eq!(told["activities"], serde_json::json!(["busy"]), "{told}");
    assert_eq!(told["notes"], serde_json::json!(["until five"]), "{told}");
    let shown = server.run(&["presence", "show", "ana", "--json"], None).json();
    assert_eq!(shown["open"], true, "{shown}");
    assert_eq!(shown["publications"].as_array().map(Vec::len), Some(1), "{shown}");
}
