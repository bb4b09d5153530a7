//! The last readings of the directory, each with what became of it.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use crate::model::{Record as _, SyncRun, SyncRunsRow};

/// Readings that are remembered.
const MOST: usize = 50;

/// The last readings. Those that say the same one after the other are one.
#[derive(Debug, Default)]
pub(super) struct Runs(Mutex<VecDeque<SyncRun>>);

impl Runs {
    /// Adds one; whether it is worth keeping, and not only the one before once more.
    pub(super) fn add(&self, run: SyncRun) -> bool {
        let mut runs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = runs.back_mut()
            && says_the_same(last, &run)
        {
            last.last = run.last;
            last.took_ms = run.took_ms;
            last.people = run.people;
            last.times = last.times.saturating_add(1);
            return false;
        }
        if runs.len() >= MOST {
            runs.pop_front();
        }
        runs.push_back(run);
        true
    }

    pub(super) fn all(&self) -> Vec<SyncRun> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    pub(super) fn row(&self) -> Vec<u8> {
        SyncRunsRow { runs: self.all() }.encode()
    }

    pub(super) fn load(&self, row: &[u8]) {
        let Ok(row) = SyncRunsRow::decode(row) else {
            tracing::warn!(event = "store.row_unreadable", table = "site");
            return;
        };
        let mut runs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *runs = row.runs.into_iter().rev().take(MOST).rev().collect();
    }
}

/// Whether nothing happened since: the same trouble, or the same quiet.
fn says_the_same(last: &SyncRun, run: &SyncRun) -> bool {
    let told = |run: &SyncRun| (run.by.clone(), run.outcome, run.trouble.clone());
    let held_alone = |run: &SyncRun| {
        let counts = run.counts;
        counts.added + counts.changed + counts.returned == 0
            && counts.disabled + counts.absent + counts.replaced <= counts.held
    };
    told(last) == told(run)
        && last.counts.held == run.counts.held
        && held_alone(run)
        && held_alone(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::WallTime;
    use crate::model::{SyncCounts, SyncOutcome};

    fn run(at: u64, counts: SyncCounts, trouble: &str) -> SyncRun {
        let failed = !trouble.is_empty();
        SyncRun {
            first: WallTime::from_unix_secs(at),
            last: WallTime::from_unix_secs(at),
            times: 1,
            took_ms: 3,
            by: "server".to_owned(),
            outcome: if failed { SyncOutcome::Failed } else { SyncOutcome::Applied },
            people: 7,
            counts,
            trouble: trouble.to_owned(),
        }
    }

    #[test]
    fn quiet_readings_are_one_and_what_happened_is_not_forgotten_over_them() {
        let runs = Runs::default();
        let nothing = SyncCounts::default();
        let added = SyncCounts { added: 1, ..nothing };
        assert!(runs.add(run(1, added, "")));
        // The first quiet one after something.
        assert!(runs.add(run(2, nothing, "")));
        for at in 3..1_000 {
            assert!(!runs.add(run(at, nothing, "")));
        }
        assert!(runs.add(run(1_000, nothing, "it does not answer")));
        assert!(!runs.add(run(1_001, nothing, "it does not answer")));
        let all = runs.all();
        let times: Vec<u64> = all.iter().map(|run| run.times).collect();
        assert_eq!(times, [1, 998, 2]);
        assert_eq!(all[1].last, WallTime::from_unix_secs(999));
        let again = Runs::default();
        again.load(&runs.row());
        assert_eq!(again.all(), all);
    }

    #[test]
    fn fifty_are_remembered() {
        let runs = Runs::default();
        let added = SyncCounts { added: 1, ..SyncCounts::default() };
        for at in 0..60 {
            assert!(runs.add(run(at, added, "")));
        }
        let all = runs.all();
        assert_eq!((all.len(), all[0].first), (MOST, WallTime::from_unix_secs(10)));
    }
}
