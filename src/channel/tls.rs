//! TLS over a stream, without the stream: records in, plain bytes out, and back.

use std::io::{self, Write as _};
use std::net::IpAddr;
use std::sync::Arc;

use rustls::client::ClientConnection;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::ServerName;
use rustls::server::ServerConnection;
use rustls::{ClientConfig, Connection, RootCertStore, ServerConfig};

use super::peer_name::{Anybody, PeerVerifier};

/// What a server's TLS needs to know: our certificates, and whom we trust.
#[derive(Clone, Debug)]
pub struct Tls {
    server: Arc<ServerConfig>,
    client: ClientTls,
}

impl Tls {
    /// For accepted connections `server`; peers that we dial are verified against `roots` and must
    /// own the domain that was asked for (RFC 5922 s7).
    ///
    /// # Errors
    /// When the cryptography behind `server` offers neither TLS 1.2 nor 1.3.
    pub fn new(server: Arc<ServerConfig>, roots: Arc<RootCertStore>) -> Result<Tls, rustls::Error> {
        let client = ClientTls::new(Arc::clone(server.crypto_provider()), roots)?;
        Ok(Tls { server, client })
    }

    /// A session with somebody who came to us.
    ///
    /// # Errors
    /// When the configuration is of no use.
    pub fn accept(&self) -> Result<Session, rustls::Error> {
        ServerConnection::new(Arc::clone(&self.server)).map(Session::over)
    }

    /// A session with somebody whom we dial; see [`ClientTls::dial`].
    ///
    /// # Errors
    /// As there.
    pub fn dial(&self, domain: Option<&str>, ip: IpAddr) -> Result<Session, rustls::Error> {
        self.client.dial(domain, ip)
    }
}

/// What a client's TLS needs to know: whom it trusts.
#[derive(Clone, Debug)]
pub struct ClientTls(Arc<ClientConfig>);

impl ClientTls {
    /// Trusts `roots` and holds servers to the names of RFC 5922 s7.
    ///
    /// # Errors
    /// When `provider` offers neither TLS 1.2 nor 1.3.
    pub fn new(
        provider: Arc<CryptoProvider>,
        roots: Arc<RootCertStore>,
    ) -> Result<ClientTls, rustls::Error> {
        let verifier = PeerVerifier::new(roots, Arc::clone(&provider));
        ClientTls::with(provider, Arc::new(verifier))
    }

    /// Trusts whoever answers: for tests, and for looking at a server that nobody vouches for.
    ///
    /// # Errors
    /// As [`ClientTls::new`].
    pub fn insecure(provider: Arc<CryptoProvider>) -> Result<ClientTls, rustls::Error> {
        ClientTls::with(Arc::clone(&provider), Arc::new(Anybody::new(provider)))
    }

    fn with(
        provider: Arc<CryptoProvider>,
        verifier: Arc<dyn ServerCertVerifier>,
    ) -> Result<ClientTls, rustls::Error> {
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
            .dangerous() // The verifier is not the usual one: it reads more kinds of names.
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth();
        Ok(ClientTls(Arc::new(config)))
    }

    /// A session with the server of `domain`, or, when nothing but an address was asked for, with
    /// one whose certificate names that address.
    ///
    /// # Errors
    /// When `domain` is none.
    pub fn dial(&self, domain: Option<&str>, ip: IpAddr) -> Result<Session, rustls::Error> {
        let name = match domain {
            Some(domain) => ServerName::try_from(domain.to_owned())
                .map_err(|_| rustls::Error::General(format!("{domain:?} is no domain")))?,
            None => ServerName::from(ip),
        };
        ClientConnection::new(Arc::clone(&self.0), name).map(Session::over)
    }
}

/// One TLS session.
#[derive(Debug)]
pub struct Session(Connection);

impl Session {
    /// Goes on with a session whose handshake may be over.
    #[must_use]
    pub fn over(connection: impl Into<Connection>) -> Session {
        let mut connection = connection.into();
        // What is given to a session before its handshake is over is counted by the connection.
        connection.set_buffer_limit(None);
        Session(connection)
    }

    /// Whether what is written still has to wait.
    #[must_use]
    pub fn is_handshaking(&self) -> bool {
        self.0.is_handshaking()
    }

    /// Encrypts `plain` at the end of `wire`; before the handshake is over it is kept.
    pub fn write(&mut self, plain: &[u8], wire: &mut Vec<u8>) {
        // Neither end of this is a socket: nothing can fail.
        let _ = self.0.writer().write_all(plain);
        self.send(wire);
    }

    /// Takes records, whole or in part, and appends what was in them to `plain`; what the session
    /// itself has to say goes to `wire`, also when it ends with an error. `true`: the peer will
    /// send no more (RFC 8446 s6.1).
    ///
    /// # Errors
    /// What is wrong with the records, or with the peer.
    pub fn read(
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
    pub fn take_plain(&mut self, plain: &mut Vec<u8>) {
        // Ends at "would block", or at the end that `read` tells of.
        let _ = io::copy(&mut self.0.reader(), plain);
    }

    /// Says that no more will be sent (close_notify).
    pub fn close(&mut self, wire: &mut Vec<u8>) {
        self.0.send_close_notify();
        self.send(wire);
    }

    /// What the session itself has to say.
    pub fn send(&mut self, wire: &mut Vec<u8>) {
        while self.0.wants_write() {
            if self.0.write_tls(wire).is_err() {
                return;
            }
        }
    }
}
