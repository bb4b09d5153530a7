//! RFC 3261 s16.5 to s16.7, RFC 3326, RFC 5393, RFC 5626 s7: which devices ring, and when.

use crate::peer::{Draft, Got, Peer, response};
use crate::server::{DOMAIN, Server};
use crate::{campus, two};

/// Another device of bob's with this preference, or other parameters of its contact.
fn device(server: &Server, params: &str) -> Peer {
    let mut device = Peer::udp(server, "bob");
    let contact = format!("{};{params}", device.contact());
    let draft = device.registration(&[&contact]);
    let answer = device.ask_signed(&draft);
    assert_eq!(answer.status(), 200, "{}", answer.text());
    device
}

/// ana calls bob, who has a device for each of these parameters.
fn call(params: &[&str]) -> (Server, Peer, Draft, Vec<Peer>) {
    let server = campus(&["ana", "bob", "eva"]);
    let devices = params.iter().map(|params| device(&server, params)).collect();
    let mut ana = Peer::udp(&server, "ana");
    ana.sign_in();
    let invite = ana.challenged(&ana.to("INVITE", "bob"));
    ana.send(&invite.bytes());
    (server, ana, invite, devices)
}

fn cancelled(device: &mut Peer, invite: &Got) -> Got {
    let cancel = device.respond_to_next(200);
    assert_eq!(cancel.method(), "CANCEL", "{}", cancel.text());
    assert_eq!(cancel.branch(), invite.branch());
    device.respond(invite, 487, "");
    assert_eq!(device.request().method(), "ACK");
    cancel
}

/// RFC 3261 s16.6: by decreasing q, those of one q at the same time.
#[test]
fn devices_of_a_lower_preference_ring_after_the_others_have_refused() {
    let (_server, mut ana, invite, mut devices) = call(&["q=0.2", "q=0.9", "q=0.9"]);
    let (first, second) = (devices[1].request(), devices[2].request());
    devices[0].expect_silence();
    devices[1].respond(&first, 486, "");
    devices[2].respond(&second, 480, "");
    let last = devices[0].request();
    devices[0].respond(&last, 200, "");
    assert_eq!(ana.answer_to(&invite).status(), 200);
}

/// RFC 3261 s16.6: "If no response within a certain time, the next".
#[test]
fn devices_that_ring_too_long_are_cancelled_for_those_of_a_lower_preference() {
    let (_server, mut ana, invite, mut devices) = call(&["q=0.9", "q=0.2"]);
    let first = devices[0].request();
    devices[0].respond(&first, 180, "");
    assert_eq!(ana.answer_to(&invite).status(), 180);
    cancelled(&mut devices[0], &first);
    let last = devices[1].request();
    devices[1].respond(&last, 603, "");
    assert_eq!(ana.answer_to(&invite).status(), 603);
}

/// RFC 3261 s16.7 step 5, s16.10.
#[test]
fn a_6xx_or_a_cancel_ends_the_search() {
    let (_server, mut ana, invite, mut devices) = call(&["q=0.9", "q=0.2"]);
    devices[0].respond_to_next(603);
    let refused = ana.answer_to(&invite);
    assert_eq!(refused.status(), 603);
    ana.acknowledge(&invite, &refused);
    devices[1].expect_silence();
    let (_server, mut ana, invite, mut devices) = call(&["q=0.9", "q=0.2"]);
    let first = devices[0].request();
    devices[0].respond(&first, 180, "");
    assert_eq!(ana.answer_to(&invite).status(), 180);
    let cancel = ana.cancel_of(&invite).with("Reason: Q.850;cause=16");
    assert_eq!(ana.ask(&cancel).status(), 200);
    // RFC 3326 s2: the reason goes along.
    assert_eq!(cancelled(&mut devices[0], &first).one("Reason"), "Q.850;cause=16");
    assert_eq!(ana.answer_to(&invite).status(), 487);
    devices[1].expect_silence();
}

/// RFC 3326 s2: who was not quick enough has missed no call.
#[test]
fn the_devices_that_did_not_answer_are_told_that_another_did() {
    let (_server, mut ana, invite, mut devices) = call(&["q=1", "q=1"]);
    let (first, second) = (devices[0].request(), devices[1].request());
    devices[0].respond(&first, 180, "");
    assert_eq!(ana.answer_to(&invite).status(), 180);
    devices[1].respond(&second, 200, "");
    assert_eq!(ana.answer_to(&invite).status(), 200);
    let cancel = cancelled(&mut devices[0], &first);
    assert_eq!(cancel.one("Reason"), "SIP;cause=200;text=\"Call completed elsewhere\"");
}

/// RFC 3261 s16.7 step 5, RFC 6026 s7.2: a 2xx that comes when another has come still passes.
#[test]
fn an_answer_that_crosses_its_cancel_is_forwarded() {
    let (_server, mut ana, invite, mut devices) = call(&["q=1", "q=1"]);
    let (first, second) = (devices[0].request(), devices[1].request());
    devices[0].respond(&first, 180, "");
    assert_eq!(ana.answer_to(&invite).status(), 180);
    devices[1].respond(&second, 200, "X-Who: second\r\n");
    assert_eq!(ana.answer_to(&invite).one("X-Who"), "second");
    assert_eq!(devices[0].respond_to_next(200).method(), "CANCEL");
    devices[0].respond(&first, 200, "X-Who: first\r\n");
    assert_eq!(ana.answer_to(&invite).one("X-Who"), "first");
}

/// RFC 5393 s5.3.3: what is said or 60, shared by the branches; 440 without any.
#[test]
fn the_breadth_is_shared_by_the_branches_and_none_is_440() {
    let (_server, ana, invite, mut devices) = call(&["q=1", "q=1"]);
    let mut ana = ana;
    for device in &mut devices {
        assert_eq!(device.respond_to_next(480).one("Max-Breadth"), "30");
    }
    assert_eq!(ana.answer_to(&invite).status(), 480);
    // One at a time is what is left with a breadth of one.
    let narrow = ana.challenged(&ana.to("INVITE", "bob").with("Max-Breadth: 1"));
    ana.send(&narrow.bytes());
    let first = devices[0].request();
    assert_eq!(first.method(), "ACK");
    let first = devices[0].request();
    assert_eq!(first.one("Max-Breadth"), "1");
    assert_eq!(devices[1].request().method(), "ACK");
    devices[1].expect_silence();
    devices[0].respond(&first, 480, "");
    assert_eq!(devices[1].respond_to_next(200).one("Max-Breadth"), "1");
    assert_eq!(ana.answer_to(&narrow).status(), 200);
    for method in ["INVITE", "INFO", "MESSAGE"] {
        let none = ana.challenged(&ana.to(method, "bob").with("Max-Breadth: 0"));
        assert_eq!(ana.ask(&none).status(), 440, "{method}");
    }
    devices[1].expect_silence();
}

/// RFC 3261 s16.5, s16.7 step 4: a redirection to one of ours is followed here.
#[test]
fn a_redirection_to_a_person_of_ours_rings_there_and_any_other_is_the_callers() {
    let (server, mut ana, invite, mut devices) = call(&["q=1"]);
    let mut eva = Peer::udp(&server, "eva");
    eva.sign_in();
    let first = devices[0].request();
    devices[0].respond(&first, 302, &format!("Contact: <sip:eva@{DOMAIN}>\r\n"));
    let came = eva.request();
    assert_eq!(came.uri(), format!("sip:eva@{}", eva.address));
    // Back to where it came from is no way.
    eva.respond(&came, 302, &format!("Contact: <sip:bob@{DOMAIN}>\r\n"));
    let refused = ana.answer_to(&invite);
    assert_eq!(refused.status(), 302);
    assert_eq!(refused.one("Contact"), format!("<sip:bob@{DOMAIN}>"));
    ana.acknowledge(&invite, &refused);
    let again = ana.challenged(&ana.to("INVITE", "bob"));
    ana.send(&again.bytes());
    assert_eq!(devices[0].request().method(), "ACK");
    let first = devices[0].request();
    devices[0].respond(&first, 302, "Contact: <sip:bob@192.0.2.99>\r\n");
    assert_eq!(ana.answer_to(&again).one("Contact"), "<sip:bob@192.0.2.99>");
}

/// RFC 5626 s7: one flow of a device at a time; the next when it is gone.
#[test]
fn the_other_flow_of_a_device_is_tried_when_the_first_is_gone() {
    let instance = "+sip.instance=\"<urn:uuid:00000000-0000-1000-8000-000a95a0e128>\"";
    let flows = [format!("{instance};reg-id=1"), format!("{instance};reg-id=2")];
    let (_server, mut ana, invite, mut devices) = call(&[&flows[0], &flows[1]]);
    let newest = devices[1].request();
    devices[0].expect_silence();
    devices[1].respond(&newest, 430, "");
    let other = devices[0].request();
    assert_ne!(other.branch(), newest.branch());
    devices[0].respond(&other, 200, "");
    assert_eq!(ana.answer_to(&invite).status(), 200);
}

/// RFC 3261 s18.1.1: by stream what is too large for a datagram, by datagram if no stream is taken.
#[test]
fn a_large_request_goes_by_datagram_to_a_device_that_takes_no_stream() {
    let (_server, mut ana, mut bob) = two();
    let body = vec![b'x'; 3_000];
    let draft = ana.to("INVITE", "bob").body("application/octet-stream", &body);
    let invite = ana.challenged(&draft);
    ana.send(&invite.bytes());
    let came = bob.request();
    assert_eq!(came.body(), body);
    assert!(came.all("Via")[0].starts_with("SIP/2.0/UDP "), "{}", came.text());
    bob.send(&response(&came, 200, ""));
    assert_eq!(ana.answer_to(&invite).status(), 200);
}
