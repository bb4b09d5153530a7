//! `docs/rfc-coverage.md` names a test for each demand that it calls proved, `docs/security-tests.md`
//! for each attack: every name must be a test of this repository, and the counts and the transports
//! must be true.
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
            if path.is_dir()
                && path.file_name().is_none_or(|name| name != ".venv" && name != "node_modules")
            {
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

/// What a row of `docs/security-tests.md` claims.
struct Attack<'a> {
    line: usize,
    transports: BTreeSet<&'a str>,
    tests: Vec<&'a str>,
}

const TRANSPORTS: [&str; 5] = ["UDP", "TCP", "TLS", "WS", "WSS"];

fn attacks(page: &str) -> Vec<Attack<'_>> {
    let mut out = Vec::new();
    for (index, text) in page.lines().enumerate() {
        let Some(inner) = text.strip_prefix('|').and_then(|t| t.strip_suffix('|')) else {
            continue;
        };
        let cells: Vec<&str> = inner.split('|').map(str::trim).collect();
        if let [row, _, _, transports, tests] = cells[..]
            && !["row", "---"].contains(&row)
        {
            let transports = match transports {
                "All" => BTreeSet::from(TRANSPORTS),
                some => some.split(' ').collect(),
            };
            let tests = tests.split(',').map(|name| name.trim().trim_matches('`')).collect();
            out.push(Attack { line: index + 1, transports, tests });
        }
    }
    out
}

/// The text of a function at the left margin.
fn body_of<'a>(source: &'a str, name: &str) -> Option<&'a str> {
    let rest = source.get(source.find(&format!("\nfn {name}("))?..)?;
    rest.get(..rest.find("\n}\n")?)
}

/// Where a test of `tests/sip_attacks` goes, by what it calls.
fn transports_of(body: &str) -> BTreeSet<&'static str> {
    const STREAMS: &[&str] = &["TCP", "TLS", "WS", "WSS"];
    const CALLS: [(&str, &[&str]); 11] = [
        ("by_every_transport(", &TRANSPORTS),
        ("assert_ends_the_stream(", STREAMS),
        ("all_doors()", STREAMS),
        (".doors()", &["TCP", "TLS"]),
        (".doors()[0]", &["TCP"]),
        (".doors()[1]", &["TLS"]),
        (".websockets()", &["WS", "WSS"]),
        (".websockets()[0]", &["WS"]),
        (".websockets()[1]", &["WSS"]),
        ("server.tls", &["TLS"]),
        ("Phone::new(", &["UDP"]),
    ];
    let mut found = BTreeSet::new();
    for (call, transports) in CALLS {
        let one_of_them = |rest: &str| call.ends_with("()") && rest.starts_with('[');
        let mut places = body.match_indices(call).filter_map(|(at, _)| body.get(at + call.len()..));
        if places.any(|rest| !one_of_them(rest)) {
            found.extend(transports);
        }
    }
    found
}

#[test]
fn every_attack_of_the_security_page_is_made_over_the_transports_that_it_names() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/security-tests.md");
    let page = fs::read_to_string(path).expect("docs/security-tests.md");
    let all = all_tests();
    let read = |file: PathBuf| fs::read_to_string(file).expect("source is text");
    let sources: Vec<String> = sources("tests/sip_attacks").into_iter().map(read).collect();
    let mut wrong = Vec::new();
    let attacks = attacks(&page);
    assert!(attacks.len() > 30, "{} rows were read", attacks.len());
    for attack in attacks {
        let bodies =
            attack.tests.iter().flat_map(|name| sources.iter().filter_map(|s| body_of(s, name)));
        let made: BTreeSet<&str> = bodies.flat_map(transports_of).collect();
        let missing: Vec<&&str> = attack.transports.difference(&made).collect();
        if !missing.is_empty() {
            wrong.push(format!("line {}: not over {missing:?}", attack.line));
        }
        for name in attack.tests.iter().filter(|name| !all.contains(**name)) {
            wrong.push(format!("line {}: there is no test `{name}`", attack.line));
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn a_transport_over_which_no_test_goes_is_noticed() {
    let source = "\nfn one() {\n    Phone::new(x);\n    site.websockets()[1];\n}\n\
                  \nfn other() {\n    site.all_doors();\n}\n";
    let of = |name| transports_of(body_of(source, name).unwrap_or_default());
    assert_eq!(of("one"), BTreeSet::from(["UDP", "WSS"]));
    assert_eq!(of("other"), BTreeSet::from(["TCP", "TLS", "WS", "WSS"]));
    assert_eq!(of("none"), BTreeSet::new());
}

/// Rows of the table of the web: their names, and their tests.
fn web_attacks(page: &str) -> Vec<(&str, Vec<&str>)> {
    rows(page)
        .into_iter()
        .filter(|row| row.section != "row")
        .map(|row| {
            let tests = row.tests_or_reason.split(',').map(|name| name.trim().trim_matches('`'));
            (row.section, tests.collect())
        })
        .collect()
}

fn web_complaints(page: &str, tests: &BTreeSet<String>) -> Vec<String> {
    let attacks = web_attacks(page);
    let wanted = (1..=43).step_by(2).map(|number| format!("W{number:02}"));
    let mut wrong: Vec<String> = wanted
        .filter(|wanted| attacks.iter().filter(|(row, _)| row == wanted).count() != 1)
        .map(|wanted| format!("{wanted} does not stand there once"))
        .collect();
    for (row, names) in attacks {
        let missing = names.iter().filter(|name| !tests.contains(**name));
        wrong.extend(missing.map(|name| format!("{row}: there is no test `{name}`")));
    }
    wrong
}

#[test]
fn every_attack_on_the_web_has_its_row_and_every_row_its_tests() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/security-tests.md");
    let page = fs::read_to_string(path).expect("docs/security-tests.md");
    let wrong = web_complaints(&page, &all_tests());
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn an_attack_on_the_web_without_a_row_or_a_test_is_noticed() {
    let tests = BTreeSet::from(["real_one".to_owned()]);
    let row = |number: u32, test: &str| format!("| W{number:02} | words | words | `{test}` |\n");
    let page = |test: &str| (1..=43).step_by(2).map(|n| row(n, test)).collect::<String>();
    assert_eq!(web_complaints(&page("real_one"), &tests).len(), 0);
    assert_eq!(web_complaints(&page("gone"), &tests).len(), 22);
    assert_eq!(web_complaints(&page("real_one").replace("| W21", "| W20"), &tests).len(), 1);
    assert_eq!(web_complaints(&row(1, "real_one"), &tests).len(), 21);
    let twice = page("real_one") + &row(1, "real_one");
    assert_eq!(web_complaints(&twice, &tests).len(), 1);
}
