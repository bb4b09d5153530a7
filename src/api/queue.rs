//! Messages that wait for people; never what they say.

use axum::http::{Method, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

use super::endpoint::Endpoint;
use super::live::live;
use super::people::user;
use super::query::{self, Kind, LIMIT, Param, param};
use crate::operations::{HeldView, LiveReply, LiveRequest, QueueView, Reply, Request};
use crate::web::{Call, Problem};

/// For whom.
const QUEUES: &[Param] = &[
    param("text", Kind::Text, "A part of the name or the user name."),
    param("after", Kind::Cursor, "Where the page before ended; `next` has it."),
    LIMIT,
];
/// Which messages of one person.
const MESSAGES: &[Param] = &[
    param("after", Kind::Number, "Messages behind the one of this number; `next` has it."),
    LIMIT,
];

/// A page of people for whom messages wait, those who wait longest first.
#[derive(Debug, Serialize, ToSchema)]
struct Queues {
    /// The people.
    items: Vec<QueueView>,
    /// How many there are on all pages.
    total: u64,
    /// Messages of all of them.
    messages: u64,
    /// The next page; none if this is the last.
    next: Option<String>,
}

/// A page of messages that wait for one person, oldest first.
#[derive(Debug, Serialize, ToSchema)]
struct Held {
    /// All that waits for the person.
    queue: QueueView,
    /// The messages.
    items: Vec<HeldView>,
    /// The next page; none if this is the last.
    next: Option<String>,
}

/// How many devices of the person are here.
#[derive(Debug, Serialize, ToSchema)]
struct Offered {
    /// So many.
    offered: u64,
}

/// How many messages were thrown away.
#[derive(Debug, Serialize, ToSchema)]
struct Dropped {
    /// So many.
    dropped: u64,
}

fn dropped(_: &Call, reply: Reply) -> Option<Dropped> {
    match reply {
        Reply::Count(dropped) => Some(Dropped { dropped }),
        _ => None,
    }
}

/// The message that a path names.
fn message(call: &Call) -> Result<Option<u64>, Problem> {
    let none = |_| Problem::new(StatusCode::NOT_FOUND, "there is no such message");
    call.param("message").parse().map(Some).map_err(none)
}

pub(super) fn endpoints() -> Vec<Endpoint> {
    const ONE: &str = "/api/v1/people/{user}/queue";
    let (name, limit) = (String::new, 1);
    let all = Request::Live(LiveRequest::Queues { text: name(), after: None, limit });
    let one = Request::Live(LiveRequest::Queue { user: name(), after: None, limit });
    let deliver = Request::Live(LiveRequest::Deliver { user: name() });
    let drop = Request::Live(LiveRequest::Drop { user: name(), message: None });
    vec![
        Endpoint::new(Method::GET, "/api/v1/queues", &all, "List for whom messages wait", |call| {
            Ok(Request::Live(LiveRequest::Queues {
                text: call.query.get("text").to_owned(),
                after: query::text(call, "after"),
                limit: query::limit(call),
            }))
        })
        .called("queue.list")
        .with(QUEUES)
        .gives(|call, reply| match live(reply)? {
            LiveReply::Queues(page) => Some(Queues {
                items: page.queues,
                total: page.total,
                messages: page.messages,
                next: page.next.map(|after| query::next(call, &after)),
            }),
            _ => None,
        }),
        Endpoint::new(Method::GET, ONE, &one, "List the messages that wait for a person", |call| {
            let (after, limit) = (query::number(call, "after"), query::limit(call));
            Ok(Request::Live(LiveRequest::Queue { user: user(call), after, limit }))
        })
        .with(MESSAGES)
        .gives(|call, reply| match live(reply)? {
            LiveReply::Queue(page) => Some(Held {
                queue: page.queue,
                items: page.messages,
                next: page.next.map(|after| query::next(call, &after.to_string())),
            }),
            _ => None,
        }),
        Endpoint::new(
            Method::POST,
            "/api/v1/people/{user}/queue/deliver",
            &deliver,
            "Offer what waits for a person to the devices that are here",
            |call| Ok(Request::Live(LiveRequest::Deliver { user: user(call) })),
        )
        .gives(|_, reply| match live(reply)? {
            LiveReply::Offered(offered) => Some(Offered { offered }),
            _ => None,
        }),
        Endpoint::new(
            Method::DELETE,
            ONE,
            &drop,
            "Throw away all that waits for a person",
            |call| Ok(Request::Live(LiveRequest::Drop { user: user(call), message: None })),
        )
        .called("queue.drop_all")
        .gives(dropped),
        Endpoint::new(
            Method::DELETE,
            "/api/v1/people/{user}/queue/{message}",
            &drop,
            "Throw away a message that waits for a person",
            |call| {
                let message = message(call)?;
                Ok(Request::Live(LiveRequest::Drop { user: user(call), message }))
            },
        )
        .gives(dropped),
    ]
}
