//! What a failure means to a browser, where no form can say it.

use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

use crate::operations::{Exit, Failure};
use crate::web::Problem;

/// The status of a failure.
pub(super) const fn status(failure: &Failure) -> StatusCode {
    match failure.exit {
        Exit::Done => StatusCode::OK,
        Exit::NotFound => StatusCode::NOT_FOUND,
        Exit::Usage => StatusCode::UNPROCESSABLE_ENTITY,
        Exit::Refused => StatusCode::CONFLICT,
        Exit::Unreachable => StatusCode::SERVICE_UNAVAILABLE,
        Exit::Failed => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// An answer that says so.
pub(super) fn problem(failure: &Failure) -> Response {
    let status = status(failure);
    if status.is_server_error() {
        tracing::error!(event = "page_failed", %failure);
    }
    Problem::new(status, failure.message.clone()).into_response()
}

/// For a reply that does not belong to the request: nobody gets there.
pub(super) fn unexpected() -> Response {
    let status = StatusCode::INTERNAL_SERVER_ERROR;
    Problem::new(status, "the answer is of another kind").into_response()
}

/// A text that somebody downloads.
pub(super) fn download(
    kind: &'static str,
    name: &str,
    body: impl Into<axum::body::Body>,
) -> Response {
    use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
    let disposition = format!("attachment; filename=\"{name}\"");
    let headers = [(CONTENT_TYPE, kind.to_owned()), (CONTENT_DISPOSITION, disposition)];
    (headers, body.into()).into_response()
}

/// An address with a query of the fields that hold something.
pub(super) fn link(path: &str, fields: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in fields.iter().filter(|(_, value)| !value.is_empty()) {
        query.append_pair(name, value);
    }
    match query.finish() {
        query if query.is_empty() => path.to_owned(),
        query => format!("{path}?{query}"),
    }
}

/// A name as a part of a path.
pub(super) fn part(name: &str) -> String {
    form_urlencoded::byte_serialize(name.as_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_have_what_is_given_and_nothing_in_them_leads_elsewhere() {
        assert_eq!(link("/admin/audit", &[("actor", ""), ("subject", "")]), "/admin/audit");
        assert_eq!(link("/a", &[("actor", "a&b"), ("x", "#ç")]), "/a?actor=a%26b&x=%23%C3%A7");
        assert_eq!(part("rui/../x?y"), "rui%2F..%2Fx%3Fy");
    }
}
