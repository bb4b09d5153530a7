use super::*;
use crate::sip::header::Contact;
use crate::sip::method::Method;

const MESSAGE: &str = concat!(
    "MESSAGE sip:bob@campus.example SIP/2.0\r\n",
    "Via: SIP/2.0/UDP 192.0.2.7:5060;rport;branch=z9hG4bK776asdhds\r\n",
    "Max-Forwards: 70\r\n",
    "From: \"Alice, of CS\" <sip:alice@campus.example>;tag=49583\r\n",
    "t: <sip:bob@campus.example>\r\n",
    "i: asd88asd77a@192.0.2.7\r\n",
    "CSeq: 1 MESSAGE\r\n",
    "c: text/plain\r\n",
    "l: 18\r\n",
    "\r\n",
    "Watson, come here."
);

fn scan_with(bytes: &[u8], framing: Framing) -> (Layout, Result<(), Defect>) {
    let mut layout = Layout::default();
    let result = scan(bytes, framing, &Limits::default(), &mut layout);
    (layout, result)
}

/// RFC 3261 s7.
#[test]
fn a_request_is_read_by_offsets() {
    let (layout, result) = scan_with(MESSAGE.as_bytes(), Framing::Datagram);
    result.unwrap();
    let message = Message::new(MESSAGE.as_bytes(), &layout);
    message.check().unwrap();
    assert!(message.is_request());
    assert_eq!(message.method(), Method::Message);
    assert_eq!(message.request_uri(), b"sip:bob@campus.example");
    assert_eq!(message.call_id(), b"asd88asd77a@192.0.2.7");
    assert_eq!(message.from().unwrap().tag(), Some(&b"49583"[..]));
    assert_eq!(message.to().unwrap().uri(), b"sip:bob@campus.example");
    assert_eq!(message.max_forwards(), Ok(Some(70)));
    assert_eq!(message.content_type(), Some(&b"text/plain"[..]));
    assert_eq!(message.body(), b"Watson, come here.");
    assert_eq!(message.top_via().unwrap().branch(), Some(&b"z9hG4bK776asdhds"[..]));
    assert_eq!(message.named("cseq"), Some(&b"1 MESSAGE"[..]));
    assert_eq!(message.named("X-None"), None);
    assert!(!message.contacts().any(|contact| matches!(contact, Ok(Contact::Star))));
}

mod grammar;
mod limits;
mod properties;
