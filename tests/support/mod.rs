//! What the tests with real processes share: guards that end what they started, by its process
//! id, and waiting for events with a deadline. Nothing here sleeps.

pub(crate) mod agent;
pub(crate) mod caller;
pub(crate) mod campus_net;
pub(crate) mod directory;
pub(crate) mod handset;
pub(crate) mod kamailio;
pub(crate) mod lines;
pub(crate) mod names;
mod programs;
pub(crate) mod separation;
pub(crate) mod server;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

pub(crate) use programs::{program, repository};

/// A port for what cannot choose one by itself, or must be known before it starts. The moment between
/// is short, and only that program would mind.
pub(crate) fn free_port() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    listener.local_addr().expect("an address")
}
