//! The list of people.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

use super::{path_of, problem, query_of, short, unexpected};
use crate::operations::{
    PeopleQuery, PersonSource, PersonState, PersonView, Reply, Request, Right,
};
use crate::web::{Faults, Form, Key, Problem, Shell, Texts, Visit, render};

/// How many people a page shows.
const LIMITS: [u32; 3] = [50, 100, 200];

/// What somebody looks for, as the query of the page says it.
#[derive(Clone, Debug, Default)]
pub(super) struct Filter {
    q: String,
    source: String,
    state: String,
    group: String,
    registered: String,
    limit: u32,
    after: String,
}

impl Filter {
    /// Reads the query of a page; `None` if it asks for what there is not.
    pub(super) fn read(query: &Form) -> Option<Filter> {
        let one_of = |name: &str, known: &[&str]| {
            let value = query.get(name);
            known.contains(&value).then(|| value.to_owned())
        };
        // There is one order, and a page that asks for another must not look as if it got it.
        one_of("sort", &["", "name"])?;
        let limit = match query.get("limit") {
            "" => 50,
            text => text.parse().ok().filter(|limit| LIMITS.contains(limit))?,
        };
        Some(Filter {
            q: query.trimmed("q").to_owned(),
            source: one_of("source", &["", "local", "directory"])?,
            state: one_of("state", &["", "active", "disabled", "absent", "held"])?,
            group: query.trimmed("group").to_owned(),
            registered: one_of("registered", &["", "yes", "no"])?,
            limit,
            after: query.get("after").to_owned(),
        })
    }

    /// As it is asked.
    pub(super) fn query(&self) -> PeopleQuery {
        let some = |text: &String| (!text.is_empty()).then(|| text.clone());
        PeopleQuery {
            text: self.q.clone(),
            source: match self.source.as_str() {
                "local" => Some(PersonSource::Local),
                "directory" => Some(PersonSource::Directory),
                _ => None,
            },
            state: match self.state.as_str() {
                "active" => Some(PersonState::Active),
                "disabled" => Some(PersonState::Disabled),
                "absent" => Some(PersonState::Absent),
                "held" => Some(PersonState::Held),
                _ => None,
            },
            online: match self.registered.as_str() {
                "yes" => Some(true),
                "no" => Some(false),
                _ => None,
            },
            group: some(&self.group),
            after: some(&self.after),
            limit: self.limit,
            ..PeopleQuery::default()
        }
    }

    /// What stands behind the question mark, for the page that begins after `after`.
    pub(super) fn text(&self, after: &str) -> String {
        let limit = self.limit.to_string();
        let limit = if self.limit == LIMITS[0] { "" } else { limit.as_str() };
        query_of(&[
            ("q", &self.q),
            ("source", &self.source),
            ("state", &self.state),
            ("group", &self.group),
            ("registered", &self.registered),
            ("limit", limit),
            ("after", after),
        ])
    }

    /// The path of a page.
    fn page(&self, after: &str) -> String {
        match self.text(after).as_str() {
            "" => "/admin/people".to_owned(),
            query => format!("/admin/people?{query}"),
        }
    }

    fn is_empty(&self) -> bool {
        let fields = [&self.q, &self.source, &self.state, &self.group, &self.registered];
        fields.into_iter().all(String::is_empty)
    }
}

#[derive(Template)]
#[template(path = "admin/people/list.html")]
struct ListPage {
    shell: Shell,
    faults: Faults,
    done: Option<String>,
    filter: Filter,
    sources: Vec<(&'static str, String)>,
    states: Vec<(&'static str, String)>,
    registered: Vec<(&'static str, String)>,
    limits: Vec<(String, String)>,
    limit: String,
    total: String,
    rows: Vec<Row>,
    scopes: Vec<(&'static str, String)>,
    query: String,
    first: Option<String>,
    next: Option<String>,
    is_empty: bool,
    may_add: bool,
    may_import: bool,
    may_export: bool,
    may_delete: bool,
}

struct Row {
    user: String,
    path: String,
    name: String,
    mail: String,
    source: String,
    state: String,
    level: &'static str,
    devices: u32,
    is_online: bool,
    seen: String,
}

fn row(t: Texts, person: PersonView) -> Row {
    let (state, level) = match person.state {
        PersonState::Active => (t.get("people-of-active"), ""),
        PersonState::Disabled if person.by_directory => (t.get("people-of-locked-there"), "warn"),
        PersonState::Disabled => (t.get("people-of-disabled"), "warn"),
        PersonState::Absent => (t.get("people-of-absent"), "error"),
        PersonState::Held => (t.get("people-kept-in"), "warn"),
    };
    let day = person.last_used.as_deref().and_then(|at| at.split('T').next()).unwrap_or("–");
    Row {
        path: path_of(&person.user),
        name: short(&person.name),
        mail: short(&person.mail),
        source: match person.source {
            PersonSource::Local => t.get("people-of-local"),
            PersonSource::Directory => t.get("people-of-directory"),
        },
        state,
        level,
        devices: person.devices,
        is_online: person.online,
        seen: if person.online { t.get("people-of-now") } else { day.to_owned() },
        user: person.user,
    }
}

/// The answer to a query that asks for what there is not.
pub(super) fn unreadable() -> Response {
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    Problem::new(status, "the list is not asked for like that").into_response()
}

/// `GET /admin/people`.
pub(super) async fn page(visit: Visit) -> Response {
    let Some(filter) = Filter::read(&visit.query) else { return unreadable() };
    let request = Request::PeopleFind(filter.query());
    let found = match visit.desk().perform(&visit.actor(), request).await {
        Ok(Reply::People(found)) => found,
        Ok(_) => return unexpected(),
        Err(failure) => return problem(&failure),
    };
    let shell = visit.shell(Key("people-title"));
    let t = shell.t;
    let any = |text: String| ("", text);
    let done = match visit.query.get("done") {
        "deleted" => Some(t.get("people-of-deleted")),
        _ => None,
    };
    let total = if found.more_than_total {
        t.of("people-more", "count", found.total)
    } else {
        t.of("people-count", "count", found.total)
    };
    let may_help = super::may(&visit, Right::Help);
    let page = ListPage {
        faults: Faults::default(),
        done,
        sources: vec![
            any(t.get("people-any")),
            ("local", t.get("people-of-local")),
            ("directory", t.get("people-of-directory")),
        ],
        states: vec![
            any(t.get("people-any")),
            ("active", t.get("people-of-active")),
            ("disabled", t.get("people-of-disabled")),
            ("absent", t.get("people-of-absent")),
            ("held", t.get("people-kept-in")),
        ],
        registered: vec![
            any(t.get("people-any")),
            ("yes", t.get("people-registered-yes")),
            ("no", t.get("people-registered-no")),
        ],
        limits: LIMITS.map(|limit| (limit.to_string(), limit.to_string())).into(),
        limit: filter.limit.to_string(),
        total,
        scopes: vec![
            ("ticked", t.get("people-ticked")),
            ("all", t.of("people-all", "count", found.total)),
        ],
        query: filter.text(""),
        first: (!filter.after.is_empty()).then(|| filter.page("")),
        next: found.next.as_deref().map(|next| filter.page(next)),
        is_empty: filter.is_empty(),
        may_add: may_help,
        may_import: super::may(&visit, Right::Administer),
        may_export: super::may(&visit, Right::Inspect),
        may_delete: super::may(&visit, Right::Administer),
        rows: found.people.into_iter().map(|person| row(t, person)).collect(),
        filter,
        shell,
    };
    render(StatusCode::OK, &page)
}
