//! Watchers whose connection a restart cut (RFC 6665 s4.4.1, decision 20).

use crate::peer::{Got, Peer};
use crate::presence::{OPEN, number, publish, text, watch};
use crate::server::Server;
use crate::{PASSWORD, campus_with};

const WEB: &str = "[web]\nlisten = [\"http://127.0.0.1:0\", \"https://127.0.0.1:0\"]\n";

/// Somebody's device, on a new connection of the transport that he is called by.
fn device(server: &Server, user: &str) -> Peer {
    let mut peer = match user {
        "tls" => Peer::tls(server, user),
        "ws" => Peer::web(server, user, false),
        "wss" => Peer::web(server, user, true),
        _ => Peer::tcp(server, user),
    };
    let contact = format!("{};+sip.instance=\"<urn:uuid:{user}>\"", peer.contact());
    let register = peer.registration(&[&contact]);
    assert_eq!(peer.ask_signed(&register).status(), 200);
    peer
}

/// A power cut, once all before it is on the disk.
fn cut(server: &mut Server) {
    server.add_user("eva", PASSWORD);
    server.kill();
    server.start_again();
}

fn subscriptions(server: &Server) -> u64 {
    let status = server.run(&["status", "--json"], None).json();
    status["subscriptions"].as_u64().expect("a number")
}

/// `features` 3.6 "Restart": what was asked for over a stream is told over the one that its device
/// registers by next, whatever kind of stream it is.
#[test]
fn a_watcher_over_any_stream_is_told_over_its_new_connection_after_a_restart() {
    let users = ["tcp", "tls", "ws", "wss"];
    let people = ["ana", "tcp", "tls", "ws", "wss"];
    let mut server = campus_with(&people, &format!("{OPEN}{WEB}"));
    let mut before: Vec<(Peer, Got)> = Vec::new();
    for user in users {
        let mut peer = device(&server, user);
        let told = watch(&mut peer, "ana");
        before.push((peer, told));
    }
    let mut ana = Peer::udp(&server, "ana");
    cut(&mut server);
    ana.move_to(server.udp);
    publish(&mut ana, "open", "busy");
    let mut back = Vec::new();
    for (user, (_, before)) in users.iter().zip(&before) {
        let mut peer = device(&server, user);
        let notify = peer.respond_to_next(200);
        assert!(text(&notify).contains("busy"), "{user}: {}", text(&notify));
        assert_eq!(notify.one("Call-ID"), before.one("Call-ID"), "{user}");
        assert!(number(&notify) > number(before), "{user}");
        back.push(peer);
    }
    assert_eq!(subscriptions(&server), 4);
}

/// RFC 6665 s4.4.1: one whose device comes back after the grace holds no place until then, and is
/// told then that it may ask anew at once.
#[test]
fn a_watcher_who_comes_back_after_the_grace_is_told_to_ask_anew() {
    let mut server = campus_with(&["ana", "bob"], &format!("{OPEN}grace = \"1s\"\n"));
    let mut bob = device(&server, "bob");
    let before = watch(&mut bob, "ana");
    cut(&mut server);
    while subscriptions(&server) != 0 {}
    let mut bob = device(&server, "bob");
    let notify = bob.respond_to_next(200);
    assert_eq!(notify.one("Subscription-State"), "terminated;reason=deactivated");
    assert_eq!(notify.one("Call-ID"), before.one("Call-ID"));
    assert!(number(&notify) > number(&before));
    assert!(text(&notify).is_empty());
    watch(&mut bob, "ana");
    assert_eq!(subscriptions(&server), 1);
}
