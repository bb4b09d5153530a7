//! What is asked and answered about alerts.

use serde::{Deserialize, Serialize};

use crate::model::AlertKind;

/// About the alerts that one gets oneself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertRequest {
    /// What one gets.
    Show,
    /// Changes what one gets.
    Set {
        /// The person who gets them: a name, or `user@domain`; empty for nobody.
        person: String,
        /// Which ones.
        kinds: Vec<AlertKind>,
        /// The short name of the language that they are written in.
        language: String,
    },
    /// Sends one now, to see whether it arrives.
    Test,
}

/// What somebody gets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertView {
    /// The person who gets them; empty for nobody.
    pub person: String,
    /// Which ones.
    pub kinds: Vec<AlertKind>,
    /// The short name of their language.
    pub language: String,
}
