//! Whoever performs requests: the running server, or with none this process over the store.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Runtime;

use super::administration::{Administration, archive};
use super::context::{Context, runtime};
use super::control::{CallError, Client};
use super::process;
use super::site::{self, Purpose, Site};
use crate::accounts::Actor;
use crate::clock::Clock;
use crate::config::Loaded;
use crate::operations::{Failure, Operations as _, Reply, Request};
use crate::store::{DiskStore, OpenError, Store as _};

/// How often a store that another process has open is tried, and how long in between: scripts run
/// commands side by side, and a server may be about to open its socket.
const TRIES: u32 = 60;
const PAUSE: Duration = Duration::from_millis(100);

/// Performs requests.
pub struct Desk(Place);

enum Place {
    Server(Client),
    /// Nothing was asked yet.
    Closed(Box<Alone>),
    Alone(Box<Opened>),
}

/// What is needed to open the data directory.
#[derive(Clone)]
struct Alone {
    loaded: Loaded,
    clock: Clock,
}

/// The data directory, opened by this process.
struct Opened {
    administration: Administration,
    site: Arc<Site>,
    /// Dropped last: the others began their work on it.
    runtime: Runtime,
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.0 {
            Place::Server(_) => "Desk(server)",
            Place::Closed(_) | Place::Alone(_) => "Desk(alone)",
        })
    }
}

impl Desk {
    /// Connects to the running server; if there is none, the data directory is opened when the
    /// first request is performed.
    ///
    /// # Errors
    /// A [`Failure`] if a server runs and does not answer, or the configuration is not valid.
    pub fn open(context: &Context) -> Result<Desk, Failure> {
        let data_dir = context.data_dir()?;
        Ok(Desk(match Client::connect(&socket(&data_dir)) {
            Ok(client) => Place::Server(client),
            Err(CallError::NoServer(_)) => {
                let loaded = context.load()?;
                Place::Closed(Box::new(Alone { loaded, clock: context.clock.clone() }))
            }
            Err(error) => return Err(error.into()),
        }))
    }

    /// Performs one request.
    ///
    /// # Errors
    /// A [`Failure`] if it was not done; [`super::Exit::Refused`] if another process owns the data
    /// directory and answers nothing.
    pub fn perform(&mut self, request: &Request) -> Result<Reply, Failure> {
        if let Place::Closed(alone) = &self.0 {
            let alone = alone.clone();
            match alone.take(request)? {
                Taken::Server(client) => self.0 = Place::Server(client),
                Taken::Store(store) => {
                    if let Request::Import { path } = request {
                        // Opened further, the directory would get a key and a realm of its own.
                        let read = archive::read_into(&store, &alone.clock, path);
                        return read.map(Reply::Count);
                    }
                    self.0 = Place::Alone(Box::new(alone.open(store)?));
                }
            }
        }
        match &mut self.0 {
            Place::Server(client) => Ok(client.call(request)?),
            Place::Alone(opened) => opened.perform(request),
            // It was opened above.
            Place::Closed(_) => Err(Failure::failed("the data directory was not opened")),
        }
    }
}

/// What a closed data directory turned out to be.
enum Taken {
    Server(Client),
    Store(DiskStore),
}

impl Alone {
    /// Takes the store, or finds the server that has just come up.
    fn take(&self, request: &Request) -> Result<Taken, Failure> {
        let data_dir = &self.loaded.config.data_dir;
        if !request.begins_anew() && !data_dir.exists() {
            return Err(Failure::not_found(format!(
                "there is no data directory {}; name it with --data-dir",
                data_dir.display()
            )));
        }
        process::own_data_dir(data_dir)?;
        let mut tries = TRIES;
        loop {
            tries = tries.saturating_sub(1);
            match site::open_store(data_dir, &self.clock, Purpose::Command) {
                Ok(store) => return Ok(Taken::Store(store)),
                Err(OpenError::Owned { .. }) if tries > 0 => {
                    if let Ok(client) = Client::connect(&socket(data_dir)) {
                        return Ok(Taken::Server(client));
                    }
                    std::thread::sleep(PAUSE);
                }
                Err(error) => return Err(site::unopened(data_dir, &error, Purpose::Command)),
            }
        }
    }

    fn open(&self, store: DiskStore) -> Result<Opened, Failure> {
        let runtime = runtime()?;
        // What the layers start on the runtime is started within it.
        let site = {
            let _within = runtime.enter();
            let opened = site::Opened::over(self.loaded.clone(), store)?;
            Site::over(opened, self.clock.clone(), runtime.handle())?
        };
        let site = Arc::new(site);
        let administration = Administration::new(Arc::clone(&site), None);
        Ok(Opened { administration, site, runtime })
    }
}

impl Opened {
    fn perform(&self, request: &Request) -> Result<Reply, Failure> {
        let reply = self
            .runtime
            .block_on(self.administration.perform(&Actor::offline(), request.clone()))?;
        // Also what is written soon must be there when the command says that it is done.
        let _ = self.site.store.flush().wait();
        Ok(reply)
    }
}

fn socket(data_dir: &Path) -> PathBuf {
    data_dir.join("tagus.sock")
}
