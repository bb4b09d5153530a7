use std::sync::Arc;

use super::*;

const BOB: &str = "bob@campus.example";

fn latest() -> WallTime {
    WallTime::from_unix_secs(1_000_000)
}

fn room(per_person: usize) -> Room {
    Room { per_person, per_sender: per_person }
}

fn queue(per_person: usize) -> (Held, Arc<dyn Store>) {
    let store: Arc<dyn Store> = crate::store::memory();
    (Held::open(Arc::clone(&store), room(per_person), latest()).unwrap(), store)
}

fn device(name: &str) -> DeviceKey {
    DeviceKey::Instance(name.to_owned())
}

fn a_message<'a>(
    text: &'a str,
    devices: &[&str],
    unread: bool,
    fingerprint: u64,
) -> HoldRequest<'a> {
    HoldRequest {
        aor: BOB,
        devices: devices.iter().map(|name| device(name)).collect(),
        unread,
        request: text.as_bytes(),
        received_at: WallTime::from_unix_secs(100),
        expires_at: WallTime::from_unix_secs(200),
        fingerprint,
        sender: "ana",
        notification: false,
    }
}

fn hold(held: &Held, devices: &[&str], fingerprint: u64) -> Result<u64, HoldError> {
    hold_as(held, devices, false, fingerprint)
}

fn hold_as(
    held: &Held,
    devices: &[&str],
    unread: bool,
    fingerprint: u64,
) -> Result<u64, HoldError> {
    let holding =
        held.hold(&a_message(&format!("message {fingerprint}"), devices, unread, fingerprint))?;
    holding.durable.wait()?;
    held.confirm(BOB, holding.sequence);
    Ok(holding.sequence)
}

fn now() -> WallTime {
    WallTime::from_unix_secs(150)
}

// RFC 3428 s8: one message at a time
#[test]
fn a_device_takes_its_messages_one_at_a_time_and_in_order() {
    let (held, _) = queue(10);
    let first = hold(&held, &["a"], 1).unwrap();
    let second = hold(&held, &["a"], 2).unwrap();
    assert_eq!(held.start(BOB, &device("a"), now()), Some(first));
    assert_eq!(held.start(BOB, &device("a"), now()), None);
    held.settle(BOB, first, &device("a"));
    assert_eq!(held.start(BOB, &device("a"), now()), Some(second));
    held.settle(BOB, second, &device("a"));
    assert_eq!(held.start(BOB, &device("a"), now()), None);
    assert!(held.is_empty());
}

#[test]
fn a_message_stays_until_every_device_has_it() {
    let (held, store) = queue(10);
    let sequence = hold(&held, &["a", "b"], 1).unwrap();
    held.settle(BOB, sequence, &device("a"));
    assert!(!held.waits(BOB, &device("a"), false));
    assert!(held.waits(BOB, &device("b"), false));
    held.settle(BOB, sequence, &device("b")).unwrap().wait().unwrap();
    assert!(store.scan(Table::HeldMessages, &[], None, 10).unwrap().is_empty());
    assert!(store.scan(Table::HeldCursors, &[], None, 10).unwrap().is_empty());
}

#[test]
fn what_nobody_claimed_goes_to_the_first_device_that_comes() {
    let (held, _) = queue(10);
    let sequence = hold(&held, &[], 1).unwrap();
    assert_eq!(held.start(BOB, &device("first"), now()), Some(sequence));
    assert_eq!(held.start(BOB, &device("second"), now()), None);
    held.settle(BOB, sequence, &device("first"));
    assert!(held.is_empty());
}

/// RFC 3428 s7: whoever comes back with another telephone reads what came in between.
#[test]
fn what_nobody_has_read_goes_to_a_new_device_and_to_the_old_one() {
    let (held, store) = queue(10);
    let sequence = hold_as(&held, &["lost"], true, 1).unwrap();
    assert_eq!(held.start(BOB, &device("new"), now()), Some(sequence));
    assert_eq!(held.start(BOB, &device("third"), now()), None);
    held.settle(BOB, sequence, &device("new")).unwrap().wait().unwrap();
    drop(held);
    let held = Held::open(store, room(10), latest()).unwrap();
    assert_eq!(held.start(BOB, &device("new"), now()), None);
    assert_eq!(held.start(BOB, &device("lost"), now()), Some(sequence));
    held.settle(BOB, sequence, &device("lost"));
    assert!(held.is_empty());
}

/// What one device has read is history for those that come later.
#[test]
fn what_was_read_does_not_go_to_a_device_that_was_not_known_then() {
    let (held, _) = queue(10);
    let sequence = hold_as(&held, &["here", "away"], true, 1).unwrap();
    held.settle(BOB, sequence, &device("here"));
    assert_eq!(held.start(BOB, &device("new"), now()), None);
    let live = hold_as(&held, &["away"], false, 2).unwrap();
    assert_eq!(held.start(BOB, &device("new"), now()), None);
    assert!(live > sequence);
}

/// A device that is revoked holds nothing back, and takes nothing with it that nobody has read.
#[test]
fn a_dismissed_device_leaves_what_nobody_has_had() {
    let (held, store) = queue(10);
    hold(&held, &["gone"], 1).unwrap();
    let unread = hold_as(&held, &["gone"], true, 2).unwrap();
    let shared = hold(&held, &["gone", "stays"], 3).unwrap();
    assert!(held.start(BOB, &device("gone"), now()).is_some());
    held.dismiss(BOB, &device("gone"));
    store.flush().wait().unwrap();
    drop(held);
    let held = Held::open(store, room(10), latest()).unwrap();
    assert_eq!(held.len(), 2);
    assert_eq!(held.start(BOB, &device("new"), now()), Some(unread));
    assert_eq!(held.start(BOB, &device("stays"), now()), Some(shared));
}

#[test]
fn an_unreachable_device_rests_and_starts_again_with_the_same_message() {
    let (held, _) = queue(10);
    let sequence = hold(&held, &["a"], 1).unwrap();
    assert_eq!(held.start(BOB, &device("a"), now()), Some(sequence));
    held.rest(BOB, &device("a"));
    assert_eq!(held.start(BOB, &device("a"), now()), Some(sequence));
}

#[test]
fn the_cap_counts_messages_and_refuses_the_next() {
    let (held, _) = queue(2);
    hold(&held, &["a", "b", "c"], 1).unwrap();
    hold(&held, &["a"], 2).unwrap();
    assert!(matches!(hold(&held, &["a"], 3), Err(HoldError::Full)));
    assert_eq!(held.len(), 2);
}

#[test]
fn a_repetition_is_known_while_held_and_after() {
    let (held, _) = queue(10);
    let sequence = hold(&held, &["a"], 42).unwrap();
    assert_eq!(held.knows(BOB, 42), Known::Safe);
    held.settle(BOB, sequence, &device("a"));
    assert_eq!(held.knows(BOB, 42), Known::Safe);
    assert_eq!(held.knows(BOB, 43), Known::No);
}

/// What is not on disk yet must not be answered as if it were.
#[test]
fn a_message_that_is_being_written_is_no_repetition_that_is_safe() {
    let (held, _) = queue(10);
    let holding = held.hold(&a_message("message", &["a"], false, 42)).unwrap();
    assert_eq!(held.knows(BOB, 42), Known::Pending);
    held.confirm(BOB, holding.sequence);
    assert_eq!(held.knows(BOB, 42), Known::Safe);
    let holding = held.hold(&a_message("message", &["a"], false, 43)).unwrap();
    held.failed(BOB, holding.sequence);
    assert_eq!(held.knows(BOB, 43), Known::No);
}

/// One device has been promised the message; that another one needs it too could not be written.
#[test]
fn a_message_stays_for_the_first_device_when_adding_a_second_one_fails() {
    let (held, store) = queue(10);
    let sequence = hold(&held, &["b"], 1).unwrap();
    let added = held.hold_for(BOB, sequence, &[device("c")]).unwrap();
    drop(added);
    held.failed(BOB, sequence);
    assert_eq!(held.start(BOB, &device("b"), now()), Some(sequence));
    assert!(held.request(BOB, sequence).unwrap().is_some());
    // As long as this process lives, the second one gets it too.
    assert_eq!(held.start(BOB, &device("c"), now()), Some(sequence));
    drop(held);
    let again = Held::open(store, room(10), latest()).unwrap();
    assert_eq!(again.start(BOB, &device("b"), now()), Some(sequence));
}

#[test]
fn a_restart_finds_the_queue_as_it_was() {
    let (held, store) = queue(10);
    let first = hold(&held, &["a", "b"], 1).unwrap();
    let second = hold(&held, &["a"], 2).unwrap();
    held.settle(BOB, first, &device("a")).unwrap().wait().unwrap();
    drop(held);
    let held = Held::open(store, room(10), latest()).unwrap();
    assert_eq!(held.len(), 2);
    assert_eq!(held.start(BOB, &device("a"), now()), Some(second));
    assert_eq!(held.start(BOB, &device("b"), now()), Some(first));
    assert_eq!(held.request(BOB, first).unwrap().unwrap(), b"message 1");
    assert!(hold(&held, &["a"], 3).unwrap() > second);
}

#[test]
fn what_has_run_out_is_neither_sent_nor_kept() {
    let (held, store) = queue(10);
    hold(&held, &["a"], 1).unwrap();
    let late = WallTime::from_unix_secs(201);
    assert_eq!(held.start(BOB, &device("a"), late), None);
    // Another device has had it; of the next one nobody has had anything.
    assert_eq!(held.expire(late), []);
    hold_as(&held, &["a"], true, 2).unwrap();
    let undelivered = held.expire(late);
    assert_eq!(undelivered, [Undelivered { aor: BOB.into(), request: b"message 2".to_vec() }]);
    store.flush().wait().unwrap();
    assert!(store.scan(Table::HeldMessages, &[], None, 10).unwrap().is_empty());
    assert!(held.is_empty());
}

#[test]
fn another_persons_queue_is_untouched() {
    let (held, _) = queue(10);
    hold(&held, &["a"], 1).unwrap();
    assert!(!held.waits("bo@campus.example", &device("a"), false));
    assert_eq!(held.purge("bo@campus.example"), 0);
    assert_eq!(held.purge(BOB), 1);
}

/// RFC 5438 s8.2: undelivered is what the last device that waits for it wants not, if none had it.
#[test]
fn what_the_last_device_refuses_is_undelivered_unless_another_had_it() {
    let (held, _) = queue(10);
    let sequence = hold_as(&held, &["a", "b"], true, 1).unwrap();
    assert_eq!(held.refuse(BOB, sequence, &device("a")).1, None);
    let (durable, undelivered) = held.refuse(BOB, sequence, &device("b"));
    durable.unwrap().wait().unwrap();
    assert_eq!(undelivered, Some(Undelivered { aor: BOB.into(), request: b"message 1".to_vec() }));
    assert!(held.is_empty());
    let sequence = hold_as(&held, &["a", "b"], true, 2).unwrap();
    held.settle(BOB, sequence, &device("a")).unwrap().wait().unwrap();
    assert_eq!(held.refuse(BOB, sequence, &device("b")).1, None);
    assert!(held.is_empty());
}

fn request(sender: &'static str, notification: bool, fingerprint: u64) -> HoldRequest<'static> {
    HoldRequest {
        aor: BOB,
        devices: SmallVec::from_iter([device("a")]),
        unread: true,
        request: b"message",
        received_at: WallTime::from_unix_secs(100),
        expires_at: WallTime::from_unix_secs(200),
        fingerprint,
        sender,
        notification,
    }
}

// RFC 5438: whoever wakes up reads what was written before what became of his own messages
#[test]
fn messages_go_out_before_notifications_in_order_of_arrival() {
    let (held, _) = queue(10);
    let mut sequences = Vec::new();
    for (n, notification) in [true, false, true, false].into_iter().enumerate() {
        sequences.push(held.hold(&request("ana", notification, n as u64)).unwrap().sequence);
    }
    assert!(held.waits(BOB, &device("a"), false));
    for index in [1, 3, 0, 2] {
        assert_eq!(held.start(BOB, &device("a"), now()), Some(sequences[index]), "{index}");
        held.settle(BOB, sequences[index], &device("a"));
        assert_eq!(held.waits(BOB, &device("a"), false), index == 1, "messages go first");
    }
}

#[test]
fn one_sender_fills_his_share_of_a_queue_and_no_more() {
    let store: Arc<dyn Store> = crate::store::memory();
    let bounds = Room { per_person: 5, per_sender: 2 };
    let held = Held::open(Arc::clone(&store), bounds, latest()).unwrap();
    let hold = |held: &Held, sender| {
        held.hold(&request(sender, false, 1)).map(|holding| holding.durable.wait().is_ok())
    };
    assert!(hold(&held, "eva").unwrap() && hold(&held, "eva").unwrap());
    assert!(matches!(hold(&held, "eva"), Err(HoldError::SenderFull)));
    assert!(hold(&held, "ana").unwrap());
    drop(held);
    let held = Held::open(store, bounds, latest()).unwrap();
    assert!(matches!(hold(&held, "eva"), Err(HoldError::SenderFull)), "after a restart too");
    // Senders elsewhere are not told apart.
    assert!(hold(&held, "").unwrap() && hold(&held, "").unwrap());
    assert!(matches!(hold(&held, "carl"), Err(HoldError::Full)));
}

/// A device that refused a message is not sent it again while it waits for another one.
#[test]
fn what_a_device_refused_does_not_come_back_to_it() {
    let (held, _) = queue(10);
    let sequence = hold_as(&held, &["a", "b"], true, 1).unwrap();
    assert_eq!(held.start(BOB, &device("a"), now()), Some(sequence));
    assert_eq!(held.refuse(BOB, sequence, &device("a")).1, None, "the other may still take it");
    assert_eq!(held.start(BOB, &device("a"), now()), None);
    let late = WallTime::from_unix_secs(200);
    assert_eq!(held.expire(late).len(), 1, "nobody has had it");
    let sequence = hold_as(&held, &["a", "b"], true, 2).unwrap();
    held.settle(BOB, sequence, &device("a"));
    assert_eq!(held.refuse(BOB, sequence, &device("b")).1, None, "one has had it");
    assert!(held.is_empty());
}

#[test]
fn whoever_looks_after_the_queue_sees_what_waits_and_throws_one_away() {
    let (held, store) = queue(10);
    let first = hold_as(&held, &["a"], true, 1).unwrap();
    let second = hold_as(&held, &["a", "b"], true, 2).unwrap();
    assert_eq!(held.start(BOB, &device("a"), now()), Some(first));
    let waiting = held.overview(now());
    assert_eq!((waiting.len(), waiting[0].count, &*waiting[0].aor), (1, 2, BOB));
    let entries = held.entries(BOB, now());
    assert_eq!((entries[0].tries, entries[0].is_being_sent), (1, true));
    assert_eq!((entries[1].tries, entries[1].pending.len()), (0, 2));
    assert_eq!(held.bytes(BOB, now()).unwrap(), 2 * "message 1".len() as u64);
    let late = WallTime::from_unix_secs(200);
    assert!(held.overview(late).is_empty() && held.entries(BOB, late).is_empty());

    let (durable, undelivered) = held.discard(BOB, second).unwrap();
    durable.unwrap().wait().unwrap();
    assert_eq!(undelivered.unwrap().request, b"message 2", "nobody has had it");
    assert!(held.discard(BOB, second).is_none());
    assert_eq!(held.knows(BOB, 2), Known::Safe, "its sender does not bring it back");
    let again = Held::open(store, room(10), latest()).unwrap();
    assert_eq!(again.entries(BOB, now()).len(), 1);
}
