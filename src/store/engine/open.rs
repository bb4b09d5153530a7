//! Opening: the lock, the checks, and the ladder down which a damaged store is climbed.
//!
//! 1. Open, compare every row with the manifest and the manifest with its witness.
//! 2. Set sled's snapshot aside and open again: the log holds everything.
//! 3. Restore the newest verified export; the damaged generation is kept beside.
//!
//! Each step is told in [`Opened::recovery`]; nothing is lost in silence.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Condvar, Mutex, RwLock};
use std::thread;
use std::time::Duration;

use super::generation::{Generation, GenerationError};
use super::layout::{Current, FORMAT, Layout};
use super::lock::{DirectoryLock, LockError};
use super::queue::Queue;
use super::space::{Reserve, Space};
use super::writer::{self, Writing};
use super::{DiskStore, Inner, exports, tree};
use crate::clock::Clock;
use crate::store::record::Manifest;
use crate::store::watch::Announcer;
use crate::store::{Mode, ReadOnlyReason, Table, files};

/// How far opening may go with a damaged store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Recovery {
    /// Sets a bad snapshot aside, which loses nothing, and restores the newest verified export,
    /// which loses what came after it. Says so.
    #[default]
    Restore,
    /// Sets a bad snapshot aside; else refuses to open.
    Refuse,
    /// As [`Recovery::Refuse`], but opens what is left, to be read and exported only.
    ReadWhatIsLeft,
}

/// Asks how much space a volume has.
type SpaceProbe = Arc<dyn Fn(&Path) -> Option<Space> + Send + Sync>;

/// How to open a store.
#[derive(Clone)]
pub struct Options {
    /// The data directory; the store makes a directory `store` in it.
    pub data_dir: PathBuf,
    /// Memory for pages of the tree.
    pub cache_bytes: u64,
    /// Space kept free for opening on a full volume.
    pub reserve_bytes: u64,
    /// How often a changed store is exported as the way back; `None` for short-lived processes.
    pub export_every: Option<Duration>,
    /// What to do about damage.
    pub recovery: Recovery,
    /// Reads the time that exports carry.
    pub clock: Clock,
    pub(super) space: SpaceProbe,
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options").field("data_dir", &self.data_dir).finish_non_exhaustive()
    }
}

impl Options {
    /// For a server with its data in `data_dir`.
    #[must_use]
    pub fn new(data_dir: &Path) -> Options {
        Options {
            data_dir: data_dir.to_owned(),
            cache_bytes: 64 * 1024 * 1024,
            reserve_bytes: 8 * 1024 * 1024,
            export_every: Some(Duration::from_secs(15 * 60)),
            recovery: Recovery::default(),
            clock: Clock::system(),
            space: Arc::new(Space::of),
        }
    }

    /// For a command that opens the store while no server runs: no export of its own.
    #[must_use]
    pub fn for_command(data_dir: &Path) -> Options {
        Options { export_every: None, recovery: Recovery::Refuse, ..Options::new(data_dir) }
    }
}

/// Why a store was not opened. Nothing in it was changed, but that a snapshot may have been set
/// aside.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open.
    #[error("another server owns the data directory{}", owner(*.pid))]
    Owned {
        /// Its process number, if it told.
        pid: Option<u32>,
    },
    /// A later release wrote it.
    #[error("a later release wrote this store (format {found}; this release reads {FORMAT})")]
    Newer {
        /// The store's format.
        found: u32,
    },
    /// The directory belongs to somebody else.
    #[error("{path} belongs to user number {uid}; run this as that user")]
    Foreign {
        /// The directory.
        path: PathBuf,
        /// Its owner.
        uid: u32,
    },
    /// Everybody may write into the directory.
    #[error("everybody may write into {0}; set its mode to 0700")]
    Exposed(PathBuf),
    /// The file system failed.
    #[error("the store in {path} cannot be opened: {error}")]
    Io {
        /// The store's directory.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// What is there is not what was written.
    #[error("the store in {path} is damaged: {}", details.join("; "))]
    Damaged {
        /// The store's directory.
        path: PathBuf,
        /// What was found and tried.
        details: Vec<String>,
    },
}

fn owner(pid: Option<u32>) -> String {
    pid.map_or_else(String::new, |pid| format!(" (process {pid})"))
}

/// Refuses a directory that others own or may write into.
fn check_directory(path: &Path) -> Result<(), OpenError> {
    let failed = |error| OpenError::Io { path: path.to_owned(), error };
    let metadata = fs::metadata(path).map_err(failed)?;
    if metadata.uid() != nix::unistd::geteuid().as_raw() {
        return Err(OpenError::Foreign { path: path.to_owned(), uid: metadata.uid() });
    }
    if metadata.mode() & 0o002 != 0 {
        return Err(OpenError::Exposed(path.to_owned()));
    }
    Ok(())
}

/// Opens the store in a data directory, making one if there is none.
///
/// # Errors
///
/// [`OpenError`]; within a second if another process has the store open.
pub fn open(options: Options) -> Result<DiskStore, OpenError> {
    let root = options.data_dir.join("store");
    let failed = |error| OpenError::Io { path: root.clone(), error };
    files::make_directory(&root).map_err(failed)?;
    check_directory(&options.data_dir)?;
    check_directory(&root)?;
    let layout = Layout::new(&root);
    let lock = DirectoryLock::take(&layout.lock()).map_err(|error| match error {
        LockError::Owned(pid) => OpenError::Owned { pid },
        LockError::Io(error) => failed(error),
    })?;
    let reserve = Reserve::new(layout.reserve(), options.reserve_bytes);
    let mut opening = Opening { options: &options, layout: &layout, notes: Vec::new() };
    let (generation, manifest, mode) =
        opening.with_room(&reserve).map_err(|error| match error {
            Failure::Open(error) => error,
            Failure::Generation(GenerationError::Full) => failed(io::ErrorKind::StorageFull.into()),
            Failure::Generation(GenerationError::Io(text)) => failed(io::Error::other(text)),
            Failure::Generation(GenerationError::Damaged(text)) => {
                OpenError::Damaged { path: root.clone(), details: vec![text] }
            }
        })?;
    let recovery = opening.notes;
    for note in &recovery {
        tracing::error!("the store had to be recovered: {note}");
    }
    let inner = Arc::new(Inner {
        number: AtomicU64::new(generation.number),
        current: RwLock::new(Some(generation)),
        writing: Mutex::new(Writing {
            manifest: manifest.clone(),
            undo: None,
            garbage: Vec::new(),
        }),
        exporting: Mutex::new(()),
        queue: Queue::default(),
        announcer: Announcer::default(),
        reserve,
        mode: Mutex::new(mode),
        reopen: AtomicBool::new(false),
        rows: [const { AtomicU64::new(0) }; Table::ALL.len()],
        sequence: AtomicU64::new(0),
        free_bytes: AtomicU64::new(0),
        space_is_low: AtomicBool::new(false),
        refused: AtomicU64::new(0),
        commits: crate::latency::Histogram::default(),
        recovery,
        last_export: Mutex::new(None),
        closing: (Mutex::new(false), Condvar::new()),
        layout,
        options,
        _lock: lock,
    });
    inner.publish(&manifest);
    inner.check_space();
    if inner.mode() == Mode::Writable {
        inner.reserve.fill();
    }
    start(inner).map_err(failed)
}

/// Starts the threads.
fn start(inner: Arc<Inner>) -> io::Result<DiskStore> {
    let mut store = DiskStore { inner, threads: Vec::new() };
    let inner = Arc::clone(&store.inner);
    let named = |name: &str| thread::Builder::new().name(name.to_owned());
    store.threads.push(named("store-writer").spawn(move || writer::run(&inner))?);
    if let Some(every) = store.inner.options.export_every {
        let inner = Arc::clone(&store.inner);
        store.threads.push(named("store-export").spawn(move || exports::run(&inner, every))?);
    }
    Ok(store)
}

enum Failure {
    Open(OpenError),
    Generation(GenerationError),
}

impl<E: Into<GenerationError>> From<E> for Failure {
    fn from(error: E) -> Self {
        Failure::Generation(error.into())
    }
}

type Whole = (Generation, Manifest, Mode);

struct Opening<'a> {
    options: &'a Options,
    layout: &'a Layout,
    notes: Vec<String>,
}

impl Opening<'_> {
    /// Opens, giving up the reserve if the volume is full.
    fn with_room(&mut self, reserve: &Reserve) -> Result<Whole, Failure> {
        match self.attempt() {
            Err(Failure::Generation(GenerationError::Full)) if reserve.release() => {
                tracing::error!("the volume is full: the store's reserve was given up to open it");
                self.attempt()
            }
            other => other,
        }
    }

    fn attempt(&mut self) -> Result<Whole, Failure> {
        let number = match self.layout.current()? {
            Current::Missing => return self.create(),
            Current::Generation { format, .. } if format > FORMAT => {
                return Err(Failure::Open(OpenError::Newer { found: format }));
            }
            Current::Generation { number, .. } => {
                self.layout.sweep(number)?;
                number
            }
            Current::Unreadable { newest: Some(number) } => {
                self.notes.push(format!("the file `current` was damaged; took gen-{number}"));
                self.layout.set_current(number)?;
                number
            }
            Current::Unreadable { newest: None } => {
                return self.climb(0, "the file `current` is damaged".to_owned());
            }
        };
        match Generation::open(self.layout, number, self.options.cache_bytes) {
            Ok((generation, manifest)) => Ok((generation, manifest, Mode::Writable)),
            Err(GenerationError::Damaged(why)) => self.climb(number, why),
            Err(other) => Err(other.into()),
        }
    }

    /// Makes an empty store.
    fn create(&self) -> Result<Whole, Failure> {
        let cache_bytes = self.options.cache_bytes;
        let none = &mut || Ok::<_, GenerationError>(None);
        let number = Generation::build(self.layout, 1, cache_bytes, none)?;
        let (generation, manifest) = Generation::open(self.layout, number, cache_bytes)?;
        Ok((generation, manifest, Mode::Writable))
    }

    /// Goes down the ladder.
    fn climb(&mut self, number: u64, why: String) -> Result<Whole, Failure> {
        self.notes.push(why);
        let cache_bytes = self.options.cache_bytes;
        let path = self.layout.generation(number);
        let snapshots = tree::snapshots(&path.join("tree"));
        if !snapshots.is_empty() {
            let aside = path.join("snapshots-set-aside");
            files::make_directory(&aside)?;
            for snapshot in snapshots {
                fs::rename(&snapshot, aside.join(snapshot.file_name().unwrap_or_default()))?;
            }
            match Generation::open(self.layout, number, cache_bytes) {
                Ok((generation, manifest)) => {
                    self.notes.push("a snapshot was set aside; every row is there".to_owned());
                    return Ok((generation, manifest, Mode::Writable));
                }
                Err(GenerationError::Damaged(why)) => {
                    self.notes.push(format!("without its snapshot: {why}"));
                }
                Err(other) => return Err(other.into()),
            }
        }
        match self.options.recovery {
            Recovery::Refuse => Err(self.damaged()),
            Recovery::Restore => self.restore(number),
            Recovery::ReadWhatIsLeft => {
                let opened = Generation::open_damaged(self.layout, number, cache_bytes);
                let (generation, found) = opened.map_err(|error| {
                    self.notes.push(error.to_string());
                    self.damaged()
                })?;
                self.notes.push("opened to be read and exported only".to_owned());
                Ok((generation, found, Mode::ReadOnly(ReadOnlyReason::Damaged)))
            }
        }
    }

    fn restore(&mut self, damaged: u64) -> Result<Whole, Failure> {
        let cache_bytes = self.options.cache_bytes;
        let Some(number) = exports::restore(self.layout, cache_bytes, &mut self.notes)? else {
            self.notes.push("there is no export to restore".to_owned());
            return Err(self.damaged());
        };
        let aside = self.layout.damaged(damaged);
        let from = self.layout.generation(damaged);
        if from.exists() {
            fs::rename(from, &aside)?;
            self.notes.push(format!("the damaged store is kept in {}", aside.display()));
        }
        let (generation, manifest) = Generation::open(self.layout, number, cache_bytes)?;
        Ok((generation, manifest, Mode::Writable))
    }

    fn damaged(&self) -> Failure {
        Failure::Open(OpenError::Damaged {
            path: self.layout.root().to_owned(),
            details: self.notes.clone(),
        })
    }
}
