//! What a PUBLISH asks for and is granted (RFC 3903 s6), and the house rules.

use std::time::Duration;

use crate::config::PUBLISHED_BYTES;
use crate::model::DeviceKey;
use crate::payload::pidf;
use crate::payload::pres_rules::Handling;
use crate::xml;

/// What watchers of a group get whom no rule of the person names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupPolicy {
    /// The group.
    pub group: String,
    /// What its members get.
    pub handling: Handling,
}

/// House rules.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Shorter wishes are refused with 423; 0 takes a publication back.
    pub min_expires: u32,
    /// Granted when nothing is wished.
    pub default_expires: u32,
    /// Longer wishes are shortened to this.
    pub max_expires: u32,
    /// How long a publication outlives its device's last contact.
    pub grace: Duration,
    /// Publications of one person.
    pub per_person: usize,
    /// Bytes of all documents of one person, with the namespaces that their parts need: what they
    /// make together is to fit into a datagram, and is sent to everybody who watches.
    pub bytes_per_person: usize,
    /// What the document of a publication, or of a status that is set by hand, may have.
    pub publication: xml::Limits,
    /// What a document of rules may have.
    pub rules: xml::Limits,
    /// All names of our domain, the first one being that of addresses-of-record.
    pub domains: Vec<String>,
    /// For watchers whom no rule of the person names, and no group.
    pub default_policy: Handling,
    /// By group of the watcher; the first match wins.
    pub group_policy: Vec<GroupPolicy>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            min_expires: 60,
            default_expires: 3_600,
            max_expires: 86_400,
            grace: Duration::from_secs(60),
            per_person: 16,
            bytes_per_person: PUBLISHED_BYTES as usize,
            publication: xml::Limits::default(),
            rules: xml::Limits { bytes: 256 * 1024, ..xml::Limits::default() },
            domains: Vec::new(),
            default_policy: Handling::Confirm,
            group_policy: Vec::new(),
        }
    }
}

/// A PUBLISH whose sender is known to be the person it is for.
#[derive(Clone, Debug)]
pub struct PublishRequest<'a> {
    /// The canonical address-of-record, `user@domain`.
    pub aor: &'a str,
    /// The Request-URI, which may be another name of the same person.
    pub uri: &'a [u8],
    /// SIP-If-Match.
    pub etag: Option<&'a str>,
    /// The Expires header, seconds.
    pub expires: Option<u32>,
    /// The document, if there is one.
    pub body: Option<&'a [u8]>,
    /// The device that publishes.
    pub device: DeviceKey,
}

/// What a PUBLISH left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// For SIP-ETag: never one that was given before.
    pub etag: String,
    /// Seconds, for Expires.
    pub expires: u32,
}

/// Why a PUBLISH was refused. Everything is as it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No publication has this entity tag: 412 (s6 step 3).
    #[error("Conditional Request Failed")]
    NoMatch,
    /// An expiry below the minimum: 423 (s6 step 4).
    #[error("Interval Too Brief")]
    TooBrief,
    /// Neither a document nor an entity tag: 400 (s6 step 5).
    #[error("Nothing To Publish")]
    Nothing,
    /// The document cannot be read: 400.
    #[error("{0}")]
    Unreadable(#[from] pidf::ReadError),
    /// The document is somebody else's: 403.
    #[error("Not Your Presence")]
    NotYours,
    /// The person has as many publications as one may: 403.
    #[error("Too Many Publications")]
    TooMany,
    /// The documents of all of the person's devices are too long together: 413.
    #[error("Too Much Is Published")]
    TooMuch,
}
