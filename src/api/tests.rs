//! The table and its description.

use std::collections::BTreeSet;

use serde_json::Value;

use super::*;
use crate::operations::{Request, examples};

fn described() -> Value {
    serde_json::from_str(&document()).unwrap()
}

#[test]
fn every_route_is_described_and_everything_described_is_a_route() {
    let document = described();
    let mut said = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for method in operations.as_object().unwrap().keys() {
            said.insert((method.to_uppercase(), path.clone()));
        }
    }
    let there: BTreeSet<(String, String)> =
        routes().iter().map(|route| (route.method.to_string(), route.path.to_owned())).collect();
    assert_eq!(said, there);
    assert!(there.iter().all(|(_, path)| path.starts_with(ROOT)));
}

#[test]
fn every_line_has_a_scope_and_a_name_of_its_own() {
    let mut names = BTreeSet::new();
    for endpoint in endpoints() {
        assert!(endpoint.rule.scope.is_some(), "{}", endpoint.path);
        assert!(names.insert(endpoint.name), "{} twice", endpoint.name);
    }
}

/// What tokens may ask for and no line of the API does, each with the reason.
const WITHOUT_A_LINE: &[(&str, &str)] = &[
    ("user_list", "GET /people lists the same accounts, and those of the directory"),
    ("user_import", "POST /imports does the same as a job, however long it takes"),
    ("export", "it writes a file of the machine, which nobody elsewhere could fetch"),
];

/// The kind of a request: the words that name it where it is written, and its deed.
fn kind(request: &Request) -> (String, &'static str) {
    // Families have kinds of their own.
    const FAMILIES: [&str; 8] =
        ["audit", "certificates", "dns", "jobs", "live", "notice", "setting", "trial"];
    let mut words = Vec::new();
    let mut value = serde_json::to_value(request).unwrap();
    loop {
        match value {
            Value::String(word) => words.push(word),
            Value::Object(object) => {
                let (word, inner) = object.into_iter().next().unwrap();
                let is_family = words.is_empty() && FAMILIES.contains(&word.as_str());
                words.push(word);
                if is_family {
                    value = inner;
                    continue;
                }
            }
            other => panic!("{other}"),
        }
        return (words.join("."), request.rule().deed);
    }
}

#[test]
fn whatever_a_token_may_ask_for_has_a_line_or_a_reason() {
    let lines: BTreeSet<_> = endpoints().iter().map(|endpoint| kind(&endpoint.sample)).collect();
    let mut without = BTreeSet::new();
    for request in examples().iter().filter(|request| request.rule().scope.is_some()) {
        let kind = kind(request);
        if !lines.contains(&kind) {
            without.insert(kind.0);
        }
    }
    let excused: BTreeSet<String> =
        WITHOUT_A_LINE.iter().map(|(kind, _)| (*kind).to_owned()).collect();
    assert_eq!(without, excused);
    assert!(WITHOUT_A_LINE.iter().all(|(_, reason)| reason.len() > 20));
}

#[test]
fn every_schema_that_is_referred_to_is_there() {
    fn references(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(object) => {
                if let Some(Value::String(place)) = object.get("$ref") {
                    found.insert(place.clone());
                }
                object.values().for_each(|value| references(value, found));
            }
            Value::Array(values) => values.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let document = described();
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    for place in found {
        assert!(document.pointer(place.trim_start_matches('#')).is_some(), "{place}");
    }
}
