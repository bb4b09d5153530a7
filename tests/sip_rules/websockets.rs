//! RFC 7118 s5: dialogs with browsers, which are reached over the WebSocket that they opened and
//! nowhere else.

use crate::campus_with;
use crate::dialogs::{Call, passes};
use crate::peer::{Draft, Peer};
use crate::server::{DOMAIN, Server};

const WEB: &str = "[web]\nlisten = [\"http://127.0.0.1:0\", \"https://127.0.0.1:0\"]\n";

fn peer(server: &Server, user: &str, transport: &str) -> Peer {
    match transport {
        "udp" => Peer::udp(server, user),
        "tcp" => Peer::tcp(server, user),
        "ws" => Peer::web(server, user, false),
        _ => Peer::web(server, user, true),
    }
}

fn signed_in(server: &Server, user: &str, transport: &str) -> Peer {
    let mut peer = peer(server, user, transport);
    peer.sign_in();
    peer
}

/// Registers as a device that has a GRUU, and gives that.
fn with_gruu(peer: &mut Peer) -> String {
    let instance = format!("urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6b{}", peer.user.len());
    let contact = format!("{};+sip.instance=\"<{instance}>\";reg-id=1", peer.contact());
    let draft = peer.registration(&[&contact]).with("Supported: path, gruu, outbound");
    assert_eq!(peer.ask_signed(&draft).status(), 200);
    format!("sip:{}@{DOMAIN};gr={instance}", peer.user)
}

fn wait_for_bindings(server: &Server, count: u64) {
    while server.run(&["status", "--json"], None).json()["bindings"] != count {}
}

/// RFC 7118 s5.1, RFC 5626 s5.3, RFC 3261 s12.2: `.invalid` in both contacts, and each request of
/// the dialog comes over the flow of its end.
#[test]
fn a_call_of_a_browser_runs_by_flow_with_every_transport_from_ack_to_bye() {
    let server = campus_with(&["ana", "bob"], WEB);
    for (one, other) in [
        ("ws", "ws"),
        ("ws", "udp"),
        ("udp", "ws"),
        ("wss", "wss"),
        ("wss", "udp"),
        ("tcp", "wss"),
        ("ws", "wss"),
    ] {
        eprintln!("{one} to {other}");
        let mut ana = signed_in(&server, "ana", one);
        let mut bob = signed_in(&server, "bob", other);
        let call = Call::answered(&mut ana, &mut bob);
        call.acknowledge(&mut ana, &mut bob);
        let cseq = call.invite.cseq;
        for method in ["INFO", "UPDATE", "REFER", "MESSAGE"] {
            let request = call.of_caller(&ana, method, cseq + 1);
            passes(&mut ana, &mut bob, &request);
            let request = call.of_called(&bob, method, cseq + 1);
            passes(&mut bob, &mut ana, &request);
        }
        // A re-INVITE of the called end, with its ACK.
        let again = call.of_called(&bob, "INVITE", cseq + 2);
        let again = again.with(&format!("Contact: {}", bob.contact()));
        passes(&mut bob, &mut ana, &again);
        bob.send(&call.of_called(&bob, "ACK", cseq + 2).bytes());
        assert_eq!(ana.request().method(), "ACK");
        let bye = call.of_called(&bob, "BYE", cseq + 3);
        passes(&mut bob, &mut ana, &bye);
        for peer in [&mut ana, &mut bob] {
            let all = peer.registration(&["*"]).with("Expires: 0");
            assert_eq!(peer.ask_signed(&all).status(), 200);
        }
    }
}

/// RFC 7118 s5.1, s5.2, RFC 5658: Via says WS or WSS, a URI says `ws` for both, and where the transports
/// differ each side has a URI of its own.
#[test]
fn via_and_record_route_of_a_websocket_name_its_transport() {
    let server = campus_with(&["ana", "bob"], WEB);
    for (transport, via) in [("ws", "SIP/2.0/WS "), ("wss", "SIP/2.0/WSS ")] {
        let mut ana = signed_in(&server, "ana", transport);
        let mut bob = signed_in(&server, "bob", "udp");
        let call = Call::answered(&mut ana, &mut bob);
        call.acknowledge(&mut ana, &mut bob);
        let (first, second) = call.caller_route.split_once(", ").expect("two routes");
        assert!(first.ends_with(";transport=ws;lr>"), "{}", call.caller_route);
        assert!(!second.contains("transport"), "{}", call.caller_route);
        let bye = call.of_called(&bob, "BYE", 9);
        let came = passes(&mut bob, &mut ana, &bye);
        assert!(came.all("Via")[0].starts_with(via), "{}", came.text());
        for peer in [&mut ana, &mut bob] {
            let all = peer.registration(&["*"]).with("Expires: 0");
            assert_eq!(peer.ask_signed(&all).status(), 200);
        }
    }
}

/// RFC 5626 s5.3.1, RFC 7118 s5: nobody answers for a browser whose WebSocket is gone in a call.
#[test]
fn a_request_for_a_browser_that_is_gone_is_430() {
    let server = campus_with(&["ana", "bob"], WEB);
    for transport in ["ws", "wss"] {
        let mut ana = signed_in(&server, "ana", "udp");
        let mut bob = signed_in(&server, "bob", transport);
        let call = Call::answered(&mut ana, &mut bob);
        call.acknowledge(&mut ana, &mut bob);
        drop(bob);
        wait_for_bindings(&server, 1);
        for (method, cseq) in [("INFO", 9), ("BYE", 10)] {
            let request = call.of_caller(&ana, method, cseq);
            assert_eq!(ana.ask(&request).status(), 430, "{method} over {transport}");
        }
        // Who comes back is called anew, and not by the old way.
        let mut bob = signed_in(&server, "bob", transport);
        let late = call.of_caller(&ana, "BYE", 11);
        assert_eq!(ana.ask(&late).status(), 430);
        bob.expect_silence();
        drop(bob);
        wait_for_bindings(&server, 1);
        let all = ana.registration(&["*"]).with("Expires: 0");
        assert_eq!(ana.ask_signed(&all).status(), 200);
    }
}

/// RFC 3261 s16.9, s16.7: a branch whose connection ends while it rings counts as 503, which goes on as
/// 500.
#[test]
fn a_browser_that_goes_while_it_rings_leaves_the_caller_an_answer() {
    let server = campus_with(&["ana", "bob"], WEB);
    let mut ana = signed_in(&server, "ana", "udp");
    let mut bob = signed_in(&server, "bob", "ws");
    let draft = ana.to("INVITE", "bob").with(&format!("Contact: {}", ana.contact()));
    let invite = ana.challenged(&draft);
    ana.send(&invite.bytes());
    let came = bob.request();
    bob.respond(&came, 180, "");
    assert_eq!(ana.answer_to(&invite).status(), 180);
    drop(bob);
    let answer = ana.answer_to(&invite);
    assert_eq!(answer.status(), 500, "{}", answer.text());
    ana.acknowledge(&invite, &answer);
}

/// RFC 5627 s3.4, s6.1: a GRUU as Contact leads to the device after its WebSocket was lost and opened
/// again, and to no other device of the person.
#[test]
fn a_gruu_in_a_call_leads_to_the_new_websocket_of_the_same_device() {
    let server = campus_with(&["ana", "bob"], WEB);
    let mut ana = signed_in(&server, "ana", "udp");
    let mut bob = peer(&server, "bob", "ws");
    let gruu = with_gruu(&mut bob);
    let call = Call::answered(&mut ana, &mut bob);
    call.acknowledge(&mut ana, &mut bob);
    drop(bob);
    wait_for_bindings(&server, 1);
    let to_gruu = |ana: &Peer, method: &str, cseq: u32| {
        let draft = call.of_caller(ana, method, cseq);
        Draft { uri: gruu.clone(), ..draft }
    };
    let away = to_gruu(&ana, "INFO", 9);
    assert!(matches!(ana.ask(&away).status(), 430 | 480));
    let mut other = signed_in(&server, "bob", "udp");
    let mut again = peer(&server, "bob", "ws");
    assert_eq!(with_gruu(&mut again), gruu);
    let bye = to_gruu(&ana, "BYE", 10);
    ana.send(&bye.bytes());
    let came = again.respond_to_next(200);
    assert_eq!(format!("<{}>", came.uri()), again.contact());
    assert_eq!(ana.answer_to(&bye).status(), 200);
    other.expect_silence();
}
