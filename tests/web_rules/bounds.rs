//! Limits of time, size and number.

use std::io::{Read as _, Write as _};
use std::time::Duration;

use tagus::clock::{Clock, Tick};

use crate::http::{Site, ask, connect, is_closed, read};

/// Short enough for a test, long enough to see that it is not at once.
const QUICK: &str = "[limits]\nfirst_byte_to_message = \"1s\"\ntls_handshake = \"1s\"\n";

fn closes_after_a_second(clock: &Clock, started: Tick) {
    let elapsed = clock.now().since(started);
    assert!(elapsed >= Duration::from_millis(700), "at once: {elapsed:?}");
    assert!(elapsed < Duration::from_secs(8), "late: {elapsed:?}");
}

#[test]
fn a_request_that_is_never_finished_is_closed() {
    let (site, clock) = (Site::new(QUICK), Clock::system());
    for part in ["", "GET / HTTP/1.1\r\nHost: loc", "GET / HTTP/1.1\r\nHost: localhost\r\n"] {
        let started = clock.now();
        let mut slow = site.connect();
        slow.write_all(part.as_bytes()).expect("a peer");
        assert!(is_closed(&mut slow), "{part:?}");
        closes_after_a_second(&clock, started);
    }
    assert_eq!(site.count("web_connections_timed_out"), 3);
    assert_eq!(site.get("/healthz").status, 200);
}

#[test]
fn a_handshake_that_is_never_finished_is_closed() {
    let (site, clock) = (Site::new(QUICK), Clock::system());
    for part in [&b""[..], &b"\x16\x03\x01\x02\x00\x01"[..]] {
        let started = clock.now();
        let mut slow = connect(site.secure);
        slow.write_all(part).expect("a peer");
        assert!(is_closed(&mut slow));
        closes_after_a_second(&clock, started);
    }
    assert_eq!(site.count("web_handshakes_failed"), 2);
}

#[test]
fn a_source_over_its_connections_is_refused_and_others_are_not_hurt() {
    let site = Site::new("[limits]\nconnections_per_source = 3\n");
    let mut held: Vec<_> = (0..3).map(|_| site.connect()).collect();
    for connection in &mut held {
        let answer = ask(connection, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
        assert_eq!(answer.status, 200);
    }
    assert!(is_closed(&mut site.connect()), "the fourth");
    assert_eq!(site.count("web_connections_refused"), 1);
    let other = std::net::SocketAddr::from(([127, 0, 0, 9], 0));
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None);
    let socket = socket.expect("a socket");
    socket.bind(&other.into()).expect("another loopback address");
    socket.connect(&site.plain.into()).expect("a connection");
    let mut other: std::net::TcpStream = socket.into();
    let answer = ask(&mut other, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!(answer.status, 200);
    // A place that is given up can be taken again.
    let mut last = held.pop().expect("one");
    last.shutdown(std::net::Shutdown::Write).expect("a connection");
    last.read_to_end(&mut Vec::new()).expect("its end");
    let freed = (0..200).any(|_| {
        let mut next = site.connect();
        let sent = next.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
        sent.is_ok() && read(&mut next, false).is_some_and(|answer| answer.status == 200)
    });
    assert!(freed);
}

/// A source has one bound for strangers' connections, whatever they speak; who becomes a WebSocket
/// keeps the place that he had, and gives it up when somebody signs in there, or at its end.
#[test]
fn connections_of_a_source_are_counted_once_for_the_web_and_sip() {
    let site = Site::new("[limits]\nconnections_per_source = 3\n");
    let mut web = site.connect();
    assert_eq!(ask(&mut web, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").status, 200);
    let mut socket = site.connect();
    let answer = ask(&mut socket, &crate::upgrades::opening());
    assert_eq!(answer.status, 101);
    let mut sip = connect(site.server.tcp);
    let options = "OPTIONS sip:localhost SIP/2.0\r\nVia: SIP/2.0/TCP a.invalid;branch=z9hG4bKa\r\n\
                   Max-Forwards: 70\r\nFrom: <sip:a@a.invalid>;tag=a\r\nTo: <sip:localhost>\r\n\
                   Call-ID: a\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n";
    sip.write_all(options.as_bytes()).expect("a peer");
    assert!(sip.read(&mut [0; 64]).expect("an answer") > 0);
    assert!(is_closed(&mut site.connect()), "the fourth, of the web");
    assert!(is_closed(&mut connect(site.server.tcp)), "the fourth, of SIP");
    assert_eq!(site.count("web_connections_refused"), 1);
    assert_eq!(site.count("connections_refused"), 1);
    // The WebSocket gives its place up once, at its end.
    socket.shutdown(std::net::Shutdown::Both).expect("a connection");
    let served = |_| {
        let mut next = connect(site.server.tcp);
        let sent = next.write_all(options.as_bytes());
        sent.is_ok() && next.read(&mut [0; 64]).is_ok_and(|count| count > 0)
    };
    assert!((0..200).any(served));
}

#[test]
fn what_is_too_large_is_refused() {
    let site = Site::new("");
    let long = "x".repeat(5_000);
    let huge = "x".repeat(20_000);
    let many = "A: b\r\n".repeat(300);
    for (request, status) in [
        (format!("GET /{long} HTTP/1.1\r\nHost: localhost\r\n\r\n"), 414),
        (format!("GET / HTTP/1.1\r\nHost: localhost\r\nA: {huge}\r\n\r\n"), 431),
        (format!("GET / HTTP/1.1\r\nHost: localhost\r\n{many}\r\n"), 431),
        ("GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\n".to_owned(), 413),
        (
            "GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"
                .to_owned(),
            400,
        ),
        ("GET / HTTP/1.1\r\nHost: localhost\r\nbad\x01name: x\r\n\r\n".to_owned(), 400),
        ("no http at all\r\n\r\n".to_owned(), 400),
    ] {
        let answer = ask(&mut site.connect(), &request);
        assert_eq!(answer.status, status, "{request:.60}");
    }
    assert_eq!(site.get("/healthz").status, 200);
    assert_eq!(site.count("panics"), 0);
}
