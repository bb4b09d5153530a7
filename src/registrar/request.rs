//! What a REGISTER asks for, as the registrar sees it, and why it may be refused.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use smallvec::SmallVec;

use super::path::BadPath;
use super::reach::Unreachable;
use super::row::Row;
use crate::model::DeviceKey;
use crate::sip::Flow;

/// Bounds of what the registrar grants.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Shorter wishes are refused with 423 (RFC 3261 s10.3 step 7).
    pub min_expires: Duration,
    /// Granted when a device wishes nothing.
    pub default_expires: Duration,
    /// Longer wishes are shortened to this.
    pub max_expires: Duration,
    /// Contacts that one address-of-record may have.
    pub max_contacts: usize,
    /// How long a device is remembered after its last REGISTER.
    pub device_memory: Duration,
    /// The addresses that this server listens on; none of them can be a contact.
    pub own_addresses: Vec<SocketAddr>,
    /// The domains that it serves; none of them can be a contact's host either.
    pub own_names: Vec<String>,
}

/// A Contact of a REGISTER.
#[derive(Clone, Debug)]
pub struct ContactRequest<'a> {
    /// The URI, as written.
    pub uri: &'a [u8],
    /// The `expires` parameter, seconds.
    pub expires: Option<u32>,
    /// The `q` parameter in thousandths; 1000 if absent.
    pub q: u16,
    /// `+sip.instance` without its quotes.
    pub instance: Option<&'a str>,
    /// `reg-id`.
    pub reg_id: Option<u32>,
    /// Every other parameter, each with its semicolon; kept and given back.
    pub params: String,
}

/// The Contacts of a REGISTER.
#[derive(Clone, Debug)]
pub enum Contacts<'a> {
    /// `Contact: *`.
    Star,
    /// The contacts named; none asks what is registered.
    List(SmallVec<[ContactRequest<'a>; 2]>),
}

/// Extensions that the device says it understands (RFC 3261 s20.37).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Supported {
    /// `outbound` (RFC 5626).
    pub outbound: bool,
    /// `path` (RFC 3327).
    pub path: bool,
    /// `gruu` (RFC 5627).
    pub gruu: bool,
}

/// A REGISTER whose sender is known to be the person it is for.
#[derive(Clone, Debug)]
pub struct RegisterRequest<'a> {
    /// The canonical address-of-record, `user@domain`.
    pub aor: &'a str,
    /// Call-ID.
    pub call_id: &'a [u8],
    /// CSeq number.
    pub cseq: u32,
    /// The Contacts.
    pub contacts: Contacts<'a>,
    /// The Expires header, seconds.
    pub expires: Option<u32>,
    /// The flow that it came over.
    pub flow: Flow,
    /// Whether the device itself sent it here: there is one Via (RFC 5626 s6).
    pub is_first_hop: bool,
    /// What the device understands.
    pub supported: Supported,
    /// Path values, topmost first (RFC 3327). The caller trusts whoever put them in.
    pub path: SmallVec<[&'a [u8]; 1]>,
    /// The device credential it was authenticated with, if it was one.
    pub credential: Option<DeviceKey>,
    /// User-Agent.
    pub user_agent: Option<&'a str>,
}

/// Why a REGISTER was refused. The row is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// `*` beside other contacts or with an expiry other than 0 (RFC 3261 s10.2.2).
    #[error("Contact * Needs Expires 0 And No Other Contact")]
    BadStar,
    /// An expiry below the minimum: 423 with Min-Expires (RFC 3261 s10.3 step 7).
    #[error("Interval Too Brief")]
    TooBrief {
        /// The least that is granted, seconds.
        min_expires: u64,
    },
    /// Older than what is registered under the same Call-ID (RFC 3261 s10.3 step 7).
    #[error("Out Of Order")]
    OutOfOrder,
    /// More contacts than allowed.
    #[error("Too Many Contacts")]
    TooMany,
    /// A contact that can never be reached.
    #[error(transparent)]
    Unreachable(#[from] Unreachable),
    /// A flow was asked for behind a proxy that keeps none: 439 (RFC 5626 s6, s11.6).
    #[error("First Hop Lacks Outbound Support")]
    FirstHopLacksOutbound,
    /// More than one contact to bind, and one of them is a flow: 400 (RFC 5626 s6).
    #[error("One Flow Only")]
    SeveralFlows,
    /// A proxy added Path for a device that knows nothing of it: 420 (RFC 3327 s5.3).
    #[error("Bad Extension")]
    PathNotSupported,
    /// A Path that cannot be routed by.
    #[error(transparent)]
    BadPath(#[from] BadPath),
}

/// What a REGISTER left behind.
#[derive(Clone, Debug)]
pub struct Registered {
    /// The row after it.
    pub row: Arc<Row>,
    /// Devices that this REGISTER made or kept reachable.
    pub arrived: SmallVec<[DeviceKey; 1]>,
    /// Whether the outbound extension was applied, so that the answer must say so (RFC 5626 s6).
    pub outbound: bool,
}
