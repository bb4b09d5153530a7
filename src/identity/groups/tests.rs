use super::*;
use crate::clock::{Clock, WallTime};
use crate::config;
use crate::identity::{Settings, Watcher};
use crate::model::{Account, AccountKind};
use crate::store::seal::KeyFile;
use crate::store::{Commit, Store, memory};

const DOMAIN: &str = "campus.example";

/// A server with a directory that nobody asks.
struct Site {
    _runtime: tokio::runtime::Runtime,
    identity: Arc<Identity>,
}

fn site(store: &Arc<dyn Store>) -> Site {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let home = tempfile::tempdir().unwrap();
    let key = KeyFile::open_or_create(&home.path().join("secrets.key")).unwrap();
    let (clock, _) = Clock::manual(WallTime::from_unix_secs(1_700_000_000));
    let ldap =
        config::Ldap { group_base_dn: "ou=groups,dc=campus".to_owned(), ..config::Ldap::default() };
    let directory = Some(super::super::ldap::Settings::try_from(&ldap).unwrap());
    let settings = Settings { directory, ..Settings::local(DOMAIN) };
    let handle = runtime.handle().clone();
    let identity = Identity::start(settings, Arc::clone(store), Arc::new(key), clock, handle);
    Site { identity: identity.unwrap(), _runtime: runtime }
}

fn account(user: &str, kind: AccountKind, groups: &[&str]) -> Account {
    let at = WallTime::from_unix_secs(1_700_000_000);
    Account {
        user: user.to_owned(),
        kind,
        display_name: String::new(),
        mail: String::new(),
        groups: groups.iter().map(|group| (*group).to_owned()).collect(),
        number: String::new(),
        disabled: false,
        directory_locked: false,
        created: at,
        changed: at,
        directory_id: None,
        sealed_password: None,
    }
}

/// What a watcher was told.
#[derive(Default)]
struct Heard(Mutex<Vec<String>>);

impl Watcher for Heard {
    fn departed(&self, _user: &UserName, _why: super::super::Departure) {}

    fn regrouped(&self, whom: Affected<'_>) {
        self.0.lock().unwrap().push(match whom {
            Affected::Everybody => "everybody".to_owned(),
            Affected::People(people) => {
                people.iter().map(UserName::as_str).collect::<Vec<_>>().join(" ")
            }
        });
    }

    fn groups_read(&self) {
        self.0.lock().unwrap().push("keep".to_owned());
    }
}

impl Heard {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

fn of(site: &Site, user: &str) -> Option<Vec<String>> {
    let groups = site.identity.groups(user)?;
    Some(groups.iter().map(ToString::to_string).collect())
}

fn some(groups: &[&str]) -> Option<Vec<String>> {
    Some(groups.iter().map(|group| (*group).to_owned()).collect())
}

fn membership(people: &[(&str, &[&str])]) -> Membership {
    let mut names: Vec<Arc<str>> = people
        .iter()
        .flat_map(|(_, groups)| groups.iter().map(|group| Arc::from(*group)))
        .collect();
    names.sort_unstable();
    names.dedup();
    let set = |groups: &[&str]| groups.iter().map(|group| Arc::from(*group)).collect::<GroupSet>();
    let people = people.iter().map(|(uid, groups)| ((*uid).into(), set(groups))).collect();
    Membership { names, people, cut: false }
}

#[test]
fn what_is_kept_of_groups_reads_as_it_was() {
    let before =
        membership(&[("ana", &["all", "staff"]), ("rui", &["all", "staff"]), ("eva", &["x"])]);
    let row = row_of(&before);
    assert_eq!((row.sets.len(), row.people.len(), row.names.len()), (2, 3, 3));
    assert_eq!(membership_of(GroupsRow::decode(&row.encode()).unwrap()), before);
    // One that was damaged names nothing that is not there.
    let odd = GroupsRow {
        names: vec!["a".into()],
        sets: vec![vec![0, 7]],
        people: vec![("ana".into(), 0), ("rui".into(), 9)],
    };
    assert_eq!(membership_of(odd), membership(&[("ana", &["a"])]));
}

#[test]
fn whose_groups_differ_and_what_was_lost_is_found() {
    let before = membership(&[("ana", &["a", "b"]), ("rui", &["a"]), ("eva", &["c"])]);
    let after = membership(&[("ana", &["b"]), ("rui", &["a"]), ("joe", &["c"])]);
    let mut changed: Vec<&str> = differing(&before, &after).collect();
    changed.sort_unstable();
    assert_eq!(changed, ["ana", "eva", "joe"]);
    assert_eq!(losses(&before, &after), (4, 2));
    assert_eq!(losses(&before, &before), (4, 0));
    assert_eq!(losses(&Membership::default(), &after), (0, 0));
}

#[test]
fn nobody_knows_the_groups_of_a_person_of_the_directory_before_they_are_read() {
    let store: Arc<dyn Store> = memory();
    let site = site(&store);
    let heard = Arc::new(Heard::default());
    site.identity.watch(Arc::clone(&heard) as Arc<dyn Watcher>);
    heard.take();
    assert_eq!(of(&site, "ana"), None);
    assert_eq!(site.identity.has_group("staff"), None);
    // Who cannot be of the directory is in no group.
    assert_eq!(of(&site, "ana@other.example"), some(&[]));
    assert!(site.identity.take_groups(membership(&[("ana", &["staff"])])));
    assert_eq!(heard.take(), ["keep", "everybody"]);
    assert_eq!(of(&site, "Ana@Campus.Example"), some(&["staff"]));
    assert_eq!(of(&site, "ana@other.example"), some(&[]));
    assert_eq!(of(&site, "rui"), some(&[]));
    assert_eq!(site.identity.has_group("STAFF"), Some(true));
    assert_eq!(site.identity.has_group("ghosts"), Some(false));
    // The same again is no news.
    assert!(site.identity.take_groups(membership(&[("ana", &["staff"])])));
    assert_eq!(heard.take(), [""; 0]);
    // Whoever starts with what was kept knows it at once.
    let row = site.identity.groups_row().unwrap().encode();
    store.commit_blocking(Commit::new().put(Table::Site, GROUPS_KEY, row)).unwrap();
    assert_eq!(of(&self::site(&store), "ana"), some(&["staff"]));
}

#[test]
fn groups_of_a_row_are_added_and_a_local_account_has_no_others() {
    let store: Arc<dyn Store> = memory();
    let site = site(&store);
    site.identity.take_groups(membership(&[("ana", &["staff"]), ("rui", &["staff"])]));
    let heard = Arc::new(Heard::default());
    site.identity.watch(Arc::clone(&heard) as Arc<dyn Watcher>);
    heard.take();
    let put = |account: &Account| {
        let key = Account::key(&account.user);
        store.commit_blocking(Commit::new().put(Table::Accounts, &key, account.encode())).unwrap();
        site.identity.refresh(&account.user).unwrap();
    };
    put(&account("ana", AccountKind::Directory, &["choir", "staff"]));
    assert_eq!(of(&site, "ana"), some(&["choir", "staff"]));
    put(&account("rui", AccountKind::Local, &["choir"]));
    assert_eq!(of(&site, "rui"), some(&["choir"]));
    assert_eq!(heard.take(), ["ana", "rui"]);
    assert_eq!(site.identity.has_group("Choir"), Some(true));
    for (group, user, is_in) in [
        ("Choir", "ana", true),
        ("STAFF", "ana", true),
        ("choir", "rui", true),
        // Another rui is.
        ("staff", "rui", false),
        ("staff", "eva", false),
        ("", "ana", false),
    ] {
        let members = site.identity.members(group);
        assert_eq!(members.contains(&UserName::canonical(user)), is_in, "{user} in {group}");
    }
    let all = [("choir".to_owned(), 2, 0), ("staff".to_owned(), 1, 2)];
    assert_eq!(site.identity.all_groups(), all);
    put(&account("rui", AccountKind::Local, &["choir"]));
    assert_eq!(heard.take(), [""; 0]);
}

#[test]
fn many_who_are_gone_at_once_are_believed_the_second_time() {
    let store: Arc<dyn Store> = memory();
    let site = site(&store);
    let heard = Arc::new(Heard::default());
    site.identity.watch(Arc::clone(&heard) as Arc<dyn Watcher>);
    heard.take();
    let names: Vec<String> = (0..CROWD).map(|number| format!("p{number}")).collect();
    let people = |count: usize| {
        let staff: &[&str] = &["staff"];
        let some: Vec<_> = names.iter().take(count).map(|name| (name.as_str(), staff)).collect();
        membership(&some)
    };
    assert!(site.identity.take_groups(people(CROWD)));
    // Less than half.
    assert!(site.identity.take_groups(people(CROWD - 2)));
    heard.take();
    let all = CROWD - 2;
    for fewer in [0, all / 2 - 1] {
        // A list that is right again in between is a new beginning.
        assert!(site.identity.take_groups(people(CROWD)));
        heard.take();
        assert!(!site.identity.take_groups(people(fewer)), "{fewer}");
        assert!(site.identity.groups.trouble().unwrap().contains("gone at once"));
        assert_eq!((heard.take(), of(&site, "p19")), (Vec::new(), some(&["staff"])));
        assert!(site.identity.take_groups(people(fewer)), "{fewer}");
        assert_eq!(site.identity.groups.trouble(), None);
        assert_eq!(of(&site, "p19"), some(&[]));
    }
}
