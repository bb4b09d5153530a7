//! The third step: TLS, at once or after StartTLS; without either, whether the port speaks LDAP. A port
//! that is spoken to the wrong way is found out by speaking to it the other way.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{AlertDescription, ClientConfig, Error, ProtocolVersion, RootCertStore};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::Authorities;
use super::chain::{Verdict, Witness};
use super::code::Code;
use super::finding::{Finding, bounded};
use super::report::{Answer, Chain, Detail, Server, StepName};
use super::run::{Outcome, Run};
use crate::channel::{read_roots, system_roots};
use crate::identity::ldap::Target;
use crate::identity::ldap::guard::start_tls::{Refusal, start};
use crate::identity::ldap::guard::{Fault, Session, asks_for_certificate, one_answer, wire};

/// For speaking to a port the other way.
const OTHER_WAY: Duration = Duration::from_millis(800);

/// What is needed to reach a server once more.
#[derive(Clone)]
pub(super) struct Way {
    address: SocketAddr,
    tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    start_tls: bool,
}

/// What a handshake came to.
enum Trouble {
    /// Nothing came.
    Silent,
    /// The connection broke, or TLS did.
    Io(io::Error),
    /// StartTLS was answered, but not with yes.
    Refused(Answer),
    /// Before TLS the connection ended, or something else was said.
    Fault(Fault),
    /// StartTLS was agreed, and more was said in the clear.
    Injected,
}

impl From<Refusal> for Trouble {
    fn from(refusal: Refusal) -> Trouble {
        match refusal {
            Refusal::Io(error) => Trouble::Io(error),
            Refusal::No(code, text) => Trouble::Refused(Answer::new(code, &text)),
            Refusal::Fault(fault) => Trouble::Fault(fault),
            Refusal::Injected => Trouble::Injected,
        }
    }
}

impl Run<'_> {
    /// Encrypts the connection, or looks what speaks on it.
    pub(super) async fn secure(
        &mut self,
        stream: TcpStream,
        target: &Target,
    ) -> Option<(Session, Way, Server)> {
        let ldap = &self.trial.ldap;
        let address = match stream.peer_addr() {
            Ok(address) => address,
            Err(error) => return self.broke(&error),
        };
        if !target.secure && !ldap.start_tls {
            return self.plain(stream, target, address).await;
        }
        let start_tls = !target.secure;
        let roots = match self.trial.roots() {
            Ok(roots) => roots,
            Err(finding) => return self.fail(Outcome::of(finding)),
        };
        let Ok(name) = ServerName::try_from(target.host.clone()) else {
            let finding = Code::BadHostName.with([("host", target.host.clone())]);
            return self.fail(Outcome::of(finding));
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let witness = Arc::new(Witness::new(roots, Arc::clone(&provider)));
        let config = match client(provider, Arc::clone(&witness)) {
            Ok(config) => Arc::new(config),
            Err(error) => {
                let finding = Code::Handshake.with([("reason", error.to_string())]);
                return self.fail(Outcome::of(finding));
            }
        };
        let way = Way { address, tls: Some((config, name.clone())), start_tls };
        // Something is left for speaking to it the other way.
        let limit = self.limit().saturating_sub(OTHER_WAY).max(self.limit() / 2);
        let made = match timeout(limit, way.encrypt(stream)).await {
            Ok(made) => made,
            Err(_) => Err(Trouble::Silent),
        };
        let Verdict { mut chain, findings } =
            witness.verdict(&target.host, &name, self.clock.wall());
        match made {
            Ok(stream) => {
                chain.version = version(&stream);
                let until = chain.certificates.first().map(|own| own.not_after.clone());
                let names = chain.certificates.first().map(|own| own.names.join(", "));
                let mut outcome = Outcome::of(Code::TlsGood.with([
                    ("version", chain.version.clone()),
                    ("names", names.unwrap_or_default()),
                    ("until", until.unwrap_or_default()),
                ]));
                outcome.findings.extend(findings);
                self.over(stream, way, outcome.with(Detail::Chain(chain))).await
            }
            Err(trouble) => {
                let outcome = self.explain(trouble, findings, chain, target, address, limit).await;
                self.fail(outcome)
            }
        }
    }

    /// Whether LDAP is spoken in the clear.
    async fn plain(
        &mut self,
        stream: TcpStream,
        target: &Target,
        address: SocketAddr,
    ) -> Option<(Session, Way, Server)> {
        let way = Way { address, tls: None, start_tls: false };
        let session = match Session::over(stream).await {
            Ok(session) => session,
            Err(error) => return self.broke(&error),
        };
        let limit = self.limit().saturating_sub(OTHER_WAY).max(self.limit() / 2);
        match self.root(&session, limit).await {
            Ok(server) => {
                let plain = if server.start_tls { Code::PlainOffers } else { Code::Plain };
                self.end(StepName::Tls, Outcome::of(plain.alone()));
                Some((session, way, server))
            }
            Err(outcome) => {
                drop(session);
                if self.speaks_tls(target, address).await {
                    let url = target.url(true, target.port);
                    let port = ("port", target.port.to_string());
                    return self.fail(Outcome::of(Code::SpeaksTls.with([port, ("url", url)])));
                }
                self.fail(outcome)
            }
        }
    }

    /// Reads who the server is, over a connection that is ready.
    async fn over(
        &mut self,
        stream: TlsStream<TcpStream>,
        way: Way,
        mut outcome: Outcome,
    ) -> Option<(Session, Way, Server)> {
        let session = match Session::over(stream).await {
            Ok(session) => session,
            Err(error) => return self.broke(&error),
        };
        match self.root(&session, self.limit()).await {
            Ok(server) => {
                self.end(StepName::Tls, outcome);
                Some((session, way, server))
            }
            Err(failed) => {
                outcome.findings = failed.findings;
                outcome.answer = failed.answer;
                self.fail(outcome)
            }
        }
    }

    async fn explain(
        &self,
        trouble: Trouble,
        findings: Vec<Finding>,
        chain: Chain,
        target: &Target,
        address: SocketAddr,
        limit: Duration,
    ) -> Outcome {
        let failed = findings.iter().any(|f| f.code.state() == super::State::Failed);
        if failed {
            let outcome = Outcome { findings, ..Outcome::default() };
            return outcome.with(Detail::Chain(chain));
        }
        let outcome = match trouble {
            Trouble::Refused(answer) => {
                let finding = Code::StartTlsRefused.alone();
                Outcome { findings: vec![finding], answer: Some(answer), detail: None }
            }
            Trouble::Injected => Outcome::of(Code::Injected.alone()),
            Trouble::Io(error) if let Some(finding) = tls_finding(&error) => Outcome::of(finding),
            other => {
                let port = ("port", target.port.to_string());
                Outcome::of(if target.secure && self.speaks_ldap(address).await {
                    let url = target.url(false, target.port);
                    Code::SpeaksPlain.with([port, ("url", url)])
                } else if !target.secure && self.speaks_tls(target, address).await {
                    let url = target.url(true, target.port);
                    Code::SpeaksTls.with([port, ("url", url)])
                } else {
                    match other {
                        Trouble::Silent => self.silence(limit),
                        Trouble::Fault(fault) => fault.finding(target.port),
                        Trouble::Io(error) if is_no_tls(&error) => Code::NotTls.with([port]),
                        Trouble::Io(error) => io_finding(&error),
                        // These were dealt with above.
                        Trouble::Refused(_) | Trouble::Injected => Code::NotTls.with([port]),
                    }
                })
            }
        };
        if chain.certificates.is_empty() { outcome } else { outcome.with(Detail::Chain(chain)) }
    }

    /// Whether the port answers a handshake, however it ends.
    async fn speaks_tls(&self, target: &Target, address: SocketAddr) -> bool {
        let name = ServerName::try_from(target.host.clone());
        let Ok(name) = name.or_else(|_| ServerName::try_from("localhost")) else { return false };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let witness = Arc::new(Witness::new(RootCertStore::empty(), Arc::clone(&provider)));
        let Ok(config) = client(provider, Arc::clone(&witness)) else { return false };
        let way = Way { address, tls: Some((Arc::new(config), name)), start_tls: false };
        let limit = self.at_most(OTHER_WAY);
        let outcome = timeout(limit, async {
            way.encrypt(TcpStream::connect(address).await.map_err(Trouble::Io)?).await
        });
        let alert = match outcome.await {
            Ok(Err(Trouble::Io(error))) => {
                matches!(tls_error(&error), Some(Error::AlertReceived(_)))
            }
            _ => false,
        };
        alert || !witness.seen().is_empty()
    }

    /// Whether the port answers LDAP in the clear.
    async fn speaks_ldap(&self, address: SocketAddr) -> bool {
        let asked = timeout(self.at_most(OTHER_WAY), async {
            let mut stream = TcpStream::connect(address).await.ok()?;
            stream.write_all(wire::IS_THERE).await.ok()?;
            one_answer(&mut stream).await.ok()
        });
        let bytes = asked.await.ok().flatten();
        bytes.is_some_and(|bytes| wire::first_answer(&bytes).is_some())
    }

    fn fail<T>(&mut self, outcome: Outcome) -> Option<T> {
        self.end(StepName::Tls, outcome);
        None
    }

    fn broke<T>(&mut self, error: &io::Error) -> Option<T> {
        self.fail(Outcome::of(io_finding(error)))
    }
}

impl Way {
    /// Another connection by the same way.
    pub(super) async fn again(&self, run: &Run<'_>) -> Result<Session, Finding> {
        let limit = run.limit();
        let made = timeout(limit, async {
            let stream = TcpStream::connect(self.address).await?;
            if self.tls.is_none() {
                return Session::over(stream).await;
            }
            let stream = self.encrypt(stream).await.map_err(|trouble| match trouble {
                Trouble::Io(error) => error,
                _ => io::ErrorKind::ConnectionAborted.into(),
            })?;
            Session::over(stream).await
        });
        match made.await {
            Ok(Ok(session)) => Ok(session),
            Ok(Err(error)) => Err(io_finding(&error)),
            Err(_) => Err(run.silence(limit)),
        }
    }

    async fn encrypt(&self, mut stream: TcpStream) -> Result<TlsStream<TcpStream>, Trouble> {
        let Some((config, name)) = &self.tls else {
            return Err(Trouble::Io(io::ErrorKind::InvalidInput.into()));
        };
        if self.start_tls {
            start(&mut stream).await?;
        }
        let connector = TlsConnector::from(Arc::clone(config));
        connector.connect(name.clone(), stream).await.map_err(Trouble::Io)
    }
}

fn client(
    provider: Arc<rustls::crypto::CryptoProvider>,
    witness: Arc<Witness>,
) -> Result<ClientConfig, Error> {
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder?.dangerous().with_custom_certificate_verifier(witness);
    Ok(builder.with_no_client_auth())
}

fn version(stream: &TlsStream<TcpStream>) -> String {
    match stream.get_ref().1.protocol_version() {
        Some(ProtocolVersion::TLSv1_2) => "TLS 1.2".to_owned(),
        Some(ProtocolVersion::TLSv1_3) => "TLS 1.3".to_owned(),
        other => format!("{other:?}"),
    }
}

fn tls_error(error: &io::Error) -> Option<&Error> {
    error.get_ref().and_then(|inner| inner.downcast_ref())
}

/// Whether what came was no TLS at all, or nothing came.
fn is_no_tls(error: &io::Error) -> bool {
    match tls_error(error) {
        Some(Error::InvalidMessage(_)) => true,
        Some(_) => false,
        None => matches!(
            error.kind(),
            io::ErrorKind::UnexpectedEof
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::BrokenPipe
        ),
    }
}

/// What a handshake that failed means, if it was one.
fn tls_finding(error: &io::Error) -> Option<Finding> {
    let too_old = |alert| {
        matches!(
            alert,
            AlertDescription::ProtocolVersion
                | AlertDescription::HandshakeFailure
                | AlertDescription::InsufficientSecurity
        )
    };
    match tls_error(error)? {
        Error::InvalidMessage(_) => None,
        Error::AlertReceived(alert) if asks_for_certificate(*alert) => {
            Some(Code::ClientCertificate.alone())
        }
        Error::AlertReceived(alert) if too_old(*alert) => Some(Code::TooOld.alone()),
        Error::PeerIncompatible(_) => Some(Code::TooOld.alone()),
        other => Some(Code::Handshake.with([("reason", bounded(&other.to_string()))])),
    }
}

fn io_finding(error: &io::Error) -> Finding {
    let closed = matches!(error.kind(), io::ErrorKind::UnexpectedEof);
    tls_finding(error).unwrap_or_else(|| {
        if closed {
            Code::Closed.alone()
        } else {
            Code::Broken.with([("reason", error.to_string())])
        }
    })
}

impl super::Trial {
    /// Whom to trust.
    fn roots(&self) -> Result<RootCertStore, Finding> {
        let problem = |problem: String| Code::AuthorityFile.with([("problem", problem)]);
        match &self.authorities {
            Authorities::Withheld => Err(Code::AuthorityWithheld.alone()),
            Authorities::Text(pem) => text_roots(pem).map_err(problem),
            Authorities::Configured if !self.ldap.ca_pem.is_empty() => {
                text_roots(&self.ldap.ca_pem).map_err(problem)
            }
            Authorities::Configured if self.ldap.ca_file.as_os_str().is_empty() => {
                Ok(system_roots())
            }
            Authorities::Configured => {
                let file = &self.ldap.ca_file;
                read_roots(file).map_err(|error| problem(format!("{}: {error}", file.display())))
            }
        }
    }
}

fn text_roots(pem: &str) -> Result<RootCertStore, String> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    let mut roots = RootCertStore::empty();
    if roots.add_parsable_certificates(read.map_err(|error| error.to_string())?).0 == 0 {
        return Err("there is no certificate in it".to_owned());
    }
    Ok(roots)
}
