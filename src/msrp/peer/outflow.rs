//! What waits to be written to a connection: small things that the protocol made, and bodies that stay
//! in the buffers they were read into. One vectored write takes both.

use std::collections::VecDeque;
use std::io::IoSlice;

use super::block::{Piece, Pool};

/// With so much waiting, in bytes, nothing more is made: what is urgent must not stand behind more.
pub(super) const WAITING_MOST: usize = 256 * 1_024;

/// Parts that one system call takes.
const PARTS: usize = 32;

/// Bytes in the order in which they leave.
#[derive(Debug, Default)]
pub(super) struct Outflow {
    /// Heads, end-lines, responses, whole short messages.
    pub(super) small: Vec<u8>,
    /// Bodies, each behind the small bytes up to a place.
    bodies: VecDeque<(usize, Piece)>,
    /// What has been written of the small bytes, and of the first body.
    small_done: usize,
    body_done: usize,
    bodies_load: usize,
}

impl Outflow {
    /// Puts a body behind all that is there.
    pub(super) fn push(&mut self, piece: Piece) {
        self.bodies_load += piece.len();
        self.bodies.push_back((self.small.len(), piece));
    }

    /// Bytes that wait.
    pub(super) fn len(&self) -> usize {
        self.small.len() - self.small_done + self.bodies_load - self.body_done
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The first bytes, as many as one system call takes.
    pub(super) fn parts<'a>(&'a self, parts: &mut [IoSlice<'a>; PARTS]) -> usize {
        let (mut count, mut small, mut skip) = (0, self.small_done, self.body_done);
        let mut put = |bytes: &'a [u8]| {
            if let Some(part) = parts.get_mut(count)
                && !bytes.is_empty()
            {
                *part = IoSlice::new(bytes);
                count += 1;
            }
        };
        for (place, piece) in self.bodies.iter().take(PARTS) {
            put(self.small.get(small..*place).unwrap_or_default());
            put(piece.bytes().get(skip..).unwrap_or_default());
            (small, skip) = (*place, 0);
        }
        if self.bodies.len() < PARTS {
            put(self.small.get(small..).unwrap_or_default());
        }
        count
    }

    /// An empty array for [`Outflow::parts`].
    pub(super) fn no_parts<'a>() -> [IoSlice<'a>; PARTS] {
        [IoSlice::new(&[]); PARTS]
    }

    /// So many bytes have been written.
    pub(super) fn advance(&mut self, mut count: usize, pool: &mut Pool) {
        while count > 0 {
            let before = self.bodies.front().map_or(self.small.len(), |(place, _)| *place);
            let small = count.min(before - self.small_done);
            self.small_done += small;
            count -= small;
            let Some((_, piece)) = self.bodies.front() else { break };
            if self.small_done < before {
                break;
            }
            let body = count.min(piece.len() - self.body_done);
            self.body_done += body;
            count -= body;
            if self.body_done == piece.len()
                && let Some((_, piece)) = self.bodies.pop_front()
            {
                self.bodies_load -= piece.len();
                self.body_done = 0;
                pool.give(piece.buffer);
            }
        }
        if self.is_empty() {
            self.small.clear();
            self.small.shrink_to(WAITING_MOST);
            self.small_done = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;

    fn piece(bytes: &[u8]) -> Piece {
        Piece { buffer: Arc::new(bytes.to_vec()), range: 0..bytes.len() }
    }

    proptest! {
        /// Whatever is put in, and however little each call takes: all of it leaves, in order.
        #[test]
        fn everything_leaves_in_order(
            parts in proptest::collection::vec((any::<bool>(), 0..40_usize), 0..80),
            takes in proptest::collection::vec(1..60_usize, 1..20),
        ) {
            let (mut outflow, mut pool, mut expected) = (Outflow::default(), Pool::default(), Vec::new());
            for (index, (is_body, length)) in parts.into_iter().enumerate() {
                let bytes = vec![u8::try_from(index).unwrap(); length];
                expected.extend_from_slice(&bytes);
                if is_body {
                    outflow.push(piece(&bytes));
                } else {
                    outflow.small.extend_from_slice(&bytes);
                }
            }
            prop_assert_eq!(outflow.len(), expected.len());
            let mut written = Vec::new();
            for take in takes.into_iter().cycle() {
                let mut parts = Outflow::no_parts();
                let count = outflow.parts(&mut parts);
                let gathered: Vec<u8> = parts[..count].iter().flat_map(|part| part.to_vec()).collect();
                let taken = take.min(gathered.len());
                prop_assert!(taken > 0 || outflow.is_empty());
                written.extend_from_slice(&gathered[..taken]);
                outflow.advance(taken, &mut pool);
                if outflow.is_empty() {
                    break;
                }
            }
            prop_assert_eq!(written, expected);
        }
    }
}
