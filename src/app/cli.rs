//! The command line.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

use super::context::Global;
use super::secret;
use crate::operations::{Failure, Secret};

mod client;
mod msrp;
mod notice;

pub use client::{
    Client, Connection, Listen, Message, Publish, Register, SignIn, Stay, Text, Watch,
};
pub use msrp::{Granularity, Msrp, MsrpPriority, MsrpTalk};
pub use notice::{Application, Notify};

pub mod bench;

/// Tagus: an instant-messaging appliance for a small campus.
#[derive(Debug, Parser)]
#[command(name = "tagus", version, arg_required_else_help = true)]
#[command(after_help = "Exit codes: 0 done, 1 failed, 2 usage or invalid configuration, \
    3 not found, 4 refused, 5 the server cannot be reached.")]
pub struct Cli {
    /// Options that every command takes.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Runs the server
    Serve(Serve),
    /// Writes a commented configuration and makes the data directory; never overwrites
    Init(Init),
    /// Shows what the running server is doing
    Status,
    /// Checks the configuration, or shows every key and where its value comes from
    #[command(subcommand)]
    Config(Config),
    /// People: local accounts, and those of the directory that have been here
    #[command(subcommand)]
    User(User),
    /// Device credentials: one password per device, shown once, revoked one by one
    #[command(subcommand)]
    Device(Device),
    /// What others may see of a person, who watches, and by which rules
    #[command(subcommand)]
    Presence(Presence),
    /// The directory
    #[command(subcommand)]
    Ldap(Ldap),
    /// Addresses that are refused after too many failures
    #[command(subcommand)]
    Ban(Ban),
    /// Long work that the console began: imports, and the same deed for many people
    #[command(subcommand)]
    Job(Job),
    /// Who did what: the last lines of the audit trail
    #[command(args_conflicts_with_subcommands = true)]
    Audit(Audit),
    /// Prints a link that makes an owner of the console, once, within half an hour: at the first
    /// start, or for whoever lost access
    SetupLink,
    /// Sends people or a group a short text of an application: mail is there, a print is done
    Notify(Notify),
    /// Programs that send notices, and their tokens
    #[command(subcommand)]
    Application(Application),
    /// Writes a message to somebody, as `client message` does
    Message(Message),
    /// A SIP client: registers, writes, listens, publishes, watches
    #[command(subcommand)]
    Client(Client),
    /// Writes everything stored into a file
    Export {
        /// The file; it must not exist yet
        file: PathBuf,
    },
    /// Reads everything from a file of `export` into an empty data directory
    Import {
        /// The file
        file: PathBuf,
    },
    /// Puts load on a SIP server, this one or another, and prints what it did
    #[command(subcommand)]
    Bench(bench::Bench),
    /// Prints completions for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Prints the version
    Version,
}

/// `tagus serve`.
#[derive(Debug, clap::Args)]
pub struct Serve {
    /// Runs a complete campus on loopback to be tried out, and prints how
    #[arg(long)]
    pub demo: bool,
    /// Where the demonstration listens, for a phone on the same network
    #[arg(long, value_name = "ADDRESS", requires = "demo")]
    pub bind: Option<IpAddr>,
}

/// `tagus init`.
#[derive(Debug, clap::Args)]
pub struct Init {
    /// The SIP domain, the part after the @ of everybody's address
    #[arg(long)]
    pub domain: Option<String>,
}

/// `tagus config`.
#[derive(Debug, Subcommand)]
pub enum Config {
    /// Says whether the configuration is valid, without starting anything
    Check {
        /// Another file than the one that would be used
        file: Option<PathBuf>,
    },
    /// Prints every key with its value and origin
    Show {
        /// Only keys that begin with this
        prefix: Option<String>,
    },
    /// Stores a value as the console does: above the configuration file
    Set {
        /// The key, as presence.default_policy
        key: String,
        /// The value, as after --set KEY=
        #[arg(required_unless_present = "value_file")]
        value: Option<String>,
        /// A file that holds the value of a key that is a secret; - reads one line from standard input
        #[arg(long, value_name = "FILE", conflicts_with = "value")]
        value_file: Option<PathBuf>,
    },
    /// Gives up what was stored, so that the file or the default counts again
    Reset {
        /// The keys
        #[arg(required = true)]
        keys: Vec<String>,
    },
}

/// Where a password comes from. Never from an argument: those are read by everybody.
#[derive(Debug, Default, clap::Args)]
pub struct Password {
    /// A file that holds the password; - reads one line from standard input
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// Refused, with the way to do it.
    #[arg(long, hide = true, num_args = 0..=1, value_name = "PASSWORD")]
    pub password: Option<String>,
}

impl Password {
    /// Reads it, if there is one.
    ///
    /// # Errors
    /// If it stands on the command line, or the file cannot be read.
    pub fn read(&self) -> Result<Option<Secret>, Failure> {
        if self.password.is_some() {
            return Err(Failure::usage(
                "everybody on this machine can read a password that is an argument; \
                 use --password-file FILE, or --password-file - and standard input",
            ));
        }
        self.password_file.as_deref().map(secret::read).transpose()
    }
}

/// `tagus user`.
#[derive(Debug, Subcommand)]
pub enum User {
    /// Makes a local account; without a password only its devices sign in
    Add {
        /// The name, the part before the @
        user: String,
        /// The name that others see
        #[arg(long)]
        name: Option<String>,
        /// The mail address
        #[arg(long)]
        mail: Option<String>,
        /// The telephone number, as the telephone service beside this server dials it; several are
        /// separated by semicolons
        #[arg(long)]
        number: Option<String>,
        /// The groups
        #[arg(long, value_name = "GROUP", value_delimiter = ',')]
        groups: Vec<String>,
        /// The password.
        #[command(flatten)]
        password: Password,
    },
    /// Lists accounts
    List,
    /// Shows one account with its devices
    Show {
        /// The name
        user: String,
    },
    /// Gives a local account another telephone number
    Number {
        /// The name
        user: String,
        /// The number; without one it is taken away
        #[arg(default_value = "")]
        number: String,
    },
    /// Gives a local account another password
    Passwd {
        /// The name
        user: String,
        /// The password.
        #[command(flatten)]
        password: Password,
    },
    /// Changes what is known of an account; what is not named stays
    Edit {
        /// The name
        user: String,
        /// The name that others see; empty is the user name
        #[arg(long)]
        name: Option<String>,
        /// The mail address; empty takes it away
        #[arg(long)]
        mail: Option<String>,
        /// The telephone number; empty takes it away
        #[arg(long)]
        number: Option<String>,
        /// The groups, in place of those that there are; empty takes them away
        #[arg(long, value_name = "GROUP", value_delimiter = ',')]
        groups: Option<Vec<String>>,
    },
    /// Lists groups, with how many accounts and people of the directory are in them
    Groups,
    /// Locks an account out and ends its registrations
    Disable {
        /// The name
        user: String,
    },
    /// Lets an account in again
    Enable {
        /// The name
        user: String,
    },
    /// Removes an account with its devices and messages
    Delete {
        /// The name
        user: String,
    },
    /// Makes accounts from a CSV file with the header user,name,mail,password,groups
    Import {
        /// The file; - reads standard input
        file: PathBuf,
        /// What becomes of rows whose names are taken by local accounts
        #[arg(long, value_enum, default_value_t = Existing::Fail)]
        existing: Existing,
        /// Say what would become of each row, and change nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Prints all local accounts as CSV, without passwords
    Export,
    /// Looks for people, those of the directory too
    Find {
        /// Beginnings of words of the name, the user name or the mail address, or a number
        text: Vec<String>,
        /// Only people from there
        #[arg(long, value_enum)]
        source: Option<Source>,
        /// Only people who stand so
        #[arg(long, value_enum)]
        state: Option<State>,
        /// Only people in this group
        #[arg(long)]
        group: Option<String>,
        /// Only people who are registered now
        #[arg(long)]
        online: bool,
        /// How many at most
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=500))]
        limit: u32,
    },
}

/// What becomes of rows whose names are taken.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Existing {
    /// They fail, and the others go on
    Fail,
    /// They are passed over
    Skip,
    /// The accounts get what the rows have
    Update,
}

/// Where people come from.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Source {
    /// Accounts of this server
    Local,
    /// The directory
    Directory,
}

/// How people stand.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum State {
    /// They may sign in
    Active,
    /// They are locked, here or in the directory
    Disabled,
    /// They are no longer in the directory
    Absent,
    /// The directory has lost or locked them, and nobody has decided yet
    Held,
}

/// `tagus device`.
#[derive(Debug, Subcommand)]
pub enum Device {
    /// Makes a credential and prints its secret, this once
    Add {
        /// Whose
        user: String,
        /// What the person calls the device
        #[arg(long, default_value = "")]
        name: String,
        /// Offer this device MD5 alone
        #[arg(long)]
        md5_only: bool,
    },
    /// Lists a person's devices
    List {
        /// Whose
        user: String,
    },
    /// Revokes a credential
    Revoke {
        /// Whose
        user: String,
        /// The device's id, as `device list` shows it
        device: String,
    },
}

/// `tagus presence`.
#[derive(Debug, Subcommand)]
pub enum Presence {
    /// Shows what somebody sees who may see everything, and what each device published
    Show {
        /// Whose
        user: String,
    },
    /// Lists who watches a person, and who would like to
    Watchers {
        /// Whose
        user: String,
    },
    /// The rules of who may see a person
    #[command(subcommand)]
    Rules(Rules),
}

/// `tagus presence rules`.
#[derive(Debug, Subcommand)]
pub enum Rules {
    /// Prints them
    Show {
        /// Whose
        user: String,
    },
    /// Checks a document of rules and installs it; whoever watches is told at once
    Set {
        /// Whose
        user: String,
        /// The file; - reads standard input
        #[arg(default_value = "-")]
        file: PathBuf,
    },
}

/// `tagus ldap`.
#[derive(Debug, Subcommand)]
pub enum Ldap {
    /// Tries every configured server step by step, and says what to do where a step fails
    Test {
        /// A person to look for
        user: Option<String>,
        /// Try this person's password in the directory too
        #[command(flatten)]
        password: Password,
    },
    /// Reads the directory now, and says what changed; with an option, decides about people who
    /// would be out by it
    Sync {
        /// Say what reading it would change, and change nothing
        #[arg(long, group = "how")]
        preview: bool,
        /// Put out the people whom the directory lost or locked in numbers
        #[arg(long, group = "how")]
        apply: bool,
        /// Keep them in
        #[arg(long, group = "how")]
        dismiss: bool,
        /// Only the proposal of this number, as --preview prints it
        #[arg(long)]
        proposal: Option<u64>,
    },
    /// How the directory stands, and what its last readings did
    Show,
}

/// `tagus audit`.
#[derive(Debug, clap::Args)]
pub struct Audit {
    /// Lines from this number on, instead of the last ones
    #[arg(long, value_name = "NUMBER")]
    pub from: Option<u64>,
    /// How many lines at most
    #[arg(long, value_name = "COUNT", default_value_t = 50,
        value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub limit: u32,
    /// What to do beside.
    #[command(subcommand)]
    pub command: Option<AuditCommand>,
}

/// `tagus audit verify`.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Walks along the chain, and names the first line that is not what was written
    Verify,
}

/// `tagus job`.
#[derive(Debug, Subcommand)]
pub enum Job {
    /// Lists jobs of the last 24 hours, the newest first
    List,
    /// Shows how one goes, and what failed
    Show {
        /// Its id
        job: String,
    },
    /// Ends one before it is done; what it did stays done
    Cancel {
        /// Its id
        job: String,
    },
}

/// `tagus ban`.
#[derive(Debug, Subcommand)]
pub enum Ban {
    /// Lists bans
    List,
    /// Lifts bans
    Lift {
        /// The address
        #[arg(required_unless_present_any = ["user", "all"])]
        source: Option<IpAddr>,
        /// Only for this account
        #[arg(long)]
        user: Option<String>,
        /// Every ban
        #[arg(long, conflicts_with_all = ["source", "user"])]
        all: bool,
    },
}

#[cfg(test)]
mod tests;
