//! The table of all subscriptions: SUBSCRIBE in, NOTIFY out.

use std::cell::Cell;
use std::hash::RandomState;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use smallvec::SmallVec;

use super::index::{Access, Entry, Inner, Known};
use super::package::{EventHeader, Package};
use super::registration::Surroundings;
use super::request::{Granted, Notify, Refusal, Settings, SubscribeRequest};
use super::{stored, watchers};
use crate::clock::{Clock, Tick};
use crate::entropy;
use crate::payload::pres_rules::{Handling, Permissions};
use crate::payload::watcherinfo::{Event, Status, Watcher};
use crate::presence::Presence;
use crate::registrar::Row;
use crate::sip::dialog::Dialog;
use crate::sip::subscription::{EndReason, Outcome, Subscription};
use crate::sip::wire::Message;
use crate::sip::{ConnectionId, Flow};
use crate::store::{Store, StoreError};

thread_local! {
    /// Whether this thread asks for what is due when it is done with what it is at.
    static ATTENDING: Cell<bool> = const { Cell::new(false) };
}

/// While it lives, deadlines that arise on this thread ring no bell: whoever holds it calls
/// [`Subscriptions::due`] before it goes, and minds the deadline that is left then. So a request that
/// changes something wakes no other thread to be told of it.
#[derive(Debug)]
#[must_use]
pub struct Attendance(PhantomData<*const ()>);

impl Attendance {
    /// From now on, on this thread.
    pub fn begin() -> Attendance {
        ATTENDING.set(true);
        Attendance(PhantomData)
    }
}

impl Drop for Attendance {
    fn drop(&mut self) {
        ATTENDING.set(false);
    }
}

/// Holds all subscriptions. The only writer of [`crate::store::Table::Subscriptions`] and
/// [`crate::store::Table::WaitingWatchers`].
pub struct Subscriptions {
    pub(super) settings: ArcSwap<Settings>,
    pub(super) clock: Clock,
    pub(super) store: Arc<dyn Store>,
    pub(super) presence: Arc<Presence>,
    pub(super) hasher: RandomState,
    /// What names of watchers are mixed with: numbers begin anew with each process.
    pub(super) salt: u64,
    /// How often the server has started on what is stored.
    pub(super) starts: u32,
    /// What most watchers may see, once in memory.
    pub(super) everything: Arc<Permissions>,
    inner: Mutex<Inner>,
    count: AtomicUsize,
    /// How many wait for their device to come back, so that no REGISTER takes the lock to learn that
    /// none does.
    pub(super) awaited: AtomicUsize,
    /// The first deadline, so that nobody takes the lock to learn that nothing is due.
    deadline: AtomicU64,
    bell: OnceLock<Box<dyn Fn(Tick) + Send + Sync>>,
}

impl Subscriptions {
    /// A table that starts from what `store` holds. Each of those is told everything within half a
    /// minute: its numbers jump, and much may have changed. One whose connection went waits for its
    /// device to come back.
    ///
    /// # Errors
    ///
    /// If the store cannot be read. Rows that do not decode are left out and logged.
    pub fn open(
        settings: Settings,
        clock: Clock,
        store: Arc<dyn Store>,
        presence: Arc<Presence>,
    ) -> Result<Subscriptions, StoreError> {
        let table = Subscriptions {
            settings: ArcSwap::from_pointee(settings),
            clock,
            starts: stored::starts(&*store)?,
            store,
            presence,
            hasher: RandomState::new(),
            salt: entropy::number(),
            everything: Arc::new(Permissions::everything()),
            inner: Mutex::default(),
            count: AtomicUsize::new(0),
            awaited: AtomicUsize::new(0),
            deadline: AtomicU64::new(u64::MAX),
            bell: OnceLock::new(),
        };
        let mut inner = table.lock();
        table.load(&mut inner)?;
        table.note(&inner);
        drop(inner);
        Ok(table)
    }

    /// Grants by other rules from now on; what was granted stays.
    pub fn set(&self, settings: Settings) {
        self.settings.store(Arc::new(settings));
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

    /// The people that are watched, and those who watch.
    #[must_use]
    pub fn people(&self) -> Vec<Box<str>> {
        let inner = self.lock();
        let people = inner.by_resource.keys().chain(inner.by_watcher.keys());
        let mut people: Vec<Box<str>> = people.map(|name| (&**name).into()).collect();
        people.sort_unstable();
        people.dedup();
        people
    }

    /// Everybody who watches a person's presence, or waits for the person's answer.
    #[must_use]
    pub fn watchers(&self, resource: &str) -> Vec<Watcher> {
        let inner = self.lock();
        let times = (self.clock.now(), self.clock.wall());
        let changes = inner.watchers_of(resource);
        let document = watchers::document(resource, changes, (0, true), self.salt, times);
        document.lists.into_iter().flat_map(|list| list.watchers).collect()
    }

    /// What a watcher may see now; of all but presence, everything.
    pub(super) fn access(&self, package: Package, resource: &str, watcher: &str) -> Access {
        let everything = || Arc::clone(&self.everything);
        if package != Package::Presence {
            let permissions = everything();
            return Access { handling: Handling::Allow, permissions, event: Event::Subscribe };
        }
        let decision = self.presence.authorise(resource, watcher);
        let permissions = if decision.permissions == self.everything {
            everything()
        } else {
            decision.permissions
        };
        Access { handling: decision.handling, permissions, event: Event::Subscribe }
    }

    /// Begins a subscription (RFC 6665 s4.2.1). Its first NOTIFY is due when this returns, also
    /// where nobody decided about it (s4.2.1.2), or where it is refused (RFC 5025 s3.2.1).
    ///
    /// # Errors
    ///
    /// [`Refusal`]; nothing has begun then.
    pub fn begin(&self, request: SubscribeRequest<'_>) -> Result<Granted, Refusal> {
        let expires = self.grant(request.message.expires())?;
        let dialog = Dialog::accept(request.message, &request.tag)?;
        let (now, wall) = (self.clock.now(), self.clock.wall());
        let until = now + Duration::from_secs(expires.into());
        let mut subscription = Subscription::new(until, self.settings.load().interval);
        let package = request.package;
        if package == Package::Presence {
            self.presence.prepare(request.resource);
        }
        let mut inner = self.lock();
        // Whoever repeats another's Call-ID and branch must not come between.
        if inner.by_tag.contains_key(&**dialog.local_tag()) {
            return Err(Refusal::Twice);
        }
        let held = inner.by_watcher.get(request.watcher).map_or(0, SmallVec::len);
        if held >= self.settings.load().per_user {
            return Err(Refusal::TooMany);
        }
        let watched = inner.by_resource.get(request.resource).map_or(0, |w| w.presence);
        if package == Package::Presence && watched >= self.settings.load().watchers_per_user {
            return Err(Refusal::TooManyWatchers);
        }
        // Asked with the lock held: rules that change from now on will find it.
        let access = self.access(package, request.resource, request.watcher);
        let blocked = access.handling == Handling::Block;
        if blocked {
            subscription.end(EndReason::Rejected);
        } else if expires == 0 {
            subscription.end(EndReason::Timeout);
        }
        let mut entry = Entry {
            resource: inner.shared(request.resource),
            watcher: inner.shared(request.watcher),
            package,
            one_tuple: self.settings.load().one_tuple.is_for(request.message.user_agent()),
            bound: request.bound,
            stored: false,
            announced: !blocked,
            event_id: request.event_id.map(Into::into),
            device: request.device,
            dialog: Arc::new(dialog),
            deadline: subscription.deadline(),
            subscription,
            flow: request.flow,
            adrift: None,
            since: wall,
            version: 0,
            reserved_cseq: 0,
            reserved_version: 0,
            known: Known::Nothing,
            access,
        };
        entry.set_state();
        // What is over at once nobody needs again.
        if !entry.subscription.is_ending() {
            self.keep(&mut entry);
        }
        if package == Package::Presence {
            self.comes(&mut inner, &entry);
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
        watcher: &str,
        event: &EventHeader<'_>,
        place: (Flow, bool),
    ) -> Result<Granted, Refusal> {
        let now = self.clock.now();
        let tag = message.to().ok().and_then(|to| to.tag()).unwrap_or_default();
        let mut inner = self.lock();
        let id = std::str::from_utf8(tag).ok().and_then(|tag| inner.by_tag.get(tag).copied());
        let id = id.ok_or(Refusal::Unknown)?;
        let entry = inner.entries.get_mut(&id).ok_or(Refusal::Unknown)?;
        let is_it = entry.dialog.has(message)
            && *entry.watcher == *watcher
            && Package::named(event.package) == Some(entry.package)
            && entry.event_id.as_deref() == event.id
            && !entry.subscription.is_ending()
            && entry.subscription.expires() > now;
        if !is_it {
            return Err(Refusal::Unknown);
        }
        let expires = self.grant(message.expires())?;
        Arc::make_mut(&mut entry.dialog).receive(message)?;
        // s4.2.1.2: the answer to a SUBSCRIBE tells everything.
        entry.known = Known::Nothing;
        entry.subscription.refresh(now + Duration::from_secs(expires.into()));
        if expires == 0 {
            entry.subscription.end(EndReason::Timeout);
        }
        inner.moves(id, place);
        self.reauthorise(&mut inner, id);
        if let Some(entry) = inner.entries.get_mut(&id) {
            if entry.subscription.is_ending() {
                self.forget(entry);
            } else {
                self.keep(entry);
            }
        }
        inner.reindex(id);
        self.note(&inner);
        Ok(Granted { expires })
    }

    /// RFC 6665 s4.2.1.1, decision 18b: never longer than asked.
    fn grant(&self, wished: Option<u32>) -> Result<u32, Refusal> {
        let wished = wished.unwrap_or(self.settings.load().default_expires);
        if wished > 0 && wished < self.settings.load().min_expires {
            return Err(Refusal::TooBrief);
        }
        Ok(wished.min(self.settings.load().max_expires))
    }

    /// The least expiry that is granted, seconds.
    #[must_use]
    pub fn min_expires(&self) -> u32 {
        self.settings.load().min_expires
    }

    /// The next NOTIFY that is due at `now`, if there is one. What it tells and its number are taken
    /// together, so that of two the later one has the later state, whoever asks. `row` gives what
    /// the registrar has of a person, `is_open` whether a connection still stands.
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
            match inner.entries.get(&id) {
                None => {
                    inner.deadlines.remove(&(deadline, id));
                    continue;
                }
                // Its device did not come back in time.
                Some(entry) if entry.adrift.is_some() => {
                    self.give_up(&mut inner, id);
                    continue;
                }
                Some(_) => {}
            }
            let notify = self.compose(&mut inner, id, now, &row, &around);
            inner.reindex(id);
            if notify.is_some() {
                break notify;
            }
        };
        self.note(&inner);
        notify
    }

    /// What became of a NOTIFY.
    pub fn settle(&self, id: u64, outcome: Outcome) {
        let mut inner = self.lock();
        let Some(entry) = inner.entries.get_mut(&id) else { return };
        if entry.subscription.settle(outcome) {
            // Nobody knows what the subscriber knows.
            entry.known = Known::Nothing;
        }
        if entry.subscription.is_over() {
            self.drop_entry(&mut inner, id, None);
        } else {
            inner.reindex(id);
        }
        self.note(&inner);
    }

    /// A NOTIFY could not be sent for want of room: it is due again at `at`, with the state as it is
    /// then.
    pub fn put_off(&self, id: u64, at: Tick) {
        let mut inner = self.lock();
        let Some(entry) = inner.entries.get_mut(&id) else { return };
        entry.subscription.put_off(at);
        entry.known = Known::Nothing;
        if entry.subscription.is_over() {
            self.drop_entry(&mut inner, id, None);
        } else {
            inner.reindex(id);
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
            self.drop_entry(&mut inner, id, None);
        }
        self.note(&inner);
    }

    /// Forgets a subscription, and tells the watched person; by why it ended, if nothing else is
    /// said.
    pub(super) fn drop_entry(&self, inner: &mut Inner, id: u64, event: Option<Event>) {
        let Some(mut entry) = inner.remove(id) else { return };
        self.forget(&mut entry);
        if entry.package != Package::Presence || !entry.announced {
            return;
        }
        let event = event.unwrap_or(match entry.subscription.end_reason() {
            Some(EndReason::Rejected) => Event::Rejected,
            Some(EndReason::NoResource) => Event::Noresource,
            Some(EndReason::Deactivated) => Event::Deactivated,
            Some(EndReason::Timeout) | None => Event::Timeout,
        });
        self.goes(inner, id, &entry, event);
    }

    /// Lets go of what is easily had again, and gives up who waited too long. Call it every few
    /// seconds.
    pub fn sweep(&self) {
        let mut inner = self.lock();
        for resource in std::mem::take(&mut inner.viewed) {
            if let Some(watched) = inner.by_resource.get_mut(&resource) {
                watched.view = None;
            }
        }
        let now = self.clock.now();
        inner.lost.retain(|_, lost| {
            lost.retain(|entry| entry.subscription.expires() > now);
            !lost.is_empty()
        });
        for (resource, wait) in inner.waiting.expire(self.clock.wall()) {
            self.forget_wait(&resource, &wait.watcher);
            let change = watchers::Change::of_wait(&wait, Status::Terminated, Event::Giveup);
            inner.watcher_changed(&resource, &change);
        }
        self.note(&inner);
    }

    /// Publishes what others read without the lock.
    pub(super) fn note(&self, inner: &Inner) {
        self.count.store(inner.entries.len(), Ordering::Relaxed);
        self.awaited.store(inner.adrift + inner.lost.len(), Ordering::Release);
        let first = inner.deadlines.first().map_or(Tick::NEVER, |(deadline, _)| *deadline);
        let before = self.deadline.swap(first.as_micros(), Ordering::AcqRel);
        if first.as_micros() < before
            && !ATTENDING.get()
            && let Some(bell) = self.bell.get()
        {
            bell(first);
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic while it was held is a fault of ours; at worst a NOTIFY is missing.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An address-of-record as documents write it.
pub(super) fn uri(aor: &str) -> String {
    format!("sip:{aor}")
}
