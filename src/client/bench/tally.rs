//! What one thread counts, and the sum of all threads.

use std::collections::BTreeMap;

use super::histogram::Histogram;

/// Bytes and packets. Of a stream, packets are reads and writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Datagrams, or writes to a stream.
    pub packets_sent: u64,
    /// Datagrams, or reads of a stream.
    pub packets_received: u64,
    /// Bytes of SIP.
    pub bytes_sent: u64,
    /// Bytes of SIP.
    pub bytes_received: u64,
    /// Connections that the server ended.
    pub connections_lost: u64,
}

/// What one thread counts.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Requests that were due and sent, the answer to a challenge not counted apart.
    pub requests: u64,
    /// Requests that were due and not sent: too many wait for an answer.
    pub unsent: u64,
    /// Requests that ended in a 2xx.
    pub completed: u64,
    /// MESSAGEs that ended in a 202: kept for later.
    pub held: u64,
    /// Challenges.
    pub challenges: u64,
    /// Requests sent again because no answer came (RFC 3261 s17.1.2.2).
    pub retransmissions: u64,
    /// Requests that got no final answer within 64*T1.
    pub timeouts: u64,
    /// Requests whose connection had ended.
    pub unreachable: u64,
    /// Final answers other than 2xx, by status.
    pub failures: BTreeMap<u16, u64>,
    /// Registrations renewed beside the measured requests, and those of them that failed.
    pub refreshes: u64,
    /// See `refreshes`.
    pub refresh_failures: u64,
    /// MESSAGEs, or NOTIFYs, that arrived for the first time.
    pub delivered: u64,
    /// MESSAGEs that arrived again with the branch of the first, or NOTIFYs with a CSeq that came
    /// before: retransmissions of the server.
    pub delivered_again: u64,
    /// MESSAGEs that arrived again with another branch: shown twice.
    pub duplicated: u64,
    /// Messages that are not of this measurement.
    pub foreign: u64,
    /// From the first packet to the final answer, challenge included, in microseconds.
    pub transaction: Histogram,
    /// From the sender's first packet to the arrival at the receiver, in microseconds.
    pub delivery: Histogram,
    /// How late requests were sent, in microseconds.
    pub lag: Histogram,
    /// Bytes and packets.
    pub traffic: Traffic,
    /// A bit for each message of this thread that was answered with 200.
    accepted: Vec<u64>,
    /// By sending thread and number: a hash of the branch that each message arrived with.
    seen: Vec<Vec<u32>>,
}

/// What the arrival of a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    First,
    Again,
    Twice,
}

impl Tally {
    pub(super) fn failure(&mut self, status: u16) {
        *self.failures.entry(status).or_default() += 1;
    }

    pub(super) fn accept(&mut self, number: u32) {
        let word = number as usize / 64;
        if self.accepted.len() <= word {
            self.accepted.resize(word + 1, 0);
        }
        if let Some(word) = self.accepted.get_mut(word) {
            *word |= 1 << (number % 64);
        }
    }

    /// Notes that a message arrived; `branch` is a hash of the branch it came with.
    pub(super) fn arrive(&mut self, thread: u32, number: u32, branch: u32) -> Arrival {
        let branch = branch.max(1);
        let (thread, number) = (thread as usize, number as usize);
        if self.seen.len() <= thread {
            self.seen.resize(thread + 1, Vec::new());
        }
        let Some(seen) = self.seen.get_mut(thread) else { return Arrival::First };
        if seen.len() <= number {
            seen.resize(number + 1, 0);
        }
        match seen.get_mut(number) {
            Some(0) | None => {
                if let Some(place) = seen.get_mut(number) {
                    *place = branch;
                }
                self.delivered += 1;
                Arrival::First
            }
            Some(first) if *first == branch => {
                self.delivered_again += 1;
                Arrival::Again
            }
            Some(_) => {
                self.duplicated += 1;
                Arrival::Twice
            }
        }
    }

    /// All failures.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.failures.values().sum::<u64>() + self.timeouts + self.unreachable + self.unsent
    }

    /// Sums up the threads: the sum, and how many messages were answered with 200 and never came.
    /// The tallies stand in the order of the threads.
    #[must_use]
    pub fn sum(tallies: &[Tally]) -> (Tally, u64) {
        let mut sum = Tally::default();
        let mut lost = 0;
        for (thread, tally) in tallies.iter().enumerate() {
            sum.add(tally);
            for (word, bits) in tally.accepted.iter().enumerate() {
                for bit in (0..64).filter(|bit| bits & (1 << bit) != 0) {
                    let arrived = |other: &Tally| {
                        let seen =
                            other.seen.get(thread).and_then(|seen| seen.get(word * 64 + bit));
                        seen.is_some_and(|branch| *branch != 0)
                    };
                    lost += u64::from(!tallies.iter().any(arrived));
                }
            }
        }
        (sum, lost)
    }

    fn add(&mut self, other: &Tally) {
        self.requests += other.requests;
        self.unsent += other.unsent;
        self.completed += other.completed;
        self.held += other.held;
        self.challenges += other.challenges;
        self.retransmissions += other.retransmissions;
        self.timeouts += other.timeouts;
        self.unreachable += other.unreachable;
        self.refreshes += other.refreshes;
        self.refresh_failures += other.refresh_failures;
        self.delivered += other.delivered;
        self.delivered_again += other.delivered_again;
        self.duplicated += other.duplicated;
        self.foreign += other.foreign;
        for (status, count) in &other.failures {
            *self.failures.entry(*status).or_default() += count;
        }
        self.transaction.merge(&other.transaction);
        self.delivery.merge(&other.delivery);
        self.lag.merge(&other.lag);
        let (mine, theirs) = (&mut self.traffic, &other.traffic);
        mine.packets_sent += theirs.packets_sent;
        mine.packets_received += theirs.packets_received;
        mine.bytes_sent += theirs.bytes_sent;
        mine.bytes_received += theirs.bytes_received;
        mine.connections_lost += theirs.connections_lost;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_lost_only_if_no_thread_saw_it() {
        let mut tallies = [Tally::default(), Tally::default()];
        for number in [0, 63, 64, 200] {
            tallies[1].accept(number);
        }
        assert_eq!(tallies[0].arrive(1, 64, 7), Arrival::First);
        assert_eq!(tallies[1].arrive(1, 0, 7), Arrival::First);
        // The same number of another thread's is another message.
        assert_eq!(tallies[1].arrive(0, 63, 7), Arrival::First);
        let (sum, lost) = Tally::sum(&tallies);
        assert_eq!((sum.delivered, lost), (3, 2));
    }

    #[test]
    fn a_retransmission_is_no_second_copy() {
        let mut tally = Tally::default();
        assert_eq!(tally.arrive(0, 5, 1), Arrival::First);
        assert_eq!(tally.arrive(0, 5, 1), Arrival::Again);
        assert_eq!(tally.arrive(0, 5, 2), Arrival::Twice);
        assert_eq!((tally.delivered, tally.delivered_again, tally.duplicated), (1, 1, 1));
    }
}
