//! What every command is given: its common options, where it prints, its configuration.

use std::path::PathBuf;

use serde_json::json;

use super::control::Client;
use super::desk::Desk;
use super::escape;
use super::output::Output;
use crate::clock::Clock;
use crate::config::{Loaded, Machine, Sources};
use crate::operations::{Failure, Reply, Request};

/// Options that every command takes, before or after its name.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Global {
    /// The configuration file.
    #[arg(long, global = true, value_name = "FILE", env = "TAGUS_CONFIG", hide_env = true)]
    pub config: Option<PathBuf>,
    /// Where everything is kept.
    #[arg(long, global = true, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Sets a configuration key, above all else.
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Prints JSON.
    #[arg(long, global = true)]
    pub json: bool,
}

/// What every command is given.
#[derive(Clone, Debug)]
pub struct Context {
    /// The common options.
    pub global: Global,
    /// Where it prints.
    pub output: Output,
    /// Time.
    pub clock: Clock,
}

impl Context {
    /// With the options given.
    #[must_use]
    pub fn new(global: Global) -> Context {
        let output = Output { json: global.json };
        Context { global, output, clock: Clock::system() }
    }

    /// The layers that the options and the environment name.
    #[must_use]
    pub fn sources(&self) -> Sources {
        let environment: Vec<(String, String)> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let machine = Machine::detect();
        let variable = environment.iter().find(|(name, _)| name == "TAGUS_DATA_DIR");
        let data_dir =
            self.global.data_dir.clone().or_else(|| variable.map(|(_, path)| path.into()));
        let file = self.global.config.clone().or_else(|| machine.find_file(data_dir.as_deref()));
        Sources {
            file,
            environment,
            set: self.global.set.clone(),
            data_dir: self.global.data_dir.clone(),
            machine,
        }
    }

    /// The configuration.
    ///
    /// # Errors
    /// A [`Failure`] with every problem, if it is not valid.
    pub fn load(&self) -> Result<Loaded, Failure> {
        self.sources().load().map_err(Failure::usage)
    }

    /// The data directory. One that was named needs no valid configuration.
    ///
    /// # Errors
    /// A [`Failure`] if the configuration is needed and not valid.
    pub fn data_dir(&self) -> Result<PathBuf, Failure> {
        match &self.global.data_dir {
            Some(path) => std::path::absolute(path).map_err(Failure::usage),
            None => Ok(self.load()?.config.data_dir),
        }
    }

    /// Connects to the running server.
    ///
    /// # Errors
    /// A [`Failure`] with exit code 5 if none runs.
    pub fn server(&self) -> Result<Client, Failure> {
        let path = self.data_dir()?.join("tagus.sock");
        Ok(Client::connect(&path)?)
    }

    /// Asks the running server.
    ///
    /// # Errors
    /// A [`Failure`] with exit code 5 if none runs, or with what it says.
    pub fn ask_server(&self, request: &Request) -> Result<Reply, Failure> {
        Ok(self.server()?.call(request)?)
    }

    /// Whoever performs requests: the running server, or with none this process over the store.
    ///
    /// # Errors
    /// A [`Failure`] if the server does not answer, or the store cannot be opened.
    pub fn desk(&self) -> Result<Desk, Failure> {
        Desk::open(self)
    }

    /// Performs one request.
    ///
    /// # Errors
    /// A [`Failure`] if it was not done.
    pub fn perform(&self, request: &Request) -> Result<Reply, Failure> {
        self.desk()?.perform(request)
    }

    /// Tells a failure to whoever reads standard error.
    pub fn report(&self, failure: &Failure) {
        if failure.message.is_empty() {
            return;
        }
        if self.output.json {
            self.output.say(
                &json!({ "error": { "exit": failure.exit, "message": failure.message } })
                    .to_string(),
            );
        } else {
            for line in failure.message.lines() {
                self.output.say(&format!("tagus: {}", escape::line(line)));
            }
        }
    }
}

/// A runtime for one command.
///
/// # Errors
/// If the system permits none.
pub fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::failed)
}
