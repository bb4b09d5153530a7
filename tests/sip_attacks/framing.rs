//! S01 to S19: where a message ends, and what may stand in it.

use crate::connection::{Door, End};
use crate::phone::Phone;
use crate::raw::{CLOSES, Draft};
use crate::site::{Site, by_every_transport};

const CONTACT: &str = "sip:alice@127.0.0.1:9";

/// Sends `first` and, in the same write, a REGISTER that would be carried out: there must be one
/// answer, to `first`, then the end, and no contact. Over WebSocket the REGISTER comes in the frame of
/// `first`, and again in one of its own.
fn assert_ends_the_stream(site: &Site, name: &str, first: &[u8], statuses: &[u16]) {
    assert_ends(site, &site.all_doors(), name, first, statuses);
}

fn assert_ends(site: &Site, doors: &[Door], name: &str, first: &[u8], statuses: &[u16]) {
    let again = |door: &Door| door.framed.then(|| door.clone());
    let twice: Vec<Door> = doors.iter().filter_map(again).collect();
    for (n, door) in doors.iter().chain(&twice).enumerate() {
        let mut connection = door.connect();
        let second = site.register("alice", CONTACT).bytes();
        if n < doors.len() {
            connection.write_together(&[first, &second]);
        } else {
            connection.write(&[first, &second].concat());
        }
        let end = connection.read_to_end(CLOSES);
        let got: Vec<u16> = connection.answers().iter().map(|answer| answer.status).collect();
        assert!(
            matches!(got[..], [status] if statuses.contains(&status)),
            "{name} over {}: {got:?} instead of one of {statuses:?}; {}",
            door.name,
            connection.text()
        );
        assert_eq!(end, End::Fin, "{name} over {}", door.name);
    }
}

/// One answer to a datagram, with one of these statuses.
fn assert_answered(phone: &Phone, name: &str, bytes: &[u8], statuses: &[u16]) {
    let answers = phone.answers(bytes);
    let got: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    assert!(
        matches!(got[..], [status] if statuses.contains(&status)),
        "{name}: {got:?} instead of one of {statuses:?}; {answers:?}"
    );
}

/// S01, S03, T01; RFC 3261 s18.3.
#[test]
fn a_content_length_that_lies_ends_the_stream_and_nothing_behind_it_is_executed() {
    let site = Site::new("");
    for length in [
        "4294967301",
        "4294967296",
        "2147483648",
        "9223372036854775808",
        "18446744073709551616",
        "99999999999999999999",
        "00000000000000000000000000000005",
        "65537",
        "-1",
        "+5",
        "5x",
        "0x5",
        "5 5",
        "5, 5",
        "5;a=b",
        "",
        "\u{665}",
    ] {
        let first = Draft::ping().with(format!("Content-Length: {length}")).body("hello");
        assert_ends_the_stream(&site, length, &first.as_is(), &[400, 513]);
    }
    // A frame has an end of its own (RFC 7118 s4.2).
    let without = Draft::ping().body("hello").as_is();
    assert_ends(&site, &site.doors(), "absent", &without, &[400]);
    site.assert_calm(0);
}

/// S05; RFC 3261 s18.3, s7.3.3: the compact form is the same header.
#[test]
fn two_content_lengths_that_differ_are_400_and_end_a_stream() {
    let site = Site::new("");
    let phone = Phone::new(site.server.udp);
    for (one, other) in [
        ("Content-Length: 0", "Content-Length: 5"),
        ("Content-Length: 5", "l: 0"),
        ("l: 0", "L:5"),
        ("Content-Length : 0", "content-length\t: 5"),
        ("Content-Length:\r\n 0", "l: 5"),
    ] {
        let first = Draft::ping().with(one).with(other).body("hello").as_is();
        assert_answered(&phone, one, &first, &[400]);
        assert_ends_the_stream(&site, one, &first, &[400]);
    }
    site.assert_calm(0);
}

/// S07; RFC 3261 s18.3.
#[test]
fn a_datagram_shorter_than_its_content_length_is_400() {
    let site = Site::new("");
    let phone = Phone::new(site.server.udp);
    for length in ["6", "70000", "4294967301", "99999999999999999999"] {
        let bytes = Draft::ping().with(format!("Content-Length: {length}")).body("hello").as_is();
        assert_answered(&phone, length, &bytes, &[400]);
    }
    site.assert_calm(0);
}

/// S09: one line, many lines, many values.
#[test]
fn a_header_section_beyond_the_limits_is_refused_and_ends_a_stream() {
    let site = Site::new("");
    let phone = Phone::new(site.server.udp);
    let many = |line: &str, count: usize| {
        let mut draft = Draft::ping();
        draft.lines.extend(std::iter::repeat_n(line.to_owned(), count));
        draft.bytes()
    };
    let via = "Via: SIP/2.0/UDP a.test;branch=z9hG4bK1";
    let cases = [
        ("a line of 9,000", Draft::ping().with(format!("X: {}", "a".repeat(9_000))).bytes(), true),
        ("a line of 70,000", many(&format!("X: {}", "a".repeat(70_000)), 1), false),
        ("2,000 lines", many("X: a", 2_000), true),
        ("2,000 long lines", many("X-Long-Name: of a value", 2_000), true),
        ("300 Via", many("v: SIP/2.0/UDP a", 300), true),
        ("300 long Via", many(via, 300), true),
        (
            "300 Via in a list",
            many(&vec!["v: SIP/2.0/UDP a"; 300].join(",").replace(",v:", ","), 1),
            true,
        ),
        ("300 Route", many("Route: <sip:a;lr>", 300), true),
        ("a folded line of 20,000", many(&format!("X: a{}", "\r\n a".repeat(5_000)), 1), true),
    ];
    for (name, bytes, fits) in &cases {
        // What no frame may carry has its status there (`websocket.rs`).
        let doors = if *fits { site.all_doors() } else { site.doors().to_vec() };
        assert_ends(&site, &doors, name, bytes, &[400, 513]);
        if *fits {
            assert_answered(&phone, name, bytes, &[400, 513]);
        }
    }
    site.assert_calm(0);
}

/// S11; RFC 3261 s7.3.1.
#[test]
fn a_header_folded_over_three_lines_is_served() {
    let site = Site::new("");
    let phone = Phone::new(site.server.udp);
    let draft = Draft::ping();
    let folded = draft.lines.iter().map(|line| line.replacen(": ", ":\r\n\t \r\n  ", 1)).collect();
    let draft = Draft { lines: folded, ..draft };
    assert_answered(&phone, "folded", &draft.bytes(), &[200]);
    for door in site.all_doors() {
        let mut connection = door.connect();
        connection.write(&draft.bytes());
        connection.read_until("SIP/2.0 200 ");
    }
    site.assert_calm(0);
}

/// S13, T04; RFC 3261 s7.3.1: no byte but SP and HTAB may stand between a name and its colon.
#[test]
fn a_header_name_that_is_no_token_is_400_and_ends_a_stream() {
    let site = Site::new("");
    let phone = Phone::new(site.server.udp);
    for line in [
        "Contact\u{1}: <sip:alice@127.0.0.1>",
        "Contact\u{0}: <sip:alice@127.0.0.1>",
        "Contact\u{b}: <sip:alice@127.0.0.1>",
        "Con tact: <sip:alice@127.0.0.1>",
        ": value",
        "Contact",
        "Cont\u{e4}ct: <sip:alice@127.0.0.1>",
        "Content-Length\u{1}: 500",
        "Content-Length\u{0}: 0",
        "(x): y",
    ] {
        let bytes = Draft::ping().with(line).bytes();
        assert_answered(&phone, line, &bytes, &[400]);
        assert_ends_the_stream(&site, line, &bytes, &[400]);
    }
    site.assert_calm(0);
}

/// S13, T04: lines that one reader ends and another one does not.
#[test]
fn a_lone_cr_or_lf_is_400_and_ends_a_stream() {
    let site = Site::new("");
    let phone = Phone::new(site.server.udp);
    for line in [
        "X: a\nContact: <sip:eve@127.0.0.1>",
        "X: a\rContact: <sip:eve@127.0.0.1>",
        "X: a\n\nREGISTER sip:campus.test SIP/2.0",
        "X: a\r\rREGISTER sip:campus.test SIP/2.0",
        "X: a\n\r\nREGISTER sip:campus.test SIP/2.0",
        "X: a\nContent-Length: 5",
    ] {
        let bytes = Draft::ping().with(line).bytes();
        assert_answered(&phone, line, &bytes, &[400]);
        assert_ends_the_stream(&site, line, &bytes, &[400]);
    }
    site.assert_calm(0);
}

/// S15; RFC 3261 s7.1, s21.5.7.
#[test]
fn another_version_is_505_and_its_case_does_not_matter() {
    by_every_transport("", |site, phone| {
        for (version, statuses) in [
            ("SIP/7.0", &[505][..]),
            ("SIP/2.00", &[400, 505]),
            ("SIP/02.0", &[400, 505]),
            ("SIP/2.0.0", &[400, 505]),
            ("SIP/4294967298.0", &[400, 505]),
            ("SIP/\u{1}", &[400, 505]),
            ("sip/2.0", &[200]),
            ("sIp/2.0", &[200]),
        ] {
            let draft = Draft { version: version.to_owned(), ..Draft::ping() };
            assert_answered(phone, version, &draft.bytes(), statuses);
        }
        site.assert_calm(0);
    });
}

/// S17; RFC 3261 s7.3.1: only lists may come twice.
#[test]
fn a_header_that_stands_once_is_400_twice() {
    by_every_transport("", |site, phone| {
        for name in ["From", "To", "Call-ID", "CSeq", "Max-Forwards"] {
            let draft = Draft::ping();
            let line = draft.lines.iter().find(|line| line.starts_with(name)).cloned();
            let line = line.expect("it is there");
            assert_answered(phone, name, &draft.clone().with(line).bytes(), &[400]);
        }
        for (line, name) in [("f", "From"), ("t", "To"), ("i", "Call-ID")] {
            let draft = Draft::ping().with(format!("{line}: <sip:eve@campus.test>;tag=1"));
            assert_answered(phone, name, &draft.bytes(), &[400]);
        }
        site.assert_calm(0);
    });
}

/// RFC 3261 s8.1.1: what every request must have.
#[test]
fn a_request_without_a_mandatory_header_is_400_or_nothing() {
    let site = Site::new("");
    let phone = Phone::new(site.server.udp);
    for name in ["From", "To", "Call-ID", "CSeq"] {
        assert_answered(&phone, name, &Draft::ping().without(name).bytes(), &[400]);
        let empty = Draft::ping().replacing(format!("{name}: "));
        assert_answered(&phone, name, &empty.bytes(), &[400]);
    }
    assert_eq!(phone.answers(&Draft::ping().without("Via").bytes()).len(), 0);
    for bytes in [&b""[..], b"\0", b"\r\n", b"OPTIONS", b"OPTIONS sip:campus.test SIP/2.0\r\n\r\n"]
    {
        assert_eq!(phone.answers(bytes).len(), 0, "{bytes:?}");
    }
    site.assert_calm(0);
}

/// S19; RFC 3261 s16.3 check 3, s20.22.
#[test]
fn max_forwards_is_a_number_up_to_255_and_483_at_0() {
    by_every_transport("", |site, phone| {
        let uri = "sip:bob@campus.test";
        for (value, status) in
            [("0", 483), ("256", 400), ("4294967296", 400), ("-1", 400), ("abc", 400), ("", 400)]
        {
            let draft = Draft::new("MESSAGE", uri, "alice", uri);
            let draft = draft.replacing(format!("Max-Forwards: {value}"));
            assert_answered(phone, value, &draft.bytes(), &[status]);
        }
        let absent = Draft::new("MESSAGE", uri, "alice", uri).without("Max-Forwards");
        assert_answered(phone, "absent", &absent.bytes(), &[407]);
        site.assert_calm(0);
    });
}

/// T02: every header at every length that a limit or a buffer might have.
#[test]
fn no_length_of_any_header_disturbs_the_server() {
    let site = Site::new("[limits]\nsource_rate = 100000\nsource_burst = 100000\n");
    let phone = Phone::new(site.server.udp);
    let lengths = [0, 1, 2, 63, 64, 127, 128, 255, 256, 257, 1_023, 1_024, 2_048, 4_096, 8_191]
        .into_iter()
        .chain([8_192, 8_193, 16_383, 16_384, 16_385, 60_000]);
    for length in lengths {
        for name in [
            "Via",
            "Max-Forwards",
            "From",
            "To",
            "Call-ID",
            "CSeq",
            "Contact",
            "Route",
            "Record-Route",
            "Authorization",
            "Proxy-Authorization",
            "Require",
            "Proxy-Require",
            "User-Agent",
            "Content-Type",
            "Expires",
            "Event",
            "Supported",
            "X-Unknown",
        ] {
            for fill in ["a", "<", "\"", "1", ",", ";a=", "%", "[", " "] {
                let filled: String = fill.chars().cycle().take(length).collect();
                let bytes = Draft::ping().replacing(format!("{name}: {filled}")).bytes();
                let answers = phone.answers(&bytes);
                assert!(answers.len() <= 1, "{name} {length} {fill}: {answers:?}");
            }
        }
    }
    site.assert_calm(0);
}
