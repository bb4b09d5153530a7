//! `tagus bench`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use crate::config::parse_duration;

/// `tagus bench`.
#[derive(Debug, Subcommand)]
pub enum Bench {
    /// Registrations, renewed by the same people again and again
    Register {
        /// What all loads take.
        #[command(flatten)]
        load: Load,
        /// Let everybody register once before anything is measured
        #[arg(long)]
        warm: bool,
    },
    /// Messages, from each person to the next; everybody registers first
    Message {
        /// What all loads take.
        #[command(flatten)]
        load: Load,
        /// The least length of a body in bytes
        #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u16).range(..=1_000))]
        body_bytes: u16,
    },
    /// Calls, from each person to the next, set up and ended; everybody registers first
    Invite {
        /// What all loads take.
        #[command(flatten)]
        load: Load,
        /// How long a call lasts
        #[arg(long, value_name = "TIME", value_parser = parse_duration, default_value = "1s")]
        hold: Duration,
    },
    /// People who register, each over a connection of his own, and do nothing but keep it alive
    Idle {
        /// Who is played, and where.
        #[command(flatten)]
        crowd: Crowd,
        /// How long all of them are there
        #[arg(long, value_name = "TIME", value_parser = parse_duration, default_value = "30s")]
        hold: Duration,
        /// With --pid: how long the server has to give memory back once they are gone
        #[arg(long, value_name = "TIME", value_parser = parse_duration, default_value = "15s")]
        settle: Duration,
    },
}

/// How SIP is carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Transport {
    /// UDP, with retransmissions
    Udp,
    /// TCP
    Tcp,
    /// TLS
    Tls,
    /// WebSocket
    Ws,
    /// WebSocket over TLS
    Wss,
}

/// What challenges are answered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Algorithm {
    /// MD5
    Md5,
    /// SHA-256
    #[value(name = "sha-256")]
    Sha256,
}

/// Who is played, and where.
#[derive(Debug, Args)]
pub struct Crowd {
    /// The server, as IP:PORT
    #[arg(long, value_name = "IP:PORT")]
    pub server: SocketAddr,
    /// The SIP domain
    #[arg(long)]
    pub domain: String,
    /// A file with a user and a password a line
    #[arg(long, value_name = "FILE", conflicts_with_all = ["user_pattern", "password_pattern"])]
    pub users: Option<PathBuf>,
    /// User names; {} or {:05} stands for the number
    #[arg(long, value_name = "PATTERN", default_value = "p{:05}")]
    pub user_pattern: String,
    /// Passwords of load-test users, no secrets
    #[arg(long, value_name = "PATTERN", default_value = "secret{:05}")]
    pub password_pattern: String,
    /// How many people
    #[arg(long, value_name = "N")]
    pub count: usize,
    /// How SIP is carried
    #[arg(long, value_enum, default_value_t = Transport::Udp)]
    pub transport: Transport,
    /// Whom to trust to vouch for the server, in PEM; otherwise whom this machine trusts
    #[arg(long, value_name = "FILE", conflicts_with = "insecure")]
    pub ca_file: Option<PathBuf>,
    /// Takes any certificate
    #[arg(long)]
    pub insecure: bool,
    /// The expiry that registrations ask for, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    pub expires: u32,
    /// Threads of the generator
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub threads: usize,
    /// The algorithm to answer with where there is a choice; else the first that is offered
    #[arg(long, value_enum)]
    pub algorithm: Option<Algorithm>,
    /// The server's process: tell its CPU and memory, its children's included
    #[arg(long, value_name = "PID")]
    pub pid: Option<u32>,
}

/// What all loads take.
#[derive(Debug, Args)]
pub struct Load {
    /// Who is played, and where.
    #[command(flatten)]
    pub crowd: Crowd,
    /// Requests, or calls, a second, on schedule whether or not answers come
    #[arg(long, value_name = "R", required_unless_present = "interval")]
    pub rate: Option<f64>,
    /// Instead of a rate: each person sends one each so often
    #[arg(long, value_name = "TIME", value_parser = parse_duration, conflicts_with = "rate")]
    pub interval: Option<Duration>,
    /// How long, as 30s or 5m
    #[arg(long, value_name = "TIME", value_parser = parse_duration, default_value = "30s")]
    pub duration: Duration,
    /// UDP sockets in all
    #[arg(long, value_name = "N", default_value_t = 8)]
    pub sockets: usize,
    /// TCP connections in all; people share them beyond that
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    pub connections: usize,
    /// Go through the challenge for each request instead of counting a nonce up
    #[arg(long)]
    pub no_reuse_nonce: bool,
    /// Registrations under way at once before anything is measured
    #[arg(long, value_name = "N", default_value_t = 64)]
    pub window: usize,
    /// The directory's process: tell its CPU
    #[arg(long, value_name = "PID")]
    pub directory_pid: Option<u32>,
    /// Raise the rate, in runs of --duration each, to the highest that leaves no trace of strain
    #[arg(long)]
    pub find_ceiling: bool,
}
