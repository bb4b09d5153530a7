//! People: found, made, changed, locked, removed.

use axum::http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::endpoint::Endpoint;
use super::query::{self, Kind, LIMIT, PAGE, Param, param, segment};
use crate::operations::{
    GroupView, PeopleQuery, PersonSource, PersonState, PersonView, Reply, Request, Secret, User,
};
use crate::web::Call;

/// What people are looked for by.
const FIND: &[Param] = &[
    param("text", Kind::Text, "Beginnings of words of the name, user name or mail address."),
    param("source", Kind::Choice(&["local", "directory"]), "Only those who come from there."),
    param("state", Kind::Choice(&["active", "disabled", "absent", "held"]), "Only those."),
    param("has_devices", Kind::Flag, "Only those with, or without, a device credential."),
    param("online", Kind::Flag, "Only those who are, or are not, registered now."),
    param("group", Kind::Text, "Only those in this group."),
    param("after", Kind::Cursor, "Where the page before ended; `next` has it."),
    LIMIT,
];

/// A page of people, in the order of their names.
#[derive(Debug, Serialize, ToSchema)]
struct People {
    /// The people.
    items: Vec<PersonView>,
    /// How many there are on all pages.
    total: u64,
    /// There are more than `total`.
    more_than_total: bool,
    /// The next page; none if this is the last.
    next: Option<String>,
}

/// A page of groups, in the order of their names.
#[derive(Debug, Serialize, ToSchema)]
struct Groups {
    /// The groups.
    items: Vec<GroupView>,
    /// The next page; none if this is the last.
    next: Option<String>,
}

/// Somebody who is to get a local account.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewPerson {
    /// The name to sign in with.
    #[schema(min_length = 1, max_length = 255)]
    user: String,
    /// The name that others see.
    #[serde(default)]
    name: Option<String>,
    /// The mail address.
    #[serde(default)]
    mail: Option<String>,
    /// The telephone number.
    #[serde(default)]
    number: Option<String>,
    /// Groups.
    #[serde(default)]
    groups: Vec<String>,
    /// The password; none makes an account that only devices sign in to.
    #[serde(default)]
    password: Option<Secret>,
}

/// What is to be another of a local account; what is not named stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Change {
    /// The name that others see; empty is the user name.
    #[serde(default)]
    name: Option<String>,
    /// The mail address.
    #[serde(default)]
    mail: Option<String>,
    /// The telephone number; empty takes it away.
    #[serde(default)]
    number: Option<String>,
    /// Groups, all of them.
    #[serde(default)]
    groups: Option<Vec<String>>,
}

/// A new password.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewPassword {
    /// The password.
    password: Secret,
}

/// A new telephone number.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewNumber {
    /// The number; empty takes it away.
    number: String,
}

/// The person whom a path names.
pub(super) fn user(call: &Call) -> String {
    call.param("user").to_owned()
}

/// An account, where the reply is one.
fn account(reply: Reply) -> Option<User> {
    match reply {
        Reply::User(user) => Some(*user),
        _ => None,
    }
}

fn find(call: &Call) -> PeopleQuery {
    PeopleQuery {
        text: call.query.get("text").to_owned(),
        source: match call.query.get("source") {
            "local" => Some(PersonSource::Local),
            "directory" => Some(PersonSource::Directory),
            _ => None,
        },
        state: match call.query.get("state") {
            "active" => Some(PersonState::Active),
            "disabled" => Some(PersonState::Disabled),
            "absent" => Some(PersonState::Absent),
            "held" => Some(PersonState::Held),
            _ => None,
        },
        has_devices: query::wanted(call, "has_devices"),
        online: query::wanted(call, "online"),
        group: query::text(call, "group"),
        after: query::text(call, "after"),
        limit: query::limit(call),
    }
}

pub(super) fn endpoints() -> Vec<Endpoint> {
    const ALL: &str = "/api/v1/people";
    const ONE: &str = "/api/v1/people/{user}";
    let name = String::new;
    let add = Request::UserAdd {
        user: name(),
        name: None,
        mail: None,
        number: None,
        groups: Vec::new(),
        password: None,
    };
    let show = Request::UserShow { user: name() };
    let edit =
        Request::UserEdit { user: name(), name: None, mail: None, number: None, groups: None };
    let password = Request::UserPassword { user: name(), password: Secret::default() };
    let number = Request::UserNumber { user: name(), number: name() };
    let disable = Request::UserDisable { user: name() };
    let enable = Request::UserEnable { user: name() };
    let delete = Request::UserDelete { user: name() };
    let anybody = Request::PeopleFind(PeopleQuery::default());
    vec![
        Endpoint::new(Method::GET, ALL, &anybody, "Find people", |call| {
            Ok(Request::PeopleFind(find(call)))
        })
        .with(FIND)
        .gives(|call, reply| match reply {
            Reply::People(page) => Some(People {
                items: page.people,
                total: page.total,
                more_than_total: page.more_than_total,
                next: page.next.map(|after| query::next(call, &after)),
            }),
            _ => None,
        }),
        Endpoint::new(Method::POST, ALL, &add, "Make a local account", |call| {
            let NewPerson { user, name, mail, number, groups, password } = call.json()?;
            Ok(Request::UserAdd { user, name, mail, number, groups, password })
        })
        .takes::<NewPerson>()
        .makes(StatusCode::CREATED, account, |user| format!("{ALL}/{}", segment(&user.user))),
        Endpoint::new(Method::GET, ONE, &show, "Show an account", |call| {
            Ok(Request::UserShow { user: user(call) })
        })
        .gives(|_, reply| account(reply)),
        Endpoint::new(Method::PATCH, ONE, &edit, "Change a local account", |call| {
            let Change { name, mail, number, groups } = call.json()?;
            Ok(Request::UserEdit { user: user(call), name, mail, number, groups })
        })
        .takes::<Change>(),
        Endpoint::new(Method::DELETE, ONE, &delete, "Remove an account and all of it", |call| {
            Ok(Request::UserDelete { user: user(call) })
        }),
        Endpoint::new(
            Method::PUT,
            "/api/v1/people/{user}/password",
            &password,
            "Give a local account another password",
            |call| {
                let NewPassword { password } = call.json()?;
                Ok(Request::UserPassword { user: user(call), password })
            },
        )
        .takes::<NewPassword>(),
        Endpoint::new(
            Method::PUT,
            "/api/v1/people/{user}/number",
            &number,
            "Change the telephone number of a local account",
            |call| {
                let NewNumber { number } = call.json()?;
                Ok(Request::UserNumber { user: user(call), number })
            },
        )
        .takes::<NewNumber>(),
        Endpoint::new(
            Method::POST,
            "/api/v1/people/{user}/disable",
            &disable,
            "Lock an account out; its registrations end",
            |call| Ok(Request::UserDisable { user: user(call) }),
        ),
        Endpoint::new(
            Method::POST,
            "/api/v1/people/{user}/enable",
            &enable,
            "Let an account in again",
            |call| Ok(Request::UserEnable { user: user(call) }),
        ),
        Endpoint::new(
            Method::GET,
            "/api/v1/people.csv",
            &Request::UserExport { after: None },
            "Local accounts as CSV, without passwords, as an import takes it",
            |_| Ok(Request::UserExport { after: None }),
        )
        .streams("people.csv", |_, after| Request::UserExport { after }),
        Endpoint::new(
            Method::GET,
            "/api/v1/groups",
            &Request::GroupList,
            "List groups of accounts and of the directory",
            |_| Ok(Request::GroupList),
        )
        .with(PAGE)
        .gives(|call, reply| match reply {
            Reply::Groups(all) => {
                let (items, next) = query::page(call, all, |group| group.name.clone());
                Some(Groups { items, next })
            }
            _ => None,
        }),
    ]
}
