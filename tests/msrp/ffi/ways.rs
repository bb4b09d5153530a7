//! The ways to a peer, as C takes them: TLS by fingerprint and by an authority, a foreign relay, and
//! either side connecting.

#![expect(unsafe_code, reason = "the calls are C's")]

use std::ffi::{CStr, CString, c_char};
use std::mem::MaybeUninit;
use std::path::{Path, PathBuf};
use std::ptr;

use tagus::msrp::ffi::*;

use crate::msrp_relay::{PASSWORD, Relay, USER};

/// Longer than anything takes, in milliseconds.
const PATIENCE: i64 = 60_000;

fn c(text: &str) -> CString {
    CString::new(text).expect("no NUL")
}

fn of(address: *const c_char) -> String {
    assert!(!address.is_null());
    // SAFETY: what the library gives out ends with a NUL, and is alive here.
    unsafe { CStr::from_ptr(address) }.to_str().expect("UTF-8").to_owned()
}

fn written<T>(call: impl FnOnce(&mut MaybeUninit<T>) -> TagusMsrpCode) -> T {
    let mut place = MaybeUninit::uninit();
    assert_eq!(call(&mut place), TagusMsrpCode::Ok, "{}", of(tagus_msrp_last_error()));
    // SAFETY: a call that succeeds writes its result.
    unsafe { place.assume_init() }
}

fn fine(code: TagusMsrpCode) {
    assert_eq!(code, TagusMsrpCode::Ok, "{}", of(tagus_msrp_last_error()));
}

/// PEM files of one certificate.
struct Certificate {
    certificate: CString,
    key: CString,
}

impl Certificate {
    fn new(directory: &Path, name: &str, host: &str) -> Certificate {
        let made = rcgen::generate_simple_self_signed(vec![host.to_owned()]).expect("one");
        let write = |ending: &str, text: String| -> CString {
            let path: PathBuf = directory.join(format!("{name}.{ending}"));
            std::fs::write(&path, text).expect("a file");
            c(path.to_str().expect("UTF-8"))
        };
        Certificate {
            certificate: write("pem", made.cert.pem()),
            key: write("key", made.signing_key.serialize_pem()),
        }
    }
}

/// A peer that is freed at its end.
struct Peer(TagusMsrpPeer);

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = tagus_msrp_peer_free(self.0);
    }
}

/// A session that was offered.
struct Offered {
    session: TagusMsrpSession,
    path: CString,
    fingerprint: Option<CString>,
}

impl Peer {
    fn new(own: Option<&Certificate>, trust: Option<&CStr>) -> Peer {
        let address = |text: Option<&CStr>| text.map_or(ptr::null(), CStr::as_ptr);
        let (certificate, key) = own
            .map_or((ptr::null(), ptr::null()), |own| (own.certificate.as_ptr(), own.key.as_ptr()));
        let host = c("127.0.0.1");
        Peer(written(|place| {
            // SAFETY: the texts live during the call.
            unsafe {
                tagus_msrp_peer_new(host.as_ptr(), certificate, key, address(trust), Some(place))
            }
        }))
    }

    fn listening(self, tls: bool) -> Peer {
        let anywhere = c("127.0.0.1:0");
        // SAFETY: the text lives during the call.
        fine(unsafe { tagus_msrp_listen(self.0, anywhere.as_ptr(), u32::from(tls), None) });
        self
    }

    fn event(&self) -> Box<TagusMsrpEvent> {
        written(|place| tagus_msrp_next_event(self.0, PATIENCE, Some(place))).expect("an event")
    }

    /// The next of one of these kinds.
    fn wait(&self, kinds: &[TagusMsrpKind]) -> Box<TagusMsrpEvent> {
        loop {
            let event = self.event();
            if kinds.contains(&tagus_msrp_event_kind(Some(&event))) {
                return event;
            }
        }
    }

    fn told(&self, session: TagusMsrpSession) -> Offered {
        let event = self.event();
        assert_eq!(tagus_msrp_event_kind(Some(&event)), TagusMsrpKind::Offered, "{event:?}");
        assert_eq!(tagus_msrp_event_session(Some(&event)), session);
        let fingerprint = tagus_msrp_event_fingerprint(Some(&event));
        Offered {
            session,
            path: c(&of(tagus_msrp_event_text(Some(&event)))),
            fingerprint: (!fingerprint.is_null()).then(|| c(&of(fingerprint))),
        }
    }

    fn offer(&self, tls: bool) -> Offered {
        self.told(written(|place| tagus_msrp_offer(self.0, u32::from(tls), Some(place))))
    }

    fn offer_through(&self, relay: &Relay, password: &str) -> TagusMsrpSession {
        let (uri, user, password) = (c(&relay.uri()), c(USER), c(password));
        written(|place| {
            let (uri, user, password) = (uri.as_ptr(), user.as_ptr(), password.as_ptr());
            // SAFETY: the texts live during the call.
            unsafe { tagus_msrp_offer_through(self.0, uri, user, password, 1, Some(place)) }
        })
    }

    fn connect(&self, own: &Offered, to: &Offered, known: Option<&CStr>) {
        let known = known.map_or(ptr::null(), CStr::as_ptr);
        // SAFETY: the texts live during the call.
        fine(unsafe { tagus_msrp_connect(self.0, own.session, to.path.as_ptr(), known) });
    }

    fn wait_for_peer(&self, own: &Offered, known: Option<&CStr>) {
        let known = known.map_or(ptr::null(), CStr::as_ptr);
        // SAFETY: the texts live during the call.
        fine(unsafe { tagus_msrp_wait(self.0, own.session, ptr::null(), known) });
    }

    /// Whether the session opens, and if not, the code.
    fn opens(&self) -> Result<(), (u16, String)> {
        let event = self.wait(&[TagusMsrpKind::Opened, TagusMsrpKind::NotOpened]);
        match tagus_msrp_event_kind(Some(&event)) {
            TagusMsrpKind::Opened => Ok(()),
            _ => {
                Err((tagus_msrp_event_code(Some(&event)), of(tagus_msrp_event_text(Some(&event)))))
            }
        }
    }

    fn send(&self, own: &Offered, text: &str) {
        let text = c(text);
        // SAFETY: the text lives during the call.
        fine(unsafe { tagus_msrp_send_text(self.0, own.session, text.as_ptr(), None, None) });
    }

    fn heard(&self) -> Vec<u8> {
        let event = self.wait(&[TagusMsrpKind::Message]);
        let length = tagus_msrp_event_data_length(Some(&event));
        // SAFETY: the event is alive and says how many bytes it has.
        unsafe { std::slice::from_raw_parts(tagus_msrp_event_data(Some(&event)), length) }.to_vec()
    }
}

/// Texts go both ways over a session that opens.
fn chat(left: &Peer, ours: &Offered, right: &Peer, theirs: &Offered) {
    assert_eq!((left.opens(), right.opens()), (Ok(()), Ok(())));
    left.send(ours, "there");
    assert_eq!(right.heard(), b"there");
    right.send(theirs, "back");
    assert_eq!(left.heard(), b"back");
}

// RFC 4975 s14.4
#[test]
fn c_holds_each_side_to_its_fingerprint() {
    let directory = tempfile::tempdir().expect("a directory");
    let [ours, theirs, other] = ["ours", "theirs", "other"]
        .map(|name| Certificate::new(directory.path(), name, "peer.test"));
    let stranger = Peer::new(Some(&other), None).offer(true).fingerprint.expect("a fingerprint");
    for (left_lies, right_lies) in [(false, false), (true, false), (false, true)] {
        let left = Peer::new(Some(&ours), None);
        let right = Peer::new(Some(&theirs), None).listening(true);
        let (own, there) = (left.offer(true), right.offer(true));
        let told = |offered: &Offered, lies: bool| {
            if lies { Some(stranger.clone()) } else { offered.fingerprint.clone() }
        };
        right.wait_for_peer(&there, told(&own, left_lies).as_deref());
        left.connect(&own, &there, told(&there, right_lies).as_deref());
        if left_lies || right_lies {
            let (code, why) = left.opens().expect_err("one of them lies");
            // Who connects sees it himself; who waits answers as if there were no session.
            assert_eq!(code, if right_lies { 0 } else { 481 }, "{why}");
        } else {
            chat(&left, &own, &right, &there);
        }
    }
}

// RFC 4975 s14.2
#[test]
fn c_believes_whom_an_authority_vouches_for_and_nobody_else() {
    let directory = tempfile::tempdir().expect("a directory");
    let of = |name: &str, host: &str| Certificate::new(directory.path(), name, host);
    let (own, other, misnamed) =
        (of("own", "127.0.0.1"), of("other", "127.0.0.1"), of("misnamed", "peer.test"));
    for (shown, trusted, believed) in [
        (&own, Some(&own.certificate), true),
        (&own, Some(&other.certificate), false),
        (&misnamed, Some(&misnamed.certificate), false),
        // Without authorities, only a fingerprint helps.
        (&own, None, false),
    ] {
        let right = Peer::new(Some(shown), None).listening(true);
        let left = Peer::new(None, trusted.map(CString::as_c_str));
        let (ours, theirs) = (left.offer(true), right.offer(true));
        assert!(ours.fingerprint.is_none());
        right.wait_for_peer(&theirs, None);
        left.connect(&ours, &theirs, None);
        if believed {
            chat(&left, &ours, &right, &theirs);
        } else {
            assert_eq!(left.opens().map_err(|(code, _)| code), Err(0));
        }
    }
}

// RFC 4976 s5.1
#[test]
fn c_is_reached_through_a_foreign_relay() {
    let relay = Relay::start(600);
    let (behind, front) = (Peer::new(None, None), Peer::new(None, None));
    let refused = behind.offer_through(&relay, "guessed");
    let event = behind.event();
    assert_eq!(tagus_msrp_event_kind(Some(&event)), TagusMsrpKind::NotOpened, "{event:?}");
    assert_eq!(tagus_msrp_event_session(Some(&event)), refused);
    let theirs = behind.told(behind.offer_through(&relay, PASSWORD));
    let path = theirs.path.to_str().expect("UTF-8");
    assert!(
        path.starts_with(&format!("msrp://{}/", relay.address)) && path.contains(' '),
        "{path}"
    );
    behind.wait_for_peer(&theirs, None);
    let ours = front.offer(false);
    front.connect(&ours, &theirs, None);
    chat(&front, &ours, &behind, &theirs);
}

fn answer(offered: Option<&CStr>, reachable: bool) -> Option<CString> {
    let offered = offered.map_or(ptr::null(), CStr::as_ptr);
    // SAFETY: the text lives during the call.
    let answer = written(|place| unsafe {
        tagus_msrp_setup_answer(offered, u32::from(reachable), Some(place))
    });
    (!answer.is_null()).then(|| c(&of(answer)))
}

fn connects(answered: Option<&CStr>) -> bool {
    let answered = answered.map_or(ptr::null(), CStr::as_ptr);
    // SAFETY: the text lives during the call.
    written(|place| unsafe { tagus_msrp_setup_connects(answered, Some(place)) })
}

// RFC 6135 s4.2
#[test]
fn either_side_connects_as_a_setup_says() {
    for (offerer_reachable, answerer_reachable) in [(true, true), (true, false), (false, true)] {
        let offered = c(&of(tagus_msrp_setup_offer(u32::from(offerer_reachable))));
        let answered = answer(Some(&offered), answerer_reachable).expect("one can be reached");
        let we_connect = connects(Some(&answered));
        assert_eq!(we_connect, answered.as_bytes() == b"passive");
        let peer = |reachable: bool| {
            let peer = Peer::new(None, None);
            if reachable { peer.listening(false) } else { peer }
        };
        let (offerer, answerer) = (peer(offerer_reachable), peer(answerer_reachable));
        let (ours, theirs) = (offerer.offer(false), answerer.offer(false));
        if we_connect {
            answerer.wait_for_peer(&theirs, None);
            offerer.connect(&ours, &theirs, None);
        } else {
            offerer.wait_for_peer(&ours, None);
            answerer.connect(&theirs, &ours, None);
        }
        chat(&offerer, &ours, &answerer, &theirs);
    }
    // Nobody can be reached; a peer without the attribute; one with a value that is none.
    assert_eq!(answer(Some(c"active"), false), None);
    assert_eq!(answer(None, true).as_deref(), Some(c"passive"));
    assert_eq!(answer(Some(c"holdconn"), true).as_deref(), Some(c"passive"));
    assert!(connects(None) && connects(Some(c"holdconn")) && !connects(Some(c"ACTIVE")));
}

#[test]
fn setup_takes_null_and_refuses_what_is_no_text() {
    let latin = CString::new([0xe4]).expect("no NUL");
    // SAFETY: NULL is allowed, and the text lives during the calls.
    unsafe {
        let (mut text, mut connects) = (MaybeUninit::uninit(), MaybeUninit::uninit());
        assert_eq!(tagus_msrp_setup_answer(ptr::null(), 1, None), TagusMsrpCode::Null);
        assert_eq!(tagus_msrp_setup_connects(ptr::null(), None), TagusMsrpCode::Null);
        let code = tagus_msrp_setup_answer(latin.as_ptr(), 1, Some(&mut text));
        assert_eq!((code, text.assume_init()), (TagusMsrpCode::Malformed, ptr::null()));
        let code = tagus_msrp_setup_connects(latin.as_ptr(), Some(&mut connects));
        assert_eq!(code, TagusMsrpCode::Malformed);
    }
}
