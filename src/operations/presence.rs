//! Who is there, who watches, and by which rules.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A person's presence.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PresenceView {
    /// The name.
    pub user: String,
    /// `user@domain`.
    pub address: String,
    /// Whether any device is there to be written to.
    pub open: bool,
    /// What the person is doing (RFC 4480 s3.2).
    pub activities: Vec<String>,
    /// What the person says.
    pub notes: Vec<String>,
    /// What each device published.
    pub publications: Vec<Publication>,
    /// The document that somebody sees who may see everything.
    pub document: String,
}

/// What one device published.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Publication {
    /// The device: `credential:ID`, `instance:URN` or `anonymous`.
    pub device: String,
    /// Whether it is there to be written to.
    pub open: bool,
    /// What the person is doing.
    pub activities: Vec<String>,
    /// What the person says.
    pub notes: Vec<String>,
    /// When it was set, RFC 3339.
    pub changed: String,
    /// Seconds that are left of it.
    pub expires: u64,
}

/// Somebody who watches a person, or would like to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WatcherView {
    /// `user@domain`.
    pub watcher: String,
    /// The name that he shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `active`, `pending` or `waiting` (RFC 3857 s4.7.1).
    pub status: String,
    /// What brought it there.
    pub event: String,
    /// Seconds that are left of the subscription; none of one who waits.
    pub expires: Option<u64>,
    /// For how many seconds.
    pub since: Option<u64>,
}

/// Rules of who may see a person.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RulesView {
    /// The name.
    pub user: String,
    /// What somebody gets whom no rule names: `allow`, `confirm` or `block`.
    pub default_policy: String,
    /// The documents.
    pub documents: Vec<RulesDocument>,
}

/// A document of rules.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RulesDocument {
    /// Its usage (RFC 4825 s5).
    pub auid: String,
    /// Its path below the person's directory.
    pub path: String,
    /// When it was written, RFC 3339.
    pub written: String,
    /// What it says.
    pub document: String,
}
