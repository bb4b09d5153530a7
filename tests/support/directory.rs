//! A directory of people: Debian's `slapd` on a loopback port, with its own data.

use std::fmt::Write as _;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tagus::clock::Clock;
use tempfile::TempDir;

use super::{free_port, program};

/// Where the groups are, once a test has made the place.
pub(crate) const GROUPS: &str = "ou=groups,dc=campus,dc=test";

/// Where the people are.
pub(crate) const PEOPLE: &str = "ou=people,dc=campus,dc=test";

pub(crate) const ADMIN: &str = "cn=admin,dc=campus,dc=test";
pub(crate) const ADMIN_PASSWORD: &str = "of-the-test-alone";

const START: Duration = Duration::from_secs(15);

/// A running `slapd`, killed when dropped.
pub(crate) struct Directory {
    child: Child,
    pub(crate) address: SocketAddr,
    /// Where it speaks TLS from the first byte on, if it has a certificate.
    pub(crate) secure: Option<SocketAddr>,
    home: TempDir,
}

/// What is in a directory, and how it is set up.
#[derive(Default)]
pub(crate) struct Plan<'a> {
    /// People, `(uid, password)`; only salted hashes of the passwords are kept.
    pub(crate) people: &'a [(&'a str, &'a str)],
    /// More entries, as LDIF.
    pub(crate) entries: &'a str,
    /// Lines of `slapd.conf` before the database.
    pub(crate) server: &'a str,
    /// Lines at its end.
    pub(crate) database: &'a str,
    /// Its certificates and its key, PEM.
    pub(crate) certificate: Option<(&'a str, &'a str)>,
}

impl Directory {
    /// Starts with these people, `(uid, password)`; only salted hashes of the passwords are kept.
    pub(crate) fn start(people: &[(&str, &str)]) -> Directory {
        Directory::start_with(people, "")
    }

    /// The same with more lines at the end of `slapd.conf`.
    pub(crate) fn start_with(people: &[(&str, &str)], more: &str) -> Directory {
        Directory::open(&Plan { people, database: more, ..Plan::default() })
    }

    /// Starts with what is planned.
    pub(crate) fn open(plan: &Plan<'_>) -> Directory {
        let home = TempDir::new().expect("temporary directory");
        let database = home.path().join("data");
        fs::create_dir(&database).expect("data directory");
        let configuration = home.path().join("slapd.conf");
        fs::write(&configuration, slapd_conf(home.path(), plan)).expect("configuration");
        let people_file = home.path().join("people.ldif");
        fs::write(&people_file, ldif(plan.people) + plan.entries).expect("people");
        let filled = Command::new(program("slapadd", "slapd"))
            .args(["-q", "-f"])
            .arg(&configuration)
            .arg("-l")
            .arg(&people_file)
            .output()
            .expect("slapadd can be run");
        assert!(filled.status.success(), "{}", String::from_utf8_lossy(&filled.stderr));
        let address = free_port();
        let secure = plan.certificate.map(|_| free_port());
        let child = slapd(home.path(), address, secure);
        let directory = Directory { child, address, secure, home };
        directory.wait_until_it_answers();
        directory
    }

    /// Ends it; the data stay.
    pub(crate) fn stop(&mut self) {
        self.child.kill().expect("kill");
        self.child.wait().expect("wait");
    }

    /// Starts it again on the same port.
    pub(crate) fn start_again(&mut self) {
        self.child = slapd(self.home.path(), self.address, self.secure);
        self.wait_until_it_answers();
    }

    /// Lets it say nothing: the kernel still takes connections.
    pub(crate) fn hang(&self) {
        self.signal(Signal::SIGSTOP);
    }

    /// Lets it go on.
    pub(crate) fn go_on(&self) {
        self.signal(Signal::SIGCONT);
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).expect("a process id");
        kill(Pid::from_raw(pid), signal).expect("a signal to our own child");
    }

    /// Removes a person.
    pub(crate) fn delete(&self, uid: &str) {
        let output = Command::new(program("ldapdelete", "ldap-utils"))
            .args(["-x", "-H", &format!("ldap://{}", self.address)])
            .args(["-D", ADMIN, "-w", ADMIN_PASSWORD, &format!("uid={uid},{PEOPLE}")])
            .output()
            .expect("ldapdelete can be run");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Gives a person an attribute.
    pub(crate) fn add(&self, uid: &str, attribute: &str, value: &str) {
        self.change(&format!(
            "dn: uid={uid},{PEOPLE}\nchangetype: modify\nadd: {attribute}\n{attribute}: {value}\n"
        ));
    }

    /// Makes changes, written as LDIF (RFC 2849).
    pub(crate) fn change(&self, changes: &str) {
        let mut child = Command::new(program("ldapmodify", "ldap-utils"))
            .args(["-x", "-H", &format!("ldap://{}", self.address), "-D", ADMIN])
            .args(["-w", ADMIN_PASSWORD])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("ldapmodify can be run");
        let mut input = child.stdin.take().expect("a pipe");
        input.write_all(changes.as_bytes()).expect("changes");
        drop(input);
        assert!(child.wait().expect("ldapmodify ends").success());
    }

    /// The same, with an attribute from which the server reads each person's password.
    pub(crate) fn readable_configuration(&self, at: SocketAddr) -> String {
        self.configuration().replace(&self.address.to_string(), &at.to_string())
            + "secret_attribute = \"carLicense\"\nsecret_format = \"cleartext\"\n"
    }

    fn wait_until_it_answers(&self) {
        let clock = Clock::system();
        let deadline = clock.now() + START;
        for address in [Some(self.address), self.secure].into_iter().flatten() {
            while TcpStream::connect_timeout(&address, Duration::from_millis(200)).is_err() {
                assert!(clock.now() < deadline, "slapd does not answer on {address}");
                std::thread::yield_now();
            }
        }
    }

    /// The `[identity]` part of a configuration that uses this directory.
    pub(crate) fn configuration(&self) -> String {
        format!(
            "[identity]\nsource = \"ldap\"\n[identity.ldap]\nurls = [\"ldap://{}\"]\n\
             base_dn = \"{PEOPLE}\"\n",
            self.address
        )
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn slapd(home: &Path, address: SocketAddr, secure: Option<SocketAddr>) -> Child {
    let secure = secure.map_or_else(String::new, |address| format!(" ldaps://{address}"));
    Command::new(program("slapd", "slapd"))
        .arg("-f")
        .arg(home.join("slapd.conf"))
        .args(["-h", &format!("ldap://{address}{secure}"), "-d", "0"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("slapd can be run")
}

/// Something between a server and its directory that holds answers back. Ends with the test.
pub(crate) struct Slow {
    pub(crate) address: SocketAddr,
    delay: Arc<(Mutex<Duration>, Condvar)>,
}

impl Slow {
    pub(crate) fn before(directory: SocketAddr) -> Slow {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let address = listener.local_addr().expect("an address");
        let delay = Arc::new((Mutex::new(Duration::ZERO), Condvar::new()));
        let shared = Arc::clone(&delay);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect(directory) else { continue };
                let (Ok(from), Ok(to)) = (client.try_clone(), server.try_clone()) else { continue };
                thread::spawn(move || carry(from, to, || {}));
                let shared = Arc::clone(&shared);
                thread::spawn(move || carry(server, client, || hold(&shared)));
            }
        });
        Slow { address, delay }
    }

    /// Every answer from now on takes so much longer; those on their way are let go.
    pub(crate) fn delay(&self, delay: Duration) {
        *self.delay.0.lock().expect("a lock") = delay;
        self.delay.1.notify_all();
    }
}

fn hold((delay, changed): &(Mutex<Duration>, Condvar)) {
    let delay = delay.lock().expect("a lock");
    let wait = *delay;
    drop(changed.wait_timeout_while(delay, wait, |now| *now == wait));
}

fn carry(mut from: TcpStream, mut to: TcpStream, before: impl Fn()) {
    let mut buffer = [0; 4_096];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        before();
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}

fn slapd_conf(home: &Path, plan: &Plan<'_>) -> String {
    let (server, database) = (plan.server, plan.database);
    let mut tls = String::new();
    if let Some((certificate, key)) = plan.certificate {
        for (directive, name, text) in [
            ("TLSCertificateFile", "certificate.pem", certificate),
            ("TLSCertificateKeyFile", "key.pem", key),
        ] {
            fs::write(home.join(name), text).expect("a file");
            let _ = writeln!(tls, "{directive} {}", home.join(name).display());
        }
    }
    let home = home.display();
    format!(
        "include /etc/ldap/schema/core.schema\ninclude /etc/ldap/schema/cosine.schema\n\
         include /etc/ldap/schema/inetorgperson.schema\ninclude /etc/ldap/schema/nis.schema\n\
         pidfile {home}/slapd.pid\nargsfile {home}/slapd.args\n\
         modulepath /usr/lib/ldap\nmoduleload back_mdb\nloglevel 0\n{tls}{server}\
         database mdb\nmaxsize 67108864\nsuffix \"dc=campus,dc=test\"\n\
         rootdn \"{ADMIN}\"\nrootpw {ADMIN_PASSWORD}\ndirectory {home}/data\n\
         index objectClass eq\nindex uid eq\n\
         access to attrs=userPassword by anonymous auth by * none\naccess to * by * read\n{database}"
    )
}

fn ldif(people: &[(&str, &str)]) -> String {
    let mut text = String::from(
        "dn: dc=campus,dc=test\nobjectClass: dcObject\nobjectClass: organization\ndc: campus\n\
         o: Campus\n\ndn: ou=people,dc=campus,dc=test\nobjectClass: organizationalUnit\n\
         ou: people\n\n",
    );
    for (uid, password) in people {
        let hash = salted_hash(password);
        let _ = write!(
            text,
            "dn: uid={uid},{PEOPLE}\nobjectClass: inetOrgPerson\nuid: {uid}\ncn: {uid} of campus\n\
             sn: {uid}\nmail: {uid}@campus.test\nuserPassword: {hash}\ncarLicense: {password}\n\n"
        );
    }
    text
}

fn salted_hash(password: &str) -> String {
    let output = Command::new(program("slappasswd", "slapd"))
        .args(["-h", "{SSHA}", "-s", password])
        .output()
        .expect("slappasswd can be run");
    let hash = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    assert!(hash.starts_with("{SSHA}"), "{hash}");
    hash
}
