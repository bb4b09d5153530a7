//! Peers that do what no peer should, as bytes on a socket.

use std::io;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use tagus::msrp::content::{Accept, Validator, Verdict};
use tagus::msrp::peer::{
    Endpoint, EndpointOptions, Event, Offer, Outbound, ReadAt, ReceiveFailure, SendFailure,
    Session, SessionOptions, Sink, Source, WriteAt,
};
use tokio::net::TcpListener;

use crate::bytes::{OURS, Raw, hello, send};
use crate::pair::{ANYWHERE, incoming, message, pair, plain, soon};

fn impatient() -> Endpoint {
    let mut options = EndpointOptions::new("127.0.0.1");
    options.head_patience = Duration::from_millis(200);
    options.body_patience = Duration::from_millis(200);
    Endpoint::new(options).expect("an endpoint")
}

/// An endpoint that listens, and its port.
async fn listening(endpoint: &Endpoint) -> u16 {
    endpoint.listen(ANYWHERE).await.expect("a port").port()
}

/// Binds the session of an offer to a connection.
async fn bind(raw: &mut Raw, offer: Offer, id: &str) -> (String, Session) {
    let to = offer.path().to_string();
    let waiting = offer.wait(None);
    raw.write(hello(&to, id)).await;
    let session = soon(waiting).await.expect("bound");
    assert_eq!(raw.code().await, "200");
    (to, session)
}

async fn closed(session: &mut Session) {
    soon(async {
        loop {
            match session.next().await {
                Some(Event::Closed) => return,
                Some(_) => {}
                None => panic!("it does not say that it is closed"),
            }
        }
    })
    .await;
}

// security M03: a head that does not end; one that never begins may take for ever.
#[tokio::test]
async fn a_head_that_does_not_end_closes_its_connection_and_no_other() {
    let endpoint = impatient();
    let port = listening(&endpoint).await;
    let options = SessionOptions::default;
    let mut quiet = Raw::connect(port).await;
    let (to, mut patient) = bind(&mut quiet, endpoint.offer(false, options()), "aaaa").await;
    let mut slow = Raw::connect(port).await;
    let (_, mut session) = bind(&mut slow, endpoint.offer(false, options()), "bbbb").await;
    slow.write("MSRP cccc SEND\r\nTo-Path: msrp://").await;
    closed(&mut session).await;
    slow.ends().await;
    quiet.write(send(&to, "dddd", "", "still there", '$')).await;
    assert_eq!(message_of(&mut patient).await, "still there");
    assert_eq!(quiet.code().await, "200");
}

/// The next message, taken whatever it is.
async fn message_of(session: &mut Session) -> String {
    let event = soon(async {
        loop {
            match session.next().await {
                Some(Event::Alive) => {}
                other => return other,
            }
        }
    });
    match event.await {
        Some(Event::Message(whole)) => String::from_utf8_lossy(&whole.body).into_owned(),
        Some(Event::Incoming(incoming)) => {
            let mut receiving = incoming.accept(Sink::memory(1 << 20)).await;
            let received = soon(receiving.finished()).await.expect("all of it");
            String::from_utf8_lossy(&received.memory).into_owned()
        }
        other => panic!("{other:?}"),
    }
}

// security M03: a body that stops. What has come of it can be gone on with.
#[tokio::test]
async fn a_body_that_stops_closes_its_connection_and_what_came_is_kept() {
    let endpoint = impatient();
    let port = listening(&endpoint).await;
    let mut raw = Raw::connect(port).await;
    let (to, mut session) =
        bind(&mut raw, endpoint.offer(false, SessionOptions::default()), "aaaa").await;
    let whole = send(&to, "bbbb", "Byte-Range: 1-*/900000\r\n", &"x".repeat(900_000), '$');
    raw.write(&whole.as_bytes()[..300_000]).await;
    let mut receiving = incoming(&mut session).await.accept(Sink::memory(1 << 20)).await;
    let lost = soon(receiving.finished()).await.expect_err("lost");
    let ReceiveFailure::Lost { bytes, state: Some(state) } = lost else { panic!("{lost:?}") };
    assert!(bytes > 290_000 && state.received.prefix() == bytes, "{bytes}");
    closed(&mut session).await;
    raw.ends().await;
}

// security M01, S55: what is no MSRP.
#[tokio::test]
async fn what_is_no_msrp_is_closed_without_a_word() {
    let endpoint = plain();
    let port = listening(&endpoint).await;
    let id = "a".repeat(200);
    for bytes in [
        "GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(),
        "MSRP\r\n".to_owned(),
        "MSRP \r\n".to_owned(),
        format!("MSRP {id} SEND\r\n"),
        "MSRP a b c d SEND\r\n".to_owned(),
        "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}".to_owned(),
        format!("MSRP abcd SEND\r\nX: {}", "y".repeat(17_000)),
    ] {
        let mut raw = Raw::connect(port).await;
        raw.write(&bytes).await;
        assert_eq!(raw.next().await, None, "{}", &bytes[..bytes.len().min(40)]);
    }
}

// RFC 4975 s5.4, s10.10; security M11: a session is its first connection's.
#[tokio::test]
async fn a_second_connection_does_not_get_a_session_that_is_in_use() {
    let endpoint = plain();
    let port = listening(&endpoint).await;
    let mut first = Raw::connect(port).await;
    let (to, mut session) =
        bind(&mut first, endpoint.offer(false, SessionOptions::default()), "aaaa").await;
    let mut second = Raw::connect(port).await;
    for id in ["bbbb", "cccc"] {
        second.write(send(&to, id, "", "stolen", '$')).await;
        assert_eq!(second.code().await, "506");
    }
    // Nor does a report reach it from there, or an answer come.
    second
        .write(format!(
            "MSRP dddd REPORT\r\nTo-Path: {to}\r\nFrom-Path: {OURS}\r\nMessage-ID: x\r\n\
             Status: 000 200 OK\r\n-------dddd$\r\n"
        ))
        .await;
    second.write(send(&to, "eeee", "Failure-Report: no\r\n", "quiet", '$')).await;
    second.write(hello(&to, "ffff")).await;
    assert_eq!(second.code().await, "506");
    first.write(send(&to, "gggg", "", "mine", '$')).await;
    assert_eq!(message_of(&mut session).await, "mine");
    assert_eq!(first.code().await, "200");
}

// RFC 4975 s5.4: `msrps` is TLS, on whatever port somebody comes.
#[cfg(feature = "msrp-self-signed")]
#[tokio::test]
async fn a_session_over_tls_is_not_had_without() {
    let identity = tagus::msrp::peer::Identity::self_signed(&["127.0.0.1"]).expect("one");
    let endpoint = crate::pair::secure(&identity);
    let port = listening(&endpoint).await;
    endpoint.listen_tls(ANYWHERE).await.expect("a port");
    let offer = endpoint.offer(true, SessionOptions::default());
    let path = offer.path().clone();
    let waiting = offer.wait(None);
    let mut raw = Raw::connect(port).await;
    raw.write(hello(&path.to_string(), "aaaa")).await;
    assert_eq!(raw.code().await, "481");
    // Who comes as he should still gets it.
    let active = endpoint.connect(&path, SessionOptions::default()).await;
    assert!(active.is_ok() && soon(waiting).await.is_ok());
}

// A file is taken by its size; a peer that sends more is stopped.
#[tokio::test]
async fn a_file_that_is_larger_than_its_sender_told_is_stopped() {
    let endpoint = plain();
    let port = listening(&endpoint).await;
    let mut raw = Raw::connect(port).await;
    let (to, mut session) =
        bind(&mut raw, endpoint.offer(false, SessionOptions::default()), "aaaa").await;
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("file");
    let body = "x".repeat(100_000);
    raw.write(send(&to, "bbbb", "Byte-Range: 1-*/100000\r\n", &body, '+')).await;
    let sink = Sink::from(std::fs::File::create(&path).expect("a file"));
    let mut receiving = incoming(&mut session).await.accept(sink).await;
    assert_eq!(raw.code().await, "200");
    let more = send(&to, "cccc", "Byte-Range: 100001-*/100000\r\n", &body, '+');
    raw.write(more.replace("mcccc", "mbbbb")).await;
    assert_eq!(raw.code().await, "413");
    let lost = soon(receiving.finished()).await.expect_err("stopped");
    assert!(matches!(lost, ReceiveFailure::Sink(_)), "{lost:?}");
    assert!(std::fs::metadata(&path).expect("a file").len() <= 100_000);
}

// RFC 4975 s7.3.1: the chunk with `$` defines the length, whatever came behind it before.
#[tokio::test]
async fn a_message_is_as_long_as_its_last_chunk_says() {
    let endpoint = plain();
    let port = listening(&endpoint).await;
    let mut raw = Raw::connect(port).await;
    let (to, mut session) =
        bind(&mut raw, endpoint.offer(false, SessionOptions::default()), "aaaa").await;
    raw.write(send(&to, "bbbb", "Byte-Range: 1-*/8\r\n", "abcdefgh", '+')).await;
    let end = send(&to, "cccc", "Byte-Range: 3-*/8\r\n", "CD", '$');
    raw.write(end.replace("mcccc", "mbbbb")).await;
    assert_eq!(message_of(&mut session).await, "abCD");
}

/// Blocks until it is opened.
#[derive(Clone, Default)]
struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    fn open(&self) {
        *self.0.0.lock().expect("no panic") = true;
        self.0.1.notify_all();
    }

    fn pass(&self) {
        let mut open = self.0.0.lock().expect("no panic");
        while !*open {
            open = self.0.1.wait(open).expect("no panic");
        }
    }
}

impl WriteAt for Gate {
    fn write_at(&self, _: u64, _: &[u8]) -> io::Result<()> {
        self.pass();
        Ok(())
    }
}

impl ReadAt for Gate {
    fn read_at(&self, _: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.pass();
        buffer.fill(7);
        Ok(buffer.len())
    }

    fn size(&self) -> Option<u64> {
        Some(1_000_000)
    }
}

// Several sessions end with their connection, each by itself.
#[tokio::test]
async fn a_sink_that_is_stuck_keeps_no_other_session_from_its_end() {
    let endpoint = plain();
    let port = listening(&endpoint).await;
    let mut raw = Raw::connect(port).await;
    let mut others = Vec::new();
    for id in ["aaaa", "bbbb", "cccc"] {
        let offer = endpoint.offer(false, SessionOptions::default());
        others.push(bind(&mut raw, offer, id).await);
    }
    let (to, mut stuck) = others.swap_remove(1);
    raw.write(send(&to, "dddd", "Byte-Range: 1-*/100000\r\n", &"x".repeat(90_000), '+')).await;
    let gate = Gate::default();
    let mut receiving = incoming(&mut stuck).await.accept(Sink::at(gate.clone())).await;
    assert_eq!(raw.code().await, "200");
    drop(raw);
    for (_, session) in &mut others {
        closed(session).await;
    }
    // Its own end comes behind what its sink has.
    gate.open();
    closed(&mut stuck).await;
    let lost = soon(receiving.finished()).await.expect_err("lost");
    assert!(matches!(lost, ReceiveFailure::Lost { bytes: 90_000, .. }), "{lost:?}");
}

// RFC 4975 s7.1.1: a source that blocks holds its own message alone.
#[tokio::test]
async fn a_source_that_is_stuck_does_not_hold_a_line() {
    let mut pair = pair().await;
    let gate = Gate::default();
    let how = Outbound::new("application/octet-stream");
    let mut sending = pair.active.send(how, Source::at(gate.clone())).await;
    let mut receiving = incoming(&mut pair.passive).await.accept(Sink::memory(1 << 20)).await;
    for number in 0..5 {
        let mut there = pair.active.text(format!("there {number}")).await;
        assert_eq!(message(&mut pair.passive).await.body, format!("there {number}"));
        let mut back = pair.passive.text(format!("back {number}")).await;
        assert_eq!(message(&mut pair.active).await.body, format!("back {number}"));
        // Answers go both ways, too.
        assert_eq!(soon(there.finished()).await, Ok(()));
        assert_eq!(soon(back.finished()).await, Ok(()));
    }
    gate.open();
    assert_eq!(soon(receiving.finished()).await.expect("all of it").length, 1_000_000);
    assert_eq!(soon(sending.finished()).await, Ok(()));
}

// Who no longer waits gets no session, also when its peer has just come.
#[tokio::test]
async fn a_session_that_nobody_waits_for_any_more_ends() {
    let endpoint = plain();
    let port = listening(&endpoint).await;
    let offer = endpoint.offer(false, SessionOptions::default());
    let to = offer.path().to_string();
    let waiting = offer.wait(None);
    let mut raw = Raw::connect(port).await;
    raw.write(hello(&to, "aaaa")).await;
    assert_eq!(raw.code().await, "200");
    drop(waiting);
    // The end of the session goes its way through the connection's task.
    let mut codes = Vec::new();
    for number in 0..1_000 {
        raw.write(hello(&to, &format!("b{number:03}"))).await;
        codes.push(raw.code().await);
        if codes.last().is_some_and(|code| code == "481") {
            return;
        }
    }
    panic!("{codes:?}");
}

// RFC 4975 s5.4: sharing a connection is a SHOULD; a peer that takes one session a connection gets
// another connection.
#[tokio::test]
async fn a_peer_that_takes_one_session_a_connection_gets_another() {
    let listener = TcpListener::bind(ANYWHERE).await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let far_end = tokio::spawn(async move {
        let mut first = Raw::accept(&listener).await;
        first.answer("200 OK").await;
        first.answer("506 In Use").await;
        let mut second = Raw::accept(&listener).await;
        second.answer("200 OK").await;
        // A session that is known nowhere is refused all the same.
        second.answer("481 Gone").await;
        let mut third = Raw::accept(&listener).await;
        third.answer("481 Gone").await;
        (first, second, third)
    });
    let endpoint = plain();
    let path = |name: &str| {
        let text = format!("msrp://{address}/{name};tcp");
        tagus::msrp::Path::parse(&text).expect("a path")
    };
    let mut sessions = Vec::new();
    for name in ["first", "second"] {
        let session = soon(endpoint.connect(&path(name), SessionOptions::default())).await;
        sessions.push(session.expect("connected"));
    }
    let refused = soon(endpoint.connect(&path("third"), SessionOptions::default())).await;
    let refused = refused.expect_err("refused").to_string();
    assert!(refused.contains("481"), "{refused}");
    drop(soon(far_end).await.expect("no panic"));
}

// RFC 4975 s10.8: a far end that restarts in the middle of a message.
#[tokio::test]
async fn a_file_that_is_refused_with_481_in_the_middle_can_be_resumed() {
    let listener = TcpListener::bind(ANYWHERE).await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let far_end = tokio::spawn(async move {
        let mut raw = Raw::accept(&listener).await;
        raw.answer("200 OK").await;
        let small = raw.answer("200 OK").await;
        assert!(small.contains("Byte-Range: 1-*/300000\r\n"), "{small}");
        raw.answer("481 Gone").await;
        raw
    });
    let path = tagus::msrp::Path::parse(&format!("msrp://{address}/far;tcp")).expect("a path");
    let options = SessionOptions { largest_chunk: Some(50_000), ..SessionOptions::default() };
    let session = soon(plain().connect(&path, options)).await.expect("connected");
    let how = Outbound::new("application/octet-stream");
    let mut sending = session.send(how, Source::memory(vec![b'x'; 300_000])).await;
    let failure = soon(sending.finished()).await.expect_err("refused");
    let state = failure.state().expect("a state");
    assert_eq!((state.confirmed.prefix(), state.total), (50_000, Some(300_000)));
    assert!(matches!(failure, SendFailure::Refused { code: 481, .. }), "{failure:?}");
    drop(far_end);
}

/// Is not what it should be.
#[derive(Debug)]
struct Faulty;

impl Validator for Faulty {
    fn look(&self, _: &Accept, _: &str, _: &[u8], _: bool) -> Verdict {
        panic!("a fault of the application");
    }
}

// A part of the application that panics ends its connection, and leaves nobody waiting.
#[tokio::test]
async fn a_validator_that_panics_ends_the_sessions_of_its_connection() {
    let endpoint = plain();
    let port = listening(&endpoint).await;
    let mut raw = Raw::connect(port).await;
    let validator: Arc<dyn Validator> = Arc::new(Faulty);
    let faulty = SessionOptions { validator: Some(validator), ..SessionOptions::default() };
    let (to, mut session) = bind(&mut raw, endpoint.offer(false, faulty), "aaaa").await;
    let mut sending = session.text("never answered").await;
    raw.write(send(&to, "bbbb", "Byte-Range: 1-1/1\r\n", "x", '$')).await;
    closed(&mut session).await;
    assert!(soon(sending.finished()).await.is_err());
}

// RFC 4975 s5.4: many sessions on one connection, each with its own messages.
#[tokio::test]
async fn three_hundred_sessions_share_a_connection_and_mix_nothing_up() {
    let (left, right) = (plain(), plain());
    listening(&right).await;
    let mut sessions = Vec::new();
    for _ in 0..300 {
        let offer = right.offer(false, SessionOptions::default());
        let path = offer.path().clone();
        let waiting = offer.wait(None);
        let active = soon(left.connect(&path, SessionOptions::default())).await;
        sessions.push((active.expect("connected"), soon(waiting).await.expect("bound")));
    }
    let mut lines = Vec::new();
    for round in 0..4 {
        for (number, (active, _)) in sessions.iter().enumerate() {
            lines.push(active.text(format!("{number} {round}")).await);
        }
    }
    for round in 0..4 {
        for (number, (_, passive)) in sessions.iter_mut().enumerate() {
            assert_eq!(message(passive).await.body, format!("{number} {round}"));
        }
    }
    for line in &mut lines {
        assert_eq!(soon(line.finished()).await, Ok(()));
    }
}
