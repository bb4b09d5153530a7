//! Those who asked to watch somebody and went before there was an answer (RFC 3857 s4.7.1): kept, so
//! that a person who was away learns of it.

use std::collections::HashMap;
use std::sync::Arc;

use crate::clock::WallTime;

/// Somebody who waits for an answer.
#[derive(Clone, Debug)]
pub(super) struct Wait {
    /// The number of the subscription that it was.
    pub(super) id: u64,
    pub(super) watcher: Arc<str>,
    pub(super) since: WallTime,
    /// When it is given up.
    pub(super) until: WallTime,
}

/// All who wait, by whom they wait for. Who waits longest is first.
pub(super) struct Waiting {
    by_resource: HashMap<Arc<str>, Vec<Wait>>,
    /// Nobody is given up before this.
    next: WallTime,
}

impl Default for Waiting {
    fn default() -> Waiting {
        Waiting { by_resource: HashMap::new(), next: WallTime::from_unix_millis(u64::MAX) }
    }
}

impl Waiting {
    pub(super) fn of(&self, resource: &str) -> &[Wait] {
        self.by_resource.get(resource).map_or(&[], Vec::as_slice)
    }

    /// Lets somebody wait, of whom nobody waits yet; who has waited longest is given up for it
    /// where too many do.
    pub(super) fn add(&mut self, resource: Arc<str>, wait: Wait, most: usize) -> Option<Wait> {
        self.next = self.next.min(wait.until);
        let waits = self.by_resource.entry(resource).or_default();
        waits.push(wait);
        (waits.len() > most).then(|| waits.remove(0))
    }

    /// Takes somebody out.
    pub(super) fn take(&mut self, resource: &str, watcher: &str) -> Option<Wait> {
        let waits = self.by_resource.get_mut(resource)?;
        let place = waits.iter().position(|wait| *wait.watcher == *watcher)?;
        let wait = waits.remove(place);
        if waits.is_empty() {
            self.by_resource.remove(resource);
        }
        Some(wait)
    }

    /// Who waits, and for whom, as one of them.
    pub(super) fn resources_of(&self, watcher: &str) -> Vec<Arc<str>> {
        let waits_for = |(_, waits): &(&Arc<str>, &Vec<Wait>)| {
            waits.iter().any(|wait| *wait.watcher == *watcher)
        };
        self.by_resource.iter().filter(waits_for).map(|(resource, _)| resource.clone()).collect()
    }

    /// Takes out whose time has passed.
    pub(super) fn expire(&mut self, wall: WallTime) -> Vec<(Arc<str>, Wait)> {
        let mut over = Vec::new();
        if self.next > wall {
            return over;
        }
        self.next = WallTime::from_unix_millis(u64::MAX);
        for (resource, waits) in &mut self.by_resource {
            for wait in waits.extract_if(.., |wait| wait.until <= wall) {
                over.push((Arc::clone(resource), wait));
            }
            let first = waits.iter().map(|wait| wait.until).min();
            self.next = self.next.min(first.unwrap_or(self.next));
        }
        self.by_resource.retain(|_, waits| !waits.is_empty());
        over
    }
}
