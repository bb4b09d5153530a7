//! `tagus job`.

use serde_json::json;

use super::unexpected;
use crate::app::cli;
use crate::app::context::Context;
use crate::operations::{Failure, JobKind, JobRequest, JobState, JobView, Reply, Request};

pub(super) fn run(context: &Context, command: cli::Job) -> Result<(), Failure> {
    let request = match command {
        cli::Job::List => JobRequest::List,
        cli::Job::Show { job } => JobRequest::Show { job },
        cli::Job::Cancel { job } => JobRequest::Cancel { job },
    };
    match context.perform(&Request::Jobs(request))? {
        Reply::Jobs(jobs) if context.output.json => {
            context.output.document(&json!({ "jobs": jobs }))
        }
        Reply::Jobs(jobs) => table(context, &jobs),
        Reply::Job(job) if context.output.json => context.output.document(&*job),
        Reply::Job(job) => {
            table(context, std::slice::from_ref(&job))?;
            for row in &job.report.failures {
                context.output.line(&format!("{}: {}: {}", row.line, row.user, row.reason))?;
            }
            Ok(())
        }
        _ => Err(unexpected()),
    }
}

fn table(context: &Context, jobs: &[JobView]) -> Result<(), Failure> {
    let row = |job: &JobView| {
        let kind = match job.kind {
            JobKind::ImportTrial => "import, tried",
            JobKind::Import => "import",
            JobKind::Disable => "disable",
            JobKind::Enable => "enable",
            JobKind::Delete => "delete",
        };
        let state = match job.state {
            JobState::Running => "running",
            JobState::Done => "done",
            JobState::Failed => "failed",
            JobState::Cancelled => "cancelled",
        };
        let done = format!("{}/{}", job.done, job.total);
        let failed = job.report.failed.to_string();
        let (by, started) = (job.by.clone(), job.started.clone());
        vec![job.id.clone(), kind.to_owned(), state.to_owned(), done, failed, by, started]
    };
    let rows: Vec<Vec<String>> = jobs.iter().map(row).collect();
    context.output.table(&["JOB", "KIND", "STATE", "DONE", "FAILED", "BY", "STARTED"], &rows)
}
