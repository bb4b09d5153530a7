//! What a watcher may see (RFC 5025 s3.3).

use std::collections::{BTreeMap, BTreeSet};

use crate::payload::pidf::{Component, ComponentKind, Topic, TopicSet};
use crate::sip::uri::Uri;

/// What a watcher may see. Equal grants are equal values, whatever rules they come from.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Permissions {
    /// Which tuples (s3.3.1.3).
    pub services: Selection,
    /// Which persons (s3.3.1.2).
    pub persons: Selection,
    /// Which devices (s3.3.1.1).
    pub devices: Selection,
    /// What of them (s3.3.2).
    pub topics: TopicSet,
    /// How much of `<user-input>` (s3.3.2.12).
    pub input: InputDetail,
    /// What else of them (s3.3.2.14).
    pub unknown: Unknowns,
}

/// Which components a watcher sees.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Selection {
    /// Those that one of these means.
    Of(BTreeSet<Selector>),
    /// All.
    All,
}

/// Means components by what they say of themselves.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Selector {
    /// By class.
    Class(Box<str>),
    /// By id, of the published or of the composed document.
    OccurrenceId(Box<str>),
    /// A tuple by its contact, a device by its deviceID.
    Uri(Box<str>),
    /// A tuple by the scheme of its contact.
    Scheme(Box<str>),
    /// A tuple by the service in its OMA service description.
    ServiceId(Box<str>),
}

/// How much of `<user-input>` a watcher sees; the greater one wins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum InputDetail {
    /// Nothing.
    #[default]
    False,
    /// Whether it is active.
    Bare,
    /// The threshold as well.
    Thresholds,
    /// All of it.
    Full,
}

/// Which elements a watcher sees that have no permission of their own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unknowns {
    /// Those of these namespaces, by their names.
    Of(BTreeMap<Box<str>, BTreeSet<Box<str>>>),
    /// All.
    All,
}

impl Default for Selection {
    fn default() -> Selection {
        Selection::Of(BTreeSet::new())
    }
}

impl Default for Unknowns {
    fn default() -> Unknowns {
        Unknowns::Of(BTreeMap::new())
    }
}

impl Permissions {
    /// All of the document.
    #[must_use]
    pub fn everything() -> Permissions {
        Permissions {
            services: Selection::All,
            persons: Selection::All,
            devices: Selection::All,
            ..Permissions::all_attributes()
        }
    }

    /// Nothing of the document.
    #[must_use]
    pub fn nothing() -> Permissions {
        Permissions::default()
    }

    /// All of what may be seen of components, of which none is granted (RFC 5025 s3.3.2.15).
    pub(super) fn all_attributes() -> Permissions {
        Permissions {
            topics: TopicSet::ALL,
            input: InputDetail::Full,
            unknown: Unknowns::All,
            ..Permissions::default()
        }
    }

    /// Adds what others give (RFC 4745 s10.2): sets are united, of values the greatest counts.
    pub fn add(&mut self, other: &Permissions) {
        self.services.add(&other.services);
        self.persons.add(&other.persons);
        self.devices.add(&other.devices);
        self.topics = self.topics.union(other.topics);
        self.input = self.input.max(other.input);
        match (&mut self.unknown, &other.unknown) {
            (Unknowns::Of(ours), Unknowns::Of(theirs)) => {
                for (namespace, names) in theirs {
                    ours.entry(namespace.clone()).or_default().extend(names.iter().cloned());
                }
            }
            (unknown, Unknowns::All) => *unknown = Unknowns::All,
            (Unknowns::All, _) => {}
        }
    }

    /// How many ways there are by which components are meant.
    pub(super) fn selectors(&self) -> usize {
        [&self.services, &self.persons, &self.devices]
            .iter()
            .map(|selection| match selection {
                Selection::Of(selectors) => selectors.len(),
                Selection::All => 0,
            })
            .sum()
    }

    /// Whether a component is seen, under the id that it has in the composed document.
    pub(super) fn sees(&self, component: &Component, id: &str) -> bool {
        match component.kind {
            ComponentKind::Service => self.services.has(component, id),
            ComponentKind::Person => self.persons.has(component, id),
            ComponentKind::Device => self.devices.has(component, id),
            ComponentKind::Note => self.topics.has(Topic::Note),
            // RFC 5025 names children of components alone; what stands beside these needs all.
            ComponentKind::Extension => self.unknown == Unknowns::All,
        }
    }
}

impl Selection {
    fn add(&mut self, other: &Selection) {
        match (&mut *self, other) {
            (Selection::Of(ours), Selection::Of(theirs)) => ours.extend(theirs.iter().cloned()),
            (_, Selection::All) => *self = Selection::All,
            (Selection::All, _) => {}
        }
    }

    fn has(&self, component: &Component, id: &str) -> bool {
        match self {
            Selection::All => true,
            Selection::Of(selectors) => selectors.iter().any(|s| s.means(component, id)),
        }
    }
}

impl Selector {
    fn means(&self, component: &Component, id: &str) -> bool {
        match self {
            Selector::Class(class) => component.class.as_deref() == Some(class),
            Selector::OccurrenceId(wanted) => **wanted == *component.id || **wanted == *id,
            Selector::Uri(uri) => component.uri.as_deref().is_some_and(|own| same_uri(own, uri)),
            Selector::Scheme(scheme) => component
                .uri
                .as_deref()
                .and_then(|uri| uri.split_once(':'))
                .is_some_and(|(own, _)| own == &**scheme),
            Selector::ServiceId(service) => component.service_id.as_deref() == Some(service),
        }
    }
}

impl Unknowns {
    /// How many names there are.
    pub(super) fn names(&self) -> usize {
        match self {
            Unknowns::All => 0,
            Unknowns::Of(names) => names.values().map(BTreeSet::len).sum(),
        }
    }

    pub(super) fn has(&self, (namespace, name): (&str, &str)) -> bool {
        match self {
            Unknowns::All => true,
            Unknowns::Of(names) => names.get(namespace).is_some_and(|names| names.contains(name)),
        }
    }
}

/// URIs of SIP are compared by RFC 3261 s19.1.4, others byte by byte.
fn same_uri(one: &str, other: &str) -> bool {
    // Names of users mind case. Most pairs differ in them, which is seen without parsing.
    if one.contains('@') && !one.contains('%') && !other.contains('%') && user(one) != user(other) {
        return false;
    }
    one == other
        || match (Uri::parse(one.as_bytes()), Uri::parse(other.as_bytes())) {
            (Ok(one), Ok(other)) => one.equivalent(&other),
            _ => false,
        }
}

/// What stands between the scheme and the `@`.
fn user(uri: &str) -> Option<&str> {
    uri.split_once(':')?.1.split_once('@').map(|(user, _)| user)
}
