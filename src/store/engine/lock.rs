//! One server at a time owns a data directory.

use std::fs::{File, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::Path;

/// Held as long as the store is open; the kernel lets go of it when the process ends, however it
/// ends.
#[derive(Debug)]
pub(super) struct DirectoryLock(#[expect(dead_code, reason = "holds the lock")] File);

/// Why the lock was not had.
#[derive(Debug)]
pub(super) enum LockError {
    /// Another process holds it; its number, if it could be read.
    Owned(Option<u32>),
    Io(io::Error),
}

impl DirectoryLock {
    /// Takes the lock in the file at `path` and writes this process's number into it.
    pub(super) fn take(path: &Path) -> Result<DirectoryLock, LockError> {
        use std::os::unix::fs::OpenOptionsExt as _;
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .map_err(LockError::Io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::Error(error)) => return Err(LockError::Io(error)),
            Err(TryLockError::WouldBlock) => {
                let mut owner = String::new();
                // The owner may be about to write its number.
                let _ = file.take(32).read_to_string(&mut owner);
                return Err(LockError::Owned(owner.trim().parse().ok()));
            }
        }
        let written = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()));
        match written {
            // The number is for people; on a full volume the lock holds without it.
            Err(error) if error.kind() != io::ErrorKind::StorageFull => Err(LockError::Io(error)),
            _ => Ok(DirectoryLock(file)),
        }
    }
}
