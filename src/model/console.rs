//! Who works on the console and with the API: accounts, links that make an owner, tokens.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Record, join};
use crate::clock::WallTime;

/// What somebody may do on the console and with the API, from least to most. The order of the words
/// is stored: new ones go to the end and are ordered by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Sees everything but secrets and what people write.
    ReadOnly,
    /// People's passwords and devices, and bans.
    Helpdesk,
    /// Everything but owners.
    Admin,
    /// Everything.
    Owner,
}

impl Role {
    /// All of them, from least to most.
    pub const ALL: [Role; 4] = [Role::ReadOnly, Role::Helpdesk, Role::Admin, Role::Owner];

    /// The word for it, in the command line and the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Role::ReadOnly => "read-only",
            Role::Helpdesk => "helpdesk",
            Role::Admin => "admin",
            Role::Owner => "owner",
        }
    }

    /// Whether this role may make, change and remove accounts and tokens of `other`: administrators
    /// do, and nobody those of somebody above him.
    #[must_use]
    pub fn may_manage(self, other: Role) -> bool {
        self >= Role::Admin && self >= other
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A word that names no role or no scope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{word:?} is none of: {known}")]
pub struct UnknownWord {
    /// The word.
    pub word: String,
    /// Those that there are.
    pub known: String,
}

impl FromStr for Role {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Role, UnknownWord> {
        let known = || Role::ALL.map(Role::name).join(", ");
        let role = Role::ALL.into_iter().find(|role| role.name() == text);
        role.ok_or_else(|| UnknownWord { word: text.to_owned(), known: known() })
    }
}

/// Somebody who signs in to the console with a password of his own. Table `Console`, key
/// [`ConsoleAccount::key`].
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsoleAccount {
    /// The canonical name, in lower case.
    pub name: String,
    /// What he may do.
    pub role: Role,
    /// Argon2id, as a PHC string with its parameters.
    pub password: String,
    /// The secret of his codes (RFC 6238), sealed; the seal's context is
    /// [`ConsoleAccount::seal_context`].
    pub sealed_totp: Option<Vec<u8>>,
    /// The step of the last code that was taken: each is taken once.
    pub totp_step: u64,
    /// SHA-256 of the recovery codes that are left.
    pub recovery: Vec<[u8; 32]>,
    /// When the account was made.
    pub created: WallTime,
    /// When it was last changed.
    pub changed: WallTime,
    /// When he last signed in.
    pub last_sign_in: Option<WallTime>,
    /// Whether he is locked out.
    pub locked: bool,
    /// Raised by each change of password, second factor, role and lock: a session that began with
    /// another one is over.
    pub version: u64,
}

impl Record for ConsoleAccount {}

impl ConsoleAccount {
    /// The key of `name`'s row.
    #[must_use]
    pub fn key(name: &str) -> Vec<u8> {
        join(&[name.as_bytes()])
    }

    /// What the sealed secret of `name`'s codes is bound to.
    #[must_use]
    pub fn seal_context(name: &str) -> Vec<u8> {
        join(&[b"console", name.as_bytes()])
    }
}

impl fmt::Debug for ConsoleAccount {
    /// Leaves the hashes out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConsoleAccount")
            .field("name", &self.name)
            .field("role", &self.role)
            .field("version", &self.version)
            .field("locked", &self.locked)
            .finish_non_exhaustive()
    }
}

/// The one link that makes an owner, while there is one. A row of table `Site`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetupLink {
    /// SHA-256 of the token in it.
    pub digest: [u8; 32],
    /// When it ends.
    pub until: WallTime,
    /// Whether it serves also where there is an owner: it was asked for by somebody who may open
    /// the data directory, for whoever lost access.
    pub recovers: bool,
}

impl Record for SetupLink {}

impl fmt::Debug for SetupLink {
    /// Leaves the digest out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SetupLink(until {}, recovers: {})", self.until, self.recovers)
    }
}

/// Makes the closed list of what a token may do.
macro_rules! scopes {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// What a token may be used for. The order of the words is stored: new ones go to the end.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Scope {
            $($(#[$doc])* #[serde(rename = $name)] $variant,)*
        }

        impl Scope {
            /// All of them.
            pub const ALL: &[Scope] = &[$(Scope::$variant,)*];

            /// The word for it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Scope::$variant => $name,)* }
            }
        }
    };
}

scopes! {
    /// How the server is.
    StatusRead = "status:read",
    /// People: see them.
    UsersRead = "users:read",
    /// People: make, change, lock and remove them.
    UsersWrite = "users:write",
    /// Device credentials: see them.
    DevicesRead = "devices:read",
    /// Device credentials: make and revoke them.
    DevicesWrite = "devices:write",
    /// Presence and who watches: see it.
    PresenceRead = "presence:read",
    /// Rules of who may see whom: install them.
    PresenceWrite = "presence:write",
    /// Held messages: count them.
    MessagesRead = "messages:read",
    /// Held messages: drop them.
    MessagesWrite = "messages:write",
    /// Bans: see them.
    BansRead = "bans:read",
    /// Bans: lift them.
    BansWrite = "bans:write",
    /// The directory: see how it is.
    DirectoryRead = "directory:read",
    /// The directory: try it, read it, take over what was read.
    DirectoryWrite = "directory:write",
    /// The configuration: see it.
    SettingsRead = "settings:read",
    /// The configuration: change it.
    SettingsWrite = "settings:write",
    /// The audit trail.
    AuditRead = "audit:read",
    /// Metrics.
    MetricsRead = "metrics:read",
    /// Notices to people.
    NotifySend = "notify:send",
    /// Everything stored, in a file of the server.
    ArchiveWrite = "archive:write",
}

impl Scope {
    /// The scopes that a word names: one, or with `*` after the colon all of that kind.
    ///
    /// # Errors
    /// [`UnknownWord`] if there is none.
    pub fn named(word: &str) -> Result<Vec<Scope>, UnknownWord> {
        let kind = word.strip_suffix('*').filter(|kind| kind.len() > 1 && kind.ends_with(':'));
        let is_meant = |scope: &&Scope| {
            kind.map_or(scope.name() == word, |kind| scope.name().starts_with(kind))
        };
        let named: Vec<Scope> = Scope::ALL.iter().filter(is_meant).copied().collect();
        if named.is_empty() {
            let known: Vec<&str> = Scope::ALL.iter().map(|scope| scope.name()).collect();
            return Err(UnknownWord { word: word.to_owned(), known: known.join(", ") });
        }
        Ok(named)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Who made a token: it is worth no more than he is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Maker {
    /// Whoever may open the data directory.
    Machine,
    /// An account of the console.
    Console,
    /// A person of the directory.
    Directory,
}

/// A token of the API. Table `Tokens`, key [`ApiToken::digest`].
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiToken {
    /// SHA-256 of the token, which is nowhere.
    pub digest: [u8; 32],
    /// Names the token in the audit trail.
    pub id: String,
    /// What its maker calls it.
    pub name: String,
    /// What it may be used for.
    pub scopes: Vec<Scope>,
    /// What it may do at most.
    pub role: Role,
    /// What its maker is.
    pub maker: Maker,
    /// Its maker's name.
    pub maker_name: String,
    /// When it was made.
    pub created: WallTime,
    /// When it ends by itself.
    pub expires_at: Option<WallTime>,
    /// Addresses and networks that it is taken from; none: from everywhere.
    pub networks: Vec<String>,
    /// When it was last used, to within a minute.
    pub last_used: Option<WallTime>,
}

impl Record for ApiToken {}

impl fmt::Debug for ApiToken {
    /// Leaves the digest out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiToken({}, {}, {:?})", self.id, self.role, self.scopes)
    }
}
