//! `tagus config check` and `tagus config show`.

use std::path::Path;

use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::accounts::open_setting;
use crate::app::cli;
use crate::app::context::Context;
use crate::app::{secret, site, stored};
use crate::clock::WallTime;
use crate::config::{BIND_PASSWORD, Config, LoadError, Loaded, Problem};
use crate::model::{SettingRow, SettingValue};
use crate::operations::{
    ChangedSetting, Exit, Failure, Reply, Request, Secret, SettingChange, SettingEffect,
    SettingRequest,
};
use crate::store::seal::KeyFile;
use crate::tls::doubts;

pub(super) fn run(context: &Context, command: cli::Config) -> Result<(), Failure> {
    match command {
        cli::Config::Check { file } => check(context, file.as_deref()),
        cli::Config::Show { prefix } => show(context, prefix.as_deref().unwrap_or_default()),
        cli::Config::Set { key, value, value_file } => {
            if key == BIND_PASSWORD && value.is_some() {
                return Err(Failure::usage(format!(
                    "arguments are read by everybody; use --value-file -: {key} is a secret"
                )));
            }
            let value = match value_file {
                Some(file) => secret::read(&file)?,
                None => Secret::new(value.unwrap_or_default()),
            };
            let changes = vec![SettingChange { key, value: Some(value) }];
            change(context, SettingRequest::Apply { changes })
        }
        cli::Config::Reset { keys } => change(context, SettingRequest::Reset { keys }),
    }
}

/// The configuration with what the console stored. A secret that only the running server can open is
/// empty in it, and the name of its key is the second value.
pub(super) fn with_stored(context: &Context) -> Result<(Loaded, Option<&'static str>), Failure> {
    let loaded = context.load()?;
    let data_dir = &loaded.config.data_dir;
    let (domain, rows) = stored_there(context, data_dir);
    let key = KeyFile::open(&data_dir.join(site::KEY_FILE)).ok();
    let open = |row: &SettingRow| key.as_ref().and_then(|key| open_setting(key, row));
    let is_closed =
        |row: &&SettingRow| matches!(&row.value, SettingValue::Sealed(sealed) if sealed.is_empty());
    let closed = rows.iter().find(is_closed).map(|_| BIND_PASSWORD);
    let layer = stored::layer(&rows, |row| match is_closed(&row) {
        true => Some(Zeroizing::default()),
        false => open(row),
    });
    let mut loaded = loaded.with(&layer).map_err(Failure::usage)?;
    if let Some(domain) = domain.filter(|_| !loaded.config.domain_is_set) {
        loaded.config.domain = domain;
    }
    Ok((loaded, closed))
}

/// Changes what is stored, and tells what that did.
fn change(context: &Context, request: SettingRequest) -> Result<(), Failure> {
    let Reply::SettingDifference(difference) = context.perform(&Request::Setting(request))? else {
        return Err(super::unexpected());
    };
    if context.output.json {
        return context.output.document(&difference);
    }
    for warning in &difference.warnings {
        context.output.say(&format!("warning: {}: {}", warning.key, warning.message));
    }
    let row = |one: &ChangedSetting| {
        let when = match one.effect {
            SettingEffect::Now => "at once",
            SettingEffect::NextStart | SettingEffect::Settled => "at the next start",
        };
        vec![one.key.clone(), one.old.clone(), one.new.clone(), when.to_owned()]
    };
    let rows: Vec<Vec<String>> = difference.changes.iter().map(row).collect();
    context.output.table(&["KEY", "BEFORE", "AFTER", "IN FORCE"], &rows)
}

fn check(context: &Context, file: Option<&Path>) -> Result<(), Failure> {
    let mut sources = context.sources();
    if let Some(file) = file {
        sources.file = Some(file.to_owned());
    }
    let file = sources.file.as_ref().map(|path| path.display().to_string());
    match sources.load() {
        Ok(loaded) => {
            let mut warnings = loaded.warnings.clone();
            warnings.extend(missing_files(&loaded));
            warnings.extend(certificate_doubts(context, &loaded));
            if context.output.json {
                return context.output.document(&json!({
                    "valid": true,
                    "file": file,
                    "problems": [],
                    "warnings": listed(&warnings),
                }));
            }
            for warning in &warnings {
                context.output.say(&format!("warning: {warning}"));
            }
            match file {
                Some(file) => context.output.line(&format!("{file} is valid")),
                None => context.output.line("no file was found; the defaults are valid"),
            }
        }
        Err(LoadError(problems)) if context.output.json => {
            context.output.document(&json!({
                "valid": false,
                "file": file,
                "problems": listed(&problems),
                "warnings": [],
            }))?;
            Err(Failure::new(Exit::Usage, ""))
        }
        Err(error) => Err(Failure::usage(error)),
    }
}

fn listed(problems: &[Problem]) -> Vec<Value> {
    let one = |problem: &Problem| {
        json!({
            "key": problem.key,
            "origin": problem.origin.name(),
            "source": problem.origin.to_string(),
            "message": problem.message,
        })
    };
    problems.iter().map(one).collect()
}

/// Files that the configuration names and that cannot be read now. The server may run as another
/// user, so these are warnings.
fn missing_files(loaded: &Loaded) -> Vec<Problem> {
    let Config { tls, identity, .. } = &loaded.config;
    [
        ("tls.ca_file", &tls.ca_file),
        ("tls.acme_ca_file", &tls.acme_ca_file),
        ("identity.ldap.ca_file", &identity.ldap.ca_file),
        ("identity.ldap.bind_password_file", &identity.ldap.bind_password_file),
    ]
    .into_iter()
    .filter(|(_, path)| !path.as_os_str().is_empty())
    .filter_map(|(key, path)| {
        let error = std::fs::File::open(path).err()?;
        Some(Problem {
            origin: loaded.origin(key),
            key: key.to_owned(),
            message: format!("{}: {error}", path.display()),
        })
    })
    .collect()
}

/// What clients would find wrong with the certificate.
fn certificate_doubts(context: &Context, loaded: &Loaded) -> Vec<Problem> {
    let Config { tls, domain, public_name, aliases, .. } = &loaded.config;
    if tls.cert_file.as_os_str().is_empty() {
        return Vec::new();
    }
    let names: Vec<&str> =
        [domain, public_name].into_iter().chain(aliases).map(String::as_str).collect();
    let doubts = doubts(&tls.cert_file, &tls.key_file, &names, context.clock.wall());
    doubts
        .unwrap_or_else(|error| vec![error.to_string()])
        .into_iter()
        .map(|message| Problem {
            origin: loaded.origin("tls.cert_file"),
            key: "tls.cert_file".to_owned(),
            message,
        })
        .collect()
}

/// The domain in force in a data directory, and what the console stored, as the running server or else
/// its store tells it. Nothing is made or changed there.
fn stored_there(context: &Context, data_dir: &Path) -> (Option<String>, Vec<SettingRow>) {
    let Ok(Reply::Status(status)) = context.ask_server(&Request::Status) else {
        return site::peek(data_dir, &context.clock).unwrap_or_default();
    };
    let show = Request::Setting(SettingRequest::Show { prefix: String::new() });
    let Ok(Reply::Settings(settings)) = context.ask_server(&show) else {
        return (Some(status.domain), Vec::new());
    };
    let rows = settings.into_iter().filter_map(|setting| {
        let stored = setting.stored?;
        let value = match setting.secret {
            // That it is there is all that is told.
            true => SettingValue::Sealed(Vec::new()),
            false => SettingValue::Plain(stored.value),
        };
        Some(SettingRow { key: setting.key, value, by: String::new(), at: WallTime::default() })
    });
    (Some(status.domain), rows.collect())
}

fn show(context: &Context, prefix: &str) -> Result<(), Failure> {
    let loaded = context.load()?;
    let (domain, rows) = stored_there(context, &loaded.config.data_dir);
    let nothing = |_: &SettingRow| Some(Zeroizing::default());
    let loaded = loaded.with(&stored::layer(&rows, nothing)).map_err(Failure::usage)?;
    let mut settings = loaded.settings();
    // One that only follows from the machine gives way to that of the people who are stored.
    if !loaded.config.domain_is_set
        && let Some(domain) = domain
        && let Some(setting) = settings.get_mut("domain")
    {
        setting.value = domain.into();
        setting.origin = "store";
        setting.source = Some(format!("the people in {}", loaded.config.data_dir.display()));
    }
    settings.retain(|key, _| key.starts_with(prefix));
    if settings.is_empty() {
        return Err(Failure::not_found(format!("no key begins with {prefix:?}")));
    }
    if context.output.json {
        return context.output.document(&settings);
    }
    let rows: Vec<Vec<String>> = settings
        .into_iter()
        .map(|(key, setting)| {
            let origin = setting.source.unwrap_or_else(|| setting.origin.to_owned());
            vec![key, setting.value.to_string(), origin]
        })
        .collect();
    context.output.table(&["KEY", "VALUE", "ORIGIN"], &rows)
}
