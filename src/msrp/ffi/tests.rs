//! The calls as C makes them, without C.

use std::ffi::{CStr, CString, c_char};
use std::fs::File;
use std::io::Read as _;
use std::mem::MaybeUninit;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::ptr;
use std::sync::mpsc::{Receiver, channel};

use super::border::{CallError, guarded};
use super::*;

#[path = "order_tests.rs"]
mod order;

type Taken = Box<TagusMsrpEvent>;

fn c(text: &str) -> CString {
    CString::new(text).expect("no NUL")
}

fn written<T: Copy>(call: impl FnOnce(&mut MaybeUninit<T>) -> TagusMsrpCode) -> T {
    let mut place = MaybeUninit::uninit();
    let code = call(&mut place);
    assert_eq!(code, TagusMsrpCode::Ok, "{}", last_error());
    // SAFETY: a call that succeeds writes its result.
    unsafe { place.assume_init() }
}

fn of(address: *const c_char) -> String {
    assert!(!address.is_null());
    // SAFETY: events and errors end their texts with a NUL and are alive here.
    unsafe { CStr::from_ptr(address) }.to_str().expect("UTF-8").to_owned()
}

fn last_error() -> String {
    of(tagus_msrp_last_error())
}

fn peer() -> TagusMsrpPeer {
    peer_at("127.0.0.1")
}

fn peer_at(host: &str) -> TagusMsrpPeer {
    let host = c(host);
    written(|place| {
        // SAFETY: the text lives during the call.
        unsafe {
            tagus_msrp_peer_new(host.as_ptr(), ptr::null(), ptr::null(), ptr::null(), Some(place))
        }
    })
}

fn take(peer: TagusMsrpPeer, timeout_ms: i64) -> Result<Taken, TagusMsrpCode> {
    let mut place = MaybeUninit::uninit();
    let code = tagus_msrp_next_event(peer, timeout_ms, Some(&mut place));
    // SAFETY: the place is written in any case.
    let event = unsafe { place.assume_init() };
    assert_eq!(event.is_some(), code == TagusMsrpCode::Ok);
    event.ok_or(code)
}

/// The next event of this kind; others are passed over.
fn wait(peer: TagusMsrpPeer, kind: TagusMsrpKind) -> Taken {
    loop {
        let event = take(peer, 30_000).unwrap_or_else(|code| panic!("{kind:?}: {code:?}"));
        if tagus_msrp_event_kind(Some(&event)) == kind {
            return event;
        }
        assert_ne!(tagus_msrp_event_kind(Some(&event)), TagusMsrpKind::NotOpened, "{event:?}");
    }
}

/// A session between two peers: `(connected, waited for)`, each with its peer.
struct Joined {
    left: TagusMsrpPeer,
    ours: TagusMsrpSession,
    right: TagusMsrpPeer,
    theirs: TagusMsrpSession,
}

impl Joined {
    fn new() -> Joined {
        Joined::between(peer(), peer())
    }

    /// With a gate between them that holds after so many bytes.
    fn behind(most: u64) -> (Joined, Receiver<()>) {
        let mut held = None;
        let joined =
            Joined::over(peer(), peer_at("127.0.0.2"), |port| held = Some(gate(port, most)));
        (joined, held.expect("a gate"))
    }

    fn between(left: TagusMsrpPeer, right: TagusMsrpPeer) -> Joined {
        Joined::over(left, right, |_| {})
    }

    fn over(left: TagusMsrpPeer, right: TagusMsrpPeer, before: impl FnOnce(u16)) -> Joined {
        let address = c("127.0.0.1:0");
        // SAFETY: the text lives during the call.
        let port =
            written(|place| unsafe { tagus_msrp_listen(right, address.as_ptr(), 0, Some(place)) });
        assert_ne!(port, 0_u16);
        before(port);
        let theirs = written(|place| tagus_msrp_offer(right, 0, Some(place)));
        let ours = written(|place| tagus_msrp_offer(left, 0, Some(place)));
        let path = c(&of(tagus_msrp_event_text(Some(&wait(right, TagusMsrpKind::Offered)))));
        // SAFETY: the texts live during the calls.
        unsafe {
            let code = tagus_msrp_wait(right, theirs, ptr::null(), ptr::null());
            assert_eq!(code, TagusMsrpCode::Ok, "{}", last_error());
            let code = tagus_msrp_connect(left, ours, path.as_ptr(), ptr::null());
            assert_eq!(code, TagusMsrpCode::Ok, "{}", last_error());
        }
        wait(left, TagusMsrpKind::Opened);
        wait(right, TagusMsrpKind::Opened);
        Joined { left, ours, right, theirs }
    }

    fn text(&self, text: &str) -> TagusMsrpCode {
        let text = c(text);
        // SAFETY: the text lives during the call.
        unsafe { tagus_msrp_send_text(self.left, self.ours, text.as_ptr(), None, None) }
    }

    fn file(&self, from: &Path, state: *const c_char) -> TagusMsrpMessage {
        let (media, from) = (c("application/octet-stream"), c(from.to_str().expect("UTF-8")));
        written(|place| {
            let (peer, session, media) = (self.left, self.ours, media.as_ptr());
            // SAFETY: the texts live during the call.
            unsafe {
                tagus_msrp_send_file(peer, session, media, from.as_ptr(), state, None, Some(place))
            }
        })
    }

    fn bytes(&self, bytes: &[u8]) -> TagusMsrpMessage {
        let media = c("application/octet-stream");
        let how = TagusMsrpHow {
            report: 1,
            priority: 2,
            progress_bytes: 0,
            progress_percent: 25,
            disposition: ptr::null(),
        };
        written(|place| {
            let (peer, session, media) = (self.left, self.ours, media.as_ptr());
            // SAFETY: the texts and bytes live during the call.
            unsafe {
                let (data, length) = (bytes.as_ptr(), bytes.len());
                tagus_msrp_send_bytes(peer, session, media, data, length, Some(&how), Some(place))
            }
        })
    }
}

impl Drop for Joined {
    fn drop(&mut self) {
        for peer in [self.left, self.right] {
            let _ = tagus_msrp_peer_free(peer);
        }
    }
}

#[test]
fn text_crosses_and_its_sender_is_told() {
    let joined = Joined::new();
    assert_eq!(joined.text("naïve \u{2603}"), TagusMsrpCode::Ok);
    let came = wait(joined.right, TagusMsrpKind::Message);
    assert_eq!(tagus_msrp_event_session(Some(&came)), joined.theirs);
    assert_eq!(of(tagus_msrp_event_content_type(Some(&came))), "text/plain;charset=utf-8");
    let (data, length) =
        (tagus_msrp_event_data(Some(&came)), tagus_msrp_event_data_length(Some(&came)));
    // SAFETY: the event is alive and says how many bytes it has.
    let data = unsafe { std::slice::from_raw_parts(data, length) };
    assert_eq!(data, "naïve \u{2603}".as_bytes());
    tagus_msrp_event_free(Some(came));
    wait(joined.left, TagusMsrpKind::Answered);
    wait(joined.left, TagusMsrpKind::SendOver);
    assert_eq!(tagus_msrp_close(joined.left, joined.ours), TagusMsrpCode::Ok);
    wait(joined.left, TagusMsrpKind::Closed);
    assert_eq!(joined.text("too late"), TagusMsrpCode::Handle);
    assert_eq!(last_error(), "there is no session of this number in a state for this");
}

#[test]
fn a_large_message_is_accepted_counted_and_confirmed() {
    let joined = Joined::new();
    let bytes = vec![0x5a; 1_000_000];
    let message = joined.bytes(&bytes);
    let announced = wait(joined.right, TagusMsrpKind::Incoming);
    assert_eq!(tagus_msrp_event_total(Some(&announced)), 1_000_000);
    let incoming = tagus_msrp_event_message(Some(&announced));
    assert_eq!(tagus_msrp_accept_memory(joined.right, incoming, 1 << 20), TagusMsrpCode::Ok);
    let came = wait(joined.right, TagusMsrpKind::Received);
    assert_eq!(tagus_msrp_event_data_length(Some(&came)), 1_000_000);
    let confirmed = loop {
        let event = wait(joined.left, TagusMsrpKind::Reported);
        if tagus_msrp_event_whole(Some(&event)) {
            break event;
        }
    };
    assert_eq!(tagus_msrp_event_bytes(Some(&confirmed)), 1_000_000);
    assert_eq!(tagus_msrp_event_message(Some(&confirmed)), message);
    wait(joined.left, TagusMsrpKind::SendOver);
    assert_eq!(tagus_msrp_abort(joined.left, message), TagusMsrpCode::Handle);
}

#[test]
fn a_message_is_denied_with_the_code_that_is_given() {
    let joined = Joined::new();
    let message = joined.bytes(&vec![1; 200_000]);
    let incoming = tagus_msrp_event_message(Some(&wait(joined.right, TagusMsrpKind::Incoming)));
    assert_eq!(tagus_msrp_deny(joined.right, incoming, 200), TagusMsrpCode::Malformed);
    assert_eq!(tagus_msrp_deny(joined.right, incoming, 415), TagusMsrpCode::Ok);
    assert_eq!(tagus_msrp_deny(joined.right, incoming, 415), TagusMsrpCode::Handle);
    let failed = wait(joined.left, TagusMsrpKind::NotSent);
    assert_eq!(tagus_msrp_event_message(Some(&failed)), message);
    assert_eq!(tagus_msrp_event_cause(Some(&failed)), TagusMsrpCause::Refused);
    assert_eq!(tagus_msrp_event_code(Some(&failed)), 415);
}

#[test]
fn a_message_is_given_up_by_either_side() {
    for by_sender in [true, false] {
        let joined = Joined::new();
        let directory = tempfile::tempdir().expect("a directory");
        // Holes only, but so long that it does not arrive before it is given up.
        let from = directory.path().join("from");
        let length = File::create(&from).and_then(|file| file.set_len(64 << 30));
        length.expect("a file with holes");
        let message = joined.file(&from, ptr::null());
        let incoming = tagus_msrp_event_message(Some(&wait(joined.right, TagusMsrpKind::Incoming)));
        let file = c(directory.path().join("part").to_str().expect("UTF-8"));
        // SAFETY: the text lives during the call.
        let code = unsafe { tagus_msrp_accept_file(joined.right, incoming, file.as_ptr()) };
        assert_eq!(code, TagusMsrpCode::Ok, "{}", last_error());
        let (peer, id) = if by_sender { (joined.left, message) } else { (joined.right, incoming) };
        assert_eq!(tagus_msrp_abort(peer, id), TagusMsrpCode::Ok, "{}", last_error());
        let (out, into) = (
            wait(joined.left, TagusMsrpKind::NotSent),
            wait(joined.right, TagusMsrpKind::NotReceived),
        );
        let causes = [tagus_msrp_event_cause(Some(&out)), tagus_msrp_event_cause(Some(&into))];
        let (us, them) = (TagusMsrpCause::AbortedByUs, TagusMsrpCause::AbortedByPeer);
        assert_eq!(causes, if by_sender { [us, them] } else { [them, us] });
    }
}

#[test]
fn a_file_that_exists_is_not_written_over_and_the_message_can_still_be_taken() {
    let joined = Joined::new();
    joined.bytes(&vec![7; 100_000]);
    let incoming = tagus_msrp_event_message(Some(&wait(joined.right, TagusMsrpKind::Incoming)));
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("there");
    std::fs::write(&path, "mine").expect("a file");
    let file = c(path.to_str().expect("UTF-8"));
    // SAFETY: the text lives during the call.
    let code = unsafe { tagus_msrp_accept_file(joined.right, incoming, file.as_ptr()) };
    assert_eq!(code, TagusMsrpCode::Io);
    assert_eq!(std::fs::read(&path).expect("a file"), b"mine");
    assert_eq!(tagus_msrp_accept_memory(joined.right, incoming, 1 << 20), TagusMsrpCode::Ok);
    wait(joined.right, TagusMsrpKind::Received);
}

/// Stands before a peer that names 127.0.0.2 and listens at 127.0.0.1: passes so many bytes to it, says
/// so, and holds the rest.
fn gate(port: u16, most: u64) -> Receiver<()> {
    let gate = TcpListener::bind(("127.0.0.2", port)).expect("the same port elsewhere");
    let (tell, held) = channel();
    std::thread::spawn(move || {
        let (outer, _) = gate.accept().expect("a connection");
        let inner = TcpStream::connect(("127.0.0.1", port)).expect("a listener");
        let twice = |socket: &TcpStream| socket.try_clone().expect("a copy");
        let (from, to) = (twice(&outer), twice(&inner));
        let inward = std::thread::spawn(move || {
            let _ = std::io::copy(&mut from.take(most), &mut &to);
            let _ = tell.send(());
        });
        // Ends when that side has.
        let _ = std::io::copy(&mut &inner, &mut &outer);
        let _ = (outer.shutdown(Shutdown::Both), inner.shutdown(Shutdown::Both));
        let _ = inward.join();
    });
    held
}

// RFC 4975 s5.4; RFC 5547 s8.2
#[test]
fn a_file_that_was_cut_off_goes_on_between_new_peers() {
    let directory = tempfile::tempdir().expect("a directory");
    let (from, to) = (directory.path().join("from"), directory.path().join("to"));
    let bytes: Vec<u8> =
        (0..32_000_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    std::fs::write(&from, &bytes).expect("a file");
    let into = c(to.to_str().expect("UTF-8"));
    // More than fits between the two, and less than all: it is cut off in the middle.
    let (first, held) = Joined::behind(20_000_000);
    first.file(&from, ptr::null());
    let incoming = tagus_msrp_event_message(Some(&wait(first.right, TagusMsrpKind::Incoming)));
    // SAFETY: the text lives during the call.
    let code = unsafe { tagus_msrp_accept_file(first.right, incoming, into.as_ptr()) };
    assert_eq!(code, TagusMsrpCode::Ok, "{}", last_error());
    held.recv().expect("so many bytes");
    while written(|place| tagus_msrp_received(first.right, incoming, Some(place))) < 1_000_000_u64 {
        std::thread::yield_now();
    }
    assert_eq!(tagus_msrp_close(first.right, first.theirs), TagusMsrpCode::Ok);
    let lost = wait(first.right, TagusMsrpKind::NotReceived);
    assert_eq!(tagus_msrp_event_cause(Some(&lost)), TagusMsrpCause::Lost, "{lost:?}");
    let kept = c(&of(tagus_msrp_event_state(Some(&lost))));
    assert_eq!(tagus_msrp_peer_free(first.right), TagusMsrpCode::Ok);
    let unsent = wait(first.left, TagusMsrpKind::NotSent);
    let unsent = c(&of(tagus_msrp_event_state(Some(&unsent))));
    drop(first);

    let second = Joined::new();
    written::<TagusMsrpMessage>(|place| {
        let (kept, into) = (kept.as_ptr(), into.as_ptr());
        // SAFETY: the texts live during the call.
        unsafe { tagus_msrp_expect_file(second.right, second.theirs, kept, into, Some(place)) }
    });
    second.file(&from, unsent.as_ptr());
    let came = wait(second.right, TagusMsrpKind::Received);
    assert_eq!(tagus_msrp_event_total(Some(&came)), bytes.len() as u64);
    assert!(std::fs::read(&to).expect("a file") == bytes);
}

#[test]
fn every_address_may_be_null_and_every_number_wrong() {
    let none = ptr::null();
    let peer = peer();
    // SAFETY: NULL is what is tried.
    unsafe {
        let null = TagusMsrpCode::Null;
        let mut place = MaybeUninit::uninit();
        assert_eq!(tagus_msrp_peer_new(none, none, none, none, Some(&mut place)), null);
        assert_eq!(last_error(), "host is NULL");
        assert_eq!(tagus_msrp_peer_new(c("h").as_ptr(), none, none, none, None), null);
        let key = c("k.pem");
        let half = tagus_msrp_peer_new(c("h").as_ptr(), none, key.as_ptr(), none, Some(&mut place));
        assert_eq!(half, null);
        assert_eq!(tagus_msrp_listen(peer, none, 0, None), null);
        assert_eq!(tagus_msrp_connect(peer, 1, none, none), null);
        assert_eq!(tagus_msrp_send_text(peer, 1, none, None, None), null);
        assert_eq!(
            tagus_msrp_send_bytes(peer, 1, c("a/b").as_ptr(), ptr::null(), 3, None, None),
            null
        );
        assert_eq!(tagus_msrp_send_file(peer, 1, none, none, none, None, None), null);
        assert_eq!(tagus_msrp_accept_file(peer, 1, none), null);
        assert_eq!(tagus_msrp_expect_file(peer, 1, none, none, None), null);
        assert_eq!(tagus_msrp_offer_through(peer, none, none, none, 0, None), null);
        assert_eq!(tagus_msrp_offer(peer, 0, None), null);
        assert_eq!(tagus_msrp_next_event(peer, 0, None), null);

        let wrong = TagusMsrpCode::Handle;
        assert_eq!(tagus_msrp_listen(0, c("127.0.0.1:0").as_ptr(), 0, None), wrong);
        assert_eq!(tagus_msrp_wait(peer, 99, none, none), wrong);
        assert_eq!(tagus_msrp_send_text(peer, 99, c("x").as_ptr(), None, None), wrong);
        assert_eq!(tagus_msrp_accept_file(peer, 99, c("/nowhere/x").as_ptr()), wrong);
        assert_eq!(tagus_msrp_received(peer, 99, None), null);
    }
    let wrong = TagusMsrpCode::Handle;
    assert_eq!(tagus_msrp_accept_memory(peer, 99, 1), wrong);
    assert_eq!(tagus_msrp_deny(peer, 99, 403), wrong);
    assert_eq!(tagus_msrp_abort(peer, 99), wrong);
    assert_eq!(tagus_msrp_close(peer, 99), wrong);
    assert_eq!(tagus_msrp_peer_free(peer), TagusMsrpCode::Ok);
    assert_eq!(tagus_msrp_peer_free(peer), wrong);
    assert_eq!(take(peer, 0).err(), Some(wrong));

    assert_eq!(tagus_msrp_event_kind(None), TagusMsrpKind::None);
    assert_eq!(tagus_msrp_event_total(None), TAGUS_MSRP_UNKNOWN);
    assert!(tagus_msrp_event_text(None).is_null() && tagus_msrp_event_data(None).is_null());
    tagus_msrp_event_free(None);
}

#[test]
fn what_is_no_text_address_path_or_number_is_malformed() {
    let peer = peer();
    let latin = CString::new([0xe4]).expect("no NUL");
    let session = written(|place| tagus_msrp_offer(peer, 0, Some(place)));
    // SAFETY: the texts live during the calls.
    unsafe {
        let malformed = TagusMsrpCode::Malformed;
        assert_eq!(tagus_msrp_listen(peer, latin.as_ptr(), 0, None), malformed);
        assert_eq!(last_error(), "address is not UTF-8");
        assert_eq!(tagus_msrp_listen(peer, c("here").as_ptr(), 0, None), malformed);
        assert_eq!(
            tagus_msrp_connect(peer, session, c("sip:a@b").as_ptr(), ptr::null()),
            malformed
        );
        let path = c("msrp://127.0.0.1:9/x;tcp");
        assert_eq!(
            tagus_msrp_connect(peer, session, path.as_ptr(), c("SHA-256 zz").as_ptr()),
            malformed
        );
        let how = |priority, progress_percent| TagusMsrpHow {
            report: 0,
            priority,
            progress_bytes: 0,
            progress_percent,
            disposition: ptr::null(),
        };
        for how in [how(3, 0), how(0, 101), how(0, 256)] {
            let code = tagus_msrp_send_text(peer, session, c("x").as_ptr(), Some(&how), None);
            assert_eq!(code, malformed);
        }
        let code =
            tagus_msrp_expect_file(peer, session, c("state").as_ptr(), c("f").as_ptr(), None);
        assert_eq!(code, malformed);
        let tls = tagus_msrp_listen(peer, c("127.0.0.1:0").as_ptr(), 1, None);
        assert_eq!(tls, TagusMsrpCode::Io, "no certificate");
    }
    assert_eq!(tagus_msrp_peer_free(peer), TagusMsrpCode::Ok);
}

#[test]
fn waiting_ends_with_its_time_and_with_the_peer() {
    let peer = peer();
    assert_eq!(take(peer, 1).err(), Some(TagusMsrpCode::Timeout));
    let (started, begin) = std::sync::mpsc::channel();
    let waiting = std::thread::spawn(move || {
        started.send(()).expect("somebody listens");
        take(peer, -1).err()
    });
    begin.recv().expect("started");
    assert_eq!(tagus_msrp_peer_free(peer), TagusMsrpCode::Ok);
    let outcome = waiting.join().expect("no panic");
    // Freed while it waited, or before it looked.
    assert!(matches!(outcome, Some(TagusMsrpCode::Stopped | TagusMsrpCode::Handle)), "{outcome:?}");
}

#[test]
fn an_offer_that_is_closed_is_over_and_one_that_waits_says_so() {
    let peer = peer();
    let offered = written(|place| tagus_msrp_offer(peer, 0, Some(place)));
    assert_eq!(tagus_msrp_close(peer, offered), TagusMsrpCode::Ok);
    let waiting = written(|place| tagus_msrp_offer(peer, 0, Some(place)));
    // SAFETY: NULL is allowed.
    unsafe {
        assert_eq!(tagus_msrp_wait(peer, offered, ptr::null(), ptr::null()), TagusMsrpCode::Handle);
        assert_eq!(tagus_msrp_wait(peer, waiting, ptr::null(), ptr::null()), TagusMsrpCode::Ok);
    }
    assert_eq!(tagus_msrp_close(peer, waiting), TagusMsrpCode::Ok);
    loop {
        let event = take(peer, 30_000).expect("an event");
        if tagus_msrp_event_kind(Some(&event)) == TagusMsrpKind::NotOpened {
            assert_eq!(tagus_msrp_event_session(Some(&event)), waiting);
            break;
        }
    }
    assert_eq!(tagus_msrp_peer_free(peer), TagusMsrpCode::Ok);
}

#[test]
fn no_panic_crosses_the_border() {
    let code =
        guarded(|| if last_error().len() < usize::MAX { panic!("a defect") } else { Ok(()) });
    assert_eq!(code, TagusMsrpCode::Defect);
    assert_eq!(last_error(), CallError::Defect.to_string());
}
