//! RFC 5626 (outbound), RFC 5627 (GRUU) and RFC 3327 (Path) in the registrar.

use super::*;

const PHONE: &str = "<urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6>";
const TABLET: &str = "<urn:uuid:00000000-0000-1000-8000-000a95a0e128>";

fn connection(number: u64) -> Flow {
    Flow { transport: Transport::Tcp, connection: ConnectionId(number), ..flow(40_000) }
}

/// A REGISTER of one flow, over a connection with the number of its `reg-id`.
fn flow_of(
    instance: &'static str,
    reg_id: u32,
    uri: &'static str,
    cseq: u32,
) -> RegisterRequest<'static> {
    let contact = ContactRequest { instance: Some(instance), reg_id: Some(reg_id), ..contact(uri) };
    RegisterRequest {
        flow: connection(u64::from(reg_id)),
        supported: Supported { outbound: true, path: true, gruu: true },
        ..request("c1", cseq, vec![contact])
    }
}

fn behind_proxies<'a>(request: RegisterRequest<'a>, path: &[&'a str]) -> RegisterRequest<'a> {
    let path = path.iter().map(|value| value.as_bytes()).collect();
    RegisterRequest { is_first_hop: false, path, ..request }
}

fn targets(bench: &Bench) -> Vec<(String, u64)> {
    bench.registrar.lookup(AOR).map_or_else(Vec::new, |row| {
        row.targets(bench.clock.now())
            .map(|binding| {
                let contact = String::from_utf8_lossy(&binding.contact).into_owned();
                (contact, binding.flow.connection.0)
            })
            .collect()
    })
}

// RFC 5626 s6: the binding is named by instance-id and reg-id, not by its URI
#[test]
fn two_flows_with_one_uri_are_two_bindings_and_the_same_flow_is_one() {
    let b = bench();
    let uri = "sip:a@10.0.0.1;ob";
    assert!(b.registrar.register(&flow_of(PHONE, 1, uri, 1)).unwrap().outbound);
    b.registrar.register(&flow_of(PHONE, 2, uri, 2)).unwrap();
    assert_eq!(live(&b).len(), 2);
    b.registrar.register(&flow_of(PHONE, 1, "sip:a@10.0.0.77;ob", 3)).unwrap();
    assert_eq!(live(&b), ["sip:a@10.0.0.1;ob", "sip:a@10.0.0.77;ob"]);
}

// RFC 5626 s7
#[test]
fn of_one_instance_only_the_newest_flow_is_a_target() {
    let b = bench();
    b.registrar.register(&flow_of(PHONE, 1, "sip:a@10.0.0.1", 1)).unwrap();
    b.registrar.register(&flow_of(PHONE, 2, "sip:a@10.0.0.1", 2)).unwrap();
    b.registrar.register(&flow_of(TABLET, 3, "sip:a@10.0.0.2", 3)).unwrap();
    b.registrar.register(&request("c2", 1, vec![contact("sip:a@192.0.2.7")])).unwrap();
    let expected = [("sip:a@10.0.0.1", 2), ("sip:a@10.0.0.2", 3), ("sip:a@192.0.2.7", 0)];
    assert_eq!(targets(&b), expected.map(|(uri, connection)| (uri.to_owned(), connection)));
    let row = b.registrar.lookup(AOR).unwrap();
    let newest = row.targets(b.clock.now()).next().unwrap().clone();
    let others: Vec<u64> =
        row.other_flows(&newest, b.clock.now()).map(|other| other.flow.connection.0).collect();
    assert_eq!(others, [1]);
}

// RFC 5626 s7: a closed connection ends the bindings on it, and the instance's other flow is left
#[test]
fn a_closed_flow_leaves_the_other_flow_of_the_instance() {
    let b = bench();
    b.registrar.register(&flow_of(PHONE, 1, "sip:a@10.0.0.1", 1)).unwrap();
    b.registrar.register(&flow_of(PHONE, 2, "sip:a@10.0.0.1", 2)).unwrap();
    b.registrar.connection_closed(ConnectionId(2));
    assert_eq!(targets(&b), [("sip:a@10.0.0.1".to_owned(), 1)]);
}

// RFC 5626 s6 with RFC 3261 s10.3 step 7: CSeq orders the registrations of one flow
#[test]
fn an_older_registration_of_the_same_flow_is_out_of_order() {
    let b = bench();
    b.registrar.register(&flow_of(PHONE, 1, "sip:a@10.0.0.1", 5)).unwrap();
    let late = flow_of(PHONE, 1, "sip:a@10.0.0.2", 4);
    assert_eq!(b.registrar.register(&late).unwrap_err(), Refusal::OutOfOrder);
    b.registrar.register(&flow_of(PHONE, 2, "sip:a@10.0.0.1", 3)).unwrap();
    assert_eq!(live(&b).len(), 2);
}

// RFC 5626 s6: also what is removed is the flow
#[test]
fn a_flow_is_removed_by_its_name_and_no_other_with_it() {
    let b = bench();
    let uri = "sip:a@10.0.0.1";
    b.registrar.register(&flow_of(PHONE, 1, uri, 1)).unwrap();
    b.registrar.register(&flow_of(PHONE, 2, uri, 2)).unwrap();
    let mut gone = flow_of(PHONE, 1, "sip:elsewhere@10.9.9.9", 3);
    gone.expires = Some(0);
    assert!(b.registrar.register(&gone).unwrap().outbound);
    assert_eq!(targets(&b), [(uri.to_owned(), 2)]);
}

// RFC 5626 s6
#[test]
fn a_flow_behind_a_proxy_without_outbound_is_439() {
    let b = bench();
    for path in [&[][..], &["<sip:192.0.2.9;lr>"][..]] {
        let asked = behind_proxies(flow_of(PHONE, 1, "sip:a@10.0.0.1", 1), path);
        let refused = b.registrar.register(&asked).unwrap_err();
        assert_eq!(refused, Refusal::FirstHopLacksOutbound, "{path:?}");
        // Who does not speak of outbound is registered as if there were no reg-id.
        let quiet = Supported { path: true, ..Supported::default() };
        let ignored = RegisterRequest { supported: quiet, ..asked };
        let registered = b.registrar.register(&ignored).unwrap();
        assert!(!registered.outbound);
        assert!(registered.row.bindings.iter().all(|binding| binding.reg_id.is_none()));
        b.registrar.register(&star("c1", 9, Some(0))).unwrap();
    }
    let path = ["<sip:token@192.0.2.9;lr;ob>"];
    let kept = behind_proxies(flow_of(PHONE, 1, "sip:a@10.0.0.1", 10), &path);
    assert!(b.registrar.register(&kept).unwrap().outbound);
}

// RFC 5626 s6
#[test]
fn a_reg_id_without_an_instance_is_ignored() {
    let b = bench();
    let mut asked = flow_of(PHONE, 1, "sip:a@192.0.2.7", 1);
    asked.contacts = Contacts::List(
        vec![ContactRequest { reg_id: Some(1), ..contact("sip:a@192.0.2.7") }].into(),
    );
    let registered = b.registrar.register(&asked).unwrap();
    assert!(!registered.outbound);
    assert_eq!(registered.row.bindings[0].reg_id, None);
}

// RFC 5626 s6
#[test]
fn a_flow_beside_another_contact_is_400_unless_that_one_is_removed() {
    let b = bench();
    let flow = |expires| ContactRequest {
        instance: Some(PHONE),
        reg_id: Some(1),
        expires,
        ..contact("sip:a@10.0.0.1")
    };
    let other = |expires| ContactRequest { expires, ..contact("sip:a@192.0.2.7") };
    let two = request("c1", 1, vec![flow(None), other(None)]);
    assert_eq!(b.registrar.register(&two).unwrap_err(), Refusal::SeveralFlows);
    b.registrar.register(&request("c1", 2, vec![flow(None), other(Some(0))])).unwrap();
    assert_eq!(live(&b).len(), 1);
}

// RFC 5626 s7 and decision 8: the flow is kept, whatever the contact says
#[test]
fn an_outbound_contact_ends_with_its_connection_and_another_is_dialled() {
    let b = bench();
    let uri = "sip:a@192.0.2.7:5070;transport=tcp";
    b.registrar.register(&flow_of(PHONE, 1, uri, 1)).unwrap();
    let mut plain = request("c2", 1, vec![contact(uri)]);
    plain.flow = connection(1);
    b.registrar.register(&plain).unwrap();
    assert_eq!(live(&b).len(), 2);
    b.registrar.connection_closed(ConnectionId(1));
    let row = b.registrar.lookup(AOR).unwrap();
    assert_eq!(row.bindings.len(), 1);
    assert_eq!(row.bindings[0].reg_id, None);
}

// RFC 3327 s5.3
#[test]
fn a_path_is_kept_with_its_binding_over_a_restart() {
    let b = bench();
    let path = ["<sip:192.0.2.9:5080;lr>", "<sip:p1.example;lr>"];
    let mut asked = behind_proxies(request("c1", 1, vec![contact("sip:a@10.0.0.1")]), &path);
    assert_eq!(b.registrar.register(&asked).unwrap_err(), Refusal::PathNotSupported);
    asked.supported.path = true;
    b.registrar.register(&asked).unwrap();
    b.store.flush().wait().unwrap();
    let again = Registrar::open(settings(), b.clock.clone(), Arc::clone(&b.store)).unwrap();
    for registrar in [&b.registrar, &again] {
        let row = registrar.lookup(AOR).unwrap();
        assert_eq!(row.bindings[0].route.as_deref(), Some(path.join(", ").as_bytes()));
        assert_eq!(row.bindings[0].flow.remote, "192.0.2.9:5080".parse().unwrap());
    }
}

// RFC 5627 s5.3, s6.1: 404 for an instance that never was, 480 for one that is away
#[test]
fn a_gruu_reaches_the_flows_of_its_instance_and_stays_known_without_one() {
    let b = bench();
    b.registrar.register(&flow_of(PHONE, 1, "sip:a@10.0.0.1", 1)).unwrap();
    b.registrar.register(&flow_of(PHONE, 2, "sip:a@10.0.0.1", 2)).unwrap();
    b.registrar.register(&flow_of(TABLET, 3, "sip:a@10.0.0.2", 3)).unwrap();
    let reach = |registrar: &Registrar, gr: &str| -> Option<Vec<u64>> {
        let row = registrar.lookup(AOR)?;
        let flows = row.instance_targets(gr.as_bytes(), b.clock.now())?;
        Some(flows.iter().map(|binding| binding.flow.connection.0).collect())
    };
    let phone = "urn:uuid:F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6";
    assert_eq!(reach(&b.registrar, phone), Some(vec![2, 1]));
    assert_eq!(reach(&b.registrar, "urn:uuid:1"), None);
    // Long after its last registration, and after a restart, it is away and not unknown.
    b.hands.advance(Duration::from_secs(20 * 86_400));
    b.registrar.sweep();
    assert_eq!(reach(&b.registrar, phone), Some(vec![]));
    b.store.flush().wait().unwrap();
    let again = Registrar::open(settings(), b.clock.clone(), Arc::clone(&b.store)).unwrap();
    assert_eq!(reach(&again, phone), Some(vec![]));
    again.remove(AOR);
    assert_eq!(reach(&again, phone), None);
}

#[test]
fn a_row_remembers_only_so_many_instances() {
    let b = bench();
    for number in 0..40_u32 {
        let instance: &'static str = format!("<urn:uuid:{number}>").leak();
        b.registrar.register(&flow_of(instance, 1, "sip:a@10.0.0.1", number + 1)).unwrap();
        b.registrar.connection_closed(ConnectionId(1));
    }
    let row = b.registrar.lookup(AOR).unwrap();
    assert_eq!(row.instances.len(), 32);
    assert_eq!(&*row.instances[31], "<urn:uuid:39>");
}

// RFC 5626 s6, RFC 3840 s9
#[test]
fn what_a_device_says_of_itself_is_kept_over_a_restart() {
    let b = bench();
    let params = ";audio;methods=\"INVITE,BYE\"".to_owned();
    let contact = ContactRequest { params: params.clone(), ..contact("sip:a@192.0.2.7") };
    b.registrar.register(&request("c1", 1, vec![contact])).unwrap();
    b.store.flush().wait().unwrap();
    let again = Registrar::open(settings(), b.clock.clone(), Arc::clone(&b.store)).unwrap();
    let row = again.lookup(AOR).unwrap();
    assert_eq!(row.bindings[0].params.as_deref(), Some(params.as_str()));
}

proptest! {
    // RFC 5626 s7, whatever registers and closes in whatever order
    #[test]
    fn no_two_targets_are_of_one_instance(
        steps in proptest::collection::vec((0_usize..3, 0_u32..3, any::<bool>()), 0..40),
    ) {
        let b = bench();
        let instances = [PHONE, TABLET, "<urn:uuid:3>"];
        for (cseq, (instance, reg_id, closes)) in steps.into_iter().enumerate() {
            let asked = flow_of(instances[instance], reg_id + 1, "sip:a@10.0.0.1", cseq as u32 + 1);
            let _ = b.registrar.register(&asked);
            if closes {
                b.registrar.connection_closed(ConnectionId(u64::from(reg_id) + 1));
            }
            let Some(row) = b.registrar.lookup(AOR) else { continue };
            let targets: Vec<&Binding> = row.targets(b.clock.now()).collect();
            for (place, target) in targets.iter().enumerate() {
                let twins = targets[place + 1..].iter().filter(|other| other.is_of_instance_of(target));
                prop_assert_eq!(twins.count(), 0);
            }
            // Every live instance has a target.
            for binding in row.live(b.clock.now()) {
                prop_assert!(targets.iter().any(|target| target.is_of_instance_of(binding)));
            }
        }
    }
}
