//! Connections to the server, over TCP, TLS and WebSocket, over which every byte can be spoilt.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};
use tagus::channel::read_roots;
use tagus::clock::{Clock, Tick};

use crate::frames::{Frames, HANDSHAKE, message};
use crate::raw::{Answer, PATIENCE};
use crate::support::caller::header;
use crate::support::server::DOMAIN;

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Fin,
    Reset,
    /// It did not.
    Open,
}

/// A listener for streams.
#[derive(Clone)]
pub(crate) struct Door {
    pub(crate) name: &'static str,
    pub(crate) at: SocketAddr,
    tls: Option<Arc<ClientConfig>>,
    /// Whether SIP goes through a WebSocket.
    pub(crate) framed: bool,
}

impl Door {
    pub(crate) fn plain(at: SocketAddr) -> Door {
        Door { name: "TCP", at, tls: None, framed: false }
    }

    /// The same listener with WebSocket on top.
    pub(crate) fn framed(self) -> Door {
        let name = if self.tls.is_some() { "WSS" } else { "WS" };
        Door { name, framed: true, ..self }
    }

    /// With TLS, and the file that vouches for the server.
    pub(crate) fn secure(at: SocketAddr, authority: &Path) -> Door {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(read_roots(authority).expect("an authority"))
            .with_no_client_auth();
        Door { name: "TLS", at, tls: Some(Arc::new(config)), framed: false }
    }

    pub(crate) fn connect(&self) -> Connection {
        let mut connection = self.connect_unframed();
        if self.framed {
            connection.write(HANDSHAKE.as_bytes());
            connection.read_until("\r\n\r\n");
            let text = connection.text();
            assert!(text.starts_with("HTTP/1.1 101 "), "{text}");
            let ahead = connection.received.split_off(text.find("\r\n\r\n").unwrap_or(0) + 4);
            connection.received.clear();
            let mut frames = Frames::default();
            frames.take(&ahead, &mut connection.received);
            connection.frames = Some(frames);
        }
        connection
    }

    /// A message as it goes through this door.
    pub(crate) fn wrap(&self, bytes: &[u8]) -> Vec<u8> {
        if self.framed { message(bytes) } else { bytes.to_vec() }
    }

    /// Without the handshake of WebSocket.
    pub(crate) fn connect_unframed(&self) -> Connection {
        let mut connection = Connection::new(self.at);
        connection.tls = self.tls.as_ref().map(|config| {
            let name = ServerName::try_from(DOMAIN).expect("a name");
            Box::new(ClientConnection::new(Arc::clone(config), name).expect("a session"))
        });
        connection
    }
}

/// A connection.
pub(crate) struct Connection {
    pub(crate) stream: TcpStream,
    tls: Option<Box<ClientConnection>>,
    pub(crate) frames: Option<Frames>,
    clock: Clock,
    /// What came, without the frames around it.
    pub(crate) received: Vec<u8>,
}

impl Connection {
    pub(crate) fn new(server: SocketAddr) -> Connection {
        Connection::over(TcpStream::connect(server).expect("the server accepts"))
    }

    pub(crate) fn over(stream: TcpStream) -> Connection {
        stream.set_nodelay(true).expect("an option");
        let (clock, received) = (Clock::system(), Vec::new());
        Connection { stream, tls: None, frames: None, clock, received }
    }

    /// Writes, as far as the server takes it.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        // It may have closed already, which is for the reading to find.
        let _ = self.try_write(bytes);
    }

    /// Writes several messages at once.
    pub(crate) fn write_together(&mut self, messages: &[&[u8]]) {
        if self.frames.is_some() {
            let frames: Vec<Vec<u8>> = messages.iter().map(|bytes| message(bytes)).collect();
            let _ = self.write_unframed(&frames.concat());
        } else {
            self.write(&messages.concat());
        }
    }

    /// Writes once: over WebSocket, one message in one frame.
    pub(crate) fn try_write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.frames.is_some() {
            return self.write_unframed(&message(bytes));
        }
        self.write_unframed(bytes)
    }

    /// Writes these very bytes.
    pub(crate) fn write_unframed(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match &mut self.tls {
            None => self.stream.write_all(bytes)?,
            Some(tls) => {
                let mut stream = rustls::Stream::new(tls.as_mut(), &mut self.stream);
                stream.write_all(bytes)?;
                stream.flush()?;
            }
        }
        Ok(bytes.len())
    }

    /// Reads until the connection ends, or for so long.
    pub(crate) fn read_to_end(&mut self, within: Duration) -> End {
        let deadline = self.clock.now() + within;
        loop {
            if let Some(end) = self.read_once(deadline) {
                return end;
            }
        }
    }

    /// Reads until the text holds this, or fails.
    pub(crate) fn read_until(&mut self, wanted: &str) {
        let deadline = self.clock.now() + PATIENCE;
        while !self.text().contains(wanted) {
            if let Some(end) = self.read_once(deadline) {
                panic!("{end:?} before {wanted:?}; there came:\n{}", self.text());
            }
        }
    }

    fn read_once(&mut self, deadline: Tick) -> Option<End> {
        let left = deadline.since(self.clock.now());
        if left.is_zero() {
            return Some(End::Open);
        }
        self.stream.set_read_timeout(Some(left)).expect("a timeout");
        let mut buffer = [0; 16_384];
        let outcome = match &mut self.tls {
            None => self.stream.read(&mut buffer),
            Some(tls) => rustls::Stream::new(tls.as_mut(), &mut self.stream).read(&mut buffer),
        };
        match outcome {
            Ok(0) => Some(End::Fin),
            Ok(count) => {
                let bytes = buffer.get(..count).unwrap_or_default();
                match &mut self.frames {
                    Some(frames) => frames.take(bytes, &mut self.received),
                    None => self.received.extend_from_slice(bytes),
                }
                None
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                Some(End::Open)
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => None,
            // An end that TLS did not announce.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Some(End::Fin),
            Err(_) => Some(End::Reset),
        }
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.received).into_owned()
    }

    /// The next message, or how the connection ended, or that it stands and none came.
    pub(crate) fn next_message(&mut self, within: Duration) -> Result<String, End> {
        let deadline = self.clock.now() + within;
        loop {
            if let Some(text) = self.take_message() {
                return Ok(text);
            }
            if let Some(end) = self.read_once(deadline) {
                return Err(end);
            }
        }
    }

    /// The first of the messages that came, if it is whole.
    fn take_message(&mut self) -> Option<String> {
        let head = self.received.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
        let text = String::from_utf8_lossy(self.received.get(..head)?);
        let length = header(&text, "Content-Length").map_or(Ok(0), str::parse::<usize>);
        let end = head + length.expect("a length");
        (self.received.len() >= end).then(|| {
            let message: Vec<u8> = self.received.drain(..end).collect();
            String::from_utf8_lossy(&message).into_owned()
        })
    }

    /// The responses that came until now.
    pub(crate) fn answers(&self) -> Vec<Answer> {
        let text = self.text();
        let mut starts: Vec<usize> = text.match_indices("SIP/2.0 ").map(|(at, _)| at).collect();
        starts.retain(|at| *at == 0 || text.get(..*at).is_some_and(|b| b.ends_with("\r\n\r\n")));
        let ends = starts.iter().skip(1).copied().chain([text.len()]);
        starts.iter().zip(ends).filter_map(|(s, e)| text.get(*s..e)).map(Answer::new).collect()
    }
}
