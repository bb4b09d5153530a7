//! A person's presence as watchers see it: composed once for each change, written once for each set
//! of permissions, and shared by all who have it.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;

use bytes::Bytes;

use super::index::Access;
use crate::payload::pidf::Composed;
use crate::payload::pres_rules::{Handling, Permissions, Shape, transform};

/// Sets of permissions whose documents are kept; a person with more rules than these has some of
/// them written anew.
const MOST_WRITTEN: usize = 32;

/// What there is to see of one person.
#[derive(Default)]
pub(super) struct View {
    composed: Option<Composed>,
    /// What those see who may not see anything: as if nobody were there.
    closed: Option<Document>,
    written: Vec<(Shape, Arc<Permissions>, Document)>,
}

/// A document as it is sent, and the number by which it is known again.
#[derive(Clone, Default)]
pub(super) struct Document {
    pub(super) bytes: Bytes,
    pub(super) number: u64,
}

impl Document {
    fn new(hasher: &RandomState, bytes: Vec<u8>) -> Document {
        Document { number: hasher.hash_one(&bytes), bytes: bytes.into() }
    }
}

impl View {
    /// The document for a watcher, from what there is of the person: `present`, or `absent` as if
    /// there were nobody. Who may not see anything gets the second one by the same steps as who may
    /// see a person who is not there, so that the time tells nothing either (RFC 5025 s8.1).
    pub(super) fn document(
        &mut self,
        hasher: &RandomState,
        access: &Access,
        one_tuple: bool,
        present: impl FnOnce() -> Composed,
        absent: impl FnOnce() -> (Composed, Arc<Permissions>),
    ) -> Document {
        let shape = if one_tuple { Shape::Single } else { Shape::Rich };
        if access.handling != Handling::Allow {
            let write = || {
                let (composed, everything) = absent();
                Document::new(hasher, transform(&composed, &everything, Shape::Rich))
            };
            return self.closed.get_or_insert_with(write).clone();
        }
        let composed = self.composed.get_or_insert_with(present);
        let is_it = |(of, permissions, _): &&(Shape, Arc<Permissions>, Document)| {
            *of == shape
                && (Arc::ptr_eq(permissions, &access.permissions)
                    || *permissions == access.permissions)
        };
        if let Some((.., document)) = self.written.iter().find(is_it) {
            return document.clone();
        }
        let document = Document::new(hasher, transform(composed, &access.permissions, shape));
        if self.written.len() >= MOST_WRITTEN {
            self.written.remove(0);
        }
        self.written.push((shape, Arc::clone(&access.permissions), document.clone()));
        document
    }
}
