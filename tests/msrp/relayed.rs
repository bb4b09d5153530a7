//! Through Kamailio's relay, with tshark looking on.

use std::fs::File;

use tagus::msrp::peer::{
    OpenError, Outbound, ReceiveFailure, RelayAccount, RelayError, SendEvent, SendFailure, Session,
    SessionOptions, Sink, Source,
};
use tagus::msrp::{By, Granularity, Path};

use crate::msrp_relay::{PASSWORD, Relay, USER};
use crate::pair::{file, incoming, message, plain, soon};
use crate::tshark::Capture;

fn account(relay: &Relay, password: &str) -> RelayAccount {
    RelayAccount {
        relays: Path::parse(&relay.uri()).expect("a URI"),
        user: USER.to_owned(),
        password: password.to_owned(),
        allow_plain: true,
    }
}

/// Lines of text. Of random bytes, tshark 4.0 calls some bodies malformed that are framed as they
/// should be: what it throws on is within the body.
fn poem(length: usize) -> Vec<u8> {
    let lines =
        (0_u64..).flat_map(|number| format!("line {number} of a long poem\r\n").into_bytes());
    lines.take(length).collect()
}

/// A session with one side behind the relay: `(behind it, in front of it)`.
async fn across(relay: &Relay) -> (Session, Session) {
    let (behind, front) = (plain(), plain());
    let options = SessionOptions::default();
    let offer = behind.offer_through(&account(relay, PASSWORD), options.clone()).await;
    let offer = offer.expect("a way through the relay");
    let path = offer.path().clone();
    assert_eq!(path.uris().len(), 2, "{path}");
    let (waiting, connecting) =
        soon(async { tokio::join!(offer.wait(None), front.connect(&path, options)) }).await;
    (waiting.expect("bound"), connecting.expect("connected"))
}

// features 1.3 "Relay extensions"
#[tokio::test(flavor = "multi_thread")]
async fn chat_files_aborts_and_reports_cross_a_foreign_relay() {
    let relay = Relay::start(600);
    let capture = Capture::start(relay.address.port());
    let (mut behind, mut front) = across(&relay).await;
    for round in 0..20 {
        let mut there = front.send(Outbound::text().report(), format!("in {round}")).await;
        assert_eq!(message(&mut behind).await.body, format!("in {round}"));
        let mut back = behind.send(Outbound::text().report(), format!("out {round}")).await;
        assert_eq!(message(&mut front).await.body, format!("out {round}"));
        assert_eq!(soon(there.finished()).await, Ok(()));
        assert_eq!(soon(back.finished()).await, Ok(()));
    }
    let directory = tempfile::tempdir().expect("a directory");
    let bytes = poem(1_219_974);
    let from = file(directory.path(), "from", &bytes);
    for inward in [true, false] {
        let (sender, receiver) = if inward { (&front, &mut behind) } else { (&behind, &mut front) };
        let how = Outbound::new("application/octet-stream")
            .report()
            .progress(Granularity::EveryPercent(25));
        let mut sending = sender.send(how, Source::file(&from).expect("a source")).await;
        let to = directory.path().join("to");
        let sink = Sink::from(File::create(&to).expect("a file"));
        let mut receiving = incoming(receiver).await.accept(sink).await;
        let received = soon(receiving.finished()).await.expect("all of it");
        assert_eq!(received.length, bytes.len() as u64);
        assert!(std::fs::read(&to).expect("a file") == bytes, "inward: {inward}");
        let mut events = Vec::new();
        while let Some(event) = soon(sending.next()).await {
            events.push(event);
        }
        let whole = SendEvent::Reported { received: bytes.len() as u64, whole: true };
        assert_eq!(events.last(), Some(&whole), "{events:?}");
    }
    for (inward, by_sender) in [(true, true), (true, false), (false, true), (false, false)] {
        let (sender, receiver) = if inward { (&front, &mut behind) } else { (&behind, &mut front) };
        let (reader, mut writer) = tokio::io::simplex(20_000);
        let how = Outbound::new("application/octet-stream");
        let mut sending = sender.send(how, Source::reader(reader, Some(1_000_000))).await;
        tokio::io::AsyncWriteExt::write_all(&mut writer, &[7; 15_000]).await.expect("room");
        let mut receiving = incoming(receiver).await.accept(Sink::memory(1 << 20)).await;
        if by_sender {
            sending.abort().await;
        } else {
            receiving.abort().await;
        }
        let lost = soon(receiving.finished()).await.expect_err("aborted");
        assert!(matches!(lost, ReceiveFailure::Aborted { .. }), "{lost:?}");
        let failure = soon(sending.finished()).await.expect_err("aborted");
        let SendFailure::Aborted { by, .. } = failure else { panic!("{failure:?}") };
        assert_eq!(by, if by_sender { By::Local } else { By::Remote });
    }
    let (there, back) = (front.text("still there").await, behind.text("and here").await);
    assert_eq!(message(&mut behind).await.body, "still there");
    assert_eq!(message(&mut front).await.body, "and here");
    drop((there, back));
    let seen = capture.dissect();
    seen.expect_clean();
    assert!(seen.count("AUTH") == 2 && seen.count("401") == 1, "{:?}", seen.messages);
    // Of several messages in one segment tshark counts the first.
    assert!(seen.count("SEND") > 80 && seen.count("REPORT") >= 20, "{:?}", seen.messages);
}

// RFC 4976 s5.1
#[tokio::test]
async fn a_relay_refuses_a_wrong_password() {
    let relay = Relay::start(600);
    let refused =
        plain().offer_through(&account(&relay, "guessed"), SessionOptions::default()).await;
    let is_refusal = matches!(
        refused.as_ref().map(|_| ()),
        Err(RelayError::Auth(tagus::msrp::auth::AuthError::Credentials))
    );
    assert!(is_refusal, "{:?}", refused.err());
}

// RFC 4976 s5.1, s9.4: the sign-in is repeated before it expires, and the new path is told.
#[tokio::test]
async fn the_way_through_a_relay_is_renewed_before_it_expires_and_leads_to_us() {
    let relay = Relay::start(2);
    let capture = Capture::start(relay.address.port());
    let offer = plain().offer_through(&account(&relay, PASSWORD), SessionOptions::default()).await;
    let offer = offer.expect("a way");
    let mut way = offer.relay_way().expect("a relay's");
    let mut paths = vec![offer.path().clone()];
    for _ in 0..2 {
        paths.push(soon(way.renewed()).await.expect("renewed"));
        assert_eq!(way.path().as_ref(), Ok(&paths[paths.len() - 1]));
    }
    assert!(paths[0] != paths[1] && paths[1] != paths[2], "{paths:?}");
    let (front, newest) = (plain(), paths[2].clone());
    let (waiting, connecting) = soon(async {
        tokio::join!(offer.wait(None), front.connect(&newest, SessionOptions::default()))
    })
    .await;
    let (mut behind, front) = (waiting.expect("bound"), connecting.expect("connected"));
    drop(front.text("by the new way").await);
    assert_eq!(message(&mut behind).await.body, "by the new way");
    drop((behind, front));
    assert!(soon(way.renewed()).await.is_err());
    let seen = capture.dissect();
    seen.expect_clean();
    assert!(seen.count("AUTH") >= 4, "{:?}", seen.messages);
}

// RFC 4976 s6.4.1
#[tokio::test]
async fn who_comes_to_a_path_that_a_relay_does_not_know_is_refused() {
    let relay = Relay::start(600);
    let text = format!("msrp://{}/nobody0000000000;tcp msrp://127.0.0.1:9/x;tcp", relay.address);
    let path = Path::parse(&text).expect("a path");
    let refused = plain().connect(&path, SessionOptions::default()).await;
    assert!(matches!(refused, Err(OpenError::Refused { code: 481, .. })), "{refused:?}");
}
