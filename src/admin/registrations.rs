//! Who is registered where, and the end of a registration.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::live::{self, RegistrationRow};
use crate::operations::{LiveReply, LiveRequest, Right};
use crate::web::{Access, Key, Route, Shell, Visit, render};

/// The routes of registrations.
pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/admin/registrations", super::EVERYBODY, page),
        Route::post(
            "/admin/people/{user}/registrations/{registration}/end",
            Access::Right(Right::Help),
            end,
        ),
    ]
}

#[derive(Template)]
#[template(path = "admin/registrations.html")]
struct RegistrationsPage {
    shell: Shell,
    done: Option<String>,
    text: String,
    total: String,
    rows: Vec<RegistrationRow>,
    may_help: bool,
    first: Option<String>,
    next: Option<String>,
}

/// `GET /admin/registrations`.
async fn page(visit: Visit) -> Response {
    let text = visit.query.trimmed("q").to_owned();
    let after = Some(visit.query.get("after").to_owned()).filter(|after| !after.is_empty());
    let is_first = after.is_none();
    let request = LiveRequest::Registrations { text: text.clone(), after, limit: live::ROWS };
    let found = match live::ask(&visit, request).await {
        Ok(LiveReply::Registrations(found)) => found,
        Ok(_) => return live::refusal(&live::unexpected()),
        Err(failure) => return live::refusal(&failure),
    };
    let shell = visit.shell(Key("registrations-title"));
    let t = shell.t;
    let query = format!("/admin/registrations?q={}", live::encoded(&text));
    let page = RegistrationsPage {
        done: (visit.query.get("done") == "ended").then(|| t.get("registration-ended")),
        total: t.of("registrations-total", "count", found.total),
        rows: found.registrations.iter().map(|one| RegistrationRow::new(t, one)).collect(),
        may_help: live::may(&visit, Right::Help),
        first: (!is_first).then(|| query.clone()),
        next: found.next.map(|next| format!("{query}&after={}", live::encoded(&next))),
        text: live::cut(&text),
        shell,
    };
    render(StatusCode::OK, &page)
}

/// `POST /admin/people/{user}/registrations/{registration}/end`, from the list or from the person.
async fn end(visit: Visit) -> Response {
    let user = visit.param("user").to_owned();
    let registration = visit.param("registration").to_owned();
    let request = LiveRequest::EndRegistration { user: user.clone(), registration };
    let request = crate::operations::Request::Live(request);
    if let Err(failure) = visit.desk().perform(&visit.actor(), request).await {
        return live::refusal(&failure);
    }
    match visit.form.get("back") {
        "list" => visit.go("/admin/registrations?done=ended"),
        _ => visit.go(&format!("{}?done=ended", live::person_link(&user))),
    }
}
