//! `application/watcherinfo+xml` (RFC 3858): who watches somebody, and who would like to.

use std::fmt::Write;

use roxmltree::Node;

use super::pidf::escape;
use crate::text::is_token;
use crate::xml::{self, Limits};

/// The media type.
pub const MEDIA_TYPE: &str = "application/watcherinfo+xml";

const NAMESPACE: &str = "urn:ietf:params:xml:ns:watcherinfo";

/// A list of 500 watchers with long names and URIs. Only clients read it.
const MOST_BYTES: usize = 1024 * 1024;

/// Where a subscription stands (RFC 3857 s4.7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// Nobody decided about it yet.
    Pending,
    /// It is told the state.
    Active,
    /// It ran out before anybody decided about it.
    Waiting,
    /// It is over.
    Terminated,
}

/// What brought a subscription where it stands (RFC 3857 s4.7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// It was asked for.
    Subscribe,
    /// The person allowed it.
    Approved,
    /// The server ended it; it may come back at once.
    Deactivated,
    /// The server ended it; it may come back later.
    Probation,
    /// The person refused it.
    Rejected,
    /// Its time ran out.
    Timeout,
    /// Nobody decided about it for too long.
    Giveup,
    /// There is nobody of that name any more.
    Noresource,
}

const STATUSES: [(Status, &str); 4] = [
    (Status::Pending, "pending"),
    (Status::Active, "active"),
    (Status::Waiting, "waiting"),
    (Status::Terminated, "terminated"),
];

const EVENTS: [(Event, &str); 8] = [
    (Event::Subscribe, "subscribe"),
    (Event::Approved, "approved"),
    (Event::Deactivated, "deactivated"),
    (Event::Probation, "probation"),
    (Event::Rejected, "rejected"),
    (Event::Timeout, "timeout"),
    (Event::Giveup, "giveup"),
    (Event::Noresource, "noresource"),
];

impl Status {
    /// The value of the `status` attribute.
    #[must_use]
    pub fn name(self) -> &'static str {
        STATUSES.iter().find(|(status, _)| *status == self).map_or("", |(_, name)| name)
    }
}

impl Event {
    /// The value of the `event` attribute.
    #[must_use]
    pub fn name(self) -> &'static str {
        EVENTS.iter().find(|(event, _)| *event == self).map_or("", |(_, name)| name)
    }
}

/// A subscription of somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watcher {
    /// Tells it from the others, the same in every document: a token (RFC 3858 s3).
    pub id: String,
    /// Who watches, as he proved to be.
    pub uri: String,
    /// Where it stands.
    pub status: Status,
    /// What brought it there.
    pub event: Event,
    /// The watcher's name.
    pub display_name: Option<String>,
    /// Seconds until it ends.
    pub expiration: Option<u64>,
    /// Seconds since it was asked for.
    pub duration_subscribed: Option<u64>,
}

/// Those who watch one resource by one package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    /// What they watch, a URI.
    pub resource: String,
    /// The event package, such as `presence`.
    pub package: String,
    /// They.
    pub watchers: Vec<Watcher>,
}

/// What a document tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Orders the documents of one subscription; each is one more than the one before.
    pub version: u32,
    /// Whether it tells of all, or of those that have changed.
    pub full: bool,
    /// The lists.
    pub lists: Vec<List>,
}

/// Why a document was not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WatcherinfoError {
    /// It is no XML that is accepted here.
    #[error(transparent)]
    Xml(#[from] xml::Error),
    /// It is XML of another kind.
    #[error("the root is <{0}>, not <watcherinfo>")]
    OtherRoot(String),
    /// An attribute that must be there is not, or has a value that it cannot have (RFC 3858 s3).
    #[error("<{element}> lacks a proper {attribute}")]
    Attribute {
        /// The element.
        element: &'static str,
        /// The attribute.
        attribute: &'static str,
    },
}

impl Document {
    /// The document as XML. An id that is no token is written as one: characters that tokens lack
    /// become `.`.
    #[must_use]
    pub fn write(&self) -> String {
        let watchers: usize = self.lists.iter().map(|list| list.watchers.len()).sum();
        let mut out = String::with_capacity(256 + watchers * 192);
        // Writing to a String does not fail.
        let _ = write!(
            out,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <watcherinfo xmlns=\"{NAMESPACE}\" version=\"{}\" state=\"{}\">\n",
            self.version,
            if self.full { "full" } else { "partial" },
        );
        for list in &self.lists {
            out.push_str("<watcher-list resource=\"");
            escape(&list.resource, &mut out);
            out.push_str("\" package=\"");
            escape(&list.package, &mut out);
            out.push_str("\">\n");
            for watcher in &list.watchers {
                watcher.write(&mut out);
            }
            out.push_str("</watcher-list>\n");
        }
        out.push_str("</watcherinfo>\n");
        out
    }

    /// Reads a document. What is of other namespaces is passed over (RFC 3858 s3), and so is a
    /// watcher whose status or event this version of the format does not have.
    ///
    /// # Errors
    /// It is not XML within the limits, of another kind, or lacks a mandatory attribute.
    pub fn read(bytes: &[u8]) -> Result<Document, WatcherinfoError> {
        let xml = xml::read(bytes, &Limits { bytes: MOST_BYTES, ..Limits::default() })?;
        let root = xml.root_element();
        if !root.has_tag_name((NAMESPACE, "watcherinfo")) {
            return Err(WatcherinfoError::OtherRoot(root.tag_name().name().to_owned()));
        }
        let wrong = |attribute| WatcherinfoError::Attribute { element: "watcherinfo", attribute };
        let version = number(root, "version").ok_or_else(|| wrong("version"))?;
        let version = u32::try_from(version).map_err(|_| wrong("version"))?;
        let full = match xml::attribute(root, "state") {
            Some("full") => true,
            Some("partial") => false,
            _ => return Err(wrong("state")),
        };
        let lists = root.children().filter(|node| node.has_tag_name((NAMESPACE, "watcher-list")));
        let lists = lists.map(List::read).collect::<Result<_, _>>()?;
        Ok(Document { version, full, lists })
    }
}

impl List {
    fn read(node: Node<'_, '_>) -> Result<List, WatcherinfoError> {
        let attribute = |attribute| {
            xml::attribute(node, attribute)
                .map(str::to_owned)
                .ok_or(WatcherinfoError::Attribute { element: "watcher-list", attribute })
        };
        let (resource, package) = (attribute("resource")?, attribute("package")?);
        let mut watchers = Vec::new();
        for child in node.children().filter(|node| node.has_tag_name((NAMESPACE, "watcher"))) {
            watchers.extend(Watcher::read(child)?);
        }
        Ok(List { resource, package, watchers })
    }
}

impl Watcher {
    fn read(node: Node<'_, '_>) -> Result<Option<Watcher>, WatcherinfoError> {
        let attribute = |attribute| {
            xml::attribute(node, attribute)
                .ok_or(WatcherinfoError::Attribute { element: "watcher", attribute })
        };
        let id = attribute("id")?.trim().to_owned();
        if !is_token(id.as_bytes()) {
            return Err(WatcherinfoError::Attribute { element: "watcher", attribute: "id" });
        }
        let (status, event) = (attribute("status")?, attribute("event")?);
        let status = STATUSES.iter().find(|(_, name)| *name == status);
        let event = EVENTS.iter().find(|(_, name)| *name == event);
        let (Some((status, _)), Some((event, _))) = (status, event) else { return Ok(None) };
        let text: String = node.children().filter_map(|part| part.text()).collect();
        Ok(Some(Watcher {
            id,
            uri: text.trim().to_owned(),
            status: *status,
            event: *event,
            display_name: xml::attribute(node, "display-name").map(str::to_owned),
            expiration: number(node, "expiration"),
            duration_subscribed: number(node, "duration-subscribed"),
        }))
    }

    fn write(&self, out: &mut String) {
        out.push_str("<watcher id=\"");
        for byte in self.id.bytes() {
            let byte = if is_token(&[byte]) { byte } else { b'.' };
            out.push(char::from(byte));
        }
        let _ = write!(out, "\" status=\"{}\" event=\"{}\"", self.status.name(), self.event.name());
        if let Some(name) = &self.display_name {
            out.push_str(" display-name=\"");
            escape(name, out);
            out.push('"');
        }
        if let Some(seconds) = self.expiration {
            let _ = write!(out, " expiration=\"{seconds}\"");
        }
        if let Some(seconds) = self.duration_subscribed {
            let _ = write!(out, " duration-subscribed=\"{seconds}\"");
        }
        out.push('>');
        escape(&self.uri, out);
        out.push_str("</watcher>\n");
    }
}

fn number(node: Node<'_, '_>, attribute: &str) -> Option<u64> {
    let text = xml::attribute(node, attribute)?.trim();
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
#[path = "watcherinfo_tests.rs"]
mod tests;
