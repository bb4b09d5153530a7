//! Where a request for a person goes (RFC 3261 s16.5): the target set.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::clock::Tick;
use crate::registrar::{Binding, Row};
use crate::sip::Flow;

/// One place that a request is forwarded to.
#[derive(Clone, Debug)]
pub struct Target {
    /// What becomes the Request-URI; `None` leaves the one that came, as within a dialog.
    pub uri: Option<Arc<[u8]>>,
    /// The flow it goes over.
    pub flow: Flow,
    /// Preference in thousandths (RFC 3261 s20.10): the highest is tried first.
    pub q: u16,
    /// Other flows of the same device, for when this one fails (RFC 5626 s7), the best last.
    pub reserves: Vec<(Arc<[u8]>, Flow)>,
}

impl Target {
    /// A target for a request that keeps its Request-URI.
    #[must_use]
    pub fn over(flow: Flow) -> Target {
        Target { uri: None, flow, q: 1_000, reserves: Vec::new() }
    }
}

/// The targets of one request, the preferred ones first.
pub type TargetSet = SmallVec<[Target; 2]>;

/// The devices of a person: one target for each, never two flows of one instance at a time
/// (RFC 5626 s7), ordered by falling q (RFC 3261 s16.6).
#[must_use]
pub fn targets(row: &Row, now: Tick) -> TargetSet {
    let mut set = TargetSet::new();
    let mut instances: SmallVec<[Option<&str>; 2]> = SmallVec::new();
    // The last flow to register is the one that works; it comes last in the row.
    for binding in row.live(now).collect::<SmallVec<[&Binding; 2]>>().into_iter().rev() {
        let instance = binding.instance.as_deref();
        let known = instances.iter().position(|known| known.is_some() && *known == instance);
        match known.and_then(|place| set.get_mut(place)) {
            Some(target) => target.reserves.insert(0, (Arc::clone(&binding.contact), binding.flow)),
            None => {
                instances.push(instance);
                set.push(Target {
                    uri: Some(Arc::clone(&binding.contact)),
                    flow: binding.flow,
                    q: binding.q,
                    reserves: Vec::new(),
                });
            }
        }
    }
    // Oldest first among equals, as they stand in the row.
    set.reverse();
    set.sort_by_key(|target| std::cmp::Reverse(target.q));
    set
}
