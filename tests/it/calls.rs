//! Calls between real clients, with audio that passes beside the server.

use serde_json::json;

use crate::support::agent::{Agent, Kind, SignIn};
use crate::support::server::{DOMAIN, Server};

/// Packets of audio that show a stream and not a stray one: half a second of them.
pub(crate) const A_STREAM: u64 = 25;

fn phone(server: &Server, user: &str, transport: &str) -> Agent {
    server.add_user(user, "a password");
    let mut agent = Agent::start(
        Kind::Pjsua2,
        &SignIn {
            user,
            auth_user: user,
            password: "a password",
            domain: DOMAIN,
            server: if transport == "udp" { server.udp } else { server.tcp },
            transport,
            peers: &[],
        },
    );
    agent.expect_registered();
    agent
}

fn heard(agent: &mut Agent) -> u64 {
    agent.command("heard");
    agent.expect_kind("heard")["packets"].as_u64().unwrap_or(0)
}

/// Waits until more audio has come than there was.
pub(crate) fn expect_audio(agent: &mut Agent) {
    let before = heard(agent);
    // Each question takes the client a turn of its loop, 20 ms.
    let enough = (0..500).any(|_| heard(agent) >= before + A_STREAM);
    assert!(enough, "{} hears nothing", agent.user);
}

fn a_call_with_audio(ana_by: &str, rui_by: &str) {
    let mut server = Server::start("");
    let mut ana = phone(&server, "ana", ana_by);
    let mut rui = phone(&server, "rui", rui_by);
    ana.command("call rui");
    rui.expect_event("incoming", "from", &json!(format!("ana@{DOMAIN}")));
    for agent in [&mut ana, &mut rui] {
        agent.expect_event("call", "state", &json!("CONFIRMED"));
    }
    expect_audio(&mut ana);
    expect_audio(&mut rui);
    // re-INVITEs from the called end: hold, and back.
    rui.command("hold");
    let (active, holding, held) = (json!(1), json!(2), json!(3));
    ana.expect_event("media_state", "status", &held);
    // PJSIP takes no command for a call while its own re-INVITE has no answer.
    rui.expect_event("media_state", "status", &holding);
    rui.command("resume");
    ana.expect_event("media_state", "status", &active);
    expect_audio(&mut ana);
    expect_audio(&mut rui);
    rui.command("hangup");
    for agent in [&mut ana, &mut rui] {
        let ended = agent.expect_event("call", "state", &json!("DISCONNECTED"));
        assert_eq!(ended["code"], 200, "{ended}\n{}", server.log());
    }
}

#[test]
fn a_call_with_audio_is_held_resumed_and_ended_over_udp() {
    a_call_with_audio("udp", "udp");
}

#[test]
fn a_call_with_audio_is_held_resumed_and_ended_between_tcp_and_udp() {
    a_call_with_audio("tcp", "udp");
}
