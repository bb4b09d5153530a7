//! Messages that are made up, and bytes that are none.

use proptest::prelude::*;

use super::*;
use crate::sip::build::{RequestWriter, Response};
use crate::sip::framer::{Frame, Framer};
use crate::sip::header::HeaderName;

/// What a message is made of.
#[derive(Clone, Debug)]
struct Made {
    method: String,
    uri: String,
    vias: Vec<String>,
    call_id: String,
    cseq: u32,
    hops: u8,
    contacts: Vec<String>,
    subject: String,
    body: Vec<u8>,
}

fn made() -> impl Strategy<Value = Made> {
    (
        "(MESSAGE|INVITE|OPTIONS|[A-Z]{3,8}|[a-z!%*_+`'~.-]{1,6})",
        "(sips?:[a-z0-9.;=-]{1,8}@[a-z]{1,8}(:50[0-9]{2})?(;lr)?|tel:\\+[0-9]{3,9})",
        prop::collection::vec(
            "SIP/2\\.0/(UDP|TCP) [a-z]{1,9}(:5[0-9]{3})?(;rport)?;branch=z9hG4bK[a-z0-9]{1,9}",
            1..5,
        ),
        "[a-zA-Z0-9@.<>\\[\\]{}?/-]{1,20}",
        any::<u32>(),
        any::<u8>(),
        prop::collection::vec(
            "(\"[a-z, <>]{0,8}\" )?<sip:[a-z,]{1,5}@[a-z]{1,5}>(;q=0\\.[0-9])?",
            0..4,
        ),
        "[a-z]([ -~]{0,30}[a-z])?",
        prop::collection::vec(any::<u8>(), 0..200),
    )
        .prop_map(|(method, uri, vias, call_id, cseq, hops, contacts, subject, body)| Made {
            method,
            uri,
            vias,
            call_id,
            cseq,
            hops,
            contacts,
            subject,
            body,
        })
}

/// Writes a message in one of its many spellings.
fn write(made: &Made, spelling: u16) -> Vec<u8> {
    let flag = |bit: u16| spelling >> bit & 1 == 1;
    let colon = ["", " ", "\t "][usize::from(spelling >> 12) % 3];
    let space = ["", " ", "\r\n ", " \r\n\t"][usize::from(spelling >> 10) % 4];
    let name = |long: &str, compact: &str, bit: u16| {
        let name = if flag(bit) { compact } else { long };
        if flag(bit + 1) { name.to_uppercase() } else { name.to_owned() }
    };
    let mut out = format!("{} {} SIP/2.0\r\n", made.method, made.uri);
    let mut line = |name: &str, value: &str| out += &format!("{name}{colon}:{space}{value}\r\n");
    line(&name("From", "f", 0), "<sip:a@h>;tag=1");
    if flag(1) {
        line(&name("Via", "v", 2), &made.vias.join(if flag(3) { "," } else { "\r\n , " }));
    } else {
        made.vias.iter().for_each(|via| line(&name("Via", "v", 4), via));
    }
    line(&name("To", "t", 5), "<sip:b@h>");
    line(&name("Call-ID", "i", 6), &made.call_id);
    line("CSeq", &format!("{}{}{}", made.cseq, if flag(7) { " " } else { "\r\n  " }, made.method));
    line("Max-Forwards", &made.hops.to_string());
    if !made.contacts.is_empty() {
        line(&name("Contact", "m", 8), &made.contacts.join(", "));
    }
    line(&name("Subject", "s", 9), &made.subject);
    line(&name("Content-Length", "l", 3), &made.body.len().to_string());
    let mut bytes = out.into_bytes();
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(&made.body);
    bytes
}

/// Whether a read message is the made one.
fn compare(message: &Message<'_>, made: &Made) {
    assert_eq!(message.method().as_bytes(), made.method.as_bytes());
    assert_eq!(message.request_uri(), made.uri.as_bytes());
    let vias: Vec<_> = message.values(HeaderName::Via).collect();
    assert_eq!(vias, made.vias.iter().map(String::as_bytes).collect::<Vec<_>>());
    assert_eq!(message.call_id(), made.call_id.as_bytes());
    assert_eq!(message.cseq().unwrap().number, made.cseq);
    assert_eq!(message.max_forwards(), Ok(Some(made.hops)));
    let contacts: Vec<_> = message.values(HeaderName::Contact).collect();
    assert_eq!(contacts, made.contacts.iter().map(String::as_bytes).collect::<Vec<_>>());
    assert_eq!(message.named("subject"), Some(made.subject.as_bytes()));
    assert_eq!(message.body(), made.body);
    assert_eq!(message.check(), Ok(()));
}

proptest! {
    /// RFC 3261 s7: every spelling of a message reads as the message.
    #[test]
    fn messages_are_read_back_as_they_were_made(made in made(), spelling: u16) {
        let bytes = write(&made, spelling);
        for framing in [Framing::Datagram, Framing::Stream] {
            let (layout, result) = scan_with(&bytes, framing);
            prop_assert_eq!(result, Ok(()), "{}", bytes.escape_ascii());
            compare(&Message::new(&bytes, &layout), &made);
        }
    }

    /// RFC 3261 s18.3: messages on a stream come out as they were, however it is split.
    #[test]
    fn any_split_of_a_stream_frames_the_same_messages(
        messages in prop::collection::vec((made(), any::<u16>(), 0..3_usize), 1..4),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let mut stream = Vec::new();
        let mut expected = Vec::new();
        for (made, spelling, line_ends) in &messages {
            let bytes = write(made, *spelling);
            stream.extend(b"\r\n".repeat(*line_ends));
            stream.extend_from_slice(&bytes);
            expected.push(bytes);
        }
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len())).collect();
        cuts.push(stream.len());
        cuts.sort_unstable();
        let mut framer = Framer::new(&Limits::default());
        let (mut seen, mut start) = (Vec::new(), 0);
        for cut in cuts {
            framer.push(&stream[start..cut]);
            start = cut;
            while let Some(frame) = framer.next_frame().unwrap() {
                if let Frame::Message(bytes) = frame {
                    seen.push(bytes.to_vec());
                }
            }
        }
        prop_assert_eq!(seen, expected);
        prop_assert_eq!(framer.pending(), 0);
    }

    #[test]
    fn no_bytes_make_the_scanner_panic(bytes: Vec<u8>, lead in any::<bool>()) {
        let bytes = if lead { [MESSAGE.as_bytes(), &bytes].concat() } else { bytes };
        for framing in [Framing::Datagram, Framing::Stream] {
            let (layout, _) = scan_with(&bytes, framing);
            let message = Message::new(&bytes, &layout);
            let _ = (message.check(), message.vias().count(), message.body(), message.method());
        }
    }

    /// Bytes that look like SIP reach further into the scanner than any bytes do.
    #[test]
    fn near_messages_do_not_make_the_scanner_panic(
        text in "(MESSAGE sip:b@h SIP/2.0\r\n)?((Via|v|From|To|Call-ID|CSeq|l|Contact|Route|X)[ :]{1,2}[ -~\r\n]{0,20}(\r\n){0,2}){0,9}(\r\n)?.{0,9}"
    ) {
        for framing in [Framing::Datagram, Framing::Stream] {
            let (layout, result) = scan_with(text.as_bytes(), framing);
            let message = Message::new(text.as_bytes(), &layout);
            let _ = message.check();
            prop_assert!(result.is_err() || message.cseq().is_some());
        }
    }

    /// RFC 3261 s8.1.1: what we originate scans, whatever its values hold.
    #[test]
    fn what_we_originate_scans(
        uri in "[ -~]{1,20}", value in prop::collection::vec(any::<u8>(), 0..40), cseq: u32, hops: u8,
        body in prop::option::of(prop::collection::vec(any::<u8>(), 0..60)),
    ) {
        prop_assume!(!uri.trim().is_empty());
        let request = RequestWriter {
            method: Method::Message,
            uri: uri.as_bytes(),
            via: b"SIP/2.0/UDP h;branch=z9hG4bKa",
            from: b"<sip:a@h>;tag=1",
            to: b"<sip:b@h>",
            call_id: b"c",
            cseq,
            max_forwards: hops,
            headers: &[("Subject", &value)],
            body: body.as_ref().map(|body| ("text/plain", &body[..])),
        };
        let mut out = Vec::new();
        request.write(&mut out);
        let (layout, result) = scan_with(&out, Framing::Stream);
        prop_assert_eq!(result, Ok(()), "{}", out.escape_ascii());
        let message = Message::new(&out, &layout);
        prop_assert_eq!(message.cseq().unwrap().number, cseq);
        prop_assert_eq!(message.body(), &body.unwrap_or_default()[..]);
    }

    /// RFC 3261 s8.2.6.2: an answer scans and has what it must have of the request.
    #[test]
    fn what_we_answer_scans(made in made(), spelling: u16, reason in "\\PC{0,12}[\r\n]?", value: Vec<u8>, status in 100..700_u16) {
        let bytes = write(&made, spelling);
        let (layout, _) = scan_with(&bytes, Framing::Datagram);
        let mut out = Vec::new();
        Response::new(&Message::new(&bytes, &layout), status, Some(&reason))
            .to_tag("ours")
            .received_from(([192, 0, 2, 7], 5_070).into())
            .header("X-Value", &value)
            .write(&mut out);
        let (after, result) = scan_with(&out, Framing::Stream);
        prop_assert_eq!(result, Ok(()), "{}", out.escape_ascii());
        let answer = Message::new(&out, &after);
        prop_assert_eq!(answer.status(), status);
        prop_assert_eq!(answer.vias().count(), made.vias.len());
        prop_assert_eq!(answer.call_id(), made.call_id.as_bytes());
        prop_assert_eq!(answer.to().unwrap().tag(), Some(&b"ours"[..]));
        prop_assert_eq!(answer.top_via().unwrap().received(), Some([192, 0, 2, 7].into()));
    }
}
