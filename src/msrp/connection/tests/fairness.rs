use super::super::testing::*;
use super::super::*;
use super::{chunks, fields};
use crate::msrp::message::Priority;

/// A message of so many bytes, of a source that need not exist.
fn file(pair: &mut Pair, session: SessionId, priority: Priority) -> OutgoingId {
    let content = Content::Stream { size: Some(100_000_000) };
    let message = Message { priority, ..Message::new("a/b", content) };
    pair.alice.connection.send(Tick::ZERO, session, message).unwrap()
}

/// Writes until `wanted` bytes are out, in fragments as they are asked for; the bytes of bodies are
/// counted for each message, and left out of the text.
fn write(end: &mut End, wanted: usize, counts: &mut HashMap<OutgoingId, usize>) -> Vec<u8> {
    let mut text = Vec::new();
    let mut written = 0;
    let zeros = vec![0; 64 * 1_024];
    while written < wanted {
        let before = text.len();
        let Transmit::Body { id, most, .. } = end.connection.transmit(Tick::ZERO, &mut text) else {
            panic!("there is always a body");
        };
        let used = end.connection.supply(&zeros[..most.min(zeros.len())], false);
        *counts.entry(id).or_default() += used;
        written += text.len() - before + used;
    }
    text
}

// features 1.3 "Prioritisation and fair use"
#[test]
fn a_chat_line_waits_for_one_fragment_of_two_large_messages() {
    let mut pair = Pair::new();
    let other = pair.alice.connection.add_session(setup("msrp://alice.example:7654/two;tcp", BOB));
    for session in [pair.a, other] {
        file(&mut pair, session, Priority::Normal);
    }
    let mut counts = HashMap::new();
    let session = pair.a;
    for n in 0..20 {
        write(&mut pair.alice, 300_000 + n * 7_001, &mut counts);
        let line = Message { message_id: Some(format!("line{n}")), ..Message::text("hello") };
        pair.alice.connection.send(Tick::ZERO, session, line).unwrap();
        // The next bytes end the chunk, and the line is whole before any other body goes on.
        let next = write(&mut pair.alice, 1, &mut counts);
        let (head, _) = next.split_at(super::find(&next, b"hello").unwrap() + 5);
        assert!(head.len() < 600, "{}", head.len());
        assert!(fields(head, "Message-ID").contains(&format!("line{n}")));
    }
}

// RFC 4975 s7.1.1
#[test]
fn large_messages_of_several_sessions_share_a_connection_by_their_weights() {
    let mut pair = Pair::new();
    let weighted = Setup { weight: 3, ..setup("msrp://alice.example:7654/two;tcp", BOB) };
    let other = pair.alice.connection.add_session(weighted);
    // Many messages of a session get no more than its share.
    let session = pair.a;
    let first: Vec<_> = (0..5).map(|_| file(&mut pair, session, Priority::Normal)).collect();
    let second = file(&mut pair, other, Priority::Normal);
    let third = file(&mut pair, other, Priority::Normal);
    let mut counts = HashMap::new();
    write(&mut pair.alice, 40_000_000, &mut counts);
    let of = |ids: &[OutgoingId]| ids.iter().map(|id| counts[id]).sum::<usize>() as f64;
    let ratio = of(&[second, third]) / of(&first);
    assert!((2.5..3.5).contains(&ratio), "{ratio}");
    let spread = of(&[second]) / of(&[third]);
    assert!((0.8..1.25).contains(&spread), "{spread}");
}

#[test]
fn an_urgent_message_goes_first_and_a_bulk_one_is_not_starved() {
    let mut pair = Pair::new();
    let session = pair.a;
    let bulk = file(&mut pair, session, Priority::Bulk);
    let normal = file(&mut pair, session, Priority::Normal);
    let mut counts = HashMap::new();
    write(&mut pair.alice, 20_000_000, &mut counts);
    let share = counts[&bulk] as f64 / counts[&normal] as f64;
    assert!((0.02..1.0).contains(&share), "{share}");
    let urgent = file(&mut pair, session, Priority::Urgent);
    counts.clear();
    write(&mut pair.alice, 1_000_000, &mut counts);
    assert!(counts[&urgent] > 600_000, "{counts:?}");
}

#[test]
fn lines_of_a_session_keep_their_order() {
    let mut pair = Pair::new();
    for n in 0..500 {
        let text = format!("{n}{}", "x".repeat(n % 40));
        pair.alice.connection.send(Tick::ZERO, pair.a, Message::text(text)).unwrap();
    }
    let wrote = pair.alice.write();
    let order: Vec<usize> = chunks(&wrote)
        .iter()
        .map(|chunk| {
            let text = String::from_utf8(chunk.body.clone()).unwrap();
            text.trim_end_matches('x').parse().unwrap()
        })
        .collect();
    assert!(order.is_sorted() && order.len() == 500);
}
