//! The main promise: three different real clients, three kinds of account, every direction.

use crate::support::agent::{Agent, Kind, SignIn};
use crate::support::directory::Directory;
use crate::support::server::{DOMAIN, Server};

/// A directory person whose password is only a salted hash signs in with a device credential.
const FROM_THE_DIRECTORY: &str = "ines";
const LOCAL: &str = "rui";
/// Signs in with a client that knows nothing but MD5.
const MD5_ONLY: &str = "marta";

struct Campus {
    // Clients go before the server, the server before the directory.
    agents: Vec<Agent>,
    server: Server,
    _directory: Directory,
}

fn campus(transport: &str) -> Campus {
    let directory = Directory::start(&[(FROM_THE_DIRECTORY, "only a hash of this is kept")]);
    let server = Server::start(&directory.configuration());
    let secret = server.add_device(FROM_THE_DIRECTORY, "laptop");
    server.add_user(LOCAL, "rui's password");
    // Baresip reads its account file word by word.
    server.add_user(MD5_ONLY, "password-of-marta");
    let address = if transport == "udp" { server.udp } else { server.tcp };
    let everybody = [FROM_THE_DIRECTORY, LOCAL, MD5_ONLY];
    let people = [
        (Kind::Pjsua2, FROM_THE_DIRECTORY, secret.as_str()),
        (Kind::Linphone, LOCAL, "rui's password"),
        (Kind::Baresip, MD5_ONLY, "password-of-marta"),
    ];
    let mut agents: Vec<Agent> = people
        .into_iter()
        .map(|(kind, user, password)| {
            let sign_in = SignIn {
                user,
                auth_user: user,
                password,
                domain: DOMAIN,
                server: address,
                transport,
                peers: &everybody,
            };
            Agent::start(kind, &sign_in)
        })
        .collect();
    for agent in &mut agents {
        agent.expect_registered();
    }
    Campus { agents, server, _directory: directory }
}

fn everybody_writes_to_everybody(transport: &str) {
    let mut campus = campus(transport);
    for from in 0..campus.agents.len() {
        for to in 0..campus.agents.len() {
            if from == to {
                continue;
            }
            let sender = campus.agents[from].user.clone();
            let receiver = campus.agents[to].user.clone();
            let body = format!("{sender} to {receiver}: \"olá\" <x> & ção");
            campus.agents[from].message(&receiver, &body);
            let address = format!("{sender}@{DOMAIN}");
            campus.agents[to].expect_message(&address, &body);
            let answer = campus.agents[from].expect_sent(&body);
            assert_eq!(answer["ok"], true, "{answer}\n{}", campus.server.log());
        }
    }
}

#[test]
fn three_real_clients_message_each_other_in_every_direction_over_udp() {
    everybody_writes_to_everybody("udp");
}

#[test]
fn three_real_clients_message_each_other_in_every_direction_over_tcp() {
    everybody_writes_to_everybody("tcp");
}
