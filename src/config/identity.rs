//! `[identity]`, `[identity.ldap]` and `[identity.cache]`.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Password;
use super::value::duration;

/// Who the people are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// Accounts of this server.
    #[default]
    Local,
    /// An LDAP directory, with local accounts beside it.
    Ldap,
}

/// An algorithm of Digest (RFC 7616, RFC 8760).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum DigestAlgorithm {
    /// SHA-256.
    #[serde(rename = "SHA-256")]
    Sha256,
    /// MD5, which most clients in the field know alone.
    #[serde(rename = "MD5")]
    Md5,
}

/// `[identity]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Identity {
    /// Where people come from.
    pub source: Source,
    /// Digest realm; empty is the domain at first start, frozen in the store since.
    pub realm: String,
    /// Offered in this order, best first.
    pub digest_algorithms: Vec<DigestAlgorithm>,
    /// User-Agents that fail on a SHA-256 challenge and are offered MD5 alone; a text matches if the
    /// User-Agent begins with it, in any case.
    pub md5_only_agents: Vec<String>,
    /// People whose requests are offered MD5 alone, by the user part of From: for a device that
    /// nothing else tells. Asked before anybody looks whether there is such a person.
    pub md5_only_people: Vec<String>,
    /// The user part of a directory person's address.
    pub address_template: String,
    /// The directory.
    pub ldap: Ldap,
    /// The cache of verifiers.
    pub cache: Cache,
}

impl Default for Identity {
    fn default() -> Identity {
        Identity {
            source: Source::Local,
            realm: String::new(),
            digest_algorithms: vec![DigestAlgorithm::Sha256, DigestAlgorithm::Md5],
            md5_only_agents: ["baresip", "sipsak", "JsSIP", "SIP.js"].map(str::to_owned).to_vec(),
            md5_only_people: Vec::new(),
            address_template: "{user}".to_owned(),
            ldap: Ldap::default(),
            cache: Cache::default(),
        }
    }
}

/// What `secret_attribute` holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SecretFormat {
    /// The password itself.
    #[default]
    Cleartext,
    /// HA1 by MD5, hexadecimal.
    Ha1Md5,
    /// HA1 by SHA-256, hexadecimal.
    Ha1Sha256,
}

/// `[identity.ldap]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ldap {
    /// Servers, tried in turn: `ldaps://host`, `ldap://host:port`.
    pub urls: Vec<String>,
    /// StartTLS on `ldap://`; if it fails, nothing is sent.
    pub start_tls: bool,
    /// Authority of the servers' certificates, PEM; empty is the system's.
    pub ca_file: PathBuf,
    /// The same as text, in place of a file.
    pub ca_pem: String,
    /// The service account; empty binds anonymously.
    pub bind_dn: String,
    /// The file with its password; one trailing newline is ignored.
    pub bind_password_file: PathBuf,
    /// The password that the console stored, sealed; it goes before the file's.
    #[serde(skip)]
    pub bind_password: Option<Password>,
    /// Where people are searched.
    pub base_dn: String,
    /// Finds one person; `{user}` is replaced, escaped.
    pub user_filter: String,
    /// The attribute that holds the user name.
    pub attribute_user: String,
    /// The attribute that holds the display name.
    pub attribute_name: String,
    /// The attribute that holds the mail address.
    pub attribute_mail: String,
    /// The attribute that holds the photograph.
    pub attribute_photo: String,
    /// The attribute that never changes and is never given twice.
    pub attribute_id: String,
    /// The attribute that holds the telephone extension; empty is none.
    pub attribute_number: String,
    /// An attribute that `bind_dn` may read: Digest straight from the directory; empty is none.
    pub secret_attribute: String,
    /// What that attribute holds.
    pub secret_format: SecretFormat,
    /// Finds people who are locked out; empty is nobody.
    pub disabled_filter: String,
    /// Where groups are searched; empty is no groups.
    pub group_base_dn: String,
    /// Finds groups.
    pub group_filter: String,
    /// The group whose members administer; empty is none.
    pub admin_group: String,
    /// For one operation in total, with failover to the other servers.
    #[serde(with = "duration")]
    pub timeout: Duration,
    /// Between two readings of the whole directory.
    #[serde(with = "duration")]
    pub sync_interval: Duration,
    /// Percent of the people whom one reading may put out; more of them stay in until an
    /// administrator has looked. 100 is no bound.
    pub guard_percent: u32,
    /// Fewer people than that may go at once, however few there are.
    pub guard_people: u32,
}

impl Default for Ldap {
    fn default() -> Ldap {
        Ldap {
            urls: vec!["ldaps://ldap.campus.example".to_owned()],
            start_tls: false,
            ca_file: PathBuf::new(),
            ca_pem: String::new(),
            bind_dn: String::new(),
            bind_password_file: PathBuf::new(),
            bind_password: None,
            base_dn: "ou=people,dc=campus,dc=example".to_owned(),
            user_filter: "(&(objectClass=inetOrgPerson)(uid={user}))".to_owned(),
            attribute_user: "uid".to_owned(),
            attribute_name: "cn".to_owned(),
            attribute_mail: "mail".to_owned(),
            attribute_photo: "jpegPhoto".to_owned(),
            attribute_id: "entryUUID".to_owned(),
            attribute_number: String::new(),
            secret_attribute: String::new(),
            secret_format: SecretFormat::Cleartext,
            disabled_filter: String::new(),
            group_base_dn: String::new(),
            group_filter: "(objectClass=groupOfNames)".to_owned(),
            admin_group: String::new(),
            timeout: Duration::from_secs(2),
            sync_interval: Duration::from_secs(60),
            guard_percent: 5,
            guard_people: 10,
        }
    }
}

/// `[identity.cache]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cache {
    /// Whether verifiers are kept at all.
    pub enabled: bool,
    /// How long one serves before the directory is asked again.
    #[serde(with = "duration")]
    pub ttl: Duration,
    /// How long "no such person" is believed.
    #[serde(with = "duration")]
    pub negative_ttl: Duration,
    /// How long one serves while the directory is out of reach.
    #[serde(with = "duration")]
    pub grace: Duration,
    /// Entries at most.
    pub capacity: u64,
}

impl Default for Cache {
    fn default() -> Cache {
        Cache {
            enabled: true,
            ttl: Duration::from_secs(600),
            negative_ttl: Duration::from_secs(30),
            grace: Duration::from_secs(72 * 3600),
            capacity: 100_000,
        }
    }
}
