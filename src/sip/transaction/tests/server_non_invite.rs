//! The server transaction of all other requests.

use super::*;

/// RFC 3261 s17.2.2: Trying.
#[test]
fn a_repeated_request_is_dropped_while_trying() {
    let mut bench = Bench::new();
    bench.server("MESSAGE", BRANCH, udp());
    for _ in 0..3 {
        assert_eq!(bench.request("MESSAGE", BRANCH, udp()), Received::Retransmission(None));
        bench.run(secs(1));
    }
}

/// RFC 3261 s17.2.2: Proceeding, then Completed.
#[test]
fn a_repeated_request_gets_the_100_and_then_the_final_response() {
    let mut bench = Bench::new();
    let id = bench.server("MESSAGE", BRANCH, udp());
    bench.run(secs(4));
    for _ in 0..2 {
        assert_eq!(bench.respond(id, 100), Ok((udp(), packet("100"))));
        let again = bench.request("MESSAGE", BRANCH, udp());
        assert_eq!(again, Received::Retransmission(Some((udp(), packet("100")))));
    }
    assert_eq!(bench.respond(id, 202), Ok((udp(), packet("202"))));
    for _ in 0..3 {
        bench.run(secs(10));
        let again = bench.request("MESSAGE", BRANCH, udp());
        assert_eq!(again, Received::Retransmission(Some((udp(), packet("202")))));
    }
}

/// RFC 3261 s17.2.2: nothing is sent unasked.
#[test]
fn a_final_response_is_never_repeated_by_itself() {
    let mut bench = Bench::new();
    let id = bench.server("MESSAGE", BRANCH, udp());
    bench.respond(id, 200).unwrap();
    assert_eq!(bench.run(secs(60)), []);
}

/// RFC 3261 s17.2.2: "MUST be discarded while in the Completed state".
#[test]
fn a_second_final_response_is_discarded() {
    for flow in [udp(), tcp()] {
        let mut bench = Bench::new();
        let id = bench.server("MESSAGE", BRANCH, flow);
        bench.respond(id, 200).unwrap();
        for status in [100, 200, 500] {
            assert_eq!(bench.respond(id, status), Err(RespondError::Ended));
        }
    }
    let mut bench = Bench::new();
    let id = bench.server("MESSAGE", BRANCH, udp());
    bench.respond(id, 200).unwrap();
    assert!(bench.respond(id, 500).is_err());
    let again = bench.request("MESSAGE", BRANCH, udp());
    assert_eq!(again, Received::Retransmission(Some((udp(), packet("200")))));
}

/// RFC 3261 s17.2.2, timer J.
#[test]
fn an_answered_request_is_kept_for_64_t1_over_udp() {
    let mut bench = Bench::new();
    let id = bench.server("MESSAGE", BRANCH, udp());
    bench.run(secs(3));
    bench.respond(id, 200).unwrap();
    bench.run(millis(31_999));
    let again = bench.request("MESSAGE", BRANCH, udp());
    assert_eq!(again, Received::Retransmission(Some((udp(), packet("200")))));
    bench.run(millis(1));
    assert!(bench.table.is_empty());
    bench.server("MESSAGE", BRANCH, udp());
}

/// RFC 3261 s17.2.2, timer J: zero over reliable transports.
#[test]
fn an_answered_request_ends_at_once_over_tcp() {
    let mut bench = Bench::new();
    let id = bench.server("MESSAGE", BRANCH, tcp());
    bench.respond(id, 200).unwrap();
    assert!(bench.table.is_empty());
    assert!(!bench.table.awaits_final(id));
    bench.server("MESSAGE", BRANCH, tcp());
}

/// Each answer is kept with the flow on which its own request came.
#[test]
fn a_repeated_request_is_answered_where_the_first_came_from() {
    let mut bench = Bench::new();
    let flows: Vec<Flow> = (0..600_u16)
        .map(|n| Flow {
            remote: ([198, 51, 100, (n % 250) as u8], 6_000 + n).into(),
            local: ([192, 0, 2, (n % 3) as u8], 5_060).into(),
            ..udp()
        })
        .collect();
    for (n, flow) in flows.iter().enumerate() {
        let branch = format!("z9hG4bK-{n}");
        let id = bench.server("MESSAGE", &branch, *flow);
        bench.table.respond(bench.now, id, 200, packet(&"x".repeat(n))).unwrap();
        bench.run(millis(20));
    }
    for (n, flow) in flows.iter().enumerate() {
        let again = bench.request("MESSAGE", &format!("z9hG4bK-{n}"), udp());
        let expected = (*flow, packet(&"x".repeat(n)));
        assert_eq!(again, Received::Retransmission(Some(expected)));
    }
}

/// RFC 4320 s4.1: over UDP no 100 before timer E would have reached T2, and one then.
#[test]
fn a_100_to_a_request_waits_for_three_and_a_half_seconds_over_udp() {
    let mut bench = Bench::new();
    let id = bench.server("MESSAGE", BRANCH, udp());
    assert_eq!(bench.respond(id, 100), Err(RespondError::TooEarly));
    assert_eq!(bench.run(millis(3_499)), []);
    assert_eq!(bench.respond(id, 100), Err(RespondError::TooEarly));
    assert_eq!(bench.request("MESSAGE", BRANCH, udp()), Received::Retransmission(None));
    assert_eq!(bench.run(millis(1)), [(1, TimerOutput::NeedTrying(id))]);
    assert_eq!(bench.respond(id, 100), Ok((udp(), packet("100"))));
    assert_eq!(bench.run(secs(20)), [], "asked for once");
}

/// RFC 4320 s4.1: over reliable transports at any time, and asked for after the same time.
#[test]
fn a_100_to_a_request_may_be_sent_at_once_over_tcp() {
    let mut bench = Bench::new();
    let id = bench.server("MESSAGE", BRANCH, tcp());
    assert_eq!(bench.respond(id, 100), Ok((tcp(), packet("100"))));
    assert_eq!(bench.run(secs(20)), [], "answered: nothing is owed");
    let silent = bench.server("MESSAGE", "z9hG4bK-two", tcp());
    assert_eq!(bench.run(secs(10)), [(3_500, TimerOutput::NeedTrying(silent))]);
}

/// RFC 4320 s4.1: none but 100.
#[test]
fn no_provisional_response_but_100_goes_to_a_request() {
    let mut bench = Bench::new();
    let id = bench.server("MESSAGE", BRANCH, tcp());
    for status in [101, 180, 183, 199] {
        assert_eq!(bench.respond(id, status), Err(RespondError::Provisional));
    }
    assert_eq!(bench.request("MESSAGE", BRANCH, tcp()), Received::Retransmission(None));
}

/// RFC 4320 s4.2.
#[test]
fn a_request_is_never_answered_with_408() {
    for flow in [udp(), tcp()] {
        let mut bench = Bench::new();
        let id = bench.server("MESSAGE", BRANCH, flow);
        assert_eq!(bench.respond(id, 408), Err(RespondError::RequestTimeout));
        assert!(bench.table.awaits_final(id), "another answer may still come");
        assert_eq!(bench.respond(id, 480), Ok((flow, packet("480"))));
        // An INVITE may be answered so.
        let id = bench.server("INVITE", BRANCH, flow);
        assert_eq!(bench.respond(id, 408), Ok((flow, packet("408"))));
    }
}

/// RFC 4320 s4.2: when nobody waits any more, the late response has nowhere to go.
#[test]
fn nothing_is_sent_to_a_request_after_64_t1() {
    for flow in [udp(), tcp()] {
        for trying in [false, true] {
            let mut bench = Bench::new();
            let id = bench.server("MESSAGE", BRANCH, flow);
            bench.run(secs(5));
            if trying {
                bench.respond(id, 100).unwrap();
            }
            assert_eq!(bench.run(secs(30)), [(27_000, TimerOutput::ServerGone(id))]);
            assert_eq!(bench.respond(id, 200), Err(RespondError::Ended));
            assert!(bench.table.is_empty());
        }
    }
    // Nor in the moment before the table is told how late it is.
    let mut bench = Bench::new();
    let id = bench.server("MESSAGE", BRANCH, udp());
    bench.now = bench.now + secs(32);
    assert_eq!(bench.respond(id, 200), Err(RespondError::Ended));
}

/// RFC 3261 s8.2.7: a challenge leaves no transaction, and the repeated request is new.
#[test]
fn a_discarded_transaction_leaves_no_trace() {
    for method in ["INVITE", "MESSAGE"] {
        let mut bench = Bench::new();
        let id = bench.server(method, BRANCH, udp());
        bench.table.discard(id);
        bench.table.discard(id);
        assert!(bench.table.is_empty());
        assert_eq!(bench.table.server_flow(id), None);
        assert_eq!(bench.respond(id, 200), Err(RespondError::Ended));
        assert_eq!(bench.run(secs(700)), []);
        assert_ne!(bench.server(method, BRANCH, udp()), id);
    }
}
