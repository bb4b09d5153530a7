//! `tagus ldap test` against a real slapd: each step, and what it says when one fails.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::directory::{ADMIN, ADMIN_PASSWORD, Directory, PEOPLE};
use crate::support::server::Server;

/// The steps that `tagus ldap test --json` prints, and its exit code.
pub(crate) fn test(folder: &Path, configuration: &str, arguments: &[&str]) -> (Vec<Value>, i32) {
    let file = folder.join("tagus.toml");
    std::fs::write(&file, format!("domain = \"campus.test\"\n{configuration}")).expect("a file");
    let output = Command::new(env!("CARGO_BIN_EXE_tagus"))
        .arg("--config")
        .arg(&file)
        .args(["--json", "ldap", "test"])
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("tagus can be run");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let steps = printed.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    (steps, output.status.code().unwrap_or(-1))
}

pub(crate) fn outcome<'a>(steps: &'a [Value], name: &str) -> &'a str {
    let step = steps.iter().find(|step| step["step"] == name);
    step.and_then(|step| step["state"].as_str()).unwrap_or("absent")
}

/// What a step found first that is not as it should be: its code, its sentence and what to do.
pub(crate) fn trouble(steps: &[Value], name: &str) -> (String, String, String) {
    let step = steps.iter().find(|step| step["step"] == name).expect("the step is told");
    let findings = step["findings"].as_array().expect("findings");
    let bad = findings.iter().find(|finding| finding["fix"].is_string()).expect("something to do");
    let text = |key: &str| bad[key].as_str().unwrap_or_default().to_owned();
    (text("code"), text("says"), text("fix"))
}

#[test]
fn each_step_says_what_it_found_and_the_failing_one_what_to_do() {
    let folder = tempfile::tempdir().expect("temporary directory");
    let directory = Directory::start(&[("ana", "secret-of-ana"), ("rui", "secret-of-rui")]);
    let configuration = directory.configuration();

    let (steps, code) = test(folder.path(), &configuration, &["ana"]);
    assert_eq!(code, 0, "{steps:#?}");
    for name in ["resolve", "connect", "bind", "search", "map", "sign_in"] {
        assert_eq!(outcome(&steps, name), "ok", "{name}: {steps:#?}");
    }
    assert_eq!(outcome(&steps, "tls"), "warning");
    assert_eq!(outcome(&steps, "groups"), "not_run");
    assert!(steps.len() == 8 && steps.iter().all(|step| step["milliseconds"].is_number()));

    let (steps, code) = test(folder.path(), &configuration, &[]);
    assert_eq!((code, outcome(&steps, "sign_in")), (0, "not_run"), "{steps:#?}");

    for nobody in ["*", "nobody", "ana)(uid=*"] {
        let (steps, code) = test(folder.path(), &configuration, &[nobody]);
        assert_eq!((code, outcome(&steps, "sign_in")), (1, "failed"), "{nobody}");
        assert_eq!(trouble(&steps, "sign_in").0, "ldap.sign_in.nobody");
    }

    // What is set on the command line is tried in place of what is configured.
    let elsewhere = "identity.ldap.base_dn=ou=none,dc=campus,dc=test";
    let (steps, code) = test(folder.path(), &configuration, &["ana", "--set", elsewhere]);
    assert_eq!((code, outcome(&steps, "search")), (1, "failed"));
    let (found, says, fix) = trouble(&steps, "search");
    assert_eq!(found, "ldap.search.no_base_near");
    assert!(says.contains("ou=none") && fix.contains("base_dn"), "{says} {fix}");
    let hint = steps.iter().find(|step| step["step"] == "search").expect("search").to_string();
    assert!(hint.contains("ldap.search.elsewhere") && hint.contains(PEOPLE), "{hint}");

    let hashes = format!("{configuration}secret_attribute = \"userPassword\"\n");
    let (steps, code) = test(folder.path(), &hashes, &["ana"]);
    assert_eq!((code, outcome(&steps, "map")), (1, "failed"), "{steps:#?}");
    assert_eq!(trouble(&steps, "sign_in").0, "ldap.map.no_secret");
    let bound = format!("{hashes}bind_dn = \"{ADMIN}\"\n");

    // Whose password everybody on the machine may read is told so.
    let secret = folder.path().join("bind.password");
    std::fs::write(&secret, format!("{ADMIN_PASSWORD}\n")).expect("a file");
    let file = format!("bind_password_file = {:?}\n", secret.display().to_string());
    for (mode, expected) in [(0o644, "warning"), (0o600, "ok")] {
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(&secret, mode).expect("a mode");
        let bound = format!("{configuration}bind_dn = \"{ADMIN}\"\n{file}");
        let (steps, code) = test(folder.path(), &bound, &["ana"]);
        assert_eq!((code, outcome(&steps, "bind")), (0, expected), "{steps:#?}");
    }
    // An account that may read the hashes: they are of no use, and are not shown.
    let (steps, code) = test(folder.path(), &(bound + &file), &["ana"]);
    assert_eq!((code, outcome(&steps, "map")), (1, "failed"), "{steps:#?}");
    assert_eq!(trouble(&steps, "map").0, "ldap.map.bad_secret");
    let printed = format!("{steps:?}");
    assert!(!printed.contains("SSHA"), "a secret was printed: {printed}");

    let encrypted = format!("{configuration}start_tls = true\n");
    let (steps, code) = test(folder.path(), &encrypted, &["ana"]);
    assert_eq!((code, outcome(&steps, "tls")), (1, "failed"), "{steps:#?}");
    assert_eq!(outcome(&steps, "bind"), "not_run", "nothing is sent when StartTLS fails");
}

/// For people: each step on a line, what is wrong with what to do, and nothing that moves a terminal.
#[test]
fn the_table_shows_each_step_and_what_to_do() {
    let folder = tempfile::tempdir().expect("temporary directory");
    let directory = Directory::start(&[("ana", "secret-of-ana")]);
    directory.add("ana", "telephoneNumber", "201");
    let hostile = "dn: uid=ana,ou=people,dc=campus,dc=test\nchangetype: modify\nreplace: cn\n\
                   cn:: QW5hG1szMW3igK4=\n";
    directory.change(hostile);
    let file = folder.path().join("tagus.toml");
    let configuration = directory.configuration() + "attribute_number = \"telephoneNumber\"\n";
    std::fs::write(&file, format!("domain = \"campus.test\"\n{configuration}")).expect("a file");
    let output = Command::new(env!("CARGO_BIN_EXE_tagus"))
        .arg("--config")
        .arg(&file)
        .args(["ldap", "test", "ana"])
        .stdin(Stdio::null())
        .output()
        .expect("tagus can be run");
    let printed = String::from_utf8(output.stdout).expect("text");
    assert!(output.status.success(), "{printed}");
    for expected in [
        "ok    resolve",
        "warn  tls",
        "to do: Use ldaps://",
        "OpenLDAP",
        "ana: sip:ana@campus.test",
        "ana@campus.test, 201",
        "-     groups",
        "ana is uid=ana,ou=people,dc=campus,dc=test",
    ] {
        assert!(printed.contains(expected), "{expected}: {printed}");
    }
    assert!(!printed.contains(['\u{1b}', '\u{202e}']), "{printed:?}");
}

#[test]
fn a_directory_that_is_not_there_is_said_to_be_so() {
    let folder = tempfile::tempdir().expect("temporary directory");
    let configuration = "identity.source = \"ldap\"\nidentity.ldap.urls = [\"ldap://127.0.0.1:1\", \
                         \"ldap://no-such-host.invalid\"]\n";
    let (steps, code) = test(folder.path(), configuration, &[]);
    assert_eq!(code, 1);
    assert_eq!(outcome(&steps, "connect"), "failed");
    let second = steps.get(8..).expect("every server is tried");
    assert_eq!(outcome(second, "resolve"), "failed", "{second:#?}");
}

/// decisions of the house: a person of the directory stays one, which whoever deletes the account
/// is told.
#[test]
fn deleting_a_person_of_the_directory_says_that_the_person_stays() {
    let directory = Directory::start(&[("ana", "secret-of-ana")]);
    let server = Server::start(&directory.configuration());
    server.add_device("ana", "phone");
    let deleted = server.run(&["user", "delete", "ana"], None);
    assert_eq!(deleted.code, 0, "{}", deleted.err);
    assert!(deleted.out.contains("tagus user disable ana"), "{}", deleted.out);
    let unknown = server.run(&["device", "add", "nobody"], None);
    assert_eq!(unknown.code, 3);
    assert!(unknown.err.contains("tagus ldap test nobody"), "{}", unknown.err);
    server.add_user("rui", "x");
    assert_eq!(server.run(&["user", "delete", "rui"], None).out, "rui is gone.\n");
}
