//! The rules of RFC 3261 and RFC 3428 that show on the wire: the server as built, and peers that
//! write every byte themselves.
#![expect(clippy::expect_used, clippy::panic, reason = "a test whose surroundings fail has failed")]

#[path = "../support/lines.rs"]
mod lines;
#[path = "../support/separation.rs"]
mod separation;
#[path = "../support/server.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod server;

mod dialogs;
mod dialogs_moved;
mod dialogs_secure;
mod digest;
mod forking;
mod messages;
mod notifications;
mod numbers;
mod outbound;
mod peer;
mod presence;
mod presence_polite;
mod presence_publish;
mod presence_return;
mod presence_rules;
mod presence_survives;
mod presence_watch;
mod proxy;
mod registrar;
mod responses;
mod routes;
mod subscriptions;
mod torture;
mod trace;
mod transport;
mod user_agent;
mod web;
mod websockets;

use peer::Peer;
use server::Server;

const PASSWORD: &str = "a password";

/// A server with these people.
fn campus(people: &[&str]) -> Server {
    campus_with(people, "")
}

/// The same with more of a configuration.
fn campus_with(people: &[&str], more: &str) -> Server {
    let server = Server::start(more);
    for person in people {
        server.add_user(person, PASSWORD);
    }
    server
}

/// A server, and two people who have signed in over UDP.
fn two() -> (Server, Peer, Peer) {
    let server = campus(&["ana", "bob"]);
    let mut ana = Peer::udp(&server, "ana");
    ana.sign_in();
    let mut bob = Peer::udp(&server, "bob");
    bob.sign_in();
    (server, ana, bob)
}
