//! `[sip]` and `[registrar]`.

use std::net::SocketAddr;
use std::time::Duration;

use regex::bytes::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

use super::value::{Listener, Network, Scheme, ValueError, duration};

/// `[sip]`: listeners, workers, neighbours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sip {
    /// Where SIP is spoken.
    pub listen: Vec<Listener>,
    /// Worker threads of the data plane; 0 is one per core.
    pub workers: u32,
    /// Addresses that may send without a challenge; empty is nobody.
    pub trusted_peers: Vec<Network>,
    /// RFC 3261 T1, the estimate of a round trip.
    #[serde(with = "duration")]
    pub t1: Duration,
    /// RFC 3261 T2, the longest interval between retransmissions.
    #[serde(with = "duration")]
    pub t2: Duration,
    /// RFC 3261 T4, how long a message stays in the network.
    #[serde(with = "duration")]
    pub t4: Duration,
    /// How long a person's devices ring before those of a lower preference are tried.
    #[serde(with = "duration")]
    pub ring: Duration,
    /// Whether `trusted_peers` may name (nearly) every address there is.
    pub allow_trusting_everybody: bool,
    /// Requests for others than our own users, the first match wins.
    pub route: Vec<Route>,
    /// DNS servers that are asked for next hops; empty is those of the machine.
    pub name_servers: Vec<SocketAddr>,
}

impl Default for Sip {
    fn default() -> Sip {
        Sip {
            listen: [(Scheme::Udp, 5060), (Scheme::Tcp, 5060), (Scheme::Tls, 5061)]
                .map(|(scheme, port)| super::everywhere(scheme, port))
                .to_vec(),
            workers: 0,
            trusted_peers: Vec::new(),
            allow_trusting_everybody: false,
            t1: Duration::from_millis(500),
            t2: Duration::from_secs(4),
            t4: Duration::from_secs(5),
            ring: Duration::from_secs(20),
            route: Vec::new(),
            name_servers: Vec::new(),
        }
    }
}

/// `[[sip.route]]`: sends what matches to a neighbour.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// A regular expression on the Request-URI, tried after our own users were looked up; see
    /// [`Route::regex`].
    #[serde(rename = "match")]
    pub pattern: String,
    /// The methods that it concerns; empty is every method.
    #[serde(default)]
    pub methods: Vec<String>,
    /// The SIP URI of the neighbour, found by RFC 3263.
    pub next_hop: String,
}

/// Bytes that a compiled `match` may take.
const LARGEST_PATTERN: usize = 256 * 1024;

impl Route {
    /// The compiled `match`. It looks at bytes, as a Request-URI is made of them; `\d` and `(?i)`
    /// mean ASCII. Matching takes time in proportion to the URI, whatever the pattern.
    ///
    /// # Errors
    /// [`ValueError`] if it is no regular expression, or one that grows too large.
    pub fn regex(&self) -> Result<Regex, ValueError> {
        compile(&self.pattern)
    }
}

/// Compiles a `match`.
pub(super) fn compile(pattern: &str) -> Result<Regex, ValueError> {
    if pattern.is_empty() {
        return Err(ValueError("match must not be empty".to_owned()));
    }
    let mut builder = RegexBuilder::new(pattern);
    builder.unicode(false).size_limit(LARGEST_PATTERN).dfa_size_limit(LARGEST_PATTERN);
    builder.build().map_err(|error| {
        // The library draws its errors over several lines; the last one says what is wrong.
        let text = error.to_string();
        let reason = text.lines().last().unwrap_or_default();
        let reason = reason.trim().trim_start_matches("error: ");
        ValueError(format!("match {pattern:?} is no regular expression: {reason}"))
    })
}

/// `[registrar]`: RFC 3261 s10 bounds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Registrar {
    /// Shortest expiry in seconds that is granted; shorter is answered 423.
    pub min_expires: u32,
    /// Expiry in seconds when none is asked for.
    pub default_expires: u32,
    /// Longest expiry in seconds; longer is cut.
    pub max_expires: u32,
    /// Contacts of one address-of-record.
    pub max_contacts: u32,
}

impl Default for Registrar {
    fn default() -> Registrar {
        Registrar { min_expires: 60, default_expires: 600, max_expires: 3600, max_contacts: 10 }
    }
}
