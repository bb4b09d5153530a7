use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::buckets::NEWCOMERS;
use super::*;
use crate::clock::ManualClock;

fn guard(limits: GuardLimits) -> (Guard, ManualClock) {
    let (clock, hands) = Clock::manual(WallTime::from_unix_secs(1_700_000_000));
    // Not the very first instant, at which everything is zero.
    hands.advance(Duration::from_secs(1_000));
    (Guard::new(limits, clock), hands)
}

fn source(last: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, last))
}

/// A place of that source.
fn at(last: u8) -> SocketAddr {
    SocketAddr::new(source(last), 5_060)
}

/// Section 3: 100 a second, 200 at once.
#[test]
fn a_source_may_send_its_burst_and_then_its_rate() {
    let (guard, hands) = guard(GuardLimits::default());
    let admitted = |n: u32| {
        let now = guard.clock.now();
        (0..n).filter(|_| guard.admit(now, source(1))).count()
    };
    assert_eq!(admitted(1_000), 200);
    hands.advance(Duration::from_secs(1));
    assert_eq!(admitted(1_000), 100);
    hands.advance(Duration::from_secs(60));
    assert_eq!(admitted(1_000), 200);
    assert!(guard.admit(guard.clock.now(), source(2)), "another source is not concerned");
}

/// Section 3: every shed is visible, in one line for each source in ten seconds.
#[test]
fn a_flood_is_told_once_in_ten_seconds_with_how_much_was_refused() {
    let (guard, hands) = guard(GuardLimits::default());
    let flood = |last: u8, count: u32| {
        let now = guard.clock.now();
        let from = SocketAddr::new(source(last), 5060);
        (0..count).filter(|_| !guard.admit_from(now, from)).count() as u64
    };
    assert_eq!(flood(1, 200), 0);
    assert_eq!(guard.floods(), []);
    let refused = flood(1, 1_000);
    assert_eq!(guard.floods(), [Flood { source: Some(source(1)), refused }]);
    flood(1, 1_000);
    assert_eq!(guard.floods(), [], "it was told just now");
    hands.advance(Duration::from_secs(10));
    let told: u64 = guard.floods().iter().map(|flood| flood.refused).sum();
    assert_eq!(told, 1_000);
    // However many sources there are.
    let refused: u64 = (0..=255).map(|last| flood(last, 300)).sum();
    hands.advance(Duration::from_secs(10));
    let told = guard.floods();
    assert!(told.len() <= 33, "{}", told.len());
    assert_eq!(told.iter().map(|flood| flood.refused).sum::<u64>(), refused);
}

/// A campus behind one address passes.
#[test]
fn a_source_whose_credentials_prove_valid_never_runs_dry() {
    let (guard, hands) = guard(GuardLimits::default());
    for _ in 0..50 {
        for _ in 0..2_000 {
            let now = guard.clock.now();
            assert!(guard.admit(now, source(1)), "the request that is challenged");
            assert!(guard.admit(now, source(1)), "the one with credentials");
            guard.give_back(source(1), 2);
        }
        hands.advance(Duration::from_secs(1));
    }
}

/// RFC 5626 s4.4.2: devices that keep their flows alive use tokens of their own, strangers the source's.
#[test]
fn keep_alives_of_devices_take_nothing_from_strangers_behind_their_address() {
    let (guard, _) = guard(GuardLimits::default());
    let now = guard.clock.now();
    let place = |port| SocketAddr::new(source(1), port);
    for port in 1..=1_000 {
        guard.proved(now, place(port), 0);
        assert!(guard.admit_keep_alive(now, place(port)));
    }
    let strangers = (0..1_000).filter(|_| guard.admit_keep_alive(now, place(2_000))).count();
    assert_eq!(strangers, 200);
    assert!(!guard.admit(now, source(1)), "these were the source's");
    assert!(guard.admit_keep_alive(now, place(1)));
}

#[test]
fn tokens_given_back_do_not_pile_up() {
    let (guard, _) = guard(GuardLimits::default());
    let now = guard.clock.now();
    assert!(guard.admit(now, source(1)));
    guard.give_back(source(1), 1_000_000);
    assert_eq!((0..1_000).filter(|_| guard.admit(now, source(1))).count(), 200);
}

#[test]
fn a_user_may_send_a_burst_of_messages_and_learns_how_long_to_wait() {
    let (guard, hands) = guard(GuardLimits::default());
    let now = guard.clock.now();
    for _ in 0..100 {
        assert_eq!(guard.admit_message(now, "alice"), Ok(()));
    }
    assert_eq!(guard.admit_message(now, "alice"), Err(Duration::from_millis(50)));
    assert_eq!(guard.admit_message(now, "bob"), Ok(()));
    hands.advance(Duration::from_millis(50));
    assert_eq!(guard.admit_message(guard.clock.now(), "alice"), Ok(()));
}

#[test]
fn an_ipv6_source_is_its_network_and_a_mapped_one_is_ipv4() {
    let (guard, _) = guard(GuardLimits { source_burst: 1, ..GuardLimits::default() });
    let now = guard.clock.now();
    assert!(guard.admit(now, "2001:db8::1".parse().unwrap()));
    assert!(!guard.admit(now, "2001:db8::ffff:2".parse().unwrap()));
    assert!(guard.admit(now, "2001:db8:0:1::1".parse().unwrap()));
    assert!(guard.admit(now, source(1)));
    assert!(!guard.admit(now, "::ffff:192.0.2.1".parse().unwrap()));
}

/// F-auth
#[test]
fn ten_failures_ban_the_pair_and_nobody_else() {
    let (guard, hands) = guard(GuardLimits::default());
    let now = guard.clock.now();
    for _ in 0..9 {
        assert_eq!(guard.failure(now, at(1), "alice"), []);
    }
    assert_eq!(guard.check(now, at(1), "alice"), Verdict::Allowed);
    let bans = guard.failure(now, at(1), "alice");
    let until = WallTime::from_unix_secs(1_700_000_000 + 1_000 + 300);
    assert_eq!(bans, [Ban { source: source(1), account: Some("alice".into()), until }]);
    assert_eq!(guard.bans(), bans);
    let left = Duration::from_secs(300);
    assert_eq!(guard.check(now, at(1), "alice"), Verdict::Refused(left));
    assert_eq!(guard.check(now, at(1), "bob"), Verdict::Allowed);
    assert_eq!(guard.check(now, at(2), "alice"), Verdict::Allowed);
    hands.advance(Duration::from_secs(300));
    assert_eq!(guard.check(guard.clock.now(), at(1), "alice"), Verdict::Allowed);
    assert_eq!(guard.bans(), []);
}

#[test]
fn failures_count_within_their_window_and_end_with_a_success() {
    let (guard, hands) = guard(GuardLimits::default());
    let fail = |times: usize| -> usize {
        (0..times).map(|_| guard.failure(guard.clock.now(), at(1), "alice").len()).sum()
    };
    assert_eq!(fail(9), 0);
    guard.success(guard.clock.now(), at(1), "alice");
    assert_eq!(fail(9), 0);
    hands.advance(Duration::from_secs(300));
    assert_eq!(fail(9), 0);
    assert_eq!(fail(1), 1);
}

/// A stranger behind the same address locks out nobody who is at home there.
#[test]
fn a_source_as_a_whole_is_refused_only_for_strangers() {
    let (guard, _) = guard(GuardLimits::default());
    let now = guard.clock.now();
    guard.success(now, at(1), "alice");
    let mut bans = Vec::new();
    for guess in 0..100 {
        bans.extend(guard.failure(now, at(1), &format!("guess{guess}")));
    }
    assert_eq!(bans.len(), 1);
    assert_eq!((bans[0].source, &bans[0].account), (source(1), &None));
    assert!(matches!(guard.check(now, at(1), "stranger"), Verdict::Refused(_)));
    assert_eq!(guard.check(now, at(1), "alice"), Verdict::Allowed);
    assert_eq!(guard.check(now, at(2), "stranger"), Verdict::Allowed);
    // Her own failures still count.
    for _ in 0..10 {
        guard.failure(now, at(1), "alice");
    }
    assert!(matches!(guard.check(now, at(1), "alice"), Verdict::Refused(_)));
}

/// Ten datagrams that somebody forges, or sends from behind the same address, do not put out who is
/// there; and that count is not open to guesses either.
#[test]
fn a_stranger_locks_nobody_out_of_a_place_that_he_signed_in_from() {
    let (guard, hands) = guard(GuardLimits::default());
    let now = guard.clock.now();
    let (home, stranger) = (at(1), SocketAddr::new(source(1), 6_666));
    guard.success(now, home, "alice");
    let bans: usize = (0..50).map(|_| guard.failure(now, stranger, "alice").len()).sum();
    assert_eq!(bans, 1);
    assert!(matches!(guard.check(now, stranger, "alice"), Verdict::Refused(_)));
    assert_eq!(guard.check(now, home, "alice"), Verdict::Allowed);
    guard.success(now, home, "alice");
    assert!(matches!(guard.check(now, stranger, "alice"), Verdict::Refused(_)));
    for _ in 0..10 {
        assert_eq!(guard.check(now, home, "alice"), Verdict::Allowed);
        guard.failure(now, home, "alice");
    }
    assert!(matches!(guard.check(now, home, "alice"), Verdict::Refused(_)));
    assert_eq!(guard.bans().len(), 1);
    assert_eq!(guard.lift(None, Some("alice")).len(), 1);
    assert_eq!(guard.check(now, home, "alice"), Verdict::Allowed);
    // The oldest of five places is forgotten.
    hands.advance(Duration::from_secs(1));
    for port in 1..=4 {
        guard.success(guard.clock.now(), SocketAddr::new(source(1), port), "alice");
    }
    for _ in 0..10 {
        guard.failure(guard.clock.now(), stranger, "alice");
    }
    assert!(matches!(guard.check(guard.clock.now(), home, "alice"), Verdict::Refused(_)));
}

/// T27: guesses that come from everywhere lock no account.
#[test]
fn distributed_guesses_do_not_lock_the_owner_out() {
    let (guard, _) = guard(GuardLimits::default());
    let now = guard.clock.now();
    for last in 2..=50 {
        for _ in 0..20 {
            guard.failure(now, at(last), "alice");
        }
    }
    assert_eq!(guard.bans().len(), 49);
    assert_eq!(guard.check(now, at(1), "alice"), Verdict::Allowed);
}

#[test]
fn bans_are_lifted_by_source_by_account_or_by_both() {
    let (guard, _) = guard(GuardLimits::default());
    let now = guard.clock.now();
    for (last, account) in [(1, "alice"), (1, "bob"), (2, "alice"), (3, "carol")] {
        for _ in 0..10 {
            guard.failure(now, at(last), account);
        }
    }
    assert_eq!(guard.lift(Some(source(1)), Some("bob")).len(), 1);
    assert_eq!(guard.lift(None, Some("alice")).len(), 2);
    assert_eq!(guard.lift(Some(source(9)), None).len(), 0);
    assert_eq!(guard.lift(Some(source(3)), None).len(), 1);
    assert_eq!(guard.bans(), []);
    assert_eq!(guard.check(now, at(1), "alice"), Verdict::Allowed);
}

/// T27: survives a restart, for as long as it would have lasted.
#[test]
fn persisted_bans_are_restored_and_never_outlast_the_ban_time() {
    let (guard, _) = guard(GuardLimits::default());
    let now = guard.clock.now();
    let wall = guard.clock.wall();
    let ban = |last, account: Option<&str>, seconds| Ban {
        source: source(last),
        account: account.map(str::to_owned),
        until: WallTime::from_unix_secs(wall.unix_secs() + seconds - 1_000),
    };
    guard.restore(&[
        ban(1, Some("alice"), 1_100),
        ban(2, None, 1_000_000),
        ban(3, Some("bob"), 900),
    ]);
    let left = |seconds| Verdict::Refused(Duration::from_secs(seconds));
    assert_eq!(guard.check(now, at(1), "alice"), left(100));
    assert_eq!(guard.check(now, at(2), "anybody"), left(300));
    assert_eq!(guard.check(now, at(3), "bob"), Verdict::Allowed);
    assert_eq!(guard.bans().len(), 2);
}

/// T74: invented sources and names are forgotten, and bound in number until then.
#[test]
fn memory_is_bounded_and_returns() {
    let (guard, hands) = guard(GuardLimits { capacity: 1_600, ..GuardLimits::default() });
    for index in 0..20_000_u32 {
        let now = guard.clock.now();
        let from = IpAddr::V4(Ipv4Addr::from_bits(index * 7));
        let _ = guard.admit(now, from);
        let _ = guard.admit_message(now, &format!("user{index}"));
        guard.failure(now, SocketAddr::new(from, 1), "a");
        guard.failure(now, at(1), &format!("name{index}"));
        assert!(guard.len() <= 6 * 1_600 + SHARDS, "{}", guard.len());
    }
    hands.advance(Duration::from_secs(600));
    guard.prune();
    assert!(guard.is_empty(), "{}", guard.len());
}

/// A flood of invented sources takes nothing from those that are known, and newcomers still come
/// through at a rate.
#[test]
fn a_full_table_leaves_known_sources_their_buckets() {
    let (guard, _) = guard(GuardLimits { capacity: SHARDS * 4, ..GuardLimits::default() });
    let now = guard.clock.now();
    assert!(guard.admit(now, source(1)));
    let admitted = (0..1_000_000_u32)
        .filter(|index| guard.admit(now, IpAddr::V4(Ipv4Addr::from_bits(0x0A00_0000 + index))))
        .count();
    let most = SHARDS * 4 + SHARDS * 200 * NEWCOMERS as usize;
    assert!((1_000..=most).contains(&admitted), "{admitted}");
    assert_eq!((0..1_000).filter(|_| guard.admit(now, source(1))).count(), 199);
}

proptest! {
    /// Whatever the times and order, a bucket gives no more than its depth and its rate.
    #[test]
    fn a_bucket_never_gives_more_than_it_has(steps in prop::collection::vec(0_u64..50_000, 1..400)) {
        let (guard, hands) = guard(GuardLimits::default());
        let start = guard.clock.now();
        let mut admitted = 0_u128;
        for step in steps {
            hands.advance(Duration::from_micros(step));
            let now = guard.clock.now();
            for _ in 0..7 {
                admitted += u128::from(guard.admit(now, source(1)));
            }
            prop_assert!(admitted <= 200 + now.since(start).as_micros() / 10_000 + 1);
        }
    }
}

/// Strangers behind an address cannot drown a device that is at home there.
#[test]
fn a_place_that_somebody_signed_in_from_is_served_when_strangers_have_emptied_the_source() {
    let (guard, hands) = guard(GuardLimits::default());
    let home = SocketAddr::new(source(1), 5_060);
    let stranger = SocketAddr::new(source(1), 5_061);
    assert!(guard.admit_from(guard.clock.now(), home));
    guard.proved(guard.clock.now(), home, 1);
    for _ in 0..500 {
        let now = guard.clock.now();
        while guard.admit_from(now, stranger) {}
        assert!(guard.admit_from(now, home), "the request that is challenged");
        assert!(guard.admit_from(now, home), "the one with credentials");
        guard.proved(now, home, 2);
        assert!(!guard.admit_from(now, stranger), "what came back is not the strangers'");
    }
    let now = guard.clock.now();
    assert_eq!((0..1_000).filter(|_| guard.admit_from(now, home)).count(), 200);
    hands.advance(Duration::from_secs(3 * 3_600));
    let now = guard.clock.now();
    while guard.admit_from(now, stranger) {}
    assert!(!guard.admit_from(now, home), "it is nobody's any more");
}

/// Section 3: ten minutes of a campus behind one address, each person with a REGISTER in ten minutes
/// and a message in ten seconds, each challenged; and somebody there who guesses.
#[test]
fn two_thousand_people_behind_one_address_pass_and_a_guesser_does_not() {
    const PEOPLE: u32 = 2_000;
    let (guard, hands) = guard(GuardLimits::default());
    let stranger = SocketAddr::new(source(1), 4_000);
    let mut guesses = 0;
    for tick in 0..10 * 60 * 200_u32 {
        let now = guard.clock.now();
        let user = format!("p{}", tick % PEOPLE);
        let home = SocketAddr::new(source(1), 10_000 + (tick % PEOPLE) as u16);
        // In each turn of ten seconds another sixtieth of them registers as well.
        let registers = tick / PEOPLE == (tick % PEOPLE) % 60;
        for register in [false, true].into_iter().take(1 + usize::from(registers)) {
            assert!(guard.admit_from(now, home), "{tick}: the request that is challenged");
            assert!(guard.admit_from(now, home), "{tick}: the one with credentials");
            assert_eq!(guard.check(now, home, &user), Verdict::Allowed, "{tick}");
            guard.success(now, home, &user);
            guard.proved(now, home, 2);
            let rate = if register {
                guard.admit_request(now, &user)
            } else {
                guard.admit_message(now, &user)
            };
            assert_eq!(rate, Ok(()), "{tick}");
        }
        // Twenty guesses a second, at a person and at names that are nobody's, once they are at home.
        if tick >= PEOPLE && tick % 10 == 0 && guard.admit_from(now, stranger) {
            let name = if tick % 20 == 0 { "p7".to_owned() } else { format!("x{tick}") };
            if guard.check(now, stranger, &name) == Verdict::Allowed {
                guesses += 1;
                guard.failure(now, stranger, &name);
            }
        }
        hands.advance(Duration::from_millis(5));
    }
    assert!(guesses < 2_000, "{guesses} of 12,000 guesses were looked at");
}

/// Section 3: who was bound before a restart comes back at once, whoever else is behind his address.
#[test]
fn the_bucket_of_an_address_is_deeper_by_all_who_are_at_home_there() {
    let (guard, hands) = guard(GuardLimits::default());
    let now = guard.clock.now();
    for n in 0..300 {
        guard.remember(now, SocketAddr::new(source(1), 5060), &format!("p{n}"), false);
    }
    assert_eq!((guard.people(source(1)), guard.people(source(2))), (300, 0));
    let admitted = |last: u8| (0..2_000).filter(|_| guard.admit(now, source(last))).count();
    assert_eq!(admitted(1), 200 + 2 * 300);
    assert_eq!(admitted(2), 200);
    // Guesses at other names make nobody at home.
    guard.failure(now, at(2), "p0");
    assert_eq!(guard.people(source(2)), 0);
    guard.success(now, at(2), "p0");
    assert_eq!(guard.people(source(2)), 1);
    hands.advance(REMEMBERED);
    guard.prune();
    assert_eq!(guard.people(source(1)), 0);
}

/// A datagram's port is often the same after a restart of ours, and that of a connection never.
#[test]
fn a_device_that_was_bound_by_datagram_keeps_tokens_of_its_own_over_a_restart() {
    let (guard, _hands) = guard(GuardLimits::default());
    let now = guard.clock.now();
    let (device, stream) = (SocketAddr::new(source(1), 5060), SocketAddr::new(source(1), 5061));
    guard.remember(now, device, "ana", true);
    guard.remember(now, stream, "rui", false);
    let stranger = SocketAddr::new(source(1), 9);
    while guard.admit_from(now, stranger) {}
    assert!(!guard.admit_from(now, stream));
    assert!(guard.admit_from(now, device));
}
