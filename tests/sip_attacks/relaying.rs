//! S29, S30, S37 to S43, S61, T05, T06, T08, T09, T25, T33: what is passed on, and what is not.

use std::net::UdpSocket;
use std::time::Duration;

use crate::phone::Phone;
use crate::raw::{Draft, PATIENCE};
use crate::site::{Nonce, PASSWORD, Site, by_every_transport, message, person};
use crate::support::caller::header;
use crate::support::server::DOMAIN;

/// S29, T08, T30: whoever signs in, nothing leads out of this server.
#[test]
fn an_address_elsewhere_is_refused_to_everybody() {
    by_every_transport("", |site, phone| {
        let outside = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        let there = outside.local_addr().expect("an address");
        for (uri, statuses) in [
            ("sip:x@other.example".to_owned(), &[403][..]),
            (format!("sip:x@{there}"), &[403]),
            (format!("sip:bob@campus.test:{}", there.port()), &[403, 404, 480, 202]),
            (format!("sip:bob@campus.test;maddr={}", there.ip()), &[403, 404, 480, 202]),
            ("tel:+15550100".to_owned(), &[403, 404]),
            ("sips:bob@campus.test".to_owned(), &[416, 480]),
            ("sips:x@other.example".to_owned(), &[416]),
            ("http://127.0.0.1/".to_owned(), &[416]),
            ("mailto:x@y".to_owned(), &[416]),
            ("nobody-knows:this".to_owned(), &[416]),
            ("sip:bob@campus.test?Route=%3Csip:127.0.0.1%3E".to_owned(), &[400]),
            ("*".to_owned(), &[400, 416]),
            ("sip:".to_owned(), &[400]),
            ("sip:bob@campus.test:0".to_owned(), &[400, 403, 480, 202]),
            ("sip:bob@campus.test:99999".to_owned(), &[400]),
        ] {
            for method in ["MESSAGE", "INVITE", "REFER"] {
                let draft = Draft::new(method, &uri, "alice", &person("bob"));
                let status = site.ask(phone, &draft, "alice").status;
                assert!(statuses.contains(&status), "{method} {uri}: {status}");
            }
        }
        outside.set_nonblocking(true).expect("an option");
        assert!(outside.recv(&mut [0; 9]).is_err(), "a packet went out");
        site.assert_calm(0);
    });
}

/// S30, T09; RFC 3261 s16.4: a Route that we did not give out leads nowhere.
#[test]
fn a_route_of_the_senders_choice_is_403_and_nothing_is_sent_there() {
    by_every_transport("", |site, phone| {
        let _bob = site.phone("bob");
        let outside = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        let there = outside.local_addr().expect("an address");
        let us = site.server.udp;
        for route in [
            format!("<sip:{there};lr>"),
            format!("<sip:{DOMAIN};lr>, <sip:{there};lr>"),
            format!("<sip:{us};lr>, <sip:{us};lr>, <sip:{there};lr>"),
            format!("<sip:{there};transport=tcp;lr>"),
            "<sip:127.0.0.1:22;lr>".to_owned(),
            "<sip:[::1]:22;lr>".to_owned(),
            "<sip:other.example;lr>".to_owned(),
            format!("<sip:{there}>"),
        ] {
            for method in ["MESSAGE", "INVITE", "BYE"] {
                let draft = Draft::new(method, &person("bob"), "alice", &person("bob"));
                let draft = draft.with(format!("Route: {route}"));
                assert_eq!(site.ask(phone, &draft, "alice").status, 403, "{method} {route}");
            }
        }
        outside.set_nonblocking(true).expect("an option");
        assert!(outside.recv(&mut [0; 9]).is_err(), "a packet went out");
        site.assert_calm(1);
    });
}

/// T74: who has a token of a dialog needs no credentials, and still may not flood the other end.
#[test]
fn a_token_is_no_licence_to_flood() {
    let site = Site::new("[limits]\nmessage_rate = 1\nmessage_burst = 20\n");
    let alice = Phone::new(site.server.udp);
    let bob = site.phone("bob");
    let invite = Draft::new("INVITE", &person("bob"), "alice", &person("bob"));
    let nonce = Nonce::from(&alice.ask(&invite.bytes()));
    let line = nonce.answer("INVITE", &invite.uri, "alice", PASSWORD, 1);
    alice.send(&invite.anew().with(line).bytes());
    let came = bob.serve("INVITE", "200 OK", "");
    let route = header(&came, "Record-Route").expect("a route").to_owned();
    while !alice.next(PATIENCE).expect("an answer").starts_with("SIP/2.0 200 ") {}
    let in_dialog = |method: &str| {
        let mut draft = invite.anew().replacing(format!("CSeq: 1 {method}"));
        draft.method = method.to_owned();
        draft
            .replacing(format!("To: <{}>;tag=of-the-phone", person("bob")))
            .with(format!("Route: {route}"))
    };
    // Its sockets hold what comes, so that nobody has to answer.
    let stranger = Phone::new(site.server.udp);
    let mut shed = 0;
    for count in 0..60 {
        let method = if count % 2 == 0 { "ACK" } else { "INFO" };
        let answers = stranger.answers(&in_dialog(method).bytes());
        for answer in answers.iter().filter(|answer| answer.status == 503) {
            assert!(answer.header("Retry-After").is_some(), "{}", answer.text);
            shed += 1;
        }
    }
    assert!(shed > 10, "{shed} were shed");
    let mut came = 0;
    for text in std::iter::from_fn(|| bob.next(Duration::from_millis(1))) {
        // Not those that were sent again for want of an answer.
        came += usize::from(text.starts_with("ACK ") || text.starts_with("INFO "));
    }
    assert!((10..60).contains(&came), "{came} came");
    assert_eq!(site.count("panics"), 0);
}

/// S37; RFC 3261 s8.2.1, s16.
#[test]
fn an_unknown_method_is_405_for_the_server_and_passed_on_to_a_person() {
    by_every_transport("", |site, alice| {
        let bob = site.phone("bob");
        let server = format!("sip:{DOMAIN}");
        let answer = alice.ask(&Draft::new("UNHEARD-OF", &server, "alice", &server).bytes());
        assert_eq!(answer.status, 405);
        assert!(answer.header("Allow").is_some_and(|allow| allow.contains("MESSAGE")));
        let draft = Draft::new("UNHEARD-OF", &person("bob"), "alice", &person("bob"));
        let nonce = Nonce::from(&alice.ask(&draft.bytes()));
        let line = nonce.answer("UNHEARD-OF", &draft.uri, "alice", PASSWORD, 1);
        alice.send(&draft.anew().with(line).bytes());
        bob.serve("UNHEARD-OF", "299 Heard Of", "");
        let answer = alice.next(PATIENCE).expect("an answer");
        assert!(answer.starts_with("SIP/2.0 299 "), "{answer}");
        site.assert_calm(1);
    });
}

/// S39; RFC 3261 s16.7, s18.1.2: responses to nothing, and responses that are none.
#[test]
fn a_response_that_belongs_to_nothing_is_dropped() {
    by_every_transport("", |site, phone| {
        for status in [
            "200 OK",
            "401 Unauthorized",
            "99 Low",
            "000 Nothing",
            "700 High",
            "9999 More",
            "2OO OK",
            "-20 x",
            "",
        ] {
            let text = format!(
                "SIP/2.0 {status}\r\nVia: SIP/2.0/UDP {};branch=z9hG4bKnobody\r\n\
                 Via: SIP/2.0/UDP 127.0.0.77;branch=z9hG4bKother\r\nFrom: <sip:a@b>;tag=1\r\n\
                 To: <sip:c@d>;tag=2\r\nCall-ID: nothing\r\nCSeq: 1 MESSAGE\r\n\
                 Content-Length: 0\r\n\r\n",
                site.server.udp
            );
            assert_eq!(phone.answers(text.as_bytes()).len(), 0, "{status}");
        }
        site.assert_calm(0);
    });
}

/// Responses of a device that lies about the transaction: only its own branch is answered, once.
#[test]
fn a_device_that_answers_with_nonsense_gives_the_sender_one_final_answer() {
    by_every_transport("", |site, bob| {
        let alice = Phone::new(site.server.udp);
        site.sign_in(bob, "bob");
        let draft = Draft::new("INFO", &person("bob"), "alice", &person("bob"));
        let nonce = Nonce::from(&alice.ask(&draft.bytes()));
        let line = nonce.answer("INFO", &draft.uri, "alice", PASSWORD, 1);
        alice.send(&draft.anew().with(line).bytes());
        let text = bob.next(PATIENCE).expect("the request");
        let answer = |status: &str, spoil: &dyn Fn(&str) -> String| {
            let lines: Vec<String> = text
                .lines()
                .skip(1)
                .take_while(|line| !line.is_empty())
                .filter(|line| {
                    let name = line.split(':').next().unwrap_or_default().to_lowercase();
                    ["via", "from", "to", "call-id", "cseq"].contains(&name.as_str())
                })
                .map(spoil)
                .collect();
            bob.send(
                format!("SIP/2.0 {status}\r\n{}\r\nContent-Length: 0\r\n\r\n", lines.join("\r\n"))
                    .as_bytes(),
            );
        };
        answer("200 Of Another", &|line| line.replacen("branch=z9hG4bK", "branch=z9hG4bKx", 1));
        answer("200 Of Another Method", &|line| line.replace("INFO", "BYE"));
        answer("700 Too Much", &|line| line.to_owned());
        answer("99 Too Little", &|line| line.to_owned());
        answer("486 Busy", &|line| line.to_owned());
        answer("200 Too Late", &|line| line.to_owned());
        answer("603 Much Too Late", &|line| line.to_owned());
        assert!(bob.until_ping().is_empty());
        let answers = alice.until_ping();
        let got: Vec<u16> = answers.iter().map(|a| a.status).filter(|s| *s >= 200).collect();
        assert_eq!(got, [486], "{answers:?}");
        site.assert_calm(1);
    });
}

/// S61; RFC 3261 s19.1.5: what a URI or a header asks of the receiver is the receiver's to read, and
/// nothing of it is applied here.
#[test]
fn headers_that_would_steer_others_pass_as_they_are_and_are_never_applied() {
    by_every_transport("", |site, alice| {
        let bob = site.phone("bob");
        let outside = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        let there = outside.local_addr().expect("an address");
        for (method, line) in [
            ("REFER", format!("Refer-To: <sip:x@{there}?Route=%3Csip:{there}%3Blr%3E>")),
            ("REFER", "Refer-To: <sip:bob@campus.test?Replaces=1%3Bto-tag%3D2>".to_owned()),
            ("REFER", format!("Refer-To: <sip:x@{there};method=BYE>")),
            ("INVITE", "Replaces: 1@there;to-tag=2;from-tag=3".to_owned()),
            ("INVITE", format!("Join: 1@{there};to-tag=2;from-tag=3")),
            ("INVITE", format!("Target-Dialog: 1@{there};local-tag=2;remote-tag=3")),
        ] {
            let draft = Draft::new(method, &person("bob"), "alice", &person("bob"));
            let draft = draft.with(line.clone());
            let nonce = Nonce::from(&alice.ask(&draft.bytes()));
            let credentials = nonce.answer(method, &draft.uri, "alice", PASSWORD, 1);
            alice.send(&draft.anew().with(credentials).bytes());
            let came = bob.serve(method, "603 Decline", "");
            assert!(came.lines().any(|came| came == line), "{line} in:\n{came}");
            let answer = loop {
                let text = alice.next(PATIENCE).expect("an answer");
                if !text.starts_with("SIP/2.0 1") {
                    break text;
                }
            };
            assert!(answer.starts_with("SIP/2.0 603 "), "{answer}");
        }
        for uri in ["sip:bob@campus.test?Replaces=1", "sip:bob@campus.test;x?Route=%3Csip:y%3E"] {
            let draft = Draft::new("INVITE", uri, "alice", &person("bob"));
            assert_eq!(site.ask(alice, &draft, "alice").status, 400, "{uri}");
        }
        outside.set_nonblocking(true).expect("an option");
        assert!(outside.recv(&mut [0; 9]).is_err(), "a packet went out");
    });
}

/// S41, T03: bodies are the receiver's to read.
#[test]
fn a_broken_multipart_body_arrives_as_it_was_sent() {
    by_every_transport("", |site, alice| {
        let bob = site.phone("bob");
        let nested: String = (0..50)
            .map(|n| format!("--{n}\r\nContent-Type: multipart/mixed;boundary={}\r\n\r\n", n + 1))
            .collect();
        let long = format!("multipart/mixed;boundary={}", "b".repeat(300));
        for (content_type, body) in [
            ("multipart/mixed", b"--x\r\n\r\nhello".to_vec()),
            (&long, b"--b\r\n".to_vec()),
            (
                "multipart/mixed;boundary=x",
                b"--x\r\nContent-Type: text/plain\r\n\r\nunterminated".to_vec(),
            ),
            ("multipart/mixed;boundary=0", nested.into_bytes().into_iter().take(700).collect()),
            ("text/plain", b"\0\x01\x1b[31m\xff\xfe\r\n\r\n\r\nMESSAGE sip:x SIP/2.0\r\n".to_vec()),
        ] {
            let draft =
                message("alice", "bob", "").replacing(format!("Content-Type: {content_type}"));
            let draft = draft.body(body.clone());
            let nonce = Nonce::from(&alice.ask(&draft.bytes()));
            let line = nonce.answer("MESSAGE", &draft.uri, "alice", PASSWORD, 1);
            alice.send(&draft.anew().with(line).bytes());
            let came = bob.serve("MESSAGE", "200 OK", "");
            let (head, got) = came.split_once("\r\n\r\n").expect("a body");
            assert_eq!(got, String::from_utf8_lossy(&body), "{content_type}");
            assert!(head.contains(content_type), "{head}");
            assert!(alice.next(PATIENCE).is_some_and(|answer| answer.starts_with("SIP/2.0 200 ")));
        }
        site.assert_calm(1);
    });
}

/// S43: 413 beyond what a page may be.
#[test]
fn a_message_of_16385_bytes_is_413() {
    by_every_transport("", |site, phone| {
        let draft = message("alice", "bob", &"x".repeat(16_385));
        assert_eq!(site.ask(phone, &draft, "alice").status, 413);
        assert_eq!(site.count("held_messages"), 0);
        let draft = message("alice", "bob", &"x".repeat(16_384));
        assert_eq!(site.ask(phone, &draft, "alice").status, 202);
        site.assert_calm(0);
    });
}

/// T06; RFC 3261 s18.2.2, RFC 3581 s4: a Via names a host, and it gets nothing.
#[test]
fn a_forged_via_makes_the_server_send_nothing_to_its_host() {
    let site = Site::new("");
    let victim = UdpSocket::bind("127.0.0.77:0").expect("a socket");
    let phone = Phone::new(site.server.udp);
    let there = victim.local_addr().expect("an address");
    for via in [
        format!("SIP/2.0/UDP {there};rport;branch=z9hG4bK1"),
        format!("SIP/2.0/UDP {there};branch=z9hG4bK2"),
        format!("SIP/2.0/UDP {there};received=127.0.0.77;branch=z9hG4bK3"),
        format!("SIP/2.0/UDP {there};received=127.0.0.77;rport={};branch=z9hG4bK4", there.port()),
        format!("SIP/2.0/UDP 10.0.0.1;maddr=127.0.0.77;rport={};branch=z9hG4bK5", there.port()),
        format!("SIP/2.0/TCP {there};rport;branch=z9hG4bK6"),
    ] {
        phone.send(&Draft::ping().replacing(format!("Via: {via}")).bytes());
        let asked = message("alice", "bob", "hello").replacing(format!("Via: {via}m"));
        phone.send(&asked.bytes());
    }
    phone.until_ping();
    victim.set_nonblocking(true).expect("an option");
    assert!(victim.recv(&mut [0; 9]).is_err(), "a packet went to the forged host");
    site.assert_calm(0);
}

/// T06: an answer to a stranger is not much longer than what he sent.
#[test]
fn an_unauthenticated_answer_is_at_most_600_bytes_longer_than_its_request() {
    let site = Site::new("");
    let phone = Phone::new(site.server.udp);
    let server = format!("sip:{DOMAIN}");
    let requests = [
        Draft::ping(),
        Draft::new("REGISTER", &server, "alice", &person("alice")),
        message("alice", "bob", ""),
        Draft::new("UNHEARD-OF", &server, "alice", &server),
        Draft::ping().with("Require: everything"),
        Draft::ping().with("X"),
    ];
    for draft in requests {
        let bytes = draft.bytes();
        let answer = phone.ask(&bytes);
        assert!(answer.text.len() <= bytes.len() + 600, "{}", answer.text);
    }
    site.assert_calm(0);
}

/// T25: a device that challenges us learns nothing, and neither does one that is written to.
#[test]
fn no_credentials_reach_a_device_whatever_it_asks() {
    let site = Site::new("");
    let alice = Phone::new(site.server.udp);
    let bob = site.phone("bob");
    for (method, challenge) in [
        (
            "MESSAGE",
            "WWW-Authenticate: Digest realm=\"campus.test\", nonce=\"1\", qop=\"auth\"\r\n",
        ),
        (
            "MESSAGE",
            "Proxy-Authenticate: Digest realm=\"campus.test\", nonce=\"1\", qop=\"auth\"\r\n",
        ),
        ("INFO", "WWW-Authenticate: Digest realm=\"campus.test\", nonce=\"1\", qop=\"auth\"\r\n"),
    ] {
        let draft = Draft::new(method, &person("bob"), "alice", &person("bob"));
        let nonce = Nonce::from(&alice.ask(&draft.bytes()));
        let line = nonce.answer(method, &draft.uri, "alice", PASSWORD, 1);
        alice.send(&draft.anew().with(line).bytes());
        let status = if challenge.starts_with('W') { "401 Unauthorized" } else { "407 Proxy" };
        let came = bob.serve(method, status, challenge);
        assert!(!came.to_lowercase().contains("authorization"), "{came}");
        let answer = alice.next(PATIENCE).expect("an answer");
        assert!(answer.starts_with("SIP/2.0 4"), "{answer}");
        assert!(bob.until_ping().is_empty(), "we tried again");
    }
    site.assert_calm(1);
}

/// S44, T33, T70: what people write does not steer the administrator's terminal.
#[test]
fn control_characters_of_a_sender_reach_no_log() {
    let mut site = Site::new("[log]\nlevel = \"trace\"\n");
    let phone = Phone::new(site.server.udp);
    for draft in [
        Draft::ping().replacing("From: \"\u{1b}[31m\u{202e}\u{9b}2J\" <sip:x@campus.test>;tag=1"),
        Draft::ping().with("User-Agent: \u{1b}]0;owned\u{7}"),
        Draft::ping().replacing("Call-ID: \u{1b}[2J"),
        Draft::ping().with("\u{1b}[31m: x"),
    ] {
        phone.answers(&draft.bytes());
    }
    let contact = format!("Contact: <sip:alice@{}>", phone.address());
    let draft = crate::site::register("alice").with(contact).with("User-Agent: \u{1b}[31m");
    assert_eq!(site.ask(&phone, &draft, "alice").status, 200);
    site.assert_calm(1);
    let log = site.server.log();
    assert!(!log.contains(['\u{1b}', '\u{9b}', '\u{202e}', '\u{7}']), "{log:?}");
    let shown = site.server.run(&["user", "show", "alice"], None);
    assert!(!shown.out.contains('\u{1b}'), "{:?}", shown.out);
}

/// T22: who signs in as one person does not write as another.
#[test]
fn nobody_writes_as_somebody_else() {
    by_every_transport("", |site, phone| {
        for from in [
            "<sip:bob@campus.test>",
            "<sip:BOB@campus.test>",
            "<sip:alice@other.example>",
            "<sip:b%6fb@campus.test>",
            "<sip:\u{430}lice@campus.test>",
            "<sip:campus.test>",
            "<sip:@campus.test>",
            "\"Alice\" <sip:alice%00bob@campus.test>",
            "<tel:+15550100>",
        ] {
            for method in ["MESSAGE", "INVITE", "SUBSCRIBE", "PUBLISH", "REFER"] {
                let draft = Draft::new(method, &person("bob"), "alice", &person("bob"));
                let draft = draft.replacing(format!("From: {from};tag=1"));
                let status = site.ask(phone, &draft, "alice").status;
                assert!(matches!(status, 400 | 403), "{method} as {from}: {status}");
            }
        }
        site.assert_calm(0);
    });
}
