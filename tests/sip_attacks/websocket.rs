//! S59, T12: what only a WebSocket can get wrong, over the web listener in the clear and with TLS. The
//! opening handshake has its table in `tests/web_rules/upgrades.rs`.

use std::time::Duration;

use crate::connection::{Connection, Door, End};
use crate::frames::{BINARY, MORE, PING, TEXT, bare_frame, frame, head};
use crate::raw::{CLOSES, Draft};
use crate::site::Site;

const CONTACT: &str = "sip:alice@df7jal23ls0d.invalid;transport=ws";

/// The server hangs up, with this status in its close frame, and carries out nothing of it.
fn assert_closed(door: &Door, name: &str, mut connection: Connection, status: u16) {
    let end = connection.read_to_end(CLOSES);
    let closed = connection.frames.as_ref().and_then(|frames| frames.closed);
    let text = connection.text();
    assert_ne!(end, End::Open, "{name} over {}: {text}", door.name);
    assert_eq!(closed, Some(status), "{name} over {}: {text}", door.name);
    assert!(!text.contains("SIP/2.0 2"), "{name} over {}: {text}", door.name);
}

fn statuses(connection: &Connection) -> Vec<u16> {
    connection.answers().iter().map(|answer| answer.status).collect()
}

/// S59; RFC 6455 s5.1, s7.4.1: 1002 for broken frames, 1009 for too much, 1007 for text that is none.
#[test]
fn frames_against_the_rules_close_a_websocket_with_their_status() {
    let site = Site::new("");
    let register = || site.register("alice", CONTACT).bytes();
    let masked = |first: u8, length: usize| [head(first, 0x80, length), vec![0; 4]].concat();
    for door in site.websockets() {
        for (name, bytes, status) in [
            ("no mask", bare_frame(TEXT, &register()), 1002),
            ("a reserved bit", frame(TEXT | 0x40, &register()), 1002),
            ("an opcode of nobody", frame(0x83, &register()), 1002),
            ("a continuation of nothing", frame(0x80, &register()), 1002),
            ("a ping in pieces", frame(PING & MORE, b"x"), 1002),
            ("a ping of 126 bytes", frame(PING, &[b'x'; 126]), 1002),
            ("text that is none", frame(TEXT, b"\xff\xfe"), 1007),
            ("2 MiB announced", masked(BINARY, 2 << 20), 1009),
            ("2^63 announced", masked(BINARY, 1 << 63), 1009),
            ("64 KiB and a byte", masked(TEXT, (64 << 10) + 1), 1009),
        ] {
            let mut connection = door.connect();
            let _ = connection.write_unframed(&bytes);
            assert_closed(&door, name, connection, status);
        }
    }
    site.assert_calm(0);
}

/// S59: the pieces of a message count as one.
#[test]
fn a_message_in_ten_thousand_pieces_is_whole_or_too_big() {
    let site = Site::new("");
    for door in site.websockets() {
        let pieces = |bytes: &[u8]| {
            let last = bytes.len() - 1;
            let mut wire = Vec::new();
            for (n, byte) in bytes.iter().enumerate() {
                let opcode = if n == 0 { 0x01 } else { 0x00 };
                wire.extend(frame(opcode | if n == last { 0x80 } else { 0 }, &[*byte]));
            }
            wire
        };
        let ping = Draft::ping().with(format!("X: {}", "x".repeat(8_000)));
        let ping = ping.with(format!("Y: {}", "y".repeat(1_800)));
        let mut connection = door.connect();
        let _ = connection.write_unframed(&pieces(&ping.bytes()));
        connection.read_until("SIP/2.0 200 ");
        // One of 1,000 bytes after the other, without an end.
        let mut connection = door.connect();
        for n in 0..70 {
            let opcode = if n == 0 { 0x02 } else { 0x00 };
            let _ = connection.write_unframed(&frame(opcode, &[b'x'; 1_000]));
        }
        assert_closed(&door, "without an end", connection, 1009);
    }
    site.assert_calm(0);
}

/// S59: half a message is told so, and is the last.
#[test]
fn half_a_message_in_a_frame_is_400_and_the_end() {
    let site = Site::new("");
    for door in site.websockets() {
        for opcode in [TEXT, BINARY] {
            let half = Draft::ping().with("Content-Length: 50").body("hello").as_is();
            let mut connection = door.connect();
            let behind = frame(opcode, &site.register("alice", CONTACT).bytes());
            let _ = connection.write_unframed(&[frame(opcode, &half), behind].concat());
            assert_eq!(connection.read_to_end(CLOSES), End::Fin, "{}", door.name);
            assert_eq!(statuses(&connection), [400], "{}", door.name);
            assert!(connection.frames.is_some_and(|frames| frames.closed.is_some()));
        }
    }
    site.assert_calm(0);
}

/// S57, S59: pings are answered, until there are too many of them.
#[test]
fn a_flood_of_pings_ends_a_websocket() {
    let site = Site::new("");
    for door in site.websockets() {
        let mut connection = door.connect();
        let _ = connection.write_unframed(&frame(PING, b"there?"));
        connection.write(&Draft::ping().bytes());
        connection.read_until("SIP/2.0 200 ");
        assert_eq!(connection.frames.as_ref().map(|frames| frames.pongs), Some(1));
        for _ in 0..20 {
            let _ = connection.write_unframed(&frame(PING, b"").repeat(50));
        }
        assert_ne!(connection.read_to_end(CLOSES), End::Open, "{}", door.name);
        let pongs = connection.frames.map_or(0, |frames| frames.pongs);
        assert!(pongs < 200, "{pongs} of 1,000 were answered over {}", door.name);
    }
    site.assert_calm(0);
}

/// S59, T-ws: who opens a connection and never a WebSocket does not stay.
#[test]
fn a_handshake_that_does_not_end_is_cut_off() {
    let site = Site::new("[limits]\nwebsocket_upgrade = \"1s\"\nfirst_byte_to_message = \"2s\"\n");
    for door in site.websockets() {
        let half = "GET /sip HTTP/1.1\r\nHost: campus.test\r\nUpgrade: webs";
        for begun in ["", half] {
            let mut connection = door.connect_unframed();
            connection.write(begun.as_bytes());
            let end = connection.read_to_end(Duration::from_secs(15));
            assert_ne!(end, End::Open, "{begun:?} over {}", door.name);
            assert!(!connection.text().contains("101"), "{}", connection.text());
        }
    }
    site.assert_calm(0);
}

/// S55, T13: SIP without a WebSocket on the web's port is no SIP.
#[test]
fn bare_sip_on_the_port_of_the_web_is_never_answered_as_sip() {
    let site = Site::new("");
    for door in site.websockets() {
        let mut connection = door.connect_unframed();
        connection.write(&site.register("alice", CONTACT).bytes());
        assert_ne!(connection.read_to_end(CLOSES), End::Open, "{}", door.name);
        assert!(!connection.text().contains("SIP/2.0 "), "{}", connection.text());
    }
    site.assert_calm(0);
}
