//! What is to be sent, written one behind the other into one reused buffer.

use std::ops::Range;

/// Messages on their way out.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    bytes: Vec<u8>,
    items: Vec<(u32, Range<usize>)>,
}

impl Outbox {
    /// Lets `write` append one message that leaves by the socket or connection `flow`; returns
    /// what was written.
    pub(super) fn push(&mut self, flow: u32, write: impl FnOnce(&mut Vec<u8>)) -> &[u8] {
        let start = self.bytes.len();
        write(&mut self.bytes);
        self.items.push((flow, start..self.bytes.len()));
        self.bytes.get(start..).unwrap_or_default()
    }

    /// Puts the messages of one flow side by side, in their order.
    pub(super) fn sort(&mut self) {
        self.items.sort_unstable_by_key(|(flow, range)| (*flow, range.start));
    }

    /// The messages.
    pub(super) fn items(&self) -> impl Iterator<Item = (u32, &[u8])> + Clone {
        self.items
            .iter()
            .map(|(flow, range)| (*flow, self.bytes.get(range.clone()).unwrap_or_default()))
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.items.clear();
    }
}
