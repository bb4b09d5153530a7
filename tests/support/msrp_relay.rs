//! Kamailio as an MSRP relay.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use tagus::clock::Clock;
use tempfile::TempDir;

use crate::kamailio::Kamailio;

/// Longer than Kamailio needs to start on a busy machine.
const START: Duration = Duration::from_secs(20);

pub(crate) const USER: &str = "ana";
pub(crate) const PASSWORD: &str = "secret of ana";

/// A running relay, ended when dropped.
pub(crate) struct Relay {
    kamailio: Kamailio,
    pub(crate) address: SocketAddr,
}

impl Relay {
    /// Starts one whose paths are good for so many seconds.
    pub(crate) fn start(expires: u32) -> Relay {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let address = listener.local_addr().expect("an address");
        drop(listener);
        let names = [
            ("@LISTEN@", &*address.to_string()),
            ("@REALM@", "relay.test"),
            ("@PASSWORD@", PASSWORD),
            ("@EXPIRES@", &*expires.to_string()),
        ];
        let home = TempDir::new().expect("a directory");
        let kamailio = Kamailio::start(home, "kamailio_msrp.cfg", &names);
        let relay = Relay { kamailio, address };
        let clock = Clock::system();
        let deadline = clock.now() + START;
        while TcpStream::connect(address).is_err() {
            assert!(clock.now() < deadline, "kamailio does not answer:\n{}", relay.kamailio.log());
            std::thread::yield_now();
        }
        relay
    }

    /// Its URI for AUTH.
    pub(crate) fn uri(&self) -> String {
        format!("msrp://{};tcp", self.address)
    }
}
