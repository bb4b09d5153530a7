//! Adding somebody.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::{fault, groups_in, path_of, problem, unexpected};
use crate::entropy;
use crate::operations::{Reply, Request, Secret};
use crate::web::{Faults, Form, Key, Shell, Visit, render};

/// What a password is made of: no two of them look alike.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
/// Letters of one that is made here, in groups of five: a hundred bits.
const LENGTH: usize = 20;

#[derive(Template)]
#[template(path = "admin/people/add.html")]
struct AddPage {
    shell: Shell,
    faults: Faults,
    form: Form,
    kind: String,
}

/// What is shown once: the password that was made.
#[derive(Template)]
#[template(path = "admin/people/password.html")]
pub(super) struct PasswordPage {
    pub(super) shell: Shell,
    pub(super) user: String,
    pub(super) address: String,
    pub(super) password: String,
    pub(super) path: String,
}

/// A password that nobody thought of.
pub(super) fn make_password() -> String {
    let mut password = String::with_capacity(LENGTH + LENGTH / 5);
    for (at, byte) in entropy::bytes::<LENGTH>().into_iter().enumerate() {
        if at > 0 && at % 5 == 0 {
            password.push('-');
        }
        password.push(char::from(LETTERS[usize::from(byte & 31)]));
    }
    password
}

fn show(visit: &Visit, status: StatusCode, faults: Faults) -> Response {
    let kind = match visit.form.get("kind") {
        "" => "made",
        kind => kind,
    };
    let kind = kind.to_owned();
    let shell = visit.shell(Key("people-add"));
    render(status, &AddPage { shell, faults, form: visit.form.clone(), kind })
}

/// `GET /admin/people/add`.
pub(super) async fn page(visit: Visit) -> Response {
    show(&visit, StatusCode::OK, Faults::default())
}

/// `POST /admin/people/add`.
pub(super) async fn add(visit: Visit) -> Response {
    let (t, form) = (visit.texts(), &visit.form);
    let mut faults = Faults::default();
    let refuse = |faults| show(&visit, StatusCode::UNPROCESSABLE_ENTITY, faults);
    if form.trimmed("user").is_empty() {
        faults.add("user", t.get("people-of-user-missing"));
    }
    let made = (form.get("kind") == "made").then(make_password);
    let password = match form.get("kind") {
        "made" => made.clone(),
        "none" => None,
        "typed" if form.get("password").is_empty() => {
            faults.add("password", t.get("people-of-password-missing"));
            None
        }
        "typed" => Some(form.get("password").to_owned()),
        _ => {
            faults.add("kind-made", t.get("people-of-password-kind"));
            None
        }
    };
    if !faults.is_empty() {
        return refuse(faults);
    }
    let some = |name: &str| Some(form.trimmed(name).to_owned());
    let request = Request::UserAdd {
        user: form.trimmed("user").to_owned(),
        name: some("name"),
        mail: some("mail"),
        number: some("number"),
        groups: groups_in(form.get("groups")),
        password: password.map(Secret::new),
    };
    match visit.desk().perform(&visit.actor(), request).await {
        Ok(Reply::User(added)) => match made {
            Some(password) => {
                let page = PasswordPage {
                    shell: visit.shell(Key("people-of-made")),
                    path: path_of(&added.user),
                    user: added.user,
                    address: added.address,
                    password,
                };
                render(StatusCode::OK, &page)
            }
            None => visit.go(&format!("{}?done=added", path_of(&added.user))),
        },
        Ok(_) => unexpected(),
        Err(failure) if fault(t, &failure, &mut faults) => refuse(faults),
        Err(failure) => problem(&failure),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_that_is_made_can_be_typed_and_is_never_the_same() {
        let one = make_password();
        assert_eq!(one.len(), LENGTH + 3, "{one}");
        assert!(one.bytes().all(|b| b == b'-' || LETTERS.contains(&b)), "{one}");
        assert_ne!(one, make_password());
        let different: std::collections::BTreeSet<u8> = LETTERS.iter().copied().collect();
        assert_eq!(different.len(), 32);
    }
}
