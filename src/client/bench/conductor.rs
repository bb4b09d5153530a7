//! The phases of a run: register everybody, measure, wait for what is under way, sum up.

use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::{Scope, ScopedJoinHandle};
use std::time::Duration;

use super::crowd::Habits;
use super::process::{self, Usage};
use super::report::{Costs, Report};
use super::tally::Tally;
use super::template::Common;
use super::worker::{Event, Order, Stage, work};
use super::{BenchError, Kind, Options, Watching};
use crate::clock::{Clock, Tick};
use crate::entropy;

/// How often the conductor looks.
const LOOK: Duration = Duration::from_millis(20);
/// How long messages that were accepted may take to arrive once nothing waits for an answer.
const GRACE: Duration = Duration::from_secs(1);
/// 64*T1 and a little: after that no request waits for anything.
const DRAIN: Duration = Duration::from_secs(35);
/// How long all first NOTIFYs may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Memory is read this often.
const SAMPLE: Duration = Duration::from_secs(1);

/// What is told once a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Requests sent.
    pub requests: u64,
    /// Requests that ended in a 2xx.
    pub completed: u64,
    /// Requests sent again.
    pub retransmissions: u64,
    /// Requests that failed.
    pub failed: u64,
}

/// Takes what is told once a second.
pub type Tell<'a> = dyn FnMut(Progress) + 'a;

/// Runs one load test.
///
/// # Errors
/// [`BenchError`] if nothing could be measured. Failed requests are results.
pub fn run(options: &Options, clock: &Clock, tell: &mut Tell<'_>) -> Result<Report, BenchError> {
    conduct(options, clock, |conductor| conductor.measure(options.rate(), tell))
}

/// Starts the threads, registers everybody where that is wanted, and lets `play` measure.
pub(super) fn conduct<T>(
    options: &Options,
    clock: &Clock,
    play: impl FnOnce(&mut Conductor<'_>) -> Result<T, BenchError>,
) -> Result<T, BenchError> {
    check(options)?;
    let habits = Habits {
        kind: options.kind,
        server: options.server,
        way: options.way.clone(),
        stream: options.way.transport.is_reliable(),
        reuse_nonce: options.reuse_nonce,
        algorithm: options.algorithm,
        body_bytes: options.body_bytes,
        hold: options.hold,
        watching: options.watching,
        renew_after: Duration::from_secs(u64::from(options.expires)).mul_f64(0.75),
        threads: options.threads,
    };
    let run = entropy::number() as u32;
    let stage = Stage::new(
        clock.clone(),
        options.people.clone(),
        Common::new(&options.domain, run, options.expires),
        habits,
        options.sockets,
        options.connections,
    );
    std::thread::scope(|scope| {
        let (events, threads) = start(scope, &stage)?;
        let mut conductor = Conductor { options, stage: &stage, events, threads: threads.len() };
        let result = conductor.warm_up().and_then(|()| play(&mut conductor));
        stage.order(Order::Stop);
        result
    })
}

fn check(options: &Options) -> Result<(), BenchError> {
    let needed = if options.kind == Kind::Register { 1 } else { 2 };
    if options.people.len() < needed {
        return Err(BenchError::Options(
            "a message or a call needs two people, a registration one",
        ));
    }
    if options.threads == 0 || options.threads > options.people.len() {
        return Err(BenchError::Options("there must be a thread, and a person for each thread"));
    }
    let Watching { publishers, watchers } = options.watching;
    if options.kind == Kind::Publish
        && !(options.threads <= publishers
            && publishers <= options.people.len()
            && watchers < options.people.len())
    {
        return Err(BenchError::Options(
            "there must be a publisher for each thread, and more people than watch one of them",
        ));
    }
    let rate = options.rate();
    if !(rate.is_finite() && rate > 0.0) || options.duration.is_zero() {
        return Err(BenchError::Options("the rate and the duration must be more than nothing"));
    }
    Ok(())
}

type Started<'scope> = (Receiver<Event>, Vec<ScopedJoinHandle<'scope, ()>>);

fn start<'scope, 'env: 'scope>(
    scope: &'scope Scope<'scope, 'env>,
    stage: &'env Stage,
) -> Result<Started<'scope>, BenchError> {
    let (tell, events) = channel();
    let threads: Result<Vec<_>, _> = (0..stage.habits.threads)
        .map(|thread| {
            let tell = tell.clone();
            std::thread::Builder::new()
                .name(format!("bench-{thread}"))
                .spawn_scoped(scope, move || work(stage, thread, &tell))
        })
        .collect();
    if threads.is_err() {
        stage.order(Order::Stop);
    }
    Ok((events, threads?))
}

/// Leads the threads through phases.
pub(super) struct Conductor<'a> {
    pub(super) options: &'a Options,
    stage: &'a Stage,
    events: Receiver<Event>,
    threads: usize,
}

/// CPU and memory of the processes that matter.
struct Meter {
    own: Usage,
    server: Option<Usage>,
    directory: Option<Usage>,
}

impl Meter {
    fn read(options: &Options) -> Result<Meter, BenchError> {
        let of = |pid: Option<u32>| {
            pid.map(|pid| process::usage(pid).ok_or(BenchError::Process(pid))).transpose()
        };
        Ok(Meter {
            own: process::usage(std::process::id()).unwrap_or_default(),
            server: of(options.pid)?,
            directory: of(options.directory_pid)?,
        })
    }
}

impl Conductor<'_> {
    fn event(&self, wait: Duration) -> Result<Option<Event>, BenchError> {
        match self.events.recv_timeout(wait) {
            Ok(Event::Failed(error)) => Err(error.into()),
            Ok(event) => Ok(Some(event)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(BenchError::Thread),
        }
    }

    fn warm_up(&mut self) -> Result<(), BenchError> {
        if self.options.kind == Kind::Register && !self.options.warm {
            return Ok(());
        }
        self.prepare(Kind::Register)?;
        if self.options.kind == Kind::Publish {
            return self.warm_up_presence();
        }
        // The first request of each person meets a challenge, the measured ones shall not.
        if self.options.kind != Kind::Register && self.options.reuse_nonce {
            self.prepare(self.options.kind)?;
        }
        Ok(())
    }

    /// Everybody who is watched has published, and every watcher has been told once.
    fn warm_up_presence(&mut self) -> Result<(), BenchError> {
        self.prepare(Kind::Publish)?;
        self.prepare(Kind::Subscribe)?;
        let clock = &self.stage.clock;
        let all = self.options.watching.subscriptions() as u64;
        let begun = clock.now();
        while self.stage.total(|progress| &progress.delivered) < all
            && clock.now().since(begun) < PATIENCE
        {
            self.event(LOOK)?;
        }
        Ok(())
    }

    fn prepare(&mut self, kind: Kind) -> Result<(), BenchError> {
        let window = (self.options.window / self.threads).max(1);
        self.stage.order(Order::SetUp { kind, window });
        let (mut failed, mut last) = (0, 0);
        let mut waiting = self.threads;
        while waiting > 0 {
            if let Some(Event::SetUp { failed: more, status }) = self.event(SAMPLE)? {
                failed += more;
                last = if more > 0 { status } else { last };
                waiting -= 1;
            }
        }
        if failed == 0 {
            return Ok(());
        }
        let answer = if last < 100 { "none".to_owned() } else { last.to_string() };
        Err(BenchError::SetUp { failed, all: self.options.people.len(), answer })
    }

    /// Measures one load.
    pub(super) fn measure(&mut self, rate: f64, tell: &mut Tell<'_>) -> Result<Report, BenchError> {
        let clock = &self.stage.clock;
        let before = Meter::read(self.options)?;
        let start = clock.now() + LOOK;
        self.stage.order(Order::Measure { start, rate, length: self.options.duration });
        let mut rss_max = before.server.map_or(0, |usage| usage.rss_kib);
        let mut sending = self.threads;
        let mut sampled = start;
        let mut over = None;
        let mut quiet = None;
        loop {
            if let Some(Event::Sent) = self.event(LOOK)? {
                sending -= 1;
            }
            let now = clock.now();
            if now.since(sampled) >= SAMPLE {
                sampled = now;
                let server = self.options.pid.and_then(process::usage);
                rss_max = rss_max.max(server.map_or(0, |usage| usage.rss_kib));
                tell(self.progress());
            }
            if sending > 0 {
                continue;
            }
            let over = *over.get_or_insert(now);
            if self.is_quiet(&mut quiet, now) || now.since(over) > DRAIN {
                break;
            }
        }
        let sent = over.unwrap_or_else(|| clock.now());
        let after = Meter::read(self.options)?;
        let tallies = self.collect()?;
        let (tally, lost) = Tally::sum(&tallies);
        let costs = Costs {
            own_micros: after.own.cpu_micros.saturating_sub(before.own.cpu_micros),
            server: before.server.zip(after.server),
            rss_max_kib: rss_max.max(after.server.map_or(0, |usage| usage.rss_kib)),
            directory: before.directory.zip(after.directory),
        };
        let wall = sent.since(start).max(Duration::from_millis(1));
        Ok(Report::new(self.options, rate, wall, &tally, lost, &costs))
    }

    /// Whether nothing waits for an answer and what was accepted has arrived, or had the time to.
    fn is_quiet(&self, since: &mut Option<Tick>, now: Tick) -> bool {
        if self.stage.total(|progress| &progress.open) > 0 {
            *since = None;
            return false;
        }
        let completed = self.stage.total(|p| &p.completed);
        let accepted = match self.options.kind {
            Kind::Publish => completed.saturating_mul(self.options.watching.watchers as u64),
            _ => completed.saturating_sub(self.stage.total(|p| &p.held)),
        };
        let arrived = self.options.kind == Kind::Register
            || self.stage.total(|progress| &progress.delivered) >= accepted;
        arrived || now.since(*since.get_or_insert(now)) > GRACE
    }

    fn progress(&self) -> Progress {
        Progress {
            requests: self.stage.total(|progress| &progress.requests),
            completed: self.stage.total(|progress| &progress.completed),
            retransmissions: self.stage.total(|progress| &progress.retransmissions),
            failed: self.stage.total(|progress| &progress.failed),
        }
    }

    fn collect(&self) -> Result<Vec<Tally>, BenchError> {
        self.stage.order(Order::Collect);
        let mut tallies: Vec<Option<Tally>> = vec![None; self.threads];
        while tallies.iter().any(Option::is_none) {
            if let Some(Event::Collected(thread, tally)) = self.event(SAMPLE)?
                && let Some(place) = tallies.get_mut(thread)
            {
                *place = Some(*tally);
            }
        }
        Ok(tallies.into_iter().flatten().collect())
    }
}
