//! Bindings of an address-of-record (RFC 3261 s10).

use serde::{Deserialize, Serialize};

use super::{DecodeError, DeviceKey, Record, join, whole};
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
    /// `+sip.instance` values that were registered, last seen last: their public GRUUs stay valid
    /// while the address-of-record does (RFC 5627 s5.3).
    pub instances: Vec<String>,
}

/// When a device was last registered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenDevice {
    /// The device.
    pub device: DeviceKey,
    /// Its last REGISTER.
    pub at: WallTime,
}

impl Record for BindingRow {
    const VERSION: u8 = 2;

    fn decode(row: &[u8]) -> Result<Self, DecodeError> {
        match row.split_first() {
            None => Err(DecodeError::Empty),
            Some((1, body)) => whole::<v1::BindingRow>(body).map(Into::into),
            Some((&Self::VERSION, body)) => whole(body),
            Some((&version, _)) => Err(DecodeError::Version(version)),
        }
    }
}

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
    /// Every other parameter of the Contact, each with its semicolon (RFC 5626 s6, RFC 3840 s9).
    pub params: String,
    /// The device that registered.
    pub device: DeviceKey,
    /// User-Agent of the last REGISTER.
    pub user_agent: Option<String>,
    /// Whether the contact lives and dies with its connection; else its URI is dialled.
    pub connection_bound: bool,
}

/// Version 1: before feature parameters of contacts and known instances were kept.
mod v1 {
    use serde::Deserialize;

    use super::{SeenDevice, WallTime};
    use crate::model::DeviceKey;
    use crate::sip::Flow;

    #[derive(Deserialize)]
    pub(super) struct BindingRow {
        aor: String,
        bindings: Vec<Binding>,
        seen: Vec<SeenDevice>,
    }

    #[derive(Deserialize)]
    struct Binding {
        contact_uri: String,
        #[serde(with = "crate::model::address::flow")]
        flow: Flow,
        call_id: String,
        cseq: u32,
        q: u16,
        created: WallTime,
        refreshed: WallTime,
        expires_at: WallTime,
        instance: Option<String>,
        reg_id: Option<u32>,
        path: Vec<String>,
        device: DeviceKey,
        user_agent: Option<String>,
        connection_bound: bool,
    }

    impl From<BindingRow> for super::BindingRow {
        fn from(old: BindingRow) -> Self {
            let bindings: Vec<super::Binding> = old.bindings.into_iter().map(Into::into).collect();
            let instances = bindings.iter().filter_map(|binding| binding.instance.clone());
            Self { aor: old.aor, instances: instances.collect(), bindings, seen: old.seen }
        }
    }

    impl From<Binding> for super::Binding {
        fn from(old: Binding) -> Self {
            Self {
                contact_uri: old.contact_uri,
                flow: old.flow,
                call_id: old.call_id,
                cseq: old.cseq,
                q: old.q,
                created: old.created,
                refreshed: old.refreshed,
                expires_at: old.expires_at,
                instance: old.instance,
                reg_id: old.reg_id,
                path: old.path,
                params: String::new(),
                device: old.device,
                user_agent: old.user_agent,
                connection_bound: old.connection_bound,
            }
        }
    }
}
