//! The first page: how the server is, what needs attention, what is left to set up.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

use crate::accounts::Origin;
use crate::model::Role;
use crate::operations::{ConsoleRequest, Reply, Request, Right, SettingRequest, Status};
use crate::tls::Source;
use crate::web::{Key, Problem, Route, Shell, Texts, Visit, render};

/// The route of the first page.
pub(super) fn routes() -> Vec<Route> {
    vec![Route::get("/admin", super::EVERYBODY, page)]
}

#[derive(Template)]
#[template(path = "admin/dashboard.html")]
struct Dashboard {
    shell: Shell,
    attention: Vec<Attention>,
    tiles: Vec<Tile>,
    checklist: Vec<Step>,
    listeners: Vec<(&'static str, String)>,
    version: String,
}

struct Attention {
    level: &'static str,
    text: String,
}

struct Tile {
    label: Key,
    value: String,
    note: String,
    level: &'static str,
}

struct Step {
    done: bool,
    title: String,
    text: String,
    link: &'static str,
    link_text: String,
}

/// What is known beside the status.
struct Beside {
    /// Owners who can sign in; `None` where the visitor may not know.
    owners: Option<usize>,
    /// Whether the visitor has a second factor; `None` for somebody of the directory.
    has_code: Option<bool>,
    /// Whether the set-up's questions are answered; `None` where the visitor may not answer them.
    answered: Option<bool>,
}

/// `GET /admin`.
async fn page(visit: Visit) -> Response {
    let reply = visit.desk().perform(&visit.actor(), Request::Status).await;
    let Ok(Reply::Status(status)) = reply else {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        return Problem::new(status, "the status cannot be had").into_response();
    };
    let beside = beside(&visit).await;
    let shell = visit.shell(Key("dashboard-title"));
    let t = shell.t;
    let page = Dashboard {
        attention: attention(t, &shell, &status, &beside),
        tiles: tiles(t, &shell, &status),
        checklist: checklist(t, &status, &beside),
        listeners: listeners(&status),
        version: t.with(
            "version-line",
            [
                ("version", status.version.clone().into()),
                ("hours", (status.uptime / 3_600).into()),
                ("workers", status.workers.into()),
            ],
        ),
        shell,
    };
    render(StatusCode::OK, &page)
}

async fn beside(visit: &Visit) -> Beside {
    let principal = visit.principal();
    let mut owners = None;
    // The helpdesk does not see who works here.
    if principal.is_some_and(|principal| principal.role != Role::Helpdesk) {
        let request = Request::Console(ConsoleRequest::List);
        if let Ok(Reply::Console(all)) = visit.desk().perform(&visit.actor(), request).await {
            let owner = |user: &&_| {
                let user: &crate::operations::ConsoleUser = user;
                user.role == Role::Owner && !user.locked
            };
            owners = Some(all.iter().filter(owner).count());
        }
    }
    let own = principal.filter(|principal| principal.origin == Origin::Console);
    let account = own.and_then(|own| visit.desk().accounts.console_account(&own.name).ok());
    let has_code = account.map(|account| account.sealed_totp.is_some());
    let may = principal.is_some_and(|one| Right::Administer.is_of_role(one.role));
    let answered = if may { answered(visit).await } else { None };
    Beside { owners, has_code, answered }
}

/// Whether somebody said which domain it is, and who sees whether people are online.
async fn answered(visit: &Visit) -> Option<bool> {
    let request = Request::Setting(SettingRequest::Show { prefix: String::new() });
    let Ok(Reply::Settings(all)) = visit.desk().perform(&visit.actor(), request).await else {
        return None;
    };
    let is_set = |key: &str| all.iter().any(|one| one.key == key && one.origin != "default");
    Some(is_set("domain") && is_set("presence.default_policy"))
}

fn attention(t: Texts, shell: &Shell, status: &Status, beside: &Beside) -> Vec<Attention> {
    let mut all = Vec::new();
    let mut add = |level, text| all.push(Attention { level, text });
    let detail = |detail: &Option<String>| shell.show(detail.as_deref().unwrap_or_default());
    if status.store.state != "ok" {
        add("error", t.of("attention-store", "detail", detail(&status.store.detail)));
    } else if status.store.detail.is_some() {
        add("warn", t.get("attention-space"));
    }
    if ["down", "degraded"].contains(&status.ldap.state.as_str()) {
        let level = if status.ldap.state == "down" { "error" } else { "warn" };
        add(level, t.of("attention-directory", "detail", detail(&status.ldap.detail)));
    }
    if let Some(error) = status.tls.as_ref().and_then(|tls| tls.error.as_deref()) {
        add("warn", t.of("attention-certificate", "detail", shell.show(error)));
    }
    if ["tight", "critical"].contains(&status.memory.state.as_str()) {
        add("error", t.get("attention-memory"));
    }
    if status.md5_only_accounts > 0 {
        add("warn", t.of("attention-md5", "count", status.md5_only_accounts));
    }
    if beside.has_code == Some(false) {
        add("warn", t.get("attention-no-code"));
    }
    all
}

fn tiles(t: Texts, shell: &Shell, status: &Status) -> Vec<Tile> {
    let tile = |label, value: String, note, level| Tile { label, value, note, level };
    let directory = match status.ldap.state.as_str() {
        "off" => (t.get("directory-off"), t.get("directory-off-note"), ""),
        "up" => (t.get("directory-up"), String::new(), "ok"),
        "degraded" => (t.get("directory-degraded"), String::new(), "warn"),
        _ => (t.get("directory-down"), String::new(), "error"),
    };
    let certificate = match &status.tls {
        Some(tls) => {
            let (name, level) = match tls.source {
                Source::Internal => (t.get("certificate-internal"), "warn"),
                Source::Files => (t.get("certificate-files"), "ok"),
                Source::Acme => (t.get("certificate-acme"), "ok"),
                Source::None => (t.get("certificate-none"), "error"),
            };
            let day = tls.not_after.split('T').next().unwrap_or_default().to_owned();
            let until = if day.is_empty() { day } else { t.of("certificate-until", "date", day) };
            (name, until, if tls.error.is_some() { "warn" } else { level })
        }
        None => (t.get("certificate-none"), String::new(), "error"),
    };
    let store = match status.store.state.as_str() {
        "ok" => (t.get("store-ok"), if status.store.detail.is_some() { "warn" } else { "ok" }),
        "read-only" => (t.get("store-read-only"), "error"),
        _ => (t.get("store-failed"), "error"),
    };
    vec![
        tile(
            Key("tile-devices"),
            status.bindings.to_string(),
            t.of("devices-count", "count", status.bindings),
            "",
        ),
        tile(Key("tile-people"), status.accounts.to_string(), t.get("people-note"), ""),
        tile(
            Key("tile-presence"),
            status.publications.to_string(),
            format!(
                "{}, {}",
                t.get("presence-note"),
                t.of("watching-count", "count", status.subscriptions)
            ),
            "",
        ),
        tile(Key("tile-held"), status.held_messages.to_string(), t.get("held-note"), ""),
        tile(Key("tile-directory"), directory.0, directory.1, directory.2),
        tile(Key("tile-certificate"), certificate.0, certificate.1, certificate.2),
        tile(
            Key("tile-store"),
            store.0,
            shell.show(status.store.detail.as_deref().unwrap_or_default()),
            store.1,
        ),
    ]
}

fn checklist(t: Texts, status: &Status, beside: &Beside) -> Vec<Step> {
    let step = |done: bool, title: &str, done_text, open_text| Step {
        done,
        title: title.to_owned(),
        text: if done { done_text } else { open_text },
        link: "",
        link_text: String::new(),
    };
    let trusted =
        status.tls.as_ref().is_some_and(|tls| matches!(tls.source, Source::Files | Source::Acme));
    let mut steps = vec![
        step(
            trusted,
            &t.get("check-certificate"),
            t.get("check-certificate-done"),
            t.get("check-certificate-open"),
        ),
        step(
            status.accounts > 0 || status.ldap.state != "off",
            &t.get("check-people"),
            t.get("check-people-done"),
            t.get("check-people-open"),
        ),
        step(
            status.ldap.state != "off",
            &t.get("check-directory"),
            t.get("check-directory-done"),
            t.get("check-directory-open"),
        ),
    ];
    if let Some(answered) = beside.answered {
        let own = step(
            answered,
            &t.get("check-campus"),
            t.get("check-campus-done"),
            t.get("check-campus-open"),
        );
        steps.insert(0, linked(own, "/admin/setup/campus", t.get("check-answer")));
        for step in &mut steps {
            let about_people = [t.get("check-people"), t.get("check-directory")];
            if !step.done && about_people.contains(&step.title) {
                step.link = "/admin/setup/people";
                step.link_text = t.get("check-answer");
            }
        }
    }
    if let Some(owners) = beside.owners {
        steps.push(step(
            owners > 1,
            &t.get("check-owner"),
            t.get("check-owner-done"),
            t.get("check-owner-open"),
        ));
    }
    if let Some(has_code) = beside.has_code {
        let own = step(
            has_code,
            &t.get("check-code"),
            t.get("check-code-done"),
            t.get("check-code-open"),
        );
        steps.push(linked(own, "/admin/account/code", t.get("check-code-link")));
    }
    steps
}

/// A step with where it is taken, unless it is.
fn linked(step: Step, link: &'static str, link_text: String) -> Step {
    if step.done { step } else { Step { link, link_text, ..step } }
}

fn listeners(status: &Status) -> Vec<(&'static str, String)> {
    let listeners = &status.listeners;
    let of = |name: &'static str, all: &[String]| -> Vec<(&'static str, String)> {
        all.iter().map(|address| (name, address.clone())).collect()
    };
    let mut all = of("SIP", &listeners.sip);
    all.extend(of("HTTP", &listeners.web));
    all.extend(of("MSRP", &listeners.msrp));
    all
}
