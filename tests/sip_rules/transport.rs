//! RFC 3261 s18 and RFC 3581: by which way messages go.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};

use crate::peer::Peer;
use crate::server::DOMAIN;
use crate::{campus, campus_with, two};

fn options(peer: &Peer) -> crate::peer::Draft {
    peer.draft("OPTIONS", &format!("sip:{DOMAIN}"))
}

/// RFC 3261 s18.
#[test]
fn datagrams_and_streams_are_served_alike() {
    let server = campus(&[]);
    for mut peer in [Peer::udp(&server, "ana"), Peer::tcp(&server, "ana")] {
        assert_eq!(peer.ask(&options(&peer)).status(), 200);
    }
}

/// RFC 3261 s18.1.1: over 1300 bytes a request goes by stream, its Via says so, and sent-by is
/// filled in.
#[test]
fn a_request_too_large_for_a_datagram_goes_by_stream() {
    let (server, mut ana, _bob) = two();
    let (mut eva, listener) = Peer::both(&server, "bob");
    let star = eva.registration(&["*"]).with("Expires: 0");
    eva.ask_signed(&star);
    eva.sign_in();
    let signed = ana.challenged(&ana.message("bob", &"x".repeat(1_400)));
    ana.send(&signed.bytes());
    let (stream, _) = listener.accept().expect("a connection");
    let mut stream = Peer::on(stream, "bob");
    let request = stream.request();
    assert_eq!(request.body().len(), 1_400);
    let via = request.all("Via").remove(0);
    assert!(via.starts_with("SIP/2.0/TCP 127.0.0.1:"), "{via}");
    // RFC 3261 s18.1.1: the response is taken on the connection that carried the request.
    stream.respond(&request, 200, "");
    assert_eq!(ana.answer_to(&signed).status(), 200);
    eva.expect_silence();
}

/// RFC 3261 s18.2.1.
#[test]
fn received_is_added_to_a_via_that_names_a_host_or_another_address() {
    let server = campus(&[]);
    let mut ana = Peer::udp(&server, "ana");
    let port = ana.address.port();
    for sent_by in [format!("ana.example:{port}"), format!("192.0.2.99:{port}")] {
        let mut draft = options(&ana);
        draft.via = format!("SIP/2.0/UDP {sent_by};branch=z9hG4bK{port}{}", sent_by.len());
        let via = ana.ask(&draft).one("Via");
        assert!(via.contains(";received=127.0.0.1"), "{via}");
    }
}

/// RFC 3581 s4: `rport` is filled in, and `received` is added even where it tells nothing new; the
/// response comes from the address that the request went to.
#[test]
fn rport_is_filled_in_and_answered_to_the_source() {
    let server = campus(&[]);
    let mut ana = Peer::udp(&server, "ana");
    let mut draft = options(&ana);
    draft.via = "SIP/2.0/UDP 127.0.0.1:9;rport;branch=z9hG4bKrport".to_owned();
    let answer = ana.ask(&draft);
    let via = answer.one("Via");
    assert!(via.contains(&format!("rport={}", ana.address.port())), "{via}");
    assert!(via.contains("received=127.0.0.1"), "{via}");
    assert_eq!(answer.from, server.udp);
}

/// RFC 3261 s18.2.2: without `rport`, to the port of sent-by.
#[test]
fn a_datagram_response_without_rport_goes_to_the_port_of_sent_by() {
    let server = campus(&[]);
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let mut ana = Peer::udp(&server, "ana");
    let mut draft = options(&ana);
    let listening = Peer::with_socket(socket, server.udp, "ana");
    draft.via = format!("SIP/2.0/UDP {};branch=z9hG4bKport", listening.address);
    ana.send(&draft.bytes());
    let mut listening = listening;
    assert_eq!(listening.answer_to(&draft).status(), 200);
}

/// RFC 3261 s18.2.2: on the connection, whatever Via says.
#[test]
fn a_response_to_a_stream_goes_back_on_its_connection() {
    let server = campus(&[]);
    let mut ana = Peer::tcp(&server, "ana");
    let mut draft = options(&ana);
    draft.via = "SIP/2.0/TCP 192.0.2.99:9;branch=z9hG4bKtcp".to_owned();
    assert_eq!(ana.ask(&draft).status(), 200);
}

/// RFC 3261 s18.3: bytes beyond Content-Length do not belong to the message.
#[test]
fn bytes_behind_the_body_of_a_datagram_are_discarded() {
    let (_server, mut ana, mut bob) = two();
    let signed = ana.challenged(&ana.message("bob", "hello"));
    let mut bytes = signed.bytes();
    bytes.extend_from_slice(b"MESSAGE sip:x SIP/2.0\r\n\r\n");
    ana.send(&bytes);
    assert_eq!(bob.respond_to_next(200).body(), b"hello");
    assert_eq!(ana.answer_to(&signed).status(), 200);
    bob.expect_silence();
}

/// RFC 3261 s18.3: a request cut short is 400, a response cut short is nobody's.
#[test]
fn a_datagram_shorter_than_its_content_length_is_400_or_dropped() {
    let (_server, mut ana, mut bob) = two();
    let draft = ana.message("bob", "hello");
    let bytes = draft.bytes();
    ana.send(&bytes[..bytes.len() - 1]);
    assert!(ana.next().text().starts_with("SIP/2.0 400 "));
    let signed = ana.challenged(&ana.to("INFO", "bob"));
    ana.send(&signed.bytes());
    let request = bob.request();
    let whole = String::from_utf8(crate::peer::response(&request, 486, "")).expect("text");
    bob.send(whole.replace("Content-Length: 0", "Content-Length: 1").as_bytes());
    bob.expect_silence();
    ana.expect_silence();
    bob.respond(&request, 200, "");
    assert_eq!(ana.answer_to(&signed).status(), 200);
}

/// RFC 3261 s18.3: on a stream nothing else tells where a message ends.
#[test]
fn a_request_on_a_stream_without_content_length_is_400() {
    let server = campus(&[]);
    let mut ana = Peer::tcp(&server, "ana");
    let text = String::from_utf8(options(&ana).bytes()).expect("text");
    ana.send(text.replace("Content-Length: 0\r\n", "").as_bytes());
    assert!(ana.next().text().starts_with("SIP/2.0 400 "));
}

/// A STUN Binding request (RFC 5389 s6) with this transaction id and these attributes.
fn binding_request(id: u8, attributes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(attributes.len()).expect("a short request");
    let [high, low] = length.to_be_bytes();
    let head = [0, 1, high, low, 0x21, 0x12, 0xa4, 0x42];
    [&head[..], &[id; 12], attributes].concat()
}

/// RFC 5626 s8: on the same port as SIP, between its messages; XOR-MAPPED-ADDRESS says where it came
/// from (RFC 5389 s15.2).
#[test]
fn a_stun_keep_alive_on_the_port_of_sip_is_told_where_it_came_from() {
    let (server, mut ana, mut bob) = two();
    let SocketAddr::V4(ours) = ana.address else { panic!("IPv4") };
    for id in 1..4 {
        ana.send(&binding_request(id, &[]));
        let answer = ana.next();
        assert_eq!(answer.from, server.udp);
        let port = (ours.port() ^ 0x2112).to_be_bytes();
        let address = (u32::from(*ours.ip()) ^ 0x2112_a442).to_be_bytes();
        let expected = [
            &[1, 1, 0, 12, 0x21, 0x12, 0xa4, 0x42][..],
            &[id; 12],
            &[0, 0x20, 0, 8, 0, 1],
            &port,
            &address,
        ]
        .concat();
        assert_eq!(answer.bytes, expected);
        let signed = ana.challenged(&ana.message("bob", "in between"));
        ana.send(&signed.bytes());
        bob.respond_to_next(200);
        assert_eq!(ana.answer_to(&signed).status(), 200);
    }
    let counters = server.run(&["status", "--json"], None).json()["counters"].clone();
    assert_eq!(counters["sip_keep_alives"], 3, "{counters}");
    assert_eq!(counters["sip_malformed"], 0, "{counters}");
}

/// RFC 5389 s7.3.1, s15.9; what is no request gets no answer (s7.3).
#[test]
fn a_stun_request_that_wants_more_than_is_known_is_420() {
    let (_server, mut ana, _bob) = two();
    ana.send(&binding_request(7, &[0, 3, 0, 4, 0, 0, 0, 6]));
    let answer = ana.next().bytes;
    assert_eq!(answer[..2], [1, 0x11]);
    assert_eq!(answer[20..], [0, 9, 0, 4, 0, 0, 4, 20, 0, 10, 0, 2, 0, 3, 0, 0]);
    let mut indication = binding_request(8, &[]);
    indication[1] = 0x11;
    ana.send(&indication);
    ana.send(&binding_request(9, &[0, 3, 0, 200]));
    ana.expect_silence();
}

/// A stranger's keep-alives are bounded as his requests are, and cost those who signed in nothing.
#[test]
fn stun_is_answered_at_the_rate_of_its_source() {
    let server = campus_with(&["ana"], "[limits]\nsource_rate = 1\nsource_burst = 20\n");
    let mut ana = Peer::udp(&server, "ana");
    ana.sign_in();
    let stranger = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    for id in 0..200 {
        stranger.send_to(&binding_request(id, &[]), server.udp).expect("sent");
    }
    // Answered in the order of arrival by now: the stranger's were read before.
    ana.send(&binding_request(201, &[]));
    assert_eq!(ana.next().bytes[8..20], [201; 12]);
    let count = || {
        let status = server.run(&["status", "--json"], None).json();
        let read = |name: &str| status["counters"][name].as_u64().unwrap_or_default();
        (read("sip_keep_alives"), read("sip_dropped"))
    };
    let (mut answered, mut dropped) = count();
    while answered + dropped < 201 {
        (answered, dropped) = count();
    }
    assert!((1..60).contains(&answered), "{answered} of 201 were answered");
}
