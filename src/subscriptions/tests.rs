use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use smallvec::SmallVec;

use super::*;
use crate::clock::{Clock, ManualClock, WallTime};
use crate::model::DeviceKey;
use crate::presence::Presence;
use crate::presence::testing::Documents;
use crate::registrar::{ContactRequest, Contacts, RegisterRequest, Registrar, Supported};
use crate::sip::subscription::{EndReason, NotifyState, Outcome};
use crate::sip::wire::{Framing, Layout, Limits, Message, scan};
use crate::sip::{ConnectionId, Flow, Transport};
use crate::store::{Commit, Store, Table};

mod presence;

const AOR: &str = "alice@campus.example";

struct Bench {
    subscriptions: Arc<Subscriptions>,
    registrar: Arc<Registrar>,
    presence: Arc<Presence>,
    documents: Arc<Documents>,
    clock: Clock,
    hands: ManualClock,
    store: Arc<dyn Store>,
    cseq: Cell<u32>,
    /// The connection that stands.
    open: Cell<u64>,
}

fn bench() -> Bench {
    bench_on(crate::store::memory())
}

fn bench_on(store: Arc<dyn Store>) -> Bench {
    bench_with(store, crate::presence::Settings::default(), Settings::default().interval)
}

fn bench_with(
    store: Arc<dyn Store>,
    rules: crate::presence::Settings,
    interval: Duration,
) -> Bench {
    let (clock, hands) = Clock::manual(WallTime::from_unix_secs(1_700_000_000));
    let settings = crate::registrar::Settings {
        min_expires: Duration::from_secs(60),
        default_expires: Duration::from_secs(600),
        max_expires: Duration::from_secs(3_600),
        max_contacts: 10,
        device_memory: Duration::from_secs(14 * 86_400),
        own_addresses: vec![],
        own_names: vec![],
    };
    let registrar = Registrar::open(settings, clock.clone(), Arc::clone(&store)).unwrap();
    let registrar = Arc::new(registrar);
    let (presence, documents) = crate::presence::testing::over(rules, &clock, &store, &registrar);
    store.commit_blocking(count_start(&*store).unwrap()).unwrap();
    let settings = Settings { per_user: 3, waiting_per_user: 3, interval, ..Settings::default() };
    let subscriptions =
        Subscriptions::open(settings, clock.clone(), Arc::clone(&store), Arc::clone(&presence))
            .unwrap();
    let subscriptions = Arc::new(subscriptions);
    registrar.observe(subscriptions.clone());
    presence.observe(subscriptions.clone());
    documents.observe(presence.clone());
    let (cseq, open) = (Cell::new(0), Cell::new(0));
    Bench { subscriptions, registrar, presence, documents, clock, hands, store, cseq, open }
}

fn flow(connection: u64) -> Flow {
    Flow {
        transport: if connection > 0 { Transport::Tcp } else { Transport::Udp },
        local: "192.0.2.1:5060".parse().unwrap(),
        remote: "192.0.2.7:5060".parse().unwrap(),
        connection: ConnectionId(connection),
    }
}

impl Bench {
    fn next(&self) -> u32 {
        self.cseq.set(self.cseq.get() + 1);
        self.cseq.get()
    }

    fn register(&self, uri: &str, expires: u32, connection: u64) {
        self.register_with(uri, expires, connection, None);
    }

    /// A device with this credential is reached over a connection.
    fn register_as(&self, credential: &str, connection: u64) {
        let uri = format!("sip:{credential}@device.invalid");
        self.register_with(&uri, 600, connection, Some(credential));
    }

    fn register_with(&self, uri: &str, expires: u32, connection: u64, credential: Option<&str>) {
        let contact = ContactRequest {
            uri: uri.as_bytes(),
            expires: Some(expires),
            q: 1_000,
            instance: None,
            reg_id: None,
            params: String::new(),
        };
        let request = RegisterRequest {
            aor: AOR,
            call_id: b"r1",
            cseq: self.next(),
            contacts: Contacts::List(SmallVec::from_vec(vec![contact])),
            expires: None,
            flow: flow(connection),
            is_first_hop: true,
            supported: Supported::default(),
            path: SmallVec::new(),
            credential: credential.map(|id| DeviceKey::Credential(id.to_owned())),
            user_agent: None,
        };
        self.registrar.register(&request).unwrap();
    }

    fn subscribe(&self, tag: &str, expires: u32, connection: u64) -> Result<Granted, Refusal> {
        with_subscribe(self.next(), "", expires, |message| {
            self.subscriptions.begin(SubscribeRequest {
                message,
                resource: AOR,
                watcher: AOR,
                package: Package::Registration,
                event_id: None,
                flow: flow(connection),
                bound: connection > 0,
                device: Some(DeviceKey::Credential(tag.to_owned())),
                tag: tag.to_owned(),
            })
        })
    }

    fn refresh(&self, tag: &str, expires: u32) -> Result<Granted, Refusal> {
        self.refresh_as(tag, expires, self.next())
    }

    fn refresh_as(&self, tag: &str, expires: u32, cseq: u32) -> Result<Granted, Refusal> {
        let event = EventHeader::parse(b"reg").unwrap();
        with_subscribe(cseq, &format!(";tag={tag}"), expires, |message| {
            self.subscriptions.refresh(message, AOR, &event, (flow(0), false))
        })
    }

    fn due(&self) -> Option<Notify> {
        let is_open = |connection: ConnectionId| connection.0 == self.open.get();
        self.subscriptions.due(self.clock.now(), |aor| self.registrar.lookup(aor), &is_open)
    }

    /// The NOTIFY that is due, answered.
    fn told(&self) -> Notify {
        let notify = self.due().expect("a NOTIFY");
        self.subscriptions.settle(notify.id, Outcome::Answered(200));
        notify
    }

    fn wait(&self, seconds: u64) {
        self.hands.advance(Duration::from_secs(seconds));
        self.registrar.sweep();
    }
}

fn with_subscribe<T>(
    cseq: u32,
    to_tag: &str,
    expires: u32,
    look: impl FnOnce(&Message<'_>) -> T,
) -> T {
    let text = format!(
        "SUBSCRIBE sip:{AOR} SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK1\r\n\
         From: <sip:{AOR}>;tag=f\r\nTo: <sip:{AOR}>{to_tag}\r\nCall-ID: c\r\n\
         CSeq: {cseq} SUBSCRIBE\r\nContact: <sip:alice@192.0.2.7>\r\nExpires: {expires}\r\n\r\n"
    );
    let mut layout = Layout::default();
    scan(text.as_bytes(), Framing::Datagram, &Limits::default(), &mut layout).unwrap();
    look(&Message::new(text.as_bytes(), &layout))
}

/// Version, state of the document, and of each contact its URI and event.
fn says(notify: &Notify) -> (u32, String, Vec<(String, String)>) {
    let xml = roxmltree::Document::parse(std::str::from_utf8(&notify.body).unwrap()).unwrap();
    let root = xml.root_element();
    let contacts = xml
        .descendants()
        .filter(|node| node.has_tag_name(("urn:ietf:params:xml:ns:reginfo", "contact")));
    let contacts = contacts.map(|contact| {
        let uri = contact.first_element_child().and_then(|uri| uri.text()).unwrap_or_default();
        (uri.to_owned(), contact.attribute("event").unwrap().to_owned())
    });
    let version = root.attribute("version").unwrap().parse().unwrap();
    (version, root.attribute("state").unwrap().to_owned(), contacts.collect())
}

fn contacts(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(uri, event)| ((*uri).to_owned(), (*event).to_owned())).collect()
}

// RFC 6665 s4.2.1.2, RFC 3680 s4.3: the first NOTIFY tells everything
#[test]
fn a_subscription_begins_with_all_contacts() {
    let b = bench();
    b.register("sip:a@192.0.2.7", 600, 0);
    assert_eq!(b.subscribe("t1", 3_600, 0), Ok(Granted { expires: 3_600 }));
    let notify = b.told();
    assert_eq!(notify.state, NotifyState::Active(3_600));
    assert_eq!(notify.dialog.local_cseq, 1);
    assert_eq!(
        says(&notify),
        (0, "full".to_owned(), contacts(&[("sip:a@192.0.2.7", "registered")]))
    );
    assert!(b.due().is_none());
}

// RFC 3680 s4.3, s5.1: then what has changed, each document one version more
#[test]
fn changes_are_told_as_partial_documents_with_the_next_version() {
    let b = bench();
    b.subscribe("t1", 3_600, 0).unwrap();
    assert_eq!(says(&b.told()).2, []);
    b.register("sip:a@192.0.2.7", 600, 0);
    b.wait(5);
    let news = contacts(&[("sip:a@192.0.2.7", "registered")]);
    assert_eq!(says(&b.told()), (1, "partial".to_owned(), news));
    b.register("sip:a@192.0.2.7", 0, 0);
    b.register("sip:b@192.0.2.8", 600, 0);
    b.wait(5);
    let news = contacts(&[("sip:b@192.0.2.8", "registered"), ("sip:a@192.0.2.7", "unregistered")]);
    assert_eq!(says(&b.told()), (2, "partial".to_owned(), news));
}

// RFC 3680 s4.7.1: why a contact went
#[test]
fn expired_unregistered_and_closed_contacts_are_told_apart() {
    let b = bench();
    b.open.set(7);
    b.register("sip:a@192.0.2.7", 60, 0);
    b.register("sip:b@10.0.0.1;transport=tcp", 600, 7);
    b.subscribe("t1", 3_600, 0).unwrap();
    b.told();
    // A refreshed contact has more time than the subscriber knows of.
    b.wait(30);
    b.register("sip:a@192.0.2.7", 600, 0);
    assert!(b.due().is_none(), "a refresh alone is no news");
    b.wait(60);
    b.register("sip:a@192.0.2.7", 0, 0);
    let gone = says(&b.told()).2;
    assert_eq!(gone, contacts(&[("sip:a@192.0.2.7", "unregistered")]));
    b.open.set(0);
    b.registrar.connection_closed(ConnectionId(7));
    b.wait(5);
    let gone = says(&b.told()).2;
    assert_eq!(gone, contacts(&[("sip:b@10.0.0.1;transport=tcp", "deactivated")]));
    b.register("sip:c@192.0.2.9", 60, 0);
    b.wait(5);
    b.told();
    b.wait(61);
    assert_eq!(says(&b.told()).2, contacts(&[("sip:c@192.0.2.9", "expired")]));
}

// RFC 3680 s4.10
#[test]
fn no_more_than_one_change_is_told_in_five_seconds() {
    let b = bench();
    b.subscribe("t1", 3_600, 0).unwrap();
    b.told();
    b.wait(10);
    b.register("sip:a@192.0.2.7", 600, 0);
    b.told();
    b.register("sip:b@192.0.2.8", 600, 0);
    b.register("sip:c@192.0.2.9", 600, 0);
    b.wait(4);
    assert!(b.due().is_none());
    b.wait(1);
    assert_eq!(says(&b.told()).2.len(), 2);
}

// RFC 6665 s4.4.3
#[test]
fn a_fetch_gets_everything_once_and_leaves_nothing() {
    let b = bench();
    b.register("sip:a@192.0.2.7", 600, 0);
    b.subscribe("t1", 0, 0).unwrap();
    let notify = b.told();
    assert_eq!(notify.state, NotifyState::Terminated(EndReason::Timeout));
    assert_eq!(says(&notify).1, "full");
    assert!(b.subscriptions.is_empty());
}

// RFC 6665 s4.2.1.2, s4.2.1.4
#[test]
fn a_refresh_tells_all_again_and_one_with_0_ends_it() {
    let b = bench();
    b.register("sip:a@192.0.2.7", 600, 0);
    b.subscribe("t1", 600, 0).unwrap();
    b.told();
    b.hands.advance(Duration::from_secs(100));
    assert_eq!(b.refresh("t1", 1_200), Ok(Granted { expires: 1_200 }));
    let notify = b.told();
    assert_eq!(notify.state, NotifyState::Active(1_200));
    assert_eq!((says(&notify).0, says(&notify).1), (1, "full".to_owned()));
    b.refresh("t1", 0).unwrap();
    assert_eq!(b.refresh("t1", 600), Err(Refusal::Unknown), "it has ended");
    let last = b.told();
    assert_eq!(last.state, NotifyState::Terminated(EndReason::Timeout));
    assert_eq!(last.dialog.local_cseq, 3);
    assert!(b.subscriptions.is_empty());
    assert_eq!(b.refresh("t1", 600), Err(Refusal::Unknown));
}

// RFC 3261 s12.2.2, RFC 6665 s4.2.1.1
#[test]
fn what_does_not_fit_is_refused_and_changes_nothing() {
    let b = bench();
    b.subscribe("t1", 600, 0).unwrap();
    b.told();
    assert_eq!(b.refresh("t2", 600), Err(Refusal::Unknown));
    assert!(matches!(b.refresh_as("t1", 600, 1), Err(Refusal::Dialog(_))));
    assert_eq!(b.refresh("t1", 59), Err(Refusal::TooBrief));
    assert_eq!(b.subscribe("t4", 1, 0), Err(Refusal::TooBrief));
    assert!(b.due().is_none());
    for tag in ["t2", "t3"] {
        b.subscribe(tag, 600, 0).unwrap();
    }
    assert_eq!(b.subscribe("t4", 600, 0), Err(Refusal::TooMany));
    assert_eq!(b.subscriptions.len(), 3);
}

// Decision 18c
#[test]
fn a_closed_connection_and_a_481_end_what_hung_on_them() {
    let b = bench();
    b.subscribe("t1", 600, 5).unwrap();
    b.subscribe("t2", 600, 0).unwrap();
    for _ in 0..2 {
        b.told();
    }
    b.subscriptions.connection_closed(ConnectionId(5));
    assert_eq!(b.subscriptions.len(), 1);
    b.register("sip:a@192.0.2.7", 600, 0);
    b.wait(5);
    let notify = b.due().unwrap();
    b.subscriptions.settle(notify.id, Outcome::Answered(481));
    assert!(b.subscriptions.is_empty());
    assert_eq!(b.subscriptions.deadline(), crate::clock::Tick::NEVER);
}

// RFC 6665 s4.2.2: what a subscriber did not take is told anew, as a whole
#[test]
fn after_a_failed_notify_everything_is_told() {
    let b = bench();
    b.register("sip:a@192.0.2.7", 600, 0);
    b.subscribe("t1", 600, 0).unwrap();
    b.told();
    b.register("sip:b@192.0.2.8", 600, 0);
    b.wait(5);
    let notify = b.due().unwrap();
    b.subscriptions.settle(notify.id, Outcome::Answered(500));
    b.register("sip:c@192.0.2.9", 600, 0);
    b.wait(5);
    let (_, state, contacts) = says(&b.told());
    assert_eq!((state.as_str(), contacts.len()), ("full", 3));
}

#[test]
fn a_person_who_may_not_be_here_any_more_is_told_so_and_no_more() {
    let b = bench();
    b.subscribe("t1", 600, 0).unwrap();
    b.subscribe("t2", 600, 0).unwrap();
    for _ in 0..2 {
        b.told();
    }
    let device = DeviceKey::Credential("t1".to_owned());
    b.subscriptions.end(AOR, Some(&device), EndReason::Rejected);
    assert_eq!(b.told().state, NotifyState::Terminated(EndReason::Rejected));
    assert_eq!(b.subscriptions.len(), 1);
    b.subscriptions.end(AOR, None, EndReason::NoResource);
    assert_eq!(b.told().state, NotifyState::Terminated(EndReason::NoResource));
    assert!(b.subscriptions.is_empty());
}

// Decision 20
#[test]
fn after_a_restart_all_is_told_and_no_number_goes_back() {
    let b = bench();
    b.register("sip:a@192.0.2.7", 600, 0);
    b.subscribe("t1", 3_600, 0).unwrap();
    b.subscribe("t2", 3_600, 9).unwrap();
    for _ in 0..2 {
        b.told();
    }
    let mut last = None;
    for cseq in 2..100 {
        b.refresh("t1", 3_600).unwrap();
        let notify = b.told();
        assert_eq!(notify.dialog.local_cseq, cseq);
        last = Some(notify);
    }
    let last = last.unwrap();
    b.store.flush().wait().unwrap();
    let again = bench_on(Arc::clone(&b.store));
    assert_eq!(again.subscriptions.len(), 2);
    again.wait(30);
    let notify = again.told();
    assert!(notify.dialog.local_cseq > last.dialog.local_cseq);
    assert!(says(&notify).0 > says(&last).0);
    assert_eq!(says(&notify).1, "full");
    assert_eq!(&**notify.dialog.local_tag(), "t1");
    // What has ended does not come back.
    again.cseq.set(b.cseq.get());
    again.refresh("t1", 0).unwrap();
    again.told();
    // The device of the other one does not come back.
    again.wait(30);
    assert!(again.due().is_none());
    again.store.flush().wait().unwrap();
    assert!(bench_on(Arc::clone(&again.store)).subscriptions.is_empty());
}

// Decision 20, RFC 6665 s4.2.1.3: the numbers that a start reserves are on the disk only after the
// first of them are used; a second start before that begins above them all the same
#[test]
fn no_number_goes_back_where_starts_follow_each_other_faster_than_the_disk() {
    let b = bench();
    b.subscribe("t1", 3_600, 0).unwrap();
    let mut last = b.told();
    b.store.flush().wait().unwrap();
    let kept = crate::store::rows(&*b.store, Table::Subscriptions, &[]).next().unwrap().unwrap();
    for _ in 0..3 {
        let again = bench_on(Arc::clone(&b.store));
        again.wait(30);
        let notify = again.told();
        assert!(notify.dialog.local_cseq > last.dialog.local_cseq);
        assert!(says(&notify).0 > says(&last).0);
        last = notify;
        // The process is killed before what it reserved is written.
        let before = Commit::new().put(Table::Subscriptions, &kept.0, &*kept.1);
        b.store.commit_blocking(before).unwrap();
    }
}

#[test]
fn the_bell_rings_for_a_deadline_that_is_earlier() {
    let b = bench();
    let (sender, heard) = std::sync::mpsc::channel();
    b.subscriptions.ring(move |deadline| {
        let _ = sender.send(deadline);
    });
    b.subscribe("t1", 600, 0).unwrap();
    assert_eq!(heard.try_recv(), Ok(crate::clock::Tick::ZERO));
    b.told();
    b.register("sip:a@192.0.2.7", 600, 0);
    assert_eq!(heard.try_iter().last(), Some(crate::clock::Tick::from_secs(5)));
}

#[test]
fn what_is_stored_of_a_person_is_erased_with_the_person() {
    let b = bench();
    b.subscribe("t1", 600, 0).unwrap();
    b.subscribe("t2", 600, 0).unwrap();
    b.store.flush().wait().unwrap();
    let device = DeviceKey::Credential("t1".to_owned());
    b.store.commit_blocking(erasure(&*b.store, AOR, Some(&device)).unwrap()).unwrap();
    assert_eq!(bench_on(Arc::clone(&b.store)).subscriptions.len(), 1);
    b.store.commit_blocking(erasure(&*b.store, AOR, None).unwrap()).unwrap();
    assert!(bench_on(Arc::clone(&b.store)).subscriptions.is_empty());
}
