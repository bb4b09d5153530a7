//! What hostile people with an account, and broken phones, might send besides.

use crate::connection::Connection;
use crate::phone::Phone;
use crate::raw::{CLOSES, Draft, PATIENCE};
use crate::site::{Nonce, PASSWORD, Site, message, person, register};
use crate::support::server::DOMAIN;

/// RFC 3261 s25.1: a contact becomes a Request-URI and a header of answers; nothing may hide in
/// it that ends a line there.
#[test]
fn a_contact_cannot_put_lines_into_what_the_server_sends() {
    let site = Site::new("");
    let phone = Phone::new(site.server.udp);
    let at = phone.address();
    for contact in [
        format!("<sip:bob@{at};x=\r\n\tInjected:1>"),
        format!("<sip:bob@{at};x=\r\n Injected: 1>"),
        format!("<sip:bob@{at}\r\n >"),
        format!("<sip:b ob@{at}>"),
        format!("<sip:bob@{at};x=\"a b\">"),
        format!("<sip:bob@{at};x=\t>"),
        format!("<sip:bob@{at};x=\u{7f}>"),
        format!("<sip:bob@{at};x=\u{0}>"),
        format!("<sip:bob@{at}> SIP/2.0"),
        format!("<sip:bob@{at}?Route=%3Csip:127.0.0.1%3E>"),
        format!("<sip:bob@{at}>;+sip.instance=\"<urn:x>\r\n Injected: 1\""),
        format!("<sip:bob@{at}>;+sip.instance=\"<urn:x>\u{0}\""),
        format!("<sip:bob@{at}>;+sip.instance=\"<urn:x>\\\", <sip:eve@127.0.0.9>;x=\\\"\""),
        format!("\"a\\\" <sip:eve@127.0.0.9>\" <sip:bob@{at}>"),
        format!("<sip:bob@{at}>;q=9999999999999999999999"),
        format!("<sip:bob@{at}>;expires=-5;q=x;reg-id=-1"),
        format!("<sip:bob%0d%0aInjected:1@{at}>"),
    ] {
        let all_gone = register("bob").with("Contact: *").with("Expires: 0");
        assert_eq!(site.ask(&phone, &all_gone, "bob").status, 200);
        let answer = site.ask(&phone, &register("bob").with(format!("Contact: {contact}")), "bob");
        assert!(matches!(answer.status, 200 | 400), "{contact}: {}", answer.text);
        let shown = answer.text.to_lowercase();
        assert!(!shown.contains("\ninjected"), "{contact}: {}", answer.text);
        assert!(!shown.contains('\u{0}'), "{contact}: {}", answer.text);
        let lines = answer.text.lines().filter(|line| line.starts_with("Contact:")).count();
        assert_eq!(lines, usize::from(answer.status == 200), "{contact}: {}", answer.text);
        if answer.status == 200 {
            let alice = Phone::new(site.server.udp);
            let draft = message("alice", "bob", "hello");
            let nonce = Nonce::from(&alice.ask(&draft.bytes()));
            let line = nonce.answer("MESSAGE", &draft.uri, "alice", PASSWORD, 1);
            alice.send(&draft.anew().with(line).bytes());
            let came = phone.serve("MESSAGE", "200 OK", "");
            let (first, rest) = came.split_once("\r\n").expect("lines");
            assert_eq!(first.matches(' ').count(), 2, "{contact}: {first:?}");
            assert!(first.ends_with(" SIP/2.0"), "{contact}: {first:?}");
            assert!(!rest.starts_with([' ', '\t']), "{contact}: {came}");
            assert!(alice.next(PATIENCE).is_some());
        }
    }
    assert_eq!(site.count("panics"), 0);
}

/// T74: somebody with an account may not use up what all share.
#[test]
fn a_person_is_held_to_a_rate_with_every_method() {
    let site = Site::new("[limits]\nmessage_rate = 1\nmessage_burst = 20\n");
    let uri = format!("sip:{DOMAIN}");
    for (method, uri, to) in [
        ("REGISTER", &uri, person("alice")),
        ("MESSAGE", &person("nobody-here"), person("nobody-here")),
        ("INVITE", &person("nobody-here"), person("nobody-here")),
        ("SUBSCRIBE", &person("alice"), person("alice")),
    ] {
        let site = Site::new("[limits]\nmessage_rate = 1\nmessage_burst = 20\n");
        let phone = Phone::new(site.server.udp);
        let nonce = site.challenge(method, uri, "alice");
        let mut shed = 0;
        for count in 1..=60 {
            let line = nonce.answer(method, uri, "alice", PASSWORD, count);
            let answer = phone.ask(&Draft::new(method, uri, "alice", &to).with(line).bytes());
            if answer.status == 503 {
                assert!(answer.header("Retry-After").is_some(), "{}", answer.text);
                shed += 1;
            }
        }
        assert!((30..=40).contains(&shed), "{method}: {shed} of 60 were shed");
        // Another person is served as before.
        assert_eq!(site.ask(&phone, &register("bob"), "bob").status, 200);
        site.assert_calm(0);
    }
    site.assert_calm(0);
}

/// T74: names that no account can have take no room in the memory of failures.
#[test]
fn a_user_name_longer_than_any_account_is_refused_without_being_remembered() {
    let site = Site::new("");
    let phone = Phone::new(site.server.udp);
    let name = "n".repeat(3_000);
    let uri = format!("sip:{DOMAIN}");
    for _ in 0..12 {
        let nonce = site.challenge("REGISTER", &uri, "alice");
        let line = nonce.answer("REGISTER", &uri, &name, "wrong", 1);
        let answer = phone.ask(&register("alice").with(line).bytes());
        assert!(matches!(answer.status, 400 | 401), "{}", answer.text);
    }
    let bans = site.server.run(&["ban", "list", "--json"], None).json();
    assert_eq!(bans["bans"].as_array().map(Vec::len), Some(0), "{bans}");
    site.assert_calm(0);
}

/// A stranger who does not know the branch cannot end a call.
#[test]
fn a_cancel_of_a_guessed_branch_ends_nothing() {
    let site = Site::new("");
    let alice = Phone::new(site.server.udp);
    let bob = site.phone("bob");
    let draft = Draft::new("INVITE", &person("bob"), "alice", &person("bob"));
    let nonce = Nonce::from(&alice.ask(&draft.bytes()));
    let line = nonce.answer("INVITE", &draft.uri, "alice", PASSWORD, 1);
    alice.send(&draft.anew().with(line).bytes());
    bob.serve("INVITE", "180 Ringing", "");
    let eve = Phone::at("127.0.0.9", site.server.udp);
    let mut cancel = draft.anew();
    cancel.method = "CANCEL".to_owned();
    let cancel = cancel.replacing("CSeq: 1 CANCEL");
    assert_eq!(eve.ask(&cancel.bytes()).status, 481);
    for text in bob.until_ping() {
        assert!(!text.text.starts_with("CANCEL"), "{}", text.text);
    }
    assert_eq!(site.count("panics"), 0);
}

/// Broken phones: good requests with a few bytes changed, cut or doubled, by datagram and stream.
#[test]
fn mutated_requests_leave_the_server_calm() {
    let site = Site::new("[limits]\nsource_rate = 1000000\nsource_burst = 1000000\n");
    let seed = tagus::entropy::number();
    let mut state = seed | 1;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 16).unwrap_or(0) % below.max(1)
    };
    let server = format!("sip:{DOMAIN}");
    // A repetition over another transport would be answered where the first came from.
    let models = || {
        [
            Draft::ping().bytes(),
            message("alice", "bob", "hello").bytes(),
            site.register("alice", "sip:alice@127.0.0.1:9").bytes(),
            Draft::new("INVITE", &person("bob"), "alice", &person("bob")).body("v=0\r\n").bytes(),
            Draft::new("CANCEL", &person("bob"), "alice", &person("bob")).bytes(),
            Draft::new("ACK", &server, "alice", &server).with("Route: <sip:x;lr>").bytes(),
            format!(
                "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP {};branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n\
             To: <sip:c@d>;tag=2\r\nCall-ID: c\r\nCSeq: 1 MESSAGE\r\nContent-Length: 0\r\n\r\n",
                site.server.udp
            )
            .into_bytes(),
        ]
    };
    let (of_datagrams, of_streams) = (models(), models());
    let marks = b"\0\r\n\t \"<>;,:=@[]%\\(){}/?&*-+.\x7f\x80\xc3\xff09aAzZ";
    let phone = Phone::new(site.server.udp);
    for round in 0..3_000 {
        let models = if round % 10 == 0 { &of_streams } else { &of_datagrams };
        let mut bytes = models.get(random(models.len())).expect("a model").clone();
        for _ in 0..=random(4) {
            let at = random(bytes.len());
            let mark = marks.get(random(marks.len())).copied().unwrap_or(0);
            match random(5) {
                0 => bytes.insert(at, mark),
                1 if bytes.len() > 1 => {
                    bytes.remove(at);
                }
                2 => bytes.truncate(at.max(1)),
                3 => {
                    let piece =
                        bytes.get(at..(at + 40).min(bytes.len())).expect("a piece").to_vec();
                    bytes.splice(at..at, piece);
                }
                _ => {
                    if let Some(byte) = bytes.get_mut(at) {
                        *byte = mark;
                    }
                }
            }
        }
        if round % 10 == 0 {
            let mut connection = Connection::new(site.server.tcp);
            connection.write(&bytes);
            connection.stream.shutdown(std::net::Shutdown::Write).expect("FIN");
            assert_ne!(connection.read_to_end(CLOSES), crate::connection::End::Open, "seed {seed}");
        } else {
            let answers = phone.answers(&bytes);
            let finals = answers.iter().filter(|answer| answer.status >= 200).count();
            let sent = String::from_utf8_lossy(&bytes);
            assert!(finals <= 1, "seed {seed}:\n{sent}\n{answers:#?}");
        }
    }
    phone.until_ping();
    assert_eq!(site.count("panics"), 0, "seed {seed}");
}
