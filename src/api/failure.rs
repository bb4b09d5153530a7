//! What a failure is to a program.

use axum::http::StatusCode;

use crate::operations::{Exit, Failure};
use crate::web::Problem;

/// The problem document of a failure.
pub(super) fn problem(failure: &Failure) -> Problem {
    let status = match failure.exit {
        Exit::NotFound => StatusCode::NOT_FOUND,
        Exit::Usage => StatusCode::UNPROCESSABLE_ENTITY,
        // Whether he may was decided before: how things stand is in the way.
        Exit::Refused => StatusCode::CONFLICT,
        Exit::Unreachable => StatusCode::SERVICE_UNAVAILABLE,
        Exit::Failed | Exit::Done => StatusCode::INTERNAL_SERVER_ERROR,
    };
    Problem::new(status, failure.message.clone())
}

/// Something in the request that cannot be.
pub(super) fn unfit(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
}
