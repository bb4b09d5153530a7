//! How the store is.

use super::Table;
use crate::clock::WallTime;
use crate::latency::Latency;

/// Why the store takes no changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReadOnlyReason {
    /// The volume is full. Ends by itself when there is space again.
    DiskFull,
    /// Writing or syncing failed: what the file holds is known only after a restart.
    SyncFailed,
    /// The store is damaged and was opened to be read and exported only.
    Damaged,
    /// The store is being closed.
    Closed,
}

/// Whether the store takes changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// It does.
    Writable,
    /// It does not.
    ReadOnly(ReadOnlyReason),
}

/// A report on the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// Whether it takes changes.
    pub mode: Mode,
    /// Rows by table, as last committed.
    pub rows: Vec<(Table, u64)>,
    /// Commits that wait to become durable.
    pub waiting: usize,
    /// Free bytes on the volume, if known.
    pub free_bytes: Option<u64>,
    /// Whether free space is below 5 % and below 256 MiB.
    pub space_is_low: bool,
    /// Relaxed writes that were given up because the store took no changes for too long.
    pub writes_dropped: u64,
    /// How long commits took to reach the disk, several at once counted as one.
    pub commits: Latency,
    /// Bytes that its files occupy, if known.
    pub size_bytes: Option<u64>,
    /// What had to be done to open the store; empty if nothing.
    pub recovery: Vec<String>,
    /// When the last export was made and verified.
    pub last_export: Option<WallTime>,
}
