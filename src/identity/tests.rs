//! Local accounts: rows of the store in, proofs out. The directory is tested against a real one
//! (`tests/ldap.rs`).

use std::sync::{Arc, Mutex};

use super::*;
use crate::clock::WallTime;
use crate::http_digest::{Answer, Challenge, ha1};
use crate::model::{Account, AccountKind, AlgorithmPolicy, DeviceCredential, Record as _};
use crate::store::{Commit, Table, memory};

const DOMAIN: &str = "campus.example";

struct Site {
    _runtime: tokio::runtime::Runtime,
    _directory: tempfile::TempDir,
    store: Arc<dyn Store>,
    identity: Arc<Identity>,
}

fn site() -> Site {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let key = KeyFile::open_or_create(&directory.path().join("secrets.key")).unwrap();
    let store: Arc<dyn Store> = memory();
    let (clock, _) = Clock::manual(WallTime::from_unix_secs(1_700_000_000));
    let identity = Identity::start(
        Settings { aliases: vec!["alias.example".to_owned()], ..Settings::local(DOMAIN) },
        Arc::clone(&store),
        Arc::new(key),
        clock,
        runtime.handle().clone(),
    )
    .unwrap();
    Site { _runtime: runtime, _directory: directory, store, identity }
}

fn account(identity: &Identity, user: &str, password: Option<&str>) -> Account {
    let name = UserName::canonical(user);
    let at = WallTime::from_unix_secs(1_700_000_000);
    Account {
        user: user.to_owned(),
        kind: AccountKind::Local,
        display_name: String::new(),
        mail: String::new(),
        groups: Vec::new(),
        number: String::new(),
        disabled: false,
        directory_locked: false,
        created: at,
        changed: at,
        directory_id: None,
        sealed_password: password
            .map(|password| identity.seal_password(&name, &Account::seal_context(user), password)),
    }
}

impl Site {
    fn put(&self, account: &Account) {
        let key = Account::key(&account.user);
        let commit = Commit::new().put(Table::Accounts, &key, account.encode());
        self.store.commit_blocking(commit).unwrap();
        self.identity.refresh(&account.user).unwrap();
    }

    fn put_device(&self, user: &str, id: &str, secret: &str, revoked: bool) {
        let at = WallTime::from_unix_secs(1_700_000_000);
        let context = DeviceCredential::seal_context(user, id);
        let name = UserName::canonical(user);
        let credential = DeviceCredential {
            id: id.to_owned(),
            user: user.to_owned(),
            label: "phone".to_owned(),
            created: at,
            last_used: None,
            revoked: revoked.then_some(at),
            expires_at: None,
            algorithm_policy: AlgorithmPolicy::Configured,
            sealed_ha1s: self.identity.seal_password(&name, &context, secret),
        };
        let key = DeviceCredential::key(user, id);
        let commit = Commit::new().put(Table::Credentials, &key, credential.encode());
        self.store.commit_blocking(commit).unwrap();
        self.identity.refresh(user).unwrap();
    }

    fn prove(&self, user: &str, spelling: &str, password: &str) -> Proof {
        let challenge = Challenge {
            realm: DOMAIN.to_owned(),
            nonce: "n".to_owned(),
            algorithm: Algorithm::Sha256,
            stale: false,
            opaque: None,
            qop: true,
        };
        let ha1 =
            ha1(Algorithm::Sha256, spelling.as_bytes(), DOMAIN.as_bytes(), password.as_bytes());
        let answer = Answer {
            user: spelling,
            ha1: &ha1,
            method: "MESSAGE",
            uri: "sip:bob@campus.example",
            count: 1,
            cnonce: "c",
        };
        let mut field = Vec::new();
        answer.write(&challenge, &mut field);
        let credentials = Credentials::parse(&field).unwrap();
        let lookup = self.identity.verifier_now(user, Tick::ZERO);
        self.identity.prove(&lookup, &credentials, b"MESSAGE")
    }
}

fn proved(device: Option<&str>) -> Proof {
    Proof::Proved { device: device.map(Arc::from) }
}

#[test]
fn a_local_account_is_proved_by_its_password_in_every_spelling_of_its_name() {
    let site = site();
    site.put(&account(&site.identity, "alice", Some("secret")));
    for (user, spelling) in [
        ("alice", "alice"),
        ("ALICE", "Alice"),
        ("alice@campus.example", "alice@campus.example"),
        ("Alice@ALIAS.example", "ALICE"),
    ] {
        assert_eq!(site.prove(user, spelling, "secret"), proved(None), "{user} {spelling}");
        assert_eq!(site.prove(user, spelling, "wrong"), Proof::Wrong);
    }
    // The domain in the name is part of what is hashed: only ours is known.
    assert_eq!(site.prove("alice", "alice@alias.example", "secret"), Proof::Wrong);
}

#[test]
fn each_device_is_recognised_until_it_is_revoked() {
    let site = site();
    site.put(&account(&site.identity, "alice", None));
    site.put_device("alice", "d1", "one", false);
    site.put_device("alice", "d2", "two", false);
    assert_eq!(site.prove("alice", "alice", "one"), proved(Some("d1")));
    assert_eq!(site.prove("alice", "alice@campus.example", "two"), proved(Some("d2")));
    site.put_device("alice", "d1", "one", true);
    assert_eq!(site.prove("alice", "alice", "one"), Proof::Wrong);
    assert_eq!(site.prove("alice", "alice", "two"), proved(Some("d2")));
}

#[derive(Default)]
struct Heard(Mutex<Vec<(UserName, Departure)>>);

impl Watcher for Heard {
    fn departed(&self, user: &UserName, why: Departure) {
        self.0.lock().unwrap().push((user.clone(), why));
    }
}

#[test]
fn a_locked_account_is_out_at_once_and_whoever_watches_is_told() {
    let site = site();
    let heard = Arc::new(Heard::default());
    site.identity.watch(Arc::clone(&heard) as Arc<dyn Watcher>);
    let mut alice = account(&site.identity, "alice", Some("secret"));
    site.put(&alice);
    assert_eq!(site.identity.exists_now("alice"), Existence::Local);
    alice.disabled = true;
    site.put(&alice);
    assert!(matches!(site.identity.verifier_now("alice", Tick::ZERO), Lookup::Disabled));
    assert_eq!(site.identity.exists_now("alice"), Existence::Unknown);
    assert_eq!(site.prove("alice", "alice", "secret"), Proof::Wrong);
    alice.disabled = false;
    site.put(&alice);
    assert_eq!(site.prove("alice", "alice", "secret"), proved(None));
    let key = Account::key("alice");
    site.store.commit_blocking(Commit::new().delete(Table::Accounts, &key)).unwrap();
    site.identity.refresh("alice").unwrap();
    assert!(matches!(site.identity.verifier_now("alice", Tick::ZERO), Lookup::Unknown));
    let alice = UserName::canonical("alice");
    let expected = [(alice.clone(), Departure::Locked), (alice, Departure::Deleted)];
    assert_eq!(*heard.0.lock().unwrap(), expected);
}

/// The same answer, for the same work.
#[test]
fn nobody_and_somebody_with_a_wrong_password_get_the_same_answer() {
    let site = site();
    site.put(&account(&site.identity, "alice", Some("secret")));
    for user in ["bob", "", "*", "a\0b", "alice)(uid=*", &"x".repeat(3000)] {
        assert_eq!(site.prove(user, "bob", "secret"), Proof::Wrong);
        assert_eq!(site.identity.exists_now(user), Existence::Unknown);
    }
}

#[test]
fn one_may_act_as_oneself_in_any_spelling_and_as_nobody_else() {
    let identity = site().identity;
    for (one, other) in
        [("alice", "alice"), ("alice", "ALICE@Campus.Example"), ("Alice@alias.example", "alice")]
    {
        assert!(identity.may_act_as(one, other), "{one} {other}");
    }
    for (one, other) in [
        ("alice", "bob"),
        ("alice", "alice@other.example"),
        ("alice", "alice "),
        ("alice", "ａlice"),
        ("", ""),
        ("@campus.example", ""),
    ] {
        assert!(!identity.may_act_as(one, other), "{one} {other}");
    }
    assert!(identity.is_our_domain("CAMPUS.example."));
    assert!(!identity.is_our_domain("campus.example.evil.example"));
}

#[tokio::test]
async fn a_typed_password_is_checked_and_an_empty_one_is_nobodys() {
    let site = tokio::task::spawn_blocking(site).await.unwrap();
    let identity = Arc::clone(&site.identity);
    site.put(&account(&identity, "alice", Some("secret")));
    site.put_device("alice", "d1", "device", false);
    let alice = UserName::canonical("alice");
    assert_eq!(identity.password_bind("Alice", "secret").await, PasswordOutcome::Right(alice));
    for wrong in ["", "\0", "secret\0", "Secret", "device"] {
        let outcome = identity.password_bind("alice", wrong).await;
        assert_eq!(outcome, PasswordOutcome::Wrong, "{wrong:?}");
        assert_eq!(identity.password_bind("bob", wrong).await, PasswordOutcome::Wrong);
    }
    tokio::task::spawn_blocking(move || drop(site)).await.unwrap();
}

#[test]
fn a_password_sealed_for_another_row_or_realm_does_not_serve() {
    let site = site();
    let mut mallory = account(&site.identity, "mallory", None);
    mallory.sealed_password = account(&site.identity, "alice", Some("secret")).sealed_password;
    site.put(&mallory);
    assert_eq!(site.prove("mallory", "alice", "secret"), Proof::Wrong);
    assert_eq!(site.prove("mallory", "mallory", "secret"), Proof::Wrong);
}

#[test]
fn everything_is_there_again_after_a_restart() {
    let site = site();
    site.put(&account(&site.identity, "alice", Some("secret")));
    site.put_device("alice", "d1", "one", false);
    let again = Identity::start(
        Settings::local(DOMAIN),
        Arc::clone(&site.store),
        Arc::clone(&site.identity.key),
        site.identity.clock.clone(),
        site.identity.runtime.clone(),
    )
    .unwrap();
    let verifiers = again.verifier_now("alice", Tick::ZERO);
    let Lookup::Known(verifiers) = verifiers else { panic!("alice is known") };
    assert_eq!((verifiers.len(), verifiers.has_device("d1")), (2, true));
}

/// While the source has MD5 HA1s alone, MD5 alone is offered.
#[test]
fn the_offer_follows_what_the_source_can_verify() {
    let mut config = config::Config { domain: "Campus.Example".to_owned(), ..Default::default() };
    config.identity.source = config::Source::Ldap;
    let settings = Settings::new(&config, DOMAIN).unwrap();
    assert_eq!(settings.algorithms, [Algorithm::Sha256, Algorithm::Md5]);
    assert_eq!(settings.domain, DOMAIN);
    config.identity.ldap.secret_attribute = "sipHA1".to_owned();
    config.identity.ldap.secret_format = config::SecretFormat::Ha1Md5;
    assert_eq!(Settings::new(&config, DOMAIN).unwrap().algorithms, [Algorithm::Md5]);
}
