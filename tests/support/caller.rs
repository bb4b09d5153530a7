//! A person with a scripted client over UDP: says exactly what a test wants, and tells the answer
//! as it came.

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use tagus::clock::Clock;
use tagus::entropy;
use tagus::http_digest::{Answer as Login, Challenge};

use super::server::DOMAIN;

/// Longer than the server may take for anything.
const PATIENCE: Duration = Duration::from_secs(10);

/// A final answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) text: String,
    /// From the request to it.
    pub(crate) took: Duration,
}

impl Answer {
    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header(&self.text, name)
    }
}

pub(crate) fn header<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().take_while(|line| !line.is_empty()).find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.trim().eq_ignore_ascii_case(name).then_some(value.trim())
    })
}

/// Somebody with one socket, who answers every request with 200.
pub(crate) struct Caller {
    socket: UdpSocket,
    clock: Clock,
    server: SocketAddr,
    pub(crate) user: String,
    pub(crate) password: String,
    call_id: String,
    cseq: u32,
    /// The name in From, where it is not the user's.
    pub(crate) claim: Option<String>,
    /// Bodies of messages that came.
    inbox: Vec<String>,
    /// NOTIFYs that came.
    notices: Vec<String>,
}

impl Caller {
    pub(crate) fn new(server: SocketAddr, user: &str, password: &str) -> Caller {
        let socket = UdpSocket::bind(("127.0.0.1", 0)).expect("a socket");
        Caller {
            socket,
            clock: Clock::system(),
            server,
            user: user.to_owned(),
            password: password.to_owned(),
            call_id: entropy::token(8),
            cseq: 0,
            claim: None,
            inbox: Vec::new(),
            notices: Vec::new(),
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.socket.local_addr().expect("an address")
    }

    /// Registers this socket, or with 0 ends that.
    pub(crate) fn register(&mut self, expires: u32) -> Answer {
        let contact = format!("Contact: <sip:{}@{}>\r\n", self.user, self.address());
        let headers = format!("{contact}Expires: {expires}\r\n");
        let to = self.user.clone();
        self.request("REGISTER", &format!("sip:{DOMAIN}"), &to, &headers, "")
    }

    /// Writes to somebody.
    pub(crate) fn message(&mut self, to: &str, body: &str) -> Answer {
        let uri = format!("sip:{to}@{DOMAIN}");
        self.request("MESSAGE", &uri, to, "Content-Type: text/plain\r\n", body)
    }

    /// Asks to watch somebody's presence for so many seconds, or with 0 only to look.
    pub(crate) fn watch(&mut self, whom: &str, expires: u32) -> Answer {
        let contact = format!("Contact: <sip:{}@{}>\r\n", self.user, self.address());
        let headers = format!("{contact}Event: presence\r\nExpires: {expires}\r\n");
        self.request("SUBSCRIBE", &format!("sip:{whom}@{DOMAIN}"), whom, &headers, "")
    }

    /// Sends a request, answers a challenge, and waits for the final answer.
    pub(crate) fn request(
        &mut self,
        method: &str,
        uri: &str,
        to: &str,
        headers: &str,
        body: &str,
    ) -> Answer {
        let first = self.exchange(method, uri, to, headers, body);
        let (name, reply) = match first.status {
            401 => ("WWW-Authenticate", "Authorization"),
            407 => ("Proxy-Authenticate", "Proxy-Authorization"),
            _ => return first,
        };
        let challenge = first.header(name).expect("a challenge");
        let challenge = Challenge::parse(challenge.as_bytes()).expect("a readable challenge");
        let ha1 = challenge.ha1(&self.user, &self.password);
        let cnonce = entropy::token(8);
        let login = Login { user: &self.user, ha1: &ha1, method, uri, count: 1, cnonce: &cnonce };
        let mut value = Vec::new();
        login.write(&challenge, &mut value);
        let value = String::from_utf8(value).expect("text");
        let mut second =
            self.exchange(method, uri, to, &format!("{reply}: {value}\r\n{headers}"), body);
        second.took += first.took;
        second
    }

    /// Sends a request, again as RFC 3261 s17.1.2 has it, and waits for the final answer to it.
    pub(crate) fn exchange(
        &mut self,
        method: &str,
        uri: &str,
        to: &str,
        headers: &str,
        body: &str,
    ) -> Answer {
        self.cseq += 1;
        let (cseq, user, at) =
            (self.cseq, self.claim.clone().unwrap_or_else(|| self.user.clone()), self.address());
        let branch = format!("z9hG4bK{}", entropy::token(8));
        let text = format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {at};branch={branch};rport\r\n\
             Max-Forwards: 70\r\nFrom: <sip:{user}@{DOMAIN}>;tag={}\r\nTo: <sip:{to}@{DOMAIN}>\r\n\
             Call-ID: {}\r\nCSeq: {cseq} {method}\r\n{headers}Content-Length: {}\r\n\r\n{body}",
            entropy::token(4),
            self.call_id,
            body.len(),
        );
        let began = self.clock.now();
        let mut again = Duration::from_millis(500);
        self.send(&text);
        loop {
            let passed = self.clock.now().since(began);
            assert!(passed < PATIENCE, "no answer within {PATIENCE:?} to:\n{text}");
            let Some(came) = self.receive(again.saturating_sub(passed)) else {
                self.send(&text);
                again += again.min(Duration::from_secs(4));
                continue;
            };
            let status: u16 = came.get(8..11).and_then(|code| code.parse().ok()).unwrap_or(0);
            if came.contains(&branch) && status >= 200 {
                return Answer { status, text: came, took: self.clock.now().since(began) };
            }
        }
    }

    /// Waits for the next message and gives its body.
    pub(crate) fn expect_message(&mut self) -> String {
        let deadline = self.clock.now() + PATIENCE;
        while self.inbox.is_empty() {
            let left = deadline.since(self.clock.now());
            assert!(!left.is_zero(), "{} waited in vain for a message", self.user);
            let _ = self.receive(left);
        }
        self.inbox.remove(0)
    }

    /// Waits for the next NOTIFY and gives its Subscription-State without parameters but the reason.
    pub(crate) fn expect_notify(&mut self) -> String {
        let deadline = self.clock.now() + PATIENCE;
        while self.notices.is_empty() {
            let left = deadline.since(self.clock.now());
            assert!(!left.is_zero(), "{} waited in vain for a NOTIFY", self.user);
            let _ = self.receive(left);
        }
        let notice = self.notices.remove(0);
        let state = header(&notice, "Subscription-State").expect("a state");
        let parts = state.split(';').map(str::trim).filter(|part| !part.starts_with("expires"));
        parts.collect::<Vec<_>>().join(";")
    }

    fn send(&self, text: &str) {
        self.socket.send_to(text.as_bytes(), self.server).expect("loopback takes a datagram");
    }

    /// The next response; requests are answered with 200 on the way.
    fn receive(&mut self, wait: Duration) -> Option<String> {
        let deadline = self.clock.now() + wait;
        let mut buffer = [0; 65_536];
        loop {
            let left = deadline.since(self.clock.now()).max(Duration::from_millis(1));
            self.socket.set_read_timeout(Some(left)).expect("a timeout");
            let Ok((length, from)) = self.socket.recv_from(&mut buffer) else { return None };
            let text = String::from_utf8_lossy(buffer.get(..length)?).into_owned();
            if text.starts_with("SIP/2.0 ") {
                return Some(text);
            }
            if text.starts_with("MESSAGE ") {
                let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
                self.inbox.push(body.to_owned());
            }
            let is_notice = text.starts_with("NOTIFY ");
            if is_notice && !self.notices.contains(&text) {
                self.notices.push(text.clone());
            }
            let mut answer = String::from("SIP/2.0 200 OK\r\n");
            for line in text.lines().skip(1).take_while(|line| !line.is_empty()) {
                let name = line.split(':').next().unwrap_or_default().trim().to_lowercase();
                if ["via", "from", "to", "call-id", "cseq"].contains(&name.as_str()) {
                    answer.push_str(line);
                    let bare = name == "to" && !line.contains(";tag=");
                    answer.push_str(if bare { ";tag=there\r\n" } else { "\r\n" });
                }
            }
            answer.push_str("Content-Length: 0\r\n\r\n");
            let _ = self.socket.send_to(answer.as_bytes(), from);
            if is_notice || !self.inbox.is_empty() {
                return None;
            }
        }
    }
}
