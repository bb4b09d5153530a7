//! A call over TLS with one end behind an address translator: what the server's own trace says of
//! it, and which packets of media were on the cables.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use serde_json::{Value, json};

use crate::calls::{A_STREAM, expect_audio};
use crate::support::agent::{Agent, Kind, Seat, SignIn};
use crate::support::campus_net::{
    CampusNet, Capture, Datagram, PRIVATE, PUBLIC, Place, ROUTER, SERVER, SERVER_NAME, as_root,
};
use crate::support::server::{DOMAIN, Server};

const TRACED: &str = "[log]\nlevel = \"info,sip_trace=trace\"\nformat = \"json\"\n";

fn phone(server: &Server, user: &str, place: &Place, local: IpAddr) -> Agent {
    server.add_user(user, "a password");
    let authority = server.authority();
    let mut agent = Agent::start_at(
        Kind::Pjsua2,
        &SignIn {
            user,
            auth_user: user,
            password: "a password",
            domain: DOMAIN,
            server: server.tls,
            transport: "tls",
            peers: &[],
        },
        &Seat { entrance: place.entrance(), local, server: SERVER_NAME, authority: &authority },
    );
    agent.expect_registered();
    agent
}

/// One line of the server's trace.
#[derive(Debug)]
struct Traced {
    came: bool,
    transport: String,
    peer: SocketAddr,
    start: String,
    call_id: String,
    cseq: String,
}

impl Traced {
    fn read(line: &str) -> Option<Traced> {
        let line: Value = serde_json::from_str(line).ok()?;
        let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
        (line["target"] == "sip_trace").then(|| Traced {
            came: line["direction"] == "in",
            transport: text("transport"),
            peer: text("peer").parse().expect("an address"),
            start: text("start"),
            call_id: text("call_id"),
            cseq: text("cseq"),
        })
    }

    fn is(&self, start: &str, cseq: &str) -> bool {
        self.start.starts_with(start) && self.cseq.ends_with(cseq)
    }
}

/// The trace of one call, from its INVITE to the 200 of its BYE.
fn trace_of_the_call(server: &mut Server) -> Vec<Traced> {
    let log = server.log_with("end of the call", |line| {
        Traced::read(line).is_some_and(|line| !line.came && line.is("200", " BYE"))
    });
    assert!(!log.contains("m=audio") && !log.contains("Digest"), "a body or credentials: {log}");
    let lines: Vec<Traced> = log.lines().filter_map(Traced::read).collect();
    let phones: BTreeSet<SocketAddr> =
        lines.iter().filter(|line| line.is("REGISTER", "REGISTER")).map(|line| line.peer).collect();
    let addresses: Vec<IpAddr> = phones.iter().map(SocketAddr::ip).collect();
    assert_eq!(addresses, [IpAddr::from(PUBLIC), IpAddr::from(ROUTER)], "{lines:?}");
    let invite = lines.iter().find(|line| line.is("INVITE", "INVITE")).expect("an INVITE");
    let call_id = invite.call_id.clone();
    let call: Vec<Traced> = lines.into_iter().filter(|line| line.call_id == call_id).collect();
    for line in &call {
        assert_eq!(line.transport, "tls", "{line:?}");
        // RFC 5626 s5.3: by the connections that they registered over, and by no other.
        assert!(phones.contains(&line.peer), "{line:?} is of none of {phones:?}");
    }
    call
}

/// How many requests or responses of the call came from `from`, and how many went to the other;
/// repetitions count once.
fn passed(call: &[Traced], start: &str, cseq: &str, from: IpAddr) -> (usize, usize) {
    let like = |came: bool| {
        let lines = call.iter().filter(|line| line.came == came && line.is(start, cseq));
        let of_end = lines.filter(|line| (line.peer.ip() == from) == came);
        of_end.map(|line| &line.cseq).collect::<BTreeSet<_>>().len()
    };
    (like(true), like(false))
}

fn between(cable: &[Datagram], from: IpAddr, to: IpAddr) -> Vec<&Datagram> {
    let audio = cable.iter().filter(|datagram| datagram.is_rtp());
    audio.filter(|datagram| datagram.from.ip() == from && datagram.to.ip() == to).collect()
}

/// Calls, hears, holds, resumes and ends; the called end holds and hangs up.
fn a_call(calls_from_behind: bool) {
    let net = CampusNet::new();
    let mut server = Server::start_at(net.server.entrance(), SERVER.into(), SERVER_NAME, TRACED);
    let mut ana = phone(&server, "ana", &net.private, PRIVATE.into());
    let mut rui = phone(&server, "rui", &net.public, PUBLIC.into());
    let (outside, at_the_server) = (Capture::start(&net.router), Capture::start(&net.server));
    let (caller, called) =
        if calls_from_behind { (&mut ana, &mut rui) } else { (&mut rui, &mut ana) };
    caller.command(&format!("call {}", called.user));
    called.expect_event("incoming", "from", &json!(format!("{}@{DOMAIN}", caller.user)));
    for agent in [&mut *caller, &mut *called] {
        agent.expect_event("call", "state", &json!("CONFIRMED"));
        expect_audio(agent);
    }
    let (active, holding, held) = (json!(1), json!(2), json!(3));
    called.command("hold");
    caller.expect_event("media_state", "status", &held);
    // PJSIP takes no command for a call while its own re-INVITE has no answer.
    called.expect_event("media_state", "status", &holding);
    called.command("resume");
    caller.expect_event("media_state", "status", &active);
    for agent in [&mut *caller, &mut *called] {
        expect_audio(agent);
    }
    called.command("hangup");
    for agent in [&mut *caller, &mut *called] {
        let ended = agent.expect_event("call", "state", &json!("DISCONNECTED"));
        assert_eq!(ended["code"], 200, "{ended}\n{}", server.log());
    }

    let (calling, answering) = if calls_from_behind { (ROUTER, PUBLIC) } else { (PUBLIC, ROUTER) };
    let (calling, answering) = (IpAddr::from(calling), IpAddr::from(answering));
    let call = trace_of_the_call(&mut server);
    for (start, cseq, from, times) in [
        // The first is challenged.
        ("INVITE", "INVITE", calling, (2, 1)),
        ("407", "INVITE", answering, (0, 1)),
        ("180", "INVITE", answering, (1, 1)),
        ("200", "INVITE", answering, (1, 1)),
        // Hold and resume.
        ("INVITE", "INVITE", answering, (2, 2)),
        ("200", "INVITE", calling, (2, 2)),
        ("ACK", "ACK", answering, (2, 2)),
        ("BYE", "BYE", answering, (1, 1)),
        ("200", "BYE", calling, (1, 1)),
    ] {
        assert_eq!(passed(&call, start, cseq, from), times, "{start} {cseq} of {from}: {call:#?}");
    }

    // Both streams of audio pass the translator, and nothing passes the server.
    let cable = outside.end();
    let (router, public) = (IpAddr::from(ROUTER), IpAddr::from(PUBLIC));
    let (out, back) = (between(&cable, router, public), between(&cable, public, router));
    for stream in [&out, &back] {
        assert!(stream.len() as u64 > 2 * A_STREAM, "{} of audio", stream.len());
    }
    let end = back.last().expect("a packet");
    assert!(out.iter().any(|datagram| (datagram.from, datagram.to) == (end.to, end.from)));
    let server_side = at_the_server.end();
    let touches = |datagram: &&Datagram| {
        [datagram.from.ip(), datagram.to.ip()].contains(&IpAddr::from(SERVER))
    };
    assert_eq!(server_side.iter().chain(&cable).filter(touches).count(), 0);
}

#[test]
fn a_call_over_tls_from_behind_a_translator_is_held_resumed_and_ended() {
    as_root("nat::a_call_over_tls_from_behind_a_translator_is_held_resumed_and_ended", || {
        a_call(true);
    });
}

#[test]
fn a_call_over_tls_to_somebody_behind_a_translator_is_held_resumed_and_ended() {
    as_root(
        "nat::a_call_over_tls_to_somebody_behind_a_translator_is_held_resumed_and_ended",
        || {
            a_call(false);
        },
    );
}
