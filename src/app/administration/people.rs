//! People who are looked for, imported, and read from the directory.

use std::collections::HashSet;
use std::time::Duration;

use super::{Administration, refused};
use crate::accounts::people::{Origin, Page, Query, State};
use crate::accounts::{Actor, Deed, ImportOptions, Taken};
use crate::identity::{Cause, Difference, Mention, ProposalError, UserName};
use crate::model::{SyncCounts, SyncOutcome, SyncRun};
use crate::operations::{
    DifferenceView, DirectoryView, Existing, Failure, GroupView, ImportReport, KindView,
    MentionView, PeoplePage, PeopleQuery, PersonSource, PersonState, PersonView, ProposalView,
    Reply, RowFailure, Secret, SyncCountsView, SyncRunView,
};
use crate::registrar;

/// Accounts of one part of an export.
pub(super) const PART: usize = 1000;

impl Administration {
    pub(super) fn find_people(&self, query: &PeopleQuery) -> Result<Reply, Failure> {
        let registered = query.online.map(|_| self.registered());
        let is_registered =
            |user: &UserName| registered.as_ref().is_some_and(|all| all.contains(user));
        let identity = &self.site.identity;
        let held = identity.held_people();
        let members = query.group.as_deref().map(|group| identity.members(group));
        let is_held = |user: &UserName| held.contains(user);
        let wants_held = query.state == Some(PersonState::Held);
        let wanted = Query {
            text: &query.text,
            origin: query.source.map(|source| match source {
                PersonSource::Local => Origin::Local,
                PersonSource::Directory => Origin::Directory,
            }),
            state: query.state.and_then(|state| match state {
                PersonState::Active => Some(State::Active),
                PersonState::Disabled => Some(State::Disabled),
                PersonState::Absent => Some(State::Absent),
                PersonState::Held => None,
            }),
            has_devices: query.has_devices,
            online: query.online.map(|online| (online, &is_registered as _)),
            among: members.as_ref(),
            also: wants_held.then_some(&is_held as _),
            after: query.after.as_deref(),
            limit: query.limit as usize,
        };
        let page = self.site.accounts.find_people(&wanted).map_err(refused)?;
        Ok(Reply::People(self.page(page, &held)?))
    }

    /// Groups, of accounts and of the directory.
    pub(super) fn groups(&self) -> Reply {
        let all = self.site.identity.all_groups().into_iter();
        Reply::Groups(
            all.map(|(name, here, of_directory)| GroupView { name, here, of_directory }).collect(),
        )
    }

    fn page(&self, page: Page, held: &HashSet<UserName>) -> Result<PeoplePage, Failure> {
        let domain = self.site.identity.domain();
        let people = page.people.into_iter().map(|person| {
            let online = self.is_online(&person.user)?;
            let (state, by_directory) = match person.state {
                _ if held.contains(&person.user) => (PersonState::Held, true),
                State::Active => (PersonState::Active, false),
                State::Disabled => (PersonState::Disabled, false),
                State::DirectoryDisabled => (PersonState::Disabled, true),
                State::Absent => (PersonState::Absent, true),
            };
            Ok(PersonView {
                address: format!("{}@{domain}", person.user),
                user: person.user.to_string(),
                name: person.name,
                mail: person.mail,
                number: person.number,
                source: match person.origin {
                    Origin::Local => PersonSource::Local,
                    Origin::Directory => PersonSource::Directory,
                },
                state,
                by_directory,
                absent_since: person.absent_since.map(|at| at.to_string()),
                devices: person.devices,
                online,
                last_used: person.last_used.map(|at| at.to_string()),
            })
        });
        Ok(PeoplePage {
            people: people.collect::<Result<_, Failure>>()?,
            total: page.total as u64,
            more_than_total: page.more_than_total,
            next: page.next,
        })
    }

    fn is_online(&self, user: &UserName) -> Result<bool, Failure> {
        if let Some(live) = &self.live {
            return Ok(!live.contacts(user).is_empty());
        }
        let (store, now) = (&*self.site.store, self.site.clock.wall());
        let contacts = registrar::stored_contacts(store, &self.aor(user), now);
        Ok(!contacts.map_err(Failure::failed)?.is_empty())
    }

    /// Everybody who is registered, as far as a server runs that knows.
    pub(super) fn registered(&self) -> HashSet<UserName> {
        self.live.as_ref().map(|live| live.registered()).unwrap_or_default()
    }

    pub(super) async fn import(
        &self,
        actor: &Actor,
        csv: &Secret,
        existing: Existing,
        dry_run: bool,
    ) -> Result<Reply, Failure> {
        let options = ImportOptions { taken: taken(existing), dry_run };
        let report =
            self.site.accounts.import_csv(actor, csv.expose(), options).await.map_err(refused)?;
        let failed = report.failed.into_iter();
        let failed =
            failed.map(|row| RowFailure { line: row.line, user: row.user, reason: row.reason });
        Ok(Reply::Imported(ImportReport {
            added: report.added,
            updated: report.updated,
            skipped: report.skipped,
            dry_run,
            failed: failed.collect(),
        }))
    }

    pub(super) fn directory(&self) -> DirectoryView {
        let identity = &self.site.identity;
        let loaded = self.site.loaded();
        let config = &loaded.config.identity;
        let state = identity.state();
        let proposal = identity.proposal().map(|proposal| ProposalView {
            id: proposal.id,
            at: proposal.at.to_string(),
            kept_by: proposal.kept_by.clone(),
            difference: difference(proposal.difference.clone()),
        });
        DirectoryView {
            state: state.state.to_owned(),
            cause: state.cause.map(|cause| cause_word(cause).to_owned()),
            detail: state.detail,
            advice: state.advice,
            since: state.since.map(|at| at.to_string()),
            last_answer: state.last_answer.map(|at| at.to_string()),
            latency_ms: state.latency.map(milliseconds),
            grace_hours: config.cache.grace.as_secs() / 3_600,
            timeout_ms: milliseconds(config.ldap.timeout),
            url: state.url,
            people: state.people as u64,
            last_sync: state.last_sync.map(|at| at.to_string()),
            proposal,
            runs: identity.sync_runs().into_iter().rev().map(run_view).collect(),
        }
    }

    pub(super) async fn preview(&self) -> Result<Reply, Failure> {
        self.has_directory()?;
        let preview = self.site.identity.preview().await.map_err(Failure::failed)?;
        Ok(Reply::Difference(Box::new(difference(preview))))
    }

    pub(super) async fn sync(&self, actor: &Actor) -> Result<Reply, Failure> {
        self.is_running()?;
        self.note(actor, "directory.sync", String::new()).await?;
        let run = self.site.identity.sync_by(&actor.name).await.map_err(Failure::failed)?;
        Ok(Reply::Synced(Box::new(run_view(run))))
    }

    pub(super) async fn apply(&self, actor: &Actor, id: u64) -> Result<Reply, Failure> {
        self.is_running()?;
        let identity = &self.site.identity;
        let people = identity.proposal().map_or(0, |proposal| proposal.difference.counts.held);
        let run = identity.apply_proposal(id, &actor.name).await.map_err(undecided)?;
        self.note(actor, "directory.apply", format!("{people} people may go")).await?;
        Ok(Reply::Synced(Box::new(run_view(run))))
    }

    pub(super) async fn dismiss(&self, actor: &Actor, id: u64) -> Result<Reply, Failure> {
        self.is_running()?;
        let identity = &self.site.identity;
        identity.dismiss_proposal(id, &actor.name).map_err(undecided)?;
        let people = identity.proposal().map_or(0, |proposal| proposal.difference.counts.held);
        self.note(actor, "directory.dismiss", format!("{people} people stay")).await?;
        Ok(Reply::Done)
    }

    async fn note(&self, actor: &Actor, action: &str, detail: String) -> Result<(), Failure> {
        let deed = Deed { action, subject: "", detail: &detail };
        self.site.accounts.note(actor, deed).await.map_err(refused)
    }

    fn has_directory(&self) -> Result<(), Failure> {
        if self.site.identity.state().state == "off" {
            return Err(Failure::refused("there is no directory: identity.source is not \"ldap\""));
        }
        Ok(())
    }

    /// Registrations end by what a reading says, so it is the server's.
    fn is_running(&self) -> Result<(), Failure> {
        self.has_directory()?;
        if self.live.is_none() {
            return Err(Failure::unreachable(
                "no server runs; it reads the directory when it starts",
            ));
        }
        Ok(())
    }
}

const fn cause_word(cause: Cause) -> &'static str {
    match cause {
        Cause::NotYet => "not_yet",
        Cause::Unreachable => "unreachable",
        Cause::Silent => "silent",
        Cause::Account => "account",
        Cause::Answer => "answer",
        Cause::Settings => "settings",
        Cause::Held => "held",
        Cause::List => "list",
        Cause::Groups => "groups",
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// What becomes of names that are taken, as the accounts call it.
pub(super) const fn taken(existing: Existing) -> Taken {
    match existing {
        Existing::Fail => Taken::Fails,
        Existing::Skip => Taken::Skipped,
        Existing::Update => Taken::Updated,
    }
}

fn undecided(error: ProposalError) -> Failure {
    match error {
        ProposalError::None => Failure::not_found(error),
        ProposalError::Another => Failure::refused(error),
        ProposalError::Directory(_) => Failure::failed(error),
    }
}

fn difference(difference: Difference) -> DifferenceView {
    let counts = difference.counts;
    DifferenceView {
        people: difference.people as u64,
        known: difference.known as u64,
        held: counts.held,
        anew: difference.anew,
        added: kind(counts.added, difference.added),
        changed: kind(counts.changed, difference.changed),
        returned: kind(counts.returned, difference.returned),
        disabled: kind(counts.disabled, difference.disabled),
        absent: kind(counts.absent, difference.absent),
        replaced: kind(counts.replaced, difference.replaced),
    }
}

fn kind(count: u64, people: Vec<Mention>) -> KindView {
    let view = |mention: Mention| MentionView {
        user: mention.user,
        name: mention.name,
        what: mention.what,
    };
    KindView { count, people: people.into_iter().map(view).collect() }
}

fn run_view(run: SyncRun) -> SyncRunView {
    let SyncCounts { added, changed, returned, disabled, absent, replaced, held } = run.counts;
    SyncRunView {
        outcome: match run.outcome {
            SyncOutcome::Applied => "applied",
            SyncOutcome::Partly => "partly",
            SyncOutcome::Failed => "failed",
        }
        .to_owned(),
        first: run.first.to_string(),
        last: run.last.to_string(),
        times: run.times,
        took_ms: run.took_ms,
        by: run.by,
        people: run.people,
        counts: SyncCountsView { added, changed, returned, disabled, absent, replaced, held },
        trouble: run.trouble,
    }
}
