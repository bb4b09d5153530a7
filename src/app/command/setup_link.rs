//! `tagus setup-link`.

use super::unexpected;
use crate::app::context::Context;
use crate::operations::{Failure, Reply, Request};

pub(super) fn run(context: &Context) -> Result<(), Failure> {
    let Reply::SetupLink(link) = context.perform(&Request::SetupLink)? else {
        return Err(unexpected());
    };
    if context.output.json {
        return context.output.document(&link);
    }
    for url in &link.urls {
        context.output.line(url.expose())?;
    }
    context.output.say(&format!(
        "It serves once, until {}, and makes whoever opens it an owner of the console.",
        link.until
    ));
    if !link.is_served {
        context.output.say("No server runs on this data directory: start it first.");
    }
    Ok(())
}
