//! Subscriptions that outlive a restart (RFC 6665).

use serde::{Deserialize, Serialize};

use super::{DecodeError, DeviceKey, Record, join, prefix, whole};
use crate::clock::WallTime;
use crate::sip::Flow;

/// One subscription. Table `Subscriptions`, key [`SubscriptionRow::key`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscriptionRow {
    /// The canonical address-of-record that is watched, `user@host`.
    pub resource: String,
    /// The canonical address-of-record of the subscriber.
    pub watcher: String,
    /// The event package.
    pub event: String,
    /// The `id` parameter of Event.
    pub event_id: Option<String>,
    /// The device that it was made by, as far as that is known.
    pub device: Option<DeviceKey>,
    /// Where NOTIFYs go.
    #[serde(with = "super::address::flow")]
    pub flow: Flow,
    /// Whether they go over the connection of that flow alone, which no restart outlives.
    pub bound: bool,
    /// Whether the subscriber reads one tuple alone.
    pub one_tuple: bool,
    /// When it began.
    pub since: WallTime,
    /// Call-ID.
    pub call_id: Vec<u8>,
    /// Our tag.
    pub local_tag: String,
    /// The subscriber's tag.
    pub remote_tag: Vec<u8>,
    /// Our side, as in From of a NOTIFY.
    pub local: Vec<u8>,
    /// The subscriber's side, as in To of a NOTIFY.
    pub remote: Vec<u8>,
    /// The remote target.
    pub target: Vec<u8>,
    /// The route set as the value of a Route.
    pub route: Vec<u8>,
    /// The CSeq number of the subscriber's last request.
    pub remote_cseq: u32,
    /// No CSeq number above this one was used: numbers are reserved in blocks, so that they never
    /// go back.
    pub reserved_cseq: u32,
    /// The same for versions of documents.
    pub reserved_version: u32,
    /// When it ends.
    pub expires_at: WallTime,
    /// How often the server had started when this was written: whoever reads it after more starts
    /// does not know what was used since.
    pub starts: u32,
}

impl Record for SubscriptionRow {
    const VERSION: u8 = 3;

    fn decode(row: &[u8]) -> Result<Self, DecodeError> {
        match row.split_first() {
            None => Err(DecodeError::Empty),
            Some((1, body)) => whole::<v1::SubscriptionRow>(body).map(Into::into),
            Some((2, body)) => whole::<v2::SubscriptionRow>(body).map(Into::into),
            Some((&Self::VERSION, body)) => whole(body),
            Some((&version, _)) => Err(DecodeError::Version(version)),
        }
    }
}

impl SubscriptionRow {
    /// The key of the subscription to `resource` whose dialog has `local_tag`.
    #[must_use]
    pub fn key(resource: &str, local_tag: &str) -> Vec<u8> {
        join(&[resource.as_bytes(), local_tag.as_bytes()])
    }

    /// What the keys of all subscriptions to `resource` begin with.
    #[must_use]
    pub fn prefix(resource: &str) -> Vec<u8> {
        prefix(resource)
    }
}

/// Version 1: when everybody watched only himself, and nothing that hung on a connection was kept.
mod v1 {
    use serde::Deserialize;

    use super::WallTime;
    use crate::model::DeviceKey;
    use crate::sip::Flow;

    #[derive(Deserialize)]
    pub(super) struct SubscriptionRow {
        resource: String,
        event: String,
        event_id: Option<String>,
        device: Option<DeviceKey>,
        #[serde(with = "crate::model::address::flow")]
        flow: Flow,
        call_id: Vec<u8>,
        local_tag: String,
        remote_tag: Vec<u8>,
        local: Vec<u8>,
        remote: Vec<u8>,
        target: Vec<u8>,
        route: Vec<u8>,
        remote_cseq: u32,
        reserved_cseq: u32,
        reserved_version: u32,
        expires_at: WallTime,
    }

    impl From<SubscriptionRow> for super::SubscriptionRow {
        fn from(old: SubscriptionRow) -> Self {
            Self {
                watcher: old.resource.clone(),
                resource: old.resource,
                event: old.event,
                event_id: old.event_id,
                device: old.device,
                flow: old.flow,
                bound: false,
                one_tuple: false,
                since: WallTime::from_unix_millis(0),
                call_id: old.call_id,
                local_tag: old.local_tag,
                remote_tag: old.remote_tag,
                local: old.local,
                remote: old.remote,
                target: old.target,
                route: old.route,
                remote_cseq: old.remote_cseq,
                reserved_cseq: old.reserved_cseq,
                reserved_version: old.reserved_version,
                expires_at: old.expires_at,
                starts: 0,
            }
        }
    }
}

/// Version 2: before starts were counted.
mod v2 {
    use serde::Deserialize;

    use super::WallTime;
    use crate::model::DeviceKey;
    use crate::sip::Flow;

    #[derive(Deserialize)]
    pub(super) struct SubscriptionRow {
        resource: String,
        watcher: String,
        event: String,
        event_id: Option<String>,
        device: Option<DeviceKey>,
        #[serde(with = "crate::model::address::flow")]
        flow: Flow,
        bound: bool,
        one_tuple: bool,
        since: WallTime,
        call_id: Vec<u8>,
        local_tag: String,
        remote_tag: Vec<u8>,
        local: Vec<u8>,
        remote: Vec<u8>,
        target: Vec<u8>,
        route: Vec<u8>,
        remote_cseq: u32,
        reserved_cseq: u32,
        reserved_version: u32,
        expires_at: WallTime,
    }

    impl From<SubscriptionRow> for super::SubscriptionRow {
        fn from(old: SubscriptionRow) -> Self {
            Self {
                resource: old.resource,
                watcher: old.watcher,
                event: old.event,
                event_id: old.event_id,
                device: old.device,
                flow: old.flow,
                bound: old.bound,
                one_tuple: old.one_tuple,
                since: old.since,
                call_id: old.call_id,
                local_tag: old.local_tag,
                remote_tag: old.remote_tag,
                local: old.local,
                remote: old.remote,
                target: old.target,
                route: old.route,
                remote_cseq: old.remote_cseq,
                reserved_cseq: old.reserved_cseq,
                reserved_version: old.reserved_version,
                expires_at: old.expires_at,
                starts: 0,
            }
        }
    }
}
