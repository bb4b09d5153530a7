//! `tagus notify` and `tagus application`.

use std::net::IpAddr;
use std::time::Duration;

use clap::Subcommand;

/// `tagus notify`.
#[derive(Debug, clap::Args)]
pub struct Notify {
    /// What it says, 700 bytes at most; from standard input if it is left out
    pub text: Option<String>,
    /// Whom it is for; may be given several times
    #[arg(long, value_name = "USER", required_unless_present = "group", conflicts_with = "group")]
    pub to: Vec<String>,
    /// The group that it is for, of the directory or local
    #[arg(long)]
    pub group: Option<String>,
    /// The application that it is of, as `tagus application list` names it
    #[arg(long, value_name = "NAME")]
    pub app: Option<String>,
    /// For how long it waits for somebody who is away, as 2h
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = crate::config::parse_duration)]
    pub ttl: Duration,
}

/// `tagus application`.
#[derive(Debug, Subcommand)]
pub enum Application {
    /// Lists the programs that may send notices
    List,
    /// Makes one
    Add {
        /// What it is called in its address: small letters, digits and hyphens
        name: String,
        /// What people read as the sender
        #[arg(long)]
        title: String,
        /// How often it may send within a minute
        #[arg(long, default_value_t = 60)]
        per_minute: u32,
        /// How many notices one person gets of it within a minute
        #[arg(long, default_value_t = 10)]
        per_person: u32,
    },
    /// Makes a token that speaks for one, shown this once
    Token {
        /// The application
        name: String,
        /// An address that the token is taken from; may be given several times
        #[arg(long, value_name = "ADDRESS")]
        from: Vec<IpAddr>,
    },
    /// Removes one, with its tokens
    Remove {
        /// The application
        name: String,
    },
}
