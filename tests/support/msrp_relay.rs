//! Kamailio as an MSRP relay.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path as FilePath;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tagus::clock::Clock;
use tempfile::TempDir;

use crate::programs::{program, repository};

/// Longer than Kamailio needs to start on a busy machine.
const START: Duration = Duration::from_secs(20);

pub(crate) const USER: &str = "ana";
pub(crate) const PASSWORD: &str = "secret of ana";

/// A running relay, ended when dropped.
pub(crate) struct Relay {
    child: Child,
    pub(crate) address: SocketAddr,
    home: TempDir,
}

impl Relay {
    /// Starts one whose paths are good for so many seconds.
    pub(crate) fn start(expires: u32) -> Relay {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let address = listener.local_addr().expect("an address");
        drop(listener);
        let home = TempDir::new().expect("a directory");
        let modules = ["x86_64", "aarch64"]
            .map(|machine| format!("/usr/lib/{machine}-linux-gnu/kamailio/modules"))
            .into_iter()
            .find(|path| FilePath::new(path).is_dir())
            .expect("kamailio's modules are missing: apt-get install kamailio");
        let text = fs::read_to_string(repository("tests/peers/kamailio_msrp.cfg"))
            .expect("the configuration")
            .replace("@LISTEN@", &address.to_string())
            .replace("@MODULES@", &modules)
            .replace("@REALM@", "relay.test")
            .replace("@PASSWORD@", PASSWORD)
            .replace("@EXPIRES@", &expires.to_string());
        let configuration = home.path().join("kamailio.cfg");
        fs::write(&configuration, text).expect("the configuration");
        let log = fs::File::create(home.path().join("log")).expect("a log");
        let child = Command::new(program("kamailio", "kamailio"))
            .arg("-f")
            .arg(&configuration)
            .args(["-DD", "-E", "-m", "32", "-M", "8"])
            .arg("-Y")
            .arg(home.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("kamailio can be run");
        let relay = Relay { child, address, home };
        let clock = Clock::system();
        let deadline = clock.now() + START;
        while TcpStream::connect(address).is_err() {
            assert!(clock.now() < deadline, "kamailio does not answer:\n{}", relay.log());
            std::thread::yield_now();
        }
        relay
    }

    /// Its URI for AUTH.
    pub(crate) fn uri(&self) -> String {
        format!("msrp://{};tcp", self.address)
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.home.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        // Its first process ends its others.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}
