//! The client transaction of all other requests.

use super::*;

/// RFC 3261 s17.1.2.2, timer E: T1, doubling, T2 at most; and timer F.
#[test]
fn a_request_is_repeated_at_intervals_that_double_up_to_t2_over_udp() {
    let mut bench = Bench::new();
    let id = bench.client("MESSAGE", BRANCH, udp());
    let out = bench.run(secs(40));
    assert_eq!(
        sent_at(&out),
        [500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500]
    );
    assert_eq!(out.first(), Some(&(500, TimerOutput::Send(udp(), packet("MESSAGE request")))));
    assert_eq!(events(&out), [(32_000, TimerOutput::ClientTimedOut(id, OWNER))]);
}

/// RFC 3261 s17.1.2.2: once proceeding, the timer that runs is left alone and T2 follows.
#[test]
fn a_request_is_repeated_every_t2_once_proceeding() {
    let mut bench = Bench::new();
    bench.client("MESSAGE", BRANCH, udp());
    assert_eq!(bench.run(millis(100)), []);
    bench.passed("MESSAGE", BRANCH, 100);
    assert_eq!(sent_at(&bench.run(secs(14))), [400, 4_400, 8_400, 12_400]);
}

/// RFC 3261 s17.1.2.2: no timer E over reliable transports.
#[test]
fn a_request_is_sent_once_over_tcp() {
    for provisional in [false, true] {
        let mut bench = Bench::new();
        bench.client("MESSAGE", BRANCH, tcp());
        if provisional {
            bench.passed("MESSAGE", BRANCH, 100);
        }
        assert!(sent_at(&bench.run(secs(40))).is_empty());
    }
}

/// RFC 3261 s17.1.2.2, timer F, in Trying and in Proceeding, over any transport. A provisional
/// response does not put it off.
#[test]
fn an_unanswered_request_times_out_after_64_t1() {
    for flow in [udp(), tcp()] {
        for provisional in [false, true] {
            let mut bench = Bench::new();
            let id = bench.client("REGISTER", BRANCH, flow);
            bench.run(secs(10));
            if provisional {
                bench.passed("REGISTER", BRANCH, 100);
            }
            let out = bench.run(secs(40));
            assert_eq!(events(&out), [(22_000, TimerOutput::ClientTimedOut(id, OWNER))]);
            assert!(bench.table.is_empty());
            assert_eq!(bench.response("REGISTER", BRANCH, 200), Matched::Stray);
        }
    }
}

/// RFC 3261 s17.1.2.2.
#[test]
fn each_provisional_response_to_a_request_is_passed_up() {
    let mut bench = Bench::new();
    let id = bench.client("MESSAGE", BRANCH, udp());
    for status in [100, 100, 183] {
        let response = bench.passed("MESSAGE", BRANCH, status);
        assert_eq!((response.id, response.owner, response.ended), (id, OWNER, false));
        assert_eq!((response.build_ack, response.send_cancel), (None, None));
    }
}

/// RFC 3261 s17.1.2.2: from Trying and from Proceeding, 2xx like any other.
#[test]
fn a_final_response_to_a_request_is_passed_up_once() {
    for (provisional, status) in [(false, 200), (true, 202), (false, 401), (true, 500), (true, 699)]
    {
        let mut bench = Bench::new();
        bench.client("MESSAGE", BRANCH, udp());
        if provisional {
            bench.passed("MESSAGE", BRANCH, 100);
        }
        let response = bench.passed("MESSAGE", BRANCH, status);
        assert!(response.ended);
        assert_eq!(response.build_ack, None);
        for again in [status, 200, 404, 100] {
            assert_eq!(bench.response("MESSAGE", BRANCH, again), Matched::Absorbed(None));
        }
        assert_eq!(bench.run(secs(40)), [], "no retransmission, no time-out");
    }
}

/// RFC 3261 s17.1.2.2, timer K.
#[test]
fn an_answered_request_absorbs_for_t4_over_udp() {
    let mut bench = Bench::new();
    bench.client("MESSAGE", BRANCH, udp());
    bench.passed("MESSAGE", BRANCH, 200);
    bench.run(millis(4_999));
    assert_eq!(bench.response("MESSAGE", BRANCH, 200), Matched::Absorbed(None));
    bench.run(millis(1));
    assert_eq!(bench.response("MESSAGE", BRANCH, 200), Matched::Stray);
    assert!(bench.table.is_empty());
}

/// RFC 3261 s17.1.2.2, timer K: zero over reliable transports.
#[test]
fn an_answered_request_is_gone_at_once_over_tcp() {
    let mut bench = Bench::new();
    bench.client("MESSAGE", BRANCH, tcp());
    bench.passed("MESSAGE", BRANCH, 200);
    assert!(bench.table.is_empty());
    assert_eq!(bench.response("MESSAGE", BRANCH, 200), Matched::Stray);
}

/// RFC 3261 s17.1.4.
#[test]
fn a_transport_error_ends_a_request_and_names_whom_to_tell() {
    for provisional in [false, true] {
        let mut bench = Bench::new();
        let id = bench.client("MESSAGE", BRANCH, udp());
        if provisional {
            bench.passed("MESSAGE", BRANCH, 100);
        }
        assert_eq!(bench.table.transport_failed(id), Some(OWNER));
        assert_eq!(bench.table.transport_failed(id), None, "told once");
        assert_eq!(bench.run(secs(40)), []);
        assert!(bench.table.is_empty());
    }
}

/// RFC 3261 s17.1.4: what went out on a connection fails with it, and nothing else does.
#[test]
fn the_end_of_a_connection_ends_the_requests_that_wait_on_it() {
    let mut bench = Bench::new();
    let here = bench.client("MESSAGE", BRANCH, tcp());
    let invite = bench.client("INVITE", BRANCH, tcp());
    let other = Flow { connection: ConnectionId(8), ..tcp() };
    bench.client("MESSAGE", "z9hG4bK-two", other);
    bench.client("MESSAGE", "z9hG4bK-three", udp());
    let mut out = Vec::new();
    bench.table.connection_closed(tcp().connection, &mut out);
    assert_eq!(
        out,
        [
            TimerOutput::ClientDisconnected(here, OWNER),
            TimerOutput::ClientDisconnected(invite, OWNER)
        ]
    );
    assert_eq!(bench.table.counts().clients, 2);
    out.clear();
    bench.table.connection_closed(ConnectionId::NONE, &mut out);
    assert_eq!(out, [], "datagrams belong to no connection");
}
