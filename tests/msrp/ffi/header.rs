//! The header is made from the sources.

use std::path::Path;

const AT: &str = "packaging/tagus_msrp.h";

const OPENING: &str = "\
/* tagus_msrp.h: MSRP (RFC 4975), its relays (RFC 4976) and TLS for programs in C.
 *
 * Made from src/msrp/ffi by `WRITE_HEADER=1 cargo test --features ffi-header --test msrp_ffi header`;
 * not to be changed by hand. packaging/examples shows a chat in C and one in Python.
 *
 * The rules:
 *
 * - Texts are UTF-8 and end with a NUL. The library copies what it keeps.
 * - Peers, sessions and messages are numbers. One that is wrong, or over, makes a call fail; it does
 *   no harm. Numbers are not used again within a process.
 * - Any thread may call anything at any time. A peer has threads of its own and calls nobody back:
 *   what happens is taken with tagus_msrp_next_event, by one thread or several.
 * - Events of one session are in order. While nobody takes any, the connections of the peer wait, and
 *   so do those at their far ends; nothing grows.
 * - Events belong to who took them, until tagus_msrp_event_free; what was read of them lives as long.
 * - A message that wants to come has to be accepted or denied within 5 s, or it is denied with 413.
 * - A process that forks has to do so before it makes a peer.
 */";

/// The header, from the sources.
fn generated() -> String {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/msrp/ffi");
    let config = cbindgen::Config {
        language: cbindgen::Language::C,
        header: Some(OPENING.to_owned()),
        include_guard: Some("TAGUS_MSRP_H".to_owned()),
        cpp_compat: true,
        usize_is_size_t: true,
        documentation_style: cbindgen::DocumentationStyle::C,
        line_length: 100,
        enumeration: cbindgen::EnumConfig {
            rename_variants: cbindgen::RenameRule::QualifiedScreamingSnakeCase,
            ..cbindgen::EnumConfig::default()
        },
        ..cbindgen::Config::default()
    };
    let mut header = Vec::new();
    ["border.rs", "event.rs", "calls.rs", "setup.rs"]
        .iter()
        .fold(cbindgen::Builder::new().with_config(config), |builder, file| {
            builder.with_src(sources.join(file))
        })
        .generate()
        .expect("the sources are understood")
        .write(&mut header);
    String::from_utf8(header).expect("UTF-8")
}

#[test]
fn the_header_is_what_the_sources_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(AT);
    let generated = generated();
    if std::env::var_os("WRITE_HEADER").is_some() {
        std::fs::write(&path, &generated).expect("written");
    }
    let committed = std::fs::read_to_string(&path).expect("a header");
    assert!(committed == generated, "{AT} is not what the sources say: see its first lines");
}

#[test]
fn every_call_of_the_sources_is_in_the_header() {
    let header = generated();
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/msrp/ffi");
    let mut calls = 0;
    for entry in std::fs::read_dir(sources).expect("a directory") {
        let text = std::fs::read_to_string(entry.expect("an entry").path()).expect("text");
        for line in
            text.lines().filter(|line| line.starts_with("pub") && line.contains("extern \"C\" fn "))
        {
            let name = line.split("fn ").nth(1).and_then(|rest| rest.split('(').next());
            let name = name.expect("a name");
            assert!(header.contains(&format!("{name}(")), "{name}");
            calls += 1;
        }
    }
    assert!(calls > 30, "{calls}");
}
