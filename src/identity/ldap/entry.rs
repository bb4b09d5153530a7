//! One person's entry.

use ldap3::SearchEntry;
use zeroize::Zeroizing;

use super::Settings;
use crate::identity::name::fold;
use crate::identity::number::{Numbers, numbers_of};

/// What is known of a person of the directory.
#[derive(Clone)]
pub struct Entry {
    /// The directory's name, in lower case.
    pub uid: String,
    /// Where the entry stands.
    pub dn: String,
    /// What never changes and is never given twice; `None` if the directory shows none.
    pub id: Option<String>,
    /// The name that people read.
    pub display_name: String,
    /// Mail address; empty if unknown.
    pub mail: String,
    /// Telephone extension; empty if unknown.
    pub number: String,
    /// All telephone numbers, in their canonical spelling.
    pub(crate) numbers: Numbers,
    /// The value of the secret attribute.
    pub(crate) secret: Option<Zeroizing<String>>,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entry").field("dn", &self.dn).field("id", &self.id).finish_non_exhaustive()
    }
}

/// Longest value that is read.
pub(in crate::identity) const LONGEST: usize = 1024;

impl Entry {
    /// Reads an entry that was searched as `uid`; `None` unless one of its own names is
    /// canonically that: directories match more loosely than we do.
    #[must_use]
    pub fn read(settings: &Settings, entry: SearchEntry, uid: &str) -> Option<Entry> {
        let user = values(&entry, &settings.attribute_user);
        let user = user.into_iter().map(|v| fold(v).into_owned()).find(|v| *v == fold(uid))?;
        Some(Entry {
            uid: user,
            id: identifier(&entry, &settings.attribute_id),
            display_name: visible(first(&entry, &settings.attribute_name)),
            mail: visible(first(&entry, &settings.attribute_mail)),
            number: visible(first(&entry, &settings.attribute_number)),
            numbers: numbers_of(values(&entry, &settings.attribute_number)),
            secret: settings.secret.as_ref().and_then(|secret| {
                let value = first(&entry, &secret.name);
                (!value.is_empty()).then(|| Zeroizing::new(value.to_owned()))
            }),
            dn: entry.dn,
        })
    }
}

/// The values of an attribute whose name may be in another case than asked for (RFC 4512 s2.5).
pub(in crate::identity) fn values<'a>(entry: &'a SearchEntry, name: &str) -> Vec<&'a str> {
    let of_name = entry.attrs.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
    of_name
        .map(|(_, values)| {
            values.iter().map(String::as_str).filter(|v| v.len() <= LONGEST).collect()
        })
        .unwrap_or_default()
}

pub(super) fn first<'a>(entry: &'a SearchEntry, name: &str) -> &'a str {
    values(entry, name).first().copied().unwrap_or_default()
}

/// The permanent identifier, in hexadecimal if it is binary as Active Directory's.
pub(in crate::identity) fn identifier(entry: &SearchEntry, name: &str) -> Option<String> {
    let text = first(entry, name);
    if !text.is_empty() {
        return Some(text.to_owned());
    }
    let binary = entry.bin_attrs.iter().find(|(key, _)| key.eq_ignore_ascii_case(name))?;
    let bytes = binary.1.first().filter(|bytes| bytes.len() <= LONGEST)?;
    Some(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Text to show: without control characters and directional overrides.
pub(in crate::identity) fn visible(text: &str) -> String {
    text.chars()
        .filter(|c| {
            !c.is_control() && !matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::config;

    fn entry(attributes: &[(&str, &[&str])]) -> SearchEntry {
        let attrs: HashMap<_, _> = attributes
            .iter()
            .map(|(name, values)| {
                ((*name).to_owned(), values.iter().map(|v| (*v).to_owned()).collect())
            })
            .collect();
        SearchEntry { dn: "uid=x".to_owned(), attrs, bin_attrs: HashMap::new() }
    }

    fn settings() -> Settings {
        Settings::try_from(&config::Ldap::default()).unwrap()
    }

    #[test]
    fn an_entry_is_taken_only_if_one_of_its_names_is_the_one_asked_for() {
        let two = entry(&[("UID", &["Other", "Alice"]), ("entryUUID", &["1-2"])]);
        let found = Entry::read(&settings(), two.clone(), "alice").unwrap();
        assert_eq!((found.uid.as_str(), found.id.as_deref()), ("alice", Some("1-2")));
        assert!(Entry::read(&settings(), two.clone(), "bob").is_none());
        // Full-width letters match in a directory, and are another name here.
        assert!(Entry::read(&settings(), two, "ａlice").is_none());
        assert!(Entry::read(&settings(), entry(&[]), "alice").is_none());
    }

    #[test]
    fn names_to_show_hold_no_control_characters() {
        let odd = entry(&[("uid", &["a"]), ("cn", &["A\u{7}li\u{202e}ce\r\n"])]);
        assert_eq!(Entry::read(&settings(), odd, "a").unwrap().display_name, "Alice");
    }

    #[test]
    fn a_binary_identifier_is_written_in_hexadecimal() {
        let mut guid = entry(&[("uid", &["a"])]);
        guid.bin_attrs.insert("entryUUID".to_owned(), vec![vec![0xff, 0x01]]);
        assert_eq!(Entry::read(&settings(), guid, "a").unwrap().id.as_deref(), Some("ff01"));
    }
}
