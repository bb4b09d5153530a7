//! The command line as scripts use it: the binary, its exit codes, what it prints.
#![expect(clippy::expect_used, reason = "a test whose surroundings fail has failed")]

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

struct Printed {
    code: i32,
    out: String,
    err: String,
}

impl Printed {
    fn json(&self) -> Value {
        assert_eq!(self.code, 0, "{}{}", self.out, self.err);
        serde_json::from_str(&self.out).expect("JSON")
    }
}

/// Runs `tagus --data-dir DIR ...` in an environment that holds nothing of ours.
fn run(data_dir: &Path, arguments: &[&str], input: &str) -> Printed {
    let mut child = Command::new(env!("CARGO_BIN_EXE_tagus"))
        .env_clear()
        .env("HOME", data_dir)
        .arg("--data-dir")
        .arg(data_dir)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("tagus can be run");
    // A command that reads nothing may have ended already.
    let _ = child.stdin.take().expect("a pipe").write_all(input.as_bytes());
    let output = child.wait_with_output().expect("tagus ends");
    Printed {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

fn folder() -> TempDir {
    TempDir::new().expect("temporary directory")
}

#[test]
fn status_exits_5_while_no_server_answers_and_names_the_directory() {
    let folder = folder();
    let printed = run(folder.path(), &["status", "--json"], "");
    assert_eq!((printed.code, printed.out.as_str()), (5, ""));
    assert!(printed.err.contains(&folder.path().display().to_string()), "{}", printed.err);
    let said: Value = serde_json::from_str(&printed.err).expect("with --json failures are JSON");
    assert_eq!(said["error"]["exit"], "unreachable");
}

#[test]
fn init_makes_a_configuration_that_is_checked_shown_and_kept() {
    let folder = folder();
    let made = run(folder.path(), &["init", "--domain", "campus.test", "--json"], "").json();
    assert_eq!(made["domain"], "campus.test");
    assert_eq!(run(folder.path(), &["config", "check"], "").code, 0);
    let shown = run(folder.path(), &["config", "show", "--json"], "").json();
    assert_eq!(shown["domain"]["value"], "campus.test");
    assert_eq!(shown["domain"]["origin"], "file");
    assert_eq!(shown["registrar.min_expires"]["origin"], "default");
    assert_eq!(run(folder.path(), &["init", "--domain", "other.test"], "").code, 4);
    assert_eq!(run(folder.path(), &["config", "show", "nothing"], "").code, 3);
}

/// Without one in the configuration the domain is that of the people who are stored.
#[test]
fn the_domain_that_is_shown_is_the_one_in_force() {
    let folder = folder();
    let shown = || run(folder.path(), &["config", "show", "domain", "--json"], "").json();
    let before = shown()["domain"].clone();
    assert_eq!(before["origin"], "default");
    let set = ["--set", "domain=stored.test", "user", "list"];
    assert_eq!(run(folder.path(), &set, "").code, 0);
    add(folder.path(), "ana");
    let after = shown()["domain"].clone();
    assert_eq!((&after["value"], &after["origin"]), (&"stored.test".into(), &"store".into()));
    let named = ["--set", "domain=named.test", "config", "show", "domain", "--json"];
    let named = run(folder.path(), &named, "").json()["domain"].clone();
    assert_eq!((&named["value"], &named["origin"]), (&"named.test".into(), &"option".into()));
}

/// T23 and C01: what `config check` refuses, with its line.
#[test]
fn an_invalid_configuration_exits_2_and_names_the_line() {
    let folder = folder();
    let file = folder.path().join("tagus.toml");
    std::fs::write(&file, "domain = \"a.test\"\n[sip]\ntrusted_peers = [\"0.0.0.0/0\"]\n")
        .expect("a file");
    let printed = run(folder.path(), &["config", "check"], "");
    assert_eq!(printed.code, 2);
    assert!(printed.err.contains("tagus.toml:3: sip.trusted_peers: "), "{}", printed.err);

    std::fs::write(&file, "domian = \"a.test\"\n").expect("a file");
    let printed = run(folder.path(), &["config", "check", "--json"], "");
    assert_eq!(printed.code, 2);
    let said: Value = serde_json::from_str(&printed.out).expect("JSON");
    assert_eq!(said["valid"], false);
    assert_eq!(said["problems"][0]["message"], "unknown key; did you mean domain?");
    assert!(run(folder.path(), &["config", "show"], "").err.contains("did you mean domain?"));
}

#[test]
fn wrong_usage_exits_2_and_help_exits_0() {
    let folder = folder();
    for wrong in [&["sing"][..], &["user"], &["user", "add"], &["status", "--port", "1"]] {
        assert_eq!(run(folder.path(), wrong, "").code, 2, "{wrong:?}");
    }
    assert_eq!(run(folder.path(), &["help"], "").code, 0);
    assert_eq!(run(folder.path(), &["user", "--help"], "").code, 0);
    assert_eq!(run(folder.path(), &["version", "--json"], "").json()["name"], "tagus");
    assert!(run(folder.path(), &["completions", "bash"], "").out.contains("complete"));
}

/// C13 and T69: a password never stands on the command line.
#[test]
fn a_password_as_an_argument_is_refused() {
    let folder = folder();
    let printed = run(folder.path(), &["user", "add", "ana", "--password", "canary"], "");
    assert_eq!(printed.code, 2);
    assert!(printed.err.contains("--password-file -"), "{}", printed.err);
    assert!(!printed.err.contains("canary"), "{}", printed.err);
}

/// Adds a person with a password, as scripts do.
fn add(data_dir: &Path, user: &str) {
    let printed =
        run(data_dir, &["user", "add", user, "--name", "A. B.", "--password-file", "-"], "x\n");
    assert_eq!(printed.code, 0, "{}", printed.err);
}

/// With no server running a command opens the store itself.
#[test]
fn people_and_devices_are_managed_while_no_server_runs() {
    let folder = folder();
    let at = folder.path();
    let arguments = ["user", "add", "Alice", "--name", "Alice A.", "--password-file", "-"];
    let made = run(at, &[&arguments[..], &["--json"]].concat(), "secret\n").json();
    assert_eq!((&made["user"], &made["name"]), (&"alice".into(), &"Alice A.".into()));
    assert_eq!(run(at, &arguments, "secret\n").code, 4);

    let device = ["device", "add", "alice", "--name", "phone", "--json"];
    let device = run(at, &device, "").json();
    let members: Vec<&str> =
        device.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(members, ["device", "secret", "user"]);
    assert_eq!(device["user"], "alice");
    let id = device["device"].as_str().expect("an id");

    let list = run(at, &["user", "list", "--json"], "").json();
    assert_eq!(list["users"][0]["user"], "alice");
    let devices = run(at, &["device", "list", "alice", "--json"], "").json();
    assert_eq!(
        (&devices["devices"][0]["name"], &devices["devices"][0]["revoked"]),
        (&"phone".into(), &false.into())
    );
    assert_eq!(run(at, &["device", "revoke", "alice", id], "").code, 0);
    assert_eq!(run(at, &["device", "revoke", "alice", id], "").code, 3);

    assert_eq!(run(at, &["user", "disable", "alice"], "").code, 0);
    let shown = run(at, &["user", "show", "alice", "--json"], "").json();
    assert_eq!((&shown["disabled"], &shown["held_messages"]), (&true.into(), &0.into()));
    assert!(run(at, &["user", "show", "alice"], "").out.contains("disabled"));
    assert_eq!(run(at, &["user", "enable", "alice"], "").code, 0);
    assert_eq!(run(at, &["user", "passwd", "alice", "--password-file", "-"], "other\n").code, 0);
    assert_eq!(run(at, &["ban", "list", "--json"], "").json()["bans"], serde_json::json!([]));
    assert_eq!(run(at, &["ban", "lift", "--all"], "").code, 3);
    assert_eq!(run(at, &["user", "delete", "alice"], "").code, 0);

    let gone = run(at, &["user", "show", "alice"], "");
    assert_eq!(gone.code, 3);
    assert!(gone.err.contains("tagus user list"), "{}", gone.err);
    assert_eq!(run(at, &["status"], "").code, 5);
}

/// Every address and password is made for one domain, whoever opens the store, and with which
/// options.
/// Interfaces: `presence rules set` checks and installs, `show` prints, also while no server runs; and
/// nobody who is given a name later inherits them.
#[test]
fn rules_and_presence_are_looked_at_while_no_server_runs() {
    let folder = folder();
    let at = folder.path();
    add(at, "ana");
    let rules = "<ruleset xmlns=\"urn:ietf:params:xml:ns:common-policy\"/>";
    let bad = run(at, &["presence", "rules", "set", "ana"], "<ruleset>");
    assert_eq!(bad.code, 2, "{}", bad.err);
    assert!(bad.err.contains("line 1"), "{}", bad.err);
    assert_eq!(run(at, &["presence", "rules", "set", "ana"], rules).code, 0);
    let shown = run(at, &["presence", "rules", "show", "ana"], "");
    assert_eq!(shown.out.trim_end(), rules);
    let presence = run(at, &["presence", "show", "ana", "--json"], "").json();
    assert_eq!(
        (&presence["open"], &presence["publications"]),
        (&false.into(), &Value::Array(vec![]))
    );
    let watchers = run(at, &["presence", "watchers", "ana", "--json"], "").json();
    assert_eq!(watchers["watchers"], Value::Array(vec![]));
    assert_eq!(run(at, &["presence", "show", "nobody"], "").code, 3);
    assert_eq!(run(at, &["user", "delete", "ana"], "").code, 0);
    add(at, "ana");
    let none = run(at, &["presence", "rules", "show", "ana", "--json"], "").json();
    assert_eq!(none["documents"], Value::Array(vec![]));
}

#[test]
fn the_domain_of_the_first_account_stays_and_another_one_is_refused() {
    let folder = folder();
    let at = folder.path();
    let first = ["--set", "domain=first.test", "user", "add", "ana", "--json"];
    assert_eq!(run(at, &first, "").json()["address"], "ana@first.test");
    let second = run(at, &["user", "add", "bob", "--json"], "").json();
    assert_eq!(second["address"], "bob@first.test");
    let serve = ["--set", "sip.listen=udp://127.0.0.1:0", "serve"];
    for command in [&serve[..], &["user", "list"]] {
        let other = run(at, &[&["--set", "domain=other.test"][..], command].concat(), "");
        assert_eq!(other.code, 4, "{}", other.err);
        assert!(other.err.contains("first.test") && other.err.contains("aliases"), "{}", other.err);
    }
}

/// A store that cannot be read says what helps: the server, or with nothing that it could restore
/// an export.
#[test]
fn a_damaged_store_says_how_it_is_had_back() {
    let folder = folder();
    let at = folder.path();
    add(at, "ana");
    let file = at.join("all.tagus");
    assert_eq!(run(at, &["export", file.to_str().expect("UTF-8")], "").code, 0);
    let database = at.join("store/gen-1/tree/db");
    let length = std::fs::metadata(&database).expect("the file of the store").len();
    std::fs::write(&database, vec![0xaa; length as usize]).expect("written");
    let command = run(at, &["user", "list"], "");
    assert_eq!(command.code, 1, "{}", command.out);
    assert!(command.err.contains("tagus serve restores"), "{}", command.err);
    let server = run(at, &["--set", "sip.listen=udp://127.0.0.1:0", "serve"], "");
    assert_eq!(server.code, 1);
    let said = server.err.lines().last().unwrap_or_default();
    assert!(said.contains("move ") && !said.contains("serve restores"), "{said}");
    std::fs::rename(at.join("store"), at.join("damaged")).expect("moved away");
    assert_eq!(run(at, &["import", file.to_str().expect("UTF-8")], "").code, 0);
    assert_eq!(run(at, &["user", "list", "--json"], "").json()["users"][0]["user"], "ana");
}

/// What a command meets on its way is told on standard error, and does not mix with its data.
#[test]
fn a_command_without_a_server_tells_its_warnings() {
    let folder = folder();
    let at = folder.path();
    add(at, "ana");
    let listed = run(at, &["--set", "identity.realm=other", "user", "list", "--json"], "");
    assert_eq!(listed.json()["users"][0]["user"], "ana");
    let warning: Value = serde_json::from_str(&listed.err).expect("one line of JSON");
    assert_eq!((&warning["level"], &warning["configured"]), (&"warn".into(), &"other".into()));
    assert_eq!(run(at, &["user", "list"], "").err, "");
}

/// A name mistyped makes no directory.
#[test]
fn a_data_directory_that_does_not_exist_is_made_by_what_has_something_to_put_there() {
    let folder = folder();
    let missing = folder.path().join("missing");
    for arguments in [&["user", "list"][..], &["user", "show", "a"], &["ban", "list"]] {
        assert_eq!(run(&missing, arguments, "").code, 3, "{arguments:?}");
        assert!(!missing.exists());
    }
    add(&missing, "ana");
    assert_eq!(run(&missing, &["user", "list"], "").code, 0);
}

/// 10,000 rows in under 10 s, each durable; here with unoptimised code.
#[test]
fn ten_thousand_people_are_imported_and_listed() {
    let folder = folder();
    let mut csv = "user,name,mail,password,groups\n".to_owned();
    for n in 0..10_000 {
        csv.push_str(&format!("u{n:05},Person {n},u{n}@x.example,pw{n},staff\n"));
    }
    csv.push_str("u00000,Again,,x,\n");
    let clock = tagus::clock::Clock::system();
    let start = clock.now();
    let printed = run(folder.path(), &["user", "import", "-"], &csv);
    let took = clock.now().since(start);
    assert_eq!(printed.code, 1, "a row failed: {}", printed.err);
    let lines: Vec<&str> = printed.out.lines().collect();
    assert_eq!(lines.len(), 2, "{}", printed.out);
    assert!(lines[0].starts_with("line 10002: u00000: "), "{}", lines[0]);
    assert_eq!(lines[1], "10000 added, 1 failed");
    assert!(took.as_secs() < 10, "{took:?}");
    let list = run(folder.path(), &["user", "list", "--json"], "").json();
    assert_eq!(list["users"].as_array().map(Vec::len), Some(10_000));
}

#[test]
fn everything_moves_into_another_directory_with_its_key() {
    let (from, to) = (folder(), folder());
    add(from.path(), "ana");
    let file = from.path().join("all.tagus");
    let file = file.to_str().expect("UTF-8");
    let exported = run(from.path(), &["export", file, "--json"], "").json();
    assert_eq!(run(from.path(), &["export", file], "").code, 4);
    assert_eq!(run(from.path(), &["import", file], "").code, 4);

    // Somebody looked into the new directory before: that is no reason to refuse.
    assert_eq!(run(to.path(), &["user", "list"], "").code, 0);
    std::fs::remove_file(to.path().join("secrets.key")).expect("a key was made");
    let imported = run(to.path(), &["import", file], "");
    assert_eq!(imported.code, 0, "{}", imported.err);
    assert!(imported.out.starts_with(&format!("{} records", exported["records"])));
    assert!(imported.err.contains("secrets.key"), "{}", imported.err);
    let locked = run(to.path(), &["user", "list"], "");
    assert_eq!(locked.code, 4, "without the key nothing is opened: {}", locked.err);
    std::fs::copy(from.path().join("secrets.key"), to.path().join("secrets.key")).expect("a copy");
    assert_eq!(run(to.path(), &["user", "show", "ana", "--json"], "").json()["name"], "A. B.");

    assert_eq!(run(to.path(), &["import", "/nowhere/x"], "").code, 4);
    let (empty, other) = (folder(), folder());
    assert_eq!(run(empty.path(), &["import", "/nowhere/x"], "").code, 3);
    let foreign = other.path().join("foreign");
    std::fs::write(&foreign, "something else").expect("a file");
    let foreign = foreign.to_str().expect("UTF-8");
    assert_eq!(run(empty.path(), &["import", foreign], "").code, 2);
}

/// Exit code 4, also: another process owns the data directory.
#[test]
fn a_command_beside_a_process_that_holds_the_store_exits_4() {
    let folder = folder();
    add(folder.path(), "ana");
    let options = tagus::store::Options::for_command(folder.path());
    let held = tagus::store::open(options).expect("the store");
    let printed = run(folder.path(), &["user", "list"], "");
    assert_eq!(printed.code, 4, "{}", printed.err);
    assert!(printed.err.contains(&format!("process {}", std::process::id())), "{}", printed.err);
    assert!(printed.err.contains("try again"), "{}", printed.err);
    drop(held);
    assert_eq!(run(folder.path(), &["user", "list"], "").code, 0);
}

#[test]
fn commands_side_by_side_wait_for_each_other() {
    let folder = folder();
    std::thread::scope(|scope| {
        let at = folder.path();
        for user in ["ana", "bia", "rui"] {
            scope.spawn(move || add(at, user));
        }
    });
    let list = run(folder.path(), &["user", "list", "--json"], "").json();
    assert_eq!(list["users"].as_array().map(Vec::len), Some(3));
}

/// A server of this test's own; gone with it.
struct Served(std::process::Child);

impl Served {
    /// Returns when every listener and the control socket answer.
    fn start(data_dir: &Path) -> Served {
        let mut child = Command::new(env!("CARGO_BIN_EXE_tagus"))
            .env_clear()
            .env("HOME", data_dir)
            .args(["serve", "--set", "sip.listen=[\"udp://127.0.0.1:0\"]", "--data-dir"])
            .arg(data_dir)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("tagus can be run");
        let mut line = String::new();
        let out = child.stdout.take().expect("a pipe");
        std::io::BufRead::read_line(&mut std::io::BufReader::new(out), &mut line).expect("a line");
        let served = Served(child);
        assert!(line.starts_with("ready "), "{line}");
        served
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have ended by itself; the test has failed then anyway.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The same behind the socket and without a server; a killed server
/// loses nothing that a command called done.
#[test]
fn a_command_prints_the_same_with_a_server_and_without() {
    let script: [(&[&str], &str, i32); 9] = [
        (&["user", "add", "ana", "--name", "Ana", "--password-file", "-"], "x\n", 0),
        (&["user", "add", "ana", "--json"], "", 4),
        (&["user", "add", "a b"], "", 2),
        (&["user", "import", "-"], "user,name\nrui,Rui\nana,Again\n", 1),
        (&["user", "list"], "", 0),
        (&["user", "show", "nobody"], "", 3),
        (&["device", "revoke", "ana", "x"], "", 3),
        (&["user", "disable", "rui"], "", 0),
        (&["user", "export"], "", 0),
    ];
    let (with, without) = (folder(), folder());
    let server = Served::start(with.path());
    for (arguments, input, code) in script {
        let [one, other] = [&with, &without].map(|at| run(at.path(), arguments, input));
        assert_eq!((one.code, &one.out, &one.err), (other.code, &other.out, &other.err));
        assert_eq!(one.code, code, "{arguments:?}: {}", one.err);
    }
    let second = run(with.path(), &["serve", "--set", "sip.listen=[\"udp://127.0.0.1:0\"]"], "");
    assert_eq!(second.code, 4, "{}", second.err);
    assert!(second.err.contains("a server runs in "), "{}", second.err);
    let status = run(with.path(), &["status", "--json"], "").json();
    assert_eq!((&status["accounts"], &status["pid"]), (&2.into(), &server.0.id().into()));
    assert_eq!(run(with.path(), &["import", "/nowhere/x"], "").code, 4);
    let file = with.path().join("all.tagus");
    assert_eq!(run(with.path(), &["export", file.to_str().expect("UTF-8")], "").code, 0);
    drop(server);
    assert_eq!(run(with.path(), &["status"], "").code, 5);
    let [one, other] = [&with, &without].map(|at| run(at.path(), &["user", "list"], "").out);
    assert_eq!(one, other);
}
