//! `[presence]`: who sees whom, and what publications and subscriptions are granted.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::value::duration;

/// What a watcher gets whom no rule names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Policy {
    /// Sees the person's presence.
    Allow,
    /// Waits until the person has been asked.
    #[default]
    Confirm,
    /// Is refused.
    Block,
}

/// `[[presence.group_policy]]`: the policy for watchers of a group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupPolicy {
    /// The group.
    pub group: String,
    /// The policy.
    pub policy: Policy,
}

/// How many tuples a watcher's document has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tuples {
    /// One for each device.
    #[default]
    All,
    /// One alone, the best.
    One,
}

/// `[presence]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Presence {
    /// For watchers whom no rule names.
    pub default_policy: Policy,
    /// By group of the watcher, the first match wins.
    pub group_policy: Vec<GroupPolicy>,
    /// The least expiry of publications and subscriptions, seconds.
    pub min_expires: u32,
    /// What is granted when nothing is asked, seconds.
    pub default_expires: u32,
    /// The most that is granted, seconds.
    pub max_expires: u32,
    /// How long a publication outlives its device's last contact, and a subscription the connection
    /// that a restart cut.
    #[serde(with = "duration")]
    pub grace: Duration,
    /// The least time between two changes that one watcher is told.
    #[serde(with = "duration")]
    pub interval: Duration,
    /// How many tuples a watcher's document has.
    pub tuples: Tuples,
    /// Watchers who get one tuple in any case: parts of their User-Agent.
    pub one_tuple_agents: Vec<String>,
}

impl Default for Presence {
    fn default() -> Presence {
        Presence {
            default_policy: Policy::default(),
            group_policy: Vec::new(),
            min_expires: 60,
            default_expires: 3_600,
            max_expires: 86_400,
            grace: Duration::from_secs(60),
            interval: Duration::from_secs(5),
            tuples: Tuples::default(),
            one_tuple_agents: Vec::new(),
        }
    }
}
