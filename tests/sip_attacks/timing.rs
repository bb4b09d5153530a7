//! T26: how long an answer takes tells nothing of who exists.

use tagus::clock::Clock;

use crate::phone::Phone;
use crate::site::{Nonce, PASSWORD, Site, register};
use crate::support::separation::{mean, separation};
use crate::support::server::DOMAIN;

/// Attempts for each name.
const TRIES: usize = 2_000;

/// Measurements that a busy machine may spoil before the last word is said.
const ROUNDS: usize = 3;

/// Microseconds that the refusal of a wrong password took, for each of the names in turn.
fn measure(site: &Site, names: [&str; 3]) -> [Vec<u64>; 3] {
    let phone = Phone::new(site.server.udp);
    let clock = Clock::system();
    let uri = format!("sip:{DOMAIN}");
    // What is not proved spends no count, so one challenge serves for all.
    let nonce = Nonce::from(&phone.ask(&register(names[0]).bytes()));
    let mut times = [Vec::new(), Vec::new(), Vec::new()];
    for turn in 0..TRIES * names.len() {
        // Each kind comes first, second and third equally often.
        let kind = (turn + turn / names.len()) % names.len();
        let user = names[kind];
        let line = nonce.answer("REGISTER", &uri, user, "wrong", turn as u32 + 1);
        let bytes = register(user).with(line).bytes();
        let began = clock.now();
        let answer = phone.ask(&bytes);
        times[kind].push(clock.now().since(began).as_micros() as u64);
        assert_eq!(answer.status, 401, "{}", answer.text);
    }
    times
}

#[test]
fn the_time_of_a_refusal_tells_unknown_disabled_and_known_names_not_apart() {
    let site = Site::new(
        "[limits]\nsource_rate = 1000000\nsource_burst = 1000000\n\
         failures_per_source = 1000000\nfailures_per_source_account = 1000000\n",
    );
    site.server.add_user("carol", PASSWORD);
    assert_eq!(site.server.run(&["user", "disable", "carol"], None).code, 0);
    let mut found = Vec::new();
    for _ in 0..ROUNDS {
        let [known, disabled, unknown] = measure(&site, ["alice", "carol", "nobod"]);
        let apart = separation(&known, &disabled).max(separation(&known, &unknown));
        let slower = (mean(&known) - mean(&disabled)).abs();
        let slower = slower.max((mean(&known) - mean(&unknown)).abs());
        if apart < 0.6 && slower < 1_000.0 {
            return site.assert_calm(0);
        }
        found.push((apart, slower));
    }
    panic!("separation and microseconds between the means, three times: {found:?}");
}
