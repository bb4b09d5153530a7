//! What proves names: the two ports that an authority looks at, as the web listener has them.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, ServerName};
use tagus::tls::{Certificates, acme};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// A socket that listens on loopback, and its port.
pub(crate) async fn port() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    (listener, port)
}

pub(crate) struct Prover {
    port: u16,
    tasks: [JoinHandle<()>; 2],
}

impl Prover {
    pub(crate) fn start(
        certificates: &Arc<Certificates>,
        tls: TcpListener,
        plain: TcpListener,
    ) -> Prover {
        let port = tls.local_addr().expect("an address").port();
        let config =
            certificates.server_config(&["http/1.1", acme::ALPN]).expect("a configuration");
        let acceptor = TlsAcceptor::from(config);
        let secure = tokio::spawn(async move {
            while let Ok((socket, _)) = tls.accept().await {
                let acceptor = acceptor.clone();
                // A proof is the handshake alone.
                tokio::spawn(async move { acceptor.accept(socket).await.map(drop) });
            }
        });
        let certificates = Arc::clone(certificates);
        let plain = tokio::spawn(async move {
            while let Ok((socket, _)) = plain.accept().await {
                document(socket, &certificates).await;
            }
        });
        Prover { port, tasks: [secure, plain] }
    }

    /// The chain that a client gets who asks for this name.
    pub(crate) async fn served(&self, name: ServerName<'static>) -> Vec<CertificateDer<'static>> {
        served_at(([127, 0, 0, 1], self.port).into(), name).await
    }
}

/// The chain that a client gets there who asks for this name.
pub(crate) async fn served_at(
    address: SocketAddr,
    name: ServerName<'static>,
) -> Vec<CertificateDer<'static>> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Believer(provider)))
        .with_no_client_auth();
    let socket = TcpStream::connect(address).await.expect("connected");
    let stream = TlsConnector::from(Arc::new(config)).connect(name, socket).await.expect("TLS");
    stream.get_ref().1.peer_certificates().expect("a chain").to_vec()
}

impl Drop for Prover {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// Answers one request for the document of a challenge.
async fn document(mut socket: TcpStream, certificates: &Certificates) {
    let mut request = vec![0; 4096];
    let length = socket.read(&mut request).await.unwrap_or(0);
    let text = String::from_utf8_lossy(&request[..length]).into_owned();
    let path = text.split(' ').nth(1).unwrap_or_default();
    let token = path.strip_prefix("/.well-known/acme-challenge/");
    let answer = match token.and_then(|token| certificates.acme_document(token)) {
        Some(body) => format!("HTTP/1.0 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()),
        None => "HTTP/1.0 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_owned(),
    };
    let _ = socket.write_all(answer.as_bytes()).await;
}

/// Believes everybody: the tests look at who signed.
#[derive(Debug)]
struct Believer(Arc<rustls::crypto::CryptoProvider>);

impl rustls::client::danger::ServerCertVerifier for Believer {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: rustls::pki_types::UnixTime,
    ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
        Ok(rustls::client::danger::ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
