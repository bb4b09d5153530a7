//! RFC 3261 s8: where the server answers by itself.

use crate::peer::Peer;
use crate::server::DOMAIN;
use crate::{campus, two};

fn server_uri() -> String {
    format!("sip:{DOMAIN}")
}

/// RFC 3261 s8.2.1: 405 MUST carry Allow.
#[test]
fn a_method_that_is_not_served_here_is_405_with_allow() {
    let server = campus(&[]);
    let mut ana = Peer::udp(&server, "ana");
    for method in ["INVITE", "MESSAGE", "X-UNKNOWN"] {
        let refused = ana.ask(&ana.draft(method, &server_uri()));
        assert_eq!(refused.status(), 405, "{method}: {}", refused.text());
        let allow = refused.one("Allow");
        assert!(allow.split(", ").any(|method| method == "REGISTER"), "{allow}");
    }
}

/// RFC 3261 s8.2.2: "MUST ignore any malformed header fields that are not necessary" and unknown
/// ones.
#[test]
fn unknown_headers_are_ignored() {
    let server = campus(&[]);
    let mut ana = Peer::udp(&server, "ana");
    let options =
        ana.draft("OPTIONS", &server_uri()).with("X-Unknown: (((").with("Retry-After: soon");
    assert_eq!(ana.ask(&options).status(), 200);
}

/// RFC 3261 s8.2.2.1, s16.3 check 2.
#[test]
fn a_request_uri_of_an_unknown_scheme_is_416() {
    let server = campus(&[]);
    let mut ana = Peer::udp(&server, "ana");
    for uri in ["unknown:bob", "http://campus.test/", "mailto:bob@campus.test"] {
        let mut draft = ana.draft("MESSAGE", uri);
        draft.to = "<sip:bob@campus.test>".to_owned();
        assert_eq!(ana.ask(&draft).status(), 416, "{uri}");
    }
}

/// RFC 3261 s8.2.2.2: the same From tag, Call-ID and CSeq under another branch: 482, if the first
/// was for us. A retry after a challenge has another CSeq, and a retransmission the same branch.
#[test]
fn a_request_for_us_that_comes_by_two_ways_is_482_the_second_time() {
    let server = campus(&["ana", "bob"]);
    let mut ana = Peer::udp(&server, "ana");
    let contact = ana.contact();
    let register = ana.registration(&[&contact]);
    for (done, draft) in [(200, register), (202, ana.message("bob", "once"))] {
        let first = ana.challenged(&draft);
        assert_eq!(ana.ask(&first).status(), done);
        let mut second = first.clone().again();
        second.cseq = first.cseq;
        let refused = ana.ask(&second);
        assert_eq!(refused.status(), 482, "{}", refused.text());
        assert_eq!(ana.ask(&first).status(), done, "a retransmission");
        let again = ana.challenged(&draft.again().again());
        assert_eq!(ana.ask(&again).status(), done, "a later request of the same call");
    }
    let mut bob = Peer::udp(&server, "bob");
    bob.sign_in();
    assert_eq!(bob.respond_to_next(200).body(), b"once");
}

/// RFC 3261 s8.2.2.3: 420 lists in Unsupported what is not understood, and that alone.
#[test]
fn an_unknown_extension_in_require_is_420_with_unsupported() {
    let server = campus(&[]);
    let mut ana = Peer::udp(&server, "ana");
    for method in ["OPTIONS", "REGISTER", "MESSAGE"] {
        let draft = ana.draft(method, &server_uri()).with("Require: nothingSupportsThis, other");
        let refused = ana.ask(&draft);
        assert_eq!(refused.status(), 420, "{method}: {}", refused.text());
        assert_eq!(refused.one("Unsupported"), "nothingSupportsThis, other");
    }
}

/// RFC 3261 s8.2.2.3: "MUST be ignored, if they are present" in CANCEL and ACK.
#[test]
fn require_and_proxy_require_are_ignored_in_cancel_and_ack() {
    let (_server, mut ana, _bob) = two();
    let lines = "Require: nothingSupportsThis\r\nProxy-Require: nothingSupportsThis";
    let cancel = ana.to("CANCEL", "bob").with(lines);
    assert_eq!(ana.ask(&cancel).status(), 481);
    let invite = ana.to("INVITE", "nobody");
    let invite = ana.challenged(&invite);
    let refused = ana.ask(&invite);
    assert_eq!(refused.status(), 404, "{}", refused.text());
    let mut ack = invite.clone();
    ack.method = "ACK".to_owned();
    ack.more = format!("{lines}\r\n");
    ana.send(&ack.bytes());
    // Were the ACK not taken, the 404 would come again within half a second.
    ana.expect_silence();
}

/// RFC 3261 s8.2.3: "MUST reject the request with a 415", with Accept, and for an encoding with
/// Accept-Encoding; unless the body is optional (s20.11: "required" is the default).
#[test]
fn a_body_that_must_be_understood_and_is_not_is_415() {
    let server = campus(&["ana"]);
    let mut ana = Peer::udp(&server, "ana");
    let mut done = [0; 2];
    for (line, status) in [
        ("X: y", 415),
        ("Content-Disposition: session", 415),
        ("Content-Disposition: render;handling=required", 415),
        ("Content-Disposition: render ; a=\";handling=optional\"", 415),
        ("Content-Encoding: gzip", 415),
        ("e: identity", 415),
        ("Content-Disposition: render;handling=optional", 200),
        ("Content-Disposition: x ; a=b; Handling = Optional\r\nContent-Encoding: gzip", 200),
    ] {
        let register = ana.registration(&[&ana.contact()]);
        for draft in [register, ana.draft("OPTIONS", &server_uri())] {
            let draft = draft.body("application/x-unheard-of", b"?").with(line);
            let mut answer = ana.ask(&draft);
            if answer.status() == 401 {
                let signed = ana.signed(&draft, &answer);
                answer = ana.ask(&signed);
            }
            assert_eq!(answer.status(), status, "{} {line}: {}", draft.method, answer.text());
            done[usize::from(status == 200)] += 1;
            if status == 415 {
                assert_eq!(answer.one("Accept"), "", "no type at all, as s20.1 writes it");
                let encodings = answer.all("Accept-Encoding");
                assert_eq!(encodings.len(), usize::from(line.contains("gzip")), "{line}");
                assert!(encodings.iter().all(|encoding| encoding == "identity"));
            }
        }
    }
    assert_eq!(done, [12, 4]);
}

/// RFC 3261 s8.2.4: "MUST NOT apply extensions not listed in the Supported header field", and what
/// is applied is listed in Require. A registration may use outbound and GRUUs; nothing else is
/// applied to anything.
#[test]
fn no_answer_of_ours_applies_an_extension_that_is_not_supported() {
    let server = campus(&["ana", "bob"]);
    let mut ana = Peer::udp(&server, "ana");
    let contact = format!("{};+sip.instance=\"<urn:uuid:1>\";reg-id=1", ana.contact());
    for line in ["X: y", "Supported: outbound, path, gruu, 100rel, timer, replaces, sec-agree"] {
        for draft in [
            ana.registration(&[&contact]),
            ana.draft("OPTIONS", &server_uri()),
            ana.draft("SUBSCRIBE", "sip:bob@campus.test"),
            ana.message("bob", "later"),
            ana.to("INVITE", "bob"),
        ] {
            let draft = draft.with(line);
            let challenge = ana.ask(&draft);
            let mut answers = vec![challenge];
            if matches!(answers[0].status(), 401 | 407) {
                let signed = ana.signed(&draft, &answers[0]);
                answers.push(ana.ask(&signed));
            }
            for answer in answers {
                for name in ["RSeq", "Session-Expires", "Path", "Service-Route", "Flow-Timer"] {
                    assert!(answer.all(name).is_empty(), "{name} in {}", answer.text());
                }
                let text = answer.text();
                let used = line.starts_with("Supported")
                    && draft.method == "REGISTER"
                    && answer.status() == 200;
                let required: &[&str] = if used { &["outbound"] } else { &[] };
                assert_eq!(answer.all("Require"), required, "{text}");
                assert_eq!(text.contains("pub-gruu"), used, "{text}");
                assert!(!text.contains("temp-gruu"), "{text}");
            }
        }
    }
}

/// RFC 3261 s8.2.6.1: a 100 copies Timestamp. To SHOULD NOT get a tag there (s17.2.1).
#[test]
fn a_100_copies_timestamp_and_adds_no_tag() {
    let (_server, mut ana, mut bob) = two();
    let invite = ana.to("INVITE", "bob").with("Timestamp: 54.5");
    let invite = ana.challenged(&invite);
    ana.send(&invite.bytes());
    let trying = ana.next();
    assert_eq!(trying.status(), 100, "{}", trying.text());
    assert_eq!(trying.one("Timestamp"), "54.5");
    assert_eq!(trying.to_tag(), "");
    let call = bob.request();
    bob.respond(&call, 486, "");
}

/// RFC 3261 s8.2.6.2.
#[test]
fn a_response_has_from_call_id_cseq_and_all_vias_of_its_request() {
    let server = campus(&[]);
    let mut ana = Peer::udp(&server, "ana");
    let mut options = ana.draft("OPTIONS", &server_uri());
    let far = "SIP/2.0/TCP far.example;branch=z9hG4bKfar, SIP/2.0/UDP farther.example;branch=1";
    options = options.with("Via: SIP/2.0/TLS farthest.example;branch=z9hG4bKfarthest");
    options.via = format!("{}, {far}", options.via);
    options.from = format!("\"Ana, of campus\" <sip:ana@{DOMAIN}>;tag=x-1;other=y");
    options.cseq = 4_711;
    let answer = ana.ask(&options);
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.one("From"), options.from);
    assert_eq!(answer.one("Call-ID"), options.call_id);
    assert_eq!(answer.one("CSeq"), "4711 OPTIONS");
    let vias = answer.all("Via");
    assert_eq!(vias.len(), 2, "{}", answer.text());
    assert!(vias[0].ends_with(far), "{}", vias[0]);
    assert_eq!(vias[1], "SIP/2.0/TLS farthest.example;branch=z9hG4bKfarthest");
}

/// RFC 3261 s8.2.6.2.
#[test]
fn a_tag_is_added_to_a_to_without_one_and_never_changed() {
    let server = campus(&[]);
    let mut ana = Peer::udp(&server, "ana");
    let answer = ana.ask(&ana.draft("OPTIONS", &server_uri()));
    assert_eq!(answer.one("To").split(";tag=").next(), Some("<sip:campus.test>"));
    assert!(!answer.to_tag().is_empty());
    let mut options = ana.draft("OPTIONS", &server_uri());
    options.to = "<sip:campus.test>;tag=theirs".to_owned();
    assert_eq!(ana.ask(&options).one("To"), options.to);
}

/// RFC 3261 s8.2.6.2, s8.2.7: the same tag for the same request, however often it comes; and a
/// challenge is never preceded by a provisional response.
#[test]
fn a_repeated_request_is_challenged_with_the_same_tag_and_without_a_1xx() {
    let (_server, mut ana, _bob) = two();
    for method in ["MESSAGE", "INVITE"] {
        let request = ana.to(method, "bob");
        let tags: Vec<String> = (0..3)
            .map(|_| {
                ana.send(&request.bytes());
                let got = ana.next();
                assert_eq!(got.status(), 407, "{}", got.text());
                got.to_tag()
            })
            .collect();
        assert!(!tags[0].is_empty() && tags.iter().all(|tag| *tag == tags[0]), "{tags:?}");
        ana.expect_silence();
    }
}

/// RFC 3261 s8.1.1, s16.3 check 1: without what every request must have there is no service.
#[test]
fn a_request_without_a_mandatory_header_is_400() {
    let server = campus(&[]);
    let mut ana = Peer::udp(&server, "ana");
    for name in ["From", "To", "CSeq"] {
        let text = String::from_utf8(ana.draft("OPTIONS", &server_uri()).bytes()).expect("text");
        let start = text.find(&format!("\r\n{name}:")).expect("the header");
        let end = text[start + 2..].find("\r\n").expect("its end") + start + 2;
        ana.send([&text[..start], &text[end..]].concat().as_bytes());
        let got = ana.next();
        assert!(got.text().starts_with("SIP/2.0 400 "), "{name}: {}", got.text());
    }
}
