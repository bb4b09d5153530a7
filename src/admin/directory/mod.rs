//! The directory: how it stands, and the workbench, on which settings are tried before they are saved.

use askama::Template;
use axum::body::Body;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures_util::stream;

use crate::accounts::Actor;
use crate::identity::workbench::Kind;
use crate::operations::{
    DirectorySettings, DirectoryView, Failure, Reply, Request, Right, TrialRequest, TrialSettings,
    TrialView,
};
use crate::web::{
    Access, Desk, Faults, Key, Language, Problem, Route, Shell, Texts, Visit, render,
};

mod attempt;
mod draft;
mod fixes;
mod portuguese;
mod save;
mod standing;
mod sync;

use attempt::Attempt;
use draft::{Draft, preset_pairs};
use standing::Standing;

/// The routes of the directory.
pub(super) fn routes() -> Vec<Route> {
    let administer = Access::Right(Right::Administer);
    let mut routes = vec![
        Route::get("/admin/directory", super::EVERYBODY, page),
        Route::post("/admin/directory/fill", administer, fill_in),
        Route::post("/admin/directory/try", administer, try_out),
        Route::post("/admin/directory/save", administer, save::save),
        Route::post("/admin/directory/try/live", administer, try_live),
    ];
    routes.extend(sync::routes());
    routes
}

#[derive(Template)]
#[template(path = "admin/directory/page.html")]
struct DirectoryPage {
    shell: Shell,
    faults: Faults,
    done: Option<String>,
    standing: Standing,
    form: Option<FormPart>,
    facts: Vec<(&'static str, String)>,
    attempt: Option<Attempt>,
}

/// The form of the workbench.
struct FormPart {
    draft: Draft,
    presets: Vec<(&'static str, String)>,
    password_is_kept: bool,
    /// It was sent once, so passwords have to be typed again.
    again: bool,
    may_save_anyway: bool,
}

#[derive(Template)]
#[template(path = "admin/directory/attempt.html")]
struct AttemptPart<'a> {
    shell: &'a Shell,
    attempt: Attempt,
}

/// Whatever a request was answered with, where its page has no words of its own for it.
fn unanswered(failure: &Failure) -> Response {
    use crate::operations::Exit;
    let status = match failure.exit {
        Exit::NotFound => StatusCode::NOT_FOUND,
        Exit::Refused => StatusCode::FORBIDDEN,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    Problem::new(status, "the directory's page cannot be made").into_response()
}

async fn view_of(visit: &Visit) -> Result<DirectoryView, Response> {
    match visit.desk().perform(&visit.actor(), Request::DirectoryShow).await {
        Ok(Reply::Directory(view)) => Ok(*view),
        Ok(_) => Err(unanswered(&Failure::failed("another reply"))),
        Err(failure) => Err(unanswered(&failure)),
    }
}

async fn settings_of(visit: &Visit) -> Result<DirectorySettings, Response> {
    let request = Request::Trial(TrialRequest::Settings);
    match visit.desk().perform(&visit.actor(), request).await {
        Ok(Reply::DirectorySettings(settings)) => Ok(*settings),
        Ok(_) => Err(unanswered(&Failure::failed("another reply"))),
        Err(failure) => Err(unanswered(&failure)),
    }
}

fn may(visit: &Visit, right: Right) -> bool {
    visit.principal().is_some_and(|principal| right.is_of_role(principal.role))
}

/// A number with its thousands apart, as the language writes it.
fn number(t: Texts, number: u64) -> String {
    let between = if t.language() == Language::English { ',' } else { '\u{a0}' };
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(between);
        }
        out.push(digit);
    }
    out
}

/// What was typed and came back, and what it came to.
#[derive(Default)]
struct Sent {
    draft: Option<Draft>,
    attempt: Option<(TrialSettings, TrialView)>,
    faults: Faults,
    done: Option<String>,
    /// It was tried and failed; who knows better may save it.
    may_save_anyway: bool,
}

async fn show(visit: &Visit, status: StatusCode, sent: Sent) -> Response {
    let view = match view_of(visit).await {
        Ok(view) => view,
        Err(response) => return response,
    };
    let shell = visit.shell(Key("directory-title"));
    let (mut form, mut facts) = (None, Vec::new());
    if may(visit, Right::Inspect) {
        let settings = match settings_of(visit).await {
            Ok(settings) => settings,
            Err(response) => return response,
        };
        if may(visit, Right::Administer) {
            form = Some(FormPart {
                again: sent.draft.is_some(),
                may_save_anyway: sent.may_save_anyway,
                draft: sent.draft.unwrap_or_else(|| Draft::of_settings(&settings)),
                presets: [
                    ("OpenLDAP", Kind::OpenLdap),
                    ("Active Directory", Kind::ActiveDirectory),
                    ("389 Directory Server", Kind::Ds389),
                    ("FreeIPA", Kind::FreeIpa),
                ]
                .map(|(name, kind)| (name, preset_pairs(kind)))
                .to_vec(),
                password_is_kept: settings.password_is_kept,
            });
        } else if settings.in_use {
            let ldap = settings.ldap;
            facts = vec![
                ("urls", ldap.urls.join(" ")),
                ("bind_dn", ldap.bind_dn),
                ("base_dn", ldap.base_dn),
                ("user_filter", ldap.user_filter),
                ("group_base_dn", ldap.group_base_dn),
            ];
            facts.retain(|(_, value)| !value.is_empty());
        }
    }
    let attempt = sent.attempt.map(|(tried, view)| Attempt::new(&shell, &tried, &view));
    let standing = Standing::of(shell.t, &view);
    let (faults, done) = (sent.faults, sent.done);
    render(status, &DirectoryPage { shell, faults, done, standing, form, facts, attempt })
}

/// `GET /admin/directory`.
async fn page(visit: Visit) -> Response {
    let saved = visit.query.get("done") == "saved";
    let done = saved.then(|| visit.texts().get("save-done"));
    show(&visit, StatusCode::OK, Sent { done, ..Sent::default() }).await
}

/// `POST /admin/directory/fill`: fills in what a button brings, for browsers without scripts.
async fn fill_in(visit: Visit) -> Response {
    let mut draft = Draft::of_form(&visit.form);
    draft.fill(visit.form.get("fix"));
    let done = Some(visit.texts().get("trial-filled"));
    show(&visit, StatusCode::OK, Sent { draft: Some(draft), done, ..Sent::default() }).await
}

/// Begins to try what was typed.
async fn begin(
    visit: &Visit,
) -> Result<(Draft, TrialSettings, Result<TrialView, Failure>), Response> {
    let settings = settings_of(visit).await?;
    let draft = Draft::of_form(&visit.form);
    let tried = draft.trial(&settings.ldap, &visit.form);
    let request = Request::Trial(TrialRequest::Begin(Box::new(tried.clone())));
    // What was sent is told again; a password is not.
    let tried = TrialSettings { password: None, person_password: None, ..tried };
    let begun = match visit.desk().perform(&visit.actor(), request).await {
        Ok(Reply::Trial(view)) => Ok(*view),
        Ok(_) => Err(Failure::failed("another reply")),
        Err(failure) => Err(failure),
    };
    Ok((draft, tried, begun))
}

async fn wait(desk: &Desk, actor: &Actor, view: &TrialView) -> Result<TrialView, Failure> {
    let request = TrialRequest::Wait { trial: view.trial.clone(), seen: view.ended() };
    match desk.perform(actor, Request::Trial(request)).await? {
        Reply::Trial(view) => Ok(*view),
        _ => Err(Failure::failed("another reply")),
    }
}

/// Why nothing is tried, for the visitor.
fn busy(t: Texts) -> Faults {
    let mut faults = Faults::default();
    faults.add("", t.get("trial-busy"));
    faults
}

/// Tries what was typed to the end; or why it was not begun.
async fn try_all(visit: &Visit) -> Result<Result<(TrialSettings, TrialView), Failure>, Response> {
    let (_, tried, begun) = begin(visit).await?;
    let mut view = match begun {
        Ok(view) => view,
        Err(failure) => return Ok(Err(failure)),
    };
    while view.running {
        let waited = wait(visit.desk(), &visit.actor(), &view).await;
        view = waited.map_err(|failure| unanswered(&failure))?;
    }
    Ok(Ok((tried, view)))
}

/// `POST /admin/directory/try`: the page comes when all steps have ended.
async fn try_out(visit: Visit) -> Response {
    let came = match try_all(&visit).await {
        Ok(came) => came,
        Err(response) => return response,
    };
    let draft = Some(Draft::of_form(&visit.form));
    let Ok(attempt) = came else {
        let faults = busy(visit.texts());
        let sent = Sent { draft, faults, ..Sent::default() };
        return show(&visit, StatusCode::UNPROCESSABLE_ENTITY, sent).await;
    };
    let attempt = Some(attempt);
    show(&visit, StatusCode::OK, Sent { draft, attempt, ..Sent::default() }).await
}

/// What a live trial goes on with.
struct Live {
    shell: Shell,
    desk: Desk,
    actor: Actor,
    tried: TrialSettings,
    view: TrialView,
    told: bool,
}

/// `POST /admin/directory/try/live`: a line of JSON whenever a step has ended, with what stands then.
async fn try_live(visit: Visit) -> Response {
    let (tried, view) = match begin(&visit).await {
        Ok((_, tried, Ok(view))) => (tried, view),
        Ok((_, _, Err(_))) => {
            let text = visit.texts().get("trial-busy");
            let line = serde_json::json!({ "status": text, "html": "", "done": true });
            return lines(StatusCode::UNPROCESSABLE_ENTITY, Body::from(format!("{line}\n")));
        }
        Err(response) => return response,
    };
    let shell = visit.shell(Key("directory-title"));
    let (desk, actor) = (visit.desk().clone(), visit.actor());
    let live = Live { shell, desk, actor, tried, view, told: false };
    let parts = stream::unfold(Some(live), |live| async move {
        let mut live = live?;
        if live.told {
            if !live.view.running {
                return None;
            }
            live.view = wait(&live.desk, &live.actor, &live.view).await.ok()?;
        }
        live.told = true;
        let line = line_of(&live)?;
        Some((Ok::<Bytes, std::io::Error>(line), Some(live)))
    });
    lines(StatusCode::OK, Body::from_stream(parts))
}

fn line_of(live: &Live) -> Option<Bytes> {
    let attempt = Attempt::new(&live.shell, &live.tried, &live.view);
    let status = attempt.summary.clone();
    let html = AttemptPart { shell: &live.shell, attempt }.render().ok()?;
    let done = !live.view.running;
    let line = serde_json::json!({ "status": status, "html": html, "done": done });
    Some(Bytes::from(format!("{line}\n")))
}

fn lines(status: StatusCode, body: Body) -> Response {
    (status, [(header::CONTENT_TYPE, "application/x-ndjson")], body).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart_as_the_language_writes_them() {
        let english = Texts(Language::English);
        for (value, text) in [(0, "0"), (999, "999"), (12_431, "12,431"), (1_000_000, "1,000,000")]
        {
            assert_eq!(number(english, value), text);
        }
        assert_eq!(number(Texts(Language::Portuguese), 12_431), "12\u{a0}431");
    }
}
