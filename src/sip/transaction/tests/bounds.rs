//! How much a table holds.

use super::*;

fn bounded(active: usize, lingering: usize, lingering_bytes: usize) -> Bench {
    Bench::with(Timing::default(), Bounds { active, lingering, lingering_bytes })
}

#[test]
fn a_full_table_refuses_new_transactions_of_both_sides_and_keeps_the_old() {
    let mut bench = bounded(3, 10, 10_000);
    let server = bench.server("MESSAGE", "z9hG4bK-1", udp());
    bench.server("INVITE", "z9hG4bK-2", udp());
    bench.client("MESSAGE", "z9hG4bK-3", udp());
    assert_eq!(bench.request("MESSAGE", "z9hG4bK-4", udp()), Received::Full);
    assert_eq!(bench.request("CANCEL", "z9hG4bK-2", udp()), Received::Full);
    let refused =
        bench.table.start_client(bench.now, OWNER, b"MESSAGE", b"z9hG4bK-5", udp(), packet("x"));
    assert_eq!(refused, Err(StartError::Full));
    assert_eq!(bench.table.counts().refused, 3);
    // What stands goes on: retransmissions, ACKs, responses.
    assert_eq!(bench.request("MESSAGE", "z9hG4bK-1", udp()), Received::Retransmission(None));
    assert_eq!(bench.request("ACK", "z9hG4bK-9", udp()), Received::Ack(None));
    bench.passed("MESSAGE", "z9hG4bK-3", 100);
    // An answered transaction makes room.
    bench.respond(server, 200).unwrap();
    bench.server("MESSAGE", "z9hG4bK-4", udp());
    assert_eq!(bench.request("MESSAGE", "z9hG4bK-6", udp()), Received::Full);
}

#[test]
fn a_refused_transaction_leaves_nothing_behind() {
    let mut bench = bounded(0, 0, 0);
    for _ in 0..3 {
        assert_eq!(bench.request("MESSAGE", BRANCH, udp()), Received::Full);
    }
    assert!(bench.table.is_empty());
    assert_eq!(bench.table.next_deadline(), Tick::NEVER);
    assert_eq!(bench.response("MESSAGE", BRANCH, 200), Matched::Stray);
}

#[test]
fn beyond_their_number_the_oldest_answers_are_dropped() {
    let mut bench = bounded(1_000, 300, 1_000_000);
    for n in 0..700 {
        let id = bench.server("MESSAGE", &format!("z9hG4bK-{n}"), udp());
        bench.respond(id, 200).unwrap();
    }
    let counts = bench.table.counts();
    assert_eq!((counts.answered, counts.answered_bytes, counts.evicted), (300, 900, 400));
    let kept = bench.request("MESSAGE", "z9hG4bK-400", udp());
    assert_eq!(kept, Received::Retransmission(Some((udp(), packet("200")))));
    bench.server("MESSAGE", "z9hG4bK-399", udp());
}

#[test]
fn beyond_their_bytes_the_oldest_answers_are_dropped() {
    let mut bench = bounded(1_000, 300, 1_000);
    for n in 0..50 {
        let id = bench.server("MESSAGE", &format!("z9hG4bK-{n}"), udp());
        bench.table.respond(bench.now, id, 200, packet(&"x".repeat(100))).unwrap();
        assert!(bench.table.counts().answered_bytes <= 1_000);
    }
    assert_eq!(bench.table.counts().answered, 10);
    // One that is too large for all the room is not kept, and takes all the others with it.
    let id = bench.server("MESSAGE", BRANCH, udp());
    bench.table.respond(bench.now, id, 200, packet(&"x".repeat(1_001))).unwrap();
    assert_eq!((bench.table.counts().answered, bench.table.counts().answered_bytes), (0, 0));
    bench.server("MESSAGE", BRANCH, udp());
}

#[test]
fn beyond_their_number_the_oldest_answered_clients_are_forgotten() {
    let mut bench = bounded(1_000, 2, 1_000);
    for n in 0..3 {
        let branch = format!("z9hG4bK-{n}");
        bench.client("MESSAGE", &branch, udp());
        bench.passed("MESSAGE", &branch, 200);
    }
    assert_eq!((bench.table.counts().absorbing, bench.table.counts().evicted), (2, 1));
    assert_eq!(bench.response("MESSAGE", "z9hG4bK-0", 200), Matched::Stray);
    assert_eq!(bench.response("MESSAGE", "z9hG4bK-1", 200), Matched::Absorbed(None));
}

#[test]
fn without_room_for_answers_nothing_is_kept() {
    let mut bench = bounded(10, 0, 1_000);
    let id = bench.server("MESSAGE", BRANCH, udp());
    bench.respond(id, 200).unwrap();
    bench.client("MESSAGE", BRANCH, udp());
    bench.passed("MESSAGE", BRANCH, 200);
    assert!(bench.table.is_empty());
    assert_eq!(bench.response("MESSAGE", BRANCH, 200), Matched::Stray);
    bench.server("MESSAGE", BRANCH, udp());
}

/// An evicted answer that comes again is a transaction of its own, and the old one's end does not
/// touch it.
#[test]
fn an_evicted_transaction_that_returns_lives_its_own_time() {
    let mut bench = bounded(10, 1, 1_000);
    for branch in ["z9hG4bK-1", "z9hG4bK-2"] {
        let id = bench.server("MESSAGE", branch, udp());
        bench.respond(id, 200).unwrap();
    }
    bench.run(secs(20));
    let id = bench.server("MESSAGE", "z9hG4bK-1", udp());
    bench.run(secs(13));
    assert_eq!(bench.request("MESSAGE", "z9hG4bK-1", udp()), Received::Retransmission(None));
    bench.respond(id, 200).unwrap();
    let again = bench.request("MESSAGE", "z9hG4bK-1", udp());
    assert_eq!(again, Received::Retransmission(Some((udp(), packet("200")))));
}

/// Timers that nobody needs any more are swept out, not kept until their time.
#[test]
fn timers_of_finished_transactions_do_not_pile_up() {
    let mut bench = Bench::new();
    for n in 0..100_000 {
        let branch = format!("z9hG4bK-{n}");
        let id = bench.server("MESSAGE", &branch, tcp());
        bench.respond(id, 200).unwrap();
        bench.client("MESSAGE", &branch, tcp());
        bench.passed("MESSAGE", &branch, 200);
    }
    assert!(bench.table.is_empty());
    assert!(bench.table.counts().timers <= 5_000, "{:?}", bench.table.counts());
}

/// An idle table needs no waking, and one that only remembers answers needs little.
#[test]
fn a_table_asks_to_be_woken_when_there_is_something_to_do() {
    let mut bench = Bench::new();
    assert_eq!(bench.table.next_deadline(), Tick::NEVER);
    let id = bench.server("MESSAGE", BRANCH, udp());
    assert_eq!(bench.table.next_deadline(), bench.now + millis(3_500));
    bench.respond(id, 200).unwrap();
    assert_eq!(bench.table.next_deadline(), bench.now + secs(33));
    bench.client("INVITE", BRANCH, udp());
    assert_eq!(bench.table.next_deadline(), bench.now + millis(500));
}

/// A process that was stopped for a while catches up without a storm.
#[test]
fn a_late_wake_up_sends_each_retransmission_once() {
    let mut bench = Bench::new();
    bench.client("MESSAGE", BRANCH, udp());
    bench.now = bench.now + secs(20);
    let mut out = Vec::new();
    bench.table.advance(bench.now, &mut out);
    assert_eq!(out, [TimerOutput::Send(udp(), packet("MESSAGE request"))]);
    assert!(bench.table.next_deadline() > bench.now);
}
