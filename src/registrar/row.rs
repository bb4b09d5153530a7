//! The row of one address-of-record, and what a REGISTER does to it.

use std::sync::Arc;

use smallvec::SmallVec;

use super::table::Refusal;
use crate::clock::{Tick, WallTime};
use crate::model::DeviceKey;
use crate::sip::uri::Uri;
use crate::sip::{ConnectionId, Flow};

/// A contact of an address-of-record, as it stands.
#[derive(Clone, Debug)]
pub struct Binding {
    /// The contact URI as it was registered; it becomes the Request-URI.
    pub contact: Arc<[u8]>,
    /// Where requests for it go.
    pub flow: Flow,
    /// Whether it ends with its connection.
    pub connection_bound: bool,
    /// The device that registered it.
    pub device: DeviceKey,
    /// Call-ID of the REGISTER that made or renewed it.
    pub call_id: Arc<[u8]>,
    /// CSeq of that REGISTER.
    pub cseq: u32,
    /// Preference in thousandths (RFC 3261 s20.10).
    pub q: u16,
    /// When it ends.
    pub expires: Tick,
    /// `+sip.instance` (RFC 5626 s4.1), without quotes.
    pub instance: Option<Arc<str>>,
    /// `reg-id` (RFC 5626 s4.2).
    pub reg_id: Option<u32>,
    /// What the device calls itself.
    pub user_agent: Option<Arc<str>>,
    /// When it was first made.
    pub created: WallTime,
}

impl Binding {
    /// Whether `other` takes this one's place: the same URI (RFC 3261 s10.3 step 7), or the same
    /// instance over the same registration flow (RFC 5626 s6).
    fn is_replaced_by(&self, other: &Binding) -> bool {
        if self.instance.is_some() && self.instance == other.instance && self.reg_id == other.reg_id
        {
            return true;
        }
        self.names(&other.contact)
    }

    /// Whether this binding's contact is equivalent to `uri` (RFC 3261 s19.1.4).
    fn names(&self, uri: &[u8]) -> bool {
        if *self.contact == *uri {
            return true;
        }
        match (Uri::parse(&self.contact), Uri::parse(uri)) {
            (Ok(ours), Ok(theirs)) => ours.equivalent(&theirs),
            _ => false,
        }
    }
}

/// When a device of a person was last registered; it is remembered for messages that wait for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The device.
    pub device: DeviceKey,
    /// When it last registered.
    pub at: WallTime,
}

/// All contacts of one address-of-record.
#[derive(Clone, Debug, Default)]
pub struct Row {
    /// The contacts; those past their time are still here until somebody writes or sweeps.
    pub bindings: SmallVec<[Binding; 1]>,
    /// Devices that were here within the memory of the message store.
    pub seen: SmallVec<[Seen; 1]>,
}

/// A change to one contact.
#[derive(Debug)]
pub(super) enum Change {
    Put(Binding),
    Remove(Vec<u8>),
}

impl Row {
    /// The contacts that are in force at `now`.
    pub fn live(&self, now: Tick) -> impl Iterator<Item = &Binding> {
        self.bindings.iter().filter(move |binding| binding.expires > now)
    }

    /// Drops contacts past their time and devices not seen since `horizon`.
    pub(super) fn prune(&mut self, now: Tick, horizon: WallTime) {
        self.bindings.retain(|binding| binding.expires > now);
        let bindings = &self.bindings;
        self.seen.retain(|seen| {
            seen.at >= horizon || bindings.iter().any(|binding| binding.device == seen.device)
        });
    }

    /// Drops the contacts that hung on `connection`; true if there were any.
    pub(super) fn drop_connection(&mut self, connection: ConnectionId) -> bool {
        let before = self.bindings.len();
        self.bindings
            .retain(|binding| !(binding.connection_bound && binding.flow.connection == connection));
        before != self.bindings.len()
    }

    /// RFC 3261 s10.3 step 6: `*` takes every contact away, unless the request is older than one.
    pub(super) fn clear(&mut self, call_id: &[u8], cseq: u32) -> Result<(), Refusal> {
        if self.bindings.iter().any(|binding| *binding.call_id == *call_id && cseq <= binding.cseq)
        {
            return Err(Refusal::OutOfOrder);
        }
        self.bindings.clear();
        Ok(())
    }

    /// RFC 3261 s10.3 step 7: all changes or none.
    pub(super) fn apply(
        &mut self,
        changes: Vec<Change>,
        call_id: &[u8],
        cseq: u32,
        limit: usize,
    ) -> Result<(), Refusal> {
        for change in &changes {
            let uri = match change {
                Change::Put(binding) => &*binding.contact,
                Change::Remove(uri) => uri,
            };
            let stale = self.bindings.iter().any(|binding| {
                *binding.call_id == *call_id && cseq <= binding.cseq && binding.names(uri)
            });
            if stale {
                return Err(Refusal::OutOfOrder);
            }
        }
        let mut next = self.bindings.clone();
        for change in changes {
            match change {
                Change::Remove(uri) => next.retain(|binding| !binding.names(&uri)),
                Change::Put(binding) => {
                    next.retain(|old| !old.is_replaced_by(&binding));
                    next.push(binding);
                }
            }
        }
        if next.len() > limit && next.len() > self.bindings.len() {
            return Err(Refusal::TooMany);
        }
        self.bindings = next;
        Ok(())
    }

    /// Notes that `device` is here.
    pub(super) fn note_seen(&mut self, device: &DeviceKey, at: WallTime) {
        match self.seen.iter_mut().find(|seen| seen.device == *device) {
            Some(seen) => seen.at = at,
            None => self.seen.push(Seen { device: device.clone(), at }),
        }
    }
}
