//! T08, T20, T22, T30: every method, from our domain and from another, to the server, to a person
//! and to elsewhere; without credentials. What is not allowed goes nowhere.

use std::net::UdpSocket;

use crate::raw::{Connection, Datagrams, Draft};
use crate::site::{Site, person};
use crate::support::server::DOMAIN;

const METHODS: [&str; 14] = [
    "REGISTER",
    "MESSAGE",
    "INVITE",
    "OPTIONS",
    "SUBSCRIBE",
    "PUBLISH",
    "NOTIFY",
    "REFER",
    "INFO",
    "BYE",
    "UPDATE",
    "PRACK",
    "UNHEARD-OF",
    "register",
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum To {
    Server,
    Person,
    Elsewhere,
}

/// What a stranger is answered.
fn expected(method: &str, is_ours: bool, to: To) -> u16 {
    match (method, to) {
        ("REGISTER" | "SUBSCRIBE", _) if is_ours => 401,
        ("REGISTER" | "SUBSCRIBE", _) => 403,
        ("OPTIONS", To::Server) => 200,
        ("NOTIFY" | "BYE" | "UPDATE" | "INFO" | "PRACK", To::Server) => 481,
        (_, To::Server) => 405,
        _ if !is_ours => 403,
        ("PUBLISH", _) => 401,
        _ => 407,
    }
}

/// How requests are sent and answered over one transport.
enum Wire {
    Datagrams(Datagrams),
    Stream(Box<Connection>),
}

impl Wire {
    fn ask(&mut self, draft: &Draft) -> u16 {
        match self {
            Wire::Datagrams(socket) => socket.ask(&draft.bytes()).status,
            Wire::Stream(connection) => {
                connection.write(&draft.bytes());
                connection.read_until(draft.branch());
                connection.read_until("\r\n\r\n");
                let text = connection.text();
                let whole = text
                    .rsplit("SIP/2.0 ")
                    .find(|part| part.starts_with(|c: char| c.is_ascii_digit()));
                whole.and_then(|part| part.get(..3)?.parse().ok()).unwrap_or(0)
            }
        }
    }
}

#[test]
fn what_no_rule_allows_is_refused_for_every_method_sender_and_receiver() {
    let site = Site::new("[limits]\nsource_rate = 100000\nsource_burst = 100000\n");
    let bob = site.phone("bob");
    let outside = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let there = outside.local_addr().expect("an address");
    let streams = site.doors().into_iter();
    let wires = streams.map(|door| (door.name, Wire::Stream(Box::new(door.connect()))));
    let datagrams = Wire::Datagrams(Datagrams::new(site.server.udp));
    for (transport, mut wire) in std::iter::once(("UDP", datagrams)).chain(wires) {
        for method in METHODS {
            for is_ours in [true, false] {
                for to in [To::Server, To::Person, To::Elsewhere] {
                    let uri = match to {
                        To::Server => format!("sip:{DOMAIN}"),
                        To::Person => person("bob"),
                        To::Elsewhere => format!("sip:bob@{there}"),
                    };
                    let from = if is_ours { DOMAIN } else { "other.example" };
                    let draft = Draft::new(method, &uri, "alice", &uri)
                        .replacing(format!("From: <sip:alice@{from}>;tag=1"));
                    let wanted = expected(method, is_ours, to);
                    let got = wire.ask(&draft);
                    assert_eq!(got, wanted, "{method} from {from} to {to:?} over {transport}");
                }
            }
        }
    }
    assert!(bob.until_ping().is_empty(), "something reached a telephone");
    outside.set_nonblocking(true).expect("an option");
    assert!(outside.recv(&mut [0; 9]).is_err(), "a packet went out");
    site.assert_calm(1);
}
