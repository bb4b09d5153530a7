//! XML from strangers: read within bounds that are checked before a tree is built, and the few
//! places of a start tag that who splices documents must know.

use std::fmt;

use memchr::{memchr, memmem};
use roxmltree::{Document, Node, ParsingOptions};

/// What a document may have at most. Attributes are compared with each other and declarations are
/// copied to children, so a tree without these bounds costs more than its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the document.
    pub bytes: usize,
    /// Elements within each other.
    pub depth: usize,
    /// Elements in all.
    pub elements: usize,
    /// Attributes of one element, declarations of namespaces not counted.
    pub attributes: usize,
    /// Namespaces that one element declares.
    pub namespaces: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { bytes: 64 * 1024, depth: 32, elements: 10_000, attributes: 64, namespaces: 16 }
    }
}

/// Why a document was not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{position}: {cause}")]
pub struct Error {
    /// Where.
    pub position: Position,
    /// Why.
    pub cause: Cause,
}

/// A place in a document, both counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: u32,
    /// The character in it.
    pub column: u32,
}

impl Position {
    /// Where a document begins.
    pub const START: Position = Position { line: 1, column: 1 };

    /// Where the byte at `offset` of `text` is.
    #[must_use]
    pub fn of(text: &str, offset: usize) -> Position {
        let before = text.get(..offset).unwrap_or(text);
        let line = before.rsplit('\n').next().unwrap_or_default();
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        Position {
            line: number(1 + memchr::memchr_iter(b'\n', before.as_bytes()).count()),
            column: number(1 + line.chars().count()),
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// What is wrong with a document as XML.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Cause {
    /// It is not UTF-8.
    #[error("not UTF-8")]
    NotUtf8,
    /// It has more bytes than documents of its kind may have.
    #[error("longer than {0} bytes")]
    TooLong(usize),
    /// It declares a document type, which could define entities.
    #[error("a document type declaration is not accepted")]
    Doctype,
    /// Its elements are nested too deeply.
    #[error("more than {0} elements within each other")]
    TooDeep(usize),
    /// It has too many elements.
    #[error("more than {0} elements")]
    TooManyElements(usize),
    /// An element has too many attributes.
    #[error("more than {0} attributes")]
    TooManyAttributes(usize),
    /// An element declares too many namespaces.
    #[error("more than {0} namespace declarations")]
    TooManyNamespaces(usize),
    /// It is not well-formed.
    #[error("not well-formed: {0}")]
    Malformed(String),
}

/// Reads a document within `limits`. There are no entities but those of XML itself: a document
/// type declaration is refused before anything is parsed.
///
/// # Errors
/// What is wrong, and where.
pub fn read<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Document<'a>, Error> {
    let at_start = |cause| Error { position: Position::START, cause };
    if bytes.len() > limits.bytes {
        return Err(at_start(Cause::TooLong(limits.bytes)));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let valid = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
        Error { position: Position::of(&valid, valid.len()), cause: Cause::NotUtf8 }
    })?;
    let text = text.trim_start_matches('\u{feff}');
    check(text, limits)
        .map_err(|(offset, cause)| Error { position: Position::of(text, offset), cause })?;
    // Comments, texts and instructions are nodes as well; none is shorter than three bytes.
    let options = ParsingOptions { allow_dtd: false, ..ParsingOptions::default() };
    Document::parse_with_options(text, options).map_err(|error| {
        let position = error.pos();
        Error {
            position: Position { line: position.row, column: position.col },
            cause: Cause::Malformed(error.to_string()),
        }
    })
}

/// An attribute that is in no namespace, as those of most formats are: `x:id` is not an `id`.
#[must_use]
pub fn attribute<'a>(node: Node<'a, '_>, name: &str) -> Option<&'a str> {
    let mut attributes = node.attributes();
    attributes.find(|of| of.namespace().is_none() && of.name() == name).map(|of| of.value())
}

/// Whether a document keeps within its limits, in one pass over its bytes. What is not
/// well-formed passes as far as it goes; the parser says what is wrong with it.
fn check(text: &str, limits: &Limits) -> Result<(), (usize, Cause)> {
    let bytes = text.as_bytes();
    let (mut at, mut depth, mut elements) = (0, 0usize, 0usize);
    while let Some(start) = memchr(b'<', &bytes[at..]).map(|found| at + found) {
        let rest = &bytes[start..];
        let skip = |open: usize, close: &[u8]| {
            memmem::find(&rest[open..], close).map(|found| open + found + close.len())
        };
        let length = match rest {
            [b'<', b'!', b'-', b'-', ..] => skip(4, b"-->"),
            [b'<', b'!', b'[', ..] => skip(3, b"]]>"),
            [b'<', b'!', ..] => return Err((start, Cause::Doctype)),
            [b'<', b'?', ..] => skip(2, b"?>"),
            [b'<', b'/', ..] => {
                depth = depth.saturating_sub(1);
                memchr(b'>', rest).map(|found| found + 1)
            }
            _ => {
                elements += 1;
                if elements > limits.elements {
                    return Err((start, Cause::TooManyElements(limits.elements)));
                }
                let (mut attributes, mut namespaces) = (0usize, 0usize);
                let tag = StartTag::read(&text[start..], |attribute| {
                    *if attribute.declares().is_some() {
                        &mut namespaces
                    } else {
                        &mut attributes
                    } += 1;
                });
                if attributes > limits.attributes {
                    return Err((start, Cause::TooManyAttributes(limits.attributes)));
                }
                if namespaces > limits.namespaces {
                    return Err((start, Cause::TooManyNamespaces(limits.namespaces)));
                }
                if tag.as_ref().is_some_and(|tag| !tag.empty) {
                    depth += 1;
                    if depth > limits.depth {
                        return Err((start, Cause::TooDeep(limits.depth)));
                    }
                }
                tag.map(|tag| tag.end)
            }
        };
        match length {
            Some(length) => at = start + length,
            None => return Ok(()),
        }
    }
    Ok(())
}

/// A start tag (or the tag of an empty element) as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StartTag<'a> {
    /// The element's name with its prefix.
    pub name: &'a str,
    /// Where the tag ends, counted from its `<`.
    pub end: usize,
    /// Whether it is `<empty/>`.
    pub empty: bool,
}

/// An attribute as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawAttribute<'a> {
    /// The name with its prefix.
    pub name: &'a str,
    /// The value between its quotes, not resolved.
    pub value: &'a str,
    /// All of it, with the white space before it.
    pub raw: &'a str,
}

impl<'a> RawAttribute<'a> {
    /// The prefix that it declares, empty for the default namespace; `None` if it declares none.
    #[must_use]
    pub fn declares(&self) -> Option<&'a str> {
        match self.name.strip_prefix("xmlns")? {
            "" => Some(""),
            rest => rest.strip_prefix(':'),
        }
    }
}

impl<'a> StartTag<'a> {
    /// Reads the tag that `text` begins with and shows each attribute in turn; `None` if it has no
    /// end, after the attributes that it has.
    pub fn read(text: &'a str, mut each: impl FnMut(RawAttribute<'a>)) -> Option<StartTag<'a>> {
        let bytes = text.as_bytes();
        let ends = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b'/' | b'>' | b'=');
        let word = |from: usize| Some(from + bytes.get(from..)?.iter().position(ends)?);
        let name_end = word(1)?;
        let name = text.get(1..name_end)?;
        let mut at = name_end;
        loop {
            let start = at;
            at += bytes.get(at..)?.iter().position(|byte| !byte.is_ascii_whitespace())?;
            match bytes.get(at)? {
                b'>' => return Some(StartTag { name, end: at + 1, empty: false }),
                b'/' if bytes.get(at + 1) == Some(&b'>') => {
                    return Some(StartTag { name, end: at + 2, empty: true });
                }
                _ => {}
            }
            let end = word(at)?;
            let attribute = text.get(at..end)?;
            let equals = end + memchr(b'=', &bytes[end..])?;
            let open =
                equals + bytes[equals..].iter().position(|byte| matches!(byte, b'"' | b'\''))?;
            let close = open + 1 + memchr(bytes[open], &bytes[open + 1..])?;
            at = close + 1;
            each(RawAttribute {
                name: attribute,
                value: text.get(open + 1..close)?,
                raw: text.get(start..at)?,
            });
        }
    }
}

#[cfg(test)]
mod tests;
