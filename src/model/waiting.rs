//! Who asked to watch somebody, and went before there was an answer (RFC 3857 s4.7.1).

use serde::{Deserialize, Serialize};

use super::{Record, join, prefix};
use crate::clock::WallTime;

/// One watcher that waits. Table `WaitingWatchers`, key [`WaitingRow::key`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitingRow {
    /// The canonical address-of-record that would be watched.
    pub resource: String,
    /// That of the watcher.
    pub watcher: String,
    /// When the watcher asked.
    pub since: WallTime,
    /// When the question is given up.
    pub until: WallTime,
}

impl Record for WaitingRow {}

impl WaitingRow {
    /// The key of the question of `watcher` to `resource`.
    #[must_use]
    pub fn key(resource: &str, watcher: &str) -> Vec<u8> {
        join(&[resource.as_bytes(), watcher.as_bytes()])
    }

    /// What the keys of all questions to `resource` begin with.
    #[must_use]
    pub fn prefix(resource: &str) -> Vec<u8> {
        prefix(resource)
    }
}
