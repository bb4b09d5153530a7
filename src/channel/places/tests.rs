//! Who has a place, and who gives way to whom.

use std::sync::atomic::AtomicUsize;

use super::*;

const NOW: Tick = Tick::from_micros(1_000_000);

fn at(second: u64) -> Tick {
    NOW + Duration::from_secs(second)
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn places(per_source: usize, strangers: usize) -> Arc<Places> {
    Places::new(Room { per_source, strangers, total: 1_000 })
}

/// So many people live at 192.0.2.1, and nobody anywhere else.
struct Campus(usize);

impl Residents for Campus {
    fn people(&self, source: IpAddr) -> usize {
        if source == ip("192.0.2.1") { self.0 } else { 0 }
    }
}

/// A place that tells when it has to be left.
fn watched(place: &Place) -> Arc<AtomicUsize> {
    let left = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&left);
    place.on_leave(move || {
        counter.fetch_add(1, Ordering::Relaxed);
    });
    left
}

fn was_left(left: &AtomicUsize) -> bool {
    left.load(Ordering::Relaxed) == 1
}

#[test]
fn a_place_is_free_again_when_its_connection_ends() {
    let places = places(2, 3);
    let (one, two) = (ip("192.0.2.1"), ip("192.0.2.2"));
    let first = places.take(one, NOW).unwrap();
    let _second = places.take(ip("::ffff:192.0.2.1"), NOW).unwrap();
    assert!(places.take(one, NOW).is_none(), "over the bound of a source");
    let third = places.take(two, NOW).unwrap();
    assert!(places.take(two, NOW).is_none(), "over the bound of all");
    drop(first);
    let _fourth = places.take(one, NOW).unwrap();
    drop(third);
    assert!(places.take(two, NOW).is_some());
    assert_eq!(places.lock().by_source.len(), 1);
    assert_eq!(places.displaced(), 0);
}

#[test]
fn an_ipv6_source_is_its_64_bits() {
    let places = places(1, 10);
    let _one = places.take(ip("2001:db8:0:1::1"), NOW).unwrap();
    assert!(places.take(ip("2001:db8:0:1::2"), NOW).is_none());
    assert!(places.take(ip("2001:db8:0:2::1"), NOW).is_some());
}

#[test]
fn who_says_nothing_for_a_while_gives_way_to_a_newcomer_and_the_oldest_first() {
    let places = places(2, 10);
    let one = ip("192.0.2.1");
    let oldest = places.take(one, NOW).unwrap();
    let younger = places.take(one, at(1)).unwrap();
    let (oldest_left, younger_left) = (watched(&oldest), watched(&younger));
    let newcomer = places.take(one, at(1)).unwrap();
    assert!(was_left(&oldest_left) && !was_left(&younger_left));
    assert!(places.take(one, at(1)).is_none(), "the others are as new as this one");
    // Whose place is gone gives nothing back.
    drop(oldest);
    assert!(places.take(one, at(1)).is_none());
    assert_eq!(places.len(), 2);
    assert_eq!(places.displaced(), 1);
    drop(newcomer);
    assert_eq!(places.len(), 1);
}

#[test]
fn who_has_asked_gives_way_only_after_the_silent_and_later() {
    let places = places(2, 10);
    let one = ip("192.0.2.1");
    let asking = places.take(one, NOW).unwrap();
    asking.asked();
    let silent = places.take(one, NOW).unwrap();
    let (asking_left, silent_left) = (watched(&asking), watched(&silent));
    let _new = places.take(one, at(1)).unwrap();
    assert!(was_left(&silent_left) && !was_left(&asking_left));
    let _newer = places.take(one, at(2)).unwrap();
    assert!(!was_left(&asking_left), "a silent one was there");
    // Nobody is silent.
    let places = self::places(1, 10);
    let asking = places.take(one, NOW).unwrap();
    asking.asked();
    let left = watched(&asking);
    assert!(places.take(one, at(4)).is_none(), "he may sign in yet");
    let _newcomer = places.take(one, at(5)).unwrap();
    assert!(was_left(&left), "he has asked and never signed in");
}

#[test]
fn an_address_has_room_for_those_who_live_there_beside_strangers() {
    let places = places(2, 3);
    places.know(Arc::new(Campus(10)));
    let campus = ip("192.0.2.1");
    let all: Vec<Place> = (0..22).map(|_| places.take(campus, NOW).unwrap()).collect();
    assert!(places.take(campus, NOW).is_none(), "two each, and two strangers");
    let _elsewhere = places.take(ip("192.0.2.2"), NOW).unwrap();
    assert!(places.take(ip("192.0.2.2"), NOW).is_none(), "three strangers in all");
    assert_eq!(places.len(), all.len() + 1);
}

#[test]
fn when_all_places_for_strangers_are_taken_the_oldest_silent_stranger_gives_way() {
    let places = places(2, 2);
    places.know(Arc::new(Campus(1)));
    let resident = places.take(ip("192.0.2.1"), NOW).unwrap();
    let (first, second) =
        (places.take(ip("192.0.2.2"), NOW).unwrap(), places.take(ip("192.0.2.3"), NOW).unwrap());
    let left: Vec<_> = [&resident, &first, &second].map(watched).into();
    assert!(places.take(ip("192.0.2.4"), NOW).is_none());
    let _newcomer = places.take(ip("192.0.2.4"), at(1)).unwrap();
    assert_eq!(left.iter().map(|left| was_left(left)).collect::<Vec<_>>(), [false, true, false]);
}

#[test]
fn a_place_that_is_gone_before_its_connection_is_told_of_is_left_at_once() {
    let places = places(1, 1);
    let first = places.take(ip("192.0.2.1"), NOW).unwrap();
    let _second = places.take(ip("192.0.2.1"), at(1)).unwrap();
    assert!(was_left(&watched(&first)));
}

#[test]
fn clearing_ends_the_oldest_and_the_silent_first_and_closing_lets_nobody_in() {
    let places = places(10, 10);
    let taken: Vec<Place> =
        (0..4).map(|second| places.take(ip("192.0.2.1"), at(second)).unwrap()).collect();
    taken[0].asked();
    let left: Vec<_> = taken.iter().map(watched).collect();
    assert_eq!(places.clear(3), 3);
    assert_eq!(
        left.iter().map(|left| was_left(left)).collect::<Vec<_>>(),
        [false, true, true, true]
    );
    places.close(true);
    assert!(places.take(ip("192.0.2.1"), at(9)).is_none());
    places.close(false);
    assert!(places.take(ip("192.0.2.1"), at(9)).is_some());
}
