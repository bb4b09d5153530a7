//! Events of one session are in order, whatever runs when.

use std::collections::HashSet;
use std::ptr;

use super::*;

/// Whatever its messages have to tell is told before a session's end: nobody waits behind that.
#[test]
fn the_end_of_a_session_is_told_after_all_of_its_messages() {
    const MESSAGES: usize = 24;
    for _ in 0..20 {
        let joined = Joined::new();
        for _ in 0..MESSAGES {
            joined.bytes(b"short");
        }
        for _ in 0..MESSAGES {
            wait(joined.right, TagusMsrpKind::Message);
        }
        assert_eq!(tagus_msrp_close(joined.right, joined.theirs), TagusMsrpCode::Ok);
        // Without anybody at the other end, this one's goes too.
        assert_eq!(tagus_msrp_peer_free(joined.right), TagusMsrpCode::Ok);
        let mut over = 0;
        loop {
            let event = take(joined.left, 30_000).expect("an event");
            match tagus_msrp_event_kind(Some(&event)) {
                TagusMsrpKind::SendOver => over += 1,
                TagusMsrpKind::Closed => break,
                _ => {}
            }
        }
        assert_eq!(over, MESSAGES);
        assert_eq!(take(joined.left, 0).err(), Some(TagusMsrpCode::Timeout));
    }
}

/// An offer that is opened, and closed, before its event was taken.
#[test]
fn an_offer_is_told_before_what_becomes_of_it() {
    const SESSIONS: usize = 400;
    for _ in 0..20 {
        let peer = peer();
        for _ in 0..SESSIONS {
            let session = written(|place| tagus_msrp_offer(peer, 0, Some(place)));
            // SAFETY: NULL is allowed.
            let code = unsafe { tagus_msrp_wait(peer, session, ptr::null(), ptr::null()) };
            assert_eq!(
                (code, tagus_msrp_close(peer, session)),
                (TagusMsrpCode::Ok, TagusMsrpCode::Ok)
            );
        }
        let mut offered = HashSet::new();
        for _ in 0..2 * SESSIONS {
            let event = take(peer, 30_000).expect("an event");
            let session = tagus_msrp_event_session(Some(&event));
            match tagus_msrp_event_kind(Some(&event)) {
                TagusMsrpKind::Offered => assert!(offered.insert(session)),
                TagusMsrpKind::NotOpened => assert!(offered.contains(&session), "{event:?}"),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(tagus_msrp_peer_free(peer), TagusMsrpCode::Ok);
    }
}
