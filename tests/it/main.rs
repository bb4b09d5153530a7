//! Tests with real processes: the server as built, real clients, a real directory.
#![expect(clippy::expect_used, clippy::panic, reason = "a test whose surroundings fail has failed")]

#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod support;

mod api;
mod beside_voip;
mod browser;
mod calls;
mod console;
mod directory_groups;
mod directory_outage;
mod directory_people;
mod directory_secure;
mod directory_test;
mod held_messages;
mod load_tools;
mod nat;
mod notices;
mod own_client;
mod page_mode;
mod pages;
mod presence;
mod three_clients;
mod workbench;
