//! `xs:dateTime`, as validity periods have it (RFC 4745 s7.4).

use crate::clock::WallTime;

/// Reads a time; without a zone it is taken as UTC, and what lies before 1970 as its beginning.
/// `None` if it is not one.
pub fn parse(text: &str) -> Option<WallTime> {
    let text = text.trim();
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (date, time) = text.split_once('T')?;
    let mut fields = date.split('-');
    let (year, month, day) = (fields.next()?, fields.next()?, fields.next()?);
    if fields.next().is_some() || year.len() < 4 || year.len() > 9 {
        return None;
    }
    let year = i64::from(number(year)?) * if negative { -1 } else { 1 };
    let (month, day) = (two(month)?, two(day)?);
    let zone_at = time.find(['Z', '+', '-']).unwrap_or(time.len());
    let (clock, zone) = time.split_at(zone_at);
    let mut fields = clock.split(':');
    let (hour, minute, second) = (two(fields.next()?)?, two(fields.next()?)?, fields.next()?);
    if fields.next().is_some() {
        return None;
    }
    let (second, fraction) = second.split_once('.').unwrap_or((second, "0"));
    let second = two(second)?;
    if fraction.is_empty() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let millis: i64 = format!("{fraction:0<3.3}").parse().ok()?;
    let end_of_day = hour == 24 && minute == 0 && second == 0 && millis == 0;
    if !(1..=12).contains(&month)
        || day < 1
        || day > days_of(year, month)
        || (hour > 23 && !end_of_day)
        || minute > 59
        || second > 60
    {
        return None;
    }
    let seconds = days_before(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second
        - offset(zone)?;
    let millis = seconds.checked_mul(1_000)?.checked_add(millis)?;
    Some(WallTime::from_unix_millis(u64::try_from(millis).unwrap_or(0)))
}

/// Seconds that a zone is ahead of UTC.
fn offset(zone: &str) -> Option<i64> {
    let (sign, rest) = match zone.as_bytes().first() {
        None => return Some(0),
        Some(b'Z') => return (zone == "Z").then_some(0),
        Some(b'-') => (-1, &zone[1..]),
        Some(_) => (1, &zone[1..]),
    };
    let (hours, minutes) = rest.split_once(':')?;
    let (hours, minutes) = (two(hours)?, two(minutes)?);
    (hours <= 14 && minutes <= 59).then_some(sign * (hours * 3_600 + minutes * 60))
}

fn number(digits: &str) -> Option<u32> {
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

fn two(digits: &str) -> Option<i64> {
    if digits.len() == 2 { number(digits).map(i64::from) } else { None }
}

fn days_of(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to a date of the Gregorian calendar (Howard Hinnant's algorithm).
fn days_before(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_index = (month + 9) % 12;
    let day_of_year = (153 * month_index + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times_with_and_without_zone_and_fraction_are_read() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2003-12-24T17:00:00+01:00", 1_072_281_600),
            ("2003-08-15T10:20:00.000-05:00", 1_060_960_800),
            ("2000-02-29T00:00:00", 951_782_400),
            ("2000-02-28T24:00:00Z", 951_782_400),
            ("1950-01-01T00:00:00Z", 0),
        ] {
            assert_eq!(parse(text), Some(WallTime::from_unix_secs(seconds)), "{text}");
        }
        assert_eq!(parse("1970-01-01T00:00:01.25Z"), Some(WallTime::from_unix_millis(1_250)));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "2003",
            "2003-12-24",
            "2003-13-01T00:00:00Z",
            "2003-02-29T00:00:00Z",
            "2003-12-24T25:00:00Z",
            "2003-12-24T10:00Z",
            "2003-12-24T10:00:00+1:00",
            "2003-12-24t10:00:00Z",
            "2003-12-24T10:00:00ZZ",
            "99999999999-12-24T10:00:00Z",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_the_clock_writes_is_read_back(seconds in 0..253_402_300_800_u64) {
            let time = WallTime::from_unix_secs(seconds);
            prop_assert_eq!(parse(&time.to_string()), Some(time));
        }

        #[test]
        fn no_text_is_too_strange_for_a_time(text in any::<String>(), near in "[-+0-9T:.Z]{0,40}") {
            let _ = (parse(&text), parse(&near));
        }
    }
}
