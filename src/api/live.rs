//! People as they are now: everything of one, where they are registered, what failed.

use axum::http::Method;
use serde::Serialize;
use utoipa::ToSchema;

use super::endpoint::Endpoint;
use super::people::user;
use super::query::{self, Kind, LIMIT, Param, param};
use crate::operations::{FailureView, LiveReply, LiveRequest, RegistrationView, Reply, Request};

/// Which registrations.
const REGISTRATIONS: &[Param] = &[
    param(
        "text",
        Kind::Text,
        "A part of the name, the user name, an address, a contact or a User-Agent.",
    ),
    param("after", Kind::Cursor, "Where the page before ended; `next` has it."),
    LIMIT,
];

/// A page of registrations, in the order of user names; all of one person stand on one page.
#[derive(Debug, Serialize, ToSchema)]
struct Registrations {
    /// The registrations.
    items: Vec<RegistrationView>,
    /// How many there are on all pages.
    total: u64,
    /// The next page; none if this is the last.
    next: Option<String>,
}

/// When a person was not let in lately.
#[derive(Debug, Serialize, ToSchema)]
struct Failures {
    /// The failures, the newest first, up to fifty.
    items: Vec<FailureView>,
}

/// How many registrations ended.
#[derive(Debug, Serialize, ToSchema)]
struct Ended {
    /// So many.
    ended: u64,
}

/// What is answered about people as they are now.
pub(super) fn live(reply: Reply) -> Option<LiveReply> {
    match reply {
        Reply::Live(reply) => Some(*reply),
        _ => None,
    }
}

pub(super) fn endpoints() -> Vec<Endpoint> {
    const OF_PERSON: &str = "/api/v1/people/{user}/registrations";
    let name = String::new;
    let person = Request::Live(LiveRequest::Person { user: name() });
    let list = Request::Live(LiveRequest::Registrations { text: name(), after: None, limit: 1 });
    let end = Request::Live(LiveRequest::EndRegistration { user: name(), registration: name() });
    let log_out = Request::Live(LiveRequest::LogOut { user: name() });
    let failures = Request::Live(LiveRequest::Failures { user: name() });
    let test = Request::Live(LiveRequest::TestMessage { user: name() });
    vec![
        Endpoint::new(
            Method::GET,
            "/api/v1/people/{user}/detail",
            &person,
            "Show everything of a person, as it is now",
            |call| Ok(Request::Live(LiveRequest::Person { user: user(call) })),
        )
        .gives(|_, reply| match live(reply)? {
            LiveReply::Person(person) => Some(*person),
            _ => None,
        }),
        Endpoint::new(
            Method::GET,
            "/api/v1/registrations",
            &list,
            "List who is registered",
            |call| {
                Ok(Request::Live(LiveRequest::Registrations {
                    text: call.query.get("text").to_owned(),
                    after: query::text(call, "after"),
                    limit: query::limit(call),
                }))
            },
        )
        .with(REGISTRATIONS)
        .gives(|call, reply| match live(reply)? {
            LiveReply::Registrations(page) => Some(Registrations {
                items: page.registrations,
                total: page.total,
                next: page.next.map(|after| query::next(call, &after)),
            }),
            _ => None,
        }),
        Endpoint::new(
            Method::DELETE,
            "/api/v1/people/{user}/registrations/{registration}",
            &end,
            "End one registration",
            |call| {
                let registration = call.param("registration").to_owned();
                Ok(Request::Live(LiveRequest::EndRegistration { user: user(call), registration }))
            },
        ),
        Endpoint::new(
            Method::DELETE,
            OF_PERSON,
            &log_out,
            "Log a person out: registrations, subscriptions and publications end, devices stay",
            |call| Ok(Request::Live(LiveRequest::LogOut { user: user(call) })),
        )
        .gives(|_, reply| match reply {
            Reply::Count(ended) => Some(Ended { ended }),
            _ => None,
        }),
        Endpoint::new(
            Method::GET,
            "/api/v1/people/{user}/failures",
            &failures,
            "List when a person was not let in lately",
            |call| Ok(Request::Live(LiveRequest::Failures { user: user(call) })),
        )
        .gives(|_, reply| match live(reply)? {
            LiveReply::Failures(items) => Some(Failures { items }),
            _ => None,
        }),
        Endpoint::new(
            Method::POST,
            "/api/v1/people/{user}/test-message",
            &test,
            "Send a message of the server's own to all devices of a person",
            |call| Ok(Request::Live(LiveRequest::TestMessage { user: user(call) })),
        )
        .gives(|_, reply| match live(reply)? {
            LiveReply::Tried(tried) => Some(tried),
            _ => None,
        }),
    ]
}
