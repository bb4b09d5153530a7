//! Settings that the console stored.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Record, join};
use crate::clock::WallTime;

/// What a stored setting says.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SettingValue {
    /// TOML.
    Plain(String),
    /// A secret, sealed; the seal's context is [`SettingRow::seal_context`].
    Sealed(Vec<u8>),
}

impl fmt::Debug for SettingValue {
    /// Leaves out what is sealed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SettingValue::Plain(text) => write!(f, "Plain({text})"),
            SettingValue::Sealed(_) => f.write_str("Sealed(…)"),
        }
    }
}

/// A setting that the console stored. Table `Settings`, key [`SettingRow::key`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingRow {
    /// The key of the configuration, dotted.
    pub key: String,
    /// What it says.
    pub value: SettingValue,
    /// Who stored it.
    pub by: String,
    /// When.
    pub at: WallTime,
}

impl Record for SettingRow {}

impl SettingRow {
    /// The key of the row.
    #[must_use]
    pub fn key(key: &str) -> Vec<u8> {
        join(&[key.as_bytes()])
    }

    /// What a sealed value is bound to.
    #[must_use]
    pub fn seal_context(key: &str) -> Vec<u8> {
        join(&[b"setting", key.as_bytes()])
    }
}
