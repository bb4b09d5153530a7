//! Dialogs over TLS: RFC 3261 s12.2, s16.6 step 4, s26.2.2, RFC 5626 s5.3, RFC 5658.

use std::net::Ipv4Addr;

use crate::dialogs::{Call, passes};
use crate::peer::{Draft, Peer};
use crate::server::{DOMAIN, Server};
use crate::{PASSWORD, campus};

fn signed_in(mut peer: Peer) -> Peer {
    peer.sign_in();
    peer
}

/// In-dialog requests of both ends, then the BYE of the called one.
fn runs(call: &Call, caller: &mut Peer, called: &mut Peer) {
    call.acknowledge(caller, called);
    let again = call.of_called(called, "INVITE", 5);
    let again = again.with(&format!("Contact: {}", called.contact()));
    passes(called, caller, &again);
    called.send(&call.of_called(called, "ACK", 5).bytes());
    assert_eq!(caller.request().method(), "ACK");
    let info = call.of_caller(caller, "INFO", 6);
    passes(caller, called, &info);
    let bye = call.of_called(called, "BYE", 7);
    passes(called, caller, &bye);
}

/// RFC 3261 s16.6 step 4, RFC 5626 s5.3: over the connections that both ends opened, with one
/// Record-Route that names the host whose certificate the server has.
#[test]
fn a_call_over_tls_runs_over_the_connections_of_both_ends() {
    let server = campus(&["ana", "bob"]);
    let mut ana = signed_in(Peer::tls(&server, "ana"));
    let mut bob = signed_in(Peer::tls(&server, "bob"));
    let call = Call::answered(&mut ana, &mut bob);
    let named = format!("@localhost:{};transport=tls;lr>", server.tls.port());
    assert!(call.caller_route.ends_with(&named), "{}", call.caller_route);
    assert!(!call.caller_route.contains(','), "{}", call.caller_route);
    runs(&call, &mut ana, &mut bob);
}

/// RFC 5658: where one side has TLS and the other has not, each gets a URI of its own.
#[test]
fn a_call_between_tls_and_udp_has_a_record_route_for_each_side() {
    let server = campus(&["ana", "bob"]);
    let mut ana = signed_in(Peer::tls(&server, "ana"));
    let mut bob = signed_in(Peer::udp(&server, "bob"));
    for called_by_tls in [true, false] {
        let (one, two) = if called_by_tls { (&mut ana, &mut bob) } else { (&mut bob, &mut ana) };
        let call = Call::answered(one, two);
        let tls = format!("@localhost:{};transport=tls;lr>", server.tls.port());
        let udp = format!("@{};lr>", server.udp);
        let (first, last) = if called_by_tls { (tls, udp) } else { (udp, tls) };
        let (top, bottom) = call.caller_route.split_once(", ").expect("two routes");
        assert!(top.ends_with(&first) && bottom.ends_with(&last), "{}", call.caller_route);
        runs(&call, one, two);
    }
}

/// RFC 3261 s26.2.2: a SIPS URI asks for TLS all the way; within a dialog the far end's flow tells.
#[test]
fn a_sips_uri_within_a_dialog_passes_over_tls_and_nothing_else() {
    let server = campus(&["ana", "bob"]);
    let mut ana = signed_in(Peer::tls(&server, "ana"));
    for (mut bob, status) in [(Peer::tls(&server, "bob"), 200), (Peer::udp(&server, "bob"), 480)] {
        bob.sign_in();
        let call = Call::answered(&mut ana, &mut bob);
        call.acknowledge(&mut ana, &mut bob);
        let info = call.of_caller(&ana, "INFO", call.invite.cseq + 1);
        let info = Draft { uri: info.uri.replacen("sip:", "sips:", 1), ..info };
        if status == 200 {
            passes(&mut ana, &mut bob, &info);
        } else {
            assert_eq!(ana.ask(&info).status(), status);
            bob.expect_silence();
        }
        let gone = bob.registration(&["*"]).with("Expires: 0");
        assert_eq!(bob.ask_signed(&gone).status(), 200);
    }
}

/// RFC 3261 s26.2.2, s16.6 step 4: the whole way over TLS, with a SIPS URI in Record-Route; who is not
/// reached so is not called.
#[test]
fn a_call_by_a_sips_uri_goes_to_devices_with_tls_alone() {
    let server = campus(&["ana", "bob"]);
    let mut ana = signed_in(Peer::tls(&server, "ana"));
    let mut plain = signed_in(Peer::udp(&server, "bob"));
    let by_sips = |peer: &Peer, method: &str| peer.draft(method, &format!("sips:bob@{DOMAIN}"));
    let draft = by_sips(&ana, "INVITE").with(&format!("Contact: {}", ana.contact()));
    assert_eq!(ana.ask_signed(&draft).status(), 480);
    let mut bob = signed_in(Peer::tls(&server, "bob"));
    let call = Call::answered_to(by_sips(&ana, "INVITE"), &mut ana, &mut bob);
    let route = &call.caller_route;
    let named = format!("@localhost:{};lr>", server.tls.port());
    assert!(route.starts_with("<sips:") && route.ends_with(&named), "{route}");
    runs(&call, &mut ana, &mut bob);
    // RFC 3261 s8.1.3.5: upon 416 a client tries again with a SIP URI.
    let message = by_sips(&ana, "MESSAGE").body("text/plain", b"hello");
    assert_eq!(ana.ask(&message).status(), 416);
    let mut stranger = Peer::udp(&server, "ana");
    let over_udp = by_sips(&stranger, "INVITE");
    assert_eq!(stranger.ask(&over_udp).status(), 416);
    plain.expect_silence();
}

/// RFC 3261 s8.1.2, s16.4: proxy settings name the server's host, and so does the first Route.
#[test]
fn a_route_that_names_the_servers_host_leads_here_and_one_to_another_does_not() {
    let server = Server::start_at(&[], Ipv4Addr::LOCALHOST.into(), "im.campus.test", "");
    server.add_user("ana", PASSWORD);
    let mut ana = Peer::tls(&server, "ana");
    let contact = ana.contact();
    let draft = ana.registration(&[&contact]).with("Route: <sip:IM.campus.test;transport=tls;lr>");
    assert_eq!(ana.ask_signed(&draft).status(), 200);
    let elsewhere = ana.registration(&[&contact]).with("Route: <sip:host.example;lr>");
    assert_eq!(ana.ask(&elsewhere).status(), 403);
}
