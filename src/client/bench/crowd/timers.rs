//! What is due: requests sent again or given up, calls that end, registrations that are renewed.

use std::collections::VecDeque;

use super::{Crowd, Kind, NO_CONNECTION, PATIENCE, STEPS, T2, TIMED_OUT, Task, Verb};
use crate::client::bench::outbox::Outbox;
use crate::clock::Tick;

impl Crowd<'_> {
    /// Sends again what has had no answer, gives up what waited too long, renews registrations.
    pub(in crate::client::bench) fn tick(
        &mut self,
        now: Tick,
        is_open: impl Fn(u32) -> bool,
        outbox: &mut Outbox,
    ) {
        for queue in 0..self.timers.len() {
            while let Some(&(due, index, generation)) =
                self.timers.get(queue).and_then(VecDeque::front)
                && due <= now
            {
                if let Some(queue) = self.timers.get_mut(queue) {
                    queue.pop_front();
                }
                self.expire(index, generation, now, &is_open, outbox);
            }
        }
        while let Some(&(due, index, generation)) = self.hold.front()
            && due <= now
        {
            self.hold.pop_front();
            let slot = self.slots.get(index as usize);
            if slot.is_some_and(|slot| slot.open && slot.generation == generation) {
                self.send(index, None, now, outbox);
            }
        }
        let again = &mut self.tally.delivered_again;
        self.answered.tick(now, |flow, answer| {
            *again += 1;
            outbox.push(flow, |out| out.extend_from_slice(answer));
        });
        if self.habits.kind != Kind::Register {
            while let Some(&(due, user)) = self.renewals.front()
                && due <= now
            {
                self.renewals.pop_front();
                self.begin(Task::Refresh, Kind::Register, user, user, now, outbox);
            }
        }
    }

    fn expire(
        &mut self,
        index: u32,
        generation: u32,
        now: Tick,
        is_open: &impl Fn(u32) -> bool,
        outbox: &mut Outbox,
    ) {
        let flow = self.flow(self.slots.get(index as usize).map_or(0, |slot| slot.user));
        let Some(slot) = self.slots.get_mut(index as usize) else { return };
        if !slot.open || slot.generation != generation {
            return;
        }
        if now.since(slot.leg_begun) >= PATIENCE {
            let status = if is_open(flow) { TIMED_OUT } else { NO_CONNECTION };
            self.finish(index, status, now);
            return;
        }
        let is_invite = slot.verb == Verb::Invite;
        // An INVITE that rings is not sent again (RFC 3261 s17.1.1.2).
        if !(is_invite && slot.proceeding) {
            let again = &slot.request;
            outbox.push(flow, |out| out.extend_from_slice(again));
            self.tally.retransmissions += 1;
        }
        let last = if is_invite { STEPS.len() - 1 } else { T2 };
        slot.step = if slot.proceeding { T2 } else { (slot.step + 1).min(last) };
        let rest = PATIENCE.saturating_sub(now.since(slot.leg_begun));
        let fits = STEPS.get(slot.step).is_some_and(|step| *step <= rest);
        let step = if fits { slot.step } else { 0 };
        if let (Some(queue), Some(wait)) = (self.timers.get_mut(step), STEPS.get(step)) {
            queue.push_back((now + *wait, index, generation));
        }
    }
}
