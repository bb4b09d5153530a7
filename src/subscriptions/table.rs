//! The table of all subscriptions.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use smallvec::SmallVec;

use super::index::{Entry, Inner};
use super::package::{EventHeader, Package};
use super::registration::{self, Surroundings};
use super::request::{Granted, Notify, Refusal, Settings, SubscribeRequest};
use crate::clock::{Clock, Tick, WallTime};
use crate::entropy;
use crate::model::{DeviceKey, Record as _, SubscriptionRow};
use crate::registrar::{Observer, Row};
use crate::sip::dialog::Dialog;
use crate::sip::subscription::{EndReason, NotifyState, Outcome, Subscription};
use crate::sip::wire::Message;
use crate::sip::{ConnectionId, Flow};
use crate::store::{Commit, Store, StoreError, Table, rows};

/// CSeq numbers and versions that one write to the store reserves.
const BLOCK: u32 = 64;

/// What came back from the store is told within this time, not all at once.
const RETURN_SPREAD: Duration = Duration::from_secs(30);

/// Holds all subscriptions. The only writer of [`Table::Subscriptions`].
pub struct Subscriptions {
    settings: Settings,
    clock: Clock,
    store: Arc<dyn Store>,
    inner: Mutex<Inner>,
    count: AtomicUsize,
    /// The first deadline, so that nobody takes the lock to learn that nothing is due.
    deadline: AtomicU64,
    bell: OnceLock<Box<dyn Fn(Tick) + Send + Sync>>,
}

impl Subscriptions {
    /// A table that starts from what `store` holds. Each of those is told everything within half a
    /// minute: its numbers jump, and much may have changed.
    ///
    /// # Errors
    ///
    /// If the store cannot be read. Rows that do not decode are left out and logged.
    pub fn open(
        settings: Settings,
        clock: Clock,
        store: Arc<dyn Store>,
    ) -> Result<Subscriptions, StoreError> {
        let table = Subscriptions {
            settings,
            clock,
            store,
            inner: Mutex::default(),
            count: AtomicUsize::new(0),
            deadline: AtomicU64::new(u64::MAX),
            bell: OnceLock::new(),
        };
        let (now, wall) = (table.clock.now(), table.clock.wall());
        let mut inner = table.lock();
        for row in rows(&*table.store, Table::Subscriptions, &[]) {
            let (key, value) = row?;
            let entry =
                SubscriptionRow::decode(&value).ok().and_then(|row| table.restored(row, now, wall));
            match entry {
                Some(entry) => inner.insert(entry),
                None => {
                    tracing::error!(event = "subscription_row_unreadable", key = %String::from_utf8_lossy(&key).escape_debug());
                }
            }
        }
        table.note(&inner);
        drop(inner);
        Ok(table)
    }

    fn restored(&self, row: SubscriptionRow, now: Tick, wall: WallTime) -> Option<Entry> {
        let package = Package::named(row.event.as_bytes())?;
        let longest = Duration::from_secs(self.settings.max_expires.into());
        let expires = now + row.expires_at.since(wall).min(longest);
        let mut subscription = Subscription::new(expires, self.settings.interval);
        let spread = u64::try_from(RETURN_SPREAD.as_millis()).unwrap_or(u64::MAX);
        subscription.rest_until(now + Duration::from_millis(entropy::below(spread)));
        Some(Entry {
            resource: row.resource.into(),
            package,
            event_id: row.event_id.map(Into::into),
            device: row.device,
            dialog: Dialog {
                call_id: row.call_id,
                local_tag: row.local_tag,
                remote_tag: row.remote_tag,
                local: row.local,
                remote: row.remote,
                target: row.target,
                route: row.route,
                local_cseq: row.reserved_cseq,
                remote_cseq: row.remote_cseq,
            },
            deadline: subscription.deadline(),
            subscription,
            flow: row.flow,
            bound: false,
            version: row.reserved_version,
            reserved_cseq: row.reserved_cseq,
            reserved_version: row.reserved_version,
            told: None,
            gone: Vec::new(),
            stored: true,
        })
    }

    /// Sets what is called when a deadline comes that is earlier than all before.
    pub fn ring(&self, bell: impl Fn(Tick) + Send + Sync + 'static) {
        if self.deadline() != Tick::NEVER {
            bell(self.deadline());
        }
        // Set once, at the start.
        let _ = self.bell.set(Box::new(bell));
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Whether nobody watches anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// When [`Subscriptions::due`] has something to say.
    #[must_use]
    pub fn deadline(&self) -> Tick {
        Tick::from_micros(self.deadline.load(Ordering::Acquire))
    }

    /// The people that are watched.
    #[must_use]
    pub fn resources(&self) -> Vec<Box<str>> {
        self.lock().by_resource.keys().cloned().collect()
    }

    /// Begins a subscription (RFC 6665 s4.2.1). Its first NOTIFY is due when this returns.
    ///
    /// # Errors
    ///
    /// [`Refusal`]; nothing has begun then.
    pub fn begin(&self, request: SubscribeRequest<'_>) -> Result<Granted, Refusal> {
        let expires = self.grant(request.message.expires())?;
        let dialog = Dialog::accept(request.message, request.tag)?;
        let now = self.clock.now();
        let until = now + Duration::from_secs(expires.into());
        let mut subscription = Subscription::new(until, self.settings.interval);
        if expires == 0 {
            subscription.end(EndReason::Timeout);
        }
        let mut inner = self.lock();
        let held = inner.by_resource.get(request.resource).map_or(0, SmallVec::len);
        if held >= self.settings.per_user {
            return Err(Refusal::TooMany);
        }
        let mut entry = Entry {
            resource: request.resource.into(),
            package: request.package,
            event_id: request.event_id.map(Into::into),
            device: request.device,
            dialog,
            deadline: subscription.deadline(),
            subscription,
            flow: request.flow,
            bound: request.bound,
            version: 0,
            reserved_cseq: BLOCK,
            reserved_version: BLOCK,
            told: None,
            gone: Vec::new(),
            stored: false,
        };
        // A fetch is over before anybody could need it again.
        if expires > 0 {
            self.keep(&mut entry);
        }
        inner.insert(entry);
        self.note(&inner);
        Ok(Granted { expires })
    }

    /// Carries out a SUBSCRIBE within a dialog (RFC 6665 s4.2.1.2, s4.2.1.4): it lasts longer, or
    /// ends. `flow` and `bound` are where NOTIFYs go from now on.
    ///
    /// # Errors
    ///
    /// [`Refusal`]; the subscription is as it was.
    pub fn refresh(
        &self,
        message: &Message<'_>,
        resource: &str,
        event: &EventHeader<'_>,
        (flow, bound): (Flow, bool),
    ) -> Result<Granted, Refusal> {
        let now = self.clock.now();
        let tag = message.to().ok().and_then(|to| to.tag()).unwrap_or_default();
        let mut inner = self.lock();
        let id = std::str::from_utf8(tag).ok().and_then(|tag| inner.by_tag.get(tag).copied());
        let id = id.ok_or(Refusal::Unknown)?;
        let entry = inner.entries.get_mut(&id).ok_or(Refusal::Unknown)?;
        let is_it = entry.dialog.has(message)
            && *entry.resource == *resource
            && Package::named(event.package) == Some(entry.package)
            && entry.event_id.as_deref() == event.id
            && !entry.subscription.is_ending()
            && entry.subscription.expires() > now;
        if !is_it {
            return Err(Refusal::Unknown);
        }
        let expires = self.grant(message.expires())?;
        entry.dialog.receive(message)?;
        // s4.2.1.2: the answer to a SUBSCRIBE tells everything.
        entry.told = None;
        entry.gone.clear();
        entry.subscription.refresh(now + Duration::from_secs(expires.into()));
        if expires == 0 {
            entry.subscription.end(EndReason::Timeout);
        }
        let before = (entry.flow, entry.bound);
        (entry.flow, entry.bound) = (flow, bound);
        if !bound {
            self.keep(entry);
        } else {
            self.forget(entry);
        }
        inner.moved(id, before);
        inner.reindex(id);
        self.note(&inner);
        Ok(Granted { expires })
    }

    /// RFC 6665 s4.2.1.1, decision 18b: never longer than asked.
    fn grant(&self, wished: Option<u32>) -> Result<u32, Refusal> {
        let wished = wished.unwrap_or(self.settings.default_expires);
        if wished > 0 && wished < self.settings.min_expires {
            return Err(Refusal::TooBrief);
        }
        Ok(wished.min(self.settings.max_expires))
    }

    /// The least expiry that is granted, seconds.
    #[must_use]
    pub fn min_expires(&self) -> u32 {
        self.settings.min_expires
    }

    /// The next NOTIFY that is due at `now`, if there is one. `row` gives what the registrar has of
    /// a person, `is_open` whether a connection still stands.
    pub fn due(
        &self,
        now: Tick,
        row: impl Fn(&str) -> Option<Arc<Row>>,
        is_open: &dyn Fn(ConnectionId) -> bool,
    ) -> Option<Notify> {
        if self.deadline() > now {
            return None;
        }
        let around = Surroundings { now, wall: self.clock.wall(), is_open };
        let mut inner = self.lock();
        let notify = loop {
            let Some((deadline, id)) = inner.deadlines.first().copied() else { break None };
            if deadline > now {
                break None;
            }
            let Some(entry) = inner.entries.get_mut(&id) else {
                inner.deadlines.remove(&(deadline, id));
                continue;
            };
            let notify = self.compose(id, entry, now, &row, &around);
            inner.reindex(id);
            if notify.is_some() {
                break notify;
            }
        };
        self.note(&inner);
        notify
    }

    fn compose(
        &self,
        id: u64,
        entry: &mut Entry,
        now: Tick,
        row: impl Fn(&str) -> Option<Arc<Row>>,
        around: &Surroundings<'_>,
    ) -> Option<Notify> {
        let state = entry.subscription.poll(now)?;
        let row = row(&entry.resource).unwrap_or_default();
        let (resource, version) = (&*entry.resource, entry.version);
        let ends = matches!(state, NotifyState::Terminated(_));
        let document = match &entry.told {
            None => None,
            Some(told) => {
                let news =
                    registration::partial(resource, told, &entry.gone, &row, version, around);
                if news.is_none() && !ends {
                    entry.subscription.unchanged();
                    return None;
                }
                news
            }
        };
        let document =
            document.unwrap_or_else(|| registration::full(resource, &row, version, around));
        entry.dialog.next_cseq();
        entry.version = entry.version.saturating_add(1);
        entry.told = Some((row, now));
        entry.gone.clear();
        let used_up =
            entry.dialog.local_cseq > entry.reserved_cseq || entry.version > entry.reserved_version;
        if used_up && entry.stored {
            self.keep(entry);
        }
        let package = entry.package.name();
        Some(Notify {
            id,
            dialog: entry.dialog.clone(),
            flow: entry.flow,
            event: match &entry.event_id {
                Some(id) => format!("{package};id={id}"),
                None => package.to_owned(),
            },
            state,
            media_type: entry.package.media_type(),
            body: document.write(),
        })
    }

    /// What became of a NOTIFY.
    pub fn settle(&self, id: u64, outcome: Outcome) {
        let mut inner = self.lock();
        let Some(entry) = inner.entries.get_mut(&id) else { return };
        if entry.subscription.settle(outcome) {
            // Nobody knows what the subscriber knows.
            entry.told = None;
        }
        if entry.subscription.is_over() {
            self.drop_entry(&mut inner, id);
        } else {
            inner.reindex(id);
        }
        self.note(&inner);
    }

    /// Ends subscriptions to a person, all or those of one device.
    pub fn end(&self, resource: &str, device: Option<&DeviceKey>, reason: EndReason) {
        let mut inner = self.lock();
        let ids = inner.by_resource.get(resource).cloned().unwrap_or_default();
        for id in ids {
            let Some(entry) = inner.entries.get_mut(&id) else { continue };
            if device.is_none_or(|device| entry.device.as_ref() == Some(device)) {
                entry.subscription.end(reason);
                self.forget(entry);
                inner.reindex(id);
            }
        }
        self.note(&inner);
    }

    /// Ends what was told over a connection that is closed (decision 18c).
    pub fn connection_closed(&self, connection: ConnectionId) {
        if self.is_empty() {
            return;
        }
        let mut inner = self.lock();
        for id in inner.by_connection.remove(&connection).unwrap_or_default() {
            self.drop_entry(&mut inner, id);
        }
        self.note(&inner);
    }

    fn drop_entry(&self, inner: &mut Inner, id: u64) {
        if let Some(mut entry) = inner.remove(id) {
            self.forget(&mut entry);
        }
    }

    /// Stores a subscription, with the next block of numbers reserved.
    fn keep(&self, entry: &mut Entry) {
        if entry.bound {
            return;
        }
        entry.stored = true;
        entry.reserved_cseq = entry.dialog.local_cseq.saturating_add(BLOCK);
        entry.reserved_version = entry.version.saturating_add(BLOCK);
        let left = entry.subscription.expires().since(self.clock.now());
        let row = SubscriptionRow {
            resource: entry.resource.to_string(),
            event: entry.package.name().to_owned(),
            event_id: entry.event_id.as_deref().map(str::to_owned),
            device: entry.device.clone(),
            flow: entry.flow,
            call_id: entry.dialog.call_id.clone(),
            local_tag: entry.dialog.local_tag.clone(),
            remote_tag: entry.dialog.remote_tag.clone(),
            local: entry.dialog.local.clone(),
            remote: entry.dialog.remote.clone(),
            target: entry.dialog.target.clone(),
            route: entry.dialog.route.clone(),
            remote_cseq: entry.dialog.remote_cseq,
            reserved_cseq: entry.reserved_cseq,
            reserved_version: entry.reserved_version,
            expires_at: self.clock.wall() + left,
        };
        let key = SubscriptionRow::key(&entry.resource, &entry.dialog.local_tag);
        self.store.commit_soon(Commit::new().put(Table::Subscriptions, &key, row.encode()));
    }

    fn forget(&self, entry: &mut Entry) {
        if !std::mem::take(&mut entry.stored) {
            return;
        }
        let key = SubscriptionRow::key(&entry.resource, &entry.dialog.local_tag);
        self.store.commit_soon(Commit::new().delete(Table::Subscriptions, &key));
    }

    /// Publishes what others read without the lock.
    fn note(&self, inner: &Inner) {
        self.count.store(inner.entries.len(), Ordering::Relaxed);
        let first = inner.deadlines.first().map_or(Tick::NEVER, |(deadline, _)| *deadline);
        let before = self.deadline.swap(first.as_micros(), Ordering::AcqRel);
        if first.as_micros() < before
            && let Some(bell) = self.bell.get()
        {
            bell(first);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic while it was held is a fault of ours; at worst a NOTIFY is missing.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Subscriptions {
    fn changed(&self, aor: &str, before: Option<&Row>, after: &Row) {
        if self.is_empty() {
            return;
        }
        let mut inner = self.lock();
        let Some(ids) = inner.by_resource.get(aor).cloned() else { return };
        let nobody = Row::default();
        if registration::same_contacts(before.unwrap_or(&nobody), after) {
            return;
        }
        for id in ids {
            if let Some(entry) = inner.entries.get_mut(&id) {
                entry.subscription.changed();
                registration::remember_gone(&mut entry.gone, before.unwrap_or(&nobody), after);
            }
            inner.reindex(id);
        }
        self.note(&inner);
    }
}
