//! Reads the configuration file, with the line of every key.

use std::io::Read as _;
use std::path::Path;

use toml::Spanned;
use toml::Value;
use toml::de::{DeTable, DeValue};

use super::layers::{Entry, Origin, Problem, unknown};
use super::schema::{Schema, nearest_of};
use super::sip::compile;

/// No sensible file comes near this; what is longer is another file by mistake.
const LONGEST: u64 = 1024 * 1024;

/// Adds what the file says to `entries`, what is wrong with it to `problems`.
pub(super) fn read(
    path: &Path,
    schema: &Schema,
    entries: &mut Vec<Entry>,
    problems: &mut Vec<Problem>,
) {
    match text_of(path) {
        Ok(text) => parse(path, &text, schema, entries, problems),
        Err((line, message)) => problems.push(Problem {
            origin: Origin::File { path: path.to_owned(), line },
            key: String::new(),
            message,
        }),
    }
}

fn text_of(path: &Path) -> Result<String, (usize, String)> {
    let plain = |error: std::io::Error| (1, format!("the file cannot be read: {error}"));
    // Looked at before it is opened: opening a named pipe would wait for a writer.
    let metadata = std::fs::metadata(path).map_err(plain)?;
    if !metadata.is_file() {
        return Err((1, "this is not a regular file".to_owned()));
    }
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(plain)?;
    file.take(LONGEST + 1).read_to_end(&mut bytes).map_err(plain)?;
    if bytes.len() as u64 > LONGEST {
        return Err((1, "the file is longer than 1 MiB".to_owned()));
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(text),
        Err(error) => {
            let good = error.utf8_error().valid_up_to();
            let line = line_of(error.as_bytes(), good);
            Err((line, "the file is not UTF-8".to_owned()))
        }
    }
}

fn line_of(text: &[u8], offset: usize) -> usize {
    1 + memchr::memchr_iter(b'\n', text.get(..offset).unwrap_or(text)).count()
}

fn parse(
    path: &Path,
    text: &str,
    schema: &Schema,
    entries: &mut Vec<Entry>,
    problems: &mut Vec<Problem>,
) {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let origin = |offset: usize| Origin::File {
        path: path.to_owned(),
        line: line_of(text.as_bytes(), offset),
    };
    let failed = |error: &toml::de::Error| Problem {
        origin: origin(error.span().map_or(0, |span| span.start)),
        key: String::new(),
        message: error.message().replace('\n', "; "),
    };
    let spans = match DeTable::parse(text) {
        Ok(table) => table,
        Err(error) => return problems.push(failed(&error)),
    };
    let values: toml::Table = match toml::from_str(text) {
        Ok(values) => values,
        Err(error) => return problems.push(failed(&error)),
    };
    let mut walk = Walk { schema, origin: &origin, entries, problems };
    walk.table("", spans.get_ref(), &values);
}

/// Walks the table of places and the table of values side by side.
struct Walk<'a> {
    schema: &'a Schema,
    origin: &'a dyn Fn(usize) -> Origin,
    entries: &'a mut Vec<Entry>,
    problems: &'a mut Vec<Problem>,
}

impl Walk<'_> {
    fn table(&mut self, prefix: &str, spans: &DeTable<'_>, values: &toml::Table) {
        for (name, place) in spans {
            let Some(value) = values.get(name.get_ref().as_ref()) else { continue };
            let key = match prefix {
                "" => name.get_ref().to_string(),
                _ => format!("{prefix}.{}", name.get_ref()),
            };
            let origin = (self.origin)(name.span().start);
            match (place.get_ref(), value) {
                (DeValue::Table(inner), Value::Table(values)) if self.schema.is_section(&key) => {
                    self.table(&key, inner, values);
                }
                _ if self.schema.value(&key).is_some() => {
                    if self.items_known(&key, place) && self.patterns_compile(&key, place) {
                        self.entries.push(Entry { key, value: value.clone(), origin });
                    }
                }
                _ => {
                    let problem = unknown(self.schema, key, origin);
                    self.problems.push(problem);
                }
            }
        }
    }

    /// Whether every `match` of the routes is a regular expression. Looked at here, where its line
    /// is known.
    fn patterns_compile(&mut self, key: &str, place: &Spanned<DeValue<'_>>) -> bool {
        let ("sip.route", DeValue::Array(items)) = (key, place.get_ref()) else { return true };
        let before = self.problems.len();
        for item in items {
            let DeValue::Table(item) = item.get_ref() else { continue };
            for (name, pattern) in item.iter().filter(|(name, _)| name.get_ref() == "match") {
                let DeValue::String(text) = pattern.get_ref() else { continue };
                if let Err(error) = compile(text) {
                    self.problems.push(Problem {
                        origin: (self.origin)(name.span().start),
                        key: format!("{key}.match"),
                        message: error.to_string(),
                    });
                }
            }
        }
        self.problems.len() == before
    }

    /// Whether the tables of a list hold known keys only.
    fn items_known(&mut self, key: &str, place: &Spanned<DeValue<'_>>) -> bool {
        let (Some(known), DeValue::Array(items)) = (Schema::item_keys(key), place.get_ref()) else {
            return true;
        };
        let before = self.problems.len();
        for item in items {
            let DeValue::Table(item) = item.get_ref() else { continue };
            for name in item.keys().filter(|name| !known.contains(&name.get_ref().as_ref())) {
                let message = match nearest_of(known, name.get_ref()) {
                    Some(nearest) => format!("unknown key; did you mean {nearest}?"),
                    None => format!("unknown key; known here are {}", known.join(", ")),
                };
                self.problems.push(Problem {
                    origin: (self.origin)(name.span().start),
                    key: format!("{key}.{}", name.get_ref()),
                    message,
                });
            }
        }
        self.problems.len() == before
    }
}
