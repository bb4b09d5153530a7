//! The console's pages: server-rendered, each usable without scripts.
//!
//! A page asks [`crate::operations`] as the command line does, so that nothing is possible here that
//! is not possible there; what concerns signing in is asked of [`crate::accounts`]. Who may see a page
//! stands in [`pages`].

use crate::clock::Clock;
use crate::operations::Right;
use crate::web::{Access, Pages};

mod account;
mod alerts;
mod answer;
mod audit;
mod bans;
mod browser;
mod certificates;
mod charts;
mod dashboard;
mod deeds;
mod directory;
mod dns;
mod live;
mod navigation;
mod notice;
mod notice_applications;
mod password;
mod people;
mod person;
mod qr;
mod queue;
mod registrations;
mod settings;
mod setup;
mod setup_steps;
mod team;
mod tokens;

/// The routes of the console, and its navigation.
#[must_use]
pub fn pages(clock: &Clock) -> Pages {
    // Whoever comes in and his own account, then as the navigation has them.
    let routes = [
        setup::routes(clock),
        setup_steps::routes(),
        account::routes(),
        alerts::routes(),
        dashboard::routes(),
        charts::routes(),
        people::routes(),
        person::routes(),
        registrations::routes(),
        queue::routes(),
        notice::routes(),
        bans::routes(),
        directory::routes(),
        certificates::routes(),
        dns::routes(),
        settings::routes(),
        team::routes(),
        tokens::routes(),
        audit::routes(),
    ]
    .concat();
    Pages { routes, navigation: navigation::GROUPS }
}

/// Pages that everybody sees who is signed in.
const EVERYBODY: Access = Access::Right(Right::See);
