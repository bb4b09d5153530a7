//! One way to a server: a connected UDP socket, or a TCP connection.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpStream, UdpSocket};

use crate::sip::framer::{Frame, FrameError, Framer};
use crate::sip::wire::Limits;
use crate::sip::{ConnectionId, Flow, Transport};

/// How long a connection may take to open.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often an idle connection is kept alive (RFC 5626 s4.4.1).
pub const KEEP_ALIVE: Duration = Duration::from_secs(30);

const LARGEST_DATAGRAM: usize = 65_535;

/// Why there is no way to the server.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// A transport that is not built yet.
    #[error("{0} is not built yet; use --transport udp or tcp")]
    NotBuilt(&'static str),
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
    Tcp { reader: OwnedReadHalf, writer: OwnedWriteHalf, framer: Framer },
}

/// One way to a server. What was queued and not yet sent survives a cancelled call.
pub struct Link {
    socket: Socket,
    flow: Flow,
    queue: VecDeque<Bytes>,
}

/// The address of a server named `HOST[:PORT]`; the port is 5060 unless it is given.
///
/// # Errors
/// [`LinkError::NoAddress`] if the name has none.
pub async fn resolve(server: &str) -> Result<SocketAddr, LinkError> {
    if let Ok(address) = server.parse() {
        return Ok(address);
    }
    let bare = server.strip_prefix('[').and_then(|s| s.strip_suffix(']')).unwrap_or(server);
    if let Ok(ip) = bare.parse::<IpAddr>() {
        return Ok(SocketAddr::new(ip, 5060));
    }
    let named = if server.contains(':') { server.to_owned() } else { format!("{server}:5060") };
    let found = tokio::net::lookup_host(named).await.ok().and_then(|mut found| found.next());
    found.ok_or_else(|| LinkError::NoAddress(server.to_owned()))
}

impl Link {
    /// Opens a way to a server.
    ///
    /// # Errors
    /// [`LinkError`] if there is none.
    pub async fn open(transport: Transport, server: SocketAddr) -> Result<Link, LinkError> {
        let unreachable = |error| LinkError::Unreachable { server, transport, error };
        let (socket, local, connection) = match transport {
            Transport::Udp => {
                let any: IpAddr = match server {
                    SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
                    SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
                };
                let socket = UdpSocket::bind((any, 0)).await.map_err(unreachable)?;
                // Connected, it takes packets of this server alone, and hears when nobody is there.
                socket.connect(server).await.map_err(unreachable)?;
                let local = socket.local_addr().map_err(unreachable)?;
                let buffer = vec![0; LARGEST_DATAGRAM];
                (Socket::Udp { socket, buffer }, local, ConnectionId::NONE)
            }
            Transport::Tcp => {
                let opened = tokio::time::timeout(PATIENCE, TcpStream::connect(server)).await;
                let late = |_| unreachable(io::ErrorKind::TimedOut.into());
                let stream = opened.map_err(late)?.map_err(unreachable)?;
                stream.set_nodelay(true).map_err(unreachable)?;
                let local = stream.local_addr().map_err(unreachable)?;
                let (reader, writer) = stream.into_split();
                let framer = Framer::new(&Limits::default());
                (Socket::Tcp { reader, writer, framer }, local, ConnectionId(1))
            }
            Transport::Tls => return Err(LinkError::NotBuilt("tls")),
            Transport::Ws => return Err(LinkError::NotBuilt("ws")),
            Transport::Wss => return Err(LinkError::NotBuilt("wss")),
        };
        let flow = Flow { transport, local, remote: server, connection };
        Ok(Link { socket, flow, queue: VecDeque::new() })
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

    /// Queues a keep-alive (RFC 5626 s3.5.1); datagrams have none.
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
        while let Some(packet) = self.queue.front_mut() {
            match &mut self.socket {
                Socket::Udp { socket, .. } => {
                    let sent = socket.send(packet).await;
                    self.queue.pop_front();
                    sent?;
                }
                Socket::Tcp { writer, .. } => {
                    writer.write_buf(packet).await?;
                    if !packet.has_remaining() {
                        self.queue.pop_front();
                    }
                }
            }
        }
        Ok(())
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
            Socket::Tcp { reader, framer, .. } => loop {
                let frame = framer.next_frame().map_err(not_sip)?;
                match frame {
                    Some(Frame::Message(message)) => {
                        return Ok(Arrival::Message(Bytes::copy_from_slice(message)));
                    }
                    Some(Frame::Ping) => {
                        self.queue.push_back(Bytes::from_static(b"\r\n"));
                        return Ok(Arrival::Ping);
                    }
                    Some(Frame::Pong) => {}
                    None => {
                        if reader.read_buf(framer.room()).await? == 0 {
                            return Err(io::ErrorKind::UnexpectedEof.into());
                        }
                    }
                }
            },
        }
    }
}

fn not_sip(error: FrameError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
