//! Takes an element out of a document so that it means the same in another one.

use roxmltree::Node;

use super::{DATA_MODEL, PIDF, RPID};
use crate::xml::StartTag;

/// The declarations of the root that composed documents have ([`super::write::ROOT`]).
const STANDARD: [(&str, &str); 3] = [("", PIDF), ("dm", DATA_MODEL), ("rpid", RPID)];

const XML: &str = "http://www.w3.org/XML/1998/namespace";

/// What holds around an element, as far as it differs from what holds in composed documents.
pub(super) struct Scope<'a> {
    bindings: Vec<(&'a str, &'a str)>,
    /// The language of texts (RFC 3863 s4.1.6).
    language: Option<&'a str>,
}

impl<'a> Scope<'a> {
    /// What holds for the children of `parent`.
    pub(super) fn within(parent: Node<'a, '_>) -> Scope<'a> {
        let mut bindings: Vec<(&str, &str)> = parent
            .namespaces()
            .map(|namespace| (namespace.name().unwrap_or_default(), namespace.uri()))
            .filter(|binding| binding.0 != "xml" && !STANDARD.contains(binding))
            .collect();
        // Without a declaration, names without a prefix are in no namespace.
        if parent.default_namespace().is_none()
            && !bindings.iter().any(|(prefix, _)| prefix.is_empty())
        {
            bindings.push(("", ""));
        }
        let language = parent.ancestors().find_map(|node| node.attribute((XML, "lang")));
        Scope { bindings, language }
    }

    /// Appends the element `raw` with the declarations that it takes from its surroundings.
    pub(super) fn take(&self, raw: &str, out: &mut String) {
        let mut own: Vec<&str> = Vec::new();
        let mut has_language = false;
        let tag = StartTag::read(raw, |attribute| {
            own.extend(attribute.declares());
            has_language |= attribute.name == "xml:lang";
        });
        let Some(tag) = tag else { return out.push_str(raw) };
        let name_end = 1 + tag.name.len();
        out.push_str(&raw[..name_end]);
        for (prefix, uri) in &self.bindings {
            if !own.contains(prefix) && uses(raw, prefix) {
                declare(prefix, uri, out);
            }
        }
        if let Some(language) = self.language.filter(|_| !has_language) {
            attribute("xml:lang", language, out);
        }
        out.push_str(&raw[name_end..]);
    }

    /// Appends attributes of an element whose tag is written anew, and the declarations that they
    /// need. Those that would bind a prefix of the root otherwise are left out.
    pub(super) fn take_attributes(&self, raw: &str, out: &mut String) {
        let mut prefixes: Vec<&str> = Vec::new();
        StartTag::read(raw, |attribute| {
            let name = attribute.name;
            if name == "id" || name == "xml:lang" || attribute.declares().is_some() {
                return;
            }
            if let Some((prefix, _)) = name.split_once(':') {
                if STANDARD.iter().any(|(standard, _)| *standard == prefix)
                    && self.bindings.iter().any(|(bound, _)| *bound == prefix)
                {
                    return;
                }
                if !prefixes.contains(&prefix) {
                    prefixes.push(prefix);
                }
            }
            out.push_str(attribute.raw);
        });
        for (prefix, uri) in &self.bindings {
            if prefixes.contains(prefix) {
                declare(prefix, uri, out);
            }
        }
    }
}

fn declare(prefix: &str, uri: &str, out: &mut String) {
    if prefix.is_empty() {
        attribute("xmlns", uri, out);
    } else {
        attribute(&format!("xmlns:{prefix}"), uri, out);
    }
}

fn attribute(name: &str, value: &str, out: &mut String) {
    out.push(' ');
    out.push_str(name);
    out.push_str("=\"");
    super::write::escape(value, out);
    out.push('"');
}

/// Whether the names in `raw`, in tags or in texts, may have this prefix.
fn uses(raw: &str, prefix: &str) -> bool {
    if prefix.is_empty() {
        return raw.match_indices('<').any(|(at, _)| {
            let name = raw[at + 1..].split(|c: char| " \t\r\n/>".contains(c)).next();
            name.is_some_and(|name| {
                !name.is_empty() && !name.starts_with(['!', '?']) && !name.contains(':')
            })
        });
    }
    raw.match_indices(prefix).any(|(at, _)| {
        raw[at + prefix.len()..].starts_with(':')
            && !raw[..at].ends_with(|c: char| c.is_alphanumeric() || "_-.:".contains(c))
    })
}
