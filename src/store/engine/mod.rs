//! The engine on disk: one sled tree, one thread that writes it, large values in files beside it.

mod blobs;
mod exports;
mod generation;
mod layout;
mod lock;
mod open;
mod queue;
mod snapshot;
mod space;
#[cfg(test)]
mod tests;
mod tree;
mod writer;

use std::io::{Read, Write};
use std::ops::Bound;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{
    Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
};
use std::thread::JoinHandle;

use generation::{Generation, GenerationError, fault};
use layout::Layout;
use lock::DirectoryLock;
use queue::Queue;
use snapshot::Snapshot;
use space::Reserve;
use writer::Writing;

use super::commit::full_key;
use super::record::Manifest;
use super::transfer::{Existing, ExportError, Exporter, ImportError, Importer, TransferReport};
use super::watch::Announcer;
use super::{
    Commit, CommitError, Commitment, Health, Mode, ReadOnlyReason, Row, Store, StoreError, Table,
    Watch,
};
use crate::clock::WallTime;
use crate::latency::Histogram;

pub use open::{OpenError, Options, Recovery, open};

/// What the store and its threads share.
#[derive(Debug)]
struct Inner {
    options: Options,
    layout: Layout,
    /// `None` only between two openings.
    current: RwLock<Option<Generation>>,
    writing: Mutex<Writing>,
    /// Held while a snapshot is read: there is one at a time.
    exporting: Mutex<()>,
    queue: Queue,
    announcer: Announcer,
    reserve: Reserve,
    mode: Mutex<Mode>,
    /// Whether the tree must be opened anew before it takes changes.
    reopen: AtomicBool,
    number: AtomicU64,
    rows: [AtomicU64; Table::ALL.len()],
    sequence: AtomicU64,
    free_bytes: AtomicU64,
    space_is_low: AtomicBool,
    refused: AtomicU64,
    commits: Histogram,
    recovery: Vec<String>,
    last_export: Mutex<Option<WallTime>>,
    /// Told when the store closes.
    closing: (Mutex<bool>, Condvar),
    _lock: DirectoryLock,
}

fn closed() -> StoreError {
    StoreError::Fault("the store is closed".into())
}

impl Inner {
    fn current(&self) -> RwLockReadGuard<'_, Option<Generation>> {
        self.current.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn current_mut(&self) -> RwLockWriteGuard<'_, Option<Generation>> {
        self.current.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn writing(&self) -> MutexGuard<'_, Writing> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn mode(&self) -> Mode {
        *self.mode.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_mode(&self, mode: Mode) {
        *self.mode.lock().unwrap_or_else(PoisonError::into_inner) = mode;
    }

    /// Shows the counts of what is on the disk.
    fn publish(&self, manifest: &Manifest) {
        for (shown, sum) in self.rows.iter().zip(&manifest.tables) {
            shown.store(sum.rows, Ordering::Release);
        }
        self.sequence.store(manifest.sequence, Ordering::Release);
    }

    /// Writes all rows, as of one instant, to `to`.
    fn export(&self, to: &mut dyn Write) -> Result<TransferReport, ExportError> {
        let _one = self.exporting.lock().unwrap_or_else(PoisonError::into_inner);
        let mut snapshot = Snapshot::take(self);
        let mut exporter = Exporter::begin(to, self.options.clock.wall())?;
        let mut found = Manifest { sequence: snapshot.manifest.sequence, ..Manifest::default() };
        while let Some((table, key, value)) = snapshot.next()? {
            exporter.row(table, &key, &value)?;
            if let Some(sum) = found.tables.get_mut(table.index()) {
                sum.rows += 1;
            }
        }
        // Checksums were compared row by row; this finds rows that are not there at all.
        let expected = snapshot.manifest.tables.iter().map(|sum| sum.rows);
        if !found.tables.iter().map(|sum| sum.rows).eq(expected) {
            return Err(ExportError::Damaged("rows are missing".into()));
        }
        Ok(exporter.finish()?)
    }

    /// Replaces all rows by those of an export, which is built beside them first.
    fn import(
        &self,
        from: &mut dyn Read,
        existing: Existing,
    ) -> Result<TransferReport, ImportError> {
        let _one = self.exporting.lock().unwrap_or_else(PoisonError::into_inner);
        let mut writing = self.writing();
        match self.mode() {
            Mode::Writable | Mode::ReadOnly(ReadOnlyReason::Damaged) => {}
            Mode::ReadOnly(_) => return Err(CommitError::ReadOnly.into()),
        }
        let rows: u64 = writing.manifest.tables.iter().map(|sum| sum.rows).sum();
        if rows > 0 && existing == Existing::Refuse {
            return Err(ImportError::NotEmpty(rows));
        }
        let failed = |error: GenerationError| ImportError::Store(error.to_string());
        let mut importer = Importer::begin(from)?;
        let sequence = writing.manifest.sequence.saturating_add(1);
        let cache_bytes = self.options.cache_bytes;
        let number =
            Generation::build(&self.layout, sequence, cache_bytes, &mut || importer.next())?;
        let (generation, manifest) =
            Generation::open(&self.layout, number, cache_bytes).map_err(|error| {
                // The rows that this process holds stay the ones in use.
                let _ = self.layout.set_current(self.number.load(Ordering::Acquire));
                failed(error)
            })?;
        let mut current = self.current_mut();
        *current = Some(generation);
        drop(current);
        self.number.store(number, Ordering::Release);
        self.publish(&manifest);
        writing.manifest = manifest;
        self.set_mode(Mode::Writable);
        // What is left of the old generation goes at the next start at the latest.
        if let Err(error) = self.layout.sweep(number) {
            tracing::warn!(%error, "the replaced rows cannot be removed yet");
        }
        Ok(importer.report())
    }
}

impl From<GenerationError> for ImportError {
    fn from(error: GenerationError) -> Self {
        ImportError::Store(error.to_string())
    }
}

/// The store on disk. Closes when it is dropped: what was asked for is written first.
#[derive(Debug)]
pub struct DiskStore {
    inner: Arc<Inner>,
    threads: Vec<JoinHandle<()>>,
}

impl Drop for DiskStore {
    fn drop(&mut self) {
        self.inner.queue.close();
        *self.inner.closing.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.inner.closing.1.notify_all();
        for thread in self.threads.drain(..) {
            // A thread that panicked has nothing to say.
            let _ = thread.join();
        }
        if let Some(generation) = self.inner.current().as_ref() {
            let _ = generation.witness.sync();
        }
    }
}

impl Store for DiskStore {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let current = self.inner.current();
        current.as_ref().ok_or_else(closed)?.value(&full_key(table, key))
    }

    fn scan(
        &self,
        table: Table,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        let prefix = full_key(table, prefix);
        let after = after.map(|key| full_key(table, key)).filter(|key| *key >= prefix);
        let from = match &after {
            Some(key) => Bound::Excluded(key.as_slice()),
            None => Bound::Included(prefix.as_slice()),
        };
        let current = self.inner.current();
        let generation = current.as_ref().ok_or_else(closed)?;
        let mut stored: Vec<Row> = Vec::new();
        if limit > 0 {
            let collect = |key: &[u8], row: &[u8]| {
                let within = key.starts_with(&prefix);
                if within {
                    stored.push((key.to_vec(), row.to_vec()));
                }
                within && stored.len() < limit
            };
            generation.tree.visit(from, collect).map_err(fault)?;
        }
        let mut rows = Vec::with_capacity(stored.len());
        for (mut key, row) in stored {
            let value = match generation.open_row(&key, &row) {
                Ok(value) => Some(value),
                // A large value may have been replaced since the row was read.
                Err(_) => generation.value(&key)?,
            };
            key.remove(0);
            rows.extend(value.map(|value| (key, value)));
        }
        Ok(rows)
    }

    fn count(&self, table: Table) -> u64 {
        self.inner.rows.get(table.index()).map_or(0, |rows| rows.load(Ordering::Acquire))
    }

    fn commit(&self, commit: Commit) -> Commitment {
        if let Err(error) = commit.check_sizes() {
            return Commitment::known(Err(error));
        }
        if self.inner.mode() != Mode::Writable {
            return Commitment::known(Err(CommitError::ReadOnly));
        }
        let (answer, commitment) = Commitment::waiting();
        match self.inner.queue.commit(commit, Some(answer)) {
            Ok(()) => commitment,
            Err(error) => Commitment::known(Err(error)),
        }
    }

    fn commit_soon(&self, commit: Commit) {
        if commit.check_sizes().is_err() {
            self.inner.refused.fetch_add(1, Ordering::Relaxed);
        } else if commit.expectations.is_empty() {
            self.inner.queue.relax(commit.changes);
        } else if self.inner.queue.commit(commit, None).is_err() {
            self.inner.refused.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn flush(&self) -> Commitment {
        let (answer, commitment) = Commitment::waiting();
        match self.inner.queue.flush(answer) {
            Ok(()) => commitment,
            Err(error) => Commitment::known(Err(error)),
        }
    }

    fn watch(&self) -> Watch {
        self.inner.announcer.watch()
    }

    fn health(&self) -> Health {
        let inner = &self.inner;
        Health {
            mode: inner.mode(),
            rows: Table::ALL.into_iter().map(|table| (table, self.count(table))).collect(),
            waiting: inner.queue.waiting(),
            free_bytes: Some(inner.free_bytes.load(Ordering::Relaxed)),
            space_is_low: inner.space_is_low.load(Ordering::Relaxed),
            writes_dropped: inner
                .queue
                .dropped()
                .saturating_add(inner.refused.load(Ordering::Relaxed)),
            commits: inner.commits.read(),
            size_bytes: inner.current().as_ref().and_then(|current| current.tree.size()),
            recovery: inner.recovery.clone(),
            last_export: *inner.last_export.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }

    fn export(&self, to: &mut dyn Write) -> Result<TransferReport, ExportError> {
        // Relaxed writes so far belong in; a store that takes no changes has none.
        let _ = self.flush().wait();
        self.inner.export(to)
    }

    fn import(
        &self,
        from: &mut dyn Read,
        existing: Existing,
    ) -> Result<TransferReport, ImportError> {
        let _ = self.flush().wait();
        self.inner.import(from, existing)
    }
}
