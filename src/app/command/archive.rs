//! `tagus export` and `tagus import`: everything that is stored, as one file.

use std::path::Path;

use serde_json::json;

use super::unexpected;
use crate::app::context::Context;
use crate::app::control::{Reply, Request};
use crate::app::exit::Failure;

pub(super) fn export(context: &Context, file: &Path) -> Result<(), Failure> {
    let path = std::path::absolute(file).map_err(Failure::usage)?;
    let shown = path.display().to_string();
    match context.perform(&Request::Export { path })? {
        Reply::Count(count) => context.output.either(
            &json!({ "file": shown, "records": count }),
            &format!("{count} records are in {shown}. The key file is not: keep secrets.key too."),
        ),
        _ => Err(unexpected()),
    }
}

pub(super) fn import(context: &Context, file: &Path) -> Result<(), Failure> {
    let path = std::path::absolute(file).map_err(Failure::usage)?;
    let shown = path.display().to_string();
    match context.perform(&Request::Import { path })? {
        Reply::Count(count) => context.output.either(
            &json!({ "file": shown, "records": count }),
            &format!("{count} records were read from {shown}."),
        ),
        _ => Err(unexpected()),
    }
}
