//! Lays the layers over each other: `--set` > environment > console > file > default, and remembers
//! for each key where its value came from.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;
use toml::Value;

use super::schema::{self, Schema};
use super::{Config, Machine, Password, Scheme, check, file};

/// The one key whose value is a secret: it is stored sealed, and is in no file.
pub const BIND_PASSWORD: &str = "identity.ldap.bind_password";
const PASSWORD_FILE: &str = "identity.ldap.bind_password_file";

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
    layers: Arc<Layers>,
}

/// What the console stored.
#[derive(Clone, Debug, Default)]
pub struct Stored {
    /// Values by dotted key.
    pub values: Vec<(String, Value)>,
    /// The password of the directory's service account.
    pub bind_password: Option<Password>,
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
    /// The same layers as they were read, with what the console stored among them.
    ///
    /// # Errors
    /// [`LoadError`] with everything that is wrong with that.
    pub fn with(&self, stored: &Stored) -> Result<Loaded, LoadError> {
        self.layers.with(stored)
    }

    /// The value of a key as it was without the console's; `None` if there is no such key.
    #[must_use]
    pub fn beneath(&self, key: &str) -> Option<Value> {
        let below = self.layers.below.iter().rev().find(|entry| entry.key == key);
        let default = || Schema::of(&self.layers.defaults).value(key).cloned();
        below.map(|entry| entry.value.clone()).or_else(default)
    }

    /// The value of a key that nobody said anything about; `None` if there is no such key.
    #[must_use]
    pub fn default(&self, key: &str) -> Option<Value> {
        Schema::of(&self.layers.defaults).value(key).cloned()
    }

    /// Reads text as a value of a key, as `--set` does.
    ///
    /// # Errors
    /// [`Problem`] if there is no such key, or it takes no such value.
    pub fn read(&self, key: &str, text: &str) -> Result<Value, Problem> {
        let (mut entries, mut problems) = (Vec::new(), Vec::new());
        written(&self.layers.schema, key, text, Origin::Console, &mut entries, &mut problems);
        match (problems.pop(), entries.pop()) {
            (None, Some(Entry { value, .. })) => Ok(value),
            (Some(problem), _) => Err(problem),
            (None, None) => Err(unknown(&self.layers.schema, key.to_owned(), Origin::Console)),
        }
    }

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

/// Every layer but the console's, as it was when it was read: a file that is edited later counts from
/// the next start on.
#[derive(Clone, Debug)]
struct Layers {
    schema: Schema,
    file: Option<PathBuf>,
    machine: Machine,
    defaults: Config,
    below: Vec<Entry>,
    above: Vec<Entry>,
    problems: Vec<Problem>,
}

/// A configuration that no layers made, as programs and tests write one: it counts as the defaults.
impl From<Config> for Loaded {
    fn from(config: Config) -> Loaded {
        let named = Some(&config.public_name).filter(|name| !name.is_empty());
        let layers = Layers {
            schema: Schema::new(),
            file: None,
            machine: Machine {
                host_name: named.unwrap_or(&config.domain).clone(),
                root: true,
                ..Machine::default()
            },
            defaults: config.clone(),
            below: Vec::new(),
            above: Vec::new(),
            problems: Vec::new(),
        };
        let (origins, layers) = (BTreeMap::new(), Arc::new(layers));
        Loaded { config, file: None, warnings: Vec::new(), origins, layers }
    }
}

impl Sources {
    /// Reads every layer, lays them over each other and checks the result.
    ///
    /// # Errors
    /// [`LoadError`] with everything that is wrong, not only the first.
    pub fn load(&self) -> Result<Loaded, LoadError> {
        Arc::new(self.read()).with(&Stored::default())
    }

    fn read(&self) -> Layers {
        let schema = Schema::new();
        let mut problems = Vec::new();
        let (mut below, mut above) = (Vec::new(), Vec::new());
        if let Some(path) = &self.file {
            file::read(path, &schema, &mut below, &mut problems);
        }
        for (variable, text) in &self.environment {
            let Some(key) = environment_key(variable, &schema) else { continue };
            let origin = Origin::Environment(variable.clone());
            written(&schema, &key, text, origin, &mut above, &mut problems);
        }
        for assignment in &self.set {
            let origin = Origin::Option("--set".to_owned());
            match assignment.split_once('=') {
                Some((key, text)) => {
                    written(&schema, key.trim(), text.trim(), origin, &mut above, &mut problems);
                }
                None => problems.push(Problem {
                    origin,
                    key: String::new(),
                    message: format!("{assignment:?} is not of the form key=value"),
                }),
            }
        }
        if let Some(data_dir) = &self.data_dir {
            above.push(Entry {
                key: "data_dir".to_owned(),
                value: Value::String(data_dir.to_string_lossy().into_owned()),
                origin: Origin::Option("--data-dir".to_owned()),
            });
        }
        Layers {
            schema,
            file: self.file.clone(),
            machine: self.machine.clone(),
            defaults: self.defaults(),
            below,
            above,
            problems,
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
}

impl Layers {
    fn with(self: &Arc<Layers>, stored: &Stored) -> Result<Loaded, LoadError> {
        let schema = &self.schema;
        let mut problems = self.problems.clone();
        let mut entries = self.below.clone();
        for (key, value) in &stored.values {
            let (key, value, origin) = (key.clone(), value.clone(), Origin::Console);
            if schema.value(&key).is_some() {
                entries.push(Entry { key, value, origin });
            } else {
                // A key that an older version stored must not keep a newer one from starting.
                tracing::warn!(key, "a stored setting is unknown and was passed over");
            }
        }
        entries.extend(self.above.iter().cloned());
        let (mut config, mut origins) = lay(schema, self.defaults.clone(), entries, &mut problems);
        self.complete(&mut config, &origins, &mut problems);
        // Whoever names a file on the command line means it.
        let is_above = self.above.iter().any(|entry| entry.key == PASSWORD_FILE);
        if let Some(password) = stored.bind_password.clone().filter(|_| !is_above) {
            config.identity.ldap.bind_password = Some(password);
            origins.insert(BIND_PASSWORD.to_owned(), Origin::Console);
        }
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
            let (file, layers) = (self.file.clone(), Arc::clone(self));
            Ok(Loaded { config, file, warnings, origins, layers })
        } else {
            Err(LoadError(problems))
        }
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
