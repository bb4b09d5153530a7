//! The library alone: few crates, and none of the server's.

use std::collections::BTreeSet;
use std::process::Command;

use crate::programs::repository;

fn crates(features: &str) -> BTreeSet<String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut tree = Command::new(cargo);
    tree.args(["tree", "--locked", "--edges", "normal,build", "--prefix", "none", "--no-dedupe"]);
    tree.args(["--no-default-features", "--features", features]).current_dir(repository(""));
    let output = tree.output().expect("cargo starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let name = |line: &str| Some(line.split_whitespace().take(2).collect::<Vec<_>>().join(" "));
    text.lines().filter_map(name).filter(|name| !name.is_empty()).collect()
}

// Issue 5, "Done when" 5
#[test]
fn the_library_alone_has_under_sixty_crates_and_none_of_the_servers() {
    for features in ["msrp", "ffi"] {
        let crates = crates(features);
        assert!(crates.len() < 60, "{features}: {} crates: {crates:#?}", crates.len());
        assert!(crates.iter().any(|name| name.starts_with("tokio ")), "{crates:?}");
        for server in ["sled", "axum", "ldap3", "hyper", "clap", "cbindgen"] {
            let is_it = |name: &String| name.split(' ').next() == Some(server);
            assert!(!crates.iter().any(is_it), "{features}: {server}");
        }
    }
}

#[test]
fn what_is_asked_for_by_a_feature_is_there() {
    assert!(crates("msrp-ws").iter().any(|name| name.starts_with("tokio-tungstenite ")));
    assert!(crates("msrp-srv").iter().any(|name| name.starts_with("hickory-resolver ")));
}
