//! `docs/beside-voip.md`, run: Debian's Kamailio is the older registrar of the same domain.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use serde_json::json;
use tagus::clock::Clock;
use tagus::http_digest::{Algorithm, ha1};
use tempfile::TempDir;

use crate::support::agent::{Agent, Kind, SignIn};
use crate::support::caller::Caller;
use crate::support::directory::Directory;
use crate::support::kamailio::Kamailio;
use crate::support::server::{DOMAIN, Server};

const PASSWORD: &str = "from long ago";

/// Longer than Kamailio needs to start on a busy machine.
const START: Duration = Duration::from_secs(15);

/// A port on another loopback address than the new server's.
fn free_port() -> SocketAddr {
    let socket = UdpSocket::bind((Ipv4Addr::new(127, 0, 0, 2), 0)).expect("a port");
    socket.local_addr().expect("an address")
}

/// The older registrar, killed when dropped.
struct OldRegistrar {
    kamailio: Kamailio,
    address: SocketAddr,
}

impl OldRegistrar {
    fn start(address: SocketAddr, new: SocketAddr, people: &[&str]) -> OldRegistrar {
        let home = TempDir::new().expect("temporary directory");
        let mut table = "username(string) domain(string) ha1(string)\n".to_owned();
        for user in people {
            let ha1 = ha1(Algorithm::Md5, user.as_bytes(), DOMAIN.as_bytes(), PASSWORD.as_bytes());
            table += &format!("{user}:{DOMAIN}:{}\n", ha1.hex().as_str());
        }
        fs::write(home.path().join("subscriber"), table).expect("a table");
        let names = [
            ("@DOMAIN@", DOMAIN),
            ("@LISTEN@", &*address.to_string()),
            ("@DATABASE@", &*home.path().display().to_string()),
            ("@NEW_ADDRESS@", &*new.ip().to_string()),
            ("@NEW_PORT@", &*new.port().to_string()),
        ];
        let kamailio = Kamailio::start(home, "kamailio_registrar.cfg", &names);
        let registrar = OldRegistrar { kamailio, address };
        registrar.wait_until_it_answers();
        registrar
    }

    /// It challenges whoever has not signed in.
    fn wait_until_it_answers(&self) {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        socket.set_read_timeout(Some(Duration::from_millis(200))).expect("a timeout");
        let address = socket.local_addr().expect("an address");
        let register = format!(
            "REGISTER sip:{DOMAIN} SIP/2.0\r\nVia: SIP/2.0/UDP {address};branch=z9hG4bKready;rport\
             \r\nFrom: <sip:a@{DOMAIN}>;tag=1\r\nTo: <sip:a@{DOMAIN}>\r\nCall-ID: ready\r\n\
             CSeq: 1 REGISTER\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
        );
        let clock = Clock::system();
        let deadline = clock.now() + START;
        let mut buffer = [0; 2_048];
        loop {
            // Before it listens, the kernel refuses.
            let _ = socket.send_to(register.as_bytes(), self.address);
            if socket
                .recv(&mut buffer)
                .is_ok_and(|length| buffer[..length].starts_with(b"SIP/2.0 401"))
            {
                return;
            }
            let late = clock.now() >= deadline;
            assert!(!late, "kamailio does not answer:\n{}", self.kamailio.log());
        }
    }

    /// Its people as `tagus user import` takes them.
    fn exported(&self) -> String {
        let table = fs::read_to_string(self.kamailio.home().join("subscriber")).expect("the table");
        let rows = table.lines().skip(1).map(|row| row.replace(':', ",") + "\n");
        "username,domain,ha1\n".to_owned() + &rows.collect::<String>()
    }
}

fn phone(user: &str, server: SocketAddr) -> Agent {
    let mut agent = Agent::start(
        Kind::Pjsua2,
        &SignIn {
            user,
            auth_user: user,
            password: PASSWORD,
            domain: DOMAIN,
            server,
            transport: "udp",
            peers: &[],
        },
    );
    agent.expect_registered();
    agent
}

fn sign_off(mut agent: Agent) {
    agent.command("unregister");
    agent.expect_kind("unregistered");
}

fn write(from: &mut Agent, to: &mut Agent, text: &str) {
    from.message(&to.user, text);
    to.expect_message(&format!("{}@{DOMAIN}", from.user), text);
    let sent = from.expect_sent(text);
    assert_eq!(sent["ok"], true, "{sent}");
}

/// Rings, talks, and hangs up at the called end.
fn call(from: &mut Agent, to: &mut Agent) {
    from.command(&format!("call {}", to.user));
    to.expect_event("incoming", "from", &json!(format!("{}@{DOMAIN}", from.user)));
    for agent in [&mut *from, &mut *to] {
        agent.expect_event("call", "state", &json!("CONFIRMED"));
    }
    to.command("hangup");
    for agent in [from, to] {
        let ended = agent.expect_event("call", "state", &json!("DISCONNECTED"));
        assert_eq!(ended["code"], 200, "{ended}");
    }
}

fn both_ways(one: &mut Agent, other: &mut Agent, when: &str) {
    write(one, other, &format!("{when}, there"));
    write(other, one, &format!("{when}, and back"));
    call(one, other);
    call(other, one);
}

/// The three parts of the guide: beside it, in its place, and the way back.
#[test]
fn people_of_both_services_reach_each_other_before_during_and_after_the_change() {
    let old_address = free_port();
    // docs/beside-voip.md: "Beside it".
    let server = Server::start_with(
        &format!("trusted_peers = [\"{}\"]\n", old_address.ip()),
        &format!(
            "[[sip.route]]\nmatch = '^(sip|tel):'\nnext_hop = \"sip:{old_address};transport=udp\"\n"
        ),
    );
    let old = OldRegistrar::start(old_address, server.udp, &["carla", "rui"]);
    server.add_user("ana", PASSWORD);
    let mut ana = phone("ana", server.udp);
    let mut carla = phone("carla", old.address);
    both_ways(&mut ana, &mut carla, "beside it");

    // "In its place": the people with their passwords; Carla's telephone comes over, Rui's does not
    // know yet.
    let file = tempfile::NamedTempFile::new().expect("a file");
    let rows: Vec<String> = old.exported().lines().map(str::to_owned).collect();
    fs::write(file.path(), format!("{}\n{}\n", rows[0], rows[1])).expect("a file");
    let path = file.path().to_str().expect("a path");
    let printed = server.run(&["user", "import", path], None);
    assert_eq!(printed.code, 0, "{}{}", printed.out, printed.err);
    sign_off(carla);
    let mut carla = phone("carla", server.udp);
    let mut rui = phone("rui", old.address);
    both_ways(&mut ana, &mut carla, "in its place");
    both_ways(&mut carla, &mut rui, "in part");

    // "The way back".
    sign_off(carla);
    let printed = server.run(&["user", "delete", "carla"], None);
    assert_eq!(printed.code, 0, "{}{}", printed.out, printed.err);
    let mut carla = phone("carla", old.address);
    both_ways(&mut ana, &mut carla, "back again");
}

/// RFC 3261 s21.4.23: a number that the directory gives to two people rings neither of them.
#[test]
fn a_number_of_two_people_is_485_to_the_caller() {
    let directory = Directory::start(&[("eva", "of eva"), ("rui", "of rui")]);
    for uid in ["eva", "rui"] {
        directory.add(uid, "telephoneNumber", "2101");
    }
    directory.add("rui", "telephoneNumber", "2102");
    let server =
        Server::start(&(directory.configuration() + "attribute_number = \"telephoneNumber\"\n"));
    server.add_user("ana", PASSWORD);
    let mut ana = Caller::new(server.udp, "ana", PASSWORD);
    assert_eq!(ana.register(600).status, 200);
    assert_eq!(ana.message("2101", "to whom?").status, 485);
    assert_eq!(ana.message("2102", "to Rui").status, 202);
}
