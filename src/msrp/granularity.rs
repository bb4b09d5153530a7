//! How often something is told while a message goes: progress to the application, success reports
//! to the peer.

/// When to tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Granularity {
    /// Never.
    Off,
    /// Once, at the end.
    #[default]
    End,
    /// Each time that so many bytes more have gone, and at the end.
    EveryBytes(u64),
    /// Each time that so many hundredths of the message more have gone, and at the end. At the end
    /// only while the message's length is unknown.
    EveryPercent(u8),
}

/// Counts for one message. Off and at the end, it costs one comparison a step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Meter {
    granularity: Granularity,
    /// The amount at which to tell next.
    next: u64,
}

impl Meter {
    /// A meter that begins at `done` bytes of a message of `total`.
    #[must_use]
    pub(super) fn new(granularity: Granularity, done: u64, total: Option<u64>) -> Meter {
        let mut meter = Meter { granularity, next: u64::MAX };
        meter.set_next(done, total);
        meter
    }

    /// Whether anything is told at the end.
    #[must_use]
    pub(super) fn tells_the_end(&self) -> bool {
        self.granularity != Granularity::Off
    }

    /// Whether `done` bytes are to be told now, the end left out.
    #[inline]
    #[must_use]
    pub(super) fn step(&mut self, done: u64, total: Option<u64>) -> bool {
        if done < self.next {
            return false;
        }
        self.set_next(done, total);
        // The end is told by whoever knows that it is the end.
        Some(done) != total
    }

    fn set_next(&mut self, done: u64, total: Option<u64>) {
        let step = match (self.granularity, total) {
            (Granularity::EveryBytes(bytes), _) => bytes,
            (Granularity::EveryPercent(percent), Some(total)) => {
                // At most 100 times, of whatever length.
                (u128::from(total) * u128::from(percent)).div_ceil(100) as u64
            }
            _ => return,
        };
        // Steps count from the beginning, so that they are the same for whoever resumes.
        let step = step.max(1);
        self.next = (done / step + 1).saturating_mul(step);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(granularity: Granularity, total: Option<u64>, sizes: u64, length: u64) -> Vec<u64> {
        let mut meter = Meter::new(granularity, 0, total);
        (1..=length / sizes).map(|n| n * sizes).filter(|done| meter.step(*done, total)).collect()
    }

    // features 1.2 "Custom granularity for both"
    #[test]
    fn granularity_tells_every_so_many_bytes_or_percent_or_nothing() {
        assert_eq!(told(Granularity::EveryBytes(250), Some(1_000), 100, 1_000), [300, 500, 800]);
        assert_eq!(told(Granularity::EveryPercent(25), Some(1_000), 50, 1_000), [250, 500, 750]);
        assert_eq!(told(Granularity::EveryPercent(1), Some(7), 1, 7), [1, 2, 3, 4, 5, 6]);
        assert_eq!(told(Granularity::EveryPercent(10), None, 1, 1_000), [0_u64; 0]);
        assert_eq!(told(Granularity::EveryBytes(0), Some(3), 1, 3), [1, 2]);
        assert_eq!(told(Granularity::End, Some(1_000), 1, 1_000), [0_u64; 0]);
        assert_eq!(told(Granularity::Off, Some(1_000), 1, 1_000), [0_u64; 0]);
        assert!(!Meter::new(Granularity::Off, 0, None).tells_the_end());
        assert!(Meter::new(Granularity::End, 0, None).tells_the_end());
    }
}
