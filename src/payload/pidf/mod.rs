//! `application/pidf+xml` (RFC 3863) with the data model (RFC 4479) and whatever extends it: RPID
//! (RFC 4480), CIPID (RFC 4482), capabilities, what vendors add.
//!
//! A document is read once, when it is published. It is cut into [`Part`]s, one for each thing that
//! a watcher may or may not see (RFC 5025 s3.3.2); each is the publisher's own bytes, with the
//! declarations of namespaces that it took from around it. So any part can stand in any document
//! that begins with [`write::ROOT`], and composing and filtering are copies of byte ranges.
//!
//! Lost are only: white space, comments and instructions between parts, the order of parts of
//! different components, and attributes of `<presence>` that nobody defines.

mod announcement;
mod composed;
mod read;
mod splice;
mod summary;
mod topic;
mod write;

pub use announcement::{Announcement, UnknownActivity};
pub use composed::{Composed, Element, PartAt, PartOf};
pub use read::{ReadError, read, read_within};
pub use summary::{Summary, TupleSummary};
pub use topic::{Topic, TopicSet};
pub use write::{CLOSED_ID, PERSON_ID, closed};

#[cfg(feature = "server")]
pub(super) use read::collapsed;
pub(super) use write::escape;
#[cfg(any(test, feature = "server"))]
pub(super) use write::write;

use std::ops::Range;

/// The media type.
pub const MEDIA_TYPE: &str = "application/pidf+xml";

/// The namespace of PIDF (RFC 3863 s4.1.1).
pub const PIDF: &str = "urn:ietf:params:xml:ns:pidf";
/// The namespace of persons and devices (RFC 4479 s5).
pub const DATA_MODEL: &str = "urn:ietf:params:xml:ns:pidf:data-model";
/// The namespace of rich presence (RFC 4480 s3.1).
pub const RPID: &str = "urn:ietf:params:xml:ns:pidf:rpid";
/// The namespace of OMA's extensions.
pub const OMA: &str = "urn:oma:xml:prs:pidf:oma-pres";
/// The namespace of locations (RFC 4119).
pub const GEOPRIV: &str = "urn:ietf:params:xml:ns:pidf:geopriv10";

/// Bytes of a [`Document`]'s text.
type Span = Range<u32>;

/// A presence document, read and cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    entity: Box<str>,
    text: Box<str>,
    components: Box<[Component]>,
    parts: Box<[Part]>,
    /// Namespace and name of what has no topic of its own.
    names: Box<[(Box<str>, Box<str>)]>,
    /// Each different `<sphere>` of its persons.
    spheres: Box<[Box<str>]>,
}

/// What a component is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ComponentKind {
    /// A `<tuple>`: a service.
    Service,
    /// A `<note>` about the presentity.
    Note,
    /// A `<person>`.
    Person,
    /// A `<device>`.
    Device,
    /// Another child of `<presence>`.
    Extension,
}

/// A child of `<presence>` with what rules and composition ask about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Component {
    /// What it is.
    pub kind: ComponentKind,
    /// Its id as its publisher wrote it; empty for notes and extensions.
    pub id: Box<str>,
    /// Its `<class>` (RFC 4480 s3.3).
    pub class: Option<Box<str>>,
    /// A tuple's contact or a device's deviceID.
    pub uri: Option<Box<str>>,
    /// The service-id in a tuple's OMA service description.
    pub service_id: Option<Box<str>>,
    /// A tuple's basic status.
    pub open: Option<bool>,
    /// A contact's priority in thousandths, 0 without one (RFC 3863 s4.1.5).
    pub priority: u16,
    /// A person's activities by name, in the order of the document.
    pub activities: Box<[Box<str>]>,
    /// A `<user-input>`: whether it says active.
    pub input: Option<bool>,
    /// Its notes' texts.
    pub notes: Box<[Box<str>]>,
    /// Attributes of its own beside the id, as they are to be written.
    attributes: Span,
    parts: Range<u32>,
}

/// What is shown or not shown as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Part {
    topic: Topic,
    /// For [`Topic::Unknown`] which name it has.
    name: u32,
    text: Span,
    /// The element without some attributes, if leaving them out makes a difference: of
    /// `<user-input>` with the threshold alone, and bare.
    reduced: Option<[Span; 2]>,
}

impl Document {
    /// The entity as it is written.
    #[must_use]
    pub fn entity(&self) -> &str {
        &self.entity
    }

    /// Whether the entity is this person: `user@domain` at one of these domains, as a `pres:`,
    /// `im:`, `sip:` or `sips:` URI. `user` is in lower case.
    #[must_use]
    pub fn is_of(&self, user: &str, domains: &[&str]) -> bool {
        let Some((scheme, rest)) = self.entity.split_once(':') else { return false };
        if !["pres", "im", "sip", "sips"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
            return false;
        }
        // Most are written as we would write them, and need no reading.
        let is_plain =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
        if let Some((name, host)) = rest.split_once('@')
            && name == user
            && name.bytes().all(is_plain)
            && domains.contains(&host)
        {
            return true;
        }
        let sip = format!("sip:{rest}");
        let canonical = crate::sip::uri::Uri::parse(sip.as_bytes())
            .ok()
            .and_then(|uri| uri.canonical_aor())
            .unwrap_or_default();
        canonical.rsplit_once('@').is_some_and(|(name, host)| {
            name == user && domains.iter().any(|domain| domain.eq_ignore_ascii_case(host))
        })
    }

    /// The different values of `<sphere>` that its persons have (RFC 5025 s3.1.2).
    #[must_use]
    pub fn spheres(&self) -> &[Box<str>] {
        &self.spheres
    }

    /// Its components in the order of the document.
    #[must_use]
    pub fn components(&self) -> &[Component] {
        &self.components
    }

    /// Bytes of its parts with the namespaces that each needs.
    #[must_use]
    pub fn size(&self) -> usize {
        self.text.len()
    }

    fn slice(&self, span: &Span) -> &str {
        self.text.get(span.start as usize..span.end as usize).unwrap_or_default()
    }

    fn parts_of(&self, component: &Component) -> &[Part] {
        self.parts
            .get(component.parts.start as usize..component.parts.end as usize)
            .unwrap_or_default()
    }
}

#[cfg(test)]
pub(crate) mod tests;
