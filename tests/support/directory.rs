//! A directory of people: Debian's `slapd` on a loopback port, with its own data.

use std::fmt::Write as _;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tagus::clock::Clock;
use tempfile::TempDir;

use super::program;

/// Where the people are.
pub(crate) const PEOPLE: &str = "ou=people,dc=campus,dc=test";

const START: Duration = Duration::from_secs(15);

/// A running `slapd`, killed when dropped.
pub(crate) struct Directory {
    child: Child,
    address: SocketAddr,
    _home: TempDir,
}

impl Directory {
    /// Starts with these people, `(uid, password)`; only salted hashes of the passwords are kept.
    pub(crate) fn start(people: &[(&str, &str)]) -> Directory {
        let home = TempDir::new().expect("temporary directory");
        let database = home.path().join("data");
        fs::create_dir(&database).expect("data directory");
        let configuration = home.path().join("slapd.conf");
        fs::write(&configuration, slapd_conf(home.path())).expect("configuration");
        let people_file = home.path().join("people.ldif");
        fs::write(&people_file, ldif(people)).expect("people");
        let filled = Command::new(program("slapadd", "slapd"))
            .args(["-q", "-f"])
            .arg(&configuration)
            .arg("-l")
            .arg(&people_file)
            .output()
            .expect("slapadd can be run");
        assert!(filled.status.success(), "{}", String::from_utf8_lossy(&filled.stderr));
        let address = free_port();
        let child = Command::new(program("slapd", "slapd"))
            .arg("-f")
            .arg(&configuration)
            .args(["-h", &format!("ldap://{address}"), "-d", "0"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("slapd can be run");
        let directory = Directory { child, address, _home: home };
        directory.wait_until_it_answers();
        directory
    }

    fn wait_until_it_answers(&self) {
        let clock = Clock::system();
        let deadline = clock.now() + START;
        while TcpStream::connect_timeout(&self.address, Duration::from_millis(200)).is_err() {
            assert!(clock.now() < deadline, "slapd does not answer on {}", self.address);
            std::thread::yield_now();
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

fn free_port() -> SocketAddr {
    // slapd cannot choose a port by itself; the moment between is short, and only it would mind.
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    listener.local_addr().expect("an address")
}

fn slapd_conf(home: &Path) -> String {
    let home = home.display();
    format!(
        "include /etc/ldap/schema/core.schema\ninclude /etc/ldap/schema/cosine.schema\n\
         include /etc/ldap/schema/inetorgperson.schema\n\
         pidfile {home}/slapd.pid\nargsfile {home}/slapd.args\n\
         modulepath /usr/lib/ldap\nmoduleload back_mdb\nloglevel 0\n\
         database mdb\nmaxsize 67108864\nsuffix \"dc=campus,dc=test\"\n\
         rootdn \"cn=admin,dc=campus,dc=test\"\ndirectory {home}/data\n\
         index objectClass eq\nindex uid eq\n\
         access to attrs=userPassword by anonymous auth by * none\naccess to * by * read\n"
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
             sn: {uid}\nmail: {uid}@campus.test\nuserPassword: {hash}\n\n"
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
