//! Bans: sources and accounts that failed to sign in too often.

use axum::http::Method;
use serde::Serialize;
use utoipa::ToSchema;

use super::endpoint::Endpoint;
use super::failure::unfit;
use super::query::{self, Kind, LIMIT, Param, param};
use crate::operations::{BanView, Reply, Request};
use crate::web::{Call, Problem};

/// What a page of the list begins with.
const PAGE: &[Param] =
    &[param("after", Kind::Cursor, "Where the page before ended; `next` has it."), LIMIT];
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

fn page(call: &Call, mut bans: Vec<BanView>) -> Bans {
    bans.sort_by_cached_key(key);
    if let Some(after) = query::text(call, "after") {
        bans.retain(|ban| key(ban) > after);
    }
    let limit = query::limit(call) as usize;
    let is_last = bans.len() <= limit;
    bans.truncate(limit);
    let last = bans.last().filter(|_| !is_last).map(key);
    Bans { items: bans, next: last.map(|after| query::next(call, &after)) }
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
                Reply::Bans(bans) => Some(page(call, bans)),
                _ => None,
            }),
        Endpoint::new(Method::DELETE, ALL, &lifted, "Lift bans", lift).with(LIFT).gives(
            |_, reply| match reply {
                Reply::Count(lifted) => Some(Lifted { lifted }),
                _ => None,
            },
        ),
    ]
}
