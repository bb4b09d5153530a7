//! The subscriptions in memory, and the ways to find them: nothing here walks all of them.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use smallvec::SmallVec;

use super::package::Package;
use crate::clock::Tick;
use crate::model::DeviceKey;
use crate::registrar::{Binding, Row};
use crate::sip::dialog::Dialog;
use crate::sip::subscription::Subscription;
use crate::sip::{ConnectionId, Flow};

/// A subscription, and what its subscriber knows.
pub(super) struct Entry {
    pub(super) resource: Box<str>,
    pub(super) package: Package,
    pub(super) event_id: Option<Box<str>>,
    pub(super) device: Option<DeviceKey>,
    pub(super) dialog: Dialog,
    pub(super) subscription: Subscription,
    pub(super) flow: Flow,
    pub(super) bound: bool,
    pub(super) version: u32,
    pub(super) reserved_cseq: u32,
    pub(super) reserved_version: u32,
    /// What the subscriber knows, and since when; `None`: nothing that one could rely on.
    pub(super) told: Option<(Arc<Row>, Tick)>,
    /// Contacts that went since, as they were last: why they went shows in them.
    pub(super) gone: Vec<Binding>,
    /// Whether the store has it.
    pub(super) stored: bool,
    /// Where it stands among the deadlines.
    pub(super) deadline: Tick,
}

/// All subscriptions, findable by what concerns them.
#[derive(Default)]
pub(super) struct Inner {
    pub(super) entries: HashMap<u64, Entry>,
    pub(super) by_tag: HashMap<String, u64>,
    pub(super) by_resource: HashMap<Box<str>, SmallVec<[u64; 1]>>,
    pub(super) by_connection: HashMap<ConnectionId, SmallVec<[u64; 1]>>,
    pub(super) deadlines: BTreeSet<(Tick, u64)>,
    pub(super) last_id: u64,
}

impl Inner {
    pub(super) fn insert(&mut self, entry: Entry) {
        self.last_id += 1;
        let id = self.last_id;
        self.by_tag.insert(entry.dialog.local_tag.clone(), id);
        self.by_resource.entry(entry.resource.clone()).or_default().push(id);
        if entry.bound {
            self.by_connection.entry(entry.flow.connection).or_default().push(id);
        }
        self.deadlines.insert((entry.deadline, id));
        self.entries.insert(id, entry);
    }

    pub(super) fn remove(&mut self, id: u64) -> Option<Entry> {
        let entry = self.entries.remove(&id)?;
        self.deadlines.remove(&(entry.deadline, id));
        self.by_tag.remove(&entry.dialog.local_tag);
        if let Some(ids) = self.by_resource.get_mut(&entry.resource) {
            ids.retain(|other| *other != id);
            if ids.is_empty() {
                self.by_resource.remove(&entry.resource);
            }
        }
        if entry.bound {
            self.leave(entry.flow.connection, id);
        }
        Some(entry)
    }

    fn leave(&mut self, connection: ConnectionId, id: u64) {
        if let Some(ids) = self.by_connection.get_mut(&connection) {
            ids.retain(|other| *other != id);
            if ids.is_empty() {
                self.by_connection.remove(&connection);
            }
        }
    }

    /// A subscription's NOTIFYs went elsewhere before.
    pub(super) fn moved(&mut self, id: u64, (flow, bound): (Flow, bool)) {
        if bound {
            self.leave(flow.connection, id);
        }
        if let Some(entry) = self.entries.get(&id)
            && entry.bound
        {
            self.by_connection.entry(entry.flow.connection).or_default().push(id);
        }
    }

    /// Puts a subscription where its deadline belongs now.
    pub(super) fn reindex(&mut self, id: u64) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        self.deadlines.remove(&(entry.deadline, id));
        entry.deadline = entry.subscription.deadline();
        if entry.deadline != Tick::NEVER {
            self.deadlines.insert((entry.deadline, id));
        }
    }
}
