//! A message to somebody who is away: 202, then a power cut, then it arrives once and in order.

use tagus::entropy;

use crate::support::agent::{Agent, Kind, SignIn};
use crate::support::server::{DOMAIN, Server};

const WRITER: &str = "ana";
const AWAY: &str = "tiago";
const PASSWORD: &str = "a password";

fn sign_in<'a>(server: &Server, user: &'a str, peers: &'a [&'a str]) -> SignIn<'a> {
    SignIn {
        user,
        auth_user: user,
        password: PASSWORD,
        domain: DOMAIN,
        server: server.udp,
        transport: "udp",
        peers,
    }
}

/// RFC 3428 s7: 202 promises delivery, so nothing that got one may be lost.
#[test]
fn held_messages_survive_kill_9_at_random_points_and_arrive_once_in_order() {
    let mut server = Server::start("");
    server.add_user(WRITER, PASSWORD);
    server.add_user(AWAY, PASSWORD);
    let mut number = 0;
    for round in 0..4 {
        // Write to somebody who is away, and cut the power at some point.
        let mut promised = Vec::new();
        {
            let mut writer = Agent::start(Kind::Pjsua2, &sign_in(&server, WRITER, &[AWAY]));
            writer.expect_registered();
            for _ in 0..=entropy::below(8) {
                number += 1;
                let body = format!("round {round}, message {number}");
                writer.message(AWAY, &body);
                let answer = writer.expect_sent(&body);
                assert_eq!(answer["code"], 202, "{answer}\n{}", server.log());
                promised.push(body);
            }
            // One more on its way when the power goes: it may arrive or not.
            number += 1;
            writer.message(AWAY, &format!("round {round}, perhaps {number}"));
            server.kill();
        }
        server.start_again();

        let mut reader = Agent::start(Kind::Pjsua2, &sign_in(&server, AWAY, &[]));
        reader.expect_registered();
        let from = format!("{WRITER}@{DOMAIN}");
        for body in &promised {
            let event = reader.expect_message(&from, body);
            assert!(event["date"].is_string(), "a late message tells its original time: {event}");
        }
        // What arrives twice would arrive before this.
        let mut writer = Agent::start(Kind::Pjsua2, &sign_in(&server, WRITER, &[AWAY]));
        writer.expect_registered();
        let last = format!("round {round}, last");
        writer.message(AWAY, &last);
        reader.expect_message(&from, &last);
        let shown: Vec<String> =
            reader.shown().into_iter().filter(|body| !body.contains("perhaps")).collect();
        promised.push(last);
        assert_eq!(shown, promised, "once each, in order");
    }
}
