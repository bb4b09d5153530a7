use super::*;
use crate::sip::wire::{Framing, Layout, Limits, scan};

fn layout_of(bytes: &[u8]) -> Layout {
    let mut layout = Layout::default();
    scan(bytes, Framing::Datagram, &Limits::default(), &mut layout).unwrap();
    layout
}

fn plan<'a>() -> Request<'a> {
    Request {
        request_uri: Some(b"sip:bob@192.0.2.9:5070"),
        via: b"SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKus",
        max_forwards: 69,
        max_breadth: None,
        received: Some(([192, 0, 2, 7], 6_060).into()),
        drop_top_routes: 1,
        drop_credentials_for: Some("campus.example"),
        drop_identity: false,
        record_route: None,
        add_headers: &[],
    }
}

const MESSAGE: &[u8] = b"MESSAGE sip:bob@campus.example SIP/2.0\r\n\
    X-Odd :  left,, alone;;\r\n\
    v: SIP/2.0/UDP 10.0.0.7;rport;branch=z9hG4bKa , SIP/2.0/TCP h2\r\n\
    MaX-fOrWaRdS: 0070\r\n\
    f: <sip:alice@campus.example>;tag=1\r\n\
    Proxy-Authorization: Digest username=\"a\", realm=\"campus.example\", response=\"x\"\r\n\
    Proxy-Authorization: Digest username=\"a\", realm=\"other.example\", response=\"y\"\r\n\
    Route: <sip:us;lr> , <sip:next;lr>\r\n\
    To: Bob\r\n\t<sip:bob@campus.example>\r\n\
    Call-ID: c1\r\n\
    CSeq: 1 MESSAGE\r\n\
    \r\n\
    \xff\x00binary\r\n\r\n";

/// RFC 3261 s16.6: only what must change changes.
#[test]
fn a_forwarded_request_changes_only_what_must() {
    let layout = layout_of(MESSAGE);
    let mut out = Vec::new();
    request(&Message::new(MESSAGE, &layout), &plan(), &mut out);
    let expected: &[u8] = b"MESSAGE sip:bob@192.0.2.9:5070 SIP/2.0\r\n\
        Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKus\r\n\
        X-Odd :  left,, alone;;\r\n\
        Via: SIP/2.0/UDP 10.0.0.7;rport=6060;branch=z9hG4bKa;received=192.0.2.7, SIP/2.0/TCP h2\r\n\
        Max-Forwards: 69\r\n\
        f: <sip:alice@campus.example>;tag=1\r\n\
        Proxy-Authorization: Digest username=\"a\", realm=\"other.example\", response=\"y\"\r\n\
        Route: <sip:next;lr>\r\n\
        To: Bob\r\n\t<sip:bob@campus.example>\r\n\
        Call-ID: c1\r\n\
        CSeq: 1 MESSAGE\r\n\
        Content-Length: 12\r\n\
        \r\n\
        \xff\x00binary\r\n\r\n";
    assert_eq!(out.escape_ascii().to_string(), expected.escape_ascii().to_string());
}

/// What stands in a message line by line, without the start line: name and value of each.
fn lines(bytes: &[u8]) -> Vec<Vec<u8>> {
    let head = memchr::memmem::find(bytes, b"\r\n\r\n").unwrap();
    let mut lines: Vec<Vec<u8>> = Vec::new();
    for line in bytes[..head].split(|byte| *byte == b'\n').skip(1) {
        match lines.last_mut() {
            Some(last) if line.starts_with(b" ") || line.starts_with(b"\t") => {
                last.push(b'\n');
                last.extend_from_slice(line);
            }
            _ => lines.push(line.to_vec()),
        }
    }
    lines.iter().map(|line| line.trim_ascii_end().to_vec()).collect()
}

/// Requests of odd but valid lines in any order.
fn odd_request() -> impl proptest::strategy::Strategy<Value = Vec<u8>> {
    use proptest::prelude::*;
    let other = "(X-[a-z]{1,4}|sUBJECT|m|Contact|Record-Route|k|User-Agent|Route)[ \t]?:[ ]?\
                 (<sip:[a-z,]{1,4}@h;lr>|\"[a-z, <>]{0,6}\" <sip:a@h>)(\r\n[ \t],[ ]?<sip:b@h>)?";
    let body = prop::collection::vec(any::<u8>(), 0..40);
    (prop::collection::vec(other, 0..8), 0..8_usize, body).prop_map(|(others, at, body)| {
        let mut lines: Vec<String> = others;
        let at = at.min(lines.len());
        let must = "v : SIP/2.0/UDP 10.0.0.7;rport;branch=z9hG4bKa\r\n , SIP/2.0/TCP h2\r\n\
                    Via: SIP/2.0/TCP h3\r\nf:<sip:a@h>;tag=1\r\nTo  : B\r\n <sip:b@h>\r\ni: c\r\n\
                    cseq: 1 \t MESSAGE";
        lines.insert(at, must.to_owned());
        let length = format!("l  :  {}", body.len());
        lines.push(length);
        let head = format!("MESSAGE sip:b@h;x=1 SIP/2.0\r\n{}\r\n\r\n", lines.join("\r\n"));
        [head.as_bytes(), &body].concat()
    })
}

proptest::proptest! {
    /// RFC 3261 s16.6 step 1: every line that need not change arrives as it was, in its place, and
    /// so does the body.
    #[test]
    fn forwarding_leaves_every_other_byte_as_it_was(bytes in odd_request()) {
        let layout = layout_of(&bytes);
        let message = Message::new(&bytes, &layout);
        let plan = Request { request_uri: None, drop_top_routes: 0, received: None, ..plan() };
        let mut out = Vec::new();
        request(&message, &plan, &mut out);
        let mut expected = lines(&bytes);
        expected.insert(0, b"Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKus".to_vec());
        expected.push(b"Max-Forwards: 69".to_vec());
        proptest::prop_assert_eq!(lines(&out), expected);
        proptest::prop_assert!(out.starts_with(b"MESSAGE sip:b@h;x=1 SIP/2.0\r\n"));
        let after = layout_of(&out);
        proptest::prop_assert_eq!(Message::new(&out, &after).body(), message.body());
    }

    /// RFC 3261 s16.7 step 3: a response comes back as it was, without our Via.
    #[test]
    fn our_via_is_all_that_a_response_loses(bytes in odd_request(), own_line in proptest::bool::ANY) {
        let text = [&b"SIP/2.0 200 Fine, thanks\r\n"[..], if own_line {
            b"Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKus\r\n"
        } else {
            b""
        }].concat();
        let start = memchr::memchr(b'\n', &bytes).unwrap() + 1;
        let answer = [&text, &bytes[start..]].concat();
        let layout = layout_of(&answer);
        let mut out = Vec::new();
        proptest::prop_assert!(response(&Message::new(&answer, &layout), &mut out));
        if own_line {
            let without = [&b"SIP/2.0 200 Fine, thanks\r\n"[..], &bytes[start..]].concat();
            proptest::prop_assert_eq!(out, without);
        } else {
            let after = layout_of(&out);
            let vias = Message::new(&out, &after).vias().count();
            proptest::prop_assert_eq!(vias, 2);
        }
    }
}
