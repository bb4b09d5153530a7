//! A thread that writes a message's bytes to their place. It goes on by itself while there are any: one
//! hand-over for a burst of them, and the connection's task is woken only when it waits for something.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use super::block::{Piece, Pool};
use super::sink::{WAITING_MOST, WriteAt};

/// What the connection's task and the thread share.
#[derive(Default)]
struct Inside {
    waiting: VecDeque<(u64, Piece)>,
    /// Written; their buffers go back to the pool.
    written: Vec<Piece>,
    /// Bytes of `waiting`, and of what is being written.
    load: usize,
    working: bool,
    error: Option<io::Error>,
    waker: Option<Waker>,
    /// Nothing more comes: the task waits for the last of it.
    last: bool,
}

/// The task's end.
pub(super) struct Writer {
    place: Arc<dyn WriteAt>,
    inside: Arc<Mutex<Inside>>,
}

fn lock(inside: &Mutex<Inside>) -> MutexGuard<'_, Inside> {
    inside.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Writer {
    pub(super) fn new(place: Arc<dyn WriteAt>) -> Writer {
        Writer { place, inside: Arc::default() }
    }

    /// Queues bytes to be written.
    pub(super) fn push(&self, offset: u64, piece: Piece) {
        let mut inside = lock(&self.inside);
        inside.load += piece.len();
        inside.waiting.push_back((offset, piece));
    }

    /// Has what waits written, and takes back what has been; `true` if anything was. The waker is used
    /// when there is room again, when the last is written, and when something went wrong.
    pub(super) fn poll(&self, waker: &Waker, pool: &mut Pool) -> io::Result<bool> {
        let mut inside = lock(&self.inside);
        if let Some(error) = inside.error.take() {
            return Err(error);
        }
        let written = std::mem::take(&mut inside.written);
        let start = !inside.working && !inside.waiting.is_empty();
        inside.working |= start;
        if inside.working && !inside.waker.as_ref().is_some_and(|own| own.will_wake(waker)) {
            inside.waker = Some(waker.clone());
        }
        drop(inside);
        if start {
            let mut job = self.job();
            tokio::task::spawn_blocking(move || job.run());
        }
        let moved = !written.is_empty();
        for piece in written {
            pool.give(piece.buffer);
        }
        Ok(moved)
    }

    fn job(&self) -> Job {
        Job { place: Arc::clone(&self.place), inside: Arc::clone(&self.inside), over: false }
    }

    /// Nothing more comes.
    pub(super) fn finish(&self) {
        lock(&self.inside).last = true;
    }

    /// Bytes that are not written yet.
    pub(super) fn load(&self) -> usize {
        lock(&self.inside).load
    }

    /// Whether all that was taken has been written.
    pub(super) fn is_empty(&self) -> bool {
        let inside = lock(&self.inside);
        inside.waiting.is_empty() && !inside.working && inside.error.is_none()
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // Nobody wants the rest.
        lock(&self.inside).waiting.clear();
    }
}

/// The thread's end.
struct Job {
    place: Arc<dyn WriteAt>,
    inside: Arc<Mutex<Inside>>,
    /// It has ended in order; another may work by now.
    over: bool,
}

impl Job {
    fn run(&mut self) {
        while let Some((offset, piece)) = self.next() {
            let outcome = self.place.write_at(offset, piece.bytes());
            self.note(piece, outcome);
        }
    }

    fn next(&mut self) -> Option<(u64, Piece)> {
        let mut inside = lock(&self.inside);
        let next = if inside.error.is_none() { inside.waiting.pop_front() } else { None };
        if next.is_none() {
            inside.working = false;
            self.over = true;
            let waker = if inside.last { inside.waker.take() } else { None };
            drop(inside);
            if let Some(waker) = waker {
                waker.wake();
            }
        }
        next
    }

    fn note(&self, piece: Piece, outcome: io::Result<()>) {
        let mut inside = lock(&self.inside);
        let was_full = inside.load >= WAITING_MOST;
        inside.load = inside.load.saturating_sub(piece.len());
        inside.written.push(piece);
        // The task waits for room, or has to hear of it.
        let tell = outcome.is_err() || was_full && inside.load < WAITING_MOST;
        inside.error = outcome.err();
        let waker = if tell { inside.waker.take() } else { None };
        drop(inside);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        let mut inside = lock(&self.inside);
        // It panicked, or never ran: the runtime ends.
        inside.working = false;
        inside.error.get_or_insert_with(|| io::Error::other("the writing thread ended early"));
        let waker = inside.waker.take();
        drop(inside);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use std::sync::mpsc;
    use std::task::{Context, Poll, Wake};

    use super::*;

    /// A place that tells of each call and goes on when it is let.
    struct Gate {
        calls: AtomicUsize,
        called: mpsc::SyncSender<()>,
        go_on: Mutex<mpsc::Receiver<io::Result<()>>>,
    }

    impl WriteAt for Gate {
        fn write_at(&self, _: u64, _: &[u8]) -> io::Result<()> {
            self.calls.fetch_add(1, Ordering::SeqCst);
            self.called.send(()).unwrap();
            self.go_on.lock().unwrap().recv().unwrap()
        }
    }

    fn gate() -> (Arc<Gate>, mpsc::Receiver<()>, mpsc::Sender<io::Result<()>>) {
        let (called, calls) = mpsc::sync_channel(100);
        let (let_go, go_on) = mpsc::channel();
        let gate = Gate { calls: AtomicUsize::new(0), called, go_on: Mutex::new(go_on) };
        (Arc::new(gate), calls, let_go)
    }

    fn piece(length: usize) -> Piece {
        Piece { buffer: Arc::new(vec![7; length]), range: 0..length }
    }

    #[derive(Default)]
    struct Bell(AtomicBool);

    impl Wake for Bell {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::SeqCst);
        }
    }

    /// Polls until nothing is left or something went wrong.
    async fn drained(writer: &Writer) -> io::Result<()> {
        writer.finish();
        let mut pool = Pool::default();
        std::future::poll_fn(|cx: &mut Context<'_>| {
            loop {
                match writer.poll(cx.waker(), &mut pool) {
                    Err(error) => return Poll::Ready(Err(error)),
                    Ok(true) => {}
                    Ok(false) if writer.is_empty() => return Poll::Ready(Ok(())),
                    Ok(false) => return Poll::Pending,
                }
            }
        })
        .await
    }

    #[tokio::test]
    async fn what_comes_while_it_writes_needs_no_other_hand_over() {
        let (gate, calls, let_go) = gate();
        let writer = Writer::new(Arc::clone(&gate) as Arc<dyn WriteAt>);
        let mut pool = Pool::default();
        let bell = Arc::new(Bell::default());
        let waker = Waker::from(Arc::clone(&bell));
        writer.push(0, piece(10));
        assert!(!writer.poll(&waker, &mut pool).unwrap());
        calls.recv().unwrap();
        // Nobody polls from here on, and yet all of it is written.
        writer.push(10, piece(10));
        writer.push(20, piece(10));
        for _ in 0..3 {
            let_go.send(Ok(())).unwrap();
        }
        calls.recv().unwrap();
        calls.recv().unwrap();
        assert_eq!(gate.calls.load(Ordering::SeqCst), 3);
        assert!(!bell.0.load(Ordering::SeqCst), "woken although nothing was waited for");
        drained(&writer).await.unwrap();
        assert_eq!(writer.load(), 0);
    }

    #[tokio::test]
    async fn who_was_held_up_is_woken_when_there_is_room() {
        let (gate, calls, let_go) = gate();
        let writer = Writer::new(gate);
        let mut pool = Pool::default();
        let (told, room) = mpsc::channel();
        struct Tell(mpsc::Sender<()>);
        impl Wake for Tell {
            fn wake(self: Arc<Self>) {
                self.0.send(()).unwrap();
            }
        }
        let waker = Waker::from(Arc::new(Tell(told)));
        for number in 0..4_u64 {
            writer.push(number, piece(WAITING_MOST / 4));
        }
        assert_eq!(writer.load(), WAITING_MOST);
        assert!(!writer.poll(&waker, &mut pool).unwrap());
        calls.recv().unwrap();
        let_go.send(Ok(())).unwrap();
        room.recv().unwrap();
        assert!(writer.load() < WAITING_MOST);
        for _ in 0..3 {
            let_go.send(Ok(())).unwrap();
        }
        drained(&writer).await.unwrap();
    }

    #[tokio::test]
    async fn an_error_is_told_and_ends_the_writing() {
        let (gate, calls, let_go) = gate();
        let writer = Writer::new(Arc::clone(&gate) as Arc<dyn WriteAt>);
        writer.push(0, piece(10));
        writer.push(10, piece(10));
        let_go.send(Err(io::ErrorKind::StorageFull.into())).unwrap();
        let error = drained(&writer).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        drop((calls, writer));
        assert_eq!(gate.calls.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn a_job_that_leaves_does_not_disturb_the_next() {
        let (gate, calls, let_go) = gate();
        let writer = Writer::new(gate);
        let mut first = writer.job();
        assert!(first.next().is_none());
        writer.push(0, piece(10));
        assert!(!writer.poll(Waker::noop(), &mut Pool::default()).unwrap());
        calls.recv().unwrap();
        // The second is at work when the first goes.
        drop(first);
        let_go.send(Ok(())).unwrap();
        drained(&writer).await.unwrap();
    }

    #[tokio::test]
    async fn a_place_that_panics_is_an_error() {
        struct Broken;
        impl WriteAt for Broken {
            fn write_at(&self, _: u64, _: &[u8]) -> io::Result<()> {
                panic!("broken on purpose")
            }
        }
        let writer = Writer::new(Arc::new(Broken));
        writer.push(0, piece(10));
        drained(&writer).await.unwrap_err();
    }
}
