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
    At(Arc<dyn ReadAt>),
    Reader { reader: Box<dyn AsyncRead + Send + Unpin>, size: Option<u64> },
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
        Source(Kind::At(Arc::new(place)))
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
        Ok(Source::at(file))
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
            Kind::At(place) => place.size(),
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

/// How many blocks are read before they are asked for.
const AHEAD: usize = 2;

/// A source that is read ahead of the connection.
pub(super) struct Feed {
    kind: Kind,
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
    pub(super) fn new(kind: Kind) -> Feed {
        Feed {
            kind,
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
            return Offered::Bytes { piece, last };
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
        }
        if self.ended { Offered::End } else { Offered::Later }
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
                if self.ended || self.ready.len() >= AHEAD {
                    return Poll::Pending;
                }
                self.begin(pool);
            }
            let (buffer, outcome) = ready!(self.poll_read(cx));
            self.reading = None;
            let length = match outcome {
                Ok(length) => length.min(buffer.len()),
                Err(error) => return Poll::Ready(Err(error)),
            };
            if length == 0 {
                self.ended = true;
                pool.give_whole(buffer);
            } else {
                self.next += length as u64;
                self.ready.push_back(Piece { buffer: Arc::new(buffer), range: 0..length });
                // The end is known without another look.
                self.ended |= match &self.kind {
                    Kind::At(place) => place.size() == Some(self.next),
                    Kind::Reader { size, .. } => *size == Some(self.next),
                    Kind::Memory(_) => true,
                };
            }
            // One byte of a stream of unknown length may be its last: that is not known yet.
            let enough = self.ended || self.ready.iter().map(Piece::len).sum::<usize>() > 1;
            if enough && std::mem::take(&mut self.starved) {
                return Poll::Ready(Ok(()));
            }
        }
    }

    fn begin(&mut self, pool: &mut Pool) {
        let mut buffer = pool.take();
        if self.ready.is_empty() {
            self.at = self.next;
        }
        self.reading = Some(match &self.kind {
            Kind::At(place) => {
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
