//! One ring of slots, each for so many seconds: what is older than the ring gives way to what comes.

use std::collections::BTreeSet;

use crate::model::HistorySlot;
use crate::operations::{Measure, Series};

/// How often everything is measured, seconds.
pub(super) const EVERY: u64 = 10;

/// What was measured since the time before; what is not known is not a number. Of what is measured by its
/// rate it is how often it happened.
pub(super) type Values = [f64; Series::COUNT];

/// A slot in memory.
#[derive(Clone, Copy, Debug)]
struct Slot {
    at: u64,
    covered: u32,
    values: [f32; Series::COUNT],
}

/// What goes into the slot of now.
#[derive(Debug)]
struct Filling {
    slot: Slot,
    sums: Values,
    /// How many measurements are in each sum.
    parts: [u32; Series::COUNT],
}

/// A ring.
#[derive(Debug)]
pub(super) struct Ring {
    /// Seconds of a slot.
    step: u64,
    slots: Vec<Option<Slot>>,
    filling: Option<Filling>,
    /// Slots that changed since they were last taken to be kept.
    changed: BTreeSet<u16>,
}

impl Ring {
    pub(super) fn new(step: u64, slots: u16) -> Ring {
        let slots = vec![None; usize::from(slots)];
        Ring { step, slots, filling: None, changed: BTreeSet::new() }
    }

    fn place(&self, at: u64) -> usize {
        // As many slots as an index has room for.
        ((at / self.step) % self.slots.len().max(1) as u64) as usize
    }

    fn find(&self, at: u64) -> Option<&Slot> {
        self.slots.get(self.place(at))?.as_ref().filter(|slot| slot.at == at)
    }

    /// Takes what was kept. What stands in another place than it would be put is left out.
    pub(super) fn restore(&mut self, place: u16, kept: &HistorySlot) {
        let fits = kept.at.is_multiple_of(self.step) && self.place(kept.at) == usize::from(place);
        if let Some(slot) = self.slots.get_mut(usize::from(place)).filter(|_| fits) {
            let mut values = [f32::NAN; Series::COUNT];
            values.iter_mut().zip(&kept.values).for_each(|(into, from)| *into = *from);
            *slot = Some(Slot { at: kept.at, covered: kept.covered, values });
        }
    }

    /// Adds a measurement of the `seconds` before `now`, seconds since 1970.
    pub(super) fn add(&mut self, now: u64, seconds: u32, values: &Values) {
        let at = now - now % self.step;
        let mut filling = match self.filling.take().filter(|filling| filling.slot.at == at) {
            Some(filling) => filling,
            // Begun before a restart, or before somebody set the clock.
            None => self.find(at).map_or_else(|| Filling::new(at), Filling::of),
        };
        filling.add(seconds, values);
        let place = self.place(at);
        if let Some(slot) = self.slots.get_mut(place) {
            *slot = Some(filling.slot);
        }
        self.filling = Some(filling);
        self.changed.extend(u16::try_from(place));
    }

    /// The slots that changed since the last time, to be kept.
    pub(super) fn changes(&self) -> impl Iterator<Item = (u16, HistorySlot)> + '_ {
        self.changed.iter().filter_map(|place| {
            let slot = self.slots.get(usize::from(*place))?.as_ref()?;
            let values = slot.values.to_vec();
            Some((*place, HistorySlot { at: slot.at, covered: slot.covered, values }))
        })
    }

    /// They are kept.
    pub(super) fn kept(&mut self) {
        self.changed.clear();
    }

    /// The average of a series, or how often a second it happened, between two moments; `None` if
    /// nothing is known.
    pub(super) fn average(&self, series: Series, from: u64, to: u64) -> Option<f64> {
        let mut at = from.next_multiple_of(self.step);
        let (mut sum, mut seconds) = (0.0, 0.0);
        while at < to {
            if let Some(slot) = self.find(at)
                && let Some(value) = slot.values.get(series.place()).filter(|value| !value.is_nan())
            {
                let covered = f64::from(slot.covered);
                sum += match series.measure() {
                    Measure::Level => f64::from(*value) * covered,
                    Measure::Rate => f64::from(*value),
                };
                seconds += covered;
            }
            at += self.step;
        }
        (seconds > 0.0).then(|| sum / seconds)
    }
}

impl Filling {
    fn new(at: u64) -> Filling {
        Filling {
            slot: Slot { at, covered: 0, values: [f32::NAN; Series::COUNT] },
            sums: [0.0; Series::COUNT],
            parts: [0; Series::COUNT],
        }
    }

    /// Goes on where one ended.
    fn of(slot: &Slot) -> Filling {
        let mut filling = Filling::new(slot.at);
        filling.slot = *slot;
        let parts = (slot.covered / EVERY as u32).max(1);
        for (series, value) in Series::ALL.iter().zip(slot.values) {
            let known = (!value.is_nan(), series.measure());
            let (sum, count) = match known {
                (true, Measure::Level) => (f64::from(value) * f64::from(parts), parts),
                (true, Measure::Rate) => (f64::from(value), parts),
                (false, _) => (0.0, 0),
            };
            filling.put(*series, sum, count);
        }
        filling
    }

    fn put(&mut self, series: Series, sum: f64, parts: u32) {
        let place = series.place();
        if let (Some(into), Some(count)) = (self.sums.get_mut(place), self.parts.get_mut(place)) {
            *into += sum;
            *count += parts;
        }
    }

    fn add(&mut self, seconds: u32, values: &Values) {
        self.slot.covered = self.slot.covered.saturating_add(seconds);
        for (series, value) in Series::ALL.iter().zip(values) {
            if value.is_nan() {
                continue;
            }
            self.put(*series, *value, 1);
        }
        let all = Series::ALL.iter().zip(&self.sums).zip(&self.parts);
        for (((series, sum), parts), into) in all.zip(&mut self.slot.values) {
            if *parts > 0 {
                *into = match series.measure() {
                    Measure::Level => (sum / f64::from(*parts)) as f32,
                    Measure::Rate => *sum as f32,
                };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(devices: f64, accepted: f64) -> Values {
        let mut values = [f64::NAN; Series::COUNT];
        values[Series::Devices.place()] = devices;
        values[Series::Accepted.place()] = accepted;
        values
    }

    #[test]
    fn levels_are_averaged_and_what_happens_is_counted() {
        let mut ring = Ring::new(60, 10);
        for (second, devices, accepted) in [(0, 10.0, 6.0), (10, 20.0, 0.0), (20, 60.0, 24.0)] {
            ring.add(6_000 + second, 10, &values(devices, accepted));
        }
        assert_eq!(ring.average(Series::Devices, 6_000, 6_060), Some(30.0));
        assert_eq!(ring.average(Series::Accepted, 6_000, 6_060), Some(1.0));
        // What nobody measured is not nothing.
        assert_eq!(ring.average(Series::Memory, 6_000, 6_060), None);
        assert_eq!(ring.average(Series::Devices, 6_060, 6_120), None);
    }

    #[test]
    fn a_ring_forgets_what_is_older_than_it_is_long_and_nothing_else() {
        let mut ring = Ring::new(10, 6);
        for at in (0..120).step_by(10) {
            ring.add(1_000 + at, 10, &values(at as f64, 0.0));
        }
        for at in (0..120).step_by(10) {
            let expected = (at >= 60).then_some(at as f64);
            assert_eq!(ring.average(Series::Devices, 1_000 + at, 1_010 + at), expected, "{at}");
        }
    }

    #[test]
    fn a_slot_that_a_restart_cut_in_two_goes_on() {
        let mut ring = Ring::new(60, 10);
        ring.add(6_000, 10, &values(10.0, 5.0));
        ring.add(6_010, 10, &values(20.0, 5.0));
        let kept: Vec<_> = ring.changes().collect();
        assert_eq!(kept.len(), 1);
        let mut after = Ring::new(60, 10);
        after.restore(kept[0].0, &kept[0].1);
        after.add(6_050, 10, &values(30.0, 20.0));
        assert_eq!(after.average(Series::Devices, 6_000, 6_060), Some(20.0));
        assert_eq!(after.average(Series::Accepted, 6_000, 6_060), Some(1.0));
    }

    #[test]
    fn what_is_kept_in_the_wrong_place_is_left_out() {
        let mut ring = Ring::new(60, 10);
        let slot = HistorySlot { at: 6_000, covered: 60, values: vec![7.0] };
        ring.restore(3, &slot);
        ring.restore(0, &HistorySlot { at: 6_001, ..slot.clone() });
        ring.restore(77, &slot);
        assert_eq!(ring.average(Series::Devices, 0, 12_000), None);
        ring.restore(0, &slot);
        assert_eq!(ring.average(Series::Devices, 6_000, 6_060), Some(7.0));
        // Of a release that measured less.
        assert_eq!(ring.average(Series::Online, 6_000, 6_060), None);
    }

    #[test]
    fn a_clock_that_is_set_back_begins_again_and_what_was_ahead_is_not_shown_as_now() {
        let mut ring = Ring::new(10, 6);
        ring.add(2_000, 10, &values(1.0, 0.0));
        ring.add(1_000, 10, &values(2.0, 0.0));
        assert_eq!(ring.average(Series::Devices, 960, 1_010), Some(2.0));
    }
}
