//! A WebSocket as a browser opens it (RFC 7118 s4.1), by another implementation than the server's own
//! client.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use tagus::channel::read_roots;
use tokio_tungstenite::tungstenite::{ClientRequestBuilder, Error, Message, WebSocket, client};

use crate::server::{DOMAIN, Server};

trait Both: Read + Write {}
impl<T: Read + Write> Both for T {}

pub(crate) struct Web {
    socket: WebSocket<Box<dyn Both>>,
    pub(crate) tcp: TcpStream,
    pub(crate) secure: bool,
}

impl Web {
    pub(crate) fn open(server: &Server, secure: bool) -> Web {
        let at = server.web(if secure { "https://" } else { "http://" });
        let tcp = TcpStream::connect(at).expect("a connection");
        tcp.set_nodelay(true).expect("no delay");
        let stream = tcp.try_clone().expect("a handle");
        let stream: Box<dyn Both> =
            if secure { Box::new(over_tls(server, stream)) } else { Box::new(stream) };
        let uri = format!("ws://{DOMAIN}/sip").parse().expect("a URI");
        let request = ClientRequestBuilder::new(uri).with_sub_protocol("sip");
        let Ok((socket, _)) = client(request, stream) else { panic!("no WebSocket") };
        Web { socket, tcp, secure }
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        let message = match std::str::from_utf8(bytes) {
            Ok(text) => Message::text(text),
            Err(_) => Message::binary(bytes.to_vec()),
        };
        self.socket.send(message).expect("sent");
    }

    /// The next message; `None` when none came within this time.
    pub(crate) fn next(&mut self, wait: Duration) -> Option<Vec<u8>> {
        self.tcp.set_read_timeout(Some(wait)).expect("a timeout");
        match self.socket.read() {
            Ok(message @ (Message::Text(_) | Message::Binary(_))) => {
                Some(message.into_data().to_vec())
            }
            Ok(_) => None,
            Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => None,
            Err(error) => panic!("the WebSocket ended: {error}"),
        }
    }
}

fn over_tls(server: &Server, stream: TcpStream) -> StreamOwned<ClientConnection, TcpStream> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(read_roots(&server.authority()).expect("an authority"))
        .with_no_client_auth();
    let name = ServerName::try_from(DOMAIN).expect("a name");
    StreamOwned::new(ClientConnection::new(Arc::new(config), name).expect("a session"), stream)
}
