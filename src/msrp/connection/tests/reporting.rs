use super::super::testing::*;
use super::super::*;
use super::chunks;
use crate::msrp::granularity::Granularity;

fn chunk(n: u32, range: &str, body: &str, flag: char) -> Vec<u8> {
    let fields = format!("Message-ID: 87652491\r\nByte-Range: {range}\r\nSuccess-Report: yes\r\n");
    send(&format!("chunk{n}"), &fields, Some(body), flag)
}

fn pair(reports: Granularity) -> Pair {
    Pair::with(Options::default(), |setup| setup.reports = reports)
}

/// The ranges that Bob reported as received, since he was asked last.
fn reported(end: &mut End) -> Vec<String> {
    let wrote = end.write();
    let reports = chunks(&wrote).into_iter().filter(|chunk| chunk.method == "REPORT");
    reports
        .map(|report| {
            assert!(report.head.contains("Status: 000 200 OK"), "{}", report.head);
            report.range
        })
        .collect()
}

// RFC 4975 s7.1.2, s7.1.3
#[test]
fn a_success_report_is_composed_as_the_rfc_says() {
    let mut pair = pair(Granularity::End);
    pair.bob.read(&chunk(1, "1-4/4", "abcd", '$')).unwrap();
    let wrote = pair.bob.text();
    let report = wrote.strip_prefix(&answer("chunk1", "200 OK")).unwrap();
    let id = &chunks(report.as_bytes())[0].transaction;
    assert_eq!(
        report,
        format!(
            "MSRP {id} REPORT\r\nTo-Path: {ALICE}\r\nFrom-Path: {BOB}\r\nMessage-ID: 87652491\r\n\
             Byte-Range: 1-4/4\r\nStatus: 000 200 OK\r\n-------{id}$\r\n"
        )
    );
}

// RFC 4975 s7.1.3
#[test]
fn success_is_reported_once_for_the_whole_message_by_default() {
    let mut pair = pair(Granularity::End);
    pair.bob.read(&chunk(1, "5-8/8", "EFGH", '$')).unwrap();
    assert_eq!(reported(&mut pair.bob), Vec::<String>::new());
    pair.bob.read(&chunk(2, "1-4/8", "abcd", '+')).unwrap();
    assert_eq!(reported(&mut pair.bob), ["1-8/8"]);
}

// features 1.2 "Custom granularity for both"
#[test]
fn success_is_reported_as_often_as_the_policy_says() {
    let mut bytes_pair = pair(Granularity::EveryBytes(4));
    for (n, range, body, flag, expected) in [
        (1, "1-*/12", "abc", '+', &[][..]),
        (2, "4-*/12", "def", '+', &["1-6/12"][..]),
        (3, "9-*/12", "ijkl", '$', &["9-12/12"]),
        (4, "7-*/12", "gh", '+', &["1-12/12"]),
    ] {
        bytes_pair.bob.read(&chunk(n, range, body, flag)).unwrap();
        assert_eq!(reported(&mut bytes_pair.bob), expected, "{range}");
    }
    let mut percent_pair = pair(Granularity::EveryPercent(50));
    percent_pair.bob.read(&chunk(1, "1-*/12", "abcdef", '+')).unwrap();
    assert_eq!(reported(&mut percent_pair.bob), ["1-6/12"]);
    percent_pair.bob.read(&chunk(2, "7-*/12", "ghijkl", '$')).unwrap();
    assert_eq!(reported(&mut percent_pair.bob), ["1-12/12"]);
}

// RFC 4975 s7.1.3
#[test]
fn no_success_is_reported_to_who_did_not_ask() {
    for fields in ["", "Success-Report: no\r\n"] {
        let mut pair = pair(Granularity::EveryBytes(1));
        let fields = format!("Message-ID: 87652491\r\n{fields}");
        pair.bob.read(&send("chunk1", &fields, Some("abcd"), '$')).unwrap();
        assert_eq!(pair.bob.text(), answer("chunk1", "200 OK"));
    }
}

// RFC 4975 s7.1.3
#[test]
fn success_waits_for_the_application_when_reports_are_off() {
    let mut pair = pair(Granularity::Off);
    for (n, range, body, flag) in [(1, "1-*/8", "abcd", '+'), (2, "5-*/8", "EFGH", '$')] {
        pair.bob.read(&chunk(n, range, body, flag)).unwrap();
    }
    assert_eq!(pair.bob.first().complete, Some(8));
    assert_eq!(reported(&mut pair.bob), Vec::<String>::new());
    let id = pair.bob.order[0];
    pair.bob.connection.report_success(id);
    assert_eq!(reported(&mut pair.bob), ["1-8/8"]);
    pair.bob.connection.report_success(id);
    assert_eq!(pair.bob.text(), "");
    assert_eq!(pair.bob.connection.incoming.len(), 0);
}

// RFC 4975 s7.1.4: the sink failed after the 200
#[test]
fn a_whole_message_may_fail_before_its_success_was_reported() {
    let mut pair = pair(Granularity::Off);
    pair.bob.read(&chunk(1, "1-8/8", "abcdEFGH", '$')).unwrap();
    pair.bob.write();
    let id = pair.bob.order[0];
    pair.bob.connection.fail(id, 403);
    let wrote = pair.bob.write();
    let report = &chunks(&wrote)[0];
    assert_eq!((report.method.as_str(), report.range.as_str()), ("REPORT", "1-8/8"));
    assert!(report.head.contains("Status: 000 403 Forbidden"));
    assert!(!report.head.contains("-Report:"), "reports ask for no reports");
}

// RFC 4975 s7.1.2: the report goes all the way back, the answer one hop
#[test]
fn a_report_takes_the_whole_path_back_and_an_answer_goes_to_the_last_hop() {
    let mut pair = pair(Granularity::End);
    let relay = "msrps://relay.example:2855/jui787s2f;tcp";
    let text = String::from_utf8(chunk(1, "1-4/4", "abcd", '$')).unwrap();
    let through = format!("From-Path: {relay} {ALICE}");
    pair.bob.read(text.replace(&format!("From-Path: {ALICE}"), &through).as_bytes()).unwrap();
    let wrote = pair.bob.write();
    let all = chunks(&wrote);
    assert!(all[0].head.contains(&format!("To-Path: {relay}\r\nFrom-Path: {BOB}\r\n")));
    assert!(all[1].head.contains(&format!("To-Path: {relay} {ALICE}\r\nFrom-Path: {BOB}\r\n")));
}

// RFC 4975 s7.1.1, s7.1.3
#[test]
fn a_send_without_a_body_is_reported_with_an_empty_range() {
    let mut pair = pair(Granularity::End);
    let fields = "Message-ID: 87652491\r\nByte-Range: 1-0/0\r\nSuccess-Report: yes\r\n";
    pair.bob.read(&send("chunk1", fields, None, '$')).unwrap();
    assert_eq!(reported(&mut pair.bob), ["1-0/0"]);
    pair.bob.listen();
    assert_eq!(pair.bob.notices, [Notice::Alive { session: pair.b }]);
}

// features 1.2 "REPORT notification": end to end
#[test]
fn the_sender_hears_of_success_when_all_is_there() {
    for length in [0, 1, 5_000, 500_000] {
        let mut pair = pair(Granularity::EveryPercent(10));
        let content = Content::Memory(vec![1; length].into());
        let message = Message { success_report: true, ..Message::new("a/b", content) };
        let id = pair.alice.connection.send(Tick::ZERO, pair.a, message).unwrap();
        pair.run();
        let received = length as u64;
        assert_eq!(
            pair.alice.notices.last(),
            Some(&Notice::Reported { id, received, whole: true })
        );
        assert!(pair.alice.connection.outgoing.is_empty());
    }
}
