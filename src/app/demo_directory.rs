//! The directory of a demonstration: it goes with its process, and one whose process was killed goes
//! when the next demonstration begins.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::process;
use crate::entropy;
use crate::operations::Failure;

/// What the names of all of them begin with.
const PREFIX: &str = "tagus-demo-";

/// Locked by the process for as long as it lives; the kernel unlocks it whatever ends the process.
const LOCK: &str = "demo.lock";

/// Names that are tried.
const TRIES: usize = 5;

/// A directory of a demonstration of this process. Removed when it is dropped.
#[derive(Debug)]
pub(super) struct DemoDirectory {
    path: PathBuf,
    _lock: File,
}

impl DemoDirectory {
    /// Makes one below `parent`, and removes those there that nobody uses any more.
    ///
    /// # Errors
    /// A [`Failure`] if none can be made.
    pub(super) fn make_in(parent: &Path) -> Result<DemoDirectory, Failure> {
        remove_dead(parent);
        for _ in 0..TRIES {
            let path = parent.join(format!("{PREFIX}{}", entropy::token(5)));
            process::own_data_dir(&path)?;
            match lock(&path, true) {
                Ok(Some(lock)) => return Ok(DemoDirectory { path, _lock: lock }),
                // Another demonstration began at the same moment and took it for a dead one.
                Ok(None) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    return Err(Failure::failed(format!("{}: {error}", path.display())));
                }
            }
        }
        Err(Failure::failed(format!("no directory can be made in {}", parent.display())))
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for DemoDirectory {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.path) {
            let path = self.path.display();
            tracing::warn!(%error, %path, "the demonstration's data is left");
        }
    }
}

/// Locks a directory; `None` if another process has it.
fn lock(directory: &Path, make: bool) -> io::Result<Option<File>> {
    let path = directory.join(LOCK);
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(make).mode(0o600);
    let file = options.custom_flags(nix::libc::O_NOFOLLOW).open(&path)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(fs::TryLockError::WouldBlock) => return Ok(None),
        Err(fs::TryLockError::Error(error)) => return Err(error),
    }
    // The lock counts only while the file is the one that others find.
    let (found, held) = (fs::symlink_metadata(&path)?, file.metadata()?);
    Ok((found.ino() == held.ino() && found.dev() == held.dev()).then_some(file))
}

/// Removes what demonstrations of this user left whose processes were killed. Whatever is not surely
/// such a directory stays: another user's, a link, one without a lock, one that is locked.
fn remove_dead(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    let own = nix::unistd::geteuid().as_raw();
    for entry in entries.flatten() {
        let path = entry.path();
        let named = entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX));
        // Of the entry itself, never of what a link leads to.
        let is_ours = named
            && entry.metadata().is_ok_and(|metadata| metadata.is_dir() && metadata.uid() == own);
        if !is_ours {
            continue;
        }
        let Ok(Some(_lock)) = lock(&path, false) else { continue };
        match fs::remove_dir_all(&path) {
            Ok(()) => {
                tracing::info!(path = %path.display(), "a killed demonstration's data is gone");
            }
            Err(error) => {
                tracing::warn!(%error, path = %path.display(), "a killed demonstration's data is left");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(parent: &Path) -> usize {
        fs::read_dir(parent).unwrap().count()
    }

    #[test]
    fn what_a_killed_demonstration_left_goes_with_the_next_one() {
        let parent = tempfile::tempdir().unwrap();
        let living = DemoDirectory::make_in(parent.path()).unwrap();
        // Killed: its lock is gone, its directory is not.
        let dead = parent.path().join("tagus-demo-dead");
        fs::create_dir_all(dead.join("store")).unwrap();
        fs::write(dead.join(LOCK), "").unwrap();
        let next = DemoDirectory::make_in(parent.path()).unwrap();
        assert!(!dead.exists());
        assert!(living.path().exists() && next.path().exists());
        drop((living, next));
        assert_eq!(left(parent.path()), 0);
    }

    #[test]
    fn nothing_else_is_removed() {
        let parent = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        fs::write(elsewhere.path().join(LOCK), "").unwrap();
        let link = parent.path().join("tagus-demo-link");
        std::os::unix::fs::symlink(elsewhere.path(), &link).unwrap();
        let unlocked = parent.path().join("tagus-demo-begins");
        let foreign = parent.path().join("tagus-data");
        let file = parent.path().join("tagus-demo-file");
        for directory in [&unlocked, &foreign] {
            fs::create_dir(directory).unwrap();
        }
        fs::write(foreign.join(LOCK), "").unwrap();
        fs::write(&file, "").unwrap();
        drop(DemoDirectory::make_in(parent.path()).unwrap());
        assert_eq!(left(parent.path()), 4);
        assert!(elsewhere.path().join(LOCK).exists());
    }
}
