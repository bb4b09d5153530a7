//! Applications that send notices: made, changed, given a token, removed.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

use super::notice::{NewFields, ask, networks, show};
use crate::operations::{
    ApplicationTerms, Exit, Failure, NoticeReply, NoticeRequest, Reply, Request, Right,
};
use crate::web::{Access, Faults, Key, Problem, Route, Shell, Texts, Visit, render};

/// The routes of applications.
pub(super) fn routes() -> Vec<Route> {
    let administer = Access::Right(Right::Administer);
    vec![
        Route::post("/admin/notice/applications", administer, add),
        Route::post("/admin/notice/applications/{name}/set", administer, set),
        Route::post("/admin/notice/applications/{name}/token", administer, token),
        Route::post("/admin/notice/applications/{name}/remove", administer, remove),
    ]
}

#[derive(Template)]
#[template(path = "admin/notice-token.html")]
struct TokenPage {
    shell: Shell,
    application: String,
    secret: String,
}

/// What a form says of an application; the name is the path's, where it has one.
fn terms(visit: &Visit, name: &str, faults: &mut Faults) -> ApplicationTerms {
    let (fields, t) = (NewFields::of(&visit.form), visit.texts());
    let mut rate = |field: &'static str, text: &str| match text.parse() {
        Ok(rate @ 1..=10_000) => rate,
        _ => {
            faults.add(field, t.get("application-rate-unfit"));
            0
        }
    };
    // What is wrong with one that is there stands above the page: its fields have other names.
    let of = |field: &'static str| if name.is_empty() { field } else { "" };
    let per_minute = rate(of("per-minute"), &fields.per_minute);
    let per_person = rate(of("per-person"), &fields.per_person);
    let name = if name.is_empty() { fields.name } else { name.to_owned() };
    ApplicationTerms { name, title: fields.title, per_minute, per_person }
}

fn fault(t: Texts, failure: &Failure, faults: &mut Faults) {
    match failure.exit {
        Exit::NotFound => faults.add("", t.get("application-unknown")),
        Exit::Refused => faults.add("name", t.get("application-taken")),
        Exit::Usage => faults.add("name", t.get("application-unfit")),
        _ => faults.add("", t.get("failed")),
    }
}

/// Performs what changes an application, and goes back to the page.
async fn change(visit: &Visit, request: NoticeRequest, done: &str) -> Response {
    let mut faults = Faults::default();
    match visit.desk().perform(&visit.actor(), Request::Notice(request)).await {
        Ok(Reply::Notice(_) | Reply::Done) => {
            return visit.go(&format!("/admin/notice?done={done}"));
        }
        Ok(_) => faults.add("", visit.texts().get("failed")),
        Err(failure) if failure.exit == Exit::NotFound => return unknown(),
        Err(failure) => fault(visit.texts(), &failure, &mut faults),
    }
    show(visit, StatusCode::UNPROCESSABLE_ENTITY, faults).await
}

fn unknown() -> Response {
    Problem::new(StatusCode::NOT_FOUND, "there is no such application").into_response()
}

/// `POST /admin/notice/applications`.
async fn add(visit: Visit) -> Response {
    let mut faults = Faults::default();
    let terms = terms(&visit, "", &mut faults);
    if !faults.is_empty() {
        return show(&visit, StatusCode::UNPROCESSABLE_ENTITY, faults).await;
    }
    change(&visit, NoticeRequest::AddApplication(terms), "made").await
}

/// `POST /admin/notice/applications/{name}/set`.
async fn set(visit: Visit) -> Response {
    let mut faults = Faults::default();
    let terms = terms(&visit, visit.param("name"), &mut faults);
    if !faults.is_empty() {
        return show(&visit, StatusCode::UNPROCESSABLE_ENTITY, faults).await;
    }
    change(&visit, NoticeRequest::SetApplication(terms), "set").await
}

/// `POST /admin/notice/applications/{name}/remove`.
async fn remove(visit: Visit) -> Response {
    let name = visit.param("name").to_owned();
    change(&visit, NoticeRequest::RemoveApplication { name }, "removed").await
}

/// `POST /admin/notice/applications/{name}/token`: the token is on the page that answers, and nowhere
/// else ever.
async fn token(visit: Visit) -> Response {
    let t = visit.texts();
    let name = visit.param("name").to_owned();
    let mut faults = Faults::default();
    let networks = match networks(visit.form.get("networks")) {
        Ok(networks) => networks,
        Err(wrong) => {
            faults.add("", t.of("application-network-unfit", "text", wrong));
            return show(&visit, StatusCode::UNPROCESSABLE_ENTITY, faults).await;
        }
    };
    let request = NoticeRequest::MakeToken { name: name.clone(), expires_at: None, networks };
    match ask(&visit, request).await {
        Ok(NoticeReply::Token(made)) => {
            let shell = visit.shell(Key("application-token-title"));
            let secret = made.secret.expose().to_owned();
            render(StatusCode::OK, &TokenPage { shell, application: name, secret })
        }
        Ok(_) => {
            faults.add("", t.get("failed"));
            show(&visit, StatusCode::UNPROCESSABLE_ENTITY, faults).await
        }
        Err(failure) if failure.exit == Exit::NotFound => unknown(),
        Err(failure) => {
            match failure.exit {
                Exit::Usage => {
                    let typed = visit.form.get("networks").to_owned();
                    faults.add("", t.of("application-network-unfit", "text", typed));
                }
                Exit::Refused => faults.add("", t.get("application-tokens-full")),
                _ => faults.add("", t.get("failed")),
            }
            show(&visit, StatusCode::UNPROCESSABLE_ENTITY, faults).await
        }
    }
}
