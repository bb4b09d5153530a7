//! Long work: it begins here, goes on aside, and is looked at again by whoever asked for it.
//!
//! ```text
//!   asked ──▶ a job on a thread of its own ──▶ done, failed or cancelled ──▶ forgotten after a day
//!                 │ how far it is                 │ what it did, and what failed
//!                 └───────── looked at ───────────┘
//! ```
//!
//! Jobs live in memory: what they change is durable, what is told of them ends with the server. What
//! was brought for an import holds passwords, so it is written nowhere and wiped soon.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;

use super::{Administration, refused};
use crate::accounts::{Actor, Deed};
use crate::clock::WallTime;
use crate::entropy;
use crate::model::Role;
use crate::operations::{
    Cause, Existing, Failure, JobKind, JobReport, JobRequest, JobState, JobView, Reply, RowFailure,
    Secret,
};

mod work;

/// Jobs that work at a time.
const MOST_RUNNING: usize = 4;
/// Jobs that are remembered.
const MOST_KEPT: usize = 64;
/// For how long they are.
const KEPT: Duration = Duration::from_secs(24 * 3600);
/// For how long an import that was tried can go on.
const INPUT_KEPT: Duration = Duration::from_secs(3600);
/// Bytes of imports that wait, together.
const MOST_INPUT: usize = 64 * 1024 * 1024;
/// Bytes of results, together; the oldest ones go first.
const MOST_RESULTS: usize = 32 * 1024 * 1024;
/// Failures that are told with a job.
const MOST_SHOWN: usize = 200;
/// Bytes of a part of a result.
const PART: usize = 64 * 1024;

/// The jobs that are remembered, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Jobs(Mutex<Vec<Arc<Job>>>);

/// One of them.
struct Job {
    id: String,
    kind: JobKind,
    by: Actor,
    subject: String,
    existing: Existing,
    started: WallTime,
    total: AtomicU64,
    done: AtomicU64,
    is_cancelled: AtomicBool,
    input: Mutex<Option<Arc<Secret>>>,
    outcome: Mutex<Outcome>,
}

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Job({} {:?})", self.id, self.kind)
    }
}

/// What came of a job.
#[derive(Default)]
struct Outcome {
    state: JobState,
    ended: Option<WallTime>,
    report: JobReport,
    error: Option<String>,
    result: Option<Arc<str>>,
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Job {
    fn new(kind: JobKind, by: &Actor, started: WallTime) -> Job {
        Job {
            id: entropy::token(8),
            kind,
            by: by.clone(),
            subject: String::new(),
            existing: Existing::default(),
            started,
            total: AtomicU64::new(0),
            done: AtomicU64::new(0),
            is_cancelled: AtomicBool::new(false),
            input: Mutex::new(None),
            outcome: Mutex::new(Outcome::default()),
        }
    }

    fn is_cancelled(&self) -> bool {
        self.is_cancelled.load(Ordering::Relaxed)
    }

    fn is_running(&self) -> bool {
        locked(&self.outcome).state == JobState::Running
    }

    /// Takes down how far it is, and says whether to go on.
    fn goes_on(&self, done: u64) -> bool {
        self.done.store(done, Ordering::Relaxed);
        !self.is_cancelled()
    }

    fn input_bytes(&self) -> usize {
        locked(&self.input).as_ref().map_or(0, |input| input.expose().len())
    }

    fn end(&self, ended: Result<Ending, Failure>, now: WallTime) {
        let mut outcome = locked(&self.outcome);
        outcome.ended = Some(now);
        match ended {
            Ok(ending) => {
                outcome.state = if ending.is_whole { JobState::Done } else { JobState::Cancelled };
                outcome.report = ending.report;
                outcome.result = ending.result.map(Arc::from);
            }
            Err(failure) => {
                outcome.state = JobState::Failed;
                outcome.error = Some(failure.message);
            }
        }
        let state = outcome.state;
        drop(outcome);
        if state != JobState::Done || self.kind != JobKind::ImportTrial {
            locked(&self.input).take();
        }
    }

    fn view(&self) -> JobView {
        let outcome = locked(&self.outcome);
        JobView {
            id: self.id.clone(),
            kind: self.kind,
            by: self.by.name.clone(),
            subject: self.subject.clone(),
            started: self.started.to_string(),
            ended: outcome.ended.map(|at| at.to_string()),
            state: outcome.state,
            done: self.done.load(Ordering::Relaxed),
            total: self.total.load(Ordering::Relaxed),
            report: outcome.report.clone(),
            error: outcome.error.clone(),
            existing: self.existing,
            can_go_on: self.kind == JobKind::ImportTrial
                && outcome.state == JobState::Done
                && locked(&self.input).is_some(),
            has_result: outcome.result.is_some(),
        }
    }
}

/// How a job came to its end.
struct Ending {
    /// Nobody ended it before.
    is_whole: bool,
    report: JobReport,
    /// CSV.
    result: Option<String>,
}

impl Ending {
    /// With what failed, as it is told and as a whole.
    fn new(is_whole: bool, report: JobReport, failed: Vec<RowFailure>, csv: String) -> Ending {
        let result = (!failed.is_empty()).then_some(csv);
        let count = failed.len() as u64;
        let mut failures = failed;
        failures.truncate(MOST_SHOWN);
        Ending { is_whole, report: JobReport { failed: count, failures, ..report }, result }
    }
}

/// A job whose work broke off without a word has failed.
struct Watched<'a> {
    job: &'a Job,
    administration: &'a Administration,
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        if self.job.is_running() {
            let failure = Failure::failed("it broke off; the log says more");
            self.job.end(Err(failure), self.administration.site.clock.wall());
        }
    }
}

impl Jobs {
    fn find(&self, id: &str) -> Result<Arc<Job>, Failure> {
        let found = locked(&self.0).iter().find(|job| job.id == id).cloned();
        found.ok_or_else(|| Failure::not_found("there is no such job; it may be forgotten by now"))
    }

    /// Forgets what is old, or too much.
    fn tidy(&self, now: WallTime) {
        let mut jobs = locked(&self.0);
        let age = |job: &Job| {
            let ended = locked(&job.outcome).ended;
            ended.map(|at| now.since(at))
        };
        jobs.retain(|job| age(job).is_none_or(|age| age < KEPT));
        while jobs.len() >= MOST_KEPT
            && let Some(oldest) = jobs.iter().position(|job| !job.is_running())
        {
            jobs.remove(oldest);
        }
        let mut bytes = 0;
        for job in jobs.iter().rev() {
            if age(job).is_some_and(|age| age >= INPUT_KEPT) {
                locked(&job.input).take();
            }
            let mut outcome = locked(&job.outcome);
            bytes += outcome.result.as_ref().map_or(0, |result| result.len());
            if bytes > MOST_RESULTS {
                outcome.result = None;
            }
        }
    }

    /// Takes a new one in.
    fn add(&self, job: &Arc<Job>) -> Result<(), Failure> {
        self.tidy(job.started);
        let mut jobs = locked(&self.0);
        if jobs.iter().filter(|job| job.is_running()).count() >= MOST_RUNNING {
            let message =
                format!("{MOST_RUNNING} jobs are at work; wait for one of them, or end it");
            return Err(Failure::refused(message).because(Some(Cause::Busy)));
        }
        let waiting: usize = jobs.iter().map(|job| job.input_bytes()).sum();
        if waiting + job.input_bytes() > MOST_INPUT {
            let message = "too much waits to be imported; import it, or try again in an hour";
            return Err(Failure::refused(message).because(Some(Cause::Busy)));
        }
        jobs.push(Arc::clone(job));
        Ok(())
    }
}

impl Administration {
    /// Ends the jobs that are at work: the server ends.
    pub fn end_jobs(&self) {
        for job in locked(&self.jobs.0).iter() {
            job.is_cancelled.store(true, Ordering::Relaxed);
        }
    }

    pub(super) async fn job(&self, actor: &Actor, request: JobRequest) -> Result<Reply, Failure> {
        let now = self.site.clock.wall();
        self.jobs.tidy(now);
        match request {
            JobRequest::List => {
                let jobs = locked(&self.jobs.0);
                Ok(Reply::Jobs(jobs.iter().rev().map(|job| job.view()).collect()))
            }
            JobRequest::Show { job } => Ok(shown(&*self.jobs.find(&job)?)),
            JobRequest::Result { job, after } => {
                let job = self.jobs.find(&job)?;
                let result = locked(&job.outcome).result.clone();
                let none = || Failure::not_found("this job has nothing to be read");
                part(&result.ok_or_else(none)?, after.as_deref())
            }
            JobRequest::Cancel { job } => self.cancel(actor, &job).await,
            JobRequest::Import { csv, file, existing, dry_run } => {
                self.begin_import(actor, Arc::new(csv), file, (existing, dry_run), now)
            }
            JobRequest::ImportTried { job, existing, dry_run } => {
                let tried = self.jobs.find(&job)?;
                let gone =
                    || Failure::not_found("what was tried is no longer here; bring it again");
                let input = if tried.is_running() { None } else { locked(&tried.input).take() };
                let input = input.ok_or_else(gone)?;
                let how = (existing, dry_run);
                let file = tried.subject.clone();
                let begun = self.begin_import(actor, Arc::clone(&input), file, how, now);
                if begun.is_err() {
                    // It can be tried once more.
                    *locked(&tried.input) = Some(input);
                }
                begun
            }
            JobRequest::People { deed, whom } => self.begin_people(actor, deed, whom, now),
        }
    }

    /// Takes down how far a job is, and says whether to go on. It ends with the right of whoever began
    /// it: what somebody may no longer do is not done for him either.
    fn goes_on(&self, job: &Job, done: u64) -> bool {
        if !job.is_cancelled() && !self.site.accounts.stands(&job.by).unwrap_or(false) {
            tracing::warn!(event = "job_ended", job = job.id, by = job.by.name, "he may no longer");
            job.is_cancelled.store(true, Ordering::Relaxed);
        }
        job.goes_on(done)
    }

    /// Lets a job work aside, where it holds up nobody.
    fn begin<F>(
        &self,
        job: Job,
        work: impl FnOnce(Administration, Arc<Job>) -> F + Send + 'static,
    ) -> Result<Reply, Failure>
    where
        F: Future<Output = Result<Ending, Failure>>,
    {
        if self.live.is_none() {
            return Err(Failure::unreachable("no server runs, and jobs are the server's"));
        }
        let job = Arc::new(job);
        self.jobs.add(&job)?;
        let reply = shown(&job);
        let (here, runtime) = (self.clone(), Handle::current());
        tokio::task::spawn_blocking(move || {
            let watched = Watched { job: &job, administration: &here };
            let ended = runtime.block_on(work(here.clone(), Arc::clone(&job)));
            job.end(ended, here.site.clock.wall());
            drop(watched);
            let tried = Arc::downgrade(&job);
            if job.input_bytes() > 0 {
                // Passwords are not kept for somebody who never comes back.
                runtime.spawn(async move {
                    tokio::time::sleep(INPUT_KEPT).await;
                    if let Some(tried) = tried.upgrade() {
                        locked(&tried.input).take();
                    }
                });
            }
        });
        Ok(reply)
    }

    async fn cancel(&self, actor: &Actor, id: &str) -> Result<Reply, Failure> {
        let job = self.jobs.find(id)?;
        if job.by.name != actor.name && actor.role < Role::Admin {
            return Err(Failure::refused("this is somebody else's job"));
        }
        if job.is_running() {
            job.is_cancelled.store(true, Ordering::Relaxed);
            let detail = format!("{:?} of {}", job.kind, job.by.name);
            let deed = Deed { action: "job.cancel", subject: &job.id, detail: &detail };
            self.site.accounts.note(actor, deed).await.map_err(refused)?;
        }
        Ok(shown(&job))
    }
}

fn shown(job: &Job) -> Reply {
    Reply::Job(Box::new(job.view()))
}

/// A part of a result; where it ends is a place in its text.
fn part(result: &str, after: Option<&str>) -> Result<Reply, Failure> {
    let from = after.map_or(Ok(0), str::parse::<usize>);
    let rest = from.ok().and_then(|from| result.get(from..).map(|rest| (from, rest)));
    let (from, rest) = rest.ok_or_else(|| Failure::usage("there is no part that begins there"))?;
    let end = rest.floor_char_boundary(PART);
    let csv = rest.get(..end).unwrap_or_default().to_owned();
    let next = (end < rest.len()).then(|| (from + end).to_string());
    Ok(Reply::Exported { csv, next })
}
