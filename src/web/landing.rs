//! The first page: what this server is and how a client reaches it.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::i18n::Key;
use super::page::{Shell, render};
use super::visit::Visit;
use crate::tls::Source;

#[derive(Template)]
#[template(path = "landing.html")]
struct Landing {
    shell: Shell,
    proxies: Vec<String>,
    /// The authority's SHA-256, where devices must be told to trust it.
    authority: Option<String>,
    has_owner: bool,
}

/// `GET /`.
pub(super) async fn page(visit: Visit) -> Response {
    let site = visit.site();
    let internal = site.certificates.source() == Source::Internal;
    let authority = site.certificates.authority_fingerprint().filter(|_| internal);
    let page = Landing {
        shell: visit.shell(Key("landing-title")),
        proxies: site.about.proxies.clone(),
        authority: authority.map(str::to_owned),
        has_owner: site.stage() != super::Stage::Ownerless,
    };
    render(StatusCode::OK, &page)
}
