//! Two peers of one test, with a session between them.

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path as FilePath, PathBuf};
use std::time::Duration;

use tagus::msrp::peer::{
    Endpoint, EndpointOptions, Event, Incoming, Session, SessionOptions, Whole,
};

/// Longer than anything takes, shorter than anybody's patience with a test that hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// Loopback with a free port.
pub(crate) const ANYWHERE: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Waits for something that comes soon.
pub(crate) async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what).await.expect("it takes too long")
}

pub(crate) fn plain() -> Endpoint {
    Endpoint::new(EndpointOptions::new("127.0.0.1")).expect("an endpoint")
}

/// An endpoint with a certificate for 127.0.0.1 that believes anybody.
#[cfg(feature = "msrp-self-signed")]
pub(crate) fn secure(identity: &tagus::msrp::peer::Identity) -> Endpoint {
    let mut options = EndpointOptions::new("127.0.0.1");
    options.identity = Some(identity.clone());
    options.trust = tagus::msrp::peer::Trust::Anybody;
    Endpoint::new(options).expect("an endpoint")
}

/// The two ends of a session.
pub(crate) struct Pair {
    /// Connected.
    pub(crate) active: Session,
    /// Was connected to.
    pub(crate) passive: Session,
    /// Where the passive side listens.
    pub(crate) port: u16,
    _ends: (Endpoint, Endpoint),
}

/// A session between two endpoints, over plain TCP.
pub(crate) async fn pair() -> Pair {
    pair_with(SessionOptions::default(), SessionOptions::default()).await
}

pub(crate) async fn pair_with(active: SessionOptions, passive: SessionOptions) -> Pair {
    let (left, right) = (plain(), plain());
    let port = right.listen(ANYWHERE).await.expect("a port").port();
    join(left, right, false, port, active, passive).await
}

/// The same between two endpoints that exist; the right one listens.
pub(crate) async fn join(
    left: Endpoint,
    right: Endpoint,
    tls: bool,
    port: u16,
    active: SessionOptions,
    passive: SessionOptions,
) -> Pair {
    let (ours, theirs) = (left.offer(tls, active), right.offer(tls, passive));
    let (our_path, their_path) = (ours.path().clone(), theirs.path().clone());
    let (active, passive) =
        soon(async { tokio::join!(ours.connect(&their_path), theirs.wait(Some(&our_path))) }).await;
    let (active, passive) = (active.expect("connected"), passive.expect("bound"));
    Pair { active, passive, port, _ends: (left, right) }
}

/// The next short message; signs of life are passed over.
pub(crate) async fn message(session: &mut Session) -> Whole {
    soon(async {
        loop {
            match session.next().await {
                Some(Event::Message(whole)) => return whole,
                Some(Event::Alive) => {}
                other => panic!("a message was expected: {other:?}"),
            }
        }
    })
    .await
}

/// The next message that wants to come.
pub(crate) async fn incoming(session: &mut Session) -> Incoming {
    soon(async {
        loop {
            match session.next().await {
                Some(Event::Incoming(incoming)) => return incoming,
                Some(Event::Alive) => {}
                other => panic!("a message was expected: {other:?}"),
            }
        }
    })
    .await
}

/// Bytes that look like nothing, the same for the same seed.
pub(crate) fn noise(length: usize, mut seed: u64) -> Vec<u8> {
    seed |= 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        bytes.extend_from_slice(&seed.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// A file of these bytes.
pub(crate) fn file(directory: &FilePath, name: &str, bytes: &[u8]) -> PathBuf {
    let path = directory.join(name);
    std::fs::write(&path, bytes).expect("a file");
    path
}
