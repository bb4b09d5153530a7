//! What the server was like: charts of hours to years, drawn here.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

use figure::{Subject, Unit};

pub(super) use figure::{Figure, number};

use crate::operations::{HistoryRequest, HistoryView, Reply, Request, Series, Window};
use crate::web::{Key, Problem, Route, Shell, Texts, Visit, render};

mod draw;
mod figure;

/// Quarters of an hour of which a chart of the day says little: those of two hours.
const FEW: usize = 8;

/// What is shown, in this order.
const SUBJECTS: &[Subject] = &[
    subject(
        "people",
        Key("chart-people"),
        Unit::Count,
        &[(Series::Devices, Key("line-devices")), (Series::Online, Key("line-online"))],
    ),
    MESSAGES,
    subject(
        "delivery",
        Key("chart-delivery"),
        Unit::Seconds,
        &[(Series::DeliveryTime, Key("line-delivery"))],
    ),
    subject(
        "waiting",
        Key("chart-waiting"),
        Unit::Count,
        &[(Series::Waiting, Key("line-waiting"))],
    ),
    subject(
        "failures",
        Key("chart-failures"),
        Unit::PerMinute,
        &[(Series::AuthFailures, Key("line-failures"))],
    ),
    subject("bans", Key("chart-bans"), Unit::Count, &[(Series::Bans, Key("line-bans"))]),
    of_directory(
        "directory",
        Key("chart-directory"),
        Unit::Seconds,
        &[(Series::DirectoryTime, Key("line-directory"))],
    ),
    of_directory(
        "directory-errors",
        Key("chart-directory-errors"),
        Unit::PerMinute,
        &[(Series::DirectoryErrors, Key("line-directory-errors"))],
    ),
    of_directory(
        "cache",
        Key("chart-cache"),
        Unit::Share,
        &[(Series::CacheHits, Key("line-cache"))],
    ),
    subject(
        "subscriptions",
        Key("chart-subscriptions"),
        Unit::Count,
        &[(Series::Subscriptions, Key("line-subscriptions"))],
    ),
    subject(
        "notifies",
        Key("chart-notifies"),
        Unit::PerMinute,
        &[(Series::Notifies, Key("line-notifies"))],
    ),
    subject(
        "sip",
        Key("chart-sip"),
        Unit::PerMinute,
        &[(Series::SipRequests, Key("line-sip")), (Series::SipFailures, Key("line-sip-failures"))],
    ),
    subject(
        "memory",
        Key("chart-memory"),
        Unit::Bytes,
        &[(Series::Memory, Key("line-memory")), (Series::StoreSize, Key("line-store"))],
    ),
    subject(
        "commits",
        Key("chart-commits"),
        Unit::Seconds,
        &[(Series::CommitTime, Key("line-commits"))],
    ),
    subject(
        "descriptors",
        Key("chart-descriptors"),
        Unit::Count,
        &[(Series::Descriptors, Key("line-descriptors"))],
    ),
];

/// What the first page shows.
const MESSAGES: Subject = subject(
    "messages",
    Key("chart-messages"),
    Unit::PerMinute,
    &[
        (Series::Accepted, Key("line-accepted")),
        (Series::Delivered, Key("line-delivered")),
        (Series::Held, Key("line-held")),
        (Series::Failed, Key("line-failed")),
    ],
);

const fn subject(
    id: &'static str,
    title: Key,
    unit: Unit,
    lines: &'static [(Series, Key)],
) -> Subject {
    Subject { id, title, unit, lines, of_directory: false }
}

const fn of_directory(
    id: &'static str,
    title: Key,
    unit: Unit,
    lines: &'static [(Series, Key)],
) -> Subject {
    Subject { id, title, unit, lines, of_directory: true }
}

/// The route of the charts.
pub(super) fn routes() -> Vec<Route> {
    vec![Route::get("/admin/charts", super::EVERYBODY, page)]
}

#[derive(Template)]
#[template(path = "admin/charts.html")]
struct Charts {
    shell: Shell,
    /// Each with whether it is the chosen one.
    windows: Vec<(&'static str, String, bool)>,
    figures: Vec<Figure>,
}

/// Figures of the past, or what is to be answered instead.
pub(super) async fn history(
    visit: &Visit,
    window: Window,
    series: &[Series],
) -> Result<HistoryView, Response> {
    let request = Request::History(HistoryRequest { window, series: series.to_vec() });
    match visit.desk().perform(&visit.actor(), request).await {
        Ok(Reply::History(view)) => Ok(*view),
        _ => {
            let status = StatusCode::INTERNAL_SERVER_ERROR;
            Err(Problem::new(status, "the figures cannot be had").into_response())
        }
    }
}

/// Figures of the last day; of the last hours where a chart of the day would have next to nothing.
pub(super) async fn telling(
    visit: &Visit,
    series: &[Series],
) -> Result<(Window, HistoryView), Response> {
    let view = history(visit, Window::Day, series).await?;
    if view.series.iter().any(|one| one.points.iter().flatten().count() >= FEW) {
        return Ok((Window::Day, view));
    }
    Ok((Window::Hours, history(visit, Window::Hours, series).await?))
}

/// The chart of the first page.
pub(super) fn of_messages(t: Texts, window: Window, view: &HistoryView) -> Figure {
    Figure::new(t, &MESSAGES, window, view)
}

/// `GET /admin/charts?window=24h`.
async fn page(visit: Visit) -> Response {
    let told = match visit.query.get("window") {
        "" => telling(&visit, Series::ALL).await,
        word => {
            let Some(window) = Window::parse(word) else {
                let status = StatusCode::UNPROCESSABLE_ENTITY;
                return Problem::new(status, "there are no charts of such a time").into_response();
            };
            history(&visit, window, Series::ALL).await.map(|view| (window, view))
        }
    };
    let (window, view) = match told {
        Ok(told) => told,
        Err(refusal) => return refusal,
    };
    let reply = visit.desk().perform(&visit.actor(), Request::Status).await;
    let has_directory = matches!(&reply, Ok(Reply::Status(status)) if status.ldap.state != "off");
    let shell = visit.shell(Key("charts-title"));
    let shown = SUBJECTS.iter().filter(|subject| has_directory || !subject.of_directory);
    let figures = shown.map(|subject| Figure::new(shell.t, subject, window, &view)).collect();
    let windows =
        Window::ALL.map(|one| (one.name(), shell.t.key(figure::period(one)), one == window));
    render(StatusCode::OK, &Charts { windows: windows.to_vec(), figures, shell })
}
