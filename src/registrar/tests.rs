mod outbound;

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use smallvec::SmallVec;

use super::*;
use crate::clock::{Clock, ManualClock, WallTime};
use crate::model::BindingRow;
use crate::model::DeviceKey;
use crate::sip::{ConnectionId, Flow, Transport};
use crate::store::Store;
use crate::store::Table;

const AOR: &str = "alice@campus.example";

struct Bench {
    registrar: Registrar,
    hands: ManualClock,
    clock: Clock,
    store: Arc<dyn Store>,
}

fn settings() -> Settings {
    Settings {
        min_expires: Duration::from_secs(60),
        default_expires: Duration::from_secs(600),
        max_expires: Duration::from_secs(3_600),
        max_contacts: 10,
        device_memory: Duration::from_secs(14 * 86_400),
        own_addresses: vec!["192.0.2.1:5060".parse().unwrap()],
        own_names: vec!["campus.example".to_owned()],
    }
}

fn bench() -> Bench {
    let (clock, hands) = Clock::manual(WallTime::from_unix_secs(1_700_000_000));
    let store: Arc<dyn Store> = crate::store::memory();
    let registrar = Registrar::open(settings(), clock.clone(), Arc::clone(&store)).unwrap();
    Bench { registrar, hands, clock, store }
}

fn flow(port: u16) -> Flow {
    Flow {
        transport: Transport::Udp,
        local: "192.0.2.1:5060".parse().unwrap(),
        remote: format!("192.0.2.7:{port}").parse().unwrap(),
        connection: ConnectionId::NONE,
    }
}

fn contact(uri: &'static str) -> ContactRequest<'static> {
    ContactRequest {
        uri: uri.as_bytes(),
        expires: None,
        q: 1_000,
        instance: None,
        reg_id: None,
        params: String::new(),
    }
}

fn request(
    call_id: &'static str,
    cseq: u32,
    contacts: Vec<ContactRequest<'static>>,
) -> RegisterRequest<'static> {
    RegisterRequest {
        aor: AOR,
        call_id: call_id.as_bytes(),
        cseq,
        contacts: Contacts::List(contacts.into()),
        expires: None,
        flow: flow(5060),
        is_first_hop: true,
        supported: Supported::default(),
        path: SmallVec::new(),
        credential: None,
        user_agent: None,
    }
}

fn star(call_id: &'static str, cseq: u32, expires: Option<u32>) -> RegisterRequest<'static> {
    RegisterRequest { contacts: Contacts::Star, expires, ..request(call_id, cseq, vec![]) }
}

fn live(bench: &Bench) -> Vec<String> {
    bench.registrar.lookup(AOR).map_or_else(Vec::new, |row| {
        row.live(bench.clock.now())
            .map(|binding| String::from_utf8_lossy(&binding.contact).into_owned())
            .collect()
    })
}

// RFC 3261 s10.3 step 7
#[test]
fn a_contact_is_added_renewed_and_removed() {
    let b = bench();
    b.registrar.register(&request("c1", 1, vec![contact("sip:a@192.0.2.7")])).unwrap();
    b.registrar.register(&request("c1", 2, vec![contact("sip:a@192.0.2.7")])).unwrap();
    assert_eq!(live(&b), ["sip:a@192.0.2.7"]);
    assert_eq!(b.registrar.len(), 1);
    let gone = ContactRequest { expires: Some(0), ..contact("sip:a@192.0.2.7") };
    b.registrar.register(&request("c1", 3, vec![gone])).unwrap();
    assert!(live(&b).is_empty());
    assert!(b.registrar.is_empty());
}

// RFC 3261 s10.3 step 6
#[test]
fn register_star_with_nonzero_expires_is_refused_and_changes_nothing() {
    let b = bench();
    b.registrar.register(&request("c1", 1, vec![contact("sip:a@192.0.2.7")])).unwrap();
    assert_eq!(b.registrar.register(&star("c1", 2, Some(5))).unwrap_err(), Refusal::BadStar);
    assert_eq!(b.registrar.register(&star("c1", 2, None)).unwrap_err(), Refusal::BadStar);
    assert_eq!(live(&b).len(), 1);
    b.registrar.register(&star("c1", 2, Some(0))).unwrap();
    assert!(live(&b).is_empty());
}

// RFC 3261 s10.3 step 7: same Call-ID, CSeq not higher
#[test]
fn an_older_cseq_of_the_same_call_id_is_refused() {
    let b = bench();
    b.registrar.register(&request("c1", 5, vec![contact("sip:a@192.0.2.7")])).unwrap();
    for cseq in [5, 4] {
        let refused = b.registrar.register(&request("c1", cseq, vec![contact("sip:a@192.0.2.7")]));
        assert_eq!(refused.unwrap_err(), Refusal::OutOfOrder);
        assert_eq!(
            b.registrar.register(&star("c1", cseq, Some(0))).unwrap_err(),
            Refusal::OutOfOrder
        );
    }
    b.registrar.register(&request("other", 1, vec![contact("sip:a@192.0.2.7")])).unwrap();
    assert_eq!(live(&b).len(), 1);
}

// RFC 3261 s10.3 step 7: all or nothing
#[test]
fn one_bad_contact_leaves_the_row_as_it_was() {
    let b = bench();
    let refused = b.registrar.register(&request(
        "c1",
        1,
        vec![contact("sip:a@192.0.2.7"), contact("sip:a@0.0.0.0")],
    ));
    assert!(matches!(refused.unwrap_err(), Refusal::Unreachable(Unreachable::NoSuchHost)));
    assert!(live(&b).is_empty());
}

// RFC 3261 s10.3 step 7
#[test]
fn an_interval_below_the_minimum_is_too_brief() {
    let b = bench();
    let brief = ContactRequest { expires: Some(59), ..contact("sip:a@192.0.2.7") };
    assert_eq!(
        b.registrar.register(&request("c1", 1, vec![brief])).unwrap_err(),
        Refusal::TooBrief { min_expires: 60 }
    );
}

#[test]
fn an_eleventh_contact_is_refused_and_a_renewal_is_not() {
    let b = bench();
    let uris: Vec<&'static str> = (0..11)
        .map(|n| &*Box::leak(format!("sip:a@192.0.2.7:{}", 6_000 + n).into_boxed_str()))
        .collect();
    for (n, uri) in uris[..10].iter().enumerate() {
        b.registrar.register(&request("c1", n as u32 + 1, vec![contact(uri)])).unwrap();
    }
    assert_eq!(
        b.registrar.register(&request("c1", 20, vec![contact(uris[10])])).unwrap_err(),
        Refusal::TooMany
    );
    b.registrar.register(&request("c1", 21, vec![contact(uris[3])])).unwrap();
    assert_eq!(live(&b).len(), 10);
}

#[test]
fn contacts_run_out_by_monotonic_time_only() {
    let b = bench();
    b.registrar.register(&request("c1", 1, vec![contact("sip:a@192.0.2.7")])).unwrap();
    b.hands.set_wall(WallTime::from_unix_secs(2_000_000_000));
    b.registrar.sweep();
    assert_eq!(live(&b).len(), 1);
    b.hands.advance(Duration::from_secs(601));
    assert!(live(&b).is_empty());
    b.registrar.sweep();
    assert!(b.registrar.is_empty());
}

#[test]
fn a_restart_keeps_bindings_and_drops_those_of_connections() {
    let b = bench();
    b.registrar.register(&request("c1", 1, vec![contact("sip:a@192.0.2.7")])).unwrap();
    let tcp = Flow { transport: Transport::Tcp, connection: ConnectionId(7), ..flow(40_000) };
    let mut over_tcp = request("c2", 1, vec![contact("sip:x@b.invalid;transport=ws")]);
    over_tcp.flow = tcp;
    b.registrar.register(&over_tcp).unwrap();
    assert_eq!(live(&b).len(), 2);
    b.store.flush().wait().unwrap();
    let again = Registrar::open(settings(), b.clock.clone(), Arc::clone(&b.store)).unwrap();
    let row = again.lookup(AOR).unwrap();
    assert_eq!(row.live(b.clock.now()).count(), 1);
    assert_eq!(again.len(), 1);
}

// RFC 5626 s7
#[test]
fn a_closed_connection_ends_its_bindings_at_once() {
    let b = bench();
    let mut over_tcp = request("c2", 1, vec![contact("sip:x@b.invalid;transport=ws")]);
    over_tcp.flow = Flow { transport: Transport::Tcp, connection: ConnectionId(7), ..flow(40_000) };
    b.registrar.register(&over_tcp).unwrap();
    assert_eq!(b.registrar.connection_closed(ConnectionId(7)).len(), 1);
    assert!(live(&b).is_empty());
    // The device stays known: messages will wait for it.
    assert_eq!(b.registrar.lookup(AOR).unwrap().seen.len(), 1);
    assert!(b.registrar.connection_closed(ConnectionId(7)).is_empty());
}

// RFC 5626 s6
#[test]
fn the_same_instance_replaces_its_old_contact() {
    let b = bench();
    let with =
        |uri| ContactRequest { instance: Some("<urn:uuid:1>"), reg_id: Some(1), ..contact(uri) };
    b.registrar.register(&request("c1", 1, vec![with("sip:a@10.0.0.1")])).unwrap();
    b.registrar.register(&request("c2", 1, vec![with("sip:a@10.0.0.9")])).unwrap();
    assert_eq!(live(&b), ["sip:a@10.0.0.9"]);
}

#[test]
fn a_device_is_its_credential_then_its_instance_then_anonymous() {
    let b = bench();
    let mut with_credential = request("c1", 1, vec![contact("sip:a@192.0.2.7:1000")]);
    with_credential.credential = Some(DeviceKey::Credential("d1".to_owned()));
    b.registrar.register(&with_credential).unwrap();
    let instance =
        ContactRequest { instance: Some("<urn:uuid:1>"), ..contact("sip:a@192.0.2.7:2000") };
    b.registrar.register(&request("c2", 1, vec![instance])).unwrap();
    b.registrar.register(&request("c3", 1, vec![contact("sip:a@192.0.2.7:3000")])).unwrap();
    let row = b.registrar.lookup(AOR).unwrap();
    let devices: Vec<_> = row.bindings.iter().map(|binding| binding.device.clone()).collect();
    assert_eq!(
        devices,
        [
            DeviceKey::Credential("d1".to_owned()),
            DeviceKey::Instance("<urn:uuid:1>".to_owned()),
            DeviceKey::Anonymous
        ]
    );
}

#[test]
fn a_device_that_stays_away_is_forgotten_after_its_memory() {
    let b = bench();
    b.registrar.register(&request("c1", 1, vec![contact("sip:a@192.0.2.7")])).unwrap();
    b.hands.advance(Duration::from_secs(13 * 86_400));
    b.registrar.sweep();
    assert_eq!(b.registrar.lookup(AOR).unwrap().seen.len(), 1);
    b.hands.advance(Duration::from_secs(2 * 86_400));
    b.registrar.sweep();
    assert!(b.registrar.lookup(AOR).is_none());
}

/// RFC 3261 s10.3 step 7: a binding is in force in memory, which cannot fail half-way; a store
/// that takes no writes costs what would be known after the next start, and nothing before.
#[test]
fn a_store_that_takes_no_writes_does_not_stop_registrations() {
    let (clock, _hands) = Clock::manual(WallTime::from_unix_secs(1_700_000_000));
    let store = crate::store::memory();
    let registrar = Registrar::open(settings(), clock.clone(), store.clone()).unwrap();
    registrar.register(&request("c1", 1, vec![contact("sip:a@192.0.2.7:1")])).unwrap();
    store.set_read_only(Some(crate::store::ReadOnlyReason::SyncFailed));
    let two = vec![contact("sip:a@192.0.2.7:2"), contact("sip:a@192.0.2.7:3")];
    registrar.register(&request("c1", 2, two)).unwrap();
    let row = registrar.lookup(AOR).unwrap();
    assert_eq!(row.live(clock.now()).count(), 3);
    // On the disk the row is as a whole what it was.
    let later = Registrar::open(settings(), clock.clone(), store).unwrap();
    assert_eq!(later.lookup(AOR).unwrap().live(clock.now()).count(), 1);
}

proptest! {
    // Decision 13: shortened by up to a tenth, never lengthened
    #[test]
    fn the_granted_expiry_is_never_longer_and_little_shorter(wished in 60_u32..100_000) {
        let b = bench();
        let contact = ContactRequest { expires: Some(wished), ..contact("sip:a@192.0.2.7") };
        let row = b.registrar.register(&request("c1", 1, vec![contact])).unwrap().row;
        let granted = row.bindings[0].expires.since(b.clock.now()).as_secs();
        let asked = u64::from(wished).min(3_600);
        prop_assert!(granted <= asked);
        prop_assert!(granted >= 60.max(asked - asked / 10));
    }

    #[test]
    fn the_count_of_bindings_is_the_number_of_bindings(
        steps in proptest::collection::vec((0_u8..4, 0_usize..6, 0_u32..3), 0..60),
    ) {
        let b = bench();
        let uris = ["sip:a@192.0.2.7:1", "sip:a@192.0.2.7:2", "sip:a@192.0.2.7:3",
                    "sip:a@192.0.2.7:4", "sip:a@192.0.2.7:5", "sip:a@192.0.2.7:6"];
        for (cseq, (kind, which, minutes)) in steps.into_iter().enumerate() {
            let cseq = cseq as u32 + 1;
            match kind {
                0 | 1 => { let _ = b.registrar.register(&request("c", cseq, vec![contact(uris[which])])); }
                2 => {
                    let gone = ContactRequest { expires: Some(0), ..contact(uris[which]) };
                    let _ = b.registrar.register(&request("c", cseq, vec![gone]));
                }
                _ => {
                    b.hands.advance(Duration::from_secs(u64::from(minutes) * 300));
                    b.registrar.sweep();
                }
            }
            let row = b.registrar.lookup(AOR);
            prop_assert_eq!(b.registrar.len(), row.map_or(0, |row| row.bindings.len()));
        }
    }
}

/// Decision 19: after a restart nothing ends before what was granted, although a REGISTER that only
/// renews is not always written.
#[test]
fn a_renewal_is_written_only_when_the_store_would_end_it_before_its_time() {
    let b = bench();
    let stored = || b.store.get(Table::Bindings, &BindingRow::key(AOR)).unwrap().unwrap();
    let renew = |cseq| {
        b.registrar.register(&request("c1", cseq, vec![contact("sip:a@192.0.2.7")])).unwrap();
        b.store.flush().wait().unwrap();
        b.registrar.lookup(AOR).unwrap().bindings[0].expires
    };
    renew(1);
    let first = stored();
    for cseq in 2..6 {
        b.hands.advance(Duration::from_secs(30));
        let ends = renew(cseq);
        assert_eq!(stored(), first, "{cseq}");
        // A server that starts now takes it over for long enough, and not for ever.
        let again = Registrar::open(settings(), b.clock.clone(), Arc::clone(&b.store)).unwrap();
        let taken_over = again.lookup(AOR).unwrap().bindings[0].expires;
        assert!(taken_over >= ends, "{taken_over:?} is before {ends:?}");
        let granted = ends.since(b.clock.now());
        assert!(taken_over <= ends + granted, "{taken_over:?} is long after {ends:?}");
    }
    b.hands.advance(Duration::from_secs(300));
    renew(6);
    assert_ne!(stored(), first, "by now it would end too early");
    // What changes more than a time is written at once, and so is a shorter wish.
    let second = stored();
    let short = ContactRequest { expires: Some(60), ..contact("sip:a@192.0.2.7") };
    b.registrar.register(&request("c1", 7, vec![short])).unwrap();
    b.store.flush().wait().unwrap();
    assert_ne!(stored(), second);
}

#[test]
fn one_registration_is_ended_by_its_handle_which_a_renewal_leaves_as_it_is() {
    let bench = bench();
    let put = |cseq| {
        let contacts = vec![contact("sip:a@192.0.2.7:1"), contact("sip:a@192.0.2.7:2")];
        bench.registrar.register(&request("c", cseq, contacts)).unwrap().row
    };
    let before = put(1);
    bench.hands.advance(Duration::from_secs(30));
    let after = put(2);
    let first = &before.bindings[0];
    assert_eq!(first.handle(), after.bindings[0].handle());
    assert_eq!(first.created, after.bindings[0].created, "it is no younger");
    assert!(!bench.registrar.end(AOR, "0123456789abcdef"));
    assert!(bench.registrar.end(AOR, &first.handle()));
    assert!(!bench.registrar.end(AOR, &first.handle()), "once");
    let left = bench.registrar.lookup(AOR).unwrap();
    assert_eq!(&*left.bindings[0].contact, b"sip:a@192.0.2.7:2");
    assert_eq!(left.seen.len(), 1, "messages wait for the device");
    let mut seen = Vec::new();
    bench.registrar.each(|aor, row| seen.push((aor.to_owned(), row.bindings.len())));
    assert_eq!(seen, [(AOR.to_owned(), 1)]);
    assert_eq!(bench.registrar.end_all(AOR), 1);
    assert_eq!((bench.registrar.end_all(AOR), bench.registrar.len()), (0, 0));
}
