//! What C calls. Each call checks what it is given, and does one thing.

use std::ffi::c_char;
use std::mem::MaybeUninit;
use std::sync::Arc;
use std::time::Duration;

use super::border::{CallError, TagusMsrpCode, bytes, guarded, place, text, text_or_none};
use super::event::TagusMsrpEvent;
use super::peer::{Peer, begun_file, file_source, new_file};
use crate::msrp::granularity::Granularity;
use crate::msrp::message::Priority;
use crate::msrp::peer::{
    EndpointOptions, Fingerprint, Identity, Outbound, RelayAccount, Sink, Source, Trust,
};
use crate::msrp::resume::{IncomingState, OutgoingState};
use crate::msrp::uri::Path;

/// The number of a peer: listeners, connections, sessions, and the threads that serve them.
pub type TagusMsrpPeer = u64;

/// The number of a session, within its peer. 0 is none.
pub type TagusMsrpSession = u64;

/// The number of a message, within its peer. 0 is none.
pub type TagusMsrpMessage = u64;

/// How a message is sent. All zero, as NULL does, is a plain message.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct TagusMsrpHow {
    /// Other than 0: asks the peer to confirm what it has.
    pub report: u32,
    /// 0 normal, 1 before others (a line of chat), 2 after others (a file).
    pub priority: u32,
    /// Tells the progress each so many bytes; 0: not by bytes.
    pub progress_bytes: u64,
    /// Tells the progress each so many percent, up to 100; 0: not by percent.
    pub progress_percent: u32,
    /// The Content-Disposition, as `attachment; filename="notes.txt"`; NULL for none.
    pub disposition: *const c_char,
}

/// The version of the library, as text that stays.
#[unsafe(no_mangle)]
pub extern "C" fn tagus_msrp_version() -> *const c_char {
    const { concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast() }
}

/// Makes a peer. `host` is the name or address at which others reach it, and stands in its paths.
/// `certificate` and `key` name PEM files, or are both NULL. `trust` says whom to believe over TLS:
/// NULL who has an announced fingerprint only, `system` whom this machine trusts, `anybody`, or the
/// name of a PEM file with authorities.
///
/// # Safety
/// Texts end with a NUL and stay as they are during the call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tagus_msrp_peer_new(
    host: *const c_char,
    certificate: *const c_char,
    key: *const c_char,
    trust: *const c_char,
    peer: Option<&mut MaybeUninit<TagusMsrpPeer>>,
) -> TagusMsrpCode {
    guarded(|| {
        let peer = place("peer", peer)?;
        // SAFETY: promised by the caller.
        let (host, certificate, key, trust) = unsafe {
            (
                text("host", host)?,
                text_or_none("certificate", certificate)?,
                text_or_none("key", key)?,
                text_or_none("trust", trust)?,
            )
        };
        let mut options = EndpointOptions::new(host);
        options.identity = match (certificate, key) {
            (None, None) => None,
            (Some(certificate), Some(key)) => {
                Some(Identity::from_files(certificate.as_ref(), key.as_ref())?)
            }
            (None, Some(_)) => return Err(CallError::Null("certificate")),
            (Some(_), None) => return Err(CallError::Null("key")),
        };
        options.trust = match trust {
            None => Trust::Fingerprints(Vec::new()),
            Some("system") => Trust::system(),
            Some("anybody") => Trust::Anybody,
            Some(file) => Trust::file(file.as_ref())
                .map_err(|error| CallError::File(file.to_owned(), error))?,
        };
        peer.write(Peer::begin(options)?);
        Ok(())
    })
}

/// Ends a peer with all of its sessions; what is under way is lost. Other threads may be in calls for
/// it: those return `TAGUS_MSRP_CODE_STOPPED`. Events that were taken can still be read.
#[unsafe(no_mangle)]
pub extern "C" fn tagus_msrp_peer_free(peer: TagusMsrpPeer) -> TagusMsrpCode {
    guarded(|| Peer::end(peer))
}

/// Runs a call for a peer.
fn with(peer: TagusMsrpPeer, body: impl FnOnce(&Peer) -> Result<(), CallError>) -> TagusMsrpCode {
    guarded(|| {
        let peer = Peer::of(peer)?;
        body(Arc::as_ref(&peer))
    })
}

/// Listens at `address`, as `127.0.0.1:2855` or `[::]:0`; `tls` other than 0: over TLS. `port`, unless
/// NULL, gets the port that it became.
///
/// # Safety
/// As for `tagus_msrp_peer_new`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tagus_msrp_listen(
    peer: TagusMsrpPeer,
    address: *const c_char,
    tls: u32,
    port: Option<&mut MaybeUninit<u16>>,
) -> TagusMsrpCode {
    with(peer, |peer| {
        // SAFETY: promised by the caller.
        let address = unsafe { text("address", address) }?;
        let local = peer.listen(address, tls != 0)?;
        if let Some(port) = port {
            port.write(local.port());
        }
        Ok(())
    })
}

/// Begins a session: `TAGUS_MSRP_KIND_OFFERED` tells its path. `tls` other than 0: over TLS.
#[unsafe(no_mangle)]
pub extern "C" fn tagus_msrp_offer(
    peer: TagusMsrpPeer,
    tls: u32,
    session: Option<&mut MaybeUninit<TagusMsrpSession>>,
) -> TagusMsrpCode {
    with(peer, |peer| {
        let session = place("session", session)?;
        session.write(peer.offer(tls != 0)?);
        Ok(())
    })
}

/// Begins a session behind relays, the nearest first in `relays`, as `msrps://relay.example:2855;tcp`:
/// signs in, and then tells the path, or `TAGUS_MSRP_KIND_NOT_OPENED`. `allow_plain` other than 0:
/// takes relays without TLS.
///
/// # Safety
/// As for `tagus_msrp_peer_new`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tagus_msrp_offer_through(
    peer: TagusMsrpPeer,
    relays: *const c_char,
    user: *const c_char,
    password: *const c_char,
    allow_plain: u32,
    session: Option<&mut MaybeUninit<TagusMsrpSession>>,
) -> TagusMsrpCode {
    with(peer, |peer| {
        let session = place("session", session)?;
        // SAFETY: promised by the caller.
        let (relays, user, password) =
            unsafe { (text("relays", relays)?, text("user", user)?, text("password", password)?) };
        let account = RelayAccount {
            relays: Path::parse(relays)?,
            user: user.to_owned(),
            password: password.to_owned(),
            allow_plain: allow_plain != 0,
        };
        session.write(peer.offer_through(account)?);
        Ok(())
    })
}

/// Fingerprints, one or several with commas between.
///
/// # Safety
/// As for [`text`].
unsafe fn fingerprints(list: *const c_char) -> Result<Vec<Fingerprint>, CallError> {
    // SAFETY: promised by the caller.
    let list = unsafe { text_or_none("fingerprints", list) }?.unwrap_or_default();
    let one = |text: &str| text.parse().map_err(CallError::Fingerprint);
    list.split(',').map(str::trim).filter(|text| !text.is_empty()).map(one).collect()
}

/// Connects a session that was offered to the peer at `path`. `fingerprints`, unless NULL, are those
/// that the peer's certificate may have, with commas between. `TAGUS_MSRP_KIND_OPENED` or
/// `TAGUS_MSRP_KIND_NOT_OPENED` follows.
///
/// # Safety
/// As for `tagus_msrp_peer_new`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tagus_msrp_connect(
    peer: TagusMsrpPeer,
    session: TagusMsrpSession,
    path: *const c_char,
    fingerprints: *const c_char,
) -> TagusMsrpCode {
    with(peer, |peer| {
        // SAFETY: promised by the caller.
        let (path, known) = unsafe { (text("path", path)?, self::fingerprints(fingerprints)?) };
        peer.open(session, true, Some(Path::parse(path)?), known)
    })
}

/// Waits for the peer of a session that was offered. `path`: only for the one at this path; NULL for
/// whoever names ours. The rest is as for `tagus_msrp_connect`.
///
/// # Safety
/// As for `tagus_msrp_peer_new`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tagus_msrp_wait(
    peer: TagusMsrpPeer,
    session: TagusMsrpSession,
    path: *const c_char,
    fingerprints: *const c_char,
) -> TagusMsrpCode {
    with(peer, |peer| {
        // SAFETY: promised by the caller.
        let (path, known) =
            unsafe { (text_or_none("path", path)?, self::fingerprints(fingerprints)?) };
        peer.open(session, false, path.map(Path::parse).transpose()?, known)
    })
}

/// How to send.
///
/// # Safety
/// As for [`text`], for the text within.
unsafe fn outbound(content_type: &str, how: Option<&TagusMsrpHow>) -> Result<Outbound, CallError> {
    let mut outbound = Outbound::new(content_type);
    let Some(how) = how else { return Ok(outbound) };
    if how.report != 0 {
        outbound = outbound.report();
    }
    let percent = u8::try_from(how.progress_percent).ok().filter(|percent| *percent <= 100);
    let priority = match how.priority {
        0 => Some(Priority::Normal),
        1 => Some(Priority::Urgent),
        2 => Some(Priority::Bulk),
        _ => None,
    };
    let (Some(percent), Some(priority)) = (percent, priority) else { return Err(CallError::Range) };
    let progress = match (how.progress_bytes, percent) {
        (0, 0) => Granularity::Off,
        (0, percent) => Granularity::EveryPercent(percent),
        (bytes, _) => Granularity::EveryBytes(bytes),
    };
    outbound = outbound.priority(priority).progress(progress);
    // SAFETY: promised by the caller.
    if let Some(disposition) = unsafe { text_or_none("disposition", how.disposition) }? {
        outbound = outbound.disposition(disposition);
    }
    Ok(outbound)
}

/// Sends plain text. `how` and `message` may be NULL. As with all messages, events tell what becomes
/// of it, up to `TAGUS_MSRP_KIND_SEND_OVER`; and while so much is queued that the connection takes no
/// more, the call waits.
///
/// # Safety
/// As for `tagus_msrp_peer_new`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tagus_msrp_send_text(
    peer: TagusMsrpPeer,
    session: TagusMsrpSession,
    text: *const c_char,
    how: Option<&TagusMsrpHow>,
    message: Option<&mut MaybeUninit<TagusMsrpMessage>>,
) -> TagusMsrpCode {
    with(peer, |peer| {
        // SAFETY: promised by the caller.
        let (text, how) =
            unsafe { (self::text("text", text)?, outbound("text/plain;charset=utf-8", how)?) };
        told(message, peer.send(session, how, Source::from(text), None)?);
        Ok(())
    })
}

/// Sends bytes of a media type.
///
/// # Safety
/// As for `tagus_msrp_peer_new`; `data` leads to `length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tagus_msrp_send_bytes(
    peer: TagusMsrpPeer,
    session: TagusMsrpSession,
    content_type: *const c_char,
    data: *const u8,
    length: usize,
    how: Option<&TagusMsrpHow>,
    message: Option<&mut MaybeUninit<TagusMsrpMessage>>,
) -> TagusMsrpCode {
    with(peer, |peer| {
        // SAFETY: promised by the caller.
        let (how, data) = unsafe {
            (outbound(text("content_type", content_type)?, how)?, bytes("data", data, length)?)
        };
        let source = Source::memory(data.to_vec());
        told(message, peer.send(session, how, source, None)?);
        Ok(())
    })
}

/// Sends the file at `file`. `state`, unless NULL, is what an event told of a message that was cut
/// off: the same file goes on from there.
///
/// # Safety
/// As for `tagus_msrp_peer_new`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tagus_msrp_send_file(
    peer: TagusMsrpPeer,
    session: TagusMsrpSession,
    content_type: *const c_char,
    file: *const c_char,
    state: *const c_char,
    how: Option<&TagusMsrpHow>,
    message: Option<&mut MaybeUninit<TagusMsrpMessage>>,
) -> TagusMsrpCode {
    with(peer, |peer| {
        // SAFETY: promised by the caller.
        let (how, file, state) = unsafe {
            (
                outbound(text("content_type", content_type)?, how)?,
                text("file", file)?,
                text_or_none("state", state)?,
            )
        };
        let state = state.map(OutgoingState::decode).transpose()?;
        told(message, peer.send(session, how, file_source(file)?, state)?);
        Ok(())
    })
}

fn told(place: Option<&mut MaybeUninit<TagusMsrpMessage>>, message: u64) {
    if let Some(place) = place {
        place.write(message);
    }
}

/// Takes a message that wants to come into a new file. A file that exists is not touched: the call
/// fails, and the message can still be accepted.
///
/// # Safety
/// As for `tagus_msrp_peer_new`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tagus_msrp_accept_file(
    peer: TagusMsrpPeer,
    message: TagusMsrpMessage,
    file: *const c_char,
) -> TagusMsrpCode {
    with(peer, |peer| {
        // SAFETY: promised by the caller.
        let file = unsafe { text("file", file) }?;
        peer.is_announced(message)?;
        peer.accept(message, new_file(file)?)
    })
}

/// Takes a message that wants to come into memory, up to `most` bytes.
#[unsafe(no_mangle)]
pub extern "C" fn tagus_msrp_accept_memory(
    peer: TagusMsrpPeer,
    message: TagusMsrpMessage,
    most: u64,
) -> TagusMsrpCode {
    with(peer, |peer| peer.accept(message, Sink::memory(most)))
}

/// Refuses a message that wants to come: 413 has its sender stop, 415 is for its type, 403 else.
#[unsafe(no_mangle)]
pub extern "C" fn tagus_msrp_deny(
    peer: TagusMsrpPeer,
    message: TagusMsrpMessage,
    code: u16,
) -> TagusMsrpCode {
    with(peer, |peer| {
        if !(300..700).contains(&code) {
            return Err(CallError::Code);
        }
        peer.deny(message, code)
    })
}

/// Takes the rest of a message that was cut off, by the `state` that an event told, into the file that
/// has what came before.
///
/// # Safety
/// As for `tagus_msrp_peer_new`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tagus_msrp_expect_file(
    peer: TagusMsrpPeer,
    session: TagusMsrpSession,
    state: *const c_char,
    file: *const c_char,
    message: Option<&mut MaybeUninit<TagusMsrpMessage>>,
) -> TagusMsrpCode {
    with(peer, |peer| {
        // SAFETY: promised by the caller.
        let (state, file) = unsafe { (text("state", state)?, text("file", file)?) };
        let state = IncomingState::decode(state)?;
        told(message, peer.expect(session, state, begun_file(file)?)?);
        Ok(())
    })
}

/// Gives a message up, whichever way it goes: the peer is told, and an event follows.
#[unsafe(no_mangle)]
pub extern "C" fn tagus_msrp_abort(
    peer: TagusMsrpPeer,
    message: TagusMsrpMessage,
) -> TagusMsrpCode {
    with(peer, |peer| peer.abort(message))
}

/// How many bytes of a message that was accepted have come so far.
#[unsafe(no_mangle)]
pub extern "C" fn tagus_msrp_received(
    peer: TagusMsrpPeer,
    message: TagusMsrpMessage,
    received: Option<&mut MaybeUninit<u64>>,
) -> TagusMsrpCode {
    with(peer, |peer| {
        place("received", received)?.write(peer.received(message)?);
        Ok(())
    })
}

/// Ends a session; what is under way in it fails. `TAGUS_MSRP_KIND_CLOSED` follows, or
/// `TAGUS_MSRP_KIND_NOT_OPENED`; nothing when it was only offered.
#[unsafe(no_mangle)]
pub extern "C" fn tagus_msrp_close(
    peer: TagusMsrpPeer,
    session: TagusMsrpSession,
) -> TagusMsrpCode {
    with(peer, |peer| peer.close(session))
}

/// Takes the next event. Waits up to `timeout_ms` milliseconds; below 0, for any time.
/// `TAGUS_MSRP_CODE_TIMEOUT`: nothing happened. On any failure, `event` becomes NULL.
#[unsafe(no_mangle)]
pub extern "C" fn tagus_msrp_next_event(
    peer: TagusMsrpPeer,
    timeout_ms: i64,
    event: Option<&mut MaybeUninit<Option<Box<TagusMsrpEvent>>>>,
) -> TagusMsrpCode {
    guarded(|| {
        let event = place("event", event)?;
        event.write(None);
        let patience = u64::try_from(timeout_ms).ok().map(Duration::from_millis);
        event.write(Some(Box::new(Peer::of(peer)?.next(patience)?)));
        Ok(())
    })
}
