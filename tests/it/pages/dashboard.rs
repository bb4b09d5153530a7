//! The first page with its charts, and alerts.

use serde_json::{Value, json};
use tagus::model::Role;
use tagus::operations::{ConsoleRequest, Request};

use super::{WEB, add_console, ask, walk};
use crate::support::server::Server;

/// Messages that are sent to somebody who is away, each time.
const MESSAGES: usize = 12;

fn write(server: &Server) {
    for number in 0..MESSAGES {
        let text = format!("message {number}");
        let arguments =
            ["message", "rui", &text, "--from", "ana", "--password-file", "-", "--json"];
        let sent = server.run(&arguments, Some("the password of a person\n"));
        assert_eq!(sent.code, 0, "{}{}", sent.out, sent.err);
    }
}

// W41; WCAG 2.2 AA; `ux.md` 2.1 and 2c.
#[test]
fn the_first_page_stays_up_to_date_and_charts_hold_in_every_form() {
    let server = Server::start(WEB);
    for person in ["ana", "rui"] {
        server.add_user(person, "the password of a person");
    }
    add_console(&server, "ana", Role::Owner);
    add_console(&server, "rui", Role::Owner);
    add_console(&server, "eva", Role::ReadOnly);
    let facts = json!({ "held": MESSAGES });
    walk(&server, "dashboard", &facts, 60, |what, _| {
        match what {
            "messages" | "more" => write(&server),
            "sign-out" => {
                let lock = ConsoleRequest::Lock { name: "eva".to_owned(), locked: true };
                ask(&server, &Request::Console(lock));
            }
            what => panic!("{what}"),
        }
        Value::Null
    });
}
