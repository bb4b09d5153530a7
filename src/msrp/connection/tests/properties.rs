use proptest::prelude::*;

use super::super::testing::*;
use super::super::*;
use crate::msrp::granularity::Granularity;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    // RFC 4975 s7.3.1
    #[test]
    fn random_chunks_in_random_order_with_overlaps_give_the_body(
        body in prop::collection::vec(any::<u8>(), 1..400),
        cuts in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..120), 0..24),
        order in any::<u64>(),
        unknown in any::<bool>(),
        splits in prop::collection::vec(1_usize..90, 1..4),
    ) {
        let total = if unknown { "*".to_owned() } else { body.len().to_string() };
        // Some chunks anywhere, and as many as it takes to cover everything.
        let mut parts: Vec<(usize, usize)> = cuts
            .iter()
            .map(|(at, length)| (at.index(body.len()), *length))
            .map(|(start, length)| (start, (start + length).min(body.len())))
            .collect();
        let mut start = 0;
        while start < body.len() {
            let end = (start + 1 + (order as usize + start) % 97).min(body.len());
            parts.push((start, end));
            start = end;
        }
        // Shuffled by a generator of its own, so that a failure is found again.
        let mut state = order | 1;
        for n in (1..parts.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            parts.swap(n, (state >> 33) as usize % (n + 1));
        }
        let mut stream = Vec::new();
        for (n, (start, end)) in parts.iter().enumerate() {
            let id = format!("t{n:07}");
            let flag = if *end == body.len() { b'$' } else { b'+' };
            stream.extend_from_slice(format!(
                "MSRP {id} SEND\r\nTo-Path: {BOB}\r\nFrom-Path: {ALICE}\r\nMessage-ID: 87652491\r\n\
                 Byte-Range: {}-*/{total}\r\nContent-Type: a/b\r\n\r\n", start + 1).as_bytes());
            stream.extend_from_slice(&body[*start..*end]);
            stream.extend_from_slice(format!("\r\n-------{id}").as_bytes());
            stream.extend_from_slice(&[flag, b'\r', b'\n']);
        }
        let mut pair = Pair::new();
        let mut rest = &stream[..];
        let mut complete_at = None;
        for n in 0.. {
            if rest.is_empty() {
                break;
            }
            let (head, tail) = rest.split_at(splits[n % splits.len()].min(rest.len()));
            pair.bob.read(head).unwrap();
            if complete_at.is_none() && pair.bob.first_if_any().is_some_and(|r| r.complete.is_some()) {
                complete_at = Some(pair.bob.first().bytes.clone());
            }
            rest = tail;
        }
        prop_assert_eq!(complete_at, Some(body.clone()));
        prop_assert_eq!(pair.bob.first().complete, Some(body.len() as u64));
    }

    #[test]
    fn whatever_is_sent_arrives_at_any_split_with_any_neighbours(
        sizes in prop::collection::vec((0_usize..9_000, any::<bool>(), any::<bool>()), 1..6),
        fragment in 1_usize..5_000,
        turn in 1_u64..9_000,
        splits in prop::collection::vec(1_usize..4_000, 1..6),
    ) {
        let options = Options { fragment, turn, out_bytes: 3_000, ..Options::default() };
        let mut pair = Pair::with(options, |setup| setup.reports = Granularity::EveryBytes(1_500));
        let mut bodies = Vec::new();
        for (n, (size, known, streamed)) in sizes.iter().enumerate() {
            let body: Vec<u8> = b"\r\n-------".iter().cycle().skip(n).take(*size).copied().collect();
            let content = match (streamed, known) {
                (false, _) => Content::Memory(body.clone().into()),
                (true, true) => Content::Stream { size: Some(body.len() as u64) },
                (true, false) => Content::Stream { size: None },
            };
            let message = Message { success_report: true, ..Message::new("a/b", content) };
            let id = pair.alice.connection.send(Tick::ZERO, pair.a, message).unwrap();
            pair.alice.sources.insert(id, body.clone().into());
            bodies.push((id, body));
        }
        for n in 0..100_000 {
            let (wrote, more) = pair.alice.write_some();
            for part in wrote.chunks(splits[n % splits.len()]) {
                pair.bob.read(part).unwrap();
            }
            let (back, more_back) = pair.bob.write_some();
            pair.alice.read(&back).unwrap();
            if wrote.is_empty() && back.is_empty() && !more && !more_back {
                break;
            }
        }
        let mut arrived: Vec<Vec<u8>> =
            pair.bob.received.values().map(|received| received.bytes.clone()).collect();
        prop_assert!(pair.bob.received.values().all(|r| r.complete == Some(r.bytes.len() as u64)));
        let mut sent: Vec<Vec<u8>> = bodies.iter().map(|(_, body)| body.clone()).collect();
        arrived.sort();
        sent.sort();
        prop_assert!(arrived == sent);
        for (id, body) in bodies {
            let whole = Notice::Reported { id, received: body.len() as u64, whole: true };
            prop_assert!(pair.alice.notices.contains(&whole));
        }
    }

    #[test]
    fn a_message_resumed_at_random_points_is_the_message(
        length in 1_usize..40_000,
        breaks in prop::collection::vec((0_usize..20_000, 0_usize..20_000), 0..5),
    ) {
        let body: Vec<u8> = (0..length).map(|n| (n / 3) as u8).collect();
        let content = || Content::Memory(body.clone().into());
        let options = Options { fragment: 3_000, out_bytes: 1_000, ..Options::default() };
        let (mut here, mut there): (Option<String>, Option<String>) = (None, None);
        let mut held = Received::default();
        // Each connection breaks after so many bytes each way; the last one does not.
        for (forth, back) in breaks.into_iter().chain([(usize::MAX, usize::MAX)]) {
            let mut pair = Pair::with(options, |_| {});
            let expected = there.as_ref().map(|state| {
                let state = IncomingState::decode(state).unwrap();
                pair.bob.connection.expect_incoming(pair.b, state).unwrap()
            });
            if let Some(id) = expected {
                pair.bob.received.insert(id, held.clone());
            }
            let message = Message::new("a/b", content());
            let connection = &mut pair.alice.connection;
            let id = match &here {
                None => connection.send(Tick::ZERO, pair.a, message),
                Some(state) => {
                    let state = OutgoingState::decode(state).unwrap();
                    connection.resume_outgoing(Tick::ZERO, pair.a, state, message)
                }
            }
            .unwrap();
            let (mut forth, mut back) = (forth, back);
            loop {
                let (wrote, more) = pair.alice.write_some();
                let through = wrote.len().min(forth);
                pair.bob.read(&wrote[..through]).unwrap();
                forth -= through;
                let (answers, more_back) = pair.bob.write_some();
                let through_back = answers.len().min(back);
                pair.alice.read(&answers[..through_back]).unwrap();
                back -= through_back;
                let broken = through < wrote.len() || through_back < answers.len();
                if broken || wrote.is_empty() && answers.is_empty() && !more && !more_back {
                    break;
                }
            }
            let incoming = expected.or_else(|| pair.bob.order.first().copied());
            if let Some(incoming) = incoming {
                held = pair.bob.received[&incoming].clone();
                there = pair.bob.connection.incoming_state(incoming).map(|state| state.encode());
            }
            if held.complete.is_some() {
                break;
            }
            here = pair.alice.connection.outgoing_state(id).map(|state| state.encode());
        }
        prop_assert_eq!(held.complete, Some(length as u64));
        prop_assert!(held.bytes == body);
    }
}
