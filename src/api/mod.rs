//! The API for programs: JSON below `/api/v1`, each line of the table one [`crate::operations::Request`].
//!
//! Nothing is possible here that is not possible on the command line. A token says who asks; the
//! layer around the router looks at its scopes and its role before anything here is asked, and what
//! performs requests looks at the role again. The same table makes the routes and the description
//! ([`document`]), so that neither can lack what the other has.
//!
//! To bring another family of requests here, write its lines in a file of its own and join them in
//! [`endpoints`].

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderValue, Method, header};
use axum::response::Response;

use crate::web::{Access, Call, Route};

mod audit;
mod bans;
mod certificates;
mod devices;
mod directory;
mod dns;
mod endpoint;
mod failure;
mod history;
mod jobs;
mod live;
mod notice;
mod openapi;
mod people;
mod presence;
mod query;
mod queue;
mod settings;
mod status;

use endpoint::Endpoint;

/// Where the API begins.
const ROOT: &str = "/api/v1";
/// Where its description is.
const DOCUMENT: &str = "/api/v1/openapi.json";

/// Every line of the table.
fn endpoints() -> Vec<Endpoint> {
    [
        status::endpoints(),
        people::endpoints(),
        devices::endpoints(),
        presence::endpoints(),
        bans::endpoints(),
        directory::endpoints(),
        audit::endpoints(),
        notice::endpoints(),
        live::endpoints(),
        queue::endpoints(),
        jobs::endpoints(),
        certificates::endpoints(),
        dns::endpoints(),
        settings::endpoints(),
        history::endpoints(),
    ]
    .concat()
}

/// The routes of the API.
#[must_use]
pub fn routes() -> Vec<Route> {
    let table = endpoints();
    let text: Arc<str> = openapi::text(&table).into();
    let describe = move |_: Call| {
        let text = Arc::clone(&text);
        async move {
            let mut response = Response::new(Body::from(text.as_bytes().to_vec()));
            let kind = HeaderValue::from_static("application/json");
            response.headers_mut().insert(header::CONTENT_TYPE, kind);
            response
        }
    };
    let mut routes: Vec<Route> = table.into_iter().map(Endpoint::into_route).collect();
    routes.push(Route::api(Method::GET, DOCUMENT, Access::Reader, describe));
    routes
}

/// The description of the API (OpenAPI 3.1).
#[must_use]
pub fn document() -> String {
    openapi::text(&endpoints())
}

#[cfg(test)]
mod tests;
