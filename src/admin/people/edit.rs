//! Changing somebody: what is known of him, his password, whether he may sign in, whether there is he.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::add::{PasswordPage, make_password};
use super::{fault, groups_in, may, path_of, problem, unexpected};
use crate::operations::{
    Failure, PeopleQuery, PersonSource, PersonState, Reply, Request, Right, Secret,
};
use crate::web::{Faults, Key, Shell, Visit, render};

/// People who are looked through for one who has no row here.
const LOOK: u32 = 500;

/// A person as the page shows him.
struct Person {
    user: String,
    address: String,
    name: String,
    mail: String,
    number: String,
    groups: String,
    is_of_directory: bool,
    /// Whether anything is kept here that could be deleted.
    has_row: bool,
    /// Locked by somebody here, as far as one can tell.
    is_disabled: bool,
}

#[derive(Template)]
#[template(path = "admin/people/edit.html")]
struct EditPage {
    shell: Shell,
    faults: Faults,
    done: Option<String>,
    person: Person,
    path: String,
    may_delete: bool,
}

/// Who is meant: an account, or somebody of whom only the directory knows.
async fn find(visit: &Visit) -> Result<Person, Response> {
    let user = visit.param("user").to_owned();
    let (desk, actor) = (visit.desk(), visit.actor());
    match desk.perform(&actor, Request::UserShow { user: user.clone() }).await {
        Ok(Reply::User(found)) => {
            return Ok(Person {
                is_of_directory: found.kind == "directory",
                has_row: true,
                is_disabled: found.disabled,
                user: found.user,
                address: found.address,
                name: found.name,
                mail: found.mail,
                number: found.number,
                groups: found.groups.join(", "),
            });
        }
        Ok(_) => return Err(unexpected()),
        Err(failure) if failure.exit != crate::operations::Exit::NotFound => {
            return Err(problem(&failure));
        }
        Err(_) => {}
    }
    let query = PeopleQuery {
        text: user.clone(),
        source: Some(PersonSource::Directory),
        limit: LOOK,
        ..PeopleQuery::default()
    };
    let page = match desk.perform(&actor, Request::PeopleFind(query)).await {
        Ok(Reply::People(page)) => page,
        Ok(_) => return Err(unexpected()),
        Err(failure) => return Err(problem(&failure)),
    };
    let name = user.to_lowercase();
    let found = page.people.into_iter().find(|person| person.user == name);
    let found =
        found.ok_or_else(|| problem(&Failure::not_found("there is nobody of that name")))?;
    Ok(Person {
        is_of_directory: true,
        has_row: false,
        is_disabled: found.state == PersonState::Disabled && !found.by_directory,
        user: found.user,
        address: found.address,
        name: found.name,
        mail: found.mail,
        number: found.number,
        groups: String::new(),
    })
}

fn show(visit: &Visit, status: StatusCode, faults: Faults, person: Person) -> Response {
    let shell = visit.shell(Key("people-of-edit"));
    let done = match visit.query.get("done") {
        "edited" => Some(shell.t.get("people-of-edited")),
        "password" => Some(shell.t.get("people-of-password-set")),
        "disabled" => Some(shell.t.get("people-of-disabled-now")),
        "enabled" => Some(shell.t.get("people-of-enabled-now")),
        _ => None,
    };
    let page = EditPage {
        path: path_of(&person.user),
        may_delete: may(visit, Right::Administer),
        shell,
        faults,
        done,
        person,
    };
    render(status, &page)
}

/// Shows the page again with what was wrong.
async fn refuse(visit: &Visit, faults: Faults) -> Response {
    match find(visit).await {
        Ok(mut person) => {
            if visit.path().ends_with("/edit") && !person.is_of_directory {
                // What was typed, for it to be mended.
                person.name = visit.form.get("name").to_owned();
                person.mail = visit.form.get("mail").to_owned();
                person.number = visit.form.get("number").to_owned();
                person.groups = visit.form.get("groups").to_owned();
            }
            show(visit, StatusCode::UNPROCESSABLE_ENTITY, faults, person)
        }
        Err(response) => response,
    }
}

/// Back to the page that sent the form: the person's, or this one.
fn back(visit: &Visit, done: &str) -> Response {
    let path = path_of(visit.param("user"));
    let page = if visit.form.get("to") == "edit" { "/edit" } else { "" };
    visit.go(&format!("{path}{page}?done={done}"))
}

/// Does something with the person of this path.
async fn deed(visit: &Visit, request: Request, done: &str) -> Response {
    match visit.desk().perform(&visit.actor(), request).await {
        Ok(_) => back(visit, done),
        Err(failure) => {
            let mut faults = Faults::default();
            if fault(visit.texts(), &failure, &mut faults) {
                refuse(visit, faults).await
            } else {
                problem(&failure)
            }
        }
    }
}

/// `GET /admin/people/{user}/edit`.
pub(super) async fn page(visit: Visit) -> Response {
    match find(&visit).await {
        Ok(person) => show(&visit, StatusCode::OK, Faults::default(), person),
        Err(response) => response,
    }
}

/// `POST /admin/people/{user}/edit`.
pub(super) async fn edit(visit: Visit) -> Response {
    let some = |name: &str| Some(visit.form.trimmed(name).to_owned());
    let request = Request::UserEdit {
        user: visit.param("user").to_owned(),
        name: some("name"),
        mail: some("mail"),
        number: some("number"),
        groups: Some(groups_in(visit.form.get("groups"))),
    };
    deed(&visit, request, "edited").await
}

/// `POST /admin/people/{user}/password`: one that was typed, or one that is made and shown once.
pub(super) async fn set_password(visit: Visit) -> Response {
    let user = visit.param("user").to_owned();
    if !visit.form.is_set("make") {
        if visit.form.get("password").is_empty() {
            let mut faults = Faults::default();
            faults.add("password", visit.texts().get("people-of-password-missing"));
            return refuse(&visit, faults).await;
        }
        let password = Secret::new(visit.form.get("password").to_owned());
        return deed(&visit, Request::UserPassword { user, password }, "password").await;
    }
    let person = match find(&visit).await {
        Ok(person) => person,
        Err(response) => return response,
    };
    let password = make_password();
    let secret = Secret::new(password.clone());
    let request = Request::UserPassword { user, password: secret };
    match visit.desk().perform(&visit.actor(), request).await {
        Ok(_) => {
            let page = PasswordPage {
                shell: visit.shell(Key("people-of-password-set")),
                path: path_of(&person.user),
                user: person.user,
                address: person.address,
                password,
            };
            render(StatusCode::OK, &page)
        }
        Err(failure) => {
            let mut faults = Faults::default();
            match fault(visit.texts(), &failure, &mut faults) {
                true => show(&visit, StatusCode::UNPROCESSABLE_ENTITY, faults, person),
                false => problem(&failure),
            }
        }
    }
}

/// `POST /admin/people/{user}/disable`.
pub(super) async fn disable(visit: Visit) -> Response {
    let user = visit.param("user").to_owned();
    deed(&visit, Request::UserDisable { user }, "disabled").await
}

/// `POST /admin/people/{user}/enable`.
pub(super) async fn enable(visit: Visit) -> Response {
    let user = visit.param("user").to_owned();
    deed(&visit, Request::UserEnable { user }, "enabled").await
}

/// `POST /admin/people/{user}/delete`; the name was typed.
pub(super) async fn delete(visit: Visit) -> Response {
    let user = visit.param("user").to_owned();
    if visit.form.trimmed("typed").to_lowercase() != user.to_lowercase() {
        let mut faults = Faults::default();
        faults.add("typed", visit.texts().get("people-of-delete-differs"));
        return refuse(&visit, faults).await;
    }
    match visit.desk().perform(&visit.actor(), Request::UserDelete { user }).await {
        Ok(_) => visit.go("/admin/people?done=deleted"),
        Err(failure) => problem(&failure),
    }
}
