//! What jobs do: an import, and the same deed for many people.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::{Administration, Ending, Job};
use crate::accounts::{Actor, ImportOptions, csv, failures_csv};
use crate::clock::WallTime;
use crate::operations::{
    Cause, Existing, Exit, Failure, JobKind, JobReport, Operations as _, PeopleDeed, PeopleQuery,
    Reply, Request, RowFailure, Secret, Whom,
};

use super::super::people::taken;
use super::super::refused;

/// People of one look at the index.
const LOOK: u32 = 500;
/// Characters of the name of a file.
const LONGEST_FILE: usize = 120;

impl Administration {
    pub(super) fn begin_import(
        &self,
        actor: &Actor,
        input: Arc<Secret>,
        file: String,
        (existing, dry_run): (Existing, bool),
        now: WallTime,
    ) -> Result<Reply, Failure> {
        let kind = if dry_run { JobKind::ImportTrial } else { JobKind::Import };
        let mut job = Job::new(kind, actor, now);
        job.subject = file.chars().take(LONGEST_FILE).collect();
        job.existing = existing;
        job.input = Some(Arc::clone(&input)).into();
        let options = ImportOptions { taken: taken(existing), dry_run };
        self.begin(job, async move |here: Administration, job: Arc<Job>| {
            here.import_aside(&job, &input, options).await
        })
    }

    async fn import_aside(
        &self,
        job: &Job,
        input: &Secret,
        options: ImportOptions,
    ) -> Result<Ending, Failure> {
        let text = input.expose();
        let rows = csv::Records::new(text).count().saturating_sub(1) as u64;
        job.total.store(rows, Ordering::Relaxed);
        let follower = |done| self.goes_on(job, done);
        let accounts = &self.site.accounts;
        let done = accounts.import_csv_followed(&job.by, text, options, &follower).await;
        let done = done.map_err(refused)?;
        if !done.stopped {
            job.goes_on(rows);
        }
        let failed =
            if done.failed.is_empty() { String::new() } else { failures_csv(text, &done.failed) };
        let report = JobReport {
            added: done.added,
            changed: done.updated,
            skipped: done.skipped,
            ..JobReport::default()
        };
        let failure = |row: crate::accounts::RowFailure| RowFailure {
            line: row.line,
            user: row.user,
            reason: row.reason,
        };
        let failures = done.failed.into_iter().map(failure).collect();
        Ok(Ending::new(!done.stopped, report, failures, failed))
    }

    pub(super) fn begin_people(
        &self,
        actor: &Actor,
        deed: PeopleDeed,
        whom: Whom,
        now: WallTime,
    ) -> Result<Reply, Failure> {
        if let Whom::Matching { query, count } = &whom {
            let found = self.look(query, None, 1)?;
            let is_known = !found.more_than_total;
            if !is_known || found.total != *count {
                let message = format!("they are {} people now, and not {count}", found.total);
                return Err(Failure::refused(message).because(Some(Cause::Count(found.total))));
            }
        }
        let kind = match deed {
            PeopleDeed::Disable => JobKind::Disable,
            PeopleDeed::Enable => JobKind::Enable,
            PeopleDeed::Delete => JobKind::Delete,
        };
        let job = Job::new(kind, actor, now);
        self.begin(job, async move |here: Administration, job: Arc<Job>| {
            let users = match whom {
                Whom::Named(users) => users,
                Whom::Matching { query, .. } => here.everybody(&query)?,
            };
            here.each_person(&job, deed, &users).await
        })
    }

    fn look(
        &self,
        query: &PeopleQuery,
        after: Option<String>,
        limit: u32,
    ) -> Result<crate::operations::PeoplePage, Failure> {
        match self.find_people(&PeopleQuery { after, limit, ..query.clone() })? {
            Reply::People(page) => Ok(page),
            _ => Err(Failure::failed("the people cannot be found")),
        }
    }

    /// Everybody whom a query finds, before any of them changes.
    fn everybody(&self, query: &PeopleQuery) -> Result<Vec<String>, Failure> {
        let (mut users, mut after) = (Vec::new(), None);
        loop {
            let page = self.look(query, after, LOOK)?;
            users.extend(page.people.into_iter().map(|person| person.user));
            after = page.next;
            if after.is_none() {
                return Ok(users);
            }
        }
    }

    async fn each_person(
        &self,
        job: &Job,
        deed: PeopleDeed,
        users: &[String],
    ) -> Result<Ending, Failure> {
        job.total.store(users.len() as u64, Ordering::Relaxed);
        let mut report = JobReport::default();
        let mut failures = Vec::new();
        let mut is_whole = true;
        for (done, user) in (0..).zip(users) {
            if !self.goes_on(job, done) {
                is_whole = false;
                break;
            }
            let one = user.clone();
            let request = match deed {
                PeopleDeed::Disable => Request::UserDisable { user: one },
                PeopleDeed::Enable => Request::UserEnable { user: one },
                PeopleDeed::Delete => Request::UserDelete { user: one },
            };
            match self.perform(&job.by, request).await {
                Ok(_) if deed == PeopleDeed::Delete => report.removed += 1,
                Ok(_) => report.changed += 1,
                // The others would fare no better.
                Err(failure) if failure.exit == Exit::Failed => return Err(failure),
                Err(failure) => failures.push(RowFailure {
                    line: done + 1,
                    user: user.clone(),
                    reason: failure.message,
                }),
            }
        }
        if is_whole {
            job.goes_on(users.len() as u64);
        }
        let mut text = String::new();
        csv::write(&["user", "reason"], &mut text);
        for failure in &failures {
            csv::write_guarded(&[&failure.user, &failure.reason], &mut text);
        }
        Ok(Ending::new(is_whole, report, failures, text))
    }
}
