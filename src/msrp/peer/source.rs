//! Where the bytes of an outgoing message come from.

use std::collections::VecDeque;
use std::fs::File;
use std::future::Future;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::task::JoinHandle;

use super::block::{BLOCK, Piece, Pool};

/// Something that can be read at any place: a file, a blob in a store. Its calls may block; they run
/// on threads that are made for that.
pub trait ReadAt: Send + Sync + 'static {
    /// Fills the front of `buffer` with what is at `offset`, in bytes; 0 is the end.
    ///
    /// # Errors
    /// What keeps it from being read; the message is then aborted.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;

    /// Its size in bytes, if that is known.
    fn size(&self) -> Option<u64>;
}

#[cfg(unix)]
impl ReadAt for File {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        std::os::unix::fs::FileExt::read_at(self, buffer, offset)
    }

    fn size(&self) -> Option<u64> {
        self.metadata().ok().map(|metadata| metadata.len())
    }
}

/// Where the bytes of an outgoing message come from.
pub struct Source(pub(super) Kind);

pub(super) enum Kind {
    Memory(Bytes),
    /// `file`: it is one, and what of it is in memory can be had at once.
    At {
        place: Arc<dyn ReadAt>,
        file: Option<Arc<File>>,
    },
    Reader {
        reader: Box<dyn AsyncRead + Send + Unpin>,
        size: Option<u64>,
    },
}

impl Source {
    /// Bytes in memory.
    #[must_use]
    pub fn memory(bytes: impl Into<Bytes>) -> Source {
        Source(Kind::Memory(bytes.into()))
    }

    /// Anything that can be read at any place.
    #[must_use]
    pub fn at(place: impl ReadAt) -> Source {
        Source(Kind::At { place: Arc::new(place), file: None })
    }

    /// The file of this name.
    ///
    /// # Errors
    /// When it cannot be opened, or is a directory.
    #[cfg(unix)]
    pub fn file(path: impl AsRef<Path>) -> io::Result<Source> {
        let file = File::open(path)?;
        if file.metadata()?.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        let file = Arc::new(file);
        Ok(Source(Kind::At { place: Arc::clone(&file) as Arc<dyn ReadAt>, file: Some(file) }))
    }

    /// A stream; `size` in bytes if it is known. It is read once and in order, so a message from it
    /// cannot be resumed.
    #[must_use]
    pub fn reader(reader: impl AsyncRead + Send + Unpin + 'static, size: Option<u64>) -> Source {
        Source(Kind::Reader { reader: Box::new(reader), size })
    }

    /// How many bytes it has, if that is known.
    #[must_use]
    pub fn size(&self) -> Option<u64> {
        match &self.0 {
            Kind::Memory(bytes) => u64::try_from(bytes.len()).ok(),
            Kind::At { place, .. } => place.size(),
            Kind::Reader { size, .. } => *size,
        }
    }
}

impl From<&str> for Source {
    fn from(text: &str) -> Source {
        Source::memory(Bytes::copy_from_slice(text.as_bytes()))
    }
}

impl From<String> for Source {
    fn from(text: String) -> Source {
        Source::memory(text.into_bytes())
    }
}

/// Bytes of a file in memory that are read at first.
const FIRST: usize = 16 * 1_024;

/// How many blocks are read before they are asked for.
const AHEAD: usize = 2;

/// A source. What lies in memory already is read when it is asked for: that takes less than waking a
/// thread. Everything else is read ahead of the connection.
pub(super) struct Feed {
    kind: Kind,
    size: Option<u64>,
    /// It had to be waited for at its last look: it is read ahead until it is found in memory again.
    cold: bool,
    /// Bytes that are there, in order and without gaps.
    ready: VecDeque<Piece>,
    /// Where the first of them belongs.
    at: u64,
    /// Behind the last byte that was read or is being read.
    next: u64,
    reading: Option<Reading>,
    ended: bool,
    /// The connection has asked for what is not there yet.
    pub(super) starved: bool,
}

enum Reading {
    Blocking(JoinHandle<(Vec<u8>, io::Result<usize>)>),
    Stream(Vec<u8>),
}

/// What a feed has at a place.
pub(super) enum Offered {
    /// These bytes; `last`: nothing follows them.
    Bytes { piece: Piece, last: bool },
    /// Nothing yet.
    Later,
    /// The source is at its end, or cannot go back there.
    End,
}

impl Feed {
    pub(super) fn new(source: Source) -> Feed {
        let size = source.size();
        let kind = source.0;
        let cold = size.is_none() || !matches!(&kind, Kind::At { file: Some(_), .. });
        Feed {
            kind,
            size,
            cold,
            ready: VecDeque::new(),
            at: 0,
            next: 0,
            reading: None,
            ended: false,
            starved: false,
        }
    }

    /// What there is at `offset`; whatever lies before it is no longer needed.
    pub(super) fn offer(&mut self, offset: u64, pool: &mut Pool) -> Offered {
        if let Some(offered) = self.offer_ready(offset, pool) {
            return offered;
        }
        if self.reading.is_none() && offset != self.next {
            if matches!(self.kind, Kind::Reader { .. }) {
                return Offered::End;
            }
            self.ended = false;
            self.next = offset;
        }
        if self.ready.is_empty() && self.reading.is_none() {
            self.at = self.next;
            if !self.ended && !self.cold && self.take_at_hand(pool) {
                return self.offer_ready(offset, pool).unwrap_or(Offered::End);
            }
        }
        if self.ended { Offered::End } else { Offered::Later }
    }

    fn offer_ready(&mut self, offset: u64, pool: &mut Pool) -> Option<Offered> {
        while let Some(first) = self.ready.front_mut() {
            let length = first.len() as u64;
            if offset < self.at || offset >= self.at + length {
                // Behind us, or, after a resumption, somewhere else.
                self.at += length;
                let Some(piece) = self.ready.pop_front() else { break };
                pool.give(piece.buffer);
                continue;
            }
            first.range.start += usize::try_from(offset - self.at).unwrap_or(0);
            self.at = offset;
            let piece = first.clone();
            let last = self.ended && self.ready.len() == 1;
            return Some(Offered::Bytes { piece, last });
        }
        None
    }

    /// Reads what comes next, if that is in memory.
    fn take_at_hand(&mut self, pool: &mut Pool) -> bool {
        let Kind::At { file: Some(file), .. } = &self.kind else { return false };
        if self.size.is_none() {
            return false;
        }
        let mut buffer = pool.take();
        // The first is little, so that the head goes out at once: the far end prepares meanwhile.
        let room = if self.next == 0 { FIRST } else { BLOCK };
        let room = buffer.get_mut(..room).unwrap_or_default();
        let found = read_cached(file, self.next, room);
        self.cold = found.is_none();
        match found {
            Some(length) => self.take_in(buffer, length, pool),
            None => pool.give_whole(buffer),
        }
        !self.cold
    }

    /// So many bytes of a buffer have come.
    fn take_in(&mut self, buffer: Vec<u8>, length: usize, pool: &mut Pool) {
        if length == 0 {
            self.ended = true;
            pool.give_whole(buffer);
            return;
        }
        self.next += length as u64;
        self.ready.push_back(Piece { buffer: Arc::new(buffer), range: 0..length });
        // The end is known without another look.
        self.ended |= self.size == Some(self.next);
    }

    /// Whether nobody knows when bytes come.
    pub(super) fn is_stream(&self) -> bool {
        matches!(self.kind, Kind::Reader { .. })
    }

    /// Puts the rest of the first block before the second, so that more can be offered at once; `false`
    /// if there is no second. Of a stream of unknown length the last byte is held back until it is
    /// known whether it is the last.
    pub(super) fn join(&mut self, pool: &mut Pool) -> bool {
        if self.ready.len() < 2 {
            return false;
        }
        let (Some(first), Some(second)) = (self.ready.pop_front(), self.ready.pop_front()) else {
            return false;
        };
        let joined = [first.bytes(), second.bytes()].concat();
        pool.give(first.buffer);
        pool.give(second.buffer);
        let range = 0..joined.len();
        self.ready.push_front(Piece { buffer: Arc::new(joined), range });
        true
    }

    /// Reads ahead. Ready when bytes have come that were waited for, or an end.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, pool: &mut Pool) -> Poll<io::Result<()>> {
        loop {
            if self.reading.is_none() {
                if !self.cold || self.ended || self.ready.len() >= AHEAD {
                    return Poll::Pending;
                }
                if self.ready.is_empty() {
                    self.at = self.next;
                }
                if self.take_at_hand(pool) {
                    if std::mem::take(&mut self.starved) {
                        return Poll::Ready(Ok(()));
                    }
                    continue;
                }
                self.begin(pool);
            }
            let (buffer, outcome) = ready!(self.poll_read(cx));
            self.reading = None;
            let length = outcome?.min(buffer.len());
            self.take_in(buffer, length, pool);
            // One byte of a stream of unknown length may be its last: that is not known yet.
            let enough = self.ended || self.ready.iter().map(Piece::len).sum::<usize>() > 1;
            if enough && std::mem::take(&mut self.starved) {
                return Poll::Ready(Ok(()));
            }
        }
    }

    fn begin(&mut self, pool: &mut Pool) {
        let mut buffer = pool.take();
        self.reading = Some(match &self.kind {
            Kind::At { place, .. } => {
                let (place, offset) = (Arc::clone(place), self.next);
                Reading::Blocking(tokio::task::spawn_blocking(move || {
                    let outcome = fill(place.as_ref(), offset, &mut buffer);
                    (buffer, outcome)
                }))
            }
            _ => Reading::Stream(buffer),
        });
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<(Vec<u8>, io::Result<usize>)> {
        match (&mut self.reading, &mut self.kind) {
            (Some(Reading::Blocking(job)), _) => {
                let joined = ready!(Pin::new(job).poll(cx));
                Poll::Ready(
                    joined.unwrap_or_else(|error| (Vec::new(), Err(io::Error::other(error)))),
                )
            }
            (Some(Reading::Stream(buffer)), Kind::Reader { reader, .. }) => {
                let mut room = ReadBuf::new(buffer);
                let outcome = ready!(Pin::new(reader.as_mut()).poll_read(cx, &mut room));
                let length = room.filled().len();
                let buffer = std::mem::take(buffer);
                Poll::Ready((buffer, outcome.map(|()| length)))
            }
            // Memory is given to the connection whole.
            _ => Poll::Ready((Vec::new(), Ok(0))),
        }
    }
}

/// What of a file is at `offset` and in memory, without waiting for a disk; `None` if nothing is.
#[cfg(target_os = "linux")]
fn read_cached(file: &File, offset: u64, buffer: &mut [u8]) -> Option<usize> {
    let mut parts = [io::IoSliceMut::new(buffer)];
    rustix::io::preadv2(file, &mut parts, offset, rustix::io::ReadWriteFlags::NOWAIT).ok()
}

/// Nobody knows.
#[cfg(not(target_os = "linux"))]
fn read_cached(_: &File, _: u64, _: &mut [u8]) -> Option<usize> {
    None
}

/// Reads until the buffer is full or the end is there.
fn fill(place: &dyn ReadAt, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while let Some(room) = buffer.get_mut(length..)
        && !room.is_empty()
    {
        match place.read_at(offset + length as u64, room) {
            Ok(0) => break,
            Ok(count) => length += count.min(room.len()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    debug_assert!(length <= BLOCK);
    Ok(length)
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    /// All that a feed has, as a connection takes it; how often it had to be waited for.
    fn taken(feed: &mut Feed, from: u64) -> (Vec<u8>, usize) {
        let (mut pool, mut bytes, mut waits) = (Pool::default(), Vec::new(), 0);
        loop {
            match feed.offer(from + bytes.len() as u64, &mut pool) {
                Offered::Bytes { piece, last } => {
                    bytes.extend_from_slice(piece.bytes());
                    if last {
                        return (bytes, waits);
                    }
                }
                Offered::Later => {
                    waits += 1;
                    feed.starved = true;
                    let mut cx = Context::from_waker(Waker::noop());
                    while feed.starved {
                        match feed.poll(&mut cx, &mut pool) {
                            Poll::Ready(outcome) => outcome.unwrap(),
                            Poll::Pending => std::thread::yield_now(),
                        }
                    }
                }
                Offered::End => return (bytes, waits),
            }
        }
    }

    fn file(length: usize) -> (tempfile::NamedTempFile, Vec<u8>) {
        let bytes: Vec<u8> = (0..length).map(|at| (at / 251 % 256) as u8).collect();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), &bytes).unwrap();
        (file, bytes)
    }

    // Without a runtime no thread could be asked.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_file_in_memory_needs_no_thread() {
        for length in [0, 1, FIRST, FIRST + 1, FIRST + BLOCK, 1_219_974] {
            let (file, bytes) = file(length);
            let mut feed = Feed::new(Source::file(file.path()).unwrap());
            let (came, waits) = taken(&mut feed, 0);
            assert!(came == bytes, "{length}");
            assert_eq!(waits, 0, "{length}");
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_file_that_has_to_be_waited_for_comes_whole_and_is_looked_at_again() {
        let (file, bytes) = file(3 * BLOCK + 77);
        let mut feed = Feed::new(Source::file(file.path()).unwrap());
        feed.cold = true;
        let (came, waits) = taken(&mut feed, 0);
        assert!(came == bytes);
        assert_eq!(waits, 1);
        #[cfg(target_os = "linux")]
        assert!(!feed.cold);
        // What is no file of ours is never looked at so.
        let mut feed = Feed::new(Source::at(std::fs::File::open(file.path()).unwrap()));
        let (came, waits) = taken(&mut feed, 0);
        assert!(came == bytes && waits > 0);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_resumed_file_comes_from_its_place() {
        let (file, bytes) = file(3 * BLOCK + 77);
        for cold in [false, true] {
            let mut feed = Feed::new(Source::file(file.path()).unwrap());
            feed.cold = cold;
            let (came, _) = taken(&mut feed, 300_000);
            assert!(came == bytes[300_000..], "{cold}");
        }
    }
}
