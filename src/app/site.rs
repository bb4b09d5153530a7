//! What the server and every command stand on: the data directory, opened.

use std::sync::Arc;

use tokio::runtime::Handle;

use super::exit::{Exit, Failure};
use super::process;
use crate::accounts::{Accounts, AccountsError, FrozenRealm, freeze_realm};
use crate::bus::Bus;
use crate::clock::Clock;
use crate::config::Config;
use crate::identity::{Identity, Settings};
use crate::store::seal::KeyFile;
use crate::store::{self, DiskStore};

/// The file beside the store without which nothing sealed in it can be read.
pub const KEY_FILE: &str = "secrets.key";

/// What a data directory is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To serve for a long time: the store is exported now and then, and damage is mended.
    Server,
    /// For one command while no server runs: damage is reported and left alone.
    Command,
}

/// An opened data directory and the layers that read and write its people.
pub struct Site {
    /// The configuration.
    pub config: Arc<Config>,
    /// Time.
    pub clock: Clock,
    /// What seals secrets in the store.
    pub key: Arc<KeyFile>,
    /// The store.
    pub store: Arc<DiskStore>,
    /// Who hears of changes.
    pub bus: Bus,
    /// Who people are.
    pub identity: Arc<Identity>,
    /// Who writes them.
    pub accounts: Arc<Accounts>,
    /// The realm, as it was settled at the first start.
    pub realm: FrozenRealm,
}

impl Site {
    /// Opens the data directory of a configuration, making what is missing. What must wait, as
    /// the directory, is waited for on `runtime`.
    ///
    /// # Errors
    /// A [`Failure`] that says what to do; [`Exit::Refused`] if another process owns it.
    pub fn open(
        config: Arc<Config>,
        clock: Clock,
        runtime: &Handle,
        purpose: Purpose,
    ) -> Result<Site, Failure> {
        let path = &config.data_dir;
        process::own_data_dir(path)?;
        let options = match purpose {
            Purpose::Server => store::Options::new(path),
            Purpose::Command => store::Options::for_command(path),
        };
        let store = Arc::new(store::open(options).map_err(not_opened)?);
        let key = KeyFile::open_or_create(&path.join(KEY_FILE)).map_err(Failure::failed)?;
        let key = Arc::new(key);
        let realm =
            freeze_realm(&*store, &config.identity.realm, &config.domain).map_err(refused)?;
        if realm.differs {
            tracing::warn!(
                event = "realm",
                realm = %realm.realm,
                "identity.realm cannot be changed any more: every password was made for this one"
            );
        }
        let settings = Settings::new(&config, &realm.realm).map_err(Failure::usage)?;
        let identity = Identity::start(
            settings,
            store.clone(),
            Arc::clone(&key),
            clock.clone(),
            runtime.clone(),
        )
        .map_err(Failure::failed)?;
        let bus = Bus::new();
        let accounts = Accounts::new(
            store.clone(),
            Arc::clone(&identity),
            clock.clone(),
            bus.clone(),
            runtime,
        );
        Ok(Site { config, clock, key, store, bus, identity, accounts, realm })
    }
}

fn not_opened(error: store::OpenError) -> Failure {
    let exit = match error {
        store::OpenError::Owned { .. } | store::OpenError::Foreign { .. } => Exit::Refused,
        _ => Exit::Failed,
    };
    Failure::new(exit, error)
}

/// What a refusal of the accounts means to whoever ran a command.
pub(super) fn refused(error: AccountsError) -> Failure {
    let exit = match &error {
        AccountsError::NoAccount(_) | AccountsError::NoDevice { .. } => Exit::NotFound,
        AccountsError::Exists(_)
        | AccountsError::OfDirectory(_)
        | AccountsError::TooManyDevices(_) => Exit::Refused,
        AccountsError::Name(_)
        | AccountsError::Password(_)
        | AccountsError::TooLong(_)
        | AccountsError::Header(_) => Exit::Usage,
        AccountsError::Unavailable(_) => Exit::Unreachable,
        AccountsError::Store(_) | AccountsError::Commit(_) | AccountsError::Damaged(_) => {
            Exit::Failed
        }
    };
    Failure::new(exit, error)
}
