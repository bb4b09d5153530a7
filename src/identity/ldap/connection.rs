//! Connections: TLS, StartTLS, the guard, and the service account's bind.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use ldap3::{Ldap, LdapError};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use zeroize::Zeroizing;

use super::guard::{Noted, Session, start_tls};
use super::target::Target;
use super::{DirectoryError, Settings, SettingsError};
use crate::channel::system_roots;

/// Makes connections.
#[derive(Clone)]
pub(super) struct Connector {
    pub(super) settings: Arc<Settings>,
    tls: Option<Arc<ClientConfig>>,
    /// Why a connection ended last.
    fault: Noted,
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connector").finish_non_exhaustive()
    }
}

impl Connector {
    pub(super) fn new(settings: Arc<Settings>) -> Result<Connector, SettingsError> {
        let encrypted =
            settings.start_tls || settings.urls.iter().any(|url| url.starts_with("ldaps:"));
        let key = settings.authority_key();
        let unusable = |problem| SettingsError::File { key, problem };
        let tls = match (encrypted, settings.authorities().filter(|_| encrypted).transpose()?) {
            (false, _) => None,
            (true, Some(pem)) => Some(trust(&pem).map_err(unusable)?),
            (true, None) => Some(client(system_roots()).map_err(unusable)?),
        };
        let tls = tls.map(Arc::new);
        Ok(Connector { settings, tls, fault: Noted::default() })
    }

    /// A connection to a server, bound as the service account.
    pub(super) async fn connect(&self, url: usize, most: Duration) -> Result<Ldap, DirectoryError> {
        let mut ldap = self.open(url, most).await?;
        if self.settings.bind_dn.is_empty() {
            return Ok(ldap);
        }
        let password = self.settings.password().map_err(DirectoryError::Settings)?;
        let bound = ldap.with_timeout(most).simple_bind(&self.settings.bind_dn, &password).await;
        let bound = bound.map_err(broken)?;
        match bound.rc {
            0 => Ok(ldap),
            // Trouble on the server's side says nothing about the account.
            51..=53 => Err(super::check(&bound).err().unwrap_or(DirectoryError::Timeout)),
            code => Err(DirectoryError::ServiceBind(format!("result code {code}"))),
        }
    }

    /// A connection to a server, bound as nobody. If StartTLS is demanded and fails, there is no
    /// connection. It is driven by the runtime that asks.
    pub(super) async fn open(&self, url: usize, most: Duration) -> Result<Ldap, DirectoryError> {
        let url = self.settings.urls.get(url).ok_or(DirectoryError::Timeout)?;
        timeout(most, self.reach(url)).await.unwrap_or(Err(DirectoryError::Timeout))
    }

    async fn reach(&self, url: &str) -> Result<Ldap, DirectoryError> {
        let unusable = || DirectoryError::Connection(format!("{url} names no server"));
        let target = Target::read(url).ok_or_else(unusable)?;
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut stream =
            TcpStream::connect((target.host.as_str(), target.port)).await.map_err(lost)?;
        // Questions are small and waited for.
        stream.set_nodelay(true).map_err(lost)?;
        if !target.secure && !self.settings.start_tls {
            return self.guarded(stream).await;
        }
        let name = ServerName::try_from(target.host).map_err(|_| unusable())?;
        let tls = self.tls.as_ref().ok_or_else(unusable)?;
        if !target.secure {
            start_tls::start(&mut stream).await.map_err(lost)?;
        }
        let stream = TlsConnector::from(Arc::clone(tls)).connect(name, stream).await;
        self.guarded(stream.map_err(lost)?).await
    }

    async fn guarded<S>(&self, stream: S) -> Result<Ldap, DirectoryError>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let session = Session::noting(stream, Arc::clone(&self.fault)).await;
        Ok(session.map_err(lost)?.detach())
    }

    /// The same error, in the words of the guard where the library has none: it learns only that the
    /// connection is gone.
    pub(super) fn explained(&self, error: DirectoryError) -> DirectoryError {
        let DirectoryError::Connection(text) = error else { return error };
        let fault = self.fault.lock().unwrap_or_else(PoisonError::into_inner).take();
        DirectoryError::Connection(fault.map_or(text, |fault| fault.to_string()))
    }
}

/// The password in a file, without the newline at its end.
pub(in crate::identity) fn read_password(
    file: &std::path::Path,
) -> Result<Zeroizing<String>, String> {
    let text = std::fs::read_to_string(file).map(Zeroizing::new);
    let text = text.map_err(|error| format!("{}: {error}", file.display()))?;
    let bare = text.strip_suffix('\n').unwrap_or(&text);
    Ok(Zeroizing::new(bare.strip_suffix('\r').unwrap_or(bare).to_owned()))
}

/// No connection, for this reason.
fn lost(reason: impl std::fmt::Display) -> DirectoryError {
    DirectoryError::Connection(reason.to_string())
}

/// What a failed operation means: the connection is of no more use.
pub(super) fn broken(error: LdapError) -> DirectoryError {
    match error {
        LdapError::Timeout { .. } => DirectoryError::Timeout,
        LdapError::LdapResult { result } => {
            super::check(&result).err().unwrap_or(DirectoryError::Timeout)
        }
        other => DirectoryError::Connection(other.to_string()),
    }
}

/// A client that trusts these authorities and nobody else.
fn trust(pem: &[u8]) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|e| e.to_string())?;
        roots.add(certificate).map_err(|e| e.to_string())?;
    }
    if roots.is_empty() {
        return Err("holds no certificate".to_owned());
    }
    client(roots)
}

fn client(roots: RootCertStore) -> Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions().map_err(|e| e.to_string())?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}
