//! Who gets into the console: people of a real directory, and whoever holds a link.

use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use tagus::accounts::{
    Accounts, Actor, Attempt, ImportOptions, NewConsoleAccount, NewToken, Origin, Principal, SignIn,
};
use tagus::bus::Bus;
use tagus::clock::Clock;
use tagus::config::Config;
use tagus::identity::{Identity, Settings};
use tagus::model::{Role, Scope};
use tagus::store::seal::KeyFile;
use tagus::store::{Store, memory};

use crate::support::directory::{Directory, GROUPS, PEOPLE};
use crate::support::free_port;
use crate::support::server::Server;

const SOURCE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
const REFUSED: SignIn = SignIn::Refused { directory_is_down: false };

/// The services over a directory whose `admins` are ana and joe.
fn accounts(directory: &Directory, home: &std::path::Path) -> Arc<Accounts> {
    directory.change(&format!(
        "dn: {GROUPS}\nchangetype: add\nobjectClass: organizationalUnit\nou: groups\n\n\
         dn: cn=admins,{GROUPS}\nchangetype: add\nobjectClass: groupOfNames\ncn: admins\n\
         member: uid=ana,{PEOPLE}\nmember: uid=joe,{PEOPLE}\n\n"
    ));
    let text = format!(
        "domain = \"campus.test\"\n{}group_base_dn = \"{GROUPS}\"\nadmin_group = \"Admins\"\n\
         sync_interval = \"1h\"\n",
        directory.configuration()
    );
    let config: Config = toml::from_str(&text).expect("a configuration");
    let store: Arc<dyn Store> = memory();
    let key = KeyFile::open_or_create(&home.join("secrets.key")).expect("a key");
    let runtime = tokio::runtime::Handle::current();
    let identity = Identity::start(
        Settings::new(&config, "campus.test").expect("settings"),
        Arc::clone(&store),
        Arc::new(key),
        Clock::system(),
        runtime.clone(),
    )
    .expect("an identity layer");
    Accounts::new(store, identity, Clock::system(), Bus::new(), &runtime)
}

async fn sign_in(accounts: &Accounts, name: &str, password: &str) -> SignIn {
    let attempt = Attempt { name, password, code: "", source: SOURCE };
    accounts.sign_in(attempt).await.expect("an answer")
}

#[tokio::test(flavor = "multi_thread")]
async fn members_of_the_directorys_group_administer_and_nobody_else_of_it() {
    let home = tempfile::tempdir().expect("temporary directory");
    let people = [("ana", "secret-of-ana"), ("joe", "secret-of-joe"), ("rui", "secret-of-rui")];
    let mut directory = Directory::start(&people);
    let accounts = accounts(&directory, home.path());
    let identity = Arc::clone(accounts.identity());
    identity.sync_now().await.expect("the directory is read");

    let SignIn::Welcome(ana) = sign_in(&accounts, "Ana", "secret-of-ana").await else {
        panic!("ana is an administrator")
    };
    let expected = Principal {
        name: "ana".to_owned(),
        origin: Origin::Directory,
        role: Role::Admin,
        version: 0,
    };
    assert_eq!(ana, expected);
    assert_eq!(accounts.still(&ana), Ok(Some(ana.clone())));
    for (name, password) in
        [("ana", "wrong"), ("ana", ""), ("rui", "secret-of-rui"), ("nobody", "x"), ("*", "x")]
    {
        assert_eq!(sign_in(&accounts, name, password).await, REFUSED, "{name}");
    }
    let scopes = [Scope::UsersRead];
    let token =
        NewToken { name: "", scopes: &scopes, role: Role::Admin, expires_at: None, networks: &[] };
    let (_, text) = accounts.make_token(&ana.actor(SOURCE), token).await.expect("a token");
    assert!(accounts.bearer(&text, SOURCE).expect("an answer").is_some());

    // Groups that are written here make nobody an administrator, and a local account is another
    // person.
    let csv = "user,password,groups\nlocal,secret-of-local,admins\n";
    let report = accounts
        .import_csv(&Actor::socket(), csv, ImportOptions::default())
        .await
        .expect("an import");
    assert_eq!(report.added, 1);
    assert_eq!(sign_in(&accounts, "local", "secret-of-local").await, REFUSED);

    // An account of the console goes before the directory, which is not asked.
    let new =
        NewConsoleAccount { name: "joe", role: Role::Owner, password: "of the console, long" };
    accounts.add_console(&Actor::socket(), new).await.expect("an account");
    for name in ["joe", "Joe@campus.test"] {
        assert_eq!(sign_in(&accounts, name, "secret-of-joe").await, REFUSED);
    }

    // Whoever leaves the group is out, and with her what she made.
    directory.change(&format!(
        "dn: cn=admins,{GROUPS}\nchangetype: modify\ndelete: member\nmember: uid=ana,{PEOPLE}\n"
    ));
    identity.sync_now().await.expect("the directory is read");
    assert_eq!(accounts.still(&ana), Ok(None));
    assert_eq!(accounts.bearer(&text, SOURCE), Ok(None));
    assert_eq!(sign_in(&accounts, "ana", "secret-of-ana").await, REFUSED);

    // Without the directory an owner signs in, and the others are told why they do not: all of them.
    directory.stop();
    let down = SignIn::Refused { directory_is_down: true };
    assert!(matches!(sign_in(&accounts, "ana", "secret-of-ana").await, SignIn::Refused { .. }));
    for name in ["ana", "nobody", "joe"] {
        assert_eq!(sign_in(&accounts, name, "secret-of-ana").await, down, "{name}");
    }
    let owner = sign_in(&accounts, "joe", "of the console, long").await;
    assert!(matches!(owner, SignIn::Welcome(_)));
}

#[test]
fn a_server_without_an_owner_offers_a_link_and_a_command_makes_another() {
    let mut server = Server::start(&format!("[web]\nlisten = [\"http://{}\"]\n", free_port()));
    let file = server.data_dir().join("setup-link");
    let offered = fs::read_to_string(&file).expect("the link's file");
    assert_eq!(fs::metadata(&file).expect("metadata").permissions().mode() & 0o777, 0o600);
    server.log_with("the link", |line| line.contains("setup_link"));
    let url = offered.lines().nth(1).expect("a URL").to_owned();
    assert!(url.starts_with("http") && url.contains("/setup/"), "{offered}");

    let link = server.run(&["setup-link", "--json"], None).json();
    let made = link["urls"][0].as_str().expect("a URL").to_owned();
    assert_ne!(made, url, "a newer one replaces the older");
    assert!(fs::read_to_string(&file).expect("the link's file").contains(&made));
    assert_eq!(link["is_served"], true);

    let audit = server.run(&["audit", "--json"], None).json();
    let lines = audit["entries"].as_array().expect("lines");
    assert_eq!(lines.len(), 1, "{audit}");
    assert_eq!(lines[0]["action"], "setup_link.make");
    assert_eq!((&lines[0]["actor"], &lines[0]["source"]), (&"local".into(), &"socket".into()));
    assert!(!audit.to_string().contains(made.rsplit('/').next().expect("a token")));
    let report = server.run(&["audit", "verify", "--json"], None).json();
    assert_eq!(
        (report["lines"].as_u64(), &report["broken_at"]),
        (Some(1), &serde_json::Value::Null)
    );

    // The same without a server, over the store.
    server.kill();
    let from = server.run(&["audit", "--from", "1", "--limit", "1", "--json"], None).json();
    assert_eq!(from["entries"], audit["entries"]);
    let link = server.run(&["setup-link", "--json"], None).json();
    assert_eq!(link["is_served"], false);
}
