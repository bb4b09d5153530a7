//! The agent against a scripted registrar, on a virtual clock.

use std::net::SocketAddr;

use zeroize::Zeroizing;

use super::*;
use crate::http_digest::{Algorithm, Challenge, Credentials, ha1};
use crate::sip::build::{RequestWriter, Response};
use crate::sip::header::{Contact, HeaderName};
use crate::sip::method::Method;
use crate::sip::{ConnectionId, Transport};

mod inbound;
mod registering;
mod watching;
mod writing;

const SERVER: &str = "192.0.2.1:5060";
const REALM: &str = "campus.test";

fn flow(transport: Transport, local: &str) -> Flow {
    let address = |text: &str| text.parse::<SocketAddr>().unwrap();
    let connection = if transport.is_reliable() { ConnectionId(1) } else { ConnectionId::NONE };
    Flow { transport, local: address(local), remote: address(SERVER), connection }
}

fn account(user: &str) -> Account {
    let password = Zeroizing::new(format!("{user}'s password"));
    Account { user: user.to_owned(), domain: "campus.test".to_owned(), password }
}

fn agent_over(transport: Transport, user: &str) -> Agent {
    let instance = account(user).instance(SERVER, "test");
    Agent::new(account(user), flow(transport, "192.0.2.9:40000"), &instance, Timing::default())
}

fn ana() -> Agent {
    agent_over(Transport::Udp, "ana")
}

fn to(text: &str) -> Target {
    Target::parse(text, "campus.test").unwrap()
}

/// A packet that was read: everything owned, so that tests can compare.
#[derive(Clone, Debug)]
struct Read {
    bytes: Bytes,
    layout: Layout,
}

impl Read {
    fn of(bytes: Bytes) -> Read {
        let mut layout = Layout::default();
        wire::scan(&bytes, Framing::Stream, &Limits::default(), &mut layout)
            .unwrap_or_else(|defect| panic!("{defect}: {}", bytes.escape_ascii()));
        Read { bytes, layout }
    }

    fn message(&self) -> Message<'_> {
        Message::new(&self.bytes, &self.layout)
    }

    fn header(&self, name: HeaderName) -> String {
        let value = self.message().header(name).unwrap_or_default();
        String::from_utf8(value.to_vec()).unwrap()
    }

    fn has(&self, name: HeaderName) -> bool {
        self.message().header(name).is_some()
    }

    fn branch(&self) -> String {
        let via = self.message().top_via().unwrap();
        String::from_utf8(via.branch().unwrap().to_vec()).unwrap()
    }

    fn cseq(&self) -> u32 {
        self.message().cseq().unwrap().number
    }

    fn contact(&self) -> (String, Option<u32>, String) {
        let mut contacts = self.message().contacts();
        let Some(Ok(Contact::Address(contact))) = contacts.next() else { panic!("no contact") };
        assert!(contacts.next().is_none(), "one contact");
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        (text(contact.uri()), contact.expires(), text(contact.sip_instance().unwrap_or_default()))
    }

    /// Nonce and count of the credentials in a header, which must be right.
    fn claims(&self, name: HeaderName) -> Option<(String, u32)> {
        let credentials = Credentials::parse(self.message().header(name)?).unwrap();
        assert_eq!(credentials.realm(), REALM.as_bytes());
        assert_eq!(credentials.uri(), self.message().request_uri());
        let claim = credentials.claim(self.message().method().as_bytes()).unwrap();
        let user = credentials.username();
        let password = format!("{user}'s password");
        let first = ha1(claim.algorithm(), user.as_bytes(), REALM.as_bytes(), password.as_bytes());
        assert!(claim.proves(&first), "wrong credentials");
        let nonce = String::from_utf8_lossy(credentials.nonce()).into_owned();
        Some((nonce, credentials.count()))
    }
}

/// What the agent sends now.
fn sent(agent: &mut Agent) -> Vec<Read> {
    std::iter::from_fn(|| agent.poll_packet()).map(Read::of).collect()
}

fn sent_one(agent: &mut Agent) -> Read {
    let mut packets = sent(agent);
    assert_eq!(packets.len(), 1, "one packet");
    packets.remove(0)
}

fn events(agent: &mut Agent) -> Vec<Event> {
    std::iter::from_fn(|| agent.poll_event()).collect()
}

fn event(agent: &mut Agent) -> Event {
    let mut events = events(agent);
    assert_eq!(events.len(), 1, "{events:?}");
    events.remove(0)
}

fn outcome(agent: &mut Agent) -> Outcome {
    match event(agent) {
        Event::Answered { outcome, .. } => outcome,
        other => panic!("{other:?}"),
    }
}

fn at(seconds: u64) -> Tick {
    Tick::from_secs(seconds)
}

/// Answers a request of the agent.
fn answer(agent: &mut Agent, now: Tick, request: &Read, status: u16, headers: &[(&str, &str)]) {
    let message = request.message();
    let mut response = Response::new(&message, status, None)
        .to_tag("server")
        .received_from("198.51.100.7:4321".parse().unwrap());
    for (name, value) in headers {
        response = response.header(name, *value);
    }
    let mut out = Vec::new();
    response.write(&mut out);
    agent.receive(now, &out);
}

fn challenge(nonce: &str, algorithm: Algorithm, stale: bool) -> String {
    let mut out = Vec::new();
    Challenge::write(REALM, nonce.as_bytes(), algorithm, stale, &mut out);
    String::from_utf8(out).unwrap()
}

fn md5(nonce: &str) -> String {
    challenge(nonce, Algorithm::Md5, false)
}

fn sha256(nonce: &str) -> String {
    challenge(nonce, Algorithm::Sha256, false)
}

/// Answers a REGISTER with 200 and the contact that it holds.
fn grant(agent: &mut Agent, now: Tick, request: &Read, expires: u32) {
    let (uri, ..) = request.contact();
    let contact = format!("<{uri}>;expires={expires}");
    answer(agent, now, request, 200, &[("Contact", &contact)]);
}

/// An agent that is registered for `expires` seconds at time 0, with the nonce `n1`.
fn registered(transport: Transport, expires: u32) -> (Agent, Read) {
    let mut agent = agent_over(transport, "ana");
    agent.register(at(0), expires);
    let first = sent_one(&mut agent);
    answer(&mut agent, at(0), &first, 401, &[("WWW-Authenticate", &sha256("n1"))]);
    let second = sent_one(&mut agent);
    grant(&mut agent, at(0), &second, expires);
    assert!(matches!(event(&mut agent), Event::Registered { .. }));
    (agent, second)
}
