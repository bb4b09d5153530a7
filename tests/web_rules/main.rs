//! The web listener of the server as built, over real sockets: what it answers and refuses, its
//! bounds, its certificates and how they are replaced.
#![expect(clippy::expect_used, clippy::panic, reason = "a test whose surroundings fail has failed")]

#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod support;

mod alerts;
mod api;
mod api_deeds;
mod attacks;
mod audit;
mod bounds;
mod certificates;
mod console;
mod http;
mod live;
mod live_updates;
mod metrics;
mod network;
mod pages;
mod people;
mod upgrades;
mod ways;
