//! TLS over real loopback sockets.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use rustls::pki_types::ServerName;
use rustls::{
    ClientConfig, ClientConnection, HandshakeKind, ServerConfig, ServerConnection, StreamOwned,
};

use super::streams::{client, closed, expect, message, reset, to};
use super::*;
use crate::channel::testing::Authority;

fn certified(authority: &Authority, limits: Limits) -> Server {
    let tls = Tls::new(authority.server(&["campus.example"]), Arc::clone(&authority.roots));
    serve_with(&["tls://127.0.0.1:0"], 1, limits, Some(tls.unwrap()))
}

fn connect(authority: &Authority, server: &Server) -> StreamOwned<ClientConnection, TcpStream> {
    secure(authority.client(rustls::DEFAULT_VERSIONS), client(server, 0))
}

fn secure<S: Read + Write>(
    config: Arc<ClientConfig>,
    stream: S,
) -> StreamOwned<ClientConnection, S> {
    let name = ServerName::try_from("campus.example").unwrap();
    StreamOwned::new(ClientConnection::new(config, name).unwrap(), stream)
}

/// A socket that passes on so many bytes in a call, and so many in all.
struct Narrow {
    stream: TcpStream,
    at_once: usize,
    left: usize,
}

impl Read for Narrow {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.stream.read(buffer)
    }
}

impl Write for Narrow {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let count = bytes.len().min(self.at_once).min(self.left);
        self.left -= count;
        if count == 0 {
            Err(std::io::ErrorKind::Other.into())
        } else {
            self.stream.write(&bytes[..count])
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.stream.flush()
    }
}

fn tls_to(remote: SocketAddr) -> Flow {
    Flow { transport: Transport::Tls, ..to(remote) }
}

/// RFC 3261 s26.2.1, RFC 8446: both versions that are still good.
#[test]
fn messages_pass_over_both_versions_of_tls() {
    let authority = Authority::new();
    let server = certified(&authority, Limits::default());
    for version in rustls::ALL_VERSIONS {
        let mut stream = secure(authority.client(&[version]), client(&server, 0));
        let bytes = message("a body with\r\n\r\nempty lines");
        for split in [1, 20, bytes.len() - 1] {
            stream.write_all(&bytes[..split]).unwrap();
            stream.write_all(&bytes[split..]).unwrap();
            expect(&mut stream, &bytes);
        }
        let Event::Received(flow, received) = server.event() else { panic!("no message") };
        assert_eq!((flow.transport, received), (Transport::Tls, bytes));
        while !matches!(server.event(), Event::Received(..)) {}
    }
}

/// T11: the hello, and all after it, one byte at a time.
#[test]
fn a_handshake_may_come_byte_by_byte() {
    let authority = Authority::new();
    let server = certified(&authority, Limits::default());
    let stream = Narrow { stream: client(&server, 0), at_once: 1, left: usize::MAX };
    let mut stream = secure(authority.client(rustls::DEFAULT_VERSIONS), stream);
    stream.write_all(&message("slowly")).unwrap();
    expect(&mut stream, &message("slowly"));
}

#[test]
fn pipelined_messages_over_tls_are_answered_in_order() {
    let authority = Authority::new();
    let server = certified(&authority, Limits::default());
    let mut stream = connect(&authority, &server);
    for round in 0..20 {
        let all: Vec<u8> =
            (0..50).flat_map(|i| message(&format!("{round} {i} {}", "x".repeat(1_000)))).collect();
        stream.write_all(&all).unwrap();
        expect(&mut stream, &all);
    }
    assert_eq!(server.egress.counters().queued_bytes, 0);
}

/// T11: TLS 1.1 is answered by a fatal alert (RFC 5246 s7.2.2) and the end.
#[test]
fn an_old_version_of_tls_is_refused() {
    let authority = Authority::new();
    let server = certified(&authority, Limits::default());
    let mut stream = client(&server, 0);
    let mut hello = vec![3, 2];
    hello.extend_from_slice(&[7; 32]); // random
    hello.extend_from_slice(&[0, 0, 4, 0xc0, 0x13, 0x00, 0x2f, 1, 0]);
    let mut record = vec![22, 3, 1, 0, hello.len() as u8 + 4, 1, 0, 0, hello.len() as u8];
    record.extend_from_slice(&hello);
    stream.write_all(&record).unwrap();
    let answer = closed(&mut stream);
    assert_eq!((answer.len(), answer[0], answer[5]), (7, 21, 2), "{answer:?}");
    assert_eq!(server.egress.counters().tls_failures, 1);
}

/// T13, S55: at most an alert comes back.
#[test]
fn clear_sip_on_the_tls_port_is_closed_without_an_answer() {
    let authority = Authority::new();
    let server = certified(&authority, Limits::default());
    for bytes in [&message("clear")[..], b"GET / HTTP/1.1\r\n\r\n", b"\r\n\r\n\r\n\r\n"] {
        let mut stream = client(&server, 0);
        stream.write_all(bytes).unwrap();
        let answer = closed(&mut stream);
        assert!(answer.len() <= 7, "{answer:?}");
        assert!(matches!(server.event(), Event::Closed(_)));
    }
}

/// T-tls
#[test]
fn a_handshake_that_takes_too_long_ends_the_connection() {
    let authority = Authority::new();
    let limits = Limits { tls_handshake: Duration::from_millis(50), ..Limits::default() };
    let server = certified(&authority, limits);
    let stream = Narrow { stream: client(&server, 0), at_once: usize::MAX, left: 40 };
    let mut stream = secure(authority.client(rustls::DEFAULT_VERSIONS), stream);
    assert!(stream.write_all(&message("never")).is_err());
    closed(&mut stream.sock.stream);
    assert_eq!(server.egress.counters().timed_out, 1);
}

/// RFC 8446 s6.1: what was asked before close_notify is answered, and ours follows.
#[test]
fn a_peer_that_closes_its_side_gets_its_answers() {
    let authority = Authority::new();
    let server = certified(&authority, Limits::default());
    let mut stream = connect(&authority, &server);
    stream.write_all(&message("hello")).unwrap();
    expect(&mut stream, &message("hello"));
    stream.write_all(&message("last")).unwrap();
    stream.conn.send_close_notify();
    stream.flush().unwrap();
    let mut rest = Vec::new();
    // Without close_notify this would be an error: the end may have been forged.
    stream.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, message("last"));
}

#[test]
fn a_connection_that_we_close_ends_with_close_notify() {
    let authority = Authority::new();
    let server = certified(&authority, Limits::default());
    let mut stream = connect(&authority, &server);
    stream.write_all(&[message("close"), message("more")].concat()).unwrap();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, message("close"));
}

/// RFC 8446 s2.2: a client that was here before saves us the signature.
#[test]
fn a_session_is_resumed() {
    let authority = Authority::new();
    let server = certified(&authority, Limits::default());
    let config = authority.client(rustls::DEFAULT_VERSIONS);
    for kind in [HandshakeKind::Full, HandshakeKind::Resumed] {
        let mut stream = secure(Arc::clone(&config), client(&server, 0));
        stream.write_all(&message("hello")).unwrap();
        expect(&mut stream, &message("hello"));
        assert_eq!(stream.conn.handshake_kind(), Some(kind));
    }
}

/// T14
#[test]
fn resets_at_any_offset_of_tls_leave_the_counters_where_they_were() {
    let authority = Authority::new();
    let server = certified(&authority, Limits::default());
    let config = authority.client(rustls::DEFAULT_VERSIONS);
    let mut closed = 0;
    for left in (0..900).step_by(9) {
        let stream = Narrow { stream: client(&server, 0), at_once: usize::MAX, left };
        let mut stream = secure(Arc::clone(&config), stream);
        let _ = stream.write_all(&message(&"x".repeat(400)));
        reset(stream.sock.stream);
    }
    let mut last = connect(&authority, &server);
    last.write_all(&message("last")).unwrap();
    expect(&mut last, &message("last"));
    drop(last);
    let accepted = server.egress.counters().accepted;
    while closed < accepted {
        if let Event::Closed(_) = server.event() {
            closed += 1;
        }
    }
    let counters = server.egress.counters();
    assert_eq!((counters.connections, counters.connections_unauthenticated), (0, 0));
    assert_eq!(counters.queued_bytes, 0);
}

/// T-idle and N-conn are the same as without TLS, and a handshake authenticates nobody.
#[test]
fn a_handshake_makes_nobody_less_of_a_stranger() {
    let authority = Authority::new();
    let limits = Limits {
        idle_unauthenticated: Duration::from_secs(2),
        connections_per_source: 1,
        ..Limits::default()
    };
    let server = certified(&authority, limits);
    let mut first = connect(&authority, &server);
    first.write_all(b"\r\n\r\n").unwrap();
    expect(&mut first, b"\r\n");
    assert_eq!(server.egress.counters().connections_unauthenticated, 1);
    assert_eq!(closed(&mut client(&server, 0)), b"");
    assert_eq!(server.egress.counters().refused, 1);
    let mut rest = Vec::new();
    first.read_to_end(&mut rest).unwrap();
    assert_eq!((rest.len(), server.egress.counters().timed_out), (0, 1));
}

#[test]
fn an_accepted_tls_connection_is_reached_from_any_thread_and_only_by_its_far_end() {
    let authority = Authority::new();
    let server = certified(&authority, Limits::default());
    let mut stream = connect(&authority, &server);
    stream.write_all(&message("hello")).unwrap();
    expect(&mut stream, &message("hello"));
    let far_end = tls_to(stream.sock.local_addr().unwrap());
    let mut outbox = server.egress.outbox();
    outbox.send(far_end, message("to you").into(), None);
    outbox.flush();
    expect(&mut stream, &message("to you"));
    assert_eq!(server.egress.counters().dialled, 0);
}

/// A peer that asks to be closed as soon as it hears anything.
fn peer(config: Arc<ServerConfig>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = StreamOwned::new(connection, stream);
            std::thread::spawn(move || {
                if stream.read(&mut [0; 4_096]).is_ok_and(|count| count > 0) {
                    let _ = stream.write_all(&message("close"));
                }
                let _ = stream.read_to_end(&mut Vec::new());
            });
        }
    });
    at
}

/// What becomes of a packet to that domain.
fn ask(server: &Server, flow: Flow, domain: Option<&str>) -> Result<(), Failure> {
    let mut outbox = server.egress.outbox();
    let packet = message("are you there?");
    match domain {
        Some(domain) => outbox.send_to_domain(flow, &domain.into(), packet.into(), Some(9)),
        None => outbox.send(flow, packet.into(), Some(9)),
    }
    outbox.flush();
    let (mut outcome, mut closed) = (None, false);
    while outcome.is_none() || !closed {
        match server.event() {
            Event::Received(..) => outcome = Some(Ok(())),
            Event::Closed(_) => closed = true,
            Event::Failed(failure) => {
                assert_eq!((failure.flow, failure.token), (flow, 9));
                outcome = Some(Err(failure.failure));
            }
            Event::Ticked => {}
        }
    }
    outcome.unwrap()
}

/// RFC 5922 s7.3: the domain that was asked for, not what its address is called.
#[test]
fn a_dialled_peer_must_prove_the_domain_that_was_asked_for() {
    let authority = Authority::new();
    let server = certified(&authority, Limits::default());
    let flow = tls_to(peer(authority.server(&["sip:pbx.example", "host.example", "127.0.0.1"])));
    assert_eq!(ask(&server, flow, Some("pbx.example")), Ok(()));
    assert_eq!(ask(&server, flow, Some("PBX.example")), Ok(()));
    for domain in ["host.example", "sip.pbx.example", "127.0.0.2"] {
        assert_eq!(ask(&server, flow, Some(domain)), Err(Failure::PeerNotVerified), "{domain}");
    }
    // Without a domain the address itself.
    assert_eq!(ask(&server, flow, None), Ok(()));
    assert_eq!(server.egress.counters().connections, 0);
}

/// RFC 5923 s9.3: what was verified for one domain is not reused for another.
#[test]
fn a_connection_to_one_domain_is_not_reused_for_another_at_the_same_address() {
    let authority = Authority::new();
    let server = certified(&authority, Limits::default());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let flow = tls_to(listener.local_addr().unwrap());
    let mut outbox = server.egress.outbox();
    for domain in ["pbx.example", "pbx.example", "other.example"] {
        outbox.send_to_domain(flow, &domain.into(), message(domain).into(), None);
    }
    outbox.flush();
    assert_eq!(server.egress.counters().dialled, 2);
}

/// RFC 5922 s7.1, RFC 3261 s18.4
#[test]
fn a_peer_of_an_unknown_authority_is_not_spoken_to() {
    let authority = Authority::new();
    let server = certified(&authority, Limits::default());
    let flow = tls_to(peer(Authority::new().server(&["127.0.0.1"])));
    assert_eq!(ask(&server, flow, None), Err(Failure::PeerNotVerified));
    assert_eq!(server.egress.counters().connections, 0);
}

#[test]
fn a_peer_that_speaks_no_tls_fails_what_waited_for_it() {
    let authority = Authority::new();
    let server = certified(&authority, Limits::default());
    let deaf = TcpListener::bind("127.0.0.1:0").unwrap();
    let flow = tls_to(deaf.local_addr().unwrap());
    let mut outbox = server.egress.outbox();
    outbox.send(flow, message("a").into(), Some(1));
    outbox.send(flow, message("b").into(), Some(2));
    outbox.flush();
    let (mut stream, _) = deaf.accept().unwrap();
    stream.write_all(b"SIP/2.0 400 What\r\n\r\n").unwrap();
    assert!(matches!(server.event(), Event::Closed(_)));
    for token in [1, 2] {
        let failure = SendFailure { flow, token, failure: Failure::ConnectFailed };
        assert_eq!(server.event(), Event::Failed(failure));
    }
    assert_eq!(server.egress.counters().queued_bytes, 0);
}

/// Nothing prints an address that does not answer.
#[test]
fn without_certificates_there_is_no_tls_listener() {
    let server = serve(&["tcp://127.0.0.1:0", "tls://127.0.0.1:0"], 1, Limits::default());
    assert_eq!(server.egress.addresses().len(), 1);
    let mut outbox = server.egress.outbox();
    let flow = tls_to(server.address(0));
    outbox.send(flow, message("a").into(), Some(1));
    outbox.flush();
    let failure = SendFailure { flow, token: 1, failure: Failure::NoRoute };
    assert_eq!(server.event(), Event::Failed(failure));
}
