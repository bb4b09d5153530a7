//! A commit: conditions and changes that happen together or not at all.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use tokio::sync::oneshot;

use super::Table;

/// The longest key, in bytes.
pub const MAX_KEY: usize = 4096;
/// The longest value, in bytes.
pub const MAX_VALUE: usize = 16 * 1024 * 1024;

/// A condition on one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expectation {
    /// The key has no row.
    Absent,
    /// The key has a row, whatever it holds.
    Present,
    /// The key's row holds exactly these bytes.
    Equals(Vec<u8>),
}

impl Expectation {
    /// Whether a row as it stands meets the condition.
    pub(super) fn holds(&self, row: Option<&[u8]>) -> bool {
        match self {
            Expectation::Absent => row.is_none(),
            Expectation::Present => row.is_some(),
            Expectation::Equals(bytes) => row == Some(bytes.as_slice()),
        }
    }
}

/// A key in the one tree: the table's number, then the table's own key.
pub(super) type FullKey = Vec<u8>;

/// Puts the table's number before a key.
pub(super) fn full_key(table: Table, key: &[u8]) -> FullKey {
    let mut full = Vec::with_capacity(key.len() + 1);
    full.push(table.id());
    full.extend_from_slice(key);
    full
}

/// Conditions and changes over any tables. They are checked and made as one: when a condition
/// does not hold, nothing is changed. Of several changes of one key the last counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Commit {
    pub(super) expectations: Vec<(FullKey, Expectation)>,
    /// `None` deletes.
    pub(super) changes: Vec<(FullKey, Option<Vec<u8>>)>,
}

impl Commit {
    /// A commit that changes nothing.
    #[must_use]
    pub fn new() -> Commit {
        Commit::default()
    }

    /// Writes a row.
    #[must_use]
    pub fn put(mut self, table: Table, key: &[u8], value: impl Into<Vec<u8>>) -> Commit {
        self.changes.push((full_key(table, key), Some(value.into())));
        self
    }

    /// Deletes a row; none there is fine.
    #[must_use]
    pub fn delete(mut self, table: Table, key: &[u8]) -> Commit {
        self.changes.push((full_key(table, key), None));
        self
    }

    /// Demands something of a row.
    #[must_use]
    pub fn expect(mut self, table: Table, key: &[u8], expectation: Expectation) -> Commit {
        self.expectations.push((full_key(table, key), expectation));
        self
    }

    /// Demands that there is no such row.
    #[must_use]
    pub fn expect_absent(self, table: Table, key: &[u8]) -> Commit {
        self.expect(table, key, Expectation::Absent)
    }

    /// Demands that the row still holds `value`: compare-and-swap.
    #[must_use]
    pub fn expect_equals(self, table: Table, key: &[u8], value: impl Into<Vec<u8>>) -> Commit {
        self.expect(table, key, Expectation::Equals(value.into()))
    }

    /// Adds another service's share, to be done in the same instant.
    #[must_use]
    pub fn and(mut self, other: Commit) -> Commit {
        self.expectations.extend(other.expectations);
        self.changes.extend(other.changes);
        self
    }

    /// Whether it changes nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Bytes that it occupies while it waits.
    pub(super) fn weight(&self) -> usize {
        let changes = self.changes.iter().map(|(k, v)| k.len() + v.as_ref().map_or(0, Vec::len));
        changes.sum::<usize>() + self.expectations.len() * 64 + 64
    }

    /// Refuses keys and values over the limits.
    pub(super) fn check_sizes(&self) -> Result<(), CommitError> {
        let long = |key: &FullKey| key.len() > MAX_KEY + 1;
        let big = |value: &Option<Vec<u8>>| value.as_ref().is_some_and(|v| v.len() > MAX_VALUE);
        let fits = !self.expectations.iter().any(|(key, _)| long(key))
            && !self.changes.iter().any(|(key, value)| long(key) || big(value));
        if fits { Ok(()) } else { Err(CommitError::TooLarge) }
    }
}

/// Why a commit was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// A condition does not hold; nothing was changed.
    #[error("the data changed in the meantime")]
    Conflict,
    /// The store takes no changes now ([`super::Store::health`] says why); nothing was changed.
    #[error("the store is read-only")]
    ReadOnly,
    /// Too many commits are waiting; nothing was changed.
    #[error("the store is overloaded")]
    Busy,
    /// A key or a value is over the limit; nothing was changed.
    #[error("a row is too large")]
    TooLarge,
    /// Writing failed half-way: after a restart the change is there or not, as a whole. The
    /// store is read-only from here on.
    #[error("writing to the store failed")]
    Fault,
}

/// What becomes of a [`Commit`]: resolves once it is durable, or will not be.
///
/// Dropping it does not call the commit back.
#[derive(Debug)]
#[must_use = "a commit is durable only when this resolves"]
pub struct Commitment(State);

#[derive(Debug)]
enum State {
    Known(Result<(), CommitError>),
    Waiting(oneshot::Receiver<Result<(), CommitError>>),
}

/// The writer's end of a [`Commitment`].
pub(super) type Answer = oneshot::Sender<Result<(), CommitError>>;

impl Commitment {
    /// One whose outcome is known already.
    pub fn known(outcome: Result<(), CommitError>) -> Commitment {
        Commitment(State::Known(outcome))
    }

    /// One that the writer will answer.
    pub(super) fn waiting() -> (Answer, Commitment) {
        let (answer, receiver) = oneshot::channel();
        (answer, Commitment(State::Waiting(receiver)))
    }

    /// Blocks this thread until the outcome is known. Not for threads that run packets.
    ///
    /// # Errors
    ///
    /// As the future's output.
    pub fn wait(self) -> Result<(), CommitError> {
        struct Unpark(std::thread::Thread);
        impl Wake for Unpark {
            fn wake(self: Arc<Self>) {
                self.0.unpark();
            }
        }
        let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
        let mut context = Context::from_waker(&waker);
        let mut this = pin!(self);
        loop {
            match this.as_mut().poll(&mut context) {
                Poll::Ready(outcome) => return outcome,
                Poll::Pending => std::thread::park(),
            }
        }
    }
}

impl Future for Commitment {
    type Output = Result<(), CommitError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            State::Known(outcome) => Poll::Ready(*outcome),
            State::Waiting(receiver) => Pin::new(receiver)
                .poll(context)
                // A writer that is gone answered nobody.
                .map(|answer| answer.unwrap_or(Err(CommitError::Fault))),
        }
    }
}
