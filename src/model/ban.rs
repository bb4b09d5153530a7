//! Sources that may not try again for a while.

use serde::{Deserialize, Serialize};

use super::{Record, join, prefix};
use crate::clock::WallTime;

/// A ban of one source address, for one account or for all that never authenticated from it.
/// Table `Bans`, key [`Ban::key`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ban {
    /// The source address.
    pub source: String,
    /// The account; `None` bans the source for every account it never authenticated as.
    pub account: Option<String>,
    /// Why, in words for an administrator.
    pub reason: String,
    /// Failures that led to it.
    pub failures: u32,
    /// When it began.
    pub created: WallTime,
    /// When it ends.
    pub until: WallTime,
}

impl Record for Ban {}

impl Ban {
    /// The key of the ban of `source` for `account`.
    #[must_use]
    pub fn key(source: &str, account: Option<&str>) -> Vec<u8> {
        join(&[source.as_bytes(), account.unwrap_or_default().as_bytes()])
    }

    /// The prefix of all bans of `source`.
    #[must_use]
    pub fn prefix(source: &str) -> Vec<u8> {
        prefix(source)
    }
}
