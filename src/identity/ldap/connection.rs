//! Connections: TLS, StartTLS, and the service account's bind.

use std::sync::Arc;
use std::time::Duration;

use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, LdapError};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use zeroize::Zeroizing;

use super::{DirectoryError, Settings, SettingsError};

/// Makes connections.
#[derive(Clone)]
pub(super) struct Connector {
    pub(super) settings: Arc<Settings>,
    tls: Option<Arc<ClientConfig>>,
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
        let tls = if encrypted && !settings.ca_file.as_os_str().is_empty() {
            Some(Arc::new(trust(&settings.ca_file).map_err(|problem| SettingsError::File {
                key: "ca_file",
                problem: format!("{}: {problem}", settings.ca_file.display()),
            })?))
        } else {
            // The system's authorities.
            None
        };
        Ok(Connector { settings, tls })
    }

    /// A connection to a server, bound as the service account.
    pub(super) async fn connect(&self, url: usize, most: Duration) -> Result<Ldap, DirectoryError> {
        let mut ldap = self.open(url, most).await?;
        if self.settings.bind_dn.is_empty() {
            return Ok(ldap);
        }
        let password = self.password()?;
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
        let mut settings = LdapConnSettings::new().set_conn_timeout(most);
        if self.settings.start_tls && !url.starts_with("ldaps:") {
            settings = settings.set_starttls(true);
        }
        if let Some(tls) = &self.tls {
            settings = settings.set_config(Arc::clone(tls));
        }
        let (connection, ldap) =
            LdapConnAsync::with_settings(settings, url).await.map_err(broken)?;
        // Its end shows on the handle, and the operation that waits gets an error.
        tokio::spawn(async move {
            let _ = connection.drive().await;
        });
        Ok(ldap)
    }

    fn password(&self) -> Result<Zeroizing<String>, DirectoryError> {
        let read = read_password(&self.settings.bind_password_file);
        let named = |problem| format!("identity.ldap.bind_password_file: {problem}");
        let password = read.map_err(named).map_err(DirectoryError::Settings)?;
        if password.is_empty() {
            // An empty password would bind as nobody and seem to work.
            let problem = "identity.ldap.bind_password_file is empty".to_owned();
            return Err(DirectoryError::Settings(problem));
        }
        Ok(password)
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

/// A client that trusts the authorities of one file and nobody else.
pub(super) fn trust(file: &std::path::Path) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(file).map_err(|e| e.to_string())? {
        let certificate = certificate.map_err(|e| e.to_string())?;
        roots.add(certificate).map_err(|e| e.to_string())?;
    }
    if roots.is_empty() {
        return Err("holds no certificate".to_owned());
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions().map_err(|e| e.to_string())?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}
