use proptest::prelude::*;

use super::*;

fn ranges(parts: &[(u64, u64)]) -> Ranges {
    let mut ranges = Ranges::default();
    for (start, end) in parts {
        ranges.insert(*start, *end).unwrap();
    }
    ranges
}

fn outgoing() -> OutgoingState {
    OutgoingState {
        message_id: "k3j9abcd".into(),
        content_type: "text/plain; charset=utf-8".into(),
        total: Some(243_809_310),
        confirmed: ranges(&[(0, 1_048_576), (2_097_152, 3_145_728)]),
        success_report: true,
        failure_report: FailureReport::Partial,
    }
}

#[test]
fn states_are_text_that_people_can_read() {
    assert_eq!(
        outgoing().encode(),
        "tagus-msrp-outgoing 1\nmessage-id k3j9abcd\ncontent-type text/plain; charset=utf-8\n\
         total 243809310\nreports yes partial\nbytes 0-1048576 2097152-3145728\n"
    );
    assert_eq!(OutgoingState::decode(&outgoing().encode()), Ok(outgoing()));
}

#[test]
fn what_is_no_state_of_this_version_is_refused() {
    let text = outgoing().encode();
    for (from, to, error) in [
        ("outgoing 1", "outgoing 2", StateError::Kind),
        ("outgoing 1", "incoming 1", StateError::Kind),
        ("message-id k3j9abcd", "message-id k/3", StateError::Malformed),
        ("total 243809310", "total x", StateError::Malformed),
        ("total 243809310", "total +1", StateError::Malformed),
        ("total 243809310\n", "", StateError::Malformed),
        ("reports yes", "reports maybe", StateError::Malformed),
        ("bytes 0-1048576", "bytes 1048576-0", StateError::Malformed),
        ("3145728\n", "3145728\nmore\n", StateError::Malformed),
    ] {
        let changed = text.replace(from, to);
        assert_ne!(changed, text);
        assert_eq!(OutgoingState::decode(&changed), Err(error), "{changed}");
    }
}

// RFC 5547 s8 (file-range)
#[test]
fn the_first_missing_position_is_what_a_file_range_begins_with() {
    let mut state = IncomingState {
        message_id: "k3j9abcd".into(),
        content_type: String::new(),
        total: Some(100),
        length: None,
        received: ranges(&[(0, 40), (60, 100)]),
        success_report: false,
        failure_report: FailureReport::Yes,
    };
    assert_eq!(state.first_missing(), Some(41));
    state.received = ranges(&[(0, 100)]);
    assert_eq!(state.first_missing(), None);
    state.total = None;
    assert_eq!(state.first_missing(), Some(101));
}

proptest! {
    #[test]
    fn states_are_read_back_as_they_were_written(
        message_id in "[a-z0-9][a-z0-9.+%=-]{3,31}",
        content_type in "[ -~\u{e9}]{0,40}",
        total in any::<Option<u64>>(),
        length in any::<Option<u64>>(),
        parts in prop::collection::vec((any::<u64>(), 1_u64..1_000_000), 0..40),
        success_report in any::<bool>(),
        junk in "(tagus-msrp-incoming 1\n)?([a-z-]{0,12} ?[0-9* -]{0,9}\n){0,7}",
    ) {
        let parts: Vec<_> = parts.iter().map(|(s, l)| (*s, s.saturating_add(*l))).collect();
        let state = IncomingState {
            message_id,
            content_type,
            total,
            length,
            received: ranges(&parts),
            success_report,
            failure_report: FailureReport::No,
        };
        prop_assert_eq!(IncomingState::decode(&state.encode()), Ok(state));
        let _ = (IncomingState::decode(&junk), OutgoingState::decode(&junk));
    }
}
