//! The table of all rows: REGISTER in, lookups out, the store behind.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use smallvec::SmallVec;

use super::reach::{Unreachable, reach};
use super::row::{Binding, Change, Row};
use crate::clock::{Clock, Tick, WallTime};
use crate::entropy;
use crate::model::{BindingRow, DeviceKey, Record as _};
use crate::sip::{ConnectionId, Flow};
use crate::store::{Commit, Store, StoreError, Table};

/// Writers of different addresses-of-record seldom meet on one of these.
const STRIPES: usize = 256;

/// Bounds of what the registrar grants.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Shorter wishes are refused with 423 (RFC 3261 s10.3 step 7).
    pub min_expires: Duration,
    /// Granted when a device wishes nothing.
    pub default_expires: Duration,
    /// Longer wishes are shortened to this.
    pub max_expires: Duration,
    /// Contacts that one address-of-record may have.
    pub max_contacts: usize,
    /// How long a device is remembered after its last REGISTER.
    pub device_memory: Duration,
    /// The addresses that this server listens on; none of them can be a contact.
    pub own_addresses: Vec<SocketAddr>,
}

/// A Contact of a REGISTER.
#[derive(Clone, Debug)]
pub struct ContactRequest<'a> {
    /// The URI, as written.
    pub uri: &'a [u8],
    /// The `expires` parameter, seconds.
    pub expires: Option<u32>,
    /// The `q` parameter in thousandths; 1000 if absent.
    pub q: u16,
    /// `+sip.instance` without its quotes.
    pub instance: Option<&'a str>,
    /// `reg-id`.
    pub reg_id: Option<u32>,
}

/// The Contacts of a REGISTER.
#[derive(Clone, Debug)]
pub enum Contacts<'a> {
    /// `Contact: *`.
    Star,
    /// The contacts named; none asks what is registered.
    List(SmallVec<[ContactRequest<'a>; 2]>),
}

/// A REGISTER whose sender is known to be the person it is for.
#[derive(Clone, Debug)]
pub struct RegisterRequest<'a> {
    /// The canonical address-of-record, `user@domain`.
    pub aor: &'a str,
    /// Call-ID.
    pub call_id: &'a [u8],
    /// CSeq number.
    pub cseq: u32,
    /// The Contacts.
    pub contacts: Contacts<'a>,
    /// The Expires header, seconds.
    pub expires: Option<u32>,
    /// The flow that it came over.
    pub flow: Flow,
    /// The device credential it was authenticated with, if it was one.
    pub credential: Option<DeviceKey>,
    /// User-Agent.
    pub user_agent: Option<&'a str>,
}

/// Why a REGISTER was refused. The row is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// `*` beside other contacts or with an expiry other than 0 (RFC 3261 s10.2.2).
    #[error("Contact * Needs Expires 0 And No Other Contact")]
    BadStar,
    /// An expiry below the minimum: 423 with Min-Expires (RFC 3261 s10.3 step 7).
    #[error("Interval Too Brief")]
    TooBrief {
        /// The least that is granted, seconds.
        min_expires: u64,
    },
    /// Older than what is registered under the same Call-ID (RFC 3261 s10.3 step 7).
    #[error("Out Of Order")]
    OutOfOrder,
    /// More contacts than allowed.
    #[error("Too Many Contacts")]
    TooMany,
    /// A contact that can never be reached.
    #[error(transparent)]
    Unreachable(#[from] Unreachable),
}

/// What a REGISTER left behind.
#[derive(Clone, Debug)]
pub struct Registered {
    /// The row after it.
    pub row: Arc<Row>,
    /// Devices that this REGISTER made or kept reachable.
    pub arrived: SmallVec<[DeviceKey; 1]>,
}

/// Holds and changes all rows. The only writer of [`Table::Bindings`].
pub struct Registrar {
    settings: Settings,
    clock: Clock,
    store: Arc<dyn Store>,
    rows: papaya::HashMap<Box<str>, Arc<Row>>,
    stripes: Vec<Mutex<()>>,
    stripe_of: RandomState,
    /// Addresses-of-record that hang on a connection, so that its end costs no scan.
    on_connection: Mutex<HashMap<ConnectionId, SmallVec<[Box<str>; 1]>>>,
    bindings: AtomicUsize,
}

impl Registrar {
    /// A registrar that starts from what `store` holds.
    ///
    /// Bindings that hung on a connection are not taken over: their connection is gone. The
    /// devices behind them stay known.
    ///
    /// # Errors
    ///
    /// If the store cannot be read. Rows that do not decode are left out and logged.
    pub fn open(
        settings: Settings,
        clock: Clock,
        store: Arc<dyn Store>,
    ) -> Result<Registrar, StoreError> {
        let registrar = Registrar {
            settings,
            clock,
            store,
            rows: papaya::HashMap::new(),
            stripes: (0..STRIPES).map(|_| Mutex::new(())).collect(),
            stripe_of: RandomState::new(),
            on_connection: Mutex::new(HashMap::new()),
            bindings: AtomicUsize::new(0),
        };
        registrar.load()?;
        Ok(registrar)
    }

    fn load(&self) -> Result<(), StoreError> {
        const PAGE: usize = 1_000;
        let (now, wall) = (self.clock.now(), self.clock.wall());
        let mut after: Option<Vec<u8>> = None;
        loop {
            let page = self.store.scan(Table::Bindings, &[], after.as_deref(), PAGE)?;
            for (key, value) in &page {
                let Ok(record) = BindingRow::decode(value) else {
                    tracing::error!(event = "binding_row_unreadable", key = %String::from_utf8_lossy(key).escape_debug());
                    continue;
                };
                let aor = record.aor.clone();
                let mut row = Row::from_record(record, now, wall, self.settings.max_expires);
                row.prune(now, self.horizon(wall));
                if !row.bindings.is_empty() || !row.seen.is_empty() {
                    self.bindings.fetch_add(row.bindings.len(), Ordering::Relaxed);
                    self.rows.pin().insert(aor.into_boxed_str(), Arc::new(row));
                }
            }
            if page.len() < PAGE {
                return Ok(());
            }
            after = page.into_iter().next_back().map(|(key, _)| key);
        }
    }

    fn horizon(&self, wall: WallTime) -> WallTime {
        let wall = wall.min(self.clock.earliest_wall());
        let memory = u64::try_from(self.settings.device_memory.as_millis()).unwrap_or(u64::MAX);
        WallTime::from_unix_millis(wall.unix_millis().saturating_sub(memory))
    }

    /// The row of an address-of-record; [`Row::live`] tells what is in force.
    #[must_use]
    pub fn lookup(&self, aor: &str) -> Option<Arc<Row>> {
        self.rows.pin().get(aor).cloned()
    }

    /// The addresses-of-record that have a contact.
    #[must_use]
    pub fn people(&self) -> Vec<Box<str>> {
        let rows = self.rows.pin();
        rows.iter()
            .filter(|(_, row)| !row.bindings.is_empty())
            .map(|(aor, _)| aor.clone())
            .collect()
    }

    /// Contacts registered, including those whose time has passed since the last sweep.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bindings.load(Ordering::Relaxed)
    }

    /// Whether nobody is registered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Carries out a REGISTER (RFC 3261 s10.3 steps 6 to 8).
    ///
    /// # Errors
    ///
    /// [`Refusal`]; nothing has changed then.
    pub fn register(&self, request: &RegisterRequest<'_>) -> Result<Registered, Refusal> {
        let (now, wall) = (self.clock.now(), self.clock.wall());
        let _guard = self.lock(request.aor);
        let current = self.lookup(request.aor);
        let contacts = match &request.contacts {
            Contacts::List(list) if list.is_empty() => {
                let row = current.unwrap_or_default();
                return Ok(Registered { row, arrived: SmallVec::new() });
            }
            contacts => contacts,
        };
        let mut row = current.as_deref().cloned().unwrap_or_default();
        row.prune(now, self.horizon(wall));
        let mut arrived: SmallVec<[DeviceKey; 1]> = SmallVec::new();
        match contacts {
            Contacts::Star => {
                if request.expires != Some(0) {
                    return Err(Refusal::BadStar);
                }
                row.clear(request.call_id, request.cseq)?;
            }
            Contacts::List(list) => {
                let changes = self.changes(request, list, now)?;
                for change in &changes {
                    if let Change::Put(binding) = change
                        && !arrived.contains(&binding.device)
                    {
                        arrived.push(binding.device.clone());
                    }
                }
                row.apply(changes, request.call_id, request.cseq, self.settings.max_contacts)?;
            }
        }
        for device in &arrived {
            row.note_seen(device, wall);
        }
        let row = self.put(request.aor, row, current.as_deref());
        Ok(Registered { row, arrived })
    }

    fn changes(
        &self,
        request: &RegisterRequest<'_>,
        list: &[ContactRequest<'_>],
        now: Tick,
    ) -> Result<Vec<Change>, Refusal> {
        let call_id: Arc<[u8]> = request.call_id.into();
        let user_agent: Option<Arc<str>> = request.user_agent.map(Into::into);
        let mut changes = Vec::with_capacity(list.len());
        for contact in list {
            let wished = contact.expires.or(request.expires);
            if wished == Some(0) {
                changes.push(Change::Remove(contact.uri.to_vec()));
                continue;
            }
            let granted = self.grant(wished)?;
            let outbound = contact.reg_id.is_some() && contact.instance.is_some();
            let reached = reach(contact.uri, request.flow, outbound, |address| {
                self.settings.own_addresses.contains(&address)
            })?;
            let device = match (&request.credential, contact.instance) {
                (Some(device), _) => device.clone(),
                (None, Some(instance)) => DeviceKey::Instance(instance.to_owned()),
                (None, None) => DeviceKey::Anonymous,
            };
            changes.push(Change::Put(Binding {
                contact: contact.uri.into(),
                flow: reached.flow,
                connection_bound: reached.bound,
                device,
                call_id: Arc::clone(&call_id),
                cseq: request.cseq,
                q: contact.q.min(1_000),
                expires: now + granted,
                instance: contact.instance.map(Into::into),
                reg_id: contact.reg_id,
                user_agent: user_agent.clone(),
                created: self.clock.wall(),
            }));
        }
        Ok(changes)
    }

    /// The expiry granted for a wish in seconds: never longer than asked, and up to a tenth
    /// shorter, so that a campus that came back from a power cut does not stay in step.
    fn grant(&self, wished: Option<u32>) -> Result<Duration, Refusal> {
        let min = self.settings.min_expires.as_secs();
        let wished = wished.map_or(self.settings.default_expires.as_secs(), u64::from);
        // s10.3: only an expiry below an hour may be called too brief.
        if wished < min.min(3_600) {
            return Err(Refusal::TooBrief { min_expires: min });
        }
        let granted = wished.min(self.settings.max_expires.as_secs());
        let spread = (granted / 10).min(granted.saturating_sub(min));
        Ok(Duration::from_secs(granted - entropy::below(spread + 1)))
    }

    /// Ends every binding that hangs on `connection`; returns the addresses-of-record that lost
    /// one (RFC 5626 s7: a closed flow ends its bindings at once).
    pub fn connection_closed(&self, connection: ConnectionId) -> SmallVec<[Box<str>; 1]> {
        let aors = self.connections().remove(&connection).unwrap_or_default();
        let mut lost = SmallVec::new();
        for aor in aors {
            let _guard = self.lock(&aor);
            let Some(current) = self.lookup(&aor) else { continue };
            let mut row = (*current).clone();
            if row.drop_connection(connection) {
                self.put(&aor, row, Some(&current));
                lost.push(aor);
            }
        }
        lost
    }

    /// Takes every binding of an address-of-record away: its person may not be here any more.
    pub fn remove(&self, aor: &str) -> bool {
        let _guard = self.lock(aor);
        let Some(current) = self.lookup(aor) else { return false };
        self.put(aor, Row::default(), Some(&current));
        true
    }

    /// Takes away the bindings that one device made; true if it had any.
    pub fn remove_device(&self, aor: &str, device: &DeviceKey) -> bool {
        let _guard = self.lock(aor);
        let Some(current) = self.lookup(aor) else { return false };
        let mut row = (*current).clone();
        row.bindings.retain(|binding| binding.device != *device);
        row.seen.retain(|seen| seen.device != *device);
        self.put(aor, row, Some(&current));
        true
    }

    /// Drops what has run out. Cheap enough to call every few seconds.
    pub fn sweep(&self) {
        let (now, wall) = (self.clock.now(), self.clock.wall());
        let horizon = self.horizon(wall);
        let due: Vec<Box<str>> = {
            let rows = self.rows.pin();
            rows.iter()
                .filter(|(_, row)| {
                    row.bindings.iter().any(|binding| binding.expires <= now)
                        || (row.bindings.is_empty()
                            && row.seen.iter().all(|seen| seen.at < horizon))
                })
                .map(|(aor, _)| aor.clone())
                .collect()
        };
        for aor in due {
            let _guard = self.lock(&aor);
            let Some(current) = self.lookup(&aor) else { continue };
            let mut row = (*current).clone();
            row.prune(now, horizon);
            self.put(&aor, row, Some(&current));
        }
    }

    /// Stores a row in memory and, soon, on disk. The caller holds the stripe.
    fn put(&self, aor: &str, row: Row, before: Option<&Row>) -> Arc<Row> {
        let old = before.map_or(0, |row| row.bindings.len());
        if row.bindings.len() >= old {
            self.bindings.fetch_add(row.bindings.len() - old, Ordering::Relaxed);
        } else {
            self.bindings.fetch_sub(old - row.bindings.len(), Ordering::Relaxed);
        }
        self.index_connections(aor, &row, before);
        let row = Arc::new(row);
        let key = BindingRow::key(aor);
        let commit = if row.bindings.is_empty() && row.seen.is_empty() {
            self.rows.pin().remove(aor);
            Commit::new().delete(Table::Bindings, &key)
        } else {
            self.rows.pin().insert(aor.into(), Arc::clone(&row));
            let record = row.to_record(aor, self.clock.now(), self.clock.wall());
            Commit::new().put(Table::Bindings, &key, record.encode())
        };
        self.store.commit_soon(commit);
        row
    }

    fn index_connections(&self, aor: &str, row: &Row, before: Option<&Row>) {
        let of = |row: &Row| -> SmallVec<[ConnectionId; 2]> {
            row.bindings
                .iter()
                .filter(|binding| binding.connection_bound && binding.flow.connection.is_some())
                .map(|binding| binding.flow.connection)
                .collect()
        };
        let (new, old) = (of(row), before.map(of).unwrap_or_default());
        if new == old {
            return;
        }
        let mut index = self.connections();
        for gone in old.iter().filter(|id| !new.contains(id)) {
            if let Some(aors) = index.get_mut(gone) {
                aors.retain(|other| **other != *aor);
                if aors.is_empty() {
                    index.remove(gone);
                }
            }
        }
        for id in new.iter().filter(|id| !old.contains(id)) {
            let aors = index.entry(*id).or_default();
            if !aors.iter().any(|other| **other == *aor) {
                aors.push(aor.into());
            }
        }
    }

    fn lock(&self, aor: &str) -> MutexGuard<'_, ()> {
        let stripe = (self.stripe_of.hash_one(aor) as usize) % self.stripes.len();
        // A poisoned stripe guards no data of its own: the rows are replaced as a whole.
        self.stripes[stripe].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn connections(&self) -> MutexGuard<'_, HashMap<ConnectionId, SmallVec<[Box<str>; 1]>>> {
        self.on_connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
