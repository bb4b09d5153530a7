//! Space on the volume, and the reserve that lets a store on a full volume be opened.

use std::io;
use std::path::{Path, PathBuf};

use nix::fcntl::posix_fallocate;
use nix::sys::statvfs::statvfs;

use crate::store::files;

const MIB: u64 = 1024 * 1024;

/// What a volume has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Space {
    /// Bytes that this process may still write.
    pub(super) free: u64,
    /// Bytes of the volume.
    pub(super) total: u64,
}

impl Space {
    /// Of the volume that holds `path`; `None` if the system does not say.
    pub(super) fn of(path: &Path) -> Option<Space> {
        let volume = statvfs(path).ok()?;
        let block = volume.fragment_size();
        Some(Space {
            free: volume.blocks_available().saturating_mul(block),
            total: volume.blocks().saturating_mul(block),
        })
    }

    /// Below 5 % and below 256 MiB: time to tell somebody.
    pub(super) fn is_low(self) -> bool {
        self.free < (self.total / 20).min(256 * MIB)
    }

    /// Below 1 % and below 64 MiB, or hardly enough for a write: time to stop. A store that
    /// stopped wants a quarter more before it goes on.
    pub(super) fn is_full(self, stopped: bool) -> bool {
        let limit = (self.total / 100).clamp(MIB, 64 * MIB);
        self.free < if stopped { limit + limit / 4 } else { limit }
    }
}

/// A file that only occupies space, to be given up when opening needs some.
#[derive(Debug)]
pub(super) struct Reserve {
    path: PathBuf,
    bytes: u64,
}

impl Reserve {
    /// A reserve of up to `bytes` at `path`; it is not there yet.
    pub(super) fn new(path: PathBuf, bytes: u64) -> Reserve {
        Reserve { path, bytes }
    }

    /// Occupies the space, if the volume has plenty: no reserve is better than no room.
    pub(super) fn fill(&self) {
        let Some(space) = Space::of(&files::parent(&self.path)) else { return };
        let there = self.path.metadata().map_or(0, |m| m.len());
        let bytes = self.bytes.min(space.total / 8);
        if bytes == 0 || there >= bytes || space.free < bytes.saturating_mul(2) {
            return;
        }
        let filled = files::create(&self.path).and_then(|file| {
            let length = i64::try_from(bytes).map_err(io::Error::other)?;
            posix_fallocate(&file, 0, length).map_err(io::Error::from)
        });
        if filled.is_err() {
            let _ = files::remove(&self.path);
        }
    }

    /// Gives the space up. Whether there was any.
    pub(super) fn release(&self) -> bool {
        let there = self.path.exists();
        files::remove(&self.path).is_ok() && there
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_volume_stops_at_64_mib_and_a_small_one_at_1_mib() {
        let large = |free| Space { free, total: 1024 * 1024 * MIB };
        assert!(!large(65 * MIB).is_full(false) && large(63 * MIB).is_full(false));
        assert!(large(65 * MIB).is_full(true) && !large(81 * MIB).is_full(true));
        assert!(large(255 * MIB).is_low() && !large(257 * MIB).is_low());
        let small = |free| Space { free, total: 12 * MIB };
        assert!(!small(2 * MIB).is_full(false) && small(MIB - 1).is_full(false));
    }

    #[test]
    fn a_reserve_occupies_space_until_it_is_released() {
        let directory = tempfile::tempdir().unwrap();
        let reserve = Reserve::new(directory.path().join("reserve"), MIB);
        reserve.fill();
        reserve.fill();
        assert_eq!(directory.path().join("reserve").metadata().unwrap().len(), MIB);
        assert!(reserve.release());
        assert!(!reserve.release());
    }
}
