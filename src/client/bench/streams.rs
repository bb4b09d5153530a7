//! The generator's connections.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags};

use super::outbox::Outbox;
use super::tally::Traffic;
use crate::client::carrier::{Carrier, Piece, Way};

const ROOM: usize = 64 * 1024;

/// How long one step of a handshake may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Connects, and goes through every handshake; the socket blocks, with a timeout.
pub(super) fn dial(way: &Way, server: SocketAddr) -> io::Result<(TcpStream, Carrier)> {
    let mut stream = TcpStream::connect(server)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut pending = Vec::new();
    let mut carrier = Carrier::new(way, server, &mut pending)?;
    let mut buffer = [0; 4 * 1024];
    while !carrier.is_ready() {
        stream.write_all(&pending)?;
        pending.clear();
        let count = stream.read(&mut buffer)?;
        let more = carrier.take(buffer.get(..count).unwrap_or_default(), &mut pending, |_| {})?;
        if count == 0 || !more {
            return Err(ErrorKind::UnexpectedEof.into());
        }
    }
    stream.write_all(&pending)?;
    Ok((stream, carrier))
}

struct Connection {
    stream: TcpStream,
    carrier: Carrier,
    pending: Vec<u8>,
    open: bool,
}

impl Connection {
    fn open(way: &Way, server: SocketAddr) -> io::Result<Connection> {
        let (stream, carrier) = dial(way, server)?;
        stream.set_nonblocking(true)?;
        Ok(Connection { stream, carrier, pending: Vec::new(), open: true })
    }

    fn write(&mut self) {
        let mut done = 0;
        while self.open && done < self.pending.len() {
            match self.stream.write(self.pending.get(done..).unwrap_or_default()) {
                Ok(count) if count > 0 => done += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                _ => self.open = false,
            }
        }
        self.pending.drain(..done);
    }
}

pub(super) struct Streams {
    connections: Vec<Connection>,
    epoll: Epoll,
    events: Vec<EpollEvent>,
    buffer: Box<[u8]>,
    touched: Vec<u32>,
}

impl Streams {
    pub(super) fn open(way: &Way, server: SocketAddr, count: usize) -> io::Result<Streams> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        let mut connections = Vec::new();
        for number in 0..count {
            let connection = Connection::open(way, server)?;
            let what = EpollFlags::EPOLLIN | EpollFlags::EPOLLOUT | EpollFlags::EPOLLET;
            epoll.add(&connection.stream, EpollEvent::new(what, number as u64))?;
            connections.push(connection);
        }
        Ok(Streams {
            connections,
            epoll,
            events: vec![EpollEvent::empty(); 256],
            buffer: vec![0; ROOM].into_boxed_slice(),
            touched: Vec::new(),
        })
    }

    pub(super) fn locals(&self) -> io::Result<Vec<SocketAddr>> {
        self.connections.iter().map(|connection| connection.stream.local_addr()).collect()
    }

    pub(super) fn is_open(&self, flow: u32) -> bool {
        self.connections.get(flow as usize).is_some_and(|connection| connection.open)
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
            let Some(connection) = self.connections.get_mut(number as usize) else { continue };
            connection.write();
            while connection.open {
                let count = match connection.stream.read(&mut self.buffer) {
                    Ok(0) => {
                        connection.open = false;
                        break;
                    }
                    Ok(count) => count,
                    Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Err(_) => {
                        connection.open = false;
                        break;
                    }
                };
                traffic.bytes_received += count as u64;
                traffic.packets_received += 1;
                let Connection { carrier, pending, .. } = connection;
                let bytes = self.buffer.get(..count).unwrap_or_default();
                let more = carrier.take(bytes, pending, |piece| {
                    if let Piece::Message(bytes) = piece {
                        take(number as u32, bytes);
                    }
                });
                connection.open = more.unwrap_or(false);
                // A short read emptied the queue; the edge comes again with the next bytes.
                if count < ROOM {
                    break;
                }
            }
            if !connection.open {
                traffic.connections_lost += 1;
                // It may be closed already; nothing more is read from it either way.
                let _ = self.epoll.delete(&connection.stream);
            }
        }
        Ok(())
    }

    /// Sends everything, or keeps what the connection does not take yet.
    pub(super) fn flush(&mut self, outbox: &mut Outbox, traffic: &mut Traffic) {
        for (flow, bytes) in outbox.items() {
            let Some(connection) = self.connections.get_mut(flow as usize) else { continue };
            if connection.pending.is_empty() {
                self.touched.push(flow);
            }
            connection.carrier.seal(bytes, &mut connection.pending);
            traffic.bytes_sent += bytes.len() as u64;
        }
        for flow in self.touched.drain(..) {
            if let Some(connection) = self.connections.get_mut(flow as usize) {
                traffic.packets_sent += 1;
                connection.write();
            }
        }
        outbox.clear();
    }
}
