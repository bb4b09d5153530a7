//! The audit trail: who did what, each entry chained to the one before.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::Record;
use crate::clock::WallTime;

/// One entry. Table `Audit`, key [`AuditEntry::key`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Counts from 1 without gaps.
    pub sequence: u64,
    /// When.
    pub at: WallTime,
    /// Who: an account, or `local` for whoever may open the data directory.
    pub actor: String,
    /// From where: an address, `socket`, or `offline`.
    pub source: String,
    /// What, as `device.revoke`.
    pub action: String,
    /// To whom or what.
    pub subject: String,
    /// Old and new values in words, secrets left out.
    pub detail: String,
    /// Whether it was done.
    pub done: bool,
    /// [`AuditEntry::digest`] of the entry before; zeros for the first.
    pub previous: [u8; 32],
}

impl Record for AuditEntry {}

impl AuditEntry {
    /// The key of entry `sequence`; keys sort by number.
    #[must_use]
    pub fn key(sequence: u64) -> Vec<u8> {
        sequence.to_be_bytes().to_vec()
    }

    /// What the next entry carries: changing, removing or moving an entry breaks the chain.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        Sha256::digest(self.encode()).into()
    }

    /// Whether this entry follows `earlier`.
    #[must_use]
    pub fn follows(&self, earlier: &AuditEntry) -> bool {
        earlier.sequence.checked_add(1) == Some(self.sequence) && self.previous == earlier.digest()
    }
}
