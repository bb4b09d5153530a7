//! Plain records as they are stored: what each table's rows mean, and their bytes.
//!
//! A row is one version byte followed by the record in postcard. Postcard writes neither names
//! nor types, so a changed record is a new version: [`Record::decode`] then reads the old layout
//! as well, and a stored sample of each version in `model/tests.rs` holds the bytes still.
//!
//! Keys are made here too, because their order matters: rows of one person, and messages of one
//! recipient in order of arrival, lie beside each other.

mod account;
mod address;
mod alerts;
mod application;
mod audit;
mod ban;
mod binding;
mod console;
mod device;
mod directory;
mod document;
mod groups;
mod held;
mod history;
mod publication;
mod setting;
mod subscription;
#[cfg(test)]
mod tests;
mod waiting;

use serde::de::DeserializeOwned;
use serde::{Serialize, Serializer};

pub use account::{
    Account, AccountKind, AlgorithmPolicy, DeviceCredential, DigestAlgorithm, Ha1, Ha1Set, Spelling,
};
pub use alerts::{AlertKind, AlertMark, AlertMarks, AlertSettings};
pub use application::{Application, Mute};
pub use audit::AuditEntry;
pub use ban::Ban;
pub use binding::{Binding, BindingRow, SeenDevice};
pub use console::{ApiToken, ConsoleAccount, Maker, Role, Scope, SetupLink, UnknownWord};
pub use device::DeviceKey;
pub use directory::{DirectoryRow, Standing, SyncCounts, SyncOutcome, SyncRun, SyncRunsRow};
pub use document::DocumentRow;
pub use groups::GroupsRow;
pub use held::{HeldMessage, HeldState, held_key, held_prefix, parse_held_key};
pub use history::HistorySlot;
pub use publication::PublicationRow;
pub use setting::{SettingRow, SettingValue};
pub use subscription::SubscriptionRow;
pub use waiting::WaitingRow;

/// Why a row could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The row holds nothing.
    #[error("the row is empty")]
    Empty,
    /// A later release wrote the row.
    #[error("the row has version {0}, which a later release wrote")]
    Version(u8),
    /// The bytes are not such a record.
    #[error("the row is damaged")]
    Damaged,
}

/// Writes bytes as one run: in postcard the same as the numbers one by one, which is what serde makes
/// of a vector.
fn as_run<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bytes(bytes)
}

/// A record with its bytes. A version byte leads, so that a later release can tell old rows.
pub trait Record: Serialize + DeserializeOwned {
    /// The version that [`Record::encode`] writes.
    const VERSION: u8 = 1;

    /// The row's bytes.
    #[must_use]
    fn encode(&self) -> Vec<u8> {
        let start = vec![Self::VERSION];
        // Postcard fails only on sequences of unknown length and on a full buffer; records have
        // no such sequence and the buffer grows. An empty row would be refused when read.
        postcard::to_extend(self, start).unwrap_or_default()
    }

    /// The record in `row`.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if the row is empty, of a later release, or no such record to its last
    /// byte.
    fn decode(row: &[u8]) -> Result<Self, DecodeError> {
        match row.split_first() {
            None => Err(DecodeError::Empty),
            Some((&version, body)) if version == Self::VERSION => whole(body),
            Some((&version, _)) => Err(DecodeError::Version(version)),
        }
    }
}

/// Reads a record that fills `body` to its last byte.
fn whole<T: DeserializeOwned>(body: &[u8]) -> Result<T, DecodeError> {
    match postcard::take_from_bytes(body) {
        Ok((record, [])) => Ok(record),
        _ => Err(DecodeError::Damaged),
    }
}

/// Joins the parts of a key with NUL, which no user name, address or identifier holds; NULs in a
/// part are dropped, so that no part can reach into the next.
fn join(parts: &[&[u8]]) -> Vec<u8> {
    let mut key = Vec::with_capacity(parts.iter().map(|p| p.len() + 1).sum());
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            key.push(0);
        }
        key.extend(part.iter().filter(|&&byte| byte != 0));
    }
    key
}

/// The prefix that the keys of all rows below `owner` share.
fn prefix(owner: &str) -> Vec<u8> {
    join(&[owner.as_bytes(), b""])
}
