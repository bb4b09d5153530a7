//! The console's pages: server-rendered, each usable without scripts.
//!
//! A page asks [`crate::operations`] as the command line does, so that nothing is possible here that
//! is not possible there; what concerns signing in is asked of [`crate::accounts`]. Who may see a page
//! stands in [`pages`].

use crate::clock::Clock;
use crate::operations::Right;
use crate::web::{Access, Key, NavGroup, NavPage, Pages};

mod account;
mod answer;
mod audit;
mod certificates;
mod dashboard;
mod deeds;
mod dns;
mod password;
mod people;
mod qr;
mod setup;
mod team;
mod tokens;

/// The navigation: only pages that exist.
const NAVIGATION: &[NavGroup] = &[
    NavGroup {
        title: Key("nav-overview"),
        pages: &[page("/admin", Key("dashboard-title"), "gauge", Right::See)],
    },
    NavGroup {
        title: Key("nav-people"),
        pages: &[
            page("/admin/people", Key("people-title"), "people", Right::See),
            page("/admin/groups", Key("groups-title"), "group", Right::See),
            page("/admin/jobs", Key("jobs-title"), "jobs", Right::See),
        ],
    },
    NavGroup {
        title: Key("nav-access"),
        pages: &[
            page("/admin/team", Key("team-title"), "team", Right::Inspect),
            page("/admin/tokens", Key("tokens-title"), "key", Right::Inspect),
            page("/admin/audit", Key("audit-title"), "book", Right::Inspect),
        ],
    },
    NavGroup {
        title: Key("nav-network"),
        pages: &[
            page("/admin/certificates", Key("certificates-title"), "seal", Right::Inspect),
            page("/admin/dns", Key("dns-title"), "globe", Right::Inspect),
        ],
    },
];

const fn page(path: &'static str, title: Key, icon: &'static str, right: Right) -> NavPage {
    NavPage { path, title, icon, right }
}

/// The routes of the console, and its navigation.
#[must_use]
pub fn pages(clock: &Clock) -> Pages {
    let routes = [
        setup::routes(clock),
        dashboard::routes(),
        account::routes(),
        audit::routes(),
        people::routes(),
        certificates::routes(),
        dns::routes(),
        team::routes(),
        tokens::routes(),
    ]
    .concat();
    Pages { routes, navigation: NAVIGATION }
}

/// Pages that everybody sees who is signed in.
const EVERYBODY: Access = Access::Right(Right::See);
