//! The torture messages of RFC 4475: what the wire layer makes of each, as a datagram and out of
//! a stream, and what it reads from those that are well-formed.

#![expect(clippy::unwrap_used, reason = "a message that cannot be read is a test that failed")]

use std::path::Path;

use tagus::sip::forward;
use tagus::sip::framer::{Frame, FrameError, Framer};
use tagus::sip::header::{Contact, HeaderName};
use tagus::sip::method::Method;
use tagus::sip::uri::{Host, Uri};
use tagus::sip::wire::{Defect, DefectKind, Framing, Layout, Limits, Message, scan};

/// What must become of a message.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Verdict {
    /// Well-formed.
    Accepted,
    /// A request that is answered with this status.
    Answered(u16, DefectKind),
    /// A response that is dropped.
    Dropped(DefectKind),
}

use Verdict::{Accepted, Answered, Dropped};

/// Section, name, and what must become of it as a datagram.
const MESSAGES: &[(&str, &str, Verdict)] = &[
    ("3.1.1.1", "wsinv", Accepted),
    ("3.1.1.2", "intmeth", Accepted),
    ("3.1.1.3", "esc01", Accepted),
    ("3.1.1.4", "escnull", Accepted),
    ("3.1.1.5", "esc02", Accepted),
    ("3.1.1.6", "lwsdisp", Accepted),
    ("3.1.1.7", "longreq", Accepted),
    ("3.1.1.8", "dblreq", Accepted),
    ("3.1.1.9", "semiuri", Accepted),
    ("3.1.1.10", "transports", Accepted),
    ("3.1.1.11", "mpart01", Accepted),
    ("3.1.1.12", "unreason", Accepted),
    ("3.1.1.13", "noreason", Accepted),
    ("3.1.2.1", "badinv01", Answered(400, DefectKind::Malformed(HeaderName::Via))),
    ("3.1.2.2", "clerr", Answered(400, DefectKind::BodyTooShort)),
    ("3.1.2.3", "ncl", Answered(400, DefectKind::Malformed(HeaderName::ContentLength))),
    ("3.1.2.4", "scalar02", Answered(400, DefectKind::Malformed(HeaderName::CSeq))),
    ("3.1.2.5", "scalarlg", Dropped(DefectKind::Malformed(HeaderName::CSeq))),
    ("3.1.2.6", "quotbal", Answered(400, DefectKind::Malformed(HeaderName::To))),
    ("3.1.2.7", "ltgtruri", Answered(400, DefectKind::RequestUri)),
    ("3.1.2.8", "lwsruri", Answered(400, DefectKind::RequestUri)),
    ("3.1.2.9", "lwsstart", Answered(400, DefectKind::RequestLine)),
    ("3.1.2.10", "trws", Answered(400, DefectKind::RequestLine)),
    ("3.1.2.11", "escruri", Answered(400, DefectKind::RequestUri)),
    // Only who uses the Date needs to read it.
    ("3.1.2.12", "baddate", Accepted),
    ("3.1.2.13", "regbadct", Answered(400, DefectKind::Malformed(HeaderName::Contact))),
    ("3.1.2.14", "badaspec", Answered(400, DefectKind::Malformed(HeaderName::To))),
    ("3.1.2.15", "baddn", Answered(400, DefectKind::Malformed(HeaderName::From))),
    ("3.1.2.16", "badvers", Answered(505, DefectKind::Version)),
    ("3.1.2.17", "mismatch01", Answered(400, DefectKind::CSeqMethod)),
    ("3.1.2.18", "mismatch02", Answered(400, DefectKind::CSeqMethod)),
    ("3.1.2.19", "bigcode", Dropped(DefectKind::StatusCode)),
    // The transaction layer falls back to RFC 2543's identifier.
    ("3.2.1", "badbranch", Accepted),
    ("3.3.1", "insuf", Answered(400, DefectKind::Missing(HeaderName::From))),
    ("3.3.2", "unkscm", Accepted),
    ("3.3.3", "novelsc", Accepted),
    ("3.3.4", "unksm2", Accepted),
    ("3.3.5", "bext01", Accepted),
    ("3.3.6", "invut", Accepted),
    ("3.3.7", "regaut01", Accepted),
    ("3.3.8", "multi01", Answered(400, DefectKind::Duplicate(HeaderName::CSeq))),
    ("3.3.9", "mcl01", Answered(400, DefectKind::ContentLengths)),
    ("3.3.10", "bcast", Accepted),
    ("3.3.11", "zeromf", Accepted),
    ("3.3.12", "cparam01", Accepted),
    ("3.3.13", "cparam02", Accepted),
    ("3.3.14", "regescrt", Accepted),
    ("3.3.15", "sdp01", Accepted),
    ("3.4.1", "inv2543", Accepted),
];

fn bytes_of(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/torture");
    std::fs::read(folder.join(format!("{name}.dat"))).unwrap()
}

/// Scans, and checks what scanned.
fn read(bytes: &[u8], framing: Framing, layout: &mut Layout) -> Result<(), Defect> {
    scan(bytes, framing, &Limits::default(), layout)?;
    Message::new(bytes, layout).check()
}

fn verdict(result: Result<(), Defect>) -> Verdict {
    match result {
        Ok(()) => Accepted,
        Err(defect) if defect.answerable() => Answered(defect.status(), defect.kind()),
        Err(defect) => Dropped(defect.kind()),
    }
}

/// Runs `look` on a well-formed message.
fn look_at(name: &str, look: impl FnOnce(&Message<'_>)) {
    let bytes = bytes_of(name);
    let mut layout = Layout::default();
    assert_eq!(read(&bytes, Framing::Datagram, &mut layout), Ok(()), "{name}");
    look(&Message::new(&bytes, &layout));
}

/// RFC 4475 s3.1 to s3.4.
#[test]
fn each_torture_message_meets_its_verdict() {
    let mut wrong = Vec::new();
    for (section, name, expected) in MESSAGES {
        let got = verdict(read(&bytes_of(name), Framing::Datagram, &mut Layout::default()));
        if got != *expected {
            wrong.push(format!("s{section} {name}: {got:?} instead of {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn each_file_of_the_corpus_has_a_verdict() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/torture");
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .filter_map(|entry| {
            entry.unwrap().file_name().to_str()?.strip_suffix(".dat").map(str::to_owned)
        })
        .collect();
    files.sort();
    let mut named: Vec<&str> = MESSAGES.iter().map(|(_, name, _)| *name).collect();
    named.sort_unstable();
    assert_eq!(files, named);
}

/// RFC 4475 over a stream (RFC 3261 s18.3): the same verdicts where the end of the message can be
/// told, and no trust in what follows where it cannot.
#[test]
fn each_torture_message_meets_its_verdict_on_a_stream() {
    let mut wrong = Vec::new();
    for (section, name, expected) in MESSAGES {
        let bytes = bytes_of(name);
        let mut framer = Framer::new(&Limits::default());
        framer.push(&bytes);
        let frame = framer.next_frame().map(|frame| match frame {
            Some(Frame::Message(message)) => Some(message.to_vec()),
            _ => None,
        });
        let mut layout = Layout::default();
        let fine = match (*name, frame) {
            // The rest of the body may still come.
            ("clerr", Ok(None)) => true,
            ("ncl" | "mcl01" | "inv2543", Err(FrameError::Broken)) => {
                let defect = read(framer.remains(), Framing::Stream, &mut layout).unwrap_err();
                defect.status() == 400 && defect.answerable() && defect.closes_stream()
            }
            (_, Ok(Some(message))) => {
                let result = read(&message, Framing::Stream, &mut layout);
                let closes = result.is_err_and(|defect| defect.closes_stream());
                verdict(result) == *expected && !closes
            }
            _ => false,
        };
        if !fine {
            wrong.push(format!("s{section} {name}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// RFC 3261 s16.6 step 1: what RFC 4475 calls valid passes through a proxy and stays valid.
#[test]
fn each_valid_request_is_forwarded_as_a_valid_request() {
    for (section, name, expected) in MESSAGES {
        let bytes = bytes_of(name);
        let mut layout = Layout::default();
        let result = read(&bytes, Framing::Datagram, &mut layout);
        let message = Message::new(&bytes, &layout);
        if *expected != Accepted || result.is_err() || !message.is_request() {
            continue;
        }
        let plan = forward::Request {
            request_uri: None,
            via: b"SIP/2.0/UDP 192.0.2.99;branch=z9hG4bKus",
            max_forwards: 9,
            max_breadth: None,
            received: Some(([192, 0, 2, 7], 6_060).into()),
            drop_top_routes: 0,
            drop_credentials_for: Some("example.com"),
            drop_identity: false,
            record_route: None,
            add_headers: &[],
        };
        let mut out = Vec::new();
        forward::request(&message, &plan, &mut out);
        let mut after = Layout::default();
        // Content-Length is added where it was missing, so a stream can carry it.
        assert_eq!(read(&out, Framing::Stream, &mut after), Ok(()), "s{section} {name}");
        let forwarded = Message::new(&out, &after);
        assert_eq!(forwarded.method(), message.method(), "{name}");
        assert_eq!(forwarded.request_uri(), message.request_uri(), "{name}");
        assert_eq!(forwarded.body(), message.body(), "{name}");
        assert_eq!(forwarded.call_id(), message.call_id(), "{name}");
        assert_eq!(forwarded.vias().count(), message.vias().count() + 1, "{name}");
        for kept in [HeaderName::From, HeaderName::To, HeaderName::CSeq, HeaderName::Contact] {
            let lines = |message: &Message<'_>| -> Vec<Vec<u8>> {
                message.headers(kept).map(<[u8]>::to_vec).collect()
            };
            assert_eq!(lines(&forwarded), lines(&message), "{name} {kept:?}");
        }
    }
}

/// RFC 4475 s3.1.1.1.
#[test]
fn the_short_tortuous_invite_is_read_across_folds_and_white_space() {
    look_at("wsinv", |message| {
        assert_eq!(message.method(), Method::Invite);
        let uri = Uri::parse(message.request_uri()).unwrap();
        assert_eq!(uri.user(), Some(&b"vivekg"[..]));
        assert_eq!(uri.param("unknownparam"), Some(None));
        assert_eq!(message.to().unwrap().tag(), Some(&b"1918181833n"[..]));
        let from = message.from().unwrap();
        assert_eq!(from.display().unwrap(), "J Rosenberg \\\"");
        assert_eq!(from.tag(), Some(&b"98asjd8"[..]));
        assert_eq!(message.max_forwards(), Ok(Some(68)));
        assert_eq!(message.cseq().unwrap().number, 9);
        assert_eq!(message.named("subject"), Some(&b""[..]));
        assert_eq!(message.named("UnknownHeaderWithUnusualValue"), Some(&b";;,,;;,;"[..]));
        let vias: Vec<_> = message.vias().map(Result::unwrap).collect();
        let hosts: Vec<_> = vias.iter().map(tagus::sip::header::Via::sent_by).collect();
        assert_eq!(hosts, [&b"192.0.2.2"[..], b"spindle.example.com", b"192.168.255.111"]);
        let branches: Vec<_> = vias.iter().map(|via| via.branch().unwrap()).collect();
        assert_eq!(branches, [&b"390skdjuw"[..], b"z9hG4bK9ikj8", b"z9hG4bK30239"]);
        let route = message.routes().next().unwrap().unwrap().parsed_uri();
        assert_eq!(route.param("lr"), Some(None));
        assert_eq!(route.param("unknown-no-value"), Some(None));
        let Contact::Address(contact) = message.contacts().next().unwrap().unwrap() else {
            panic!("the contact is an address");
        };
        assert_eq!(contact.display().unwrap(), "Quoted string \"\"");
        assert_eq!(contact.param("newparam"), Some(Some(&b"newvalue"[..])));
        assert_eq!(contact.param("secondparam"), Some(None));
        assert_eq!(contact.q(), Some(330));
        assert_eq!(message.body().len(), 150);
    });
}

/// RFC 4475 s3.1.1.2.
#[test]
fn every_character_that_a_token_may_hold_is_read() {
    look_at("intmeth", |message| {
        let method = message.method();
        assert_eq!(method.as_bytes(), b"!interesting-Method0123456789_*+`.%indeed'~");
        assert!(!method.is_known());
        let uri = Uri::parse(message.request_uri()).unwrap();
        assert_eq!(uri.user(), Some(&b"1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*"[..]));
        assert_eq!(uri.password(), Some(&b"&it+has=1,weird!*pas$wo~d_too.(doesn't-it)"[..]));
        assert_eq!(message.to().unwrap().display().unwrap(), "BEL:\u{7} NUL:\0 DEL:\u{7f}");
        let from = message.from().unwrap();
        assert_eq!(from.display().unwrap(), "token1~` token2'+_ token3*%!.-");
        assert_eq!(from.tag(), Some(&b"_token~1'+`*%!-."[..]));
        assert_eq!(from.param("fromParam''~+*_!.-%").flatten(), Some("работающий".as_bytes()));
        assert_eq!(message.call_id(), b"intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{");
        let extension = message.named("extensionHeader-!.%*+_`'~").unwrap();
        assert_eq!(extension, "\u{feff}大停電".as_bytes());
    });
}

/// RFC 4475 s3.1.1.3.
#[test]
fn escapes_are_read_where_they_are_escapes_and_never_twice() {
    look_at("esc01", |message| {
        let uri = Uri::parse(message.request_uri()).unwrap();
        assert_eq!(uri.user_decoded().unwrap(), "sips:user@example.com");
        assert_eq!(uri.host(), Host::Name(b"example.net"));
        let to = message.to().unwrap().parsed_uri();
        assert!(to.equivalent(&Uri::parse(b"sip:user@example.com").unwrap()));
        let from = message.from().unwrap().parsed_uri();
        assert_eq!(from.user_decoded().unwrap(), "I have spaces");
        let Contact::Address(contact) = message.contacts().next().unwrap().unwrap() else {
            panic!("the contact is an address");
        };
        let contact = contact.parsed_uri();
        assert_eq!(contact.param("lr"), Some(None));
        assert_eq!(contact.param("name"), Some(Some(&b"v%61lue%25%34%31"[..])));
        let same = Uri::parse(b"sip:caller@host5.example.net;lr;name=value%2541").unwrap();
        assert!(contact.equivalent(&same));
        let other = Uri::parse(b"sip:caller@host5.example.net;lr;name=valueA").unwrap();
        assert!(!contact.equivalent(&other));
    });
}

/// RFC 4475 s3.1.1.4.
#[test]
fn escaped_nulls_do_not_shorten_a_user() {
    look_at("escnull", |message| {
        let to = message.to().unwrap().parsed_uri();
        assert_eq!(to.user_decoded().unwrap(), "null-\0-null");
        let users: Vec<_> = message
            .contacts()
            .map(|contact| match contact.unwrap() {
                Contact::Address(address) => address.parsed_uri(),
                Contact::Star => panic!("no star"),
            })
            .collect();
        assert_eq!(users.len(), 2);
        assert!(!users[0].equivalent(&users[1]));
        assert_eq!(users[1].user_decoded().unwrap(), "\0\0");
    });
}

/// RFC 4475 s3.1.1.5.
#[test]
fn a_percent_sign_outside_a_uri_escapes_nothing() {
    look_at("esc02", |message| {
        assert_eq!(message.method(), Method::Other(b"RE%47IST%45R"));
        assert_eq!(message.to().unwrap().display().unwrap(), "%Z%45");
        assert_eq!(message.contacts().count(), 2);
        assert!(message.named("C%6Fntact").is_some());
    });
}

/// RFC 4475 s3.1.1.6.
#[test]
fn a_display_name_may_touch_the_bracket() {
    look_at("lwsdisp", |message| {
        assert_eq!(message.from().unwrap().display().unwrap(), "caller");
    });
}

/// RFC 4475 s3.1.1.7.
#[test]
fn long_values_are_read_whole() {
    look_at("longreq", |message| {
        let from = message.from().unwrap();
        assert_eq!(from.tag().unwrap().len(), 2 + 50 * 3 + 3);
        assert_eq!(message.call_id().len(), "longreq.one".len() + 20 * 6 + "longcallid".len());
        assert_eq!(message.vias().count(), 34);
        assert!(message.to().unwrap().parsed_uri().port() == Some(6_000));
        assert_eq!(message.body().len(), 150);
    });
}

/// RFC 4475 s3.1.1.8, RFC 3261 s18.3.
#[test]
fn bytes_behind_content_length_in_a_datagram_are_discarded() {
    look_at("dblreq", |message| {
        assert_eq!(message.method(), Method::Register);
        assert_eq!(message.body(), b"");
        assert!(message.bytes().ends_with(b"Content-Length: 0\r\n\r\n"));
    });
}

/// RFC 4475 s3.1.1.9.
#[test]
fn semicolons_before_the_at_sign_belong_to_the_user() {
    look_at("semiuri", |message| {
        let uri = Uri::parse(message.request_uri()).unwrap();
        assert_eq!(uri.user_decoded().unwrap(), "user;par=u@example.net");
        assert_eq!(uri.host(), Host::Name(b"example.com"));
        assert_eq!(uri.params().count(), 0);
        assert_eq!(message.values(HeaderName::Accept).count(), 6);
    });
}

/// RFC 4475 s3.1.1.10.
#[test]
fn unknown_transports_in_a_via_are_read() {
    look_at("transports", |message| {
        let names: Vec<_> = message.vias().map(|via| via.unwrap().transport()).collect();
        assert_eq!(names, [&b"UDP"[..], b"SCTP", b"TLS", b"UNKNOWN", b"TCP"]);
    });
}

/// RFC 4475 s3.1.1.11.
#[test]
fn a_binary_body_with_nulls_is_one_body() {
    look_at("mpart01", |message| {
        assert_eq!(message.body().len(), 553);
        assert!(message.body().contains(&0));
        assert!(message.body().ends_with(b"\r\n--7a9cbec02ceef655--\r\n"));
    });
}

/// RFC 4475 s3.1.1.12, s3.1.1.13.
#[test]
fn reason_phrases_may_be_unusual_or_empty() {
    look_at("unreason", |message| {
        assert_eq!(message.status(), 200);
        assert!(message.reason().starts_with(b"= 2**3 * 5**2 \xd0\xbd"));
    });
    look_at("noreason", |message| {
        assert_eq!((message.status(), message.reason()), (100, &b""[..]));
        assert_eq!(message.method(), Method::Invite);
    });
}

/// RFC 4475 s3.2.1, s3.4.1.
#[test]
fn branches_without_an_identifier_name_no_transaction() {
    for name in ["badbranch", "inv2543"] {
        look_at(name, |message| assert!(!message.top_via().unwrap().has_magic_branch()));
    }
    look_at("inv2543", |message| {
        assert_eq!(message.from().unwrap().tag(), None);
        assert_eq!(message.max_forwards(), Ok(None));
        // Without brackets the parameter is To's.
        assert_eq!(message.to().unwrap().uri(), b"sip:+16505552222@ss1.example.net");
        assert_eq!(message.body().len(), 105);
    });
}

/// RFC 4475 s3.3.2 to s3.3.4.
#[test]
fn uris_of_other_schemes_are_uris() {
    for (name, scheme) in [("unkscm", &b"nobodyKnowsThisScheme"[..]), ("novelsc", b"soap.beep")] {
        look_at(name, |message| {
            let uri = Uri::parse(message.request_uri()).unwrap();
            assert_eq!(uri.scheme(), tagus::sip::uri::Scheme::Other(scheme));
        });
    }
    look_at("unksm2", |message| {
        assert_eq!(message.to().unwrap().uri(), b"isbn:2983792873");
        assert_eq!(message.from().unwrap().tag(), Some(&b"3234233"[..]));
    });
}

/// RFC 4475 s3.3.12 to s3.3.14.
#[test]
fn parameters_of_a_contact_are_told_from_those_of_its_uri() {
    let contact = |name: &str, look: fn(tagus::sip::header::ContactAddress<'_>)| {
        look_at(name, |message| match message.contacts().next().unwrap().unwrap() {
            Contact::Address(address) => look(address),
            Contact::Star => panic!("{name} has no star"),
        });
    };
    contact("cparam01", |address| {
        assert_eq!(address.uri(), b"sip:+19725552222@gw1.example.net");
        assert_eq!(address.param("unknownparam"), Some(None));
    });
    contact("cparam02", |address| {
        assert_eq!(address.uri(), b"sip:+19725552222@gw1.example.net;unknownparam");
        assert_eq!(address.param("unknownparam"), None);
    });
    contact("regescrt", |address| {
        let headers = address.parsed_uri().headers();
        assert_eq!(headers, Some(&b"Route=%3Csip:sip.example.com%3E"[..]));
    });
}
