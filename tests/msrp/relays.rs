//! Several relays in a row, and relays that are found by name (RFC 4976 s5.1).

use tagus::msrp::Path;
use tagus::msrp::peer::{Outbound, RelayAccount, SessionOptions, Sink, Source};

#[cfg(feature = "msrp-srv")]
use crate::msrp_relay::Relay;
use crate::msrp_relay::{PASSWORD, USER};
use crate::pair::{incoming, message, noise, plain, soon};
use crate::stub::Stub;

// features 1.3 "Relay extensions": several hops
#[tokio::test(flavor = "multi_thread")]
async fn a_client_behind_two_relays_is_reached_and_answers() {
    let (near, far) = (Stub::start().await, Stub::start().await);
    let account = RelayAccount {
        relays: Path::parse(&format!("{} {}", near.uri(), far.uri())).expect("two URIs"),
        user: USER.to_owned(),
        password: PASSWORD.to_owned(),
        allow_plain: true,
    };
    let (behind, front) = (plain(), plain());
    let offer = behind.offer_through(&account, SessionOptions::default()).await.expect("a way");
    let path = offer.path().clone();
    // Who is in front comes to the far relay first.
    assert_eq!(path.uris().len(), 3, "{path}");
    assert_eq!(path.first().port(), Some(far.address.port()), "{path}");
    let (waiting, connecting) = soon(async {
        tokio::join!(offer.wait(None), front.connect(&path, SessionOptions::default()))
    })
    .await;
    let (mut behind, mut front) = (waiting.expect("bound"), connecting.expect("connected"));
    for round in 0..10 {
        let mut there = front.send(Outbound::text().report(), format!("in {round}")).await;
        assert_eq!(message(&mut behind).await.body, format!("in {round}"));
        let mut back = behind.send(Outbound::text().report(), format!("out {round}")).await;
        assert_eq!(message(&mut front).await.body, format!("out {round}"));
        assert_eq!(soon(there.finished()).await, Ok(()));
        assert_eq!(soon(back.finished()).await, Ok(()));
    }
    let bytes = noise(300_000, 23);
    let how = Outbound::new("application/octet-stream").report();
    let mut sending = behind.send(how, Source::memory(bytes.clone())).await;
    let mut receiving = incoming(&mut front).await.accept(Sink::memory(1 << 20)).await;
    assert!(soon(receiving.finished()).await.expect("all of it").memory == bytes);
    assert_eq!(soon(sending.finished()).await, Ok(()));
}

/// Says for `relay.test` that its relays are on these ports of this machine, in this order.
#[cfg(feature = "msrp-srv")]
async fn name_server(ports: Vec<u16>) -> std::net::SocketAddr {
    use hickory_resolver::proto::op::{Message, MessageType, ResponseCode};
    use hickory_resolver::proto::rr::rdata::SRV;
    use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
    let socket = tokio::net::UdpSocket::bind(crate::pair::ANYWHERE).await.expect("a port");
    let address = socket.local_addr().expect("an address");
    tokio::spawn(async move {
        let mut buffer = [0; 2_048];
        while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
            let Ok(mut answer) = Message::from_vec(&buffer[..length]) else { continue };
            answer.metadata.message_type = MessageType::Response;
            answer.metadata.recursion_available = true;
            let question = answer.queries[0].clone();
            let name = question.name().clone();
            let asked = name.to_ascii().to_ascii_lowercase();
            if asked == "_msrps._tcp.relay.test." && question.query_type() == RecordType::SRV {
                for (priority, port) in (10..).zip(&ports) {
                    let target = Name::from_ascii("localhost.").expect("a name");
                    let srv = RData::SRV(SRV::new(priority, 0, *port, target));
                    answer.add_answer(Record::from_rdata(name.clone(), 60, srv));
                }
            } else {
                answer.metadata.response_code = ResponseCode::NXDomain;
            }
            let _ = socket.send_to(&answer.to_vec().expect("a message"), from).await;
        }
    });
    address
}

// features 1.3 "Relay extensions": a relay that is found by its records; RFC 2782: the next one is
// tried when the first cannot be reached.
#[cfg(feature = "msrp-srv")]
#[tokio::test(flavor = "multi_thread")]
async fn a_relay_is_found_by_the_srv_records_of_its_domain() {
    use tagus::msrp::peer::{Endpoint, EndpointOptions};
    let relay = Relay::start(600);
    let closed = std::net::TcpListener::bind(crate::pair::ANYWHERE).expect("a port");
    let dead = closed.local_addr().expect("an address").port();
    drop(closed);
    let mut options = EndpointOptions::new("127.0.0.1");
    options.nameservers = vec![name_server(vec![dead, relay.address.port()]).await];
    let account = RelayAccount {
        relays: Path::parse("msrp://relay.test;tcp").expect("a URI"),
        user: USER.to_owned(),
        password: PASSWORD.to_owned(),
        allow_plain: true,
    };
    let endpoint = Endpoint::new(options).expect("an endpoint");
    let offer = endpoint.offer_through(&account, SessionOptions::default()).await.expect("a way");
    assert_eq!(offer.path().first().port(), Some(relay.address.port()), "{}", offer.path());
}
