//! Streams over real loopback sockets.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};

use super::*;

pub(super) fn client(server: &Server, listener: usize) -> TcpStream {
    let stream = TcpStream::connect(server.address(listener)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream
}

pub(super) fn message(body: &str) -> Vec<u8> {
    format!("MESSAGE sip:a@b SIP/2.0\r\nCall-ID: 1\r\nContent-Length: {}\r\n\r\n{body}", body.len())
        .into_bytes()
}

pub(super) fn expect(stream: &mut impl Read, bytes: &[u8]) {
    let mut buffer = vec![0; bytes.len()];
    stream.read_exact(&mut buffer).unwrap();
    assert_eq!(buffer, bytes);
}

/// Reads to the end; what was received before it.
pub(super) fn closed(stream: &mut impl Read) -> Vec<u8> {
    let mut received = Vec::new();
    match stream.read_to_end(&mut received) {
        Ok(_) => received,
        Err(error) if error.kind() == ErrorKind::ConnectionReset => received,
        Err(error) => panic!("not closed: {error}"),
    }
}

pub(super) fn reset(stream: TcpStream) {
    socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
    drop(stream);
}

fn tcp(limits: Limits) -> Server {
    serve(&["tcp://127.0.0.1:0"], 1, limits)
}

pub(super) fn to(remote: SocketAddr) -> Flow {
    Flow {
        transport: Transport::Tcp,
        local: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
        remote,
        connection: ConnectionId::NONE,
    }
}

/// RFC 3261 s18.2.1: TCP wherever there is UDP.
#[test]
fn port_zero_gives_udp_and_tcp_the_same_port() {
    // Another program may have the TCP port; not twenty times in a row.
    let server = (0..20)
        .map(|_| serve(&["udp://127.0.0.1:0", "tcp://127.0.0.1:0"], 2, Limits::default()))
        .find(|server| server.address(0).port() == server.address(1).port())
        .unwrap();
    let mut stream = client(&server, 1);
    stream.write_all(&message("hi")).unwrap();
    expect(&mut stream, &message("hi"));
}

/// RFC 3261 s18.3
#[test]
fn a_stream_may_be_split_at_any_byte() {
    let server = tcp(Limits::default());
    let mut stream = client(&server, 0);
    let bytes = message("a body with\r\n\r\nempty lines");
    for split in 0..=bytes.len() {
        stream.write_all(&bytes[..split]).unwrap();
        stream.write_all(&bytes[split..]).unwrap();
        expect(&mut stream, &bytes);
    }
    for byte in &bytes {
        stream.write_all(&[*byte]).unwrap();
    }
    expect(&mut stream, &bytes);
    let flow = Flow {
        transport: Transport::Tcp,
        local: server.address(0),
        remote: stream.local_addr().unwrap(),
        connection: ConnectionId(1),
    };
    assert_eq!(server.event(), Event::Received(flow, bytes));
}

#[test]
fn pipelined_messages_are_answered_in_order() {
    let server = tcp(Limits::default());
    let mut stream = client(&server, 0);
    let all: Vec<u8> = (0..500).flat_map(|i| message(&format!("number {i}"))).collect();
    let mut reader = stream.try_clone().unwrap();
    let expected = all.clone();
    let read = std::thread::spawn(move || expect(&mut reader, &expected));
    stream.write_all(&all).unwrap();
    read.join().unwrap();
}

/// RFC 5626 s4.4.1
#[test]
fn a_keep_alive_is_answered_and_delays_no_message() {
    let server = tcp(Limits::default());
    let mut stream = client(&server, 0);
    stream.write_all(b"\r\n\r\n").unwrap();
    expect(&mut stream, b"\r\n");
    let mut bytes = b"\r\n\r\n".to_vec();
    bytes.extend_from_slice(&message("after"));
    stream.write_all(&bytes).unwrap();
    expect(&mut stream, b"\r\n");
    expect(&mut stream, &message("after"));
}

/// T13, S55-S57
#[test]
fn what_is_not_sip_is_closed_at_once_without_an_answer() {
    let server = tcp(Limits::default());
    for bytes in [&b"GET / HTTP/1.1\r\n"[..], b"\x16\x03\x01\x02\x00", b"SSH-2.0-OpenSSH\r\n"] {
        let mut stream = client(&server, 0);
        stream.write_all(bytes).unwrap();
        assert_eq!(closed(&mut stream), b"");
    }
}

/// T01
#[test]
fn nothing_after_a_bad_length_is_taken_for_a_request() {
    let server = tcp(Limits::default());
    for length in ["4294967301", "99999999999999999999", "-1", "x", "5, 6"] {
        let mut stream = client(&server, 0);
        let head = format!(
            "MESSAGE sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP c;branch=z9hG4bK1\r\nFrom: <sip:d@b>;tag=1\r\n\
             To: <sip:a@b>\r\nCall-ID: 1\r\nCSeq: 1 MESSAGE\r\nMax-Forwards: 70\r\n\
             Content-Length: {length}\r\n\r\n"
        );
        stream.write_all(&[head.as_bytes(), &message("smuggled")].concat()).unwrap();
        closed(&mut stream);
        // The engine gets what there is, to answer the head. Scanning finds the defect again.
        let Event::Received(_, bytes) = server.event() else { panic!("no message") };
        assert!(bytes.starts_with(head.as_bytes()), "{length}");
        let limits = wire::Limits::default();
        let mut layout = wire::Layout::default();
        let defect = wire::scan(&bytes, wire::Framing::Stream, &limits, &mut layout).unwrap_err();
        assert!(defect.closes_stream() && defect.answerable(), "{length}");
        assert!(matches!(server.event(), Event::Closed(_)), "{length}");
    }
}

#[test]
fn a_closed_connection_flushes_its_answer_and_handles_nothing_more() {
    let server = tcp(Limits::default());
    let mut stream = client(&server, 0);
    stream.write_all(&[message("close"), message("more")].concat()).unwrap();
    assert_eq!(closed(&mut stream), message("close"));
    assert!(matches!(server.event(), Event::Received(..)));
    drop(stream);
    assert_eq!(server.event(), Event::Closed(ConnectionId(1)));
    assert_eq!(server.egress.counters().connections, 0);
}

/// T10
#[test]
fn a_message_that_is_begun_and_not_finished_ends_the_connection() {
    let limits = Limits { first_byte_to_message: Duration::from_millis(500), ..Limits::default() };
    let server = tcp(limits);
    let mut stream = client(&server, 0);
    stream.write_all(&message("authenticate")).unwrap();
    expect(&mut stream, &message("authenticate"));
    stream.write_all(b"MESSAGE sip:a@b SIP/2.0\r\nCall-").unwrap();
    assert_eq!(closed(&mut stream), b"");
    assert_eq!(server.egress.counters().timed_out, 1);
}

/// T-idle; keep-alives do not help a stranger.
#[test]
fn only_an_authenticated_connection_may_idle() {
    let limits = Limits { idle_unauthenticated: Duration::from_millis(500), ..Limits::default() };
    let server = tcp(limits);
    let mut friend = client(&server, 0);
    friend.write_all(&message("authenticate")).unwrap();
    expect(&mut friend, &message("authenticate"));
    let mut stranger = client(&server, 0);
    stranger.write_all(b"\r\n\r\n").unwrap();
    assert_eq!(closed(&mut stranger), b"\r\n");
    friend.write_all(&message("still here")).unwrap();
    expect(&mut friend, &message("still here"));
}

/// Only strangers count against their source.
#[test]
fn a_source_may_have_so_many_unauthenticated_connections() {
    let server = tcp(Limits { connections_per_source: 2, ..Limits::default() });
    let mut first = client(&server, 0);
    let mut second = client(&server, 0);
    for stream in [&mut first, &mut second] {
        stream.write_all(&message("hello")).unwrap();
        expect(stream, &message("hello"));
    }
    assert_eq!(closed(&mut client(&server, 0)), b"");
    first.write_all(&message("authenticate")).unwrap();
    expect(&mut first, &message("authenticate"));
    let mut third = client(&server, 0);
    third.write_all(&message("hello")).unwrap();
    expect(&mut third, &message("hello"));
    let counters = server.egress.counters();
    assert_eq!((counters.connections, counters.connections_unauthenticated), (3, 2));
    assert_eq!(counters.refused, 1);
}

/// R26, section 3: overflow closes the slow peer, and nobody else.
#[test]
fn a_full_write_queue_ends_the_slow_peer_only() {
    let limits = Limits { connection_write_queue_bytes: 64 * 1024, ..Limits::default() };
    let server = tcp(limits);
    let slow = client(&server, 0);
    let mut other = client(&server, 0);
    other.write_all(&message("hello")).unwrap();
    expect(&mut other, &message("hello"));
    let Event::Received(flow, _) = server.event() else { panic!("no message") };
    let slow_flow = Flow { remote: slow.local_addr().unwrap(), ..flow };
    let slow_flow = Flow { connection: ConnectionId::NONE, ..slow_flow };
    let mut outbox = server.egress.outbox();
    // More than any kernel buffers for a peer that does not read.
    for token in 0..2_000 {
        outbox.send(slow_flow, vec![b'x'; 32 * 1024].into(), Some(token));
        outbox.flush();
        if server.egress.counters().overflows > 0 {
            break;
        }
    }
    assert_eq!(server.egress.counters().overflows, 1);
    // Whatever was not written is reported, the last one for the lack of room.
    let (mut full, mut closed) = (false, false);
    while !(full && closed) {
        match server.event() {
            Event::Failed(failure) => full |= failure.failure == Failure::QueueFull,
            Event::Closed(_) => closed = true,
            other => panic!("{other:?}"),
        }
    }
    other.write_all(&message("unharmed")).unwrap();
    expect(&mut other, &message("unharmed"));
    assert_eq!(server.egress.counters().queued_bytes, 0);
    assert_eq!(server.egress.counters().connections, 1);
}

/// R26: no progress for so long.
#[test]
fn a_peer_that_takes_nothing_is_ended() {
    let server = tcp(Limits { write_stall: Duration::from_millis(50), ..Limits::default() });
    let mut stream = client(&server, 0);
    stream.write_all(&message("authenticate")).unwrap();
    expect(&mut stream, &message("authenticate"));
    let Event::Received(flow, _) = server.event() else { panic!("no message") };
    let mut outbox = server.egress.outbox();
    while server.egress.counters().queued_bytes == 0 {
        outbox.send(flow, vec![b'x'; 64 * 1024].into(), None);
        outbox.flush();
    }
    assert_eq!(server.event(), Event::Closed(flow.connection));
    assert_eq!(server.egress.counters().timed_out, 1);
}

/// T14: a reset at any offset leaves nothing behind.
#[test]
fn resets_at_any_offset_leave_the_counters_where_they_were() {
    let server = tcp(Limits::default());
    let bytes = [message("first"), message("second")].concat();
    let mut closed = 0;
    for _ in 0..3 {
        for offset in 0..=bytes.len() {
            let mut stream = client(&server, 0);
            stream.write_all(&bytes[..offset]).unwrap();
            reset(stream);
        }
        // Accepted after all of them.
        let mut last = client(&server, 0);
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
}

/// RFC 3261 s18: one connection per far end, for what is sent and what comes back.
#[test]
fn a_dialled_connection_is_reused_and_keeps_the_order() {
    let server = tcp(Limits::default());
    let peer = TcpListener::bind("127.0.0.1:0").unwrap();
    let flow = to(peer.local_addr().unwrap());
    let mut outbox = server.egress.outbox();
    for index in 0..10 {
        outbox.send(flow, message(&format!("{index}")).into(), Some(index));
        outbox.flush();
    }
    let (mut stream, _) = peer.accept().unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    for index in 0..10 {
        expect(&mut stream, &message(&format!("{index}")));
    }
    stream.write_all(&message("back")).unwrap();
    expect(&mut stream, &message("back"));
    let Event::Received(back, _) = server.event() else { panic!("nothing came back") };
    assert_eq!(back.remote, flow.remote);
    assert!(back.connection.is_some());
    assert_eq!(server.egress.counters().dialled, 1);
}

#[test]
fn an_accepted_connection_is_reused_to_reach_its_far_end() {
    let server = tcp(Limits::default());
    let mut stream = client(&server, 0);
    stream.write_all(&message("hello")).unwrap();
    expect(&mut stream, &message("hello"));
    let mut outbox = server.egress.outbox();
    outbox.send(to(stream.local_addr().unwrap()), message("to you").into(), None);
    outbox.flush();
    expect(&mut stream, &message("to you"));
    assert_eq!(server.egress.counters().dialled, 0);
}

/// RFC 3261 s18.4
#[test]
fn a_refused_dial_fails_every_packet_that_waited_for_it() {
    let server = tcp(Limits::default());
    // Bound and deaf: nobody else gets the port, and a connection is refused.
    let deaf = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    deaf.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
    let gone = deaf.local_addr().unwrap().as_socket().unwrap();
    let mut outbox = server.egress.outbox();
    outbox.send(to(gone), message("a").into(), Some(1));
    outbox.send(to(gone), message("b").into(), Some(2));
    outbox.flush();
    for token in [1, 2] {
        let failure = SendFailure { flow: to(gone), token, failure: Failure::ConnectFailed };
        assert_eq!(server.event(), Event::Failed(failure));
    }
    assert_eq!(server.egress.counters().connections, 0);
}

#[test]
fn a_connection_that_is_gone_is_not_dialled_anew() {
    let server = tcp(Limits::default());
    let mut outbox = server.egress.outbox();
    let flow = Flow { connection: ConnectionId(999), ..to(server.address(0)) };
    outbox.send(flow, message("a").into(), Some(1));
    outbox.flush();
    let failure = SendFailure { flow, token: 1, failure: Failure::ConnectionClosed };
    assert_eq!(server.event(), Event::Failed(failure));
}

#[test]
fn more_dials_than_allowed_fail_at_once() {
    let server = tcp(Limits { dials_in_flight: 0, ..Limits::default() });
    let mut outbox = server.egress.outbox();
    outbox.send(to(server.address(0)), message("a").into(), Some(1));
    outbox.flush();
    let Event::Failed(failure) = server.event() else { panic!("no failure") };
    assert_eq!(failure.failure, Failure::TooManyConnections);
}

/// Bytes of one connection leave in the order in which they were given, whoever flushes.
#[test]
fn the_order_of_each_sender_holds_across_threads() {
    let server = tcp(Limits { connection_write_queue_bytes: 64 << 20, ..Limits::default() });
    let mut stream = client(&server, 0);
    stream.write_all(&message("hello")).unwrap();
    expect(&mut stream, &message("hello"));
    let Event::Received(flow, _) = server.event() else { panic!("no message") };
    let packet = |thread: u8, index: u32| {
        let mut bytes = vec![thread; 1_000];
        bytes[1..5].copy_from_slice(&index.to_be_bytes());
        bytes
    };
    let threads: Vec<_> = (0..4)
        .map(|thread| {
            let egress = Arc::clone(&server.egress);
            std::thread::spawn(move || {
                let mut outbox = egress.outbox();
                for index in 0..1_000 {
                    outbox.send_copy(flow, &packet(thread, index), None);
                    if index % 3 == 0 {
                        outbox.flush();
                    }
                }
            })
        })
        .collect();
    let mut next = [0_u32; 4];
    let mut buffer = [0; 1_000];
    for _ in 0..4_000 {
        stream.read_exact(&mut buffer).unwrap();
        let thread = buffer[0];
        assert_eq!(buffer[..], packet(thread, next[usize::from(thread)])[..]);
        next[usize::from(thread)] += 1;
    }
    for thread in threads {
        thread.join().unwrap();
    }
}

/// IPv4 peers of a dual-stack listener are shown as such, and are dialled as such.
#[test]
fn a_dual_stack_listener_shows_plain_ipv4_addresses() {
    let server = serve(&["tcp://[::]:0"], 1, Limits::default());
    let port = server.address(0).port();
    for at in [format!("127.0.0.3:{port}"), format!("[::1]:{port}")] {
        let at: SocketAddr = at.parse().unwrap();
        let mut stream = TcpStream::connect(at).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream.write_all(&message("hello")).unwrap();
        expect(&mut stream, &message("hello"));
        let flow = loop {
            if let Event::Received(flow, _) = server.event() {
                break flow;
            }
        };
        assert_eq!((flow.local, flow.remote), (at, stream.local_addr().unwrap()));
    }
}
