//! `docs/rfc-coverage.md` names a test for each demand that it calls proved: every name must be a
//! test of this repository, and its counts must be true.
#![expect(clippy::expect_used, reason = "a test that cannot read the repository has failed")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

const STATES: [&str; 3] = ["proved", "open", "not ours"];

/// A row: section, requirement, state, and tests or a reason.
#[derive(Debug, PartialEq, Eq)]
struct Row<'a> {
    line: usize,
    section: &'a str,
    state: &'a str,
    tests_or_reason: &'a str,
}

/// The rows of all tables with four columns, their heads left out.
fn rows(page: &str) -> Vec<Row<'_>> {
    let mut out = Vec::new();
    for (index, text) in page.lines().enumerate() {
        let Some(inner) = text.strip_prefix('|').and_then(|t| t.strip_suffix('|')) else {
            continue;
        };
        let cells: Vec<&str> = inner.split('|').map(str::trim).collect();
        if let [section, _, state, tests_or_reason] = cells[..]
            && !["section", "---", "rows", ""].contains(&section)
        {
            out.push(Row { line: index + 1, section, state, tests_or_reason });
        }
    }
    out
}

/// The names of all functions that an attribute makes a test.
fn tests_in(source: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut armed = false;
    for line in source.lines().map(str::trim) {
        let attribute = line.starts_with("#[");
        let test = line.split(']').next().unwrap_or_default();
        armed |= attribute && (test.ends_with("test") || test.contains("test("));
        let name = line.split("fn ").nth(1).and_then(|rest| rest.split(['(', '<']).next());
        match name {
            Some(name) if armed && !line.starts_with("//") => {
                names.insert(name.trim().to_owned());
                armed = false;
            }
            _ => armed &= attribute || line.starts_with("//"),
        }
    }
    names
}

fn sources(below: &str) -> Vec<PathBuf> {
    let mut open = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(below)];
    let mut files = Vec::new();
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).expect("directory can be listed") {
            let path = entry.expect("entry can be read").path();
            if path.is_dir() && path.file_name().is_none_or(|name| name != ".venv") {
                open.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                files.push(path);
            }
        }
    }
    files
}

fn all_tests() -> BTreeSet<String> {
    ["src", "tests"]
        .iter()
        .flat_map(|below| sources(below))
        .flat_map(|file| tests_in(&fs::read_to_string(file).expect("source is text")))
        .collect()
}

fn complaints(page: &str, tests: &BTreeSet<String>) -> Vec<String> {
    let mut wrong = Vec::new();
    for row in rows(page) {
        let place = format!("line {}, section {}", row.line, row.section);
        match row.state {
            "proved" => {
                let names: Vec<&str> =
                    row.tests_or_reason.split(',').map(|n| n.trim().trim_matches('`')).collect();
                for name in names {
                    if !tests.contains(name) {
                        wrong.push(format!("{place}: there is no test `{name}`"));
                    }
                }
            }
            "open" if !row.tests_or_reason.is_empty() => {
                wrong.push(format!("{place}: open, and names {}", row.tests_or_reason));
            }
            "not ours" if row.tests_or_reason.is_empty() => {
                wrong.push(format!("{place}: no reason"));
            }
            state if !STATES.contains(&state) => wrong.push(format!("{place}: state `{state}`")),
            _ => {}
        }
    }
    wrong
}

fn page() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/rfc-coverage.md");
    fs::read_to_string(path).expect("docs/rfc-coverage.md")
}

#[test]
fn every_test_that_the_coverage_page_names_exists() {
    let wrong = complaints(&page(), &all_tests());
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn the_counts_of_the_coverage_page_are_true() {
    let page = page();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for row in rows(&page) {
        *counts.entry(row.state).or_default() += 1;
    }
    let count = |state| counts.get(state).copied().unwrap_or(0);
    let [proved, open, not_ours] = STATES.map(count);
    let line = format!("| rows | {proved} | {open} | {not_ours} |");
    assert!(page.lines().any(|l| l == line), "the page should say: {line}");
}

#[test]
fn a_name_without_a_test_is_noticed() {
    let tests = tests_in("#[test]\nfn real_one() {}\nfn no_test() {}\n");
    let row = |state: &str, tests: &str| format!("| 8.1 | words | {state} | {tests} |\n");
    assert_eq!(complaints(&row("proved", "`real_one`"), &tests).len(), 0);
    assert_eq!(complaints(&row("proved", "`no_test`"), &tests).len(), 1);
    assert_eq!(complaints(&row("proved", "`real_one`, `gone`"), &tests).len(), 1);
    assert_eq!(complaints(&row("proved", ""), &tests).len(), 1);
    assert_eq!(complaints(&row("open", "`real_one`"), &tests).len(), 1);
    assert_eq!(complaints(&row("not ours", ""), &tests).len(), 1);
    assert_eq!(complaints(&row("done", "`real_one`"), &tests).len(), 1);
}

#[test]
fn tests_are_found_in_every_spelling() {
    let source = "#[tokio::test(flavor = \"current_thread\")]\nasync fn a() {}\n\
                  #[test]\n/// RFC 3261 s10.3\n#[should_panic]\npub fn b() {}\n\
                  proptest! {\n    #[test]\n    fn c(x in 0..1) {}\n}\n\
                  #[cfg(test)]\nmod tests {\n    fn d() {}\n}\n";
    let names: Vec<String> = tests_in(source).into_iter().collect();
    assert_eq!(names, ["a", "b", "c"]);
}
