use super::*;

/// A request from the server to Ana, as bytes.
fn request(method: Method<'_>, branch: &str, more: &[(&str, &[u8])], body: &str) -> Vec<u8> {
    let via = format!("SIP/2.0/UDP {SERVER};branch={branch};rport");
    let from = "\"Rui \\\"R.\\\"\" <sip:Rui@campus.test>;tag=f1";
    let mut out = Vec::new();
    RequestWriter {
        method,
        uri: b"sip:ana@192.0.2.9:40000",
        via: via.as_bytes(),
        from: from.as_bytes(),
        to: b"<sip:ana@campus.test>",
        call_id: branch.as_bytes(),
        cseq: 7,
        max_forwards: 69,
        headers: more,
        body: (!body.is_empty()).then_some(("text/plain;charset=utf-8", body.as_bytes())),
    }
    .write(&mut out);
    out
}

fn response_to(agent: &mut Agent, bytes: &[u8]) -> Read {
    agent.receive(at(0), bytes);
    sent_one(agent)
}

/// RFC 3428 s7: 200 when it is shown.
#[test]
fn a_message_is_answered_with_200_and_told() {
    let mut agent = ana();
    let date: (&str, &[u8]) = ("Date", b"Sat, 13 Nov 2010 21:09:31 GMT");
    let response = response_to(
        &mut agent,
        &request(Method::Message, "z9hG4bK1", &[date, ("X-Unknown", b"ignored")], "bom dia"),
    );
    assert_eq!(response.message().status(), 200);
    let Event::Message(text) = event(&mut agent) else { panic!() };
    assert_eq!((text.from.as_str(), text.body.as_slice()), ("rui@campus.test", &b"bom dia"[..]));
    assert_eq!(text.from_uri, "sip:Rui@campus.test");
    assert_eq!(text.name.as_deref(), Some("Rui \"R.\""));
    assert_eq!(text.content_type.as_deref(), Some("text/plain;charset=utf-8"));
    assert_eq!(text.date.as_deref(), Some("Sat, 13 Nov 2010 21:09:31 GMT"));
    assert!(text.is_plain_text());
}

/// RFC 3261 s8.2.6.2, s18.2.1, RFC 3581 s4.
#[test]
fn a_response_repeats_the_request_and_adds_a_tag_and_the_source() {
    let mut agent = ana();
    let response = response_to(&mut agent, &request(Method::Message, "z9hG4bK1", &[], "x"));
    assert_eq!(response.header(HeaderName::CSeq), "7 MESSAGE");
    assert_eq!(response.header(HeaderName::CallId), "z9hG4bK1");
    assert!(response.message().from().unwrap().tag() == Some(b"f1"));
    assert!(response.message().to().unwrap().tag().is_some());
    let via = response.header(HeaderName::Via);
    assert!(via.contains("rport=5060") && via.contains("received=192.0.2.1"), "{via}");
}

/// RFC 3261 s17.2.2: a repeated request gets the same answer, and is told once.
#[test]
fn a_repeated_message_is_answered_again_and_told_once() {
    let mut agent = ana();
    let bytes = request(Method::Message, "z9hG4bK1", &[], "once");
    let first = response_to(&mut agent, &bytes);
    let second = response_to(&mut agent, &bytes);
    assert_eq!(first.bytes, second.bytes);
    assert_eq!(events(&mut agent).len(), 1);
}

/// RFC 3261 s8.2.2.2: the same request on another way.
#[test]
fn a_message_that_comes_on_two_ways_is_told_once() {
    let mut agent = ana();
    let bytes = request(Method::Message, "z9hG4bK1", &[], "once");
    assert_eq!(response_to(&mut agent, &bytes).message().status(), 200);
    let other = String::from_utf8(bytes).unwrap().replace("branch=z9hG4bK1", "branch=z9hG4bK2");
    assert_eq!(response_to(&mut agent, other.as_bytes()).message().status(), 482);
    assert_eq!(events(&mut agent).len(), 1);
}

/// RFC 3261 s11.2.
#[test]
fn options_is_answered_with_what_is_served() {
    let mut agent = ana();
    let response = response_to(&mut agent, &request(Method::Options, "z9hG4bK1", &[], ""));
    assert_eq!(response.message().status(), 200);
    assert_eq!(response.header(HeaderName::Allow), "MESSAGE, NOTIFY, OPTIONS, CANCEL");
    assert!(response.has(HeaderName::Accept));
    assert!(events(&mut agent).is_empty());
}

/// RFC 3261 s8.2.1.
#[test]
fn other_methods_are_refused_with_405_and_allow() {
    let mut agent = ana();
    for (at, method) in [Method::Invite, Method::Subscribe, Method::Publish, Method::Other(b"SING")]
        .iter()
        .enumerate()
    {
        let branch = format!("z9hG4bK{at}");
        let response = response_to(&mut agent, &request(*method, &branch, &[], ""));
        assert_eq!(response.message().status(), 405, "{method}");
        assert_eq!(response.header(HeaderName::Allow), "MESSAGE, NOTIFY, OPTIONS, CANCEL");
    }
    agent.receive(at(0), &request(Method::Ack, "z9hG4bK0", &[], ""));
    assert!(sent(&mut agent).is_empty());
    let cancel = response_to(&mut agent, &request(Method::Cancel, "z9hG4bK9", &[], ""));
    assert_eq!(cancel.message().status(), 481);
    assert!(events(&mut agent).is_empty());
}

/// RFC 3261 s8.2.2.3.
#[test]
fn what_is_required_and_not_known_is_refused_with_420() {
    let mut agent = ana();
    let require: (&str, &[u8]) = ("Require", b"recipient-list-message, foo");
    let response = response_to(&mut agent, &request(Method::Message, "z9hG4bK1", &[require], "x"));
    assert_eq!(response.message().status(), 420);
    assert_eq!(response.header(HeaderName::Unsupported), "recipient-list-message, foo");
    assert!(events(&mut agent).is_empty());
}

/// RFC 3261 s8.2.2.1, s8.2.3.
#[test]
fn other_schemes_and_encoded_bodies_are_refused() {
    let mut agent = ana();
    let tel = String::from_utf8(request(Method::Message, "z9hG4bK1", &[], "x")).unwrap();
    let tel = tel.replacen("MESSAGE sip:ana@192.0.2.9:40000", "MESSAGE tel:+351", 1);
    assert_eq!(response_to(&mut agent, tel.as_bytes()).message().status(), 416);
    let gzip: (&str, &[u8]) = ("Content-Encoding", b"gzip");
    let response = response_to(&mut agent, &request(Method::Message, "z9hG4bK2", &[gzip], "x"));
    assert_eq!(response.message().status(), 415);
    assert_eq!(response.header(HeaderName::AcceptEncoding), "identity");
    assert!(events(&mut agent).is_empty());
}

/// RFC 3261 s8.2.6: what cannot be read whole, and can be answered, is.
#[test]
fn a_malformed_request_is_answered_with_400() {
    let mut agent = ana();
    let bytes = String::from_utf8(request(Method::Message, "z9hG4bK1", &[], "x")).unwrap();
    let bytes = bytes.replace("CSeq: 7 MESSAGE", "CSeq: 7 OPTIONS");
    assert_eq!(response_to(&mut agent, bytes.as_bytes()).message().status(), 400);
    assert!(events(&mut agent).is_empty());
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_the_agent_panic(bytes: Vec<u8>, cut in 0_usize..400, with in "[ -~\r\n]{0,20}") {
        let mut agent = ana();
        agent.register(at(0), 60);
        agent.receive(at(0), &bytes);
        let mut near = request(Method::Message, "z9hG4bK1", &[], "x");
        let cut = cut.min(near.len());
        near.splice(cut..cut, with.bytes());
        agent.receive(at(0), &near);
    }
}
