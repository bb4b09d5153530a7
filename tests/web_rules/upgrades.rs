//! `/sip`: who may open a WebSocket, and that SIP goes through it.

use std::io::{Read as _, Write as _};
use std::time::Duration;

use crate::http::{Site, ask, is_closed, read};
use crate::support::server::DOMAIN;

/// A handshake as RFC 6455 s1.2 has it.
struct Handshake(Vec<(&'static str, String)>);

impl Handshake {
    fn new() -> Handshake {
        Handshake(
            [
                ("Host", "localhost"),
                ("Upgrade", "websocket"),
                ("Connection", "keep-alive, Upgrade"),
                ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
                ("Sec-WebSocket-Version", "13"),
                ("Sec-WebSocket-Protocol", "sip"),
            ]
            .map(|(name, value)| (name, value.to_owned()))
            .to_vec(),
        )
    }

    fn with(mut self, name: &'static str, value: impl Into<String>) -> Handshake {
        self.0.retain(|(other, _)| *other != name);
        self.0.push((name, value.into()));
        self
    }

    fn twice(mut self, name: &'static str, value: &str) -> Handshake {
        self.0.push((name, value.to_owned()));
        self
    }

    fn without(mut self, name: &'static str) -> Handshake {
        self.0.retain(|(other, _)| *other != name);
        self
    }

    fn text(&self) -> String {
        let lines: String =
            self.0.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        format!("GET /sip HTTP/1.1\r\n{lines}\r\n")
    }
}

/// A good handshake.
pub(crate) fn opening() -> String {
    Handshake::new().text()
}

// RFC 6455 s4.2, RFC 7118 s4.1.
#[test]
fn a_good_handshake_is_answered_as_the_rfc_says() {
    let site = Site::new("");
    let answer = ask(&mut site.connect(), &Handshake::new().text());
    assert_eq!(answer.status, 101);
    assert_eq!(answer.header("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    assert_eq!(answer.header("sec-websocket-protocol"), Some("sip"));
    assert!(answer.header("upgrade").is_some_and(|to| to.eq_ignore_ascii_case("websocket")));
    assert!(answer.header("connection").is_some_and(|to| to.eq_ignore_ascii_case("upgrade")));
    assert_eq!(answer.header("sec-websocket-extensions"), None);
}

// RFC 6455 s4.2.1, s4.2.2, s4.4 and s10.2; RFC 7118 s4.1.
#[test]
fn handshakes_are_refused_by_the_table() {
    let site = Site::with("allowed_origins = [\"https://chat.test\"]", "");
    let own = format!("http://localhost:{}", site.plain.port());
    let new = Handshake::new;
    let here = || new().with("Host", format!("localhost:{}", site.plain.port()));
    for (what, handshake, status) in [
        ("no origin", new(), 101),
        ("our page", here().with("Origin", &own), 101),
        ("our page by its public port", new().with("Origin", format!("https://{DOMAIN}")), 101),
        ("an allowed page", new().with("Origin", "https://chat.test"), 101),
        ("several subprotocols", new().with("Sec-WebSocket-Protocol", "msrp, sip"), 101),
        ("subprotocols on two lines", new().twice("Sec-WebSocket-Protocol", "xmpp"), 101),
        ("another page", new().with("Origin", "https://evil.test"), 403),
        ("another port of ours", here().with("Origin", "http://localhost:1"), 403),
        ("a page in the clear", new().with("Origin", "http://chat.test"), 403),
        ("a page of nobody", new().with("Origin", "null"), 403),
        ("two origins", new().with("Origin", &own).twice("Origin", "https://evil.test"), 403),
        ("a long name", new().with("Origin", "https://chat.test.evil.test"), 403),
        ("no subprotocol", new().without("Sec-WebSocket-Protocol"), 400),
        ("another subprotocol", new().with("Sec-WebSocket-Protocol", "xmpp"), 400),
        ("the subprotocol in capitals", new().with("Sec-WebSocket-Protocol", "SIP"), 400),
        ("no key", new().without("Sec-WebSocket-Key"), 400),
        ("half a key", new().with("Sec-WebSocket-Key", "dGhlIHNh"), 400),
        ("two keys", new().twice("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="), 400),
        ("another host", new().with("Host", "evil.test"), 421),
        ("no host", new().without("Host"), 400),
        ("another version", new().with("Sec-WebSocket-Version", "8"), 426),
        ("no version", new().without("Sec-WebSocket-Version"), 426),
        ("no upgrade", new().without("Upgrade"), 426),
        ("no connection", new().with("Connection", "keep-alive"), 426),
    ] {
        let answer = ask(&mut site.connect(), &handshake.text());
        assert_eq!(answer.status, status, "{what}");
        if status == 426 {
            assert_eq!(answer.header("sec-websocket-version"), Some("13"), "{what}");
        }
        if status != 101 {
            assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{what}");
        }
    }
    let post = new().text().replacen("GET", "POST", 1);
    assert_eq!(ask(&mut site.connect(), &post).status, 405);
}

#[test]
fn a_cookie_changes_nothing() {
    let site = Site::new("");
    let evil = Handshake::new().with("Origin", "https://evil.test").with("Cookie", "session=1");
    assert_eq!(ask(&mut site.connect(), &evil.text()).status, 403);
}

#[test]
fn a_handshake_that_takes_too_long_is_refused() {
    let site = Site::new("[limits]\nwebsocket_upgrade = \"1s\"\n");
    let mut slow = site.connect();
    let text = Handshake::new().text();
    let (first, rest) = text.split_at(20);
    slow.write_all(first.as_bytes()).expect("a peer");
    slow.set_read_timeout(Some(Duration::from_millis(1_500))).expect("a timeout");
    assert!(slow.read(&mut [0]).is_err(), "nothing is said for a second and a half");
    slow.write_all(rest.as_bytes()).expect("a peer");
    slow.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
    assert_eq!(read(&mut slow, false).map(|answer| answer.status), Some(408));
    assert!(is_closed(&mut slow));
}

/// A text frame of a client, masked with zeros (RFC 6455 s5.2).
fn frame(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).expect("short");
    let mut frame = vec![0x81, 0x80 | 126];
    frame.extend_from_slice(&length.to_be_bytes());
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(text.as_bytes());
    frame
}

// What came with the handshake in one packet is not lost between HTTP and SIP.
#[test]
fn a_message_in_the_packet_of_the_handshake_is_answered_in_the_clear_and_over_tls() {
    let site = Site::new("");
    for secure in [false, true] {
        let via = if secure { "WSS" } else { "WS" };
        let options = format!(
            "OPTIONS sip:{DOMAIN} SIP/2.0\r\nVia: SIP/2.0/{via} a.invalid;branch=z9hG4bK{via}\r\n\
             From: <sip:x@{DOMAIN}>;tag=1\r\nTo: <sip:{DOMAIN}>\r\nCall-ID: {via}\r\n\
             CSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
        );
        let mut packet = Handshake::new().text().into_bytes();
        packet.extend_from_slice(&frame(&options));
        let mut plain;
        let mut over_tls;
        let stream: &mut dyn Both = if secure {
            over_tls = site.connect_secure(DOMAIN, site.authority());
            &mut over_tls
        } else {
            plain = site.connect();
            &mut plain
        };
        stream.write_all(&packet).expect("a peer");
        let mut stream = stream;
        assert_eq!(read(&mut stream, false).map(|answer| answer.status), Some(101), "{via}");
        let mut head = [0; 4];
        stream.read_exact(&mut head).expect("a frame");
        assert_eq!(head[0] & 0x80, 0x80, "a whole message");
        let mut start = [0; 11];
        stream.read_exact(&mut start).expect("an answer");
        assert_eq!(&start, b"SIP/2.0 200", "{via}");
    }
    assert_eq!(site.count("web_sockets"), 2);
}

trait Both: std::io::Read + std::io::Write {}
impl<T: std::io::Read + std::io::Write> Both for T {}

#[test]
fn our_own_client_signs_in_by_ws_wss_and_tls_and_writes() {
    let site = Site::new("");
    for user in ["alice", "bob"] {
        site.server.add_user(user, "a password");
    }
    for transport in ["ws", "wss", "tls"] {
        let arguments = ["--user", "alice", "--password-file", "-", "--transport", transport];
        let register = [&["client", "register", "--once"][..], &arguments].concat();
        let printed = site.server.run(&register, Some("a password\n"));
        assert_eq!(printed.code, 0, "{transport}: {}{}", printed.out, printed.err);
        let message = [&["client", "message", "bob", "olá"][..], &arguments].concat();
        let printed = site.server.run(&message, Some("a password\n"));
        assert_eq!(printed.code, 0, "{transport}: {}{}", printed.out, printed.err);
    }
    let status = site.server.run(&["status", "--json"], None).json();
    assert_eq!(status["held_messages"], 3, "{status}");
}
