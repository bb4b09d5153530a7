//! Every request over a real store, without a server and with one that only notes what it is told.

use std::sync::Mutex;
use std::time::Duration;

use super::*;
use crate::app::site::Purpose;
use crate::clock::{Clock, WallTime};
use crate::config::Config;
use crate::model::{
    Ban, Binding, BindingRow, HeldMessage, HeldState, Record as _, SeenDevice, SubscriptionRow,
    held_key,
};
use crate::operations::{Existing, Exit, HistoryRequest, HistoryView, LiveRequest, PeopleQuery};
use crate::sip::{ConnectionId, Flow, Transport};
use crate::store::{Commit, Table, rows};

mod console;
mod jobs;
mod noting;
mod settings;
mod trial;

use noting::Noting;

struct House {
    _home: tempfile::TempDir,
    site: Arc<Site>,
    runtime: tokio::runtime::Runtime,
    live: Option<Arc<Noting>>,
}

impl House {
    fn new(live: Option<Arc<Noting>>) -> House {
        let home = tempfile::tempdir().unwrap();
        let runtime = crate::app::context::runtime().unwrap();
        let config = Config {
            domain: "campus.test".to_owned(),
            data_dir: home.path().join("data"),
            ..Config::default()
        };
        let handle = runtime.handle().clone();
        let site = runtime.block_on(async {
            Site::open(config.into(), Clock::system(), &handle, Purpose::Command).unwrap()
        });
        House { _home: home, site: Arc::new(site), runtime, live }
    }

    fn ask(&self, request: Request) -> Result<Reply, Failure> {
        let live = self.live.clone().map(|live| live as Arc<dyn Live>);
        let administration = Administration::new(Arc::clone(&self.site), live);
        self.runtime.block_on(administration.perform(&Actor::offline(), request))
    }

    fn add(&self, user: &str) -> User {
        let request = Request::UserAdd {
            user: user.to_owned(),
            name: Some("Somebody".to_owned()),
            mail: None,
            number: None,
            groups: vec![],
            password: Some(Secret::new("a password".to_owned())),
        };
        let Ok(Reply::User(user)) = self.ask(request) else { panic!("{user} was not added") };
        *user
    }

    fn exit(&self, request: Request) -> Exit {
        self.ask(request).unwrap_err().exit
    }
}

fn user(name: &str) -> String {
    name.to_owned()
}

fn import(csv: &str) -> Request {
    let csv = Secret::new(csv.to_owned());
    Request::UserImport { csv, existing: Existing::Fail, dry_run: false }
}

#[test]
fn an_account_lives_from_add_to_delete() {
    let house = House::new(None);
    assert_eq!(house.add("Ana").address, "ana@campus.test");
    house.add("rui");
    let Ok(Reply::Users(page)) = house.ask(Request::UserList { after: None, limit: 1 }) else {
        panic!("no page")
    };
    assert_eq!(page[0].user, "ana");
    let next = Request::UserList { after: Some(user("ana")), limit: 10 };
    let Ok(Reply::Users(page)) = house.ask(next) else { panic!("no page") };
    assert_eq!(page.len(), 1);
    assert_eq!(page[0].user, "rui");

    let made = Request::DeviceAdd { user: user("ana"), label: user("phone"), md5_only: true };
    let Ok(Reply::DeviceSecret(secret)) = house.ask(made) else { panic!("no secret") };
    let Ok(Reply::User(shown)) = house.ask(Request::UserShow { user: user("ANA") }) else {
        panic!("not shown")
    };
    assert_eq!((shown.devices.len(), shown.held_messages), (1, Some(0)));
    assert!(shown.devices[0].md5_only);
    let revoke = || Request::DeviceRevoke { user: user("ana"), device: secret.device.clone() };
    assert_eq!(house.ask(revoke()), Ok(Reply::Done));
    assert_eq!(house.exit(revoke()), Exit::NotFound);

    assert_eq!(house.ask(Request::UserDisable { user: user("ana") }), Ok(Reply::Done));
    let Ok(Reply::User(shown)) = house.ask(Request::UserShow { user: user("ana") }) else {
        panic!("not shown")
    };
    assert!(shown.disabled);
    assert_eq!(house.ask(Request::UserEnable { user: user("ana") }), Ok(Reply::Done));
    let another = Secret::new("another".to_owned());
    let password = Request::UserPassword { user: user("ana"), password: another };
    assert_eq!(house.ask(password), Ok(Reply::Done));
    assert_eq!(house.ask(Request::UserDelete { user: user("ana") }), Ok(Reply::Done));
    assert_eq!(house.exit(Request::UserShow { user: user("ana") }), Exit::NotFound);
}

#[test]
fn refusals_have_the_exit_codes_that_scripts_know() {
    let house = House::new(None);
    house.add("ana");
    let again = Request::UserAdd {
        user: user("ana"),
        name: None,
        mail: None,
        number: None,
        groups: vec![],
        password: None,
    };
    assert_eq!(house.exit(again), Exit::Refused);
    let odd = Request::UserAdd {
        user: user("a b@c"),
        name: None,
        mail: None,
        number: None,
        groups: vec![],
        password: None,
    };
    assert_eq!(house.exit(odd), Exit::Usage);
    assert_eq!(house.exit(Request::DeviceList { user: user("nobody") }), Exit::NotFound);
    assert_eq!(house.exit(Request::Status), Exit::Unreachable);
    let headless = import("a,b\n");
    assert_eq!(house.exit(headless), Exit::Usage);
}

#[test]
fn a_running_server_hears_who_is_out() {
    let live = Arc::new(Noting::default());
    let house = House::new(Some(Arc::clone(&live)));
    house.add("ana");
    let made = Request::DeviceAdd { user: user("ana"), label: String::new(), md5_only: false };
    let Ok(Reply::DeviceSecret(made)) = house.ask(made) else { panic!("no secret") };
    house.ask(Request::DeviceRevoke { user: user("ana"), device: made.device.clone() }).unwrap();
    house.ask(Request::UserDisable { user: user("Ana") }).unwrap();
    house.ask(Request::UserDelete { user: user("ana") }).unwrap();
    let lifted = house.ask(Request::BanLift { source: None, user: Some(user("Ana")) });
    assert_eq!(lifted, Ok(Reply::Count(2)));
    assert_eq!(house.ask(Request::BanList), Ok(Reply::Bans(Vec::new())));
    let Ok(Reply::Status(status)) = house.ask(Request::Status) else { panic!("no status") };
    assert_eq!((status.bindings, status.accounts), (7, 0));
    let expected = [
        format!("revoked ana {}", made.device.len()),
        "departed ana".to_owned(),
        "deleted ana".to_owned(),
        "lift Some(\"ana\")".to_owned(),
    ];
    assert_eq!(*live.0.lock().unwrap(), expected);
    let import = Request::Import { path: "/nowhere".into() };
    assert_eq!(house.exit(import), Exit::Refused);
}

#[test]
fn everything_goes_into_a_file_and_comes_back_into_an_empty_directory() {
    let house = House::new(None);
    house.add("ana");
    house.add("rui");
    let file = house.site.config.data_dir.join("all.tagus");
    let Ok(Reply::Count(count)) = house.ask(Request::Export { path: file.clone() }) else {
        panic!("not exported")
    };
    assert!(count >= 4, "two accounts and their lines of the audit trail: {count}");
    assert_eq!(house.exit(Request::Export { path: file.clone() }), Exit::Refused);
    assert_eq!(house.exit(Request::Import { path: file.clone() }), Exit::Refused);

    let other = House::new(None);
    assert_eq!(other.ask(Request::Import { path: file.clone() }), Ok(Reply::Count(count)));
    let Ok(Reply::Users(page)) = other.ask(Request::UserList { after: None, limit: 10 }) else {
        panic!("no page")
    };
    assert_eq!(page.len(), 2);
    let last = |house: &House| house.site.accounts.trail(1, 100).unwrap().pop().unwrap();
    let (exported, imported) = (last(&house), last(&other));
    for (entry, action) in [(&exported, "export"), (&imported, "import")] {
        assert_eq!((entry.action.as_str(), entry.actor.as_str()), (action, "local"));
        assert_eq!(entry.subject, file.to_string_lossy());
        assert_eq!(entry.detail, format!("{count} records"));
    }
    let trail = other.site.accounts.trail(1, 100).unwrap();
    assert!(trail.windows(2).all(|pair| pair[1].follows(&pair[0])), "the trail goes on");

    let third = House::new(None);
    let mut damaged = std::fs::read(&file).unwrap();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    std::fs::write(&file, damaged).unwrap();
    assert_eq!(third.exit(Request::Import { path: file }), Exit::Failed);
    let Ok(Reply::Users(page)) = third.ask(Request::UserList { after: None, limit: 10 }) else {
        panic!("no page")
    };
    assert!(page.is_empty(), "nothing of a damaged file is taken");
}

#[test]
fn an_import_says_which_rows_it_could_not_take() {
    let house = House::new(None);
    let csv = "user,name,mail,password,groups\nana,Ana,,secret,staff\n,Nobody,,x,\nana,Again,,y,\n";
    let request = import(csv);
    let Ok(Reply::Imported(report)) = house.ask(request) else { panic!("no report") };
    assert_eq!(report.added, 1);
    let lines: Vec<u64> = report.failed.iter().map(|row| row.line).collect();
    assert_eq!(lines, [3, 4]);
    let whole = house.ask(Request::UserExport { after: None });
    let Ok(Reply::Exported { csv, next: None }) = whole else { panic!("no export") };
    assert!(csv.contains("ana,Ana,,,staff"), "{csv}");
    assert!(!csv.contains("secret"));
}

/// A dry run changes nothing, and a search says who is there.
#[test]
fn people_are_tried_imported_and_looked_for() {
    let house = House::new(Some(Arc::new(Noting::default())));
    let csv = "user,name,mail\nana,Ana Conceição,ana@x.example\nrui,Rui,\n";
    let import = |existing, dry_run| {
        let csv = Secret::new(csv.to_owned());
        let request = Request::UserImport { csv, existing, dry_run };
        let Ok(Reply::Imported(report)) = house.ask(request) else { panic!("no report") };
        assert_eq!(report.dry_run, dry_run);
        (report.added, report.updated, report.skipped, report.failed.len())
    };
    let find = |query: PeopleQuery| {
        let request = Request::PeopleFind(PeopleQuery { limit: 10, ..query });
        let Ok(Reply::People(page)) = house.ask(request) else { panic!("no page") };
        page.people
    };
    assert_eq!(import(Existing::Fail, true), (2, 0, 0, 0));
    assert!(find(PeopleQuery::default()).is_empty());
    assert_eq!(import(Existing::Fail, false), (2, 0, 0, 0));
    assert_eq!(import(Existing::Skip, false), (0, 0, 2, 0));
    assert_eq!(import(Existing::Update, true), (0, 2, 0, 0));
    let found = find(PeopleQuery { text: user("CONCEICAO"), ..PeopleQuery::default() });
    assert_eq!((found.len(), found[0].address.as_str()), (1, "ana@campus.test"));
    assert!(found[0].online, "it has a contact");
    for (online, name) in [(true, "ana"), (false, "rui")] {
        let found = find(PeopleQuery { online: Some(online), ..PeopleQuery::default() });
        assert_eq!((found.len(), found[0].user.as_str()), (1, name));
    }
    let none = PeopleQuery { group: Some(user("staff")), ..PeopleQuery::default() };
    assert!(find(none).is_empty());
    let wrong = PeopleQuery { after: Some(user("?")), ..PeopleQuery::default() };
    assert_eq!(house.exit(Request::PeopleFind(wrong)), Exit::Usage);
}

#[test]
fn without_a_directory_there_is_nothing_to_read_or_decide() {
    for live in [None, Some(Arc::new(Noting::default()))] {
        let house = House::new(live);
        assert_eq!(house.exit(Request::DirectoryPreview), Exit::Refused);
        assert_eq!(house.exit(Request::DirectorySync), Exit::Refused);
        assert_eq!(house.exit(Request::DirectoryApply { proposal: 1 }), Exit::Refused);
        assert_eq!(house.exit(Request::DirectoryDismiss { proposal: 1 }), Exit::Refused);
        let Ok(Reply::Directory(view)) = house.ask(Request::DirectoryShow) else { panic!("none") };
        assert_eq!((view.state.as_str(), view.runs.len()), ("off", 0));
    }
}

/// A moment that none of these tests reaches.
fn later() -> WallTime {
    WallTime::from_unix_secs(4_000_000_000)
}

impl House {
    /// A contact of the person by each device, as the registrar stores them.
    fn register(&self, user: &str, devices: &[(DeviceKey, bool, WallTime)]) {
        let aor = format!("{user}@campus.test");
        let binding = |(device, connection_bound, expires_at): &(DeviceKey, bool, WallTime)| {
            let address = "192.0.2.1:5060".parse().unwrap();
            Binding {
                contact_uri: format!("sip:{user}@192.0.2.1;device={device}"),
                flow: Flow {
                    transport: Transport::Udp,
                    local: address,
                    remote: address,
                    connection: ConnectionId::NONE,
                },
                call_id: "c".to_owned(),
                cseq: 1,
                q: 1000,
                created: WallTime::default(),
                refreshed: WallTime::default(),
                expires_at: *expires_at,
                instance: None,
                reg_id: None,
                path: Vec::new(),
                params: String::new(),
                device: device.clone(),
                user_agent: None,
                connection_bound: *connection_bound,
            }
        };
        let row = BindingRow {
            aor: aor.clone(),
            bindings: devices.iter().map(binding).collect(),
            seen: devices
                .iter()
                .map(|(device, ..)| SeenDevice { device: device.clone(), at: later() })
                .collect(),
            instances: Vec::new(),
        };
        let commit = Commit::new().put(Table::Bindings, &BindingRow::key(&aor), row.encode());
        self.site.store.commit_blocking(commit).unwrap();
    }

    fn hold(&self, user: &str, sequence: u64, expires_at: WallTime) {
        let key = held_key(&format!("{user}@campus.test"), sequence);
        let state = HeldState {
            pending: Vec::new(),
            unclaimed: true,
            received_at: WallTime::default(),
            expires_at,
            fingerprint: sequence,
            sender: String::new(),
            delivered: false,
            notification: false,
        };
        let message = HeldMessage { request: b"MESSAGE".to_vec() };
        let commit = Commit::new().put(Table::HeldMessages, &key, message.encode()).put(
            Table::HeldCursors,
            &key,
            state.encode(),
        );
        self.site.store.commit_blocking(commit).unwrap();
    }

    fn show(&self, name: &str) -> User {
        let Ok(Reply::User(shown)) = self.ask(Request::UserShow { user: user(name) }) else {
            panic!("{name} is not shown")
        };
        *shown
    }

    fn count(&self, table: Table) -> usize {
        rows(&*self.site.store, table, b"").count()
    }
}

/// What belongs to a person goes in the commit that removes the account,
/// and what belongs to somebody whose name begins alike stays.
#[test]
fn a_deleted_person_leaves_no_message_and_no_contact_behind() {
    for live in [None, Some(Arc::new(Noting::default()))] {
        let house = House::new(live);
        for name in ["ana", "anabela"] {
            house.add(name);
            house.register(name, &[(DeviceKey::Anonymous, false, later())]);
            house.hold(name, 1, later());
            house.hold(name, 2, later());
        }
        assert_eq!(house.ask(Request::UserDelete { user: user("ANA") }), Ok(Reply::Done));
        assert_eq!(house.exit(Request::UserDelete { user: user("ana") }), Exit::NotFound);
        assert_eq!(house.count(Table::HeldMessages), 2);
        assert_eq!(house.count(Table::HeldCursors), 2);
        assert_eq!(house.count(Table::Bindings), 1);
        assert_eq!(house.show("anabela").held_messages, Some(2));
    }
}

#[test]
fn without_a_server_a_person_is_shown_as_the_next_server_would_find_him() {
    let house = House::new(None);
    house.add("ana");
    let phone = DeviceKey::Credential("p".to_owned());
    let past = WallTime::from_unix_secs(1);
    house.register(
        "ana",
        &[
            (phone, false, later()),
            (DeviceKey::Anonymous, true, later()),
            (DeviceKey::Instance("urn:x".to_owned()), false, past),
        ],
    );
    house.hold("ana", 1, later());
    house.hold("ana", 2, past);
    let shown = house.show("ana");
    assert_eq!(shown.bindings, ["sip:ana@192.0.2.1;device=credential:p"]);
    assert_eq!(shown.held_messages, Some(1));
    assert!(shown.created.ends_with('Z') && shown.created.contains('T'), "{}", shown.created);
}

#[test]
fn without_a_server_a_revoked_device_and_a_locked_person_lose_their_contacts() {
    let house = House::new(None);
    house.add("ana");
    let made = Request::DeviceAdd { user: user("ana"), label: user("phone"), md5_only: false };
    let Ok(Reply::DeviceSecret(made)) = house.ask(made) else { panic!("no secret") };
    let phone = DeviceKey::Credential(made.device.clone());
    house.register("ana", &[(phone, false, later()), (DeviceKey::Anonymous, false, later())]);
    house.ask(Request::DeviceRevoke { user: user("Ana"), device: made.device }).unwrap();
    assert_eq!(house.show("ana").bindings, ["sip:ana@192.0.2.1;device=anonymous"]);
    house.ask(Request::UserDisable { user: user("Ana") }).unwrap();
    assert!(house.show("ana").bindings.is_empty());
    assert_eq!(house.count(Table::Bindings), 0);
}

#[test]
fn without_a_server_bans_are_those_that_were_kept() {
    let house = House::new(None);
    for (source, account) in [("192.0.2.1", Some("ana")), ("192.0.2.2", None)] {
        house.site.accounts.record_ban(&Ban {
            source: source.to_owned(),
            account: account.map(str::to_owned),
            reason: "wrong passwords".to_owned(),
            failures: 10,
            created: WallTime::default(),
            until: later(),
        });
    }
    let source = Some("::ffff:192.0.2.1".parse().unwrap());
    let lift = |source, user| house.ask(Request::BanLift { source, user });
    assert_eq!(lift(source, Some(user("rui"))), Ok(Reply::Count(0)));
    assert_eq!(lift(source, Some(user("Ana"))), Ok(Reply::Count(1)));
    let Ok(Reply::Bans(left)) = house.ask(Request::BanList) else { panic!("no list") };
    let left: Vec<_> = left.iter().map(|ban| (ban.source.to_string(), ban.until.clone())).collect();
    assert_eq!(left, [("192.0.2.2".to_owned(), later().to_string())]);
    assert_eq!(lift(None, None), Ok(Reply::Count(1)));
}

/// What a person reads says what to do next.
#[test]
fn refusals_say_what_to_do() {
    let house = House::new(None);
    house.add("ana");
    let says = |request, advice: &str| {
        let message = house.ask(request).unwrap_err().message;
        assert!(message.contains(advice), "{message}");
    };
    let add = |name: &str| Request::UserAdd {
        user: user(name),
        name: None,
        mail: None,
        number: None,
        groups: vec![],
        password: None,
    };
    says(add("ana"), "tagus user show ana");
    says(add("a b"), "no spaces");
    says(Request::UserShow { user: user("rui") }, "tagus user list");
    let none = Request::DeviceRevoke { user: user("ana"), device: user("x") };
    says(none, "tagus device list ana");
    says(import("a,b\n"), "user,name,mail,password");
    let empty = Request::UserPassword { user: user("ana"), password: Secret::default() };
    assert_eq!(house.exit(empty), Exit::Usage);
}

/// A lost key file is not replaced: the passwords sealed with it would be lost in silence.
#[test]
fn a_missing_key_file_is_refused_while_something_is_sealed() {
    let house = House::new(None);
    house.add("ana");
    let House { _home: home, site, runtime, .. } = house;
    let config = Arc::clone(&site.config);
    drop(site);
    let key = config.data_dir.join(crate::app::site::KEY_FILE);
    let open = || {
        let _within = runtime.enter();
        Site::open(
            Config::clone(&config).into(),
            Clock::system(),
            runtime.handle(),
            Purpose::Command,
        )
    };
    let aside = home.path().join("key");
    std::fs::rename(&key, &aside).unwrap();
    let failure = open().unwrap_err();
    assert_eq!(failure.exit, Exit::Refused);
    assert!(failure.message.contains("secrets.key is missing"), "{}", failure.message);
    assert!(!key.exists());
    std::fs::rename(&aside, &key).unwrap();
    open().unwrap();
}

/// RFC 5025 s3.2.1: rules that are set while no server runs take no watcher's subscription away; the
/// next start finds it, and tells him that it is over.
#[test]
fn rules_that_are_set_while_no_server_runs_leave_watchers_to_be_told() {
    let house = House::new(None);
    house.add("ana");
    let row = SubscriptionRow {
        resource: "ana@campus.test".to_owned(),
        watcher: "rui@campus.test".to_owned(),
        event: "presence".to_owned(),
        event_id: None,
        device: None,
        flow: Flow {
            transport: Transport::Udp,
            local: "192.0.2.1:5060".parse().unwrap(),
            remote: "192.0.2.7:5060".parse().unwrap(),
            connection: ConnectionId::NONE,
        },
        bound: false,
        one_tuple: false,
        since: WallTime::default(),
        call_id: b"c".to_vec(),
        local_tag: "t".to_owned(),
        remote_tag: b"f".to_vec(),
        local: b"<sip:ana@campus.test>;tag=t".to_vec(),
        remote: b"<sip:rui@campus.test>;tag=f".to_vec(),
        target: b"sip:rui@192.0.2.7".to_vec(),
        route: Vec::new(),
        remote_cseq: 1,
        reserved_cseq: 4_096,
        reserved_version: 4_096,
        expires_at: house.site.clock.wall() + Duration::from_secs(3_600),
        starts: 1,
    };
    let key = SubscriptionRow::key(&row.resource, &row.local_tag);
    let put = Commit::new().put(Table::Subscriptions, &key, row.encode());
    house.site.store.commit_blocking(put).unwrap();
    let document = "<ruleset xmlns=\"urn:ietf:params:xml:ns:common-policy\"><rule id=\"r\"><conditions/>\
                    <actions><sub-handling xmlns=\"urn:ietf:params:xml:ns:pres-rules\">block\
                    </sub-handling></actions><transformations/></rule></ruleset>";
    let set = Request::RulesSet { user: user("ana"), document: document.to_owned() };
    assert_eq!(house.ask(set), Ok(Reply::Done));
    house.site.store.flush().wait().unwrap();
    let kept = house.site.store.get(Table::Subscriptions, &key).unwrap();
    assert_eq!(kept, Some(row.encode()));
}

#[test]
fn how_people_are_now_is_known_to_a_running_server_alone() {
    let request = || Request::Live(LiveRequest::Person { user: user("ana") });
    for live in [None, Some(Arc::new(Noting::default()))] {
        let house = House::new(live);
        house.add("ana");
        assert_eq!(house.exit(request()), Exit::Unreachable);
    }
}
