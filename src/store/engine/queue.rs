//! What waits for the writer: in the order in which it was asked for, relaxed writes coalesced.

use std::collections::HashMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::store::commit::{Answer, Commit, CommitError, FullKey};

/// Bytes of commits that may wait; more are refused.
const MOST_WAITING: usize = 64 * 1024 * 1024;
/// Keys of relaxed writes that may wait; more are given up.
const MOST_RELAXED: usize = 200_000;
/// How long relaxed writes gather. They must be on the disk within 100 ms.
const GATHER: Duration = Duration::from_millis(80);
/// How often the writer looks around when there is nothing to do.
const IDLE: Duration = Duration::from_secs(2);

/// Relaxed writes: the last value of each key.
pub(super) type Relaxed = HashMap<FullKey, Option<Vec<u8>>>;

/// One thing to do.
#[derive(Debug)]
pub(super) enum Item {
    Commit(Commit, Option<Answer>),
    Relaxed(Relaxed),
    Flush(Answer),
}

#[derive(Debug, Default)]
struct Waiting {
    /// In order; each relaxed map among them came before what follows it.
    items: Vec<Item>,
    /// Relaxed writes after all of `items`.
    relaxed: Relaxed,
    weight: usize,
    commits: usize,
    dropped: u64,
    closed: bool,
}

impl Waiting {
    /// Closes the relaxed writes so far, so that what follows comes after them.
    fn fence(&mut self) {
        if !self.relaxed.is_empty() {
            self.items.push(Item::Relaxed(std::mem::take(&mut self.relaxed)));
        }
    }

    fn put_relaxed(&mut self, key: FullKey, value: Option<Vec<u8>>) {
        if self.relaxed.len() >= MOST_RELAXED && !self.relaxed.contains_key(&key) {
            self.dropped += 1;
        } else {
            self.relaxed.insert(key, value);
        }
    }
}

/// The queue.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

/// What the writer is given.
pub(super) struct Work {
    pub(super) items: Vec<Item>,
    /// Whether this is the last.
    pub(super) closed: bool,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a commit, or says why not.
    pub(super) fn commit(&self, commit: Commit, answer: Option<Answer>) -> Result<(), CommitError> {
        let weight = commit.weight();
        let mut waiting = self.lock();
        if waiting.closed {
            return Err(CommitError::ReadOnly);
        }
        if waiting.weight.saturating_add(weight) > MOST_WAITING {
            return Err(CommitError::Busy);
        }
        waiting.weight += weight;
        waiting.commits += 1;
        waiting.fence();
        let first = waiting.commits == 1;
        waiting.items.push(Item::Commit(commit, answer));
        drop(waiting);
        if first {
            self.changed.notify_one();
        }
        Ok(())
    }

    /// Adds relaxed writes.
    pub(super) fn relax(&self, changes: Vec<(FullKey, Option<Vec<u8>>)>) {
        let mut waiting = self.lock();
        if waiting.closed {
            waiting.dropped += changes.len() as u64;
            return;
        }
        let first = waiting.relaxed.is_empty() && waiting.items.is_empty();
        for (key, value) in changes {
            waiting.put_relaxed(key, value);
        }
        drop(waiting);
        if first {
            self.changed.notify_one();
        }
    }

    /// Takes relaxed writes back that could not be made; later ones of the same keys win.
    pub(super) fn put_back(&self, relaxed: Relaxed) {
        let mut waiting = self.lock();
        let newer = std::mem::replace(&mut waiting.relaxed, relaxed);
        for (key, value) in newer {
            waiting.put_relaxed(key, value);
        }
    }

    /// Adds a flush.
    pub(super) fn flush(&self, answer: Answer) -> Result<(), CommitError> {
        let mut waiting = self.lock();
        if waiting.closed {
            return Err(CommitError::ReadOnly);
        }
        waiting.fence();
        waiting.items.push(Item::Flush(answer));
        waiting.commits += 1;
        drop(waiting);
        self.changed.notify_one();
        Ok(())
    }

    /// Takes nothing more; what waits is still done.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_one();
    }

    /// Commits that wait.
    pub(super) fn waiting(&self) -> usize {
        self.lock().commits
    }

    /// Relaxed writes that were given up.
    pub(super) fn dropped(&self) -> u64 {
        self.lock().dropped
    }

    /// Waits for something to do: at once for commits and flushes, after a while for relaxed
    /// writes alone, and comes back with nothing now and then. With `paused`, relaxed writes
    /// stay.
    pub(super) fn next(&self, paused: bool) -> Work {
        let mut waiting = self.lock();
        let idle = |w: &mut Waiting| w.items.is_empty() && !w.closed;
        if !paused && waiting.relaxed.is_empty() {
            waiting = self
                .changed
                .wait_timeout_while(waiting, IDLE, |w| idle(w) && w.relaxed.is_empty())
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        let patience = if paused { IDLE } else { GATHER };
        if paused || !waiting.relaxed.is_empty() {
            waiting = self
                .changed
                .wait_timeout_while(waiting, patience, idle)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        if !paused || waiting.closed {
            waiting.fence();
        }
        waiting.weight = 0;
        waiting.commits = 0;
        Work { items: std::mem::take(&mut waiting.items), closed: waiting.closed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Table;

    fn put(value: u8) -> Commit {
        Commit::new().put(Table::Bindings, b"k", vec![value])
    }

    #[test]
    fn relaxed_writes_coalesce_between_commits_and_keep_their_place() {
        let queue = Queue::default();
        queue.relax(put(1).changes);
        queue.relax(put(2).changes);
        queue.commit(put(3), None).unwrap();
        queue.relax(put(4).changes);
        let work = queue.next(false);
        let values: Vec<u8> = work
            .items
            .iter()
            .map(|item| match item {
                Item::Relaxed(map) => map.values().next().unwrap().as_ref().unwrap()[0],
                Item::Commit(commit, _) => commit.changes[0].1.as_ref().unwrap()[0],
                Item::Flush(_) => 0,
            })
            .collect();
        assert_eq!(values, [2, 3, 4]);
    }

    #[test]
    fn writes_that_are_put_back_give_way_to_later_ones() {
        let queue = Queue::default();
        queue.relax(put(2).changes);
        let older = Relaxed::from([
            (put(1).changes.remove(0).0, Some(vec![1])),
            (b"other".to_vec(), Some(vec![9])),
        ]);
        queue.put_back(older);
        queue.close();
        let work = queue.next(true);
        let [Item::Relaxed(map)] = work.items.as_slice() else { panic!("{:?}", work.items) };
        assert_eq!(map.len(), 2);
        assert_eq!(map[&put(1).changes[0].0], Some(vec![2]));
    }

    #[test]
    fn a_full_queue_refuses_commits_and_counts_relaxed_writes_it_gives_up() {
        let queue = Queue::default();
        let big = || Commit::new().put(Table::Site, b"k", vec![0; 16 * 1024 * 1024]);
        for _ in 0..3 {
            queue.commit(big(), None).unwrap();
        }
        assert_eq!(queue.commit(big(), None), Err(CommitError::Busy));
        assert_eq!(queue.waiting(), 3);
        for number in 0..MOST_RELAXED as u64 + 10 {
            queue.relax(vec![(number.to_be_bytes().to_vec(), None)]);
        }
        assert_eq!(queue.dropped(), 10);
        queue.next(false);
        queue.commit(big(), None).unwrap();
    }
}
