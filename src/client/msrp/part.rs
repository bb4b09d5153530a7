//! A file that is coming: its bytes and, beside them, what is needed to take the rest of it from another
//! session after this one, or this process, ended.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::hash::Hash;
use super::kept::{self, Head};
use super::range::Question;
use super::save::{SaveError, Shelf};
use crate::msrp::peer::{Sink, WriteAt};
use crate::msrp::ranges::Ranges;
use crate::msrp::{FailureReport, IncomingState};

const KIND: &str = "tagus-part 1";

/// Bytes that come before the state is written anew. Who is killed loses no more than that.
const STEP: u64 = 1_024 * 1_024;

/// Parts of one directory that are kept at most, so that peers who break off do not fill a disk.
const MOST: usize = 100;

/// What is known of a file that is coming.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct About {
    pub(super) message_id: String,
    pub(super) content_type: String,
    /// The name that it will have, if that is free, and its hash, if its sender told.
    pub(super) head: Head,
    pub(super) total: Option<u64>,
    pub(super) success_report: bool,
}

#[derive(Debug, Default)]
struct Progress {
    ranges: Ranges,
    /// What the state on the disk tells.
    noted: u64,
    proved: Option<Hash>,
}

/// A file that is coming.
#[derive(Debug)]
pub(super) struct Part {
    file: File,
    bytes_at: PathBuf,
    state_at: PathBuf,
    about: About,
    progress: Mutex<Progress>,
    /// Whether it stays when it is cut off.
    stays: bool,
}

/// The names of a message's part and state. The peer chose its Message-ID, so it is not in them.
fn names(directory: &Path, message_id: &str) -> (PathBuf, PathBuf) {
    let hash = Hash::of(message_id.as_bytes()).to_string();
    let stem = hash.get(..20).unwrap_or_default();
    ["part", "state"].map(|ending| directory.join(format!("tagus-{stem}.{ending}"))).into()
}

/// Whether a name is one of those, so that no peer's file gets it.
pub(super) fn is_ours(name: &str) -> bool {
    let endings = [".part", ".state", ".state.new"];
    name.starts_with("tagus-") && endings.iter().any(|ending| name.ends_with(ending))
}

/// How many parts there are.
fn count(directory: &Path) -> io::Result<usize> {
    let is_part = |name: &str| name.starts_with("tagus-") && name.ends_with(".part");
    let entries = std::fs::read_dir(directory)?;
    Ok(entries.flatten().filter(|entry| entry.file_name().to_str().is_some_and(is_part)).count())
}

/// Nobody else is writing it. Where nothing can be locked, nobody knows.
fn lock(file: &File) -> io::Result<()> {
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => {
            Err(io::Error::new(io::ErrorKind::ResourceBusy, "it is being received already"))
        }
        Ok(()) | Err(TryLockError::Error(_)) => Ok(()),
    }
}

impl Part {
    /// Begins one. What was kept under the same Message-ID is given up: its sender begins anew.
    pub(super) fn begin(directory: &Path, about: About) -> io::Result<Part> {
        let (bytes_at, state_at) = names(directory, &about.message_id);
        let mut how = OpenOptions::new();
        how.read(true).write(true);
        match kept::open(&bytes_at, &how) {
            Ok(old) => {
                lock(&old)?;
                std::fs::remove_file(&bytes_at)?;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let stays = count(directory)? < MOST;
        let _ = std::fs::remove_file(&state_at);
        let file = how.create_new(true).open(&bytes_at)?;
        lock(&file)?;
        Ok(Part { file, bytes_at, state_at, about, progress: Mutex::default(), stays })
    }

    /// Takes up again what was kept of a message, if it is the file that is asked about and nobody
    /// changed it.
    pub(super) fn resume(directory: &Path, question: &Question) -> Option<(Part, IncomingState)> {
        let (bytes_at, state_at) = names(directory, &question.message_id);
        let (about, state) = decode(&kept::read(&state_at)?)?;
        let is_it = about.message_id == question.message_id
            && about.total == Some(question.size)
            && about.head.hash == Some(question.hash);
        let file = kept::open(&bytes_at, OpenOptions::new().read(true).write(true)).ok()?;
        lock(&file).ok()?;
        let (noted, length) = (state.received.prefix(), file.metadata().ok()?.len());
        let is_whole = noted > 0 && length >= noted && length <= question.size;
        let progress = Progress { ranges: state.received.clone(), noted, proved: None };
        let progress = Mutex::new(progress);
        (is_it && is_whole)
            .then(|| (Part { file, bytes_at, state_at, about, progress, stays: true }, state))
    }

    /// Where its bytes go.
    pub(super) fn sink(self: &Arc<Part>) -> Sink {
        Sink::at(Writing(Arc::clone(self)))
    }

    pub(super) fn about(&self) -> &About {
        &self.about
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes down that so many bytes from the first one on are there.
    fn note(&self, prefix: u64) -> io::Result<()> {
        let mut received = Ranges::default();
        received.insert(0, prefix).map_err(io::Error::other)?;
        let About { message_id, content_type, head, total, success_report } = &self.about;
        let state = IncomingState {
            message_id: message_id.clone(),
            content_type: content_type.clone(),
            total: *total,
            length: None,
            received,
            success_report: *success_report,
            failure_report: FailureReport::Yes,
        };
        kept::write(&self.state_at, &head.before(KIND, &state.encode()))
    }

    /// The hash of what is there, if it is the one that was announced. Blocks.
    fn prove(&self, length: u64) -> Result<Hash, SaveError> {
        let io = |error| SaveError::Io { path: self.bytes_at.clone(), error };
        let (hash, there) = Hash::of_file(&self.file, length).map_err(io)?;
        let announced = self.about.head.hash.is_none_or(|announced| announced == hash);
        if announced && there == length { Ok(hash) } else { Err(SaveError::Hash) }
    }

    /// All of it came: gives it its name. Whatever fails, nothing of it stays. Blocks.
    pub(super) fn finish(&self, length: u64, shelf: &Shelf) -> Result<(PathBuf, Hash), SaveError> {
        let finished = self.put_away(length, shelf);
        if finished.is_err() {
            self.discard();
        }
        finished
    }

    fn put_away(&self, length: u64, shelf: &Shelf) -> Result<(PathBuf, Hash), SaveError> {
        let proved = self.progress().proved.filter(|_| self.about.total == Some(length));
        let hash = proved.map_or_else(|| self.prove(length), Ok)?;
        let io = |error| SaveError::Io { path: self.bytes_at.clone(), error };
        self.file.set_len(length).map_err(io)?;
        let (_, path) = shelf.place(&self.about.head.name, |path| self.name(path))?;
        let _ = std::fs::remove_file(&self.bytes_at);
        let _ = std::fs::remove_file(&self.state_at);
        Ok((path, hash))
    }

    /// Gives it a name that nobody has: a link, so that nothing but the whole file is ever seen there.
    fn name(&self, path: &Path) -> io::Result<()> {
        match std::fs::hard_link(&self.bytes_at, path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {}
            linked => return linked,
        }
        // Where there are no links, the name is ours before the file goes there.
        File::create_new(path)?;
        std::fs::rename(&self.bytes_at, path).inspect_err(|_| {
            let _ = std::fs::remove_file(path);
        })
    }

    /// It was cut off. Returns where what came is kept, or `None` when nothing is. Blocks.
    pub(super) fn cut_off(&self) -> Option<&Path> {
        let prefix = self.progress().ranges.prefix();
        if self.stays && prefix > 0 && self.note(prefix).is_ok() {
            return Some(&self.bytes_at);
        }
        self.discard();
        None
    }

    /// Half a file is of no use to anybody.
    pub(super) fn discard(&self) {
        let _ = std::fs::remove_file(&self.state_at);
        let _ = std::fs::remove_file(&self.bytes_at);
    }
}

/// Reads what [`Part::note`] wrote.
fn decode(text: &str) -> Option<(About, IncomingState)> {
    let (head, state) = Head::split(KIND, text)?;
    let state = IncomingState::decode(state).ok()?;
    let about = About {
        message_id: state.message_id.clone(),
        content_type: state.content_type.clone(),
        head,
        total: state.total,
        success_report: state.success_report,
    };
    // Of what lies behind a hole nobody wrote.
    (state.received.covered() == state.received.prefix()).then_some((about, state))
}

/// Writes the bytes, then what is known of them: a state never tells of more than is there.
struct Writing(Arc<Part>);

impl WriteAt for Writing {
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let part = &self.0;
        part.file.write_all_at(bytes, offset)?;
        let mut progress = part.progress();
        let end = offset.saturating_add(bytes.len() as u64);
        progress.ranges.insert(offset, end).map_err(io::Error::other)?;
        let prefix = progress.ranges.prefix();
        if part.about.total == Some(prefix) && part.about.head.hash.is_some() {
            // Before its sender hears that it arrived: an error here has him hear that it did not.
            progress.proved = Some(part.prove(prefix).map_err(io::Error::other)?);
        } else if part.stays && prefix >= progress.noted.saturating_add(STEP) {
            part.note(prefix)?;
            progress.noted = prefix;
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "part_tests.rs"]
mod tests;
