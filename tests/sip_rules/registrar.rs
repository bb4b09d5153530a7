//! RFC 3261 s10: the registrar.

use std::net::Ipv4Addr;

use crate::peer::{Draft, Got, Peer};
use crate::server::{DOMAIN, Server};
use crate::{PASSWORD, campus, two};

/// The contacts that a 200 lists, without their parameters, and what is left of each.
fn listed(answer: &Got) -> Vec<(String, u32)> {
    assert_eq!(answer.status(), 200, "{}", answer.text());
    let mut listed: Vec<(String, u32)> = answer
        .all("Contact")
        .iter()
        .map(|value| {
            let (uri, rest) = value.split_once('>').expect("a bracketed contact");
            let expires = rest.split("expires=").nth(1).expect("an expires parameter");
            let expires = expires.split(';').next().and_then(|digits| digits.parse().ok());
            (uri.trim_start_matches('<').to_owned(), expires.expect("a number"))
        })
        .collect();
    listed.sort();
    listed
}

fn ana() -> (crate::Server, Peer) {
    let server = campus(&["ana", "bob"]);
    let ana = Peer::udp(&server, "ana");
    (server, ana)
}

/// RFC 3261 s10.3 step 1, s16.5: another domain is not served here.
#[test]
fn a_registration_with_another_domain_is_refused() {
    let (_server, mut ana) = ana();
    let mut register = ana.registration(&[]);
    register.uri = "sip:elsewhere.example".to_owned();
    assert_eq!(ana.ask_signed(&register).status(), 403);
}

/// RFC 3261 s10.3 step 1: people type the server's name where the domain belongs, and read on their
/// telephone what belongs there.
#[test]
fn a_registration_with_the_name_of_the_server_is_told_the_domain() {
    let server = Server::start_at(&[], Ipv4Addr::LOCALHOST.into(), "im.campus.test", "");
    server.add_user("ana", PASSWORD);
    let mut ana = Peer::udp(&server, "ana");
    let there = "sip:im.campus.test";
    for (uri, person) in [(there, "sip:ana@im.campus.test"), (there, "sip:ana@campus.test")] {
        let mut register = ana.registration(&[]);
        register.uri = uri.to_owned();
        register.from = format!("<{person}>;tag=1");
        register.to = format!("<{person}>");
        let answer = ana.ask(&register);
        assert!(
            answer.text().starts_with("SIP/2.0 403 The Domain Is campus.test\r\n"),
            "{}",
            answer.text()
        );
    }
    ana.sign_in();
}

/// RFC 3261 s10.3 step 2.
#[test]
fn a_registration_that_requires_an_unknown_extension_is_420() {
    let (_server, mut ana) = ana();
    let register = ana.registration(&[]).with("Require: unknown-extension");
    let refused = ana.ask(&register);
    assert_eq!(refused.status(), 420);
    assert_eq!(refused.one("Unsupported"), "unknown-extension");
}

/// RFC 3261 s10.3 step 3, s22.2: nothing is bound without credentials.
#[test]
fn a_registration_without_credentials_is_401_and_binds_nothing() {
    let (_server, mut ana) = ana();
    let register = ana.registration(&[&ana.contact()]);
    let refused = ana.ask(&register);
    assert_eq!(refused.status(), 401);
    assert!(refused.all("WWW-Authenticate").iter().all(|value| value.starts_with("Digest ")));
    assert!(refused.all("Proxy-Authenticate").is_empty());
    let query = ana.registration(&[]);
    assert_eq!(listed(&ana.ask_signed(&query)), []);
}

/// RFC 3261 s10.3 step 4.
#[test]
fn nobody_registers_for_somebody_else() {
    let (_server, mut ana, mut bob) = two();
    let mut register = ana.registration(&[&ana.contact()]);
    register.to = format!("<sip:bob@{DOMAIN}>");
    assert_eq!(ana.ask_signed(&register).status(), 403);
    let query = bob.registration(&[]);
    assert_eq!(listed(&bob.ask_signed(&query)).len(), 1);
}

/// RFC 3261 s10.3 step 5.
#[test]
fn an_address_of_record_of_another_domain_is_404() {
    let (_server, mut ana) = ana();
    let mut register = ana.registration(&[&ana.contact()]);
    register.to = "<sip:ana@elsewhere.example>".to_owned();
    assert_eq!(ana.ask_signed(&register).status(), 404);
}

/// RFC 3261 s10.3 step 5: parameters removed, escapes undone, the host without case.
#[test]
fn the_address_of_record_is_made_canonical() {
    let (_server, mut ana, mut bob) = two();
    let mut register = bob.registration(&[]);
    register.to = "Bob <sip:%62ob@CAMPUS.test;transport=tcp;x=y>".to_owned();
    let answer = bob.ask_signed(&register);
    assert_eq!(listed(&answer).len(), 1, "the same row");
    let signed = ana.challenged(&ana.message("bob", "here?"));
    ana.send(&signed.bytes());
    bob.respond_to_next(200);
    assert_eq!(ana.answer_to(&signed).status(), 200);
}

/// RFC 3261 s10.3 step 6.
#[test]
fn a_star_with_another_contact_or_another_expires_is_400() {
    let (_server, mut ana) = ana();
    ana.sign_in();
    let contact = ana.contact();
    for draft in [
        ana.registration(&["*"]),
        ana.registration(&["*"]).with("Expires: 60"),
        ana.registration(&["*", &contact]).with("Expires: 0"),
        ana.registration(&[&contact, "*"]).with("Expires: 0"),
    ] {
        let answer = ana.ask_signed(&draft);
        assert_eq!(answer.status(), 400, "{}", answer.text());
    }
    let query = ana.registration(&[]);
    assert_eq!(listed(&ana.ask_signed(&query)).len(), 1, "nothing has changed");
}

/// RFC 3261 s10.3 step 6.
#[test]
fn a_star_with_expires_0_removes_every_binding() {
    let (_server, mut ana) = ana();
    let other = "<sip:ana@127.0.0.1:9>";
    let register = ana.registration(&[&ana.contact(), other]);
    assert_eq!(listed(&ana.ask_signed(&register)).len(), 2);
    let star = ana.registration(&["*"]).with("Expires: 0");
    assert_eq!(listed(&ana.ask_signed(&star)), []);
}

/// RFC 3261 s10.3 steps 6 and 7: with the same Call-ID only a higher CSeq changes anything, and
/// what fails changes nothing at all.
#[test]
fn an_older_registration_of_the_same_call_changes_nothing() {
    let (_server, mut ana) = ana();
    let contact = ana.contact();
    let mut old = ana.registration(&["<sip:ana@127.0.0.1:9>", &contact]).with("Expires: 0");
    let mut star = ana.registration(&["*"]).with("Expires: 0");
    ana.sign_in();
    for late in [&mut old, &mut star] {
        late.cseq = 1;
        let answer = ana.ask_signed(late);
        assert!(answer.status() >= 400, "{}", answer.text());
    }
    let query = ana.registration(&[]);
    let kept = listed(&ana.ask_signed(&query));
    assert_eq!(kept.len(), 1);
    assert!(kept[0].1 > 400);
}

/// RFC 3261 s10.3 step 7: the parameter, then the header, then what the house gives.
#[test]
fn a_contact_lasts_as_its_parameter_says_then_the_header_then_the_default() {
    let (_server, mut ana) = ana();
    let draft = ana
        .registration(&["<sip:ana@127.0.0.1:7>;expires=300", "<sip:ana@127.0.0.1:9>"])
        .with("Expires: 200");
    // The house may give a little less, so that not all come back at once.
    let answer = listed(&ana.ask_signed(&draft));
    assert!((201..=300).contains(&answer[0].1), "{answer:?}");
    assert!((100..=200).contains(&answer[1].1), "{answer:?}");
    let draft = ana.registration(&["<sip:ana@127.0.0.1:9>"]);
    let answer = listed(&ana.ask_signed(&draft));
    assert!((400..=600).contains(&answer[1].1), "{answer:?}");
}

/// RFC 3261 s10.3 step 7, s20.23.
#[test]
fn too_short_an_interval_is_423_with_min_expires() {
    let (_server, mut ana) = ana();
    let draft = ana.registration(&["<sip:ana@127.0.0.1:9>;expires=5"]);
    let refused = ana.ask_signed(&draft);
    assert_eq!(refused.status(), 423);
    assert_eq!(refused.one("Min-Expires"), "60");
    let query = ana.registration(&[]);
    assert_eq!(listed(&ana.ask_signed(&query)), []);
}

/// RFC 3261 s10.3 step 7, s19.1.4.
#[test]
fn a_contact_in_another_spelling_is_the_same_contact() {
    let (_server, mut ana) = ana();
    let draft = ana.registration(&["<sip:ana@127.0.0.1:9;Transport=UDP>"]);
    assert_eq!(listed(&ana.ask_signed(&draft)).len(), 1);
    let draft = ana.registration(&["<SIP:%61na@127.0.0.1:9;transport=udp>;expires=0"]);
    assert_eq!(listed(&ana.ask_signed(&draft)), []);
}

/// RFC 3261 s10.3 step 7: another Call-ID renews, and at 0 removes, whatever its CSeq.
#[test]
fn another_call_renews_and_removes_a_binding() {
    let (_server, mut ana) = ana();
    let contact = "<sip:ana@127.0.0.1:9>";
    for _ in 0..3 {
        let draft = ana.registration(&[contact]);
        ana.ask_signed(&draft);
    }
    for (expires, left) in [(900, 1), (0, 0)] {
        let mut draft = ana.registration(&[contact]).with(&format!("Expires: {expires}"));
        draft.call_id = format!("other-{expires}");
        draft.cseq = 1;
        let answer = listed(&ana.ask_signed(&draft));
        assert_eq!(answer.len(), left);
        assert!(answer.iter().all(|(_, seconds)| (601..=expires).contains(seconds)));
    }
}

/// RFC 3261 s10.3 step 8, s10.3: Record-Route has no meaning here.
#[test]
fn a_200_lists_every_binding_and_no_record_route() {
    let (_server, mut ana) = ana();
    let first = ana.registration(&["<sip:ana@127.0.0.1:7>"]);
    ana.ask_signed(&first);
    let second =
        ana.registration(&["<sip:ana@127.0.0.1:9>"]).with("Record-Route: <sip:p.example;lr>");
    let answer = ana.ask_signed(&second);
    assert_eq!(listed(&answer).len(), 2);
    assert!(answer.all("Record-Route").is_empty());
}

/// RFC 3261 s10.3: "in the order that they are received", and answered so.
#[test]
fn registrations_are_carried_out_in_the_order_in_which_they_come() {
    let server = campus(&["ana"]);
    let mut ana = Peer::tcp(&server, "ana");
    let contacts: Vec<String> = (1..=8).map(|n| format!("<sip:ana@127.0.0.1:{n}>")).collect();
    let drafts: Vec<_> = contacts
        .iter()
        .map(|contact| {
            let draft = ana.registration(&[contact.as_str()]);
            ana.challenged(&draft)
        })
        .collect();
    let all: Vec<u8> = drafts.iter().flat_map(crate::peer::Draft::bytes).collect();
    ana.send(&all);
    for (place, draft) in drafts.iter().enumerate() {
        let answer = ana.next();
        assert_eq!(answer.one("CSeq"), format!("{} REGISTER", draft.cseq));
        assert_eq!(listed(&answer).len(), place + 1);
    }
}

/// RFC 3261 s10.3: "Registrars MUST NOT generate 6xx responses"; s8.2: of what is rejected no
/// part is done, here the good contact that each of these brings.
#[test]
fn every_refusal_of_a_registration_is_below_600_and_leaves_no_trace() {
    let (server, mut ana) = ana();
    let own = ana.contact();
    let call = ana.registration(&[]).call_id;
    ana.sign_in();
    let good = "<sip:ana@127.0.0.1:9>";
    let many: Vec<String> = (1..=20).map(|port| format!("<sip:ana@127.0.0.1:{port}>")).collect();
    let ourselves = format!("<sip:ana@{}>", server.udp);
    type Change = fn(&mut Draft);
    let nothing: Change = |_| {};
    let cases: [(u16, &[&str], &str, Change); 18] = [
        (400, &[good, "*"], "Expires: 0", nothing),
        (400, &[good, "<sip:ana@127.0.0.1:7"], "X: y", nothing),
        (403, &[good, "<mailto:ana@campus.test>"], "X: y", nothing),
        (400, &[good], "X: y", |draft| draft.from = "<sip:ana@campus.test>".to_owned()),
        (400, &[good], "Authorization: Digest rubbish", nothing),
        (400, &[good], "X: y", |draft| draft.max_forwards = Some("many".to_owned())),
        (401, &[good], "X: y", nothing),
        (403, &[good, &ourselves], "X: y", nothing),
        (403, &many.iter().map(String::as_str).collect::<Vec<_>>(), "X: y", nothing),
        (403, &[good], "X: y", |draft| draft.uri = "sip:elsewhere.example".to_owned()),
        (403, &[good], "X: y", |draft| draft.to = format!("<sip:bob@{DOMAIN}>")),
        (403, &[good], "X: y", |draft| draft.from = "<sip:ana@else.example>;tag=1".to_owned()),
        (404, &[good], "X: y", |draft| draft.to = "<sip:ana@elsewhere.example>".to_owned()),
        (416, &[good], "X: y", |draft| draft.uri = "mailto:ana@campus.test".to_owned()),
        (420, &[good], "Require: unknown", nothing),
        (423, &[good, "<sip:ana@127.0.0.1:7>;expires=1"], "X: y", nothing),
        (483, &[good], "X: y", |draft| draft.max_forwards = Some("0".to_owned())),
        (500, &[good, &own], "X: y", |draft| draft.cseq = 0),
    ];
    for (status, contacts, line, change) in cases {
        let mut draft = ana.registration(contacts).with(line);
        assert_eq!(draft.call_id, call);
        change(&mut draft);
        let mut answer = ana.ask(&draft);
        if answer.status() == 401 && status != 401 {
            let signed = ana.signed(&draft, &answer);
            answer = ana.ask(&signed);
        }
        assert_eq!(answer.status(), status, "{contacts:?}, {line}: {}", answer.text());
        let query = ana.registration(&[]);
        let left = listed(&ana.ask_signed(&query));
        assert_eq!(left.len(), 1, "after {status} for {contacts:?}: {left:?}");
    }
}

/// RFC 3261 s10.3: "binding updates [...] visible to the proxy".
#[test]
fn a_contact_is_reached_as_soon_as_it_is_registered_and_not_after_it_is_removed() {
    let (_server, mut ana, mut bob) = two();
    let signed = ana.challenged(&ana.message("bob", "now"));
    ana.send(&signed.bytes());
    let message = bob.request();
    assert_eq!(message.body(), b"now");
    bob.respond(&message, 200, "");
    assert_eq!(ana.answer_to(&signed).status(), 200);
    let leave = bob.registration(&["*"]).with("Expires: 0");
    bob.ask_signed(&leave);
    assert_eq!(ana.ask_signed(&ana.to("INVITE", "bob")).status(), 480);
    bob.expect_silence();
}
