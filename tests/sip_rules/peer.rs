//! A SIP peer that writes every byte itself: requests as text, Digest from the library.

use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use tagus::channel::read_roots;
use tagus::clock::Clock;
use tagus::entropy;
use tagus::http_digest::{Answer, Challenge};
use tagus::sip::wire::{Framing, Layout, Limits, Message, scan};

use crate::PASSWORD;
use crate::server::{DOMAIN, Server};
use crate::web::Web;

/// Longer than the server needs on a busy machine.
const PATIENCE: Duration = Duration::from_secs(10);

/// A message that came.
#[derive(Clone, Debug)]
pub(crate) struct Got {
    pub(crate) bytes: Vec<u8>,
    pub(crate) from: SocketAddr,
}

impl Got {
    fn look<T>(&self, look: impl FnOnce(&Message<'_>) -> T) -> T {
        let mut layout = Layout::default();
        scan(&self.bytes, Framing::Datagram, &Limits::default(), &mut layout)
            .unwrap_or_else(|defect| panic!("{defect:?} in\n{}", self.text()));
        look(&Message::new(&self.bytes, &layout))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// The status; 0 for a request.
    pub(crate) fn status(&self) -> u16 {
        self.look(|message| if message.is_request() { 0 } else { message.status() })
    }

    /// The method; empty for a response.
    pub(crate) fn method(&self) -> String {
        self.look(|message| {
            let method = message.is_request().then(|| message.method().as_bytes().to_vec());
            String::from_utf8_lossy(&method.unwrap_or_default()).into_owned()
        })
    }

    pub(crate) fn uri(&self) -> String {
        self.look(|message| String::from_utf8_lossy(message.request_uri()).into_owned())
    }

    /// The values of a header, one for each line, with its full name in any case.
    pub(crate) fn all(&self, name: &str) -> Vec<String> {
        let head = self.text();
        let head = head.split("\r\n\r\n").next().unwrap_or_default().to_owned();
        head.split("\r\n")
            .skip(1)
            .filter_map(|line| line.split_once(':'))
            .filter(|(found, _)| found.trim().eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim().to_owned())
            .collect()
    }

    /// The only value of a header.
    pub(crate) fn one(&self, name: &str) -> String {
        let all = self.all(name);
        assert_eq!(all.len(), 1, "{name} in\n{}", self.text());
        all.into_iter().next().unwrap_or_default()
    }

    pub(crate) fn body(&self) -> Vec<u8> {
        self.look(|message| message.body().to_vec())
    }

    /// The tag of To; empty without one.
    pub(crate) fn to_tag(&self) -> String {
        let to = self.one("To");
        to.split_once(";tag=").map(|(_, tag)| tag.to_owned()).unwrap_or_default()
    }

    /// The branch of the topmost Via.
    pub(crate) fn branch(&self) -> String {
        let via = self.all("Via").into_iter().next().unwrap_or_default();
        let branch = via.split("branch=").nth(1).unwrap_or_default();
        branch.split([';', ',', ' ']).next().unwrap_or_default().to_owned()
    }
}

/// A request to be written.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) method: String,
    pub(crate) uri: String,
    pub(crate) via: String,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) call_id: String,
    pub(crate) cseq: u32,
    pub(crate) max_forwards: Option<String>,
    /// Header lines, each with its line end.
    pub(crate) more: String,
    pub(crate) body: Vec<u8>,
}

impl Draft {
    /// Adds a header line.
    pub(crate) fn with(mut self, line: &str) -> Draft {
        self.more += line;
        self.more += "\r\n";
        self
    }

    pub(crate) fn body(mut self, content_type: &str, body: &[u8]) -> Draft {
        self.body = body.to_vec();
        self.with(&format!("Content-Type: {content_type}"))
    }

    pub(crate) fn hops(mut self, hops: &str) -> Draft {
        self.max_forwards = Some(hops.to_owned());
        self
    }

    /// The next request of the same kind: another branch and number.
    pub(crate) fn again(mut self) -> Draft {
        self.cseq += 1;
        let fresh = format!("branch=z9hG4bK{}", entropy::token(8));
        let (before, behind) = self.via.split_once("branch=").unwrap_or((&self.via, ""));
        let behind = behind.find([';', ',']).and_then(|end| behind.get(end..)).unwrap_or_default();
        self.via = format!("{before}{fresh}{behind}");
        self
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let Draft { method, uri, via, from, to, call_id, cseq, more, .. } = self;
        let hops = self.max_forwards.as_ref().map(|hops| format!("Max-Forwards: {hops}\r\n"));
        let hops = hops.unwrap_or_default();
        let mut bytes = format!(
            "{method} {uri} SIP/2.0\r\nVia: {via}\r\n{hops}From: {from}\r\nTo: {to}\r\n\
             Call-ID: {call_id}\r\nCSeq: {cseq} {method}\r\n{more}Content-Length: {}\r\n\r\n",
            self.body.len()
        )
        .into_bytes();
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

enum Wire {
    Udp(UdpSocket),
    Tcp(TcpStream, Vec<u8>),
    Web(Box<Web>),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>, Vec<u8>),
}

/// One end of a conversation with the server.
pub(crate) struct Peer {
    wire: Wire,
    server: SocketAddr,
    pub(crate) user: String,
    pub(crate) address: SocketAddr,
    /// What it takes itself to be: its address, or a name that is none (RFC 7118 s5).
    host: String,
    clock: Clock,
    register: Draft,
    /// What it answered, by branch and CSeq: a server transaction (RFC 3261 s17.2.3).
    answered: HashMap<(String, String), Vec<u8>>,
}

impl Peer {
    pub(crate) fn udp(server: &Server, user: &str) -> Peer {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        Peer::with_socket(socket, server.udp, user)
    }

    /// A peer that is reached by datagram and by stream at one port.
    pub(crate) fn both(server: &Server, user: &str) -> (Peer, TcpListener) {
        // The same port may be somebody else's for datagrams.
        for _ in 0..100 {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
            let address = listener.local_addr().expect("an address");
            if let Ok(socket) = UdpSocket::bind(address) {
                return (Peer::with_socket(socket, server.udp, user), listener);
            }
        }
        panic!("no port is free for both");
    }

    pub(crate) fn with_socket(socket: UdpSocket, server: SocketAddr, user: &str) -> Peer {
        let address = socket.local_addr().expect("an address");
        Peer::new(Wire::Udp(socket), server, user, address)
    }

    pub(crate) fn tcp(server: &Server, user: &str) -> Peer {
        Peer::on(TcpStream::connect(server.tcp).expect("a connection"), user)
    }

    /// A peer on a connection that stands.
    pub(crate) fn on(stream: TcpStream, user: &str) -> Peer {
        stream.set_nodelay(true).expect("no delay");
        let (address, server) = (stream.local_addr(), stream.peer_addr());
        let (address, server) = (address.expect("an address"), server.expect("an address"));
        Peer::new(Wire::Tcp(stream, Vec::new()), server, user, address)
    }

    /// A browser.
    pub(crate) fn web(server: &Server, user: &str, secure: bool) -> Peer {
        let web = Web::open(server, secure);
        let (address, there) = (web.tcp.local_addr(), web.tcp.peer_addr());
        let (address, there) = (address.expect("an address"), there.expect("an address"));
        Peer::new(Wire::Web(Box::new(web)), there, user, address)
    }

    /// A peer over TLS, to whom the server has to prove itself.
    pub(crate) fn tls(server: &Server, user: &str) -> Peer {
        let roots = read_roots(&server.authority()).expect("an authority");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from(DOMAIN).expect("a name");
        let session = ClientConnection::new(Arc::new(config), name).expect("a session");
        let stream = TcpStream::connect(server.tls).expect("a connection");
        stream.set_nodelay(true).expect("no delay");
        let address = stream.local_addr().expect("an address");
        let stream = Box::new(StreamOwned::new(session, stream));
        Peer::new(Wire::Tls(stream, Vec::new()), server.tls, user, address)
    }

    fn new(wire: Wire, server: SocketAddr, user: &str, address: SocketAddr) -> Peer {
        let user = user.to_owned();
        let host = match &wire {
            Wire::Web(_) => format!("{}.invalid", entropy::token(6)),
            Wire::Udp(_) | Wire::Tcp(..) | Wire::Tls(..) => address.to_string(),
        };
        let clock = Clock::system();
        let register = Draft {
            method: String::new(),
            uri: String::new(),
            via: String::new(),
            from: String::new(),
            to: String::new(),
            call_id: String::new(),
            cseq: 0,
            max_forwards: None,
            more: String::new(),
            body: Vec::new(),
        };
        let mut peer =
            Peer { wire, server, user, address, host, clock, register, answered: HashMap::new() };
        let mut register = peer.draft("REGISTER", &format!("sip:{DOMAIN}"));
        register.to = format!("<sip:{}@{DOMAIN}>", peer.user);
        peer.register = register;
        peer
    }

    fn transport(&self) -> &'static str {
        match &self.wire {
            Wire::Udp(_) => "UDP",
            Wire::Tcp(..) => "TCP",
            Wire::Web(web) if web.secure => "WSS",
            Wire::Web(_) => "WS",
            Wire::Tls(..) => "TLS",
        }
    }

    /// A request of this peer's outside any dialog.
    pub(crate) fn draft(&self, method: &str, uri: &str) -> Draft {
        let token = entropy::token(8);
        Draft {
            method: method.to_owned(),
            uri: uri.to_owned(),
            via: format!("SIP/2.0/{} {};branch=z9hG4bK{token};rport", self.transport(), self.host),
            from: format!("<sip:{}@{DOMAIN}>;tag={token}", self.user),
            to: format!("<{uri}>"),
            call_id: format!("{token}@peer"),
            cseq: 1,
            max_forwards: Some("70".to_owned()),
            more: String::new(),
            body: Vec::new(),
        }
    }

    /// A request to a person of the domain.
    pub(crate) fn to(&self, method: &str, user: &str) -> Draft {
        self.draft(method, &format!("sip:{user}@{DOMAIN}"))
    }

    /// A MESSAGE with a text.
    pub(crate) fn message(&self, user: &str, text: &str) -> Draft {
        self.to("MESSAGE", user).body("text/plain", text.as_bytes())
    }

    /// The server is there from now on, for datagrams.
    pub(crate) fn move_to(&mut self, server: SocketAddr) {
        self.server = server;
    }

    pub(crate) fn contact(&self) -> String {
        let transport = match self.transport() {
            "UDP" => "",
            "TCP" => ";transport=tcp",
            "TLS" => ";transport=tls",
            _ => ";transport=ws",
        };
        format!("<sip:{}@{}{transport}>", self.user, self.host)
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        match &mut self.wire {
            Wire::Udp(socket) => {
                socket.send_to(bytes, self.server).expect("sent");
            }
            Wire::Tcp(stream, _) => stream.write_all(bytes).expect("sent"),
            Wire::Web(web) => web.send(bytes),
            Wire::Tls(stream, _) => {
                stream.write_all(bytes).and_then(|()| stream.flush()).expect("sent");
            }
        }
    }

    /// The next message, or a failure.
    pub(crate) fn next(&mut self) -> Got {
        self.next_within(PATIENCE).unwrap_or_else(|| panic!("{} waited in vain", self.user))
    }

    /// The next message, if one comes in time.
    pub(crate) fn next_within(&mut self, patience: Duration) -> Option<Got> {
        let deadline = self.clock.now() + patience;
        loop {
            let left = deadline - self.clock.now();
            if left.is_zero() {
                return None;
            }
            match &mut self.wire {
                Wire::Udp(socket) => {
                    socket.set_read_timeout(Some(left)).expect("a timeout");
                    let mut bytes = vec![0; 65_536];
                    match socket.recv_from(&mut bytes) {
                        Ok((length, from)) => {
                            bytes.truncate(length);
                            return Some(Got { bytes, from });
                        }
                        Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                        Err(error) => panic!("{} cannot receive: {error}", self.user),
                    }
                }
                Wire::Web(web) => {
                    if let Some(bytes) = web.next(left) {
                        return Some(Got { bytes, from: self.server });
                    }
                }
                Wire::Tcp(stream, buffer) => {
                    stream.set_read_timeout(Some(left)).expect("a timeout");
                    if let Some(bytes) = read_message(stream, buffer, &self.user) {
                        return Some(Got { bytes, from: self.server });
                    }
                }
                Wire::Tls(stream, buffer) => {
                    stream.sock.set_read_timeout(Some(left)).expect("a timeout");
                    if let Some(bytes) = read_message(stream, buffer, &self.user) {
                        return Some(Got { bytes, from: self.server });
                    }
                }
            }
        }
    }

    /// The next response with this number in CSeq and above 100; retransmitted requests are passed
    /// over.
    pub(crate) fn answer_to(&mut self, draft: &Draft) -> Got {
        let cseq = format!("{} {}", draft.cseq, draft.method);
        loop {
            let got = self.next();
            if got.status() > 100 && got.one("CSeq") == cseq && got.one("Call-ID") == draft.call_id
            {
                return got;
            }
        }
    }

    /// The next request, whatever responses stand before it. What was answered already is answered
    /// again in the same way, as every client does (RFC 3261 s17.2.2): on a busy machine the server may
    /// have sent it once more before the first answer came.
    pub(crate) fn request(&mut self) -> Got {
        loop {
            let got = self.next();
            if got.status() != 0 {
                continue;
            }
            match self.answered.get(&(got.branch(), got.all("CSeq").concat())).cloned() {
                Some(response) => self.send(&response),
                None => return got,
            }
        }
    }

    /// Sends a request as it stands, and gives the response.
    pub(crate) fn ask(&mut self, draft: &Draft) -> Got {
        self.send(&draft.bytes());
        self.answer_to(draft)
    }

    /// Adds what answers a challenge, and takes the next branch and number.
    pub(crate) fn signed(&self, draft: &Draft, challenge: &Got) -> Draft {
        let (asked, answered) = match challenge.status() {
            401 => ("WWW-Authenticate", "Authorization"),
            _ => ("Proxy-Authenticate", "Proxy-Authorization"),
        };
        let first = challenge.all(asked).into_iter().next();
        let first = first.unwrap_or_else(|| panic!("no challenge in\n{}", challenge.text()));
        let challenge = Challenge::parse(first.as_bytes()).expect("a challenge");
        let draft = draft.clone().again();
        let credentials = self.credentials(&draft, &challenge, PASSWORD, 1);
        draft.with(&format!("{answered}: {credentials}"))
    }

    /// The value of an Authorization header for a request.
    pub(crate) fn credentials(
        &self,
        draft: &Draft,
        challenge: &Challenge,
        password: &str,
        count: u32,
    ) -> String {
        let ha1 = challenge.ha1(&self.user, password);
        let answer = Answer {
            user: &self.user,
            ha1: &ha1,
            method: &draft.method,
            uri: &draft.uri,
            count,
            cnonce: "0a4f113b",
        };
        let mut out = Vec::new();
        answer.write(challenge, &mut out);
        String::from_utf8(out).expect("text")
    }

    /// Sends a request until it is challenged, and gives the signed one.
    pub(crate) fn challenged(&mut self, draft: &Draft) -> Draft {
        let challenge = self.ask(draft);
        assert!(matches!(challenge.status(), 401 | 407), "no challenge:\n{}", challenge.text());
        if draft.method == "INVITE" {
            self.acknowledge(draft, &challenge);
        }
        self.signed(draft, &challenge)
    }

    /// Sends a request, with credentials when they are asked for, and gives the first response
    /// above 100.
    pub(crate) fn ask_signed(&mut self, draft: &Draft) -> Got {
        let signed = self.challenged(draft);
        self.ask(&signed)
    }

    /// The ACK of a refusal.
    pub(crate) fn acknowledge(&mut self, invite: &Draft, refusal: &Got) {
        let ack = Draft {
            method: "ACK".to_owned(),
            to: refusal.one("To"),
            more: String::new(),
            body: Vec::new(),
            ..invite.clone()
        };
        self.send(&ack.bytes());
    }

    /// A CANCEL of a request that was sent.
    pub(crate) fn cancel_of(&self, request: &Draft) -> Draft {
        Draft {
            method: "CANCEL".to_owned(),
            more: String::new(),
            body: Vec::new(),
            ..request.clone()
        }
    }

    /// A REGISTER with these contact values, later than all before.
    pub(crate) fn registration(&mut self, contacts: &[&str]) -> Draft {
        let mut draft = self.register.clone().again();
        self.register.cseq += 2;
        for contact in contacts {
            draft = draft.with(&format!("Contact: {contact}"));
        }
        draft
    }

    pub(crate) fn sign_in(&mut self) -> Got {
        let contact = self.contact();
        let draft = self.registration(&[&contact]);
        let answer = self.ask_signed(&draft);
        assert_eq!(answer.status(), 200, "{}", answer.text());
        answer
    }

    /// Answers a request that came.
    pub(crate) fn respond(&mut self, request: &Got, status: u16, more: &str) {
        let response = response(request, status, more);
        self.send(&response);
        self.answered.insert((request.branch(), request.all("CSeq").concat()), response);
    }

    /// Answers the next request, and gives it.
    pub(crate) fn respond_to_next(&mut self, status: u16) -> Got {
        let request = self.request();
        self.respond(&request, status, "");
        request
    }

    /// The server has sent nothing more to this peer: what it answers next is a question.
    pub(crate) fn expect_silence(&mut self) {
        let ping = self.draft("OPTIONS", &format!("sip:{DOMAIN}"));
        self.send(&ping.bytes());
        let got = self.next();
        assert_eq!(got.all("Call-ID"), [ping.call_id], "not silence but\n{}", got.text());
    }
}

/// A response to a request that came, with these header lines more.
pub(crate) fn response(request: &Got, status: u16, more: &str) -> Vec<u8> {
    let mut text = format!("SIP/2.0 {status} Whatever\r\n");
    for via in request.all("Via") {
        text += &format!("Via: {via}\r\n");
    }
    let to = request.one("To");
    let tag = if to.contains(";tag=") || status == 100 { "" } else { ";tag=answerer" };
    text += &format!(
        "From: {}\r\nTo: {to}{tag}\r\nCall-ID: {}\r\nCSeq: {}\r\n{more}Content-Length: 0\r\n\r\n",
        request.one("From"),
        request.one("Call-ID"),
        request.one("CSeq")
    );
    text.into_bytes()
}

/// The next message of a stream; `None` if more has to be read for it.
fn read_message(stream: &mut impl Read, buffer: &mut Vec<u8>, user: &str) -> Option<Vec<u8>> {
    if let Some(bytes) = take_message(buffer) {
        return Some(bytes);
    }
    let mut bytes = [0; 16_384];
    match stream.read(&mut bytes) {
        Ok(0) => panic!("the server closed the connection of {user}"),
        Ok(length) => buffer.extend_from_slice(&bytes[..length]),
        Err(error) if error.kind() == ErrorKind::WouldBlock => {}
        Err(error) => panic!("{user} cannot receive: {error}"),
    }
    None
}

fn take_message(buffer: &mut Vec<u8>) -> Option<Vec<u8>> {
    let text = String::from_utf8_lossy(buffer).into_owned();
    let head = text.find("\r\n\r\n")?;
    let length = text
        .get(..head)?
        .split("\r\n")
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("Content-Length"))
        .and_then(|(_, value)| value.trim().parse::<usize>().ok())
        .unwrap_or(0);
    let end = head + 4 + length;
    (buffer.len() >= end).then(|| buffer.drain(..end).collect())
}
