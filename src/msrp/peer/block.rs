//! Large buffers that go round: filled by a socket or a file, emptied by a file or a socket, and used
//! again. What lies in one is never copied on its way.

use std::ops::Range;
use std::sync::Arc;

/// Bytes in a buffer. Large enough that waking a file thread for each costs little, small enough that
/// several of them are within the memory that a transfer may take.
pub(super) const BLOCK: usize = 256 * 1_024;

/// How many idle buffers a connection keeps.
const IDLE_MOST: usize = 4;

/// Part of a buffer.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    pub(super) buffer: Arc<Vec<u8>>,
    pub(super) range: Range<usize>,
}

impl Piece {
    pub(super) fn bytes(&self) -> &[u8] {
        self.buffer.get(self.range.clone()).unwrap_or_default()
    }

    pub(super) fn len(&self) -> usize {
        self.range.len()
    }
}

/// Idle buffers.
#[derive(Debug, Default)]
pub(super) struct Pool {
    idle: Vec<Vec<u8>>,
}

impl Pool {
    /// A buffer of [`BLOCK`] bytes; what is in it means nothing.
    pub(super) fn take(&mut self) -> Vec<u8> {
        self.idle.pop().unwrap_or_else(|| vec![0; BLOCK])
    }

    /// Gives a buffer back, unless somebody else still looks at it: the last one gives it back.
    pub(super) fn give(&mut self, buffer: Arc<Vec<u8>>) {
        if let Some(buffer) = Arc::into_inner(buffer) {
            self.give_whole(buffer);
        }
    }

    /// Gives back a buffer that nobody else has.
    pub(super) fn give_whole(&mut self, mut buffer: Vec<u8>) {
        if self.idle.len() < IDLE_MOST && buffer.capacity() >= BLOCK {
            buffer.resize(BLOCK, 0);
            self.idle.push(buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_comes_back_when_its_last_piece_does() {
        let mut pool = Pool::default();
        let mut first = pool.take();
        first[0] = 77;
        let buffer = Arc::new(first);
        let piece = Piece { buffer: Arc::clone(&buffer), range: 3..5 };
        pool.give(buffer);
        assert!(pool.idle.is_empty());
        assert_eq!(piece.bytes(), [0, 0]);
        pool.give(piece.buffer);
        assert_eq!(pool.take()[0], 77);
    }

    #[test]
    fn no_more_than_a_few_buffers_are_kept() {
        let mut pool = Pool::default();
        for _ in 0..20 {
            pool.give_whole(vec![1; BLOCK]);
        }
        assert_eq!(pool.idle.len(), IDLE_MOST);
        pool.give_whole(Vec::new());
        assert_eq!(pool.idle.len(), IDLE_MOST);
    }
}
