//! A server of ours: the real binary, a data directory of its own, every port chosen by the
//! system.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use super::lines::Lines;

/// The domain of every test server.
pub(crate) const DOMAIN: &str = "campus.test";

const BINARY: &str = env!("CARGO_BIN_EXE_tagus");
/// The file in the data directory that [`Server::set_clock`] writes.
const CLOCK: &str = "clock";
const START: Duration = Duration::from_secs(30);

/// A running server, killed when dropped.
pub(crate) struct Server {
    child: Child,
    lines: Lines,
    home: TempDir,
    /// What `status --json` said when it was ready.
    pub(crate) udp: SocketAddr,
    pub(crate) tcp: SocketAddr,
    pub(crate) tls: SocketAddr,
}

/// What a command printed.
pub(crate) struct Printed {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Printed {
    /// The JSON that it printed, or a failure with all that it said.
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.code, 0, "{}{}", self.out, self.err);
        serde_json::from_str(&self.out)
            .unwrap_or_else(|e| panic!("not JSON ({e}): {}{}", self.out, self.err))
    }
}

impl Server {
    /// Starts with the configuration every test shares and `more` of it (TOML).
    pub(crate) fn start(more: &str) -> Server {
        Server::start_with("", more)
    }

    /// Starts with these keys of `[sip]` as well.
    pub(crate) fn start_with(sip: &str, more: &str) -> Server {
        let home = TempDir::new().expect("temporary directory");
        let head = format!("domain = \"{DOMAIN}\"\n");
        let common = common(home.path(), more).replace("[sip]\n", &format!("[sip]\n{sip}"));
        fs::write(config_path(home.path()), head + &common + more).expect("configuration");
        let (child, lines) = spawn(tagus(home.path()));
        let (udp, tcp, tls) = (NOWHERE, NOWHERE, NOWHERE);
        let mut server = Server { child, lines, home, udp, tcp, tls };
        server.wait_until_ready();
        server
    }

    /// Starts without a domain, as before anybody has said which one it is.
    pub(crate) fn start_without_domain(more: &str) -> Server {
        let home = TempDir::new().expect("temporary directory");
        fs::write(config_path(home.path()), common(home.path(), more) + more)
            .expect("configuration");
        let (child, lines) = spawn(tagus(home.path()));
        let (udp, tcp, tls) = (NOWHERE, NOWHERE, NOWHERE);
        let mut server = Server { child, lines, home, udp, tcp, tls };
        server.wait_until_ready();
        server
    }

    /// Starts where `entrance` leads, if it leads anywhere, listening on `address`, under a name that its certificate has.
    pub(crate) fn start_at(entrance: &[String], address: IpAddr, name: &str, more: &str) -> Server {
        let home = TempDir::new().expect("temporary directory");
        let head = format!("domain = \"{DOMAIN}\"\n");
        let common = COMMON
            .replace("://127.0.0.1:0", &format!("://{address}:0"))
            .replace("public_name = \"localhost\"", &format!("public_name = \"{name}\""));
        let tls = certify(home.path(), &[DOMAIN, name]);
        let config = format!("{head}{common}[web]\nlisten = []\n{tls}{more}");
        fs::write(config_path(home.path()), config).expect("configuration");
        let inner = tagus(home.path());
        let command = match entrance {
            [] => inner,
            [first, more @ ..] => {
                let mut command = Command::new(first);
                command.args(more).arg(inner.get_program()).args(inner.get_args());
                command
            }
        };
        let (child, lines) = spawn(command);
        let (udp, tcp, tls) = (NOWHERE, NOWHERE, NOWHERE);
        let mut server = Server { child, lines, home, udp, tcp, tls };
        server.wait_until_ready();
        server
    }

    /// The same with a wall clock that [`Server::set_clock`] sets; monotonic time is the machine's.
    pub(crate) fn start_with_clock(more: &str) -> Server {
        let home = TempDir::new().expect("temporary directory");
        let head = format!("domain = \"{DOMAIN}\"\n");
        fs::write(config_path(home.path()), head + &common(home.path(), more) + more)
            .expect("configuration");
        fs::write(home.path().join(CLOCK), "+0").expect("the clock's file");
        let mut command = tagus(home.path());
        command
            .env("LD_PRELOAD", faketime())
            .env("FAKETIME_TIMESTAMP_FILE", home.path().join(CLOCK))
            .env("FAKETIME_NO_CACHE", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        let (child, lines) = spawn(command);
        let (udp, tcp, tls) = (NOWHERE, NOWHERE, NOWHERE);
        let mut server = Server { child, lines, home, udp, tcp, tls };
        server.wait_until_ready();
        server
    }

    /// Sets the server's wall clock so far from the machine's: `+1h`, `-1d`.
    pub(crate) fn set_clock(&self, offset: &str) {
        // At once, so that nobody reads half of it.
        let new = self.home.path().join("clock.new");
        fs::write(&new, offset).expect("the clock's file");
        fs::rename(&new, self.home.path().join(CLOCK)).expect("the clock's file");
    }

    fn wait_until_ready(&mut self) {
        let ready = self.lines.wait(START, |line| line.starts_with("ready").then_some(()));
        assert_eq!(ready, Ok(()), "the server said:\n{}", self.lines.everything());
        let status = self.run(&["status", "--json"], None).json();
        self.udp = listener(&status, "sip", "udp://");
        self.tcp = listener(&status, "sip", "tcp://");
        self.tls = listener(&status, "sip", "tls://");
    }

    /// Where the web is served, by this scheme: `http://` or `https://`.
    pub(crate) fn web(&self, scheme: &str) -> SocketAddr {
        let status = self.run(&["status", "--json"], None).json();
        listener(&status, "web", scheme)
    }

    /// Where SIP is served over UDP now: elsewhere than before, if it has started again by itself.
    pub(crate) fn udp_now(&self) -> SocketAddr {
        listener(&self.run(&["status", "--json"], None).json(), "sip", "udp://")
    }

    /// SIGKILL, as a power cut would; the data directory stays.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("kill");
        self.child.wait().expect("wait");
    }

    /// SIGTERM, as an orderly stop; it has ended when this returns.
    pub(crate) fn stop(&mut self) {
        let pid = nix::unistd::Pid::from_raw(self.child.id().try_into().expect("a pid"));
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).expect("a signal");
        self.child.wait().expect("wait");
    }

    /// From now on it starts with the ports that it has, as one whose ports are configured. Meanwhile
    /// nobody else may be given them: it is at an address of its own.
    pub(crate) fn keep_ports(&self) {
        let path = config_path(self.home.path());
        let mut text = fs::read_to_string(&path).expect("configuration");
        for (scheme, address) in [("udp", self.udp), ("tcp", self.tcp), ("tls", self.tls)] {
            let any = format!("{scheme}://{}:0", address.ip());
            text = text.replace(&any, &format!("{scheme}://{address}"));
        }
        fs::write(path, text).expect("configuration");
    }

    /// Starts again over the same data directory; the ports are new, unless they are kept.
    pub(crate) fn start_again(&mut self) {
        let (child, lines) = spawn(tagus(self.home.path()));
        self.child = child;
        self.lines = lines;
        self.wait_until_ready();
    }

    /// Runs `tagus` with these arguments against this server.
    pub(crate) fn run(&self, arguments: &[&str], input: Option<&str>) -> Printed {
        let mut child = tagus(self.home.path())
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("tagus can be run");
        let mut stdin = child.stdin.take().expect("a pipe");
        // A command that reads nothing may have ended already.
        let _ = stdin.write_all(input.unwrap_or_default().as_bytes());
        drop(stdin);
        let output = child.wait_with_output().expect("tagus ends");
        Printed {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Makes a local account.
    pub(crate) fn add_user(&self, user: &str, password: &str) {
        let printed = self.run(
            &["user", "add", user, "--name", user, "--password-file", "-"],
            Some(&format!("{password}\n")),
        );
        assert_eq!(printed.code, 0, "{}{}", printed.out, printed.err);
    }

    /// Makes a device credential and gives its secret.
    pub(crate) fn add_device(&self, user: &str, label: &str) -> String {
        let added = self.run(&["device", "add", user, "--name", label, "--json"], None).json();
        assert_eq!(added["user"], user, "{added}");
        assert!(added["device"].is_string(), "{added}");
        added["secret"].as_str().unwrap_or_else(|| panic!("no secret: {added}")).to_owned()
    }

    /// What the server has logged and printed until now.
    pub(crate) fn log(&mut self) -> String {
        self.lines.everything()
    }

    /// Waits for a line of the log, and gives all of it until then.
    pub(crate) fn log_with(&mut self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        self.log_within(START, what, wanted)
    }

    /// The same, with patience of one's own.
    pub(crate) fn log_within(
        &mut self,
        patience: Duration,
        what: &str,
        wanted: impl Fn(&str) -> bool,
    ) -> String {
        if !self.lines.everything().lines().any(&wanted) {
            let came = self.lines.wait(patience, |line| wanted(line).then_some(()));
            assert_eq!(came, Ok(()), "no {what} in the log:\n{}", self.lines.everything());
        }
        self.lines.everything()
    }

    /// The file that vouches for the server's certificate.
    pub(crate) fn authority(&self) -> PathBuf {
        self.home.path().join(CERTIFICATE)
    }

    /// The certificate of the server's own authority, in a file, as anybody downloads it.
    pub(crate) fn download_authority(&self) -> PathBuf {
        let mut stream = TcpStream::connect(self.web("http://")).expect("a connection");
        let request = "GET /ca.pem HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).expect("a server that reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("text");
        let pem = answer.find("-----BEGIN").and_then(|at| answer.get(at..)).expect("a certificate");
        let file = self.home.path().join("authority.pem");
        fs::write(&file, pem).expect("a file");
        file
    }

    /// The data directory.
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.home.path().join("data")
    }

    /// The process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const NOWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED), 0);

const COMMON: &str = r#"public_name = "localhost"
aliases = ["localhost", "example.com"]
[sip]
listen = ["udp://127.0.0.1:0", "tcp://127.0.0.1:0", "tls://127.0.0.1:0"]
ring = "1s"
[msrp]
listen = []
[metrics]
listen = "127.0.0.1:0"
"#;

/// The server's certificate and key, in its home.
const CERTIFICATE: &str = "certificate.pem";
const KEY: &str = "key.pem";

/// Makes a certificate for the domain and these names that vouches for itself, and says in the
/// configuration where it is.
fn certify(home: &Path, names: &[&str]) -> String {
    let uri = format!("sip:{DOMAIN}").try_into().expect("a URI");
    let params =
        rcgen::CertificateParams::new(names.iter().copied().map(str::to_owned).collect::<Vec<_>>());
    let mut params = params.expect("names");
    params.subject_alt_names.push(rcgen::SanType::URI(uri));
    let key = rcgen::KeyPair::generate().expect("a key");
    let certificate = params.self_signed(&key).expect("a certificate");
    let (certificate_file, key_file) = (home.join(CERTIFICATE), home.join(KEY));
    fs::write(&certificate_file, certificate.pem()).expect("the certificate's file");
    fs::write(&key_file, key.serialize_pem()).expect("the key's file");
    format!(
        "[tls]\nmode = \"files\"\ncert_file = \"{}\"\nkey_file = \"{}\"\n",
        certificate_file.display(),
        key_file.display()
    )
}

/// What a server of a test has unless the test says otherwise.
fn common(home: &Path, more: &str) -> String {
    let web = if more.contains("[web]") { "" } else { "[web]\nlisten = []\n" };
    let tls = if more.contains("[tls]") { String::new() } else { certify(home, &[DOMAIN]) };
    format!("{COMMON}{web}{tls}")
}

fn config_path(home: &Path) -> PathBuf {
    home.join("tagus.toml")
}

fn tagus(home: &Path) -> Command {
    let mut command = Command::new(BINARY);
    command.arg("--config").arg(config_path(home)).arg("--data-dir").arg(home.join("data"));
    command
}

/// Debian's libfaketime, the one for programs with threads.
fn faketime() -> PathBuf {
    let found = ["x86_64", "aarch64"]
        .map(|machine| format!("/usr/lib/{machine}-linux-gnu/faketime/libfaketimeMT.so.1"))
        .into_iter()
        .find(|path| Path::new(path).is_file());
    found.expect("libfaketime is missing: apt-get install faketime").into()
}

fn spawn(mut command: Command) -> (Child, Lines) {
    let mut child = command
        .arg("serve")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the server can be run");
    let out = child.stdout.take().expect("a pipe");
    let err = child.stderr.take().expect("a pipe");
    (child, Lines::of([Box::new(out), Box::new(err)]))
}

fn listener(status: &Value, kind: &str, scheme: &str) -> SocketAddr {
    status["listeners"][kind]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .find_map(|url| url.strip_prefix(scheme))
        .and_then(|address| address.parse().ok())
        .unwrap_or_else(|| panic!("no {scheme} listener of {kind} in {status}"))
}
