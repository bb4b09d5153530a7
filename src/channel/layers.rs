//! The layers of one connection, run one after the other.

use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::{Arrival, Session, WebSocket};

/// The layers of one connection.
#[derive(Debug)]
pub struct Channel {
    tls: Option<Session>,
    websocket: Option<WebSocket>,
}

/// What was in the bytes that a connection read. Made to be reused.
#[derive(Debug, Default)]
pub struct Opened {
    /// Of a stream.
    pub bytes: Vec<u8>,
    /// Of a WebSocket.
    pub arrivals: Vec<Arrival>,
    /// Nothing more will come, or nothing more is taken.
    pub ended: bool,
}

/// Nobody keeps the memory of its largest read.
const KEEP: usize = 128 * 1024;

impl Opened {
    /// Makes room for the next bytes.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(KEEP);
        self.arrivals.clear();
        self.ended = false;
    }
}

impl Channel {
    /// A channel of these layers.
    #[must_use]
    pub fn new(tls: Option<Session>, websocket: Option<WebSocket>) -> Channel {
        Channel { tls, websocket }
    }

    /// Whether what is sealed now still has to wait for the end of the handshake.
    #[must_use]
    pub fn is_handshaking(&self) -> bool {
        self.tls.as_ref().is_some_and(Session::is_handshaking)
    }

    /// Puts a packet at the end of `wire`, as the peer expects it.
    pub fn seal(&mut self, packet: &[u8], wire: &mut Vec<u8>) {
        self.frame(wire, Some(packet), |websocket, out| websocket.write(packet, out));
    }

    /// Asks a WebSocket client for a sign of life (RFC 6455 s5.5.2).
    pub fn ping(&mut self, wire: &mut Vec<u8>) {
        self.frame(wire, None, WebSocket::ping);
    }

    /// Runs the WebSocket if there is one, and encrypts what it wrote, or else `packet`.
    fn frame(
        &mut self,
        wire: &mut Vec<u8>,
        packet: Option<&[u8]>,
        write: impl FnOnce(&mut WebSocket, &mut Vec<u8>),
    ) {
        match (&mut self.tls, &mut self.websocket) {
            (None, None) => wire.extend_from_slice(packet.unwrap_or_default()),
            (Some(tls), None) => tls.write(packet.unwrap_or_default(), wire),
            (None, Some(websocket)) => write(websocket, wire),
            (Some(tls), Some(websocket)) => {
                let mut framed = Vec::new();
                write(websocket, &mut framed);
                tls.write(&framed, wire);
            }
        }
    }

    /// Takes what the socket brought. What the layers have to say themselves goes to `wire`.
    ///
    /// # Errors
    /// When TLS failed; the alert is in `wire` already.
    pub fn open(
        &mut self,
        bytes: &[u8],
        opened: &mut Opened,
        wire: &mut Vec<u8>,
    ) -> Result<(), rustls::Error> {
        let Some(tls) = &mut self.tls else {
            self.take(bytes, opened, wire);
            return Ok(());
        };
        let outcome = tls.read(bytes, &mut opened.bytes, wire);
        self.unwrap(opened, wire);
        opened.ended |= outcome?;
        Ok(())
    }

    /// What was read, and decrypted, before the connection came here.
    pub fn open_ahead(&mut self, ahead: &[u8], opened: &mut Opened, wire: &mut Vec<u8>) {
        opened.bytes.extend_from_slice(ahead);
        if let Some(tls) = &mut self.tls {
            tls.send(wire);
            tls.take_plain(&mut opened.bytes);
        }
        self.unwrap(opened, wire);
    }

    fn unwrap(&mut self, opened: &mut Opened, wire: &mut Vec<u8>) {
        if self.websocket.is_some() && !opened.bytes.is_empty() {
            let bytes = std::mem::take(&mut opened.bytes);
            self.take(&bytes, opened, wire);
            opened.bytes = bytes;
            opened.bytes.clear();
        }
    }

    fn take(&mut self, bytes: &[u8], opened: &mut Opened, wire: &mut Vec<u8>) {
        let mut said = Vec::new();
        match &mut self.websocket {
            Some(websocket) => {
                opened.ended |= websocket.read(bytes, &mut opened.arrivals, &mut said);
            }
            None => opened.bytes.extend_from_slice(bytes),
        }
        match &mut self.tls {
            Some(tls) if !said.is_empty() => tls.write(&said, wire),
            _ => wire.extend_from_slice(&said),
        }
    }

    /// The WebSocket's opening handshake is over: from now on everything is in frames.
    pub fn upgrade(&mut self, websocket: WebSocket) {
        self.websocket = Some(websocket);
    }

    /// What the layers have to say of their own accord, as the first hello of a TLS client.
    pub fn begin(&mut self, wire: &mut Vec<u8>) {
        if let Some(tls) = &mut self.tls {
            tls.send(wire);
        }
    }

    /// Says goodbye on every layer.
    pub fn close(&mut self, wire: &mut Vec<u8>) {
        self.frame(wire, None, |websocket, out| websocket.close(CloseCode::Normal, out));
        if let Some(tls) = &mut self.tls {
            tls.close(wire);
        }
    }
}
