//! The highest rate that a server carries cleanly.

use serde::Serialize;

use super::conductor::{Tell, conduct};
use super::report::Report;
use super::{BenchError, Options};
use crate::clock::Clock;

/// The rate grows by this until it is too high.
const GROWTH: f64 = 1.25;
/// Then the gap is halved until it is this small.
const CLOSE: f64 = 1.04;
/// More runs than this prove nothing further.
const MOST_RUNS: usize = 32;

/// What the search found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ceiling {
    /// The highest clean rate; 0 if the first was not clean.
    pub highest_clean_rate: f64,
    /// The lowest rate that was not; `None` if every one was.
    pub lowest_unclean_rate: Option<f64>,
    /// Every run, in order.
    pub runs: Vec<Report>,
}

/// The next rate to try, `None` when it is known well enough.
fn next(start: f64, clean: f64, unclean: Option<f64>) -> Option<f64> {
    match unclean {
        None if clean == 0.0 => Some(start),
        None => Some(clean * GROWTH),
        Some(unclean) if clean == 0.0 => Some(unclean / 2.0).filter(|rate| *rate >= start / 16.0),
        Some(unclean) => (unclean / clean > CLOSE).then(|| (clean * unclean).sqrt()),
    }
}

/// Runs the load at rising rates, from the options' rate on. A rate is too high if two runs of it
/// are not clean.
///
/// # Errors
/// As [`run`](super::run).
pub fn find_ceiling(
    options: &Options,
    clock: &Clock,
    tell: &mut Tell<'_>,
    step: &mut dyn FnMut(&Report),
) -> Result<Ceiling, BenchError> {
    conduct(options, clock, |conductor| {
        let mut found =
            Ceiling { highest_clean_rate: 0.0, lowest_unclean_rate: None, runs: Vec::new() };
        let start = options.rate();
        while found.runs.len() < MOST_RUNS
            && let Some(rate) = next(start, found.highest_clean_rate, found.lowest_unclean_rate)
        {
            let mut report = conductor.measure(rate, tell)?;
            step(&report);
            if !report.is_clean() {
                // A machine that other work disturbs for a moment must not decide.
                found.runs.push(report);
                report = conductor.measure(rate, tell)?;
                step(&report);
            }
            if report.is_clean() {
                found.highest_clean_rate = rate.round();
            } else {
                found.lowest_unclean_rate = Some(rate.round());
            }
            found.runs.push(report);
        }
        Ok(found)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_search_closes_in_on_the_ceiling() {
        for ceiling in [70.0, 1_000.0, 7_777.0] {
            let (mut clean, mut unclean) = (0.0, None);
            let mut runs = 0;
            while let Some(rate) = next(1_000.0, clean, unclean) {
                (clean, unclean) =
                    if rate <= ceiling { (rate, unclean) } else { (clean, Some(rate)) };
                runs += 1;
                assert!(runs < MOST_RUNS);
            }
            assert!(clean <= ceiling && clean * CLOSE >= ceiling, "{ceiling}: {clean}");
        }
    }
}
