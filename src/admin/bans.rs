//! Who may not try again for a while, who is close to it, and by which bounds.

use std::net::IpAddr;

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::live;
use crate::identity::UserName;
use crate::operations::{LiveReply, LiveRequest, Reply, Request, Right};
use crate::web::{Access, Faults, Key, Route, Shell, Texts, Visit, render};

/// The routes of bans.
pub(super) fn routes() -> Vec<Route> {
    let help = Access::Right(Right::Help);
    vec![
        Route::get("/admin/bans", super::EVERYBODY, page),
        Route::post("/admin/bans/lift", help, lift),
        Route::post("/admin/bans/lift-all", help, lift_all),
    ]
}

/// Bans that are shown; there are as many as somebody has addresses.
const MOST: usize = 200;

#[derive(Template)]
#[template(path = "admin/bans.html")]
struct BansPage {
    shell: Shell,
    faults: Faults,
    done: Option<String>,
    total: String,
    bans: Vec<BanRow>,
    failing: Vec<FailingRow>,
    bounds: Vec<BoundRow>,
    may_help: bool,
    may_inspect: bool,
}

struct BanRow {
    source: String,
    /// Whom it concerns; empty is everybody who never signed in from there.
    user: String,
    shown: String,
    link: Option<String>,
    until: String,
}

struct FailingRow {
    source: String,
    user: String,
    link: Option<String>,
    count: String,
}

struct BoundRow {
    key: String,
    value: String,
    text: String,
}

/// The page of somebody who exists; whoever guesses names makes up others.
fn link(visit: &Visit, user: &str) -> Option<String> {
    let person = visit.desk().accounts.person(&UserName::canonical(user));
    matches!(person, Ok(Some(_))).then(|| live::person_link(user))
}

/// What a bound means.
fn meaning(t: Texts, key: &str) -> String {
    let key = match key {
        "limits.failures_per_source_account" => Key("bound-failures-pair"),
        "limits.failures_per_source" => Key("bound-failures-source"),
        "limits.failure_window" => Key("bound-failure-window"),
        "limits.ban_time" => Key("bound-ban-time"),
        "limits.source_rate" => Key("bound-source-rate"),
        "limits.source_burst" => Key("bound-source-burst"),
        "limits.message_rate" => Key("bound-message-rate"),
        "limits.message_burst" => Key("bound-message-burst"),
        "limits.connections_per_source" => Key("bound-connections-source"),
        "limits.connections_unauthenticated" => Key("bound-connections-strangers"),
        "limits.connections_total" => Key("bound-connections-total"),
        "limits.subscriptions_per_user" => Key("bound-subscriptions"),
        "limits.watchers_per_user" => Key("bound-watchers"),
        "registrar.max_contacts" => Key("bound-contacts"),
        "messages.max_held_per_user" => Key("bound-held"),
        "messages.max_held_per_sender" => Key("bound-held-sender"),
        "messages.retention" => Key("bound-retention"),
        "limits.console_idle" => Key("bound-console-idle"),
        _ => return String::new(),
    };
    t.key(key)
}

async fn show(visit: &Visit, status: StatusCode, faults: Faults) -> Response {
    let shell = visit.shell(Key("bans-title"));
    let t = shell.t;
    let all = match visit.desk().perform(&visit.actor(), Request::BanList).await {
        Ok(Reply::Bans(all)) => all,
        Ok(_) => return live::refusal(&live::unexpected()),
        Err(failure) => return live::refusal(&failure),
    };
    let failing = match live::ask(visit, LiveRequest::Failing).await {
        Ok(LiveReply::Failing(failing)) => failing,
        Ok(_) => return live::refusal(&live::unexpected()),
        Err(failure) => return live::refusal(&failure),
    };
    let bounds = match live::ask(visit, LiveRequest::Bounds).await {
        Ok(LiveReply::Bounds(bounds)) => bounds,
        Ok(_) => return live::refusal(&live::unexpected()),
        Err(failure) => return live::refusal(&failure),
    };
    let page = BansPage {
        faults,
        done: (visit.query.get("done") == "lifted").then(|| t.get("bans-lifted")),
        total: t.of("bans-total", "count", all.len()),
        bans: all
            .into_iter()
            .take(MOST)
            .map(|ban| {
                let user = ban.user.unwrap_or_default();
                BanRow {
                    source: ban.source.to_string(),
                    shown: live::cut(&user),
                    link: link(visit, &user),
                    user,
                    until: ban.until,
                }
            })
            .collect(),
        failing: failing
            .into_iter()
            .map(|one| FailingRow {
                source: one.source.to_string(),
                link: link(visit, &one.user),
                user: live::cut(&one.user),
                count: t.with(
                    "failing-count",
                    [("count", one.failures.into()), ("most", one.most.into())],
                ),
            })
            .collect(),
        bounds: bounds
            .into_iter()
            .map(|bound| BoundRow {
                text: meaning(t, &bound.key),
                key: bound.key,
                value: bound.value,
            })
            .collect(),
        may_help: live::may(visit, Right::Help),
        may_inspect: live::may(visit, Right::Inspect),
        shell,
    };
    render(status, &page)
}

/// `GET /admin/bans`.
async fn page(visit: Visit) -> Response {
    show(&visit, StatusCode::OK, Faults::default()).await
}

async fn lifted(visit: &Visit, source: Option<IpAddr>, user: Option<String>) -> Response {
    let request = Request::BanLift { source, user };
    match visit.desk().perform(&visit.actor(), request).await {
        Ok(_) => visit.go("/admin/bans?done=lifted"),
        Err(failure) => live::refusal(&failure),
    }
}

/// `POST /admin/bans/lift`: one of them, which names its source at least.
async fn lift(visit: Visit) -> Response {
    let user = Some(visit.form.get("user").to_owned()).filter(|user| !user.is_empty());
    match visit.form.get("source").parse() {
        Ok(source) => lifted(&visit, Some(source), user).await,
        Err(_) => {
            let mut faults = Faults::default();
            faults.add("", visit.texts().get("bans-no-source"));
            show(&visit, StatusCode::UNPROCESSABLE_ENTITY, faults).await
        }
    }
}

/// `POST /admin/bans/lift-all`.
async fn lift_all(visit: Visit) -> Response {
    if visit.form.is_set("all") {
        return lifted(&visit, None, None).await;
    }
    let mut faults = Faults::default();
    faults.add("", visit.texts().get("bans-not-confirmed"));
    show(&visit, StatusCode::UNPROCESSABLE_ENTITY, faults).await
}
