//! Everything of one person on one page.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::live::{self, RegistrationRow};
use crate::operations::{
    ConsoleRequest, Failure, FailureView, LiveReply, LiveRequest, NoticeReply, NoticeRequest,
    PersonDetail, PersonState, Reply, Request, Right,
};
use crate::web::{Access, Faults, Key, Route, Shell, Visit, render};

mod deeds;
mod devices;
mod presence;
mod profile;

use presence::PresencePart;
use profile::{Badge, Fact};

/// The routes of a person.
pub(super) fn routes() -> Vec<Route> {
    let help = Access::Right(Right::Help);
    vec![
        Route::get("/admin/people/{user}", super::EVERYBODY, page),
        Route::post("/admin/people/{user}/devices", help, devices::add),
        Route::post("/admin/people/{user}/devices/{device}/revoke", help, devices::revoke),
        Route::post("/admin/people/{user}/log-out", help, deeds::log_out),
        Route::post("/admin/people/{user}/test-message", help, deeds::test_message),
    ]
}

#[derive(Template)]
#[template(path = "admin/person.html")]
struct PersonPage {
    shell: Shell,
    faults: Faults,
    done: Option<String>,
    link: String,
    badges: Vec<Badge>,
    warnings: Vec<String>,
    facts: Vec<Fact>,
    devices: Vec<devices::DeviceRow>,
    revoked: Vec<devices::DeviceRow>,
    /// What was typed into the form of a new device.
    typed: String,
    md5_only: bool,
    registrations: Vec<RegistrationRow>,
    presence: PresencePart,
    held: String,
    held_link: Option<String>,
    failures: Vec<FailureRow>,
    /// Applications that the person does not want to hear from, and since when.
    mutes: Vec<(String, String)>,
    is_locked: bool,
    /// Locked by somebody here, who can let the person in again.
    is_disabled: bool,
    may_help: bool,
    /// What the audit trail has of the person, if the visitor may see it.
    trail: Option<String>,
}

struct FailureRow {
    at: String,
    reason: String,
    source: String,
    agent: String,
    times: u32,
}

/// `GET /admin/people/{user}`.
async fn page(visit: Visit) -> Response {
    show(&visit, StatusCode::OK, Faults::default()).await
}

/// Everything that is known of the person whom the path names.
async fn detail(visit: &Visit) -> Result<PersonDetail, Failure> {
    let user = visit.param("user").to_owned();
    match live::ask(visit, LiveRequest::Person { user }).await? {
        LiveReply::Person(detail) => Ok(*detail),
        _ => Err(live::unexpected()),
    }
}

async fn show(visit: &Visit, status: StatusCode, faults: Faults) -> Response {
    match compose(visit, faults).await {
        Ok(page) => render(status, &page),
        Err(failure) => live::refusal(&failure),
    }
}

async fn compose(visit: &Visit, faults: Faults) -> Result<PersonPage, Failure> {
    let detail = detail(visit).await?;
    let failures = LiveRequest::Failures { user: detail.user.clone() };
    let LiveReply::Failures(failures) = live::ask(visit, failures).await? else {
        return Err(live::unexpected());
    };
    let role = role(visit, &detail.user).await;
    let mut shell = visit.shell(Key("person-title"));
    let t = shell.t;
    let name = Some(detail.name.value.as_str()).filter(|name| !name.is_empty());
    shell.title = live::cut_at(name.unwrap_or(&detail.user), 80);
    let done = match visit.query.get("done") {
        "ended" => Some(t.get("registration-ended")),
        "revoked" => Some(t.get("device-revoked")),
        "out" => Some(t.get("person-logged-out")),
        "added" => Some(t.get("people-of-made")),
        "edited" => Some(t.get("people-of-edited")),
        "password" => Some(t.get("people-of-password-set")),
        "disabled" => Some(t.get("people-of-disabled-now")),
        "enabled" => Some(t.get("people-of-enabled-now")),
        _ => None,
    };
    let (devices, revoked) = devices::rows(&detail);
    let held = &detail.held;
    let is_locked = profile::is_locked(&detail);
    Ok(PersonPage {
        faults,
        done,
        link: live::person_link(&detail.user),
        badges: profile::badges(t, &detail),
        warnings: profile::warnings(t, &shell, &detail),
        facts: profile::facts(t, &shell, &detail, role),
        devices,
        revoked,
        typed: live::cut(visit.form.get("label")),
        md5_only: visit.form.is_set("md5-only"),
        registrations: detail
            .registrations
            .iter()
            .map(|one| RegistrationRow::new(t, one))
            .collect(),
        presence: PresencePart::new(t, &shell, &detail),
        held: match held.count {
            0 => t.get("profile-held-none"),
            count => t.with(
                "profile-held",
                [
                    ("count", count.into()),
                    ("size", live::size(held.bytes).into()),
                    ("oldest", shell.when(&held.oldest).into()),
                ],
            ),
        },
        held_link: (held.count > 0)
            .then(|| format!("/admin/queue/{}", live::encoded(&detail.user))),
        failures: failures.into_iter().take(20).map(|one| failure(&shell, one)).collect(),
        mutes: mutes(visit, &detail.user).await,
        is_locked,
        is_disabled: detail.state == PersonState::Disabled && !detail.by_directory,
        may_help: live::may(visit, Right::Help),
        trail: live::may(visit, Right::Inspect)
            .then(|| format!("/admin/audit?subject={}", live::encoded(&detail.user))),
        shell,
    })
}

/// What the person may do in this console, if the visitor may know.
async fn role(visit: &Visit, user: &str) -> Option<crate::model::Role> {
    if !live::may(visit, Right::Inspect) {
        return None;
    }
    let request = Request::Console(ConsoleRequest::List);
    match visit.desk().perform(&visit.actor(), request).await {
        Ok(Reply::Console(all)) => all.into_iter().find(|one| one.name == user).map(|one| one.role),
        _ => None,
    }
}

/// What the person does not want to hear from, if anything can be said about it.
async fn mutes(visit: &Visit, user: &str) -> Vec<(String, String)> {
    let request = Request::Notice(NoticeRequest::Mutes { user: user.to_owned() });
    match visit.desk().perform(&visit.actor(), request).await {
        Ok(Reply::Notice(reply)) => match *reply {
            NoticeReply::Mutes(mutes) => {
                mutes.into_iter().map(|one| (live::cut(&one.application), one.since)).collect()
            }
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

fn failure(shell: &Shell, one: FailureView) -> FailureRow {
    let t = shell.t;
    FailureRow {
        at: one.at,
        reason: match one.reason.as_str() {
            "password" => t.get("failure-password"),
            "unknown" => t.get("failure-unknown"),
            "locked" => t.get("failure-locked"),
            "banned" => t.get("failure-banned"),
            _ => t.get("failure-another-name"),
        },
        source: one.source,
        agent: live::cut(&one.agent),
        times: one.times,
    }
}
