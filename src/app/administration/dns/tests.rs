//! Against a DNS of the test's own, on loopback.

use std::net::SocketAddr;

use hickory_resolver::proto::op::{Message, MessageType, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, NAPTR, SOA, SRV};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use tokio::net::UdpSocket;

use super::*;

fn name(text: &str) -> Name {
    Name::from_ascii(text).unwrap()
}

fn naptr(service: &str, target: &str) -> RData {
    let word = |text: &str| Box::<[u8]>::from(text.as_bytes());
    RData::NAPTR(NAPTR::new(50, 50, word("S"), word(service), word(""), name(target)))
}

/// A zone of somebody who was nearly right.
fn records(query: &str, kind: RecordType) -> Vec<RData> {
    match (query, kind) {
        ("campus.test.", RecordType::NAPTR) => vec![
            naptr("sips+d2t", "_SIPS._tcp.campus.test."),
            naptr("SIP+D2T", "_sip._tcp.voip.test."),
        ],
        ("_sips._tcp.campus.test.", RecordType::SRV) => vec![
            RData::SRV(SRV::new(1, 0, 5061, name("old.campus.test."))),
            RData::SRV(SRV::new(2, 0, 5061, name("IM.campus.test."))),
        ],
        ("_sip._tcp.campus.test.", RecordType::SRV) => {
            vec![RData::SRV(SRV::new(1, 0, 5080, name("im.campus.test.")))]
        }
        ("im.campus.test.", RecordType::A) => vec![RData::A(A::new(192, 0, 2, 7))],
        _ => vec![],
    }
}

/// Answers until the test ends; with `silent`, never.
async fn zone(silent: bool) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 2_048];
        while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
            let Ok(query) = Message::from_vec(&buffer[..length]) else { continue };
            if silent {
                continue;
            }
            let mut answer = query.clone();
            answer.metadata.message_type = MessageType::Response;
            answer.metadata.recursion_available = true;
            let question = query.queries[0].clone();
            let asked = question.name().clone();
            let found = records(&asked.to_ascii().to_lowercase(), question.query_type());
            if found.is_empty() {
                answer.metadata.response_code = ResponseCode::NXDomain;
                let soa = SOA::new(name("ns.test."), name("a.test."), 1, 60, 60, 60, 60);
                answer.add_authority(Record::from_rdata(name("test."), 60, RData::SOA(soa)));
            }
            for data in found {
                answer.add_answer(Record::from_rdata(asked.clone(), 60, data));
            }
            let _ = socket.send_to(&answer.to_vec().unwrap(), from).await;
        }
    });
    address
}

fn campus() -> Facts {
    Facts {
        domains: vec!["campus.test".to_owned()],
        host: "im.campus.test".to_owned(),
        addresses: vec!["192.0.2.7".parse().unwrap(), "10.0.0.7".parse().unwrap()],
        tls: Some(5061),
        tcp: Some(5060),
        udp: Some(5060),
        msrp: None,
        xcap: None,
    }
}

fn state(records: &[DnsRecord], kind: &str, purpose: DnsPurpose) -> DnsState {
    records.iter().find(|one| one.kind == kind && one.purpose == purpose).unwrap().state
}

#[tokio::test]
async fn each_record_is_held_against_what_the_dns_has() {
    let lookup = Lookup::new(&[zone(false).await]);
    let found = look_up(&lookup, &wanted(&campus())).await;
    for (kind, purpose, expected) in [
        ("NAPTR", DnsPurpose::SipTls, DnsState::Ok),
        ("NAPTR", DnsPurpose::SipTcp, DnsState::Differs),
        ("NAPTR", DnsPurpose::SipUdp, DnsState::Missing),
        ("SRV", DnsPurpose::SipTls, DnsState::Ok),
        ("SRV", DnsPurpose::SipTcp, DnsState::Differs),
        ("SRV", DnsPurpose::SipUdp, DnsState::Missing),
        ("SRV", DnsPurpose::Msrp, DnsState::NotNeeded),
        ("TXT", DnsPurpose::Xcap, DnsState::NotNeeded),
        ("A", DnsPurpose::Host, DnsState::Ok),
        ("AAAA", DnsPurpose::Host, DnsState::NotNeeded),
    ] {
        assert_eq!(state(&found, kind, purpose), expected, "{kind} {purpose:?}: {found:?}");
    }
    let differs = found.iter().find(|one| one.state == DnsState::Differs && one.kind == "SRV");
    assert_eq!(differs.unwrap().found, ["1 0 5080 im.campus.test."]);
}

#[tokio::test]
async fn a_dns_that_is_silent_is_said_to_be_and_costs_a_few_seconds() {
    let clock = crate::clock::Clock::system();
    let start = clock.now();
    let lookup = Lookup::new(&[zone(true).await]);
    let found = look_up(&lookup, &wanted(&campus())).await;
    assert_eq!(state(&found, "A", DnsPurpose::Host), DnsState::Unanswered);
    assert!(clock.now().since(start) < std::time::Duration::from_secs(8));
}

#[test]
fn what_is_served_decides_which_records_are_needed() {
    let texts = |all: &[&str]| all.iter().map(ToString::to_string).collect::<Vec<_>>();
    let listeners = ListenerStatus {
        sip: texts(&["udp://192.0.2.7:5060", "tls://127.0.0.1:5099"]),
        msrp: texts(&["tls://192.0.2.7:2855"]),
        ..ListenerStatus::default()
    };
    let domains = vec!["campus.test".to_owned(), "192.0.2.1".to_owned()];
    let mut facts = facts(&listeners, domains, "im.campus.test".to_owned());
    assert_eq!(facts.addresses, ["192.0.2.7".parse::<IpAddr>().unwrap()]);
    facts.xcap = Some("https://im.campus.test/xcap".to_owned());
    let records: Vec<DnsRecord> = wanted(&facts).iter().map(|one| one.record(None)).collect();
    let zone = DnsView { records, ..DnsView::default() }.zone();
    let lines: Vec<&str> = zone.lines().collect();
    assert_eq!(
        lines,
        [
            "campus.test. 3600 IN NAPTR 10 10 \"s\" \"SIPS+D2T\" \"\" _sips._tcp.campus.test.",
            "campus.test. 3600 IN NAPTR 10 30 \"s\" \"SIP+D2U\" \"\" _sip._udp.campus.test.",
            "_sips._tcp.campus.test. 3600 IN SRV 10 10 5099 im.campus.test.",
            "_sip._udp.campus.test. 3600 IN SRV 10 10 5060 im.campus.test.",
            "_msrps._tcp.campus.test. 3600 IN SRV 10 10 2855 im.campus.test.",
            "xcap.campus.test. 3600 IN TXT \"https://im.campus.test/xcap\"",
            "im.campus.test. 3600 IN A 192.0.2.7",
        ]
    );
    // A host that has no name is found by its address alone.
    facts.host = "192.0.2.7".to_owned();
    assert!(wanted(&facts).iter().all(|one| one.kind == Kind::Txt || one.values.is_empty()));
}
