//! What the server and every command stand on: the data directory, opened.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;

use tokio::runtime::Handle;

use super::administration::refused;
use super::process;
use crate::accounts::{Accounts, FrozenRealm, freeze_domain, freeze_realm, frozen_domain};
use crate::bus::Bus;
use crate::clock::Clock;
use crate::config::Config;
use crate::identity::{Identity, Settings};
use crate::model::{Account, DeviceCredential, Record as _};
use crate::operations::Failure;
use crate::store::seal::KeyFile;
use crate::store::{self, DiskStore, OpenError, Store, StoreError, Table, rows};

/// The key file's name in the data directory.
pub const KEY_FILE: &str = "secrets.key";

/// Who opens a data directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A server: it exports on a timer and restores what is damaged.
    Server,
    /// A command, for a moment, while no server runs.
    Command,
}

/// A data directory that this process owns, with the services that everything else needs.
pub struct Site {
    /// The configuration, with the domain that the store is for.
    pub config: Arc<Config>,
    /// Time.
    pub clock: Clock,
    /// What secrets are sealed with.
    pub key: Arc<KeyFile>,
    /// Everything that is kept.
    pub store: Arc<DiskStore>,
    /// Hints between services.
    pub bus: Bus,
    /// Who somebody is.
    pub identity: Arc<Identity>,
    /// The writer of accounts.
    pub accounts: Arc<Accounts>,
    /// The realm of all challenges.
    pub realm: FrozenRealm,
}

impl std::fmt::Debug for Site {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Site").field("data_dir", &self.config.data_dir).finish_non_exhaustive()
    }
}

impl Site {
    /// Opens the data directory, making what is missing. What the directory of people needs runs
    /// on `runtime`; blocks, so it is not for a thread of it.
    ///
    /// # Errors
    /// A [`Failure`] that says what to do; [`super::Exit::Refused`] if another process owns the
    /// data directory.
    pub fn open(
        config: Arc<Config>,
        clock: Clock,
        runtime: &Handle,
        purpose: Purpose,
    ) -> Result<Site, Failure> {
        process::own_data_dir(&config.data_dir)?;
        let store = open_store(&config.data_dir, &clock, purpose)
            .map_err(|error| unopened(&config.data_dir, &error, purpose))?;
        Site::over(config, clock, runtime, store)
    }

    /// The same, over a store that is open already.
    ///
    /// # Errors
    /// As [`Site::open`].
    pub fn over(
        config: Arc<Config>,
        clock: Clock,
        runtime: &Handle,
        store: DiskStore,
    ) -> Result<Site, Failure> {
        let store = Arc::new(store);
        let key = Arc::new(open_key(&config.data_dir, &*store)?);
        let domain =
            freeze_domain(&*store, &config.domain, config.domain_is_set).map_err(refused)?;
        let config = Arc::new(Config { domain, ..Config::clone(&config) });
        let realm =
            freeze_realm(&*store, &config.identity.realm, &config.domain).map_err(refused)?;
        if realm.differs {
            tracing::warn!(
                event = "realm_differs",
                used = %realm.realm.escape_debug(),
                configured = %config.identity.realm.escape_debug(),
                "identity.realm was settled at the first start, and every password is made for it"
            );
        }
        let settings = Settings::new(&config, &realm.realm).map_err(Failure::usage)?;
        let identity = Identity::start(
            settings,
            Arc::clone(&store) as Arc<dyn Store>,
            Arc::clone(&key),
            clock.clone(),
            runtime.clone(),
        )
        .map_err(Failure::failed)?;
        let bus = Bus::new();
        let accounts = Accounts::new(
            Arc::clone(&store) as Arc<dyn Store>,
            Arc::clone(&identity),
            clock.clone(),
            bus.clone(),
            runtime,
        );
        Ok(Site { config, clock, key, store, bus, identity, accounts, realm })
    }
}

/// Opens the store alone.
///
/// # Errors
/// [`OpenError`]; [`unopened`] makes a [`Failure`] of it.
pub fn open_store(
    data_dir: &Path,
    clock: &Clock,
    purpose: Purpose,
) -> Result<DiskStore, OpenError> {
    let mut options = match purpose {
        Purpose::Server => store::Options::new(data_dir),
        Purpose::Command => store::Options::for_command(data_dir),
    };
    options.clock = clock.clone();
    store::open(options)
}

/// The domain that was settled in a data directory which no process owns; `None` if there is none, or
/// it is somebody else's.
#[must_use]
pub fn settled_domain(data_dir: &Path, clock: &Clock) -> Option<String> {
    // Opened by root, the store of another user would get files that he cannot read.
    let owner = std::fs::metadata(data_dir.join("store")).ok()?.uid();
    if owner != nix::unistd::geteuid().as_raw() {
        return None;
    }
    let store = open_store(data_dir, clock, Purpose::Command).ok()?;
    frozen_domain(&store).ok()?
}

/// What a store that did not open means for whoever wanted it.
#[must_use]
pub fn unopened(data_dir: &Path, error: &OpenError, purpose: Purpose) -> Failure {
    let shown = data_dir.display();
    match error {
        OpenError::Owned { pid } => {
            let owner =
                pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"));
            Failure::refused(format!(
                "{owner} owns the data directory {shown}: a server, or a command that takes a \
                 while; end it or wait for it, then try again"
            ))
        }
        OpenError::Newer { .. } => {
            Failure::refused(format!("{error}; install that release again to use {shown}"))
        }
        OpenError::Foreign { .. } | OpenError::Exposed(_) => Failure::refused(error),
        OpenError::Io { .. } => Failure::failed(error),
        OpenError::Damaged { .. } => Failure::failed(match purpose {
            Purpose::Command => {
                format!("{error}; tagus serve restores the newest export that it made of it")
            }
            // It would have.
            Purpose::Server => format!(
                "{error}; with a file of tagus export: move {shown}/store away, then \
                 tagus --data-dir {shown} import FILE"
            ),
        }),
    }
}

/// Opens the key file, or makes one where nothing is sealed yet: with another key no password of
/// the store would work, and new ones would be sealed with a key that the old ones do not fit.
fn open_key(data_dir: &Path, store: &dyn Store) -> Result<KeyFile, Failure> {
    let path = data_dir.join(KEY_FILE);
    if !path.exists() && holds_secrets(store).map_err(Failure::failed)? {
        return Err(Failure::refused(format!(
            "{shown} is missing, and the passwords in the store open with it alone; put it back. \
             If it is lost, take the {KEY_FILE} of a new data directory and give everybody a new \
             password",
            shown = path.display()
        )));
    }
    KeyFile::open_or_create(&path).map_err(Failure::failed)
}

/// Whether anything in the store was sealed.
fn holds_secrets(store: &dyn Store) -> Result<bool, StoreError> {
    for row in rows(store, Table::Credentials, b"") {
        if DeviceCredential::decode(&row?.1).is_ok_and(|device| !device.sealed_ha1s.is_empty()) {
            return Ok(true);
        }
    }
    for row in rows(store, Table::Accounts, b"") {
        if Account::decode(&row?.1).is_ok_and(|account| account.sealed_password.is_some()) {
            return Ok(true);
        }
    }
    Ok(false)
}
