//! Subscriptions whose connection went with the process before (decision 20): told over the new
//! connection of their device when that comes back, with the state as it is, or after the grace that
//! they are over, so that it asks anew (RFC 6665 s4.4.1 `deactivated`).

use super::index::{Entry, Inner};
use super::package::Package;
use super::table::Subscriptions;
use crate::clock::Tick;
use crate::model::DeviceKey;
use crate::payload::watcherinfo::Event;
use crate::registrar::Row;
use crate::sip::Flow;
use crate::sip::subscription::EndReason;

impl Subscriptions {
    /// A device did not come back within the grace. Its subscription is over for everybody else: it
    /// holds no place, a SUBSCRIBE within it is 481, and a question that nobody answered stays one
    /// (RFC 3857 s4.7.1). The device itself does not know, and is told when it is there.
    pub(super) fn give_up(&self, inner: &mut Inner, id: u64) {
        let Some(mut entry) = inner.remove(id) else { return };
        self.forget(&mut entry);
        if entry.package == Package::Presence {
            let event = match entry.subscription.end_reason() {
                Some(_) => Event::Rejected,
                None if entry.is_pending() => Event::Timeout,
                None => Event::Deactivated,
            };
            self.goes(inner, id, &entry, event);
        }
        if entry.subscription.expires() <= self.clock.now() {
            return;
        }
        entry.announced = false;
        entry.subscription.end(EndReason::Deactivated);
        inner.lost.entry(entry.watcher.clone()).or_default().push(entry);
    }

    /// Contacts of this person are new: what devices among them had asked for goes there.
    pub(super) fn regain(&self, watcher: &str, row: &Row) {
        let mut inner = self.lock();
        let now = self.clock.now();
        for id in inner.by_watcher.get(watcher).cloned().unwrap_or_default() {
            let Some(entry) = inner.entries.get_mut(&id) else { continue };
            if entry.adrift.is_none() {
                continue;
            }
            let Some(place) = place_of(entry, row, now) else { continue };
            entry.subscription.urge();
            inner.moves(id, place);
            if let Some(entry) = inner.entries.get_mut(&id) {
                self.keep(entry);
            }
            inner.reindex(id);
        }
        let lost = inner.lost.remove(watcher).unwrap_or_default();
        let mut still = Vec::new();
        for mut entry in lost {
            if entry.subscription.expires() <= now {
                continue;
            }
            let Some(place) = place_of(&entry, row, now) else {
                still.push(entry);
                continue;
            };
            (entry.flow, entry.bound) = place;
            entry.adrift = None;
            entry.deadline = entry.next_deadline();
            inner.insert(entry);
        }
        if !still.is_empty() {
            inner.lost.insert(watcher.into(), still);
        }
        self.note(&inner);
    }
}

/// Where the device of a subscription is now, and whether it is reached over that connection alone.
fn place_of(entry: &Entry, row: &Row, now: Tick) -> Option<(Flow, bool)> {
    let is_same = |device: &DeviceKey| {
        *device != DeviceKey::Anonymous && entry.device.as_ref() == Some(device)
    };
    // Two devices that say nothing of themselves are told apart by where they are.
    let back = row
        .live(now)
        .find(|binding| is_same(&binding.device) || *binding.contact == *entry.dialog.target());
    back.map(|binding| (binding.flow, binding.connection_bound))
}
