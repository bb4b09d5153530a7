use std::time::Duration;

use super::super::testing::*;
use super::super::*;
use super::{chunks, fields, flags};
use crate::msrp::head::FailureReport;

fn long(length: usize) -> Message {
    Message::new("application/octet-stream", Content::Memory(vec![b'x'; length].into()))
}

fn stream(size: Option<u64>) -> Message {
    Message::new("application/octet-stream", Content::Stream { size })
}

fn failed(end: &End) -> Vec<&Failure> {
    end.notices
        .iter()
        .filter_map(|notice| match notice {
            Notice::Failed { reason, .. } => Some(reason),
            _ => None,
        })
        .collect()
}

/// Bob's answer to the first chunk in what Alice wrote.
fn reply(wrote: &[u8], status: &str) -> Vec<u8> {
    answer(&chunks(wrote)[0].transaction, status).into_bytes()
}

fn report(message_id: &str, range: &str, status: &str) -> Vec<u8> {
    format!(
        "MSRP r786hjs2 REPORT\r\nTo-Path: {ALICE}\r\nFrom-Path: {BOB}\r\nMessage-ID: {message_id}\r\n\
         {range}Status: {status}\r\n-------r786hjs2$\r\n"
    )
    .into_bytes()
}

// RFC 4975 s7.1.1
#[test]
fn without_an_answer_in_30_s_a_message_probably_failed() {
    let mut pair = Pair::new();
    let id = pair.alice.connection.send(Tick::ZERO, pair.a, Message::text("x")).unwrap();
    let wrote = pair.alice.write();
    assert_eq!(pair.alice.connection.deadline(), Tick::from_secs(30));
    pair.alice.wait(Duration::from_millis(29_999));
    assert_eq!(failed(&pair.alice), Vec::<&Failure>::new());
    pair.alice.wait(Duration::from_millis(1));
    let Some(Notice::Failed { id: of, reason: Failure::Timeout, range: (0, 1), state }) =
        pair.alice.notices.last()
    else {
        panic!("{:?}", pair.alice.notices);
    };
    assert_eq!((*of, state.as_ref().and_then(|state| state.total)), (id, Some(1)));
    let count = pair.alice.notices.len();
    pair.alice.read(&reply(&wrote, "200 OK")).unwrap();
    assert_eq!(pair.alice.notices.len(), count, "a late answer changes nothing");
}

// Some peers answer at the head of a chunk
#[test]
fn an_answer_before_the_end_of_its_chunk_counts() {
    let mut pair = Pair::new();
    let id = pair.alice.connection.send(Tick::ZERO, pair.a, stream(Some(1_000_000))).unwrap();
    pair.alice.sources.insert(id, vec![0; 1_000_000].into());
    let (wrote, _) = pair.alice.write_some();
    let transaction = String::from_utf8_lossy(&wrote[5..21]).into_owned();
    pair.alice.read(answer(&transaction, "200 OK").as_bytes()).unwrap();
    assert_eq!(pair.alice.notices, []);
    pair.alice.write();
    let bytes = 1_000_000;
    assert_eq!(pair.alice.notices, [Notice::Sent { id, bytes }, Notice::Answered { id }]);
    assert_eq!(pair.alice.connection.deadline(), Tick::NEVER);
}

// RFC 4975 s7.1.1
#[test]
fn timers_run_only_for_failure_report_yes() {
    for (failure_report, waits) in
        [(FailureReport::Yes, true), (FailureReport::Partial, false), (FailureReport::No, false)]
    {
        let mut pair = Pair::new();
        let message = Message { failure_report, ..Message::text("x") };
        pair.alice.connection.send(Tick::ZERO, pair.a, message).unwrap();
        let wrote = pair.alice.write();
        assert_eq!(pair.alice.connection.deadline() != Tick::NEVER, waits);
        pair.alice.wait(Duration::from_secs(300));
        assert_eq!(!failed(&pair.alice).is_empty(), waits);
        pair.bob.read(&wrote).unwrap();
        assert_eq!(pair.bob.text().is_empty(), !waits);
        assert_eq!(pair.bob.first().complete, Some(1));
    }
}

// RFC 4975 s7.1.1
#[test]
fn an_error_is_told_also_when_failures_are_told_in_part() {
    let mut pair = Pair::new();
    let message = Message { failure_report: FailureReport::Partial, ..long(9_000) };
    let id = pair.alice.connection.send(Tick::ZERO, pair.a, message).unwrap();
    let wrote = pair.alice.write();
    pair.alice.notices.clear();
    pair.alice.read(&reply(&wrote, "415 Not this")).unwrap();
    let reason = Failure::Code { code: 415, comment: "Not this".into() };
    assert_eq!(pair.alice.notices, [Notice::Failed { id, reason, range: (0, 9_000), state: None }]);
    let mut pair = Pair::new();
    let message = Message { failure_report: FailureReport::Partial, ..stream(Some(9_000_000)) };
    let id = pair.alice.connection.send(Tick::ZERO, pair.a, message).unwrap();
    pair.alice.sources.insert(id, vec![0; 9_000_000].into());
    let (mut wrote, _) = pair.alice.write_some();
    let transaction = String::from_utf8_lossy(&wrote[5..21]).into_owned();
    pair.alice.connection.stall(id);
    wrote.extend(pair.alice.write());
    pair.alice.connection.unstall(id);
    pair.alice.read(answer(&transaction, "415 Not this").as_bytes()).unwrap();
    assert!(matches!(failed(&pair.alice)[..], [Failure::Code { code: 415, .. }]));
    assert_eq!(pair.alice.text(), "");
}

// RFC 4975 s10.4
#[test]
fn a_408_is_a_timeout() {
    let mut pair = Pair::new();
    pair.alice.connection.send(Tick::ZERO, pair.a, Message::text("x")).unwrap();
    let wrote = pair.alice.write();
    pair.alice.read(&reply(&wrote, "408 Timeout")).unwrap();
    assert_eq!(failed(&pair.alice), [&Failure::Timeout]);
}

// RFC 4975 s10; features 1.2 "Non-TLS RFC 4975 peer"
#[test]
fn every_error_code_fails_its_message_and_481_and_506_the_session() {
    for (code, session_fails) in [
        (400, false),
        (403, false),
        (415, false),
        (423, false),
        (481, true),
        (501, false),
        (506, true),
        (599, false),
    ] {
        let mut pair = Pair::new();
        pair.alice.connection.send(Tick::ZERO, pair.a, Message::text("x")).unwrap();
        let wrote = pair.alice.write();
        pair.alice.read(&reply(&wrote, &format!("{code} so"))).unwrap();
        let comment = "so".into();
        assert_eq!(failed(&pair.alice), [&Failure::Code { code, comment }]);
        let told = Notice::SessionFailed { session: pair.a, code };
        assert_eq!(pair.alice.notices.contains(&told), session_fails, "{code}");
    }
}

// RFC 4975 s7.1.3, s7.3.2; features 1.2 "REPORT notification"
#[test]
fn success_reports_are_put_together_whatever_their_ranges() {
    let mut pair = Pair::new();
    let message = Message { success_report: true, ..long(100) };
    let id = pair.alice.connection.send(Tick::ZERO, pair.a, message).unwrap();
    let wrote = pair.alice.write();
    let message_id = chunks(&wrote)[0].message_id.clone();
    pair.alice.read(&reply(&wrote, "200 OK")).unwrap();
    pair.alice.notices.clear();
    let mut tell = |range: &str, status: &str| {
        let bytes = report(&message_id, &format!("Byte-Range: {range}\r\n"), status);
        pair.alice.read(&bytes).unwrap();
        std::mem::take(&mut pair.alice.notices)
    };
    let reported = |received, whole| vec![Notice::Reported { id, received, whole }];
    assert_eq!(tell("51-100/100", "000 200 OK"), reported(50, false));
    assert_eq!(tell("40-60/100", "000 200 OK"), reported(61, false));
    assert_eq!(tell("40-60/100", "000 200 OK"), []);
    assert_eq!(tell("1-39/100", "001 200 OK"), []);
    assert_eq!(tell("1-*/*", "000 200 OK"), reported(100, true));
    assert_eq!(tell("1-100/100", "000 200 OK"), [], "it is forgotten");
    assert_eq!(pair.alice.text(), "", "nothing is ever said to a report");
}

// RFC 4975 s7.1.1, s7.3.2
#[test]
fn reports_on_what_is_not_known_are_ignored_and_never_answered() {
    let mut pair = Pair::new();
    for status in ["000 200 OK", "000 413 Stop", "000 481 Gone", "000 999"] {
        pair.alice.read(&report("unknown1", "Byte-Range: 1-5/5\r\n", status)).unwrap();
    }
    let foreign = String::from_utf8(report("unknown1", "", "000 200 OK")).unwrap();
    pair.alice.read(foreign.replace("jshA7weztas", "another").as_bytes()).unwrap();
    pair.alice.read(foreign.replace("Status: 000 200 OK\r\n", "").as_bytes()).unwrap();
    assert_eq!(pair.alice.text(), "");
    assert_eq!(pair.alice.notices, []);
}

// RFC 4975 s7.3.2
#[test]
fn a_failure_report_means_what_the_response_would_and_ends_the_session() {
    let mut pair = Pair::new();
    let id = pair.alice.connection.send(Tick::ZERO, pair.a, stream(Some(1_000_000))).unwrap();
    pair.alice.sources.insert(id, vec![0; 1_000_000].into());
    let (mut wrote, _) = pair.alice.write_some();
    let message_id = fields(&wrote, "Message-ID")[0].clone();
    pair.alice.read(&report(&message_id, "Byte-Range: 1-100/1000000\r\n", "000 403 No")).unwrap();
    let comment = "No".into();
    let reason = Failure::Code { code: 403, comment };
    let range = (0, 100);
    assert_eq!(
        pair.alice.notices,
        [
            Notice::Failed { id, reason, range, state: None },
            Notice::SessionFailed { session: pair.a, code: 403 }
        ]
    );
    wrote.extend(pair.alice.write());
    assert_eq!(flags(&wrote), "#");
}

// RFC 4976 s6.4.1: a relay answers 200, and may find out later
#[test]
fn a_failure_report_after_the_answer_still_fails_the_message() {
    let mut pair = Pair::new();
    let id = pair.alice.connection.send(Tick::ZERO, pair.a, Message::text("hello")).unwrap();
    let wrote = pair.alice.write();
    pair.alice.read(&reply(&wrote, "200 OK")).unwrap();
    let message_id = chunks(&wrote)[0].message_id.clone();
    pair.alice.notices.clear();
    for _ in 0..2 {
        pair.alice.read(&report(&message_id, "Byte-Range: 1-5/5\r\n", "000 408 Late")).unwrap();
    }
    assert_eq!(
        pair.alice.notices,
        [
            Notice::Failed { id, reason: Failure::Timeout, range: (0, 5), state: None },
            Notice::SessionFailed { session: pair.a, code: 408 }
        ]
    );
}
