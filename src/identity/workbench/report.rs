//! What the workbench tells: for each server eight steps, each with its state, its time, what was found
//! and what to do.

use std::net::SocketAddr;
use std::time::Duration;

use ldap3::LdapResult;
use serde::{Serialize, Serializer};

use super::active_directory;
use super::code::Code;
use super::finding::{Finding, bounded};

/// How a step ended. The worst of what it found counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It was not tried.
    NotRun,
    /// As it should.
    Ok,
    /// As it should, but something is odd.
    Warning,
    /// It did not.
    Failed,
}

/// The steps, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StepName {
    /// The name of the server.
    Resolve,
    /// Its port.
    Connect,
    /// Its certificate; without encryption whether it speaks at all.
    Tls,
    /// Who it is, and whether it lets the service account in.
    Bind,
    /// Whether it shows the people.
    Search,
    /// What becomes of them.
    Map,
    /// Whether it shows the groups.
    Groups,
    /// One person's way in.
    SignIn,
}

impl StepName {
    /// All of them.
    pub const ALL: [StepName; 8] = [
        StepName::Resolve,
        StepName::Connect,
        StepName::Tls,
        StepName::Bind,
        StepName::Search,
        StepName::Map,
        StepName::Groups,
        StepName::SignIn,
    ];

    /// As JSON has it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            StepName::Resolve => "resolve",
            StepName::Connect => "connect",
            StepName::Tls => "tls",
            StepName::Bind => "bind",
            StepName::Search => "search",
            StepName::Map => "map",
            StepName::Groups => "groups",
            StepName::SignIn => "sign_in",
        }
    }
}

/// One step.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// The server that it concerns.
    pub url: String,
    /// Which it is.
    pub step: StepName,
    /// How it ended.
    pub state: State,
    /// How long it took.
    #[serde(rename = "milliseconds", serialize_with = "milliseconds")]
    pub took: Duration,
    /// What was found, the headline first.
    pub findings: Vec<Finding>,
    /// What the server said to the question that decided, where it said anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<Answer>,
    /// What there is to see.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<Detail>,
}

impl Step {
    /// Whether something was found.
    #[must_use]
    pub fn found(&self, code: Code) -> bool {
        self.findings.iter().any(|finding| finding.code == code)
    }
}

/// What there is to see of a step.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Detail {
    /// The addresses of the name.
    Addresses(Vec<String>),
    /// The addresses that were tried.
    Attempts(Vec<Attempt>),
    /// The certificates that the server showed.
    Chain(Chain),
    /// What kind of server it is.
    Server(Box<Server>),
    /// How many people there are.
    Count(Count),
    /// Some people as they will be.
    Samples(Vec<Sample>),
    /// The groups, the largest first.
    Groups(GroupList),
    /// How one person fared.
    SignIn(SignedIn),
}

/// One address that was tried.
#[derive(Clone, Debug, Serialize)]
pub struct Attempt {
    /// The address.
    pub address: SocketAddr,
    /// How long it took.
    #[serde(rename = "milliseconds", serialize_with = "milliseconds")]
    pub took: Duration,
    /// Why it failed, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// The certificates that a server showed, its own first.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Chain {
    /// `TLS 1.3`; empty if there was no agreement.
    pub version: String,
    /// The certificates.
    pub certificates: Vec<Certificate>,
    /// The authority that could be trusted so that all is well but for other findings: its place in
    /// `certificates`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trustable: Option<usize>,
}

/// A certificate.
#[derive(Clone, Debug, Serialize)]
pub struct Certificate {
    /// Whose it is.
    pub subject: String,
    /// Who says so.
    pub issuer: String,
    /// The hosts that it is for.
    pub names: Vec<String>,
    /// Good from, RFC 3339.
    pub not_before: String,
    /// Good until, RFC 3339.
    pub not_after: String,
    /// SHA-256, upper-case hexadecimal with colons.
    pub fingerprint: String,
    /// Whether it may issue others.
    pub authority: bool,
    /// The certificate itself.
    pub pem: String,
}

/// A kind of directory whose settings are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// OpenLDAP.
    OpenLdap,
    /// Active Directory, or Samba as one.
    ActiveDirectory,
    /// 389 Directory Server.
    Ds389,
    /// FreeIPA.
    FreeIpa,
}

/// What a server says of itself (RFC 4512 s5.1).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Server {
    /// What it calls itself, or is taken for.
    pub vendor: String,
    /// Its version, if it says so.
    pub version: String,
    /// What it holds.
    pub naming_contexts: Vec<String>,
    /// Whether it gives lists in pages (RFC 2696).
    pub paging: bool,
    /// Whether it offers StartTLS.
    pub start_tls: bool,
    /// What it is taken for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// Settings that would fit, `(key, value)`; those only that differ from the ones tried.
    pub preset: Vec<(&'static str, String)>,
}

/// How many people there are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Count {
    /// Entries that were read.
    pub entries: u64,
    /// Whether these are all.
    pub complete: bool,
    /// Pages; none if the server gave them all at once.
    pub pages: u32,
    /// Entries that `disabled_filter` locks out; none if that was not asked.
    pub locked: Option<u64>,
    /// Servers with other parts of the tree.
    pub references: Vec<String>,
}

/// A person as the directory would be understood.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Sample {
    /// Where the entry stands.
    pub dn: String,
    /// The user name; empty if there is none.
    pub user: String,
    /// The SIP address; empty if there can be none.
    pub address: String,
    /// The name that people read.
    pub name: String,
    /// The mail address.
    pub mail: String,
    /// The telephone number.
    pub number: String,
    /// The permanent identifier.
    pub id: String,
    /// What is wrong: keys of codes.
    pub conflicts: Vec<&'static str>,
}

/// Groups.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct GroupList {
    /// All of them.
    pub total: usize,
    /// The largest.
    pub groups: Vec<Group>,
}

/// A group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// How many members it lists.
    pub listed: usize,
    /// How many of our people are in it, by way of other groups as well.
    pub people: usize,
}

/// How one person fared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SignedIn {
    /// Where the entry stands.
    pub dn: String,
    /// The groups.
    pub groups: Vec<String>,
    /// Whether the person administers, by `admin_group`.
    pub administers: bool,
    /// Whether the password was taken; none if it was not tried.
    pub accepted: Option<bool>,
}

/// What a server said: the result of RFC 4511 s4.1.9.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// The result code.
    pub code: u32,
    /// What that code is called.
    pub name: &'static str,
    /// What the server said about it.
    pub diagnostic: String,
    /// How far the name exists.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub matched: String,
    /// Where else to ask.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub referrals: Vec<String>,
    /// The code of Active Directory within the diagnostic text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub_code: Option<String>,
}

impl From<&LdapResult> for Answer {
    fn from(result: &LdapResult) -> Answer {
        Answer {
            code: result.rc,
            name: name_of(result.rc),
            diagnostic: bounded(result.text.trim_end_matches('\0')),
            matched: bounded(&result.matched),
            referrals: result.refs.iter().take(8).map(|url| bounded(url)).collect(),
            sub_code: active_directory::sub_code(&result.text).map(str::to_owned),
        }
    }
}

impl Answer {
    /// An answer of which nothing else is known.
    pub(super) fn new(code: u32, diagnostic: &str) -> Answer {
        Answer {
            code,
            name: name_of(code),
            diagnostic: bounded(diagnostic),
            matched: String::new(),
            referrals: Vec::new(),
            sub_code: None,
        }
    }

    /// The answer in words: what the server said, else what the code is called.
    pub(super) fn meaning(&self) -> String {
        if self.diagnostic.is_empty() {
            format!("{} ({})", self.name, self.code)
        } else {
            format!("{} ({} {})", self.diagnostic, self.name, self.code)
        }
    }
}

/// Codes of RFC 4511 s4.1.9 under the names that it gives them.
const fn name_of(code: u32) -> &'static str {
    match code {
        0 => "success",
        1 => "operationsError",
        2 => "protocolError",
        3 => "timeLimitExceeded",
        4 => "sizeLimitExceeded",
        7 => "authMethodNotSupported",
        8 => "strongerAuthRequired",
        10 => "referral",
        11 => "adminLimitExceeded",
        12 => "unavailableCriticalExtension",
        13 => "confidentialityRequired",
        16 => "noSuchAttribute",
        17 => "undefinedAttributeType",
        18 => "inappropriateMatching",
        19 => "constraintViolation",
        21 => "invalidAttributeSyntax",
        32 => "noSuchObject",
        33 => "aliasProblem",
        34 => "invalidDNSyntax",
        36 => "aliasDereferencingProblem",
        48 => "inappropriateAuthentication",
        49 => "invalidCredentials",
        50 => "insufficientAccessRights",
        51 => "busy",
        52 => "unavailable",
        53 => "unwillingToPerform",
        54 => "loopDetect",
        80 => "other",
        _ => "unknown",
    }
}

/// Milliseconds with two places.
fn milliseconds<S: Serializer>(took: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64(in_milliseconds(*took))
}

/// The same as a number.
#[must_use]
pub fn in_milliseconds(took: Duration) -> f64 {
    (took.as_secs_f64() * 1e5).round() / 1e2
}
