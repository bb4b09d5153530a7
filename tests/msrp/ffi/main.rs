//! The C interface, as C and Python use it: `packaging/tagus_msrp.h` is what the sources say, and the
//! examples beside it talk with each other and with this library.

#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod examples;
mod header;
