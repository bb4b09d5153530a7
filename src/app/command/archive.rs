//! `tagus export` and `tagus import`: everything that is stored, as one file.

use std::path::Path;

use serde_json::json;

use super::unexpected;
use crate::app::context::Context;
use crate::app::escape;
use crate::app::site::KEY_FILE;
use crate::operations::{Failure, Reply, Request};

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
    let Reply::Count(count) = context.perform(&Request::Import { path })? else {
        return Err(unexpected());
    };
    context.output.either(
        &json!({ "file": shown, "records": count }),
        &format!("{count} records were read from {shown}."),
    )?;
    let key = context.data_dir()?.join(KEY_FILE);
    if !context.output.json && !key.exists() {
        context.output.say(&format!(
            "The passwords in it open with the {KEY_FILE} of the directory that it came from alone; \
             put that at {} before anything else.",
            escape::line(&key.display().to_string())
        ));
    }
    Ok(())
}
