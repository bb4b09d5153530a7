//! `tagus client msrp`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use super::Password;
use crate::config::parse_duration;

/// `tagus client msrp`.
#[derive(Debug, Subcommand)]
pub enum Msrp {
    /// Prints a path, and takes whoever is told it and connects
    Listen {
        /// Where to listen; 0.0.0.0:0 for peers on other machines, with --host
        #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0")]
        bind: SocketAddr,
        /// Over TLS
        #[arg(long)]
        tls: bool,
        /// Who we are and what is done.
        #[command(flatten)]
        talk: MsrpTalk,
    },
    /// Connects to a path that somebody printed
    Connect {
        /// The path: one URI, or several with spaces between them, in one word
        path: String,
        /// The URI must be one of TLS
        #[arg(long)]
        tls: bool,
        /// Who we are and what is done.
        #[command(flatten)]
        talk: MsrpTalk,
    },
}

/// What both sides take.
#[derive(Debug, Args)]
pub struct MsrpTalk {
    /// Sends a text; may be repeated
    #[arg(long, value_name = "TEXT")]
    pub text: Vec<String>,
    /// Sends a file; may be repeated
    #[arg(long, value_name = "FILE")]
    pub file: Vec<PathBuf>,
    /// Keeps files that come in this directory, never over another one; without it they are denied.
    /// What was cut off stays there, and its rest is taken when its sender comes back
    #[arg(long, value_name = "DIRECTORY")]
    pub save: Option<PathBuf>,
    /// Keeps in this directory what is needed to go on with files that were cut off on their way out,
    /// and goes on with those that are there; best one directory for each peer. Without it nothing is
    /// kept, and a file begins anew
    #[arg(long, value_name = "DIRECTORY")]
    pub state: Option<PathBuf>,
    /// Asks for confirmations: at the end, or every so many percent or bytes
    #[arg(long, value_name = "end|N%|BYTES", num_args = 0..=1, default_missing_value = "end",
        value_parser = Granularity::parse)]
    pub report: Option<Granularity>,
    /// What goes first on a connection
    #[arg(long, value_enum, default_value_t = MsrpPriority::Normal)]
    pub priority: MsrpPriority,
    /// Denies every message that comes with this code, as 413 or 415
    #[arg(long, value_name = "CODE", value_parser = clap::value_parser!(u16).range(400..600))]
    pub deny: Option<u16>,
    /// Ends after so long
    #[arg(long = "for", value_name = "DURATION", value_parser = parse_duration)]
    pub duration: Option<Duration>,
    /// Ends when so many messages have come, and ours have gone
    #[arg(long)]
    pub count: Option<u64>,
    /// The host in our own URI
    #[arg(long, value_name = "HOST")]
    pub host: Option<String>,
    /// Signs in to this relay and uses its way; may be repeated, the nearest one first
    #[arg(long, value_name = "URI", requires = "user")]
    pub relay: Vec<String>,
    /// Who signs in to the relay
    #[arg(long, value_name = "USER")]
    pub user: Option<String>,
    /// The password for the relay.
    #[command(flatten)]
    pub password: Password,
    /// Uses a relay without TLS: anybody on the way may read along
    #[arg(long)]
    pub plain_relay: bool,
    /// Our certificate, in PEM; otherwise one is made whose fingerprint is printed
    #[arg(long, value_name = "FILE", requires = "key_file")]
    pub cert_file: Option<PathBuf>,
    /// The certificate's key, in PEM
    #[arg(long, value_name = "FILE", requires = "cert_file")]
    pub key_file: Option<PathBuf>,
    /// What the peer's certificate has to be, as SHA-256 4A:AD:...
    #[arg(long, value_name = "FINGERPRINT")]
    pub fingerprint: Vec<String>,
    /// Whom to trust to vouch for the peer, in PEM
    #[arg(long, value_name = "FILE", conflicts_with = "insecure")]
    pub ca_file: Option<PathBuf>,
    /// Takes any certificate
    #[arg(long)]
    pub insecure: bool,
    /// Prints all that goes over the wire to standard error
    #[arg(long)]
    pub dump: bool,
}

/// How often something is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Granularity(pub crate::msrp::Granularity);

impl Granularity {
    fn parse(text: &str) -> Result<Granularity, String> {
        use crate::msrp::Granularity as G;
        let wrong = || format!("{text:?} is neither end, nor N%, nor a number of bytes");
        if text == "end" {
            return Ok(Granularity(G::End));
        }
        let parsed = match text.strip_suffix('%') {
            Some(percent) => {
                percent.parse().ok().filter(|n| (1..=100).contains(n)).map(G::EveryPercent)
            }
            None => text.parse().ok().filter(|bytes| *bytes > 0).map(G::EveryBytes),
        };
        parsed.map(Granularity).ok_or_else(wrong)
    }
}

/// What goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum MsrpPriority {
    /// Before all others
    Urgent,
    /// As conversation
    Normal,
    /// When there is room
    Bulk,
}
