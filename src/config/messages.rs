//! `[messages]` and `[log]`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::value::duration;

/// `[messages]`: what is kept for people who are away.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Messages {
    /// How long a message waits.
    #[serde(with = "duration")]
    pub retention: Duration,
    /// Messages (not copies per device) that wait for one person at most.
    pub max_held_per_user: u32,
    /// Messages of one sender among them at most. 0: a fifth.
    pub max_held_per_sender: u32,
    /// How long a notification of what became of a message waits.
    #[serde(with = "duration")]
    pub notification_retention: Duration,
    /// How long a device that was not seen still gets what it missed.
    #[serde(with = "duration")]
    pub device_memory: Duration,
    /// How long a device may stay silent before the message is stored and the sender told 202.
    #[serde(with = "duration")]
    pub patience: Duration,
}

impl Messages {
    /// Messages of one sender that wait for one person at most.
    #[must_use]
    pub fn held_per_sender(&self) -> u32 {
        match self.max_held_per_sender {
            0 => (self.max_held_per_user / 5).max(1),
            most => most,
        }
    }
}

impl Default for Messages {
    fn default() -> Messages {
        Messages {
            retention: Duration::from_secs(14 * 86_400),
            max_held_per_user: 1000,
            max_held_per_sender: 0,
            notification_retention: Duration::from_secs(3 * 86_400),
            device_memory: Duration::from_secs(14 * 86_400),
            patience: Duration::from_secs(2),
        }
    }
}

/// How a log line is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// `[log]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// `error`, `warn`, `info`, `debug`, `trace`, or levels by module: `info,tagus::net=debug`.
    pub level: String,
    /// How a line is written.
    pub format: LogFormat,
}

impl Default for Log {
    fn default() -> Log {
        Log { level: "info".to_owned(), format: LogFormat::Text }
    }
}
