//! `/admin/setup/…`: what the set-up asks once there is an owner: the domain, who may see whether
//! people are online, where people come from. Each can be left for later; the dashboard's list leads
//! back here.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

use crate::operations::{
    Exit, Failure, Reply, Request, Right, SettingChange, SettingRequest, SettingView,
};
use crate::web::{Access, Faults, Key, Problem, Route, Shell, Visit, render};

const ADMINISTER: Access = Access::Right(Right::Administer);
const CAMPUS: &str = "/admin/setup/campus";
const PEOPLE: &str = "/admin/setup/people";

/// The steps that somebody who is signed in takes.
pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get(CAMPUS, ADMINISTER, campus),
        Route::post(CAMPUS, ADMINISTER, set_campus),
        Route::get(PEOPLE, ADMINISTER, people),
        Route::post(PEOPLE, ADMINISTER, set_people),
    ]
}

#[derive(Template)]
#[template(path = "admin/setup-campus.html")]
struct Campus {
    shell: Shell,
    faults: Faults,
    domain: String,
    /// Whether the domain may still be another one.
    may_change: bool,
    policies: Vec<Choice>,
    /// Where the answer comes from, if it cannot be given here.
    settled: Option<String>,
}

#[derive(Template)]
#[template(path = "admin/setup-people.html")]
struct People {
    shell: Shell,
    faults: Faults,
    sources: Vec<Choice>,
    settled: Option<String>,
}

/// The page while the server starts again.
#[derive(Template)]
#[template(path = "admin/restarting.html")]
pub(super) struct Restarting {
    pub(super) shell: Shell,
    pub(super) next: &'static str,
}

struct Choice {
    value: &'static str,
    title: Key,
    about: Key,
    chosen: bool,
}

fn choice(value: &'static str, title: Key, about: Key, now: &str) -> Choice {
    Choice { value, title, about, chosen: now == value }
}

/// One key, as it is set.
async fn setting(visit: &Visit, key: &str) -> Result<SettingView, Problem> {
    let request = Request::Setting(SettingRequest::Show { prefix: key.to_owned() });
    match visit.desk().perform(&visit.actor(), request).await {
        Ok(Reply::Settings(settings)) => settings.into_iter().find(|one| one.key == key),
        _ => None,
    }
    .ok_or_else(|| Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the settings cannot be had"))
}

/// The value of a text without its quotation marks.
fn text(setting: &SettingView) -> String {
    crate::config::parse_toml(&setting.value)
        .map(|value| crate::config::plain(&value))
        .unwrap_or_default()
}

fn above(shell: &Shell, setting: &SettingView) -> Option<String> {
    let place = setting.source.as_deref().unwrap_or_default();
    (!setting.changeable).then(|| shell.t.of("origin-above", "place", shell.show(place)))
}

async fn show_campus(
    visit: &Visit,
    status: StatusCode,
    faults: Faults,
    typed: Option<&str>,
) -> Result<Response, Problem> {
    let domain = setting(visit, "domain").await?;
    let policy = setting(visit, "presence.default_policy").await?;
    let shell = visit.shell(Key("setup-campus-title"));
    let now = text(&policy);
    let page = Campus {
        faults,
        domain: typed.map_or_else(|| text(&domain), ToOwned::to_owned),
        may_change: domain.changeable,
        policies: vec![
            choice("confirm", Key("setup-see-confirm"), Key("setup-see-confirm-about"), &now),
            choice("allow", Key("setup-see-allow"), Key("setup-see-allow-about"), &now),
            choice("block", Key("setup-see-block"), Key("setup-see-block-about"), &now),
        ],
        settled: above(&shell, &policy),
        shell,
    };
    Ok(render(status, &page))
}

/// `GET /admin/setup/campus`.
async fn campus(visit: Visit) -> Response {
    show_campus(&visit, StatusCode::OK, Faults::default(), None)
        .await
        .unwrap_or_else(Problem::into_response)
}

/// `POST /admin/setup/campus`.
async fn set_campus(visit: Visit) -> Response {
    answer_campus(&visit).await.unwrap_or_else(Problem::into_response)
}

async fn answer_campus(visit: &Visit) -> Result<Response, Problem> {
    let before = setting(visit, "domain").await?;
    let policy = setting(visit, "presence.default_policy").await?;
    let domain = visit.form.trimmed("domain").trim_end_matches('.').to_lowercase();
    let mut changes = Vec::new();
    let moves = before.changeable && visit.form.has("domain") && domain != text(&before);
    if before.changeable && visit.form.has("domain") {
        changes.push(SettingChange::to("domain", &domain));
    }
    if policy.changeable && visit.form.is_set("see") {
        changes.push(SettingChange::to("presence.default_policy", visit.form.get("see")));
    }
    if let Some(faults) =
        apply(visit, changes, &[("domain", "domain"), ("presence", "see")]).await?
    {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return show_campus(visit, status, faults, Some(&domain)).await;
    }
    if !moves {
        return Ok(visit.go(PEOPLE));
    }
    // Before anybody has an address in the old one.
    let request = Request::Setting(SettingRequest::Restart);
    match visit.desk().perform(&visit.actor(), request).await {
        Ok(_) => {
            let shell = visit.shell(Key("restarting-title"));
            Ok(render(StatusCode::OK, &Restarting { shell, next: PEOPLE }))
        }
        Err(failure) => {
            let mut faults = Faults::default();
            faults.add("", failure.message);
            show_campus(visit, StatusCode::UNPROCESSABLE_ENTITY, faults, Some(&domain)).await
        }
    }
}

async fn show_people(
    visit: &Visit,
    status: StatusCode,
    faults: Faults,
) -> Result<Response, Problem> {
    let source = setting(visit, "identity.source").await?;
    let shell = visit.shell(Key("setup-people-title"));
    let now = text(&source);
    let page = People {
        faults,
        sources: vec![
            choice("ldap", Key("setup-directory"), Key("setup-directory-about"), &now),
            choice("local", Key("setup-local"), Key("setup-local-about"), &now),
        ],
        settled: above(&shell, &source),
        shell,
    };
    Ok(render(status, &page))
}

/// `GET /admin/setup/people`.
async fn people(visit: Visit) -> Response {
    show_people(&visit, StatusCode::OK, Faults::default())
        .await
        .unwrap_or_else(Problem::into_response)
}

/// `POST /admin/setup/people`: on to the page where people come from.
async fn set_people(visit: Visit) -> Response {
    answer_people(&visit).await.unwrap_or_else(Problem::into_response)
}

async fn answer_people(visit: &Visit) -> Result<Response, Problem> {
    let source = setting(visit, "identity.source").await?;
    match visit.form.get("source") {
        // The directory is in use from when its settings are right, which its page sees to.
        "ldap" => Ok(visit.go("/admin/directory")),
        "local" if !source.changeable || text(&source) != "local" => Ok(visit.go("/admin/people")),
        "local" => {
            let changes = vec![SettingChange::to("identity.source", "local")];
            match apply(visit, changes, &[]).await? {
                None => Ok(visit.go("/admin/people")),
                Some(faults) => show_people(visit, StatusCode::UNPROCESSABLE_ENTITY, faults).await,
            }
        }
        _ => {
            let mut faults = Faults::default();
            faults.add("source", visit.texts().get("setup-choose"));
            show_people(visit, StatusCode::UNPROCESSABLE_ENTITY, faults).await
        }
    }
}

/// Applies answers; what is wrong is said at the field whose key begins so.
async fn apply(
    visit: &Visit,
    changes: Vec<SettingChange>,
    fields: &[(&str, &'static str)],
) -> Result<Option<Faults>, Problem> {
    let request = Request::Setting(SettingRequest::Apply { changes });
    match visit.desk().perform(&visit.actor(), request).await {
        Ok(_) => Ok(None),
        Err(Failure { exit: Exit::Usage, message, .. }) => {
            let mut faults = Faults::default();
            for line in message.lines() {
                let field = fields.iter().find(|(key, _)| line.starts_with(key));
                let text = line.split_once(": ").map_or(line, |(_, text)| text);
                faults.add(field.map_or("", |(_, field)| field), text.to_owned());
            }
            Ok(Some(faults))
        }
        Err(failure) => {
            tracing::warn!(event = "setup_not_stored", "{failure}");
            let status = StatusCode::SERVICE_UNAVAILABLE;
            Err(Problem::new(status, "the answers could not be stored"))
        }
    }
}
