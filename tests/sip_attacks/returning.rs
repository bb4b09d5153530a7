//! Section 3: everybody comes back at once after a restart, and somebody behind the same address
//! would keep them out.

use std::sync::{Barrier, Mutex};
use std::time::Duration;

use crate::campus::{add_people, person};
use crate::connection::{Connection, Door, End};
use crate::phone::Phone;
use crate::raw::Draft;
use crate::site::{Nonce, PASSWORD, Site, register};
use crate::streams::from_address;
use crate::support::server::DOMAIN;

/// More than `limits.connections_per_source`, and more than the burst of a source.
const PEOPLE: usize = 400;

/// What one address has for strangers.
const STRANGERS: usize = 128;

/// Threads of the clients.
const HANDS: usize = 4;

/// REGISTER and the answer to its challenge over a connection that stands: the status at last.
fn come_back(connection: &mut Connection, user: &str) -> u16 {
    let contact = format!("Contact: <sip:{user}@phone.invalid;transport=tls>");
    let draft = register(user).with(contact);
    let mut ask = |draft: &Draft| -> Option<crate::raw::Answer> {
        connection.write(&draft.bytes());
        let text = connection.next_message(Duration::from_secs(10)).ok()?;
        Some(crate::raw::Answer::new(&text))
    };
    let Some(first) = ask(&draft) else { return 0 };
    if first.status != 401 {
        return first.status;
    }
    let uri = format!("sip:{DOMAIN}");
    let line = Nonce::from(&first).answer("REGISTER", &uri, user, PASSWORD, 1);
    ask(&draft.anew().with(line)).map_or(0, |answer| answer.status)
}

#[test]
fn everybody_behind_one_address_comes_back_over_tls_past_half_handshakes_after_a_restart() {
    let mut site = Site::new("");
    add_people(&site, PEOPLE);
    for n in 0..PEOPLE {
        site.sign_in(&Phone::new(site.server.udp), &person(n));
    }
    site.server.stop();
    site.server.start_again();
    let half: Vec<Connection> = (0..STRANGERS)
        .map(|_| {
            let mut connection = Connection::new(site.server.tls);
            connection.write(b"\x16\x03\x01\x02\x00\x01");
            connection
        })
        .collect();
    let door = Door::secure(site.server.tls, &site.server.authority());
    let connections: Vec<Connection> = (0..PEOPLE).map(|_| door.connect()).collect();
    let waiting = Mutex::new(connections.into_iter().enumerate());
    let (outcomes, began) = (Mutex::new(Vec::new()), Barrier::new(HANDS));
    std::thread::scope(|scope| {
        for _ in 0..HANDS {
            scope.spawn(|| {
                began.wait();
                loop {
                    let next = waiting.lock().expect("a list").next();
                    let Some((n, mut connection)) = next else { return };
                    let status = come_back(&mut connection, &person(n));
                    // The connection stays until all are back.
                    outcomes.lock().expect("a list").push((status, connection));
                }
            });
        }
    });
    let outcomes = outcomes.into_inner().expect("a list");
    let back = outcomes.iter().filter(|(status, _)| *status == 200).count();
    let others: Vec<u16> =
        outcomes.iter().map(|(status, _)| *status).filter(|status| *status != 200).collect();
    assert_eq!(site.count("connections_refused"), 0);
    assert_eq!(back, PEOPLE, "the others got {others:?}");
    assert_eq!(site.count("sip_shed"), 0, "nobody was told to come later");
    drop((half, outcomes));
    assert_eq!(site.count("panics"), 0);
}

/// N-conn, decision 11: an address has so many places for strangers. Who has one and says nothing
/// gives way to who comes later; those who signed in do not count, and other sources are not touched.
#[test]
fn a_newcomer_takes_the_place_of_the_oldest_connection_that_said_nothing() {
    let site = Site::new("");
    let mut crowd: Vec<Connection> =
        (0..STRANGERS).map(|_| from_address("127.0.3.1", site.server.tls)).collect();
    let clock = tagus::clock::Clock::system();
    let deadline = clock.now() + crate::raw::PATIENCE;
    while site.count("connections") < STRANGERS as u64 {
        assert!(clock.now() < deadline, "they are not accepted");
    }
    // As soon as the first of them has been silent for long enough, and not before.
    let mut newcomer = loop {
        assert!(clock.now() < deadline, "nobody gives way");
        let mut next = from_address("127.0.3.1", site.server.tcp);
        next.write(&Draft::ping().bytes());
        if next.read_to_end(Duration::from_millis(100)) == End::Open && !next.text().is_empty() {
            break next;
        }
    };
    assert!(newcomer.text().starts_with("SIP/2.0 200 "), "{}", newcomer.text());
    // Workers accept side by side, so which of them was the oldest is theirs to say.
    let mut gone = 0;
    while gone == 0 && clock.now() < deadline {
        let ended = |one: &mut Connection| one.read_to_end(Duration::from_millis(1)) != End::Open;
        gone = crowd.iter_mut().map(ended).filter(|ended| *ended).count();
    }
    assert_eq!(gone, 1, "one of those that said nothing");
    assert_eq!(site.count("connections_displaced"), 1);
    newcomer.write(&Draft::ping().bytes());
    newcomer.read_until("OPTIONS");
    site.assert_calm(0);
}
