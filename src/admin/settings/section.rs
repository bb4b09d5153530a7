//! A section of the settings as a form.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

use super::keys::{self, Described};
use super::sections::Section;
use super::{effect, origin, readable, settings};
use crate::config::{parse_toml, plain};
use crate::operations::{Right, SettingEffect, SettingView};
use crate::web::{Faults, Key, Problem, Shell, Texts, Visit, render};

#[derive(Template)]
#[template(path = "admin/settings/section.html")]
struct Page {
    shell: Shell,
    faults: Faults,
    done: Option<String>,
    about: Key,
    elsewhere: Option<(&'static str, Key)>,
    path: String,
    fields: Vec<Field>,
    /// What is known of the password of the directory's account, where this is its section.
    password: Option<String>,
    may: bool,
}

/// How a field is filled in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Line,
    Area,
    Choice,
}

struct Field {
    id: &'static str,
    name: &'static str,
    unit: String,
    help: String,
    kind: Kind,
    /// What is chosen from: words and what they are called.
    options: Vec<(String, String)>,
    value: String,
    shown: String,
    origin: String,
    default: Option<String>,
    in_force: Option<String>,
    later: Option<String>,
    editable: bool,
    stored: bool,
}

/// The value of a key as it stands in its form.
pub(super) fn typed(setting: &SettingView) -> String {
    parse_toml(&setting.value).map_or_else(|| setting.value.clone(), |value| plain(&value))
}

/// A text of a form, whose lines browsers end in their own way.
pub(super) fn lines(text: &str) -> String {
    text.replace("\r\n", "\n").trim().to_owned()
}

/// `GET /admin/settings/{section}`.
pub(super) async fn page(visit: Visit) -> Response {
    show(&visit, StatusCode::OK, Faults::default()).await
}

/// The form, with what was typed where something was wrong with it.
pub(super) async fn show(visit: &Visit, status: StatusCode, faults: Faults) -> Response {
    let Some(section) = Section::named(visit.param("section")) else {
        return Problem::new(StatusCode::NOT_FOUND, "there is no such section").into_response();
    };
    let all = match settings(visit).await {
        Ok(all) => all,
        Err(problem) => return problem.into_response(),
    };
    let shell = visit.shell(section.title);
    let may = visit.principal().is_some_and(|one| Right::Administer.is_of_role(one.role));
    let done = match visit.query.get("done") {
        "now" => Some(shell.t.get("settings-applied")),
        "later" => Some(shell.t.get("settings-applied-later")),
        "nothing" => Some(shell.t.get("settings-nothing")),
        "password" => Some(shell.t.get("settings-password-set")),
        _ => None,
    };
    let of = |described: &'static Described| {
        let setting = all.iter().find(|setting| setting.key == described.key)?;
        let again = (!faults.is_empty()).then(|| visit.form.get(described.key));
        (!setting.secret).then(|| field(&shell, described, setting, may, again))
    };
    let secret = section
        .keys()
        .find_map(|one| all.iter().find(|setting| setting.key == one.key && setting.secret));
    let fields = section.keys().filter_map(of).collect();
    let page = Page {
        faults,
        done,
        about: section.about,
        elsewhere: section.elsewhere(),
        path: section.path(),
        fields,
        password: secret.map(|setting| kept(&shell, setting)),
        may,
        shell,
    };
    render(status, &page)
}

fn kept(shell: &Shell, setting: &SettingView) -> String {
    match &setting.stored {
        Some(stored) => {
            let (by, at) = (shell.show(&stored.by), shell.when(&stored.at));
            shell.t.with("settings-password-kept", [("by", by.into()), ("at", at.into())])
        }
        None => shell.t.get("settings-password-none"),
    }
}

fn field(
    shell: &Shell,
    described: &'static Described,
    setting: &SettingView,
    may: bool,
    again: Option<&str>,
) -> Field {
    let t = shell.t;
    let key = described.key;
    let options = options(t, setting);
    // A list of tables is written over several lines, and so is a certificate.
    let long = key.ends_with("_pem") || matches!(key, "sip.route" | "presence.group_policy");
    let kind = match (options.is_empty(), long) {
        (false, _) => Kind::Choice,
        (true, true) => Kind::Area,
        (true, false) => Kind::Line,
    };
    let differs = setting.value != setting.default;
    Field {
        id: key,
        name: key.rsplit('.').next().unwrap_or(key),
        unit: described.unit.title().map(|unit| t.key(unit)).unwrap_or_default(),
        help: t.key(described.help),
        kind,
        options,
        value: again.map_or_else(|| typed(setting), ToOwned::to_owned),
        shown: shell.show(&super::shown(t, setting)),
        origin: shell.show(&origin(t, setting)),
        default: differs.then(|| default_of(t, setting)),
        in_force: setting.in_force.as_deref().map(|toml| shell.show(&readable(t, toml))),
        later: (setting.effect != SettingEffect::Now).then(|| t.key(effect(setting.effect))),
        editable: setting.changeable && may && !key.ends_with("_file"),
        stored: setting.stored.is_some(),
    }
}

fn default_of(t: Texts, setting: &SettingView) -> String {
    match readable(t, &setting.default) {
        text if text.is_empty() => t.get("settings-no-default"),
        text => text,
    }
}

/// What a value is chosen from, where it is.
fn options(t: Texts, setting: &SettingView) -> Vec<(String, String)> {
    let words = keys::words(&setting.key);
    if !words.is_empty() {
        return words.iter().map(|word| ((*word).to_owned(), (*word).to_owned())).collect();
    }
    match parse_toml(&setting.value) {
        Some(toml::Value::Boolean(_)) => vec![
            ("true".to_owned(), t.get("settings-yes")),
            ("false".to_owned(), t.get("settings-no")),
        ],
        _ => Vec::new(),
    }
}
