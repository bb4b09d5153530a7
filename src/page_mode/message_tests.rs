use std::hash::RandomState;

use proptest::prelude::*;

use super::*;
use crate::sip::wire::{Framing, Layout, Limits, scan};

/// A MESSAGE with these headers and this body, looked at by `look`.
fn with<T>(headers: &str, body: &str, look: impl FnOnce(&Message<'_>) -> T) -> T {
    let text = format!(
        "MESSAGE sip:bob@campus.example SIP/2.0\r\n\
         Via: SIP/2.0/UDP h;branch=z9hG4bKa\r\nFrom: <sip:ana@campus.example>;tag=1\r\n\
         To: <sip:bob@campus.example>\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut layout = Layout::default();
    scan(text.as_bytes(), Framing::Datagram, &Limits::default(), &mut layout).unwrap();
    look(&Message::new(text.as_bytes(), &layout))
}

const IDENTITY: &str = "Call-ID: c1\r\nCSeq: 1 MESSAGE\r\n";

fn ends(headers: &str, retention: u64) -> Option<u64> {
    let arrived = WallTime::from_unix_secs(1_000);
    with(&format!("{IDENTITY}{headers}"), "hello", |message| {
        expires_at(message, arrived, Duration::from_secs(retention)).map(WallTime::unix_secs)
    })
}

/// RFC 3428 s7: Expires counts from the arrival, within what the house keeps.
#[test]
fn a_message_runs_out_when_it_says_but_not_after_the_house_rule() {
    assert_eq!(ends("Expires: 60\r\n", 600), Some(1_060));
    assert_eq!(ends("", 600), Some(1_600));
    assert_eq!(ends("Expires: 4294967295\r\n", 600), Some(1_600));
    assert_eq!(ends("Expires: 0\r\n", 600), None, "now or never");
}

/// RFC 3994 s3: what tells that somebody types is worth nothing later, wrapped or not.
#[test]
fn what_says_that_somebody_types_is_known_as_such() {
    let composing = |content_type: &str, body: &str| {
        with(&format!("{IDENTITY}Content-Type: {content_type}\r\n"), body, is_composing)
    };
    assert!(composing("application/im-iscomposing+xml", "<x/>"));
    assert!(composing("Application/IM-isComposing+XML; charset=UTF-8", "<x/>"));
    assert!(composing(
        "message/cpim",
        "From: <sip:a@b>\r\n\r\nContent-Type: application/im-iscomposing+xml\r\n\r\n<x/>"
    ));
    assert!(!composing(
        "message/cpim",
        "From: <sip:a@b>\r\n\r\nContent-Type: text/plain\r\n\r\nhi"
    ));
    assert!(!composing("text/plain", "application/im-iscomposing+xml"));
    assert!(!with(IDENTITY, "no type at all", is_composing));
}

fn print(hasher: &RandomState, from: &str, headers: &str, body: &str) -> u64 {
    with(headers, body, |message| fingerprint(hasher, from, message))
}

/// RFC 3428 s7: the sender whose 202 got lost sends the same again, in another transaction.
#[test]
fn the_same_message_again_has_the_same_fingerprint() {
    let hasher = RandomState::new();
    let first = print(&hasher, "ana", IDENTITY, "hello");
    assert_eq!(first, print(&hasher, "ana", &format!("{IDENTITY}X: y\r\n"), "hello"));
    for (from, headers, body) in [
        ("eva", IDENTITY, "hello"),
        ("ana", "Call-ID: c2\r\nCSeq: 1 MESSAGE\r\n", "hello"),
        ("ana", "Call-ID: c1\r\nCSeq: 2 MESSAGE\r\n", "hello"),
        ("ana", IDENTITY, "hello!"),
    ] {
        assert_ne!(first, print(&hasher, from, headers, body), "{from} {headers} {body}");
    }
}

/// RFC 5438 s6.3: a Message-ID names the message whatever carries it; one in the text does not.
#[test]
fn a_message_id_is_the_fingerprint_where_there_is_one() {
    let hasher = RandomState::new();
    let of = |headers: &str, id: &str, text: &str| {
        let body = format!("NS: imdn <urn:ietf:params:imdn>\r\n{id}\r\n\r\nX: y\r\n\r\n{text}");
        print(&hasher, "ana", &format!("{headers}Content-Type: message/cpim\r\n"), &body)
    };
    let other = "Call-ID: c2\r\nCSeq: 9 MESSAGE\r\n";
    let id = "imdn.Message-ID: 34jk324j";
    assert_eq!(of(IDENTITY, id, "hello"), of(other, id, "hello"));
    assert_ne!(of(IDENTITY, id, "hello"), of(IDENTITY, "imdn.Message-ID: other", "hello"));
    let quoted = "Subject: imdn.Message-ID: 34jk324j";
    assert_ne!(of(IDENTITY, quoted, "hello"), of(other, quoted, "hello"));
}

proptest! {
    #[test]
    fn no_body_makes_page_mode_panic(body in "(imdn\\.Message-ID:|\r\n|[a-z ]|<){0,40}") {
        let hasher = RandomState::new();
        for content_type in ["message/cpim", "text/plain"] {
            let headers = format!("{IDENTITY}Content-Type: {content_type}\r\n");
            with(&headers, &body, |message| {
                let _ = is_composing(message);
                let _ = fingerprint(&hasher, "ana", message);
            });
        }
    }
}
