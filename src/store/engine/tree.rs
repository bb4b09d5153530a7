//! The sled tree behind a fence; the only code that names sled.
//!
//! sled 0.34.7 as measured: a flush does not reach the disk (the file is synced here), opening
//! and reading a damaged file can panic (every call is caught), `flush_async` deadlocks (never
//! called), and after a failed write the database refuses all others (it is opened anew).

use std::any::Any;
use std::fs::{self, File};
use std::io;
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::store::files;
use crate::store::record::TreeChange;

/// How often, and with what pause, a tree is tried whose file somebody still holds: five seconds.
const LOCK_TRIES: u32 = 500;
const LOCK_WAIT: Duration = Duration::from_millis(10);

/// sled gives the failed lock no kind of its own.
fn is_locked(error: &sled::Error) -> bool {
    matches!(error, sled::Error::Io(error) if error.to_string().contains("acquire lock"))
}

/// Why the tree failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum TreeError {
    /// The volume is full.
    #[error("no space left on the volume")]
    Full,
    /// The file system failed.
    #[error("{0}")]
    Io(String),
    /// The files are not what was written.
    #[error("{0}")]
    Corrupt(String),
}

impl From<io::Error> for TreeError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => TreeError::Full,
            _ => TreeError::Io(error.to_string()),
        }
    }
}

impl From<sled::Error> for TreeError {
    fn from(error: sled::Error) -> Self {
        match error {
            sled::Error::Io(error) => error.into(),
            other => TreeError::Corrupt(other.to_string()),
        }
    }
}

/// Runs something that may panic inside sled.
fn guarded<T>(work: impl FnOnce() -> Result<T, TreeError>) -> Result<T, TreeError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        Err(TreeError::Corrupt(format!("the tree's code panicked: {}", message(panic.as_ref()))))
    })
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

/// An open tree.
#[derive(Debug)]
pub(super) struct Tree {
    /// `None` only while it is dropped.
    db: Option<sled::Db>,
    /// The file that sled writes to, to be synced.
    file: File,
}

impl Tree {
    /// Opens the tree in `directory`, making it if there is none.
    pub(super) fn open(directory: &Path, cache_bytes: u64) -> Result<Tree, TreeError> {
        files::make_directory(directory)?;
        let db = guarded(|| {
            let config = sled::Config::new()
                .path(directory)
                .cache_capacity(cache_bytes)
                .flush_every_ms(None)
                .mode(sled::Mode::HighThroughput);
            // A tree of this process that was just closed may still hold its file: threads of sled
            // outlive it for a moment. No other process can: the directory is locked.
            let mut tries = LOCK_TRIES;
            loop {
                match config.open() {
                    Err(error) if is_locked(&error) && tries > 0 => {
                        tries -= 1;
                        std::thread::sleep(LOCK_WAIT);
                    }
                    outcome => return Ok(outcome?),
                }
            }
        })?;
        let file = File::options().read(true).write(true).open(directory.join("db"))?;
        let tree = Tree { db: Some(db), file };
        files::make_private(directory)?;
        Ok(tree)
    }

    fn db(&self) -> Result<&sled::Db, TreeError> {
        self.db.as_ref().ok_or_else(|| TreeError::Io("the tree is closed".into()))
    }

    /// The stored row at `key`.
    pub(super) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, TreeError> {
        let db = self.db()?;
        guarded(|| Ok(db.get(key)?.map(|row| row.to_vec())))
    }

    /// Calls `each` with up to `limit` rows from `from` on, until it says that it has enough.
    pub(super) fn visit(
        &self,
        from: Bound<&[u8]>,
        mut each: impl FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), TreeError> {
        let db = self.db()?;
        guarded(|| {
            for row in db.range::<&[u8], _>((from, Bound::Unbounded)) {
                let (key, value) = row?;
                if !each(&key, &value) {
                    break;
                }
            }
            Ok(())
        })
    }

    /// Makes all changes, as one; they are not on the disk before [`Tree::sync`].
    pub(super) fn apply(&self, changes: &[TreeChange]) -> Result<(), TreeError> {
        let db = self.db()?;
        guarded(|| {
            let mut batch = sled::Batch::default();
            for (key, row) in changes {
                match row {
                    Some(row) => batch.insert(key.as_slice(), row.as_slice()),
                    None => batch.remove(key.as_slice()),
                }
            }
            Ok(db.apply_batch(batch)?)
        })
    }

    /// Bytes of its files; `None` if they cannot be told.
    pub(super) fn size(&self) -> Option<u64> {
        let db = self.db().ok()?;
        guarded(|| Ok(db.size_on_disk()?)).ok()
    }

    /// Brings everything applied so far onto the disk.
    pub(super) fn sync(&self) -> Result<(), TreeError> {
        let db = self.db()?;
        guarded(|| {
            db.flush()?;
            Ok(self.file.sync_data()?)
        })
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        let db = self.db.take();
        // A damaged tree may panic once more when it goes.
        let _ = guarded(|| {
            drop(db);
            Ok(())
        });
    }
}

/// sled's snapshots in `directory`: only a help for opening faster; the log holds everything.
pub(super) fn snapshots(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"snap."))
        })
        .collect()
}
