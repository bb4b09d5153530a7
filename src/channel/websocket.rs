//! WebSocket over a stream, without the stream (RFC 6455), as SIP uses it (RFC 7118): one message in
//! each WebSocket message, text or binary.

use std::io::{self, ErrorKind, Read, Write};

use bytes::Bytes;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{
    CloseFrame, Message, Role, WebSocketConfig, WebSocketContext,
};

/// Allocated for each connection, used or not.
const READ_BUFFER: usize = 1_024;

/// Pings that are answered in one read. How many over time is for who reads the arrivals.
const PINGS_AT_ONCE: usize = 100;

/// What a WebSocket brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// A whole message.
    Message(Bytes),
    /// Answered already.
    Ping,
    /// An answer.
    Pong,
}

/// One WebSocket whose opening handshake is over.
#[derive(Debug)]
pub struct WebSocket {
    context: WebSocketContext,
}

impl WebSocket {
    /// The server's end. A message of more than `limit` bytes, in one frame or in many, ends it.
    #[must_use]
    pub fn server(limit: usize) -> WebSocket {
        WebSocket::new(Role::Server, limit)
    }

    /// The client's end.
    #[must_use]
    pub fn client(limit: usize) -> WebSocket {
        WebSocket::new(Role::Client, limit)
    }

    fn new(role: Role, limit: usize) -> WebSocket {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(0)
            .max_message_size(Some(limit))
            .max_frame_size(Some(limit));
        WebSocket { context: WebSocketContext::new(role, Some(config)) }
    }

    /// Frames a message at the end of `wire`: as text if it is text, else as binary, which every
    /// client takes as well (RFC 7118 s4.2).
    pub fn write(&mut self, message: &[u8], wire: &mut Vec<u8>) {
        let message = match std::str::from_utf8(message) {
            Ok(text) => Message::text(text),
            Err(_) => Message::binary(message.to_vec()),
        };
        self.put(message, wire);
    }

    /// Asks for a sign of life (RFC 6455 s5.5.2).
    pub fn ping(&mut self, wire: &mut Vec<u8>) {
        self.put(Message::Ping(Bytes::new()), wire);
    }

    /// Fails only after the end of the WebSocket, when nobody listens any more.
    fn put(&mut self, message: Message, wire: &mut Vec<u8>) {
        let _ = self.context.write(&mut Memory { input: &[], wire }, message);
    }

    /// Takes bytes of the stream and tells what they complete. Pongs and the answer to a close
    /// frame go to `wire`. `true`: this is the end, and if the peer is at fault it has been told so
    /// by a close frame with the status of RFC 6455 s7.4.1.
    pub fn read(&mut self, bytes: &[u8], arrivals: &mut Vec<Arrival>, wire: &mut Vec<u8>) -> bool {
        let mut memory = Memory { input: bytes, wire };
        let mut pings = 0;
        loop {
            let code = match self.context.read(&mut memory) {
                Ok(Message::Text(text)) => {
                    arrivals.push(Arrival::Message(text.into()));
                    continue;
                }
                Ok(Message::Binary(bytes)) => {
                    arrivals.push(Arrival::Message(bytes));
                    continue;
                }
                Ok(Message::Ping(_)) if pings < PINGS_AT_ONCE => {
                    pings += 1;
                    arrivals.push(Arrival::Ping);
                    continue;
                }
                Ok(Message::Ping(_)) => CloseCode::Policy,
                Ok(Message::Pong(_)) => {
                    arrivals.push(Arrival::Pong);
                    continue;
                }
                Ok(Message::Close(_) | Message::Frame(_)) => continue,
                Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => return false,
                Err(Error::ConnectionClosed | Error::AlreadyClosed) => return true,
                Err(Error::Capacity(_)) => CloseCode::Size,
                Err(Error::Utf8(_)) => CloseCode::Invalid,
                Err(_) => CloseCode::Protocol,
            };
            self.close(code, memory.wire);
            return true;
        }
    }

    /// Ends the WebSocket from our side; repeating it does nothing.
    pub fn close(&mut self, code: CloseCode, wire: &mut Vec<u8>) {
        let frame = CloseFrame { code, reason: "".into() };
        let _ = self.context.close(&mut Memory { input: &[], wire }, Some(frame));
    }
}

/// A stream that has what there is, and takes everything.
struct Memory<'a> {
    input: &'a [u8],
    wire: &'a mut Vec<u8>,
}

impl Read for Memory<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.input.is_empty() {
            return Err(ErrorKind::WouldBlock.into());
        }
        self.input.read(buffer)
    }
}

impl Write for Memory<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.wire.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
