//! Sessions whose peers have not come yet, and connections that can be used again.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{mpsc, oneshot};

use super::command::Command;
use super::dial::Hop;
use super::fingerprint::Fingerprint;
use super::session::{Inbox, OpenError};
use crate::msrp::session::{ConnectionKey, Directory, Refusal, SessionId, Setup};
use crate::msrp::uri::{Path, Uri};

/// A peer that came.
#[derive(Debug)]
pub(super) struct Came {
    pub(super) id: SessionId,
    pub(super) commands: mpsc::Sender<Command>,
    /// The way to it, as its first request has it.
    pub(super) from: Path,
}

/// A session that waits for its peer.
#[derive(Debug)]
pub(super) struct Expected {
    pub(super) setup: Setup,
    /// The peer's path is not known: it is where its first request comes from.
    pub(super) remote_open: bool,
    /// The certificate that the peer's connection has to show; empty: any.
    pub(super) fingerprints: Vec<Fingerprint>,
    pub(super) inbox: Inbox,
    pub(super) tell: oneshot::Sender<Result<Came, OpenError>>,
}

#[derive(Debug, Default)]
struct Inside {
    directory: Directory,
    expected: HashMap<String, Expected>,
    connections: HashMap<Hop, mpsc::WeakSender<Command>>,
    last_key: u64,
}

/// What all connections of an endpoint share.
#[derive(Debug, Default)]
pub(super) struct Registry(Mutex<Inside>);

impl Registry {
    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A name for a new connection.
    pub(super) fn key(&self) -> ConnectionKey {
        let mut inside = self.lock();
        inside.last_key += 1;
        ConnectionKey(inside.last_key)
    }

    /// Waits for the peer of a session.
    pub(super) fn expect(&self, expected: Expected) {
        let mut inside = self.lock();
        inside.directory.expect(expected.setup.clone());
        let id = session_id(&expected.setup.local);
        inside.expected.insert(id, expected);
    }

    /// Binds the session that `to` names to a connection, if that is as secure as the session has to
    /// be, and if `shown`, the certificate of its far end, is the one that was announced.
    pub(super) fn claim(
        &self,
        to: &str,
        connection: ConnectionKey,
        secure: bool,
        shown: Option<&[u8]>,
    ) -> Result<Expected, Refusal> {
        let uri = Uri::parse(to).map_err(|_| Refusal::NoSession)?;
        let mut inside = self.lock();
        let id = session_id(&uri);
        if let Some(expected) = inside.expected.get(&id) {
            // RFC 4975 s5.4: connections of `msrps` use TLS.
            if expected.setup.local.is_secure() && !secure {
                tracing::warn!(session = id, "a peer came without TLS");
                return Err(Refusal::NoSession);
            }
            let announced = &expected.fingerprints;
            let known = |certificate| announced.iter().any(|one| one.matches(certificate));
            if !announced.is_empty() && !shown.is_some_and(known) {
                tracing::warn!(session = id, "the certificate is not the announced one");
                return Err(Refusal::NoSession);
            }
        }
        inside.directory.claim(&uri, connection)?;
        // Bound to this connection already, and yet unknown to it: it was ended there.
        inside.expected.remove(&id).ok_or(Refusal::NoSession)
    }

    /// A session is over, or nobody waits for its peer any more.
    pub(super) fn forget(&self, local: &Uri) {
        let mut inside = self.lock();
        inside.directory.forget(local);
        inside.expected.remove(&session_id(local));
    }

    /// A connection is gone, and every session with it.
    pub(super) fn forget_connection(&self, connection: ConnectionKey) {
        self.lock().directory.forget_connection(connection);
    }

    /// A connection to this hop that can be used again (RFC 4975 s5.4).
    pub(super) fn connection(&self, hop: &Hop) -> Option<mpsc::Sender<Command>> {
        let mut inside = self.lock();
        let found = inside.connections.get(hop)?.upgrade().filter(|sender| !sender.is_closed());
        if found.is_none() {
            inside.connections.remove(hop);
        }
        found
    }

    /// Remembers a connection to be used again.
    pub(super) fn remember(&self, hop: Hop, commands: &mpsc::Sender<Command>) {
        let mut inside = self.lock();
        inside.connections.retain(|_, known| known.upgrade().is_some_and(|s| !s.is_closed()));
        inside.connections.insert(hop, commands.downgrade());
    }
}

fn session_id(uri: &Uri) -> String {
    uri.session_id().unwrap_or_default().to_owned()
}
