//! `tagus audit`.

use super::unexpected;
use crate::app::cli;
use crate::app::context::Context;
use crate::operations::{AuditPage, AuditRequest, Exit, Failure, Reply, Request};

pub(super) fn run(context: &Context, command: &cli::Audit) -> Result<(), Failure> {
    match command.command {
        Some(cli::AuditCommand::Verify) => verify(context),
        None => list(context, command),
    }
}

fn list(context: &Context, command: &cli::Audit) -> Result<(), Failure> {
    let limit = command.limit;
    let request = match command.from {
        Some(from) => AuditRequest::From { from, limit },
        None => AuditRequest::Before { before: None, limit, filter: Default::default() },
    };
    let Reply::Audit(AuditPage { mut entries, next }) =
        context.perform(&Request::Audit(request))?
    else {
        return Err(unexpected());
    };
    // The last ones stand at the end, as in a log.
    let next = if command.from.is_none() {
        entries.reverse();
        None
    } else {
        next
    };
    if context.output.json {
        return context.output.document(&AuditPage { entries, next });
    }
    let rows: Vec<Vec<String>> = entries
        .into_iter()
        .map(|line| {
            let detail = if line.done { line.detail } else { format!("NOT DONE: {}", line.detail) };
            let number = line.sequence.to_string();
            vec![number, line.at, line.actor, line.source, line.action, line.subject, detail]
        })
        .collect();
    let head = ["LINE", "TIME", "WHO", "FROM", "DID", "TO", ""];
    context.output.table(&head, &rows)?;
    if let Some(next) = next {
        context.output.say(&format!("There are more: --from {next}"));
    }
    Ok(())
}

fn verify(context: &Context) -> Result<(), Failure> {
    let reply = context.perform(&Request::Audit(AuditRequest::Verify))?;
    let Reply::AuditReport(report) = reply else { return Err(unexpected()) };
    if context.output.json {
        context.output.document(&report)?;
    } else if let (Some(number), Some(trouble)) = (report.broken_at, &report.trouble) {
        context.output.line(&format!("line {number} is not what was written: {trouble}"))?;
    } else {
        context.output.line(&format!(
            "{} lines, each following the one before; the last one's digest is {}",
            report.lines, report.digest
        ))?;
    }
    if report.broken_at.is_none() { Ok(()) } else { Err(Failure::new(Exit::Failed, "")) }
}
