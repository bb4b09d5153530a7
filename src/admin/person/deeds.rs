//! What is done to a person from his page: every registration ended, and a message to see whether
//! any arrives.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::live::{self, RegistrationRow};
use crate::operations::{LiveReply, LiveRequest, Request, TestView, TriedDevice};
use crate::web::{Key, Shell, Texts, Visit, render};

#[derive(Template)]
#[template(path = "admin/person-trial.html")]
struct TrialPage {
    shell: Shell,
    link: String,
    level: &'static str,
    summary: String,
    devices: Vec<TriedRow>,
    later: Vec<String>,
}

struct TriedRow {
    registration: RegistrationRow,
    level: &'static str,
    answer: String,
}

/// `POST /admin/people/{user}/log-out`.
pub(super) async fn log_out(visit: Visit) -> Response {
    let user = visit.param("user").to_owned();
    let request = Request::Live(LiveRequest::LogOut { user: user.clone() });
    match visit.desk().perform(&visit.actor(), request).await {
        Ok(_) => visit.go(&format!("{}?done=out", live::person_link(&user))),
        Err(failure) => live::refusal(&failure),
    }
}

/// `POST /admin/people/{user}/test-message`. What each device said is shown at once, and nowhere later.
pub(super) async fn test_message(visit: Visit) -> Response {
    let user = visit.param("user").to_owned();
    let trial = match live::ask(&visit, LiveRequest::TestMessage { user: user.clone() }).await {
        Ok(LiveReply::Tried(trial)) => trial,
        Ok(_) => return live::refusal(&live::unexpected()),
        Err(failure) => return live::refusal(&failure),
    };
    let shell = visit.shell(Key("trial-title"));
    let t = shell.t;
    let (level, summary) = summary(t, &trial);
    let page = TrialPage {
        link: live::person_link(&user),
        level,
        summary,
        devices: trial.devices.iter().map(|one| tried(t, one)).collect(),
        later: trial
            .later
            .iter()
            .map(|device| live::cut_at(&live::device_name(t, device), 60))
            .collect(),
        shell,
    };
    render(StatusCode::OK, &page)
}

fn summary(t: Texts, trial: &TestView) -> (&'static str, String) {
    match trial.ending.as_str() {
        "delivered" => ("ok", t.get("trial-delivered")),
        "held" if trial.devices.is_empty() => ("", t.get("trial-away")),
        "held" => ("", t.get("trial-held")),
        "refused" => ("error", t.of("trial-refused", "status", trial.status.unwrap_or_default())),
        "full" => ("error", t.get("trial-full")),
        _ => ("error", t.get("trial-not-sent")),
    }
}

fn tried(t: Texts, one: &TriedDevice) -> TriedRow {
    let (level, answer) = match one.status {
        Some(status @ 200..=299) => ("ok", t.of("tried-took", "status", status)),
        Some(status @ (401 | 407)) => ("error", t.of("tried-asks", "status", status)),
        Some(status @ (404 | 410)) => ("error", t.of("tried-unknown", "status", status)),
        Some(status @ (405 | 415 | 501)) => ("error", t.of("tried-cannot", "status", status)),
        Some(status @ (480 | 486 | 600 | 603)) => ("warn", t.of("tried-not-now", "status", status)),
        Some(413) => ("error", t.get("tried-too-large")),
        Some(status) => ("error", t.of("tried-refused", "status", status)),
        None if one.is_unreachable => ("error", t.get("tried-unreachable")),
        None => ("warn", t.get("tried-silent")),
    };
    TriedRow { registration: RegistrationRow::new(t, &one.registration), level, answer }
}
