//! The rows of the two feature tables, and the tests that say that they are about them.

use std::path::Path;
use std::process::Command;

use crate::programs::repository;

/// What the library was to have: the rows of both tables.
const ROWS: [&str; 21] = [
    "Non-TLS RFC 4975 peer",
    "Message-level abstraction",
    "Accept / deny incoming message",
    "Aborted-message event",
    "Sent-bytes notification",
    "REPORT notification",
    "Custom granularity for both",
    "Storage abstraction (file, memory)",
    "All major logging systems",
    "Documentation + examples",
    "TLS",
    "Relay extensions",
    "Robustness / compliance",
    "Transaction-level interface",
    "Prioritisation and fair use",
    "Messages outliving the session",
    "Better performance",
    "Android",
    "Other languages",
    "Public/private API split",
    "Data content wrapper validator, CPIM",
];

/// A test: its name, the comment above it, and whether there is anything in it that fails.
struct Case {
    name: String,
    comment: String,
    can_fail: bool,
}

fn can_fail(body: &str) -> bool {
    ["assert", "panic!", ".expect(", ".unwrap()"].iter().any(|word| body.contains(word))
}

/// The name of the function that a line begins.
fn named(line: &str) -> Option<&str> {
    line.split("fn ").nth(1).and_then(|rest| rest.split('(').next())
}

/// The functions of a source in which something fails, each as it is called.
fn helpers(lines: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate().filter(|(_, line)| line.ends_with('{')) {
        let is_function = line.starts_with("fn ") || line.starts_with("async fn ");
        let body = lines[at..].iter().take_while(|line| **line != "}");
        let body = body.copied().collect::<Vec<_>>().join("\n");
        if let Some(name) = named(line).filter(|_| is_function && can_fail(&body)) {
            found.push(format!("{name}("));
        }
    }
    found
}

/// The tests of a source. A comment belongs to a test only if it stands right above its attributes.
fn cases(text: &str, found: &mut Vec<Case>) {
    let lines: Vec<&str> = text.lines().collect();
    let helpers = helpers(&lines);
    for at in 0..lines.len() {
        let attribute = lines[at].trim_start();
        let is_test = attribute == "#[test]" || attribute.starts_with("#[tokio::test");
        if !is_test {
            continue;
        }
        let above = |line: &&&str| {
            let line = line.trim_start();
            line.starts_with("// ") || line.starts_with("/// ") || line.starts_with("#[")
        };
        let mut comment: Vec<&str> = lines[..at].iter().rev().take_while(above).copied().collect();
        comment.reverse();
        let rest = &lines[at + 1..];
        let head = rest.iter().position(|line| line.contains("fn ")).expect("a function");
        assert!(rest[..head].iter().all(|line| !line.contains("#[ignore")), "{}", rest[head]);
        let indent = rest[head].len() - rest[head].trim_start().len();
        let end = format!("{}}}", " ".repeat(indent));
        let body = rest[head + 1..].iter().take_while(|line| **line != end);
        let body = body.copied().collect::<Vec<_>>().join("\n");
        let name = named(rest[head]);
        found.push(Case {
            name: name.expect("a name").to_owned(),
            comment: comment.iter().map(|line| line.trim_start_matches(['/', ' '])).collect(),
            can_fail: can_fail(&body) || helpers.iter().any(|name| body.contains(name)),
        });
    }
}

fn read(directory: &Path, found: &mut Vec<Case>) {
    for entry in std::fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            read(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            cases(&std::fs::read_to_string(&path).expect("a source"), found);
        }
    }
}

fn names(case: &Case, row: &str) -> bool {
    case.comment.contains("features 1.") && case.comment.contains(&format!("\"{row}\""))
}

// Whether a test proves its row is for who reads it; that it is one, that it runs, and that it can
// fail, is shown here.
#[test]
fn each_row_of_the_feature_tables_stands_above_a_test_that_runs_and_can_fail() {
    let (mut inner, mut outer, mut foreign) = (Vec::new(), Vec::new(), Vec::new());
    read(&repository("src/msrp"), &mut inner);
    for entry in std::fs::read_dir(repository("tests/msrp")).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            read(&path, &mut foreign);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            cases(&std::fs::read_to_string(&path).expect("a source"), &mut outer);
        }
    }
    assert!(inner.len() > 130 && outer.len() > 40, "{} and {}", inner.len(), outer.len());
    let own = std::env::current_exe().expect("a program");
    let listed = Command::new(own).args(["--list", "--format", "terse"]).output().expect("it runs");
    let listed = String::from_utf8(listed.stdout).expect("text");
    for row in ROWS {
        let runs_here = |case: &Case| listed.contains(&format!("::{}: test\n", case.name));
        let here: Vec<_> = outer.iter().filter(|case| names(case, row)).collect();
        for case in &here {
            // Those of the commands need the server.
            assert!(runs_here(case) || !cfg!(feature = "server"), "{} does not run", case.name);
        }
        let all = here.into_iter().chain(inner.iter().chain(&foreign).filter(|c| names(c, row)));
        let able = all.filter(|case| case.can_fail).count();
        assert!(able > 0, "no test that can fail says that it is about {row:?}");
    }
}
