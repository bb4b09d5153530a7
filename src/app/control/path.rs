//! Reaches a socket whose path is longer than a socket address holds (108 bytes): through its
//! directory, opened, by the short name that `/proc` gives it.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// What a socket address holds, less its final zero.
const LONGEST: usize = 107;

/// A path short enough for a socket address, valid as long as this lives.
pub(super) struct Short {
    path: PathBuf,
    _directory: Option<File>,
}

impl Short {
    pub(super) fn of(path: &Path) -> io::Result<Short> {
        if path.as_os_str().as_bytes().len() <= LONGEST {
            return Ok(Short { path: path.to_owned(), _directory: None });
        }
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        let directory = File::open(parent)?;
        let path = PathBuf::from(format!("/proc/self/fd/{}", directory.as_raw_fd())).join(name);
        Ok(Short { path, _directory: Some(directory) })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}
