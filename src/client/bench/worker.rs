//! One thread of the generator: its sockets, its people, its part of the schedule.

use std::io;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Sender;
use std::time::Duration;

use super::Kind;
use super::crowd::{Crowd, Habits};
use super::datagrams::Datagrams;
use super::outbox::Outbox;
use super::pace::Pace;
use super::people::Person;
use super::streams::Streams;
use super::tally::{Tally, Traffic};
use super::template::Common;
use crate::clock::{Clock, Tick};

/// What a thread is to do next.
#[derive(Clone, Copy, Debug)]
pub(super) enum Order {
    /// Answer what comes.
    Idle,
    /// Let everybody register, or write once, so many at once.
    SetUp { kind: Kind, window: usize },
    /// Measure: `rate` requests a second in all threads from `start` on.
    Measure { start: Tick, rate: f64, length: Duration },
    /// Hand over what was counted.
    Collect,
    /// End.
    Stop,
}

/// What a thread tells.
pub(super) enum Event {
    SetUp {
        failed: usize,
        status: u16,
    },
    /// Every request of the schedule was sent.
    Sent,
    Collected(usize, Box<Tally>),
    Failed(io::Error),
}

/// What the threads look at together.
pub(super) struct Stage {
    pub(super) clock: Clock,
    pub(super) people: Vec<Person>,
    pub(super) common: Common,
    pub(super) habits: Habits,
    pub(super) sockets: usize,
    pub(super) connections: usize,
    /// Counts orders, so that looking for a new one is cheap.
    epoch: AtomicU64,
    order: Mutex<Order>,
    pub(super) progress: Vec<Progress>,
}

/// What a thread shows while it works.
#[derive(Debug, Default)]
pub(super) struct Progress {
    pub(super) open: AtomicU64,
    pub(super) requests: AtomicU64,
    pub(super) completed: AtomicU64,
    pub(super) held: AtomicU64,
    pub(super) delivered: AtomicU64,
    pub(super) retransmissions: AtomicU64,
    pub(super) failed: AtomicU64,
}

impl Stage {
    pub(super) fn new(
        clock: Clock,
        people: Vec<Person>,
        common: Common,
        habits: Habits,
        sockets: usize,
        connections: usize,
    ) -> Stage {
        let progress = (0..habits.threads).map(|_| Progress::default()).collect();
        let (epoch, order) = (AtomicU64::new(0), Mutex::new(Order::Idle));
        Stage { clock, people, common, habits, sockets, connections, epoch, order, progress }
    }

    pub(super) fn order(&self, order: Order) {
        *self.order.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = order;
        self.epoch.fetch_add(1, Ordering::Release);
    }

    fn newer(&self, seen: &mut u64) -> Option<Order> {
        let epoch = self.epoch.load(Ordering::Acquire);
        if epoch == *seen {
            return None;
        }
        *seen = epoch;
        Some(*self.order.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    pub(super) fn total(&self, what: impl Fn(&Progress) -> &AtomicU64) -> u64 {
        self.progress.iter().map(|progress| what(progress).load(Ordering::Relaxed)).sum()
    }
}

enum Links {
    Udp(Datagrams),
    Streams(Streams),
}

impl Links {
    fn open(stage: &Stage, thread: usize, people: usize) -> io::Result<Links> {
        let share = |all: usize| {
            let threads = stage.habits.threads;
            (all / threads + usize::from(thread < all % threads)).clamp(1, people.max(1))
        };
        let server = stage.habits.server;
        Ok(if stage.habits.stream {
            Links::Streams(Streams::open(&stage.habits.way, server, share(stage.connections))?)
        } else {
            Links::Udp(Datagrams::open(server, share(stage.sockets))?)
        })
    }

    fn locals(&self) -> io::Result<Vec<SocketAddr>> {
        match self {
            Links::Udp(datagrams) => datagrams.locals(),
            Links::Streams(streams) => streams.locals(),
        }
    }

    fn receive(
        &mut self,
        millis: u8,
        traffic: &mut Traffic,
        take: impl FnMut(u32, &[u8]),
    ) -> io::Result<()> {
        match self {
            Links::Udp(datagrams) => datagrams.receive(millis, traffic, take),
            Links::Streams(streams) => streams.receive(millis, traffic, take),
        }
    }

    fn flush(&mut self, outbox: &mut Outbox, traffic: &mut Traffic) -> io::Result<()> {
        match self {
            Links::Udp(datagrams) => datagrams.flush(outbox, traffic),
            Links::Streams(streams) => {
                streams.flush(outbox, traffic);
                Ok(())
            }
        }
    }

    fn is_open(&self, flow: u32) -> bool {
        match self {
            Links::Udp(_) => true,
            Links::Streams(streams) => streams.is_open(flow),
        }
    }
}

/// The longest wait; timers and orders are looked at this often.
const LONGEST_WAIT_MILLIS: u64 = 10;
/// So many arrivals at most between two looks at the sockets.
const BURST: usize = 64;

/// Works until [`Order::Stop`].
pub(super) fn work(stage: &Stage, thread: usize, tell: &Sender<Event>) {
    if let Err(error) = play(stage, thread, tell) {
        // Without a conductor there is nobody to tell.
        let _ = tell.send(Event::Failed(error));
    }
}

fn play(stage: &Stage, thread: usize, tell: &Sender<Event>) -> io::Result<()> {
    let clock = &stage.clock;
    let own = stage.people.iter().skip(thread).step_by(stage.habits.threads).count();
    let mut links = Links::open(stage, thread, own)?;
    let mut crowd =
        Crowd::new(thread, &stage.people, &stage.common, &stage.habits, &links.locals()?);
    let mut outbox = Outbox::default();
    let mut traffic = Traffic::default();
    let mut pace: Option<Pace> = None;
    let mut set_up: Option<(Kind, usize, usize)> = None;
    let mut epoch = 0;
    let share = crowd.share();
    let quietly = |event| {
        // Without a conductor there is nobody to tell.
        let _ = tell.send(event);
    };
    loop {
        let now = clock.now();
        match stage.newer(&mut epoch) {
            Some(Order::Stop) => return Ok(()),
            Some(Order::SetUp { kind, window }) => {
                crowd.begin_set_up();
                set_up = Some((kind, 0, window.max(1)));
            }
            Some(Order::Measure { start, rate, length }) => {
                crowd.begin_phase(now);
                traffic = Traffic::default();
                // The threads take turns.
                let turn = thread as f64 / rate;
                let start = start + Duration::from_secs_f64(turn);
                pace = Some(Pace::new(start, (rate * share).max(1e-6), length));
            }
            Some(Order::Collect) => {
                let mut tally = std::mem::take(&mut crowd.tally);
                tally.traffic = traffic;
                quietly(Event::Collected(thread, Box::new(tally)));
            }
            Some(Order::Idle) | None => {}
        }
        if let Some((kind, next, window)) = &mut set_up {
            let mut started = 0;
            while *next < crowd.size(*kind) && crowd.open < *window && started < BURST {
                crowd.set_up(*kind, *next, now, &mut outbox);
                *next += 1;
                started += 1;
            }
            if crowd.set_up == crowd.size(*kind) {
                set_up = None;
                let (failed, status) = (crowd.set_up_failures, crowd.set_up_status);
                quietly(Event::SetUp { failed, status });
            }
        }
        if let Some(schedule) = &mut pace {
            for _ in 0..BURST {
                let Some((arrival, late)) = schedule.take(now) else { break };
                crowd.arrive(arrival, now, late, &mut outbox);
            }
            if schedule.is_over() {
                pace = None;
                publish(stage, thread, &crowd);
                quietly(Event::Sent);
            }
        }
        crowd.tick(now, |flow| links.is_open(flow), &mut outbox);
        if outbox.len() > 0 {
            links.flush(&mut outbox, &mut traffic)?;
        }
        publish(stage, thread, &crowd);
        let due = pace.as_ref().map_or(Tick::NEVER, Pace::next).since(clock.now());
        let millis = due.as_micros().div_ceil(1_000).min(u128::from(LONGEST_WAIT_MILLIS));
        links.receive(millis as u8, &mut traffic, |flow, bytes| {
            crowd.take(flow, bytes, clock.now(), &mut outbox);
        })?;
    }
}

fn publish(stage: &Stage, thread: usize, crowd: &Crowd<'_>) {
    let Some(progress) = stage.progress.get(thread) else { return };
    let tally = &crowd.tally;
    for (place, value) in [
        (&progress.requests, tally.requests),
        (&progress.completed, tally.completed),
        (&progress.held, tally.held),
        (&progress.delivered, tally.delivered),
        (&progress.retransmissions, tally.retransmissions),
        (&progress.failed, tally.failed()),
        // Last: whoever sees nothing open sees the rest of it too.
        (&progress.open, crowd.open as u64),
    ] {
        place.store(value, Ordering::Release);
    }
}
