//! The border: addresses are checked here, failures become codes, and no panic gets across.

use std::cell::RefCell;
use std::ffi::{CStr, CString, c_char};
use std::io;
use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::msrp::message::SendError;
use crate::msrp::peer::{FingerprintError, OpenError};
use crate::msrp::resume::StateError;
use crate::msrp::uri::UriError;

/// What a call comes to. `tagus_msrp_last_error` says more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub enum TagusMsrpCode {
    /// Done.
    Ok = 0,
    /// An address that has to be given is NULL.
    Null = 1,
    /// A text is not UTF-8, or has no meaning where it stands.
    Malformed = 2,
    /// There is no such peer, session or message, or it is not in a state for this.
    Handle = 3,
    /// A file, an address or a certificate is of no use.
    Io = 4,
    /// The peer has as many sessions and messages as it may.
    Full = 5,
    /// Nothing happened in the time that was given.
    Timeout = 6,
    /// The peer was freed by another thread.
    Stopped = 7,
    /// A defect of the library. The peer can be used further.
    Defect = 8,
}

/// Why a call fails.
#[derive(Debug, thiserror::Error)]
pub(super) enum CallError {
    #[error("{0} is NULL")]
    Null(&'static str),
    #[error("{0} is not UTF-8")]
    Encoding(&'static str),
    #[error("a priority is 0, 1 or 2, and a number of percent at most 100")]
    Range,
    #[error("a code is 300 to 699")]
    Code,
    #[error(transparent)]
    Uri(#[from] UriError),
    #[error(transparent)]
    Fingerprint(#[from] FingerprintError),
    #[error(transparent)]
    State(#[from] StateError),
    #[error("{0} is not ADDRESS:PORT")]
    Address(String),
    #[error("there is no {0} of this number in a state for this")]
    Handle(&'static str),
    #[error("{0}: {1}")]
    File(String, io::Error),
    #[error("the certificate: {0}")]
    Certificate(#[from] crate::msrp::peer::TlsError),
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Send(#[from] SendError),
    #[error("there are too many sessions and messages")]
    Full,
    #[error("nothing happened in time")]
    Timeout,
    #[error("the peer was freed")]
    Stopped,
    #[error("the library has a defect: it panicked")]
    Defect,
}

impl CallError {
    fn code(&self) -> TagusMsrpCode {
        match self {
            CallError::Null(_) => TagusMsrpCode::Null,
            CallError::Encoding(_)
            | CallError::Range
            | CallError::Code
            | CallError::Uri(_)
            | CallError::Fingerprint(_)
            | CallError::State(_)
            | CallError::Address(_)
            | CallError::Open(_)
            | CallError::Send(_) => TagusMsrpCode::Malformed,
            CallError::Handle(_) => TagusMsrpCode::Handle,
            CallError::File(..) | CallError::Certificate(_) | CallError::Io(_) => TagusMsrpCode::Io,
            CallError::Full => TagusMsrpCode::Full,
            CallError::Timeout => TagusMsrpCode::Timeout,
            CallError::Stopped => TagusMsrpCode::Stopped,
            CallError::Defect => TagusMsrpCode::Defect,
        }
    }
}

thread_local! {
    static LAST: RefCell<CString> = RefCell::default();
}

/// Says why the last call of this thread that failed did, in English. Stays readable until the next
/// failure in this thread. Never NULL.
#[unsafe(no_mangle)]
pub extern "C" fn tagus_msrp_last_error() -> *const c_char {
    LAST.with_borrow(|last| last.as_ptr())
}

/// Runs the body of a call.
pub(super) fn guarded(body: impl FnOnce() -> Result<(), CallError>) -> TagusMsrpCode {
    // What is shared recovers from a lock that a panic left.
    let outcome = catch_unwind(AssertUnwindSafe(body)).unwrap_or(Err(CallError::Defect));
    let Err(error) = outcome else { return TagusMsrpCode::Ok };
    LAST.set(c_text(&error.to_string()));
    error.code()
}

/// A text for C. What stands behind a NUL would not be seen, so there is none left.
pub(super) fn c_text(text: &str) -> CString {
    CString::new(text.replace('\0', "")).unwrap_or_default()
}

/// A text that has to be there.
///
/// # Safety
/// `address` is NULL or leads to bytes that end with a NUL and stay as they are during `'a`.
pub(super) unsafe fn text<'a>(
    name: &'static str,
    address: *const c_char,
) -> Result<&'a str, CallError> {
    // SAFETY: the caller's promise is the same.
    unsafe { text_or_none(name, address) }?.ok_or(CallError::Null(name))
}

/// A text that may be absent: NULL.
///
/// # Safety
/// As for [`text`].
pub(super) unsafe fn text_or_none<'a>(
    name: &'static str,
    address: *const c_char,
) -> Result<Option<&'a str>, CallError> {
    if address.is_null() {
        return Ok(None);
    }
    // SAFETY: it is not NULL, and the caller promises a NUL at its end.
    let text = unsafe { CStr::from_ptr(address) };
    text.to_str().map(Some).map_err(|_| CallError::Encoding(name))
}

/// Bytes. None may stand at NULL.
///
/// # Safety
/// `address` is NULL or leads to `length` bytes that stay as they are during `'a`.
pub(super) unsafe fn bytes<'a>(
    name: &'static str,
    address: *const u8,
    length: usize,
) -> Result<&'a [u8], CallError> {
    if length == 0 {
        return Ok(&[]);
    }
    if address.is_null() || isize::try_from(length).is_err() {
        return Err(CallError::Null(name));
    }
    // SAFETY: it is not NULL, no longer than an object can be, and the caller promises the rest.
    Ok(unsafe { std::slice::from_raw_parts(address, length) })
}

/// A place for a result. What is in it means nothing before.
pub(super) fn place<'a, T>(
    name: &'static str,
    out: Option<&'a mut MaybeUninit<T>>,
) -> Result<&'a mut MaybeUninit<T>, CallError> {
    out.ok_or(CallError::Null(name))
}
