//! `tagus user`.

use std::io::Read as _;
use std::path::Path;

use serde_json::json;

use super::unexpected;
use crate::app::cli;
use crate::app::context::Context;
use crate::app::control::LONGEST_REQUEST;
use crate::app::escape;
use crate::app::secret;
use crate::operations::{
    Existing, Exit, Failure, PeopleQuery, PersonSource, PersonState, Reply, Request, Secret, User,
};

/// Accounts in one page of a list.
const PAGE: u32 = 1000;

pub(super) fn run(context: &Context, command: cli::User) -> Result<(), Failure> {
    match command {
        cli::User::Add { user, name, mail, number, groups, password } => {
            let password = password.read()?;
            let lonely = password.is_none();
            let new = user.clone();
            let request = Request::UserAdd { user: new, name, mail, number, groups, password };
            match context.perform(&request)? {
                Reply::User(added) => {
                    let sentence = format!("{} can be reached as sip:{}.", user, added.address);
                    context.output.either(&added, &sentence)?;
                    if lonely && !context.output.json {
                        context.output.say(&format!(
                            "No password was set; make one for each device: tagus device add {}",
                            escape::line(&user)
                        ));
                    }
                    Ok(())
                }
                _ => Err(unexpected()),
            }
        }
        cli::User::List => list(context),
        cli::User::Show { user } => show(context, user),
        cli::User::Number { user, number } => {
            let sentence = if number.is_empty() {
                format!("{user} has no number now.")
            } else {
                format!("{user} has the number {number}.")
            };
            done(context, &Request::UserNumber { user, number }, &sentence)
        }
        cli::User::Passwd { user, password } => {
            let password = match password.read()? {
                Some(password) => password,
                None => secret::read(Path::new("-"))?,
            };
            done(context, &Request::UserPassword { user, password }, "The password is changed.")
        }
        cli::User::Edit { user, name, mail, number, groups } => {
            let groups = groups.map(|all| all.into_iter().filter(|one| !one.is_empty()).collect());
            let request = Request::UserEdit { user, name, mail, number, groups };
            done(context, &request, "The changes are made.")
        }
        cli::User::Groups => groups(context),
        cli::User::Disable { user } => {
            let sentence = format!("{user} is locked out.");
            done(context, &Request::UserDisable { user }, &sentence)
        }
        cli::User::Enable { user } => {
            let sentence = format!("{user} may sign in again.");
            done(context, &Request::UserEnable { user }, &sentence)
        }
        cli::User::Delete { user } => delete(context, user),
        cli::User::Import { file, existing, dry_run } => import(context, &file, existing, dry_run),
        cli::User::Export => export(context),
        cli::User::Find { text, source, state, group, online, limit } => {
            let query = PeopleQuery {
                text: text.join(" "),
                source: source.map(|source| match source {
                    cli::Source::Local => PersonSource::Local,
                    cli::Source::Directory => PersonSource::Directory,
                }),
                state: state.map(|state| match state {
                    cli::State::Active => PersonState::Active,
                    cli::State::Disabled => PersonState::Disabled,
                    cli::State::Absent => PersonState::Absent,
                    cli::State::Held => PersonState::Held,
                }),
                group,
                online: online.then_some(true),
                limit,
                ..PeopleQuery::default()
            };
            find(context, query)
        }
    }
}

fn done(context: &Context, request: &Request, sentence: &str) -> Result<(), Failure> {
    match context.perform(request)? {
        Reply::Done => context.output.either(&json!({ "done": true }), sentence),
        _ => Err(unexpected()),
    }
}

/// Removes an account; of a person of the directory, what is kept here.
fn delete(context: &Context, user: String) -> Result<(), Failure> {
    let mut desk = context.desk()?;
    let Reply::User(account) = desk.perform(&Request::UserShow { user: user.clone() })? else {
        return Err(unexpected());
    };
    let sentence = if account.kind == "directory" {
        format!(
            "What was kept of {user} is gone, a lock too. The directory decides whether there is \
             such a person; to lock one out: tagus user disable {user}"
        )
    } else {
        format!("{user} is gone.")
    };
    match desk.perform(&Request::UserDelete { user })? {
        Reply::Done => context.output.either(&json!({ "done": true }), &sentence),
        _ => Err(unexpected()),
    }
}

fn list(context: &Context) -> Result<(), Failure> {
    let mut users: Vec<User> = Vec::new();
    let mut desk = context.desk()?;
    loop {
        let after = users.last().map(|user| user.user.clone());
        let Reply::Users(page) = desk.perform(&Request::UserList { after, limit: PAGE })? else {
            return Err(unexpected());
        };
        let last = page.len() < PAGE as usize;
        users.extend(page);
        if last {
            break;
        }
    }
    if context.output.json {
        return context.output.document(&json!({ "users": users }));
    }
    let rows: Vec<Vec<String>> = users
        .into_iter()
        .map(|user| {
            let state = if user.disabled { "disabled" } else { "" };
            vec![user.user, user.name, user.mail, user.kind, state.to_owned()]
        })
        .collect();
    context.output.table(&["USER", "NAME", "MAIL", "KIND", "STATE"], &rows)
}

fn groups(context: &Context) -> Result<(), Failure> {
    let Reply::Groups(groups) = context.perform(&Request::GroupList)? else {
        return Err(unexpected());
    };
    if context.output.json {
        return context.output.document(&json!({ "groups": groups }));
    }
    let rows: Vec<Vec<String>> = groups
        .into_iter()
        .map(|group| vec![group.name, group.here.to_string(), group.of_directory.to_string()])
        .collect();
    context.output.table(&["GROUP", "ACCOUNTS", "DIRECTORY"], &rows)
}

fn show(context: &Context, user: String) -> Result<(), Failure> {
    let Reply::User(user) = context.perform(&Request::UserShow { user })? else {
        return Err(unexpected());
    };
    if context.output.json {
        return context.output.document(&user);
    }
    let mut rows = vec![
        ("user", user.user),
        ("address", format!("sip:{}", user.address)),
        ("name", user.name),
        ("mail", user.mail),
        ("number", user.number),
        ("groups", user.groups.join(", ")),
        ("kind", user.kind),
        ("state", if user.disabled { "disabled" } else { "enabled" }.to_owned()),
        ("created", user.created),
    ];
    for device in user.devices.iter().filter(|device| !device.revoked) {
        rows.push(("device", format!("{} {}", device.device, device.name)));
    }
    for contact in user.bindings {
        rows.push(("reached at", contact));
    }
    if let Some(held) = user.held_messages {
        rows.push(("held messages", held.to_string()));
    }
    let rows: Vec<Vec<String>> =
        rows.into_iter().map(|(name, value)| vec![name.to_owned(), value]).collect();
    context.output.table(&["", ""], &rows)
}

/// Prints local accounts as they come, part by part.
fn export(context: &Context) -> Result<(), Failure> {
    let mut desk = context.desk()?;
    let mut whole = String::new();
    let mut after = None;
    loop {
        let Reply::Exported { csv, next } = desk.perform(&Request::UserExport { after })? else {
            return Err(unexpected());
        };
        if context.output.json {
            whole.push_str(&csv);
        } else if !csv.is_empty() {
            context.output.line(csv.trim_end())?;
        }
        after = next;
        if after.is_none() {
            break;
        }
    }
    if context.output.json {
        return context.output.document(&json!({ "csv": whole }));
    }
    Ok(())
}

fn find(context: &Context, query: PeopleQuery) -> Result<(), Failure> {
    let Reply::People(page) = context.perform(&Request::PeopleFind(query))? else {
        return Err(unexpected());
    };
    if context.output.json {
        return context.output.document(&page);
    }
    let shown = page.people.len() as u64;
    let rows: Vec<Vec<String>> = page
        .people
        .into_iter()
        .map(|person| {
            let source = match person.source {
                PersonSource::Local => "local",
                PersonSource::Directory => "directory",
            };
            let state = match person.state {
                PersonState::Active if person.online => "online".to_owned(),
                PersonState::Active => String::new(),
                PersonState::Disabled if person.by_directory => "locked there".to_owned(),
                PersonState::Disabled => "disabled".to_owned(),
                PersonState::Absent => {
                    format!("absent since {}", person.absent_since.unwrap_or_default())
                }
                PersonState::Held => "held".to_owned(),
            };
            vec![person.user, person.name, person.mail, person.number, source.to_owned(), state]
        })
        .collect();
    context.output.table(&["USER", "NAME", "MAIL", "NUMBER", "SOURCE", "STATE"], &rows)?;
    if page.total > shown {
        context.output.say(&format!("{shown} of {} are shown; see --limit", page.total));
    }
    Ok(())
}

/// Prints what it did: a line for each row that failed, and the count.
fn import(
    context: &Context,
    file: &Path,
    existing: cli::Existing,
    dry_run: bool,
) -> Result<(), Failure> {
    let csv = read_csv(file)?;
    let existing = match existing {
        cli::Existing::Fail => Existing::Fail,
        cli::Existing::Skip => Existing::Skip,
        cli::Existing::Update => Existing::Update,
    };
    let request = Request::UserImport { csv, existing, dry_run };
    let Reply::Imported(report) = context.perform(&request)? else {
        return Err(unexpected());
    };
    if context.output.json {
        context.output.document(&report)?;
    } else {
        for row in &report.failed {
            let line = format!("line {}: {}: {}", row.line, row.user, row.reason);
            context.output.line(&escape::line(&line))?;
        }
        let mut counts = format!("{} added, {} failed", report.added, report.failed.len());
        for (count, what) in [(report.updated, "changed"), (report.skipped, "passed over")] {
            if count > 0 {
                counts += &format!(", {count} {what}");
            }
        }
        if report.dry_run {
            counts += "; nothing was changed";
        }
        context.output.line(&counts)?;
    }
    if report.failed.is_empty() { Ok(()) } else { Err(Failure::new(Exit::Failed, "")) }
}

fn read_csv(file: &Path) -> Result<Secret, Failure> {
    let mut text = zeroize::Zeroizing::new(String::new());
    let bound = LONGEST_REQUEST as u64;
    let count = if file == Path::new("-") {
        std::io::stdin().lock().take(bound).read_to_string(&mut text)
    } else {
        std::fs::File::open(file).and_then(|file| file.take(bound).read_to_string(&mut text))
    };
    let shown = file.display();
    match count {
        // JSON escapes quotes and line ends, so not every byte of the bound is there for the text.
        Ok(count) if count as u64 > bound / 2 => Err(Failure::usage(format!(
            "{shown} is larger than {} MiB; split it, each part with the header line",
            bound / 2 / 1024 / 1024
        ))),
        Ok(_) => Ok(Secret::new(text.to_string())),
        Err(error) => Err(Failure::usage(format!("{shown}: {error}"))),
    }
}
