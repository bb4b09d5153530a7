//! R07: whoever sets the machine's clock ends nothing before its time.

use std::time::Duration;

use tagus::clock::Clock;

use crate::phone::Phone;
use crate::raw::PATIENCE;
use crate::site::{Nonce, PASSWORD, Site, message, register};
use crate::support::server::{DOMAIN, Server};

/// Waits until the server has swept out a contact that was bound for a second, and so has looked
/// at everything that may run out.
fn wait_for_a_sweep(site: &Site) {
    let phone = Phone::new(site.server.udp);
    let contact = format!("Contact: <sip:alice@{}>;expires=1", phone.address());
    let answer = site.ask(&phone, &register("alice").with(contact), "alice");
    assert_eq!(answer.status, 200, "{}", answer.text);
    let clock = Clock::system();
    let deadline = clock.now() + 3 * PATIENCE;
    while site.count("bindings") != 1 {
        assert!(clock.now() < deadline, "{} contacts stand", site.count("bindings"));
        // Between two looks; what is waited for is the event.
        assert!(phone.next(Duration::from_millis(200)).is_none());
    }
}

#[test]
fn a_clock_that_is_set_ends_no_registration_nonce_or_held_message() {
    let server = Server::start_with_clock("[registrar]\nmin_expires = 1\n");
    for user in ["alice", "bob", "carol"] {
        server.add_user(user, PASSWORD);
    }
    let site = Site { server };
    let bob = site.phone("bob");
    let phone = Phone::new(site.server.udp);
    let held = site.ask(&phone, &message("alice", "carol", "for later"), "alice");
    assert_eq!(held.status, 202, "{}", held.text);
    let nonce = Nonce::from(&phone.ask(&register("alice").bytes()));
    let uri = format!("sip:{DOMAIN}");
    for (turn, offset) in ["+1h", "+3650d", "-1h", "-1d", "-20000d", "+0"].iter().enumerate() {
        site.server.set_clock(offset);
        wait_for_a_sweep(&site);
        assert_eq!(site.count("held_messages"), 1, "{offset}");
        let line = nonce.answer("REGISTER", &uri, "alice", PASSWORD, turn as u32 + 1);
        let answer = phone.ask(&register("alice").with(line).bytes());
        assert_eq!(answer.status, 200, "{offset}: {}", answer.text);
        // Bob is still reached.
        let draft = message("alice", "bob", offset);
        Phone::new(site.server.udp).send(&site.signed(draft, "alice").bytes());
        assert!(bob.serve("MESSAGE", "200 OK", "").contains(offset));
    }
    let carol = site.phone("carol");
    assert!(carol.serve("MESSAGE", "200 OK", "").contains("for later"));
    site.assert_calm(2);
}
