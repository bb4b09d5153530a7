//! The addresses of this machine.

use std::net::{IpAddr, SocketAddr};

/// The addresses under which peers see what listens on `listening`: of every interface where all of
/// them are listened on.
pub(super) fn seen_as(listening: SocketAddr) -> Vec<SocketAddr> {
    let (ip, port) = (listening.ip(), listening.port());
    if !ip.is_unspecified() {
        return vec![SocketAddr::new(ip.to_canonical(), port)];
    }
    let both = ip.is_ipv6();
    match nix::ifaddrs::getifaddrs() {
        Ok(interfaces) => interfaces
            .filter_map(|interface| interface.address)
            .filter_map(|storage| {
                let v4 = storage.as_sockaddr_in().map(|v4| IpAddr::from(v4.ip()));
                v4.or_else(|| storage.as_sockaddr_in6().filter(|_| both).map(|v6| v6.ip().into()))
            })
            .map(|ip| SocketAddr::new(ip.to_canonical(), port))
            .collect(),
        Err(error) => {
            tracing::warn!(%error, "the addresses of this machine cannot be read");
            Vec::new()
        }
    }
}
