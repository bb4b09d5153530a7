//! Page mode over real sockets, with clients that say exactly what a test wants.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use crate::support::caller::{Caller, header};
use crate::support::server::Server;

fn campus() -> (Server, Caller, Caller) {
    let server = Server::start("");
    let [ana, rui] = ["ana", "rui"].map(|user| {
        server.add_user(user, "a password");
        Caller::new(server.udp, user, "a password")
    });
    (server, ana, rui)
}

/// RFC 3261 s18.1.1: what is larger than 1,300 bytes goes by a stream, whatever the contact asks
/// for; RFC 3261 s21.4.11: if it takes none, the sender hears that the message is too large.
#[test]
fn a_message_too_large_for_a_datagram_goes_by_tcp_or_fails_with_413() {
    let (_server, mut ana, mut rui) = campus();
    assert_eq!(rui.register(600).status, 200);
    let large = "x".repeat(2_000);
    let answer = ana.message("rui", &large);
    assert_eq!(answer.status, 413, "{}", answer.text);
    let listener = TcpListener::bind(rui.address()).expect("the same port by TCP");
    let reader = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let mut text = String::new();
        let mut buffer = [0; 4_096];
        while !text.ends_with('x') || text.matches('x').count() < 2_000 {
            let count = stream.read(&mut buffer).expect("bytes");
            text.push_str(&String::from_utf8_lossy(&buffer[..count]));
        }
        let mut answer = String::from("SIP/2.0 200 OK\r\nContent-Length: 0\r\n");
        for line in text.lines().skip(1).take_while(|line| !line.is_empty()) {
            if ["Via:", "From:", "To:", "Call-ID:", "CSeq:"].iter().any(|n| line.starts_with(n)) {
                answer.push_str(line);
                answer.push_str("\r\n");
            }
        }
        answer.push_str("\r\n");
        stream.write_all(answer.as_bytes()).expect("an answer");
        text
    });
    let answer = ana.message("rui", &large);
    assert_eq!(answer.status, 200, "{}", answer.text);
    let text = reader.join().expect("a message");
    assert!(header(&text, "Via").expect("a Via").starts_with("SIP/2.0/TCP "), "{text}");
}

/// RFC 3428 s8: a pager body beyond the server's bound is refused, not cut.
#[test]
fn a_body_beyond_sixteen_kilobytes_is_413() {
    let (_server, mut ana, _) = campus();
    let answer = ana.message("rui", &"x".repeat(16 * 1024 + 1));
    assert_eq!(answer.status, 413, "{}", answer.text);
}

/// RFC 3261 s21.4.4: a person of ours who is unknown is 404, and only for who may ask.
#[test]
fn a_message_to_nobody_is_404_for_who_has_signed_in_and_a_challenge_for_others() {
    let (server, mut ana, _) = campus();
    let answer = ana.message("nobody", "hello");
    assert_eq!(answer.status, 404, "{}", answer.text);
    let mut stranger = Caller::new(server.udp, "stranger", "any");
    for to in ["ana", "nobody"] {
        assert_eq!(stranger.message(to, "hello").status, 407);
    }
}

/// RFC 3261 s22, decisions of the house: nobody speaks for somebody else.
#[test]
fn a_message_in_somebody_elses_name_is_403() {
    let (_server, mut ana, mut rui) = campus();
    assert_eq!(rui.register(600).status, 200);
    ana.claim = Some("rui".to_owned());
    let answer = ana.message("rui", "I am you");
    assert_eq!(answer.status, 403, "{}", answer.text);
}

/// RFC 3428 s7: what comes while nobody is there is kept, and delivered in order before anything
/// newer.
#[test]
fn messages_for_somebody_away_arrive_once_in_order_before_newer_ones() {
    let (server, mut ana, mut rui) = campus();
    let bodies: Vec<String> = (0..20).map(|n| format!("message {n}")).collect();
    for body in &bodies {
        assert_eq!(ana.message("rui", body).status, 202);
    }
    let status = server.run(&["status", "--json"], None).json();
    assert_eq!(status["held_messages"], 20, "{status}");
    assert_eq!(rui.register(600).status, 200);
    for body in &bodies {
        assert_eq!(rui.expect_message(), *body);
    }
    let newer = std::thread::spawn(move || ana.message("rui", "newer").status);
    assert_eq!(rui.expect_message(), "newer");
    assert!(matches!(newer.join().expect("an answer"), 200 | 202));
}
