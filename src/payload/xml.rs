//! The little XML that these bodies need: read with bounds and without DTDs, written escaped.

use roxmltree::{Document, Node, ParsingOptions};

/// More than any body of these types is long, bytes.
const MAX_BYTES: usize = 64 * 1024;

/// More nodes than any of them has.
const MAX_NODES: u32 = 1_000;

/// Why a document was not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum XmlError {
    /// It is not UTF-8.
    #[error("the document is not UTF-8")]
    NotUtf8,
    /// It is longer than documents of this kind are.
    #[error("the document is too long")]
    TooLong,
    /// It is not well-formed, has a DTD, or has too many nodes.
    #[error("the document cannot be read: {0}")]
    Malformed(String),
    /// Its root is another one.
    #[error("the document is of another kind")]
    OtherRoot,
    /// An element that must be there is not, or says nothing.
    #[error("the document has no <{0}>")]
    Missing(&'static str),
}

/// Reads a document whose root is `root` of `namespace`.
pub(super) fn read<'a>(
    bytes: &'a [u8],
    namespace: &str,
    root: &str,
) -> Result<Document<'a>, XmlError> {
    if bytes.len() > MAX_BYTES {
        return Err(XmlError::TooLong);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| XmlError::NotUtf8)?;
    let options = ParsingOptions { nodes_limit: MAX_NODES, ..ParsingOptions::default() };
    let document = Document::parse_with_options(text.trim_start_matches('\u{feff}'), options)
        .map_err(|error| XmlError::Malformed(error.to_string()))?;
    if document.root_element().has_tag_name((namespace, root)) {
        Ok(document)
    } else {
        Err(XmlError::OtherRoot)
    }
}

/// The child of this name in the parent's own namespace.
pub(super) fn child<'a, 'i>(parent: Node<'a, 'i>, name: &str) -> Option<Node<'a, 'i>> {
    let namespace = parent.tag_name().namespace();
    parent
        .children()
        .find(|node| node.tag_name().name() == name && node.tag_name().namespace() == namespace)
}

/// The text of the child of this name, without white space around it; `None` if it has none.
pub(super) fn text(parent: Node<'_, '_>, name: &str) -> Option<String> {
    let node = child(parent, name)?;
    let text: String = node.children().filter_map(|part| part.text()).collect();
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// Appends `<name>text</name>` and a line end. What XML cannot hold becomes a space.
pub(super) fn element(indent: &str, name: &str, text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(indent.as_bytes());
    out.push(b'<');
    out.extend_from_slice(name.as_bytes());
    out.push(b'>');
    escape(text, out);
    out.extend_from_slice(b"</");
    // An end tag has no attributes.
    out.extend_from_slice(name.split(' ').next().unwrap_or(name).as_bytes());
    out.extend_from_slice(b">\r\n");
}

/// Appends text for the content of an element or a quoted attribute.
pub(super) fn escape(text: &str, out: &mut Vec<u8>) {
    let mut buffer = [0; 4];
    for character in text.chars() {
        let written = match character {
            '&' => "&amp;",
            '<' => "&lt;",
            '>' => "&gt;",
            '"' => "&quot;",
            '\t' | '\n' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'.. => {
                character.encode_utf8(&mut buffer)
            }
            _ => " ",
        };
        out.extend_from_slice(written.as_bytes());
    }
}
