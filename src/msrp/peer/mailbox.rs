//! A queue from a connection's task to the application. The task asks whether there is room before it
//! reads more from its socket, so a slow application slows its peer down and nothing grows.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// Bytes that the entries of one queue may hold before it counts as full.
const LOAD_MOST: usize = 4 * 1_024 * 1_024;

/// What waits in a queue.
pub(super) trait Entry {
    /// Bytes that it holds beside itself.
    fn load(&self) -> usize;
}

/// One queue.
#[derive(Debug)]
pub(super) struct Mailbox<T> {
    inside: Mutex<Inside<T>>,
    most: usize,
}

#[derive(Debug)]
struct Inside<T> {
    queue: VecDeque<T>,
    /// Bytes that its entries hold.
    load: usize,
    reader: Option<Waker>,
    writer: Option<Waker>,
    closed: bool,
}

impl<T: Entry> Inside<T> {
    fn is_full(&self, most: usize) -> bool {
        self.queue.len() >= most || self.load >= LOAD_MOST
    }
}

impl<T: Entry> Mailbox<T> {
    /// A queue that counts as full with `most` entries, or with 4 MiB in them.
    pub(super) const fn new(most: usize) -> Mailbox<T> {
        let inside =
            Inside { queue: VecDeque::new(), load: 0, reader: None, writer: None, closed: false };
        Mailbox { inside: Mutex::new(inside), most }
    }

    fn lock(&self) -> MutexGuard<'_, Inside<T>> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts something in, also when it is full: who puts asks [`Mailbox::poll_room`] before he takes
    /// on more. `false` when nobody reads any more.
    pub(super) fn push(&self, item: T) -> bool {
        self.put(self.lock(), Some(item), false)
    }

    fn put(&self, mut inside: MutexGuard<'_, Inside<T>>, item: Option<T>, last: bool) -> bool {
        if inside.closed {
            return false;
        }
        inside.load += item.as_ref().map_or(0, Entry::load);
        inside.queue.extend(item);
        inside.closed = last;
        let reader = inside.reader.take();
        drop(inside);
        if let Some(reader) = reader {
            reader.wake();
        }
        true
    }

    /// Puts something in; when it is full, `merge` may put it into the last entry. With `last`, nothing
    /// more goes in.
    pub(super) fn push_or_merge(
        &self,
        item: T,
        last: bool,
        merge: impl FnOnce(&mut T, T) -> Option<T>,
    ) -> bool {
        let mut inside = self.lock();
        let full = inside.queue.len() >= self.most;
        let rest = match inside.queue.back_mut() {
            Some(newest) if full => merge(newest, item),
            _ => Some(item),
        };
        self.put(inside, rest, last)
    }

    /// Whether there is room; if not, the task is woken when there is.
    pub(super) fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut inside = self.lock();
        if !inside.is_full(self.most) || inside.closed {
            return Poll::Ready(());
        }
        inside.writer = Some(cx.waker().clone());
        Poll::Pending
    }

    /// The next entry; `None` when it is empty and nobody will put anything in.
    pub(super) async fn next(&self) -> Option<T> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    pub(super) fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let mut inside = self.lock();
        let item = inside.queue.pop_front();
        inside.load -= item.as_ref().map_or(0, Entry::load);
        if item.is_none() && !inside.closed {
            inside.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        // Half empty: waking for each entry would cost more than reading it.
        let half_empty = inside.queue.len() <= self.most / 2 && inside.load <= LOAD_MOST / 2;
        let writer = if half_empty { inside.writer.take() } else { None };
        drop(inside);
        if let Some(writer) = writer {
            writer.wake();
        }
        Poll::Ready(item)
    }

    /// Whether nothing more goes in.
    pub(super) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Nothing more goes in; what is in can still be read.
    pub(super) fn close(&self) {
        let mut inside = self.lock();
        inside.closed = true;
        let wakers = [inside.reader.take(), inside.writer.take()];
        drop(inside);
        wakers.into_iter().flatten().for_each(Waker::wake);
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    impl Entry for i32 {
        fn load(&self) -> usize {
            0
        }
    }

    impl Entry for Vec<u8> {
        fn load(&self) -> usize {
            self.len()
        }
    }

    fn now<T: Entry>(mailbox: &Mailbox<T>) -> Poll<Option<T>> {
        mailbox.poll_next(&mut Context::from_waker(Waker::noop()))
    }

    fn has_room<T: Entry>(mailbox: &Mailbox<T>) -> bool {
        mailbox.poll_room(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    #[test]
    fn a_full_mailbox_says_so_and_loses_nothing() {
        let mailbox = Mailbox::new(2);
        assert!(mailbox.push(1) && has_room(&mailbox));
        assert!(mailbox.push(2) && !has_room(&mailbox));
        assert!(mailbox.push(3));
        assert_eq!(now(&mailbox), Poll::Ready(Some(1)));
        assert_eq!(now(&mailbox), Poll::Ready(Some(2)));
        assert!(has_room(&mailbox));
        mailbox.close();
        assert!(!mailbox.push(4));
        assert_eq!(now(&mailbox), Poll::Ready(Some(3)));
        assert_eq!(now(&mailbox), Poll::Ready(None));
    }

    // security M33: what an application does not read is bounded in bytes, too.
    #[test]
    fn a_mailbox_of_few_large_entries_is_full() {
        let mailbox = Mailbox::new(1_000);
        let large = vec![7; 64 * 1_024];
        for _ in 0..64 {
            assert!(has_room(&mailbox));
            mailbox.push(large.clone());
        }
        assert!(!has_room(&mailbox));
        for _ in 0..32 {
            assert!(now(&mailbox).is_ready());
        }
        assert!(has_room(&mailbox));
    }

    #[test]
    fn behind_the_last_entry_nothing_goes_in() {
        let mailbox = Mailbox::new(2);
        assert!(mailbox.push_or_merge(1, true, |_, item| Some(item)));
        assert!(!mailbox.push(2));
        assert_eq!(now(&mailbox), Poll::Ready(Some(1)));
        assert_eq!(now(&mailbox), Poll::Ready(None));
    }

    #[test]
    fn only_a_full_mailbox_merges() {
        let mailbox = Mailbox::new(2);
        let add = |last: &mut i32, item| {
            *last += item;
            None
        };
        for item in [1, 2, 3, 4] {
            assert!(mailbox.push_or_merge(item, false, add));
        }
        assert_eq!(now(&mailbox), Poll::Ready(Some(1)));
        assert_eq!(now(&mailbox), Poll::Ready(Some(9)));
        assert_eq!(now(&mailbox), Poll::Pending);
    }
}
