//! What people published of themselves (RFC 3903).

use serde::{Deserialize, Serialize};

use super::{DeviceKey, Record, join, prefix};
use crate::clock::WallTime;

/// The publication of one device. Table `Publications`, key [`PublicationRow::key`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicationRow {
    /// The canonical address-of-record, `user@host`.
    pub aor: String,
    /// The device that published.
    pub device: DeviceKey,
    /// The entity tag that was given last.
    pub etag: String,
    /// The document, as it came.
    #[serde(serialize_with = "super::as_run")]
    pub body: Vec<u8>,
    /// When its contents were set.
    pub changed: WallTime,
    /// When it ends.
    pub expires_at: WallTime,
    /// Whether the device had a contact bound while it was published.
    pub bound: bool,
}

impl Record for PublicationRow {}

impl PublicationRow {
    /// The key of what `device` published for `aor`.
    #[must_use]
    pub fn key(aor: &str, device: &DeviceKey) -> Vec<u8> {
        join(&[aor.as_bytes(), device.to_string().as_bytes()])
    }

    /// What the keys of all publications for `aor` begin with.
    #[must_use]
    pub fn prefix(aor: &str) -> Vec<u8> {
        prefix(aor)
    }
}
