//! A campus in network namespaces, one end of it behind an address translator.
//!
//! ```text
//!   private ──── router ────┐
//!   192.168.7.2  10.20.0.3  ├── switch ── server  10.20.0.1
//!                           └──────────── public  10.20.0.2
//! ```
//!
//! A namespace lives as long as the process in it, and that process as long as the pipe to its
//! standard input: nothing is left over, however the test ends.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use super::lines::Lines;
use super::program;

pub(crate) const SERVER: Ipv4Addr = Ipv4Addr::new(10, 20, 0, 1);
pub(crate) const PUBLIC: Ipv4Addr = Ipv4Addr::new(10, 20, 0, 2);
/// What the others see of everybody behind the translator.
pub(crate) const ROUTER: Ipv4Addr = Ipv4Addr::new(10, 20, 0, 3);
pub(crate) const PRIVATE: Ipv4Addr = Ipv4Addr::new(192, 168, 7, 2);
const GATEWAY: Ipv4Addr = Ipv4Addr::new(192, 168, 7, 1);

/// The name under which the server is known there.
pub(crate) const SERVER_NAME: &str = "im.campus.test";

/// The end of each cable that is in a place.
pub(crate) const UPLINK: &str = "uplink";
/// The router's other end, towards the private network.
const INSIDE: &str = "inside";

const START: Duration = Duration::from_secs(10);

/// The whole of it.
pub(crate) struct CampusNet {
    pub(crate) server: Place,
    pub(crate) public: Place,
    pub(crate) private: Place,
    pub(crate) router: Place,
    // Holds the bridge.
    _switch: Place,
    _names: TempDir,
}

impl CampusNet {
    pub(crate) fn new() -> CampusNet {
        let [switch, server, public, router, private] = [(); 5].map(|()| Place::new());
        switch.ip("link add bridge type bridge");
        switch.ip("link set bridge up");
        let cables = [("server", &server, SERVER), ("public", &public, PUBLIC)];
        for (port, place, address) in cables.into_iter().chain([("router", &router, ROUTER)]) {
            cable(&switch, port, place);
            switch.ip(&format!("link set {port} master bridge"));
            place.ip(&format!("address add {address}/24 dev {UPLINK}"));
        }
        cable(&router, INSIDE, &private);
        router.ip(&format!("address add {GATEWAY}/24 dev {INSIDE}"));
        private.ip(&format!("address add {PRIVATE}/24 dev {UPLINK}"));
        private.ip(&format!("route add default via {GATEWAY}"));
        router.run("sh", "dash", &["-c", "echo 1 >/proc/sys/net/ipv4/ip_forward"]);
        // Every flow gets a port of its own, as the strictest translators do.
        for line in [
            "add table ip nat".to_owned(),
            "add chain ip nat out { type nat hook postrouting priority 100 ; }".to_owned(),
            format!("add rule ip nat out oifname {UPLINK} masquerade fully-random"),
        ] {
            router.run("nft", "nftables", &[&line]);
        }
        let names = TempDir::new().expect("temporary directory");
        let hosts = names.path().join("hosts");
        fs::write(&hosts, format!("127.0.0.1 localhost\n{SERVER} {SERVER_NAME}\n")).expect("hosts");
        for place in [&public, &private] {
            let hosts = hosts.to_str().expect("a path");
            place.run("mount", "mount", &["--bind", hosts, "/etc/hosts"]);
        }
        CampusNet { server, public, private, router, _switch: switch, _names: names }
    }
}

/// Lays a cable from a port of `near` to the uplink of `far`.
fn cable(near: &Place, port: &str, far: &Place) {
    near.ip(&format!("link add {port} type veth peer name {UPLINK} netns {}", far.holder.id()));
    near.ip(&format!("link set {port} up"));
    far.ip(&format!("link set {UPLINK} up"));
}

/// A network namespace, with mounts of its own.
pub(crate) struct Place {
    holder: Child,
    entrance: Vec<String>,
}

impl Place {
    fn new() -> Place {
        let mut holder = Command::new(program("unshare", "util-linux"))
            .args(["--net", "--mount", "cat"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("unshare can be run");
        // What comes back comes from inside.
        let echoed = holder.stdin.as_mut().map(|pipe| pipe.write_all(b"\n"));
        let mut echo = [0];
        let came = holder.stdout.as_mut().map(|pipe| pipe.read(&mut echo).unwrap_or(0));
        if !matches!((echoed, came), (Some(Ok(())), Some(1))) {
            let mut why = String::new();
            let _ = holder.stderr.as_mut().map(|pipe| pipe.read_to_string(&mut why));
            let _ = holder.wait();
            panic!(
                "no network namespace: this test needs root (CAP_SYS_ADMIN, CAP_NET_ADMIN): {why}"
            );
        }
        let entrance = program("nsenter", "util-linux");
        let entrance = vec![
            entrance.to_str().expect("a path").to_owned(),
            format!("--target={}", holder.id()),
            "--net".to_owned(),
            "--mount".to_owned(),
            "--".to_owned(),
        ];
        let place = Place { holder, entrance };
        place.ip("link set lo up");
        place
    }

    /// What stands before a command that is to run here. It becomes that command, under one process
    /// id.
    pub(crate) fn entrance(&self) -> &[String] {
        &self.entrance
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(&self.entrance[0]);
        command.args(&self.entrance[1..]).arg(program);
        command
    }

    fn run(&self, name: &str, package: &str, arguments: &[&str]) {
        let output = self.command(&program(name, package)).args(arguments).output();
        let output = output.expect("nsenter can be run");
        let why = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name} {arguments:?}: {why}");
    }

    fn ip(&self, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        self.run("ip", "iproute2", &words);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

/// A datagram that was on a cable.
#[derive(Clone, Debug)]
pub(crate) struct Datagram {
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    pub(crate) payload: Vec<u8>,
}

impl Datagram {
    /// Whether it carries audio: RTP's version (RFC 3550 s5.1), and no type that RTCP has (RFC 5761
    /// s4).
    pub(crate) fn is_rtp(&self) -> bool {
        matches!(self.payload[..], [first, kind, ..] if first >> 6 == 2 && !(64..96).contains(&(kind & 0x7f)))
            && self.payload.len() > 12
    }
}

/// All datagrams at the uplink of a place.
pub(crate) struct Capture {
    child: Child,
    said: Lines,
    directory: TempDir,
}

impl Capture {
    /// Gives it when it has begun.
    pub(crate) fn start(place: &Place) -> Capture {
        let directory = TempDir::new().expect("temporary directory");
        let mut child = place
            .command(&program("tcpdump", "tcpdump"))
            .args(["-Z", "root", "--immediate-mode", "-U", "-p", "-n", "-i", UPLINK, "-w"])
            .arg(captured(&directory))
            .arg("udp")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("tcpdump can be run");
        let mut said = Lines::of([Box::new(child.stderr.take().expect("a pipe"))]);
        let begun = said.wait(START, |line| line.contains("listening on").then_some(()));
        assert_eq!(begun, Ok(()), "tcpdump said:\n{}", said.everything());
        Capture { child, said, directory }
    }

    /// Ends it, and gives what was there.
    pub(crate) fn end(mut self) -> Vec<Datagram> {
        self.stop();
        let said = self.said.everything();
        let file = fs::read(captured(&self.directory)).expect("a capture");
        read_capture(&file).unwrap_or_else(|| panic!("no capture of IPv4 over Ethernet; {said}"))
    }

    fn stop(&mut self) {
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.child.id()).unwrap_or(0));
        let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM);
        let _ = self.child.wait();
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.stop();
        }
    }
}

fn captured(directory: &TempDir) -> PathBuf {
    directory.path().join("cable.pcap")
}

/// The datagrams of a file of pcap's first format; `None` if it is none. The byte order is this
/// machine's, which wrote it.
fn read_capture(file: &[u8]) -> Option<Vec<Datagram>> {
    const ETHERNET: u32 = 1;
    let word =
        |bytes: &[u8], at: usize| Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    if word(file, 0)? != 0xa1b2_c3d4 || word(file, 20)? != ETHERNET {
        return None;
    }
    let mut datagrams = Vec::new();
    let mut rest = file.get(24..)?;
    // A record whose end is not written yet is none.
    while let Some(length) = word(rest, 8)
        && let Some(frame) = rest.get(16..16 + length as usize)
    {
        datagrams.extend(read_frame(frame));
        rest = rest.get(16 + length as usize..)?;
    }
    Some(datagrams)
}

/// UDP in IPv4 in Ethernet.
fn read_frame(frame: &[u8]) -> Option<Datagram> {
    let packet = frame.get(14..).filter(|_| frame.get(12..14) == Some(&[8, 0]))?;
    let header = usize::from(packet.first()? & 15) * 4;
    let address = |at: usize| {
        let octets: [u8; 4] = packet.get(at..at + 4)?.try_into().ok()?;
        Some(IpAddr::from(octets))
    };
    let datagram = packet.get(header..).filter(|_| packet.get(9) == Some(&17))?;
    let port = |at: usize| Some(u16::from_be_bytes(datagram.get(at..at + 2)?.try_into().ok()?));
    Some(Datagram {
        from: SocketAddr::new(address(12)?, port(0)?),
        to: SocketAddr::new(address(16)?, port(2)?),
        payload: datagram.get(8..)?.to_vec(),
    })
}
