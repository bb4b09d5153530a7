//! MSRP: the framer and heads, URIs and paths, and whole connections against whatever comes.

use tagus::clock::Tick;
use tagus::msrp::framer::{FrameError, Framer, Piece};
use tagus::msrp::head::ByteRange;
use tagus::msrp::{
    Arrival, Connection, IncomingState, Message, Options, OutgoingState, Path, Setup, Transmit, Uri,
};

use super::mutate::Dice;

/// MSRP as peers write it: the examples of RFC 4975 and RFC 4976, and what lies at their edges.
pub(crate) const CORPUS: &[&str] = &[
    "MSRP a786hjs2 SEND\nTo-Path: msrp://b.example:1/bob;tcp\nFrom-Path: msrp://a.example:1/ana;tcp\n\
     Message-ID: 87652491\nByte-Range: 1-25/25\nContent-Type: text/plain\n\nHey Bob, are you there?\n\
     -------a786hjs2$\nMSRP a786hjs2 200 OK\nTo-Path: msrp://a.example:1/ana;tcp\n\
     From-Path: msrp://b.example:1/bob;tcp\n-------a786hjs2$\n",
    "MSRP dkei38sd SEND\nTo-Path: msrp://b.example:1/bob;tcp\nFrom-Path: msrp://a.example:1/ana;tcp\n\
     Message-ID: 4564dpWd\nByte-Range: 1-*/8\nSuccess-Report: yes\nContent-Type: text/plain\n\nabcd\n\
     -------dkei38sd+\nMSRP dkei38ia SEND\nTo-Path: msrp://b.example:1/bob;tcp\n\
     From-Path: msrp://a.example:1/ana;tcp\nMessage-ID: 4564dpWd\nByte-Range: 5-8/8\n\
     Success-Report: yes\nFailure-Report: partial\nContent-Type: text/plain\n\nEFGH\n-------dkei38ia$\n",
    "MSRP dkei38sd REPORT\nTo-Path: msrps://b.example:1/bob;tcp\n\
     From-Path: msrps://r.example:2855/x;tcp msrp://a.example:1/ana;tcp\nMessage-ID: 12339sdqwer\n\
     Byte-Range: 1-106/106\nStatus: 000 200 OK\n-------dkei38sd$\n",
    "MSRP 49fh AUTH\nTo-Path: msrps://alice@intra.example.com;tcp\n\
     From-Path: msrps://alice.example.com:9892/98cjs;tcp\nExpires: 900\n-------49fh$\n\
     MSRP 49fh 401 Unauthorized\nTo-Path: msrps://alice.example.com:9892/98cjs;tcp\n\
     From-Path: msrps://alice@intra.example.com;tcp\n\
     WWW-Authenticate: Digest realm=\"intra.example.com\", qop=\"auth\", nonce=\"dcd98b71\"\n-------49fh$\n",
    "MSRP 1234abcd SEND\nTo-Path: msrp://b.example:1/bob;tcp\nFrom-Path: msrp://[::1]:9/ana;tcp\n\
     Message-ID: 8765\nByte-Range: 1-0/0\nFailure-Report: no\n-------1234abcd#\n",
    "tagus-msrp-incoming 1\nmessage-id k3j9abcd\ncontent-type text/plain\ntotal 100\nlength *\n\
     reports yes partial\nbytes 0-10 20-40\n",
];

#[derive(Debug, Default, PartialEq, Eq)]
struct Cut {
    heads: Vec<String>,
    bodies: Vec<Vec<u8>>,
    ends: usize,
    error: Option<FrameError>,
}

fn cut(parts: &[&[u8]]) -> Cut {
    let mut framer = Framer::default();
    let mut seen = Cut::default();
    let mut kept = Vec::new();
    for part in parts {
        kept.extend_from_slice(part);
        let mut input = &kept[..];
        loop {
            match framer.next(&mut input) {
                Ok(Some(Piece::Head(head))) => {
                    let _ = (head.to(), head.from(), head.status_code());
                    seen.heads.push(format!("{:?} {:?}", head.start, head.defect));
                    seen.bodies.push(Vec::new());
                }
                Ok(Some(Piece::Body(bytes))) => {
                    assert!(!bytes.is_empty());
                    seen.bodies.last_mut().unwrap().extend_from_slice(bytes);
                }
                Ok(Some(Piece::End(_))) => seen.ends += 1,
                Ok(None) => break,
                Err(error) => {
                    seen.error = Some(error);
                    return seen;
                }
            }
        }
        kept = input.to_vec();
    }
    seen
}

pub(crate) fn stream(bytes: &[u8], dice: &mut Dice) {
    let whole = cut(&[bytes]);
    let at = dice.below(bytes.len() + 1);
    let (head, tail) = bytes.split_at(at);
    assert_eq!(cut(&[head, tail]), whole, "split at {at}");
    let given: usize = whole.bodies.iter().map(Vec::len).sum();
    assert!(given <= bytes.len());
}

pub(crate) fn names(bytes: &[u8], dice: &mut Dice) {
    for part in [bytes, dice.part(bytes)] {
        let text = String::from_utf8_lossy(part);
        if let Ok(uri) = Uri::parse(&text) {
            assert!(uri.as_str() == text && uri.matches(&uri));
        }
        if let Ok(path) = Path::parse(&text) {
            assert_eq!(Path::parse(&path.to_string()), Ok(path));
        }
        let _ = ByteRange::parse(part);
        if let Ok(state) = IncomingState::decode(&text) {
            assert_eq!(IncomingState::decode(&state.encode()), Ok(state));
        }
        if let Ok(state) = OutgoingState::decode(&text) {
            assert_eq!(OutgoingState::decode(&state.encode()), Ok(state));
        }
    }
}

/// Whatever comes, a connection answers what a framer can read, holds no more than its bounds, and
/// hands out only bytes that it was given.
pub(crate) fn connection(bytes: &[u8], dice: &mut Dice) {
    let uri = |text: &str| Uri::parse(text).unwrap();
    let options = Options { incoming: 4, control_bytes: 2_000, ..Options::default() };
    let mut connection = Connection::new(options);
    let own = uri("msrp://b.example:1/bob;tcp");
    let peer = Path::from(uri("msrp://a.example:1/ana;tcp"));
    let session = connection.add_session(Setup::new(own, peer));
    let now = Tick::ZERO;
    let _ = connection.send(now, session, Message::text("hello"));
    let mut out = Vec::new();
    let mut input = bytes;
    let mut announced = None;
    let mut steps = 0;
    loop {
        steps += 1;
        assert!(steps < 10_000, "it goes round in circles");
        let before = input.len();
        match connection.receive(now, &mut input) {
            Err(_) => break,
            Ok(Some(Arrival::Message(message))) => announced = Some(message.id),
            Ok(Some(Arrival::Body { bytes: part, .. })) => {
                let (part, whole) = (part.as_ptr_range(), bytes.as_ptr_range());
                assert!(whole.start <= part.start && part.end <= whole.end);
            }
            Ok(Some(_)) => {}
            Ok(None) => {
                while connection.poll_notice().is_some() {}
                out.clear();
                let _ = connection.transmit(now, &mut out);
                assert!(out.len() < 200_000);
                let decided = connection.is_waiting();
                match announced.take() {
                    Some(id) if dice.below(4) > 0 => connection.accept(id),
                    Some(id) => connection.deny(id, 413),
                    None => connection.refuse(tagus::msrp::Refusal::NoSession),
                }
                if !decided && out.is_empty() && input.len() == before {
                    break;
                }
            }
        }
    }
    connection.close();
    while connection.poll_notice().is_some() {}
    assert_eq!(connection.transmit(now, &mut Vec::new()), Transmit::Idle);
}
