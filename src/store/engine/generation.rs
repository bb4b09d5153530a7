//! One generation of the store: a tree, its large values and its witness, opened and proved whole.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::ops::Bound;
use std::path::Path;

use super::blobs::Blobs;
use super::layout::{Layout, Seen, Witness};
use super::tree::{Tree, TreeError};
use crate::store::commit::full_key;
use crate::store::files;
use crate::store::record::{self, FileRef, LARGEST_INLINE, Manifest, Stored, TreeChange};
use crate::store::{Row, StoreError, Table};

/// Why a generation was not opened.
#[derive(Debug, thiserror::Error)]
pub(super) enum GenerationError {
    /// The volume is full.
    #[error("no space left on the volume")]
    Full,
    /// The file system failed.
    #[error("{0}")]
    Io(String),
    /// Something that was written is not there, or not as it was.
    #[error("{0}")]
    Damaged(String),
}

impl From<TreeError> for GenerationError {
    fn from(error: TreeError) -> Self {
        match error {
            TreeError::Full => GenerationError::Full,
            TreeError::Io(text) => GenerationError::Io(text),
            TreeError::Corrupt(text) => GenerationError::Damaged(text),
        }
    }
}

impl From<io::Error> for GenerationError {
    fn from(error: io::Error) -> Self {
        TreeError::from(error).into()
    }
}

/// An open generation.
#[derive(Debug)]
pub(super) struct Generation {
    pub(super) number: u64,
    pub(super) tree: Tree,
    pub(super) blobs: Blobs,
    pub(super) witness: Witness,
}

/// What the scan of a tree found.
struct Found {
    manifest: Option<Manifest>,
    sums: Manifest,
    bad: u64,
    files: HashSet<[u8; 16]>,
}

impl Generation {
    fn open_files(path: &Path, number: u64, cache_bytes: u64) -> Result<Self, GenerationError> {
        files::make_directory(path)?;
        Ok(Generation {
            number,
            tree: Tree::open(&path.join("tree"), cache_bytes)?,
            blobs: Blobs::open(path.join("blobs"))?,
            witness: Witness::open(path)?,
        })
    }

    /// Opens a generation and compares every row with the manifest and the manifest with the
    /// witness.
    pub(super) fn open(
        layout: &Layout,
        number: u64,
        cache_bytes: u64,
    ) -> Result<(Generation, Manifest), GenerationError> {
        let path = layout.generation(number);
        let generation = Generation::open_files(&path, number, cache_bytes)?;
        let found = generation.look()?;
        let damaged = |text: String| Err(GenerationError::Damaged(text));
        let Some(manifest) = found.manifest else {
            return damaged("the manifest is gone".to_owned());
        };
        if found.bad > 0 {
            return damaged(format!("{} rows do not match their checksums", found.bad));
        }
        let differences = manifest.differences(&found.sums);
        if !differences.is_empty() {
            return damaged(differences.join("; "));
        }
        if let Some(seen) = generation.witness.seen() {
            if seen.sequence > manifest.sequence {
                let missing = seen.sequence - manifest.sequence;
                return damaged(format!("the last {missing} batches are gone"));
            }
            if seen.sequence == manifest.sequence && seen.digest != manifest.digest() {
                return damaged("the manifest is not the one that was written".to_owned());
            }
        }
        generation.blobs.sweep(&found.files)?;
        generation.witness.see(seen(&manifest))?;
        Ok((generation, manifest))
    }

    /// Opens a damaged generation to read what is left.
    pub(super) fn open_damaged(
        layout: &Layout,
        number: u64,
        cache_bytes: u64,
    ) -> Result<(Generation, Manifest), GenerationError> {
        let path = layout.generation(number);
        let generation = Generation::open_files(&path, number, cache_bytes)?;
        let found = generation.look()?;
        Ok((generation, found.sums))
    }

    /// Reads every row.
    fn look(&self) -> Result<Found, TreeError> {
        let mut found =
            Found { manifest: None, sums: Manifest::default(), bad: 0, files: HashSet::new() };
        self.tree.visit(Bound::Unbounded, |key, row| {
            if key == Manifest::KEY {
                found.manifest = Manifest::decode(row);
                return true;
            }
            match record::open(key, row) {
                Ok(Stored::Inline(_)) => found.sums.replace(key, None, Some(row)),
                Ok(Stored::File(file)) if self.blobs.is_there(&file) => {
                    found.files.insert(file.id);
                    found.sums.replace(key, None, Some(row));
                }
                Ok(Stored::File(_)) | Err(_) => found.bad += 1,
            }
            true
        })?;
        if let Some(manifest) = &found.manifest {
            found.sums.sequence = manifest.sequence;
        }
        Ok(found)
    }

    /// Builds a generation of `rows` beside the others and puts it in use. Until then a process
    /// that ends leaves everything as it was.
    pub(super) fn build<E: From<GenerationError>>(
        layout: &Layout,
        sequence: u64,
        cache_bytes: u64,
        next: &mut dyn FnMut() -> Result<Option<(Table, Row)>, E>,
    ) -> Result<u64, E> {
        let number = layout.next_number().map_err(GenerationError::from)?;
        let path = layout.unfinished(number);
        files::remove_tree(&path).map_err(GenerationError::from)?;
        let built = Generation::build_in(&path, number, sequence, cache_bytes, next);
        let placed = built.and_then(|()| {
            let place = || {
                fs::rename(&path, layout.generation(number))?;
                files::sync_directory(layout.root())?;
                layout.set_current(number)
            };
            place().map_err(|error| GenerationError::from(error).into())
        });
        if placed.is_err() {
            let _ = files::remove_tree(&path);
        }
        placed.map(|()| number)
    }

    fn build_in<E: From<GenerationError>>(
        path: &Path,
        number: u64,
        sequence: u64,
        cache_bytes: u64,
        next: &mut dyn FnMut() -> Result<Option<(Table, Row)>, E>,
    ) -> Result<(), E> {
        /// Bytes of rows in one batch.
        const BATCH: usize = 1024 * 1024;
        let generation = Generation::open_files(path, number, cache_bytes)?;
        let mut manifest = Manifest { sequence, ..Manifest::default() };
        let mut changes: Vec<TreeChange> = Vec::new();
        let mut weight = 0;
        while let Some((table, (key, value))) = next()? {
            let key = full_key(table, &key);
            let (row, file) = stored(&key, &value);
            if let Some(file) = file {
                generation.blobs.write(&file, &value).map_err(GenerationError::from)?;
            }
            manifest.replace(&key, None, Some(&row));
            weight += key.len() + row.len();
            changes.push((key, Some(row)));
            if weight > BATCH {
                generation.tree.apply(&changes).map_err(GenerationError::from)?;
                changes.clear();
                weight = 0;
            }
        }
        changes.push((Manifest::KEY.to_vec(), Some(manifest.encode())));
        let finish = || -> Result<(), GenerationError> {
            generation.tree.apply(&changes)?;
            generation.blobs.sync()?;
            generation.tree.sync()?;
            generation.witness.see(seen(&manifest))?;
            generation.witness.sync()?;
            for directory in [&path.join("tree"), path] {
                for entry in fs::read_dir(directory)? {
                    fs::File::open(entry?.path())?.sync_all()?;
                }
                files::sync_directory(directory)?;
            }
            Ok(())
        };
        Ok(finish()?)
    }

    /// The value of the row at `key`, however it is stored.
    pub(super) fn value(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        // A large value may be replaced, and its file removed, between the two reads.
        for _ in 0..8 {
            let Some(row) = self.tree.get(key).map_err(fault)? else { return Ok(None) };
            match self.open_row(key, &row) {
                Ok(value) => return Ok(Some(value)),
                Err(error) if self.tree.get(key).map_err(fault)?.as_ref() == Some(&row) => {
                    return Err(error);
                }
                Err(_) => {}
            }
        }
        Err(StoreError::Fault("a row changes faster than it can be read".into()))
    }

    /// The value in a stored row.
    pub(super) fn open_row(&self, key: &[u8], row: &[u8]) -> Result<Vec<u8>, StoreError> {
        let table = key.first().and_then(|&id| Table::from_id(id)).unwrap_or(Table::Site);
        match record::open(key, row) {
            Ok(Stored::Inline(value)) => Ok(value.to_vec()),
            Ok(Stored::File(file)) => self.blobs.read(&file).ok_or(StoreError::Damaged(table)),
            Err(_) => Err(StoreError::Damaged(table)),
        }
    }
}

/// What the witness of a manifest says.
pub(super) fn seen(manifest: &Manifest) -> Seen {
    Seen { sequence: manifest.sequence, digest: manifest.digest() }
}

/// The stored row for a value, and the file that the value itself goes to if it is large.
pub(super) fn stored(key: &[u8], value: &[u8]) -> (Vec<u8>, Option<FileRef>) {
    if value.len() <= LARGEST_INLINE {
        return (record::inline(key, value), None);
    }
    let file = FileRef::to(value);
    (record::reference(key, &file), Some(file))
}

/// A tree's failure as services see it.
pub(super) fn fault(error: TreeError) -> StoreError {
    StoreError::Fault(error.to_string())
}
