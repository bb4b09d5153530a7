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
    step.and_then(|step| step["outcome"].as_str()).unwrap_or("absent")
}

#[test]
fn each_step_says_what_it_found_and_the_failing_one_what_to_do() {
    let folder = tempfile::tempdir().expect("temporary directory");
    let directory = Directory::start(&[("ana", "secret-of-ana"), ("rui", "secret-of-rui")]);
    let configuration = directory.configuration();

    let (steps, code) = test(folder.path(), &configuration, &["ana"]);
    assert_eq!(code, 0, "{steps:#?}");
    for name in ["resolve", "connect", "bind", "search", "map", "user"] {
        assert_eq!(outcome(&steps, name), "ok", "{name}: {steps:#?}");
    }
    assert_eq!(outcome(&steps, "tls"), "warn");
    assert!(steps.iter().all(|step| step["milliseconds"].is_number()));

    let (steps, code) = test(folder.path(), &configuration, &[]);
    assert_eq!(code, 0, "{steps:#?}");

    for nobody in ["*", "nobody", "ana)(uid=*"] {
        let (steps, code) = test(folder.path(), &configuration, &[nobody]);
        assert_eq!((code, outcome(&steps, "search")), (1, "fail"), "{nobody}");
        assert!(steps.last().expect("a step")["fix"].is_string());
    }

    let elsewhere = configuration.replace(PEOPLE, "ou=none,dc=campus,dc=test");
    let (steps, code) = test(folder.path(), &elsewhere, &["ana"]);
    assert_eq!((code, outcome(&steps, "search")), (1, "fail"));
    assert!(steps.last().expect("a step")["fix"].to_string().contains("base_dn"), "{steps:#?}");

    let hashes = format!("{configuration}secret_attribute = \"userPassword\"\n");
    let (steps, code) = test(folder.path(), &hashes, &["ana"]);
    assert_eq!((code, outcome(&steps, "user")), (1, "fail"), "{steps:#?}");
    let printed = format!("{steps:?}");
    assert!(!printed.contains("SSHA"), "a secret was printed: {printed}");

    // Whose password everybody on the machine may read is told so.
    let secret = folder.path().join("bind.password");
    std::fs::write(&secret, format!("{ADMIN_PASSWORD}\n")).expect("a file");
    let bound = format!(
        "{configuration}bind_dn = \"{ADMIN}\"\nbind_password_file = {:?}\n",
        secret.display().to_string()
    );
    for (mode, expected) in [(0o644, "warn"), (0o600, "absent")] {
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(&secret, mode).expect("a mode");
        let (steps, code) = test(folder.path(), &bound, &["ana"]);
        assert_eq!((code, outcome(&steps, "file")), (0, expected), "{steps:#?}");
    }

    let encrypted = format!("{configuration}start_tls = true\n");
    let (steps, code) = test(folder.path(), &encrypted, &["ana"]);
    assert_eq!((code, outcome(&steps, "tls")), (1, "fail"), "{steps:#?}");
    assert_eq!(outcome(&steps, "bind"), "absent", "nothing is sent when StartTLS fails");
}

#[test]
fn a_directory_that_is_not_there_is_said_to_be_so() {
    let folder = tempfile::tempdir().expect("temporary directory");
    let configuration = "identity.source = \"ldap\"\nidentity.ldap.urls = [\"ldap://127.0.0.1:1\", \
                         \"ldap://no-such-host.invalid\"]\n";
    let (steps, code) = test(folder.path(), configuration, &[]);
    assert_eq!(code, 1);
    assert_eq!(outcome(&steps, "connect"), "fail");
    assert_eq!(steps.last().expect("a step")["step"], "resolve", "every server is tried");
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
