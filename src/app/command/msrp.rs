//! `tagus client msrp`.

use std::io::{self, Write as _};
use std::path::Path as FilePath;

use super::told::perform;
use crate::app::cli;
use crate::app::context::Context;
use crate::client::msrp::{self as client, Bounds, Ledger, MsrpError, Notice, Plan, Shelf, Way};
use crate::msrp::auth::AuthError;
use crate::msrp::peer::{
    DialError, Direction, EndpointOptions, Fingerprint, Identity, OpenError, RelayAccount,
    RelayError, Trust, WireDump,
};
use crate::msrp::{Granularity, Path, Priority};
use crate::operations::Failure;

pub(super) fn run(context: &Context, command: cli::Msrp) -> Result<(), Failure> {
    match command {
        cli::Msrp::Listen { bind, tls, talk } => {
            let mut way = way(&talk, tls)?;
            way.listen = Some(bind);
            if talk.host.is_none() {
                way.endpoint.host = bind.ip().to_string();
            }
            let plan = plan(talk, false)?;
            perform(context, Notice::sentence, failure, async |tell, stop| {
                client::listen(way, plan, stop, tell).await
            })
        }
        cli::Msrp::Connect { path, tls, talk } => {
            let remote = Path::parse(path.trim())
                .map_err(|error| Failure::usage(format!("{path:?} is no path: {error}")))?;
            if tls && !remote.first().is_secure() {
                return Err(Failure::usage(format!("{} is not one of TLS", remote.first())));
            }
            let way = way(&talk, remote.first().is_secure())?;
            let plan = plan(talk, true)?;
            perform(context, Notice::sentence, failure, async |tell, stop| {
                client::connect(way, &remote, plan, stop, tell).await
            })
        }
    }
}

fn way(talk: &cli::MsrpTalk, tls: bool) -> Result<Way, Failure> {
    let mut endpoint = EndpointOptions::new(talk.host.as_deref().unwrap_or("127.0.0.1"));
    endpoint.identity = identity(talk, tls, &endpoint.host)?;
    endpoint.trust = match &talk.ca_file {
        _ if talk.insecure => Trust::Anybody,
        Some(file) => Trust::file(file)
            .map_err(|error| Failure::usage(format!("{}: {error}", file.display())))?,
        None => Trust::system(),
    };
    endpoint.dump = talk.dump.then(|| {
        WireDump::new(|direction, bytes| {
            let mut out = std::io::stderr().lock();
            let mark: &[u8] = if direction == Direction::In { b"\n<< " } else { b"\n>> " };
            let _ = out.write_all(mark).and_then(|()| out.write_all(bytes));
        })
    });
    let fingerprints = talk.fingerprint.iter().map(|text| {
        text.parse::<Fingerprint>().map_err(|error| Failure::usage(format!("{text:?}: {error}")))
    });
    let fingerprints = fingerprints.collect::<Result<Vec<_>, _>>()?;
    Ok(Way { endpoint, listen: None, tls, relay: relay(talk)?, fingerprints })
}

fn identity(talk: &cli::MsrpTalk, tls: bool, host: &str) -> Result<Option<Identity>, Failure> {
    match (&talk.cert_file, &talk.key_file) {
        (Some(certificate), Some(key)) => {
            Identity::from_files(certificate, key).map(Some).map_err(Failure::usage)
        }
        _ if tls => Identity::self_signed(&[host]).map(Some).map_err(Failure::failed),
        _ => Ok(None),
    }
}

fn relay(talk: &cli::MsrpTalk) -> Result<Option<RelayAccount>, Failure> {
    let Some(user) = talk.user.clone().filter(|_| !talk.relay.is_empty()) else { return Ok(None) };
    let text = talk.relay.join(" ");
    let relays = Path::parse(&text)
        .map_err(|error| Failure::usage(format!("{text:?} is no relay: {error}")))?;
    let password = talk.password.read()?.ok_or_else(|| {
        Failure::usage("a password is needed: --password-file FILE, or - for standard input")
    })?;
    let password = password.expose().to_owned();
    Ok(Some(RelayAccount { relays, user, password, allow_plain: talk.plain_relay }))
}

fn plan(talk: cli::MsrpTalk, connects: bool) -> Result<Plan, Failure> {
    let nothing = talk.text.is_empty() && talk.file.is_empty();
    let shelf = talk.save.as_deref().map(|at| directory(at, Shelf::new)).transpose()?;
    let ledger = talk.state.as_deref().map(|at| directory(at, Ledger::new)).transpose()?;
    let bounds = Bounds {
        duration: talk.duration,
        count: talk.count,
        when_sent: connects && !nothing && talk.duration.is_none(),
    };
    Ok(Plan {
        texts: talk.text,
        files: talk.file,
        report: talk.report.is_some(),
        priority: match talk.priority {
            cli::MsrpPriority::Urgent => Priority::Urgent,
            cli::MsrpPriority::Normal => Priority::Normal,
            cli::MsrpPriority::Bulk => Priority::Bulk,
        },
        granularity: talk.report.map_or(Granularity::End, |granularity| granularity.0),
        shelf,
        ledger,
        deny: talk.deny,
        bounds,
    })
}

fn directory<T>(at: &FilePath, open: fn(&FilePath) -> io::Result<T>) -> Result<T, Failure> {
    open(at).map_err(|error| Failure::usage(format!("{}: {error}", at.display())))
}

/// The exit code of an error.
fn failure(error: MsrpError) -> Failure {
    match &error {
        MsrpError::Open(OpenError::Dial(DialError::NotProved { .. }))
        | MsrpError::Relay(
            RelayError::Dial(DialError::NotProved { .. })
            | RelayError::Auth(AuthError::Credentials | AuthError::Relay),
        ) => Failure::refused(error),
        MsrpError::Open(OpenError::Refused { code: 481, .. }) => Failure::not_found(error),
        MsrpError::Open(OpenError::Refused { .. }) => Failure::refused(error),
        MsrpError::Open(_) | MsrpError::Relay(RelayError::Dial(_) | RelayError::Closed) => {
            Failure::unreachable(error)
        }
        MsrpError::File { error: io, .. } if io.kind() == io::ErrorKind::NotFound => {
            Failure::not_found(error)
        }
        MsrpError::Listen(..)
        | MsrpError::Relay(_)
        | MsrpError::File { .. }
        | MsrpError::Send(_)
        | MsrpError::Receive(_)
        | MsrpError::Stopped => Failure::failed(error),
    }
}
