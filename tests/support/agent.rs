//! Real SIP user agents: the drivers of `tests/peers` make each of them take commands as lines
//! and report events as JSON lines.

use std::fs;
use std::io::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use super::lines::Lines;
use super::{free_port, program, repository};

/// Longer than any client needs, shorter than anybody's patience with a test that hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// Which client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// PJSIP through its Python binding: MD5 and SHA-256.
    Pjsua2,
    /// Linphone's daemon, the same library as `linphonec`.
    Linphone,
    /// Baresip 1.0: MD5 only.
    Baresip,
    /// JsSIP in Chromium: MD5 only. [`Agent::browse`] starts it.
    Browser,
}

/// The page that a browser client is.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    /// Where it is served, by a server of its own.
    at: SocketAddr,
    /// The file that vouches for the server of the other people's.
    pub(crate) authority: Option<PathBuf>,
}

impl Page {
    pub(crate) fn new() -> Page {
        Page { at: free_port(), authority: None }
    }

    /// What the browser says of it.
    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.at)
    }
}

/// Who the client signs in as, and where.
#[derive(Clone, Debug)]
pub(crate) struct SignIn<'a> {
    pub(crate) user: &'a str,
    pub(crate) auth_user: &'a str,
    pub(crate) password: &'a str,
    pub(crate) domain: &'a str,
    pub(crate) server: SocketAddr,
    pub(crate) transport: &'a str,
    /// Everybody that this client will write to.
    pub(crate) peers: &'a [&'a str],
}

/// Where a client sits, and what it knows of the server there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seat<'a> {
    /// What stands before a command that is to run there.
    pub(crate) entrance: &'a [String],
    /// The address that it binds.
    pub(crate) local: IpAddr,
    /// The server's name; the port is that of the sign-in.
    pub(crate) server: &'a str,
    /// The file that vouches for the server's certificate.
    pub(crate) authority: &'a Path,
}

/// A running client, killed when dropped.
pub(crate) struct Agent {
    pub(crate) user: String,
    kind: Kind,
    child: Child,
    commands: ChildStdin,
    events: Lines,
    directory: TempDir,
}

impl Agent {
    /// Starts a client; it registers by itself.
    pub(crate) fn start(kind: Kind, sign_in: &SignIn<'_>) -> Agent {
        Agent::seated(kind, sign_in, None)
    }

    /// Starts a client elsewhere than on loopback.
    pub(crate) fn start_at(kind: Kind, sign_in: &SignIn<'_>, seat: &Seat<'_>) -> Agent {
        Agent::seated(kind, sign_in, Some(seat))
    }

    fn seated(kind: Kind, sign_in: &SignIn<'_>, seat: Option<&Seat<'_>>) -> Agent {
        let (interpreter, script) = match kind {
            Kind::Pjsua2 => (virtual_environment(), "pjsua2_agent.py"),
            Kind::Linphone => {
                program("linphone-daemon", "linphone-cli");
                (program("python3", "python3"), "linphone_agent.py")
            }
            Kind::Baresip => {
                program("baresip", "baresip-core");
                (program("python3", "python3"), "baresip_agent.py")
            }
            Kind::Browser => panic!("a browser needs a page"),
        };
        let mut command = match seat {
            Some(Seat { entrance: [first, more @ ..], .. }) => {
                let mut command = Command::new(first);
                command.args(more).arg(interpreter);
                command
            }
            _ => Command::new(interpreter),
        };
        command.arg(repository("tests/peers").join(script));
        let mut server = sign_in.server.to_string();
        if let Some(seat) = seat {
            server = format!("{}:{}", seat.server, sign_in.server.port());
            command.args(["--local", &seat.local.to_string()]);
            command.arg("--authority").arg(seat.authority);
        }
        Agent::launch(kind, command, sign_in, &server)
    }

    /// Opens a page that signs in, by the transport `ws` or `wss`.
    pub(crate) fn browse(page: &Page, sign_in: &SignIn<'_>) -> Agent {
        program("chromium", "chromium");
        let packages = repository("tests/peers/node_modules");
        assert!(packages.is_dir(), "JsSIP is missing: npm ci --prefix tests/peers");
        let mut command = Command::new(program("node", "nodejs"));
        command.arg(repository("tests/peers/browser_agent.mjs"));
        command.args(["--page", &page.at.to_string()]);
        if let Some(authority) = &page.authority {
            program("certutil", "libnss3-tools");
            command.arg("--authority").arg(authority);
        }
        Agent::launch(Kind::Browser, command, sign_in, &sign_in.server.to_string())
    }

    fn launch(kind: Kind, mut command: Command, sign_in: &SignIn<'_>, server: &str) -> Agent {
        let directory = TempDir::new().expect("temporary directory");
        let password = directory.path().join("password");
        fs::write(&password, sign_in.password).expect("password file");
        let mut child = command
            .args(["--user", sign_in.user, "--auth-user", sign_in.auth_user])
            .args(["--domain", sign_in.domain, "--transport", sign_in.transport])
            .args(["--server", server])
            .args(["--peers", &sign_in.peers.join(",")])
            .arg("--password-file")
            .arg(&password)
            .arg("--directory")
            .arg(directory.path())
            .arg("--trace")
            .arg(directory.path().join("trace.log"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the driver can be run");
        let commands = child.stdin.take().expect("a pipe");
        let events = Lines::of([Box::new(child.stdout.take().expect("a pipe"))]);
        Agent { user: sign_in.user.to_owned(), kind, child, commands, events, directory }
    }

    /// Waits until the registrar has taken this client.
    pub(crate) fn expect_registered(&mut self) {
        self.expect("to be registered", |event| event["event"] == "registered");
    }

    /// Writes to somebody.
    pub(crate) fn message(&mut self, to: &str, body: &str) {
        writeln!(self.commands, "message {to} {body}").expect("the driver listens");
    }

    /// Gives any other command.
    pub(crate) fn command(&mut self, line: &str) {
        writeln!(self.commands, "{line}").expect("the driver listens");
    }

    /// Waits for an event of this kind that has this value in a field.
    pub(crate) fn expect_event(&mut self, kind: &str, field: &str, value: &Value) -> Value {
        self.expect(&format!("{kind} with {field} {value}"), |event| {
            event["event"] == kind && event[field] == *value
        })
    }

    /// Waits for the next event of this kind.
    pub(crate) fn expect_kind(&mut self, kind: &str) -> Value {
        self.expect(kind, |event| event["event"] == kind)
    }

    /// Waits for the answer to a message of ours.
    pub(crate) fn expect_sent(&mut self, body: &str) -> Value {
        self.expect(&format!("an answer to {body:?}"), |event| {
            event["event"] == "sent" && event["body"] == body
        })
    }

    /// Waits until the client shows a message, and gives the event.
    pub(crate) fn expect_message(&mut self, from: &str, body: &str) -> Value {
        self.expect(&format!("{body:?} from {from}"), |event| {
            event["event"] == "message" && event["body"] == body && event["from"] == from
        })
    }

    /// The bodies of all text messages that the client has shown until now.
    pub(crate) fn shown(&mut self) -> Vec<String> {
        let everything = self.events.everything();
        let events = everything.lines().filter_map(|l| serde_json::from_str::<Value>(l).ok());
        events
            .filter(|event| event["event"] == "message" && event["content_type"] == "text/plain")
            .filter_map(|event| event["body"].as_str().map(str::to_owned))
            .collect()
    }

    /// All that the client has said until now.
    pub(crate) fn everything(&mut self) -> String {
        self.events.everything()
    }

    /// Waits for an event; a failure shows all that came, and the client's own trace.
    pub(crate) fn expect(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let found = self.events.wait(PATIENCE, |line| {
            let event: Value = serde_json::from_str(line).ok()?;
            wanted(&event).then_some(event)
        });
        found.unwrap_or_else(|why| {
            let trace = fs::read_to_string(self.directory.path().join("trace.log"));
            let trace = trace.unwrap_or_default();
            let tail = trace.len().saturating_sub(6_000);
            let tail = trace.get(tail..).unwrap_or(&trace);
            panic!(
                "{:?} of {} waited in vain ({why:?}) for {what}; it said:\n{}\n--- its trace ends:\n{tail}",
                self.kind,
                self.user,
                self.events.everything()
            )
        })
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // The client itself dies with its driver.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn virtual_environment() -> PathBuf {
    let python = repository("tests/.venv/bin/python");
    assert!(
        python.is_file(),
        "pjsua2 is missing: python3 -m venv tests/.venv && \
         tests/.venv/bin/pip install -r tests/peers/requirements.txt"
    );
    python
}
