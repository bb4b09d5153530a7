//! How a contact is reached: by the connection it came over, or by dialling its URI.
//!
//! The rule is one for every transport: a contact that names the place it came from, or a place
//! nobody could dial (NAT, browsers, host names we will not look up), is reached back over its
//! flow; a contact that names another port of the same host is dialled.

use std::net::{IpAddr, SocketAddr};

use crate::sip::uri::{Host, Uri};
use crate::sip::{ConnectionId, Flow, Transport};

/// Why a contact cannot be registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreachable {
    /// Not a `sip:` or `sips:` URI, or one that does not parse: 403 (RFC 5627 s5.1).
    #[error("Contact Is Not A SIP URI")]
    NotSip,
    /// The unspecified, a multicast or the broadcast address, or port 0.
    #[error("Contact Address Cannot Be Reached")]
    NoSuchHost,
    /// One of our own listening addresses or domains: a request sent there would come back for
    /// ever.
    #[error("Contact Is This Server")]
    Ourselves,
}

/// Decides where requests for `contact` go, given the flow its REGISTER came over.
///
/// `outbound` is true if the contact carries `reg-id` and `+sip.instance` (RFC 5626 s5.1).
/// `is_ours` tells whether an address is one that this server listens on, `is_our_name` whether a
/// host name is a domain that it serves.
///
/// # Errors
///
/// [`Unreachable`] if the contact could never be a target.
pub fn reach(
    contact: &[u8],
    from: Flow,
    outbound: bool,
    is_ours: impl Fn(SocketAddr) -> bool,
    is_our_name: impl Fn(&[u8]) -> bool,
) -> Result<Reach, Unreachable> {
    let uri = Uri::parse(contact).map_err(|_| Unreachable::NotSip)?;
    if !uri.is_sip() {
        return Err(Unreachable::NotSip);
    }
    let bound = Reach { flow: from, bound: from.transport.is_reliable() };
    let is_websocket = matches!(from.transport, Transport::Ws | Transport::Wss);
    let address = match uri.host() {
        Host::V4(address) => IpAddr::V4(address),
        Host::V6(address) => IpAddr::V6(address).to_canonical(),
        // An address-of-record or a GRUU, which would come back here (RFC 5627 s5.1).
        Host::Name(name) if is_our_name(name) => return Err(Unreachable::Ourselves),
        // Browsers write `.invalid`, others a host name; neither is looked up.
        Host::Name(_) => return Ok(bound),
    };
    if is_nowhere(address) {
        return Err(Unreachable::NoSuchHost);
    }
    let transport = match uri.param("transport").flatten() {
        None if uri.is_sips() => Transport::Tls,
        None => Transport::Udp,
        Some(name) if name.eq_ignore_ascii_case(b"udp") => Transport::Udp,
        Some(name) if name.eq_ignore_ascii_case(b"tcp") && uri.is_sips() => Transport::Tls,
        Some(name) if name.eq_ignore_ascii_case(b"tcp") => Transport::Tcp,
        Some(name) if name.eq_ignore_ascii_case(b"tls") => Transport::Tls,
        // `ws` and whatever we cannot dial: only the flow leads there.
        Some(_) => return Ok(bound),
    };
    let port = uri.port().unwrap_or(if transport == Transport::Tls { 5061 } else { 5060 });
    if port == 0 {
        return Err(Unreachable::NoSuchHost);
    }
    let named = SocketAddr::new(address, port);
    if is_ours(named) && named != from.remote {
        return Err(Unreachable::Ourselves);
    }
    // Nobody listens behind a WebSocket (RFC 7118 s5).
    if outbound
        || is_websocket
        || address != from.remote.ip().to_canonical()
        || named == from.remote
    {
        return Ok(bound);
    }
    let local = SocketAddr::new(
        from.local.ip(),
        if transport == from.transport { from.local.port() } else { 0 },
    );
    Ok(Reach {
        flow: Flow { transport, local, remote: named, connection: ConnectionId::NONE },
        bound: false,
    })
}

/// Where requests for a contact go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reach {
    /// The flow to send over.
    pub flow: Flow,
    /// Whether the contact ends with that flow's connection.
    pub bound: bool,
}

/// Addresses that no single host is at.
pub(super) fn is_nowhere(address: IpAddr) -> bool {
    address.is_unspecified()
        || address.is_multicast()
        || matches!(address, IpAddr::V4(v4) if v4.is_broadcast())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(transport: Transport, connection: u64) -> Flow {
        Flow {
            transport,
            local: "192.0.2.1:5060".parse().unwrap(),
            remote: "192.0.2.7:40000".parse().unwrap(),
            connection: ConnectionId(connection),
        }
    }

    fn is_ours(address: SocketAddr) -> bool {
        address == "192.0.2.1:5060".parse().unwrap()
    }

    fn is_our_name(name: &[u8]) -> bool {
        name == b"campus.example"
    }

    // RFC 5627 s5.1
    #[test]
    fn an_address_of_record_is_no_contact() {
        let from = flow(Transport::Udp, 0);
        for contact in ["sip:a@campus.example", "sip:a@campus.example;gr=urn:uuid:1"] {
            let reach = reach(contact.as_bytes(), from, false, is_ours, is_our_name);
            assert_eq!(reach, Err(Unreachable::Ourselves), "{contact}");
        }
    }

    #[test]
    fn the_far_end_of_a_connection_is_reached_over_it() {
        let from = flow(Transport::Tcp, 9);
        let reach =
            reach(b"sip:a@192.0.2.7:40000;transport=tcp", from, false, is_ours, is_our_name)
                .unwrap();
        assert_eq!(reach, Reach { flow: from, bound: true });
    }

    #[test]
    fn another_port_of_the_same_host_is_dialled() {
        let from = flow(Transport::Tcp, 9);
        let reach = reach(b"sip:a@192.0.2.7:5070;transport=tcp", from, false, is_ours, is_our_name)
            .unwrap();
        assert!(!reach.bound);
        assert_eq!(reach.flow.remote, "192.0.2.7:5070".parse().unwrap());
        assert_eq!(reach.flow.connection, ConnectionId::NONE);
    }

    #[test]
    fn a_contact_behind_nat_is_reached_at_its_source() {
        let from = flow(Transport::Udp, 0);
        let reach = reach(b"sip:a@10.0.0.4:5060", from, false, is_ours, is_our_name).unwrap();
        assert_eq!(reach, Reach { flow: from, bound: false });
    }

    // RFC 7118 s5: a browser's contact names no host at all
    #[test]
    fn an_invalid_host_is_reached_over_its_flow() {
        let from = flow(Transport::Wss, 3);
        let reach =
            reach(b"sip:x@f3kd.invalid;transport=ws", from, false, is_ours, is_our_name).unwrap();
        assert_eq!(reach, Reach { flow: from, bound: true });
    }

    // RFC 7118 s5: whatever a browser names, only its connection leads there
    #[test]
    fn a_contact_of_a_websocket_is_never_dialled() {
        let from = flow(Transport::Ws, 3);
        for contact in ["sip:x@192.0.2.7:5070;transport=tcp", "sip:x@192.0.2.7"] {
            let reach = reach(contact.as_bytes(), from, false, is_ours, is_our_name).unwrap();
            assert_eq!(reach, Reach { flow: from, bound: true }, "{contact}");
        }
    }

    // RFC 5626 s6, s7: a flow is kept, and never replaced by dialling
    #[test]
    fn an_outbound_contact_is_reached_over_its_flow() {
        let from = flow(Transport::Tcp, 9);
        let contact = b"sip:a@192.0.2.7:5070;transport=tcp";
        assert_eq!(
            reach(contact, from, true, is_ours, is_our_name),
            Ok(Reach { flow: from, bound: true })
        );
    }

    #[test]
    fn hosts_that_nobody_can_be_are_refused() {
        for contact in
            ["sip:0.0.0.0", "sip:[::]", "sip:224.0.0.1", "sip:255.255.255.255", "sip:192.0.2.7:0"]
        {
            assert_eq!(
                reach(contact.as_bytes(), flow(Transport::Udp, 0), false, is_ours, is_our_name),
                Err(Unreachable::NoSuchHost),
                "{contact}"
            );
        }
    }

    #[test]
    fn our_own_address_and_other_schemes_are_refused() {
        let from = flow(Transport::Udp, 0);
        assert_eq!(
            reach(b"sip:a@192.0.2.1:5060", from, false, is_ours, is_our_name),
            Err(Unreachable::Ourselves)
        );
        assert_eq!(
            reach(b"http://192.0.2.7/", from, false, is_ours, is_our_name),
            Err(Unreachable::NotSip)
        );
        assert_eq!(
            reach(b"mailto:a@192.0.2.7", from, false, is_ours, is_our_name),
            Err(Unreachable::NotSip)
        );
    }
}
