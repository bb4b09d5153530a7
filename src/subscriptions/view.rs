//! A person's presence as watchers see it: composed once for each change, written once for each set
//! of permissions, and shared by all who have it.

use std::sync::Arc;

use bytes::Bytes;

use super::index::Access;
use crate::payload::pidf::{self, Composed};
use crate::payload::pres_rules::{Handling, Permissions, Shape, transform};

/// Sets of permissions whose documents are kept; a person with more rules than these has some of
/// them written anew.
const MOST_WRITTEN: usize = 32;

/// What there is to see of one person.
pub(super) struct View {
    composed: Composed,
    /// What those see who may not see anything: as if nobody were there.
    closed: Option<Bytes>,
    written: Vec<(Shape, Arc<Permissions>, Bytes)>,
}

impl View {
    pub(super) fn of(composed: Composed) -> View {
        View { composed, closed: None, written: Vec::new() }
    }

    /// The document for a watcher.
    pub(super) fn document(&mut self, access: &Access, one_tuple: bool) -> Bytes {
        if access.handling != Handling::Allow {
            let entity = self.composed.entity();
            return self.closed.get_or_insert_with(|| pidf::closed(entity).into()).clone();
        }
        let shape = if one_tuple { Shape::Single } else { Shape::Rich };
        let is_it = |(of, permissions, _): &&(Shape, Arc<Permissions>, Bytes)| {
            *of == shape
                && (Arc::ptr_eq(permissions, &access.permissions)
                    || *permissions == access.permissions)
        };
        if let Some((.., document)) = self.written.iter().find(is_it) {
            return document.clone();
        }
        let document = Bytes::from(transform(&self.composed, &access.permissions, shape));
        if self.written.len() >= MOST_WRITTEN {
            self.written.remove(0);
        }
        self.written.push((shape, Arc::clone(&access.permissions), document.clone()));
        document
    }
}
