//! `/sip`: the opening handshake of SIP over WebSocket (RFC 7118, RFC 6455 s4.2). What follows it is
//! SIP's; no cookie and no other credential of the web is ever looked at.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use hyper_util::rt::TokioIo;
use rustls::ServerConnection;
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::connection::Wire;
use super::origin::Origin;
use super::problem::Problem;
use super::routes::host;
use super::{Counts, Site};
use crate::channel::Place;

/// The version of the protocol, the only one there is (RFC 6455 s4.1).
const VERSION: &str = "13";
/// The subprotocol (RFC 7118 s4.1).
const SUBPROTOCOL: &str = "sip";

/// A connection after its handshake.
#[derive(Debug)]
pub struct Upgraded {
    /// The TCP socket.
    pub socket: TcpStream,
    /// The TLS session over it, if there is one.
    pub tls: Option<Box<ServerConnection>>,
    /// What was read after the end of the request.
    pub read_ahead: Bytes,
    /// Its place among the connections of strangers.
    pub place: Option<Arc<Place>>,
}

/// Takes connections that have become SIP's.
pub trait SipSockets: Send + Sync {
    /// Serves a connection. Never blocks.
    fn accept(&self, upgraded: Upgraded);
}

/// `GET /sip`.
pub(super) async fn upgrade(State(site): State<Arc<Site>>, mut request: Request) -> Response {
    let Some(wire) = request.extensions().get::<Wire>().copied() else {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        return Problem::new(status, "the connection is unknown").into_response();
    };
    let key = match agree(&site, request.headers(), wire) {
        Ok(key) => key,
        Err(refusal) => return refusal.into_response(),
    };
    // The connection, not the request, is what took so long.
    if wire.is_first() && site.clock.now().since(wire.accepted) > site.limits.websocket_upgrade {
        let problem = Problem::new(StatusCode::REQUEST_TIMEOUT, "the handshake took too long");
        return ([(header::CONNECTION, "close")], problem).into_response();
    }
    let place = request.extensions_mut().remove::<Arc<Place>>();
    let upgrading = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        // Resolves when the answer is on its way.
        let upgraded = tokio::time::timeout(site.limits.websocket_upgrade, upgrading).await;
        let parts = match upgraded {
            Ok(Ok(upgraded)) if wire.secure => secure(upgraded),
            Ok(Ok(upgraded)) => plain(upgraded),
            Ok(Err(_)) | Err(_) => None,
        };
        if let Some(parts) = parts {
            Counts::add(&site.counts.upgraded);
            site.sip.accept(Upgraded { place, ..parts });
        }
    });
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, key);
    response
}

/// A refused handshake.
enum Refusal {
    Problem(Problem),
    /// RFC 6455 s4.2.2: what version this server speaks.
    Version,
}

impl Refusal {
    fn into_response(self) -> Response {
        match self {
            Refusal::Problem(problem) => problem.into_response(),
            Refusal::Version => {
                let headers = [
                    (header::UPGRADE, "websocket"),
                    (header::CONNECTION, "Upgrade"),
                    (header::SEC_WEBSOCKET_VERSION, VERSION),
                ];
                let detail = "this is a WebSocket of version 13";
                (headers, Problem::new(StatusCode::UPGRADE_REQUIRED, detail)).into_response()
            }
        }
    }
}

/// Checks the handshake and gives the value of `Sec-WebSocket-Accept`.
fn agree(site: &Site, headers: &HeaderMap, wire: Wire) -> Result<HeaderValue, Refusal> {
    let refuse = |status, detail: &str| Err(Refusal::Problem(Problem::new(status, detail)));
    // Before all else, so that a page of somebody's learns nothing here.
    if !origin_is_welcome(site, headers, wire) {
        return refuse(StatusCode::FORBIDDEN, "pages of that origin may not connect");
    }
    if !lists(headers, header::UPGRADE, "websocket")
        || !lists(headers, header::CONNECTION, "upgrade")
    {
        return Err(Refusal::Version);
    }
    match only(headers, header::SEC_WEBSOCKET_VERSION) {
        Some(VERSION) => {}
        _ => return Err(Refusal::Version),
    }
    let key = only(headers, header::SEC_WEBSOCKET_KEY).filter(|key| is_key(key));
    let Some(key) = key else {
        return refuse(StatusCode::BAD_REQUEST, "Sec-WebSocket-Key is no key");
    };
    // Names of subprotocols are compared as they are (RFC 6455 s11.3.4).
    let offered = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter();
    let mut offered = offered.filter_map(|value| value.to_str().ok()).flat_map(|v| v.split(','));
    if !offered.any(|name| name.trim() == SUBPROTOCOL) {
        return refuse(StatusCode::BAD_REQUEST, "the subprotocol sip must be offered");
    }
    HeaderValue::from_str(&derive_accept_key(key.as_bytes()))
        .or_else(|_| refuse(StatusCode::BAD_REQUEST, "Sec-WebSocket-Key is no key"))
}

/// Programs send no Origin; browsers send one, and only ours and allowed ones are welcome.
fn origin_is_welcome(site: &Site, headers: &HeaderMap, wire: Wire) -> bool {
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let origin = match (origins.next(), origins.next()) {
        (None, _) => return true,
        (Some(origin), None) => origin.to_str().ok().and_then(Origin::parse),
        (Some(_), Some(_)) => None,
    };
    let (Some(origin), Ok(host)) = (origin, host(headers)) else { return false };
    site.names.allows(&origin, &host, wire.secure)
}

/// The value of a header that may stand once.
fn only(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}

/// Whether a comma-separated header lists a token, in any case.
fn lists(headers: &HeaderMap, name: header::HeaderName, token: &str) -> bool {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|item| item.trim().eq_ignore_ascii_case(token))
}

/// Sixteen bytes in base64 (RFC 6455 s4.1).
fn is_key(text: &str) -> bool {
    let Some(digits) = text.strip_suffix("==") else { return false };
    digits.len() == 22
        && digits.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'+' || b == b'/')
}

fn plain(upgraded: hyper::upgrade::Upgraded) -> Option<Upgraded> {
    let parts = upgraded.downcast::<TokioIo<TcpStream>>().ok()?;
    Some(Upgraded {
        socket: parts.io.into_inner(),
        tls: None,
        read_ahead: parts.read_buf,
        place: None,
    })
}

fn secure(upgraded: hyper::upgrade::Upgraded) -> Option<Upgraded> {
    let parts = upgraded.downcast::<TokioIo<TlsStream<TcpStream>>>().ok()?;
    let (socket, session) = parts.io.into_inner().into_inner();
    Some(Upgraded { socket, tls: Some(Box::new(session)), read_ahead: parts.read_buf, place: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 6455 s4.1 and s4.2.2: the key of the RFC's example, and what is none.
    #[test]
    fn a_key_is_sixteen_bytes() {
        assert!(is_key("dGhlIHNhbXBsZSBub25jZQ=="));
        assert_eq!(derive_accept_key(b"dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        for wrong in ["", "==", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZ===", "a b"] {
            assert!(!is_key(wrong), "{wrong}");
        }
    }
}
