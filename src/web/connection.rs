//! One connection: TLS if its listener speaks it, then HTTP/1.1.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use super::counts::Counts;
use super::listen::told_to_stop;
use super::{Limits, Routers};
use crate::channel::{Place, Places};
use crate::clock::{Clock, Tick};
use crate::tls::acme;

/// The smallest buffer that the HTTP library takes.
const LEAST_BUFFER: usize = 8 * 1024;

/// What every connection of every listener shares.
pub(super) struct Shop {
    pub(super) places: Arc<Places>,
    pub(super) routers: Routers,
    pub(super) tls: TlsAcceptor,
    pub(super) counts: Arc<Counts>,
    pub(super) clock: Clock,
    pub(super) limits: Limits,
}

/// What a request knows of its connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wire {
    /// Our end.
    pub(super) local: SocketAddr,
    /// The other one.
    pub(super) peer: SocketAddr,
    /// Whether it is TLS.
    pub(super) secure: bool,
    /// When it was accepted.
    pub(super) accepted: Tick,
    first: bool,
}

impl Wire {
    /// Whether this is the first request of its connection.
    pub(super) const fn is_first(self) -> bool {
        self.first
    }
}

/// Serves a connection to its end.
pub(super) async fn serve(
    socket: TcpStream,
    place: Place,
    secure: bool,
    shop: &Shop,
    stopped: watch::Receiver<bool>,
) {
    let (Ok(local), Ok(peer)) = (socket.local_addr(), socket.peer_addr()) else { return };
    // A peer that takes nothing of its answer is ended by the kernel.
    let patience = socket2::SockRef::from(&socket).set_tcp_user_timeout(Some(shop.limits.write));
    if patience.is_err() || socket.set_nodelay(true).is_err() {
        return;
    }
    // Who becomes a WebSocket takes his place along.
    let place = Arc::new(place);
    let wire = Wire { local, peer, secure, accepted: shop.clock.now(), first: true };
    if !secure {
        return speak(socket, place, wire, shop, stopped).await;
    }
    let handshake = tokio::time::timeout(shop.limits.tls_handshake, shop.tls.accept(socket));
    match handshake.await {
        // An ACME authority has seen the certificate that it came for (RFC 8737 s3).
        Ok(Ok(stream)) if stream.get_ref().1.alpn_protocol() == Some(acme::ALPN.as_bytes()) => {}
        Ok(Ok(stream)) => speak(stream, place, wire, shop, stopped).await,
        Ok(Err(error)) => {
            Counts::add(&shop.counts.handshakes_failed);
            tracing::debug!(event = "handshake_failed", %error);
        }
        Err(_) => Counts::add(&shop.counts.handshakes_failed),
    }
}

async fn speak<S>(
    stream: S,
    place: Arc<Place>,
    wire: Wire,
    shop: &Shop,
    mut stopped: watch::Receiver<bool>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let counts = &shop.counts;
    let before = AtomicBool::new(false);
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        Counts::add(&counts.requests);
        place.asked();
        let first = !before.swap(true, Ordering::Relaxed);
        request.extensions_mut().insert(Wire { first, ..wire });
        request.extensions_mut().insert(Arc::clone(&place));
        // Which routes there are may have changed since the last request.
        TowerToHyperService::new(shop.routers.now()).call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(shop.limits.request)
        .max_buf_size(shop.limits.header_bytes.max(LEAST_BUFFER))
        .max_headers(shop.limits.header_lines)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    let outcome = tokio::select! {
        outcome = &mut connection => outcome,
        () = told_to_stop(&mut stopped) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if outcome.is_err_and(|error| error.is_timeout()) {
        Counts::add(&shop.counts.timed_out);
    }
}
