//! Listeners: addresses as the configuration writes them, and the sockets behind them.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, TcpListener, UdpSocket};
use std::str::FromStr;

use socket2::{Domain, Protocol, Socket, Type};
use thiserror::Error;

use crate::sip::Transport;

/// Asked for each datagram socket; the kernel gives what `net.core.rmem_max` allows.
const SOCKET_BUFFER: usize = 4 * 1024 * 1024;

/// Connections that the kernel keeps for us until we accept them.
const BACKLOG: i32 = 1_024;

/// Descriptors that connections may not use up.
const RESERVED_FILES: usize = 32;

/// A listener's address, written `udp://[::]:5060`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    /// The transport.
    pub transport: Transport,
    /// Where to listen; port 0 lets the kernel choose.
    pub socket: SocketAddr,
}

impl FromStr for Address {
    type Err = ListenError;

    fn from_str(text: &str) -> Result<Address, ListenError> {
        let bad = || ListenError::Address(text.chars().take(200).collect());
        let (scheme, rest) = text.split_once("://").ok_or_else(bad)?;
        let transport = match scheme {
            "udp" => Transport::Udp,
            "tcp" => Transport::Tcp,
            "tls" => Transport::Tls,
            _ => return Err(bad()),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let socket = match rest.strip_prefix("localhost:") {
            Some(port) => SocketAddr::from((Ipv4Addr::LOCALHOST, port.parse().map_err(|_| bad())?)),
            None => rest.parse().map_err(|_| bad())?,
        };
        Ok(Address { transport, socket })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.transport, self.socket)
    }
}

/// Why no listener could be had.
#[derive(Debug, Error)]
pub enum ListenError {
    /// The configured text is no address.
    #[error("`{0}` is not a listener address; write it like udp://[::]:5060")]
    Address(String),
    /// Somebody else has the port.
    #[error("{0} is in use by another program")]
    InUse(Address),
    /// The operating system refused.
    #[error("cannot listen on {0}: {1}")]
    Bind(Address, #[source] io::Error),
}

/// Sockets that are bound and listen, one of each per worker, before anybody reads them.
#[derive(Debug, Default)]
pub struct Bound {
    /// What is listened on, with the ports that were chosen, in the order of the configuration.
    pub(super) addresses: Vec<Address>,
    pub(super) workers: Vec<WorkerSockets>,
}

/// The sockets of one worker.
#[derive(Debug, Default)]
pub(super) struct WorkerSockets {
    pub(super) udp: Vec<(SocketAddr, UdpSocket)>,
    pub(super) streams: Vec<(Address, TcpListener)>,
}

impl Bound {
    /// The addresses that are listened on, with the ports that were chosen.
    #[must_use]
    pub fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    /// Without certificates nobody can be served over TLS.
    pub(super) fn without_tls(mut self) -> Bound {
        let is_tls = |address: &Address| address.transport == Transport::Tls;
        for address in self.addresses.extract_if(.., |address| is_tls(address)) {
            tracing::warn!(listener = %address, "there are no certificates, not listening");
        }
        for worker in &mut self.workers {
            worker.streams.retain(|(address, _)| !is_tls(address));
        }
        self
    }

    /// How many workers were prepared.
    #[must_use]
    pub fn workers(&self) -> usize {
        self.workers.len()
    }
}

/// Binds every address for `workers` workers (at least one).
///
/// Where the same host is given for UDP and TCP with port 0, both get one port if it is free: RFC
/// 3261 s18.2.1 wants a server to listen for TCP wherever it listens for UDP.
///
/// # Errors
/// [`ListenError`] names the first address that could not be bound; nothing stays bound then.
pub fn bind(addresses: &[Address], workers: usize) -> Result<Bound, ListenError> {
    let workers = workers.max(1);
    let mut bound = Bound::default();
    bound.workers.resize_with(workers, WorkerSockets::default);
    for &address in addresses {
        let chosen = bind_one(&mut bound, address)?;
        bound.addresses.push(Address { socket: chosen, ..address });
    }
    Ok(bound)
}

fn bind_one(bound: &mut Bound, address: Address) -> Result<SocketAddr, ListenError> {
    let sibling = bound
        .addresses
        .iter()
        .find(|other| {
            address.socket.port() == 0
                && is_plain(other)
                && is_plain(&address)
                && other.transport != address.transport
                && other.socket.ip() == address.socket.ip()
        })
        .map(|other| Address { socket: other.socket, ..address });
    if let Some(same_port) = sibling
        && let Ok(chosen) = bind_for_workers(&mut bound.workers, same_port)
    {
        return Ok(chosen);
    }
    match bind_for_workers(&mut bound.workers, address) {
        Err(ListenError::Bind(_, error))
            if error.raw_os_error() == Some(nix::libc::EAFNOSUPPORT)
                && address.socket.ip() == IpAddr::V6(Ipv6Addr::UNSPECIFIED) =>
        {
            tracing::warn!(listener = %address, "this machine has no IPv6, listening on IPv4 only");
            let v4 = SocketAddr::from((Ipv4Addr::UNSPECIFIED, address.socket.port()));
            bind_for_workers(&mut bound.workers, Address { socket: v4, ..address })
        }
        result => result,
    }
}

fn is_plain(address: &Address) -> bool {
    matches!(address.transport, Transport::Udp | Transport::Tcp)
}

/// Several workers share a port by `SO_REUSEPORT`, which would also let a second server of the
/// same user in unseen. So a socket without it is bound first, to learn whether the port is free.
fn bind_for_workers(
    workers: &mut [WorkerSockets],
    address: Address,
) -> Result<SocketAddr, ListenError> {
    let explain = |error: io::Error| match error.kind() {
        io::ErrorKind::AddrInUse => ListenError::InUse(address),
        _ => ListenError::Bind(address, error),
    };
    let first = open(address.transport, address.socket, false).map_err(explain)?;
    let chosen = local_address(&first).map_err(explain)?;
    if let [only] = workers {
        only.push(address.transport, chosen, first);
        return Ok(chosen);
    }
    drop(first);
    let mut sockets = Vec::with_capacity(workers.len());
    for _ in 0..workers.len() {
        sockets.push(open(address.transport, chosen, true).map_err(explain)?);
    }
    for (worker, socket) in workers.iter_mut().zip(sockets) {
        worker.push(address.transport, chosen, socket);
    }
    Ok(chosen)
}

fn open(transport: Transport, at: SocketAddr, shared: bool) -> io::Result<Socket> {
    let domain = Domain::for_address(at);
    let socket = if transport == Transport::Udp {
        let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
        // Less than asked for is no error: the kernel caps silently.
        socket.set_recv_buffer_size(SOCKET_BUFFER)?;
        socket.set_send_buffer_size(SOCKET_BUFFER)?;
        socket
    } else {
        let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        socket
    };
    if at.is_ipv6() {
        socket.set_only_v6(at.ip() != IpAddr::V6(Ipv6Addr::UNSPECIFIED))?;
    }
    socket.set_nonblocking(true)?;
    socket.set_reuse_port(shared)?;
    if transport == Transport::Udp {
        super::udp::ask_for_destination(&socket, at)?;
    }
    socket.bind(&at.into())?;
    if transport != Transport::Udp {
        socket.listen(BACKLOG)?;
    }
    Ok(socket)
}

fn local_address(socket: &Socket) -> io::Result<SocketAddr> {
    socket.local_addr()?.as_socket().ok_or_else(|| io::ErrorKind::Unsupported.into())
}

impl WorkerSockets {
    fn push(&mut self, transport: Transport, at: SocketAddr, socket: Socket) {
        if transport == Transport::Udp {
            self.udp.push((at, socket.into()));
        } else {
            self.streams.push((Address { transport, socket: at }, socket.into()));
        }
    }
}

/// An IPv4 peer of a dual-stack socket appears as `::ffff:a.b.c.d`; everywhere else it is plain.
#[must_use]
pub(super) fn plain(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V6(v6) => match v6.ip().to_ipv4_mapped() {
            Some(v4) => SocketAddr::from((v4, v6.port())),
            None => SocketAddrV6::new(*v6.ip(), v6.port(), 0, v6.scope_id()).into(),
        },
        v4 @ SocketAddr::V4(_) => v4,
    }
}

/// The address as a socket of the given family wants it; `None` if it cannot reach it.
#[must_use]
pub(super) fn for_family(address: SocketAddr, v6: bool) -> Option<SocketAddr> {
    match (address, v6) {
        (SocketAddr::V4(v4), true) => Some(SocketAddr::from((v4.ip().to_ipv6_mapped(), v4.port()))),
        (SocketAddr::V6(_), false) => None,
        (same, _) => Some(same),
    }
}

/// "Any of ours", in the family of the far end.
#[must_use]
pub(super) fn unspecified(v6: bool) -> SocketAddr {
    if v6 {
        SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0))
    } else {
        SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0))
    }
}

/// Raises the soft limit of open files to the hard one, and returns how many connections that
/// leaves when what is open now stays and the store, logs and LDAP keep a reserve.
#[must_use]
pub(super) fn connections_allowed_by_kernel() -> usize {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return usize::MAX };
    let limit = match setrlimit(Resource::RLIMIT_NOFILE, hard, hard) {
        Ok(()) => hard,
        Err(_) => soft,
    };
    let open = std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
    usize::try_from(limit).unwrap_or(usize::MAX).saturating_sub(open + RESERVED_FILES)
}
