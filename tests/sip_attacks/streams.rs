//! S55, S57, T10, T13, T14: connections that speak something else, too slowly, too much or not to
//! the end.

use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use tagus::clock::Clock;

use crate::connection::{Connection, Door, End};
use crate::raw::{CLOSES, Draft, PATIENCE};
use crate::site::{Site, message, register};

/// A connection from another address of this machine.
pub(crate) fn from_address(address: &str, server: SocketAddr) -> Connection {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None);
    let socket = socket.expect("a socket");
    let address: SocketAddr = format!("{address}:0").parse().expect("an address");
    socket.bind(&address.into()).expect("bind");
    socket.connect(&server.into()).expect("the server accepts");
    Connection::over(TcpStream::from(socket))
}

/// S55, S56, T13.
#[test]
fn other_protocols_are_closed_at_once_and_get_not_one_byte() {
    let site = Site::new("");
    let hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec();
    let long = vec![b'a'; 20_000];
    for (name, bytes) in [
        ("HTTP", b"GET / HTTP/1.1\r\nHost: campus.test\r\n\r\n".to_vec()),
        ("HTTP with a SIP word", b"GET /?SIP/2.0 HTTP/1.1\r\n\r\n".to_vec()),
        ("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec()),
        ("TLS", hello.clone()),
        ("TLS, one byte", hello.iter().take(1).copied().collect()),
        ("SSH", b"SSH-2.0-OpenSSH_9.6\r\n".to_vec()),
        ("RTSP", b"OPTIONS rtsp://x RTSP/1.0\r\n\r\n".to_vec()),
        ("MSRP", b"MSRP abcd SEND\r\n".to_vec()),
        ("SMTP", b"EHLO x\r\n".to_vec()),
        ("zeroes", vec![0; 64]),
        ("a line without end", long),
        ("spaces", b"  \r\n\r\n".to_vec()),
        ("a lone LF", b"\nOPTIONS sip:campus.test SIP/2.0\r\n\r\n".to_vec()),
        ("PROXY protocol", b"PROXY TCP4 127.0.0.9 127.0.0.1 1 2\r\n".to_vec()),
    ] {
        for door in site.all_doors() {
            let mut connection = door.connect();
            connection.write(&bytes);
            assert_ne!(connection.read_to_end(CLOSES), End::Open, "{name} over {}", door.name);
            assert_eq!(connection.text(), "", "{name} over {}", door.name);
        }
    }
    site.assert_calm(0);
}

/// S57; RFC 5626 s4.4.1: a keep-alive is answered; a flood of them is not.
#[test]
fn keep_alives_are_answered_until_they_are_a_flood() {
    let site = Site::new("");
    for door in site.all_doors() {
        let mut connection = door.connect();
        connection.write(b"\r\n\r\n");
        connection.read_until("\r\n");
        assert_eq!(connection.text(), "\r\n");
        connection.write(&Draft::ping().bytes());
        connection.read_until("SIP/2.0 200 ");
        let mut flood = door.connect();
        for _ in 0..20 {
            flood.write_together(&[b"\r\n\r\n".as_slice(); 50]);
        }
        assert_ne!(flood.read_to_end(CLOSES), End::Open);
        assert!(flood.received.len() < 2 * 1_000, "{} bytes came back", flood.received.len());
    }
    site.assert_calm(0);
}

/// A message of which the last byte never comes is none.
#[test]
fn half_a_message_and_fin_is_never_executed() {
    let site = Site::new("");
    let whole = site.register("alice", "sip:alice@127.0.0.1:9").bytes();
    for door in site.doors() {
        for missing in [1, 2, 3, 4, 20, whole.len() - 1] {
            let mut connection = door.connect();
            connection.write(whole.get(..whole.len() - missing).expect("a part"));
            connection.stream.shutdown(std::net::Shutdown::Write).expect("FIN");
            assert_ne!(connection.read_to_end(CLOSES), End::Open, "{missing}");
            assert_eq!(connection.text(), "", "{missing}");
        }
    }
    site.assert_calm(0);
    // The same bytes, one by one, are a message.
    for door in site.doors() {
        let mut connection = door.connect();
        for byte in &site.register("alice", "sip:alice@127.0.0.1:9").bytes() {
            connection.write(std::slice::from_ref(byte));
        }
        connection.read_until("SIP/2.0 200 ");
    }
    site.assert_calm(1);
}

/// T10, T-first: bytes in time do not make a message in time.
#[test]
fn a_message_that_drips_is_cut_off() {
    let site = Site::new("[limits]\nfirst_byte_to_message = \"1s\"\n");
    for door in site.all_doors() {
        let clock = Clock::system();
        let began = clock.now();
        let bytes = door.wrap(&message("alice", "bob", "hello").bytes());
        let mut connection = door.connect();
        let mut end = End::Open;
        for byte in &bytes {
            let _ = connection.write_unframed(std::slice::from_ref(byte));
            end = connection.read_to_end(Duration::from_millis(20));
            if end != End::Open {
                break;
            }
        }
        let took = clock.now().since(began);
        assert_ne!(end, End::Open, "after {took:?}");
        assert!(took >= Duration::from_millis(900) && took < PATIENCE, "{took:?}");
        assert_eq!(connection.text(), "");
    }
    site.assert_calm(0);
}

/// T-idle: who says nothing, or nothing but keep-alives, does not stay.
#[test]
fn a_connection_without_a_request_is_closed() {
    let site = Site::new("[limits]\nidle_unauthenticated = \"1s\"\n");
    for door in site.all_doors() {
        let mut silent = door.connect();
        let mut pinging = door.connect();
        pinging.write(b"\r\n\r\n");
        assert_ne!(silent.read_to_end(PATIENCE), End::Open);
        assert_ne!(pinging.read_to_end(PATIENCE), End::Open);
    }
    site.assert_calm(0);
}

/// N-conn, decision 11: 128 strangers of one source; who has signed in does not count, and others
/// are not touched.
#[test]
fn a_connection_more_than_a_source_may_have_is_closed_and_other_sources_are_served() {
    let site = Site::new("");
    let mut signed_in = Connection::new(site.server.tcp);
    signed_in.write(&site.register("alice", "sip:alice@127.0.0.1:9").bytes());
    signed_in.read_until("SIP/2.0 200 ");
    let mut crowd: Vec<Connection> = Vec::new();
    // And two of the person's own, who lives here.
    for _ in 0..130 {
        let mut connection = Connection::new(site.server.tcp);
        connection.write(&Draft::ping().bytes());
        connection.read_until("SIP/2.0 200 ");
        crowd.push(connection);
    }
    let mut one_more = Connection::new(site.server.tcp);
    assert_ne!(one_more.read_to_end(CLOSES), End::Open, "one more");
    let mut elsewhere = from_address("127.0.0.2", site.server.tcp);
    elsewhere.write(&Draft::ping().bytes());
    elsewhere.read_until("SIP/2.0 200 ");
    signed_in.write(&Draft::ping().bytes());
    signed_in.read_until("OPTIONS");
    drop(crowd.pop());
    // The place is free as soon as the server has seen the end.
    let clock = Clock::system();
    let deadline = clock.now() + PATIENCE;
    loop {
        let mut next = Connection::new(site.server.tcp);
        next.write(&Draft::ping().bytes());
        if next.read_to_end(Duration::from_millis(100)) == End::Open && !next.text().is_empty() {
            break;
        }
        assert!(clock.now() < deadline, "the place is not given free");
    }
    site.assert_calm(1);
}

/// T14: a reset at any byte of any flow leaves nothing behind.
#[test]
fn resets_at_any_offset_leave_nothing_behind() {
    let site = Site::new("[limits]\nsource_rate = 10000\nsource_burst = 10000\n");
    let invite = Draft::new("INVITE", "sip:bob@campus.test", "alice", "sip:bob@campus.test");
    let flows = [
        invite.bytes(),
        message("alice", "bob", "hello").bytes(),
        register("alice").bytes(),
        site.register("alice", "sip:alice@phone.invalid;transport=tcp").bytes(),
    ];
    let doors = site.all_doors();
    for (flow, door) in flows.iter().flat_map(|flow| doors.iter().map(move |door| (flow, door))) {
        let flow = door.wrap(flow);
        for cut in (1..=flow.len()).step_by(5).chain([flow.len()]) {
            let mut connection = door.connect();
            let _ = connection.write_unframed(flow.get(..cut).expect("a part"));
            let socket = socket2::SockRef::from(&connection.stream);
            socket.set_linger(Some(Duration::ZERO)).expect("an option");
        }
    }
    // A contact that came over a connection ends with it.
    let clock = Clock::system();
    let deadline = clock.now() + PATIENCE;
    while site.count("bindings") > 0 {
        assert!(clock.now() < deadline, "a binding outlives its connection");
    }
    site.assert_calm(0);
}

/// R26: who asks and asks and never reads is cut off, and costs others nothing.
#[test]
fn a_peer_that_never_reads_does_not_fill_the_memory() {
    let site = Site::new("[limits]\nsource_rate = 1000000\nsource_burst = 1000000\n");
    for door in site.all_doors() {
        let mut deaf = door.connect();
        deaf.stream.set_write_timeout(Some(Duration::from_millis(200))).expect("a timeout");
        let pings = door.wrap(&Draft::ping().bytes()).repeat(200);
        let mut written = 0;
        while written < 64 * 1024 * 1024 {
            match deaf.write_unframed(&pings) {
                Ok(count) => written += count,
                Err(_) => break,
            }
        }
        assert!(written < 64 * 1024 * 1024, "{}: {written} bytes were taken", door.name);
    }
    site.assert_calm(0);
}

/// Decision 11: on a stream, where nothing is repeated, being shed is told.
#[test]
fn a_stranger_over_the_rate_is_told_503_on_a_stream() {
    let site = Site::new("[limits]\nsource_rate = 1\nsource_burst = 60\n");
    let mut connection = from_address("127.0.0.5", site.server.tcp);
    connection
        .write(&(0..100).flat_map(|_| message("eva", "bob", "spam").bytes()).collect::<Vec<u8>>());
    connection.read_until("Retry-After");
    let shed = connection.answers().into_iter().find(|answer| answer.status == 503);
    assert!(shed.is_some());
    site.assert_calm(0);
}

/// S55, T13: SIP in the clear on the TLS port gets an alert at most.
#[test]
fn clear_sip_on_the_tls_port_is_closed_at_once() {
    let site = Site::new("");
    for bytes in [Draft::ping().bytes(), b"\r\n\r\n".repeat(4), b"GET / HTTP/1.1\r\n\r\n".to_vec()]
    {
        let mut connection = Connection::new(site.server.tls);
        connection.write(&bytes);
        assert_ne!(connection.read_to_end(CLOSES), End::Open);
        assert!(connection.received.len() <= 7, "{:?}", connection.received);
    }
    site.assert_calm(0);
}

/// T-tls: who connects and says nothing, or half a hello, does not stay.
#[test]
fn a_tls_handshake_that_does_not_end_is_cut_off() {
    let site = Site::new("[limits]\ntls_handshake = \"1s\"\n");
    for bytes in [&b""[..], b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"] {
        let mut connection = Connection::new(site.server.tls);
        connection.write(bytes);
        assert_ne!(connection.read_to_end(PATIENCE), End::Open);
        assert!(connection.received.len() <= 7, "{:?}", connection.received);
    }
    site.assert_calm(0);
}

/// T11: what `openssl` says of the versions that are served.
#[test]
fn openssl_gets_no_old_version_of_tls() {
    let site = Site::new("");
    for (version, works) in [("-tls1_1", false), ("-tls1_2", true), ("-tls1_3", true)] {
        let output = std::process::Command::new("openssl")
            .args([
                "s_client",
                "-connect",
                &site.server.tls.to_string(),
                "-servername",
                "campus.test",
            ])
            // The old version is off in openssl itself unless its own level is lowered.
            .args([version, "-cipher", "DEFAULT:@SECLEVEL=0", "-verify_return_error", "-CAfile"])
            .arg(site.server.authority())
            .stdin(std::process::Stdio::null())
            .output()
            .expect("openssl can be run");
        let said = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.success(), works, "{version}: {said}");
        assert!(!works || said.contains("Verify return code: 0 (ok)"), "{version}: {said}");
    }
    site.assert_calm(0);
}

/// Who has signed in may idle, and costs no processor time when the strangers' deadlines have
/// passed.
#[test]
fn a_connection_that_idles_costs_no_processor_time() {
    let site = Site::new("[limits]\nidle_unauthenticated = \"1s\"\ntls_handshake = \"1s\"\n");
    let mut connections: Vec<Connection> = site.all_doors().iter().map(Door::connect).collect();
    for connection in &mut connections {
        connection.write(&site.register("alice", "sip:alice@phone.invalid").bytes());
        connection.read_until("SIP/2.0 200 ");
    }
    for connection in &mut connections {
        assert_eq!(connection.read_to_end(Duration::from_millis(1_500)), End::Open);
    }
    let before = processor_ticks(site.server.pid());
    assert_eq!(connections[0].read_to_end(Duration::from_secs(1)), End::Open);
    let used = processor_ticks(site.server.pid()) - before;
    assert!(used < 30, "{used} hundredths of a second in one second");
}

/// User and system time of a process in hundredths of a second (`proc(5)`, fields 14 and 15).
fn processor_ticks(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("a process");
    let behind_name = stat.rsplit(") ").next().expect("fields");
    let fields: Vec<&str> = behind_name.split(' ').collect();
    fields[11..13].iter().map(|ticks| ticks.parse::<u64>().expect("a number")).sum()
}
