//! Section 3 of what we promise: two thousand people behind one address, and one who guesses.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::phone::Phone;
use crate::site::{Nonce, PASSWORD, Site, message, register};
use crate::support::server::DOMAIN;

/// Who they are.
const PEOPLE: usize = 2_000;

/// Each registers once in ten minutes: so many messages to one REGISTER.
const MESSAGES_TO_A_REGISTER: usize = 60;

/// What they write in five seconds, each once in ten. It is sent as fast as it is answered.
const MESSAGES: usize = PEOPLE / 2;

pub(crate) fn person(n: usize) -> String {
    format!("p{n:04}")
}

pub(crate) fn add_people(site: &Site, people: usize) {
    let mut csv = String::from("user,name,mail,password,groups\n");
    for n in 0..people {
        let user = person(n);
        csv.push_str(&format!("{user},{user},,{PASSWORD},\n"));
    }
    let folder = tempfile::tempdir().expect("a directory");
    let path = folder.path().join("people.csv");
    std::fs::write(&path, csv).expect("a file");
    let path = path.to_str().expect("text");
    let imported = site.server.run(&["user", "import", path], None);
    assert_eq!(imported.code, 0, "{}{}", imported.out, imported.err);
}

/// The one who is guessed at, while he is there.
const RESIDENT: usize = PEOPLE - 1;

/// One guess at the resident.
fn guess(guesser: &Phone, n: usize) -> u16 {
    let uri = format!("sip:{DOMAIN}");
    let user = person(RESIDENT);
    let draft = register(&user);
    let first = guesser.ask(&draft.bytes());
    if first.status != 401 {
        return first.status;
    }
    let line = Nonce::from(&first).answer("REGISTER", &uri, &user, &format!("guess {n}"), 1);
    guesser.ask(&draft.anew().with(line).bytes()).status
}

/// With the limits as they come: not one of them is refused or left without an answer, challenge by
/// challenge, and the guesser behind the same address is: the one who is guessed at is served where he is.
#[test]
fn two_thousand_people_behind_one_address_are_served_while_a_guesser_is_stopped() {
    let site = Site::new("");
    add_people(&site, PEOPLE);
    // A receiver elsewhere, who takes every message.
    let bob = site.phone("bob");
    let resident = Phone::new(site.server.udp);
    let at_home = |phone: &Phone| site.ask(phone, &register(&person(RESIDENT)), &person(RESIDENT));
    assert_eq!(at_home(&resident).status, 200);
    let over = AtomicBool::new(false);
    let over = &over;
    std::thread::scope(|scope| {
        scope.spawn(move || {
            while !over.load(Ordering::Relaxed) {
                if let Some(text) = bob.next(Duration::from_millis(50))
                    && text.starts_with("MESSAGE ")
                {
                    bob.answer(&text, "200 OK", "");
                }
            }
        });
        let guesser = scope.spawn(|| {
            let socket = Phone::new(site.server.udp);
            (0..12).fold(0, |_, n| guess(&socket, n))
        });
        for n in 0..MESSAGES {
            // Each has a port of his own behind the translator.
            let socket = Phone::new(site.server.udp);
            let user = person(n);
            let answer = site.ask(&socket, &message(&user, "bob", "hello"), &user);
            assert_eq!(answer.status, 200, "{user}: {}", answer.text);
            if n % MESSAGES_TO_A_REGISTER == 0 {
                assert_eq!(at_home(&resident).status, 200);
                let contact = format!("Contact: <sip:{user}@{}>", socket.address());
                let answer = site.ask(&socket, &register(&user).with(contact), &user);
                assert_eq!(answer.status, 200, "{user}: {}", answer.text);
            }
        }
        over.store(true, Ordering::Relaxed);
        let last = guesser.join().expect("the guesser ends");
        assert_eq!(last, 403, "what the guesser was told");
    });
    assert_eq!(at_home(&resident).status, 200);
    let bans = site.server.run(&["ban", "list", "--json"], None).json();
    assert_eq!(bans["bans"].as_array().map(Vec::len), Some(1), "{bans}");
    assert_eq!(bans["bans"][0]["user"], person(RESIDENT).as_str(), "{bans}");
    assert_eq!(site.count("sip_dropped"), 0, "nobody was passed over in silence");
    // The address is nobody's to ban: the person who was guessed at signs in from elsewhere, and
    // from another port here once the ban is lifted.
    assert_eq!(at_home(&Phone::at("127.0.0.2", site.server.udp)).status, 200);
    let here = Phone::new(site.server.udp);
    assert_eq!(at_home(&here).status, 403);
    let user = person(RESIDENT);
    let lifted = site.server.run(&["ban", "lift", "127.0.0.1", "--user", &user], None);
    assert_eq!(lifted.code, 0, "{}{}", lifted.out, lifted.err);
    assert_eq!(at_home(&here).status, 200);
}
