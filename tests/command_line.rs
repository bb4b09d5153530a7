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
