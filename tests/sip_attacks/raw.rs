//! Bytes to the server and what comes back, over UDP, TCP and TLS, with nothing put right on the way.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};
use tagus::channel::read_roots;
use tagus::clock::{Clock, Tick};
use tagus::entropy;

use crate::support::caller::header;
use crate::support::server::DOMAIN;

/// Longer than the server may take for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// How soon a connection must be closed over which nothing sensible can follow.
pub(crate) const CLOSES: Duration = Duration::from_secs(1);

/// A response as it came.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) text: String,
}

impl Answer {
    fn new(text: &str) -> Answer {
        let status = text.get(8..11).and_then(|code| code.parse().ok()).unwrap_or(0);
        Answer { status, text: text.to_owned() }
    }

    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header(&self.text, name)
    }
}

/// A request of which every part can be spoilt.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) method: String,
    pub(crate) uri: String,
    pub(crate) version: String,
    /// Header lines in order, each without its line end.
    pub(crate) lines: Vec<String>,
    pub(crate) body: Vec<u8>,
}

impl Draft {
    /// A good request from `from` to `to`, without Content-Length: [`Draft::bytes`] adds it.
    pub(crate) fn new(method: &str, uri: &str, from: &str, to: &str) -> Draft {
        Draft {
            method: method.to_owned(),
            uri: uri.to_owned(),
            version: "SIP/2.0".to_owned(),
            lines: vec![
                format!("Via: SIP/2.0/UDP 127.0.0.1:9;rport;branch=z9hG4bK{}", entropy::token(8)),
                "Max-Forwards: 70".to_owned(),
                format!("From: <sip:{from}@{DOMAIN}>;tag={}", entropy::token(4)),
                format!("To: <{to}>"),
                format!("Call-ID: {}", entropy::token(8)),
                format!("CSeq: 1 {method}"),
            ],
            body: Vec::new(),
        }
    }

    /// OPTIONS to the server, which answers 200 to anybody.
    pub(crate) fn ping() -> Draft {
        let server = format!("sip:{DOMAIN}");
        Draft::new("OPTIONS", &server, "nobody", &server)
    }

    /// With one more header line.
    pub(crate) fn with(mut self, line: impl Into<String>) -> Draft {
        self.lines.push(line.into());
        self
    }

    /// Without the lines of one name.
    pub(crate) fn without(mut self, name: &str) -> Draft {
        let is_it = |line: &String| {
            line.split(':').next().is_some_and(|n| n.trim().eq_ignore_ascii_case(name))
        };
        self.lines.retain(|line| !is_it(line));
        self
    }

    /// With another line in the place of those of its name.
    pub(crate) fn replacing(self, line: impl Into<String>) -> Draft {
        let line = line.into();
        let name = line.split(':').next().expect("a name").to_owned();
        self.without(&name).with(line)
    }

    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Draft {
        self.body = body.into();
        self
    }

    /// The request with a true Content-Length.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.clone().with(format!("Content-Length: {}", self.body.len())).as_is()
    }

    /// The request with nothing added.
    pub(crate) fn as_is(&self) -> Vec<u8> {
        let mut bytes = format!("{} {} {}\r\n", self.method, self.uri, self.version).into_bytes();
        for line in &self.lines {
            bytes.extend_from_slice(line.as_bytes());
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(&self.body);
        bytes
    }

    /// The same as a new transaction.
    pub(crate) fn anew(&self) -> Draft {
        let fresh = format!("z9hG4bK{}", entropy::token(8));
        let mut draft = self.clone();
        for line in &mut draft.lines {
            if line.starts_with("Via:") {
                *line = line.replacen(self.branch(), &fresh, 1);
            }
        }
        draft
    }

    /// The branch of its Via.
    pub(crate) fn branch(&self) -> &str {
        let via = self.lines.iter().find(|line| line.starts_with("Via:")).expect("a Via");
        via.split("branch=").nth(1).expect("a branch")
    }
}

/// A socket for datagrams.
pub(crate) struct Datagrams {
    socket: UdpSocket,
    server: SocketAddr,
    clock: Clock,
}

impl Datagrams {
    pub(crate) fn new(server: SocketAddr) -> Datagrams {
        Datagrams::at("127.0.0.1", server)
    }

    /// At another address of this machine: another source.
    pub(crate) fn at(address: &str, server: SocketAddr) -> Datagrams {
        let socket = UdpSocket::bind((address, 0)).expect("a socket");
        Datagrams { socket, server, clock: Clock::system() }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.socket.local_addr().expect("an address")
    }

    pub(crate) fn send(&self, bytes: &[u8]) {
        self.socket.send_to(bytes, self.server).expect("loopback takes a datagram");
    }

    /// The next datagram, whatever it is.
    pub(crate) fn next(&self, wait: Duration) -> Option<String> {
        let mut buffer = vec![0; 65_536];
        self.socket.set_read_timeout(Some(wait.max(Duration::from_millis(1)))).expect("a timeout");
        let (length, _) = self.socket.recv_from(&mut buffer).ok()?;
        Some(String::from_utf8_lossy(buffer.get(..length)?).into_owned())
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
            if let Some(text) = self.next(left) {
                let answer = Answer::new(&text);
                if answer.status >= 200 {
                    return answer;
                }
            }
        }
    }

    /// Sends, and gives everything that came before the answer to a ping sent behind it. What one
    /// source sends is worked through in order, so that nothing at all is certain silence.
    pub(crate) fn answers(&self, bytes: &[u8]) -> Vec<Answer> {
        self.send(bytes);
        self.until_ping()
    }

    /// Everything that comes before the answer to a ping.
    pub(crate) fn until_ping(&self) -> Vec<Answer> {
        let ping = Draft::ping();
        self.send(&ping.bytes());
        let mut answers = Vec::new();
        let deadline = self.clock.now() + PATIENCE;
        loop {
            let left = deadline.since(self.clock.now());
            assert!(!left.is_zero(), "a ping is not answered; before it came {answers:?}");
            let Some(text) = self.next(left) else { continue };
            let answer = Answer::new(&text);
            if text.contains(ping.branch()) {
                assert_eq!(answer.status, 200, "{text}");
                return answers;
            }
            answers.push(answer);
        }
    }
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Fin,
    Reset,
    /// It did not.
    Open,
}

/// A listener for streams.
#[derive(Clone)]
pub(crate) struct Door {
    pub(crate) name: &'static str,
    pub(crate) at: SocketAddr,
    tls: Option<Arc<ClientConfig>>,
}

impl Door {
    pub(crate) fn plain(at: SocketAddr) -> Door {
        Door { name: "TCP", at, tls: None }
    }

    /// With TLS, and the file that vouches for the server.
    pub(crate) fn secure(at: SocketAddr, authority: &Path) -> Door {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(read_roots(authority).expect("an authority"))
            .with_no_client_auth();
        Door { name: "TLS", at, tls: Some(Arc::new(config)) }
    }

    pub(crate) fn connect(&self) -> Connection {
        let mut connection = Connection::new(self.at);
        connection.tls = self.tls.as_ref().map(|config| {
            let name = ServerName::try_from(DOMAIN).expect("a name");
            Box::new(ClientConnection::new(Arc::clone(config), name).expect("a session"))
        });
        connection
    }
}

/// A connection.
pub(crate) struct Connection {
    pub(crate) stream: TcpStream,
    tls: Option<Box<ClientConnection>>,
    clock: Clock,
    pub(crate) received: Vec<u8>,
}

impl Connection {
    pub(crate) fn new(server: SocketAddr) -> Connection {
        Connection::over(TcpStream::connect(server).expect("the server accepts"))
    }

    pub(crate) fn over(stream: TcpStream) -> Connection {
        stream.set_nodelay(true).expect("an option");
        Connection { stream, tls: None, clock: Clock::system(), received: Vec::new() }
    }

    /// Writes, as far as the server takes it.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        // It may have closed already, which is for the reading to find.
        let _ = self.try_write(bytes);
    }

    /// Writes once.
    pub(crate) fn try_write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match &mut self.tls {
            None => self.stream.write_all(bytes)?,
            Some(tls) => {
                let mut stream = rustls::Stream::new(tls.as_mut(), &mut self.stream);
                stream.write_all(bytes)?;
                stream.flush()?;
            }
        }
        Ok(bytes.len())
    }

    /// Reads until the connection ends, or for so long.
    pub(crate) fn read_to_end(&mut self, within: Duration) -> End {
        let deadline = self.clock.now() + within;
        loop {
            if let Some(end) = self.read_once(deadline) {
                return end;
            }
        }
    }

    /// Reads until the text holds this, or fails.
    pub(crate) fn read_until(&mut self, wanted: &str) {
        let deadline = self.clock.now() + PATIENCE;
        while !self.text().contains(wanted) {
            if let Some(end) = self.read_once(deadline) {
                panic!("{end:?} before {wanted:?}; there came:\n{}", self.text());
            }
        }
    }

    fn read_once(&mut self, deadline: Tick) -> Option<End> {
        let left = deadline.since(self.clock.now());
        if left.is_zero() {
            return Some(End::Open);
        }
        self.stream.set_read_timeout(Some(left)).expect("a timeout");
        let mut buffer = [0; 16_384];
        let outcome = match &mut self.tls {
            None => self.stream.read(&mut buffer),
            Some(tls) => rustls::Stream::new(tls.as_mut(), &mut self.stream).read(&mut buffer),
        };
        match outcome {
            Ok(0) => Some(End::Fin),
            Ok(count) => {
                self.received.extend_from_slice(buffer.get(..count).unwrap_or_default());
                None
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                Some(End::Open)
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => None,
            // An end that TLS did not announce.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Some(End::Fin),
            Err(_) => Some(End::Reset),
        }
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.received).into_owned()
    }

    /// The responses that came until now.
    pub(crate) fn answers(&self) -> Vec<Answer> {
        let text = self.text();
        let mut starts: Vec<usize> = text.match_indices("SIP/2.0 ").map(|(at, _)| at).collect();
        starts.retain(|at| *at == 0 || text.get(..*at).is_some_and(|b| b.ends_with("\r\n\r\n")));
        let ends = starts.iter().skip(1).copied().chain([text.len()]);
        starts.iter().zip(ends).filter_map(|(s, e)| text.get(*s..e)).map(Answer::new).collect()
    }
}
