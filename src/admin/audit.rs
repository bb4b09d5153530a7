//! The audit trail: who did what, looked through, held against itself, and taken away as a file.

use askama::Template;
use axum::body::Body;
use axum::http::StatusCode;
use axum::response::Response;
use futures_util::stream;

use super::{answer, deeds};
use crate::accounts::csv;
use crate::clock::WallTime;
use crate::operations::{
    AuditFilter, AuditLine, AuditPage, AuditReport, AuditRequest, Failure, Reply, Request, Right,
};
use crate::text::visible;
use crate::web::{Access, Faults, Form, Key, Route, Shell, Visit, render};

/// Lines of one page.
const PAGE: u32 = 50;
/// Lines that are read at once for a file.
const PART: u32 = 500;
/// Characters of a text that a page shows; the file has all of it.
const LONGEST: usize = 160;
/// A day, in seconds.
const DAY: std::time::Duration = std::time::Duration::from_secs(86_400);

/// The routes of the audit trail.
pub(super) fn routes() -> Vec<Route> {
    let inspect = Access::Right(Right::Inspect);
    vec![
        Route::get("/admin/audit", inspect, page),
        Route::post("/admin/audit/verify", inspect, verify),
        Route::get("/admin/audit/audit.csv", inspect, as_csv),
        Route::get("/admin/audit/audit.ndjson", inspect, as_ndjson),
    ]
}

/// What somebody looks for, as he typed it.
#[derive(Clone, Debug, Default)]
struct Wanted {
    actor: String,
    action: String,
    subject: String,
    since: String,
    until: String,
}

impl Wanted {
    fn of(query: &Form) -> Wanted {
        let field = |name: &str| query.trimmed(name).to_owned();
        Wanted {
            actor: field("actor"),
            action: field("action"),
            subject: field("subject"),
            since: field("since"),
            until: field("until"),
        }
    }

    fn is_empty(&self) -> bool {
        let all = [&self.actor, &self.action, &self.subject, &self.since, &self.until];
        all.into_iter().all(String::is_empty)
    }

    /// As a question, or the field that cannot be read.
    fn filter(&self) -> Result<AuditFilter, &'static str> {
        let text = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
        let day = |text: &String, field| match text.as_str() {
            "" => Ok(None),
            text => WallTime::of_day(text).map(Some).ok_or(field),
        };
        Ok(AuditFilter {
            actor: text(&self.actor),
            action: text(&self.action),
            subject: text(&self.subject),
            since: day(&self.since, "since")?,
            // The last day counts.
            until: day(&self.until, "until")?.map(|day| day + DAY),
        })
    }

    /// A page with the same question.
    fn link(&self, path: &str, before: &str) -> String {
        answer::link(
            path,
            &[
                ("actor", &self.actor),
                ("action", &self.action),
                ("subject", &self.subject),
                ("since", &self.since),
                ("until", &self.until),
                ("before", before),
            ],
        )
    }
}

#[derive(Template)]
#[template(path = "admin/audit.html")]
struct AuditTemplate {
    shell: Shell,
    faults: Faults,
    wanted: Wanted,
    kinds: Vec<(String, String)>,
    rows: Vec<Row>,
    /// Whether lines were looked at in vain and there are more.
    goes_on: bool,
    first: Option<String>,
    next: Option<String>,
    csv: String,
    ndjson: String,
    report: Option<AuditReport>,
}

struct Row {
    sequence: u64,
    at: String,
    actor: String,
    source: String,
    title: Option<Key>,
    action: String,
    subject: String,
    detail: String,
    done: bool,
}

/// `GET /admin/audit`.
async fn page(visit: Visit) -> Response {
    show(&visit, None).await
}

/// `POST /admin/audit/verify`.
async fn verify(visit: Visit) -> Response {
    let request = Request::Audit(AuditRequest::Verify);
    match visit.desk().perform(&visit.actor(), request).await {
        Ok(Reply::AuditReport(report)) => show(&visit, Some(report)).await,
        Ok(_) => answer::unexpected(),
        Err(failure) => answer::problem(&failure),
    }
}

async fn show(visit: &Visit, report: Option<AuditReport>) -> Response {
    let shell = visit.shell(Key("audit-title"));
    let wanted = Wanted::of(&visit.query);
    let mut faults = Faults::default();
    let before = match visit.query.get("before") {
        "" => None,
        text => {
            let before = text.parse::<u64>().ok();
            if before.is_none() {
                faults.add("", shell.t.get("audit-no-page"));
            }
            before
        }
    };
    let found = match wanted.filter() {
        Ok(filter) if faults.is_empty() => match read(visit, before, PAGE, filter).await {
            Ok(page) => page,
            Err(failure) => return answer::problem(&failure),
        },
        Ok(_) => AuditPage::default(),
        Err(field) => {
            faults.add(field, shell.t.get("audit-no-day"));
            AuditPage::default()
        }
    };
    let status = if faults.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let next = found.next.map(|next| wanted.link("/admin/audit", &next.to_string()));
    let mut kinds = vec![(String::new(), shell.t.get("audit-all"))];
    kinds.extend(deeds::KINDS.map(|(kind, title)| (kind.to_owned(), shell.t.key(title))));
    if !kinds.iter().any(|(kind, _)| *kind == wanted.action) {
        kinds.push((wanted.action.clone(), cut(&wanted.action)));
    }
    let page = AuditTemplate {
        kinds,
        goes_on: found.entries.is_empty() && next.is_some(),
        first: before.map(|_| wanted.link("/admin/audit", "")),
        next,
        csv: wanted.link("/admin/audit/audit.csv", ""),
        ndjson: wanted.link("/admin/audit/audit.ndjson", ""),
        rows: found.entries.into_iter().map(row).collect(),
        faults,
        wanted,
        report,
        shell,
    };
    render(status, &page)
}

fn row(line: AuditLine) -> Row {
    Row {
        sequence: line.sequence,
        at: line.at,
        actor: cut(&line.actor),
        source: cut(&line.source),
        title: deeds::title(&line.action),
        action: cut(&line.action),
        subject: cut(&line.subject),
        // What was, and what is.
        detail: cut(&line.detail).replace(" -> ", " → "),
        done: line.done,
    }
}

/// As much of a text as a page shows, without anything that would steer what is read.
fn cut(text: &str) -> String {
    let mut out = String::new();
    visible::push(&mut out, text, LONGEST);
    out
}

async fn read(
    visit: &Visit,
    before: Option<u64>,
    limit: u32,
    filter: AuditFilter,
) -> Result<AuditPage, Failure> {
    let request = Request::Audit(AuditRequest::Before { before, limit, filter });
    match visit.desk().perform(&visit.actor(), request).await? {
        Reply::Audit(page) => Ok(page),
        _ => Err(Failure::failed("the answer is of another kind")),
    }
}

/// `GET /admin/audit/audit.csv`.
async fn as_csv(visit: Visit) -> Response {
    let head = "line,time,who,from,did,to,detail,done\r\n";
    file(visit, ("text/csv; charset=utf-8", "audit.csv"), head, |line, out| {
        let (number, done) = (line.sequence.to_string(), if line.done { "yes" } else { "no" });
        let AuditLine { at, actor, source, action, subject, detail, .. } = line;
        csv::write_guarded(&[&number, at, actor, source, action, subject, detail, done], out);
    })
}

/// `GET /admin/audit/audit.ndjson`.
async fn as_ndjson(visit: Visit) -> Response {
    file(visit, ("application/x-ndjson", "audit.ndjson"), "", |line, out| {
        if let Ok(text) = serde_json::to_string(line) {
            out.push_str(&text);
            out.push('\n');
        }
    })
}

/// A file of the lines that are asked for, the newest first, made while it is sent: however long the
/// trail is, some hundred lines of it are in memory.
fn file(
    visit: Visit,
    (kind, name): (&'static str, &str),
    head: &'static str,
    write: impl Fn(&AuditLine, &mut String) + Send + Sync + Copy + 'static,
) -> Response {
    let Ok(filter) = Wanted::of(&visit.query).filter() else {
        return answer::problem(&Failure::usage("a day is written as 2026-11-29"));
    };
    // Where it goes on, and what stands before it; nothing at the end.
    let begin = Some((None, head.to_owned()));
    let parts = stream::unfold((visit, filter, begin), move |(visit, filter, at)| async move {
        let (before, mut text) = at?;
        if !visit.stands() {
            return Some((
                Err(Failure::refused("whoever asked is signed out")),
                (visit, filter, None),
            ));
        }
        match read(&visit, before, PART, filter.clone()).await {
            Ok(page) => {
                for line in &page.entries {
                    write(line, &mut text);
                }
                let next = page.next.map(|next| (Some(next), String::new()));
                Some((Ok(text), (visit, filter, next)))
            }
            // The connection ends before the file does: nobody takes half of it for the whole.
            Err(failure) => Some((Err(failure), (visit, filter, None))),
        }
    });
    answer::download(kind, name, Body::from_stream(parts))
}
