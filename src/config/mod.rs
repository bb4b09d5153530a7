//! The configuration: its schema with every default, and how its layers are laid over each other.
//!
//! The fields are named as the keys of the file are. The whole schema is accepted from the first
//! day, also for services that are not built yet.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

mod check;
mod effect;
mod file;
mod identity;
mod layers;
mod limits;
mod machine;
mod memory;
mod messages;
mod password;
mod presence;
mod schema;
mod sip;
mod template;
mod text;
mod value;
mod web;

pub use effect::{Effect, effect};
pub use identity::{Cache, DigestAlgorithm, Identity, Ldap, SecretFormat, Source};
pub use layers::{
    BIND_PASSWORD, LoadError, Loaded, Origin, Problem, Setting, Sources, Stored, load_file,
};
pub use limits::{Limits, PUBLISHED_BYTES};
pub use machine::{Machine, SYSTEM_FILE};
pub use memory::Memory;
pub use messages::{Log, LogFormat, Messages};
pub use password::Password;
pub use presence::{GroupPolicy, Policy, Presence, Tuples};
pub use sip::{Registrar, Route, Sip};
pub use template::{TEMPLATE, render};
pub use text::{parse_toml, plain};
pub use value::{Listener, Network, Scheme, ValueError, format_duration, parse_duration};
pub use web::{Metrics, Msrp, Tls, TlsMode, Web};

/// The whole configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The SIP domain; empty only before the layers were resolved.
    pub domain: String,
    /// Whether somebody set the domain; otherwise it follows from the machine's name.
    #[serde(skip)]
    pub domain_is_set: bool,
    /// Other domains that are ours.
    pub aliases: Vec<String>,
    /// The host name in MSRP URIs, the XCAP root and certificates, and over TLS in Record-Route; empty
    /// only before the layers were resolved.
    pub public_name: String,
    /// Whether somebody set that name; otherwise it is the machine's own, which others may not know.
    #[serde(skip)]
    pub public_name_is_set: bool,
    /// Where everything is kept.
    pub data_dir: PathBuf,
    /// `[sip]`.
    pub sip: Sip,
    /// `[registrar]`.
    pub registrar: Registrar,
    /// `[web]`.
    pub web: Web,
    /// `[msrp]`.
    pub msrp: Msrp,
    /// `[metrics]`.
    pub metrics: Metrics,
    /// `[tls]`.
    pub tls: Tls,
    /// `[identity]`.
    pub identity: Identity,
    /// `[messages]`.
    pub messages: Messages,
    /// `[presence]`.
    pub presence: Presence,
    /// `[limits]`.
    pub limits: Limits,
    /// `[log]`.
    pub log: Log,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            domain: String::new(),
            domain_is_set: false,
            aliases: Vec::new(),
            public_name: String::new(),
            public_name_is_set: false,
            data_dir: PathBuf::from("/var/lib/tagus"),
            sip: Sip::default(),
            registrar: Registrar::default(),
            web: Web::default(),
            msrp: Msrp::default(),
            metrics: Metrics::default(),
            tls: Tls::default(),
            identity: Identity::default(),
            messages: Messages::default(),
            presence: Presence::default(),
            limits: Limits::default(),
            log: Log::default(),
        }
    }
}

impl Config {
    /// The control socket of the server that owns the data directory.
    #[must_use]
    pub fn control_socket(&self) -> PathBuf {
        self.data_dir.join("tagus.sock")
    }
}

/// A listener on every address, IPv4 and IPv6.
const fn everywhere(scheme: Scheme, port: u16) -> Listener {
    Listener { scheme, address: SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), port) }
}
