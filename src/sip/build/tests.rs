use super::*;
use crate::sip::wire::{Framing, Layout, Limits, scan};

fn layout_of(bytes: &[u8]) -> Layout {
    let mut layout = Layout::default();
    scan(bytes, Framing::Stream, &Limits::default(), &mut layout).unwrap();
    layout
}

const INVITE: &[u8] = b"INVITE sip:bob@campus.example SIP/2.0\r\n\
    v: SIP/2.0/UDP 10.0.0.7;rport;branch=z9hG4bKa, SIP/2.0/TCP h2;branch=z9hG4bKb\r\n\
    Via: SIP/2.0/UDP h3;branch=z9hG4bKc\r\n\
    Record-Route: <sip:p1;lr>\r\n\
    Route: <sip:p2;lr>,\r\n <sip:p3;lr>\r\n\
    f: <sip:alice@campus.example>;tag=1\r\n\
    To : Bob\r\n <sip:bob@campus.example>\r\n\
    Call-ID: c1\r\n\
    CSeq: 0007 INVITE\r\n\
    Timestamp: 54\r\n\
    Content-Length: 0\r\n\r\n";

/// RFC 3261 s8.2.6.2: all Via values, From, To with our tag, Call-ID, CSeq; s12.1.1.
#[test]
fn a_response_copies_what_must_be_copied() {
    let layout = layout_of(INVITE);
    let mut out = Vec::new();
    Response::new(&Message::new(INVITE, &layout), 180, None)
        .to_tag("t-9")
        .received_from("192.0.2.1:7070".parse().unwrap())
        .header("Contact", "<sip:bob@192.0.2.9>")
        .write(&mut out);
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "SIP/2.0 180 Ringing\r\n\
         Via: SIP/2.0/UDP 10.0.0.7;rport=7070;branch=z9hG4bKa;received=192.0.2.1, SIP/2.0/TCP h2;branch=z9hG4bKb\r\n\
         Via: SIP/2.0/UDP h3;branch=z9hG4bKc\r\n\
         Record-Route: <sip:p1;lr>\r\n\
         f: <sip:alice@campus.example>;tag=1\r\n\
         To: Bob\r\n <sip:bob@campus.example>;tag=t-9\r\n\
         Call-ID: c1\r\n\
         CSeq: 0007 INVITE\r\n\
         Contact: <sip:bob@192.0.2.9>\r\n\
         Content-Length: 0\r\n\r\n"
    );
}

/// RFC 3261 s7.3.1: a lone LF is no line end, and what answers it must not carry it on.
#[test]
fn the_answer_to_a_request_with_bare_line_ends_has_none() {
    let request = b"OPTIONS sip:us SIP/2.0\r\n\
        Via: SIP/2.0/UDP h\n ;branch=z9hG4bKa\n ,SIP/2.0/UDP h2\r ;x\r\n\
        From: <sip:a@h>;tag=1\n\
        To: Bob\n <sip:b@h>\r\n\
        Call-ID: c1\r\
        CSeq: 1 OPTIONS\r\n\r\n";
    let mut layout = Layout::default();
    let defect = scan(request, Framing::Datagram, &Limits::default(), &mut layout).unwrap_err();
    assert!(defect.answerable());
    let mut out = Vec::new();
    Response::new(&Message::new(request, &layout), 400, Some(defect.reason()))
        .to_tag("t")
        .received_from("192.0.2.1:7070".parse().unwrap())
        .write(&mut out);
    let after = layout_of(&out);
    let answer = Message::new(&out, &after);
    assert_eq!(answer.call_id(), b"c1");
    assert_eq!(answer.vias().count(), 2);
    assert_eq!(answer.to().unwrap().tag(), Some(&b"t"[..]));
}
