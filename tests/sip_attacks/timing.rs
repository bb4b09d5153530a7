//! T26: how long an answer takes tells nothing of who exists.

use tagus::clock::Clock;

use crate::phone::Phone;
use crate::site::{Nonce, PASSWORD, Site, register};
use crate::support::server::DOMAIN;

/// Attempts for each name.
const TRIES: usize = 2_000;

/// Measurements that a busy machine may spoil before the last word is said.
const ROUNDS: usize = 3;

/// How well the times tell one kind from another: the chance that one of `these` took longer than
/// one of `those` (Mann and Whitney). One half: not at all.
fn separation(these: &[u64], those: &[u64]) -> f64 {
    let mut all: Vec<(u64, bool)> = these.iter().map(|time| (*time, true)).collect();
    all.extend(those.iter().map(|time| (*time, false)));
    all.sort_unstable();
    let mut rank_sum = 0.0;
    let mut from = 0;
    while let Some((time, _)) = all.get(from).copied() {
        let count = all.iter().skip(from).take_while(|(other, _)| *other == time).count();
        // Equal times share their ranks.
        let rank = from as f64 + (count as f64 + 1.0) / 2.0;
        let ours = all.iter().skip(from).take(count).filter(|(_, ours)| *ours).count();
        rank_sum += rank * ours as f64;
        from += count;
    }
    let (n, m) = (these.len() as f64, those.len() as f64);
    let wins = rank_sum - n * (n + 1.0) / 2.0;
    let area = wins / (n * m);
    area.max(1.0 - area)
}

fn mean(times: &[u64]) -> f64 {
    times.iter().sum::<u64>() as f64 / times.len() as f64
}

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

/// The classifier of the test above can tell apart what is apart.
#[test]
fn the_classifier_sees_fifty_microseconds_among_noise() {
    let noise = |seed: u64| (0..2_000_u64).map(move |n| 200 + (n * 7_919 + seed) % 97);
    let (slow, quick): (Vec<u64>, Vec<u64>) =
        (noise(1).map(|t| t + 50).collect(), noise(2).collect());
    assert!(separation(&slow, &quick) > 0.8, "{}", separation(&slow, &quick));
    assert!(separation(&quick, &quick) < 0.51);
}
