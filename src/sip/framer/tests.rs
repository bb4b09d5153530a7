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
