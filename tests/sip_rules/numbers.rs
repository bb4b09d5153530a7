//! RFC 3966 and RFC 3261 s19.1.1, s21.4.23: people are rung by their telephone numbers.

use crate::peer::Peer;
use crate::server::{DOMAIN, Server};
use crate::{PASSWORD, campus, two};

fn give(server: &Server, user: &str, number: &str) {
    let printed = server.run(&["user", "number", user, number], None);
    assert_eq!(printed.code, 0, "{}{}", printed.out, printed.err);
}

/// RFC 3966 s3, s5.1.5: every way to write the number reaches the person, and no other number does.
#[test]
fn a_number_rings_the_person_who_has_it() {
    let (server, mut ana, mut bob) = two();
    give(&server, "bob", "2101; +351 239 802 101");
    for uri in [
        format!("sip:2101@{DOMAIN}"),
        format!("sip:2101@{DOMAIN};user=phone"),
        format!("sip:21-01;phone-context={DOMAIN}@{DOMAIN};user=phone"),
        format!("sip:%2B351239802101@{DOMAIN}"),
        "tel:2101".to_owned(),
        format!("tel:2101;phone-context={DOMAIN}"),
        "tel:+351-239-802-101".to_owned(),
    ] {
        let mut draft = ana.message("bob", "by number");
        draft.uri.clone_from(&uri);
        let signed = ana.challenged(&draft);
        ana.send(&signed.bytes());
        let request = bob.request();
        assert_eq!(request.uri(), format!("sip:bob@{}", bob.address), "{uri}");
        bob.respond(&request, 200, "");
        assert_eq!(ana.answer_to(&signed).status(), 200, "{uri}");
    }
    for (uri, status) in [
        (format!("sip:2102@{DOMAIN}"), 404),
        (format!("sip:101@{DOMAIN}"), 404),
        (format!("sip:2101;phone-context=elsewhere.test@{DOMAIN};user=phone"), 404),
        ("tel:2101;ext=5".to_owned(), 403),
        ("tel:2101;phone-context=+44".to_owned(), 403),
        ("tel:2102".to_owned(), 403),
    ] {
        let mut draft = ana.message("bob", "wrong number");
        draft.uri.clone_from(&uri);
        assert_eq!(ana.ask_signed(&draft).status(), status, "{uri}");
    }
    bob.expect_silence();
}

/// A name comes before a number, unless the address says that it is one.
#[test]
fn a_person_who_is_called_like_a_number_is_not_rung_in_its_place() {
    let server = campus(&["ana", "bob", "2101"]);
    give(&server, "bob", "2101");
    let mut ana = Peer::udp(&server, "ana");
    let mut bob = Peer::udp(&server, "bob");
    bob.sign_in();
    let mut named = Peer::udp(&server, "2101");
    named.sign_in();
    let signed = ana.challenged(&ana.message("2101", "to the name"));
    ana.send(&signed.bytes());
    let request = named.request();
    named.respond(&request, 200, "");
    assert_eq!(ana.answer_to(&signed).status(), 200);
    let mut draft = ana.message("2101", "to the number");
    draft.uri = format!("sip:2101@{DOMAIN};user=phone");
    let signed = ana.challenged(&draft);
    ana.send(&signed.bytes());
    let request = bob.request();
    bob.respond(&request, 200, "");
    assert_eq!(ana.answer_to(&signed).status(), 200);
}

/// A number that somebody has is not given twice.
#[test]
fn a_number_is_given_to_one_person_at_the_command_line() {
    let server = campus(&["ana", "bob"]);
    give(&server, "ana", "2101");
    let twice = server.run(&["user", "number", "bob", "21 01"], None);
    assert_eq!(twice.code, 4, "{}", twice.err);
    assert!(twice.err.contains("ana has the number 2101 already"), "{}", twice.err);
    let shown = server.run(&["user", "show", "ana", "--json"], None).json();
    assert_eq!(shown["number"], "2101");
    give(&server, "ana", "");
    give(&server, "bob", "2101");
}

/// Nobody re-enrols: an old hash signs in, and the offer fits it.
#[test]
fn an_imported_person_signs_in_with_the_old_password() {
    let server = campus(&["ana"]);
    let file = tempfile::NamedTempFile::new().expect("a file");
    let line = |user: &str, domain: &str| {
        use tagus::http_digest::{Algorithm, ha1};
        let ha1 = ha1(Algorithm::Md5, user.as_bytes(), domain.as_bytes(), PASSWORD.as_bytes());
        format!("{user},{domain},{}\n", ha1.hex().as_str())
    };
    let rows = ["username,domain,ha1\n", &line("bob", DOMAIN), &line("eva", "voip.test")].concat();
    std::fs::write(file.path(), rows).expect("a file");
    let path = file.path().to_str().expect("a path");
    let printed = server.run(&["user", "import", path], None);
    assert_eq!(printed.code, 1, "{}{}", printed.out, printed.err);
    assert!(printed.out.contains("line 3: eva: "), "{}", printed.out);
    assert!(printed.out.contains("1 added, 1 failed"), "{}", printed.out);
    let status = server.run(&["status", "--json"], None).json();
    assert_eq!(status["md5_only_accounts"], 1);
    for user in ["bob", "ana"] {
        let mut peer = Peer::udp(&server, user);
        let contact = peer.contact();
        let draft = peer.registration(&[&contact]);
        let offered = peer.ask(&draft);
        assert_eq!(offered.status(), 401);
        let challenges = offered.all("WWW-Authenticate");
        assert_eq!(challenges.len(), 1, "{user}: {challenges:?}");
        assert!(challenges[0].contains("algorithm=MD5"), "{challenges:?}");
        peer.sign_in();
    }
}
