//! Changes of a section: shown, confirmed, made.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

use super::section::{self, lines, typed};
use super::sections::Section;
use super::{effect, readable, refused, settings, short};
use crate::config::BIND_PASSWORD;
use crate::operations::{
    ChangedSetting, Exit, Failure, Reply, Request, Secret, SettingChange, SettingDifference,
    SettingEffect, SettingProblem, SettingRequest,
};
use crate::web::{Faults, Key, Problem, Shell, Visit, render};

/// The field of the password that is typed again.
const PASSWORD: &str = "bind-password";

#[derive(Template)]
#[template(path = "admin/settings/review.html")]
struct Page {
    shell: Shell,
    faults: Faults,
    path: String,
    changes: Vec<Row>,
    /// The form's own: what is set, with its values, and what is given up.
    set: Vec<(String, String)>,
    reset: Vec<String>,
    warnings: Vec<(String, String)>,
    waits: bool,
    asks_password: bool,
}

struct Row {
    key: String,
    old: String,
    new: String,
    when: Key,
}

/// Changes as they come from a form.
struct Wanted {
    set: Vec<(String, String)>,
    reset: Vec<String>,
}

impl Wanted {
    fn is_empty(&self) -> bool {
        self.set.is_empty() && self.reset.is_empty()
    }

    fn changes(&self, password: &str) -> Vec<SettingChange> {
        let set = self.set.iter().map(|(key, value)| SettingChange::to(key, value));
        let reset = self.reset.iter().map(|key| SettingChange { key: key.clone(), value: None });
        let mut changes: Vec<SettingChange> = set.chain(reset).collect();
        if !password.is_empty() {
            let value = Some(Secret::new(password.to_owned()));
            changes.push(SettingChange { key: BIND_PASSWORD.to_owned(), value });
        }
        changes
    }
}

fn no_section() -> Response {
    Problem::new(StatusCode::NOT_FOUND, "there is no such section").into_response()
}

/// `POST /admin/settings/{section}`: what the form would change.
pub(super) async fn review(visit: Visit) -> Response {
    let Some(section) = Section::named(visit.param("section")) else { return no_section() };
    let all = match settings(&visit).await {
        Ok(all) => all,
        Err(problem) => return problem.into_response(),
    };
    let given_up = visit.form.get("reset");
    let mut wanted = Wanted { set: Vec::new(), reset: Vec::new() };
    for described in section.keys() {
        let Some(setting) = all.iter().find(|setting| setting.key == described.key) else {
            continue;
        };
        if given_up == described.key {
            wanted.reset.push(given_up.to_owned());
        } else if given_up.is_empty() && visit.form.has(described.key) {
            let value = lines(visit.form.get(described.key));
            if value != lines(&typed(setting)) {
                wanted.set.push((described.key.to_owned(), value));
            }
        }
    }
    if wanted.is_empty() {
        return visit.go(&format!("{}?done=nothing", section.path()));
    }
    show(&visit, section, wanted, Faults::default()).await
}

/// The difference, or the form again with what is wrong.
async fn show(visit: &Visit, section: &Section, wanted: Wanted, faults: Faults) -> Response {
    let request = SettingRequest::Preview { changes: wanted.changes("") };
    let reply = visit.desk().perform(&visit.actor(), Request::Setting(request)).await;
    let difference = match reply {
        Ok(Reply::SettingDifference(difference)) => *difference,
        Ok(_) => SettingDifference::default(),
        Err(failure) => return refused(&failure).into_response(),
    };
    let (asked, wrong): (Vec<SettingProblem>, Vec<SettingProblem>) =
        difference.problems.into_iter().partition(|one| one.key == BIND_PASSWORD);
    if !wrong.is_empty() {
        return section::show(visit, StatusCode::UNPROCESSABLE_ENTITY, named(&wrong)).await;
    }
    let shell = visit.shell(Key("settings-review-title"));
    let status = if faults.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let row = |change: &ChangedSetting| Row {
        key: change.key.clone(),
        old: short(&shell.show(&readable(shell.t, &change.old))),
        new: short(&shell.show(&readable(shell.t, &change.new))),
        when: effect(change.effect),
    };
    let warnings = difference.warnings.iter();
    let page = Page {
        faults,
        path: section.path(),
        changes: difference.changes.iter().map(row).collect(),
        waits: difference.changes.iter().any(|one| one.effect == SettingEffect::NextStart),
        asks_password: !asked.is_empty(),
        warnings: warnings.map(|one| (one.key.clone(), shell.show(&one.message))).collect(),
        set: wanted.set,
        reset: wanted.reset,
        shell,
    };
    render(status, &page)
}

/// What is wrong, at the fields that it is about; what is about none is said of the form.
fn named(problems: &[SettingProblem]) -> Faults {
    let mut faults = Faults::default();
    for problem in problems {
        let known = super::keys::described(&problem.key);
        let text = match known {
            Some(_) => format!("{}: {}", problem.key, problem.message),
            None => problem.message.clone(),
        };
        faults.add(known.map_or("", |known| known.key), text);
    }
    faults
}

/// `POST /admin/settings/{section}/apply`.
pub(super) async fn apply(visit: Visit) -> Response {
    let Some(section) = Section::named(visit.param("section")) else { return no_section() };
    let is_ours = |key: &&str| section.keys().any(|known| known.key == *key);
    let words = |name: &str| visit.form.get(name).split(',').filter(is_ours).map(str::to_owned);
    let value = |key: String| {
        let value = lines(visit.form.get(&key));
        (key, value)
    };
    let wanted = Wanted { set: words("set").map(value).collect(), reset: words("reset").collect() };
    if wanted.is_empty() {
        return visit.go(&format!("{}?done=nothing", section.path()));
    }
    let waits = wanted
        .set
        .iter()
        .map(|(key, _)| key)
        .chain(&wanted.reset)
        .any(|key| crate::config::effect(key) == crate::config::Effect::NextStart);
    if waits && visit.form.get("understood") != "yes" {
        let mut faults = Faults::default();
        faults.add("understood", visit.texts().get("settings-understood-fault"));
        return show(&visit, section, wanted, faults).await;
    }
    let changes = wanted.changes(visit.form.get(PASSWORD));
    let request = Request::Setting(SettingRequest::Apply { changes });
    match visit.desk().perform(&visit.actor(), request).await {
        Ok(_) => {
            let done = if waits { "later" } else { "now" };
            visit.go(&format!("{}?done={done}", section.path()))
        }
        Err(failure) if failure.exit == Exit::Usage => {
            let mut faults = Faults::default();
            let asks = failure.message.starts_with(BIND_PASSWORD);
            faults.add(if asks { PASSWORD } else { "" }, failure.message);
            show(&visit, section, wanted, faults).await
        }
        Err(failure) => refused(&failure).into_response(),
    }
}

/// `POST /admin/settings/{section}/password`: the password of the directory's account.
pub(super) async fn password(visit: Visit) -> Response {
    let Some(section) = Section::named(visit.param("section")) else { return no_section() };
    if !section.keys().any(|known| known.key == BIND_PASSWORD) {
        return no_section();
    }
    let value = Some(Secret::new(visit.form.get(PASSWORD).to_owned()));
    let changes = vec![SettingChange { key: BIND_PASSWORD.to_owned(), value }];
    let request = Request::Setting(SettingRequest::Apply { changes });
    match visit.desk().perform(&visit.actor(), request).await {
        Ok(_) => visit.go(&format!("{}?done=password", section.path())),
        Err(Failure { exit: Exit::Usage, message, .. }) => {
            let mut faults = Faults::default();
            faults.add(PASSWORD, message);
            section::show(&visit, StatusCode::UNPROCESSABLE_ENTITY, faults).await
        }
        Err(failure) => refused(&failure).into_response(),
    }
}
