//! Signing in to the console and out of it, and what slows down whoever guesses.

use std::time::Duration;

use askama::Template;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;

use super::i18n::Key;
use super::page::{Faults, Shell, render};
use super::visit::Visit;
use crate::accounts::{self, Attempt};
use crate::identity::UserName;

#[derive(Template)]
#[template(path = "sign-in.html")]
struct SignIn {
    shell: Shell,
    faults: Faults,
    name: String,
    next: String,
}

/// `GET /admin/sign-in`.
pub(super) async fn page(visit: Visit) -> Response {
    let next = visit.query.get("next").to_owned();
    // Whoever is signed in already has somewhere to go.
    if visit.principal().is_some() {
        return visit.go_on(&next);
    }
    let shell = visit.shell(Key("sign-in-title"));
    let page = SignIn { shell, faults: Faults::default(), name: String::new(), next };
    render(StatusCode::OK, &page)
}

/// `POST /admin/sign-in`.
pub(super) async fn enter(visit: Visit) -> Response {
    let site = visit.site();
    let typed = visit.form.get("name");
    // As it will be looked up: another spelling is no other account.
    let name = UserName::canonical(typed.trim()).to_string();
    let source = visit.source();
    let _trying = match site.throttle.begin(site.clock.now(), source, &name) {
        Ok(trying) => trying,
        Err(wait) => return wait_for(&visit, wait),
    };
    let attempt = Attempt {
        name: typed,
        password: visit.form.get("password"),
        code: visit.form.trimmed("code"),
        source,
    };
    match site.desk.accounts.sign_in(attempt).await {
        Ok(accounts::SignIn::Welcome(principal)) => {
            site.throttle.succeeded(source, &name);
            let response = visit.go_on(visit.form.get("next"));
            visit.sign_in(principal, response)
        }
        Ok(accounts::SignIn::Refused { directory_is_down }) => {
            site.throttle.failed(site.clock.now(), source, &name);
            let mut text = visit.texts().get("sign-in-wrong");
            if directory_is_down {
                text.push(' ');
                text.push_str(&visit.texts().get("sign-in-directory-down"));
            }
            refused(&visit, StatusCode::UNAUTHORIZED, text)
        }
        Ok(accounts::SignIn::Busy { retry_after }) => wait_for(&visit, retry_after),
        Err(error) => {
            tracing::error!(event = "sign_in_failed", %error);
            let text = visit.texts().get("sign-in-impossible");
            refused(&visit, StatusCode::SERVICE_UNAVAILABLE, text)
        }
    }
}

/// `POST /admin/sign-out`.
pub(super) async fn leave(visit: Visit) -> Response {
    visit.sign_out(visit.go("/admin/sign-in"))
}

fn wait_for(visit: &Visit, wait: Duration) -> Response {
    let seconds = wait.as_secs().max(1);
    let text = visit.texts().of("sign-in-wait", "minutes", seconds.div_ceil(60));
    let mut response = refused(visit, StatusCode::TOO_MANY_REQUESTS, text);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    response
}

fn refused(visit: &Visit, status: StatusCode, text: String) -> Response {
    let mut faults = Faults::default();
    faults.add("name", text);
    let shell = visit.shell(Key("sign-in-title"));
    let (name, next) = (visit.form.get("name").to_owned(), visit.form.get("next").to_owned());
    render(status, &SignIn { shell, faults, name, next })
}
