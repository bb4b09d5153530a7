//! Bindings of an address-of-record (RFC 3261 s10).

use serde::{Deserialize, Serialize};

use super::{DeviceKey, Record, join};
use crate::clock::WallTime;
use crate::sip::Flow;

/// All bindings of one address-of-record, so that one REGISTER is one row. Table `Bindings`, key
/// [`BindingRow::key`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BindingRow {
    /// The canonical address-of-record, `user@host`.
    pub aor: String,
    /// The bindings, oldest first.
    pub bindings: Vec<Binding>,
    /// Devices that were registered within the memory of the message store, also those that are
    /// not any more: messages wait for them.
    pub seen: Vec<SeenDevice>,
}

/// When a device was last registered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenDevice {
    /// The device.
    pub device: DeviceKey,
    /// Its last REGISTER.
    pub at: WallTime,
}

impl Record for BindingRow {}

impl BindingRow {
    /// The key of `aor`'s row.
    #[must_use]
    pub fn key(aor: &str) -> Vec<u8> {
        join(&[aor.as_bytes()])
    }
}

/// One contact of an address-of-record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    /// The Contact's URI, as the device wrote it.
    pub contact_uri: String,
    /// Where requests for it go. A connection number means something only to the process that
    /// wrote it.
    #[serde(with = "super::address::flow")]
    pub flow: Flow,
    /// Call-ID of the last REGISTER (RFC 3261 s10.3 step 7 orders by it).
    pub call_id: String,
    /// CSeq number of the last REGISTER.
    pub cseq: u32,
    /// The `q` value in thousandths (RFC 3261 s20.10); 1000 if absent.
    pub q: u16,
    /// When the binding was first made.
    pub created: WallTime,
    /// When it was last refreshed.
    pub refreshed: WallTime,
    /// When it ends.
    pub expires_at: WallTime,
    /// `+sip.instance`, the URN between the quotes (RFC 5626 s4.1).
    pub instance: Option<String>,
    /// `reg-id` (RFC 5626 s4.2).
    pub reg_id: Option<u32>,
    /// Path header values, topmost first (RFC 3327).
    pub path: Vec<String>,
    /// The device that registered.
    pub device: DeviceKey,
    /// User-Agent of the last REGISTER.
    pub user_agent: Option<String>,
    /// Whether the contact lives and dies with its connection; else its URI is dialled.
    pub connection_bound: bool,
}
