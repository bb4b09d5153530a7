//! Presence, through a small notifier.

use std::collections::HashMap;
use std::net::{SocketAddr, UdpSocket};
use std::thread::JoinHandle;

use super::*;
use crate::client::bench::report::Report;

/// What the notifier does wrong, each so many PUBLISHes; 0 is never.
#[derive(Clone, Copy, Default)]
struct Mischief {
    /// Forgets the entity tag.
    forget: u64,
    /// Tells nobody.
    hush: u64,
    /// Tells everybody twice in the same words.
    repeat: u64,
}

/// A subscription: where it is told, its lines of a request, and its CSeq.
struct Watcher {
    source: SocketAddr,
    head: String,
    cseq: u32,
}

/// What the notifier saw.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    first: u64,
    changes: u64,
    subscriptions: u64,
    answers: u64,
}

struct Notifier {
    socket: UdpSocket,
    mischief: Mischief,
    watchers: HashMap<Vec<u8>, Vec<Watcher>>,
    etags: HashMap<Vec<u8>, u64>,
    publishes: u64,
    seen: Seen,
}

fn every(n: u64, count: u64) -> bool {
    n > 0 && count.is_multiple_of(n)
}

impl Notifier {
    fn start(mischief: Mischief) -> (SocketAddr, JoinHandle<Seen>) {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let (watchers, etags, seen) = Default::default();
        let mut notifier = Notifier { socket, mischief, watchers, etags, publishes: 0, seen };
        let thread = std::thread::spawn(move || {
            let mut buffer = vec![0; 65536];
            loop {
                let (length, source) = notifier.socket.recv_from(&mut buffer).unwrap();
                if &buffer[..length] == b"stop" {
                    return notifier.seen;
                }
                notifier.take(&buffer[..length], source);
            }
        });
        (address, thread)
    }

    fn take(&mut self, bytes: &[u8], source: SocketAddr) {
        let mut layout = Layout::default();
        scan(bytes, Framing::Datagram, &Limits::default(), &mut layout).unwrap();
        let message = Message::new(bytes, &layout);
        if !message.is_request() {
            assert_eq!(message.status(), 200);
            self.seen.answers += 1;
            return;
        }
        message.check().unwrap();
        let user = message.to().unwrap().parsed_uri().user().unwrap().to_vec();
        match message.method() {
            Method::Register => self.send(Response::new(&message, 200, None).to_tag("t"), source),
            Method::Subscribe => self.subscribe(&message, user, source),
            Method::Publish => self.publish(&message, user, source),
            method => panic!("{method:?}"),
        }
    }

    fn subscribe(&mut self, message: &Message<'_>, user: Vec<u8>, source: SocketAddr) {
        assert_eq!(message.header(HeaderName::Event), Some(&b"presence"[..]));
        assert_eq!(message.header(HeaderName::Accept), Some(&b"application/pidf+xml"[..]));
        assert_eq!(message.expires(), Some(600));
        let contact = message.header(HeaderName::Contact).unwrap();
        assert!(String::from_utf8_lossy(contact).contains(&source.to_string()));
        self.seen.subscriptions += 1;
        self.send(Response::new(message, 200, None).to_tag("t"), source);
        let line = |name| String::from_utf8_lossy(message.header(name).unwrap()).into_owned();
        let head = format!(
            "From: {};tag=t\r\nTo: {}\r\nCall-ID: {}\r\n",
            line(HeaderName::To),
            line(HeaderName::From),
            line(HeaderName::CallId)
        );
        let mut watcher = Watcher { source, head, cseq: 0 };
        self.tell(&mut watcher, "");
        self.watchers.entry(user).or_default().push(watcher);
    }

    fn publish(&mut self, message: &Message<'_>, user: Vec<u8>, source: SocketAddr) {
        self.publishes += 1;
        assert_eq!(message.from().unwrap().parsed_uri().user().unwrap(), user);
        let known = self.etags.get(&user).map(u64::to_string);
        let etag = message.header(HeaderName::SipIfMatch);
        if every(self.mischief.forget, self.publishes) {
            self.etags.remove(&user);
            return self.send(Response::new(message, 412, None).to_tag("t"), source);
        }
        assert_eq!(etag, known.as_ref().map(String::as_bytes));
        *(if known.is_some() { &mut self.seen.changes } else { &mut self.seen.first }) += 1;
        self.etags.insert(user.clone(), self.publishes);
        let etag = self.publishes.to_string();
        let response = Response::new(message, 200, None).to_tag("t").header("SIP-ETag", &etag);
        self.send(response, source);
        if every(self.mischief.hush, self.publishes) {
            return;
        }
        let body = String::from_utf8_lossy(message.body()).into_owned();
        let mut watchers = self.watchers.remove(&user).unwrap_or_default();
        for watcher in &mut watchers {
            self.tell(watcher, &body);
            if every(self.mischief.repeat, self.publishes) {
                watcher.cseq -= 1;
                self.tell(watcher, &body);
            }
        }
        self.watchers.insert(user, watchers);
    }

    fn tell(&self, watcher: &mut Watcher, body: &str) {
        watcher.cseq += 1;
        let notify = format!(
            "NOTIFY sip:x@{} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKn{}\r\n{}\
             CSeq: {} NOTIFY\r\nContent-Length: {}\r\n\r\n{body}",
            watcher.source,
            watcher.cseq,
            watcher.head,
            watcher.cseq,
            body.len()
        );
        self.socket.send_to(notify.as_bytes(), watcher.source).unwrap();
    }

    fn send(&self, response: Response<'_>, to: SocketAddr) {
        let mut out = Vec::new();
        response.received_from(to).write(&mut out);
        self.socket.send_to(&out, to).unwrap();
    }
}

/// Six people publish, a hundred times in all; seven watch each of them.
fn presence(mischief: Mischief) -> (Report, Seen) {
    let (server, thread) = Notifier::start(mischief);
    let options = Options {
        load: Load::Rate(200.0),
        watching: Watching { publishers: 6, watchers: 7 },
        ..options(Kind::Publish, server)
    };
    let report = run(&options, &Clock::system(), &mut |_| {}).unwrap();
    UdpSocket::bind("127.0.0.1:0").unwrap().send_to(b"stop", server).unwrap();
    (report, thread.join().unwrap())
}

/// So many of a hundred that a publisher who waits for an answer on a busy machine was not passed
/// over.
fn sent(report: &Report) -> u64 {
    assert_eq!(report.requests + report.unsent, 100, "{report:?}");
    assert!(report.requests >= 50, "{report:?}");
    report.requests
}

/// RFC 3903 s4.4, RFC 6665 s4.2.2: each change goes on from the last one, and each watcher hears of
/// it.
#[test]
fn every_change_is_told_to_every_watcher() {
    let (report, seen) = presence(Mischief::default());
    let changes = sent(&report);
    assert_eq!((report.completed, report.failed), (changes, report.unsent));
    assert_eq!((report.delivered, report.delivered_again, report.lost), (7 * changes, 0, 0));
    assert!(report.delivery_us.max > 0);
    assert_eq!(seen, Seen { first: 6, changes, subscriptions: 42, answers: 42 + 7 * changes });
}

/// RFC 3903 s4.4, s11.3.2: a 412 is a failure, and the next PUBLISH a first one.
#[test]
fn who_is_not_known_any_more_publishes_anew() {
    let (report, seen) = presence(Mischief { forget: 20, ..Mischief::default() });
    let forgotten = (6 + sent(&report)) / 20;
    assert_eq!(report.failures.get(&412), Some(&forgotten));
    assert_eq!(report.completed, report.requests - forgotten);
    assert_eq!((report.delivered, report.lost), (7 * report.completed, 0));
    assert!(seen.first > 6 && seen.first + seen.changes == 6 + report.completed, "{seen:?}");
}

#[test]
fn changes_that_nobody_hears_of_are_lost_and_those_told_twice_are_not_clean() {
    let (report, _) = presence(Mischief { hush: 25, ..Mischief::default() });
    assert_eq!(report.lost, 7 * ((6 + sent(&report)) / 25));
    assert!(!report.is_clean());
    let (report, seen) = presence(Mischief { repeat: 25, ..Mischief::default() });
    let again = 7 * ((6 + sent(&report)) / 25);
    assert_eq!((report.delivered, report.lost), (7 * report.completed, 0));
    assert_eq!(report.delivered_again, again);
    assert!(!report.is_clean());
    assert_eq!(seen.answers, 42 + report.delivered + again);
}

#[test]
fn more_watchers_than_people_are_refused() {
    let nowhere = "127.0.0.1:9".parse().unwrap();
    for watching in [
        Watching { publishers: 6, watchers: 50 },
        Watching { publishers: 51, watchers: 1 },
        Watching { publishers: 1, watchers: 1 },
    ] {
        let options = Options { watching, ..options(Kind::Publish, nowhere) };
        let refused = run(&options, &Clock::system(), &mut |_| {});
        assert!(matches!(refused, Err(BenchError::Options(_))), "{watching:?}");
    }
}
