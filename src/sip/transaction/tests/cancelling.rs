//! CANCEL on both sides.

use super::*;

/// RFC 3261 s9.1: "the client MUST wait for the arrival of a provisional response".
#[test]
fn a_cancel_waits_for_a_provisional_response() {
    let mut bench = Bench::new();
    let id = bench.client("INVITE", BRANCH, udp());
    assert_eq!(bench.table.cancel(bench.now, id), Cancelling::WhenProvisional);
    assert_eq!(bench.table.cancel(bench.now, id), Cancelling::WhenProvisional);
    assert_eq!(sent_at(&bench.run(secs(2))), [500, 1_500], "the INVITE is still repeated");
    let response = bench.passed("INVITE", BRANCH, 100);
    assert_eq!(response.send_cancel, Some((udp(), packet("INVITE request"))));
    assert_eq!(bench.passed("INVITE", BRANCH, 180).send_cancel, None, "one CANCEL");
    assert_eq!(bench.table.cancel(bench.now, id), Cancelling::Pointless);
}

/// RFC 3261 s9.1: to the address, port and transport of the request.
#[test]
fn a_cancel_goes_out_at_once_after_a_provisional_response_and_once() {
    let mut bench = Bench::new();
    let id = bench.client("INVITE", BRANCH, tcp());
    bench.passed("INVITE", BRANCH, 180);
    let cancelled = bench.table.cancel(bench.now, id);
    assert_eq!(cancelled, Cancelling::Send(tcp(), packet("INVITE request")));
    assert_eq!(bench.table.cancel(bench.now, id), Cancelling::Pointless);
}

/// RFC 3261 s9.1: a final response makes it pointless; other requests are never cancelled.
#[test]
fn nothing_answered_and_nothing_but_an_invite_is_cancelled() {
    for status in [200, 486] {
        let mut bench = Bench::new();
        let id = bench.client("INVITE", BRANCH, udp());
        assert_eq!(bench.table.cancel(bench.now, id), Cancelling::WhenProvisional);
        assert_eq!(bench.passed("INVITE", BRANCH, status).send_cancel, None);
        assert_eq!(bench.table.cancel(bench.now, id), Cancelling::Pointless);
        assert_eq!(bench.response("INVITE", BRANCH, 180), Matched::Absorbed(None));
    }
    let mut bench = Bench::new();
    let id = bench.client("MESSAGE", BRANCH, udp());
    assert_eq!(bench.table.cancel(bench.now, id), Cancelling::Pointless);
    assert_eq!(bench.passed("MESSAGE", BRANCH, 100).send_cancel, None);
    assert_eq!(bench.table.cancel(bench.now, id), Cancelling::Pointless);
}

/// RFC 3261 s9.1: "no final response for the original request in 64*T1 seconds".
#[test]
fn a_cancelled_invite_without_a_final_response_ends_after_64_t1() {
    for waits in [false, true] {
        let mut bench = Bench::new();
        let id = bench.client("INVITE", BRANCH, udp());
        if waits {
            bench.table.cancel(bench.now, id);
        }
        bench.passed("INVITE", BRANCH, 180);
        if !waits {
            bench.table.cancel(bench.now, id);
        }
        bench.run(secs(20));
        bench.passed("INVITE", BRANCH, 180);
        let out = bench.run(secs(200));
        assert_eq!(out, [(12_000, TimerOutput::ClientTimedOut(id, OWNER))]);
        assert!(bench.table.is_empty());
    }
}

/// RFC 3261 s16.8: timer C leads to a CANCEL, from which 64*T1 are left.
#[test]
fn an_invite_is_cancelled_after_timer_c() {
    let mut bench = Bench::new();
    let id = bench.client("INVITE", BRANCH, udp());
    bench.passed("INVITE", BRANCH, 180);
    assert_eq!(bench.run(secs(182)), [(181_000, TimerOutput::TimerC(id, OWNER))]);
    assert!(matches!(bench.table.cancel(bench.now, id), Cancelling::Send(..)));
    assert_eq!(bench.run(secs(31)), []);
    assert!(bench.passed("INVITE", BRANCH, 487).build_ack.is_some());
}

/// RFC 3261 s17.1.3: the CANCEL and its INVITE are two transactions that end by themselves.
#[test]
fn a_cancel_has_a_transaction_of_its_own() {
    let mut bench = Bench::new();
    let invite = bench.client("INVITE", BRANCH, udp());
    bench.passed("INVITE", BRANCH, 180);
    bench.table.cancel(bench.now, invite);
    let cancel = bench.client("CANCEL", BRANCH, udp());
    assert_eq!(sent_at(&bench.run(secs(1))), [500]);
    assert!(bench.passed("CANCEL", BRANCH, 200).ended);
    assert_eq!(bench.table.client_owner(cancel), None);
    assert_eq!(bench.table.client_owner(invite), Some(OWNER));
    assert_eq!(bench.passed("INVITE", BRANCH, 487).id, invite);
}

fn cancel(bench: &mut Bench, branch: &str) -> (ServerId, CancelTarget) {
    match bench.request("CANCEL", branch, udp()) {
        Received::Cancel { id, target } => (id, target),
        other => panic!("not a CANCEL: {other:?}"),
    }
}

/// RFC 3261 s9.2, s16.10.
#[test]
fn a_cancel_finds_the_invite_that_waits() {
    for provisional in [false, true] {
        let mut bench = Bench::new();
        let invite = bench.server("INVITE", BRANCH, udp());
        if provisional {
            bench.respond(invite, 180).unwrap();
        }
        assert!(!bench.table.is_cancelled(invite));
        let (id, target) = cancel(&mut bench, BRANCH);
        assert_eq!(target, CancelTarget::Pending(invite));
        assert!(bench.table.is_cancelled(invite));
        assert_ne!(id, invite);
        assert_eq!(bench.respond(id, 200), Ok((udp(), packet("200"))));
        let again = bench.request("CANCEL", BRANCH, udp());
        assert_eq!(again, Received::Retransmission(Some((udp(), packet("200")))));
        assert_eq!(bench.respond(invite, 487), Ok((udp(), packet("487"))));
    }
}

/// RFC 3261 s9.2: 481 is what the user then answers.
#[test]
fn a_cancel_that_matches_nothing_says_so() {
    let mut bench = Bench::new();
    bench.server("INVITE", BRANCH, udp());
    assert_eq!(cancel(&mut bench, "z9hG4bK-two").1, CancelTarget::Nothing);
    let parts = ServerKeyParts { sent_by: b"other.example", ..key_of("CANCEL", BRANCH) };
    let received = bench.table.receive_request(bench.now, &parts, udp());
    assert!(matches!(received, Received::Cancel { target: CancelTarget::Nothing, .. }));
}

/// RFC 3261 s9.2: an answered INVITE and another method are left as they are.
#[test]
fn a_cancel_has_no_effect_on_what_is_answered_or_no_invite() {
    for status in [200, 486] {
        let mut bench = Bench::new();
        let id = bench.server("INVITE", BRANCH, udp());
        bench.respond(id, status).unwrap();
        assert_eq!(cancel(&mut bench, BRANCH).1, CancelTarget::Unaffected);
    }
    for answered in [false, true] {
        let mut bench = Bench::new();
        let id = bench.server("MESSAGE", BRANCH, udp());
        if answered {
            bench.respond(id, 200).unwrap();
        }
        assert_eq!(cancel(&mut bench, BRANCH).1, CancelTarget::Unaffected);
    }
}

/// RFC 3261 s9.2: a CANCEL is "anything but CANCEL or ACK".
#[test]
fn a_cancel_never_cancels_itself() {
    let mut bench = Bench::new();
    let (id, target) = cancel(&mut bench, BRANCH);
    assert_eq!(target, CancelTarget::Nothing);
    assert_eq!(bench.request("CANCEL", BRANCH, udp()), Received::Retransmission(None));
    bench.respond(id, 481).unwrap();
    bench.run(secs(32));
    assert_eq!(cancel(&mut bench, BRANCH).1, CancelTarget::Nothing);
}
