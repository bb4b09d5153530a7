//! The INVITE server transaction.

use super::*;

/// RFC 3261 s17.2.1: 100 unless the user answers within 200 ms.
#[test]
fn a_100_is_asked_for_when_an_invite_has_no_answer_after_200_ms() {
    for flow in [udp(), tcp()] {
        let mut bench = Bench::new();
        let id = bench.server("INVITE", BRANCH, flow);
        assert_eq!(bench.run(secs(5)), [(200, TimerOutput::NeedTrying(id))], "once");
        assert_eq!(bench.respond(id, 100), Ok((flow, packet("100"))));
    }
}

/// RFC 3261 s17.2.1.
#[test]
fn no_100_is_asked_for_when_an_invite_was_answered() {
    for status in [100, 180, 200, 404] {
        let mut bench = Bench::new();
        let id = bench.server("INVITE", BRANCH, tcp());
        bench.run(millis(199));
        bench.respond(id, status).unwrap();
        assert_eq!(bench.run(secs(5)), []);
    }
}

/// RFC 3261 s17.2.1: each provisional response is sent, the last one again.
#[test]
fn a_repeated_invite_gets_the_latest_provisional_response() {
    let mut bench = Bench::new();
    let id = bench.server("INVITE", BRANCH, udp());
    assert_eq!(bench.request("INVITE", BRANCH, udp()), Received::Retransmission(None));
    for status in [100, 180, 183, 180] {
        let sent = bench.respond(id, status).unwrap();
        assert_eq!(sent, (udp(), packet(&status.to_string())));
        for _ in 0..2 {
            let again = bench.request("INVITE", BRANCH, udp());
            assert_eq!(again, Received::Retransmission(Some(sent.clone())));
        }
    }
    assert_eq!(bench.run(secs(60)), [], "none is repeated without being asked");
}

/// RFC 3261 s17.2.1, timers G and H.
#[test]
fn a_refusal_is_repeated_at_intervals_that_double_up_to_t2_over_udp() {
    let mut bench = Bench::new();
    let id = bench.server("INVITE", BRANCH, udp());
    bench.respond(id, 486).unwrap();
    let out = bench.run(secs(40));
    assert_eq!(
        sent_at(&out),
        [500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500]
    );
    assert_eq!(out.first(), Some(&(500, TimerOutput::Send(udp(), packet("486")))));
    assert_eq!(events(&out), [(32_000, TimerOutput::ServerFailed(id))]);
}

/// RFC 3261 s17.2.1: no timer G over reliable transports.
#[test]
fn a_refusal_is_sent_once_over_tcp() {
    let mut bench = Bench::new();
    let id = bench.server("INVITE", BRANCH, tcp());
    bench.respond(id, 603).unwrap();
    assert!(sent_at(&bench.run(secs(40))).is_empty());
}

/// RFC 3261 s17.2.1, timer H: for all transports.
#[test]
fn a_refusal_that_nobody_acknowledges_fails_after_64_t1() {
    for flow in [udp(), tcp()] {
        for status in [300, 486, 699] {
            let mut bench = Bench::new();
            let id = bench.server("INVITE", BRANCH, flow);
            bench.run(secs(20));
            bench.respond(id, status).unwrap();
            let out = bench.run(secs(40));
            assert_eq!(events(&out), [(32_000, TimerOutput::ServerFailed(id))]);
            assert!(bench.table.is_empty());
            assert_eq!(bench.respond(id, 200), Err(RespondError::Ended));
            bench.server("INVITE", BRANCH, flow);
        }
    }
}

/// RFC 3261 s17.2.1: Completed.
#[test]
fn a_repeated_invite_gets_the_refusal_again() {
    let mut bench = Bench::new();
    let id = bench.server("INVITE", BRANCH, udp());
    bench.respond(id, 180).unwrap();
    bench.respond(id, 486).unwrap();
    for _ in 0..2 {
        let again = bench.request("INVITE", BRANCH, udp());
        assert_eq!(again, Received::Retransmission(Some((udp(), packet("486")))));
    }
    for status in [100, 180, 200, 486, 603] {
        assert_eq!(bench.respond(id, status), Err(RespondError::Answered));
    }
}

/// RFC 3261 s17.2.1: Confirmed, and timer I.
#[test]
fn an_ack_ends_the_repeating_of_a_refusal_and_further_ones_are_absorbed_for_t4() {
    let mut bench = Bench::new();
    let id = bench.server("INVITE", BRANCH, udp());
    bench.respond(id, 486).unwrap();
    assert_eq!(sent_at(&bench.run(secs(2))), [500, 1_500]);
    for _ in 0..3 {
        assert_eq!(bench.request("ACK", BRANCH, udp()), Received::AckAbsorbed);
    }
    assert_eq!(bench.run(millis(4_999)), []);
    assert_eq!(bench.request("ACK", BRANCH, udp()), Received::AckAbsorbed);
    let late = bench.request("INVITE", BRANCH, udp());
    assert_eq!(late, Received::Retransmission(None), "it was confirmed: nothing to say");
    assert_eq!(bench.respond(id, 200), Err(RespondError::Answered));
    assert_eq!(bench.run(millis(1)), [(1, TimerOutput::ServerGone(id))]);
    assert!(bench.table.is_empty());
    assert_eq!(bench.request("ACK", BRANCH, udp()), Received::Ack(None));
}

/// RFC 3261 s17.2.1, timer I: zero over reliable transports.
#[test]
fn an_acknowledged_refusal_ends_at_once_over_tcp() {
    let mut bench = Bench::new();
    let id = bench.server("INVITE", BRANCH, tcp());
    bench.respond(id, 486).unwrap();
    assert_eq!(bench.request("ACK", BRANCH, tcp()), Received::AckAbsorbed);
    assert_eq!(bench.run(Duration::ZERO), [(0, TimerOutput::ServerGone(id))]);
    assert!(bench.table.is_empty());
}

/// RFC 6026 s7.1, timer L: for all transports.
#[test]
fn an_accepted_invite_stands_for_64_t1_and_lets_each_2xx_through() {
    for flow in [udp(), tcp()] {
        let mut bench = Bench::new();
        let id = bench.server("INVITE", BRANCH, flow);
        bench.respond(id, 200).unwrap();
        assert_eq!(bench.run(secs(20)), [], "a 2xx is never repeated by the transaction");
        for status in [200, 202, 299] {
            let sent = bench.respond(id, status);
            assert_eq!(sent, Ok((flow, packet(&status.to_string()))));
        }
        for status in [100, 180, 300, 486] {
            assert_eq!(bench.respond(id, status), Err(RespondError::Answered));
        }
        // Timer L runs from the first.
        assert_eq!(bench.run(secs(20)), [(12_000, TimerOutput::ServerGone(id))]);
        assert_eq!(bench.respond(id, 200), Err(RespondError::Ended));
        assert!(bench.table.is_empty());
    }
}

/// RFC 6026 s7.1.
#[test]
fn a_repeated_invite_is_absorbed_once_accepted() {
    let mut bench = Bench::new();
    let id = bench.server("INVITE", BRANCH, udp());
    bench.respond(id, 180).unwrap();
    bench.respond(id, 200).unwrap();
    bench.run(secs(31));
    assert_eq!(bench.request("INVITE", BRANCH, udp()), Received::Retransmission(None));
    bench.run(secs(1));
    bench.server("INVITE", BRANCH, udp());
}

/// RFC 6026 s7.1: "passed directly to the TU and not absorbed".
#[test]
fn every_ack_is_the_users_once_accepted() {
    let mut bench = Bench::new();
    let id = bench.server("INVITE", BRANCH, udp());
    bench.respond(id, 200).unwrap();
    for _ in 0..3 {
        assert_eq!(bench.request("ACK", BRANCH, udp()), Received::Ack(Some(id)));
    }
    assert_eq!(bench.respond(id, 200), Ok((udp(), packet("200"))), "an ACK changes nothing");
    assert_eq!(bench.run(secs(40)), [(32_000, TimerOutput::ServerGone(id))]);
}

/// An ACK for nothing that was sent changes nothing.
#[test]
fn an_ack_before_any_final_response_is_absorbed_without_effect() {
    let mut bench = Bench::new();
    let id = bench.server("INVITE", BRANCH, udp());
    assert_eq!(bench.request("ACK", BRANCH, udp()), Received::AckAbsorbed);
    assert!(bench.table.awaits_final(id));
    bench.respond(id, 486).unwrap();
    assert!(!bench.table.awaits_final(id));
    assert_eq!(sent_at(&bench.run(secs(1))), [500]);
}

/// RFC 6026 s7.1, s8.8: a transport error changes the state of no server transaction, so that the
/// retransmission of its request is still recognised.
#[test]
fn a_server_transaction_outlives_its_connection() {
    for (status, again) in [(180, Some("180")), (486, Some("486")), (200, None)] {
        let mut bench = Bench::new();
        let id = bench.server("INVITE", BRANCH, tcp());
        bench.respond(id, status).unwrap();
        let other = bench.server("MESSAGE", BRANCH, tcp());
        let mut out = Vec::new();
        bench.table.connection_closed(tcp().connection, &mut out);
        assert_eq!(out, []);
        let again = again.map(|text| (tcp(), packet(text)));
        assert_eq!(bench.request("INVITE", BRANCH, tcp()), Received::Retransmission(again));
        assert_eq!(bench.respond(other, 200), Ok((tcp(), packet("200"))));
    }
}

/// A user that forgot its INVITE does not keep it for ever; each provisional response is a sign of
/// life.
#[test]
fn an_invite_whose_user_stays_silent_is_given_up() {
    let mut bench = Bench::new();
    let id = bench.server("INVITE", BRANCH, udp());
    bench.run(secs(500));
    bench.respond(id, 180).unwrap();
    assert_eq!(bench.run(secs(700)), [(600_000, TimerOutput::ServerGone(id))]);
    assert!(bench.table.is_empty());
}

/// RFC 3261 s7.2: status codes are 100 to 699.
#[test]
fn a_number_that_is_no_status_is_sent_to_nobody() {
    for method in ["INVITE", "MESSAGE"] {
        let mut bench = Bench::new();
        let id = bench.server(method, BRANCH, tcp());
        for status in [0, 99, 700, u16::MAX] {
            assert_eq!(bench.respond(id, status), Err(RespondError::Status));
        }
        bench.client(method, BRANCH, tcp());
        for status in [0, 99, 700, u16::MAX] {
            assert_eq!(bench.response(method, BRANCH, status), Matched::Stray);
        }
        assert_eq!(bench.respond(id, 200), Ok((tcp(), packet("200"))));
    }
}
