//! Requests that wait for their responses (RFC 4975 s7.1.1: 30 s).

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use super::ident::TransactionId;
use super::message::OutgoingId;
use crate::clock::Tick;

/// How long a response may take.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Requests of which only errors are answered, remembered at most; the oldest are forgotten.
const MOST_SILENT: usize = 4_096;

/// What a request was about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// The bytes `start..end` of a message.
    Chunk { id: OutgoingId, start: u64, end: u64 },
    /// Something that the application asked.
    Request,
}

#[derive(Clone, Copy, Debug)]
struct Pending {
    subject: Subject,
    silent: bool,
}

/// The open transactions of a connection.
#[derive(Debug, Default)]
pub(super) struct Transactions {
    open: HashMap<TransactionId, Pending>,
    /// Those that time out, by their deadlines; answered ones linger.
    timed: VecDeque<(Tick, TransactionId)>,
    /// Those that are answered only when something is wrong.
    silent: VecDeque<TransactionId>,
    /// Those whose last byte waits to be written, with its place in all that is written.
    unwritten: VecDeque<(u64, TransactionId)>,
}

impl Transactions {
    /// Requests that wait for an answer and time out without one.
    pub(super) fn waiting(&self) -> usize {
        self.open.len() - self.silent.len().min(self.open.len())
    }

    /// A request was handed out that must be answered.
    pub(super) fn expect(&mut self, now: Tick, transaction: TransactionId, subject: Subject) {
        self.open.insert(transaction, Pending { subject, silent: false });
        self.timed.push_back((now + PATIENCE, transaction));
        if self.timed.len() > 2 * self.open.len() + 64 {
            let open = &self.open;
            self.timed.retain(|(_, transaction)| open.contains_key(transaction));
        }
    }

    /// The same, and its time begins when so many bytes have been written.
    pub(super) fn expect_behind(&mut self, end: u64, transaction: TransactionId, subject: Subject) {
        self.open.insert(transaction, Pending { subject, silent: false });
        self.unwritten.push_back((end, transaction));
    }

    /// So many bytes have been written.
    pub(super) fn written(&mut self, now: Tick, total: u64) {
        while let Some((_, transaction)) = self.unwritten.pop_front_if(|(end, _)| *end <= total) {
            if let Some(Pending { subject, silent: false }) = self.open.get(&transaction) {
                self.expect(now, transaction, *subject);
            }
        }
    }

    /// A request was handed out that is answered only if something is wrong.
    pub(super) fn expect_errors(&mut self, transaction: TransactionId, subject: Subject) {
        if self.silent.len() == MOST_SILENT
            && let Some(oldest) = self.silent.pop_front()
        {
            self.open.remove(&oldest);
        }
        self.open.insert(transaction, Pending { subject, silent: true });
        self.silent.push_back(transaction);
    }

    /// A response came: what its request was about. `None` if nobody waits for it.
    pub(super) fn answer(&mut self, transaction: &TransactionId) -> Option<Subject> {
        let pending = self.open.remove(transaction)?;
        if pending.silent {
            self.silent.retain(|other| other != transaction);
        }
        self.drop_answered();
        Some(pending.subject)
    }

    fn drop_answered(&mut self) {
        while let Some((_, first)) = self.timed.front()
            && !self.open.contains_key(first)
        {
            self.timed.pop_front();
        }
    }

    /// When the next one times out.
    pub(super) fn deadline(&self) -> Tick {
        self.timed.front().map_or(Tick::NEVER, |(deadline, _)| *deadline)
    }

    /// Takes one that has timed out.
    pub(super) fn expired(&mut self, now: Tick) -> Option<(TransactionId, Subject)> {
        self.drop_answered();
        let (_, transaction) = self.timed.pop_front_if(|(deadline, _)| *deadline <= now)?;
        let pending = self.open.remove(&transaction);
        self.drop_answered();
        pending.map(|pending| (transaction, pending.subject))
    }
}

#[cfg(test)]
mod tests {
    use super::super::ident::Ids;
    use super::*;

    fn chunk(id: u64) -> Subject {
        Subject::Chunk { id: OutgoingId(id), start: 0, end: 1 }
    }

    // RFC 4975 s7.1.1
    #[test]
    fn a_transaction_times_out_30_s_after_its_last_byte() {
        let mut transactions = Transactions::default();
        let [a, b] = [0; 2].map(|_| Ids::default().transaction());
        transactions.expect(Tick::from_secs(1), a, chunk(1));
        transactions.expect(Tick::from_secs(2), b, chunk(2));
        assert_eq!(transactions.deadline(), Tick::from_secs(31));
        assert_eq!(transactions.expired(Tick::from_micros(30_999_999)), None);
        assert_eq!(transactions.expired(Tick::from_secs(31)), Some((a, chunk(1))));
        assert_eq!(transactions.answer(&a), None);
        assert_eq!(transactions.answer(&b), Some(chunk(2)));
        assert_eq!(transactions.deadline(), Tick::NEVER);
        assert_eq!(transactions.waiting(), 0);
    }

    #[test]
    fn requests_that_only_errors_answer_are_bounded_and_have_no_timer() {
        let mut transactions = Transactions::default();
        let first = Ids::default().transaction();
        transactions.expect_errors(first, chunk(0));
        for id in 1..=MOST_SILENT as u64 {
            transactions.expect_errors(Ids::default().transaction(), chunk(id));
        }
        assert_eq!(transactions.deadline(), Tick::NEVER);
        assert_eq!(transactions.waiting(), 0);
        assert_eq!(transactions.answer(&first), None);
        assert_eq!(transactions.open.len(), MOST_SILENT);
    }

    #[test]
    fn answered_transactions_behind_an_open_one_hold_no_memory() {
        let mut transactions = Transactions::default();
        transactions.expect(Tick::ZERO, Ids::default().transaction(), chunk(0));
        for id in 1..10_000 {
            let transaction = Ids::default().transaction();
            transactions.expect(Tick::ZERO, transaction, chunk(id));
            assert_eq!(transactions.answer(&transaction), Some(chunk(id)));
        }
        assert!(transactions.timed.len() <= 128, "{}", transactions.timed.len());
    }
}
