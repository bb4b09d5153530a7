//! `tagus bench`.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use crate::app::cli::bench::{Algorithm, Bench, Crowd, Load, Transport};
use crate::app::context::Context;
use crate::client::bench::people::Person;
use crate::client::bench::report::Report;
use crate::client::bench::{
    BenchError, Kind, Load as Rate, Options, Progress, Watching, find_ceiling, idle, people,
    run as play,
};
use crate::client::carrier::Way;
use crate::http_digest;
use crate::operations::Failure;
use crate::sip;

pub(super) fn run(context: &Context, command: Bench) -> Result<(), Failure> {
    permit_many_files();
    let (mut body_bytes, mut hold) = (0, Duration::ZERO);
    let mut watching = Watching::default();
    let (kind, load, warm) = match command {
        Bench::Register { load, warm } => (Kind::Register, load, warm),
        Bench::Message { load, body_bytes: bytes } => {
            body_bytes = bytes.into();
            (Kind::Message, load, true)
        }
        Bench::Invite { load, hold: length } => {
            hold = length;
            (Kind::Invite, load, true)
        }
        Bench::Presence { load, publishers, watchers } => {
            watching = Watching { publishers, watchers };
            (Kind::Publish, load, true)
        }
        Bench::Idle { crowd, hold, settle } => return rest(context, &crowd, hold, settle),
    };
    let options = Options { body_bytes, hold, watching, ..options(kind, &load, warm)? };
    let terminal = std::io::stderr().is_terminal();
    let mut tell = |progress: Progress| {
        if terminal {
            let Progress { requests, completed, retransmissions, failed } = progress;
            // A terminal that has gone takes nothing; the result still counts.
            let _ = write!(
                std::io::stderr().lock(),
                "\r\x1b[K{requests} sent, {completed} done, {retransmissions} sent again, \
                 {failed} failed"
            );
        }
    };
    let clear = || {
        if terminal {
            context.output.say("");
        }
    };
    if !load.find_ceiling {
        let report = play(&options, &context.clock, &mut tell).map_err(failure)?;
        clear();
        return if context.output.json {
            context.output.document(&report)
        } else {
            context.output.line(&sentence(&report))
        };
    }
    let mut step = |report: &Report| {
        let verdict = if report.is_clean() { "clean" } else { "too much" };
        context.output.say(&format!("{verdict}: {}", sentence(report)));
    };
    let ceiling = find_ceiling(&options, &context.clock, &mut tell, &mut step).map_err(failure)?;
    clear();
    let rate = ceiling.highest_clean_rate;
    context.output.either(&ceiling, &format!("highest clean rate: {rate} a second"))
}

/// Connections that do nothing.
fn rest(context: &Context, crowd: &Crowd, hold: Duration, settle: Duration) -> Result<(), Failure> {
    let options = idle::Options {
        server: crowd.server,
        domain: crowd.domain.clone(),
        people: played(crowd)?,
        way: way(crowd)?,
        expires: crowd.expires,
        threads: crowd.threads,
        hold,
        settle,
        algorithm: algorithm(crowd),
        pid: crowd.pid,
    };
    let report = idle::run(&options, &context.clock).map_err(failure)?;
    let mut text = format!(
        "{} connections in {:.1} s, {} failed, {} lost; {} of {} keep-alives answered",
        report.connections,
        report.opened_in,
        report.failed,
        report.lost,
        report.keep_alives_answered,
        report.keep_alives,
    );
    if let Some(memory) = report.memory {
        text.push_str(&format!(
            "; {} bytes of memory each in the server, {} KiB of it left when they were closed",
            memory.bytes_each,
            memory.closed_kib.saturating_sub(memory.before_kib),
        ));
    }
    context.output.either(&report, &text)
}

fn played(crowd: &Crowd) -> Result<Vec<Person>, Failure> {
    let people = match &crowd.users {
        Some(file) => people::read(file, crowd.count),
        None => people::numbered(&crowd.user_pattern, &crowd.password_pattern, crowd.count),
    };
    people.map_err(failure)
}

fn algorithm(crowd: &Crowd) -> Option<http_digest::Algorithm> {
    crowd.algorithm.map(|algorithm| match algorithm {
        Algorithm::Md5 => http_digest::Algorithm::Md5,
        Algorithm::Sha256 => http_digest::Algorithm::Sha256,
    })
}

fn options(kind: Kind, load: &Load, warm: bool) -> Result<Options, Failure> {
    let crowd = &load.crowd;
    let rate = match (load.rate, load.interval) {
        (_, Some(interval)) => Rate::Interval(interval),
        (Some(rate), None) => Rate::Rate(rate),
        (None, None) => return Err(Failure::usage("give --rate or --interval")),
    };
    Ok(Options {
        kind,
        server: crowd.server,
        domain: crowd.domain.clone(),
        people: played(crowd)?,
        way: way(crowd)?,
        load: rate,
        duration: load.duration,
        expires: crowd.expires,
        threads: crowd.threads,
        sockets: load.sockets,
        connections: load.connections,
        reuse_nonce: !load.no_reuse_nonce,
        algorithm: algorithm(crowd),
        warm,
        window: load.window,
        body_bytes: 0,
        hold: Duration::ZERO,
        watching: Watching::default(),
        pid: crowd.pid,
        directory_pid: load.directory_pid,
    })
}

fn way(crowd: &Crowd) -> Result<Way, Failure> {
    let mut way = Way::from(match crowd.transport {
        Transport::Udp => sip::Transport::Udp,
        Transport::Tcp => sip::Transport::Tcp,
        Transport::Tls => sip::Transport::Tls,
        Transport::Ws => sip::Transport::Ws,
        Transport::Wss => sip::Transport::Wss,
    });
    if way.is_secure() {
        way.trust = Some(super::client::trust(crowd.ca_file.as_deref(), None, crowd.insecure)?);
        way.name = Some(crowd.domain.clone());
    }
    Ok(way)
}

/// A connection a person needs more open files than a process is given at first.
fn permit_many_files() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    if let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE)
        && soft < hard
    {
        // If it fails, connecting says so where it matters.
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    }
}

fn failure(error: BenchError) -> Failure {
    match error {
        BenchError::Pattern(_)
        | BenchError::User(_)
        | BenchError::File(..)
        | BenchError::Options(_) => Failure::usage(error),
        BenchError::Process(_) => Failure::not_found(error),
        BenchError::System(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
            Failure::unreachable(error)
        }
        BenchError::System(_) | BenchError::SetUp { .. } | BenchError::Thread => {
            Failure::failed(error)
        }
    }
}

fn sentence(report: &Report) -> String {
    let latency = report.latency_us;
    let mut text = format!(
        "{} of {} a second, {} failed, {} sent again, {} lost; answers took {:.1} ms at the \
         median, {:.1} ms at the 99th percentile",
        report.rate,
        report.target_rate,
        report.failed,
        report.retransmissions,
        report.lost,
        latency.p50 as f64 / 1_000.0,
        latency.p99 as f64 / 1_000.0,
    );
    if let Some(server) = report.server {
        text.push_str(&format!("; {} us of CPU each in the server", server.cpu_us_per_request));
    }
    text
}
