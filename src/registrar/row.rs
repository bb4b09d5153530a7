//! The row of one address-of-record, and what a REGISTER does to it.

use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use smallvec::SmallVec;

use super::gruu::same_instance;
use super::request::Refusal;
use crate::clock::{Tick, WallTime};
use crate::model::DeviceKey;
use crate::sip::uri::Uri;
use crate::sip::{ConnectionId, Flow};

/// Bytes of a digest that name a binding.
const HANDLE: usize = 8;

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
    /// `reg-id` of a contact that is bound by outbound's rules (RFC 5626 s6), with an instance
    /// always.
    pub reg_id: Option<u32>,
    /// The other parameters of the Contact, each with its semicolon.
    pub params: Option<Arc<str>>,
    /// The Path as the Route of requests to it (RFC 3327).
    pub route: Option<Arc<[u8]>>,
    /// What the device calls itself.
    pub user_agent: Option<Arc<str>>,
    /// When it was first made.
    pub created: WallTime,
    /// When it ends by what is stored, which is no earlier ([`Row::is_stored_by`]).
    pub(super) stored_until: Tick,
}

impl Binding {
    /// Names it among the bindings of its address-of-record, also after it was renewed.
    #[must_use]
    pub fn handle(&self) -> String {
        let mut digest = Sha256::new();
        digest.update(&self.contact);
        digest.update([0]);
        digest.update(self.instance.as_deref().unwrap_or_default());
        digest.update(self.reg_id.unwrap_or_default().to_be_bytes());
        digest.finalize().iter().take(HANDLE).map(|byte| format!("{byte:02x}")).collect()
    }

    /// Whether what is stored of `before` holds for this binding as well: only its times and the
    /// number of its REGISTER differ, and the store lets it live long enough.
    fn is_stored_by(&self, before: &Binding, now: Tick) -> bool {
        let granted = self.expires.since(now);
        self.contact == before.contact
            && self.flow == before.flow
            && self.connection_bound == before.connection_bound
            && self.device == before.device
            && self.call_id == before.call_id
            && self.q == before.q
            && self.instance == before.instance
            && self.reg_id == before.reg_id
            && self.params == before.params
            && self.route == before.route
            && self.user_agent == before.user_agent
            && self.expires <= before.stored_until
            // Nor much too long, as after a device that asks for less than before.
            && before.stored_until <= self.expires + granted
    }

    /// Whether `other` takes this one's place. Two flows are compared by instance and `reg-id`
    /// alone (RFC 5626 s6), everything else by URI (RFC 3261 s10.3 step 7) or by instance: one that
    /// came back with another URI is not there twice.
    fn is_replaced_by(&self, other: &Binding) -> bool {
        match (self.flow_key(), other.flow_key()) {
            (Some(ours), Some(theirs)) => ours.is(theirs),
            (None, None) => self.is_of_instance_of(other) || self.names(&other.contact),
            // A device that began or ceased to use outbound.
            _ => self.is_of_instance_of(other) && self.names(&other.contact),
        }
    }

    /// What names it among the flows, if it is one.
    fn flow_key(&self) -> Option<FlowKey<'_>> {
        Some(FlowKey { instance: self.instance.as_deref()?, reg_id: self.reg_id? })
    }

    /// Whether both are of one instance.
    #[must_use]
    pub fn is_of_instance_of(&self, other: &Binding) -> bool {
        match (&self.instance, &other.instance) {
            (Some(ours), Some(theirs)) => same_instance(ours, theirs),
            _ => false,
        }
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

/// What names a flow of an address-of-record (RFC 5626 s6).
#[derive(Clone, Copy, Debug)]
pub(super) struct FlowKey<'a> {
    pub(super) instance: &'a str,
    pub(super) reg_id: u32,
}

impl FlowKey<'_> {
    fn is(self, other: FlowKey<'_>) -> bool {
        self.reg_id == other.reg_id && same_instance(self.instance, other.instance)
    }
}

/// When a device of a person was last registered; it is remembered for messages that wait for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The device.
    pub device: DeviceKey,
    /// When it last registered.
    pub at: WallTime,
    /// The same by what is stored.
    pub(super) stored_at: WallTime,
}

/// All contacts of one address-of-record.
#[derive(Clone, Debug, Default)]
pub struct Row {
    /// The contacts; those past their time are still here until somebody writes or sweeps.
    pub bindings: SmallVec<[Binding; 1]>,
    /// Devices that were here within the memory of the message store.
    pub seen: SmallVec<[Seen; 1]>,
    /// Instances that were here, the last one last: their GRUUs stay valid (RFC 5627 s5.3).
    pub instances: Vec<Arc<str>>,
}

/// A change to one contact.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there are one or two at a time, for a moment")]
pub(super) enum Change<'a> {
    Put(Binding),
    /// What has this URI.
    Remove(&'a [u8]),
    /// A flow, whatever its URI.
    RemoveFlow(FlowKey<'a>),
}

impl Change<'_> {
    /// Whether it is about this binding.
    fn concerns(&self, binding: &Binding) -> bool {
        match self {
            Change::Put(new) => binding.is_replaced_by(new),
            Change::Remove(uri) => binding.names(uri),
            Change::RemoveFlow(key) => binding.flow_key().is_some_and(|own| own.is(*key)),
        }
    }
}

/// How far the day on which a device was last seen may be behind in the store.
const SEEN_STEP: Duration = Duration::from_secs(3_600);

impl Row {
    /// Whether the store need not be told of this row, after `before`: a REGISTER that renews what
    /// it renewed a while ago changes nothing there. To that end a binding is stored as if it lasted
    /// half as long again as was granted; after a restart it ends late, never early, and a device
    /// that is there renews it before.
    pub(super) fn is_stored_by(&self, before: &Row, now: Tick) -> bool {
        self.bindings.len() == before.bindings.len()
            && self.seen.len() == before.seen.len()
            && self.instances == before.instances
            && self
                .bindings
                .iter()
                .zip(&before.bindings)
                .all(|(new, old)| new.is_stored_by(old, now))
            && self.seen.iter().zip(&before.seen).all(|(new, old)| {
                new.device == old.device && new.at.since(old.stored_at) < SEEN_STEP
            })
    }

    /// What the store knows already of a row that it need not be told of.
    pub(super) fn inherit(&mut self, before: &Row) {
        for (new, old) in self.bindings.iter_mut().zip(&before.bindings) {
            new.stored_until = old.stored_until;
        }
        for (new, old) in self.seen.iter_mut().zip(&before.seen) {
            new.stored_at = old.stored_at;
        }
    }

    /// What the store is about to know of this row.
    pub(super) fn mark_stored(&mut self, now: Tick) {
        for binding in &mut self.bindings {
            binding.stored_until = binding.expires + binding.expires.since(now) / 2;
        }
        for seen in &mut self.seen {
            seen.stored_at = seen.at;
        }
    }

    /// The contacts that are in force at `now`.
    pub fn live(&self, now: Tick) -> impl Iterator<Item = &Binding> {
        self.bindings.iter().filter(move |binding| binding.expires > now)
    }

    /// Where a request to the person goes: of each instance only the flow that registered last
    /// (RFC 5626 s7: never two contacts of one instance at a time).
    pub fn targets(&self, now: Tick) -> impl Iterator<Item = &Binding> {
        self.bindings.iter().enumerate().filter_map(move |(place, binding)| {
            let is_live = binding.expires > now;
            let has_newer = || {
                let newer = self.bindings.get(place + 1..).unwrap_or_default();
                newer.iter().any(|other| other.expires > now && other.is_of_instance_of(binding))
            };
            (is_live && !(binding.instance.is_some() && has_newer())).then_some(binding)
        })
    }

    /// The other flows of a target's instance, the newest first: where to try again when its own
    /// flow has failed (RFC 5626 s7).
    pub fn other_flows<'a>(
        &'a self,
        target: &'a Binding,
        now: Tick,
    ) -> impl Iterator<Item = &'a Binding> {
        let is_other = move |binding: &&Binding| {
            binding.is_of_instance_of(target) && !binding.is_replaced_by(target)
        };
        self.bindings.iter().rev().filter(move |binding| binding.expires > now).filter(is_other)
    }

    /// Whether nothing is left to remember.
    pub(super) fn is_empty(&self) -> bool {
        self.bindings.is_empty() && self.seen.is_empty() && self.instances.is_empty()
    }

    /// Takes a device and all that it registered away; true if there was anything.
    pub(super) fn drop_device(&mut self, device: &DeviceKey) -> bool {
        let before = self.bindings.len() + self.seen.len();
        let Row { bindings, seen, instances } = self;
        let of_it = |instance: &str| {
            let mut its = bindings.iter().filter(|binding| binding.device == *device);
            its.any(|binding| {
                binding.instance.as_deref().is_some_and(|i| same_instance(i, instance))
            })
        };
        instances.retain(|instance| !of_it(instance));
        bindings.retain(|binding| binding.device != *device);
        seen.retain(|seen| seen.device != *device);
        before != self.bindings.len() + self.seen.len()
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
        changes: Vec<Change<'_>>,
        call_id: &[u8],
        cseq: u32,
        limit: usize,
    ) -> Result<(), Refusal> {
        let is_late = |binding: &Binding| *binding.call_id == *call_id && cseq <= binding.cseq;
        for change in &changes {
            if self.bindings.iter().any(|binding| is_late(binding) && change.concerns(binding)) {
                return Err(Refusal::OutOfOrder);
            }
        }
        let mut next = self.bindings.clone();
        for change in changes {
            let made = next.iter().find(|binding| change.concerns(binding)).map(|b| b.created);
            next.retain(|binding| !change.concerns(binding));
            if let Change::Put(mut binding) = change {
                // One that is renewed is no younger.
                binding.created = made.unwrap_or(binding.created);
                next.push(binding);
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
            None => {
                let stored_at = WallTime::from_unix_millis(0);
                self.seen.push(Seen { device: device.clone(), at, stored_at });
            }
        }
    }
}
