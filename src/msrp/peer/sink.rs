//! Where the bytes of an incoming message go.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::AsyncWrite;

use super::block::{Piece, Pool};
use super::writer::Writer;

/// Something that can be written at any place: a file, a blob in a store. Its calls may block; they
/// run on threads that are made for that.
pub trait WriteAt: Send + Sync + 'static {
    /// Writes all of `bytes` at `offset`, in bytes.
    ///
    /// # Errors
    /// What keeps it from being written; the message is then refused with 413.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;
}

#[cfg(unix)]
impl WriteAt for File {
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        std::os::unix::fs::FileExt::write_all_at(self, bytes, offset)
    }
}

/// Where the bytes of an incoming message go.
pub struct Sink(pub(super) Kind);

pub(super) enum Kind {
    Memory { bytes: Vec<u8>, most: u64 },
    At(Arc<dyn WriteAt>),
    Writer(Box<dyn AsyncWrite + Send + Unpin>),
}

impl Sink {
    /// Memory, for a message of at most so many bytes; a longer one is refused with 413.
    #[must_use]
    pub fn memory(most: u64) -> Sink {
        Sink(Kind::Memory { bytes: Vec::new(), most })
    }

    /// Anything that can be written at any place.
    #[must_use]
    pub fn at(place: impl WriteAt) -> Sink {
        Sink(Kind::At(Arc::new(place)))
    }

    /// A stream. It takes bytes in order only: a message whose chunks come in another order is refused
    /// with 413 (a sender that is not resuming sends them in order).
    #[must_use]
    pub fn writer(writer: impl AsyncWrite + Send + Unpin + 'static) -> Sink {
        Sink(Kind::Writer(Box::new(writer)))
    }
}

#[cfg(unix)]
impl From<File> for Sink {
    fn from(file: File) -> Sink {
        Sink::at(file)
    }
}

/// How much of one message may wait to be written, in bytes. Who sends more waits.
pub(super) const WAITING_MOST: usize = 1_024 * 1_024;

/// Why bytes are not taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum SinkError {
    #[error("more than {0} bytes")]
    TooLong(u64),
    #[error("the bytes come in another order than they are written in")]
    Order,
    #[error("it is slow, and held up the other sessions on its connection")]
    Slow,
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// A sink that is written behind the connection.
pub(super) struct Drain {
    to: To,
    /// Of a stream: what is not written yet.
    waiting: VecDeque<(u64, Piece)>,
    load: usize,
    /// Of a stream: how much has been written.
    position: u64,
    flushed: bool,
}

enum To {
    Memory { bytes: Vec<u8>, most: u64 },
    Place(Writer),
    Stream(Box<dyn AsyncWrite + Send + Unpin>),
}

impl Drain {
    pub(super) fn new(kind: Kind) -> Drain {
        let to = match kind {
            Kind::Memory { bytes, most } => To::Memory { bytes, most },
            Kind::At(place) => To::Place(Writer::new(place)),
            Kind::Writer(writer) => To::Stream(writer),
        };
        Drain { to, waiting: VecDeque::new(), load: 0, position: 0, flushed: false }
    }

    /// Whether it is given buffers, rather than bytes to copy.
    pub(super) fn takes_buffers(&self) -> bool {
        !matches!(self.to, To::Memory { .. })
    }

    /// Takes bytes at once if it can be done without waiting.
    pub(super) fn write_now(&mut self, offset: u64, bytes: &[u8]) -> Result<bool, SinkError> {
        let To::Memory { bytes: memory, most } = &mut self.to else { return Ok(false) };
        let end = offset.saturating_add(bytes.len() as u64);
        let too_long = SinkError::TooLong(*most);
        let (Ok(start), Ok(end)) = (usize::try_from(offset), usize::try_from(end)) else {
            return Err(too_long);
        };
        if end as u64 > *most {
            return Err(too_long);
        }
        if start == memory.len() {
            memory.extend_from_slice(bytes);
        } else {
            if memory.len() < end {
                memory.resize(end, 0);
            }
            if let Some(place) = memory.get_mut(start..end) {
                place.copy_from_slice(bytes);
            }
        }
        Ok(true)
    }

    /// Queues bytes to be written.
    pub(super) fn push(&mut self, offset: u64, piece: Piece) {
        if let To::Place(writer) = &self.to {
            return writer.push(offset, piece);
        }
        self.load += piece.len();
        self.waiting.push_back((offset, piece));
    }

    /// Nothing more is pushed: whoever polls waits for the end.
    pub(super) fn finish(&mut self) {
        if let To::Place(writer) = &self.to {
            writer.finish();
        }
    }

    /// Bytes that are not written yet.
    pub(super) fn load(&self) -> usize {
        if let To::Place(writer) = &self.to { writer.load() } else { self.load }
    }

    /// Writes. Ready when something was written, or went wrong.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        pool: &mut Pool,
    ) -> Poll<Result<(), SinkError>> {
        match &self.to {
            To::Memory { .. } => Poll::Pending,
            To::Stream(_) => self.poll_stream(cx, pool),
            To::Place(writer) => match writer.poll(cx.waker(), pool) {
                Ok(false) => Poll::Pending,
                Ok(true) => Poll::Ready(Ok(())),
                Err(error) => Poll::Ready(Err(error.into())),
            },
        }
    }

    fn poll_stream(
        &mut self,
        cx: &mut Context<'_>,
        pool: &mut Pool,
    ) -> Poll<Result<(), SinkError>> {
        let To::Stream(writer) = &mut self.to else { return Poll::Pending };
        let mut writer = Pin::new(writer.as_mut());
        let mut wrote = false;
        while let Some((offset, piece)) = self.waiting.front() {
            let end = offset + piece.len() as u64;
            if *offset > self.position {
                return Poll::Ready(Err(SinkError::Order));
            }
            // What was written already is not written again.
            let skip = self.position.saturating_sub(*offset).min(end - offset);
            let rest = piece.bytes().get(usize::try_from(skip).unwrap_or(0)..).unwrap_or_default();
            if rest.is_empty() {
                self.load = self.load.saturating_sub(piece.len());
                if let Some((_, piece)) = self.waiting.pop_front() {
                    pool.give(piece.buffer);
                }
                wrote = true;
                continue;
            }
            match writer.as_mut().poll_write(cx, rest) {
                Poll::Pending if wrote => return Poll::Ready(Ok(())),
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(0)) => {
                    return Poll::Ready(Err(io::Error::from(io::ErrorKind::WriteZero).into()));
                }
                Poll::Ready(Ok(count)) => {
                    self.position += count as u64;
                    self.flushed = false;
                    wrote = true;
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error.into())),
            }
        }
        if !self.flushed {
            ready!(writer.as_mut().poll_flush(cx))?;
            self.flushed = true;
            return Poll::Ready(Ok(()));
        }
        if wrote { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    /// Whether all that was taken has been written.
    pub(super) fn is_empty(&self) -> bool {
        match &self.to {
            To::Memory { .. } => true,
            To::Place(writer) => writer.is_empty(),
            To::Stream(_) => self.waiting.is_empty() && self.flushed,
        }
    }

    /// What is in memory so far, when it is a memory.
    pub(super) fn memory(&self) -> &[u8] {
        match &self.to {
            To::Memory { bytes, .. } => bytes,
            To::Place(_) | To::Stream(_) => &[],
        }
    }

    /// What is in memory, when it is a memory.
    pub(super) fn into_memory(self) -> Vec<u8> {
        match self.to {
            To::Memory { bytes, .. } => bytes,
            To::Place(_) | To::Stream(_) => Vec::new(),
        }
    }
}
