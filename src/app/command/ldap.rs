//! `tagus ldap test`.

use serde::Serialize;

use crate::app::cli;
use crate::app::context::{self, Context};
use crate::app::escape;
use crate::config::Source;
use crate::identity::ldap::probe::{Outcome, Person, Step, probe};
use crate::operations::{Exit, Failure, Secret};

/// One step as `--json` prints it.
#[derive(Serialize)]
struct Line<'a> {
    url: &'a str,
    step: &'static str,
    outcome: &'static str,
    milliseconds: f64,
    found: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<&'a str>,
}

pub(super) fn run(context: &Context, command: cli::Ldap) -> Result<(), Failure> {
    let cli::Ldap::Test { user, password } = command;
    let config = context.load()?.config;
    let ldap = &config.identity.ldap;
    if config.identity.source != Source::Ldap {
        context.output.say("identity.source is not \"ldap\": the server does not use this yet.");
    }
    if ldap.urls.is_empty() {
        return Err(Failure::usage("identity.ldap.urls names no server"));
    }
    let password = password.read()?;
    if password.is_some() && user.is_none() {
        return Err(Failure::usage("a password needs the name of its person"));
    }
    let person = Person { user: user.as_deref(), password: password.as_ref().map(Secret::expose) };
    let output = context.output;
    let mut printed = Ok(());
    let mut passed = true;
    let mut report = |step: Step| {
        let text = if output.json { json(&step) } else { text(&step) };
        let outcome = output.line(&text);
        if printed.is_ok() {
            printed = outcome;
        }
    };
    context::runtime()?.block_on(async {
        for url in &ldap.urls {
            passed &= probe(ldap, url, person, &context.clock, &mut report).await;
        }
    });
    printed?;
    if passed { Ok(()) } else { Err(Failure::new(Exit::Failed, "")) }
}

fn milliseconds(step: &Step) -> f64 {
    (step.took.as_secs_f64() * 1e5).round() / 1e2
}

const fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Passed => "ok",
        Outcome::Doubtful => "warn",
        Outcome::Failed => "fail",
    }
}

fn json(step: &Step) -> String {
    let line = Line {
        url: &step.url,
        step: step.name,
        outcome: word(step.outcome),
        milliseconds: milliseconds(step),
        found: &step.found,
        fix: step.fix.as_deref(),
    };
    serde_json::to_string(&line).unwrap_or_default()
}

fn text(step: &Step) -> String {
    let mut text = format!(
        "{:<4} {:<8} {:>7.1} ms  {}",
        word(step.outcome),
        step.name,
        milliseconds(step),
        escape::line(&step.found)
    );
    if step.name == "resolve" {
        text = format!("{}\n{text}", escape::line(&step.url));
    }
    if let Some(fix) = &step.fix {
        text.push_str("\n                          to do: ");
        text.push_str(&escape::line(fix));
    }
    text
}
