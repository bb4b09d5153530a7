//! Locating SIP servers (RFC 3263): says what to ask the DNS next, is given the answers, and ends
//! with an ordered list of where to send.
//!
//! ```text
//!                 neither transport nor port
//!   Destination ──────────────────────────────▶ NAPTR ─none─▶ SRV of each transport ─none─┐
//!     │  │  │                                     │                 │                     │
//!     │  │  │ transport given, no port            └─▶ SRV of each   │                     │
//!     │  │  └───────────▶ SRV of that ──none──┐       service ──────┤                     │
//!     │  │                     │              │                     ▼                     │
//!     │  │                     └──────────────┼────▶ A/AAAA of each target ──▶ candidates │
//!     │  │ port given                         ▼                                   ▲       │
//!     │  └────────────────────────────▶ A/AAAA of the host, its port or the default ◀─────┘
//!     │ an address                                                                │
//!     └───────────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! Responses (s5) are not located here: they go back to where their request came from, and a name
//! in a Via is never looked up.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use smallvec::SmallVec;

use super::Transport;
use super::uri::{Host, Uri, UriError, parse_host};

mod failures;
#[cfg(test)]
mod tests;
mod weigh;

pub use failures::Failures;

/// Services of one NAPTR answer that are followed up.
const MOST_SERVICES: usize = 4;
/// Servers of all SRV answers that are looked up.
const MOST_SERVERS: usize = 12;
/// Candidates of one search.
const MOST_CANDIDATES: usize = 16;

/// Why nothing can be sent to a URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DestinationError {
    /// It is no URI.
    #[error(transparent)]
    Uri(#[from] UriError),
    /// Its scheme is neither `sip` nor `sips`.
    #[error("neither a sip nor a sips URI")]
    Scheme,
    /// A transport that does not lead to another server, or none that a `sips` URI allows.
    #[error("a transport parameter that cannot be used; known are udp, tcp and tls")]
    Transport,
    /// `maddr` is no host.
    #[error("maddr is neither a name nor an address")]
    Maddr,
}

/// What a SIP URI says of where it leads: the TARGET of RFC 3263 s4.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Destination {
    /// The name, or the address as text; what a certificate must be for (RFC 5922 s7.2).
    name: Arc<str>,
    address: Option<IpAddr>,
    port: Option<u16>,
    transport: Option<Transport>,
    secure: bool,
}

impl Destination {
    /// The destination of a `sip` or `sips` URI.
    ///
    /// # Errors
    /// [`DestinationError`] for a URI that leads to no server.
    pub fn parse(uri: &[u8]) -> Result<Destination, DestinationError> {
        let uri = Uri::parse(uri)?;
        if !uri.is_sip() {
            return Err(DestinationError::Scheme);
        }
        let host = match uri.param("maddr") {
            None => uri.host(),
            Some(maddr) => maddr.and_then(parse_host).ok_or(DestinationError::Maddr)?,
        };
        let secure = uri.is_sips();
        let transport = match uri.param("transport") {
            None => None,
            Some(Some(name)) if name.eq_ignore_ascii_case(b"udp") && !secure => {
                Some(Transport::Udp)
            }
            // RFC 3261 s26.2.2: in a SIPS URI, TCP means TLS over TCP.
            Some(Some(name)) if name.eq_ignore_ascii_case(b"tcp") => {
                Some(if secure { Transport::Tls } else { Transport::Tcp })
            }
            Some(Some(name)) if name.eq_ignore_ascii_case(b"tls") => Some(Transport::Tls),
            Some(_) => return Err(DestinationError::Transport),
        };
        let (name, address) = match host {
            Host::Name(name) => {
                let name = String::from_utf8_lossy(name).to_ascii_lowercase();
                (name.trim_end_matches('.').to_owned(), None)
            }
            Host::V4(address) => (address.to_string(), Some(address.into())),
            Host::V6(address) => (address.to_string(), Some(address.into())),
        };
        Ok(Destination { name: name.into(), address, port: uri.port(), transport, secure })
    }

    /// The host name in lower case, or the address.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The address, if the host is one.
    #[must_use]
    pub const fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// The port, if one is written.
    #[must_use]
    pub const fn port(&self) -> Option<u16> {
        self.port
    }

    /// The transport, if the URI settles it.
    #[must_use]
    pub const fn transport(&self) -> Option<Transport> {
        self.transport
    }

    /// Whether every hop must be TLS (`sips`).
    #[must_use]
    pub const fn is_secure(&self) -> bool {
        self.secure
    }
}

/// What to ask the DNS.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Query {
    /// NAPTR records of a domain (RFC 3403).
    Naptr(Arc<str>),
    /// SRV records of `_service._protocol.domain` (RFC 2782).
    Srv(Arc<str>),
    /// A and AAAA records of a host.
    Addresses(Arc<str>),
}

impl Query {
    /// The name that is asked for.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Query::Naptr(name) | Query::Srv(name) | Query::Addresses(name) => name,
        }
    }
}

/// One record of an answer. Names may end in the root's dot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// NAPTR (RFC 3403 s4.1); one with a regular expression has no meaning here and is left out.
    Naptr {
        /// Lower ones are looked at first, and settle the matter.
        order: u16,
        /// Among equal orders.
        preference: u16,
        /// `s` leads to SRV records.
        flags: Box<str>,
        /// `SIP+D2U` and the like.
        services: Box<str>,
        /// The name to ask next.
        replacement: Box<str>,
    },
    /// SRV (RFC 2782).
    Srv {
        /// Lower ones are tried first.
        priority: u16,
        /// The share among equal priorities.
        weight: u16,
        /// The port.
        port: u16,
        /// The host; `.` says that there is no such service.
        target: Box<str>,
    },
    /// A or AAAA.
    Address(IpAddr),
}

/// Where to send, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The transport.
    pub transport: Transport,
    /// The address and port.
    pub address: SocketAddr,
    /// What a certificate must be for: the name that was asked for, not what the DNS made of it
    /// (RFC 5922 s4, s7.2).
    pub name: Arc<str>,
}

/// A host whose addresses are wanted.
#[derive(Debug)]
struct Server {
    transport: Transport,
    host: Arc<str>,
    port: u16,
}

/// One search. [`Search::next_query`] until it gives `None`, each time followed by
/// [`Search::answer`]; then [`Search::into_candidates`].
#[derive(Debug)]
pub struct Search {
    destination: Destination,
    /// Transports that can be used, best first.
    usable: SmallVec<[Transport; 3]>,
    asked: Option<Query>,
    /// SRV names still to be asked, in their order.
    services: VecDeque<(Transport, Arc<str>)>,
    /// The service that is being asked.
    service: Transport,
    /// Hosts still to be asked.
    servers: VecDeque<Server>,
    /// Whether an SRV answer named servers or said that there are none: no guess is made then.
    settled: bool,
    candidates: Vec<Candidate>,
}

impl Search {
    /// Begins to look for `destination` among the transports that can be used, best first; where
    /// neither the URI nor a NAPTR record says which, their order decides.
    #[must_use]
    pub fn new(destination: &Destination, usable: &[Transport]) -> Search {
        let allowed = |transport: &Transport| match destination.transport {
            Some(wanted) => *transport == wanted,
            None if destination.secure => *transport == Transport::Tls,
            None => matches!(transport, Transport::Udp | Transport::Tcp | Transport::Tls),
        };
        let usable: SmallVec<[Transport; 3]> = usable.iter().copied().filter(allowed).collect();
        let mut search = Search {
            destination: destination.clone(),
            usable,
            asked: None,
            services: VecDeque::new(),
            service: Transport::Udp,
            servers: VecDeque::new(),
            settled: true,
            candidates: Vec::new(),
        };
        search.begin();
        search
    }

    /// RFC 3263 s4.1 and s4.2.
    fn begin(&mut self) {
        if self.usable.is_empty() {
            return;
        }
        match (self.destination.address, self.destination.port) {
            (Some(address), port) => {
                if let Some(transport) = self.without_records() {
                    let port = port.unwrap_or_else(|| default_port(transport));
                    self.take(transport, SocketAddr::new(address, port));
                }
            }
            (None, Some(port)) => {
                if let Some(transport) = self.without_records() {
                    self.push_host(transport, port);
                }
            }
            (None, None) => {
                self.settled = false;
                if self.destination.transport.is_some() || self.destination.secure {
                    // s4.1 asks NAPTR for sips too, which can lead nowhere but to _sips._tcp;
                    // its own name is what a certificate is held against.
                    self.push_services();
                } else {
                    self.asked = Some(Query::Naptr(Arc::clone(&self.destination.name)));
                }
            }
        }
    }

    /// The transport where no record says which: UDP, or TLS for `sips` (s4.1).
    fn without_records(&self) -> Option<Transport> {
        let udp = self.usable.iter().find(|transport| **transport == Transport::Udp);
        udp.or(self.usable.first()).copied()
    }

    fn push_host(&mut self, transport: Transport, port: u16) {
        let host = Arc::clone(&self.destination.name);
        self.servers.push_back(Server { transport, host, port });
    }

    fn push_services(&mut self) {
        for &transport in &self.usable {
            let name = format!("{}.{}", service_of(transport), self.destination.name);
            self.services.push_back((transport, name.into()));
        }
    }

    /// What to ask now; `None` at the end.
    pub fn next_query(&mut self) -> Option<Query> {
        if self.asked.is_none() {
            self.asked = self.choose();
        }
        self.asked.clone()
    }

    fn choose(&mut self) -> Option<Query> {
        if self.candidates.len() >= MOST_CANDIDATES {
            return None;
        }
        if let Some((transport, name)) = self.services.pop_front() {
            self.service = transport;
            return Some(Query::Srv(name));
        }
        if !self.settled {
            // s4.2: no SRV records, so the host itself.
            self.settled = true;
            if let Some(transport) = self.without_records() {
                self.push_host(transport, default_port(transport));
            }
        }
        self.servers.front().map(|server| Query::Addresses(Arc::clone(&server.host)))
    }

    /// Takes the records that answer the last query; none if there are none, or no answer came.
    /// `draw` gives a number below its argument, by chance: weights decide by it (RFC 2782).
    pub fn answer(&mut self, records: &[Record], draw: &mut dyn FnMut(u64) -> u64) {
        match self.asked.take() {
            None => {}
            Some(Query::Naptr(_)) => self.take_naptr(records),
            Some(Query::Srv(_)) => self.take_srv(records, draw),
            Some(Query::Addresses(_)) => {
                let Some(server) = self.servers.pop_front() else { return };
                for record in records {
                    if let Record::Address(address) = record {
                        self.take(server.transport, SocketAddr::new(*address, server.port));
                    }
                }
            }
        }
    }

    /// s4.1: the usable services of the lowest order that has any, by preference.
    fn take_naptr(&mut self, records: &[Record]) {
        let mut found: Vec<(u16, u16, Transport, &str)> = Vec::new();
        for record in records {
            let Record::Naptr { order, preference, flags, services, replacement } = record else {
                continue;
            };
            let transport = match services.to_ascii_uppercase().as_str() {
                "SIP+D2U" => Transport::Udp,
                "SIP+D2T" => Transport::Tcp,
                "SIPS+D2T" => Transport::Tls,
                _ => continue,
            };
            let replacement = bare(replacement);
            // The name that a certificate is for must not depend on who answers for the DNS.
            let strays = transport == Transport::Tls && !self.is_inside(replacement);
            if flags.eq_ignore_ascii_case("s")
                && !replacement.is_empty()
                && self.usable.contains(&transport)
                && !strays
            {
                found.push((*order, *preference, transport, replacement));
            }
        }
        found.sort_by_key(|(order, preference, ..)| (*order, *preference));
        let Some(lowest) = found.first().map(|(order, ..)| *order) else {
            return self.push_services();
        };
        let of_it = found.iter().take_while(|(order, ..)| *order == lowest);
        for (_, _, transport, name) in of_it.take(MOST_SERVICES) {
            self.services.push_back((*transport, name.to_ascii_lowercase().into()));
        }
    }

    fn take_srv(&mut self, records: &[Record], draw: &mut dyn FnMut(u64) -> u64) {
        let mut servers: Vec<weigh::Weighed<'_>> = Vec::new();
        for record in records {
            if let Record::Srv { priority, weight, port, target } = record {
                // RFC 2782: a target of "." means that there is decidedly no such service.
                self.settled = true;
                let target = bare(target);
                if !target.is_empty() && *port != 0 {
                    servers.push((*priority, *weight, *port, target));
                }
            }
        }
        for (_, _, port, target) in weigh::in_order(servers, draw) {
            if self.servers.len() >= MOST_SERVERS {
                break;
            }
            let host = target.to_ascii_lowercase().into();
            self.servers.push_back(Server { transport: self.service, host, port });
        }
    }

    fn take(&mut self, transport: Transport, address: SocketAddr) {
        let address = SocketAddr::new(address.ip().to_canonical(), address.port());
        let is_new = !self
            .candidates
            .iter()
            .any(|known| known.transport == transport && known.address == address);
        if is_new && self.candidates.len() < MOST_CANDIDATES && can_be_sent_to(address.ip()) {
            let name = Arc::clone(&self.destination.name);
            self.candidates.push(Candidate { transport, address, name });
        }
    }

    /// Whether a name is the destination's or one below it.
    fn is_inside(&self, name: &str) -> bool {
        let above = &*self.destination.name;
        let split = name.len().checked_sub(above.len());
        split.is_some_and(|at| {
            name.is_char_boundary(at)
                && name[at..].eq_ignore_ascii_case(above)
                && (at == 0 || name[..at].ends_with('.'))
        })
    }

    /// What was found, best first; also before the end, if there is no time for more.
    #[must_use]
    pub fn into_candidates(self) -> Vec<Candidate> {
        self.candidates
    }
}

/// Without the root's dot.
fn bare(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

/// Nobody is at the unspecified address, and nobody in particular at a group's.
fn can_be_sent_to(address: IpAddr) -> bool {
    !address.is_unspecified() && !address.is_multicast() && address != IpAddr::from([255; 4])
}

/// RFC 3261 s19.1.2.
#[must_use]
pub const fn default_port(transport: Transport) -> u16 {
    match transport {
        Transport::Udp | Transport::Tcp => 5060,
        Transport::Tls => 5061,
        Transport::Ws => 80,
        Transport::Wss => 443,
    }
}

const fn service_of(transport: Transport) -> &'static str {
    match transport {
        Transport::Udp => "_sip._udp",
        Transport::Tls => "_sips._tcp",
        Transport::Tcp | Transport::Ws | Transport::Wss => "_sip._tcp",
    }
}
