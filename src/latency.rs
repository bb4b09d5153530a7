//! How long things take: histograms that many threads add to without waiting for each other.
//!
//! A thread adds to its own stripe of counters, on cache lines that no other thread writes, so that an
//! observation is a few instructions and nothing is allocated or locked. Whoever reads adds the stripes
//! up.

use std::array;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// Upper bounds of the buckets, in microseconds: six to a decade, from 0.1 ms to 10 s. What takes longer
/// is in a last one of its own.
const BOUNDS: [u64; 31] = [
    100, 150, 250, 350, 500, 750, 1_000, 1_500, 2_500, 3_500, 5_000, 7_500, 10_000, 15_000, 25_000,
    35_000, 50_000, 75_000, 100_000, 150_000, 250_000, 350_000, 500_000, 750_000, 1_000_000,
    1_500_000, 2_500_000, 3_500_000, 5_000_000, 7_500_000, 10_000_000,
];

/// Buckets, the last one without a bound.
const BUCKETS: usize = BOUNDS.len() + 1;

/// Threads that observe at the same time seldom are more: those that share a stripe are right all the
/// same, and slower.
const STRIPES: usize = 8;

/// Counters of one thread, on cache lines of their own (two, which processors fetch together).
#[derive(Debug)]
#[repr(align(128))]
struct Stripe {
    buckets: [AtomicU64; BUCKETS],
    /// Microseconds in all.
    sum: AtomicU64,
}

impl Stripe {
    fn new() -> Stripe {
        Stripe { buckets: array::from_fn(|_| AtomicU64::new(0)), sum: AtomicU64::new(0) }
    }
}

/// The stripe of this thread.
fn stripe() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static OWN: usize = NEXT.fetch_add(1, Ordering::Relaxed) % STRIPES;
    }
    OWN.with(|own| *own)
}

/// Durations, counted by how long they are.
#[derive(Debug)]
pub struct Histogram(Box<[Stripe; STRIPES]>);

impl Default for Histogram {
    fn default() -> Histogram {
        Histogram(Box::new(array::from_fn(|_| Stripe::new())))
    }
}

impl Histogram {
    /// Adds one.
    pub fn observe(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = BOUNDS.partition_point(|bound| *bound < micros);
        let Some(stripe) = self.0.get(stripe()) else { return };
        if let Some(counter) = stripe.buckets.get(bucket) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
        stripe.sum.fetch_add(micros, Ordering::Relaxed);
    }

    /// What was added so far.
    #[must_use]
    pub fn read(&self) -> Latency {
        let mut read = Latency::default();
        for stripe in self.0.iter() {
            for (into, from) in read.buckets.iter_mut().zip(&stripe.buckets) {
                *into = into.wrapping_add(from.load(Ordering::Relaxed));
            }
            read.sum = read.sum.wrapping_add(stripe.sum.load(Ordering::Relaxed));
        }
        read
    }
}

/// What a [`Histogram`] held at one moment, or what came between two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Latency {
    buckets: [u64; BUCKETS],
    sum: u64,
}

impl Latency {
    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// Seconds in all.
    #[must_use]
    pub fn sum(&self) -> f64 {
        self.sum as f64 / 1e6
    }

    /// Those of both.
    #[must_use]
    pub fn and(mut self, other: &Latency) -> Latency {
        for (into, from) in self.buckets.iter_mut().zip(&other.buckets) {
            *into += from;
        }
        self.sum += other.sum;
        self
    }

    /// What has come since `earlier`.
    #[must_use]
    pub fn since(mut self, earlier: &Latency) -> Latency {
        for (into, from) in self.buckets.iter_mut().zip(&earlier.buckets) {
            *into = into.saturating_sub(*from);
        }
        self.sum = self.sum.saturating_sub(earlier.sum);
        self
    }

    /// In how many seconds this share of them was done, evenly spread within a bucket; `None` if there
    /// are none. What has no bound counts as the last bound.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let count = self.count();
        if count == 0 {
            return None;
        }
        let wanted = share.clamp(0.0, 1.0) * count as f64;
        let mut below = 0.0;
        let mut from = 0.0;
        for (bound, bucket) in BOUNDS.iter().zip(&self.buckets) {
            let (to, within) = (*bound as f64, *bucket as f64);
            if within > 0.0 && below + within >= wanted {
                return Some((from + (to - from) * (wanted - below) / within) / 1e6);
            }
            below += within;
            from = to;
        }
        Some(from / 1e6)
    }

    /// The buckets as they are shown: upper bounds of 1, 2.5 and 5 in each decade, in seconds, with how
    /// many there are in each; the last has no bound.
    #[must_use]
    pub fn buckets(&self) -> Vec<(f64, u64)> {
        let mut shown = Vec::with_capacity(BUCKETS / 2 + 1);
        let mut gathered = 0;
        for (index, (bound, bucket)) in BOUNDS.iter().zip(&self.buckets).enumerate() {
            gathered += bucket;
            if index % 2 == 0 {
                shown.push((*bound as f64 / 1e6, gathered));
                gathered = 0;
            }
        }
        shown.push((f64::INFINITY, self.buckets.last().copied().unwrap_or_default() + gathered));
        shown
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;

    fn of(micros: impl IntoIterator<Item = u64>) -> Latency {
        let histogram = Histogram::default();
        micros.into_iter().for_each(|micros| histogram.observe(Duration::from_micros(micros)));
        histogram.read()
    }

    #[test]
    fn what_many_threads_add_is_all_there() {
        let histogram = Arc::new(Histogram::default());
        let threads: Vec<_> = (0..2 * STRIPES)
            .map(|_| {
                let histogram = Arc::clone(&histogram);
                std::thread::spawn(move || {
                    (0..1_000).for_each(|n| histogram.observe(Duration::from_micros(n)));
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        let read = histogram.read();
        assert_eq!(read.count(), 2 * STRIPES as u64 * 1_000);
        assert!((read.sum() - 2.0 * STRIPES as f64 * 0.4995).abs() < 1e-9, "{}", read.sum());
    }

    #[test]
    fn what_is_shown_is_counted_once_and_by_round_bounds() {
        let read = of([50, 120, 200, 3_000_000, 60_000_000]);
        let shown = read.buckets();
        assert_eq!(shown.iter().map(|(_, count)| count).sum::<u64>(), 5);
        let bounds: Vec<f64> = shown.iter().map(|(bound, _)| *bound).collect();
        assert_eq!(bounds[..4], [0.0001, 0.00025, 0.0005, 0.001]);
        assert_eq!(shown[..2], [(0.0001, 1), (0.00025, 2)]);
        assert_eq!(shown.last(), Some(&(f64::INFINITY, 1)));
    }

    #[test]
    fn what_came_between_two_moments_is_their_difference() {
        let histogram = Histogram::default();
        histogram.observe(Duration::from_secs(1));
        let before = histogram.read();
        assert_eq!(histogram.read().since(&before).quantile(0.95), None);
        histogram.observe(Duration::from_millis(2));
        let between = histogram.read().since(&before);
        assert_eq!(between.count(), 1);
        assert!(between.quantile(0.95).unwrap() < 0.0025);
        assert_eq!(before.and(&between), histogram.read());
    }

    proptest! {
        /// The estimate is never further off than the bucket is wide.
        #[test]
        fn a_share_is_found_in_the_bucket_that_it_is_in(
            mut micros in prop::collection::vec(0_u64..9_000_000, 1..200),
            share in 0.01_f64..1.0,
        ) {
            let found = of(micros.iter().copied()).quantile(share).unwrap() * 1e6;
            micros.sort_unstable();
            let rank = ((share * micros.len() as f64).ceil() as usize).clamp(1, micros.len());
            let exact = micros[rank - 1];
            let bucket = BOUNDS.partition_point(|bound| *bound < exact);
            let from = bucket.checked_sub(1).map_or(0, |index| BOUNDS[index]);
            prop_assert!(found >= from as f64 - 1e-6 && found <= BOUNDS[bucket] as f64 + 1e-6);
        }
    }
}
