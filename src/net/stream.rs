//! Streams: accepting, dialling, and the task that serves each connection.

use std::io;
use std::net::{Shutdown, TcpListener};
use std::os::fd::AsRawFd;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::Interest;
use tokio::net::TcpStream;

use super::connection::{Connection, Origin, Pending, State};
use super::egress::Upgraded;
use super::inbound::{Fate, Inbound};
use super::listen::{Address, plain};
use super::outbox::Failure;
use super::worker::Worker;
use super::{Ingress, Limits};
use crate::channel::Opened;
use crate::clock::Tick;
use crate::sip::Transport;

/// How long the accept loop rests after an error that will not pass by itself.
const ACCEPT_REST: Duration = Duration::from_millis(250);

/// One line in the log for all refusals and errors of this long.
const LOG_EVERY: Duration = Duration::from_secs(10);

/// Buffers read from one connection before others get their turn.
const READS: usize = 4;

/// How long a peer has to close after we said that we do, and how much it may still send.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: usize = 1024 * 1024;

/// Accepts for one worker, until the server stops.
pub(super) async fn accept<I: Ingress>(worker: Rc<Worker<I>>, at: Address, listener: TcpListener) {
    let listener = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => {
            tracing::error!(%error, listener = %at, "a listener cannot be watched");
            return;
        }
    };
    let egress = Arc::clone(&worker.egress);
    let mut last_line = None;
    loop {
        let trouble = match listener.accept().await {
            Ok((stream, remote)) => {
                let local = plain(stream.local_addr().unwrap_or(at.socket));
                prepare(&stream);
                let accepted = egress.channel_for(at.transport).and_then(|channel| {
                    egress.admit(Origin {
                        transport: at.transport,
                        remote: plain(remote),
                        accepted: Some((stream, local)),
                        domain: None,
                        channel,
                        place: None,
                    })
                });
                if let Some(connection) = accepted {
                    tokio::task::spawn_local(serve(Rc::clone(&worker), connection));
                    continue;
                }
                "connections are refused: a limit is reached".to_owned()
            }
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::ConnectionAborted
                        | io::ErrorKind::ConnectionReset
                        | io::ErrorKind::Interrupted
                ) =>
            {
                continue;
            }
            Err(error) => {
                egress.count(|c| &c.accept_errors);
                // No descriptor is free: trying again at once would only burn the processor.
                tokio::time::sleep(ACCEPT_REST).await;
                format!("no connection can be accepted: {error}")
            }
        };
        let now = egress.clock.now();
        if last_line.is_none_or(|last: Tick| now.since(last) >= LOG_EVERY) {
            last_line = Some(now);
            tracing::warn!(listener = %at, "{trouble}");
        }
    }
}

/// Small messages leave at once, and a peer that vanished is noticed.
fn prepare(stream: &TcpStream) {
    let socket = socket2::SockRef::from(stream);
    let keepalive = socket2::TcpKeepalive::new()
        .with_time(Duration::from_secs(120))
        .with_interval(Duration::from_secs(30))
        .with_retries(4);
    for result in [socket.set_tcp_nodelay(true), socket.set_tcp_keepalive(&keepalive)] {
        if let Err(error) = result {
            tracing::debug!(%error, "a socket option was refused");
        }
    }
}

/// Serves a connection whose WebSocket handshake another part of the server has done.
pub(super) async fn serve_upgraded<I: Ingress>(worker: Rc<Worker<I>>, upgraded: Upgraded) {
    let egress = &worker.egress;
    let Upgraded { socket, tls, read_ahead, place } = upgraded;
    let transport = if tls.is_some() { Transport::Wss } else { Transport::Ws };
    // Away from the reactor of the web listener, to that of this thread.
    let moved = socket.into_std().and_then(TcpStream::from_std).and_then(|stream| {
        let (local, remote) = (plain(stream.local_addr()?), plain(stream.peer_addr()?));
        Ok((stream, local, remote))
    });
    let Ok((stream, local, remote)) = moved else { return };
    prepare(&stream);
    let accepted = egress.admit(Origin {
        transport,
        remote,
        accepted: Some((stream, local)),
        domain: None,
        channel: Some(egress.websocket_channel(tls)),
        place,
    });
    if let Some(connection) = accepted {
        serve_from(worker, connection, read_ahead).await;
    }
}

/// Establishes a connection that somebody wants to send on, and serves it.
pub(super) async fn dial<I: Ingress>(worker: Rc<Worker<I>>, connection: Arc<Connection>) {
    let egress = Arc::clone(&worker.egress);
    let outcome = tokio::select! {
        outcome = TcpStream::connect(connection.remote) => outcome,
        () = tokio::time::sleep(egress.limits.connect_timeout) => {
            Err(io::ErrorKind::TimedOut.into())
        }
        () = aborted(&connection) => Err(io::ErrorKind::ConnectionAborted.into()),
    };
    egress.connections.dial_ended();
    match outcome {
        Ok(stream) => {
            prepare(&stream);
            let local = stream.local_addr().map_or_else(|_| connection.flow().local, plain);
            connection.establish(&egress, stream, local);
            serve(worker, connection).await;
        }
        Err(error) => {
            tracing::debug!(remote = %connection.remote, %error, "a connection was not established");
            let unsent = egress.connections.retire(&connection, Failure::ConnectFailed);
            worker.report(unsent);
        }
    }
}

/// Waits until somebody gives the connection up.
async fn aborted(connection: &Connection) {
    while connection.pending().state != State::Closed {
        connection.wake.notified().await;
    }
}

/// Serves a connection until it ends.
pub(super) async fn serve<I: Ingress>(worker: Rc<Worker<I>>, connection: Arc<Connection>) {
    serve_from(worker, connection, Bytes::new()).await;
}

async fn serve_from<I: Ingress>(
    worker: Rc<Worker<I>>,
    connection: Arc<Connection>,
    read_ahead: Bytes,
) {
    talk(&worker, &connection, read_ahead).await;
    let why = connection.failure().unwrap_or(Failure::ConnectionClosed);
    let unsent = worker.egress.connections.retire(&connection, why);
    worker.engage(|ingress, _, outbox| ingress.connection_closed(outbox, connection.id));
    worker.report(unsent);
}

async fn talk<I: Ingress>(worker: &Worker<I>, connection: &Connection, read_ahead: Bytes) {
    let egress = &worker.egress;
    let limits = &egress.limits;
    let Some(stream) = connection.stream() else { return };
    let mut inbound = Inbound::new(egress.clock.now(), &limits.message);
    let mut written = 0;
    let mut alarm = pin!(tokio::time::sleep(Duration::ZERO));
    let mut armed = Tick::NEVER;
    if connection.transport.keeps_boundaries() {
        let fate = open(worker, connection, &mut inbound, |opened| {
            connection.open_ahead(egress, &read_ahead, opened);
        });
        worker.settle();
        if fate != Fate::Open {
            connection.close_after_flush(egress);
        }
    }
    // It holds the whole buffer of the web listener, also when there is nothing in it.
    drop(read_ahead);
    loop {
        let now = egress.clock.now();
        let pending = connection.pending();
        if pending.state == State::Closed {
            return;
        }
        if pending.state == State::Closing && pending.waiting == 0 {
            // Boxed: its buffer would else be part of every connection's task.
            return Box::pin(linger(stream)).await;
        }
        if pending.written != written {
            written = pending.written;
            inbound.last_traffic = now;
        }
        let deadline = deadline(connection, &inbound, &pending, limits);
        if deadline <= now {
            egress.count(|c| &c.timed_out);
            if pending.waiting > 0 {
                connection.abort();
            } else {
                connection.close_after_flush(egress);
            }
            return;
        }
        let mut deadline = deadline;
        if let Some(due) = inbound.ping_due(connection, limits.ping_after) {
            if due <= now {
                inbound.pinged = Some(now);
                connection.ping(egress);
                continue;
            }
            deadline = deadline.min(due);
        }
        // Deadlines mostly move away: the alarm is set anew only for an earlier one.
        if deadline < armed {
            armed = deadline;
            alarm.set(tokio::time::sleep(deadline.since(now)));
        }
        // Who does not read our answers is not asked for more.
        let reading = pending.state == State::Open
            && pending.waiting <= limits.connection_write_queue_bytes / 2;
        let interest = match (reading, pending.waiting > 0) {
            (true, true) => Interest::READABLE | Interest::WRITABLE,
            (true, false) => Interest::READABLE,
            (false, _) => Interest::WRITABLE,
        };
        let ready = tokio::select! {
            ready = stream.ready(interest) => ready,
            () = connection.wake.notified() => continue,
            // An alarm that went off would go off again at once, until it is set anew.
            () = alarm.as_mut(), if armed != Tick::NEVER => {
                armed = Tick::NEVER;
                continue;
            }
        };
        let Ok(ready) = ready else { return };
        if pending.waiting > 0 && ready.is_writable() && connection.drain(egress).is_err() {
            return;
        }
        if reading && ready.is_readable() {
            match receive(worker, connection, stream, &mut inbound) {
                Fate::Open => {}
                Fate::CloseAfterFlush => connection.close_after_flush(egress),
                Fate::Ended => return,
            }
        }
    }
}

/// The earliest moment at which the peer has taken too long.
fn deadline(
    connection: &Connection,
    inbound: &Inbound,
    pending: &Pending,
    limits: &Limits,
) -> Tick {
    let mut deadline = Tick::NEVER;
    if pending.handshaking {
        deadline = deadline.min(inbound.began + limits.tls_handshake);
    }
    if let Some(pinged) = inbound.pinged {
        deadline = deadline.min(pinged + limits.pong_timeout);
    }
    if let Some(since) = inbound.partial_since {
        deadline = deadline.min(since + limits.first_byte_to_message);
    }
    if pending.waiting > 0 {
        deadline = deadline.min(pending.stalled_since + limits.write_stall);
    }
    if !connection.is_authenticated() {
        deadline = deadline.min(if connection.dialled {
            inbound.last_traffic + limits.idle_dialled
        } else {
            inbound.last_message + limits.idle_unauthenticated
        });
    }
    deadline
}

/// Says that we are done, and waits a moment for the peer to be: closing over unread bytes would
/// reset the connection and take our last answer with it.
async fn linger(stream: &TcpStream) {
    let _ = socket2::SockRef::from(stream).shutdown(Shutdown::Write);
    let rest = async {
        let mut sink = [0; 4 * 1024];
        let mut left = LINGER_BYTES;
        while left > 0 && stream.readable().await.is_ok() {
            match stream.try_read(&mut sink) {
                Ok(0) => return,
                Ok(count) => left = left.saturating_sub(count),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return,
            }
        }
    };
    let _ = tokio::time::timeout(LINGER, rest).await;
}

/// Hands over what is left when TLS and WebSocket are taken off.
fn open<I: Ingress>(
    worker: &Worker<I>,
    connection: &Connection,
    inbound: &mut Inbound,
    work: impl FnOnce(&mut Opened),
) -> Fate {
    let mut opened = worker.opened.borrow_mut();
    work(&mut opened);
    let mut fate = if connection.transport.keeps_boundaries() {
        inbound.take_arrivals(worker, connection, &opened.arrivals)
    } else {
        inbound.take(worker, connection, &opened.bytes)
    };
    if opened.ended && fate == Fate::Open {
        fate = Fate::CloseAfterFlush;
    }
    opened.clear();
    fate
}

/// Reads what is there, a few buffers at most, and hands over each message in it.
fn receive<I: Ingress>(
    worker: &Worker<I>,
    connection: &Connection,
    stream: &TcpStream,
    inbound: &mut Inbound,
) -> Fate {
    let mut buffer = worker.read_buffer.borrow_mut();
    for _ in 0..READS {
        let mut count = 0;
        let outcome = stream.try_io(Interest::READABLE, || {
            count = nix::sys::socket::recv(
                stream.as_raw_fd(),
                &mut buffer,
                nix::sys::socket::MsgFlags::MSG_DONTWAIT,
            )?;
            // As for datagrams: a read that fills no buffer has emptied the socket.
            if count > 0 && count < buffer.len() {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            Ok(())
        });
        if count > 0 {
            let bytes = buffer.get(..count).unwrap_or_default();
            let fate = if connection.has_channel() {
                open(worker, connection, inbound, |opened| {
                    connection.open(&worker.egress, bytes, opened);
                })
            } else {
                inbound.take(worker, connection, bytes)
            };
            worker.settle();
            if fate != Fate::Open {
                return fate;
            }
        }
        match outcome {
            Ok(()) if count == 0 => return Fate::Ended,
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Fate::Open,
            Err(_) => return Fate::Ended,
        }
    }
    Fate::Open
}
