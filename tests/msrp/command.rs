//! `tagus client msrp`, run.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::lines::Lines;
use crate::msrp_relay::{PASSWORD, Relay, USER};
use crate::pair::{file, noise};

const PATIENCE: Duration = Duration::from_secs(30);

/// A running command, killed when dropped.
pub(crate) struct Running {
    pub(crate) child: Child,
    pub(crate) lines: Lines,
}

impl Running {
    pub(crate) fn start(words: &[&str]) -> Running {
        let mut child = Command::new(env!("CARGO_BIN_EXE_tagus"))
            .args(["--json", "client", "msrp"])
            .args(words)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("tagus can be run");
        let out = child.stdout.take().expect("a pipe");
        let err = child.stderr.take().expect("a pipe");
        Running { child, lines: Lines::of([Box::new(out), Box::new(err)]) }
    }

    pub(crate) fn event(&mut self, kind: &str) -> Value {
        let found = self.lines.wait(PATIENCE, |line| {
            let event: Value = serde_json::from_str(line).ok()?;
            (event["event"] == kind).then_some(event)
        });
        found.unwrap_or_else(|why| panic!("no {kind}, {why:?}:\n{}", self.lines.everything()))
    }

    pub(crate) fn ends_with(&mut self, code: i32) {
        let status = self.child.wait().expect("it ends");
        assert_eq!(status.code(), Some(code), "{}", self.lines.everything());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn path_of(listening: &Value) -> String {
    listening["path"].as_str().expect("a path").to_owned()
}

#[test]
fn two_commands_exchange_texts_and_files_and_end_with_0() {
    let directory = tempfile::tempdir().expect("a directory");
    let bytes = noise(1_219_974, 5);
    let from = file(directory.path(), "photo.bin", &bytes);
    let shelf = directory.path().join("shelf");
    std::fs::create_dir(&shelf).expect("a directory");
    let (from, shelf_name) = (from.to_str().expect("text"), shelf.to_str().expect("text"));
    for tls in [false, true] {
        let listen: &[&str] = if tls { &["--tls"] } else { &[] };
        let listen =
            [&["listen", "--save", shelf_name, "--text", "welcome", "--count", "2"], listen]
                .concat();
        let mut listening = Running::start(&listen);
        let told = listening.event("listening");
        let path = path_of(&told);
        let mut connect = vec![
            "connect", &path, "--text", "hello", "--file", from, "--report", "25%", "--count", "1",
        ];
        if tls {
            connect.extend(["--tls", "--fingerprint", told["fingerprint"].as_str().expect("one")]);
        }
        let mut connecting = Running::start(&connect);
        assert_eq!(connecting.event("message")["text"], "welcome");
        assert_eq!(listening.event("message")["text"], "hello");
        let saved = listening.event("saved");
        let kept = saved["file"].as_str().expect("a name");
        assert!(std::fs::read(kept).expect("a file") == bytes);
        assert!(kept.ends_with(if tls { "photo (1).bin" } else { "photo.bin" }), "{kept}");
        connecting.ends_with(0);
        listening.ends_with(0);
        let whole = connecting.lines.everything();
        assert!(whole.contains(r#""received":1219974,"whole":true"#), "{whole}");
        let hash = saved["sha256"].as_str().expect("a hash");
        let begun = whole.lines().find(|line| line.contains(r#""event":"sending""#));
        assert!(begun.is_some_and(|line| line.contains(hash)), "{whole}");
    }
}

#[test]
fn the_exit_code_says_what_went_wrong() {
    let mut listening = Running::start(&["listen", "--deny", "415"]);
    let path = path_of(&listening.event("listening"));
    let mut denied = Running::start(&["connect", &path, "--text", "no"]);
    assert_eq!(denied.event("failed")["code"], 415);
    denied.ends_with(1);
    let mut busy = Running::start(&["listen"]);
    let other = path_of(&busy.event("listening"));
    let unknown = format!("{}nobody;tcp", &other[..other.rfind('/').expect("a slash") + 1]);
    Running::start(&["connect", &unknown, "--text", "x"]).ends_with(3);
    Running::start(&["connect", "no path at all", "--text", "x"]).ends_with(2);
    Running::start(&["connect", &other, "--file", "/no/such/file"]).ends_with(3);
    drop(busy);
    Running::start(&["connect", &other, "--text", "x"]).ends_with(5);
}

// features 1.2 "All major logging systems": the wire dump switch.
#[test]
fn a_relay_leads_from_one_command_to_another() {
    let relay = Relay::start(600);
    let directory = tempfile::tempdir().expect("a directory");
    let secret = file(directory.path(), "secret", PASSWORD.as_bytes());
    let (uri, secret) = (relay.uri(), secret.to_str().expect("text").to_owned());
    let mut behind = Running::start(&[
        "listen",
        "--relay",
        &uri,
        "--plain-relay",
        "--user",
        USER,
        "--password-file",
        &secret,
        "--count",
        "1",
        "--dump",
    ]);
    let path = path_of(&behind.event("listening"));
    assert!(path.starts_with(&format!("msrp://{}/", relay.address)), "{path}");
    let mut front = Running::start(&["connect", &path, "--text", "over the relay", "--report"]);
    assert_eq!(behind.event("message")["text"], "over the relay");
    front.ends_with(0);
    behind.ends_with(0);
    let shown = behind.lines.everything();
    assert!(shown.contains(" AUTH") && shown.contains("Use-Path: "), "{shown}");
    let wrong = file(directory.path(), "wrong", b"guessed");
    let wrong = wrong.to_str().expect("text");
    let mut refused = Running::start(&[
        "listen",
        "--relay",
        &uri,
        "--plain-relay",
        "--user",
        USER,
        "--password-file",
        wrong,
    ]);
    refused.ends_with(4);
}
