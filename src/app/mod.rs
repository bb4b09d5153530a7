//! Wiring and the command line.

use std::process::ExitCode;

use clap::Parser as _;

use crate::operations::Exit;

pub mod administration;
mod alerts;
pub mod cli;
mod command;
pub mod context;
pub mod control;
pub mod demo;
mod demo_directory;
pub mod desk;
mod front;
mod history;
mod interfaces;
pub mod output;
pub mod process;
pub mod secret;
pub mod serve;
pub mod server;
mod setup_link;
pub mod site;
mod stored;
pub mod telemetry;
pub mod watching;

pub use crate::text::visible as escape;

/// Runs the command that the arguments name.
#[must_use]
pub fn main() -> ExitCode {
    process::protect();
    // The one TLS provider. A second call would fail, and there is none.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Nobody may be reading; the code says the same.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage } else { Exit::Done }.into();
        }
    };
    let context = context::Context::new(cli.global);
    match command::run(&context, cli.command) {
        Ok(()) => Exit::Done.into(),
        Err(failure) => {
            context.report(&failure);
            failure.exit.into()
        }
    }
}
