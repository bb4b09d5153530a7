//! The shell over loopback sockets, with a small scripted server at the other end.

mod streams;

use std::future::pending;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::oneshot;
use zeroize::Zeroizing;

use super::account::{Account, Target};
use super::echo::{self, Resident};
use super::link::{Arrival, Link, LinkError, resolve};
use super::listen::{self, Bounds};
use super::message::{self, Order};
use super::register::{self, Stay};
use super::session::Session;
use super::{ClientError, Notice};
use crate::clock::Clock;
use crate::sip::Transport;
use crate::sip::build::{RequestWriter, Response};
use crate::sip::header::HeaderName;
use crate::sip::method::Method;
use crate::sip::wire::{self, Framing, Layout, Limits, Message};

const DOMAIN: &str = "campus.test";
const CHALLENGE: &str = "Digest realm=\"campus.test\", nonce=\"n\", algorithm=MD5, qop=\"auth\"";

fn account() -> Account {
    let password = Zeroizing::new("secret".to_owned());
    Account { user: "ana".to_owned(), domain: DOMAIN.to_owned(), password }
}

/// The server's end of a UDP link, which answers by script.
struct Peer {
    socket: UdpSocket,
    client: Option<SocketAddr>,
}

/// What a peer got.
struct Got {
    bytes: Vec<u8>,
    layout: Layout,
}

impl Got {
    fn of(bytes: &[u8]) -> Got {
        let mut layout = Layout::default();
        wire::scan(bytes, Framing::Stream, &Limits::default(), &mut layout).unwrap();
        Got { bytes: bytes.to_vec(), layout }
    }

    fn message(&self) -> Message<'_> {
        Message::new(&self.bytes, &self.layout)
    }

    fn contact(&self) -> String {
        let contact = self.message().header(HeaderName::Contact).unwrap();
        String::from_utf8(contact.to_vec()).unwrap()
    }

    fn answer(&self, status: u16, headers: &[(&str, &str)]) -> Vec<u8> {
        let message = self.message();
        let mut response = Response::new(&message, status, None).to_tag("peer");
        for (name, value) in headers {
            response = response.header(name, *value);
        }
        let mut out = Vec::new();
        response.write(&mut out);
        out
    }
}

impl Peer {
    async fn new() -> (Peer, SocketAddr) {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        (Peer { socket, client: None }, address)
    }

    async fn get(&mut self, method: Method<'_>) -> Got {
        let mut buffer = vec![0; 65_535];
        let (length, from) = self.socket.recv_from(&mut buffer).await.unwrap();
        self.client = Some(from);
        let got = Got::of(&buffer[..length]);
        assert_eq!(got.message().method(), method, "{}", got.bytes.escape_ascii());
        got
    }

    async fn send(&self, bytes: &[u8]) {
        self.socket.send_to(bytes, self.client.unwrap()).await.unwrap();
    }

    async fn answer(&mut self, method: Method<'_>, status: u16, headers: &[(&str, &str)]) -> Got {
        let got = self.get(method).await;
        self.send(&got.answer(status, headers)).await;
        got
    }

    /// Takes a registration, with a challenge first.
    async fn register(&mut self) {
        self.answer(Method::Register, 401, &[("WWW-Authenticate", CHALLENGE)]).await;
        let got = self.get(Method::Register).await;
        assert!(got.message().header(HeaderName::Authorization).is_some());
        self.send(&got.answer(200, &[("Contact", &got.contact())])).await;
    }

    /// Takes an unregistration.
    async fn unregister(&mut self) {
        let got = self.answer(Method::Register, 200, &[]).await;
        assert!(got.contact().ends_with(";expires=0"), "{}", got.contact());
    }

    /// Writes to the client and takes its answer, which must be 200.
    async fn write(&mut self, from: &str, number: u32, body: &str) {
        self.write_dated(from, number, body, &[]).await;
    }

    async fn write_dated(
        &mut self,
        from: &str,
        number: u32,
        body: &str,
        headers: &[(&str, &[u8])],
    ) {
        self.send(&request(from, number, body, headers)).await;
        let answer = self.get(Method::Message).await;
        assert_eq!(answer.message().status(), 200);
    }
}

fn request(from: &str, number: u32, body: &str, headers: &[(&str, &[u8])]) -> Vec<u8> {
    let via = format!("SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK{number}");
    let mut out = Vec::new();
    RequestWriter {
        method: Method::Message,
        uri: b"sip:ana@127.0.0.1",
        via: via.as_bytes(),
        from: format!("<{from}>;tag=t{number}").as_bytes(),
        to: b"<sip:ana@campus.test>",
        call_id: b"call",
        cseq: number,
        max_forwards: 70,
        headers,
        body: Some(("text/plain", body.as_bytes())),
    }
    .write(&mut out);
    out
}

async fn session(transport: Transport, server: SocketAddr) -> Session {
    Session::open(account(), transport, server, "test", Clock::system()).await.unwrap()
}

fn names(told: &[Notice]) -> Vec<&'static str> {
    told.iter()
        .map(|notice| match notice {
            Notice::Registered { .. } => "registered",
            Notice::RegistrationFailed { .. } => "registration_failed",
            Notice::Unregistered => "unregistered",
            Notice::Sent { .. } => "sent",
            Notice::Message(_) => "message",
            Notice::Reply { .. } => "reply",
            Notice::Published { .. } => "published",
            Notice::PublishFailed { .. } => "publish_failed",
            Notice::Unpublished => "unpublished",
            Notice::Watching { .. } => "watching",
            Notice::Notified { .. } => "notified",
        })
        .collect()
}

/// RFC 3261 s10.2: bound, told, and taken back at the end.
#[tokio::test]
async fn register_stays_until_it_is_stopped_and_unregisters() {
    let (mut peer, server) = Peer::new().await;
    let (stop, stopped) = oneshot::channel::<()>();
    let script = async {
        peer.register().await;
        peer.unregister().await;
    };
    let mut told = Vec::new();
    let client = async {
        let mut session = session(Transport::Udp, server).await;
        let mut stop = Some(stop);
        // Stopped as soon as it has told the registration.
        let mut tell = |notice| {
            told.push(notice);
            drop(stop.take());
        };
        let stop = async { drop(stopped.await) };
        register::register(&mut session, 600, Stay::UntilStopped, stop, &mut tell).await
    };
    let (result, ()) = tokio::join!(client, script);
    result.unwrap();
    assert_eq!(names(&told), ["registered", "unregistered"]);
    let Notice::Registered { user, expires: 600, .. } = &told[0] else { panic!("{told:?}") };
    assert_eq!(user, "ana@campus.test");
}

#[tokio::test]
async fn register_once_leaves_the_binding_and_a_refusal_is_an_error() {
    let (mut peer, server) = Peer::new().await;
    let script = async {
        peer.register().await;
        peer.answer(Method::Register, 403, &[]).await;
    };
    let client = async {
        let mut told = Vec::new();
        let mut tell = |notice| told.push(notice);
        let mut first = session(Transport::Udp, server).await;
        register::register(&mut first, 600, Stay::Once, pending(), &mut tell).await.unwrap();
        let mut second = session(Transport::Udp, server).await;
        let refused = register::register(&mut second, 600, Stay::Once, pending(), &mut tell).await;
        assert!(matches!(refused, Err(ClientError::Refused(o)) if o.status == 403));
        assert_eq!(names(&told), ["registered"]);
    };
    tokio::join!(client, script);
}

fn order(wait_reply: Option<Duration>) -> Order {
    let to = Target::parse("echo", DOMAIN).unwrap();
    Order { to, text: "hello".to_owned(), wait_reply }
}

/// RFC 3428 s5: the sender is challenged; 202 means kept.
#[tokio::test]
async fn a_message_is_sent_and_its_answer_told() {
    let (mut peer, server) = Peer::new().await;
    let script = async {
        peer.answer(Method::Message, 407, &[("Proxy-Authenticate", CHALLENGE)]).await;
        let got = peer.answer(Method::Message, 202, &[]).await;
        assert_eq!(got.message().body(), b"hello");
        assert!(got.message().header(HeaderName::ProxyAuthorization).is_some());
        peer.answer(Method::Message, 404, &[]).await;
    };
    let mut told = Vec::new();
    let client = async {
        let mut session = session(Transport::Udp, server).await;
        let mut tell = |notice| told.push(notice);
        message::message(&mut session, &order(None), pending(), &mut tell).await.unwrap();
        let missing = message::message(&mut session, &order(None), pending(), &mut tell).await;
        assert!(matches!(missing, Err(ClientError::Failed(o)) if o.status == 404));
    };
    tokio::join!(client, script);
    assert_eq!(names(&told), ["sent", "sent"]);
    assert!(told[0].to_string().starts_with("202 Accepted: not delivered yet"));
    assert!(told[1].to_string().starts_with("404 Not Found in "));
}

/// What is older than our message, or from somebody else, or no text, is no reply.
#[tokio::test]
async fn a_reply_is_from_the_same_person_and_not_older_than_the_message() {
    let (mut peer, server) = Peer::new().await;
    let script = async {
        peer.register().await;
        let message = peer.get(Method::Message).await;
        peer.write("sip:eva@campus.test", 1, "from somebody else").await;
        let old: (&str, &[u8]) = ("Date", b"Sat, 13 Nov 2010 21:09:31 GMT");
        peer.write_dated("sip:echo@campus.test", 2, "kept since 2010", &[old]).await;
        peer.send(&message.answer(200, &[])).await;
        peer.write("sip:Echo@Campus.test", 3, "echo: hello").await;
        peer.unregister().await;
    };
    let mut told = Vec::new();
    let client = async {
        let mut session = session(Transport::Udp, server).await;
        let mut tell = |notice| told.push(notice);
        let order = order(Some(Duration::from_secs(30)));
        message::message(&mut session, &order, pending(), &mut tell).await.unwrap();
    };
    tokio::join!(client, script);
    assert_eq!(names(&told), ["message", "message", "sent", "reply"]);
    let Notice::Reply { text, ms } = &told[3] else { panic!("{told:?}") };
    assert_eq!((text.from.as_str(), text.body.as_str()), ("echo@campus.test", "echo: hello"));
    assert!(*ms > 0.0);
}

#[tokio::test]
async fn no_reply_in_time_is_an_error() {
    let (mut peer, server) = Peer::new().await;
    let script = async {
        peer.register().await;
        peer.answer(Method::Message, 200, &[]).await;
        peer.unregister().await;
    };
    let client = async {
        let mut session = session(Transport::Udp, server).await;
        let order = order(Some(Duration::from_millis(20)));
        let late = message::message(&mut session, &order, pending(), &mut |_| {}).await;
        assert!(matches!(late, Err(ClientError::NoReply(_))));
    };
    tokio::join!(client, script);
}

#[tokio::test]
async fn listen_tells_each_message_and_ends_after_a_count() {
    let (mut peer, server) = Peer::new().await;
    let script = async {
        peer.register().await;
        peer.write("sip:rui@campus.test", 1, "one").await;
        peer.write("sip:rui@campus.test", 2, "two\x1b[31m").await;
        peer.unregister().await;
    };
    let mut told = Vec::new();
    let client = async {
        let mut session = session(Transport::Udp, server).await;
        let bounds = Bounds { duration: None, count: Some(2) };
        let mut tell = |notice| told.push(notice);
        listen::listen(&mut session, bounds, pending(), &mut tell).await.unwrap();
    };
    tokio::join!(client, script);
    assert_eq!(names(&told), ["registered", "message", "message", "unregistered"]);
    let json = serde_json::to_value(&told[1]).unwrap();
    assert_eq!(json["event"], "message");
    assert_eq!((&json["from"], &json["body"]), (&"rui@campus.test".into(), &"one".into()));
}

/// A resident answers others, never itself and never an echo.
#[tokio::test]
async fn echo_answers_everybody_but_itself_and_other_echoes() {
    let (mut peer, server) = Peer::new().await;
    let (stop, stopped) = oneshot::channel::<()>();
    let (ready, is_ready) = oneshot::channel();
    let script = async {
        peer.register().await;
        is_ready.await.unwrap();
        peer.write("sip:ana@campus.test", 1, "to itself").await;
        peer.write("sip:rui@campus.test", 2, "echo: echo").await;
        peer.write("sip:rui@campus.test", 3, "olá").await;
        let echo = peer.answer(Method::Message, 200, &[]).await;
        assert_eq!(echo.message().request_uri(), b"sip:rui@campus.test");
        assert_eq!(echo.message().body(), "echo: olá".as_bytes());
        // Even the longest words come back in one datagram.
        peer.write("sip:rui@campus.test", 4, &"ã".repeat(1_000)).await;
        let echo = peer.answer(Method::Message, 200, &[]).await;
        assert!(echo.message().body().starts_with("echo: ããã".as_bytes()));
        stop.send(()).unwrap();
        peer.unregister().await;
    };
    let Account { user, domain, password } = account();
    let resident = Resident { server, domain, user, password };
    let stop = async { drop(stopped.await) };
    let (result, ()) = tokio::join!(echo::run(resident, Clock::system(), ready, stop), script);
    result.unwrap();
}

#[tokio::test]
async fn echo_ends_when_its_account_is_refused() {
    let (mut peer, server) = Peer::new().await;
    let (ready, is_ready) = oneshot::channel();
    let Account { user, domain, password } = account();
    let resident = Resident { server, domain, user, password };
    let (result, _) = tokio::join!(
        echo::run(resident, Clock::system(), ready, pending()),
        peer.answer(Method::Register, 403, &[])
    );
    assert!(matches!(result, Err(ClientError::Refused(_))));
    assert!(is_ready.await.is_err());
}

/// RFC 3261 s18.4: an ICMP error is a failed transport, and not waited for.
#[tokio::test]
async fn a_port_where_nobody_is_ends_a_message_at_once() {
    let (peer, server) = Peer::new().await;
    drop(peer);
    let mut session = session(Transport::Udp, server).await;
    let failed = message::message(&mut session, &order(None), pending(), &mut |_| {}).await;
    assert!(matches!(failed, Err(ClientError::Unreachable(o)) if o.status == 503));
    assert!(matches!(
        Link::open(&Transport::Tcp.into(), server).await,
        Err(LinkError::Unreachable { .. })
    ));
}

async fn accepted(listener: &TcpListener) -> TcpStream {
    listener.accept().await.unwrap().0
}

/// RFC 3261 s18.3: messages of a stream end where Content-Length says, however they are cut.
#[tokio::test]
async fn messages_over_tcp_are_framed_and_pings_answered() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = listener.local_addr().unwrap();
    let script = async {
        let mut stream = accepted(&listener).await;
        let mut buffer = vec![0; 65_536];
        let length = stream.read(&mut buffer).await.unwrap();
        let got = Got::of(&buffer[..length]);
        assert!(got.contact().contains(";transport=tcp>"), "{}", got.contact());
        let mut out = b"\r\n\r\n".to_vec();
        out.extend(got.answer(200, &[("Contact", &got.contact())]));
        out.extend(request("sip:rui@campus.test", 1, "one", &[]));
        let two = request("sip:rui@campus.test", 2, "two", &[]);
        out.extend(&two[..30]);
        stream.write_all(&out).await.unwrap();
        // The ping's CRLF comes before the answer to the first message.
        let mut pong = [0; 2];
        stream.read_exact(&mut pong).await.unwrap();
        assert_eq!(&pong, b"\r\n");
        stream.write_all(&two[30..]).await.unwrap();
        let mut rest = Vec::new();
        while !String::from_utf8_lossy(&rest).contains(";expires=0") {
            assert!(stream.read_buf(&mut rest).await.unwrap() > 0);
        }
        // A server that ends the connection instead of an answer holds nobody up.
        drop(stream);
    };
    let mut told = Vec::new();
    let client = async {
        let mut session = session(Transport::Tcp, server).await;
        let bounds = Bounds { duration: None, count: Some(2) };
        let mut tell = |notice| told.push(notice);
        let user = listen::listen(&mut session, bounds, pending(), &mut tell);
        user.await.unwrap();
    };
    tokio::join!(script, client);
    assert_eq!(names(&told), ["registered", "message", "message"]);
}

#[tokio::test]
async fn a_connection_that_ends_is_an_error() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = listener.local_addr().unwrap();
    let client = async {
        let mut session = session(Transport::Tcp, server).await;
        message::message(&mut session, &order(None), pending(), &mut |_| {}).await
    };
    let script = async { drop(accepted(&listener).await) };
    let (failed, ()) = tokio::join!(client, script);
    assert!(matches!(failed, Err(ClientError::Unreachable(o)) if o.status == 503));
}

/// RFC 5626 s3.5.1: a double CRLF; and a call that was cancelled sends nothing twice.
#[tokio::test]
async fn what_is_queued_survives_a_cancelled_flush() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = listener.local_addr().unwrap();
    let way = Transport::Tcp.into();
    let (link, mut stream) = tokio::join!(Link::open(&way, server), accepted(&listener));
    let mut link = link.unwrap();
    // More than the sockets' buffers hold, so that the first flush cannot end.
    let large: Vec<u8> = (0..16_u32 << 20).map(|at| (at % 251) as u8).collect();
    link.queue(large.clone().into());
    link.keep_alive();
    let cancelled = tokio::time::timeout(Duration::from_millis(20), link.flush()).await;
    assert!(cancelled.is_err(), "the buffers hold 16 MiB");
    let mut received = vec![0; large.len() + 4];
    let (flushed, read) = tokio::join!(link.flush(), stream.read_exact(&mut received));
    flushed.unwrap();
    read.unwrap();
    assert!(received[..large.len()] == large[..] && received[large.len()..] == *b"\r\n\r\n");
    drop(stream);
    assert!(link.receive().await.is_err());
}

#[tokio::test]
async fn a_datagram_of_line_ends_is_passed_over() {
    let (peer, server) = Peer::new().await;
    let mut link = Link::open(&Transport::Udp.into(), server).await.unwrap();
    let client = link.flow().local;
    for datagram in [&b"\r\n\r\n"[..], b"", b"\0", b"hello"] {
        peer.socket.send_to(datagram, client).await.unwrap();
    }
    assert_eq!(link.receive().await.unwrap(), Arrival::Message("hello".into()));
}

#[tokio::test]
async fn a_server_is_named_by_address_or_name_with_or_without_a_port() {
    for (name, address) in [
        ("127.0.0.1", "127.0.0.1:5060"),
        ("127.0.0.1:5070", "127.0.0.1:5070"),
        ("::1", "[::1]:5060"),
        ("[::1]", "[::1]:5060"),
        ("[::1]:5070", "[::1]:5070"),
    ] {
        assert_eq!(resolve(name, 5060).await.unwrap(), address.parse().unwrap(), "{name}");
    }
    let local = resolve("localhost:5070", 5060).await.unwrap();
    assert!(local.ip().is_loopback() && local.port() == 5070);
    assert!(matches!(resolve("no such name", 5060).await, Err(LinkError::NoAddress(_))));
}

/// A call of [`Session::next`] may be dropped at any time.
#[tokio::test]
async fn a_session_goes_on_after_a_cancelled_wait() {
    let (mut peer, server) = Peer::new().await;
    let mut session = session(Transport::Udp, server).await;
    let mut never = pin!(pending());
    session.register(60);
    let soon = session.clock().now() + Duration::from_millis(5);
    assert_eq!(session.next_until(Some(soon), never.as_mut()).await.unwrap(), None);
    let (event, ()) = tokio::join!(session.next(), peer.register());
    assert!(matches!(event, Ok(super::agent::Event::Registered { .. })));
}
