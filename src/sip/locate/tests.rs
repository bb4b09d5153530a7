//! The searches of RFC 3263, with answers given by the test.

use std::collections::HashMap;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::clock::Tick;

const ALL: [Transport; 3] = [Transport::Udp, Transport::Tcp, Transport::Tls];

/// A DNS of a few records.
#[derive(Default)]
struct Zone(HashMap<Query, Vec<Record>>);

impl Zone {
    fn naptr(mut self, name: &str, order: u16, preference: u16, service: &str, to: &str) -> Zone {
        let record = Record::Naptr {
            order,
            preference,
            flags: "s".into(),
            services: service.into(),
            replacement: to.into(),
        };
        self.0.entry(Query::Naptr(name.into())).or_default().push(record);
        self
    }

    fn srv(mut self, name: &str, priority: u16, weight: u16, port: u16, target: &str) -> Zone {
        let record = Record::Srv { priority, weight, port, target: target.into() };
        self.0.entry(Query::Srv(name.into())).or_default().push(record);
        self
    }

    fn host(mut self, name: &str, address: &str) -> Zone {
        let record = Record::Address(address.parse().unwrap());
        self.0.entry(Query::Addresses(name.into())).or_default().push(record);
        self
    }

    /// What a URI leads to, and what was asked for on the way.
    fn locate(&self, uri: &str, usable: &[Transport]) -> (Vec<String>, Vec<Query>) {
        let destination = Destination::parse(uri.as_bytes()).unwrap();
        let mut search = Search::new(&destination, usable);
        let mut asked = Vec::new();
        while let Some(query) = search.next_query() {
            let records = self.0.get(&query).map_or(&[][..], Vec::as_slice);
            search.answer(records, &mut |_| 0);
            asked.push(query);
            assert!(asked.len() < 50, "{asked:?}");
        }
        let shown = |c: Candidate| format!("{} {} {}", c.transport, c.address, c.name);
        (search.into_candidates().into_iter().map(shown).collect(), asked)
    }

    fn found(&self, uri: &str) -> Vec<String> {
        self.locate(uri, &ALL).0
    }
}

// RFC 3263 s4.1, s4.2
#[test]
fn an_address_is_asked_nobody_about() {
    let zone = Zone::default();
    for (uri, expected) in [
        ("sip:192.0.2.1", "udp 192.0.2.1:5060 192.0.2.1"),
        ("sip:192.0.2.1:5070;transport=tcp", "tcp 192.0.2.1:5070 192.0.2.1"),
        ("sip:192.0.2.1;transport=tls", "tls 192.0.2.1:5061 192.0.2.1"),
        ("sips:192.0.2.1", "tls 192.0.2.1:5061 192.0.2.1"),
        ("sips:[2001:db8::1]:5071;transport=tcp", "tls [2001:db8::1]:5071 2001:db8::1"),
        ("sip:pbx.example;maddr=192.0.2.9", "udp 192.0.2.9:5060 192.0.2.9"),
    ] {
        assert_eq!(zone.locate(uri, &ALL), (vec![expected.to_owned()], vec![]), "{uri}");
    }
    for nowhere in ["sip:0.0.0.0", "sip:224.0.1.75", "sip:[::]", "sip:[ff02::1]"] {
        assert!(zone.found(nowhere).is_empty(), "{nowhere}");
    }
}

// RFC 3263 s4.2: with a port there is no SRV
#[test]
fn a_port_asks_for_the_addresses_alone() {
    let zone = Zone::default().host("pbx.example", "192.0.2.1").host("pbx.example", "2001:db8::1");
    let (found, asked) = zone.locate("sip:PBX.example.:5070;transport=tcp", &ALL);
    assert_eq!(found, ["tcp 192.0.2.1:5070 pbx.example", "tcp [2001:db8::1]:5070 pbx.example"]);
    assert_eq!(asked, [Query::Addresses("pbx.example".into())]);
    assert_eq!(
        zone.found("sip:pbx.example:5070"),
        ["udp 192.0.2.1:5070 pbx.example", "udp [2001:db8::1]:5070 pbx.example"]
    );
}

// RFC 3263 s4.1: the services by order and preference, then SRV, then addresses
#[test]
fn naptr_leads_to_srv_and_that_to_addresses() {
    let zone = Zone::default()
        .naptr("pbx.example", 50, 60, "SIP+D2U", "_sip._udp.pbx.example.")
        .naptr("pbx.example", 50, 50, "SIP+D2T", "_sip._tcp.pbx.example.")
        .naptr("pbx.example", 50, 40, "SIP+D2S", "_sip._sctp.pbx.example.")
        .naptr("pbx.example", 90, 10, "SIPS+D2T", "_sips._tcp.pbx.example.")
        .srv("_sip._tcp.pbx.example", 1, 0, 5060, "one.pbx.example.")
        .srv("_sip._tcp.pbx.example", 2, 0, 5062, "two.pbx.example.")
        .srv("_sip._udp.pbx.example", 1, 0, 5060, "one.pbx.example.")
        .host("one.pbx.example", "192.0.2.1")
        .host("two.pbx.example", "192.0.2.2");
    assert_eq!(
        zone.found("sip:pbx.example"),
        [
            "tcp 192.0.2.1:5060 pbx.example",
            "tcp 192.0.2.2:5062 pbx.example",
            "udp 192.0.2.1:5060 pbx.example",
        ]
    );
    let (_, asked) = zone.locate("sip:pbx.example", &[Transport::Udp]);
    assert_eq!(asked[0], Query::Naptr("pbx.example".into()));
    assert_eq!(asked[1], Query::Srv("_sip._udp.pbx.example".into()));
}

// RFC 3263 s4.1: no NAPTR, so the SRV of every transport that we have
#[test]
fn without_naptr_each_transport_is_asked_for_in_our_order() {
    let zone = Zone::default()
        .srv("_sip._tcp.pbx.example", 1, 0, 5060, "one.pbx.example")
        .srv("_sip._udp.pbx.example", 1, 0, 5060, "one.pbx.example")
        .host("one.pbx.example", "192.0.2.1");
    let (found, asked) = zone.locate("sip:pbx.example", &[Transport::Tcp, Transport::Udp]);
    assert_eq!(found, ["tcp 192.0.2.1:5060 pbx.example", "udp 192.0.2.1:5060 pbx.example"]);
    assert_eq!(asked.len(), 5, "{asked:?}");
}

// RFC 3263 s4.2: no SRV, so the host itself at the default port
#[test]
fn without_any_record_the_host_itself_is_taken() {
    let zone = Zone::default().host("pbx.example", "192.0.2.1");
    assert_eq!(zone.found("sip:pbx.example"), ["udp 192.0.2.1:5060 pbx.example"]);
    assert_eq!(zone.found("sip:pbx.example;transport=tcp"), ["tcp 192.0.2.1:5060 pbx.example"]);
    assert_eq!(zone.found("sips:pbx.example"), ["tls 192.0.2.1:5061 pbx.example"]);
    assert!(Zone::default().found("sip:pbx.example").is_empty());
    // A transport that we do not have leads nowhere, and nothing is asked.
    assert_eq!(zone.locate("sips:pbx.example", &[Transport::Udp]), (vec![], vec![]));
}

// RFC 2782: a target of "." says that there is no such service
#[test]
fn a_service_that_is_denied_is_not_guessed() {
    let zone =
        Zone::default().srv("_sip._tcp.pbx.example", 0, 0, 0, ".").host("pbx.example", "192.0.2.1");
    assert!(zone.found("sip:pbx.example;transport=tcp").is_empty());
}

// RFC 3263 s4.1 with RFC 5922 s4: TLS is never led away from the domain
#[test]
fn a_secure_service_outside_the_domain_is_discarded() {
    let zone = Zone::default()
        .naptr("pbx.example", 1, 1, "SIPS+D2T", "_sips._tcp.elsewhere.test.")
        .naptr("pbx.example", 1, 2, "SIPS+D2T", "_sips._tcp.notpbx.example.")
        .naptr("pbx.example", 1, 3, "SIP+D2U", "_sip._udp.provider.test.")
        .srv("_sips._tcp.elsewhere.test", 1, 0, 5061, "evil.test")
        .srv("_sip._udp.provider.test", 1, 0, 5060, "provider.test")
        .host("provider.test", "192.0.2.7");
    assert_eq!(zone.found("sip:pbx.example"), ["udp 192.0.2.7:5060 pbx.example"]);
}

// RFC 2782, "Usage rules"
#[test]
fn weights_share_out_what_priorities_leave_equal() {
    let servers =
        vec![(2, 9, 1, "late"), (1, 1, 1, "small"), (1, 3, 1, "large"), (1, 0, 1, "none")];
    let first = |drawn: u64| {
        let mut draw = |_| drawn;
        weigh::in_order(servers.clone(), &mut draw)[0].3
    };
    assert_eq!([first(0), first(1), first(2), first(4)], ["none", "small", "large", "large"]);
    let all = weigh::in_order(servers.clone(), &mut |bound| bound - 1);
    assert_eq!(all.len(), 4);
    assert_eq!(all[3].3, "late");
}

#[test]
fn what_leads_to_no_server_is_refused() {
    for (uri, error) in [
        ("tel:+123", DestinationError::Scheme),
        ("sip:a@b;transport=sctp", DestinationError::Transport),
        ("sip:a@b;transport=ws", DestinationError::Transport),
        ("sips:a@b;transport=udp", DestinationError::Transport),
        ("sip:a@b;maddr=a_b..c", DestinationError::Maddr),
        ("pbx.example", DestinationError::Uri(UriError::Scheme)),
    ] {
        assert_eq!(Destination::parse(uri.as_bytes()).unwrap_err(), error, "{uri}");
    }
}

// RFC 3263 s4.3
#[test]
fn a_server_that_failed_is_tried_last_for_a_while() {
    let candidate = |port| Candidate {
        transport: Transport::Udp,
        address: SocketAddr::from(([192, 0, 2, 1], port)),
        name: "pbx.example".into(),
    };
    let mut list = vec![candidate(1), candidate(2), candidate(3)];
    let ports = |list: &[Candidate]| list.iter().map(|c| c.address.port()).collect::<Vec<_>>();
    let mut failures = Failures::default();
    let now = Tick::from_secs(1);
    failures.failed(now, Transport::Udp, list[0].address, None);
    failures.arrange(now, &mut list);
    assert_eq!(ports(&list), [2, 3, 1]);
    let mut later = vec![candidate(1), candidate(2)];
    failures.arrange(now + Duration::from_secs(31), &mut later);
    assert_eq!(ports(&later), [1, 2]);
    failures.failed(now, Transport::Udp, candidate(2).address, Some(Duration::from_secs(9_999)));
    assert!(failures.is_resting(now + Duration::from_secs(299), Transport::Udp, later[1].address));
    assert!(!failures.is_resting(now + Duration::from_secs(300), Transport::Udp, later[1].address));
    failures.answered(Transport::Udp, candidate(2).address);
    assert!(!failures.is_resting(now, Transport::Udp, later[1].address));
}

#[test]
fn what_is_remembered_of_failures_is_bounded() {
    let mut failures = Failures::default();
    for number in 0..5_000_u32 {
        let address = SocketAddr::new(IpAddr::from(number.to_be_bytes()), 5060);
        failures.failed(Tick::ZERO, Transport::Udp, address, None);
    }
    assert!(failures.until.len() <= 1_024);
}

fn record() -> impl Strategy<Value = Record> {
    let name = prop_oneof![Just("."), Just("a.test."), Just("_sips._tcp.a.test"), Just("b.test")];
    let service = prop_oneof![Just("SIP+D2U"), Just("sip+d2t"), Just("SIPS+D2T"), Just("x")];
    (0..3_u8, any::<(u16, u16, u16)>(), name, service, any::<IpAddr>()).prop_map(
        |(kind, (one, two, port), name, services, address)| match kind {
            0 => Record::Naptr {
                order: one % 3,
                preference: two,
                flags: "S".into(),
                services: services.into(),
                replacement: name.into(),
            },
            1 => Record::Srv { priority: one % 3, weight: two, port, target: name.into() },
            _ => Record::Address(address),
        },
    )
}

proptest! {
    /// Whatever the DNS answers, a search ends soon and with few candidates.
    #[test]
    fn any_answers_end_a_search(
        uri in "(sips?):(a\\.test|192\\.0\\.2\\.1)(:50[0-9]{2})?(;transport=(tcp|tls))?",
        answers in proptest::collection::vec(proptest::collection::vec(record(), 0..40), 40),
        draws: u64,
    ) {
        let destination = Destination::parse(uri.as_bytes()).unwrap();
        let mut search = Search::new(&destination, &ALL);
        let mut steps = 0;
        while search.next_query().is_some() {
            search.answer(&answers[steps % answers.len()], &mut |bound| draws % bound);
            steps += 1;
            prop_assert!(steps <= 1 + 4 + MOST_SERVERS, "{steps}");
        }
        let candidates = search.into_candidates();
        prop_assert!(candidates.len() <= MOST_CANDIDATES);
        for candidate in &candidates {
            prop_assert!(!destination.is_secure() || candidate.transport == Transport::Tls);
            prop_assert!(destination.transport().is_none_or(|t| t == candidate.transport));
        }
    }

    /// Every server of an answer is in the order once, lower priorities first.
    #[test]
    fn an_order_by_weights_loses_nobody(
        servers in proptest::collection::vec((0..4_u16, any::<u16>()), 0..20),
        draws in proptest::collection::vec(any::<u64>(), 20),
    ) {
        let list: Vec<weigh::Weighed<'_>> = servers.iter().map(|&(p, w)| (p, w, 1, "t")).collect();
        let mut next = draws.iter().cycle();
        let ordered = weigh::in_order(list.clone(), &mut |bound| next.next().unwrap() % bound);
        prop_assert!(ordered.is_sorted_by_key(|(priority, ..)| *priority));
        let sorted = |mut list: Vec<weigh::Weighed<'static>>| { list.sort_unstable(); list };
        let owned = |list: &[weigh::Weighed<'_>]| list.iter().map(|&(p, w, o, _)| (p, w, o, "t")).collect();
        prop_assert_eq!(sorted(owned(&ordered)), sorted(owned(&list)));
    }
}
