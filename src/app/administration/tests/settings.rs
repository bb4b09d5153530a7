//! The configuration as requests: who may, what is refused, what is kept.

use super::*;
use crate::accounts::ActorKind;
use crate::config::{Machine, Origin, Sources};
use crate::model::Role;
use crate::operations::{
    AuditRequest, SettingChange, SettingDifference, SettingEffect, SettingRequest, SettingView,
};

const PASSWORD: &str = "identity.ldap.bind_password";
const CANARY: &str = "canary-bind-password";

fn apply(changes: &[(&str, &str)]) -> Request {
    let changes = changes.iter().map(|(key, value)| SettingChange::to(key, value)).collect();
    Request::Setting(SettingRequest::Apply { changes })
}

fn reset(key: &str) -> Request {
    Request::Setting(SettingRequest::Reset { keys: vec![key.to_owned()] })
}

impl House {
    fn setting(&self, key: &str) -> SettingView {
        let request = Request::Setting(SettingRequest::Show { prefix: key.to_owned() });
        let Ok(Reply::Settings(mut all)) = self.ask(request) else { panic!("{key}") };
        all.retain(|setting| setting.key == key);
        all.pop().unwrap()
    }

    fn preview(&self, changes: &[(&str, &str)]) -> SettingDifference {
        let changes = changes.iter().map(|(key, value)| SettingChange::to(key, value)).collect();
        match self.ask_as_admin(Request::Setting(SettingRequest::Preview { changes })) {
            Ok(Reply::SettingDifference(difference)) => *difference,
            other => panic!("{other:?}"),
        }
    }

    fn ask_as_admin(&self, request: Request) -> Result<Reply, Failure> {
        let actor = Actor {
            name: "ana".to_owned(),
            source: "192.0.2.7".to_owned(),
            role: Role::Admin,
            kind: ActorKind::Console,
        };
        let live = self.live.clone().map(|live| live as Arc<dyn Live>);
        let administration = Administration::new(Arc::clone(&self.site), live);
        self.runtime.block_on(administration.perform(&actor, request))
    }

    fn last_line(&self) -> crate::operations::AuditLine {
        let request = AuditRequest::Before { before: None, limit: 1, filter: Default::default() };
        let Ok(Reply::Audit(page)) = self.ask(Request::Audit(request)) else { panic!("no trail") };
        page.entries.into_iter().next().unwrap()
    }

    /// The same data directory, opened again.
    fn again(self) -> House {
        let House { _home, site, runtime, live } = self;
        let config = Config { domain: "campus.test".to_owned(), ..Config::clone(&site.config) };
        drop(site);
        let defaults =
            Config { data_dir: config.data_dir, domain: config.domain, ..Config::default() };
        let handle = runtime.handle().clone();
        let site = runtime.block_on(async {
            Site::open(defaults.into(), Clock::system(), &handle, Purpose::Command).unwrap()
        });
        House { _home, site: Arc::new(site), runtime, live }
    }
}

#[test]
fn a_setting_is_in_force_at_once_and_after_the_next_start() {
    let live = Arc::new(Noting::default());
    let house = House::new(Some(Arc::clone(&live)));
    assert_eq!(house.setting("registrar.max_expires").origin, "default");
    house.ask_as_admin(apply(&[("registrar.max_expires", "900")])).unwrap();
    assert_eq!(*live.0.lock().unwrap(), ["expires 900"]);
    let line = house.last_line();
    assert_eq!((line.actor.as_str(), line.action.as_str()), ("ana", "setting.set"));
    assert_eq!(line.subject, "registrar.max_expires");
    assert_eq!(line.detail, "registrar.max_expires: 3600 -> 900");

    let house = house.again();
    assert_eq!(house.site.config.registrar.max_expires, 900);
    let setting = house.setting("registrar.max_expires");
    assert_eq!((setting.value.as_str(), setting.default.as_str()), ("900", "3600"));
    assert_eq!(setting.origin, "console");
    assert_eq!(setting.stored.unwrap().by, "ana");
    house.ask_as_admin(reset("registrar.max_expires")).unwrap();
    assert_eq!(house.last_line().detail, "registrar.max_expires: 900 -> as configured");
    assert_eq!(house.setting("registrar.max_expires").origin, "default");
    assert_eq!(house.again().site.config.registrar.max_expires, 3600);
}

#[test]
fn wrong_values_are_named_by_their_keys_and_nothing_changes() {
    let house = House::new(None);
    for (key, value, word) in [
        ("registrar.max_expires", "soon", "whole number"),
        ("registrar.max_contact", "1", "did you mean"),
        ("limits.via", "0", "above 0"),
        ("presence.default_policy", "maybe", "maybe"),
        ("log.level", "tagus=loud", "level"),
        ("data_dir", "/elsewhere", "settled"),
        ("identity.ldap.ca_file", "/etc/shadow", "files are named"),
        ("identity.ldap.ca_pem", "no certificate", ""),
        (PASSWORD, "", "nobody"),
    ] {
        let mut changes = vec![("registrar.max_contacts", "3"), (key, value)];
        if key == "identity.ldap.ca_pem" {
            changes.push(("identity.source", "ldap"));
        }
        let problems = house.preview(&changes).problems;
        assert!(
            problems.iter().any(|one| one.key == key && one.message.contains(word)),
            "{problems:?}"
        );
        let failure = house.ask_as_admin(apply(&changes)).unwrap_err();
        assert_eq!(failure.exit, Exit::Usage, "{key}");
        assert_eq!(house.setting("registrar.max_contacts").value, "10", "{key}");
    }
    let twice = house.preview(&[("sip.workers", "1"), ("sip.workers", "2")]);
    assert_eq!(twice.problems[0].key, "sip.workers");
}

#[test]
fn what_is_said_above_the_console_is_shown_with_its_origin_and_stays() {
    let home = tempfile::tempdir().unwrap();
    let runtime = crate::app::context::runtime().unwrap();
    let loaded = Sources {
        set: vec!["registrar.max_expires=700".to_owned(), "domain=campus.test".to_owned()],
        machine: Machine { host_name: "im.campus.test".to_owned(), ..Machine::default() },
        data_dir: Some(home.path().join("data")),
        ..Sources::default()
    };
    let handle = runtime.handle().clone();
    let loaded = loaded.load().unwrap();
    assert!(matches!(loaded.origin("registrar.max_expires"), Origin::Option(_)));
    let site = runtime.block_on(async {
        Site::open(loaded, Clock::system(), &handle, Purpose::Command).unwrap()
    });
    let house = House { _home: home, site: Arc::new(site), runtime, live: None };
    let setting = house.setting("registrar.max_expires");
    assert!(!setting.changeable);
    assert_eq!(setting.source.as_deref(), Some("--set"));
    let problems = house.preview(&[("registrar.max_expires", "900")]).problems;
    assert!(problems[0].message.contains("--set"), "{problems:?}");
    // What it says already is no change.
    assert!(house.preview(&[("registrar.min_expires", "60")]).problems.is_empty());
}

#[test]
fn the_domain_changes_until_somebody_has_an_address_in_it() {
    let house = House::new(None);
    let changes = house.preview(&[("domain", "ist.example")]).changes;
    assert_eq!(changes[0].effect, SettingEffect::NextStart);
    house.ask_as_admin(apply(&[("domain", "ist.example")])).unwrap();
    assert_eq!(house.setting("domain").in_force.as_deref(), Some("\"campus.test\""));
    let house = house.again();
    assert_eq!(house.site.identity.domain(), "ist.example");
    assert_eq!(house.site.identity.realm(), "ist.example");
    house.add("ana");
    let problems = house.preview(&[("domain", "other.example")]).problems;
    assert_eq!(problems[0].key, "domain");
}

/// W39: the bind password is stored sealed, and nothing that is shown, written down or exported has it.
#[test]
fn the_bind_password_is_sealed_and_never_shown() {
    let house = House::new(None);
    let bind = [
        ("identity.ldap.bind_dn", "cn=tagus"),
        (PASSWORD, CANARY),
        ("identity.source", "ldap"),
        ("identity.ldap.urls", "ldap://127.0.0.1:1"),
    ];
    house.ask_as_admin(apply(&bind)).unwrap();
    let shown = house.ask(Request::Setting(SettingRequest::Show { prefix: String::new() }));
    let trail = house.ask(Request::Audit(AuditRequest::From { from: 1, limit: 100 }));
    assert!(format!("{:?}", house.last_line()).contains("(a secret)"));
    let loaded = house.site.loaded();
    assert_eq!(loaded.config.identity.ldap.bind_password.as_ref().unwrap().expose(), CANARY);
    for text in [format!("{shown:?}"), format!("{trail:?}"), format!("{loaded:?}")] {
        assert!(!text.contains(CANARY));
    }
    for row in rows(&*house.site.store, Table::Settings, b"") {
        let (_, bytes) = row.unwrap();
        assert!(!bytes.windows(CANARY.len()).any(|part| part == CANARY.as_bytes()));
    }
    assert_eq!(house.site.identity.state().state, "down");
    let house = house.again();
    let ldap = &house.site.config.identity.ldap;
    assert_eq!(ldap.bind_password.as_ref().unwrap().expose(), CANARY);
    assert!(house.setting(PASSWORD).secret);

    // Given up, the directory has no password any more, which it needs.
    assert_eq!(house.ask_as_admin(reset(PASSWORD)).unwrap_err().exit, Exit::Usage);
}

/// A kept password that went wherever it is told would belong to whoever may change settings.
#[test]
fn the_kept_password_goes_to_no_other_server_unless_it_is_typed_again() {
    let house = House::new(None);
    house
        .ask_as_admin(apply(&[("identity.ldap.bind_dn", "cn=tagus"), (PASSWORD, CANARY)]))
        .unwrap();
    for (key, value) in [
        ("identity.ldap.urls", "ldap://evil.test"),
        ("identity.ldap.start_tls", "true"),
        ("identity.ldap.bind_dn", "cn=other"),
        ("identity.ldap.ca_pem", "-----BEGIN CERTIFICATE-----"),
    ] {
        let problems = house.preview(&[(key, value)]).problems;
        assert_eq!(problems.first().map(|one| one.key.as_str()), Some(PASSWORD), "{key}");
    }
    assert!(
        house
            .preview(&[("identity.ldap.urls", "ldap://a.test"), (PASSWORD, "x")])
            .problems
            .is_empty()
    );
    assert!(house.preview(&[("identity.ldap.base_dn", "ou=x")]).problems.is_empty());
}

/// The machine may say something else than what is stored goes with: the server starts all the same.
#[test]
fn what_is_stored_and_does_not_go_with_the_rest_is_passed_over() {
    let house = House::new(None);
    house.ask(apply(&[("limits.header_bytes", "32768"), ("registrar.max_contacts", "3")])).unwrap();
    let House { _home, site, runtime, .. } = house;
    let mut config = Config { data_dir: site.config.data_dir.clone(), ..Config::default() };
    drop(site);
    "campus.test".clone_into(&mut config.domain);
    config.limits.message_bytes = 20_000;
    let handle = runtime.handle().clone();
    let site = runtime.block_on(async {
        Site::open(config.into(), Clock::system(), &handle, Purpose::Command).unwrap()
    });
    assert_eq!(site.config.limits.header_bytes, 16 * 1024);
    assert_eq!(site.config.registrar.max_contacts, 3);
}
