//! A client's end of a stream: TCP, TLS, or a WebSocket over either. Bytes and messages, no socket.

use std::io;
use std::net::SocketAddr;

use crate::channel::{Arrival, Channel, ClientTls, Opened, Opening, WebSocket};
use crate::sip::Transport;
use crate::sip::framer::{Frame, Framer};
use crate::sip::wire::Limits;

/// Where SIP over WebSocket is served (RFC 7118 leaves it open).
const PATH: &str = "/sip";

/// The largest message that is taken.
const LONGEST: usize = 1024 * 1024;

/// How to get to a server.
#[derive(Clone, Debug)]
pub struct Way {
    /// The transport.
    pub transport: Transport,
    /// Whom to trust, for TLS and secure WebSocket.
    pub trust: Option<ClientTls>,
    /// Whose certificate the server must have: a domain or host name; without one that of its
    /// address.
    pub name: Option<String>,
}

impl From<Transport> for Way {
    /// A way on which nobody has to be trusted.
    fn from(transport: Transport) -> Way {
        Way { transport, trust: None, name: None }
    }
}

impl Way {
    /// Whether the server has to prove who it is.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        matches!(self.transport, Transport::Tls | Transport::Wss)
    }
}

/// A piece of what arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// A message.
    Message(&'a [u8]),
    /// The far end asked for a sign of life; the answer is among the bytes to send.
    Ping,
    /// The far end gave a sign of life.
    Pong,
}

/// The layers of one connection.
#[derive(Debug)]
pub struct Carrier {
    channel: Option<Box<Channel>>,
    opening: Option<Opening>,
    websocket: bool,
    framer: Framer,
    opened: Opened,
}

impl Carrier {
    /// Begins over a connection that stands. What is to be said first goes to `out`.
    ///
    /// # Errors
    /// When there is nobody to trust, or the name is none.
    pub fn new(way: &Way, server: SocketAddr, out: &mut Vec<u8>) -> io::Result<Carrier> {
        let invalid = |error: rustls::Error| io::Error::new(io::ErrorKind::InvalidInput, error);
        let tls = match &way.trust {
            Some(trust) if way.is_secure() => {
                Some(trust.dial(way.name.as_deref(), server.ip()).map_err(invalid)?)
            }
            None if way.is_secure() => {
                return Err(io::Error::new(io::ErrorKind::InvalidInput, "nobody is trusted"));
            }
            _ => None,
        };
        let websocket = matches!(way.transport, Transport::Ws | Transport::Wss);
        let mut carrier = Carrier {
            channel: (tls.is_some() || websocket).then(|| Box::new(Channel::new(tls, None))),
            opening: None,
            websocket,
            framer: Framer::new(&Limits::default()),
            opened: Opened::default(),
        };
        if let Some(channel) = &mut carrier.channel {
            channel.begin(out);
            if websocket {
                let host = match &way.name {
                    Some(name) => format!("{name}:{}", server.port()),
                    None => server.to_string(),
                };
                let mut request = Vec::new();
                carrier.opening = Some(Opening::new(&host, PATH, "sip", &mut request));
                channel.seal(&request, out);
            }
        }
        Ok(carrier)
    }

    /// Whether all handshakes are over. Before that nothing may be sealed.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.opening.is_none() && !self.channel.as_ref().is_some_and(|c| c.is_handshaking())
    }

    /// Whether messages are WebSocket's.
    #[must_use]
    pub const fn is_websocket(&self) -> bool {
        self.websocket
    }

    /// Puts a packet at the end of `out`.
    pub fn seal(&mut self, packet: &[u8], out: &mut Vec<u8>) {
        match &mut self.channel {
            None => out.extend_from_slice(packet),
            Some(channel) => channel.seal(packet, out),
        }
    }

    /// Takes bytes of the connection and delivers what they complete; what has to be answered goes
    /// to `out`. `false`: the far end will send no more.
    ///
    /// # Errors
    /// When what came is none of what was agreed; `out` may still have something to say about it.
    pub fn take(
        &mut self,
        bytes: &[u8],
        out: &mut Vec<u8>,
        mut deliver: impl FnMut(Piece<'_>),
    ) -> io::Result<bool> {
        let Some(channel) = &mut self.channel else {
            self.framer.push(bytes);
            deliver_frames(&mut self.framer, || out.extend_from_slice(b"\r\n"), deliver)?;
            return Ok(true);
        };
        self.opened.clear();
        channel.open(bytes, &mut self.opened, out).map_err(not_agreed)?;
        if let Some(opening) = &mut self.opening {
            let behind = opening.take(&self.opened.bytes).map_err(not_agreed)?;
            self.opened.bytes.clear();
            if let Some(behind) = behind {
                self.opening = None;
                channel.upgrade(WebSocket::client(LONGEST));
                channel.open_ahead(&behind, &mut self.opened, out);
            }
        }
        if !self.websocket {
            self.framer.push(&self.opened.bytes);
            deliver_frames(&mut self.framer, || channel.seal(b"\r\n", out), deliver)?;
            return Ok(!self.opened.ended);
        }
        for arrival in &self.opened.arrivals {
            match arrival {
                // RFC 7118 s6: keep-alives have a message of their own.
                Arrival::Message(message) if message.as_ref() == b"\r\n\r\n" => {
                    channel.seal(b"\r\n", out);
                    deliver(Piece::Ping);
                }
                Arrival::Message(message) if message.as_ref() == b"\r\n" => deliver(Piece::Pong),
                Arrival::Message(message) => deliver(Piece::Message(message)),
                Arrival::Ping => deliver(Piece::Ping),
                Arrival::Pong => deliver(Piece::Pong),
            }
        }
        Ok(!self.opened.ended)
    }
}

fn deliver_frames(
    framer: &mut Framer,
    mut pong: impl FnMut(),
    mut deliver: impl FnMut(Piece<'_>),
) -> io::Result<()> {
    while let Some(frame) = framer.next_frame().map_err(not_agreed)? {
        match frame {
            Frame::Message(message) => deliver(Piece::Message(message)),
            Frame::Ping => {
                pong();
                deliver(Piece::Ping);
            }
            Frame::Pong => deliver(Piece::Pong),
        }
    }
    Ok(())
}

fn not_agreed(error: impl std::error::Error + Send + Sync + 'static) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
