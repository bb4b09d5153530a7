//! The way in: set-up, signing in and out, the frame of the pages, one's own account.

use serde_json::{Value, json};
use tagus::model::Role;

use super::{WEB, add_console, link, nothing, walk, with_link};
use crate::support::server::Server;

// W14, W16; WCAG 2.2 AA by axe-core; the policy of `ux.md` 7b.
#[test]
fn whoever_has_the_link_sets_the_console_up_and_every_page_holds_in_every_form() {
    let server = Server::start(WEB);
    walk(&server, "entrance", &with_link(&server), 50, |what, _| {
        assert_eq!(what, "owner");
        Value::String(link(&server))
    });
}

#[test]
fn whoever_may_only_look_sees_what_there_is_to_see() {
    let server = Server::start(WEB);
    add_console(&server, "ana", Role::Owner);
    add_console(&server, "eva", Role::ReadOnly);
    walk(&server, "reader", &json!({}), 4, nothing);
}
