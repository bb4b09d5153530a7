//! Every request over a real store, without a server and with one that only notes what it is told.

use std::sync::Mutex;

use super::*;
use crate::app::exit::Exit;
use crate::app::site::Purpose;
use crate::clock::Clock;
use crate::config::Config;

/// A server as far as operations see one.
#[derive(Default)]
struct Noting(Mutex<Vec<String>>);

impl Noting {
    fn note(&self, text: String) {
        self.0.lock().unwrap().push(text);
    }
}

impl Live for Noting {
    fn describe(&self, status: &mut Status) {
        status.bindings = 7;
    }
    fn contacts(&self, user: &UserName) -> Vec<String> {
        vec![format!("sip:{user}@192.0.2.1")]
    }
    fn departed(&self, user: &UserName) {
        self.note(format!("departed {user}"));
    }
    fn deleted(&self, user: &UserName) {
        self.note(format!("deleted {user}"));
    }
    fn device_revoked(&self, user: &UserName, device: &str) {
        self.note(format!("revoked {user} {}", device.len()));
    }
    fn bans(&self) -> Vec<BanView> {
        Vec::new()
    }
    fn lift(&self, _: Option<IpAddr>, user: Option<&str>) -> u64 {
        self.note(format!("lift {user:?}"));
        2
    }
}

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
            Site::open(Arc::new(config), Clock::system(), &handle, Purpose::Command).unwrap()
        });
        House { _home: home, site: Arc::new(site), runtime, live }
    }

    fn ask(&self, request: Request) -> Result<Reply, Failure> {
        let live = self.live.clone().map(|live| live as Arc<dyn Live>);
        let administration = Administration::new(Arc::clone(&self.site), live);
        self.runtime.block_on(administration.perform(request))
    }

    fn add(&self, user: &str) -> User {
        let request = Request::UserAdd {
            user: user.to_owned(),
            name: Some("Somebody".to_owned()),
            mail: None,
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
    let again = Request::UserAdd { user: user("ana"), name: None, mail: None, password: None };
    assert_eq!(house.exit(again), Exit::Refused);
    let odd = Request::UserAdd { user: user("a b@c"), name: None, mail: None, password: None };
    assert_eq!(house.exit(odd), Exit::Usage);
    assert_eq!(house.exit(Request::DeviceList { user: user("nobody") }), Exit::NotFound);
    assert_eq!(house.exit(Request::Status), Exit::Unreachable);
    let headless = Request::UserImport { csv: Secret::new("a,b\n".to_owned()) };
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
    let request = Request::UserImport { csv: Secret::new(csv.to_owned()) };
    let Ok(Reply::Imported(report)) = house.ask(request) else { panic!("no report") };
    assert_eq!(report.added, 1);
    let lines: Vec<u64> = report.failed.iter().map(|row| row.line).collect();
    assert_eq!(lines, [3, 4]);
    let Ok(Reply::Text(csv)) = house.ask(Request::UserExport) else { panic!("no export") };
    assert!(csv.contains("ana,Ana,,,staff"), "{csv}");
    assert!(!csv.contains("secret"));
}
