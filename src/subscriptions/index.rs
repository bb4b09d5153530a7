//! The subscriptions in memory, and the ways to find them: nothing here walks all of them.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use smallvec::SmallVec;

use super::package::Package;
use super::view::View;
use super::waiting::Waiting;
use super::watchers::Change;
use crate::clock::{Tick, WallTime};
use crate::model::DeviceKey;
use crate::payload::pres_rules::{Handling, Permissions};
use crate::payload::watcherinfo::Event;
use crate::registrar::{Binding, Row};
use crate::sip::dialog::Dialog;
use crate::sip::subscription::Subscription;
use crate::sip::{ConnectionId, Flow};

/// A subscription, and what its subscriber knows.
pub(super) struct Entry {
    pub(super) resource: Arc<str>,
    pub(super) watcher: Arc<str>,
    pub(super) package: Package,
    pub(super) one_tuple: bool,
    pub(super) bound: bool,
    /// Whether the store has it.
    pub(super) stored: bool,
    /// Whether the watched person may hear of it: one that was blocked at the door never was there.
    pub(super) announced: bool,
    pub(super) event_id: Option<Box<str>>,
    pub(super) device: Option<DeviceKey>,
    pub(super) dialog: Arc<Dialog>,
    pub(super) subscription: Subscription,
    pub(super) flow: Flow,
    /// Its connection went with the process before; it is ended then.
    pub(super) adrift: Option<Tick>,
    pub(super) since: WallTime,
    pub(super) version: u32,
    pub(super) reserved_cseq: u32,
    pub(super) reserved_version: u32,
    pub(super) known: Known,
    /// What the subscriber may see of a person's presence.
    pub(super) access: Access,
    /// Where it stands among the deadlines.
    pub(super) deadline: Tick,
}

impl Entry {
    /// Whether it waits for the person's decision.
    pub(super) fn is_pending(&self) -> bool {
        self.access.handling == Handling::Confirm
    }

    /// What the subscriber may see decides what state it is told.
    pub(super) fn set_state(&mut self) {
        self.subscription.set_pending(self.is_pending());
    }

    /// When it has something to say, or must be ended.
    pub(super) fn next_deadline(&self) -> Tick {
        self.adrift.unwrap_or_else(|| self.subscription.deadline())
    }
}

/// What a subscriber may see, and how it came to that.
#[derive(Clone)]
pub(super) struct Access {
    pub(super) handling: Handling,
    pub(super) permissions: Arc<Permissions>,
    /// What its owner is told of it (RFC 3858 s3.1).
    pub(super) event: Event,
}

/// What a subscriber knows.
pub(super) enum Known {
    /// Nothing that one could rely on.
    Nothing,
    /// The row, since when, and the contacts that went since, as they were last: why they went
    /// shows in them.
    Registration(Box<(Arc<Row>, Tick, Vec<Binding>)>),
    /// A document of presence with its state, as a number.
    Presence(u64),
    /// The list of watchers, but for these changes.
    Watchers(Vec<Change>),
}

/// Everything that is about one person.
#[derive(Default)]
pub(super) struct Watched {
    pub(super) ids: SmallVec<[u64; 1]>,
    /// How many of them ask for presence.
    pub(super) presence: usize,
    /// How many of them ask who watches.
    pub(super) watchers: usize,
    /// The person's presence as it was told last; it goes with the next change.
    pub(super) view: Option<Box<View>>,
}

/// All subscriptions, findable by what concerns them.
#[derive(Default)]
pub(super) struct Inner {
    pub(super) entries: HashMap<u64, Box<Entry>>,
    pub(super) by_tag: HashMap<Arc<str>, u64>,
    pub(super) by_resource: HashMap<Arc<str>, Watched>,
    pub(super) by_watcher: HashMap<Arc<str>, SmallVec<[u64; 2]>>,
    pub(super) by_connection: HashMap<ConnectionId, SmallVec<[u64; 1]>>,
    pub(super) deadlines: BTreeSet<(Tick, u64)>,
    pub(super) waiting: Waiting,
    /// People of whom a view is kept.
    pub(super) viewed: Vec<Arc<str>>,
    /// How many have lost their connection.
    pub(super) adrift: usize,
    /// Those whose device did not come back in time, by subscriber: it is told when it does.
    pub(super) lost: HashMap<Arc<str>, Vec<Entry>>,
    pub(super) last_id: u64,
}

impl Inner {
    /// A number that no other subscription, and nobody who waits, has.
    pub(super) fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// One name, once in memory.
    pub(super) fn shared(&self, name: &str) -> Arc<str> {
        let known = self.by_resource.get_key_value(name).map(|(name, _)| name);
        let known = known.or_else(|| self.by_watcher.get_key_value(name).map(|(name, _)| name));
        known.map_or_else(|| name.into(), Arc::clone)
    }

    pub(super) fn insert(&mut self, entry: Entry) -> u64 {
        let id = self.next_id();
        self.by_tag.insert(Arc::clone(entry.dialog.local_tag()), id);
        let watched = self.by_resource.entry(Arc::clone(&entry.resource)).or_default();
        watched.ids.push(id);
        watched.count(entry.package, 1);
        self.by_watcher.entry(Arc::clone(&entry.watcher)).or_default().push(id);
        if entry.bound && entry.adrift.is_none() {
            self.by_connection.entry(entry.flow.connection).or_default().push(id);
        }
        self.adrift += usize::from(entry.adrift.is_some());
        if entry.deadline != Tick::NEVER {
            self.deadlines.insert((entry.deadline, id));
        }
        self.entries.insert(id, Box::new(entry));
        id
    }

    pub(super) fn remove(&mut self, id: u64) -> Option<Entry> {
        let entry = self.entries.remove(&id)?;
        self.deadlines.remove(&(entry.deadline, id));
        self.by_tag.remove(&**entry.dialog.local_tag());
        if let Some(watched) = self.by_resource.get_mut(&entry.resource) {
            watched.ids.retain(|other| *other != id);
            watched.count(entry.package, -1);
            if watched.ids.is_empty() {
                self.by_resource.remove(&entry.resource);
            }
        }
        if let Some(ids) = self.by_watcher.get_mut(&entry.watcher) {
            ids.retain(|other| *other != id);
            if ids.is_empty() {
                self.by_watcher.remove(&entry.watcher);
            }
        }
        if entry.adrift.is_some() {
            self.adrift -= 1;
        } else if entry.bound {
            self.leave(entry.flow.connection, id);
        }
        Some(*entry)
    }

    fn leave(&mut self, connection: ConnectionId, id: u64) {
        if let Some(ids) = self.by_connection.get_mut(&connection) {
            ids.retain(|other| *other != id);
            if ids.is_empty() {
                self.by_connection.remove(&connection);
            }
        }
    }

    /// A subscription's NOTIFYs go elsewhere from now on.
    pub(super) fn moves(&mut self, id: u64, (flow, bound): (Flow, bool)) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        let before = (entry.flow.connection, entry.bound);
        (entry.flow, entry.bound) = (flow, bound);
        if entry.adrift.take().is_some() {
            self.adrift -= 1;
        } else if before.1 {
            self.leave(before.0, id);
        }
        if bound {
            self.by_connection.entry(flow.connection).or_default().push(id);
        }
    }

    /// Puts a subscription where its deadline belongs now.
    pub(super) fn reindex(&mut self, id: u64) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        let deadline = entry.next_deadline();
        if deadline == entry.deadline {
            return;
        }
        self.deadlines.remove(&(entry.deadline, id));
        entry.deadline = deadline;
        if deadline != Tick::NEVER {
            self.deadlines.insert((deadline, id));
        }
    }

    /// The subscriptions to a person in one package.
    pub(super) fn ids_of(&self, resource: &str, package: Package) -> SmallVec<[u64; 8]> {
        let Some(watched) = self.by_resource.get(resource) else { return SmallVec::new() };
        let is_it = |id: &&u64| self.entries.get(id).is_some_and(|e| e.package == package);
        watched.ids.iter().filter(is_it).copied().collect()
    }
}

impl Watched {
    fn count(&mut self, package: Package, by: isize) {
        let count = match package {
            Package::Presence => &mut self.presence,
            Package::Watchers => &mut self.watchers,
            Package::Registration => return,
        };
        *count = count.saturating_add_signed(by);
    }
}
