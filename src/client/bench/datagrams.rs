//! The generator's UDP sockets: few, connected to the server, read and written in batches.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd as _;

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags};
use nix::sys::socket::{MsgFlags, MultiHeaders, recvmmsg, sendmmsg, setsockopt, sockopt};

use super::outbox::Outbox;
use super::tally::Traffic;

const BATCH: usize = 32;
/// Longer datagrams do not come: a server uses TCP beyond 1300 bytes.
const DATAGRAM: usize = 4 * 1024;
/// Asked for; the system may give less.
const QUEUE_BYTES: usize = 8 << 20;

pub(super) struct Datagrams {
    sockets: Vec<UdpSocket>,
    epoll: Epoll,
    events: Vec<EpollEvent>,
    received: MultiHeaders<()>,
    sent: MultiHeaders<()>,
    buffer: Box<[u8]>,
}

impl Datagrams {
    pub(super) fn open(server: SocketAddr, count: usize) -> io::Result<Datagrams> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        let mut sockets = Vec::new();
        for number in 0..count {
            let any: SocketAddr = match server {
                SocketAddr::V4(_) => ([0, 0, 0, 0], 0).into(),
                SocketAddr::V6(_) => ([0_u16; 8], 0).into(),
            };
            let socket = UdpSocket::bind(any)?;
            // Only root may exceed the system's bound; without, its bound is what there is.
            if setsockopt(&socket, sockopt::RcvBufForce, &QUEUE_BYTES).is_err() {
                setsockopt(&socket, sockopt::RcvBuf, &QUEUE_BYTES)?;
            }
            socket.connect(server)?;
            epoll.add(&socket, EpollEvent::new(EpollFlags::EPOLLIN, number as u64))?;
            sockets.push(socket);
        }
        Ok(Datagrams {
            events: vec![EpollEvent::empty(); sockets.len()],
            sockets,
            epoll,
            received: MultiHeaders::preallocate(BATCH, None),
            sent: MultiHeaders::preallocate(BATCH, None),
            buffer: vec![0; BATCH * DATAGRAM].into_boxed_slice(),
        })
    }

    pub(super) fn locals(&self) -> io::Result<Vec<SocketAddr>> {
        self.sockets.iter().map(UdpSocket::local_addr).collect()
    }

    /// Waits until something can be read; reads it.
    pub(super) fn receive(
        &mut self,
        millis: u8,
        traffic: &mut Traffic,
        mut take: impl FnMut(u32, &[u8]),
    ) -> io::Result<()> {
        let ready = match self.epoll.wait(&mut self.events, millis) {
            Err(Errno::EINTR) => 0,
            other => other?,
        };
        for event in self.events.iter().take(ready) {
            let number = event.data();
            let Some(socket) = self.sockets.get(number as usize) else { continue };
            let mut lengths = [0; BATCH];
            let mut chunks = self.buffer.chunks_exact_mut(DATAGRAM);
            let mut slices: [[IoSliceMut<'_>; 1]; BATCH] =
                std::array::from_fn(|_| [IoSliceMut::new(chunks.next().unwrap_or_default())]);
            let flags = MsgFlags::MSG_DONTWAIT;
            let fd = socket.as_raw_fd();
            let mut count = 0;
            match recvmmsg(fd, &mut self.received, slices.iter_mut(), flags, None) {
                Ok(messages) => {
                    for (message, length) in messages.zip(&mut lengths) {
                        *length = message.bytes;
                        count += 1;
                    }
                }
                Err(Errno::EAGAIN | Errno::EINTR | Errno::ECONNREFUSED) => continue,
                Err(error) => return Err(error.into()),
            }
            for (chunk, length) in self.buffer.chunks_exact(DATAGRAM).zip(lengths).take(count) {
                traffic.packets_received += 1;
                traffic.bytes_received += length as u64;
                take(number as u32, chunk.get(..length).unwrap_or_default());
            }
        }
        Ok(())
    }

    /// Sends everything.
    pub(super) fn flush(&mut self, outbox: &mut Outbox, traffic: &mut Traffic) -> io::Result<()> {
        outbox.sort();
        let mut items = outbox.items().peekable();
        while let Some(&(flow, _)) = items.peek() {
            let mut slices = [[IoSlice::new(&[])]; BATCH];
            let mut count = 0;
            while let Some(slice) = slices.get_mut(count)
                && let Some((_, bytes)) = items.next_if(|(other, _)| *other == flow)
            {
                *slice = [IoSlice::new(bytes)];
                count += 1;
                traffic.packets_sent += 1;
                traffic.bytes_sent += bytes.len() as u64;
            }
            let Some(socket) = self.sockets.get(flow as usize) else { continue };
            let mut done = 0;
            while done < count {
                let rest = slices.iter().skip(done).take(count - done);
                let none = [Some(()); BATCH];
                let to = none.get(..count - done).unwrap_or_default();
                let flags = MsgFlags::empty();
                match sendmmsg(socket.as_raw_fd(), &mut self.sent, rest, to, [], flags) {
                    Ok(results) => done += results.count().max(1),
                    Err(Errno::EINTR) => {}
                    // What an earlier datagram met; the timers send this one again.
                    Err(Errno::ECONNREFUSED | Errno::ENOBUFS | Errno::EAGAIN) => done += 1,
                    Err(error) => return Err(error.into()),
                }
            }
        }
        drop(items);
        outbox.clear();
        Ok(())
    }
}
