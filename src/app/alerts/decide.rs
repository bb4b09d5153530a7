//! What is wrong, and when somebody is told of it.

use std::time::Duration;

use crate::clock::{Tick, WallTime};
use crate::model::{AlertKind, AlertMark, AlertMarks};
use crate::tls::Source;

/// Of one kind nobody is told more often, whatever comes and goes in between.
pub(super) const PAUSE: Duration = Duration::from_secs(3_600);
/// A directory that is away for less is nobody's business.
const DIRECTORY_PATIENCE: Duration = Duration::from_secs(5 * 60);
/// The same of memory.
const MEMORY_PATIENCE: Duration = Duration::from_secs(60);

const DAY: u64 = 86_400;

/// How the server stands, as far as alerts go by it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Circumstances {
    /// Where the certificate in force comes from, and when it ends.
    pub(crate) certificate: Option<(Source, WallTime)>,
    /// What is wrong with it, or with its renewal.
    pub(crate) certificate_error: Option<String>,
    /// Why the directory is out of reach, if it is.
    pub(crate) directory_down: Option<String>,
    /// People whom the guard of the directory's list holds back.
    pub(crate) people_held: u64,
    /// Whether the volume is nearly full.
    pub(crate) space_is_low: bool,
    /// Why the store takes no changes, if it takes none.
    pub(crate) read_only: Option<String>,
    /// Whether memory is short.
    pub(crate) memory_is_short: bool,
}

/// Something that is wrong. What it is called is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The certificate ends within so many days; none: it has ended.
    Ends(Option<u64>),
    /// The certificate, or its renewal.
    Certificate(String),
    /// The directory is out of reach.
    Down(String),
    /// So many people are held back.
    PeopleHeld(u64),
    /// The volume is nearly full.
    SpaceLow,
    /// The store takes no changes.
    ReadOnly(String),
    /// Memory is short.
    Memory,
}

impl Trouble {
    /// What tells one from another: whoever was told of it is not told again.
    fn word(&self) -> String {
        match self {
            Trouble::Ends(Some(days)) => format!("ends-{days}"),
            Trouble::Ends(None) => "ended".to_owned(),
            Trouble::Certificate(_) => "error".to_owned(),
            Trouble::Down(_) => "down".to_owned(),
            Trouble::PeopleHeld(_) => "held".to_owned(),
            Trouble::SpaceLow => "low".to_owned(),
            Trouble::ReadOnly(_) => "read-only".to_owned(),
            Trouble::Memory => "short".to_owned(),
        }
    }
}

/// What people are told now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Alert {
    pub(super) kind: AlertKind,
    /// What is wrong; none: it is well again.
    pub(super) trouble: Option<Trouble>,
}

/// Follows what is wrong.
#[derive(Debug)]
pub(super) struct Watch {
    marks: Vec<AlertMark>,
    directory_since: Option<Tick>,
    memory_since: Option<Tick>,
}

impl Watch {
    /// From what people were told before a restart.
    pub(super) fn new(AlertMarks(marks): AlertMarks) -> Watch {
        Watch { marks, directory_since: None, memory_since: None }
    }

    /// What is to be kept.
    pub(super) fn marks(&self) -> AlertMarks {
        AlertMarks(self.marks.clone())
    }

    /// What people are to be told now, as things stand. What nobody wants to hear of now stays untold,
    /// for whoever asks for it later.
    pub(super) fn look(
        &mut self,
        now: Tick,
        wall: WallTime,
        all: &Circumstances,
        wanted: &[AlertKind],
    ) -> Vec<Alert> {
        let lasts = |since: &mut Option<Tick>, is: bool, patience| {
            *since = is.then(|| since.unwrap_or(now));
            since.is_some_and(|since| now.since(since) >= patience)
        };
        let down =
            lasts(&mut self.directory_since, all.directory_down.is_some(), DIRECTORY_PATIENCE);
        let short = lasts(&mut self.memory_since, all.memory_is_short, MEMORY_PATIENCE);
        let directory = match &all.directory_down {
            Some(detail) if down => Some(Trouble::Down(detail.clone())),
            _ => (all.people_held > 0).then_some(Trouble::PeopleHeld(all.people_held)),
        };
        let disk = match &all.read_only {
            Some(reason) => Some(Trouble::ReadOnly(reason.clone())),
            None => all.space_is_low.then_some(Trouble::SpaceLow),
        };
        let memory = short.then_some(Trouble::Memory);
        let found = [
            (AlertKind::Certificate, certificate(wall, all)),
            (AlertKind::Directory, directory),
            (AlertKind::Disk, disk),
            (AlertKind::Memory, memory),
        ];
        let found = found.into_iter().filter(|(kind, _)| wanted.contains(kind));
        let told = found.filter_map(|(kind, trouble)| self.judge(wall, kind, trouble));
        told.collect()
    }

    fn judge(
        &mut self,
        wall: WallTime,
        kind: AlertKind,
        trouble: Option<Trouble>,
    ) -> Option<Alert> {
        let what = trouble.as_ref().map(Trouble::word).unwrap_or_default();
        match self.marks.iter_mut().find(|mark| mark.kind == kind) {
            None if what.is_empty() => return None,
            None => self.marks.push(AlertMark { kind, what, told: wall }),
            Some(mark) => {
                // Set back, a clock keeps nobody waiting for longer.
                let rests = mark.told <= wall && wall.since(mark.told) < PAUSE;
                if mark.what == what || rests {
                    return None;
                }
                mark.what = what;
                mark.told = wall;
            }
        }
        Some(Alert { kind, trouble })
    }
}

fn certificate(wall: WallTime, all: &Circumstances) -> Option<Trouble> {
    if let Some((source, ends)) = all.certificate {
        // What renews itself is late only when its time for that has passed.
        let steps: &[u64] = match source {
            Source::Files => &[1, 7, 14, 30],
            Source::Acme => &[1, 7, 14],
            Source::Internal | Source::None => &[1, 7],
        };
        if ends <= wall {
            return Some(Trouble::Ends(None));
        }
        let left = ends.since(wall).as_secs();
        if let Some(days) = steps.iter().find(|days| left <= **days * DAY) {
            return Some(Trouble::Ends(Some(*days)));
        }
    }
    all.certificate_error.clone().map(Trouble::Certificate)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEGIN: u64 = 1_700_000_000;

    struct Hours {
        watch: Watch,
        seconds: u64,
        wanted: Vec<AlertKind>,
    }

    impl Hours {
        fn new() -> Hours {
            let wanted = AlertKind::ALL.to_vec();
            Hours { watch: Watch::new(AlertMarks::default()), seconds: 0, wanted }
        }

        /// Looks every quarter of a minute for so long; what is told, and when.
        fn pass(&mut self, minutes: u64, all: &Circumstances) -> Vec<(u64, Alert)> {
            let mut told = Vec::new();
            for _ in 0..minutes * 4 {
                let wall = WallTime::from_unix_secs(BEGIN + self.seconds);
                let now = Tick::from_secs(self.seconds);
                let alerts = self.watch.look(now, wall, all, &self.wanted);
                told.extend(alerts.into_iter().map(|alert| (self.seconds / 60, alert)));
                self.seconds += 15;
            }
            told
        }
    }

    fn down() -> Circumstances {
        let directory_down = Some("no answer".to_owned());
        Circumstances { directory_down, ..Circumstances::default() }
    }

    #[test]
    fn a_directory_that_is_away_is_told_of_after_five_minutes_and_once() {
        let mut hours = Hours::new();
        assert_eq!(hours.pass(4, &down()), []);
        assert_eq!(hours.pass(1, &Circumstances::default()), []);
        let told = hours.pass(300, &down());
        let trouble = Some(Trouble::Down("no answer".to_owned()));
        assert_eq!(told, [(10, Alert { kind: AlertKind::Directory, trouble })]);
        // That it is well again is told at once if nothing was for an hour.
        let told = hours.pass(10, &Circumstances::default());
        assert_eq!(told, [(305, Alert { kind: AlertKind::Directory, trouble: None })]);
    }

    #[test]
    fn nobody_is_told_more_than_once_an_hour_however_often_it_comes_and_goes() {
        let mut hours = Hours::new();
        let mut told = Vec::new();
        for _ in 0..30 {
            told.extend(hours.pass(7, &down()));
            told.extend(hours.pass(9, &Circumstances::default()));
        }
        assert!(told.len() >= 5, "{told:?}");
        for pair in told.windows(2) {
            assert!(pair[1].0 - pair[0].0 >= 60, "{told:?}");
            assert_ne!(pair[0].1.trouble, pair[1].1.trouble, "{told:?}");
        }
    }

    #[test]
    fn a_certificate_that_runs_out_is_told_of_at_each_step_and_when_it_is_renewed() {
        let mut hours = Hours::new();
        let of = |days| Circumstances {
            certificate: Some((
                Source::Files,
                WallTime::from_unix_secs(BEGIN + hours.seconds + days * DAY),
            )),
            ..Circumstances::default()
        };
        let all = of(45);
        let told = hours.pass(46 * 24 * 60, &all);
        let steps: Vec<(u64, Option<Trouble>)> =
            told.into_iter().map(|(minute, alert)| (minute / 1_440, alert.trouble)).collect();
        let ends = |days| Some(Trouble::Ends(days));
        assert_eq!(
            steps,
            [
                (15, ends(Some(30))),
                (31, ends(Some(14))),
                (38, ends(Some(7))),
                (44, ends(Some(1))),
                (45, ends(None))
            ]
        );
        let later = WallTime::from_unix_secs(BEGIN + hours.seconds + 90 * DAY);
        let certificate = Some((Source::Files, later));
        let told = hours.pass(5, &Circumstances { certificate, ..Circumstances::default() });
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].1.trouble, None);
    }

    #[test]
    fn a_restart_tells_nobody_anything_twice() {
        let mut hours = Hours::new();
        let full = Circumstances { space_is_low: true, ..Circumstances::default() };
        assert_eq!(hours.pass(10, &full).len(), 1);
        let watch = Watch::new(hours.watch.marks());
        let mut after = Hours { watch, seconds: hours.seconds, wanted: hours.wanted };
        assert_eq!(after.pass(300, &full), []);
        let read_only = Some("the volume is full".to_owned());
        let worse = Circumstances { read_only, ..full };
        assert_eq!(after.pass(10, &worse).len(), 1);
    }

    #[test]
    fn whoever_asks_for_alerts_is_told_of_what_is_wrong_already() {
        let mut hours = Hours::new();
        hours.wanted = vec![AlertKind::Memory];
        let full = Circumstances { space_is_low: true, ..Circumstances::default() };
        assert_eq!(hours.pass(300, &full), []);
        hours.wanted.push(AlertKind::Disk);
        assert_eq!(hours.pass(1, &full).len(), 1);
    }

    #[test]
    fn memory_that_is_short_for_a_moment_is_nobodys_business() {
        let mut hours = Hours::new();
        let short = Circumstances { memory_is_short: true, ..Circumstances::default() };
        for _ in 0..10 {
            let wall = WallTime::from_unix_secs(BEGIN + hours.seconds);
            let now = Tick::from_secs(hours.seconds);
            assert_eq!(hours.watch.look(now, wall, &short, &hours.wanted), []);
            hours.seconds += 30;
            assert_eq!(hours.pass(1, &Circumstances::default()), []);
        }
        assert_eq!(hours.pass(10, &short).len(), 1);
    }
}
