//! Publications as the store has them: written soon after they change, read at the start, and for a
//! share in another service's commit.

use std::sync::Arc;
use std::time::Duration;

use smallvec::SmallVec;

use super::compose::Publication;
use super::person::{Entry, Person};
use super::table::Presence;
use crate::clock::{Tick, WallTime};
use crate::model::{DeviceKey, PublicationRow, Record as _};
use crate::payload::pidf;
use crate::store::{Commit, Store, StoreError, Table, rows};

impl Presence {
    /// Takes over what the store holds.
    pub(super) fn load(&self) -> Result<(), StoreError> {
        let (now, wall) = (self.parts.clock.now(), self.parts.clock.wall());
        let mut current: Option<(Box<str>, Person)> = None;
        for row in rows(&*self.parts.store, Table::Publications, &[]) {
            let (key, value) = row?;
            let record = PublicationRow::decode(&value).ok();
            let Some((aor, entry)) = record.and_then(|record| self.restored(record, now, wall))
            else {
                tracing::error!(event = "publication_row_unreadable", key = %String::from_utf8_lossy(&key).escape_debug());
                continue;
            };
            match &mut current {
                // Rows of one person lie beside each other.
                Some((of, person)) if *of == aor => person.entries.push(entry),
                _ => {
                    let person = Person { entries: SmallVec::from_iter([entry]), due: None };
                    if let Some((of, person)) = current.replace((aor, person)) {
                        self.hold(&of, None, person);
                    }
                }
            }
        }
        if let Some((aor, person)) = current {
            self.hold(&aor, None, person);
        }
        Ok(())
    }

    fn restored(
        &self,
        row: PublicationRow,
        now: Tick,
        wall: WallTime,
    ) -> Option<(Box<str>, Entry)> {
        let document = pidf::read_within(&row.body, &self.parts.settings.publication).ok()?;
        let longest = Duration::from_secs(self.parts.settings.max_expires.into());
        let mut entry = Entry {
            etag: row.etag.into(),
            publication: Publication {
                device: self.tag(&row.aor, &row.device),
                document: Arc::new(document),
                changed: row.changed,
            },
            device: row.device,
            body: row.body.into(),
            // What has run out is swept with the others, so that its row goes too.
            expires: now + row.expires_at.since(wall).min(longest),
            bound: row.bound,
            grace: None,
        };
        let contacts = self.parts.registrar.lookup(&row.aor).unwrap_or_default();
        entry.settle(&contacts, now, self.parts.settings.grace);
        Some((row.aor.into(), entry))
    }

    /// Writes what differs between two states of a person.
    pub(super) fn store_changes(&self, aor: &str, before: &Person, after: &Person) {
        let (now, wall) = (self.parts.clock.now(), self.parts.clock.wall());
        let mut commit = Commit::new();
        for entry in &after.entries {
            let same = before.entries.iter().any(|old| {
                old.etag == entry.etag && old.device == entry.device && old.bound == entry.bound
            });
            if same {
                continue;
            }
            let row = PublicationRow {
                aor: aor.to_owned(),
                device: entry.device.clone(),
                etag: entry.etag.to_string(),
                body: entry.body.to_vec(),
                changed: entry.publication.changed,
                expires_at: wall + entry.expires.since(now),
                bound: entry.bound,
            };
            let key = PublicationRow::key(aor, &entry.device);
            commit = commit.put(Table::Publications, &key, row.encode());
        }
        for gone in &before.entries {
            if !after.entries.iter().any(|entry| entry.device == gone.device) {
                let key = PublicationRow::key(aor, &gone.device);
                commit = commit.delete(Table::Publications, &key);
            }
        }
        if !commit.is_empty() {
            self.parts.store.commit_soon(commit);
        }
    }
}

/// What takes back everything that was published of a person, in the commit that removes or locks
/// the person. A [`super::Presence`] over the same store is to be told by
/// [`super::Presence::remove`].
///
/// # Errors
///
/// If the store cannot be read.
pub fn erasure(store: &dyn Store, aor: &str) -> Result<Commit, StoreError> {
    let mut commit = Commit::new();
    for row in rows(store, Table::Publications, &PublicationRow::prefix(aor)) {
        commit = commit.delete(Table::Publications, &row?.0);
    }
    Ok(commit)
}

/// What takes back the publication of one device.
#[must_use]
pub fn erasure_of_device(aor: &str, device: &DeviceKey) -> Commit {
    Commit::new().delete(Table::Publications, &PublicationRow::key(aor, device))
}
