//! What every command and the server stand on: the data directory, opened.
use super::exit::Failure;
use super::process;
use crate::accounts::{Accounts, FrozenRealm, freeze_realm};
use crate::bus::Bus;
use crate::clock::Clock;
use crate::config::Config;
use crate::identity::{Identity, Settings};
use crate::store::seal::KeyFile;
use crate::store::{self, DiskStore};
use std::sync::Arc;
use tokio::runtime::Handle;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    Server,
    Command,
}

pub struct Site {
    pub config: Arc<Config>,
    pub clock: Clock,
    pub key: Arc<KeyFile>,
    pub store: Arc<DiskStore>,
    pub bus: Bus,
    pub identity: Arc<Identity>,
    pub accounts: Arc<Accounts>,
    pub realm: FrozenRealm,
}
impl Site {
    pub fn open(
        config: Arc<Config>,
        clock: Clock,
        runtime: &Handle,
        purpose: Purpose,
    ) -> Result<Site, Failure> {
        process::own_data_dir(&config.data_dir)?;
        let options = match purpose {
            Purpose::Server => store::Options::new(&config.data_dir),
            Purpose::Command => store::Options::for_command(&config.data_dir),
        };
        let store = Arc::new(store::open(options).map_err(Failure::failed)?);
        let key = Arc::new(
            KeyFile::open_or_create(&config.data_dir.join("secrets.key"))
                .map_err(Failure::failed)?,
        );
        let realm = freeze_realm(&*store, &config.identity.realm, &config.domain)
            .map_err(Failure::failed)?;
        let settings = Settings::new(&config, &realm.realm).map_err(Failure::usage)?;
        let identity =
            Identity::start(settings, store.clone(), key.clone(), clock.clone(), runtime.clone())
                .map_err(Failure::failed)?;
        let bus = Bus::new();
        let accounts =
            Accounts::new(store.clone(), identity.clone(), clock.clone(), bus.clone(), runtime);
        Ok(Site { config, clock, key, store, bus, identity, accounts, realm })
    }
}
