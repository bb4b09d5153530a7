//! What belongs to which transaction.

use super::*;

/// RFC 3261 s17.1.3.
#[test]
fn a_response_is_matched_by_branch_and_cseq_method() {
    let mut bench = Bench::new();
    let invite = bench.client("INVITE", BRANCH, udp());
    bench.passed("INVITE", BRANCH, 180);
    let cancel = bench.client("CANCEL", BRANCH, udp());
    assert_eq!(bench.passed("CANCEL", BRANCH, 200).id, cancel);
    assert_eq!(bench.passed("INVITE", BRANCH, 487).id, invite);
    for (method, branch) in [
        ("MESSAGE", BRANCH),
        ("ACK", BRANCH),
        ("INVITE", "z9hG4bK-on"),
        ("INVITE", ""),
        ("", BRANCH),
    ] {
        assert_eq!(bench.response(method, branch, 200), Matched::Stray, "{method} {branch}");
    }
}

/// RFC 6026 s6, s8.9, RFC 4320 s4.2: neither early, nor late, nor invented.
#[test]
fn a_response_that_matches_no_client_transaction_is_stray() {
    let mut bench = Bench::new();
    for method in ["INVITE", "MESSAGE"] {
        assert_eq!(bench.response(method, BRANCH, 200), Matched::Stray);
        bench.client(method, BRANCH, udp());
        bench.run(secs(33));
        assert_eq!(bench.response(method, BRANCH, 200), Matched::Stray);
        // Our branch in a request of another's makes no client transaction.
        bench.server(method, BRANCH, udp());
        assert_eq!(bench.response(method, BRANCH, 200), Matched::Stray);
    }
}

/// RFC 3261 s8.1.1.7: a branch is used once; CANCEL and ACK apart.
#[test]
fn a_branch_in_use_starts_no_second_transaction() {
    let mut bench = Bench::new();
    let start = |bench: &mut Bench, method: &[u8]| {
        bench.table.start_client(bench.now, OWNER, method, BRANCH.as_bytes(), udp(), packet("x"))
    };
    let id = bench.client("MESSAGE", BRANCH, udp());
    assert_eq!(start(&mut bench, b"MESSAGE"), Err(StartError::Duplicate));
    assert_eq!(bench.passed("MESSAGE", BRANCH, 200).id, id);
    assert_eq!(start(&mut bench, b"MESSAGE"), Err(StartError::Duplicate), "it absorbs still");
    assert_eq!(start(&mut bench, b"ACK"), Err(StartError::Ack));
    bench.run(secs(5));
    assert!(start(&mut bench, b"MESSAGE").is_ok());
}

/// RFC 3261 s17.2.3: branch, sent-by, method.
#[test]
fn a_request_is_matched_by_branch_sent_by_and_method() {
    let mut bench = Bench::new();
    bench.server("MESSAGE", BRANCH, udp());
    bench.server("MESSAGE", "z9hG4bK-One", udp());
    bench.server("OPTIONS", BRANCH, udp());
    bench.server("X-UNKNOWN", BRANCH, udp());
    bench.server("INVITE", BRANCH, udp());
    for method in ["MESSAGE", "OPTIONS", "X-UNKNOWN", "INVITE"] {
        let again = bench.request(method, BRANCH, udp());
        assert_eq!(again, Received::Retransmission(None), "{method}");
    }
    for sent_by in [&b"client.example"[..], b"client.example:5061", b"other.example:5060"] {
        let parts = ServerKeyParts { sent_by, ..key_of("MESSAGE", BRANCH) };
        let received = bench.table.receive_request(bench.now, &parts, udp());
        assert!(matches!(received, Received::New(_)), "{received:?}");
    }
    let parts = ServerKeyParts { sent_by: b"CLIENT.example:5060", ..key_of("MESSAGE", BRANCH) };
    let received = bench.table.receive_request(bench.now, &parts, udp());
    assert_eq!(received, Received::Retransmission(None), "host names have no case");
}

/// RFC 3261 s17.2.3: neither the address nor the rest of the message counts.
#[test]
fn a_retransmission_by_another_way_is_a_retransmission() {
    let mut bench = Bench::new();
    let id = bench.server("MESSAGE", BRANCH, udp());
    bench.respond(id, 200).unwrap();
    let elsewhere = Flow { remote: ([203, 0, 113, 1], 9).into(), ..udp() };
    assert_eq!(
        bench.request("MESSAGE", BRANCH, elsewhere),
        Received::Retransmission(Some((udp(), packet("200"))))
    );
}

/// RFC 3261 s17.2.3: the ACK of a refusal has the INVITE's branch, that of a 2xx its own.
#[test]
fn an_ack_is_matched_to_its_invite() {
    let mut bench = Bench::new();
    let id = bench.server("INVITE", BRANCH, udp());
    bench.server("MESSAGE", "z9hG4bK-two", udp());
    bench.respond(id, 404).unwrap();
    assert_eq!(bench.request("ACK", "z9hG4bK-two", udp()), Received::Ack(None));
    let parts = ServerKeyParts { sent_by: b"other.example", ..key_of("ACK", BRANCH) };
    assert_eq!(bench.table.receive_request(bench.now, &parts, udp()), Received::Ack(None));
    assert_eq!(bench.request("ACK", BRANCH, udp()), Received::AckAbsorbed);
    assert_eq!(bench.table.counts().servers, 2, "an ACK opens no transaction");
}

/// A request of an RFC 2543 element.
fn old<'a>(method: &'a str, to_tag: &'a str) -> ServerKeyParts<'a> {
    ServerKeyParts {
        legacy: Legacy {
            request_uri: b"sip:bob@campus.example",
            from_tag: b"alice-tag",
            to_tag: to_tag.as_bytes(),
            call_id: b"call-1",
            cseq: 7,
            top_via: b"SIP/2.0/UDP old.example",
        },
        ..key_of(method, "")
    }
}

/// RFC 3261 s17.2.3, second part: without a branch, with one without the cookie, with the cookie
/// alone (RFC 4475 s3.2.1).
#[test]
fn without_the_magic_cookie_the_whole_request_is_compared() {
    for branch in [&b""[..], b"1", b"z9hg4bkx", b"z9hG4bK"] {
        let mut bench = Bench::new();
        let mut receive = |parts: ServerKeyParts<'_>| {
            bench.table.receive_request(bench.now, &ServerKeyParts { branch, ..parts }, udp())
        };
        let first = old("MESSAGE", "");
        let with = |legacy| ServerKeyParts { legacy, ..first };
        assert!(matches!(receive(first), Received::New(_)));
        assert_eq!(receive(first), Received::Retransmission(None));
        for other in [
            Legacy { request_uri: b"sip:carol@campus.example", ..first.legacy },
            Legacy { from_tag: b"other", ..first.legacy },
            Legacy { call_id: b"call-2", ..first.legacy },
            Legacy { cseq: 8, ..first.legacy },
            Legacy { top_via: b"SIP/2.0/UDP new.example", ..first.legacy },
        ] {
            assert!(matches!(receive(with(other)), Received::New(_)), "{other:?}");
        }
        assert!(matches!(receive(old("OPTIONS", "")), Received::New(_)));
    }
}

/// RFC 3261 s17.2.3: with the cookie nothing but the branch is looked at.
#[test]
fn with_the_magic_cookie_the_old_rules_are_not_used() {
    let mut bench = Bench::new();
    let first = ServerKeyParts { branch: BRANCH.as_bytes(), ..old("MESSAGE", "") };
    assert!(matches!(bench.table.receive_request(bench.now, &first, udp()), Received::New(_)));
    let other = ServerKeyParts { branch: b"z9hG4bK-two", ..first };
    assert!(matches!(bench.table.receive_request(bench.now, &other, udp()), Received::New(_)));
    let changed = ServerKeyParts { legacy: Legacy { cseq: 99, ..first.legacy }, ..first };
    let received = bench.table.receive_request(bench.now, &changed, udp());
    assert_eq!(received, Received::Retransmission(None));
}

const REFUSAL: &str = "SIP/2.0 404 Not Found\r\nVia: SIP/2.0/UDP old.example\r\n\
    From: <sip:alice@campus.example>;tag=alice-tag\r\n\
    To: <sip:bob@campus.example>;tag=ours-1\r\nCall-ID: call-1\r\nCSeq: 7 INVITE\r\n\r\n";

/// RFC 3261 s17.2.3: the To tag tells whose response an old element's ACK is for.
#[test]
fn an_ack_without_the_magic_cookie_is_matched_by_the_to_tag_of_our_response() {
    let mut bench = Bench::new();
    let invite = bench.table.receive_request(bench.now, &old("INVITE", ""), udp());
    let Received::New(id) = invite else { panic!("{invite:?}") };
    bench.table.respond(bench.now, id, 404, packet(REFUSAL)).unwrap();
    for foreign in ["theirs", "ours", "urs-1", "ours-12", "alice"] {
        let ack = bench.table.receive_request(bench.now, &old("ACK", foreign), udp());
        assert_eq!(ack, Received::Ack(None), "{foreign}");
    }
    let ack = bench.table.receive_request(bench.now, &old("ACK", "ours-1"), udp());
    assert_eq!(ack, Received::AckAbsorbed);
}

/// RFC 2543 gives the ACK of a 2xx the INVITE's own identity; it is the user's (RFC 6026 s7.1).
#[test]
fn an_ack_of_a_2xx_without_the_magic_cookie_is_the_users() {
    let mut bench = Bench::new();
    let invite = bench.table.receive_request(bench.now, &old("INVITE", ""), udp());
    let Received::New(id) = invite else { panic!("{invite:?}") };
    bench.respond(id, 200).unwrap();
    let ack = bench.table.receive_request(bench.now, &old("ACK", "bob-tag"), udp());
    assert_eq!(ack, Received::Ack(Some(id)));
}

/// Names go through numbers, and an invented number names nothing.
#[test]
fn a_name_survives_as_a_number() {
    let mut bench = Bench::new();
    let client = bench.client("MESSAGE", BRANCH, udp());
    let server = bench.server("MESSAGE", BRANCH, udp());
    assert_eq!(ClientId::from_bits(client.to_bits()), client);
    assert_eq!(ServerId::from_bits(server.to_bits()), server);
    for bits in [0, 77, u64::MAX, client.to_bits() ^ (1 << 40)] {
        assert_eq!(bench.table.client_owner(ClientId::from_bits(bits)), None);
        assert_eq!(bench.respond(ServerId::from_bits(bits), 200), Err(RespondError::Ended));
    }
}
