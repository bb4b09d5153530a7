//! What others see of people, and who may.

use axum::http::Method;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::endpoint::Endpoint;
use super::people::user;
use crate::operations::{Reply, Request, WatcherView};

/// Who watches a person; how many may is bounded.
#[derive(Debug, Serialize, ToSchema)]
struct Watchers {
    /// Those who do, or would like to.
    items: Vec<WatcherView>,
}

/// Rules of who may see a person.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewRules {
    /// The document (RFC 5025).
    document: String,
}

pub(super) fn endpoints() -> Vec<Endpoint> {
    const RULES: &str = "/api/v1/people/{user}/presence-rules";
    let name = String::new;
    let show = Request::PresenceShow { user: name() };
    let watchers = Request::PresenceWatchers { user: name() };
    let rules = Request::RulesShow { user: name() };
    let set = Request::RulesSet { user: name(), document: name() };
    vec![
        Endpoint::new(
            Method::GET,
            "/api/v1/people/{user}/presence",
            &show,
            "Show a person's presence",
            |call| Ok(Request::PresenceShow { user: user(call) }),
        )
        .gives(|_, reply| match reply {
            Reply::Presence(presence) => Some(*presence),
            _ => None,
        }),
        Endpoint::new(
            Method::GET,
            "/api/v1/people/{user}/watchers",
            &watchers,
            "List who watches a person",
            |call| Ok(Request::PresenceWatchers { user: user(call) }),
        )
        .gives(|_, reply| match reply {
            Reply::Watchers(items) => Some(Watchers { items }),
            _ => None,
        }),
        Endpoint::new(Method::GET, RULES, &rules, "Show who may see a person", |call| {
            Ok(Request::RulesShow { user: user(call) })
        })
        .gives(|_, reply| match reply {
            Reply::Rules(rules) => Some(rules),
            _ => None,
        }),
        Endpoint::new(Method::PUT, RULES, &set, "Install rules of who may see a person", |call| {
            let NewRules { document } = call.json()?;
            Ok(Request::RulesSet { user: user(call), document })
        })
        .takes::<NewRules>(),
    ]
}
