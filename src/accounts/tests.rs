//! What is written is what signs in, and each change leaves its line.

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::clock::{ManualClock, Tick};
use crate::http_digest::{Algorithm, Answer, Challenge, Credentials};
use crate::identity::{Existence, Lookup, Numbered, Proof, Settings};
use crate::model::Ban;
use crate::store::seal::KeyFile;
use crate::store::{MemoryStore, memory};

const DOMAIN: &str = "campus.example";

pub(super) struct Site {
    _directory: tempfile::TempDir,
    pub(super) memory: Arc<MemoryStore>,
    pub(super) store: Arc<dyn Store>,
    pub(super) accounts: Arc<Accounts>,
    pub(super) clock: ManualClock,
}

pub(super) fn site() -> Site {
    let directory = tempfile::tempdir().unwrap();
    let key = KeyFile::open_or_create(&directory.path().join("secrets.key")).unwrap();
    let memory = memory();
    let store: Arc<dyn Store> = memory.clone();
    let (clock, hands) = Clock::manual(WallTime::from_unix_secs(1_700_000_000));
    let runtime = Handle::current();
    let identity = Identity::start(
        Settings::local(DOMAIN),
        Arc::clone(&store),
        Arc::new(key),
        clock.clone(),
        runtime.clone(),
    )
    .unwrap();
    let accounts = Accounts::new(Arc::clone(&store), identity, clock, Bus::new(), &runtime);
    Site { _directory: directory, memory, store, accounts, clock: hands }
}

impl Site {
    fn prove(&self, algorithm: Algorithm, user: &str, password: &str) -> Proof {
        let challenge = Challenge {
            realm: DOMAIN.to_owned(),
            nonce: "n".to_owned(),
            algorithm,
            stale: false,
            opaque: None,
            qop: true,
        };
        let ha1 = challenge.ha1(user, password);
        let uri = "sip:campus.example";
        let answer = Answer { user, ha1: &ha1, method: "REGISTER", uri, count: 1, cnonce: "c" };
        let mut field = Vec::new();
        answer.write(&challenge, &mut field);
        let identity = self.accounts.identity();
        let lookup = identity.verifier_now(user, Tick::ZERO);
        identity.prove(&lookup, &Credentials::parse(&field).unwrap(), b"REGISTER")
    }

    pub(super) fn signs_in(&self, user: &str, password: &str) -> bool {
        self.prove(Algorithm::Sha256, user, password).is_proved()
    }

    pub(super) async fn add(&self, user: &str, password: &str) -> Result<Account, AccountsError> {
        let new = NewAccount { user, password: Some(password), ..NewAccount::default() };
        self.accounts.add_local(&Actor::offline(), new).await
    }

    fn actions(&self) -> Vec<(String, String)> {
        let trail = self.accounts.trail(1, 100).unwrap();
        assert!(trail.windows(2).all(|pair| pair[1].follows(&pair[0])));
        trail.into_iter().map(|entry| (entry.action, entry.subject)).collect()
    }
}

#[tokio::test]
async fn a_local_account_signs_in_with_its_password_until_it_is_changed_locked_or_deleted() {
    let site = site();
    let (accounts, actor) = (&site.accounts, Actor::socket());
    let alice = site.add("Alice@campus.example", "secret").await.unwrap();
    assert_eq!((alice.user.as_str(), alice.display_name.as_str()), ("alice", "alice"));
    assert!(site.signs_in("alice", "secret") && site.signs_in("alice@campus.example", "secret"));
    accounts.set_password(&actor, "alice", "other").await.unwrap();
    assert!(!site.signs_in("alice", "secret") && site.signs_in("alice", "other"));
    accounts.disable(&actor, "ALICE").await.unwrap();
    assert!(!site.signs_in("alice", "other"));
    assert!(accounts.show("alice").unwrap().disabled);
    accounts.enable(&actor, "alice").await.unwrap();
    assert!(site.signs_in("alice", "other"));
    accounts.delete(&actor, "alice", Commit::new()).await.unwrap();
    assert!(!site.signs_in("alice", "other"));
    assert_eq!(accounts.identity().exists_now("alice"), Existence::Unknown);
    let expected = ["user.add", "user.passwd", "user.disable", "user.enable", "user.delete"]
        .map(|action| (action.to_owned(), "alice".to_owned()));
    assert_eq!(site.actions(), expected);
}

#[tokio::test]
async fn an_account_that_cannot_be_is_refused_and_changes_nothing() {
    let site = site();
    let actor = Actor::offline();
    site.add("alice", "secret").await.unwrap();
    assert_eq!(site.add("ALICE", "x").await, Err(AccountsError::Exists("alice".to_owned())));
    for name in ["", "a b", "a@other.example", "a\0", "a:b", &"x".repeat(300)] {
        assert_eq!(site.add(name, "x").await, Err(AccountsError::Name(name.to_owned())));
    }
    for password in ["", "a\0b", "a\nb", &"x".repeat(2000)] {
        assert!(matches!(site.add("bob", password).await, Err(AccountsError::Password(_))));
        let changed = site.accounts.set_password(&actor, "alice", password).await;
        assert!(matches!(changed, Err(AccountsError::Password(_))));
    }
    let nobody = AccountsError::NoAccount("bob".to_owned());
    assert_eq!(site.accounts.set_password(&actor, "bob", "x").await, Err(nobody.clone()));
    assert_eq!(site.accounts.disable(&actor, "bob").await, Err(nobody.clone()));
    assert_eq!(site.accounts.delete(&actor, "bob", Commit::new()).await, Err(nobody.clone()));
    assert_eq!(site.accounts.add_device(&actor, "bob", "", false).await, Err(nobody));
    assert!(site.signs_in("alice", "secret"));
    assert_eq!(site.actions().len(), 1);
}

/// The secret works as Digest password for `alice` and for `alice@domain`.
#[tokio::test]
async fn a_device_signs_in_with_its_own_password_until_it_is_revoked() {
    let site = site();
    let (accounts, actor) = (&site.accounts, Actor::socket());
    site.add("alice", "secret").await.unwrap();
    let phone = accounts.add_device(&actor, "alice", "phone", false).await.unwrap();
    let tablet = accounts.add_device(&actor, "Alice", "tablet", true).await.unwrap();
    assert_eq!(phone.secret.len(), 32);
    assert_ne!(phone.secret, tablet.secret);
    for algorithm in [Algorithm::Md5, Algorithm::Sha256] {
        for name in ["alice", "alice@campus.example"] {
            let device = Some(Arc::from(phone.device.as_str()));
            assert_eq!(site.prove(algorithm, name, &phone.secret), Proof::Proved { device });
        }
    }
    assert!(accounts.is_md5_only("alice", &tablet.device));
    assert!(!accounts.is_md5_only("alice", &phone.device));
    accounts.revoke_device(&actor, "alice", &phone.device).await.unwrap();
    assert!(!site.signs_in("alice", &phone.secret));
    assert!(site.signs_in("alice", &tablet.secret) && site.signs_in("alice", "secret"));
    let again = accounts.revoke_device(&actor, "alice", &phone.device).await;
    assert!(matches!(again, Err(AccountsError::NoDevice { .. })));
    let devices = accounts.devices("alice").unwrap();
    let mut labels: Vec<_> =
        devices.iter().map(|d| (d.label.as_str(), d.revoked.is_some())).collect();
    // They come in the order of their identifiers, which are random.
    labels.sort_unstable();
    assert_eq!(labels, [("phone", true), ("tablet", false)]);
    accounts.delete(&actor, "alice", Commit::new()).await.unwrap();
    assert!(accounts.devices("alice").unwrap().is_empty());
}

#[tokio::test]
async fn devices_of_one_person_are_bounded_and_revoked_ones_do_not_count() {
    let site = site();
    let actor = Actor::socket();
    site.add("alice", "secret").await.unwrap();
    let mut first = None;
    for _ in 0..20 {
        let device = site.accounts.add_device(&actor, "alice", "x", false).await.unwrap();
        first.get_or_insert(device.device);
    }
    let more = site.accounts.add_device(&actor, "alice", "x", false).await;
    assert_eq!(more, Err(AccountsError::TooManyDevices("alice".to_owned())));
    site.accounts.revoke_device(&actor, "alice", &first.unwrap()).await.unwrap();
    site.accounts.add_device(&actor, "alice", "x", false).await.unwrap();
}

#[tokio::test]
async fn a_device_that_signs_in_is_noted_once_a_day() {
    let site = site();
    site.add("alice", "secret").await.unwrap();
    let phone = site.accounts.add_device(&Actor::socket(), "alice", "x", false).await.unwrap();
    let last = || site.accounts.devices("alice").unwrap()[0].last_used;
    site.accounts.device_used("alice", &phone.device);
    site.store.flush().await.unwrap();
    let first = last().unwrap();
    site.clock.advance(Duration::from_secs(60));
    site.accounts.device_used("alice", &phone.device);
    site.store.flush().await.unwrap();
    assert_eq!(last(), Some(first));
    site.clock.advance(Duration::from_secs(86_400));
    site.accounts.device_used("alice", &phone.device);
    site.store.flush().await.unwrap();
    assert!(last().unwrap() > first);
    site.accounts.device_used("alice", "none");
    assert!(site.signs_in("alice", &phone.secret));
}

/// T70, W17: whatever a line is about, it is one line, and not without end.
#[tokio::test]
async fn nothing_in_a_line_of_the_trail_steers_who_reads_it() {
    let site = site();
    let subject = format!("one\r\ntwo\u{1b}[2J\u{9b}\u{202e}{}", "x".repeat(5_000));
    let detail = "signs in a\nb\u{1b}]0;c\u{7}".repeat(10_000);
    let deed = Deed { action: "directory.try", subject: &subject, detail: &detail };
    site.accounts.note(&Actor::socket(), deed).await.unwrap();
    let line = site.accounts.trail(1, 10).unwrap().pop().unwrap();
    for text in [&line.subject, &line.detail] {
        assert!(!text.contains(|c: char| c.is_control() || c == '\u{202e}'), "{text:.80}");
    }
    assert!(line.subject.starts_with("onetwo[2Jx"), "{:.80}", line.subject);
    assert_eq!(line.subject.chars().count(), 257);
    assert_eq!(line.detail.chars().count(), 16 * 1024 + 1);
    assert_eq!(site.accounts.verify_trail().unwrap().broken, None);
}

#[tokio::test]
async fn changes_at_once_are_all_made_and_their_trail_is_a_chain() {
    let site = site();
    let tasks: Vec<_> = (0..50)
        .map(|n| {
            let accounts = Arc::clone(&site.accounts);
            tokio::spawn(async move {
                let user = format!("u{}", n % 25);
                let new = NewAccount { user: &user, ..NewAccount::default() };
                accounts.add_local(&Actor::socket(), new).await.is_ok()
            })
        })
        .collect();
    let mut added = 0;
    for task in tasks {
        added += usize::from(task.await.unwrap());
    }
    assert_eq!((added, site.accounts.count(), site.actions().len()), (25, 25, 25));
}

/// The realm is settled once, for changing it kills every HA1.
#[tokio::test]
async fn the_realm_is_settled_at_the_first_start() {
    let site = site();
    let first = freeze_realm(&*site.store, "", "Campus.Example").unwrap();
    assert_eq!(first, FrozenRealm { realm: DOMAIN.to_owned(), differs: false });
    let later = freeze_realm(&*site.store, "", "other.example").unwrap();
    assert_eq!(later, first);
    let wanted = freeze_realm(&*site.store, "other", "other.example").unwrap();
    assert_eq!(wanted, FrozenRealm { realm: DOMAIN.to_owned(), differs: true });
}

/// An address and its HA1s are made for one domain: another one is not taken while there are any.
#[tokio::test]
async fn the_domain_is_settled_as_soon_as_there_are_accounts() {
    let site = site();
    let store = &*site.store;
    assert_eq!(freeze_domain(store, "This.Machine", false).unwrap(), "this.machine");
    assert_eq!(freeze_realm(store, "", "this.machine").unwrap().realm, "this.machine");
    // Nobody has an address yet: the realm follows.
    assert_eq!(freeze_domain(store, DOMAIN, true).unwrap(), DOMAIN);
    assert_eq!(freeze_realm(store, "", DOMAIN).unwrap().realm, DOMAIN);
    site.add("alice", "secret").await.unwrap();
    assert_eq!(freeze_domain(store, "this.machine", false).unwrap(), DOMAIN);
    let refused = freeze_domain(store, "other.example", true);
    assert!(matches!(refused, Err(AccountsError::OtherDomain { .. })), "{refused:?}");
    assert_eq!(freeze_domain(store, DOMAIN, true).unwrap(), DOMAIN);
}

#[tokio::test]
async fn people_are_imported_and_each_row_that_fails_is_told() {
    let site = site();
    site.add("taken", "x").await.unwrap();
    let csv = "user,name,mail,password,groups\r\n\
        alice,\"A., Alice\",a@x.example,secret,staff;students\r\n\
        Bob,,,pw,\r\n\
        taken,,,pw,\r\n\
        a b,,,pw,\r\n\
        bob,,,pw,\r\n\
        carol,Carol,,\r\n\
        dave,Da\"ve,,x,\r\n\
        eve,Eve,,x,,more\r\n";
    let report =
        site.accounts.import_csv(&Actor::socket(), csv, ImportOptions::default()).await.unwrap();
    assert_eq!(report.added, 3);
    let failed: Vec<_> = report.failed.iter().map(|f| (f.line, f.user.as_str())).collect();
    assert_eq!(failed, [(4, "taken"), (5, "a b"), (6, "bob"), (8, ""), (9, "eve")]);
    assert!(site.signs_in("alice", "secret") && site.signs_in("bob", "pw"));
    let alice = site.accounts.show("alice").unwrap();
    assert_eq!(alice.groups, ["staff", "students"]);
    // An account without a password is one that only devices sign in to.
    assert!(!site.signs_in("carol", ""));
    let exported = exported(&site);
    assert!(exported.contains("alice,\"A., Alice\",a@x.example,,\"staff;students\",\r\n"));
    assert!(!exported.contains("secret"));
    for header in ["", "name,mail\r\nx,y", "user,user", "user,pasword\r\na,b"] {
        let outcome =
            site.accounts.import_csv(&Actor::socket(), header, ImportOptions::default()).await;
        assert!(matches!(outcome, Err(AccountsError::Header(_))), "{header}");
    }
}

fn exported(site: &Site) -> String {
    let (csv, more) = site.accounts.export_csv(None, 1_000).unwrap();
    assert_eq!(more, None);
    csv
}

/// What becomes of names that are there, and of none in a dry run.
#[tokio::test]
async fn rows_of_people_who_are_there_fail_are_passed_over_or_change_them() {
    let site = site();
    let actor = Actor::socket();
    let csv = "\u{feff}user;name;mail;password\r\nana;Ana;ana@x.example;one\r\nrui;Rui;;two\r\n";
    let import = async |csv: &str, taken, dry_run| {
        let options = ImportOptions { taken, dry_run };
        let report = site.accounts.import_csv(&actor, csv, options).await.unwrap();
        (report.added, report.updated, report.skipped, report.failed.len())
    };
    assert_eq!(import(csv, Taken::Fails, true).await, (2, 0, 0, 0));
    assert_eq!((site.accounts.count(), site.actions().len()), (0, 0));
    assert_eq!(import(csv, Taken::Fails, false).await, (2, 0, 0, 0));
    let next = "user,name,mail,password\nana,'=Ana,,\nrui,,,three\neva,Eva,,\n";
    for (taken, outcome) in [
        (Taken::Fails, (1, 0, 0, 2)),
        (Taken::Skipped, (1, 0, 2, 0)),
        (Taken::Updated, (1, 2, 0, 0)),
    ] {
        assert_eq!(import(next, taken, true).await, outcome);
    }
    assert_eq!(site.accounts.count(), 2);
    assert_eq!(import(next, Taken::Updated, false).await, (1, 2, 0, 0));
    let ana = site.accounts.show("ana").unwrap();
    assert_eq!((ana.display_name.as_str(), ana.mail.as_str()), ("=Ana", ""));
    // No password in the row leaves the one there is; a column that is not there leaves its field.
    assert!(site.signs_in("ana", "one") && site.signs_in("rui", "three"));
    assert_eq!(import("user,mail\nana,a@y.example\n", Taken::Updated, false).await, (0, 1, 0, 0));
    let ana = site.accounts.show("ana").unwrap();
    assert_eq!((ana.display_name.as_str(), ana.mail.as_str()), ("=Ana", "a@y.example"));
}

/// What was exported is imported as it was, and in parts it is the same.
#[tokio::test]
async fn an_export_in_parts_is_the_whole_one_and_no_formula() {
    let site = site();
    for (user, name) in
        [("a1", "=1+1"), ("b2", "@x"), ("c3", "'=y"), ("+351239", "Phone"), ("e5", "E")]
    {
        let new = NewAccount { user, display_name: name, ..NewAccount::default() };
        site.accounts.add_local(&Actor::socket(), new).await.unwrap();
    }
    let whole = exported(&site);
    let (mut parts, mut after) = (String::new(), None::<String>);
    loop {
        let (part, next) = site.accounts.export_csv(after.as_deref(), 2).unwrap();
        parts += &part;
        after = next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(parts, whole);
    for cell in whole.lines().flat_map(|line| line.split(',')) {
        assert!(!cell.starts_with(['=', '+', '-', '@']), "{cell}");
    }
    let other = self::site();
    let options = ImportOptions::default();
    let report = other.accounts.import_csv(&Actor::socket(), &whole, options).await.unwrap();
    assert_eq!((report.added, report.failed.len()), (5, 0), "{report:?}");
    assert_eq!(exported(&other), whole);
    assert_eq!(other.accounts.show("c3").unwrap().display_name, "'=y");
}

/// An imported subscriber registers with the old password, no re-enrolment.
#[tokio::test]
async fn a_subscriber_table_of_another_server_is_imported_by_its_ha1() {
    let site = site();
    let challenge = Algorithm::Md5.hash(&[b"alice", DOMAIN.as_bytes(), b"old password"]);
    let csv = format!("user,domain,ha1\nalice,{DOMAIN},{}\nbob,,zz\n", challenge.hex().as_str());
    let report =
        site.accounts.import_csv(&Actor::socket(), &csv, ImportOptions::default()).await.unwrap();
    assert_eq!((report.added, report.failed.len()), (1, 1));
    assert!(site.prove(Algorithm::Md5, "alice", "old password").is_proved());
    // Nothing is known of the other hashes, and nothing proves them.
    assert_eq!(site.prove(Algorithm::Sha256, "alice", "old password"), Proof::Wrong);
    let identity = site.accounts.identity();
    let Lookup::Known(verifiers) = identity.verifier_now("alice", Tick::ZERO) else {
        panic!("alice is known")
    };
    let zeros = crate::http_digest::Hash::from_bytes(Algorithm::Sha256, &[0; 32]).unwrap();
    let challenge = Challenge {
        realm: DOMAIN.to_owned(),
        nonce: "n".to_owned(),
        algorithm: Algorithm::Sha256,
        stale: false,
        opaque: None,
        qop: true,
    };
    let (user, uri) = ("alice", "sip:campus.example");
    let answer = Answer { user, ha1: &zeros, method: "REGISTER", uri, count: 1, cnonce: "c" };
    let mut field = Vec::new();
    answer.write(&challenge, &mut field);
    let proof = verifiers.verify(&Credentials::parse(&field).unwrap(), b"REGISTER");
    assert_eq!(proof, Proof::Wrong);
}

/// The header of Kamailio's and OpenSIPS's tables, and every hash that stands in them.
#[tokio::test]
async fn the_hashes_of_a_subscriber_table_serve_each_its_own_spelling() {
    let site = site();
    let hash = |algorithm: Algorithm, user: &str| {
        let hash = algorithm.hash(&[user.as_bytes(), DOMAIN.as_bytes(), b"old"]);
        hash.hex().as_str().to_owned()
    };
    let at_domain = format!("ana@{DOMAIN}");
    let csv = format!(
        "id,username,domain,password,ha1,ha1b,ha1_sha256,email_address\n\
         1,ana,{DOMAIN},,{},{},,ana@mail.example\n\
         2,Rui,{DOMAIN},,{},,{},\n\
         3,eVa,{DOMAIN},,{},,,\n",
        hash(Algorithm::Md5, "ana"),
        hash(Algorithm::Md5, &at_domain),
        hash(Algorithm::Md5, "Rui"),
        hash(Algorithm::Sha256, "Rui"),
        hash(Algorithm::Md5, "eVa"),
    );
    let report =
        site.accounts.import_csv(&Actor::socket(), &csv, ImportOptions::default()).await.unwrap();
    assert_eq!(report.added, 2);
    assert!(report.failed[0].reason.contains("spelling"), "{:?}", report.failed);
    assert_eq!(site.accounts.show("ana").unwrap().mail, "ana@mail.example");
    for sent in ["ana", &at_domain] {
        assert!(site.prove(Algorithm::Md5, sent, "old").is_proved(), "{sent}");
    }
    assert!(site.prove(Algorithm::Md5, "Rui", "old").is_proved());
    assert!(site.prove(Algorithm::Sha256, "Rui", "old").is_proved());
    assert_eq!(site.prove(Algorithm::Md5, "rui", "old"), Proof::Wrong);
    // ana has only MD5; with a password of her own she has both.
    let identity = site.accounts.identity();
    assert_eq!(identity.only_md5(), 1);
    site.accounts.set_password(&Actor::socket(), "ana", "new").await.unwrap();
    assert_eq!(identity.only_md5(), 0);
    assert!(site.signs_in("ana", "new"));
}

/// An HA1 of another realm could never prove anything, so it is not taken.
#[tokio::test]
async fn a_row_of_another_domain_or_realm_is_refused_with_what_to_do() {
    let site = site();
    let ha1 = "0123456789abcdef0123456789abcdef";
    let csv = format!(
        "user,domain,realm,ha1\n\
         a,voip.example,,{ha1}\n\
         b,{DOMAIN},voip.example,{ha1}\n\
         c,{DOMAIN},{DOMAIN},{ha1}\n\
         d,,,{ha1}\n"
    );
    let report =
        site.accounts.import_csv(&Actor::socket(), &csv, ImportOptions::default()).await.unwrap();
    assert_eq!(report.added, 2);
    let [foreign, realm] = &report.failed[..] else { panic!("{:?}", report.failed) };
    assert!(foreign.reason.contains("add it to aliases"), "{}", foreign.reason);
    assert!(realm.reason.contains("identity.realm = \"voip.example\""), "{}", realm.reason);
}

#[tokio::test]
async fn a_number_belongs_to_one_person() {
    let site = site();
    let identity = Arc::clone(site.accounts.identity());
    let actor = Actor::socket();
    let add = |user, number| {
        let new = NewAccount { user, number, ..NewAccount::default() };
        site.accounts.add_local(&actor, new)
    };
    add("ana", "2101; +351 239 802 101").await.unwrap();
    let ana = Numbered::Person(UserName::canonical("ana"));
    for spelled in ["2101", "+351239802101", "+351-239-802-101"] {
        assert_eq!(identity.by_number(spelled), ana, "{spelled}");
    }
    assert!(matches!(add("rui", "21-01").await, Err(AccountsError::NumberTaken { .. })));
    assert!(matches!(add("rui", "21x").await, Err(AccountsError::Number(_))));
    let csv = "user,number\nrui,2101\neva,2103\nivo,2103\n";
    let report = site.accounts.import_csv(&actor, csv, ImportOptions::default()).await.unwrap();
    assert_eq!((report.added, report.failed.len()), (1, 2), "{report:?}");
    // Whoever is locked or gone holds no number.
    site.accounts.disable(&actor, "ana").await.unwrap();
    assert_eq!(identity.by_number("2101"), Numbered::Nobody);
    site.accounts.enable(&actor, "ana").await.unwrap();
    assert_eq!(identity.by_number("2101"), ana);
    site.accounts.set_number(&actor, "ana", "2199").await.unwrap();
    assert_eq!(identity.by_number("2199"), ana);
    assert_eq!(identity.by_number("2101"), Numbered::Nobody);
    site.accounts.delete(&actor, "ana", Commit::new()).await.unwrap();
    assert_eq!(identity.by_number("2199"), Numbered::Nobody);
    let exported = exported(&site);
    assert!(exported.contains("eva,eva,,,,2103"), "{exported}");
}

/// 10,000 rows in under 10 s; here with unoptimised code.
#[tokio::test]
async fn ten_thousand_people_are_imported() {
    let site = site();
    let mut csv = "user,name,mail,password,groups\n".to_owned();
    for n in 0..10_000 {
        csv.push_str(&format!("u{n:05},Person {n},u{n}@x.example,pw{n},staff\n"));
    }
    let clock = Clock::system();
    let start = clock.now();
    let report =
        site.accounts.import_csv(&Actor::socket(), &csv, ImportOptions::default()).await.unwrap();
    let took = clock.now().since(start);
    assert_eq!((report.added, report.failed.len()), (10_000, 0));
    assert!(took < Duration::from_secs(10), "{took:?}");
    assert!(site.signs_in("u09999", "pw9999"));
    let page = site.accounts.list(Some("u00499"), 500).unwrap();
    assert_eq!((page.len(), page[0].user.as_str()), (500, "u00500"));
}

#[tokio::test]
async fn bans_are_kept_listed_and_lifted() {
    let site = site();
    let ban = |source: &str, account: Option<&str>, seconds: u64| Ban {
        source: source.to_owned(),
        account: account.map(str::to_owned),
        reason: "wrong passwords".to_owned(),
        failures: 10,
        created: WallTime::from_unix_secs(1_700_000_000),
        until: WallTime::from_unix_secs(1_700_000_000 + seconds),
    };
    site.accounts.record_ban(&ban("192.0.2.1", Some("alice"), 10));
    site.accounts.record_ban(&ban("192.0.2.1", None, 300));
    site.accounts.record_ban(&ban("192.0.2.2", Some("alice"), 300));
    site.store.flush().await.unwrap();
    assert_eq!(site.accounts.bans().unwrap().len(), 3);
    site.clock.advance(Duration::from_secs(10));
    assert_eq!(site.accounts.bans().unwrap().len(), 2);
    let lifted = site.accounts.lift_bans(&Actor::socket(), Some("192.0.2.2"), None).await.unwrap();
    assert_eq!(lifted.len(), 1);
    // Writing another one drops what has ended.
    site.accounts.record_ban(&ban("192.0.2.3", None, 300));
    site.store.flush().await.unwrap();
    assert_eq!(site.store.count(Table::Bans), 2);
    assert_eq!(site.accounts.lift_bans(&Actor::socket(), None, None).await.unwrap().len(), 2);
    assert!(site.accounts.lift_bans(&Actor::socket(), None, None).await.unwrap().is_empty());
    assert_eq!(site.actions().len(), 2);
}

/// No row holds a password or an HA1 as it is.
#[tokio::test]
async fn nothing_in_the_store_gives_a_password_away() {
    let site = site();
    site.add("alice", "canary-password").await.unwrap();
    let phone = site.accounts.add_device(&Actor::socket(), "alice", "x", false).await.unwrap();
    let ha1 = Algorithm::Md5.hash(&[b"alice", DOMAIN.as_bytes(), b"canary-password"]);
    let hex = ha1.hex();
    let canaries = ["canary-password", phone.secret.as_str(), hex.as_str()].map(str::as_bytes);
    for table in Table::ALL {
        for (_, row) in site.store.scan(table, b"", None, 1000).unwrap() {
            for canary in canaries.iter().copied().chain([ha1.as_bytes()]) {
                assert!(!row.windows(canary.len()).any(|window| window == canary));
            }
        }
    }
    assert!(!format!("{phone:?}").contains(phone.secret.as_str()));
}

#[test]
fn rows_that_failed_are_told_with_their_line_and_without_their_secrets() {
    let text = "user;Password;name\nana;secret;Ana\n\"a\nb\";x;'=1\n\"broken;y;z\n";
    let failure = |line, user: &str, reason: &str| RowFailure {
        line,
        user: user.to_owned(),
        reason: reason.to_owned(),
    };
    let failed = [failure(3, "a\nb", "no name"), failure(5, "", "does not end")];
    let csv = failures_csv(text, &failed);
    assert_eq!(csv, "line,reason,user,name\r\n3,no name,\"a\nb\",'=1\r\n5,does not end,,\r\n");
    assert_eq!(failures_csv("", &[]), "line,reason\r\n");
    // A comma in a password moves what stands behind it; hashes are as good as passwords.
    let text = "user,password,name,ha1_sha512t256\nana,can,ary,Ana,x\nrui,x,Rui,canary\n";
    let failed = [failure(2, "ana", "too many"), failure(3, "rui", "is there")];
    let csv = failures_csv(text, &failed);
    assert_eq!(csv, "line,reason,user,name\r\n2,too many,,\r\n3,is there,rui,Rui\r\n");
}
