//! The INVITE client transaction.

use super::*;
use crate::sip::build;
use crate::sip::header::HeaderName;
use crate::sip::wire::{Framing, Layout, Limits, Message, scan};

/// RFC 3261 s17.1.1.2, timer A: from T1, doubling without a limit, until timer B.
#[test]
fn an_invite_is_repeated_at_doubling_intervals_over_udp() {
    let mut bench = Bench::new();
    bench.client("INVITE", BRANCH, udp());
    let out = bench.run(secs(40));
    assert_eq!(sent_at(&out), [500, 1_500, 3_500, 7_500, 15_500, 31_500]);
    assert!(out.contains(&(500, TimerOutput::Send(udp(), packet("INVITE request")))));
}

/// RFC 3261 s17.1.1.2: no timer A over a reliable transport.
#[test]
fn an_invite_is_sent_once_over_tcp() {
    let mut bench = Bench::new();
    bench.client("INVITE", BRANCH, tcp());
    assert!(sent_at(&bench.run(secs(40))).is_empty());
}

/// RFC 3261 s17.1.1.2: timers follow T1, and the doubling is kept.
#[test]
fn another_t1_stretches_every_interval_of_an_invite() {
    let timing = Timing { t1: millis(700), ..Timing::default() };
    let mut bench = Bench::with(timing, Bounds::default());
    let id = bench.client("INVITE", BRANCH, udp());
    let out = bench.run(secs(60));
    assert_eq!(sent_at(&out), [700, 2_100, 4_900, 10_500, 21_700, 44_100]);
    assert_eq!(events(&out), [(44_800, TimerOutput::ClientTimedOut(id, OWNER))]);
}

/// RFC 3261 s17.1.1.2, timer B, for any transport.
#[test]
fn an_unanswered_invite_times_out_after_64_t1() {
    for flow in [udp(), tcp()] {
        let mut bench = Bench::new();
        let id = bench.client("INVITE", BRANCH, flow);
        let out = bench.run(secs(40));
        assert_eq!(events(&out), [(32_000, TimerOutput::ClientTimedOut(id, OWNER))]);
        assert!(bench.table.is_empty());
        assert_eq!(bench.response("INVITE", BRANCH, 200), Matched::Stray);
    }
}

/// RFC 3261 s17.1.1.2: Proceeding.
#[test]
fn a_provisional_response_ends_the_repeating_of_an_invite() {
    let mut bench = Bench::new();
    let id = bench.client("INVITE", BRANCH, udp());
    assert_eq!(sent_at(&bench.run(millis(600))), [500]);
    bench.passed("INVITE", BRANCH, 100);
    // Timer B has no hold on it any more: only timer C does.
    let out = bench.run(secs(170));
    assert_eq!(out, []);
    assert_eq!(bench.table.client_owner(id), Some(OWNER));
}

/// RFC 3261 s17.1.1.2: "any further provisional responses MUST be passed up".
#[test]
fn each_provisional_response_to_an_invite_is_passed_up() {
    let mut bench = Bench::new();
    let id = bench.client("INVITE", BRANCH, udp());
    for status in [100, 180, 180, 183, 199, 100] {
        let response = bench.passed("INVITE", BRANCH, status);
        assert_eq!((response.id, response.owner, response.ended), (id, OWNER, false));
        assert_eq!((response.build_ack, response.send_cancel), (None, None));
    }
}

/// RFC 3261 s17.1.1.2: from Calling and from Proceeding, whatever the transport, whichever of
/// 300 to 699; any further one is a retransmission, even with another status.
#[test]
fn a_refusal_is_passed_up_once_and_acknowledged_each_time() {
    for flow in [udp(), tcp()] {
        for (provisional, status) in
            [(None, 300), (Some(180), 404), (None, 503), (Some(100), 603), (None, 699)]
        {
            let mut bench = Bench::new();
            bench.client("INVITE", BRANCH, flow);
            if let Some(status) = provisional {
                bench.passed("INVITE", BRANCH, status);
            }
            let response = bench.passed("INVITE", BRANCH, status);
            assert_eq!(response.build_ack, Some((flow, packet("INVITE request"))));
            bench.table.acknowledged(response.id, packet("ACK request"));
            for repeated in [status, status, 486] {
                assert_eq!(
                    bench.response("INVITE", BRANCH, repeated),
                    Matched::Absorbed(Some((flow, packet("ACK request")))),
                );
            }
            for out_of_place in [100, 180, 200] {
                assert_eq!(bench.response("INVITE", BRANCH, out_of_place), Matched::Absorbed(None));
            }
        }
    }
}

/// RFC 3261 s17.1.1.2: "the same address, port, and transport".
#[test]
fn the_ack_goes_where_the_invite_went() {
    let elsewhere = Flow { remote: ([198, 51, 100, 3], 7_070).into(), ..udp() };
    let mut bench = Bench::new();
    bench.client("INVITE", BRANCH, elsewhere);
    let response = bench.passed("INVITE", BRANCH, 404);
    assert_eq!(response.build_ack.map(|(flow, _)| flow), Some(elsewhere));
    bench.table.acknowledged(response.id, packet("ACK"));
    let again = bench.response("INVITE", BRANCH, 404);
    assert_eq!(again, Matched::Absorbed(Some((elsewhere, packet("ACK")))));
}

/// An INVITE that was kept to be acknowledged is never sent in place of its ACK.
#[test]
fn a_repeated_refusal_before_the_ack_is_built_sends_nothing() {
    let mut bench = Bench::new();
    bench.client("INVITE", BRANCH, udp());
    bench.passed("INVITE", BRANCH, 404);
    assert_eq!(bench.response("INVITE", BRANCH, 404), Matched::Absorbed(None));
}

/// RFC 3261 s17.1.1.2, timer D: 32 s at least, whatever T1 is.
#[test]
fn a_refused_invite_stays_32_seconds_over_udp() {
    for t1 in [100, 500] {
        let timing = Timing { t1: millis(t1), ..Timing::default() };
        let mut bench = Bench::with(timing, Bounds::default());
        let id = bench.client("INVITE", BRANCH, udp());
        let response = bench.passed("INVITE", BRANCH, 404);
        bench.table.acknowledged(response.id, packet("ACK"));
        assert_eq!(bench.run(millis(31_999)), []);
        assert!(matches!(bench.response("INVITE", BRANCH, 404), Matched::Absorbed(Some(_))));
        assert_eq!(bench.run(millis(1)), [(1, TimerOutput::ClientGone(id, OWNER))]);
        assert_eq!(bench.response("INVITE", BRANCH, 404), Matched::Stray);
    }
}

/// RFC 3261 s17.1.1.2, timer D: zero over reliable transports.
#[test]
fn a_refused_invite_ends_at_once_over_tcp() {
    let mut bench = Bench::new();
    let id = bench.client("INVITE", BRANCH, tcp());
    bench.passed("INVITE", BRANCH, 404);
    assert_eq!(bench.run(Duration::ZERO), [(0, TimerOutput::ClientGone(id, OWNER))]);
    assert!(bench.table.is_empty());
    assert_eq!(bench.response("INVITE", BRANCH, 404), Matched::Stray);
}

/// RFC 3261 s17.1.1.2: "MUST be destroyed the instant it enters the Terminated state", by each way
/// that leads there.
#[test]
fn an_ended_invite_leaves_nothing_behind() {
    let ends: [fn(&mut Bench, ClientId); 4] = [
        |bench, _| drop(bench.run(secs(32))),
        |bench, _| {
            bench.passed("INVITE", BRANCH, 200);
            bench.run(secs(32));
        },
        |bench, _| {
            bench.passed("INVITE", BRANCH, 486);
            bench.run(secs(32));
        },
        |bench, id| assert_eq!(bench.table.transport_failed(id), Some(OWNER)),
    ];
    for flow in [udp(), tcp()] {
        for end in ends {
            let mut bench = Bench::new();
            let id = bench.client("INVITE", BRANCH, flow);
            end(&mut bench, id);
            assert!(bench.table.is_empty());
            assert_eq!(bench.table.client_owner(id), None);
            assert_eq!(bench.table.transport_failed(id), None);
            assert_eq!(bench.table.cancel(bench.now, id), Cancelling::Pointless);
            assert_eq!(bench.response("INVITE", BRANCH, 200), Matched::Stray);
            assert_eq!(bench.table.next_deadline(), Tick::NEVER);
            let again = bench.client("INVITE", BRANCH, flow);
            assert_ne!(again, id, "a name is never given twice");
        }
    }
}

/// RFC 6026 s7.2, timer M: every 2xx is the user's, and none is acknowledged here.
#[test]
fn each_2xx_to_an_invite_is_passed_up_for_64_t1() {
    for flow in [udp(), tcp()] {
        let mut bench = Bench::new();
        let id = bench.client("INVITE", BRANCH, flow);
        bench.passed("INVITE", BRANCH, 180);
        for status in [200, 200, 202] {
            let response = bench.passed("INVITE", BRANCH, status);
            assert_eq!((response.id, response.ended, response.build_ack), (id, false, None));
        }
        assert_eq!(bench.run(millis(31_999)), []);
        assert_eq!(bench.passed("INVITE", BRANCH, 200).build_ack, None);
        for out_of_place in [100, 180, 404] {
            assert_eq!(bench.response("INVITE", BRANCH, out_of_place), Matched::Absorbed(None));
        }
        // Timer M runs from the first.
        assert_eq!(bench.run(millis(1)), [(1, TimerOutput::ClientGone(id, OWNER))]);
        assert_eq!(bench.response("INVITE", BRANCH, 200), Matched::Stray);
    }
}

/// RFC 6026 s8.4: Accepted is reached from Calling too, and timer A is off there.
#[test]
fn a_2xx_without_a_provisional_response_ends_the_repeating_of_an_invite() {
    let mut bench = Bench::new();
    let id = bench.client("INVITE", BRANCH, udp());
    bench.passed("INVITE", BRANCH, 200);
    assert_eq!(bench.run(secs(33)), [(32_000, TimerOutput::ClientGone(id, OWNER))]);
}

/// RFC 3261 s17.1.4: Calling, Proceeding, and Completed when the ACK cannot be sent (figure 5).
#[test]
fn a_transport_error_ends_an_invite_and_names_whom_to_tell() {
    for status in [None, Some(180), Some(404)] {
        let mut bench = Bench::new();
        let id = bench.client("INVITE", BRANCH, udp());
        if let Some(status) = status {
            bench.passed("INVITE", BRANCH, status);
        }
        assert_eq!(bench.table.transport_failed(id), Some(OWNER));
        assert_eq!(bench.table.transport_failed(id), None, "told once");
        assert_eq!(bench.run(secs(200)), []);
        assert!(bench.table.is_empty());
    }
}

/// RFC 6026 s8.4: figure 5 knows no transport error in Accepted, where another 2xx may still come
/// over another connection.
#[test]
fn an_answered_invite_outlives_its_connection() {
    let mut bench = Bench::new();
    let id = bench.client("INVITE", BRANCH, tcp());
    bench.passed("INVITE", BRANCH, 200);
    let mut out = Vec::new();
    bench.table.connection_closed(tcp().connection, &mut out);
    assert_eq!(out, []);
    bench.passed("INVITE", BRANCH, 200);
    assert_eq!(bench.run(secs(32)), [(32_000, TimerOutput::ClientGone(id, OWNER))]);
}

/// RFC 3261 s16.6 step 11: timer C, more than three minutes.
#[test]
fn timer_c_fires_after_more_than_three_minutes() {
    let mut bench = Bench::new();
    let id = bench.client("INVITE", BRANCH, udp());
    bench.passed("INVITE", BRANCH, 100);
    assert_eq!(bench.run(secs(180)), []);
    assert_eq!(bench.run(secs(1)), [(1_000, TimerOutput::TimerC(id, OWNER))]);
    // Nobody cancels, nobody answers: 64*T1 later it is over all the same.
    assert_eq!(bench.run(secs(40)), [(32_000, TimerOutput::ClientTimedOut(id, OWNER))]);
}

/// RFC 3261 s16.7 step 2: 101 to 199 starts timer C afresh, 100 does not.
#[test]
fn provisional_responses_but_100_start_timer_c_afresh() {
    let mut bench = Bench::new();
    let id = bench.client("INVITE", BRANCH, tcp());
    bench.passed("INVITE", BRANCH, 100);
    for status in [180, 101, 199] {
        assert_eq!(bench.run(secs(180)), []);
        bench.passed("INVITE", BRANCH, status);
    }
    assert_eq!(bench.run(secs(180)), []);
    bench.passed("INVITE", BRANCH, 100);
    assert_eq!(bench.run(secs(2)), [(1_000, TimerOutput::TimerC(id, OWNER))]);
    // Once it has fired, ringing on does not keep the transaction.
    for _ in 0..3 {
        assert_eq!(bench.run(secs(9)), []);
        bench.passed("INVITE", BRANCH, 180);
    }
    assert_eq!(bench.run(secs(9)), [(4_000, TimerOutput::ClientTimedOut(id, OWNER))]);
}

const INVITE: &[u8] = b"INVITE sip:bob@biloxi.com SIP/2.0\r\n\
    Via: SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bKkjshdyff, SIP/2.0/TCP far.example;branch=z9hG4bKfar\r\n\
    Via: SIP/2.0/UDP farther.example;branch=z9hG4bKfarther\r\n\
    Route: <sip:p1.example;lr>, <sip:p2.example;lr>\r\n\
    To: Bob <sip:bob@biloxi.com>\r\n\
    Route: <sip:p3.example;lr>\r\n\
    From: Alice <sip:alice@atlanta.com>;tag=88sja8x\r\n\
    Max-Forwards: 70\r\n\
    Require: 100rel\r\n\
    Proxy-Require: foo\r\n\
    Contact: <sip:alice@pc33.atlanta.com>\r\n\
    Call-ID: 987asjd97y7atg\r\n\
    CSeq: 986759 INVITE\r\n\
    Content-Type: text/plain\r\n\
    Content-Length: 4\r\n\r\nbody";

const REFUSAL: &[u8] = b"SIP/2.0 404 Not Found\r\n\
    Via: SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bKkjshdyff;received=192.0.2.1\r\n\
    To: Bob <sip:bob@biloxi.com>;tag=99sa0xk\r\n\
    From: Alice <sip:alice@atlanta.com>;tag=88sja8x\r\n\
    Call-ID: 987asjd97y7atg\r\n\
    CSeq: 986759 INVITE\r\n\
    Content-Length: 0\r\n\r\n";

fn layout_of(bytes: &[u8]) -> Layout {
    let mut layout = Layout::default();
    scan(bytes, Framing::Stream, &Limits::default(), &mut layout).unwrap();
    layout
}

/// RFC 3261 s17.1.1.3, with its example.
#[test]
fn the_ack_of_a_refusal_is_made_of_the_invite_and_the_to_of_the_response() {
    let (of_invite, of_refusal) = (layout_of(INVITE), layout_of(REFUSAL));
    let mut ack = Vec::new();
    build::ack_for(
        &Message::new(INVITE, &of_invite),
        &Message::new(REFUSAL, &of_refusal),
        &mut ack,
    );
    assert_eq!(
        String::from_utf8(ack).unwrap(),
        "ACK sip:bob@biloxi.com SIP/2.0\r\n\
         Via: SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bKkjshdyff\r\n\
         Route: <sip:p1.example;lr>, <sip:p2.example;lr>\r\n\
         To: Bob <sip:bob@biloxi.com>;tag=99sa0xk\r\n\
         Route: <sip:p3.example;lr>\r\n\
         From: Alice <sip:alice@atlanta.com>;tag=88sja8x\r\n\
         Call-ID: 987asjd97y7atg\r\n\
         CSeq: 986759 ACK\r\n\
         Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    );
}

/// RFC 3261 s9.1: the CANCEL is its request but for method, Require, Proxy-Require and body.
#[test]
fn a_cancel_is_made_of_the_request_that_it_cancels() {
    let layout = layout_of(INVITE);
    let mut cancel = Vec::new();
    build::cancel_for(&Message::new(INVITE, &layout), b"", &mut cancel);
    let of_cancel = layout_of(&cancel);
    let cancel = Message::new(&cancel, &of_cancel);
    assert_eq!(cancel.request_uri(), b"sip:bob@biloxi.com");
    assert_eq!(cancel.method().as_bytes(), b"CANCEL");
    let all = |name| -> Vec<&[u8]> {
        cancel.lines().filter(|line| line.name == name).map(|line| line.value).collect()
    };
    assert_eq!(
        all(HeaderName::Via),
        [b"SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bKkjshdyff".as_slice()]
    );
    let routes: [&[u8]; 2] = [b"<sip:p1.example;lr>, <sip:p2.example;lr>", b"<sip:p3.example;lr>"];
    assert_eq!(all(HeaderName::Route), routes);
    assert_eq!(all(HeaderName::To), [b"Bob <sip:bob@biloxi.com>".as_slice()]);
    assert_eq!(all(HeaderName::From), [b"Alice <sip:alice@atlanta.com>;tag=88sja8x".as_slice()]);
    assert_eq!(all(HeaderName::CallId), [b"987asjd97y7atg".as_slice()]);
    assert_eq!(all(HeaderName::CSeq), [b"986759 CANCEL".as_slice()]);
    assert!(all(HeaderName::Require).is_empty());
    assert!(all(HeaderName::ProxyRequire).is_empty());
    assert!(cancel.body().is_empty());
}
