//! Subscriptions that outlive a restart (RFC 6665).

use serde::{Deserialize, Serialize};

use super::{DeviceKey, Record, join, prefix};
use crate::clock::WallTime;
use crate::sip::Flow;

/// One subscription. Table `Subscriptions`, key [`SubscriptionRow::key`]. One whose NOTIFYs go over
/// the subscriber's own connection is not kept: it ends with that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscriptionRow {
    /// The canonical address-of-record that is watched, `user@host`.
    pub resource: String,
    /// The event package.
    pub event: String,
    /// The `id` parameter of Event.
    pub event_id: Option<String>,
    /// The device credential that it was made with, if it was one.
    pub device: Option<DeviceKey>,
    /// Where NOTIFYs go.
    #[serde(with = "super::address::flow")]
    pub flow: Flow,
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
}

impl Record for SubscriptionRow {}

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
