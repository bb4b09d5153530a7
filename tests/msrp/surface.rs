//! What the library shows of itself: every public name, which of them may grow, and what may go from
//! thread to thread.

use std::collections::BTreeSet;
use std::path::Path;

use crate::programs::repository;

/// Enumerations that the protocol closes, or that a caller has to tell apart completely: with another
/// variant, it has to be thought about anew.
const CLOSED: [&str; 15] = [
    "Arrival",
    "By",
    "Content",
    "Direction",
    "FailureReport",
    "Flag",
    "Granularity",
    "Host",
    "Part",
    "Piece",
    "Setup",
    "Start",
    "Step",
    "Transmit",
    "Verdict",
];

/// The names that a source shows. `unreachable_pub` sees to it that whatever is called `pub` can be
/// reached, and `missing_docs` that it is described.
fn shown(module: &str, text: &str, names: &mut BTreeSet<String>) {
    let mut of = String::new();
    let (mut text, mut joined) = (text, String::new());
    if let Some((own, _)) = text.split_once("#[cfg(test)]\nmod ") {
        text = own;
    }
    // A list of names may go over several lines.
    for (at, part) in text.split("pub use ").enumerate() {
        let (list, rest) =
            if at == 0 { ("", part) } else { part.split_once(';').unwrap_or_default() };
        if at > 0 {
            let list = list.split_whitespace().collect::<Vec<_>>().join(" ");
            let list = list.replace("{ ", "{").replace(", }", "}");
            joined.push_str(&format!("pub use {list};"));
        }
        joined.push_str(rest);
    }
    for line in joined.lines() {
        let item = line.trim_start();
        if line.starts_with("impl") || line.starts_with("pub(super) struct") {
            of = item.rsplit(" for ").next().unwrap_or(item).to_owned();
            of = of.trim_start_matches("impl").split(" {").next().unwrap_or_default().to_owned();
            if of.starts_with('<') {
                of = of.split_once("> ").map_or(String::new(), |(_, rest)| rest.to_owned());
            }
        }
        let Some(rest) = item.strip_prefix("pub ") else { continue };
        let words: Vec<&str> = rest
            .split(|c: char| !c.is_alphanumeric() && c != '_')
            .filter(|w| !w.is_empty())
            .collect();
        let name =
            words.iter().find(|word| !["async", "const", "fn", "struct", "enum"].contains(word));
        let kind = if words.contains(&"fn") { "fn" } else { words[0] };
        let name = name.copied().unwrap_or_default();
        if line.starts_with("pub ") {
            if ["struct", "enum", "trait"].contains(&kind) {
                of = words[1].to_owned();
            }
            let word = if ["type", "trait", "mod"].contains(&kind) { words[1] } else { name };
            names.insert(match kind {
                _ if rest.starts_with("use") => format!("{module}: {rest}"),
                kind => format!("{module}: {kind} {word}"),
            });
        } else {
            let of = of.split(['<', ' ']).find(|word| !word.is_empty()).unwrap_or_default();
            names.insert(format!("{module}: {of}.{name}"));
        }
    }
}

/// All sources of the library but those of the C interface, which has a header of its own.
fn sources(directory: &Path, module: &str, found: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
        let inner = if stem == "mod" { module.to_owned() } else { format!("{module}::{stem}") };
        if path.is_dir() && stem != "ffi" && stem != "tests" {
            sources(&path, &inner, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let is_test = stem.ends_with("_tests") || stem == "tests" || stem == "testing";
            if !is_test {
                found.push((inner, std::fs::read_to_string(&path).expect("a source")));
            }
        }
    }
}

fn library() -> Vec<(String, String)> {
    let mut found = Vec::new();
    sources(&repository("src/msrp"), "msrp", &mut found);
    assert!(found.len() > 40, "{} sources", found.len());
    found
}

// features 1.3 "Public/private API split": what is public is a list that is reviewed; what is not on it
// is sealed.
#[test]
fn the_public_names_are_those_that_were_reviewed() {
    let mut names = BTreeSet::new();
    for (module, text) in library() {
        shown(&module, &text, &mut names);
    }
    let list = repository("tests/msrp/surface.txt");
    let reviewed = std::fs::read_to_string(&list).unwrap_or_default();
    let reviewed: BTreeSet<String> = reviewed.lines().map(str::to_owned).collect();
    let new: Vec<_> = names.difference(&reviewed).collect();
    let gone: Vec<_> = reviewed.difference(&names).collect();
    assert!(
        new.is_empty() && gone.is_empty(),
        "if this is meant, tests/msrp/surface.txt has to say so.\nnew: {new:#?}\ngone: {gone:#?}"
    );
}

// features 1.3 "Public/private API split": callers are ready for what will be added.
#[test]
fn enumerations_that_will_grow_say_so() {
    let mut open = 0;
    for (module, text) in library() {
        let lines: Vec<&str> = text.lines().collect();
        for (at, line) in lines.iter().enumerate() {
            let Some(rest) = line.strip_prefix("pub enum ") else { continue };
            let name = rest.split(['<', ' ']).next().unwrap_or_default();
            let says = lines[..at].iter().rev().take_while(|line| line.starts_with("#["));
            let says = says.filter(|line| **line == "#[non_exhaustive]").count() == 1;
            assert_ne!(says, CLOSED.contains(&name), "{module}: {name}");
            open += usize::from(says);
        }
    }
    assert!(open > 15, "{open} are open");
}

/// Fails to compile for what cannot go from thread to thread.
fn goes_to_other_threads<T: Send>() {}

/// Fails to compile for what threads cannot share.
fn is_shared_by_threads<T: Send + Sync + 'static>() {}

// features 1.3 "Public/private API split": what an application holds can be wherever it likes.
#[test]
fn handles_are_shared_by_threads_and_sources_and_sinks_go_to_them() {
    use tagus::msrp::peer;
    is_shared_by_threads::<peer::Endpoint>();
    is_shared_by_threads::<peer::EndpointOptions>();
    is_shared_by_threads::<peer::Offer>();
    is_shared_by_threads::<peer::Session>();
    is_shared_by_threads::<peer::SessionHandle>();
    is_shared_by_threads::<peer::SessionOptions>();
    is_shared_by_threads::<peer::Event>();
    is_shared_by_threads::<peer::Sending>();
    is_shared_by_threads::<peer::Incoming>();
    is_shared_by_threads::<peer::Receiving>();
    is_shared_by_threads::<peer::RelayWay>();
    is_shared_by_threads::<peer::OpenError>();
    is_shared_by_threads::<peer::RelayError>();
    is_shared_by_threads::<tagus::msrp::Connection>();
    goes_to_other_threads::<peer::Source>();
    goes_to_other_threads::<peer::Sink>();
    // So do the calls that wait.
    fn is_sent<T: Send>(waiting: T) -> T {
        waiting
    }
    let endpoint = crate::pair::plain();
    let path = tagus::msrp::Path::parse("msrp://127.0.0.1:9/x;tcp").expect("a path");
    drop(is_sent(endpoint.connect(&path, peer::SessionOptions::default())));
    drop(is_sent(endpoint.offer(false, peer::SessionOptions::default()).wait(None)));
}
