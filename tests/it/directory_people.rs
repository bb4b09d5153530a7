//! People of a real directory: found while it is away, and kept when it loses them.

use std::time::Duration;

use serde_json::Value;
use tagus::clock::Clock;

use crate::support::caller::Caller;
use crate::support::directory::{Directory, PEOPLE};
use crate::support::server::Server;

/// The list is read once a second here; out within 120 s is the promise.
const ACTED: Duration = Duration::from_secs(30);

/// `ana`, `rui` and thirty others.
fn directory() -> Directory {
    let names: Vec<String> = ["ana", "rui"]
        .map(str::to_owned)
        .into_iter()
        .chain((0..30).map(|n| format!("u{n:02}")))
        .collect();
    let secrets: Vec<String> = names.iter().map(|name| format!("secret-of-{name}")).collect();
    let people: Vec<(&str, &str)> =
        names.iter().zip(&secrets).map(|(name, secret)| (name.as_str(), secret.as_str())).collect();
    let directory = Directory::start(&people);
    directory.change(&format!(
        "dn: uid=ana,{PEOPLE}\nchangetype: modify\nreplace: cn\ncn:: {}\n",
        // "Ana Conceição"
        "QW5hIENvbmNlacOnw6Nv"
    ));
    directory
}

fn configuration(directory: &Directory) -> String {
    directory.readable_configuration(directory.address)
        + "sync_interval = \"1s\"\ndisabled_filter = \"(description=locked)\"\n"
}

/// What `tagus ldap show` says once it fits.
fn shown(server: &Server, fits: impl Fn(&Value) -> bool) -> Value {
    let clock = Clock::system();
    let deadline = clock.now() + ACTED;
    loop {
        let shown = server.run(&["ldap", "show", "--json"], None).json();
        if fits(&shown) {
            return shown;
        }
        assert!(clock.now() < deadline, "{shown:#}");
    }
}

fn bindings(server: &Server) -> u64 {
    let status = server.run(&["status", "--json"], None).json();
    status["bindings"].as_u64().unwrap_or(u64::MAX)
}

fn wait_for_bindings(server: &Server, count: u64) {
    let clock = Clock::system();
    let deadline = clock.now() + ACTED;
    while bindings(server) != count {
        assert!(clock.now() < deadline, "{} bindings", bindings(server));
    }
}

fn find(server: &Server, arguments: &[&str]) -> Value {
    let all: Vec<&str> = ["user", "find", "--json"].iter().chain(arguments).copied().collect();
    server.run(&all, None).json()
}

fn register(server: &Server, user: &str) -> Caller {
    let mut caller = Caller::new(server.udp, user, &format!("secret-of-{user}"));
    let answer = caller.register(600);
    assert_eq!(answer.status, 200, "{}", answer.text);
    caller
}

fn delete(people: impl Iterator<Item = String>) -> String {
    people.map(|uid| format!("dn: uid={uid},{PEOPLE}\nchangetype: delete\n\n")).collect()
}

/// Twelve people gone at once are shown and stay; one who is locked meanwhile is out; the administrator
/// keeps them, then lets them go.
#[test]
fn people_whom_the_directory_loses_at_once_stay_until_somebody_decides() {
    let directory = directory();
    let mut server = Server::start(&configuration(&directory));
    shown(&server, |shown| shown["people"] == 32);
    let mut ana = register(&server, "ana");
    let mut gone = register(&server, "u05");
    let _rui = register(&server, "rui");
    let page = find(&server, &["conceicao"]);
    assert_eq!(
        (&page["total"], &page["people"][0]["online"]),
        (&1.into(), &true.into()),
        "{page:#}"
    );

    directory.change(&delete((0..12).map(|n| format!("u{n:02}"))));
    let state = shown(&server, |shown| shown["proposal"]["difference"]["held"] == 12);
    assert_eq!(state["state"], "degraded");
    let detail = state["detail"].as_str().unwrap_or_default();
    assert!(detail.contains("12 of 32") && detail.contains("tagus ldap sync"), "{detail}");
    let absent = &state["proposal"]["difference"]["absent"];
    assert_eq!((&absent["count"], &absent["people"][5]["user"]), (&12.into(), &"u05".into()));
    assert_eq!(gone.register(600).status, 200);
    assert_eq!(ana.message("u06", "are you there?").status, 202);
    let preview = server.run(&["ldap", "sync", "--preview", "--json"], None).json();
    assert_eq!(preview["held"], 12, "{preview:#}");
    assert_eq!(server.run(&["ldap", "sync"], None).code, 4);
    assert_eq!(bindings(&server), 3);

    directory.add("rui", "description", "locked");
    wait_for_bindings(&server, 2);
    assert_eq!(shown(&server, |_| true)["proposal"]["difference"]["held"], 12);

    assert_eq!(server.run(&["ldap", "sync", "--dismiss"], None).code, 0);
    let state = shown(&server, |_| true);
    assert_eq!(state["proposal"]["kept_by"], "local", "{state:#}");
    server.run(&["ldap", "sync", "--apply", "--json"], None).json();
    wait_for_bindings(&server, 1);
    assert_eq!(gone.register(600).status, 401);
    let absent = find(&server, &["--state", "absent"]);
    assert_eq!(absent["total"], 12, "{absent:#}");
    assert!(absent["people"][0]["absent_since"].is_string());
    let state = shown(&server, |shown| shown["state"] == "up");
    assert_eq!((&state["proposal"], &state["people"]), (&Value::Null, &20.into()));
    assert!(state["runs"].as_array().is_some_and(|runs| runs.len() >= 4), "{state:#}");

    // Everybody is found although nobody can be asked, also by a server that starts so.
    let mut directory = directory;
    directory.stop();
    let state = shown(&server, |shown| shown["state"] == "down");
    assert!(
        state["advice"].as_str().is_some_and(|advice| advice.contains("20 people stay")),
        "{state:#}"
    );
    assert_eq!(find(&server, &["CONCEIÇÃO"])["total"], 1);
    server.kill();
    server.start_again();
    assert_eq!(find(&server, &["conce"])["total"], 1);
    assert_eq!(find(&server, &["--source", "directory"])["total"], 32);
    assert_eq!(find(&server, &["--state", "absent"])["total"], 12);
    assert_eq!(find(&server, &["--state", "disabled"])["people"][0]["user"], "rui");
}

/// The directory answers, and has nobody.
#[test]
fn a_directory_that_suddenly_lists_nobody_loses_nobody_here() {
    let directory = directory();
    let server = Server::start(&configuration(&directory));
    shown(&server, |shown| shown["people"] == 32);
    let mut ana = register(&server, "ana");
    let everybody =
        ["ana", "rui"].map(str::to_owned).into_iter().chain((0..30).map(|n| format!("u{n:02}")));
    directory.change(&delete(everybody));
    // Whoever comes before the list is read again is not turned away, and need not wait for it.
    assert_eq!(ana.register(600).status, 200);
    let state = shown(&server, |shown| shown["proposal"]["difference"]["held"] == 32);
    assert!(
        state["detail"].as_str().is_some_and(|text| text.contains("lists nobody")),
        "{state:#}"
    );
    assert_eq!(ana.register(600).status, 200);
    assert_eq!(ana.message("ana", "to myself").status, 200);
    // Nobody ever asked about her, and nobody can say now: she waits, and is not told that she is nobody.
    let mut other = Caller::new(server.udp, "u07", "secret-of-u07");
    assert_eq!(other.register(600).status, 503);
    assert_eq!(ana.message("u07", "are you there?").status, 202);
    assert_eq!(bindings(&server), 1);
    assert_eq!(find(&server, &[])["total"], 32);
}
