//! `/healthz` and `/readyz`: whether the process lives, and whether it can serve. They answer under
//! any name, for probes know addresses only.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

use super::Site;
use super::problem::Problem;

/// Knows whether the server can serve.
pub trait Readiness: Send + Sync {
    /// # Errors
    /// Why not, in a few words that anybody may read.
    fn ready(&self) -> Result<(), String>;
}

/// The process answers.
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// The process can serve, or says why it cannot.
pub(super) async fn readyz(State(site): State<Arc<Site>>) -> Response {
    match site.readiness.ready() {
        Ok(()) => "ready\n".into_response(),
        Err(why) => Problem::new(StatusCode::SERVICE_UNAVAILABLE, why).into_response(),
    }
}
