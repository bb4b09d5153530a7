//! What lies between SIP and a socket when it is not plain TCP: TLS, WebSocket, or both.
//!
//! ```text
//!  append ──> [WebSocket frame] ──> [TLS record] ──> write queue ──> socket
//!  messages <── [WebSocket] <── [TLS] <── what the task of the connection read
//! ```
//!
//! No sockets here: whoever holds the write queue's lock runs this, so any thread may send.

use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::outbox::Failure;
use super::tls::Session;
pub(super) use super::websocket::Arrival;
use super::websocket::WebSocket;

/// The layers of one connection.
#[derive(Debug)]
pub(super) struct Channel {
    tls: Option<Session>,
    websocket: Option<WebSocket>,
}

/// What was in the bytes that a connection read. Reused: each worker has one.
#[derive(Default)]
pub(super) struct Opened {
    /// Of a stream.
    pub(super) bytes: Vec<u8>,
    /// Of a WebSocket.
    pub(super) arrivals: Vec<Arrival>,
    /// Nothing more will come, or nothing more is taken.
    pub(super) ended: bool,
}

/// No worker keeps the memory of its largest read.
const KEEP: usize = 128 * 1024;

impl Opened {
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(KEEP);
        self.arrivals.clear();
        self.ended = false;
    }
}

impl Channel {
    pub(super) fn new(tls: Option<Session>, websocket: Option<WebSocket>) -> Channel {
        Channel { tls, websocket }
    }

    /// Whether what is sealed now still has to wait for the end of the handshake.
    pub(super) fn is_handshaking(&self) -> bool {
        self.tls.as_ref().is_some_and(Session::is_handshaking)
    }

    pub(super) fn is_websocket(&self) -> bool {
        self.websocket.is_some()
    }

    /// Puts a packet at the end of `wire`, as the peer expects it.
    pub(super) fn seal(&mut self, packet: &[u8], wire: &mut Vec<u8>) {
        self.frame(wire, Some(packet), |websocket, out| websocket.write(packet, out));
    }

    /// Asks a WebSocket client for a sign of life (RFC 6455 s5.5.2).
    pub(super) fn ping(&mut self, wire: &mut Vec<u8>) {
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
    pub(super) fn open(
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
    pub(super) fn open_ahead(&mut self, ahead: &[u8], opened: &mut Opened, wire: &mut Vec<u8>) {
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

    /// Says goodbye on every layer.
    pub(super) fn close(&mut self, wire: &mut Vec<u8>) {
        self.frame(wire, None, |websocket, out| websocket.close(CloseCode::Normal, out));
        if let Some(tls) = &mut self.tls {
            tls.close(wire);
        }
    }
}

/// Why a handshake that we began has failed.
pub(super) fn failure_of(error: &rustls::Error) -> Failure {
    match error {
        rustls::Error::InvalidCertificate(_) => Failure::PeerNotVerified,
        _ => Failure::ConnectFailed,
    }
}
