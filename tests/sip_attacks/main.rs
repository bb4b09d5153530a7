//! Hostile input over real sockets against the server as built: lengths that lie, headers that
//! hide, credentials that are nobody's, floods and half messages. After each of them the server
//! must serve the next request, and no thread of it may have panicked.
#![expect(clippy::expect_used, clippy::panic, reason = "a test whose surroundings fail has failed")]

#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod support;

mod beyond;
mod campus;
mod clocks;
mod connection;
mod credentials;
mod default_deny;
mod frames;
mod framing;
mod guessing;
mod phone;
mod publishing;
mod raw;
mod registering;
mod relaying;
mod returning;
mod shedding;
mod site;
mod slow;
mod streams;
mod subscribing;
mod timing;
mod websocket;
