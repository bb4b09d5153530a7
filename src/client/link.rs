//! One way to a server: a connected UDP socket, or a connection.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpStream, UdpSocket};

use super::carrier::{Carrier, Piece, Way};
use crate::sip::{ConnectionId, Flow, Transport};

/// How long a connection may take to open.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often an idle connection is kept alive (RFC 5626 s4.4.1).
pub const KEEP_ALIVE: Duration = Duration::from_secs(30);

const LARGEST_DATAGRAM: usize = 65_535;
const ROOM: usize = 16 * 1_024;

/// Why there is no way to the server.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The server's name has no address.
    #[error("{0} has no address")]
    NoAddress(String),
    /// No socket, or no connection.
    #[error("{server} cannot be reached over {transport}: {error}")]
    Unreachable {
        /// Where to.
        server: SocketAddr,
        /// How.
        transport: Transport,
        /// Why not.
        error: io::Error,
    },
    /// Somebody answers who may be anybody.
    #[error(
        "{server} does not prove to be {name}: {error}; name the authority of its certificate with \
         --ca-file, or take any certificate with --insecure"
    )]
    NotProved {
        /// Where to.
        server: SocketAddr,
        /// Whose certificate was expected.
        name: String,
        /// What is wrong with it.
        error: rustls::Error,
    },
}

/// What arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// A message.
    Message(Bytes),
    /// The far end wants a sign of life: it has been queued.
    Ping,
}

enum Socket {
    Udp { socket: UdpSocket, buffer: Vec<u8> },
    Stream(Box<Stream>),
}

struct Stream {
    reader: OwnedReadHalf,
    writer: OwnedWriteHalf,
    carrier: Carrier,
    /// Bytes on their way out.
    wire: Vec<u8>,
    buffer: Vec<u8>,
    arrived: VecDeque<Arrival>,
    ended: bool,
}

/// One way to a server. What was queued and not yet sent survives a cancelled call.
pub struct Link {
    socket: Socket,
    flow: Flow,
    queue: VecDeque<Bytes>,
}

/// The port of a transport that is not given one (RFC 3261 s19.1.2, RFC 7118 s4.1).
#[must_use]
pub const fn default_port(transport: Transport) -> u16 {
    match transport {
        Transport::Udp | Transport::Tcp => 5060,
        Transport::Tls => 5061,
        Transport::Ws => 80,
        Transport::Wss => 443,
    }
}

/// The address of a server named `HOST[:PORT]`.
///
/// # Errors
/// [`LinkError::NoAddress`] if the name has none.
pub async fn resolve(server: &str, default_port: u16) -> Result<SocketAddr, LinkError> {
    if let Ok(address) = server.parse() {
        return Ok(address);
    }
    let bare = server.strip_prefix('[').and_then(|s| s.strip_suffix(']')).unwrap_or(server);
    if let Ok(ip) = bare.parse::<IpAddr>() {
        return Ok(SocketAddr::new(ip, default_port));
    }
    let named =
        if server.contains(':') { server.to_owned() } else { format!("{server}:{default_port}") };
    let found = tokio::net::lookup_host(named).await.ok().and_then(|mut found| found.next());
    found.ok_or_else(|| LinkError::NoAddress(server.to_owned()))
}

impl Link {
    /// Opens a way to a server.
    ///
    /// # Errors
    /// [`LinkError`] if there is none.
    pub async fn open(way: &Way, server: SocketAddr) -> Result<Link, LinkError> {
        let transport = way.transport;
        let unreachable = |error| LinkError::Unreachable { server, transport, error };
        if transport != Transport::Udp {
            let opened = tokio::time::timeout(PATIENCE, Stream::open(way, server)).await;
            let late = |_| unreachable(io::ErrorKind::TimedOut.into());
            let (stream, local) =
                opened.map_err(late)?.map_err(|error| refused(way, server, error))?;
            let flow = Flow { transport, local, remote: server, connection: ConnectionId(1) };
            return Ok(Link {
                socket: Socket::Stream(Box::new(stream)),
                flow,
                queue: VecDeque::new(),
            });
        }
        let any: IpAddr = match server {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let socket = UdpSocket::bind((any, 0)).await.map_err(unreachable)?;
        // Connected, it takes packets of this server alone, and hears when nobody is there.
        socket.connect(server).await.map_err(unreachable)?;
        let local = socket.local_addr().map_err(unreachable)?;
        let buffer = vec![0; LARGEST_DATAGRAM];
        let flow = Flow { transport, local, remote: server, connection: ConnectionId::NONE };
        Ok(Link { socket: Socket::Udp { socket, buffer }, flow, queue: VecDeque::new() })
    }

    /// Its two ends.
    #[must_use]
    pub fn flow(&self) -> Flow {
        self.flow
    }

    /// Queues a packet for [`Link::flush`].
    pub fn queue(&mut self, packet: Bytes) {
        self.queue.push_back(packet);
    }

    /// Queues a keep-alive (RFC 5626 s3.5.1, RFC 7118 s6); datagrams have none.
    pub fn keep_alive(&mut self) {
        if self.flow.transport.is_reliable() {
            self.queue(Bytes::from_static(b"\r\n\r\n"));
        }
    }

    /// Sends what is queued. May be cancelled: nothing is lost or sent twice.
    ///
    /// # Errors
    /// If the far end is gone.
    pub async fn flush(&mut self) -> io::Result<()> {
        match &mut self.socket {
            Socket::Udp { socket, .. } => {
                while let Some(packet) = self.queue.front() {
                    let sent = socket.send(packet).await;
                    self.queue.pop_front();
                    sent?;
                }
                Ok(())
            }
            Socket::Stream(stream) => {
                for packet in self.queue.drain(..) {
                    stream.carrier.seal(&packet, &mut stream.wire);
                }
                stream.write().await
            }
        }
    }

    /// Waits for what arrives next. May be cancelled.
    ///
    /// # Errors
    /// If the far end is gone; a datagram socket can be used again.
    pub async fn receive(&mut self) -> io::Result<Arrival> {
        match &mut self.socket {
            Socket::Udp { socket, buffer } => loop {
                let length = socket.recv(buffer).await?;
                let datagram = buffer.get(..length).unwrap_or_default();
                // Keep-alives of CRLF mean nothing here.
                if !datagram.iter().all(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
                    return Ok(Arrival::Message(Bytes::copy_from_slice(datagram)));
                }
            },
            Socket::Stream(stream) => loop {
                if let Some(arrival) = stream.arrived.pop_front() {
                    return Ok(arrival);
                }
                stream.read().await?;
            },
        }
    }
}

impl Stream {
    /// Connects, and goes through every handshake.
    async fn open(way: &Way, server: SocketAddr) -> io::Result<(Stream, SocketAddr)> {
        let socket = TcpStream::connect(server).await?;
        socket.set_nodelay(true)?;
        let local = socket.local_addr()?;
        let (reader, writer) = socket.into_split();
        let mut wire = Vec::new();
        let carrier = Carrier::new(way, server, &mut wire)?;
        let mut stream = Stream {
            reader,
            writer,
            carrier,
            wire,
            buffer: vec![0; ROOM],
            arrived: VecDeque::new(),
            ended: false,
        };
        while !stream.carrier.is_ready() {
            stream.write().await?;
            stream.read().await?;
        }
        stream.write().await?;
        Ok((stream, local))
    }

    async fn write(&mut self) -> io::Result<()> {
        while !self.wire.is_empty() {
            let count = self.writer.write(&self.wire).await?;
            self.wire.drain(..count);
        }
        Ok(())
    }

    async fn read(&mut self) -> io::Result<()> {
        let count = if self.ended { 0 } else { self.reader.read(&mut self.buffer).await? };
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let arrived = &mut self.arrived;
        let more = self.carrier.take(
            self.buffer.get(..count).unwrap_or_default(),
            &mut self.wire,
            |piece| {
                arrived.push_back(match piece {
                    Piece::Message(message) => Arrival::Message(Bytes::copy_from_slice(message)),
                    Piece::Ping => Arrival::Ping,
                    Piece::Pong => return,
                });
            },
        );
        match more {
            Ok(more) => {
                self.ended |= !more;
                Ok(())
            }
            Err(error) => {
                // The far end may want to know what it did wrong; it need not listen.
                let _ = self.writer.try_write(&self.wire);
                Err(error)
            }
        }
    }
}

fn refused(way: &Way, server: SocketAddr, error: io::Error) -> LinkError {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match tls {
        Some(tls @ rustls::Error::InvalidCertificate(_)) => LinkError::NotProved {
            server,
            name: way.name.clone().unwrap_or_else(|| server.ip().to_string()),
            error: tls.clone(),
        },
        _ => LinkError::Unreachable { server, transport: way.transport, error },
    }
}
