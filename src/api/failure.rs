//! What a failure is to a program.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use crate::operations::{Exit, Failure};
use crate::web::Problem;

/// The problem document of a failure.
pub(super) fn answer(failure: &Failure) -> Response {
    let status = match failure.exit {
        _ if failure.retry_after.is_some() => StatusCode::TOO_MANY_REQUESTS,
        Exit::NotFound => StatusCode::NOT_FOUND,
        Exit::Usage => StatusCode::UNPROCESSABLE_ENTITY,
        // Whether he may was decided before: how things stand is in the way.
        Exit::Refused => StatusCode::CONFLICT,
        Exit::Unreachable => StatusCode::SERVICE_UNAVAILABLE,
        Exit::Failed | Exit::Done => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let problem = Problem::new(status, failure.message.clone());
    match failure.retry_after {
        Some(seconds) => ([(header::RETRY_AFTER, seconds.to_string())], problem).into_response(),
        None => problem.into_response(),
    }
}

/// Something in the request that cannot be.
pub(super) fn unfit(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
}
