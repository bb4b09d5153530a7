//! A page in Chromium as a SIP client: RFC 7118 with the browser that people have.

use serde_json::json;

use crate::support::agent::{Agent, Kind, Page, SignIn};
use crate::support::server::{DOMAIN, Server};

const PASSWORD: &str = "a password";

/// Packets of audio that show a stream and not a stray one: half a second of them.
const A_STREAM: u64 = 25;

/// A server to which these pages may connect.
fn server_for(pages: &[&Page]) -> Server {
    let origins: Vec<String> = pages.iter().map(|page| page.origin()).collect();
    let server = Server::start(&format!(
        "[web]\nlisten = [\"http://127.0.0.1:0\", \"https://127.0.0.1:0\"]\n\
         allowed_origins = {origins:?}\n[tls]\nmode = \"internal\"\n"
    ));
    for user in ["ana", "rui"] {
        server.add_user(user, PASSWORD);
    }
    server
}

fn browse(server: &Server, page: &Page, user: &str, transport: &str) -> Agent {
    let scheme = if transport == "wss" { "https://" } else { "http://" };
    Agent::browse(page, &sign_in(user, server.web(scheme), transport))
}

fn sign_in<'a>(user: &'a str, server: std::net::SocketAddr, transport: &'a str) -> SignIn<'a> {
    SignIn {
        user,
        auth_user: user,
        password: PASSWORD,
        domain: DOMAIN,
        server,
        transport,
        peers: &[],
    }
}

fn phone(server: &Server, user: &str) -> Agent {
    let mut phone = Agent::start(Kind::Pjsua2, &sign_in(user, server.udp, "udp"));
    phone.expect_registered();
    phone
}

fn bindings(server: &Server) -> u64 {
    server.run(&["status", "--json"], None).json()["bindings"].as_u64().expect("a number")
}

fn messages_pass_both_ways(transport: &str) {
    let mut page = Page::new();
    let mut server = server_for(&[&page]);
    if transport == "wss" {
        page.authority = Some(server.download_authority());
    }
    let mut ana = browse(&server, &page, "ana", transport);
    ana.expect_registered();
    let mut rui = phone(&server, "rui");
    for (n, body) in ["olá", "\"<x>\" & ção", "\u{1f469}\u{200d}\u{1f4bb}"].iter().enumerate() {
        let (there, back) = (format!("{n} {body}"), format!("{body} {n}"));
        ana.message("rui", &there);
        rui.expect_message(&format!("ana@{DOMAIN}"), &there);
        let answer = ana.expect_sent(&there);
        assert_eq!(answer["code"], 200, "{answer}\n{}", server.log());
        rui.message("ana", &back);
        ana.expect_message(&format!("rui@{DOMAIN}"), &back);
        let answer = rui.expect_sent(&back);
        assert_eq!(answer["code"], 200, "{answer}\n{}", server.log());
    }
}

/// RFC 7118 s5, s8.
#[test]
fn a_browser_and_a_datagram_client_message_each_other_over_ws() {
    messages_pass_both_ways("ws");
}

/// RFC 7118 s5, s6: with the certificate of our own authority, which the browser was told to trust.
#[test]
fn a_browser_and_a_datagram_client_message_each_other_over_wss() {
    messages_pass_both_ways("wss");
}

/// RFC 5626 s7, RFC 7118 s5: the end of the WebSocket ends the binding; the same device comes back
/// and gets what was held, once.
#[test]
fn a_page_that_closes_is_away_at_once_and_gets_what_was_held_when_it_is_back() {
    let page = Page::new();
    let mut server = server_for(&[&page]);
    let mut ana = browse(&server, &page, "ana", "ws");
    ana.expect_registered();
    let mut rui = phone(&server, "rui");
    assert_eq!(bindings(&server), 2);
    for round in ["first", "second"] {
        ana.command("close");
        while bindings(&server) != 1 {}
        let held = format!("while you were away, {round}");
        rui.message("ana", &held);
        let answer = rui.expect_sent(&held);
        assert_eq!(answer["code"], 202, "{answer}\n{}", server.log());
        ana.command("open");
        ana.expect_registered();
        let event = ana.expect_message(&format!("rui@{DOMAIN}"), &held);
        assert!(event["date"].is_string(), "a late message tells its original time: {event}");
        assert_eq!(bindings(&server), 2, "one contact of the page, not one of each time");
        let live = format!("now, {round}");
        rui.message("ana", &live);
        ana.expect_message(&format!("rui@{DOMAIN}"), &live);
        assert_eq!(rui.expect_sent(&live)["code"], 200);
    }
    let shown = ana.shown();
    let expected = ["first", "second"]
        .map(|round| [format!("while you were away, {round}"), format!("now, {round}")]);
    assert_eq!(shown, expected.concat(), "once each, in order");
}

/// T12; RFC 6455 s10.2: what the browser says of a page decides, whoever sits before it.
#[test]
fn a_page_of_somebody_elses_cannot_even_connect() {
    let (ours, foreign) = (Page::new(), Page::new());
    let server = server_for(&[&ours]);
    let mut evil = browse(&server, &foreign, "ana", "ws");
    evil.expect_kind("disconnected");
    let mut good = browse(&server, &ours, "ana", "ws");
    good.expect_registered();
    assert!(!evil.everything().contains("\"connected\""), "{}", evil.everything());
    assert_eq!(bindings(&server), 1);
}

fn heard(agent: &mut Agent) -> u64 {
    agent.command("heard");
    agent.expect_kind("heard")["packets"].as_u64().unwrap_or(0)
}

fn sdp(agent: &mut Agent, originator: &str, kind: &str) -> String {
    let event = agent.expect("a description", |event| {
        event["event"] == "sdp" && event["originator"] == originator && event["type"] == kind
    });
    event["sdp"].as_str().expect("text").to_owned()
}

/// RFC 3261 s16.6 (bodies are not changed), RFC 8445: ICE and DTLS-SRTP of two browsers find each
/// other through descriptions that came byte for byte; in-dialog requests go to `.invalid` contacts.
#[test]
fn two_browsers_call_and_hear_each_other_and_hang_up() {
    let pages = [Page::new(), Page::new()];
    let server = server_for(&[&pages[0], &pages[1]]);
    let mut ana = browse(&server, &pages[0], "ana", "ws");
    let mut rui = browse(&server, &pages[1], "rui", "ws");
    ana.expect_registered();
    rui.expect_registered();
    ana.command("call rui");
    let offered = sdp(&mut ana, "local", "offer");
    rui.expect_event("incoming", "from", &json!(format!("ana@{DOMAIN}")));
    assert_eq!(sdp(&mut rui, "remote", "offer"), offered);
    let answered = sdp(&mut rui, "local", "answer");
    assert_eq!(sdp(&mut ana, "remote", "answer"), answered);
    for agent in [&mut ana, &mut rui] {
        agent.expect_event("call", "state", &json!("CONFIRMED"));
    }
    for agent in [&mut ana, &mut rui] {
        let enough = (0..2_000).any(|_| heard(agent) >= A_STREAM);
        assert!(enough, "{} hears nothing", agent.user);
    }
    // From the called end, to the contact of the caller.
    rui.command("hangup");
    for agent in [&mut ana, &mut rui] {
        let ended = agent.expect_event("call", "state", &json!("DISCONNECTED"));
        assert_eq!(ended["code"], 200, "{ended}");
    }
}
