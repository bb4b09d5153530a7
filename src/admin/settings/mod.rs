//! `/admin/settings`: every key of the configuration with its value and origin; a section is a form,
//! whose changes are shown before they are made.

use askama::Template;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use crate::config::{parse_toml, plain};
use crate::operations::{
    Exit, Failure, Reply, Request, Right, SettingEffect, SettingRequest, SettingView,
};
use crate::web::{Access, Key, Problem, Route, Shell, Texts, Visit, render};

mod export;
mod keys;
mod review;
mod section;
mod sections;

use super::setup_steps::Restarting;
use sections::{SECTIONS, Section};

/// Characters of a value in a list.
const LONGEST: usize = 200;

/// Who sees the settings.
const INSPECT: Access = Access::Right(Right::Inspect);
/// Who changes them.
const ADMINISTER: Access = Access::Right(Right::Administer);

/// The routes of the settings.
pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/admin/settings", INSPECT, page),
        Route::get("/admin/settings/export", INSPECT, download),
        Route::post("/admin/settings/restart", ADMINISTER, restart),
        Route::get("/admin/settings/{section}", INSPECT, section::page),
        Route::post("/admin/settings/{section}", ADMINISTER, review::review),
        Route::post("/admin/settings/{section}/apply", ADMINISTER, review::apply),
        Route::post("/admin/settings/{section}/password", ADMINISTER, review::password),
    ]
}

#[derive(Template)]
#[template(path = "admin/settings/index.html")]
struct Index {
    shell: Shell,
    query: String,
    changed: bool,
    /// What was looked for; `None` shows the sections.
    found: Option<Vec<Found>>,
    sections: Vec<Listed>,
    /// How many changes wait for the next start.
    waiting: Option<String>,
    /// Whether the visitor may have it start again.
    may: bool,
}

struct Listed {
    title: Key,
    about: Key,
    path: String,
    set: String,
}

struct Found {
    key: &'static str,
    help: String,
    path: String,
    value: String,
    origin: String,
}

/// Every key, from the one place that knows them.
async fn settings(visit: &Visit) -> Result<Vec<SettingView>, Problem> {
    let request = Request::Setting(SettingRequest::Show { prefix: String::new() });
    match visit.desk().perform(&visit.actor(), request).await {
        Ok(Reply::Settings(settings)) => Ok(settings),
        Ok(_) => Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the settings are not there")),
        Err(failure) => Err(refused(&failure)),
    }
}

/// What a failure means for a page.
fn refused(failure: &Failure) -> Problem {
    let status = match failure.exit {
        Exit::Refused => StatusCode::FORBIDDEN,
        Exit::NotFound => StatusCode::NOT_FOUND,
        Exit::Usage => StatusCode::UNPROCESSABLE_ENTITY,
        Exit::Done | Exit::Failed | Exit::Unreachable => StatusCode::SERVICE_UNAVAILABLE,
    };
    tracing::warn!(event = "settings_not_shown", "{failure}");
    Problem::new(status, "the settings cannot be had")
}

/// `GET /admin/settings`.
async fn page(visit: Visit) -> Response {
    let all = match settings(&visit).await {
        Ok(all) => all,
        Err(problem) => return problem.into_response(),
    };
    let shell = visit.shell(Key("settings-title"));
    let (query, changed) = (visit.query.trimmed("q"), visit.query.get("changed") == "yes");
    let found = (changed || !query.is_empty()).then(|| find(&shell, &all, query, changed));
    let listed = |section: &Section| Listed {
        title: section.title,
        about: section.about,
        path: section.path(),
        set: shell.t.of("settings-section-changed", "count", set_in(&all, section)),
    };
    let waiting = all.iter().filter(|setting| setting.in_force.is_some()).count();
    let page = Index {
        query: query.to_owned(),
        changed,
        found,
        sections: SECTIONS.iter().map(listed).collect(),
        may: visit.principal().is_some_and(|one| Right::Administer.is_of_role(one.role)),
        waiting: (waiting > 0).then(|| shell.t.of("settings-waiting", "count", waiting)),
        shell,
    };
    render(StatusCode::OK, &page)
}

fn set_in(all: &[SettingView], section: &Section) -> usize {
    all.iter().filter(|one| Section::of(&one.key).id == section.id && is_set(one)).count()
}

/// Whether somebody said something else than the default.
fn is_set(setting: &SettingView) -> bool {
    setting.origin != "default"
}

fn find(shell: &Shell, all: &[SettingView], query: &str, changed: bool) -> Vec<Found> {
    let wanted = query.to_lowercase();
    let found = all.iter().filter(|setting| !changed || is_set(setting)).filter_map(|setting| {
        let described = keys::described(&setting.key)?;
        let help = shell.t.key(described.help);
        let fits = setting.key.contains(&wanted) || help.to_lowercase().contains(&wanted);
        fits.then(|| Found {
            key: described.key,
            path: format!("{}#{}", Section::of(described.key).path(), described.key),
            help,
            value: short(&shell.show(&shown(shell.t, setting))),
            origin: shell.show(&origin(shell.t, setting)),
        })
    });
    found.collect()
}

/// The beginning of a value, in a list.
fn short(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// A value for people to read.
fn shown(t: Texts, setting: &SettingView) -> String {
    if setting.secret {
        let stored = setting.stored.is_some();
        return if stored { t.get("settings-secret") } else { t.get("settings-secret-none") };
    }
    readable(t, &setting.value)
}

/// TOML for people to read.
fn readable(t: Texts, toml: &str) -> String {
    match parse_toml(toml) {
        Some(toml::Value::Boolean(true)) => t.get("settings-yes"),
        Some(toml::Value::Boolean(false)) => t.get("settings-no"),
        Some(value) => match plain(&value) {
            text if text.is_empty() => t.get("settings-empty"),
            text => text,
        },
        None => toml.to_owned(),
    }
}

/// Where a value comes from.
fn origin(t: Texts, setting: &SettingView) -> String {
    let place = setting.source.clone().unwrap_or_default();
    match setting.origin.as_str() {
        "default" => t.get("origin-default"),
        "file" => t.of("origin-file", "place", place),
        "console" => match &setting.stored {
            Some(stored) => t.with(
                "origin-console-by",
                [("by", stored.by.clone().into()), ("at", day(&stored.at).into())],
            ),
            None => t.get("origin-console"),
        },
        "store" => t.get("origin-store"),
        _ => t.of("origin-above", "place", place),
    }
}

/// The day of a moment.
fn day(moment: &str) -> String {
    moment.split('T').next().unwrap_or_default().to_owned()
}

/// When a change is in force.
fn effect(effect: SettingEffect) -> Key {
    match effect {
        SettingEffect::Now => Key("effect-now"),
        SettingEffect::NextStart => Key("effect-next-start"),
        SettingEffect::Settled => Key("effect-settled"),
    }
}

/// `POST /admin/settings/restart`.
async fn restart(visit: Visit) -> Response {
    if !visit.form.is_set("sure") {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return Problem::new(status, "say that you mean it").into_response();
    }
    let request = Request::Setting(SettingRequest::Restart);
    match visit.desk().perform(&visit.actor(), request).await {
        Ok(_) => {
            let shell = visit.shell(Key("restarting-title"));
            render(StatusCode::OK, &Restarting { shell, next: "/admin/settings" })
        }
        Err(failure) => refused(&failure).into_response(),
    }
}

/// `GET /admin/settings/export`.
async fn download(visit: Visit) -> Response {
    let all = match settings(&visit).await {
        Ok(all) => all,
        Err(problem) => return problem.into_response(),
    };
    let mut response = export::toml(&all).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/toml"));
    let name = HeaderValue::from_static("attachment; filename=\"tagus.toml\"");
    headers.insert(header::CONTENT_DISPOSITION, name);
    response
}
