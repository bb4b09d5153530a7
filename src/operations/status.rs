//! How a running server is.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A running server.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Status {
    /// The version of the program.
    pub version: String,
    /// The process.
    pub pid: u32,
    /// The SIP domain.
    pub domain: String,
    /// The host name in URIs and certificates.
    pub public_name: String,
    /// The data directory.
    #[schema(value_type = String)]
    pub data_dir: PathBuf,
    /// When it started, RFC 3339.
    pub started: String,
    /// For how many seconds it runs.
    pub uptime: u64,
    /// Worker threads of the data plane.
    pub workers: u32,
    /// Addresses that answer.
    pub listeners: ListenerStatus,
    /// Accounts.
    pub accounts: u64,
    /// Accounts that came with an MD5 hash alone; while there are any, nothing else is offered.
    #[serde(default)]
    pub md5_only_accounts: u64,
    /// Contacts bound.
    pub bindings: u64,
    /// Messages that wait for somebody.
    pub held_messages: u64,
    /// Subscriptions.
    pub subscriptions: u64,
    /// Publications.
    pub publications: u64,
    /// Sessions through the relay.
    pub relay_sessions: u64,
    /// Open SIP transactions.
    pub transactions: u64,
    /// Open stream connections.
    pub connections: u64,
    /// Bans in force.
    pub bans: u64,
    /// The directory.
    pub ldap: LdapStatus,
    /// Certificates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<crate::tls::Status>,
    /// The store.
    pub store: Health,
    /// Memory of the process.
    #[serde(default)]
    pub memory: MemoryStatus,
    /// Counters since the start, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub counters: BTreeMap<String, u64>,
}

/// Memory of the process, as it was looked at last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MemoryStatus {
    /// `normal`, `tight` (nobody new is served) or `critical`.
    pub state: String,
    /// Resident bytes.
    pub used_bytes: u64,
    /// What it may use (`limits.memory`); absent for no ceiling.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ceiling_bytes: Option<u64>,
}

/// Addresses that answer, by service, as URLs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ListenerStatus {
    /// SIP.
    pub sip: Vec<String>,
    /// The web.
    pub web: Vec<String>,
    /// MSRP.
    pub msrp: Vec<String>,
    /// Prometheus.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics: Option<String>,
}

/// The directory as seen from here.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LdapStatus {
    /// `off`, `up`, `degraded` or `down`.
    pub state: String,
    /// More about it, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// People whom the directory no longer has, or has locked, and who stay in until an
    /// administrator decides.
    #[serde(default)]
    pub held_people: u64,
}

/// The store as seen from here.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// `ok`, `read-only` or `failed`.
    pub state: String,
    /// More about it, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}
