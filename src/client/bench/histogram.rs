//! Counts of values in log-linear buckets: percentiles without keeping every value.

/// Linear steps per doubling, as a power of two: 64, so a reported value is at most 1.6 % too
/// large.
const STEP_BITS: u32 = 6;
const STEPS: u64 = 1 << STEP_BITS;

/// Larger values are counted as this one: twelve days in microseconds.
const LARGEST: u64 = (1 << 40) - 1;

/// Values counted by size.
#[derive(Clone, Debug)]
pub struct Histogram {
    buckets: Vec<u64>,
    count: u64,
    sum: u64,
    max: u64,
}

impl Default for Histogram {
    fn default() -> Histogram {
        Histogram { buckets: vec![0; bucket(LARGEST) + 1], count: 0, sum: 0, max: 0 }
    }
}

fn bucket(value: u64) -> usize {
    if value < STEPS {
        return value as usize;
    }
    let shift = 63 - value.leading_zeros() - STEP_BITS;
    (u64::from(shift + 1) * STEPS + (value >> shift) - STEPS) as usize
}

/// The largest value that falls into a bucket.
fn upper(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < STEPS {
        return bucket;
    }
    let shift = bucket / STEPS - 1;
    ((STEPS + bucket % STEPS + 1) << shift) - 1
}

impl Histogram {
    /// Counts a value.
    pub fn record(&mut self, value: u64) {
        let value = value.min(LARGEST);
        if let Some(count) = self.buckets.get_mut(bucket(value)) {
            *count += 1;
        }
        self.count += 1;
        self.sum += value;
        self.max = self.max.max(value);
    }

    /// Adds what another one counted.
    pub fn merge(&mut self, other: &Histogram) {
        for (mine, theirs) in self.buckets.iter_mut().zip(&other.buckets) {
            *mine += theirs;
        }
        self.count += other.count;
        self.sum += other.sum;
        self.max = self.max.max(other.max);
    }

    /// How many values were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The largest value.
    #[must_use]
    pub fn max(&self) -> u64 {
        self.max
    }

    /// The mean; 0 without values.
    #[must_use]
    pub fn mean(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.sum as f64 / self.count as f64 }
    }

    /// The smallest value that at least `percent` of the values do not exceed, at most 1.6 % too
    /// large; 0 without values.
    #[must_use]
    pub fn percentile(&self, percent: f64) -> u64 {
        let rank =
            ((self.count as f64 * percent / 100.0).ceil() as u64).clamp(1, self.count.max(1));
        let mut seen = 0;
        for (index, count) in self.buckets.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return upper(index).min(self.max);
            }
        }
        self.max
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_value_lies_in_the_bucket_that_ends_above_it() {
        for value in (0..100_000).chain((17..40).map(|bits| 1 << bits)).chain([LARGEST]) {
            let end = upper(bucket(value));
            assert!(end >= value && end as f64 <= value as f64 * (1.0 + 1.0 / 64.0), "{value}");
            assert!(value == 0 || bucket(value) >= bucket(value - 1), "{value}");
        }
    }

    proptest! {
        #[test]
        fn percentiles_are_the_exact_ones_or_less_than_a_step_above(
            mut values in prop::collection::vec(0_u64..5_000_000, 1..300),
            percent in 0.1_f64..100.0,
            split in 0_usize..300,
        ) {
            let (mut one, mut two) = (Histogram::default(), Histogram::default());
            for (index, value) in values.iter().enumerate() {
                if index < split { one.record(*value) } else { two.record(*value) }
            }
            one.merge(&two);
            values.sort_unstable();
            let rank = ((values.len() as f64 * percent / 100.0).ceil() as usize).max(1);
            let exact = values[rank - 1];
            let told = one.percentile(percent);
            prop_assert!(told >= exact && told as f64 <= exact as f64 * (1.0 + 1.0 / 64.0));
            prop_assert_eq!(one.max(), *values.last().unwrap());
            prop_assert_eq!(one.count(), values.len() as u64);
        }
    }
}
