//! A web client of few words: it sends what it is told, and shows what came back.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConnection, RootCertStore, StreamOwned};

use crate::support::server::Server;

/// Longer than every limit that a test waits for.
const PATIENCE: Duration = Duration::from_secs(20);

/// Where a server's web answers.
pub(crate) struct Site {
    pub(crate) server: Server,
    pub(crate) plain: SocketAddr,
    pub(crate) secure: SocketAddr,
}

impl Site {
    /// A server with both listeners on free ports, and more configuration (whole sections).
    pub(crate) fn new(more: &str) -> Site {
        Site::with("", more)
    }

    /// The same, with more keys of `[web]`.
    pub(crate) fn with(web: &str, more: &str) -> Site {
        let listen = "listen = [\"http://127.0.0.1:0\", \"https://127.0.0.1:0\"]";
        let tls = if more.contains("[tls]") { "" } else { "[tls]\nmode = \"internal\"\n" };
        let server = Server::start(&format!("[web]\n{listen}\n{web}\n{tls}{more}"));
        let (plain, secure) = (server.web("http://"), server.web("https://"));
        Site { server, plain, secure }
    }

    /// A counter of `status --json`.
    pub(crate) fn count(&self, name: &str) -> u64 {
        let status = self.server.run(&["status", "--json"], None).json();
        status["counters"][name].as_u64().unwrap_or_else(|| panic!("no {name} in {status}"))
    }

    pub(crate) fn connect(&self) -> TcpStream {
        connect(self.plain)
    }

    /// A TLS connection whose certificate was verified against our authority, for `name`.
    pub(crate) fn connect_secure(
        &self,
        name: &str,
        roots: RootCertStore,
    ) -> StreamOwned<ClientConnection, TcpStream> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from(name.to_owned()).expect("a name");
        let session = ClientConnection::new(Arc::new(config), name).expect("a session");
        StreamOwned::new(session, connect(self.secure))
    }

    /// What trusts the authority of this server alone.
    pub(crate) fn authority(&self) -> RootCertStore {
        roots(&self.ca_pem())
    }

    /// The authority's certificate as anybody downloads it.
    pub(crate) fn ca_pem(&self) -> String {
        let answer = ask(&mut self.connect(), "GET /ca.pem HTTP/1.1\r\nHost: localhost\r\n\r\n");
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body
    }

    /// One GET on a connection of its own.
    pub(crate) fn get(&self, path: &str) -> Answer {
        ask(&mut self.connect(), &format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"))
    }
}

/// Trust in the certificates of a PEM text.
pub(crate) fn roots(pem: &str) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        roots.add(certificate.expect("a certificate")).expect("an authority");
    }
    roots
}

pub(crate) fn connect(to: SocketAddr) -> TcpStream {
    let socket = TcpStream::connect(to).expect("a connection");
    socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    socket
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (left, right) = line.split_once(':')?;
            left.eq_ignore_ascii_case(name).then(|| right.trim())
        })
    }
}

/// Sends a request and reads the answer.
pub(crate) fn ask(stream: &mut (impl Read + Write), request: &str) -> Answer {
    stream.write_all(request.as_bytes()).expect("a peer that reads");
    read(stream, request.starts_with("HEAD")).expect("an answer")
}

/// Reads one answer; none if the peer closes before it.
pub(crate) fn read(stream: &mut impl Read, headless: bool) -> Option<Answer> {
    let mut bytes = Vec::new();
    let mut one = [0];
    while !bytes.ends_with(b"\r\n\r\n") {
        match stream.read(&mut one) {
            Ok(0) => return None,
            Ok(_) => bytes.push(one[0]),
            Err(error) if closed(error.kind()) => return None,
            Err(error) => panic!("{error} after {}", String::from_utf8_lossy(&bytes)),
        }
    }
    let head = String::from_utf8(bytes).expect("text");
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
    let mut answer = Answer { status, head, body: String::new() };
    let length = answer.header("content-length").and_then(|length| length.parse().ok());
    let mut body = vec![0; if headless { 0 } else { length.unwrap_or(0) }];
    stream.read_exact(&mut body).expect("the body");
    answer.body = String::from_utf8_lossy(&body).into_owned();
    Some(answer)
}

/// Whether the peer closes without saying anything more.
pub(crate) fn is_closed(stream: &mut impl Read) -> bool {
    let mut rest = Vec::new();
    match stream.read_to_end(&mut rest) {
        Ok(_) => rest.is_empty(),
        Err(error) => closed(error.kind()),
    }
}

fn closed(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::UnexpectedEof)
}
