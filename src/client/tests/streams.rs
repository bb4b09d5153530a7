//! TLS and WebSocket, against servers made of other crates than the client.

use std::sync::Arc;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::accept_hdr_async;
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::tungstenite::handshake::server as http;

use super::*;
use crate::channel::ClientTls;
use crate::channel::testing::Authority;
use crate::client::carrier::Way;

fn way(transport: Transport, authority: &Authority, name: &str) -> Way {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let trust = ClientTls::new(provider, Arc::clone(&authority.roots)).unwrap();
    Way { transport, trust: Some(trust), name: Some(name.to_owned()) }
}

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    (listener, at)
}

/// RFC 3261 s26.2.1, RFC 5626 s4.4.1
#[tokio::test]
async fn messages_and_keep_alives_pass_over_tls() {
    let authority = Authority::new();
    let acceptor = TlsAcceptor::from(authority.server(&["campus.test"]));
    let (listener, server) = listener().await;
    let peer = async {
        let mut stream = acceptor.accept(accepted(&listener).await).await.unwrap();
        let mut buffer = vec![0; 65_536];
        let length = stream.read(&mut buffer).await.unwrap();
        let got = Got::of(&buffer[..length]);
        assert!(got.contact().contains(";transport=tls>"), "{}", got.contact());
        stream.write_all(b"\r\n\r\n").await.unwrap();
        stream.write_all(&got.answer(200, &[("Contact", &got.contact())])).await.unwrap();
        let mut pong = [0; 2];
        stream.read_exact(&mut pong).await.unwrap();
        assert_eq!(&pong, b"\r\n");
    };
    let client = async {
        let way = way(Transport::Tls, &authority, "campus.test");
        let mut session =
            Session::open(account(), way, server, "test", Clock::system()).await.unwrap();
        session.register(60);
        let event = session.next().await;
        assert!(matches!(event, Ok(super::super::agent::Event::Registered { .. })), "{event:?}");
        // The answer to the ping leaves with the next step.
        assert!(session.next().await.is_err());
    };
    tokio::join!(client, peer);
}

/// RFC 7118 s4, s5, s6
#[tokio::test]
#[expect(clippy::result_large_err, reason = "the callback's type is tungstenite's")]
async fn messages_and_keep_alives_pass_over_websocket_with_and_without_tls() {
    let authority = Authority::new();
    for transport in [Transport::Ws, Transport::Wss] {
        let acceptor = TlsAcceptor::from(authority.server(&["campus.test"]));
        let (listener, server) = listener().await;
        let (client_end, server_end) = tokio::io::duplex(64 * 1_024);
        let peer = async {
            let mut stream = accepted(&listener).await;
            // Between the sockets' ends, so that one script serves with TLS and without.
            let mut server_end = server_end;
            if transport == Transport::Wss {
                let mut stream = acceptor.accept(stream).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut stream, &mut server_end).await;
            } else {
                let _ = tokio::io::copy_bidirectional(&mut stream, &mut server_end).await;
            }
        };
        let script = async {
            let agree = |request: &http::Request, mut response: http::Response| {
                assert_eq!(request.headers()["sec-websocket-protocol"], "sip");
                assert_eq!(request.uri().path(), "/sip");
                response.headers_mut().insert("Sec-WebSocket-Protocol", "sip".parse().unwrap());
                Ok(response)
            };
            let mut websocket = accept_hdr_async(client_end, agree).await.unwrap();
            let got = Got::of(&websocket.next().await.unwrap().unwrap().into_data());
            let via = got.message().top_via().unwrap().transport().to_vec();
            assert_eq!(via, transport.via_name().as_bytes());
            assert!(got.contact().contains(";transport=ws>"), "{}", got.contact());
            websocket.send(Frame::text("\r\n\r\n")).await.unwrap();
            let answer = got.answer(200, &[("Contact", &got.contact())]);
            websocket.send(Frame::binary(answer)).await.unwrap();
            assert_eq!(websocket.next().await.unwrap().unwrap(), Frame::text("\r\n"));
            websocket.send(Frame::Ping("x".into())).await.unwrap();
            assert_eq!(websocket.next().await.unwrap().unwrap(), Frame::Pong("x".into()));
            websocket.close(None).await.unwrap();
        };
        let client = async {
            let way = way(transport, &authority, "campus.test");
            let mut session =
                Session::open(account(), way, server, "test", Clock::system()).await.unwrap();
            session.register(60);
            let event = session.next().await;
            assert!(matches!(event, Ok(super::super::agent::Event::Registered { .. })));
            assert!(session.next().await.is_err());
        };
        let all = async { tokio::join!(client, script) };
        tokio::select! { _ = all => {} () = async { peer.await; pending().await } => {} }
    }
}

/// RFC 5922 s7: the wrong name and the wrong authority are told apart from a server that is away.
#[tokio::test]
async fn a_server_that_does_not_prove_its_name_is_not_spoken_to() {
    let authority = Authority::new();
    let acceptor = TlsAcceptor::from(authority.server(&["campus.test"]));
    let other = Authority::new();
    for way in
        [way(Transport::Tls, &authority, "other.test"), way(Transport::Wss, &other, "campus.test")]
    {
        let (listener, server) = listener().await;
        let peer = async { acceptor.accept(accepted(&listener).await).await.is_err() };
        let (link, failed) = tokio::join!(Link::open(&way, server), peer);
        assert!(matches!(link.err(), Some(LinkError::NotProved { .. })));
        assert!(failed);
    }
    // Unless anybody will do.
    let (listener, server) = listener().await;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let way = Way {
        trust: Some(ClientTls::insecure(provider).unwrap()),
        ..way(Transport::Tls, &other, "other.test")
    };
    let peer = async { acceptor.accept(accepted(&listener).await).await.is_ok() };
    let (link, accepted) = tokio::join!(Link::open(&way, server), peer);
    assert!(link.is_ok() && accepted);
}

/// RFC 7118 s4.1
#[tokio::test]
async fn a_web_server_that_speaks_no_sip_is_not_spoken_to() {
    let (listener, server) = listener().await;
    let peer = async {
        let mut stream = accepted(&listener).await;
        let mut buffer = vec![0; 4_096];
        assert!(stream.read(&mut buffer).await.unwrap() > 0);
        stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").await.unwrap();
        stream
    };
    let way = Transport::Ws.into();
    let (link, _stream) = tokio::join!(Link::open(&way, server), peer);
    let error = link.err().unwrap();
    assert!(matches!(error, LinkError::Unreachable { .. }));
    assert!(error.to_string().contains("404 Not Found"), "{error}");
}
