//! The C interface, as C and Python use it: `packaging/tagus_msrp.h` is what the sources say, and the
//! examples beside it talk with each other and with this library.

#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot go on has failed")]

#[expect(dead_code, reason = "other tests use the rest")]
#[path = "../../support/kamailio.rs"]
mod kamailio;
#[path = "../../support/msrp_relay.rs"]
mod msrp_relay;
#[path = "../../support/programs.rs"]
mod programs;

mod examples;
mod header;
mod ways;
