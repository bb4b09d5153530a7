//! What a device is.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Names one device of one account: its credential if it signed in with one of its own, else its
/// `+sip.instance` (RFC 5626 s4.1), else the account's one anonymous device.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum DeviceKey {
    /// The device credential's identifier.
    Credential(String),
    /// The instance URN, as the device wrote it between the quotes.
    Instance(String),
    /// The one device of the account that says nothing about itself.
    Anonymous,
}

impl DeviceKey {
    /// The device behind a request: `credential` wins over `instance`.
    #[must_use]
    pub fn of(credential: Option<&str>, instance: Option<&str>) -> DeviceKey {
        match (credential, instance) {
            (Some(id), _) => DeviceKey::Credential(id.to_owned()),
            (None, Some(urn)) => DeviceKey::Instance(urn.to_owned()),
            (None, None) => DeviceKey::Anonymous,
        }
    }
}

impl fmt::Display for DeviceKey {
    /// `credential:ID`, `instance:URN` or `anonymous`; also the device's part of a key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DeviceKey::Credential(id) => write!(f, "credential:{id}"),
            DeviceKey::Instance(urn) => write!(f, "instance:{urn}"),
            DeviceKey::Anonymous => f.write_str("anonymous"),
        }
    }
}
