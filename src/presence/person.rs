//! What is published of one person.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use smallvec::SmallVec;

use super::compose::Publication;
use crate::clock::Tick;
use crate::model::DeviceKey;
use crate::registrar::Row;

/// A publication of one device.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) etag: Arc<str>,
    pub(super) device: DeviceKey,
    pub(super) publication: Publication,
    /// The document, as it came.
    pub(super) body: Bytes,
    pub(super) expires: Tick,
    /// Whether its device has, or had, a contact while it was published.
    pub(super) bound: bool,
    /// When it ends because its device has gone.
    pub(super) grace: Option<Tick>,
}

impl Entry {
    /// When it ends, if nothing happens.
    pub(super) fn ends(&self) -> Tick {
        self.grace.map_or(self.expires, |grace| grace.min(self.expires))
    }

    /// Whether its device is as it was: what becomes of it is decided by the row of contacts.
    pub(super) fn is_settled(&self, row: &Row, now: Tick) -> bool {
        match has_device(row, &self.device, now) {
            true => self.bound && self.grace.is_none(),
            false => !self.bound || self.grace.is_some(),
        }
    }

    /// Its device came or went (decision 17).
    pub(super) fn settle(&mut self, row: &Row, now: Tick, grace: Duration) {
        if has_device(row, &self.device, now) {
            self.bound = true;
            self.grace = None;
        } else if self.bound {
            self.grace.get_or_insert(now + grace);
        }
    }
}

/// Whether a device has a contact.
pub(super) fn has_device(row: &Row, device: &DeviceKey, now: Tick) -> bool {
    row.live(now).any(|binding| binding.device == *device)
}

/// Everything that is published of one person. Replaced as a whole: readers need no lock.
#[derive(Clone, Debug, Default)]
pub(super) struct Person {
    pub(super) entries: SmallVec<[Entry; 1]>,
    /// Where it stands among what ends: when the first of them does, or before.
    pub(super) due: Option<Tick>,
}

impl Person {
    pub(super) fn find(&self, etag: &str, now: Tick) -> Option<usize> {
        self.entries.iter().position(|entry| *entry.etag == *etag && entry.ends() > now)
    }

    /// Bytes of all documents but the one at this place.
    pub(super) fn size_without(&self, place: Option<usize>) -> usize {
        let others = self.entries.iter().enumerate().filter(|(at, _)| Some(*at) != place);
        others.map(|(_, entry)| entry.publication.document.size()).sum()
    }

    /// When the first of them ends.
    pub(super) fn next_end(&self) -> Option<Tick> {
        self.entries.iter().map(Entry::ends).min()
    }
}
