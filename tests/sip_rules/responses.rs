//! RFC 3261 s16.7 to s16.10: what happens to responses, and to what never gets one.

use std::net::{Ipv4Addr, TcpListener};

use crate::peer::{Draft, Got, Peer, response};
use crate::server::DOMAIN;
use crate::{Server, two};

/// Ana has called bob: the call as it was sent, and as bob got it.
fn call() -> (Server, Peer, Peer, Draft, Got) {
    let (server, mut ana, mut bob) = two();
    let invite = ana.challenged(&ana.to("INVITE", "bob"));
    ana.send(&invite.bytes());
    let got = bob.request();
    (server, ana, bob, invite, got)
}

/// RFC 3261 s16.2, s16.7 step 5: our 100 at once; theirs never; 101 to 199 and each 2xx at once.
#[test]
fn a_100_comes_from_here_and_what_rings_or_answers_is_forwarded_at_once() {
    let (_server, mut ana, mut bob, invite, got) = call();
    assert_eq!(ana.next().status(), 100);
    bob.respond(&got, 100, "");
    for status in [180, 183, 199] {
        bob.respond(&got, status, "X-Kept: yes\r\n");
        let ringing = ana.next();
        assert_eq!(ringing.status(), status);
        assert_eq!(ringing.one("X-Kept"), "yes");
        assert_eq!(ringing.to_tag(), "answerer");
        assert_eq!(ringing.all("Via").len(), 1, "ours is gone");
    }
    for _ in 0..2 {
        bob.respond(&got, 200, "");
        let answer = ana.answer_to(&invite);
        assert_eq!((answer.status(), answer.to_tag()), (200, "answerer".to_owned()));
    }
}

/// RFC 3261 s16.7 step 8: unknown headers, their order and spelling, and the body.
#[test]
fn headers_and_body_of_a_response_are_untouched() {
    let (_server, mut ana, mut bob) = two();
    let signed = ana.challenged(&ana.to("INFO", "bob"));
    ana.send(&signed.bytes());
    let request = bob.request();
    let tail = b"X-Odd :  a,, b;;\r\nsubject: <<\r\nl: 6\r\n\r\n\xff\x00\r\n\r\n";
    let plain = response(&request, 299, "");
    let head = plain.len() - b"Content-Length: 0\r\n\r\n".len();
    let mut bytes = plain[..head].to_vec();
    bytes.extend_from_slice(tail);
    bob.send(&bytes);
    let answer = ana.answer_to(&signed);
    assert_eq!((answer.status(), answer.to_tag()), (299, "answerer".to_owned()));
    assert!(answer.text().starts_with("SIP/2.0 299 Whatever\r\n"));
    assert_eq!(answer.body(), b"\xff\x00\r\n\r\n");
    assert!(answer.text().contains("X-Odd :  a,, b;;\r\nsubject: <<\r\nl: 6\r\n\r\n"));
}

/// RFC 3261 s16.7 steps 1 and 3, RFC 6026 s7.3, s18.1.2: dropped, never forwarded.
#[test]
fn a_response_that_matches_nothing_is_dropped() {
    let (_server, mut ana, mut bob, invite, got) = call();
    assert_eq!(ana.next().status(), 100);
    let text = String::from_utf8(response(&got, 200, "")).expect("text");
    let branch = got.branch();
    for other in [
        text.replacen(&branch, &format!("{branch}0"), 1),
        text.replacen(&branch, "z9hG4bK1", 1),
        text.replace(" INVITE\r\n", " MESSAGE\r\n"),
        text.replacen(&format!("Via: {}\r\n", got.all("Via")[0]), "", 1),
    ] {
        assert_ne!(other, text);
        bob.send(other.as_bytes());
    }
    bob.expect_silence();
    ana.expect_silence();
    bob.respond(&got, 486, "");
    assert_eq!(ana.answer_to(&invite).status(), 486);
}

/// RFC 3261 s18.1.2: "does not correspond to a value that the client transport is configured to
/// insert".
#[test]
fn a_response_with_the_sent_by_of_somebody_else_is_dropped() {
    let (server, mut ana, mut bob, invite, got) = call();
    assert_eq!(ana.next().status(), 100);
    let text = String::from_utf8(response(&got, 200, "")).expect("text");
    let other = text.replacen(&server.udp.to_string(), "192.0.2.99:5060", 1);
    assert_ne!(other, text);
    bob.send(other.as_bytes());
    bob.expect_silence();
    ana.expect_silence();
    bob.respond(&got, 486, "");
    assert_eq!(ana.answer_to(&invite).status(), 486);
}

/// RFC 3261 s16.7 steps 5 and 10, s17.1.1.3: a refusal is acknowledged here, and comes to the
/// caller once.
#[test]
fn a_refusal_is_acknowledged_here() {
    let (_server, mut ana, mut bob, invite, got) = call();
    for _ in 0..2 {
        bob.respond(&got, 486, "");
        let ack = bob.next();
        assert_eq!((ack.method().as_str(), ack.branch()), ("ACK", got.branch()));
        assert_eq!(ack.all("Via").len(), 1);
        assert_eq!(ack.to_tag(), "answerer");
        assert_eq!(ack.uri(), got.uri());
    }
    let refused = ana.answer_to(&invite);
    assert_eq!(refused.status(), 486);
    ana.acknowledge(&invite, &refused);
    ana.expect_silence();
}

/// Ana and two devices of bob's.
fn fork(method: &str) -> (Server, Peer, [(Peer, Got); 2], Draft) {
    let (server, mut ana, mut bob) = two();
    let mut other = Peer::udp(&server, "bob");
    other.sign_in();
    let draft = ana.challenged(&ana.to(method, "bob"));
    ana.send(&draft.bytes());
    let (one, two) = (bob.request(), other.request());
    (server, ana, [(bob, one), (other, two)], draft)
}

/// RFC 3261 s16.7 step 6: 6xx, then the lowest class; and not before all have ended.
#[test]
fn the_best_of_the_refusals_is_forwarded_when_all_have_come() {
    for (first, second, best) in
        [(486, 302, 302), (500, 404, 404), (404, 603, 603), (503, 503, 500)]
    {
        let (_server, mut ana, [(mut one, a), (mut two, b)], draft) = fork("INVITE");
        assert_eq!(ana.next().status(), 100);
        one.respond(&a, first, "");
        assert_eq!(one.next().method(), "ACK");
        ana.expect_silence();
        two.respond(&b, second, "");
        assert_eq!(ana.answer_to(&draft).status(), best, "{first} {second}");
    }
}

/// RFC 3261 s16.7 step 7, RFC 8760 s2.5.
#[test]
fn all_challenges_are_gathered_in_the_one_that_is_forwarded() {
    let (_server, mut ana, [(mut one, a), (mut two, b)], draft) = fork("INFO");
    one.respond(&a, 401, "WWW-Authenticate: Digest realm=\"one\", nonce=\"1\"\r\n");
    let second = "Proxy-Authenticate: Digest realm=\"two\", nonce=\"2\"\r\n\
                  Proxy-Authenticate: Digest realm=\"two\", nonce=\"2\", algorithm=SHA-256\r\n";
    two.respond(&b, 407, second);
    let answer = ana.answer_to(&draft);
    assert!(matches!(answer.status(), 401 | 407));
    assert_eq!(answer.one("WWW-Authenticate"), "Digest realm=\"one\", nonce=\"1\"");
    assert_eq!(
        answer.all("Proxy-Authenticate"),
        [
            "Digest realm=\"two\", nonce=\"2\"",
            "Digest realm=\"two\", nonce=\"2\", algorithm=SHA-256"
        ]
    );
}

/// RFC 3261 s16.7 steps 5 and 10, s9.1: what still rings is cancelled, once it rings.
#[test]
fn an_answer_or_a_6xx_cancels_what_still_rings() {
    for status in [200, 603] {
        let (_server, mut ana, [(mut one, a), (mut two, b)], draft) = fork("INVITE");
        two.respond(&b, 180, "");
        while ana.next().status() != 180 {}
        one.respond(&a, status, "");
        let cancel = two.request();
        assert_eq!((cancel.method().as_str(), cancel.branch()), ("CANCEL", b.branch()));
        assert_eq!(cancel.uri(), b.uri());
        assert_eq!(cancel.all("Via").len(), 1);
        two.respond(&cancel, 200, "");
        two.respond(&b, 487, "");
        assert_eq!(two.request().method(), "ACK");
        assert_eq!(ana.answer_to(&draft).status(), status);
    }
}

/// RFC 3261 s16.9, s18.4, s16.7 step 6: 503 of the branch, and 500 for the caller.
#[test]
fn a_contact_that_cannot_be_reached_is_500() {
    let (server, mut ana, _bob) = two();
    let closed = {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        listener.local_addr().expect("an address")
    };
    let mut eva = Peer::udp(&server, "bob");
    let star = eva.registration(&["*"]).with("Expires: 0");
    eva.ask_signed(&star);
    let register = eva.registration(&[&format!("<sip:bob@{closed};transport=tcp>")]);
    assert_eq!(eva.ask_signed(&register).status(), 200);
    for method in ["INFO", "INVITE"] {
        let answer = ana.ask_signed(&ana.to(method, "bob"));
        assert_eq!(answer.status(), 500, "{method}: {}", answer.text());
    }
}

/// RFC 3261 s16.10, s9.2.
#[test]
fn a_cancel_is_answered_here_and_passed_on_to_what_rings() {
    let (_server, mut ana, [(mut one, a), (mut two, b)], draft) = fork("INVITE");
    one.respond(&a, 180, "");
    two.respond(&b, 180, "");
    let mut rings = 0;
    while rings < 2 {
        rings += u8::from(ana.next().status() == 180);
    }
    let cancel = ana.cancel_of(&draft);
    let answer = ana.ask(&cancel);
    assert_eq!(answer.status(), 200, "{}", answer.text());
    for (device, call) in [(&mut one, &a), (&mut two, &b)] {
        let cancel = device.request();
        assert_eq!((cancel.method().as_str(), cancel.branch()), ("CANCEL", call.branch()));
        device.respond(&cancel, 200, "");
        device.respond(call, 487, "");
        assert_eq!(device.request().method(), "ACK");
    }
    assert_eq!(ana.answer_to(&draft).status(), 487);
}

/// RFC 3261 s9.1: "the CANCEL request MUST NOT be sent" before a provisional response.
#[test]
fn a_call_that_does_not_ring_yet_is_cancelled_when_it_does() {
    let (_server, mut ana, mut bob, invite, got) = call();
    let cancel = ana.cancel_of(&invite);
    assert_eq!(ana.ask(&cancel).status(), 200);
    bob.expect_silence();
    bob.respond(&got, 180, "");
    assert_eq!(bob.request().method(), "CANCEL");
}

/// RFC 3261 s9.2, s16.10.
#[test]
fn a_cancel_of_nothing_is_481_and_is_never_challenged() {
    let (_server, mut ana, mut bob) = two();
    assert_eq!(ana.ask(&ana.to("CANCEL", "bob")).status(), 481);
    let answered = ana.challenged(&ana.to("INFO", "bob"));
    ana.send(&answered.bytes());
    bob.respond_to_next(200);
    assert_eq!(ana.answer_to(&answered).status(), 200);
    assert_eq!(ana.ask(&ana.cancel_of(&answered)).status(), 200, "it is known, and no INVITE");
}

/// RFC 3261 s9.2: the tag in the 200 of the CANCEL is that of our answer to the INVITE.
#[test]
fn a_cancel_gets_the_to_tag_of_the_request_that_it_cancels() {
    let (_server, mut ana, _bob) = two();
    let invite = ana.challenged(&ana.draft("INVITE", &format!("sip:nobody@{DOMAIN}")));
    let refused = ana.ask(&invite);
    assert_eq!(refused.status(), 404);
    let answer = ana.ask(&ana.cancel_of(&invite));
    assert_eq!((answer.status(), answer.to_tag()), (200, refused.to_tag()));
}

/// RFC 4320 s4.1: a request that is not answered after 3.5 s gets a 100, and a MESSAGE is no
/// exception; what was only passed on gets nothing earlier.
#[test]
fn a_request_that_nobody_answers_gets_a_100_after_a_while() {
    let (_server, mut ana, mut bob) = two();
    let info = ana.challenged(&ana.to("INFO", "bob"));
    let message = ana.challenged(&ana.message("bob", "now or never").with("Expires: 0"));
    for draft in [&info, &message] {
        ana.send(&draft.bytes());
        let request = bob.request();
        bob.respond(&request, 100, "");
        ana.expect_silence();
    }
    let mut trying = [ana.next(), ana.next()].map(|got| {
        assert_eq!(got.status(), 100, "{}", got.text());
        got.one("Call-ID")
    });
    let mut expected = [info.call_id, message.call_id];
    trying.sort();
    expected.sort();
    assert_eq!(trying, expected);
}

/// RFC 3261 s16.7 step 9 as RFC 6026 s8.3 has it: "If the server transaction is no longer available
/// [...] the response is simply discarded"; on a stream it is gone with its final response.
#[test]
fn a_response_goes_to_the_server_transaction_and_is_discarded_without_one() {
    let (server, _ana, mut bob) = two();
    let mut other = Peer::udp(&server, "bob");
    other.sign_in();
    let mut ana = Peer::tcp(&server, "ana");
    let draft = ana.challenged(&ana.to("INFO", "bob"));
    ana.send(&draft.bytes());
    let (one, two) = (bob.request(), other.request());
    bob.respond(&one, 200, "X-From: bob\r\n");
    assert_eq!(ana.answer_to(&draft).one("X-From"), "bob");
    for status in [200, 603] {
        other.respond(&two, status, "X-From: other\r\n");
        // What is answered behind it on the same way: by now it was looked at.
        other.expect_silence();
        ana.expect_silence();
    }
}

/// RFC 3261 s17.2.4 as RFC 6026 s8.8 has it: the failure is told, here to who runs the server, and
/// the transaction "MUST remain": a retransmission is answered out of it, and goes no further.
#[test]
fn a_response_that_cannot_be_sent_is_counted_and_its_transaction_stays() {
    let (server, mut ana, mut bob) = two();
    let failures = || {
        let status = server.run(&["status", "--json"], None).json();
        status["counters"]["send_failures"].as_u64().expect("a number")
    };
    let mut signed = ana.challenged(&ana.to("INFO", "bob"));
    // Nothing can be sent to port 0, and without rport the answer goes there (s18.2.2).
    signed.via = "SIP/2.0/UDP 127.0.0.1:0;branch=z9hG4bKnowhere".to_owned();
    let before = failures();
    ana.send(&signed.bytes());
    bob.respond_to_next(200);
    bob.expect_silence();
    assert_eq!(failures(), before + 1);
    ana.send(&signed.bytes());
    ana.expect_silence();
    assert_eq!(failures(), before + 2);
    bob.expect_silence();
}
