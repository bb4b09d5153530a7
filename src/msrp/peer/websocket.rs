//! MSRP over WebSocket (RFC 7977): one whole SEND, REPORT or response in one message of the WebSocket.
//!
//! The connection above writes bytes as for TCP. They are cut where one request or response ends, and
//! each goes in a frame; sessions over WebSocket bound their chunks, so that a frame has an end.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};

use super::dial::Stream;
use crate::channel::{Arrival, Opening, WebSocket};
use crate::msrp::raw::{self, Part};

/// Bytes of one message that are taken at most: a chunk of another implementation, with its head.
const LONGEST: usize = 4 * 1_024 * 1_024;

/// Bytes that wait to be written at most before more are refused for a while.
const WAITING_MOST: usize = 512 * 1_024;

const ROOM: usize = 64 * 1_024;

/// A stream of MSRP within a WebSocket.
pub(super) struct Framed {
    stream: Box<dyn Stream>,
    websocket: WebSocket,
    arrivals: Vec<Arrival>,
    /// Taken out of frames, and read so far.
    plain: Vec<u8>,
    taken: usize,
    /// Of the current request or response, not in a frame yet.
    whole: Vec<u8>,
    /// Finds where it ends.
    scan: raw::Stream,
    scanned: usize,
    /// Frames on their way.
    wire: Vec<u8>,
    written: usize,
    buffer: Vec<u8>,
    ended: bool,
}

/// Goes through the opening handshake as a client (RFC 7977 s5.1: the subprotocol is `msrp`).
pub(super) async fn open(
    mut stream: Box<dyn Stream>,
    host: &str,
    path: &str,
) -> io::Result<Box<dyn Stream>> {
    let mut request = Vec::new();
    let mut opening = Opening::new(host, path, "msrp", &mut request);
    stream.write_all(&request).await?;
    stream.flush().await?;
    let mut buffer = vec![0; 4_096];
    loop {
        let count = stream.read(&mut buffer).await?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let bytes = buffer.get(..count).unwrap_or_default();
        if let Some(behind) = opening.take(bytes).map_err(io::Error::other)? {
            let mut framed = Framed::new(stream, WebSocket::client(LONGEST));
            framed.unframe(&behind);
            return Ok(Box::new(framed));
        }
    }
}

/// The server's end of a WebSocket whose handshake is over.
pub(super) fn serve(stream: Box<dyn Stream>) -> Framed {
    Framed::new(stream, WebSocket::server(LONGEST))
}

impl Framed {
    fn new(stream: Box<dyn Stream>, websocket: WebSocket) -> Framed {
        Framed {
            stream,
            websocket,
            arrivals: Vec::new(),
            plain: Vec::new(),
            taken: 0,
            whole: Vec::new(),
            scan: raw::Stream::default(),
            scanned: 0,
            wire: Vec::new(),
            written: 0,
            buffer: vec![0; ROOM],
            ended: false,
        }
    }

    fn unframe(&mut self, bytes: &[u8]) {
        self.ended |= self.websocket.read(bytes, &mut self.arrivals, &mut self.wire);
        for arrival in self.arrivals.drain(..) {
            if let Arrival::Message(message) = arrival {
                self.plain.extend_from_slice(&message);
            }
        }
    }

    /// Puts what is whole into frames.
    fn frame(&mut self) -> io::Result<()> {
        loop {
            let mut rest = self.whole.get(self.scanned..).unwrap_or_default();
            let before = rest.len();
            let part = self.scan.next(&mut rest).map_err(io::Error::other)?;
            let is_end = matches!(part, Some(Part::End(_)));
            let more = part.is_some();
            self.scanned += before - rest.len();
            if is_end {
                let message = self.whole.get(..self.scanned).unwrap_or_default();
                self.websocket.write(message, &mut self.wire);
                self.whole.drain(..self.scanned);
                self.scanned = 0;
            }
            if !more {
                return Ok(());
            }
        }
    }

    fn poll_wire(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.written < self.wire.len() {
            let rest = self.wire.get(self.written..).unwrap_or_default();
            let count = ready!(Pin::new(&mut self.stream).poll_write(cx, rest))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.written += count;
        }
        self.wire.clear();
        self.written = 0;
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Framed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            let this = &mut *self;
            let rest = this.plain.get(this.taken..).unwrap_or_default();
            if !rest.is_empty() {
                let count = rest.len().min(out.remaining());
                out.put_slice(rest.get(..count).unwrap_or_default());
                this.taken += count;
                if this.taken == this.plain.len() {
                    this.plain.clear();
                    this.plain.shrink_to(ROOM);
                    this.taken = 0;
                }
                return Poll::Ready(Ok(()));
            }
            // Pongs, and the answer to a close frame.
            if let Poll::Ready(Err(error)) = this.poll_wire(cx) {
                return Poll::Ready(Err(error));
            }
            if this.ended {
                return Poll::Ready(Ok(()));
            }
            let mut buffer = std::mem::take(&mut this.buffer);
            let mut room = ReadBuf::new(&mut buffer);
            let outcome = Pin::new(&mut this.stream).poll_read(cx, &mut room);
            let count = room.filled().len();
            if let Poll::Ready(Ok(())) = outcome {
                if count == 0 {
                    this.ended = true;
                } else {
                    this.unframe(buffer.get(..count).unwrap_or_default());
                }
            }
            this.buffer = buffer;
            ready!(outcome)?;
        }
    }
}

impl AsyncWrite for Framed {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Err(error)) = self.poll_wire(cx) {
            return Poll::Ready(Err(error));
        }
        if self.wire.len() - self.written >= WAITING_MOST {
            return Poll::Pending;
        }
        self.whole.extend_from_slice(bytes);
        self.frame()?;
        if let Poll::Ready(Err(error)) = self.poll_wire(cx) {
            return Poll::Ready(Err(error));
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_wire(cx))?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_wire(cx))?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
