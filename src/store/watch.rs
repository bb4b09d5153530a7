//! What changed, as a hint: keys only.

use std::sync::Arc;

use tokio::sync::broadcast;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};

use super::Table;

/// How many changes a receiver may lag behind before it has to rescan.
const BACKLOG: usize = 4096;

/// A row that was written or deleted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Change {
    /// The table.
    pub table: Table,
    /// The row's key.
    pub key: Arc<[u8]>,
}

impl Change {
    /// A change of `key` in `table`.
    #[must_use]
    pub fn new(table: Table, key: &[u8]) -> Change {
        Change { table, key: Arc::from(key) }
    }

    /// From a key that begins with the table's number.
    pub(super) fn of_full_key(full: &[u8]) -> Option<Change> {
        let (&id, key) = full.split_first()?;
        Some(Change::new(Table::from_id(id)?, key))
    }
}

/// What a receiver is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A row changed.
    Changed(Change),
    /// Changes were missed: read again what you keep.
    Lagged,
    /// The sender is gone.
    Closed,
}

/// The sending end; clones send to the same receivers.
#[derive(Clone, Debug)]
pub struct Announcer(broadcast::Sender<Change>);

impl Default for Announcer {
    fn default() -> Self {
        Announcer(broadcast::Sender::new(BACKLOG))
    }
}

impl Announcer {
    /// Tells every receiver; never waits.
    pub fn announce(&self, change: Change) {
        // No receiver: nobody wants to know.
        let _ = self.0.send(change);
    }

    /// Whether anybody listens.
    #[must_use]
    pub fn is_heard(&self) -> bool {
        self.0.receiver_count() > 0
    }

    /// A receiver of everything from now on.
    #[must_use]
    pub fn watch(&self) -> Watch {
        Watch(self.0.subscribe())
    }
}

/// The receiving end.
#[derive(Debug)]
pub struct Watch(broadcast::Receiver<Change>);

impl Watch {
    /// Waits for the next notice.
    pub async fn next(&mut self) -> Notice {
        match self.0.recv().await {
            Ok(change) => Notice::Changed(change),
            Err(RecvError::Lagged(_)) => Notice::Lagged,
            Err(RecvError::Closed) => Notice::Closed,
        }
    }

    /// The next notice, if there is one.
    pub fn try_next(&mut self) -> Option<Notice> {
        match self.0.try_recv() {
            Ok(change) => Some(Notice::Changed(change)),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Lagged(_)) => Some(Notice::Lagged),
            Err(TryRecvError::Closed) => Some(Notice::Closed),
        }
    }
}
