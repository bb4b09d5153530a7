//! The console as a person sees it, in Chromium: from the set-up link to every page, in both
//! languages and themes, wide and narrow; screenshots land in `target/screenshots`.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::server::Server;
use crate::support::{program, repository};

/// The set-up link of this server, for plain HTTP on loopback.
fn link(server: &Server) -> String {
    let made = server.run(&["setup-link", "--json"], None).json();
    let urls = made["urls"].as_array().expect("urls");
    urls.iter()
        .filter_map(Value::as_str)
        .find(|url| url.starts_with("http:"))
        .expect("plain")
        .to_owned()
}

// W14, W16; WCAG 2.2 AA by axe-core; the policy of `ux.md` 7b.
#[test]
fn whoever_has_the_link_sets_the_console_up_and_every_page_holds_in_every_form() {
    let server = Server::start("[web]\nlisten = [\"http://127.0.0.1:0\"]\n");
    let home = tempfile::tempdir().expect("a folder");
    let mut walk = Command::new(program("node", "nodejs"))
        .arg(repository("tests/peers/console_walk.mjs"))
        .args(["--site", &format!("http://{}", server.web("http://"))])
        .args(["--link", &link(&server)])
        .args(["--screenshots", &repository("target/screenshots").to_string_lossy()])
        .args(["--home", &home.path().to_string_lossy()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("node runs");
    let mut wrong = Vec::new();
    let mut looked = 0;
    for line in BufReader::new(walk.stdout.take().expect("a pipe")).lines() {
        let line = line.expect("text");
        let event: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line}"));
        match event["event"].as_str() {
            // There is an owner: the next link is for whoever lost access.
            Some("owner") => {
                let mut input = walk.stdin.take().expect("a pipe");
                writeln!(input, "{}", link(&server)).expect("a driver that reads");
            }
            Some("done") => looked = event["looked"].as_u64().expect("a number"),
            _ => wrong.push(line),
        }
    }
    let ended = walk.wait().expect("an end");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(ended.success(), "{ended}");
    assert!(looked > 50, "only {looked} looks");
}
