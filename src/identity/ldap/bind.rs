//! Binds as a person, on a small pool of connections that search nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use deadpool::managed::{self, Metrics, PoolError, RecycleError, RecycleResult};
use ldap3::Ldap;

use super::connection::{Connector, broken};
use super::{DirectoryError, SettingsError, check};

/// Connections at most.
const SIZE: usize = 4;

#[derive(Debug)]
struct Connections {
    connector: Connector,
    preferred: Arc<AtomicUsize>,
}

impl managed::Manager for Connections {
    type Type = Ldap;
    type Error = DirectoryError;

    async fn create(&self) -> Result<Ldap, DirectoryError> {
        let servers = self.connector.settings.urls.len();
        let first = self.preferred.load(Ordering::Relaxed);
        let share = self.connector.settings.timeout / u32::try_from(servers.max(1)).unwrap_or(1);
        let mut outcome = Err(DirectoryError::Timeout);
        for step in 0..servers {
            outcome = self.connector.open((first + step) % servers, share).await;
            if outcome.is_ok() {
                break;
            }
        }
        outcome
    }

    async fn recycle(&self, ldap: &mut Ldap, _: &Metrics) -> RecycleResult<DirectoryError> {
        if ldap.is_closed() {
            return Err(RecycleError::message("closed by the server"));
        }
        Ok(())
    }
}

/// The pool.
pub(super) struct Pool(managed::Pool<Connections>);

impl Pool {
    pub(super) fn new(
        connector: Connector,
        preferred: Arc<AtomicUsize>,
    ) -> Result<Pool, SettingsError> {
        let builder = managed::Pool::builder(Connections { connector, preferred });
        let pool = builder.config(managed::PoolConfig::new(SIZE)).build();
        Ok(Pool(pool.map_err(|error| SettingsError::Pool(error.to_string()))?))
    }

    /// Whether `password` opens `dn`; the caller has refused empty ones and keeps the time.
    pub(super) async fn bind(&self, dn: &str, password: &str) -> Result<bool, DirectoryError> {
        let mut ldap = self.0.get().await.map_err(|error| match error {
            PoolError::Backend(error) => error,
            other => DirectoryError::Connection(other.to_string()),
        })?;
        let answer = match ldap.simple_bind(dn, password).await {
            Ok(answer) => answer,
            Err(error) => {
                // Whatever the connection is good for now, the next bind gets another one.
                drop(managed::Object::take(ldap));
                return Err(broken(error));
            }
        };
        match answer.rc {
            0 => Ok(true),
            // noSuchObject, inappropriateAuthentication, invalidCredentials,
            // insufficientAccessRights.
            32 | 48..=50 => Ok(false),
            _ => {
                check(&answer)?;
                Ok(false)
            }
        }
    }
}
