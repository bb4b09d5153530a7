//! The same deed for many people: first what it means is shown, then it is done as a job.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

use super::list::Filter;
use super::{may, problem, unexpected};
use crate::operations::{Cause, JobRequest, PeopleDeed, PeopleQuery, Reply, Request, Right, Whom};
use crate::web::{Faults, Form, Key, Problem, Shell, Texts, Visit, render};

/// Names that are shown before.
const SHOWN: usize = 20;
/// People who can be ticked.
const MOST: usize = 200;

#[derive(Template)]
#[template(path = "admin/people/many.html")]
struct ManyPage {
    shell: Shell,
    faults: Faults,
    deed: &'static str,
    question: String,
    detail: String,
    button: String,
    is_delete: bool,
    names: Vec<String>,
    more: Option<String>,
    scope: String,
    query: String,
    users: String,
    count: u64,
    back: String,
}

fn deed_of(form: &Form) -> Option<PeopleDeed> {
    match form.get("deed") {
        "disable" => Some(PeopleDeed::Disable),
        "enable" => Some(PeopleDeed::Enable),
        "delete" => Some(PeopleDeed::Delete),
        _ => None,
    }
}

/// The people of a form: those who were ticked, or all whom a filter finds.
async fn whom(visit: &Visit, ticked: Vec<String>) -> Result<(Whom, Vec<String>, u64), Response> {
    if visit.form.get("scope") != "all" {
        let count = ticked.len() as u64;
        let shown = ticked.iter().take(SHOWN).cloned().collect();
        return Ok((Whom::Named(ticked), shown, count));
    }
    let unusable = |_| unreadable();
    let filter = Form::parse(visit.form.get("query").as_bytes()).map_err(unusable)?;
    let filter = Filter::read(&filter).ok_or_else(unreadable)?;
    let query = PeopleQuery { limit: 50, after: None, ..filter.query() };
    let request = Request::PeopleFind(query.clone());
    match visit.desk().perform(&visit.actor(), request).await {
        Ok(Reply::People(page)) => {
            let names = page.people.into_iter().take(SHOWN).map(|person| person.user).collect();
            Ok((Whom::Matching { query, count: page.total }, names, page.total))
        }
        Ok(_) => Err(unexpected()),
        Err(failure) => Err(problem(&failure)),
    }
}

fn unreadable() -> Response {
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    Problem::new(status, "the form does not say what to do with whom").into_response()
}

/// What is asked before it is done.
fn words(t: Texts, deed: PeopleDeed, count: u64) -> (&'static str, String, String, String) {
    match deed {
        PeopleDeed::Disable => (
            "disable",
            t.of("many-disable", "count", count),
            t.get("people-of-disable-detail"),
            t.get("people-disable"),
        ),
        PeopleDeed::Enable => (
            "enable",
            t.of("many-enable", "count", count),
            t.get("many-enable-detail"),
            t.get("people-enable"),
        ),
        PeopleDeed::Delete => (
            "delete",
            t.of("many-delete", "count", count),
            t.get("many-delete-detail"),
            t.get("people-delete"),
        ),
    }
}

struct Asked {
    deed: PeopleDeed,
    ticked: Vec<String>,
    names: Vec<String>,
    count: u64,
}

fn show(visit: &Visit, status: StatusCode, faults: Faults, asked: &Asked) -> Response {
    let mut shell = visit.shell(Key("people-many"));
    let (deed, question, detail, button) = words(shell.t, asked.deed, asked.count);
    shell.title.clone_from(&question);
    let left = asked.count.saturating_sub(asked.names.len() as u64);
    let query = visit.form.get("query").to_owned();
    let page = ManyPage {
        more: (left > 0).then(|| shell.t.of("many-more", "count", left)),
        faults,
        deed,
        question,
        detail,
        button,
        is_delete: asked.deed == PeopleDeed::Delete,
        names: asked.names.clone(),
        scope: visit.form.get("scope").to_owned(),
        back: if query.is_empty() { String::new() } else { format!("?{query}") },
        query,
        users: asked.ticked.join(" "),
        count: asked.count,
        shell,
    };
    render(status, &page)
}

/// `POST /admin/people/bulk`: changes nothing, and asks.
pub(super) async fn ask(visit: Visit) -> Response {
    let Some(deed) = deed_of(&visit.form) else { return unreadable() };
    if deed == PeopleDeed::Delete && !may(&visit, Right::Administer) {
        let detail = "your role does not permit this";
        return Problem::new(StatusCode::FORBIDDEN, detail).into_response();
    }
    let ticked: Vec<String> = visit.form.names("u.").take(MOST).map(str::to_owned).collect();
    let (_, names, count) = match whom(&visit, ticked.clone()).await {
        Ok(whom) => whom,
        Err(response) => return response,
    };
    let asked = Asked { deed, ticked, names, count };
    if count == 0 {
        let mut faults = Faults::default();
        faults.add("", visit.texts().get("many-nobody"));
        return show(&visit, StatusCode::UNPROCESSABLE_ENTITY, faults, &asked);
    }
    show(&visit, StatusCode::OK, Faults::default(), &asked)
}

/// `POST /admin/people/bulk/run`.
pub(super) async fn run(visit: Visit) -> Response {
    let (t, form) = (visit.texts(), &visit.form);
    let Some(deed) = deed_of(form) else { return unreadable() };
    // No name of a person has a space.
    let ticked: Vec<String> = form.get("users").split_whitespace().map(str::to_owned).collect();
    let (whom, names, count) = match whom(&visit, ticked.clone()).await {
        Ok(whom) => whom,
        Err(response) => return response,
    };
    let asked = Asked { deed, ticked, names, count };
    let refuse = |field, text| {
        let mut faults = Faults::default();
        faults.add(field, text);
        show(&visit, StatusCode::UNPROCESSABLE_ENTITY, faults, &asked)
    };
    if count == 0 {
        return refuse("", t.get("many-nobody"));
    }
    // They may be others by now than when somebody was asked.
    if form.get("count").parse() != Ok(count) {
        return refuse("", t.of("many-changed", "count", count));
    }
    if deed == PeopleDeed::Delete && form.trimmed("typed").parse() != Ok(count) {
        return refuse("typed", t.get("many-typed-differs"));
    }
    let request = Request::Jobs(JobRequest::People { deed, whom });
    match visit.desk().perform(&visit.actor(), request).await {
        Ok(Reply::Job(job)) => visit.go(&format!("/admin/jobs/{}", job.id)),
        Ok(_) => unexpected(),
        Err(failure) => match failure.cause {
            Some(Cause::Count(count)) => refuse("", t.of("many-changed", "count", count)),
            Some(Cause::Busy) => refuse("", t.get("job-busy")),
            _ if !may(&visit, failure_right(deed)) => {
                Problem::new(StatusCode::FORBIDDEN, failure.message).into_response()
            }
            _ => problem(&failure),
        },
    }
}

const fn failure_right(deed: PeopleDeed) -> Right {
    match deed {
        PeopleDeed::Delete => Right::Administer,
        PeopleDeed::Disable | PeopleDeed::Enable => Right::Help,
    }
}
