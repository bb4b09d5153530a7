//! People on the console: the list, adding, changing, groups, import, jobs.

use std::time::Duration;

use serde_json::{Value, json};
use tagus::clock::Clock;
use tagus::model::Role;
use tagus::operations::{Existing, Request, Secret};

use super::{WEB, add_console, ask, nothing, walk};
use crate::support::directory::{Directory, GROUPS, PEOPLE};
use crate::support::server::Server;

/// Names that want to be more than names.
const HOSTILE: &str = "user,name,mail,groups\n\
    svg,<svg onload=alert(1)>,<svg@campus.test,<b>x</b>\n\
    quotes,\"\"\"><script>alert(1)</script>\",a'b@campus.test,\"\"\"onfocus=alert(1)\"\n\
    right,a\u{202e}txt.exe\u{200f},right@campus.test,staff\n\
    formula,=HYPERLINK(1),x@campus.test,staff\n";

#[test]
fn people_are_looked_for_added_changed_and_imported_in_both_languages() {
    let server = Server::start(WEB);
    add_console(&server, "ana", Role::Owner);
    add_console(&server, "rui", Role::Admin);
    add_console(&server, "eva", Role::ReadOnly);
    let mut csv = HOSTILE.to_owned();
    let long = "W".repeat(400);
    csv.push_str(&format!("long{},{long},{long}@campus.test,{long}\n", "g".repeat(200)));
    for n in 0..60 {
        csv.push_str(&format!("p{n:02},Pessoa Conceição {n:02},p{n:02}@campus.test,class-1\n"));
    }
    let csv = Secret::new(csv);
    ask(&server, &Request::UserImport { csv, existing: Existing::Fail, dry_run: false });
    server.add_device("p01", "telephone");
    ask(&server, &Request::UserDisable { user: "p02".to_owned() });
    walk(&server, "people", &json!({}), 80, nothing);
}

/// The list is read once a second here.
const ACTED: Duration = Duration::from_secs(30);

/// Waits until the server has read of the directory what fits.
fn wait_for_reading(server: &Server, fits: impl Fn(&Value) -> bool) {
    let clock = Clock::system();
    let deadline = clock.now() + ACTED;
    loop {
        let shown = server.run(&["ldap", "show", "--json"], None).json();
        if fits(&shown) {
            return;
        }
        assert!(clock.now() < deadline, "{shown:#}");
    }
}

fn change(uid: &str, attribute: &str, value: &str) -> String {
    format!(
        "dn: uid={uid},{PEOPLE}\nchangetype: modify\nreplace: {attribute}\n{attribute}:{value}\n\n"
    )
}

#[test]
fn people_of_the_directory_are_shown_as_they_stand_and_not_changed_here() {
    let names: Vec<String> = (0..32).map(|n| format!("u{n:02}")).collect();
    let people: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "secret")).collect();
    let directory = Directory::start(&people);
    let member = format!("member: uid=u01,{PEOPLE}\nmember: uid=u02,{PEOPLE}\n");
    directory.change(&format!(
        "dn: {GROUPS}\nchangetype: add\nobjectClass: organizationalUnit\nou: groups\n\n\
         dn: cn=staff,{GROUPS}\nchangetype: add\nobjectClass: groupOfNames\ncn: staff\n{member}\n"
    ));
    // "<svg onload=alert(1)>" and "a", a mark that turns the direction, "txt".
    directory.change(&change("u01", "cn", ": PHN2ZyBvbmxvYWQ9YWxlcnQoMSk+"));
    directory.change(&change("u02", "cn", ": YeKArnR4dA=="));
    directory.change(&change("u03", "cn", &format!(" {}", "W".repeat(10_000))));
    directory.change(&change("u04", "description", " locked"));
    let configuration = format!(
        "{WEB}{}sync_interval = \"1s\"\ndisabled_filter = \"(description=locked)\"\n\
         group_base_dn = \"{GROUPS}\"\n",
        directory.readable_configuration(directory.address)
    );
    let server = Server::start(&configuration);
    add_console(&server, "ana", Role::Owner);
    add_console(&server, "rui", Role::Helpdesk);
    wait_for_reading(&server, |shown| shown["people"] == 32);
    directory.delete("u05");
    wait_for_reading(&server, |shown| shown["people"] == 31);
    // So many at once wait for somebody to decide.
    for name in &names[12..] {
        directory.delete(name);
    }
    wait_for_reading(&server, |shown| shown["proposal"]["difference"]["held"] == 20);
    walk(&server, "people-directory", &json!({}), 40, nothing);
}
