//! The generator's TCP connections.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags};

use super::outbox::Outbox;
use super::tally::Traffic;
use crate::sip::framer::{Frame, Framer};
use crate::sip::wire::Limits;

const ROOM: usize = 64 * 1024;

struct Connection {
    stream: TcpStream,
    framer: Framer,
    pending: Vec<u8>,
    open: bool,
}

impl Connection {
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
    pub(super) fn open(server: SocketAddr, count: usize) -> io::Result<Streams> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        let mut connections = Vec::new();
        for number in 0..count {
            let stream = TcpStream::connect(server)?;
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            let what = EpollFlags::EPOLLIN | EpollFlags::EPOLLOUT | EpollFlags::EPOLLET;
            epoll.add(&stream, EpollEvent::new(what, number as u64))?;
            let framer = Framer::new(&Limits::default());
            connections.push(Connection { stream, framer, pending: Vec::new(), open: true });
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
                connection.framer.push(self.buffer.get(..count).unwrap_or_default());
                loop {
                    match connection.framer.next_frame() {
                        Ok(Some(Frame::Message(bytes))) => take(number as u32, bytes),
                        Ok(Some(Frame::Ping)) => connection.pending.extend_from_slice(b"\r\n"),
                        Ok(Some(Frame::Pong)) => {}
                        Ok(None) => break,
                        Err(_) => {
                            connection.open = false;
                            break;
                        }
                    }
                }
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
            connection.pending.extend_from_slice(bytes);
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
