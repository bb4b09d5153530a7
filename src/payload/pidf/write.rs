//! Writes composed documents.

use super::{ComponentKind, Composed, Document, Element, PartOf};

/// How documents begin; parts are cut to stand within it.
pub(super) const ROOT: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
    <presence xmlns=\"urn:ietf:params:xml:ns:pidf\" \
    xmlns:dm=\"urn:ietf:params:xml:ns:pidf:data-model\" \
    xmlns:rpid=\"urn:ietf:params:xml:ns:pidf:rpid\" entity=\"";

/// The id of a tuple that is the only one.
pub const CLOSED_ID: &str = "t0";

/// The id of the person, of whom there is one.
pub const PERSON_ID: &str = "p0";

/// The document of somebody who is not there: one service, closed, without a contact. A watcher
/// who is blocked politely gets the same one (RFC 5025 s3.2.1).
#[must_use]
pub fn closed(entity: &str) -> Vec<u8> {
    let mut composed = Composed::new(entity);
    let source = composed.source(std::sync::Arc::new(Document::of_service(false, None, 0)));
    composed.add(source, 0, CLOSED_ID.into());
    let elements = composed.elements().iter().map(|element| (element, &*element.id));
    write(&composed, elements, true, |part| Some(part.text))
}

/// Writes elements under these ids, of their parts what `show` gives. `own`: whether the attributes
/// of components that nobody defines are written.
pub(in crate::payload) fn write<'a>(
    composed: &'a Composed,
    elements: impl Iterator<Item = (&'a Element, &'a str)>,
    own: bool,
    show: impl Fn(&PartOf<'a>) -> Option<&'a str>,
) -> Vec<u8> {
    let mut out = String::with_capacity(ROOT.len() + 64 + composed.size());
    out.push_str(ROOT);
    escape(composed.entity(), &mut out);
    out.push_str("\">\n");
    for (element, id) in elements {
        let name = match composed.kind(element) {
            Some(ComponentKind::Service) => "tuple",
            Some(ComponentKind::Person) => "dm:person",
            Some(ComponentKind::Device) => "dm:device",
            Some(ComponentKind::Note | ComponentKind::Extension) => "",
            None => continue,
        };
        if !name.is_empty() {
            for text in ["<", name, " id=\"", id, "\""] {
                out.push_str(text);
            }
            if own {
                out.push_str(composed.attributes(element));
            }
            out.push('>');
        }
        composed.each_part(element, |part| {
            if let Some(text) = show(&part) {
                out.push_str(text);
            }
        });
        if !name.is_empty() {
            for text in ["</", name, ">"] {
                out.push_str(text);
            }
        }
        out.push('\n');
    }
    out.push_str("</presence>\n");
    out.into_bytes()
}

/// Text for an element or a quoted attribute. What XML 1.0 has no place for becomes U+FFFD.
pub(in crate::payload) fn escape(text: &str, out: &mut String) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' => out.push_str("&#9;"),
            '\n' => out.push_str("&#10;"),
            '\r' => out.push_str("&#13;"),
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            _ => out.push(character),
        }
    }
}
