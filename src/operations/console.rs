//! What is asked and answered about the console's accounts, tokens and the audit trail.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Secret;
use crate::clock::WallTime;
use crate::model::{Role, Scope};

/// About the console's accounts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsoleRequest {
    /// Lists them.
    List,
    /// Makes one.
    Add {
        /// The name.
        name: String,
        /// What it may do.
        role: Role,
        /// Its first password.
        password: Secret,
    },
    /// Gives one another role.
    SetRole {
        /// The name.
        name: String,
        /// What it may do.
        role: Role,
    },
    /// Gives somebody else another password.
    SetPassword {
        /// The name.
        name: String,
        /// The password.
        password: Secret,
    },
    /// Takes the second factor of somebody who lost it.
    DropCode {
        /// The name.
        name: String,
    },
    /// Locks one out, or lets it in again.
    Lock {
        /// The name.
        name: String,
        /// Whether it is locked from here on.
        locked: bool,
    },
    /// Removes one, with its tokens.
    Delete {
        /// The name.
        name: String,
    },
    /// Gives oneself another password.
    OwnPassword {
        /// The present one.
        present: Secret,
        /// The new one.
        password: Secret,
    },
    /// Takes a secret for codes, proved by one.
    OwnCode {
        /// The present password.
        present: Secret,
        /// The secret that was offered, in base32.
        secret: Secret,
        /// A code that is made of it.
        code: String,
    },
    /// Gives up one's own codes.
    OwnDropCode {
        /// The present password.
        present: Secret,
    },
}

/// About tokens of the API.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenRequest {
    /// Lists them.
    List,
    /// Makes one.
    Make {
        /// What it is called.
        name: String,
        /// What it may be used for.
        scopes: Vec<Scope>,
        /// What it may do at most.
        role: Role,
        /// When it ends by itself.
        expires_at: Option<WallTime>,
        /// Addresses and networks that it is taken from; none: from everywhere.
        networks: Vec<String>,
    },
    /// Ends one.
    Revoke {
        /// Its identifier.
        token: String,
    },
}

/// About the audit trail.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditRequest {
    /// Lines from a number on, the oldest first.
    From {
        /// The number.
        from: u64,
        /// How many at most.
        limit: u32,
    },
    /// Lines before a number, or from the end, the newest first.
    Before {
        /// The number.
        before: Option<u64>,
        /// How many at most.
        limit: u32,
        /// Which ones.
        #[serde(default)]
        filter: AuditFilter,
    },
    /// Walks along the chain.
    Verify,
}

/// Which lines of the audit trail; what is not given does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AuditFilter {
    /// Whose deeds.
    pub actor: Option<String>,
    /// The deed, or with a full stop at the end all that begin so: `user.`
    pub action: Option<String>,
    /// To whom or what.
    pub subject: Option<String>,
    /// Not before.
    pub since: Option<WallTime>,
    /// Before.
    pub until: Option<WallTime>,
}

/// An account of the console.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConsoleUser {
    /// The name.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// Whether it has codes by time.
    pub code: bool,
    /// Recovery codes that are left.
    pub recovery_codes: u32,
    /// Whether it is locked out.
    pub locked: bool,
    /// When it was made, RFC 3339.
    pub created: String,
    /// When it last signed in, RFC 3339.
    pub last_sign_in: Option<String>,
}

/// A token of the API.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Token {
    /// Its identifier; its deeds are those of `token:` and this.
    pub token: String,
    /// What it is called.
    pub name: String,
    /// What it may be used for.
    pub scopes: Vec<Scope>,
    /// What it may do at most.
    pub role: Role,
    /// Who made it.
    pub maker: String,
    /// When it was made, RFC 3339.
    pub created: String,
    /// When it ends by itself, RFC 3339.
    pub expires_at: Option<String>,
    /// Addresses and networks that it is taken from; none: from everywhere.
    pub networks: Vec<String>,
    /// When it was last used, to within a minute, RFC 3339.
    pub last_used: Option<String>,
}

/// A new token with its text, which is shown this once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TokenSecret {
    /// The token.
    pub token: Token,
    /// The text.
    pub secret: Secret,
}

/// A line of the audit trail.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditLine {
    /// Its number.
    pub sequence: u64,
    /// When, RFC 3339.
    pub at: String,
    /// Who.
    pub actor: String,
    /// From where.
    pub source: String,
    /// What.
    pub action: String,
    /// To whom or what.
    pub subject: String,
    /// In words.
    pub detail: String,
    /// Whether it was done, or refused.
    pub done: bool,
}

/// A page of the audit trail.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AuditPage {
    /// The lines.
    pub entries: Vec<AuditLine>,
    /// Where to go on in the direction that was asked for; none at the end.
    pub next: Option<u64>,
}

/// What a walk along the chain of the audit trail found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditReport {
    /// Lines that follow one another.
    pub lines: u64,
    /// The digest of the last of them, hexadecimal. Kept elsewhere, it shows whether the trail was
    /// cut off.
    pub digest: String,
    /// The number of the first line that is not what was written.
    pub broken_at: Option<u64>,
    /// What is wrong with it.
    pub trouble: Option<String>,
}

/// A link that makes an owner, shown this once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SetupUrl {
    /// Where it can be opened: on this machine, then from elsewhere.
    pub urls: Vec<Secret>,
    /// Until when, RFC 3339.
    pub until: String,
    /// The file that holds it until then.
    pub file: PathBuf,
    /// Whether a server runs that answers there.
    pub is_served: bool,
}
