//! `[web]`, `[msrp]`, `[metrics]` and `[tls]`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::value::{Listener, Scheme};

/// `[web]`: console, portal, API, XCAP, WebSocket.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Web {
    /// Where HTTP is spoken; `http://` on loopback only, unless `allow_plain`.
    pub listen: Vec<Listener>,
    /// Permits `http://` beyond loopback, for a reverse proxy that ends TLS.
    pub allow_plain: bool,
    /// Origins beside our own whose pages may open a WebSocket: `https://chat.campus.example`.
    pub allowed_origins: Vec<String>,
}

impl Default for Web {
    fn default() -> Web {
        Web {
            listen: vec![super::everywhere(Scheme::Https, 443)],
            allow_plain: false,
            allowed_origins: Vec::new(),
        }
    }
}

/// `[msrp]`: the relay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Msrp {
    /// Where the relay listens.
    pub listen: Vec<Listener>,
}

impl Default for Msrp {
    fn default() -> Msrp {
        Msrp { listen: vec![super::everywhere(Scheme::Tls, 2855)] }
    }
}

/// `[metrics]`: Prometheus.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Metrics {
    /// Where `/metrics` answers.
    pub listen: SocketAddr,
}

impl Default for Metrics {
    fn default() -> Metrics {
        Metrics { listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9464) }
    }
}

/// Where the certificate comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TlsMode {
    /// Files if given, else ACME if allowed, else an authority of our own.
    #[default]
    Auto,
    /// Only the files.
    Files,
    /// Only ACME.
    Acme,
    /// Only an authority of our own.
    Internal,
}

/// `[tls]`: certificates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tls {
    /// Where the certificate comes from.
    pub mode: TlsMode,
    /// Certificate chain, PEM; empty is none.
    pub cert_file: PathBuf,
    /// Private key, PEM; empty is none.
    pub key_file: PathBuf,
    /// Whether certificates may be asked from an ACME authority.
    pub acme: bool,
    /// The URL of that authority's directory (RFC 8555 s7.1.1).
    pub acme_directory: String,
    /// An address of mail that the authority may write to; empty is none.
    pub acme_contact: String,
    /// Who vouches for the directory's own certificate, PEM; empty: whom this system trusts.
    pub acme_ca_file: PathBuf,
    /// Authorities beside those of this system that peers' certificates may come from, PEM; empty
    /// is none.
    pub ca_file: PathBuf,
}

impl Default for Tls {
    fn default() -> Tls {
        Tls {
            mode: TlsMode::default(),
            cert_file: PathBuf::new(),
            key_file: PathBuf::new(),
            acme: false,
            acme_directory: "https://acme-v02.api.letsencrypt.org/directory".to_owned(),
            acme_contact: String::new(),
            acme_ca_file: PathBuf::new(),
            ca_file: PathBuf::new(),
        }
    }
}

impl Tls {
    /// Whether an ACME authority is asked: where the mode says so, or where it is allowed and no
    /// files are given.
    #[must_use]
    pub fn asks_acme(&self) -> bool {
        match self.mode {
            TlsMode::Acme => true,
            TlsMode::Auto => self.acme && self.cert_file.as_os_str().is_empty(),
            TlsMode::Files | TlsMode::Internal => false,
        }
    }
}
