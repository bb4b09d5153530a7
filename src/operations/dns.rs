//! What is asked and answered about the records that clients find this server by.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// About the records that clients find this server by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DnsRequest {
    /// Which there should be, and what the last check found. Nothing is looked up.
    Show,
    /// Looks all of them up.
    Check,
}

/// Records that there should be, and how they are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DnsView {
    /// When they were looked up, RFC 3339; none if never since the start.
    pub checked: Option<String>,
    /// Which DNS servers are asked; none: those of the machine.
    pub servers: Vec<String>,
    /// The records.
    pub records: Vec<DnsRecord>,
}

/// A record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DnsRecord {
    /// Its name, without the full stop at the end.
    pub name: String,
    /// `NAPTR`, `SRV`, `A`, `AAAA` or `TXT`.
    pub kind: String,
    /// What it should say, as a zone file has it; empty where that cannot be known.
    pub value: String,
    /// What it is for.
    pub purpose: DnsPurpose,
    /// How it is.
    pub state: DnsState,
    /// What was found, as a zone file has it.
    pub found: Vec<String>,
}

/// What a record is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DnsPurpose {
    /// The address of the host.
    Host,
    /// SIP over TLS.
    SipTls,
    /// SIP over TCP.
    SipTcp,
    /// SIP over UDP.
    SipUdp,
    /// The MSRP relay.
    Msrp,
    /// Documents: lists and rules.
    Xcap,
}

/// How a record is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DnsState {
    /// It was not looked up.
    #[default]
    Unchecked,
    /// As it should be.
    Ok,
    /// There is none.
    Missing,
    /// It says something else.
    Differs,
    /// No answer came.
    Unanswered,
    /// This server does not serve what it is for.
    NotNeeded,
}

impl DnsState {
    /// The word for it, in CSV and the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            DnsState::Unchecked => "unchecked",
            DnsState::Ok => "ok",
            DnsState::Missing => "missing",
            DnsState::Differs => "differs",
            DnsState::Unanswered => "unanswered",
            DnsState::NotNeeded => "not_needed",
        }
    }
}

/// Seconds that others may keep a record: short enough that a move is over within the hour.
pub(super) const TTL: u32 = 3_600;

impl DnsView {
    /// The records that are needed, as lines of a zone file (RFC 1035 s5).
    #[must_use]
    pub fn zone(&self) -> String {
        let mut zone = String::new();
        let needed =
            |record: &&DnsRecord| record.state != DnsState::NotNeeded && !record.value.is_empty();
        for DnsRecord { name, kind, value, .. } in self.records.iter().filter(needed) {
            // Writing to memory cannot fail.
            let _ = writeln!(zone, "{name}. {TTL} IN {kind} {value}");
        }
        zone
    }
}
