//! Accounts and device credentials.

use serde::{Deserialize, Serialize};

use super::{Record, join, prefix};
use crate::clock::WallTime;

/// Where an account comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum AccountKind {
    /// Made here; its password is a Digest password.
    Local,
    /// A person of the directory; the row exists since a device was added, a directory password
    /// was accepted, or a message was held.
    Directory,
}

/// One account. Table `Accounts`, key [`Account::key`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The canonical name, in lower case.
    pub user: String,
    /// Where the account comes from.
    pub kind: AccountKind,
    /// The name that people read.
    pub display_name: String,
    /// Mail address; empty if unknown.
    pub mail: String,
    /// Names of the groups that the account is in.
    pub groups: Vec<String>,
    /// Telephone extension; empty if unknown.
    pub number: String,
    /// Whether an administrator has locked the account.
    pub disabled: bool,
    /// Whether the directory had locked or lost the person when it was last heard.
    pub directory_locked: bool,
    /// When the row was made.
    pub created: WallTime,
    /// When the row was last changed.
    pub changed: WallTime,
    /// The directory's permanent identifier (`identity.ldap.attribute_id`): the same name with
    /// another identifier is another person.
    pub directory_id: Option<String>,
    /// A local account's password as a sealed [`Ha1Set`]; the seal's context is
    /// [`Account::seal_context`].
    pub sealed_password: Option<Vec<u8>>,
}

impl Record for Account {}

impl Account {
    /// The key of `user`'s row.
    #[must_use]
    pub fn key(user: &str) -> Vec<u8> {
        join(&[user.as_bytes()])
    }

    /// What [`Account::sealed_password`] of `user` is bound to.
    #[must_use]
    pub fn seal_context(user: &str) -> Vec<u8> {
        join(&[b"account", user.as_bytes()])
    }
}

/// Which Digest algorithms (RFC 8760 s2) a device is offered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum AlgorithmPolicy {
    /// All that the server is configured for.
    #[default]
    Configured,
    /// MD5 alone: the device does not cope with a second challenge.
    Md5Only,
}

/// A Digest algorithm as stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum DigestAlgorithm {
    /// `MD5` (RFC 7616 s6.1).
    Md5,
    /// `SHA-256` (RFC 7616 s6.1).
    Sha256,
}

/// How the user name is spelled in an HA1 (RFC 7616 s3.4.2 hashes the spelling).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Spelling {
    /// `alice`
    User,
    /// `alice@campus.example`
    UserAtDomain,
    /// `Alice`: telephones like to begin a name with a capital.
    Capital,
    /// `Alice@campus.example`
    CapitalAtDomain,
    /// `ALICE`
    Upper,
    /// `ALICE@campus.example`
    UpperAtDomain,
}

/// One H(user:realm:password).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ha1 {
    /// The hash.
    pub algorithm: DigestAlgorithm,
    /// The user name that went into it.
    pub spelling: Spelling,
    /// Lower-case hexadecimal.
    pub hex: String,
}

impl std::fmt::Debug for Ha1 {
    /// Leaves the secret out.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Ha1({:?}, {:?})", self.algorithm, self.spelling)
    }
}

/// All verifiers of one password; stored sealed, never as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ha1Set {
    /// The realm that the HA1s were made for.
    pub realm: String,
    /// One for each algorithm and spelling.
    pub ha1s: Vec<Ha1>,
}

impl Record for Ha1Set {}

/// A password made for one device, shown once. Table `Credentials`, key
/// [`DeviceCredential::key`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceCredential {
    /// Identifies the credential in all tables.
    pub id: String,
    /// The account.
    pub user: String,
    /// What the owner calls the device.
    pub label: String,
    /// When it was made.
    pub created: WallTime,
    /// When it was last used, to within a day.
    pub last_used: Option<WallTime>,
    /// When it was revoked.
    pub revoked: Option<WallTime>,
    /// When it ends by itself.
    pub expires_at: Option<WallTime>,
    /// What it is offered.
    pub algorithm_policy: AlgorithmPolicy,
    /// A sealed [`Ha1Set`]; the seal's context is [`DeviceCredential::seal_context`].
    pub sealed_ha1s: Vec<u8>,
}

impl Record for DeviceCredential {}

impl DeviceCredential {
    /// The key of `user`'s credential `id`.
    #[must_use]
    pub fn key(user: &str, id: &str) -> Vec<u8> {
        join(&[user.as_bytes(), id.as_bytes()])
    }

    /// The prefix of all of `user`'s credentials.
    #[must_use]
    pub fn prefix(user: &str) -> Vec<u8> {
        prefix(user)
    }

    /// What the sealed verifiers of `user`'s credential `id` are bound to.
    #[must_use]
    pub fn seal_context(user: &str, id: &str) -> Vec<u8> {
        join(&[b"credential", user.as_bytes(), id.as_bytes()])
    }

    /// Whether the credential may be used at `now`.
    #[must_use]
    pub fn is_live(&self, now: WallTime) -> bool {
        self.revoked.is_none() && self.expires_at.is_none_or(|end| now < end)
    }
}
