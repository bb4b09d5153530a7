//! What lists do to people, without a directory that is asked.

use std::sync::Mutex;

use super::*;
use crate::clock::{Clock, ManualClock};
use crate::config;
use crate::identity::ldap::{Entry, Settings as LdapSettings};
use crate::identity::{Existence, Lookup, Settings};
use crate::model::{Account, AccountKind, Record as _};
use crate::store::seal::KeyFile;
use crate::store::{Commit, Store, Table, memory};

const DOMAIN: &str = "campus.example";

struct Site {
    _runtime: tokio::runtime::Runtime,
    identity: Arc<Identity>,
    hands: ManualClock,
    heard: Arc<Heard>,
}

/// What watchers were told.
#[derive(Default)]
struct Heard {
    departed: Mutex<Vec<(String, Departure)>>,
    returned: Mutex<Vec<String>>,
    holders: Mutex<Vec<UserName>>,
}

impl Watcher for Heard {
    fn holders(&self) -> Vec<UserName> {
        self.holders.lock().unwrap().clone()
    }

    fn departed(&self, user: &UserName, why: Departure) {
        self.departed.lock().unwrap().push((user.to_string(), why));
    }

    fn returned(&self, user: &UserName) {
        self.returned.lock().unwrap().push(user.to_string());
    }
}

impl Heard {
    fn take(&self) -> Vec<(String, Departure)> {
        let mut departed = std::mem::take(&mut *self.departed.lock().unwrap());
        departed.sort_by(|one, other| one.0.cmp(&other.0));
        departed
    }
}

fn site_over(store: &Arc<dyn Store>, base: &str) -> Site {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let home = tempfile::tempdir().unwrap();
    let key = KeyFile::open_or_create(&home.path().join("secrets.key")).unwrap();
    let (clock, hands) = Clock::manual(WallTime::from_unix_secs(1_700_000_000));
    let ldap = config::Ldap { base_dn: base.to_owned(), ..config::Ldap::default() };
    let directory = Some(LdapSettings::try_from(&ldap).unwrap());
    let settings = Settings { directory, ..Settings::local(DOMAIN) };
    let handle = runtime.handle().clone();
    let identity =
        Identity::start(settings, Arc::clone(store), Arc::new(key), clock, handle).unwrap();
    let heard = Arc::new(Heard::default());
    identity.watch(Arc::clone(&heard) as Arc<dyn Watcher>);
    hands.advance(Duration::from_secs(10));
    Site { _runtime: runtime, identity, hands, heard }
}

fn site() -> Site {
    let store: Arc<dyn Store> = memory();
    site_over(&store, "ou=people")
}

/// `u0`, `u1`, ...
fn roll(people: std::ops::Range<usize>) -> Roll {
    let listing = |n: usize| Listing {
        id: Some(format!("id-{n}").into()),
        name: format!("Person {n}").into(),
        ..Listing::default()
    };
    Roll { people: people.map(|n| (format!("u{n}").into(), listing(n))).collect() }
}

fn row(user: &str) -> Account {
    let at = WallTime::from_unix_secs(1_700_000_000);
    Account {
        user: user.to_owned(),
        kind: AccountKind::Directory,
        display_name: String::new(),
        mail: String::new(),
        groups: Vec::new(),
        number: String::new(),
        disabled: false,
        directory_locked: false,
        created: at,
        changed: at,
        directory_id: None,
        sealed_password: None,
    }
}

impl Site {
    fn read(&self, roll: Roll) -> SyncRun {
        self.read_with(roll, None)
    }

    fn read_with(&self, roll: Roll, approved: Option<HashSet<Box<str>>>) -> SyncRun {
        self.hands.advance(Duration::from_secs(60));
        let began = self.identity.clock.now();
        let at = self.identity.clock.wall();
        let mut run = SyncRun {
            first: at,
            last: at,
            times: 1,
            took_ms: 0,
            by: "server".to_owned(),
            outcome: SyncOutcome::Failed,
            people: 0,
            counts: crate::model::SyncCounts::default(),
            trouble: String::new(),
        };
        let reading = Reading {
            roll,
            places: Places::default(),
            groups: None,
            began,
            asked: None,
            trouble: None,
        };
        self.identity.take(reading, approved.as_ref(), &mut run);
        self.identity.readings.set_fresh(Some(began));
        run
    }

    /// Everybody of these holds a registration.
    fn register(&self, people: std::ops::Range<usize>) {
        let names = people.map(|n| UserName::canonical(&format!("u{n}"))).collect();
        *self.heard.holders.lock().unwrap() = names;
    }

    fn state(&self) -> String {
        self.identity.sync_error.lock().unwrap().clone().unwrap_or_default()
    }
}

#[test]
fn whoever_leaves_the_list_or_is_locked_on_it_is_out() {
    let site = site();
    assert_eq!(site.read(roll(0..100)).counts.added, 100);
    site.register(0..100);
    let mut next = roll(2..100);
    next.people.get_mut("u5").unwrap().disabled = true;
    next.people.get_mut("u6").unwrap().id = Some("another".into());
    next.people.get_mut("u7").unwrap().mail = "7@campus.example".into();
    let run = site.read(next);
    let counts = run.counts;
    assert_eq!(
        (counts.absent, counts.disabled, counts.replaced, counts.changed, counts.held),
        (2, 1, 1, 1, 0)
    );
    assert_eq!(run.outcome, SyncOutcome::Applied);
    let expected = [
        ("u0".to_owned(), Departure::Removed),
        ("u1".to_owned(), Departure::Removed),
        ("u5".to_owned(), Departure::Disabled),
        ("u6".to_owned(), Departure::Replaced),
    ];
    // A name that holds something and means another person now is told by the rows alone.
    let told = site.heard.take();
    assert_eq!(told, expected);
    assert!(!site.identity.is_listed("u0") && site.identity.is_listed("u7"));
    assert!(site.identity.proposal().is_none());
}

/// The two worst cases: it answers with nobody, and with a part.
#[test]
fn a_directory_that_loses_its_people_takes_none_of_ours_along() {
    let site = site();
    site.read(roll(0..1_000));
    site.register(0..1_000);
    for next in [roll(0..0), roll(0..0), roll(0..700), roll(0..949)] {
        let missing = 1_000 - next.people.len() as u64;
        let run = site.read(next);
        assert_eq!((run.counts.held, run.outcome), (missing, SyncOutcome::Partly));
        assert!(site.heard.take().is_empty());
        assert!(site.identity.is_listed("u999"));
        assert_eq!(site.identity.exists_now("u999"), Existence::Directory);
        assert!(site.state().contains("they stay in") || site.state().contains("stay in;"));
        let proposal = site.identity.proposal().unwrap();
        assert_eq!(proposal.difference.counts.absent, missing);
        assert_eq!(proposal.difference.absent.len() as u64, missing.min(200));
    }
    // It is mended before anybody looks.
    let run = site.read(roll(0..1_000));
    assert_eq!((run.counts.is_nothing(), run.outcome), (true, SyncOutcome::Applied));
    assert!(site.identity.proposal().is_none() && site.state().is_empty());
}

/// Also of few people, whom the percentage does not cover.
#[test]
fn an_empty_list_puts_out_nobody_however_few_there_are() {
    let site = site();
    site.read(roll(0..2));
    site.register(0..2);
    assert_eq!(site.read(roll(0..0)).counts.held, 2);
    assert!(site.heard.take().is_empty());
    assert!(site.state().contains("lists nobody"), "{}", site.state());
    assert_eq!(site.read(roll(0..1)).counts.held, 0);
    assert_eq!(site.heard.take(), [("u1".to_owned(), Departure::Removed)]);
}

/// Decision 7: out within 120 s.
#[test]
fn somebody_who_is_locked_is_out_while_a_proposal_is_open() {
    let site = site();
    site.read(roll(0..1_000));
    site.register(0..1_000);
    site.read(roll(0..500));
    assert!(site.heard.take().is_empty());
    let mut next = roll(0..500);
    next.people.get_mut("u3").unwrap().disabled = true;
    let run = site.read(next);
    assert_eq!((run.counts.disabled, run.counts.held), (1, 500));
    assert_eq!(site.heard.take(), [("u3".to_owned(), Departure::Disabled)]);
}

#[test]
fn an_approved_proposal_puts_out_its_people_and_no_others() {
    let site = site();
    site.read(roll(0..1_000));
    site.register(0..1_000);
    site.read(roll(0..500));
    let id = site.identity.proposal().unwrap().id;
    assert_eq!(site.identity.dismiss_proposal(id + 1, "ana"), Err(ProposalError::Another));
    let approved: HashSet<Box<str>> =
        site.identity.readings.held().people.keys().cloned().collect();
    // Meanwhile more are gone.
    let run = site.read_with(roll(0..300), Some(approved));
    assert_eq!((run.counts.absent, run.counts.held), (700, 200));
    let out = site.heard.take();
    assert_eq!(out.len(), 500);
    assert!(out.iter().all(|(user, _)| user[1..].parse::<usize>().unwrap() >= 500));
    assert_ne!(site.identity.proposal().unwrap().id, id);
}

#[test]
fn whom_an_administrator_keeps_stays_and_is_not_asked_about_again() {
    let site = site();
    site.read(roll(0..1_000));
    site.register(0..1_000);
    site.read(roll(0..500));
    let id = site.identity.proposal().unwrap().id;
    site.identity.dismiss_proposal(id, "ana").unwrap();
    assert!(site.state().contains("as ana decided"), "{}", site.state());
    let run = site.read(roll(0..500));
    assert_eq!(run.counts.held, 500);
    let kept = site.identity.proposal().unwrap();
    assert_eq!((kept.id, kept.kept_by.as_deref()), (id, Some("ana")));
    // One more is nobody's decision, and below the bound.
    let run = site.read(roll(1..500));
    assert_eq!(run.counts.held, 500);
    assert_eq!(site.heard.take(), [("u0".to_owned(), Departure::Removed)]);
    assert_eq!(site.identity.proposal().unwrap().kept_by.as_deref(), Some("ana"));
    // A hundred more are.
    site.register(1..1_000);
    let run = site.read(roll(101..500));
    assert_eq!(run.counts.held, 600);
    assert_eq!(site.identity.proposal().unwrap().kept_by, None);
    assert!(site.heard.take().is_empty());
}

#[test]
fn a_directory_that_is_emptied_slowly_is_stopped() {
    let site = site();
    site.read(roll(0..1_000));
    site.register(0..1_000);
    let mut out = 0;
    for left in (0..1_000).rev().step_by(20) {
        site.read(roll(0..left));
        out += site.heard.take().len();
    }
    assert!(out <= 51, "{out}");
    assert!(site.identity.proposal().is_some());
}

/// After a restart the list is known from the store: the first reading is held against it.
#[test]
fn the_first_reading_after_a_restart_is_guarded_too() {
    let store: Arc<dyn Store> = memory();
    let put = |commit: Commit, n: usize, standing| {
        let row = crate::model::DirectoryRow {
            uid: format!("u{n}"),
            id: None,
            name: "Ana".to_owned(),
            mail: String::new(),
            number: String::new(),
            standing,
            since: WallTime::from_unix_secs(1_600_000_000),
        };
        let key = crate::model::DirectoryRow::key(&row.uid);
        commit.put(Table::DirectoryPeople, &key, row.encode())
    };
    let mut commit =
        (0..100).fold(Commit::new(), |commit, n| put(commit, n, crate::model::Standing::Present));
    commit = put(commit, 200, crate::model::Standing::Absent);
    store.commit_blocking(commit).unwrap();
    let site = site_over(&store, "ou=people");
    assert!(site.identity.is_listed("u0") && !site.identity.is_listed("u200"));
    assert_eq!(site.read(roll(0..50)).counts.held, 50);
    assert!(site.heard.take().is_empty());
}

/// Another base is another directory: what it lacks is shown, and nobody is out by it.
#[test]
fn a_directory_that_is_set_up_anew_is_shown_before_anybody_is_out() {
    let store: Arc<dyn Store> = memory();
    let before = site_over(&store, "ou=people");
    before.read(roll(0..100));
    let mark = before.identity.directory_mark().unwrap();
    let row = crate::model::DirectoryRow {
        uid: "u0".to_owned(),
        id: Some("id-0".to_owned()),
        name: "Ana".to_owned(),
        mail: String::new(),
        number: String::new(),
        standing: crate::model::Standing::Present,
        since: WallTime::from_unix_secs(1_600_000_000),
    };
    let commit = Commit::new().put(Table::Site, crate::identity::MARK_KEY, mark.into_bytes()).put(
        Table::DirectoryPeople,
        &crate::model::DirectoryRow::key("u0"),
        row.encode(),
    );
    store.commit_blocking(commit).unwrap();
    // The same directory: one person may go.
    let same = site_over(&store, "ou=people");
    assert_eq!(same.read(roll(1..100)).counts.held, 0);
    let other = site_over(&store, "ou=elsewhere");
    let run = other.read(roll(1..100));
    assert_eq!(run.counts.held, 1);
    assert!(other.state().contains("set up in another way"), "{}", other.state());
    assert_eq!(other.identity.directory_mark(), None);
    let approved = other.identity.readings.held().people.keys().cloned().collect();
    assert_eq!(other.read_with(roll(1..100), Some(approved)).counts.held, 0);
    assert!(other.identity.directory_mark().is_some());
}

fn found(uid: &str, id: &str) -> Found {
    Found::Present(Box::new(Entry {
        uid: uid.to_owned(),
        dn: String::new(),
        id: Some(id.to_owned()),
        display_name: String::new(),
        mail: String::new(),
        number: String::new(),
        numbers: Numbers::new(),
        secret: None,
    }))
}

/// The directory is emptied; before the next reading somebody signs in.
#[test]
fn what_the_directory_says_of_one_person_against_its_list_is_not_believed() {
    let site = site();
    // Never read: the answer is all there is.
    assert!(!site.identity.doubts("u1", &Found::Absent));
    site.read(roll(0..100));
    assert!(site.identity.doubts("u1", &Found::Absent));
    assert!(site.identity.readings.doubt.swap(false, Ordering::Relaxed));
    assert!(site.identity.doubts("u1", &found("u1", "another")));
    assert!(!site.identity.doubts("u1", &found("u1", "id-1")));
    assert!(!site.identity.doubts("nobody", &Found::Absent));
    // A list that is not read any more says nothing.
    site.hands.advance(Duration::from_secs(3_600));
    assert!(!site.identity.doubts("u3", &Found::Absent));
    // Those who are held are, for as long as they are.
    site.read(roll(0..10));
    site.hands.advance(Duration::from_secs(3_600));
    assert!(site.identity.doubts("u50", &Found::Absent));
    assert!(!site.identity.doubts("u50", &found("u50", "id-50")));
}

/// As where the filter for one finds two entries, and the list has one of that name.
#[test]
fn a_doubt_that_the_next_list_does_not_explain_is_none() {
    let site = site();
    site.read(roll(0..100));
    assert!(site.identity.doubts("u1", &Found::Absent));
    assert!(site.identity.doubts("u1", &Found::Absent));
    site.read(roll(0..100));
    assert!(!site.identity.doubts("u1", &Found::Absent));
    // Nobody else is believed for it, and what was explained is forgotten.
    assert!(site.identity.doubts("u2", &Found::Absent));
    assert!(!site.identity.doubts("u1", &found("u1", "id-1")));
    assert!(site.identity.doubts("u1", &Found::Absent));
}

/// A person with a row who is held signs in as while the directory is away.
#[test]
fn somebody_who_is_held_keeps_the_row_and_its_devices() {
    let store: Arc<dyn Store> = memory();
    let site = site_over(&store, "ou=people");
    let key = Account::key("u50");
    store.commit_blocking(Commit::new().put(Table::Accounts, &key, row("u50").encode())).unwrap();
    site.identity.refresh("u50").unwrap();
    site.read(roll(0..100));
    site.read(roll(0..10));
    assert!(site.heard.take().is_empty());
    assert!(!site.identity.is_locked_out("u50"));
    let lookup = site.identity.verifier_now("u50", site.identity.clock.now());
    assert!(matches!(lookup, Lookup::MustWait | Lookup::Known(_)), "{lookup:?}");
}

#[test]
fn whoever_is_back_on_the_list_is_told_to_be() {
    let site = site();
    let store = Arc::clone(&site.identity.store);
    let account = Account { directory_locked: true, ..row("u1") };
    let commit = Commit::new().put(Table::Accounts, &Account::key("u1"), account.encode());
    store.commit_blocking(commit).unwrap();
    site.identity.refresh("u1").unwrap();
    site.read(roll(0..5));
    assert_eq!(*site.heard.returned.lock().unwrap(), ["u1"]);
}

/// Whoever signs in while a list is read, or is not on a list of some alone, is not out.
#[test]
fn a_list_says_nothing_of_who_came_after_it_was_begun_or_was_not_asked_about() {
    let [ana, rui] = ["ana", "rui"].map(UserName::canonical);
    let fact = |at| Fact::new(Standing::Present, None, None, Tick::from_secs(at));
    let whole = Reading {
        roll: Roll::default(),
        places: Places::default(),
        groups: None,
        began: Tick::from_secs(10),
        asked: None,
        trouble: None,
    };
    assert!(whole.covers(&ana, None));
    assert!(whole.covers(&ana, Some(&fact(9))));
    assert!(!whole.covers(&ana, Some(&fact(11))));
    let part = Reading { asked: Some([ana.clone()].into()), ..whole };
    assert!(part.covers(&ana, None));
    assert!(!part.covers(&rui, None));
}
