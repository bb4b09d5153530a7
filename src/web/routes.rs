//! Which path is answered by whom, and what every request and every answer goes through.

use std::sync::Arc;

use axum::Router;
use axum::body::HttpBody as _;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;

use super::connection::Wire;
use super::origin::HostPort;
use super::problem::Problem;
use super::{Site, authority, landing, readiness, websocket};
use crate::tls::Source;

/// Paths that answer under any host name.
const PROBES: [&str; 2] = ["/healthz", "/readyz"];

/// Nothing but our own style; nobody frames us; no form goes anywhere.
const POLICY: &str = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

pub(super) fn router(site: Arc<Site>) -> Router {
    Router::new()
        .route("/", get(landing::page))
        .route("/style.css", get(landing::style))
        .route("/sip", get(websocket::upgrade))
        .route("/ca.pem", get(authority::pem))
        .route("/ca.crt", get(authority::der))
        .route("/.well-known/acme-challenge/{token}", get(authority::proof))
        .route("/healthz", get(readiness::healthz))
        .route("/readyz", get(readiness::readyz))
        .fallback(|| async { Problem::new(StatusCode::NOT_FOUND, "there is no such page") })
        .method_not_allowed_fallback(|| async {
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "this page is for reading")
        })
        .layer(middleware::from_fn_with_state(Arc::clone(&site), pass))
        .with_state(site)
}

/// Refuses what is too large or for somebody else, and puts the security headers on every answer.
async fn pass(State(site): State<Arc<Site>>, request: Request, next: Next) -> Response {
    let secure = request.extensions().get::<Wire>().is_some_and(|wire| wire.secure);
    let mut response = match admit(&site, &request) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    };
    let headers = response.headers_mut();
    let mut put = |name, value| {
        headers.insert(name, HeaderValue::from_static(value));
    };
    put(header::CONTENT_SECURITY_POLICY, POLICY);
    put(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    put(header::REFERRER_POLICY, "same-origin");
    put(header::CACHE_CONTROL, "no-store");
    // A browser that was promised a trusted certificate gets no way back; an authority of our own
    // cannot promise that.
    if secure && matches!(site.certificates.source(), Source::Files | Source::Acme) {
        put(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
    response
}

fn admit(site: &Site, request: &Request) -> Result<(), Problem> {
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    if target > site.limits.uri_bytes {
        return Err(Problem::new(StatusCode::URI_TOO_LONG, "the target is too long"));
    }
    if request.body().size_hint().lower() > site.limits.body_bytes {
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large"));
    }
    let path = request.uri().path();
    // An ACME authority asks by each of our names (RFC 8555 s8.3).
    if PROBES.contains(&path) || path.starts_with("/.well-known/acme-challenge/") {
        return Ok(());
    }
    let host = host(request.headers())?;
    // A target in absolute form names the host instead (RFC 9112 s3.2.2).
    let authority = request.uri().authority().map(axum::http::uri::Authority::as_str);
    let host = match authority {
        Some(authority) => HostPort::parse(authority).ok_or_else(bad_host)?,
        None => host,
    };
    let local = request.extensions().get::<Wire>().map(|wire| wire.local.ip());
    if !site.names.contains(&host.host, local) {
        return Err(Problem::new(
            StatusCode::MISDIRECTED_REQUEST,
            "this server does not go by that name",
        ));
    }
    Ok(())
}

/// The one Host that a request must have (RFC 9112 s3.2).
pub(super) fn host(headers: &HeaderMap) -> Result<HostPort, Problem> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return Err(bad_host());
    };
    host.to_str().ok().and_then(HostPort::parse).ok_or_else(bad_host)
}

fn bad_host() -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "a request names one host")
}
