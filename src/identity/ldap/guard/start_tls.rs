//! StartTLS (RFC 4511 s4.14), spoken before the library is there: something that is said in the clear after
//! it was agreed is noticed.

use std::io;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};

use super::{Fault, looks, one_answer, wire};

/// Why there is no TLS.
#[derive(Debug)]
pub(in crate::identity) enum Refusal {
    /// The question could not be sent.
    Io(io::Error),
    /// It was answered, but not with yes: the code and the text.
    No(u32, String),
    /// Before TLS the connection ended, or something else was said.
    Fault(Fault),
    /// It was agreed, and more was said in the clear.
    Injected,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Refusal::Io(error) => error.fmt(f),
            Refusal::No(code, text) => write!(f, "StartTLS is refused with result {code} {text}"),
            Refusal::Fault(fault) => fault.fmt(f),
            Refusal::Injected => f.write_str("something was said in the clear after StartTLS"),
        }
    }
}

/// Asks for TLS. Nothing may come after the answer before TLS does.
pub(in crate::identity) async fn start(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
) -> Result<(), Refusal> {
    stream.write_all(wire::START_TLS).await.map_err(Refusal::Io)?;
    let bytes = one_answer(stream).await.map_err(Refusal::Fault)?;
    let garbage = || Refusal::Fault(Fault::Garbage(looks(&bytes)));
    let (length, message) = wire::first_answer(&bytes).ok_or_else(garbage)?;
    let result = message.result().ok_or_else(garbage)?;
    match result {
        (0, _) if length == bytes.len() => Ok(()),
        (0, _) => Err(Refusal::Injected),
        (code, text) => Err(Refusal::No(code, super::bounded(text))),
    }
}
