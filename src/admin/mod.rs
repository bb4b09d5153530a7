//! The console's pages: server-rendered, each usable without scripts.
//!
//! A page asks [`crate::operations`] as the command line does, so that nothing is possible here that
//! is not possible there; what concerns signing in is asked of [`crate::accounts`]. Who may see a page
//! stands in [`pages`].

use std::sync::Arc;

use crate::clock::Clock;
use crate::model::Role;
use crate::web::{Access, Key, NavGroup, NavPage, Pages, Route};

mod account;
mod dashboard;
mod password;
mod qr;
mod setup;

/// The navigation: only pages that exist.
const NAVIGATION: &[NavGroup] = &[NavGroup {
    title: Key("nav-overview"),
    pages: &[NavPage {
        path: "/admin",
        title: Key("dashboard-title"),
        icon: "gauge",
        least: Role::ReadOnly,
    }],
}];

/// The routes of the console, and its navigation.
#[must_use]
pub fn pages(clock: &Clock) -> Pages {
    let drafts = Arc::new(setup::Drafts::new(clock.clone()));
    let everybody = Access::Role(Role::ReadOnly);
    let shown = Arc::clone(&drafts);
    let sent = Arc::clone(&drafts);
    let routes = vec![
        Route::get("/setup/{token}", Access::SetUp, move |visit| {
            setup::page(visit, Arc::clone(&shown))
        }),
        Route::post("/setup/{token}", Access::SetUp, move |visit| {
            setup::begin(visit, Arc::clone(&sent))
        }),
        Route::post("/setup/{token}/code", Access::SetUp, move |visit| {
            setup::finish(visit, Arc::clone(&drafts))
        }),
        Route::get("/admin", everybody, dashboard::page),
        Route::get("/admin/account", everybody, account::page),
        Route::post("/admin/account/password", everybody, account::set_password),
        Route::get("/admin/account/code", everybody, account::code_page),
        Route::post("/admin/account/code", everybody, account::set_code),
        Route::post("/admin/account/code/drop", everybody, account::drop_code),
        Route::post("/admin/account/sessions/{handle}/end", everybody, account::end_session),
        Route::post("/admin/account/sessions/end", everybody, account::end_others),
    ];
    Pages { routes, navigation: NAVIGATION }
}
