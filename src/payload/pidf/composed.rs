//! What several documents make together: references to their parts, nothing copied yet.

use std::sync::Arc;

use super::{Component, ComponentKind, Document, Topic};

/// A document composed of components of others (RFC 3856 s6.9). The same components in the same
/// order give the same bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Composed {
    entity: Box<str>,
    documents: Vec<Arc<Document>>,
    elements: Vec<Element>,
}

/// A child of the composed `<presence>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Element {
    /// Its id, other than that of any other element; empty for notes and extensions.
    pub id: Box<str>,
    head: (u32, u32),
    /// Its parts, unless they are those of its head.
    parts: Option<Box<[PartAt]>>,
}

/// Where a part is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartAt {
    /// The number of its source ([`Composed::source`]).
    pub source: u32,
    /// The number of its component in the source.
    pub component: u32,
    /// Its number in the source ([`Document::numbered_parts`]).
    pub part: u32,
}

/// A part, as who writes it chooses it.
#[derive(Debug, Clone, Copy)]
pub struct PartOf<'a> {
    /// What it is of.
    pub component: &'a Component,
    /// What it is about.
    pub topic: Topic,
    /// Namespace and name, for [`Topic::Unknown`].
    pub name: (&'a str, &'a str),
    /// Its XML.
    pub text: &'a str,
    /// Of `<user-input>` the XML with the threshold alone, and bare.
    pub reduced: Option<[&'a str; 2]>,
}

impl Document {
    /// The parts of a component: where each is, and what.
    pub fn numbered_parts<'a>(
        &'a self,
        component: &'a Component,
    ) -> impl Iterator<Item = (u32, PartOf<'a>)> {
        let parts = self.parts_of(component).iter();
        (component.parts.start..).zip(parts.map(|part| self.show(component, part)))
    }

    fn show<'a>(&'a self, component: &'a Component, part: &super::Part) -> PartOf<'a> {
        let name = match part.topic {
            Topic::Unknown => self.names.get(part.name as usize),
            _ => None,
        };
        PartOf {
            component,
            topic: part.topic,
            name: name.map_or(("", ""), |(namespace, name)| (namespace, name)),
            text: self.slice(&part.text),
            reduced: part.reduced.as_ref().map(|spans| spans.each_ref().map(|s| self.slice(s))),
        }
    }
}

impl Composed {
    /// A document about `entity` with nothing in it yet.
    #[must_use]
    pub fn new(entity: &str) -> Composed {
        Composed { entity: entity.into(), documents: Vec::new(), elements: Vec::new() }
    }

    /// Adds a source; the number names it from then on.
    pub fn source(&mut self, document: Arc<Document>) -> u32 {
        self.documents.push(document);
        u32::try_from(self.documents.len() - 1).unwrap_or(u32::MAX)
    }

    /// Adds a component of a source as it is.
    pub fn add(&mut self, source: u32, component: u32, id: Box<str>) {
        self.elements.push(Element { id, head: (source, component), parts: None });
    }

    /// Adds a component with parts from here and there; it is what `head` is, a source and a
    /// component of it.
    pub fn add_merged(&mut self, head: (u32, u32), parts: Box<[PartAt]>, id: Box<str>) {
        self.elements.push(Element { id, head, parts: Some(parts) });
    }

    /// Whose document it is.
    #[must_use]
    pub fn entity(&self) -> &str {
        &self.entity
    }

    /// Its elements in their order.
    #[must_use]
    pub fn elements(&self) -> &[Element] {
        &self.elements
    }

    /// What an element is, by the component that it comes from; of a merged person the one whose
    /// state it has.
    #[must_use]
    pub fn component(&self, element: &Element) -> Option<&Component> {
        self.documents.get(element.head.0 as usize)?.components.get(element.head.1 as usize)
    }

    /// Whether any service is open.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.elements
            .iter()
            .filter_map(|element| self.component(element))
            .any(|component| component.open == Some(true))
    }

    /// Bytes of all that could be written, roughly.
    pub(crate) fn size(&self) -> usize {
        self.documents.iter().map(|document| document.text.len()).sum::<usize>()
            + 64 * self.elements.len()
    }

    pub(crate) fn attributes(&self, element: &Element) -> &str {
        match (self.documents.get(element.head.0 as usize), self.component(element)) {
            (Some(document), Some(component)) => document.slice(&component.attributes),
            _ => "",
        }
    }

    /// Shows the parts of an element in their order.
    pub(crate) fn each_part<'a>(&'a self, element: &'a Element, mut show: impl FnMut(PartOf<'a>)) {
        match &element.parts {
            Some(parts) => {
                for at in parts {
                    let Some(document) = self.documents.get(at.source as usize) else { continue };
                    let component = document.components.get(at.component as usize);
                    let part = document.parts.get(at.part as usize);
                    if let (Some(component), Some(part)) = (component, part) {
                        show(document.show(component, part));
                    }
                }
            }
            None => {
                let (source, number) = element.head;
                let Some(document) = self.documents.get(source as usize) else { return };
                let Some(component) = document.components.get(number as usize) else { return };
                for part in document.parts_of(component) {
                    show(document.show(component, part));
                }
            }
        }
    }

    /// What kind an element is of.
    #[must_use]
    pub fn kind(&self, element: &Element) -> Option<ComponentKind> {
        self.component(element).map(|component| component.kind)
    }
}
