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
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::task::JoinSet;

use super::code::Code;
use super::finding::{Finding, bounded};
use super::wire::{self, Head, operation};

/// Bytes of all answers on one connection at most.
const MOST: u64 = 256 << 20;

/// Why a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
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

impl Fault {
    pub(super) fn finding(self, port: u16) -> Finding {
        match self {
            Fault::Closed => Code::Closed.alone(),
            Fault::Broken(reason) => Code::Broken.with([("reason", reason)]),
            Fault::ClientCertificate => Code::ClientCertificate.alone(),
            Fault::Garbage(looks) => {
                Code::Garbage.with([("port", port.to_string()), ("looks", looks.to_owned())])
            }
            Fault::TooMuch => Code::TooMuch.alone(),
            Fault::Notice(meaning) => Code::Notice.with([("meaning", meaning)]),
        }
    }
}

/// What bytes look like that are no message.
pub(super) fn looks(bytes: &[u8]) -> &'static str {
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

/// A connection that the library talks over, and why it ended if it did. When it is dropped everything
/// of it ends.
pub(super) struct Session {
    pub(super) ldap: Ldap,
    fault: Arc<Mutex<Option<Fault>>>,
    _tasks: JoinSet<()>,
}

impl Session {
    /// Begins to talk over a connection on which the server has said nothing yet.
    pub(super) async fn over<S>(stream: S) -> io::Result<Session>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (near, far) = std::os::unix::net::UnixStream::pair()?;
        far.set_nonblocking(true)?;
        let far = UnixStream::from_std(far)?;
        let settings = LdapConnSettings::new().set_std_stream(StdStream::Unix(near));
        let made = LdapConnAsync::with_settings(settings, "ldapi:///").await;
        let (driver, ldap) = made.map_err(io::Error::other)?;
        let fault = Arc::new(Mutex::new(None));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            // How it ended shows on the handle, and stands in `fault`.
            let _ = driver.drive().await;
        });
        tasks.spawn(carry(stream, far, Arc::clone(&fault)));
        Ok(Session { ldap, fault, _tasks: tasks })
    }

    /// Why the connection ended; closed, if nobody said.
    pub(super) fn fault(&self) -> Fault {
        let fault = self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        fault.clone().unwrap_or(Fault::Closed)
    }
}

/// Which questions are open, and what kind of question each is.
type Open = Mutex<HashMap<u32, u8>>;

async fn carry<S>(stream: S, library: UnixStream, fault: Arc<Mutex<Option<Fault>>>)
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
    *fault.lock().unwrap_or_else(PoisonError::into_inner) = ended.err();
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
            if let Some(question) = wire::question(message) {
                open.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .insert(question.id, question.operation);
            }
            to.write_all(message).await.map_err(broken)?;
            bytes.advance(length);
        }
        to.flush().await.map_err(broken)?;
    }
    Ok(())
}

/// Carries answers until the server has no more.
async fn answer(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    open: &Open,
) -> Result<(), Fault> {
    let mut bytes = BytesMut::new();
    let mut carried = 0_u64;
    loop {
        let read = from.read_buf(&mut bytes).await.map_err(broken)?;
        if read == 0 {
            return Err(Fault::Closed);
        }
        carried += read as u64;
        if carried > MOST {
            return Err(Fault::TooMuch);
        }
        loop {
            match wire::head(&bytes) {
                Head::Not => return Err(Fault::Garbage(looks(&bytes))),
                Head::TooLong => return Err(Fault::TooMuch),
                Head::More => break,
                Head::Message(length) => {
                    let Some(message) = bytes.get(..length) else { break };
                    if is_wanted(message, open)? {
                        to.write_all(message).await.map_err(broken)?;
                    }
                    bytes.advance(length);
                }
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
    let Some(question) = open.get(&answer.id).copied() else { return Ok(false) };
    match (question, answer.operation) {
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
        && super::secure::asks_for_certificate(*alert)
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
pub(super) async fn one_answer(from: &mut (impl AsyncRead + Unpin)) -> Result<BytesMut, Fault> {
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

#[cfg(test)]
mod tests;
