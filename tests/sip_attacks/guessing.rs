//! T26, T27: guessing names and passwords.

use crate::phone::Phone;
use crate::raw::Answer;
use crate::site::{Nonce, PASSWORD, Site, message, register};
use crate::support::server::DOMAIN;

/// One attempt with a password, from the challenge on.
fn attempt(phone: &Phone, user: &str, password: &str) -> Answer {
    let first = phone.ask(&register(user).bytes());
    let uri = format!("sip:{DOMAIN}");
    let line = Nonce::from(&first).answer("REGISTER", &uri, user, password, 1);
    phone.ask(&register(user).with(line).bytes())
}

/// An answer without what differs from request to request.
fn plain(answer: &Answer, user: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for line in answer.text.lines() {
        let mut line = line.replace(user, "USER");
        for mark in ["branch=", "tag=", "nonce=\"", "rport="] {
            while let Some(at) = line.find(mark) {
                let from = at + mark.len();
                let end = line.get(from..).and_then(|rest| rest.find([';', '"', ' ']));
                let end = end.map_or(line.len(), |step| from + step);
                line.replace_range(at..end, "*");
            }
        }
        if line.starts_with("Call-ID:") {
            line = "Call-ID: *".to_owned();
        }
        lines.push(line);
    }
    lines.join("\n")
}

/// T26: from the first request to the ban, nothing tells who exists.
#[test]
fn unknown_disabled_and_wrong_password_are_answered_alike() {
    let site = Site::new("[limits]\nsource_burst = 5000\n");
    site.server.add_user("carol", PASSWORD);
    assert_eq!(site.server.run(&["user", "disable", "carol"], None).code, 0);
    site.server.run(&["user", "add", "devic", "--name", "devices only"], None);
    let phone = Phone::new(site.server.udp);
    let mut seen: Vec<(String, Vec<String>)> = Vec::new();
    for user in ["alice", "carol", "nobod", "devic"] {
        let mut texts = vec![plain(&phone.ask(&register(user).bytes()), user)];
        let asked = phone.ask(&message(user, "bob", "hello").bytes());
        texts.push(plain(&asked, user));
        for _ in 0..12 {
            texts.push(plain(&attempt(&phone, user, "wrong"), user));
        }
        // Of the disabled and of the unknown the right password is as wrong as any other.
        if user != "alice" {
            texts.push(plain(&attempt(&phone, user, PASSWORD), user));
            let last = texts.pop();
            assert_eq!(last.as_ref(), texts.last(), "{user}");
        }
        seen.push((user.to_owned(), texts));
    }
    let (first, rest) = seen.split_first().expect("four");
    for (user, texts) in rest {
        assert_eq!(texts, &first.1, "{user} and {}", first.0);
    }
    // And to whom a stranger writes is not told either.
    let answers = ["alice", "carol", "nobod"]
        .map(|to| plain(&phone.ask(&message("eva", to, "hello").bytes()), to));
    let [one, two, three] = answers;
    assert!(one == two && two == three, "{one}\n{two}\n{three}");
    site.assert_calm(0);
}

/// T27, F-auth: who guesses is refused, for that account, from that address; nobody else is.
#[test]
fn ten_failures_ban_the_pair_of_source_and_account_until_it_is_lifted() {
    let site = Site::new("");
    let phone = Phone::new(site.server.udp);
    for n in 0..10 {
        assert_eq!(attempt(&phone, "alice", "wrong").status, 401, "{n}");
    }
    assert_eq!(attempt(&phone, "alice", "wrong").status, 403);
    assert_eq!(attempt(&phone, "alice", PASSWORD).status, 403, "banned is banned");
    assert_eq!(attempt(&phone, "ALICE", PASSWORD).status, 403, "by any spelling");
    assert_eq!(attempt(&phone, "bob", PASSWORD).status, 200, "another account");
    let elsewhere = Phone::at("127.0.0.2", site.server.udp);
    assert_eq!(attempt(&elsewhere, "alice", PASSWORD).status, 200, "another address");
    let bans = site.server.run(&["ban", "list", "--json"], None).json();
    assert_eq!(bans["bans"].as_array().map(Vec::len), Some(1), "{bans}");
    assert_eq!(bans["bans"][0]["source"], "127.0.0.1", "{bans}");
    assert_eq!(bans["bans"][0]["user"], "alice", "{bans}");
    let lifted = site.server.run(&["ban", "lift", "127.0.0.1", "--user", "alice"], None);
    assert_eq!(lifted.code, 0, "{}{}", lifted.out, lifted.err);
    assert_eq!(attempt(&phone, "alice", PASSWORD).status, 200, "lifted");
    let none = site.server.run(&["ban", "lift", "127.0.0.1"], None);
    assert_eq!(none.code, 3, "{}{}", none.out, none.err);
    site.assert_calm(0);
}

/// T27, decision 11: a source that guesses many names is refused for the accounts that were never
/// at home there, and for no other.
#[test]
fn a_source_that_guesses_many_names_locks_nobody_out_who_is_at_home_there() {
    let site = Site::new("[limits]\nsource_burst = 5000\nfailures_per_source = 30\n");
    let phone = Phone::new(site.server.udp);
    assert_eq!(attempt(&phone, "alice", PASSWORD).status, 200);
    for n in 0..30 {
        assert_eq!(attempt(&phone, &format!("guess{n}"), "wrong").status, 401, "{n}");
    }
    assert_eq!(attempt(&phone, "bob", PASSWORD).status, 403, "never at home here");
    assert_eq!(attempt(&phone, "alice", PASSWORD).status, 200, "at home here");
    let elsewhere = Phone::at("127.0.0.2", site.server.udp);
    assert_eq!(attempt(&elsewhere, "bob", PASSWORD).status, 200, "another address");
    site.assert_calm(0);
}

/// T27: many strangers with one failure each do not lock the owner out.
#[test]
fn failures_from_many_sources_do_not_lock_an_account() {
    let site = Site::new("");
    for n in 2..52 {
        let phone = Phone::at(&format!("127.0.0.{n}"), site.server.udp);
        assert_eq!(attempt(&phone, "alice", "wrong").status, 401, "{n}");
    }
    let owner = Phone::new(site.server.udp);
    assert_eq!(attempt(&owner, "alice", PASSWORD).status, 200);
    site.assert_calm(0);
}

/// R: a ban outlives the process.
#[test]
fn a_ban_survives_a_power_cut() {
    let mut site = Site::new("");
    let phone = Phone::new(site.server.udp);
    for _ in 0..11 {
        attempt(&phone, "alice", "wrong");
    }
    // A ban is written within 100 ms, and before whatever is written after it.
    site.server.add_user("carol", PASSWORD);
    site.server.kill();
    site.server.start_again();
    let phone = Phone::new(site.server.udp);
    assert_eq!(attempt(&phone, "alice", PASSWORD).status, 403);
    site.assert_calm(0);
}

/// Decision 11, security: a flood of strangers does not lock out who is signed in behind the same
/// address, while it lasts.
#[test]
fn a_flood_of_strangers_does_not_lock_out_a_person_behind_the_same_address() {
    let site = Site::new("[limits]\nsource_rate = 5\nsource_burst = 40\n");
    let alice = site.phone("alice");
    let bob = site.phone("bob");
    let stranger = Phone::new(site.server.udp);
    for n in 0..20 {
        for _ in 0..20 {
            stranger.send(&message("eva", "bob", "spam").bytes());
        }
        let draft = message("alice", "bob", &format!("hello {n}"));
        let first = alice.ask(&draft.bytes());
        let line = Nonce::from(&first).answer("MESSAGE", &draft.uri, "alice", PASSWORD, 1);
        alice.send(&draft.anew().with(line).bytes());
        bob.serve("MESSAGE", "200 OK", "");
        let ended = alice.next(crate::raw::PATIENCE).expect("an answer");
        assert!(ended.starts_with("SIP/2.0 200 "), "{ended}");
    }
    assert_eq!(site.count("panics"), 0);
    assert_eq!(site.count("bindings"), 2);
}
