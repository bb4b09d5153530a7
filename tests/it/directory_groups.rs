//! Groups of a real directory: who is in them decides who may see whom, and goes on to when the
//! directory does not answer.

use std::time::Duration;

use tagus::clock::Clock;

use crate::directory_test::{outcome, test, trouble};
use crate::support::caller::Caller;
use crate::support::directory::{Directory, GROUPS, PEOPLE};
use crate::support::server::Server;

/// The list is read once a second; one that is odd is read twice.
const ACTED: Duration = Duration::from_secs(15);

const ALL_KINDS: &str =
    "(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames)(objectClass=posixGroup))";

/// People in groups: `teachers` are `staff`, and so is a circle of them; `library` is unique, `unix`
/// names its members by user name.
fn directory() -> Directory {
    let people = ["ana", "rui", "eva", "joe", "dean"];
    let secrets = people.map(|uid| format!("secret-of-{uid}"));
    let people: Vec<(&str, &str)> =
        people.iter().zip(&secrets).map(|(uid, secret)| (*uid, secret.as_str())).collect();
    let directory = Directory::start(&people);
    let of_names = |cn: &str, members: &[String]| {
        let members: String = members.iter().map(|dn| format!("member: {dn}\n")).collect();
        format!(
            "dn: cn={cn},{GROUPS}\nchangetype: add\nobjectClass: groupOfNames\ncn: {cn}\n{members}\n"
        )
    };
    directory.change(&format!(
        "dn: {GROUPS}\nchangetype: add\nobjectClass: organizationalUnit\nou: groups\n\n{}{}\
         dn: cn=library,{GROUPS}\nchangetype: add\nobjectClass: groupOfUniqueNames\ncn: library\n\
         uniqueMember: uid=eva,{PEOPLE}\n\n\
         dn: cn=unix,{GROUPS}\nchangetype: add\nobjectClass: posixGroup\ncn: unix\n\
         gidNumber: 1000\nmemberUid: joe\n\n",
        // Spelt as no entry is.
        of_names("teachers", &["UID=Ana, OU=People,dc=Campus, dc=test".to_owned(), dn("staff")]),
        of_names("staff", &[dn("teachers"), format!("uid=dean,{PEOPLE}")]),
    ));
    directory
}

fn dn(group: &str) -> String {
    format!("cn={group},{GROUPS}")
}

fn member(what: &str, group: &str, uid: &str) -> String {
    format!("dn: {}\nchangetype: modify\n{what}: member\nmember: uid={uid},{PEOPLE}\n", dn(group))
}

/// The server's configuration: groups read each second, and what the institution says of them.
fn configuration(directory: &Directory, default: &str, policies: &[(&str, &str)]) -> String {
    let mut text = directory.readable_configuration(directory.address);
    text += &format!(
        "sync_interval = \"1s\"\ngroup_base_dn = \"{GROUPS}\"\ngroup_filter = \"{ALL_KINDS}\"\n\
         [presence]\ndefault_policy = \"{default}\"\n"
    );
    for (group, policy) in policies {
        text += &format!("[[presence.group_policy]]\ngroup = \"{group}\"\npolicy = \"{policy}\"\n");
    }
    text
}

/// Somebody of the directory who watches the dean.
fn watcher(server: &Server, uid: &str) -> Caller {
    let mut caller = Caller::new(server.udp, uid, &format!("secret-of-{uid}"));
    let answer = caller.watch("dean", 600);
    assert_eq!(answer.status, 200, "{}", answer.text);
    caller
}

/// Waits until a watcher is told so; before that only that nobody knows yet.
fn becomes(caller: &mut Caller, expected: &str) {
    loop {
        match caller.expect_notify() {
            state if state == expected => return,
            state => assert_eq!(state, "pending", "{} awaits {expected}", caller.user),
        }
    }
}

/// Decision 15: the watcher's group decides, whatever kind of group it is and however deep.
#[test]
fn the_groups_of_the_directory_decide_who_sees_whom() {
    let directory = directory();
    let policies =
        [("STAFF", "allow"), ("unix", "allow"), ("library", "confirm"), ("ghosts", "allow")];
    let mut server = Server::start(&configuration(&directory, "block", &policies));
    becomes(&mut watcher(&server, "ana"), "active");
    becomes(&mut watcher(&server, "joe"), "active");
    becomes(&mut watcher(&server, "eva"), "pending");
    becomes(&mut watcher(&server, "rui"), "terminated;reason=rejected");
    // What is shown, and what is said, once, of a group that is not there.
    server.add_device("ana", "phone");
    let shown = server.run(&["user", "show", "ana", "--json"], None).json();
    assert_eq!(shown["groups"], serde_json::json!(["staff", "teachers"]), "{shown}");
    let clock = Clock::system();
    let deadline = clock.now() + ACTED;
    let log = loop {
        let log = server.log();
        if log.contains("unknown_group") {
            break log;
        }
        assert!(clock.now() < deadline, "{log}");
    };
    let warnings: Vec<&str> = log.lines().filter(|line| line.contains("unknown_group")).collect();
    assert!(warnings.len() == 1 && warnings[0].contains("ghosts"), "{log}");
}

/// A membership that changes acts on subscriptions that live, without anybody asking again.
#[test]
fn a_change_of_membership_acts_on_live_subscriptions() {
    let directory = directory();
    let server = Server::start(&configuration(&directory, "confirm", &[("staff", "allow")]));
    let mut ana = watcher(&server, "ana");
    becomes(&mut ana, "active");
    let mut rui = watcher(&server, "rui");
    becomes(&mut rui, "pending");
    // RFC 3857 s4.7.1: who asked and went waits for an answer; a group may give it, too.
    let mut joe = Caller::new(server.udp, "joe", "secret-of-joe");
    assert_eq!(joe.watch("dean", 0).status, 200);
    let clock = Clock::system();
    let deadline = clock.now() + ACTED;
    let joe_waits = || {
        let listed = server.run(&["presence", "watchers", "dean", "--json"], None).json();
        listed.to_string().contains("joe@")
    };
    joe.expect_notify();
    while !joe_waits() {
        assert!(clock.now() < deadline, "joe asked and went");
    }
    directory.change(&member("add", "teachers", "joe"));
    while joe_waits() {
        assert!(clock.now() < deadline, "joe waits for an answer that there is");
    }
    directory.change(&member("add", "teachers", "rui"));
    becomes(&mut rui, "active");
    directory.change(&member("delete", "teachers", "rui"));
    assert_eq!(rui.expect_notify(), "pending");
    // Together with the group that brings her in.
    directory.change(&format!(
        "dn: {}\nchangetype: modify\ndelete: member\nmember: {}\n",
        dn("staff"),
        dn("teachers")
    ));
    assert_eq!(ana.expect_notify(), "pending");
}

/// What was read last holds while the directory is away, also for a server that starts meanwhile, and
/// while the groups cannot be read.
#[test]
fn an_outage_takes_nobody_out_of_a_group() {
    let mut directory = directory();
    let mut server = Server::start(&configuration(&directory, "block", &[("staff", "allow")]));
    let secret = server.add_device("ana", "phone");
    // Somebody whom the server knows by itself.
    server.add_user("warden", "of-the-warden");
    becomes(&mut watcher(&server, "ana"), "active");
    let clock = Clock::system();
    let until = |server: &mut Server, state: &str| {
        let deadline = clock.now() + ACTED;
        loop {
            let status = server.run(&["status", "--json"], None).json();
            if status["ldap"]["state"] == state {
                return status["ldap"]["detail"].to_string();
            }
            assert!(clock.now() < deadline, "{status}\n{}", server.log());
        }
    };
    let ana = |server: &Server| {
        let mut ana = Caller::new(server.udp, "ana", &secret);
        assert_eq!(ana.watch("warden", 600).status, 200);
        ana.expect_notify()
    };
    directory.stop();
    until(&mut server, "down");
    assert_eq!(ana(&server), "active");
    server.kill();
    server.start_again();
    until(&mut server, "down");
    assert_eq!(ana(&server), "active");
    directory.start_again();
    until(&mut server, "up");
    assert_eq!(ana(&server), "active");
    // The people can be read, the groups cannot.
    directory.change(&format!(
        "dn: {GROUPS}\nchangetype: modrdn\nnewrdn: ou=elsewhere\ndeleteoldrdn: 1\n"
    ));
    let detail = until(&mut server, "degraded");
    assert!(detail.contains("groups"), "{detail}");
    assert_eq!(ana(&server), "active");
}

#[test]
fn ldap_test_shows_the_groups_and_what_is_wrong_with_them() {
    let folder = tempfile::tempdir().expect("temporary directory");
    let directory = directory();
    let configuration = configuration(&directory, "block", &[]);
    let (steps, code) = test(folder.path(), &configuration, &["ana"]);
    assert_eq!((code, outcome(&steps, "groups")), (0, "ok"), "{steps:#?}");
    let found = format!("{steps:?}");
    assert!(
        found.contains("4 groups") && found.contains("teachers (2 members, 2 people)"),
        "{found}"
    );
    assert!(found.contains("ana is in staff, teachers"), "{found}");
    let (steps, code) = test(folder.path(), &configuration, &["rui"]);
    assert_eq!((code, outcome(&steps, "groups")), (0, "ok"), "{steps:#?}");
    assert!(format!("{steps:?}").contains("rui is in none"), "{steps:#?}");

    let nowhere = configuration.replace(GROUPS, "ou=nowhere,dc=campus,dc=test");
    let (steps, code) = test(folder.path(), &nowhere, &["ana"]);
    assert_eq!((code, outcome(&steps, "groups")), (1, "failed"), "{steps:#?}");
    assert!(trouble(&steps, "groups").2.contains("group_base_dn"), "{steps:#?}");

    let none = configuration.replace(ALL_KINDS, "(objectClass=device)");
    let (steps, code) = test(folder.path(), &none, &[]);
    assert_eq!((code, outcome(&steps, "groups")), (0, "warning"), "{steps:#?}");
}
