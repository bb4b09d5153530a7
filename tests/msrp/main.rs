//! The MSRP peer library over real sockets and files. Each row of the two feature tables that the
//! library was built by has a test of its name in `rows`.

#[path = "../support/tshark.rs"]
mod tshark;

mod direct;
mod pair;
