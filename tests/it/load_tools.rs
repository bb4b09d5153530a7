//! SIPp and sipsak: scripted conversations by tools that share no code with any of the clients.

use std::fmt::Write as _;
use std::fs;
use std::net::{Ipv4Addr, UdpSocket};
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

use crate::support::server::{DOMAIN, Server};
use crate::support::{program, repository};

const PEOPLE: usize = 50;
const CALLS: usize = 200;
/// SIPp knows MD5 only and answers the first challenge only.
const MD5: &str = "[identity]\ndigest_algorithms = [\"MD5\"]\n";

struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Imports people and writes the file from which SIPp takes them.
fn people(server: &Server, directory: &TempDir) -> std::path::PathBuf {
    let mut import = String::from("user,name,mail,password,groups\n");
    let mut sipp = String::from("SEQUENTIAL\n");
    for n in 0..PEOPLE {
        let next = (n + 1) % PEOPLE;
        let _ = writeln!(import, "p{n:03},Person {n},p{n:03}@{DOMAIN},secret{n:03},");
        let _ = writeln!(
            sipp,
            "p{n:03};[authentication username=p{n:03} password=secret{n:03}];p{next:03}"
        );
    }
    let list = directory.path().join("people.csv");
    fs::write(&list, import).expect("list of people");
    let path = list.to_str().expect("UTF-8");
    let printed = server.run(&["user", "import", path], None);
    assert_eq!(printed.code, 0, "{}{}", printed.out, printed.err);
    let file = directory.path().join("sipp.csv");
    fs::write(&file, sipp).expect("SIPp's people");
    file
}

/// A port that is free for UDP and TCP alike at this moment.
fn free_port() -> u16 {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    socket.local_addr().expect("an address").port()
}

fn sipp(directory: &TempDir, scenario: &str, transport: &str, port: u16) -> Command {
    let mut command = Command::new(program("sipp", "sip-tester"));
    command
        .current_dir(directory.path())
        .env("TERM", "xterm")
        .arg("-sf")
        .arg(repository("tests/bench/kamailio/sipp").join(scenario))
        .args(["-i", "127.0.0.1", "-p", &port.to_string(), "-nostdin"])
        .args(["-t", if transport == "udp" { "u1" } else { "t1" }])
        .stdin(Stdio::null());
    command
}

fn sipp_conversations(transport: &str, answering: &str, scenarios: &[(&str, usize)]) {
    let server = Server::start(MD5);
    let directory = TempDir::new().expect("temporary directory");
    let people = people(&server, &directory);
    let address = if transport == "udp" { server.udp } else { server.tcp };
    let listening = free_port();
    let answering = sipp(&directory, answering, transport, listening)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("SIPp can be run");
    let _answering = Ended(answering);
    let run = |scenario: &str, calls: usize| -> Output {
        sipp(&directory, scenario, transport, free_port())
            .arg(address.to_string())
            .arg("-inf")
            .arg(&people)
            .args(["-key", "domain", DOMAIN, "-auth_uri", DOMAIN])
            .args(["-key", "contact", &format!("127.0.0.1:{listening};transport={transport}")])
            .args(["-m", &calls.to_string(), "-r", "100", "-timeout", "40s", "-timeout_error"])
            .args(["-trace_err", "-error_file", "errors.log"])
            .output()
            .expect("SIPp can be run")
    };
    for (scenario, calls) in scenarios {
        let output = run(scenario, *calls);
        let errors = fs::read_to_string(directory.path().join("errors.log")).unwrap_or_default();
        assert!(output.status.success(), "{scenario} over {transport}:\n{errors}");
    }
    let status = server.run(&["status", "--json"], None).json();
    assert_eq!(status["bindings"], PEOPLE, "{status}");
    assert_eq!(status["pid"], server.pid(), "{status}");
}

#[test]
fn sipp_registers_fifty_people_who_write_two_hundred_messages_over_udp() {
    let scenarios = [("register.xml", PEOPLE), ("message.xml", CALLS)];
    sipp_conversations("udp", "uas_message.xml", &scenarios);
}

#[test]
fn sipp_registers_fifty_people_who_write_two_hundred_messages_over_tcp() {
    let scenarios = [("register.xml", PEOPLE), ("message.xml", CALLS)];
    sipp_conversations("tcp", "uas_message.xml", &scenarios);
}

/// RFC 3261 s12, s13, s14: INVITE, 180, 200, ACK, re-INVITE, BYE.
#[test]
fn sipp_sets_up_changes_and_ends_two_hundred_calls_over_udp() {
    let scenarios = [("register.xml", PEOPLE), ("call.xml", CALLS)];
    sipp_conversations("udp", "uas_call.xml", &scenarios);
}

#[test]
fn sipp_sets_up_changes_and_ends_two_hundred_calls_over_tcp() {
    let scenarios = [("register.xml", PEOPLE), ("call.xml", CALLS)];
    sipp_conversations("tcp", "uas_call.xml", &scenarios);
}

fn sipsak(arguments: &[&str]) -> Output {
    Command::new(program("sipsak", "sipsak"))
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("sipsak can be run")
}

/// RFC 3261 s11: a server answers OPTIONS that is addressed to it.
#[test]
fn sipsak_gets_an_answer_to_options() {
    let server = Server::start("");
    // sipsak cuts a port of five digits short in what it writes, so the host must tell.
    let target = format!("sip:localhost:{}", server.udp.port());
    let output = sipsak(&["-vv", "-s", &target]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("200"), "{said}");
}

#[test]
fn sipsak_registers_with_md5_and_not_with_a_wrong_password() {
    let server = Server::start("");
    server.add_user("vera", "right");
    // sipsak looks the domain up even when it is told where to send.
    let target = format!("sip:vera@localhost:{}", server.udp.port());
    let register = |password: &str| {
        let contact = "sip:vera@127.0.0.1:9";
        sipsak(&[
            "-v", "-U", "-x", "120", "-s", &target, "-u", "vera", "-a", password, "-C", contact,
        ])
    };
    let right = register("right");
    assert!(right.status.success(), "{}", String::from_utf8_lossy(&right.stdout));
    let wrong = register("wrong");
    assert!(!wrong.status.success(), "{}", String::from_utf8_lossy(&wrong.stdout));
}

/// The generator's idle people: each is there over a connection of his own, which is kept alive
/// (RFC 5626 s4.4.1, s4.4.2) and ends his registration with its end.
#[test]
fn idle_people_each_keep_a_connection_of_their_own() {
    let server = Server::start(MD5);
    let directory = TempDir::new().expect("temporary directory");
    people(&server, &directory);
    for (transport, address) in [("udp", server.udp), ("tcp", server.tcp), ("tls", server.tls)] {
        let (address, pid) = (address.to_string(), server.pid().to_string());
        let mut bench = vec!["bench", "idle", "--json", "--server", &address, "--domain", DOMAIN];
        bench.extend(["--user-pattern", "p{:03}", "--password-pattern", "secret{:03}"]);
        bench.extend([
            "--count",
            "20",
            "--threads",
            "3",
            "--hold",
            "2s",
            "--settle",
            "1s",
            "--pid",
            &pid,
        ]);
        bench.extend(["--transport", transport]);
        if transport == "tls" {
            bench.push("--insecure");
        }
        let accepted = || {
            let status = server.run(&["status", "--json"], None).json();
            status["counters"]["connections_accepted"].as_u64().expect("a number")
        };
        let before = accepted();
        let report = server.run(&bench, None).json();
        assert_eq!(report["connections"], 20, "{report}");
        assert_eq!(report["keep_alives"], 20, "{report}");
        assert_eq!(report["keep_alives_answered"], 20, "{report}");
        assert_eq!((&report["failed"], &report["lost"]), (&0.into(), &0.into()), "{report}");
        assert!(report["memory"]["held_kib"].as_u64() > Some(0), "{report}");
        assert_eq!(accepted() - before, if transport == "udp" { 0 } else { 20 });
    }
    // Those of connections that ended are gone with them (decision 8); those over UDP are left.
    let status = server.run(&["status", "--json"], None).json();
    assert_eq!(status["bindings"], 20, "{status}");
}
