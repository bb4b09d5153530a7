//! `tagus ldap`.

use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::PoisonError;

use zeroize::Zeroizing;

use super::directory;
use crate::app::cli;
use crate::app::context::{self, Context};
use crate::app::escape;
use crate::app::output::Output;
use crate::config::Source;
use crate::identity::workbench::{
    self, Chain, Detail, Finding, Person, Sample, State, Step, StepName, Trial, in_milliseconds,
};
use crate::operations::{Exit, Failure, Secret};

/// What follows the first line of a step begins here.
const INDENT: &str = "                            ";

pub(super) fn run(context: &Context, command: cli::Ldap) -> Result<(), Failure> {
    match command {
        cli::Ldap::Test { user, password } => test(context, user, password),
        cli::Ldap::Sync { preview, apply, dismiss, proposal } => {
            let decision = match (preview, apply, dismiss) {
                (true, ..) => directory::Decision::Preview,
                (_, true, _) => directory::Decision::Apply,
                (_, _, true) => directory::Decision::Dismiss,
                _ => directory::Decision::Sync,
            };
            directory::sync(context, decision, proposal)
        }
        cli::Ldap::Show => directory::show(context),
    }
}

fn test(context: &Context, user: Option<String>, password: cli::Password) -> Result<(), Failure> {
    let (loaded, closed) = super::config::with_stored(context)?;
    let config = loaded.config;
    if let Some(key) = closed {
        context.output.say(&format!(
            "{key} is sealed and the running server alone opens it: the bind is tried without it \
             here, and with it in the console."
        ));
    }
    if config.identity.source != Source::Ldap {
        context.output.say("identity.source is not \"ldap\": the server does not use this yet.");
    }
    let password = password.read()?;
    if password.is_some() && user.is_none() {
        return Err(Failure::usage("a password needs the name of its person"));
    }
    let mut trial = Trial::configured(&config.identity, &config.domain);
    if trial.ldap.urls.is_empty() {
        return Err(Failure::usage("identity.ldap.urls names no server"));
    }
    trial.person = user.map(|user| {
        let password = password.as_ref().map(Secret::expose);
        Person { user, password: password.map(|text| Zeroizing::new(text.to_owned())) }
    });
    let printed = Mutex::new(Ok(()));
    let tell = |step: &Step| {
        let outcome = print(context.output, step);
        let mut printed = printed.lock().unwrap_or_else(PoisonError::into_inner);
        if printed.is_ok() {
            *printed = outcome;
        }
    };
    let runtime = context::runtime()?;
    let passed = runtime.block_on(async {
        let mut passed = true;
        // One after the other, so that the lines of a server stand together.
        for url in &trial.ldap.urls {
            let server = workbench::run_one(&trial, url, &context.clock, &tell).await;
            passed &= server.steps.iter().all(|step| step.state != State::Failed);
        }
        passed
    });
    // A name server that does not answer holds nobody up.
    runtime.shutdown_background();
    printed.into_inner().unwrap_or_else(PoisonError::into_inner)?;
    if passed { Ok(()) } else { Err(Failure::new(Exit::Failed, "")) }
}

fn print(output: Output, step: &Step) -> Result<(), Failure> {
    if output.json {
        return output.line(&serde_json::to_string(step).map_err(Failure::failed)?);
    }
    output.line(&text(step))
}

const fn word(state: State) -> &'static str {
    match state {
        State::NotRun => "-",
        State::Ok => "ok",
        State::Warning => "warn",
        State::Failed => "fail",
    }
}

fn text(step: &Step) -> String {
    let mut out = String::new();
    if step.step == StepName::Resolve {
        let _ = writeln!(out, "{}", escape::line(&step.url));
    }
    let time = match step.state {
        State::NotRun => String::new(),
        _ => format!("{:.1} ms", in_milliseconds(step.took)),
    };
    let _ = write!(out, "{:<4}  {:<8} {time:>11}", word(step.state), step.step.as_str());
    for (place, finding) in step.findings.iter().enumerate() {
        let before = if place == 0 { "  " } else { INDENT };
        if place > 0 {
            out.push('\n');
        }
        out.push_str(before);
        sentence(&mut out, finding);
    }
    if let Some(answer) = step.answer.as_ref().filter(|answer| answer.code != 0) {
        let said = match answer.diagnostic.as_str() {
            "" => String::new(),
            text => format!(": {}", escape::line(text)),
        };
        let _ = write!(out, "\n{INDENT}answer: {} ({}){said}", answer.name, answer.code);
    }
    match &step.detail {
        Some(Detail::Attempts(attempts)) if attempts.len() > 1 => {
            for attempt in attempts {
                let problem = attempt.problem.as_deref().unwrap_or("connected");
                let problem = escape::line(problem);
                let took = in_milliseconds(attempt.took);
                let _ = write!(out, "\n{INDENT}{}: {problem} ({took:.1} ms)", attempt.address);
            }
        }
        Some(Detail::Chain(chain)) => push_chain(&mut out, chain),
        Some(Detail::Server(server)) => {
            for (key, value) in &server.preset {
                let _ = write!(out, "\n{INDENT}would fit: {key} = \"{}\"", escape::line(value));
            }
        }
        Some(Detail::Samples(samples)) => {
            for sample in samples {
                push_sample(&mut out, sample);
            }
        }
        _ => {}
    }
    out
}

fn sentence(out: &mut String, finding: &Finding) {
    out.push_str(&escape::line(&finding.says()));
    if let Some(fix) = finding.fix() {
        let _ = write!(out, "\n{INDENT}to do: {}", escape::line(&fix));
    }
}

fn push_chain(out: &mut String, chain: &Chain) {
    for certificate in &chain.certificates {
        let _ = write!(
            out,
            "\n{INDENT}{}, by {}, until {}\n{INDENT}  SHA-256 {}",
            escape::line(&certificate.subject),
            escape::line(&certificate.issuer),
            certificate.not_after,
            certificate.fingerprint
        );
    }
}

fn push_sample(out: &mut String, sample: &Sample) {
    let address = if sample.address.is_empty() { "no address" } else { &sample.address };
    let _ = write!(
        out,
        "\n{INDENT}{}: {}, {}",
        escape::line(&sample.user),
        escape::line(address),
        escape::line(&sample.name)
    );
    for more in [&sample.mail, &sample.number] {
        if !more.is_empty() {
            let _ = write!(out, ", {}", escape::line(more));
        }
    }
    if !sample.conflicts.is_empty() {
        let _ = write!(out, " [{}]", sample.conflicts.join(" "));
    }
}
