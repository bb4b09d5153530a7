//! Pebble with its mock DNS, on ports of their own, ended when dropped.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tagus::clock::{Clock, Tick};
use tempfile::TempDir;

use crate::support::lines::Lines;

const START: Duration = Duration::from_secs(30);

pub(crate) struct Pebble {
    home: TempDir,
    root: std::path::PathBuf,
    port: u16,
    management: u16,
    dns: u16,
    authority: Process,
    _names: Process,
}

impl Pebble {
    /// An authority that looks at these ports in place of 443 and 80.
    pub(crate) fn start(tls: u16, plain: u16) -> Pebble {
        let home = tempfile::tempdir().expect("a directory");
        let root = own_certificate(home.path());
        let [port, pebble_management, management, dns] = free_ports();
        let config = serde_json::json!({ "pebble": {
            "listenAddress": format!("127.0.0.1:{port}"),
            "managementListenAddress": format!("127.0.0.1:{pebble_management}"),
            "certificate": home.path().join("pebble.pem"),
            "privateKey": home.path().join("pebble.key"),
            "httpPort": plain,
            "tlsPort": tls,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": false,
        }});
        fs::write(home.path().join("pebble.json"), config.to_string()).expect("configuration");
        let mut names = Command::new("pebble-challtestsrv");
        names.args([
            "-defaultIPv4",
            "127.0.0.1",
            "-defaultIPv6",
            "",
            "-http01",
            "",
            "-https01",
            "",
        ]);
        names.args(["-tlsalpn01", "", "-dns01", &format!("127.0.0.1:{dns}")]);
        names.args(["-management", &format!("127.0.0.1:{management}")]);
        let names = Process::start(names, "Starting management server", management);
        let authority = authority(home.path(), port, dns);
        Pebble { root, port, management, dns, authority, _names: names, home }
    }

    /// The same authority after a restart, with nothing in its memory.
    pub(crate) fn start_again(mut self) -> Pebble {
        self.authority.end();
        self.authority = authority(self.home.path(), self.port, self.dns);
        self
    }

    /// RFC 8555 s7.1.1.
    pub(crate) fn directory(&self) -> String {
        format!("https://127.0.0.1:{}/dir", self.port)
    }

    /// Who vouches for the directory.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Where this name leads to; all others lead to 127.0.0.1.
    pub(crate) fn resolve(&self, name: &str, address: &str) {
        let body = serde_json::json!({ "host": name, "addresses": [address] }).to_string();
        let mut socket = TcpStream::connect(("127.0.0.1", self.management)).expect("connected");
        let length = body.len();
        write!(
            socket,
            "POST /add-a HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\
             Connection: close\r\n\r\n{body}"
        )
        .expect("sent");
        let mut answer = String::new();
        socket.read_to_string(&mut answer).expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
}

fn authority(home: &Path, port: u16, dns: u16) -> Process {
    let mut command = Command::new("pebble");
    command.arg("-config").arg(home.join("pebble.json"));
    command.args(["-dnsserver", &format!("127.0.0.1:{dns}")]);
    // It looks at once, and proofs of an earlier order count for nothing.
    command.env("PEBBLE_VA_NOSLEEP", "1").env("PEBBLE_AUTHZREUSE", "0");
    Process::start(command, "ACME directory available at", port)
}

/// A certificate for the directory itself, and the one that vouches for it.
fn own_certificate(home: &Path) -> std::path::PathBuf {
    let mut params = CertificateParams::new(Vec::new()).expect("no names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key");
    let root = CertifiedIssuer::self_signed(params, key).expect("a root");
    let key = KeyPair::generate().expect("a key");
    let leaf = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("a name");
    let leaf = leaf.signed_by(&key, &root).expect("a certificate");
    fs::write(home.join("pebble.pem"), leaf.pem()).expect("written");
    fs::write(home.join("pebble.key"), key.serialize_pem()).expect("written");
    let path = home.join("root.pem");
    fs::write(&path, root.pem()).expect("written");
    path
}

/// Ports that nobody listens on now.
fn free_ports<const N: usize>() -> [u16; N] {
    let held: [TcpListener; N] =
        std::array::from_fn(|_| TcpListener::bind("127.0.0.1:0").expect("a port"));
    std::array::from_fn(|at| held[at].local_addr().expect("an address").port())
}

/// A program that ends with its guard.
struct Process {
    child: Child,
    _lines: Lines,
}

impl Process {
    /// Starts it, and waits until it says so and the port answers.
    fn start(mut command: Command, ready: &str, port: u16) -> Process {
        let program = command.get_program().to_string_lossy().into_owned();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{program}: {error}: apt-get install pebble"));
        let out = child.stdout.take().expect("a pipe");
        let err = child.stderr.take().expect("a pipe");
        let mut lines = Lines::of([Box::new(out), Box::new(err)]);
        let started = lines.wait(START, |line| line.contains(ready).then_some(()));
        assert_eq!(started, Ok(()), "{program} said:\n{}", lines.everything());
        // Both say that they listen before they do.
        let clock = Clock::system();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(clock.now() < Tick::ZERO + START, "{program} does not listen");
            std::thread::yield_now();
        }
        Process { child, _lines: lines }
    }

    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}
