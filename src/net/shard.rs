//! A shard: the transactions and response contexts of the Call-IDs that hash to it.
//!
//! Everything that belongs to one Call-ID lives in one shard, behind one lock that is held for
//! microseconds: never across a send, a commit or an await. Its timers are run by one worker.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::hash::BuildHasherDefault;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use smallvec::SmallVec;

use super::Egress;
use super::trial::Witness;
use crate::clock::{Tick, WallTime};
use crate::model::DeviceKey;
use crate::page_mode::Delivery;
use crate::proxy::{Fork, Target, TargetSet};
use crate::registrar::Binding;
use crate::sip::Flow;
use crate::sip::transaction::{ClientId, MergedRequests, ServerId, Table};
use crate::subscriptions::Notify;

/// Names a response context: which shard, and which one there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct ContextId {
    pub(super) shard: u8,
    /// 48 bits; never used twice in the life of a process.
    pub(super) number: u64,
}

impl ContextId {
    /// A token for one branch, as the transport carries it.
    pub(super) fn token(self, branch: usize) -> u64 {
        (self.number << 16) | (u64::from(self.shard) << 8) | (branch as u64 & 0xff)
    }

    /// The context and branch of a token.
    pub(super) fn from_token(token: u64) -> (ContextId, usize) {
        let context = ContextId { shard: ((token >> 8) & 0xff) as u8, number: token >> 16 };
        (context, (token & 0xff) as usize)
    }
}

/// The way back to the sender of a forwarded request.
#[derive(Clone, Debug)]
pub(super) struct Upstream {
    /// Its server transaction.
    pub(super) server: ServerId,
    /// The request as it came.
    pub(super) request: Bytes,
    /// Where it came from.
    pub(super) flow: Flow,
}

/// What a client transaction belongs to.
#[derive(Debug)]
pub(super) enum Context {
    /// A MESSAGE on its way to the devices of a person.
    Page(Box<PageContext>),
    /// Any other request that was forwarded.
    Relay(Box<RelayContext>),
    /// A held message on its way to one device.
    Replay(Box<ReplayContext>),
    /// A NOTIFY of ours on its way to a subscriber.
    Notify(Box<NotifyContext>),
}

#[derive(Debug)]
pub(super) struct PageContext {
    pub(super) upstream: Upstream,
    /// Who is told instead of a sender, of a message of the server's own.
    pub(super) witness: Option<Witness>,
    pub(super) delivery: Delivery,
    /// By branch.
    pub(super) branches: SmallVec<[PageBranch; 1]>,
    /// The share of each branch in the breadth.
    pub(super) breadth: u32,
    pub(super) aor: Box<str>,
    /// The authenticated sender, for the fingerprint.
    pub(super) from: Box<str>,
    pub(super) keep_until: Option<WallTime>,
    /// Why it could not be held, where that is a matter of room.
    pub(super) no_room: Option<&'static str>,
    pub(super) received_at: WallTime,
    /// The same by the clock that nobody sets.
    pub(super) began: Tick,
    /// Its place in the queue, once held.
    pub(super) sequence: Option<u64>,
}

/// A MESSAGE on its way to one device.
#[derive(Debug)]
pub(super) struct PageBranch {
    pub(super) client: ClientId,
    /// The flow of the device that is tried now.
    pub(super) binding: Binding,
    /// It goes by TCP to a contact that asked for UDP, because of its size.
    pub(super) oversize: bool,
    /// Flows of the device that have failed before.
    pub(super) tried: Vec<Tried>,
}

/// A flow of a device that was tried.
#[derive(Clone, Debug)]
pub(super) struct Tried {
    contact: Arc<[u8]>,
    flow: Flow,
}

impl Tried {
    /// This flow.
    pub(super) fn by(binding: &Binding) -> Tried {
        Tried { contact: Arc::clone(&binding.contact), flow: binding.flow }
    }

    /// Whether it is this one.
    pub(super) fn is(&self, binding: &Binding) -> bool {
        self.flow == binding.flow && self.contact == binding.contact
    }
}

#[derive(Debug)]
pub(super) struct RelayContext {
    pub(super) upstream: Upstream,
    pub(super) fork: Fork,
    /// By branch.
    pub(super) attempts: SmallVec<[Attempt; 2]>,
    /// Targets of lower preference, whose turn has not come.
    pub(super) waiting: TargetSet,
    /// How many branches there may be at the same time, further on included.
    pub(super) breadth: u32,
    /// Whether it goes to one end of a dialog.
    pub(super) in_dialog: bool,
    /// What the CANCELs of its branches say; empty for nothing.
    pub(super) reason: Bytes,
}

impl RelayContext {
    /// The client transaction of a branch.
    pub(super) fn client(&self, branch: usize) -> Option<ClientId> {
        self.attempts.get(branch)?.client
    }
}

/// What a branch tries.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    pub(super) target: Target,
    pub(super) client: Option<ClientId>,
    /// How many there were on this branch before.
    pub(super) count: u8,
    /// Its share of the breadth.
    pub(super) breadth: u32,
    /// It goes by datagram, however large it is.
    pub(super) any_size: bool,
    /// It goes by stream to a target that is reached by datagram, because of its size.
    pub(super) is_oversize: bool,
    /// Something was heard of the target.
    pub(super) heard: bool,
}

impl Attempt {
    /// The first one.
    pub(super) fn at(target: Target, breadth: u32) -> Attempt {
        Attempt {
            target,
            client: None,
            count: 0,
            breadth,
            any_size: false,
            is_oversize: false,
            heard: false,
        }
    }
}

/// A request whose devices ring while others wait for their turn.
#[derive(Debug)]
pub(super) struct Ringing {
    /// When it is the turn of the others.
    pub(super) at: Tick,
    /// Its context.
    pub(super) number: u64,
    /// How many branches it had: with more, this is over.
    pub(super) branches: usize,
}

#[derive(Debug)]
pub(super) struct ReplayContext {
    pub(super) aor: Box<str>,
    pub(super) device: DeviceKey,
    pub(super) sequence: u64,
    pub(super) client: ClientId,
    /// Whether it goes by TCP to a contact that asked for UDP, because of its size.
    pub(super) oversize: bool,
    /// Flows of the device that were tried, the last one at last.
    pub(super) tried: Vec<Tried>,
}

#[derive(Debug)]
pub(super) struct NotifyContext {
    pub(super) notify: Notify,
    /// The flow that it took.
    pub(super) flow: Flow,
    /// Whether it went by a stream because of its size.
    pub(super) streamed: bool,
    pub(super) client: ClientId,
}

/// The contents of a shard.
pub(super) struct State {
    pub(super) transactions: Table,
    /// Requests that were carried out here, where we are their user agent server.
    pub(super) merged: MergedRequests,
    pub(super) contexts: HashMap<u64, Context, BuildHasherDefault<NumberHasher>>,
    next: u64,
    index: u8,
    /// Deliveries whose sender's patience ends; all waits are equally long, so in order.
    pub(super) patience: VecDeque<(Tick, u64)>,
    /// When which attempt on which branch of a context has been silent for too long.
    silences: BTreeSet<(Tick, u64, usize, u8)>,
    /// Serial searches; all ring equally long, so in order.
    pub(super) ringing: VecDeque<Ringing>,
    /// The earliest end of a patience or of ringing since somebody asked.
    soonest: Tick,
    /// The context of each server transaction that was passed on: a CANCEL, or a 100 that is due,
    /// names only the transaction.
    pub(super) relays: HashMap<ServerId, u64>,
}

/// A shard and its lock.
pub(super) struct Shard {
    state: Mutex<State>,
    egress: Arc<Egress>,
    /// Who runs its timers.
    worker: usize,
}

/// A shard's state, while its lock is held. Whoever set a deadline under it need not think of it:
/// the worker that runs the timers is told at the end.
pub(super) struct Locked<'a> {
    state: MutexGuard<'a, State>,
    shard: &'a Shard,
}

impl Deref for Locked<'_> {
    type Target = State;

    fn deref(&self) -> &State {
        &self.state
    }
}

impl DerefMut for Locked<'_> {
    fn deref_mut(&mut self) -> &mut State {
        &mut self.state
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        let soonest = self.state.take_soonest();
        if soonest != Tick::NEVER {
            self.shard.egress.alarm(self.shard.worker, soonest);
        }
    }
}

impl Shard {
    pub(super) fn new(
        index: u8,
        transactions: Table,
        merged: MergedRequests,
        egress: Arc<Egress>,
    ) -> Shard {
        Shard {
            worker: usize::from(index) % egress.workers().max(1),
            egress,
            state: Mutex::new(State {
                transactions,
                merged,
                contexts: HashMap::default(),
                next: 0,
                index,
                patience: VecDeque::new(),
                ringing: VecDeque::new(),
                silences: BTreeSet::new(),
                soonest: Tick::NEVER,
                relays: HashMap::new(),
            }),
        }
    }

    pub(super) fn lock(&self) -> Locked<'_> {
        // A panic while the lock was held is a fault of ours; the tables stay usable, and the
        // transactions concerned run into their timers.
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        Locked { state, shard: self }
    }
}

impl State {
    /// The name of a context to come.
    pub(super) fn new_context(&mut self) -> ContextId {
        self.next = (self.next + 1) & 0xffff_ffff_ffff;
        ContextId { shard: self.index, number: self.next }
    }

    /// Which shard this is.
    pub(super) fn index(&self) -> u8 {
        self.index
    }

    /// Wakes the shard at `at` for a sender who has had no answer by then.
    pub(super) fn have_patience(&mut self, at: Tick, number: u64) {
        self.patience.push_back((at, number));
        self.soonest = self.soonest.min(at);
    }

    /// Wakes the shard at `at` for a request with so many branches, if nobody answered by then.
    pub(super) fn let_ring(&mut self, at: Tick, number: u64, branches: usize) {
        self.ringing.push_back(Ringing { at, number, branches });
        self.soonest = self.soonest.min(at);
    }

    /// Wakes the shard at `at` for an attempt of which nothing was heard by then.
    pub(super) fn expect_answer(&mut self, at: Tick, id: ContextId, branch: usize, count: u8) {
        self.silences.insert((at, id.number, branch, count));
        self.soonest = self.soonest.min(at);
    }

    /// Takes out an attempt whose time is up: context, branch, and which attempt on it.
    pub(super) fn next_silence(&mut self, now: Tick) -> Option<(ContextId, usize, u8)> {
        let (at, number, branch, count) = self.silences.first().copied()?;
        if at > now {
            return None;
        }
        self.silences.pop_first();
        Some((ContextId { shard: self.index, number }, branch, count))
    }

    /// The earliest deadline that was set since this was last asked: what the worker does not know.
    fn take_soonest(&mut self) -> Tick {
        let patience = std::mem::replace(&mut self.soonest, Tick::NEVER);
        patience.min(self.transactions.take_soonest())
    }

    /// The next time at which anything is due. Whoever asks minds it.
    pub(super) fn next_deadline(&mut self) -> Tick {
        self.take_soonest();
        // Most are answered long before: nobody is to be woken for those.
        while let Some((_, number)) = self.patience.front()
            && !self.contexts.contains_key(number)
        {
            self.patience.pop_front();
        }
        while let Some(rung) = self.ringing.front()
            && !self.contexts.contains_key(&rung.number)
        {
            self.ringing.pop_front();
        }
        while let Some((_, number, ..)) = self.silences.first()
            && !self.contexts.contains_key(number)
        {
            self.silences.pop_first();
        }
        let patience = self.patience.front().map_or(Tick::NEVER, |(at, _)| *at);
        let ringing = self.ringing.front().map_or(Tick::NEVER, |rung| rung.at);
        let silence = self.silences.first().map_or(Tick::NEVER, |(at, ..)| *at);
        patience.min(ringing).min(silence).min(self.transactions.next_deadline())
    }
}

/// Context numbers are consecutive: spreading them is all the hashing they need.
#[derive(Default)]
pub(super) struct NumberHasher(u64);

impl std::hash::Hasher for NumberHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}
