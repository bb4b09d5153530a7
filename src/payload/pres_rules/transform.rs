//! Makes the document of one watcher (RFC 5025 s3.3, s4).

use super::{InputDetail, Permissions, Unknowns};
use crate::payload::pidf::{self, ComponentKind, Composed, Element, PartOf, Topic};

/// How many services the watcher can make something of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Shape {
    /// All of them.
    #[default]
    Rich,
    /// One: the best of those that he may see, open before closed and by the contact's priority,
    /// with the person's state. For clients that show or read no more.
    Single,
}

/// The document for a watcher with these permissions. Equal arguments give equal bytes. Nothing is
/// in it that is not in `composed`.
#[must_use]
pub fn transform(composed: &Composed, permissions: &Permissions, shape: Shape) -> Vec<u8> {
    let seen = composed.elements().iter().filter(|element| {
        composed
            .component(element)
            .is_some_and(|component| permissions.sees(component, &element.id))
    });
    let own = permissions.unknown == Unknowns::All;
    match shape {
        Shape::Rich => {
            pidf::write(composed, seen.map(|element| (element, &*element.id)), own, |part| {
                shown(permissions, part)
            })
        }
        Shape::Single => {
            let best = best(composed, seen.clone());
            let others = seen.filter(|element| {
                matches!(composed.kind(element), Some(ComponentKind::Person | ComponentKind::Note))
            });
            let chosen = best.into_iter().map(|element| (element, pidf::CLOSED_ID));
            let others = others.map(|element| (element, &*element.id));
            pidf::write(composed, chosen.chain(others), own, |part| shown(permissions, part))
        }
    }
}

/// What a watcher sees of a part.
fn shown<'a>(permissions: &Permissions, part: &PartOf<'a>) -> Option<&'a str> {
    // What a merged person has from one that the watcher does not see stays out.
    if part.component.kind == ComponentKind::Person
        && !permissions.sees(part.component, pidf::PERSON_ID)
    {
        return None;
    }
    let all = Some(part.text);
    match part.topic {
        Topic::Always => all,
        Topic::Unknown => all.filter(|_| permissions.unknown.has(part.name)),
        Topic::UserInput => match (permissions.input, part.reduced) {
            (InputDetail::False, _) => None,
            (InputDetail::Full, _) | (_, None) => all,
            (InputDetail::Thresholds, Some([thresholds, _])) => Some(thresholds),
            (InputDetail::Bare, Some([_, bare])) => Some(bare),
        },
        topic => all.filter(|_| permissions.topics.has(topic)),
    }
}

/// The best service; of equals the first.
fn best<'a>(
    composed: &Composed,
    elements: impl Iterator<Item = &'a Element>,
) -> Option<&'a Element> {
    let mut best: Option<(&Element, (Option<bool>, u16))> = None;
    for element in elements {
        let Some(component) = composed.component(element) else { continue };
        if component.kind != ComponentKind::Service {
            continue;
        }
        // Open, then closed, then neither.
        let rank = (component.open, component.priority);
        if best.is_none_or(|(_, than)| rank > than) {
            best = Some((element, rank));
        }
    }
    best.map(|(element, _)| element)
}
