//! One end of a conversation with the server, by any of its transports: what is asked, what is
//! answered, and what else came.

use std::cell::{Cell, RefCell};
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use tagus::clock::Clock;

use crate::connection::{Connection, Door, End};
use crate::raw::{Answer, Draft, PATIENCE};

/// A phone.
pub(crate) struct Phone {
    line: Line,
    clock: Clock,
}

enum Line {
    Datagrams { socket: UdpSocket, server: SocketAddr },
    Stream(Box<Stream>),
}

struct Stream {
    door: Door,
    connection: RefCell<Connection>,
    /// Whether something was answered over this connection.
    used: Cell<bool>,
}

impl Phone {
    pub(crate) fn new(server: SocketAddr) -> Phone {
        Phone::at("127.0.0.1", server)
    }

    /// At another address of this machine: another source.
    pub(crate) fn at(address: &str, server: SocketAddr) -> Phone {
        let socket = UdpSocket::bind((address, 0)).expect("a socket");
        Phone { line: Line::Datagrams { socket, server }, clock: Clock::system() }
    }

    /// On a connection.
    pub(crate) fn on(door: &Door) -> Phone {
        let (connection, door) = (RefCell::new(door.connect()), door.clone());
        let line = Line::Stream(Box::new(Stream { door, connection, used: Cell::new(false) }));
        Phone { line, clock: Clock::system() }
    }

    /// Its transport.
    pub(crate) fn name(&self) -> &'static str {
        match &self.line {
            Line::Datagrams { .. } => "UDP",
            Line::Stream(stream) => stream.door.name,
        }
    }

    pub(crate) fn is_datagrams(&self) -> bool {
        matches!(self.line, Line::Datagrams { .. })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        match &self.line {
            Line::Datagrams { socket, .. } => socket.local_addr(),
            Line::Stream(stream) => stream.connection.borrow().stream.local_addr(),
        }
        .expect("an address")
    }

    /// Where somebody is who holds this phone. A browser knows no address (RFC 7118 s5).
    pub(crate) fn contact(&self, user: &str) -> String {
        match self.name() {
            "UDP" => format!("sip:{user}@{}", self.address()),
            "TCP" | "TLS" => format!("sip:{user}@{};transport=tcp", self.address()),
            _ => format!("sip:{user}@df7jal23ls0d.invalid;transport=ws"),
        }
    }

    pub(crate) fn send(&self, bytes: &[u8]) {
        match &self.line {
            Line::Datagrams { socket, server } => {
                socket.send_to(bytes, server).expect("loopback takes a datagram");
            }
            Line::Stream(stream) => stream.connection.borrow_mut().write(bytes),
        }
    }

    /// The next message, whatever it is.
    pub(crate) fn next(&self, wait: Duration) -> Option<String> {
        self.receive(wait).ok()
    }

    fn receive(&self, wait: Duration) -> Result<String, End> {
        match &self.line {
            Line::Datagrams { socket, .. } => {
                let mut buffer = vec![0; 65_536];
                let wait = wait.max(Duration::from_millis(1));
                socket.set_read_timeout(Some(wait)).expect("a timeout");
                let (length, _) = socket.recv_from(&mut buffer).map_err(|_| End::Open)?;
                buffer.truncate(length);
                Ok(String::from_utf8_lossy(&buffer).into_owned())
            }
            Line::Stream(stream) => {
                let text = stream.connection.borrow_mut().next_message(wait)?;
                stream.used.set(true);
                Ok(text)
            }
        }
    }

    /// Calls again if the server has hung up after an earlier answer: a stream over which nonsense
    /// came is closed.
    fn call_again(&self) -> bool {
        match &self.line {
            Line::Stream(stream) if stream.used.get() => {
                stream.connection.replace(stream.door.connect());
                stream.used.set(false);
                true
            }
            Line::Stream(_) | Line::Datagrams { .. } => false,
        }
    }

    /// The next request of this method; it is answered with that status line and these headers.
    pub(crate) fn serve(&self, method: &str, status: &str, headers: &str) -> String {
        let deadline = self.clock.now() + PATIENCE;
        loop {
            let left = deadline.since(self.clock.now());
            assert!(!left.is_zero(), "no {method} came");
            let Some(text) = self.next(left) else { continue };
            if !text.starts_with(method) {
                continue;
            }
            self.answer(&text, status, headers);
            return text;
        }
    }

    /// Answers a request that came.
    pub(crate) fn answer(&self, text: &str, status: &str, headers: &str) {
        let mut answer = format!("SIP/2.0 {status}\r\n");
        for line in text.lines().skip(1).take_while(|line| !line.is_empty()) {
            let name = line.split(':').next().unwrap_or_default().trim().to_lowercase();
            if ["via", "from", "to", "call-id", "cseq"].contains(&name.as_str()) {
                answer.push_str(line);
                answer.push_str(if name == "to" { ";tag=of-the-phone\r\n" } else { "\r\n" });
            }
        }
        self.send(format!("{answer}{headers}Content-Length: 0\r\n\r\n").as_bytes());
    }

    /// Sends, and gives the final answer.
    pub(crate) fn ask(&self, bytes: &[u8]) -> Answer {
        self.send(bytes);
        let deadline = self.clock.now() + PATIENCE;
        loop {
            let left = deadline.since(self.clock.now());
            assert!(!left.is_zero(), "no answer to:\n{}", String::from_utf8_lossy(bytes));
            match self.receive(left) {
                Ok(text) => {
                    let answer = Answer::new(&text);
                    if answer.status >= 200 {
                        return answer;
                    }
                }
                Err(End::Open) => {}
                Err(end) => {
                    let sent = String::from_utf8_lossy(bytes);
                    assert!(self.call_again(), "{end:?} before an answer to:\n{sent}");
                    self.send(bytes);
                }
            }
        }
    }

    /// Sends, and gives everything that came before the answer to a ping sent behind it, or before
    /// the server hung up. What one source sends is worked through in order, so that nothing at all
    /// is certain silence.
    pub(crate) fn answers(&self, bytes: &[u8]) -> Vec<Answer> {
        // What this brings about may be the end of the connection.
        self.call_again();
        self.send(bytes);
        self.until_ping()
    }

    /// Everything that comes before the answer to a ping, or before the end of a connection.
    pub(crate) fn until_ping(&self) -> Vec<Answer> {
        let ping = Draft::ping();
        self.send(&ping.bytes());
        let mut answers = Vec::new();
        let deadline = self.clock.now() + PATIENCE;
        loop {
            let left = deadline.since(self.clock.now());
            assert!(!left.is_zero(), "a ping is not answered; before it came {answers:?}");
            let text = match self.receive(left) {
                Ok(text) => text,
                Err(End::Open) => continue,
                Err(_) => {
                    if let Line::Stream(stream) = &self.line {
                        stream.used.set(true);
                    }
                    return answers;
                }
            };
            let answer = Answer::new(&text);
            if text.contains(ping.branch()) {
                assert_eq!(answer.status, 200, "{text}");
                return answers;
            }
            answers.push(answer);
        }
    }
}
