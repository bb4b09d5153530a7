//! `tagus presence`.

use std::io::Read as _;
use std::path::Path;

use serde_json::json;

use super::unexpected;
use crate::app::cli;
use crate::app::context::Context;
use crate::app::escape;
use crate::operations::{Exit, Failure, PresenceView, Reply, Request};

/// A larger document is no document of rules.
const LARGEST_RULES: u64 = 1024 * 1024;

pub(super) fn run(context: &Context, command: cli::Presence) -> Result<(), Failure> {
    match command {
        cli::Presence::Show { user } => match context.perform(&Request::PresenceShow { user })? {
            Reply::Presence(presence) => show(context, &presence),
            _ => Err(unexpected()),
        },
        cli::Presence::Watchers { user } => watchers(context, user),
        cli::Presence::Rules(cli::Rules::Show { user }) => rules(context, user),
        cli::Presence::Rules(cli::Rules::Set { user, file }) => {
            let sentence = format!("The rules of {user} are in force.");
            let document = read(&file)?;
            let performed = context.perform(&Request::RulesSet { user, document });
            match performed.map_err(|failure| located(failure, &file))? {
                Reply::Done => context.output.either(&json!({ "done": true }), &sentence),
                _ => Err(unexpected()),
            }
        }
    }
}

/// What is wrong with a document, with the name of its file.
fn located(failure: Failure, file: &Path) -> Failure {
    if failure.exit != Exit::Usage || file == Path::new("-") {
        return failure;
    }
    Failure::usage(format!("{}: {failure}", file.display()))
}

fn state(open: bool) -> String {
    if open { "open" } else { "closed" }.to_owned()
}

fn show(context: &Context, presence: &PresenceView) -> Result<(), Failure> {
    if context.output.json {
        return context.output.document(presence);
    }
    let mut rows = vec![
        ("user", presence.user.clone()),
        ("address", format!("sip:{}", presence.address)),
        ("status", state(presence.open)),
    ];
    if !presence.activities.is_empty() {
        rows.push(("activities", presence.activities.join(", ")));
    }
    rows.extend(presence.notes.iter().map(|note| ("note", note.clone())));
    for one in &presence.publications {
        let words = one.activities.iter().chain(&one.notes).cloned().collect::<Vec<_>>();
        let said = if words.is_empty() { String::new() } else { format!(", {}", words.join(", ")) };
        rows.push((
            "published",
            format!("{} {}{said}, {} s left", one.device, state(one.open), one.expires),
        ));
    }
    let rows: Vec<Vec<String>> =
        rows.into_iter().map(|(name, value)| vec![name.to_owned(), value]).collect();
    context.output.table(&["", ""], &rows)
}

fn watchers(context: &Context, user: String) -> Result<(), Failure> {
    let Reply::Watchers(watchers) = context.perform(&Request::PresenceWatchers { user })? else {
        return Err(unexpected());
    };
    if context.output.json {
        return context.output.document(&json!({ "watchers": watchers }));
    }
    let seconds = |seconds: Option<u64>| seconds.map(|s| format!("{s} s")).unwrap_or_default();
    let rows: Vec<Vec<String>> = watchers
        .into_iter()
        .map(|one| {
            let name = one.name.unwrap_or_default();
            vec![one.watcher, name, one.status, seconds(one.since), seconds(one.expires)]
        })
        .collect();
    context.output.table(&["WATCHER", "NAME", "STATUS", "SINCE", "LEFT"], &rows)
}

fn rules(context: &Context, user: String) -> Result<(), Failure> {
    let Reply::Rules(rules) = context.perform(&Request::RulesShow { user })? else {
        return Err(unexpected());
    };
    if context.output.json {
        return context.output.document(&rules);
    }
    for document in &rules.documents {
        if rules.documents.len() > 1 {
            let at = format!("{}/{} of {}", document.auid, document.path, document.written);
            context.output.say(&escape::line(&at));
        }
        let text = document.document.trim_end();
        // As it is for a file; a terminal is protected from it.
        if context.output.is_terminal() {
            context.output.line(&escape::lines(text))?;
        } else {
            context.output.line(text)?;
        }
    }
    if rules.documents.is_empty() {
        context.output.say(&format!(
            "There are no rules: whoever asks gets presence.default_policy = {:?}, or what \
             presence.group_policy says of his group.",
            rules.default_policy
        ));
    }
    Ok(())
}

fn read(file: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    let count = if file == Path::new("-") {
        std::io::stdin().lock().take(LARGEST_RULES + 1).read_to_string(&mut text)
    } else {
        std::fs::File::open(file).and_then(|f| f.take(LARGEST_RULES + 1).read_to_string(&mut text))
    };
    let shown = file.display();
    match count {
        Ok(count) if count as u64 > LARGEST_RULES => {
            Err(Failure::usage(format!("{shown} is larger than {LARGEST_RULES} bytes")))
        }
        Ok(_) => Ok(text),
        Err(error) => Err(Failure::usage(format!("{shown}: {error}"))),
    }
}
