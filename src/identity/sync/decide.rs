//! Whom a reading would put out and has not, and what an administrator says to it.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::Notify;

use super::difference::{Difference, Proposal};
use super::guard::{Circumstances, Guard, Recent};
use super::plan::Plan;
use super::roll::KnownRoll;
use super::runs::Runs;
use super::{Departure, Reading};
use crate::clock::Tick;
use crate::identity::ldap::{DirectoryError, Found};
use crate::identity::rows::{MARK_KEY, RUNS_KEY};
use crate::identity::{Identity, UserName};
use crate::model::SyncRun;
use crate::store::{StoreError, Table};

/// For how long it is remembered that the list does not explain what the directory says of somebody.
const DOUBT_MEMORY: Duration = Duration::from_secs(600);
/// Such people at most.
const MOST_DOUBTS: usize = 4_096;

/// What is known of readings so far.
#[derive(Debug, Default)]
pub(in crate::identity) struct Readings {
    /// One reading at a time.
    pub(super) one: tokio::sync::Mutex<()>,
    held: RwLock<Arc<Held>>,
    pub(super) recent: Mutex<Recent>,
    pub(super) runs: Runs,
    /// The directory was never read as it is set up now.
    anew: AtomicBool,
    /// When a reading last succeeded: microseconds of a [`Tick`], and one more.
    fresh: AtomicU64,
    /// The groups could not be read, or are not believed yet.
    pub(super) groups_stay: AtomicBool,
    /// A reading is wanted: one person's answer and the list say different things.
    pub(super) doubt: AtomicBool,
    doubts: Doubts,
    pub(super) bell: Arc<Notify>,
}

/// Those who stay in although the directory's list says otherwise.
#[derive(Debug, Default)]
pub(super) struct Held {
    pub(super) people: HashMap<Box<str>, Departure>,
    /// Of them, those who stay because an administrator said so.
    pub(super) kept: HashSet<Box<str>>,
    pub(super) proposal: Option<Arc<Proposal>>,
}

/// Why a proposal was not decided.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProposalError {
    /// There is none.
    #[error("there is nothing to decide: nobody stays in against the directory's list")]
    None,
    /// It is another one by now.
    #[error("the directory says something else by now; look at it again")]
    Another,
    /// The directory could not be read again.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
}

/// People of whom the directory said something else than its list, and since when.
#[derive(Debug, Default)]
struct Doubts(Mutex<HashMap<Box<str>, Tick>>);

impl Doubts {
    /// Whether the list that was last read, at `read`, cannot have known yet.
    fn is_new(&self, uid: &str, read: Option<Tick>, now: Tick) -> bool {
        let mut since = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        since.retain(|_, since| now.since(*since) < DOUBT_MEMORY);
        if since.len() >= MOST_DOUBTS {
            since.clear();
        }
        let since = *since.entry(uid.into()).or_insert(now);
        read.is_none_or(|read| read <= since)
    }

    fn forget(&self, uid: &str) {
        let mut since = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !since.is_empty() {
            since.remove(uid);
        }
    }
}

impl Readings {
    pub(super) fn held(&self) -> Arc<Held> {
        Arc::clone(&self.held.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn set_held(&self, held: Held) {
        *self.held.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(held);
    }

    pub(super) fn is_anew(&self) -> bool {
        self.anew.load(Ordering::Relaxed)
    }

    pub(super) fn set_anew(&self, anew: bool) {
        self.anew.store(anew, Ordering::Relaxed);
    }

    pub(super) fn set_fresh(&self, at: Option<Tick>) {
        self.fresh.store(at.map_or(0, |at| at.as_micros().saturating_add(1)), Ordering::Relaxed);
    }

    fn fresh(&self) -> Option<Tick> {
        self.fresh.load(Ordering::Relaxed).checked_sub(1).map(Tick::from_micros)
    }
}

impl Identity {
    /// Whoever stays in although the directory has lost or locked him, until somebody decides.
    #[must_use]
    pub fn held_people(&self) -> HashSet<UserName> {
        self.readings.held().people.keys().map(|uid| self.user_of(uid)).collect()
    }

    /// The people who would be out by the directory's list and are not, for an administrator to
    /// decide.
    #[must_use]
    pub fn proposal(&self) -> Option<Arc<Proposal>> {
        self.readings.held().proposal.clone()
    }

    /// Whether somebody stays in although the directory's list says otherwise.
    #[must_use]
    pub fn is_held(&self, user: &UserName) -> bool {
        let uid = self.directory_name(user);
        uid.is_some_and(|uid| self.readings.held().people.contains_key(uid))
    }

    /// The last readings of the directory, oldest first.
    #[must_use]
    pub fn sync_runs(&self) -> Vec<SyncRun> {
        self.readings.runs.all()
    }

    /// The same as bytes of a row, to be kept under [`RUNS_KEY`].
    #[must_use]
    pub fn sync_runs_row(&self) -> Vec<u8> {
        self.readings.runs.row()
    }

    /// How the directory is set up, as far as that decides who is on its list, to be kept under
    /// [`MARK_KEY`]; `None` while it was not read so, or what it says is not believed.
    #[must_use]
    pub fn directory_mark(&self) -> Option<String> {
        (!self.readings.is_anew()).then(|| self.mark()).flatten()
    }

    /// Reads the directory and tells what that would change.
    ///
    /// # Errors
    /// [`DirectoryError`] if it could not be read to its end.
    pub async fn preview(&self) -> Result<Difference, DirectoryError> {
        let _one = self.readings.one.lock().await;
        let Some(reading) = self.read_list(self.clock.now()).await? else {
            return Ok(Difference::default());
        };
        let before = self.known_roll();
        let plan = self.plan(&reading, &before, self.clock.now());
        let held = self.held_of(&reading, &plan, None);
        let difference = self.difference(&plan, &before.people, &held);
        Ok(Difference { anew: self.readings.is_anew(), ..difference })
    }

    /// Reads the directory again and does what the proposal says: puts out those of its people who
    /// are still not on the list.
    ///
    /// # Errors
    /// [`ProposalError`] if there is no such proposal, or the directory cannot be read.
    pub async fn apply_proposal(&self, id: u64, by: &str) -> Result<SyncRun, ProposalError> {
        let (held, _) = self.named_proposal(id)?;
        let approved = held.people.keys().cloned().collect();
        Ok(self.sync_with(by, Some(approved)).await?)
    }

    /// Keeps the people of a proposal in, for as long as the directory does not list them or until
    /// the proposal is applied after all.
    ///
    /// # Errors
    /// [`ProposalError`] if there is no such proposal.
    pub fn dismiss_proposal(&self, id: u64, by: &str) -> Result<(), ProposalError> {
        let (held, proposal) = self.named_proposal(id)?;
        let kept: HashSet<Box<str>> = held.people.keys().cloned().collect();
        let proposal = Proposal { kept_by: Some(by.to_owned()), ..Proposal::clone(&proposal) };
        let trouble = explain(&proposal);
        *self.sync_error.lock().unwrap_or_else(PoisonError::into_inner) = Some(trouble);
        let people = held.people.clone();
        self.readings.set_held(Held { people, kept, proposal: Some(Arc::new(proposal)) });
        Ok(())
    }

    /// What it means for people that the directory stands so, and what to do.
    pub(in crate::identity) fn advice(&self, state: &str) -> Option<String> {
        let known = self.known_roll().len();
        let grace = self.outlook().cache.grace.as_secs() / 3600;
        match state {
            "down" => Some(format!(
                "its {known} people stay, and those who were here sign in as before for {grace} hours; \
                 others must wait. See that the directory runs and is reached: tagus ldap test"
            )),
            "degraded" if self.proposal().is_none() => Some(format!(
                "its {known} people stay, and each is asked about when he signs in; who left may \
                 stay in longer. See what the directory answers: tagus ldap test"
            )),
            _ => None,
        }
    }

    /// The people of the proposal that is meant, and the proposal.
    fn named_proposal(&self, id: u64) -> Result<(Arc<Held>, Arc<Proposal>), ProposalError> {
        let held = self.readings.held();
        let proposal = held.proposal.clone().ok_or(ProposalError::None)?;
        if proposal.id == id { Ok((held, proposal)) } else { Err(ProposalError::Another) }
    }

    /// Who of those whom a plan puts out stays in.
    pub(super) fn held_of(
        &self,
        reading: &Reading,
        plan: &Plan,
        approved: Option<&HashSet<Box<str>>>,
    ) -> HashMap<Box<str>, Departure> {
        let held = self.readings.held();
        let now = self.clock.now();
        let recently =
            self.readings.recent.lock().unwrap_or_else(PoisonError::into_inner).count(now);
        let about = Circumstances {
            known: plan.known,
            recently,
            lists_nobody: reading.roll.people.is_empty(),
            anew: self.readings.is_anew(),
            approved,
            kept: &held.kept,
        };
        self.guard().hold(&plan.departures(), &about)
    }

    fn guard(&self) -> Guard {
        self.directory().map_or(Guard { percent: 100, people: 0 }, |directory| Guard {
            percent: directory.settings().guard_percent,
            people: directory.settings().guard_people,
        })
    }

    /// Takes over who is held, as the proposal that there was if it concerns the same people.
    pub(super) fn take_held(
        &self,
        people: HashMap<Box<str>, Departure>,
        difference: &Difference,
    ) -> Option<String> {
        let before = self.readings.held();
        if people.is_empty() {
            self.readings.set_held(Held::default());
            return None;
        }
        let kept: HashSet<Box<str>> =
            before.kept.iter().filter(|uid| people.contains_key(*uid)).cloned().collect();
        let all_kept = kept.len() == people.len();
        let proposal = match &before.proposal {
            Some(proposal) if before.people == people => Arc::clone(proposal),
            known => {
                let at = self.clock.wall();
                let after = known.as_ref().map_or(0, |known| known.id);
                let kept_by = known.as_ref().filter(|_| all_kept).and_then(|k| k.kept_by.clone());
                let id = at.unix_millis().max(after.saturating_add(1));
                let difference = Difference { anew: self.readings.is_anew(), ..difference.clone() };
                Arc::new(Proposal { id, at, difference, kept_by })
            }
        };
        let trouble = explain(&proposal);
        self.readings.set_held(Held { people, kept, proposal: Some(proposal) });
        Some(trouble)
    }

    /// Whether what the directory says of one person is not to be relied on, because its list says
    /// otherwise: then the list is read again, and until then it counts as if it had not answered.
    pub(in crate::identity) fn doubts(&self, uid: &str, found: &Found) -> bool {
        let roll = self.known_roll();
        let another = || is_another_entry(&roll, uid, found);
        if let Some(why) = self.readings.held().people.get(uid) {
            return match (why, found) {
                (Departure::Disabled, Found::Disabled(_)) | (_, Found::Absent) => true,
                (Departure::Replaced, _) => another(),
                _ => false,
            };
        }
        let is_listed = roll.get(uid).is_some_and(|listing| !listing.disabled);
        let contradicts = match found {
            Found::Absent => is_listed,
            Found::Present(_) => is_listed && another(),
            // Who is locked is out at once.
            Found::Disabled(_) => false,
        };
        if !contradicts {
            self.readings.doubts.forget(uid);
            return false;
        }
        // A list that was read since and still says so is no news: they differ for another reason, as
        // a name that two entries share by one filter and not by the other.
        let is_new = self.readings.doubts.is_new(uid, self.readings.fresh(), self.clock.now());
        if !is_new || !self.list_is_fresh() {
            return false;
        }
        self.readings.doubt.store(true, Ordering::Relaxed);
        self.readings.bell.notify_one();
        true
    }

    /// Whether the list is read as often as it should be.
    fn list_is_fresh(&self) -> bool {
        let Some(directory) = self.directory() else { return false };
        let most = directory.settings().sync_interval * 3 + super::TRY_AGAIN * 3;
        self.readings.fresh().is_some_and(|at| self.clock.now().since(at) < most)
    }

    /// What decides who is on the list.
    fn mark(&self) -> Option<String> {
        let directory = self.directory()?;
        let settings = directory.settings();
        let parts = [
            settings.base_dn.as_str(),
            &settings.user_filter,
            &settings.attribute_user,
            &settings.attribute_id,
            &self.settings.template.user_of("{user}"),
        ];
        Some(parts.join("\n"))
    }

    /// Reads how the directory was set up when the list was read that is kept, and what became of
    /// the last readings.
    pub(super) fn load_mark(&self, has_list: bool) -> Result<(), StoreError> {
        let mark = self.store.get(Table::Site, MARK_KEY)?;
        let is_another =
            mark.is_some_and(|mark| Some(&*mark) != self.mark().as_deref().map(str::as_bytes));
        self.readings.set_anew(has_list && is_another);
        if let Some(row) = self.store.get(Table::Site, RUNS_KEY)? {
            self.readings.runs.load(&row);
        }
        Ok(())
    }
}

/// Whether an entry is another person's than the one on the list.
fn is_another_entry(roll: &KnownRoll, uid: &str, found: &Found) -> bool {
    let (Found::Present(entry) | Found::Disabled(entry)) = found else { return false };
    let known = roll.get(uid).and_then(|listing| listing.id.as_deref());
    matches!((known, entry.id.as_deref()), (Some(known), Some(now)) if known != now)
}

/// What a proposal means, and what to do.
fn explain(proposal: &Proposal) -> String {
    let Difference { people, known, counts, anew, .. } = &proposal.difference;
    let held = counts.held;
    let what = match (people, anew) {
        (0, _) => format!(
            "the directory lists nobody at all: its {known} people stay in; look at base_dn, \
             user_filter and what bind_dn may read"
        ),
        (_, true) => format!(
            "the directory is set up in another way, and {held} of {known} people are not on its \
             list, or are others: they stay in"
        ),
        _ => format!(
            "{held} of {known} people are gone from the directory or locked there at once: they \
             stay in"
        ),
    };
    match &proposal.kept_by {
        Some(by) => format!("{what}, as {by} decided; to put them out: tagus ldap sync --apply"),
        None => format!(
            "{what} until you decide: tagus ldap sync --preview shows who, --apply puts them out, \
             --dismiss keeps them"
        ),
    }
}
