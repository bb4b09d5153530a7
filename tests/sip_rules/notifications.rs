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
