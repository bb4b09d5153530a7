//! `tagus client` and `tagus message`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::{Msrp, Password};
use crate::config::parse_duration;

/// `tagus client`.
#[derive(Debug, Subcommand)]
pub enum Client {
    /// Registers, stays registered, and unregisters at the end
    Register(Register),
    /// Writes a message to somebody
    Message {
        /// To whom, and what.
        #[command(flatten)]
        text: Text,
        /// Who, and where.
        #[command(flatten)]
        sign_in: SignIn,
    },
    /// Registers and prints each message that comes
    Listen(Listen),
    /// A session of MSRP without any SIP: texts and files between two who know each other's path
    #[command(subcommand)]
    Msrp(Msrp),
    /// Says how one is, stays as long as it is told to, and takes it back at the end
    Publish(Publish),
    /// Watches somebody and prints each change
    Watch(Watch),
}

/// Where the server is.
#[derive(Debug, Args)]
pub struct Connection {
    /// The server; the one that runs in the data directory, or else this machine's port 5060
    #[arg(long, value_name = "HOST[:PORT]")]
    pub server: Option<String>,
    /// udp, tcp, tls, ws or wss; udp, but tcp for a text that does not fit a datagram
    #[arg(long, value_parser = ["udp", "tcp", "tls", "ws", "wss"])]
    pub transport: Option<String>,
    /// Whom to trust to vouch for the server, in PEM; otherwise whom this machine trusts, and the
    /// authority of the data directory
    #[arg(long, value_name = "FILE", conflicts_with = "insecure")]
    pub ca_file: Option<PathBuf>,
    /// Takes any certificate: for looking at a server, not for passwords that matter
    #[arg(long)]
    pub insecure: bool,
    /// The password.
    #[command(flatten)]
    pub password: Password,
}

/// Who signs in, and where.
#[derive(Debug, Args)]
pub struct SignIn {
    /// Who; the domain is that of the running server unless it is given
    #[arg(long, value_name = "USER[@DOMAIN]")]
    pub user: String,
    /// Where.
    #[command(flatten)]
    pub connection: Connection,
}

/// How long somebody stays.
#[derive(Debug, Args)]
pub struct Stay {
    /// Stays for so long instead of until it is interrupted
    #[arg(long = "for", value_name = "DURATION", value_parser = parse_duration)]
    pub duration: Option<Duration>,
    /// Ends after the first answer and leaves it behind
    #[arg(long, conflicts_with = "duration")]
    pub once: bool,
}

/// `tagus client register`.
#[derive(Debug, Args)]
pub struct Register {
    /// For how many seconds each registration is asked
    #[arg(long, default_value_t = 600, value_parser = clap::value_parser!(u32).range(1..))]
    pub expires: u32,
    /// For how long.
    #[command(flatten)]
    pub stay: Stay,
    /// Who, and where.
    #[command(flatten)]
    pub sign_in: SignIn,
}

/// What is written to whom.
#[derive(Debug, Args)]
pub struct Text {
    /// A name, user@domain, or a sip: address
    pub to: String,
    /// The text; - reads standard input
    pub text: String,
    /// Registers and waits so long, 5s by default, for a message from that person
    #[arg(
        long,
        value_name = "DURATION",
        num_args = 0..=1,
        default_missing_value = "5s",
        value_parser = parse_duration
    )]
    pub wait_reply: Option<Duration>,
}

/// `tagus client listen`.
#[derive(Debug, Args)]
pub struct Listen {
    /// Listens for so long instead of until it is interrupted
    #[arg(long = "for", value_name = "DURATION", value_parser = parse_duration)]
    pub duration: Option<Duration>,
    /// Ends after so many messages
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    pub count: Option<u64>,
    /// Who, and where.
    #[command(flatten)]
    pub sign_in: SignIn,
}

/// `tagus client publish`.
#[derive(Debug, Args)]
pub struct Publish {
    /// Whether one can be written to
    #[arg(long, default_value = "open", value_parser = ["open", "closed"])]
    pub status: String,
    /// What one is doing, by a name of RFC 4480: busy, away, on-the-phone, meeting, vacation ...
    #[arg(long, value_name = "NAME")]
    pub activity: Option<String>,
    /// A few words for others
    #[arg(long, value_name = "TEXT")]
    pub note: Option<String>,
    /// For how many seconds it is asked each time
    #[arg(long, default_value_t = 3600, value_parser = clap::value_parser!(u32).range(1..))]
    pub expires: u32,
    /// For how long.
    #[command(flatten)]
    pub stay: Stay,
    /// Who, and where.
    #[command(flatten)]
    pub sign_in: SignIn,
}

/// `tagus client watch`.
#[derive(Debug, Args)]
pub struct Watch {
    /// Whom: a name, user@domain, or a sip: address
    pub whom: String,
    /// presence, presence.winfo (who watches oneself) or reg (one's own devices)
    #[arg(long, default_value = "presence", value_parser = ["presence", "presence.winfo", "reg"])]
    pub event: String,
    /// Which documents one takes, instead of those of the event
    #[arg(long, value_name = "TYPE")]
    pub accept: Option<String>,
    /// For how many seconds it is asked each time; 0 asks once
    #[arg(long, default_value_t = 3600)]
    pub expires: u32,
    /// Watches for so long instead of until it is interrupted
    #[arg(long = "for", value_name = "DURATION", value_parser = parse_duration)]
    pub duration: Option<Duration>,
    /// Ends after so many notifications
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    pub count: Option<u64>,
    /// Prints the documents as well
    #[arg(long)]
    pub document: bool,
    /// Who, and where.
    #[command(flatten)]
    pub sign_in: SignIn,
}

/// `tagus message`.
#[derive(Debug, Args)]
pub struct Message {
    /// To whom, and what.
    #[command(flatten)]
    pub text: Text,
    /// Who writes
    #[arg(long, value_name = "USER[@DOMAIN]")]
    pub from: String,
    /// Where.
    #[command(flatten)]
    pub connection: Connection,
}
