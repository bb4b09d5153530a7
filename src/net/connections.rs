//! All connections, and how many there may be.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Limits;
use super::connection::{Connection, Origin};
use super::outbox::{Failure, SendFailure};
use crate::channel::{Places, Room};
use crate::clock::Tick;
use crate::sip::{ConnectionId, Flow, Transport};

/// The table by id is split this many ways.
const SHARDS: usize = 16;

/// All connections, by id and by far end, and their limits.
pub(super) struct Connections {
    // Locks and not a lock-free map: that would drop removed connections, and with them their
    // descriptors, at some later time.
    by_id: Vec<Mutex<HashMap<ConnectionId, Arc<Connection>>>>,
    next: AtomicU64,
    /// Bytes that peers do not take.
    pub(super) queued: AtomicUsize,
    /// Of connections that nobody authenticated on, those of other listeners included.
    pub(super) places: Arc<Places>,
    admission: Mutex<Admission>,
}

/// Whom a connection leads to. A domain is somebody else than whoever has its address: what was
/// verified for one is not reused for another (RFC 5923 s9.3).
type Peer = (Transport, SocketAddr, Option<Arc<str>>);

#[derive(Debug, Default)]
struct Admission {
    by_remote: HashMap<Peer, Arc<Connection>>,
    total: usize,
    unauthenticated: usize,
    dialling: usize,
    most: Most,
}

#[derive(Debug, Default)]
struct Most {
    total: usize,
    dialling: usize,
}

impl Connections {
    pub(super) fn new(limits: &Limits) -> Connections {
        let total = limits.connections_total.min(super::listen::connections_allowed_by_kernel());
        if total < limits.connections_total {
            tracing::info!(
                total,
                "the limit of open files allows fewer connections than configured"
            );
        }
        let most = Most { total, dialling: limits.dials_in_flight };
        let strangers = limits.connections_unauthenticated.min(total);
        Connections {
            by_id: (0..SHARDS).map(|_| Mutex::default()).collect(),
            next: AtomicU64::new(1),
            queued: AtomicUsize::new(0),
            places: Places::new(Room {
                per_source: limits.connections_per_source,
                strangers,
                total,
            }),
            admission: Mutex::new(Admission { most, ..Admission::default() }),
        }
    }

    fn admission(&self) -> MutexGuard<'_, Admission> {
        self.admission.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn get(&self, id: ConnectionId) -> Option<Arc<Connection>> {
        self.shard(id).get(&id).cloned()
    }

    fn shard(&self, id: ConnectionId) -> MutexGuard<'_, HashMap<ConnectionId, Arc<Connection>>> {
        let index = id.0 as usize % SHARDS;
        // The vector has SHARDS entries; the first stands in for an impossible other.
        let shard = self.by_id.get(index).unwrap_or(&self.by_id[0]);
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Open connections, and those of them without authentication.
    pub(super) fn counts(&self) -> (usize, usize) {
        let admission = self.admission();
        (admission.total, admission.unauthenticated)
    }

    pub(super) fn queued_bytes(&self) -> usize {
        self.queued.load(Ordering::Relaxed)
    }

    /// Registers an accepted connection, or gives it back when a limit is reached.
    pub(super) fn accept(
        &self,
        mut origin: Origin,
        now: Tick,
    ) -> Result<Arc<Connection>, Box<Origin>> {
        if origin.place.is_none() {
            origin.place = self.places.take(origin.remote.ip(), now).map(Arc::new);
        }
        let mut admission = self.admission();
        if origin.place.is_none() || admission.total >= admission.most.total {
            return Err(Box::new(origin));
        }
        admission.total += 1;
        admission.unauthenticated += 1;
        let place = origin.place.clone();
        let connection = self.enter(&mut admission, origin);
        drop(admission);
        if let Some(place) = place {
            let to_end = Arc::downgrade(&connection);
            place.on_leave(move || {
                if let Some(connection) = to_end.upgrade() {
                    connection.abort();
                }
            });
        }
        Ok(connection)
    }

    fn enter(&self, admission: &mut Admission, origin: Origin) -> Arc<Connection> {
        let id = ConnectionId(self.next.fetch_add(1, Ordering::Relaxed));
        let connection = Arc::new(Connection::new(id, origin));
        self.shard(id).insert(id, Arc::clone(&connection));
        admission.by_remote.insert(peer_of(&connection), Arc::clone(&connection));
        connection
    }

    /// The connection to that far end, if there is one (RFC 3261 s18: reuse is recommended).
    pub(super) fn reuse(&self, flow: &Flow, domain: Option<&Arc<str>>) -> Option<Arc<Connection>> {
        let peer = (flow.transport, flow.remote, domain.cloned());
        let known = self.admission().by_remote.get(&peer).cloned()?;
        known.accepts().then_some(known)
    }

    /// A new connection to dial; or that of another thread which was faster.
    pub(super) fn dial(&self, origin: Origin) -> Result<(Arc<Connection>, bool), Failure> {
        // Two threads may want the same far end: the lock lets one of them dial.
        let mut admission = self.admission();
        let peer = (origin.transport, origin.remote, origin.domain.clone());
        if let Some(known) = admission.by_remote.get(&peer)
            && known.accepts()
        {
            return Ok((Arc::clone(known), false));
        }
        if admission.total >= admission.most.total || admission.dialling >= admission.most.dialling
        {
            return Err(Failure::TooManyConnections);
        }
        admission.total += 1;
        admission.dialling += 1;
        Ok((self.enter(&mut admission, origin), true))
    }

    /// A dial has ended, well or not.
    pub(super) fn dial_ended(&self) {
        let mut admission = self.admission();
        admission.dialling = admission.dialling.saturating_sub(1);
    }

    pub(super) fn authenticated(&self, connection: &Connection) {
        if connection.is_authenticated() {
            return;
        }
        let mut admission = self.admission();
        if connection.authenticate() && !connection.dialled {
            admission.unauthenticated = admission.unauthenticated.saturating_sub(1);
        }
    }

    /// Takes the connection out of the tables and returns what it did not send.
    pub(super) fn retire(&self, connection: &Connection, why: Failure) -> Vec<SendFailure> {
        let unsent = connection.give_up(&self.queued);
        let mut admission = self.admission();
        if self.shard(connection.id).remove(&connection.id).is_some() {
            admission.total = admission.total.saturating_sub(1);
            if connection.authenticate() && !connection.dialled {
                admission.unauthenticated = admission.unauthenticated.saturating_sub(1);
            }
            let key = peer_of(connection);
            if admission.by_remote.get(&key).is_some_and(|current| current.id == connection.id) {
                admission.by_remote.remove(&key);
            }
        }
        drop(admission);
        unsent.map(|(flow, token)| SendFailure { flow, token, failure: why }).collect()
    }
}

fn peer_of(connection: &Connection) -> Peer {
    (connection.transport, connection.remote, connection.domain.clone())
}
