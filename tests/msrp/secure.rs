//! TLS: names, fingerprints, and what is refused.

use tagus::msrp::peer::{
    DialError, Endpoint, EndpointOptions, Fingerprint, HashFunction, Identity, OpenError,
    SessionOptions, Trust,
};

use crate::pair::{ANYWHERE, join, message, secure, soon};

fn identity() -> Identity {
    Identity::self_signed(&["127.0.0.1", "localhost"]).expect("a certificate")
}

// features 1.3 "TLS"
#[tokio::test]
async fn chat_goes_both_ways_over_tls() {
    let (left, right) = (secure(&identity()), secure(&identity()));
    let port = right.listen_tls(ANYWHERE).await.expect("a port").port();
    let options = SessionOptions::default;
    let mut pair = join(left, right, true, port, options(), options()).await;
    assert!(pair.active.local().is_secure());
    let there = pair.active.text("there").await;
    assert_eq!(message(&mut pair.passive).await.body, "there");
    let back = pair.passive.text("back").await;
    assert_eq!(message(&mut pair.active).await.body, "back");
    drop((there, back));
}

// RFC 4975 s14.4
#[tokio::test]
async fn both_sides_hold_each_other_to_their_fingerprints() {
    for (left_lies, right_lies) in [(false, false), (true, false), (false, true)] {
        let (ours, theirs) = (identity(), identity());
        let (left, right) = (secure(&ours), secure(&theirs));
        right.listen_tls(ANYWHERE).await.expect("a port");
        let stranger = identity().fingerprint(HashFunction::Sha256);
        let of = |own: &Identity, lies: bool| -> Vec<Fingerprint> {
            vec![if lies { stranger.clone() } else { own.fingerprint(HashFunction::Sha1) }]
        };
        let offer = right.offer(true, SessionOptions::default()).fingerprints(of(&ours, left_lies));
        let path = offer.path().clone();
        let dial =
            left.offer(true, SessionOptions::default()).fingerprints(of(&theirs, right_lies));
        let waiting = tokio::spawn(async move { offer.wait(None).await });
        let connected = soon(dial.connect(&path)).await;
        if right_lies {
            assert!(matches!(connected, Err(OpenError::Dial(DialError::NotProved { .. }))));
        } else if left_lies {
            assert!(
                matches!(connected, Err(OpenError::Refused { code: 481, .. })),
                "{connected:?}"
            );
        } else {
            assert!(connected.is_ok(), "{connected:?}");
            assert!(soon(waiting).await.expect("no panic").is_ok());
            continue;
        }
        waiting.abort();
    }
}

// RFC 4975 s14.2
#[tokio::test]
async fn a_certificate_has_to_name_the_host_of_the_uri() {
    let certified = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("one");
    let directory = tempfile::tempdir().expect("a directory");
    let files = ["cert.pem", "key.pem"].map(|name| directory.path().join(name));
    std::fs::write(&files[0], certified.cert.pem()).expect("a file");
    std::fs::write(&files[1], certified.signing_key.serialize_pem()).expect("a file");
    let own = Identity::from_files(&files[0], &files[1]).expect("an identity");
    for (host, believed) in [("localhost", true), ("127.0.0.1", false)] {
        let mut options = EndpointOptions::new(host);
        options.identity = Some(own.clone());
        options.trust = Trust::file(&files[0]).expect("a root");
        let endpoint = Endpoint::new(options).expect("an endpoint");
        endpoint.listen_tls(ANYWHERE).await.expect("a port");
        let offer = endpoint.offer(true, SessionOptions::default());
        let path = offer.path().clone();
        let waiting = tokio::spawn(async move { offer.wait(None).await });
        let connected = soon(endpoint.connect(&path, SessionOptions::default())).await;
        assert_eq!(connected.is_ok(), believed, "{host}: {connected:?}");
        if !believed {
            assert!(matches!(connected, Err(OpenError::Dial(DialError::NotProved { .. }))));
        }
        waiting.abort();
    }
}
