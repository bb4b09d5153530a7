//! WebSocket after its opening handshake, over real loopback sockets.

use std::io::Write;
use std::net::{TcpListener, TcpStream};

use bytes::Bytes;
use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};
use tokio_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::frame::{Frame, FrameHeader};
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message, WebSocket};

use super::streams::{closed, message, reset};
use super::*;
use crate::channel::testing::Authority;
use crate::net::Upgraded;

/// A server whose connections come from a listener of the test.
struct Site {
    server: Server,
    listener: TcpListener,
    /// Stands in for the web listener's.
    runtime: tokio::runtime::Runtime,
}

type Client = WebSocket<TcpStream>;

impl Site {
    fn new(limits: Limits) -> Site {
        Site {
            server: serve(&["udp://127.0.0.1:0"], 1, limits),
            listener: TcpListener::bind("127.0.0.1:0").unwrap(),
            runtime: tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .enable_all()
                .build()
                .unwrap(),
        }
    }

    /// A connection whose handshake is taken as done, and what was read behind it.
    fn connect_with(&self, read_ahead: &[u8]) -> TcpStream {
        let stream = TcpStream::connect(self.listener.local_addr().unwrap()).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let (accepted, _) = self.listener.accept().unwrap();
        accepted.set_nonblocking(true).unwrap();
        let _runtime = self.runtime.enter();
        let socket = tokio::net::TcpStream::from_std(accepted).unwrap();
        let read_ahead = Bytes::copy_from_slice(read_ahead);
        self.server.egress.accept_websocket(Upgraded {
            socket,
            tls: None,
            read_ahead,
            place: None,
        });
        stream
    }

    fn connect(&self) -> Client {
        WebSocket::from_raw_socket(self.connect_with(&[]), Role::Client, None)
    }
}

fn code_of(message: Message) -> CloseCode {
    let Message::Close(Some(frame)) = message else { panic!("no close frame: {message:?}") };
    frame.code
}

/// RFC 7118 s4.2: text or binary, one message in each.
#[test]
fn a_message_in_text_or_binary_is_answered() {
    let site = Site::new(Limits::default());
    let mut client = site.connect();
    let bytes = message("grüße");
    client.send(Message::text(String::from_utf8(bytes.clone()).unwrap())).unwrap();
    assert_eq!(client.read().unwrap().into_data(), bytes);
    client.send(Message::binary(bytes.clone())).unwrap();
    assert_eq!(client.read().unwrap().into_data(), bytes);
    let Event::Received(flow, received) = site.server.event() else { panic!("no message") };
    assert_eq!((flow.transport, received), (Transport::Ws, bytes));
    assert_eq!(flow.remote, client.get_ref().local_addr().unwrap());
    // What is no text goes as binary.
    let bytes = [&message("")[..], b"\xff\xfe"].concat();
    client.send(Message::binary(bytes.clone())).unwrap();
    assert_eq!(client.read().unwrap(), Message::binary(bytes));
}

/// RFC 7118 s4: there is no need for Content-Length.
#[test]
fn a_message_without_content_length_is_whole() {
    let site = Site::new(Limits::default());
    let mut client = site.connect();
    let text = "MESSAGE sip:a@b SIP/2.0\r\nCall-ID: 1\r\n\r\nthe body";
    client.send(Message::text(text)).unwrap();
    assert_eq!(client.read().unwrap().into_text().unwrap(), text);
    client.send(Message::text(text)).unwrap();
    assert_eq!(client.read().unwrap().into_text().unwrap(), text);
}

#[test]
fn what_was_read_with_the_handshake_is_not_lost() {
    let site = Site::new(Limits::default());
    let bytes = message("early");
    let mut frame = Frame::message(bytes.clone(), OpCode::Data(Data::Text), true);
    frame.header_mut().mask = Some([1, 2, 3, 4]);
    let mut wire = Vec::new();
    frame.format(&mut wire).unwrap();
    let (ahead, later) = wire.split_at(40);
    let mut stream = site.connect_with(ahead);
    stream.write_all(later).unwrap();
    let mut client = WebSocket::from_raw_socket(stream, Role::Client, None);
    assert_eq!(client.read().unwrap().into_data(), bytes);
}

/// RFC 7118 s6, RFC 5626 s4.4.1, RFC 6455 s5.5.2
#[test]
fn keep_alives_of_both_kinds_are_answered() {
    let site = Site::new(Limits::default());
    let mut client = site.connect();
    client.send(Message::text("\r\n\r\n")).unwrap();
    assert_eq!(client.read().unwrap(), Message::text("\r\n"));
    client.send(Message::text("\r\n")).unwrap();
    client.send(Message::Ping(Bytes::from_static(b"there?"))).unwrap();
    assert_eq!(client.read().unwrap(), Message::Pong(Bytes::from_static(b"there?")));
}

/// S59: the whole in pieces up to the limit.
#[test]
fn a_message_in_many_pieces_is_put_together() {
    let site = Site::new(Limits::default());
    let mut client = site.connect();
    let bytes = message(&"x".repeat(9_000));
    let last = bytes.len() - 1;
    for (index, byte) in bytes.iter().enumerate() {
        let code = if index == 0 { Data::Text } else { Data::Continue };
        let frame = Frame::message(vec![*byte], OpCode::Data(code), index == last);
        client.write(Message::Frame(frame)).unwrap();
    }
    client.flush().unwrap();
    assert_eq!(client.read().unwrap().into_data(), bytes);
}

/// S59, WS: RFC 6455 s7.4.1, 1009.
#[test]
fn a_message_beyond_the_limit_is_closed_as_too_big() {
    let site = Site::new(Limits::default());
    let limit = Limits::default().message.message_bytes as usize;
    // In one frame: told by its header, before any of it comes.
    let header = FrameHeader {
        mask: Some([0; 4]),
        opcode: OpCode::Data(Data::Binary),
        ..FrameHeader::default()
    };
    let mut wire = Vec::new();
    header.format(2 << 20, &mut wire).unwrap();
    let mut stream = site.connect_with(&[]);
    stream.write_all(&wire).unwrap();
    let mut client = WebSocket::from_raw_socket(stream, Role::Client, None);
    assert_eq!(code_of(client.read().unwrap()), CloseCode::Size);
    // In pieces.
    let mut client = site.connect();
    for index in 0..=(limit / 1_000) {
        let code = if index == 0 { Data::Binary } else { Data::Continue };
        let frame = Frame::message(vec![b'x'; 1_000], OpCode::Data(code), false);
        if client.send(Message::Frame(frame)).is_err() {
            break;
        }
    }
    assert_eq!(code_of(client.read().unwrap()), CloseCode::Size);
    assert!(matches!(site.server.event(), Event::Closed(_)));
}

/// RFC 6455 s5.1, 1002.
#[test]
fn an_unmasked_frame_is_closed_as_a_protocol_error() {
    let site = Site::new(Limits::default());
    let mut wire = Vec::new();
    let frame = Frame::message(message("bare"), OpCode::Data(Data::Text), true);
    frame.format(&mut wire).unwrap();
    let mut stream = site.connect_with(&[]);
    stream.write_all(&wire).unwrap();
    let mut client = WebSocket::from_raw_socket(stream, Role::Client, None);
    assert_eq!(code_of(client.read().unwrap()), CloseCode::Protocol);
    assert!(matches!(site.server.event(), Event::Closed(_)), "it was handled");
}

/// RFC 6455 s8.1, 1007.
#[test]
fn text_that_is_none_is_closed_as_invalid() {
    let site = Site::new(Limits::default());
    let mut client = site.connect();
    let frame = Frame::message(&b"\xff\xfe"[..], OpCode::Data(Data::Text), true);
    client.send(Message::Frame(frame)).unwrap();
    assert_eq!(code_of(client.read().unwrap()), CloseCode::Invalid);
}

/// S59: half a message is given to the engine to be answered, and is the last.
#[test]
fn half_a_message_is_answered_and_the_last() {
    let site = Site::new(Limits::default());
    let whole = message("promised");
    for half in [&whole[..whole.len() - 1], &whole[..40]] {
        let mut client = site.connect();
        client.send(Message::binary(half.to_vec())).unwrap();
        client.send(Message::binary(whole.clone())).unwrap();
        assert_eq!(client.read().unwrap().into_data(), half);
        assert_eq!(code_of(client.read().unwrap()), CloseCode::Normal);
        assert!(matches!(site.server.event(), Event::Received(_, bytes) if bytes == half));
        assert!(matches!(site.server.event(), Event::Closed(_)));
    }
}

/// T13
#[test]
fn what_is_not_sip_in_a_websocket_is_closed_without_an_answer() {
    let site = Site::new(Limits::default());
    for text in ["hello", "GET / HTTP/1.1\r\n\r\n", "{\"method\":\"login\"}\r\n"] {
        let mut client = site.connect();
        client.send(Message::text(text)).unwrap();
        assert_eq!(code_of(client.read().unwrap()), CloseCode::Normal);
        assert!(matches!(site.server.event(), Event::Closed(_)));
    }
}

/// S57, S59: answered up to the bucket, then closed; of every kind of keep-alive.
#[test]
fn a_flood_of_keep_alives_ends_the_connection() {
    let site = Site::new(Limits::default());
    for ping in [Message::Ping(Bytes::new()), Message::text("\r\n\r\n"), Message::binary("")] {
        let mut client = site.connect();
        let sent = (0..1_000).take_while(|_| client.send(ping.clone()).is_ok()).count();
        let mut answered = 0;
        loop {
            match client.read() {
                Ok(Message::Close(_)) | Err(_) => break,
                Ok(_) => answered += 1,
            }
        }
        assert!(answered < 200, "{answered} of {sent}");
        while !matches!(site.server.event(), Event::Closed(_)) {}
    }
}

/// RFC 6455 s5.5.2: who is silent is asked, and who does not answer is gone.
#[test]
fn a_silent_client_is_asked_and_a_dead_one_is_ended() {
    let limits = |pong_timeout| Limits {
        ping_after: Duration::from_millis(50),
        pong_timeout,
        ..Limits::default()
    };
    let signed_in = |site: &Site| {
        let mut client = site.connect();
        client.send(Message::text(String::from_utf8(message("authenticate")).unwrap())).unwrap();
        assert!(client.read().unwrap().is_text());
        client
    };
    let site = Site::new(limits(Duration::from_secs(30)));
    let mut client = signed_in(&site);
    // Reading answers.
    for _ in 0..3 {
        assert_eq!(client.read().unwrap(), Message::Ping(Bytes::new()));
        client.flush().unwrap();
    }
    assert_eq!(site.server.egress.counters().timed_out, 0);
    let site = Site::new(limits(Duration::from_millis(100)));
    let _client = signed_in(&site);
    // Nobody reads: the ping is not answered.
    assert!(matches!(site.server.event(), Event::Received(..)));
    assert!(matches!(site.server.event(), Event::Closed(_)));
    assert_eq!(site.server.egress.counters().timed_out, 1);
}

/// RFC 6455 s5.5.1
#[test]
fn a_close_frame_is_answered_and_ends_the_connection() {
    let site = Site::new(Limits::default());
    let mut client = site.connect();
    client.close(None).unwrap();
    assert!(matches!(client.read(), Ok(Message::Close(_))));
    assert!(matches!(client.read(), Err(Error::ConnectionClosed)));
    assert!(matches!(site.server.event(), Event::Closed(_)));
    assert_eq!(site.server.egress.counters().connections, 0);
}

/// RFC 7118 s5: nobody is called back but over the WebSocket that he opened.
#[test]
fn a_websocket_is_reached_by_its_flow_only() {
    let site = Site::new(Limits::default());
    let mut client = site.connect();
    client.send(Message::text(String::from_utf8(message("hello")).unwrap())).unwrap();
    assert!(client.read().unwrap().is_text());
    let Event::Received(flow, _) = site.server.event() else { panic!("no message") };
    let mut outbox = site.server.egress.outbox();
    let unbound = Flow { connection: ConnectionId::NONE, ..flow };
    outbox.send(unbound, message("lost").into(), Some(1));
    outbox.send(flow, message("found").into(), Some(2));
    outbox.flush();
    assert_eq!(client.read().unwrap().into_data(), message("found"));
    let failure = SendFailure { flow: unbound, token: 1, failure: Failure::NoRoute };
    assert_eq!(site.server.event(), Event::Failed(failure));
}

/// N-conn: the upgrade is no way around the limits of SIP.
#[test]
fn limits_hold_for_websockets_as_for_streams() {
    let site = Site::new(Limits { connections_per_source: 1, ..Limits::default() });
    let mut first = site.connect();
    first.send(Message::text("\r\n\r\n")).unwrap();
    assert!(first.read().is_ok());
    assert_eq!(closed(&mut site.connect_with(&[])), b"");
    first.send(Message::text("\r\n\r\n")).unwrap();
    assert!(first.read().is_ok());
    assert_eq!(site.server.egress.counters().refused, 1);
}

/// T14
#[test]
fn resets_at_any_offset_of_a_websocket_leave_the_counters_where_they_were() {
    let site = Site::new(Limits::default());
    let mut wire = Vec::new();
    for text in ["first", "second"] {
        let mut frame = Frame::message(message(text), OpCode::Data(Data::Text), true);
        frame.header_mut().mask = Some([9; 4]);
        frame.format(&mut wire).unwrap();
    }
    for offset in (0..=wire.len()).step_by(3) {
        let mut stream = site.connect_with(&[]);
        stream.write_all(&wire[..offset]).unwrap();
        reset(stream);
    }
    let mut last = site.connect();
    last.send(Message::text("\r\n\r\n")).unwrap();
    assert!(last.read().is_ok());
    drop(last);
    let mut closed = 0;
    while closed < site.server.egress.counters().accepted {
        if let Event::Closed(_) = site.server.event() {
            closed += 1;
        }
    }
    let counters = site.server.egress.counters();
    assert_eq!((counters.connections, counters.queued_bytes), (0, 0));
}

/// TLS that another part of the server began goes on here.
#[test]
fn a_tls_session_is_taken_over_from_the_web_listener() {
    let site = Site::new(Limits::default());
    let authority = Authority::new();
    let acceptor = tokio_rustls::TlsAcceptor::from(authority.server(&["campus.example"]));
    let config = authority.client(rustls::DEFAULT_VERSIONS);
    let at = site.listener.local_addr().unwrap();
    let client = std::thread::spawn(move || {
        let stream = TcpStream::connect(at).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let name = ServerName::try_from("campus.example").unwrap();
        let connection = ClientConnection::new(config, name).unwrap();
        let stream = StreamOwned::new(connection, stream);
        let mut client = WebSocket::from_raw_socket(stream, Role::Client, None);
        for body in ["one", "two"] {
            client.send(Message::binary(message(body))).unwrap();
            assert_eq!(client.read().unwrap().into_data(), message(body));
        }
        client.close(None).unwrap();
        assert!(matches!(client.read(), Ok(Message::Close(_))));
    });
    let (accepted, _) = site.listener.accept().unwrap();
    accepted.set_nonblocking(true).unwrap();
    let stream = site.runtime.block_on(async {
        let socket = tokio::net::TcpStream::from_std(accepted).unwrap();
        acceptor.accept(socket).await.unwrap()
    });
    let (socket, tls) = stream.into_inner();
    let (tls, read_ahead) = (Some(Box::new(tls)), Bytes::new());
    let upgraded = Upgraded { socket, tls, read_ahead, place: None };
    site.server.egress.accept_websocket(upgraded);
    client.join().unwrap();
    let Event::Received(flow, _) = site.server.event() else { panic!("no message") };
    assert_eq!(flow.transport, Transport::Wss);
}

/// A client that takes larger messages than its server.
#[test]
fn messages_up_to_the_limit_pass_both_ways() {
    let site = Site::new(Limits::default());
    let config = WebSocketConfig::default();
    let mut client = WebSocket::from_raw_socket(site.connect_with(&[]), Role::Client, Some(config));
    let bytes = message(&"x".repeat(60_000));
    client.send(Message::binary(bytes.clone())).unwrap();
    assert_eq!(client.read().unwrap().into_data(), bytes);
}
