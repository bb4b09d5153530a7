//! The table and its description.

use std::collections::BTreeSet;

use serde_json::Value;

use super::*;

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
        assert!(names.insert(endpoint.rule.deed), "{} twice", endpoint.rule.deed);
    }
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
