//! The checker can fail: each rule is broken once, in each spelling.

use std::collections::BTreeSet;

use crate::{
    LONGEST_FILE, Source, badly_named, dependencies, fence_breaches, too_long, unchecked,
    upward_imports,
};

fn source(path: &str, text: &str) -> Source {
    Source { path: path.to_owned(), text: text.to_owned() }
}

fn upward(path: &str, text: &str) -> usize {
    upward_imports(&source(path, text)).len()
}

fn breaches(path: &str, text: &str) -> usize {
    fence_breaches(&source(path, text)).len()
}

#[test]
fn an_upward_use_is_found_in_every_spelling() {
    assert_eq!(upward("sip/wire.rs", "use crate::net::udp;"), 1);
    assert_eq!(upward("sip/wire.rs", "use crate :: net;"), 1);
    assert_eq!(upward("sip/wire.rs", "use crate::{text, net::{self, udp}};"), 1);
    assert_eq!(upward("sip/wire.rs", "use crate::{\n    text,\n    r#net::udp,\n};"), 1);
    assert_eq!(upward("sip/wire.rs", "fn f() { let x = crate::net::udp::go(); }"), 1);
    assert_eq!(upward("sip/wire.rs", "use super::super::net;"), 1);
    assert_eq!(upward("sip/wire.rs", "use super::{super::net, uri};"), 1);
    assert_eq!(upward("sip/header/via.rs", "use super::super::super::net as n;"), 1);
    assert_eq!(upward("sip/mod.rs", "use super::net;"), 1);
    assert_eq!(upward("clock.rs", "use super::net;"), 1);
    assert_eq!(
        upward("sip/wire.rs", "mod a { mod b { use super::super::super::super::net; } }"),
        1
    );
    assert_eq!(upward("sip/wire.rs", "pub(crate) use crate::app::*;"), 1);
    assert_eq!(upward("sip/wire.rs", "fn f(_: Vec<crate::store::Table>) {}"), 1);
}

#[test]
fn what_only_looks_like_an_upward_use_is_not() {
    assert_eq!(upward("net/udp.rs", "use crate::sip::wire; use super::outbox;"), 0);
    assert_eq!(upward("sip/wire.rs", "// crate::net\n/* crate::net /* crate::app */ */"), 0);
    assert_eq!(upward("sip/wire.rs", r####"const A: &str = r#"crate::net"#;"####), 0);
    assert_eq!(upward("sip/wire.rs", r#"const A: &str = "\"crate::net";"#), 0);
    assert_eq!(upward("sip/wire.rs", "fn f<'a>(x: &'a str) { let q = '\"'; let r = b'\\''; }"), 0);
    assert_eq!(upward("sip/wire.rs", "crate::net!(1);"), 0);
    assert_eq!(upward("sip/wire.rs", "mod tests { use super::*; use super::super::uri; }"), 0);
    assert_eq!(upward("sip/wire.rs", "mod a { mod b {} } use super::uri;"), 0);
    assert_eq!(upward("sip/wire.rs", "use std::net::IpAddr; use std::{net::Ipv4Addr};"), 0);
}

#[test]
fn siblings_only_as_listed() {
    assert_eq!(upward("page_mode/mod.rs", "use crate::proxy::Fork; use crate::registrar::X;"), 0);
    assert_eq!(upward("registrar/mod.rs", "use crate::proxy::Fork;"), 1);
    assert_eq!(upward("net/mod.rs", "use crate::client::Agent;"), 1);
    assert_eq!(upward("store/mod.rs", "use crate::bus::Change;"), 1);
}

#[test]
fn a_module_that_stands_in_no_layer_is_refused() {
    assert_eq!(upward("gossip/mod.rs", ""), 1);
    assert_eq!(upward("gossip.rs", ""), 1);
    assert_eq!(upward("lib.rs", "pub mod gossip;"), 0);
}

#[test]
fn fenced_crates_are_found_outside_their_home() {
    assert_eq!(breaches("registrar/mod.rs", "use sled::Db;"), 1);
    assert_eq!(breaches("registrar/mod.rs", "use ::sled::Db;"), 1);
    assert_eq!(breaches("registrar/mod.rs", "fn f(_: sled::Db) {}"), 1);
    assert_eq!(breaches("registrar/mod.rs", "extern crate sled;"), 1);
    assert_eq!(breaches("registrar/mod.rs", "use sled as engine;"), 1);
    assert_eq!(breaches("store/sled_engine.rs", "use sled::Db;"), 0);
    assert_eq!(breaches("app/mod.rs", "use crate::store::sled_engine;"), 0);
    assert_eq!(breaches("accounts/mod.rs", "async fn f() { ldap3::LdapConn::new(u); }"), 1);
    assert_eq!(breaches("identity/directory.rs", "use ldap3::Scope;"), 0);
}

#[test]
fn a_second_reader_of_time_is_found() {
    assert_eq!(breaches("net/udp.rs", "let t = std::time::Instant::now();"), 1);
    assert_eq!(breaches("net/udp.rs", "let t = tokio::time::Instant::now();"), 1);
    assert_eq!(breaches("net/udp.rs", "use std::time::SystemTime as S;"), 1);
    assert_eq!(breaches("net/udp.rs", "let d = started.elapsed();"), 1);
    assert_eq!(breaches("clock.rs", "let t = Instant::now();"), 0);
    assert_eq!(breaches("net/udp.rs", "fn f(at: Instant) {}"), 0);
}

#[test]
fn a_second_reader_of_randomness_is_found() {
    assert!(breaches("sip/wire.rs", "let x = rand::random();") >= 1);
    assert!(breaches("store/seal.rs", "let r = ring::rand::SystemRandom::new();") >= 1);
    assert!(breaches("store/seal.rs", "use ring::rand::SystemRandom;") >= 1);
    assert_eq!(breaches("entropy.rs", "rand::rng().fill_bytes(b);"), 0);
}

#[test]
fn a_core_that_opens_a_socket_is_found() {
    assert_eq!(breaches("sip/transaction/mod.rs", "use tokio::time::sleep;"), 1);
    assert_eq!(breaches("sip/flow.rs", "use std::net::UdpSocket;"), 1);
    assert_eq!(breaches("net/udp.rs", "use tokio::net::UdpSocket;"), 0);
}

#[test]
fn a_long_file_is_found() {
    assert!(too_long(&source("net/udp.rs", &"\n".repeat(LONGEST_FILE + 1))).is_some());
    assert!(too_long(&source("net/udp.rs", &"\n".repeat(LONGEST_FILE))).is_none());
}

#[test]
fn a_name_that_says_nothing_is_found() {
    let crates = dependencies(
        "[dependencies]\nmd-5 = \"1\"\n# x\n[dev-dependencies]\nbytes.workspace = true\n[features]\nfoo = []\n",
    );
    assert_eq!(crates, BTreeSet::from(["md_5".to_owned(), "bytes".to_owned()]));
    assert_eq!(badly_named(&source("net/utils.rs", ""), &crates).len(), 1);
    assert_eq!(badly_named(&source("utils/net.rs", ""), &crates).len(), 1);
    assert_eq!(badly_named(&source("net/udp.rs", "mod helpers { }"), &crates).len(), 1);
    assert_eq!(badly_named(&source("net/bytes.rs", ""), &crates).len(), 1);
    assert_eq!(badly_named(&source("net/udp.rs", "mod tests { }"), &crates).len(), 0);
}

#[test]
fn a_shell_within_a_core_may_do_what_shells_do_and_is_not_imported_by_the_core() {
    assert_eq!(breaches("msrp/peer/dial.rs", "use tokio::net::TcpStream;"), 0);
    assert_eq!(breaches("msrp/framer.rs", "use tokio::net;"), 1);
    assert_eq!(breaches("msrp/framer.rs", "use super::peer::Peer;"), 1);
    assert_eq!(breaches("msrp/peer/dial.rs", "use crate::msrp::peer::Peer;"), 0);
}

#[test]
fn what_is_unsafe_outside_its_place_is_found() {
    let text = "#![expect(unsafe_code)] fn f() { unsafe { g() } } // unsafe";
    assert_eq!(unchecked(&source("net/udp.rs", text)).len(), 2);
    assert_eq!(unchecked(&source("msrp/ffi/border.rs", text)).len(), 0);
}
