//! `/setup/TOKEN`: whoever has the link becomes owner, with a password and an authenticator. The
//! link is used up by the last step alone, so that looking at it costs nothing.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use askama::Template;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use zeroize::Zeroizing;

use super::{password, qr};
use crate::accounts::{AccountsError, CodeOffer, ConsoleError, NewCode};
use crate::clock::{Clock, Tick};
use crate::web::{Access, Faults, Key, Problem, Route, Shell, Visit, render};

/// How long a name and a password wait for their code.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// What was entered in the first step.
#[derive(Clone)]
struct Draft {
    /// The browser that entered it.
    browser: String,
    name: String,
    password: Zeroizing<String>,
    offer: CodeOffer,
    since: Tick,
}

/// The one draft that there is: there is one link. Whoever begins anew takes its place.
struct Drafts {
    clock: Clock,
    draft: Mutex<Option<Draft>>,
}

impl Drafts {
    fn new(clock: Clock) -> Drafts {
        Drafts { clock, draft: Mutex::new(None) }
    }

    fn put(&self, visit: &Visit, name: &str, offer: CodeOffer) {
        let draft = Draft {
            browser: visit.browser().to_owned(),
            name: name.to_owned(),
            password: Zeroizing::new(visit.form.get("password").to_owned()),
            offer,
            since: self.clock.now(),
        };
        *self.draft.lock().unwrap_or_else(PoisonError::into_inner) = Some(draft);
    }

    fn of(&self, visit: &Visit) -> Option<Draft> {
        let mut draft = self.draft.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        if draft.as_ref().is_some_and(|draft| now.since(draft.since) > PATIENCE) {
            *draft = None;
        }
        draft.clone().filter(|draft| draft.browser == visit.browser())
    }

    fn clear(&self) {
        *self.draft.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// The routes of the set-up.
pub(super) fn routes(clock: &Clock) -> Vec<Route> {
    let drafts = Arc::new(Drafts::new(clock.clone()));
    let (shown, sent) = (Arc::clone(&drafts), Arc::clone(&drafts));
    vec![
        Route::get("/setup/{token}", Access::SetUp, move |visit| page(visit, Arc::clone(&shown))),
        Route::post("/setup/{token}", Access::SetUp, move |visit| begin(visit, Arc::clone(&sent))),
        Route::post("/setup/{token}/code", Access::SetUp, move |visit| {
            finish(visit, Arc::clone(&drafts))
        }),
    ]
}

#[derive(Template)]
#[template(path = "admin/setup.html")]
struct OwnerPage {
    shell: Shell,
    faults: Faults,
    name: String,
    has_owner: bool,
}

/// The page of a code to scan, and to confirm.
#[derive(Template)]
#[template(path = "admin/code.html")]
pub(super) struct CodePage {
    pub(super) shell: Shell,
    pub(super) faults: Faults,
    pub(super) step: Option<String>,
    pub(super) qr: String,
    pub(super) secret: String,
    pub(super) action: String,
    /// Whether the present password is asked for, and the secret comes back in the form.
    pub(super) asks_password: bool,
}

/// The page of recovery codes, shown once.
#[derive(Template)]
#[template(path = "admin/recovery.html")]
pub(super) struct RecoveryPage {
    pub(super) shell: Shell,
    pub(super) codes: Vec<Zeroizing<String>>,
    pub(super) next: &'static str,
}

/// Whether the link serves; if not, there is no such page.
fn admit(visit: &Visit) -> Result<(), Problem> {
    match visit.desk().accounts.is_setup_token(visit.param("token")) {
        Ok(true) => Ok(()),
        Ok(false) => Err(Problem::new(StatusCode::NOT_FOUND, "there is no such page")),
        Err(error) => {
            tracing::error!(event = "setup_unread", %error);
            let status = StatusCode::SERVICE_UNAVAILABLE;
            Err(Problem::new(status, "the store cannot be read"))
        }
    }
}

fn owner_page(visit: &Visit, status: StatusCode, faults: Faults, name: &str) -> Response {
    let state = visit.desk().setup_state();
    let page = OwnerPage {
        shell: visit.shell(Key("setup-title")),
        faults,
        name: name.to_owned(),
        has_owner: state.is_ok_and(|state| state.has_owner),
    };
    render(status, &page)
}

fn code_page(visit: &Visit, status: StatusCode, faults: Faults, draft: &Draft) -> Response {
    let shell = visit.shell(Key("code-title"));
    let page = CodePage {
        step: Some(shell.t.get("setup-step-code")),
        qr: qr::svg(&draft.offer.url, &shell.t.get("code-scan")).unwrap_or_default(),
        secret: draft.offer.secret.to_string(),
        action: format!("/setup/{}/code", visit.param("token")),
        asks_password: false,
        faults,
        shell,
    };
    render(status, &page)
}

/// `GET /setup/{token}`.
async fn page(visit: Visit, drafts: Arc<Drafts>) -> Response {
    if let Err(refusal) = admit(&visit) {
        return refusal.into_response();
    }
    // The browser went back to look at the page again.
    match drafts.of(&visit) {
        Some(draft) => owner_page(&visit, StatusCode::OK, Faults::default(), &draft.name),
        None => owner_page(&visit, StatusCode::OK, Faults::default(), ""),
    }
}

/// `POST /setup/{token}`: name and password.
async fn begin(visit: Visit, drafts: Arc<Drafts>) -> Response {
    if let Err(refusal) = admit(&visit) {
        return refusal.into_response();
    }
    let mut faults = Faults::default();
    let name = visit.form.trimmed("name");
    if name.is_empty()
        || !crate::identity::is_valid_name(&crate::identity::UserName::canonical(name))
    {
        faults.add("name", visit.texts().get("name-unusable"));
    }
    password::check(visit.texts(), &visit.form, &mut faults);
    if !faults.is_empty() {
        return owner_page(&visit, StatusCode::UNPROCESSABLE_ENTITY, faults, name);
    }
    let offer = visit.desk().accounts.offer_code(name);
    drafts.put(&visit, name, offer);
    match drafts.of(&visit) {
        Some(draft) => code_page(&visit, StatusCode::OK, Faults::default(), &draft),
        None => owner_page(&visit, StatusCode::OK, Faults::default(), name),
    }
}

/// `POST /setup/{token}/code`: the code, and all of it is done.
async fn finish(visit: Visit, drafts: Arc<Drafts>) -> Response {
    if let Err(refusal) = admit(&visit) {
        return refusal.into_response();
    }
    let mut faults = Faults::default();
    let Some(draft) = drafts.of(&visit) else {
        faults.add("", visit.texts().get("setup-again"));
        return owner_page(&visit, StatusCode::UNPROCESSABLE_ENTITY, faults, "");
    };
    let accounts = &visit.desk().accounts;
    // Whoever only lost access has answered the rest before.
    let is_first = accounts.setup_state().is_ok_and(|state| !state.has_owner);
    let code = NewCode { secret: &draft.offer.secret, code: visit.form.trimmed("code") };
    let made = accounts.set_up(
        visit.source(),
        visit.param("token"),
        &draft.name,
        &draft.password,
        Some(code),
    );
    match made.await {
        Ok((principal, codes)) => {
            drafts.clear();
            let mut shell = visit.shell(Key("recovery-title"));
            // The next page is of somebody who is signed in; this one is still the browser's.
            shell.principal = None;
            let next = if is_first { "/admin/setup/campus" } else { "/admin" };
            let page = RecoveryPage { shell, codes, next };
            visit.sign_in(principal, render(StatusCode::OK, &page))
        }
        Err(error @ AccountsError::Console(ConsoleError::Name(_) | ConsoleError::Password(_))) => {
            password::fault(visit.texts(), &error, &mut faults);
            owner_page(&visit, StatusCode::UNPROCESSABLE_ENTITY, faults, &draft.name)
        }
        Err(error) => {
            password::fault(visit.texts(), &error, &mut faults);
            code_page(&visit, StatusCode::UNPROCESSABLE_ENTITY, faults, &draft)
        }
    }
}
