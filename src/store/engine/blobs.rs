//! Large values: one file each, written once and never changed.

use std::collections::HashSet;
use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;

use crate::store::files;
use crate::store::record::FileRef;

/// The directory of large values.
#[derive(Debug)]
pub(super) struct Blobs {
    directory: PathBuf,
}

impl Blobs {
    /// The large values in `directory`, which is made if it is not there.
    pub(super) fn open(directory: PathBuf) -> io::Result<Blobs> {
        files::make_directory(&directory)?;
        Ok(Blobs { directory })
    }

    fn path(&self, id: &[u8; 16]) -> PathBuf {
        let name: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
        self.directory.join(name)
    }

    /// Writes a value to its file, onto the disk; its name is durable after [`Blobs::sync`].
    pub(super) fn write(&self, file: &FileRef, value: &[u8]) -> io::Result<()> {
        let path = self.path(&file.id);
        let temporary = files::beside(&path);
        let mut open = files::create(&temporary)?;
        open.write_all(value)?;
        open.sync_all()?;
        fs::rename(temporary, path)
    }

    /// Makes the names of all values durable.
    pub(super) fn sync(&self) -> io::Result<()> {
        files::sync_directory(&self.directory)
    }

    /// Reads a value; `None` if its file is gone or is not what was written.
    pub(super) fn read(&self, file: &FileRef) -> Option<Vec<u8>> {
        let value = fs::read(self.path(&file.id)).ok()?;
        file.matches(&value).then_some(value)
    }

    /// Whether the file is there with its full length.
    pub(super) fn is_there(&self, file: &FileRef) -> bool {
        self.path(&file.id).metadata().is_ok_and(|metadata| metadata.len() == file.length)
    }

    /// Removes files whose rows are gone.
    pub(super) fn remove(&self, ids: &[[u8; 16]]) {
        for id in ids {
            // One that stays is found by the next `sweep`.
            let _ = files::remove(&self.path(id));
        }
    }

    /// Removes every file that no row refers to: left by a process that ended between a file and
    /// its row.
    pub(super) fn sweep(&self, wanted: &HashSet<[u8; 16]>) -> io::Result<()> {
        let wanted: HashSet<PathBuf> = wanted.iter().map(|id| self.path(id)).collect();
        for entry in fs::read_dir(&self.directory)? {
            let path = entry?.path();
            if !wanted.contains(&path) {
                files::remove(&path)?;
            }
        }
        Ok(())
    }
}
