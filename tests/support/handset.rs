//! A SIP device of few words over UDP: it signs in, writes, and answers messages as it is told.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use tagus::entropy;
use tagus::http_digest::{Answer, Challenge};

use super::server::DOMAIN;

/// Longer than the server needs on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// A device of one person.
pub(crate) struct Handset {
    socket: UdpSocket,
    server: SocketAddr,
    user: String,
    password: String,
    /// Header lines of every request, each with its line end.
    more: String,
}

impl Handset {
    /// A device that calls itself `agent`.
    pub(crate) fn new(server: SocketAddr, user: &str, password: &str, agent: &str) -> Handset {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
        socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        Handset {
            socket,
            server,
            user: user.to_owned(),
            password: password.to_owned(),
            more: format!("User-Agent: {agent}\r\n"),
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.socket.local_addr().expect("an address")
    }

    /// Registers, by way of a contact at its own address; gives the status.
    pub(crate) fn sign_in(&self) -> u16 {
        let contact = format!("<sip:{}@{}>;expires=600", self.user, self.address());
        self.sign_in_at(&contact)
    }

    /// The same with another Contact.
    pub(crate) fn sign_in_at(&self, contact: &str) -> u16 {
        let own = format!("sip:{}@{DOMAIN}", self.user);
        let more = format!("Contact: {contact}\r\n");
        self.ask("REGISTER", &format!("sip:{DOMAIN}"), &own, &more, "")
    }

    /// Writes to somebody; gives the status.
    pub(crate) fn write(&self, to: &str, text: &str) -> u16 {
        let to = format!("sip:{to}@{DOMAIN}");
        self.ask("MESSAGE", &to, &to, "Content-Type: text/plain\r\n", text)
    }

    /// Watches somebody's presence; gives the status.
    pub(crate) fn watch(&self, whom: &str) -> u16 {
        let to = format!("sip:{whom}@{DOMAIN}");
        let contact = format!("<sip:{}@{}>", self.user, self.address());
        let more = format!("Contact: {contact}\r\nEvent: presence\r\nExpires: 600\r\n");
        self.ask("SUBSCRIBE", &to, &to, &more, "")
    }

    /// Publishes that its person is there and says this; gives the status.
    pub(crate) fn publish(&self, note: &str) -> u16 {
        let own = format!("sip:{}@{DOMAIN}", self.user);
        let body = format!(
            "<?xml version=\"1.0\"?><presence xmlns=\"urn:ietf:params:xml:ns:pidf\" \
             entity=\"{own}\"><tuple id=\"t1\"><status><basic>open</basic></status>\
             <note>{note}</note></tuple></presence>"
        );
        let more = "Event: presence\r\nExpires: 600\r\nContent-Type: application/pidf+xml\r\n";
        self.ask("PUBLISH", &own, &own, more, &body)
    }

    /// Sends a request, signed once it is challenged, and gives the status of the last answer.
    fn ask(&self, method: &str, uri: &str, to: &str, more: &str, body: &str) -> u16 {
        let call = entropy::token(12);
        let tag = entropy::token(6);
        let mut credentials = String::new();
        for cseq in 1..=2 {
            let request = format!(
                "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {};branch=z9hG4bK{};rport\r\n\
                 Max-Forwards: 70\r\nFrom: <sip:{}@{DOMAIN}>;tag={tag}\r\nTo: <{to}>\r\n\
                 Call-ID: {call}\r\nCSeq: {cseq} {method}\r\n{}{more}{credentials}\
                 Content-Length: {}\r\n\r\n{body}",
                self.address(),
                entropy::token(8),
                self.user,
                self.more,
                body.len(),
            );
            self.socket.send_to(request.as_bytes(), self.server).expect("a datagram goes out");
            let answer = self.answer_to(&format!("{cseq} {method}"), &call);
            let status = status(&answer);
            let (challenge, name) = match status {
                401 => (header(&answer, "WWW-Authenticate"), "Authorization"),
                407 => (header(&answer, "Proxy-Authenticate"), "Proxy-Authorization"),
                status => return status,
            };
            if cseq == 2 {
                return status;
            }
            let challenge = Challenge::parse(challenge.as_bytes()).expect("a challenge");
            let ha1 = challenge.ha1(&self.user, &self.password);
            let signed =
                Answer { user: &self.user, ha1: &ha1, method, uri, count: 1, cnonce: "0a4f113b" };
            let mut out = Vec::new();
            signed.write(&challenge, &mut out);
            credentials = format!("{name}: {}\r\n", String::from_utf8(out).expect("text"));
        }
        0
    }

    fn answer_to(&self, cseq: &str, call: &str) -> String {
        loop {
            let text = self.next();
            let is_final = text.starts_with("SIP/2.0 ") && status(&text) >= 200;
            if is_final && header(&text, "CSeq") == cseq && header(&text, "Call-ID") == call {
                return text;
            }
        }
    }

    fn next(&self) -> String {
        let mut buffer = vec![0; 65_536];
        let (length, _) = self.socket.recv_from(&mut buffer).expect("a message in time");
        buffer.truncate(length);
        String::from_utf8_lossy(&buffer).into_owned()
    }

    /// Waits for a request of this method and answers it with this status; gives the request. What else
    /// is asked meanwhile is taken.
    pub(crate) fn expect(&self, method: &str, answer: &str) -> String {
        loop {
            let text = self.next();
            if text.starts_with("SIP/2.0 ") {
                continue;
            }
            let is_it = text.starts_with(&format!("{method} "));
            self.respond(&text, if is_it { answer } else { "200 OK" });
            if is_it {
                return text;
            }
        }
    }

    fn respond(&self, request: &str, answer: &str) {
        let mut response = format!("SIP/2.0 {answer}\r\n");
        for line in request.lines().take_while(|line| !line.is_empty()) {
            let name = line.split(':').next().unwrap_or_default();
            if ["Via", "From", "Call-ID", "CSeq"].contains(&name) {
                response += &format!("{line}\r\n");
            } else if name == "To" {
                let tag = if line.contains(";tag=") { "" } else { ";tag=handset" };
                response += &format!("{line}{tag}\r\n");
            }
        }
        response += "Content-Length: 0\r\n\r\n";
        self.socket.send_to(response.as_bytes(), self.server).expect("a datagram goes out");
    }
}

fn status(text: &str) -> u16 {
    text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
}

/// The first value of a header.
fn header(text: &str, name: &str) -> String {
    let mut lines = text.lines().take_while(|line| !line.is_empty());
    let found = lines.find_map(|line| {
        let (left, right) = line.split_once(':')?;
        left.eq_ignore_ascii_case(name).then(|| right.trim().to_owned())
    });
    found.unwrap_or_default()
}
