//! Two peers without anything between them.

use std::fs::File;

use tagus::msrp::peer::{Event, Outbound, SendEvent, Sink, Source};
use tagus::msrp::{By, Granularity};

use crate::pair::{file, incoming, message, noise, pair, soon};

// features 1.2 "Non-TLS RFC 4975 peer"
#[tokio::test]
async fn chat_goes_both_ways() {
    let mut pair = pair().await;
    for round in 0..50 {
        let mut there = pair.active.text(format!("there {round}")).await;
        assert_eq!(message(&mut pair.passive).await.body, format!("there {round}"));
        let mut back = pair.passive.text(format!("back {round}")).await;
        assert_eq!(message(&mut pair.active).await.body, format!("back {round}"));
        assert_eq!(soon(there.finished()).await, Ok(()));
        assert_eq!(soon(back.finished()).await, Ok(()));
    }
}

// features 1.2 "Storage abstraction (file, memory)"
#[tokio::test(flavor = "multi_thread")]
async fn a_file_goes_from_disk_to_disk() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut pair = pair().await;
    for length in [1, 2_047, 2_048, 2_049, 70_000, 1_219_974, 16_742_799] {
        let bytes = noise(length, 7);
        let from = file(directory.path(), "from", &bytes);
        let to = directory.path().join("to");
        let how = Outbound::new("application/octet-stream")
            .report()
            .progress(Granularity::EveryPercent(10));
        let mut sending = pair.active.send(how, Source::file(&from).expect("a source")).await;
        let header;
        if length > 64 * 1_024 {
            let announced = incoming(&mut pair.passive).await;
            header = announced.header().clone();
            let sink = Sink::from(File::create(&to).expect("a file"));
            let mut receiving = announced.accept(sink).await;
            let received = soon(receiving.finished()).await.expect("all of it");
            assert_eq!(received.length, length as u64);
            assert!(std::fs::read(&to).expect("a file") == bytes, "{length}");
        } else {
            let whole = message(&mut pair.passive).await;
            header = whole.header;
            assert!(whole.body == bytes, "{length}");
        }
        assert_eq!(header.size, Some(length as u64));
        let (mut last, mut reported) = (0, 0);
        while let Some(event) = soon(sending.next()).await {
            match event {
                SendEvent::Progress { sent, total } => {
                    assert!(sent >= last && total == Some(length as u64));
                    last = sent;
                }
                SendEvent::Reported { received, whole } => {
                    assert!(received >= reported);
                    reported = received;
                    assert!(!whole || received == length as u64);
                }
                SendEvent::Failed(failure) => panic!("{failure}"),
                _ => {}
            }
        }
        assert_eq!((last, reported), (length as u64, length as u64));
    }
}

// features 1.2 "Aborted-message event"
#[tokio::test]
async fn an_abort_from_either_side_is_told_to_both() {
    use tagus::msrp::peer::{ReceiveFailure, SendFailure};
    let mut pair = pair().await;
    for by_sender in [true, false] {
        let (reader, _writer) = tokio::io::simplex(1_000);
        let how = Outbound::new("application/octet-stream");
        let mut sending = pair.active.send(how, Source::reader(reader, Some(1_000_000))).await;
        let mut writer = _writer;
        tokio::io::AsyncWriteExt::write_all(&mut writer, &[7; 900]).await.expect("room");
        let mut receiving = incoming(&mut pair.passive).await.accept(Sink::memory(1 << 20)).await;
        if by_sender {
            sending.abort().await;
        } else {
            receiving.abort().await;
        }
        let failure = soon(sending.finished()).await.expect_err("aborted");
        let lost = soon(receiving.finished()).await.expect_err("aborted");
        let SendFailure::Aborted { by, .. } = failure else { panic!("{failure:?}") };
        assert_eq!(by, if by_sender { By::Local } else { By::Remote });
        let ReceiveFailure::Aborted { by, .. } = lost else { panic!("{lost:?}") };
        assert_eq!(by, if by_sender { By::Remote } else { By::Local });
        // The session goes on.
        let _ = pair.active.text("still there").await;
        assert_eq!(message(&mut pair.passive).await.body, "still there");
    }
}

// features 1.2 "Accept / deny incoming message"
#[tokio::test]
async fn a_denied_message_fails_with_the_code_and_stops() {
    use tagus::msrp::peer::SendFailure;
    let mut pair = pair().await;
    for code in [413, 415, 403] {
        let how = Outbound::new("application/octet-stream");
        let mut sending = pair.active.send(how, Source::memory(noise(10_000_000, 3))).await;
        incoming(&mut pair.passive).await.deny(code).await;
        match soon(sending.finished()).await {
            Err(SendFailure::Refused { code: told, .. }) => assert_eq!(told, code),
            Err(SendFailure::Aborted { by: By::Remote, bytes }) => {
                assert!(code == 413 && bytes < 10_000_000, "{bytes}");
            }
            other => panic!("{code}: {other:?}"),
        }
    }
}

// RFC 4975 s5.4
#[tokio::test]
async fn who_connects_to_a_uri_that_nobody_offered_is_481() {
    use tagus::msrp::Path;
    use tagus::msrp::peer::{OpenError, SessionOptions};
    let pair = pair().await;
    let nobody = format!("msrp://127.0.0.1:{}/nobodyofthisname0000;tcp", pair.port);
    let path = Path::parse(&nobody).expect("a path");
    let refused = crate::pair::plain().connect(&path, SessionOptions::default()).await;
    assert!(matches!(refused, Err(OpenError::Refused { code: 481, .. })), "{refused:?}");
}

// RFC 4975 s5.4: the end of the connection is the end of the session.
#[tokio::test]
async fn the_end_of_one_side_is_told_to_the_other() {
    let mut pair = pair().await;
    drop(pair.active);
    drop(pair.passive.text("into the void").await);
    let closed = soon(async {
        loop {
            match pair.passive.next().await {
                Some(Event::Closed | Event::Failed { .. }) => return true,
                Some(_) => {}
                None => return false,
            }
        }
    });
    assert!(closed.await);
}

// features 1.2 "Non-TLS RFC 4975 peer": everything that goes between two of us, read by tshark.
#[tokio::test(flavor = "multi_thread")]
async fn tshark_reads_chat_files_aborts_and_reports_of_ours() {
    use crate::tshark::Capture;
    let mut pair = pair().await;
    let capture = Capture::start(pair.port);
    let text = "All work and no play.\r\n".repeat(20_000);
    for inward in [true, false] {
        let (sender, receiver) = if inward {
            (&pair.active, &mut pair.passive)
        } else {
            (&pair.passive, &mut pair.active)
        };
        let mut line = sender.send(Outbound::text().report(), "a line").await;
        assert_eq!(message(receiver).await.body, "a line");
        assert_eq!(soon(line.finished()).await, Ok(()));
        let how = Outbound::text().report();
        let mut whole = sender.send(how, Source::memory(text.clone().into_bytes())).await;
        let mut receiving = incoming(receiver).await.accept(Sink::memory(1 << 20)).await;
        let received = soon(receiving.finished()).await.expect("all of it");
        assert!(received.memory == text);
        assert_eq!(soon(whole.finished()).await, Ok(()));
        let (reader, mut writer) = tokio::io::simplex(10_000);
        let how = Outbound::text();
        let mut sending = sender.send(how, Source::reader(reader, Some(100_000))).await;
        tokio::io::AsyncWriteExt::write_all(&mut writer, &[b'x'; 9_000]).await.expect("room");
        let mut receiving = incoming(receiver).await.accept(Sink::memory(1 << 20)).await;
        sending.abort().await;
        assert!(soon(receiving.finished()).await.is_err());
        assert!(soon(sending.finished()).await.is_err());
    }
    let seen = capture.dissect();
    seen.expect_clean();
    // Of several messages in one segment tshark counts the first.
    assert!(seen.count("SEND") >= 6 && seen.count("200") >= 4, "{:?}", seen.messages);
}

/// A place that keeps nothing.
struct Nowhere;

impl tagus::msrp::peer::WriteAt for Nowhere {
    fn write_at(&self, _: u64, _: &[u8]) -> std::io::Result<()> {
        Ok(())
    }
}

// features 1.3 "Prioritisation and fair use": one thread has both ends, and the application is in
// `block_on`, which has no turn while tasks wake themselves.
#[tokio::test]
async fn the_application_has_turns_while_a_file_goes_in_its_own_thread() {
    const LENGTH: u64 = 200_000_000;
    let mut pair = pair().await;
    let directory = tempfile::tempdir().expect("a directory");
    let large = directory.path().join("large");
    File::create(&large).expect("a file").set_len(LENGTH).expect("room");
    let how = Outbound::new("application/octet-stream");
    drop(pair.active.send(how, Source::file(&large).expect("a source")).await);
    let receiving = incoming(&mut pair.passive).await.accept(Sink::at(Nowhere)).await;
    let mut turns = 0_u32;
    while receiving.received() < LENGTH {
        turns += 1;
        tokio::task::yield_now().await;
    }
    assert!(turns >= 100, "{turns}");
}

/// Bytes that may go between a line's sending and its last byte: at 21 MB/s, 50 ms.
const BEFORE_A_LINE: u64 = 1_024 * 1_024;

/// Counts what goes out, and notes where each line ends.
#[derive(Default)]
struct Wire {
    gone: u64,
    lines: Vec<u64>,
}

// features 1.3 "Prioritisation and fair use": a chat line beside two files of 100 MB. What stands before
// it is counted in bytes, which no load of the machine changes.
#[tokio::test]
async fn before_a_chat_line_goes_no_more_than_a_mebibyte_of_two_files_of_100_mb() {
    use std::sync::{Arc, Mutex};
    use tagus::msrp::Priority;
    use tagus::msrp::peer::{Direction, Endpoint, EndpointOptions, SessionOptions, WireDump};
    let wire = Arc::new(Mutex::new(Wire::default()));
    let mut options = EndpointOptions::new("127.0.0.1");
    let seen = Arc::clone(&wire);
    options.dump = Some(WireDump::new(move |direction, bytes| {
        if direction == Direction::Out {
            let mut wire = seen.lock().expect("no panic");
            for at in memchr::memmem::find_iter(bytes, b"the line ends here") {
                let end = wire.gone + at as u64;
                wire.lines.push(end);
            }
            wire.gone += bytes.len() as u64;
        }
    }));
    let (left, right) = (Endpoint::new(options).expect("an endpoint"), crate::pair::plain());
    let port = right.listen(crate::pair::ANYWHERE).await.expect("a port").port();
    let session = SessionOptions::default;
    let mut pair = crate::pair::join(left, right, false, port, session(), session()).await;
    let directory = tempfile::tempdir().expect("a directory");
    let large = directory.path().join("large");
    File::create(&large).expect("a file").set_len(100_000_000).expect("room");
    let mut receiving = Vec::new();
    // One beside the line by its priority, one below it.
    for (number, priority) in [Priority::Normal, Priority::Bulk].into_iter().enumerate() {
        let how = Outbound::new("application/octet-stream").priority(priority);
        drop(pair.active.send(how, Source::file(&large).expect("a source")).await);
        let to = directory.path().join(format!("to{number}"));
        let sink = Sink::from(File::create(&to).expect("a file"));
        receiving.push(incoming(&mut pair.passive).await.accept(sink).await);
    }
    let mut before = Vec::new();
    while receiving.iter().all(|one| one.received() < 90_000_000) {
        // One thread runs everything: between these two lines, nothing goes.
        let gone = wire.lock().expect("no panic").gone;
        let mut line = pair.active.text("the line ends here").await;
        assert_eq!(message(&mut pair.passive).await.body, "the line ends here");
        soon(line.finished()).await.expect("answered");
        let ended = wire.lock().expect("no panic").lines.pop().expect("it went");
        before.push(ended - gone);
    }
    for one in &mut receiving {
        assert_eq!(soon(one.finished()).await.expect("all of it").length, 100_000_000);
    }
    let most = before.iter().max().expect("some");
    println!("{} lines, at most {most} bytes before one", before.len());
    assert!(before.len() >= 10, "{before:?}");
    assert!(*most < BEFORE_A_LINE, "{most} of {before:?}");
}

// RFC 4975 s6.2: whichever of the name's addresses comes first, one of them answers.
#[tokio::test]
async fn a_name_is_looked_up_and_its_addresses_are_tried_in_turn() {
    use tagus::msrp::peer::{Endpoint, EndpointOptions, SessionOptions};
    for address in ["127.0.0.1:0", "[::1]:0"] {
        let endpoint = Endpoint::new(EndpointOptions::new("localhost")).expect("an endpoint");
        // A machine without IPv6 has one address less to try.
        let Ok(_) = endpoint.listen(address.parse().expect("an address")).await else { continue };
        let offer = endpoint.offer(false, SessionOptions::default());
        let path = offer.path().clone();
        let known = tokio::net::lookup_host(("localhost", 1)).await.expect("a name");
        let family = address.starts_with('[');
        if !known.into_iter().any(|one| one.is_ipv6() == family) {
            continue;
        }
        let (waiting, connecting) = soon(async {
            tokio::join!(offer.wait(None), endpoint.connect(&path, SessionOptions::default()))
        })
        .await;
        assert!(waiting.is_ok() && connecting.is_ok(), "{address}");
    }
}
