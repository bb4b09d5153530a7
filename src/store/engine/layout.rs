//! What lies where in the store's directory.
//!
//! ```text
//! lock             held while the store is open; the owner's process number
//! current          "tagus-store FORMAT NUMBER": which generation is in use
//! gen-NUMBER/      tree/ (sled), blobs/ (large values), witness
//! gen-NUMBER.new/  one that is being built by an import; worthless until renamed
//! damaged-NUMBER/  one that was replaced by an export, kept for whoever wants to look
//! exports/         latest.export, previous.export
//! reserve          only occupies space
//! ```
//!
//! Replacing everything, by an import or a recovery, builds a new generation beside the old one and
//! then exchanges one line in `current`: a process that ends in between leaves the old one.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use crate::store::files;
use crate::store::record::checksum;

/// The format that this release writes. A later one is refused before anything is touched.
pub(super) const FORMAT: u32 = 1;

/// The store's directory.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    root: PathBuf,
}

/// What `current` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Current {
    /// There is no store yet.
    Missing,
    /// This generation, in this format.
    Generation { format: u32, number: u64 },
    /// The line cannot be read; the newest complete generation, if there is any.
    Unreadable { newest: Option<u64> },
}

impl Layout {
    pub(super) fn new(root: &Path) -> Layout {
        Layout { root: root.to_owned() }
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn lock(&self) -> PathBuf {
        self.root.join("lock")
    }

    pub(super) fn reserve(&self) -> PathBuf {
        self.root.join("reserve")
    }

    pub(super) fn exports(&self) -> PathBuf {
        self.root.join("exports")
    }

    pub(super) fn generation(&self, number: u64) -> PathBuf {
        self.root.join(format!("gen-{number}"))
    }

    pub(super) fn unfinished(&self, number: u64) -> PathBuf {
        self.root.join(format!("gen-{number}.new"))
    }

    /// A place for a damaged generation that nothing lies at yet.
    pub(super) fn damaged(&self, number: u64) -> PathBuf {
        let names = std::iter::once(format!("damaged-{number}"))
            .chain((2_u32..).map(|again| format!("damaged-{number}-{again}")));
        names
            .map(|name| self.root.join(name))
            .find(|path| !path.exists())
            .unwrap_or_else(|| self.root.join("damaged"))
    }

    /// The generation that is in use.
    pub(super) fn current(&self) -> io::Result<Current> {
        let text = match fs::read(self.root.join("current")) {
            Ok(text) => String::from_utf8_lossy(&text).into_owned(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error),
        };
        let mut words = text.split_ascii_whitespace();
        let line = (words.next(), words.next().map(str::parse), words.next().map(str::parse));
        if let (Some("tagus-store"), Some(Ok(format)), Some(Ok(number))) = line {
            return Ok(Current::Generation { format, number });
        }
        let newest = self.numbers()?.into_iter().max();
        Ok(match newest {
            None if text.is_empty() => Current::Missing,
            newest => Current::Unreadable { newest },
        })
    }

    /// Puts a generation in use.
    pub(super) fn set_current(&self, number: u64) -> io::Result<()> {
        let line = format!("tagus-store {FORMAT} {number}\n");
        files::replace(&self.root.join("current"), line.as_bytes())
    }

    /// The numbers of all complete generations.
    fn numbers(&self) -> io::Result<Vec<u64>> {
        let mut numbers = Vec::new();
        for entry in fs::read_dir(&self.root)? {
            let name = entry?.file_name();
            let number = name.to_str().and_then(|name| name.strip_prefix("gen-"));
            numbers.extend(number.and_then(|number| number.parse::<u64>().ok()));
        }
        Ok(numbers)
    }

    /// A number above every generation's.
    pub(super) fn next_number(&self) -> io::Result<u64> {
        Ok(self.numbers()?.into_iter().max().unwrap_or(0).saturating_add(1))
    }

    /// Removes generations that are not in use and such as were never finished.
    pub(super) fn sweep(&self, current: u64) -> io::Result<()> {
        for entry in fs::read_dir(&self.root)? {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.starts_with("gen-") && *name != format!("gen-{current}") {
                files::remove_tree(&entry.path())?;
            }
        }
        Ok(())
    }
}

/// Remembers beside the tree how far it got. The tree can lose its tail and look whole; then it is
/// behind its witness, which is only written after the tree was synced.
#[derive(Debug)]
pub(super) struct Witness(File);

/// What a witness saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    /// The manifest's sequence number.
    pub(super) sequence: u64,
    /// The manifest's digest.
    pub(super) digest: u64,
}

impl Witness {
    const MAGIC: &'static [u8] = b"witness1";

    /// Opens the witness in a generation's directory, making one if there is none.
    pub(super) fn open(generation: &Path) -> io::Result<Witness> {
        use std::os::unix::fs::OpenOptionsExt as _;
        let mut options = File::options();
        let options = options.read(true).write(true).create(true).truncate(false).mode(0o600);
        Ok(Witness(options.open(generation.join("witness"))?))
    }

    /// What was seen last; `None` if nothing was, or the file is damaged.
    pub(super) fn seen(&self) -> Option<Seen> {
        let mut bytes = [0; 32];
        self.0.read_exact_at(&mut bytes, 0).ok()?;
        let (body, sum) = bytes.split_last_chunk::<8>()?;
        if checksum(&[body]) != u64::from_le_bytes(*sum) || !body.starts_with(Self::MAGIC) {
            return None;
        }
        let (_, rest) = body.split_first_chunk::<8>()?;
        let (sequence, rest) = rest.split_first_chunk::<8>()?;
        let digest = rest.first_chunk::<8>()?;
        Some(Seen { sequence: u64::from_le_bytes(*sequence), digest: u64::from_le_bytes(*digest) })
    }

    /// Notes what is on the disk. Not synced: it may be late, never early.
    pub(super) fn see(&self, seen: Seen) -> io::Result<()> {
        let mut bytes = Vec::with_capacity(32);
        bytes.extend_from_slice(Self::MAGIC);
        bytes.extend_from_slice(&seen.sequence.to_le_bytes());
        bytes.extend_from_slice(&seen.digest.to_le_bytes());
        let sum = checksum(&[&bytes]);
        bytes.extend_from_slice(&sum.to_le_bytes());
        self.0.write_all_at(&bytes, 0)
    }

    /// Brings it onto the disk.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.0.sync_all()
    }
}
