//! Calls, through a small proxy that records its route.

use std::collections::{HashMap, HashSet};
use std::net::{SocketAddr, UdpSocket};
use std::thread::JoinHandle;

use super::*;

#[derive(Clone, Copy, Default)]
struct Mischief {
    /// Every so many calls: loses the first ACK, refuses the INVITE, denies the BYE.
    lose_ack: u64,
    refuse: u64,
    deny: u64,
}

/// What the proxy saw.
#[derive(Debug, Default)]
struct Seen {
    calls: u64,
    refusals_acknowledged: u64,
    acks: u64,
    byes: u64,
}

struct Proxy {
    socket: UdpSocket,
    mischief: Mischief,
    contacts: HashMap<Vec<u8>, SocketAddr>,
    /// By branch, where answers go.
    waiting: HashMap<Vec<u8>, SocketAddr>,
    /// The Call-IDs of calls, by their numbers.
    numbers: HashMap<Vec<u8>, u64>,
    lost: HashSet<u64>,
    seen: Seen,
}

fn every(n: u64, count: u64) -> bool {
    n > 0 && count.is_multiple_of(n)
}

impl Proxy {
    fn start(mischief: Mischief) -> (SocketAddr, JoinHandle<Seen>) {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let mut proxy = Proxy {
            socket,
            mischief,
            contacts: HashMap::new(),
            waiting: HashMap::new(),
            numbers: HashMap::new(),
            lost: HashSet::new(),
            seen: Seen::default(),
        };
        let thread = std::thread::spawn(move || {
            let mut buffer = vec![0; 65536];
            loop {
                let (length, source) = proxy.socket.recv_from(&mut buffer).unwrap();
                if &buffer[..length] == b"stop" {
                    return proxy.seen;
                }
                proxy.take(&buffer[..length], source, address);
            }
        });
        (address, thread)
    }

    fn take(&mut self, bytes: &[u8], source: SocketAddr, own: SocketAddr) {
        let mut layout = Layout::default();
        scan(bytes, Framing::Datagram, &Limits::default(), &mut layout).unwrap();
        let message = Message::new(bytes, &layout);
        if !message.is_request() {
            return self.answer(&message, bytes);
        }
        message.check().unwrap();
        let branch = message.top_via().unwrap().branch().unwrap().to_vec();
        let number = self.numbers.get(message.call_id()).copied();
        match message.method() {
            Method::Register => {
                let user = message.from().unwrap().parsed_uri().user().unwrap().to_vec();
                self.contacts.insert(user, source);
                self.send(Response::new(&message, 200, None).to_tag("t"), source);
            }
            Method::Invite => {
                let number = number.unwrap_or_else(|| {
                    self.seen.calls += 1;
                    self.numbers.insert(message.call_id().to_vec(), self.seen.calls);
                    self.seen.calls
                });
                if every(self.mischief.refuse, number) {
                    return self.send(Response::new(&message, 486, None).to_tag("t"), source);
                }
                self.send(Response::new(&message, 100, None), source);
                let to = message.to().unwrap().parsed_uri().user().unwrap();
                let to = self.contacts[to];
                let lines = format!("Record-Route: <sip:{own};lr>\r\n");
                self.forward(bytes, &branch, lines.as_bytes(), source, to);
            }
            Method::Ack if message.header(HeaderName::Route).is_none() => {
                self.seen.refusals_acknowledged += 1;
            }
            method => {
                let number = number.unwrap();
                let route = format!("<sip:{own};lr>");
                assert_eq!(message.header(HeaderName::Route), Some(route.as_bytes()));
                assert_eq!(message.to().unwrap().tag(), Some(&b"bench"[..]));
                let target = message.request_uri().to_vec();
                let at = target.iter().position(|byte| *byte == b'@').unwrap();
                let to = std::str::from_utf8(&target[at + 1..]).unwrap().parse().unwrap();
                if method == Method::Ack {
                    self.seen.acks += 1;
                    if every(self.mischief.lose_ack, number) && self.lost.insert(number) {
                        return;
                    }
                } else {
                    assert_eq!(method, Method::Bye);
                    self.seen.byes += 1;
                    if every(self.mischief.deny, number) {
                        return self.send(Response::new(&message, 481, None), source);
                    }
                }
                self.forward(bytes, &branch, b"", source, to);
            }
        }
    }

    fn forward(
        &mut self,
        bytes: &[u8],
        branch: &[u8],
        lines: &[u8],
        source: SocketAddr,
        to: SocketAddr,
    ) {
        self.waiting.insert(branch.to_vec(), source);
        let head = memchr::memchr(b'\n', bytes).unwrap() + 1;
        let own = [b"Via: SIP/2.0/UDP 127.0.0.1;branch=", branch, b"\r\n"].concat();
        let forwarded = [&bytes[..head], &own, lines, &bytes[head..]].concat();
        self.socket.send_to(&forwarded, to).unwrap();
    }

    fn answer(&self, message: &Message<'_>, bytes: &[u8]) {
        let branch = message.top_via().unwrap().branch().unwrap();
        let to = self.waiting[branch];
        let via = memchr::memmem::find(bytes, b"Via: ").unwrap();
        let end = via + memchr::memchr(b'\n', &bytes[via..]).unwrap() + 1;
        self.socket.send_to(&[&bytes[..via], &bytes[end..]].concat(), to).unwrap();
    }

    fn send(&self, response: Response<'_>, to: SocketAddr) {
        let mut out = Vec::new();
        response.received_from(to).write(&mut out);
        self.socket.send_to(&out, to).unwrap();
    }
}

fn finish(address: SocketAddr, thread: JoinHandle<Seen>) -> Seen {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.send_to(b"stop", address).unwrap();
    thread.join().unwrap()
}

// RFC 3261 s12, s13, s15
#[test]
fn every_call_is_set_up_acknowledged_and_ended() {
    let (address, thread) = Proxy::start(Mischief::default());
    let report = play(&options(Kind::Invite, address));
    let seen = finish(address, thread);
    assert_eq!((report.requests, report.completed, report.failed), (200, 200, 0));
    assert_eq!((report.delivered, report.lost, report.foreign), (200, 0, 0));
    // Everybody called once before the measurement.
    assert_eq!((seen.calls, seen.byes), (250, 250));
    assert!(seen.acks >= 250 && seen.refusals_acknowledged == 0, "{seen:?}");
    assert!(report.latency_us.p50 > 0 && report.latency_us.max < 5_000_000);
}

// RFC 3261 s13.2.2.4, s13.3.1.4, s17.1.1.3
#[test]
fn lost_acks_refused_calls_and_denied_byes_are_counted() {
    let (address, thread) = Proxy::start(Mischief { lose_ack: 0, refuse: 70, deny: 90 });
    let mut options = options(Kind::Invite, address);
    // The preparation must succeed.
    options.reuse_nonce = false;
    let report = play(&options);
    let seen = finish(address, thread);
    assert_eq!(report.failures.get(&486), Some(&2), "{report:?}");
    assert_eq!(report.failures.get(&481), Some(&2), "{report:?}");
    assert_eq!((report.completed, seen.refusals_acknowledged), (196, 2));
    assert!(!report.is_clean());

    let (address, thread) = Proxy::start(Mischief { lose_ack: 50, refuse: 0, deny: 0 });
    options.server = address;
    // Longer than T1, so that the answer comes again while the call lasts.
    options.hold = Duration::from_millis(900);
    let report = play(&options);
    let seen = finish(address, thread);
    assert_eq!((report.completed, report.delivered, report.lost), (200, 200, 0), "{report:?}");
    assert!(seen.acks >= 204 && report.delivered_again >= 4, "{report:?}");
    assert!(!report.is_clean());
}
