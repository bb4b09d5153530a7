//! Parameters of the query: each is known, stands once, and is what it should be.

use std::net::IpAddr;

use serde_json::{Value, json};

use super::failure::unfit;
use crate::clock::WallTime;
use crate::payload::pres_rules::read_date_time;
use crate::web::{Call, Form, Problem};

/// Entries of one page, where nothing is said.
const USUAL: u32 = 100;
/// Entries of one page at most.
const MOST: u32 = 1_000;
/// The largest number that every language reads.
const MOST_NUMBERED: u64 = i64::MAX as u64;
/// Characters of a text at most.
const LONGEST: usize = 512;

/// What a parameter may be.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Text,
    /// Where a page ended.
    Cursor,
    Flag,
    Number,
    Limit,
    Address,
    /// RFC 3339, in UTC.
    Moment,
    Choice(&'static [&'static str]),
    /// Some of these, with commas between them.
    Words(&'static [&'static str]),
}

/// A parameter.
#[derive(Clone, Copy, Debug)]
pub(super) struct Param {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) says: &'static str,
}

/// One that is described.
pub(super) const fn param(name: &'static str, kind: Kind, says: &'static str) -> Param {
    Param { name, kind, says }
}

/// How many entries a page has.
pub(super) const LIMIT: Param = param("limit", Kind::Limit, "How many at most, up to 1000.");

/// The parameters of a list.
pub(super) const PAGE: &[Param] =
    &[param("after", Kind::Cursor, "Where the page before ended; `next` has it."), LIMIT];

impl Kind {
    /// As JSON Schema.
    pub(super) fn schema(self) -> Value {
        match self {
            Kind::Text => json!({"type": "string", "maxLength": LONGEST}),
            Kind::Flag => json!({"type": "boolean"}),
            Kind::Number => {
                json!({"type": "integer", "minimum": 0, "maximum": MOST_NUMBERED, "format": "int64"})
            }
            Kind::Limit => {
                json!({"type": "integer", "minimum": 1, "maximum": MOST, "default": USUAL})
            }
            // A cursor comes from a page before, whatever it looks like.
            Kind::Address | Kind::Cursor => json!({"type": "string"}),
            Kind::Moment => json!({"type": "string", "format": "date-time"}),
            Kind::Choice(names) => json!({"type": "string", "enum": names}),
            Kind::Words(names) => json!({
                "type": "array",
                "items": {"type": "string", "enum": names},
                "minItems": 1,
                "maxItems": names.len(),
            }),
        }
    }

    fn fits(self, text: &str) -> bool {
        match self {
            Kind::Text => text.chars().count() <= LONGEST,
            // The target of a request is bounded.
            Kind::Cursor => true,
            Kind::Flag => flag(text).is_some(),
            Kind::Number => digits(text).is_some_and(|n| n <= MOST_NUMBERED),
            Kind::Limit => digits(text).is_some_and(|n| (1..=u64::from(MOST)).contains(&n)),
            Kind::Address => text.parse::<IpAddr>().is_ok(),
            Kind::Moment => read_date_time(text).is_some(),
            Kind::Choice(names) => names.contains(&text),
            Kind::Words(names) => {
                let words = || text.split(',');
                words().count() <= names.len() && words().all(|word| names.contains(&word))
            }
        }
    }
}

fn flag(text: &str) -> Option<bool> {
    match text {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

/// A number without a sign.
fn digits(text: &str) -> Option<u64> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// Refuses parameters that nobody asked for, and those that are not what they should be.
pub(super) fn check(query: &Form, params: &[Param]) -> Result<(), Problem> {
    for (name, value) in query.fields() {
        let Some(param) = params.iter().find(|param| param.name == name) else {
            return Err(unfit(format!("there is no parameter {name:?} here")));
        };
        if !param.kind.fits(value) {
            return Err(unfit(format!("{name} cannot be {value:?}")));
        }
    }
    Ok(())
}

/// A text, if there is one.
pub(super) fn text(call: &Call, name: &str) -> Option<String> {
    Some(call.query.get(name)).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// Whether something is wanted or not, if it matters.
pub(super) fn wanted(call: &Call, name: &str) -> Option<bool> {
    flag(call.query.get(name))
}

/// A number, if there is one.
pub(super) fn number(call: &Call, name: &str) -> Option<u64> {
    text(call, name).and_then(|text| digits(&text))
}

/// A moment, if there is one.
pub(super) fn moment(call: &Call, name: &str) -> Option<WallTime> {
    text(call, name).and_then(|text| read_date_time(&text))
}

/// How many entries are asked for.
pub(super) fn limit(call: &Call) -> u32 {
    let limit = number(call, LIMIT.name).and_then(|limit| u32::try_from(limit).ok());
    limit.unwrap_or(USUAL).clamp(1, MOST)
}

/// The path and query of the page that begins behind `after`; everything else as it was asked for.
pub(super) fn next(call: &Call, after: &str) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in call.query.fields().filter(|(name, _)| *name != "after") {
        query.append_pair(name, value);
    }
    query.append_pair("after", after);
    format!("{}?{}", call.path(), query.finish())
}

/// The page that is asked for of something that is short enough to be there as a whole, in the order of
/// its keys, no two of which are the same; and where the next page is.
pub(super) fn page<T>(
    call: &Call,
    mut all: Vec<T>,
    key: fn(&T) -> String,
) -> (Vec<T>, Option<String>) {
    all.sort_by_cached_key(key);
    if let Some(after) = text(call, "after") {
        all.retain(|one| key(one) > after);
    }
    let limit = limit(call) as usize;
    let is_last = all.len() <= limit;
    all.truncate(limit);
    let last = all.last().filter(|_| !is_last).map(key);
    (all, last.map(|after| next(call, &after)))
}

/// A part of a path.
pub(super) fn segment(text: &str) -> String {
    // A blank is no plus in a path (RFC 3986 s3.3).
    form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

#[cfg(test)]
mod tests {
    use super::*;

    // W43.
    #[test]
    fn what_nobody_asked_for_is_refused() {
        let params = [LIMIT, param("source", Kind::Choice(&["local"]), "")];
        let fits = |query: &str| check(&Form::parse(query.as_bytes()).unwrap(), &params).is_ok();
        assert!(fits("") && fits("limit=1000&source=local"));
        for wrong in ["limit=1000000000", "limit=0", "limit=-1", "limit=", "sort=x", "source=x"] {
            assert!(!fits(wrong), "{wrong}");
        }
    }

    #[test]
    fn a_name_is_one_part_of_a_path() {
        assert_eq!(segment("a b/ç?"), "a%20b%2F%C3%A7%3F");
    }
}
