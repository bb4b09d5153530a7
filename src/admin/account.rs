//! One's own account: password, second factor, sessions.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

use super::setup::{CodePage, RecoveryPage};
use super::{browser, password, qr};
use crate::accounts::{AccountsError, ConsoleError, NewCode, Origin, Principal};
use crate::operations::Right;
use crate::web::{Faults, Key, Problem, Route, Shell, Visit, render};

/// The routes of one's own account.
pub(super) fn routes() -> Vec<Route> {
    let everybody = super::EVERYBODY;
    vec![
        Route::get("/admin/account", everybody, page),
        Route::post("/admin/account/password", everybody, set_password),
        Route::get("/admin/account/code", everybody, code_page),
        Route::post("/admin/account/code", everybody, set_code),
        Route::post("/admin/account/code/drop", everybody, drop_code),
        Route::post("/admin/account/sessions/{handle}/end", everybody, end_session),
        Route::post("/admin/account/sessions/end", everybody, end_others),
    ]
}

#[derive(Template)]
#[template(path = "admin/account.html")]
struct AccountPage {
    shell: Shell,
    faults: Faults,
    done: Option<String>,
    name: String,
    role: String,
    last_sign_in: Option<String>,
    is_of_directory: bool,
    has_code: bool,
    recovery_left: usize,
    /// Whether he may be told by a message of what goes wrong.
    gets_alerts: bool,
    sessions: Vec<SessionRow>,
}

struct SessionRow {
    handle: String,
    browser: String,
    agent: String,
    source: String,
    since: String,
    used: String,
    is_this: bool,
}

/// Whoever is signed in; the layer around the router saw to it that somebody is.
fn oneself(visit: &Visit) -> Result<Principal, Problem> {
    let problem = || Problem::new(StatusCode::UNAUTHORIZED, "sign in first");
    visit.principal().cloned().ok_or_else(problem)
}

fn show(visit: &Visit, status: StatusCode, faults: Faults) -> Response {
    let principal = match oneself(visit) {
        Ok(principal) => principal,
        Err(refusal) => return refusal.into_response(),
    };
    let shell = visit.shell(Key("account-title"));
    let account = visit.desk().accounts.console_account(&principal.name).ok();
    let done = match visit.query.get("done") {
        "password" => Some(shell.t.get("account-password-done")),
        "code" => Some(shell.t.get("account-code-done")),
        "session" => Some(shell.t.get("session-ended")),
        _ => None,
    };
    let this = visit.session().map(|session| session.handle.clone()).unwrap_or_default();
    let row = |session: crate::web::Session| SessionRow {
        is_this: session.handle == this,
        handle: session.handle,
        browser: browser::name(&session.agent),
        agent: session.agent,
        source: session.source.to_string(),
        since: session.since.to_string(),
        used: session.used.to_string(),
    };
    let page = AccountPage {
        faults,
        done,
        role: shell.role(principal.role),
        last_sign_in: account
            .as_ref()
            .and_then(|account| account.last_sign_in)
            .map(|at| at.to_string()),
        is_of_directory: principal.origin == Origin::Directory,
        has_code: account.as_ref().is_some_and(|account| account.sealed_totp.is_some()),
        recovery_left: account.as_ref().map_or(0, |account| account.recovery.len()),
        gets_alerts: Right::Own.is_of_role(principal.role),
        sessions: visit.sessions().of(&principal.name).into_iter().map(row).collect(),
        name: principal.name,
        shell,
    };
    render(status, &page)
}

fn refused(visit: &Visit, error: &AccountsError, present: &'static str) -> Response {
    let mut faults = Faults::default();
    if matches!(error, AccountsError::Console(ConsoleError::Present)) {
        if visit.mistyped() {
            return visit.sign_out(visit.go("/admin/sign-in"));
        }
        faults.add(present, visit.texts().get("password-wrong"));
    } else {
        password::fault(visit.texts(), error, &mut faults);
    }
    show(visit, StatusCode::UNPROCESSABLE_ENTITY, faults)
}

/// `GET /admin/account`.
async fn page(visit: Visit) -> Response {
    show(&visit, StatusCode::OK, Faults::default())
}

/// `POST /admin/account/password`.
async fn set_password(visit: Visit) -> Response {
    let mut faults = Faults::default();
    password::check(visit.texts(), &visit.form, &mut faults);
    if !faults.is_empty() {
        return show(&visit, StatusCode::UNPROCESSABLE_ENTITY, faults);
    }
    let (present, new) = (visit.form.get("present"), visit.form.get("password"));
    match visit.desk().accounts.set_own_password(&visit.actor(), present, new).await {
        Ok(()) => visit.renew(visit.go("/admin/account?done=password")),
        Err(error) => refused(&visit, &error, "present"),
    }
}

/// A page with a code to scan. Its secret comes back with the form; nothing is kept until a code of
/// it proves that a telephone has it.
fn offer(
    visit: &Visit,
    status: StatusCode,
    faults: Faults,
    secret: Option<(&str, String)>,
) -> Response {
    let principal = match oneself(visit) {
        Ok(principal) => principal,
        Err(refusal) => return refusal.into_response(),
    };
    let shell = visit.shell(Key("code-title"));
    let (secret, url) = match secret {
        Some((secret, url)) => (secret.to_owned(), url),
        None => {
            let offer = visit.desk().accounts.offer_code(&principal.name);
            (offer.secret.to_string(), offer.url.to_string())
        }
    };
    let page = CodePage {
        step: None,
        qr: qr::svg(&url, &shell.t.get("code-scan")).unwrap_or_default(),
        secret,
        action: "/admin/account/code".to_owned(),
        asks_password: true,
        faults,
        shell,
    };
    render(status, &page)
}

/// `GET /admin/account/code`.
async fn code_page(visit: Visit) -> Response {
    offer(&visit, StatusCode::OK, Faults::default(), None)
}

/// `POST /admin/account/code`.
async fn set_code(visit: Visit) -> Response {
    let secret = visit.form.get("secret");
    let new = NewCode { secret, code: visit.form.trimmed("code") };
    let accounts = &visit.desk().accounts;
    match accounts.set_own_code(&visit.actor(), visit.form.get("present"), new).await {
        Ok(codes) => {
            let shell = visit.shell(Key("recovery-title"));
            let page = RecoveryPage { shell, codes, next: "/admin/account" };
            visit.renew(render(StatusCode::OK, &page))
        }
        Err(error) => {
            let mut faults = Faults::default();
            let same = match &error {
                AccountsError::Console(ConsoleError::CodeSecret) => {
                    faults.add("", visit.texts().get("code-began-anew"));
                    None
                }
                error => {
                    password::fault(visit.texts(), error, &mut faults);
                    let name = visit.principal().map_or("", |principal| &principal.name);
                    accounts.code_url(name, secret).map(|url| (secret, url.to_string()))
                }
            };
            offer(&visit, StatusCode::UNPROCESSABLE_ENTITY, faults, same)
        }
    }
}

/// `POST /admin/account/code/drop`.
async fn drop_code(visit: Visit) -> Response {
    let present = visit.form.get("drop-present");
    match visit.desk().accounts.drop_own_code(&visit.actor(), present).await {
        Ok(()) => visit.renew(visit.go("/admin/account?done=code")),
        Err(error) => refused(&visit, &error, "drop-present"),
    }
}

/// `POST /admin/account/sessions/{handle}/end`.
async fn end_session(visit: Visit) -> Response {
    let name = visit.principal().map_or("", |principal| &principal.name);
    // One that is over already is as good.
    let _ = visit.sessions().revoke(name, visit.param("handle"));
    visit.go("/admin/account?done=session")
}

/// `POST /admin/account/sessions/end`: all but this one.
async fn end_others(visit: Visit) -> Response {
    let name = visit.principal().map_or("", |principal| &principal.name);
    let this = visit.session().map(|session| session.handle.as_str());
    let _ = visit.sessions().revoke_others(name, this);
    visit.go("/admin/account?done=session")
}
