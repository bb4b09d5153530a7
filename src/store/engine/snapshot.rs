//! All rows as they stood at one instant, while the writer goes on: it notes what stood at each
//! key that it changes and that was not yet read.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::Inner;
use super::generation::fault;
use crate::store::commit::FullKey;
use crate::store::record::Manifest;
use crate::store::{StoreError, Table};

/// Rows read at a time; the writer waits meanwhile.
const STEP: usize = 256;

/// What the writer changed since the instant, behind the place that was read up to.
#[derive(Debug, Default)]
pub(super) struct Undo {
    read_up_to: FullKey,
    before: BTreeMap<FullKey, Option<Vec<u8>>>,
}

/// Table, key and value of a row.
pub(super) type TableRow = (Table, Vec<u8>, Vec<u8>);

impl Undo {
    /// Notes what stood at keys before a change; the first note of a key counts.
    pub(super) fn note(&mut self, before: Vec<(FullKey, Option<Vec<u8>>)>) {
        for (key, row) in before {
            if key > self.read_up_to {
                self.before.entry(key).or_insert(row);
            }
        }
    }
}

/// Reads all rows as of its making. One at a time exists.
pub(super) struct Snapshot<'a> {
    inner: &'a Inner,
    /// Of the instant.
    pub(super) manifest: Manifest,
    page: std::vec::IntoIter<(FullKey, Vec<u8>)>,
    more: bool,
}

impl<'a> Snapshot<'a> {
    /// Takes the instant. The caller holds `inner.exporting`.
    pub(super) fn take(inner: &'a Inner) -> Snapshot<'a> {
        let mut writing = inner.writing();
        // Key zero holds the manifest; rows begin above it.
        writing.undo = Some(Undo { read_up_to: vec![1], before: BTreeMap::new() });
        let manifest = writing.manifest.clone();
        Snapshot { inner, manifest, page: Vec::new().into_iter(), more: true }
    }

    /// The next row, opened.
    pub(super) fn next(&mut self) -> Result<Option<TableRow>, StoreError> {
        while self.page.len() == 0 && self.more {
            self.read()?;
        }
        let Some((key, row)) = self.page.next() else { return Ok(None) };
        let current = self.inner.current();
        let generation = current.as_ref().ok_or_else(super::closed)?;
        let value = generation.open_row(&key, &row)?;
        let Some((table, key)) =
            key.split_first().and_then(|(&id, key)| Some((Table::from_id(id)?, key.to_vec())))
        else {
            return Err(StoreError::Fault("a row of an unknown table".into()));
        };
        Ok(Some((table, key, value)))
    }

    /// Reads the next page, and puts back what was changed in it since.
    fn read(&mut self) -> Result<(), StoreError> {
        let mut writing = self.inner.writing();
        let Some(undo) = writing.undo.as_mut() else { return Err(super::closed()) };
        let current = self.inner.current();
        let generation = current.as_ref().ok_or_else(super::closed)?;
        let mut page: BTreeMap<FullKey, Vec<u8>> = BTreeMap::new();
        let from = Bound::Excluded(undo.read_up_to.as_slice());
        generation
            .tree
            .visit(from, |key, row| {
                page.insert(key.to_vec(), row.to_vec());
                page.len() < STEP
            })
            .map_err(fault)?;
        self.more = page.len() >= STEP;
        // Rows that are gone from the tree lie between those that are there, or behind them all.
        let later = match page.last_key_value() {
            Some((last, _)) if self.more => {
                undo.read_up_to.clone_from(last);
                let mut beyond = last.clone();
                beyond.push(0);
                undo.before.split_off(&beyond)
            }
            _ => {
                // Past every key: nothing that is changed from here on matters.
                undo.read_up_to = vec![u8::MAX; 2];
                BTreeMap::new()
            }
        };
        for (key, row) in std::mem::replace(&mut undo.before, later) {
            match row {
                Some(row) => page.insert(key, row),
                None => page.remove(&key),
            };
        }
        self.page = page.into_iter().collect::<Vec<_>>().into_iter();
        Ok(())
    }
}

impl Drop for Snapshot<'_> {
    fn drop(&mut self) {
        let mut writing = self.inner.writing();
        writing.undo = None;
        let garbage = std::mem::take(&mut writing.garbage);
        if let Some(generation) = self.inner.current().as_ref() {
            generation.blobs.remove(&garbage);
        }
    }
}
