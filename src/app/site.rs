//! What the server and every command stand on: the data directory, opened.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::runtime::Handle;

use super::administration::refused;
use super::process;
use super::stored;
use crate::accounts::{
    Accounts, AccountsError, FrozenRealm, freeze_domain, freeze_realm, frozen_domain,
    stored_settings,
};
use crate::bus::Bus;
use crate::clock::Clock;
use crate::config::{Config, Loaded, Origin};
use crate::identity::{Identity, Settings};
use crate::model::{Account, DeviceCredential, Record as _, SettingRow, SettingValue};
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
    /// The configuration as it was at the start, with the domain that the store is for.
    pub config: Arc<Config>,
    /// The same with where each value comes from, and with what the console has stored since.
    loaded: ArcSwap<Loaded>,
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
        loaded: Loaded,
        clock: Clock,
        runtime: &Handle,
        purpose: Purpose,
    ) -> Result<Site, Failure> {
        Site::over(Opened::open(loaded, &clock, purpose)?, clock, runtime)
    }

    /// The configuration as it is stored now; what is in force at the next start only is in it as well.
    #[must_use]
    pub fn loaded(&self) -> Arc<Loaded> {
        self.loaded.load_full()
    }

    /// Takes another configuration, which is stored already.
    pub(super) fn set_loaded(&self, loaded: Loaded) {
        self.loaded.store(Arc::new(loaded));
    }

    /// The same, over what is open already.
    ///
    /// # Errors
    /// As [`Site::open`].
    pub fn over(opened: Opened, clock: Clock, runtime: &Handle) -> Result<Site, Failure> {
        let Opened { store, key, mut loaded, .. } = opened;
        let config = &loaded.config;
        // One that the console stored and that people meanwhile have none of gives way: a server that
        // does not start has no console to mend it.
        let is_stored = loaded.origin("domain") == Origin::Console;
        let domain = match freeze_domain(&*store, &config.domain, config.domain_is_set) {
            Err(AccountsError::OtherDomain { frozen, configured }) if is_stored => {
                tracing::error!(event = "setting.passed_over", key = "domain", configured, frozen);
                frozen
            }
            other => other.map_err(refused)?,
        };
        loaded.config.domain = domain;
        let config = Arc::new(loaded.config.clone());
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
        let loaded = ArcSwap::from_pointee(loaded);
        Ok(Site { config, loaded, clock, key, store, bus, identity, accounts, realm })
    }
}

/// A data directory whose store is open, with the configuration that is stored there among the other
/// layers. The services are not there yet.
pub struct Opened {
    store: Arc<DiskStore>,
    key: Arc<KeyFile>,
    stored: Vec<SettingRow>,
    /// The configuration.
    pub loaded: Loaded,
}

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opened").finish_non_exhaustive()
    }
}

impl Opened {
    /// Opens the data directory, making what is missing. Blocks.
    ///
    /// # Errors
    /// As [`Site::open`].
    pub fn open(loaded: Loaded, clock: &Clock, purpose: Purpose) -> Result<Opened, Failure> {
        let data_dir = &loaded.config.data_dir;
        process::own_data_dir(data_dir)?;
        let store = open_store(data_dir, clock, purpose)
            .map_err(|error| unopened(data_dir, &error, purpose))?;
        Opened::over(loaded, store)
    }

    /// The same, over a store that is open already.
    ///
    /// # Errors
    /// As [`Site::open`].
    pub fn over(loaded: Loaded, store: DiskStore) -> Result<Opened, Failure> {
        let store = Arc::new(store);
        let key = Arc::new(open_key(&loaded.config.data_dir, &*store)?);
        let rows = stored_settings(&*store).map_err(refused)?;
        let loaded = stored::laid_over(&loaded, &rows, &key)?;
        Ok(Opened { store, key, stored: rows, loaded })
    }

    /// Leaves out what is stored of these keys.
    ///
    /// # Errors
    /// If the configuration is not valid without it.
    pub fn pass_over(&mut self, keys: &[&str]) -> Result<(), Failure> {
        self.stored.retain(|row| !keys.contains(&row.key.as_str()));
        // Laid anew from the layers as they were read: what was stored before is not among them.
        self.loaded = stored::laid_over(&self.loaded, &self.stored, &self.key)?;
        Ok(())
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

/// What was settled and stored in a data directory which no process owns, as far as that can be seen
/// without making or changing anything: the domain, and the console's settings.
#[must_use]
pub fn peek(data_dir: &Path, clock: &Clock) -> Option<(Option<String>, Vec<SettingRow>)> {
    // Opened by root, the store of another user would get files that he cannot read.
    let owner = std::fs::metadata(data_dir.join("store")).ok()?.uid();
    if owner != nix::unistd::geteuid().as_raw() {
        return None;
    }
    let store = open_store(data_dir, clock, Purpose::Command).ok()?;
    Some((frozen_domain(&store).ok()?, stored_settings(&store).unwrap_or_default()))
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
    for row in rows(store, Table::Settings, b"") {
        let row = SettingRow::decode(&row?.1);
        if row.is_ok_and(|row| matches!(row.value, SettingValue::Sealed(_))) {
            return Ok(true);
        }
    }
    Ok(false)
}
