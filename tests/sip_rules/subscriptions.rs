//! RFC 6665 on the notifier's side, with the registration event package (RFC 3680).

use crate::campus;
use crate::peer::{Draft, Got, Peer};
use crate::presence::subscribed;
use crate::server::DOMAIN;

fn subscribe(peer: &Peer, user: &str, expires: u32) -> Draft {
    peer.to("SUBSCRIBE", user)
        .with("Event: reg")
        .with(&format!("Contact: {}", peer.contact()))
        .with(&format!("Expires: {expires}"))
}

/// A request within the dialog that an answer began.
fn within(peer: &Peer, first: &Draft, answer: &Got, expires: u32) -> Draft {
    let target = answer.one("Contact");
    let target = target.trim_start_matches('<').trim_end_matches('>');
    let mut draft = peer
        .draft("SUBSCRIBE", target)
        .with("Event: reg")
        .with(&format!("Contact: {}", peer.contact()))
        .with(&format!("Expires: {expires}"));
    draft.from.clone_from(&first.from);
    draft.to = answer.one("To");
    draft.call_id.clone_from(&first.call_id);
    draft.cseq = first.cseq + 1;
    draft
}

fn text(notify: &Got) -> String {
    String::from_utf8(notify.body()).expect("text")
}

/// RFC 6665 s4.2.1, s4.2.2: 200 with Expires, then a NOTIFY in the dialog, at once, with all there
/// is.
#[test]
fn a_subscription_is_granted_and_told_everything_at_once() {
    let server = campus(&["ana"]);
    let mut ana = Peer::udp(&server, "ana");
    ana.sign_in();
    let draft = subscribe(&ana, "ana", 600);
    let (signed, answer, notify) = subscribed(&mut ana, &draft);
    assert_eq!(answer.one("Expires"), "600");
    assert_eq!(notify.one("Event"), "reg");
    assert!(notify.one("Subscription-State").starts_with("active;expires="));
    assert_eq!(notify.one("Call-ID"), signed.call_id);
    assert_eq!(notify.one("From"), answer.one("To"));
    assert_eq!(notify.one("To"), signed.from);
    assert_eq!(notify.uri(), format!("sip:ana@{}", ana.address));
    assert_eq!(notify.one("Content-Type"), "application/reginfo+xml");
    assert!(notify.one("Contact").starts_with("<sip:"));
    assert_eq!(notify.one("Max-Forwards"), "70");
    let body = text(&notify);
    assert!(body.contains("version=\"0\" state=\"full\""), "{body}");
    assert!(body.contains(&format!("aor=\"sip:ana@{DOMAIN}\"")), "{body}");
    assert!(body.contains(&format!("<uri>sip:ana@{}</uri>", ana.address)), "{body}");
}

/// RFC 3680 s4.7: another device that comes and goes.
#[test]
fn a_device_that_comes_is_told_to_the_others() {
    let server = campus(&["ana"]);
    let mut ana = Peer::udp(&server, "ana");
    ana.sign_in();
    let draft = subscribe(&ana, "ana", 600).with("Accept: application/reginfo+xml");
    subscribed(&mut ana, &draft);
    let mut other = Peer::tcp(&server, "ana");
    other.sign_in();
    let notify = ana.respond_to_next(200);
    let body = text(&notify);
    assert!(body.contains("version=\"1\" state=\"partial\""), "{body}");
    assert!(body.contains("event=\"registered\""), "{body}");
    assert!(
        body.contains(&format!("<uri>sip:ana@{};transport=tcp</uri>", other.address)),
        "{body}"
    );
    assert_eq!(notify.one("CSeq"), "2 NOTIFY");
    drop(other);
    let body = text(&ana.respond_to_next(200));
    assert!(body.contains("state=\"terminated\" event=\"deactivated\""), "{body}");
}

/// RFC 6665 s4.2.1.2, s4.2.1.4, s4.4.3: refreshed, ended, fetched.
#[test]
fn a_subscription_is_refreshed_and_ended_within_its_dialog() {
    let server = campus(&["ana"]);
    let mut ana = Peer::tcp(&server, "ana");
    let draft = subscribe(&ana, "ana", 600);
    let (first, answer, _) = subscribed(&mut ana, &draft);
    let again = within(&ana, &first, &answer, 300);
    let (second, granted, notify) = subscribed(&mut ana, &again);
    assert_eq!(granted.one("Expires"), "300");
    assert_eq!(granted.one("To"), answer.one("To"));
    assert!(text(&notify).contains("state=\"full\""));
    let end = within(&ana, &second, &answer, 0);
    let (third, _, notify) = subscribed(&mut ana, &end);
    assert_eq!(notify.one("Subscription-State"), "terminated;reason=timeout");
    let late = within(&ana, &third, &answer, 600);
    assert_eq!(ana.ask_signed(&late).status(), 481);
    let fetch = subscribe(&ana, "ana", 0);
    let (_, _, notify) = subscribed(&mut ana, &fetch);
    assert_eq!(notify.one("Subscription-State"), "terminated;reason=timeout");
    assert!(text(&notify).contains("state=\"full\""));
    let status = server.run(&["status", "--json"], None).json();
    assert_eq!(status["subscriptions"], 0);
}

/// RFC 6665 s4.1.2.2, s4.2.1.1, s7.1; RFC 3680 s4.5, s4.6.
#[test]
fn what_cannot_be_subscribed_to_is_refused_with_its_own_status() {
    let server = campus(&["ana", "bob"]);
    let mut ana = Peer::udp(&server, "ana");
    let contact = format!("Contact: {}", ana.contact());
    let to = |user: &str| ana.to("SUBSCRIBE", user).with(&contact);
    let no_event = to("ana");
    let unknown = to("ana").with("Event: moon-phase");
    let brief = to("ana").with("Event: reg").with("Expires: 59");
    let accept = to("ana").with("Event: reg").with("Accept: application/pidf+xml");
    let others = to("bob").with("Event: reg");
    let body = to("ana").with("Event: reg").body("application/filter", b"x");
    let two = to("ana").with("Event: reg").with(&contact);
    let mut stranger = to("ana").with("Event: reg");
    stranger.to += ";tag=nobody";
    for (draft, status) in [
        (no_event, 489),
        (unknown, 489),
        (brief, 423),
        (accept, 406),
        (others, 403),
        (body, 415),
        (two, 400),
        (stranger, 481),
    ] {
        let refused = ana.ask(&draft);
        assert_eq!(refused.status(), 401, "a SUBSCRIBE is challenged as by a user agent");
        let signed = ana.signed(&draft, &refused);
        let refused = ana.ask(&signed);
        assert_eq!(refused.status(), status, "{}", refused.text());
        match status {
            489 => assert_eq!(refused.one("Allow-Events"), "presence, presence.winfo, reg"),
            423 => assert_eq!(refused.one("Min-Expires"), "60"),
            _ => {}
        }
    }
    ana.expect_silence();
    let status = server.run(&["status", "--json"], None).json();
    assert_eq!(status["subscriptions"], 0);
}

/// RFC 3261 s12.2.2: an older request of the dialog is 500.
#[test]
fn an_older_subscribe_of_the_dialog_is_500() {
    let server = campus(&["ana"]);
    let mut ana = Peer::udp(&server, "ana");
    let draft = subscribe(&ana, "ana", 600);
    let (first, answer, _) = subscribed(&mut ana, &draft);
    let again = within(&ana, &first, &answer, 600);
    let mut signed = ana.challenged(&again);
    signed.cseq = first.cseq;
    let challenge = ana.ask(&again);
    let mut late = ana.signed(&again, &challenge);
    late.cseq = first.cseq;
    assert_eq!(ana.ask(&late).status(), 500);
}

/// RFC 6665 s4.2.2, RFC 5057 s5.1: a subscriber that knows nothing of it is left alone.
#[test]
fn a_notify_answered_with_481_ends_the_subscription() {
    let server = campus(&["ana"]);
    let mut ana = Peer::udp(&server, "ana");
    let draft = subscribe(&ana, "ana", 600);
    let signed = ana.challenged(&draft);
    assert_eq!(ana.ask(&signed).status(), 200);
    ana.respond_to_next(481);
    while server.run(&["status", "--json"], None).json()["subscriptions"] != 0 {}
    ana.sign_in();
    ana.expect_silence();
}

/// Decision 8: NOTIFYs go to whom the SUBSCRIBE came from, wherever its Contact points.
#[test]
fn a_contact_elsewhere_gets_no_notify() {
    let server = campus(&["ana"]);
    let victim = std::net::UdpSocket::bind("127.0.0.8:0").expect("a port");
    victim.set_nonblocking(true).expect("nonblocking");
    let mut ana = Peer::udp(&server, "ana");
    let draft = ana
        .to("SUBSCRIBE", "ana")
        .with("Event: reg")
        .with(&format!("Contact: <sip:ana@{}>", victim.local_addr().expect("an address")));
    let (_, _, notify) = subscribed(&mut ana, &draft);
    assert_eq!(notify.from, server.udp);
    assert!(victim.recv(&mut [0; 1]).is_err());
}
