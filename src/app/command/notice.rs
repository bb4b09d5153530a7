//! `tagus notify` and `tagus application`.

use std::io::Read as _;

use serde_json::json;

use super::unexpected;
use crate::app::cli;
use crate::app::context::Context;
use crate::operations::{
    ApplicationTerms, ApplicationView, Failure, NewNotice, NoticeReply, NoticeRequest, Reply,
    Request,
};

/// Bytes that are read of standard input: more is no short text.
const LONGEST_INPUT: u64 = 64 * 1024;

fn ask(context: &Context, request: NoticeRequest) -> Result<NoticeReply, Failure> {
    match context.perform(&Request::Notice(request))? {
        Reply::Notice(reply) => Ok(*reply),
        _ => Err(unexpected()),
    }
}

/// What standard input says.
fn input() -> Result<String, Failure> {
    let mut text = String::new();
    let read = std::io::stdin().lock().take(LONGEST_INPUT).read_to_string(&mut text);
    read.map(|_| text).map_err(|error| Failure::failed(format!("standard input: {error}")))
}

pub(super) fn notify(context: &Context, command: cli::Notify) -> Result<(), Failure> {
    let text = command.text.map_or_else(input, Ok)?;
    let notice = NewNotice {
        application: command.app,
        to: command.to,
        group: command.group,
        text,
        ttl: Some(command.ttl.as_secs()),
    };
    let is_group = notice.group.is_some();
    let NoticeReply::Report(report) = ask(context, NoticeRequest::Send(notice))? else {
        return Err(unexpected());
    };
    if context.output.json {
        context.output.document(&report)?;
    } else if is_group {
        let people = report.people;
        context.output.line(&format!("On its way to {people} people."))?;
    } else {
        let rows: Vec<Vec<String>> =
            report.outcomes.iter().map(|one| vec![one.user.clone(), one.outcome.clone()]).collect();
        context.output.table(&["USER", ""], &rows)?;
    }
    if !is_group && report.counts.unknown == report.people {
        return Err(Failure::not_found("it is for nobody whom this server knows"));
    }
    if !is_group && report.counts.accepted + report.counts.held + report.counts.muted == 0 {
        return Err(Failure::failed("nobody gets it"));
    }
    Ok(())
}

pub(super) fn application(context: &Context, command: cli::Application) -> Result<(), Failure> {
    match command {
        cli::Application::List => {
            let all = applications(ask(context, NoticeRequest::Applications)?)?;
            show(context, &all)
        }
        cli::Application::Add { name, title, per_minute, per_person } => {
            let terms = ApplicationTerms { name, title, per_minute, per_person };
            let made = applications(ask(context, NoticeRequest::AddApplication(terms))?)?;
            show(context, &made)
        }
        cli::Application::Token { name, from } => {
            let networks = from.iter().map(ToString::to_string).collect();
            let request = NoticeRequest::MakeToken { name, expires_at: None, networks };
            let NoticeReply::Token(made) = ask(context, request)? else {
                return Err(unexpected());
            };
            if context.output.json {
                return context.output.document(&made);
            }
            context.output.line(made.secret.expose())?;
            context.output.say(
                "The token is shown this once. Keep it in a file that its program alone can read.",
            );
            Ok(())
        }
        cli::Application::Remove { name } => {
            let sentence = format!("{name} sends no more.");
            match context.perform(&Request::Notice(NoticeRequest::RemoveApplication { name }))? {
                Reply::Done => context.output.either(&json!({ "done": true }), &sentence),
                _ => Err(unexpected()),
            }
        }
    }
}

fn applications(reply: NoticeReply) -> Result<Vec<ApplicationView>, Failure> {
    match reply {
        NoticeReply::Applications(all) => Ok(all),
        _ => Err(unexpected()),
    }
}

fn show(context: &Context, all: &[ApplicationView]) -> Result<(), Failure> {
    if context.output.json {
        return context.output.document(&json!({ "applications": all }));
    }
    let row = |one: &ApplicationView| {
        vec![
            one.name.clone(),
            one.title.clone(),
            one.address.clone(),
            one.per_minute.to_string(),
            one.per_person.to_string(),
            one.tokens.len().to_string(),
        ]
    };
    let rows: Vec<Vec<String>> = all.iter().map(row).collect();
    context
        .output
        .table(&["NAME", "TITLE", "ADDRESS", "A MINUTE", "TO ONE PERSON", "TOKENS"], &rows)
}
