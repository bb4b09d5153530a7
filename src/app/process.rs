//! What the process owes to the machine: no core dump with secrets, files for the owner alone.

use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use nix::sys::stat::{Mode, umask};

use crate::operations::Failure;

/// Called first: nobody else may read this process's memory or dump it, and files that it makes are
/// its owner's, whatever umask it was started with.
pub fn protect() {
    if let Err(error) = nix::sys::prctl::set_dumpable(false) {
        tracing::warn!(%error, "core dumps cannot be switched off; they would hold secrets");
    }
    umask(Mode::from_bits_truncate(0o077));
}

/// Lets the process have as many descriptors as the system grants: each connection is one.
pub fn raise_descriptor_limit() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let raised = getrlimit(Resource::RLIMIT_NOFILE)
        .and_then(|(_, hard)| setrlimit(Resource::RLIMIT_NOFILE, hard, hard));
    if let Err(error) = raised {
        tracing::warn!(%error, "the limit of open files stays; each connection needs one");
    }
}

/// Memory that the process has in the machine's (`proc(5)`, the second field of `statm`), in bytes;
/// `None` if the kernel does not tell.
#[must_use]
pub fn resident_bytes() -> Option<u64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split(' ').nth(1)?.parse().ok()?;
    let page = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE).ok()??;
    pages.checked_mul(u64::try_from(page).ok()?)
}

/// File descriptors that are open; `None` if the kernel does not tell.
#[must_use]
pub fn open_descriptors() -> Option<usize> {
    // The one that reads the folder is among them.
    std::fs::read_dir("/proc/self/fd").ok().map(|open| open.count().saturating_sub(1))
}

/// Runs the program again in place of this process, with the same arguments: nothing is left of the
/// server that ended but the descriptors that it was started with.
///
/// # Errors
/// A [`Failure`] if that cannot be done; else it does not return.
pub fn start_again() -> Result<(), Failure> {
    let mut arguments = std::env::args_os();
    let called = arguments.next().unwrap_or_default();
    // A program that was replaced meanwhile is found where it was called.
    let own = std::env::current_exe().ok().filter(|path| path.exists());
    let program = own.map_or(called, Into::into);
    let error = Command::new(program).args(arguments).exec();
    Err(Failure::failed(format!("the server ended and cannot be started again: {error}")))
}

/// Whether the process runs as root.
#[must_use]
pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// Makes the data directory if it is missing and refuses one that others could write to or that
/// belongs to somebody else.
///
/// # Errors
/// A [`Failure`] that names the directory and says what to do.
pub fn own_data_dir(path: &Path) -> Result<(), Failure> {
    let shown = path.display();
    match std::fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(|error| {
                Failure::failed(format!(
                    "the data directory {shown} cannot be made: {error}; choose another with --data-dir"
                ))
            }),
        Err(error) => {
            Err(Failure::failed(format!("the data directory {shown} cannot be read: {error}")))
        }
        Ok(metadata) if !metadata.is_dir() => {
            Err(Failure::usage(format!("{shown} is not a directory")))
        }
        Ok(metadata) => {
            let own = nix::unistd::geteuid();
            if !own.is_root() && metadata.uid() != own.as_raw() {
                return Err(Failure::refused(format!(
                    "the data directory {shown} belongs to user {}, and this is user {own}; \
                     run as its owner, or choose another with --data-dir",
                    metadata.uid()
                )));
            }
            if metadata.mode() & 0o022 != 0 {
                return Err(Failure::refused(format!(
                    "the data directory {shown} can be written by others: chmod 700 {shown}"
                )));
            }
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::operations::Exit;

    /// T69: the store's directory is 0700.
    #[test]
    fn a_data_directory_is_made_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b");
        own_data_dir(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o700);
        own_data_dir(&path).unwrap();
    }

    /// C05: a directory that others may write to is refused.
    #[test]
    fn a_data_directory_open_to_others_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
        assert_eq!(own_data_dir(folder.path()).unwrap_err().exit, Exit::Refused);
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert_eq!(own_data_dir(&file).unwrap_err().exit, Exit::Usage);
    }
}
