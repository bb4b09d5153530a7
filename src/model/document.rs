//! People's own documents, each with a place in a tree (RFC 4825 s6).

use serde::{Deserialize, Serialize};

use super::{Record, join, prefix};
use crate::clock::WallTime;

/// One document. Table `Documents`, key [`DocumentRow::key`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentRow {
    /// The canonical address-of-record of the owner, `user@host`.
    pub owner: String,
    /// The application usage (RFC 4825 s5), as `pres-rules`.
    pub auid: String,
    /// The path below the owner's directory.
    pub path: String,
    /// The media type.
    pub media_type: String,
    /// Never the same for two contents of one place.
    pub revision: u64,
    /// When it was written.
    pub written: WallTime,
    /// The contents, as they came.
    #[serde(serialize_with = "super::as_run")]
    pub body: Vec<u8>,
}

impl Record for DocumentRow {}

impl DocumentRow {
    /// The key of a document.
    #[must_use]
    pub fn key(owner: &str, auid: &str, path: &str) -> Vec<u8> {
        join(&[owner.as_bytes(), auid.as_bytes(), path.as_bytes()])
    }

    /// What the keys of all documents of `owner` begin with; with `auid`, of that usage.
    #[must_use]
    pub fn prefix(owner: &str, auid: Option<&str>) -> Vec<u8> {
        match auid {
            None => prefix(owner),
            Some(auid) => join(&[owner.as_bytes(), auid.as_bytes(), b""]),
        }
    }
}
