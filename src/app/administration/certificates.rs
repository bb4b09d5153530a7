//! Certificates, as requests. What changes is written to the audit trail before it is done: files are no
//! part of a commit, and a line too many is better than one too few.

use std::sync::Arc;

use super::{Administration, refused};
use crate::accounts::{Actor, Deed};
use crate::operations::{CertificateRequest, Exit, Failure, Reply};
use crate::tls::{Certificates, InstallError, TlsError};

impl Administration {
    /// The names that clients ask for: where they connect to, and the domains that they believe it
    /// speaks for (RFC 5922 s4).
    fn wanted_names(&self) -> Vec<String> {
        let config = &self.site.config;
        let mut wanted: Vec<String> = Vec::new();
        for name in [&config.public_name, &config.domain].into_iter().chain(&config.aliases) {
            let name = name.to_ascii_lowercase();
            if !name.is_empty() && !wanted.contains(&name) {
                wanted.push(name);
            }
        }
        wanted
    }

    pub(super) async fn certificates(
        &self,
        actor: &Actor,
        request: CertificateRequest,
    ) -> Result<Reply, Failure> {
        let live = self.live.as_ref().ok_or_else(|| Failure::unreachable("no server runs"))?;
        let certificates = live.certificates()?;
        let wanted = self.wanted_names();
        match request {
            CertificateRequest::Show => {
                let overview = on_a_thread(certificates, move |all| all.overview(&wanted)).await?;
                return Ok(Reply::Certificates(Box::new(overview)));
            }
            CertificateRequest::Examine { chain, key } => {
                let found = certificates.examine(&chain, key.expose(), &wanted);
                return Ok(Reply::Examined(found.err()));
            }
            CertificateRequest::Install { chain, key } => {
                let found = certificates.examine(&chain, key.expose(), &wanted);
                let found = found.map_err(|error| not_installed(&error))?;
                let before = certificates.status().fingerprint;
                let detail = format!(
                    "sha256 {before} -> {}, until {}, {}",
                    found.fingerprint, found.not_after, found.issuer
                );
                let names = found.names.join(" ");
                self.write_down(actor, "certificate.install", &names, &detail).await?;
                let install = move |all: &Certificates| all.install(&chain, key.expose(), &wanted);
                let installed = on_a_thread(certificates, install).await?;
                installed.map_err(|error| not_installed(&error))?;
            }
            CertificateRequest::Remove => {
                let before = certificates.status();
                let (names, detail) = (before.names.join(" "), before.fingerprint);
                let detail = format!("sha256 {detail}");
                self.write_down(actor, "certificate.remove", &names, &detail).await?;
                let removed = on_a_thread(certificates, Certificates::uninstall).await?;
                if !removed.map_err(|error| not_installed(&error))? {
                    return Err(Failure::not_found("no certificate was handed over here"));
                }
            }
            CertificateRequest::Renew => {
                self.write_down(actor, "certificate.renew", "", "").await?;
                let renewed = on_a_thread(certificates, Certificates::renew_internal).await?;
                renewed.map_err(|error| match error {
                    TlsError::NoAuthority(_) => Failure::refused(error),
                    error => Failure::failed(error),
                })?;
            }
            CertificateRequest::Reload => {
                self.write_down(actor, "certificate.reload", "", "").await?;
                on_a_thread(certificates, Certificates::reload).await?;
            }
        }
        Ok(Reply::Done)
    }

    async fn write_down(
        &self,
        actor: &Actor,
        action: &str,
        subject: &str,
        detail: &str,
    ) -> Result<(), Failure> {
        let deed = Deed { action, subject, detail };
        self.site.accounts.note(actor, deed).await.map_err(refused)
    }
}

/// Does what blocks where blocking hinders nobody.
async fn on_a_thread<T: Send + 'static>(
    certificates: Arc<Certificates>,
    work: impl FnOnce(&Certificates) -> T + Send + 'static,
) -> Result<T, Failure> {
    tokio::task::spawn_blocking(move || work(&certificates)).await.map_err(Failure::failed)
}

fn not_installed(error: &InstallError) -> Failure {
    let exit = match error {
        InstallError::Decided => Exit::Refused,
        InstallError::File(_) => Exit::Failed,
        _ => Exit::Usage,
    };
    Failure::new(exit, error)
}
