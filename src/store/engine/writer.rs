//! The writer: one thread that gathers what waits, writes it as one batch, brings it onto the
//! disk, and then answers everybody.
//!
//! A failed sync is never tried again as if it could still work: the kernel may have dropped the
//! pages. The store turns read-only and says so. Only a full volume is waited out, by opening the
//! tree anew once there is space.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::generation::{Generation, seen, stored};
use super::snapshot::Undo;
use super::space::Space;
use super::tree::TreeError;
use super::{Inner, queue::Item};
use crate::store::commit::{Answer, Commit, CommitError, FullKey};
use crate::store::record::{self, FileRef, Manifest, TreeChange};
use crate::store::watch::Change;
use crate::store::{Mode, ReadOnlyReason};

/// What only one thread at a time may touch: whoever writes the tree.
#[derive(Debug)]
pub(super) struct Writing {
    /// What the tree holds.
    pub(super) manifest: Manifest,
    /// What an export in progress must not see.
    pub(super) undo: Option<Undo>,
    /// Files whose rows are gone, kept while an export may still read them.
    pub(super) garbage: Vec<[u8; 16]>,
}

/// The rows that a batch changes, in the order of their keys.
type Overlay = BTreeMap<FullKey, Option<Vec<u8>>>;

/// A batch ready to be written.
struct Batch {
    changes: Vec<TreeChange>,
    /// What stood at each changed key.
    before: Vec<(FullKey, Option<Vec<u8>>)>,
    manifest: Manifest,
    files: Vec<(FileRef, FullKey)>,
    garbage: Vec<[u8; 16]>,
}

/// The thread's life.
pub(super) fn run(inner: &Arc<Inner>) {
    loop {
        let paused = inner.mode() == Mode::ReadOnly(ReadOnlyReason::DiskFull);
        let work = inner.queue.next(paused);
        inner.check_space();
        if !work.items.is_empty() {
            inner.write(work.items);
        }
        if work.closed {
            break;
        }
    }
}

impl Inner {
    /// Makes everything in `items`, or refuses it, and answers.
    fn write(&self, items: Vec<Item>) {
        if let Mode::ReadOnly(reason) = self.mode() {
            return self.refuse(items, reason == ReadOnlyReason::DiskFull);
        }
        let mut overlay = Overlay::new();
        let mut answers: Vec<(Answer, Result<(), CommitError>)> = Vec::new();
        let mut writing = self.writing();
        let current = self.current();
        let Some(generation) = current.as_ref() else {
            drop(current);
            drop(writing);
            return self.refuse(items, true);
        };
        for item in items {
            match item {
                Item::Relaxed(changes) => overlay.extend(changes),
                Item::Flush(answer) => answers.push((answer, Ok(()))),
                Item::Commit(commit, answer) => {
                    let outcome = admit(generation, &mut overlay, commit);
                    answers.extend(answer.map(|answer| (answer, outcome)));
                }
            }
        }
        let written = prepare(generation, &writing.manifest, &overlay).and_then(|batch| {
            let Some(batch) = batch else { return Ok(None) };
            let clock = &self.options.clock;
            let began = clock.now();
            put_down(generation, &overlay, &batch)?;
            self.commits.observe(clock.now().since(began));
            Ok(Some(batch))
        });
        match written {
            Ok(None) => answer(answers, None),
            Ok(Some(batch)) => {
                self.settle(generation, &mut writing, batch);
                drop(current);
                drop(writing);
                self.announce(overlay);
                answer(answers, None);
            }
            Err(error) => {
                drop(current);
                drop(writing);
                self.fail(&error);
                answer(answers, Some(CommitError::Fault));
            }
        }
    }

    /// Notes what is on the disk now.
    fn settle(&self, generation: &Generation, writing: &mut Writing, batch: Batch) {
        // The witness may lag; a failure to write it takes nothing away from what was written.
        let _ = generation.witness.see(seen(&batch.manifest));
        self.publish(&batch.manifest);
        writing.manifest = batch.manifest;
        if let Some(undo) = &mut writing.undo {
            undo.note(batch.before);
        }
        writing.garbage.extend(batch.garbage);
        if writing.undo.is_none() {
            generation.blobs.remove(&std::mem::take(&mut writing.garbage));
        }
    }

    fn announce(&self, overlay: Overlay) {
        if self.announcer.is_heard() {
            let changes = overlay.keys().filter_map(|key| Change::of_full_key(key));
            changes.for_each(|change| self.announcer.announce(change));
        }
    }

    /// Refuses what waits. On a full volume relaxed writes stay, for when there is space again.
    fn refuse(&self, items: Vec<Item>, keep_relaxed: bool) {
        let mut kept = super::queue::Relaxed::new();
        for item in items {
            match item {
                Item::Relaxed(changes) if keep_relaxed => kept.extend(changes),
                Item::Relaxed(changes) => {
                    self.refused.fetch_add(changes.len() as u64, Ordering::Relaxed);
                }
                Item::Commit(_, answer) => {
                    if let Some(answer) = answer {
                        let _ = answer.send(Err(CommitError::ReadOnly));
                    }
                }
                Item::Flush(answer) => {
                    let _ = answer.send(Err(CommitError::ReadOnly));
                }
            }
        }
        if !kept.is_empty() {
            self.queue.put_back(kept);
        }
    }

    /// Turns read-only after a failure.
    fn fail(&self, error: &TreeError) {
        tracing::error!(%error, "the store cannot write and is read-only now");
        if *error == TreeError::Full {
            self.set_mode(Mode::ReadOnly(ReadOnlyReason::DiskFull));
            // sled refuses everything after a failed write; only a new start helps.
            self.reopen.store(true, Ordering::Release);
        } else {
            self.set_mode(Mode::ReadOnly(ReadOnlyReason::SyncFailed));
        }
    }

    /// Looks how full the volume is, stops writing before it is full, and goes on when there is
    /// space.
    pub(super) fn check_space(&self) {
        let Some(space) = (self.options.space)(self.layout.root()) else { return };
        self.note_space(space);
        match self.mode() {
            Mode::Writable if space.is_full(false) => {
                tracing::error!(
                    free = space.free,
                    "the volume is full: the store is read-only now"
                );
                self.set_mode(Mode::ReadOnly(ReadOnlyReason::DiskFull));
            }
            Mode::ReadOnly(ReadOnlyReason::DiskFull) if !space.is_full(true) => self.resume(),
            Mode::Writable | Mode::ReadOnly(_) => {}
        }
    }

    fn note_space(&self, space: Space) {
        self.free_bytes.store(space.free, Ordering::Relaxed);
        let low = space.is_low();
        if low != self.space_is_low.swap(low, Ordering::Relaxed) {
            if low {
                tracing::warn!(free = space.free, "the volume is nearly full");
            } else {
                tracing::info!(free = space.free, "the volume has space again");
            }
        }
    }

    /// Goes on after the volume was full.
    fn resume(&self) {
        if self.reopen.load(Ordering::Acquire) {
            let mut writing = self.writing();
            let mut current = self.current_mut();
            let number = current.as_ref().map_or(self.number.load(Ordering::Acquire), |g| g.number);
            // The lock on its files must be gone before it is opened again.
            drop(current.take());
            match Generation::open(&self.layout, number, self.options.cache_bytes) {
                Ok((generation, manifest)) => {
                    self.publish(&manifest);
                    writing.manifest = manifest;
                    *current = Some(generation);
                }
                Err(error) => {
                    tracing::error!(%error, "the store cannot be opened again");
                    return;
                }
            }
            self.reopen.store(false, Ordering::Release);
        }
        self.reserve.fill();
        tracing::info!("the volume has space: the store takes changes again");
        self.set_mode(Mode::Writable);
    }
}

/// Answers everybody, with `failure` whoever was to be told that all is well.
fn answer(answers: Vec<(Answer, Result<(), CommitError>)>, failure: Option<CommitError>) {
    for (answer, outcome) in answers {
        let outcome = match (outcome, failure) {
            (Ok(()), Some(failure)) => Err(failure),
            (outcome, _) => outcome,
        };
        // Whoever asked may have gone.
        let _ = answer.send(outcome);
    }
}

/// Checks a commit against the tree and the batch so far, and adds it to the batch.
fn admit(
    generation: &Generation,
    overlay: &mut Overlay,
    commit: Commit,
) -> Result<(), CommitError> {
    for (key, expectation) in &commit.expectations {
        let holds = match overlay.get(key) {
            Some(row) => expectation.holds(row.as_deref()),
            None => {
                let row = generation.value(key).map_err(|_| CommitError::Fault)?;
                expectation.holds(row.as_deref())
            }
        };
        if !holds {
            return Err(CommitError::Conflict);
        }
    }
    overlay.extend(commit.changes);
    Ok(())
}

/// Turns the rows to be changed into a batch; `None` if nothing changes.
fn prepare(
    generation: &Generation,
    manifest: &Manifest,
    overlay: &Overlay,
) -> Result<Option<Batch>, TreeError> {
    let mut batch = Batch {
        changes: Vec::with_capacity(overlay.len() + 1),
        before: Vec::with_capacity(overlay.len()),
        manifest: manifest.clone(),
        files: Vec::new(),
        garbage: Vec::new(),
    };
    for (key, value) in overlay {
        let before = generation.tree.get(key)?;
        let after = value.as_ref().map(|value| stored(key, value));
        let row = after.as_ref().map(|(row, _)| row);
        if before.as_ref() == row {
            continue;
        }
        batch.manifest.replace(key, before.as_deref(), row.map(Vec::as_slice));
        if let Some(file) = before.as_ref().and_then(|row| record::file_of(key, row)) {
            batch.garbage.push(file.id);
        }
        if let Some((row, file)) = after {
            batch.files.extend(file.map(|file| (file, key.clone())));
            batch.changes.push((key.clone(), Some(row)));
        } else {
            batch.changes.push((key.clone(), None));
        }
        batch.before.push((key.clone(), before));
    }
    if batch.changes.is_empty() {
        return Ok(None);
    }
    batch.manifest.sequence = batch.manifest.sequence.saturating_add(1);
    batch.changes.push((Manifest::KEY.to_vec(), Some(batch.manifest.encode())));
    Ok(Some(batch))
}

/// Writes a batch and brings it onto the disk: files before the rows that refer to them.
fn put_down(generation: &Generation, overlay: &Overlay, batch: &Batch) -> Result<(), TreeError> {
    for (file, key) in &batch.files {
        if let Some(Some(value)) = overlay.get(key) {
            generation.blobs.write(file, value)?;
        }
    }
    if !batch.files.is_empty() {
        generation.blobs.sync()?;
    }
    generation.tree.apply(&batch.changes)?;
    generation.tree.sync()
}
