//! Who works on the console: the accounts, one of them, who is signed in, and what each role may.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::tokens::{not_done, roles};
use super::{answer, browser, deeds, password};
use crate::accounts::{Deed, Origin};
use crate::model::Role;
use crate::operations::{
    ConsoleRequest, ConsoleUser, Exit, Failure, Reply, Request, Right, Secret, examples,
};
use crate::web::{Access, Faults, Key, Route, Session, Shell, Visit, render};

/// The routes of the console's accounts.
pub(super) fn routes() -> Vec<Route> {
    let (inspect, administer) = (Access::Right(Right::Inspect), Access::Right(Right::Administer));
    vec![
        Route::get("/admin/team", inspect, page),
        Route::get("/admin/team/roles", inspect, matrix),
        Route::post("/admin/team/add", administer, add),
        Route::post("/admin/team/sessions/{handle}/end", administer, end_session),
        Route::get("/admin/team/people/{name}", inspect, member),
        Route::post("/admin/team/people/{name}/role", administer, set_role),
        Route::post("/admin/team/people/{name}/password", administer, set_password),
        Route::post("/admin/team/people/{name}/drop-code", administer, drop_code),
        Route::post("/admin/team/people/{name}/lock", administer, lock),
        Route::post("/admin/team/people/{name}/unlock", administer, unlock),
        Route::post("/admin/team/people/{name}/delete", administer, delete),
    ]
}

#[derive(Template)]
#[template(path = "admin/team.html")]
struct TeamPage {
    shell: Shell,
    faults: Faults,
    done: Option<String>,
    people: Vec<(ConsoleUser, String)>,
    sessions: Vec<SessionRow>,
    has_directory_group: bool,
    may_add: bool,
    name: String,
    roles: Vec<(String, String)>,
    role: String,
}

struct SessionRow {
    session: Session,
    browser: String,
    is_of_directory: bool,
    is_this: bool,
    may_end: bool,
}

#[derive(Template)]
#[template(path = "admin/team-member.html")]
struct MemberPage {
    shell: Shell,
    faults: Faults,
    done: Option<String>,
    user: ConsoleUser,
    path: String,
    is_oneself: bool,
    may_change: bool,
    roles: Vec<(String, String)>,
}

#[derive(Template)]
#[template(path = "admin/team-password.html")]
struct PasswordPage {
    shell: Shell,
    name: String,
    password: String,
    next: String,
}

#[derive(Template)]
#[template(path = "admin/team-roles.html")]
struct MatrixPage {
    shell: Shell,
    groups: Vec<RightGroup>,
}

struct RightGroup {
    title: String,
    /// By [`Role::ALL`].
    may: [bool; 4],
    deeds: Vec<(&'static str, Option<Key>)>,
}

/// The accounts, or an answer that says why not.
async fn list(visit: &Visit) -> Result<Vec<ConsoleUser>, Response> {
    let request = Request::Console(ConsoleRequest::List);
    match visit.desk().perform(&visit.actor(), request).await {
        Ok(Reply::Console(all)) => Ok(all),
        Ok(_) => Err(answer::unexpected()),
        Err(failure) => Err(answer::problem(&failure)),
    }
}

fn own_role(visit: &Visit) -> Role {
    visit.principal().map_or(Role::ReadOnly, |own| own.role)
}

fn is_oneself(visit: &Visit, name: &str) -> bool {
    let own = visit.principal().filter(|own| own.origin == Origin::Console);
    own.is_some_and(|own| own.name == name)
}

fn path(name: &str) -> String {
    format!("/admin/team/people/{}", answer::part(name))
}

/// `GET /admin/team`.
async fn page(visit: Visit) -> Response {
    show(&visit, StatusCode::OK, Faults::default()).await
}

async fn show(visit: &Visit, status: StatusCode, faults: Faults) -> Response {
    let people = match list(visit).await {
        Ok(people) => people,
        Err(answer) => return answer,
    };
    let shell = visit.shell(Key("team-title"));
    let own = own_role(visit);
    let done = match visit.query.get("done") {
        "added" => Some(shell.t.get("team-added")),
        "deleted" => Some(shell.t.get("team-deleted")),
        "session" => Some(shell.t.get("session-ended")),
        _ => None,
    };
    let this = visit.session().map(|session| session.handle.clone()).unwrap_or_default();
    let row = |session: Session| SessionRow {
        is_of_directory: session.principal.origin == Origin::Directory,
        is_this: session.handle == this,
        may_end: session.handle != this && own.may_manage(session.principal.role),
        browser: browser::name(&session.agent),
        session,
    };
    let chosen = visit.form.get("role");
    let page = TeamPage {
        faults,
        done,
        people: people.into_iter().map(|user| (user.clone(), path(&user.name))).collect(),
        sessions: visit.sessions().all().into_iter().map(row).collect(),
        has_directory_group: visit.desk().accounts.identity().has_administrators(),
        may_add: Right::Administer.is_of_role(own),
        name: visit.form.get("name").to_owned(),
        roles: roles(&shell, own),
        role: if chosen.is_empty() { Role::Helpdesk.name() } else { chosen }.to_owned(),
        shell,
    };
    render(status, &page)
}

/// `GET /admin/team/roles`: from the table that decides, so that it cannot say anything else.
async fn matrix(visit: Visit) -> Response {
    let shell = visit.shell(Key("roles-title"));
    let rules: Vec<_> = examples().iter().map(Request::rule).collect();
    let title = |right| match right {
        Right::See => shell.t.get("right-see"),
        Right::Oneself => shell.t.get("right-oneself"),
        Right::Inspect => shell.t.get("right-inspect"),
        Right::Help => shell.t.get("right-help"),
        Right::Administer => shell.t.get("right-administer"),
        Right::Own => shell.t.get("right-own"),
        Right::Machine => shell.t.get("right-machine"),
    };
    let group = |right: Right| {
        // Several requests are one deed.
        let mut names: Vec<&'static str> = Vec::new();
        for rule in rules.iter().filter(|rule| rule.right == right) {
            if !names.contains(&rule.deed) {
                names.push(rule.deed);
            }
        }
        RightGroup {
            title: title(right),
            may: Role::ALL.map(|role| right.is_of_role(role)),
            deeds: names.into_iter().map(|name| (name, deeds::title(name))).collect(),
        }
    };
    let groups = Right::ALL.map(group).into_iter().filter(|one| !one.deeds.is_empty()).collect();
    render(StatusCode::OK, &MatrixPage { shell, groups })
}

/// The password that somebody shall have: what was typed, or one that is made here.
fn chosen_password(visit: &Visit, faults: &mut Faults) -> (String, bool) {
    if visit.form.get("password").is_empty() {
        return (password::generated(), true);
    }
    password::check(visit.texts(), &visit.form, faults);
    (visit.form.get("password").to_owned(), false)
}

fn shown(visit: &Visit, name: &str, password: String, next: String) -> Response {
    let shell = visit.shell(Key("team-password-made"));
    render(StatusCode::OK, &PasswordPage { shell, name: name.to_owned(), password, next })
}

/// `POST /admin/team/add`.
async fn add(visit: Visit) -> Response {
    let t = visit.texts();
    let mut faults = Faults::default();
    let name = visit.form.trimmed("name").to_owned();
    if name.is_empty() {
        faults.add("name", t.get("name-unusable"));
    }
    let role: Option<Role> = visit.form.get("role").parse().ok();
    if role.is_none() {
        faults.add("role", t.get("team-no-role"));
    }
    let (password, is_generated) = chosen_password(&visit, &mut faults);
    let (Some(role), true) = (role, faults.is_empty()) else {
        return show(&visit, StatusCode::UNPROCESSABLE_ENTITY, faults).await;
    };
    let people = match list(&visit).await {
        Ok(people) => people,
        Err(answer) => return answer,
    };
    let secret = Secret::new(password.clone());
    let request = ConsoleRequest::Add { name: name.clone(), role, password: secret };
    match visit.desk().perform(&visit.actor(), Request::Console(request)).await {
        Ok(Reply::Console(made)) if is_generated => {
            let name = made.first().map_or(name, |made| made.name.clone());
            shown(&visit, &name, password, path(&name))
        }
        Ok(_) => visit.go("/admin/team?done=added"),
        Err(failure) => {
            let taken = people.iter().any(|one| one.name == name.to_lowercase());
            let (status, field, text) = match failure.exit {
                Exit::Usage => (StatusCode::UNPROCESSABLE_ENTITY, "name", t.get("name-unusable")),
                Exit::Refused if taken => (StatusCode::CONFLICT, "name", t.get("team-taken")),
                Exit::Refused if !own_role(&visit).may_manage(role) => {
                    (StatusCode::FORBIDDEN, "role", t.get("team-rights"))
                }
                Exit::Refused => (StatusCode::CONFLICT, "", t.get("team-full")),
                _ => (answer::status(&failure), "", not_done(t, &failure)),
            };
            faults.add(field, text);
            show(&visit, status, faults).await
        }
    }
}

/// `GET /admin/team/people/{name}`.
async fn member(visit: Visit) -> Response {
    show_member(&visit, StatusCode::OK, Faults::default()).await
}

async fn show_member(visit: &Visit, status: StatusCode, faults: Faults) -> Response {
    let people = match list(visit).await {
        Ok(people) => people,
        Err(answer) => return answer,
    };
    let name = visit.param("name");
    let Some(user) = people.into_iter().find(|one| one.name == name) else {
        return answer::problem(&Failure::not_found("there is no such console account"));
    };
    let shell = visit.shell(Key("member-title"));
    let own = own_role(visit);
    let done = match visit.query.get("done") {
        "role" => Some(shell.t.get("team-role-done")),
        "password" => Some(shell.t.get("team-password-done")),
        "code" => Some(shell.t.get("team-code-done")),
        "lock" => Some(shell.t.get("team-lock-done")),
        "unlock" => Some(shell.t.get("team-unlock-done")),
        _ => None,
    };
    let is_oneself = is_oneself(visit, &user.name);
    let page = MemberPage {
        faults,
        done,
        path: path(&user.name),
        is_oneself,
        may_change: !is_oneself && own.may_manage(user.role),
        roles: roles(&shell, own),
        user,
        shell,
    };
    render(status, &page)
}

/// Why somebody's account was not changed (W35).
fn reason(
    visit: &Visit,
    people: &[ConsoleUser],
    role: Option<Role>,
    failure: &Failure,
) -> (StatusCode, String) {
    let t = visit.texts();
    let name = visit.param("name");
    let own = own_role(visit);
    let account = people.iter().find(|one| one.name == name);
    let is_owner = |one: &ConsoleUser| one.role == Role::Owner && !one.locked;
    let is_last =
        account.is_some_and(is_owner) && people.iter().filter(|o| is_owner(o)).count() == 1;
    let above = |role: Role| !own.may_manage(role);
    match failure.exit {
        Exit::Refused if role.is_some_and(above) => (StatusCode::FORBIDDEN, t.get("team-rights")),
        Exit::Refused if is_oneself(visit, name) => (StatusCode::CONFLICT, t.get("team-oneself")),
        Exit::Refused if account.is_some_and(|one| above(one.role)) => {
            (StatusCode::FORBIDDEN, t.get("team-rights"))
        }
        Exit::Refused if is_last => (StatusCode::CONFLICT, t.get("team-last-owner")),
        Exit::Usage => (StatusCode::UNPROCESSABLE_ENTITY, t.get("password-unusable")),
        _ => (answer::status(failure), not_done(t, failure)),
    }
}

/// Changes the account that the path names, and goes where that is said.
async fn change(
    visit: &Visit,
    role: Option<Role>,
    request: impl FnOnce(String) -> ConsoleRequest,
) -> Result<(), Response> {
    let people = list(visit).await?;
    let request = Request::Console(request(visit.param("name").to_owned()));
    match visit.desk().perform(&visit.actor(), request).await {
        Ok(_) => Ok(()),
        Err(failure) if failure.exit == Exit::NotFound => Err(answer::problem(&failure)),
        Err(failure) => {
            let (status, text) = reason(visit, &people, role, &failure);
            let mut faults = Faults::default();
            faults.add("", text);
            Err(show_member(visit, status, faults).await)
        }
    }
}

/// After a change, back to the account.
fn back(visit: &Visit, outcome: Result<(), Response>, done: &str) -> Response {
    match outcome {
        Ok(()) => visit.go(&format!("{}?done={done}", path(visit.param("name")))),
        Err(answer) => answer,
    }
}

/// `POST /admin/team/people/{name}/role`.
async fn set_role(visit: Visit) -> Response {
    let Ok(role) = visit.form.get("role").parse::<Role>() else {
        let mut faults = Faults::default();
        faults.add("role", visit.texts().get("team-no-role"));
        return show_member(&visit, StatusCode::UNPROCESSABLE_ENTITY, faults).await;
    };
    let request = |name| ConsoleRequest::SetRole { name, role };
    let outcome = change(&visit, Some(role), request).await;
    back(&visit, outcome, "role")
}

/// `POST /admin/team/people/{name}/password`.
async fn set_password(visit: Visit) -> Response {
    let mut faults = Faults::default();
    let (password, is_generated) = chosen_password(&visit, &mut faults);
    if !faults.is_empty() {
        return show_member(&visit, StatusCode::UNPROCESSABLE_ENTITY, faults).await;
    }
    let secret = Secret::new(password.clone());
    let request = |name| ConsoleRequest::SetPassword { name, password: secret };
    match change(&visit, None, request).await {
        Ok(()) if is_generated => {
            let name = visit.param("name");
            shown(&visit, name, password, path(name))
        }
        outcome => back(&visit, outcome, "password"),
    }
}

/// `POST /admin/team/people/{name}/drop-code`.
async fn drop_code(visit: Visit) -> Response {
    let outcome = change(&visit, None, |name| ConsoleRequest::DropCode { name }).await;
    back(&visit, outcome, "code")
}

/// `POST /admin/team/people/{name}/lock`.
async fn lock(visit: Visit) -> Response {
    let request = |name| ConsoleRequest::Lock { name, locked: true };
    let outcome = change(&visit, None, request).await;
    back(&visit, outcome, "lock")
}

/// `POST /admin/team/people/{name}/unlock`.
async fn unlock(visit: Visit) -> Response {
    let request = |name| ConsoleRequest::Lock { name, locked: false };
    let outcome = change(&visit, None, request).await;
    back(&visit, outcome, "unlock")
}

/// `POST /admin/team/people/{name}/delete`, with the name typed once more.
async fn delete(visit: Visit) -> Response {
    if visit.form.trimmed("confirm") != visit.param("name") {
        let mut faults = Faults::default();
        faults.add("confirm", visit.texts().get("team-confirm-wrong"));
        return show_member(&visit, StatusCode::UNPROCESSABLE_ENTITY, faults).await;
    }
    match change(&visit, None, |name| ConsoleRequest::Delete { name }).await {
        Ok(()) => visit.go("/admin/team?done=deleted"),
        Err(answer) => answer,
    }
}

/// `POST /admin/team/sessions/{handle}/end`: of one's own role or below, as with accounts. Sessions
/// live in the web listener alone, so this is no request.
async fn end_session(visit: Visit) -> Response {
    let handle = visit.param("handle");
    let found = visit.sessions().all().into_iter().find(|one| one.handle == handle);
    let Some(session) = found else {
        return answer::problem(&Failure::not_found("there is no such session"));
    };
    if !own_role(&visit).may_manage(session.principal.role) {
        let mut faults = Faults::default();
        faults.add("", visit.texts().get("team-rights"));
        return show(&visit, StatusCode::FORBIDDEN, faults).await;
    }
    let name = &session.principal.name;
    let detail = format!("from {}", session.source);
    let deed = Deed { action: "console.end_session", subject: name, detail: &detail };
    if let Err(error) = visit.desk().accounts.note(&visit.actor(), deed).await {
        return answer::problem(&Failure::failed(error));
    }
    // One that is over already is as good.
    let _ = visit.sessions().revoke(name, handle);
    visit.go("/admin/team?done=session")
}
