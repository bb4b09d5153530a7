//! Who watches a person, for that person (RFC 3857, RFC 3858): all of them at first, then whoever
//! came, went or was decided about.

use std::sync::Arc;

use super::index::{Entry, Inner, Known};
use super::package::Package;
use super::waiting::Wait;
use crate::clock::{Tick, WallTime};
use crate::payload::watcherinfo::{Document, Event, List, Status, Watcher};
use crate::sip::header::Address;

/// Changes that are kept for one who is to be told of them; with more, all is told.
const MOST_CHANGES: usize = 256;

/// Characters of a watcher's name that its owner is told: the watcher chose it.
const LONGEST_NAME: usize = 128;

/// Whether a character of a name is shown: controls are not, and none that turns the direction of
/// what stands beside it.
fn shows(character: &char) -> bool {
    let turns = matches!(
        character,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    !turns && !character.is_control()
}

/// What became of one watcher.
#[derive(Clone, Debug)]
pub(super) struct Change {
    id: u64,
    watcher: Arc<str>,
    name: Option<Box<str>>,
    status: Status,
    event: Event,
    since: WallTime,
    expires: Option<Tick>,
}

impl Change {
    /// Of a subscription.
    pub(super) fn of(id: u64, entry: &Entry, status: Status, event: Event) -> Change {
        let name = Address::parse(entry.dialog.names().remote).ok().and_then(|address| {
            address.display().map(|name| name.chars().filter(shows).take(LONGEST_NAME).collect())
        });
        Change {
            id,
            watcher: Arc::clone(&entry.watcher),
            name,
            status,
            event,
            since: entry.since,
            expires: (status != Status::Terminated).then(|| entry.subscription.expires()),
        }
    }

    /// Of somebody who waits, or does no longer.
    pub(super) fn of_wait(wait: &Wait, status: Status, event: Event) -> Change {
        Change {
            id: wait.id,
            watcher: Arc::clone(&wait.watcher),
            name: None,
            status,
            event,
            since: wait.since,
            expires: None,
        }
    }

    fn into_watcher(self, salt: u64, now: Tick, wall: WallTime) -> Watcher {
        Watcher {
            // The same for one subscription in every document (RFC 3858 s3.1), and another after a
            // restart, when all is told.
            id: format!("{:016x}", self.id ^ salt),
            uri: super::table::uri(&self.watcher),
            status: self.status,
            event: self.event,
            display_name: self.name.map(Into::into).filter(|name: &String| !name.is_empty()),
            expiration: self.expires.map(|expires| expires.since(now).as_secs()),
            duration_subscribed: Some(wall.since(self.since).as_secs()),
        }
    }
}

impl Inner {
    /// Everybody who watches a person, or would like to.
    pub(super) fn watchers_of(&self, resource: &str) -> Vec<Change> {
        let ids = self.ids_of(resource, Package::Presence);
        let entries = ids.iter().filter_map(|id| Some((*id, self.entries.get(id)?)));
        let here = entries.filter(|(_, entry)| entry.announced && !entry.subscription.is_ending());
        let here = here.map(|(id, entry)| {
            let status = if entry.is_pending() { Status::Pending } else { Status::Active };
            Change::of(id, entry, status, entry.access.event)
        });
        let waiting = self.waiting.of(resource).iter();
        let waiting = waiting.map(|wait| Change::of_wait(wait, Status::Waiting, Event::Timeout));
        here.chain(waiting).collect()
    }

    /// Something became of a watcher of this person.
    pub(super) fn watcher_changed(&mut self, resource: &str, change: &Change) {
        if self.by_resource.get(resource).is_none_or(|watched| watched.watchers == 0) {
            return;
        }
        for id in self.ids_of(resource, Package::Watchers) {
            let Some(entry) = self.entries.get_mut(&id) else { continue };
            if let Known::Watchers(changes) = &mut entry.known {
                // Of one watcher the last is enough (RFC 3858 s3.3).
                changes.retain(|known| known.id != change.id);
                changes.push(change.clone());
                if changes.len() > MOST_CHANGES {
                    entry.known = Known::Nothing;
                }
            }
            entry.subscription.changed();
            self.reindex(id);
        }
    }
}

/// The document of some watchers.
pub(super) fn document(
    resource: &str,
    changes: Vec<Change>,
    (version, full): (u32, bool),
    salt: u64,
    (now, wall): (Tick, WallTime),
) -> Document {
    let watchers = changes.into_iter().map(|change| change.into_watcher(salt, now, wall));
    Document {
        version,
        full,
        lists: vec![List {
            resource: super::table::uri(resource),
            package: Package::Presence.name().to_owned(),
            watchers: watchers.collect(),
        }],
    }
}
