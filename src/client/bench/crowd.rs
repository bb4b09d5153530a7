//! The people of one thread: what they send, what they answer, what they remember. Bytes and ticks
//! in, bytes out.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use super::super::carrier::Way;
use super::Kind;
use super::login::Login;
use super::outbox::Outbox;
use super::people::Person;
use super::tally::Tally;
use super::template::{Branch, Common, Face, Note, Request};
use crate::clock::Tick;
use crate::http_digest::Algorithm;
use crate::sip::build::Response;
use crate::sip::method::Method;
use crate::sip::wire::{Framing, Layout, Limits, Message, scan};

const T1: Duration = Duration::from_millis(500);
/// Timer E: T1, doubled up to T2 (RFC 3261 s17.1.2.2).
const STEPS: [Duration; 4] =
    [T1, Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4)];
/// Timer F: 64*T1.
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
    pub(super) renew_after: Duration,
    pub(super) threads: usize,
}

#[derive(Debug, Default)]
struct User {
    register: Option<Login>,
    message: Option<Login>,
    cseq: u32,
    registering: bool,
}

#[derive(Debug)]
struct Slot {
    generation: u32,
    open: bool,
    task: Task,
    kind: Kind,
    user: usize,
    leg: u8,
    step: usize,
    proceeding: bool,
    begun: Tick,
    leg_begun: Tick,
    call: u32,
    cseq: u32,
    number: u32,
    request: Vec<u8>,
}

/// The people of one thread.
pub(super) struct Crowd<'a> {
    thread: u32,
    people: &'a [Person],
    common: &'a Common,
    habits: &'a Habits,
    faces: Vec<Face>,
    users: Vec<User>,
    slots: Vec<Slot>,
    free: Vec<u32>,
    timers: [VecDeque<(Tick, u32, u32)>; 5],
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
            slots: Vec::new(),
            free: Vec::new(),
            timers: Default::default(),
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

    /// How many people there are in this thread.
    pub(super) fn size(&self) -> usize {
        self.users.len()
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
        let count = self.users.len().max(1) as u64;
        let kind = self.habits.kind;
        let candidate = (0..MOST_PASSED.min(count))
            .map(|passed| ((arrival + passed) % count) as usize)
            .find(|user| {
                kind == Kind::Message || self.users.get(*user).is_some_and(|u| !u.registering)
            });
        match candidate {
            Some(user) if self.open < MOST_OPEN => {
                self.tally.requests += 1;
                self.begin(Task::Measured, kind, user, now, outbox);
            }
            _ => self.tally.unsent += 1,
        }
    }

    /// Forgets how an earlier preparation went.
    pub(super) fn begin_set_up(&mut self) {
        (self.set_up, self.set_up_failures, self.set_up_status) = (0, 0, 0);
    }

    /// Registers one person, or lets that person write once, before anything is measured.
    pub(super) fn set_up(&mut self, kind: Kind, user: usize, now: Tick, outbox: &mut Outbox) {
        self.begin(Task::Setup, kind, user, now, outbox);
    }

    fn begin(&mut self, task: Task, kind: Kind, user: usize, now: Tick, outbox: &mut Outbox) {
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot {
                generation: 0,
                open: false,
                task,
                kind,
                user,
                leg: 0,
                step: 0,
                proceeding: false,
                begun: now,
                leg_begun: now,
                call: 0,
                cseq: 0,
                number: 0,
                request: Vec::new(),
            });
            self.slots.len() as u32 - 1
        });
        let Some(slot) = self.slots.get_mut(index as usize) else { return };
        (slot.open, slot.task, slot.kind, slot.user) = (true, task, kind, user);
        (slot.leg, slot.begun, slot.cseq) = (0, now, 0);
        match kind {
            Kind::Message => {
                slot.call = self.calls;
                slot.number = self.numbers;
                self.calls = self.calls.wrapping_add(1);
                self.numbers += 1;
            }
            // The Call-ID of a REGISTER stays the same (RFC 3261 s10.2).
            Kind::Register => {
                slot.call = user as u32;
                if let Some(user) = self.users.get_mut(user) {
                    user.registering = true;
                }
            }
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
        let peer = self.people.get((whole + 1) % self.people.len().max(1));
        slot.generation = slot.generation.wrapping_add(1);
        slot.leg_begun = now;
        slot.step = 0;
        slot.proceeding = false;
        let kept = match slot.kind {
            Kind::Register => {
                user.cseq += 1;
                slot.cseq = user.cseq;
                &mut user.register
            }
            Kind::Message => {
                slot.cseq += 1;
                &mut user.message
            }
        };
        let is_fresh = fresh.is_some();
        if is_fresh {
            *kept = fresh;
        }
        let login = kept.as_mut().filter(|_| is_fresh || self.habits.reuse_nonce);
        let is_message = slot.kind == Kind::Message;
        if is_message {
            let note =
                Note { thread: self.thread, number: slot.number, sent: slot.begun.as_micros() };
            self.common.write_note(note, self.habits.body_bytes, &mut self.body);
        } else {
            self.body.clear();
        }
        let kind_bit = if is_message { 0 } else { 1 << 31 };
        let request = Request {
            user: &person.user,
            peer: peer.filter(|_| is_message).map(|peer| peer.user.as_str()),
            branch: Branch { thread: self.thread, slot: index, generation: slot.generation },
            call: (self.thread | kind_bit, slot.call),
            cseq: slot.cseq,
            login,
            body: &self.body,
        };
        let bytes = outbox.push(flow, |out| self.common.write(face, request, out));
        let (queue, wait) = if self.habits.stream { (4, PATIENCE) } else { (0, T1) };
        if !self.habits.stream {
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
        if message.method() == Method::Ack {
            return;
        }
        if message.method() == Method::Message {
            match self.common.note(message.body()) {
                Some(note) if note.sent >= self.phase_began.as_micros() => {
                    let via = message.top_via();
                    let branch = via.and_then(|via| via.branch()).map_or(0, fingerprint);
                    if self.tally.arrive(note.thread, note.number, branch)
                        == super::tally::Arrival::First
                    {
                        let took = now.as_micros().saturating_sub(note.sent);
                        self.tally.delivery.record(took);
                    }
                }
                _ => self.tally.foreign += 1,
            }
        }
        let server = self.habits.server;
        outbox.push(flow, |out| {
            Response::new(message, 200, None).to_tag("bench").received_from(server).write(out);
        });
    }

    fn response(&mut self, message: &Message<'_>, now: Tick, outbox: &mut Outbox) {
        let branch = message.top_via().and_then(|via| via.branch());
        let Some(branch) = branch.and_then(|branch| self.common.branch(branch)) else { return };
        let Some(slot) = self.slots.get_mut(branch.slot as usize) else { return };
        if !slot.open || slot.generation != branch.generation || branch.thread != self.thread {
            return;
        }
        let status = message.status();
        match status {
            100..200 => slot.proceeding = true,
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
            _ => self.finish(branch.slot, status, now),
        }
    }

    /// A request has its final answer; status 408 also stands for none at all.
    fn finish(&mut self, index: u32, status: u16, now: Tick) {
        let Some(slot) = self.slots.get_mut(index as usize) else { return };
        slot.open = false;
        self.free.push(index);
        self.open = self.open.saturating_sub(1);
        let good = (200..300).contains(&status);
        if slot.kind == Kind::Register {
            if let Some(user) = self.users.get_mut(slot.user) {
                user.registering = false;
            }
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
                self.tally.transaction.record(now.since(slot.begun).as_micros() as u64);
                if status == 202 {
                    self.tally.held += 1;
                } else if slot.kind == Kind::Message {
                    self.tally.accept(slot.number);
                }
            }
            Task::Measured if status == TIMED_OUT => self.tally.timeouts += 1,
            Task::Measured if status == NO_CONNECTION => self.tally.unreachable += 1,
            Task::Measured => self.tally.failure(status),
        }
    }

    /// Sends again what has had no answer, gives up what waited too long, renews registrations.
    pub(super) fn tick(&mut self, now: Tick, is_open: impl Fn(u32) -> bool, outbox: &mut Outbox) {
        for queue in 0..self.timers.len() {
            while let Some(&(due, index, generation)) =
                self.timers.get(queue).and_then(VecDeque::front)
                && due <= now
            {
                if let Some(queue) = self.timers.get_mut(queue) {
                    queue.pop_front();
                }
                self.expire(index, generation, now, &is_open, outbox);
            }
        }
        if self.habits.kind == Kind::Message {
            while let Some(&(due, user)) = self.renewals.front()
                && due <= now
            {
                self.renewals.pop_front();
                self.begin(Task::Refresh, Kind::Register, user, now, outbox);
            }
        }
    }

    fn expire(
        &mut self,
        index: u32,
        generation: u32,
        now: Tick,
        is_open: &impl Fn(u32) -> bool,
        outbox: &mut Outbox,
    ) {
        let flow = self.flow(self.slots.get(index as usize).map_or(0, |slot| slot.user));
        let Some(slot) = self.slots.get_mut(index as usize) else { return };
        if !slot.open || slot.generation != generation {
            return;
        }
        if now.since(slot.leg_begun) >= PATIENCE {
            let status = if is_open(flow) { TIMED_OUT } else { NO_CONNECTION };
            self.finish(index, status, now);
            return;
        }
        let again = &slot.request;
        outbox.push(flow, |out| out.extend_from_slice(again));
        self.tally.retransmissions += 1;
        slot.step = if slot.proceeding { 3 } else { (slot.step + 1).min(3) };
        let rest = PATIENCE.saturating_sub(now.since(slot.leg_begun));
        let fits = STEPS.get(slot.step).is_some_and(|step| *step <= rest);
        let step = if fits { slot.step } else { 0 };
        if let (Some(queue), Some(wait)) = (self.timers.get_mut(step), STEPS.get(step)) {
            queue.push_back((now + *wait, index, generation));
        }
    }
}

/// No final answer came. No status of SIP.
const TIMED_OUT: u16 = 0;
/// The connection had ended. No status of SIP.
const NO_CONNECTION: u16 = 1;

/// FNV-1a, to tell branches apart.
fn fingerprint(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}
