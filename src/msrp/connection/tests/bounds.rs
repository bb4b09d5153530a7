use super::super::testing::*;
use super::super::*;

fn message(n: u32) -> Vec<u8> {
    send(&format!("chunk{n}"), &format!("Message-ID: number{n}\r\n"), Some("x"), '$')
}

// RFC 4975 s7.3.1: more holes than a set holds
#[test]
fn a_message_in_too_many_parts_is_413() {
    let mut pair = Pair::new();
    for n in 0..=256_u32 {
        let fields = format!("Message-ID: 87652491\r\nByte-Range: {}-*/*\r\n", n * 2 + 1);
        pair.bob.read(&send(&format!("chunk{n}"), &fields, Some("x"), '+')).unwrap();
        let status = if n < 256 { "200 OK" } else { "413 Stop Sending" };
        assert_eq!(pair.bob.text(), answer(&format!("chunk{n}"), status));
    }
    let id = pair.bob.order[0];
    assert_eq!(pair.bob.notices, [Notice::Lost { id, bytes: 256, code: 413 }]);
}

#[test]
fn messages_beyond_those_that_are_received_at_once_are_413() {
    let options = Options { incoming: 3, ..Options::default() };
    let mut pair = Pair::with(options, |_| {});
    for n in 0..5 {
        let fields = format!("Message-ID: number{n}\r\nByte-Range: 1-*/9\r\n");
        pair.bob.read(&send(&format!("chunk{n}"), &fields, Some("x"), '+')).unwrap();
        let status = if n < 3 { "200 OK" } else { "413 Stop Sending" };
        assert_eq!(pair.bob.text(), answer(&format!("chunk{n}"), status));
    }
    // One that was denied makes room.
    pair.bob.connection.deny(pair.bob.order[1], 413);
    pair.bob.write();
    pair.bob.read(&message(9)).unwrap();
    assert_eq!(pair.bob.text(), answer("chunk9", "200 OK"));
}

// security M33: a peer that does not read its answers is not read
#[test]
fn a_peer_that_reads_no_answers_is_not_read() {
    let options = Options { control_bytes: 1_000, ..Options::default() };
    let mut pair = Pair::with(options, |_| {});
    for n in 0..100 {
        pair.bob.read(&message(n)).unwrap();
    }
    assert!(!pair.bob.connection.wants_input());
    let waiting = pair.bob.connection.control.len();
    assert!((1_000..1_500).contains(&waiting), "{waiting}");
    assert!(pair.bob.unread.len() > 5_000, "the rest stays with the caller");
    // Trap "Queue stalls": reading goes on where it stopped.
    for _ in 0..100 {
        pair.bob.write();
        pair.bob.read(b"").unwrap();
    }
    assert_eq!(pair.bob.order.len(), 100);
    assert!(pair.bob.received.values().all(|received| received.complete == Some(1)));
}

#[test]
fn an_application_that_takes_no_notices_is_told_no_more() {
    let options = Options { notices: 10, ..Options::default() };
    let mut pair = Pair::with(options, |_| {});
    let bytes: Vec<u8> = (0..100)
        .flat_map(|n| send(&format!("chunk{n}"), &format!("Message-ID: number{n}\r\n"), None, '$'))
        .collect();
    let mut input = &bytes[..];
    assert!(pair.bob.connection.receive(Tick::ZERO, &mut input).unwrap().is_none());
    assert!(!pair.bob.connection.wants_input() && !input.is_empty());
    let mut told = 0;
    while !input.is_empty() {
        while pair.bob.connection.poll_notice().is_some() {
            told += 1;
        }
        assert!(pair.bob.connection.receive(Tick::ZERO, &mut input).unwrap().is_none());
    }
    while pair.bob.connection.poll_notice().is_some() {
        told += 1;
    }
    assert_eq!(told, 100);
}

#[test]
fn nothing_of_finished_messages_is_kept() {
    let mut pair = Pair::new();
    for _ in 0..10_000 {
        pair.alice.connection.send(Tick::ZERO, pair.a, Message::text("hello")).unwrap();
        pair.run();
        pair.alice.notices.clear();
    }
    for connection in [&pair.alice.connection, &pair.bob.connection] {
        assert_eq!(connection.outgoing.len() + connection.outgoing_by_name.len(), 0);
        assert_eq!(connection.incoming.len() + connection.incoming_by_name.len(), 0);
        assert_eq!(connection.transactions.waiting(), 0);
        assert!(connection.settled.len() <= outcome::REMEMBERED);
    }
}
