//! `GET /metrics` on a listener of its own: what a monitoring system reads (OpenMetrics 1.0).

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;

use super::problem::Problem;

/// The media type of OpenMetrics text.
const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Who writes the figures down.
pub trait Exposition: Send + Sync {
    /// All of them as OpenMetrics text; `None` if they cannot be had.
    fn text(&self) -> Option<String>;
}

/// This page alone: the listener is for programs on this machine, and takes any host name.
pub(super) fn router(exposition: Arc<dyn Exposition>) -> Router {
    Router::new()
        .route("/metrics", get(page))
        .fallback(|| async { Problem::new(StatusCode::NOT_FOUND, "the figures are at /metrics") })
        .method_not_allowed_fallback(|| async {
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "this page is for reading")
        })
        .with_state(exposition)
}

async fn page(State(exposition): State<Arc<dyn Exposition>>) -> Response {
    match exposition.text() {
        Some(text) => ([(header::CONTENT_TYPE, MEDIA_TYPE)], text).into_response(),
        None => Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the figures cannot be written")
            .into_response(),
    }
}
