//! One run over one server: its steps, its time, and what each came to.

use std::time::Duration;

use ldap3::{LdapError, LdapResult};
use tokio::time::timeout;

use super::Trial;
use super::code::Code;
use super::finding::Finding;
use super::reach::in_seconds;
use super::report::{Answer, Detail, State, Step, StepName};
use crate::clock::{Clock, Tick};
use crate::identity::ldap::guard::Session;

/// How long things may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// One step, but for those that read lists.
    pub step: Duration,
    /// Reading a list.
    pub list: Duration,
    /// All steps together.
    pub total: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            step: Duration::from_millis(2_900),
            list: Duration::from_secs(5),
            total: Duration::from_secs(15),
        }
    }
}

/// What a step came to.
#[derive(Default)]
pub(super) struct Outcome {
    pub(super) findings: Vec<Finding>,
    pub(super) answer: Option<Answer>,
    pub(super) detail: Option<Detail>,
}

impl Outcome {
    pub(super) fn of(finding: Finding) -> Outcome {
        Outcome { findings: vec![finding], ..Outcome::default() }
    }

    pub(super) fn with(mut self, detail: Detail) -> Outcome {
        self.detail = Some(detail);
        self
    }

    pub(super) fn add(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    fn state(&self) -> State {
        let states = self.findings.iter().map(|finding| finding.code.state());
        states.max().unwrap_or(State::NotRun)
    }
}

/// Why a question has no good answer.
pub(super) enum Failure {
    /// The server answered something else than success.
    Answer(Box<LdapResult>),
    /// It did not answer.
    Other(Finding),
}

impl Failure {
    /// As the outcome of a step; `finding` says what an answer means.
    pub(super) fn outcome(self, finding: impl FnOnce(&Answer) -> Finding) -> Outcome {
        match self {
            Failure::Other(finding) => Outcome::of(finding),
            Failure::Answer(result) => {
                let answer = Answer::from(&*result);
                let finding = busy(&answer).unwrap_or_else(|| finding(&answer));
                Outcome { findings: vec![finding], answer: Some(answer), detail: None }
            }
        }
    }
}

/// What busy(51) and unavailable(52) mean, to whatever question.
pub(super) fn busy(answer: &Answer) -> Option<Finding> {
    let is_busy = matches!(answer.code, 51 | 52);
    is_busy.then(|| Code::Busy.with([("meaning", answer.meaning())]))
}

/// One run.
pub(super) struct Run<'a> {
    pub(super) trial: &'a Trial,
    pub(super) url: &'a str,
    pub(super) clock: &'a Clock,
    pub(super) port: u16,
    /// What the server says that it holds.
    pub(super) contexts: Vec<String>,
    deadline: Tick,
    began: Tick,
    tell: &'a (dyn Fn(&Step) + Send + Sync),
    pub(super) steps: Vec<Step>,
}

impl<'a> Run<'a> {
    pub(super) fn new(
        trial: &'a Trial,
        url: &'a str,
        clock: &'a Clock,
        deadline: Tick,
        tell: &'a (dyn Fn(&Step) + Send + Sync),
    ) -> Run<'a> {
        let steps = Vec::with_capacity(StepName::ALL.len());
        Run {
            trial,
            url,
            clock,
            port: 0,
            contexts: Vec::new(),
            deadline,
            began: clock.now(),
            tell,
            steps,
        }
    }

    /// What a step may still take.
    pub(super) fn limit(&self) -> Duration {
        self.at_most(self.trial.limits.step)
    }

    /// What reading a list may still take.
    pub(super) fn list_limit(&self) -> Duration {
        self.at_most(self.trial.limits.list)
    }

    pub(super) fn at_most(&self, limit: Duration) -> Duration {
        limit.min(self.deadline.since(self.clock.now()))
    }

    /// What it means that nothing came within `limit`.
    pub(super) fn silence(&self, limit: Duration) -> Finding {
        if self.clock.now() >= self.deadline {
            let total = in_seconds(self.trial.limits.total);
            return Code::OutOfTime.with([("limit", total)]);
        }
        Code::Silent.with([("limit", in_seconds(limit))])
    }

    /// The answer to a question within a limit.
    pub(super) async fn ask<T>(
        &self,
        session: &Session,
        limit: Duration,
        question: impl Future<Output = ldap3::result::Result<T>>,
    ) -> Result<T, Failure> {
        match timeout(limit, question).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(LdapError::LdapResult { result })) => Err(Failure::Answer(Box::new(result))),
            Ok(Err(LdapError::Timeout { .. })) | Err(_) => Err(Failure::Other(self.silence(limit))),
            Ok(Err(_)) => Err(Failure::Other(session.fault().finding(self.port))),
        }
    }

    /// Ends a step; whether it did not fail.
    pub(super) fn end(&mut self, step: StepName, outcome: Outcome) -> bool {
        let now = self.clock.now();
        let state = outcome.state();
        let took = if state == State::NotRun { Duration::ZERO } else { now - self.began };
        self.began = now;
        let Outcome { findings, answer, detail } = outcome;
        let step = Step { url: self.url.to_owned(), step, state, took, findings, answer, detail };
        (self.tell)(&step);
        self.steps.push(step);
        state != State::Failed
    }

    /// The steps that did not come to be.
    pub(super) fn rest(&mut self) {
        for step in StepName::ALL {
            if !self.steps.iter().any(|done| done.step == step) {
                self.end(step, Outcome::of(Code::NotRun.alone()));
            }
        }
    }
}
