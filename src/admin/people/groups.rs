//! Groups: those that accounts here are in, and those of the directory.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::{may, problem, query_of, short, unexpected};
use crate::operations::{Reply, Request, Right};
use crate::web::{Key, Shell, Visit, render};

/// Groups that a page shows.
const MOST: usize = 200;

#[derive(Template)]
#[template(path = "admin/people/groups.html")]
struct GroupsPage {
    shell: Shell,
    q: String,
    total: String,
    rows: Vec<Row>,
    more: Option<String>,
    has_any: bool,
    may_add: bool,
}

struct Row {
    name: String,
    link: String,
    here: u64,
    of_directory: u64,
}

/// `GET /admin/groups`.
pub(super) async fn page(visit: Visit) -> Response {
    let groups = match visit.desk().perform(&visit.actor(), Request::GroupList).await {
        Ok(Reply::Groups(groups)) => groups,
        Ok(_) => return unexpected(),
        Err(failure) => return problem(&failure),
    };
    let shell = visit.shell(Key("groups-title"));
    let q = visit.query.trimmed("q").to_owned();
    let wanted = q.to_lowercase();
    let has_any = !groups.is_empty();
    let mut rows: Vec<Row> = groups
        .into_iter()
        .filter(|group| wanted.is_empty() || group.name.to_lowercase().contains(&wanted))
        .map(|group| Row {
            link: format!("/admin/people?{}", query_of(&[("group", &group.name)])),
            name: short(&group.name),
            here: group.here,
            of_directory: group.of_directory,
        })
        .collect();
    let count = rows.len();
    rows.truncate(MOST);
    let page = GroupsPage {
        total: shell.t.of("groups-count", "count", count),
        more: (count > MOST).then(|| shell.t.of("groups-more", "count", MOST)),
        may_add: may(&visit, Right::Help),
        q,
        rows,
        has_any,
        shell,
    };
    render(StatusCode::OK, &page)
}
