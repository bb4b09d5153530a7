//! The records that clients find this server by.

use axum::http::Method;

use super::endpoint::Endpoint;
use crate::operations::{DnsRequest, DnsView, Reply, Request};
use crate::web::Call;

fn records(_: &Call, reply: Reply) -> Option<DnsView> {
    match reply {
        Reply::Dns(view) => Some(*view),
        _ => None,
    }
}

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::new(
            Method::GET,
            "/api/v1/dns",
            &Request::Dns(DnsRequest::Show),
            "Show which records there should be, and what the last check found",
            |_| Ok(Request::Dns(DnsRequest::Show)),
        )
        .gives(records),
        Endpoint::new(
            Method::POST,
            "/api/v1/dns/check",
            &Request::Dns(DnsRequest::Check),
            "Look all records up",
            |_| Ok(Request::Dns(DnsRequest::Check)),
        )
        .gives(records),
    ]
}
