//! The audit trail.

use axum::http::Method;
use serde::Serialize;
use utoipa::ToSchema;

use super::endpoint::Endpoint;
use super::query::{self, Kind, LIMIT, Param, param};
use crate::operations::{AuditFilter, AuditLine, AuditRequest, Reply, Request};

/// Which lines.
const LINES: &[Param] = &[
    param("actor", Kind::Text, "Whose deeds."),
    param("action", Kind::Text, "The deed, or with a full stop at the end all that begin so."),
    param("subject", Kind::Text, "To whom or what."),
    param("since", Kind::Moment, "Not before."),
    param("until", Kind::Moment, "Before."),
    param("after", Kind::Number, "Lines older than the one of this number; `next` has it."),
    LIMIT,
];

/// A page of the audit trail, the newest line first.
#[derive(Debug, Serialize, ToSchema)]
struct Lines {
    /// The lines.
    items: Vec<AuditLine>,
    /// The next page; none at the end.
    next: Option<String>,
}

pub(super) fn endpoints() -> Vec<Endpoint> {
    let filter = AuditFilter::default();
    let lines = Request::Audit(AuditRequest::Before { before: None, limit: 0, filter });
    let verify = Request::Audit(AuditRequest::Verify);
    vec![
        Endpoint::new(Method::GET, "/api/v1/audit", &lines, "Read the audit trail", |call| {
            let filter = AuditFilter {
                actor: query::text(call, "actor"),
                action: query::text(call, "action"),
                subject: query::text(call, "subject"),
                since: query::moment(call, "since"),
                until: query::moment(call, "until"),
            };
            let (before, limit) = (query::number(call, "after"), query::limit(call));
            Ok(Request::Audit(AuditRequest::Before { before, limit, filter }))
        })
        .with(LINES)
        .gives(|call, reply| match reply {
            Reply::Audit(page) => Some(Lines {
                items: page.entries,
                next: page.next.map(|next| query::next(call, &next.to_string())),
            }),
            _ => None,
        }),
        Endpoint::new(
            Method::GET,
            "/api/v1/audit/verification",
            &verify,
            "Walk along the chain of the audit trail",
            |_| Ok(Request::Audit(AuditRequest::Verify)),
        )
        .gives(|_, reply| match reply {
            Reply::AuditReport(report) => Some(report),
            _ => None,
        }),
    ]
}
