use std::collections::BTreeSet;

use super::*;

/// RFC 3261 s8.1.1, RFC 3428 s4: what every request of ours carries.
#[test]
fn a_message_carries_what_every_request_must() {
    let mut agent = ana();
    agent.message(at(0), &to("rui"), "olá \"mundo\"");
    let request = sent_one(&mut agent);
    let message = request.message();
    assert_eq!(message.method(), Method::Message);
    assert_eq!(message.request_uri(), b"sip:rui@campus.test");
    assert_eq!(request.header(HeaderName::To), "<sip:rui@campus.test>");
    assert_eq!(message.from().unwrap().uri(), b"sip:ana@campus.test");
    assert_eq!(request.header(HeaderName::MaxForwards), "70");
    assert_eq!(request.header(HeaderName::CSeq), "1 MESSAGE");
    assert_eq!(request.header(HeaderName::UserAgent), USER_AGENT);
    assert_eq!(request.header(HeaderName::ContentType), "text/plain;charset=utf-8");
    assert_eq!(message.body(), "olá \"mundo\"".as_bytes());
    let via = request.header(HeaderName::Via);
    assert!(via.starts_with("SIP/2.0/UDP 192.0.2.9:40000;branch=z9hG4bK"), "{via}");
    // RFC 3581 s3: rport without a value.
    assert_eq!(message.top_via().unwrap().rport(), Some(None));
    // RFC 3428 s4: no Contact. Nothing is required of the other side.
    for absent in [HeaderName::Contact, HeaderName::Require, HeaderName::ProxyRequire] {
        assert!(!request.has(absent), "{absent:?}");
    }
    message.check().unwrap();
}

/// RFC 3261 s8.1.1.3, s8.1.1.4, s8.1.1.7: unique in each request.
#[test]
fn tags_call_ids_and_branches_never_repeat() {
    let mut agent = ana();
    let (mut tags, mut call_ids, mut branches) =
        (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for _ in 0..500 {
        agent.message(at(0), &to("rui"), "x");
        let request = sent_one(&mut agent);
        tags.insert(request.message().from().unwrap().tag().unwrap().to_vec());
        call_ids.insert(request.header(HeaderName::CallId));
        let branch = request.branch();
        assert!(branch.starts_with("z9hG4bK") && branch.len() > 20, "{branch}");
        branches.insert(branch);
    }
    assert_eq!((tags.len(), call_ids.len(), branches.len()), (500, 500, 500));
}

/// RFC 3261 s22.3: a proxy's challenge, and credentials unasked from then on.
#[test]
fn a_proxy_is_answered_and_its_nonce_counted_on() {
    let mut agent = ana();
    agent.message(at(0), &to("rui"), "one");
    let first = sent_one(&mut agent);
    assert!(!first.has(HeaderName::ProxyAuthorization));
    answer(&mut agent, at(0), &first, 407, &[("Proxy-Authenticate", &sha256("p1"))]);
    let second = sent_one(&mut agent);
    for name in [HeaderName::CallId, HeaderName::From, HeaderName::To] {
        assert_eq!(first.header(name), second.header(name));
    }
    assert_eq!((second.cseq(), second.message().body()), (2, &b"one"[..]));
    assert_eq!(second.claims(HeaderName::ProxyAuthorization), Some(("p1".to_owned(), 1)));
    answer(&mut agent, at(0), &second, 202, &[]);
    let answered = outcome(&mut agent);
    assert!(answered.is_success());
    assert_eq!((answered.status, answered.reason.as_str()), (202, "Accepted"));

    // To somebody else as well: a proxy's protection space is all that goes through it.
    agent.message(at(1), &to("eva"), "two");
    let third = sent_one(&mut agent);
    assert_eq!(third.claims(HeaderName::ProxyAuthorization), Some(("p1".to_owned(), 2)));
    // A nonce that is not known any more is replaced once, without `stale` too.
    answer(&mut agent, at(1), &third, 407, &[("Proxy-Authenticate", &sha256("p2"))]);
    let fourth = sent_one(&mut agent);
    assert_eq!(fourth.claims(HeaderName::ProxyAuthorization), Some(("p2".to_owned(), 1)));
    answer(&mut agent, at(1), &fourth, 407, &[("Proxy-Authenticate", &sha256("p3"))]);
    assert!(outcome(&mut agent).is_refusal());
    // RFC 3261 s22.1: what was refused is not shown again, neither for this nor for the next one.
    agent.message(at(2), &to("eva"), "three");
    assert!(!sent_one(&mut agent).has(HeaderName::ProxyAuthorization));
}

/// Every request that the agent makes: each kind, at first and after a challenge.
fn every_request() -> Vec<Read> {
    let mut agent = agent_over(Transport::Tcp, "ana");
    let mut requests = Vec::new();
    agent.register(at(0), 600);
    requests.push(sent_one(&mut agent));
    answer(&mut agent, at(0), &requests[0], 401, &[("WWW-Authenticate", &sha256("n1"))]);
    requests.push(sent_one(&mut agent));
    grant(&mut agent, at(0), &requests[1], 600);
    agent.advance(at(540));
    requests.push(sent_one(&mut agent));
    grant(&mut agent, at(540), &requests[2], 600);
    agent.message(at(540), &to("rui"), "x");
    requests.push(sent_one(&mut agent));
    answer(&mut agent, at(540), &requests[3], 407, &[("Proxy-Authenticate", &sha256("p1"))]);
    requests.push(sent_one(&mut agent));
    answer(&mut agent, at(540), &requests[4], 200, &[]);
    agent.unregister(at(541));
    requests.push(sent_one(&mut agent));
    requests
}

/// RFC 3261 s8.1.1.2: "A request outside of a dialog MUST NOT contain a To tag". The answers have
/// one, which must not come back in what is sent after them.
#[test]
fn no_request_of_ours_has_a_to_tag() {
    for request in every_request() {
        assert_eq!(request.message().to().unwrap().tag(), None, "{:?}", request.bytes);
    }
}

/// RFC 3261 s8.1.1.9: only extensions of standards-track RFCs; ours are none at all.
#[test]
fn no_request_of_ours_names_an_extension() {
    for request in every_request() {
        for name in [HeaderName::Supported, HeaderName::Require, HeaderName::ProxyRequire] {
            assert!(!request.has(name), "{:?}", request.bytes);
        }
    }
}

/// RFC 3261 s8.1.2: all goes to the server that the client was told, a local policy that is free
/// to do so only as long as there is no Route.
#[test]
fn no_request_of_ours_has_a_route() {
    for request in every_request() {
        assert!(!request.has(HeaderName::Route), "{:?}", request.bytes);
    }
}

/// RFC 3428 s4: every endpoint reads text/plain; "MUST NOT insert Contact header fields".
#[test]
fn our_messages_are_plain_text_without_contact() {
    let requests = every_request();
    let messages: Vec<&Read> =
        requests.iter().filter(|read| read.message().method() == Method::Message).collect();
    assert_eq!(messages.len(), 2);
    for message in messages {
        assert!(!message.has(HeaderName::Contact));
        assert_eq!(message.header(HeaderName::ContentType), "text/plain;charset=utf-8");
    }
}

/// Credentials for the registrar are not given away to whoever carries messages.
#[test]
fn credentials_of_the_registrar_stay_out_of_messages() {
    let (mut agent, _) = registered(Transport::Udp, 600);
    agent.message(at(1), &to("rui"), "x");
    let request = sent_one(&mut agent);
    assert!(!request.has(HeaderName::Authorization));
    assert!(!request.has(HeaderName::ProxyAuthorization));
}

/// RFC 3261 s8.1.3.2: an unknown status counts as x00 of its class, an unknown provisional one as
/// 183.
#[test]
fn unknown_statuses_count_as_their_class() {
    for (status, success) in [(200, true), (299, true), (399, false), (499, false), (699, false)] {
        let mut agent = ana();
        agent.message(at(0), &to("rui"), "x");
        let request = sent_one(&mut agent);
        answer(&mut agent, at(0), &request, 199, &[]);
        assert!(events(&mut agent).is_empty(), "a provisional response is no outcome");
        answer(&mut agent, at(0), &request, status, &[]);
        let outcome = outcome(&mut agent);
        assert_eq!((outcome.status, outcome.is_success()), (status, success));
        assert!(!outcome.is_refusal());
    }
}

/// RFC 3261 s8.1.3.3, s18.1.2.
#[test]
fn responses_that_are_not_ours_are_dropped() {
    let mut agent = ana();
    agent.message(at(0), &to("rui"), "x");
    let request = sent_one(&mut agent);
    let text = String::from_utf8(request.bytes.to_vec()).unwrap();
    let with_another_via =
        text.replace("Via: ", "Via: SIP/2.0/UDP 198.51.100.1;branch=z9hG4bKother\r\nVia: ");
    let below =
        text.replacen("\r\nMax", "\r\nVia: SIP/2.0/UDP 198.51.100.1;branch=z9hG4bKx\r\nMax", 1);
    let elsewhere = text.replace("UDP 192.0.2.9:40000", "UDP 192.0.2.9:40001");
    let unknown = text.replace(&request.branch(), "z9hG4bKnobody");
    for other in [with_another_via, below, elsewhere, unknown] {
        assert_ne!(other, text);
        answer(&mut agent, at(0), &Read::of(Bytes::from(other)), 200, &[]);
        assert!(events(&mut agent).is_empty());
    }
    agent.receive(at(0), b"SIP/2.0 200 OK\r\n\r\n");
    agent.receive(at(0), b"\xff\xfe rubbish");
    answer(&mut agent, at(0), &request, 200, &[]);
    assert!(outcome(&mut agent).is_success());
    // A repeated answer is no second outcome.
    answer(&mut agent, at(0), &request, 200, &[]);
    assert!(events(&mut agent).is_empty());
}

/// RFC 3261 s8.1.3.1: a timeout counts as 408, after 64*T1.
#[test]
fn a_message_without_an_answer_times_out_as_408() {
    for (transport, copies) in [(Transport::Udp, 10), (Transport::Tcp, 0)] {
        let mut agent = agent_over(transport, "ana");
        agent.message(at(0), &to("rui"), "x");
        sent_one(&mut agent);
        let mut now;
        let mut again = 0;
        let end = loop {
            now = agent.next_deadline();
            agent.advance(now);
            again += sent(&mut agent).len();
            if let Some(event) = agent.poll_event() {
                break event;
            }
        };
        let Event::Answered { outcome, .. } = end else { panic!("{end:?}") };
        assert_eq!((outcome.status, outcome.cause), (408, Cause::Timeout));
        assert_eq!((now, again), (at(32), copies), "{transport}");
    }
}

/// RFC 3261 s8.1.3.1: a fatal transport error counts as 503.
#[test]
fn a_failed_transport_counts_as_503_and_nothing_is_sent_any_more() {
    let mut agent = ana();
    agent.message(at(0), &to("rui"), "one");
    agent.message(at(0), &to("rui"), "two");
    sent(&mut agent);
    agent.transport_failed(at(1), "connection refused");
    let ends = events(&mut agent);
    assert_eq!(ends.len(), 2);
    for end in ends {
        let Event::Answered { outcome, .. } = end else { panic!("{end:?}") };
        assert_eq!((outcome.status, outcome.cause), (503, Cause::Transport));
    }
    agent.advance(at(100));
    assert!(sent(&mut agent).is_empty() && events(&mut agent).is_empty());
}

/// RFC 3261 s18.1.1: over 1300 bytes no datagram.
#[test]
fn a_message_that_no_datagram_holds_is_not_sent_over_udp() {
    let long = "x".repeat(1_300);
    let mut agent = ana();
    agent.message(at(0), &to("rui"), &long);
    assert!(sent(&mut agent).is_empty());
    let outcome = outcome(&mut agent);
    assert_eq!((outcome.status, outcome.cause), (513, Cause::TooLarge));

    let mut agent = agent_over(Transport::Tcp, "ana");
    agent.message(at(0), &to("rui"), &long);
    let request = sent_one(&mut agent);
    assert_eq!(request.message().body().len(), 1_300);
    assert!(request.header(HeaderName::Via).starts_with("SIP/2.0/TCP "));
}

/// RFC 3261 s8.1.1.5: below 2^31, also after many retries.
#[test]
fn cseq_begins_at_one_and_names_the_method() {
    let (mut agent, last) = registered(Transport::Udp, 600);
    assert_eq!(last.header(HeaderName::CSeq), "2 REGISTER");
    agent.message(at(0), &to("rui"), "x");
    assert_eq!(sent_one(&mut agent).header(HeaderName::CSeq), "1 MESSAGE");
}
