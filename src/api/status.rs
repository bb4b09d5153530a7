//! How the server is.

use axum::http::Method;

use super::endpoint::Endpoint;
use crate::operations::{Reply, Request};

pub(super) fn endpoints() -> Vec<Endpoint> {
    let says = "How the server is";
    vec![
        Endpoint::new(Method::GET, "/api/v1/status", &Request::Status, says, |_| {
            Ok(Request::Status)
        })
        .gives(|_, reply| match reply {
            Reply::Status(status) => Some(*status),
            _ => None,
        }),
    ]
}
