//! The audit trail, tokens and the console's accounts.

use serde_json::json;
use tagus::model::Role;

use super::{WEB, add_console, nothing, walk};
use crate::support::server::Server;

// W14, W17; WCAG 2.2 AA by axe-core.
#[test]
fn who_did_what_and_who_may_what_is_shown_in_every_form() {
    let server = Server::start(WEB);
    add_console(&server, "ana", Role::Owner);
    add_console(&server, "rui", Role::Owner);
    add_console(&server, "hugo", Role::Helpdesk);
    walk(&server, "audit", &json!({}), 80, nothing);
}
