//! How many people one reading of the directory may put out.
//!
//! A mistake in the directory, or in how it is asked, looks like many people who left. So a reading that
//! would put out more than a few percent puts nobody out of that kind: these people are held, and an
//! administrator is asked. Whom the directory locks is looked at first, and alone, because one who is
//! locked must be out soon whatever else is wrong.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use super::Departure;
use crate::clock::Tick;

/// For how long those who left count beside those who leave now: a directory that is being emptied
/// loses few between two readings.
const MEMORY: Duration = Duration::from_secs(3600);

/// The bounds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Guard {
    /// Percent of those who are in.
    pub(super) percent: u32,
    /// Fewer may always go.
    pub(super) people: u32,
}

impl Guard {
    /// Whether so many of so many may go at once.
    pub(super) const fn allows(self, out: usize, known: usize) -> bool {
        (out as u64) < self.people as u64
            || (out as u64) * 100 <= (known as u64) * (self.percent as u64)
    }

    /// Who of those who would be out stays in.
    pub(super) fn hold(
        self,
        out: &HashMap<Box<str>, Departure>,
        about: &Circumstances<'_>,
    ) -> HashMap<Box<str>, Departure> {
        let decided = |uid: &str| {
            about.approved.is_some_and(|approved| approved.contains(uid))
                || about.kept.contains(uid)
        };
        let new = |locked: bool| {
            out.iter()
                .filter(|(uid, why)| (**why == Departure::Disabled) == locked && !decided(uid))
                .count()
        };
        let (locked, gone) = (new(true), new(false));
        let locked_stay = about.lists_nobody || !self.allows(locked, about.known);
        let beside = if locked_stay { 0 } else { locked };
        let gone_stay = about.lists_nobody
            || about.anew
            || !self.allows(gone + beside + about.recently, about.known + about.recently);
        out.iter()
            .filter(|(uid, why)| {
                let approved = about.approved.is_some_and(|approved| approved.contains(*uid));
                let stays = if **why == Departure::Disabled { locked_stay } else { gone_stay };
                !approved && (stays || about.kept.contains(*uid))
            })
            .map(|(uid, why)| (uid.clone(), *why))
            .collect()
    }
}

/// What a reading is judged by.
#[derive(Debug)]
pub(super) struct Circumstances<'a> {
    /// People who were in before.
    pub(super) known: usize,
    /// Who left within the last hour without anybody being asked.
    pub(super) recently: usize,
    /// The list is empty, and was not.
    pub(super) lists_nobody: bool,
    /// The directory was never read as it is set up now.
    pub(super) anew: bool,
    /// Whose departure an administrator has approved.
    pub(super) approved: Option<&'a HashSet<Box<str>>>,
    /// Who stays because an administrator said so.
    pub(super) kept: &'a HashSet<Box<str>>,
}

/// Who left lately.
#[derive(Debug, Default)]
pub(super) struct Recent(VecDeque<(Tick, usize)>);

impl Recent {
    pub(super) fn count(&mut self, now: Tick) -> usize {
        while self.0.front().is_some_and(|(at, _)| now.since(*at) >= MEMORY) {
            self.0.pop_front();
        }
        self.0.iter().map(|(_, people)| people).sum()
    }

    pub(super) fn add(&mut self, now: Tick, people: usize) {
        if people > 0 {
            self.0.push_back((now, people));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GUARD: Guard = Guard { percent: 5, people: 10 };

    fn people(from: usize, count: usize, why: Departure) -> HashMap<Box<str>, Departure> {
        (from..from + count).map(|n| (format!("u{n}").into_boxed_str(), why)).collect()
    }

    fn circumstances(kept: &HashSet<Box<str>>, known: usize) -> Circumstances<'_> {
        Circumstances { known, recently: 0, lists_nobody: false, anew: false, approved: None, kept }
    }

    #[test]
    fn five_percent_may_go_and_one_more_may_not() {
        assert!(GUARD.allows(50, 1_000) && !GUARD.allows(51, 1_000));
        // Of few people a few may go.
        assert!(GUARD.allows(9, 9) && !GUARD.allows(10, 199) && GUARD.allows(10, 200));
        assert!(Guard { percent: 100, people: 10 }.allows(1_000, 1_000));
        assert!(Guard { percent: 0, people: 0 }.allows(0, 1_000));
        assert!(!Guard { percent: 0, people: 0 }.allows(1, 1_000));
    }

    #[test]
    fn whoever_is_locked_is_out_also_while_others_are_held() {
        let kept = HashSet::new();
        let mut out = people(0, 200, Departure::Removed);
        out.extend(people(1_000, 3, Departure::Disabled));
        let held = GUARD.hold(&out, &circumstances(&kept, 1_000));
        assert_eq!(held, people(0, 200, Departure::Removed));
        // A filter that locks everybody is as bad.
        let out = people(0, 200, Departure::Disabled);
        assert_eq!(GUARD.hold(&out, &circumstances(&kept, 1_000)), out);
    }

    #[test]
    fn locked_and_gone_people_count_together() {
        let kept = HashSet::new();
        let mut out = people(0, 30, Departure::Removed);
        out.extend(people(100, 30, Departure::Disabled));
        let held = GUARD.hold(&out, &circumstances(&kept, 1_000));
        assert_eq!(held, people(0, 30, Departure::Removed));
    }

    #[test]
    fn a_list_of_nobody_puts_nobody_out() {
        let kept = HashSet::new();
        let out = people(0, 3, Departure::Removed);
        let about = Circumstances { lists_nobody: true, ..circumstances(&kept, 3) };
        assert_eq!(GUARD.hold(&out, &about), out);
    }

    #[test]
    fn a_directory_that_is_set_up_anew_puts_nobody_out_by_itself() {
        let kept = HashSet::new();
        let mut out = people(0, 1, Departure::Removed);
        out.extend(people(10, 1, Departure::Disabled));
        let about = Circumstances { anew: true, ..circumstances(&kept, 1_000) };
        assert_eq!(GUARD.hold(&out, &about), people(0, 1, Departure::Removed));
    }

    #[test]
    fn who_was_approved_goes_who_was_kept_stays_and_neither_counts() {
        let kept: HashSet<Box<str>> = people(0, 200, Departure::Removed).into_keys().collect();
        let mut out = people(0, 200, Departure::Removed);
        out.extend(people(500, 20, Departure::Removed));
        let held = GUARD.hold(&out, &circumstances(&kept, 1_000));
        assert_eq!(held, people(0, 200, Departure::Removed));
        let approved: HashSet<Box<str>> = out.keys().cloned().collect();
        let about = Circumstances { approved: Some(&approved), ..circumstances(&kept, 1_000) };
        assert!(GUARD.hold(&out, &about).is_empty());
        // Who was not part of it is judged by the bound.
        out.extend(people(2_000, 100, Departure::Removed));
        let about = Circumstances { approved: Some(&approved), ..circumstances(&kept, 1_000) };
        assert_eq!(GUARD.hold(&out, &about), people(2_000, 100, Departure::Removed));
    }

    #[test]
    fn a_directory_that_is_emptied_little_by_little_is_noticed() {
        let kept = HashSet::new();
        let mut recent = Recent::default();
        recent.add(Tick::from_secs(10), 40);
        assert_eq!(recent.count(Tick::from_secs(100)), 40);
        let out = people(0, 20, Departure::Removed);
        let about = Circumstances { recently: 40, ..circumstances(&kept, 960) };
        assert_eq!(GUARD.hold(&out, &about), out);
        assert_eq!(recent.count(Tick::from_secs(3_610)), 0);
    }
}
