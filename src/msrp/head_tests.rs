use proptest::prelude::*;

use super::*;

fn read(start: &str, fields: &str, has_body: bool) -> Head<'static> {
    let line: &'static str = Box::leak(start.to_owned().into_boxed_str());
    let fields: &'static str = Box::leak(fields.replace('\n', "\r\n").into_boxed_str());
    let (transaction, start) = read_start(line.as_bytes()).unwrap();
    Head::read(transaction, start, fields.as_bytes(), has_body)
}

const PATHS: &str = "To-Path: msrp://b:1/x;tcp\nFrom-Path: msrp://r:1/z;tcp msrp://a:1/y;tcp\n";

fn send(fields: &str) -> Head<'static> {
    read("MSRP abcd SEND", &format!("{PATHS}Message-ID: 8765\n{fields}"), true)
}

// RFC 4975 s9
#[test]
fn a_head_is_read_with_all_its_fields() {
    let head = send(
        "Byte-Range: 1-*/8\nSuccess-Report: yes\nFailure-Report: partial\nX-Odd: a: b\t c \n\
         Content-ID: <x>\nContent-Type: text/plain;charset=utf-8\n",
    );
    assert_eq!(head.defect, None);
    assert_eq!(head.method(), Some(Method::Send));
    assert_eq!(head.message_id, Some("8765"));
    assert_eq!(head.byte_range, Some(ByteRange { start: 1, end: None, total: Some(8) }));
    assert!(head.success_report && head.failure_report == FailureReport::Partial);
    assert_eq!(head.content_type, Some("text/plain;charset=utf-8"));
    assert_eq!(head.field("x-odd"), Some("a: b\t c"));
    assert_eq!(head.fields().count(), 9);
    assert_eq!(head.from().unwrap().uris().len(), 2);
    assert_eq!(head.to().unwrap().last().session_id(), Some("x"));
}

// RFC 4975 s7.1.1
#[test]
fn reports_have_the_defaults_of_the_rfc() {
    let head = send("Content-Type: text/plain\n");
    assert_eq!((head.success_report, head.failure_report), (false, FailureReport::Yes));
    assert_eq!(head.byte_range, None);
}

// RFC 4975 s9, s12
#[test]
fn methods_and_status_codes_are_read_and_unknown_ones_kept() {
    let start = |line: &'static str| read_start(line.as_bytes()).map(|(_, start)| start);
    assert_eq!(start("MSRP abcd REPORT"), Some(Start::Request(Method::Report)));
    assert_eq!(start("MSRP abcd AUTH"), Some(Start::Request(Method::Auth)));
    assert_eq!(start("MSRP abcd NICKNAME"), Some(Start::Request(Method::Other("NICKNAME"))));
    for (line, code, comment) in [
        ("MSRP abcd 200 OK", 200, "OK"),
        ("MSRP abcd 200", 200, ""),
        ("MSRP abcd 999 ", 999, ""),
        ("MSRP abcd 413 Stop it, \u{e9}", 413, "Stop it, \u{e9}"),
    ] {
        assert_eq!(start(line), Some(Start::Response { code, comment }), "{line}");
    }
    for line in
        ["MSRP abcd Send", "MSRP abcd SE-ND", "MSRP abcd ", "MSRP abcd 20x", "MSRP abcd 200\tOK"]
    {
        assert_eq!(start(line), None, "{line}");
    }
}

// RFC 4975 s7.1, s9; security M07, M31, M35
#[test]
fn what_is_wrong_with_a_head_is_told() {
    let defect = |fields: &str| send(fields).defect;
    let body = "Content-Type: text/plain\n";
    for (fields, expected) in [
        ("Byte-Range: 0-1/1\n", Defect::Value("Byte-Range")),
        ("Byte-Range: 1-1\n", Defect::Value("Byte-Range")),
        ("Byte-Range: *-1/1\n", Defect::Value("Byte-Range")),
        ("Byte-Range: 1-99999999999999999999/*\n", Defect::Value("Byte-Range")),
        ("Success-Report: maybe\n", Defect::Value("Success-Report")),
        ("Success-Report: partial\n", Defect::Value("Success-Report")),
        ("Failure-Report: maybe\n", Defect::Value("Failure-Report")),
        ("Success-Report: yes\nSuccess-Report: yes\n", Defect::Twice("Success-Report")),
        ("Message-ID: 8765\n", Defect::Twice("Message-ID")),
        ("no field\n", Defect::Line),
        ("X-Zero: a\u{0}b\n", Defect::Line),
        (": x\n", Defect::Line),
    ] {
        assert_eq!(defect(&format!("{fields}{body}")), Some(expected), "{fields}");
    }
    assert_eq!(defect(""), Some(Defect::Missing("Content-Type")));
    assert_eq!(defect(&"X-A: b\n".repeat(MOST_FIELDS)), Some(Defect::TooMany));
    let missing = |fields: &str| read("MSRP abcd SEND", fields, false).defect;
    assert_eq!(missing(PATHS), Some(Defect::Missing("Message-ID")));
    assert_eq!(missing("Message-ID: 8765\n"), Some(Defect::Missing("To-Path")));
    assert_eq!(missing("To-Path: msrp://b:1/x;tcp\n"), Some(Defect::Missing("From-Path")));
    let report = format!("{PATHS}Message-ID: 8765\n");
    assert_eq!(read("MSRP abcd REPORT", &report, false).defect, Some(Defect::Missing("Status")));
    let bad_text = b"X-Bad: \xff\r\n";
    let (transaction, start) = read_start(b"MSRP abcd SEND").unwrap();
    assert_eq!(Head::read(transaction, start, bad_text, false).defect, Some(Defect::Line));
}

// Trap "Message-ID alphabet"
#[test]
fn the_message_id_of_a_peer_is_a_token() {
    for good in ["7", "ab_cd", "0f8fad5b-d9cb-469f-a165-70867728950e", &"a".repeat(128)] {
        let fields = format!("{PATHS}Message-ID: {good}\n");
        let read = read("MSRP abcd SEND", &fields, false);
        assert_eq!((read.defect, read.message_id), (None, Some(good)));
    }
    for bad in ["", "a b c d", "ab/cd", "<8765@host>", "..", &"a".repeat(129)] {
        let fields = format!("{PATHS}Message-ID: {bad}\n");
        let defect = read("MSRP abcd SEND", &fields, false).defect;
        assert_eq!(defect, Some(Defect::Value("Message-ID")), "{bad}");
    }
}

// RFC 4975 s7.3.2
#[test]
fn only_a_status_of_namespace_000_has_a_code() {
    let status = |value: &str| {
        let fields = format!("{PATHS}Message-ID: 8765\nStatus: {value}\n");
        read("MSRP abcd REPORT", &fields, false).status_code()
    };
    assert_eq!(status("000 200 OK"), Some((200, "OK")));
    assert_eq!(status("000 413"), Some((413, "")));
    for other in ["001 200 OK", "200 OK", "000 20", "000 2000", "000  200", ""] {
        assert_eq!(status(other), None, "{other}");
    }
}

proptest! {
    #[test]
    fn reading_heads_never_panics(
        line in "MSRP [a-z0-9]{4,6} ([A-Z]{1,8}|[0-9]{3}( .{0,9})?)",
        fields in "(((To|From)-Path|Message-ID|Byte-Range|Status|[A-Za-z-]{1,9}): ?.{0,20}\n){0,6}",
        range in "[0-9*]{0,22}-[0-9*]{0,22}/[0-9*]{0,22}",
    ) {
        if let Some((transaction, start)) = read_start(line.as_bytes()) {
            let fields = fields.replace('\n', "\r\n");
            let head = Head::read(transaction, start, fields.as_bytes(), true);
            let _ = (head.to(), head.from(), head.status_code(), head.fields().count());
        }
        if let Some(read) = ByteRange::parse(range.as_bytes()) {
            let mut out = Vec::new();
            super::super::wire::byte_range(&read, &mut out);
            let text = String::from_utf8(out).unwrap();
            let value = text.trim_start_matches("Byte-Range: ").trim_end();
            prop_assert_eq!(ByteRange::parse(value.as_bytes()), Some(read));
        }
    }
}
