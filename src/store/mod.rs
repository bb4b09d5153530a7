//! What outlives the process: rows in tables, changed by commits that are durable when they say
//! so.
//!
//! [`Store`] is what services see. Two engines stand behind it: [`open`] gives the one on disk,
//! [`memory()`] the one for tests; `conformance.rs` holds the rules that every engine must pass. One
//! tree holds every table, so that one [`Commit`] can span them.
//!
//! Nothing here assumes that this process is the only writer: a change that depends on what was
//! read says so by an [`Expectation`].

mod commit;
#[cfg(test)]
mod conformance;
mod engine;
pub(crate) mod files;
mod health;
mod memory;
mod record;
pub mod seal;
mod table;
mod transfer;
mod watch;

use std::fmt;
use std::io::{Read, Write};

pub use commit::{Commit, CommitError, Commitment, Expectation, MAX_KEY, MAX_VALUE};
pub use engine::{DiskStore, OpenError, Options, Recovery, open};
pub use health::{Health, Mode, ReadOnlyReason};
pub use memory::{MemoryStore, memory};
pub use table::Table;
pub use transfer::{
    Existing, ExportError, ExportHeader, ImportError, TransferReport, verify as verify_export,
};
pub use watch::{Announcer, Change, Notice, Watch};

/// A key, without its table, and its value.
pub type Row = (Vec<u8>, Vec<u8>);

/// Why a row could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// A row does not match its checksum, or its file is gone.
    #[error("a row of {0} is damaged")]
    Damaged(Table),
    /// The engine failed.
    #[error("the store cannot be read: {0}")]
    Fault(String),
}

/// Tables of rows, with conditional commits.
///
/// Reads never wait for writers. A read sees every commit whose [`Commitment`] has resolved; it
/// may see one that is not durable yet.
pub trait Store: Send + Sync + fmt::Debug {
    /// The value of a row.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if there is a row and it cannot be read.
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// Up to `limit` rows whose keys begin with `prefix`, in order of their keys, from the first
    /// one after the key `after`. Fewer rows than `limit` means that there are no more.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if one of them cannot be read.
    fn scan(
        &self,
        table: Table,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError>;

    /// How many rows a table has.
    fn count(&self, table: Table) -> u64;

    /// Makes a change that is durable, on the disk and not only in its cache, when the
    /// [`Commitment`] resolves. Commits are made in the order of these calls.
    fn commit(&self, commit: Commit) -> Commitment;

    /// Makes a change that is durable, and seen by reads, within 100 ms, for rows that change
    /// often and are kept in memory: of several changes of a key in that time the last is
    /// written. Keeps its place among other commits. A commit with expectations is not coalesced,
    /// and its outcome is not told.
    fn commit_soon(&self, commit: Commit);

    /// Resolves when every change asked for so far is durable or refused. Its outcome is whether
    /// the store is still writable.
    fn flush(&self) -> Commitment;

    /// Hears of every row that is changed from now on, once the change is durable.
    fn watch(&self) -> Watch;

    /// How the store is.
    fn health(&self) -> Health;

    /// Writes every row of every table, as they stand at one instant, to `to`: in a form that any
    /// engine reads. Secrets in it stay sealed; the key file is not part of it.
    ///
    /// # Errors
    ///
    /// [`ExportError`]; what was written then is worth nothing.
    fn export(&self, to: &mut dyn Write) -> Result<TransferReport, ExportError>;

    /// Takes over the rows of an export, all or none: they are complete and durable before they
    /// replace anything. Whoever keeps rows in memory must read them again.
    ///
    /// # Errors
    ///
    /// [`ImportError`]; nothing was changed then.
    fn import(
        &self,
        from: &mut dyn Read,
        existing: Existing,
    ) -> Result<TransferReport, ImportError>;

    /// [`Store::commit`], blocking this thread until it is durable. Not for threads that run
    /// packets.
    ///
    /// # Errors
    ///
    /// As [`Store::commit`].
    fn commit_blocking(&self, commit: Commit) -> Result<(), CommitError> {
        self.commit(commit).wait()
    }
}

/// How many rows [`rows`] reads at a time.
const PAGE: usize = 256;

/// All rows of a table whose keys begin with `prefix`, in order, read page by page: rows that
/// change while this runs may be seen as they were or as they are.
pub fn rows<'a>(
    store: &'a dyn Store,
    table: Table,
    prefix: &'a [u8],
) -> impl Iterator<Item = Result<Row, StoreError>> + 'a {
    let mut page: std::vec::IntoIter<Row> = Vec::new().into_iter();
    let mut after: Option<Vec<u8>> = None;
    let mut more = true;
    std::iter::from_fn(move || {
        if page.len() == 0 && more {
            match store.scan(table, prefix, after.as_deref(), PAGE) {
                Ok(next) => {
                    more = next.len() == PAGE;
                    page = next.into_iter();
                }
                Err(error) => {
                    more = false;
                    return Some(Err(error));
                }
            }
        }
        let row = page.next()?;
        after = Some(row.0.clone());
        Some(Ok(row))
    })
}
