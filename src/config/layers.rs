//! Lays the layers over each other: `--set` > environment > console > file > default, and remembers
//! for each key where its value came from.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use toml::Value;

use super::schema::{self, Schema};
use super::{Config, Machine, Scheme, check, file};

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody said anything else.
    Default,
    /// A line of the configuration file.
    File {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// Stored by the console.
    Console,
    /// An environment variable.
    Environment(String),
    /// An option of the command: `--set`, `--data-dir`.
    Option(String),
}

impl Origin {
    /// One stable word.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Origin::Default => "default",
            Origin::File { .. } => "file",
            Origin::Console => "console",
            Origin::Environment(_) => "environment",
            Origin::Option(_) => "option",
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::File { path, line } => write!(f, "{}:{line}", path.display()),
            Origin::Console => f.write_str("console"),
            Origin::Environment(variable) => f.write_str(variable),
            Origin::Option(option) => f.write_str(option),
        }
    }
}

/// Something wrong with the configuration, at one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where it was said.
    pub origin: Origin,
    /// The key, in dotted form; empty if the layer as a whole could not be read.
    pub key: String,
    /// A plain sentence, with what to write instead.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.origin, self.key.as_str()) {
            (Origin::Default, "") => f.write_str(&self.message),
            (Origin::Default, key) => write!(f, "{key}: {}", self.message),
            (origin, "") => write!(f, "{origin}: {}", self.message),
            (origin, key) => write!(f, "{origin}: {key}: {}", self.message),
        }
    }
}

/// The configuration is not valid: everything that is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", join(.0))]
pub struct LoadError(pub Vec<Problem>);

fn join(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// What the layers are read from.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The configuration file; `None` is no file at all.
    pub file: Option<PathBuf>,
    /// What the console stored, by dotted key.
    pub stored: Vec<(String, Value)>,
    /// The environment; variables without the prefix `TAGUS_` are passed over.
    pub environment: Vec<(String, String)>,
    /// `--set key=value`, in order.
    pub set: Vec<String>,
    /// `--data-dir`.
    pub data_dir: Option<PathBuf>,
    /// The machine that defaults depend on.
    pub machine: Machine,
}

/// A configuration with the origin of every key.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// The file that was read.
    pub file: Option<PathBuf>,
    /// What is allowed but hardly meant.
    pub warnings: Vec<Problem>,
    origins: BTreeMap<String, Origin>,
}

/// One key as `config show` prints it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Setting {
    /// The value.
    pub value: Value,
    /// One of `default`, `file`, `console`, `environment`, `option`; `store` for a domain that is
    /// settled there.
    pub origin: &'static str,
    /// The file and line, the variable or the option.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

impl Loaded {
    /// Where the value of a key came from.
    #[must_use]
    pub fn origin(&self, key: &str) -> Origin {
        self.origins.get(key).cloned().unwrap_or(Origin::Default)
    }

    /// Every key with its value and origin.
    #[must_use]
    pub fn settings(&self) -> BTreeMap<String, Setting> {
        Schema::of(&self.config)
            .iter()
            .map(|(key, value)| {
                let origin = self.origin(key);
                let source = (!matches!(origin, Origin::Default | Origin::Console))
                    .then(|| origin.to_string());
                (key.clone(), Setting { value: value.clone(), origin: origin.name(), source })
            })
            .collect()
    }
}

/// One value of one layer.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) value: Value,
    pub(super) origin: Origin,
}

impl Sources {
    /// Reads every layer, lays them over each other and checks the result.
    ///
    /// # Errors
    /// [`LoadError`] with everything that is wrong, not only the first.
    pub fn load(&self) -> Result<Loaded, LoadError> {
        let schema = Schema::new();
        let mut problems = Vec::new();
        let mut entries = Vec::new();
        if let Some(path) = &self.file {
            file::read(path, &schema, &mut entries, &mut problems);
        }
        for (key, value) in &self.stored {
            let (key, value, origin) = (key.clone(), value.clone(), Origin::Console);
            if schema.value(&key).is_some() {
                entries.push(Entry { key, value, origin });
            } else {
                // A key that an older version stored must not keep a newer one from starting.
                tracing::warn!(key, "a stored setting is unknown and was passed over");
            }
        }
        for (variable, text) in &self.environment {
            let Some(key) = environment_key(variable, &schema) else { continue };
            let origin = Origin::Environment(variable.clone());
            written(&schema, &key, text, origin, &mut entries, &mut problems);
        }
        for assignment in &self.set {
            let origin = Origin::Option("--set".to_owned());
            match assignment.split_once('=') {
                Some((key, text)) => {
                    written(&schema, key.trim(), text.trim(), origin, &mut entries, &mut problems);
                }
                None => problems.push(Problem {
                    origin,
                    key: String::new(),
                    message: format!("{assignment:?} is not of the form key=value"),
                }),
            }
        }
        if let Some(data_dir) = &self.data_dir {
            entries.push(Entry {
                key: "data_dir".to_owned(),
                value: Value::String(data_dir.to_string_lossy().into_owned()),
                origin: Origin::Option("--data-dir".to_owned()),
            });
        }
        let (mut config, origins) = lay(&schema, self.defaults(), entries, &mut problems);
        self.complete(&mut config, &origins, &mut problems);
        let mut warnings = Vec::new();
        // What a broken layer left at its default would only draw accusations of the wrong thing.
        if problems.is_empty() {
            for finding in check::check(&config) {
                let origin = origins.get(finding.key).cloned().unwrap_or(Origin::Default);
                let list = if finding.fatal { &mut problems } else { &mut warnings };
                list.push(Problem {
                    origin,
                    key: finding.key.to_owned(),
                    message: finding.message,
                });
            }
        }
        if problems.is_empty() {
            Ok(Loaded { config, file: self.file.clone(), warnings, origins })
        } else {
            Err(LoadError(problems))
        }
    }

    /// The defaults here: an ordinary user without a configuration gets his home and high ports.
    fn defaults(&self) -> Config {
        let mut config = Config::default();
        if self.file.is_none() && !self.machine.root {
            if let Some(home) = &self.machine.data_home {
                config.data_dir = home.join("tagus");
            }
            config.web.listen = vec![super::everywhere(Scheme::Https, 8443)];
        }
        config
    }

    /// Fills in what follows from the machine and brings names into their one spelling.
    fn complete(
        &self,
        config: &mut Config,
        origins: &BTreeMap<String, Origin>,
        problems: &mut Vec<Problem>,
    ) {
        config.domain_is_set = !config.domain.is_empty();
        if !config.domain_is_set {
            config.domain = self.machine.domain();
        }
        config.public_name_is_set = !config.public_name.is_empty();
        if !config.public_name_is_set {
            config.public_name.clone_from(&self.machine.host_name);
        }
        for name in
            [&mut config.domain, &mut config.public_name].into_iter().chain(&mut config.aliases)
        {
            *name = name.trim().trim_end_matches('.').to_ascii_lowercase();
        }
        match std::path::absolute(&config.data_dir) {
            Ok(path) => config.data_dir = path,
            Err(error) => problems.push(Problem {
                origin: origins.get("data_dir").cloned().unwrap_or(Origin::Default),
                key: "data_dir".to_owned(),
                message: error.to_string(),
            }),
        }
    }
}

/// The key that a variable names, or `None` if the variable is none of ours. Variables without `__`
/// that name no key belong to somebody else: container runtimes make `TAGUS_PORT` and the like.
fn environment_key(variable: &str, schema: &Schema) -> Option<String> {
    let name = variable.strip_prefix("TAGUS_")?;
    let key = name.to_ascii_lowercase().replace("__", ".");
    (name.contains("__") || schema.value(&key).is_some()).then_some(key)
}

/// Takes a value that was written as text, outside a file.
fn written(
    schema: &Schema,
    key: &str,
    text: &str,
    origin: Origin,
    entries: &mut Vec<Entry>,
    problems: &mut Vec<Problem>,
) {
    let key = key.to_owned();
    let Some(default) = schema.value(&key) else {
        problems.push(unknown(schema, key, origin));
        return;
    };
    match coerce(default, text) {
        Ok(value) => entries.push(Entry { key, value, origin }),
        Err(message) => problems.push(Problem { origin, key, message }),
    }
}

/// Reads text as the type of the default.
fn coerce(default: &Value, text: &str) -> Result<Value, String> {
    match default {
        Value::Integer(_) => text
            .replace('_', "")
            .parse()
            .map(Value::Integer)
            .map_err(|_| format!("{text:?} is not a whole number")),
        Value::Boolean(_) => match text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "1" => Ok(Value::Boolean(true)),
            "false" | "no" | "off" | "0" => Ok(Value::Boolean(false)),
            _ => Err(format!("{text:?} is neither true nor false")),
        },
        Value::Array(_) if text.starts_with('[') && !text.starts_with("[::") => {
            toml::from_str::<toml::Table>(&format!("value = {text}"))
                .ok()
                .and_then(|mut table| table.remove("value"))
                .ok_or_else(|| format!("{text:?} is not a list; write a,b or [\"a\", \"b\"]"))
        }
        Value::Array(_) => Ok(Value::Array(
            text.split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty())
                .map(|item| Value::String(item.to_owned()))
                .collect(),
        )),
        _ => Ok(Value::String(text.to_owned())),
    }
}

pub(super) fn unknown(schema: &Schema, key: String, origin: Origin) -> Problem {
    let message = if schema.is_section(&key) {
        "this is a section, not a key".to_owned()
    } else if let Some(nearest) = schema.nearest(&key) {
        format!("unknown key; did you mean {nearest}?")
    } else {
        "unknown key".to_owned()
    };
    Problem { origin, key, message }
}

/// Puts the entries over the defaults, later ones winning. An entry that the schema refuses is
/// reported with its own origin and leaves the default.
fn lay(
    schema: &Schema,
    defaults: Config,
    entries: Vec<Entry>,
    problems: &mut Vec<Problem>,
) -> (Config, BTreeMap<String, Origin>) {
    let mut origins = BTreeMap::new();
    let mut root = match Value::try_from(&defaults) {
        Ok(Value::Table(table)) => table,
        _ => toml::Table::new(),
    };
    for entry in entries {
        let mut alone = toml::Table::new();
        schema::place(&mut alone, &entry.key, entry.value.clone());
        let fits = alone.try_into::<Config>().map_err(|error| error.message().to_owned());
        match fits {
            Ok(_) => {
                schema::place(&mut root, &entry.key, entry.value);
                origins.insert(entry.key, entry.origin);
            }
            Err(message) => {
                let expected = schema.value(&entry.key).map_or("", Value::type_str);
                let message = match message.strip_prefix("invalid type: ") {
                    Some(rest) if !expected.is_empty() => {
                        let got = rest.split(", expected").next().unwrap_or(rest);
                        format!("{got} was given where {expected} is wanted")
                    }
                    _ => message,
                };
                problems.push(Problem { origin: entry.origin, key: entry.key, message });
            }
        }
    }
    // Each entry fitted alone, so together they fit.
    let config = root.try_into().unwrap_or(defaults);
    (config, origins)
}

/// Reads one file over the defaults, for `config check FILE` and for tests.
///
/// # Errors
/// [`LoadError`] with everything that is wrong.
pub fn load_file(path: &Path, machine: Machine) -> Result<Loaded, LoadError> {
    Sources { file: Some(path.to_owned()), machine, ..Sources::default() }.load()
}

#[cfg(test)]
mod tests;
