//! The first page: what this server is and how a client reaches it.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse as _, Response};

use super::Site;
use super::problem::Problem;
use crate::tls::Source;

const STYLE: &str = include_str!("../../templates/style.css");

#[derive(Template)]
#[template(path = "landing.html")]
struct Landing<'a> {
    domain: &'a str,
    proxies: &'a [String],
    /// The authority's SHA-256, where devices must be told to trust it.
    authority: Option<&'a str>,
}

/// `GET /`.
pub(super) async fn page(State(site): State<Arc<Site>>) -> Response {
    let internal = site.certificates.source() == Source::Internal;
    let page = Landing {
        domain: &site.about.domain,
        proxies: &site.about.proxies,
        authority: site.certificates.authority_fingerprint().filter(|_| internal),
    };
    match page.render() {
        Ok(text) => Html(text).into_response(),
        Err(error) => {
            tracing::error!(event = "page_not_made", %error);
            let status = StatusCode::INTERNAL_SERVER_ERROR;
            Problem::new(status, "the page could not be made").into_response()
        }
    }
}

/// `GET /style.css`.
pub(super) async fn style() -> Response {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], STYLE).into_response()
}
