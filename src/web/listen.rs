//! Listeners and their accept loops.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use thiserror::Error;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use super::connection::{self, Shop};
use super::counts::Counts;
use crate::config::{Listener, Scheme};

/// Connections that the kernel keeps for us until we accept them.
const BACKLOG: i32 = 1_024;

/// How long answers that are on their way may take when the server ends.
const FAREWELL: Duration = Duration::from_secs(2);

/// How long nothing is accepted when the process has no descriptor left.
const BREATH: Duration = Duration::from_millis(100);

/// Why no listener could be had.
#[derive(Debug, Error)]
pub enum ListenError {
    /// Somebody else has the port.
    #[error("{0} is in use by another program")]
    InUse(Listener),
    /// The operating system refused.
    #[error("cannot listen on {0}: {1}")]
    Bind(Listener, #[source] io::Error),
}

/// Sockets that listen, before anybody accepts.
#[derive(Debug, Default)]
pub struct Bound(Vec<(Listener, TcpListener)>);

impl Bound {
    /// The addresses, with the ports that were chosen.
    #[must_use]
    pub fn addresses(&self) -> Vec<Listener> {
        self.0.iter().map(|(address, _)| *address).collect()
    }

    /// Without those that need a certificate.
    #[must_use]
    pub fn without_tls(mut self) -> Bound {
        for (address, _) in self.0.extract_if(.., |(at, _)| at.scheme.is_secure()) {
            tracing::warn!(listener = %address, "there are no certificates, not listening");
        }
        self
    }

    pub(super) fn into_listeners(self) -> impl Iterator<Item = (Listener, TcpListener)> {
        self.0.into_iter()
    }
}

/// Binds every address.
///
/// # Errors
/// [`ListenError`] names the first that could not be bound; nothing stays bound then.
pub fn bind(addresses: &[Listener]) -> Result<Bound, ListenError> {
    let one = |wanted: &Listener| match listener(wanted.address) {
        Ok((address, socket)) => Ok((Listener { scheme: wanted.scheme, address }, socket)),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(ListenError::InUse(*wanted)),
        Err(error) => Err(ListenError::Bind(*wanted, error)),
    };
    addresses.iter().map(one).collect::<Result<_, _>>().map(Bound)
}

fn listener(address: SocketAddr) -> io::Result<(SocketAddr, TcpListener)> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        // "[::]" stands for both families, as everywhere in the configuration.
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    // A restart need not wait for the connections of the run before it.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    let listener: TcpListener = socket.into();
    Ok((listener.local_addr()?, listener))
}

/// Waits until the listener is told to stop, or nobody is left who could tell it.
pub(super) async fn told_to_stop(stopped: &mut watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stop| *stop).await;
}

/// Accepts until it is told to stop; then lets its connections finish.
pub(super) async fn accept(
    address: Listener,
    socket: TcpListener,
    shop: Arc<Shop>,
    mut stopped: watch::Receiver<bool>,
) {
    let listener = match tokio::net::TcpListener::from_std(socket) {
        Ok(listener) => listener,
        Err(error) => {
            tracing::error!(event = "not_listening", listener = %address, %error);
            return;
        }
    };
    let mut connections = JoinSet::new();
    // Connections are told after the listener is gone: who is sent away must not come back.
    let (farewell, parting) = watch::channel(false);
    loop {
        tokio::select! {
            biased;
            () = told_to_stop(&mut stopped) => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((socket, source)) => {
                    let Some(place) = shop.places.take(source.ip(), shop.clock.now()) else {
                        Counts::add(&shop.counts.refused);
                        continue;
                    };
                    Counts::add(&shop.counts.accepted);
                    let (shop, stopped) = (Arc::clone(&shop), parting.clone());
                    let secure = address.scheme == Scheme::Https;
                    connections.spawn(async move {
                        let displaced = Arc::new(Notify::new());
                        let bell = Arc::clone(&displaced);
                        place.on_leave(move || bell.notify_one());
                        tokio::select! {
                            () = connection::serve(socket, place, secure, &shop, stopped) => {}
                            () = displaced.notified() => {}
                        }
                    });
                }
                Err(error) => {
                    tracing::warn!(event = "not_accepted", listener = %address, %error);
                    // A peer that went away, or no descriptor left: the latter needs time.
                    tokio::time::sleep(BREATH).await;
                }
            },
        }
    }
    drop(listener);
    let _ = farewell.send(true);
    let all = async { while connections.join_next().await.is_some() {} };
    // Those that take longer end with the set.
    let _ = tokio::time::timeout(FAREWELL, all).await;
}
