//! Bans: sources and accounts that failed to sign in too often.

use axum::http::Method;
use serde::Serialize;
use utoipa::ToSchema;

use super::endpoint::Endpoint;
use super::failure::unfit;
use super::live::live;
use super::query::{self, Kind, PAGE, Param, param};
use crate::operations::{BanView, BoundView, FailingView, LiveReply, LiveRequest, Reply, Request};
use crate::web::{Call, Problem};

/// Which bans end.
const LIFT: &[Param] = &[
    param("source", Kind::Address, "Those of this address."),
    param("user", Kind::Text, "Those for this account."),
    param("all", Kind::Flag, "All of them; else a source or a user is named."),
];

/// A page of bans.
#[derive(Debug, Serialize, ToSchema)]
struct Bans {
    /// The bans.
    items: Vec<BanView>,
    /// The next page; none if this is the last.
    next: Option<String>,
}

/// Who is close to a ban; the first hundred.
#[derive(Debug, Serialize, ToSchema)]
struct Failing {
    /// Them.
    items: Vec<FailingView>,
}

/// What bans and refusals go by.
#[derive(Debug, Serialize, ToSchema)]
struct Bounds {
    /// The bounds, with their keys in the configuration.
    items: Vec<BoundView>,
}

/// How many bans ended.
#[derive(Debug, Serialize, ToSchema)]
struct Lifted {
    /// So many.
    lifted: u64,
}

/// What bans are in the order of.
fn key(ban: &BanView) -> String {
    format!("{} {}", ban.source, ban.user.as_deref().unwrap_or_default())
}

fn lift(call: &Call) -> Result<Request, Problem> {
    let source = query::text(call, "source").and_then(|text| text.parse().ok());
    let user = query::text(call, "user");
    let all = query::wanted(call, "all") == Some(true);
    if all != (source.is_none() && user.is_none()) {
        return Err(unfit("name a source, a user or both; or say all=true"));
    }
    Ok(Request::BanLift { source, user })
}

pub(super) fn endpoints() -> Vec<Endpoint> {
    const ALL: &str = "/api/v1/bans";
    let lifted = Request::BanLift { source: None, user: None };
    vec![
        Endpoint::new(Method::GET, ALL, &Request::BanList, "List bans", |_| Ok(Request::BanList))
            .with(PAGE)
            .gives(|call, reply| match reply {
                Reply::Bans(bans) => {
                    let (items, next) = query::page(call, bans, key);
                    Some(Bans { items, next })
                }
                _ => None,
            }),
        Endpoint::new(Method::DELETE, ALL, &lifted, "Lift bans", lift).with(LIFT).gives(
            |_, reply| match reply {
                Reply::Count(lifted) => Some(Lifted { lifted }),
                _ => None,
            },
        ),
        Endpoint::new(
            Method::GET,
            "/api/v1/bans/failing",
            &Request::Live(LiveRequest::Failing),
            "List who is close to a ban",
            |_| Ok(Request::Live(LiveRequest::Failing)),
        )
        .called("ban.failing")
        .gives(|_, reply| match live(reply)? {
            LiveReply::Failing(items) => Some(Failing { items }),
            _ => None,
        }),
        Endpoint::new(
            Method::GET,
            "/api/v1/bans/bounds",
            &Request::Live(LiveRequest::Bounds),
            "List the bounds that bans and refusals go by",
            |_| Ok(Request::Live(LiveRequest::Bounds)),
        )
        .called("ban.bounds")
        .gives(|_, reply| match live(reply)? {
            LiveReply::Bounds(items) => Some(Bounds { items }),
            _ => None,
        }),
    ]
}
