//! The only reader of time. Everything else is given a [`Tick`] or a [`WallTime`].
//!
//! Two notions are kept apart on purpose: timers, expiries and nonce ages run on the monotonic
//! [`Tick`], so that an administrator who sets the clock ends nobody's registration; only what
//! people read or what must survive a restart is a [`WallTime`].

use std::fmt;
use std::ops::{Add, Sub};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Monotonic time: microseconds since the [`Clock`] was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tick(u64);

impl Tick {
    /// The instant at which the clock was made.
    pub const ZERO: Tick = Tick(0);
    /// A deadline that never comes.
    pub const NEVER: Tick = Tick(u64::MAX);

    /// A tick `micros` microseconds after the clock's start.
    #[must_use]
    pub const fn from_micros(micros: u64) -> Tick {
        Tick(micros)
    }

    /// A tick `millis` milliseconds after the clock's start.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Tick {
        Tick(millis.saturating_mul(1_000))
    }

    /// A tick `seconds` seconds after the clock's start.
    #[must_use]
    pub const fn from_secs(seconds: u64) -> Tick {
        Tick(seconds.saturating_mul(1_000_000))
    }

    /// Microseconds since the clock's start.
    #[must_use]
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// Time elapsed since `earlier`; zero if `earlier` lies ahead.
    #[must_use]
    pub const fn since(self, earlier: Tick) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Tick {
    type Output = Tick;
    fn add(self, rhs: Duration) -> Tick {
        Tick(self.0.saturating_add(u64::try_from(rhs.as_micros()).unwrap_or(u64::MAX)))
    }
}

impl Sub<Tick> for Tick {
    type Output = Duration;
    fn sub(self, rhs: Tick) -> Duration {
        self.since(rhs)
    }
}

/// Wall time: milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "server", derive(serde::Serialize, serde::Deserialize))]
pub struct WallTime(u64);

impl WallTime {
    /// Wall time from Unix milliseconds.
    #[must_use]
    pub const fn from_unix_millis(millis: u64) -> WallTime {
        WallTime(millis)
    }

    /// Wall time from Unix seconds.
    #[must_use]
    pub const fn from_unix_secs(seconds: u64) -> WallTime {
        WallTime(seconds.saturating_mul(1_000))
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub const fn unix_millis(self) -> u64 {
        self.0
    }

    /// Whole seconds since the Unix epoch.
    #[must_use]
    pub const fn unix_secs(self) -> u64 {
        self.0 / 1_000
    }

    /// Time elapsed since `earlier`; zero if `earlier` lies ahead.
    #[must_use]
    pub const fn since(self, earlier: WallTime) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// Year, month (1-12), day (1-31), hour, minute, second and day of the week (0 = Sunday), UTC.
    #[must_use]
    pub fn civil(self) -> Civil {
        let seconds = self.unix_secs();
        let days = seconds / 86_400;
        let rest = seconds % 86_400;
        // Howard Hinnant's days-to-civil, for days since 1970-01-01.
        let z = days + 719_468;
        let era = z / 146_097;
        let day_of_era = z - era * 146_097;
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_index = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_index + 2) / 5 + 1;
        let month = if month_index < 10 { month_index + 3 } else { month_index - 9 };
        let year = year_of_era + era * 400 + u64::from(month <= 2);
        Civil {
            year,
            month: month as u8,
            day: day as u8,
            hour: (rest / 3_600) as u8,
            minute: (rest % 3_600 / 60) as u8,
            second: (rest % 60) as u8,
            weekday: ((days + 4) % 7) as u8,
        }
    }

    /// The beginning of a day as `<input type="date">` sends it: `2026-11-29`, UTC.
    #[must_use]
    pub fn of_day(text: &str) -> Option<WallTime> {
        let digits = |part: &str, count: usize| {
            let plain = part.len() == count && part.bytes().all(|byte| byte.is_ascii_digit());
            part.parse::<u64>().ok().filter(|_| plain)
        };
        let mut parts = text.split('-');
        let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
        let (year, month, day) = (digits(year, 4)?, digits(month, 2)?, digits(day, 2)?);
        if parts.next().is_some() || year < 1970 || !(1..=12).contains(&month) {
            return None;
        }
        // Howard Hinnant's civil-to-days.
        let shifted = if month <= 2 { year - 1 } else { year };
        let (era, year_of_era) = (shifted / 400, shifted % 400);
        let month_index = if month > 2 { month - 3 } else { month + 9 };
        let day_of_year = (153 * month_index + 2) / 5 + day.checked_sub(1)?;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        let days = (era * 146_097 + day_of_era).checked_sub(719_468)?;
        let wall = WallTime::from_unix_secs(days * 86_400);
        let civil = wall.civil();
        // The 30th of February is another day.
        let same = (u64::from(civil.month), u64::from(civil.day)) == (month, day);
        same.then_some(wall)
    }

    /// The date as SIP's `Date` header wants it (RFC 3261 s20.17), always GMT.
    #[must_use]
    pub fn sip_date(self) -> String {
        const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
        const MONTHS: [&str; 12] =
            ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        let c = self.civil();
        // In each answer to REGISTER: without the machinery of `format!`.
        let mut date = String::with_capacity(29);
        let two = |date: &mut String, number: u64| {
            date.push(char::from(b'0' + (number / 10 % 10) as u8));
            date.push(char::from(b'0' + (number % 10) as u8));
        };
        date.push_str(DAYS[usize::from(c.weekday)]);
        date.push_str(", ");
        two(&mut date, u64::from(c.day));
        date.push(' ');
        date.push_str(MONTHS[usize::from(c.month - 1)]);
        date.push(' ');
        match c.year {
            0..=9_999 => {
                two(&mut date, c.year / 100);
                two(&mut date, c.year);
            }
            year => date.push_str(&year.to_string()),
        }
        for (before, number) in [(' ', c.hour), (':', c.minute), (':', c.second)] {
            date.push(before);
            two(&mut date, u64::from(number));
        }
        date.push_str(" GMT");
        date
    }
}

impl Add<Duration> for WallTime {
    type Output = WallTime;
    fn add(self, rhs: Duration) -> WallTime {
        WallTime(self.0.saturating_add(u64::try_from(rhs.as_millis()).unwrap_or(u64::MAX)))
    }
}

impl fmt::Display for WallTime {
    /// RFC 3339, UTC, whole seconds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let c = self.civil();
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
            c.year, c.month, c.day, c.hour, c.minute, c.second
        )
    }
}

/// A [`WallTime`] taken apart, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each field is its own name")]
pub struct Civil {
    pub year: u64,
    pub month: u8,
    pub day: u8,
    pub hour: u8,
    pub minute: u8,
    pub second: u8,
    /// 0 is Sunday.
    pub weekday: u8,
}

/// Reads time. Cheap to clone; a manual one is moved by its [`ManualClock`].
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System { start: Instant, wall: WallTime },
    Manual(Arc<Hands>),
}

#[derive(Debug)]
struct Hands {
    micros: AtomicU64,
    wall_millis: AtomicU64,
    first_wall: WallTime,
}

impl Clock {
    /// The machine's clocks; [`Tick::ZERO`] is now.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    pub fn system() -> Clock {
        Clock(Source::System { start: Instant::now(), wall: machine_wall() })
    }

    /// A clock that stands still until its [`ManualClock`] moves it.
    #[must_use]
    pub fn manual(wall: WallTime) -> (Clock, ManualClock) {
        let hands = Arc::new(Hands {
            micros: AtomicU64::new(0),
            wall_millis: AtomicU64::new(wall.0),
            first_wall: wall,
        });
        (Clock(Source::Manual(Arc::clone(&hands))), ManualClock(hands))
    }

    /// Monotonic time.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    pub fn now(&self) -> Tick {
        match &self.0 {
            Source::System { start, .. } => {
                Tick(u64::try_from(Instant::now().duration_since(*start).as_micros()).unwrap_or(0))
            }
            Source::Manual(hands) => Tick(hands.micros.load(Ordering::Acquire)),
        }
    }

    /// Wall time; the epoch if the machine's clock stands before 1970.
    #[must_use]
    pub fn wall(&self) -> WallTime {
        match &self.0 {
            Source::System { .. } => machine_wall(),
            Source::Manual(hands) => WallTime(hands.wall_millis.load(Ordering::Acquire)),
        }
    }

    /// The earlier of wall time and what wall time would be if nobody had set the clock since this
    /// one was made. What has run out by it has run out by any account: a clock that is set forward
    /// ends nothing before its time.
    #[must_use]
    pub fn earliest_wall(&self) -> WallTime {
        self.wall().min(self.undisturbed_wall())
    }

    /// The later of the two: what lasts from it on lasts long enough by any account.
    #[must_use]
    pub fn latest_wall(&self) -> WallTime {
        self.wall().max(self.undisturbed_wall())
    }

    fn undisturbed_wall(&self) -> WallTime {
        let first = match &self.0 {
            Source::System { wall, .. } => *wall,
            Source::Manual(hands) => hands.first_wall,
        };
        first + self.now().since(Tick::ZERO)
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
fn machine_wall() -> WallTime {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).ok();
    WallTime(since_epoch.and_then(|d| u64::try_from(d.as_millis()).ok()).unwrap_or(0))
}

/// Moves a manual [`Clock`].
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<Hands>);

impl ManualClock {
    /// Moves both clocks forward by `step`.
    pub fn advance(&self, step: Duration) {
        self.0.micros.fetch_add(u64::try_from(step.as_micros()).unwrap_or(0), Ordering::AcqRel);
        self.0
            .wall_millis
            .fetch_add(u64::try_from(step.as_millis()).unwrap_or(0), Ordering::AcqRel);
    }

    /// Sets wall time alone, as an administrator would; monotonic time stays.
    pub fn set_wall(&self, wall: WallTime) {
        self.0.wall_millis.store(wall.0, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sip_date_of_a_known_second() {
        assert_eq!(
            WallTime::from_unix_secs(1_289_682_571).sip_date(),
            "Sat, 13 Nov 2010 21:09:31 GMT"
        );
    }

    #[test]
    fn a_day_is_read_as_its_first_second_and_no_other_text_is_a_day() {
        for text in ["1970-01-01", "2000-02-29", "2024-02-29", "2026-11-29", "2100-12-31"] {
            let day = WallTime::of_day(text).unwrap();
            assert_eq!(day.to_string(), format!("{text}T00:00:00Z"));
        }
        for text in [
            "",
            "2026",
            "2026-02-29",
            "2026-13-01",
            "2026-00-10",
            "2026-01-00",
            "2026-01-32",
            "26-01-01",
            "+026-01-01",
            "1969-12-31",
            "2026-1-1",
            "2026-01-01-01",
            "x-y-z",
        ] {
            assert_eq!(WallTime::of_day(text), None, "{text}");
        }
    }

    #[test]
    fn leap_days_and_far_years_are_right() {
        assert_eq!(WallTime::from_unix_secs(951_782_400).to_string(), "2000-02-29T00:00:00Z");
        assert_eq!(WallTime::from_unix_secs(0).to_string(), "1970-01-01T00:00:00Z");
        assert_eq!(WallTime::from_unix_secs(4_294_967_296).to_string(), "2106-02-07T06:28:16Z");
    }

    #[test]
    fn setting_the_wall_clock_does_not_move_monotonic_time() {
        let (clock, hands) = Clock::manual(WallTime::from_unix_secs(1_000));
        hands.advance(Duration::from_secs(5));
        hands.set_wall(WallTime::from_unix_secs(1));
        assert_eq!(clock.now(), Tick::from_secs(5));
        assert_eq!(clock.wall(), WallTime::from_unix_secs(1));
    }

    /// R07: forward, nothing runs out early; back, nothing that begins now is cut short.
    #[test]
    fn what_runs_out_does_so_by_both_accounts() {
        let (clock, hands) = Clock::manual(WallTime::from_unix_secs(1_000));
        hands.advance(Duration::from_secs(5));
        hands.set_wall(WallTime::from_unix_secs(9_000));
        assert_eq!(clock.earliest_wall(), WallTime::from_unix_secs(1_005));
        assert_eq!(clock.latest_wall(), WallTime::from_unix_secs(9_000));
        hands.set_wall(WallTime::from_unix_secs(0));
        assert_eq!(clock.earliest_wall(), WallTime::from_unix_secs(0));
        assert_eq!(clock.latest_wall(), WallTime::from_unix_secs(1_005));
    }

    #[test]
    fn a_deadline_far_away_saturates() {
        assert_eq!(Tick::NEVER + Duration::from_secs(1), Tick::NEVER);
        assert_eq!(Tick::ZERO - Tick::from_secs(1), Duration::ZERO);
    }
}
