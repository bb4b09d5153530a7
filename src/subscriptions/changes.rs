//! What happens to subscriptions from outside: contacts, publications and rules change, people go.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::index::{Entry, Inner, Known};
use super::package::Package;
use super::registration;
use super::table::Subscriptions;
use super::waiting::Wait;
use super::watchers::Change;
use crate::model::DeviceKey;
use crate::payload::pres_rules::Handling;
use crate::payload::watcherinfo::{Event, Status};
use crate::presence;
use crate::registrar::{Observer, Row};
use crate::sip::subscription::EndReason;

/// People whose subscriptions are looked at before others may come in between: rules may take a while.
const WATCHERS_AT_ONCE: usize = 16;

impl Subscriptions {
    /// A person may not be here any more: his own subscriptions end with `reason`, those of others
    /// to him because there is nobody. With a device, only his own by that device.
    pub fn end(&self, person: &str, device: Option<&DeviceKey>, reason: EndReason) {
        let mut inner = self.lock();
        for id in inner.by_watcher.get(person).cloned().unwrap_or_default() {
            let Some(entry) = inner.entries.get(&id) else { continue };
            if device.is_none_or(|device| entry.device.as_ref() == Some(device)) {
                self.end_one(&mut inner, id, reason);
            }
        }
        if let Some(lost) = inner.lost.get_mut(person) {
            lost.retain(|entry| device.is_some() && entry.device.as_ref() != device);
        }
        if device.is_none() {
            let watched = inner.by_resource.get(person).map(|watched| watched.ids.clone());
            for id in watched.unwrap_or_default() {
                self.end_one(&mut inner, id, EndReason::NoResource);
            }
            for wait in inner.waiting.of(person).to_vec() {
                self.stop_waiting(&mut inner, person, &wait.watcher, Event::Noresource);
            }
            for resource in inner.waiting.resources_of(person) {
                self.stop_waiting(&mut inner, &resource, person, Event::Giveup);
            }
        }
        self.note(&inner);
    }

    /// Ends what a person watches; whoever watches him goes on. His devices may subscribe again.
    pub fn end_of_watcher(&self, person: &str, reason: EndReason) {
        let mut inner = self.lock();
        for id in inner.by_watcher.get(person).cloned().unwrap_or_default() {
            self.end_one(&mut inner, id, reason);
        }
        inner.lost.remove(person);
        self.note(&inner);
    }

    pub(super) fn end_one(&self, inner: &mut Inner, id: u64, reason: EndReason) {
        let Some(entry) = inner.entries.get_mut(&id) else { return };
        entry.subscription.end(reason);
        self.forget(entry);
        if entry.adrift.is_some() {
            return self.drop_entry(inner, id, None);
        }
        inner.reindex(id);
    }

    /// Somebody begins to watch. Whoever waited for an answer waits as a subscriber again
    /// (RFC 3857 s4.7.1).
    pub(super) fn comes(&self, inner: &mut Inner, entry: &Entry) {
        if !entry.announced {
            return;
        }
        self.stop_waiting(inner, &entry.resource, &entry.watcher, Event::Giveup);
        let status = if entry.is_pending() { Status::Pending } else { Status::Active };
        // The number that it is about to get.
        let change = Change::of(inner.last_id + 1, entry, status, Event::Subscribe);
        inner.watcher_changed(&entry.resource, &change);
    }

    /// Somebody watches no longer; without an answer until then the question stays.
    pub(super) fn goes(&self, inner: &mut Inner, id: u64, entry: &Entry, event: Event) {
        let others = inner.ids_of(&entry.resource, Package::Presence);
        let asks_again = others.iter().any(|other| {
            inner.entries.get(other).is_some_and(|other| other.watcher == entry.watcher)
        });
        let stays = event == Event::Timeout && entry.is_pending() && !asks_again;
        let status = if stays { Status::Waiting } else { Status::Terminated };
        inner.watcher_changed(&entry.resource, &Change::of(id, entry, status, event));
        if !stays {
            return;
        }
        let wait = Wait {
            id,
            watcher: Arc::clone(&entry.watcher),
            since: entry.since,
            until: self.clock.wall() + self.settings.load().waiting,
        };
        self.keep_wait(&entry.resource, &wait);
        let most = self.settings.load().waiting_per_user;
        inner.waiting.take(&entry.resource, &entry.watcher);
        if let Some(over) = inner.waiting.add(Arc::clone(&entry.resource), wait, most) {
            self.forget_wait(&entry.resource, &over.watcher);
            let change = Change::of_wait(&over, Status::Terminated, Event::Giveup);
            inner.watcher_changed(&entry.resource, &change);
        }
    }

    fn stop_waiting(&self, inner: &mut Inner, resource: &str, watcher: &str, event: Event) {
        if let Some(wait) = inner.waiting.take(resource, watcher) {
            self.forget_wait(resource, watcher);
            let change = Change::of_wait(&wait, Status::Terminated, event);
            inner.watcher_changed(resource, &change);
        }
    }

    /// Asks again what a watcher may see, and tells at once what that changes (RFC 5025 s3.2.1).
    pub(super) fn reauthorise(&self, inner: &mut Inner, id: u64) {
        let Some(entry) = inner.entries.get_mut(&id) else { return };
        if entry.package != Package::Presence || entry.subscription.is_ending() {
            return;
        }
        let mut access = self.access(entry.package, &entry.resource, &entry.watcher);
        access.event = entry.access.event;
        let was = entry.is_pending();
        if access.handling == entry.access.handling
            && access.permissions == entry.access.permissions
        {
            return;
        }
        entry.access = access;
        entry.set_state();
        if entry.access.handling == Handling::Block {
            // It stays stored until that is told: a start meanwhile finds it, and tells it.
            entry.subscription.end(EndReason::Rejected);
            return inner.reindex(id);
        }
        entry.subscription.urge();
        if was != entry.is_pending() {
            let (status, event) = match was {
                true => (Status::Active, Event::Approved),
                false => (Status::Pending, Event::Subscribe),
            };
            entry.access.event = event;
            let change = Change::of(id, entry, status, event);
            let resource = Arc::clone(&entry.resource);
            inner.watcher_changed(&resource, &change);
        }
        inner.reindex(id);
    }

    /// The groups of these people are others now, or of everybody: what they may see may be as well.
    /// A question that waits is answered where there is an answer now.
    pub fn watchers_changed(&self, watchers: Option<&HashSet<Arc<str>>>) {
        let mut inner = self.lock();
        let concerned: Vec<Arc<str>> = match watchers {
            Some(some) => {
                some.iter().filter(|one| inner.by_watcher.contains_key(*one)).cloned().collect()
            }
            None => inner.by_watcher.keys().cloned().collect(),
        };
        for some in concerned.chunks(WATCHERS_AT_ONCE) {
            for watcher in some {
                for id in inner.by_watcher.get(watcher).cloned().unwrap_or_default() {
                    self.reauthorise(&mut inner, id);
                }
            }
            self.note(&inner);
            // Others come in between.
            drop(inner);
            inner = self.lock();
        }
        let concerns = |wait: &Wait| watchers.is_none_or(|some| some.contains(&wait.watcher));
        for (resource, watcher) in inner.waiting.those(concerns) {
            self.decide(&mut inner, &resource, &watcher);
        }
        self.note(&inner);
    }

    /// Answers a question that waits, if there is an answer.
    fn decide(&self, inner: &mut Inner, resource: &str, watcher: &str) {
        let event = match self.presence.authorise(resource, watcher).handling {
            Handling::Confirm => return,
            Handling::Block => Event::Rejected,
            Handling::Allow | Handling::PoliteBlock => Event::Approved,
        };
        self.stop_waiting(inner, resource, watcher, event);
    }

    /// Marks those who watch a person's presence.
    fn touch(&self, inner: &mut Inner, aor: &str) {
        let Some(watched) = inner.by_resource.get_mut(aor) else { return };
        watched.view = None;
        for id in inner.ids_of(aor, Package::Presence) {
            let Some(entry) = inner.entries.get_mut(&id) else { continue };
            // Who sees nobody hears nothing of it, not even that there was something to hear.
            if entry.access.handling == Handling::Allow {
                entry.subscription.changed();
                inner.reindex(id);
            }
        }
    }
}

impl Observer for Subscriptions {
    fn changed(&self, aor: &str, before: Option<&Row>, after: &Row) {
        // Also one that comes back by the same contact has another connection.
        if self.awaited.load(Ordering::Acquire) > 0 {
            self.regain(aor, after);
        }
        if self.is_empty() {
            return;
        }
        let nobody = Row::default();
        let before = before.unwrap_or(&nobody);
        if registration::same_contacts(before, after) {
            return;
        }
        let mut inner = self.lock();
        for id in inner.ids_of(aor, Package::Registration) {
            let Some(entry) = inner.entries.get_mut(&id) else { continue };
            entry.subscription.changed();
            if let Known::Registration(known) = &mut entry.known {
                registration::remember_gone(&mut known.2, before, after);
            }
            inner.reindex(id);
        }
        self.touch(&mut inner, aor);
        self.note(&inner);
    }
}

impl presence::Observer for Subscriptions {
    fn presence_changed(&self, aor: &str) {
        if self.is_empty() {
            return;
        }
        let mut inner = self.lock();
        self.touch(&mut inner, aor);
        self.note(&inner);
    }

    fn rules_changed(&self, aor: &str) {
        self.presence.prepare(aor);
        let ids = self.lock().ids_of(aor, Package::Presence);
        // Who begins meanwhile is asked about by the rules as they are.
        for some in ids.chunks(WATCHERS_AT_ONCE) {
            let mut inner = self.lock();
            for id in some {
                self.reauthorise(&mut inner, *id);
            }
            self.note(&inner);
        }
        let mut inner = self.lock();
        for wait in inner.waiting.of(aor).to_vec() {
            self.decide(&mut inner, aor, &wait.watcher);
        }
        self.note(&inner);
    }
}
