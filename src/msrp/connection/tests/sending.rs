use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use bytes::Bytes;

use super::super::testing::*;
use super::super::*;
use super::{chunks, flags};
use crate::msrp::granularity::Granularity;
use crate::msrp::head::FailureReport;
use crate::msrp::message::By;

fn long(length: usize) -> Message {
    Message::new("application/octet-stream", Content::Memory(vec![b'x'; length].into()))
}

fn stream(size: Option<u64>) -> Message {
    Message::new("application/octet-stream", Content::Stream { size })
}

// RFC 4975 s7.1, s7.1.1
#[test]
fn a_send_is_composed_as_the_rfc_says() {
    let mut pair = Pair::new();
    let message = Message {
        message_id: Some("87652491".into()),
        success_report: true,
        failure_report: FailureReport::Partial,
        disposition: Some("notification".into()),
        fields: vec![("X-More".into(), "1".into()), ("Content-ID".into(), "<a>".into())],
        ..Message::text("Hey Bob, are you there?")
    };
    pair.alice.connection.send(Tick::ZERO, pair.a, message).unwrap();
    let wrote = pair.alice.text();
    let id = &chunks(wrote.as_bytes())[0].transaction;
    assert_eq!(
        wrote,
        format!(
            "MSRP {id} SEND\r\nTo-Path: {BOB}\r\nFrom-Path: {ALICE}\r\nMessage-ID: 87652491\r\n\
             Byte-Range: 1-23/23\r\nSuccess-Report: yes\r\nFailure-Report: partial\r\nX-More: 1\r\n\
             Content-ID: <a>\r\nContent-Disposition: notification\r\n\
             Content-Type: text/plain;charset=utf-8\r\n\r\nHey Bob, are you there?\r\n-------{id}$\r\n"
        )
    );
}

// RFC 4975 s5.4, s7.1
#[test]
fn a_send_without_a_body_has_no_mime_fields_and_no_empty_line() {
    let mut pair = Pair::new();
    pair.alice.connection.greet(Tick::ZERO, pair.a).unwrap();
    let wrote = pair.alice.text();
    let chunk = &chunks(wrote.as_bytes())[0];
    let (id, message_id) = (&chunk.transaction, &chunk.message_id);
    assert_eq!(
        wrote,
        format!(
            "MSRP {id} SEND\r\nTo-Path: {BOB}\r\nFrom-Path: {ALICE}\r\nMessage-ID: {message_id}\r\n\
             Byte-Range: 1-0/0\r\n-------{id}$\r\n"
        )
    );
    pair.bob.read(wrote.as_bytes()).unwrap();
    assert_eq!(pair.bob.text(), answer(id, "200 OK"));
    assert!(pair.bob.order.is_empty(), "nothing is to be shown");
}

// RFC 4975 s7.1, s7.1.1
#[test]
fn an_empty_message_has_the_range_1_0_0_and_a_type() {
    let mut pair = Pair::new();
    pair.alice.connection.send(Tick::ZERO, pair.a, Message::text("")).unwrap();
    let wrote = pair.alice.text();
    assert!(
        wrote
            .contains("Byte-Range: 1-0/0\r\nContent-Type: text/plain;charset=utf-8\r\n\r\n\r\n---")
    );
    pair.bob.read(wrote.as_bytes()).unwrap();
    assert_eq!(pair.bob.first().complete, Some(0));
}

// RFC 4975 s7.1.1
#[test]
fn a_body_of_2048_bytes_tells_its_end_and_a_longer_one_is_interruptible() {
    let mut pair = Pair::new();
    for (length, range) in [(2_048, "1-2048/2048"), (2_049, "1-*/2049"), (1_000_000, "1-*/1000000")]
    {
        pair.alice.connection.send(Tick::ZERO, pair.a, long(length)).unwrap();
        let wrote = pair.alice.write();
        // As few chunks as possible: nothing else waits.
        assert_eq!(flags(&wrote), "$", "{length}");
        assert_eq!(chunks(&wrote)[0].range, range);
        assert_eq!(chunks(&wrote)[0].body.len(), length);
    }
}

// RFC 4975 s5.1, s7.1.1; trap "Wrong flag between chunks"
#[test]
fn only_the_last_chunk_has_the_dollar_flag_and_responses_interrupt_a_long_send() {
    let mut pair = Pair::new();
    let message = Message { success_report: true, ..stream(Some(600_000)) };
    let id = pair.alice.connection.send(Tick::ZERO, pair.a, message).unwrap();
    let body: Bytes = (0..600_000_u32).map(|n| n as u8).collect::<Vec<_>>().into();
    pair.alice.sources.insert(id, body.clone());
    let mut wrote = Vec::new();
    for n in 0..5 {
        wrote.extend(pair.alice.write_some().0);
        let line =
            send(&format!("bob{n}bob"), &format!("Message-ID: line{n}\r\n"), Some("hi"), '$');
        let line = String::from_utf8(line).unwrap();
        let line = line.replace(ALICE, "ALICE").replace(BOB, ALICE).replace("ALICE", BOB);
        pair.alice.read(line.as_bytes()).unwrap();
    }
    wrote.extend(pair.alice.write());
    let all = chunks(&wrote);
    let sends: Vec<_> = all.iter().filter(|chunk| chunk.method == "SEND").collect();
    assert_eq!(all.iter().filter(|chunk| chunk.method == "200").count(), 5);
    assert!(sends.len() > 4, "{}", sends.len());
    let mut next = 0;
    for (n, chunk) in sends.iter().enumerate() {
        assert_eq!(chunk.flag, if n + 1 == sends.len() { '$' } else { '+' });
        assert_eq!(chunk.message_id, sends[0].message_id);
        assert!(chunk.head.contains("Success-Report: yes"));
        assert!(chunk.range.starts_with(&format!("{}-", next + 1)), "{}", chunk.range);
        assert!(chunk.body.len() >= 2_048 || n + 1 == sends.len());
        assert_eq!(chunk.body, body[next..next + chunk.body.len()]);
        next += chunk.body.len();
    }
    assert_eq!(next, body.len());
    let mut transactions: Vec<_> = sends.iter().map(|chunk| &chunk.transaction).collect();
    transactions.sort_unstable();
    transactions.dedup();
    assert_eq!(transactions.len(), sends.len());
}

// RFC 4975 s7.1.1
#[test]
fn a_message_of_unknown_length_says_so_and_its_last_chunk_is_not_empty() {
    for length in [0, 1, 2, 3, 1_000, 70_000] {
        let mut pair = Pair::new();
        let id = pair.alice.connection.send(Tick::ZERO, pair.a, stream(None)).unwrap();
        pair.alice.sources.insert(id, vec![7; length].into());
        let wrote = pair.alice.write();
        let all = chunks(&wrote);
        assert_eq!((all.len(), all[0].range.as_str()), (1, "1-*/*"));
        assert_eq!((all[0].flag, all[0].body.len()), ('$', length));
        pair.bob.read(&wrote).unwrap();
        assert_eq!(pair.bob.first().complete, Some(length as u64));
    }
    // The end shows only after an interruption: a byte was kept back for it.
    let mut pair = Pair::new();
    let id = pair.alice.connection.send(Tick::ZERO, pair.a, stream(None)).unwrap();
    let mut out = Vec::new();
    assert!(matches!(pair.alice.connection.transmit(Tick::ZERO, &mut out), Transmit::Body { .. }));
    assert_eq!(pair.alice.connection.supply(&[1; 5_000], false), 4_999);
    out.extend_from_slice(&[1; 4_999]);
    pair.alice.connection.stall(id);
    assert_eq!(pair.alice.connection.transmit(Tick::ZERO, &mut out), Transmit::Idle);
    pair.alice.connection.unstall(id);
    let next = pair.alice.connection.transmit(Tick::ZERO, &mut out);
    assert!(matches!(next, Transmit::Body { offset: 4_999, .. }));
    assert_eq!(pair.alice.connection.supply(&[1], true), 1);
    out.push(1);
    assert_eq!(pair.alice.connection.transmit(Tick::ZERO, &mut out), Transmit::Idle);
    assert_eq!(flags(&out), "+$");
    assert_eq!(chunks(&out)[1].range, "5000-*/*");
    pair.bob.read(&out).unwrap();
    assert_eq!(pair.bob.first().complete, Some(5_000));
}

// RFC 4975 s7.1
#[test]
fn a_body_that_holds_its_end_line_is_cut_before_it() {
    let mut pair = Pair::new();
    let id = pair.alice.connection.send(Tick::ZERO, pair.a, stream(Some(5_000))).unwrap();
    let mut out = Vec::new();
    let connection = &mut pair.alice.connection;
    assert!(matches!(connection.transmit(Tick::ZERO, &mut out), Transmit::Body { .. }));
    let transaction = String::from_utf8_lossy(&out[5..21]).into_owned();
    let mut body = vec![b'a'; 5_000];
    let end_line = format!("\r\n-------{transaction}$\r\n");
    body[100..100 + end_line.len()].copy_from_slice(end_line.as_bytes());
    // The end-line comes in two fragments, the first of which is on the wire already.
    let seam = 100 + 12;
    assert_eq!(connection.supply(&body[..seam], false), seam);
    out.extend_from_slice(&body[..seam]);
    assert!(matches!(connection.transmit(Tick::ZERO, &mut out), Transmit::Body { .. }));
    assert_eq!(connection.supply(&body[seam..], true), 0);
    pair.alice.sources.insert(id, body.clone().into());
    out.extend(pair.alice.write());
    assert_eq!(flags(&out), "+$");
    pair.bob.read(&out).unwrap();
    assert_eq!(pair.bob.first().complete, Some(5_000));
    assert!(pair.bob.first().bytes == body);
}

// RFC 4975 s7.1
#[test]
fn a_short_body_gets_a_transaction_id_that_does_not_occur_in_it() {
    static NEXT: AtomicU8 = AtomicU8::new(0);
    fn fill(bytes: &mut [u8]) {
        bytes.fill(NEXT.fetch_add(1, Ordering::Relaxed));
    }
    let options = Options { ids: Ids::from_source(fill), ..Options::default() };
    let mut pair = Pair::with(options, |_| {});
    let message = Message {
        message_id: Some("87652491".into()),
        ..Message::text(format!("{0}aaaaaaaaaaaaaaaa$\r\n{0}bbbbbbbbbbbbbbbb", "-------"))
    };
    pair.alice.connection.send(Tick::ZERO, pair.a, message).unwrap();
    let wrote = pair.alice.write();
    assert_eq!(flags(&wrote), "$");
    assert_eq!(chunks(&wrote)[0].transaction, "cccccccccccccccc");
}

// features 1.2 "Sent-bytes notification"
#[test]
fn progress_never_falls_and_ends_at_exactly_the_total() {
    for size in [Some(1_000_000), None] {
        let mut pair = Pair::new();
        let message = Message { progress: Granularity::EveryBytes(100_000), ..stream(size) };
        let id = pair.alice.connection.send(Tick::ZERO, pair.a, message).unwrap();
        pair.alice.sources.insert(id, vec![0; 1_000_000].into());
        pair.run();
        let told: Vec<(u64, Option<u64>)> = pair
            .alice
            .notices
            .iter()
            .filter_map(|notice| match notice {
                Notice::Progress { sent, total, .. } => Some((*sent, *total)),
                _ => None,
            })
            .collect();
        assert!(told.windows(2).all(|pair| pair[0].0 < pair[1].0), "{told:?}");
        assert!(told.len() >= 9, "{told:?}");
        assert_eq!(told.last(), Some(&(1_000_000, Some(1_000_000))));
        assert!(pair.alice.notices.contains(&Notice::Sent { id, bytes: 1_000_000 }));
        assert!(pair.alice.notices.contains(&Notice::Answered { id }));
    }
}

// RFC 4975 s7.1; features 1.2 "Aborted-message event"
#[test]
fn an_abort_ends_the_chunk_with_a_hash_and_both_sides_hear_of_it() {
    let mut pair = Pair::new();
    let id = pair.alice.connection.send(Tick::ZERO, pair.a, stream(Some(1_000_000))).unwrap();
    pair.alice.sources.insert(id, vec![0; 1_000_000].into());
    let (mut wrote, _) = pair.alice.write_some();
    pair.alice.connection.abort(id);
    wrote.extend(pair.alice.write());
    assert_eq!(flags(&wrote), "#");
    pair.bob.read(&wrote).unwrap();
    let sent = chunks(&wrote)[0].body.len() as u64;
    assert!(sent > 0 && sent < 1_000_000);
    assert_eq!(pair.alice.notices, [Notice::Aborted { id, by: By::Local, bytes: sent }]);
    assert_eq!((pair.bob.first().aborted, pair.bob.first().complete), (Some(sent), None));
}

// RFC 4975 s7.1
#[test]
fn an_abort_between_chunks_is_told_and_one_before_the_first_is_not() {
    let mut pair = Pair::new();
    let id = pair.alice.connection.send(Tick::ZERO, pair.a, stream(Some(1_000_000))).unwrap();
    pair.alice.sources.insert(id, vec![0; 1_000_000].into());
    let (mut wrote, _) = pair.alice.write_some();
    pair.alice.connection.stall(id);
    wrote.extend(pair.alice.write());
    assert_eq!(flags(&wrote), "+");
    pair.alice.connection.abort(id);
    wrote.extend(pair.alice.write());
    assert_eq!(flags(&wrote), "+#");
    pair.bob.read(&wrote).unwrap();
    assert!(pair.bob.first().aborted.is_some());
    let other = pair.alice.connection.send(Tick::ZERO, pair.a, long(10)).unwrap();
    pair.alice.connection.abort(other);
    assert_eq!(pair.alice.text(), "");
    let bytes = 0;
    let aborted = Notice::Aborted { id: other, by: By::Local, bytes };
    assert_eq!(pair.alice.notices.last(), Some(&aborted));
}

// RFC 4975 s10.5, s7.3.2; features 1.2 "Accept / deny incoming message"
#[test]
fn after_a_413_the_chunk_is_ended_and_nothing_more_of_the_message_goes() {
    let mut pair = Pair::new();
    pair.bob.deny = Some(413);
    let id = pair.alice.connection.send(Tick::ZERO, pair.a, stream(Some(10_000_000))).unwrap();
    pair.alice.sources.insert(id, vec![0; 10_000_000].into());
    let (mut wrote, more) = pair.alice.write_some();
    assert!(more);
    pair.bob.read(&wrote).unwrap();
    let back = pair.bob.write();
    pair.alice.read(&back).unwrap();
    let rest = pair.alice.write();
    wrote.extend_from_slice(&rest);
    assert_eq!(flags(&wrote), "#");
    assert!(rest.len() < 100, "the chunk is interrupted at once: {}", rest.len());
    assert!(matches!(
        pair.alice.notices[..],
        [Notice::Aborted { by: By::Remote, bytes, .. }] if bytes > 0
    ));
    pair.bob.read(&rest).unwrap();
    assert_eq!(pair.bob.text(), "", "the end of what was denied is not answered again");
}

// Kamailio takes a request only whole, and a WebSocket message holds one
#[test]
fn chunks_are_no_larger_than_the_way_takes() {
    let largest = |setup: &mut Setup| setup.largest_chunk = Some(8_192);
    for size in [Some(100_000), None] {
        let mut pair = Pair::with(Options::default(), largest);
        let id = pair.alice.connection.send(Tick::ZERO, pair.a, stream(size)).unwrap();
        pair.alice.sources.insert(id, vec![7; 100_000].into());
        pair.alice.connection.send(Tick::ZERO, pair.a, long(50_000)).unwrap();
        let wrote = pair.alice.write();
        assert!(
            chunks(&wrote)
                .iter()
                .all(|chunk| (2_048..=8_192).contains(&chunk.body.len()) || chunk.flag == '$')
        );
        pair.bob.read(&wrote).unwrap();
        assert_eq!(pair.bob.received.values().filter(|r| r.complete.is_some()).count(), 2);
    }
}

// RFC 4975 s7.1.1, s9
#[test]
fn what_cannot_be_written_is_not_taken() {
    let mut pair = Pair::new();
    let a = pair.a;
    let mut refuse = |message: Message| pair.alice.connection.send(Tick::ZERO, a, message);
    let text = || Message::text("x");
    let field =
        |name: &str, value: &str| Message { fields: vec![(name.into(), value.into())], ..text() };
    for message in [
        Message { content_type: String::new(), ..text() },
        Message { content_type: "text/plain\r\nX: y".into(), ..text() },
        Message { message_id: Some("abc".into()), ..text() },
        Message { disposition: Some("a\nb".into()), ..text() },
        field("To-Path", "x"),
        field("content-transfer-encoding", "base64"),
        field("X Y", "x"),
        field("X-Y", "a\rb"),
        field("X-Y", &"long".repeat(2_000)),
    ] {
        assert_eq!(refuse(message.clone()), Err(SendError::Malformed), "{message:?}");
    }
    let named = Message { message_id: Some("abcd".into()), ..text() };
    assert!(refuse(named.clone()).is_ok());
    assert_eq!(refuse(named), Err(SendError::Twice));
}

#[test]
fn a_message_too_many_is_refused_and_a_window_of_answers_is_kept() {
    let options = Options { outgoing: 10, window: 3, ..Options::default() };
    let mut pair = Pair::with(options, |_| {});
    for _ in 0..10 {
        pair.alice.connection.send(Tick::ZERO, pair.a, Message::text("x")).unwrap();
    }
    let one_more = pair.alice.connection.send(Tick::ZERO, pair.a, Message::text("x"));
    assert_eq!(one_more, Err(SendError::Full));
    assert_eq!(chunks(&pair.alice.write()).len(), 3);
    // Trap "Queue stalls": answers let the rest go.
    let mut pair = Pair::with(options, |_| {});
    for _ in 0..10 {
        pair.alice.connection.send(Tick::ZERO, pair.a, Message::text("x")).unwrap();
    }
    pair.run();
    assert_eq!(pair.bob.order.len(), 10);
    assert!(pair.alice.connection.send(Tick::ZERO, pair.a, Message::text("x")).is_ok());
}

#[test]
fn a_source_that_ends_early_fails_its_message() {
    let mut pair = Pair::new();
    let id = pair.alice.connection.send(Tick::ZERO, pair.a, stream(Some(10_000))).unwrap();
    pair.alice.sources.insert(id, vec![0; 4_000].into());
    let wrote = pair.alice.write();
    assert_eq!(flags(&wrote), "#");
    let range = (0, 10_000);
    let failed = Notice::Failed { id, reason: Failure::Source, range, state: None };
    assert_eq!(pair.alice.notices, [failed]);
}

// RFC 4975 s7.1
#[test]
fn requests_of_the_application_are_answered_or_time_out_and_their_bodies_are_short() {
    let mut pair = Pair::new();
    let mut request = Request {
        method: "NICKNAME".into(),
        to: uri(BOB).into(),
        from: uri(ALICE).into(),
        fields: vec![("Use-Nickname".into(), "\"Al\"".into())],
        body: Some(("text/plain".into(), vec![b'x'; 10_240])),
    };
    let transaction = pair.alice.connection.request(Tick::ZERO, &request).unwrap();
    let wrote = pair.alice.write();
    pair.bob.read(&wrote).unwrap();
    let back = pair.bob.text();
    assert_eq!(back, answer(transaction.as_str(), "501 Unknown Method"));
    pair.alice.read(back.as_bytes()).unwrap();
    let Some(Notice::Response(response)) = pair.alice.notices.pop() else { panic!("no response") };
    assert_eq!((response.transaction, response.code), (transaction, 501));
    assert_eq!(response.values("to-path").collect::<Vec<_>>(), [ALICE]);
    request.body = Some(("text/plain".into(), vec![b'x'; 10_241]));
    assert_eq!(pair.alice.connection.request(Tick::ZERO, &request), Err(SendError::TooLong));
    request.body = None;
    let silent = pair.alice.connection.request(Tick::ZERO, &request).unwrap();
    assert!(!pair.alice.text().contains("Content-Type"));
    pair.alice.wait(Duration::from_secs(30));
    assert!(matches!(pair.alice.notices.pop(),
        Some(Notice::Response(response)) if response.code == 408 && response.transaction == silent));
    request.method = "SEND".into();
    assert_eq!(pair.alice.connection.request(Tick::ZERO, &request), Err(SendError::Malformed));
}
