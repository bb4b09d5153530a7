//! Requests that arrive by two ways.

use super::*;

fn merged(requests: &mut MergedRequests, bench: &Bench, id: ServerId, cseq: u32) -> bool {
    requests.is_merged(bench.now, id, b"sip:bob@x", b"tag", b"call", cseq, b"MESSAGE")
}

/// RFC 3261 s8.2.2.2: the same From tag, Call-ID and CSeq by another transaction.
#[test]
fn a_request_that_comes_by_two_ways_is_merged_the_second_time() {
    let mut bench = Bench::new();
    let mut requests = MergedRequests::new(Timing::default(), 10);
    let first = bench.server("MESSAGE", BRANCH, udp());
    let second = bench.server("MESSAGE", "z9hG4bK-two", udp());
    assert!(!merged(&mut requests, &bench, first, 1));
    assert!(!merged(&mut requests, &bench, first, 1), "the same transaction");
    assert!(merged(&mut requests, &bench, second, 1));
    assert!(merged(&mut requests, &bench, second, 1));
}

/// RFC 3261 s8.2.2.2: asking notes nothing, and ends with 64*T1.
#[test]
fn asking_whether_a_request_was_met_notes_nothing() {
    let mut bench = Bench::new();
    let mut requests = MergedRequests::new(Timing::default(), 10);
    let now = bench.now;
    assert!(!requests.has_met(now, b"sip:bob@x", b"tag", b"call", 1, b"MESSAGE"));
    assert!(!requests.has_met(now, b"sip:bob@x", b"tag", b"call", 1, b"MESSAGE"));
    let first = bench.server("MESSAGE", BRANCH, udp());
    assert!(!merged(&mut requests, &bench, first, 1));
    assert!(requests.has_met(now, b"sip:bob@x", b"tag", b"call", 1, b"MESSAGE"));
    assert!(!requests.has_met(now, b"sip:bob@x", b"tag", b"call", 2, b"MESSAGE"));
    let later = now + Timing::default().bounded().timeout();
    assert!(!requests.has_met(later, b"sip:bob@x", b"tag", b"call", 1, b"MESSAGE"));
    assert!(requests.is_empty());
}

/// RFC 3261 s8.2.2.2: each of the four counts, and for whom it is.
#[test]
fn another_tag_call_number_method_or_receiver_is_not_merged() {
    let mut bench = Bench::new();
    let mut requests = MergedRequests::new(Timing::default(), 10);
    let first = bench.server("MESSAGE", BRANCH, udp());
    let second = bench.server("MESSAGE", "z9hG4bK-two", udp());
    assert!(!merged(&mut requests, &bench, first, 1));
    let now = bench.now;
    assert!(!requests.is_merged(now, second, b"sip:bob@x", b"other", b"call", 1, b"MESSAGE"));
    assert!(!requests.is_merged(now, second, b"sip:bob@x", b"tag", b"other", 1, b"MESSAGE"));
    assert!(!requests.is_merged(now, second, b"sip:bob@x", b"tag", b"call", 2, b"MESSAGE"));
    assert!(!requests.is_merged(now, second, b"sip:bob@x", b"tag", b"call", 1, b"OPTIONS"));
    assert!(!requests.is_merged(now, second, b"sip:bob@x", b"tagc", b"all", 1, b"MESSAGE"));
    assert!(!requests.is_merged(now, second, b"sip:ana@x", b"tag", b"call", 1, b"MESSAGE"));
}

/// Nothing is remembered for longer than a transaction may live, nor more than was allowed.
#[test]
fn merged_requests_are_forgotten_after_64_t1_and_beyond_their_bound() {
    let mut bench = Bench::new();
    let mut requests = MergedRequests::new(Timing::default(), 3);
    let first = bench.server("MESSAGE", BRANCH, udp());
    let second = bench.server("MESSAGE", "z9hG4bK-two", udp());
    assert!(!merged(&mut requests, &bench, first, 1));
    bench.run(millis(31_999));
    assert!(merged(&mut requests, &bench, second, 1));
    bench.run(millis(1));
    assert!(!merged(&mut requests, &bench, second, 1));
    for cseq in 2..1_000 {
        assert!(!merged(&mut requests, &bench, first, cseq));
        assert!(requests.len() <= 3);
    }
    assert!(!merged(&mut requests, &bench, second, 1), "the oldest was forgotten");
    assert!(merged(&mut requests, &bench, second, 999));
}
