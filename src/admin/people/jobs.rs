//! Long work: the list of it, and how one of them goes.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::tables::{mode, modes, name_of};
use super::{fault, may, problem, short, unexpected};
use crate::operations::{
    Exit, Failure, JobKind, JobRequest, JobState, JobView, Reply, Request, Right,
};
use crate::text::visible;
use crate::web::{Faults, Key, Shell, Texts, Visit, csv_download, render};

/// Failures that a page shows.
const SHOWN: usize = 100;
/// Characters of a reason.
const LONGEST_REASON: usize = 200;

fn cut(reason: &str) -> String {
    let mut out = String::new();
    visible::push(&mut out, reason, LONGEST_REASON);
    out
}

#[derive(Template)]
#[template(path = "admin/people/jobs.html")]
struct JobsPage {
    shell: Shell,
    jobs: Vec<Shown>,
    may_import: bool,
}

#[derive(Template)]
#[template(path = "admin/people/job.html")]
struct JobPage {
    shell: Shell,
    faults: Faults,
    shown: Shown,
    job: JobView,
    is_running: bool,
    counts: Vec<(Key, u64, &'static str)>,
    progress: String,
    failures: Vec<(u64, String, String)>,
    has_more: bool,
    modes: Vec<(&'static str, String)>,
    mode: &'static str,
    may_cancel: bool,
    may_run: bool,
}

/// What both pages show of a job.
struct Shown {
    id: String,
    title: String,
    subject: String,
    by: String,
    started: String,
    ended: Option<String>,
    state: String,
    level: &'static str,
}

fn shown(t: Texts, job: &JobView) -> Shown {
    let title = match job.kind {
        JobKind::ImportTrial => t.get("job-trial"),
        JobKind::Import => t.get("job-import"),
        JobKind::Disable => t.get("job-disable"),
        JobKind::Enable => t.get("job-enable"),
        JobKind::Delete => t.get("job-delete"),
    };
    let (state, level) = match job.state {
        JobState::Running => (t.get("job-running"), ""),
        JobState::Done if job.report.failed > 0 => (t.get("job-done-partly"), "warn"),
        JobState::Done => (t.get("job-done"), "ok"),
        JobState::Failed => (t.get("job-failed"), "error"),
        JobState::Cancelled => (t.get("job-cancelled"), "warn"),
    };
    Shown {
        id: job.id.clone(),
        title,
        subject: short(&job.subject),
        by: short(&job.by),
        started: job.started.clone(),
        ended: job.ended.clone(),
        state,
        level,
    }
}

/// `GET /admin/jobs`.
pub(super) async fn list(visit: Visit) -> Response {
    let jobs = match ask(&visit, JobRequest::List).await {
        Ok(Reply::Jobs(jobs)) => jobs,
        Ok(_) => return unexpected(),
        Err(failure) => return problem(&failure),
    };
    let shell = visit.shell(Key("jobs-title"));
    let page = JobsPage {
        jobs: jobs.iter().map(|job| shown(shell.t, job)).collect(),
        may_import: may(&visit, Right::Administer),
        shell,
    };
    render(StatusCode::OK, &page)
}

async fn ask(visit: &Visit, request: JobRequest) -> Result<Reply, Failure> {
    visit.desk().perform(&visit.actor(), Request::Jobs(request)).await
}

async fn show(visit: &Visit, status: StatusCode, faults: Faults) -> Response {
    let id = visit.param("job").to_owned();
    let mut job = match ask(visit, JobRequest::Show { job: id }).await {
        Ok(Reply::Job(job)) => *job,
        Ok(_) => return unexpected(),
        Err(failure) => return problem(&failure),
    };
    let mut shell = visit.shell(Key("jobs-title"));
    let t = shell.t;
    let shown = shown(t, &job);
    shell.title.clone_from(&shown.title);
    let is_import = matches!(job.kind, JobKind::Import | JobKind::ImportTrial);
    let report = std::mem::take(&mut job.report);
    let failed = if report.failed > 0 { "warn" } else { "" };
    let counts = match job.kind {
        _ if is_import => vec![
            (Key("job-added"), report.added, ""),
            (Key("job-updated"), report.changed, ""),
            (Key("job-skipped"), report.skipped, ""),
            (Key("job-failures"), report.failed, failed),
        ],
        JobKind::Delete => vec![
            (Key("job-removed"), report.removed, ""),
            (Key("job-failures"), report.failed, failed),
        ],
        _ => vec![
            (Key("job-changed"), report.changed, ""),
            (Key("job-failures"), report.failed, failed),
        ],
    };
    let failures = report.failures;
    let own = visit.principal().is_some_and(|principal| principal.name == job.by);
    let page = JobPage {
        is_running: job.state == JobState::Running,
        counts,
        progress: t.with("job-progress", [("done", job.done.into()), ("total", job.total.into())]),
        has_more: report.failed > failures.len().min(SHOWN) as u64,
        failures: failures
            .into_iter()
            .take(SHOWN)
            .map(|row| (row.line, short(&row.user), cut(&row.reason)))
            .collect(),
        modes: modes(t),
        mode: name_of(job.existing),
        may_cancel: may(visit, Right::Administer) || own && may(visit, Right::Help),
        may_run: may(visit, Right::Administer),
        faults,
        shown,
        job,
        shell,
    };
    render(status, &page)
}

/// `GET /admin/jobs/{job}`.
pub(super) async fn page(visit: Visit) -> Response {
    show(&visit, StatusCode::OK, Faults::default()).await
}

/// `GET /admin/jobs/{job}/result`.
pub(super) async fn result(visit: Visit) -> Response {
    let id = visit.param("job").to_owned();
    // Whether there is one is said before anything is sent.
    let first = JobRequest::Result { job: id.clone(), after: None };
    if let Err(failure) = ask(&visit, first).await {
        return problem(&failure);
    }
    let (desk, actor) = (visit.desk().clone(), visit.actor());
    csv_download(visit, "not-done.csv", move |after| {
        let (desk, actor) = (desk.clone(), actor.clone());
        let request = Request::Jobs(JobRequest::Result { job: id.clone(), after });
        async move {
            match desk.perform(&actor, request).await? {
                Reply::Exported { csv, next } => Ok((csv, next)),
                _ => Err(Failure::failed("the answer is to another question")),
            }
        }
    })
}

/// `POST /admin/jobs/{job}/cancel`.
pub(super) async fn cancel(visit: Visit) -> Response {
    let id = visit.param("job").to_owned();
    match ask(&visit, JobRequest::Cancel { job: id }).await {
        Ok(_) => visit.go(&format!("/admin/jobs/{}", visit.param("job"))),
        Err(failure) => problem(&failure),
    }
}

/// `POST /admin/jobs/{job}/run`: imports what was tried, or tries it in another way.
pub(super) async fn run(visit: Visit) -> Response {
    let job = visit.param("job").to_owned();
    let Some(existing) = mode(&visit.form) else {
        let mut faults = Faults::default();
        faults.add("mode", visit.texts().get("import-mode-missing"));
        return show(&visit, StatusCode::UNPROCESSABLE_ENTITY, faults).await;
    };
    let dry_run = visit.form.get("deed") != "run";
    let request = JobRequest::ImportTried { job, existing, dry_run };
    match ask(&visit, request).await {
        Ok(Reply::Job(job)) => visit.go(&format!("/admin/jobs/{}", job.id)),
        Ok(_) => unexpected(),
        Err(failure) => {
            let mut faults = Faults::default();
            if !fault(visit.texts(), &failure, &mut faults) {
                if failure.exit != Exit::NotFound {
                    return problem(&failure);
                }
                faults.add("", visit.texts().get("job-gone"));
            }
            show(&visit, StatusCode::UNPROCESSABLE_ENTITY, faults).await
        }
    }
}
