//! Presence and who watches it, on a virtual clock.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::payload::pres_rules::Handling;
use crate::payload::watcherinfo::{Document, Event, Status};
use crate::presence::PublishRequest;
use crate::presence::testing::{Condition, Place};

impl Bench {
    /// Somebody watches alice.
    fn watch(&self, watcher: &str, tag: &str, expires: u32) -> Result<Granted, Refusal> {
        self.ask(Package::Presence, watcher, tag, expires)
    }

    fn ask(
        &self,
        package: Package,
        watcher: &str,
        tag: &str,
        expires: u32,
    ) -> Result<Granted, Refusal> {
        with_subscribe(self.next(), "", expires, |message| {
            self.subscriptions.begin(SubscribeRequest {
                message,
                resource: AOR,
                watcher,
                package,
                event_id: None,
                flow: flow(0),
                bound: false,
                device: None,
                tag: tag.to_owned(),
            })
        })
    }

    fn publish(&self, note: &str) {
        publish(&self.presence, note);
    }

    /// Who of these watches by a rule of alice's, and gets what.
    fn rule(&self, watchers: &[&str], handling: &str) {
        put_rule(&self.documents, watchers, handling);
    }

    /// The list of watchers that is due, and its version.
    fn list(&self) -> (u32, bool, Vec<(String, Status, Event)>) {
        let document = Document::read(&self.told().body).unwrap();
        let watchers = document.lists.into_iter().flat_map(|list| list.watchers);
        let watchers = watchers.map(|one| (one.uri, one.status, one.event)).collect();
        (document.version, document.full, watchers)
    }
}

fn put_rule(documents: &Documents, watchers: &[&str], handling: &str) {
    let ones: String =
        watchers.iter().map(|watcher| format!("<one id=\"sip:{watcher}\"/>")).collect();
    let rules = format!(
        "<ruleset xmlns=\"urn:ietf:params:xml:ns:common-policy\"><rule id=\"r\"><conditions>\
         <identity>{ones}</identity></conditions><actions><sub-handling \
         xmlns=\"urn:ietf:params:xml:ns:pres-rules\">{handling}</sub-handling></actions>\
         <transformations/></rule></ruleset>"
    );
    let place = Place { owner: AOR, auid: crate::presence::RULES, path: "index" };
    let put = documents.put(&place, "x/y", rules.as_bytes(), Condition::Any);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(put).unwrap();
}

fn publish(presence: &Presence, note: &str) {
    let document = format!(
        "<presence xmlns=\"urn:ietf:params:xml:ns:pidf\" entity=\"sip:{AOR}\"><tuple id=\"t\">\
         <status><basic>open</basic></status><note>{note}</note></tuple></presence>"
    );
    let request = PublishRequest {
        aor: AOR,
        uri: b"",
        etag: None,
        expires: None,
        body: Some(document.as_bytes()),
        device: DeviceKey::Anonymous,
    };
    presence.publish(&request).unwrap();
}

fn one(user: &str, status: Status, event: Event) -> (String, Status, Event) {
    (format!("sip:{user}@campus.example"), status, event)
}

const BOB: &str = "bob@campus.example";
const EVA: &str = "eva@campus.example";

// RFC 3903 s6, RFC 6665 s4.4.1: whichever threads publish and ask, of two NOTIFYs the one with the
// higher number has the later state
#[test]
fn the_order_of_states_is_the_order_of_numbers_with_several_threads() {
    let rules = crate::presence::Settings {
        default_policy: Handling::Allow,
        ..crate::presence::Settings::default()
    };
    let b = bench_with(crate::store::memory(), rules, Duration::ZERO);
    for (tag, watcher) in [("t1", BOB), ("t2", EVA)] {
        b.watch(watcher, tag, 3_600).unwrap();
    }
    let (subscriptions, presence, registrar) = (&b.subscriptions, &b.presence, &b.registrar);
    let done = AtomicBool::new(false);
    let now = b.clock.now();
    let told: Vec<(String, u32, u64)> = std::thread::scope(|scope| {
        let asks = || {
            let mut told = Vec::new();
            loop {
                let over = done.load(Ordering::Acquire);
                let row = |aor: &str| registrar.lookup(aor);
                while let Some(notify) = subscriptions.due(now, row, &|_| true) {
                    let body = std::str::from_utf8(&notify.body).unwrap();
                    let note = body.split("<note>").nth(1).and_then(|rest| rest.split('<').next());
                    let state = note.and_then(|note| note.parse().ok()).unwrap_or(0);
                    told.push((
                        notify.dialog.local_tag().to_string(),
                        notify.dialog.local_cseq,
                        state,
                    ));
                    subscriptions.settle(notify.id, Outcome::Answered(200));
                }
                if over {
                    return told;
                }
            }
        };
        let askers: Vec<_> = (0..3).map(|_| scope.spawn(asks)).collect();
        for number in 1..=300 {
            publish(presence, &number.to_string());
        }
        done.store(true, Ordering::Release);
        askers.into_iter().flat_map(|asker| asker.join().unwrap()).collect()
    });
    let mut of: HashMap<&str, Vec<(u32, u64)>> = HashMap::new();
    for (tag, cseq, state) in &told {
        of.entry(tag).or_default().push((*cseq, *state));
    }
    assert_eq!(of.len(), 2);
    for (tag, mut notifies) in of {
        notifies.sort_unstable();
        assert!(notifies.windows(2).all(|two| two[0].0 + 1 == two[1].0), "{tag}: {notifies:?}");
        assert!(notifies.windows(2).all(|two| two[0].1 <= two[1].1), "{tag}: {notifies:?}");
        assert_eq!(notifies.last().map(|last| last.1), Some(300), "{tag}");
    }
}

// A change that leaves what the watcher sees as it was is none to him
#[test]
fn what_a_watcher_may_not_see_is_not_told_by_a_notify_either() {
    let b = bench();
    b.rule(&[BOB], "allow");
    b.watch(BOB, "t1", 3_600).unwrap();
    b.told();
    b.publish("busy");
    b.wait(5);
    // The rule shows no service, and there was none to show before.
    if let Some(notify) = b.due() {
        assert!(!String::from_utf8_lossy(&notify.body).contains("busy"));
        b.subscriptions.settle(notify.id, Outcome::Answered(200));
    }
    b.publish("away");
    b.wait(5);
    assert!(b.due().is_none());
}

// RFC 3857 s4.7.1, RFC 3858 s3.3
#[test]
fn a_person_is_told_of_each_watcher_what_became_of_him_last() {
    let b = bench();
    b.watch(BOB, "t1", 3_600).unwrap();
    b.told();
    b.ask(Package::Watchers, AOR, "w1", 3_600).unwrap();
    assert_eq!(b.list(), (0, true, vec![one("bob", Status::Pending, Event::Subscribe)]));
    b.watch(EVA, "t2", 3_600).unwrap();
    b.told();
    b.rule(&[BOB, EVA], "allow");
    b.told();
    b.told();
    b.rule(&[EVA], "allow");
    // Paced, and of each the last: bob is pending again, having been approved in between.
    assert_eq!(b.told().state.to_string(), "pending;expires=3600");
    assert!(b.due().is_none());
    b.wait(5);
    let (version, full, mut watchers) = b.list();
    watchers.sort_by(|a, b| a.0.cmp(&b.0));
    let last = [
        one("bob", Status::Pending, Event::Subscribe),
        one("eva", Status::Active, Event::Approved),
    ];
    assert_eq!((version, full, &*watchers), (1, false, &last[..]));
}

// RFC 3857 s4.7.1: giveup
#[test]
fn a_question_waits_for_an_answer_as_long_as_it_may() {
    let b = bench();
    b.watch(BOB, "t1", 60).unwrap();
    b.told();
    b.wait(60);
    b.told();
    let waiting = |b: &Bench| {
        let watchers = b.subscriptions.watchers(AOR);
        watchers.into_iter().map(|one| (one.status, one.event)).collect::<Vec<_>>()
    };
    assert_eq!(waiting(&b), [(Status::Waiting, Event::Timeout)]);
    b.store.flush().wait().unwrap();
    let again = bench_on(Arc::clone(&b.store));
    assert_eq!(waiting(&again), [(Status::Waiting, Event::Timeout)], "a restart keeps it");
    b.ask(Package::Watchers, AOR, "w1", 86_400).unwrap();
    b.list();
    // The clock of the test stands still for nobody: 14 days.
    b.hands.set_wall(b.clock.wall() + Duration::from_secs(14 * 86_400));
    b.subscriptions.sweep();
    b.wait(5);
    assert_eq!(b.list().2, [one("bob", Status::Terminated, Event::Giveup)]);
    assert_eq!(waiting(&b), []);
    b.store.flush().wait().unwrap();
    assert_eq!(waiting(&bench_on(Arc::clone(&b.store))), []);
}

#[test]
fn too_many_who_wait_give_up_the_one_who_waits_longest() {
    let b = bench();
    for number in 0..4 {
        let watcher = format!("u{number}@campus.example");
        b.watch(&watcher, &format!("t{number}"), 0).unwrap();
        b.told();
    }
    let waits: Vec<String> = b.subscriptions.watchers(AOR).into_iter().map(|one| one.uri).collect();
    let last = ["sip:u1@campus.example", "sip:u2@campus.example", "sip:u3@campus.example"];
    assert_eq!(waits, last);
}

// RFC 6665 s4.2.2, RFC 5025 s3.2.1: who was blocked at the door never was there
#[test]
fn nobody_hears_of_a_watcher_who_is_blocked() {
    let b = bench();
    b.rule(&[BOB], "block");
    b.ask(Package::Watchers, AOR, "w1", 3_600).unwrap();
    assert_eq!(b.list().2, []);
    b.watch(BOB, "t1", 3_600).unwrap();
    let last = b.told();
    assert_eq!(last.state, NotifyState::Terminated(EndReason::Rejected));
    assert!(last.body.is_empty());
    b.wait(5);
    assert!(b.due().is_none());
    assert_eq!(b.subscriptions.len(), 1);
}

#[test]
fn a_person_who_goes_is_told_to_his_watchers_and_his_own_subscriptions_end() {
    let b = bench();
    b.watch(BOB, "t1", 3_600).unwrap();
    b.ask(Package::Watchers, AOR, "w1", 3_600).unwrap();
    for _ in 0..2 {
        b.told();
    }
    b.subscriptions.end(AOR, None, EndReason::Rejected);
    let mut ends =
        [b.told(), b.told()].map(|last| (last.dialog.local_tag().to_string(), last.state));
    ends.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(
        ends,
        [
            ("t1".to_owned(), NotifyState::Terminated(EndReason::NoResource)),
            ("w1".to_owned(), NotifyState::Terminated(EndReason::Rejected)),
        ]
    );
    assert!(b.subscriptions.is_empty());
    assert_eq!(b.subscriptions.people(), Vec::<Box<str>>::new());
}

impl Bench {
    /// Somebody watches alice over a connection.
    fn watch_over(&self, watcher: &str, tag: &str, connection: u64) {
        self.watch_of(AOR, watcher, tag, connection);
    }

    fn watch_of(&self, resource: &str, watcher: &str, tag: &str, connection: u64) {
        let granted = with_subscribe(self.next(), "", 3_600, |message| {
            self.subscriptions.begin(SubscribeRequest {
                message,
                resource,
                watcher,
                package: Package::Presence,
                event_id: None,
                flow: flow(connection),
                bound: true,
                device: Some(DeviceKey::Credential(tag.to_owned())),
                tag: tag.to_owned(),
            })
        });
        granted.unwrap();
    }

    /// The process ends and begins anew on what the store has.
    fn restarted(&self) -> Bench {
        self.store.flush().wait().unwrap();
        bench_on(Arc::clone(&self.store))
    }
}

// RFC 6665 s4.4.1, decision 20: its device comes back after the grace and is told to ask anew
#[test]
fn a_device_that_comes_back_too_late_is_told_that_its_subscription_is_over() {
    let b = bench();
    b.watch_over(AOR, "t1", 7);
    let before = b.told();
    let b = b.restarted();
    b.wait(60);
    assert!(b.due().is_none(), "there is nobody to tell");
    assert!(b.subscriptions.is_empty(), "it holds no place");
    b.register_as("t2", 8);
    assert!(b.due().is_none(), "another device");
    b.register_as("t1", 9);
    let last = b.told();
    assert_eq!(last.state, NotifyState::Terminated(EndReason::Deactivated));
    assert_eq!(last.flow.connection, ConnectionId(9));
    assert!(last.body.is_empty());
    assert_eq!(last.dialog.call_id(), before.dialog.call_id());
    assert!(last.dialog.local_cseq > before.dialog.local_cseq);
    assert!(b.subscriptions.is_empty());
    b.register_as("t1", 10);
    assert!(b.due().is_none(), "once");
    assert!(b.restarted().subscriptions.is_empty());
}

#[test]
fn a_device_that_comes_back_in_time_is_told_the_state_over_its_new_connection() {
    let b = bench();
    b.watch_over(AOR, "t1", 7);
    b.told();
    let b = b.restarted();
    b.wait(59);
    b.register_as("t1", 9);
    let told = b.told();
    assert!(matches!(told.state, NotifyState::Active(_)), "{:?}", told.state);
    assert_eq!(told.flow.connection, ConnectionId(9));
    assert!(!told.body.is_empty());
}

#[test]
fn a_subscription_whose_time_ran_out_meanwhile_is_not_told_of() {
    let b = bench();
    b.watch_over(AOR, "t1", 7);
    b.told();
    let b = b.restarted();
    b.wait(60);
    assert!(b.due().is_none());
    b.wait(3_600);
    b.subscriptions.sweep();
    b.register_as("t1", 9);
    assert!(b.due().is_none());
}

// RFC 3857 s4.7.1: the question of a watcher whom a restart cut off is still there
#[test]
fn a_restart_takes_no_question_away() {
    let b = bench();
    b.watch_over(BOB, "t1", 7);
    b.told();
    let b = b.restarted();
    b.wait(60);
    assert!(b.due().is_none());
    let watchers = b.subscriptions.watchers(AOR);
    let watchers: Vec<_> = watchers.into_iter().map(|one| (one.uri, one.status)).collect();
    assert_eq!(watchers, [(format!("sip:{BOB}"), Status::Waiting)]);
}

fn with_policy(store: Arc<dyn Store>, default_policy: Handling) -> Bench {
    let rules =
        crate::presence::Settings { default_policy, ..crate::presence::Settings::default() };
    bench_with(store, rules, Duration::ZERO)
}

// RFC 5025 s3.2.1, decision 18d: what the institution decides between two starts ends what stood
#[test]
fn who_is_blocked_when_the_server_starts_is_told_that_it_is_over() {
    let b = with_policy(crate::store::memory(), Handling::Allow);
    b.watch(BOB, "t1", 3_600).unwrap();
    b.watch_of(EVA, AOR, "t2", 7);
    b.told();
    b.told();
    b.store.flush().wait().unwrap();
    let b = with_policy(Arc::clone(&b.store), Handling::Block);
    b.wait(30);
    let last = b.told();
    assert_eq!(last.state, NotifyState::Terminated(EndReason::Rejected));
    assert!(last.body.is_empty());
    // Who was cut off is told when his device is there.
    assert!(b.due().is_none());
    assert!(b.subscriptions.watchers(EVA).is_empty(), "he watches no longer");
    b.register_as("t2", 9);
    let last = b.told();
    assert_eq!(last.state, NotifyState::Terminated(EndReason::Rejected));
    assert_eq!(last.flow.connection, ConnectionId(9));
    assert!(b.subscriptions.is_empty());
    assert!(b.restarted().subscriptions.is_empty());
}

// RFC 5025 s3.2.1: nor does a power cut between a rule and its telling leave him where he was
#[test]
fn who_is_blocked_is_told_so_though_the_process_is_killed_before() {
    let b = bench();
    b.rule(&[BOB], "allow");
    b.watch(BOB, "t1", 3_600).unwrap();
    b.told();
    b.rule(&[BOB], "block");
    let b = b.restarted();
    b.wait(30);
    assert_eq!(b.told().state, NotifyState::Terminated(EndReason::Rejected));
    assert!(b.restarted().subscriptions.is_empty());
}

// RFC 3857 s4.7.1: a rule that is written while no server runs answers as well
#[test]
fn a_question_that_is_answered_while_no_server_runs_waits_no_longer() {
    let b = bench();
    for (watcher, tag) in [(BOB, "t1"), (EVA, "t2")] {
        b.watch(watcher, tag, 60).unwrap();
        b.told();
    }
    b.wait(60);
    b.told();
    b.told();
    let (presence, documents) = crate::presence::testing::over(
        crate::presence::Settings::default(),
        &b.clock,
        &b.store,
        &b.registrar,
    );
    documents.observe(presence);
    put_rule(&documents, &[BOB], "allow");
    let waiting = |b: &Bench| {
        let watchers = b.subscriptions.watchers(AOR);
        watchers.into_iter().map(|one| one.uri).collect::<Vec<_>>()
    };
    let b = b.restarted();
    assert_eq!(waiting(&b), [format!("sip:{EVA}")]);
    put_rule(&b.documents, &[], "allow");
    assert_eq!(waiting(&b.restarted()), [format!("sip:{EVA}")], "nor does he come back");
}

// RFC 3261 s8.2.2.2: the tag follows from Call-ID and branch, which others may have seen
#[test]
fn a_dialog_that_is_there_is_not_begun_by_somebody_else() {
    let b = bench();
    b.watch(BOB, "t1", 3_600).unwrap();
    assert_eq!(b.watch(EVA, "t1", 3_600), Err(Refusal::Twice));
    b.told();
    let event = EventHeader::parse(b"presence").unwrap();
    let refreshed = with_subscribe(b.next(), ";tag=t1", 3_600, |message| {
        b.subscriptions.refresh(message, BOB, &event, (flow(0), false))
    });
    assert_eq!(refreshed, Ok(Granted { expires: 3_600 }));
}

// RFC 3858 s3: the display name is the watcher's own choice
#[test]
fn the_name_of_a_watcher_is_told_without_what_would_deceive() {
    let b = bench();
    let name = format!("\u{202e}rotceR\u{2069}{}", "x".repeat(4_000));
    let text = with_name(b.next(), &name);
    let mut layout = Layout::default();
    scan(text.as_bytes(), Framing::Stream, &Limits::default(), &mut layout).unwrap();
    let message = Message::new(text.as_bytes(), &layout);
    let request = SubscribeRequest {
        message: &message,
        resource: AOR,
        watcher: BOB,
        package: Package::Presence,
        event_id: None,
        flow: flow(0),
        bound: false,
        device: None,
        tag: "t1".to_owned(),
    };
    b.subscriptions.begin(request).unwrap();
    let watchers = b.subscriptions.watchers(AOR);
    let told = watchers[0].display_name.as_deref().unwrap();
    assert!(told.starts_with("rotceRxxx"), "{told}");
    assert_eq!(told.chars().count(), 128);
}

fn with_name(cseq: u32, name: &str) -> String {
    format!(
        "SUBSCRIBE sip:{AOR} SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK1\r\n\
         From: \"{name}\" <sip:{BOB}>;tag=f\r\nTo: <sip:{AOR}>\r\nCall-ID: c\r\n\
         CSeq: {cseq} SUBSCRIBE\r\nContact: <sip:bob@192.0.2.7>\r\nContent-Length: 0\r\n\r\n"
    )
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

    // RFC 6665 s4.2.1.1, s4.2.1.4, s4.2.2: never longer than asked, and each NOTIFY says what is
    // left, or that it is over
    #[test]
    fn no_expiry_is_longer_than_asked_and_every_notify_says_what_is_left(
        wish in 0u32..200_000, wait in 0u64..100_000, again in 0u32..200_000,
    ) {
        let b = bench();
        let granted = match b.watch(AOR, "t1", wish) {
            Err(refusal) => {
                proptest::prop_assert_eq!(refusal, Refusal::TooBrief);
                proptest::prop_assert!((1..60).contains(&wish));
                return Ok(());
            }
            Ok(granted) => granted.expires,
        };
        proptest::prop_assert!(granted <= wish);
        let says = |notify: &Notify, granted: u32| match notify.state {
            NotifyState::Active(left) => left == u64::from(granted) && granted > 0,
            state => granted == 0 && state == NotifyState::Terminated(EndReason::Timeout),
        };
        proptest::prop_assert!(says(&b.told(), granted));
        if granted == 0 {
            return Ok(());
        }
        b.wait(wait);
        if wait >= u64::from(granted) {
            proptest::prop_assert!(says(&b.told(), 0));
            proptest::prop_assert!(b.subscriptions.is_empty());
            return Ok(());
        }
        proptest::prop_assert!(b.due().is_none());
        let event = EventHeader::parse(b"presence").unwrap();
        let refreshed = with_subscribe(b.next(), ";tag=t1", again, |message| {
            b.subscriptions.refresh(message, AOR, &event, (flow(0), false))
        });
        match refreshed {
            Err(refusal) => proptest::prop_assert_eq!(refusal, Refusal::TooBrief),
            Ok(refreshed) => {
                proptest::prop_assert!(refreshed.expires <= again);
                proptest::prop_assert!(says(&b.told(), refreshed.expires));
            }
        }
    }
}
