//! TLS over a stream, without the stream: records in, plain bytes out, and back.

use std::io::{self, Write as _};
use std::net::IpAddr;
use std::sync::Arc;

use rustls::client::ClientConnection;
use rustls::pki_types::ServerName;
use rustls::server::ServerConnection;
use rustls::{ClientConfig, Connection, RootCertStore, ServerConfig};

use super::peer_name::PeerVerifier;

/// What TLS needs to know: our certificates, and whom we trust.
#[derive(Clone, Debug)]
pub struct Tls {
    server: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
}

impl Tls {
    /// For accepted connections `server`; peers that we dial are verified against `roots` and must
    /// own the domain that was asked for (RFC 5922 s7).
    ///
    /// # Errors
    /// When the cryptography behind `server` offers neither TLS 1.2 nor 1.3.
    pub fn new(server: Arc<ServerConfig>, roots: Arc<RootCertStore>) -> Result<Tls, rustls::Error> {
        let provider = Arc::clone(server.crypto_provider());
        let verifier = PeerVerifier::new(roots, Arc::clone(&provider));
        let client = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
            .dangerous() // Only because the verifier is not the usual one: it checks more names.
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        Ok(Tls { server, client: Arc::new(client) })
    }

    pub(super) fn accept(&self) -> Result<Session, rustls::Error> {
        ServerConnection::new(Arc::clone(&self.server)).map(Session::over)
    }

    /// A session with the peer that owns `domain`, or, when nothing but an address was asked for,
    /// with one whose certificate names that address.
    pub(super) fn dial(&self, domain: Option<&str>, ip: IpAddr) -> Result<Session, rustls::Error> {
        let name = match domain {
            Some(domain) => ServerName::try_from(domain.to_owned())
                .map_err(|_| rustls::Error::General(format!("{domain:?} is no domain")))?,
            None => ServerName::from(ip),
        };
        ClientConnection::new(Arc::clone(&self.client), name).map(Session::over)
    }
}

/// One TLS session.
#[derive(Debug)]
pub(super) struct Session(Connection);

impl Session {
    /// Goes on with a session whose handshake may be over.
    pub(super) fn over(connection: impl Into<Connection>) -> Session {
        let mut connection = connection.into();
        // What is given to a session before its handshake is over is counted by the connection.
        connection.set_buffer_limit(None);
        Session(connection)
    }

    pub(super) fn is_handshaking(&self) -> bool {
        self.0.is_handshaking()
    }

    /// Encrypts `plain` at the end of `wire`; before the handshake is over it is kept.
    pub(super) fn write(&mut self, plain: &[u8], wire: &mut Vec<u8>) {
        // Neither end of this is a socket: nothing can fail.
        let _ = self.0.writer().write_all(plain);
        self.send(wire);
    }

    /// Takes records, whole or in part, and appends what was in them to `plain`; what the session
    /// itself has to say goes to `wire`, also when it ends with an error. `true`: the peer will
    /// send no more (RFC 8446 s6.1).
    pub(super) fn read(
        &mut self,
        mut records: &[u8],
        plain: &mut Vec<u8>,
        wire: &mut Vec<u8>,
    ) -> Result<bool, rustls::Error> {
        let mut closed = false;
        while !records.is_empty() && !closed {
            // After the end, or with more than any record may have, nothing is taken.
            let taken = self.0.read_tls(&mut records).unwrap_or(0);
            let outcome = self.0.process_new_packets();
            self.send(wire);
            closed = taken == 0 || outcome?.peer_has_closed();
            self.take_plain(plain);
        }
        Ok(closed)
    }

    /// What was decrypted and not yet taken.
    pub(super) fn take_plain(&mut self, plain: &mut Vec<u8>) {
        // Ends at "would block", or at the end that `read` tells of.
        let _ = io::copy(&mut self.0.reader(), plain);
    }

    /// Says that no more will be sent (close_notify).
    pub(super) fn close(&mut self, wire: &mut Vec<u8>) {
        self.0.send_close_notify();
        self.send(wire);
    }

    pub(super) fn send(&mut self, wire: &mut Vec<u8>) {
        while self.0.wants_write() {
            if self.0.write_tls(wire).is_err() {
                return;
            }
        }
    }
}
