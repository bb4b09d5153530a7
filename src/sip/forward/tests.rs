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
        received: Some(([192, 0, 2, 7], 6_060).into()),
        drop_top_routes: 1,
        drop_credentials_for: Some("campus.example"),
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
