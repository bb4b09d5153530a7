//! The whole server with a client on a WebSocket; the web listener is the test's.

use std::time::Duration;

use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_tungstenite::accept_hdr_async;
use tokio_tungstenite::tungstenite::handshake::server as http;
use zeroize::Zeroizing;

use super::*;
use crate::accounts::Actor;
use crate::app::administration::Administration;
use crate::app::site::Purpose;
use crate::client::account::{Account, Target};
use crate::client::agent::Event;
use crate::client::session::Session;
use crate::clock::Clock;
use crate::net::Upgraded;
use crate::operations::{Operations as _, Reply, Request, Secret};
use crate::sip::Transport;

const DOMAIN: &str = "campus.test";

/// Does the handshakes of WebSocket and hands each connection over.
#[expect(clippy::result_large_err, reason = "the callback's type is tungstenite's")]
async fn upgrade(listener: TcpListener, egress: Arc<Egress>) {
    while let Ok((socket, _)) = listener.accept().await {
        let agree = |_: &http::Request, mut response: http::Response| {
            response.headers_mut().insert("Sec-WebSocket-Protocol", "sip".parse().unwrap());
            Ok(response)
        };
        let websocket = accept_hdr_async(socket, agree).await.unwrap();
        let read_ahead = bytes::Bytes::new();
        egress.accept_websocket(Upgraded {
            socket: websocket.into_inner(),
            tls: None,
            read_ahead,
            place: None,
        });
    }
}

async fn sign_in(user: &str, transport: Transport, server: SocketAddr) -> Session {
    let password = Zeroizing::new("a password".to_owned());
    let account = Account { user: user.to_owned(), domain: DOMAIN.to_owned(), password };
    let mut session =
        Session::open(account, transport, server, "test", Clock::system()).await.unwrap();
    session.register(600);
    let event = session.next().await.unwrap();
    assert!(matches!(event, Event::Registered { .. }), "{event:?}");
    session
}

/// Sends from one to the other and gives the status of the answer.
async fn write(from: &mut Session, to: &mut Session, text: &str) -> u16 {
    let address = to.account().address();
    from.message(&Target::parse(&address, DOMAIN).unwrap(), text);
    let sent = async {
        loop {
            if let Event::Answered { outcome, .. } = from.next().await.unwrap() {
                return outcome.status;
            }
        }
    };
    let heard = async {
        loop {
            if let Event::Message(message) = to.next().await.unwrap() {
                // The answer leaves with the next step.
                let step = tokio::time::timeout(Duration::from_millis(50), to.next()).await;
                assert!(step.is_err());
                return String::from_utf8(message.body).unwrap();
            }
        }
    };
    let (status, heard) = tokio::join!(sent, heard);
    assert_eq!(heard, text);
    status
}

/// A server with ana and rui, the runtime that it is on, and its folder.
fn house(change: impl FnOnce(&mut Config)) -> (Arc<Server>, Runtime, tempfile::TempDir) {
    let home = tempfile::tempdir().unwrap();
    let runtime = crate::app::context::runtime().unwrap();
    let mut config = Config {
        domain: DOMAIN.to_owned(),
        data_dir: home.path().join("data"),
        ..Config::default()
    };
    config.sip.listen = vec!["udp://127.0.0.1:0".parse().unwrap()];
    change(&mut config);
    let bound = bind(&config).unwrap();
    let handle = runtime.handle().clone();
    let server = runtime.block_on(async {
        let site = Site::open(config.into(), Clock::system(), &handle, Purpose::Server).unwrap();
        let site = Arc::new(site);
        let administration = Administration::new(Arc::clone(&site), None);
        for user in ["ana", "rui"] {
            let password = Some(Secret::new("a password".to_owned()));
            let (user, name) = (user.to_owned(), Some(user.to_owned()));
            let request =
                Request::UserAdd { user, name, mail: None, number: None, groups: vec![], password };
            assert!(matches!(
                administration.perform(&Actor::offline(), request).await,
                Ok(Reply::User(_))
            ));
        }
        let certificates = crate::app::front::certificates(&site);
        Server::open(site, bound, certificates, &handle).unwrap()
    });
    (server, runtime, home)
}

/// RFC 7118 s5, RFC 3261 s18.1.2: requests go down a WebSocket, and what comes back up is known by
/// our Via though the web listener's port is none of SIP's.
#[test]
fn messages_pass_between_a_websocket_and_a_datagram_client_both_ways() {
    let (server, runtime, _home) = house(|_| {});
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let web = listener.local_addr().unwrap();
        let upgrading = tokio::spawn(upgrade(listener, Arc::clone(&server.egress)));
        let mut ana = sign_in("ana", Transport::Ws, web).await;
        let mut rui = sign_in("rui", Transport::Udp, server.addresses()[0].socket).await;
        assert_eq!(write(&mut rui, &mut ana, "olá, Ana").await, 200);
        assert_eq!(write(&mut ana, &mut rui, "olá, Rui").await, 200);
        upgrading.abort();
    });
    // Both went straight, and were timed.
    assert_eq!(server.engine.delivery().count(), 2);
    assert!(server.engine.delivery().quantile(0.95).unwrap() < 2.0);
    server.stop();
}

/// What the server itself writes reaches whoever is here, also while nothing can be kept: that is when
/// alerts matter most.
#[test]
fn what_the_server_writes_arrives_whether_or_not_it_can_be_kept() {
    for most_held in [1_000, 0] {
        let (server, runtime, _home) = house(|config| {
            config.messages.max_held_per_user = most_held;
        });
        runtime.block_on(async {
            let mut rui = sign_in("rui", Transport::Udp, server.addresses()[0].socket).await;
            assert_eq!(server.tell_person("nobody", "is not here"), 0);
            assert_eq!(server.tell_person("rui", "the disk is full"), 1);
            loop {
                if let Event::Message(message) = rui.next().await.unwrap() {
                    assert_eq!(message.body, b"the disk is full");
                    break;
                }
            }
        });
        server.stop();
    }
}
