//! The texts are complete.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use axum::http::HeaderValue;
use proptest::prelude::*;

use super::*;

/// What stands before the name of a text.
const OPENINGS: [&str; 7] = [
    "t.get(\"",
    "t.of(\"",
    "t.with(\"",
    "texts().get(\"",
    "texts().of(\"",
    "texts().with(\"",
    "Key(\"",
];

/// Every key of a language with the places that its text has; nothing is wrong with its files.
fn keys(files: &[&str]) -> BTreeMap<String, BTreeSet<String>> {
    let mut keys: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for text in files {
        let resource = FluentResource::try_new((*text).to_owned());
        assert!(resource.is_ok(), "{:?}", resource.err().map(|(_, errors)| errors));
        read(text, &mut keys);
    }
    keys
}

fn read(text: &str, keys: &mut BTreeMap<String, BTreeSet<String>>) {
    let mut current = String::new();
    for line in text.lines() {
        let begins = line.starts_with(|c: char| c.is_ascii_lowercase());
        if let Some((key, _)) = line.split_once(" =").filter(|_| begins) {
            assert!(keys.insert(key.to_owned(), BTreeSet::new()).is_none(), "{key} stands twice");
            current = key.to_owned();
        }
        let places = line.match_indices("{ $").map(|(at, _)| {
            let rest = line.get(at + 3..).unwrap_or_default();
            rest.split(|c: char| !c.is_ascii_lowercase()).next().unwrap_or_default().to_owned()
        });
        if let Some(known) = keys.get_mut(&current) {
            known.extend(places);
        }
    }
}

/// The text of every file below a folder of the project.
fn texts_below(folder: &str, out: &mut Vec<(String, String)>) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    for entry in fs::read_dir(root).unwrap() {
        let entry = entry.unwrap();
        let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            texts_below(&path, out);
        } else if !path.contains("i18n") {
            out.push((path, fs::read_to_string(entry.path()).unwrap()));
        }
    }
}

/// The string literals that follow `opening` directly.
fn literals<'a>(text: &'a str, opening: &str) -> Vec<&'a str> {
    let after = |at: usize| text.get(at + opening.len()..).unwrap_or_default();
    text.match_indices(opening).filter_map(|(at, _)| after(at).split('"').next()).collect()
}

#[test]
fn both_languages_have_the_same_texts_with_the_same_places() {
    let [english, portuguese] = FILES.map(keys);
    let difference = |a: &BTreeMap<String, _>, b: &BTreeMap<String, _>| -> Vec<String> {
        a.keys().filter(|key| !b.contains_key(*key)).cloned().collect()
    };
    assert_eq!(difference(&english, &portuguese), Vec::<String>::new(), "not in Portuguese");
    assert_eq!(difference(&portuguese, &english), Vec::<String>::new(), "not in English");
    for (key, places) in &english {
        assert_eq!(Some(places), portuguese.get(key), "{key}");
    }
}

#[test]
fn every_text_that_is_named_exists_and_none_is_unused() {
    let known = keys(FILES[0]);
    let mut sources = Vec::new();
    for folder in ["src/web", "src/admin", "src/app/alerts", "templates"] {
        texts_below(folder, &mut sources);
    }
    let mut used = BTreeSet::new();
    for (_, text) in &mut sources {
        // Where a line was broken behind a bracket.
        *text = text.split('(').map(str::trim_start).collect::<Vec<_>>().join("(");
    }
    for (path, text) in &sources {
        for opening in OPENINGS {
            for key in literals(text, opening) {
                assert!(known.contains_key(key), "{path} names {key}");
                used.insert(key);
            }
        }
    }
    let unused: Vec<&String> = known.keys().filter(|key| !used.contains(key.as_str())).collect();
    assert!(unused.is_empty(), "nobody uses {unused:?}");
}

#[test]
fn a_plural_follows_the_number_in_each_language() {
    for language in Language::ALL {
        let texts = Texts(language);
        let one = texts.of("watching-count", "count", 1);
        let many = texts.of("watching-count", "count", 2);
        assert_ne!(one.replace('1', ""), many.replace('2', ""), "{one}, {many}");
    }
}

// RFC 9110 s12.5.4.
#[test]
fn the_language_that_a_browser_likes_best_is_taken() {
    for (accepted, language) in [
        ("", Language::English),
        ("pt-PT", Language::Portuguese),
        ("pt-BR,pt;q=0.9,en;q=0.8", Language::Portuguese),
        ("de,en;q=0.5,pt;q=0.7", Language::Portuguese),
        ("fr", Language::English),
        ("en;q=0.9, pt;q=x", Language::English),
        ("pt;q=0", Language::English),
        ("PT", Language::Portuguese),
    ] {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_LANGUAGE, HeaderValue::from_static(accepted));
        assert_eq!(Language::accepted(&headers), language, "{accepted}");
    }
}

proptest! {
    #[test]
    fn no_header_makes_the_reader_of_languages_panic(bytes: Vec<u8>) {
        if let Ok(value) = HeaderValue::from_bytes(&bytes) {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_LANGUAGE, value);
            let _ = Language::accepted(&headers);
        }
    }

    /// What is filled in stays what it was, whatever it holds.
    #[test]
    fn a_place_takes_any_text(name: String) {
        let text = Texts(Language::English).of("signed-in-as", "name", name.as_str());
        prop_assert!(text.contains(&name));
    }
}
