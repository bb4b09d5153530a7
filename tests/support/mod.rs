//! What the tests with real processes share: guards that end what they started, by its process
//! id, and waiting for events with a deadline. Nothing here sleeps.

pub(crate) mod agent;
pub(crate) mod caller;
pub(crate) mod campus_net;
pub(crate) mod directory;
pub(crate) mod lines;
pub(crate) mod separation;
pub(crate) mod server;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;

/// A directory of the repository.
pub(crate) fn repository(below: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(below)
}

/// Where a program is, or a failure that names the command which installs it.
pub(crate) fn program(name: &str, package: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let more = ["/usr/sbin", "/usr/local/sbin", "/sbin"].map(PathBuf::from);
    std::env::split_paths(&path)
        .chain(more)
        .map(|directory| directory.join(name))
        .find(|candidate| candidate.is_file())
        .unwrap_or_else(|| panic!("{name} is missing: apt-get install {package}"))
}

/// A port for what cannot choose one by itself, or must be known before it starts. The moment between
/// is short, and only that program would mind.
pub(crate) fn free_port() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    listener.local_addr().expect("an address")
}
