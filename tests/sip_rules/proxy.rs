//! RFC 3261 s16.2 to s16.6: what happens to a request on its way.

use crate::peer::Peer;
use crate::server::DOMAIN;
use crate::{campus, two};

/// RFC 3261 s16.2, s16.6 steps 2, 3, 8: Request-URI, Max-Forwards, Via; and all else as it came.
#[test]
fn a_forwarded_request_changes_only_what_it_must() {
    let (_server, mut ana, mut bob) = two();
    let body = b"\xff\x00 not text\r\n\r\nat all\n";
    let draft = ana
        .to("X-UNKNOWN", "bob")
        .with("X-First: a,, b;;")
        .with("Subject:   spaces  inside  ")
        .with("x-second: <<>>")
        .body("application/octet-stream", body);
    let signed = ana.challenged(&draft);
    ana.send(&signed.bytes());
    let request = bob.request();
    assert_eq!(request.method(), "X-UNKNOWN");
    assert_eq!(request.uri(), format!("sip:bob@{}", bob.address));
    assert_eq!(request.one("Max-Forwards"), "69");
    let vias = request.all("Via");
    assert_eq!(vias.len(), 2, "{}", request.text());
    assert!(vias[0].starts_with("SIP/2.0/UDP 127.0.0.1:"), "{}", vias[0]);
    assert!(vias[0].contains(";branch=z9hG4bK"), "{}", vias[0]);
    assert!(vias[1].starts_with(signed.via.split(";rport").next().unwrap_or_default()));
    for (name, value) in [
        ("From", signed.from.as_str()),
        ("To", &signed.to),
        ("Call-ID", &signed.call_id),
        ("X-First", "a,, b;;"),
        ("Subject", "spaces  inside"),
        ("X-Second", "<<>>"),
    ] {
        assert_eq!(request.one(name), value);
    }
    let text = request.text();
    let place = |name: &str| text.find(name).unwrap_or_else(|| panic!("no {name} in\n{text}"));
    assert!(place("X-First") < place("Subject") && place("Subject") < place("x-second"));
    assert_eq!(request.body(), body);
    // RFC 3261 s22.3: credentials for this realm end here.
    assert!(request.all("Proxy-Authorization").is_empty());
    bob.respond(&request, 200, "");
    assert_eq!(ana.answer_to(&signed).status(), 200);
}

/// RFC 3261 s16.6 step 3.
#[test]
fn max_forwards_is_added_where_there_is_none() {
    let (_server, mut ana, mut bob) = two();
    let mut draft = ana.message("bob", "hops");
    draft.max_forwards = None;
    let signed = ana.challenged(&draft);
    ana.send(&signed.bytes());
    let hops: u8 = bob.respond_to_next(200).one("Max-Forwards").parse().expect("a number");
    assert!((69..=70).contains(&hops));
}

/// RFC 3261 s16.3 check 3.
#[test]
fn a_request_without_hops_left_is_483_and_options_is_answered() {
    let (_server, mut ana, mut bob) = two();
    for method in ["MESSAGE", "INVITE", "X-UNKNOWN"] {
        let refused = ana.ask(&ana.to(method, "bob").hops("0"));
        assert_eq!(refused.status(), 483, "{method}");
    }
    let answer = ana.ask(&ana.to("OPTIONS", "bob").hops("0"));
    assert_eq!(answer.status(), 200, "{}", answer.text());
    bob.expect_silence();
}

/// RFC 3261 s16.3 check 4, s16.6 step 8: what comes back as it went out is a loop, under whatever
/// method; what comes back for somebody else is a spiral.
#[test]
fn a_loop_is_482_and_a_spiral_is_not() {
    let (_server, mut ana, mut bob) = two();
    let signed = ana.challenged(&ana.message("bob", "round"));
    ana.send(&signed.bytes());
    let request = bob.request();
    let ours = request.all("Via").remove(0);
    for method in ["MESSAGE", "OPTIONS"] {
        let mut looped = signed.clone().again();
        looped.method = method.to_owned();
        looped.via = format!("{}, {ours}", looped.via);
        assert_eq!(bob.ask(&looped).status(), 482, "{method}");
    }
    let mut spiral = signed.again();
    spiral.uri = format!("sip:ana@{DOMAIN}");
    spiral.via = format!("{}, {ours}", spiral.via);
    assert_ne!(bob.ask(&spiral).status(), 482);
}

/// RFC 3261 s16.3 check 4: "not an error" for a proxy.
#[test]
fn a_request_that_comes_by_two_ways_is_forwarded_twice() {
    let (_server, mut ana, mut bob) = two();
    let draft = ana.to("INFO", "bob");
    let first = ana.challenged(&draft);
    let mut second = ana.challenged(&draft.again().again());
    second.cseq = first.cseq;
    ana.send(&first.bytes());
    ana.send(&second.bytes());
    let (one, two) = (bob.respond_to_next(200), bob.respond_to_next(200));
    assert_ne!(one.branch(), two.branch());
    assert_eq!(one.one("CSeq"), two.one("CSeq"));
}

/// RFC 3261 s16.3 check 5.
#[test]
fn an_unknown_extension_in_proxy_require_is_420_with_unsupported() {
    let (_server, mut ana, mut bob) = two();
    let refused = ana.ask(&ana.message("bob", "x").with("Proxy-Require: foo, bar"));
    assert_eq!(refused.status(), 420);
    assert_eq!(refused.one("Unsupported"), "foo, bar");
    // Require is the recipient's to understand.
    let signed = ana.challenged(&ana.message("bob", "x").with("Require: foo"));
    ana.send(&signed.bytes());
    assert_eq!(bob.respond_to_next(200).one("Require"), "foo");
}

/// RFC 3261 s16.3 check 6, RFC 7616 s3.8.
#[test]
fn a_request_without_credentials_is_407_and_goes_nowhere() {
    let (_server, mut ana, mut bob) = two();
    for method in ["MESSAGE", "INVITE", "INFO"] {
        let refused = ana.ask(&ana.to(method, "bob"));
        assert_eq!(refused.status(), 407);
        assert!(refused.all("WWW-Authenticate").is_empty());
        assert!(!refused.all("Proxy-Authenticate").is_empty());
    }
    bob.expect_silence();
}

/// RFC 3261 s16.4: a Route that is ours is removed; one that leads elsewhere is not followed.
#[test]
fn our_own_route_is_removed_and_a_foreign_one_is_refused() {
    let (server, mut ana, mut bob) = two();
    let ours = format!("Route: <sip:{};lr>", server.udp);
    let signed = ana.challenged(&ana.message("bob", "x").with(&ours));
    ana.send(&signed.bytes());
    assert!(bob.respond_to_next(200).all("Route").is_empty());
    let foreign = ana.message("bob", "x").with("Route: <sip:192.0.2.99;lr>");
    assert_eq!(ana.ask(&foreign).status(), 403);
    bob.expect_silence();
}

/// RFC 3261 s16.4, s16.5: `maddr` of ours, escapes, case and parameters make no other person.
#[test]
fn a_request_uri_is_made_canonical_before_it_is_looked_up() {
    let (server, mut ana, mut bob) = two();
    for uri in [
        "sip:%62ob@CAMPUS.TEST".to_owned(),
        format!("sip:bob@{DOMAIN};maddr=127.0.0.1;transport=udp"),
        format!("sip:bob@{DOMAIN};user=phone;x=y"),
        format!("sip:bob@{}", server.udp),
        "sip:bob@localhost".to_owned(),
    ] {
        let signed = ana.challenged(&ana.draft("INFO", &uri));
        ana.send(&signed.bytes());
        let request = bob.respond_to_next(200);
        assert_eq!(request.uri(), format!("sip:bob@{}", bob.address), "{uri}");
        assert_eq!(ana.answer_to(&signed).status(), 200);
    }
}

/// RFC 3261 s16.5: no target, no such person, nobody there.
#[test]
fn nobody_is_404_and_somebody_who_is_away_is_480() {
    let server = campus(&["ana", "bob"]);
    let mut ana = Peer::udp(&server, "ana");
    for (method, user, status) in [
        ("INFO", "nobody", 404),
        ("MESSAGE", "nobody", 404),
        ("INFO", "bob", 480),
        ("MESSAGE", "bob", 202),
    ] {
        let answer = ana.ask_signed(&ana.to(method, user));
        assert_eq!(answer.status(), status, "{method} {user}: {}", answer.text());
    }
}

/// RFC 3261 s16.5: a domain that is not ours is nobody's way out.
#[test]
fn a_request_for_another_domain_is_refused() {
    let (_server, mut ana, _bob) = two();
    let answer = ana.ask_signed(&ana.draft("MESSAGE", "sip:bob@elsewhere.example"));
    assert_eq!(answer.status(), 403);
}

/// RFC 3261 s16.5: "any particular target only once"; s16.6 step 8: a branch for each.
#[test]
fn each_contact_gets_a_request_of_its_own_once() {
    let (server, mut ana, mut bob) = two();
    let mut other = Peer::udp(&server, "bob");
    other.sign_in();
    let again = bob.registration(&[&bob.contact().replace("sip:bob", "SIP:%62ob")]);
    bob.ask_signed(&again);
    let signed = ana.challenged(&ana.to("INFO", "bob"));
    ana.send(&signed.bytes());
    let (one, two) = (bob.request(), other.request());
    assert_ne!(one.branch(), two.branch());
    bob.expect_silence();
    other.expect_silence();
    bob.respond(&one, 200, "");
    other.respond(&two, 200, "");
    assert_eq!(ana.answer_to(&signed).status(), 200);
    ana.expect_silence();
}

/// RFC 3261 s16.6 step 9: a datagram may lack what a stream needs.
#[test]
fn content_length_is_added_on_the_way_to_a_stream() {
    let (server, mut ana, _bob) = two();
    let mut eva = Peer::tcp(&server, "bob");
    eva.sign_in();
    let signed = ana.challenged(&ana.message("bob", "hello"));
    let text = String::from_utf8(signed.bytes()).expect("text");
    ana.send(text.replace("Content-Length: 5\r\n", "").as_bytes());
    assert_eq!(eva.request().one("Content-Length"), "5");
}

/// RFC 3261 s16.6 step 7: no Route is left, so the Request-URI says where it goes, even if that is
/// not where the registration came from.
#[test]
fn a_forwarded_request_goes_to_where_its_request_uri_names() {
    let (server, mut ana, mut bob) = two();
    let mut device = Peer::udp(&server, "bob");
    let contact = format!("<sip:bob@{}>", device.address);
    let leave = bob.registration(&["*"]).with("Expires: 0");
    assert_eq!(bob.ask_signed(&leave).status(), 200);
    let register = bob.registration(&[&contact]);
    assert_eq!(bob.ask_signed(&register).status(), 200);
    let draft = ana.to("INFO", "bob").with(&format!("Route: <sip:{};lr>", server.udp));
    let signed = ana.challenged(&draft);
    ana.send(&signed.bytes());
    let got = device.respond_to_next(200);
    assert_eq!(format!("<{}>", got.uri()), contact);
    assert!(got.all("Route").is_empty(), "{}", got.text());
    assert_eq!(ana.answer_to(&signed).status(), 200);
    bob.expect_silence();
}
