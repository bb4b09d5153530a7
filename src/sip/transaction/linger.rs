//! What is left of answered non-INVITE transactions over unreliable transports.
//!
//! A server transaction in Completed answers retransmissions for 64*T1 (Timer J); at 10,000 a
//! second that is 320,000 of them. All wait equally long, so they end in the order in which they
//! came: no timer, no slot, just a queue of blocks, each holding 256 records and, end to end, the
//! bytes of their responses. A block is freed as a whole with its last record, so the memory
//! follows the traffic down again, and the allocator sees one block where it would have seen 256
//! responses of odd sizes.

use std::collections::VecDeque;
use std::net::SocketAddr;

use crate::clock::Tick;
use crate::sip::{ConnectionId, Flow, Transport};

use super::key::TransactionKey;

/// Records in a block; their origins are numbered in one byte.
const RECORDS: usize = 256;

/// Where a request came in: what the transactions of a block mostly share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Origin {
    transport: Transport,
    local: SocketAddr,
    connection: ConnectionId,
}

#[derive(Clone, Copy, Debug)]
struct Record {
    key: TransactionKey,
    ends_at: Tick,
    remote: SocketAddr,
    /// Where the response ends in the block; it begins where the record before ends.
    end: u32,
    origin: u8,
}

#[derive(Debug)]
struct Block {
    records: Vec<Record>,
    origins: Vec<Origin>,
    bytes: Vec<u8>,
}

impl Block {
    fn start(&self, place: usize) -> usize {
        let before = place.checked_sub(1).and_then(|before| self.records.get(before));
        before.map_or(0, |record| record.end as usize)
    }

    fn fits(&self, response: &[u8]) -> bool {
        self.records.len() < RECORDS
            && self
                .bytes
                .len()
                .checked_add(response.len())
                .is_some_and(|n| u32::try_from(n).is_ok())
    }

    fn origin(&mut self, origin: Origin) -> Option<u8> {
        let place = self.origins.iter().position(|known| *known == origin).unwrap_or_else(|| {
            self.origins.push(origin);
            self.origins.len() - 1
        });
        u8::try_from(place).ok()
    }
}

/// The answered server transactions, oldest first, numbered without gaps.
#[derive(Debug, Default)]
pub(super) struct Answers {
    blocks: VecDeque<Block>,
    /// The number of the first block's first record.
    first: u64,
    /// Records of the first block that are over.
    over: usize,
    len: usize,
    bytes: usize,
    last_end: Tick,
}

impl Answers {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Bytes of responses kept.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Keeps a response and tells its number; `None` if it is absurdly long.
    pub(super) fn push(
        &mut self,
        key: TransactionKey,
        flow: Flow,
        response: &[u8],
        ends_at: Tick,
    ) -> Option<u64> {
        if !self.blocks.back().is_some_and(|block| block.fits(response)) {
            self.begin_block();
        }
        let before = self.blocks.len().checked_sub(1)? as u64;
        let block = self.blocks.back_mut()?;
        let origin = block.origin(Origin {
            transport: flow.transport,
            local: flow.local,
            connection: flow.connection,
        })?;
        let end = u32::try_from(block.bytes.len().checked_add(response.len())?).ok()?;
        block.bytes.extend_from_slice(response);
        // Threads may have read the clock in another order than they came here.
        self.last_end = self.last_end.max(ends_at);
        let place = block.records.len() as u64;
        block.records.push(Record {
            key,
            ends_at: self.last_end,
            remote: flow.remote,
            end,
            origin,
        });
        self.len += 1;
        self.bytes += response.len();
        Some(self.first + before * RECORDS as u64 + place)
    }

    /// Seals the last block at its exact size and opens one that expects as much. A block that was
    /// sealed early keeps the numbers of the records it does not have.
    fn begin_block(&mut self) {
        let mut expected = 0;
        if let Some(last) = self.blocks.back_mut() {
            expected = last.bytes.len();
            last.bytes.shrink_to_fit();
            last.origins.shrink_to_fit();
        }
        self.blocks.push_back(Block {
            records: Vec::with_capacity(RECORDS),
            origins: Vec::new(),
            bytes: Vec::with_capacity(expected),
        });
    }

    pub(super) fn get(&self, number: u64) -> Option<(Flow, &[u8])> {
        let offset = usize::try_from(number.checked_sub(self.first)?).ok()?;
        let (place, index) = (offset / RECORDS, offset % RECORDS);
        if place == 0 && index < self.over {
            return None;
        }
        let block = self.blocks.get(place)?;
        let record = block.records.get(index)?;
        let origin = block.origins.get(usize::from(record.origin))?;
        let flow = Flow {
            transport: origin.transport,
            local: origin.local,
            remote: record.remote,
            connection: origin.connection,
        };
        Some((flow, block.bytes.get(block.start(index)..record.end as usize)?))
    }

    /// When the oldest ends.
    pub(super) fn next_end(&self) -> Option<Tick> {
        Some(self.blocks.front()?.records.get(self.over)?.ends_at)
    }

    /// Takes the oldest out if it is over.
    pub(super) fn pop_over(&mut self, now: Tick) -> Option<TransactionKey> {
        if self.next_end()? > now {
            return None;
        }
        self.pop()
    }

    /// Takes the oldest out.
    pub(super) fn pop(&mut self) -> Option<TransactionKey> {
        let block = self.blocks.front()?;
        let record = block.records.get(self.over)?;
        let key = record.key;
        self.len -= 1;
        self.bytes -= record.end as usize - block.start(self.over);
        self.over += 1;
        if self.over == block.records.len() && (self.over == RECORDS || self.blocks.len() > 1) {
            self.drop_first();
        }
        if self.len == 0 {
            self.blocks.clear();
            self.blocks.shrink_to_fit();
            // Numbers only ever grow, so that none is given twice.
            self.first += RECORDS as u64;
            self.over = 0;
        }
        Some(key)
    }

    fn drop_first(&mut self) {
        self.blocks.pop_front();
        self.first += RECORDS as u64;
        self.over = 0;
    }
}

/// Keys that are remembered for an equal time each, oldest first.
#[derive(Debug)]
pub(super) struct Remembered<K> {
    queue: VecDeque<(Tick, K)>,
    last_end: Tick,
}

impl<K> Remembered<K> {
    pub(super) fn new() -> Remembered<K> {
        Remembered { queue: VecDeque::new(), last_end: Tick::ZERO }
    }

    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }

    pub(super) fn push(&mut self, key: K, ends_at: Tick) {
        self.last_end = self.last_end.max(ends_at);
        self.queue.push_back((self.last_end, key));
    }

    pub(super) fn next_end(&self) -> Option<Tick> {
        self.queue.front().map(|(ends_at, _)| *ends_at)
    }

    pub(super) fn pop_over(&mut self, now: Tick) -> Option<K> {
        if self.next_end()? > now {
            return None;
        }
        self.pop()
    }

    pub(super) fn pop(&mut self) -> Option<K> {
        let (_, key) = self.queue.pop_front()?;
        if self.queue.capacity() > 1_024 && self.queue.len() < self.queue.capacity() / 8 {
            self.queue.shrink_to(self.queue.len() * 2);
        }
        Some(key)
    }
}
