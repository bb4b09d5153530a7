//! Each count of a nonce once, against a plain model of what was seen.

use std::collections::BTreeSet;

use super::*;

/// How far a count may lie behind the highest.
const WINDOW: u32 = 64;

proptest! {
    /// RFC 7616 s5.5: 64 counts in any order are each taken once, then never again.
    #[test]
    fn a_whole_window_of_counts_is_taken_in_any_order_each_once(
        counts in Just((1..=WINDOW).collect::<Vec<u32>>()).prop_shuffle(), base in 0..1_000_000_u32
    ) {
        let table = table(100);
        let now = Tick::from_secs(1);
        let nonce = table.issue(now);
        for (place, count) in counts.iter().enumerate() {
            let expected = NonceVerdict::Fresh { first_use: place == 0 };
            prop_assert_eq!(table.check(nonce.as_bytes(), base + count, now), expected);
            prop_assert_eq!(table.check(nonce.as_bytes(), base + count, now), NonceVerdict::Stale);
        }
        for count in counts {
            prop_assert_eq!(table.check(nonce.as_bytes(), base + count, now), NonceVerdict::Stale);
        }
    }

    /// RFC 7616 s5.5: whatever counts come, as a set that remembers all of them would say.
    #[test]
    fn counts_are_taken_as_a_set_with_a_window_would_take_them(
        counts in proptest::collection::vec(prop_oneof![0..200_u32, any::<u32>()], 1..300)
    ) {
        let table = table(100);
        let now = Tick::from_secs(1);
        let nonce = table.issue(now);
        let mut seen = BTreeSet::new();
        for count in counts {
            let highest = seen.last().copied().unwrap_or(0);
            let expected =
                count > 0 && !seen.contains(&count) && highest.saturating_sub(count) < WINDOW;
            let verdict = table.check(nonce.as_bytes(), count, now);
            prop_assert_eq!(matches!(verdict, NonceVerdict::Fresh { .. }), expected, "{}", count);
            if expected {
                seen.insert(count);
            }
        }
    }

    /// However many nonces are used in whatever order, the table stays within its bound and no
    /// count of any of them is taken twice.
    #[test]
    fn no_count_is_taken_twice_however_small_the_table(
        uses in proptest::collection::vec((0..20_usize, 1..4_u32), 1..200)
    ) {
        let table = table(1);
        let nonces: Vec<_> = (0..20).map(|n| table.issue(Tick::from_secs(n))).collect();
        let now = Tick::from_secs(30);
        let mut taken = BTreeSet::new();
        for (nonce, count) in uses {
            let verdict = table.check(nonces[nonce].as_bytes(), count, now);
            if matches!(verdict, NonceVerdict::Fresh { .. }) {
                prop_assert!(taken.insert((nonce, count)), "played again");
            }
            prop_assert!(table.len() <= 64);
        }
    }
}

/// To examine is not to use: what was not proved spends nothing and fills nothing.
#[test]
fn examining_a_nonce_spends_no_count() {
    let table = table(100);
    let now = Tick::from_secs(1);
    let nonce = table.issue(now);
    for _ in 0..10 {
        assert!(table.examine(nonce.as_bytes(), now).is_ok());
    }
    assert!(table.is_empty());
    assert_eq!(table.check(nonce.as_bytes(), 1, now), FRESH_FIRST);
    // The MAC is looked at first: a nonce of ours with another's tag is no nonce of ours.
    let (mine, other) = (table.issue(now), table.issue(now));
    let mut mixed = mine.as_bytes().to_vec();
    mixed[24..].copy_from_slice(&other.as_bytes()[24..]);
    assert_eq!(table.examine(&mixed, now), Err(NonceVerdict::Forged));
    assert_eq!(table.examine(mine.as_bytes(), Tick::from_secs(301)), Err(NonceVerdict::Stale));
}

/// Two nonces of one moment are two, and unguessable.
#[test]
fn no_nonce_is_issued_twice() {
    let table = table(100);
    let all: BTreeSet<String> =
        (0..1_000).map(|_| table.issue(Tick::from_secs(1)).as_str().to_owned()).collect();
    assert_eq!(all.len(), 1_000);
}
