//! The audit trail: who did what, each line chained to the one before.

use super::{Accounts, AccountsError, Actor};
use crate::clock::WallTime;
use crate::model::{AuditEntry, Record as _};
use crate::store::{Commit, Store, Table};

/// What a line of the trail says.
#[derive(Clone, Copy, Debug)]
pub struct Deed<'a> {
    /// What was done, as `device.revoke`.
    pub action: &'a str,
    /// To whom or what.
    pub subject: &'a str,
    /// In words, secrets left out.
    pub detail: &'a str,
}

/// Puts a line into the trail of a store that nobody else writes to. Blocks until it is durable.
///
/// # Errors
/// If the store cannot be read or written.
pub fn note_in(
    store: &dyn Store,
    at: WallTime,
    actor: &Actor,
    deed: Deed<'_>,
) -> Result<(), AccountsError> {
    Ok(store.commit_blocking(with_line(store, Commit::new(), at, actor, deed)?)?)
}

/// A change together with its line, which must be the next one when it is made.
pub(super) fn with_line(
    store: &dyn Store,
    commit: Commit,
    at: WallTime,
    actor: &Actor,
    deed: Deed<'_>,
) -> Result<Commit, AccountsError> {
    let (sequence, previous) = end_of(store)?;
    let entry = AuditEntry {
        sequence,
        at,
        actor: actor.name.clone(),
        source: actor.source.clone(),
        action: deed.action.to_owned(),
        subject: deed.subject.to_owned(),
        detail: deed.detail.to_owned(),
        done: true,
        previous,
    };
    let key = AuditEntry::key(sequence);
    Ok(commit.expect_absent(Table::Audit, &key).put(Table::Audit, &key, entry.encode()))
}

/// The number of the next line and the digest of the last one. Lines are counted without gaps, so
/// the count finds the last one.
fn end_of(store: &dyn Store) -> Result<(u64, [u8; 32]), AccountsError> {
    let count = store.count(Table::Audit);
    if count == 0 {
        return Ok((1, [0; 32]));
    }
    let damaged = || AccountsError::Damaged(format!("audit entry {count}"));
    let bytes = store.get(Table::Audit, &AuditEntry::key(count))?.ok_or_else(damaged)?;
    let last = AuditEntry::decode(&bytes).map_err(|_| damaged())?;
    Ok((count.saturating_add(1), last.digest()))
}

impl Accounts {
    /// Puts a line into the trail for something that changes no row here, and waits until it is
    /// durable.
    ///
    /// # Errors
    /// If the store cannot be read or written.
    pub async fn note(&self, actor: &Actor, deed: Deed<'_>) -> Result<(), AccountsError> {
        let _one_at_a_time = self.order.lock().await;
        let commit = with_line(&*self.store, Commit::new(), self.now(), actor, deed)?;
        Ok(self.store.commit(commit).await?)
    }

    /// The audit trail from an entry's number on.
    ///
    /// # Errors
    /// [`AccountsError::Store`] if it cannot be read.
    pub fn trail(&self, from: u64, limit: usize) -> Result<Vec<AuditEntry>, AccountsError> {
        let after = from.checked_sub(1).map(AuditEntry::key);
        let rows = self.store.scan(Table::Audit, b"", after.as_deref(), limit)?;
        let entry = |row: &[u8]| {
            AuditEntry::decode(row).map_err(|_| AccountsError::Damaged("the audit trail".into()))
        };
        rows.iter().map(|(_, row)| entry(row)).collect()
    }
}
