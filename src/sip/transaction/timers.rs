//! When transactions want to be looked at again.
//!
//! SIP's timers take few different lengths: T1 and its doublings, T2, T4, 64*T1 and a handful more.
//! Timers of one length come due in the order in which they were set, so each length has a plain
//! queue: setting and firing cost a push and a pop, exactly on time, with no wheel to turn. What
//! has another length (the rest of Timer F behind the last Timer E) goes to a small heap.
//!
//! A transaction has one live timer, its earliest. Cancelling is forgetting: an entry counts only
//! while its stamp is the one that the transaction holds, so the 10,000 timers a second that are
//! set and not needed cost nothing but 16 bytes until they come due or until the queues are swept.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

use crate::clock::Tick;

/// Entries below which the queues are never swept.
const SWEEP_LEAST: usize = 4_096;

/// Whose timer it is: an index of one of the two slabs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Target(u32);

const CLIENT: u32 = 1 << 31;

impl Target {
    pub(super) fn server(index: u32) -> Target {
        Target(index & !CLIENT)
    }

    pub(super) fn client(index: u32) -> Target {
        Target(index | CLIENT)
    }

    pub(super) fn is_client(self) -> bool {
        self.0 & CLIENT != 0
    }

    pub(super) fn index(self) -> u32 {
        self.0 & !CLIENT
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    deadline: Tick,
    pub(super) target: Target,
    pub(super) stamp: u32,
}

/// What a transaction remembers of the timer it has set.
#[derive(Clone, Copy, Debug)]
pub(super) struct Armed {
    pub(super) deadline: Tick,
    pub(super) stamp: u32,
}

impl Armed {
    pub(super) const UNSET: Armed = Armed { deadline: Tick::NEVER, stamp: 0 };
}

#[derive(Debug)]
struct Queue {
    length: Duration,
    entries: VecDeque<Entry>,
}

#[derive(Debug)]
pub(super) struct Timers {
    queues: Vec<Queue>,
    odd: BinaryHeap<Reverse<Entry>>,
    stamp: u32,
    entries: usize,
    sweep_at: usize,
}

impl Timers {
    /// Queues for these lengths; others are served by the heap.
    pub(super) fn new(lengths: impl IntoIterator<Item = Duration>) -> Timers {
        let mut lengths: Vec<Duration> = lengths.into_iter().collect();
        lengths.sort_unstable();
        lengths.dedup();
        let queues =
            lengths.into_iter().map(|length| Queue { length, entries: VecDeque::new() }).collect();
        Timers { queues, odd: BinaryHeap::new(), stamp: 0, entries: 0, sweep_at: SWEEP_LEAST }
    }

    /// Entries, those no longer wanted included.
    pub(super) fn len(&self) -> usize {
        self.entries
    }

    pub(super) fn arm(&mut self, now: Tick, deadline: Tick, target: Target) -> Armed {
        if deadline == Tick::NEVER {
            return Armed::UNSET;
        }
        // Zero is the stamp of a transaction without a timer.
        self.stamp = self.stamp.checked_add(1).unwrap_or(1);
        let entry = Entry { deadline, target, stamp: self.stamp };
        let wait = deadline.since(now);
        let queue = self
            .queues
            .iter_mut()
            .find(|queue| queue.length == wait)
            .filter(|queue| queue.entries.back().is_none_or(|last| last.deadline <= deadline));
        match queue {
            Some(queue) => queue.entries.push_back(entry),
            // Another length, or a `now` that a slower thread read earlier.
            None => self.odd.push(Reverse(entry)),
        }
        self.entries += 1;
        Armed { deadline, stamp: entry.stamp }
    }

    /// The earliest entry: its queue (`None` for the heap) and itself.
    fn earliest(&self) -> Option<(Option<usize>, Entry)> {
        let mut best = self.odd.peek().map(|Reverse(entry)| (None, *entry));
        for (place, queue) in self.queues.iter().enumerate() {
            if let Some(front) = queue.entries.front()
                && best.is_none_or(|(_, entry)| *front < entry)
            {
                best = Some((Some(place), *front));
            }
        }
        best
    }

    fn drop_from(&mut self, place: Option<usize>) {
        let popped = match place {
            None => self.odd.pop().is_some(),
            Some(place) => {
                self.queues.get_mut(place).is_some_and(|queue| queue.entries.pop_front().is_some())
            }
        };
        self.entries -= usize::from(popped);
        if self.entries == 0 {
            self.release();
        }
    }

    /// Takes the earliest live entry that is due, dropping dead ones on the way.
    pub(super) fn pop_due(&mut self, now: Tick, live: impl Fn(&Entry) -> bool) -> Option<Entry> {
        while let Some((place, entry)) = self.earliest() {
            if entry.deadline > now {
                return None;
            }
            self.drop_from(place);
            if live(&entry) {
                return Some(entry);
            }
        }
        None
    }

    /// When the earliest live entry is due, dropping dead ones that stand before it.
    pub(super) fn next_deadline(&mut self, live: impl Fn(&Entry) -> bool) -> Tick {
        while let Some((place, entry)) = self.earliest() {
            if live(&entry) {
                return entry.deadline;
            }
            self.drop_from(place);
        }
        Tick::NEVER
    }

    /// Whether so many entries have gathered that dead ones should be swept out.
    pub(super) fn wants_sweep(&self) -> bool {
        self.entries >= self.sweep_at
    }

    /// Drops every dead entry. The next sweep waits until as many again have gathered, so each
    /// entry is looked at twice on average.
    pub(super) fn sweep(&mut self, live: impl Fn(&Entry) -> bool) {
        self.odd.retain(|Reverse(entry)| live(entry));
        self.entries = self.odd.len();
        for queue in &mut self.queues {
            queue.entries.retain(&live);
            self.entries += queue.entries.len();
        }
        self.sweep_at = self.entries.saturating_mul(2).max(SWEEP_LEAST);
        if self.entries < SWEEP_LEAST {
            self.shrink();
        }
    }

    fn release(&mut self) {
        self.sweep_at = SWEEP_LEAST;
        self.shrink();
    }

    fn shrink(&mut self) {
        if self.odd.capacity() > SWEEP_LEAST {
            self.odd.shrink_to_fit();
        }
        for queue in &mut self.queues {
            if queue.entries.capacity() > SWEEP_LEAST {
                queue.entries.shrink_to_fit();
            }
        }
    }
}
