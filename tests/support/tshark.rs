//! An independent reader of what goes over the wire: tshark dissects a capture of one port of a test.

use std::fs;
use std::io::Read as _;
use std::net::{Ipv4Addr, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use crate::lines::Lines;
use crate::programs::program;

/// Longer than tcpdump and tshark need on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// The last packet of a capture.
const MARK: &[u8] = b"the end of this capture";

/// A running capture of one TCP port of loopback; needs the right to capture (root).
pub(crate) struct Capture {
    child: Child,
    bytes: Receiver<Vec<u8>>,
    port: u16,
    mark: UdpSocket,
}

/// What tshark found.
#[derive(Debug)]
pub(crate) struct Dissection {
    /// Methods of requests, and codes of responses, in the order of their packets.
    pub(crate) messages: Vec<String>,
    /// Packets that tshark calls malformed or erroneous.
    pub(crate) complaints: Vec<String>,
}

impl Capture {
    /// Begins, and returns when every packet from now on is seen.
    pub(crate) fn start(port: u16) -> Capture {
        let mark = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let mark_port = mark.local_addr().expect("an address").port();
        let mut child = Command::new(program("tcpdump", "tcpdump"))
            .args(["-i", "lo", "-s", "0", "-U", "--immediate-mode", "-B", "65536", "-w", "-"])
            .arg(format!("tcp port {port} or udp port {mark_port}"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("tcpdump can be run");
        let mut out = child.stdout.take().expect("a pipe");
        let (sender, bytes) = channel();
        thread::spawn(move || {
            let mut buffer = vec![0; 1 << 20];
            while let Ok(count) = out.read(&mut buffer)
                && count > 0
                && sender.send(buffer[..count].to_vec()).is_ok()
            {}
        });
        let mut lines = Lines::of([Box::new(child.stderr.take().expect("a pipe"))]);
        let ready = lines.wait(PATIENCE, |line| line.contains("listening on").then_some(()));
        assert_eq!(ready, Ok(()), "tcpdump, which needs root: {}", lines.everything());
        Capture { child, bytes, port, mark }
    }

    /// Ends, and has tshark read what was captured.
    pub(crate) fn dissect(mut self) -> Dissection {
        let to = self.mark.local_addr().expect("an address");
        self.mark.send_to(MARK, to).expect("loopback");
        let mut capture = Vec::new();
        let mut looked = 0;
        while memchr::memmem::find(&capture[looked..], MARK).is_none() {
            looked = capture.len().saturating_sub(MARK.len());
            capture.extend(self.bytes.recv_timeout(PATIENCE).expect("the mark is captured"));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        let file = tempfile::NamedTempFile::new().expect("a file");
        fs::write(file.path(), capture).expect("a file");
        let read = |filter: &str, fields: &[&str]| {
            let mut command = Command::new(program("tshark", "tshark"));
            command.arg("-r").arg(file.path()).args(["-Y", filter, "-T", "fields"]);
            command.arg("-d").arg(format!("tcp.port=={},msrp", self.port));
            for field in fields {
                command.args(["-e", field]);
            }
            let output = command.output().expect("tshark can be run");
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            text.lines().map(|line| line.trim().to_owned()).collect::<Vec<_>>()
        };
        let messages =
            read("msrp.method || msrp.status.code", &["msrp.method", "msrp.status.code"])
                .iter()
                .flat_map(|line| line.split([',', '\t']).map(str::to_owned).collect::<Vec<_>>())
                .filter(|word| !word.is_empty())
                .collect();
        // The severity of an error (wireshark's PI_ERROR).
        let complaints = read(
            "_ws.malformed || _ws.expert.severity >= 8388608",
            &["frame.number", "_ws.col.Protocol", "_ws.expert.message", "_ws.col.Info"],
        );
        Dissection { messages, complaints }
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Dissection {
    /// How many messages there are of a method or a code.
    pub(crate) fn count(&self, kind: &str) -> usize {
        self.messages.iter().filter(|one| *one == kind).count()
    }

    pub(crate) fn expect_clean(&self) {
        assert!(self.complaints.is_empty(), "tshark complains:\n{}", self.complaints.join("\n"));
    }
}
