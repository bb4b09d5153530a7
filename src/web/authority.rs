//! The certificate of our own authority, for devices that shall trust it, and what an authority
//! that is not ours wants to see.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use super::Site;
use super::problem::Problem;

/// `GET /ca.pem`.
pub(super) async fn pem(State(site): State<Arc<Site>>) -> Response {
    file(site.certificates.authority_pem(), "application/x-pem-file", "ca.pem")
}

/// `GET /ca.crt`: in DER form, which telephones and browsers install.
pub(super) async fn der(State(site): State<Arc<Site>>) -> Response {
    file(site.certificates.authority_der(), "application/x-x509-ca-cert", "ca.crt")
}

/// What an ACME authority looks for to see that a name leads here (RFC 8555 s8.3).
pub(super) async fn proof(State(site): State<Arc<Site>>, Path(token): Path<String>) -> Response {
    match site.certificates.acme_document(&token) {
        Some(document) => document.into_response(),
        None => Problem::new(StatusCode::NOT_FOUND, "nobody asked for that").into_response(),
    }
}

fn file<B>(bytes: Option<&B>, kind: &'static str, name: &str) -> Response
where
    B: AsRef<[u8]> + ?Sized,
{
    match bytes {
        Some(bytes) => {
            let disposition = format!("attachment; filename=\"{name}\"");
            let headers = [
                (header::CONTENT_TYPE, kind.to_owned()),
                (header::CONTENT_DISPOSITION, disposition),
            ];
            (headers, bytes.as_ref().to_vec()).into_response()
        }
        None => Problem::new(StatusCode::NOT_FOUND, "there is no authority").into_response(),
    }
}
