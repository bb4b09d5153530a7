//! `msrp` and `msrps` URIs (RFC 4975 s6, s9): read, made, compared, and lists of them, which are
//! paths.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use smallvec::SmallVec;

use super::ident::Ids;
use crate::text;

/// Bytes of one URI at most.
pub const MOST_BYTES: usize = 1_024;

/// URIs of one path at most: nobody crosses more relays.
pub const MOST_HOPS: usize = 16;

/// Why text is no MSRP URI, or no path of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UriError {
    /// Neither `msrp://` nor `msrps://`.
    #[error("the scheme is neither msrp nor msrps")]
    Scheme,
    /// The host is empty or malformed.
    #[error("a malformed host")]
    Host,
    /// The port is no number from 1 to 65535, or an address stands without one (s6).
    #[error("a malformed port, or an address without one")]
    Port,
    /// The user part is malformed or has a password (s6).
    #[error("a malformed user part")]
    User,
    /// The session-id has characters that it must not have.
    #[error("a malformed session-id")]
    Session,
    /// The transport is missing or malformed.
    #[error("no transport, or a malformed one")]
    Transport,
    /// A parameter after the transport is malformed.
    #[error("a malformed parameter")]
    Parameter,
    /// Longer than 1024 bytes, or a path of more than 16 URIs.
    #[error("the URI or the path is too long")]
    TooLong,
    /// A path without a URI.
    #[error("an empty path")]
    Empty,
}

/// The host of a URI.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// A name, in lower case, percent-encoding of unreserved characters undone.
    Name(Box<str>),
    /// An address.
    Address(IpAddr),
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Name(name) => f.write_str(name),
            Host::Address(IpAddr::V4(address)) => address.fmt(f),
            Host::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

/// An MSRP URI. It is written as it was read; `==` compares the spelling, [`Uri::matches`] what it
/// names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Uri {
    raw: Box<str>,
    secure: bool,
    host: Host,
    port: Option<u16>,
    /// Where the session-id and the transport stand in `raw`.
    session: Option<(u16, u16)>,
    transport: (u16, u16),
    user: Option<(u16, u16)>,
}

impl Uri {
    /// A URI of a new session at this host, with a session-id of 100 random bits (s14.1).
    #[must_use]
    pub fn fresh(ids: Ids, secure: bool, host: &Host, port: u16, transport: &str) -> Uri {
        Uri::assemble(secure, host, port, &ids.session(), transport)
    }

    fn assemble(secure: bool, host: &Host, port: u16, session: &str, transport: &str) -> Uri {
        let scheme = if secure { "msrps" } else { "msrp" };
        let start = format!("{scheme}://{host}:{port}/");
        let session_at = (start.len() as u16, (start.len() + session.len()) as u16);
        let transport_at = session_at.1 + 1;
        Uri {
            raw: format!("{start}{session};{transport}").into(),
            secure,
            host: host.clone(),
            port: Some(port),
            session: Some(session_at),
            transport: (transport_at, transport_at + transport.len() as u16),
            user: None,
        }
    }

    /// Reads a URI.
    ///
    /// # Errors
    /// [`UriError`] for what the grammar of s9 does not allow.
    pub fn parse(raw: &str) -> Result<Uri, UriError> {
        if raw.len() > MOST_BYTES {
            return Err(UriError::TooLong);
        }
        let colon = raw.find("://").ok_or(UriError::Scheme)?;
        let secure = match &raw[..colon] {
            scheme if scheme.eq_ignore_ascii_case("msrp") => false,
            scheme if scheme.eq_ignore_ascii_case("msrps") => true,
            _ => return Err(UriError::Scheme),
        };
        let start = colon + 3;
        let authority_end =
            raw[start..].find(['/', ';']).map(|at| start + at).ok_or(UriError::Transport)?;
        let host_start = match raw[start..authority_end].rfind('@') {
            Some(at) if is_user(&raw[start..start + at]) => start + at + 1,
            Some(_) => return Err(UriError::User),
            None => start,
        };
        let (host, port) = host_and_port(&raw[host_start..authority_end])?;
        let (session, transport_start) = match raw[authority_end..].strip_prefix('/') {
            None => (None, authority_end + 1),
            Some(rest) => {
                let end = authority_end + 1 + rest.find(';').ok_or(UriError::Transport)?;
                let session = &raw[authority_end + 1..end];
                if session.is_empty() || !session.bytes().all(is_session_byte) {
                    return Err(UriError::Session);
                }
                (Some((authority_end as u16 + 1, end as u16)), end + 1)
            }
        };
        let transport_end =
            raw[transport_start..].find(';').map_or(raw.len(), |at| transport_start + at);
        let transport = &raw[transport_start..transport_end];
        if transport.is_empty() || !transport.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(UriError::Transport);
        }
        for parameter in raw[transport_end..].split(';').skip(1) {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, "x"));
            if !text::is_token(name.as_bytes()) || !text::is_token(value.as_bytes()) {
                return Err(UriError::Parameter);
            }
        }
        Ok(Uri {
            raw: raw.into(),
            secure,
            host,
            port,
            session,
            transport: (transport_start as u16, transport_end as u16),
            user: (host_start > start).then_some((start as u16, host_start as u16 - 1)),
        })
    }

    fn part(&self, (start, end): (u16, u16)) -> &str {
        self.raw.get(usize::from(start)..usize::from(end)).unwrap_or_default()
    }

    /// Its spelling.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.raw
    }

    /// Whether its scheme is `msrps`: the next hop is reached over TLS.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// Its host.
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// Its port, if it has one; there is no default (s6).
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// Its session-id; `None` for a device.
    #[must_use]
    pub fn session_id(&self) -> Option<&str> {
        self.session.map(|at| self.part(at))
    }

    /// Its transport: `tcp`, `ws`, or one that is not known here.
    #[must_use]
    pub fn transport(&self) -> &str {
        self.part(self.transport)
    }

    /// Its user part, as it was written.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        self.user.map(|at| self.part(at))
    }

    /// Whether both name the same (s6.1): scheme, host, port, session-id and transport do; user and
    /// parameters do not matter.
    #[must_use]
    pub fn matches(&self, other: &Uri) -> bool {
        self.secure == other.secure
            && self.port == other.port
            && self.host == other.host
            && self.session_id() == other.session_id()
            && self.transport().eq_ignore_ascii_case(other.transport())
    }

    /// Whether both have the same session-id, and one at all. For peers behind a gateway that
    /// rewrites addresses in the signalling and not in the stream.
    #[must_use]
    pub fn same_session(&self, other: &Uri) -> bool {
        self.session.is_some() && self.session_id() == other.session_id()
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.raw)
    }
}

impl FromStr for Uri {
    type Err = UriError;

    fn from_str(text: &str) -> Result<Uri, UriError> {
        Uri::parse(text)
    }
}

/// `userinfo` of RFC 3986 without the colon that would begin a password (RFC 4975 s6).
fn is_user(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().enumerate().all(|(at, byte)| match byte {
            b'%' => text::escaped_octet(&text.as_bytes()[at..]).is_some(),
            _ => is_unreserved(byte) || b"!$&'()*+,;=".contains(&byte),
        })
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

fn is_session_byte(byte: u8) -> bool {
    is_unreserved(byte) || b"+=/".contains(&byte)
}

fn host_and_port(text: &str) -> Result<(Host, Option<u16>), UriError> {
    let (host, rest) = match text.strip_prefix('[') {
        Some(inside) => {
            let end = inside.find(']').ok_or(UriError::Host)?;
            let address: Ipv6Addr = inside[..end].parse().map_err(|_| UriError::Host)?;
            (Host::Address(address.into()), &inside[end + 1..])
        }
        None => {
            let end = text.find(':').unwrap_or(text.len());
            let name = &text[..end];
            let host = match name.parse::<Ipv4Addr>() {
                Ok(address) => Host::Address(address.into()),
                Err(_) => Host::Name(registered_name(name)?.into()),
            };
            (host, &text[end..])
        }
    };
    let port = match rest.strip_prefix(':') {
        None if rest.is_empty() => None,
        None => return Err(UriError::Host),
        Some(digits) => {
            let number = text::number(digits.as_bytes()).ok_or(UriError::Port)?;
            let port = u16::try_from(number).ok().filter(|port| *port > 0);
            Some(port.ok_or(UriError::Port)?)
        }
    };
    if port.is_none() && matches!(host, Host::Address(_)) {
        return Err(UriError::Port);
    }
    Ok((host, port))
}

/// A name in the form in which names are compared.
fn registered_name(name: &str) -> Result<String, UriError> {
    let plain = text::percent_decode(name.as_bytes());
    let fine = !plain.is_empty() && plain.iter().all(|b| is_unreserved(*b));
    let plain = std::str::from_utf8(&plain).ok().filter(|_| fine).ok_or(UriError::Host)?;
    Ok(plain.to_ascii_lowercase())
}

/// A list of URIs, the first hop first (s7.1). It has at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path(SmallVec<[Uri; 1]>);

impl Path {
    /// A path of these URIs.
    ///
    /// # Errors
    /// [`UriError::Empty`] without any, [`UriError::TooLong`] with more than 16.
    pub fn new(uris: impl IntoIterator<Item = Uri>) -> Result<Path, UriError> {
        let uris: SmallVec<[Uri; 1]> = uris.into_iter().take(MOST_HOPS + 1).collect();
        match uris.len() {
            0 => Err(UriError::Empty),
            n if n > MOST_HOPS => Err(UriError::TooLong),
            _ => Ok(Path(uris)),
        }
    }

    /// Reads URIs with spaces between, as `To-Path` and the SDP attribute `path` have them.
    ///
    /// # Errors
    /// [`UriError`] of the first URI that is none, or if there are none or too many.
    pub fn parse(text: &str) -> Result<Path, UriError> {
        let mut uris = SmallVec::new();
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            if uris.len() == MOST_HOPS {
                return Err(UriError::TooLong);
            }
            uris.push(Uri::parse(word)?);
        }
        if uris.is_empty() { Err(UriError::Empty) } else { Ok(Path(uris)) }
    }

    /// Its URIs.
    #[must_use]
    pub fn uris(&self) -> &[Uri] {
        &self.0
    }

    /// The URI of the next hop.
    #[must_use]
    pub fn first(&self) -> &Uri {
        &self.0[0]
    }

    /// The URI of the far end.
    #[must_use]
    pub fn last(&self) -> &Uri {
        &self.0[self.0.len() - 1]
    }

    /// The path of outgoing requests through our relays (RFC 4976 s5.1): theirs, then the peer's.
    ///
    /// # Errors
    /// [`UriError::TooLong`] beyond 16 hops.
    pub fn through(relays: &Path, peer: &Path) -> Result<Path, UriError> {
        Path::new(relays.0.iter().chain(&peer.0).cloned())
    }

    /// The SDP `path` attribute of a client behind relays (RFC 4976 s5.1): theirs in reverse, then
    /// its own URI.
    ///
    /// # Errors
    /// [`UriError::TooLong`] beyond 16 hops.
    pub fn offered(relays: &Path, own: &Uri) -> Result<Path, UriError> {
        Path::new(relays.0.iter().rev().chain([own]).cloned())
    }
}

impl From<Uri> for Path {
    fn from(uri: Uri) -> Path {
        Path(SmallVec::from_iter([uri]))
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, uri) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            uri.fmt(f)?;
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "uri_tests.rs"]
mod tests;
