//! The account at the authority (RFC 8555 s7.3): made at the first attempt, its key kept.

use std::path::Path;

use instant_acme::{Account, AccountBuilder, AccountCredentials, Error, NewAccount};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{AcmeError, Settings};

/// The account's file. An account belongs to one authority.
#[derive(Serialize, Deserialize)]
struct Kept {
    directory: String,
    credentials: AccountCredentials,
}

/// The account that is kept, or a new one.
pub(super) async fn open(settings: &Settings, path: &Path) -> Result<Account, AcmeError> {
    let kept = std::fs::read(path).map(Zeroizing::new).ok();
    // A damaged file costs no more than a new account.
    let kept = kept.and_then(|text| serde_json::from_slice::<Kept>(&text).ok());
    match kept {
        Some(kept) if kept.directory == settings.directory => builder(settings)?
            .from_credentials(kept.credentials)
            .await
            .map_err(|error| AcmeError::Authority("the authority's directory", error)),
        _ => create(settings, path).await,
    }
}

/// A new account, kept in place of any other.
pub(super) async fn create(settings: &Settings, path: &Path) -> Result<Account, AcmeError> {
    let contact = match settings.contact.as_str() {
        "" => None,
        address if address.starts_with("mailto:") => Some(address.to_owned()),
        address => Some(format!("mailto:{address}")),
    };
    let contacts: Vec<&str> = contact.iter().map(String::as_str).collect();
    let wanted = NewAccount {
        contact: &contacts,
        terms_of_service_agreed: true,
        only_return_existing: false,
    };
    let (account, credentials) = builder(settings)?
        .create(&wanted, settings.directory.clone(), None)
        .await
        .map_err(|error| AcmeError::Authority("no account was made", error))?;
    let kept = Kept { directory: settings.directory.clone(), credentials };
    let text = serde_json::to_vec(&kept)
        .map(Zeroizing::new)
        .map_err(|error| AcmeError::Account(path.to_owned(), error))?;
    super::write(path, &text)?;
    Ok(account)
}

fn builder(settings: &Settings) -> Result<AccountBuilder, AcmeError> {
    if settings.ca_file.as_os_str().is_empty() {
        Account::builder()
    } else {
        Account::builder_with_root(&settings.ca_file)
    }
    .map_err(|error| AcmeError::Authority("tls.acme_ca_file", error))
}

/// Whether the authority says that it does not know the account (RFC 8555 s6.7).
pub(super) fn is_unknown(error: &Error) -> bool {
    matches!(error, Error::Api(problem)
        if problem.r#type.as_deref() == Some("urn:ietf:params:acme:error:accountDoesNotExist"))
}
