//! What a SUBSCRIBE asks for and is granted, and what a NOTIFY carries.

use std::time::Duration;

use super::package::Package;
use crate::model::DeviceKey;
use crate::sip::Flow;
use crate::sip::dialog::{Dialog, DialogError};
use crate::sip::subscription::NotifyState;
use crate::sip::wire::Message;

/// House rules.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Subscriptions that one person may hold.
    pub per_user: usize,
    /// Shorter wishes are refused with 423; 0 is a fetch, or an end.
    pub min_expires: u32,
    /// Granted when nothing is wished.
    pub default_expires: u32,
    /// Longer wishes are shortened to this.
    pub max_expires: u32,
    /// The least time between two NOTIFYs of changes (RFC 3680 s4.10).
    pub interval: Duration,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            per_user: 200,
            min_expires: 60,
            default_expires: 3_600,
            max_expires: 86_400,
            interval: Duration::from_secs(5),
        }
    }
}

/// A SUBSCRIBE that begins a subscription, from somebody who may watch this.
#[derive(Clone, Debug)]
pub struct SubscribeRequest<'a> {
    /// The request.
    pub message: &'a Message<'a>,
    /// The address-of-record that is watched.
    pub resource: &'a str,
    /// The package.
    pub package: Package,
    /// The `id` of Event.
    pub event_id: Option<&'a str>,
    /// Where NOTIFYs go.
    pub flow: Flow,
    /// Whether it ends with the connection of that flow.
    pub bound: bool,
    /// The device credential of the subscriber, if it was one.
    pub device: Option<DeviceKey>,
    /// Our tag of the dialog.
    pub tag: String,
}

/// Why a SUBSCRIBE was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// An expiry below the minimum: 423 (RFC 6665 s4.2.1.1).
    #[error("Interval Too Brief")]
    TooBrief,
    /// The person holds as many as one may.
    #[error("Too Many Subscriptions")]
    TooMany,
    /// No such subscription: 481.
    #[error("No Such Subscription")]
    Unknown,
    /// The request fits no dialog.
    #[error(transparent)]
    Dialog(#[from] DialogError),
}

/// What a SUBSCRIBE was granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Granted {
    /// Seconds, for Expires.
    pub expires: u32,
}

/// A NOTIFY to be sent; [`super::Subscriptions::settle`] wants to hear what became of it.
#[derive(Clone, Debug)]
pub struct Notify {
    /// Names the subscription.
    pub id: u64,
    /// The dialog, with the number of this request.
    pub dialog: Dialog,
    /// Where it goes.
    pub flow: Flow,
    /// The value of Event.
    pub event: String,
    /// The value of Subscription-State.
    pub state: NotifyState,
    /// The type of the body.
    pub media_type: &'static str,
    /// The body.
    pub body: String,
}
