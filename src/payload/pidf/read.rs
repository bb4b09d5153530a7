//! Reads a presence document and cuts it (RFC 3863 s4.1, RFC 4479 s5).

use std::collections::HashMap;
use std::ops::Range;

use roxmltree::Node;

use super::splice::Scope;
use super::{Component, ComponentKind, DATA_MODEL, Document, OMA, PIDF, Part, Span, Topic};
use crate::xml::{self, Limits, Position, StartTag};

/// More tuples, persons, devices and notes than one device has to tell of.
const MAX_COMPONENTS: usize = 256;

/// More characters of an id, class or URI than rules would name.
const LONGEST_VALUE: usize = 1_024;

/// More bytes than the parts of a document may have with the declarations that each needs: long
/// namespaces that many parts use would otherwise make much out of little.
const LONGEST_TEXT: usize = 256 * 1024;

/// Why a document was not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// It is no XML that is accepted here.
    #[error(transparent)]
    Xml(#[from] xml::Error),
    /// It is XML of another kind.
    #[error("the root is <{0}>, not <presence> of PIDF")]
    OtherRoot(String),
    /// Its root does not say whose it is (RFC 3863 s4.1.1).
    #[error("<presence> has no entity")]
    NoEntity,
    /// A component that must have an id has none (RFC 3863 s4.1.2, RFC 4479 s5.1.2).
    #[error("{position}: <{element}> has no id")]
    NoId {
        /// Where.
        position: Position,
        /// What.
        element: &'static str,
    },
    /// Two components of one kind have the same id.
    #[error("{position}: another <{element}> has the id {id:?} already")]
    SameId {
        /// Where the second is.
        position: Position,
        /// What.
        element: &'static str,
        /// The id.
        id: String,
    },
    /// A tuple has no status (RFC 3863 s4.1.3).
    #[error("{0}: <tuple> has no <status>")]
    NoStatus(Position),
    /// An id, a class or a URI is longer than any needs to be.
    #[error("{position}: the text of <{element}> is longer than {LONGEST_VALUE} bytes")]
    LongValue {
        /// Where.
        position: Position,
        /// What.
        element: &'static str,
    },
    /// There are too many components.
    #[error("more than {MAX_COMPONENTS} tuples, persons, devices and notes")]
    TooMany,
    /// Its namespaces are too long for the number of its elements.
    #[error("its elements need more than {LONGEST_TEXT} bytes with their namespaces")]
    LongNamespaces,
}

impl ReadError {
    /// Whether it is well-formed XML, but of another kind.
    #[must_use]
    pub const fn is_other_type(&self) -> bool {
        matches!(self, ReadError::OtherRoot(_))
    }
}

/// Reads a presence document within the usual limits.
///
/// # Errors
/// As [`read_within`].
pub fn read(bytes: &[u8]) -> Result<Document, ReadError> {
    read_within(bytes, &Limits::default())
}

/// Reads a presence document.
///
/// # Errors
/// It is not XML within the limits, not PIDF, or lacks what it must have. A basic status that is
/// neither open nor closed, and what extensions hold, are nobody's error: they pass as they are.
pub fn read_within(bytes: &[u8], limits: &Limits) -> Result<Document, ReadError> {
    let xml = xml::read(bytes, limits)?;
    let root = xml.root_element();
    if !root.has_tag_name((PIDF, "presence")) {
        return Err(ReadError::OtherRoot(root.tag_name().name().to_owned()));
    }
    let entity = xml::attribute(root, "entity").map(str::trim).filter(|entity| !entity.is_empty());
    let entity = entity.ok_or(ReadError::NoEntity)?;
    let mut builder = Builder::new(xml.input_text());
    for child in root.children().filter(Node::is_element) {
        if builder.components.len() == MAX_COMPONENTS {
            return Err(ReadError::TooMany);
        }
        builder.component(root, child)?;
    }
    Ok(Document {
        entity: entity.into(),
        text: builder.text.into(),
        components: builder.components.into(),
        parts: builder.parts.into(),
        names: builder.names.into(),
        spheres: builder.spheres.into(),
    })
}

/// A namespace's name, empty for none.
fn namespace_of<'a>(node: Node<'a, '_>) -> &'a str {
    node.tag_name().namespace().unwrap_or_default()
}

/// The text of an element's own, without white space around it (`xs:token`).
pub(in crate::payload) fn collapsed(node: Node<'_, '_>) -> String {
    let text: String = node.children().filter_map(|part| part.text()).collect();
    text.trim_matches(|c: char| c.is_ascii_whitespace()).to_owned()
}

struct Builder<'a> {
    source: &'a str,
    text: String,
    components: Vec<Component>,
    parts: Vec<Part>,
    names: Vec<(Box<str>, Box<str>)>,
    /// Where each name is in `names`.
    named: HashMap<(&'a str, &'a str), u32>,
    spheres: Vec<Box<str>>,
}

impl<'a> Builder<'a> {
    fn new(source: &'a str) -> Builder<'a> {
        Builder {
            source,
            text: String::with_capacity(source.len()),
            components: Vec::new(),
            parts: Vec::new(),
            names: Vec::new(),
            named: HashMap::new(),
            spheres: Vec::new(),
        }
    }

    fn position(&self, node: Node<'_, '_>) -> Position {
        Position::of(self.source, node.range().start)
    }

    fn raw(&self, range: Range<usize>) -> &'a str {
        self.source.get(range).unwrap_or_default()
    }

    fn component(&mut self, root: Node<'a, '_>, node: Node<'a, '_>) -> Result<(), ReadError> {
        let (kind, element) = match (namespace_of(node), node.tag_name().name()) {
            (PIDF, "tuple") => (ComponentKind::Service, "tuple"),
            (DATA_MODEL, "person") => (ComponentKind::Person, "person"),
            (DATA_MODEL, "device") => (ComponentKind::Device, "device"),
            (PIDF, "note") => (ComponentKind::Note, "note"),
            _ => (ComponentKind::Extension, ""),
        };
        let mut component = Component {
            kind,
            id: Box::default(),
            class: None,
            uri: None,
            service_id: None,
            open: None,
            priority: 0,
            activities: Box::default(),
            input: None,
            notes: Box::default(),
            attributes: 0..0,
            parts: self.next_part()..self.next_part(),
        };
        if matches!(kind, ComponentKind::Note | ComponentKind::Extension) {
            let topic = if kind == ComponentKind::Note { Topic::Note } else { Topic::Unknown };
            self.part(&Scope::within(root), node, topic)?;
            if kind == ComponentKind::Note {
                component.notes = [collapsed(node).into()].into();
            }
        } else {
            component.id = self.id(node, kind, element)?;
            let scope = Scope::within(node);
            let start = self.text.len();
            scope.take_attributes(self.raw(node.range()), &mut self.text);
            component.attributes = self.span_from(start);
            self.children(node, &scope, &mut component)?;
        }
        if self.text.len() > LONGEST_TEXT {
            return Err(ReadError::LongNamespaces);
        }
        component.parts.end = self.next_part();
        self.components.push(component);
        Ok(())
    }

    fn id(
        &self,
        node: Node<'_, '_>,
        kind: ComponentKind,
        element: &'static str,
    ) -> Result<Box<str>, ReadError> {
        let position = || self.position(node);
        let id = xml::attribute(node, "id").map(str::trim).filter(|id| !id.is_empty());
        let id = id.ok_or_else(|| ReadError::NoId { position: position(), element })?;
        if id.len() > LONGEST_VALUE {
            return Err(ReadError::LongValue { position: position(), element });
        }
        if self.components.iter().any(|other| other.kind == kind && *other.id == *id) {
            return Err(ReadError::SameId { position: position(), element, id: id.to_owned() });
        }
        Ok(id.into())
    }

    fn children(
        &mut self,
        node: Node<'a, '_>,
        scope: &Scope<'a>,
        component: &mut Component,
    ) -> Result<(), ReadError> {
        let is_tuple = component.kind == ComponentKind::Service;
        let (mut activities, mut notes) = (Vec::new(), Vec::new());
        let mut has_status = false;
        for child in node.children().filter(Node::is_element) {
            let (namespace, name) = (namespace_of(child), child.tag_name().name());
            if is_tuple && (namespace, name) == (PIDF, "status") {
                has_status = true;
                self.status(child, component)?;
                continue;
            }
            let topic = Topic::of(namespace, name, is_tuple);
            match (topic, name) {
                (Topic::Always, "contact") => {
                    component.uri = Some(self.value(child, "contact")?);
                    component.priority = xml::attribute(child, "priority").map_or(0, thousandths);
                }
                (Topic::Always, "deviceID") => {
                    component.uri = Some(self.value(child, "deviceID")?);
                }
                (Topic::Class, _) => component.class = Some(self.value(child, "class")?),
                (Topic::Activities, _) => activities.extend(
                    child
                        .children()
                        .filter(|of| of.is_element() && of.tag_name().name() != "note")
                        .map(|of| of.tag_name().name().into()),
                ),
                (Topic::UserInput, _) => component.input = Some(collapsed(child) == "active"),
                (Topic::Note, _) => notes.push(collapsed(child).into()),
                (Topic::Sphere, _) if component.kind == ComponentKind::Person => self.sphere(child),
                _ if (namespace, name) == (OMA, "service-description") => {
                    let id = child.children().find(|of| of.has_tag_name((OMA, "service-id")));
                    component.service_id = id.map(|id| self.value(id, "service-id")).transpose()?;
                }
                _ => {}
            }
            self.part(scope, child, topic)?;
        }
        if is_tuple && !has_status {
            return Err(ReadError::NoStatus(self.position(node)));
        }
        component.activities = activities.into();
        component.notes = notes.into();
        Ok(())
    }

    /// A tuple's status: its tag, its children one by one, its end. An extension in it says as much
    /// as one beside it (RFC 4479 s3.7), so each is shown by itself.
    fn status(&mut self, node: Node<'a, '_>, component: &mut Component) -> Result<(), ReadError> {
        let scope = Scope::within(node);
        let start = self.text.len();
        self.text.push_str("<status");
        scope.take_attributes(self.raw(node.range()), &mut self.text);
        self.text.push('>');
        self.push(Topic::Always, 0, start);
        for child in node.children().filter(Node::is_element) {
            let topic = Topic::of(namespace_of(child), child.tag_name().name(), true);
            if child.has_tag_name((PIDF, "basic")) {
                component.open = match collapsed(child).as_str() {
                    "open" => Some(true),
                    "closed" => Some(false),
                    _ => component.open,
                };
            }
            self.part(&scope, child, topic)?;
        }
        let start = self.text.len();
        self.text.push_str("</status>");
        self.push(Topic::Always, 0, start);
        Ok(())
    }

    fn sphere(&mut self, node: Node<'_, '_>) {
        // RFC 4480 s3.10: an element of an enumeration, or text.
        let value = match node.children().find(Node::is_element) {
            Some(element) => element.tag_name().name().to_owned(),
            None => collapsed(node),
        };
        if !self.spheres.iter().any(|known| known.eq_ignore_ascii_case(&value)) {
            self.spheres.push(value.into());
        }
    }

    fn value(&self, node: Node<'_, '_>, element: &'static str) -> Result<Box<str>, ReadError> {
        let value = collapsed(node);
        if value.len() > LONGEST_VALUE {
            return Err(ReadError::LongValue { position: self.position(node), element });
        }
        Ok(value.into())
    }

    /// Adds an element as a part.
    fn part(
        &mut self,
        scope: &Scope<'a>,
        node: Node<'a, '_>,
        topic: Topic,
    ) -> Result<(), ReadError> {
        let start = self.text.len();
        scope.take(self.raw(node.range()), &mut self.text);
        let name = if topic == Topic::Unknown { self.name(node) } else { 0 };
        self.push(topic, name, start);
        if topic == Topic::UserInput {
            self.reduce(start);
        }
        if self.text.len() > LONGEST_TEXT {
            return Err(ReadError::LongNamespaces);
        }
        Ok(())
    }

    /// Adds the last part, which begins at `start`, without its times (RFC 5025 s3.3.2.12; its
    /// `since` became `last-input` in RFC 4480).
    fn reduce(&mut self, start: usize) {
        let whole = self.text[start..].to_owned();
        let mut kept = [String::new(), String::new()];
        let mut less = false;
        let Some(tag) = StartTag::read(&whole, |attribute| {
            let about = attribute.declares().is_some() || attribute.name == "xml:lang";
            let threshold = attribute.name == "idle-threshold";
            if about || threshold {
                kept[0].push_str(attribute.raw);
            }
            if about {
                kept[1].push_str(attribute.raw);
            }
            less |= !about;
        }) else {
            return;
        };
        if !less {
            return;
        }
        let spans = kept.map(|attributes| {
            let start = self.text.len();
            self.text.push('<');
            self.text.push_str(tag.name);
            self.text.push_str(&attributes);
            self.text.push_str(if tag.empty { "/>" } else { ">" });
            self.text.push_str(&whole[tag.end..]);
            self.span_from(start)
        });
        if let Some(part) = self.parts.last_mut() {
            part.reduced = Some(spans);
        }
    }

    fn name(&mut self, node: Node<'a, '_>) -> u32 {
        let (namespace, name) = (namespace_of(node), node.tag_name().name());
        let names = &mut self.names;
        *self.named.entry((namespace, name)).or_insert_with(|| {
            names.push((namespace.into(), name.into()));
            offset(names.len() - 1)
        })
    }

    fn push(&mut self, topic: Topic, name: u32, start: usize) {
        let text = self.span_from(start);
        self.parts.push(Part { topic, name, text, reduced: None });
    }

    fn span_from(&self, start: usize) -> Span {
        offset(start)..offset(self.text.len())
    }

    fn next_part(&self) -> u32 {
        offset(self.parts.len())
    }
}

/// Texts and lists are far shorter than 4 GiB: the limits of a document see to it.
fn offset(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// A priority (RFC 3863 s4.1.5): what is out of range or malformed counts as none.
fn thousandths(text: &str) -> u16 {
    let text = text.trim();
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > 3 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return 0;
    }
    let thousandths = format!("{fraction:0<3}").parse().unwrap_or(0);
    match whole {
        "0" | "" if !fraction.is_empty() || whole == "0" => thousandths,
        "1" if thousandths == 0 => 1_000,
        _ => 0,
    }
}

/// A document of one service, as a registration tells of it.
impl Document {
    /// A document with one tuple of this state, made here and not read; `priority` in thousandths,
    /// 0 for none.
    #[must_use]
    pub fn of_service(open: bool, contact: Option<&str>, priority: u16) -> Document {
        let mut text =
            format!("<status><basic>{}</basic></status>", if open { "open" } else { "closed" });
        if let Some(contact) = contact {
            text.push_str("<contact");
            if priority > 0 {
                let (whole, rest) = (priority / 1_000, priority % 1_000);
                text.push_str(&format!(" priority=\"{whole}.{rest:03}\""));
            }
            text.push('>');
            super::write::escape(contact, &mut text);
            text.push_str("</contact>");
        }
        let end = offset(text.len());
        Document {
            entity: Box::default(),
            text: text.into(),
            components: [Component {
                kind: ComponentKind::Service,
                id: Box::default(),
                class: None,
                uri: contact.map(Into::into),
                service_id: None,
                open: Some(open),
                priority,
                activities: Box::default(),
                input: None,
                notes: Box::default(),
                attributes: 0..0,
                parts: 0..1,
            }]
            .into(),
            parts: [Part { topic: Topic::Always, name: 0, text: 0..end, reduced: None }].into(),
            names: Box::default(),
            spheres: Box::default(),
        }
    }
}
