//! RFC 5438: what a store tells the senders of messages.

use crate::campus;
use crate::peer::{Draft, Peer};

/// A message in CPIM whose sender asks for `wishes`.
fn asking(peer: &Peer, to: &str, wishes: &str) -> Draft {
    let cpim = format!(
        "From: <sip:ana@campus.test>\r\nTo: <sip:{to}@campus.test>\r\n\
         DateTime: 2026-11-28T10:00:00Z\r\nNS: imdn <urn:ietf:params:imdn>\r\n\
         imdn.Message-ID: m-1\r\nimdn.Disposition-Notification: {wishes}\r\n\r\n\
         Content-type: text/plain\r\nContent-length: 5\r\n\r\nhello"
    );
    peer.to("MESSAGE", to).body("message/cpim", cpim.as_bytes())
}

/// The next request, which must be a notification from bob that says all this.
fn expect_notification(peer: &mut Peer, wanted: &[&str]) {
    let got = peer.respond_to_next(200);
    let body = String::from_utf8(got.body()).expect("text");
    assert!(got.one("From").contains("<sip:bob@campus.test>"), "{}", got.text());
    assert_eq!(got.one("Content-Type"), "message/cpim");
    for part in ["message/imdn+xml", "Content-Disposition: notification"].iter().chain(wanted) {
        assert!(body.contains(part), "no {part} in {body}");
    }
}

/// RFC 5438 s8.1: who asked for "processing" is told that the message is stored, once; who did not
/// ask is told nothing.
#[test]
fn a_stored_message_is_notified_once_to_whom_asked() {
    let server = campus(&["ana", "bob"]);
    let mut ana = Peer::udp(&server, "ana");
    ana.sign_in();
    let other = asking(&ana, "bob", "negative-delivery, display");
    let body = String::from_utf8(other.body.clone()).expect("text").replace("m-1", "m-0");
    let other = ana.to("MESSAGE", "bob").body("message/cpim", body.as_bytes());
    assert_eq!(ana.ask_signed(&other).status(), 202);
    ana.expect_silence();
    let message = asking(&ana, "bob", "processing, negative-delivery");
    assert_eq!(ana.ask_signed(&message).status(), 202);
    let wanted = ["<message-id>m-1</message-id>", "<processing-notification>", "<stored/>"];
    expect_notification(&mut ana, &wanted);
    ana.expect_silence();
}

/// RFC 5438 s8.2: a message that runs out, or that the only device refuses, failed; who took it
/// tells himself.
#[test]
fn a_message_that_nobody_will_have_is_notified_as_failed() {
    let server = campus(&["ana", "bob"]);
    let mut ana = Peer::udp(&server, "ana");
    ana.sign_in();
    let failed = ["<message-id>m-1</message-id>", "<delivery-notification>", "<failed/>"];
    // It runs out.
    let short = asking(&ana, "bob", "negative-delivery").with("Expires: 1");
    assert_eq!(ana.ask_signed(&short).status(), 202);
    expect_notification(&mut ana, &failed);
    // It is refused.
    let other = asking(&ana, "bob", "negative-delivery");
    assert_eq!(ana.ask_signed(&other).status(), 202);
    let mut bob = Peer::udp(&server, "bob");
    bob.sign_in();
    bob.respond_to_next(415);
    expect_notification(&mut ana, &failed);
    ana.expect_silence();
    bob.expect_silence();
}

/// RFC 5438 s8: a notification waits like a message, and says nothing of itself.
#[test]
fn a_notification_waits_for_a_sender_who_left() {
    let server = campus(&["ana", "bob"]);
    let mut ana = Peer::udp(&server, "ana");
    assert_eq!(ana.ask_signed(&asking(&ana, "bob", "processing")).status(), 202);
    ana.sign_in();
    expect_notification(&mut ana, &["<stored/>"]);
    let mut bob = Peer::udp(&server, "bob");
    bob.sign_in();
    assert!(String::from_utf8_lossy(&bob.respond_to_next(200).body()).ends_with("hello"));
    ana.expect_silence();
}

/// The same message under another name.
fn named(peer: &Peer, draft: &Draft, id: &str) -> Draft {
    let body = String::from_utf8(draft.body.clone()).expect("text").replace("m-1", id);
    peer.to("MESSAGE", "bob").body("message/cpim", body.as_bytes())
}

/// RFC 5438 s8.2: the account is deleted while a message waits for it.
#[test]
fn a_message_for_a_person_who_is_deleted_is_notified_as_failed() {
    let server = campus(&["ana", "bob"]);
    let mut ana = Peer::udp(&server, "ana");
    ana.sign_in();
    assert_eq!(ana.ask_signed(&asking(&ana, "bob", "negative-delivery")).status(), 202);
    assert_eq!(server.run(&["user", "delete", "bob"], None).code, 0);
    expect_notification(&mut ana, &["<message-id>m-1</message-id>", "<failed/>"]);
    ana.expect_silence();
}

/// RFC 5438 s7.2.1: both devices refuse, and that is told once; neither is asked twice.
#[test]
fn a_message_that_two_devices_refuse_is_notified_once() {
    let server = campus(&["ana", "bob"]);
    let mut ana = Peer::udp(&server, "ana");
    ana.sign_in();
    let (mut one, mut two) = (Peer::udp(&server, "bob"), Peer::udp(&server, "bob"));
    let device = |peer: &mut Peer, name: &str| {
        let contact = format!("{};+sip.instance=\"<urn:uuid:{name}>\"", peer.contact());
        let draft = peer.registration(&[&contact]);
        assert_eq!(peer.ask_signed(&draft).status(), 200);
    };
    let gone = |peer: &mut Peer, name: &str| {
        let contact = format!("{};expires=0;+sip.instance=\"<urn:uuid:{name}>\"", peer.contact());
        let draft = peer.registration(&[&contact]);
        assert_eq!(peer.ask_signed(&draft).status(), 200);
    };
    device(&mut one, "one");
    device(&mut two, "two");
    gone(&mut one, "one");
    gone(&mut two, "two");
    assert_eq!(ana.ask_signed(&asking(&ana, "bob", "negative-delivery")).status(), 202);
    device(&mut one, "one");
    one.respond_to_next(415);
    one.expect_silence();
    ana.expect_silence();
    device(&mut two, "two");
    two.respond_to_next(415);
    expect_notification(&mut ana, &["<failed/>"]);
    two.expect_silence();
    ana.expect_silence();
}

/// RFC 5438: what was written goes before what became of other messages, one at a time, and a call
/// goes before both.
#[test]
fn a_call_goes_before_held_messages_and_these_before_notifications() {
    let server = campus(&["ana", "bob"]);
    let mut ana = Peer::udp(&server, "ana");
    let wish = asking(&ana, "bob", "processing");
    let told = String::from_utf8(wish.body.clone())
        .expect("text")
        .replace("text/plain", "message/imdn+xml\r\nContent-Disposition: notification");
    let told = ana.to("MESSAGE", "bob").body("message/cpim", told.as_bytes());
    for draft in [named(&ana, &told, "n-1"), ana.message("bob", "one"), named(&ana, &told, "n-2")] {
        assert_eq!(ana.ask_signed(&draft).status(), 202);
    }
    assert_eq!(ana.ask_signed(&ana.message("bob", "two")).status(), 202);
    let mut bob = Peer::udp(&server, "bob");
    bob.sign_in();
    let first = bob.request();
    assert_eq!(first.body(), b"one");
    let call = ana.challenged(&ana.to("INVITE", "bob"));
    ana.send(&call.bytes());
    let rings = bob.request();
    assert_eq!(rings.method(), "INVITE", "before all that still waits");
    bob.respond(&rings, 486, "");
    assert_eq!(bob.request().method(), "ACK");
    bob.respond(&first, 200, "");
    assert_eq!(bob.respond_to_next(200).body(), b"two");
    for id in ["n-1", "n-2"] {
        let message = bob.request();
        assert!(String::from_utf8_lossy(&message.body()).contains(id), "{}", message.text());
        bob.expect_silence();
        bob.respond(&message, 200, "");
    }
    bob.expect_silence();
}

/// RFC 3862 s2.2, RFC 5438 s12.2: requests for notifications and notifications pass byte for byte,
/// live, held and sent later.
#[test]
fn requests_for_notifications_and_notifications_pass_byte_for_byte() {
    let server = campus(&["ana", "bob"]);
    let mut ana = Peer::udp(&server, "ana");
    let mut bob = Peer::udp(&server, "bob");
    bob.sign_in();
    let odd = "From:  \"A\\\"na\" <sip:ana@campus.test>\nTo: <sip:bob@campus.test>\r\n\
               NS: x <urn:ietf:params:imdn>\r\nx.Message-ID: m-7\r\nX:;lang=de  \u{e4} \r\n\
               x.Disposition-Notification: display ,positive-delivery;a=b\r\n\r\n\
               content-TYPE: text/plain\r\n\r\n\u{0} odd";
    let told = asking(&ana, "bob", "display").body;
    let told = String::from_utf8(told).expect("text").replace("text/plain", "message/imdn+xml");
    for (n, body) in [odd, &told].into_iter().enumerate() {
        let draft = ana.challenged(&ana.to("MESSAGE", "bob").body("Message/CPIM", body.as_bytes()));
        ana.send(&draft.bytes());
        assert_eq!(bob.respond_to_next(200).body(), body.as_bytes(), "live {n}");
        assert_eq!(ana.answer_to(&draft).status(), 200);
    }
    let star = bob.registration(&["*"]).with("Expires: 0");
    bob.ask_signed(&star);
    for body in [odd, &told] {
        let draft = ana.to("MESSAGE", "bob").body("Message/CPIM", body.as_bytes());
        assert_eq!(ana.ask_signed(&draft).status(), 202);
    }
    bob.sign_in();
    for body in [odd, &told] {
        let held = bob.respond_to_next(200);
        assert_eq!(held.body(), body.as_bytes(), "held");
        assert_eq!(held.one("Content-Type"), "Message/CPIM");
    }
}

/// RFC 3994 s4: what says that somebody types goes to who is there, is never kept, and does not
/// hold up what he types.
#[test]
fn somebody_typing_is_relayed_and_never_kept() {
    let server = campus(&["ana", "bob"]);
    let mut ana = Peer::udp(&server, "ana");
    let typing = |ana: &Peer| {
        ana.to("MESSAGE", "bob").body(
            "application/im-iscomposing+xml",
            b"<isComposing xmlns='urn:ietf:params:xml:ns:im-iscomposing'><state>active</state>\
              </isComposing>",
        )
    };
    assert_eq!(ana.ask_signed(&typing(&ana)).status(), 202);
    let mut bob = Peer::udp(&server, "bob");
    bob.sign_in();
    bob.expect_silence();
    let live = ana.challenged(&typing(&ana));
    ana.send(&live.bytes());
    assert!(bob.respond_to_next(200).body().ends_with(b"</isComposing>"));
    assert_eq!(ana.answer_to(&live).status(), 200);
    // RFC 3994 s4: 415 is the composer's to see.
    let unwanted = ana.challenged(&typing(&ana));
    ana.send(&unwanted.bytes());
    bob.respond_to_next(415);
    assert_eq!(ana.answer_to(&unwanted).status(), 415);
    // A device that says nothing: the answer comes before the timeout.
    let silent = ana.challenged(&typing(&ana));
    ana.send(&silent.bytes());
    assert_eq!(ana.answer_to(&silent).status(), 202);
}
