//! T10: many who begin and never end cost the others nothing.

use std::time::Duration;

use tagus::clock::Clock;

use crate::connection::Connection;
use crate::phone::Phone;
use crate::raw::Draft;
use crate::site::{Site, message};
use crate::streams::from_address;

/// Peers that say half a message and then nothing, or a byte at a time.
const HALF_OPEN: usize = 1_000;

/// Requests of others meanwhile.
const REQUESTS: usize = 500;

#[test]
fn a_thousand_half_open_peers_do_not_slow_the_others_down() {
    let site = Site::new("[limits]\nsource_rate = 1000000\nsource_burst = 1000000\n");
    let half = message("alice", "bob", "hello").bytes();
    let half = half.get(..half.len() / 2).expect("half");
    // Within the limits: no more than 128 of a source, 1,024 in all.
    let mut peers: Vec<Connection> = (0..HALF_OPEN)
        .map(|n| {
            let address = format!("127.0.1.{}", 1 + n / 100);
            let mut peer = from_address(&address, site.server.tcp);
            peer.write(if n % 2 == 0 { half } else { b"MESSAGE sip:b" });
            peer
        })
        .collect();
    let clock = Clock::system();
    let phone = Phone::new(site.server.udp);
    let mut stream = from_address("127.0.2.1", site.server.tcp);
    let mut times = Vec::with_capacity(2 * REQUESTS);
    for n in 0..REQUESTS {
        // Some of them say a little more all the time.
        if let Some(peer) = peers.get_mut((n * 2 + 1) % HALF_OPEN) {
            peer.write(b"o");
        }
        let began = clock.now();
        assert_eq!(phone.ask(&Draft::ping().bytes()).status, 200);
        times.push(clock.now().since(began));
        let ping = Draft::ping();
        let began = clock.now();
        stream.write(&ping.bytes());
        stream.read_until(ping.branch());
        times.push(clock.now().since(began));
    }
    times.sort_unstable();
    let p99 = times[times.len() * 99 / 100];
    assert!(p99 < Duration::from_millis(200), "{p99:?}");
    assert_eq!(site.count("connections"), HALF_OPEN as u64 + 1, "all of them stand");
    drop(peers);
    site.assert_calm(0);
}
