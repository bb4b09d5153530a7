//! Section 3 of what we promise: two thousand people behind one address, and one who guesses.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::phone::Phone;
use crate::raw::Answer;
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

/// One guess; what is dropped in silence counts as a refusal.
fn guess(guesser: &Phone, n: usize) -> Option<u16> {
    let uri = format!("sip:{DOMAIN}");
    let status = |text: String| text.get(8..11).and_then(|code| code.parse().ok());
    let wait = Duration::from_millis(200);
    guesser.send(&register("alice").bytes());
    let text = guesser.next(wait)?;
    let first = Answer { status: 401, text };
    if !first.text.starts_with("SIP/2.0 401") {
        return status(first.text);
    }
    let line = Nonce::from(&first).answer("REGISTER", &uri, "alice", &format!("guess {n}"), 1);
    guesser.send(&register("alice").with(line).bytes());
    status(guesser.next(wait)?)
}

/// With the limits as they come: not one of them is refused or left without an answer, challenge by
/// challenge, and the guesser behind the same address is.
#[test]
fn two_thousand_people_behind_one_address_are_served_while_a_guesser_is_stopped() {
    let site = Site::new("");
    add_people(&site, PEOPLE);
    // A receiver elsewhere, who takes every message.
    let bob = site.phone("bob");
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
            let mut last = None;
            for n in 0..12 {
                last = guess(&socket, n);
            }
            last
        });
        for n in 0..MESSAGES {
            // Each has a port of his own behind the translator.
            let socket = Phone::new(site.server.udp);
            let user = person(n);
            let answer = site.ask(&socket, &message(&user, "bob", "hello"), &user);
            assert_eq!(answer.status, 200, "{user}: {}", answer.text);
            if n % MESSAGES_TO_A_REGISTER == 0 {
                let contact = format!("Contact: <sip:{user}@{}>", socket.address());
                let answer = site.ask(&socket, &register(&user).with(contact), &user);
                assert_eq!(answer.status, 200, "{user}: {}", answer.text);
            }
        }
        over.store(true, Ordering::Relaxed);
        let last = guesser.join().expect("the guesser ends");
        assert!(matches!(last, Some(403) | None), "the guesser was told {last:?}");
    });
    let bans = site.server.run(&["ban", "list", "--json"], None).json();
    assert_eq!(bans["bans"].as_array().map(Vec::len), Some(1), "{bans}");
    assert_eq!(bans["bans"][0]["user"], "alice", "{bans}");
    assert_eq!(site.count("sip_dropped"), 0, "nobody was passed over in silence");
    // The address is nobody's to ban: the person who was guessed at signs in from elsewhere, and
    // here too once the ban is lifted.
    let elsewhere = Phone::at("127.0.0.2", site.server.udp);
    assert_eq!(site.ask(&elsewhere, &register("alice"), "alice").status, 200);
    let here = Phone::new(site.server.udp);
    assert_eq!(site.ask(&here, &register("alice"), "alice").status, 403);
    let lifted = site.server.run(&["ban", "lift", "127.0.0.1", "--user", "alice"], None);
    assert_eq!(lifted.code, 0, "{}{}", lifted.out, lifted.err);
    assert_eq!(site.ask(&here, &register("alice"), "alice").status, 200);
}
