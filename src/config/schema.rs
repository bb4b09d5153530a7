//! The list of known keys, made from the defaults themselves, and the nearest one to a misspelt key.

use std::collections::BTreeMap;

use toml::Value;

use super::Config;

/// The keys of the items of lists of tables. Everything else is read off [`Config::default`].
const ITEMS: [(&str, &[&str]); 2] = [
    ("presence.group_policy", &["group", "policy"]),
    ("sip.route", &["match", "methods", "next_hop"]),
];

/// Every key in dotted form with its default.
#[derive(Clone, Debug)]
pub(super) struct Schema {
    keys: BTreeMap<String, Value>,
}

impl Schema {
    /// Of the defaults. Only a type that TOML cannot express could make this empty, and then every
    /// test of the module fails.
    pub(super) fn new() -> Schema {
        Schema::of(&Config::default())
    }

    /// Of a given configuration: the same keys with its values.
    pub(super) fn of(config: &Config) -> Schema {
        let mut keys = BTreeMap::new();
        if let Ok(Value::Table(table)) = Value::try_from(config) {
            flatten(&mut keys, "", table);
        }
        Schema { keys }
    }

    pub(super) fn value(&self, key: &str) -> Option<&Value> {
        self.keys.get(key)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.keys.iter()
    }

    /// Whether `key` is a section: `sip`, `identity.ldap`.
    pub(super) fn is_section(&self, key: &str) -> bool {
        self.keys.keys().any(|k| k.strip_prefix(key).is_some_and(|rest| rest.starts_with('.')))
    }

    /// The keys of an item, if `key` is a list of tables.
    pub(super) fn item_keys(key: &str) -> Option<&'static [&'static str]> {
        ITEMS.iter().find(|(list, _)| *list == key).map(|(_, keys)| *keys)
    }

    /// The known key or section that `unknown` was probably meant to be.
    pub(super) fn nearest(&self, unknown: &str) -> Option<String> {
        let mut names: Vec<&str> = self.keys.keys().map(String::as_str).collect();
        for key in self.keys.keys() {
            for (dot, _) in key.match_indices('.') {
                names.push(&key[..dot]);
            }
        }
        let last = |key: &str| key.rsplit('.').next().unwrap_or_default().to_owned();
        let wanted = last(unknown);
        // The same name in another section beats a similar spelling anywhere.
        let namesakes = self.keys.keys().filter(|key| last(key) == wanted);
        let distance = |key: &&String| strsim::damerau_levenshtein(key, unknown);
        if let Some(key) = namesakes.min_by_key(distance) {
            return Some(key.clone());
        }
        names
            .into_iter()
            .map(|name| {
                let whole = strsim::damerau_levenshtein(name, unknown);
                let tail = strsim::damerau_levenshtein(&last(name), &wanted).saturating_add(1);
                (whole.min(tail), name)
            })
            .min()
            .filter(|(distance, _)| *distance <= 1 + wanted.chars().count() / 3)
            .map(|(_, name)| name.to_owned())
    }
}

/// The name in `known` that `unknown` was probably meant to be.
pub(super) fn nearest_of(known: &[&str], unknown: &str) -> Option<String> {
    known
        .iter()
        .map(|name| (strsim::damerau_levenshtein(name, unknown), *name))
        .min()
        .filter(|(distance, _)| *distance <= 1 + unknown.chars().count() / 3)
        .map(|(_, name)| name.to_owned())
}

fn flatten(keys: &mut BTreeMap<String, Value>, prefix: &str, table: toml::Table) {
    for (name, value) in table {
        let key = if prefix.is_empty() { name } else { format!("{prefix}.{name}") };
        match value {
            Value::Table(inner) => flatten(keys, &key, inner),
            leaf => {
                keys.insert(key, leaf);
            }
        }
    }
}

/// Puts `value` at a dotted key, making the tables on the way.
pub(super) fn place(root: &mut toml::Table, key: &str, value: Value) {
    match key.split_once('.') {
        None => {
            root.insert(key.to_owned(), value);
        }
        Some((section, rest)) => {
            let inner =
                root.entry(section.to_owned()).or_insert_with(|| Value::Table(toml::Table::new()));
            if let Value::Table(inner) = inner {
                place(inner, rest, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{GroupPolicy, Policy, Route};

    #[test]
    fn the_keys_of_items_are_those_of_their_types() {
        let route = Route { pattern: String::new(), methods: Vec::new(), next_hop: String::new() };
        let group = GroupPolicy { group: String::new(), policy: Policy::Allow };
        for (list, item) in [
            ("sip.route", Value::try_from(route).unwrap()),
            ("presence.group_policy", Value::try_from(group).unwrap()),
        ] {
            let mut known = Schema::item_keys(list).unwrap().to_vec();
            known.sort_unstable();
            let keys: Vec<&str> = item.as_table().unwrap().keys().map(String::as_str).collect();
            assert_eq!(keys, known, "{list}");
        }
    }

    #[test]
    fn a_misspelt_key_finds_its_neighbour() {
        let schema = Schema::new();
        for (wrong, right) in [
            ("domian", "domain"),
            ("spi.listen", "sip.listen"),
            ("registar.min_expires", "registrar.min_expires"),
            ("max_contacts", "registrar.max_contacts"),
            ("registar", "registrar"),
            ("identity.ldap.timout", "identity.ldap.timeout"),
            ("identity.base_dn", "identity.ldap.base_dn"),
        ] {
            assert_eq!(schema.nearest(wrong).as_deref(), Some(right), "{wrong}");
        }
        assert_eq!(schema.nearest("zzzzzzzzzzzz"), None);
    }

    #[test]
    fn sections_are_known_as_such() {
        let schema = Schema::new();
        assert!(schema.is_section("identity.ldap") && schema.is_section("sip"));
        assert!(!schema.is_section("domain") && !schema.is_section("si"));
        assert!(schema.value("sip.route").is_some());
    }
}
