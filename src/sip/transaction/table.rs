//! The table: what stands, what is due.

use std::time::Duration;

use crate::clock::Tick;

use super::clients::Client;
use super::key::{KeyMap, Keyer, TransactionKey};
use super::linger::{Answers, Remembered};
use super::servers::Server;
use super::slab::Slab;
use super::timers::{Armed, Entry, Target, Timers};
use super::{Bounds, TimerOutput, Timing};

/// How long the removal of answered transactions may lag behind when nothing else happens: an idle
/// process is not woken for each one.
const LAG: Duration = Duration::from_secs(1);

/// Where a server transaction is kept: a slot while somebody waits, a number in the queue of
/// answers afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place(u64);

const ANSWERED: u64 = 1 << 63;

impl Place {
    pub(super) fn active(index: u32) -> Place {
        Place(u64::from(index))
    }

    pub(super) fn answered(number: u64) -> Place {
        Place(number | ANSWERED)
    }

    /// The slot, or else the number.
    pub(super) fn get(self) -> Result<u32, u64> {
        if self.0 & ANSWERED == 0 {
            u32::try_from(self.0).map_err(|_| self.0)
        } else {
            Err(self.0 & !ANSWERED)
        }
    }
}

/// The transactions of one shard. See the [module](super) for how it is used.
pub struct Table {
    pub(super) timing: Timing,
    pub(super) bounds: Bounds,
    pub(super) keyer: Keyer,
    pub(super) timers: Timers,
    pub(super) servers: Slab<Server>,
    pub(super) server_index: KeyMap<TransactionKey, Place>,
    pub(super) answers: Answers,
    pub(super) clients: Slab<Client>,
    /// `None` for those that are answered and only absorb.
    pub(super) client_index: KeyMap<TransactionKey, Option<u32>>,
    pub(super) client_answers: Remembered<TransactionKey>,
    pub(super) evicted: u64,
    pub(super) refused: u64,
    /// The earliest deadline set since somebody asked for it.
    pub(super) soonest: Tick,
}

/// How much a table holds and what it had to give up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Server transactions in a slot.
    pub servers: usize,
    /// Client transactions in a slot.
    pub clients: usize,
    /// Answered non-INVITE server transactions (Timer J).
    pub answered: usize,
    /// Bytes of their responses.
    pub answered_bytes: usize,
    /// Answered non-INVITE client transactions (Timer K).
    pub absorbing: usize,
    /// Timer entries, those no longer wanted included.
    pub timers: usize,
    /// Answered transactions dropped early, since the table was made.
    pub evicted: u64,
    /// Transactions refused because too many stood, since the table was made.
    pub refused: u64,
}

impl Table {
    /// An empty table.
    #[must_use]
    pub fn new(timing: Timing, bounds: Bounds) -> Table {
        let timing = timing.bounded();
        let doublings = (0..6).map(|n| timing.t1.saturating_mul(1 << n));
        let lengths = doublings.chain([
            timing.t2,
            timing.t4,
            timing.timeout(),
            timing.timer_c,
            timing.timer_d,
            timing.invite_trying,
            timing.non_invite_trying(),
        ]);
        Table {
            timing,
            bounds,
            keyer: Keyer::new(),
            timers: Timers::new(lengths),
            servers: Slab::new(),
            server_index: KeyMap::default(),
            answers: Answers::default(),
            clients: Slab::new(),
            client_index: KeyMap::default(),
            client_answers: Remembered::new(),
            evicted: 0,
            refused: 0,
            soonest: Tick::NEVER,
        }
    }

    /// What the table holds.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts {
            servers: self.servers.len(),
            clients: self.clients.len(),
            answered: self.answers.len(),
            answered_bytes: self.answers.bytes(),
            absorbing: self.client_answers.len(),
            timers: self.timers.len(),
            evicted: self.evicted,
            refused: self.refused,
        }
    }

    /// Transactions that somebody waits for.
    #[must_use]
    pub fn active(&self) -> usize {
        self.servers.len() + self.clients.len()
    }

    /// How many somebody waits for, and how many of these there may be.
    #[must_use]
    pub fn room(&self) -> (usize, usize) {
        (self.active(), self.bounds.active)
    }

    /// All transactions, the answered ones included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.active() + self.answers.len() + self.client_answers.len()
    }

    /// Whether no transaction stands.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// When [`advance`](Table::advance) has something to do; [`Tick::NEVER`] if nothing waits.
    /// Answered transactions may be removed up to a second after their time.
    pub fn next_deadline(&mut self) -> Tick {
        let (servers, clients) = (&self.servers, &self.clients);
        let timer = self.timers.next_deadline(|entry| is_live(servers, clients, entry));
        let removal = [self.answers.next_end(), self.client_answers.next_end()]
            .into_iter()
            .flatten()
            .min()
            .map_or(Tick::NEVER, |end| end + LAG);
        timer.min(removal)
    }

    /// The earliest deadline that was set since this was last asked; [`Tick::NEVER`] if none was.
    /// Whoever minds the deadlines told before needs no other, and unlike
    /// [`next_deadline`](Table::next_deadline) it costs nothing.
    pub fn take_soonest(&mut self) -> Tick {
        std::mem::replace(&mut self.soonest, Tick::NEVER)
    }

    /// Lets time pass: retransmits, ends, and reports.
    pub fn advance(&mut self, now: Tick, out: &mut Vec<TimerOutput>) {
        self.remove_answered(now);
        loop {
            let (servers, clients) = (&self.servers, &self.clients);
            let due = self.timers.pop_due(now, |entry| is_live(servers, clients, entry));
            let Some(entry) = due else { return };
            if entry.target.is_client() {
                self.client_timer(now, entry.target.index(), out);
            } else {
                self.server_timer(now, entry.target.index(), out);
            }
        }
    }

    /// An answered transaction will have to be removed.
    pub(super) fn mind_removal(&mut self, ends_at: Tick) {
        self.soonest = self.soonest.min(ends_at + LAG);
    }

    fn remove_answered(&mut self, now: Tick) {
        while let Some(key) = self.answers.pop_over(now) {
            self.forget_server_key(&key);
        }
        while let Some(key) = self.client_answers.pop_over(now) {
            self.forget_client_key(&key);
        }
    }

    /// Sets a timer unless one stands that is due no later: that one will look again.
    pub(super) fn arm(&mut self, now: Tick, armed: Armed, deadline: Tick, target: Target) -> Armed {
        if armed.stamp != 0 && armed.deadline <= deadline {
            return armed;
        }
        if self.timers.wants_sweep() {
            let (servers, clients) = (&self.servers, &self.clients);
            self.timers.sweep(|entry| is_live(servers, clients, entry));
        }
        self.soonest = self.soonest.min(deadline);
        self.timers.arm(now, deadline, target)
    }
}

fn is_live(servers: &Slab<Server>, clients: &Slab<Client>, entry: &Entry) -> bool {
    let index = entry.target.index();
    let stamp = if entry.target.is_client() {
        clients.at(index).map(|(_, client)| client.armed.stamp)
    } else {
        servers.at(index).map(|(_, server)| server.armed.stamp)
    };
    stamp == Some(entry.stamp)
}
