//! Who is told by a message of what goes wrong here.

use serde::{Deserialize, Serialize};

use super::{Record, join};
use crate::clock::WallTime;

/// What may go wrong. The order of the words is stored: new ones go to the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertKind {
    /// The certificate runs out, or cannot be renewed.
    Certificate,
    /// The directory is out of reach, or people of its list are held back.
    Directory,
    /// The volume is nearly full, or the store takes no changes.
    Disk,
    /// Memory is short.
    Memory,
}

impl AlertKind {
    /// All of them.
    pub const ALL: [AlertKind; 4] =
        [AlertKind::Certificate, AlertKind::Directory, AlertKind::Disk, AlertKind::Memory];

    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            AlertKind::Certificate => "certificate",
            AlertKind::Directory => "directory",
            AlertKind::Disk => "disk",
            AlertKind::Memory => "memory",
        }
    }
}

/// Where somebody of the console wants alerts. Table `Alerts`, key [`AlertSettings::key`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertSettings {
    /// The account of the console.
    pub account: String,
    /// The person who gets them, a name of ours.
    pub person: String,
    /// Which ones.
    pub kinds: Vec<AlertKind>,
    /// The short name of the language that they are written in.
    pub language: String,
}

impl Record for AlertSettings {}

impl AlertSettings {
    /// What keys of settings begin with.
    pub const PREFIX: &'static [u8] = b"a";

    /// The key of an account's row.
    #[must_use]
    pub fn key(account: &str) -> Vec<u8> {
        join(&[Self::PREFIX, account.as_bytes()])
    }
}

/// What people were told of last, so that a restart tells nobody anything twice. Table `Alerts`, key
/// [`AlertMarks::KEY`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertMarks(pub Vec<AlertMark>);

impl Record for AlertMarks {}

impl AlertMarks {
    /// The key of the one row.
    pub const KEY: &'static [u8] = b"m";
}

/// How one kind stood when people were told of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertMark {
    /// The kind.
    pub kind: AlertKind,
    /// A word for what it was; empty: all is well.
    pub what: String,
    /// When it was told.
    pub told: WallTime,
}
