//! Path (RFC 3327): a binding behind proxies is reached through them.
//!
//! Who may add Path values is the shell's to decide; here they are made into the Route of requests
//! to the binding, and into the flow to the first of them.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use super::reach::is_nowhere;
use crate::sip::header::Address;
use crate::sip::uri::{Host, Uri};
use crate::sip::{ConnectionId, Flow, Transport};

/// Proxies between a device and us; a longer path is somebody playing.
const MOST_HOPS: usize = 8;

/// Bytes that all values together may take.
const MOST_BYTES: usize = 2_048;

/// Why a Path cannot be routed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPath {
    /// A value is no address, or its URI is no `sip:` or `sips:` URI.
    #[error("Bad Path")]
    Malformed,
    /// A value without `lr`: RFC 3327 s4 asks for loose routers.
    #[error("Path Without lr")]
    NotLoose,
    /// More hops or bytes than are kept.
    #[error("Path Too Long")]
    TooLong,
    /// The first hop is an address that nobody can be at, or our own.
    #[error("Path Cannot Be Reached")]
    NoSuchHost,
}

/// A Path that was found good.
#[derive(Clone, Debug)]
pub(super) struct Path {
    /// The values as the Route of requests to the binding (RFC 3327 s5.4).
    pub(super) route: Arc<[u8]>,
    /// Where the first hop is.
    pub(super) flow: Flow,
    /// Whether that hop is reached over the connection that it opened, and ends with it.
    pub(super) bound: bool,
    /// Whether the first hop keeps flows: its URI has `ob` (RFC 5626 s5.1).
    pub(super) keeps_flows: bool,
}

/// Reads Path values of a request that came over `from`; `None` if there are none.
///
/// The next hop is the first value's address. A name is not looked up: the proxy that added it is
/// the one that sent the request, so it is at the source address.
pub(super) fn path(
    values: &[&[u8]],
    from: Flow,
    is_ours: impl Fn(SocketAddr) -> bool,
) -> Result<Option<Path>, BadPath> {
    let Some(first) = values.first() else { return Ok(None) };
    let bytes: usize = values.iter().map(|value| value.len() + 2).sum();
    if values.len() > MOST_HOPS || bytes > MOST_BYTES {
        return Err(BadPath::TooLong);
    }
    for value in values {
        let uri = parse(value)?;
        if uri.param("lr").is_none() {
            return Err(BadPath::NotLoose);
        }
    }
    let uri = parse(first)?;
    let (flow, bound) = next_hop(&uri, from, is_ours)?;
    Ok(Some(Path {
        route: values.join(&b", "[..]).into(),
        flow,
        bound,
        keeps_flows: uri.param("ob").is_some(),
    }))
}

fn parse(value: &[u8]) -> Result<Uri<'_>, BadPath> {
    let address = Address::parse(value).map_err(|_| BadPath::Malformed)?;
    let uri = address.parsed_uri();
    // A Route value stands in brackets (RFC 3261 s20.34), and goes out as it came.
    let clean = !value.iter().any(u8::is_ascii_control);
    if uri.is_sip() && address.is_bracketed() && clean { Ok(uri) } else { Err(BadPath::Malformed) }
}

fn next_hop(
    uri: &Uri<'_>,
    from: Flow,
    is_ours: impl Fn(SocketAddr) -> bool,
) -> Result<(Flow, bool), BadPath> {
    let transport = match uri.param("transport").flatten() {
        None if uri.is_sips() => Transport::Tls,
        None => Transport::Udp,
        Some(name) if name.eq_ignore_ascii_case(b"tls") => Transport::Tls,
        Some(name) if name.eq_ignore_ascii_case(b"tcp") && uri.is_sips() => Transport::Tls,
        Some(name) if name.eq_ignore_ascii_case(b"tcp") => Transport::Tcp,
        Some(name) if name.eq_ignore_ascii_case(b"udp") => Transport::Udp,
        // What we cannot dial is reached over the connection that it keeps to us.
        Some(_) => return Ok((from, from.transport.is_reliable())),
    };
    let ip: IpAddr = match uri.host() {
        Host::V4(address) => address.into(),
        Host::V6(address) => IpAddr::from(address).to_canonical(),
        Host::Name(_) => from.remote.ip().to_canonical(),
    };
    let port = uri.port().unwrap_or(if transport == Transport::Tls { 5061 } else { 5060 });
    let named = SocketAddr::new(ip, port);
    if is_nowhere(ip) || port == 0 || is_ours(named) && named != from.remote {
        return Err(BadPath::NoSuchHost);
    }
    // Nobody checks the name of a peer that is dialled by its address, so a TLS peer is reached
    // over the connection that it made.
    if transport == from.transport && named == from.remote || transport == Transport::Tls {
        return Ok((from, from.transport.is_reliable()));
    }
    let port = if transport == from.transport { from.local.port() } else { 0 };
    let local = SocketAddr::new(from.local.ip(), port);
    Ok((Flow { transport, local, remote: named, connection: ConnectionId::NONE }, false))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edge(transport: Transport) -> Flow {
        Flow {
            transport,
            local: "192.0.2.1:5060".parse().unwrap(),
            remote: "192.0.2.9:40000".parse().unwrap(),
            connection: ConnectionId(u64::from(transport.is_reliable())),
        }
    }

    fn read(values: &[&str], transport: Transport) -> Result<Option<Path>, BadPath> {
        let values: Vec<&[u8]> = values.iter().map(|value| value.as_bytes()).collect();
        path(&values, edge(transport), |address| address == "192.0.2.1:5060".parse().unwrap())
    }

    // RFC 3327 s5.3, s5.4
    #[test]
    fn a_path_becomes_a_route_in_the_same_order() {
        let path = read(&["<sip:192.0.2.9;lr;ob>", "<sip:p1.example;lr>"], Transport::Udp);
        let path = path.unwrap().unwrap();
        assert_eq!(&*path.route, b"<sip:192.0.2.9;lr;ob>, <sip:p1.example;lr>");
        assert_eq!(path.flow.remote, "192.0.2.9:5060".parse().unwrap());
        assert!(path.keeps_flows && !path.bound);
        assert!(read(&[], Transport::Udp).unwrap().is_none());
    }

    #[test]
    fn a_first_hop_with_a_name_is_at_the_source_address() {
        let path = read(&["<sip:token@edge.example:5080;transport=tcp;lr>"], Transport::Tcp);
        let path = path.unwrap().unwrap();
        assert_eq!(path.flow.remote, "192.0.2.9:5080".parse().unwrap());
        assert_eq!(path.flow.transport, Transport::Tcp);
        assert!(!path.flow.connection.is_some() && !path.keeps_flows);
    }

    #[test]
    fn a_first_hop_that_is_the_far_end_is_reached_over_its_connection() {
        let path = read(&["<sip:192.0.2.9:40000;transport=tcp;lr>"], Transport::Tcp);
        let path = path.unwrap().unwrap();
        assert!(path.bound);
        assert_eq!(path.flow, edge(Transport::Tcp));
    }

    // RFC 3327 s4
    #[test]
    fn a_path_that_cannot_be_routed_by_is_refused() {
        for (value, wrong) in [
            ("<sip:192.0.2.9>", BadPath::NotLoose),
            ("sip:192.0.2.9;lr", BadPath::Malformed),
            ("<http://192.0.2.9/;lr>", BadPath::Malformed),
            ("rubbish", BadPath::Malformed),
            ("<sip:0.0.0.0;lr>", BadPath::NoSuchHost),
            ("<sip:192.0.2.1;lr>", BadPath::NoSuchHost),
            ("<sip:192.0.2.9:0;lr>", BadPath::NoSuchHost),
        ] {
            assert_eq!(read(&[value], Transport::Udp).unwrap_err(), wrong, "{value}");
        }
        let hop = "<sip:p.example;lr>";
        assert_eq!(read(&[hop; 9], Transport::Udp).unwrap_err(), BadPath::TooLong);
    }

    proptest::proptest! {
        #[test]
        fn no_path_makes_the_reader_panic(values in proptest::collection::vec("[<>a-z:;=.@0-9 ]{0,40}", 0..4)) {
            let values: Vec<&str> = values.iter().map(String::as_str).collect();
            let _ = read(&values, Transport::Tcp);
        }
    }
}
