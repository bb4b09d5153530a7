//! The people of one thread: what they send, what they answer, what they remember. Bytes and ticks
//! in, bytes out.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use super::super::carrier::Way;
use super::dialog::{Answered, Dialog};
use super::login::Login;
use super::outbox::Outbox;
use super::people::Person;
use super::tally::{Arrival, Tally};
use super::template::{Branch, Common, Face, Note, Request, Verb};
use super::{Kind, Watching};
use crate::clock::Tick;
use crate::http_digest::Algorithm;
use crate::sip::build::Response;
use crate::sip::method::Method;
use crate::sip::wire::{Framing, Layout, Limits, Message, scan};

mod calls;
mod presence;
mod timers;

const T1: Duration = Duration::from_millis(500);
/// Timer A: T1, doubled each time (RFC 3261 s17.1.1.2); timer E: up to T2 (s17.1.2.2).
const STEPS: [Duration; 6] = [
    T1,
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
    Duration::from_secs(16),
];
/// The step of T2.
const T2: usize = 3;
/// Timer B and F: 64*T1.
const PATIENCE: Duration = Duration::from_secs(32);
/// More requests than this do not wait for answers at once in one thread.
const MOST_OPEN: usize = 200_000;
/// How often one request answers challenges: a nonce may have become stale in between.
const MOST_LEGS: u8 = 3;
/// How many people are passed over to find one who is not registering right now.
const MOST_PASSED: u64 = 64;

/// Why a request is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Task {
    /// Preparation, before anything is measured.
    Setup,
    /// Renewal beside the measured requests.
    Refresh,
    /// What is measured.
    Measured,
}

/// How the people of all threads behave.
#[derive(Clone, Debug)]
pub(super) struct Habits {
    pub(super) kind: Kind,
    pub(super) server: SocketAddr,
    pub(super) way: Way,
    pub(super) stream: bool,
    pub(super) reuse_nonce: bool,
    pub(super) algorithm: Option<Algorithm>,
    pub(super) body_bytes: usize,
    pub(super) hold: Duration,
    pub(super) watching: Watching,
    pub(super) renew_after: Duration,
    pub(super) threads: usize,
}

#[derive(Debug, Default)]
struct User {
    register: Option<Login>,
    /// For what the server passes on.
    onward: Option<Login>,
    cseq: u32,
    /// A REGISTER or PUBLISH of this person waits for its answer.
    busy: bool,
    /// Of the last PUBLISH.
    etag: Vec<u8>,
}

#[derive(Debug)]
struct Slot {
    generation: u32,
    open: bool,
    task: Task,
    kind: Kind,
    user: usize,
    /// Whom it is for, among the people of all threads.
    peer: usize,
    leg: u8,
    step: usize,
    proceeding: bool,
    begun: Tick,
    leg_begun: Tick,
    call: u32,
    cseq: u32,
    number: u32,
    /// What the slot waits for an answer to.
    verb: Verb,
    request: Vec<u8>,
    /// Of a call that was answered: its dialog, the generation of its INVITE, its ACK.
    dialog: Dialog,
    invited: u32,
    ack: Vec<u8>,
}

/// The people of one thread.
pub(super) struct Crowd<'a> {
    thread: u32,
    people: &'a [Person],
    common: &'a Common,
    habits: &'a Habits,
    faces: Vec<Face>,
    users: Vec<User>,
    watching: Vec<presence::Watch>,
    slots: Vec<Slot>,
    free: Vec<u32>,
    /// By [`STEPS`], and at last by [`PATIENCE`].
    timers: [VecDeque<(Tick, u32, u32)>; STEPS.len() + 1],
    /// By the number of a SUBSCRIBE's Call-ID: the CSeq of the last NOTIFY.
    heard: Vec<u32>,
    /// Calls that will be ended.
    hold: VecDeque<(Tick, u32, u32)>,
    answered: Answered,
    renewals: VecDeque<(Tick, usize)>,
    calls: u32,
    numbers: u32,
    phase_began: Tick,
    layout: Layout,
    limits: Limits,
    body: Vec<u8>,
    /// What is counted.
    pub(super) tally: Tally,
    /// Requests without a final answer.
    pub(super) open: usize,
    /// Preparations that ended, and the last status that one of them failed with.
    pub(super) set_up: usize,
    pub(super) set_up_failures: usize,
    pub(super) set_up_status: u16,
}

impl<'a> Crowd<'a> {
    pub(super) fn new(
        thread: usize,
        people: &'a [Person],
        common: &'a Common,
        habits: &'a Habits,
        locals: &[SocketAddr],
    ) -> Crowd<'a> {
        let own = people.iter().skip(thread).step_by(habits.threads).count();
        Crowd {
            thread: thread as u32,
            people,
            common,
            habits,
            faces: locals.iter().map(|local| Face::new(*local, habits.way.transport)).collect(),
            users: (0..own).map(|_| User::default()).collect(),
            watching: presence::of_thread(thread, people.len(), habits),
            slots: Vec::new(),
            free: Vec::new(),
            timers: Default::default(),
            heard: Vec::new(),
            hold: VecDeque::new(),
            answered: Answered::default(),
            renewals: VecDeque::new(),
            calls: 0,
            numbers: 0,
            phase_began: Tick::ZERO,
            layout: Layout::default(),
            limits: Limits::default(),
            body: Vec::new(),
            tally: Tally::default(),
            open: 0,
            set_up: 0,
            set_up_failures: 0,
            set_up_status: 0,
        }
    }

    /// How many people of this thread do this, or how many subscriptions there are.
    pub(super) fn size(&self, kind: Kind) -> usize {
        match kind {
            Kind::Register | Kind::Message | Kind::Invite => self.users.len(),
            Kind::Publish => {
                let publishers = self.habits.watching.publishers.min(self.people.len());
                (publishers + self.habits.threads - 1 - self.thread as usize) / self.habits.threads
            }
            Kind::Subscribe => self.watching.len(),
        }
    }

    /// The part of the schedule that is this thread's.
    pub(super) fn share(&self) -> f64 {
        let all = match self.habits.kind {
            Kind::Publish => self.habits.watching.publishers,
            _ => self.people.len(),
        };
        self.size(self.habits.kind) as f64 / all.max(1) as f64
    }

    /// Whom a request of somebody is for: the next one, or himself.
    fn peer_of(&self, kind: Kind, user: usize) -> usize {
        let whole = user * self.habits.threads + self.thread as usize;
        match kind {
            Kind::Message | Kind::Invite => (whole + 1) % self.people.len().max(1),
            Kind::Register | Kind::Publish | Kind::Subscribe => whole,
        }
    }

    /// Forgets what was counted; a measurement begins.
    pub(super) fn begin_phase(&mut self, now: Tick) {
        self.tally = Tally::default();
        self.numbers = 0;
        self.phase_began = now;
    }

    fn flow(&self, user: usize) -> u32 {
        (user % self.faces.len().max(1)) as u32
    }

    /// The request number `arrival` of the schedule is due.
    pub(super) fn arrive(&mut self, arrival: u64, now: Tick, late: Duration, outbox: &mut Outbox) {
        self.tally.lag.record(late.as_micros() as u64);
        let kind = self.habits.kind;
        let count = self.size(kind).max(1) as u64;
        let candidate = (0..MOST_PASSED.min(count))
            .map(|passed| ((arrival + passed) % count) as usize)
            .find(|user| !is_one_at_a_time(kind) || self.users.get(*user).is_some_and(|u| !u.busy));
        match candidate {
            Some(user) if self.open < MOST_OPEN => {
                self.tally.requests += 1;
                self.begin(Task::Measured, kind, user, self.peer_of(kind, user), now, outbox);
            }
            _ => self.tally.unsent += 1,
        }
    }

    /// Forgets how an earlier preparation went.
    pub(super) fn begin_set_up(&mut self) {
        (self.set_up, self.set_up_failures, self.set_up_status) = (0, 0, 0);
    }

    /// Registers one person, or lets that person write, call, publish or watch once, before
    /// anything is measured; `number` is less than [`Crowd::size`].
    pub(super) fn set_up(&mut self, kind: Kind, number: usize, now: Tick, outbox: &mut Outbox) {
        let (user, peer) = match self.watching.get(number) {
            Some(watch) if kind == Kind::Subscribe => (watch.user, watch.whom),
            _ => (number, self.peer_of(kind, number)),
        };
        self.begin(Task::Setup, kind, user, peer, now, outbox);
    }

    fn begin(
        &mut self,
        task: Task,
        kind: Kind,
        user: usize,
        peer: usize,
        now: Tick,
        outbox: &mut Outbox,
    ) {
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot {
                generation: 0,
                open: false,
                task,
                kind,
                user,
                peer,
                leg: 0,
                step: 0,
                proceeding: false,
                begun: now,
                leg_begun: now,
                call: 0,
                cseq: 0,
                number: 0,
                verb: Verb::Register,
                request: Vec::new(),
                dialog: Dialog::default(),
                invited: 0,
                ack: Vec::new(),
            });
            self.slots.len() as u32 - 1
        });
        let Some(slot) = self.slots.get_mut(index as usize) else { return };
        (slot.open, slot.task, slot.kind) = (true, task, kind);
        (slot.user, slot.peer) = (user, peer);
        (slot.leg, slot.begun, slot.cseq) = (0, now, 0);
        match kind {
            Kind::Message | Kind::Invite | Kind::Publish | Kind::Subscribe => {
                slot.verb = match kind {
                    Kind::Invite => Verb::Invite,
                    Kind::Publish => Verb::Publish,
                    Kind::Subscribe => Verb::Subscribe,
                    Kind::Message | Kind::Register => Verb::Message,
                };
                slot.call = self.calls;
                slot.number = self.numbers;
                self.calls = self.calls.wrapping_add(1);
                self.numbers += 1;
            }
            // The Call-ID of a REGISTER stays the same (RFC 3261 s10.2).
            Kind::Register => {
                slot.verb = Verb::Register;
                slot.call = user as u32;
            }
        }
        if let Some(user) = self.users.get_mut(user)
            && is_one_at_a_time(kind)
        {
            user.busy = true;
        }
        self.open += 1;
        self.send(index, None, now, outbox);
    }

    /// Sends a request, again with an answer to a challenge if `fresh` is one.
    fn send(&mut self, index: u32, fresh: Option<Login>, now: Tick, outbox: &mut Outbox) {
        let threads = self.habits.threads;
        let flow = self.flow(self.slots.get(index as usize).map_or(0, |slot| slot.user));
        let Some(slot) = self.slots.get_mut(index as usize) else { return };
        let Some(user) = self.users.get_mut(slot.user) else { return };
        let Some(face) = self.faces.get(flow as usize) else { return };
        let whole = slot.user * threads + self.thread as usize;
        let Some(person) = self.people.get(whole) else { return };
        let peer = self.people.get(slot.peer);
        slot.generation = slot.generation.wrapping_add(1);
        slot.leg_begun = now;
        slot.step = 0;
        slot.proceeding = false;
        let kept = if slot.verb == Verb::Register {
            user.cseq += 1;
            slot.cseq = user.cseq;
            &mut user.register
        } else {
            slot.cseq += 1;
            &mut user.onward
        };
        let is_fresh = fresh.is_some();
        if is_fresh {
            *kept = fresh;
        }
        // A dialog is its own proof, unless the server says otherwise.
        let may_keep = self.habits.reuse_nonce && slot.verb != Verb::Bye;
        let login = kept.as_mut().filter(|_| is_fresh || may_keep);
        let note = Note { thread: self.thread, number: slot.number, sent: slot.begun.as_micros() };
        match slot.verb {
            Verb::Message => {
                self.common.write_note(note, self.habits.body_bytes, &mut self.body);
            }
            Verb::Invite => self.common.write_offer(note, &mut self.body),
            Verb::Publish => self.common.write_presence(note, &person.user, &mut self.body),
            Verb::Register | Verb::Ack | Verb::Bye | Verb::Subscribe => self.body.clear(),
        }
        let request = Request {
            verb: slot.verb,
            user: &person.user,
            peer: peer.filter(|_| slot.verb != Verb::Register).map(|peer| peer.user.as_str()),
            dialog: Some(&slot.dialog).filter(|_| slot.verb == Verb::Bye),
            branch: Branch { thread: self.thread, slot: index, generation: slot.generation },
            call: (call_thread(self.thread, slot.verb), slot.call),
            cseq: slot.cseq,
            login,
            etag: if slot.verb == Verb::Publish { &user.etag } else { b"" },
            body: &self.body,
        };
        let bytes = outbox.push(flow, |out| self.common.write(face, request, out));
        let (queue, wait) = if self.habits.stream { (STEPS.len(), PATIENCE) } else { (0, T1) };
        // An INVITE is needed again for the ACK of a refusal.
        if !self.habits.stream || slot.verb == Verb::Invite {
            slot.request.clear();
            slot.request.extend_from_slice(bytes);
        }
        if let Some(queue) = self.timers.get_mut(queue) {
            queue.push_back((now + wait, index, slot.generation));
        }
    }

    /// Takes a message that came by the socket or connection `flow`.
    pub(super) fn take(&mut self, flow: u32, bytes: &[u8], now: Tick, outbox: &mut Outbox) {
        let mut layout = std::mem::take(&mut self.layout);
        if scan(bytes, Framing::Datagram, &self.limits, &mut layout).is_ok() {
            let message = Message::new(bytes, &layout);
            if message.is_request() {
                self.request(&message, flow, now, outbox);
            } else {
                self.response(&message, now, outbox);
            }
        }
        self.layout = layout;
    }

    fn request(&mut self, message: &Message<'_>, flow: u32, now: Tick, outbox: &mut Outbox) {
        let server = self.habits.server;
        match message.method() {
            Method::Ack => return self.acknowledged(message, now),
            Method::Invite => return self.called(message, flow, now, outbox),
            Method::Bye => {
                if let Some(call) = self.common.call(message.call_id()) {
                    self.answered.over(call);
                }
            }
            Method::Message => match self.common.note(message.body()) {
                Some(note) if note.sent >= self.phase_began.as_micros() => {
                    let via = message.top_via();
                    let branch = via.and_then(|via| via.branch()).map_or(0, fingerprint);
                    self.arrived(note, branch, now);
                }
                _ => self.tally.foreign += 1,
            },
            Method::Notify => self.told(message, now),
            _ => {}
        }
        outbox.push(flow, |out| {
            Response::new(message, 200, None).to_tag("bench").received_from(server).write(out);
        });
    }

    fn arrived(&mut self, note: Note, branch: u32, now: Tick) {
        if self.tally.arrive(note.thread, note.number, branch) == Arrival::First {
            self.tally.delivery.record(now.as_micros().saturating_sub(note.sent));
        }
    }

    fn response(&mut self, message: &Message<'_>, now: Tick, outbox: &mut Outbox) {
        let branch = message.top_via().and_then(|via| via.branch());
        let Some(branch) = branch.and_then(|branch| self.common.branch(branch)) else { return };
        let Some(slot) = self.slots.get_mut(branch.slot as usize) else { return };
        if !slot.open || branch.thread != self.thread {
            return;
        }
        let status = message.status();
        if slot.generation != branch.generation {
            self.repeated(branch, status, outbox);
            return;
        }
        if slot.verb == Verb::Invite && status >= 300 {
            self.refused(branch.slot, message, outbox);
        }
        let Some(slot) = self.slots.get_mut(branch.slot as usize) else { return };
        match status {
            100..200 => slot.proceeding = true,
            200..300 if slot.verb == Verb::Invite => {
                self.talk(branch.slot, message, now, outbox);
            }
            401 | 407 => {
                slot.leg += 1;
                let whole = slot.user * self.habits.threads + self.thread as usize;
                let leg = slot.leg;
                let person = self.people.get(whole);
                let login = person.and_then(|person| {
                    let prefer = self.habits.algorithm;
                    Login::pick(message, prefer, &person.user, &person.password)
                });
                self.tally.challenges += 1;
                match login {
                    // After the first answer only a stale nonce is worth another.
                    Some(login) if leg == 1 || login.is_stale() && leg <= MOST_LEGS => {
                        self.send(branch.slot, Some(login), now, outbox);
                    }
                    _ => self.finish(branch.slot, status, now),
                }
            }
            _ => {
                if slot.verb == Verb::Publish {
                    self.published(branch.slot, message);
                }
                self.finish(branch.slot, status, now);
            }
        }
    }

    /// A request has its final answer; status 408 also stands for none at all.
    fn finish(&mut self, index: u32, status: u16, now: Tick) {
        let Some(slot) = self.slots.get_mut(index as usize) else { return };
        slot.open = false;
        self.free.push(index);
        self.open = self.open.saturating_sub(1);
        let good = (200..300).contains(&status);
        if let Some(user) = self.users.get_mut(slot.user)
            && is_one_at_a_time(slot.kind)
        {
            user.busy = false;
        }
        if slot.kind == Kind::Register {
            // Refused people are tried again as well: a load does not give up.
            if slot.task != Task::Measured {
                // The first renewals are spread, so that they do not come as the first ones came.
                let share = match slot.task {
                    Task::Setup => 0.5 + 0.5 * slot.user as f64 / self.users.len().max(1) as f64,
                    _ => 1.0,
                };
                let wait = self.habits.renew_after.mul_f64(share);
                self.renewals.push_back((now + wait, slot.user));
            }
        }
        match slot.task {
            Task::Setup => {
                self.set_up += 1;
                if !good {
                    self.set_up_failures += 1;
                    self.set_up_status = status;
                }
            }
            Task::Refresh => {
                self.tally.refreshes += 1;
                self.tally.refresh_failures += u64::from(!good);
            }
            Task::Measured if good => {
                self.tally.completed += 1;
                if slot.kind != Kind::Invite {
                    self.tally.transaction.record(now.since(slot.begun).as_micros() as u64);
                }
                if status == 202 {
                    self.tally.held += 1;
                } else if matches!(slot.kind, Kind::Message | Kind::Invite) {
                    self.tally.accept(slot.number);
                }
            }
            Task::Measured if status == TIMED_OUT => self.tally.timeouts += 1,
            Task::Measured if status == NO_CONNECTION => self.tally.unreachable += 1,
            Task::Measured => self.tally.failure(status),
        }
    }
}

/// No final answer came. No status of SIP.
const TIMED_OUT: u16 = 0;
/// The connection had ended. No status of SIP.
const NO_CONNECTION: u16 = 1;

/// A 2xx without what a dialog needs. No status of SIP.
const UNUSABLE: u16 = 2;

/// What a Call-ID names beside the number: the thread, and whether it is a REGISTER's.
fn call_thread(thread: u32, verb: Verb) -> u32 {
    thread | if verb == Verb::Register { 1 << 31 } else { 0 }
}

/// Whether one person does this again only once it was answered.
fn is_one_at_a_time(kind: Kind) -> bool {
    matches!(kind, Kind::Register | Kind::Publish)
}

/// FNV-1a, to tell branches apart.
fn fingerprint(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}
