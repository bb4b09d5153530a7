//! RFC 5626: flows; RFC 5627: what the registrar says of GRUUs; RFC 3327: Path; RFC 3608:
//! Service-Route.

use std::net::UdpSocket;

use crate::peer::{Got, Peer};
use crate::server::{DOMAIN, Server};
use crate::{PASSWORD, campus, two};

const PHONE: &str = "<urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6>";

/// A contact behind a translator, as one flow of the instance.
fn flow(reg_id: u32) -> String {
    format!("<sip:ana@10.9.8.7;transport=tcp;ob>;+sip.instance=\"{PHONE}\";reg-id={reg_id}")
}

fn register(peer: &mut Peer, contact: &str, supported: &str) -> Got {
    let draft = peer.registration(&[contact]).with(&format!("Supported: {supported}"));
    peer.ask_signed(&draft)
}

/// A server that trusts 127.0.0.9, and the proxy there.
fn behind_a_proxy(people: &[&str]) -> (Server, UdpSocket) {
    let server = Server::start_with("trusted_peers = [\"127.0.0.9\"]\n", "");
    for person in people {
        server.add_user(person, PASSWORD);
    }
    (server, UdpSocket::bind("127.0.0.9:0").expect("a port"))
}

/// RFC 5626 s6: Require and Flow-Timer tell that outbound was used, and only then.
#[test]
fn outbound_is_required_in_the_answer_when_it_was_used_and_only_then() {
    let server = campus(&["ana"]);
    let mut ana = Peer::tcp(&server, "ana");
    let answer = register(&mut ana, &flow(1), "path, outbound");
    assert_eq!(answer.status(), 200, "{}", answer.text());
    assert_eq!(answer.one("Require"), "outbound");
    assert_eq!(answer.one("Flow-Timer"), "120");
    assert!(answer.one("Contact").contains(&format!("+sip.instance=\"{PHONE}\"")));
    assert!(answer.one("Contact").contains(";reg-id=1"));
    let without_tag = register(&mut ana, &flow(1), "path");
    let without_reg_id = format!("<sip:ana@10.9.8.7>;+sip.instance=\"{PHONE}\"");
    let without_reg_id = register(&mut ana, &without_reg_id, "outbound");
    let without_instance = register(&mut ana, "<sip:ana@10.9.8.6>;reg-id=1", "outbound");
    for answer in [without_tag, without_reg_id, without_instance] {
        assert_eq!(answer.status(), 200, "{}", answer.text());
        assert!(answer.all("Require").is_empty() && answer.all("Flow-Timer").is_empty());
    }
}

/// RFC 5626 s6.
#[test]
fn a_flow_asked_for_behind_a_proxy_that_keeps_none_is_439() {
    let server = campus(&["ana"]);
    let mut ana = Peer::udp(&server, "ana");
    let second_via = "Via: SIP/2.0/UDP 10.9.8.7;branch=z9hG4bKdevice";
    let draft = ana.registration(&[&flow(1)]).with("Supported: outbound").with(second_via);
    assert_eq!(ana.ask_signed(&draft).status(), 439);
    let ignored = ana.registration(&[&flow(1)]).with(second_via);
    let answer = ana.ask_signed(&ignored);
    assert_eq!(answer.status(), 200);
    assert!(!answer.one("Contact").contains("reg-id"), "{}", answer.text());
}

/// RFC 5626 s6.
#[test]
fn a_flow_beside_another_contact_is_400() {
    let server = campus(&["ana"]);
    let mut ana = Peer::udp(&server, "ana");
    let draft = ana.registration(&[&flow(1), "<sip:ana@127.0.0.1:9>"]);
    assert_eq!(ana.ask_signed(&draft).status(), 400);
}

/// RFC 5626 s7: one flow of an instance at a time, and the other one when that has ended.
#[test]
fn a_request_goes_by_one_flow_of_an_instance_and_by_the_other_when_that_is_closed() {
    let server = campus(&["ana", "bob"]);
    let mut bob = Peer::udp(&server, "bob");
    let (mut first, mut second) = (Peer::tcp(&server, "ana"), Peer::tcp(&server, "ana"));
    register(&mut first, &flow(1), "outbound");
    register(&mut second, &flow(2), "outbound");
    let signed = bob.challenged(&bob.message("ana", "by the second"));
    bob.send(&signed.bytes());
    assert_eq!(second.respond_to_next(200).body(), b"by the second");
    assert_eq!(bob.answer_to(&signed).status(), 200);
    first.expect_silence();
    drop(second);
    while server.run(&["status", "--json"], None).json()["bindings"] != 1 {}
    let signed = bob.challenged(&bob.message("ana", "by the first"));
    bob.send(&signed.bytes());
    assert_eq!(first.respond_to_next(200).body(), b"by the first");
    assert_eq!(bob.answer_to(&signed).status(), 200);
}

/// RFC 5627 s5.1, s5.2: for devices that know what it is, and never as the device says.
#[test]
fn a_public_gruu_is_given_to_a_device_that_supports_it() {
    let server = campus(&["ana"]);
    let mut ana = Peer::udp(&server, "ana");
    let contact = format!("{};pub-gruu=\"sip:bob@{DOMAIN};gr=x\";temp-gruu=\"sip:x@y\"", flow(1));
    let answer = register(&mut ana, &contact, "gruu");
    let gruu =
        format!(";pub-gruu=\"sip:ana@{DOMAIN};gr=urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6\"");
    assert!(answer.one("Contact").contains(&gruu), "{}", answer.text());
    assert_eq!(answer.text().matches("-gruu").count(), 1, "{}", answer.text());
    let answer = register(&mut ana, &contact, "path");
    assert!(!answer.text().contains("-gruu"), "{}", answer.text());
    let plain = ana.registration(&["<sip:ana@127.0.0.1:9>"]).with("Supported: gruu");
    let answer = ana.ask_signed(&plain);
    assert_eq!(answer.text().matches("pub-gruu").count(), 1, "{}", answer.text());
}

/// RFC 5627 s6.1: to that instance and no other device, 480 while it is away, 404 if it never was.
#[test]
fn a_request_to_a_gruu_reaches_that_instance_only() {
    let server = campus(&["ana", "bob"]);
    let (mut phone, mut other) = (Peer::tcp(&server, "ana"), Peer::udp(&server, "ana"));
    register(&mut phone, &flow(1), "outbound, gruu");
    other.sign_in();
    let mut bob = Peer::udp(&server, "bob");
    let gruu = format!("sip:ana@{DOMAIN};gr=urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6");
    let ask = |bob: &mut Peer, method: &str, uri: &str| {
        let draft = bob.draft(method, uri).body("text/plain", b"to that one");
        let signed = bob.challenged(&draft);
        bob.send(&signed.bytes());
        signed
    };
    for method in ["MESSAGE", "INFO"] {
        let signed = ask(&mut bob, method, &gruu);
        let got = phone.respond_to_next(200);
        assert_eq!(got.uri(), "sip:ana@10.9.8.7;transport=tcp;ob", "the gr parameter stays here");
        assert_eq!(bob.answer_to(&signed).status(), 200);
    }
    other.expect_silence();
    for unknown in [format!("sip:ana@{DOMAIN};gr=urn:uuid:1"), format!("sip:ana@{DOMAIN};gr")] {
        for method in ["MESSAGE", "INFO"] {
            let signed = ask(&mut bob, method, &unknown);
            assert_eq!(bob.answer_to(&signed).status(), 404, "{method} {unknown}");
        }
    }
    drop(phone);
    while server.run(&["status", "--json"], None).json()["bindings"] != 1 {}
    for method in ["MESSAGE", "INFO"] {
        let signed = ask(&mut bob, method, &gruu);
        assert_eq!(bob.answer_to(&signed).status(), 480, "{method}");
    }
    other.expect_silence();
}

/// RFC 5627 s5.1: a contact that would come back here, and one that is no SIP URI.
#[test]
fn an_address_of_record_a_gruu_and_other_schemes_are_no_contacts() {
    let server = campus(&["ana"]);
    let mut ana = Peer::udp(&server, "ana");
    for uri in [
        format!("sip:ana@{DOMAIN}"),
        format!("sip:bob@{DOMAIN};transport=tcp"),
        format!("sip:ana@{DOMAIN};gr=urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6"),
        "http://127.0.0.1/".to_owned(),
    ] {
        let draft = ana.registration(&[&format!("<{uri}>;+sip.instance=\"{PHONE}\"")]);
        assert_eq!(ana.ask_signed(&draft).status(), 403, "{uri}");
    }
}

/// RFC 5626 s6, RFC 3840 s9: all parameters of a contact are kept and given back.
#[test]
fn the_parameters_of_a_contact_come_back() {
    let server = campus(&["ana"]);
    let mut ana = Peer::udp(&server, "ana");
    let contact = "<sip:ana@127.0.0.1:9>;audio;methods=\"INVITE, BYE\";q=0.5;x-y=z";
    let draft = ana.registration(&[contact]);
    let answer = ana.ask_signed(&draft).one("Contact");
    for param in [";audio", ";methods=\"INVITE, BYE\"", ";q=0.500", ";x-y=z"] {
        assert!(answer.contains(param), "{answer}");
    }
    let long = format!("<sip:ana@127.0.0.1:9>;x={}", "y".repeat(2_000));
    let draft = ana.registration(&[&long]);
    assert_eq!(ana.ask_signed(&draft).status(), 400);
}

/// RFC 3327 s5.3, s5.4: kept, given back as it came, and the Route of requests to the binding.
#[test]
fn a_path_of_a_trusted_peer_is_the_route_to_the_binding() {
    let (server, socket) = behind_a_proxy(&["ana", "bob"]);
    let mut proxy = Peer::with_socket(socket, server.udp, "ana");
    let path = format!("<sip:{};lr>", proxy.address);
    let draft = proxy
        .registration(&["<sip:ana@10.9.8.7>"])
        .with("Supported: path")
        .with("Via: SIP/2.0/UDP 10.9.8.7;branch=z9hG4bKdevice")
        .with(&format!("Path: {path}, <sip:p1.example;lr>"));
    let answer = proxy.ask_signed(&draft);
    assert_eq!(answer.status(), 200, "{}", answer.text());
    assert_eq!(answer.one("Path"), format!("{path}, <sip:p1.example;lr>"));
    let mut bob = Peer::udp(&server, "bob");
    let signed = bob.challenged(&bob.message("ana", "through the proxies"));
    bob.send(&signed.bytes());
    let message = proxy.request();
    assert_eq!(message.uri(), "sip:ana@10.9.8.7");
    assert_eq!(message.one("Route"), format!("{path}, <sip:p1.example;lr>"));
    proxy.respond(&message, 200, "");
    assert_eq!(bob.answer_to(&signed).status(), 200);
}

/// RFC 3327 s5.3, s6.1.
#[test]
fn a_path_is_403_from_a_stranger_420_without_support_and_400_when_it_is_none() {
    let (server, socket) = behind_a_proxy(&["ana"]);
    let mut ana = Peer::udp(&server, "ana");
    let draft = ana
        .registration(&["<sip:ana@10.9.8.7>"])
        .with("Supported: path")
        .with("Path: <sip:127.0.0.1:9;lr>");
    assert_eq!(ana.ask_signed(&draft).status(), 403);
    let mut proxy = Peer::with_socket(socket, server.udp, "ana");
    let draft = proxy.registration(&["<sip:ana@10.9.8.7>"]).with("Path: <sip:127.0.0.9:9;lr>");
    let refused = proxy.ask_signed(&draft);
    assert_eq!(refused.status(), 420);
    assert_eq!(refused.one("Unsupported"), "path");
    for path in ["<sip:127.0.0.9:9>", "rubbish", "<sip:0.0.0.0;lr>"] {
        let draft = proxy
            .registration(&["<sip:ana@10.9.8.7>"])
            .with("Supported: path")
            .with(&format!("Path: {path}"));
        assert_eq!(proxy.ask_signed(&draft).status(), 400, "{path}");
    }
    let status = server.run(&["status", "--json"], None).json();
    assert_eq!(status["bindings"], 0);
}

/// RFC 3608 s6.3: for a device that found the server by its address; with `lr`, and it is a route
/// that is accepted.
#[test]
fn a_device_that_came_by_an_address_is_told_the_way_back() {
    let (server, mut ana, mut bob) = two();
    let mut draft = ana.registration(&[&ana.contact()]);
    assert!(ana.ask_signed(&draft).all("Service-Route").is_empty());
    draft = draft.again().again();
    draft.uri = format!("sip:{}", server.udp);
    let answer = ana.ask_signed(&draft);
    let route = answer.one("Service-Route");
    assert_eq!(route, format!("<sip:{};lr>", server.udp));
    let message = ana.message("bob", "by the route").with(&format!("Route: {route}"));
    let signed = ana.challenged(&message);
    ana.send(&signed.bytes());
    assert_eq!(bob.respond_to_next(200).body(), b"by the route");
    assert_eq!(ana.answer_to(&signed).status(), 200);
}

/// A UDP device of bob's with that flow of one instance.
fn bobs_flow(server: &Server, reg_id: u32) -> Peer {
    let mut device = Peer::udp(server, "bob");
    let contact = format!("{};+sip.instance=\"{PHONE}\";reg-id={reg_id}", device.contact());
    let answer = register(&mut device, &contact, "outbound");
    assert_eq!(answer.one("Require"), "outbound", "{}", answer.text());
    device
}

/// RFC 5626 s7: 430 and 408 are of the flow; the sender is answered once, by whoever takes it.
#[test]
fn a_message_goes_by_the_other_flow_of_a_device_when_the_first_is_gone() {
    let server = campus(&["ana", "bob"]);
    let mut ana = Peer::udp(&server, "ana");
    let (mut first, mut second) = (bobs_flow(&server, 1), bobs_flow(&server, 2));
    for gone in [430, 408] {
        let signed = ana.challenged(&ana.message("bob", "by any way"));
        ana.send(&signed.bytes());
        let newest = second.respond_to_next(gone);
        let other = first.respond_to_next(200);
        assert_eq!(other.body(), b"by any way");
        assert_ne!(other.branch(), newest.branch());
        assert_eq!(ana.answer_to(&signed).status(), 200, "after {gone}");
    }
    // What the device itself says holds for all of its flows.
    let signed = ana.challenged(&ana.message("bob", "no"));
    ana.send(&signed.bytes());
    second.respond_to_next(486);
    assert_eq!(ana.answer_to(&signed).status(), 486);
    first.expect_silence();
}

/// RFC 5626 s7, RFC 3428 s7: with every flow gone it is held once, and each flow was tried once.
#[test]
fn a_message_that_no_flow_of_a_device_takes_is_held() {
    let server = campus(&["ana", "bob"]);
    let mut ana = Peer::udp(&server, "ana");
    let (mut first, mut second) = (bobs_flow(&server, 1), bobs_flow(&server, 2));
    let signed = ana.challenged(&ana.message("bob", "later"));
    ana.send(&signed.bytes());
    second.respond_to_next(430);
    first.respond_to_next(430);
    assert_eq!(ana.answer_to(&signed).status(), 202);
    first.expect_silence();
    second.expect_silence();
    let mut third = bobs_flow(&server, 3);
    assert_eq!(third.respond_to_next(200).body(), b"later");
    for peer in [&mut first, &mut second, &mut third] {
        peer.expect_silence();
    }
}

/// RFC 5626 s7, RFC 3428 s8: what was held goes on by the other flow, in order and once.
#[test]
fn held_messages_go_on_by_the_other_flow_when_the_newest_is_gone() {
    let server = campus(&["ana", "bob"]);
    let mut ana = Peer::udp(&server, "ana");
    let mut first = bobs_flow(&server, 1);
    let signed = ana.challenged(&ana.message("bob", "one"));
    ana.send(&signed.bytes());
    // Held: the only flow is gone, though nobody has said so yet.
    first.respond_to_next(430);
    assert_eq!(ana.answer_to(&signed).status(), 202);
    assert_eq!(ana.ask_signed(&ana.message("bob", "two")).status(), 202, "behind the first");
    assert_eq!(first.respond_to_next(430).body(), b"one");
    first.expect_silence();
    let mut second = bobs_flow(&server, 2);
    assert_eq!(second.respond_to_next(430).body(), b"one");
    assert_eq!(first.respond_to_next(200).body(), b"one");
    // The next one goes by the flow that answered.
    assert_eq!(first.respond_to_next(200).body(), b"two");
    first.expect_silence();
    second.expect_silence();
}

/// RFC 5626 s7, RFC 3261 s17.1.2.2: a flow over datagrams that says nothing at all is waited for once,
/// and not once for each message that waits; when its device registers over it, it is used again.
#[test]
fn a_silent_flow_is_waited_for_once_and_not_for_each_held_message() {
    let server = Server::start_with("t1 = \"80ms\"\n", "");
    for person in ["ana", "bob"] {
        server.add_user(person, PASSWORD);
    }
    let mut ana = Peer::udp(&server, "ana");
    let mut first = bobs_flow(&server, 1);
    let signed = ana.challenged(&ana.message("bob", "one"));
    ana.send(&signed.bytes());
    first.respond_to_next(430);
    assert_eq!(ana.answer_to(&signed).status(), 202);
    for text in ["two", "three"] {
        assert_eq!(ana.ask_signed(&ana.message("bob", text)).status(), 202);
        assert_eq!(first.respond_to_next(430).body(), b"one");
        // The server has read the answer: else the device's other flow would join this attempt, in
        // which the first one has failed already.
        first.expect_silence();
    }
    let mut silent = bobs_flow(&server, 2);
    for text in ["one", "two", "three"] {
        assert_eq!(first.respond_to_next(200).body(), text.as_bytes());
    }
    let ping = silent.draft("OPTIONS", &format!("sip:{DOMAIN}"));
    silent.send(&ping.bytes());
    let mut got = silent.next();
    while got.status() == 0 {
        assert_eq!(got.body(), b"one");
        got = silent.next();
    }
}
