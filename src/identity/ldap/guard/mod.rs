//! Stands between the library and a server, so that the library hears nothing that it would fall over.
//!
//! ```text
//!   ldap3 ── socket pair ── guard ── TCP or TLS ── server
//! ```
//!
//! What is no answer to a question that was asked is left out (RFC 4511 s4.1.1.1); what is no message at
//! all ends the connection, and why is kept for whoever asks.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Buf as _, BytesMut};
use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, StdStream};
use rustls::AlertDescription;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::task::JoinSet;

pub(in crate::identity) mod start_tls;
#[cfg(test)]
mod tests;
pub(in crate::identity) mod wire;

use wire::{Head, operation};

/// Bytes of the answers to one question at most.
const MOST: u64 = 256 << 20;
/// Bytes that are read at once.
const READ: usize = 16 << 10;
/// Characters of what a server said at most, where it is kept.
const LONGEST: usize = 300;

/// Why a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::identity) enum Fault {
    /// The server closed it.
    Closed,
    /// It broke.
    Broken(String),
    /// The server demands a certificate.
    ClientCertificate,
    /// It was no LDAP.
    Garbage(&'static str),
    /// It was too much.
    TooMuch,
    /// The server gave notice (RFC 4511 s4.4.1).
    Notice(String),
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Fault::Closed => f.write_str("the server closed the connection"),
            Fault::Broken(reason) => write!(f, "the connection broke: {reason}"),
            Fault::ClientCertificate => f.write_str("the server demands a certificate"),
            Fault::Garbage(looks) => write!(f, "what came is no LDAP, it looks like {looks}"),
            Fault::TooMuch => f.write_str("the server sends more than is read"),
            Fault::Notice(meaning) => write!(f, "the server ended the connection: {meaning}"),
        }
    }
}

/// What bytes look like that are no message.
pub(in crate::identity) fn looks(bytes: &[u8]) -> &'static str {
    match bytes {
        [0x14..=0x17, 0x03, ..] => "TLS",
        _ if bytes.starts_with(b"HTTP/") || bytes.starts_with(b"<") => "a web server",
        _ if bytes.starts_with(b"SSH-") => "SSH",
        _ if bytes.starts_with(b"220") => "a mail server",
        _ if bytes.starts_with(b"SIP/") => "a SIP server",
        [0x30, ..] => "a broken LDAP server",
        _ => "nothing known",
    }
}

/// Where it is noted why a connection ended.
pub(super) type Noted = Arc<Mutex<Option<Fault>>>;

/// A connection that the library talks over, and why it ended if it did. When it is dropped everything
/// of it ends.
pub(in crate::identity) struct Session {
    pub(in crate::identity) ldap: Ldap,
    fault: Noted,
    tasks: JoinSet<()>,
}

impl Session {
    /// Begins to talk over a connection on which the server has said nothing yet.
    pub(in crate::identity) async fn over<S>(stream: S) -> io::Result<Session>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        Session::noting(stream, Noted::default()).await
    }

    /// The same, where others note their ends, too.
    pub(super) async fn noting<S>(stream: S, fault: Noted) -> io::Result<Session>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (near, far) = std::os::unix::net::UnixStream::pair()?;
        far.set_nonblocking(true)?;
        let far = UnixStream::from_std(far)?;
        let settings = LdapConnSettings::new().set_std_stream(StdStream::Unix(near));
        let made = LdapConnAsync::with_settings(settings, "ldapi:///").await;
        let (driver, ldap) = made.map_err(io::Error::other)?;
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            // How it ended shows on the handle, and stands in `fault`.
            let _ = driver.drive().await;
        });
        tasks.spawn(carry(stream, far, Arc::clone(&fault)));
        Ok(Session { ldap, fault, tasks })
    }

    /// Why the connection ended; closed, if nobody said.
    pub(in crate::identity) fn fault(&self) -> Fault {
        let fault = self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        fault.clone().unwrap_or(Fault::Closed)
    }

    /// Lets the connection live as long as somebody has a handle.
    pub(super) fn detach(self) -> Ldap {
        let Session { ldap, mut tasks, .. } = self;
        tasks.detach_all();
        ldap
    }
}

/// A question that was asked.
struct Question {
    /// What it asks for: the first octet of the operation.
    operation: u8,
    /// Bytes that were answered so far.
    answered: u64,
}

/// The questions that are open.
type Open = Mutex<HashMap<u32, Question>>;

async fn carry<S>(stream: S, library: UnixStream, fault: Noted)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (mut from_server, mut to_server) = tokio::io::split(stream);
    let (mut from_library, mut to_library) = library.into_split();
    let open = Open::default();
    let ended = tokio::select! {
        ended = ask(&mut from_library, &mut to_server, &open) => ended,
        ended = answer(&mut from_server, &mut to_library, &open) => ended,
    };
    if let Err(ended) = ended {
        *fault.lock().unwrap_or_else(PoisonError::into_inner) = Some(ended);
    }
    // The library learns of the end only now, when the reason is there. The farewell may fail.
    let _ = to_server.shutdown().await;
}

/// Carries questions until the library has no more.
async fn ask(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    open: &Open,
) -> Result<(), Fault> {
    let mut bytes = BytesMut::new();
    while from.read_buf(&mut bytes).await.map_err(broken)? > 0 {
        while let Head::Message(length) = wire::head(&bytes)
            && let Some(message) = bytes.get(..length)
        {
            note(message, open);
            to.write_all(message).await.map_err(broken)?;
            bytes.advance(length);
        }
        to.flush().await.map_err(broken)?;
    }
    Ok(())
}

/// Remembers what is asked, and forgets what is not waited for any more.
fn note(message: &[u8], open: &Open) {
    let Some(question) = wire::question(message) else { return };
    let mut open = open.lock().unwrap_or_else(PoisonError::into_inner);
    match question.operation {
        operation::BIND | operation::SEARCH | operation::EXTENDED => {
            open.insert(question.id, Question { operation: question.operation, answered: 0 });
        }
        operation::ABANDON => {
            if let Some(id) = question.abandoned() {
                open.remove(&id);
            }
        }
        _ => {}
    }
}

/// Carries answers until the server has no more.
async fn answer(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    open: &Open,
) -> Result<(), Fault> {
    let mut bytes = BytesMut::with_capacity(READ);
    loop {
        bytes.reserve(READ);
        if from.read_buf(&mut bytes).await.map_err(broken)? == 0 {
            return Err(Fault::Closed);
        }
        // What came together goes on together.
        let mut wanted = Vec::new();
        let outcome = sift(&mut bytes, open, &mut wanted);
        to.write_all(&wanted).await.map_err(broken)?;
        outcome?;
    }
}

/// Takes the whole messages out of what came, and leaves those that the library may hear.
fn sift(bytes: &mut BytesMut, open: &Open, wanted: &mut Vec<u8>) -> Result<(), Fault> {
    loop {
        match wire::head(bytes) {
            Head::Not => return Err(Fault::Garbage(looks(bytes))),
            Head::TooLong => return Err(Fault::TooMuch),
            Head::More => return Ok(()),
            Head::Message(length) => {
                let Some(message) = bytes.get(..length) else { return Ok(()) };
                if is_wanted(message, open)? {
                    wanted.extend_from_slice(message);
                }
                bytes.advance(length);
            }
        }
    }
}

/// Whether the library may hear a message: an answer of the kind that its question has.
fn is_wanted(message: &[u8], open: &Open) -> Result<bool, Fault> {
    let answer = wire::answer(message).ok_or(Fault::Garbage(looks(message)))?;
    if answer.id == 0 {
        return match answer.result() {
            Some((code, text)) => Err(Fault::Notice(format!("{} ({code})", bounded(text)))),
            None => Ok(false),
        };
    }
    let mut open = open.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(question) = open.get_mut(&answer.id) else { return Ok(false) };
    question.answered += message.len() as u64;
    if question.answered > MOST {
        return Err(Fault::TooMuch);
    }
    match (question.operation, answer.operation) {
        (operation::BIND, operation::BOUND)
        | (operation::SEARCH, operation::DONE)
        | (operation::EXTENDED, operation::EXTENDED_ANSWER) => {
            open.remove(&answer.id);
            Ok(true)
        }
        (operation::SEARCH, operation::ENTRY | operation::REFERENCE) => Ok(true),
        // Nobody here asks for what these tell.
        (_, operation::INTERMEDIATE) => Ok(false),
        _ => Err(Fault::Garbage(looks(message))),
    }
}

fn broken(error: io::Error) -> Fault {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    if let Some(rustls::Error::AlertReceived(alert)) = tls
        && asks_for_certificate(*alert)
    {
        return Fault::ClientCertificate;
    }
    match error.kind() {
        // Also TLS that ends without a farewell.
        io::ErrorKind::UnexpectedEof => Fault::Closed,
        _ => Fault::Broken(bounded(&error.to_string())),
    }
}

/// Reads until one whole message is there; what follows it is in the bytes, too.
pub(in crate::identity) async fn one_answer(
    from: &mut (impl AsyncRead + Unpin),
) -> Result<BytesMut, Fault> {
    let mut bytes = BytesMut::new();
    loop {
        if from.read_buf(&mut bytes).await.map_err(broken)? == 0 {
            return Err(Fault::Closed);
        }
        match wire::head(&bytes) {
            Head::Message(length) if length <= bytes.len() => return Ok(bytes),
            Head::Message(_) | Head::More => {}
            Head::TooLong => return Err(Fault::TooMuch),
            Head::Not => return Err(Fault::Garbage(looks(&bytes))),
        }
    }
}

/// Whether an alert says that the client should have shown a certificate.
pub(in crate::identity) fn asks_for_certificate(alert: AlertDescription) -> bool {
    matches!(alert, AlertDescription::CertificateRequired)
}

/// Text of a stranger, cut.
pub(in crate::identity) fn bounded(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
