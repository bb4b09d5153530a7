use super::*;

/// RFC 3261 s10.2: no user part in the Request-URI, To is the address of record.
#[test]
fn a_registration_names_the_domain_the_address_of_record_and_one_contact() {
    let mut agent = ana();
    agent.register(at(0), 600);
    let request = sent_one(&mut agent);
    let message = request.message();
    assert_eq!(message.method(), Method::Register);
    assert_eq!(message.request_uri(), b"sip:campus.test");
    assert_eq!(request.header(HeaderName::To), "<sip:ana@campus.test>");
    assert_eq!(message.from().unwrap().uri(), b"sip:ana@campus.test");
    let (uri, expires, instance) = request.contact();
    assert_eq!((uri.as_str(), expires), ("sip:ana@192.0.2.9:40000", Some(600)));
    assert!(instance.starts_with("<urn:uuid:"), "{instance}");
    assert!(!request.has(HeaderName::Authorization));

    let mut agent = agent_over(Transport::Tcp, "ana");
    agent.register(at(0), 600);
    let (uri, ..) = sent_one(&mut agent).contact();
    assert_eq!(uri, "sip:ana@192.0.2.9:40000;transport=tcp");
}

/// RFC 3261 s8.1.3.5, s10.2, s22.2: same Call-ID, From and To; CSeq one higher; a new branch.
#[test]
fn a_challenge_is_answered_with_the_same_call_id_and_the_next_cseq() {
    for challenge in [sha256("n1"), md5("n1")] {
        let mut agent = ana();
        agent.register(at(0), 600);
        let first = sent_one(&mut agent);
        answer(&mut agent, at(0), &first, 401, &[("WWW-Authenticate", &challenge)]);
        let second = sent_one(&mut agent);
        for name in [HeaderName::CallId, HeaderName::From, HeaderName::To] {
            assert_eq!(first.header(name), second.header(name));
        }
        assert_eq!((first.cseq(), second.cseq()), (1, 2));
        assert_ne!(first.branch(), second.branch());
        assert_eq!(second.claims(HeaderName::Authorization), Some(("n1".to_owned(), 1)));
        grant(&mut agent, Tick::from_millis(3), &second, 540);
        let Event::Registered { expires, contacts, elapsed } = event(&mut agent) else { panic!() };
        assert_eq!((expires, elapsed), (540, Duration::from_millis(3)));
        assert_eq!(contacts.len(), 1);
    }
}

/// Answers a registration with these challenges; the second REGISTER.
fn after_challenges(offers: &[String]) -> Read {
    let mut agent = ana();
    agent.register(at(0), 600);
    let first = sent_one(&mut agent);
    let headers: Vec<(&str, &str)> =
        offers.iter().map(|offer| ("WWW-Authenticate", offer.as_str())).collect();
    answer(&mut agent, at(0), &first, 401, &headers);
    sent_one(&mut agent)
}

/// RFC 7616 s5.6: the strongest, in whatever order they come; of equals the topmost (RFC 8760
/// s2.4).
#[test]
fn of_several_challenges_the_strongest_is_answered() {
    for (offers, nonce) in [
        ([sha256("n1"), md5("n2")], "n1"),
        ([md5("n2"), sha256("n1")], "n1"),
        ([sha256("n1"), sha256("n2")], "n1"),
    ] {
        let second = after_challenges(&offers);
        assert!(second.header(HeaderName::Authorization).contains("algorithm=SHA-256"));
        assert_eq!(second.message().headers(HeaderName::Authorization).count(), 1);
        assert_eq!(second.claims(HeaderName::Authorization), Some((nonce.to_owned(), 1)));
    }
}

/// RFC 8760 s2.4: other schemes, algorithms and `qop` values, and rubbish, are passed over.
#[test]
fn challenges_that_are_not_understood_are_ignored() {
    let with = |from, to| sha256("n0").replace(from, to);
    let unknown = [
        "Basic realm=\"campus.test\"".to_owned(),
        with("SHA-256", "SHA-512-256"),
        with("SHA-256", "SHA-256-sess"),
        with("qop=\"auth\"", "qop=\"auth-int\""),
        "Digest realm=\"campus.test".to_owned(),
    ];
    let second = after_challenges(&[&unknown[..], &[md5("n1")]].concat());
    assert_eq!(second.claims(HeaderName::Authorization), Some(("n1".to_owned(), 1)));
    let second = after_challenges(&[&[md5("n1")], &unknown[..]].concat());
    assert_eq!(second.claims(HeaderName::Authorization), Some(("n1".to_owned(), 1)));
}

/// RFC 7616 s3.3: `stale=true` means the credentials were right.
#[test]
fn a_stale_nonce_is_replaced_and_the_request_sent_again() {
    let (mut agent, _) = registered(Transport::Udp, 600);
    agent.advance(at(541));
    let refresh = sent_one(&mut agent);
    assert_eq!(refresh.claims(HeaderName::Authorization), Some(("n1".to_owned(), 2)));
    let stale = challenge("n2", Algorithm::Sha256, true);
    answer(&mut agent, at(541), &refresh, 401, &[("WWW-Authenticate", &stale)]);
    let again = sent_one(&mut agent);
    assert_eq!(again.claims(HeaderName::Authorization), Some(("n2".to_owned(), 1)));
    // Once more, as when another server behind the same name answers.
    let stale = challenge("n3", Algorithm::Sha256, true);
    answer(&mut agent, at(541), &again, 401, &[("WWW-Authenticate", &stale)]);
    let third = sent_one(&mut agent);
    assert_eq!(third.claims(HeaderName::Authorization), Some(("n3".to_owned(), 1)));
    grant(&mut agent, at(541), &third, 600);
    assert!(matches!(event(&mut agent), Event::Registered { .. }));
}

/// RFC 3261 s22.1: credentials that were refused are not sent again.
#[test]
fn refused_credentials_are_not_tried_again() {
    let mut agent = ana();
    agent.register(at(0), 600);
    let first = sent_one(&mut agent);
    answer(&mut agent, at(0), &first, 401, &[("WWW-Authenticate", &sha256("n1"))]);
    let second = sent_one(&mut agent);
    answer(&mut agent, at(0), &second, 401, &[("WWW-Authenticate", &sha256("n2"))]);
    let Event::RegistrationFailed { outcome, retry_in } = event(&mut agent) else { panic!() };
    assert!(outcome.is_refusal() && retry_in.is_none());
    agent.advance(at(10_000));
    assert!(sent(&mut agent).is_empty());
    // Told to try again, it waits to be asked instead of sending what was refused.
    agent.register(at(10_000), 600);
    assert!(!sent_one(&mut agent).has(HeaderName::Authorization));
}

/// A registrar that always says `stale` does not keep the client busy for ever.
#[test]
fn challenges_without_end_are_given_up() {
    let mut agent = ana();
    agent.register(at(0), 600);
    let mut requests = 0;
    while let Some(packet) = agent.poll_packet() {
        requests += 1;
        assert!(requests < 10, "no end");
        let stale = challenge(&format!("n{requests}"), Algorithm::Md5, true);
        answer(&mut agent, at(0), &Read::of(packet), 401, &[("WWW-Authenticate", &stale)]);
    }
    assert!(matches!(event(&mut agent), Event::RegistrationFailed { .. }));
}

/// A challenge that nobody can answer ends the request.
#[test]
fn a_challenge_of_another_scheme_is_a_refusal() {
    let mut agent = ana();
    agent.register(at(0), 600);
    let first = sent_one(&mut agent);
    answer(&mut agent, at(0), &first, 401, &[("WWW-Authenticate", "Basic realm=\"x\"")]);
    assert!(sent(&mut agent).is_empty());
    assert!(matches!(event(&mut agent), Event::RegistrationFailed { retry_in: None, .. }));
}

/// RFC 3261 s10.2.4: refreshed before it ends, with the next CSeq and the count one higher.
#[test]
fn a_registration_is_refreshed_before_it_expires() {
    for (granted, due) in [(600, 540), (60, 30), (100, 68), (3_600, 3_240), (10, 5)] {
        let (mut agent, last) = registered(Transport::Tcp, granted);
        assert_eq!(agent.next_deadline(), at(due), "granted {granted}");
        agent.advance(Tick::from_micros(at(due).as_micros() - 1));
        assert!(sent(&mut agent).is_empty());
        agent.advance(at(due));
        let refresh = sent_one(&mut agent);
        assert_eq!(refresh.header(HeaderName::CallId), last.header(HeaderName::CallId));
        assert_eq!(refresh.cseq(), last.cseq() + 1);
        assert_eq!(refresh.contact(), last.contact());
        assert_eq!(refresh.claims(HeaderName::Authorization), Some(("n1".to_owned(), 2)));
    }
}

/// RFC 3261 s10.2: no new registration before the final response to the one before, or its
/// timeout.
#[test]
fn no_registration_is_sent_while_one_is_pending() {
    let mut agent = ana();
    agent.register(at(0), 600);
    let first = sent_one(&mut agent);
    agent.register(at(0), 300);
    agent.unregister(at(0));
    agent.advance(Tick::from_millis(100));
    assert!(sent(&mut agent).is_empty());
    grant(&mut agent, at(1), &first, 600);
    let next = sent_one(&mut agent);
    assert_eq!((next.contact().1, next.cseq()), (Some(0), 2));
}

/// RFC 3261 s10.2.8: 423 tells the shortest expiry, which is then asked for.
#[test]
fn a_registration_that_is_too_brief_is_asked_for_again_with_min_expires() {
    let mut agent = ana();
    agent.register(at(0), 5);
    let first = sent_one(&mut agent);
    answer(&mut agent, at(0), &first, 423, &[("Min-Expires", "60")]);
    let second = sent_one(&mut agent);
    assert_eq!((second.contact().1, second.cseq()), (Some(60), 2));
    grant(&mut agent, at(0), &second, 60);
    assert!(matches!(event(&mut agent), Event::Registered { expires: 60, .. }));

    // A 423 that asks for no more than was offered is a refusal.
    let mut agent = ana();
    agent.register(at(0), 600);
    let first = sent_one(&mut agent);
    answer(&mut agent, at(0), &first, 423, &[("Min-Expires", "60")]);
    assert!(matches!(event(&mut agent), Event::RegistrationFailed { retry_in: None, .. }));
}

/// RFC 3261 s10.2.2: its own contact is removed, with expiry 0; `*` would remove everybody's.
#[test]
fn at_the_end_its_own_contact_is_removed_and_no_other() {
    let (mut agent, last) = registered(Transport::Udp, 600);
    agent.unregister(at(5));
    let request = sent_one(&mut agent);
    assert_eq!(request.cseq(), last.cseq() + 1);
    let (uri, expires, _) = request.contact();
    assert_eq!((uri, expires), (last.contact().0, Some(0)));
    answer(&mut agent, at(5), &request, 200, &[]);
    let Event::Unregistered { outcome: Some(outcome) } = event(&mut agent) else { panic!() };
    assert!(outcome.is_success());
    agent.advance(at(10_000));
    assert!(sent(&mut agent).is_empty(), "nothing is refreshed any more");

    let mut never = ana();
    never.unregister(at(0));
    assert_eq!(event(&mut never), Event::Unregistered { outcome: None });
    assert!(sent(&mut never).is_empty());
}

/// RFC 3261 s10.2.4: the expiry is that of its own contact, not of another.
#[test]
fn the_expiry_of_its_own_contact_counts() {
    let mut agent = ana();
    agent.register(at(0), 600);
    let request = sent_one(&mut agent);
    let contacts = "<sip:ana@198.51.100.1>;expires=7, <sip:ana@192.0.2.9:40000>;expires=120";
    answer(&mut agent, at(0), &request, 200, &[("Contact", contacts)]);
    let Event::Registered { expires, contacts, .. } = event(&mut agent) else { panic!() };
    assert_eq!((expires, contacts.len()), (120, 2));
    assert_eq!(contacts[0].expires, Some(7));
}

/// RFC 3261 s8.1.3.1, s10.2.7: without an answer the request ends as with 408 and is tried later.
#[test]
fn a_registrar_that_is_silent_is_asked_again_later() {
    let mut agent = ana();
    agent.register(at(0), 600);
    let first = sent_one(&mut agent);
    let mut copies = 0;
    let mut now;
    let failed = loop {
        now = agent.next_deadline();
        agent.advance(now);
        copies += sent(&mut agent).iter().filter(|copy| copy.bytes == first.bytes).count();
        if let Some(event) = agent.poll_event() {
            break event;
        }
    };
    assert_eq!((now, copies), (at(32), 10));
    let Event::RegistrationFailed { outcome, retry_in: Some(wait) } = failed else { panic!() };
    assert_eq!((outcome.status, outcome.cause), (408, Cause::Timeout));
    agent.advance(now + wait);
    assert_eq!(sent_one(&mut agent).cseq(), 2);
}

/// RFC 3261 s21.5.4: Retry-After says when to come back.
#[test]
fn a_busy_registrar_is_left_alone_for_as_long_as_it_says() {
    let mut agent = ana();
    agent.register(at(0), 600);
    let first = sent_one(&mut agent);
    answer(&mut agent, at(0), &first, 503, &[("Retry-After", "17 (busy)")]);
    let Event::RegistrationFailed { retry_in, .. } = event(&mut agent) else { panic!() };
    assert_eq!(retry_in, Some(Duration::from_secs(17)));
    agent.advance(at(16));
    assert!(sent(&mut agent).is_empty());
    agent.advance(at(17));
    assert_eq!(sent_one(&mut agent).cseq(), 2);
}
