//! Against a DNS of the test's own, on loopback.

use std::sync::atomic::{AtomicUsize, Ordering};

use hickory_resolver::proto::op::{Message, MessageType, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, NAPTR, SOA, SRV};
use hickory_resolver::proto::rr::{Name, RecordType};
use tokio::net::UdpSocket;

use super::*;
use crate::clock::WallTime;

/// A DNS server: what it is asked, and what it says.
struct Zone {
    address: SocketAddr,
    asked: Arc<AtomicUsize>,
}

fn name(text: &str) -> Name {
    Name::from_ascii(text).unwrap()
}

fn records(query: &Name, kind: RecordType) -> Vec<rr::Record> {
    let text = query.to_ascii().to_ascii_lowercase();
    let found: Vec<RData> = match (text.as_str(), kind) {
        ("pbx.test.", RecordType::NAPTR) => vec![RData::NAPTR(NAPTR::new(
            10,
            10,
            Box::from(*b"s"),
            Box::from(*b"SIP+D2T"),
            Box::from(*b""),
            name("_sip._tcp.pbx.test."),
        ))],
        ("_sip._tcp.pbx.test.", RecordType::SRV) => vec![
            RData::SRV(SRV::new(20, 0, 5062, name("two.pbx.test."))),
            RData::SRV(SRV::new(10, 0, 5061, name("one.pbx.test."))),
        ],
        ("one.pbx.test.", RecordType::A) => vec![RData::A(A::new(192, 0, 2, 1))],
        ("two.pbx.test.", RecordType::A) => vec![RData::A(A::new(192, 0, 2, 2))],
        _ => vec![],
    };
    found.into_iter().map(|data| rr::Record::from_rdata(query.clone(), 60, data)).collect()
}

/// Answers until the test ends; with `silent`, never.
async fn zone(silent: bool) -> Zone {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let zone = Zone { address: socket.local_addr().unwrap(), asked: Arc::default() };
    let asked = Arc::clone(&zone.asked);
    tokio::spawn(async move {
        let mut buffer = [0; 2_048];
        while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
            asked.fetch_add(1, Ordering::Relaxed);
            let Ok(query) = Message::from_vec(&buffer[..length]) else { continue };
            if silent {
                continue;
            }
            let mut answer = query.clone();
            answer.metadata.message_type = MessageType::Response;
            answer.metadata.recursion_available = true;
            let question = query.queries[0].clone();
            let found = records(question.name(), question.query_type());
            if found.is_empty() {
                answer.metadata.response_code = ResponseCode::NXDomain;
                let soa = SOA::new(name("ns.test."), name("a.test."), 1, 60, 60, 60, 60);
                answer.add_authority(rr::Record::from_rdata(name("test."), 60, RData::SOA(soa)));
            }
            for record in found {
                answer.add_answer(record);
            }
            let _ = socket.send_to(&answer.to_vec().unwrap(), from).await;
        }
    });
    zone
}

fn resolver(zone: &Zone, own: &[SocketAddr]) -> (Resolver, crate::clock::ManualClock) {
    let (clock, hands) = Clock::manual(WallTime::from_unix_secs(1_700_000_000));
    let usable = [Transport::Udp, Transport::Tcp];
    (Resolver::new(&[zone.address], &usable, own, clock), hands)
}

fn destination(uri: &str) -> Destination {
    Destination::parse(uri.as_bytes()).unwrap()
}

fn shown(candidates: &[Candidate]) -> Vec<String> {
    candidates.iter().map(|c| format!("{} {}", c.transport, c.address)).collect()
}

// RFC 3263 s4
#[tokio::test]
async fn a_neighbour_is_found_through_naptr_srv_and_addresses_and_kept_for_the_ttl() {
    let zone = zone(false).await;
    let (resolver, clock) = resolver(&zone, &[]);
    let pbx = destination("sip:pbx.test");
    assert_eq!(resolver.located(&pbx), None);
    let found = resolver.locate(&pbx).await;
    assert_eq!(shown(&found), ["tcp 192.0.2.1:5061", "tcp 192.0.2.2:5062"]);
    let asked = zone.asked.load(Ordering::Relaxed);
    assert_eq!(resolver.located(&pbx), Some(found.clone()));
    assert_eq!(resolver.locate(&pbx).await, found);
    assert_eq!(zone.asked.load(Ordering::Relaxed), asked);
    // One that failed comes last for a while (s4.3).
    resolver.failed(found[0].transport, found[0].address, None);
    let turned = resolver.located(&pbx).unwrap();
    assert_eq!(shown(&turned), ["tcp 192.0.2.2:5062", "tcp 192.0.2.1:5061"]);
    clock.advance(Duration::from_secs(61));
    assert_eq!(resolver.located(&pbx), None);
    assert_eq!(resolver.locate(&pbx).await, found);
    assert!(zone.asked.load(Ordering::Relaxed) > asked);
}

#[tokio::test]
async fn there_is_none_is_kept_too_and_we_are_never_our_own_neighbour() {
    let zone = zone(false).await;
    let (resolver, _) = resolver(&zone, &["192.0.2.1:5061".parse().unwrap()]);
    let nowhere = destination("sip:nowhere.test:5060");
    assert!(resolver.locate(&nowhere).await.is_empty());
    assert_eq!(resolver.located(&nowhere), Some(vec![]));
    let found = resolver.locate(&destination("sip:pbx.test")).await;
    assert_eq!(shown(&found), ["tcp 192.0.2.2:5062"]);
    // An address is asked nobody about.
    let before = zone.asked.load(Ordering::Relaxed);
    let found = resolver.located(&destination("sip:192.0.2.9;transport=tcp")).unwrap();
    assert_eq!(shown(&found), ["tcp 192.0.2.9:5060"]);
    assert_eq!(zone.asked.load(Ordering::Relaxed), before);
}

#[tokio::test]
async fn everybody_who_asks_at_once_shares_one_query() {
    let zone = zone(false).await;
    let (resolver, _) = resolver(&zone, &[]);
    let resolver = Arc::new(resolver);
    let mut waiting = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let resolver = Arc::clone(&resolver);
        waiting.spawn(async move { resolver.locate(&destination("sip:one.pbx.test:5070")).await });
    }
    for found in waiting.join_all().await {
        assert_eq!(shown(&found), ["udp 192.0.2.1:5070"]);
    }
    // A and AAAA, once.
    assert_eq!(zone.asked.load(Ordering::Relaxed), 2);
    assert!(resolver.flights.lock().unwrap().is_empty());
}

// R13
#[tokio::test]
async fn a_dead_dns_costs_two_seconds_once() {
    let zone = zone(true).await;
    let (resolver, _) = resolver(&zone, &[]);
    let clock = Clock::system();
    let start = clock.now();
    assert!(resolver.locate(&destination("sip:pbx.test")).await.is_empty());
    let took = clock.now().since(start);
    assert!(took < Duration::from_millis(2_500), "{took:?}");
    let start = clock.now();
    assert!(resolver.locate(&destination("sip:pbx.test:5060")).await.is_empty());
    assert!(clock.now().since(start) < Duration::from_millis(2_500));
    assert!(resolver.flights.lock().unwrap().is_empty());
}
