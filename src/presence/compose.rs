//! Makes one document of what a person's devices publish and of where they are registered (RFC 3856
//! s6.9, RFC 4479 s3).
//!
//! All services of all devices are told, each under an id of its own. Of persons there is one:
//! what is said by hand is taken from whoever said it last, as a whole; the rest is filled in from
//! the others. The order of what goes in does not matter, and the same parts give the same bytes,
//! so a change is found by comparing documents.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::sync::Arc;

use crate::clock::WallTime;
use crate::payload::pidf::{
    CLOSED_ID, Component, ComponentKind, Document, PERSON_ID, PartAt, PartOf, Topic,
};

pub use crate::payload::pidf::Composed;

/// Longer ids are replaced by a hash of them.
const LONGEST_ID: usize = 64;

/// Tells devices apart in ids that watchers see: 1 to 16 ASCII letters and digits.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceTag {
    text: [u8; 16],
    length: u8,
}

impl DeviceTag {
    /// The tag, if the text is one.
    #[must_use]
    pub fn new(text: &str) -> Option<DeviceTag> {
        let bytes = text.as_bytes();
        let mut tag = DeviceTag { text: [0; 16], length: u8::try_from(bytes.len()).ok()? };
        tag.text.get_mut(..bytes.len())?.copy_from_slice(bytes);
        (!bytes.is_empty() && bytes.iter().all(u8::is_ascii_alphanumeric)).then_some(tag)
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let text = self.text.get(..usize::from(self.length)).unwrap_or_default();
        std::str::from_utf8(text).unwrap_or_default()
    }
}

impl std::fmt::Debug for DeviceTag {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DeviceTag({})", self.as_str())
    }
}

/// What a device publishes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    /// The device. Of several publications of one device the newest counts.
    pub device: DeviceTag,
    /// Its document.
    pub document: Arc<Document>,
    /// When this content was first published; a refresh does not make it newer.
    pub changed: WallTime,
}

/// A device that is registered. Where it is reached is not told: the person's address leads to it, and
/// can be closed to whoever may not see the person any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// The device.
    pub device: DeviceTag,
    /// Its preference in thousandths (RFC 3261 s20.10); 1,000 is no preference.
    pub q: u16,
}

/// What there is to compose.
#[derive(Debug, Clone, Copy)]
pub struct Parts<'a> {
    /// The person, a SIP URI.
    pub entity: &'a str,
    /// What devices publish.
    pub publications: &'a [Publication],
    /// What holds whether or not a device is there (RFC 4827); its device does not matter.
    pub hard_state: Option<&'a Publication>,
    /// Which devices are registered. One that publishes no service counts as open.
    pub registered: &'a [Registered],
}

/// A source in the order in which it is told.
struct Source<'a> {
    /// Empty for the hard state.
    tag: &'a str,
    publication: &'a Publication,
    number: u32,
    open: bool,
}

/// Composes a person's document. Where there is neither a service nor a registration, one closed
/// service stands for them, so that a document is never without any.
#[must_use]
pub fn compose(parts: &Parts<'_>) -> Composed {
    let mut composed = Composed::new(parts.entity);
    let sources = sources(parts, &mut composed);
    let each = |kind: ComponentKind| {
        sources.iter().flat_map(move |source| {
            let components = source.publication.document.components();
            (0..)
                .zip(components)
                .filter(move |(_, component)| component.kind == kind)
                .map(move |(number, component)| (source, number, component))
        })
    };
    for (source, number, component) in each(ComponentKind::Service) {
        composed.add(source.number, number, id('t', source.tag, &component.id));
    }
    registered(parts, &mut composed);
    if composed.elements().is_empty() {
        let closed = composed.source(Arc::new(Document::of_service(false, None, 0)));
        composed.add(closed, 0, CLOSED_ID.into());
    }
    add_distinct(&mut composed, each(ComponentKind::Note));
    merge_persons(&mut composed, each(ComponentKind::Person).collect());
    for (source, number, component) in each(ComponentKind::Device) {
        composed.add(source.number, number, id('d', source.tag, &component.id));
    }
    add_distinct(&mut composed, each(ComponentKind::Extension));
    composed
}

/// The publications to tell of, by device.
fn sources<'a>(parts: &Parts<'a>, composed: &mut Composed) -> Vec<Source<'a>> {
    let mut publications: Vec<(&str, &Publication)> = parts
        .publications
        .iter()
        .map(|publication| (publication.device.as_str(), publication))
        .collect();
    publications.sort_by_key(|(tag, publication)| (*tag, Reverse(publication.changed)));
    publications.dedup_by_key(|(tag, _)| *tag);
    let hard = parts.hard_state.map(|publication| ("", publication));
    publications
        .into_iter()
        .chain(hard)
        .map(|(tag, publication)| Source {
            tag,
            publication,
            number: composed.source(Arc::clone(&publication.document)),
            open: publication.document.components().iter().any(|c| c.open == Some(true)),
        })
        .collect()
}

/// Adds a service for each registered device that publishes none (RFC 3856 s7.2); what a device
/// says of its person alone is no reason to hide that it can be reached.
fn registered(parts: &Parts<'_>, composed: &mut Composed) {
    let has_service = |publication: &Publication| {
        publication.document.components().iter().any(|c| c.kind == ComponentKind::Service)
    };
    let publishes = |tag| {
        parts
            .publications
            .iter()
            .any(|publication| publication.device == tag && has_service(publication))
    };
    let mut devices: Vec<&Registered> =
        parts.registered.iter().filter(|device| !publishes(device.device)).collect();
    devices.sort_by_key(|device| (device.device, Reverse(device.q)));
    devices.dedup_by_key(|device| device.device);
    for device in devices {
        let priority = if device.q < 1_000 { device.q } else { 0 };
        let service = Document::of_service(true, Some(parts.entity), priority);
        let source = composed.source(Arc::new(service));
        composed.add(source, 0, format!("t{}", device.device.as_str()).into());
    }
}

/// Adds notes and extensions, the same one once.
fn add_distinct<'a>(
    composed: &mut Composed,
    found: impl Iterator<Item = (&'a Source<'a>, u32, &'a Component)>,
) {
    let mut told: Vec<&str> = Vec::new();
    for (source, number, component) in found {
        let document = &source.publication.document;
        if let Some((_, part)) = document.numbered_parts(component).next()
            && !told.contains(&part.text)
        {
            told.push(part.text);
            composed.add(source.number, number, Box::default());
        }
    }
}

/// Adds the one person that those of all devices make together.
fn merge_persons(composed: &mut Composed, mut found: Vec<(&Source<'_>, u32, &Component)>) {
    // The first is the one whose state counts: the newest that was set by hand, else the most
    // available. Sorting keeps the order of devices where all is equal.
    found.sort_by_key(|(source, _, component)| {
        let by_hand = source.tag.is_empty() || !component.activities.is_empty();
        let changed = source.publication.changed;
        let input = component.input.map_or(1, |active| if active { 2 } else { 0 });
        Reverse((by_hand, by_hand.then_some(changed), source.open, input, changed))
    });
    let Some((first, first_number, _)) = found.first() else { return };
    let head = (first.number, *first_number);
    if found.len() == 1 {
        return composed.add(head.0, head.1, PERSON_ID.into());
    }
    let input = found.iter().position(|(_, _, component)| component.input == Some(true));
    let input = input.or_else(|| found.iter().position(|(_, _, c)| c.input.is_some()));
    let mut parts: Vec<(u8, PartAt)> = Vec::new();
    let mut taken: HashSet<(Topic, &str, &str)> = HashSet::new();
    for (rank, (source, number, component)) in found.iter().enumerate() {
        let mut own = Vec::new();
        for (part, of) in source.publication.document.numbered_parts(component) {
            let key = (of.topic, of.name.0, of.name.1);
            let wanted = match of.topic {
                Topic::UserInput => input == Some(rank),
                topic if topic.is_said() => rank == 0,
                _ => !taken.contains(&key),
            };
            if wanted {
                own.push(key);
                parts
                    .push((place(&of), PartAt { source: source.number, component: *number, part }));
            }
        }
        taken.extend(own);
    }
    parts.sort_by_key(|(place, _)| *place);
    composed.add_merged(head, parts.into_iter().map(|(_, at)| at).collect(), PERSON_ID.into());
}

/// Where a part stands in a person: notes after all else, the timestamp last (RFC 4479 s5.1.2).
fn place(part: &PartOf<'_>) -> u8 {
    match part.topic {
        Topic::Always => 2,
        Topic::Note => 1,
        _ => 0,
    }
}

/// The id of a component among those of all devices: an XML name, the same as long as the device
/// calls it the same.
fn id(kind: char, tag: &str, own: &str) -> Box<str> {
    let plain = own.len() <= LONGEST_ID
        && own.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    let mut id = String::with_capacity(2 + tag.len() + own.len().min(LONGEST_ID));
    id.push(kind);
    id.push_str(tag);
    id.push('-');
    if plain {
        id.push_str(own);
    } else {
        // FNV-1a: it has to be the same after a restart, and hides nothing.
        let hash = own.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        id.push_str(&format!("{hash:016x}"));
    }
    id.into()
}

#[cfg(test)]
mod tests;
