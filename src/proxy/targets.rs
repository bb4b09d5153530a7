//! Where a request for a person goes (RFC 3261 s16.5): the target set.

use std::sync::Arc;
use std::time::Duration;

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
    /// The Path of the binding, as the value of a Route (RFC 3327 s5.4).
    pub route: Option<Arc<[u8]>>,
    /// Preference in thousandths (RFC 3261 s20.10): the highest is tried first.
    pub q: u16,
    /// Other flows of the same device, for when this one fails (RFC 5626 s7), the best last.
    pub reserves: Vec<Binding>,
    /// Other servers of the same neighbour, the best last (RFC 3263 s4.3).
    pub others: Vec<Flow>,
    /// How long it may say nothing at all before it counts as failed; `None` leaves that to the
    /// timers of the transaction.
    pub patience: Option<Duration>,
}

impl Target {
    /// A target for a request that keeps its Request-URI.
    #[must_use]
    pub fn over(flow: Flow) -> Target {
        Target {
            uri: None,
            flow,
            route: None,
            q: 1_000,
            reserves: Vec::new(),
            others: Vec::new(),
            patience: None,
        }
    }

    /// A contact, with other flows of its device, the best last.
    fn of(binding: &Binding, reserves: Vec<Binding>) -> Target {
        Target {
            uri: Some(Arc::clone(&binding.contact)),
            flow: binding.flow,
            route: binding.route.clone(),
            q: binding.q,
            reserves,
            others: Vec::new(),
            patience: None,
        }
    }

    /// Takes the next of the other flows, if there is one.
    pub fn try_next(&mut self) -> bool {
        if let Some(flow) = self.others.pop() {
            self.flow = flow;
            return true;
        }
        let Some(next) = self.reserves.pop() else { return false };
        let reserves = std::mem::take(&mut self.reserves);
        *self = Target { q: self.q, ..Target::of(&next, reserves) };
        true
    }
}

/// The targets of one request, the preferred ones first.
pub type TargetSet = SmallVec<[Target; 2]>;

/// Takes those off the front that are tried at the same time: of one preference, and no more than
/// `breadth` (RFC 5393 s5.3.3).
#[must_use]
pub fn next_group(set: &mut TargetSet, breadth: u32) -> TargetSet {
    let q = set.first().map(|target| target.q);
    let equal = set.iter().take_while(|target| Some(target.q) == q).count();
    let count = equal.min(breadth as usize);
    set.drain(..count).collect()
}

/// The devices of a person: one target for each, never two flows of one instance at a time
/// (RFC 5626 s7), ordered by falling q (RFC 3261 s16.6).
#[must_use]
pub fn targets(row: &Row, now: Tick) -> TargetSet {
    let target = |binding: &Binding| {
        let mut reserves: Vec<Binding> = row.other_flows(binding, now).cloned().collect();
        reserves.reverse();
        Target::of(binding, reserves)
    };
    let mut set: TargetSet = row.targets(now).map(target).collect();
    set.sort_by_key(|target| std::cmp::Reverse(target.q));
    set
}

/// The instance that the `gr` parameter of a GRUU names, over its newest flow (RFC 5627 s6.1): empty
/// while it is away, `None` if it was never here.
#[must_use]
pub fn instance_targets(row: &Row, gr: &[u8], now: Tick) -> Option<TargetSet> {
    let flows = row.instance_targets(gr, now)?;
    let Some((newest, others)) = flows.split_first() else { return Some(TargetSet::new()) };
    let reserves = others.iter().rev().map(|binding| (*binding).clone()).collect();
    Some(TargetSet::from_iter([Target::of(newest, reserves)]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::{ConnectionId, Transport};

    fn target(q: u16) -> Target {
        let any = std::net::SocketAddr::from(([192, 0, 2, 1], 5060));
        let flow = Flow {
            transport: Transport::Udp,
            local: any,
            remote: any,
            connection: ConnectionId::NONE,
        };
        Target { q, ..Target::over(flow) }
    }

    // RFC 3261 s16.6: by decreasing q, those of one q at once; RFC 5393 s5.3.3
    #[test]
    fn one_preference_at_a_time_and_no_more_than_the_breadth() {
        let mut set: TargetSet = [1_000, 1_000, 1_000, 500].map(target).into_iter().collect();
        let sizes: Vec<usize> = std::iter::from_fn(|| {
            let group = next_group(&mut set, 2);
            (!group.is_empty()).then_some(group.len())
        })
        .collect();
        assert_eq!(sizes, [2, 1, 1]);
    }
}
