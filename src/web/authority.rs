//! The certificate of our own authority, for devices that shall trust it.

use std::sync::Arc;

use axum::extract::State;
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
