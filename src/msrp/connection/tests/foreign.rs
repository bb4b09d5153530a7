use super::super::testing::*;
use super::super::*;
use super::{chunks, fields, flags};
use crate::msrp::Arrival;

fn chunk(id: &str, range: &str, body: Option<&str>, flag: char) -> Vec<u8> {
    send(id, &format!("Message-ID: 87652491\r\nByte-Range: {range}\r\n"), body, flag)
}

fn stream(size: u64) -> Message {
    Message::new("application/octet-stream", Content::Stream { size: Some(size) })
}

// RFC 4975 s7.2: what is wrong with a response beside its transaction and its code matters to nobody.
#[test]
fn a_response_that_lacks_its_paths_is_an_answer_all_the_same() {
    for rest in ["", "To-Path: x\r\n", "Message-ID: <a@b>\r\nodd\r\n"] {
        let mut pair = Pair::new();
        let id = pair.alice.connection.send(Tick::ZERO, pair.a, Message::text("x")).unwrap();
        let transaction = chunks(&pair.alice.write())[0].transaction.clone();
        let bytes = format!("MSRP {transaction} 200 OK\r\n{rest}-------{transaction}$\r\n");
        pair.alice.read(bytes.as_bytes()).unwrap();
        assert_eq!(pair.alice.notices.last(), Some(&Notice::Answered { id }), "{rest}");
    }
}

// RFC 4975 s7.3.1: the chunk with `$` defines the length, also when nothing is in it.
#[test]
fn a_message_may_end_with_a_send_of_nothing() {
    let mut pair = Pair::new();
    pair.bob.read(&chunk("chunk1", "1-*/*", Some("abcd"), '+')).unwrap();
    assert_eq!(pair.bob.first().complete, None);
    pair.bob.read(&chunk("chunk2", "5-*/*", None, '$')).unwrap();
    assert_eq!(pair.bob.first().complete, Some(4));
    assert_eq!(pair.bob.text(), answer("chunk1", "200 OK") + &answer("chunk2", "200 OK"));
    // A sign of life between chunks ends nothing.
    for range in ["1-0/0", "3-*/*", "9-*/*"] {
        let mut pair = Pair::new();
        pair.bob.read(&chunk("chunk1", "1-*/*", Some("abcd"), '+')).unwrap();
        pair.bob.read(&chunk("chunk2", range, None, '$')).unwrap();
        assert_eq!(pair.bob.first().complete, None, "{range}");
    }
}

// RFC 4975 s7.1.1: the length that a sender tells is what its message was taken by.
#[test]
fn a_long_message_that_is_longer_than_its_sender_told_is_413() {
    let mut pair = Pair::new();
    let body = "x".repeat(100_000);
    pair.bob.read(&chunk("chunk1", "1-*/100000", Some(&body), '+')).unwrap();
    assert_eq!(pair.bob.text(), answer("chunk1", "200 OK"));
    pair.bob.read(&chunk("chunk2", "100001-*/100000", Some("x"), '+')).unwrap();
    assert_eq!(pair.bob.text(), answer("chunk2", "413 Stop Sending"));
    let id = pair.bob.order[0];
    assert_eq!(pair.bob.notices, [Notice::Lost { id, bytes: 100_000, code: 413 }]);
}

// Trap "Charset": a sender that counts characters is understood.
#[test]
fn a_line_whose_sender_counted_characters_is_whole() {
    let mut pair = Pair::new();
    pair.bob.read(&chunk("chunk1", "1-5/5", Some("gr\u{fc}\u{df}e"), '$')).unwrap();
    assert_eq!(pair.bob.text(), answer("chunk1", "200 OK"));
    assert_eq!(pair.bob.first().complete, Some(7));
    assert_eq!(pair.bob.first().bytes, "gr\u{fc}\u{df}e".as_bytes());
}

// RFC 4975 s5.4, s10.8: the far end restarted, say, and knows nothing of the session any more.
#[test]
fn a_message_that_is_481_in_the_middle_can_go_on_in_another_session() {
    let mut pair = Pair::new();
    let message = Message { success_report: true, ..stream(1_000_000) };
    let id = pair.alice.connection.send(Tick::ZERO, pair.a, message).unwrap();
    pair.alice.sources.insert(id, vec![7; 1_000_000].into());
    let (mut wrote, _) = pair.alice.write_some();
    let transaction = String::from_utf8_lossy(&wrote[5..21]).into_owned();
    let message_id = fields(&wrote, "Message-ID")[0].clone();
    let report = format!(
        "MSRP r786hjs2 REPORT\r\nTo-Path: {ALICE}\r\nFrom-Path: {BOB}\r\nMessage-ID: {message_id}\r\n\
         Byte-Range: 1-5000/1000000\r\nStatus: 000 200 OK\r\n-------r786hjs2$\r\n"
    );
    pair.alice.read(report.as_bytes()).unwrap();
    pair.alice.read(answer(&transaction, "481 Gone").as_bytes()).unwrap();
    let state = pair.alice.notices.iter().find_map(|notice| match notice {
        Notice::Failed { id: of, state, .. } if *of == id => state.clone(),
        _ => None,
    });
    let state = state.expect("a state");
    assert_eq!((state.confirmed.prefix(), state.total), (5_000, Some(1_000_000)));
    let failed = Notice::SessionFailed { session: pair.a, code: 481 };
    assert!(pair.alice.notices.contains(&failed), "{:?}", pair.alice.notices);
    wrote.extend(pair.alice.write());
    assert_eq!(flags(&wrote), "+", "whoever has the beginning may get the rest");
    // A content of another length is none to go on with.
    let mut other = Pair::new();
    let resume = |pair: &mut Pair, size| {
        let (session, state) = (pair.a, (*state).clone());
        pair.alice.connection.resume_outgoing(Tick::ZERO, session, state, stream(size))
    };
    assert_eq!(resume(&mut other, 999_999), Err(SendError::Changed));
    let id = resume(&mut other, 1_000_000).unwrap();
    other.alice.sources.insert(id, vec![7; 1_000_000].into());
    let (wrote, _) = other.alice.write_some();
    assert_eq!(fields(&wrote, "Byte-Range"), ["5001-*/1000000"]);
}

// RFC 4975 s7.1.1: success reports may never come.
#[test]
fn messages_that_nobody_confirms_do_not_keep_new_ones_from_going() {
    let options = Options { outgoing: 3, ..Options::default() };
    let mut pair = Pair::with(options, |_| {});
    let asks = || Message { success_report: true, ..Message::text("x") };
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(pair.alice.connection.send(Tick::ZERO, pair.a, asks()).unwrap());
        let transaction = chunks(&pair.alice.write())[0].transaction.clone();
        pair.alice.read(answer(&transaction, "200 OK").as_bytes()).unwrap();
    }
    let unreported: Vec<_> = pair
        .alice
        .notices
        .iter()
        .filter_map(|notice| match notice {
            Notice::Failed { id, reason: Failure::Unreported, .. } => Some(*id),
            _ => None,
        })
        .collect();
    assert_eq!(unreported, ids[..2], "the oldest");
    // One that is not answered yet is never given up for another.
    let mut pair = Pair::with(options, |_| {});
    for _ in 0..3 {
        pair.alice.connection.send(Tick::ZERO, pair.a, asks()).unwrap();
    }
    let more = pair.alice.connection.send(Tick::ZERO, pair.a, asks());
    assert_eq!(more, Err(SendError::Full));
}

// RFC 4975 s7.1.1: 30 s from when the last byte was given to the system, which may be late.
#[test]
fn the_time_for_an_answer_begins_when_the_last_byte_was_written() {
    let mut pair = Pair::new();
    pair.alice.connection.written(Tick::ZERO, 0);
    let long = pair.alice.connection.send(Tick::ZERO, pair.a, stream(100_000)).unwrap();
    pair.alice.sources.insert(long, vec![7; 100_000].into());
    let first = pair.alice.write();
    pair.alice.connection.send(Tick::ZERO, pair.a, Message::text("x")).unwrap();
    let second = pair.alice.write();
    let (first, both) = (first.len() as u64, (first.len() + second.len()) as u64);
    assert_eq!(pair.alice.connection.deadline(), Tick::NEVER);
    pair.alice.wait(std::time::Duration::from_secs(300));
    // All but one byte of the first, and then all of it and all but one byte of the second.
    pair.alice.connection.written(Tick::from_secs(300), first - 1);
    assert_eq!(pair.alice.connection.deadline(), Tick::NEVER);
    pair.alice.connection.written(Tick::from_secs(301), both - 1);
    assert_eq!(pair.alice.connection.deadline(), Tick::from_secs(331));
    pair.alice.wait(std::time::Duration::from_secs(31));
    let failed = |end: &End| {
        let is_failure = |notice: &&Notice| matches!(notice, Notice::Failed { .. });
        end.notices.iter().filter(is_failure).count()
    };
    assert_eq!(failed(&pair.alice), 1);
    pair.alice.connection.written(Tick::from_secs(331), both);
    assert_eq!(pair.alice.connection.deadline(), Tick::from_secs(361));
    pair.alice.wait(std::time::Duration::from_secs(30));
    assert_eq!(failed(&pair.alice), 2);
}

// RFC 4975 s7.1.1: answers interrupt a long message, also when its source has nothing to give.
#[test]
fn a_source_that_has_nothing_holds_neither_answers_nor_lines() {
    let mut pair = Pair::new();
    let id = pair.alice.connection.send(Tick::ZERO, pair.a, stream(1_000_000)).unwrap();
    let mut out = Vec::new();
    let asked = pair.alice.connection.transmit(Tick::ZERO, &mut out);
    assert!(matches!(asked, Transmit::Body { id: of, .. } if of == id));
    // Nothing is given, and nothing waits: the chunk stays open.
    let again = pair.alice.connection.transmit(Tick::ZERO, &mut out);
    let end_lines = |out: &[u8]| String::from_utf8_lossy(out).matches("\r\n-------").count();
    assert_eq!((asked, end_lines(&out)), (again, 0));
    pair.alice.connection.send(Tick::ZERO, pair.a, Message::text("a line")).unwrap();
    let bytes = String::from_utf8(send("b786hjs2", "Message-ID: fromBob\r\n", Some("x"), '$'));
    let bytes = bytes.unwrap().replace(BOB, "BOB").replace(ALICE, BOB).replace("BOB", ALICE);
    pair.alice.read(bytes.as_bytes()).unwrap();
    let asked = pair.alice.connection.transmit(Tick::ZERO, &mut out);
    assert!(matches!(asked, Transmit::Body { id: of, .. } if of == id), "{asked:?}");
    let text = String::from_utf8(out).unwrap();
    assert!(text.contains("\r\n\r\na line\r\n-------"), "{text}");
    assert!(text.contains("MSRP b786hjs2 200 OK\r\n"), "{text}");
}

// RFC 4975 s7.3.1: whatever ranges a peer tells, nothing overflows, and what follows is read.
#[test]
fn ranges_that_lie_harm_nobody_else() {
    for range in [
        "18446744073709551615-*/*",
        "18446744073709551615-18446744073709551615/18446744073709551615",
        "18446744073709551614-1/1",
        "1-18446744073709551615/18446744073709551615",
        "1-0/18446744073709551615",
        "9-1/5",
    ] {
        for flag in ['+', '$', '#'] {
            let mut pair = Pair::new();
            pair.bob.read(&chunk("chunk1", range, Some("abcd"), flag)).unwrap();
            pair.bob.read(&chunk("chunk2", range, None, flag)).unwrap();
            pair.bob.text();
            pair.bob.read(&send("chunk3", "Message-ID: other\r\n", Some("Hi"), '$')).unwrap();
            assert_eq!(pair.bob.text(), answer("chunk3", "200 OK"), "{range} {flag}");
            let last = pair.bob.order.last().unwrap();
            assert_eq!(pair.bob.received[last].complete, Some(2), "{range} {flag}");
        }
    }
}

// security M03: who reads sockets can tell a head that does not end from one that has not begun.
#[test]
fn an_unfinished_head_can_be_told_from_silence_and_from_a_body() {
    let mut pair = Pair::new();
    let bytes = chunk("chunk1", "1-4/4", Some("abcd"), '$');
    let body = super::find(&bytes, b"abcd").unwrap();
    assert!(pair.bob.connection.is_between());
    let mut input = &bytes[..body - 9];
    assert!(pair.bob.connection.receive(Tick::ZERO, &mut input).unwrap().is_none());
    assert!(pair.bob.connection.is_between() && !input.is_empty());
    input = &bytes[..body + 2];
    let begun = pair.bob.connection.receive(Tick::ZERO, &mut input).unwrap();
    assert!(matches!(begun, Some(Arrival::Message(_))));
    assert!(!pair.bob.connection.is_between());
}
