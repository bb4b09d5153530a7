use proptest::prelude::*;

use super::super::head::{Method, Start};
use super::*;

/// The framer leaves less of a body than an end-line has: CRLF, seven hyphens, id, flag, CRLF.
const LEFT_OF_A_BODY: usize = DASHES.len() + MOST + 3;

const CHAT: &[u8] = b"MSRP a786hjs2 SEND\r\nTo-Path: msrp://b:1/x;tcp\r\n\
    From-Path: msrp://a:1/y;tcp\r\nMessage-ID: 87652491\r\nByte-Range: 1-25/25\r\n\
    Content-Type: text/plain\r\n\r\nHey Bob, are you there?\r\n-------a786hjs2$\r\n";

/// What a stream holds, the pieces of a body put together.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Seen {
    Head(String, Option<Defect>),
    Body(Vec<u8>),
    End(Flag),
}

/// Feeds a stream in parts, and checks that little is left unread.
fn read(parts: &[&[u8]]) -> (Vec<Seen>, Result<(), FrameError>) {
    let mut framer = Framer::default();
    let mut kept: Vec<u8> = Vec::new();
    let mut seen: Vec<Seen> = Vec::new();
    for part in parts {
        kept.extend_from_slice(part);
        let buffer = std::mem::take(&mut kept);
        let mut input = &buffer[..];
        loop {
            match framer.next(&mut input) {
                Ok(None) => break,
                Err(error) => return (seen, Err(error)),
                Ok(Some(Piece::Head(head))) => {
                    let name = match head.start {
                        Start::Request(method) => method.as_str().to_owned(),
                        Start::Response { code, comment } => format!("{code} {comment}"),
                    };
                    seen.push(Seen::Head(format!("{} {name}", head.transaction), head.defect));
                }
                Ok(Some(Piece::Body(bytes))) => {
                    assert!(!bytes.is_empty());
                    match seen.last_mut() {
                        Some(Seen::Body(body)) => body.extend_from_slice(bytes),
                        _ => seen.push(Seen::Body(bytes.to_vec())),
                    }
                }
                Ok(Some(Piece::End(flag))) => seen.push(Seen::End(flag)),
            }
        }
        let within_body = matches!(framer.state, State::Body { .. });
        assert!(!within_body || input.len() < LEFT_OF_A_BODY, "{} bytes kept", input.len());
        kept = input.to_vec();
    }
    (seen, Ok(()))
}

fn whole(bytes: &[u8]) -> Vec<Seen> {
    let (seen, outcome) = read(&[bytes]);
    assert_eq!(outcome, Ok(()));
    seen
}

fn request(body: &[u8], flag: u8) -> Vec<u8> {
    let mut bytes = b"MSRP abcd SEND\r\nTo-Path: msrp://b:1/x;tcp\r\n\
        From-Path: msrp://a:1/y;tcp\r\nMessage-ID: 8765\r\nContent-Type: text/plain\r\n\r\n"
        .to_vec();
    bytes.extend_from_slice(body);
    bytes.extend_from_slice(b"\r\n-------abcd");
    bytes.extend_from_slice(&[flag, b'\r', b'\n']);
    bytes
}

fn head() -> Seen {
    Seen::Head("abcd SEND".into(), None)
}

// RFC 4975 s5.1, s9; features 1.3 "Robustness / compliance"; trap "Boundary and off-by-one"
#[test]
fn every_split_of_an_msrp_stream_frames_alike() {
    let mut stream = CHAT.to_vec();
    stream.extend_from_slice(b"\r\nMSRP a786hjs2 200 OK\r\nTo-Path: msrp://a:1/y;tcp\r\n");
    stream.extend_from_slice(b"From-Path: msrp://b:1/x;tcp\r\n-------a786hjs2$\r\n");
    stream.extend_from_slice(&request(b"a\r\n-------abc\r\n-------abcd\r\n--------abcd$", b'+'));
    stream.extend_from_slice(&request(b"", b'#'));
    let expected = whole(&stream);
    assert_eq!(expected.len(), 10, "{expected:?}");
    for at in 0..=stream.len() {
        let (seen, outcome) = read(&[&stream[..at], &stream[at..]]);
        assert_eq!((seen, outcome), (expected.clone(), Ok(())), "split at {at}");
    }
    let bytes: Vec<&[u8]> = stream.chunks(1).collect();
    assert_eq!(read(&bytes), (expected, Ok(())));
}

// Trap "Boundary and off-by-one": end-line inside a short body, a body of 0 and 1 bytes
#[test]
fn bodies_that_look_like_end_lines_are_bodies() {
    for body in [
        &b""[..],
        b"\r",
        b"-",
        b"\r\n",
        b"-------abcd",
        b"\r\n-------abcd",
        b"\r\n-------abce$\r\n",
        b"text-------abcd$\r\n",
        b"\r\n-------abcd$x",
        b"\r\n-------abcd!\r\n",
        b"\0\xff\r\n------abcd$\r\n",
    ] {
        let bytes = request(body, b'$');
        let mut expected = vec![head()];
        if !body.is_empty() {
            expected.push(Seen::Body(body.to_vec()));
        }
        expected.push(Seen::End(Flag::Last));
        for at in 0..=bytes.len() {
            let (seen, outcome) = read(&[&bytes[..at], &bytes[at..]]);
            assert_eq!((&seen, outcome), (&expected, Ok(())), "{} at {at}", body.escape_ascii());
        }
    }
}

// RFC 4975 s7.1
#[test]
fn the_three_flags_are_told_apart() {
    for (byte, flag) in [(b'$', Flag::Last), (b'+', Flag::More), (b'#', Flag::Abort)] {
        assert_eq!(whole(&request(b"x", byte)).last(), Some(&Seen::End(flag)));
        assert_eq!((flag.as_byte(), Flag::from_byte(byte)), (byte, Some(flag)));
    }
    assert_eq!(Flag::from_byte(b'!'), None);
}

// Trap "Boundary and off-by-one": a body of no bytes without the CRLF before its end-line
#[test]
fn an_empty_body_needs_no_line_of_its_own() {
    let bytes = b"MSRP abcd SEND\r\nTo-Path: msrp://b:1/x;tcp\r\nFrom-Path: msrp://a:1/y;tcp\r\n\
        Message-ID: 8765\r\nContent-Type: text/plain\r\n\r\n-------abcd$\r\n";
    let expected = vec![head(), Seen::End(Flag::Last)];
    for at in 0..=bytes.len() {
        assert_eq!(read(&[&bytes[..at], &bytes[at..]]), (expected.clone(), Ok(())), "{at}");
    }
}

// security M01
#[test]
fn what_is_no_msrp_is_refused_at_its_first_line() {
    let long = format!("MSRP {} SEND\r\n", "a".repeat(200));
    for bytes in [
        "MSRP\r\n",
        "MSRP \r\n",
        "MSRP abcd\r\n",
        "MSRP abc SEND\r\n",
        "MSRP ab cd SEND\r\n",
        "MSRP abcd send\r\n",
        "MSRP abcd 20\r\n",
        "MSRP abcd 2000\r\n",
        "MSRP abcd SEND\n",
        "GET / HTTP/1.1\r\n",
        "HTTP",
        "msrp",
        long.as_str(),
    ] {
        assert_eq!(read(&[bytes.as_bytes()]).1, Err(FrameError::NotMsrp), "{bytes}");
    }
    assert_eq!(read(&[&[b'M'; 1]]).1, Ok(()));
    assert_eq!(read(&[&b"MSRP abcd SEND"[..]]).1, Ok(()));
    let endless = [&b"MSRP abcd "[..], &[b'A'; 2_000]].concat();
    assert_eq!(read(&[&endless]).1, Err(FrameError::NotMsrp));
}

// security M03
#[test]
fn a_head_without_an_end_is_cut_off_at_16_kib() {
    let mut bytes = b"MSRP abcd SEND\r\n".to_vec();
    while bytes.len() < MOST_HEAD {
        bytes.extend_from_slice(b"X-Padding: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n");
    }
    let fine = [&bytes[..bytes.len() - 100], b": x\r\n-------abcd$\r\n"].concat();
    bytes.extend_from_slice(&[b'x'; 100]);
    assert_eq!(read(&[&bytes]).1, Err(FrameError::HeadTooLong));
    let by_byte: Vec<&[u8]> = bytes.chunks(7).collect();
    assert_eq!(read(&by_byte).1, Err(FrameError::HeadTooLong));
    assert_eq!(read(&[&fine]).1, Ok(()));
}

// security M05
#[test]
fn another_flag_than_the_three_is_a_defect() {
    let bytes = b"MSRP abcd SEND\r\nTo-Path: msrp://b:1/x;tcp\r\n-------abcd!\r\n";
    assert_eq!(
        whole(bytes),
        [Seen::Head("abcd SEND".into(), Some(Defect::Flag)), Seen::End(Flag::Last)]
    );
}

// The framer never keeps a body: each byte of it is handed out where it stands.
#[test]
fn bodies_are_slices_of_the_buffer_that_was_read_into() {
    let mut framer = Framer::default();
    let mut input = CHAT;
    assert!(matches!(framer.next(&mut input), Ok(Some(Piece::Head(head)))
        if head.start == Start::Request(Method::Send)));
    let Ok(Some(Piece::Body(body))) = framer.next(&mut input) else { panic!("no body") };
    let at = memmem::find(CHAT, b"Hey Bob").unwrap();
    assert_eq!(body.as_ptr(), CHAT[at..].as_ptr());
}

proptest! {
    #[test]
    fn any_split_of_an_msrp_stream_frames_the_same(
        bodies in prop::collection::vec("([-abcd$+#\r\n]|-------abcd|\r\n){0,12}", 1..4),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let end = memmem::Finder::new(b"\r\n-------abcd");
        let mut stream = Vec::new();
        let mut expected = Vec::new();
        for body in bodies {
            // No honest sender has its own end-line in a body, not even at its seams.
            let bytes = request(body.as_bytes(), b'+');
            let seam = [&b"\r\n"[..], body.as_bytes(), b"\r\n-"].concat();
            if end.find(&seam).is_some() {
                continue;
            }
            expected.push(head());
            if !body.is_empty() {
                expected.push(Seen::Body(body.into_bytes()));
            }
            expected.push(Seen::End(Flag::More));
            stream.extend_from_slice(&bytes);
        }
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
        cuts.extend([0, stream.len()]);
        cuts.sort_unstable();
        let parts: Vec<&[u8]> = cuts.windows(2).map(|cut| &stream[cut[0]..cut[1]]).collect();
        prop_assert_eq!(read(&parts), (expected, Ok(())));
    }

    #[test]
    fn no_bytes_make_the_framer_panic_or_hold_more_than_a_head(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        text in "MSRP (abcd|x) (SEND|200)?\r\n([A-Za-z-]{1,12}: ?.{0,12}\r\n){0,4}(\r\n)?.{0,20}",
    ) {
        let _ = read(&[&bytes]);
        let _ = read(&[text.as_bytes(), &bytes]);
    }
}
