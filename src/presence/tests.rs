use std::sync::{Arc, Mutex};
use std::time::Duration;

use smallvec::SmallVec;

use super::*;
use crate::clock::{Clock, ManualClock, WallTime};
use crate::documents::{self, Documents};
use crate::model::DeviceKey;
use crate::payload::pres_rules::{Handling, Permissions, Shape, transform};
use crate::registrar::{ContactRequest, Contacts, RegisterRequest, Registrar, Supported};
use crate::sip::{ConnectionId, Flow, Transport};
use crate::store::Store;

const AOR: &str = "alice@campus.example";
const BOB: &str = "bob@campus.example";

#[derive(Default)]
struct Heard(Mutex<Vec<String>>);

impl Observer for Heard {
    fn presence_changed(&self, aor: &str) {
        self.0.lock().unwrap().push(format!("presence {aor}"));
    }
    fn rules_changed(&self, aor: &str) {
        self.0.lock().unwrap().push(format!("rules {aor}"));
    }
}

struct Bench {
    presence: Arc<Presence>,
    registrar: Arc<Registrar>,
    documents: Arc<Documents>,
    hands: ManualClock,
    store: Arc<dyn Store>,
    heard: Arc<Heard>,
}

fn bench() -> Bench {
    bench_on(crate::store::memory(), Settings::default())
}

fn bench_on(store: Arc<dyn Store>, settings: Settings) -> Bench {
    let (clock, hands) = Clock::manual(WallTime::from_unix_secs(1_700_000_000));
    let registrar = Registrar::open(
        crate::registrar::Settings {
            min_expires: Duration::from_secs(60),
            default_expires: Duration::from_secs(600),
            max_expires: Duration::from_secs(3_600),
            max_contacts: 10,
            device_memory: Duration::from_secs(14 * 86_400),
            own_addresses: vec![],
            own_names: vec![],
        },
        clock.clone(),
        Arc::clone(&store),
    );
    let registrar = Arc::new(registrar.unwrap());
    let (presence, documents) = testing::over(settings, &clock, &store, &registrar);
    let heard = Arc::new(Heard::default());
    registrar.observe(presence.clone());
    documents.observe(presence.clone());
    presence.observe(heard.clone());
    Bench { presence, registrar, documents, hands, store, heard }
}

fn document(basic: &str, note: &str) -> String {
    format!(
        "<presence xmlns=\"urn:ietf:params:xml:ns:pidf\" entity=\"sip:{AOR}\"><tuple id=\"t\">\
         <status><basic>{basic}</basic></status><note>{note}</note></tuple></presence>"
    )
}

impl Bench {
    fn publish(
        &self,
        device: &DeviceKey,
        etag: Option<&str>,
        body: Option<&str>,
        expires: Option<u32>,
    ) -> Result<Published, Refusal> {
        self.presence.publish(&PublishRequest {
            aor: AOR,
            uri: b"",
            etag,
            expires,
            body: body.map(str::as_bytes),
            device: device.clone(),
        })
    }

    fn first(&self, device: &DeviceKey, note: &str) -> Published {
        self.publish(device, None, Some(&document("open", note)), None).unwrap()
    }

    fn register(&self, instance: &str, expires: u32, connection: u64) {
        let uri = format!("sip:alice@192.0.2.7;transport=tcp;x={}", instance.len());
        let contact = ContactRequest {
            uri: uri.as_bytes(),
            expires: Some(expires),
            q: 1_000,
            instance: Some(instance),
            reg_id: None,
            params: String::new(),
        };
        let request = RegisterRequest {
            aor: AOR,
            call_id: instance.as_bytes(),
            cseq: u32::try_from(crate::entropy::below(1 << 30)).unwrap(),
            contacts: Contacts::List(SmallVec::from_vec(vec![contact])),
            expires: None,
            flow: Flow {
                transport: Transport::Tcp,
                local: "192.0.2.1:5060".parse().unwrap(),
                remote: "192.0.2.7:5060".parse().unwrap(),
                connection: ConnectionId(connection),
            },
            is_first_hop: true,
            supported: Supported::default(),
            path: SmallVec::new(),
            credential: None,
            user_agent: None,
        };
        self.registrar.register(&request).unwrap();
    }

    fn wait(&self, seconds: u64) {
        self.hands.advance(Duration::from_secs(seconds));
        self.registrar.sweep();
        self.presence.sweep();
    }

    fn sees(&self) -> String {
        let composed = self.presence.compose(AOR);
        let bytes = transform(&composed, &Permissions::everything(), Shape::Rich);
        String::from_utf8(bytes).unwrap()
    }

    fn heard(&self) -> Vec<String> {
        std::mem::take(&mut self.heard.0.lock().unwrap())
    }

    fn handling(&self) -> Handling {
        self.presence.authorise(AOR, BOB).handling
    }

    fn rules(&self, rules: &str) {
        let place = documents::Place { owner: AOR, auid: RULES, path: "index" };
        let put = self.documents.put(&place, "x/y", rules.as_bytes(), documents::Condition::Any);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(put).unwrap();
    }
}

fn instance(number: u8) -> DeviceKey {
    DeviceKey::Instance(format!("<urn:uuid:{number}>"))
}

fn ruleset(more: &str, handling: &str) -> String {
    format!(
        "<ruleset xmlns=\"urn:ietf:params:xml:ns:common-policy\"><rule id=\"r\"><conditions>\
         <identity><one id=\"sip:{BOB}\"/></identity>{more}</conditions><actions><sub-handling \
         xmlns=\"urn:ietf:params:xml:ns:pres-rules\">{handling}</sub-handling></actions>\
         <transformations/></rule></ruleset>"
    )
}

// RFC 3903 s6 step 6
#[test]
fn no_entity_tag_is_given_twice() {
    let b = bench();
    let mut etag = b.first(&instance(1), "1").etag;
    let mut seen = vec![etag.clone()];
    for number in 0..50 {
        let body = document("open", &number.to_string());
        let body = (number % 2 == 0).then_some(body);
        etag = b.publish(&instance(1), Some(&etag), body.as_deref(), None).unwrap().etag;
        assert!(!seen.contains(&etag));
        seen.push(etag.clone());
    }
    assert_eq!(b.presence.len(), 1);
}

// RFC 3903 s6: "processed either completely or not at all"; of two with one tag one wins
#[test]
fn of_two_publications_with_one_tag_at_the_same_time_one_is_taken() {
    let b = bench();
    for _ in 0..50 {
        let etag = b.first(&instance(1), "0").etag;
        let presence = &b.presence;
        let taken: usize = std::thread::scope(|scope| {
            let one = |note: &'static str| {
                let (etag, body) = (etag.clone(), document("open", note));
                scope.spawn(move || {
                    let request = PublishRequest {
                        aor: AOR,
                        uri: b"",
                        etag: Some(&etag),
                        expires: None,
                        body: Some(body.as_bytes()),
                        device: instance(1),
                    };
                    match presence.publish(&request) {
                        Ok(_) => 1,
                        Err(refusal) => {
                            assert_eq!(refusal, Refusal::NoMatch);
                            0
                        }
                    }
                })
            };
            let two = [one("a"), one("b")];
            two.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(taken, 1);
        assert_eq!(b.presence.len(), 1);
    }
}

#[test]
fn a_refresh_and_the_same_words_again_are_no_news() {
    let b = bench();
    let etag = b.first(&instance(1), "busy").etag;
    assert_eq!(b.heard(), [format!("presence {AOR}")]);
    let changed = b.presence.publications(AOR)[0].changed;
    b.wait(10);
    let etag = b.publish(&instance(1), Some(&etag), None, None).unwrap().etag;
    let same = document("open", "busy");
    let etag = b.publish(&instance(1), Some(&etag), Some(&same), None).unwrap().etag;
    assert_eq!(b.heard(), Vec::<String>::new());
    assert_eq!(b.presence.publications(AOR)[0].changed, changed, "newest by what it says");
    b.publish(&instance(1), Some(&etag), Some(&document("open", "away")), None).unwrap();
    assert_eq!(b.heard(), [format!("presence {AOR}")]);
}

// RFC 3903 s6 step 4, decision 18b
#[test]
fn a_publication_ends_by_its_expiry() {
    let b = bench();
    assert_eq!(b.publish(&instance(1), None, None, None), Err(Refusal::Nothing));
    let body = document("open", "busy");
    assert_eq!(b.publish(&instance(1), None, Some(&body), Some(59)), Err(Refusal::TooBrief));
    let granted = b.publish(&instance(1), None, Some(&body), Some(60)).unwrap();
    assert_eq!(granted.expires, 60);
    b.heard();
    b.wait(59);
    assert!(b.sees().contains("busy"));
    b.wait(1);
    assert!(!b.sees().contains("busy") && b.presence.is_empty());
    assert_eq!(b.heard(), [format!("presence {AOR}")]);
    let late = b.publish(&instance(1), Some(&granted.etag), None, None);
    assert_eq!(late, Err(Refusal::NoMatch));
}

// RFC 3903 s6: what ran out is gone for watchers too, whoever publishes at that moment
#[test]
fn a_refresh_by_another_device_hides_no_end() {
    let b = bench();
    b.rules(&ruleset("<sphere value=\"work\"/>", "allow"));
    let at_work = format!(
        "<presence xmlns=\"urn:ietf:params:xml:ns:pidf\" \
         xmlns:dm=\"urn:ietf:params:xml:ns:pidf:data-model\" \
         xmlns:rpid=\"urn:ietf:params:xml:ns:pidf:rpid\" entity=\"sip:{AOR}\">\
         <dm:person id=\"p\"><rpid:sphere>work</rpid:sphere></dm:person></presence>"
    );
    b.publish(&instance(1), None, Some(&at_work), Some(60)).unwrap();
    let etag = b.first(&instance(2), "busy").etag;
    assert_eq!(b.handling(), Handling::Allow);
    b.heard();
    b.hands.advance(Duration::from_secs(60));
    // The sweep has not come by yet.
    b.publish(&instance(2), Some(&etag), None, None).unwrap();
    assert_eq!(b.heard(), [format!("rules {AOR}"), format!("presence {AOR}")]);
    assert_eq!(b.handling(), Handling::Confirm);
    b.presence.sweep();
    assert_eq!(b.heard(), Vec::<String>::new());
}

// Decision 17
#[test]
fn a_publication_outlives_its_device_by_the_grace_unless_it_comes_back() {
    let b = bench();
    b.register("<urn:uuid:1>", 600, 5);
    b.first(&instance(1), "busy");
    b.registrar.connection_closed(ConnectionId(5));
    b.wait(59);
    assert!(b.sees().contains("busy"));
    b.register("<urn:uuid:1>", 600, 6);
    b.wait(120);
    assert!(b.sees().contains("busy"), "it came back in time");
    b.registrar.connection_closed(ConnectionId(6));
    b.wait(60);
    assert!(!b.sees().contains("busy"));
    // A device without a contact is ruled by Expires alone.
    b.first(&instance(2), "away");
    b.wait(3_599);
    assert!(b.sees().contains("away"));
    b.wait(1);
    assert!(b.presence.is_empty());
}

// Decision 18a
#[test]
fn a_device_has_one_publication_and_a_person_a_few() {
    let b = bench_on(crate::store::memory(), Settings { per_person: 2, ..Settings::default() });
    b.first(&instance(1), "one");
    b.first(&instance(1), "two");
    assert_eq!(b.presence.len(), 1);
    assert!(!b.sees().contains("one") && b.sees().contains("two"));
    b.first(&instance(2), "three");
    let fourth = b.publish(&instance(3), None, Some(&document("open", "")), None);
    assert_eq!(fourth, Err(Refusal::TooMany));
    b.presence.remove_device(AOR, &instance(1));
    b.first(&instance(3), "four");
    b.presence.remove(AOR);
    assert!(b.presence.is_empty());
}

// Decision 19
#[test]
fn publications_come_back_with_their_tags_and_a_device_that_is_gone_has_its_grace() {
    let b = bench();
    b.register("<urn:uuid:1>", 600, 5);
    b.first(&instance(1), "busy");
    let etag = b.first(&instance(2), "away").etag;
    b.first(&instance(3), "gone");
    b.presence.remove_device(AOR, &instance(3));
    b.store.flush().wait().unwrap();
    let again = bench_on(Arc::clone(&b.store), Settings::default());
    assert_eq!(again.presence.len(), 2);
    assert!(again.sees().contains("busy") && again.sees().contains("away"));
    again.wait(60);
    assert!(!again.sees().contains("busy"), "its connection went with the process");
    again.publish(&instance(2), Some(&etag), None, None).unwrap();
    // What has ended does not come back.
    again.presence.remove(AOR);
    again.store.flush().wait().unwrap();
    assert!(bench_on(Arc::clone(&again.store), Settings::default()).presence.is_empty());
}

// Decision 19: who starts, or looks into the store while no server runs, writes nothing
#[test]
fn a_start_writes_no_publication_anew() {
    let b = bench();
    b.first(&instance(1), "busy");
    b.first(&instance(2), "away");
    b.store.flush().wait().unwrap();
    let mut watch = b.store.watch();
    let again = bench_on(Arc::clone(&b.store), Settings::default());
    assert_eq!(again.presence.len(), 2);
    again.store.flush().wait().unwrap();
    assert!(watch.try_next().is_none(), "a row was written");
}

// RFC 4479 s3: a tag of a device is the same after a restart, and tells nothing of it
#[test]
fn the_name_of_a_device_in_documents_is_stable_and_says_nothing() {
    let one = device::tag(&[7; 32], AOR, &instance(1));
    assert_eq!(one, device::tag(&[7; 32], AOR, &instance(1)));
    for other in [
        device::tag(&[7; 32], AOR, &instance(2)),
        device::tag(&[7; 32], BOB, &instance(1)),
        device::tag(&[8; 32], AOR, &instance(1)),
    ] {
        assert_ne!(one, other);
    }
    assert_eq!(one.as_str().len(), 13);
}

// Decision 18: an instance names a device for good, also to somebody who is blocked later
#[test]
fn a_registered_device_is_told_of_without_its_instance() {
    let b = bench();
    b.register("<urn:uuid:f81d4fae-7dec>", 600, 5);
    let sees = b.sees();
    assert!(sees.contains("<basic>open</basic>"), "{sees}");
    assert!(sees.contains(&format!(">sip:{AOR}</contact>")), "{sees}");
    assert!(!sees.contains("f81d4fae"), "{sees}");
}

// Decision 15, RFC 5025 s3.2.1
#[test]
fn the_institution_decides_where_no_rule_of_the_person_does() {
    let policy = |group: &str, handling| GroupPolicy { group: group.to_owned(), handling };
    let settings = Settings {
        default_policy: Handling::Block,
        group_policy: vec![
            policy("Friends of Bob", Handling::Allow),
            policy("staff", Handling::Confirm),
        ],
        ..Settings::default()
    };
    let b = bench_on(crate::store::memory(), settings);
    assert_eq!(b.handling(), Handling::Allow);
    assert_eq!(b.presence.authorise(AOR, "eva@campus.example").handling, Handling::Confirm);
    assert_eq!(b.presence.authorise(AOR, AOR).handling, Handling::Allow);
    // Of whom nobody knows the groups yet: neither let in nor turned away.
    let newcomer = b.presence.authorise(AOR, "newcomer@campus.example").handling;
    assert_eq!(newcomer, Handling::Confirm);
    b.rules(&ruleset("", "polite-block"));
    assert_eq!(b.heard(), [format!("rules {AOR}"), format!("presence {AOR}")]);
    assert_eq!(b.handling(), Handling::PoliteBlock);
}

// RFC 4745 s7.3: a rule for a time begins and ends without anybody touching it
#[test]
fn rules_for_a_time_are_looked_at_again_when_it_comes() {
    let b = bench();
    // The clock stands at 2023-11-14T22:13:20Z.
    let validity = "<validity><from>2023-11-14T22:14:00Z</from>\
                    <until>2023-11-14T22:15:00Z</until></validity>";
    b.rules(&ruleset(validity, "allow"));
    assert_eq!(b.handling(), Handling::Confirm);
    b.heard();
    b.wait(39);
    assert_eq!(b.heard(), Vec::<String>::new());
    b.wait(1);
    assert!(b.heard().contains(&format!("rules {AOR}")));
    assert_eq!(b.handling(), Handling::Allow);
    b.wait(61);
    assert!(b.heard().contains(&format!("rules {AOR}")));
    assert_eq!(b.handling(), Handling::Confirm);
}

// RFC 5025 s3.1.2: a sphere that changes is a change of who may see what
#[test]
fn a_sphere_that_changes_changes_who_may_see() {
    let b = bench();
    b.rules(&ruleset("<sphere value=\"work\"/>", "allow"));
    assert_eq!(b.handling(), Handling::Confirm);
    b.heard();
    let at = |sphere: &str| {
        format!(
            "<presence xmlns=\"urn:ietf:params:xml:ns:pidf\" \
             xmlns:dm=\"urn:ietf:params:xml:ns:pidf:data-model\" \
             xmlns:rpid=\"urn:ietf:params:xml:ns:pidf:rpid\" entity=\"sip:{AOR}\">\
             <dm:person id=\"p\"><rpid:sphere>{sphere}</rpid:sphere></dm:person></presence>"
        )
    };
    let etag = b.publish(&instance(1), None, Some(&at("work")), None).unwrap().etag;
    assert_eq!(b.heard(), [format!("rules {AOR}"), format!("presence {AOR}")]);
    assert_eq!(b.handling(), Handling::Allow);
    b.publish(&instance(1), Some(&etag), Some(&at("home")), None).unwrap();
    assert_eq!(b.handling(), Handling::Confirm);
}

#[test]
fn what_is_published_is_erased_with_the_person_and_with_the_device() {
    let b = bench();
    b.first(&instance(1), "one");
    b.first(&instance(2), "two");
    b.store.flush().wait().unwrap();
    b.store.commit_blocking(erasure_of_device(AOR, &instance(1))).unwrap();
    let again = |b: &Bench| bench_on(Arc::clone(&b.store), Settings::default()).presence.len();
    assert_eq!(again(&b), 1);
    b.store.commit_blocking(erasure(&*b.store, AOR).unwrap()).unwrap();
    assert_eq!(again(&b), 0);
}

// A name that is given to somebody else takes no rules along
#[test]
fn the_rules_of_a_person_who_is_gone_are_forgotten() {
    let b = bench();
    b.rules(&ruleset("", "allow"));
    assert_eq!(b.handling(), Handling::Allow);
    b.store.commit_blocking(documents::erasure(&*b.store, AOR).unwrap()).unwrap();
    b.presence.remove(AOR);
    assert_eq!(b.handling(), Handling::Confirm);
}

// Decision 17: watchers hear of an end when it comes, so the end is known before
#[test]
fn what_ends_by_itself_says_when_and_rings_if_that_is_earlier_than_before() {
    let b = bench();
    let rings = Arc::new(Mutex::new(0));
    let count = Arc::clone(&rings);
    b.presence.ring(move || *count.lock().unwrap() += 1);
    let rung = || std::mem::take(&mut *rings.lock().unwrap());
    let at = |seconds| crate::clock::Tick::from_secs(seconds);
    assert_eq!(b.presence.deadline(), crate::clock::Tick::NEVER);
    b.publish(&instance(1), None, Some(&document("open", "")), Some(600)).unwrap();
    assert_eq!((b.presence.deadline(), rung()), (at(600), 1));
    b.publish(&instance(2), None, Some(&document("open", "")), Some(900)).unwrap();
    assert_eq!((b.presence.deadline(), rung()), (at(600), 0), "nothing is earlier");
    // A device that goes has its grace.
    b.register("<urn:uuid:1>", 600, 7);
    b.registrar.connection_closed(ConnectionId(7));
    assert_eq!((b.presence.deadline(), rung()), (at(60), 1));
    b.heard();
    b.hands.advance(Duration::from_secs(60));
    b.presence.sweep();
    assert_eq!(b.heard(), [format!("presence {AOR}")]);
    assert_eq!((b.presence.len(), b.presence.deadline()), (1, at(900)));
}

// RFC 4745 s7.3: a rule for a time is looked at when that comes, not at the next sweep
#[test]
fn a_rule_that_is_for_a_time_says_when_it_is_to_be_looked_at() {
    let b = bench();
    // The clock stands at 2023-11-14T22:13:20Z.
    let validity = "<validity><from>2023-11-14T22:14:00Z</from>\
                    <until>2023-11-14T22:15:00Z</until></validity>";
    b.rules(&ruleset(validity, "allow"));
    assert_eq!(b.handling(), Handling::Confirm);
    for (seconds, handling) in [(40, Handling::Allow), (60, Handling::Confirm)] {
        let next = b.presence.deadline();
        b.hands.advance(Duration::from_secs(seconds));
        assert_eq!(next, b.presence.parts.clock.now());
        b.presence.sweep();
        assert_eq!(b.handling(), handling);
    }
    assert_eq!(b.presence.deadline(), crate::clock::Tick::NEVER);
}

// Decision 18a: some clients publish first and register then
#[test]
fn a_device_that_published_before_it_registered_is_known_with_its_next_publish() {
    let b = bench();
    let etag = b.first(&DeviceKey::Anonymous, "here").etag;
    b.register("<urn:uuid:1>", 600, 7);
    assert_eq!(b.sees().matches("<tuple").count(), 2, "nobody knows yet that it is one device");
    b.heard();
    b.publish(&instance(1), Some(&etag), None, None).unwrap();
    assert_eq!(b.heard(), [format!("presence {AOR}")]);
    let sees = b.sees();
    assert_eq!(sees.matches("<tuple").count(), 1, "{sees}");
    assert!(sees.contains("here"), "{sees}");
    // So it ends with its device.
    b.registrar.connection_closed(ConnectionId(7));
    b.wait(60);
    assert!(b.presence.is_empty());
    b.store.flush().wait().unwrap();
    assert!(bench_on(Arc::clone(&b.store), Settings::default()).presence.is_empty());
}

#[test]
fn what_all_devices_publish_together_has_a_bound() {
    let b = bench();
    let long = "x".repeat(20 * 1024);
    let first = b.first(&instance(1), &long).etag;
    b.first(&instance(2), &long);
    let third = b.publish(&instance(3), None, Some(&document("open", &long)), None);
    assert_eq!(third, Err(Refusal::TooMuch));
    // What is replaced does not count.
    b.publish(&instance(1), Some(&first), Some(&document("closed", &long)), None).unwrap();
    b.first(&instance(2), "short");
    b.first(&instance(3), &long);
}

// RFC 3903 s6 step 1, RFC 3863 s4.1.1
#[test]
fn a_document_may_name_the_person_as_the_request_does() {
    let b = bench();
    let body = document("open", "").replace(AOR, "1001@192.0.2.1");
    let publish = |uri: &str| {
        b.presence.publish(&PublishRequest {
            aor: AOR,
            uri: uri.as_bytes(),
            etag: None,
            expires: None,
            body: Some(body.as_bytes()),
            device: instance(1),
        })
    };
    assert_eq!(publish("sip:alice@192.0.2.1"), Err(Refusal::NotYours));
    assert_eq!(publish("sip:1002@192.0.2.1"), Err(Refusal::NotYours));
    publish("sip:1001@192.0.2.1:5060").unwrap();
    assert!(b.sees().contains(&format!("entity=\"sip:{AOR}\"")), "watchers know one name");
}
