//! What a SUBSCRIBE asks for and is granted, and what a NOTIFY carries.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

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
    /// Subscriptions to one person.
    pub watchers_per_user: usize,
    /// People who wait for one person's answer; the one who waits longest gives up first.
    pub waiting_per_user: usize,
    /// How long one waits for an answer.
    pub waiting: Duration,
    /// Shorter wishes are refused with 423; 0 is a fetch, or an end.
    pub min_expires: u32,
    /// Granted when nothing is wished.
    pub default_expires: u32,
    /// Longer wishes are shortened to this.
    pub max_expires: u32,
    /// The least time between two NOTIFYs of changes (RFC 3680 s4.10, RFC 3856 s6.10).
    pub interval: Duration,
    /// How long a subscription whose connection a restart cut waits for its device to come back.
    pub return_time: Duration,
    /// Which subscribers get one tuple alone.
    pub one_tuple: OneTuple,
}

/// Which subscribers get a document with one tuple: telephones that cannot read several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OneTuple {
    /// Those whose User-Agent contains one of these, whatever the case.
    Agents(Vec<String>),
    /// Everybody.
    Everybody,
}

impl OneTuple {
    /// Whether a subscriber that calls itself so gets one tuple.
    #[must_use]
    pub fn is_for(&self, agent: Option<&[u8]>) -> bool {
        match self {
            OneTuple::Everybody => true,
            OneTuple::Agents(names) => {
                let agent = String::from_utf8_lossy(agent.unwrap_or_default()).to_lowercase();
                names.iter().any(|name| agent.contains(&name.to_lowercase()))
            }
        }
    }
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            per_user: 200,
            watchers_per_user: 500,
            waiting_per_user: 100,
            waiting: Duration::from_secs(14 * 86_400),
            min_expires: 60,
            default_expires: 3_600,
            max_expires: 86_400,
            interval: Duration::from_secs(5),
            return_time: Duration::from_secs(60),
            one_tuple: OneTuple::Agents(Vec::new()),
        }
    }
}

/// A SUBSCRIBE that begins a subscription, from somebody who may ask for this package.
#[derive(Clone, Debug)]
pub struct SubscribeRequest<'a> {
    /// The request.
    pub message: &'a Message<'a>,
    /// The address-of-record that is watched.
    pub resource: &'a str,
    /// That of the subscriber.
    pub watcher: &'a str,
    /// The package.
    pub package: Package,
    /// The `id` of Event.
    pub event_id: Option<&'a str>,
    /// Where NOTIFYs go.
    pub flow: Flow,
    /// Whether it ends with the connection of that flow.
    pub bound: bool,
    /// The device that subscribes, as far as that is known.
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
    /// The subscriber holds as many as one may.
    #[error("Too Many Subscriptions")]
    TooMany,
    /// As many watch that person as may.
    #[error("Too Many Watchers")]
    TooManyWatchers,
    /// The dialog that it would begin is there: 482 (RFC 3261 s8.2.2.2).
    #[error("Merged Request")]
    Twice,
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
    pub dialog: Arc<Dialog>,
    /// Where it goes.
    pub flow: Flow,
    /// The value of Event.
    pub event: Cow<'static, str>,
    /// The value of Subscription-State.
    pub state: NotifyState,
    /// The type of the body.
    pub media_type: &'static str,
    /// The body; an empty one is none.
    pub body: Bytes,
}
