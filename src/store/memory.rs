//! The engine without a disk, for tests: same answers, nothing outlives it.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::commit::{FullKey, full_key};
use super::transfer::{Exporter, Importer};
use super::watch::{Announcer, Change};
use super::{
    Commit, CommitError, Commitment, Existing, ExportError, Health, ImportError, Mode,
    ReadOnlyReason, Row, Store, StoreError, Table, TransferReport, Watch,
};
use crate::clock::WallTime;
use crate::latency::Latency;

/// A store in memory. Every change is made at once, `commit_soon` included.
#[derive(Debug, Default)]
pub struct MemoryStore {
    rows: RwLock<Rows>,
    announcer: Announcer,
}

#[derive(Debug, Default)]
struct Rows {
    rows: BTreeMap<FullKey, Vec<u8>>,
    read_only: Option<ReadOnlyReason>,
}

/// A store in memory.
#[must_use]
pub fn memory() -> Arc<MemoryStore> {
    Arc::new(MemoryStore::default())
}

impl MemoryStore {
    /// Makes it refuse changes, or take them again, so that callers can be tested.
    pub fn set_read_only(&self, reason: Option<ReadOnlyReason>) {
        self.write().read_only = reason;
    }

    fn read(&self) -> RwLockReadGuard<'_, Rows> {
        self.rows.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Rows> {
        self.rows.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn apply(&self, commit: Commit) -> Result<(), CommitError> {
        commit.check_sizes()?;
        let mut rows = self.write();
        if rows.read_only.is_some() {
            return Err(CommitError::ReadOnly);
        }
        let row = |key: &FullKey| rows.rows.get(key).map(Vec::as_slice);
        if !commit.expectations.iter().all(|(key, expected)| expected.holds(row(key))) {
            return Err(CommitError::Conflict);
        }
        let mut changes = Vec::new();
        for (key, value) in commit.changes {
            if self.announcer.is_heard() {
                changes.extend(Change::of_full_key(&key));
            }
            match value {
                Some(value) => rows.rows.insert(key, value),
                None => rows.rows.remove(&key),
            };
        }
        drop(rows);
        changes.into_iter().for_each(|change| self.announcer.announce(change));
        Ok(())
    }
}

impl Store for MemoryStore {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.read().rows.get(&full_key(table, key)).cloned())
    }

    fn scan(
        &self,
        table: Table,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        let prefix = full_key(table, prefix);
        let from = match after.map(|key| full_key(table, key)) {
            Some(key) if key >= prefix => Bound::Excluded(key),
            _ => Bound::Included(prefix.clone()),
        };
        let rows = self.read();
        let found = rows.rows.range((from, Bound::Unbounded));
        Ok(found
            .take_while(|(key, _)| key.starts_with(&prefix))
            .take(limit)
            .map(|(key, value)| (key.get(1..).unwrap_or_default().to_vec(), value.clone()))
            .collect())
    }

    fn count(&self, table: Table) -> u64 {
        let rows = self.read();
        let from = full_key(table, b"");
        rows.rows.range(from..).take_while(|(key, _)| key.first() == Some(&table.id())).count()
            as u64
    }

    fn commit(&self, commit: Commit) -> Commitment {
        Commitment::known(self.apply(commit))
    }

    fn commit_soon(&self, commit: Commit) {
        // The caller asked not to be told.
        let _ = self.apply(commit);
    }

    fn flush(&self) -> Commitment {
        let read_only = self.read().read_only.is_some();
        Commitment::known(if read_only { Err(CommitError::ReadOnly) } else { Ok(()) })
    }

    fn watch(&self) -> Watch {
        self.announcer.watch()
    }

    fn export(&self, to: &mut dyn Write) -> Result<TransferReport, ExportError> {
        let rows = self.read();
        let mut exporter = Exporter::begin(to, WallTime::default())?;
        for (full, value) in &rows.rows {
            if let Some((&id, key)) = full.split_first()
                && let Some(table) = Table::from_id(id)
            {
                exporter.row(table, key, value)?;
            }
        }
        Ok(exporter.finish()?)
    }

    fn import(
        &self,
        from: &mut dyn Read,
        existing: Existing,
    ) -> Result<TransferReport, ImportError> {
        let mut rows = self.write();
        if rows.read_only.is_some() {
            return Err(CommitError::ReadOnly.into());
        }
        if !rows.rows.is_empty() && existing == Existing::Refuse {
            return Err(ImportError::NotEmpty(rows.rows.len() as u64));
        }
        let mut importer = Importer::begin(from)?;
        let mut imported = BTreeMap::new();
        while let Some((table, (key, value))) = importer.next()? {
            imported.insert(full_key(table, &key), value);
        }
        rows.rows = imported;
        Ok(importer.report())
    }

    fn health(&self) -> Health {
        let read_only = self.read().read_only;
        Health {
            mode: read_only.map_or(Mode::Writable, Mode::ReadOnly),
            rows: Table::ALL.into_iter().map(|table| (table, self.count(table))).collect(),
            waiting: 0,
            free_bytes: None,
            space_is_low: false,
            writes_dropped: 0,
            commits: Latency::default(),
            size_bytes: None,
            recovery: Vec::new(),
            last_export: None,
        }
    }
}
