//! Tagus: an instant-messaging appliance for a small campus.
//!
//! Read the modules in this order; imports go only from later to earlier (`tests/layering.rs`):
//!
//! 1. [`clock`], [`entropy`]: the only readers of time and randomness.
//! 2. [`text`], `http_digest`, [`xml`]: small grammars that several protocols share. `latency`: how
//!    long things take.
//! 3. [`sip`]: the protocol core; bytes and ticks in, bytes and deadlines out. [`payload`]: what
//!    messages carry. `msrp`: the MSRP peer library, its core in the same manner. `channel`: TLS and WebSocket in the same manner.
//! 4. `config`, `model`, `store`, `bus`: what is kept.
//! 5. `identity`: who somebody is. `tls`: certificates. `registrar`, `documents`, `presence`,
//!    `subscriptions`, `proxy`, `page_mode`, `accounts`: what is decided. `operations`: what an
//!    administrator may ask.
//! 6. `net`, `web`, `client`: sockets; `admin`: the console's pages; `api`: the same for programs. `app`: wiring and the command line.

#[cfg(feature = "server")]
pub mod accounts;
#[cfg(feature = "server")]
pub mod admin;
#[cfg(feature = "server")]
pub mod api;
#[cfg(feature = "server")]
pub mod app;
#[cfg(feature = "server")]
pub mod bus;
#[cfg(feature = "msrp")]
pub mod channel;
#[cfg(feature = "server")]
pub mod client;
pub mod clock;
#[cfg(feature = "server")]
pub mod config;
#[cfg(feature = "server")]
pub mod documents;
pub mod entropy;
pub mod http_digest;
#[cfg(feature = "server")]
pub mod identity;
#[cfg(feature = "server")]
pub mod latency;
#[cfg(feature = "server")]
pub mod model;
#[cfg(feature = "msrp")]
pub mod msrp;
#[cfg(feature = "server")]
pub mod net;
#[cfg(feature = "server")]
pub mod operations;
#[cfg(feature = "server")]
pub mod page_mode;
pub mod payload;
#[cfg(feature = "server")]
pub mod presence;
#[cfg(feature = "server")]
pub mod proxy;
#[cfg(feature = "server")]
pub mod registrar;
pub mod sip;
#[cfg(feature = "server")]
pub mod store;
#[cfg(feature = "server")]
pub mod subscriptions;
pub mod text;
#[cfg(feature = "server")]
pub mod tls;
#[cfg(feature = "server")]
pub mod web;
pub mod xml;
