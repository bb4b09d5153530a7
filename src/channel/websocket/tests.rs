use proptest::prelude::*;

use super::*;

const LIMIT: usize = 4 * 1_024;

fn client() -> WebSocket {
    WebSocket::client(64 * LIMIT)
}

/// Everything that `bytes` bring when they come in pieces of `size`.
fn read(websocket: &mut WebSocket, bytes: &[u8], size: usize) -> (Vec<Arrival>, Vec<u8>, bool) {
    let (mut arrivals, mut wire) = (Vec::new(), Vec::new());
    let ended = bytes.chunks(size).any(|chunk| websocket.read(chunk, &mut arrivals, &mut wire));
    (arrivals, wire, ended)
}

proptest! {
    #[test]
    fn whatever_is_written_is_read_at_any_split(
        messages in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..LIMIT), 0..5),
        size in 1_usize..5_000,
    ) {
        let mut wire = Vec::new();
        let mut writer = client();
        for message in &messages {
            writer.write(message, &mut wire);
            writer.ping(&mut wire);
        }
        let (arrivals, answers, ended) = read(&mut WebSocket::server(LIMIT), &wire, size);
        prop_assert!(!ended);
        let read: Vec<_> = arrivals
            .iter()
            .filter_map(|a| if let Arrival::Message(bytes) = a { Some(bytes.to_vec()) } else { None })
            .collect();
        prop_assert_eq!(&read, &messages);
        // Of several pings at once one pong is enough (RFC 6455 s5.5.3).
        prop_assert_eq!(answers.is_empty(), messages.is_empty());
    }

    /// RFC 6455: whatever comes, nothing breaks, and little is answered.
    #[test]
    fn no_bytes_make_a_websocket_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..2_000),
        size in 1_usize..500,
    ) {
        let (_, wire, ended) = read(&mut WebSocket::server(LIMIT), &bytes, size);
        if ended {
            prop_assert!(wire.first() == Some(&0x88) || wire.first() == Some(&0x8a), "{:?}", wire);
        }
    }

    /// The mutated wire of a well-behaved client.
    #[test]
    fn no_damage_makes_a_websocket_panic(at in any::<usize>(), to: u8, size in 1_usize..50) {
        let mut wire = Vec::new();
        let mut writer = client();
        for message in [&b"first"[..], b"second"] {
            writer.write(message, &mut wire);
            writer.ping(&mut wire);
        }
        let at = at % wire.len();
        wire[at] = to;
        let _ = read(&mut WebSocket::server(LIMIT), &wire, size);
    }
}
