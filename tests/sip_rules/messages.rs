//! RFC 3428: MESSAGE.

use crate::peer::{Draft, Peer};
use crate::{campus, campus_with, two};

/// RFC 3428 s5: each device gets the message, its sender one answer.
#[test]
fn a_message_to_two_devices_gets_one_final_response() {
    let (server, mut ana, mut bob) = two();
    let mut other = Peer::udp(&server, "bob");
    other.sign_in();
    let signed = ana.challenged(&ana.message("bob", "both"));
    ana.send(&signed.bytes());
    assert_eq!(bob.respond_to_next(200).body(), b"both");
    assert_eq!(other.respond_to_next(200).body(), b"both");
    assert_eq!(ana.answer_to(&signed).status(), 200);
    other.expect_silence();
    ana.expect_silence();
}

/// RFC 3428 s7: 2xx without a body and without a Contact; 202 for what is stored.
#[test]
fn a_message_to_somebody_who_is_away_is_202_without_body_and_contact() {
    let server = campus(&["ana", "bob"]);
    let mut ana = Peer::udp(&server, "ana");
    let answer = ana.ask_signed(&ana.message("bob", "later"));
    assert_eq!(answer.status(), 202);
    assert!(answer.body().is_empty());
    assert!(answer.all("Contact").is_empty());
    let mut bob = Peer::udp(&server, "bob");
    bob.sign_in();
    let held = bob.respond_to_next(200);
    assert_eq!(held.body(), b"later");
    // RFC 3428 s7, RFC 3261 s20.17: when it was written.
    assert!(held.one("Date").ends_with(" GMT"));
}

/// RFC 3428 s7: a message that may not wait is not kept.
#[test]
fn a_message_that_has_run_out_is_not_delivered() {
    let server = campus(&["ana", "bob"]);
    let mut ana = Peer::udp(&server, "ana");
    assert_eq!(ana.ask_signed(&ana.message("bob", "now").with("Expires: 0")).status(), 480);
    assert_eq!(ana.ask_signed(&ana.message("bob", "whenever")).status(), 202);
    let mut bob = Peer::udp(&server, "bob");
    bob.sign_in();
    assert_eq!(bob.respond_to_next(200).body(), b"whenever");
    bob.expect_silence();
}

/// RFC 3428 s8: the next one only when the one before was answered, in the order of writing.
#[test]
fn held_messages_go_out_one_after_the_other() {
    let server = campus(&["ana", "bob"]);
    let mut ana = Peer::udp(&server, "ana");
    for text in ["one", "two", "three"] {
        assert_eq!(ana.ask_signed(&ana.message("bob", text)).status(), 202);
    }
    let mut bob = Peer::udp(&server, "bob");
    bob.sign_in();
    for text in ["one", "two", "three"] {
        let message = bob.request();
        assert_eq!(message.body(), text.as_bytes());
        bob.expect_silence();
        bob.respond(&message, 200, "");
    }
    bob.expect_silence();
}

/// RFC 3428 s7 and s11: what is inside is nobody's business on the way, live or held.
#[test]
fn cpim_and_signed_bodies_pass_byte_for_byte() {
    let (_server, mut ana, mut bob) = two();
    let cpim =
        b"From: <im:ana@campus.test>\r\n\r\nContent-Type: text/plain\r\n\r\nh\xc3\xa9".to_vec();
    let signed_body = b"--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b\r\n\
        Content-Type: application/pkcs7-signature\r\n\r\n\x00\xff\x80\r\r\n\n\r\n--b--\r\n";
    for (content_type, body) in
        [("message/cpim", &cpim[..]), ("multipart/signed;boundary=b", &signed_body[..])]
    {
        let signed = ana.challenged(&ana.to("MESSAGE", "bob").body(content_type, body));
        ana.send(&signed.bytes());
        let message = bob.respond_to_next(200);
        assert_eq!(message.body(), body);
        assert_eq!(message.one("Content-Type"), content_type);
        assert_eq!(ana.answer_to(&signed).status(), 200);
    }
    let star = bob.registration(&["*"]).with("Expires: 0");
    bob.ask_signed(&star);
    let held = ana.to("MESSAGE", "bob").body("multipart/signed;boundary=b", signed_body);
    assert_eq!(ana.ask_signed(&held).status(), 202);
    bob.sign_in();
    assert_eq!(bob.respond_to_next(200).body(), signed_body);
}

/// RFC 3261 s8.2: what is accepted is done as a whole, and what is refused leaves nothing behind
/// that would be delivered later.
#[test]
fn what_is_refused_is_never_delivered_and_what_is_accepted_is() {
    let server = campus(&["ana", "bob"]);
    let mut ana = Peer::tcp(&server, "ana");
    let large = ana.to("MESSAGE", "bob").body("text/plain", &[b'x'; 60_000]);
    let foreign = Draft {
        from: "<sip:ana@elsewhere.example>;tag=1".to_owned(),
        ..ana.message("bob", "foreign")
    };
    for (status, draft) in [
        (403, foreign),
        (403, ana.message("bob", "by others").with("Route: <sip:elsewhere.example;lr>")),
        (404, ana.message("nobody", "to nobody")),
        (413, large),
        (420, ana.message("bob", "with more").with("Proxy-Require: unknown")),
        (480, ana.message("bob", "now or never").with("Expires: 0")),
        (483, ana.message("bob", "too far").hops("0")),
        (202, ana.message("bob", "later")),
    ] {
        let mut answer = ana.ask(&draft);
        if answer.status() == 407 {
            let signed = ana.signed(&draft, &answer);
            answer = ana.ask(&signed);
        }
        assert_eq!(answer.status(), status, "{}", answer.text());
    }
    let mut bob = Peer::udp(&server, "bob");
    bob.sign_in();
    assert_eq!(bob.respond_to_next(200).body(), b"later");
    bob.expect_silence();
}

/// One sender fills his share of somebody's queue and is told so; others still come through.
#[test]
fn one_sender_does_not_fill_a_queue() {
    let server = campus_with(&["ana", "bob", "eva"], "[messages]\nmax_held_per_user = 10\n");
    let mut eva = Peer::udp(&server, "eva");
    for n in 0..2 {
        assert_eq!(eva.ask_signed(&eva.message("bob", &format!("{n}"))).status(), 202);
    }
    let answer = eva.ask_signed(&eva.message("bob", "one more"));
    assert_eq!(answer.status(), 480);
    assert!(
        answer.text().starts_with("SIP/2.0 480 Too Many Of Your Messages"),
        "{}",
        answer.text()
    );
    let mut ana = Peer::udp(&server, "ana");
    assert_eq!(ana.ask_signed(&ana.message("bob", "hello")).status(), 202);
    let mut bob = Peer::udp(&server, "bob");
    bob.sign_in();
    for text in ["0", "1", "hello"] {
        assert_eq!(bob.respond_to_next(200).body(), text.as_bytes());
    }
    bob.expect_silence();
    assert_eq!(eva.ask_signed(&eva.message("bob", "again")).status(), 202, "there is room again");
}
