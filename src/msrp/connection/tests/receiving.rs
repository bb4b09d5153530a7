use std::time::Duration;

use super::super::testing::*;
use super::super::*;
use super::chunks;
use crate::msrp::Arrival;
use crate::msrp::content::Accept;

fn chunk(n: u32, range: &str, body: &str, flag: char) -> Vec<u8> {
    send(
        &format!("chunk{n}"),
        &format!("Message-ID: 87652491\r\nByte-Range: {range}\r\n"),
        Some(body),
        flag,
    )
}

/// What Bob holds after these chunks.
fn bob_after(parts: &[(&str, &str, char)]) -> Pair {
    let mut pair = Pair::new();
    for (n, (range, body, flag)) in (0..).zip(parts) {
        pair.bob.read(&chunk(n, range, body, *flag)).unwrap();
        assert_eq!(pair.bob.text(), answer(&format!("chunk{n}"), "200 OK"));
    }
    pair
}

fn is_whole(pair: &Pair, text: &str) {
    let received = pair.bob.first();
    assert_eq!(String::from_utf8_lossy(&received.bytes[..text.len()]), text);
    assert_eq!(received.complete, Some(text.len() as u64));
}

// RFC 4975 s7.2, s7.3.1
#[test]
fn a_message_is_taken_and_answered_with_the_paths_exchanged() {
    let mut pair = Pair::new();
    let bytes = send("a786hjs2", "Message-ID: 87652491\r\nByte-Range: 1-2/2\r\n", Some("Hi"), '$');
    pair.bob.read(&bytes).unwrap();
    assert_eq!(pair.bob.text(), answer("a786hjs2", "200 OK"));
    let received = pair.bob.first();
    assert_eq!((&*received.message_id, &*received.content_type), ("87652491", "text/plain"));
    is_whole(&pair, "Hi");
}

// RFC 4975 s7.3.1; trap "Requiring Byte-Range"
#[test]
fn a_send_without_byte_range_is_a_whole_message() {
    let mut pair = Pair::new();
    pair.bob.read(&send("a786hjs2", "Message-ID: 87652491\r\n", Some("Hi"), '$')).unwrap();
    assert_eq!(pair.bob.text(), answer("a786hjs2", "200 OK"));
    is_whole(&pair, "Hi");
}

// RFC 4975 s5.1, its figure 3
#[test]
fn the_two_chunks_of_rfc_4975_are_one_message() {
    is_whole(&bob_after(&[("1-*/8", "abcd", '+'), ("5-8/8", "EFGH", '$')]), "abcdEFGH");
}

// RFC 4975 s7.3.1
#[test]
fn chunks_come_in_any_order() {
    let pair = bob_after(&[("5-8/8", "EFGH", '$'), ("3-4/8", "cd", '+'), ("1-2/8", "ab", '+')]);
    is_whole(&pair, "abcdEFGH");
    let pair = bob_after(&[("5-*/*", "EFGH", '$'), ("1-*/*", "abcd", '+')]);
    is_whole(&pair, "abcdEFGH");
}

// RFC 4975 s7.3.1
#[test]
fn of_overlapping_chunks_the_last_one_counts() {
    let parts = [("1-6/8", "abcdef", '+'), ("3-6/8", "CDEF", '+'), ("7-8/8", "gh", '$')];
    is_whole(&bob_after(&parts), "abCDEFgh");
    is_whole(&bob_after(&[("1-4/4", "abcd", '+'), ("1-4/4", "ABCD", '$')]), "ABCD");
}

// RFC 4975 s7.3.1
#[test]
fn the_payload_counts_and_not_the_range_end() {
    is_whole(&bob_after(&[("1-8/8", "abcd", '+'), ("5-8/8", "EFGH", '$')]), "abcdEFGH");
    is_whole(&bob_after(&[("1-2/8", "abcdEFGH", '$')]), "abcdEFGH");
}

// RFC 4975 s7.3.1
#[test]
fn the_dollar_chunk_fixes_the_length() {
    is_whole(&bob_after(&[("1-*/100", "abcd", '+'), ("5-*/100", "EF", '$')]), "abcdEF");
    // What lies beyond the end is none of the message.
    let parts = [("3-4/4", "cd", '$'), ("5-6/6", "xx", '+'), ("1-2/4", "ab", '+')];
    let pair = bob_after(&parts);
    is_whole(&pair, "abcd");
    assert_eq!(pair.bob.first().bytes, b"abcd");
}

// RFC 4975 s7.1
#[test]
fn the_hash_flag_ends_a_message_with_or_without_bytes() {
    let pair = bob_after(&[("1-*/100", "abcd", '+'), ("5-*/100", "EF", '#')]);
    assert_eq!((pair.bob.first().aborted, pair.bob.first().complete), (Some(6), None));
    let mut pair = bob_after(&[("1-*/100", "abcd", '+')]);
    let fields = "Message-ID: 87652491\r\nByte-Range: 1-0/100\r\n";
    pair.bob.read(&send("hash", fields, None, '#')).unwrap();
    assert_eq!(pair.bob.first().aborted, Some(4));
}

// RFC 4975 s7.1.4, s7.2
#[test]
fn answers_follow_failure_report() {
    for (value, good, bad) in [("yes", true, true), ("partial", false, true), ("no", false, false)]
    {
        let fields = format!("Message-ID: 8765{value}\r\nFailure-Report: {value}\r\n");
        let mut pair = Pair::new();
        pair.bob.read(&send("good", &fields, Some("x"), '$')).unwrap();
        assert_eq!(pair.bob.text() == answer("good", "200 OK"), good, "{value}");
        for denied in [Some(413), None] {
            let mut pair = Pair::new();
            pair.bob.deny = denied;
            let broken = format!("{fields}Byte-Range: what\r\n");
            let fields = if denied.is_some() { &fields } else { &broken };
            pair.bob.read(&send("notgood", fields, Some("x"), '$')).unwrap();
            assert_eq!(!pair.bob.text().is_empty(), bad, "{value} {denied:?}");
        }
    }
}

// RFC 4975 s7.3
#[test]
fn a_request_for_no_session_of_this_connection_is_481() {
    let bytes = send("a786hjs2", "Message-ID: 87652491\r\n", Some("Hi"), '$');
    let text = String::from_utf8(bytes).unwrap();
    for other in [
        BOB.replace("kjhd37s2s20w2a", "KJHD37S2S20W2A"),
        BOB.replace("12763", "12764"),
        BOB.replace("msrp:", "msrps:"),
        BOB.replace("/kjhd37s2s20w2a", ""),
        format!("{BOB} msrp://c.example:1/third;tcp"),
    ] {
        let mut pair = Pair::new();
        pair.bob.read(text.replace(BOB, &other).as_bytes()).unwrap();
        let wrote = pair.bob.text();
        assert!(wrote.starts_with("MSRP a786hjs2 481 No Such Session\r\n"), "{other}: {wrote}");
        assert!(pair.bob.order.is_empty());
        let quiet =
            text.replace(BOB, &other).replace("Message-ID", "Failure-Report: no\r\nMessage-ID");
        pair.bob.read(quiet.as_bytes()).unwrap();
        assert_eq!(pair.bob.text(), "");
    }
    let same = text.replace(BOB, &BOB.replace("msrp://bob.example", "MSRP://x@BOB.example"));
    let mut pair = Pair::new();
    pair.bob.read(same.as_bytes()).unwrap();
    assert_eq!(pair.bob.order.len(), 1, "an equivalent URI is the same session");
}

// RFC 4975 s10.9, s12
#[test]
fn unknown_methods_are_501_and_unknown_fields_ignored() {
    for method in ["AUTH", "NICKNAME"] {
        let mut pair = Pair::new();
        let bytes = send("a786hjs2", "X-Unknown: 1\r\n", None, '$');
        let text = String::from_utf8(bytes).unwrap().replace("SEND", method);
        pair.bob.read(text.as_bytes()).unwrap();
        assert_eq!(pair.bob.text(), answer("a786hjs2", "501 Unknown Method"));
    }
    let mut pair = Pair::new();
    let fields = "Message-ID: 87652491\r\nX-Unknown: 1\r\nExpires: soon\r\n";
    pair.bob.read(&send("a786hjs2", fields, Some("x"), '$')).unwrap();
    is_whole(&pair, "x");
}

// RFC 4975 s10.2; security M05, M07, M31, M35, M39
#[test]
fn what_cannot_be_understood_is_400_and_what_follows_is_read() {
    let long = format!("X-Path: {}\r\n", "a".repeat(4_000));
    for fields in [
        "",
        "Message-ID: a/b\r\n",
        "Message-ID: 87652491\r\nFailure-Report: maybe\r\n",
        "Message-ID: 87652491\r\nSuccess-Report: no\r\nSuccess-Report: no\r\n",
        "Message-ID: 87652491\r\nByte-Range: 0-4/4\r\n",
        "Message-ID: 87652491\r\nX-Zero: \u{1}\r\n",
        "Message-ID: 87652491\r\nodd\r\n",
        &long,
    ] {
        let mut pair = Pair::new();
        pair.bob.read(&send("first", fields, Some("x"), '$')).unwrap();
        assert_eq!(pair.bob.text(), answer("first", "400 Bad Request"), "{fields}");
        pair.bob.read(&send("second", "Message-ID: 87652491\r\n", Some("Hi"), '$')).unwrap();
        is_whole(&pair, "Hi");
    }
    let mut pair = Pair::new();
    let bytes = send("first", "Message-ID: 87652491\r\n", Some("x"), '$');
    let text = String::from_utf8(bytes).unwrap();
    pair.bob.read(text.replace(ALICE, "msrp://alice.example:x/y;tcp").as_bytes()).unwrap();
    assert!(pair.bob.text().starts_with("MSRP first 400 "));
    let many = vec![ALICE; 17].join(" ");
    pair.bob.read(text.replace(ALICE, &many).as_bytes()).unwrap();
    assert!(pair.bob.text().starts_with("MSRP first 400 "));
    // Where a request ends is a guess after an unknown flag: the answer goes out, and that is all.
    let odd = send("first", "Message-ID: 87652491\r\n", None, '!');
    assert_eq!(pair.bob.read(&odd), Err(ConnectionError::Flag));
    assert_eq!(pair.bob.text(), answer("first", "400 Bad Request"));
}

// RFC 4975 s7.3.1; features 1.2 "Accept / deny incoming message"
#[test]
fn a_type_that_is_not_taken_is_415_and_multipart_is_taken() {
    let mut pair =
        Pair::with(Options::default(), |setup| setup.accept = Accept::new("text/plain", ""));
    let bytes = send("a786hjs2", "Message-ID: 87652491\r\n", Some("x"), '$');
    let text = String::from_utf8(bytes).unwrap();
    pair.bob.read(text.replace("text/plain", "text/html").as_bytes()).unwrap();
    assert_eq!(pair.bob.text(), answer("a786hjs2", "415 Unsupported Media Type"));
    assert!(pair.bob.order.is_empty());
    for taken in ["multipart/mixed;boundary=x", "multipart/alternative"] {
        let text = text.replace("text/plain", taken).replace("8765", &taken[10..14]);
        pair.bob.read(text.as_bytes()).unwrap();
        assert_eq!(pair.bob.text(), answer("a786hjs2", "200 OK"), "{taken}");
    }
}

// RFC 4975 s8.6 max-size, s10.5
#[test]
fn a_message_over_the_size_that_is_taken_is_413() {
    let mut pair = Pair::with(Options::default(), |setup| setup.max_size = Some(4));
    pair.bob.read(&chunk(1, "1-*/5", "a", '+')).unwrap();
    assert_eq!(pair.bob.text(), answer("chunk1", "413 Stop Sending"));
    pair.bob.read(&chunk(2, "1-*/*", "abcd", '+')).unwrap();
    assert_eq!(pair.bob.text(), answer("chunk2", "200 OK"));
    for n in [3, 4] {
        pair.bob.read(&chunk(n, "5-*/*", "e", '+')).unwrap();
        assert_eq!(pair.bob.text(), answer(&format!("chunk{n}"), "413 Stop Sending"));
    }
    let id = pair.bob.order[0];
    assert_eq!(pair.bob.notices, [Notice::Lost { id, bytes: 4, code: 413 }]);
}

// RFC 4975 s10.5; features 1.2 "Accept / deny incoming message"
#[test]
fn a_denied_message_is_answered_at_once_and_so_is_each_of_its_chunks() {
    let mut pair = Pair::new();
    pair.bob.deny = Some(413);
    let bytes = chunk(1, "1-*/100", "abcdefgh", '+');
    let body = super::find(&bytes, b"abcd").unwrap();
    pair.bob.read(&bytes[..body + 2]).unwrap();
    assert_eq!(pair.bob.text(), answer("chunk1", "413 Stop Sending"));
    pair.bob.read(&bytes[body + 2..]).unwrap();
    assert_eq!(pair.bob.text(), "");
    pair.bob.read(&chunk(2, "9-*/100", "more", '+')).unwrap();
    assert_eq!(pair.bob.text(), answer("chunk2", "413 Stop Sending"));
    assert_eq!(pair.bob.order.len(), 1, "it is announced once");
    assert_eq!(pair.bob.first().bytes, b"");
    pair.bob.read(&chunk(3, "13-*/100", "", '#')).unwrap();
    assert_eq!(pair.bob.text(), answer("chunk3", "413 Stop Sending"));
    assert_eq!(pair.bob.connection.incoming.len(), 0);
}

// RFC 4975 s7.1.4
#[test]
fn a_sink_that_breaks_stops_the_sender_who_hears_that_it_failed() {
    let mut pair = bob_after(&[("1-*/100", "abcd", '+')]);
    let id = pair.bob.order[0];
    pair.bob.connection.fail(id, 413);
    let wrote = pair.bob.write();
    let report = &chunks(&wrote)[0];
    assert_eq!((report.method.as_str(), report.range.as_str()), ("REPORT", "1-4/100"));
    assert!(report.head.contains("Status: 000 413 Stop Sending"));
    assert!(report.head.contains(&format!("To-Path: {ALICE}\r\nFrom-Path: {BOB}\r\n")));
    pair.bob.read(&chunk(5, "5-*/100", "more", '+')).unwrap();
    assert_eq!(pair.bob.text(), answer("chunk5", "413 Stop Sending"));
    assert_eq!(pair.bob.first().bytes, b"abcd");
}

// RFC 4975 s5.3: a request is quickly accepted or rejected
#[test]
fn what_nobody_decides_in_5_s_is_denied() {
    let mut pair = Pair::new();
    let bytes = chunk(1, "1-4/4", "abcd", '$');
    let mut input = &bytes[..];
    let arrival = pair.bob.connection.receive(Tick::ZERO, &mut input).unwrap();
    assert!(matches!(arrival, Some(Arrival::Message(_))));
    assert!(pair.bob.connection.receive(Tick::ZERO, &mut input).unwrap().is_none());
    assert!(pair.bob.connection.is_waiting() && !pair.bob.connection.wants_input());
    assert_eq!(pair.bob.connection.deadline(), Tick::from_secs(5));
    pair.bob.wait(Duration::from_secs(5));
    assert!(matches!(pair.bob.notices[..], [Notice::Lost { code: 413, bytes: 0, .. }]));
    assert_eq!(pair.bob.text(), answer("chunk1", "413 Stop Sending"));
    assert!(pair.bob.connection.receive(Tick::ZERO, &mut input).unwrap().is_none());
    assert!(input.is_empty(), "the rest of the chunk is skipped");
}

// RFC 4975 s5.4
#[test]
fn a_message_that_came_before_is_marked_as_a_duplicate_and_answered() {
    let mut pair = bob_after(&[("1-4/4", "abcd", '$'), ("1-4/4", "abcd", '$')]);
    let seen: Vec<bool> = pair.bob.order.iter().map(|id| pair.bob.received[id].duplicate).collect();
    assert_eq!(seen, [false, true]);
    pair.bob.read(&send("other", "Message-ID: other\r\n", Some("x"), '$')).unwrap();
    assert!(!pair.bob.received[&pair.bob.order[2]].duplicate);
}

// Trap "Charset": bytes in, bytes out
#[test]
fn bodies_are_bytes() {
    let mut pair = Pair::new();
    let body: Vec<u8> = (0..=255).cycle().take(5_000).collect();
    let content = Content::Memory(body.clone().into());
    pair.alice.connection.send(Tick::ZERO, pair.a, Message::new("text/plain", content)).unwrap();
    pair.run();
    assert!(pair.bob.first().bytes == body);
}

// RFC 4975 s9
#[test]
fn responses_that_nobody_waits_for_are_ignored() {
    let mut pair = Pair::new();
    pair.bob.read(answer("unknown1", "413 Stop").as_bytes()).unwrap();
    pair.bob.read(b"MSRP abcd 200 OK\r\n-------abcd$\r\n").unwrap();
    assert_eq!((pair.bob.text().as_str(), pair.bob.notices.len()), ("", 0));
}
