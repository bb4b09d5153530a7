//! People: the list, adding and changing them, groups, and the long work that is done with many.

use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

use crate::operations::{Cause, Exit, Failure, Right};
use crate::text::visible;
use crate::web::{Access, Faults, Problem, Route, Texts, Visit};

mod add;
mod edit;
mod groups;
mod jobs;
mod list;
mod many;
mod tables;

/// Characters of a name or an address in a list.
const SHORT: usize = 60;
/// Pages of the list of people that are no person.
const PAGES: [&str; 5] = ["add", "bulk", "export", "import", "table"];

/// The routes of people, groups and jobs.
pub(super) fn routes() -> Vec<Route> {
    let see = Access::Right(Right::See);
    let help = Access::Right(Right::Help);
    let administer = Access::Right(Right::Administer);
    vec![
        Route::get("/admin/people", see, list::page),
        Route::get("/admin/people/add", help, add::page),
        Route::post("/admin/people/add", help, add::add),
        Route::post("/admin/people/bulk", help, many::ask),
        Route::post("/admin/people/bulk/run", help, many::run),
        Route::get("/admin/people/import", administer, tables::import_page),
        Route::upload("/admin/people/import", administer, tables::LARGEST, tables::import),
        Route::get("/admin/people/export", Access::Right(Right::Inspect), tables::export),
        Route::get("/admin/people/table", see, tables::table),
        Route::get("/admin/people/{user}/edit", help, edit::page),
        Route::post("/admin/people/{user}/edit", help, edit::edit),
        Route::post("/admin/people/{user}/password", help, edit::set_password),
        Route::post("/admin/people/{user}/disable", help, edit::disable),
        Route::post("/admin/people/{user}/enable", help, edit::enable),
        Route::post("/admin/people/{user}/delete", administer, edit::delete),
        Route::get("/admin/groups", see, groups::page),
        Route::get("/admin/jobs", see, jobs::list),
        Route::get("/admin/jobs/{job}", see, jobs::page),
        Route::get("/admin/jobs/{job}/result", see, jobs::result),
        Route::post("/admin/jobs/{job}/cancel", help, jobs::cancel),
        Route::post("/admin/jobs/{job}/run", administer, jobs::run),
    ]
}

/// Where the page of a person is. A person who is called as a page of this list is written so that he
/// is another path than that.
pub(super) fn path_of(user: &str) -> String {
    let mut path = String::from("/admin/people/");
    let is_page = PAGES.contains(&user);
    for (at, byte) in user.bytes().enumerate() {
        let plain = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if plain && !(is_page && at == 0) {
            path.push(char::from(byte));
        } else {
            path.push_str(&format!("%{byte:02X}"));
        }
    }
    path
}

/// What a form says that was filled in by `fields`.
fn query_of(fields: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in fields.iter().filter(|(_, value)| !value.is_empty()) {
        query.append_pair(name, value);
    }
    query.finish()
}

/// Somebody else's text for a list: on one line, and not longer than a list has room for.
fn short(text: &str) -> String {
    let mut out = String::new();
    visible::push(&mut out, text, SHORT);
    out
}

fn may(visit: &Visit, right: Right) -> bool {
    visit.principal().is_some_and(|principal| right.is_of_role(principal.role))
}

/// What was not done, as an answer.
fn problem(failure: &Failure) -> Response {
    let status = match failure.exit {
        Exit::NotFound => StatusCode::NOT_FOUND,
        Exit::Usage => StatusCode::UNPROCESSABLE_ENTITY,
        Exit::Refused => StatusCode::CONFLICT,
        Exit::Unreachable => StatusCode::SERVICE_UNAVAILABLE,
        Exit::Failed | Exit::Done => StatusCode::INTERNAL_SERVER_ERROR,
    };
    if status.is_server_error() {
        tracing::error!(event = "console_request_failed", %failure);
    }
    Problem::new(status, failure.message.clone()).into_response()
}

fn unexpected() -> Response {
    let status = StatusCode::INTERNAL_SERVER_ERROR;
    Problem::new(status, "the answer is to another question").into_response()
}

/// Groups as they are typed: with commas, semicolons or spaces between them, as in an import.
fn groups_in(text: &str) -> Vec<String> {
    let groups = text.split([',', ';', ' ', '\t', '\r', '\n']);
    groups.filter(|group| !group.is_empty()).map(str::to_owned).collect()
}

/// Says at a field of a form about a person why it was not taken; `false` if no field says it.
fn fault(t: Texts, failure: &Failure, faults: &mut Faults) -> bool {
    let Some(cause) = &failure.cause else { return false };
    let (field, text) = match cause {
        Cause::Name => ("user", t.get("people-of-user-unusable")),
        Cause::NameTaken => ("user", t.get("people-of-user-taken")),
        Cause::TooLong(what) => {
            let field = match what.as_str() {
                "mail address" => "mail",
                "number" => "number",
                "list of groups" => "groups",
                _ => "name",
            };
            (field, t.get("people-of-too-long"))
        }
        Cause::Number(_) => ("number", t.get("people-of-number-unusable")),
        Cause::NumberTaken(user) => ("number", t.of("people-of-number-taken", "user", short(user))),
        Cause::Password => ("password", t.get("people-of-password-unusable")),
        Cause::OfDirectory => ("", t.get("people-of-of-directory")),
        Cause::Busy => ("", t.get("job-busy")),
        Cause::Header(_) | Cause::Count(_) => return false,
    };
    faults.add(field, text);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_has_a_path_that_is_no_page_of_the_list() {
        for (user, path) in [
            ("ana", "/admin/people/ana"),
            ("add", "/admin/people/%61dd"),
            ("éva", "/admin/people/%C3%A9va"),
            ("o'neil&=+", "/admin/people/o%27neil%26%3D%2B"),
        ] {
            assert_eq!(path_of(user), path);
        }
        let pages = routes().into_iter().filter_map(|route| {
            let rest = route.path.strip_prefix("/admin/people/")?;
            let first = rest.split('/').next().unwrap_or_default();
            (!first.starts_with('{')).then(|| first.to_owned())
        });
        let pages: std::collections::BTreeSet<String> = pages.collect();
        assert_eq!(pages, PAGES.map(str::to_owned).into());
    }
}
