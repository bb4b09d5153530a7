//! What is asked and answered about directory settings that are tried before they are saved.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Secret;
use crate::config;

/// About settings that are tried.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrialRequest {
    /// The settings that are in force.
    Settings,
    /// Begins to try some, which need not be those in force. Two are tried at a time.
    Begin(Box<TrialSettings>),
    /// Waits until there is more to tell than was seen.
    Wait {
        /// The trial, as [`TrialRequest::Begin`] named it.
        trial: String,
        /// Steps that were seen.
        seen: u32,
    },
}

/// Settings that are tried.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrialSettings {
    /// The settings. Files that are not in force are not read.
    pub ldap: config::Ldap,
    /// The password of `bind_dn`; none is the one that is kept, which goes only where it is in use.
    #[serde(default)]
    pub password: Option<Secret>,
    /// Whom to sign in.
    #[serde(default)]
    pub person: Option<String>,
    /// With which password; none looks for the person and no more.
    #[serde(default)]
    pub person_password: Option<Secret>,
}

/// The settings of the directory that are in force.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DirectorySettings {
    /// Whether they are in use: `identity.source` is `ldap`.
    pub in_use: bool,
    /// The settings.
    pub ldap: config::Ldap,
    /// Whether a password of `bind_dn` is kept.
    pub password_is_kept: bool,
    /// The SIP domain.
    pub domain: String,
}

/// How a trial goes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TrialView {
    /// Names it, for whoever began it, until some minutes after its end.
    pub trial: String,
    /// Whether there is more to come.
    pub running: bool,
    /// What each server came to so far.
    pub servers: Vec<TrialServer>,
}

impl TrialView {
    /// Steps that have ended.
    #[must_use]
    pub fn ended(&self) -> u32 {
        let steps: usize = self.servers.iter().map(|server| server.steps.len()).sum();
        u32::try_from(steps).unwrap_or(u32::MAX)
    }
}

/// What one server came to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TrialServer {
    /// The server.
    pub url: String,
    /// The steps that have ended, in their order.
    pub steps: Vec<TrialStep>,
}

/// One step.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TrialStep {
    /// `resolve`, `connect`, `tls`, `bind`, `search`, `map`, `groups` or `sign_in`.
    pub step: String,
    /// `not_run`, `ok`, `warning` or `failed`.
    pub state: String,
    /// How long it took.
    pub milliseconds: f64,
    /// What was found, the headline first.
    pub findings: Vec<TrialFinding>,
    /// What the server said to the question that decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<TrialAnswer>,
    /// What there is to see.
    #[serde(default)]
    pub detail: TrialDetail,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrialFinding {
    /// Its stable code: `ldap.tls.wrong_name`.
    pub code: String,
    /// What stands in its texts.
    pub arguments: BTreeMap<String, String>,
    /// The sentence in English.
    pub says: String,
    /// What to do about it, in English.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

/// What a server said (RFC 4511 s4.1.9).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrialAnswer {
    /// The result code.
    pub code: u32,
    /// What that code is called.
    pub name: String,
    /// What the server said about it.
    pub diagnostic: String,
}

/// What there is to see of a step.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrialDetail {
    /// Nothing more.
    #[default]
    Nothing,
    /// The addresses that were tried, and why each failed, if it did.
    Attempts(Vec<(String, Option<String>)>),
    /// The certificates that the server showed, its own first.
    Chain {
        /// The certificates.
        certificates: Vec<TrialCertificate>,
        /// The place of the one that could be trusted so that all is well but for other findings.
        trustable: Option<usize>,
    },
    /// Who the server is.
    Server {
        /// What it calls itself.
        vendor: String,
        /// Settings that would fit, by their keys; those only that differ from the ones tried.
        preset: Vec<(String, String)>,
    },
    /// Some people as they will be.
    Samples(Vec<TrialSample>),
    /// The largest groups: name, members that they list, people of ours.
    Groups(Vec<(String, u64, u64)>),
}

/// A certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrialCertificate {
    /// Whose it is.
    pub subject: String,
    /// Who says so.
    pub issuer: String,
    /// Good until, RFC 3339.
    pub not_after: String,
    /// SHA-256, hexadecimal.
    pub fingerprint: String,
    /// The certificate itself.
    pub pem: String,
}

/// A person as the directory would be understood.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrialSample {
    /// Where the entry stands.
    pub dn: String,
    /// The user name.
    pub user: String,
    /// The SIP address; empty if there can be none.
    pub address: String,
    /// The name that people read.
    pub name: String,
    /// The mail address.
    pub mail: String,
    /// The telephone number.
    pub number: String,
    /// What is wrong: codes.
    pub conflicts: Vec<String>,
}
