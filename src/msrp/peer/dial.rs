//! Connections: how one is opened to the first URI of a path (RFC 4975 s5.4, s14.2), and what one is.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, BufReader};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::endpoint::EndpointOptions;
use super::fingerprint::Fingerprint;
use super::tls::{self, Identity, TlsError, Trust};
use crate::msrp::uri::{Host, Uri};

/// How long a connection may take to open, TLS included.
const PATIENCE: Duration = Duration::from_secs(10);

/// The port of relays whose URI names none (RFC 4976 s8).
const RELAY_PORT: u16 = 2855;

/// What the kernel may hold of what it has not sent. More would stand before what is urgent.
#[cfg(target_os = "linux")]
const UNSENT_MOST: u32 = 128 * 1_024;

/// A peer that was silent for so long is asked by the kernel whether it is there.
const ALIVE: Duration = Duration::from_secs(120);

/// TLS records are read from here, many with one system call.
const RECORDS: usize = 64 * 1_024;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DialError {
    /// The host's name has no address.
    #[error("{0} has no address")]
    NoAddress(String),
    /// The URI names no port, and is no relay's (RFC 4975 s8.2).
    #[error("{0} names no port")]
    NoPort(String),
    /// A transport that is not spoken here.
    #[error("the transport {0} is not supported")]
    Transport(String),
    /// Nobody there.
    #[error("{to} cannot be reached: {error}")]
    Unreachable {
        /// Where to.
        to: String,
        /// Why not.
        error: io::Error,
    },
    /// Somebody answers who may be anybody.
    #[error("{to} does not prove to be who was asked for: {error}")]
    NotProved {
        /// Where to.
        to: String,
        /// What is wrong.
        error: rustls::Error,
    },
    /// No TLS on our side.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// Anything that bytes go over.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// An open connection.
pub(super) struct Wire {
    pub(super) stream: Box<dyn Stream>,
    pub(super) local: SocketAddr,
    pub(super) remote: SocketAddr,
    /// Whether nobody between the ends can read it, as far as we know.
    pub(super) secure: bool,
    /// The far end's own certificate, in DER.
    pub(super) certificate: Option<Vec<u8>>,
}

/// Where a connection goes, as far as it decides whether one can be shared.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Hop {
    host: Host,
    port: Option<u16>,
    secure: bool,
    websocket: bool,
    fingerprints: Vec<Fingerprint>,
}

impl Hop {
    pub(super) fn new(uri: &Uri, fingerprints: &[Fingerprint]) -> Result<Hop, DialError> {
        let websocket = match uri.transport() {
            transport if transport.eq_ignore_ascii_case("tcp") => false,
            transport if transport.eq_ignore_ascii_case("ws") && cfg!(feature = "msrp-ws") => true,
            other => return Err(DialError::Transport(other.to_owned())),
        };
        Ok(Hop {
            host: uri.host().clone(),
            port: uri.port(),
            secure: uri.is_secure(),
            websocket,
            fingerprints: fingerprints.to_vec(),
        })
    }

    /// Where it is; of relays also by their SRV records (RFC 4976 s8).
    async fn addresses(&self, servers: &[SocketAddr]) -> Result<Vec<SocketAddr>, DialError> {
        let name = match &self.host {
            Host::Address(ip) => {
                let port = self.port.unwrap_or(RELAY_PORT);
                return Ok(vec![SocketAddr::new(*ip, port)]);
            }
            Host::Name(name) => name,
        };
        let mut targets = Vec::new();
        match self.port {
            Some(port) => targets.push((name.to_string(), port)),
            None => {
                #[cfg(not(feature = "msrp-srv"))]
                let _ = servers;
                #[cfg(feature = "msrp-srv")]
                targets.extend(super::srv::relays(name, servers).await);
                if targets.is_empty() {
                    targets.push((name.to_string(), RELAY_PORT));
                }
            }
        }
        let mut addresses = Vec::new();
        for (host, port) in targets {
            if let Ok(found) = tokio::net::lookup_host((host.as_str(), port)).await {
                addresses.extend(found);
            }
        }
        if addresses.is_empty() {
            return Err(DialError::NoAddress(name.to_string()));
        }
        Ok(addresses)
    }

    /// Opens a connection.
    pub(super) async fn dial(&self, options: &EndpointOptions) -> Result<Wire, DialError> {
        let opened = tokio::time::timeout(PATIENCE, self.open(options)).await;
        opened.unwrap_or_else(|_| Err(self.unreachable(io::ErrorKind::TimedOut.into())))
    }

    async fn open(&self, options: &EndpointOptions) -> Result<Wire, DialError> {
        let mut last = io::ErrorKind::NotFound.into();
        let (trust, identity) = (&options.trust, options.identity.as_ref());
        for address in self.addresses(&options.nameservers).await? {
            match TcpStream::connect(address).await {
                Ok(socket) => {
                    let wire = self.secure(socket, trust, identity).await?;
                    return self.upgrade(wire, &options.websocket_path).await;
                }
                Err(error) => last = error,
            }
        }
        Err(self.unreachable(last))
    }

    async fn secure(
        &self,
        socket: TcpStream,
        trust: &Trust,
        identity: Option<&Identity>,
    ) -> Result<Wire, DialError> {
        let (local, remote) = prepare(&socket).map_err(|error| self.unreachable(error))?;
        if !self.secure {
            return Ok(Wire {
                stream: Box::new(socket),
                local,
                remote,
                secure: false,
                certificate: None,
            });
        }
        let announced = Trust::Fingerprints(self.fingerprints.clone());
        let trust = if self.fingerprints.is_empty() { trust } else { &announced };
        let connector = tls::connector(trust, identity)?;
        let name = rustls::pki_types::ServerName::try_from(match &self.host {
            Host::Address(ip) => ip.to_string(),
            Host::Name(name) => name.to_string(),
        })
        .map_err(|_| DialError::NoAddress(self.host.to_string()))?;
        let records = BufReader::with_capacity(RECORDS, socket);
        let stream = connector.connect(name, records).await.map_err(|error| self.refused(error))?;
        let shown = stream.get_ref().1.peer_certificates();
        let certificate = shown.and_then(|chain| chain.first()).map(|own| own.to_vec());
        Ok(Wire { stream: Box::new(stream), local, remote, secure: true, certificate })
    }

    #[cfg(feature = "msrp-ws")]
    async fn upgrade(&self, mut wire: Wire, path: &str) -> Result<Wire, DialError> {
        if self.websocket {
            let host = self
                .port
                .map_or_else(|| self.host.to_string(), |port| format!("{}:{port}", self.host));
            wire.stream = super::websocket::open(wire.stream, &host, path)
                .await
                .map_err(|error| self.unreachable(error))?;
        }
        Ok(wire)
    }

    #[cfg(not(feature = "msrp-ws"))]
    async fn upgrade(&self, wire: Wire, _path: &str) -> Result<Wire, DialError> {
        Ok(wire)
    }

    fn to(&self) -> String {
        self.port.map_or_else(|| self.host.to_string(), |port| format!("{}:{port}", self.host))
    }

    fn unreachable(&self, error: io::Error) -> DialError {
        DialError::Unreachable { to: self.to(), error }
    }

    fn refused(&self, error: io::Error) -> DialError {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(tls @ rustls::Error::InvalidCertificate(_)) => {
                DialError::NotProved { to: self.to(), error: tls.clone() }
            }
            _ => self.unreachable(error),
        }
    }
}

/// Sets a socket up, and tells its two ends.
fn prepare(socket: &TcpStream) -> io::Result<(SocketAddr, SocketAddr)> {
    socket.set_nodelay(true)?;
    // Who only receives would never notice that its peer has vanished.
    let keepalive = socket2::TcpKeepalive::new().with_time(ALIVE).with_interval(ALIVE / 4);
    let own = socket2::SockRef::from(socket);
    own.set_tcp_keepalive(&keepalive)?;
    #[cfg(target_os = "linux")]
    own.set_tcp_notsent_lowat(UNSENT_MOST)?;
    Ok((socket.local_addr()?, socket.peer_addr()?))
}

/// Takes a connection of somebody who came.
pub(super) async fn accept(socket: TcpStream, tls: Option<&TlsAcceptor>) -> io::Result<Wire> {
    let (local, remote) = prepare(&socket)?;
    let Some(acceptor) = tls else {
        return Ok(Wire {
            stream: Box::new(socket),
            local,
            remote,
            secure: false,
            certificate: None,
        });
    };
    let records = BufReader::with_capacity(RECORDS, socket);
    let accepted = tokio::time::timeout(PATIENCE, acceptor.accept(records)).await;
    let stream = accepted.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    let shown = stream.get_ref().1.peer_certificates();
    let certificate = shown.and_then(|chain| chain.first()).map(|own| own.to_vec());
    Ok(Wire { stream: Box::new(stream), local, remote, secure: true, certificate })
}
