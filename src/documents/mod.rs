//! People's own documents: rules of who may see them, a status that they set by hand, lists.
//!
//! A document has an owner, an application usage and a path below it (RFC 4825 s6), and a revision
//! that is never the same for two contents. What is put is on the disk before it is acknowledged;
//! then the observer hears of it. What a document means is its reader's business, and whether its
//! contents are fit for its usage is for whoever puts it to say, before.

use std::sync::{Arc, OnceLock};

use crate::clock::Clock;
use crate::entropy;
use crate::model::{DocumentRow, Record as _};
use crate::store::{Commit, CommitError, Expectation, Store, StoreError, Table, rows};

#[cfg(test)]
mod tests;

/// The longest usage and the longest path, bytes.
const LONGEST_NAME: usize = 512;

/// Documents of one person at most.
const MOST_DOCUMENTS: usize = 256;

/// House rules.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Bytes of one document.
    pub document_bytes: usize,
    /// Bytes of all documents of a person.
    pub person_bytes: usize,
}

/// Where a document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    /// The owner's canonical address-of-record, `user@host`.
    pub owner: &'a str,
    /// The application usage (RFC 4825 s5), as `pres-rules`.
    pub auid: &'a str,
    /// The path below the owner's directory, as `index`.
    pub path: &'a str,
}

impl Place<'_> {
    fn key(&self) -> Vec<u8> {
        DocumentRow::key(self.owner, self.auid, self.path)
    }

    fn is_sound(&self) -> bool {
        let sound =
            |name: &str| !name.is_empty() && name.len() <= LONGEST_NAME && !name.contains('\0');
        sound(self.auid) && sound(self.path)
    }
}

/// What must hold of a place before it is changed (RFC 4825 s7.11).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Whatever is there.
    Any,
    /// Nothing is there.
    Absent,
    /// The document there has this revision.
    Revision(u64),
}

/// Why a document was not changed. All is as it was, except after [`CommitError::Fault`].
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// The condition does not hold, or somebody else was faster.
    #[error("the document was changed in the meantime")]
    Conflict,
    /// There is no such document.
    #[error("there is no such document")]
    NotFound,
    /// The usage or the path cannot be one.
    #[error("no document can be there")]
    BadPlace,
    /// One document over the limit.
    #[error("the document has {size} bytes, and {most} are allowed")]
    TooLarge {
        /// Its bytes.
        size: usize,
        /// The limit.
        most: usize,
    },
    /// All documents of the person together are over the limit.
    #[error("the person's documents take more than {most} bytes, or are too many")]
    NoRoom {
        /// The limit of bytes.
        most: usize,
    },
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store did not take it.
    #[error(transparent)]
    Commit(CommitError),
}

impl From<CommitError> for DocumentError {
    fn from(error: CommitError) -> DocumentError {
        match error {
            CommitError::Conflict => DocumentError::Conflict,
            other => DocumentError::Commit(other),
        }
    }
}

/// Hears of every document that was changed, once that is durable.
pub trait Observer: Send + Sync {
    /// A document of `owner` was put or deleted.
    fn changed(&self, owner: &str, auid: &str);
}

/// All documents. The only writer of [`Table::Documents`].
pub struct Documents {
    settings: Settings,
    clock: Clock,
    store: Arc<dyn Store>,
    observer: OnceLock<Arc<dyn Observer>>,
}

impl Documents {
    /// What `store` holds.
    #[must_use]
    pub fn new(settings: Settings, clock: Clock, store: Arc<dyn Store>) -> Documents {
        Documents { settings, clock, store, observer: OnceLock::new() }
    }

    /// Sets who hears of changes; the first one stays.
    pub fn observe(&self, observer: Arc<dyn Observer>) {
        let _ = self.observer.set(observer);
    }

    /// The document at a place.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn get(&self, place: &Place<'_>) -> Result<Option<DocumentRow>, StoreError> {
        let Some(row) = self.store.get(Table::Documents, &place.key())? else { return Ok(None) };
        DocumentRow::decode(&row).map(Some).map_err(|_| StoreError::Damaged(Table::Documents))
    }

    /// All documents of a person, or those of one usage, in the order of usage and path.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn list(&self, owner: &str, auid: Option<&str>) -> Result<Vec<DocumentRow>, StoreError> {
        rows(&*self.store, Table::Documents, &DocumentRow::prefix(owner, auid))
            .take(MOST_DOCUMENTS)
            .map(|row| {
                DocumentRow::decode(&row?.1).map_err(|_| StoreError::Damaged(Table::Documents))
            })
            .collect()
    }

    /// Puts a document in its place, and returns its revision once it is durable.
    ///
    /// # Errors
    ///
    /// [`DocumentError`].
    pub async fn put(
        &self,
        place: &Place<'_>,
        media_type: &str,
        body: &[u8],
        condition: Condition,
    ) -> Result<u64, DocumentError> {
        if !place.is_sound() {
            return Err(DocumentError::BadPlace);
        }
        let most = self.settings.document_bytes;
        if body.len() > most {
            return Err(DocumentError::TooLarge { size: body.len(), most });
        }
        let before = self.meet(place, condition)?;
        self.has_room(place, body.len())?;
        let row = DocumentRow {
            owner: place.owner.to_owned(),
            auid: place.auid.to_owned(),
            path: place.path.to_owned(),
            media_type: media_type.to_owned(),
            revision: entropy::number(),
            written: self.clock.wall(),
            body: body.to_vec(),
        };
        let key = place.key();
        let commit = Commit::new()
            .expect(Table::Documents, &key, before.map_or(Expectation::Absent, Expectation::Equals))
            .put(Table::Documents, &key, row.encode());
        self.store.commit(commit).await?;
        self.tell(place);
        Ok(row.revision)
    }

    /// Deletes a document, durably.
    ///
    /// # Errors
    ///
    /// [`DocumentError`].
    pub async fn delete(
        &self,
        place: &Place<'_>,
        condition: Condition,
    ) -> Result<(), DocumentError> {
        let before = self.meet(place, condition)?.ok_or(DocumentError::NotFound)?;
        let key = place.key();
        let commit = Commit::new()
            .expect_equals(Table::Documents, &key, before)
            .delete(Table::Documents, &key);
        self.store.commit(commit).await?;
        self.tell(place);
        Ok(())
    }

    /// The row at a place, if the condition holds.
    fn meet(
        &self,
        place: &Place<'_>,
        condition: Condition,
    ) -> Result<Option<Vec<u8>>, DocumentError> {
        let before = self.store.get(Table::Documents, &place.key())?;
        let holds = match (condition, &before) {
            (Condition::Any, _) | (Condition::Absent, None) => true,
            (Condition::Absent, Some(_)) | (Condition::Revision(_), None) => false,
            (Condition::Revision(wanted), Some(row)) => {
                DocumentRow::decode(row).is_ok_and(|row| row.revision == wanted)
            }
        };
        if holds { Ok(before) } else { Err(DocumentError::Conflict) }
    }

    fn has_room(&self, place: &Place<'_>, size: usize) -> Result<(), DocumentError> {
        let others = self.list(place.owner, None)?;
        let others =
            others.iter().filter(|row| (&*row.auid, &*row.path) != (place.auid, place.path));
        let (count, bytes) =
            others.fold((1, size), |(count, bytes), row| (count + 1, bytes + row.body.len()));
        let most = self.settings.person_bytes;
        if count > MOST_DOCUMENTS || bytes > most {
            return Err(DocumentError::NoRoom { most });
        }
        Ok(())
    }

    fn tell(&self, place: &Place<'_>) {
        if let Some(observer) = self.observer.get() {
            observer.changed(place.owner, place.auid);
        }
    }
}

/// What erases every document of a person, in the commit that removes the person.
///
/// # Errors
///
/// If the store cannot be read.
pub fn erasure(store: &dyn Store, owner: &str) -> Result<Commit, StoreError> {
    let mut commit = Commit::new();
    for row in rows(store, Table::Documents, &DocumentRow::prefix(owner, None)) {
        commit = commit.delete(Table::Documents, &row?.0);
    }
    Ok(commit)
}
