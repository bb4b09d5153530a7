use super::*;
use proptest::prelude::*;

/// The transaction id of RFC 5769 s2.2 and s2.3.
const ID: [u8; 12] = [0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae];

/// A request with these attributes, each padded.
fn request(attributes: &[(u16, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (kind, value) in attributes {
        attribute(*kind, value.len(), &mut body);
        body.extend_from_slice(value);
        body.resize(body.len().next_multiple_of(4), 0);
    }
    let mut bytes = REQUEST.to_be_bytes().to_vec();
    bytes.extend_from_slice(&(body.len() as u16).to_be_bytes());
    bytes.extend_from_slice(&COOKIE.to_be_bytes());
    bytes.extend_from_slice(&ID);
    bytes.extend_from_slice(&body);
    bytes
}

fn answered(request: &[u8], source: &str) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    answer(request, source.parse().unwrap(), &mut out).then_some(out)
}

/// Reads an answer's attribute.
fn value_of(answer: &[u8], wanted: u16) -> Option<&[u8]> {
    let mut at = HEADER;
    while at < answer.len() {
        let (kind, length) = (half(answer, at)?, usize::from(half(answer, at + 2)?));
        if kind == wanted {
            return answer.get(at + 4..at + 4 + length);
        }
        at += 4 + length.next_multiple_of(4);
    }
    None
}

// RFC 5769 s2.2: the bytes of the test vector's XOR-MAPPED-ADDRESS for 192.0.2.1:32853
#[test]
fn a_binding_request_is_told_where_it_came_from() {
    let answer = answered(&request(&[]), "192.0.2.1:32853").unwrap();
    assert_eq!(answer.len(), 32);
    assert_eq!(answer[..4], [0x01, 0x01, 0x00, 0x0c]);
    assert_eq!(answer[4..20], request(&[])[4..20], "cookie and transaction id come back");
    assert_eq!(
        answer[20..],
        [0x00, 0x20, 0x00, 0x08, 0x00, 0x01, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43]
    );
}

// RFC 5769 s2.3: the same for 2001:db8:1234:5678:11:2233:4455:6677, port 32853
#[test]
fn an_ipv6_address_is_masked_by_the_transaction_too() {
    let source = "[2001:db8:1234:5678:11:2233:4455:6677]:32853";
    let answer = answered(&request(&[]), source).unwrap();
    let masked = [
        0x00, 0x20, 0x00, 0x14, 0x00, 0x02, 0xa1, 0x47, 0x01, 0x13, 0xa9, 0xfa, 0xa5, 0xd3, 0xf1,
        0x79, 0xbc, 0x25, 0xf4, 0xb5, 0xbe, 0xd2, 0xb9, 0xd9,
    ];
    assert_eq!(answer[20..], masked);
}

// RFC 5389 s7.3.1, s15.9
#[test]
fn attributes_that_would_have_to_be_understood_are_420_and_named() {
    // CHANGE-REQUEST of RFC 3489 and USE-CANDIDATE of ICE; SOFTWARE and FINGERPRINT are optional.
    let bytes = request(&[(0x8022, b"phone"), (0x0003, &[0; 4]), (0x0025, b""), (0x0003, b"")]);
    let answer = answered(&bytes, "192.0.2.1:32853").unwrap();
    assert_eq!(answer[..2], [0x01, 0x11]);
    assert_eq!(value_of(&answer, ERROR_CODE), Some(&[0, 0, 4, 20][..]));
    assert_eq!(value_of(&answer, UNKNOWN_ATTRIBUTES), Some(&[0x00, 0x03, 0x00, 0x25][..]));
    assert_eq!(value_of(&answer, XOR_MAPPED_ADDRESS), None);
    assert_eq!(usize::from(half(&answer, 2).unwrap()), answer.len() - HEADER);
}

// RFC 5389 s7.3: known but unexpected, or optional
#[test]
fn attributes_that_may_be_ignored_are() {
    let bytes = request(&[(0x0006, b"ana"), (0x0008, &[7; 20]), (0x8028, &[1, 2, 3, 4])]);
    assert_eq!(answered(&bytes, "192.0.2.1:9"), answered(&request(&[]), "192.0.2.1:9"));
}

// RFC 5389 s7.3: silently discarded
#[test]
fn what_is_no_binding_request_gets_no_answer() {
    let good = request(&[(0x8022, b"phone")]);
    let changed = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        bytes
    };
    let indication = changed(1, 0x11);
    let (response, refusal) = (changed(0, 0x01), [&[0x01, 0x11], &good[2..]].concat());
    let other_method = changed(1, 0x02);
    let cookie = changed(4, 0);
    let (short, long) = (good[..good.len() - 1].to_vec(), [good.as_slice(), &[0; 4]].concat());
    let overrun = changed(HEADER + 3, 200);
    for bytes in [indication, response, refusal, other_method, cookie, short, long, overrun] {
        assert_eq!(answered(&bytes, "192.0.2.1:9"), None, "{bytes:02x?}");
    }
}

// RFC 5626 s8
#[test]
fn no_sip_message_and_no_keep_alive_of_streams_is_stun() {
    assert!(is_stun(&request(&[])));
    for sip in
        [&b"OPTIONS sip:a SIP/2.0\r\n\r\n"[..], b"\r\n\r\n", b"", b"\0", b"\0\x01\0\0!\x12\xa4"]
    {
        assert!(!is_stun(sip));
    }
}

proptest! {
    #[test]
    fn no_answer_is_longer_than_its_request_by_more_than_an_address(
        attributes in proptest::collection::vec(
            (any::<u16>(), proptest::collection::vec(any::<u8>(), 0..9)), 0..12),
        v6: bool,
    ) {
        let attributes: Vec<(u16, &[u8])> =
            attributes.iter().map(|(kind, value)| (*kind, value.as_slice())).collect();
        let bytes = request(&attributes);
        let source = if v6 { "[2001:db8::1]:9" } else { "192.0.2.1:9" };
        let answer = answered(&bytes, source).unwrap();
        prop_assert!(answer.len() <= bytes.len() + LONGEST_GROWTH);
        prop_assert_eq!(answer.len() % 4, 0);
        prop_assert_eq!(usize::from(half(&answer, 2).unwrap()), answer.len() - HEADER);
        prop_assert_eq!(&answer[4..HEADER], &bytes[4..HEADER]);
    }

    #[test]
    fn any_bytes_are_answered_whole_or_not_at_all(
        bytes in proptest::collection::vec(any::<u8>(), 0..64),
        with_head: bool,
    ) {
        let mut datagram = if with_head { request(&[])[..8].to_vec() } else { Vec::new() };
        datagram.extend_from_slice(&bytes);
        let mut out = b"kept".to_vec();
        let said = answer(&datagram, "192.0.2.1:9".parse().unwrap(), &mut out);
        prop_assert_eq!(said, out.len() > 4);
        prop_assert_eq!(&out[..4], b"kept");
        prop_assert!(!said || is_stun(&datagram));
    }
}
