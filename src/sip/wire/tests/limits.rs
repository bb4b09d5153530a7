//! Messages at the bounds of [`Limits`] and beyond them.

use super::*;

const HEAD: &str = "OPTIONS sip:us@h SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nFrom: <sip:a@h>;tag=1\r\n\
    To: <sip:b@h>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\nl: 0\r\n";

fn with(lines: &str) -> Result<(), DefectKind> {
    let bytes = format!("{HEAD}{lines}\r\n");
    scan_with(bytes.as_bytes(), Framing::Datagram).1.map_err(|defect| defect.kind())
}

#[test]
fn header_lines_are_counted() {
    let most = usize::from(Limits::default().header_lines);
    assert_eq!(with(&"X: y\r\n".repeat(most - 6)), Ok(()));
    assert_eq!(with(&"X: y\r\n".repeat(most - 5)), Err(DefectKind::TooManyHeaders));
}

#[test]
fn a_header_line_is_bounded_with_its_folds() {
    let longest = Limits::default().header_line_bytes as usize;
    let line = |length: usize| format!("X: {}\r\n", "y".repeat(length - 5));
    assert_eq!(with(&line(longest)), Ok(()));
    assert_eq!(with(&line(longest + 1)), Err(DefectKind::LineTooLong));
    let folded = format!("X: y{}\r\n", "\r\n y".repeat(longest / 4));
    assert_eq!(with(&folded), Err(DefectKind::LineTooLong));
}

#[test]
fn the_header_section_is_bounded() {
    let most = Limits::default().header_bytes as usize;
    let lines = |length: usize| {
        let missing = length - HEAD.len();
        let first = missing / 3;
        let line = |length: usize| format!("X: {}\r\n", "y".repeat(length - 5));
        line(first) + &line(first) + &line(missing - 2 * first)
    };
    assert_eq!(with(&lines(most)), Ok(()));
    assert_eq!(with(&lines(most + 1)), Err(DefectKind::HeadersTooLarge));
}

/// RFC 3261 s21.4.12.
#[test]
fn a_long_request_uri_is_414() {
    let longest = Limits::default().uri_bytes as usize;
    for (length, expected) in [(longest, Ok(())), (longest + 1, Err(414))] {
        let uri = format!("sip:{}@h", "u".repeat(length - 6));
        let bytes = format!("{HEAD}\r\n").replacen("sip:us@h", &uri, 1);
        let result = scan_with(bytes.as_bytes(), Framing::Datagram).1;
        assert_eq!(result.map_err(|defect| defect.status()), expected);
    }
}

#[test]
fn via_and_route_values_are_counted_over_lines_and_commas() {
    let limits = Limits::default();
    let via =
        |count: usize| format!("Via: SIP/2.0/UDP h{}\r\n", ",SIP/2.0/UDP h".repeat(count - 1));
    // One stands in the head.
    assert_eq!(with(&via(usize::from(limits.via) - 1)), Ok(()));
    assert_eq!(with(&via(usize::from(limits.via))), Err(DefectKind::TooManyVias));
    let routes = "Route: <sip:a;lr>\r\n".repeat(usize::from(limits.route));
    assert_eq!(with(&routes), Ok(()));
    assert_eq!(with(&(routes + "Route: <sip:a;lr>\r\n")), Err(DefectKind::TooManyRoutes));
}

/// RFC 3261 s21.5.7: 513, and nothing behind it on the stream is read.
#[test]
fn a_message_over_the_limit_of_a_stream_is_513_and_closes_it() {
    let limits = Limits::default();
    let head = HEAD.replace("l: 0\r\n", "");
    let length = limits.message_bytes as usize;
    let bytes = format!("{head}l: {length}\r\n\r\n");
    let defect = scan_with(bytes.as_bytes(), Framing::Stream).1.unwrap_err();
    assert_eq!((defect.status(), defect.answerable(), defect.closes_stream()), (513, true, true));
}

/// No shape of input takes more than a few passes: a megabyte of each is read at once.
#[test]
fn hostile_shapes_are_read_in_linear_time() {
    let limits = Limits {
        message_bytes: 1 << 23,
        header_bytes: 1 << 23,
        header_line_bytes: 1 << 23,
        header_lines: u16::MAX,
        uri_bytes: 1 << 23,
        via: u16::MAX,
        route: u16::MAX,
    };
    let clock = crate::clock::Clock::system();
    for shape in [
        "a: b\r\n",
        "Contact: <\r\n",
        "Contact: \"\\\r\n",
        ",\"",
        ",<",
        ";x",
        "\r\n ",
        "c",
        "l:",
        "%41",
    ] {
        for lead in ["Contact: ", "Via: ", "Route: <sip:a>", "X: ", "From: ", ""] {
            let bytes = format!("{HEAD}{lead}{}\r\n\r\n", shape.repeat(300_000 / shape.len()));
            let began = clock.now();
            let mut layout = Layout::default();
            let _ = scan(bytes.as_bytes(), Framing::Datagram, &limits, &mut layout);
            let _ = Message::new(bytes.as_bytes(), &layout).check();
            let _ = declared_length(bytes.as_bytes());
            // By the square it would be minutes.
            assert!(clock.now().since(began).as_secs() < 5, "{lead}{shape}");
        }
    }
}
