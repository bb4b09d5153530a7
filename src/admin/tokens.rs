//! Tokens of the API: which there are, a new one, the end of one.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::answer;
use crate::clock::WallTime;
use crate::model::{Role, Scope};
use crate::operations::{Exit, Failure, Reply, Request, Right, Status, Token, TokenRequest};
use crate::web::{Access, Faults, Key, Route, Shell, Texts, Visit, render};

/// Days that a token may be chosen to last; the first is offered.
const DAYS: [(u64, Key); 4] = [
    (90, Key("token-for-quarter")),
    (30, Key("token-for-month")),
    (365, Key("token-for-year")),
    (0, Key("token-for-ever")),
];

/// Scopes by what they are about, each with what it permits.
const GROUPS: [(Key, &[(Scope, Key)]); 4] = [
    (
        Key("scopes-people"),
        &[
            (Scope::UsersRead, Key("scope-users-read")),
            (Scope::UsersWrite, Key("scope-users-write")),
            (Scope::DevicesRead, Key("scope-devices-read")),
            (Scope::DevicesWrite, Key("scope-devices-write")),
            (Scope::DirectoryRead, Key("scope-directory-read")),
            (Scope::DirectoryWrite, Key("scope-directory-write")),
        ],
    ),
    (
        Key("scopes-talk"),
        &[
            (Scope::NotifySend, Key("scope-notify-send")),
            (Scope::MessagesRead, Key("scope-messages-read")),
            (Scope::MessagesWrite, Key("scope-messages-write")),
            (Scope::PresenceRead, Key("scope-presence-read")),
            (Scope::PresenceWrite, Key("scope-presence-write")),
        ],
    ),
    (
        Key("scopes-safety"),
        &[
            (Scope::BansRead, Key("scope-bans-read")),
            (Scope::BansWrite, Key("scope-bans-write")),
            (Scope::AuditRead, Key("scope-audit-read")),
        ],
    ),
    (
        Key("scopes-server"),
        &[
            (Scope::StatusRead, Key("scope-status-read")),
            (Scope::MetricsRead, Key("scope-metrics-read")),
            (Scope::SettingsRead, Key("scope-settings-read")),
            (Scope::SettingsWrite, Key("scope-settings-write")),
            (Scope::ArchiveWrite, Key("scope-archive-write")),
        ],
    ),
];

/// The routes of tokens.
pub(super) fn routes() -> Vec<Route> {
    let (inspect, administer) = (Access::Right(Right::Inspect), Access::Right(Right::Administer));
    vec![
        Route::get("/admin/tokens", inspect, page),
        Route::post("/admin/tokens", administer, make),
        Route::post("/admin/tokens/{token}/revoke", administer, revoke),
    ]
}

#[derive(Template)]
#[template(path = "admin/tokens.html")]
struct TokensPage {
    shell: Shell,
    faults: Faults,
    done: Option<String>,
    tokens: Vec<TokenRow>,
    /// Whether the visitor may make any.
    may_make: bool,
    name: String,
    networks: String,
    roles: Vec<(String, String)>,
    role: String,
    days: Vec<(String, String)>,
    day: String,
    groups: Vec<Group>,
}

struct TokenRow {
    token: Token,
    may_revoke: bool,
}

struct Group {
    title: String,
    scopes: Vec<ScopeTick>,
}

struct ScopeTick {
    field: String,
    name: &'static str,
    title: String,
    ticked: bool,
}

#[derive(Template)]
#[template(path = "admin/token-made.html")]
struct TokenMade {
    shell: Shell,
    token: Token,
    secret: String,
    url: String,
}

/// `GET /admin/tokens`.
async fn page(visit: Visit) -> Response {
    show(&visit, Faults::default()).await
}

async fn show(visit: &Visit, faults: Faults) -> Response {
    let reply = visit.desk().perform(&visit.actor(), Request::Token(TokenRequest::List)).await;
    let tokens = match reply {
        Ok(Reply::Tokens(tokens)) => tokens,
        Ok(_) => return answer::unexpected(),
        Err(failure) => return answer::problem(&failure),
    };
    let shell = visit.shell(Key("tokens-title"));
    let (name, own) = own(visit);
    let may_make = Right::Administer.is_of_role(own);
    let row = |token: Token| TokenRow {
        may_revoke: may_make && (own.may_manage(token.role) || token.maker == name),
        token,
    };
    let done = match visit.query.get("done") {
        "revoked" => Some(shell.t.get("token-revoked")),
        _ => None,
    };
    let status = if faults.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let chosen = |field, default: &str| match visit.form.get(field) {
        "" => default.to_owned(),
        text => text.to_owned(),
    };
    let page = TokensPage {
        done,
        tokens: tokens.into_iter().map(row).collect(),
        may_make,
        name: visit.form.get("name").to_owned(),
        networks: visit.form.get("networks").to_owned(),
        roles: roles(&shell, own),
        role: chosen("role", Role::ReadOnly.name()),
        days: DAYS.map(|(days, title)| (days.to_string(), shell.t.key(title))).into(),
        day: chosen("days", "90"),
        groups: groups(visit, shell.t),
        faults,
        shell,
    };
    render(status, &page)
}

/// Whoever asks, and what he may.
fn own(visit: &Visit) -> (&str, Role) {
    let own = visit.principal();
    own.map_or(("", Role::ReadOnly), |own| (own.name.as_str(), own.role))
}

/// The roles that somebody may give away, from least to most.
pub(super) fn roles(shell: &Shell, own: Role) -> Vec<(String, String)> {
    let mine = Role::ALL.into_iter().filter(|role| own.may_manage(*role));
    mine.map(|role| (role.name().to_owned(), shell.role(role))).collect()
}

fn field(scope: Scope) -> String {
    format!("scope-{}", scope.name().replace(':', "-"))
}

fn groups(visit: &Visit, t: Texts) -> Vec<Group> {
    let tick = |(scope, title): &(Scope, Key)| {
        let field = field(*scope);
        let ticked = visit.form.is_set(&field);
        ScopeTick { field, name: scope.name(), title: t.key(title), ticked }
    };
    let group = |(title, scopes): (Key, &[(Scope, Key)])| Group {
        title: t.key(title),
        scopes: scopes.iter().map(tick).collect(),
    };
    GROUPS.into_iter().map(group).collect()
}

/// When a token that is made now ends; `Err` if that was none of the choices.
fn end(visit: &Visit, now: Option<WallTime>) -> Result<Option<WallTime>, ()> {
    let days = DAYS.iter().find(|(days, _)| days.to_string() == visit.form.get("days"));
    let (days, _) = days.ok_or(())?;
    let life = std::time::Duration::from_secs(days.saturating_mul(86_400));
    match (days, now) {
        (0, _) => Ok(None),
        (_, Some(now)) => Ok(Some(now + life)),
        (_, None) => Err(()),
    }
}

/// `POST /admin/tokens`.
async fn make(visit: Visit) -> Response {
    let t = visit.texts();
    let mut faults = Faults::default();
    let name = visit.form.trimmed("name").to_owned();
    if name.is_empty() || name.len() > 128 {
        faults.add("name", t.get("token-no-name"));
    }
    let all = GROUPS.iter().flat_map(|(_, scopes)| scopes.iter().map(|(scope, _)| *scope));
    let scopes: Vec<Scope> = all.filter(|scope| visit.form.is_set(&field(*scope))).collect();
    if scopes.is_empty() {
        faults.add("scope-users-read", t.get("token-no-scope"));
    }
    let role: Option<Role> = visit.form.get("role").parse().ok();
    if role.is_none() {
        faults.add("role", t.get("token-no-role"));
    }
    // The session's own clock: it was used just now.
    let expires_at = end(&visit, visit.session().map(|session| session.used));
    if expires_at.is_err() {
        faults.add("days", t.get("token-no-end"));
    }
    let texts = visit.form.get("networks").split([',', ';', ' ', '\n', '\r', '\t']);
    let networks: Vec<String> = texts.filter(|text| !text.is_empty()).map(str::to_owned).collect();
    if networks.iter().any(|text| text.parse::<crate::config::Network>().is_err()) {
        faults.add("networks", t.get("token-no-network"));
    }
    let (Some(role), Ok(expires_at), true) = (role, expires_at, faults.is_empty()) else {
        return show(&visit, faults).await;
    };
    let request = TokenRequest::Make { name, scopes, role, expires_at, networks };
    match visit.desk().perform(&visit.actor(), Request::Token(request)).await {
        Ok(Reply::TokenSecret(made)) => {
            let shell = visit.shell(Key("token-made"));
            let page = TokenMade {
                shell,
                secret: made.secret.expose().to_owned(),
                url: api(&visit).await,
                token: made.token,
            };
            render(StatusCode::OK, &page)
        }
        Ok(_) => answer::unexpected(),
        Err(failure) => {
            let text = match failure.exit {
                Exit::Refused if !own(&visit).1.may_manage(role) => t.get("token-rights"),
                Exit::Refused => t.get("token-too-many"),
                _ => not_done(t, &failure),
            };
            faults.add("", text);
            show(&visit, faults).await
        }
    }
}

/// What is said of a failure that the form does not know.
pub(super) fn not_done(t: Texts, failure: &Failure) -> String {
    tracing::error!(event = "console_change_failed", %failure);
    t.get("failed")
}

/// Where the API answers, as others reach it.
async fn api(visit: &Visit) -> String {
    let reply = visit.desk().perform(&visit.actor(), Request::Status).await;
    let origin = match reply {
        Ok(Reply::Status(status)) => origin(&status),
        _ => String::new(),
    };
    format!("{origin}/api/v1/status")
}

/// The web as others reach it: over TLS if there is a listener for it.
pub(super) fn origin(status: &Status) -> String {
    let listeners = status.listeners.web.iter().filter_map(|one| one.split_once("://"));
    let Some((scheme, address)) = listeners.max_by_key(|(scheme, _)| *scheme == "https") else {
        return String::new();
    };
    let port = address.rsplit_once(':').map_or("", |(_, port)| port);
    let default = if scheme == "https" { "443" } else { "80" };
    let port = if port == default { String::new() } else { format!(":{port}") };
    format!("{scheme}://{}{port}", status.public_name)
}

/// `POST /admin/tokens/{token}/revoke`.
async fn revoke(visit: Visit) -> Response {
    let token = visit.param("token").to_owned();
    let request = Request::Token(TokenRequest::Revoke { token });
    match visit.desk().perform(&visit.actor(), request).await {
        Ok(_) => visit.go("/admin/tokens?done=revoked"),
        Err(failure) => answer::problem(&failure),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scope_can_be_ticked_once() {
        let mut all: Vec<Scope> =
            GROUPS.iter().flat_map(|(_, scopes)| scopes.iter().map(|(scope, _)| *scope)).collect();
        all.sort_unstable();
        assert_eq!(all, Scope::ALL);
    }

    #[test]
    fn the_api_is_named_as_others_reach_it() {
        let mut status = Status { public_name: "im.campus.test".to_owned(), ..Status::default() };
        assert_eq!(origin(&status), "");
        status.listeners.web = vec!["http://127.0.0.1:8080".to_owned()];
        assert_eq!(origin(&status), "http://im.campus.test:8080");
        status.listeners.web.push("https://[::]:443".to_owned());
        assert_eq!(origin(&status), "https://im.campus.test");
    }
}
