//! The console as a person sees it, in Chromium: each page in both languages and themes, wide and
//! narrow; screenshots land in `target/screenshots`.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tagus::app::control::Client;
use tagus::model::Role;
use tagus::operations::{ConsoleRequest, Reply, Request, Secret};

use crate::support::server::Server;
use crate::support::{program, repository};

mod audit;
mod dashboard;
mod directory;
mod entrance;
mod network;
mod notice;
mod people;
mod person;
mod settings;
mod whole;

/// The password of everybody here, as the walks type it.
pub(super) const PASSWORD: &str = "four words that nobody else has";
/// What a server needs for a walk by plain HTTP.
pub(super) const WEB: &str = "[web]\nlisten = [\"http://127.0.0.1:0\"]\n";

/// The set-up link of this server, for plain HTTP on loopback.
pub(super) fn link(server: &Server) -> String {
    let made = server.run(&["setup-link", "--json"], None).json();
    let urls = made["urls"].as_array().expect("urls");
    urls.iter()
        .filter_map(Value::as_str)
        .find(|url| url.starts_with("http:"))
        .expect("plain")
        .to_owned()
}

/// Asks the running server over its control socket.
pub(super) fn ask(server: &Server, request: &Request) -> Reply {
    let socket = server.data_dir().join("tagus.sock");
    Client::connect(&socket).expect("a server").call(request).expect("done")
}

/// An account of the console without a second factor.
pub(super) fn add_console(server: &Server, name: &str, role: Role) {
    let password = Secret::new(PASSWORD.to_owned());
    ask(server, &Request::Console(ConsoleRequest::Add { name: name.to_owned(), role, password }));
}

/// A walk of `tests/peers/console`, ended; nothing was wrong with what it saw.
///
/// `facts` is what the walk needs to know; `meanwhile` does what the walk waits for, and its answer
/// is what the walk goes on with. The walk looked at pages at least `least` times.
pub(super) fn walk(
    server: &Server,
    name: &str,
    facts: &Value,
    least: u64,
    mut meanwhile: impl FnMut(&str, &Value) -> Value,
) {
    let home = tempfile::tempdir().expect("a folder");
    let mut walk = Command::new(program("node", "nodejs"))
        .arg(repository(&format!("tests/peers/console/{name}.mjs")))
        .args(["--site", &format!("http://{}", server.web("http://"))])
        .args(["--facts", &facts.to_string()])
        .args(["--link", facts["link"].as_str().unwrap_or_default()])
        .args(["--screenshots", &repository("target/screenshots").to_string_lossy()])
        .args(["--home", &home.path().to_string_lossy()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("node runs");
    let mut input = walk.stdin.take().expect("a pipe");
    let mut wrong = Vec::new();
    let mut looked = 0;
    for line in BufReader::new(walk.stdout.take().expect("a pipe")).lines() {
        let line = line.expect("text");
        let event: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line}"));
        match event["event"].as_str() {
            Some("meanwhile") => {
                let answer = meanwhile(event["what"].as_str().expect("a name"), &event);
                writeln!(input, "{answer}").expect("a driver that reads");
            }
            Some("note") => {}
            Some("done") => looked = event["looked"].as_u64().expect("a number"),
            _ => wrong.push(line),
        }
    }
    let ended = walk.wait().expect("an end");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(ended.success(), "{ended}");
    assert!(looked >= least, "only {looked} looks");
}

/// For walks that wait for nothing.
pub(super) fn nothing(what: &str, _: &Value) -> Value {
    panic!("the walk waits for {what}");
}

/// Facts of a walk that needs none but the link.
pub(super) fn with_link(server: &Server) -> Value {
    json!({ "link": link(server) })
}
