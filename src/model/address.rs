//! Addresses as stored. Serde's own form of an IPv6 socket address leaves the scope out, and a
//! link-local contact cannot be reached without it. The flow label is not kept: it belongs to a
//! packet.

use std::net::{IpAddr, SocketAddr, SocketAddrV6};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::sip::{ConnectionId, Flow, Transport};

#[derive(Serialize, Deserialize)]
struct StoredAddress {
    ip: IpAddr,
    port: u16,
    scope: u32,
}

impl From<SocketAddr> for StoredAddress {
    fn from(address: SocketAddr) -> Self {
        let scope = match address {
            SocketAddr::V4(_) => 0,
            SocketAddr::V6(v6) => v6.scope_id(),
        };
        StoredAddress { ip: address.ip(), port: address.port(), scope }
    }
}

impl From<StoredAddress> for SocketAddr {
    fn from(stored: StoredAddress) -> Self {
        match stored.ip {
            IpAddr::V4(_) => SocketAddr::new(stored.ip, stored.port),
            IpAddr::V6(ip) => SocketAddrV6::new(ip, stored.port, 0, stored.scope).into(),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct StoredFlow {
    transport: Transport,
    local: StoredAddress,
    remote: StoredAddress,
    connection: ConnectionId,
}

/// For `#[serde(with)]` on a [`Flow`].
pub(super) mod flow {
    use super::*;

    pub(in crate::model) fn serialize<S: Serializer>(
        flow: &Flow,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        StoredFlow {
            transport: flow.transport,
            local: flow.local.into(),
            remote: flow.remote.into(),
            connection: flow.connection,
        }
        .serialize(to)
    }

    pub(in crate::model) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Flow, D::Error> {
        let stored = StoredFlow::deserialize(from)?;
        Ok(Flow {
            transport: stored.transport,
            local: stored.local.into(),
            remote: stored.remote.into(),
            connection: stored.connection,
        })
    }
}
