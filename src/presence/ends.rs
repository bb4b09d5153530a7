//! What ends by itself, and when: publications, and rules that are for a time.

use std::collections::BTreeSet;
use std::sync::{MutexGuard, PoisonError};

use super::table::Presence;
use crate::clock::Tick;

impl Presence {
    /// Sets what is called when [`Presence::deadline`] comes to be earlier than it was; the first one
    /// stays.
    pub fn ring(&self, bell: impl Fn() + Send + Sync + 'static) {
        let _ = self.bell.set(Box::new(bell));
    }

    /// When something ends by itself, or a rule that is for a time begins or ceases to hold:
    /// [`Presence::sweep`] has something to do then.
    #[must_use]
    pub fn deadline(&self) -> Tick {
        let ends = self.due().first().map_or(Tick::NEVER, |(at, _)| *at);
        let (now, wall) = (self.parts.clock.now(), self.parts.clock.wall());
        let review = self.rules.next_review();
        ends.min(review.map_or(Tick::NEVER, |at| now + at.since(wall)))
    }

    /// Takes back what has run out, and looks again at rules that are for a time. Call it at
    /// [`Presence::deadline`].
    pub fn sweep(&self) {
        let now = self.parts.clock.now();
        loop {
            let mut due = self.due();
            let Some((at, aor)) = due.first().cloned() else { break };
            if at > now {
                break;
            }
            due.pop_first();
            drop(due);
            self.change(&aor, |person| person.entries.retain(|entry| entry.ends() > now));
        }
        for aor in self.rules.due(self.parts.clock.wall()) {
            let guard = self.lock(&aor);
            self.rules.forget(&aor);
            drop(guard);
            self.tell(&aor, true);
        }
    }

    /// The deadline is earlier than it was.
    pub(super) fn hurry(&self) {
        if let Some(bell) = self.bell.get() {
            bell();
        }
    }

    /// People of whom something ends, by when.
    pub(super) fn due(&self) -> MutexGuard<'_, BTreeSet<(Tick, Box<str>)>> {
        self.due.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
