//! Figures of the past: what the server is like is measured every ten seconds and kept in four rings, so
//! that charts need no other program.
//!
//! | ring | slots | reaches back | kept |
//! | --- | --- | --- | --- |
//! | 10 s | 720 | two hours | in memory |
//! | 1 min | 2,880 | two days | on disk |
//! | 15 min | 8,640 | ninety days | on disk |
//! | 1 d | 730 | two years | on disk |
//!
//! A row is a slot of [`Series::COUNT`] figures, 105 bytes: 12,250 rows, 1.3 MB, are all that there will
//! ever be. Once a minute the slots of now are written in one commit; whoever pulls the plug loses that
//! minute. Where nothing was measured there is a gap, and a counter that begins anew with the process
//! begins anew here.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use slots::{EVERY, Ring, Values};

use crate::clock::{Clock, Tick};
use crate::latency::Latency;
use crate::model::{HistorySlot, Record as _};
use crate::operations::{HistoryRequest, HistoryView, Series, SeriesView, Window};
use crate::store::{Commit, Store, StoreError, Table, rows};

mod slots;
#[cfg(test)]
mod tests;

/// How often everything is measured.
pub(super) const INTERVAL: std::time::Duration = std::time::Duration::from_secs(EVERY);

/// Seconds of a slot, and slots, of each ring. The number of a ring is part of stored keys.
const RINGS: [(u64, u16); 4] = [(EVERY, 720), (60, 2_880), (900, 8_640), (86_400, 730)];
/// The first ring that is kept on disk.
const KEPT: usize = 1;

/// How often what is new is written.
const SAVING: std::time::Duration = std::time::Duration::from_secs(60);
/// A measurement that is later than this is of a machine that slept: what came between is a gap.
const LATE: std::time::Duration = std::time::Duration::from_secs(3 * EVERY);

/// What the server is like at one moment, counters as they stand.
#[derive(Debug, Default)]
pub(super) struct Reading {
    /// What there is.
    pub(super) levels: Vec<(Series, f64)>,
    /// What was counted since the start.
    pub(super) counters: Vec<(Series, u64)>,
    /// How long things took since the start.
    pub(super) times: Vec<(Series, Latency)>,
    /// How many of how many since the start.
    pub(super) shares: Vec<(Series, u64, u64)>,
}

impl Reading {
    /// What came between `earlier` and this.
    fn since(&self, earlier: &Reading) -> Values {
        let mut values = [f64::NAN; Series::COUNT];
        let mut put = |series: Series, value: f64| {
            if let Some(place) = values.get_mut(series.place()) {
                *place = value;
            }
        };
        for (series, level) in &self.levels {
            put(*series, *level);
        }
        // What begins anew at nothing has counted what it says.
        let grown = |now: u64, before: u64| now.checked_sub(before).unwrap_or(now);
        for (series, count) in &self.counters {
            let before = earlier.counters.iter().find(|(other, _)| other == series);
            if let Some((_, before)) = before {
                put(*series, grown(*count, *before) as f64);
            }
        }
        for (series, times) in &self.times {
            let before = earlier.times.iter().find(|(other, _)| other == series);
            let before = before.map(|(_, before)| *before).unwrap_or_default();
            if let Some(seconds) = times.since(&before).quantile(0.95) {
                put(*series, seconds);
            }
        }
        for (series, some, all) in &self.shares {
            let before = earlier.shares.iter().find(|(other, ..)| other == series);
            let (some_before, all_before) = before.map_or((0, 0), |(_, some, all)| (*some, *all));
            let (some, all) = (grown(*some, some_before), grown(*all, all_before));
            if all > 0 {
                put(*series, (some as f64 / all as f64).min(1.0));
            }
        }
        values
    }
}

#[derive(Debug)]
struct Kept {
    rings: [Ring; RINGS.len()],
    last: Option<(Tick, Reading)>,
    /// None before anything was written.
    saved: Option<Tick>,
}

/// The figures of the past. The only writer of [`Table::History`].
#[derive(Debug)]
pub(super) struct History {
    store: Arc<dyn Store>,
    clock: Clock,
    kept: Mutex<Kept>,
}

impl History {
    /// What the store holds. Rows that cannot be read are gaps.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read at all.
    pub(super) fn open(store: Arc<dyn Store>, clock: Clock) -> Result<History, StoreError> {
        let mut rings = RINGS.map(|(step, slots)| Ring::new(step, slots));
        let mut unread = 0_u32;
        for row in rows(&*store, Table::History, b"") {
            let (key, row) = match row {
                Ok(row) => row,
                Err(StoreError::Damaged(_)) => {
                    unread += 1;
                    continue;
                }
                Err(error) => return Err(error),
            };
            let place = HistorySlot::parse_key(&key);
            match (place, HistorySlot::decode(&row)) {
                (Some((ring, place)), Ok(slot)) => {
                    if let Some(ring) = rings.get_mut(usize::from(ring)) {
                        ring.restore(place, &slot);
                    }
                }
                _ => unread += 1,
            }
        }
        if unread > 0 {
            tracing::warn!(event = "history_unread", rows = unread, "they are gaps in the charts");
        }
        let saved = None;
        Ok(History { store, clock, kept: Mutex::new(Kept { rings, last: None, saved }) })
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a measurement, and writes what is new if it is time to.
    pub(super) async fn take(&self, reading: Reading) {
        if self.note(reading) {
            self.save().await;
        }
    }

    /// Takes a measurement; says whether it is time to write.
    fn note(&self, reading: Reading) -> bool {
        let (now, wall) = (self.clock.now(), self.clock.wall().unix_secs());
        let mut kept = self.lock();
        let before = kept.last.take();
        if let Some((at, earlier)) = before.filter(|(at, _)| now.since(*at) <= LATE) {
            let values = reading.since(&earlier);
            let seconds = u32::try_from((now.since(at).as_millis() + 500) / 1_000).unwrap_or(0);
            for ring in &mut kept.rings {
                ring.add(wall, seconds, &values);
            }
        }
        kept.last = Some((now, reading));
        kept.saved.is_none_or(|saved| now.since(saved) >= SAVING)
    }

    /// Writes what is new, in one commit. What cannot be written is tried again with what comes.
    pub(super) async fn save(&self) {
        let (commit, now) = {
            let kept = self.lock();
            (share(&kept.rings), self.clock.now())
        };
        if commit.is_empty() {
            return;
        }
        let outcome = self.store.commit(commit).await;
        let mut kept = self.lock();
        kept.saved = Some(now);
        match outcome {
            Ok(()) => kept.rings.iter_mut().for_each(Ring::kept),
            Err(error) => tracing::warn!(event = "history_not_kept", %error),
        }
    }

    /// The same for good: nobody measures any more. Blocks.
    pub(super) fn save_last(&self) {
        let commit = share(&self.lock().rings);
        if !commit.is_empty()
            && let Err(error) = self.store.commit_blocking(commit)
        {
            tracing::warn!(event = "history_not_kept", %error);
        }
    }

    /// What was asked for.
    pub(super) fn show(&self, request: &HistoryRequest) -> HistoryView {
        let now = self.clock.wall().unix_secs();
        let (step, count) = request.window.grid();
        let ring = match request.window {
            Window::Hours => 0,
            Window::Day => 1,
            Window::Week | Window::Quarter => 2,
            Window::Years => 3,
        };
        let to = now - now % step + step;
        let from = to.saturating_sub(step * count as u64);
        let kept = self.lock();
        let [fine, ..] = &kept.rings;
        let Some(ring) = kept.rings.get(ring) else { return HistoryView::default() };
        let view = |series: Series| SeriesView {
            series,
            points: (0..count as u64)
                .map(|point| {
                    let begins = from + point * step;
                    ring.average(series, begins, begins + step)
                })
                .collect(),
            now: fine.average(series, now.saturating_sub(60), now + EVERY),
        };
        let wanted = request.series.iter().take(Series::COUNT);
        HistoryView { from, step, series: wanted.map(|series| view(*series)).collect() }
    }
}

/// The rows of the slots that changed.
fn share(rings: &[Ring]) -> Commit {
    let mut commit = Commit::new();
    for (number, ring) in rings.iter().enumerate().skip(KEPT) {
        let Ok(number) = u8::try_from(number) else { continue };
        for (place, slot) in ring.changes() {
            commit = commit.put(Table::History, &HistorySlot::key(number, place), slot.encode());
        }
    }
    commit
}
