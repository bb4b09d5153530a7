//! The table of all rows: REGISTER in, lookups out, the store behind.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use smallvec::SmallVec;

use super::gruu::is_urn;
use super::path::{Path, path};
use super::reach::{Reach, reach};
use super::request::{ContactRequest, Contacts, Refusal, RegisterRequest, Registered, Settings};
use super::row::{Binding, Change, FlowKey, Row};
use crate::clock::{Clock, Tick, WallTime};
use crate::entropy;
use crate::model::{BindingRow, DeviceKey, Record as _};
use crate::sip::ConnectionId;
use crate::store::{Commit, Store, StoreError, Table};

/// Writers of different addresses-of-record seldom meet on one of these.
const STRIPES: usize = 256;

/// Holds and changes all rows. The only writer of [`Table::Bindings`].
pub struct Registrar {
    settings: ArcSwap<Settings>,
    clock: Clock,
    store: Arc<dyn Store>,
    rows: papaya::HashMap<Box<str>, Arc<Row>>,
    stripes: Vec<Mutex<()>>,
    stripe_of: RandomState,
    /// Addresses-of-record that hang on a connection, so that its end costs no scan.
    on_connection: Mutex<HashMap<ConnectionId, SmallVec<[Box<str>; 1]>>>,
    bindings: AtomicUsize,
    observer: OnceLock<Arc<dyn Observer>>,
}

/// Hears of every change of a row, once it is in force. Called while the address-of-record is
/// locked: it must be quick, and must change no row.
pub trait Observer: Send + Sync {
    /// The row of `aor` was `before` and is `after`.
    fn changed(&self, aor: &str, before: Option<&Row>, after: &Row);
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
            settings: ArcSwap::from_pointee(settings),
            clock,
            store,
            rows: papaya::HashMap::new(),
            stripes: (0..STRIPES).map(|_| Mutex::new(())).collect(),
            stripe_of: RandomState::new(),
            on_connection: Mutex::new(HashMap::new()),
            bindings: AtomicUsize::new(0),
            observer: OnceLock::new(),
        };
        registrar.load()?;
        Ok(registrar)
    }

    /// Grants by other rules from now on; what was granted stays.
    pub fn set(&self, settings: Settings) {
        self.settings.store(Arc::new(settings));
    }

    /// Sets who hears of changes; the first one stays.
    pub fn observe(&self, observer: Arc<dyn Observer>) {
        let _ = self.observer.set(observer);
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
                let mut row = Row::from_record(record, now, wall, self.settings.load().max_expires);
                row.prune(now, self.horizon(wall));
                if !row.is_empty() {
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
        let memory =
            u64::try_from(self.settings.load().device_memory.as_millis()).unwrap_or(u64::MAX);
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

    /// How many people have a contact.
    #[must_use]
    pub fn registered(&self) -> usize {
        self.rows.pin().iter().filter(|(_, row)| !row.bindings.is_empty()).count()
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
                return Ok(Registered { row, arrived: SmallVec::new(), outbound: false });
            }
            contacts => contacts,
        };
        let mut row = current.as_deref().cloned().unwrap_or_default();
        row.prune(now, self.horizon(wall));
        let mut arrived: SmallVec<[DeviceKey; 1]> = SmallVec::new();
        let mut outbound = false;
        match contacts {
            Contacts::Star => {
                if request.expires != Some(0) {
                    return Err(Refusal::BadStar);
                }
                row.clear(request.call_id, request.cseq)?;
            }
            Contacts::List(list) => {
                let path = path(&request.path, request.flow, |address| self.is_ours(address))?;
                if path.is_some() && !request.supported.path {
                    return Err(Refusal::PathNotSupported);
                }
                let flows = keeps_flows(request, list, path.as_ref())?;
                outbound = flows && list.iter().any(|contact| flow_key(contact).is_some());
                let changes = self.changes(request, list, path.as_ref(), flows, now)?;
                for change in &changes {
                    let Change::Put(binding) = change else { continue };
                    if !arrived.contains(&binding.device) {
                        arrived.push(binding.device.clone());
                    }
                    if let Some(instance) = binding.instance.as_ref().filter(|id| is_urn(id)) {
                        row.note_instance(instance);
                    }
                }
                row.apply(
                    changes,
                    request.call_id,
                    request.cseq,
                    self.settings.load().max_contacts,
                )?;
            }
        }
        for device in &arrived {
            row.note_seen(device, wall);
        }
        let row = self.put(request.aor, row, current.as_deref());
        Ok(Registered { row, arrived, outbound: outbound && request.supported.outbound })
    }

    fn is_ours(&self, address: SocketAddr) -> bool {
        self.settings.load().own_addresses.contains(&address)
    }

    fn is_our_name(&self, name: &[u8]) -> bool {
        self.settings.load().own_names.iter().any(|own| own.as_bytes().eq_ignore_ascii_case(name))
    }

    fn changes<'a>(
        &self,
        request: &RegisterRequest<'_>,
        list: &'a [ContactRequest<'_>],
        path: Option<&Path>,
        flows: bool,
        now: Tick,
    ) -> Result<Vec<Change<'a>>, Refusal> {
        let call_id: Arc<[u8]> = request.call_id.into();
        let user_agent: Option<Arc<str>> = request.user_agent.map(Into::into);
        let mut changes = Vec::with_capacity(list.len());
        for contact in list {
            let key = flow_key(contact).filter(|_| flows);
            let wished = contact.expires.or(request.expires);
            if wished == Some(0) {
                changes.push(key.map_or(Change::Remove(contact.uri), Change::RemoveFlow));
                continue;
            }
            let granted = self.grant(wished)?;
            let mut reached = reach(
                contact.uri,
                request.flow,
                key.is_some(),
                |address| self.is_ours(address),
                |name| self.is_our_name(name),
            )?;
            if let Some(path) = path {
                reached = Reach { flow: path.flow, bound: path.bound };
            }
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
                reg_id: key.map(|key| key.reg_id),
                params: (!contact.params.is_empty()).then(|| contact.params.as_str().into()),
                route: path.map(|path| Arc::clone(&path.route)),
                user_agent: user_agent.clone(),
                created: self.clock.wall(),
                stored_until: now,
            }));
        }
        Ok(changes)
    }

    /// The expiry granted for a wish in seconds: never longer than asked, and up to a tenth
    /// shorter, so that a campus that came back from a power cut does not stay in step.
    fn grant(&self, wished: Option<u32>) -> Result<Duration, Refusal> {
        let settings = self.settings.load();
        let min = settings.min_expires.as_secs();
        let wished = wished.map_or(settings.default_expires.as_secs(), u64::from);
        // s10.3: only an expiry below an hour may be called too brief.
        if wished < min.min(3_600) {
            return Err(Refusal::TooBrief { min_expires: min });
        }
        let granted = wished.min(settings.max_expires.as_secs());
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
        let had_any = row.drop_device(device);
        self.put(aor, row, Some(&current));
        had_any
    }

    /// Calls `see` with every address-of-record that has a contact. Quick: runs inside an epoch.
    pub fn each(&self, mut see: impl FnMut(&str, &Arc<Row>)) {
        for (aor, row) in &self.rows.pin() {
            if !row.bindings.is_empty() {
                see(aor, row);
            }
        }
    }

    /// Ends one binding, as its [`Binding::handle`] names it; true if it was there. The device stays
    /// known, and may register again.
    pub fn end(&self, aor: &str, handle: &str) -> bool {
        let _guard = self.lock(aor);
        let Some(current) = self.lookup(aor) else { return false };
        let mut row = (*current).clone();
        row.bindings.retain(|binding| binding.handle() != handle);
        if row.bindings.len() == current.bindings.len() {
            return false;
        }
        self.put(aor, row, Some(&current));
        true
    }

    /// Ends every binding of an address-of-record; returns how many. Its devices stay known.
    pub fn end_all(&self, aor: &str) -> usize {
        let _guard = self.lock(aor);
        let Some(current) = self.lookup(aor) else { return 0 };
        let mut row = (*current).clone();
        row.bindings.clear();
        let ended = current.bindings.len();
        if ended > 0 {
            self.put(aor, row, Some(&current));
        }
        ended
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
                            && !row.seen.is_empty()
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
    fn put(&self, aor: &str, mut row: Row, before: Option<&Row>) -> Arc<Row> {
        let old = before.map_or(0, |row| row.bindings.len());
        if row.bindings.len() >= old {
            self.bindings.fetch_add(row.bindings.len() - old, Ordering::Relaxed);
        } else {
            self.bindings.fetch_sub(old - row.bindings.len(), Ordering::Relaxed);
        }
        self.index_connections(aor, &row, before);
        let now = self.clock.now();
        let stored = before.filter(|before| row.is_stored_by(before, now));
        match stored {
            Some(before) => row.inherit(before),
            None => row.mark_stored(now),
        }
        let row = Arc::new(row);
        if row.is_empty() {
            self.rows.pin().remove(aor);
        } else {
            self.rows.pin().insert(aor.into(), Arc::clone(&row));
        }
        if stored.is_none() {
            let key = BindingRow::key(aor);
            self.store.commit_soon(if row.is_empty() {
                Commit::new().delete(Table::Bindings, &key)
            } else {
                let record = row.to_record(aor, now, self.clock.wall());
                Commit::new().put(Table::Bindings, &key, record.encode())
            });
        }
        if let Some(observer) = self.observer.get() {
            observer.changed(aor, before, &row);
        }
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

/// What names a contact as a flow (RFC 5626 s6); a `reg-id` without instance is ignored.
fn flow_key<'a>(contact: &ContactRequest<'a>) -> Option<FlowKey<'a>> {
    let instance = contact.instance.filter(|instance| is_urn(instance))?;
    Some(FlowKey { instance, reg_id: contact.reg_id? })
}

/// Whether the contacts of a request may be flows (RFC 5626 s6): it came from the device itself,
/// or the proxy next to the device keeps flows.
fn keeps_flows(
    request: &RegisterRequest<'_>,
    list: &[ContactRequest<'_>],
    path: Option<&Path>,
) -> Result<bool, Refusal> {
    if !list.iter().any(|contact| flow_key(contact).is_some()) {
        return Ok(false);
    }
    let is_kept = match path {
        Some(path) => path.keeps_flows,
        None => request.is_first_hop,
    };
    if !is_kept && request.supported.outbound {
        return Err(Refusal::FirstHopLacksOutbound);
    }
    let bound = list.iter().filter(|contact| contact.expires.or(request.expires) != Some(0));
    if is_kept && bound.count() > 1 {
        return Err(Refusal::SeveralFlows);
    }
    Ok(is_kept)
}
