//! What the directory's list said of each person, and how its readings went.

use serde::{Deserialize, Serialize};

use super::{Record, join};
use crate::clock::WallTime;

/// How somebody stands in the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Standing {
    /// On the list.
    Present,
    /// On the list, and locked there.
    Disabled,
    /// Was on the list and is no longer. Such a row stays.
    Absent,
}

/// A person of the directory, so that he is found while it does not answer. Table
/// `DirectoryPeople`, key [`DirectoryRow::key`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectoryRow {
    /// The directory's name for him, in lower case.
    pub uid: String,
    /// The permanent identifier.
    pub id: Option<String>,
    /// The name that people read.
    pub name: String,
    /// Mail address; empty if unknown.
    pub mail: String,
    /// Telephone numbers, separated by semicolons; empty if unknown.
    pub number: String,
    /// How he stands.
    pub standing: Standing,
    /// Since when.
    pub since: WallTime,
}

impl Record for DirectoryRow {}

impl DirectoryRow {
    /// The key of the row of the directory's name `uid`.
    #[must_use]
    pub fn key(uid: &str) -> Vec<u8> {
        join(&[uid.as_bytes()])
    }
}

/// How a reading of the directory ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum SyncOutcome {
    /// All that it says holds now.
    Applied,
    /// Some of it does not: people or groups stay as they were.
    Partly,
    /// It could not be read; everything stays as it was.
    Failed,
}

/// People whom a reading of the directory concerned, by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncCounts {
    /// On the list for the first time, or again.
    pub added: u64,
    /// Name, mail address, number or identifier are others.
    pub changed: u64,
    /// No longer locked there.
    pub returned: u64,
    /// Locked there now.
    pub disabled: u64,
    /// No longer on the list.
    pub absent: u64,
    /// The name is another person's now.
    pub replaced: u64,
    /// Of the last three, those who stay in until an administrator decides.
    pub held: u64,
}

impl SyncCounts {
    /// Whether nothing is different.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        *self == SyncCounts::default()
    }
}

/// A reading of the directory, or several that said the same one after the other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncRun {
    /// When the first of them began.
    pub first: WallTime,
    /// When the last of them began.
    pub last: WallTime,
    /// How many there were.
    pub times: u64,
    /// Milliseconds that the last of them took.
    pub took_ms: u64,
    /// Who asked for it; `server` when it was time.
    pub by: String,
    /// How it ended.
    pub outcome: SyncOutcome,
    /// People on the list.
    pub people: u64,
    /// What it changed, or would.
    pub counts: SyncCounts,
    /// What was wrong, for people; empty if nothing.
    pub trouble: String,
}

/// The readings of the directory, oldest first. One row of table `Site`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncRunsRow {
    /// The readings.
    pub runs: Vec<SyncRun>,
}

impl Record for SyncRunsRow {}
