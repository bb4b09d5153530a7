//! The MSRP peer library over real sockets and files, directly and through a foreign relay. Each row
//! of the two feature tables that the library was built by has a test that names it.

#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot go on has failed")]

#[expect(dead_code, reason = "other tests use the rest")]
#[path = "../support/kamailio.rs"]
mod kamailio;
#[path = "../support/lines.rs"]
mod lines;
#[path = "../support/msrp_relay.rs"]
mod msrp_relay;
#[path = "../support/programs.rs"]
mod programs;
#[path = "../support/tshark.rs"]
mod tshark;

mod alone;
mod bytes;
#[cfg(feature = "server")]
mod command;
mod connecting;
#[cfg(feature = "server")]
mod cut_off;
mod direct;
mod hostile;
mod pair;
mod relayed;
mod relays;
mod resumed;
mod rows;
#[cfg(feature = "msrp-self-signed")]
mod secure;
#[cfg(feature = "msrp-ws")]
mod socket;
mod stub;
mod surface;
mod tables;
