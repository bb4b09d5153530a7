//! `tagus ldap sync` and `tagus ldap show`: what reading the directory changed, or would.

use super::unexpected;
use crate::app::context::Context;
use crate::app::escape;
use crate::operations::{
    DifferenceView, DirectoryView, Failure, ProposalView, Reply, Request, SyncRunView,
};

/// People of each kind who are printed.
const PRINTED: usize = 20;

/// What is to be done.
#[derive(Clone, Copy, Debug)]
pub(super) enum Decision {
    Sync,
    Preview,
    Apply,
    Dismiss,
}

pub(super) fn sync(
    context: &Context,
    decision: Decision,
    proposal: Option<u64>,
) -> Result<(), Failure> {
    match decision {
        Decision::Preview => preview(context),
        Decision::Sync => told(context, &Request::DirectorySync),
        Decision::Apply => {
            let proposal = chosen(context, proposal)?.id;
            told(context, &Request::DirectoryApply { proposal })
        }
        Decision::Dismiss => {
            let chosen = chosen(context, proposal)?;
            let request = Request::DirectoryDismiss { proposal: chosen.id };
            match context.ask_server(&request)? {
                Reply::Done => {
                    let held = chosen.difference.held;
                    let document = serde_json::json!({ "kept": held });
                    context.output.either(&document, &format!("{held} people stay in."))
                }
                _ => Err(unexpected()),
            }
        }
    }
}

/// Reads, and says what that did. People who are held are nothing that a script may pass over.
fn told(context: &Context, request: &Request) -> Result<(), Failure> {
    let Reply::Synced(run) = context.ask_server(request)? else { return Err(unexpected()) };
    context.output.either(&run, &sentence(&run))?;
    if run.counts.held == 0 {
        return Ok(());
    }
    Err(Failure::refused(&run.trouble))
}

fn preview(context: &Context) -> Result<(), Failure> {
    let Reply::Difference(difference) = context.perform(&Request::DirectoryPreview)? else {
        return Err(unexpected());
    };
    if context.output.json {
        return context.output.document(&difference);
    }
    print(context, &difference)
}

fn print(context: &Context, difference: &DifferenceView) -> Result<(), Failure> {
    let output = context.output;
    let DifferenceView { people, known, held, .. } = difference;
    output.line(&format!("{people} people are on the list; {known} were in before."))?;
    if difference.anew {
        output.line("The directory was never read as it is set up now.")?;
    }
    for (kind, what) in [
        (&difference.added, "are new"),
        (&difference.changed, "are described in another way"),
        (&difference.returned, "are no longer locked"),
        (&difference.disabled, "are locked now"),
        (&difference.absent, "are no longer there"),
        (&difference.replaced, "are other people of the same name"),
    ] {
        if kind.count == 0 {
            continue;
        }
        output.line(&format!("{} {what}:", kind.count))?;
        for person in kind.people.iter().take(PRINTED) {
            let mut line = format!("  {}  {}", person.user, person.name);
            if !person.what.is_empty() {
                line += &format!("  ({})", person.what);
            }
            output.line(&escape::line(&line))?;
        }
        if kind.count > PRINTED as u64 {
            output.line("  ... (--json has more)")?;
        }
    }
    if *held > 0 {
        output.line(&format!(
            "{held} of them stay in until you decide: tagus ldap sync --apply, or --dismiss"
        ))?;
    }
    Ok(())
}

/// The proposal that is meant: the one there is, unless another number is given.
fn chosen(context: &Context, id: Option<u64>) -> Result<ProposalView, Failure> {
    let view = ask(context)?;
    let none =
        || Failure::not_found("there is nothing to decide: nobody stays in against the list");
    let proposal = view.proposal.ok_or_else(none)?;
    if id.is_some_and(|id| id != proposal.id) {
        return Err(Failure::refused(format!(
            "the directory says something else by now, as proposal {}: tagus ldap show",
            proposal.id
        )));
    }
    Ok(proposal)
}

fn ask(context: &Context) -> Result<DirectoryView, Failure> {
    match context.ask_server(&Request::DirectoryShow)? {
        Reply::Directory(view) => Ok(*view),
        _ => Err(unexpected()),
    }
}

pub(super) fn show(context: &Context) -> Result<(), Failure> {
    let view = ask(context)?;
    if context.output.json {
        return context.output.document(&view);
    }
    let output = context.output;
    let mut line = format!("{}: {} people", view.state, view.people);
    if let Some(at) = &view.last_sync {
        line += &format!(", read at {at}");
    }
    output.line(&line)?;
    for text in [&view.detail, &view.advice].into_iter().flatten() {
        output.line(&escape::line(text))?;
    }
    if let Some(proposal) = &view.proposal {
        output.line(&format!("proposal {} of {}:", proposal.id, proposal.at))?;
        print(context, &proposal.difference)?;
    }
    let rows: Vec<Vec<String>> = view
        .runs
        .iter()
        .map(|run| vec![run.last.clone(), run.times.to_string(), run.by.clone(), sentence(run)])
        .collect();
    output.table(&["LAST", "TIMES", "BY", "WHAT"], &rows)
}

/// A reading in a few words.
fn sentence(run: &SyncRunView) -> String {
    let counts = run.counts;
    let mut text = match run.outcome.as_str() {
        "failed" => return format!("failed: {}", run.trouble),
        _ => format!("{} people", run.people),
    };
    for (count, what) in [
        (counts.added, "new"),
        (counts.changed, "changed"),
        (counts.returned, "unlocked"),
        (counts.disabled, "locked"),
        (counts.absent, "gone"),
        (counts.replaced, "replaced"),
        (counts.held, "of them held"),
    ] {
        if count > 0 {
            text += &format!(", {count} {what}");
        }
    }
    if !run.trouble.is_empty() && counts.held == 0 {
        text += &format!("; {}", run.trouble);
    }
    text
}
