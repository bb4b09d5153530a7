//! The torture messages of RFC 4475 sent to a server, and what it answers strangers.

use std::net::UdpSocket;
use std::path::Path;
use std::time::Duration;

use tagus::sip::wire::{Framing, Layout, Limits, Message, scan};

use crate::server::Server;

/// No answer at all.
const SILENCE: u16 = 0;

/// Section, name, and the status of the final answer to a stranger's datagram.
const ANSWERS: &[(&str, &str, u16)] = &[
    // Well-formed: who is of example.com is asked to prove it, and 403 is for a sender or a
    // target of another domain, which this server does not serve.
    ("3.1.1.1", "wsinv", 403),
    ("3.1.1.2", "intmeth", 407),
    ("3.1.1.3", "esc01", 403),
    ("3.1.1.4", "escnull", 401),
    ("3.1.1.5", "esc02", 407),
    ("3.1.1.6", "lwsdisp", 407),
    ("3.1.1.7", "longreq", 403),
    ("3.1.1.8", "dblreq", 401),
    ("3.1.1.9", "semiuri", 403),
    ("3.1.1.10", "transports", 407),
    ("3.1.1.11", "mpart01", 403),
    // Responses to nothing that we sent.
    ("3.1.1.12", "unreason", SILENCE),
    ("3.1.1.13", "noreason", SILENCE),
    ("3.1.2.1", "badinv01", 400),
    ("3.1.2.2", "clerr", 400),
    ("3.1.2.3", "ncl", 400),
    ("3.1.2.4", "scalar02", 400),
    ("3.1.2.5", "scalarlg", SILENCE),
    ("3.1.2.6", "quotbal", 400),
    ("3.1.2.7", "ltgtruri", 400),
    ("3.1.2.8", "lwsruri", 400),
    ("3.1.2.9", "lwsstart", 400),
    ("3.1.2.10", "trws", 400),
    ("3.1.2.11", "escruri", 400),
    ("3.1.2.12", "baddate", 403),
    ("3.1.2.13", "regbadct", 400),
    ("3.1.2.14", "badaspec", 400),
    ("3.1.2.15", "baddn", 400),
    ("3.1.2.16", "badvers", 505),
    ("3.1.2.17", "mismatch01", 400),
    ("3.1.2.18", "mismatch02", 400),
    ("3.1.2.19", "bigcode", SILENCE),
    ("3.2.1", "badbranch", 403),
    ("3.3.1", "insuf", 400),
    ("3.3.2", "unkscm", 416),
    ("3.3.3", "novelsc", 416),
    ("3.3.4", "unksm2", 403),
    ("3.3.5", "bext01", 420),
    ("3.3.6", "invut", 403),
    ("3.3.7", "regaut01", 401),
    ("3.3.8", "multi01", 400),
    ("3.3.9", "mcl01", 400),
    ("3.3.10", "bcast", SILENCE),
    // RFC 3261 s16.3 check 3: OPTIONS may be answered by whoever it reaches.
    ("3.3.11", "zeromf", 200),
    ("3.3.12", "cparam01", 401),
    ("3.3.13", "cparam02", 401),
    ("3.3.14", "regescrt", 401),
    ("3.3.15", "sdp01", 403),
    // RFC 2543 knew no From tag; RFC 3261 s8.1.1.3 demands one.
    ("3.4.1", "inv2543", 400),
];

/// The message, as a proxy passes it on that wants the answer where it sent from (RFC 3581): the
/// sent-by of the messages themselves would lead the answers elsewhere.
fn bytes_of(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/torture");
    let mut bytes = std::fs::read(folder.join(format!("{name}.dat"))).expect("a torture message");
    let start_line = bytes.iter().position(|byte| *byte == b'\n').expect("a start line") + 1;
    let via = format!("Via: SIP/2.0/UDP 127.0.0.1;rport;branch=z9hG4bK{name}\r\n");
    bytes.splice(start_line..start_line, via.into_bytes());
    bytes
}

/// Sends a message and a probe behind it. The server answers one source in order, so what came
/// before the answer to the probe is all that the message was worth, and silence is not waited for.
struct Stranger {
    socket: UdpSocket,
}

impl Stranger {
    fn statuses(&self, bytes: &[u8], probe: usize) -> Vec<u16> {
        self.socket.send(bytes).expect("sent");
        let id = format!("probe-{probe}");
        let local = self.socket.local_addr().expect("an address");
        let options = format!(
            "OPTIONS sip:campus.test SIP/2.0\r\nVia: SIP/2.0/UDP {local};rport;branch=z9hG4bK{id}\r\n\
             From: <sip:x@example.com>;tag=1\r\nTo: <sip:example.com>\r\nCall-ID: {id}\r\n\
             CSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
        );
        self.socket.send(options.as_bytes()).expect("sent");
        let mut statuses = Vec::new();
        loop {
            let mut buffer = [0; 65_536];
            let length = self.socket.recv(&mut buffer).expect("the server still answers");
            let answer = &buffer[..length];
            let mut layout = Layout::default();
            // The answer to a message that lacks headers lacks them too; its layout is read.
            let _ = scan(answer, Framing::Datagram, &Limits::default(), &mut layout);
            let message = Message::new(answer, &layout);
            if message.call_id() == id.as_bytes() {
                assert_eq!(message.status(), 200, "the probe is answered");
                return statuses;
            }
            if message.status() >= 200 && !statuses.contains(&message.status()) {
                statuses.push(message.status());
            }
        }
    }
}

/// RFC 4475 s3.1 to s3.4.
#[test]
fn each_torture_message_is_answered_as_it_should_be() {
    let mut server = Server::start("");
    let mut wrong = Vec::new();
    for (index, (section, name, expected)) in ANSWERS.iter().enumerate() {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        socket.connect(server.udp).expect("connected");
        socket.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
        let bytes = bytes_of(name);
        let got = Stranger { socket }.statuses(&bytes, index);
        let fine = if *expected == SILENCE { got.is_empty() } else { got == [*expected] };
        if !fine {
            wrong.push(format!("s{section} {name}: {got:?} instead of {expected}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}\n{}", wrong.join("\n"), server.log());
}
