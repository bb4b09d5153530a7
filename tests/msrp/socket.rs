//! MSRP over WebSocket (RFC 7977).

use std::net::SocketAddr;

use tagus::msrp::peer::{Endpoint, Outbound, SessionOptions, Sink, Source};
use tagus::msrp::{Matching, Path};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::pair::{ANYWHERE, incoming, message, noise, plain, soon};

/// Takes one upgrade as a web server does, and gives the WebSocket to the endpoint.
async fn upgrade(listener: TcpListener, endpoint: Endpoint, local: SocketAddr) {
    let (mut socket, remote) = listener.accept().await.expect("a connection");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await.expect("a head"));
    }
    let head = String::from_utf8(head).expect("text");
    assert!(head.starts_with("GET /msrp HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("Sec-WebSocket-Protocol: msrp\r\n"), "{head}");
    let key = head.split("Sec-WebSocket-Key: ").nth(1).and_then(|rest| rest.split("\r\n").next());
    let accept = derive_accept_key(key.expect("a key").as_bytes());
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: msrp\r\n\r\n"
    );
    socket.write_all(answer.as_bytes()).await.expect("answered");
    endpoint.adopt_websocket(socket, local, remote);
}

// RFC 7977 s5.1, s5.3.1
#[tokio::test]
async fn texts_and_files_go_both_ways_over_a_websocket() {
    let (left, right) = (plain(), plain());
    let listener = TcpListener::bind(ANYWHERE).await.expect("a port");
    let local = listener.local_addr().expect("an address");
    // The URI that a WebSocket server gives out is not the one that the endpoint would.
    let options = SessionOptions { matching: Matching::SessionId, ..SessionOptions::default() };
    let offer = right.offer(false, options);
    let id = offer.path().last().session_id().expect("a session");
    let path = Path::parse(&format!("msrp://{local}/{id};ws")).expect("a path");
    tokio::spawn(upgrade(listener, right.clone(), local));
    let (passive, active) = soon(async {
        tokio::join!(offer.wait(None), left.connect(&path, SessionOptions::default()))
    })
    .await;
    let (mut passive, mut active) = (passive.expect("bound"), active.expect("connected"));
    for (length, seed) in [(10, 1), (60_000, 2), (1_219_974, 3)] {
        for inward in [true, false] {
            let (sender, receiver) =
                if inward { (&active, &mut passive) } else { (&passive, &mut active) };
            let bytes = noise(length, seed);
            let how = Outbound::new("application/octet-stream").report();
            let mut sending = sender.send(how, Source::memory(bytes.clone())).await;
            let came = if length > 64 * 1_024 {
                let sink = Sink::memory(length as u64);
                let mut receiving = incoming(receiver).await.accept(sink).await;
                soon(receiving.finished()).await.expect("all of it").memory
            } else {
                message(receiver).await.body
            };
            assert!(came == bytes, "{length} {inward}");
            assert_eq!(soon(sending.finished()).await, Ok(()));
        }
    }
}
