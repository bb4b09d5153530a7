//! Which bytes of a message are there: a bounded set of ranges (RFC 4975 s7.3.1).

use smallvec::SmallVec;

/// Ranges of one set at most. A sender that leaves more holes than this is not served.
pub const MOST: usize = 256;

/// More holes than a set can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a message in more than 256 separate parts")]
pub struct TooMany;

/// A set of byte offsets, from 0, as ranges `start..end` that neither touch nor overlap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ranges {
    parts: SmallVec<[(u64, u64); 1]>,
    covered: u64,
}

impl Ranges {
    /// Adds `start..end`.
    ///
    /// # Errors
    /// [`TooMany`] if that would be the 257th separate range; then nothing changed.
    pub fn insert(&mut self, start: u64, end: u64) -> Result<(), TooMany> {
        if start >= end {
            return Ok(());
        }
        // Nearly always the new range goes on where the last one ended.
        if let Some(last) = self.parts.last_mut()
            && last.0 <= start
            && start <= last.1
        {
            self.covered += end.saturating_sub(last.1);
            last.1 = last.1.max(end);
            return Ok(());
        }
        let first = self.parts.partition_point(|part| part.1 < start);
        let behind = self.parts.partition_point(|part| part.0 <= end);
        if first == behind {
            if self.parts.len() == MOST {
                return Err(TooMany);
            }
            self.parts.insert(first, (start, end));
            self.covered += end - start;
            return Ok(());
        }
        let merged = (start.min(self.parts[first].0), end.max(self.parts[behind - 1].1));
        let before: u64 = self.parts[first..behind].iter().map(|part| part.1 - part.0).sum();
        self.covered = self.covered - before + (merged.1 - merged.0);
        self.parts[first] = merged;
        self.parts.drain(first + 1..behind);
        Ok(())
    }

    /// How many bytes are there.
    #[must_use]
    pub fn covered(&self) -> u64 {
        self.covered
    }

    /// How many bytes there are from the first one on without a hole.
    #[must_use]
    pub fn prefix(&self) -> u64 {
        self.parts.first().filter(|part| part.0 == 0).map_or(0, |part| part.1)
    }

    /// Whether each byte of `0..end` is there.
    #[must_use]
    pub fn covers(&self, end: u64) -> bool {
        self.prefix() >= end
    }

    /// The range that holds the byte at `offset`.
    #[must_use]
    pub fn around(&self, offset: u64) -> Option<(u64, u64)> {
        let at = self.parts.partition_point(|part| part.1 <= offset);
        self.parts.get(at).copied().filter(|part| part.0 <= offset)
    }

    /// Its ranges in their order.
    pub fn iter(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.parts.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_message_in_more_than_256_parts_is_refused_and_its_holes_can_be_filled() {
        let mut ranges = Ranges::default();
        for part in 0..MOST as u64 {
            assert_eq!(ranges.insert(part * 2, part * 2 + 1), Ok(()));
        }
        let before = ranges.clone();
        assert_eq!(ranges.insert(10_000, 10_001), Err(TooMany));
        assert_eq!(ranges, before);
        assert_eq!(ranges.insert(0, 512), Ok(()));
        assert_eq!(ranges.iter().collect::<Vec<_>>(), [(0, 512)]);
        assert_eq!(ranges.insert(10_000, 10_001), Ok(()));
        assert_eq!(ranges.covered(), 513);
    }

    proptest! {
        #[test]
        fn ranges_hold_what_was_put_in(
            parts in prop::collection::vec((0_u64..200, 0_u64..40), 0..60),
        ) {
            let mut ranges = Ranges::default();
            let mut bytes = [false; 256];
            for (start, length) in parts {
                ranges.insert(start, start + length).unwrap();
                bytes[start as usize..(start + length) as usize].fill(true);
                prop_assert_eq!(ranges.covered(), bytes.iter().filter(|b| **b).count() as u64);
                let prefix = bytes.iter().take_while(|b| **b).count() as u64;
                prop_assert_eq!(ranges.prefix(), prefix);
                prop_assert!(ranges.covers(prefix) && !ranges.covers(prefix + 1));
                for (offset, there) in bytes.iter().enumerate() {
                    let around = ranges.around(offset as u64);
                    prop_assert_eq!(around.is_some(), *there);
                }
                let list: Vec<_> = ranges.iter().collect();
                prop_assert!(list.windows(2).all(|pair| pair[0].1 < pair[1].0));
            }
        }
    }
}
