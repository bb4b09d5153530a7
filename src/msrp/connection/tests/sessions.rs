use std::time::Duration;

use super::super::testing::*;
use super::super::*;
use crate::msrp::Arrival;
use crate::msrp::session::{ConnectionKey, Directory, Matching, Refusal};

fn hello(id: &str) -> Vec<u8> {
    send(id, "Message-ID: 87652491\r\n", Some("Hi"), '$')
}

// RFC 4975 s5.4
#[test]
fn the_first_request_binds_its_session_to_the_connection() {
    let mut bob = End::new(Options::default());
    let mut directory = Directory::default();
    directory.expect(setup(BOB, ALICE));
    bob.unbound = directory.claim(&uri(BOB), ConnectionKey(1)).ok();
    bob.read(&hello("a786hjs2")).unwrap();
    assert_eq!(bob.text(), answer("a786hjs2", "200 OK"));
    assert_eq!(bob.first().complete, Some(2));
    let [Notice::Bound { session }] = bob.notices[..] else { panic!("{:?}", bob.notices) };
    assert!(bob.connection.send(Tick::ZERO, session, Message::text("x")).is_ok());
}

// RFC 4975 s5.4: who connected shows by the first request
#[test]
fn nothing_is_sent_to_a_peer_that_has_not_shown_who_it_is() {
    let mut bob = End::new(Options::default());
    let session = bob.connection.admit(setup(BOB, ALICE));
    let early = bob.connection.send(Tick::ZERO, session, Message::text("x"));
    assert_eq!(early, Err(SendError::NotBound));
    bob.read(&hello("a786hjs2")).unwrap();
    assert!(bob.connection.send(Tick::ZERO, session, Message::text("x")).is_ok());
}

// RFC 4975 s5.4, s10.8, s10.10; security M09, M11
#[test]
fn a_session_that_is_unknown_is_481_and_one_in_use_elsewhere_506() {
    for (refusal, status) in
        [(Refusal::NoSession, "481 No Such Session"), (Refusal::Elsewhere, "506 Session In Use")]
    {
        let mut connection = Connection::new(Options::default());
        let bytes = hello("a786hjs2");
        let mut input = &bytes[..];
        let arrival = connection.receive(Tick::ZERO, &mut input).unwrap();
        assert!(
            matches!(arrival, Some(Arrival::Unbound { to, from }) if to == BOB && from == ALICE)
        );
        assert_eq!(input.len(), bytes.len(), "the request waits");
        assert!(connection.receive(Tick::ZERO, &mut input).unwrap().is_none());
        connection.refuse(refusal);
        assert!(connection.receive(Tick::ZERO, &mut input).unwrap().is_none());
        assert!(input.is_empty());
        let mut out = Vec::new();
        assert_eq!(connection.transmit(Tick::ZERO, &mut out), Transmit::Idle);
        assert_eq!(String::from_utf8(out).unwrap(), answer("a786hjs2", status));
    }
}

#[test]
fn a_session_that_nobody_looks_up_in_5_s_is_481() {
    let mut connection = Connection::new(Options::default());
    let bytes = hello("a786hjs2");
    let mut input = &bytes[..];
    assert!(connection.receive(Tick::ZERO, &mut input).unwrap().is_some());
    assert_eq!(connection.deadline(), Tick::from_secs(5));
    connection.tick(Tick::from_secs(5));
    assert!(connection.receive(Tick::from_secs(5), &mut input).unwrap().is_none());
    let mut out = Vec::new();
    connection.transmit(Tick::from_secs(5), &mut out);
    assert!(out.starts_with(b"MSRP a786hjs2 481 "));
}

// RFC 4975 s5.4: several sessions on one connection
#[test]
fn each_request_goes_to_the_session_that_it_names() {
    let mut pair = Pair::new();
    let other = BOB.replace("kjhd37s2s20w2a", "second");
    let second = pair.bob.connection.add_session(setup(&other, ALICE));
    pair.bob.read(&hello("a786hjs2")).unwrap();
    let text = String::from_utf8(hello("b786hjs2")).unwrap().replace(BOB, &other);
    pair.bob.read(text.as_bytes()).unwrap();
    let wrote = pair.bob.text();
    assert_eq!(
        wrote,
        answer("a786hjs2", "200 OK") + &answer("b786hjs2", "200 OK").replace(BOB, &other)
    );
    assert_eq!(pair.bob.order.len(), 2, "the same Message-ID in two sessions is two messages");
    pair.bob.connection.end_session(second);
    pair.bob.read(text.replace("b786hjs2", "c786hjs2").as_bytes()).unwrap();
    assert!(pair.bob.text().starts_with("MSRP c786hjs2 481 "));
}

// Trap "ALG rewrites path but not To-Path"
#[test]
fn a_peer_behind_a_rewriting_gateway_is_known_by_its_session_alone_if_so_set() {
    for (matching, status) in [(Matching::Strict, "481"), (Matching::SessionId, "200")] {
        let mut pair = Pair::with(Options::default(), |setup| setup.matching = matching);
        let seen = "msrp://10.1.1.1:4000/kjhd37s2s20w2a;tcp";
        let text = String::from_utf8(hello("a786hjs2")).unwrap().replace(BOB, seen);
        pair.bob.read(text.as_bytes()).unwrap();
        let wrote = pair.bob.text();
        assert!(wrote.starts_with(&format!("MSRP a786hjs2 {status} ")), "{wrote}");
        // The peer knows us by the URI that it wrote to.
        assert!(wrote.contains(&format!("From-Path: {seen}\r\n")));
    }
}

// RFC 4975 s5.4, s7.1.1
#[test]
fn the_end_of_a_connection_tells_each_message_its_fate() {
    let mut pair = Pair::new();
    let success = Message { success_report: true, ..Message::text("one") };
    let unreported = pair.alice.connection.send(Tick::ZERO, pair.a, success).unwrap();
    let wrote = pair.alice.write();
    let transaction = super::chunks(&wrote)[0].transaction.clone();
    pair.alice.read(answer(&transaction, "200 OK").as_bytes()).unwrap();
    let waiting = pair.alice.connection.send(Tick::ZERO, pair.a, Message::text("three")).unwrap();
    pair.alice.notices.clear();
    let failed = |id, reason, range| {
        let state = pair.alice.connection.outgoing_state(id).map(Box::new);
        Notice::Failed { id, reason, range, state }
    };
    let fates = [
        failed(unreported, Failure::Unreported, (3, 3)),
        failed(waiting, Failure::SessionEnded, (0, 5)),
    ];
    pair.alice.connection.close();
    pair.alice.listen();
    assert_eq!(pair.alice.notices, fates);
    assert_eq!(pair.alice.text(), "");
    let late = pair.alice.connection.send(Tick::ZERO, pair.a, Message::text("x"));
    assert_eq!(late, Err(SendError::NoSession));
    // And one that was being received.
    let fields = "Message-ID: 87652491\r\nByte-Range: 1-*/9\r\n";
    pair.bob.read(&send("a786hjs2", fields, Some("abcd"), '+')).unwrap();
    pair.bob.connection.close();
    pair.bob.listen();
    let id = pair.bob.order[0];
    assert_eq!(pair.bob.notices, [Notice::Lost { id, bytes: 4, code: 0 }]);
}

// RFC 4975 s5.4: the chunks of a message may be split across sessions; features 1.3
#[test]
fn a_message_goes_on_in_a_new_session_after_a_restart() {
    let body: Vec<u8> = (0..300_000_u32).map(|n| (n / 7) as u8).collect();
    let content = || Content::Memory(body.clone().into());
    let mut pair = Pair::new();
    let message = Message { success_report: true, ..Message::new("a/b", content()) };
    let id = pair.alice.connection.send(Tick::ZERO, pair.a, message).unwrap();
    let (wrote, _) = pair.alice.write_some();
    pair.bob.read(&wrote).unwrap();
    let incoming = pair.bob.order[0];
    let there = pair.bob.connection.incoming_state(incoming).unwrap().encode();
    let here = pair.alice.connection.outgoing_state(id).unwrap().encode();
    let so_far = pair.bob.received.remove(&incoming).unwrap();
    assert!(!so_far.bytes.is_empty() && so_far.complete.is_none());

    let mut pair = Pair::new();
    let there = IncomingState::decode(&there).unwrap();
    let expected = pair.bob.connection.expect_incoming(pair.b, there.clone()).unwrap();
    assert_eq!(pair.bob.connection.expect_incoming(pair.b, there.clone()), None);
    pair.bob.received.insert(expected, so_far);
    let state = OutgoingState::decode(&here).unwrap();
    let message = Message::new("a/b", content());
    let connection = &mut pair.alice.connection;
    let id = connection.resume_outgoing(Tick::ZERO, pair.a, state, message).unwrap();
    pair.run();
    assert!(pair.bob.order.is_empty(), "it is not announced again");
    assert!(pair.bob.received[&expected].bytes == body);
    assert_eq!(pair.bob.received[&expected].complete, Some(300_000));
    let whole = Notice::Reported { id, received: 300_000, whole: true };
    assert_eq!(pair.alice.notices.last(), Some(&whole));
}

// RFC 4975 s5.4: everything came, and the answer was lost
#[test]
fn a_message_that_is_confirmed_but_not_ended_sends_its_last_byte_again() {
    let mut pair = Pair::new();
    let message = Message::text("abcd");
    let mut state = OutgoingState {
        message_id: "87652491".into(),
        content_type: "text/plain".into(),
        total: Some(4),
        confirmed: Default::default(),
        success_report: false,
        failure_report: crate::msrp::FailureReport::Yes,
    };
    state.confirmed.insert(0, 4).unwrap();
    pair.alice.connection.resume_outgoing(Tick::ZERO, pair.a, state, message).unwrap();
    let wrote = pair.alice.write();
    let chunk = &super::chunks(&wrote)[0];
    assert_eq!((chunk.range.as_str(), &chunk.body[..], chunk.flag), ("4-4/4", &b"d"[..], '$'));
    pair.alice.wait(Duration::from_secs(1));
}
