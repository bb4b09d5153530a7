use super::*;

const FIRST: &[u8] =
    b"OPTIONS sip:campus.example SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bKa\r\n\
    l: 5\r\n\r\nhello";
const SECOND: &[u8] = b"SIP/2.0 200 OK\r\nContent-Length : 0\r\n\r\n";

/// What comes out of a stream that is fed in pieces.
fn frames(pieces: &[&[u8]]) -> (Vec<String>, Option<FrameError>) {
    let mut framer = Framer::new(&Limits::default());
    let mut seen = Vec::new();
    for piece in pieces {
        framer.push(piece);
        loop {
            match framer.next_frame() {
                Ok(Some(Frame::Message(bytes))) => seen.push(bytes.escape_ascii().to_string()),
                Ok(Some(other)) => seen.push(format!("{other:?}")),
                Ok(None) => break,
                Err(error) => return (seen, Some(error)),
            }
        }
    }
    (seen, None)
}

/// RFC 3261 s18.3, s7.5; RFC 5626 s4.4.1.
#[test]
fn every_split_of_a_stream_frames_alike() {
    let stream = [b"\r\n\r\n", FIRST, b"\r\n", SECOND, FIRST].concat();
    let (whole, error) = frames(&[&stream]);
    assert_eq!(error, None);
    let message = |bytes: &[u8]| bytes.escape_ascii().to_string();
    let expected = [
        "Pong".to_owned(),
        "Ping".to_owned(),
        message(FIRST),
        "Pong".to_owned(),
        message(SECOND),
        message(FIRST),
    ];
    assert_eq!(whole, expected);
    for split in 1..stream.len() {
        let (front, back) = stream.split_at(split);
        assert_eq!(frames(&[front, back]).0, expected, "split at {split}");
    }
    let bytes: Vec<_> = stream.chunks(1).collect();
    assert_eq!(frames(&bytes).0, expected);
}

/// RFC 5626 s4.4.1: who sends pings gets single CRLFs, each of them an answer.
#[test]
fn answers_that_come_one_by_one_are_no_ping() {
    let mut framer = Framer::new(&Limits::default());
    for _ in 0..4 {
        framer.push(b"\r\n");
        assert_eq!(framer.next_frame(), Ok(Some(Frame::Pong)));
        assert_eq!(framer.next_frame(), Ok(None));
        framer.end_of_arrival();
    }
    framer.push(b"\r\n\r\n");
    assert_eq!(framer.next_frame(), Ok(Some(Frame::Pong)));
    assert_eq!(framer.next_frame(), Ok(Some(Frame::Ping)));
}

/// A header section of the largest size that is allowed, and one byte more.
#[test]
fn the_longest_header_section_frames_alike_at_any_split() {
    let limits = Limits::default();
    let head = b"OPTIONS sip:h SIP/2.0\r\nl: 0\r\n";
    for excess in [0, 1] {
        let mut stream = head.to_vec();
        let largest = limits.header_bytes as usize + excess;
        while stream.len() < largest {
            let room = (largest - stream.len() - 5).min(2_000);
            let room = if largest - stream.len() - 5 - room < 5 { room } else { room - 5 };
            stream.extend_from_slice(b"X: ");
            stream.extend(std::iter::repeat_n(b'x', room));
            stream.extend_from_slice(b"\r\n");
            if largest - stream.len() < 5 {
                let missing = largest - stream.len();
                let at = stream.len() - 2;
                stream.splice(at..at, std::iter::repeat_n(b'y', missing));
            }
        }
        assert_eq!(stream.len(), largest);
        stream.extend_from_slice(b"\r\n");
        let (whole, error) = frames(&[&stream]);
        assert_eq!((whole.len(), error.is_some()), (1 - excess, excess == 1));
        let bytes: Vec<_> = stream.chunks(1).collect();
        assert_eq!(frames(&bytes), (whole, error));
    }
}
