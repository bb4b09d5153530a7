//! Notices on their way: how often, to whom, and what became of them.
//!
//! A notice to few is sent while whoever asked waits. One to a group is work of its own: one such work
//! at a time, some people at once with a rest in between, so that nobody's messages wait behind it.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::Semaphore;

use super::Live;
use crate::accounts::OF_ADMINISTRATORS;
use crate::app::site::Site;
use crate::clock::WallTime;
use crate::identity::{Existence, UserName, is_valid_name};
use crate::model::Application;
use crate::net::{Notice, Taken};
use crate::operations::{Failure, NoticeReport};

/// Works that wait or run at once.
const MOST_JOBS: usize = 16;
/// Reports that are kept.
const REPORTS: usize = 64;
/// People of a work who are sent to at once.
const AT_ONCE: usize = 16;
/// The rest between them.
const REST: Duration = Duration::from_millis(5);

/// What is known of notices while the process runs.
pub(super) struct Notices {
    window: Mutex<Window>,
    reports: Mutex<Reports>,
    /// One work at a time.
    turn: Semaphore,
}

impl Default for Notices {
    fn default() -> Notices {
        Notices { window: Mutex::default(), reports: Mutex::default(), turn: Semaphore::new(1) }
    }
}

/// What was sent within this minute.
#[derive(Default)]
struct Window {
    minute: u64,
    sends: HashMap<String, u32>,
    of_people: HashMap<(String, UserName), u32>,
}

impl Window {
    fn at(&mut self, now: WallTime) -> &mut Window {
        let minute = now.unix_secs() / 60;
        if self.minute != minute {
            *self = Window { minute, ..Window::default() };
        }
        self
    }
}

fn admit(count: &mut u32, most: u32) -> bool {
    let admitted = *count < most;
    *count = count.saturating_add(u32::from(admitted));
    admitted
}

/// The reports of the last notices.
#[derive(Default)]
pub(super) struct Reports {
    last: u64,
    kept: VecDeque<NoticeReport>,
}

impl Reports {
    pub(super) fn begin(&mut self, application: &str, people: u64) -> NoticeReport {
        self.last += 1;
        let application = application.to_owned();
        let report = NoticeReport { id: self.last, application, people, ..NoticeReport::default() };
        while self.kept.len() >= REPORTS {
            // Of those that are done the oldest.
            let oldest = self.kept.iter().position(|report| report.done).unwrap_or(0);
            self.kept.remove(oldest);
        }
        self.kept.push_back(report.clone());
        report
    }

    pub(super) fn find(&self, id: u64) -> Option<NoticeReport> {
        self.kept.iter().find(|report| report.id == id).cloned()
    }

    pub(super) fn keep(&mut self, report: &NoticeReport) {
        if let Some(kept) = self.kept.iter_mut().find(|kept| kept.id == report.id) {
            kept.clone_from(report);
        }
    }
}

impl Notices {
    pub(super) fn reports(&self) -> MutexGuard<'_, Reports> {
        self.reports.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a work, if there is room for one more.
    pub(super) fn begin(&self, application: &str, people: u64) -> Result<NoticeReport, Failure> {
        let mut reports = self.reports();
        if reports.kept.iter().filter(|report| !report.done).count() >= MOST_JOBS {
            return Err(Failure::wait("too many notices to groups are on their way", 10));
        }
        Ok(reports.begin(application, people))
    }

    /// Whether the application may send once more within this minute.
    pub(super) fn may_send(&self, now: WallTime, of: &Application) -> Result<(), Failure> {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        let sends = &mut window.at(now).sends;
        if admit(sends.entry(of.name.clone()).or_default(), of.per_minute) {
            return Ok(());
        }
        let wait = 60 - now.unix_secs() % 60;
        let message = format!("{} has sent {} notices within this minute", of.name, of.per_minute);
        Err(Failure::wait(format!("{message}; again in {wait} s"), wait))
    }

    fn may_reach(&self, now: WallTime, of: &Application, user: &UserName) -> bool {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (of.name.clone(), user.clone());
        admit(window.at(now).of_people.entry(key).or_default(), of.per_person)
    }
}

/// A notice on its way.
#[derive(Clone)]
pub(super) struct Sending {
    pub(super) site: Arc<Site>,
    pub(super) live: Arc<dyn Live>,
    pub(super) notices: Arc<Notices>,
    pub(super) of: Application,
    pub(super) text: String,
    pub(super) expires_at: WallTime,
}

impl Sending {
    /// Sends it to one person, and says what became of it.
    pub(super) async fn deliver(&self, user: UserName) -> &'static str {
        let outcome = self.outcome(user).await;
        self.live.count_notice(&self.of.name, outcome);
        outcome
    }

    async fn outcome(&self, user: UserName) -> &'static str {
        let identity = &self.site.identity;
        if !is_valid_name(&user) {
            return "unknown";
        }
        match identity.exists(&user).await {
            Existence::Local | Existence::Directory if identity.is_locked_out(&user) => {
                return "unknown";
            }
            Existence::Local | Existence::Directory => {}
            Existence::Unknown => return "unknown",
            Existence::Unavailable { .. } | Existence::MustWait => return "failed",
        }
        match self.site.accounts.is_muted(&user, &self.of.name) {
            Ok(false) => {}
            Ok(true) => return "muted",
            Err(error) => {
                tracing::error!(event = "wish_unread", %error);
                return "failed";
            }
        }
        if !self.notices.may_reach(self.site.clock.wall(), &self.of, &user) {
            return "limited";
        }
        let notice = Notice {
            user,
            application: self.of.name.clone(),
            title: self.of.title.clone(),
            text: self.text.clone(),
            expires_at: self.expires_at,
        };
        match self.live.notify(notice).await {
            Taken::Offered => "accepted",
            Taken::Held => "held",
            Taken::Full => "full",
            Taken::Failed => "failed",
        }
    }

    /// Whether there is still an application of that name.
    fn is_of_one_that_is(&self) -> bool {
        self.of.name == OF_ADMINISTRATORS
            || self.site.accounts.application(&self.of.name).is_ok_and(|one| one.is_some())
    }

    /// Sends it to many, when it is its turn.
    pub(super) async fn work(self, people: Vec<UserName>, mut report: NoticeReport) {
        let Ok(_turn) = self.notices.turn.acquire().await else { return };
        for some in people.chunks(AT_ONCE) {
            // Whoever removes an application means what it is sending, too.
            if !self.is_of_one_that_is() {
                some.iter().for_each(|_| report.counts.count("failed"));
                continue;
            }
            let outcomes = join_all(some.iter().map(|user| self.deliver(user.clone()))).await;
            outcomes.into_iter().for_each(|outcome| report.counts.count(outcome));
            self.notices.reports().keep(&report);
            tokio::time::sleep(REST).await;
        }
        report.done = true;
        self.notices.reports().keep(&report);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail() -> Application {
        Application {
            name: "mail".to_owned(),
            title: "Mail".to_owned(),
            per_minute: 2,
            per_person: 1,
            tokens: Vec::new(),
            created: WallTime::default(),
        }
    }

    #[test]
    fn an_application_sends_so_often_within_a_minute_and_no_more() {
        let (notices, now) = (Notices::default(), WallTime::from_unix_secs(90));
        assert!(notices.may_send(now, &mail()).is_ok());
        assert!(notices.may_send(now, &mail()).is_ok());
        assert_eq!(notices.may_send(now, &mail()).unwrap_err().retry_after, Some(30));
        let (ana, rui) = (UserName::canonical("ana"), UserName::canonical("rui"));
        assert!(notices.may_reach(now, &mail(), &ana));
        assert!(!notices.may_reach(now, &mail(), &ana));
        assert!(notices.may_reach(now, &mail(), &rui));
        let later = WallTime::from_unix_secs(120);
        assert!(notices.may_send(later, &mail()).is_ok());
        assert!(notices.may_reach(later, &mail(), &ana));
    }

    #[test]
    fn reports_are_bounded_and_those_that_run_stay() {
        let mut reports = Reports::default();
        let first = reports.begin("mail", 1);
        for _ in 0..REPORTS * 2 {
            let mut report = reports.begin("mail", 1);
            report.done = true;
            reports.keep(&report);
        }
        assert_eq!(reports.kept.len(), REPORTS);
        assert!(reports.kept.iter().any(|report| report.id == first.id));
    }
}
