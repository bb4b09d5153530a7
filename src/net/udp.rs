//! Datagrams, many per system call.
//!
//! Measured on two cores that other work shared, 700-byte datagrams echoed over loopback, 64 under
//! way: 4.9 to 6.7 us of CPU for each received and sent, wildcard sockets 0.3 us more; a plain
//! `recv_from` and `send_to` loop without a runtime took 6.0 to 6.9 us beside it. All but 0.3 us
//! is the kernel's, so what counts is how seldom it is asked and how seldom a thread is woken.
//!
//! A socket bound to the unspecified address asks for each datagram's destination (`IP_PKTINFO`),
//! so that [`Flow::local`] is the address the peer wrote to and answers leave from it: peers with
//! a connected socket or behind a NAT accept nothing else (RFC 3581 s4).

use std::cell::Cell;
use std::io::{self, IoSlice, IoSliceMut};
use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6, UdpSocket};
use std::os::fd::AsRawFd;

use nix::cmsg_space;
use nix::libc::{in_addr, in_pktinfo, in6_addr, in6_pktinfo};
use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg,
    sendmmsg, setsockopt, sockopt,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::listen::{for_family, plain};
use crate::sip::{ConnectionId, Flow, Transport};

/// Datagrams per system call. More saves nothing measurable and delays the first answer.
pub(super) const BATCH: usize = 32;

/// The largest datagram there is (RFC 3261 s18.1.1 wants all of them handled).
const DATAGRAM: usize = 64 * 1024;

/// Asks for the destination address of each datagram where the socket's own does not tell it.
pub(super) fn ask_for_destination(socket: &socket2::Socket, at: SocketAddr) -> io::Result<()> {
    match at.ip() {
        IpAddr::V4(v4) if v4.is_unspecified() => {
            setsockopt(socket, sockopt::Ipv4PacketInfo, &true)?;
        }
        IpAddr::V6(v6) if v6.is_unspecified() => {
            setsockopt(socket, sockopt::Ipv6RecvPacketInfo, &true)?;
        }
        _ => {}
    }
    Ok(())
}

/// One bound datagram socket. Read by one task of its worker, written by any thread.
#[derive(Debug)]
pub(super) struct UdpPort {
    socket: UdpSocket,
    bound: SocketAddr,
}

impl UdpPort {
    pub(super) fn new(bound: SocketAddr, socket: UdpSocket) -> UdpPort {
        UdpPort { socket, bound }
    }

    /// A second descriptor of the socket, for the runtime that is entered to watch: for what can be
    /// read alone, because every datagram that leaves would else wake the runtime again.
    #[expect(
        deprecated,
        reason = "unsound only for types that give their descriptor away; the successor is unsafe \
                  for all, and a socket of the standard library keeps its descriptor"
    )]
    pub(super) fn watch(&self) -> io::Result<AsyncFd<UdpSocket>> {
        AsyncFd::with_interest(self.socket.try_clone()?, Interest::READABLE)
    }

    fn is_wildcard(&self) -> bool {
        self.bound.ip().is_unspecified()
    }

    /// Whether a flow with this local end leaves here, towards `remote`.
    pub(super) fn serves(&self, local: SocketAddr, remote: SocketAddr) -> bool {
        let reaches = match (self.bound.ip(), remote) {
            (IpAddr::V4(_), SocketAddr::V4(_)) => true,
            (IpAddr::V6(ip), SocketAddr::V4(_)) => ip == Ipv6Addr::UNSPECIFIED,
            (IpAddr::V6(_), SocketAddr::V6(_)) => true,
            (IpAddr::V4(_), SocketAddr::V6(_)) => false,
        };
        let any_port = local.port() == 0 || local.port() == self.bound.port();
        let any_address =
            local.ip().is_unspecified() || self.is_wildcard() || local.ip() == self.bound.ip();
        reaches && any_port && any_address
    }

    /// The source address that the kernel must be told for a flow with this local end.
    pub(super) fn source_for(&self, local: SocketAddr) -> Option<IpAddr> {
        (self.is_wildcard() && !local.ip().is_unspecified()).then_some(local.ip())
    }
}

/// A batch of received datagrams, its memory reused.
pub(super) struct Batch {
    // Not shared between sockets: the kernel narrows the headers to the socket's address size.
    headers: MultiHeaders<SockaddrStorage>,
    buffer: Box<[u8]>,
    ends: [(usize, SocketAddr, SocketAddr); BATCH],
    wildcard: bool,
}

impl Batch {
    pub(super) fn new(port: &UdpPort) -> Batch {
        let control = port.is_wildcard().then(|| match port.bound {
            SocketAddr::V4(_) => cmsg_space!(in_pktinfo),
            SocketAddr::V6(_) => cmsg_space!(in6_pktinfo),
        });
        Batch {
            headers: MultiHeaders::preallocate(BATCH, control),
            buffer: vec![0; BATCH * DATAGRAM].into_boxed_slice(),
            ends: [(0, port.bound, port.bound); BATCH],
            wildcard: port.is_wildcard(),
        }
    }

    /// Reads what is there, at most [`BATCH`] datagrams. Never waits.
    pub(super) fn receive(&mut self, port: &UdpPort) -> io::Result<usize> {
        let mut chunks = self.buffer.chunks_exact_mut(DATAGRAM);
        let mut slices: [[IoSliceMut<'_>; 1]; BATCH] =
            std::array::from_fn(|_| [IoSliceMut::new(chunks.next().unwrap_or_default())]);
        let results = recvmmsg(
            port.socket.as_raw_fd(),
            &mut self.headers,
            slices.iter_mut(),
            MsgFlags::MSG_DONTWAIT,
            None,
        )?;
        let mut count = 0;
        for (message, end) in results.zip(self.ends.iter_mut()) {
            count += 1;
            let remote = message.address.as_ref().and_then(to_std).unwrap_or(port.bound);
            let mut local = port.bound;
            if self.wildcard
                && let Ok(controls) = message.cmsgs()
            {
                for control in controls {
                    match control {
                        ControlMessageOwned::Ipv4PacketInfo(info) => {
                            local.set_ip(IpAddr::from(info.ipi_addr.s_addr.to_ne_bytes()));
                        }
                        ControlMessageOwned::Ipv6PacketInfo(info) => {
                            local.set_ip(IpAddr::from(info.ipi6_addr.s6_addr));
                        }
                        _ => {}
                    }
                }
            }
            *end = (message.bytes, plain(remote), plain(local));
        }
        Ok(count)
    }

    /// The datagram `index` of the batch last received.
    pub(super) fn get(&self, index: usize) -> Option<(Flow, &[u8])> {
        let &(length, remote, local) = self.ends.get(index)?;
        let start = index * DATAGRAM;
        let bytes = self.buffer.get(start..start + length)?;
        let flow =
            Flow { transport: Transport::Udp, local, remote, connection: ConnectionId::NONE };
        Some((flow, bytes))
    }
}

fn to_std(address: &SockaddrStorage) -> Option<SocketAddr> {
    if let Some(v4) = address.as_sockaddr_in() {
        return Some(SocketAddrV4::from(*v4).into());
    }
    address.as_sockaddr_in6().map(|v6| SocketAddrV6::from(*v6).into())
}

/// Headers for sending, reused.
pub(super) struct Sender {
    plain: MultiHeaders<SockaddrStorage>,
    pinned_v4: MultiHeaders<SockaddrStorage>,
    pinned_v6: MultiHeaders<SockaddrStorage>,
    addresses: Vec<Option<SockaddrStorage>>,
}

thread_local! {
    /// Headers that no outbox of this thread uses: too big to be made for one packet.
    static SPARE: Cell<Option<Sender>> = const { Cell::new(None) };
}

impl Sender {
    /// The one that this thread kept, or a new one.
    pub(super) fn spare() -> Sender {
        SPARE.try_with(Cell::take).ok().flatten().unwrap_or_else(Sender::new)
    }

    /// Leaves it to the next outbox of this thread.
    pub(super) fn keep(self) {
        // A thread that ends needs none.
        let _ = SPARE.try_with(|spare| spare.set(Some(self)));
    }

    fn new() -> Sender {
        Sender {
            plain: MultiHeaders::preallocate(BATCH, None),
            pinned_v4: MultiHeaders::preallocate(BATCH, Some(cmsg_space!(in_pktinfo))),
            pinned_v6: MultiHeaders::preallocate(BATCH, Some(cmsg_space!(in6_pktinfo))),
            addresses: Vec::with_capacity(BATCH),
        }
    }

    /// Sends up to [`BATCH`] datagrams from one socket and source address; returns how many the
    /// kernel took. An error concerns the first of them.
    pub(super) fn send<'a>(
        &mut self,
        port: &UdpPort,
        source: Option<IpAddr>,
        datagrams: impl Iterator<Item = (SocketAddr, &'a [u8])>,
    ) -> io::Result<usize> {
        self.addresses.clear();
        let v6 = port.bound.is_ipv6();
        let mut slices: [[IoSlice<'_>; 1]; BATCH] = [[IoSlice::new(&[])]; BATCH];
        for ((remote, bytes), slice) in datagrams.zip(slices.iter_mut()) {
            let remote = for_family(remote, v6).ok_or(io::ErrorKind::Unsupported)?;
            self.addresses.push(Some(SockaddrStorage::from(remote)));
            *slice = [IoSlice::new(bytes)];
        }
        let slices = slices.iter().take(self.addresses.len());
        let flags = MsgFlags::MSG_DONTWAIT;
        let (fd, to) = (port.socket.as_raw_fd(), &self.addresses);
        let sent = match (source, v6) {
            (None, _) => sendmmsg(fd, &mut self.plain, slices, to, [], flags)?.count(),
            (Some(IpAddr::V4(ip)), false) => {
                let address = in_addr { s_addr: u32::from_ne_bytes(ip.octets()) };
                let info = in_pktinfo { ipi_ifindex: 0, ipi_spec_dst: address, ipi_addr: address };
                let control = [ControlMessage::Ipv4PacketInfo(&info)];
                sendmmsg(fd, &mut self.pinned_v4, slices, to, control, flags)?.count()
            }
            (Some(ip), _) => {
                let ip = match ip {
                    IpAddr::V4(v4) => v4.to_ipv6_mapped(),
                    IpAddr::V6(v6) => v6,
                };
                let info =
                    in6_pktinfo { ipi6_addr: in6_addr { s6_addr: ip.octets() }, ipi6_ifindex: 0 };
                let control = [ControlMessage::Ipv6PacketInfo(&info)];
                sendmmsg(fd, &mut self.pinned_v6, slices, to, control, flags)?.count()
            }
        };
        Ok(sent)
    }
}
