//! The configuration: seen, tried, changed.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::secret::Secret;

/// About the configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SettingRequest {
    /// Shows keys with their values and where these come from.
    Show {
        /// Only keys that begin so; empty is all.
        #[serde(default)]
        prefix: String,
    },
    /// Tells what changes would do, and what would be wrong with them.
    Preview {
        /// The changes.
        changes: Vec<SettingChange>,
    },
    /// Stores changes, all or none, and puts in force what can be at once.
    Apply {
        /// The changes.
        changes: Vec<SettingChange>,
    },
    /// Gives up what was stored, so that the file or the default counts again.
    Reset {
        /// The keys.
        keys: Vec<String>,
    },
    /// Starts the server again, so that what waits for that is in force.
    Restart,
}

/// A key that is to say something else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingChange {
    /// The key, dotted.
    pub key: String,
    /// The value, as after `--set KEY=`; none gives up what was stored.
    #[serde(default)]
    pub value: Option<Secret>,
}

impl SettingChange {
    /// A key that is to say this.
    #[must_use]
    pub fn to(key: &str, value: &str) -> SettingChange {
        SettingChange { key: key.to_owned(), value: Some(Secret::new(value.to_owned())) }
    }
}

/// When a changed key is in force.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SettingEffect {
    /// At once.
    #[default]
    Now,
    /// When the server starts next.
    NextStart,
    /// It cannot be changed here: it was settled at the first start, or says where the store is.
    Settled,
}

/// One key of the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SettingView {
    /// The key, dotted.
    pub key: String,
    /// What holds when the server starts next, and mostly now: TOML. Empty for a secret.
    pub value: String,
    /// What holds where nobody says anything: TOML.
    pub default: String,
    /// `default`, `file`, `console`, `environment`, `option`; `store` for what was settled there.
    pub origin: String,
    /// The file and line, the variable or the option.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// When a change is in force.
    pub effect: SettingEffect,
    /// Whether it may be changed here: nothing above the console says otherwise.
    pub changeable: bool,
    /// Whether it is a secret, which is never shown.
    #[serde(default)]
    pub secret: bool,
    /// What is in force until the next start, where that is something else: TOML.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_force: Option<String>,
    /// What the console stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stored: Option<StoredView>,
}

/// What the console stored of a key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StoredView {
    /// TOML; empty for a secret.
    pub value: String,
    /// Who stored it.
    pub by: String,
    /// When, RFC 3339.
    pub at: String,
}

/// What changes would do, or did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SettingDifference {
    /// The keys that say something else.
    pub changes: Vec<ChangedSetting>,
    /// What is wrong; while there is anything, nothing is changed.
    #[serde(default)]
    pub problems: Vec<SettingProblem>,
    /// What is allowed but hardly meant.
    #[serde(default)]
    pub warnings: Vec<SettingProblem>,
}

/// A key that says something else.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChangedSetting {
    /// The key.
    pub key: String,
    /// What it said: TOML, or whether there was a secret.
    pub old: String,
    /// What it says: TOML, or whether there is a secret.
    pub new: String,
    /// Where the old value came from.
    pub origin: String,
    /// When it is in force.
    pub effect: SettingEffect,
}

/// Something wrong with a key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SettingProblem {
    /// The key; empty if it is the configuration as a whole.
    pub key: String,
    /// A plain sentence, with what to write instead.
    pub message: String,
}
