//! Points of RFC 3261 s7, s18.3, s20 and s25.

use super::*;
use crate::sip::header::HeaderName;
use crate::sip::uri::Uri;

/// A request with these lines behind the mandatory ones, which are spelled out here.
fn request(lines: &str, body: &str) -> Vec<u8> {
    format!(
        "OPTIONS sip:us@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKa\r\nFrom: <sip:a@h>;tag=1\r\n\
         To: <sip:b@h>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\n{lines}\r\n{body}"
    )
    .into_bytes()
}

fn kind(bytes: &[u8], framing: Framing) -> Result<(), DefectKind> {
    let (layout, result) = scan_with(bytes, framing);
    result.map_err(|defect| defect.kind())?;
    Message::new(bytes, &layout).check().map_err(|defect| defect.kind())
}

/// RFC 3261 s7.3.1: a line that begins with white space goes on with the one before.
#[test]
fn folded_lines_are_one_value() {
    let bytes = request("Subject: I know you're there,\r\n\t pick up\r\n   the phone\r\n", "");
    let (layout, result) = scan_with(&bytes, Framing::Datagram);
    assert_eq!(result, Ok(()));
    let message = Message::new(&bytes, &layout);
    let value = message.named("subject").unwrap();
    assert_eq!(value, b"I know you're there,\r\n\t pick up\r\n   the phone");
    assert_eq!(
        kind(&request("Contact:\r\n <sip:a@h>\r\n ,\r\n\t<sip:b@h>\r\n", ""), Framing::Datagram),
        Ok(())
    );
}

/// RFC 3261 s7.3.1: one line with commas and several lines are the same.
#[test]
fn lists_over_lines_and_commas_are_one_list() {
    let spellings = [
        "Route: <sip:alice@atlanta.com>\r\nSubject: Lunch\r\nRoute: <sip:bob@biloxi.com>\r\nRoute: <sip:carol@chicago.com>\r\n",
        "Route: <sip:alice@atlanta.com>, <sip:bob@biloxi.com>\r\nroute: <sip:carol@chicago.com>\r\n",
        "Subject: Lunch\r\nROUTE: <sip:alice@atlanta.com>, <sip:bob@biloxi.com>,\r\n <sip:carol@chicago.com>\r\n",
    ];
    for lines in spellings {
        let bytes = request(lines, "");
        let (layout, result) = scan_with(&bytes, Framing::Datagram);
        assert_eq!(result, Ok(()), "{lines}");
        let message = Message::new(&bytes, &layout);
        let users: Vec<_> =
            message.routes().map(|route| route.unwrap().parsed_uri().user().unwrap()).collect();
        assert_eq!(users, [&b"alice"[..], b"bob", b"carol"], "{lines}");
    }
}

/// RFC 3261 s7.3.1, s25.1: commas in quotes and brackets part nothing.
#[test]
fn commas_in_quoted_strings_part_no_contacts() {
    let bytes = request("m: \"a, <sip:x@y>, \\\"b\" <sip:c,d@h;x=1>;q=1, \"\" <sip:e@h>\r\n", "");
    let (layout, result) = scan_with(&bytes, Framing::Datagram);
    assert_eq!(result, Ok(()));
    assert_eq!(Message::new(&bytes, &layout).contacts().filter(Result::is_ok).count(), 2);
}

/// RFC 3261 s7.3.1: names do not mind case; white space may stand before the colon.
#[test]
fn header_names_are_read_in_any_case_and_with_space_before_the_colon() {
    let bytes = request("cOnTaCt \t : <sip:a@h>\r\nEXPIRES:7\r\n", "");
    let (layout, result) = scan_with(&bytes, Framing::Datagram);
    assert_eq!(result, Ok(()));
    let message = Message::new(&bytes, &layout);
    assert_eq!((message.contacts().count(), message.expires()), (1, Some(7)));
}

/// RFC 3261 s7.3.3.
#[test]
fn every_compact_form_is_the_long_one() {
    for (compact, long) in [
        ('i', HeaderName::CallId),
        ('m', HeaderName::Contact),
        ('c', HeaderName::ContentType),
        ('l', HeaderName::ContentLength),
        ('f', HeaderName::From),
        ('t', HeaderName::To),
        ('v', HeaderName::Via),
        ('k', HeaderName::Supported),
    ] {
        for letter in [compact, compact.to_ascii_uppercase()] {
            assert_eq!(HeaderName::recognise(letter.to_string().as_bytes()), long, "{letter}");
        }
    }
    let bytes = "MESSAGE sip:b@h SIP/2.0\r\nv:SIP/2.0/UDP h\r\nf:<sip:a@h>;tag=1\r\nt:sip:b@h\r\ni:c\r\n\
                 cseq:1 MESSAGE\r\nc:text/plain\r\nl:2\r\n\r\nhi";
    assert_eq!(kind(bytes.as_bytes(), Framing::Stream), Ok(()));
}

/// RFC 3261 s7.1, s8.2.1: a method of any token is read, and minds case.
#[test]
fn unknown_methods_are_read() {
    for name in ["FROBNICATE", "options", "x-!%*_+`'~."] {
        let bytes = String::from_utf8(request("", "")).unwrap().replace("OPTIONS", name);
        assert_eq!(kind(bytes.as_bytes(), Framing::Datagram), Ok(()), "{name}");
    }
    let wrong = String::from_utf8(request("", "")).unwrap().replacen("OPTIONS", "OPT(IONS", 1);
    assert_eq!(kind(wrong.as_bytes(), Framing::Datagram), Err(DefectKind::NotSip));
}

/// RFC 3261 s7.1: one space between the parts of the request line, and a version in any case.
#[test]
fn the_request_line_has_one_space_between_its_parts() {
    let with = |line: &str| {
        let bytes = String::from_utf8(request("", "")).unwrap();
        kind(bytes.replacen("OPTIONS sip:us@h SIP/2.0", line, 1).as_bytes(), Framing::Datagram)
    };
    assert_eq!(with("OPTIONS sip:us@h sip/2.0"), Ok(()));
    for (line, defect) in [
        ("OPTIONS  sip:us@h SIP/2.0", DefectKind::RequestLine),
        ("OPTIONS sip:us@h  SIP/2.0", DefectKind::RequestLine),
        ("OPTIONS sip:us@h SIP/2.0 ", DefectKind::RequestLine),
        ("OPTIONS SIP/2.0", DefectKind::RequestLine),
        (" OPTIONS sip:us@h SIP/2.0", DefectKind::NotSip),
        ("OPTIONS\tsip:us@h SIP/2.0", DefectKind::NotSip),
        ("OPTIONS sip:us@h", DefectKind::NotSip),
        ("OPTIONS sip:us@h HTTP/1.1", DefectKind::NotSip),
        ("OPTIONS sip:us@h SIP/", DefectKind::NotSip),
        ("OPTIONS sip:us@h SIP/2.00", DefectKind::Version),
        ("OPTIONS sip:us@h SIP/3.0", DefectKind::Version),
        ("OPTIONS sip:us@h; lr SIP/2.0", DefectKind::RequestUri),
        ("OPTIONS sip:us@h\0 SIP/2.0", DefectKind::RequestUri),
        ("OPTIONS us@h SIP/2.0", DefectKind::RequestUri),
        ("OPTIONS <sip:us@h> SIP/2.0", DefectKind::RequestUri),
        ("OPTIONS sip:us@h?x=y SIP/2.0", DefectKind::RequestUri),
        ("", DefectKind::NotSip),
    ] {
        assert_eq!(with(line), Err(defect), "{line:?}");
    }
}

/// RFC 3261 s7.2.
#[test]
fn status_lines_are_read_or_refused() {
    let with = |line: &str| {
        let bytes = String::from_utf8(request("", "")).unwrap();
        kind(bytes.replacen("OPTIONS sip:us@h SIP/2.0", line, 1).as_bytes(), Framing::Datagram)
    };
    for line in ["SIP/2.0 200 OK", "SIP/2.0 200 ", "SIP/2.0 200", "SIP/2.0 699 \u{e9} x"] {
        assert_eq!(with(line), Ok(()), "{line:?}");
    }
    for line in [
        "SIP/2.0 099 x",
        "SIP/2.0 700 x",
        "SIP/2.0 20 x",
        "SIP/2.0 0200 x",
        "SIP/2.0  200",
        "SIP/2.0 +20 x",
    ] {
        assert_eq!(with(line), Err(DefectKind::StatusCode), "{line:?}");
    }
    assert_eq!(with("SIP/1.0 200 OK"), Err(DefectKind::Version));
}

/// RFC 3261 s7: lines end in CRLF; nothing else may be taken for an end by one reader and for a
/// part of a value by the next.
#[test]
fn bare_line_ends_are_defects() {
    for (lines, stream) in
        [("Subject: a\nVia: SIP/2.0/UDP evil\r\n", true), ("Subject: a\rb\r\n", true)]
    {
        let bytes = request(lines, "");
        assert_eq!(kind(&bytes, Framing::Datagram), Err(DefectKind::LineEnd), "{lines:?}");
        let (_, result) = scan_with(&bytes, Framing::Stream);
        assert_eq!(result.unwrap_err().closes_stream(), stream);
    }
    let unix = String::from_utf8(request("", "")).unwrap().replace("\r\n", "\n");
    assert_eq!(kind(unix.as_bytes(), Framing::Datagram), Err(DefectKind::LineEnd));
}

/// RFC 3261 s7.3, s7.5.
#[test]
fn lines_that_are_no_headers_are_refused_and_the_request_is_answered() {
    for lines in
        ["no colon\r\n", ": x\r\n", "a b: x\r\n", "\u{e9}: x\r\n", "(x): y\r\n", "a\0: x\r\n"]
    {
        let bytes = request(lines, "");
        let (_, result) = scan_with(&bytes, Framing::Datagram);
        let defect = result.unwrap_err();
        assert_eq!(
            (defect.kind(), defect.answerable()),
            (DefectKind::HeaderLine, true),
            "{lines:?}"
        );
    }
    let whole = request("", "");
    assert_eq!(kind(&whole[..whole.len() - 2], Framing::Datagram), Err(DefectKind::Unfinished));
    assert_eq!(kind(&[b"\r\n\r\n", &whole[..]].concat(), Framing::Datagram), Ok(()));
    assert_eq!(kind(b"\r\n\r\n", Framing::Datagram), Err(DefectKind::Empty));
    assert_eq!(kind(b"", Framing::Datagram), Err(DefectKind::Empty));
}

/// RFC 3261 s18.3, s20.14; RFC 4475 s3.1.2.2, s3.1.2.3, s3.3.9.
#[test]
fn content_length_lies_are_found_out() {
    use DefectKind::{BodyTooShort, ContentLengths, MessageTooLarge, NoContentLength};
    let malformed = DefectKind::Malformed(HeaderName::ContentLength);
    for (lines, datagram, stream) in [
        ("l: 4\r\n", Ok(()), Ok(())),
        ("l: 0004\r\nContent-Length: 4\r\n", Ok(()), Ok(())),
        ("l: 2\r\n", Ok(()), Ok(())),
        ("", Ok(()), Err(NoContentLength)),
        ("l: 5\r\n", Err(BodyTooShort), Err(BodyTooShort)),
        ("l: 4\r\nl: 3\r\n", Err(ContentLengths), Err(ContentLengths)),
        ("l: -1\r\n", Err(malformed), Err(malformed)),
        ("l: five\r\n", Err(malformed), Err(malformed)),
        ("l:\r\n", Err(malformed), Err(malformed)),
        ("l: 4, 4\r\n", Err(malformed), Err(malformed)),
        ("l: 4;x\r\n", Err(malformed), Err(malformed)),
        ("l: +4\r\n", Err(malformed), Err(malformed)),
        ("l: 4294967300\r\n", Err(BodyTooShort), Err(MessageTooLarge)),
        ("l: 18446744073709551620\r\n", Err(BodyTooShort), Err(MessageTooLarge)),
        ("l: 00000000000000000004\r\n", Err(BodyTooShort), Err(MessageTooLarge)),
    ] {
        let bytes = request(lines, "body");
        assert_eq!(kind(&bytes, Framing::Datagram), datagram, "{lines:?}");
        assert_eq!(kind(&bytes, Framing::Stream), stream, "{lines:?}");
    }
    let bytes = request("l: 2\r\n", "body");
    let (layout, _) = scan_with(&bytes, Framing::Datagram);
    assert_eq!(Message::new(&bytes, &layout).body(), b"bo");
}

/// RFC 3261 s8.1.1, s8.1.1.5, s20.22.
#[test]
fn mandatory_headers_are_there_once_and_well_formed() {
    let text = String::from_utf8(request("", "")).unwrap();
    for (name, line) in [
        (HeaderName::Via, "Via: SIP/2.0/UDP h;branch=z9hG4bKa\r\n"),
        (HeaderName::From, "From: <sip:a@h>;tag=1\r\n"),
        (HeaderName::To, "To: <sip:b@h>\r\n"),
        (HeaderName::CallId, "Call-ID: c\r\n"),
        (HeaderName::CSeq, "CSeq: 1 OPTIONS\r\n"),
    ] {
        let without = text.replace(line, "");
        assert_eq!(kind(without.as_bytes(), Framing::Datagram), Err(DefectKind::Missing(name)));
        let empty = text.replace(line, &format!("{}: \r\n", name.as_str()));
        assert_eq!(kind(empty.as_bytes(), Framing::Datagram), Err(DefectKind::Missing(name)));
        let twice = text.replace(line, &line.repeat(2));
        let expected = match name {
            HeaderName::Via => Ok(()),
            name => Err(DefectKind::Duplicate(name)),
        };
        assert_eq!(kind(twice.as_bytes(), Framing::Datagram), expected);
    }
    for wrong in ["256", "-1", "x", "", "7 0"] {
        let lines = format!("Max-Forwards: {wrong}\r\n");
        let malformed = DefectKind::Malformed(HeaderName::MaxForwards);
        assert_eq!(kind(&request(&lines, ""), Framing::Datagram), Err(malformed), "{wrong:?}");
    }
}

/// RFC 3261 s17.1.1.3, s18.3: an ACK and a response are never answered.
#[test]
fn neither_an_ack_nor_a_response_is_answered() {
    let text = String::from_utf8(request("l: x\r\n", "")).unwrap();
    let (_, result) = scan_with(text.replace("OPTIONS", "ACK").as_bytes(), Framing::Datagram);
    assert!(!result.unwrap_err().answerable());
    let response = text.replace("OPTIONS sip:us@h SIP/2.0", "SIP/2.0 200 OK");
    let (_, result) = scan_with(response.as_bytes(), Framing::Datagram);
    assert!(!result.unwrap_err().answerable());
}

/// RFC 3261 s7.4: a body is any bytes.
#[test]
fn bodies_hold_any_bytes() {
    let mut bytes = request("Content-Length: 256\r\n", "");
    let body: Vec<u8> = (0..=255).collect();
    bytes.extend_from_slice(&body);
    let (layout, result) = scan_with(&bytes, Framing::Stream);
    assert_eq!(result, Ok(()));
    assert_eq!(Message::new(&bytes, &layout).body(), body);
}

/// RFC 3261 s25.1: escapes and dots in the Request-URI's user.
#[test]
fn request_uris_keep_their_spelling() {
    for uri in [
        "sip:john.doe@h",
        "sip:%6a%C3%A9@h",
        "sip:a@[2001:db8::1]:5060",
        "tel:+351-21",
        "sips:a;x=1:pw@h;lr",
    ] {
        let bytes = String::from_utf8(request("", "")).unwrap().replacen("sip:us@h", uri, 1);
        let (layout, result) = scan_with(bytes.as_bytes(), Framing::Datagram);
        assert_eq!(result, Ok(()));
        let message = Message::new(bytes.as_bytes(), &layout);
        assert_eq!(message.request_uri(), uri.as_bytes());
        assert!(Uri::parse(message.request_uri()).is_ok() && message.check().is_ok(), "{uri}");
    }
}
