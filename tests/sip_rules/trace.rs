//! The SIP trace that an administrator can switch on.

use crate::peer::Peer;
use crate::server::Server;
use crate::{PASSWORD, campus};

/// Who reads the log sees who spoke with whom, and nothing of what was said or proved.
#[test]
fn the_trace_tells_each_message_and_no_body_credential_or_token() {
    let mut server = Server::start("[log]\nlevel = \"info,sip_trace=trace\"\n");
    for person in ["ana", "bob"] {
        server.add_user(person, PASSWORD);
    }
    let mut ana = Peer::udp(&server, "ana");
    let mut bob = Peer::tcp(&server, "bob");
    bob.sign_in();
    let signed = ana.challenged(&ana.message("bob", "meet me at noon"));
    ana.send(&signed.bytes());
    bob.respond_to_next(200);
    assert_eq!(ana.answer_to(&signed).status(), 200);
    let call_id = &signed.call_id;
    let cseq = format!("cseq=\"{} MESSAGE\"", signed.cseq);
    let log = server.log_with("the last answer", |line| {
        line.contains("direction=out") && line.contains("start=\"200 ") && line.contains(&cseq)
    });
    let lines: Vec<&str> = log
        .lines()
        .filter(|line| line.contains("sip_trace") && line.contains(call_id) && line.contains(&cseq))
        .collect();
    let (to_ana, to_bob) = (format!("peer={}", ana.address), format!("peer={}", bob.address));
    let expected = [
        ["direction=in", "transport=udp", &to_ana, "start=\"MESSAGE sip:bob@campus.test\""],
        ["direction=out", "transport=tcp", &to_bob, "start=\"MESSAGE sip:bob@"],
        ["direction=in", "transport=tcp", &to_bob, "start=\"200 "],
        ["direction=out", "transport=udp", &to_ana, "start=\"200 "],
    ];
    assert_eq!(lines.len(), expected.len(), "{lines:#?}");
    for (line, parts) in lines.iter().zip(expected) {
        assert!(parts.iter().all(|part| line.contains(part)), "{parts:?} in {line}");
    }
    for secret in ["noon", "Digest", "nonce", "response="] {
        assert!(!log.contains(secret), "{secret} in {log}");
    }
}

#[test]
fn without_being_asked_the_server_traces_nothing() {
    let mut server = campus(&["ana"]);
    Peer::udp(&server, "ana").sign_in();
    server.run(&["status"], None);
    let log = server.log();
    assert!(!log.contains("sip_trace") && !log.contains("REGISTER"), "{log}");
}
