//! RFC 3263 s4.3, RFC 3261 s16.6 step 7, RFC 3325 s5: requests that pass to a neighbour, and those
//! that come from one.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::thread;
use std::time::Duration;

use hickory_resolver::proto::op::{Message, MessageType, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, SRV};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use tagus::clock::Clock;

use crate::PASSWORD;
use crate::peer::{Draft, Peer};
use crate::server::{DOMAIN, Server};

/// Where neighbours are: not where our own people are.
const NEIGHBOUR: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

fn socket() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind((NEIGHBOUR, 0)).expect("a port");
    let address = socket.local_addr().expect("an address");
    (socket, address)
}

fn route(next_hop: &str) -> String {
    format!("[[sip.route]]\nmatch = '^(sip:|tel:)[0-9]{{4}}'\nnext_hop = \"{next_hop}\"\n")
}

const TRUST: &str = "trusted_peers = [\"127.0.0.2\"]\n";

/// A server beside a neighbour, and a person who has signed in.
fn beside(sip: &str, next_hop: &str) -> (Server, Peer) {
    let server = Server::start_with(sip, &route(next_hop));
    server.add_user("ana", PASSWORD);
    let mut ana = Peer::udp(&server, "ana");
    ana.sign_in();
    (server, ana)
}

/// RFC 3261 s16.6: the Request-URI stays as it is; what our people say of themselves beside From
/// ends here (RFC 3325 s5), and so do their credentials (RFC 3261 s22.3).
#[test]
fn a_request_for_nobody_of_ours_goes_to_the_neighbour_of_its_route() {
    let (at_pbx, address) = socket();
    let (server, mut ana) = beside("", &format!("sip:{address}"));
    let mut pbx = Peer::with_socket(at_pbx, server.udp, "pbx");
    for uri in [format!("sip:2999@{DOMAIN}"), "sip:2999@elsewhere.test".into(), "tel:2999".into()] {
        let draft = ana
            .draft("MESSAGE", &uri)
            .with("P-Asserted-Identity: <sip:rector@campus.test>")
            .with("p-preferred-identity: <sip:rector@campus.test>")
            .with("X-Kept: yes")
            .body("text/plain", b"hello");
        let signed = ana.challenged(&draft);
        ana.send(&signed.bytes());
        let came = pbx.respond_to_next(200);
        assert_eq!((came.method(), came.uri()), ("MESSAGE".to_owned(), uri.clone()));
        assert_eq!(came.from, server.udp);
        for absent in ["P-Asserted-Identity", "P-Preferred-Identity", "Proxy-Authorization"] {
            assert!(came.all(absent).is_empty(), "{}", came.text());
        }
        assert_eq!(came.one("X-Kept"), "yes");
        assert_eq!(ana.answer_to(&signed).status(), 200, "{uri}");
    }
    let invite = ana.to("INVITE", "2999").with(&format!("Contact: {}", ana.contact()));
    let signed = ana.challenged(&invite);
    ana.send(&signed.bytes());
    let came = pbx.request();
    assert!(came.one("Record-Route").contains(&server.udp.to_string()), "{}", came.text());
    pbx.respond(&came, 180, "");
    assert_eq!(ana.answer_to(&signed).status(), 180);
    pbx.respond(&came, 486, "");
    assert_eq!(ana.answer_to(&signed).status(), 486);
    assert_eq!(pbx.request().method(), "ACK");
    // What no route takes stays unknown.
    assert_eq!(ana.ask_signed(&ana.message("nobody", "hello")).status(), 404);
    let elsewhere = ana.draft("OPTIONS", "sip:eva@elsewhere.test");
    assert_eq!(ana.ask_signed(&elsewhere).status(), 403);
    pbx.expect_silence();
}

/// RFC 3261 s16.10
#[test]
fn a_call_to_a_neighbour_is_cancelled_there() {
    let (at_pbx, address) = socket();
    let (server, mut ana) = beside("", &format!("sip:{address}"));
    let mut pbx = Peer::with_socket(at_pbx, server.udp, "pbx");
    let invite = ana.to("INVITE", "2999").with(&format!("Contact: {}", ana.contact()));
    let signed = ana.challenged(&invite);
    ana.send(&signed.bytes());
    let came = pbx.request();
    pbx.respond(&came, 180, "");
    assert_eq!(ana.answer_to(&signed).status(), 180);
    let cancel = ana.cancel_of(&signed);
    assert_eq!(ana.ask(&cancel).status(), 200);
    let cancelled = pbx.respond_to_next(200);
    assert_eq!((cancelled.method(), cancelled.uri()), ("CANCEL".to_owned(), came.uri()));
    assert_eq!(cancelled.branch(), came.branch());
    pbx.respond(&came, 487, "");
    assert_eq!(ana.answer_to(&signed).status(), 487);
}

/// RFC 5922 s7: what was meant for a neighbour is not given to whoever answers at its address.
#[test]
fn a_neighbour_whose_certificate_does_not_verify_is_sent_nothing() {
    let impostor = Server::start("");
    let next_hop = format!("sip:{};transport=tls", impostor.tls);
    let (_server, mut ana) = beside("", &next_hop);
    let answer = ana.ask_signed(&ana.message("2999", "hello"));
    assert_eq!(answer.status(), 503, "{}", answer.text());
    let counters = impostor.run(&["status", "--json"], None).json()["counters"].clone();
    assert_eq!(counters["connections_accepted"], 1, "{counters}");
    assert_eq!(counters["sip_requests"], 0, "{counters}");
}

/// Nobody uses a route without having proved who they are, and not as anybody else.
#[test]
fn a_stranger_uses_no_route() {
    let (at_pbx, address) = socket();
    let (server, mut ana) = beside(TRUST, &format!("sip:{address}"));
    let mut pbx = Peer::with_socket(at_pbx, server.udp, "pbx");
    let mut stranger = Peer::udp(&server, "stranger");
    let draft = stranger.to("INVITE", "2999");
    assert_eq!(stranger.ask(&draft).status(), 407);
    let mut foreign = stranger.to("INVITE", "2999");
    foreign.from = "<sip:eva@elsewhere.test>;tag=1".to_owned();
    assert_eq!(stranger.ask(&foreign).status(), 403);
    let mut as_bob = ana.to("INVITE", "2999");
    as_bob.from = format!("<sip:bob@{DOMAIN}>;tag=1");
    assert_eq!(ana.ask_signed(&as_bob).status(), 403);
    pbx.expect_silence();
}

/// The list of trusted peers: calls and messages without a challenge, with whatever From; nothing
/// that changes what is stored here.
#[test]
fn a_trusted_peer_sends_as_anybody_and_registers_as_nobody() {
    let (at_pbx, address) = socket();
    let (server, mut ana) = beside(TRUST, &format!("sip:{address}"));
    let mut pbx = Peer::with_socket(at_pbx, server.udp, "pbx");
    let mut draft = pbx.message("ana", "from afar");
    draft.from = "<sip:eva@elsewhere.test>;tag=1".to_owned();
    let draft = draft.with("P-Asserted-Identity: <sip:eva@elsewhere.test>");
    pbx.send(&draft.bytes());
    let came = ana.respond_to_next(200);
    assert_eq!(came.one("From"), "<sip:eva@elsewhere.test>;tag=1");
    assert_eq!(came.one("P-Asserted-Identity"), "<sip:eva@elsewhere.test>");
    assert_eq!(pbx.answer_to(&draft).status(), 200);
    // RFC 3325 s7: our people are no part of the trust that the neighbour asks to keep it within.
    let draft = pbx.message("ana", "from nobody");
    let draft = draft.with("P-Asserted-Identity: <sip:eva@elsewhere.test>").with("Privacy: id");
    pbx.send(&draft.bytes());
    let came = ana.respond_to_next(200);
    assert!(came.all("P-Asserted-Identity").is_empty(), "{}", came.text());
    assert_eq!(came.one("Privacy"), "id");
    assert_eq!(pbx.answer_to(&draft).status(), 200);
    let mut register = pbx.draft("REGISTER", &format!("sip:{DOMAIN}"));
    register.from = format!("<sip:ana@{DOMAIN}>;tag=1");
    register.to = format!("<sip:ana@{DOMAIN}>");
    let register = register.with(&format!("Contact: <sip:ana@{address}>"));
    assert_eq!(pbx.ask(&register).status(), 401);
    for method in ["SUBSCRIBE", "PUBLISH"] {
        let mut draft = pbx.to(method, "ana");
        draft.from = format!("<sip:ana@{DOMAIN}>;tag=1");
        assert_eq!(pbx.ask(&draft.with("Event: presence")).status(), 401, "{method}");
    }
}

/// Two servers that each take the other for the one who knows would never end.
#[test]
fn nothing_goes_back_to_the_neighbour_that_it_came_from() {
    let (at_pbx, address) = socket();
    let (server, _ana) = beside(TRUST, &format!("sip:{address}"));
    let mut pbx = Peer::with_socket(at_pbx, server.udp, "pbx");
    let unknown = pbx.to("INVITE", "2999");
    let refusal = pbx.ask(&unknown);
    assert_eq!(refusal.status(), 404);
    pbx.acknowledge(&unknown, &refusal);
    let elsewhere = pbx.draft("MESSAGE", "sip:2999@elsewhere.test");
    assert_eq!(pbx.ask(&elsewhere.body("text/plain", b"hello")).status(), 403);
    pbx.expect_silence();
}

/// RFC 3261 s8.2.2.2, s16.6 step 1: a neighbour that forks one message to two of our people, who are
/// away, sends one message for each of them, and none that is merged.
#[test]
fn a_message_that_a_neighbour_forks_to_two_of_our_people_is_kept_for_both() {
    let (at_pbx, address) = socket();
    let server = Server::start_with(TRUST, &route(&format!("sip:{address}")));
    let mut pbx = Peer::with_socket(at_pbx, server.udp, "pbx");
    let first = pbx.message("staff", "to all of us");
    for person in ["ana", "bob"] {
        server.add_user(person, PASSWORD);
        let branch = Draft { uri: format!("sip:{person}@{DOMAIN}"), ..first.clone().again() };
        let branch = Draft { cseq: first.cseq, ..branch };
        assert_eq!(pbx.ask(&branch).status(), 202, "{person}");
        let mut device = Peer::udp(&server, person);
        device.sign_in();
        assert_eq!(device.respond_to_next(200).body(), b"to all of us");
    }
}

/// Answers SRV for `_sip._udp.pbx.test`: the first server, then the second. Ends with the test.
fn dns(first: SocketAddr, second: SocketAddr) -> SocketAddr {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let address = socket.local_addr().expect("an address");
    answer_names(socket, first, second);
    address
}

fn answer_names(socket: UdpSocket, first: SocketAddr, second: SocketAddr) {
    let name = |text: &str| Name::from_ascii(text).expect("a name");
    thread::spawn(move || {
        let mut buffer = [0; 2_048];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            let Ok(mut answer) = Message::from_vec(&buffer[..length]) else { continue };
            let question = answer.queries[0].clone();
            let asked = question.name().to_ascii().to_ascii_lowercase();
            let found: Vec<RData> = match (asked.as_str(), question.query_type()) {
                ("_sip._udp.pbx.test.", RecordType::SRV) => vec![
                    RData::SRV(SRV::new(20, 0, second.port(), name("two.pbx.test."))),
                    RData::SRV(SRV::new(10, 0, first.port(), name("one.pbx.test."))),
                ],
                ("one.pbx.test." | "two.pbx.test.", RecordType::A) => vec![RData::A(A(NEIGHBOUR))],
                _ => vec![],
            };
            answer.metadata.message_type = MessageType::Response;
            answer.metadata.recursion_available = true;
            if found.is_empty() {
                answer.metadata.response_code = ResponseCode::NXDomain;
            }
            for data in found {
                answer.add_answer(Record::from_rdata(question.name().clone(), 60, data));
            }
            let bytes = answer.to_vec().expect("an answer");
            socket.send_to(&bytes, from).expect("sent");
        }
    });
}

/// RFC 3261 s9.2, s16.10: whoever gives up while the server still looks for the neighbour rings
/// nobody.
#[test]
fn a_call_that_is_cancelled_while_its_neighbour_is_looked_for_rings_nobody() {
    let (at_pbx, pbx) = socket();
    let names = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let servers = format!("name_servers = [\"{}\"]\n", names.local_addr().expect("an address"));
    let (server, mut ana) = beside(&servers, "sip:pbx.test");
    let mut pbx_peer = Peer::with_socket(at_pbx, server.udp, "pbx");
    let invite = ana.to("INVITE", "2999").with(&format!("Contact: {}", ana.contact()));
    let signed = ana.challenged(&invite);
    ana.send(&signed.bytes());
    assert_eq!(ana.next().status(), 100);
    let cancel = ana.cancel_of(&signed);
    assert_eq!(ana.ask(&cancel).status(), 200);
    answer_names(names, pbx, pbx);
    let refused = ana.answer_to(&signed);
    assert_eq!(refused.status(), 487, "{}", refused.text());
    ana.acknowledge(&signed, &refused);
    pbx_peer.expect_silence();
}

/// RFC 3263 s4.3: a server that is silent or answers 503 is passed over, with a new branch, and
/// left for last from then on.
#[test]
fn a_neighbour_that_is_found_by_srv_and_fails_is_passed_over() {
    let ((at_one, one), (at_two, two)) = (socket(), socket());
    let servers = format!("name_servers = [\"{}\"]\n", dns(one, two));
    let (server, mut ana) = beside(&servers, "sip:pbx.test");
    let mut one = Peer::with_socket(at_one, server.udp, "one");
    let mut two = Peer::with_socket(at_two, server.udp, "two");
    let ask = |ana: &mut Peer| {
        let signed = ana.challenged(&ana.message("2999", "hello"));
        ana.send(&signed.bytes());
        signed
    };
    let first = ask(&mut ana);
    let unanswered = one.request();
    let came = two.respond_to_next(200);
    assert_ne!(came.branch(), unanswered.branch());
    assert_eq!(ana.answer_to(&first).status(), 200);
    let second = ask(&mut ana);
    // The one that failed is not asked; the other is now overloaded.
    let came = two.request();
    two.respond(&came, 503, "Retry-After: 60\r\n");
    let mut came = one.request();
    while came.one("Call-ID") != second.call_id {
        came = one.request();
    }
    one.respond(&came, 202, "");
    assert_eq!(ana.answer_to(&second).status(), 202);
    let third = ask(&mut ana);
    let mut came = one.request();
    while came.one("Call-ID") != third.call_id {
        came = one.request();
    }
    one.respond(&came, 200, "");
    assert_eq!(ana.answer_to(&third).status(), 200);
}

/// An answer within three seconds, not after the 32 of Timers B and F.
#[test]
fn when_the_neighbour_is_down_the_answer_is_503_within_three_seconds() {
    let (_silent, address) = socket();
    let (_server, mut ana) = beside("", &format!("sip:{address}"));
    let clock = Clock::system();
    for method in ["MESSAGE", "INVITE"] {
        let draft = ana.to(method, "2999").with(&format!("Contact: {}", ana.contact()));
        let signed = ana.challenged(&draft.body("text/plain", b"hello"));
        let asked = clock.now();
        let answer = ana.ask(&signed);
        assert_eq!(answer.status(), 503, "{}", answer.text());
        assert_eq!(answer.one("Retry-After"), "10");
        assert!(clock.now().since(asked) < Duration::from_secs(3), "{method}");
        if method == "INVITE" {
            ana.acknowledge(&signed, &answer);
        }
    }
}

/// What refuses the connection, or has no name, is known to be down at once.
#[test]
fn a_neighbour_that_cannot_be_reached_is_503_at_once() {
    let (_nobody_listens_on_tcp, address) = socket();
    for next_hop in [format!("sip:{address};transport=tcp"), "sip:unknown.invalid:5060".into()] {
        let dns = dns(address, address);
        let (_server, mut ana) = beside(&format!("name_servers = [\"{dns}\"]\n"), &next_hop);
        let answer = ana.ask_signed(&ana.message("2999", "hello"));
        assert_eq!(answer.status(), 503, "{next_hop}: {}", answer.text());
        assert_eq!(answer.one("Retry-After"), "10");
    }
}
