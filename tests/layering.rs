//! One package has no crate walls, so this test is the wall. It reads the sources and fails on
//! an import that goes upward, on an engine or a library named outside the module that owns it,
//! on a second reader of time or randomness, on files that grew too long and on module names that
//! say nothing. `docs/architecture.md` draws the layers.

#![expect(clippy::expect_used, reason = "a test that cannot read the sources has failed")]

#[path = "layering/lexer.rs"]
mod lexer;
#[path = "layering/paths.rs"]
mod paths;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use lexer::{Kind, Token};

/// Top-level modules, lowest layer first. Imports go down only.
const LAYERS: &[&[&str]] = &[
    &["clock", "entropy", "text", "http_digest", "xml", "sdp", "latency"],
    &["sip", "msrp", "payload", "config", "channel"],
    &["model", "xcap"],
    &["store", "bus"],
    &["identity", "tls"],
    &["registrar", "subscriptions", "presence", "rls", "documents", "proxy", "page_mode", "relay"],
    &["accounts"],
    &["operations"],
    &["net", "web", "admin", "portal", "api", "client"],
    &["app"],
    &["main"],
];

/// Imports between modules of one layer; every other one is refused.
const SIBLINGS: &[(&str, &str)] = &[
    ("http_digest", "clock"),
    ("http_digest", "entropy"),
    ("http_digest", "text"),
    ("xml", "text"),
    ("sdp", "text"),
    // Rules and documents of presence name people by SIP URI.
    ("payload", "sip"),
    ("msrp", "payload"),
    ("msrp", "channel"),
    ("rls", "presence"),
    ("proxy", "registrar"),
    // What the registration event package tells is the registrar's rows, and presence begins with
    // who is registered.
    ("subscriptions", "registrar"),
    ("presence", "registrar"),
    // Who may see whom is the person's own documents.
    ("presence", "documents"),
    ("subscriptions", "presence"),
    ("page_mode", "registrar"),
    ("page_mode", "proxy"),
    ("admin", "web"),
    ("portal", "web"),
    ("api", "web"),
    // A change names the table that it happened in; the store announces nothing by itself.
    ("bus", "store"),
];

/// Crates that one module owns.
const FENCED: &[(&str, &[&str])] =
    &[("sled", &["store/"]), ("ldap3", &["identity/"]), ("rand", &["entropy.rs"])];

/// Crates that read randomness by the side door.
const RANDOM: &[&str] = &["rand", "getrandom", "fastrand", "OsRng", "SystemRandom", "thread_rng"];

/// What a protocol core never touches: sockets, threads, runtimes, files.
const SHELL_ONLY: &[&str] = &["tokio", "socket2", "nix", "UdpSocket", "TcpStream", "TcpListener"];
const SANS_IO: &[&str] =
    &["sip/", "msrp/", "payload/", "xcap/", "text.rs", "xml.rs", "sdp.rs", "client/agent"];

/// Shells that stand within a protocol core's module, so that other projects find both in one place.
/// The core may not import them.
const SHELLS_WITHIN: &[&str] = &["msrp/peer", "msrp/ffi"];

/// The only place where addresses are followed: C's.
const UNSAFE: &str = "msrp/ffi/";

const FORBIDDEN_NAMES: &[&str] = &[
    "core", "common", "util", "utils", "helper", "helpers", "manager", "managers", "handler",
    "handlers", "types", "misc", "shared", "base", "stuff",
];

const LONGEST_FILE: usize = 600;

/// Files that may be longer, each with the reason.
const LONG_FILES: &[(&str, &str)] = &[];

/// A source file: its path below `src/` and its text.
struct Source {
    path: String,
    text: String,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files: Vec<PathBuf> = Vec::new();
    let mut open = vec![root.clone()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).expect("src can be listed") {
            let path = entry.expect("entry can be read").path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
        .into_iter()
        .map(|file| Source {
            path: file.strip_prefix(&root).expect("below src").to_string_lossy().into_owned(),
            text: fs::read_to_string(&file).expect("source is text"),
        })
        .collect()
}

fn layer_of(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

/// The top-level module that a file belongs to; `lib.rs` belongs to none.
fn owner(path: &str) -> Option<&str> {
    match path.split('/').next()? {
        "lib.rs" => None,
        first => Some(first.strip_suffix(".rs").unwrap_or(first)),
    }
}

fn upward_imports(source: &Source) -> Vec<String> {
    let Some(own) = owner(&source.path) else { return Vec::new() };
    let Some(own_layer) = layer_of(own) else {
        return vec![format!("src/{}: module `{own}` stands in no layer", source.path)];
    };
    let tokens = lexer::tokens(&source.text);
    let known = |module: &str| layer_of(module).is_some();
    let mut wrong: Vec<String> = paths::mentions(&source.path, &tokens)
        .into_iter()
        .filter(|mention| mention.module != own && known(&mention.module))
        .filter(|mention| {
            let layer = layer_of(&mention.module).unwrap_or(usize::MAX);
            layer > own_layer
                || layer == own_layer && !SIBLINGS.contains(&(own, mention.module.as_str()))
        })
        .map(|mention| {
            format!("src/{}:{}: {own} may not import {}", source.path, mention.line, mention.module)
        })
        .collect();
    wrong.dedup();
    wrong
}

/// Whether the token at `at` names a crate: in a path, or alone in a `use`.
fn names_crate(tokens: &[Token], at: usize) -> bool {
    let before = at.checked_sub(1).map(|i| &tokens[i]);
    let follows = tokens.get(at + 1).is_some_and(|t| t.kind == Kind::Colons);
    let in_path = before.is_some_and(|t| t.kind == Kind::Colons);
    let leading = at >= 2 && in_path && tokens[at - 2].word().is_none_or(|w| w == "use");
    let imported = before.is_some_and(|t| t.is_word("use") || t.is_word("crate"));
    (follows && !in_path) || leading || imported
}

fn fence_breaches(source: &Source) -> Vec<String> {
    let tokens = lexer::tokens(&source.text);
    let mut wrong = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let Some(word) = token.word() else { continue };
        let place = format!("src/{}:{}", source.path, token.line);
        for (name, homes) in FENCED {
            let at_home = homes.iter().any(|home| source.path.starts_with(home));
            if word == *name && !at_home && names_crate(&tokens, at) {
                wrong.push(format!("{place}: only {homes:?} may name {name}"));
            }
        }
        let next = |offset: usize| tokens.get(at + offset);
        let reads_now = ["Instant", "SystemTime"].contains(&word)
            && next(1).is_some_and(|t| t.kind == Kind::Colons)
            && next(2).is_some_and(|t| t.is_word("now"));
        let renames =
            ["Instant", "SystemTime"].contains(&word) && next(1).is_some_and(|t| t.is_word("as"));
        let elapsed = word == "elapsed"
            && at > 0
            && tokens[at - 1].is_mark('.')
            && next(1).is_some_and(|t| t.is_mark('('));
        let reads_clock = reads_now || renames || elapsed || word == "clock_gettime";
        if reads_clock && source.path != "clock.rs" {
            wrong.push(format!("{place}: only clock.rs reads time"));
        }
        if RANDOM.contains(&word)
            && source.path != "entropy.rs"
            && (names_crate(&tokens, at) || word.starts_with(char::is_uppercase))
        {
            wrong.push(format!("{place}: only entropy.rs reads randomness ({word})"));
        }
        let within = |places: &[&str]| places.iter().any(|p| source.path.starts_with(p));
        let core = within(SANS_IO) && !within(SHELLS_WITHIN);
        if core
            && SHELL_ONLY.contains(&word)
            && (names_crate(&tokens, at) || word.starts_with(char::is_uppercase))
        {
            wrong.push(format!("{place}: a protocol core never touches {word}"));
        }
        let names_shell = || {
            let path = format!("{}/{word}", owner(&source.path).unwrap_or_default());
            SHELLS_WITHIN.contains(&path.as_str())
        };
        if core && next(1).is_some_and(|t| t.kind == Kind::Colons) && names_shell() {
            wrong.push(format!("{place}: a protocol core may not import its shell {word}"));
        }
    }
    wrong
}

/// What the compiler does not check, outside the place for it.
fn unchecked(source: &Source) -> Vec<String> {
    if source.path.starts_with(UNSAFE) {
        return Vec::new();
    }
    let tokens = lexer::tokens(&source.text);
    let is_unchecked = |token: &&Token| token.is_word("unsafe") || token.is_word("unsafe_code");
    tokens
        .iter()
        .filter(is_unchecked)
        .map(|token| format!("src/{}:{}: only src/{UNSAFE} may be unsafe", source.path, token.line))
        .collect()
}

fn too_long(source: &Source) -> Option<String> {
    let lines = source.text.lines().count();
    let excused = LONG_FILES.iter().any(|(path, _)| *path == source.path);
    (lines > LONGEST_FILE && !excused)
        .then(|| format!("src/{}: {lines} lines, more than {LONGEST_FILE}", source.path))
}

/// Names of modules: the file or directory, and modules written inline.
fn badly_named(source: &Source, dependencies: &BTreeSet<String>) -> Vec<String> {
    let mut names: BTreeSet<String> = paths::module_of(&source.path).into_iter().collect();
    let tokens = lexer::tokens(&source.text);
    for pair in tokens.windows(3) {
        if pair[0].is_word("mod")
            && pair[2].is_mark('{')
            && let Some(name) = pair[1].word()
        {
            names.insert(name.to_owned());
        }
    }
    names
        .into_iter()
        .filter(|name| FORBIDDEN_NAMES.contains(&name.as_str()) || dependencies.contains(name))
        .map(|name| format!("src/{}: `{name}` is no name for a module", source.path))
        .collect()
}

/// Names of the crates that Cargo.toml lists, as they are spelled in code.
fn dependencies(manifest: &str) -> BTreeSet<String> {
    let mut inside = false;
    let mut names = BTreeSet::new();
    for line in manifest.lines().map(str::trim) {
        if line.starts_with('[') {
            inside = line.trim_matches(['[', ']']).ends_with("dependencies");
        } else if inside && !line.starts_with('#') {
            let name = line.split(['=', '.', ' ']).next().unwrap_or_default();
            if !name.is_empty() {
                names.insert(name.replace('-', "_"));
            }
        }
    }
    names
}

fn assert_none(wrong: &[String]) {
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn imports_go_down_only() {
    assert_none(&sources().iter().flat_map(upward_imports).collect::<Vec<_>>());
}

#[test]
fn engines_time_and_randomness_have_one_reader_each() {
    assert_none(&sources().iter().flat_map(fence_breaches).collect::<Vec<_>>());
}

#[test]
fn unsafe_stands_in_the_c_interface_alone() {
    let sources = sources();
    assert_none(&sources.iter().flat_map(unchecked).collect::<Vec<_>>());
    let at_home = |source: &&Source| source.path.starts_with(UNSAFE);
    assert!(sources.iter().filter(at_home).any(|source| source.text.contains("unsafe {")));
}

#[test]
fn no_file_is_too_long() {
    assert_none(&sources().iter().filter_map(too_long).collect::<Vec<_>>());
}

#[test]
fn long_files_that_are_excused_exist_and_are_long() {
    let sources = sources();
    for (path, reason) in LONG_FILES {
        assert!(!reason.is_empty(), "{path} needs a reason");
        let source = sources.iter().find(|s| s.path == *path);
        let lines = source.map_or(0, |s| s.text.lines().count());
        assert!(lines > LONGEST_FILE, "{path} has {lines} lines and needs no excuse");
    }
}

#[test]
fn module_names_say_something() {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let names = dependencies(&fs::read_to_string(manifest).expect("manifest"));
    assert!(names.contains("tokio") && names.contains("sled"), "{names:?}");
    assert_none(&sources().iter().flat_map(|s| badly_named(s, &names)).collect::<Vec<_>>());
}

#[path = "layering/selftest.rs"]
mod selftest;
