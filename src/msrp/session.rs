//! Sessions: what both sides agreed on by signalling, and which connection each belongs to
//! (RFC 4975 s5.4, s7.3).

use std::collections::HashMap;

use super::content::Accept;
use super::granularity::Granularity;
use super::uri::{Path, Uri};

/// A session of one connection. Never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(pub(super) u32);

/// How the URI of an arriving request has to agree with a session's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Matching {
    /// By the rules of s6.1.
    #[default]
    Strict,
    /// By its session-id alone: for peers behind a gateway that rewrites addresses in the
    /// signalling and not in the stream.
    SessionId,
}

/// What the two sides of a session agreed on.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Our URI.
    pub local: Uri,
    /// The way to the peer: our relays (RFC 4976 `Use-Path`), then what the peer's SDP says.
    pub remote: Path,
    /// The types that we take.
    pub accept: Accept,
    /// Bytes of one message that we take at most; `None` for any number (s8.6 `max-size`).
    pub max_size: Option<u64>,
    /// How requests have to name us.
    pub matching: Matching,
    /// How often success reports that the peer asks for are sent. [`Granularity::Off`]: when the
    /// application says so.
    pub reports: Granularity,
    /// Its share of a connection beside other sessions, at least 1.
    pub weight: u32,
    /// Bytes of a body in one SEND at most, 2048 at least: for hops that take a request only whole.
    /// `None` for any number.
    pub largest_chunk: Option<u64>,
}

impl Setup {
    /// A session that takes everything of any size and reports once a message.
    #[must_use]
    pub fn new(local: Uri, remote: Path) -> Setup {
        Setup {
            local,
            remote,
            accept: Accept::default(),
            max_size: None,
            matching: Matching::Strict,
            reports: Granularity::End,
            weight: 1,
            largest_chunk: None,
        }
    }
}

/// Why a connection does not get a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// No session has this URI: 481.
    #[error("no such session")]
    NoSession,
    /// The session is in use on another connection: 506.
    #[error("the session is in use on another connection")]
    Elsewhere,
}

impl Refusal {
    /// The status code that says so.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Refusal::NoSession => 481,
            Refusal::Elsewhere => 506,
        }
    }
}

/// A connection among those that share a [`Directory`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConnectionKey(pub u64);

#[derive(Debug)]
struct Entry {
    setup: Setup,
    bound: Option<ConnectionKey>,
}

/// The sessions of an endpoint, over all of its connections. A session belongs to the first
/// connection that claims it (s5.4).
#[derive(Debug, Default)]
pub struct Directory {
    by_id: HashMap<Box<str>, Entry>,
}

impl Directory {
    /// Waits for the peer of a session to connect. Returns what was there under the same
    /// session-id: of fresh URIs, nothing ever is.
    pub fn expect(&mut self, setup: Setup) -> Option<Setup> {
        let id = setup.local.session_id().unwrap_or_default().into();
        self.by_id.insert(id, Entry { setup, bound: None }).map(|old| old.setup)
    }

    fn entry(&mut self, to: &Uri) -> Option<&mut Entry> {
        let entry = self.by_id.get_mut(to.session_id()?)?;
        let fits = match entry.setup.matching {
            Matching::Strict => entry.setup.local.matches(to),
            Matching::SessionId => true,
        };
        fits.then_some(entry)
    }

    /// Binds the session that `to` names to a connection. Claiming again for the same connection
    /// changes nothing.
    ///
    /// # Errors
    /// [`Refusal`] if there is none, or if it belongs to another connection.
    pub fn claim(&mut self, to: &Uri, connection: ConnectionKey) -> Result<Setup, Refusal> {
        let entry = self.entry(to).ok_or(Refusal::NoSession)?;
        match entry.bound {
            Some(other) if other != connection => Err(Refusal::Elsewhere),
            _ => {
                entry.bound = Some(connection);
                Ok(entry.setup.clone())
            }
        }
    }

    /// The session is over.
    pub fn forget(&mut self, local: &Uri) {
        if let Some(id) = local.session_id() {
            self.by_id.remove(id);
        }
    }

    /// The connection failed, and so did every session that was bound to it (s5.4).
    pub fn forget_connection(&mut self, connection: ConnectionKey) {
        self.by_id.retain(|_, entry| entry.bound != Some(connection));
    }

    /// How many sessions there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }
}

/// A session as its connection has it.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) setup: Setup,
    /// `To-Path` and `From-Path` of our requests.
    pub(super) paths: Vec<u8>,
    /// The peer's paths as its requests have them, and what our answers to them begin with.
    pub(super) to_path: String,
    pub(super) bound: bool,
    /// Message-IDs that were received whole, the newest last.
    pub(super) received: std::collections::VecDeque<Box<str>>,
}

/// Message-IDs remembered of one session.
const REMEMBERED: usize = 64;

impl Session {
    pub(super) fn new(setup: Setup, bound: bool) -> Session {
        let mut paths = Vec::new();
        let to_path = setup.remote.to_string();
        super::wire::field("To-Path", &to_path, &mut paths);
        super::wire::field("From-Path", setup.local.as_str(), &mut paths);
        Session { setup, paths, to_path, bound, received: std::collections::VecDeque::new() }
    }

    pub(super) fn remember(&mut self, message_id: Box<str>) {
        if self.received.len() == REMEMBERED {
            self.received.pop_front();
        }
        self.received.push_back(message_id);
    }

    pub(super) fn has_received(&self, message_id: &str) -> bool {
        self.received.iter().any(|known| **known == *message_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setup(local: &str) -> Setup {
        let remote = Path::parse("msrp://peer.example:9/xyz;tcp").unwrap();
        Setup::new(Uri::parse(local).unwrap(), remote)
    }

    // RFC 4975 s5.4
    #[test]
    fn a_session_belongs_to_the_first_connection_that_claims_it() {
        let mut directory = Directory::default();
        let local = Uri::parse("msrp://a.example:1/s1;tcp").unwrap();
        assert!(directory.expect(setup(local.as_str())).is_none());
        let stranger = Uri::parse("msrp://a.example:1/S1;tcp").unwrap();
        assert!(matches!(directory.claim(&stranger, ConnectionKey(1)), Err(Refusal::NoSession)));
        assert!(directory.claim(&local, ConnectionKey(1)).is_ok());
        assert!(directory.claim(&local, ConnectionKey(1)).is_ok());
        assert!(matches!(directory.claim(&local, ConnectionKey(2)), Err(Refusal::Elsewhere)));
        directory.forget_connection(ConnectionKey(1));
        assert!(matches!(directory.claim(&local, ConnectionKey(2)), Err(Refusal::NoSession)));
        assert!(directory.is_empty());
    }

    // Trap "ALG rewrites path but not To-Path"
    #[test]
    fn strict_matching_is_the_default_and_the_session_alone_an_option() {
        let mut directory = Directory::default();
        directory.expect(setup("msrp://a.example:1/s1;tcp"));
        directory
            .expect(Setup { matching: Matching::SessionId, ..setup("msrp://a.example:1/s2;tcp") });
        let seen = |id: &str| Uri::parse(&format!("msrp://10.0.0.1:7/{id};tcp")).unwrap();
        assert!(directory.claim(&seen("s1"), ConnectionKey(1)).is_err());
        assert!(directory.claim(&seen("s2"), ConnectionKey(1)).is_ok());
        assert!(directory.claim(&seen("S2"), ConnectionKey(1)).is_err());
    }
}
