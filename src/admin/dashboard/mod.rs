//! The first page: how the server is, what needs attention, what is left to set up. It stays up to date
//! while somebody looks at it.

use std::sync::Arc;

use askama::Template;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

use attention::{Attention, attention};
use checklist::{Beside, Step, beside, checklist};
use tiles::{Tile, tiles};

use super::charts::{self, Figure};
use crate::operations::{HistoryView, Reply, Request, Series, Status, Window};
use crate::web::{Key, Problem, Route, Shell, Visit, render};

mod attention;
mod checklist;
mod tiles;

/// The routes of the first page.
pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/admin", super::EVERYBODY, page),
        Route::live("/admin/live", super::EVERYBODY, tell),
    ]
}

/// What the page asks of the past.
const SERIES: &[Series] = &[
    Series::Accepted,
    Series::Delivered,
    Series::Held,
    Series::Failed,
    Series::Online,
    Series::DeliveryTime,
    Series::DirectoryTime,
    Series::CacheHits,
    Series::CommitTime,
];

/// Where a part of the page leads, if there is such a page and the visitor may see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    People,
    Registrations,
    Queue,
    Directory,
    Readings,
    Certificates,
    Dns,
    Team,
    Charts,
}

/// Each place: the page of the navigation that it belongs to, and where it is.
const LINKS: [(Place, &str, &str); 9] = [
    (Place::People, "/admin/people", "/admin/people"),
    (Place::Registrations, "/admin/registrations", "/admin/registrations"),
    (Place::Queue, "/admin/queue", "/admin/queue"),
    (Place::Directory, "/admin/directory", "/admin/directory"),
    (Place::Readings, "/admin/directory", "/admin/directory/sync"),
    (Place::Certificates, "/admin/certificates", "/admin/certificates"),
    (Place::Dns, "/admin/dns", "/admin/dns"),
    (Place::Team, "/admin/team", "/admin/team"),
    (Place::Charts, "/admin/charts", "/admin/charts"),
];

/// Where a place is; nothing where there is no such page.
fn link(shell: &Shell, place: Place) -> Option<&'static str> {
    let (_, page, path) = LINKS.into_iter().find(|(known, ..)| *known == place)?;
    shell.has_page(page).then_some(path)
}

/// What the page is made of.
struct Facts {
    status: Box<Status>,
    window: Window,
    history: HistoryView,
    beside: Beside,
}

impl Facts {
    async fn gather(visit: &Visit) -> Result<Facts, Response> {
        let reply = visit.desk().perform(&visit.actor(), Request::Status).await;
        let Ok(Reply::Status(status)) = reply else {
            let status = StatusCode::INTERNAL_SERVER_ERROR;
            return Err(Problem::new(status, "the status cannot be had").into_response());
        };
        let (window, history) = charts::telling(visit, SERIES).await?;
        Ok(Facts { status, window, history, beside: beside(visit).await })
    }

    /// A series in the last minute.
    fn now(&self, series: Series) -> Option<f64> {
        self.history.series.iter().find(|one| one.series == series)?.now
    }
}

/// The parts that are told anew.
#[derive(Template)]
#[template(path = "admin/dashboard-live.html")]
struct Live {
    shell: Shell,
    attention: Vec<Attention>,
    tiles: Vec<Tile>,
}

impl Live {
    fn new(shell: Shell, facts: &Facts) -> Live {
        Live { attention: attention(&shell, facts), tiles: tiles(&shell, facts), shell }
    }
}

#[derive(Template)]
#[template(path = "admin/dashboard.html")]
struct Dashboard {
    shell: Shell,
    attention: Vec<Attention>,
    tiles: Vec<Tile>,
    past: String,
    figure: Figure,
    /// Whether there is a page with more of them.
    has_charts: bool,
    checklist: Vec<Step>,
    /// Whether anything of it is left to do.
    is_unfinished: bool,
    listeners: Vec<(&'static str, String)>,
    version: String,
}

/// `GET /admin`.
async fn page(visit: Visit) -> Response {
    let facts = match Facts::gather(&visit).await {
        Ok(facts) => facts,
        Err(refusal) => return refusal,
    };
    let Live { shell, attention, tiles } = Live::new(visit.shell(Key("dashboard-title")), &facts);
    let (t, status) = (shell.t, &facts.status);
    let checklist = checklist(&shell, status, &facts.beside);
    let page = Dashboard {
        attention,
        tiles,
        past: t.key(if facts.window == Window::Hours { Key("past-hours") } else { Key("past") }),
        figure: charts::of_messages(t, facts.window, &facts.history),
        has_charts: link(&shell, Place::Charts).is_some(),
        is_unfinished: checklist.iter().any(|step| !step.done),
        checklist,
        listeners: listeners(status),
        version: t.with(
            "version-line",
            [
                ("version", status.version.clone().into()),
                ("hours", (status.uptime / 3_600).into()),
                ("workers", status.workers.into()),
            ],
        ),
        shell,
    };
    render(StatusCode::OK, &page)
}

/// `GET /admin/live`: the parts of the page that change.
async fn tell(visit: Arc<Visit>) -> Option<String> {
    let facts = Facts::gather(&visit).await.ok()?;
    let live = Live::new(visit.shell(Key("dashboard-title")), &facts);
    live.render().ok()
}

fn listeners(status: &Status) -> Vec<(&'static str, String)> {
    let listeners = &status.listeners;
    let of = |name: &'static str, all: &[String]| -> Vec<(&'static str, String)> {
        all.iter().map(|address| (name, address.clone())).collect()
    };
    let mut all = of("SIP", &listeners.sip);
    all.extend(of("HTTP", &listeners.web));
    all.extend(of("MSRP", &listeners.msrp));
    all
}
