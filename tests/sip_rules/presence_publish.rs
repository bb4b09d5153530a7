//! PUBLISH (RFC 3903) over the wire.

use crate::peer::{Draft, Got, Peer};
use crate::presence::{
    OPEN, bare_publish, document, publication, publish, republish, subscribe, subscribed, text,
    watch,
};
use crate::server::{DOMAIN, Server};
use crate::{PASSWORD, campus, campus_with};

fn publications(server: &Server) -> u64 {
    let status = server.run(&["status", "--json"], None).json();
    status["publications"].as_u64().expect("a number")
}

fn asked(peer: &mut Peer, draft: &Draft) -> Got {
    peer.ask_signed(draft)
}

/// RFC 3903 s6 steps 3 and 6: another entity tag each time, Expires in the answer, neither
/// Record-Route nor Contact.
#[test]
fn a_publication_is_granted_with_a_new_entity_tag_each_time() {
    let server = campus_with(&["ana"], OPEN);
    let mut ana = Peer::udp(&server, "ana");
    let draft = publication(&ana, &document("ana", "open", "")).with("Record-Route: <sip:p;lr>");
    let challenge = ana.ask(&draft);
    assert_eq!(challenge.status(), 401, "a PUBLISH is challenged as by a user agent");
    let signed = ana.signed(&draft, &challenge);
    let answer = ana.ask(&signed);
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.one("Expires"), "3600");
    assert!(answer.all("Record-Route").is_empty() && answer.all("Contact").is_empty());
    let mut tags = vec![answer.one("SIP-ETag")];
    for basic in ["closed", "open", "open"] {
        let last = tags.last().cloned().unwrap_or_default();
        let next = republish(&mut ana, &last, basic, "");
        assert!(!tags.contains(&next), "{next} was given before");
        tags.push(next);
    }
    assert_eq!(publications(&server), 1);
}

/// RFC 3903 s6 step 3: a tag that is not there is 412, and nothing has changed.
#[test]
fn an_entity_tag_that_is_not_there_is_412_and_changes_nothing() {
    let server = campus_with(&["ana", "bob"], OPEN);
    let mut ana = Peer::udp(&server, "ana");
    let old = publish(&mut ana, "open", "");
    republish(&mut ana, &old, "open", "busy");
    let mut bob = Peer::udp(&server, "bob");
    watch(&mut bob, "ana");
    for tag in [&*old, "never-given"] {
        let closed = publication(&ana, &document("ana", "closed", ""));
        let answer = asked(&mut ana, &closed.with(&format!("SIP-If-Match: {tag}")));
        assert_eq!(answer.status(), 412);
        assert!(answer.all("SIP-ETag").is_empty());
    }
    bob.expect_silence();
    let two = publication(&ana, &document("ana", "open", "")).with("SIP-If-Match: a, b");
    assert_eq!(asked(&mut ana, &two).status(), 400);
}

/// RFC 3903 s6 step 4, decision 18b: 60 s at least, a day at most, never longer than asked.
#[test]
fn an_expiry_is_refused_below_a_minute_and_shortened_above_a_day() {
    let server = campus(&["ana"]);
    let mut ana = Peer::udp(&server, "ana");
    let draft = publication(&ana, &document("ana", "open", ""));
    let brief = asked(&mut ana, &draft.clone().with("Expires: 59"));
    assert_eq!((brief.status(), &*brief.one("Min-Expires")), (423, "60"));
    for (asks, gets) in [(60, "60"), (1_000, "1000"), (4_000_000_000_u32, "86400")] {
        let answer = asked(&mut ana, &draft.clone().again().with(&format!("Expires: {asks}")));
        assert_eq!((answer.status(), &*answer.one("Expires")), (200, gets));
    }
}

/// RFC 3903 s4.1, s4.3: without a body it lasts longer, with one it is modified (as one telephone
/// does in each refresh), with 0 it is gone.
#[test]
fn a_publication_is_refreshed_modified_and_removed_by_its_tag() {
    let server = campus_with(&["ana", "bob"], OPEN);
    let mut ana = Peer::udp(&server, "ana");
    let mut bob = Peer::udp(&server, "bob");
    watch(&mut bob, "ana");
    let first = publish(&mut ana, "open", "busy");
    assert!(text(&bob.respond_to_next(200)).contains("busy"));
    let refresh = bare_publish(&ana).with(&format!("SIP-If-Match: {first}")).with("Expires: 60");
    let answer = asked(&mut ana, &refresh);
    assert_eq!((answer.status(), &*answer.one("Expires")), (200, "60"));
    bob.expect_silence();
    let second = republish(&mut ana, &answer.one("SIP-ETag"), "open", "away");
    let body = text(&bob.respond_to_next(200));
    assert!(body.contains("away") && !body.contains("busy"), "{body}");
    // The same words again are no news.
    let third = republish(&mut ana, &second, "open", "away");
    bob.expect_silence();
    let removal = bare_publish(&ana).with(&format!("SIP-If-Match: {third}")).with("Expires: 0");
    let answer = asked(&mut ana, &removal);
    assert_eq!((answer.status(), &*answer.one("Expires")), (200, "0"));
    let body = text(&bob.respond_to_next(200));
    assert!(body.contains("closed") && !body.contains("away"), "{body}");
    assert_eq!(publications(&server), 0);
}

/// RFC 3903 s6 steps 1, 2, 5; security S45, S47: what cannot be published, and why.
#[test]
fn what_cannot_be_published_is_refused_with_its_own_status() {
    let server = campus_with(&["ana", "bob"], OPEN);
    let mut ana = Peer::tcp(&server, "ana");
    let own = document("ana", "open", "");
    let bytes = |peer: &Peer, body: &[u8]| bare_publish(peer).body("application/pidf+xml", body);
    let no_event = ana.to("PUBLISH", "ana").body("application/pidf+xml", own.as_bytes());
    let other_event = no_event.clone().with("Event: dialog");
    let other_type = bare_publish(&ana).body("text/plain", b"open");
    let encoded = publication(&ana, &own).with("Content-Encoding: gzip");
    let mut no_type = bare_publish(&ana);
    no_type.body = own.clone().into_bytes();
    let mut others = publication(&ana, &document("bob", "open", ""));
    others.uri = others.uri.replace("ana@", "bob@");
    others.to = format!("<{}>", others.uri);
    let entity = publication(&ana, &document("bob", "open", ""));
    let doctype = own.replacen("<presence", "<!DOCTYPE presence [<!ENTITY e \"x\">]><presence", 1);
    let large =
        own.replace("</presence>", &format!("<note>{}</note></presence>", "x".repeat(50_000)));
    for (draft, status) in [
        (no_event, 489),
        (other_event, 489),
        (other_type, 415),
        (encoded, 415),
        (no_type, 400),
        (bare_publish(&ana), 400),
        (others, 403),
        (entity, 403),
        (bytes(&ana, doctype.as_bytes()), 400),
        (bytes(&ana, b"\xff\xfe"), 400),
        (bytes(&ana, b"<presence/>"), 400),
        (bytes(&ana, large.as_bytes()), 413),
    ] {
        let answer = ana.ask(&draft);
        let answer = if answer.status() == 401 {
            let signed = ana.signed(&draft, &answer);
            ana.ask(&signed)
        } else {
            answer
        };
        assert_eq!(answer.status(), status, "{}", answer.text());
        match status {
            489 => assert_eq!(answer.one("Allow-Events"), "presence"),
            415 => assert_eq!(answer.one("Accept"), "application/pidf+xml"),
            _ => {}
        }
    }
    assert_eq!(publications(&server), 0);
}

/// Decision 18a: a device that publishes anew, having lost its tag, leaves no ghost behind.
#[test]
fn a_device_that_publishes_anew_retires_what_it_published_before() {
    let server = campus_with(&["ana"], OPEN);
    let mut ana = Peer::udp(&server, "ana");
    let old = publish(&mut ana, "open", "busy");
    publish(&mut ana, "open", "away");
    assert_eq!(publications(&server), 1);
    let refresh = bare_publish(&ana).with(&format!("SIP-If-Match: {old}"));
    assert_eq!(asked(&mut ana, &refresh).status(), 412);
}

/// RFC 3856 s6.9, s6.11.1; RFC 4479: each device has a tuple of its own, of persons there is one.
#[test]
fn the_devices_of_a_person_are_composed_into_one_document() {
    let server = campus_with(&["ana", "bob"], OPEN);
    let mut desk = Peer::udp(&server, "ana");
    let mut phone = Peer::tcp(&server, "ana");
    for (peer, urn) in [(&mut desk, "urn:uuid:1"), (&mut phone, "urn:uuid:2")] {
        let contact = format!("{};+sip.instance=\"<{urn}>\"", peer.contact());
        let register = peer.registration(&[&contact]);
        assert_eq!(peer.ask_signed(&register).status(), 200);
    }
    publish(&mut desk, "open", "busy");
    publish(&mut phone, "closed", "");
    assert_eq!(publications(&server), 2);
    let mut bob = Peer::tcp(&server, "bob");
    let body = text(&watch(&mut bob, "ana"));
    assert_eq!(body.matches("<tuple").count(), 2, "{body}");
    assert_eq!(body.matches(":person ").count(), 1, "{body}");
    assert!(body.contains("busy") && body.contains("closed") && body.contains("open"), "{body}");
}

/// RFC 3856 s7.2: who is registered and publishes nothing is there; who is neither is not, and a
/// document says so.
#[test]
fn a_registration_alone_is_open_and_nothing_at_all_is_closed() {
    let server = campus_with(&["ana", "bob"], OPEN);
    let mut bob = Peer::udp(&server, "bob");
    let notify = watch(&mut bob, "ana");
    assert_eq!(notify.one("Content-Type"), "application/pidf+xml");
    assert!(text(&notify).contains("<basic>closed</basic>"), "{}", text(&notify));
    let mut ana = Peer::udp(&server, "ana");
    ana.sign_in();
    let body = text(&bob.respond_to_next(200));
    assert!(body.contains("<basic>open</basic>"), "{body}");
    let contact = format!("{};expires=0", ana.contact());
    let goodbye = ana.registration(&[&contact]);
    assert_eq!(ana.ask_signed(&goodbye).status(), 200);
    let body = text(&bob.respond_to_next(200));
    assert!(body.contains("<basic>closed</basic>"), "{body}");
}

/// Decision 17: a publication outlives its device's last contact by the grace, and no longer.
#[test]
fn a_publication_ends_with_its_device() {
    let more = OPEN.replace("[presence]\n", "[presence]\ngrace = \"1s\"\n");
    let server = campus_with(&["ana", "bob"], &more);
    let mut ana = Peer::tcp(&server, "ana");
    ana.sign_in();
    publish(&mut ana, "open", "busy");
    let mut bob = Peer::udp(&server, "bob");
    assert!(text(&watch(&mut bob, "ana")).contains("busy"));
    drop(ana);
    let body = text(&bob.respond_to_next(200));
    assert!(!body.contains("busy") && body.contains("<basic>closed</basic>"), "{body}");
    assert_eq!(publications(&server), 0);
}

/// A device credential that is revoked takes along what it published; a person who is locked out,
/// everything.
#[test]
fn what_is_published_goes_with_its_device_and_with_its_person() {
    let server = campus_with(&["ana", "bob"], OPEN);
    let mut ana = Peer::udp(&server, "ana");
    publish(&mut ana, "open", "busy");
    let mut bob = Peer::udp(&server, "bob");
    watch(&mut bob, "ana");
    assert_eq!(server.run(&["user", "disable", "ana"], None).code, 0);
    let last = bob.respond_to_next(200);
    assert_eq!(last.one("Subscription-State"), "terminated;reason=noresource");
    assert_eq!(publications(&server), 0);
    let again = subscribe(&bob, "ana", "presence", 600);
    assert_eq!(bob.ask_signed(&again).status(), 404);
}

/// Decision 19: after a power cut a publication is there with its tag.
#[test]
fn a_publication_outlives_a_power_cut() {
    let mut server = campus_with(&["ana", "bob"], OPEN);
    let mut ana = Peer::udp(&server, "ana");
    let etag = publish(&mut ana, "open", "busy");
    // Within 100 ms it is on the disk; a durable change behind it says when.
    server.add_user("eva", PASSWORD);
    server.kill();
    server.start_again();
    assert_eq!(publications(&server), 1);
    ana.move_to(server.udp);
    let mut bob = Peer::udp(&server, "bob");
    let draft = subscribe(&bob, "ana", "presence", 0);
    let (_, _, notify) = subscribed(&mut bob, &draft);
    assert!(text(&notify).contains("busy"), "{}", text(&notify));
    republish(&mut ana, &etag, "open", "away");
}

/// RFC 3903 s6 step 1, RFC 3863 s4.1.1: a softphone that knows the server by its address says so in
/// the Request-URI and in the document; watchers know one name all the same.
#[test]
fn a_client_that_knows_the_server_by_its_address_publishes() {
    let server = campus_with(&["ana", "bob"], OPEN);
    let mut bob = Peer::udp(&server, "bob");
    watch(&mut bob, "ana");
    let mut ana = Peer::udp(&server, "ana");
    let host = server.udp.ip();
    let body =
        document("ana", "open", "busy").replace(&format!("ana@{DOMAIN}"), &format!("ana@{host}"));
    let mut draft = publication(&ana, &body);
    draft.uri = format!("sip:ana@{}", server.udp);
    assert_eq!(ana.ask_signed(&draft).status(), 200);
    let told = text(&bob.respond_to_next(200));
    assert!(told.contains(&format!("entity=\"sip:ana@{DOMAIN}\"")), "{told}");
    assert!(told.contains("busy"), "{told}");
    // Of somebody else it is as little as by the domain's name.
    let mut others = publication(&ana, &body.replace("sip:ana@", "sip:bob@"));
    others.uri = format!("sip:ana@{}", server.udp);
    assert_eq!(ana.ask_signed(&others).status(), 403);
}

/// Security L-xml: what a document may have is what the configuration says, for what is published and
/// for rules.
#[test]
fn documents_are_read_within_the_limits_of_the_configuration() {
    let server = campus_with(&["ana"], "[limits]\nxml_depth = 4\nxml_attributes = 3\n");
    let mut ana = Peer::udp(&server, "ana");
    let flat = document("ana", "open", "");
    let deep = document("ana", "open", "busy");
    let wide = flat.replace("id=\"desk\"", "id=\"desk\" a=\"\" b=\"\" c=\"\"");
    let deeper = deep.replace("<rpid:busy/>", "<rpid:other><x><y/></x></rpid:other>");
    for (document, status) in [(&flat, 200), (&deep, 200), (&wide, 400), (&deeper, 400)] {
        let answer = ana.ask_signed(&publication(&ana, document));
        assert_eq!(answer.status(), status, "{document}\n{}", answer.text());
    }
    let rules = "<ruleset xmlns=\"urn:ietf:params:xml:ns:common-policy\"><rule id=\"r\"><conditions>\
                 <identity><many><except domain=\"a.example\"/></many></identity></conditions></rule>\
                 </ruleset>";
    let printed = server.run(&["presence", "rules", "set", "ana", "-"], Some(rules));
    assert_eq!(printed.code, 2, "{}{}", printed.out, printed.err);
    assert!(printed.err.contains("more than 4 elements"), "{}", printed.err);
}
