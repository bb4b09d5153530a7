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
    let routes = [
        setup::routes(clock),
        dashboard::routes(),
        account::routes(),
        audit::routes(),
        people::routes(),
        certificates::routes(),
        directory::routes(),
        dns::routes(),
        team::routes(),
        tokens::routes(),
        person::routes(),
        registrations::routes(),
        queue::routes(),
        bans::routes(),
        setup_steps::routes(),
        settings::routes(),
        charts::routes(),
        alerts::routes(),
        notice::routes(),
    ]
    .concat();
    Pages { routes, navigation: navigation::GROUPS }
}

/// Pages that everybody sees who is signed in.
const EVERYBODY: Access = Access::Right(Right::See);
