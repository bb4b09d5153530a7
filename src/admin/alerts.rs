//! Alerts that an owner gets as messages.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

use crate::accounts::Origin;
use crate::model::AlertKind;
use crate::operations::{AlertRequest, AlertView, Exit, Failure, Reply, Request, Right};
use crate::web::{Access, Faults, Key, Problem, Route, Shell, Visit, render};

const OWNERS: Access = Access::Right(Right::Own);
const PATH: &str = "/admin/account/alerts";

/// The routes of one's own alerts.
pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get(PATH, OWNERS, page),
        Route::post(PATH, OWNERS, save),
        Route::post("/admin/account/alerts/test", OWNERS, test),
    ]
}

#[derive(Template)]
#[template(path = "admin/alerts.html")]
struct AlertsPage {
    shell: Shell,
    faults: Faults,
    done: Option<String>,
    is_of_directory: bool,
    person: String,
    /// Each with what it is about, and whether it is chosen.
    kinds: Vec<(&'static str, String, String, bool)>,
    /// The person who gets them now.
    saved: Option<String>,
}

const fn words(kind: AlertKind) -> (Key, Key) {
    match kind {
        AlertKind::Certificate => {
            (Key("alerts-kind-certificate"), Key("alerts-kind-certificate-detail"))
        }
        AlertKind::Directory => (Key("alerts-kind-directory"), Key("alerts-kind-directory-detail")),
        AlertKind::Disk => (Key("alerts-kind-disk"), Key("alerts-kind-disk-detail")),
        AlertKind::Memory => (Key("alerts-kind-memory"), Key("alerts-kind-memory-detail")),
    }
}

async fn perform(visit: &Visit, request: AlertRequest) -> Result<Reply, Failure> {
    visit.desk().perform(&visit.actor(), Request::Alert(request)).await
}

/// The page, with what was typed in place of what is kept where that was not taken.
async fn show(
    visit: &Visit,
    faults: Faults,
    typed: Option<AlertView>,
    done: Option<String>,
) -> Response {
    let Ok(Reply::Alert(kept)) = perform(visit, AlertRequest::Show).await else {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        return Problem::new(status, "the alerts cannot be had").into_response();
    };
    let status = if faults.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let saved = Some(kept.person.clone()).filter(|person| !person.is_empty());
    // Whoever begins wants to hear of everything.
    let begins = typed.is_none() && saved.is_none();
    let shown = typed.unwrap_or(kept);
    let t = visit.texts();
    let kind = |kind: AlertKind| {
        let (title, detail) = words(kind);
        (kind.name(), t.key(title), t.key(detail), begins || shown.kinds.contains(&kind))
    };
    let page = AlertsPage {
        faults,
        done,
        is_of_directory: visit.principal().is_none_or(|one| one.origin == Origin::Directory),
        kinds: AlertKind::ALL.map(kind).to_vec(),
        person: shown.person.clone(),
        saved,
        shell: visit.shell(Key("alerts-title")),
    };
    render(status, &page)
}

/// `GET /admin/account/alerts`.
async fn page(visit: Visit) -> Response {
    let t = visit.texts();
    let done = match visit.query.get("done") {
        "saved" => Some(t.get("alerts-saved")),
        "test" => {
            let here: u64 = visit.query.get("here").parse().unwrap_or_default();
            Some(t.of("alerts-test-here", "count", here))
        }
        _ => None,
    };
    show(&visit, Faults::default(), None, done).await
}

/// `POST /admin/account/alerts`.
async fn save(visit: Visit) -> Response {
    let person = visit.form.trimmed("person").to_owned();
    let chosen = AlertKind::ALL.into_iter().filter(|kind| visit.form.get(kind.name()) == "yes");
    let kinds: Vec<AlertKind> = chosen.collect();
    let language = visit.texts().language().name().to_owned();
    let mut faults = Faults::default();
    if kinds.is_empty() && !person.is_empty() {
        faults.add("certificate", visit.texts().get("alerts-kinds-none"));
    } else {
        let set = AlertRequest::Set { person: person.clone(), kinds: kinds.clone(), language };
        match perform(&visit, set).await {
            Ok(_) => return visit.go("/admin/account/alerts?done=saved"),
            Err(failure) if matches!(failure.exit, Exit::NotFound | Exit::Usage) => {
                faults.add("person", visit.texts().get("alerts-person-unknown"));
            }
            Err(failure) if failure.exit == Exit::Unreachable => {
                faults.add("person", visit.texts().get("busy"));
            }
            Err(failure) => {
                tracing::warn!(event = "alerts_not_set", error = %failure.message);
                faults.add("", visit.texts().get("failed"));
            }
        }
    }
    let typed = AlertView { person, kinds, language: String::new() };
    show(&visit, faults, Some(typed), None).await
}

/// `POST /admin/account/alerts/test`.
async fn test(visit: Visit) -> Response {
    match perform(&visit, AlertRequest::Test).await {
        Ok(Reply::Count(here)) => visit.go(&format!("/admin/account/alerts?done=test&here={here}")),
        _ => {
            let mut faults = Faults::default();
            faults.add("person", visit.texts().get("alerts-person-unknown"));
            show(&visit, faults, None, None).await
        }
    }
}
