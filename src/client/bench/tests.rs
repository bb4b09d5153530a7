//! The generator against a small registrar of its own.

use std::collections::HashMap;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use rustls::{ServerConnection, StreamOwned};
use tokio_tungstenite::tungstenite::accept_hdr;
use tokio_tungstenite::tungstenite::handshake::server as http;

use super::login::Login;
use super::template::{Branch, Common, Face, Note, Request, Verb};
use super::*;
use crate::channel::ClientTls;
use crate::channel::testing::Authority;
use crate::clock::Clock;
use crate::http_digest::{Challenge, Credentials, ha1};
use crate::sip::build::Response;
use crate::sip::header::HeaderName;
use crate::sip::method::Method;
use crate::sip::wire::{Framing, Layout, Limits, Message, scan};

mod calls;
mod presence;

/// What the registrar does wrong, each so many messages; 0 is never.
#[derive(Clone, Copy, Default)]
struct Mischief {
    ignore_first: u64,
    lose: u64,
    double: u64,
    refuse: u64,
}

const NONCE: &str = "abc123";

struct Registrar {
    socket: UdpSocket,
    mischief: Mischief,
    contacts: HashMap<Vec<u8>, SocketAddr>,
    ignored: Vec<Vec<u8>>,
    messages: u64,
}

impl Registrar {
    fn start(mischief: Mischief) -> (SocketAddr, JoinHandle<Registrar>) {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let (contacts, ignored) = Default::default();
        let mut registrar = Registrar { socket, mischief, contacts, ignored, messages: 0 };
        let thread = std::thread::spawn(move || {
            let mut buffer = vec![0; 65536];
            loop {
                let (length, source) = registrar.socket.recv_from(&mut buffer).unwrap();
                if &buffer[..length] == b"stop" {
                    return registrar;
                }
                registrar.take(&buffer[..length], source);
            }
        });
        (address, thread)
    }

    fn take(&mut self, bytes: &[u8], source: SocketAddr) {
        let mut layout = Layout::default();
        scan(bytes, Framing::Datagram, &Limits::default(), &mut layout).unwrap();
        let request = Message::new(bytes, &layout);
        if !request.is_request() {
            assert_eq!(request.status(), 200);
            return;
        }
        request.check().unwrap();
        let is_message = request.method() == Method::Message;
        let (status, asks, answers) = if is_message {
            (407, HeaderName::ProxyAuthorization, "Proxy-Authenticate")
        } else {
            (401, HeaderName::Authorization, "WWW-Authenticate")
        };
        let Some(field) = request.header(asks) else {
            let mut md5 = Vec::new();
            let mut sha = Vec::new();
            Challenge::write("d", NONCE.as_bytes(), Algorithm::Sha256, false, &mut sha);
            Challenge::write("d", NONCE.as_bytes(), Algorithm::Md5, false, &mut md5);
            let response = Response::new(&request, status, None).to_tag("t");
            return self.send(response.header(answers, &sha).header(answers, &md5), source);
        };
        self.check(&request, field);
        let user = request.from().unwrap().parsed_uri().user().unwrap().to_vec();
        if !is_message {
            self.contacts.insert(user, source);
            return self.send(Response::new(&request, 200, None).to_tag("t"), source);
        }
        let every = |n: u64, count: u64| n > 0 && count.is_multiple_of(n);
        let branch = request.top_via().unwrap().branch().unwrap().to_vec();
        if !self.ignored.contains(&branch) {
            self.messages += 1;
            if every(self.mischief.ignore_first, self.messages) {
                self.ignored.push(branch);
                return;
            }
            if every(self.mischief.refuse, self.messages) {
                return self.send(Response::new(&request, 480, None).to_tag("t"), source);
            }
        }
        self.send(Response::new(&request, 200, None).to_tag("t"), source);
        let peer = request.to().unwrap().parsed_uri().user().unwrap();
        let to = self.contacts[peer];
        let head = memchr::memchr(b'\n', bytes).unwrap() + 1;
        let copies = if every(self.mischief.lose, self.messages) {
            0
        } else {
            1 + u64::from(every(self.mischief.double, self.messages))
        };
        for copy in 0..copies {
            let via =
                format!("Via: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKr{}-{copy}\r\n", self.messages);
            let forwarded = [&bytes[..head], via.as_bytes(), &bytes[head..]].concat();
            self.socket.send_to(&forwarded, to).unwrap();
        }
    }

    /// RFC 7616 s3.4.1.
    fn check(&self, request: &Message<'_>, field: &[u8]) {
        let credentials = Credentials::parse(field).unwrap();
        let user = request.from().unwrap().parsed_uri().user().unwrap().to_vec();
        assert_eq!(credentials.username().as_bytes(), user);
        assert_eq!(credentials.uri(), request.request_uri());
        assert_eq!(credentials.nonce(), NONCE.as_bytes());
        let password = [b"s-".as_slice(), &user].concat();
        let claim = credentials.claim(request.method().as_bytes()).unwrap();
        assert!(claim.proves(&ha1(claim.algorithm(), &user, b"d", &password)));
    }

    fn send(&self, response: Response<'_>, to: SocketAddr) {
        let mut out = Vec::new();
        response.received_from(to).write(&mut out);
        self.socket.send_to(&out, to).unwrap();
    }
}

fn stop(address: SocketAddr, thread: JoinHandle<Registrar>) -> Registrar {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.send_to(b"stop", address).unwrap();
    thread.join().unwrap()
}

fn options(kind: Kind, server: SocketAddr) -> Options {
    Options {
        kind,
        server,
        domain: "d".to_owned(),
        people: people::numbered("u{:03}", "s-u{:03}", 50).unwrap(),
        way: crate::sip::Transport::Udp.into(),
        load: Load::Rate(400.0),
        duration: Duration::from_millis(500),
        expires: 600,
        threads: 2,
        sockets: 3,
        connections: 4,
        reuse_nonce: true,
        algorithm: None,
        warm: false,
        window: 4,
        body_bytes: 0,
        hold: Duration::from_millis(20),
        watching: Watching::default(),
        pid: None,
        directory_pid: None,
    }
}

/// A registrar over TLS and WebSocket that believes everybody, and lets the conversation of each
/// connection end with it.
#[expect(clippy::result_large_err, reason = "the callback's type is tungstenite's")]
fn believer(authority: &Authority) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    let config = authority.server(&["sip:d"]);
    std::thread::spawn(move || {
        while let Ok((stream, from)) = listener.accept() {
            let tls = ServerConnection::new(Arc::clone(&config)).unwrap();
            std::thread::spawn(move || {
                let tls = StreamOwned::new(tls, stream);
                let agree = |request: &http::Request, mut response: http::Response| {
                    assert_eq!(request.uri().path(), "/sip");
                    let agreed = "sip".parse().unwrap();
                    response.headers_mut().insert("Sec-WebSocket-Protocol", agreed);
                    Ok(response)
                };
                let mut websocket = accept_hdr(tls, agree).unwrap();
                while let Ok(message) = websocket.read() {
                    let bytes = message.into_data();
                    let mut layout = Layout::default();
                    if scan(&bytes, Framing::Datagram, &Limits::default(), &mut layout).is_ok() {
                        let mut out = Vec::new();
                        let request = Message::new(&bytes, &layout);
                        assert_eq!(request.top_via().unwrap().transport(), b"WSS");
                        Response::new(&request, 200, None)
                            .to_tag("r")
                            .received_from(from)
                            .write(&mut out);
                        websocket.send(out.into()).unwrap();
                    }
                }
            });
        }
    });
    at
}

#[test]
fn registrations_go_over_tls_and_websocket() {
    let authority = Authority::new();
    let mut options = options(Kind::Register, believer(&authority));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let trust = ClientTls::new(provider, Arc::clone(&authority.roots)).unwrap();
    let transport = crate::sip::Transport::Wss;
    options.way = Way { transport, trust: Some(trust), name: Some("d".to_owned()) };
    let report = play(&options);
    assert_eq!((report.completed + report.unsent, report.failed), (200, report.unsent));
    // Another name is not believed to be this one.
    options.way.name = Some("e".to_owned());
    assert!(matches!(run(&options, &Clock::system(), &mut |_| {}), Err(BenchError::System(_))));
}

fn play(options: &Options) -> report::Report {
    run(options, &Clock::system(), &mut |_| {}).unwrap()
}

#[test]
fn registrations_are_challenged_once_a_person_when_the_nonce_is_reused() {
    let (address, thread) = Registrar::start(Mischief::default());
    let mut options = options(Kind::Register, address);
    let report = play(&options);
    // On a machine that stands still for long, everybody may be registering when one is due.
    assert_eq!((report.completed + report.unsent, report.failed), (200, report.unsent));
    // A request that leaves before the first challenge came is challenged as well.
    assert!((50..200).contains(&report.challenges), "{}", report.challenges);
    options.reuse_nonce = false;
    options.algorithm = Some(Algorithm::Md5);
    let report = play(&options);
    assert_eq!((report.completed + report.unsent, report.challenges), (200, report.completed));
    options.reuse_nonce = true;
    options.warm = true;
    let report = play(&options);
    assert_eq!((report.completed + report.unsent, report.challenges), (200, 0));
    assert_eq!(stop(address, thread).contacts.len(), 50);
}

#[test]
fn every_message_is_accounted_for() {
    let (address, thread) = Registrar::start(Mischief::default());
    let report = play(&options(Kind::Message, address));
    assert_eq!((report.requests, report.completed, report.delivered), (200, 200, 200));
    assert_eq!((report.lost, report.duplicated, report.foreign), (0, 0, 0));
    assert!(report.latency_us.p50 > 0 && report.delivery_us.max >= report.delivery_us.p50);
    assert!(report.packets_sent >= 400 && report.packets_received >= 400);
    stop(address, thread);
}

#[test]
fn what_a_server_loses_doubles_ignores_and_refuses_is_counted() {
    let mischief = Mischief { ignore_first: 50, lose: 40, double: 30, refuse: 70 };
    let (address, thread) = Registrar::start(mischief);
    let report = play(&options(Kind::Message, address));
    let registrar = stop(address, thread);
    // 50 before the measurement.
    // What was ignored is sent again after T1, without an end to the counting in between; on a
    // machine that stands still for long, so is what was not answered in time.
    assert!(registrar.messages >= 250 && report.retransmissions >= 4, "{report:?}");
    assert!(report.failures.get(&480).is_some_and(|count| *count >= 2), "{report:?}");
    assert_eq!(report.completed + report.failed, 200, "{report:?}");
    assert!(report.lost > 0 && report.duplicated > 0, "{report:?}");
    assert_eq!(report.delivered + report.lost, report.completed);
    assert!(!report.is_clean());
}

#[test]
fn people_who_cannot_register_stop_the_test() {
    let (address, thread) = Registrar::start(Mischief::default());
    let mut options = options(Kind::Message, address);
    options.people.truncate(1);
    assert!(matches!(run(&options, &Clock::system(), &mut |_| {}), Err(BenchError::Options(_))));
    stop(address, thread);
}

/// RFC 3261 s8.1.1, RFC 3428 s4.
#[test]
fn what_is_written_can_be_read() {
    let common = Common::new("campus.example", 7, 600);
    let face = Face::new("127.0.0.1:5555".parse().unwrap(), crate::sip::Transport::Tcp);
    let branch = Branch { thread: 1, slot: 99, generation: 3 };
    let note = Note { thread: 1, number: 65_537, sent: 5_000_000_000 };
    let mut body = Vec::new();
    common.write_note(note, 80, &mut body);
    let mut layout = Layout::default();
    for peer in [None, Some("bo")] {
        let body = if peer.is_some() { body.as_slice() } else { b"" };
        let verb = if peer.is_some() { Verb::Message } else { Verb::Register };
        let (user, dialog, call, cseq, login) = ("ana", None, (1, 2), 10, None);
        let etag: &[u8] = b"";
        let request = Request { verb, user, peer, dialog, branch, call, cseq, login, etag, body };
        let mut out = Vec::new();
        common.write(&face, request, &mut out);
        scan(&out, Framing::Stream, &Limits::default(), &mut layout).unwrap();
        let message = Message::new(&out, &layout);
        message.check().unwrap();
        let via = message.top_via().unwrap();
        assert_eq!(common.branch(via.branch().unwrap()), Some(branch));
        assert_eq!(common.call(message.call_id()), Some((1, 2)));
        assert_eq!(message.cseq().unwrap().number, 10);
        assert_eq!(message.from().unwrap().uri(), b"sip:ana@campus.example");
        if peer.is_some() {
            assert_eq!(message.request_uri(), b"sip:bo@campus.example");
            assert_eq!(common.note(message.body()), Some(note));
            assert_eq!(message.body().len(), 80);
            assert_eq!(Common::new("x", 8, 1).note(message.body()), None);
        } else {
            assert_eq!(message.request_uri(), b"sip:campus.example");
            assert_eq!(message.expires(), Some(600));
            let contact = message.header(HeaderName::Contact);
            assert_eq!(contact, Some(&b"<sip:ana@127.0.0.1:5555;transport=tcp>"[..]));
        }
    }
}

#[test]
fn a_login_counts_its_nonce_up() {
    let text = b"SIP/2.0 407 x\r\nProxy-Authenticate: Digest realm=\"a\\\"b\", nonce=\"n\", \
        algorithm=SHA-256, qop=\"auth\"\r\nProxy-Authenticate: Digest realm=\"r\", nonce=\"n\"\
        \r\n\r\n";
    let mut layout = Layout::default();
    // A fragment: the headers that a message must have are not there.
    let _ = scan(text, Framing::Datagram, &Limits::default(), &mut layout);
    let answer = Message::new(text, &layout);
    let what = login::For { user: "ana", method: "MESSAGE", uri: b"sip:d", cnonce: "c" };
    let mut login = Login::pick(&answer, None, "ana", "x").unwrap();
    for nc in ["nc=00000001", "nc=00000002"] {
        let mut out = Vec::new();
        login.write(&what, &mut out);
        let line = String::from_utf8(out).unwrap();
        assert!(line.starts_with("Proxy-Authorization: Digest username=\"ana\", realm=\"a\\\"b\""));
        assert!(line.contains(nc) && line.ends_with("\r\n"), "{line}");
    }
    let mut login = Login::pick(&answer, Some(Algorithm::Md5), "ana", "x").unwrap();
    let mut out = Vec::new();
    login.write(&what, &mut out);
    let line = String::from_utf8(out).unwrap();
    assert!(line.contains("algorithm=MD5") && !line.contains("nc="), "{line}");
}

#[test]
fn the_report_has_the_keys_that_scripts_read() {
    let (address, thread) = Registrar::start(Mischief::default());
    let mut options = options(Kind::Register, address);
    options.pid = Some(std::process::id());
    let report = serde_json::to_value(play(&options)).unwrap();
    stop(address, thread);
    for key in [
        "kind",
        "transport",
        "rate",
        "target_rate",
        "requests",
        "completed",
        "failed",
        "failures",
        "retransmissions",
        "lost",
        "duplicated",
        "challenges",
        "bytes_per_request",
        "packets_per_request",
        "generator_cpu_us_per_request",
    ] {
        assert!(!report[key].is_null(), "{key}");
    }
    for latency in ["latency_us", "delivery_us", "lag_us"] {
        for key in ["p50", "p90", "p99", "max"] {
            assert!(report[latency][key].is_u64(), "{latency}.{key}");
        }
    }
    assert!(report["server"]["rss_max_kib"].as_u64().unwrap() > 0);
    assert!(report["server"]["cpu_us_per_request"].is_f64());
}
