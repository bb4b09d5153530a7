//! The commands, one file each.

use super::cli::{Cli, Command};
use super::context::Context;
use super::telemetry;
use crate::config::{Log, LogFormat};
use crate::operations::Failure;
use clap::CommandFactory as _;
use serde_json::json;

mod archive;
mod audit;
mod ban;
mod bench;
mod client;
mod config;
mod device;
mod directory;
mod init;
mod job;
mod ldap;
mod msrp;
mod notice;
mod presence;
mod setup_link;
mod status;
mod told;
mod user;

/// Runs one command.
pub(super) fn run(context: &Context, command: Command) -> Result<(), Failure> {
    if !matches!(command, Command::Serve(_)) {
        // What a command meets on its way is told beside what it prints.
        let format = if context.output.json { LogFormat::Json } else { LogFormat::Text };
        let log = Log { level: "warn".to_owned(), format };
        telemetry::start(&log, context.clock.clone()).map_err(Failure::failed)?;
    }
    match command {
        Command::Serve(arguments) => crate::app::serve::run(context, &arguments),
        Command::Init(arguments) => init::run(context, &arguments),
        Command::Status => status::run(context),
        Command::Config(command) => config::run(context, command),
        Command::User(command) => user::run(context, command),
        Command::Device(command) => device::run(context, command),
        Command::Presence(command) => presence::run(context, command),
        Command::Ldap(command) => ldap::run(context, command),
        Command::Ban(command) => ban::run(context, command),
        Command::Job(command) => job::run(context, command),
        Command::Audit(command) => audit::run(context, &command),
        Command::SetupLink => setup_link::run(context),
        Command::Notify(command) => notice::notify(context, command),
        Command::Application(command) => notice::application(context, command),
        Command::Message(message) => client::message(context, message),
        Command::Client(command) => client::run(context, command),
        Command::Export { file } => archive::export(context, &file),
        Command::Import { file } => archive::import(context, &file),
        Command::Bench(command) => bench::run(context, command),
        Command::Completions { shell } => completions(context, shell),
        Command::Version => version(context),
    }
}

fn completions(context: &Context, shell: clap_complete::Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "tagus", &mut script);
    context.output.line(String::from_utf8_lossy(&script).trim_end())
}

fn version(context: &Context) -> Result<(), Failure> {
    let version = env!("CARGO_PKG_VERSION");
    let document = json!({ "name": "tagus", "version": version });
    context.output.either(&document, &format!("tagus {version}"))
}

/// The answer was of another kind than the question: the server is of another version.
fn unexpected() -> Failure {
    Failure::failed("the server answered something else; is it another version?")
}
